#include "isolate/runtime/char_set.h"

#include <utf8proc.h>

#include <algorithm>

#include "isolate/data/string.h"
#include "isolate/heap/poll.h"
#include "isolate/process/made_once.h"
#include "isolate/runtime/unicode.h"

namespace islet::vm {
namespace {

constexpr uint32_t kEndOfChars = 0x110000;

// Is the code point in a set, given how many of the set's bounds are at or below it?
bool IsInside(size_t bounds) { return bounds % 2 != 0; }

bool Holds(SetOperation operation, bool a, bool b) {
  switch (operation) {
    case SetOperation::kUnion:
      return a || b;
    case SetOperation::kIntersection:
      return a && b;
    case SetOperation::kDifference:
      return a && !b;
    case SetOperation::kXor:
      return a != b;
  }
  return false;
}

constexpr uint32_t Mask(std::initializer_list<utf8proc_category_t> categories) {
  uint32_t mask = 0;
  for (utf8proc_category_t category : categories) mask |= 1u << category;
  return mask;
}

constexpr uint32_t kLetters = Mask(
    {UTF8PROC_CATEGORY_LU, UTF8PROC_CATEGORY_LL, UTF8PROC_CATEGORY_LT, UTF8PROC_CATEGORY_LM, UTF8PROC_CATEGORY_LO});
constexpr uint32_t kDigits = Mask({UTF8PROC_CATEGORY_ND});
constexpr uint32_t kPunctuations =
    Mask({UTF8PROC_CATEGORY_PC, UTF8PROC_CATEGORY_PD, UTF8PROC_CATEGORY_PS, UTF8PROC_CATEGORY_PE, UTF8PROC_CATEGORY_PI,
          UTF8PROC_CATEGORY_PF, UTF8PROC_CATEGORY_PO});
constexpr uint32_t kSymbols =
    Mask({UTF8PROC_CATEGORY_SM, UTF8PROC_CATEGORY_SC, UTF8PROC_CATEGORY_SK, UTF8PROC_CATEGORY_SO});
constexpr uint32_t kSeparators = Mask({UTF8PROC_CATEGORY_ZS, UTF8PROC_CATEGORY_ZL, UTF8PROC_CATEGORY_ZP});
constexpr uint32_t kOthers = Mask(
    {UTF8PROC_CATEGORY_CC, UTF8PROC_CATEGORY_CF, UTF8PROC_CATEGORY_CO, UTF8PROC_CATEGORY_CS, UTF8PROC_CATEGORY_CN});

bool IsIn(uint32_t c, uint32_t categories) {
  return (categories >> utf8proc_category(static_cast<utf8proc_int32_t>(c)) & 1) != 0;
}

bool IsMember(StandardCharSet set, uint32_t c) {
  switch (set) {
    case StandardCharSet::kLowerCase:
      return IsLowerCase(c);
    case StandardCharSet::kUpperCase:
      return IsUpperCase(c);
    case StandardCharSet::kTitleCase:
      return IsIn(c, Mask({UTF8PROC_CATEGORY_LT}));
    case StandardCharSet::kLetter:
      return IsIn(c, kLetters);
    case StandardCharSet::kAlphabetic:
      return IsAlphabetic(c);
    case StandardCharSet::kDigit:
      return IsIn(c, kDigits);
    case StandardCharSet::kLetterOrDigit:
      return IsIn(c, kLetters | kDigits);
    case StandardCharSet::kPunctuation:
      return IsIn(c, kPunctuations);
    case StandardCharSet::kSymbol:
      return IsIn(c, kSymbols);
    case StandardCharSet::kGraphic:
      return IsIn(c, kLetters | kDigits | kPunctuations | kSymbols);
    case StandardCharSet::kWhitespace:
      return IsIn(c, kSeparators) || (c >= 9 && c <= 13);
    case StandardCharSet::kPrinting:
      return IsIn(c, kLetters | kDigits | kPunctuations | kSymbols | kSeparators) || (c >= 9 && c <= 13);
    case StandardCharSet::kIsoControl:
      return c < 0x20 || (c >= 0x7f && c < 0xa0);
    case StandardCharSet::kOther:
      return IsIn(c, kOthers);
    case StandardCharSet::kHexDigit:
      return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
    case StandardCharSet::kBlank:
      return IsIn(c, Mask({UTF8PROC_CATEGORY_ZS})) || c == '\t';
    case StandardCharSet::kAscii:
      return c < 0x80;
    case StandardCharSet::kEmpty:
    case StandardCharSet::kCount:
      return false;
    case StandardCharSet::kFull:
      return true;
  }
  return false;
}

template <typename Test>
CharRanges RangesWhere(Test&& test) {
  CharRanges ranges;
  bool inside = false;
  for (uint32_t c = 0; c <= kEndOfChars; ++c) {
    const bool member = c < kEndOfChars && IsScalarValue(c) && test(c);
    if (member != inside) ranges.push_back(c);
    inside = member;
  }
  ranges.shrink_to_fit();
  return ranges;
}

template <StandardCharSet kSet>
CharRangesView Standard() {
  static constinit MadeOnce<CharRanges> ranges;
  return ranges.Get([] { return RangesWhere([](uint32_t c) { return IsMember(kSet, c); }); });
}

template <int... kSets>
CharRangesView Standard(StandardCharSet set, std::integer_sequence<int, kSets...>) {
  constexpr CharRangesView (*kMakers[])() = {Standard<static_cast<StandardCharSet>(kSets)>...};
  return kMakers[static_cast<int>(set)]();
}

struct Folding {
  uint32_t folded;
  uint32_t c;
};

// Every character that simple case folding changes, by what it becomes.
const std::vector<Folding>& Foldings() {
  static constinit MadeOnce<std::vector<Folding>> foldings;
  return foldings.Get([] {
    std::vector<Folding> all;
    for (uint32_t c = 0; c < kEndOfChars; ++c) {
      if (!IsScalarValue(c)) continue;
      const uint32_t folded = CharFoldcase(c);
      if (folded != c) all.push_back({folded, c});
    }
    std::sort(all.begin(), all.end(), [](const Folding& a, const Folding& b) {
      return a.folded != b.folded ? a.folded < b.folded : a.c < b.c;
    });
    return all;
  });
}

}  // namespace

bool Contains(CharRangesView set, uint32_t c) {
  return IsInside(static_cast<size_t>(std::upper_bound(set.begin(), set.end(), c) - set.begin()));
}

uint32_t NextMember(CharRangesView set, uint32_t c) {
  const size_t bounds = static_cast<size_t>(std::upper_bound(set.begin(), set.end(), c) - set.begin());
  if (!IsInside(bounds)) {
    if (bounds >= set.size()) return kInvalidChar;
    c = set[bounds];
  }
  return IsScalarValue(c) ? c : kInvalidChar;
}

uint32_t CountMembers(CharRangesView set) {
  uint32_t count = 0;
  StepCounter steps;
  for (size_t i = 0; i + 1 < set.size() && steps.Add(1); i += 2) count += set[i + 1] - set[i];
  return count;
}

CharRanges Combine(SetOperation operation, CharRangesView a, CharRangesView b) {
  CharRanges result;
  result.reserve(a.size() + b.size());
  bool inside = false;
  StepCounter steps;
  for (size_t i = 0, k = 0; (i < a.size() || k < b.size()) && steps.Add(1);) {
    const uint32_t c = std::min(i < a.size() ? a[i] : kEndOfChars, k < b.size() ? b[k] : kEndOfChars);
    // Words that do not ascend, as only a forged list has them, must not stop the loop.
    bool moved = false;
    while (i < a.size() && a[i] <= c) ++i, moved = true;
    while (k < b.size() && b[k] <= c) ++k, moved = true;
    if (!moved) break;
    const bool member = Holds(operation, IsInside(i), IsInside(k));
    if (member != inside) result.push_back(c);
    inside = member;
  }
  if (inside) result.push_back(kEndOfChars);
  return result;
}

CharRanges RangesOf(std::vector<uint32_t> members) {
  CharRanges ranges;
  StepCounter steps;
  // Of many, mostly the same ones occur again and again: a bit for each code point.
  constexpr size_t kMany = 4096;
  if (members.size() > kMany) {
    std::vector<bool> seen(kEndOfChars + 1);
    for (uint32_t c : members) {
      if (!steps.Add(1)) return ranges;
      seen[c] = true;
    }
    for (uint32_t c = 0; c <= kEndOfChars; ++c) {
      if (!steps.Add(1)) return ranges;
      if (seen[c] != (ranges.size() % 2 != 0)) ranges.push_back(c);
    }
    return ranges;
  }
  std::sort(members.begin(), members.end());
  for (uint32_t c : members) {
    if (!ranges.empty() && c < ranges.back()) continue;  // repeated
    if (!ranges.empty() && c == ranges.back()) {
      ++ranges.back();
    } else {
      ranges.push_back(c);
      ranges.push_back(c + 1);
    }
  }
  return ranges;
}

CharRanges WithCaseVariants(CharRangesView set) {
  std::vector<uint32_t> variants;
  const std::vector<Folding>& foldings = Foldings();
  StepCounter steps;
  for (size_t first = 0, end; first < foldings.size() && steps.Add(8); first = end) {
    const uint32_t folded = foldings[first].folded;
    bool found = Contains(set, folded);
    for (end = first; end < foldings.size() && foldings[end].folded == folded; ++end) {
      found = found || Contains(set, foldings[end].c);
    }
    if (!found) continue;
    variants.push_back(folded);
    for (size_t i = first; i < end; ++i) variants.push_back(foldings[i].c);
  }
  return Combine(SetOperation::kUnion, set, RangesOf(std::move(variants)));
}

CharRangesView RangesOf(StandardCharSet set) {
  return Standard(set, std::make_integer_sequence<int, static_cast<int>(StandardCharSet::kCount)>());
}

}  // namespace islet::vm
