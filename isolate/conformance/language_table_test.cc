// Makes docs/language.md, the table of every library and identifier, from the libraries themselves, and checks that the
// file says what they are, and that each library exports what R7RS-small's appendix A, or its SRFI's index, lists, and
// nothing else.
//
// Its second part says what happens where the report says "it is an error" (error_table.h).
//
//   language_table_test R7RS SRFIS ERRORS DOCUMENT            as a test
//   language_table_test R7RS SRFIS ERRORS DOCUMENT --update   writes the document instead
//
// R7RS and SRFIS are indices: `(library)` on a line, then names, up to the next library. `also:` precedes names that a
// library may export beyond its index; `(library) = (library)` says that the first is another name of the second.

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
    if (environment == nullptr || !heap.Is<HashTable>(environment->exports) || absl::StartsWith(text, "(islet "))
      return;
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

struct Index {
  std::set<std::string> names;
  std::set<std::string> also;  // may be exported, too
  std::string alias_for;       // the library that this is another name of, or empty
};

// By the library's name.
using Indices = std::map<std::string, Index>;

Indices ReadIndices(const char* path) {
  Indices indices;
  std::ifstream file(path);
  std::string line, library;
  while (std::getline(file, line)) {
    if (line.empty() || line[0] == '#') continue;
    if (line[0] == '(') {
      const size_t equals = line.find(" = ");
      library = line.substr(0, equals);
      if (equals != std::string::npos) indices[library].alias_for = line.substr(equals + 3);
      indices[library];
      continue;
    }
    const bool also = absl::StartsWith(line, "also: ");
    std::istringstream words(also ? line.substr(6) : line);
    Index& index = indices[library];
    for (std::string word; words >> word;) (also ? index.also : index.names).insert(word);
  }
  for (auto& [name, index] : indices) {
    if (!index.alias_for.empty()) index.names = indices[index.alias_for].names;
  }
  return indices;
}

// Says what is missing, and what should not be there. Returns their number.
int Compare(const Libraries& libraries, const std::string& name, const Index& index) {
  const auto found = libraries.find(name);
  if (found == libraries.end()) {
    std::fprintf(stderr, "missing: the library %s\n", name.c_str());
    return 1;
  }
  int differences = 0;
  for (const std::string& identifier : index.names) {
    if (found->second.Has(identifier)) continue;
    std::fprintf(stderr, "missing: %s in %s\n", identifier.c_str(), name.c_str());
    ++differences;
  }
  for (const auto* names : {&found->second.syntax, &found->second.procedures, &found->second.variables}) {
    for (const std::string& identifier : *names) {
      if (index.names.count(identifier) + index.also.count(identifier) != 0) continue;
      std::fprintf(stderr, "%s exports %s, which its index does not list\n", name.c_str(), identifier.c_str());
      ++differences;
    }
  }
  return differences;
}

int CompareAll(const Libraries& libraries, const Indices& indices) {
  int differences = 0;
  for (const auto& [name, index] : indices) differences += Compare(libraries, name, index);
  for (const auto& [name, library] : libraries) {
    if (name == "(islet)" || indices.count(name) != 0) continue;
    std::fprintf(stderr, "no index says what %s exports\n", name.c_str());
    ++differences;
  }
  return differences;
}

// R7RS-large's libraries, of the Red and the Tangerine Edition, and where they come from.
constexpr const char* kLargeLibraries[][2] = {
    {"(scheme bitwise)", "SRFI 151"},
    {"(scheme box)", "SRFI 111"},
    {"(scheme bytevector)", "R6RS"},
    {"(scheme charset)", "SRFI 14"},
    {"(scheme comparator)", "SRFI 128"},
    {"(scheme division)", "SRFI 141"},
    {"(scheme ephemeron)", "SRFI 124"},
    {"(scheme fixnum)", "SRFI 143"},
    {"(scheme flonum)", "SRFI 144"},
    {"(scheme generator)", "SRFI 158"},
    {"(scheme hash-table)", "SRFI 125"},
    {"(scheme ideque)", "SRFI 134"},
    {"(scheme ilist)", "SRFI 116"},
    {"(scheme list)", "SRFI 1"},
    {"(scheme list-queue)", "SRFI 117"},
    {"(scheme lseq)", "SRFI 127"},
    {"(scheme mapping)", "SRFI 146"},
    {"(scheme mapping hash)", "SRFI 146"},
    {"(scheme regex)", "SRFI 115"},
    {"(scheme rlist)", "SRFI 101"},
    {"(scheme set)", "SRFI 113"},
    {"(scheme show)", "SRFI 159"},
    {"(scheme sort)", "SRFI 132"},
    {"(scheme stream)", "SRFI 41"},
    {"(scheme text)", "SRFI 135"},
    {"(scheme vector)", "SRFI 133"},
    {"(scheme vector @)", "SRFI 160, for each type @"},
};

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

// A row's last column: how much of the library is there, or of which it is another name.
std::string StateOf(const std::string& name, const Library& library, const Indices& indices) {
  const auto found = indices.find(name);
  if (found == indices.end()) return "-";
  const Index& index = found->second;
  if (!index.alias_for.empty()) return absl::StrCat("another name of `", index.alias_for, "`");
  size_t there = 0;
  for (const std::string& identifier : index.names) there += library.Has(identifier);
  return absl::StrCat(there, " of ", index.names.size());
}

std::string AbsentLibraries(const Libraries& libraries) {
  std::vector<std::string> absent;
  for (const auto& [name, source] : kLargeLibraries) {
    if (libraries.count(name) == 0) absent.push_back(absl::StrCat("`", name, "` (", source, ")"));
  }
  return absl::StrCat("\nOf R7RS-large's Red and Tangerine Editions these are not there:\n",
                      absl::StrJoin(absent, ",\n"), ".\n");
}

std::string Document(const Libraries& libraries, const Indices& indices) {
  std::string text =
      "# The language: every library and identifier\n\n"
      "Made from the libraries in the standard snapshot by `isolate/conformance/language_table_test.cc`, which also "
      "fails\n"
      "when this file differs from them. To make it anew: `./bazelw run //isolate/conformance:update_language_table`. "
      "The\n"
      "second part says [what happens where the report says \"it is an "
      "error\"](#where-r7rs-small-says-it-is-an-error).\n\n"
      "All of these can be imported at run time, without access to files. A script that imports nothing sees "
      "`(islet)`.\n\n"
      "| library | identifiers | of R7RS-small's appendix A, or the SRFI's index |\n"
      "|---|---|---|\n";
  for (const auto& [name, library] : libraries) {
    absl::StrAppend(&text, "| `", name, "` | ", library.size(), " | ", StateOf(name, library, indices), " |\n");
  }
  text += AbsentLibraries(libraries);
  for (const auto& [name, library] : libraries) {
    const auto index = indices.find(name);
    if (index != indices.end() && !index->second.alias_for.empty()) continue;
    absl::StrAppend(&text, "\n## ", name, "\n", Names("Syntax", library.syntax),
                    Names("Procedures", library.procedures), Names("Variables", library.variables));
  }
  return text;
}

int Main(int argc, char** argv) {
  const bool update = argc == 6 && std::strcmp(argv[5], "--update") == 0;
  if (argc != 5 && !update) {
    std::fprintf(stderr, "usage: language_table_test R7RS SRFIS ERRORS DOCUMENT [--update]\n");
    return 2;
  }
  const char* document = argv[4];
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
  Indices indices = ReadIndices(argv[1]);
  int missing = indices.size() == 16 ? 0 : 1;
  if (missing != 0) std::fprintf(stderr, "%s: not the 16 libraries of appendix A\n", argv[1]);
  indices.merge(ReadIndices(argv[2]));
  missing += CompareAll(*libraries, indices);
  const std::vector<ErrorCase> cases = ReadErrorCases(argv[3]);
  if (cases.empty()) return 1;
  for (const ErrorCase& c : cases) {
    const std::string outcome = OutcomeOf(**image, c);
    if (outcome == c.outcome) continue;
    std::fprintf(stderr, "%s: %s: %s\n  expected: %s\n  got:      %s\n", argv[3], c.section.c_str(),
                 c.expression.c_str(), c.outcome.c_str(), outcome.c_str());
    ++missing;
  }
  const std::string text = absl::StrCat(Document(*libraries, indices), ErrorTable(cases));
  if (update) {
    std::ofstream(document, std::ios::binary) << text;
    return missing == 0 ? 0 : 1;
  }
  std::ifstream file(document, std::ios::binary);
  const std::string written((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  if (written != text) {
    std::fprintf(stderr,
                 "docs/language.md is not what the libraries are and errors do; run:"
                 " ./bazelw run //isolate/conformance:update_language_table\n");
    return 1;
  }
  return missing == 0 ? 0 : 1;
}

}  // namespace
}  // namespace islet::vm

int main(int argc, char** argv) { return islet::vm::Main(argc, argv); }
