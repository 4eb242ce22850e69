// A failure in parts, for hosts that show it in their own way. The Status that Eval or Call
// returned says the same in one text.

#ifndef ISLET_ERROR_H_
#define ISLET_ERROR_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/optional.h"

namespace islet {

// Lines and columns count from 1, columns in characters; line 0: not known.
struct SourcePlace {
  std::string file;  // as the text was named to Eval, or as it was loaded
  uint32_t line = 0;
  uint32_t column = 0;

  // As every message tells a place: "file:line:column", the file alone where the line is not known.
  std::string ToString() const;
};

struct ErrorReport {
  struct Frame {
    std::string procedure;  // its name, or "lambda"; "top level" for a form of a text
    SourcePlace place;
  };

  // Of the Status that Eval or Call returned.
  absl::StatusCode code = absl::StatusCode::kOk;
  // "car: argument 1 should be a pair: 5": without place and backtrace.
  std::string message;
  // Of an error in the text itself: syntax, or an import that failed. Else line 0: the first frame
  // says where.
  SourcePlace place;
  // The calls that had not returned, innermost first; at most 64. Tail calls leave none.
  std::vector<Frame> backtrace;
  // Where the top-level form starts that Eval was evaluating.
  SourcePlace form;
  // The kind of condition, as docs/language.md has them: "permission", "file", "wrong-type" ... Empty for other objects
  // that were raised, for limits and interrupts.
  std::string kind;
  // The code of a failure of the host's own (HostError, Isolate::MakeError, or a script's raise-host); else 0.
  int host_code = 0;
  // Of a condition, what it is about, each as `write` prints it: the first 100. `message` has the first 20 of them.
  std::vector<std::string> irritants;

  // `backtrace` as the Status has it, a line each: "  at f (startup.lisp:3:8)". Frames that repeat,
  // as in a deep recursion, take one line and a count.
  std::vector<std::string> BacktraceLines() const;
};

// Codes of the host's own, which tell its failures apart on the way through scripts, and back.
inline constexpr int kFirstHostCode = 1000;
inline constexpr int kLastHostCode = 1073741823;

// A failure of the host's own, for its functions to return: HostError("http", 1404, "no such page"). In the script it
// is a condition with this kind (condition-kind), code (condition-code) and message; if nothing handles it, the Status
// of the Eval or Call around has the code Unknown, and HostCode and Isolate::LastError tell the rest.
// Isolate::MakeError makes one with irritants. `kind` is 1 to 255 characters of UTF-8. If this or the code is none of
// those above, an InvalidArgument that says so.
absl::Status HostError(absl::string_view kind, int code, absl::string_view message);
// The code of a failure of the host's own that Eval or Call, or HostError, has returned; 0 of any other.
int HostCode(const absl::Status& status);

// The exit status (0 to 255) with which a script has called `exit` or `emergency-exit`, if that is
// what `status`, from Eval or Call, is about: those end the call, not the host. `(exit)` and `(exit
// #t)` give 0, `(exit #f)` 1 (R7RS 6.14).
absl::optional<int> ExitStatus(const absl::Status& status);

}  // namespace islet

#endif  // ISLET_ERROR_H_
