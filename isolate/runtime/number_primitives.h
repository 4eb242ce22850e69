// Makes primitives of operations on numbers: failures of theirs become conditions.
//
// Operations whose result may be large ask for room first (numbers/numbers.h, kReserve); since
// making room may move objects, operands live in args[], and intermediate results are kept there
// too.

#ifndef ISLET_ISOLATE_RUNTIME_NUMBER_PRIMITIVES_H_
#define ISLET_ISOLATE_RUNTIME_NUMBER_PRIMITIVES_H_

#include <cstddef>
#include <cstdint>

#include "isolate/interpreter/vm.h"
#include "isolate/numbers/numbers.h"
#include "isolate/runtime/primitives.h"

namespace islet::vm {

// The name under which a primitive reports errors, as a template argument.
template <size_t kSize>
struct Name {
  constexpr Name(const char (&name)[kSize]) {  // NOLINT: implicit, from a literal
    for (size_t i = 0; i < kSize; ++i) text[i] = name[i];
  }
  char text[kSize];
};

using UnaryOperation = Value (*)(Heap&, Value, NumberStatus*);
using BinaryOperation = Value (*)(Heap&, Value, Value, NumberStatus*);

using TernaryOperation = Value (*)(Heap&, Value, Value, Value, NumberStatus*);

// Raises what `status` says. Operand number n of the operation is args[n - 1 + shift].
Value RaiseFailure(Vm& vm, const char* who, const NumberStatus& status, const Value* args, uint32_t shift);
// After a failure: true if the operation wanted room and has it now, so that it is to be done
// again.
bool MadeRoom(Vm& vm, NumberStatus* status);
// The operation's result, or a condition.
Value CallUnary(Vm& vm, const char* who, Value* args, UnaryOperation operation);
Value CallBinary(Vm& vm, const char* who, Value* args, BinaryOperation operation);
Value CallTernary(Vm& vm, const char* who, Value* args, TernaryOperation operation);
// (operation ... (operation args[0] args[1]) ... args[argc - 1]), with the intermediate results in
// args[0].
Value Fold(Vm& vm, const char* who, Value* args, uint32_t argc, BinaryOperation operation);

template <Name who, UnaryOperation operation>
constexpr PrimitiveSpec Unary() {
  return {who.text, [](Vm& vm, Value* args, uint32_t) { return CallUnary(vm, who.text, args, operation); }, 1, 1};
}

template <Name who, BinaryOperation operation>
constexpr PrimitiveSpec Binary() {
  return {who.text, [](Vm& vm, Value* args, uint32_t) { return CallBinary(vm, who.text, args, operation); }, 2, 2};
}

template <Name who, TernaryOperation operation>
constexpr PrimitiveSpec Ternary() {
  return {who.text, [](Vm& vm, Value* args, uint32_t) { return CallTernary(vm, who.text, args, operation); }, 3, 3};
}

// An operation with a neutral element: (+), (gcd), (bitwise-and).
template <Name who, BinaryOperation operation, int kNeutral>
constexpr PrimitiveSpec Variadic() {
  return {who.text,
          [](Vm& vm, Value* args, uint32_t argc) {
            if (argc == 2) return CallBinary(vm, who.text, args, operation);
            if (argc == 0) return Value::Fixnum(kNeutral);
            if (argc > 2) return Fold(vm, who.text, args, argc, operation);
            // -0.0 is its own sum, and not that with the neutral element, which is 0.0.
            if (operation == Add && args[0].IsFlonum()) return args[0];
            // One argument: done with the neutral element, for the sake of its type check.
            Value pair[2] = {Value::Fixnum(kNeutral), args[0]};
            NumberStatus status;
            while (true) {
              pair[1] = args[0];
              const Value result = operation(vm.heap(), pair[1], pair[0], &status);
              if (result != kException && !vm.ended()) return result;
              if (!MadeRoom(vm, &status)) return RaiseFailure(vm, who.text, status, args, 0);
            }
          },
          0, -1};
}

}  // namespace islet::vm

#endif  // ISLET_ISOLATE_RUNTIME_NUMBER_PRIMITIVES_H_
