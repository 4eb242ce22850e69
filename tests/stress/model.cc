#include "tests/stress/model.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace islet::stress {

Model::Model() {
  for (int i = 0; i < 300; ++i) table[absl::StrCat("key-", i)] = i;
}

std::string Model::Digest() const {
  constexpr int64_t kCells = 8000;
  int64_t sum = 0;
  auto cell = cells.begin();
  for (int64_t i = 0; i < kCells; ++i) {
    int64_t value = 0;
    if (cell != cells.end() && cell->first == i) value = (cell++)->second;
    sum = (sum * 31 + value) % 1000003;
  }
  std::string digest =
      absl::StrCat("(", counter, " (", absl::StrJoin(items, " "), ") (", absl::StrJoin(blobs, " "), ") ", sum, ")");
  for (const auto* entries : {&table, &named}) {
    for (const auto& [key, value] : *entries) absl::StrAppend(&digest, "(\"", key, "\" ", value, ")");
  }
  return digest;
}

}  // namespace islet::stress
