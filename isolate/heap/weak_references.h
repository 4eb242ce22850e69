// References that keep nothing alive, by number: what the host has behind objects of the heap hangs on them. When a
// collection finds that the object of one has died, it notes that, and no more; whoever has made the reference asks for
// the dead (TakeDied) when host code may run.
//
// An object may stand for memory that the host has outside of the heap: its external bytes count against the heap limit
// as long as it is alive, and cause collections, lest small objects keep large things.
//
// Invariants
//  1. No place is an address, so a table means the same in every cage of its layout (heap_state.h).
//  2. A collection of the nursery looks only at references made since the one before: all others are to old objects.
//  3. A heap without weak references has a null pointer here, which a collection or reset looks at once.

#ifndef ISLET_ISOLATE_HEAP_WEAK_REFERENCES_H_
#define ISLET_ISOLATE_HEAP_WEAK_REFERENCES_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "isolate/heap/value.h"

namespace islet::vm {

class WeakReferences {
 public:
  constexpr WeakReferences() = default;
  WeakReferences(const WeakReferences& other) { *this = other; }
  WeakReferences(WeakReferences&&) noexcept = default;
  WeakReferences& operator=(const WeakReferences& other) {
    if (table_ != nullptr || other.table_ != nullptr) Assign(other);
    return *this;
  }
  WeakReferences& operator=(WeakReferences&&) noexcept = default;
  ~WeakReferences() = default;
  // One that has never been used equals one of which nothing is left.
  bool operator==(const WeakReferences& other) const {
    static const Table none;
    return (table_ == nullptr ? none : *table_) == (other.table_ == nullptr ? none : *other.table_);
  }

  struct Kind {
    bool young;         // to an object of the nursery
    bool tells = true;  // TakeDied is to give its number
  };
  // The number of a new reference to `target`. Throws std::bad_alloc, and then nothing has happened.
  uint32_t Add(Value target, size_t external_bytes, Kind kind);
  // kUndefined if the object has died.
  Value Get(uint32_t number) const {
    return table_ != nullptr && number < table_->entries.size() ? table_->entries[number].target : kUndefined;
  }
  // Forgets a reference, whose number may be given to another from now on. Takes no memory.
  void Drop(uint32_t number);
  bool AnyDied() const { return table_ != nullptr && !table_->died.empty(); }
  // The number of a reference whose object has died, each once, until it is dropped. False: there is none (any more).
  bool TakeDied(uint32_t* number);

  // Of the objects that are alive, as far as is known; and of those to which a reference was made since the last
  // collection.
  size_t external_bytes() const { return table_ == nullptr ? 0 : table_->external_bytes; }
  size_t fresh_external_bytes() const { return table_ == nullptr ? 0 : table_->fresh_external_bytes; }

  // ---- For the collector: takes no memory. `new_place(target)` is where the object is now, or kUndefined if it is
  // dead.
  template <typename NewPlace>
  void FollowYoung(NewPlace&& new_place) {
    if (table_ == nullptr) return;
    for (const uint32_t number : table_->young) Follow(number, new_place);
    EndCollection();
  }
  // The same of all. False if `stopped()` says, every so many references, that the collection is to stop: it may be
  // done again then.
  template <typename NewPlace, typename Stopped>
  [[nodiscard]] bool FollowAll(NewPlace&& new_place, Stopped&& stopped) {
    if (table_ == nullptr) return true;
    for (uint32_t number = 0; number < table_->entries.size(); ++number) {
      if (number % kFollowedAtOnce == kFollowedAtOnce - 1 && stopped()) return false;
      Follow(number, new_place);
    }
    EndCollection();
    return true;
  }

 private:
  static constexpr uint32_t kFollowedAtOnce = 2048;

  struct Entry {
    enum State : uint8_t { kFree, kAlive, kDied, kTaken };
    Value target = kUndefined;
    State state = kFree;
    bool tells = false;
    size_t external_bytes = 0;
    bool operator==(const Entry&) const = default;
  };
  struct Table {
    std::vector<Entry> entries;
    std::vector<uint32_t> free;   // numbers
    std::vector<uint32_t> young;  // made since the last collection; some may have been dropped meanwhile
    std::vector<uint32_t> died;   // likewise
    size_t external_bytes = 0;
    size_t fresh_external_bytes = 0;
    bool operator==(const Table&) const = default;
  };

  template <typename NewPlace>
  void Follow(uint32_t number, NewPlace&& new_place) {
    Entry& entry = table_->entries[number];
    if (entry.state != Entry::kAlive) return;
    entry.target = new_place(entry.target);
    if (entry.target == kUndefined) NoteDeath(number);
  }
  void Assign(const WeakReferences& other);
  void NoteDeath(uint32_t number);
  void EndCollection();

  std::unique_ptr<Table> table_;
};

}  // namespace islet::vm

#endif  // ISLET_ISOLATE_HEAP_WEAK_REFERENCES_H_
