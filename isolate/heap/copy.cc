// Heap::CopyFrom: a second heap in the state of a first one. Cages hold no addresses, so bytes are all there is to
// copy.

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "isolate/heap/heap.h"

namespace islet::vm {

void Heap::CopyFrom(const Heap& parent) {
  options_ = parent.options_;
  account_.set_limit(EffectiveLimit());
  dirty_.CopyFrom(parent.dirty_);
  for (const DirtyPages::Page* page : dirty_.pages()) {
    const size_t offset = size_t{page->number} << DirtyPages::kPageShift;
    std::memcpy(base_ + offset, parent.base_ + offset, DirtyPages::kPageSize);
  }

  const auto here = [&](uint8_t* p) { return p == nullptr ? nullptr : base_ + (p - parent.base_); };
  std::memcpy(young_start(), parent.young_start(), static_cast<size_t>(parent.young_top_ - parent.young_start()));
  young_top_ = here(parent.young_top_);
  young_soft_end_ = here(parent.young_soft_end_);

  blocks_ = parent.blocks_;
  for (int i = 0; i < kContentCount; ++i) {
    const MovingSpace& from = parent.moving_[i];
    moving_[i] = {from.blocks, here(from.top), here(from.end)};
    // The last block's top is kept in the space.
    if (!from.blocks.empty()) {
      const uint32_t last = from.blocks.back();
      std::memcpy(BlockStart(last), parent.BlockStart(last), static_cast<size_t>(from.top - parent.BlockStart(last)));
    }
  }
  for (uint32_t i = 0; i < blocks_.size(); ++i) {
    switch (blocks_[i].kind) {
      case Block::kFree:
      case Block::kLargeTail:
        break;
      case Block::kMoving:
      case Block::kUnmoving:
        std::memcpy(BlockStart(i), parent.BlockStart(i), blocks_[i].top);
        break;
      case Block::kLargeHead:
        std::memcpy(BlockStart(i), parent.BlockStart(i), SizeOf(reinterpret_cast<uint32_t*>(parent.BlockStart(i))));
        break;
    }
  }
  free_blocks_ = parent.free_blocks_;
  lowest_free_ = parent.lowest_free_;
  unmoving_blocks_ = parent.unmoving_blocks_;
  fresh_large_ = parent.fresh_large_;
  fresh_unmoving_ = parent.fresh_unmoving_;
  remembered_ = parent.remembered_;
  remembered_limit_ = parent.remembered_limit_;
  unmoving_free_ = parent.unmoving_free_;
  symbols_ = parent.symbols_;
  forward_cells_ = parent.forward_cells_;
  old_bytes_ = parent.old_bytes_;
  wanted_nursery_ = parent.wanted_nursery_;
  full_threshold_ = parent.full_threshold_;
  move_epoch_ = parent.move_epoch_;
  stats_ = parent.stats_;
}

}  // namespace islet::vm
