// Properties of characters and case mappings (Unicode, by utf8proc). A character here is a Unicode
// scalar value.

#ifndef ISLET_ISOLATE_RUNTIME_UNICODE_H_
#define ISLET_ISOLATE_RUNTIME_UNICODE_H_

#include <cstdint>
#include <vector>

namespace islet::vm {

bool IsAlphabetic(uint32_t c);
bool IsNumeric(uint32_t c);         // general category Nd
bool IsCharWhitespace(uint32_t c);  // White_Space
bool IsUpperCase(uint32_t c);
bool IsLowerCase(uint32_t c);
// The value of a decimal digit of any script, or -1.
int DigitValue(uint32_t c);

// Simple mappings: one character to one.
uint32_t CharUpcase(uint32_t c);
uint32_t CharDowncase(uint32_t c);
uint32_t CharFoldcase(uint32_t c);

// Full mappings, which may change a text's length; they poll (heap/poll.h). The largest factor by which they lengthen one is
// kCaseExpansion.
inline constexpr int kCaseExpansion = 3;
using Chars = std::vector<uint32_t>;
Chars Upcase(const Chars& text);
Chars Downcase(const Chars& text);  // minds final sigma
Chars Foldcase(const Chars& text);

}  // namespace islet::vm

#endif  // ISLET_ISOLATE_RUNTIME_UNICODE_H_
