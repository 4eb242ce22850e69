// Heap::Reset: an isolate's memory as it was when it was made, so that the next tenant can have it.
//
// What was written is known: the snapshot's dirty pages, the nursery up to its highest top, the used parts of blocks,
// the stack up to its highest limit. Small amounts are cleared in place, since a page fault costs as much as clearing
// several pages that are in the cache; large amounts go back to the system.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "isolate/heap/heap.h"
#include "isolate/heap/pages.h"
#include "isolate/heap/scratch.h"

namespace islet::vm {
namespace {

// So many separate pages are given back one system call each; of more, the whole range that holds them.
constexpr size_t kMostRuns = 64;

size_t BytesTo(const uint8_t* begin, const uint8_t* end) { return end > begin ? static_cast<size_t>(end - begin) : 0; }

}  // namespace

void Heap::Reset(Value* stack_used, size_t keep_bytes) {
  GiveBackScratch();
  RestoreImage(keep_bytes);
  if (unfinished_ != nullptr) AbandonCollection();
  spare_.DropTable();

  uint8_t* const stack = reinterpret_cast<uint8_t*>(stack_begin());
  uint8_t* const stack_top = std::min(reinterpret_cast<uint8_t*>(stack_used), reinterpret_cast<uint8_t*>(stack_end()));
  std::memset(stack, 0, static_cast<size_t>(stack_top - stack));
  stack_kept_ = std::max(stack_kept_, stack_top);
  stack_top_ = stack_used_ = stack_begin();

  uint8_t* const young_used = std::max(base_ + state_.young.top, young_used_);
  if (BytesTo(young_start(), young_used) > keep_bytes) {
    uint8_t* const end = PageEnd(std::max(young_used, young_kept_));
    young_kept_ = Discard(young_start(), end) ? nullptr : end;
  } else {
    std::memset(young_start(), 0, static_cast<size_t>(young_used - young_start()));
    young_kept_ = std::max(young_kept_, young_used);
  }
  young_used_ = nullptr;

  if (!state_.old.blocks.empty() || spare_.blocks_end() != 0) ClearOldSpace(keep_bytes);
  Initialize();
  if (KeptBytes() > keep_bytes) GiveBackKept(keep_bytes);
}

void Heap::Retire(Value* stack_used) {
  if (!cage_.lasting()) return;
  // The few pages that most isolates use stay. More, as they were another tenant's, might never be needed again.
  constexpr size_t kKept = size_t{64} << 10;
  Reset(stack_used, kKept);
  // Memory that the system did not take back goes with the cage.
  if (KeptBytes() <= kKept) Cage::Keep(std::move(cage_));
}

void Heap::RestoreImage(size_t keep_bytes) {
  if (dirty_.count() * kPageSize > keep_bytes && DiscardKeptPages()) return;
  for (const DirtyPages::Page* page : dirty_.pages()) {
    const size_t offset = size_t{page->number} << kPageShift;
    std::memcpy(base_ + offset, pristine_ + offset, kPageSize);
  }
  dirty_.Clear();
}

// The image's mapping then shows the file's pages again. A copy of the image has none, and stays.
bool Heap::DiscardKeptPages() {
  if (!cage_.maps_file()) return false;
  struct Run {
    uint32_t first, end;
  };
  std::array<Run, kMostRuns> runs;  // not a vector: a reset must not fail for want of memory
  size_t count = 0;
  dirty_.ForEachKept([&runs, &count](uint32_t page) {
    if (count > 0 && (runs[count - 1].end == page || count == kMostRuns)) {
      runs[count - 1].end = page + 1;
    } else {
      runs[count++] = {page, page + 1};
    }
  });
  for (size_t i = 0; i < count; ++i) {
    const Run& run = runs[i];
    // Where memory is locked, the copies stay.
    if (!DiscardPages(base_ + (size_t{run.first} << kPageShift), base_ + (size_t{run.end} << kPageShift))) return false;
  }
  dirty_.Clear();
  dirty_.DropKept();
  return true;
}

void Heap::ClearOldSpace(size_t keep_bytes) {
  const uint32_t in_use = static_cast<uint32_t>(state_.old.blocks.size());
  const uint32_t count = std::max(in_use, spare_.blocks_end());
  uint8_t* const end = BlockStart(count);
  if (count * kBlockSize > keep_bytes) {
    old_kept_ = std::max(end, old_kept_);
    if (Discard(BlockStart(0), old_kept_)) old_kept_ = nullptr;
  } else {
    for (const MovingSpace& space : state_.old.moving) {
      if (space.blocks.empty()) continue;
      state_.old.blocks[space.blocks.back()].top = space.top - BlockOffset(space.blocks.back());
    }
    for (uint32_t i = 0; i < count; ++i) {
      switch (i < in_use ? state_.old.blocks[i].kind : Block::kFree) {
        case Block::kFree:
          spare_.ClearBlock(i);
          break;
        case Block::kMoving:
        case Block::kUnmoving:
          std::memset(BlockStart(i), 0, state_.old.blocks[i].top);
          break;
        case Block::kLargeHead:
        case Block::kLargeTail:
          std::memset(BlockStart(i), 0, kBlockSize);
          break;
      }
    }
    old_kept_ = std::max(old_kept_, end);
  }
  spare_.ForgetBlocks();
}

size_t Heap::KeptBytes() const {
  return dirty_.kept() * kPageSize + spare_.table_bytes() + BytesTo(young_start(), young_kept_) +
         BytesTo(reinterpret_cast<const uint8_t*>(stack_begin()), stack_kept_) + BytesTo(BlockStart(0), old_kept_);
}

// All of it reads as it should already. What costs most to touch again is given back last.
void Heap::GiveBackKept(size_t keep_bytes) {
  spare_.DropTable();
  if (old_kept_ != nullptr && Discard(BlockStart(0), old_kept_)) old_kept_ = nullptr;
  if (KeptBytes() <= keep_bytes) return;
  if (young_kept_ != nullptr && Discard(young_start(), PageEnd(young_kept_))) young_kept_ = nullptr;
  if (KeptBytes() <= keep_bytes) return;
  DiscardKeptPages();
  if (KeptBytes() <= keep_bytes) return;
  if (stack_kept_ != nullptr && Discard(reinterpret_cast<uint8_t*>(stack_begin()), PageEnd(stack_kept_))) {
    stack_kept_ = nullptr;
  }
}

}  // namespace islet::vm
