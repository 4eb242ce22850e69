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
#include "isolate/heap/pages.h"

namespace islet::vm {
namespace {

// Which pages of [base, base + bytes) hold something: those of which the kernel knows. All, if it does not tell.
std::vector<bool> Touched(const uint8_t* base, uint64_t bytes) {
  const size_t pages = bytes / kPageSize;
  std::vector<bool> touched(pages, false);
  std::vector<uint64_t> entries(size_t{1} << 15);  // before the file is open, since this may throw
  const int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
  size_t done = 0;
  while (fd >= 0 && done < pages) {
    const size_t part = std::min(pages - done, entries.size());
    const ssize_t n =
        pread(fd, entries.data(), part * sizeof(uint64_t),
              static_cast<off_t>((reinterpret_cast<uintptr_t>(base) / kPageSize + done) * sizeof(uint64_t)));
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
  if (layout() != other.layout()) return "layouts of the cages";

  const uint64_t cage_size = layout().cage_size;
  const std::vector<bool> mine = Touched(base_, cage_size), others = Touched(other.base_, cage_size);
  for (size_t page = pristine_ == nullptr ? 1 : 0; page < mine.size(); ++page) {
    if (!mine[page] && !others[page]) continue;
    const size_t offset = page * kPageSize;
    size_t bytes = kPageSize;
    if (unused == Unused::kNot && offset >= layout().stack_begin && offset < layout().young_end) {
      const size_t top = state_.young.top;
      if (offset < layout().stack_end || offset >= top) continue;
      bytes = std::min<size_t>(kPageSize, top - offset);
    }
    if (unused == Unused::kNot && offset >= layout().old_begin) {
      const uint32_t block = BlockIndex(static_cast<uint32_t>(offset));
      if (spare_.IsStale(block) || other.spare_.IsStale(block)) continue;
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

  if (options_ != other.options_) return "limits";
  if (dirty_ != other.dirty_) return "dirty pages";
  if (state_.young != other.state_.young) return "nursery";
  if (state_.old != other.state_.old) return "old space";
  if (state_.fresh != other.state_.fresh) return "what the next collection looks at";
  if (state_.evacuating != other.state_.evacuating) return "unfinished collection";
  if (state_.names != other.state_.names) return "tables of names";
  if (state_.weak != other.state_.weak) return "weak references";
  if (state_.move_epoch != other.state_.move_epoch) return "count of moving collections";
  // Whatever the state may have gained since the list above was written.
  return state_ == other.state_ ? "" : "statistics";
}

}  // namespace islet::vm
