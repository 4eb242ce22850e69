#include "isolate/data/foreign_names.h"

#include <algorithm>
#include <iterator>

namespace islet::vm {

namespace {

struct ForeignName {
  absl::string_view name;
  absl::string_view hint;
};

constexpr ForeignName kNames[] = {
#define ISLET_FOREIGN_NAME(name, hint) {name, hint},
#include "isolate/data/foreign_names.def"
};

constexpr bool InOrder() {
  for (size_t i = 1; i < std::size(kNames); ++i) {
    if (!(kNames[i - 1].name < kNames[i].name)) return false;
  }
  return true;
}
static_assert(InOrder(), "foreign_names.def is searched by halving");

}  // namespace

absl::string_view ForeignNameHint(absl::string_view name) {
  const auto* found = std::lower_bound(std::begin(kNames), std::end(kNames), name,
                                       [](const ForeignName& a, absl::string_view b) { return a.name < b; });
  return found != std::end(kNames) && found->name == name ? found->hint : absl::string_view();
}

}  // namespace islet::vm
