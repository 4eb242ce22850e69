// The reader's lower half: characters to tokens.

#include <utf8proc.h>

#include <algorithm>
#include <cstdlib>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "isolate/data/foreign_names.h"
#include "isolate/data/string.h"
#include "isolate/heap/poll.h"
#include "isolate/heap/scratch.h"
#include "isolate/numbers/numbers.h"
#include "isolate/reader/lexical.h"
#include "isolate/reader/reader.h"

namespace islet::vm {

namespace {

constexpr absl::string_view kByteOrderMark = "\xef\xbb\xbf";
constexpr size_t kLongestUtf8 = 4;
constexpr size_t kMostLabelDigits = 18;

// The way a message shows a character.
std::string Shown(uint32_t c) {
  std::string text;
  if (c > ' ' && c != 0x7f) AppendUtf8(&text, c);
  return absl::StrCat(text, text.empty() ? "" : " ", absl::StrFormat("(U+%04X)", c));
}

// A token as a message shows it: not all of a very long one.
std::string Shown(absl::string_view word) {
  constexpr size_t kLongest = 60;
  if (word.size() <= kLongest) return std::string(word);
  size_t cut = kLongest;
  while ((static_cast<uint8_t>(word[cut]) & 0xc0) == 0x80) --cut;
  return absl::StrCat(word.substr(0, cut), "...");
}

std::string FoldCase(absl::string_view text) {
  std::string result;
  StepCounter steps;
  // Character by character maps the same as all at once.
  while (!text.empty() && steps.Add(kPollSteps / 4)) {
    size_t part = std::min<size_t>(text.size(), kPollSteps);
    while (part < text.size() && (static_cast<uint8_t>(text[part]) & 0xc0) == 0x80) ++part;
    utf8proc_uint8_t* folded = nullptr;
    const utf8proc_ssize_t length = utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                                                 static_cast<utf8proc_ssize_t>(part), &folded, UTF8PROC_CASEFOLD);
    if (length < 0) {
      result.append(text.data(), part);
    } else {
      result.append(reinterpret_cast<const char*>(folded), static_cast<size_t>(length));
    }
    free(folded);  // utf8proc's own allocation
    text.remove_prefix(part);
  }
  return result;
}

}  // namespace

// ---- Characters

bool Reader::Refill(size_t bytes) {
  while (text_.size() - offset_ < bytes) {
    if (options_.refill == nullptr || at_end_) return false;
    if (!options_.refill(options_.refill_context, &text_)) {
      at_end_ = true;
      return false;
    }
  }
  return true;
}

bool Reader::PeekWide(uint32_t* c) {
  if (!Count(1)) return false;
  if (offset_ >= text_.size() && !Refill(1)) {
    *c = kEndOfText;
    return true;
  }
  const uint8_t first = static_cast<uint8_t>(text_[offset_]);
  if (first < 0x80) {
    *c = first;
    return true;
  }
  if (first >= 0xc0) Refill(first < 0xe0 ? 2 : first < 0xf0 ? 3 : kLongestUtf8);
  const char* p = text_.data() + offset_;
  *c = DecodeUtf8(&p, text_.data() + text_.size());
  if (*c == kInvalidChar) {
    return Fail(Here(), absl::StrFormat("the text is not valid UTF-8: byte 0x%02x", first));
  }
  return true;
}

void Reader::Advance(uint32_t c) {
  const uint32_t bytes = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
  offset_ += bytes;
  // A CR LF counts as one line ending, at the LF: the CR takes no column.
  if (c == '\n' || (c == '\r' && PeekByte(0) != '\n')) {
    StartLine(offset_);
  } else {
    column_zero_ += c == '\r' ? 1 : bytes - 1;
  }
}

void Reader::SkipByteOrderMark() {
  if (PeekByte(0) != 0xef || PeekByte(1) != 0xbb || PeekByte(2) != 0xbf) return;
  offset_ = kByteOrderMark.size();
  column_zero_ += kByteOrderMark.size();
}

bool Reader::SkipLine() {
  uint32_t c;
  while (true) {
    if (!SkipRun(kLineCommentClass) || !Peek(&c)) return false;
    if (c == kEndOfText || c == '\n' || c == '\r') return true;
    Advance(c);
  }
}

bool Reader::SkipBlockComment() {
  const SourcePosition start = Here();
  size_t depth = 0;
  uint32_t c;
  do {
    if (!SkipRun(kBlockCommentClass) || !Peek(&c)) return false;
    if (c == kEndOfText) return Fail(start, "this comment is not closed: a |# is missing", true);
    const uint8_t next = PeekByte(1);
    if (c == '#' && next == '|') {
      ++depth;
      Skip(1);
      c = '|';
    } else if (c == '|' && next == '#') {
      --depth;
      Skip(1);
      c = '#';
    }
    Advance(c);
  } while (depth > 0);
  return true;
}

bool Reader::SkipAtmosphere(uint32_t* c) {
  if (offset_ == 0) SkipByteOrderMark();
  while (true) {
    if (!SkipBlanks() || !Peek(c)) return false;
    if (*c == ';') {
      if (!SkipLine()) return false;
    } else if (*c == '#') {
      if (PeekByte(1) != '|') return true;
      if (!SkipBlockComment()) return false;
    } else if (*c != kEndOfText && IsWhitespace(*c)) {
      Advance(*c);
    } else {
      return true;
    }
  }
}

// ---- Words: what stands up to the next delimiter

bool Reader::ReadWord(absl::string_view* word) {
  const size_t begin = offset_;
  uint32_t c;
  while (true) {
    if (!SkipRun(kWordClass) || !Peek(&c)) return false;
    if (c == kEndOfText || IsDelimiter(c)) break;
    Advance(c);
  }
  *word = text_.substr(begin, offset_ - begin);
  return true;
}

bool Reader::ReadNumber(SourcePosition start, absl::string_view word, Syntax** datum) {
  if (!Safepoint(LeafBytes(word.size()))) return false;
  const std::optional<Value> number = ParseNumber(vm_.heap(), word, 10);
  if (!number.has_value()) return Fail(start, absl::StrCat(Shown(word), " is not a number"));
  *datum = MakeAtom(*number, start);
  return true;
}

bool Reader::ReadNumberOrIdentifier(Syntax** datum) {
  const SourcePosition start = Here();
  const size_t begin = offset_;
  uint32_t c;
  while (true) {
    if (!SkipRun(kSubsequentClass)) return false;
    if (AtClass(kDelimiterClass)) break;
    if (!Peek(&c)) return false;
    if (c == kEndOfText || IsDelimiter(c)) break;
    if (offset_ > begin && c < 128 && absl::StrContains("[]{}", static_cast<char>(c))) break;
    if (!IsSubsequent(c)) {  // reported where it stands
      const absl::string_view word = text_.substr(begin, offset_ - begin);
      return Fail(Here(), absl::StrCat("unexpected character ", Shown(c),
                                       word.empty() ? "" : absl::StrCat(" after ", Shown(word))));
    }
    Advance(c);
  }
  const absl::string_view word = text_.substr(begin, offset_ - begin);
  if (!IsInClass(word[0], kInitialClass)) {
    const bool may_be_number =
        absl::ascii_isdigit(static_cast<unsigned char>(word[0])) || word[0] == '+' || word[0] == '-' || word[0] == '.';
    if (may_be_number) {
      if (!Safepoint(LeafBytes(word.size()))) return false;
      if (const std::optional<Value> number = ParseNumber(vm_.heap(), word, 10)) {
        *datum = MakeAtom(*number, start);
        return true;
      }
    }
    if (!IsPlainIdentifier(word)) return FailOddWord(start, word);
  }
  if (!Safepoint(SymbolBytes(word.size()))) return false;
  if (fold_case_) {
    const PassingText folded(FoldCase(word));
    *datum = MakeSymbol(folded.text, start);
  } else {
    *datum = MakeSymbol(word, start);
  }
  return true;
}

bool Reader::FailOddWord(SourcePosition start, absl::string_view word) {
  const absl::string_view hint = ForeignNameHint(word);
  if (!hint.empty()) {
    return Fail(start, absl::StrCat(Shown(word), " is neither a number nor an identifier; in Scheme: ", hint));
  }
  return Fail(start, absl::StrCat(Shown(word), " is neither a number nor an identifier",
                                  "; an identifier with odd characters is written |", Shown(word), "|"));
}

// ---- Between quotes or bars

namespace {

// The character that `letter` stands for behind a backslash; -1 if that takes more than to look it up.
int EscapedCharacter(uint32_t letter) {
  switch (letter) {
    case 'a':
      return '\a';
    case 'b':
      return '\b';
    case 't':
      return '\t';
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case '"':
    case '\\':
    case '|':
      return static_cast<int>(letter);
    default:
      return -1;
  }
}

bool IsBlank(uint32_t c) { return c == ' ' || c == '\t'; }

}  // namespace

bool Reader::ReadEscape(uint32_t closing, std::string* out) {
  const SourcePosition start = Here();
  Skip(1);
  uint32_t c;
  if (!Peek(&c)) return false;
  if (c == kEndOfText) return true;  // reported by the caller
  if (const int character = EscapedCharacter(c); character >= 0) {
    out->push_back(static_cast<char>(character));
    Advance(c);
    return true;
  }
  if (c == 'x' || c == 'X') {
    Advance(c);
    return ReadHexEscape(start, out);
  }
  if (closing == '"' && (IsBlank(c) || c == '\n' || c == '\r')) return SkipEscapedLineEnding(start);
  return Fail(start, absl::StrCat("unknown escape: backslash and ", Shown(c)));
}

bool Reader::ReadHexEscape(SourcePosition start, std::string* out) {
  uint32_t c;
  uint32_t scalar = 0;
  size_t digits = 0;
  while (true) {
    if (!Peek(&c)) return false;
    if (c == kEndOfText) return true;
    const int digit = HexDigit(c);
    if (digit < 0) break;
    // Saturates: anything past the last scalar value is reported below.
    scalar = scalar > 0x10ffff ? scalar : scalar * 16 + static_cast<uint32_t>(digit);
    ++digits;
    Advance(c);
  }
  if (c != ';' || digits == 0) {
    return Fail(start, "a \\x escape is hexadecimal digits and a semicolon, as in \\x3bb;");
  }
  Advance(c);
  if (!IsScalarValue(scalar)) {
    return Fail(start, "this \\x escape is no Unicode scalar value");
  }
  AppendUtf8(out, scalar);
  return true;
}

bool Reader::SkipEscapedLineEnding(SourcePosition start) {
  uint32_t c;
  const auto skip_blanks = [&]() -> bool {
    while (true) {
      if (!Peek(&c)) return false;
      if (!IsBlank(c)) return true;
      Advance(c);
    }
  };
  if (!skip_blanks()) return false;
  if (c == kEndOfText) return true;
  if (c != '\n' && c != '\r') return Fail(start, "only a line ending may follow a backslash and spaces");
  const bool cr = c == '\r';
  Advance(c);
  if (cr && PeekByte(0) == '\n') Advance('\n');
  return skip_blanks();
}

bool Reader::ReadDelimited(uint32_t closing, const char* what, std::string* buffer, absl::string_view* out) {
  const SourcePosition start = Here();
  const uint16_t plain = closing == '"' ? kStringClass : kBarClass;
  Skip(1);
  const size_t begin = offset_;
  bool as_it_stands = true;  // so far; else it is in the buffer
  const auto copy = [&] {
    if (as_it_stands) buffer->assign(text_.data() + begin, offset_ - begin);
    as_it_stands = false;
  };
  uint32_t c;
  while (true) {
    const size_t run = offset_;
    if (!SkipRun(plain)) return false;
    if (!as_it_stands) buffer->append(text_.data() + run, offset_ - run);
    if (!Peek(&c)) return false;
    if (c == kEndOfText) {
      return Fail(start, absl::StrCat("this ", what, " is not closed: a ", closing == '"' ? "\"" : "|", " is missing"),
                  true);
    }
    if (c == closing) {
      *out = as_it_stands ? text_.substr(begin, offset_ - begin) : absl::string_view(*buffer);
      Advance(c);
      return true;
    }
    if (c == '\\') {
      copy();
      if (!ReadEscape(closing, buffer)) return false;
    } else if (c == '\r') {  // every line ending is one newline (R7RS 6.7)
      copy();
      Advance(c);
      if (PeekByte(0) == '\n') Advance('\n');
      buffer->push_back('\n');
    } else {
      if (!as_it_stands) AppendUtf8(buffer, c);
      Advance(c);
    }
  }
}

bool Reader::ReadString(Syntax** datum) {
  const SourcePosition start = Here();
  PassingText buffer;
  absl::string_view text;
  if (!ReadDelimited('"', "string", &buffer.text, &text)) return false;
  if (text.size() > kMaxStringLength) return Fail(start, "this string is too long");
  if (!Safepoint(StringBytes(text.size(), true))) return false;
  *datum = MakeAtom(MakeString(vm_.heap(), text, options_.immutable_literals ? kImmutableFlag : 0), start);
  return true;
}

bool Reader::ReadBarSymbol(Syntax** datum) {
  const SourcePosition start = Here();
  PassingText buffer;
  absl::string_view name;
  if (!ReadDelimited('|', "symbol", &buffer.text, &name)) return false;
  if (!Safepoint(SymbolBytes(name.size()))) return false;
  *datum = MakeSymbol(name, start);
  return true;
}

// ---- What starts with #

bool Reader::ReadCharacter(Syntax** datum) {
  const SourcePosition start = Here();
  Skip(2);  // the # and the backslash
  uint32_t c;
  if (!Peek(&c)) return false;
  if (c == kEndOfText) return Fail(start, "a character must follow #\\", true);
  const size_t begin = offset_;
  Advance(c);
  const size_t first_length = offset_ - begin;
  // Behind a delimiter such as ( nothing belongs to the character.
  absl::string_view rest;
  if (!IsDelimiter(c) && !ReadWord(&rest)) return false;
  const absl::string_view word = text_.substr(begin, first_length + rest.size());
  if (rest.empty()) {
    *datum = MakeAtom(Value::Char(c), start);
    return true;
  }
  if (c == 'x' || c == 'X') {
    uint32_t scalar = 0;
    bool hexadecimal = true;
    for (const char digit : word.substr(1)) {
      if (!Count(1)) return false;
      const int value = HexDigit(static_cast<uint8_t>(digit));
      hexadecimal &= value >= 0;
      if (scalar <= 0x10ffff) scalar = scalar * 16 + static_cast<uint32_t>(value);
    }
    if (hexadecimal) {
      if (!IsScalarValue(scalar)) {
        return Fail(start, absl::StrCat("#\\", Shown(word), " is no Unicode scalar value"));
      }
      *datum = MakeAtom(Value::Char(scalar), start);
      return true;
    }
  }
  const int32_t named = fold_case_ ? NamedCharacter(FoldCase(word)) : NamedCharacter(word);
  if (named < 0) return Fail(start, absl::StrCat("unknown character name #\\", Shown(word)));
  *datum = MakeAtom(Value::Char(static_cast<uint32_t>(named)), start);
  return true;
}

Reader::Step Reader::ReadDirective() {
  const SourcePosition start = Here();
  const bool at_start = line_ == 1 && column() == 1;
  const uint8_t third = PeekByte(2);
  if (at_start && (third == '/' || third == ' ')) return SkipLine() ? Step::kMore : Step::kError;
  absl::string_view word;
  if (!ReadWord(&word)) return Step::kError;
  if (word == "#!fold-case") {
    fold_case_ = true;
  } else if (word == "#!no-fold-case") {
    fold_case_ = false;
  } else {
    Fail(start, absl::StrCat("unknown directive ", Shown(word), ": there are #!fold-case and #!no-fold-case"));
    return Step::kError;
  }
  return Step::kMore;
}

Reader::Step Reader::ReadLabel(Syntax** datum) {
  const SourcePosition start = Here();
  Skip(1);
  uint64_t label = 0;
  size_t digits = 0;
  for (; absl::ascii_isdigit(PeekByte(0)); ++digits) {
    if (digits < kMostLabelDigits) label = label * 10 + (PeekByte(0) - '0');
    Skip(1);
  }
  const uint8_t end = PeekByte(0);
  if (digits > kMostLabelDigits || (end != '=' && end != '#')) {
    Fail(start, digits > kMostLabelDigits ? "this label is too large" : "a label is written #0= and referred to by #0#",
         end == 0);
    return Step::kError;
  }
  Skip(1);
  Label** const place = FindLabel(label);
  if (end == '=') {
    if (*place != nullptr) {
      Fail(start, absl::StrCat("label #", label, "= is defined twice"));
      return Step::kError;
    }
    Syntax* target = TakeTarget();
    if (target == nullptr) target = arena_.Atom(kNull, start);
    if (!Open(Frame::Kind::kLabel, start)) return Step::kError;
    frames_.back().target = target;
    *place = arena_.New<Label>();
    **place = {label, target, last_label_, {}};
    last_label_ = *place;
    return Step::kMore;
  }
  if (*place == nullptr) {
    Fail(start, absl::StrCat("label #", label, "# is not defined before"));
    return Step::kError;
  }
  // Directly behind a label, as in #1=#0#: both name the same datum.
  if (Syntax* target = TakeTarget()) {
    Syntax* const same = (*place)->datum;
    if (same == target) {
      Fail(start, absl::StrCat("label #", label, "# refers to nothing but itself"));
      return Step::kError;
    }
    for (Label* l = last_label_; l != nullptr && l->datum == target; l = l->previous) {
      l->datum = same;
    }
    *datum = same;
    return Step::kDatum;
  }
  *datum = (*place)->datum;
  return Step::kDatum;
}

Reader::Step Reader::ReadHash(Syntax** datum) {
  const SourcePosition start = Here();
  const uint8_t next = PeekByte(1);
  switch (absl::ascii_tolower(next)) {
    case '(':
      Skip(2);
      return Open(Frame::Kind::kVector, start) ? Step::kMore : Step::kError;
    case ';':
      Skip(2);
      return Open(Frame::Kind::kComment, start) ? Step::kMore : Step::kError;
    case '\\':
      return ReadCharacter(datum) ? Step::kDatum : Step::kError;
    case '!':
      return ReadDirective();
    case '0':
    case '1':
    case '2':
    case '3':
    case '4':
    case '5':
    case '6':
    case '7':
    case '8':
    case '9':
      return ReadLabel(datum);
    default:
      break;
  }
  absl::string_view word;
  if (!ReadWord(&word)) return Step::kError;
  const auto is = [&](absl::string_view name) { return absl::EqualsIgnoreCase(word, name); };
  if (is("#t") || is("#true")) {
    *datum = MakeAtom(kTrue, start);
  } else if (is("#f") || is("#false")) {
    *datum = MakeAtom(kFalse, start);
  } else if (is("#u8") && PeekByte(0) == '(') {
    Skip(1);
    return Open(Frame::Kind::kBytevector, start) ? Step::kMore : Step::kError;
  } else if (word.size() > 1 && absl::StrContains("eixbodEIXBOD", word[1])) {
    return ReadNumber(start, word, datum) ? Step::kDatum : Step::kError;
  } else {
    Fail(start, absl::StrCat("unknown syntax ", Shown(word)), word == "#" && next == 0);
    return Step::kError;
  }
  return Step::kDatum;
}

}  // namespace islet::vm
