#include "isolate/data/hash_table.h"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <utility>

#include "isolate/data/string.h"
#include "isolate/heap/poll.h"

namespace islet::vm {
namespace {

constexpr uint32_t kLeastSlots = 8;
// Hashes have 30 bits; more slots than that could not be told apart.
constexpr uint64_t kMostSlots = uint64_t{1} << 28;

// The number of the index's words for `capacity` entries: a power of two of which they fill at most
// 3/4.
uint64_t SlotsFor(uint64_t capacity) {
  const uint64_t slots = std::bit_ceil(std::max<uint64_t>(kLeastSlots, (capacity * 4 + 2) / 3));
  return std::min(slots, kMostSlots);
}

// The header of a table whose index has so many words.
uint32_t WithSlots(uint32_t header, uint64_t slots) {
  return (header & 0xffff) | static_cast<uint32_t>(std::countr_zero(slots)) << 16;
}

uint64_t CapacityOf(uint64_t slots) { return slots / 4 * 3; }

uint64_t ArraysBytes(uint64_t slots) { return 16 + CapacityOf(slots) * sizeof(TableEntry) + 16 + slots * 4; }

// Words of an index, of at least Heap::kLargeObject bytes, from which on it is asked for at once.
constexpr uint64_t kPopulatedSlots = uint64_t{1} << 16;

// A vector of fixnums 0, which all objects are made of.
Value ZeroVector(Heap& heap, uint32_t length) {
  auto* vector =
      static_cast<Vector*>(heap.NewObject(ObjectType::kVector, offsetof(Vector, items) + size_t{4} * length, 0, 0));
  vector->length = length;
  return heap.ValueOf(vector);
}

// A table's parts, by address: valid until the next safepoint.
struct View {
  View(const Heap& heap, Value v)
      : table(heap.Get<HashTable>(v)),
        entries(EntriesOf(heap.Get<Vector>(table->entries))),
        index(reinterpret_cast<uint32_t*>(heap.Get<Bytevector>(table->index)->bytes)),
        mask(heap.Get<Bytevector>(table->index)->length / 4 - 1),
        flags(HeaderFlags(table->header)) {}

  uint32_t used() const { return static_cast<uint32_t>(table->used.fixnum()); }
  uint32_t count() const { return static_cast<uint32_t>(table->count.fixnum()); }
  TableEntry* entry(uint32_t i) const { return entries + i; }

  HashTable* table;
  TableEntry* entries;
  uint32_t* index;
  uint32_t mask;
  uint32_t flags;
};

constexpr uint32_t kNone = 0xffffffff;  // past all entries

// The words in which an entry with a hash may stand, in order. From the first on they depend on all
// of the hash, since the low bits of numbers are often alike (the scheme of CPython's dict).
class ProbeSequence {
 public:
  ProbeSequence(uint32_t hash, uint32_t mask) : mask_(mask), rest_(hash), word_(hash & mask) {}
  uint32_t word() const { return word_; }
  void Next() {
    rest_ >>= 5;
    word_ = (word_ * 5 + rest_ + 1) & mask_;
  }

 private:
  uint32_t mask_, rest_, word_;
};

// A table's parts as a search reads them: one word here and there of what may be megabytes of the snapshot.
struct Search {
  Search(const Heap& h, Value v) : heap(h) {
    const HashTable* table = heap.Peek<HashTable>(v);
    flags = HeaderFlags(table->header);
    entries = table->entries.offset() + static_cast<uint32_t>(offsetof(Vector, items));
    const uint32_t bytes = table->index.offset();
    index = bytes + static_cast<uint32_t>(offsetof(Bytevector, bytes));
    mask = (uint32_t{1} << HeaderCount(table->header)) - 1;
  }

  uint32_t word(uint32_t i) const { return *heap.Peek<uint32_t>(index + 4 * i); }
  Value key(uint32_t entry) const { return *heap.Peek<Value>(OffsetOf(entry) + uint32_t{offsetof(TableEntry, key)}); }
  Value value(uint32_t entry) const {
    return *heap.Peek<Value>(OffsetOf(entry) + uint32_t{offsetof(TableEntry, value)});
  }
  uint32_t OffsetOf(uint32_t entry) const { return entries + uint32_t{sizeof(TableEntry)} * entry; }

  const Heap& heap;
  uint32_t flags;
  uint32_t entries;  // cage offsets
  uint32_t index;
  uint32_t mask;
};

// The number of the entry with `hash` for which `matches(key, steps)`, or kNone. What `matches`
// takes for a key, it charges `steps` with.
template <typename Matches>
uint32_t Probe(const Search& t, uint32_t hash, Matches&& matches) {
  StepCounter steps;
  for (ProbeSequence i(hash, t.mask);; i.Next()) {
    const uint32_t word = t.word(i.word());
    if (word == 0 || !steps.Add(1)) return kNone;
    if (((word ^ hash) & ~t.mask) != 0) continue;
    const uint32_t number = (word & t.mask) - 1;
    // Most searches succeed and their callers look into the value: in a large table it is far from any cache, too.
    t.heap.Prefetch(t.value(number));
    if (matches(t.key(number), steps)) return number;
  }
}

uint32_t FreeWord(const uint32_t* index, uint32_t mask, uint32_t hash) {
  ProbeSequence i(hash, mask);
  while (index[i.word()] != 0) i.Next();
  return i.word();
}

// True if `key` equals nothing but itself in any table; *hash is then what EqHash makes of it.
inline bool IsPlainKey(const Heap& heap, Value key, uint32_t* hash) {
  if (key.IsFixnum()) {
    *hash = static_cast<uint32_t>(key.fixnum()) & kHashMask;
    return true;
  }
  const Symbol* symbol = heap.TryGet<Symbol>(key);
  if (symbol == nullptr) return false;
  *hash = symbol->hash.bits >> 1 & kHashMask;
  return true;
}

// The entry of a plain key in a table that is no part of the snapshot, and not by string=?; or
// kNone.
inline uint32_t FindPlain(const View& t, Value key, uint32_t hash) {
  for (ProbeSequence i(hash, t.mask);; i.Next()) {
    const uint32_t word = t.index[i.word()];
    if (word == 0) return kNone;
    const uint32_t number = (word & t.mask) - 1;
    if (((word ^ hash) & ~t.mask) == 0 && t.entry(number)->key == key) return number;
  }
}

bool IsOwn(const Heap& heap, Value table) {
  return !heap.InSnapshot(table) && (HeaderFlags(heap.header(table)) & kStringTableFlag) == 0;
}

bool IsString(const Heap& heap, Value v) {
  return v.IsObject() && HeaderType(*heap.Peek<uint32_t>(v)) == ObjectType::kString;
}

// The first of the candidates that is equivalent to `key`; or kNone. `candidates(matches)` tells it, given what decides
// of one, as Probe does.
template <typename Candidates>
uint32_t FindAmong(const Heap& heap, const Search& t, Value key, Candidates&& candidates) {
  // The same object is equivalent in every way but under string=?, whose keys are strings.
  if ((t.flags & kEqTableFlag) != 0) {
    return candidates([&](Value k, StepCounter&) { return k == key; });
  }
  if ((t.flags & kEqvTableFlag) != 0) {
    return candidates([&](Value k, StepCounter& steps) {
      if (Eqv(heap, k, key)) return true;
      (void)steps.Add(ContentSteps(heap, key));
      return false;
    });
  }
  if (heap.Is<String>(key)) {
    const StringChars chars = CharsOf(heap, key);
    return candidates([&](Value k, StepCounter& steps) {
      if (k == key || (IsString(heap, k) && CharsEqual(PeekChars(heap, k), chars))) return true;
      (void)steps.Add(ContentSteps(heap, key));
      return false;
    });
  }
  return candidates([&](Value k, StepCounter& steps) { return Equal(heap, k, key, steps); });
}

uint32_t FindHashed(const Heap& heap, const Search& t, Value key, uint32_t hash) {
  return FindAmong(heap, t, key, [&](auto&& matches) { return Probe(t, hash, matches); });
}

// ---- Keys hashed by their address, which collections move.

// A table's address_keys is a Bytevector that holds this, from the first key outside the snapshot on that is hashed by
// its address. In numbers of entries:
//
//   0           placed           cleared                used
//   | in place  | not in the     | where TableEntry::   |
//   |           | index at all   | hash says            |
//
// Entries that are in place are where a search for their key looks. `placed` is kNone while all are, and `cleared`
// is 0 then; it may also be less than `placed`.
struct AddressKeys {
  uint32_t full_collections;  // of the heap, when the table last heard of one
  uint32_t move_epoch;        // likewise
  uint32_t young;             // no entry before this one has a key in the nursery
  uint32_t placed;
  uint32_t cleared;
  uint32_t stale;  // words of the index, at most, that name an entry which another word names, too
};

// Entries that a search places anew, at least; and the part of a table's entries, if that is more. The rest is looked
// through one by one, which takes a twentieth of the time for each. So a search in a table of a million keys takes some
// 2 ms at most, all of them are in place after 32 searches, and these have taken twice what it takes to place them.
constexpr uint32_t kPlacedAtOnce = 8192;
constexpr uint32_t kPartsPlaced = 32;
// One word in so many may be stale: then an index is full to 7/8 at most.
constexpr uint32_t kWordsForStale = 8;

bool Movable(const Heap& heap, Value key) { return key.offset() >= heap.layout().image_end; }

// Null if the table has none.
AddressKeys* AddressKeysOf(const Heap& heap, const HashTable* table) {
  if ((HeaderFlags(table->header) & kAddressKeysFlag) == 0) return nullptr;
  return reinterpret_cast<AddressKeys*>(heap.Get<Bytevector>(table->address_keys)->bytes);
}

AddressKeys AllInPlace(const Heap& heap) {
  return {static_cast<uint32_t>(heap.full_collections()), heap.move_epoch(), kNone, kNone, 0, 0};
}

Value MakeAddressKeys(Heap& heap) {
  const Value keys = heap.MakeBytevector(sizeof(AddressKeys));
  *reinterpret_cast<AddressKeys*>(heap.Get<Bytevector>(keys)->bytes) = AllInPlace(heap);
  return keys;
}

// Whether a search of the index may miss keys of any kind.
bool HasUnplaced(const Heap& heap, const View& t) {
  const AddressKeys* keys = AddressKeysOf(heap, t.table);
  return keys != nullptr && keys->placed != kNone;
}

// The hash under which the entry belongs, which is another one than it has if its key is hashed by an address that has
// changed. False if the run is being ended.
bool CurrentHash(const Heap& heap, uint32_t flags, const TableEntry& entry, StepCounter& steps, uint32_t* hash) {
  *hash = entry.hash_bits();
  if (!entry.key.IsRef() || !Movable(heap, entry.key)) return true;
  bool address;
  const uint32_t now = KeyHash(heap, flags, entry.key, &address);
  if (address) *hash = now;
  return steps.Add(ContentSteps(heap, entry.key));
}

// Empties the index: all entries are to be placed anew. False if the run is being ended; the next search does it again.
bool ClearIndex(Heap& heap, const View& t, AddressKeys& keys) {
  const size_t bytes = (size_t{t.mask} + 1) * 4;
  const uint32_t now = static_cast<uint32_t>(heap.full_collections());
  keys.full_collections = now - 1;
  keys.placed = 0;
  keys.cleared = t.used();
  keys.stale = 0;
  heap.NoteRawWrite(t.index, bytes);
  FillBytes(t.index, 0, bytes);
  if (Ended()) return false;
  keys.full_collections = now;
  return true;
}

// Looks which keys collections have moved since it was last asked. False if the run is being ended.
bool NoteMoves(Heap& heap, const View& t, AddressKeys& keys) {
  const bool all_moved = keys.full_collections != static_cast<uint32_t>(heap.full_collections());
  if (!all_moved && keys.move_epoch == heap.move_epoch()) return true;
  keys.move_epoch = heap.move_epoch();
  const uint32_t young = std::exchange(keys.young, kNone);
  if (all_moved) return ClearIndex(heap, t, keys);
  if (young >= keys.placed) return true;
  // Nobody knows which entries before `cleared` have been placed, and have words that are stale now.
  if (young < keys.cleared) return ClearIndex(heap, t, keys);
  keys.placed = young;
  return true;
}

// Places some of the entries anew that are not in place.
void PlaceSome(Heap& heap, const View& t, AddressKeys& keys) {
  const uint32_t used = t.used();
  uint64_t rehashed = 0;
  StepCounter steps;
  for (uint32_t left = std::max(kPlacedAtOnce, used / kPartsPlaced); left > 0 && keys.placed < used; --left) {
    TableEntry* const entry = t.entry(keys.placed);
    uint32_t hash;
    if (!steps.Add(4) || !CurrentHash(heap, t.flags, *entry, steps, &hash)) break;
    const bool indexed = keys.placed >= keys.cleared;
    const bool moved = hash != entry->hash_bits();
    if (!entry->deleted() && (moved || !indexed)) {
      if (indexed && keys.stale >= (t.mask + 1) / kWordsForStale) {
        if (!ClearIndex(heap, t, keys)) break;
        continue;
      }
      if (indexed) ++keys.stale;
      if (moved) heap.Write(&entry->hash, Value::Fixnum(static_cast<int32_t>(hash)));
      const uint32_t word = FreeWord(t.index, t.mask, hash);
      heap.NoteRawWrite(t.index + word, 4);
      t.index[word] = (hash & ~t.mask) | (keys.placed + 1);
      ++rehashed;
    }
    ++keys.placed;
  }
  heap.CountRehashed(rehashed);
  if (keys.placed < used) return;
  keys.placed = kNone;
  keys.cleared = 0;
}

// Looks through the entries from `begin` on.
uint32_t FindUnplaced(const Heap& heap, const Search& t, const View& view, uint32_t begin, Value key, uint32_t hash,
                      bool address) {
  constexpr uint32_t kEntriesPerStep = 8;
  const uint32_t used = view.used();
  StepCounter charged;
  for (uint32_t i = begin; i < used;) {
    const uint32_t end = i + std::min<uint32_t>(used - i, kPollSteps);
    if (address) {
      for (; i < end; ++i) {
        if (view.entry(i)->key == key) return i;
      }
    } else {
      const uint32_t found = FindAmong(heap, t, key, [&](auto&& matches) {
        StepCounter steps;
        for (; i < end && !steps.ended(); ++i) {
          const TableEntry* entry = view.entry(i);
          if (entry->hash_bits() == hash && !entry->deleted() && matches(entry->key, steps)) return i;
        }
        return kNone;
      });
      if (found != kNone) return found;
    }
    if (!charged.Add(kPollSteps / kEntriesPerStep) || Ended()) return kNone;
  }
  return kNone;
}

// For tables that have address keys. Only these can have changed places; but while entries are placed anew, others are
// missing from the index, too.
uint32_t FindMoved(Heap& heap, const Search& t, Value table, Value key, uint32_t hash, bool address) {
  const View view(heap, table);
  AddressKeys& keys = *AddressKeysOf(heap, view.table);
  if (address || keys.placed != kNone) {
    if (!NoteMoves(heap, view, keys)) return kNone;
    if (keys.placed != kNone) PlaceSome(heap, view, keys);
  }
  const uint32_t found = FindHashed(heap, t, key, hash);
  if (found != kNone || keys.placed == kNone) return found;
  return FindUnplaced(heap, t, view, keys.placed, key, hash, address);
}

uint32_t Find(Heap& heap, Value table, Value key, uint32_t* hash, bool* address) {
  const Search t(heap, table);
  *hash = KeyHash(heap, t.flags, key, address);
  if ((t.flags & kAddressKeysFlag) != 0) return FindMoved(heap, t, table, key, *hash, *address);
  return FindHashed(heap, t, key, *hash);
}

bool CanBeKey(const Heap& heap, Value table, Value key) {
  return (HeaderFlags(*heap.Peek<uint32_t>(table)) & kStringTableFlag) == 0 || heap.Is<String>(key);
}

// Gives the table new arrays of `slots`, and copies the live entries of `from` (which may be the
// table itself); all of them are in place then. If the run is being ended, the table may stay as it was.
void FillArrays(Heap& heap, Value table, Value from, uint64_t slots) {
  const uint32_t capacity = static_cast<uint32_t>(CapacityOf(slots));
  const Value entries = ZeroVector(heap, capacity * TableEntry::kWords);
  const Value index = heap.MakeBytevector(static_cast<uint32_t>(slots) * 4);
  if (slots >= kPopulatedSlots) heap.PopulateLarge(index);
  const View old(heap, from);
  const AddressKeys* const old_keys = AddressKeysOf(heap, old.table);
  AddressKeys keys = AllInPlace(heap);
  const bool young_moved = old_keys == nullptr || old_keys->move_epoch != keys.move_epoch;
  const uint32_t first_young = young_moved ? kNone : old_keys->young;
  const bool in_place = old_keys == nullptr || (!young_moved && old_keys->full_collections == keys.full_collections &&
                                                old_keys->placed == kNone);
  TableEntry* target = EntriesOf(heap.Get<Vector>(entries));
  uint32_t* words = reinterpret_cast<uint32_t*>(heap.Get<Bytevector>(index)->bytes);
  uint32_t n = 0;
  StepCounter steps;
  for (uint32_t i = 0; i < old.used(); ++i) {
    if (!steps.Add(4)) return;
    const TableEntry* entry = old.entry(i);
    if (i == first_young) keys.young = n;
    if (entry->deleted()) continue;
    uint32_t hash = entry->hash_bits();
    if (!in_place && !CurrentHash(heap, old.flags, *entry, steps, &hash)) return;
    target[n] = {entry->key, entry->value, Value::Fixnum(static_cast<int32_t>(hash))};
    PlaceEntry(words, static_cast<uint32_t>(slots) - 1, hash, n);
    ++n;
  }
  if (!in_place) heap.CountRehashed(n);
  HashTable* t = heap.Get<HashTable>(table);
  heap.NoteRawWrite(&t->header, 4);
  t->header = WithSlots(t->header, slots);
  heap.Write(&t->entries, entries);
  heap.Write(&t->index, index);
  heap.Write(&t->used, Value::Fixnum(static_cast<int32_t>(n)));
  heap.Write(&t->count, Value::Fixnum(static_cast<int32_t>(n)));
  if (AddressKeys* const new_keys = AddressKeysOf(heap, t)) *new_keys = keys;
}

// The index's words that the table should have to take `extra` more entries; 0 if it has room as it
// is.
uint64_t SlotsWanted(const Heap& heap, Value table, uint64_t extra) {
  const View t(heap, table);
  const uint64_t slots = uint64_t{t.mask} + 1;
  if (t.used() + extra <= CapacityOf(slots)) return 0;
  // Room for half as many again, lest a table near its limit be rebuilt over and over.
  return SlotsFor(t.count() + std::max<uint64_t>(extra, t.count() / 2));
}

}  // namespace

uint32_t KeyHash(const Heap& heap, uint32_t table_flags, Value key, bool* address) {
  if (heap.Is<String>(key) && (table_flags & (kStringTableFlag | kEqualTableFlag)) != 0) {
    *address = false;
    return StringHash(heap, key);
  }
  if ((table_flags & kEqTableFlag) != 0) return EqHash(heap, key, address);
  if ((table_flags & kEqvTableFlag) != 0) return EqvHash(heap, key, address);
  return EqualHash(heap, key, address);
}

void PlaceEntry(uint32_t* index, uint32_t mask, uint32_t hash, uint32_t entry) {
  index[FreeWord(index, mask, hash)] = (hash & ~mask) | (entry + 1);
}

bool IsIndexed(const uint32_t* index, uint32_t mask, uint32_t hash, uint32_t entry, uint64_t* probes) {
  for (ProbeSequence i(hash, mask); *probes > 0; i.Next()) {
    --*probes;
    const uint32_t word = index[i.word()];
    if (word == ((hash & ~mask) | (entry + 1))) return true;
    if (word == 0) return false;
  }
  return true;
}

uint64_t HashTableBytes(uint64_t capacity) {
  return sizeof(HashTable) + ArraysBytes(std::bit_ceil(std::max<uint64_t>(kLeastSlots, (capacity * 4 + 2) / 3)));
}

Value MakeHashTable(Heap& heap, uint32_t equivalence, uint32_t capacity) {
  const uint64_t slots = SlotsFor(capacity);
  const Value entries = ZeroVector(heap, static_cast<uint32_t>(CapacityOf(slots)) * TableEntry::kWords);
  const Value index = heap.MakeBytevector(static_cast<uint32_t>(slots) * 4);
  HashTable* t = heap.New<HashTable>(equivalence);
  t->header = WithSlots(t->header, slots);
  t->entries = entries;
  t->index = index;
  t->equal = kFalse;
  t->hash = kFalse;
  return heap.ValueOf(t);
}

Value HashTableGet(Heap& heap, Value table, Value key, Value absent) {
  if (uint32_t hash; IsOwn(heap, table) && IsPlainKey(heap, key, &hash)) {
    const View t(heap, table);
    const uint32_t entry = FindPlain(t, key, hash);
    if (entry != kNone) return t.entry(entry)->value;
    if (!HasUnplaced(heap, t)) return absent;
  }
  if (!CanBeKey(heap, table, key)) return absent;
  uint32_t hash;
  bool address;
  const uint32_t entry = Find(heap, table, key, &hash, &address);
  return entry == kNone ? absent : Search(heap, table).value(entry);
}

bool HashTableContains(Heap& heap, Value table, Value key) {
  if (!CanBeKey(heap, table, key)) return false;
  uint32_t hash;
  bool address;
  return Find(heap, table, key, &hash, &address) != kNone;
}

bool HashTablePutQuickly(Heap& heap, Value table, Value key, Value value) {
  uint32_t hash;
  if (!IsOwn(heap, table) || !IsPlainKey(heap, key, &hash)) return false;
  const View t(heap, table);
  const uint32_t found = FindPlain(t, key, hash);
  if (found != kNone) {
    heap.Write(&t.entry(found)->value, value);
    return true;
  }
  const uint32_t number = t.used();
  if (number >= CapacityOf(uint64_t{t.mask} + 1) || HasUnplaced(heap, t)) return false;
  TableEntry* entry = t.entry(number);
  heap.Write(&entry->key, key);
  heap.Write(&entry->value, value);
  entry->hash = Value::Fixnum(static_cast<int32_t>(hash));
  PlaceEntry(t.index, t.mask, hash, number);
  t.table->used = Value::Fixnum(static_cast<int32_t>(number + 1));
  t.table->count = Value::Fixnum(t.table->count.fixnum() + 1);
  return true;
}

void HashTablePut(Heap& heap, Value table, Value key, Value value) {
  uint32_t hash;
  bool address;
  const uint32_t found = Find(heap, table, key, &hash, &address);
  if (found != kNone) {
    heap.Write(&View(heap, table).entry(found)->value, value);
    return;
  }
  if (Ended()) return;  // neither the hash nor that the key was not found need be true
  if (const uint64_t slots = SlotsWanted(heap, table, 1)) {
    FillArrays(heap, table, table, slots);
    if (Ended()) return;
  }
  const View t(heap, table);
  const uint32_t number = t.used();
  if (address && Movable(heap, key)) {
    if ((t.flags & kAddressKeysFlag) == 0) {
      heap.Write(&t.table->address_keys, MakeAddressKeys(heap));
      heap.NoteRawWrite(&t.table->header, 4);
      t.table->header |= kAddressKeysFlag << 8;
    }
    AddressKeys& keys = *AddressKeysOf(heap, t.table);
    if (heap.IsYoung(key)) keys.young = std::min(keys.young, number);
  }
  TableEntry* entry = t.entry(number);
  heap.Write(&entry->key, key);
  heap.Write(&entry->value, value);
  heap.Write(&entry->hash, Value::Fixnum(static_cast<int32_t>(hash)));
  heap.NoteRawWrite(t.index + FreeWord(t.index, t.mask, hash), 4);
  PlaceEntry(t.index, t.mask, hash, number);
  heap.Write(&t.table->used, Value::Fixnum(static_cast<int32_t>(number + 1)));
  heap.Write(&t.table->count, Value::Fixnum(t.table->count.fixnum() + 1));
}

uint64_t HashTableGrowthBytes(const Heap& heap, Value table, uint64_t extra) {
  const uint64_t slots = SlotsWanted(heap, table, extra);
  if (slots == 0) return 0;
  // More than an index can name: more than any heap has, too.
  if (HashTableCount(heap, table) + extra > CapacityOf(slots)) return uint64_t{1} << 40;
  return ArraysBytes(slots);
}

bool HashTableDelete(Heap& heap, Value table, Value key) {
  if (!CanBeKey(heap, table, key)) return false;
  uint32_t hash;
  bool address;
  const uint32_t found = Find(heap, table, key, &hash, &address);
  if (found == kNone) return false;
  const View t(heap, table);
  // The index goes on naming the entry, so that searches that pass it go on.
  heap.Write(&t.entry(found)->key, kDeleted);
  heap.Write(&t.entry(found)->value, Value::Fixnum(0));
  heap.Write(&t.table->count, Value::Fixnum(t.table->count.fixnum() - 1));
  return true;
}

void HashTableClear(Heap& heap, Value table) {
  const Value empty = MakeHashTable(heap, 0);
  FillArrays(heap, table, empty, kLeastSlots);
  HashTable* t = heap.Get<HashTable>(table);
  if ((HeaderFlags(t->header) & kAddressKeysFlag) != 0) {
    heap.NoteRawWrite(&t->header, 4);
    t->header &= ~(kAddressKeysFlag << 8);
    heap.Write(&t->address_keys, Value::Fixnum(0));
  }
}

Value HashTableCopy(Heap& heap, Value table) {
  HashTable* copy = heap.New<HashTable>(HeaderFlags(heap.header(table)));
  const HashTable* t = heap.Get<HashTable>(table);
  if (AddressKeysOf(heap, t) != nullptr) copy->address_keys = MakeAddressKeys(heap);
  copy->equal = t->equal;
  copy->hash = t->hash;
  FillArrays(heap, heap.ValueOf(copy), table, SlotsFor(HashTableCount(heap, table)));
  return heap.ValueOf(copy);
}

}  // namespace islet::vm
