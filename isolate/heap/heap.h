// One isolate's heap: a cage of address space with, from its start,
//
//   [0, read_only_begin)              snapshot: what programs may write (copy-on-write)
//   [read_only_begin, image_end)      snapshot: code, literals, symbol names (no write permission)
//   [stack_begin, stack_end)          the interpreter's stack
//   [young_begin, young_end)          nursery: bump-allocated; collections start at a soft limit
//                                     far below young_end
//   [old_begin, old_end)              old space: blocks of 64 KiB
//   [old_end, cage_size)              a margin, never touched
//
// The writable tail of the snapshot, the stack and the start of the nursery share one 2 MiB window
// of address space, so that an isolate that does little needs one page of page-table entries.
//
// Invariants
//  1. Collections happen only at safepoints: `Collect`, `Reserve`, and the interpreter's own slow paths. Allocation
//     never collects, so C++ code may hold plain Values between two safepoints, with no rooting. In return, code that
//     may allocate more than kSlack between two safepoints must `Reserve` first.
//  2. Snapshot objects, symbols, code and large objects never move; all others may at a safepoint.
//  3. A store into an object that already existed at the last safepoint goes through `Write` (or `NoteRawWrite` for
//     bytes). Initialising a fresh object needs neither.
//  4. The collector never writes to a snapshot page that the program has not written.
//  5. A full collection that is told to end the run (poll.h) stays unfinished: each object is where it was, with all
//     that it holds, for whoever reports how the run has ended; some are in their new places as well. Objects may be
//     read and made then, but what is written to old ones may be lost. FinishCollection must follow before Lisp runs
//     again.
//
// Thread safety: none; an isolate is on one thread at a time.

#ifndef ISLET_ISOLATE_HEAP_HEAP_H_
#define ISLET_ISOLATE_HEAP_HEAP_H_

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "isolate/heap/account.h"
#include "isolate/heap/cage.h"
#include "isolate/heap/dirty_pages.h"
#include "isolate/heap/heap_state.h"
#include "isolate/heap/objects.h"
#include "isolate/heap/pages.h"
#include "isolate/heap/spare_memory.h"
#include "isolate/heap/value.h"

namespace islet::vm {

// Something outside the cage that holds Values. Registered with the heap, it is asked at each collection.
class RootSource {
 public:
  virtual ~RootSource() = default;
  // Calls `visit(slot, context)` for each slot; the slot's Value may be changed. Once that returns
  // false, the collection is being stopped (collector.h), and the other slots need not be visited.
  using Visit = bool (*)(Value* slot, void* context);
  virtual void VisitRoots(Visit visit, void* context) = 0;
  // The same for a collection of the nursery: slots that were visited by a collection before, and
  // have not been written since, may be left out.
  virtual void VisitYoungRoots(Visit visit, void* context) { VisitRoots(visit, context); }
};

struct HeapOptions {
  // Bytes of live and fresh objects, the snapshot's own not counted, of what the run has outside of the cage
  // (account.h), and of what the host has there for objects (weak_references.h). About a quarter of the cage is the
  // most there can be (1 GiB of 4), as collecting takes space too.
  size_t heap_limit = size_t{512} << 20;
  // Bytes of fresh objects after which a collection is due; less under a small heap limit. Tests make it tiny, so that
  // each safepoint is one where everything moves.
  size_t nursery_size = size_t{1} << 20;
  // Bytes that may stay resident though nothing is in them (spare_memory.h); what is freed beyond goes back at once.
  size_t spare_limit = ~size_t{0};
  bool operator==(const HeapOptions&) const = default;
};

// Whether comparisons look at memory that nothing can reach: the stack between runs, the nursery past its top, and free
// blocks that stay resident.
enum class Unused { kToo, kNot };

struct HeapStats : HeapCounts, HeapPauses {
  size_t young_bytes = 0;
  size_t old_bytes = 0;
  size_t large_bytes = 0;     // of old_bytes
  size_t external_bytes = 0;  // of what host objects stand for
  size_t spare_bytes = 0;     // resident, but nothing is in them
  size_t dirty_pages = 0;
};

class Collector;

class Heap {
 public:
  // Bytes that one primitive may allocate without `Reserve`.
  static constexpr size_t kSlack = size_t{1} << 20;
  // Objects of at least this many bytes are large: they have blocks of their own and never move.
  static constexpr size_t kLargeObject = size_t{32} << 10;
  static constexpr size_t kBlockSize = HeapState::kBlockSize;
  static constexpr size_t kNurserySize = HeapState::kNurserySize;
  static constexpr size_t kStackSize = size_t{256} << 10;

  // Takes over a cage whose layout says where the snapshot's pages lie.
  Heap(Cage cage, const HeapOptions& options);
  ~Heap();
  Heap(const Heap&) = delete;
  Heap& operator=(const Heap&) = delete;

  uint8_t* base() const { return base_; }
  const CageLayout& layout() const { return cage_.layout(); }

  // ---- Access. `Get` does not check; `Is` does.
  template <typename T>
  T* Get(Value v) const {
    return reinterpret_cast<T*>(base_ + v.offset());
  }
  bool Is(Value v, ObjectType type) const {
    return v.IsObject() && (*Get<uint32_t>(v) & kHeaderTypeMask) == MakeHeader(type);
  }
  template <typename T>
  bool Is(Value v) const {
    return Is(v, TypeOf<T>);
  }
  // The object as a T, or null if it is something else.
  template <typename T>
  T* TryGet(Value v) const {
    return Is<T>(v) ? Get<T>(v) : nullptr;
  }
  Value car(Value pair) const { return Get<Pair>(pair)->car; }
  Value cdr(Value pair) const { return Get<Pair>(pair)->cdr; }
  double flonum(Value v) const { return Get<Flonum>(v)->value; }
  uint32_t header(Value v) const { return *Get<uint32_t>(v); }
  ObjectType type(Value v) const { return HeaderType(header(v)); }
  uint32_t OffsetOf(const void* p) const { return static_cast<uint32_t>(static_cast<const uint8_t*>(p) - base_); }
  Value ValueOf(const void* object) const { return Value::Ref(Tag::kObject, OffsetOf(object)); }
  bool InSnapshot(Value v) const { return v.offset() < layout().image_end; }
  bool InReadOnly(const void* p) const {
    return OffsetOf(p) - layout().read_only_begin < layout().image_end - layout().read_only_begin;
  }

  // ---- Allocation (never collects; see Reserve). Fields not given are uninitialised: fill them before the next
  // safepoint.
  Value Cons(Value car, Value cdr) {
    Pair* p = static_cast<Pair*>(AllocateBytes(sizeof(Pair)));
    p->car = car;
    p->cdr = cdr;
    return Value::Ref(Tag::kPair, OffsetOf(p));
  }
  // A pair that is in the old space from the start: for long lists made at once, which would have to be moved there.
  // While what it refers to is there, too, the next collection has nothing to do for it.
  Value ConsPromoted(Value car, Value cdr) {
    MovingSpace& space = state_.old.moving[kPairs];
    if (__builtin_expect(space.top == space.end, 0)) StartPromotedPairs();
    Pair* p = reinterpret_cast<Pair*>(base_ + space.top);
    space.top += sizeof(Pair);
    state_.counts.allocated_bytes += sizeof(Pair);
    Write(&p->car, car);
    Write(&p->cdr, cdr);
    return Value::Ref(Tag::kPair, OffsetOf(p));
  }
  // A vector of kFalse in the old space, likewise.
  Value MakeVectorPromoted(uint32_t length, uint32_t flags = 0);
  // An object of at most kSlack bytes in the old space, likewise, zeroed past the header.
  template <typename T>
  T* NewPromoted() {
    T* object = static_cast<T*>(AllocatePromoted(RoundUp(sizeof(T), kObjectAlignment)));
    __builtin_memset(static_cast<void*>(object), 0, sizeof(T));
    object->header = MakeHeader(TypeOf<T>, 0, 0);
    return object;
  }
  Value MakeFlonum(double d) {
    // No NaN but this one: the collector marks a moved flonum with a signalling one (collector.h).
    if (__builtin_expect(d != d, 0)) d = __builtin_nan("");
    Flonum* f = static_cast<Flonum*>(AllocateBytes(sizeof(Flonum)));
    f->value = d;
    return Value::Ref(Tag::kFlonum, OffsetOf(f));
  }
  Value MakeVector(uint32_t length, Value fill, uint32_t flags = 0);
  Value MakeBytevector(uint32_t length, uint32_t flags = 0);  // zeroed
  // `count` limbs, zeroed; the caller normalises (numbers/integer.h).
  Value MakeBignum(uint32_t count, bool negative);
  // A fixed-size object of type T, zeroed past the header (zero is fixnum 0).
  template <typename T>
  T* New(uint32_t flags = 0, uint32_t count = 0) {
    return static_cast<T*>(NewObject(TypeOf<T>, sizeof(T), flags, count));
  }
  // An object of `bytes` (rounded up), its header set and the rest zeroed. Large ones go to the old space.
  void* NewObject(ObjectType type, size_t bytes, uint32_t flags, uint32_t count);
  // Same, in the old space where objects do not move: symbols and code. Never fails but for want of address space.
  void* NewUnmoving(ObjectType type, size_t bytes, uint32_t flags, uint32_t count);
  // `bytes` of nursery, a multiple of 8, uninitialised, less than kLargeObject.
  void* AllocateBytes(size_t bytes) {
    const uint32_t top = state_.young.top;
    if (__builtin_expect(state_.young.hard_end - top < bytes, 0)) NurseryIsFull();
    state_.young.top = top + static_cast<uint32_t>(bytes);
    return base_ + top;
  }
  // Asks the system at once for the pages of a large object that is about to be filled out of
  // order: one page fault for each takes three times as long. Polls.
  void PopulateLarge(Value object);
  // Frees the room of a large object (from kLargeObject bytes on) to which nothing refers any more, and in which Write
  // has stored nothing. Polls.
  void FreeLarge(Value object);
  // Makes sure that `bytes` can be allocated before the next safepoint. A safepoint itself: may collect, and so move
  // what is not in a root. False if the heap limit forbids it even after a full collection, or the cage is too small
  // (a quarter of it is the most that can be reserved), or if the run is being ended.
  [[nodiscard]] bool Reserve(size_t bytes);

  // ---- Writing to objects that may be old or in the snapshot.
  void Write(Value* slot, Value v) {
    const uint32_t offset = OffsetOf(slot);
    if (__builtin_expect(offset - young_begin_ >= young_size_, 0)) {
      WriteBarrier(offset, v);
    }
    *slot = v;
  }
  // To be called before `bytes` at `p` are overwritten with anything but references.
  void NoteRawWrite(const void* p, size_t bytes) {
    const uint32_t offset = OffsetOf(p);
    if (offset < layout().image_end) dirty_.Note(offset, bytes);
  }
  // True if Write is a plain store: the slot is in the nursery; or in the old space, and gets no
  // reference to the nursery; or it holds one already, so that the collector knows of it.
  bool WritesFreely(const Value* slot, Value v) const {
    const uint32_t offset = OffsetOf(slot);
    if (offset - young_begin_ < young_size_) return true;
    if (offset >= young_begin_ && !(v.IsRef() && IsYoung(v.offset()))) return true;
    return slot->IsRef() && IsYoung(slot->offset());
  }
  // The slow part of Write: remembers the slot, notes the page.
  void WriteBarrier(uint32_t slot_offset, Value v);

  // ---- Collection.
  void AddRoots(RootSource* source) { roots_.push_back(source); }
  void RemoveRoots(RootSource* source);
  // True if a safepoint should stop and collect, unless CollectionIsDue says that this has time. To collect is right in
  // any case.
  bool WantsCollection() const { return state_.young.top >= state_.young.soft_end; }
  // Where WantsCollection is true: false if only a slice of the nursery has been filled. Then blocks for what the next
  // collection is likely to promote have been made ready, so that it takes no page faults, nothing has moved, and
  // WantsCollection is false. Programs of which little survives have no such slices.
  bool CollectionIsDue();
  // Collects the nursery, or all, as the state of the heap demands. False if the live objects
  // exceed the heap limit, or if the run is being ended.
  [[nodiscard]] bool Collect();
  // Collects everything but the snapshot, and gives back all that is free, without polling.
  void CollectFull();
  // Does what the end of a run has left undone of a full collection; nothing, if nothing is. A
  // safepoint.
  void FinishCollection() {
    if (__builtin_expect(unfinished_ != nullptr, 0)) FinishCollectionNow();
  }
  bool CollectionIsUnfinished() const { return unfinished_ != nullptr; }
  // True for a reference to an object that the next collection moves out of the nursery.
  bool IsYoung(Value v) const { return v.IsRef() && IsYoung(v.offset()); }
  // Counts collections that moved something (hash tables with keys hashed by address).
  uint32_t move_epoch() const { return state_.move_epoch; }
  void CountRehashed(uint64_t entries) { state_.counts.rehashed_entries += entries; }

  // ---- The stack (interpreter/). The collector scans [stack_begin, stack_top) and clears from there to stack_used.
  Value* stack_begin() const { return reinterpret_cast<Value*>(base_ + layout().stack_begin); }
  Value* stack_end() const { return reinterpret_cast<Value*>(base_ + layout().stack_end); }
  // Set by the interpreter before each safepoint: first free word; and the end of what was ever used since the last.
  void SetStackTop(Value* top, Value* used) {
    stack_top_ = top;
    stack_used_ = used;
  }

  // ---- Recycling (reset.cc, comparison.cc). Not while anything runs.

  // The state in which the heap was made: the snapshot's bytes as they were, everything else empty and zero. The stack
  // has been used up to `stack_used` at most. Memory stays resident, up to about `keep_bytes`; the rest goes back to
  // the system. Root sources, and what set_pristine said, stay. Costs what the isolate has written and allocated.
  void Reset(Value* stack_used, size_t keep_bytes);
  // At the end of the heap's life: leaves its cage, as a Reset leaves it, for this thread's next heap on the image, if
  // Cage::Keep takes it. Nothing may be done with the heap any more.
  void Retire(Value* stack_used);
  // Bytes that a Reset has left resident.
  size_t KeptBytes() const;
  // Makes a heap that is new the same as `parent`, on the same image: every object at the same offset, with copies of
  // the pages that the parent has written and filled. The stack is not copied: nothing may be running.
  void CopyFrom(const Heap& parent);
  // Names the first thing in which two heaps on the same image differ, in contents or in bookkeeping; "" if there is
  // none. For tests and checks: reads all that either isolate has ever touched.
  std::string FirstDifference(const Heap& other, Unused unused) const;

  size_t heap_limit() const { return options_.heap_limit; }
  void set_heap_limit(size_t bytes) {
    options_.heap_limit = bytes;
    account_.set_limit(EffectiveLimit());
  }
  size_t spare_limit() const { return options_.spare_limit; }
  // What is spare beyond it goes back with the next collection.
  void set_spare_limit(size_t bytes) { options_.spare_limit = bytes; }
  // The heap limit, as far as the cage is large enough for it.
  size_t EffectiveLimit() const;
  size_t UsedBytes() const { return YoungBytes() + state_.old.bytes; }
  // Counts what runs have outside of the cage.
  Account& account() { return account_; }
  HeapStats Stats() const;
  // Code and symbols may have gone with each of them, and others have come in their places.
  uint64_t full_collections() const { return state_.counts.full_collections; }
  DirtyPages& dirty_pages() { return dirty_; }
  const DirtyPages& dirty_pages() const { return dirty_; }

  // Where the process has the snapshot's pages in memory as they were, for all isolates, or null. Outlives the heap.
  void set_pristine(const uint8_t* image) { pristine_ = image; }
  const uint8_t* pristine() const { return pristine_; }
  // True if the `bytes` (at most a page) at `offset` are in the snapshot, and unwritten.
  bool IsPristine(uint32_t offset, uint32_t bytes) const {
    return pristine_ != nullptr && uint64_t{offset} + bytes <= layout().image_end && !dirty_.IsDirty(offset) &&
           !dirty_.IsDirty(offset + bytes - 1);
  }
  // To read what lies at `offset`, in the process's own copy of the snapshot while this isolate has not written there:
  // for what is looked at once among much else (a hash table's index), since there it costs no page fault of the
  // isolate's own. Valid until the next write; for the object's fixed part only, T.
  template <typename T>
  const T* Peek(uint32_t offset) const {
    return reinterpret_cast<const T*>((IsPristine(offset, sizeof(T)) ? pristine_ : base_) + offset);
  }
  template <typename T>
  const T* Peek(Value v) const {
    return Peek<T>(v.offset());
  }
  // Brings what `v` refers to, if it is a reference, closer.
  void Prefetch(Value v) const {
    if (!v.IsRef()) return;
    __builtin_prefetch((pristine_ != nullptr && InSnapshot(v) ? pristine_ : base_) + v.offset());
  }

  // Symbols made since the snapshot: an open-addressing table, weak in full collections. See
  // interpreter/symbol_table.cc. The heap keeps it because only the collector knows which symbols died.
  std::vector<Value>& young_symbols() { return state_.names.symbols; }
  // Cells of names that have no definition yet: see expander/forward_cells.h.
  using ForwardCells = HeapState::ForwardCells;
  ForwardCells& forward_cells() { return state_.names.forward_cells; }

  // ---- Weak references (weak_references.h).
  // To an object that stands for so many bytes outside of the heap, which may make a collection due. `tells`: whether
  // its death is to be noted. Throws std::bad_alloc.
  uint32_t AddWeak(Value target, size_t external_bytes, bool tells);
  WeakReferences& weak() { return state_.weak; }
  const WeakReferences& weak() const { return state_.weak; }
  // Makes sure that the heap limit allows for so many external bytes more. A safepoint: may collect.
  [[nodiscard]] bool ReserveExternal(size_t bytes);

  // For the interpreter's inline allocation.
  HeapState::Nursery& young() { return state_.young; }

 private:
  friend class Collector;

  using Block = HeapState::Block;
  using MovingSpace = HeapState::MovingSpace;
  using Content = HeapState::Content;
  using enum HeapState::Content;
  static constexpr uint32_t kNoBlock = ~0u;
  // An unmoving block starts with the collector's bitmaps, one bit for each 8 bytes: reached; scanned.
  static constexpr size_t kUnmovingBitmap = kBlockSize / kObjectAlignment / 8;
  static constexpr size_t kUnmovingStart = 2 * kUnmovingBitmap;
  // Allocation that needs no Reserve stays possible while this many blocks in a row are free.
  static constexpr uint32_t kSpareBlocks = 2 * kSlack / kBlockSize;

  // Makes state_ that of a heap that is new, under its present limit.
  void Initialize();
  uint8_t* young_start() const { return base_ + young_begin_; }
  size_t YoungBytes() const { return state_.young.top - young_begin_; }
  bool IsYoung(uint32_t offset) const { return offset - young_begin_ < young_size_; }
  [[noreturn]] static void NurseryIsFull();
  // How much of the nursery is filled before a collection, if the last has wanted so much.
  uint32_t SoftNurserySize(size_t wanted) const;
  bool HasRoomFor(size_t bytes) const;
  // Whether the heap limit allows for so many bytes more, of whatever kind.
  bool IsAllowed(size_t bytes) const;
  // What counts as old: what the host has outside of the heap as well.
  size_t OldBytes() const { return state_.old.bytes + state_.weak.external_bytes(); }
  // Makes WantsCollection and CollectionIsDue true.
  void RequestCollection() { state_.young.soft_end = state_.young.due = young_begin_; }
  // After a collection: where the nursery, which is empty, is full again.
  void StartNursery();
  // Makes the next free blocks resident, a few of them, if a minor collection like the last would take them.
  void TouchAhead();

  // Old space.
  // Blocks in a row that read as zero: the first one's index, or kNoBlock if there is no room. `populate`: all of them
  // are about to be filled.
  uint32_t AllocateBlocks(uint32_t run, Block::Kind kind, bool populate = false);
  void FreeBlocks(uint32_t index, uint32_t run);  // TrimBlocks should follow
  void TrimBlocks();                              // forgets those free ones behind which none is in use
  bool IsFreeBlock(uint32_t index) const {
    return index >= state_.old.blocks.size() || state_.old.blocks[index].kind == Block::kFree;
  }
  bool HasFreeRun(size_t run) const;
  // Makes zero what objects of more than kSlack bytes, and `bytes` in all, will be put over: for each of them that may
  // take too long to be done at once. False: a poll has said that the run is to be ended.
  bool ClearLongRuns(size_t bytes);
  void StartPromotedPairs();
  void* AllocatePromoted(size_t bytes);  // a multiple of 8, less than kLargeObject
  uint8_t* AllocateInNewBlock(Content content, size_t bytes,
                              bool populate);  // null if there is no room
  void* AllocateLarge(size_t bytes);           // zeroed; fatal if there is no room, see Reserve
  // Parts of collections.
  bool MinorCollection();  // false: it has not been done, since the run is to be ended
  bool FullCollection();   // false: it is unfinished, or not begun, since the run is to be ended
  void NoteFullCollection();
  void FinishCollectionNow();
  void AbandonCollection();  // before a reset
  // Asks for a collection if the old space has grown enough since the last, or is about to run out.
  void NoteOldGrowth();
  uint8_t* BlockStart(uint32_t index) const { return base_ + BlockOffset(index); }
  uint32_t BlockOffset(uint32_t index) const { return layout().old_begin + index * static_cast<uint32_t>(kBlockSize); }
  uint32_t BlockIndex(uint32_t offset) const { return (offset - layout().old_begin) / kBlockSize; }
  // How much may be spare. What the old space has resident stays within twice the heap limit: a full collection that
  // finds it in use up to the limit needs no more for the copies.
  size_t SpareLimit() const;
  // Gives back what is spare beyond `limit` bytes.
  void GiveBackSpare(size_t limit, bool polls);
  // Gives [begin, end) back to the system, to read as zero from now on. False if the system did not take it: it reads
  // as zero all the same, but stays resident.
  static bool Discard(uint8_t* begin, uint8_t* end);
  // Parts of Reset.
  void RestoreImage(size_t keep_bytes);
  bool DiscardKeptPages();
  void ClearOldSpace(size_t keep_bytes);
  void GiveBackKept(size_t keep_bytes);

  // Beside the start of the state, since allocation and the write barrier use both.
  uint8_t* base_;
  uint32_t young_begin_;
  uint32_t young_size_;  // of the whole young range, for the barrier
  // Reset, copied and compared as a whole.
  HeapState state_;

  // These stay when the heap is reset, and are each heap's own.
  const uint8_t* pristine_ = nullptr;
  Cage cage_;
  uint32_t max_blocks_;
  HeapOptions options_;
  Account account_;
  std::vector<RootSource*> roots_;
  // Reset by Clear and copied by CopyFrom, as they know what else of the cage has been written.
  DirtyPages dirty_;
  // Forgotten by a reset, and a copy has none.
  SpareMemory spare_;
  std::unique_ptr<Collector> unfinished_;  // a full collection that ended its run
  // Where the interpreter stands: nowhere, while nothing runs.
  Value* stack_top_ = nullptr;
  Value* stack_used_ = nullptr;
  // Ends of those parts of the cage that do not read as zero, or are resident, although the state does not tell; null:
  // there are none. The first is of what collections since the last Reset have found filled, the others are of what
  // resets have left resident.
  uint8_t* young_used_ = nullptr;
  uint8_t* young_kept_ = nullptr;
  uint8_t* stack_kept_ = nullptr;
  uint8_t* old_kept_ = nullptr;
};

}  // namespace islet::vm

#endif  // ISLET_ISOLATE_HEAP_HEAP_H_
