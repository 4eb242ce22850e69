// What characters may stand where in a token (R7RS 7.1.1): shared by the reader and by the printer,
// which has to know when a symbol needs bars.

#ifndef ISLET_ISOLATE_READER_LEXICAL_H_
#define ISLET_ISOLATE_READER_LEXICAL_H_

#include <cstdint>

#include "absl/strings/string_view.h"

namespace islet::vm {

// Spaces, tabs, line endings and Unicode's other separators.
bool IsWhitespace(uint32_t c);
// Ends a symbol, number, character or boolean.
bool IsDelimiter(uint32_t c);
// May start an ordinary identifier.
bool IsInitial(uint32_t c);
// May follow in an identifier. `#` is accepted beyond R7RS.
bool IsSubsequent(uint32_t c);
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
