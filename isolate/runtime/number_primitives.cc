// The procedures of R7RS 6.2 on numbers, exact integers' bits (SRFI 151), and exact->inexact and
// its inverse (R5RS).
//
// Operations on numbers whose result may be large ask for room first (numbers/numbers.h, kReserve);
// since making room may move objects, operands live in args[], and intermediate results are kept
// there too.

#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

#include "absl/types/span.h"
#include "isolate/interpreter/vm.h"
#include "isolate/numbers/numbers.h"
#include "isolate/runtime/primitives.h"

namespace islet::vm {
namespace {

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

// ---- Errors, and room for large results.

// Raises what `status` says. Operand number n of the operation is args[n - 1 + shift].
Value RaiseFailure(Vm& vm, const char* who, const NumberStatus& status, const Value* args,
                   uint32_t shift) {
  const uint32_t index = status.argument == 0 ? 0 : status.argument - 1 + shift;
  switch (status.kind) {
    case NumberStatus::Kind::kDivideByZero:
      return vm.Error("divide-by-zero", who, "division by zero");
    case NumberStatus::Kind::kNoResult:
      return vm.OutOfRange(who, static_cast<int>(index) + 1,
                           std::string("is not ") + status.expected, args[index]);
    case NumberStatus::Kind::kOk:
    case NumberStatus::Kind::kWrongType:
      return vm.WrongType(who, static_cast<int>(index) + 1, status.expected, args[index]);
    case NumberStatus::Kind::kReserve:
    case NumberStatus::Kind::kTooLarge:
      break;
  }
  return vm.OutOfMemory(who, status.bytes);
}

// After a failure: true if the operation wanted room and has it now, so that it is to be done
// again.
bool MadeRoom(Vm& vm, NumberStatus* status) {
  if (status->kind != NumberStatus::Kind::kReserve) return false;
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
    if (__builtin_expect(result != kException, 1)) return result;
    if (!MadeRoom(vm, &status)) return RaiseFailure(vm, who, status, args, 0);
  }
}

Value CallBinary(Vm& vm, const char* who, Value* args, BinaryOperation operation) {
  NumberStatus status;
  while (true) {
    const Value result = operation(vm.heap(), args[0], args[1], &status);
    if (__builtin_expect(result != kException, 1)) return result;
    if (!MadeRoom(vm, &status)) return RaiseFailure(vm, who, status, args, 0);
  }
}

// (operation ... (operation args[0] args[1]) ... args[argc - 1]), with the intermediate results in
// args[0].
Value Fold(Vm& vm, const char* who, Value* args, uint32_t argc, BinaryOperation operation) {
  NumberStatus status;
  Heap& heap = vm.heap();
  for (uint32_t i = 1; i < argc;) {
    const Value result = operation(heap, args[0], args[i], &status);
    if (result == kException) {
      if (MadeRoom(vm, &status)) continue;
      // Past the first step, only args[i] can be at fault.
      if (status.argument == 2 || i > 1) status.argument = 2;
      return RaiseFailure(vm, who, status, args, status.argument == 2 ? i - 1 : 0);
    }
    const uint64_t bytes = NumberBytes(heap, result);
    status.allowance -= bytes < status.allowance ? bytes : status.allowance;
    args[0] = result;
    ++i;
  }
  return args[0];
}

template <Name who, UnaryOperation operation>
constexpr PrimitiveSpec Unary() {
  return {who.text,
          [](Vm& vm, Value* args, uint32_t) { return CallUnary(vm, who.text, args, operation); }, 1,
          1};
}

template <Name who, BinaryOperation operation>
constexpr PrimitiveSpec Binary() {
  return {who.text,
          [](Vm& vm, Value* args, uint32_t) { return CallBinary(vm, who.text, args, operation); },
          2, 2};
}

// An operation with a neutral element: (+), (gcd), (bitwise-and).
template <Name who, BinaryOperation operation, int kNeutral>
constexpr PrimitiveSpec Variadic() {
  return {who.text,
          [](Vm& vm, Value* args, uint32_t argc) {
            if (argc == 2) return CallBinary(vm, who.text, args, operation);
            if (argc == 0) return Value::Fixnum(kNeutral);
            if (argc > 2) return Fold(vm, who.text, args, argc, operation);
            // One argument: done with the neutral element, for the sake of its type check.
            Value pair[2] = {Value::Fixnum(kNeutral), args[0]};
            NumberStatus status;
            while (true) {
              pair[1] = args[0];
              const Value result = operation(vm.heap(), pair[1], pair[0], &status);
              if (result != kException) return result;
              if (!MadeRoom(vm, &status)) return RaiseFailure(vm, who.text, status, args, 0);
            }
          },
          0, -1};
}

// ---- Predicates.

template <Name who, bool (*predicate)(Heap&, Value)>
constexpr PrimitiveSpec Test() {
  return {
      who.text,
      [](Vm& vm, Value* args, uint32_t) { return Value::Boolean(predicate(vm.heap(), args[0])); },
      1, 1};
}

// A predicate that only numbers may be asked.
template <Name who, bool (*predicate)(Heap&, Value)>
constexpr PrimitiveSpec NumberTest() {
  return {who.text,
          [](Vm& vm, Value* args, uint32_t) {
            if (!IsNumber(vm.heap(), args[0])) {
              return vm.WrongType(who.text, 1, "a number", args[0]);
            }
            return Value::Boolean(predicate(vm.heap(), args[0]));
          },
          1, 1};
}

bool IsExactIntegerValue(Heap& heap, Value v) { return IsExactInteger(heap, v); }
bool IsExact(Heap&, Value v) { return !v.IsFlonum(); }
bool IsInexact(Heap&, Value v) { return v.IsFlonum(); }
bool IsFinite(Heap& heap, Value v) { return !v.IsFlonum() || std::isfinite(heap.flonum(v)); }
bool IsInfinite(Heap& heap, Value v) { return v.IsFlonum() && std::isinf(heap.flonum(v)); }
bool IsNan(Heap& heap, Value v) { return v.IsFlonum() && std::isnan(heap.flonum(v)); }
bool IsZero(Heap& heap, Value v) {
  return v == Value::Fixnum(0) || (v.IsFlonum() && heap.flonum(v) == 0);
}
bool IsPositive(Heap& heap, Value v) { return Sign(heap, v) > 0; }
bool IsNegative(Heap& heap, Value v) { return Sign(heap, v) < 0; }

template <Name who, bool kOdd>
constexpr PrimitiveSpec ParityTest() {
  return {who.text,
          [](Vm& vm, Value* args, uint32_t) {
            const std::optional<bool> odd = IsOdd(vm.heap(), args[0]);
            if (!odd) return vm.WrongType(who.text, 1, "an integer", args[0]);
            return Value::Boolean(*odd == kOdd);
          },
          1, 1};
}

// ---- Comparison.

// Whether `order` (Compare's result) is what the chain's relation wants.
using Relation = bool (*)(int order);

Value CompareChain(Vm& vm, const char* who, Value* args, uint32_t argc, Relation relation) {
  Heap& heap = vm.heap();
  for (uint32_t i = 0; i < argc; ++i) {
    if (!IsNumber(heap, args[i])) {
      return vm.WrongType(who, static_cast<int>(i) + 1, "a real number", args[i]);
    }
  }
  for (uint32_t i = 1; i < argc; ++i) {
    if (!relation(Compare(heap, args[i - 1], args[i]))) return kFalse;
  }
  return kTrue;
}

template <Name who, Relation relation>
constexpr PrimitiveSpec Comparison() {
  return {who.text,
          [](Vm& vm, Value* args, uint32_t argc) {
            if (argc == 2 && args[0].IsFlonum() && args[1].IsFlonum()) {
              return Value::Boolean(relation(Compare(vm.heap(), args[0], args[1])));
            }
            return CompareChain(vm, who.text, args, argc, relation);
          },
          1, -1};
}

bool IsEqualOrder(int order) { return order == 0; }
bool IsLessOrder(int order) { return order == -1; }
bool IsGreaterOrder(int order) { return order == 1; }
bool IsLessOrEqualOrder(int order) { return order <= 0; }
bool IsGreaterOrEqualOrder(int order) { return order == 0 || order == 1; }

// max (sign 1) or min (sign -1). One inexact argument makes the result inexact, one NaN makes it
// NaN.
Value Extreme(Vm& vm, const char* who, Value* args, uint32_t argc, int sign) {
  Heap& heap = vm.heap();
  bool inexact = false;
  uint32_t best = 0;
  for (uint32_t i = 0; i < argc; ++i) {
    if (!IsNumber(heap, args[i])) {
      return vm.WrongType(who, static_cast<int>(i) + 1, "a real number", args[i]);
    }
    inexact = inexact || args[i].IsFlonum();
    if (IsNan(heap, args[best])) continue;
    if (IsNan(heap, args[i]) || Compare(heap, args[i], args[best]) == sign) best = i;
  }
  const Value result = args[best];
  return inexact && !result.IsFlonum() ? FromDouble(heap, ToDouble(heap, result)) : result;
}

Value MaxPrimitive(Vm& vm, Value* args, uint32_t argc) { return Extreme(vm, "max", args, argc, 1); }
Value MinPrimitive(Vm& vm, Value* args, uint32_t argc) {
  return Extreme(vm, "min", args, argc, -1);
}

// ---- Arithmetic that is not simply an operation.

Value Reciprocal(Heap& heap, Value v, NumberStatus* status) {
  const Value result = Divide(heap, Value::Fixnum(1), v, status);
  if (result == kException) status->argument = 1;
  return result;
}

Value SubtractPrimitive(Vm& vm, Value* args, uint32_t argc) {
  if (argc == 2) return CallBinary(vm, "-", args, Subtract);
  if (argc == 1) return CallUnary(vm, "-", args, Negate);
  return Fold(vm, "-", args, argc, Subtract);
}

Value DividePrimitive(Vm& vm, Value* args, uint32_t argc) {
  if (argc == 2) return CallBinary(vm, "/", args, Divide);
  if (argc == 1) return CallUnary(vm, "/", args, Reciprocal);
  return Fold(vm, "/", args, argc, Divide);
}

Value SquareOf(Heap& heap, Value v, NumberStatus* status) { return Multiply(heap, v, v, status); }

// Calls `operation(&first, &second, &status)` and returns the two values it sets.
template <typename Operation>
Value TwoValues(Vm& vm, const char* who, Value* args, Operation operation) {
  NumberStatus status;
  while (true) {
    Value first;
    Value second;
    if (operation(&first, &second, &status)) {
      vm.values().assign({first, second});
      return kMultipleValues;
    }
    if (!MadeRoom(vm, &status)) return RaiseFailure(vm, who, status, args, 0);
  }
}

template <Name who, Rounding rounding>
constexpr PrimitiveSpec Division() {
  return {who.text,
          [](Vm& vm, Value* args, uint32_t) {
            return TwoValues(vm, who.text, args, [&](Value* q, Value* r, NumberStatus* status) {
              return DivideIntegers(vm.heap(), args[0], args[1], rounding, q, r, status);
            });
          },
          2, 2};
}

Value FloorQuotient(Heap& heap, Value n, Value d, NumberStatus* status) {
  Value q;
  return DivideIntegers(heap, n, d, Rounding::kFloor, &q, nullptr, status) ? q : kException;
}

Value ExactIntegerSqrtPrimitive(Vm& vm, Value* args, uint32_t) {
  return TwoValues(vm, "exact-integer-sqrt", args, [&](Value* s, Value* r, NumberStatus* status) {
    return ExactIntegerSqrt(vm.heap(), args[0], s, r, status);
  });
}

Value LogPrimitive(Vm& vm, Value* args, uint32_t argc) {
  return argc == 1 ? CallUnary(vm, "log", args, Log) : CallBinary(vm, "log", args, LogBase);
}

Value AtanPrimitive(Vm& vm, Value* args, uint32_t argc) {
  return argc == 1 ? CallUnary(vm, "atan", args, Atan) : CallBinary(vm, "atan", args, Atan2);
}

// ---- Real numbers as complex ones (R7RS 6.2.6).

Value RealPart(Heap& heap, Value v, NumberStatus* status) {
  return IsNumber(heap, v) ? v : Abs(heap, v, status);  // which reports the wrong type
}

Value ImagPart(Heap& heap, Value v, NumberStatus* status) {
  return IsNumber(heap, v) ? Value::Fixnum(0) : Abs(heap, v, status);
}

Value Angle(Heap& heap, Value v, NumberStatus* status) {
  if (!IsNumber(heap, v)) return Abs(heap, v, status);
  if (v.IsFlonum()) return FromDouble(heap, std::atan2(0.0, heap.flonum(v)));
  return Sign(heap, v) < 0 ? FromDouble(heap, std::atan2(0.0, -1.0)) : Value::Fixnum(0);
}

// ---- Text.

// The optional radix argument; 0 after raising.
int RadixArgument(Vm& vm, const char* who, const Value* args, uint32_t argc) {
  if (argc < 2) return 10;
  if (!args[1].IsFixnum()) {
    vm.WrongType(who, 2, "an exact integer", args[1]);
    return 0;
  }
  if (args[1].fixnum() < 2 || args[1].fixnum() > 36) {
    vm.OutOfRange(who, 2, "is not from 2 to 36", args[1]);
    return 0;
  }
  return args[1].fixnum();
}

Value NumberToStringPrimitive(Vm& vm, Value* args, uint32_t argc) {
  constexpr char kWho[] = "number->string";
  if (!IsNumber(vm.heap(), args[0])) return vm.WrongType(kWho, 1, "a number", args[0]);
  const int radix = RadixArgument(vm, kWho, args, argc);
  if (radix == 0) return kException;
  const uint64_t bytes = NumberTextBytes(vm.heap(), args[0], radix);
  if (bytes > NumberStatus::kDefaultAllowance && !vm.heap().Reserve(bytes)) {
    return vm.OutOfMemory(kWho, bytes);
  }
  return vm.MakeString(NumberToString(vm.heap(), args[0], radix));
}

Value StringToNumberPrimitive(Vm& vm, Value* args, uint32_t argc) {
  constexpr char kWho[] = "string->number";
  const String* string = vm.heap().TryGet<String>(args[0]);
  if (string == nullptr) return vm.WrongType(kWho, 1, "a string", args[0]);
  const int radix = RadixArgument(vm, kWho, args, argc);
  if (radix == 0) return kException;
  const uint64_t bytes = uint64_t{string->length} + NumberStatus::kDefaultAllowance;
  if (bytes > Heap::kSlack && !vm.heap().Reserve(bytes)) return vm.OutOfMemory(kWho, bytes);
  const std::string text = vm.ToUtf8(args[0]);
  return ParseNumber(vm.heap(), absl::string_view(text.data(), text.size()), radix)
      .value_or(kFalse);
}

// ---- The table.

constexpr PrimitiveSpec kNumberPrimitives[] = {
    Test<"number?", IsNumber>(),
    Test<"complex?", IsNumber>(),
    Test<"real?", IsNumber>(),
    Test<"rational?", IsRational>(),
    Test<"integer?", IsInteger>(),
    Test<"exact-rational?", IsExactRational>(),
    Test<"exact-integer?", IsExactIntegerValue>(),
    NumberTest<"exact?", IsExact>(),
    NumberTest<"inexact?", IsInexact>(),
    NumberTest<"finite?", IsFinite>(),
    NumberTest<"infinite?", IsInfinite>(),
    NumberTest<"nan?", IsNan>(),
    NumberTest<"zero?", IsZero>(),
    NumberTest<"positive?", IsPositive>(),
    NumberTest<"negative?", IsNegative>(),
    ParityTest<"odd?", true>(),
    ParityTest<"even?", false>(),
    Comparison<"=", IsEqualOrder>(),
    Comparison<"<", IsLessOrder>(),
    Comparison<">", IsGreaterOrder>(),
    Comparison<"<=", IsLessOrEqualOrder>(),
    Comparison<">=", IsGreaterOrEqualOrder>(),
    {"max", MaxPrimitive, 1, -1},
    {"min", MinPrimitive, 1, -1},
    Variadic<"+", Add, 0>(),
    Variadic<"*", Multiply, 1>(),
    {"-", SubtractPrimitive, 1, -1},
    {"/", DividePrimitive, 1, -1},
    Unary<"abs", Abs>(),
    Unary<"magnitude", Abs>(),
    Unary<"square", SquareOf>(),
    Division<"floor/", Rounding::kFloor>(),
    Division<"truncate/", Rounding::kTruncate>(),
    Binary<"floor-quotient", FloorQuotient>(),
    Binary<"floor-remainder", Modulo>(),
    Binary<"truncate-quotient", Quotient>(),
    Binary<"truncate-remainder", Remainder>(),
    Binary<"quotient", Quotient>(),
    Binary<"remainder", Remainder>(),
    Binary<"modulo", Modulo>(),
    Variadic<"gcd", Gcd, 0>(),
    Variadic<"lcm", Lcm, 1>(),
    Unary<"numerator", Numerator>(),
    Unary<"denominator", Denominator>(),
    Unary<"floor", Floor>(),
    Unary<"ceiling", Ceiling>(),
    Unary<"truncate", Truncate>(),
    Unary<"round", Round>(),
    Binary<"rationalize", Rationalize>(),
    Unary<"exp", Exp>(),
    {"log", LogPrimitive, 1, 2},
    Unary<"sin", Sin>(),
    Unary<"cos", Cos>(),
    Unary<"tan", Tan>(),
    Unary<"asin", Asin>(),
    Unary<"acos", Acos>(),
    {"atan", AtanPrimitive, 1, 2},
    Unary<"sqrt", Sqrt>(),
    {"exact-integer-sqrt", ExactIntegerSqrtPrimitive, 1, 1},
    Binary<"expt", Expt>(),
    Unary<"real-part", RealPart>(),
    Unary<"imag-part", ImagPart>(),
    Unary<"angle", Angle>(),
    Unary<"exact", Exact>(),
    Unary<"inexact", Inexact>(),
    Unary<"inexact->exact", Exact>(),
    Unary<"exact->inexact", Inexact>(),
    {"number->string", NumberToStringPrimitive, 1, 2},
    {"string->number", StringToNumberPrimitive, 1, 2},
    Variadic<"bitwise-and", BitwiseAnd, -1>(),
    Variadic<"bitwise-ior", BitwiseIor, 0>(),
    Variadic<"bitwise-xor", BitwiseXor, 0>(),
    Unary<"bitwise-not", BitwiseNot>(),
    Binary<"arithmetic-shift", ArithmeticShift>(),
    Unary<"bit-count", BitCount>(),
    Unary<"integer-length", IntegerLength>(),
    Unary<"first-set-bit", FirstSetBit>(),
    Binary<"bit-set?", IsBitSet>(),
};

}  // namespace

absl::Span<const PrimitiveSpec> NumberPrimitives() { return kNumberPrimitives; }

}  // namespace islet::vm
