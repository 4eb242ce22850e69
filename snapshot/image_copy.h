// The process's own copy of a snapshot's bytes, which nobody can change: what isolates map of an
// image that no file carries.
//
// It is a memfd, written before it is mapped, so that there is one copy, and sealed. Where the
// system gives none (a filter of system calls, no descriptor left, Linux before 3.17), it is
// anonymous memory. That cannot be mapped by each isolate copy-on-write, so that each copies the
// image: it costs the image's size in memory and the time to copy it, for each isolate.

#ifndef ISLET_SNAPSHOT_IMAGE_COPY_H_
#define ISLET_SNAPSHOT_IMAGE_COPY_H_

#include <cstddef>
#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "isolate/heap/pages.h"

namespace islet::vm {

class ImageCopy {
 public:
  // None.
  ImageCopy() = default;
  // Of `bytes` bytes, which Append then provides in order. Errors: ResourceExhausted and others of
  // the system.
  static absl::StatusOr<ImageCopy> Create(size_t bytes);
  ImageCopy(ImageCopy&& other) noexcept;
  ImageCopy& operator=(ImageCopy&& other) noexcept;
  ~ImageCopy();

  // `bytes`: no more than Create was told, in all. Errors: as above.
  absl::Status Append(absl::Span<const uint8_t> bytes);
  // When all are there; after this they can be read, and change no more. Errors: as above.
  absl::Status Finish();

  // The copy, from its start; at a page boundary. Valid as long as this object, wherever that is
  // moved.
  absl::Span<const uint8_t> bytes() const { return {memory_.data(), size_}; }
  // To be mapped; open as long as this object. -1 if the copy is anonymous memory.
  int fd() const { return fd_; }

 private:
  int fd_ = -1;
  Mapping memory_;
  size_t size_ = 0;
  size_t written_ = 0;
};

// A new file in memory that no other process has. Errors: those of memfd_create.
absl::StatusOr<int> NewMemoryFile();
// Writes all of `bytes` at the file's position. Errors: those of write.
absl::Status CopyInto(int fd, absl::Span<const uint8_t> bytes);
// Neither its contents nor its size can change any more. Errors: of the system, where it is mapped
// for writing.
absl::Status Seal(int fd);
// The error for a mapping of a snapshot that has just failed, from errno.
absl::Status MappingFailed(const char* what);

}  // namespace islet::vm

#endif  // ISLET_SNAPSHOT_IMAGE_COPY_H_
