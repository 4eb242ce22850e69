// Reads Lisp data from text: the whole lexical syntax of R7RS (7.1.1 and 7.1.2), with positions.
//
//   Reader reader(vm, arena, text, "startup.lisp");
//   Syntax* datum;
//   while (reader.ReadNext(&datum) == Reader::Result::kDatum) Use(datum);
//   if (reader.failed()) return absl::InvalidArgumentError(reader.error().ToString());
//
// Beyond R7RS: a `#!` line at the very start of the text is a comment; `#` may stand inside an
// identifier.
//
// Datum labels give a graph of Syntax that shares, and may be cyclic. The reader does not recurse:
// nesting is limited only by ReaderOptions::max_depth.

#ifndef ISLET_ISOLATE_READER_READER_H_
#define ISLET_ISOLATE_READER_READER_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "isolate/heap/poll.h"
#include "isolate/heap/value.h"
#include "isolate/heap/work_stack.h"
#include "isolate/interpreter/vm.h"
#include "isolate/reader/lexical.h"
#include "isolate/reader/syntax.h"

namespace islet::vm {

struct ReaderOptions {
  // Strings and bytevectors are literals of a program: immutable (R7RS 3.4).
  bool immutable_literals = true;
  // As after #!fold-case.
  bool fold_case = false;
  // Lists, vectors and quotes inside one another; what consumes syntax may recurse this deep.
  size_t max_depth = 10000;
  // Most bytes that the arena may hold.
  size_t max_arena_bytes = size_t{4} << 30;
  // Position of the text's first character.
  uint32_t first_line = 1;
  uint32_t first_column = 1;
  // Text that arrives piece by piece: called at the end of the text, replaces it by a longer one
  // that starts with it, or returns false at the end of the input.
  bool (*refill)(void* context, absl::string_view* text) = nullptr;
  void* refill_context = nullptr;
};

struct ReadError {
  std::string message;
  SourcePosition position;
  // The text ends inside a datum: more text might complete it.
  bool incomplete = false;

  // "file:line:column: message".
  std::string ToString() const;
};

class Reader {
 public:
  enum class Result { kDatum, kEnd, kError };

  // `vm` and `arena` must outlive the reader, `text` too; the file's name is copied into the arena.
  Reader(Vm& vm, SyntaxArena& arena, absl::string_view text, absl::string_view file, const ReaderOptions& options = {});

  // The next datum, the end of the text, or an error, after which the reader is of no more use. A
  // safepoint: may collect, so that Values that the caller holds must be roots.
  Result ReadNext(Syntax** datum);

  bool failed() const { return failed_; }
  const ReadError& error() const { return error_; }
  // How much of the text has been consumed, in bytes, and the position behind it.
  size_t offset() const { return offset_; }
  uint32_t line() const { return line_; }
  uint32_t column() const { return static_cast<uint32_t>(offset_) - column_zero_; }
  bool fold_case() const { return fold_case_; }

 private:
  // An abbreviation, as 'x for (quote x).
  struct Prefix {
    absl::string_view text;
    absl::string_view symbol;
  };
  // One construct that is not complete yet.
  struct Frame {
    enum class Kind : uint8_t { kList, kVector, kBytevector, kPrefix, kComment, kLabel };
    enum class Tail : uint8_t { kNone, kAwaited, kRead };
    Kind kind = Kind::kList;
    Tail tail_state = Tail::kNone;
    SourcePosition position;
    Syntax* target = nullptr;  // the node that a label has promised to fill, or null
    // List: its pairs so far, or null. The last one's cdr is set when the next comes, the tail or the end.
    Syntax* first = nullptr;
    Syntax* last = nullptr;
    size_t count = 0;  // vector, bytevector: of its items, the last of items_
    const Prefix* prefix = nullptr;
  };
  // A datum label: a node of a tree that branches by two bits of its number's hash after the other,
  // so that no definition takes longer for all that there are already.
  struct Label {
    uint64_t number;
    Syntax* datum;
    Label* previous;  // the one defined before
    Label* children[4];
  };
  enum class Step { kMore, kDatum, kEnd, kError };

  SourcePosition Here() const { return SourcePosition{file_, line_, column()}; }
  bool Fail(SourcePosition position, std::string message, bool incomplete = false);
  __attribute__((noinline, cold)) bool FailInterrupted();

  // Counts steps, and polls when there are enough of them: out of line, as scans have no other call. False if the run
  // is to be ended.
  bool Count(size_t steps) {
    uncharged_ += steps;
    return __builtin_expect(uncharged_ < kPollSteps, 1) || Charge();
  }
  __attribute__((noinline, cold)) bool Charge();

  // ---- Characters. The functions return false on invalid UTF-8, or if the run is to be ended.
  static constexpr uint32_t kEndOfText = 0xfffffffe;
  bool Refill(size_t bytes);
  // The character at offset_, not consumed; kEndOfText at the end.
  bool Peek(uint32_t* c) {
    if (__builtin_expect(offset_ >= text_.size() || static_cast<uint8_t>(text_[offset_]) >= 0x80, 0)) {
      return PeekWide(c);
    }
    *c = static_cast<uint8_t>(text_[offset_]);
    return Count(1);
  }
  bool PeekWide(uint32_t* c);
  // The byte `ahead` bytes further, or 0.
  uint8_t PeekByte(size_t ahead) {
    if (text_.size() - offset_ <= ahead && !Refill(ahead + 1)) return 0;
    return static_cast<uint8_t>(text_[offset_ + ahead]);
  }
  // Consumes the character that stands at offset_.
  void Advance(uint32_t c);
  // Consumes as many ASCII characters, none of which ends a line.
  void Skip(size_t bytes) { offset_ += bytes; }
  // Consumes the characters at hand that are of a class (lexical.h) without line endings: up to the first that is not,
  // or so many that it is time for a poll.
  bool SkipRun(uint16_t classes) {
    const char* const text = text_.data();
    const size_t begin = offset_;
    const size_t end = std::min<size_t>(text_.size(), begin + kPollSteps);
    size_t i = begin;
    while (i < end && IsInClass(text[i], classes)) ++i;
    offset_ = i;
    return Count(i - begin + 1);
  }
  // The same for blanks and newlines.
  __attribute__((always_inline)) bool SkipBlanks() {
    const char* const text = text_.data();
    const size_t begin = offset_;
    const size_t end = std::min<size_t>(text_.size(), begin + kPollSteps);
    size_t i = begin;
    for (; i < end; ++i) {
      if (IsInClass(text[i], kBlankClass)) continue;
      if (text[i] != '\n') break;
      StartLine(i + 1);
    }
    offset_ = i;
    return Count(i - begin + 1);
  }
  // Whether the next byte is at hand, and an ASCII character of one of the classes.
  bool AtClass(uint16_t classes) const { return offset_ < text_.size() && IsInClass(text_[offset_], classes); }
  // A new line begins at `offset`.
  void StartLine(size_t offset) {
    ++line_;
    column_zero_ = static_cast<uint32_t>(offset) - 1;
  }
  void SkipByteOrderMark();
  bool SkipLine();
  bool SkipBlockComment();
  // Consumes what may stand between tokens, and looks at what stands behind: `*c`, as Peek has it.
  __attribute__((always_inline)) bool FindToken(uint32_t* c) {
    if (!SkipBlanks()) return false;
    if (__builtin_expect(!AtClass(kTokenClass), 0)) return SkipAtmosphere(c);
    *c = static_cast<uint8_t>(text_[offset_]);
    return true;
  }
  bool SkipAtmosphere(uint32_t* c);

  // ---- Tokens.
  // `c` is the character that begins it.
  Step ReadToken(uint32_t c, Syntax** datum);
  Step ReadDot(Syntax** datum);
  Step ReadHash(Syntax** datum);
  Step ReadDirective();
  Step ReadLabel(Syntax** datum);
  __attribute__((always_inline)) Step Close(Syntax** datum);
  Step CloseOther(Syntax** datum);
  // Reads up to the next delimiter. `word` is part of text_, like all words, so that a long one is not copied.
  bool ReadWord(absl::string_view* word);
  bool ReadString(Syntax** datum);
  bool ReadCharacter(Syntax** datum);
  __attribute__((always_inline)) bool ReadIdentifier(Syntax** datum);
  bool ReadNumberOrIdentifier(Syntax** datum);
  bool FailOddWord(SourcePosition start, absl::string_view word);
  bool ReadBarSymbol(Syntax** datum);
  bool ReadNumber(SourcePosition start, absl::string_view word, Syntax** datum);
  // The text between quotes or bars, escapes resolved: `*out` is part of text_ where that has it as
  // it stands, else of
  // `*buffer`.
  bool ReadDelimited(uint32_t closing, const char* what, std::string* buffer, absl::string_view* out);
  bool ReadEscape(uint32_t closing, std::string* out);
  // Behind the x of an escape that began at `start`.
  bool ReadHexEscape(SourcePosition start, std::string* out);
  // A backslash at `start`, blanks, a line ending and more blanks stand for nothing; behind the backslash.
  bool SkipEscapedLineEnding(SourcePosition start);

  // ---- Data.
  bool Open(Frame::Kind kind, SourcePosition position) {
    if (frames_.size() >= options_.max_depth) return FailTooDeep(position);
    Syntax* const target = kind == Frame::Kind::kComment ? nullptr : TakeTarget();
    Frame& frame = frames_.emplace_back();
    frame.kind = kind;
    frame.position = position;
    frame.target = target;
    return true;
  }
  __attribute__((noinline, cold)) bool FailTooDeep(SourcePosition position);
  Step OpenPrefix(const Prefix& prefix);
  Syntax* TakeTarget() {
    return !frames_.empty() && frames_.back().kind == Frame::Kind::kLabel ? frames_.back().target : nullptr;
  }
  Syntax* Fill(Syntax* target, Syntax* made) {
    return __builtin_expect(target == nullptr, 1) ? made : FillTarget(target, made);
  }
  Syntax* FillTarget(Syntax* target, Syntax* made);
  Syntax* MakeAtom(Value v, SourcePosition position) { return Fill(TakeTarget(), arena_.Atom(v, position)); }
  __attribute__((always_inline)) Syntax* MakeSymbol(absl::string_view name, SourcePosition position) {
    return Fill(TakeTarget(), arena_.Symbol(vm_.Intern(name), position));
  }
  // Where the label is in the tree, or would be.
  Label** FindLabel(uint64_t number);
  // Puts a complete datum into the list that it stands in. False if it stands in none, or behind a dot.
  bool AppendToList(Syntax* item);
  Syntax* TakeItem();
  Syntax* MakeList(const Frame& frame);
  Syntax* MakeVector(const Frame& frame);
  Syntax* MakeBytevector(const Frame& frame);
  // Hands a complete datum to the construct it stands in.
  Step Deliver(Syntax* datum, Syntax** result);
  bool FailIncomplete();
  // The most that Intern allocates for a name of so many bytes: a wide string takes four for a character that takes two
  // in UTF-8, and the objects have headers.
  static constexpr size_t SymbolBytes(size_t name) { return 2 * name + 64; }
  // The most that a number of so many digits, or a bytevector of so many bytes, takes with its header.
  static constexpr size_t LeafBytes(size_t content) { return content + 16; }
  // Makes sure that so many bytes of heap can be allocated. Number parsing takes up to a quarter of the slack by
  // itself.
  bool Safepoint(size_t bytes) {
    allocated_ += bytes;
    return __builtin_expect(allocated_ <= Heap::kSlack / 2, 1) || ReserveHeap(bytes);
  }
  bool ReserveHeap(size_t bytes);

  Vm& vm_;
  SyntaxArena& arena_;
  absl::string_view text_;
  ReaderOptions options_;
  const std::string* file_;
  size_t offset_ = 0;
  uint32_t line_;
  // The column is offset_ less this: characters of one byte, as most are, change nothing here. Wraps.
  uint32_t column_zero_;
  bool fold_case_;
  bool at_end_ = false;
  bool failed_ = false;
  ReadError error_;
  StepCounter steps_;
  size_t uncharged_ = 0;  // that Count has counted
  size_t allocated_ = 0;  // heap bytes since the last safepoint
  std::vector<Frame> frames_;
  WorkStack<Syntax*> items_;
  // The datum's labels.
  Label* labels_ = nullptr;
  Label* last_label_ = nullptr;
};

// An alias as a datum: the symbol it was made from, or something that stands for it.
using ResolveAlias = std::function<Value(const Alias* alias)>;
// Told of each pair and vector that is translated, once, and, by DatumToSyntax, of each leaf: what it was and became.
using NoteTranslation = std::function<void(Value datum, Syntax* syntax)>;

// Bytes of heap that SyntaxToDatum takes for the pairs and vectors of `syntax`.
size_t DatumBytes(const Syntax* syntax);

// The datum behind syntax, with its sharing and cycles. `immutable` makes vectors literals (strings
// and bytevectors are what the reader made of them). `resolve` may be null if there are no aliases.
// A safepoint if the datum is large (what the arena holds is safe); kUndefined if the heap limit
// does not allow it then.
Value SyntaxToDatum(Vm& vm, const Syntax* syntax, bool immutable, const ResolveAlias& resolve = nullptr,
                    const NoteTranslation& note = nullptr);

// Syntax for a datum, all at `position`; shared and cyclic parts stay so. Null if the datum is
// nested deeper than `max_depth`, or takes more than `max_bytes` of the arena. Does not allocate in
// the heap. `note` may change what it is given, but for the parts of pairs and vectors.
Syntax* DatumToSyntax(SyntaxArena& arena, Heap& heap, Value datum, SourcePosition position, size_t max_depth = 10000,
                      size_t max_bytes = ~size_t{0}, const NoteTranslation& note = nullptr);

}  // namespace islet::vm

#endif  // ISLET_ISOLATE_READER_READER_H_
