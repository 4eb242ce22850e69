// Searching, trimming, splitting and joining strings: the procedures of SRFI 13 and SRFI 152 that
// working programs use, with characters or strings where the SRFIs also take procedures.

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "isolate/runtime/arguments.h"
#include "isolate/runtime/primitives.h"
#include "isolate/runtime/unicode.h"

namespace islet::vm {
namespace {

constexpr uint32_t kNotFound = 0xffffffff;

uint32_t LengthOf(Vm& vm, Value s) { return StringLength(vm.heap(), s); }

bool EqualAt(const StringChars& text, uint32_t at, const StringChars& pattern) {
  StepCounter steps;
  for (uint32_t i = 0; i < pattern.length; ++i) {
    if (!steps.Add(1)) return false;
    if (text[at + i] != pattern[i]) return false;
  }
  return true;
}

// Patterns this long are searched for in linear time; for shorter ones comparing at each place is.
constexpr uint32_t kLongPattern = 32;

// The first place in `text`, read through `at(i)` for i below `length`, where `pattern(i)` stands,
// in time proportional to both (D. E. Knuth, J. H. Morris, V. R. Pratt, Fast pattern matching in
// strings, 1977). The pattern is not empty.
template <typename Text, typename Pattern>
uint32_t FindLinear(Text at, uint32_t length, Pattern pattern, uint32_t pattern_length) {
  std::vector<uint32_t> border;  // of each prefix
  border.reserve(pattern_length);
  border.push_back(0);
  StepCounter steps;
  for (uint32_t i = 1, k = 0; i < pattern_length; ++i) {
    if (!steps.Add(2)) return kNotFound;
    while (k > 0 && pattern(i) != pattern(k)) k = border[k - 1];
    if (pattern(i) == pattern(k)) ++k;
    border.push_back(k);
  }
  for (uint32_t i = 0, k = 0; i < length; ++i) {
    if (!steps.Add(2)) return kNotFound;
    while (k > 0 && at(i) != pattern(k)) k = border[k - 1];
    if (at(i) == pattern(k)) ++k;
    if (k == pattern_length) return i + 1 - k;
  }
  return kNotFound;
}

// Where `pattern` first stands in `text` between `start` and `end`.
uint32_t Find(const StringChars& text, uint32_t start, uint32_t end, const StringChars& pattern) {
  if (pattern.length > end - start) return kNotFound;
  if (pattern.length >= kLongPattern) {
    const uint32_t found = FindLinear([&](uint32_t i) { return text[start + i]; }, end - start,
                                      [&](uint32_t i) { return pattern[i]; }, pattern.length);
    return found == kNotFound ? found : start + found;
  }
  if (text.narrow != nullptr && pattern.narrow != nullptr) {
    const absl::string_view needle(reinterpret_cast<const char*>(pattern.narrow), pattern.length);
    // In parts that overlap by what a match may take.
    constexpr uint32_t kPart = kPollSteps * kBytesPerStep / 4;
    while (true) {
      const uint32_t size = std::min(end - start, kPart + pattern.length);
      const absl::string_view haystack(reinterpret_cast<const char*>(text.narrow) + start, size);
      const size_t at = haystack.find(needle);
      if (at != absl::string_view::npos) return start + static_cast<uint32_t>(at);
      if (size == end - start || !Poll(kPollSteps)) return kNotFound;
      start += kPart;
    }
  }
  StepCounter steps;
  for (uint32_t at = start; at + pattern.length <= end && steps.Add(2); ++at) {
    if (EqualAt(text, at, pattern)) return at;
  }
  return kNotFound;
}

uint32_t FindLast(const StringChars& text, uint32_t end, const StringChars& pattern) {
  if (pattern.length > end) return kNotFound;
  if (pattern.length >= kLongPattern) {
    const uint32_t last = pattern.length - 1;
    const uint32_t found = FindLinear([&](uint32_t i) { return text[end - 1 - i]; }, end,
                                      [&](uint32_t i) { return pattern[last - i]; }, pattern.length);
    return found == kNotFound ? found : end - found - pattern.length;
  }
  StepCounter steps;
  for (uint32_t at = end - pattern.length + 1; at > 0 && steps.Add(2); --at) {
    if (EqualAt(text, at - 1, pattern)) return at - 1;
  }
  return kNotFound;
}

Value IndexOrFalse(uint32_t index) { return index == kNotFound ? kFalse : Value::Fixnum(static_cast<int32_t>(index)); }

bool CheckStrings(Vm& vm, const char* who, Value* args) {
  return CheckString(vm, who, args, 0) && CheckString(vm, who, args, 1);
}

Value IsNullString(Vm& vm, Value* args, uint32_t) {
  if (!CheckString(vm, "string-null?", args, 0)) return kException;
  return Value::Boolean(LengthOf(vm, args[0]) == 0);
}

// (string-contains text pattern [start [end]])
Value Contains(Vm& vm, Value* args, uint32_t argc) {
  constexpr const char* kWho = "string-contains";
  Range range;
  if (!CheckStrings(vm, kWho, args)) return kException;
  if (!CheckRange(vm, kWho, args, argc, 2, LengthOf(vm, args[0]), &range)) return kException;
  return IndexOrFalse(Find(CharsOf(vm.heap(), args[0]), range.start, range.end, CharsOf(vm.heap(), args[1])));
}

// (string-search-forward pattern text [start])
Value SearchForward(Vm& vm, Value* args, uint32_t argc) {
  constexpr const char* kWho = "string-search-forward";
  Range range;
  if (!CheckStrings(vm, kWho, args)) return kException;
  if (!CheckRange(vm, kWho, args, argc, 2, LengthOf(vm, args[1]), &range)) return kException;
  return IndexOrFalse(Find(CharsOf(vm.heap(), args[1]), range.start, range.end, CharsOf(vm.heap(), args[0])));
}

// (string-search-backward pattern text [end]): the index behind the last match.
Value SearchBackward(Vm& vm, Value* args, uint32_t argc) {
  constexpr const char* kWho = "string-search-backward";
  if (!CheckStrings(vm, kWho, args)) return kException;
  const StringChars pattern = CharsOf(vm.heap(), args[0]);
  Range before;
  if (!CheckRange(vm, kWho, args, argc, 2, LengthOf(vm, args[1]), &before)) return kException;
  const uint32_t end = argc > 2 ? before.start : before.end;
  const uint32_t at = FindLast(CharsOf(vm.heap(), args[1]), end, pattern);
  return IndexOrFalse(at == kNotFound ? at : at + pattern.length);
}

// (string-index text char [start [end]])
Value Index(Vm& vm, Value* args, uint32_t argc) {
  constexpr const char* kWho = "string-index";
  Range range;
  if (!CheckString(vm, kWho, args, 0) || !CheckChar(vm, kWho, args, 1)) return kException;
  if (!CheckRange(vm, kWho, args, argc, 2, LengthOf(vm, args[0]), &range)) return kException;
  const StringChars chars = CharsOf(vm.heap(), args[0]);
  StepCounter steps;
  for (uint32_t i = range.start; i < range.end && steps.Add(1); ++i) {
    if (chars[i] == args[1].character()) return IndexOrFalse(i);
  }
  return kFalse;
}

Value IndexRight(Vm& vm, Value* args, uint32_t argc) {
  constexpr const char* kWho = "string-index-right";
  Range range;
  if (!CheckString(vm, kWho, args, 0) || !CheckChar(vm, kWho, args, 1)) return kException;
  if (!CheckRange(vm, kWho, args, argc, 2, LengthOf(vm, args[0]), &range)) return kException;
  const StringChars chars = CharsOf(vm.heap(), args[0]);
  StepCounter steps;
  for (uint32_t i = range.end; i > range.start && steps.Add(1); --i) {
    if (chars[i - 1] == args[1].character()) return IndexOrFalse(i - 1);
  }
  return kFalse;
}

// (string-prefix? prefix text)
Value IsPrefix(Vm& vm, Value* args, uint32_t) {
  if (!CheckStrings(vm, "string-prefix?", args)) return kException;
  const StringChars prefix = CharsOf(vm.heap(), args[0]);
  const StringChars text = CharsOf(vm.heap(), args[1]);
  return Value::Boolean(prefix.length <= text.length && EqualAt(text, 0, prefix));
}

Value IsSuffix(Vm& vm, Value* args, uint32_t) {
  if (!CheckStrings(vm, "string-suffix?", args)) return kException;
  const StringChars suffix = CharsOf(vm.heap(), args[0]);
  const StringChars text = CharsOf(vm.heap(), args[1]);
  return Value::Boolean(suffix.length <= text.length && EqualAt(text, text.length - suffix.length, suffix));
}

// A copy of part of args[0].
Value Part(Vm& vm, const char* who, Value* args, uint32_t start, uint32_t end) {
  if (!ReserveFor(vm, who, StringBytes(end - start, true))) return kException;
  return CopyString(vm.heap(), args[0], start, end);
}

// (string-trim text [char]): without the whitespace (or `char`) at the sides named.
Value Trim(Vm& vm, const char* who, Value* args, uint32_t argc, bool left, bool right) {
  if (!CheckString(vm, who, args, 0)) return kException;
  if (argc > 1 && !CheckChar(vm, who, args, 1)) return kException;
  const StringChars chars = CharsOf(vm.heap(), args[0]);
  auto goes = [&](uint32_t c) { return argc > 1 ? c == args[1].character() : IsCharWhitespace(c); };
  uint32_t start = 0;
  uint32_t end = chars.length;
  StepCounter steps;
  while (left && start < end && goes(chars[start]) && steps.Add(1)) ++start;
  while (right && end > start && goes(chars[end - 1]) && steps.Add(1)) --end;
  return Part(vm, who, args, start, end);
}

Value TrimLeft(Vm& vm, Value* args, uint32_t argc) { return Trim(vm, "string-trim", args, argc, true, false); }
Value TrimRight(Vm& vm, Value* args, uint32_t argc) { return Trim(vm, "string-trim-right", args, argc, false, true); }
Value TrimBoth(Vm& vm, Value* args, uint32_t argc) { return Trim(vm, "string-trim-both", args, argc, true, true); }

// (string-take text n) and its kin: `first` and `second` give the part that begins at 0, n or
// length - n.
enum class Side { kTake, kDrop, kTakeRight, kDropRight };

Value TakeOrDrop(Vm& vm, const char* who, Value* args, Side side) {
  if (!CheckString(vm, who, args, 0)) return kException;
  const uint32_t length = LengthOf(vm, args[0]);
  Range range;
  if (!CheckRange(vm, who, args, 2, 1, length, &range)) return kException;
  const uint32_t n = range.start;
  switch (side) {
    case Side::kTake:
      return Part(vm, who, args, 0, n);
    case Side::kDrop:
      return Part(vm, who, args, n, length);
    case Side::kTakeRight:
      return Part(vm, who, args, length - n, length);
    case Side::kDropRight:
      return Part(vm, who, args, 0, length - n);
  }
  return kUnspecified;
}

Value Take(Vm& vm, Value* args, uint32_t) { return TakeOrDrop(vm, "string-take", args, Side::kTake); }
Value Drop(Vm& vm, Value* args, uint32_t) { return TakeOrDrop(vm, "string-drop", args, Side::kDrop); }
Value TakeRight(Vm& vm, Value* args, uint32_t) { return TakeOrDrop(vm, "string-take-right", args, Side::kTakeRight); }
Value DropRight(Vm& vm, Value* args, uint32_t) { return TakeOrDrop(vm, "string-drop-right", args, Side::kDropRight); }

// (string-pad text n [char]): exactly n characters, cut or filled at the left; string-pad-right: at
// the right.
Value Pad(Vm& vm, const char* who, Value* args, uint32_t argc, bool left) {
  uint32_t n;
  if (!CheckString(vm, who, args, 0)) return kException;
  if (!CheckCount(vm, who, args, 1, &n)) return kException;
  if (argc > 2 && !CheckChar(vm, who, args, 2)) return kException;
  const uint32_t length = LengthOf(vm, args[0]);
  if (n <= length) return left ? Part(vm, who, args, length - n, length) : Part(vm, who, args, 0, n);
  const uint32_t fill = argc > 2 ? args[2].character() : ' ';
  const bool wide = fill > 0xff || CharsOf(vm.heap(), args[0]).wide != nullptr;
  if (!ReserveFor(vm, who, StringBytes(n, wide))) return kException;
  const Value s = MakeStringOfLength(vm.heap(), n, wide);
  const uint32_t at = left ? n - length : 0;
  CopyChars(vm.heap(), s, at, args[0], 0, length);
  const uint32_t fill_at = left ? 0 : length;
  StepCounter steps;
  for (uint32_t i = 0; i < n - length && steps.Add(2); ++i) SetCharAt(vm.heap(), s, fill_at + i, fill);
  return s;
}

Value PadLeft(Vm& vm, Value* args, uint32_t argc) { return Pad(vm, "string-pad", args, argc, true); }
Value PadRight(Vm& vm, Value* args, uint32_t argc) { return Pad(vm, "string-pad-right", args, argc, false); }

// ---- Splitting and joining

enum class Grammar { kInfix, kStrictInfix, kPrefix, kSuffix };

// The optional symbol at `i`.
bool CheckGrammar(Vm& vm, const char* who, Value* args, uint32_t argc, uint32_t i, Grammar* grammar) {
  *grammar = Grammar::kInfix;
  if (i >= argc) return true;
  const std::string name = vm.SymbolName(args[i]);
  if (name == "infix") return true;
  if (name == "strict-infix") {
    *grammar = Grammar::kStrictInfix;
  } else if (name == "prefix") {
    *grammar = Grammar::kPrefix;
  } else if (name == "suffix") {
    *grammar = Grammar::kSuffix;
  } else {
    vm.WrongType(who, static_cast<int>(i) + 1, "one of infix, strict-infix, prefix, suffix", args[i]);
    return false;
  }
  return true;
}

// A delimiter: a string, or one character.
bool CheckDelimiter(Vm& vm, const char* who, Value* args, uint32_t i, Chars* delimiter) {
  if (args[i].IsChar()) {
    delimiter->assign(1, args[i].character());
    return true;
  }
  if (!vm.heap().Is<String>(args[i])) {
    vm.WrongType(who, static_cast<int>(i) + 1, "a string or character", args[i]);
    return false;
  }
  const StringChars chars = CharsOf(vm.heap(), args[i]);
  delimiter->reserve(chars.length);
  StepCounter steps;
  for (uint32_t k = 0; k < chars.length && steps.Add(1); ++k) delimiter->push_back(chars[k]);
  return true;
}

// Parts of the string args[0], as a list. A collection happens as often as if Lisp made them, so
// that none has megabytes to move; so the list is kept in args[1], which is free by then.
class PartList {
 public:
  PartList(Vm& vm, const char* who, Value* args) : vm_(vm), who_(who), args_(args) { args_[1] = kNull; }

  // False, with an error: there is no room.
  bool Add(uint32_t start, uint32_t end) {
    Heap& heap = vm_.heap();
    const uint64_t bytes = StringBytes(end - start, true);
    bytes_ += StringBytes(end - start, CharsOf(heap, args_[0]).wide != nullptr) + sizeof(Pair);
    const bool collects = heap.WantsCollection() && heap.CollectionIsDue();
    if ((collects && !heap.Collect()) || (bytes > kNeedsNoReserve && !heap.Reserve(bytes))) {
      args_[1] = kNull;  // whoever handles the error needs room
      vm_.OutOfMemory(who_, bytes_);
      return false;
    }
    args_[1] = heap.Cons(CopyString(heap, args_[0], start, end), args_[1]);
    ++count_;
    return true;
  }
  uint32_t count() const { return count_; }
  // The list, in order.
  Value Finish() {
    Heap& heap = vm_.heap();
    Value list = kNull;
    StepCounter steps;
    for (Value rest = args_[1]; rest.IsPair() && steps.Add(1);) {
      Pair* const pair = heap.Get<Pair>(rest);
      const Value next = pair->cdr;
      heap.Write(&pair->cdr, list);
      list = std::exchange(rest, next);
    }
    return list;
  }

 private:
  Vm& vm_;
  const char* const who_;
  Value* const args_;
  uint32_t count_ = 0;
  uint64_t bytes_ = 0;  // that the parts take
};

// (string-split text delimiter [grammar [limit [start [end]]]]): as SRFI 152's, but the delimiter
// may be a character.
Value Split(Vm& vm, Value* args, uint32_t argc) {
  constexpr const char* kWho = "string-split";
  Chars delimiter;
  Grammar grammar;
  Range range;
  uint32_t limit = Value::kFixnumMax;
  if (!CheckString(vm, kWho, args, 0)) return kException;
  if (!CheckDelimiter(vm, kWho, args, 1, &delimiter)) return kException;
  if (!CheckGrammar(vm, kWho, args, argc, 2, &grammar)) return kException;
  if (argc > 3 && args[3] != kFalse && !CheckCount(vm, kWho, args, 3, &limit)) return kException;
  if (!CheckRange(vm, kWho, args, argc, 4, LengthOf(vm, args[0]), &range)) return kException;

  if (range.size() == 0) {
    if (grammar != Grammar::kStrictInfix) return kNull;
    return vm.OutOfRange(kWho, 1, "is empty, which strict-infix does not allow", args[0]);
  }
  const uint32_t width = static_cast<uint32_t>(delimiter.size());
  const StringChars pattern = {nullptr, delimiter.data(), width};
  StepCounter steps;
  PartList parts(vm, kWho, args);
  uint32_t start = range.start;
  if (width == 0) {
    for (; start < range.end && parts.count() < limit; ++start) {
      if (!steps.Add(2) || !parts.Add(start, start + 1)) return kException;
    }
    if (start < range.end && !parts.Add(start, range.end)) return kException;
    return parts.Finish();
  }
  uint32_t at = start;
  uint32_t splits = 0;  // one more than parts, if the first is left out
  StringChars text = CharsOf(vm.heap(), args[0]);
  while (splits < limit && at + width <= range.end && steps.Add(2)) {
    if (!EqualAt(text, at, pattern)) {
      ++at;
      continue;
    }
    if (!(grammar == Grammar::kPrefix && at == range.start) && !parts.Add(start, at)) return kException;
    ++splits;
    text = CharsOf(vm.heap(), args[0]);
    at += width;
    start = at;
  }
  if (!(grammar == Grammar::kSuffix && start == range.end) && !parts.Add(start, range.end)) return kException;
  return parts.Finish();
}

// The strings of the list args[0], with a delimiter between, before or behind them.
Value JoinList(Vm& vm, const char* who, Value* args, const Chars& delimiter, Grammar grammar) {
  uint32_t count;
  if (!CheckList(vm, who, args, 0, &count)) return kException;
  uint64_t total = 0;
  bool wide = std::any_of(delimiter.begin(), delimiter.end(), [](uint32_t c) { return c > 0xff; });
  StepCounter steps;
  for (Value v = args[0]; v.IsPair() && steps.Add(4); v = vm.heap().cdr(v)) {
    const Value s = vm.heap().car(v);
    if (!vm.heap().Is<String>(s)) return vm.WrongType(who, 1, "a list of strings", args[0]);
    total += LengthOf(vm, s);
    wide = wide || CharsOf(vm.heap(), s).wide != nullptr;
  }
  const bool infix = grammar == Grammar::kInfix || grammar == Grammar::kStrictInfix;
  if (count == 0 && grammar == Grammar::kStrictInfix) {
    return vm.OutOfRange(who, 1, "is empty, which strict-infix does not allow", args[0]);
  }
  const uint64_t delimiters = count == 0 ? 0 : infix ? count - 1 : count;
  total += delimiters * delimiter.size();
  if (total > kMaxStringLength) return vm.OutOfMemory(who, StringBytes(total, wide));
  if (!ReserveFor(vm, who, StringBytes(total, wide))) return kException;

  Heap& heap = vm.heap();
  const Value result = MakeStringOfLength(heap, static_cast<uint32_t>(total), wide);
  uint32_t at = 0;
  auto put_delimiter = [&] {
    for (uint32_t c : delimiter) {
      if (!steps.Add(1)) return;
      SetCharAt(heap, result, at++, c);
    }
  };
  for (Value v = args[0]; v.IsPair(); v = heap.cdr(v)) {
    if (grammar == Grammar::kPrefix) put_delimiter();
    const Value s = heap.car(v);
    if (!steps.Add(8 + UnchargedSteps(LengthOf(vm, s)))) return kException;
    CopyChars(heap, result, at, s, 0, LengthOf(vm, s));
    at += LengthOf(vm, s);
    if (grammar == Grammar::kSuffix || (infix && heap.cdr(v).IsPair())) put_delimiter();
  }
  return result;
}

// (string-join list [delimiter [grammar]])
Value Join(Vm& vm, Value* args, uint32_t argc) {
  Chars delimiter = {' '};
  Grammar grammar;
  if (argc > 1) {
    delimiter.clear();
    if (!CheckDelimiter(vm, "string-join", args, 1, &delimiter)) return kException;
  }
  if (!CheckGrammar(vm, "string-join", args, argc, 2, &grammar)) return kException;
  return JoinList(vm, "string-join", args, delimiter, grammar);
}

Value Concatenate(Vm& vm, Value* args, uint32_t) {
  return JoinList(vm, "string-concatenate", args, {}, Grammar::kInfix);
}

// (string-replace text replacement start end): `replacement` instead of that part.
Value Replace(Vm& vm, Value* args, uint32_t argc) {
  constexpr const char* kWho = "string-replace";
  Range range;
  if (!CheckStrings(vm, kWho, args)) return kException;
  const uint32_t length = LengthOf(vm, args[0]);
  if (!CheckRange(vm, kWho, args, argc, 2, length, &range)) return kException;
  Heap& heap = vm.heap();
  const uint64_t total = uint64_t{length} - range.size() + LengthOf(vm, args[1]);
  const bool wide = CharsOf(heap, args[0]).wide != nullptr || CharsOf(heap, args[1]).wide != nullptr;
  if (total > kMaxStringLength) return vm.OutOfMemory(kWho, StringBytes(total, wide));
  if (!ReserveFor(vm, kWho, StringBytes(total, wide))) return kException;
  const Value s = MakeStringOfLength(heap, static_cast<uint32_t>(total), wide);
  const uint32_t middle = LengthOf(vm, args[1]);
  CopyChars(heap, s, 0, args[0], 0, range.start);
  CopyChars(heap, s, range.start, args[1], 0, middle);
  CopyChars(heap, s, range.start + middle, args[0], range.end, length);
  return s;
}

constexpr PrimitiveSpec kPrimitives[] = {
    {"string-null?", IsNullString, 1, 1},
    {"string-contains", Interruptible<Contains>, 2, 4},
    {"string-search-forward", Interruptible<SearchForward>, 2, 3},
    {"string-search-backward", Interruptible<SearchBackward>, 2, 3},
    {"string-index", Interruptible<Index>, 2, 4},
    {"string-index-right", Interruptible<IndexRight>, 2, 4},
    {"string-prefix?", Interruptible<IsPrefix>, 2, 2},
    {"string-suffix?", Interruptible<IsSuffix>, 2, 2},
    {"string-trim", Interruptible<TrimLeft>, 1, 2},
    {"string-trim-right", Interruptible<TrimRight>, 1, 2},
    {"string-trim-both", Interruptible<TrimBoth>, 1, 2},
    {"string-take", Interruptible<Take>, 2, 2},
    {"string-drop", Interruptible<Drop>, 2, 2},
    {"string-take-right", Interruptible<TakeRight>, 2, 2},
    {"string-drop-right", Interruptible<DropRight>, 2, 2},
    {"string-pad", Interruptible<PadLeft>, 2, 3},
    {"string-pad-right", Interruptible<PadRight>, 2, 3},
    {"string-split", Interruptible<Split>, 2, 6},
    {"string-join", Interruptible<Join>, 1, 3},
    {"string-concatenate", Interruptible<Concatenate>, 1, 1},
    {"string-replace", Interruptible<Replace>, 4, 4},
};

}  // namespace

absl::Span<const PrimitiveSpec> StringSearchPrimitives() { return kPrimitives; }

}  // namespace islet::vm
