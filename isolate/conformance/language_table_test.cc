// Makes docs/language.md, the table of every library and identifier, from the libraries themselves, and checks that the
// file says what they are, and that R7RS-small's appendix A is there whole.
//
// Its second part says what happens where the report says "it is an error" (error_table.h).
//
//   language_table_test IDENTIFIERS ERRORS DOCUMENT            as a test
//   language_table_test IDENTIFIERS ERRORS DOCUMENT --update   writes the document instead

#include <cstdio>
#include <cstring>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "isolate/conformance/error_table.h"
#include "isolate/data/hash_table.h"
#include "isolate/lib/standard.h"
#include "isolate/printer/printer.h"
#include "isolate/runtime/primitives.h"
#include "snapshot/image.h"

namespace islet::vm {
namespace {

struct Library {
  std::set<std::string> syntax, procedures, variables;

  bool Has(const std::string& name) const {
    return syntax.count(name) + procedures.count(name) + variables.count(name) != 0;
  }
  size_t size() const { return syntax.size() + procedures.size() + variables.size(); }
};

// By name, SRFIs by number.
struct InOrder {
  bool operator()(const std::string& a, const std::string& b) const {
    const bool by_number = absl::StartsWith(a, "(srfi ") && absl::StartsWith(b, "(srfi ");
    if (by_number && a.size() != b.size()) return a.size() < b.size();
    return a < b;
  }
};

// By printed name. Libraries whose name starts with `islet` and goes on are the library's own affair.
using Libraries = std::map<std::string, Library, InOrder>;

bool IsProcedure(const Heap& heap, Value v) {
  return v.IsPrimitive() || heap.Is<Closure>(v) || heap.Is<Parameter>(v) || heap.Is<Continuation>(v);
}

absl::StatusOr<Libraries> Collect(const Image& image) {
  auto made = NewVm(image, VmOptions());
  if (!made.ok()) return made.status();
  Vm& vm = **made;
  Heap& heap = vm.heap();
  Libraries libraries;
  ForEachEntry(heap, vm.root(Root::kLibraries), [&](Value name, Value value) {
    const std::string text = Print(vm, name, PrintMode::kWrite);
    const Environment* environment = heap.TryGet<Environment>(value);
    if (environment == nullptr || !heap.Is<HashTable>(environment->exports) || absl::StartsWith(text, "(islet ")) return;
    Library& library = libraries[text];
    ForEachEntry(heap, environment->exports, [&](Value symbol, Value binding) {
      const std::string identifier = vm.SymbolName(symbol);
      if (const Cell* cell = heap.TryGet<Cell>(binding); cell == nullptr) {
        library.syntax.insert(identifier);
      } else if (IsProcedure(heap, cell->value)) {
        library.procedures.insert(identifier);
      } else {
        library.variables.insert(identifier);
      }
    });
  });
  return libraries;
}

// What appendix A says, by library.
std::map<std::string, std::vector<std::string>> ReadReport(const char* path) {
  std::map<std::string, std::vector<std::string>> report;
  std::ifstream file(path);
  std::string line, library;
  while (std::getline(file, line)) {
    if (line.empty() || line[0] == '#') continue;
    if (line[0] == '(') {
      library = line;
      continue;
    }
    std::istringstream words(line);
    for (std::string word; words >> word;) report[library].push_back(word);
  }
  return report;
}

std::string Names(absl::string_view kind, const std::set<std::string>& names) {
  if (names.empty()) return "";
  std::string text = absl::StrCat("\n", kind, ":");
  size_t column = text.size();
  for (const std::string& name : names) {
    const std::string item = absl::StrCat("`", name, "`");
    const bool wrap = column + item.size() + 1 > 118;
    absl::StrAppend(&text, wrap ? "\n" : " ", item);
    column = wrap ? item.size() : column + item.size() + 1;
  }
  return absl::StrCat(text, "\n");
}

std::string Document(const Libraries& libraries, const std::map<std::string, std::vector<std::string>>& report) {
  std::string text =
      "# The language: every library and identifier\n\n"
      "Made from the libraries in the standard snapshot by `isolate/conformance/language_table_test.cc`, which also fails\n"
      "when this file differs from them. To make it anew: `./bazelw run //isolate/conformance:update_language_table`. The\n"
      "second part says [what happens where the report says \"it is an error\"](#where-r7rs-small-says-it-is-an-error).\n\n"
      "All of these can be imported at run time, without access to files. A script that imports nothing sees `(islet)`.\n\n"
      "| library | identifiers | of R7RS-small's appendix A |\n"
      "|---|---|---|\n";
  for (const auto& [name, library] : libraries) {
    std::string state = "-";
    if (const auto asked = report.find(name); asked != report.end()) {
      size_t there = 0;
      for (const std::string& identifier : asked->second) there += library.Has(identifier);
      state = absl::StrCat(there, " of ", asked->second.size());
    }
    absl::StrAppend(&text, "| `", name, "` | ", library.size(), " | ", state, " |\n");
  }
  for (const auto& [name, library] : libraries) {
    absl::StrAppend(&text, "\n## ", name, "\n", Names("Syntax", library.syntax),
                    Names("Procedures", library.procedures), Names("Variables", library.variables));
  }
  return text;
}

int Main(int argc, char** argv) {
  const bool update = argc == 5 && std::strcmp(argv[4], "--update") == 0;
  if (argc != 4 && !update) {
    std::fprintf(stderr, "usage: language_table_test IDENTIFIERS ERRORS DOCUMENT [--update]\n");
    return 2;
  }
  const char* document = argv[3];
  auto image = Image::FromEmbedded(islet_snapshot_standard_begin, islet_snapshot_standard_end, AllPrimitives());
  if (!image.ok()) {
    std::fprintf(stderr, "%s\n", std::string(image.status().message()).c_str());
    return 1;
  }
  const absl::StatusOr<Libraries> libraries = Collect(**image);
  if (!libraries.ok()) {
    std::fprintf(stderr, "%s\n", std::string(libraries.status().message()).c_str());
    return 1;
  }
  const auto report = ReadReport(argv[1]);
  int missing = report.size() == 16 ? 0 : 1;
  if (missing != 0) std::fprintf(stderr, "%s: not the 16 libraries of appendix A\n", argv[1]);
  for (const auto& [name, identifiers] : report) {
    const auto library = libraries->find(name);
    for (const std::string& identifier : identifiers) {
      if (library != libraries->end() && library->second.Has(identifier)) continue;
      std::fprintf(stderr, "missing: %s in %s\n", identifier.c_str(), name.c_str());
      ++missing;
    }
  }
  const std::vector<ErrorCase> cases = ReadErrorCases(argv[2]);
  if (cases.empty()) return 1;
  for (const ErrorCase& c : cases) {
    const std::string outcome = OutcomeOf(**image, c);
    if (outcome == c.outcome) continue;
    std::fprintf(stderr, "%s: %s: %s\n  expected: %s\n  got:      %s\n", argv[2], c.section.c_str(), c.expression.c_str(),
                 c.outcome.c_str(), outcome.c_str());
    ++missing;
  }
  const std::string text = absl::StrCat(Document(*libraries, report), ErrorTable(cases));
  if (update) {
    std::ofstream(document, std::ios::binary) << text;
    return missing == 0 ? 0 : 1;
  }
  std::ifstream file(document, std::ios::binary);
  const std::string written((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  if (written != text) {
    std::fprintf(stderr, "docs/language.md is not what the libraries are and errors do; run:"
                         " ./bazelw run //isolate/conformance:update_language_table\n");
    return 1;
  }
  return missing == 0 ? 0 : 1;
}

}  // namespace
}  // namespace islet::vm

int main(int argc, char** argv) { return islet::vm::Main(argc, argv); }
