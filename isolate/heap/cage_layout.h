// How an isolate's address space is divided, by cage offsets. heap.h has the picture.

#ifndef ISLET_ISOLATE_HEAP_CAGE_LAYOUT_H_
#define ISLET_ISOLATE_HEAP_CAGE_LAYOUT_H_

#include <cstdint>

#include "absl/status/status.h"

namespace islet::vm {

// Cage offsets; all multiples of the page size.
struct CageLayout {
  uint64_t cage_size = 0;        // bytes: 4 GiB, or less by option
  uint32_t read_only_begin = 0;  // what is before it is the image's writable part
  uint32_t image_end = 0;
  uint32_t stack_begin = 0;
  uint32_t stack_end = 0;
  uint32_t young_begin = 0;
  uint32_t young_end = 0;
  uint32_t old_begin = 0;
  uint32_t old_end = 0;
  bool operator==(const CageLayout&) const = default;

  // The smallest cage that leaves room to collect; each image needs its own size on top.
  static constexpr uint64_t kMinCageSize = uint64_t{32} << 20;
  // Past the end of old space: what is reached by a small index from a reference to its very end. Nothing is ever
  // there.
  static constexpr uint64_t kMargin = uint64_t{64} << 10;

  // The layout for an image of `writable` + `read_only` bytes (multiples of the page size). With no image at all, the
  // first page stays unmapped. An image too large for the cage is found by Check.
  static CageLayout For(uint64_t cage_size, uint32_t writable, uint32_t read_only);
  // InvalidArgument if the cage is too small for the image, or not of a size that there can be.
  absl::Status Check() const;
  // Where in its 2 MiB window of address space a cage's base lies. An image file's offset that is congruent to it can
  // be mapped by huge pages.
  uint64_t BasePhase() const;
  // A cage's base, less its phase, is a multiple of this: as far as cages of this size can stand side by side, of
  // 1 GiB, which one page of the page table's next level covers. An image then takes one such page, whatever its size.
  uint64_t BaseAlignment() const;
};

}  // namespace islet::vm

#endif  // ISLET_ISOLATE_HEAP_CAGE_LAYOUT_H_
