#include "isolate/interpreter/limits.h"

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "isolate/interpreter/embedder.h"
#include "isolate/interpreter/failure.h"
#include "isolate/interpreter/run.h"
#include "isolate/interpreter/vm.h"

namespace islet::vm {
namespace {

// In KiB if it is a whole number of them.
std::string Size(uint64_t bytes) {
  return bytes % 1024 == 0 && bytes != 0 ? absl::StrCat(bytes >> 10, " KiB") : absl::StrCat(bytes, " bytes");
}

// "50 ms", "1.5 s": exactly, in the largest unit of which there is one.
std::string Duration(int64_t nanoseconds) {
  constexpr struct {
    int64_t size;
    const char* name;
  } kUnits[] = {{1'000'000'000, "s"}, {1'000'000, "ms"}, {1000, "us"}};
  for (const auto& unit : kUnits) {
    if (nanoseconds < unit.size) continue;
    std::string text = absl::StrCat(nanoseconds / unit.size);
    if (const int64_t rest = nanoseconds % unit.size; rest != 0) {
      std::string digits = absl::StrCat(unit.size + rest);  // a one, and what stands behind the point
      digits.erase(digits.find_last_not_of('0') + 1);
      text += digits.replace(0, 1, ".");
    }
    return absl::StrCat(text, " ", unit.name);
  }
  return absl::StrCat(nanoseconds, " ns");
}

Failure Termination(absl::StatusCode code, std::string message) {
  Failure failure;
  failure.kind = Failure::Kind::kTermination;
  failure.code = code;
  failure.message = std::move(message);
  return failure;
}

std::string HeapLimitText(const Vm& vm, absl::string_view doing) {
  return absl::StrCat("heap limit of ", Size(const_cast<Vm&>(vm).heap().EffectiveLimit()), " reached",
                      doing.empty() ? "" : " ", doing, "; raise it in the isolate's options, or keep less data alive");
}

Failure FailureOf(const Vm& vm, Limit limit) {
  const auto reached = [limit](const std::string& amount, absl::string_view remedy) {
    return absl::StrCat(LimitName(limit), " limit of ", amount, " reached; raise it in the isolate's options, or ",
                        remedy);
  };
  const LimitFigures& figures = vm.attachments().limit_figures;
  switch (limit) {
    case Limit::kHeap:
      return Termination(absl::StatusCode::kResourceExhausted, HeapLimitText(vm, ""));
    case Limit::kStack:
      return Termination(absl::StatusCode::kResourceExhausted,
                         reached(Size(State(vm).most_stack_words * sizeof(Value)), "recurse less deeply"));
    case Limit::kFuel:
      return Termination(absl::StatusCode::kResourceExhausted,
                         reached(absl::StrCat(figures.fuel, " instructions"), "do less in one call"));
    case Limit::kCpuTime:
      return Termination(absl::StatusCode::kDeadlineExceeded,
                         reached(Duration(figures.cpu_nanoseconds), "do less in one call"));
    default:
      return Termination(absl::StatusCode::kDeadlineExceeded,
                         reached(Duration(figures.wall_nanoseconds), "do less in one call"));
  }
}

// With a backtrace, made as for a condition, though the program never sees one.
Failure Traced(Vm& vm, Failure failure) {
  if (vm.embedder() == nullptr) return failure;
  const Value condition = vm.MakeCondition("limit", "", failure.message, kNull);
  Value trace = vm.heap().Get<Condition>(condition)->backtrace;
  if (trace == kFalse) trace = vm.CaptureBacktrace();  // outside of any run: an empty one
  failure.frames = vm.embedder()->Describe(condition, trace).frames;
  return failure;
}

}  // namespace

const char* LimitName(Limit limit) {
  switch (limit) {
    case Limit::kHeap:
      return "heap";
    case Limit::kStack:
      return "stack";
    case Limit::kFuel:
      return "fuel";
    case Limit::kCpuTime:
      return "cpu-time";
    case Limit::kWallTime:
      return "wall-time";
    case Limit::kNone:
      break;
  }
  return "";
}

bool MayGoOn(Vm& vm, Limit limit) {
  if (vm.embedder() != nullptr && vm.embedder()->RaiseLimit(limit)) return true;
  GiveUp(vm, limit);
  return false;
}

void GiveUp(Vm& vm, Limit limit) {
  Failure failure = FailureOf(vm, limit);
  failure.limit = limit;
  vm.End(Traced(vm, std::move(failure)));
}

absl::Status DisposedStatus() {
  return absl::FailedPreconditionError(
      "the isolate has been disposed of, or given back to its pool, while it was in use");
}

absl::Status StackTooSmall(size_t least) {
  const size_t left = RemainingStack();
  if (left == 0) {
    return absl::ResourceExhaustedError(
        "this code runs on a stack that is not the thread's, so nobody knows how much of it is left: announce it (by an"
        " islet::FiberStack, or islet_stack_announce)");
  }
  return absl::ResourceExhaustedError(absl::StrCat("only ", left >> 10,
                                                   " KiB are left of the thread's or fiber's stack, and ", least >> 10,
                                                   " are needed: give it more, or nest fewer calls"));
}

absl::Status NoTimerStatus(absl::string_view reason) {
  return absl::ResourceExhaustedError(
      absl::StrCat("the call's time cannot be limited, as no thread can be made that does it: ", reason));
}

void GiveUpNested(Vm& vm) {
  vm.End(Traced(vm, Termination(absl::StatusCode::kResourceExhausted,
                                "no stack left for a procedure: too many nested calls from Lisp into the host and "
                                "back")));
}

void GiveUpInterrupted(Vm& vm) { vm.End(Traced(vm, Termination(absl::StatusCode::kCancelled, "interrupted"))); }

absl::Status HeapLimitStatus(const Vm& vm, absl::string_view doing) {
  Failure failure;
  failure.code = absl::StatusCode::kResourceExhausted;
  failure.message = HeapLimitText(vm, doing);
  failure.limit = Limit::kHeap;
  return failure.ToStatus();
}

uint64_t StackAllowance(const Vm& vm) {
  if (State(vm).most_stack_words == kNoStackLimit) return kNoStackLimit;
  Heap& heap = const_cast<Vm&>(vm).heap();
  uint64_t in_heap = 0;
  if (State(vm).continuation != kFalse) {
    in_heap = static_cast<uint64_t>(heap.Get<Continuation>(State(vm).continuation)->depth.fixnum());
  }
  return State(vm).most_stack_words > in_heap ? State(vm).most_stack_words - in_heap : 0;
}

}  // namespace islet::vm
