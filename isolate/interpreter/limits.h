// Limits of what a run may use up: instructions, depth of the stack, time, memory; and how it ends at one.
//
// Limits are looked at where interrupts are: at calls, at backward jumps, and where primitives poll
// (Vm::Poll). The run then ends with a Status that no handler and no dynamic-wind of the program
// sees, unless the host raises the limit.

#ifndef ISLET_ISOLATE_INTERPRETER_LIMITS_H_
#define ISLET_ISOLATE_INTERPRETER_LIMITS_H_

#include <cstddef>
#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "isolate/process/stack_space.h"

namespace islet::vm {

class Vm;

enum class Limit : int { kNone, kHeap, kStack, kFuel, kCpuTime, kWallTime };
// "heap", "stack", "fuel", "cpu-time", "wall-time"; "" for kNone.
const char* LimitName(Limit limit);

// Limits as the embedder has set them, for messages.
struct LimitFigures {
  uint64_t fuel = 0;  // instructions
  int64_t cpu_nanoseconds = 0;
  int64_t wall_nanoseconds = 0;
};

// Which limit `status` is about (failure.cc).
Limit LimitReached(const absl::Status& status);

// A limit is reached. True: the host has raised it (Embedder::RaiseLimit), the run goes on. False: the
// run is being given up.
bool MayGoOn(Vm& vm, Limit limit);
// Gives up the run because of a limit, with a backtrace. Allocates a little; not a safepoint.
void GiveUp(Vm& vm, Limit limit);
// The same because calls through the host, nested within each other, have taken all of the machine's stack.
void GiveUpNested(Vm& vm);
// The same for an interrupt.
void GiveUpInterrupted(Vm& vm);
// ResourceExhausted if less than `least` bytes of the C++ stack are left.
absl::Status StackTooSmall(size_t least);
inline absl::Status CheckStack(size_t least = kLeastStack) {
  if (__builtin_expect(RemainingStack() >= least, 1)) return absl::OkStatus();
  return StackTooSmall(least);
}
// The end of a run whose time cannot be limited, as no thread can be made that does. `reason` is the system's.
absl::Status NoTimerStatus(absl::string_view reason);
// The end of a run in an isolate that has been disposed of meanwhile.
absl::Status DisposedStatus();

// For C++ outside of a run, to return when Reserve has failed. `doing` reads like "while expanding", or is empty.
absl::Status HeapLimitStatus(const Vm& vm, absl::string_view doing);

// Words that the stack may take, what of it is in the heap not counted; kNoStackLimit if there is
// no limit.
constexpr uint64_t kNoStackLimit = ~uint64_t{0};
uint64_t StackAllowance(const Vm& vm);

}  // namespace islet::vm

#endif  // ISLET_ISOLATE_INTERPRETER_LIMITS_H_
