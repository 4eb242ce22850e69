#include "isolate/heap/collector.h"

#include <time.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>
#include <vector>

namespace islet::vm {
namespace {

constexpr ptrdiff_t kPageSize = DirtyPages::kPageSize;

uint64_t Nanoseconds() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

constexpr uint32_t TypeBit(ObjectType type) { return 1u << static_cast<uint32_t>(type); }

// Types without references; a String has one if it is indirect.
constexpr uint32_t kLeafTypes = TypeBit(ObjectType::kString) | TypeBit(ObjectType::kBytevector) |
                                TypeBit(ObjectType::kBignum) | TypeBit(ObjectType::kCompnum);

bool IsLeaf(uint32_t header) {
  const uint32_t type = static_cast<uint32_t>(HeaderType(header));
  if ((kLeafTypes >> type & 1) == 0) return false;
  return type != static_cast<uint32_t>(ObjectType::kString) ||
         !(HeaderFlags(header) & kIndirectStringFlag);
}

}  // namespace

Collector::Collector(Heap& heap)
    : heap_(heap),
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
    *slot = Evacuate(v);
    return;
  }
  const uint32_t index = (v.bits - old_begin_) / Heap::kBlockSize;
  switch (heap_.blocks_[index].kind) {
    case Block::kMoving:
      if (!heap_.blocks_[index].marked) *slot = Evacuate(v);
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

Value Collector::Evacuate(Value v) {
  uint8_t* const from = base_ + v.offset();
  uint64_t first;
  std::memcpy(&first, from, 8);
  if (v.IsPair()) {
    if (static_cast<uint32_t>(first) == kForwarded.bits)
      return Value::FromBits(static_cast<uint32_t>(first >> 32));
    uint8_t* to = Allocate(Heap::kPairs, 8);
    std::memcpy(to, &first, 8);
    const Value moved = Value::Ref(Tag::kPair, static_cast<uint32_t>(to - base_));
    const uint64_t forward = kForwarded.bits | static_cast<uint64_t>(moved.bits) << 32;
    std::memcpy(from, &forward, 8);
    return moved;
  }
  if (v.IsFlonum()) {
    if (first >> 32 == kMovedFlonum) return Value::FromBits(static_cast<uint32_t>(first));
    uint8_t* to = Allocate(Heap::kLeaves, 8);
    std::memcpy(to, &first, 8);
    const Value moved = Value::Ref(Tag::kFlonum, static_cast<uint32_t>(to - base_));
    const uint64_t forward = static_cast<uint64_t>(kMovedFlonum) << 32 | moved.bits;
    std::memcpy(from, &forward, 8);
    return moved;
  }
  const uint32_t header = static_cast<uint32_t>(first);
  if ((header & 7) != 0) return Value::FromBits(header);
  const size_t bytes = SizeOf(reinterpret_cast<const uint32_t*>(from));
  uint8_t* to = Allocate(IsLeaf(header) ? Heap::kLeaves : Heap::kObjects, bytes);
  std::memcpy(to, &first, 8);
  for (size_t i = 8; i < bytes; i += 8) std::memcpy(to + i, from + i, 8);
  const Value moved = Value::Ref(Tag::kObject, static_cast<uint32_t>(to - base_));
  std::memcpy(from, &moved.bits, 4);
  return moved;
}

inline uint8_t* Collector::Allocate(Heap::Content content, size_t bytes) {
  Heap::MovingSpace& space = heap_.moving_[content];
  ++moved_;
  uint8_t* p = space.top;
  if (__builtin_expect(static_cast<size_t>(space.end - p) < bytes, 0))
    return AllocateInNewBlock(content, bytes);
  space.top = p + bytes;
  return p;
}

uint8_t* Collector::AllocateInNewBlock(Heap::Content content, size_t bytes) {
  uint8_t* const p = heap_.AllocateInNewBlock(content, bytes);
  if (p == nullptr) {
    // Heap::EffectiveLimit leaves room for copies of all that Heap::Reserve and kSlack let be
    // allocated.
    std::fputs(
        "islet: no room to copy live objects to: something allocated without Heap::Reserve\n",
        stderr);
    std::abort();
  }
  heap_.blocks_[heap_.moving_[content].blocks.back()].marked = full_;
  return p;
}

// ---- Objects that do not move.

void Collector::Enqueue(uint32_t index) {
  Block& block = heap_.blocks_[index];
  if (block.queued) return;
  block.queued = true;
  block.next = queue_;
  queue_ = index;
}

void Collector::MarkLarge(uint32_t index) {
  Block& block = heap_.blocks_[index];
  if (block.marked) return;
  block.marked = true;
  Enqueue(index);
}

void Collector::MarkUnmoving(uint32_t index, uint32_t offset) {
  uint8_t* const start = heap_.BlockStart(index);
  const uint32_t granule = static_cast<uint32_t>(base_ + offset - start) / 8;
  uint64_t& word = reinterpret_cast<uint64_t*>(start)[granule / 64];
  const uint64_t bit = uint64_t{1} << (granule % 64);
  if (word & bit) return;
  word |= bit;
  Enqueue(index);
}

bool Collector::IsMarked(Value unmoving) const {
  const uint32_t index = heap_.BlockIndex(unmoving.offset());
  if (heap_.blocks_[index].kind != Block::kUnmoving) return true;
  uint8_t* const start = heap_.BlockStart(index);
  const uint32_t granule = static_cast<uint32_t>(base_ + unmoving.offset() - start) / 8;
  return reinterpret_cast<const uint64_t*>(start)[granule / 64] >> (granule % 64) & 1;
}

bool Collector::ScanMarked() {
  if (queue_ == Heap::kNoBlock) return false;
  while (queue_ != Heap::kNoBlock) {
    const uint32_t index = queue_;
    queue_ = heap_.blocks_[index].next;
    heap_.blocks_[index].queued = false;
    uint8_t* const start = heap_.BlockStart(index);
    if (heap_.blocks_[index].kind == Block::kLargeHead) {
      ForEachSlot(reinterpret_cast<uint32_t*>(start), [this](Value* slot) { Visit<true>(slot); });
      continue;
    }
    uint64_t* const reached = reinterpret_cast<uint64_t*>(start);
    uint64_t* const scanned = reached + Heap::kUnmovingBitmap / 8;
    for (size_t i = 0; i < Heap::kUnmovingBitmap / 8; ++i) {
      while (uint64_t todo = reached[i] & ~scanned[i]) {
        scanned[i] |= todo;
        for (; todo != 0; todo &= todo - 1) {
          const size_t granule = i * 64 + static_cast<size_t>(__builtin_ctzll(todo));
          ForEachSlot(reinterpret_cast<uint32_t*>(start + granule * 8),
                      [this](Value* slot) { Visit<true>(slot); });
        }
      }
    }
  }
  return true;
}

// ---- Copied objects.

// Calls `scan(at)`, which returns the next object's address, for each object of a chain of blocks
// that the cursor has not passed. Scanning may add to the chain. False if there was none.
template <typename Scan>
inline __attribute__((always_inline)) bool Collector::ScanChain(Heap::Content content,
                                                                Scan&& scan) {
  const Heap::MovingSpace& space = heap_.moving_[content];
  Cursor& cursor = cursors_[content];
  bool any = false;
  while (cursor.index < space.blocks.size()) {
    const uint32_t block = space.blocks[cursor.index];
    uint8_t* const start = heap_.BlockStart(block);
    uint8_t* at = cursor.at == nullptr ? start : cursor.at;
    for (;;) {
      const bool last = cursor.index + 1 == space.blocks.size();
      uint8_t* const end = last ? space.top : start + heap_.blocks_[block].top;
      if (at == end) {
        cursor.at = at;
        if (last) return any;
        break;
      }
      any = true;
      while (at < end) at = scan(at);
    }
    ++cursor.index;
    cursor.at = nullptr;
  }
  return any;
}

template <bool kFull>
void Collector::Drain() {
  bool more;
  do {
    more = ScanChain(Heap::kPairs, [this](uint8_t* at) {
      Pair* pair = reinterpret_cast<Pair*>(at);
      Visit<kFull>(&pair->car);
      Visit<kFull>(&pair->cdr);
      return at + sizeof(Pair);
    });
    more |= ScanChain(Heap::kObjects, [this](uint8_t* at) {
      uint32_t* object = reinterpret_cast<uint32_t*>(at);
      ForEachSlot(object, [this](Value* slot) { Visit<kFull>(slot); });
      return at + SizeOf(object);
    });
    if (kFull) more |= ScanMarked();
  } while (more);
}

// ---- Roots.

template <bool kFull>
void Collector::VisitRoots() {
  for (RootSource* source : heap_.roots_) {
    source->VisitRoots(
        [](Value* slot, void* self) { static_cast<Collector*>(self)->Visit<kFull>(slot); }, this);
  }
  for (Value* slot = heap_.stack_begin(); slot < heap_.stack_top_; ++slot) Visit<kFull>(slot);
  // What lies above may be stale by the next collection, and the stack may have grown over it by
  // then.
  if (heap_.stack_used_ > heap_.stack_top_) {
    uint8_t* const top = reinterpret_cast<uint8_t*>(heap_.stack_top_);
    uint8_t* const used = reinterpret_cast<uint8_t*>(heap_.stack_used_);
    // `used` may be a guess far too high: so whole pages are given back, not written to.
    uint8_t* const page = base_ + ((top - base_ + kPageSize - 1) & ~(kPageSize - 1));
    std::memset(top, 0, static_cast<size_t>(std::min(page, used) - top));
    if (used > page)
      Heap::Discard(page, base_ + ((used - base_ + kPageSize - 1) & ~(kPageSize - 1)));
    heap_.stack_used_ = heap_.stack_top_;
  }
}

template <bool kFull>
void Collector::VisitDirtyPages() {
  const uint32_t image_end = heap_.layout().image_end;
  for (auto& page : heap_.dirty_.pages()) {
    Value* const slots = reinterpret_cast<Value*>(
        base_ + (static_cast<size_t>(page->number) << DirtyPages::kPageShift));
    for (uint32_t i = 0; i < DirtyPages::kSlotsPerPage / 64; ++i) {
      for (uint64_t todo = kFull ? page->slots[i] : page->young_slots[i]; todo != 0;
           todo &= todo - 1) {
        const int bit = __builtin_ctzll(todo);
        Value* slot = slots + i * 64 + bit;
        if (kFull && !(slot->IsRef() && slot->offset() >= image_end)) {
          page->slots[i] &= ~(uint64_t{1} << bit);
        } else {
          Visit<kFull>(slot);
        }
      }
      page->young_slots[i] = 0;
    }
  }
}

void Collector::Minor() {
  const uint64_t start = Nanoseconds();
  const size_t old_bytes = heap_.old_bytes_;
  for (int i = 0; i < Heap::kContentCount; ++i) {
    const Heap::MovingSpace& space = heap_.moving_[i];
    if (!space.blocks.empty()) cursors_[i] = {space.blocks.size() - 1, space.top};
  }
  VisitRoots<false>();
  VisitDirtyPages<false>();
  for (uint32_t offset : heap_.remembered_) Visit<false>(reinterpret_cast<Value*>(base_ + offset));
  const auto visit = [this](Value* slot) { Visit<false>(slot); };
  for (Value v : heap_.fresh_unmoving_) ForEachSlot(heap_.Get<uint32_t>(v), visit);
  for (uint32_t index : heap_.fresh_large_) {
    ForEachSlot(reinterpret_cast<uint32_t*>(heap_.BlockStart(index)), visit);
  }
  Drain<false>();
  // By what was moved and not by the time it took, so that a program runs alike each time.
  const size_t used = static_cast<size_t>(heap_.young_top_ - heap_.young_start());
  const size_t moved = heap_.old_bytes_ - old_bytes;
  if (2 * moved >= used) {
    heap_.wanted_nursery_ = Heap::kNurserySize / 2;
  } else if (4 * moved <= used) {
    heap_.wanted_nursery_ = Heap::kNurserySize;
  }
  ResetNursery();
  ++heap_.stats_.minor_collections;
  const uint64_t pause = Nanoseconds() - start;
  heap_.stats_.minor_nanoseconds += pause;
  heap_.stats_.longest_minor_nanoseconds = std::max(heap_.stats_.longest_minor_nanoseconds, pause);
}

void Collector::Full() {
  const uint64_t start = Nanoseconds();
  full_ = true;
  for (int i = 0; i < Heap::kContentCount; ++i) {
    from_[i].swap(heap_.moving_[i].blocks);
    heap_.moving_[i].top = heap_.moving_[i].end = nullptr;
  }
  for (uint32_t index : heap_.unmoving_blocks_)
    std::memset(heap_.BlockStart(index), 0, Heap::kUnmovingStart);
  VisitRoots<true>();
  VisitDirtyPages<true>();
  Drain<true>();
  SweepSymbols();
  SweepUnmoving();
  SweepLarge();
  for (auto& blocks : from_) {
    for (uint32_t index : blocks) heap_.FreeBlocks(index, 1);
  }
  for (const Heap::MovingSpace& space : heap_.moving_) {
    for (uint32_t index : space.blocks) heap_.blocks_[index].marked = false;
  }
  ResetNursery();
  heap_.DiscardFreed();
  ++heap_.stats_.full_collections;
  const uint64_t pause = Nanoseconds() - start;
  heap_.stats_.full_nanoseconds += pause;
  heap_.stats_.longest_full_nanoseconds = std::max(heap_.stats_.longest_full_nanoseconds, pause);
}

// ---- What is left to do afterwards.

void Collector::ResetNursery() {
  for (uint32_t index : heap_.fresh_large_) heap_.blocks_[index].fresh = false;
  heap_.fresh_large_.clear();
  heap_.fresh_unmoving_.clear();
  heap_.remembered_.clear();
  uint8_t* const start = heap_.young_start();
  uint8_t* const kept = start + Heap::kNurserySize;
  heap_.stats_.allocated_bytes += static_cast<uint64_t>(heap_.young_top_ - start);
  if (heap_.young_top_ > kept) {
    uint8_t* const end = base_ + ((heap_.young_top_ - base_ + kPageSize - 1) & ~(kPageSize - 1));
    if (!Heap::Discard(kept, end)) heap_.young_kept_ = std::max(heap_.young_kept_, end);
  }
  heap_.young_used_ = std::max(heap_.young_used_, std::min(heap_.young_top_, kept));
  heap_.young_top_ = start;
  heap_.young_soft_end_ = start + heap_.SoftNurserySize();
  if (moved_ != 0) ++heap_.move_epoch_;
}

void Collector::SweepSymbols() {
  std::vector<Value>& table = heap_.symbols_;
  std::vector<Value> live;
  bool died = false;
  for (Value symbol : table) {
    if (symbol == kUndefined) continue;
    if (IsMarked(symbol)) {
      live.push_back(symbol);
    } else {
      died = true;
    }
  }
  if (!died) return;
  std::fill(table.begin(), table.end(), kUndefined);
  const size_t mask = table.size() - 1;
  for (Value symbol : live) {
    size_t i = static_cast<uint32_t>(heap_.Get<Symbol>(symbol)->hash.fixnum()) & mask;
    while (table[i] != kUndefined) i = (i + 1) & mask;
    table[i] = symbol;
  }
}

void Collector::SweepUnmoving() {
  heap_.unmoving_free_.clear();
  std::vector<uint32_t> kept;
  for (uint32_t index : heap_.unmoving_blocks_) {
    uint8_t* const start = heap_.BlockStart(index);
    uint8_t* const end = start + heap_.blocks_[index].top;
    uint8_t* hole = nullptr;
    const size_t holes_before = heap_.unmoving_free_.size();
    const auto close = [&](uint8_t* at) {
      if (hole == nullptr) return;
      const uint32_t bytes = static_cast<uint32_t>(at - hole);
      uint32_t* filler = reinterpret_cast<uint32_t*>(hole);
      filler[0] = MakeHeader(ObjectType::kFiller);
      filler[1] = bytes;
      heap_.unmoving_free_.emplace_back(static_cast<uint32_t>(hole - base_), bytes);
      hole = nullptr;
    };
    bool any = false;
    for (uint8_t* at = start + Heap::kUnmovingStart; at < end;) {
      const size_t bytes = SizeOf(reinterpret_cast<const uint32_t*>(at));
      if (IsMarked(heap_.ValueOf(at))) {
        any = true;
        close(at);
      } else if (hole == nullptr) {
        hole = at;
      }
      at += bytes;
    }
    if (!any) {
      heap_.unmoving_free_.resize(holes_before);
      heap_.FreeBlocks(index, 1);
      continue;
    }
    close(end);
    kept.push_back(index);
  }
  heap_.unmoving_blocks_.swap(kept);
}

void Collector::SweepLarge() {
  for (uint32_t index = 0; index < heap_.blocks_.size();) {
    Block& block = heap_.blocks_[index];
    const uint32_t run = block.kind == Block::kLargeHead ? block.run : 1;
    if (block.kind == Block::kLargeHead) {
      if (block.marked) {
        block.marked = false;
      } else {
        heap_.FreeBlocks(index, run);
      }
    }
    index += run;
  }
}

}  // namespace islet::vm
