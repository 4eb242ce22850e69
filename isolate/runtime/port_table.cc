// Files and standard streams: what ports lead to outside the heap.

#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "absl/strings/str_cat.h"
#include "isolate/runtime/port.h"

namespace islet::vm {

namespace {

constexpr size_t kReadSize = 16 << 10;
constexpr size_t kHeldBack = 64 << 10;

// Not strerror: that depends on the locale.
std::string ErrorText(int error) {
  const char* text = strerrordesc_np(error);
  return text != nullptr ? std::string(text) : absl::StrCat("error ", error);
}

absl::Status SystemError(absl::string_view what, int error) {
  return absl::UnavailableError(absl::StrCat(what, ": ", ErrorText(error)));
}

absl::Status WriteAll(int fd, absl::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = write(fd, bytes.data(), bytes.size());
    if (written < 0) {
      if (errno == EINTR) continue;
      return SystemError("cannot write", errno);
    }
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return absl::OkStatus();
}

absl::StatusOr<size_t> ReadSome(int fd, char* buffer, size_t size) {
  while (true) {
    const ssize_t count = read(fd, buffer, size);
    if (count >= 0) return static_cast<size_t>(count);
    if (errno != EINTR) return SystemError("cannot read", errno);
  }
}

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

  absl::Status Write(StandardPort port, absl::string_view bytes) override {
    if (port == StandardPort::kError) {
      if (absl::Status flushed = Flush(); !flushed.ok()) return flushed;
      return WriteAll(STDERR_FILENO, bytes);
    }
    held_.append(bytes.data(), bytes.size());
    const bool line = terminal_ && bytes.find('\n') != absl::string_view::npos;
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

PortTable::~PortTable() {
  for (size_t i = 0; i < files_.size(); ++i) {
    if (files_[i]->open) Close(static_cast<int>(i)).IgnoreError();
  }
  if (streams_ != nullptr) streams_->Flush().IgnoreError();
}

std::string PortTable::Resolve(absl::string_view name) const {
  if (base_directory.empty() || (!name.empty() && name[0] == '/')) return std::string(name);
  return absl::StrCat(base_directory, base_directory.back() == '/' ? "" : "/", name);
}

absl::StatusOr<int> PortTable::Open(absl::string_view name, bool input) {
  size_t open_files = 0;
  size_t free = files_.size();
  for (size_t i = files_.size(); i-- > 0;) {
    if (files_[i]->open) {
      ++open_files;
    } else {
      free = i;
    }
  }
  if (open_files >= max_open_files) {
    return absl::ResourceExhaustedError(absl::StrCat("cannot open: the isolate may have ",
                                                     max_open_files, " files open at a time"));
  }
  const std::string path = Resolve(name);
  const int flags = input ? O_RDONLY : O_WRONLY | O_CREAT | O_TRUNC;
  int fd;
  do {
    fd = open(path.c_str(), flags | O_CLOEXEC | O_NOCTTY, 0666);
  } while (fd < 0 && errno == EINTR);
  if (fd < 0) return SystemError("cannot open", errno);
  struct stat status;
  if (fstat(fd, &status) == 0 && S_ISDIR(status.st_mode)) {
    close(fd);
    return SystemError("cannot open", EISDIR);
  }
  if (free == files_.size()) files_.push_back(std::make_unique<Stream>());
  Stream& stream = *files_[free];
  stream = Stream();
  stream.fd = fd;
  stream.open = true;
  stream.input = input;
  stream.path = path;
  if (input && files_read != nullptr) files_read->push_back(path);
  return static_cast<int>(free);
}

Stream* PortTable::Find(int handle) {
  if (handle == -2 - static_cast<int>(StandardPort::kInput)) {
    standard_input_.open = standard_input_.input = true;
    return &standard_input_;
  }
  if (handle < 0 || static_cast<size_t>(handle) >= files_.size()) return nullptr;
  Stream* stream = files_[static_cast<size_t>(handle)].get();
  return stream->open ? stream : nullptr;
}

absl::Status PortTable::Flush(Stream& stream) {
  if (stream.input) return absl::OkStatus();
  std::string bytes;
  bytes.swap(stream.buffer);
  return WriteAll(stream.fd, bytes);
}

absl::Status PortTable::Close(int handle) {
  Stream* stream = handle < 0 ? nullptr : Find(handle);
  if (stream == nullptr) return absl::OkStatus();
  absl::Status result = Flush(*stream);
  if (close(stream->fd) != 0 && errno != EINTR && result.ok()) {
    result = SystemError("cannot close", errno);
  }
  *stream = Stream();
  return result;
}

absl::StatusOr<bool> PortTable::Fill(Stream& stream) {
  // What has been read is dropped once it is the larger part, so that moving the rest costs little.
  if (stream.position > stream.buffer.size() / 2) {
    stream.buffer.erase(0, stream.position);
    stream.position = 0;
  }
  const size_t old_size = stream.buffer.size();
  // Grows with what is already waiting: a long datum or line takes few calls.
  const size_t want = std::max(kReadSize, old_size - stream.position);
  stream.buffer.resize(old_size + want);
  absl::StatusOr<size_t> count =
      &stream != &standard_input_ ? ReadSome(stream.fd, &stream.buffer[old_size], want)
      : streams_ != nullptr
          ? streams_->Read(&stream.buffer[old_size], want)
          : absl::PermissionDeniedError("the host has not granted standard input");
  stream.buffer.resize(old_size + (count.ok() ? std::min(*count, want) : 0));
  if (!count.ok()) return count.status();
  return *count > 0;
}

std::string PortTable::OpenFile() const {
  for (const auto& file : files_) {
    if (file->open) return file->path;
  }
  return "";
}

void PortTable::CopyFrom(const PortTable& other) {
  base_directory = other.base_directory;
  max_open_files = other.max_open_files;
  for (size_t i = 0; i < other.files_.size(); ++i) files_.push_back(std::make_unique<Stream>());
  standard_input_ = other.standard_input_;
}

std::string PortTable::FirstDifference(const PortTable& other) const {
  if (allow_files != other.allow_files || allow_randomness != other.allow_randomness ||
      max_open_files != other.max_open_files || base_directory != other.base_directory) {
    return "permissions";
  }
  if (command_line != other.command_line || environment != other.environment) return "what it knows of its process";
  if ((streams_ == nullptr) != (other.streams_ == nullptr)) return "standard streams";
  if (files_.size() != other.files_.size()) return "open files";
  for (const auto& file : files_) {
    if (file->open) return "open files";
  }
  const Stream& mine = standard_input_;
  const Stream& others = other.standard_input_;
  if (mine.line != others.line || mine.column != others.column ||
      absl::string_view(mine.buffer).substr(mine.position) != absl::string_view(others.buffer).substr(others.position)) {
    return "standard input";
  }
  return "";
}

std::string PortDifference(const Vm& a, const Vm& b) {
  static const PortTable* const nothing = new PortTable;
  const auto table = [](const Vm& vm) {
    return vm.port_table == nullptr ? nothing : static_cast<const PortTable*>(vm.port_table.get());
  };
  return table(a)->FirstDifference(*table(b));
}

PortTable& PortTableOf(Vm& vm) {
  if (vm.port_table == nullptr) vm.port_table = std::make_shared<PortTable>();
  return *static_cast<PortTable*>(vm.port_table.get());
}

}  // namespace islet::vm
