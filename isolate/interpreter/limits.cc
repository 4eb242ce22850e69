#include "isolate/interpreter/limits.h"

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "isolate/interpreter/run.h"
#include "isolate/interpreter/vm.h"

namespace islet::vm {
namespace {

constexpr char kLimitPayload[] = "islet/limit";

void Mark(Limit limit, absl::Status* status) {
  const char number = static_cast<char>(limit);
  status->SetPayload(kLimitPayload, absl::Cord(absl::string_view(&number, 1)));
}

absl::Status StatusOf(const Vm& vm, Limit limit) {
  switch (limit) {
    case Limit::kHeap:
      return HeapLimitStatus(vm, "");
    case Limit::kStack:
      return absl::ResourceExhaustedError(
          absl::StrCat("stack limit of ", vm.most_stack_words_ * sizeof(Value) >> 10,
                       " KiB reached; raise it in the isolate's options, or recurse less deeply"));
    case Limit::kFuel:
      return absl::ResourceExhaustedError(
          "out of fuel: the call has carried out as many instructions as it may");
    case Limit::kCpuTime:
      return absl::DeadlineExceededError("processor time limit reached");
    default:
      return absl::DeadlineExceededError("time limit reached");
  }
}

// With a backtrace, made as for a condition, though the program never sees one.
absl::Status Traced(Vm& vm, const absl::Status& status) {
  if (vm.describe_hook == nullptr) return status;
  const std::string message(status.message());
  const Value condition = vm.MakeCondition("limit", "", message, kNull);
  Value trace = vm.heap().Get<Condition>(condition)->backtrace;
  if (trace == kFalse) trace = vm.CaptureBacktrace();  // outside of any run: an empty one
  return absl::Status(status.code(), vm.describe_hook(vm, condition, trace));
}

}  // namespace

Limit LimitReached(const absl::Status& status) {
  const auto payload = status.GetPayload(kLimitPayload);
  if (!payload.has_value() || payload->size() != 1) return Limit::kNone;
  return static_cast<Limit>((*payload)[0]);
}

bool MayGoOn(Vm& vm, Limit limit) {
  if (vm.limit_hook != nullptr && vm.limit_hook(vm, limit)) return true;
  GiveUp(vm, limit);
  return false;
}

void GiveUp(Vm& vm, Limit limit) {
  absl::Status status = Traced(vm, StatusOf(vm, limit));
  Mark(limit, &status);
  vm.Terminate(std::move(status));
}

void GiveUpInterrupted(Vm& vm) { vm.Terminate(Traced(vm, absl::CancelledError("interrupted"))); }

absl::Status HeapLimitStatus(const Vm& vm, std::string_view doing) {
  absl::Status status = absl::ResourceExhaustedError(absl::StrCat(
      "heap limit of ", const_cast<Vm&>(vm).heap().EffectiveLimit() >> 10, " KiB reached",
      doing.empty() ? "" : " ", absl::string_view(doing.data(), doing.size()),
      "; raise it in the isolate's options, or keep less data alive"));
  Mark(Limit::kHeap, &status);
  return status;
}

uint64_t StackAllowance(const Vm& vm) {
  if (vm.most_stack_words_ == kNoStackLimit) return kNoStackLimit;
  Heap& heap = const_cast<Vm&>(vm).heap();
  uint64_t in_heap = 0;
  if (vm.continuation_ != kFalse) {
    in_heap = static_cast<uint64_t>(heap.Get<Continuation>(vm.continuation_)->depth.fixnum());
  }
  return vm.most_stack_words_ > in_heap ? vm.most_stack_words_ - in_heap : 0;
}

}  // namespace islet::vm
