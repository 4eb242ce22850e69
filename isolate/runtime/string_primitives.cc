// Strings (R7RS 6.7). Searching, splitting and joining: string_search_primitives.cc.

#include <algorithm>
#include <string>

#include "isolate/heap/poll.h"
#include "isolate/runtime/arguments.h"
#include "isolate/runtime/list_building.h"
#include "isolate/runtime/primitives.h"
#include "isolate/runtime/unicode.h"

namespace islet::vm {
namespace {

uint32_t LengthOf(Vm& vm, Value s) { return StringLength(vm.heap(), s); }

// A string and the optional range behind it.
bool CheckText(Vm& vm, const char* who, Value* args, uint32_t argc, uint32_t i, uint32_t range_at, Range* range) {
  return CheckString(vm, who, args, i) && CheckRange(vm, who, args, argc, range_at, LengthOf(vm, args[i]), range);
}

Value IsString(Vm& vm, Value* args, uint32_t) { return Value::Boolean(vm.heap().Is<String>(args[0])); }

Value MakeStringOf(Vm& vm, Value* args, uint32_t argc) {
  constexpr const char* kWho = "make-string";
  uint32_t n;
  if (!CheckCount(vm, kWho, args, 0, &n)) return kException;
  if (argc > 1 && !CheckChar(vm, kWho, args, 1)) return kException;
  const uint32_t fill = argc > 1 ? args[1].character() : ' ';
  const bool wide = fill > 0xff;
  if (!ReserveFor(vm, kWho, StringBytes(n, wide))) return kException;
  const Value s = MakeStringOfLength(vm.heap(), n, wide);
  String* string = vm.heap().Get<String>(s);
  if (wide) {
    auto* chars = reinterpret_cast<uint32_t*>(string->bytes);
    (void)InParts(0, n, 4, [&](uint64_t begin, uint64_t end) { std::fill(chars + begin, chars + end, fill); });
  } else {
    FillBytes(string->bytes, static_cast<uint8_t>(fill), n);
  }
  return s;
}

// (string char ...)
Value StringOf(Vm& vm, Value* args, uint32_t argc) {
  uint32_t largest = 0;
  StepCounter steps;
  for (uint32_t i = 0; i < argc && steps.Add(1); ++i) {
    if (!CheckChar(vm, "string", args, i)) return kException;
    largest = std::max(largest, args[i].character());
  }
  const bool wide = largest > 0xff;
  if (!ReserveFor(vm, "string", StringBytes(argc, wide))) return kException;
  const Value string = MakeStringOfLength(vm.heap(), argc, wide);
  uint8_t* const narrow_chars = vm.heap().Get<String>(string)->bytes;
  uint32_t* const wide_chars = reinterpret_cast<uint32_t*>(narrow_chars);
  for (uint32_t i = 0; i < argc && steps.Add(1); ++i) {
    const uint32_t c = args[i].character();
    if (wide) {
      wide_chars[i] = c;
    } else {
      narrow_chars[i] = static_cast<uint8_t>(c);
    }
  }
  return string;
}

Value Length(Vm& vm, Value* args, uint32_t) {
  if (!CheckString(vm, "string-length", args, 0)) return kException;
  return Value::Fixnum(static_cast<int32_t>(LengthOf(vm, args[0])));
}

Value Ref(Vm& vm, Value* args, uint32_t) {
  constexpr const char* kWho = "string-ref";
  uint32_t i;
  if (!CheckString(vm, kWho, args, 0)) return kException;
  if (!CheckIndex(vm, kWho, args, 1, LengthOf(vm, args[0]), "the string's length", &i)) {
    return kException;
  }
  return Value::Char(CharAt(vm.heap(), args[0], i));
}

Value Set(Vm& vm, Value* args, uint32_t) {
  constexpr const char* kWho = "string-set!";
  uint32_t i;
  if (!CheckString(vm, kWho, args, 0)) return kException;
  if (!CheckIndex(vm, kWho, args, 1, LengthOf(vm, args[0]), "the string's length", &i)) {
    return kException;
  }
  if (!CheckChar(vm, kWho, args, 2)) return kException;
  if (!CheckMutable(vm, kWho, args[0])) return kException;
  const uint32_t c = args[2].character();
  if (!ReserveFor(vm, kWho, WideningBytes(vm.heap(), args[0], c))) return kException;
  SetCharAt(vm.heap(), args[0], i, c);
  return kUnspecified;
}

// ---- Comparison

enum class Order { kEq, kLess, kGreater, kLessEq, kGreaterEq };

bool Holds(Order order, int sign) {
  switch (order) {
    case Order::kEq:
      return sign == 0;
    case Order::kLess:
      return sign < 0;
    case Order::kGreater:
      return sign > 0;
    case Order::kLessEq:
      return sign <= 0;
    case Order::kGreaterEq:
      return sign >= 0;
  }
  return false;
}

Value Compare(Vm& vm, const char* who, Value* args, uint32_t argc, Order order) {
  StepCounter steps;
  for (uint32_t i = 0; i < argc && steps.Add(1); ++i) {
    if (!CheckString(vm, who, args, i)) return kException;
  }
  for (uint32_t i = 0; i + 1 < argc; ++i) {
    const uint32_t left = LengthOf(vm, args[i]);
    const uint32_t right = LengthOf(vm, args[i + 1]);
    const uint32_t compared = order == Order::kEq && left != right ? 0 : std::min(left, right);
    if (!steps.Add(1 + UnchargedSteps(compared))) return kException;
    const bool holds = order == Order::kEq ? StringEqual(vm.heap(), args[i], args[i + 1])
                                           : Holds(order, StringCompare(vm.heap(), args[i], args[i + 1]));
    if (!holds) return kFalse;
  }
  return kTrue;
}

// Negative, zero or positive.
int CompareMapped(MappedText x, MappedText y) {
  uint32_t a, b;
  do {
    const bool more = x.Next(&a);
    if (!y.Next(&b)) return more;
    if (!more) return -1;
  } while (a == b);
  return a < b ? -1 : 1;
}

Value CompareFolded(Vm& vm, const char* who, Value* args, uint32_t argc, Order order) {
  StepCounter steps;
  for (uint32_t i = 0; i < argc && steps.Add(1); ++i) {
    if (!CheckString(vm, who, args, i)) return kException;
  }
  for (uint32_t i = 0; i + 1 < argc && steps.Add(1); ++i) {
    const StringChars chars = CharsOf(vm.heap(), args[i]);
    (void)steps.Add(std::min<uint64_t>(chars.length, kPollSteps));
    const MappedText x(chars, Foldcase);
    const MappedText y(CharsOf(vm.heap(), args[i + 1]), Foldcase);
    if (!Holds(order, CompareMapped(x, y))) return kFalse;
  }
  return kTrue;
}

Value Eq(Vm& vm, Value* a, uint32_t n) { return Compare(vm, "string=?", a, n, Order::kEq); }
Value Lt(Vm& vm, Value* a, uint32_t n) { return Compare(vm, "string<?", a, n, Order::kLess); }
Value Gt(Vm& vm, Value* a, uint32_t n) { return Compare(vm, "string>?", a, n, Order::kGreater); }
Value Le(Vm& vm, Value* a, uint32_t n) { return Compare(vm, "string<=?", a, n, Order::kLessEq); }
Value Ge(Vm& vm, Value* a, uint32_t n) { return Compare(vm, "string>=?", a, n, Order::kGreaterEq); }
Value EqCi(Vm& vm, Value* a, uint32_t n) { return CompareFolded(vm, "string-ci=?", a, n, Order::kEq); }
Value LtCi(Vm& vm, Value* a, uint32_t n) { return CompareFolded(vm, "string-ci<?", a, n, Order::kLess); }
Value GtCi(Vm& vm, Value* a, uint32_t n) { return CompareFolded(vm, "string-ci>?", a, n, Order::kGreater); }
Value LeCi(Vm& vm, Value* a, uint32_t n) { return CompareFolded(vm, "string-ci<=?", a, n, Order::kLessEq); }
Value GeCi(Vm& vm, Value* a, uint32_t n) { return CompareFolded(vm, "string-ci>=?", a, n, Order::kGreaterEq); }

// ---- Case

// Maps the text twice, once to know how long it gets, and needs no memory but the result's.
Value MapCase(Vm& vm, const char* who, Value* args, CaseMapping mapping) {
  if (!CheckString(vm, who, args, 0)) return kException;
  uint64_t length = 0;
  uint32_t all = 0;  // their bits
  uint32_t c;
  for (MappedText text(CharsOf(vm.heap(), args[0]), mapping); text.Next(&c); ++length) all |= c;
  // A run that is being ended polls at other places, so that the second pass may be cut short elsewhere than the first.
  if (Ended()) return kException;
  const bool wide = all > 0xff;
  if (length > kMaxStringLength) return vm.OutOfMemory(who, StringBytes(length, wide));
  if (!ReserveFor(vm, who, StringBytes(length, wide))) return kException;
  const Value mapped = MakeStringOfLength(vm.heap(), static_cast<uint32_t>(length), wide);
  String* const string = vm.heap().Get<String>(mapped);
  MappedText text(CharsOf(vm.heap(), args[0]), mapping);
  if (wide) {
    for (auto* p = reinterpret_cast<uint32_t*>(string->bytes); text.Next(&c);) *p++ = c;
  } else {
    for (uint8_t* p = string->bytes; text.Next(&c);) *p++ = static_cast<uint8_t>(c);
  }
  return mapped;
}

Value StringUpcase(Vm& vm, Value* args, uint32_t) { return MapCase(vm, "string-upcase", args, Upcase); }
Value StringDowncase(Vm& vm, Value* args, uint32_t) { return MapCase(vm, "string-downcase", args, Downcase); }
Value StringFoldcase(Vm& vm, Value* args, uint32_t) { return MapCase(vm, "string-foldcase", args, Foldcase); }

// ---- Copying

Value Copy(Vm& vm, const char* who, Value* args, uint32_t argc) {
  Range range;
  if (!CheckText(vm, who, args, argc, 0, 1, &range)) return kException;
  if (!ReserveFor(vm, who, StringBytes(range.size(), true))) return kException;
  return CopyString(vm.heap(), args[0], range.start, range.end);
}

Value StringCopy(Vm& vm, Value* args, uint32_t argc) { return Copy(vm, "string-copy", args, argc); }
Value Substring(Vm& vm, Value* args, uint32_t argc) { return Copy(vm, "substring", args, argc); }

Value StringCopyTo(Vm& vm, Value* args, uint32_t argc) {
  constexpr const char* kWho = "string-copy!";
  Range at;
  Range range;
  if (!CheckText(vm, kWho, args, 2, 0, 1, &at)) return kException;
  if (!CheckText(vm, kWho, args, argc, 2, 3, &range)) return kException;
  if (range.size() > at.size()) {
    return vm.OutOfRange(kWho, 2,
                         "leaves no room for " + std::to_string(range.size()) + " characters in a string of length " +
                             std::to_string(at.end),
                         args[1]);
  }
  if (range.size() == 0) return kUnspecified;
  if (!CheckMutable(vm, kWho, args[0])) return kException;
  const uint32_t largest = LargestChar(vm.heap(), args[2], range.start, range.end);
  if (!ReserveFor(vm, kWho, WideningBytes(vm.heap(), args[0], largest))) return kException;
  CopyChars(vm.heap(), args[0], at.start, args[2], range.start, range.end);
  return kUnspecified;
}

Value StringFill(Vm& vm, Value* args, uint32_t argc) {
  constexpr const char* kWho = "string-fill!";
  Range range;
  if (!CheckText(vm, kWho, args, argc, 0, 2, &range)) return kException;
  if (!CheckChar(vm, kWho, args, 1)) return kException;
  if (range.size() == 0) return kUnspecified;
  if (!CheckMutable(vm, kWho, args[0])) return kException;
  const uint32_t c = args[1].character();
  if (!ReserveFor(vm, kWho, WideningBytes(vm.heap(), args[0], c))) return kException;
  EnsureHolds(vm.heap(), args[0], c);
  if (vm.ended()) return kException;
  (void)InParts(range.start, range.end, 1, [&](uint64_t i, uint64_t end) {
    for (; i < end; ++i) SetCharAt(vm.heap(), args[0], static_cast<uint32_t>(i), c);
  });
  return kUnspecified;
}

// The strings of `args` one after the other.
Value StringAppend(Vm& vm, Value* args, uint32_t argc) {
  constexpr const char* kWho = "string-append";
  uint64_t total = 0;
  bool wide = false;
  StepCounter steps;
  for (uint32_t i = 0; i < argc && steps.Add(1); ++i) {
    if (!CheckString(vm, kWho, args, i)) return kException;
    total += LengthOf(vm, args[i]);
    wide = wide || CharsOf(vm.heap(), args[i]).wide != nullptr;
  }
  if (total > kMaxStringLength) return vm.OutOfMemory(kWho, StringBytes(total, wide));
  if (!ReserveFor(vm, kWho, StringBytes(total, wide))) return kException;
  const Value s = MakeStringOfLength(vm.heap(), static_cast<uint32_t>(total), wide);
  uint32_t at = 0;
  for (uint32_t i = 0; i < argc && steps.Add(1 + UnchargedSteps(LengthOf(vm, args[i]))); ++i) {
    CopyChars(vm.heap(), s, at, args[i], 0, LengthOf(vm, args[i]));
    at += LengthOf(vm, args[i]);
  }
  return s;
}

Value StringReverse(Vm& vm, Value* args, uint32_t argc) {
  constexpr const char* kWho = "string-reverse";
  Range range;
  if (!CheckText(vm, kWho, args, argc, 0, 1, &range)) return kException;
  const bool wide = LargestChar(vm.heap(), args[0], range.start, range.end) > 0xff;
  if (!ReserveFor(vm, kWho, StringBytes(range.size(), wide))) return kException;
  const Value reversed = MakeStringOfLength(vm.heap(), range.size(), wide);
  const StringChars text = CharsOf(vm.heap(), args[0]);
  uint8_t* narrow_to = vm.heap().Get<String>(reversed)->bytes;
  uint32_t* wide_to = reinterpret_cast<uint32_t*>(narrow_to);
  (void)InPartsBackward(range.start, range.end, 4, [&](uint64_t begin, uint64_t i) {
    if (wide) {
      for (; i > begin; --i) *wide_to++ = text[i - 1];
    } else {
      for (; i > begin; --i) *narrow_to++ = static_cast<uint8_t>(text[i - 1]);
    }
  });
  return reversed;
}

// ---- Lists

Value StringToList(Vm& vm, Value* args, uint32_t argc) {
  constexpr const char* kWho = "string->list";
  Range range;
  if (!CheckText(vm, kWho, args, argc, 0, 1, &range)) return kException;
  PairMaker pairs(vm.heap());
  if (!pairs.Reserve(vm, kWho, range.size())) return kException;
  const StringChars chars = CharsOf(vm.heap(), args[0]);
  Value list = kNull;
  (void)InPartsBackward(range.start, range.end, 1, [&](uint64_t begin, uint64_t i) {
    for (; i > begin; --i) list = pairs.Cons(Value::Char(chars[i - 1]), list);
  });
  return list;
}

Value ListToString(Vm& vm, Value* args, uint32_t) {
  constexpr const char* kWho = "list->string";
  uint32_t n;
  if (!CheckList(vm, kWho, args, 0, &n)) return kException;
  Heap& heap = vm.heap();
  uint32_t largest = 0;
  StepCounter steps;
  for (Value v = args[0]; v.IsPair() && steps.Add(1); v = heap.cdr(v)) {
    const Value c = heap.car(v);
    if (!c.IsChar()) return vm.WrongType(kWho, 1, "a list of characters", args[0]);
    largest = std::max(largest, c.character());
  }
  const bool wide = largest > 0xff;
  if (!ReserveFor(vm, kWho, StringBytes(n, wide))) return kException;
  const Value string = MakeStringOfLength(heap, n, wide);
  uint8_t* const narrow_chars = heap.Get<String>(string)->bytes;
  uint32_t* const wide_chars = reinterpret_cast<uint32_t*>(narrow_chars);
  uint32_t i = 0;
  for (Value v = args[0]; v.IsPair() && steps.Add(1); v = heap.cdr(v), ++i) {
    const uint32_t c = heap.car(v).character();
    if (wide) {
      wide_chars[i] = c;
    } else {
      narrow_chars[i] = static_cast<uint8_t>(c);
    }
  }
  return string;
}

constexpr PrimitiveSpec kPrimitives[] = {
    {"string?", IsString, 1, 1},
    {"make-string", Interruptible<MakeStringOf>, 1, 2},
    {"string", Interruptible<StringOf>, 0, -1},
    {"string-length", Length, 1, 1},
    {"string-ref", Ref, 2, 2},
    {"string-set!", Interruptible<Set>, 3, 3},
    {"string=?", Interruptible<Eq>, 1, -1},
    {"string<?", Interruptible<Lt>, 1, -1},
    {"string>?", Interruptible<Gt>, 1, -1},
    {"string<=?", Interruptible<Le>, 1, -1},
    {"string>=?", Interruptible<Ge>, 1, -1},
    {"string-ci=?", Interruptible<EqCi>, 1, -1},
    {"string-ci<?", Interruptible<LtCi>, 1, -1},
    {"string-ci>?", Interruptible<GtCi>, 1, -1},
    {"string-ci<=?", Interruptible<LeCi>, 1, -1},
    {"string-ci>=?", Interruptible<GeCi>, 1, -1},
    {"string-upcase", Interruptible<StringUpcase>, 1, 1},
    {"string-downcase", Interruptible<StringDowncase>, 1, 1},
    {"string-foldcase", Interruptible<StringFoldcase>, 1, 1},
    {"substring", Interruptible<Substring>, 2, 3},
    {"string-copy", Interruptible<StringCopy>, 1, 3},
    {"string-copy!", Interruptible<StringCopyTo>, 3, 5},
    {"string-fill!", Interruptible<StringFill>, 2, 4},
    {"string-append", Interruptible<StringAppend>, 0, -1},
    {"string-reverse", Interruptible<StringReverse>, 1, 3},
    {"string->list", Interruptible<StringToList>, 1, 3},
    {"list->string", Interruptible<ListToString>, 1, 1},
};

}  // namespace

absl::Span<const PrimitiveSpec> StringPrimitives() { return kPrimitives; }

}  // namespace islet::vm
