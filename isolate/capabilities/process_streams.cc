#include "isolate/capabilities/process_streams.h"

#include <poll.h>
#include <unistd.h>

#include <string>

#include "isolate/capabilities/system.h"

namespace islet::vm {

namespace {

// Standard output that is held back: beyond this, a system call costs little for each byte.
constexpr size_t kHeldBack = 64 << 10;

class ProcessStreams : public StandardStreams {
 public:
  ~ProcessStreams() override { Flush().IgnoreError(); }

  absl::StatusOr<size_t> Read(char* buffer, size_t size) override {
    if (absl::Status flushed = Flush(); !flushed.ok()) return flushed;
    return ReadSome(STDIN_FILENO, buffer, size);
  }

  bool InputReady() override {
    pollfd descriptor = {STDIN_FILENO, POLLIN, 0};
    return poll(&descriptor, 1, 0) > 0;
  }

  absl::Status Write(int descriptor, absl::string_view text) override {
    if (descriptor == STDERR_FILENO) {
      if (absl::Status flushed = Flush(); !flushed.ok()) return flushed;
      return WriteAll(STDERR_FILENO, text);
    }
    held_.append(text.data(), text.size());
    const bool line = terminal_ && text.find('\n') != absl::string_view::npos;
    return line || held_.size() >= kHeldBack ? Flush() : absl::OkStatus();
  }

  absl::Status Flush() override {
    std::string bytes;
    bytes.swap(held_);
    return WriteAll(STDOUT_FILENO, bytes);
  }

 private:
  const bool terminal_ = isatty(STDOUT_FILENO) == 1;
  std::string held_;
};

}  // namespace

std::shared_ptr<StandardStreams> MakeProcessStreams() { return std::make_shared<ProcessStreams>(); }

}  // namespace islet::vm
