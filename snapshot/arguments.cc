#include "snapshot/arguments.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace islet::vm {
namespace {

// How many characters must be added, taken out or exchanged to make `b` of `a` (Levenshtein).
size_t Distance(absl::string_view a, absl::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 0; i < a.size(); ++i) {
    size_t diagonal = std::exchange(row[0], i + 1);
    for (size_t j = 0; j < b.size(); ++j) {
      const size_t above = row[j + 1];
      row[j + 1] = std::min({above + 1, row[j] + 1, diagonal + (a[i] == b[j] ? 0 : 1)});
      diagonal = above;
    }
  }
  return row[b.size()];
}

}  // namespace

bool ArgumentReader::Next() {
  if (!status_.ok() || next_ == arguments_.size()) return false;
  current_ = arguments_[next_++];
  asked_.clear();
  if (only_operands_ || current_ != "--") return true;
  only_operands_ = true;
  return Next();
}

bool ArgumentReader::IsOperand() const { return only_operands_ || current_ == "-" || !absl::StartsWith(current_, "-"); }

bool ArgumentReader::Take(absl::string_view name, std::string* value) {
  asked_.push_back(name);
  absl::string_view rest = current_;
  if (!absl::ConsumePrefix(&rest, name)) return false;
  if (rest.empty()) {
    if (next_ == arguments_.size()) {
      Fail(absl::StrCat(name, " needs a value"));
    } else {
      *value = arguments_[next_++];
    }
    return true;
  }
  if (absl::StartsWith(name, "--") && !absl::ConsumePrefix(&rest, "=")) return false;
  *value = std::string(rest);
  return true;
}

bool ArgumentReader::TakeMebibytes(absl::string_view name, uint64_t most, uint64_t* value) {
  std::string text;
  if (!Take(name, &text)) return false;
  uint64_t number = 0;
  if (status_.ok() && (!absl::SimpleAtoi(text, &number) || number == 0 || number > most)) {
    Fail(absl::StrCat(name, " takes a number of MiB from 1 to ", most, ", not '", text, "'"));
  }
  if (status_.ok()) *value = number;
  return true;
}

bool ArgumentReader::TakeSeconds(absl::string_view name, double* value) {
  std::string text;
  if (!Take(name, &text)) return false;
  double number = 0;
  if (status_.ok() && text != "none" && (!absl::SimpleAtod(text, &number) || !(number >= 0 && number <= 1e9))) {
    Fail(absl::StrCat(name, " takes a number of seconds, or none for no limit, not '", text, "'"));
  }
  if (status_.ok()) *value = number;
  return true;
}

absl::Span<const char* const> ArgumentReader::TakeRest() {
  const absl::Span<const char* const> rest = arguments_.subspan(next_);
  next_ = arguments_.size();
  return rest;
}

void ArgumentReader::Fail(absl::string_view message) {
  if (status_.ok()) status_ = absl::InvalidArgumentError(message);
}

void ArgumentReader::FailUnknown() {
  const absl::string_view word = current_.substr(0, current_.find('='));
  absl::string_view nearest;
  // As many slips as a word of three letters and more is still known by.
  size_t least = word.size() < 4 ? 2 : 3;
  for (absl::string_view name : asked_) {
    const size_t distance = Distance(word, name);
    if (distance >= least || name.size() <= distance + 1) continue;
    nearest = name;
    least = distance;
  }
  if (!nearest.empty() && least == 0) return Fail(absl::StrCat(nearest, " takes no value"));
  Fail(absl::StrCat("unknown option ", current_, nearest.empty() ? "" : "; did you mean ", nearest,
                    nearest.empty() ? "" : "?"));
}

}  // namespace islet::vm
