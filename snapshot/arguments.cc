#include "snapshot/arguments.h"

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace islet::vm {

bool ArgumentReader::Next() {
  if (!status_.ok() || next_ == arguments_.size()) return false;
  current_ = arguments_[next_++];
  if (only_operands_ || current_ != "--") return true;
  only_operands_ = true;
  return Next();
}

bool ArgumentReader::IsOperand() const {
  return only_operands_ || current_ == "-" || !absl::StartsWith(current_, "-");
}

bool ArgumentReader::Take(absl::string_view name, std::string* value) {
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

bool ArgumentReader::TakeMebibytes(absl::string_view name, uint64_t* value) {
  std::string text;
  if (!Take(name, &text)) return false;
  uint64_t number = 0;
  if (status_.ok() && (!absl::SimpleAtoi(text, &number) || number == 0 || number > 4096)) {
    Fail(absl::StrCat(name, " takes a number from 1 to 4096"));
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

void ArgumentReader::FailUnknown() { Fail(absl::StrCat("unknown option ", current_)); }

}  // namespace islet::vm
