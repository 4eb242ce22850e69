// The process's standard input, output and error, as an isolate's standard ports and for the
// shell's own use.
//
// Output is held back until there is much of it, until something is read or goes to standard error,
// and until Flush; on a terminal, until the end of a line.

#ifndef ISLET_SDK_SHELL_CONSOLE_H_
#define ISLET_SDK_SHELL_CONSOLE_H_

#include <string>

#include "islet/streams.h"

namespace islet::shell {

class Console : public StandardStreams {
 public:
  Console();

  absl::StatusOr<size_t> Read(char* buffer, size_t size) override;
  bool InputReady() override;
  absl::Status Write(int descriptor, absl::string_view text) override;
  absl::Status Flush() override;

  // Ends a line that a program has left open, if it can be seen to be.
  absl::Status StartLine();

 private:
  const bool terminal_;
  bool line_open_ = false;
  std::string held_;
};

}  // namespace islet::shell

#endif  // ISLET_SDK_SHELL_CONSOLE_H_
