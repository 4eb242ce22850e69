// The files below a directory. Paths are walked here, one component at a time, by descriptors: the
// kernel is never given more than the name of a directory's own entry, and never follows a link. So
// no rearrangement of the tree meanwhile leads out:
// `..` goes back to the descriptor that the walk came from, and a link put in place of what was
// looked at is refused. (openat2 could do most of it, but not on every kernel, nor below every
// seccomp filter.)

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "isolate/capabilities/system.h"

namespace islet {

namespace {

constexpr int kMostLinks = 40;  // as the kernel's own limit, path_resolution(7)

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  int get() const { return fd_; }

 private:
  int fd_;
};

int OpenAt(int directory, const std::string& name, int flags) {
  int fd;
  do {
    fd = openat(directory, name.c_str(), flags | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY, 0666);
  } while (fd < 0 && errno == EINTR);
  return fd;
}

// A path leads to an entry of a directory, which may not exist.
struct Place {
  std::vector<Descriptor> above;  // from the granted directory's child to the entry's own directory
  std::string name;               // "." if the path is that of a directory of the walk
  mode_t mode = 0;                // 0: it does not exist, or was not looked at
};

class DirectoryFiles : public FileSystem {
 public:
  DirectoryFiles(int root, const FilesBelowOptions& options) : root_(root), options_(options) {}

  absl::StatusOr<std::unique_ptr<File>> Open(absl::string_view path, Mode mode) override {
    if (mode != Mode::kRead && options_.read_only) return vm::SystemError(vm::kCannotOpen, EROFS);
    const absl::StatusOr<Place> place = Find(path, vm::kCannotOpen, /*follow_last=*/true);
    if (!place.ok()) return place.status();
    if (place->mode != 0 && !S_ISREG(place->mode)) return NotRegular(place->mode);
    const int flags = mode == Mode::kRead ? O_RDONLY : O_WRONLY | O_CREAT | (mode == Mode::kAppend ? O_APPEND : 0);
    // Does not wait, should something else than a file have taken its place.
    const int fd = OpenAt(DirectoryOf(*place), place->name, flags | O_NONBLOCK);
    if (fd < 0) return vm::SystemError(vm::kCannotOpen, errno);
    std::unique_ptr<File> file = vm::MakeDescriptorFile(fd);
    struct stat status;
    if (fstat(fd, &status) != 0) return vm::SystemError(vm::kCannotOpen, errno);
    if (!S_ISREG(status.st_mode)) return NotRegular(status.st_mode);
    if (mode == Mode::kWrite && ftruncate(fd, 0) != 0) return vm::SystemError(vm::kCannotOpen, errno);
    return file;
  }

  absl::StatusOr<bool> Exists(absl::string_view path) override {
    const absl::StatusOr<Place> place = Find(path, "cannot look for it", /*follow_last=*/true);
    if (absl::IsNotFound(place.status())) return false;
    if (!place.ok()) return place.status();
    return place->mode != 0;
  }

  absl::Status Delete(absl::string_view path) override {
    constexpr absl::string_view kWhat = "cannot delete";
    if (options_.read_only) return vm::SystemError(kWhat, EROFS);
    const absl::StatusOr<Place> place = Find(path, kWhat, /*follow_last=*/false);
    if (!place.ok()) return place.status();
    if (unlinkat(DirectoryOf(*place), place->name.c_str(), 0) == 0) return absl::OkStatus();
    return vm::SystemError(kWhat, errno);
  }

 private:
  static absl::Status Outside(absl::string_view what) {
    return absl::PermissionDeniedError(
        absl::StrCat(what, ": the path leads out of the directory that the host has granted"));
  }

  static absl::Status NotRegular(mode_t mode) {
    if (S_ISDIR(mode)) return vm::SystemError(vm::kCannotOpen, EISDIR);
    return absl::PermissionDeniedError(absl::StrCat(vm::kCannotOpen, ": not a regular file"));
  }

  int DirectoryOf(const Place& place) const { return place.above.empty() ? root_.get() : place.above.back().get(); }

  // Puts the components of `path` on the stack, the first on top. False if the path is absolute.
  static bool Push(absl::string_view path, std::vector<std::string>* pending) {
    if (!path.empty() && path[0] == '/') return false;
    const std::vector<absl::string_view> parts = absl::StrSplit(path, '/');
    for (size_t i = parts.size(); i > 0; --i) pending->emplace_back(parts[i - 1]);
    return true;
  }

  absl::StatusOr<Place> Find(absl::string_view path, absl::string_view what, bool follow_last) const {
    if (path.empty()) return vm::SystemError(what, ENOENT);
    if (path.size() >= PATH_MAX) return vm::SystemError(what, ENAMETOOLONG);
    Place place;
    std::vector<std::string> pending;
    if (!Push(path, &pending)) return Outside(what);
    int links = 0;
    while (!pending.empty()) {
      place.name = std::move(pending.back());
      pending.pop_back();
      if (place.name.empty() || place.name == ".") continue;
      if (place.name == "..") {
        if (place.above.empty()) return Outside(what);
        place.above.pop_back();
        continue;
      }
      const bool last = pending.empty();
      if (last && !follow_last) return place;
      Descriptor entry(OpenAt(DirectoryOf(place), place.name, O_PATH));
      if (entry.get() < 0) {
        if (last && errno == ENOENT) return place;
        return vm::SystemError(what, errno);
      }
      struct stat status;
      if (fstat(entry.get(), &status) != 0) return vm::SystemError(what, errno);
      if (S_ISLNK(status.st_mode)) {
        if (++links > kMostLinks) return vm::SystemError(what, ELOOP);
        char target[PATH_MAX];
        const ssize_t length = readlinkat(entry.get(), "", target, sizeof(target));
        if (length < 0) return vm::SystemError(what, errno);
        if (!Push(absl::string_view(target, static_cast<size_t>(length)), &pending)) return Outside(what);
      } else if (last) {
        place.mode = status.st_mode;
        return place;
      } else if (S_ISDIR(status.st_mode)) {
        place.above.push_back(std::move(entry));
      } else {
        return vm::SystemError(what, ENOTDIR);
      }
    }
    place.name = ".";
    place.mode = S_IFDIR;
    return place;
  }

  const Descriptor root_;
  const FilesBelowOptions options_;
};

}  // namespace

absl::StatusOr<std::shared_ptr<FileSystem>> FilesBelow(const std::string& directory, const FilesBelowOptions& options) {
  const int root = open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (root < 0) {
    return absl::NotFoundError(
        absl::StrCat("cannot grant the files below ", directory, ": ", vm::SystemError("open", errno).message()));
  }
  return std::make_shared<DirectoryFiles>(root, options);
}

}  // namespace islet
