// Heap::FirstDifference: whether a heap that was reset is what a new one is, or a copy what it was copied from.

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "isolate/heap/heap.h"

namespace islet::vm {
namespace {

constexpr size_t kPage = DirtyPages::kPageSize;

// Which pages of [base, base + bytes) hold something: those of which the kernel knows. All, if it does not tell.
std::vector<bool> Touched(const uint8_t* base, uint64_t bytes) {
  const size_t pages = bytes / kPage;
  std::vector<bool> touched(pages, false);
  std::vector<uint64_t> entries(size_t{1} << 15);  // before the file is open, since this may throw
  const int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
  size_t done = 0;
  while (fd >= 0 && done < pages) {
    const size_t part = std::min(pages - done, entries.size());
    const ssize_t n = pread(fd, entries.data(), part * sizeof(uint64_t),
                            static_cast<off_t>((reinterpret_cast<uintptr_t>(base) / kPage + done) * sizeof(uint64_t)));
    if (n <= 0) break;
    for (size_t i = 0; i < static_cast<size_t>(n) / sizeof(uint64_t); ++i) {
      touched[done + i] = (entries[i] >> 62) != 0;  // present, or swapped out
    }
    done += static_cast<size_t>(n) / sizeof(uint64_t);
  }
  if (fd >= 0) close(fd);
  std::fill(touched.begin() + static_cast<std::ptrdiff_t>(done), touched.end(), true);
  return touched;
}

}  // namespace

std::string Heap::FirstDifference(const Heap& other, Unused unused) const {
  if (std::memcmp(&layout(), &other.layout(), sizeof(CageLayout)) != 0) return "layouts of the cages";

  const uint64_t cage_size = layout().cage_size;
  const std::vector<bool> mine = Touched(base_, cage_size), others = Touched(other.base_, cage_size);
  for (size_t page = pristine_ == nullptr ? 1 : 0; page < mine.size(); ++page) {
    if (!mine[page] && !others[page]) continue;
    const size_t offset = page * kPage;
    size_t bytes = kPage;
    if (unused == Unused::kNot && offset >= layout().stack_begin && offset < layout().young_end) {
      const size_t top = static_cast<size_t>(young_top_ - base_);
      if (offset < layout().stack_end || offset >= top) continue;
      bytes = std::min(kPage, top - offset);
    }
    if (std::memcmp(base_ + offset, other.base_ + offset, bytes) == 0) continue;
    size_t word = offset;
    while (std::memcmp(base_ + word, other.base_ + word, 4) == 0) word += 4;
    uint32_t here, there;
    std::memcpy(&here, base_ + word, 4);
    std::memcpy(&there, other.base_ + word, 4);
    const char* const area = word < layout().image_end   ? "snapshot"
                             : word < layout().stack_end ? "stack"
                             : word < layout().young_end ? "nursery"
                                                         : "old space";
    return absl::StrCat(area, ", cage offset 0x", absl::Hex(word), ": 0x", absl::Hex(here), " instead of 0x",
                        absl::Hex(there));
  }

  const auto offset = [](const Heap& heap, const uint8_t* p) { return p == nullptr ? 0 : p - heap.base_; };
  const auto same_block = [](const Block& a, const Block& b) {
    return a.kind == b.kind && a.fresh == b.fresh && a.run == b.run && a.top == b.top;
  };
  if (offset(*this, young_top_) != offset(other, other.young_top_)) return "top of the nursery";
  if (offset(*this, young_soft_end_) != offset(other, other.young_soft_end_)) return "end of the nursery";
  if (options_.heap_limit != other.options_.heap_limit || options_.nursery_size != other.options_.nursery_size) {
    return "limits";
  }
  if (dirty_.count() != other.dirty_.count()) return "number of dirty pages";
  for (size_t i = 0; i < dirty_.count(); ++i) {
    if (std::memcmp(dirty_.pages()[i], other.dirty_.pages()[i], sizeof(DirtyPages::Page)) != 0) return "dirty pages";
  }
  if (!std::equal(blocks_.begin(), blocks_.end(), other.blocks_.begin(), other.blocks_.end(), same_block)) {
    return "blocks of the old space";
  }
  for (int i = 0; i < kContentCount; ++i) {
    if (moving_[i].blocks != other.moving_[i].blocks ||
        offset(*this, moving_[i].top) != offset(other, other.moving_[i].top) ||
        offset(*this, moving_[i].end) != offset(other, other.moving_[i].end)) {
      return "spaces of moving objects";
    }
  }
  if (free_blocks_ != other.free_blocks_ || lowest_free_ != other.lowest_free_ || old_bytes_ != other.old_bytes_ ||
      unmoving_blocks_ != other.unmoving_blocks_ || unmoving_free_ != other.unmoving_free_) {
    return "free space in the old space";
  }
  if (fresh_large_ != other.fresh_large_ || fresh_unmoving_ != other.fresh_unmoving_ ||
      remembered_ != other.remembered_) {
    return "what the next collection looks at";
  }
  if (remembered_limit_ != other.remembered_limit_ || full_threshold_ != other.full_threshold_ ||
      wanted_nursery_ != other.wanted_nursery_) {
    return "when the next collection is due";
  }
  if (symbols_ != other.symbols_) return "table of symbols";
  if (forward_cells_.slots != other.forward_cells_.slots || forward_cells_.count != other.forward_cells_.count) {
    return "table of names without a definition";
  }
  if (move_epoch_ != other.move_epoch_) return "count of moving collections";
  if (stats_.minor_collections != other.stats_.minor_collections ||
      stats_.full_collections != other.stats_.full_collections ||
      stats_.allocated_bytes != other.stats_.allocated_bytes) {
    return "statistics";
  }
  return "";
}

}  // namespace islet::vm
