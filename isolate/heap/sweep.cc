// What a full collection frees where nothing moves: names that nothing refers to, unmoving objects, large ones.

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "isolate/heap/collector.h"

namespace islet::vm {

template <typename Kept, typename HashOf>
bool Collector::SweepWeak(std::vector<Value>* table, Kept&& kept, HashOf&& hash_of) {
  std::vector<Value> live;
  bool died = false;
  for (size_t i = 0; i < table->size(); ++i) {
    if (i % kSlotsAtOnce == 0 && Stopped()) return false;
    const Value v = (*table)[i];
    if (v == kUndefined) continue;
    if (IsMarked(v) && kept(v)) {
      live.push_back(v);
    } else {
      died = true;
    }
  }
  if (!died) return true;
  std::vector<Value> swept(table->size(), kUndefined);
  const size_t mask = swept.size() - 1;
  for (size_t n = 0; n < live.size(); ++n) {
    if (n % kSlotsAtOnce == 0 && Stopped()) return false;
    size_t i = static_cast<uint32_t>(hash_of(live[n]).fixnum()) & mask;
    while (swept[i] != kUndefined) i = (i + 1) & mask;
    swept[i] = live[n];
  }
  table->swap(swept);
  return true;
}

bool Collector::SweepNames() {
  const auto hash_of_symbol = [this](Value symbol) { return heap_.Get<Symbol>(symbol)->hash; };
  const auto is_forward = [this](Value cell) { return (HeaderFlags(heap_.header(cell)) & kForwardCellFlag) != 0; };
  const auto hash_of_name = [&](Value cell) { return hash_of_symbol(heap_.Get<Cell>(cell)->name); };
  return SweepWeak(
             &state_.names.symbols, [](Value) { return true; }, hash_of_symbol) &&
         SweepWeak(&state_.names.forward_cells.slots, is_forward, hash_of_name);
}

bool Collector::SweepUnmoving() {
  state_.old.unmoving_free.clear();
  std::vector<uint32_t> kept;
  for (size_t n = 0; n < state_.old.unmoving_blocks.size(); ++n) {
    if (Stopped()) {
      kept.insert(kept.end(), state_.old.unmoving_blocks.begin() + static_cast<ptrdiff_t>(n),
                  state_.old.unmoving_blocks.end());
      break;
    }
    const uint32_t index = state_.old.unmoving_blocks[n];
    uint8_t* const start = heap_.BlockStart(index);
    uint8_t* const end = start + state_.old.blocks[index].top;
    uint8_t* hole = nullptr;
    const size_t holes_before = state_.old.unmoving_free.size();
    const auto close = [&](uint8_t* at) {
      if (hole == nullptr) return;
      const uint32_t bytes = static_cast<uint32_t>(at - hole);
      *reinterpret_cast<Filler*>(hole) = {MakeHeader(ObjectType::kFiller), bytes};
      state_.old.unmoving_free.emplace_back(static_cast<uint32_t>(hole - base_), bytes);
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
      state_.old.unmoving_free.resize(holes_before);
      heap_.FreeBlocks(index, 1);
      continue;
    }
    close(end);
    kept.push_back(index);
  }
  state_.old.unmoving_blocks.swap(kept);
  return !stopped_;
}

void Collector::SweepLarge() {
  for (uint32_t index = 0; index < state_.old.blocks.size();) {
    Block& block = state_.old.blocks[index];
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
