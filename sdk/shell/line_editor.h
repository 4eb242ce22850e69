// Lines typed at a terminal, with editing, history and completion (libedit).

#ifndef ISLET_SDK_SHELL_LINE_EDITOR_H_
#define ISLET_SDK_SHELL_LINE_EDITOR_H_

#include <cstdio>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace islet::shell {

// One at a time in a process.
class LineEditor {
 public:
  // Lists the names that start with `prefix`.
  using Complete = std::function<std::vector<std::string>(absl::string_view prefix)>;

  // Reads from standard input, echoes to `output`. History is loaded from `history_file`, and saved
  // there by Remember; empty: none. A file that cannot be read or written only means that there is
  // no history.
  LineEditor(FILE* output, std::string history_file, Complete complete);
  ~LineEditor();
  LineEditor(const LineEditor&) = delete;
  LineEditor& operator=(const LineEditor&) = delete;

  enum class Result { kLine, kEnd, kInterrupted };
  // Waits for a line, which is stored with its newline. kEnd: Ctrl-D on an empty line, or the
  // terminal is gone; kInterrupted: Ctrl-C.
  Result Read(const std::string& prompt, std::string* line);
  // Adds one or more lines to the history, as one entry.
  void Remember(const std::string& input);

  struct State;  // internal

 private:
  std::unique_ptr<State> state_;
};

}  // namespace islet::shell

#endif  // ISLET_SDK_SHELL_LINE_EDITOR_H_
