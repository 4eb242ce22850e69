// HeapState is all of a heap but the bytes in its cage and the pages that its program has dirtied:
//
//   young_begin       young.top  young.soft_end  young.due   young.hard_end            young_end
//   |  fresh objects  |  free    |  free         |  free     |                         |
//                                                          '- a full collection's table, at the end
//   old_begin
//   |  old.blocks[0]  |  old.blocks[1]  |  ...  |  free
//
// Invariants
//  1. Every place is a cage offset, and no field is an address. So a state means the same in every cage of its layout,
//     and is assigned, not translated: a heap that is reset gets a new one (Heap::Initialize), a fork its parent's.
//  2. Two heaps are the same if their states are equal, and the bytes that these say are in use. What depends on the
//     clock (HeapPauses) is equal to all of its kind.
//  3. A field that is added here is reset, copied and compared with the others. What belongs to the cage or to the
//     embedder, and so outlives a tenant (what is resident, root sources, options), is a field of Heap instead.

#ifndef ISLET_ISOLATE_HEAP_HEAP_STATE_H_
#define ISLET_ISOLATE_HEAP_HEAP_STATE_H_

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "isolate/heap/reusable_vector.h"
#include "isolate/heap/value.h"
#include "isolate/heap/weak_references.h"

namespace islet::vm {

struct HeapCounts {
  uint64_t minor_collections = 0;
  uint64_t full_collections = 0;
  uint64_t allocated_bytes = 0;   // since the heap was made, whether alive or not
  uint64_t rehashed_entries = 0;  // of hash tables, placed anew since keys had moved (data/hash_table.h)
  bool operator==(const HeapCounts&) const = default;
};

struct HeapPauses {
  uint64_t minor_nanoseconds = 0;
  uint64_t full_nanoseconds = 0;
  uint64_t longest_minor_nanoseconds = 0;
  uint64_t longest_full_nanoseconds = 0;
  // The same work takes another time each time.
  bool operator==(const HeapPauses&) const { return true; }
};

struct HeapState {
  // Bytes of nursery that are filled before a collection, at most: half as much while much of it survives, so that no
  // pause is long.
  static constexpr size_t kNurserySize = size_t{1} << 20;
  // Old bytes before which no full collection is due: one of so few would free little for what it costs.
  static constexpr size_t kMinFullThreshold = size_t{8} << 20;
  // Remembered slots before which nobody looks for duplicates among them.
  static constexpr size_t kRememberedLimit = size_t{64} << 10;

  // Where the interpreter's inline allocation finds its bounds.
  struct Nursery {
    uint32_t top = 0;       // first free byte
    uint32_t soft_end = 0;  // a safepoint past this stops: see Heap::CollectionIsDue
    uint32_t due = 0;       // and past this collects; the same, unless the nursery is filled in slices
    uint32_t hard_end = 0;  // nothing is allocated past this
    size_t wanted = kNurserySize / 2;
    uint32_t promoted = 0;  // blocks that the last minor collection has taken
    bool operator==(const Nursery&) const = default;
  };

  // Old space is made of blocks, in use or free. One that is taken into use reads as zero (see SpareMemory).
  static constexpr size_t kBlockSize = size_t{64} << 10;
  struct Block {
    enum Kind : uint8_t { kFree, kMoving, kUnmoving, kLargeHead, kLargeTail };
    Kind kind = kFree;
    // Large head: reached in this full collection. Moving: made during this full collection, so its
    // objects stay.
    bool marked = false;
    bool fresh = false;   // large head: made since the last collection
    bool queued = false;  // large head, unmoving: in the collector's list of blocks to scan
    uint32_t run = 1;     // large head: its blocks; large tail: blocks back to the head
    uint32_t top = 0;     // bytes in use
    // Large head, unmoving: in the collector's list. Moving, while evacuated: where its part of the
    // forwarding table begins, or Heap::kNoBlock if it has none yet.
    uint32_t next = 0;
    bool operator==(const Block&) const = default;
  };
  // A moving block holds objects of one kind only. Pairs have no header, so a block of pairs and others could not be
  // scanned from end to end; and leaves, which hold no references, need not be.
  enum Content { kPairs, kObjects, kLeaves, kContentCount };
  // Where objects of one content are promoted to: the last of `blocks`, from `top`. Both 0 if there are no blocks.
  struct MovingSpace {
    ReusableVector<uint32_t> blocks;
    uint32_t top = 0;
    uint32_t end = 0;
    bool operator==(const MovingSpace&) const = default;
  };
  struct OldSpace {
    ReusableVector<Block> blocks;
    uint32_t free_blocks = 0;  // within `blocks`
    uint32_t lowest_free = 0;  // no free block below this one
    MovingSpace moving[kContentCount];
    ReusableVector<uint32_t> unmoving_blocks;                     // new objects go to the last one
    ReusableVector<std::pair<uint32_t, uint32_t>> unmoving_free;  // (offset, bytes) holes left by dead code and symbols
    size_t bytes = 0;                                             // blocks in use, whole
    size_t full_threshold = kMinFullThreshold;                    // bytes at which the next collection is a full one
    bool operator==(const OldSpace&) const = default;
  };

  // A collection of the nursery looks at these besides roots and dirty pages.
  struct Fresh {
    ReusableVector<uint32_t> large;              // blocks of large objects made since the last collection
    ReusableVector<Value> unmoving;              // likewise symbols and code
    ReusableVector<uint32_t> remembered;         // offsets of old slots that may refer to the nursery
    size_t remembered_limit = kRememberedLimit;  // size at which to look for duplicates
    bool operator==(const Fresh&) const = default;
  };

  // Cells of names that have no definition yet, unmoving: a table by the hashes of the names, and weak. Those that have
  // been defined meanwhile leave it, too. See expander/forward_cells.h.
  struct ForwardCells {
    ReusableVector<Value> slots;
    size_t count = 0;  // at least as many as there are
    bool operator==(const ForwardCells&) const = default;
  };
  // Weak tables, which are here because only the collector knows what died.
  struct Names {
    ReusableVector<Value> symbols;  // see Heap::young_symbols
    ForwardCells forward_cells;
    bool operator==(const Names&) const = default;
  };

  Nursery young;
  OldSpace old;
  Fresh fresh;
  bool evacuating = false;  // from the start of a full collection to its end
  Names names;
  WeakReferences weak;
  uint32_t move_epoch = 1;  // counts collections that moved something
  HeapCounts counts;        // of these, young objects are not allocated yet: see Heap::Stats
  HeapPauses pauses;
  bool operator==(const HeapState&) const = default;
};

}  // namespace islet::vm

#endif  // ISLET_ISOLATE_HEAP_HEAP_STATE_H_
