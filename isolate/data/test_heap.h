// A heap without a snapshot, and roots, for the tests of this folder.

#ifndef ISLET_ISOLATE_DATA_TEST_HEAP_H_
#define ISLET_ISOLATE_DATA_TEST_HEAP_H_

#include <deque>
#include <utility>

#include "gtest/gtest.h"
#include "isolate/heap/cage.h"
#include "isolate/heap/heap.h"

namespace islet::vm {

class HeapTest : public ::testing::Test, public RootSource {
 protected:
  HeapTest() : heap(MakeCage(), HeapOptions()) { heap.AddRoots(this); }
  ~HeapTest() override { heap.RemoveRoots(this); }

  // A place that collections keep up to date.
  Value& Root(Value v) { return roots_.emplace_back(v); }

  Value List() { return kNull; }
  template <typename... Rest>
  Value List(Value first, Rest... rest) {
    const Value tail = List(rest...);
    return heap.Cons(first, tail);
  }
  // A symbol, but in no table.
  Value MakeSymbol(uint32_t hash) {
    Symbol* s = static_cast<Symbol*>(heap.NewUnmoving(ObjectType::kSymbol, sizeof(Symbol), kUninternedFlag, 0));
    s->hash = Value::Fixnum(static_cast<int32_t>(hash));
    s->name = kFalse;
    return heap.ValueOf(s);
  }

  void VisitRoots(Visit visit, void* context) override {
    for (Value& v : roots_) visit(&v, context);
  }

  Heap heap;

 private:
  static Cage MakeCage() {
    auto cage = Cage::Create(CageLayout::For(uint64_t{1} << 32, 0, 0), ImageSource());
    if (!cage.ok()) ADD_FAILURE() << cage.status();
    return *std::move(cage);
  }

  std::deque<Value> roots_;
};

}  // namespace islet::vm

#endif  // ISLET_ISOLATE_DATA_TEST_HEAP_H_
