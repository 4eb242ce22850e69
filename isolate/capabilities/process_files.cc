// The files of this process.

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "isolate/capabilities/system.h"
#include "isolate/process/made_once.h"

namespace islet {

namespace {

class ProcessFileSystem : public FileSystem {
 public:
  absl::StatusOr<std::unique_ptr<File>> Open(absl::string_view path, Mode mode) override {
    const int flags = mode == Mode::kRead ? O_RDONLY : O_WRONLY | O_CREAT | (mode == Mode::kWrite ? O_TRUNC : O_APPEND);
    int fd;
    do {
      fd = open(std::string(path).c_str(), flags | O_CLOEXEC | O_NOCTTY, 0666);
    } while (fd < 0 && errno == EINTR);
    if (fd < 0) return vm::SystemError(vm::kCannotOpen, errno);
    struct stat status;
    if (fstat(fd, &status) == 0 && S_ISDIR(status.st_mode)) {
      close(fd);
      return vm::SystemError(vm::kCannotOpen, EISDIR);
    }
    return vm::MakeDescriptorFile(fd);
  }

  absl::StatusOr<bool> Exists(absl::string_view path) override { return access(std::string(path).c_str(), F_OK) == 0; }

  absl::Status Delete(absl::string_view path) override {
    return unlink(std::string(path).c_str()) == 0 ? absl::OkStatus() : vm::SystemError("cannot delete", errno);
  }
};

}  // namespace

std::shared_ptr<FileSystem> ProcessFiles() {
  static constinit MadeOnce<ProcessFileSystem> files;
  return std::shared_ptr<FileSystem>(std::shared_ptr<void>(),
                                     &files.Get());  // no count that threads would share
}

}  // namespace islet
