// A snapshot of a heap, as snapshot_gen made it: what isolates start from.
//
//   #include "myproject/startup.h"        // from islet_snapshot(name = "startup", ...) or snapshot_gen --emit=obj
//   ISLET_EMBEDDED_SNAPSHOT(startup);
//   absl::StatusOr<islet::Snapshot> snapshot = islet::Snapshot::FromEmbedded(startup);

#ifndef ISLET_SNAPSHOT_H_
#define ISLET_SNAPSHOT_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace islet {

namespace vm {
class Image;
}

// The bytes of a snapshot that is linked into the program or a shared object.
struct EmbeddedSnapshot {
  const unsigned char* begin;
  const unsigned char* end;
};

// Declares the variable `name`, of type islet::EmbeddedSnapshot, for the snapshot whose symbol is `name`.
#define ISLET_EMBEDDED_SNAPSHOT(name)                                                            \
  extern "C" const unsigned char islet_snapshot_##name##_begin[];                                \
  extern "C" const unsigned char islet_snapshot_##name##_end[];                                  \
  [[maybe_unused]] static const ::islet::EmbeddedSnapshot name = {islet_snapshot_##name##_begin, \
                                                                  islet_snapshot_##name##_end}

struct SnapshotOptions {
  // True: the bytes are known to be those that snapshot_gen wrote (their origin is authenticated, say). Then they are
  // checked against damage only. With bytes that anyone else may have chosen, this gives them all that the process may.
  bool trusted = false;
};

// Cheap to copy; immutable. One that has been moved from is of no use: FailedPrecondition. Thread safety: all methods
// may be called from any thread at once.
class Snapshot {
 public:
  // Opens a snapshot linked into the program, in constant time: the header is checked, the rest is
  // trusted as the program's own code is. Isolates map the very pages of the executable.
  //
  // `embedded` must stay where it is, unchanged, as long as this Snapshot, a copy of it, or an
  // isolate or pool made of any exists: a shared object that carries it must not be unloaded
  // (dlclose) before. After that it may, and another one may be loaded at the same place.
  //
  // Errors: FailedPrecondition (of another format version, or made by another build),
  // InvalidArgument (not a snapshot).
  static absl::StatusOr<Snapshot> FromEmbedded(EmbeddedSnapshot embedded);
  // Opens a file. The file may change or vanish afterwards. What is not a snapshot is refused by its first page. Takes
  // memory of the file's size, which all isolates share; where the system provides no files in memory (memfd_create),
  // each isolate takes as much again.
  //
  // It is checked against its digest, which finds damage, and then, unless `options` say that it is trusted, verified:
  // objects, references, instructions and tables are what Islet's own tools would have written. Whatever a snapshot
  // that was opened so contains, its code reads and writes nothing outside of its isolate, calls only what exists, and
  // obeys the isolate's limits and capabilities. (What its code computes is its own affair.) Verification takes some 10
  // ms for each MiB at most, on the calling thread, and an eighth of the file's size in memory, until it is done.
  //
  // Errors: NotFound and other file errors; InvalidArgument (not a snapshot); FailedPrecondition (of another format
  // version, or made by another build: make it again); DataLoss (truncated, changed, or not verified: the message names
  // the object, its offset and what was expected there); ResourceExhausted.
  static absl::StatusOr<Snapshot> FromFile(absl::string_view path, const SnapshotOptions& options = {});
  // The same for bytes in memory, which are copied.
  static absl::StatusOr<Snapshot> FromBytes(absl::Span<const uint8_t> bytes, const SnapshotOptions& options = {});

  // The same snapshot, mapped from an anonymous copy in huge pages (where the kernel has them to give; Linux 6.1 or
  // later). Isolates that read here and there in a snapshot of many megabytes take a fraction of the page faults. Costs
  // time and memory in proportion to the snapshot, once: for servers, at their start. `cage_size` as isolates will have
  // it. Errors: those of the system.
  absl::StatusOr<Snapshot> Resident(uint64_t cage_size = uint64_t{4} << 30) const;

  // Bytes of the heap image that isolates share.
  size_t size_bytes() const;
  // Names of the host functions that its scripts use.
  std::vector<std::string> host_functions() const;
  // Names of the host types of which its scripts have the predicates.
  std::vector<std::string> host_types() const;
  // True if isolates map the file that carries the snapshot; false if they map an anonymous copy.
  bool maps_carrier() const;

 private:
  friend class Isolate;
  friend class IsolatePool;
  friend struct BindingAccess;  // sdk/isolate_impl.h
  explicit Snapshot(std::shared_ptr<const vm::Image> image) : image_(std::move(image)) {}
  std::shared_ptr<const vm::Image> image_;
};

}  // namespace islet

#endif  // ISLET_SNAPSHOT_H_
