// A map in which a walk through the heap notes something of each object that it has come by: a T, at first T(). Grows
// by small pieces, so that no step takes long however many objects there are (poll.h), and takes an eighth of what the
// objects do for each byte of T.

#ifndef ISLET_ISOLATE_HEAP_OBJECT_MAP_H_
#define ISLET_ISOLATE_HEAP_OBJECT_MAP_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <vector>

#include "isolate/heap/scratch.h"
#include "isolate/heap/value.h"

namespace islet::vm {

template <typename T>
class ObjectMap {
 public:
  // `reference` is one. Valid as long as this is.
  T& operator[](Value reference) {
    const uint32_t offset = reference.offset();
    std::unique_ptr<Region>& region = regions_[offset / kRegionBytes];
    if (region == nullptr) region = std::make_unique<Region>();
    Page*& page = region->pages[offset % kRegionBytes / kPageBytes];
    if (page == nullptr) page = NewPage();
    return page->marks[offset % kPageBytes / kObjectAlignment];
  }

 private:
  // Bytes of the cage that a piece is for: few enough that objects far apart cost little, and clearing it no time.
  static constexpr uint32_t kPageBytes = 4096;
  // Both tables of pieces are then of 8 KiB each.
  static constexpr uint32_t kRegionBytes = 1u << 22;
  static constexpr size_t kRegions = (uint64_t{1} << 32) / kRegionBytes;
  struct Page {
    T marks[kPageBytes / kObjectAlignment] = {};
  };
  struct Region {
    Page* pages[kRegionBytes / kPageBytes] = {};
  };

  // By more and more at once, since each must be freed at the end.
  Page* NewPage() {
    if (left_ == 0) {
      left_ = made_ = made_ == 0 ? 1 : made_ < kMostAtOnce ? 2 * made_ : made_;
      chunks_.push_back(NewScratch<Page>(made_));
    }
    return new (&chunks_.back()[--left_]) Page();
  }

  static constexpr size_t kMostAtOnce = 32;
  std::vector<Scratch<Page>> chunks_;
  size_t made_ = 0;  // in the last chunk
  size_t left_ = 0;
  std::unique_ptr<Region> regions_[kRegions];
};

using ObjectMarks = ObjectMap<uint8_t>;

}  // namespace islet::vm

#endif  // ISLET_ISOLATE_HEAP_OBJECT_MAP_H_
