// Every code point, compared with the Unicode character database as Debian's package unicode-data has it.

#include "isolate/runtime/unicode.h"

#include <utf8proc.h>

#include <cstdlib>
#include <fstream>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "gtest/gtest.h"
#include "isolate/data/string.h"
#include "isolate/heap/poll.h"
#include "isolate/runtime/char_set.h"

namespace islet::vm {
namespace {

constexpr uint32_t kCodePoints = 0x110000;

using Fields = std::vector<std::string>;

uint32_t Hex(const std::string& text) { return static_cast<uint32_t>(std::strtoul(text.c_str(), nullptr, 16)); }

// The lines of one of the database's files, without comments, as their fields between semicolons.
std::vector<Fields> Lines(const std::string& file) {
  std::ifstream in("/usr/share/unicode/" + file);
  std::vector<Fields> lines;
  for (std::string line; std::getline(in, line);) {
    line = line.substr(0, line.find('#'));
    Fields fields;
    for (absl::string_view field : absl::StrSplit(line, ';')) {
      fields.emplace_back(absl::StripAsciiWhitespace(field));
    }
    if (fields.size() > 1) lines.push_back(fields);
  }
  EXPECT_FALSE(lines.empty()) << file << " cannot be read: is the package unicode-data installed?";
  return lines;
}

std::vector<bool> Members(const std::string& file, const std::string& property) {
  std::vector<bool> members(kCodePoints);
  for (const Fields& fields : Lines(file)) {
    if (fields[1] != property) continue;
    const size_t dots = fields[0].find("..");
    const uint32_t first = Hex(fields[0]);
    const uint32_t last = dots == std::string::npos ? first : Hex(fields[0].substr(dots + 2));
    for (uint32_t c = first; c <= last; ++c) members[c] = true;
  }
  return members;
}

struct Character {
  std::string category = "Cn";
  std::string digit;
  uint32_t upper = 0, lower = 0;  // 0: itself
};

const std::vector<Character>& Characters() {
  static const auto* const characters = [] {
    auto* all = new std::vector<Character>(kCodePoints);
    uint32_t range = 0;
    for (const Fields& fields : Lines("UnicodeData.txt")) {
      const uint32_t c = Hex(fields[0]);
      const uint32_t first = absl::EndsWith(fields[1], ", Last>") ? range : c;
      range = c;
      for (uint32_t i = first; i <= c; ++i) {
        (*all)[i] = {fields[2], fields[6], Hex(fields[12]), Hex(fields[13])};
      }
    }
    return all;
  }();
  return *characters;
}

// Expects that `actual` holds of the same scalar values as `expected`.
void ExpectSame(const char* what, const std::function<bool(uint32_t)>& expected,
                const std::function<bool(uint32_t)>& actual) {
  int different = 0;
  for (uint32_t c = 0; c < kCodePoints; ++c) {
    if (!IsScalarValue(c) || expected(c) == actual(c)) continue;
    if (++different <= 10) ADD_FAILURE() << what << " of U+" << std::hex << c << " is " << actual(c);
  }
  EXPECT_EQ(different, 0) << what;
}

TEST(UnicodeTest, AllTablesAreOfOneVersion) {
  EXPECT_EQ(UnicodeRangesVersion(), utf8proc_unicode_version())
      << "libutf8proc-dev and unicode-data are of different versions of Unicode: characters that only one of them "
         "knows "
         "get properties that do not fit together";
}

TEST(UnicodeTest, DerivedProperties) {
  const struct {
    const char* property;
    const char* file;
    bool (*test)(uint32_t);
  } kTests[] = {
      {"Alphabetic", "DerivedCoreProperties.txt", IsAlphabetic},
      {"Uppercase", "DerivedCoreProperties.txt", IsUpperCase},
      {"Lowercase", "DerivedCoreProperties.txt", IsLowerCase},
      {"White_Space", "PropList.txt", IsCharWhitespace},
  };
  for (const auto& test : kTests) {
    const std::vector<bool> members = Members(test.file, test.property);
    ExpectSame(test.property, [&](uint32_t c) { return members[c]; }, test.test);
  }
}

TEST(UnicodeTest, Digits) {
  const std::vector<Character>& characters = Characters();
  ExpectSame("numeric", [&](uint32_t c) { return characters[c].category == "Nd"; }, IsNumeric);
  for (uint32_t c = 0; c < kCodePoints; ++c) {
    const Character& character = characters[c];
    const int value = character.category == "Nd" ? std::atoi(character.digit.c_str()) : -1;
    if (IsScalarValue(c)) {
      EXPECT_EQ(DigitValue(c), value) << std::hex << c;
    }
  }
}

TEST(UnicodeTest, SimpleCaseMappings) {
  const std::vector<Character>& characters = Characters();
  std::vector<uint32_t> folded(kCodePoints);
  for (const Fields& fields : Lines("CaseFolding.txt")) {
    if (fields[1] == "C" || fields[1] == "S") folded[Hex(fields[0])] = Hex(fields[2]);
  }
  for (uint32_t c = 0; c < kCodePoints; ++c) {
    if (!IsScalarValue(c)) continue;
    const Character& character = characters[c];
    EXPECT_EQ(CharUpcase(c), character.upper != 0 ? character.upper : c) << std::hex << c;
    EXPECT_EQ(CharDowncase(c), character.lower != 0 ? character.lower : c) << std::hex << c;
    EXPECT_EQ(CharFoldcase(c), folded[c] != 0 ? folded[c] : c) << std::hex << c;
  }
}

std::vector<uint32_t> Mapped(const std::vector<uint32_t>& text, CaseMapping mapping) {
  MappedText mapped({nullptr, text.data(), static_cast<uint32_t>(text.size())}, mapping);
  std::vector<uint32_t> result;
  for (uint32_t c; mapped.Next(&c);) result.push_back(c);
  return result;
}

std::vector<uint32_t> CodePoints(const std::string& field) {
  std::vector<uint32_t> result;
  for (absl::string_view part : absl::StrSplit(field, ' ', absl::SkipEmpty())) {
    result.push_back(Hex(std::string(part)));
  }
  return result;
}

TEST(UnicodeTest, FullCaseMappings) {
  struct Special {
    std::vector<uint32_t> lower, upper, folded;
  };
  std::map<uint32_t, Special> special;
  for (const Fields& fields : Lines("SpecialCasing.txt")) {
    if (fields.size() > 5) continue;  // on a condition: that of sigma is tested below, others are of languages
    special[Hex(fields[0])].lower = CodePoints(fields[1]);
    special[Hex(fields[0])].upper = CodePoints(fields[3]);
  }
  for (const Fields& fields : Lines("CaseFolding.txt")) {
    if (fields[1] == "F") special[Hex(fields[0])].folded = CodePoints(fields[2]);
  }
  using Text = std::vector<uint32_t>;
  for (uint32_t c = 0; c < kCodePoints; ++c) {
    if (!IsScalarValue(c)) continue;
    Special expected{{CharDowncase(c)}, {CharUpcase(c)}, {CharFoldcase(c)}};
    if (const auto found = special.find(c); found != special.end()) {
      if (!found->second.lower.empty()) expected.lower = found->second.lower;
      if (!found->second.upper.empty()) expected.upper = found->second.upper;
      if (!found->second.folded.empty()) expected.folded = found->second.folded;
    }
    EXPECT_EQ(Mapped(Text{c}, Upcase), expected.upper) << std::hex << c;
    EXPECT_EQ(Mapped(Text{c}, Downcase), expected.lower) << std::hex << c;
    EXPECT_EQ(Mapped(Text{c}, Foldcase), expected.folded) << std::hex << c;
  }
}

// A capital sigma becomes a final one after a cased letter and not before one, whatever is ignored between them.
TEST(UnicodeTest, FinalSigma) {
  constexpr uint32_t kCapital = 0x3a3, kSmall = 0x3c3, kFinal = 0x3c2;
  const std::vector<bool> cased = Members("DerivedCoreProperties.txt", "Cased");
  const std::vector<bool> ignorable = Members("DerivedCoreProperties.txt", "Case_Ignorable");
  for (uint32_t c = 0; c < kCodePoints; ++c) {
    if (!IsScalarValue(c)) continue;
    // Some characters are both.
    const bool after = ignorable[c] ? false : static_cast<bool>(cased[c]);
    EXPECT_EQ(Mapped({c, kCapital}, Downcase).back(), after ? kFinal : kSmall) << std::hex << c;
    EXPECT_EQ(Mapped({'a', c, kCapital}, Downcase).back(), ignorable[c] || cased[c] ? kFinal : kSmall) << std::hex << c;
    EXPECT_EQ(Mapped({'a', kCapital, c}, Downcase)[1], after ? kSmall : kFinal) << std::hex << c;
  }
}

// SRFI 14's sets, by general category where it says so; its letters' case is that of the procedures.
TEST(UnicodeTest, StandardCharSets) {
  const std::vector<Character>& characters = Characters();
  const auto is = [&](const char* categories) {
    return [&characters, categories](uint32_t c) {
      for (absl::string_view category : absl::StrSplit(categories, ' ')) {
        if (absl::StartsWith(characters[c].category, category)) return true;
      }
      return false;
    };
  };
  const auto control_space = [](uint32_t c) { return c >= 9 && c <= 13; };
  const struct {
    StandardCharSet set;
    const char* name;
    std::function<bool(uint32_t)> test;
  } kSets[] = {
      {StandardCharSet::kLowerCase, "lower-case", IsLowerCase},
      {StandardCharSet::kUpperCase, "upper-case", IsUpperCase},
      {StandardCharSet::kTitleCase, "title-case", is("Lt")},
      {StandardCharSet::kLetter, "letter", is("L")},
      {StandardCharSet::kAlphabetic, "alphabetic", IsAlphabetic},
      {StandardCharSet::kDigit, "digit", is("Nd")},
      {StandardCharSet::kLetterOrDigit, "letter+digit", is("L Nd")},
      {StandardCharSet::kPunctuation, "punctuation", is("P")},
      {StandardCharSet::kSymbol, "symbol", is("S")},
      {StandardCharSet::kGraphic, "graphic", is("L Nd P S")},
      {StandardCharSet::kWhitespace, "whitespace", [&](uint32_t c) { return is("Z")(c) || control_space(c); }},
      {StandardCharSet::kPrinting, "printing", [&](uint32_t c) { return is("L Nd P S Z")(c) || control_space(c); }},
      {StandardCharSet::kIsoControl, "iso-control", is("Cc")},
      {StandardCharSet::kOther, "other", is("C")},
      {StandardCharSet::kBlank, "blank", [&](uint32_t c) { return is("Zs")(c) || c == 9; }},
      {StandardCharSet::kFull, "full", [](uint32_t) { return true; }},
      {StandardCharSet::kEmpty, "empty", [](uint32_t) { return false; }},
  };
  for (const auto& set : kSets) {
    const CharRangesView ranges = RangesOf(set.set);
    ExpectSame(set.name, set.test, [&](uint32_t c) { return Contains(ranges, c); });
  }
}

}  // namespace
}  // namespace islet::vm
