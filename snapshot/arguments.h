// A command line, option by option: what the tools' own lists of options are written with.
//
//   ArgumentReader reader(arguments);
//   while (reader.Next()) {
//     if (reader.IsOperand()) {
//       files.emplace_back(reader.current());
//     } else if (reader.Is("--help")) {
//       help = true;
//     } else if (reader.Take("-o", &output)) {
//     } else {
//       reader.FailUnknown();
//     }
//   }
//   if (!reader.status().ok()) return reader.status();
//
// A value stands behind its option (`-o FILE`, `--emit KIND`) or is joined to it (`-oFILE`,
// `--emit=KIND`). `--` makes operands of all that follows. The names that are
// asked for must be literals.

#ifndef ISLET_SNAPSHOT_ARGUMENTS_H_
#define ISLET_SNAPSHOT_ARGUMENTS_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace islet::vm {

class ArgumentReader {
 public:
  // `arguments`, without the program's name, must outlive the reader.
  explicit ArgumentReader(absl::Span<const char* const> arguments) : arguments_(arguments) {}

  // Moves to the next option or operand. False at the end, and once something is wrong.
  bool Next();
  absl::string_view current() const { return current_; }
  // True for a word that is no option; `-` alone, too.
  bool IsOperand() const;
  bool Is(absl::string_view name) {
    asked_.push_back(name);
    return current_ == name;
  }
  // If the current argument is the option `name`, stores its value; a missing one is an error.
  bool Take(absl::string_view name, std::string* value);
  // The same for a number of MiB, 1 to `most`.
  bool TakeMebibytes(absl::string_view name, uint64_t most, uint64_t* value);
  // The same for a number of seconds, up to 1e9; `none` is 0.
  bool TakeSeconds(absl::string_view name, double* value);
  // The argument behind the current one, or "". An option whose value may be missing looks there, and takes it.
  absl::string_view following() const { return next_ < arguments_.size() ? arguments_[next_] : ""; }
  std::string TakeFollowing() { return next_ < arguments_.size() ? arguments_[next_++] : ""; }
  // All that stands behind the current argument; Next finds nothing any more.
  absl::Span<const char* const> TakeRest();

  void Fail(absl::string_view message);
  // Suggests the most similar of the names that were asked for.
  void FailUnknown();
  // InvalidArgument: the first thing wrong.
  const absl::Status& status() const { return status_; }

 private:
  absl::Span<const char* const> arguments_;
  size_t next_ = 0;
  absl::string_view current_;
  std::vector<absl::string_view> asked_;  // of the current argument
  bool only_operands_ = false;
  absl::Status status_;
};

}  // namespace islet::vm

#endif  // ISLET_SNAPSHOT_ARGUMENTS_H_
