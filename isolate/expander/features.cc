// The feature identifiers that (features) lists and cond-expand asks for (R7RS appendix B).

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "isolate/data/hash_table.h"
#include "isolate/expander/expander.h"

namespace islet::vm {
namespace {

constexpr const char* kFeatures[] = {
    "r7rs",           "exact-closed", "exact-complex", "ieee-float",
    "full-unicode",   "ratios",       "islet",         "regexp-non-greedy",
    "regexp-unicode",  // SRFI 115
    "posix",          "unix",         "linux",         "gnu-linux",
#if defined(__x86_64__)
    "x86-64",
#elif defined(__aarch64__)
    "aarch64",
#endif
#if defined(__LP64__)
    "lp64",
#endif
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    "little-endian",
#else
    "big-endian",
#endif
};

constexpr absl::string_view kSrfi = "srfi-";

// The N of a library's name (srfi N), or -1.
int SrfiNumber(Vm& vm, Value name) {
  Heap& heap = vm.heap();
  if (!name.IsPair() || !heap.cdr(name).IsPair() || heap.cdr(heap.cdr(name)) != kNull) return -1;
  const Value first = heap.car(name);
  const Value number = heap.car(heap.cdr(name));
  return number.IsFixnum() && heap.Is<Symbol>(first) && vm.SymbolName(first) == "srfi" ? number.fixnum() : -1;
}

// Is the feature srfi-N, and there a library (srfi N)? Allocates little.
bool IsSrfiThatIsThere(Vm& vm, absl::string_view feature) {
  int number;
  if (!absl::StartsWith(feature, kSrfi) || !absl::SimpleAtoi(feature.substr(kSrfi.size()), &number) ||
      absl::StrCat(kSrfi, number) != feature || !Value::FitsFixnum(number)) {
    return false;
  }
  const Value name = vm.heap().Cons(vm.Intern("srfi"), vm.heap().Cons(Value::Fixnum(number), kNull));
  return vm.heap().Is<Environment>(FindLibrary(vm, name));
}

}  // namespace

bool HasFeature(Vm& vm, absl::string_view name) {
  for (const char* feature : kFeatures) {
    if (name == feature) return true;
  }
  return IsSrfiThatIsThere(vm, name);
}

std::vector<std::string> Features(Vm& vm) {
  std::vector<std::string> features(std::begin(kFeatures), std::end(kFeatures));
  if (!vm.heap().Is<HashTable>(vm.root(Root::kLibraries))) return features;
  std::vector<int> srfis;
  ForEachEntry(vm.heap(), vm.root(Root::kLibraries), [&](Value name, Value library) {
    const int number = vm.heap().Is<Environment>(library) ? SrfiNumber(vm, name) : -1;
    if (number >= 0) srfis.push_back(number);
  });
  std::sort(srfis.begin(), srfis.end());
  for (const int number : srfis) features.push_back(absl::StrCat(kSrfi, number));
  return features;
}

}  // namespace islet::vm
