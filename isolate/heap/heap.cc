#include "isolate/heap/heap.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "isolate/heap/collector.h"
#include "isolate/heap/poll.h"
#include "isolate/heap/scratch.h"

namespace islet::vm {
namespace {

constexpr size_t kMinSoftNursery = size_t{64} << 10;
// How many of the newest holes an allocation of an unmoving object looks at.
constexpr size_t kHolesTried = 8;
// What is given back to the system between two polls.
constexpr size_t kDiscardedAtOnce = size_t{1} << 20;
// What is asked of it.
constexpr ptrdiff_t kPopulatedAtOnce = ptrdiff_t{64} << 10;

size_t RoundUp8(size_t bytes) { return (bytes + 7) & ~size_t{7}; }

// For what the rules in heap.h exclude; going on would write outside the heap.
[[noreturn]] void Fatal(const char* what) {
  std::fputs(what, stderr);
  std::abort();
}

}  // namespace

Heap::Heap(Cage cage, const HeapOptions& options)
    : base_(cage.base()),
      young_begin_(cage.layout().young_begin),
      young_size_(cage.layout().young_end - cage.layout().young_begin),
      cage_(std::move(cage)),
      options_(options),
      dirty_(cage_.layout().image_end),
      max_blocks_((layout().old_end - layout().old_begin) / kBlockSize),
      remembered_limit_(kRememberedLimit) {
  young_top_ = young_start();
  young_soft_end_ = young_start() + SoftNurserySize();
  young_hard_end_ = base_ + layout().young_end;
  stack_top_ = stack_used_ = stack_begin();
  account_.set_limit(EffectiveLimit());
}

Heap::~Heap() { GiveBackScratch(); }

// ---- Limits.

// A collection copies what is live before it frees what it was copied from. The copies can take
// twice their size, as up to half of each block may stay empty, so a third of the old space is what
// can safely be in use. The rest is for what may be allocated without Reserve.
size_t Heap::EffectiveLimit() const {
  constexpr size_t kUnreserved = 8 * kSlack;
  return std::min(options_.heap_limit, (max_blocks_ * kBlockSize - kUnreserved) / 3);
}

size_t Heap::SoftNurserySize() const {
  return std::min(
      {options_.nursery_size, wanted_nursery_, std::max(EffectiveLimit() / 4 & ~size_t{4095}, kMinSoftNursery)});
}

bool Heap::HasRoomFor(size_t bytes) const {
  const size_t limit = EffectiveLimit();
  const size_t used = UsedBytes() + account_.bytes();
  if (used > limit || bytes > limit - used) return false;
  // They may be small objects or large ones; and a large one can waste half of its last block.
  return static_cast<size_t>(young_hard_end_ - young_top_) >= bytes + kSlack &&
         HasFreeRun(2 * bytes / kBlockSize + kSpareBlocks);
}

bool Heap::Reserve(size_t bytes) {
  if (HasRoomFor(bytes)) return true;
  if (bytes > EffectiveLimit()) return false;
  if (Collect() && HasRoomFor(bytes)) return true;
  return !evacuating_ && PollInterrupts() && FullCollection() && HasRoomFor(bytes);
}

// ---- Allocation.

void* Heap::AllocateSlow(size_t) {
  // The nursery's range is some 10 times what may be allocated between two safepoints without
  // Reserve, even in the smallest cage; and Reserve does not promise more than there is.
  Fatal(
      "islet: the nursery is full: something allocated more than Heap::kSlack without "
      "Heap::Reserve\n");
}

void* Heap::NewObject(ObjectType type, size_t bytes, uint32_t flags, uint32_t count) {
  bytes = RoundUp8(bytes);
  uint32_t* object;
  if (__builtin_expect(bytes >= kLargeObject, 0)) {
    object = static_cast<uint32_t*>(AllocateLarge(bytes));
  } else {
    object = static_cast<uint32_t*>(AllocateBytes(bytes));
    std::memset(object, 0, bytes);
  }
  object[0] = MakeHeader(type, flags, count);
  return object;
}

Value Heap::MakeVector(uint32_t length, Value fill, uint32_t flags) {
  const size_t bytes = RoundUp8(8 + size_t{4} * length);
  void* p = bytes >= kLargeObject ? AllocateLarge(bytes) : AllocateBytes(bytes);
  Vector* vector = static_cast<Vector*>(p);
  vector->header = MakeHeader(ObjectType::kVector, flags);
  vector->length = length;
  std::fill_n(vector->items, length, fill);
  return ValueOf(vector);
}

Value Heap::MakeVectorPromoted(uint32_t length, uint32_t flags) {
  const size_t bytes = RoundUp8(8 + size_t{4} * length);
  if (bytes >= kLargeObject) return MakeVector(length, kFalse, flags);
  Vector* vector = static_cast<Vector*>(AllocatePromoted(bytes));
  vector->header = MakeHeader(ObjectType::kVector, flags);
  vector->length = length;
  std::fill_n(vector->items, length, kFalse);
  return ValueOf(vector);
}

Value Heap::MakeBytevector(uint32_t length, uint32_t flags) {
  auto* bytes = static_cast<Bytevector*>(NewObject(ObjectType::kBytevector, 8 + size_t{length}, flags, 0));
  bytes->length = length;
  return ValueOf(bytes);
}

Value Heap::MakeBignum(uint32_t count, bool negative) {
  auto* number =
      static_cast<Bignum*>(NewObject(ObjectType::kBignum, 8 + size_t{8} * count, negative ? kNegativeFlag : 0, 0));
  number->length = count;
  return ValueOf(number);
}

void* Heap::NewUnmoving(ObjectType type, size_t bytes, uint32_t flags, uint32_t count) {
  bytes = RoundUp8(bytes);
  uint32_t* object = nullptr;
  if (bytes > kBlockSize / 2) {
    object = static_cast<uint32_t*>(AllocateLarge(bytes));
  } else {
    stats_.allocated_bytes += bytes;
    for (size_t i = 0; i < std::min(kHolesTried, unmoving_free_.size()); ++i) {
      auto& hole = unmoving_free_[unmoving_free_.size() - 1 - i];
      if (hole.second < bytes) continue;
      hole.second -= static_cast<uint32_t>(bytes);
      object = reinterpret_cast<uint32_t*>(base_ + hole.first + hole.second);
      if (hole.second == 0) {
        std::swap(hole, unmoving_free_.back());
        unmoving_free_.pop_back();
      } else {
        Get<uint32_t>(Value::FromBits(hole.first))[1] = hole.second;  // keeps the block readable from end to end
      }
      break;
    }
    if (object == nullptr) {
      if (unmoving_blocks_.empty() || kBlockSize - blocks_[unmoving_blocks_.back()].top < bytes) {
        const uint32_t index = AllocateBlocks(1, Block::kUnmoving);
        if (index == kNoBlock) Fatal("islet: no room for code or symbols: Heap::Reserve was not called\n");
        blocks_[index].top = kUnmovingStart;
        unmoving_blocks_.push_back(index);
        NoteOldGrowth();
      }
      Block& block = blocks_[unmoving_blocks_.back()];
      object = reinterpret_cast<uint32_t*>(BlockStart(unmoving_blocks_.back()) + block.top);
      block.top += static_cast<uint32_t>(bytes);
    }
    std::memset(object, 0, bytes);
    fresh_unmoving_.push_back(ValueOf(object));
  }
  object[0] = MakeHeader(type, flags, count);
  if (type == ObjectType::kCode) object[1] = static_cast<uint32_t>(bytes / 4);
  return object;
}

void* Heap::AllocateLarge(size_t bytes) {
  const size_t run = (bytes + kBlockSize - 1) / kBlockSize;
  const uint32_t index = run <= max_blocks_ ? AllocateBlocks(static_cast<uint32_t>(run), Block::kLargeHead) : kNoBlock;
  if (index == kNoBlock) Fatal("islet: no room for a large object: Heap::Reserve was not called, or refused\n");
  fresh_large_.push_back(index);
  stats_.allocated_bytes += bytes;
  NoteOldGrowth();
  return BlockStart(index);
}

void Heap::PopulateLarge(Value object) {
  uint8_t* begin = base_ + object.offset();
  uint8_t* const end = begin + SizeOf(Get<uint32_t>(object));
  while (begin < end && PollInterrupts()) {
    uint8_t* const part = begin + std::min<ptrdiff_t>(end - begin, kPopulatedAtOnce);
    Populate(begin, part);
    begin = part;
  }
}

void Heap::FreeLarge(Value object) {
  if (evacuating_) return;  // the collection that is to be finished finds it dead
  const uint32_t index = BlockIndex(object.offset());
  if (blocks_[index].fresh) fresh_large_.erase(std::find(fresh_large_.begin(), fresh_large_.end(), index));
  FreeBlocks(index, blocks_[index].run);
  DiscardFreed(true);
}

// ---- Old space.

void Heap::StartPromotedPairs() {
  if (AllocateInNewBlock(kPairs, 0, /*populate=*/true) == nullptr)
    Fatal("islet: no room for pairs: Heap::Reserve was not called\n");
  NoteOldGrowth();
}

void* Heap::AllocatePromoted(size_t bytes) {
  MovingSpace& space = moving_[kObjects];
  uint8_t* p = space.top;
  if (static_cast<size_t>(space.end - p) < bytes) {
    p = AllocateInNewBlock(kObjects, bytes, /*populate=*/true);
    if (p == nullptr) Fatal("islet: no room for objects: Heap::Reserve was not called\n");
    NoteOldGrowth();
  } else {
    space.top = p + bytes;
  }
  stats_.allocated_bytes += bytes;
  return p;
}

uint8_t* Heap::AllocateInNewBlock(Content content, size_t bytes, bool populate) {
  MovingSpace& space = moving_[content];
  if (!space.blocks.empty()) {
    const uint32_t last = space.blocks.back();
    blocks_[last].top = static_cast<uint32_t>(space.top - BlockStart(last));
  }
  const uint32_t index = AllocateBlocks(1, Block::kMoving);
  if (index == kNoBlock) return nullptr;
  blocks_[index].marked = evacuating_;
  space.blocks.push_back(index);
  uint8_t* p = BlockStart(index);
  if (populate) Populate(p, p + kBlockSize);
  space.top = p + bytes;
  space.end = p + kBlockSize;
  return p;
}

uint32_t Heap::AllocateBlocks(uint32_t run, Block::Kind kind) {
  uint32_t index = kNoBlock;
  if (free_blocks_ >= run) {
    uint32_t length = 0;
    bool first = true;
    for (uint32_t i = lowest_free_; i < blocks_.size(); ++i) {
      if (blocks_[i].kind != Block::kFree) {
        length = 0;
        continue;
      }
      if (first) lowest_free_ = i;
      first = false;
      if (++length == run) {
        index = i + 1 - run;
        free_blocks_ -= run;
        if (index == lowest_free_) lowest_free_ += run;
        break;
      }
    }
  }
  if (index == kNoBlock) {
    if (max_blocks_ - blocks_.size() < run) return kNoBlock;
    index = static_cast<uint32_t>(blocks_.size());
    blocks_.resize(blocks_.size() + run);
  }
  for (uint32_t i = 0; i < run; ++i) {
    Block& block = blocks_[index + i];
    if (block.kind == Block::kFree && block.marked) (void)Discard(BlockStart(index + i), BlockStart(index + i + 1));
    block = Block();
    block.kind = i == 0 ? kind : Block::kLargeTail;
    block.run = i == 0 ? run : i;
  }
  blocks_[index].fresh = kind == Block::kLargeHead;
  old_bytes_ += run * kBlockSize;
  return index;
}

void Heap::FreeBlocks(uint32_t index, uint32_t run) {
  for (uint32_t i = 0; i < run; ++i) {
    blocks_[index + i] = Block();
    blocks_[index + i].marked = true;
  }
  free_blocks_ += run;
  lowest_free_ = std::min(lowest_free_, index);
  old_bytes_ -= run * kBlockSize;
}

void Heap::DiscardFreed(bool polls) {
  undiscarded_ = true;
  if (!DiscardForwarding(polls)) return;
  const auto freed = [this](uint32_t i) {
    return i < blocks_.size() && blocks_[i].kind == Block::kFree && blocks_[i].marked;
  };
  for (uint32_t i = lowest_free_; i < blocks_.size(); ++i) {
    if (!freed(i)) continue;
    const uint32_t begin = i;
    for (; freed(i) && i - begin < kDiscardedAtOnce / kBlockSize; ++i) blocks_[i].marked = false;
    if (!Discard(BlockStart(begin), BlockStart(i))) old_kept_ = std::max(old_kept_, BlockStart(i));
    --i;
    if (polls && !PollInterrupts()) return;
  }
  while (!blocks_.empty() && blocks_.back().kind == Block::kFree) {
    blocks_.pop_back();
    --free_blocks_;
  }
  lowest_free_ = std::min(lowest_free_, static_cast<uint32_t>(blocks_.size()));
  undiscarded_ = false;
}

bool Heap::DiscardForwarding(bool polls) {
  while (forwarding_ < forwarding_end_) {
    uint8_t* const begin = std::max(forwarding_, forwarding_end_ - kDiscardedAtOnce);
    if (!Discard(begin, forwarding_end_)) young_kept_ = std::max(young_kept_, forwarding_end_);
    forwarding_end_ = begin;
    if (polls && !PollInterrupts()) return false;
  }
  forwarding_ = forwarding_end_ = nullptr;
  young_hard_end_ = base_ + layout().young_end;
  return true;
}

bool Heap::HasFreeRun(size_t run) const {
  if (max_blocks_ - blocks_.size() >= run) return true;
  size_t length = 0;
  for (uint32_t i = lowest_free_; i < blocks_.size(); ++i) {
    length = blocks_[i].kind == Block::kFree ? length + 1 : 0;
    if (length >= run) return true;
  }
  return length + max_blocks_ - blocks_.size() >= run;
}

void Heap::NoteOldGrowth() {
  if (old_bytes_ > std::min(full_threshold_, EffectiveLimit()) || !HasFreeRun(kSpareBlocks)) {
    RequestCollection();
  }
}

bool Heap::Discard(uint8_t* begin, uint8_t* end) {
  if (begin >= end || madvise(begin, static_cast<size_t>(end - begin), MADV_DONTNEED) == 0) return true;
  // Where memory is locked (mlockall), for one.
  std::memset(begin, 0, static_cast<size_t>(end - begin));
  return false;
}

void Heap::Populate(uint8_t* begin, uint8_t* end) {
#ifdef MADV_POPULATE_WRITE  // Linux 5.14
  (void)madvise(begin, static_cast<size_t>(end - begin), MADV_POPULATE_WRITE);
#endif
}

// ---- Barrier and collection.

void Heap::WriteBarrier(uint32_t slot_offset, Value v) {
  if (slot_offset < layout().image_end) {
    if (v.IsRef() && v.offset() >= layout().image_end) {
      dirty_.NoteReference(slot_offset);
    } else {
      dirty_.Note(slot_offset, sizeof(Value));
    }
    return;
  }
  if (!v.IsRef() || !IsYoung(v.offset()) || slot_offset < layout().old_begin) return;
  // Whoever stored the young reference that is there has seen to it.
  if (const Value* slot = reinterpret_cast<const Value*>(base_ + slot_offset);
      slot->IsRef() && IsYoung(slot->offset())) {
    return;
  }
  // A large object made since the last collection is scanned whole anyway.
  const Block* block = &blocks_[BlockIndex(slot_offset)];
  if (block->kind == Block::kLargeTail) block -= block->run;
  if (block->fresh) return;
  if (remembered_.size() >= remembered_limit_) {
    std::sort(remembered_.begin(), remembered_.end());
    remembered_.erase(std::unique(remembered_.begin(), remembered_.end()), remembered_.end());
    remembered_limit_ = std::max(kRememberedLimit, 2 * remembered_.size());
    // So many of them make the next collection long, and the nursery's objects few.
    if (remembered_limit_ > kRememberedLimit) RequestCollection();
  }
  remembered_.push_back(slot_offset);
}

void Heap::RemoveRoots(RootSource* source) {
  roots_.erase(std::remove(roots_.begin(), roots_.end(), source), roots_.end());
}

bool Heap::Collect() {
  if (evacuating_) {
    if (unfinished_ == nullptr) return false;  // asked for by what a poll of the collector has called
    if (!PollInterrupts()) return false;       // nobody needs room any more
  }
  FinishCollection();
  const size_t limit = EffectiveLimit();
  if (old_bytes_ > std::min(full_threshold_, limit)) {
    if (!FullCollection()) return false;
  } else {
    if (!MinorCollection()) return false;
    const bool full = old_bytes_ + account_.bytes() > limit || !HasFreeRun(kSpareBlocks);
    if (full && !FullCollection()) return false;
  }
  return old_bytes_ + account_.bytes() <= limit && HasFreeRun(kSpareBlocks);
}

void Heap::CollectFull() {
  FinishCollection();
  (void)Collector(*this).Full(Collector::Polls::kNo);
  NoteFullCollection();
  DiscardFreed(false);
}

bool Heap::MinorCollection() {
  const AccountPause pause;
  if (!Collector(*this).Minor(Collector::Polls::kYes)) {
    RequestCollection();
    return false;
  }
  remembered_limit_ = kRememberedLimit;
  return true;
}

bool Heap::FullCollection() {
  FinishCollection();
  // One that may stop needs all that moves to be in the old space. Promoted objects, and the copies
  // of all, may each take twice their size; see EffectiveLimit.
  const size_t young = static_cast<size_t>(young_top_ - young_start());
  const bool may_stop =
      max_blocks_ * kBlockSize - old_bytes_ >= 2 * young + 2 * (old_bytes_ + young) + kSpareBlocks * kBlockSize;
  if (may_stop && young != 0 && !MinorCollection()) return false;
  const AccountPause pause;
  auto collector = std::make_unique<Collector>(*this);
  if (!collector->Full(may_stop ? Collector::Polls::kYes : Collector::Polls::kNo)) {
    unfinished_ = std::move(collector);
    RequestCollection();
    return false;
  }
  NoteFullCollection();
  DiscardFreed(true);
  return true;
}

void Heap::FinishCollectionNow() {
  if (unfinished_ != nullptr) {
    unfinished_->Finish();
    unfinished_ = nullptr;
    NoteFullCollection();
  }
  DiscardFreed(false);
}

void Heap::AbandonCollection() {
  unfinished_ = nullptr;
  evacuating_ = false;
}

void Heap::NoteFullCollection() {
  remembered_limit_ = kRememberedLimit;
  const size_t limit = EffectiveLimit();
  full_threshold_ = std::min(std::max(kMinFullThreshold, 2 * old_bytes_), limit);
  // Whoever goes on in spite of Collect's answer may not go far.
  if (old_bytes_ > limit) RequestCollection();
}

HeapStats Heap::Stats() const {
  HeapStats stats = stats_;
  stats.young_bytes = static_cast<size_t>(young_top_ - young_start());
  stats.old_bytes = old_bytes_;
  for (const Block& block : blocks_) {
    if (block.kind == Block::kLargeHead) stats.large_bytes += block.run * kBlockSize;
  }
  stats.allocated_bytes += stats.young_bytes;
  stats.dirty_pages = dirty_.count();
  return stats;
}

}  // namespace islet::vm
