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
    const size_t offset = size_t{page->number} << kPageShift;
    std::memcpy(base_ + offset, parent.base_ + offset, kPageSize);
  }

  spare_.MakeRoomFor(parent.state_.old.blocks.size());
  state_ = parent.state_;
  std::memcpy(young_start(), parent.young_start(), YoungBytes());
  for (const MovingSpace& space : state_.old.moving) {
    // The last block's top is kept in the space.
    if (space.blocks.empty()) continue;
    const uint32_t last = space.blocks.back();
    std::memcpy(BlockStart(last), parent.BlockStart(last), space.top - BlockOffset(last));
  }
  const ReusableVector<Block>& blocks = state_.old.blocks;
  for (uint32_t i = 0; i < blocks.size(); ++i) {
    switch (blocks[i].kind) {
      case Block::kFree:
      case Block::kLargeTail:
        break;
      case Block::kMoving:
      case Block::kUnmoving:
        std::memcpy(BlockStart(i), parent.BlockStart(i), blocks[i].top);
        break;
      case Block::kLargeHead:
        std::memcpy(BlockStart(i), parent.BlockStart(i), SizeOf(reinterpret_cast<uint32_t*>(parent.BlockStart(i))));
        break;
    }
  }
}

}  // namespace islet::vm
