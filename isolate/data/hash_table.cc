#include "isolate/data/hash_table.h"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <memory>

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

constexpr uint32_t kNone = 0xffffffff;

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

uint32_t FindHashed(const Heap& heap, const Search& t, Value key, uint32_t hash) {
  // The same object is equivalent in every way but under string=?, whose keys are strings.
  if ((t.flags & kEqTableFlag) != 0) {
    return Probe(t, hash, [&](Value k, StepCounter&) { return k == key; });
  }
  if ((t.flags & kEqvTableFlag) != 0) {
    return Probe(t, hash, [&](Value k, StepCounter& steps) {
      if (Eqv(heap, k, key)) return true;
      (void)steps.Add(ContentSteps(heap, key));
      return false;
    });
  }
  if (heap.Is<String>(key)) {
    const StringChars chars = CharsOf(heap, key);
    return Probe(t, hash, [&](Value k, StepCounter& steps) {
      if (k == key || (IsString(heap, k) && CharsEqual(PeekChars(heap, k), chars))) return true;
      (void)steps.Add(ContentSteps(heap, key));
      return false;
    });
  }
  return Probe(t, hash, [&](Value k, StepCounter& steps) { return Equal(heap, k, key, steps); });
}

// What HashTable::epoch is now if all keys hashed by their address are where they belong. While one of them is young,
// any collection that moves something may move it: Heap::move_epoch. Otherwise only full collections do: their number,
// and this bit.
constexpr uint32_t kSettled = uint32_t{1} << 29;
Value CurrentEpoch(const Heap& heap, bool settled) {
  const uint64_t count = settled ? heap.full_collections() : heap.move_epoch();
  return Value::Fixnum(static_cast<int32_t>((settled ? kSettled : 0) | (count & (kSettled - 1))));
}
bool IsSettled(Value epoch) { return (static_cast<uint32_t>(epoch.fixnum()) & kSettled) != 0; }

bool Movable(const Heap& heap, Value key) { return key.offset() >= heap.layout().image_end; }

// Places the keys hashed by their address anew, after they may have moved.
void Rehash(Heap& heap, Value table) {
  View t(heap, table);
  const size_t bytes = (size_t{t.mask} + 1) * 4;
  // Lookups of other keys need the index meanwhile, if the run is ended before all are placed.
  std::unique_ptr<uint32_t[], decltype(&std::free)> apart(nullptr, std::free);
  uint32_t* index = t.index;
  if (t.used() > kPollSteps) {
    apart.reset(static_cast<uint32_t*>(std::calloc(bytes, 1)));
    if (apart != nullptr) index = apart.get();
  }
  heap.NoteRawWrite(t.index, bytes);
  if (apart == nullptr) std::memset(t.index, 0, bytes);
  bool young = false;
  StepCounter steps;
  for (uint32_t i = 0; i < t.used(); ++i) {
    if (apart != nullptr && !steps.Add(4)) return;
    TableEntry* entry = t.entry(i);
    if (entry->deleted()) continue;
    uint32_t hash = entry->hash_bits();
    if (entry->key.IsRef() && Movable(heap, entry->key)) {
      bool address;
      const uint32_t now = KeyHash(heap, t.flags, entry->key, &address);
      if (apart != nullptr && !steps.Add(ContentSteps(heap, entry->key))) return;
      young |= address && heap.IsYoung(entry->key);
      if (address && now != hash) {
        hash = now;
        heap.Write(&entry->hash, Value::Fixnum(static_cast<int32_t>(hash)));
      }
    }
    PlaceEntry(index, t.mask, hash, i);
  }
  if (apart != nullptr) std::memcpy(t.index, index, bytes);
  heap.Write(&t.table->epoch, CurrentEpoch(heap, !young));
}

void RehashIfMoved(Heap& heap, Value table) {
  const HashTable* t = heap.Peek<HashTable>(table);
  if ((HeaderFlags(t->header) & kAddressKeysFlag) != 0 && t->epoch != CurrentEpoch(heap, IsSettled(t->epoch))) {
    Rehash(heap, table);
  }
}

uint32_t Find(Heap& heap, Value table, Value key, uint32_t* hash, bool* address) {
  const Search t(heap, table);
  *hash = KeyHash(heap, t.flags, key, address);
  // Only keys hashed by their address can have changed places.
  if (*address) RehashIfMoved(heap, table);
  return FindHashed(heap, t, key, *hash);
}

bool CanBeKey(const Heap& heap, Value table, Value key) {
  return (HeaderFlags(*heap.Peek<uint32_t>(table)) & kStringTableFlag) == 0 || heap.Is<String>(key);
}

// Gives the table new arrays of `slots`, and copies the live entries of `from` (which may be the
// table itself). If the run is being ended, the table may stay as it was.
void FillArrays(Heap& heap, Value table, Value from, uint64_t slots) {
  const uint32_t capacity = static_cast<uint32_t>(CapacityOf(slots));
  const Value entries = ZeroVector(heap, capacity * TableEntry::kWords);
  const Value index = heap.MakeBytevector(static_cast<uint32_t>(slots) * 4);
  if (slots >= kPopulatedSlots) heap.PopulateLarge(index);
  const View old(heap, from);
  TableEntry* target = EntriesOf(heap.Get<Vector>(entries));
  uint32_t* words = reinterpret_cast<uint32_t*>(heap.Get<Bytevector>(index)->bytes);
  uint32_t n = 0;
  StepCounter steps;
  for (uint32_t i = 0; i < old.used(); ++i) {
    if (!steps.Add(4)) return;
    const TableEntry* entry = old.entry(i);
    if (entry->deleted()) continue;
    target[n] = *entry;
    PlaceEntry(words, static_cast<uint32_t>(slots) - 1, entry->hash_bits(), n);
    ++n;
  }
  HashTable* t = heap.Get<HashTable>(table);
  heap.NoteRawWrite(&t->header, 4);
  t->header = WithSlots(t->header, slots);
  heap.Write(&t->entries, entries);
  heap.Write(&t->index, index);
  heap.Write(&t->used, Value::Fixnum(static_cast<int32_t>(n)));
  heap.Write(&t->count, Value::Fixnum(static_cast<int32_t>(n)));
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
    return entry == kNone ? absent : t.entry(entry)->value;
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
  if (number >= CapacityOf(uint64_t{t.mask} + 1)) return false;
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
  if (address && Movable(heap, key)) {
    if ((t.flags & kAddressKeysFlag) == 0) {
      heap.NoteRawWrite(&t.table->header, 4);
      t.table->header |= kAddressKeysFlag << 8;
      heap.Write(&t.table->epoch, CurrentEpoch(heap, !heap.IsYoung(key)));
    } else if (IsSettled(t.table->epoch) && heap.IsYoung(key)) {
      heap.Write(&t.table->epoch, CurrentEpoch(heap, /*settled=*/false));  // the others are where they belong
    }
  }
  const uint32_t number = t.used();
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
  }
}

Value HashTableCopy(Heap& heap, Value table) {
  RehashIfMoved(heap, table);
  HashTable* copy = heap.New<HashTable>(HeaderFlags(heap.header(table)));
  const HashTable* t = heap.Get<HashTable>(table);
  copy->epoch = t->epoch;
  copy->equal = t->equal;
  copy->hash = t->hash;
  FillArrays(heap, heap.ValueOf(copy), table, SlotsFor(HashTableCount(heap, table)));
  return heap.ValueOf(copy);
}

}  // namespace islet::vm
