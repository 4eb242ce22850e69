#include "isolate/runtime/unicode.h"

#include <utf8proc.h>

#include <algorithm>
#include <array>

#include "absl/strings/string_view.h"

namespace islet::vm {
namespace {

utf8proc_category_t Category(uint32_t c) { return utf8proc_category(static_cast<utf8proc_int32_t>(c)); }

constexpr uint32_t kSharpS = 0xdf;
constexpr uint32_t kDottedCapitalI = 0x130;
constexpr uint32_t kSigma = 0x3a3;
constexpr uint32_t kSmallSigma = 0x3c3;
constexpr uint32_t kFinalSigma = 0x3c2;

bool Within(uint32_t c, uint32_t first, uint32_t last) { return c >= first && c <= last; }

// Full case folding of one character. Returns the number of characters, at most kCaseExpansion.
int Fold(uint32_t c, uint32_t out[4]) {
  if (c < 0x80) {
    out[0] = Within(c, 'A', 'Z') ? c + 32 : c;
    return 1;
  }
  utf8proc_int32_t buffer[4];
  int boundary = 0;
  const utf8proc_ssize_t n =
      utf8proc_decompose_char(static_cast<utf8proc_int32_t>(c), buffer, 4, UTF8PROC_CASEFOLD, &boundary);
  if (n < 1 || n > kCaseExpansion) {
    out[0] = c;
    return 1;
  }
  for (int i = 0; i < n; ++i) out[i] = static_cast<uint32_t>(buffer[i]);
  return static_cast<int>(n);
}

// Properties of characters that utf8proc lacks (unicode_ranges.awk).
enum class Property : uint8_t {
  kWhiteSpace,
  kOtherAlphabetic,
  kOtherLowercase,
  kOtherUppercase,
  kInWords,  // Word_Break is MidLetter, MidNumLet or Single_Quote
};

struct PropertyRange {
  Property property;
  uint32_t first, last;

  constexpr bool operator<(const PropertyRange& other) const {
    return property != other.property ? property < other.property : first < other.first;
  }
};

constexpr auto kRanges = [] {
  auto ranges = std::to_array<PropertyRange>({
#define ISLET_UNICODE_VERSION(version)
#define ISLET_RANGE(property, first, last) {Property::k##property, first, last},
#include "absl/strings/string_view.h"
#include "isolate/runtime/unicode_ranges.inc"
#undef ISLET_RANGE
#undef ISLET_UNICODE_VERSION
  });
  std::sort(ranges.begin(), ranges.end());
  return ranges;
}();

constexpr absl::string_view kVersions[] = {
#define ISLET_UNICODE_VERSION(version) version,
#define ISLET_RANGE(property, first, last)
#include "isolate/runtime/unicode_ranges.inc"
#undef ISLET_RANGE
#undef ISLET_UNICODE_VERSION
};
static_assert(kVersions[0] == kVersions[1], "the files of unicode-data are of different versions");

bool Has(uint32_t c, Property property) {
  const auto* after = std::upper_bound(kRanges.begin(), kRanges.end(), PropertyRange{property, c, c});
  return after != kRanges.begin() && after[-1].property == property && c <= after[-1].last;
}

bool IsCased(uint32_t c) { return IsUpperCase(c) || IsLowerCase(c) || Category(c) == UTF8PROC_CATEGORY_LT; }

// Case_Ignorable: what may stand between the letters of a word.
bool IsCaseIgnorable(uint32_t c) {
  switch (Category(c)) {
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_SK:
      return true;
    default:
      return Has(c, Property::kInWords);
  }
}

// Unicode's Final_Sigma: after a cased letter, and not before one.
bool IsFinalSigma(const StringChars& text, uint32_t i, StepCounter* steps) {
  uint32_t before = i;
  while (before > 0 && IsCaseIgnorable(text[before - 1]) && steps->Add(1)) --before;
  if (before == 0 || !IsCased(text[before - 1])) return false;
  uint32_t after = i + 1;
  while (after < text.length && IsCaseIgnorable(text[after]) && steps->Add(1)) ++after;
  return after == text.length || !IsCased(text[after]);
}

}  // namespace

absl::string_view UnicodeRangesVersion() { return kVersions[0]; }

bool IsAlphabetic(uint32_t c) {
  if (c < 0x80) return Within(c | 0x20, 'a', 'z');
  switch (Category(c)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_NL:
      return true;
    default:
      return Has(c, Property::kOtherAlphabetic);
  }
}

bool IsNumeric(uint32_t c) { return c < 0x80 ? Within(c, '0', '9') : Category(c) == UTF8PROC_CATEGORY_ND; }

bool IsCharWhitespace(uint32_t c) { return c < 0x80 ? Within(c, 9, 13) || c == ' ' : Has(c, Property::kWhiteSpace); }

bool IsUpperCase(uint32_t c) {
  if (c < 0x80) return Within(c, 'A', 'Z');
  return Category(c) == UTF8PROC_CATEGORY_LU || Has(c, Property::kOtherUppercase);
}

bool IsLowerCase(uint32_t c) {
  if (c < 0x80) return Within(c, 'a', 'z');
  return Category(c) == UTF8PROC_CATEGORY_LL || Has(c, Property::kOtherLowercase);
}

int DigitValue(uint32_t c) {
  if (Within(c, '0', '9')) return static_cast<int>(c - '0');
  if (!IsNumeric(c)) return -1;
  // Decimal digits come in runs of ten, zero first (a guarantee of Unicode); some runs adjoin.
  uint32_t before = 0;
  while (IsNumeric(c - before - 1)) ++before;
  return static_cast<int>(before % 10);
}

uint32_t CharUpcase(uint32_t c) {
  if (c < 0x80) return Within(c, 'a', 'z') ? c - 32 : c;
  // utf8proc maps it to the capital sharp s; Unicode has no simple mapping.
  if (c == kSharpS) return c;
  return static_cast<uint32_t>(utf8proc_toupper(static_cast<utf8proc_int32_t>(c)));
}

uint32_t CharDowncase(uint32_t c) {
  if (c < 0x80) return Within(c, 'A', 'Z') ? c + 32 : c;
  return static_cast<uint32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(c)));
}

uint32_t CharFoldcase(uint32_t c) {
  uint32_t folded[4];
  if (Fold(c, folded) == 1) return folded[0];
  // Where the full folding is longer, the simple one is the lower case, but for this letter.
  return c == kDottedCapitalI ? c : CharDowncase(c);
}

int Upcase(const StringChars& text, uint32_t i, MappedChar* out, StepCounter*) {
  const uint32_t c = text[i];
  // A character that folds to several has the capitals of these, unless it is a capital itself (SpecialCasing.txt says
  // the same letter by letter).
  const int n = c < kSharpS ? 1 : Fold(c, out->chars);
  if (n == 1 || Category(c) == UTF8PROC_CATEGORY_LU) {
    out->chars[0] = CharUpcase(c);
    return 1;
  }
  for (int k = 0; k < n; ++k) out->chars[k] = CharUpcase(out->chars[k]);
  return n;
}

int Downcase(const StringChars& text, uint32_t i, MappedChar* out, StepCounter* steps) {
  const uint32_t c = text[i];
  if (c == kSigma) {
    out->chars[0] = IsFinalSigma(text, i, steps) ? kFinalSigma : kSmallSigma;
  } else if (c == kDottedCapitalI) {
    out->chars[0] = 'i';
    out->chars[1] = 0x307;
    return 2;
  } else {
    out->chars[0] = CharDowncase(c);
  }
  return 1;
}

int Foldcase(const StringChars& text, uint32_t i, MappedChar* out, StepCounter*) { return Fold(text[i], out->chars); }

}  // namespace islet::vm
