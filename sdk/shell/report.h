// How an error looks:
//
//   program.lisp:3:8: car: argument 1 should be a pair: 5
//     3 |   (+ 1 (car x))
//       |        ^
//     at f (program.lisp:3:8)
//     at top level (program.lisp:9:1)

#ifndef ISLET_SDK_SHELL_REPORT_H_
#define ISLET_SDK_SHELL_REPORT_H_

#include <map>
#include <string>

#include "absl/strings/string_view.h"
#include "islet/error.h"

namespace islet::shell {

// The texts of what was evaluated, by the names that errors call them.
class Sources {
 public:
  void Add(absl::string_view name, absl::string_view text) { texts_[std::string(name)] += std::string(text); }
  // Line `number` of a text added, or else of the file `name`. False if there is none.
  bool FindLine(const std::string& name, uint32_t number, std::string* line) const;

 private:
  std::map<std::string, std::string> texts_;
};

// True if what is written to the descriptor should be coloured: a terminal that can, and no
// NO_COLOR (no-color.org).
bool WantsColor(int descriptor);

// The lines for people, with a newline at the end of each.
std::string FormatError(const ErrorReport& report, const Sources& sources, bool color);

}  // namespace islet::shell

#endif  // ISLET_SDK_SHELL_REPORT_H_
