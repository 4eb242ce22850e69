// A variable that the collector knows and mends.

#ifndef ISLET_ISOLATE_HEAP_SLOT_ROOT_H_
#define ISLET_ISOLATE_HEAP_SLOT_ROOT_H_

#include "isolate/heap/heap.h"

namespace islet::vm {

// Makes *slot a root for as long as this lives. The slot must live as long.
class SlotRoot : public RootSource {
 public:
  SlotRoot(Heap& heap, Value* slot) : heap_(heap), slot_(slot) { heap_.AddRoots(this); }
  ~SlotRoot() override { heap_.RemoveRoots(this); }
  SlotRoot(const SlotRoot&) = delete;
  SlotRoot& operator=(const SlotRoot&) = delete;
  void VisitRoots(Visit visit, void* context) override { visit(slot_, context); }

 private:
  Heap& heap_;
  Value* slot_;
};

}  // namespace islet::vm

#endif  // ISLET_ISOLATE_HEAP_SLOT_ROOT_H_
