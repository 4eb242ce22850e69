// The address space of one isolate: reserved at once, at any address, with the snapshot's pages mapped at its start.

#ifndef ISLET_ISOLATE_HEAP_CAGE_H_
#define ISLET_ISOLATE_HEAP_CAGE_H_

#include <cstddef>
#include <cstdint>

#include "absl/status/statusor.h"
#include "isolate/heap/cage_layout.h"
#include "isolate/heap/pages.h"

namespace islet::vm {

// Says where the image's bytes come from: `fd` at `file_offset`, mapped privately; both parts are adjacent in the file.
struct ImageSource {
  int fd = -1;
  uint64_t file_offset = 0;
  // Not 0: tells this image from all others of the process; and its file stays anyway, so that a cage that nobody uses
  // may keep it mapped.
  uint32_t lasting = 0;
  // Without a descriptor: the image, of which each cage gets a copy; at least until its Create is
  // done. Null: no image.
  const uint8_t* memory = nullptr;
  // Whether the cage's end cannot be accessed, and what runs past it faults: a fourth mapping for each cage. Below a
  // cage nothing of the kind is needed, since no offset is negative. Not for a lasting image.
  bool guarded = false;
};

// Owns the range of addresses. Movable.
class Cage {
 public:
  // Reserves and maps. Errors: ResourceExhausted, naming the limit that was hit (address space,
  // mappings, data, locked memory, memory) and how to raise it; InvalidArgument if the cage is too
  // small for the image, or not of a size that there can be.
  //
  // A process that locks what it will map (mlockall(MCL_FUTURE)) would have all of a cage resident
  // at once. A thread asks for that when it makes its first cage (Mapping::Reserve); from then on its
  // cages are locked page by page, as these are touched. Cages made before that call are not
  // protected from it.
  static absl::StatusOr<Cage> Create(const CageLayout& layout, const ImageSource& image);
  // For a cage whose memory reads as when it was made (Heap::Reset): this thread's next Create for the same image and
  // layout takes it, without asking the kernel for anything. A thread keeps one; of a lasting image only.
  static void Keep(Cage cage);
  // Whether Keep would.
  bool lasting() const { return image_ != 0; }
  // Whether pages of the image that are discarded show a file's again, and not zeros.
  bool maps_file() const { return maps_file_; }
  // Unmaps the one that this thread keeps.
  static void DropKept();

  Cage(Cage&& other) noexcept = default;
  Cage& operator=(Cage&& other) noexcept = default;
  ~Cage();

  uint8_t* base() const { return mapping_.data(); }
  const CageLayout& layout() const { return layout_; }

 private:
  Cage(Mapping mapping, const CageLayout& layout, uint32_t image, bool maps_file);
  // False with errno if the system refuses.
  bool PutImage(const ImageSource& image);
  Mapping mapping_;
  CageLayout layout_;
  uint32_t image_ = 0;  // ImageSource::lasting
  bool maps_file_ = false;
};

}  // namespace islet::vm

#endif  // ISLET_ISOLATE_HEAP_CAGE_H_
