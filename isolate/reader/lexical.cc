#include "isolate/reader/lexical.h"

#include <utf8proc.h>

#include "isolate/data/string.h"
#include "isolate/heap/poll.h"

namespace islet::vm {

namespace {

constexpr uint32_t kZeroWidthNonJoiner = 0x200c;
constexpr uint32_t kZeroWidthJoiner = 0x200d;

struct NamedChar {
  const char* name;
  uint32_t c;
};
constexpr NamedChar kNames[] = {
    {"alarm", 7}, {"backspace", 8}, {"delete", 127}, {"escape", 27}, {"newline", '\n'},
    {"null", 0},  {"return", '\r'}, {"space", ' '},  {"tab", '\t'},
};

bool IsDigit(uint32_t c) { return c >= '0' && c <= '9'; }

// R7RS 7.1.1: an initial, or an explicit sign, or @.
bool IsSignSubsequent(uint32_t c) { return IsInitial(c) || c == '+' || c == '-' || c == '@'; }

}  // namespace

namespace lexical {

bool IsWideWhitespace(uint32_t c) {
  switch (utf8proc_category(static_cast<utf8proc_int32_t>(c))) {
    case UTF8PROC_CATEGORY_ZS:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
      return true;
    default:
      return c == 0x85;
  }
}

bool IsWideInitial(uint32_t c) {
  switch (utf8proc_category(static_cast<utf8proc_int32_t>(c))) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_NO:
    case UTF8PROC_CATEGORY_PD:
    case UTF8PROC_CATEGORY_PC:
    case UTF8PROC_CATEGORY_PO:
    case UTF8PROC_CATEGORY_SC:
    case UTF8PROC_CATEGORY_SM:
    case UTF8PROC_CATEGORY_SK:
    case UTF8PROC_CATEGORY_SO:
    case UTF8PROC_CATEGORY_CO:
      return true;
    default:
      return c == kZeroWidthNonJoiner || c == kZeroWidthJoiner;
  }
}

bool IsWideSubsequent(uint32_t c) {
  if (IsWideInitial(c)) return true;
  switch (utf8proc_category(static_cast<utf8proc_int32_t>(c))) {
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME:
      return true;
    default:
      return false;
  }
}

}  // namespace lexical

bool IsPlainIdentifier(absl::string_view text) {
  // The first three characters decide between ordinary and peculiar identifiers.
  uint32_t first[3] = {0, 0, 0};
  size_t count = 0;
  const char* end = text.data() + text.size();
  StepCounter steps;
  for (const char* p = text.data(); p < end && steps.Add(1); ++count) {
    const uint32_t c = DecodeUtf8(&p, end);
    if (c == kInvalidChar || !IsSubsequent(c)) return false;
    if (count < 3) first[count] = c;
  }
  if (count == 0) return false;
  const auto dot_subsequent = [](uint32_t c) { return IsSignSubsequent(c) || c == '.'; };
  if (first[0] == '+' || first[0] == '-') {
    if (count == 1 || IsSignSubsequent(first[1])) return true;
    return first[1] == '.' && count > 2 && dot_subsequent(first[2]);
  }
  if (first[0] == '.') return count > 1 && dot_subsequent(first[1]);
  // Beyond R7RS, which has @ only behind the first character: SXML begins its attribute lists with it.
  return IsInitial(first[0]) || first[0] == '@';
}

int HexDigit(uint32_t c) {
  if (IsDigit(c)) return static_cast<int>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<int>(c - 'a' + 10);
  if (c >= 'A' && c <= 'F') return static_cast<int>(c - 'A' + 10);
  return -1;
}

const char* CharacterName(uint32_t c) {
  for (const NamedChar& named : kNames) {
    if (named.c == c) return named.name;
  }
  return nullptr;
}

int32_t NamedCharacter(absl::string_view name) {
  for (const NamedChar& named : kNames) {
    if (name == named.name) return static_cast<int32_t>(named.c);
  }
  return -1;
}

}  // namespace islet::vm
