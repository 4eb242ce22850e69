// A byte for each object that a walk through the heap has come by, 0 before. Grows by small pieces, so that no step takes
// long however many objects there are (poll.h), and takes an eighth of what the objects do.

#ifndef ISLET_ISOLATE_HEAP_OBJECT_MARKS_H_
#define ISLET_ISOLATE_HEAP_OBJECT_MARKS_H_

#include <cstdint>
#include <memory>

#include "isolate/heap/value.h"

namespace islet::vm {

class ObjectMarks {
 public:
  // `reference` is one. Valid as long as this is.
  uint8_t& operator[](Value reference) {
    const uint32_t offset = reference.offset();
    std::unique_ptr<Region>& region = regions_[offset / kRegionBytes];
    if (region == nullptr) region = std::make_unique<Region>();
    std::unique_ptr<Page>& page = region->pages[offset % kRegionBytes / kPageBytes];
    if (page == nullptr) page = std::make_unique<Page>();
    return page->marks[offset % kPageBytes / 8];
  }

 private:
  static constexpr uint32_t kPageBytes = 4096;
  static constexpr uint32_t kRegionBytes = 1u << 22;
  struct Page {
    uint8_t marks[kPageBytes / 8] = {};
  };
  struct Region {
    std::unique_ptr<Page> pages[kRegionBytes / kPageBytes];
  };
  std::unique_ptr<Region> regions_[1024];
};

}  // namespace islet::vm

#endif  // ISLET_ISOLATE_HEAP_OBJECT_MARKS_H_
