// Sets of characters (SRFI 14): what isolate/lib/islet/char-set.sld builds on. A set is a
// Bytevector here: see char_set.h.

#include <cstring>
#include <vector>

#include "isolate/runtime/arguments.h"
#include "isolate/runtime/char_set.h"
#include "isolate/runtime/primitives.h"

namespace islet::vm {
namespace {

constexpr const char* kStandardNames[] = {
    "lower-case",  "upper-case", "title-case", "letter",     "alphabetic", "digit",       "letter+digit",
    "punctuation", "symbol",     "graphic",    "whitespace", "printing",   "iso-control", "other",
    "hex-digit",   "blank",      "ascii",      "empty",      "full",
};
static_assert(sizeof(kStandardNames) / sizeof(char*) == static_cast<int>(StandardCharSet::kCount));

bool CheckSet(Vm& vm, const char* who, Value* args, uint32_t i) {
  if (vm.heap().Is<Bytevector>(args[i]) && vm.heap().Get<Bytevector>(args[i])->length % 8 == 0) {
    return true;
  }
  vm.WrongType(who, static_cast<int>(i) + 1, "the ranges of a character set", args[i]);
  return false;
}

// Valid until the next safepoint.
CharRangesView SetAt(Vm& vm, Value v) {
  const Bytevector* bytes = vm.heap().Get<Bytevector>(v);
  return {reinterpret_cast<const uint32_t*>(bytes->bytes), bytes->length / sizeof(uint32_t)};
}

// `ranges` are outside the heap.
Value MakeSet(Vm& vm, const char* who, CharRangesView ranges) {
  const uint32_t bytes = static_cast<uint32_t>(ranges.size() * sizeof(uint32_t));
  if (!ReserveFor(vm, who, 16 + uint64_t{bytes})) return kException;
  const Value v = vm.heap().MakeBytevector(bytes);
  if (bytes != 0) CopyBytes(vm.heap().Get<Bytevector>(v)->bytes, ranges.data(), bytes);
  return v;
}

// (%char-set-standard name)
Value StandardSet(Vm& vm, Value* args, uint32_t) {
  constexpr const char* kWho = "%char-set-standard";
  if (!CheckSymbol(vm, kWho, args, 0)) return kException;
  const std::string name = vm.SymbolName(args[0]);
  for (int i = 0; i < static_cast<int>(StandardCharSet::kCount); ++i) {
    if (name == kStandardNames[i]) {
      return MakeSet(vm, kWho, RangesOf(static_cast<StandardCharSet>(i)));
    }
  }
  return vm.WrongType(kWho, 1, "the name of a standard character set", args[0]);
}

constexpr uint32_t kCodePoints = 0x110000;
// Characters of a text that are worth sorting; of more it is noted which there are.
constexpr uint32_t kFewChars = uint32_t{1} << 15;

// (%char-set-of string): its characters.
Value SetOf(Vm& vm, Value* args, uint32_t) {
  constexpr const char* kWho = "%char-set-of";
  if (!CheckString(vm, kWho, args, 0)) return kException;
  const StringChars chars = CharsOf(vm.heap(), args[0]);
  std::vector<uint32_t> members;
  StepCounter steps;
  if (chars.length <= kFewChars) {
    members.reserve(chars.length);
    for (uint32_t i = 0; i < chars.length && steps.Add(1); ++i) members.push_back(chars[i]);
  } else {
    std::vector<uint64_t> seen(kCodePoints / 64);
    for (uint32_t i = 0; i < chars.length && steps.Add(1); ++i) seen[chars[i] / 64] |= uint64_t{1} << chars[i] % 64;
    for (uint32_t i = 0; i < kCodePoints / 64 && steps.Add(1); ++i) {
      for (uint64_t word = seen[i]; word != 0; word &= word - 1) {
        members.push_back(64 * i + static_cast<uint32_t>(__builtin_ctzll(word)));
      }
    }
  }
  return MakeSet(vm, kWho, RangesOf(std::move(members)));
}

// (%char-set-range first end): the characters from code point `first` to below `end`.
Value RangeSet(Vm& vm, Value* args, uint32_t) {
  constexpr const char* kWho = "%char-set-range";
  Range range;
  if (!CheckRange(vm, kWho, args, 2, 0, 0x110000, &range)) return kException;
  const uint32_t bounds[] = {range.start, range.end};
  return MakeSet(vm, kWho,
                 Combine(SetOperation::kIntersection, range.size() == 0 ? CharRangesView() : CharRangesView(bounds, 2),
                         RangesOf(StandardCharSet::kFull)));
}

// (%char-set-combine operation a b): operation is a number of SetOperation.
Value CombineSets(Vm& vm, Value* args, uint32_t) {
  constexpr const char* kWho = "%char-set-combine";
  uint32_t operation;
  if (!CheckIndex(vm, kWho, args, 0, 4, "the number of operations", &operation)) return kException;
  if (!CheckSet(vm, kWho, args, 1) || !CheckSet(vm, kWho, args, 2)) return kException;
  return MakeSet(vm, kWho, Combine(static_cast<SetOperation>(operation), SetAt(vm, args[1]), SetAt(vm, args[2])));
}

Value CaseVariants(Vm& vm, Value* args, uint32_t) {
  constexpr const char* kWho = "%char-set-case-variants";
  if (!CheckSet(vm, kWho, args, 0)) return kException;
  return MakeSet(vm, kWho, WithCaseVariants(SetAt(vm, args[0])));
}

Value SetContains(Vm& vm, Value* args, uint32_t) {
  constexpr const char* kWho = "%char-set-contains?";
  if (!CheckSet(vm, kWho, args, 0) || !CheckChar(vm, kWho, args, 1)) return kException;
  return Value::Boolean(Contains(SetAt(vm, args[0]), args[1].character()));
}

Value SetSize(Vm& vm, Value* args, uint32_t) {
  if (!CheckSet(vm, "%char-set-size", args, 0)) return kException;
  return Value::Fixnum(static_cast<int32_t>(CountMembers(SetAt(vm, args[0])) & 0x1fffff));
}

// (%char-set-next set code-point): the least member that is not below, or #f.
Value NextInSet(Vm& vm, Value* args, uint32_t) {
  constexpr const char* kWho = "%char-set-next";
  uint32_t c;
  if (!CheckSet(vm, kWho, args, 0)) return kException;
  if (!CheckIndex(vm, kWho, args, 1, 0x110001, "the number of Unicode code points", &c)) {
    return kException;
  }
  const uint32_t next = NextMember(SetAt(vm, args[0]), c);
  return next == kInvalidChar ? kFalse : Value::Char(next);
}

constexpr PrimitiveSpec kPrimitives[] = {
    {"%char-set-standard", Interruptible<StandardSet>, 1, 1},
    {"%char-set-of", Interruptible<SetOf>, 1, 1},
    {"%char-set-range", Interruptible<RangeSet>, 2, 2},
    {"%char-set-combine", Interruptible<CombineSets>, 3, 3},
    {"%char-set-case-variants", Interruptible<CaseVariants>, 1, 1},
    {"%char-set-contains?", SetContains, 2, 2},
    {"%char-set-size", Interruptible<SetSize>, 1, 1},
    {"%char-set-next", NextInSet, 2, 2},
};

}  // namespace

absl::Span<const PrimitiveSpec> CharSetPrimitives() { return kPrimitives; }

}  // namespace islet::vm
