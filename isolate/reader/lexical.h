// Tells which characters may stand where in a token (R7RS 7.1.1). The reader goes by this, and so does the printer,
// which has to know when a symbol needs bars.

#ifndef ISLET_ISOLATE_READER_LEXICAL_H_
#define ISLET_ISOLATE_READER_LEXICAL_H_

#include <array>
#include <cstdint>

#include "absl/strings/string_view.h"

namespace islet::vm {

// Classes of ASCII characters, one bit each: scanning a run takes one look into a table for each byte. Bytes beyond
// ASCII are in no class, so that they end every run.
enum LexicalClass : uint16_t {
  kBlankClass = 1 << 0,         // whitespace that ends no line
  kLineEndClass = 1 << 1,       // \n, \r
  kDelimiterClass = 1 << 2,     // ends a symbol, number, character or boolean
  kInitialClass = 1 << 3,       // may start an ordinary identifier
  kSubsequentClass = 1 << 4,    // may follow in an identifier
  kWordClass = 1 << 5,          // any but delimiters
  kLineCommentClass = 1 << 6,   // any that ends no line
  kBlockCommentClass = 1 << 7,  // of these, those that neither begin nor end a block comment
  kStringClass = 1 << 8,        // stands for itself between "quotes"
  kBarClass = 1 << 9,           // stands for itself between |bars|
  kTokenClass = 1 << 10,        // begins a token, whatever follows
};

namespace lexical {

constexpr bool OneOf(char c, absl::string_view set) {
  for (const char member : set) {
    if (c == member) return true;
  }
  return false;
}

constexpr uint16_t ClassesOf(uint8_t byte) {
  const char c = static_cast<char>(byte);
  const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  const bool line_end = c == '\n' || c == '\r';
  const bool blank = !line_end && (c == ' ' || (c >= '\t' && c <= '\r'));
  const bool delimiter = line_end || blank || OneOf(c, "()\";|");
  const bool initial = letter || OneOf(c, "!$%&*/:<=>?^_~");
  const bool subsequent = initial || (c >= '0' && c <= '9') || OneOf(c, "+-.@#");  // # beyond R7RS
  const bool plain = c >= ' ' && byte < 0x7f && c != '\\';
  int classes = 0;
  if (blank) classes |= kBlankClass;
  if (line_end) classes |= kLineEndClass;
  classes |= delimiter ? kDelimiterClass : kWordClass;
  if (initial) classes |= kInitialClass;
  if (subsequent) classes |= kSubsequentClass;
  if (!line_end) classes |= kLineCommentClass;
  if (!line_end && !OneOf(c, "#|")) classes |= kBlockCommentClass;
  if (plain && c != '"') classes |= kStringClass;
  if (plain && c != '|') classes |= kBarClass;
  if (!blank && !line_end && !OneOf(c, ";#")) classes |= kTokenClass;
  return static_cast<uint16_t>(classes);
}

inline constexpr std::array<uint16_t, 256> kClasses = [] {
  std::array<uint16_t, 256> classes{};
  for (uint8_t c = 0; c < 128; ++c) classes[c] = ClassesOf(c);
  return classes;
}();

bool IsWideWhitespace(uint32_t c);
bool IsWideInitial(uint32_t c);
bool IsWideSubsequent(uint32_t c);

}  // namespace lexical

// Whether the byte is an ASCII character of one of the classes.
inline bool IsInClass(uint8_t byte, uint16_t classes) { return (lexical::kClasses[byte] & classes) != 0; }
inline bool IsInClass(char byte, uint16_t classes) { return IsInClass(static_cast<uint8_t>(byte), classes); }

// Spaces, tabs, line endings and Unicode's other separators.
inline bool IsWhitespace(uint32_t c) {
  return c < 128 ? IsInClass(static_cast<uint8_t>(c), kBlankClass | kLineEndClass) : lexical::IsWideWhitespace(c);
}
// Ends a symbol, number, character or boolean.
inline bool IsDelimiter(uint32_t c) {
  return c < 128 ? IsInClass(static_cast<uint8_t>(c), kDelimiterClass) : lexical::IsWideWhitespace(c);
}
// May start an ordinary identifier.
inline bool IsInitial(uint32_t c) {
  return c < 128 ? IsInClass(static_cast<uint8_t>(c), kInitialClass) : lexical::IsWideInitial(c);
}
// May follow in an identifier. `#` is accepted beyond R7RS.
inline bool IsSubsequent(uint32_t c) {
  return c < 128 ? IsInClass(static_cast<uint8_t>(c), kSubsequentClass) : lexical::IsWideSubsequent(c);
}
// True if `text` (valid UTF-8) is an identifier that needs no bars, or a number that looks like
// one: +i, -inf.0. An identifier may start with @, beyond R7RS.
bool IsPlainIdentifier(absl::string_view text);
// Value of a hexadecimal digit, or -1.
int HexDigit(uint32_t c);

// The name of a character as in #\newline, or null.
const char* CharacterName(uint32_t c);
// The character of that name, or -1.
int32_t NamedCharacter(absl::string_view name);

}  // namespace islet::vm

#endif  // ISLET_ISOLATE_READER_LEXICAL_H_
