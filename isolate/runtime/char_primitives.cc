// Characters (R7RS 6.6).

#include "isolate/heap/poll.h"
#include "isolate/runtime/arguments.h"
#include "isolate/runtime/primitives.h"
#include "isolate/runtime/unicode.h"

namespace islet::vm {
namespace {

// The name of a primitive as a template argument.
template <size_t kSize>
struct Name {
  constexpr Name(const char (&text)[kSize]) {  // NOLINT: implicit, so that a literal can be given
    for (size_t i = 0; i < kSize; ++i) characters[i] = text[i];
  }
  char characters[kSize];
};

struct Less {
  static bool Holds(uint32_t a, uint32_t b) { return a < b; }
};
struct LessEq {
  static bool Holds(uint32_t a, uint32_t b) { return a <= b; }
};
struct Same {
  static bool Holds(uint32_t a, uint32_t b) { return a == b; }
};
struct Greater {
  static bool Holds(uint32_t a, uint32_t b) { return a > b; }
};
struct GreaterEq {
  static bool Holds(uint32_t a, uint32_t b) { return a >= b; }
};

template <Name kWho, typename Order, bool kFold>
Value Compare(Vm& vm, Value* args, uint32_t argc) {
  StepCounter steps;
  for (uint32_t i = 0; i < argc && steps.Add(1); ++i) {
    if (!CheckChar(vm, kWho.characters, args, i)) return kException;
  }
  auto key = [&](uint32_t i) {
    const uint32_t c = args[i].character();
    return kFold ? CharFoldcase(c) : c;
  };
  for (uint32_t i = 0; i + 1 < argc && steps.Add(1); ++i) {
    if (!Order::Holds(key(i), key(i + 1))) return kFalse;
  }
  return kTrue;
}

template <Name kWho, bool (*kTest)(uint32_t)>
Value Test(Vm& vm, Value* args, uint32_t) {
  if (!CheckChar(vm, kWho.characters, args, 0)) return kException;
  return Value::Boolean(kTest(args[0].character()));
}

template <Name kWho, uint32_t (*kMapping)(uint32_t)>
Value Map(Vm& vm, Value* args, uint32_t) {
  if (!CheckChar(vm, kWho.characters, args, 0)) return kException;
  return Value::Char(kMapping(args[0].character()));
}

Value IsChar(Vm&, Value* args, uint32_t) { return Value::Boolean(args[0].IsChar()); }

Value CharToInteger(Vm& vm, Value* args, uint32_t) {
  if (!CheckChar(vm, "char->integer", args, 0)) return kException;
  return Value::Fixnum(static_cast<int32_t>(args[0].character()));
}

Value IntegerToChar(Vm& vm, Value* args, uint32_t) {
  uint32_t n;
  if (!CheckIndex(vm, "integer->char", args, 0, 0x110000, "the number of Unicode code points", &n)) {
    return kException;
  }
  if (!IsScalarValue(n)) return vm.OutOfRange("integer->char", 1, "is a surrogate", args[0]);
  return Value::Char(n);
}

Value DigitValueOf(Vm& vm, Value* args, uint32_t) {
  if (!CheckChar(vm, "digit-value", args, 0)) return kException;
  const int value = DigitValue(args[0].character());
  return value < 0 ? kFalse : Value::Fixnum(value);
}

constexpr PrimitiveSpec kPrimitives[] = {
    {"char?", IsChar, 1, 1},
    {"char->integer", CharToInteger, 1, 1},
    {"integer->char", IntegerToChar, 1, 1},
    {"char=?", Compare<"char=?", Same, false>, 1, -1},
    {"char<?", Compare<"char<?", Less, false>, 1, -1},
    {"char>?", Compare<"char>?", Greater, false>, 1, -1},
    {"char<=?", Compare<"char<=?", LessEq, false>, 1, -1},
    {"char>=?", Compare<"char>=?", GreaterEq, false>, 1, -1},
    {"char-ci=?", Compare<"char-ci=?", Same, true>, 1, -1},
    {"char-ci<?", Compare<"char-ci<?", Less, true>, 1, -1},
    {"char-ci>?", Compare<"char-ci>?", Greater, true>, 1, -1},
    {"char-ci<=?", Compare<"char-ci<=?", LessEq, true>, 1, -1},
    {"char-ci>=?", Compare<"char-ci>=?", GreaterEq, true>, 1, -1},
    {"char-alphabetic?", Test<"char-alphabetic?", IsAlphabetic>, 1, 1},
    {"char-numeric?", Test<"char-numeric?", IsNumeric>, 1, 1},
    {"char-whitespace?", Test<"char-whitespace?", IsCharWhitespace>, 1, 1},
    {"char-upper-case?", Test<"char-upper-case?", IsUpperCase>, 1, 1},
    {"char-lower-case?", Test<"char-lower-case?", IsLowerCase>, 1, 1},
    {"digit-value", DigitValueOf, 1, 1},
    {"char-upcase", Map<"char-upcase", CharUpcase>, 1, 1},
    {"char-downcase", Map<"char-downcase", CharDowncase>, 1, 1},
    {"char-foldcase", Map<"char-foldcase", CharFoldcase>, 1, 1},
};

}  // namespace

absl::Span<const PrimitiveSpec> CharPrimitives() { return kPrimitives; }

}  // namespace islet::vm
