#include "isolate/heap/weak_references.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

namespace islet::vm {

uint32_t WeakReferences::Add(Value target, size_t external_bytes, Kind kind) {
  if (table_ == nullptr) table_ = std::make_unique<Table>();
  Table& table = *table_;
  if (kind.young) {
    // Where references are made and dropped again and again, with no collection between, a number comes many times.
    if (table.young.size() >= 2 * table.entries.size() + kFollowedAtOnce) {
      std::sort(table.young.begin(), table.young.end());
      table.young.erase(std::unique(table.young.begin(), table.young.end()), table.young.end());
    }
    if (table.young.size() == table.young.capacity()) table.young.reserve(2 * table.young.size() + 16);
  }
  if (table.free.empty()) {
    // So that neither a collection nor the end of a reference takes memory.
    const size_t count = table.entries.size() + 1;
    if (count > table.entries.capacity()) {
      const size_t room = std::max<size_t>(2 * table.entries.capacity(), 16);
      table.free.reserve(room);
      table.died.reserve(room);
      table.entries.reserve(room);
    }
    table.free.push_back(static_cast<uint32_t>(table.entries.size()));
    table.entries.emplace_back();
  }
  const uint32_t number = table.free.back();
  table.free.pop_back();
  if (kind.young) table.young.push_back(number);
  table.entries[number] = {target, Entry::kAlive, kind.tells, external_bytes};
  table.external_bytes += external_bytes;
  table.fresh_external_bytes += external_bytes;
  return number;
}

void WeakReferences::Drop(uint32_t number) {
  Entry& entry = table_->entries[number];
  if (entry.state == Entry::kAlive) table_->external_bytes -= entry.external_bytes;
  if (entry.state == Entry::kDied) std::erase(table_->died, number);
  entry = Entry();
  table_->free.push_back(number);
}

bool WeakReferences::TakeDied(uint32_t* number) {
  if (!AnyDied()) return false;
  *number = table_->died.back();
  table_->died.pop_back();
  table_->entries[*number].state = Entry::kTaken;
  return true;
}

void WeakReferences::Assign(const WeakReferences& other) {
  if (this != &other) table_ = other.table_ == nullptr ? nullptr : std::make_unique<Table>(*other.table_);
}

void WeakReferences::NoteDeath(uint32_t number) {
  Entry& entry = table_->entries[number];
  entry.state = entry.tells ? Entry::kDied : Entry::kTaken;
  table_->external_bytes -= std::exchange(entry.external_bytes, 0);
  if (entry.tells) table_->died.push_back(number);
}

void WeakReferences::EndCollection() {
  table_->young.clear();
  table_->fresh_external_bytes = 0;
}

}  // namespace islet::vm
