#include "snapshot/output_files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "isolate/capabilities/paths.h"
#include "isolate/capabilities/system.h"
#include "snapshot/signals.h"

namespace islet::vm {
namespace {

// As many as the kernel follows.
constexpr int kMostLinks = 40;

// Where the symbolic link `path` leads, as a path; false if it is none.
bool FollowLink(std::string* path) {
  char buffer[PATH_MAX];
  const ssize_t length = readlink(path->c_str(), buffer, sizeof(buffer));
  if (length <= 0 || length == sizeof(buffer)) return false;
  const std::string link(buffer, static_cast<size_t>(length));
  *path = link[0] == '/' ? link : DirectoryOf(*path) + link;
  return true;
}

// The file that `path` leads to, whether there is one or not.
std::string TargetOf(std::string path) {
  for (int i = 0; i < kMostLinks && FollowLink(&path); ++i) {
  }
  return path;
}

// A file is told from all others by its inode; one that is still to be made, by its directory's, and its name.
struct Identity {
  dev_t device = 0;
  ino_t inode = 0;
  std::string name;
  bool known = false;
  bool ordinary = true;
  bool operator==(const Identity& other) const {
    return known && other.known && device == other.device && inode == other.inode && name == other.name;
  }
};

Identity IdentityOf(const std::string& path) {
  struct stat info;
  const int descriptor = DescriptorOf(path);
  if (descriptor >= 0 ? fstat(descriptor, &info) == 0 : stat(path.c_str(), &info) == 0) {
    return {info.st_dev, info.st_ino, "", true, S_ISREG(info.st_mode)};
  }
  const std::string target = TargetOf(path);
  const std::string directory = DirectoryOf(target);
  if (stat(directory.empty() ? "." : directory.c_str(), &info) != 0) return {};
  return {info.st_dev, info.st_ino, target.substr(directory.size()), true, true};
}

std::string Shown(const std::string& path) { return path == "-" ? "standard output" : path; }

absl::Status CannotWrite(const std::string& path, int error) {
  return absl::Status(absl::ErrnoToStatusCode(error),
                      absl::StrCat("cannot write ", Shown(path), ": ", ErrorText(error)));
}

// Writes `contents`, unless a signal comes first: also before the first byte, so that a file is not begun in vain.
absl::Status WriteTo(int descriptor, absl::string_view contents, const std::string& path) {
  const auto ending = [] { return PendingSignal() != 0; };
  const int error = !contents.empty() && ending() ? ECANCELED : WriteWhole(descriptor, contents, ending);
  if (error == ECANCELED) return absl::CancelledError("interrupted");
  return error == 0 ? absl::OkStatus() : CannotWrite(path, error);
}

absl::Status WriteStream(const std::string& path, absl::string_view contents) {
  if (const int known = DescriptorOf(path); known >= 0) return WriteTo(known, contents, path);
  int descriptor;
  do {
    if (PendingSignal() != 0) return absl::CancelledError("interrupted");
    descriptor = open(path.c_str(), O_WRONLY | O_CLOEXEC | O_NOCTTY);
  } while (descriptor < 0 && errno == EINTR);
  if (descriptor < 0) return CannotWrite(path, errno);
  absl::Status status = WriteTo(descriptor, contents, path);
  if (close(descriptor) != 0 && errno != EINTR) status.Update(CannotWrite(path, errno));
  return status;
}

// Gives a new file the mode and owner of the one that it will replace, or those of a file that was simply created.
void SetMode(int descriptor, const struct stat* old) {
  if (old == nullptr) {
    const mode_t mask = umask(0);  // reading it means setting it
    umask(mask);
    fchmod(descriptor, 0666 & ~mask);
    return;
  }
  if (old->st_uid != geteuid() || old->st_gid != getegid()) {
    // Who may not do so keeps it as a file of theirs.
    if (fchown(descriptor, old->st_uid, old->st_gid) != 0 &&
        fchown(descriptor, static_cast<uid_t>(-1), old->st_gid) != 0) {
      errno = 0;
    }
  }
  fchmod(descriptor, old->st_mode & 0777);
}

}  // namespace

int DescriptorOf(const std::string& path) {
  if (path == "-") return STDOUT_FILENO;
  std::string at = path;
  for (int i = 0; i < kMostLinks; ++i) {
    for (absl::string_view directory : {"/dev/fd/", "/proc/self/fd/"}) {
      absl::string_view number = at;
      int descriptor;
      if (absl::ConsumePrefix(&number, directory) && absl::SimpleAtoi(number, &descriptor) && descriptor >= 0) {
        return descriptor;
      }
    }
    if (!FollowLink(&at)) break;
  }
  return -1;
}

bool IsStream(const std::string& path) {
  struct stat info;
  return DescriptorOf(path) >= 0 ||
         (stat(path.c_str(), &info) == 0 && !S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode));
}

absl::Status CheckOutputs(absl::Span<const std::string> outputs, absl::Span<const std::string> inputs) {
  std::vector<Identity> of_inputs, of_outputs;
  for (const std::string& input : inputs) of_inputs.push_back(IdentityOf(input));
  for (const std::string& output : outputs) {
    struct stat info;
    if (output.empty()) return absl::InvalidArgumentError("the name of an output is empty");
    if (output.back() == '/' || (stat(output.c_str(), &info) == 0 && S_ISDIR(info.st_mode))) {
      return absl::InvalidArgumentError(absl::StrCat("cannot write ", output, ": it is a directory"));
    }
    const Identity identity = IdentityOf(output);
    for (size_t i = 0; i < inputs.size(); ++i) {
      if (!identity.ordinary || !(identity == of_inputs[i])) continue;
      return absl::InvalidArgumentError(absl::StrCat("writing ", Shown(output), " would destroy ",
                                                     output == inputs[i] ? "it" : inputs[i],
                                                     ", which is read to make it; name another output (-o)"));
    }
    for (size_t i = 0; i < of_outputs.size(); ++i) {
      if (output != outputs[i] && (!identity.ordinary || !(identity == of_outputs[i]))) continue;
      return absl::InvalidArgumentError(
          absl::StrCat("two outputs would be written to ", Shown(output),
                       output == outputs[i] ? "" : absl::StrCat(", which is also ", Shown(outputs[i])),
                       "; name another one (-o, -MF)"));
    }
    of_outputs.push_back(identity);
  }
  return absl::OkStatus();
}

OutputFiles::~OutputFiles() {
  if (!committed_) TakeBack();
}

void OutputFiles::TakeBack() {
  for (const File& file : files_) {
    if (file.exchanged) {
      renameat2(AT_FDCWD, file.temporary.c_str(), AT_FDCWD, file.target.c_str(), RENAME_EXCHANGE);
    } else if (file.renamed) {
      unlink(file.target.c_str());
      continue;
    }
    unlink(file.temporary.c_str());
  }
  files_.clear();
}

absl::Status OutputFiles::Add(const std::string& path, absl::string_view contents) {
  if (IsStream(path)) {
    streams_.push_back({path, std::string(contents)});
    return absl::OkStatus();
  }
  File file;
  file.path = path;
  file.target = TargetOf(path);
  struct stat old;
  const bool exists = stat(file.target.c_str(), &old) == 0;
  if (!exists && errno != ENOENT) return CannotWrite(path, errno);
  if (exists && faccessat(AT_FDCWD, file.target.c_str(), W_OK, AT_EACCESS) != 0) return CannotWrite(path, errno);
  file.temporary = absl::StrCat(DirectoryOf(file.target), ".snapshot_gen.XXXXXX");
  const int descriptor = mkostemp(file.temporary.data(), O_CLOEXEC);
  if (descriptor < 0) return CannotWrite(path, errno);
  files_.push_back(file);
  SetMode(descriptor, exists ? &old : nullptr);
  absl::Status status = WriteTo(descriptor, contents, path);
  if (close(descriptor) != 0) status.Update(CannotWrite(path, errno));
  return status;
}

absl::Status OutputFiles::Commit() {
  for (const Stream& stream : streams_) {
    if (absl::Status status = WriteStream(stream.path, stream.contents); !status.ok()) return status;
  }
  for (File& file : files_) {
    const char* from = file.temporary.c_str();
    const char* to = file.target.c_str();
    // Files that were exchanged can be put back should the next one fail. Not every file system can exchange.
    file.exchanged = renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_EXCHANGE) == 0;
    file.renamed = !file.exchanged && rename(from, to) == 0;
    if (!file.exchanged && !file.renamed) {
      absl::Status status = CannotWrite(file.path, errno);
      TakeBack();
      return status;
    }
  }
  committed_ = true;
  for (const File& file : files_) {
    if (file.exchanged) unlink(file.temporary.c_str());
  }
  return absl::OkStatus();
}

}  // namespace islet::vm
