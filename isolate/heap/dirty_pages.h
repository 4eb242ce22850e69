// Which pages of the snapshot an isolate has written, and which of their slots hold references to its own objects.
// Filled by the write barrier; read by the collector, by recycling and by memory statistics. The cost is in
// proportion to the pages written (and one bit per page of the image, once one is).

#ifndef ISLET_ISOLATE_HEAP_DIRTY_PAGES_H_
#define ISLET_ISOLATE_HEAP_DIRTY_PAGES_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "isolate/heap/pages.h"

namespace islet::vm {

class DirtyPages {
 public:
  static constexpr uint32_t kSlotsPerPage = kPageSize / 4;

  struct Page {
    uint32_t number;                           // cage offset >> kPageShift
    uint64_t slots[kSlotsPerPage / 64];        // slots that ever received a reference to the isolate's own objects
    uint64_t young_slots[kSlotsPerPage / 64];  // of these, those written since the last collection
    bool operator==(const Page&) const = default;
  };

  // For an image of `image_bytes`. Allocates nothing before the first page becomes dirty.
  explicit DirtyPages(uint32_t image_bytes);

  // Notes that `bytes` from `offset` are about to be written.
  void Note(uint32_t offset, size_t bytes);
  // Notes that the slot at `offset` is about to receive a reference to one of the isolate's own objects.
  void NoteReference(uint32_t offset);

  // Forgets that the pages were written: the caller has restored their contents. They count as kept until DropKept.
  void Clear();
  // Notes what `other`, of the same image, has noted.
  void CopyFrom(const DirtyPages& other);
  // Whether both have noted the same, in the same order.
  bool operator==(const DirtyPages& other) const;
  // Pages written now or before a Clear, in order: the process has private copies of them.
  template <typename Visit>
  void ForEachKept(Visit&& visit) const {
    for (const auto& entry : by_number_) visit(entry.first);
  }
  size_t kept() const { return by_number_.size(); }
  // None is dirty; the caller has given the private copies back to the system.
  void DropKept() { by_number_.clear(); }

  bool IsDirty(uint32_t offset) const { return bits_[offset >> (kPageShift + 6)] >> (offset >> kPageShift & 63) & 1; }
  size_t count() const { return pages_.size(); }
  std::vector<Page*>& pages() { return pages_; }
  const std::vector<Page*>& pages() const { return pages_; }

 private:
  using Entry = std::pair<uint32_t, std::unique_ptr<Page>>;
  // The first entry that is not below `number`.
  std::vector<Entry>::iterator Place(uint32_t number);
  static size_t Words(uint32_t image_bytes) { return (static_cast<size_t>(image_bytes) >> (kPageShift + 6)) + 1; }

  const uint64_t* bits_;  // own_bits_, or zeros that all isolates share
  uint32_t image_bytes_;
  std::unique_ptr<uint64_t[]> own_bits_;
  std::vector<Page*> pages_;  // in the order in which they became dirty
  // All dirty pages, and those that were before a Clear, sorted.
  std::vector<Entry> by_number_;
};

}  // namespace islet::vm

#endif  // ISLET_ISOLATE_HEAP_DIRTY_PAGES_H_
