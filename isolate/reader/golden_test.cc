// The reader makes of thousands of texts what it made of them before: data, the place of each, errors with theirs, and
// where it stands afterwards. The texts are the fuzzer's corpus, libraries, and rows of odd tokens, each as it is and
// with random changes; golden.txt has a digest of what comes of each seed.
//
// A change of the language or of a message changes digests. `golden_test --show=NAME` prints what comes of the texts of
// a seed, to be compared with what it was, and `--record` prints the new golden.txt:
//
//   ./bazelw build //isolate/reader:golden_test
//   bazel-bin/isolate/reader/golden_test --record > isolate/reader/golden.txt

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "gtest/gtest.h"
#include "isolate/data/string.h"
#include "isolate/numbers/numbers.h"
#include "isolate/reader/reader.h"
#include "isolate/reader/test_text.h"
#include "isolate/reader/test_vm.h"

namespace islet::vm {
namespace {

constexpr const char* kGolden = "isolate/reader/golden.txt";
constexpr const char* kCorpus = "fuzz/corpus/reader";
constexpr uint32_t kLibraries = 6;
constexpr uint32_t kRows = 60;
constexpr size_t kChanged = 100;  // texts made of each seed
constexpr size_t kLongestName = 12;

// Tokens and parts of tokens that the reader looks at closely: put in at random places, or one behind the other.
constexpr absl::string_view kTokens[] = {"(",
                                         ")",
                                         "(",
                                         ")",
                                         " ",
                                         "\n",
                                         "\r\n",
                                         "\r",
                                         "\t",
                                         "\f",
                                         "\v",
                                         "'",
                                         "`",
                                         ",",
                                         ",@",
                                         ".",
                                         " . ",
                                         "...",
                                         "..",
                                         "\"",
                                         "\"a\\n\"",
                                         "\"\\x3bb;\"",
                                         "\"a\\  \r\n  b\"",
                                         "\"\r\n\"",
                                         "\\",
                                         "|",
                                         "|a b|",
                                         "|\\x41;|",
                                         "|a\nb|",
                                         "#",
                                         "#(",
                                         "#u8(",
                                         "#u8(1 255)",
                                         "#t",
                                         "#f",
                                         "#true",
                                         "#FALSE",
                                         "#truly",
                                         "#\\a",
                                         "#\\space",
                                         "#\\x41",
                                         "#\\x",
                                         "#\\(",
                                         "#\\\xce\xbb",
                                         "#;",
                                         "#|",
                                         "|#",
                                         "#| #| |# |#",
                                         ";",
                                         "; text\n",
                                         ";\xce\xbb\xe2\x82\xac\n",
                                         "#!fold-case",
                                         "#!no-fold-case",
                                         "#!eof",
                                         "#! x",
                                         "#0=",
                                         "#0#",
                                         "#1=(a . #1#)",
                                         "#999999999999999999999=",
                                         "[",
                                         "]",
                                         "{",
                                         "}",
                                         "0",
                                         "7",
                                         "-1",
                                         "+1",
                                         "42",
                                         "007",
                                         "1073741823",
                                         "1073741824",
                                         "-1073741824",
                                         "-1073741825",
                                         "999999999",
                                         "1000000000",
                                         "123456789012345678901234567890",
                                         "1.5",
                                         "-.5e3",
                                         "1e400",
                                         "1/2",
                                         "1/0",
                                         "+i",
                                         "-i",
                                         "+inf.0",
                                         "-nan.0",
                                         "+inf.0i",
                                         "1+2i",
                                         "1@2",
                                         "+",
                                         "-",
                                         "->x",
                                         "+x",
                                         "-.",
                                         "+.5",
                                         "-.x",
                                         ".5",
                                         ".x",
                                         "1+",
                                         "1x",
                                         "12a",
                                         "-5x",
                                         "#e1.5",
                                         "#x-ff",
                                         "#b102",
                                         "#i1/3",
                                         "#d10",
                                         "#X1F",
                                         "a",
                                         "B",
                                         "abc",
                                         "set-cdr!",
                                         "list->vector",
                                         "a#b",
                                         "@x",
                                         "a@b",
                                         "a,b",
                                         "a'b",
                                         "a.b",
                                         "a:b",
                                         "x[1]",
                                         "a{b",
                                         "\xce\xbb",
                                         "stra\xc3\x9f"
                                         "e",
                                         "\xe2\x82\xac",
                                         "\xf0\x9f\x98\x80",
                                         "\xe2\x80\x8c",
                                         "\xc2\xa0",
                                         "\xe2\x80\xa8",
                                         "\xc2\x85",
                                         "\xcc\x81",
                                         "\xd9\xa1",
                                         "\xff",
                                         "\xce",
                                         "\xe2\x82",
                                         "\xed\xa0\x80",
                                         "\xc0\xaf",
                                         "\xef\xbb\xbf",
                                         "\x01",
                                         "\x7f",
                                         "\\a",
                                         "~",
                                         "^",
                                         "%",
                                         "!",
                                         "quote",
                                         "else",
                                         "=>"};

absl::string_view Token(TestRandom& random) { return kTokens[random.Below(std::size(kTokens))]; }
std::string ZeroByte() { return std::string(1, '\0'); }

// ---- Outcomes

// Shows a datum with all its places, and parts that were shown before by their numbers.
class Showing {
 public:
  Showing(Heap& heap, std::string* out) : heap_(heap), out_(out) {}

  void Show(const Syntax* s) {
    for (;; s = s->cdr) {
      const auto [known, added] = numbers_.try_emplace(s, numbers_.size());
      if (!added) {
        absl::StrAppend(out_, "#", known->second, "#");
        return;
      }
      absl::StrAppend(out_, s->position.line, ":", s->position.column, " ");
      if (!s->IsPair()) break;
      out_->push_back('(');
      Show(s->car);
      out_->append(" . ");
    }
    if (s->kind == Syntax::Kind::kVector) {
      absl::StrAppend(out_, "#", s->count, "(");
      for (size_t i = 0; i < s->count; ++i) Show(s->items[i]);
      out_->push_back(')');
    } else {
      ShowValue(s->value);
    }
    out_->push_back(';');
  }

 private:
  void ShowValue(Value v) {
    if (v.IsChar()) {
      absl::StrAppend(out_, "char ", v.character());
    } else if (heap_.Is<Symbol>(v)) {
      absl::StrAppend(out_, "symbol ", ToUtf8(heap_, heap_.Get<Symbol>(v)->name));
    } else if (heap_.Is<String>(v)) {
      absl::StrAppend(out_, "string ", heap_.header(v), " ", ToUtf8(heap_, v));
    } else if (const Bytevector* bytes = heap_.TryGet<Bytevector>(v)) {
      absl::StrAppend(out_, "bytes ", bytes->header);
      for (uint32_t i = 0; i < bytes->length; ++i) absl::StrAppend(out_, " ", bytes->bytes[i]);
    } else if (v == kNull || v == kTrue || v == kFalse) {
      out_->append(v == kNull ? "null" : v == kTrue ? "true" : "false");
    } else {
      absl::StrAppend(out_, "number ", NumberToString(heap_, v));
    }
  }

  Heap& heap_;
  std::string* out_;
  absl::flat_hash_map<const Syntax*, size_t> numbers_;
};

// A text that arrives in pieces of random lengths.
struct Pieces {
  absl::string_view whole;
  size_t longest;
  TestRandom random{1};
  size_t seen = 0;

  static bool More(void* context, absl::string_view* text) {
    Pieces& self = *static_cast<Pieces*>(context);
    if (self.seen == self.whole.size()) return false;
    self.seen = std::min(self.whole.size(), self.seen + 1 + self.random.Below(self.longest));
    *text = self.whole.substr(0, self.seen);
    return true;
  }
};

std::string Outcome(Vm& vm, absl::string_view text, ReaderOptions options) {
  SyntaxArena arena(&vm.heap());
  Reader reader(vm, arena, options.refill != nullptr ? absl::string_view() : text, "t", options);
  std::string out;
  Syntax* datum = nullptr;
  Reader::Result result;
  const auto place = [&] {
    absl::StrAppend(&out, " [", reader.offset(), " ", reader.line(), ":", reader.column(), "]\n");
  };
  while ((result = reader.ReadNext(&datum)) == Reader::Result::kDatum) {
    Showing(vm.heap(), &out).Show(datum);
    place();
  }
  if (result == Reader::Result::kError) {
    absl::StrAppend(&out, reader.error().ToString(), reader.error().incomplete ? " (incomplete)" : "");
  }
  absl::StrAppend(&out, reader.fold_case() ? " folds" : "");
  place();
  return out;
}

// ---- Texts

struct Seed {
  std::string name;
  std::string text;
};

std::string Row(uint32_t number) {
  TestRandom random(number + 1000);
  std::string row;
  for (size_t i = 3 + random.Below(40); i > 0; --i) {
    absl::StrAppend(&row, Token(random));
    if (random.Below(3) != 0) row.push_back(' ');
  }
  return row;
}

std::vector<Seed> Seeds() {
  std::vector<Seed> seeds;
  for (const auto& entry : std::filesystem::directory_iterator(kCorpus)) {
    std::ifstream file(entry.path(), std::ios::binary);
    seeds.push_back({entry.path().filename().string().substr(0, kLongestName),
                     std::string(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>())});
  }
  std::sort(seeds.begin(), seeds.end(), [](const Seed& a, const Seed& b) { return a.name < b.name; });
  for (uint32_t i = 0; i < kLibraries; ++i) seeds.push_back({absl::StrCat("library-", i), LibraryText(i)});
  for (uint32_t i = 0; i < kRows; ++i) seeds.push_back({absl::StrCat("row-", i), Row(i)});
  return seeds;
}

// One to eight changes: bytes or tokens put in, taken out, exchanged or repeated, or the end cut off.
std::string Changed(std::string text, TestRandom& random) {
  for (size_t changes = 1 + random.Below(8); changes > 0; --changes) {
    const size_t at = random.Below(text.size() + 1);
    const size_t length = std::min(text.size() - at, random.Below(12));
    switch (random.Below(6)) {
      case 0:
        text.erase(at, length);
        break;
      case 1: {
        const size_t from = random.Below(text.size() + 1);
        text.insert(at, text.substr(from, 1 + random.Below(30)));
        break;
      }
      case 2:
        text.insert(at, random.Below(20) == 0 ? ZeroByte() : std::string(Token(random)));
        break;
      case 3:
        text.replace(at, length, std::string(Token(random)));
        break;
      case 4:
        if (at < text.size()) text[at] = static_cast<char>(random.Below(256));
        break;
      default:
        if (random.Below(4) == 0) text.resize(at);
    }
  }
  return text;
}

// Calls f(text, options) for the seed as it is, and as it is changed.
template <typename F>
void ForEachText(const Seed& seed, F&& f) {
  f(seed.text, ReaderOptions());
  TestRandom random(seed.text.size());
  for (size_t i = 0; i < kChanged; ++i) {
    ReaderOptions options;
    options.fold_case = i % 4 == 1;
    if (i % 4 == 2) options.first_line = 7, options.first_column = 3;
    options.max_depth = i % 4 == 3 ? 4 : 1000;
    options.immutable_literals = i % 3 == 0;
    f(Changed(seed.text, random), options);
  }
}

// FNV-1a.
uint64_t Digest(uint64_t digest, absl::string_view bytes) {
  for (const char c : bytes) digest = (digest ^ static_cast<uint8_t>(c)) * 0x100000001b3;
  return digest;
}

std::string DigestOf(const Seed& seed) {
  const auto vm = MakeTestVm();
  uint64_t digest = 0xcbf29ce484222325;
  ForEachText(seed, [&](absl::string_view text, const ReaderOptions& options) {
    digest = Digest(digest, Outcome(*vm, text, options));
  });
  return absl::StrFormat("%016x", digest);
}

std::map<std::string, std::string> Golden() {
  std::map<std::string, std::string> golden;
  std::ifstream file(kGolden);
  for (std::string name, digest; file >> name >> digest;) golden[name] = digest;
  return golden;
}

// ---- Tests

TEST(GoldenTest, TextsReadAsTheyDid) {
  std::map<std::string, std::string> golden = Golden();
  for (const Seed& seed : Seeds()) {
    EXPECT_EQ(golden[seed.name], DigestOf(seed)) << "of " << seed.name << ": see the top of golden_test.cc";
    golden.erase(seed.name);
  }
  for (const auto& [name, digest] : golden) ADD_FAILURE() << name << " is in golden.txt, but there is no such seed";
}

TEST(GoldenTest, TextsReadAlikeInPieces) {
  for (const Seed& seed : Seeds()) {
    const auto vm = MakeTestVm();
    size_t longest = 0;
    ForEachText(seed, [&](absl::string_view text, ReaderOptions options) {
      const std::string whole = Outcome(*vm, text, options);
      Pieces pieces{text, 1 + longest++ % 9};
      options.refill = Pieces::More;
      options.refill_context = &pieces;
      EXPECT_EQ(Outcome(*vm, text, options), whole) << seed.name << ": " << text;
    });
  }
}

int Record() {
  for (const Seed& seed : Seeds()) std::printf("%s %s\n", seed.name.c_str(), DigestOf(seed).c_str());
  return 0;
}

int Show(absl::string_view name) {
  const auto vm = MakeTestVm();
  for (const Seed& seed : Seeds()) {
    if (seed.name != std::string(name)) continue;
    ForEachText(seed, [&](absl::string_view text, const ReaderOptions& options) {
      std::printf("---- %s\n==== %s", std::string(text).c_str(), Outcome(*vm, text, options).c_str());
    });
  }
  return 0;
}

int Main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  if (argc == 1) return RUN_ALL_TESTS();
  absl::string_view argument = argv[1];
  if (argc == 2 && argument == "--record") return Record();
  if (argc == 2 && absl::ConsumePrefix(&argument, "--show=")) return Show(argument);
  std::fprintf(stderr, "usage: golden_test [--record | --show=NAME]\n");
  return 2;
}

}  // namespace
}  // namespace islet::vm

int main(int argc, char** argv) { return islet::vm::Main(argc, argv); }
