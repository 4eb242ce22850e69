// Reads Lisp data from text: the whole lexical syntax of R7RS (7.1.1 and 7.1.2), with positions.
//
//   Reader reader(vm, arena, text, "startup.lisp");
//   Syntax* datum;
//   while (reader.ReadNext(&datum) == Reader::Result::kDatum) Use(datum);
//   if (reader.failed()) return reader.error().ToStatus();
//
// Beyond R7RS: a `#!` line at the very start of the text is a comment; `#` may stand inside an
// identifier.
//
// Datum labels give a graph of Syntax that shares, and may be cyclic. The reader does not recurse:
// nesting is limited only by ReaderOptions::max_depth.

#ifndef ISLET_ISOLATE_READER_READER_H_
#define ISLET_ISOLATE_READER_READER_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "isolate/heap/poll.h"
#include "isolate/heap/value.h"
#include "isolate/heap/work_stack.h"
#include "isolate/interpreter/vm.h"
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
  absl::Status ToStatus() const;
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
  uint32_t column() const { return column_; }
  bool fold_case() const { return fold_case_; }

 private:
  // One construct that is not complete yet.
  struct Frame {
    enum class Kind : uint8_t { kList, kVector, kBytevector, kPrefix, kComment, kLabel };
    enum class Tail : uint8_t { kNone, kAwaited, kRead };
    Kind kind;
    Tail tail_state = Tail::kNone;
    SourcePosition position;
    size_t count = 0;            // list, vector, bytevector: of its items, the last of items_
    Syntax* tail = nullptr;      // list: what stands behind the dot
    Syntax* target = nullptr;    // the node that a label has promised to fill, or null
    const char* name = nullptr;  // prefix: the symbol's name
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

  SourcePosition Here() const { return SourcePosition{file_, line_, column_}; }
  bool Fail(SourcePosition position, std::string message, bool incomplete = false);

  // ---- Characters. The functions return false on invalid UTF-8.
  static constexpr uint32_t kEndOfText = 0xfffffffe;
  bool Refill(size_t bytes);
  // The character at offset_, not consumed; kEndOfText at the end.
  bool Peek(uint32_t* c);
  // The byte `ahead` bytes further, or 0.
  uint8_t PeekByte(size_t ahead);
  void Advance(uint32_t c);
  bool SkipLine();
  bool SkipBlockComment();
  bool SkipAtmosphere();

  // ---- Tokens.
  Step ReadToken(Syntax** datum);
  Step ReadHash(Syntax** datum);
  Step ReadDirective();
  Step ReadLabel(Syntax** datum);
  Step Close(Syntax** datum);
  // What stands up to the next delimiter: part of text_, like all words, so that a long one is not copied.
  bool ReadWord(absl::string_view* word);
  bool ReadString(Syntax** datum);
  bool ReadCharacter(Syntax** datum);
  bool ReadNumberOrIdentifier(Syntax** datum);
  bool ReadBarSymbol(Syntax** datum);
  bool ReadNumber(SourcePosition start, absl::string_view word, Syntax** datum);
  // The text between quotes or bars, escapes resolved: `*out` is part of text_ where that has it as
  // it stands, else of
  // `*buffer`.
  bool ReadDelimited(uint32_t closing, const char* what, std::string* buffer, absl::string_view* out);
  size_t PlainRun(uint32_t closing) const;
  bool ReadEscape(uint32_t closing, std::string* out);

  // ---- Data.
  bool Open(Frame::Kind kind, SourcePosition position);
  Syntax* TakeTarget();
  Syntax* Fill(Syntax* target, Syntax* made);
  Syntax* MakeAtom(Value v, SourcePosition position);
  Syntax* MakeSymbol(absl::string_view name, SourcePosition position);
  // Where the label is in the tree, or would be.
  Label** FindLabel(uint64_t number);
  Syntax* TakeItem();
  Syntax* MakeList(const Frame& frame);
  Syntax* MakeVector(const Frame& frame);
  Syntax* MakeBytevector(const Frame& frame);
  // Hands a complete datum to the construct it stands in.
  Step Deliver(Syntax* datum, Syntax** result);
  bool FailIncomplete();
  bool Safepoint(size_t bytes);

  Vm& vm_;
  SyntaxArena& arena_;
  absl::string_view text_;
  ReaderOptions options_;
  const std::string* file_;
  size_t offset_ = 0;
  uint32_t line_;
  uint32_t column_;
  bool fold_case_;
  bool at_end_ = false;
  bool failed_ = false;
  ReadError error_;
  StepCounter steps_;
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
