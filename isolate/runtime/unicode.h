// Properties of characters and case mappings. A character here is a Unicode scalar value.
//
// General categories and mappings are utf8proc's. The properties that those do not settle, such as Other_Alphabetic,
// are ranges that the build makes of Debian's package unicode-data (unicode_ranges.awk). Both must be of one version of
// Unicode: unicode_test.cc fails otherwise. Debian 12 has 15.0 of both.

#ifndef ISLET_ISOLATE_RUNTIME_UNICODE_H_
#define ISLET_ISOLATE_RUNTIME_UNICODE_H_

#include <cstdint>

#include "absl/strings/string_view.h"
#include "isolate/data/string.h"
#include "isolate/heap/poll.h"

namespace islet::vm {

// The version of Unicode that the ranges are of, such as "15.0.0".
absl::string_view UnicodeRangesVersion();

// Unicode's derived properties (R7RS 6.6), which go beyond letters: a vowel sign is alphabetic.
bool IsAlphabetic(uint32_t c);      // Alphabetic
bool IsNumeric(uint32_t c);         // general category Nd
bool IsCharWhitespace(uint32_t c);  // White_Space
bool IsUpperCase(uint32_t c);       // Uppercase
bool IsLowerCase(uint32_t c);       // Lowercase
// The value of a decimal digit of any script, or -1.
int DigitValue(uint32_t c);

// Simple mappings: one character to one.
uint32_t CharUpcase(uint32_t c);
uint32_t CharDowncase(uint32_t c);
uint32_t CharFoldcase(uint32_t c);

// Full mappings, which may change a text's length: what character `i` of the text becomes, at most
// kCaseExpansion characters. Returns their number. They count their steps (heap/poll.h).
inline constexpr int kCaseExpansion = 3;
struct MappedChar {
  uint32_t chars[4];
};
using CaseMapping = int (*)(const StringChars& text, uint32_t i, MappedChar* out, StepCounter* steps);
int Upcase(const StringChars& text, uint32_t i, MappedChar* out, StepCounter* steps);
int Downcase(const StringChars& text, uint32_t i, MappedChar* out,
             StepCounter* steps);  // minds final sigma
int Foldcase(const StringChars& text, uint32_t i, MappedChar* out, StepCounter* steps);

// The characters of a text as a mapping has them, one after the other.
class MappedText {
 public:
  MappedText(const StringChars& text, CaseMapping mapping) : text_(text), mapping_(mapping) {}
  // The next character. False at the end, or if the run is being ended.
  bool Next(uint32_t* c) {
    if (at_ == count_) {
      if (i_ == text_.length || !steps_.Add(2)) return false;
      count_ = mapping_(text_, i_++, &mapped_, &steps_);
      at_ = 0;
    }
    *c = mapped_.chars[at_++];
    return true;
  }

 private:
  const StringChars text_;
  const CaseMapping mapping_;
  uint32_t i_ = 0;
  int at_ = 0;
  int count_ = 0;
  MappedChar mapped_;
  StepCounter steps_;
};

}  // namespace islet::vm

#endif  // ISLET_ISOLATE_RUNTIME_UNICODE_H_
