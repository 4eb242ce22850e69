// The collector: copies what is live out of the nursery (minor collection), or out of the nursery
// and the moving blocks of the old space (full collection).
//
// All survivors of the nursery are promoted at once; so after a collection there is no young
// object, and no old slot to remember. Copied objects are scanned where they were copied to (C. J.
// Cheney, A nonrecursive list compacting algorithm, 1970), in one chain of blocks for pairs and one
// for other objects; objects without references go to blocks that are not scanned. Large and
// unmoving objects are marked instead, in full collections; their blocks wait in a list to be
// scanned, with bitmaps for what is reached and scanned. So nothing here grows with the depth or
// number of objects, but the old space itself.
//
// Each chain is scanned to its end before the next root, remembered slot or slot of a large object is visited. Were it
// scanned at last, the first elements of all lists of a table would come to lie side by side, then all second ones: a
// list that died would leave holes of one element in every block, and one that lives would be spread over all.
//
// Where an object of the nursery was, its new reference is left:
//   pair     kForwarded in the car, the reference in the cdr
//   object   the reference in place of the header, whose low bits are 000
//   flonum   the reference in the low half, kMovedFlonum in the high one: a signalling NaN, which arithmetic never
//            yields and Heap::MakeFlonum replaces
// Objects of the old space stay as they were. Their new references lie in a table, one word for
// each 8 bytes of the blocks that are evacuated, which lies at the end of the nursery's range. So a
// full collection can stop at any time, when the run it was made for is to be ended (poll.h): with
// the nursery collected before, every object can still be read through every reference. It is
// finished later, or dropped by a reset.

#ifndef ISLET_ISOLATE_HEAP_COLLECTOR_H_
#define ISLET_ISOLATE_HEAP_COLLECTOR_H_

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "isolate/heap/heap.h"
#include "isolate/heap/pieces.h"

namespace islet::vm {

// Lives for one collection.
class Collector {
 public:
  enum class Polls { kNo, kYes };

  explicit Collector(Heap& heap);
  // False if a poll has said that the run is to be ended: then nothing has been done. It polls
  // before it moves anything only, while it looks for what of large objects is to be visited; the
  // rest takes no longer than the nursery is large.
  [[nodiscard]] bool Minor(Polls polls);
  // False if a poll has said that the run is to be ended: then Finish must follow, or a reset. If
  // it polls, the nursery must be empty.
  [[nodiscard]] bool Full(Polls polls);
  void Finish();

 private:
  static constexpr uint32_t kMovedFlonum = 0x7FF40000;
  // Slots looked at between two polls; and names.
  static constexpr size_t kSlotsAtOnce = 2048;
  using Block = Heap::Block;

  // How far a chain of blocks has been scanned: all of blocks[0, index), and blocks[index] up to
  // `at`. So little is looked at to go on, since most of the time a few objects are all there is to scan.
  struct Cursor {
    size_t index = 0;
    uint8_t* at = nullptr;  // null: the block's start
    uint32_t end = 0;       // of that block, a cage offset; 0: `at` is null
    uint32_t top = 0;       // the chain's when it was last scanned to its end: a cage offset, or 0 if it was empty
  };

  // Replaces a reference to an object that moves; marks one that does not.
  template <bool kFull>
  void Visit(Value* slot);
  // The same, and then all that the object leads to, as far as it moves: so objects that belong together come to lie
  // together.
  template <bool kFull>
  void VisitWhole(Value* slot);
  template <bool kFull>
  void VisitRoots();
  template <bool kFull>
  void VisitDirtyPages();
  template <bool kFull>
  void ScanPair(uint8_t* at);
  // Scans all copies of pairs that have not been scanned; of pairs and other objects. False if there were none.
  template <bool kFull>
  bool ScanPairs();
  template <bool kFull>
  bool DrainCopies();
  bool HasUnscanned(Heap::Content content) const { return state_.old.moving[content].top != cursors_[content].top; }
  // Likewise, and what has been marked.
  template <bool kFull>
  void Drain();
  template <bool kFull, typename Scan>
  bool ScanChain(Heap::Content content, Scan&& scan);
  // Polls now and then. False if the collection is to stop.
  bool CountScanned(ptrdiff_t bytes);
  bool FindYoungParts();
  bool ScanMarked();
  void ScanLarge(uint32_t* object);
  void ScanUnmoving(uint8_t* start);

  // The parts of a full collection. Those that return something may be done again; it is false if
  // the collection is to stop.
  void PrepareForwarding();
  void StartForwarding(uint32_t index);
  bool Trace();
  bool SweepNames();
  // Leaves in a weak table of unmoving objects those that are marked and `kept`, placed by `hash_of`.
  template <typename Kept, typename HashOf>
  bool SweepWeak(std::vector<Value>* table, Kept&& kept, HashOf&& hash_of);
  bool SweepUnmoving();
  void Complete(int64_t start);
  void NotePause(int64_t start);  // which began then (ReadClock)
  // Polls, if this collection does, and remembers the answer.
  bool Stopped();

  // The new reference to an object of the nursery; or of the old space, whose place in the table is
  // `forward`.
  Value Evacuate(Value v);
  Value EvacuateSlow(Value v);
  Value EvacuateOld(Value v, Value* forward);
  Value EvacuateOldSlow(Value v, Value* forward);
  Value CopyWord(Tag tag, Heap::Content content, const uint8_t* from);
  Value Copy(Value v);
  uint8_t* Allocate(Heap::Content content, size_t bytes);
  uint8_t* AllocateInNewBlock(Heap::Content content, size_t bytes);
  void MarkLarge(uint32_t index);
  void MarkUnmoving(uint32_t index, uint32_t offset);
  void Enqueue(uint32_t index);
  bool IsMarked(Value unmoving) const;
  // Where what a weak reference refers to is now, once all that is alive has been reached; kUndefined if it is dead.
  Value NewPlace(Value v) const;
  Value NewPlaceOfYoung(Value v) const;
  bool FollowWeak();

  void SweepLarge();
  void ResetNursery();

  Heap& heap_;
  HeapState& state_;
  uint8_t* const base_;
  const uint32_t young_begin_;
  const uint32_t young_size_;
  const uint32_t old_begin_;
  bool polls_ = false;
  bool stopped_ = false;
  ptrdiff_t unpolled_ = 0;  // bytes of copies scanned since the last poll
  uint64_t moved_ = 0;
  uint64_t roots_ = 0;                       // visited so far
  uint32_t made_[Heap::kContentCount] = {};  // blocks
  // The forwarding table is handed out to blocks from the nursery's end downwards: so far down to the first, and not
  // below the second.
  uint32_t forwarding_ = 0;
  uint32_t forwarding_floor_ = 0;
  Cursor cursors_[Heap::kContentCount];
  uint32_t queue_ = Heap::kNoBlock;  // blocks with marked objects to scan
  std::vector<uint32_t> from_[Heap::kContentCount];
  // The slots of fresh large objects that refer to the nursery: parts full of such slots, and single slots.
  std::vector<std::pair<Value*, Value*>> young_parts_;
  Pieces<Value*> young_slots_;
};

}  // namespace islet::vm

#endif  // ISLET_ISOLATE_HEAP_COLLECTOR_H_
