// An opened snapshot: checked once, immutable, and shared by all isolates and threads of the process.
//
//   auto image = Image::FromFile("startup.snap", AllPrimitives());
//   if (!image.ok()) ...
//   auto vm = NewVm(**image, VmOptions());       // per isolate: two mmaps, no copying, no relocation
//
// Isolates map the pages of a file: of the executable or shared object that carries the snapshot, if it is embedded in
// one that can be opened and still has the same bytes; otherwise of one memfd, filled when the image is opened, sealed
// against any change (image_copy.h, which says what is done where there are none). A snapshot read from a file is never
// mapped from that file, which may change any time.

#ifndef ISLET_SNAPSHOT_IMAGE_H_
#define ISLET_SNAPSHOT_IMAGE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "isolate/heap/cage.h"
#include "isolate/heap/heap.h"
#include "isolate/heap/pages.h"
#include "isolate/interpreter/vm.h"
#include "snapshot/fingerprint.h"
#include "snapshot/image_copy.h"

namespace islet::format {
struct Snapshot;
}

namespace islet::vm {

// A host function or type, as scripts name it or as a host provides it. The two have names of their own.
struct HostSignature {
  std::string name;
  uint32_t arity = 0;      // Arity::Pack
  bool predicate = false;  // a type, of which scripts have the predicate
};

// Whether what is in a snapshot is known to be what the writer made.
enum class Trust { kVerify, kTrusted };

class Image : public std::enable_shared_from_this<Image> {
 public:
  // A snapshot linked into the program, or into a shared object: `begin` is page-aligned, and what
  // is there outlives the result and all that was made of it. Checks the header only, in time
  // independent of the image's size. The same snapshot at the same place, opened twice, gives the
  // same Image; another one at that place, once the first has been unloaded, does not. Errors: as
  // below, but for DataLoss of a changed image.
  static absl::StatusOr<std::shared_ptr<const Image>> FromEmbedded(const uint8_t* begin, const uint8_t* end,
                                                                   absl::Span<const PrimitiveSpec> primitives);

  // Reads and checks all of it: the digest, which finds damage, and, unless it is trusted, that it
  // holds a heap (verify.h). The header comes before anything else: of a file that is not a snapshot
  // one page is read, of one of the wrong size two. Takes memory of the file's size, once. `path`
  // may be changed or deleted afterwards.
  // Errors: NotFound, PermissionDenied ... if the file cannot be read; InvalidArgument if it is
  // empty or not a snapshot; DataLoss if it is truncated, changed, or no heap; FailedPrecondition if it is of
  // another format version or was made by another build; ResourceExhausted if there is no memory
  // for it.
  static absl::StatusOr<std::shared_ptr<const Image>> FromFile(absl::string_view path,
                                                               absl::Span<const PrimitiveSpec> primitives,
                                                               Trust trust = Trust::kVerify);

  // The same of bytes, which are copied.
  static absl::StatusOr<std::shared_ptr<const Image>> FromBytes(absl::Span<const uint8_t> bytes,
                                                                absl::Span<const PrimitiveSpec> primitives,
                                                                Trust trust = Trust::kVerify);

  // The same snapshot, mapped from an anonymous copy in huge pages where the kernel can make them (`cage_size` as the
  // isolates will have it): isolates that read here and there in a large image then take few page faults. Takes time
  // and memory in proportion to the image, once. Errors: ResourceExhausted and others of the system.
  static absl::StatusOr<std::shared_ptr<const Image>> MakeResident(std::shared_ptr<const Image> image,
                                                                   uint64_t cage_size);

  ~Image();
  Image(const Image&) = delete;
  Image& operator=(const Image&) = delete;

  absl::Span<const PrimitiveSpec> primitives() const { return primitives_; }
  // Where isolates map the image from; open as long as this Image exists.
  ImageSource source() const { return source_; }
  // True if that is the file that carries the embedded snapshot, false if it is a copy.
  bool maps_carrier() const { return maps_carrier_; }
  uint32_t read_only_bytes() const { return read_only_bytes_; }
  uint32_t writable_bytes() const { return writable_bytes_; }
  size_t image_bytes() const { return size_t{read_only_bytes_} + writable_bytes_; }
  // Tells this image from all others of the process, also from those that are gone.
  uint32_t serial() const { return serial_; }
  // The pristine image.
  const uint8_t* image() const { return image_; }
  size_t file_bytes() const { return bytes_.size(); }
  absl::Span<const uint32_t> roots() const { return roots_; }
  bool has_restore_hooks() const { return has_restore_hooks_; }
  // By external-reference index.
  const std::vector<HostSignature>& externals() const { return externals_; }

  // For each external reference, the index in `provided` of the function or type of that name. A function
  // fits if it takes every number of arguments that the scripts declared. Errors:
  // FailedPrecondition, whose message has all names that are missing or do not fit.
  absl::StatusOr<std::vector<int>> BindExternals(absl::Span<const HostSignature> provided) const;

 private:
  Image();
  // Fills in everything but the source from bytes_. `whole`: checks the digest too, and what the
  // image holds, unless that is trusted.
  absl::Status Open(bool whole, Trust trust);
  static absl::StatusOr<std::shared_ptr<const Image>> FromCopy(ImageCopy copy,
                                                               absl::Span<const PrimitiveSpec> primitives, Trust trust);
  // Copies bytes_, and makes the copy the source; unless an error occurs.
  absl::Status UseCopy();
  // Makes copy_ the source.
  void MapCopy();
  // Makes the ELF file that carries bytes_ the source. False if there is none, or it is not the
  // same any more.
  bool UseCarrier();

  const uint32_t serial_;
  std::shared_ptr<const Image> original_;  // of a resident copy: owns the bytes
  absl::Span<const uint8_t> bytes_;        // the file
  Fingerprint digest_;
  ImageCopy copy_;   // unless the carrier is mapped
  int fd_ = -1;      // the carrier, or the file of a resident copy
  Mapping mapping_;  // of a resident copy: holds image_
  absl::Span<const PrimitiveSpec> primitives_;
  ImageSource source_;
  bool maps_carrier_ = false;
  const uint8_t* image_ = nullptr;
  uint32_t read_only_bytes_ = 0;
  uint32_t writable_bytes_ = 0;
  absl::Span<const uint32_t> roots_;
  bool has_restore_hooks_ = false;
  std::vector<HostSignature> externals_;
};

struct VmOptions {
  uint64_t cage_size = uint64_t{4} << 30;  // bytes of address space; a multiple of 2 MiB, at most 4 GiB
  HeapOptions heap;
};

// A virtual machine whose heap is the image, copy-on-write. It keeps the image. Host functions are not bound yet.
// Errors: ResourceExhausted (address space, mappings), InvalidArgument (cage_size).
absl::StatusOr<std::unique_ptr<Vm>> NewVm(const Image& image, const VmOptions& options);

// A virtual machine with an empty heap: no symbols, no roots, no library.
absl::StatusOr<std::unique_ptr<Vm>> NewEmptyVm(absl::Span<const PrimitiveSpec> primitives, const VmOptions& options);

}  // namespace islet::vm

#endif  // ISLET_SNAPSHOT_IMAGE_H_
