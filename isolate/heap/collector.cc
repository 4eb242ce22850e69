#include "isolate/heap/collector.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>
#include <vector>

#include "isolate/heap/pages.h"
#include "isolate/heap/poll.h"
#include "isolate/process/clock.h"

namespace islet::vm {
namespace {

// Bytes looked at between two polls.
constexpr ptrdiff_t kScannedAtOnce = 8192;
// Pairs that are scanned where a slot has led to them, before their whole chain is: what tables and vectors hold is
// often no larger, and to set out for the chain would take a quarter of the time.
constexpr int kFewPairs = 8;
// Bytes of forwarding table for a block.
constexpr uint32_t kForwardingOfBlock = Heap::kBlockSize / kObjectAlignment * sizeof(Value);
// Nursery that is left beside the forwarding table when a collection may stop: for what is made
// until the run is over.
constexpr size_t kNurseryLeft = 4 * Heap::kSlack;

constexpr uint32_t TypeBit(ObjectType type) { return 1u << static_cast<uint32_t>(type); }

// Types without references; a String has one if it is indirect.
constexpr uint32_t kLeafTypes = [] {
  uint32_t types = TypeBit(ObjectType::kString);
#define ISLET_OBJECT_TYPE(name, number, shape) \
  if (!ObjectShape::shape.MayHaveSlots()) types |= TypeBit(ObjectType::k##name);
#include "isolate/heap/object_types.def"
  return types;
}();

bool IsLeaf(uint32_t header) {
  const uint32_t type = static_cast<uint32_t>(HeaderType(header));
  if ((kLeafTypes >> type & 1) == 0) return false;
  return type != static_cast<uint32_t>(ObjectType::kString) || !(HeaderFlags(header) & kIndirectStringFlag);
}

// Whether the object is one array of slots, as Vector is, which may be long and is scanned in parts.
bool IsSlotArray(uint32_t header) { return ShapeOf(HeaderType(header)).tail == ObjectShape::Tail::kSlotsByLength; }

}  // namespace

Collector::Collector(Heap& heap)
    : heap_(heap),
      state_(heap.state_),
      base_(heap.base_),
      young_begin_(heap.young_begin_),
      young_size_(heap.young_size_),
      old_begin_(heap.layout().old_begin) {}

// ---- One reference.

template <bool kFull>
inline __attribute__((always_inline)) void Collector::Visit(Value* slot) {
  const Value v = *slot;
  if (!kFull) {
    if (v.bits - young_begin_ < young_size_ && v.IsRef()) *slot = Evacuate(v);
    return;
  }
  if (v.bits < young_begin_ || !v.IsRef()) return;  // snapshot, or not a reference
  if (v.bits - young_begin_ < young_size_) {
    if (!stopped_) *slot = Evacuate(v);
    return;
  }
  const uint32_t offset = v.bits - old_begin_;
  const uint32_t index = offset / Heap::kBlockSize;
  const Block& block = state_.old.blocks[index];
  switch (block.kind) {
    case Block::kMoving:
      if (!block.marked) {
        if (__builtin_expect(block.next == Heap::kNoBlock, 0)) StartForwarding(index);
        *slot =
            EvacuateOld(v, reinterpret_cast<Value*>(base_ + block.next) + offset % Heap::kBlockSize / kObjectAlignment);
      }
      return;
    case Block::kLargeHead:
      return MarkLarge(index);
    case Block::kUnmoving:
      return MarkUnmoving(index, v.offset());
    case Block::kFree:
    case Block::kLargeTail:
      return;
  }
}

template <bool kFull>
inline __attribute__((always_inline)) void Collector::ScanPair(uint8_t* at) {
  Pair* const pair = reinterpret_cast<Pair*>(at);
  Visit<kFull>(&pair->car);
  Visit<kFull>(&pair->cdr);
}

inline bool Collector::CountScanned(ptrdiff_t bytes) {
  unpolled_ += bytes;
  if (unpolled_ < kScannedAtOnce) return true;
  unpolled_ = 0;
  return !Stopped();
}

template <bool kFull>
inline __attribute__((always_inline)) void Collector::VisitWhole(Value* slot) {
  if (slot->bits < young_begin_ || !slot->IsRef()) return;  // leads nowhere, as most of a vector of numbers
  Visit<kFull>(slot);
  // Most of the time that is a few pairs in the chain's last block.
  const Heap::MovingSpace& pairs = state_.old.moving[HeapState::kPairs];
  Cursor& cursor = cursors_[HeapState::kPairs];
  if (pairs.top != cursor.top && pairs.end == cursor.end) {
    const uint32_t begin = cursor.top;
    for (int n = 0; n < kFewPairs && cursor.top != pairs.top && pairs.end == cursor.end; ++n) {
      ScanPair<kFull>(base_ + cursor.top);
      cursor.top += sizeof(Pair);
    }
    cursor.at = base_ + cursor.top;
    if (kFull) (void)CountScanned(cursor.top - begin);
  }
  if ((HasUnscanned(HeapState::kPairs) || HasUnscanned(HeapState::kObjects)) && !stopped_) (void)DrainCopies<kFull>();
}

// Pairs and flonums, of which there are most, are copied in as few instructions as can be; all else
// is left to functions called last, so that these need no frame.

// A copy of the pair or flonum at `from`, or kUndefined if there is no room for it in the block.
inline __attribute__((always_inline)) Value Collector::CopyWord(Tag tag, Heap::Content content, const uint8_t* from) {
  Heap::MovingSpace& space = state_.old.moving[content];
  const uint32_t to = space.top;
  if (__builtin_expect(to == space.end, 0)) return kUndefined;
  std::memcpy(base_ + to, from, 8);
  space.top = to + 8;
  ++moved_;
  return Value::Ref(tag, to);
}

// A copy of what `v` refers to: the new reference.
inline __attribute__((always_inline)) Value Collector::Copy(Value v) {
  const uint8_t* const from = base_ + v.offset();
  if (v.IsPair() || v.IsFlonum()) {
    uint8_t* const to = Allocate(v.IsPair() ? Heap::kPairs : Heap::kLeaves, 8);
    std::memcpy(to, from, 8);
    return Value::Ref(v.tag(), static_cast<uint32_t>(to - base_));
  }
  const size_t bytes = SizeOf(reinterpret_cast<const uint32_t*>(from));
  uint32_t header;
  std::memcpy(&header, from, 4);
  uint8_t* const to = Allocate(IsLeaf(header) ? Heap::kLeaves : Heap::kObjects, bytes);
  for (size_t i = 0; i < bytes; i += 8) std::memcpy(to + i, from + i, 8);
  return Value::Ref(Tag::kObject, static_cast<uint32_t>(to - base_));
}

Value Collector::Evacuate(Value v) {
  if (v.IsPair()) {
    Pair* const from = heap_.Get<Pair>(v);
    if (from->car == kForwarded) return from->cdr;
    const Value moved = CopyWord(Tag::kPair, Heap::kPairs, reinterpret_cast<const uint8_t*>(from));
    if (__builtin_expect(moved != kUndefined, 1)) {
      from->car = kForwarded;
      return from->cdr = moved;
    }
  }
  return EvacuateSlow(v);
}

Value Collector::EvacuateSlow(Value v) {
  uint8_t* const from = base_ + v.offset();
  if (v.IsPair()) {
    const Value moved = Copy(v);
    *reinterpret_cast<Pair*>(from) = {kForwarded, moved};
    return moved;
  }
  uint64_t first;
  std::memcpy(&first, from, 8);
  if (v.IsFlonum()) {
    if (first >> 32 == kMovedFlonum) return Value::FromBits(static_cast<uint32_t>(first));
    const Value moved = Copy(v);
    const uint64_t forward = static_cast<uint64_t>(kMovedFlonum) << 32 | moved.bits;
    std::memcpy(from, &forward, 8);
    return moved;
  }
  if ((static_cast<uint32_t>(first) & kTagMask) != 0) return Value::FromBits(static_cast<uint32_t>(first));
  const Value moved = Copy(v);
  std::memcpy(from, &moved.bits, 4);
  return moved;
}

Value Collector::EvacuateOld(Value v, Value* forward) {
  if (forward->bits != 0) return *forward;
  if (!v.IsObject() && !stopped_) {
    const Value moved = v.IsPair() ? CopyWord(Tag::kPair, Heap::kPairs, base_ + v.offset())
                                   : CopyWord(Tag::kFlonum, Heap::kLeaves, base_ + v.offset());
    if (__builtin_expect(moved != kUndefined, 1)) return *forward = moved;
  }
  return EvacuateOldSlow(v, forward);
}

Value Collector::EvacuateOldSlow(Value v, Value* forward) {
  if (stopped_) return v;
  const Value moved = Copy(v);
  *forward = moved;
  return moved;
}

inline uint8_t* Collector::Allocate(Heap::Content content, size_t bytes) {
  Heap::MovingSpace& space = state_.old.moving[content];
  ++moved_;
  const uint32_t to = space.top;
  if (__builtin_expect(space.end - to < bytes, 0)) return AllocateInNewBlock(content, bytes);
  space.top = to + static_cast<uint32_t>(bytes);
  return base_ + to;
}

uint8_t* Collector::AllocateInNewBlock(Heap::Content content, size_t bytes) {
  // The first may stay nearly empty.
  uint8_t* const p = heap_.AllocateInNewBlock(content, bytes, /*populate=*/made_[content]++ > 0);
  if (p == nullptr) {
    // Heap::EffectiveLimit leaves room for copies of all that Heap::Reserve and kSlack let be
    // allocated.
    std::fputs("islet: no room to copy live objects to: something allocated without Heap::Reserve\n", stderr);
    std::abort();
  }
  (void)Stopped();  // after the copy
  return p;
}

// ---- Objects that do not move.

void Collector::Enqueue(uint32_t index) {
  Block& block = state_.old.blocks[index];
  if (block.queued) return;
  block.queued = true;
  block.next = queue_;
  queue_ = index;
}

void Collector::MarkLarge(uint32_t index) {
  Block& block = state_.old.blocks[index];
  if (block.marked) return;
  block.marked = true;
  Enqueue(index);
}

void Collector::MarkUnmoving(uint32_t index, uint32_t offset) {
  uint8_t* const start = heap_.BlockStart(index);
  const uint32_t granule = static_cast<uint32_t>(base_ + offset - start) / kObjectAlignment;
  uint64_t& word = reinterpret_cast<uint64_t*>(start)[granule / 64];
  const uint64_t bit = uint64_t{1} << (granule % 64);
  if (word & bit) return;
  word |= bit;
  Enqueue(index);
}

bool Collector::IsMarked(Value unmoving) const {
  const uint32_t index = heap_.BlockIndex(unmoving.offset());
  if (state_.old.blocks[index].kind != Block::kUnmoving) return true;
  uint8_t* const start = heap_.BlockStart(index);
  const uint32_t granule = static_cast<uint32_t>(base_ + unmoving.offset() - start) / kObjectAlignment;
  return reinterpret_cast<const uint64_t*>(start)[granule / 64] >> (granule % 64) & 1;
}

bool Collector::ScanMarked() {
  if (queue_ == Heap::kNoBlock) return false;
  while (queue_ != Heap::kNoBlock) {
    const uint32_t index = queue_;
    queue_ = state_.old.blocks[index].next;
    state_.old.blocks[index].queued = false;
    uint8_t* const start = heap_.BlockStart(index);
    if (state_.old.blocks[index].kind == Block::kLargeHead) {
      ScanLarge(reinterpret_cast<uint32_t*>(start));
    } else {
      ScanUnmoving(start);
    }
    if (Stopped()) return false;
  }
  return true;
}

void Collector::ScanLarge(uint32_t* object) {
  if (!IsSlotArray(*object)) {
    return ForEachSlot(object, [this](Value* slot) { VisitWhole<true>(slot); });
  }
  Value* const slots = reinterpret_cast<Vector*>(object)->items;
  const size_t length = object[1];
  for (size_t done = 0; done < length && !Stopped();) {
    const size_t end = std::min(length, done + kSlotsAtOnce);
    for (; done < end; ++done) {
      VisitWhole<true>(slots + done);
    }
  }
}

void Collector::ScanUnmoving(uint8_t* start) {
  uint64_t* const reached = reinterpret_cast<uint64_t*>(start);
  uint64_t* const scanned = reached + Heap::kUnmovingBitmap / 8;
  for (size_t i = 0; i < Heap::kUnmovingBitmap / 8; ++i) {
    while (uint64_t todo = reached[i] & ~scanned[i]) {
      scanned[i] |= todo;
      for (; todo != 0; todo &= todo - 1) {
        const size_t granule = i * 64 + static_cast<size_t>(__builtin_ctzll(todo));
        ForEachSlot(reinterpret_cast<uint32_t*>(start + granule * kObjectAlignment),
                    [this](Value* slot) { VisitWhole<true>(slot); });
      }
    }
  }
}

// ---- Copied objects.

// Calls `scan(at)`, which returns the next object's address, for each object of a chain of blocks, which is not empty,
// that the cursor has not passed. Scanning may add to the chain. False if there was none.
template <bool kFull, typename Scan>
inline __attribute__((always_inline)) bool Collector::ScanChain(Heap::Content content, Scan&& scan) {
  const Heap::MovingSpace& space = state_.old.moving[content];
  Cursor& cursor = cursors_[content];
  bool any = false;
  for (;;) {
    const uint32_t block = space.blocks[cursor.index];
    if (cursor.at == nullptr) {
      cursor.at = heap_.BlockStart(block);
      cursor.end = heap_.BlockOffset(block) + uint32_t{Heap::kBlockSize};
    }
    const bool last = cursor.end == space.end;
    uint8_t* at = cursor.at;
    const uint8_t* end = base_ + (last ? space.top : heap_.BlockOffset(block) + state_.old.blocks[block].top);
    if (at == end) {
      if (last) {
        cursor.top = space.top;
        return any;
      }
      ++cursor.index;
      cursor.at = nullptr;
      continue;
    }
    any = true;
    const uint8_t* const begin = at;
    const uint8_t* const part = begin + (kScannedAtOnce - unpolled_);
    do {
      at = scan(at);
      if (space.end == cursor.end) end = base_ + space.top;  // else the chain has gone on to another block
    } while (at < end && (!kFull || at < part));
    cursor.at = at;
    if (kFull && !CountScanned(at - begin)) return false;
  }
}

template <bool kFull>
bool Collector::ScanPairs() {
  return ScanChain<kFull>(HeapState::kPairs, [this](uint8_t* at) {
    ScanPair<kFull>(at);
    return at + sizeof(Pair);
  });
}

template <bool kFull>
bool Collector::DrainCopies() {
  bool any = false;
  for (;;) {
    bool more = HasUnscanned(HeapState::kPairs) && ScanPairs<kFull>();
    if (HasUnscanned(HeapState::kObjects)) {
      more |= ScanChain<kFull>(HeapState::kObjects, [this](uint8_t* at) {
        uint32_t* object = reinterpret_cast<uint32_t*>(at);
        const size_t size = SizeOf(object);
        ForEachSlot(object, [this](Value* slot) __attribute__((always_inline)) {
          Visit<kFull>(slot);
          // A list before the next slot's. What of it is not pairs has to wait for the objects before.
          if (slot->IsPair() && HasUnscanned(HeapState::kPairs) && !stopped_) (void)ScanPairs<kFull>();
        });
        return at + size;
      });
    }
    if (!more || stopped_) return any;
    any = true;
  }
}

template <bool kFull>
void Collector::Drain() {
  bool more;
  do {
    more = DrainCopies<kFull>();
    if (kFull) more |= ScanMarked();
  } while (more && !stopped_);
}

// ---- Roots.

template <bool kFull>
void Collector::VisitRoots() {
  for (RootSource* source : heap_.roots_) {
    if (kFull) {
      source->VisitRoots(
          [](Value* slot, void* self) {
            auto* const collector = static_cast<Collector*>(self);
            collector->VisitWhole<true>(slot);
            return ++collector->roots_ % kSlotsAtOnce != 0 || !collector->Stopped();
          },
          this);
      if (stopped_) return;
    } else {
      source->VisitYoungRoots(
          [](Value* slot, void* self) {
            static_cast<Collector*>(self)->VisitWhole<false>(slot);
            return true;
          },
          this);
    }
  }
  // Values above the top may be stale by the next collection, and the stack may have grown over them by then.
  if (heap_.stack_used_ > heap_.stack_top_) {
    uint8_t* const top = reinterpret_cast<uint8_t*>(heap_.stack_top_);
    uint8_t* const used = reinterpret_cast<uint8_t*>(heap_.stack_used_);
    // `used` may be a guess far too high: so whole pages are given back, not written to.
    uint8_t* const page = PageEnd(top);
    std::memset(top, 0, static_cast<size_t>(std::min(page, used) - top));
    if (used > page) Heap::Discard(page, PageEnd(used));
    heap_.stack_used_ = heap_.stack_top_;
  }
  for (Value* slot = heap_.stack_begin(); slot < heap_.stack_top_;) {
    Value* const end = slot + std::min<ptrdiff_t>(heap_.stack_top_ - slot, kSlotsAtOnce);
    for (; slot < end; ++slot) VisitWhole<kFull>(slot);
    if (kFull && Stopped()) return;
  }
}

template <bool kFull>
void Collector::VisitDirtyPages() {
  const uint32_t image_end = heap_.layout().image_end;
  for (auto& page : heap_.dirty_.pages()) {
    if (kFull && Stopped()) return;
    Value* const slots = reinterpret_cast<Value*>(base_ + (static_cast<size_t>(page->number) << kPageShift));
    for (uint32_t i = 0; i < DirtyPages::kSlotsPerPage / 64; ++i) {
      for (uint64_t todo = kFull ? page->slots[i] : page->young_slots[i]; todo != 0; todo &= todo - 1) {
        const int bit = __builtin_ctzll(todo);
        Value* slot = slots + i * 64 + bit;
        if (kFull && !(slot->IsRef() && slot->offset() >= image_end)) {
          page->slots[i] &= ~(uint64_t{1} << bit);
        } else {
          VisitWhole<kFull>(slot);
        }
      }
      page->young_slots[i] = 0;
    }
  }
}

// Of the large objects made since the last collection, of which each may have millions of slots,
// and of code, of which there may be as many, finds what refers to the nursery.
bool Collector::FindYoungParts() {
  if (heap_.YoungBytes() == 0) return true;
  uint64_t looked_at = 0;
  const auto note = [&](Value* slot) {
    if (stopped_ || (++looked_at % kSlotsAtOnce == 0 && Stopped())) return;
    if (heap_.IsYoung(*slot)) young_slots_.push_back(slot);
  };
  for (Value v : state_.fresh.unmoving) ForEachSlot(heap_.Get<uint32_t>(v), note);
  for (uint32_t index : state_.fresh.large) {
    uint32_t* const object = reinterpret_cast<uint32_t*>(heap_.BlockStart(index));
    if (!IsSlotArray(*object)) {
      ForEachSlot(object, note);
      continue;
    }
    Value* const slots = reinterpret_cast<Vector*>(object)->items;
    Value* const end = slots + object[1];
    for (Value* part = slots; part < end;) {
      Value* const part_end = part + std::min<ptrdiff_t>(end - part, kSlotsAtOnce);
      uint32_t young = 0;  // without branches, for the vector unit
      for (const Value* slot = part; slot < part_end; ++slot) {
        young += slot->bits - young_begin_ < young_size_ ? slot->bits & 1 : 0;
      }
      if (young > kSlotsAtOnce / 8) {
        young_parts_.emplace_back(part, part_end);
      } else if (young != 0) {
        for (Value* slot = part; slot < part_end; ++slot) {
          if (heap_.IsYoung(*slot)) young_slots_.push_back(slot);
        }
      }
      part = part_end;
      if (Stopped()) return false;
    }
  }
  return !stopped_;
}

bool Collector::Minor(Polls polls) {
  const int64_t start = ReadClock();
  polls_ = polls == Polls::kYes;
  if (!FindYoungParts()) return false;
  polls_ = false;
  const size_t old_bytes = state_.old.bytes;
  for (int i = 0; i < Heap::kContentCount; ++i) {
    const Heap::MovingSpace& space = state_.old.moving[i];
    if (!space.blocks.empty()) cursors_[i] = {space.blocks.size() - 1, base_ + space.top, space.end, space.top};
  }
  VisitRoots<false>();
  VisitDirtyPages<false>();
  for (uint32_t offset : state_.fresh.remembered) VisitWhole<false>(reinterpret_cast<Value*>(base_ + offset));
  for (const auto& [begin, end] : young_parts_) {
    for (Value* slot = begin; slot < end; ++slot) VisitWhole<false>(slot);
  }
  for (size_t i = 0; i < young_slots_.size(); ++i) VisitWhole<false>(young_slots_[i]);
  Drain<false>();
  state_.weak.FollowYoung([this](Value v) { return heap_.IsYoung(v) ? NewPlaceOfYoung(v) : v; });
  // By what was moved and not by the time it took, so that a program runs alike each time.
  const size_t used = heap_.YoungBytes();
  const size_t moved = state_.old.bytes - old_bytes;
  if (2 * moved >= used) {
    state_.young.wanted = Heap::kNurserySize / 2;
  } else if (4 * moved <= used) {
    state_.young.wanted = Heap::kNurserySize;
  }
  state_.young.promoted = static_cast<uint32_t>(moved / Heap::kBlockSize);
  ResetNursery();
  ++state_.counts.minor_collections;
  const uint64_t pause = static_cast<uint64_t>(ReadClock() - start);
  state_.pauses.minor_nanoseconds += pause;
  state_.pauses.longest_minor_nanoseconds = std::max(state_.pauses.longest_minor_nanoseconds, pause);
  return true;
}

// ---- Full collections.

bool Collector::Stopped() {
  if (polls_ && !stopped_ && !PollInterrupts()) stopped_ = true;
  return stopped_;
}

bool Collector::Full(Polls polls) {
  polls_ = polls == Polls::kYes;
  const int64_t start = ReadClock();
  state_.evacuating = true;
  for (int i = 0; i < Heap::kContentCount; ++i) {
    Heap::MovingSpace& space = state_.old.moving[i];
    if (!space.blocks.empty()) {
      const uint32_t last = space.blocks.back();
      state_.old.blocks[last].top = space.top - heap_.BlockOffset(last);
    }
    from_[i].swap(space.blocks);
    space.top = space.end = 0;
  }
  PrepareForwarding();
  for (uint32_t index : state_.old.unmoving_blocks) std::memset(heap_.BlockStart(index), 0, Heap::kUnmovingStart);
  if (Trace() && FollowWeak() && SweepNames() && SweepUnmoving()) {
    Complete(start);
    return true;
  }
  NotePause(start);
  return false;
}

// Objects that have been copied or marked stay so; all else is done again, since roots, and what they lead to, may have
// changed.
void Collector::Finish() {
  const int64_t start = ReadClock();
  polls_ = stopped_ = false;
  for (Cursor& cursor : cursors_) cursor = Cursor();
  queue_ = Heap::kNoBlock;
  for (uint32_t index = 0; index < state_.old.blocks.size(); ++index) {
    Block& block = state_.old.blocks[index];
    block.queued = false;
    if (block.kind == Block::kLargeHead && block.marked) Enqueue(index);
    if (block.kind == Block::kUnmoving) {
      std::memset(heap_.BlockStart(index) + Heap::kUnmovingBitmap, 0, Heap::kUnmovingBitmap);
      Enqueue(index);
    }
  }
  (void)(Trace() && FollowWeak() && SweepNames() && SweepUnmoving());
  Complete(start);
}

// Finds room for one word for each 8 bytes of what is evacuated: at the nursery's end, so that it is there each time,
// and its pages can stay (SpareMemory).
void Collector::PrepareForwarding() {
  size_t bytes = 0;
  for (const auto& blocks : from_) {
    for (uint32_t index : blocks) state_.old.blocks[index].next = Heap::kNoBlock;
    bytes += blocks.size() * kForwardingOfBlock;
  }
  const uint32_t top = std::max(state_.young.top, young_begin_ + uint32_t{Heap::kNurserySize});
  const uint32_t first = RoundUp(top, kPageSize);
  const size_t room = young_begin_ + young_size_ - first;
  if (room < bytes) {
    // Excluded by Heap::EffectiveLimit: the table takes half of what is evacuated, and the nursery
    // a quarter of the cage.
    std::fputs("islet: no room for the new places of live objects\n", stderr);
    std::abort();
  }
  if (room - bytes < kNurseryLeft) polls_ = false;
  forwarding_ = young_begin_ + young_size_;
  forwarding_floor_ = forwarding_ - static_cast<uint32_t>(bytes);
  state_.young.hard_end = first + static_cast<uint32_t>(std::min(room - bytes, kNurseryLeft));
}

// Something in the block is alive.
void Collector::StartForwarding(uint32_t index) {
  forwarding_ -= kForwardingOfBlock;
  uint8_t* const part = base_ + forwarding_;
  heap_.spare_.TakeTable(part, part + kForwardingOfBlock, base_ + forwarding_floor_);
  state_.old.blocks[index].next = forwarding_;
}

bool Collector::Trace() {
  VisitRoots<true>();
  VisitDirtyPages<true>();
  if (!stopped_) Drain<true>();
  return !stopped_;
}

// What has died stays dead if this is done again: no root has referred to it, and nobody is given it meanwhile.
bool Collector::FollowWeak() {
  return state_.weak.FollowAll([this](Value v) { return NewPlace(v); }, [this] { return Stopped(); });
}

Value Collector::NewPlaceOfYoung(Value v) const {
  const uint8_t* const from = base_ + v.offset();
  if (v.IsPair()) {
    const Pair* const pair = reinterpret_cast<const Pair*>(from);
    return pair->car == kForwarded ? pair->cdr : kUndefined;
  }
  uint32_t words[2];
  std::memcpy(words, from, sizeof(words));
  const bool moved = v.IsFlonum() ? words[1] == kMovedFlonum : (words[0] & kTagMask) != 0;
  return moved ? Value::FromBits(words[0]) : kUndefined;
}

Value Collector::NewPlace(Value v) const {
  if (v.bits < young_begin_ || !v.IsRef()) return v;  // snapshot, or no object
  if (heap_.IsYoung(v)) return NewPlaceOfYoung(v);
  const uint32_t index = heap_.BlockIndex(v.offset());
  const Block& block = state_.old.blocks[index];
  switch (block.kind) {
    case Block::kMoving: {
      if (block.marked) return v;  // made during this collection
      if (block.next == Heap::kNoBlock) return kUndefined;
      const uint32_t word = (v.offset() - heap_.BlockOffset(index)) / kObjectAlignment;
      const Value moved = reinterpret_cast<const Value*>(base_ + block.next)[word];
      return moved.bits != 0 ? moved : kUndefined;
    }
    case Block::kLargeHead:
      return block.marked ? v : kUndefined;
    case Block::kUnmoving:
      return IsMarked(v) ? v : kUndefined;
    case Block::kFree:
    case Block::kLargeTail:
      break;
  }
  return kUndefined;
}

void Collector::Complete(int64_t start) {
  SweepLarge();
  for (auto& blocks : from_) {
    for (uint32_t index : blocks) heap_.FreeBlocks(index, 1);
  }
  for (const Heap::MovingSpace& space : state_.old.moving) {
    for (uint32_t index : space.blocks) state_.old.blocks[index].marked = false;
  }
  state_.evacuating = false;
  state_.young.hard_end = young_begin_ + young_size_;
  ResetNursery();
  heap_.TrimBlocks();  // now that no fresh object's block is looked at any more
  ++state_.counts.full_collections;
  NotePause(start);
}

void Collector::NotePause(int64_t start) {
  const uint64_t pause = static_cast<uint64_t>(ReadClock() - start);
  state_.pauses.full_nanoseconds += pause;
  state_.pauses.longest_full_nanoseconds = std::max(state_.pauses.longest_full_nanoseconds, pause);
}

// ---- What is left to do afterwards.

void Collector::ResetNursery() {
  for (uint32_t index : state_.fresh.large) state_.old.blocks[index].fresh = false;
  state_.fresh.large.clear();
  state_.fresh.unmoving.clear();
  state_.fresh.remembered.clear();
  uint8_t* const top = base_ + state_.young.top;
  uint8_t* const kept = heap_.young_start() + Heap::kNurserySize;
  state_.counts.allocated_bytes += heap_.YoungBytes();
  if (top > kept) {
    uint8_t* const end = PageEnd(top);
    if (!Heap::Discard(kept, end)) heap_.young_kept_ = std::max(heap_.young_kept_, end);
    heap_.spare_.CutTable(end);
  }
  heap_.young_used_ = std::max(heap_.young_used_, std::min(top, kept));
  heap_.StartNursery();
  if (moved_ != 0) ++state_.move_epoch;
}

}  // namespace islet::vm
