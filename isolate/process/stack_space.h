// How much of the C++ stack is left. Calls into an isolate ask when they begin, and so does what recurses, or takes
// much at once: below the end of a stack there is a guard page at best.

#ifndef ISLET_ISOLATE_PROCESS_STACK_SPACE_H_
#define ISLET_ISOLATE_PROCESS_STACK_SPACE_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace islet::vm {

// Code that the sanitizers have changed takes more.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr size_t kStackScale = 4;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
inline constexpr size_t kStackScale = 4;
#else
inline constexpr size_t kStackScale = 1;
#endif
#else
inline constexpr size_t kStackScale = 1;
#endif

// A host's call is refused where less of the stack is left. So much is enough for every built-in procedure but those
// that ask for themselves. Measured by tests/small_stack_test.cc.
inline constexpr size_t kLeastStack = kStackScale * (size_t{24} << 10);

// Bytes below the caller's frame that this thread may still use; 0 on a stack that is neither the thread's own nor
// announced.
size_t RemainingStack();

// From now on, code that runs in [low, low + bytes), on any thread, has that for its stack. Not overlapping others.
// Throws std::bad_alloc.
void AnnounceStack(const void* low, size_t bytes);
// Not any more.
void ForgetStack(const void* low);

// Runs `f` where so many bytes of stack are left: here, or on a stack that is made for it. `f` must not throw, nor call
// what asks how much is left. Throws std::bad_alloc if it cannot be made.
template <typename F>
void WithStack(size_t bytes, F&& f);

// ---- How RemainingStack knows.

// The stack on which this thread has asked last.
struct StackCache {
  uintptr_t low = 0;
  uintptr_t bytes = 0;
  uint64_t announcements = 0;
};
inline constinit thread_local StackCache stack_cache;
// Counts what has been announced and forgotten.
inline constinit std::atomic<uint64_t> stack_announcements{0};
size_t FindStack(uintptr_t here);

inline size_t RemainingStack() {
  const uintptr_t here = reinterpret_cast<uintptr_t>(__builtin_frame_address(0));
  const StackCache& cache = stack_cache;
  const uintptr_t left = here - cache.low;
  if (left < cache.bytes && cache.announcements == stack_announcements.load(std::memory_order_acquire)) return left;
  return FindStack(here);
}

// ---- How WithStack does it.

void OnOtherStack(size_t bytes, void (*run)(void*), void* context);

template <typename F>
void WithStack(size_t bytes, F&& f) {
  if (RemainingStack() >= bytes) {
    f();
  } else {
    OnOtherStack(bytes, [](void* context) { (*static_cast<std::remove_reference_t<F>*>(context))(); }, &f);
  }
}

}  // namespace islet::vm

#endif  // ISLET_ISOLATE_PROCESS_STACK_SPACE_H_
