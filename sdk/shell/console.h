// The process's standard input, output and error, as an isolate's standard ports and for the
// shell's own use.
//
// Output is held back until there is much of it, until something is read or goes to standard error,
// and until Flush; on a terminal, until the end of a line.

#ifndef ISLET_SDK_SHELL_CONSOLE_H_
#define ISLET_SDK_SHELL_CONSOLE_H_

#include <cstdint>
#include <string>
#include <utility>

#include "islet/streams.h"

namespace islet::shell {

class Console : public StandardStreams {
 public:
  Console();

  absl::StatusOr<size_t> Read(char* buffer, size_t size) override;
  bool InputReady() override;
  absl::Status Write(int descriptor, absl::string_view text) override;
  absl::Status Flush() override;

  // Gives back text that the prompt has read and does not want: the next read begins with it.
  void PutBack(absl::string_view text) { pending_.insert(0, text.data(), text.size()); }
  // The pending input; none is pending any more.
  std::string TakePending() { return std::exchange(pending_, std::string()); }
  // Drops the first bytes of it.
  void DropPending(size_t size) { pending_.erase(0, size); }
  bool pending() const { return !pending_.empty(); }
  // Bytes that Read has handed out.
  uint64_t bytes_read() const { return bytes_read_; }
  // A line of input, with its newline if it has one; "" at the end. Cancelled after Ctrl-C.
  absl::StatusOr<std::string> ReadLine();

  // Ends a line that a program has left open, if it can be seen to be.
  absl::Status StartLine();

 private:
  absl::StatusOr<size_t> ReadFromSystem(char* buffer, size_t size);

  const bool terminal_;
  bool line_open_ = false;
  std::string held_;
  std::string pending_;
  uint64_t bytes_read_ = 0;
};

}  // namespace islet::shell

#endif  // ISLET_SDK_SHELL_CONSOLE_H_
