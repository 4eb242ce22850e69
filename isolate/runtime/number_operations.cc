#include <iterator>
#include <string>
#include <utility>

#include "isolate/data/equality.h"
#include "isolate/heap/poll.h"
#include "isolate/runtime/number_primitives.h"

namespace islet::vm {

Value RaiseFailure(Vm& vm, const char* who, const NumberStatus& status, const Value* args, uint32_t shift) {
  if (vm.ended()) return kException;
  const uint32_t index = status.argument == 0 ? 0 : status.argument - 1 + shift;
  switch (status.kind) {
    case NumberStatus::Kind::kDivideByZero:
      return vm.Error("divide-by-zero", who, "division by zero");
    case NumberStatus::Kind::kNoResult:
      return vm.OutOfRange(who, static_cast<int>(index) + 1, std::string("is not ") + status.expected, args[index]);
    case NumberStatus::Kind::kOk:
    case NumberStatus::Kind::kWrongType:
      return vm.WrongType(who, static_cast<int>(index) + 1, status.expected, args[index]);
    case NumberStatus::Kind::kTooLarge:
      if (status.bytes < kLargestNumber) break;
      return vm.Error("memory", who,
                      "needs " + std::to_string(status.bytes >> 10) + " KiB, and no number may take more than " +
                          std::to_string(kLargestNumber >> 10) + " KiB");
    case NumberStatus::Kind::kReserve:
      break;
  }
  return vm.OutOfMemory(who, status.bytes);
}

bool MadeRoom(Vm& vm, NumberStatus* status) {
  if (vm.ended() || status->kind != NumberStatus::Kind::kReserve) return false;
  const uint64_t bytes = status->bytes + NumberStatus::kDefaultAllowance;
  if (!vm.heap().Reserve(bytes)) return false;
  *status = NumberStatus();
  status->allowance = bytes;
  return true;
}

Value CallUnary(Vm& vm, const char* who, Value* args, UnaryOperation operation) {
  NumberStatus status;
  while (true) {
    const Value result = operation(vm.heap(), args[0], &status);
    if (__builtin_expect(result != kException && !vm.ended(), 1)) return result;
    if (!MadeRoom(vm, &status)) return RaiseFailure(vm, who, status, args, 0);
  }
}

Value CallBinary(Vm& vm, const char* who, Value* args, BinaryOperation operation) {
  NumberStatus status;
  while (true) {
    const Value result = operation(vm.heap(), args[0], args[1], &status);
    if (__builtin_expect(result != kException && !vm.ended(), 1)) return result;
    if (!MadeRoom(vm, &status)) return RaiseFailure(vm, who, status, args, 0);
  }
}

Value CallTernary(Vm& vm, const char* who, Value* args, TernaryOperation operation) {
  NumberStatus status;
  while (true) {
    const Value result = operation(vm.heap(), args[0], args[1], args[2], &status);
    if (__builtin_expect(result != kException && !vm.ended(), 1)) return result;
    if (!MadeRoom(vm, &status)) return RaiseFailure(vm, who, status, args, 0);
  }
}

Value Fold(Vm& vm, const char* who, Value* args, uint32_t argc, BinaryOperation operation) {
  NumberStatus status;
  Heap& heap = vm.heap();
  StepCounter steps;
  Value& sum = vm.scratch().back();  // `args` may lie in an old vector
  sum = args[0];
  for (uint32_t i = 1; i < argc && steps.Add(1);) {
    const Value result = operation(heap, sum, args[i], &status);
    if (result == kException || vm.ended()) {
      if (MadeRoom(vm, &status)) continue;
      // Past the first step, only args[i] can be at fault.
      if (status.argument == 2 || i > 1) status.argument = 2;
      return RaiseFailure(vm, who, status, args, status.argument == 2 ? i - 1 : 0);
    }
    const uint64_t bytes = NumberBytes(heap, result);
    (void)steps.Add(ContentSteps(heap, result) + ContentSteps(heap, args[i]));
    status.allowance -= bytes < status.allowance ? bytes : status.allowance;
    sum = result;
    ++i;
  }
  const Value result = std::exchange(sum, Value{});
  return vm.ended() ? kException : result;
}

}  // namespace islet::vm
