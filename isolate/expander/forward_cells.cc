#include "isolate/expander/forward_cells.h"

#include <cstddef>
#include <vector>

#include "isolate/data/hash_table.h"
#include "isolate/heap/objects.h"
#include "isolate/interpreter/limits.h"

namespace islet::vm {

namespace {

constexpr size_t kFirstSize = 64;

// The search for cells named `symbol` begins here.
size_t FirstSlot(const Heap& heap, const std::vector<Value>& slots, Value symbol) {
  return static_cast<size_t>(heap.Get<Symbol>(symbol)->hash.fixnum()) & (slots.size() - 1);
}

// A cell that has been defined meanwhile is no concern of this table any more.
bool IsForward(const Heap& heap, Value cell) { return (HeaderFlags(heap.header(cell)) & kForwardCellFlag) != 0; }

void Insert(const Heap& heap, std::vector<Value>* slots, Value cell) {
  size_t i = FirstSlot(heap, *slots, heap.Get<Cell>(cell)->name);
  while ((*slots)[i] != kUndefined) i = (i + 1) & (slots->size() - 1);
  (*slots)[i] = cell;
}

// Room for one more, at most half of the slots being taken.
void Grow(Heap& heap) {
  Heap::ForwardCells& cells = heap.forward_cells();
  if (2 * (cells.count + 1) <= cells.slots.size()) return;
  // The collector may have dropped many since they were counted.
  std::vector<Value> live;
  for (const Value cell : cells.slots) {
    if (cell != kUndefined && IsForward(heap, cell)) live.push_back(cell);
  }
  size_t size = kFirstSize;
  while (size < 4 * (live.size() + 1)) size *= 2;
  cells.slots.assign(size, kUndefined);
  for (const Value cell : live) Insert(heap, &cells.slots, cell);
  cells.count = live.size();
}

}  // namespace

Value FindForwardCell(Heap& heap, Value environment, Value symbol) {
  const std::vector<Value>& slots = heap.forward_cells().slots;
  if (slots.empty()) return kUndefined;
  for (size_t i = FirstSlot(heap, slots, symbol); slots[i] != kUndefined; i = (i + 1) & (slots.size() - 1)) {
    const Cell* cell = heap.Get<Cell>(slots[i]);
    if (cell->name == symbol && cell->home == environment && IsForward(heap, slots[i])) return slots[i];
  }
  return kUndefined;
}

Value ForwardCell(Heap& heap, Value environment, Value symbol) {
  if (const Value known = FindForwardCell(heap, environment, symbol); known != kUndefined) return known;
  Cell* cell = static_cast<Cell*>(heap.NewUnmoving(ObjectType::kCell, sizeof(Cell), kForwardCellFlag, 0));
  cell->value = kUndefined;
  cell->name = symbol;
  cell->home = environment;
  const Value made = heap.ValueOf(cell);
  Grow(heap);
  Insert(heap, &heap.forward_cells().slots, made);
  ++heap.forward_cells().count;
  return made;
}

absl::Status EnterForwardCells(Vm& vm) {
  Heap& heap = vm.heap();
  if (heap.forward_cells().slots.empty()) return absl::OkStatus();
  heap.CollectFull();
  const std::vector<Value> cells = heap.forward_cells().slots;  // unmoving, and what keeps them alive is not run
  for (const Value cell : cells) {
    if (cell == kUndefined || !IsForward(heap, cell)) continue;
    const auto bindings = [&] { return heap.Get<Environment>(heap.Get<Cell>(cell)->home)->bindings; };
    if (!heap.Reserve(4096 + HashTableGrowthBytes(heap, bindings()))) {
      return HeapLimitStatus(vm, "while a snapshot was made");
    }
    const Value name = heap.Get<Cell>(cell)->name;
    if (HashTableGet(heap, bindings(), name, kUndefined) == kUndefined) HashTablePut(heap, bindings(), name, cell);
  }
  heap.forward_cells() = {};
  return absl::OkStatus();
}

}  // namespace islet::vm
