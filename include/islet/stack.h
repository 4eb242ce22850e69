// The stack on which a host calls Islet. Scripts recurse in their isolate, not here; but what is built in takes some of
// it.
//
// Calls that find too little left (isolates and snapshots being made; Eval, Call and the like; values being looked
// into) give ResourceExhausted, and nothing has happened. A host function that calls back takes part of what was left
// when it was called.
//
// The system knows the stack of a thread. Code that runs on a stack which the host has made itself (a fiber, a
// coroutine with a stack) announces it first, or every call gives ResourceExhausted: how much is left cannot be
// guessed.
//
//   struct Fiber {
//     std::array<char, 256 << 10> stack;
//     islet::FiberStack announced{stack.data(), stack.size()};
//   };
//
// An isolate is entered by a thread, not by a fiber: what runs in between on the same thread finds it entered, and a
// fiber that goes on on another thread has left it. So a fiber does not switch while it is inside of one, or all that
// do share it.

#ifndef ISLET_STACK_H_
#define ISLET_STACK_H_

#include <cstddef>

namespace islet {

// Bytes that must be left for a call; four times as many in programs with AddressSanitizer or ThreadSanitizer. Reading
// and compiling a text (Eval and what is like it, `eval` and `load` in scripts) takes more, the deeper its forms are
// nested: from some 64 KiB on that is of no concern to most programs, and where there is not enough it is an error of
// the text.
inline constexpr size_t kLeastStack = size_t{24} << 10;

// Says that [low, low + bytes) is the stack of whatever code runs in it, on any thread, as long as this lives. Such
// ranges do not overlap. Any thread. Throws std::bad_alloc.
class FiberStack {
 public:
  FiberStack(const void* low, size_t bytes);
  ~FiberStack();
  FiberStack(const FiberStack&) = delete;
  FiberStack& operator=(const FiberStack&) = delete;

 private:
  const void* const low_;
};

}  // namespace islet

#endif  // ISLET_STACK_H_
