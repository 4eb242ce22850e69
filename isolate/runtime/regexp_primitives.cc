// The matcher behind SRFI 115. isolate/lib/srfi/115.sld compiles an expression to a program for a
// machine that follows all ways through it at once, character by character (K. Thompson, Regular
// expression search algorithm, 1968; with submatches as in R. Pike's sam), so that the time is at
// most proportional to the program's length times the text's, whatever the expression.
//
// A program is a Vector of fixnums, three for each instruction: opcode, x, y. Sets are a Vector of
// Bytevectors (char_set.h). The machine's state is a Bytevector, so that matching can stop every
// now and then (kBudget) and let Lisp look for interrupts. Programs and states may come from
// anywhere: whatever they hold, nothing outside of them is touched.

#include <utf8proc.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "isolate/runtime/arguments.h"
#include "isolate/runtime/char_set.h"
#include "isolate/runtime/primitives.h"
#include "isolate/runtime/unicode.h"

namespace islet::vm {
namespace {

// Numbers that 115.sld knows.
enum class Op : uint32_t {
  kChar,    // one character, x
  kSet,     // one character of set x
  kAny,     // one character
  kSplit,   // goes on at x, or else at y
  kJump,    // to x
  kSave,    // notes the position in slot x
  kAssert,  // goes on if assertion x holds
  kMatch,
};

enum class Assertion : uint32_t {
  kBeginString,
  kEndString,
  kBeginLine,
  kEndLine,
  kBeginWord,
  kEndWord,
  kNoWordBoundary,
  kBeginAsciiWord,
  kEndAsciiWord,
  kNoAsciiWordBoundary,
  kBeginGrapheme,
  kEndGrapheme,
  kInsideGrapheme,
};

constexpr uint32_t kNone = 0xffffffff;
constexpr uint32_t kMaxInstructions = 1u << 20;
constexpr uint32_t kMaxSlots = 1u << 16;
// Steps between two chances to be interrupted: some milliseconds.
constexpr uint64_t kBudget = uint64_t{1} << 20;

// The words at the front of a state. Behind them: the slots of the match, then two lists of
// threads, each `instructions` program counters and as many sets of slots.
enum StateWord : size_t {
  kPosition,
  kStart,  // of the text, for assertions
  kEnd,
  kFlags,
  kMatched,
  kSlots,
  kInstructions,
  kThreads,  // in the first list
  kStateHeader
};
constexpr uint32_t kAnchored = 1;  // matches begin at the first position only
constexpr uint32_t kWhole = 2;     // and end at the end

uint64_t StateWords(uint64_t slots, uint64_t instructions) {
  return kStateHeader + slots + 2 * instructions * (1 + slots);
}

bool IsWordChar(uint32_t c, bool ascii) {
  return (!ascii || c < 0x80) && (IsAlphabetic(c) || IsNumeric(c) || c == '_');
}

class Matcher {
 public:
  Matcher(Heap& heap, Value program, Value sets, Value text, uint32_t* words)
      : heap_(heap),
        program_(heap.Get<Vector>(program)),
        sets_(heap.Get<Vector>(sets)),
        text_(CharsOf(heap, text)),
        words_(words),
        start_(words[kStart]),
        end_(words[kEnd]),
        slots_(words[kSlots]),
        instructions_(words[kInstructions]),
        marks_(instructions_, 0) {
    match_ = words_ + kStateHeader;
    current_.Place(match_ + slots_, instructions_);
    next_.Place(current_.slots + size_t{instructions_} * slots_, instructions_);
    if (words[kThreads] != kNone) current_.count = std::min(words[kThreads], instructions_);
    scratch_.resize(slots_);
  }

  // Returns true when the answer is known, false when the budget is used up (or the run is being ended).
  bool Run() {
    const uint32_t flags = words_[kFlags];
    uint32_t position = words_[kPosition];
    const uint32_t first = position;
    bool matched = words_[kMatched] != 0;
    // Marks of the threads that are there already; what lies before them may be followed again.
    ++generation_;
    for (uint32_t i = 0; i < current_.count; ++i) {
      if (current_.pcs[i] < instructions_) marks_[current_.pcs[i]] = generation_;
    }
    bool first_step = words_[kThreads] == kNone;
    for (;;) {
      if (!matched && (first_step || (flags & kAnchored) == 0)) {
        std::fill(scratch_.begin(), scratch_.end(), kNone);
        Follow(0, position, current_);
      }
      first_step = false;
      const bool done = current_.count == 0 && (matched || (flags & kAnchored) != 0);
      if (done) break;
      next_.count = 0;
      ++generation_;
      const bool at_end = position >= end_;
      const uint32_t c = at_end ? 0 : text_[position];
      for (uint32_t i = 0; i < current_.count; ++i) {
        if (!polls_.Add(1 + slots_ / 8)) return false;
        const uint32_t pc = current_.pcs[i];
        if (pc >= instructions_) continue;
        const uint32_t* slots = current_.slots + size_t{i} * slots_;
        if (Code(pc) == Op::kMatch) {
          if ((flags & kWhole) != 0 && !at_end) continue;
          std::copy(slots, slots + slots_, match_);
          matched = true;
          break;  // threads behind this one are worth less
        }
        if (!at_end && Accepts(pc, c)) {
          std::copy(slots, slots + slots_, scratch_.begin());
          Follow(pc + 1, position + 1, next_);
        }
      }
      std::swap(current_, next_);
      if (at_end || polls_.ended()) break;
      ++position;
      if (steps_ >= kBudget && position > first) {
        Store(position, matched);
        return false;
      }
    }
    words_[kMatched] = matched;
    return true;
  }

 private:
  struct Threads {
    uint32_t* pcs = nullptr;
    uint32_t* slots = nullptr;
    uint32_t count = 0;

    void Place(uint32_t* words, uint32_t instructions) {
      pcs = words;
      slots = words + instructions;
    }
  };

  // Leaves everything in the state; the current threads in its first list.
  void Store(uint32_t position, bool matched) {
    words_[kPosition] = position;
    words_[kMatched] = matched;
    words_[kThreads] = current_.count;
    uint32_t* list = match_ + slots_;
    if (current_.pcs == list) return;
    std::copy(current_.pcs, current_.pcs + current_.count, list);
    std::copy(current_.slots, current_.slots + size_t{current_.count} * slots_, list + instructions_);
  }

  uint32_t Word(uint32_t pc, uint32_t i) const {
    const Value v = program_->items[3 * pc + i];
    return v.IsFixnum() ? static_cast<uint32_t>(v.fixnum()) : kNone;
  }
  Op Code(uint32_t pc) const { return static_cast<Op>(Word(pc, 0)); }

  bool Accepts(uint32_t pc, uint32_t c) const {
    switch (Code(pc)) {
      case Op::kChar:
        return Word(pc, 1) == c;
      case Op::kAny:
        return true;
      case Op::kSet: {
        const uint32_t k = Word(pc, 1);
        if (k >= sets_->length) return false;
        const Bytevector* set = heap_.TryGet<Bytevector>(sets_->items[k]);
        return set != nullptr && Contains({reinterpret_cast<const uint32_t*>(set->bytes), set->length / 4}, c);
      }
      default:
        return false;
    }
  }

  // Adds to `list` the threads that `pc` leads to without taking a character, best first; their
  // slots are `scratch_` and what the way notes.
  void Follow(uint32_t pc, uint32_t position, Threads& list) {
    todo_.clear();
    todo_.push_back({pc, kNone, 0});
    while (!todo_.empty()) {
      const Todo todo = todo_.back();
      todo_.pop_back();
      if (todo.slot != kNone) {
        scratch_[todo.slot] = todo.value;
        continue;
      }
      for (pc = todo.pc; pc < instructions_ && marks_[pc] != generation_;) {
        if (!polls_.Add(1)) return;
        marks_[pc] = generation_;
        ++steps_;
        const uint32_t x = Word(pc, 1);
        switch (Code(pc)) {
          case Op::kJump:
            pc = x;
            continue;
          case Op::kSplit:
            todo_.push_back({Word(pc, 2), kNone, 0});
            pc = x;
            continue;
          case Op::kSave:
            if (x < slots_) {
              todo_.push_back({0, x, scratch_[x]});  // put back when this way is done
              scratch_[x] = position;
            }
            ++pc;
            continue;
          case Op::kAssert:
            if (!Holds(static_cast<Assertion>(x), position)) break;
            ++pc;
            continue;
          default:
            if (list.count >= instructions_) break;  // only if the state was forged
            list.pcs[list.count] = pc;
            std::copy(scratch_.begin(), scratch_.end(), list.slots + size_t{list.count} * slots_);
            ++list.count;
            steps_ += slots_ / 8;
            break;
        }
        break;
      }
    }
  }

  bool IsWordAt(uint32_t position, bool ascii) const {
    return position >= start_ && position < end_ && IsWordChar(text_[position], ascii);
  }

  bool BeginsWord(uint32_t p, bool ascii) const {
    return IsWordAt(p, ascii) && (p == start_ || !IsWordAt(p - 1, ascii));
  }
  bool EndsWord(uint32_t p, bool ascii) const { return p > start_ && IsWordAt(p - 1, ascii) && !IsWordAt(p, ascii); }

  bool Holds(Assertion assertion, uint32_t p) {
    switch (assertion) {
      case Assertion::kBeginString:
        return p == start_;
      case Assertion::kEndString:
        return p == end_;
      case Assertion::kBeginLine:
        return p == start_ || text_[p - 1] == '\n' || (text_[p - 1] == '\r' && (p == end_ || text_[p] != '\n'));
      case Assertion::kEndLine:
        return p == end_ || text_[p] == '\r' || (text_[p] == '\n' && (p == start_ || text_[p - 1] != '\r'));
      case Assertion::kBeginWord:
        return BeginsWord(p, false);
      case Assertion::kEndWord:
        return EndsWord(p, false);
      case Assertion::kNoWordBoundary:
        return !BeginsWord(p, false) && !EndsWord(p, false);
      case Assertion::kBeginAsciiWord:
        return BeginsWord(p, true);
      case Assertion::kEndAsciiWord:
        return EndsWord(p, true);
      case Assertion::kNoAsciiWordBoundary:
        return !BeginsWord(p, true) && !EndsWord(p, true);
      case Assertion::kBeginGrapheme:
        return p < end_ && IsGraphemeBoundary(p);
      case Assertion::kEndGrapheme:
        return p > start_ && IsGraphemeBoundary(p);
      case Assertion::kInsideGrapheme:
        return !IsGraphemeBoundary(p);
    }
    return false;
  }

  // A break that does not depend on more than its two neighbours is found by looking at them; from
  // the last such one on, pairs of regional indicators and the like are counted.
  bool IsGraphemeBoundary(uint32_t p) {
    if (p <= start_ || p >= end_) return true;
    auto at = [&](uint32_t i) { return static_cast<utf8proc_int32_t>(text_[i]); };
    uint32_t from = p;
    while (from > start_ && !utf8proc_grapheme_break(at(from - 1), at(from)) && polls_.Add(4)) --from;
    if (from == p) return true;
    steps_ += p - from;
    utf8proc_int32_t state = 0;
    bool boundary = true;
    for (uint32_t i = from + 1; i <= p; ++i) {
      boundary = utf8proc_grapheme_break_stateful(at(i - 1), at(i), &state);
    }
    return boundary;
  }

  // A place to go on at; or, if `slot` is one, a value to put back into it.
  struct Todo {
    uint32_t pc;
    uint32_t slot;
    uint32_t value;
  };

  Heap& heap_;
  const Vector* program_;
  const Vector* sets_;
  StringChars text_;
  uint32_t* words_;
  uint32_t start_;
  uint32_t end_;
  uint32_t slots_;
  uint32_t instructions_;
  uint32_t* match_;
  Threads current_;
  Threads next_;
  std::vector<uint32_t> marks_;  // of each instruction: the generation of the list it is in
  uint32_t generation_ = 0;
  std::vector<uint32_t> scratch_;
  std::vector<Todo> todo_;
  uint64_t steps_ = 0;
  StepCounter polls_;
};

// (%regexp-state program slots flags start from end): a state for matching the text from `start` to
// `end`, searching from `from` on.
Value MakeState(Vm& vm, Value* args, uint32_t) {
  constexpr const char* kWho = "%regexp-state";
  uint32_t slots, flags, bounds[3];
  if (!CheckVector(vm, kWho, args, 0)) return kException;
  const uint32_t instructions = vm.heap().Get<Vector>(args[0])->length / 3;
  if (!CheckIndex(vm, kWho, args, 1, kMaxSlots, "the number of slots there may be", &slots) ||
      !CheckIndex(vm, kWho, args, 2, 4, "the number of flags", &flags)) {
    return kException;
  }
  for (uint32_t i = 0; i < 3; ++i) {
    if (!CheckCount(vm, kWho, args, 3 + i, &bounds[i])) return kException;
  }
  const uint64_t bytes = StateWords(slots, instructions) * sizeof(uint32_t);
  if (instructions > kMaxInstructions || bytes > Value::kFixnumMax) {
    return vm.OutOfMemory(kWho, bytes);
  }
  if (!ReserveFor(vm, kWho, 16 + bytes)) return kException;
  const Value state = vm.heap().MakeBytevector(static_cast<uint32_t>(bytes));
  uint32_t* words = reinterpret_cast<uint32_t*>(vm.heap().Get<Bytevector>(state)->bytes);
  words[kStart] = bounds[0];
  words[kPosition] = bounds[1];
  words[kEnd] = bounds[2];
  words[kFlags] = flags;
  words[kSlots] = slots;
  words[kInstructions] = instructions;
  words[kThreads] = kNone;
  std::fill_n(words + kStateHeader, slots, kNone);
  return state;
}

// A state that fits the program and the text.
bool CheckState(Vm& vm, const char* who, Value* args, uint32_t i, uint32_t instructions, uint32_t length) {
  if (!CheckBytevector(vm, who, args, i)) return false;
  const Bytevector* state = vm.heap().Get<Bytevector>(args[i]);
  const uint32_t* words = reinterpret_cast<const uint32_t*>(state->bytes);
  if (state->length >= kStateHeader * sizeof(uint32_t) && words[kInstructions] == instructions &&
      words[kSlots] < kMaxSlots && state->length == StateWords(words[kSlots], instructions) * sizeof(uint32_t) &&
      words[kStart] <= words[kPosition] && words[kPosition] <= words[kEnd] && words[kEnd] <= length) {
    return CheckMutable(vm, who, args[i]);
  }
  vm.WrongType(who, static_cast<int>(i) + 1, "a matcher's state", args[i]);
  return false;
}

// (%regexp-run! program sets text state): #f if it must be called again to go on; else a vector of
// the slots, with #f where there is none, or #t if nothing matches.
Value Run(Vm& vm, Value* args, uint32_t) {
  constexpr const char* kWho = "%regexp-run!";
  if (!CheckVector(vm, kWho, args, 0) || !CheckVector(vm, kWho, args, 1)) return kException;
  if (!CheckString(vm, kWho, args, 2)) return kException;
  const uint32_t instructions = vm.heap().Get<Vector>(args[0])->length / 3;
  if (!CheckState(vm, kWho, args, 3, instructions, StringLength(vm.heap(), args[2]))) {
    return kException;
  }
  if (!ReserveFor(vm, kWho, 16 + uint64_t{kMaxSlots} * sizeof(Value))) return kException;
  Bytevector* state = vm.heap().Get<Bytevector>(args[3]);
  uint32_t* words = reinterpret_cast<uint32_t*>(state->bytes);
  vm.heap().NoteRawWrite(words, state->length);
  if (!Matcher(vm.heap(), args[0], args[1], args[2], words).Run()) return kFalse;
  if (words[kMatched] == 0) return kTrue;
  const Value slots = vm.heap().MakeVector(words[kSlots], kFalse);
  for (uint32_t i = 0; i < words[kSlots]; ++i) {
    const uint32_t position = words[kStateHeader + i];
    if (position <= words[kEnd]) {
      vm.heap().Get<Vector>(slots)->items[i] = Value::Fixnum(static_cast<int32_t>(position));
    }
  }
  return slots;
}

constexpr PrimitiveSpec kPrimitives[] = {
    {"%regexp-state", Interruptible<MakeState>, 6, 6},
    {"%regexp-run!", Interruptible<Run>, 4, 4},
};

}  // namespace

absl::Span<const PrimitiveSpec> RegexpPrimitives() { return kPrimitives; }

}  // namespace islet::vm
