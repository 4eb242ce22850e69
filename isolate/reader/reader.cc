#include "isolate/reader/reader.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "isolate/reader/lexical.h"

namespace islet::vm {

std::string ReadError::ToString() const {
  const std::string where = position.ToString();
  return where.empty() ? message : absl::StrCat(where, ": ", message);
}

Reader::Reader(Vm& vm, SyntaxArena& arena, absl::string_view text, absl::string_view file, const ReaderOptions& options)
    : vm_(vm),
      arena_(arena),
      text_(text),
      options_(options),
      file_(arena.FileName(file)),
      line_(options.first_line),
      column_zero_(-options.first_column),
      fold_case_(options.fold_case) {}

bool Reader::Fail(SourcePosition position, std::string message, bool incomplete) {
  failed_ = true;
  error_ = ReadError{std::move(message), position, incomplete};
  return false;
}

bool Reader::Charge() { return steps_.Add(std::exchange(uncharged_, 0)) || FailInterrupted(); }

bool Reader::FailInterrupted() { return Fail(Here(), "reading has been interrupted"); }

bool Reader::FailIncomplete() {
  const Frame& frame = frames_.back();
  switch (frame.kind) {
    case Frame::Kind::kList:
      return Fail(frame.position, "this list is not closed: a ) is missing", true);
    case Frame::Kind::kVector:
    case Frame::Kind::kBytevector:
      return Fail(frame.position, "this vector is not closed: a ) is missing", true);
    case Frame::Kind::kPrefix:
      return Fail(frame.position, absl::StrCat("nothing follows this ", frame.prefix->text), true);
    case Frame::Kind::kComment:
      return Fail(frame.position, "nothing follows this #;", true);
    case Frame::Kind::kLabel:
      return Fail(frame.position, "nothing follows this label", true);
  }
  return false;
}

bool Reader::ReserveHeap(size_t bytes) {
  if (!vm_.heap().Reserve(bytes + Heap::kSlack / 2)) {
    return Fail(Here(), "out of memory: the heap limit does not allow this datum");
  }
  allocated_ = bytes;
  return true;
}

// ---- Data

bool Reader::FailTooDeep(SourcePosition position) {
  return Fail(position, absl::StrCat("data are nested more than ", options_.max_depth, " deep"));
}

Reader::Step Reader::OpenPrefix(const Prefix& prefix) {
  const SourcePosition start = Here();
  Skip(prefix.text.size());
  if (!Open(Frame::Kind::kPrefix, start)) return Step::kError;
  frames_.back().prefix = &prefix;
  return Step::kMore;
}

Syntax* Reader::FillTarget(Syntax* target, Syntax* made) {
  *target = *made;
  if (target->value.IsRef()) arena_.AddConstantRoot(&target->value);
  return target;
}

inline bool Reader::AppendToList(Syntax* item) {
  if (frames_.empty()) return false;
  Frame& list = frames_.back();
  if (list.kind != Frame::Kind::kList || list.tail_state != Frame::Tail::kNone) return false;
  Syntax* const pair = arena_.Cons(item, nullptr, item->position);
  if (list.last != nullptr) {
    list.last->cdr = pair;
  } else {
    list.first = pair;
    pair->position = list.position;
  }
  list.last = pair;
  uncharged_ += 4;  // for the pair; whoever looks at the next character polls if need be
  return true;
}

inline Syntax* Reader::MakeList(const Frame& frame) {
  if (frame.tail_state == Frame::Tail::kRead) return Fill(frame.target, frame.first);
  Syntax* const end = arena_.Atom(kNull, frame.position);
  if (frame.first == nullptr) return Fill(frame.target, end);
  frame.last->cdr = end;
  return Fill(frame.target, frame.first);
}

Syntax* Reader::MakeVector(const Frame& frame) {
  Syntax* const vector = arena_.MakeVector(frame.count, frame.position);
  for (size_t i = frame.count; i > 0; --i) {
    if (!steps_.Add(1)) {  // the end of it will do
      vector->items += i;
      vector->count -= i;
      break;
    }
    vector->items[i - 1] = TakeItem();
  }
  return Fill(frame.target, vector);
}

Syntax* Reader::MakeBytevector(const Frame& frame) {
  const Value v =
      vm_.heap().MakeBytevector(static_cast<uint32_t>(frame.count), options_.immutable_literals ? kImmutableFlag : 0);
  uint8_t* const bytes = vm_.heap().Get<Bytevector>(v)->bytes;
  for (size_t i = frame.count; i-- > 0 && steps_.Add(1);) {
    bytes[i] = static_cast<uint8_t>(TakeItem()->value.fixnum());
  }
  return Fill(frame.target, arena_.Atom(v, frame.position));
}

Syntax* Reader::TakeItem() {
  Syntax* const item = items_.back();
  items_.pop_back();
  return item;
}

Reader::Label** Reader::FindLabel(uint64_t number) {
  Label** at = &labels_;
  // Multiplying spreads the low bits, in which numbers differ, over the high ones.
  for (uint64_t hash = number * 0x9e3779b97f4a7c15; *at != nullptr && (*at)->number != number;) {
    at = &(*at)->children[hash >> 62];
    hash = hash << 2 | hash >> 62;
  }
  return at;
}

Reader::Step Reader::Deliver(Syntax* datum, Syntax** result) {
  while (!frames_.empty()) {
    Frame& frame = frames_.back();
    switch (frame.kind) {
      case Frame::Kind::kList:
        switch (frame.tail_state) {
          case Frame::Tail::kNone:
            AppendToList(datum);
            return Step::kMore;
          case Frame::Tail::kAwaited:
            frame.last->cdr = datum;
            frame.tail_state = Frame::Tail::kRead;
            return Step::kMore;
          case Frame::Tail::kRead:
            Fail(datum->position, "only one datum may follow the dot of a list");
            return Step::kError;
        }
        return Step::kError;
      case Frame::Kind::kBytevector:
        if (datum->kind != Syntax::Kind::kAtom || !datum->value.IsFixnum() || datum->value.fixnum() < 0 ||
            datum->value.fixnum() > 255) {
          Fail(datum->position, "only integers from 0 to 255 may stand in a bytevector");
          return Step::kError;
        }
        items_.push_back(datum);
        ++frame.count;
        return Step::kMore;
      case Frame::Kind::kVector:
        items_.push_back(datum);
        ++frame.count;
        return Step::kMore;
      case Frame::Kind::kComment:
        frames_.pop_back();
        return Step::kMore;
      case Frame::Kind::kLabel:
        frames_.pop_back();
        break;
      case Frame::Kind::kPrefix: {
        const Value symbol = vm_.Intern(absl::string_view(frame.prefix->symbol.data(), frame.prefix->symbol.size()));
        Syntax* const list[] = {arena_.Symbol(symbol, frame.position), datum};
        datum = Fill(frame.target, arena_.List(list, frame.position));
        frames_.pop_back();
        break;
      }
    }
  }
  *result = datum;
  return Step::kDatum;
}

Reader::Step Reader::ReadToken(uint32_t c, Syntax** datum) {
  static constexpr Prefix kQuote{"'", "quote"};
  static constexpr Prefix kQuasiquote{"`", "quasiquote"};
  static constexpr Prefix kUnquote{",", "unquote"};
  static constexpr Prefix kUnquoteSplicing{",@", "unquote-splicing"};
  const auto made = [](bool ok) { return ok ? Step::kDatum : Step::kError; };
  switch (c) {
    case '\'':
      return OpenPrefix(kQuote);
    case '`':
      return OpenPrefix(kQuasiquote);
    case ',':
      return OpenPrefix(PeekByte(1) == '@' ? kUnquoteSplicing : kUnquote);
    case '"':
      return made(ReadString(datum));
    case '|':
      return made(ReadBarSymbol(datum));
    case '#':
      return ReadHash(datum);
    case '[':
    case ']':
      Fail(Here(), "square brackets are not parentheses here: write ( and )");
      return Step::kError;
    case '{':
    case '}':
      Fail(Here(), "curly braces are reserved: write ( and )");
      return Step::kError;
    case '.':
      return ReadDot(datum);
    case kEndOfText:
      return Step::kEnd;
    default:
      return made(ReadNumberOrIdentifier(datum));
  }
}

Reader::Step Reader::ReadDot(Syntax** datum) {
  const uint8_t next = PeekByte(1);
  if (next != 0 && !IsDelimiter(next)) return ReadNumberOrIdentifier(datum) ? Step::kDatum : Step::kError;
  if (frames_.empty() || frames_.back().kind != Frame::Kind::kList) {
    Fail(Here(), "a dot may only stand inside a list");
    return Step::kError;
  }
  Frame& list = frames_.back();
  if (list.tail_state != Frame::Tail::kNone) {
    Fail(Here(), "a list may have only one dot");
    return Step::kError;
  }
  if (list.first == nullptr) {
    Fail(Here(), "a datum must stand between ( and the dot");
    return Step::kError;
  }
  Skip(1);
  list.tail_state = Frame::Tail::kAwaited;
  return Step::kMore;
}

inline Reader::Step Reader::Close(Syntax** datum) {
  if (frames_.empty() || frames_.back().kind != Frame::Kind::kList ||
      frames_.back().tail_state == Frame::Tail::kAwaited) {
    return CloseOther(datum);
  }
  *datum = MakeList(frames_.back());
  Skip(1);
  frames_.pop_back();
  return Step::kDatum;
}

Reader::Step Reader::CloseOther(Syntax** datum) {
  if (frames_.empty()) {
    Fail(Here(), "this ) closes nothing");
    return Step::kError;
  }
  const Frame& frame = frames_.back();
  switch (frame.kind) {
    case Frame::Kind::kPrefix:
    case Frame::Kind::kComment:
    case Frame::Kind::kLabel:
      FailIncomplete();
      error_.incomplete = false;
      return Step::kError;
    case Frame::Kind::kList:
      Fail(Here(), "a datum must stand between the dot and )");
      return Step::kError;
    case Frame::Kind::kVector:
      *datum = MakeVector(frame);
      break;
    case Frame::Kind::kBytevector:
      if (!Safepoint(LeafBytes(frame.count))) return Step::kError;
      *datum = MakeBytevector(frame);
      break;
  }
  Skip(1);
  frames_.pop_back();
  return Step::kDatum;
}

// A word that begins like an identifier. What is neither all at hand nor all ASCII is left to ReadNumberOrIdentifier.
inline bool Reader::ReadIdentifier(Syntax** datum) {
  const SourcePosition start = Here();
  const size_t begin = offset_;
  if (!SkipRun(kSubsequentClass)) return false;
  const absl::string_view word(text_.data() + begin, offset_ - begin);
  if (__builtin_expect(!AtClass(kDelimiterClass) || fold_case_, 0)) {
    offset_ = begin;
    return ReadNumberOrIdentifier(datum);
  }
  if (!Safepoint(SymbolBytes(word.size()))) return false;
  *datum = MakeSymbol(word, start);
  return true;
}

// The lists and symbols of which most texts consist are read right here.
Reader::Result Reader::ReadNext(Syntax** datum) {
  frames_.clear();
  labels_ = last_label_ = nullptr;
  while (!failed_) {
    if (arena_.bytes() > options_.max_arena_bytes) {
      Fail(Here(), "the text is too large to be read at once");
      break;
    }
    uint32_t c;
    if (!FindToken(&c)) break;
    Syntax* read = nullptr;
    Step step;
    if (c == '(') {
      const SourcePosition start = Here();
      Skip(1);
      step = Open(Frame::Kind::kList, start) ? Step::kMore : Step::kError;
    } else if (c == ')') {
      step = Close(&read);
    } else if (c < 128 && IsInClass(static_cast<uint8_t>(c), kInitialClass)) {
      step = ReadIdentifier(&read) ? Step::kDatum : Step::kError;
    } else {
      step = ReadToken(c, &read);
    }
    if (step == Step::kMore || (step == Step::kDatum && AppendToList(read))) continue;
    if (step == Step::kDatum) step = Deliver(read, datum);
    if (step == Step::kDatum) return Result::kDatum;
    if (step == Step::kEnd) {
      if (frames_.empty()) return Result::kEnd;
      FailIncomplete();
    }
  }
  return Result::kError;
}

}  // namespace islet::vm
