#include "sdk/shell/console.h"

#include <poll.h>
#include <string.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "isolate/capabilities/system.h"
#include "sdk/shell/interrupts.h"

namespace islet::shell {
namespace {

constexpr size_t kHeldBack = 64 << 10;

absl::Status WriteAll(int descriptor, absl::string_view bytes) {
  const int error = vm::WriteWhole(descriptor, bytes, InterruptPending);
  if (error == 0) return absl::OkStatus();
  return error == ECANCELED ? absl::CancelledError("interrupted") : vm::SystemError("cannot write", error);
}

}  // namespace

Console::Console() : terminal_(isatty(STDOUT_FILENO) == 1) {}

absl::StatusOr<size_t> Console::Read(char* buffer, size_t size) {
  if (pending_.empty()) {
    absl::StatusOr<size_t> count = ReadFromSystem(buffer, size);
    if (count.ok()) bytes_read_ += *count;
    return count;
  }
  const size_t count = std::min(size, pending_.size());
  std::copy_n(pending_.data(), count, buffer);
  DropPending(count);
  bytes_read_ += count;
  return count;
}

absl::StatusOr<std::string> Console::ReadLine() {
  size_t end, searched = 0;
  while ((end = pending_.find('\n', searched)) == std::string::npos) {
    searched = pending_.size();
    char buffer[1 << 14];
    const absl::StatusOr<size_t> count = ReadFromSystem(buffer, sizeof(buffer));
    if (!count.ok()) return count.status();
    if (*count == 0) return TakePending();
    pending_.append(buffer, *count);
  }
  std::string line = pending_.substr(0, end + 1);
  DropPending(end + 1);
  return line;
}

absl::StatusOr<size_t> Console::ReadFromSystem(char* buffer, size_t size) {
  if (absl::Status flushed = Flush(); !flushed.ok()) return flushed;
  while (true) {
    if (WaitForInput(STDIN_FILENO)) {
      const ssize_t count = read(STDIN_FILENO, buffer, size);
      if (count >= 0) {
        if (count > 0 && buffer[count - 1] == '\n') line_open_ = false;  // as the terminal has echoed it
        return static_cast<size_t>(count);
      }
      if (errno != EINTR) return vm::SystemError("cannot read", errno);
    }
    if (InterruptPending()) return absl::CancelledError("interrupted");
  }
}

bool Console::InputReady() {
  if (pending()) return true;
  pollfd wanted = {STDIN_FILENO, POLLIN, 0};
  return poll(&wanted, 1, 0) > 0;
}

absl::Status Console::Write(int descriptor, absl::string_view text) {
  if (!text.empty()) line_open_ = text.back() != '\n';
  if (descriptor == 2) {
    absl::Status flushed = Flush();
    absl::Status written = WriteAll(STDERR_FILENO, text);
    return flushed.ok() ? written : flushed;
  }
  held_.append(text.data(), text.size());
  const bool line = terminal_ && text.find('\n') != absl::string_view::npos;
  return line || held_.size() >= kHeldBack ? Flush() : absl::OkStatus();
}

absl::Status Console::Flush() {
  if (held_.empty()) return absl::OkStatus();
  return WriteAll(STDOUT_FILENO, std::exchange(held_, std::string()));
}

absl::Status Console::StartLine() { return line_open_ && terminal_ ? Write(1, "\n") : absl::OkStatus(); }

}  // namespace islet::shell
