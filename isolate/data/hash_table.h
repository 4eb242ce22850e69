// Hash tables that keep the order of insertion. A HashTable (heap/objects.h) has
//
//   entries  a Vector of TableEntry in order of insertion; a deleted one's key is kDeleted
//   index    a Bytevector of 2^n words (n stands in the table's header, too), searched from word
//            `hash & mask` on (ProbeSequence): 0 is free; else the low n bits are an entry's number
//            + 1 and the others the hash's own, so that an entry is looked at only if it is likely
//            to match
//
// Entries are at most 3/4 of the index's words. When they are used up, the table is rebuilt without
// the deleted ones.
//
// Functions that go through a table, or a large key, poll (heap/poll.h). If the run is being ended, lookups may find
// nothing, and a table may stay as it was.
//
// Invariants
//  1. Looking something up in a table of the snapshot writes nothing: objects of the snapshot never
//     move, so the hashes of keys hashed by their address stay right. kAddressKeysFlag is set only
//     once a key *outside* the snapshot is hashed by its address.
//     Nor does it fault in pages of the table: lookups of all kinds read through Heap::Peek.
//  2. With kAddressKeysFlag, a lookup after a collection finds keys where they are not any more: after a minor one
//     those that were young, which are the last; after a full one any. Each lookup places some of the entries anew,
//     and looks through the others one by one, so that none takes long, however large the table. A word of the index
//     under which an entry was found before stays, and does no harm, as keys are compared. If there are too many of
//     these, the index is emptied, as it is after a full collection, and all entries are placed anew, likewise.
//  3. The snapshot writer, which gives objects new offsets, re-places entries itself: KeyHash tells
//     which hashes come from addresses, AddressHash (equality.h) and PlaceEntry do the rest, and it
//     clears kAddressKeysFlag and address_keys.

#ifndef ISLET_ISOLATE_DATA_HASH_TABLE_H_
#define ISLET_ISOLATE_DATA_HASH_TABLE_H_

#include <cstddef>
#include <cstdint>

#include "isolate/data/equality.h"
#include "isolate/heap/heap.h"
#include "isolate/heap/poll.h"

namespace islet::vm {

// Three words of the Vector of entries are one of these.
struct TableEntry {
  static constexpr uint32_t kWords = 3;

  Value key;
  Value value;
  Value hash;  // fixnum

  uint32_t hash_bits() const { return static_cast<uint32_t>(hash.fixnum()); }
  bool deleted() const { return key == kDeleted; }
};
static_assert(sizeof(TableEntry) == TableEntry::kWords * sizeof(Value));
inline TableEntry* EntriesOf(Vector* entries) { return reinterpret_cast<TableEntry*>(entries->items); }
inline const TableEntry* EntriesOf(const Vector* entries) {
  return reinterpret_cast<const TableEntry*>(entries->items);
}

inline constexpr uint32_t kEquivalenceFlags = kEqTableFlag | kEqvTableFlag | kEqualTableFlag | kStringTableFlag;

// `equivalence` is one of the k...TableFlags. Room for `capacity` entries.
Value MakeHashTable(Heap& heap, uint32_t equivalence, uint32_t capacity = 0);
// The bytes that MakeHashTable allocates.
uint64_t HashTableBytes(uint64_t capacity);

// The key's value, or `absent`.
Value HashTableGet(Heap& heap, Value table, Value key, Value absent);
bool HashTableContains(Heap& heap, Value table, Value key);
// Adds or replaces, if that is quick: the table is no part of the snapshot and has room, and the
// key needs no more than a comparison by eq?. Else false.
bool HashTablePutQuickly(Heap& heap, Value table, Value key, Value value);
// Adds or replaces. Allocates HashTableGrowthBytes(heap, table, 1) and 32 bytes: Reserve first where that may
// pass Heap::kSlack.
void HashTablePut(Heap& heap, Value table, Value key, Value value);
// The bytes that adding `extra` entries may allocate; 0 if there is room.
uint64_t HashTableGrowthBytes(const Heap& heap, Value table, uint64_t extra = 1);
// True if the key was there.
bool HashTableDelete(Heap& heap, Value table, Value key);
void HashTableClear(Heap& heap, Value table);
// A copy without the deleted entries. Allocates HashTableBytes(count).
Value HashTableCopy(Heap& heap, Value table);

inline uint32_t HashTableCount(const Heap& heap, Value table) {
  return static_cast<uint32_t>(heap.Get<HashTable>(table)->count.fixnum());
}

// Calls `f(key, value)` for each entry in order of insertion. `f` may allocate, and replace values
// of this table, but not add or delete, nor reach a safepoint.
template <typename F>
void ForEachEntry(const Heap& heap, Value table, F&& f) {
  const HashTable* t = heap.Get<HashTable>(table);
  const TableEntry* entries = EntriesOf(heap.Get<Vector>(t->entries));
  const uint32_t used = static_cast<uint32_t>(t->used.fixnum());
  StepCounter steps;
  for (uint32_t i = 0; i < used && steps.Add(1); ++i) {
    if (!entries[i].deleted()) f(entries[i].key, entries[i].value);
  }
}

// ---- For whoever re-places entries: this table's own rebuilds, and the snapshot writer; and who checks what that
// wrote.

// The hash of `key` in a table with these flags. If `*address`, it is AddressHash(key.offset()).
uint32_t KeyHash(const Heap& heap, uint32_t table_flags, Value key, bool* address);
// Enters entry number `entry` with `hash` into an index of `mask` + 1 words, which must have a free
// one.
void PlaceEntry(uint32_t* index, uint32_t mask, uint32_t hash, uint32_t entry);
// True if a search for `hash` comes upon that entry; or if it takes more than `*probes`, which is lessened by what it
// took.
bool IsIndexed(const uint32_t* index, uint32_t mask, uint32_t hash, uint32_t entry, uint64_t* probes);

}  // namespace islet::vm

#endif  // ISLET_ISOLATE_DATA_HASH_TABLE_H_
