// One isolate with what the shell's ways of using it share: evaluating with Ctrl-C at work, showing
// values and errors, measuring.

#ifndef ISLET_SDK_SHELL_SESSION_H_
#define ISLET_SDK_SHELL_SESSION_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "islet/isolate.h"
#include "sdk/shell/console.h"
#include "sdk/shell/report.h"

namespace islet::shell {

class Session {
 public:
  // The isolate has been entered, and writes to the console.
  Session(Isolate& isolate, std::shared_ptr<Console> console);

  Isolate& isolate() { return isolate_; }
  Console& console() { return *console_; }

  // How an evaluation ended.
  enum class Outcome { kDone, kFailed, kInterrupted, kExited };

  // Evaluates forms, which errors call `name` (see `sources`). Prints the values of the last if
  // `print`, as `write` does, one a line, unspecified ones left out. An error is reported.
  Outcome Evaluate(absl::string_view text, const std::string& name, bool print);
  // Evaluates a script (Isolate::EvalScript).
  Outcome RunScript(absl::string_view text, const std::string& name);
  // After kExited.
  int exit_status() const { return exit_status_; }

  // Texts that errors may point into.
  Sources& sources() { return sources_; }
  // Reports the Status of anything but Lisp.
  void ReportFailure(absl::string_view message);

 private:
  Outcome Finish(const absl::Status& status);

  Isolate& isolate_;
  std::shared_ptr<Console> console_;
  Sources sources_;
  int exit_status_ = 0;
};

// Measures time, allocation and collections since it was made: `--time` prints them.
class Stopwatch {
 public:
  explicit Stopwatch(const Isolate& isolate);
  std::string Report() const;

 private:
  struct Reading {
    double elapsed, user, system;
    IsolateStats stats;
  };
  Reading Read() const;

  const Isolate& isolate_;
  Reading start_;
};

}  // namespace islet::shell

#endif  // ISLET_SDK_SHELL_SESSION_H_
