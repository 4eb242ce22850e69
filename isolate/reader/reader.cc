#include "isolate/reader/reader.h"

#include "absl/strings/str_cat.h"
#include "isolate/reader/lexical.h"

namespace islet::vm {

namespace {

std::string_view ToStd(absl::string_view text) { return {text.data(), text.size()}; }

}  // namespace

std::string ReadError::ToString() const {
  const std::string where = position.ToString();
  return where.empty() ? message : absl::StrCat(where, ": ", message);
}

absl::Status ReadError::ToStatus() const { return absl::InvalidArgumentError(ToString()); }

Reader::Reader(Vm& vm, SyntaxArena& arena, absl::string_view text, absl::string_view file, const ReaderOptions& options)
    : vm_(vm),
      arena_(arena),
      text_(text),
      options_(options),
      file_(arena.FileName(ToStd(file))),
      line_(options.first_line),
      column_(options.first_column),
      fold_case_(options.fold_case) {}

bool Reader::Fail(SourcePosition position, std::string message, bool incomplete) {
  failed_ = true;
  error_ = ReadError{std::move(message), position, incomplete};
  return false;
}

Reader::Result Reader::ReadNext(Syntax** datum) {
  frames_.clear();
  labels_ = last_label_ = nullptr;
  while (!failed_) {
    if (arena_.bytes() > options_.max_arena_bytes) {
      Fail(Here(), "the text is too large to be read at once");
      break;
    }
    if (!SkipAtmosphere()) break;
    Syntax* read = nullptr;
    Step step = ReadToken(&read);
    if (step == Step::kDatum) step = Deliver(read, datum);
    if (step == Step::kDatum) return Result::kDatum;
    if (step == Step::kEnd) {
      if (frames_.empty()) return Result::kEnd;
      FailIncomplete();
    }
  }
  return Result::kError;
}

bool Reader::FailIncomplete() {
  const Frame& frame = frames_.back();
  switch (frame.kind) {
    case Frame::Kind::kList:
      return Fail(frame.position, "this list is not closed: a ) is missing", true);
    case Frame::Kind::kVector:
    case Frame::Kind::kBytevector:
      return Fail(frame.position, "this vector is not closed: a ) is missing", true);
    case Frame::Kind::kPrefix:
      return Fail(frame.position, absl::StrCat("nothing follows this ", frame.name), true);
    case Frame::Kind::kComment:
      return Fail(frame.position, "nothing follows this #;", true);
    case Frame::Kind::kLabel:
      return Fail(frame.position, "nothing follows this label", true);
  }
  return false;
}

bool Reader::Safepoint(size_t bytes) {
  // Number parsing takes up to a quarter of the slack by itself.
  if (allocated_ + bytes > Heap::kSlack / 2) {
    if (!vm_.heap().Reserve(bytes + Heap::kSlack / 2)) {
      return Fail(Here(), "out of memory: the heap limit does not allow this datum");
    }
    allocated_ = 0;
  }
  allocated_ += bytes;
  return true;
}

// ---- Data

bool Reader::Open(Frame::Kind kind, SourcePosition position) {
  if (frames_.size() >= options_.max_depth) {
    return Fail(position, absl::StrCat("data are nested more than ", options_.max_depth, " deep"));
  }
  Frame frame{};
  frame.kind = kind;
  frame.position = position;
  frame.target = kind == Frame::Kind::kComment ? nullptr : TakeTarget();
  frames_.push_back(frame);
  return true;
}

Syntax* Reader::TakeTarget() {
  return !frames_.empty() && frames_.back().kind == Frame::Kind::kLabel ? frames_.back().target : nullptr;
}

Syntax* Reader::Fill(Syntax* target, Syntax* made) {
  if (target == nullptr) return made;
  *target = *made;
  if (target->value.IsRef()) arena_.AddConstantRoot(&target->value);
  return target;
}

Syntax* Reader::MakeAtom(Value v, SourcePosition position) { return Fill(TakeTarget(), arena_.Atom(v, position)); }

Syntax* Reader::MakeSymbol(absl::string_view name, SourcePosition position) {
  return Fill(TakeTarget(), arena_.Symbol(vm_.Intern(std::string_view(name.data(), name.size())), position));
}

Syntax* Reader::MakeList(const Frame& frame) {
  Syntax* list = frame.tail != nullptr ? frame.tail : arena_.Atom(kNull, frame.position);
  for (size_t i = frame.count; i-- > 0 && steps_.Add(4);) {
    Syntax* const item = TakeItem();
    list = arena_.Cons(item, list, i == 0 ? frame.position : item->position);
  }
  return Fill(frame.target, list);
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
            items_.push_back(datum);
            ++frame.count;
            return Step::kMore;
          case Frame::Tail::kAwaited:
            frame.tail = datum;
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
        const absl::string_view name = frame.name;
        const char* symbol = name == "'"   ? "quote"
                             : name == "`" ? "quasiquote"
                             : name == "," ? "unquote"
                                           : "unquote-splicing";
        Syntax* const list[] = {arena_.Symbol(vm_.Intern(symbol), frame.position), datum};
        datum = Fill(frame.target, arena_.List(list, frame.position));
        frames_.pop_back();
        break;
      }
    }
  }
  *result = datum;
  return Step::kDatum;
}

Reader::Step Reader::ReadToken(Syntax** datum) {
  uint32_t c;
  if (!Peek(&c)) return Step::kError;
  if (c == kEndOfText) return Step::kEnd;
  const SourcePosition start = Here();
  const auto made = [](bool ok) { return ok ? Step::kDatum : Step::kError; };
  const auto prefix = [&](const char* name) {
    for (const char* p = name; *p != 0; ++p) Advance(static_cast<uint8_t>(*p));
    if (!Open(Frame::Kind::kPrefix, start)) return Step::kError;
    frames_.back().name = name;
    return Step::kMore;
  };
  switch (c) {
    case '(':
      Advance(c);
      return Open(Frame::Kind::kList, start) ? Step::kMore : Step::kError;
    case ')':
      return Close(datum);
    case '\'':
      return prefix("'");
    case '`':
      return prefix("`");
    case ',':
      return prefix(PeekByte(1) == '@' ? ",@" : ",");
    case '"':
      return made(ReadString(datum));
    case '|':
      return made(ReadBarSymbol(datum));
    case '#':
      return ReadHash(datum);
    case '[':
    case ']':
      Fail(start, "square brackets are not parentheses here: write ( and )");
      return Step::kError;
    case '{':
    case '}':
      Fail(start, "curly braces are reserved: write ( and )");
      return Step::kError;
    case '.': {
      const uint8_t next = PeekByte(1);
      if (next != 0 && !IsDelimiter(next)) return made(ReadNumberOrIdentifier(datum));
      if (frames_.empty() || frames_.back().kind != Frame::Kind::kList) {
        Fail(start, "a dot may only stand inside a list");
        return Step::kError;
      }
      Frame& list = frames_.back();
      if (list.tail_state != Frame::Tail::kNone) {
        Fail(start, "a list may have only one dot");
        return Step::kError;
      }
      if (list.count == 0) {
        Fail(start, "a datum must stand between ( and the dot");
        return Step::kError;
      }
      Advance(c);
      list.tail_state = Frame::Tail::kAwaited;
      return Step::kMore;
    }
    default:
      return made(ReadNumberOrIdentifier(datum));
  }
}

Reader::Step Reader::Close(Syntax** datum) {
  const SourcePosition here = Here();
  if (frames_.empty()) {
    Fail(here, "this ) closes nothing");
    return Step::kError;
  }
  const Frame frame = frames_.back();
  switch (frame.kind) {
    case Frame::Kind::kPrefix:
    case Frame::Kind::kComment:
    case Frame::Kind::kLabel:
      FailIncomplete();
      error_.incomplete = false;
      return Step::kError;
    case Frame::Kind::kList:
      if (frame.tail_state == Frame::Tail::kAwaited) {
        Fail(here, "a datum must stand between the dot and )");
        return Step::kError;
      }
      *datum = MakeList(frame);
      break;
    case Frame::Kind::kVector:
      *datum = MakeVector(frame);
      break;
    case Frame::Kind::kBytevector:
      if (!Safepoint(frame.count + 16)) return Step::kError;
      *datum = MakeBytevector(frame);
      break;
  }
  Advance(')');
  frames_.pop_back();
  return Step::kDatum;
}

}  // namespace islet::vm
