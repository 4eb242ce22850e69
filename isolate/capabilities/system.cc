#include "isolate/capabilities/system.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace islet::vm {

namespace {

class DescriptorFile : public File {
 public:
  explicit DescriptorFile(int fd) : fd_(fd) {}
  ~DescriptorFile() override {
    if (fd_ >= 0) close(fd_);
  }
  absl::StatusOr<size_t> Read(char* buffer, size_t size) override { return ReadSome(fd_, buffer, size); }
  absl::Status Write(absl::string_view bytes) override { return WriteAll(fd_, bytes); }
  absl::Status Close() override {
    // Linux closes the descriptor whatever it returns.
    if (close(std::exchange(fd_, -1)) == 0 || errno == EINTR) return absl::OkStatus();
    return SystemError("cannot close", errno);
  }

 private:
  int fd_;
};

}  // namespace

std::string ErrorText(int error) {
  const char* const text = strerrordesc_np(error);  // not strerror: that depends on the locale
  return text != nullptr ? std::string(text) : absl::StrCat("error ", error);
}

absl::Status SystemError(absl::string_view what, int error) {
  const std::string message = absl::StrCat(what, ": ", ErrorText(error));
  switch (error) {
    case ENOENT:
    case ENOTDIR:
      return absl::NotFoundError(message);
    case EACCES:
    case EPERM:
    case EROFS:
      return absl::PermissionDeniedError(message);
    default:
      return absl::UnavailableError(message);
  }
}

absl::StatusOr<std::unique_ptr<File>> OpenFileOf(FileSystem& files, absl::string_view path, FileSystem::Mode mode) {
  absl::StatusOr<std::unique_ptr<File>> file = files.Open(path, mode);
  if (file.ok() && *file == nullptr) {
    return absl::InternalError(absl::StrCat(kCannotOpen, ": the host's file system gave no file"));
  }
  return file;
}

absl::string_view ReasonNotOpened(const absl::Status& status) {
  absl::string_view reason = status.message();
  const bool told = absl::ConsumePrefix(&reason, kCannotOpen) && absl::ConsumePrefix(&reason, ": ");
  return told ? reason : status.message();
}

int WriteWhole(int fd, absl::string_view bytes, absl::FunctionRef<bool()> stop) {
  while (!bytes.empty()) {
    const ssize_t written = write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno != EINTR) return errno;
    if (written == 0) return EIO;  // nor would the next call write anything
    if (written > 0) bytes.remove_prefix(static_cast<size_t>(written));
    if (!bytes.empty() && stop()) return ECANCELED;
  }
  return 0;
}

absl::Status WriteAll(int fd, absl::string_view bytes) {
  const int error = WriteWhole(fd, bytes);
  return error == 0 ? absl::OkStatus() : SystemError("cannot write", error);
}

absl::StatusOr<size_t> ReadSome(int fd, char* buffer, size_t size) {
  while (true) {
    const ssize_t count = read(fd, buffer, size);
    if (count >= 0) return static_cast<size_t>(count);
    if (errno != EINTR) return SystemError("cannot read", errno);
  }
}

void OccupyStandardDescriptors() {
  for (int descriptor : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (fcntl(descriptor, F_GETFD) >= 0) continue;
    // The lowest number that is free, and so this one.
    if (open("/dev/null", descriptor == STDIN_FILENO ? O_WRONLY : O_RDONLY) < 0) return;
  }
}

std::unique_ptr<File> MakeDescriptorFile(int fd) { return std::make_unique<DescriptorFile>(fd); }

}  // namespace islet::vm
