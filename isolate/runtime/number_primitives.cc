// The procedures of R7RS 6.2 on numbers, and exact->inexact and its inverse (R5RS).

#include "isolate/runtime/number_primitives.h"

#include <cmath>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "isolate/data/equality.h"
#include "isolate/heap/poll.h"
#include "isolate/heap/scratch.h"
#include "isolate/interpreter/vm.h"
#include "isolate/numbers/numbers.h"
#include "isolate/runtime/arguments.h"
#include "isolate/runtime/primitives.h"

namespace islet::vm {
namespace {

// ---- Predicates.

template <Name who, bool (*predicate)(Heap&, Value)>
constexpr PrimitiveSpec Test() {
  return {who.text, [](Vm& vm, Value* args, uint32_t) { return Value::Boolean(predicate(vm.heap(), args[0])); }, 1, 1};
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

// A predicate that only real numbers may be asked.
template <Name who, bool (*predicate)(Heap&, Value)>
constexpr PrimitiveSpec RealTest() {
  return {who.text,
          [](Vm& vm, Value* args, uint32_t) {
            if (!IsReal(vm.heap(), args[0])) {
              return vm.WrongType(who.text, 1, "a real number", args[0]);
            }
            return Value::Boolean(predicate(vm.heap(), args[0]));
          },
          1, 1};
}

bool IsExactIntegerValue(Heap& heap, Value v) { return IsExactInteger(heap, v); }
bool IsInexact(Heap& heap, Value v) { return !IsExact(heap, v); }

// Of a complex number, whether either part is infinite, or NaN (R7RS 6.2.6).
template <typename Predicate>
bool AnyPart(Heap& heap, Value v, Predicate predicate) {
  if (v.IsFlonum()) return predicate(heap.flonum(v));
  const Compnum* z = heap.TryGet<Compnum>(v);
  return z != nullptr && (predicate(z->real) || predicate(z->imaginary));
}
bool IsInfinite(Heap& heap, Value v) {
  return AnyPart(heap, v, [](double d) { return std::isinf(d); });
}
bool IsNan(Heap& heap, Value v) {
  return AnyPart(heap, v, [](double d) { return std::isnan(d); });
}
bool IsFinite(Heap& heap, Value v) {
  return !AnyPart(heap, v, [](double d) { return !std::isfinite(d); });
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

// The steps that comparing two numbers takes. Numbers of different sizes, mostly a fixnum and a bignum, are told apart
// at once.
uint64_t ComparisonSteps(const Heap& heap, Value a, Value b) {
  if (a.IsFixnum() || b.IsFixnum()) return 1;
  return 1 + ContentSteps(heap, a) + ContentSteps(heap, b);
}

Value CompareChain(Vm& vm, const char* who, Value* args, uint32_t argc, Relation relation) {
  Heap& heap = vm.heap();
  StepCounter steps;
  for (uint32_t i = 0; i < argc && steps.Add(1); ++i) {
    if (!IsReal(heap, args[i])) {
      return vm.WrongType(who, static_cast<int>(i) + 1, "a real number", args[i]);
    }
  }
  for (uint32_t i = 1; i < argc && steps.Add(ComparisonSteps(heap, args[i - 1], args[i])); ++i) {
    const int order = Compare(heap, args[i - 1], args[i]);
    if (vm.ended()) return kException;
    if (!relation(order)) return kFalse;
  }
  return vm.ended() ? kException : kTrue;
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

bool IsLessOrder(int order) { return order == -1; }
bool IsGreaterOrder(int order) { return order == 1; }
bool IsLessOrEqualOrder(int order) { return order <= 0; }
bool IsGreaterOrEqualOrder(int order) { return order == 0 || order == 1; }

// =, which unlike the others compares any numbers.
Value NumEqualPrimitive(Vm& vm, Value* args, uint32_t argc) {
  Heap& heap = vm.heap();
  StepCounter steps;
  for (uint32_t i = 0; i < argc && steps.Add(1); ++i) {
    if (!IsNumber(heap, args[i])) {
      return vm.WrongType("=", static_cast<int>(i) + 1, "a number", args[i]);
    }
  }
  for (uint32_t i = 1; i < argc && steps.Add(ComparisonSteps(heap, args[i - 1], args[i])); ++i) {
    if (!NumEqual(heap, args[i - 1], args[i])) return kFalse;
  }
  return kTrue;
}

// max (sign 1) or min (sign -1). One inexact argument makes the result inexact, one NaN makes it
// NaN.
Value Extreme(Vm& vm, const char* who, Value* args, uint32_t argc, int sign) {
  Heap& heap = vm.heap();
  bool inexact = false;
  uint32_t best = 0;
  StepCounter steps;
  for (uint32_t i = 0; i < argc && steps.Add(ComparisonSteps(heap, args[i], args[best])); ++i) {
    if (!IsReal(heap, args[i])) {
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
Value MinPrimitive(Vm& vm, Value* args, uint32_t argc) { return Extreme(vm, "min", args, argc, -1); }

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
    if (operation(&first, &second, &status) && !vm.ended()) {
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
  const PassingText text(NumberToString(vm.heap(), args[0], radix));
  return vm.ended() ? kException : vm.MakeString(text.text);  // the text may be cut short anywhere
}

Value StringToNumberPrimitive(Vm& vm, Value* args, uint32_t argc) {
  constexpr char kWho[] = "string->number";
  const String* string = vm.heap().TryGet<String>(args[0]);
  if (string == nullptr) return vm.WrongType(kWho, 1, "a string", args[0]);
  const int radix = RadixArgument(vm, kWho, args, argc);
  if (radix == 0) return kException;
  const uint64_t bytes = uint64_t{string->length} + NumberStatus::kDefaultAllowance;
  if (bytes > Heap::kSlack && !vm.heap().Reserve(bytes)) return vm.OutOfMemory(kWho, bytes);
  // Nothing below moves the characters. Those of numbers are ASCII, whatever bytes beyond that mean.
  const StringChars chars = CharsOf(vm.heap(), args[0]);
  absl::string_view text(reinterpret_cast<const char*>(chars.narrow), chars.length);
  Scratch<char> copy;
  if (chars.narrow == nullptr) {
    copy = TryNewScratch<char>(chars.length + 1);
    if (copy == nullptr) return vm.OutOfMemory(kWho, chars.length);
    bool ascii = true;
    if (!InParts(0, chars.length, 4, [&](uint64_t i, uint64_t end) {
          for (; i < end; ++i) {
            ascii &= chars.wide[i] < 0x80;
            copy[i] = static_cast<char>(chars.wide[i]);
          }
        })) {
      return kException;
    }
    if (!ascii) return kFalse;
    text = absl::string_view(copy.get(), chars.length);
  }
  return ParseNumber(vm.heap(), text, radix).value_or(kFalse);
}

// ---- The table.

constexpr PrimitiveSpec kNumberPrimitives[] = {
    Test<"number?", IsNumber>(),
    Test<"complex?", IsNumber>(),
    Test<"real?", IsReal>(),
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
    RealTest<"positive?", IsPositive>(),
    RealTest<"negative?", IsNegative>(),
    ParityTest<"odd?", true>(),
    ParityTest<"even?", false>(),
    {"=", Interruptible<NumEqualPrimitive>, 1, -1},
    Comparison<"<", IsLessOrder>(),
    Comparison<">", IsGreaterOrder>(),
    Comparison<"<=", IsLessOrEqualOrder>(),
    Comparison<">=", IsGreaterOrEqualOrder>(),
    {"max", Interruptible<MaxPrimitive>, 1, -1},
    {"min", Interruptible<MinPrimitive>, 1, -1},
    Variadic<"+", Add, 0>(),
    Variadic<"*", Multiply, 1>(),
    {"-", SubtractPrimitive, 1, -1},
    {"/", DividePrimitive, 1, -1},
    Unary<"abs", Abs>(),
    Unary<"magnitude", Magnitude>(),
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
    {"log", Interruptible<LogPrimitive>, 1, 2},
    Unary<"sin", Sin>(),
    Unary<"cos", Cos>(),
    Unary<"tan", Tan>(),
    Unary<"asin", Asin>(),
    Unary<"acos", Acos>(),
    {"atan", Interruptible<AtanPrimitive>, 1, 2},
    Unary<"sqrt", Sqrt>(),
    {"exact-integer-sqrt", Interruptible<ExactIntegerSqrtPrimitive>, 1, 1},
    Binary<"expt", Expt>(),
    Unary<"real-part", RealPart>(),
    Unary<"imag-part", ImagPart>(),
    Unary<"angle", Angle>(),
    Unary<"exact", Exact>(),
    Unary<"inexact", Inexact>(),
    Unary<"inexact->exact", Exact>(),
    Unary<"exact->inexact", Inexact>(),
    {"number->string", Interruptible<NumberToStringPrimitive>, 1, 2},
    {"string->number", Interruptible<StringToNumberPrimitive>, 1, 2},
    Binary<"make-rectangular", MakeRectangular>(),
    Binary<"make-polar", MakePolar>(),
};

}  // namespace

absl::Span<const PrimitiveSpec> NumberPrimitives() { return kNumberPrimitives; }

}  // namespace islet::vm
