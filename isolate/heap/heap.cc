#include "isolate/heap/heap.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "isolate/heap/collector.h"
#include "isolate/heap/new_state.h"
#include "isolate/heap/pages.h"
#include "isolate/heap/poll.h"
#include "isolate/heap/scratch.h"

namespace islet::vm {
namespace {

// External bytes of fresh objects after which a collection is due: what is short-lived should not take much more than
// the nursery does, and a host takes as long to fill so much as a collection takes.
constexpr size_t kFreshExternalBytes = size_t{4} << 20;
// Less nursery than this would be collected for nothing but its roots.
constexpr size_t kMinSoftNursery = size_t{64} << 10;
// The nursery is filled in slices of so many bytes if the last collection has taken so many blocks at least. A slice
// fills a block with what survives of it, at most. It makes two ready: so collections do not come too early at first,
// and the stop takes no more than some 0.5 ms where a page fault takes 15 us.
constexpr uint32_t kSlice = 64u << 10;
constexpr uint32_t kPromotedForSlices = 2;
constexpr uint32_t kTouchedForSlice = 2;
// How many of the newest holes an allocation of an unmoving object looks at.
constexpr size_t kHolesTried = 8;
// Blocks that are cleared between two polls.
constexpr uint32_t kClearedAtOnce = 4;
// Bytes that the system is asked for between two polls.
constexpr ptrdiff_t kPopulatedAtOnce = ptrdiff_t{64} << 10;

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
      max_blocks_((layout().old_end - layout().old_begin) / kBlockSize),
      options_(options),
      dirty_(layout().image_end),
      spare_(base_ + layout().old_begin, base_ + layout().young_end) {
  Initialize();
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

uint32_t Heap::SoftNurserySize(size_t wanted) const {
  return static_cast<uint32_t>(
      std::min({options_.nursery_size, wanted, std::max(RoundDown(EffectiveLimit() / 4, kPageSize), kMinSoftNursery)}));
}

void Heap::Initialize() {
  state_ = NewState<HeapState>();
  state_.young.top = young_begin_;
  state_.young.soft_end = state_.young.due = young_begin_ + SoftNurserySize(state_.young.wanted);
  state_.young.hard_end = layout().young_end;
}

bool Heap::IsAllowed(size_t bytes) const {
  const size_t limit = EffectiveLimit();
  const size_t used = YoungBytes() + OldBytes() + account_.bytes();
  return used <= limit && bytes <= limit - used;
}

bool Heap::HasRoomFor(size_t bytes) const {
  if (!IsAllowed(bytes)) return false;
  // They may be small objects or large ones; and a large one can waste half of its last block.
  return state_.young.hard_end - state_.young.top >= bytes + kSlack &&
         HasFreeRun(2 * bytes / kBlockSize + kSpareBlocks);
}

bool Heap::Reserve(size_t bytes) {
  if (!HasRoomFor(bytes)) {
    if (bytes > EffectiveLimit()) return false;
    if (!Collect() || !HasRoomFor(bytes)) {
      if (state_.evacuating || !PollInterrupts() || !FullCollection() || !HasRoomFor(bytes)) return false;
    }
  }
  return bytes <= kSlack || ClearLongRuns(bytes);
}

bool Heap::ReserveExternal(size_t bytes) {
  if (IsAllowed(bytes)) return true;
  if (bytes > EffectiveLimit()) return false;
  if (Collect() && IsAllowed(bytes)) return true;
  return !state_.evacuating && PollInterrupts() && FullCollection() && IsAllowed(bytes);
}

uint32_t Heap::AddWeak(Value target, size_t external_bytes, bool tells) {
  const uint32_t number = state_.weak.Add(target, external_bytes, {.young = IsYoung(target), .tells = tells});
  if (state_.weak.fresh_external_bytes() > kFreshExternalBytes) RequestCollection();
  return number;
}

// ---- Allocation.

void Heap::NurseryIsFull() {
  // The nursery's range is some 10 times what may be allocated between two safepoints without
  // Reserve, even in the smallest cage; and Reserve does not promise more than there is.
  Fatal(
      "islet: the nursery is full: something allocated more than Heap::kSlack without "
      "Heap::Reserve\n");
}

void* Heap::NewObject(ObjectType type, size_t bytes, uint32_t flags, uint32_t count) {
  bytes = RoundUp(bytes, kObjectAlignment);
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
  const size_t bytes = RoundUp(sizeof(Vector) + sizeof(Value) * length, kObjectAlignment);
  void* p = bytes >= kLargeObject ? AllocateLarge(bytes) : AllocateBytes(bytes);
  Vector* vector = static_cast<Vector*>(p);
  vector->header = MakeHeader(ObjectType::kVector, flags);
  vector->length = length;
  std::fill_n(vector->items, length, fill);
  return ValueOf(vector);
}

Value Heap::MakeVectorPromoted(uint32_t length, uint32_t flags) {
  const size_t bytes = RoundUp(sizeof(Vector) + sizeof(Value) * length, kObjectAlignment);
  if (bytes >= kLargeObject) return MakeVector(length, kFalse, flags);
  Vector* vector = static_cast<Vector*>(AllocatePromoted(bytes));
  vector->header = MakeHeader(ObjectType::kVector, flags);
  vector->length = length;
  std::fill_n(vector->items, length, kFalse);
  return ValueOf(vector);
}

Value Heap::MakeBytevector(uint32_t length, uint32_t flags) {
  auto* bytes = static_cast<Bytevector*>(NewObject(ObjectType::kBytevector, sizeof(Bytevector) + length, flags, 0));
  bytes->length = length;
  return ValueOf(bytes);
}

Value Heap::MakeBignum(uint32_t count, bool negative) {
  auto* number = static_cast<Bignum*>(
      NewObject(ObjectType::kBignum, sizeof(Bignum) + sizeof(uint64_t) * count, negative ? kNegativeFlag : 0, 0));
  number->length = count;
  return ValueOf(number);
}

void* Heap::NewUnmoving(ObjectType type, size_t bytes, uint32_t flags, uint32_t count) {
  bytes = RoundUp(bytes, kObjectAlignment);
  uint32_t* object = nullptr;
  if (bytes > kBlockSize / 2) {
    object = static_cast<uint32_t*>(AllocateLarge(bytes));
  } else {
    state_.counts.allocated_bytes += bytes;
    for (size_t i = 0; i < std::min(kHolesTried, state_.old.unmoving_free.size()); ++i) {
      auto& hole = state_.old.unmoving_free[state_.old.unmoving_free.size() - 1 - i];
      if (hole.second < bytes) continue;
      hole.second -= static_cast<uint32_t>(bytes);
      object = reinterpret_cast<uint32_t*>(base_ + hole.first + hole.second);
      if (hole.second == 0) {
        std::swap(hole, state_.old.unmoving_free.back());
        state_.old.unmoving_free.pop_back();
      } else {
        reinterpret_cast<Filler*>(base_ + hole.first)->bytes = hole.second;  // keeps the block readable from end to end
      }
      break;
    }
    if (object == nullptr) {
      if (state_.old.unmoving_blocks.empty() ||
          kBlockSize - state_.old.blocks[state_.old.unmoving_blocks.back()].top < bytes) {
        const uint32_t index = AllocateBlocks(1, Block::kUnmoving);
        if (index == kNoBlock) Fatal("islet: no room for code or symbols: Heap::Reserve was not called\n");
        state_.old.blocks[index].top = kUnmovingStart;
        state_.old.unmoving_blocks.push_back(index);
        NoteOldGrowth();
      }
      Block& block = state_.old.blocks[state_.old.unmoving_blocks.back()];
      object = reinterpret_cast<uint32_t*>(BlockStart(state_.old.unmoving_blocks.back()) + block.top);
      block.top += static_cast<uint32_t>(bytes);
    }
    std::memset(object, 0, bytes);
    state_.fresh.unmoving.push_back(ValueOf(object));
  }
  object[0] = MakeHeader(type, flags, count);
  if (type == ObjectType::kCode) {
    reinterpret_cast<Code*>(object)->word_count = static_cast<uint32_t>(bytes / sizeof(uint32_t));
  }
  return object;
}

void* Heap::AllocateLarge(size_t bytes) {
  const size_t run = RoundUp(bytes, kBlockSize) / kBlockSize;
  const uint32_t index = run <= max_blocks_ ? AllocateBlocks(static_cast<uint32_t>(run), Block::kLargeHead) : kNoBlock;
  if (index == kNoBlock) Fatal("islet: no room for a large object: Heap::Reserve was not called, or refused\n");
  state_.fresh.large.push_back(index);
  state_.counts.allocated_bytes += bytes;
  NoteOldGrowth();
  // A long run may have found no place among the spare blocks.
  GiveBackSpare(SpareLimit(), /*polls=*/true);
  return BlockStart(index);
}

void Heap::PopulateLarge(Value object) {
  uint8_t* begin = base_ + object.offset();
  uint8_t* const end = begin + SizeOf(Get<uint32_t>(object));
  while (begin < end && PollInterrupts()) {
    uint8_t* const part = begin + std::min<ptrdiff_t>(end - begin, kPopulatedAtOnce);
    PopulatePages(begin, part);
    begin = part;
  }
}

void Heap::FreeLarge(Value object) {
  if (state_.evacuating) return;  // the collection that is to be finished finds it dead
  const uint32_t index = BlockIndex(object.offset());
  if (state_.old.blocks[index].fresh)
    state_.fresh.large.erase(std::find(state_.fresh.large.begin(), state_.fresh.large.end(), index));
  FreeBlocks(index, state_.old.blocks[index].run);
  TrimBlocks();
  GiveBackSpare(SpareLimit(), /*polls=*/true);
}

// ---- Old space.

void Heap::StartPromotedPairs() {
  if (AllocateInNewBlock(kPairs, 0, /*populate=*/true) == nullptr)
    Fatal("islet: no room for pairs: Heap::Reserve was not called\n");
  NoteOldGrowth();
}

void* Heap::AllocatePromoted(size_t bytes) {
  MovingSpace& space = state_.old.moving[kObjects];
  uint8_t* p = base_ + space.top;
  if (space.end - space.top < bytes) {
    p = AllocateInNewBlock(kObjects, bytes, /*populate=*/true);
    if (p == nullptr) Fatal("islet: no room for objects: Heap::Reserve was not called\n");
    NoteOldGrowth();
  } else {
    space.top += static_cast<uint32_t>(bytes);
  }
  state_.counts.allocated_bytes += bytes;
  return p;
}

uint8_t* Heap::AllocateInNewBlock(Content content, size_t bytes, bool populate) {
  MovingSpace& space = state_.old.moving[content];
  if (!space.blocks.empty()) {
    const uint32_t last = space.blocks.back();
    state_.old.blocks[last].top = space.top - BlockOffset(last);
  }
  const uint32_t index = AllocateBlocks(1, Block::kMoving, populate);
  if (index == kNoBlock) return nullptr;
  state_.old.blocks[index].marked = state_.evacuating;
  space.blocks.push_back(index);
  uint8_t* p = BlockStart(index);
  space.top = BlockOffset(index) + static_cast<uint32_t>(bytes);
  space.end = BlockOffset(index) + static_cast<uint32_t>(kBlockSize);
  return p;
}

uint32_t Heap::AllocateBlocks(uint32_t run, Block::Kind kind, bool populate) {
  uint32_t index = kNoBlock;
  if (state_.old.free_blocks >= run) {
    uint32_t length = 0;
    bool first = true;
    for (uint32_t i = state_.old.lowest_free; i < state_.old.blocks.size(); ++i) {
      if (state_.old.blocks[i].kind != Block::kFree) {
        length = 0;
        continue;
      }
      if (first) state_.old.lowest_free = i;
      first = false;
      if (++length == run) {
        index = i + 1 - run;
        state_.old.free_blocks -= run;
        if (index == state_.old.lowest_free) state_.old.lowest_free += run;
        break;
      }
    }
  }
  if (index == kNoBlock) {
    if (max_blocks_ - state_.old.blocks.size() < run) return kNoBlock;
    index = static_cast<uint32_t>(state_.old.blocks.size());
    spare_.MakeRoomFor(index + run);
    state_.old.blocks.resize(index + run);
  }
  for (uint32_t i = 0; i < run; ++i) {
    if (!spare_.TakeBlock(index + i) && populate) PopulatePages(BlockStart(index + i), BlockStart(index + i + 1));
    Block& block = state_.old.blocks[index + i];
    block = Block();
    block.kind = i == 0 ? kind : Block::kLargeTail;
    block.run = i == 0 ? run : i;
  }
  state_.old.blocks[index].fresh = kind == Block::kLargeHead;
  state_.old.bytes += run * kBlockSize;
  return index;
}

void Heap::FreeBlocks(uint32_t index, uint32_t run) {
  for (uint32_t i = index; i < index + run; ++i) {
    Block& block = state_.old.blocks[i];
    const bool bumped = block.kind == Block::kMoving || block.kind == Block::kUnmoving;
    spare_.AddBlock(i, bumped ? block.top : kBlockSize);
    block = Block();
  }
  state_.old.free_blocks += run;
  state_.old.lowest_free = std::min(state_.old.lowest_free, index);
  state_.old.bytes -= run * kBlockSize;
}

void Heap::TrimBlocks() {
  while (!state_.old.blocks.empty() && state_.old.blocks.back().kind == Block::kFree) {
    state_.old.blocks.pop_back();
    --state_.old.free_blocks;
  }
  state_.old.lowest_free = std::min(state_.old.lowest_free, static_cast<uint32_t>(state_.old.blocks.size()));
}

bool Heap::ClearLongRuns(size_t bytes) {
  // What the last block of such an object leaves empty is less than a sixteenth of it.
  const uint32_t enough = static_cast<uint32_t>((bytes + bytes / 16) / kBlockSize) + 1;
  const uint32_t end = spare_.blocks_end();
  uint32_t cleared = 0;
  for (uint32_t index = state_.old.lowest_free, length = 0; index < end && length < enough; index += length) {
    length = 0;
    while (length < enough && index + length < max_blocks_ && IsFreeBlock(index + length)) ++length;
    for (uint32_t i = 0; i < length && length > kSlack / kBlockSize; ++i) {
      if (!spare_.IsStale(index + i)) continue;
      spare_.ClearBlock(index + i);
      if (++cleared % kClearedAtOnce == 0 && !PollInterrupts()) return false;
    }
    if (length == 0) length = 1;
  }
  return true;
}

bool Heap::HasFreeRun(size_t run) const {
  if (max_blocks_ - state_.old.blocks.size() >= run) return true;
  size_t length = 0;
  for (uint32_t i = state_.old.lowest_free; i < state_.old.blocks.size(); ++i) {
    length = state_.old.blocks[i].kind == Block::kFree ? length + 1 : 0;
    if (length >= run) return true;
  }
  return length + max_blocks_ - state_.old.blocks.size() >= run;
}

void Heap::NoteOldGrowth() {
  if (OldBytes() > std::min(state_.old.full_threshold, EffectiveLimit()) || !HasFreeRun(kSpareBlocks)) {
    RequestCollection();
  }
}

size_t Heap::SpareLimit() const {
  const size_t resident = 2 * EffectiveLimit();
  return std::min(options_.spare_limit, resident - std::min(resident, state_.old.bytes));
}

void Heap::GiveBackSpare(size_t limit, bool polls) {
  if (state_.evacuating) return;  // the table is in use
  // The nursery may have been filled over the table.
  spare_.CutTable(PageEnd(base_ + state_.young.top));
  spare_.GiveBackBeyond(limit, polls);
}

bool Heap::Discard(uint8_t* begin, uint8_t* end) {
  if (begin >= end || DiscardPages(begin, end)) return true;
  std::memset(begin, 0, static_cast<size_t>(end - begin));
  return false;
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
  const Block* block = &state_.old.blocks[BlockIndex(slot_offset)];
  if (block->kind == Block::kLargeTail) block -= block->run;
  if (block->fresh) return;
  if (state_.fresh.remembered.size() >= state_.fresh.remembered_limit) {
    std::sort(state_.fresh.remembered.begin(), state_.fresh.remembered.end());
    state_.fresh.remembered.erase(std::unique(state_.fresh.remembered.begin(), state_.fresh.remembered.end()),
                                  state_.fresh.remembered.end());
    state_.fresh.remembered_limit = std::max(HeapState::kRememberedLimit, 2 * state_.fresh.remembered.size());
    // So many of them make the next collection long, and the nursery's objects few.
    if (state_.fresh.remembered_limit > HeapState::kRememberedLimit) RequestCollection();
  }
  state_.fresh.remembered.push_back(slot_offset);
}

void Heap::RemoveRoots(RootSource* source) {
  roots_.erase(std::remove(roots_.begin(), roots_.end(), source), roots_.end());
}

bool Heap::CollectionIsDue() {
  HeapState::Nursery& young = state_.young;
  // Too little before the end is no slice.
  if (young.due - young.top > young.due - young_begin_ || young.due - young.top < kSlice / 2) return true;
  TouchAhead();
  young.soft_end = std::min(young.top + kSlice, young.due);
  return false;
}

void Heap::StartNursery() {
  HeapState::Nursery& young = state_.young;
  young.top = young_begin_;
  young.due = young_begin_ + SoftNurserySize(young.wanted);
  const bool slices = young.promoted >= kPromotedForSlices;
  young.soft_end = slices ? std::min(young.top + kSlice, young.due) : young.due;
}

void Heap::TouchAhead() {
  uint32_t touched = 0;
  uint32_t wanted = state_.young.promoted + kContentCount;
  for (uint32_t i = state_.old.lowest_free; wanted > 0 && i < max_blocks_; ++i) {
    if (!IsFreeBlock(i)) continue;
    --wanted;
    if (spare_.IsSpare(i)) continue;
    if (spare_.bytes() + kBlockSize > SpareLimit()) return;
    spare_.TouchBlock(i);
    if (++touched == kTouchedForSlice) return;
  }
}

bool Heap::Collect() {
  if (state_.evacuating) {
    if (unfinished_ == nullptr) return false;  // asked for by what a poll of the collector has called
    if (!PollInterrupts()) return false;       // nobody needs room any more
  }
  FinishCollection();
  const size_t limit = EffectiveLimit();
  if (OldBytes() > std::min(state_.old.full_threshold, limit)) {
    if (!FullCollection()) return false;
  } else {
    if (!MinorCollection()) return false;
    const bool full = OldBytes() + account_.bytes() > limit || !HasFreeRun(kSpareBlocks);
    if (full && !FullCollection()) return false;
  }
  return OldBytes() + account_.bytes() <= limit && HasFreeRun(kSpareBlocks);
}

void Heap::CollectFull() {
  FinishCollection();
  (void)Collector(*this).Full(Collector::Polls::kNo);
  NoteFullCollection();
  GiveBackSpare(0, /*polls=*/false);
}

bool Heap::MinorCollection() {
  const AccountPause pause;
  const size_t young_bytes = YoungBytes();
  if (!Collector(*this).Minor(Collector::Polls::kYes)) {
    RequestCollection();
    return false;
  }
  state_.fresh.remembered_limit = HeapState::kRememberedLimit;
  spare_.NoteMinorCollection(young_bytes, state_.old.bytes);
  return true;
}

bool Heap::FullCollection() {
  FinishCollection();
  // One that may stop needs all that moves to be in the old space. Promoted objects, and the copies
  // of all, may each take twice their size; see EffectiveLimit.
  const size_t young = YoungBytes();
  const bool may_stop = max_blocks_ * kBlockSize - state_.old.bytes >=
                        2 * young + 2 * (state_.old.bytes + young) + kSpareBlocks * kBlockSize;
  if (may_stop && young != 0 && !MinorCollection()) return false;
  const AccountPause pause;
  auto collector = std::make_unique<Collector>(*this);
  if (!collector->Full(may_stop ? Collector::Polls::kYes : Collector::Polls::kNo)) {
    unfinished_ = std::move(collector);
    RequestCollection();
    return false;
  }
  NoteFullCollection();
  GiveBackSpare(SpareLimit(), /*polls=*/true);
  return true;
}

void Heap::FinishCollectionNow() {
  unfinished_->Finish();
  unfinished_ = nullptr;
  NoteFullCollection();
  GiveBackSpare(SpareLimit(), /*polls=*/false);
}

void Heap::AbandonCollection() {
  unfinished_ = nullptr;
  state_.evacuating = false;
}

void Heap::NoteFullCollection() {
  spare_.EndPeriod();
  state_.fresh.remembered_limit = HeapState::kRememberedLimit;
  const size_t limit = EffectiveLimit();
  state_.old.full_threshold = std::min(std::max(HeapState::kMinFullThreshold, 2 * OldBytes()), limit);
  // Whoever goes on in spite of Collect's answer may not go far.
  if (OldBytes() > limit) RequestCollection();
}

HeapStats Heap::Stats() const {
  HeapStats stats;
  static_cast<HeapCounts&>(stats) = state_.counts;
  static_cast<HeapPauses&>(stats) = state_.pauses;
  stats.young_bytes = YoungBytes();
  stats.old_bytes = state_.old.bytes;
  for (const Block& block : state_.old.blocks) {
    if (block.kind == Block::kLargeHead) stats.large_bytes += block.run * kBlockSize;
  }
  stats.external_bytes = state_.weak.external_bytes();
  stats.spare_bytes = spare_.bytes();
  stats.allocated_bytes += stats.young_bytes;
  stats.dirty_pages = dirty_.count();
  return stats;
}

}  // namespace islet::vm
