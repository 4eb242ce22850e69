#include "snapshot/image_copy.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "isolate/capabilities/system.h"

namespace islet::vm {

absl::StatusOr<int> NewMemoryFile() {
  const int fd = memfd_create("islet-snapshot", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (fd < 0) return absl::ErrnoToStatus(errno, "cannot make a memory file for the snapshot");
  return fd;
}

absl::Status CopyInto(int fd, absl::Span<const uint8_t> bytes) {
  const int error = WriteWhole(fd, {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  return error == 0 ? absl::OkStatus() : absl::ErrnoToStatus(error, "cannot copy the snapshot into memory");
}

absl::Status Seal(int fd) {
  if (fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) != 0) {
    return absl::ErrnoToStatus(errno, "cannot seal the snapshot's memory file");
  }
  return absl::OkStatus();
}

absl::Status MappingFailed(const char* what) {
  // EAGAIN, too, means that there is no memory to be had (mmap(2)).
  return errno == EAGAIN ? absl::ResourceExhaustedError(absl::StrCat(what, ": ", std::strerror(errno)))
                         : absl::ErrnoToStatus(errno, what);
}

absl::StatusOr<ImageCopy> ImageCopy::Create(size_t bytes) {
  ImageCopy copy;
  copy.size_ = bytes;
  if (absl::StatusOr<int> fd = NewMemoryFile(); fd.ok()) {
    copy.fd_ = *fd;
    return copy;
  }
  copy.memory_ = Mapping::Anonymous(bytes, Access::kReadWrite);
  if (!copy.memory_) return MappingFailed("cannot get memory for the snapshot");
  return copy;
}

absl::Status ImageCopy::Append(absl::Span<const uint8_t> bytes) {
  if (bytes.size() > size_ - written_) return absl::InternalError("the snapshot is larger than it said");
  if (fd_ < 0) {
    std::memcpy(memory_.data() + written_, bytes.data(), bytes.size());
  } else if (absl::Status status = CopyInto(fd_, bytes); !status.ok()) {
    return status;
  }
  written_ += bytes.size();
  return absl::OkStatus();
}

absl::Status ImageCopy::Finish() {
  if (written_ != size_) return absl::InternalError("the snapshot is smaller than it said");
  if (fd_ < 0) {
    return memory_.Protect(0, size_, Access::kRead) ? absl::OkStatus() : MappingFailed("cannot protect the snapshot");
  }
  if (absl::Status status = Seal(fd_); !status.ok()) return status;
  memory_ = Mapping::OfFile(fd_, size_);
  return memory_ ? absl::OkStatus() : MappingFailed("cannot map the snapshot");
}

ImageCopy::ImageCopy(ImageCopy&& other) noexcept { *this = std::move(other); }

ImageCopy& ImageCopy::operator=(ImageCopy&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(memory_, other.memory_);
  std::swap(size_, other.size_);
  std::swap(written_, other.written_);
  return *this;
}

ImageCopy::~ImageCopy() {
  if (fd_ >= 0) close(fd_);
}

}  // namespace islet::vm
