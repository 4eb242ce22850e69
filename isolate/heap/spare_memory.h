// Memory of a heap in which nothing is, and which stays resident nevertheless: free blocks of the old space, and the
// table that full collections need (collector.h). To clear a page takes a fifth of a microsecond; to give it back and
// have it again takes some twenty on a virtual machine, and a program that collects does so all the time.
//
//   old space   |  in use  |  spare, old contents  |  in use  |  spare, zero  |  absent ...
//   nursery     |  objects  |  absent ...                |  table, old contents  | its end
//
// Invariants
//  1. What is absent reads as zero. What is spare reads as zero only once it has been taken: TakeBlock, TakeTable.
//  2. What is spare decides how long things take, and nothing else. So it is no part of HeapState: no object's place
//     depends on it, a reset forgets it, a copy has none, and comparisons do not look at it.
//
// It goes back by these rules. Time is counted in periods: one ends with each full collection; or, while none is due,
// with eight times as many bytes allocated as the old space has resident, as refilling that cannot cost much then.
//  - Blocks that have been spare all through two periods are surplus, and so is what of the table neither has used.
//    Surplus goes back after minor collections, a few blocks with each, the last ones of the old space first.
//  - What is spare beyond the heap's limit (Heap::SpareLimit) goes back when it is freed.
//  - All goes back when a host collects (Heap::CollectFull), and beyond what is to be kept when a heap is reset.
//
// Thread safety: none; it belongs to one heap.

#ifndef ISLET_ISOLATE_HEAP_SPARE_MEMORY_H_
#define ISLET_ISOLATE_HEAP_SPARE_MEMORY_H_

#include <cstddef>
#include <cstdint>

#include "isolate/heap/heap_state.h"
#include "isolate/heap/reusable_vector.h"

namespace islet::vm {

class SpareMemory {
 public:
  // `old_begin` is where the first block lies; the table ends at `table_end`, and grows towards lower addresses.
  SpareMemory(uint8_t* old_begin, uint8_t* table_end) : old_begin_(old_begin), table_end_(table_end) {}
  SpareMemory(const SpareMemory&) = delete;
  SpareMemory& operator=(const SpareMemory&) = delete;

  size_t bytes() const { return count_ * kBlockSize + table_bytes_; }
  size_t table_bytes() const { return table_bytes_; }

  // ---- Blocks, by their index.

  // Whoever makes the old space longer asks for room for so many, so that to free them needs no memory.
  void MakeRoomFor(size_t blocks);
  // It has been freed. Its first `used` bytes may be anything, the others are zero.
  void AddBlock(uint32_t index, size_t used);
  // It is taken into use, and reads as zero. True if it is resident.
  bool TakeBlock(uint32_t index);
  // Makes a free block spare, and zero, that is absent.
  void TouchBlock(uint32_t index);
  // Makes a spare block zero; nothing if it is absent.
  void ClearBlock(uint32_t index);
  bool IsSpare(uint32_t index) const { return index < blocks_.size() && blocks_[index] != kAbsent; }
  // Whether it may not read as zero.
  bool IsStale(uint32_t index) const { return IsSpare(index) && blocks_[index] != kZero; }
  // No block from this one on is spare.
  uint32_t blocks_end() const { return static_cast<uint32_t>(blocks_.size()); }
  // The caller has made them all read as zero.
  void ForgetBlocks();

  // ---- The table.

  // The part [begin, end) is taken into use, and reads as zero. Parts are taken from the table's end towards `floor`,
  // a page's boundary where the table begins at most.
  void TakeTable(uint8_t* begin, uint8_t* end, uint8_t* floor);
  // What lies below `end`, a page's boundary, is the nursery's, which has been filled up to there.
  void CutTable(uint8_t* end);
  // All of the table reads as zero, and goes back; unless the system refuses that.
  void DropTable();

  // ---- What goes back. Not while the table is in use.

  // A full collection has ended, and its blocks have been freed.
  void EndPeriod();
  // A minor collection of `young_bytes` has ended; the old space has `old_bytes` in use. Gives back some of the
  // surplus.
  void NoteMinorCollection(size_t young_bytes, size_t old_bytes);
  // Gives back what is more than `limit` bytes; nothing more once a poll says that the run is to be ended.
  void GiveBackBeyond(size_t limit, bool polls);

 private:
  static constexpr size_t kBlockSize = HeapState::kBlockSize;
  // What blocks_ has for a block.
  static constexpr uint32_t kAbsent = 0;  // or in use
  static constexpr uint32_t kZero = 1;    // 1 + n: spare, and the first n bytes may be anything

  struct Period {
    uint32_t least_blocks = 0;  // that have been spare at once
    size_t most_table = 0;      // bytes in use at once
  };

  uint8_t* BlockStart(size_t index) const { return old_begin_ + index * kBlockSize; }
  // Gives back the last spare blocks, `most` of them at most and those in a row. How many; 0 if the system refuses.
  uint32_t GiveBackLastBlocks(uint32_t most);
  // Gives back `bytes` of the table's start at most. False if the system refuses.
  bool GiveBackTable(size_t bytes);

  uint8_t* const old_begin_;
  uint8_t* const table_end_;
  ReusableVector<uint32_t> blocks_;  // past the last one that is spare, none
  uint32_t count_ = 0;               // of spare blocks
  size_t table_bytes_ = 0;           // resident, before table_end_
  Period last_, now_;
  size_t allocated_ = 0;  // bytes in this period
  // Surplus that has yet to go back.
  uint32_t surplus_blocks_ = 0;
  size_t surplus_table_ = 0;
};

}  // namespace islet::vm

#endif  // ISLET_ISOLATE_HEAP_SPARE_MEMORY_H_
