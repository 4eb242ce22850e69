// Lists that primitives build.

#ifndef ISLET_ISOLATE_RUNTIME_LIST_BUILDING_H_
#define ISLET_ISOLATE_RUNTIME_LIST_BUILDING_H_

#include <cstdint>

#include "isolate/heap/heap.h"
#include "isolate/interpreter/vm.h"
#include "isolate/runtime/arguments.h"

namespace islet::vm {

// Makes a list's pairs: in the nursery; or, if they are many, in the old space at once, for a collection that had to
// move them all there would take milliseconds.
class PairMaker {
 public:
  explicit PairMaker(Heap& heap) : heap_(heap) {}

  // Makes room for `count` pairs. May collect: afterwards only args[] is to be trusted. False, with an error: there is
  // none.
  [[nodiscard]] bool Reserve(Vm& vm, const char* who, uint64_t count) {
    const uint64_t bytes = count * sizeof(Pair);
    if (bytes <= kNeedsNoReserve) return true;
    promoted_ = true;
    // Afterwards the objects that the pairs refer to are old as well. ReserveFor says whether it all fits.
    (void)heap_.Collect();
    return ReserveFor(vm, who, bytes);
  }
  Value Cons(Value car, Value cdr) const {
    return __builtin_expect(promoted_, 0) ? heap_.ConsPromoted(car, cdr) : heap_.Cons(car, cdr);
  }

 private:
  Heap& heap_;
  bool promoted_ = false;
};

// Collects a list from front to back.
class ListBuilder {
 public:
  explicit ListBuilder(Heap& heap) : heap_(heap), pairs_(heap) {}

  // Makes the pairs of the list and of the objects in it. Reserve room for all of them first.
  PairMaker& pairs() { return pairs_; }
  void Add(Value v) {
    const Value pair = pairs_.Cons(v, kNull);
    // The last pair was made since the last safepoint, and where this one is: no barrier.
    if (last_ == kNull) {
      first_ = pair;
    } else {
      heap_.Get<Pair>(last_)->cdr = pair;
    }
    last_ = pair;
  }
  // The list, ending in `tail`.
  Value Finish(Value tail) {
    if (last_ == kNull) return tail;
    heap_.Write(&heap_.Get<Pair>(last_)->cdr, tail);
    return first_;
  }

 private:
  Heap& heap_;
  PairMaker pairs_;
  Value first_ = kNull;
  Value last_ = kNull;
};

}  // namespace islet::vm

#endif  // ISLET_ISOLATE_RUNTIME_LIST_BUILDING_H_
