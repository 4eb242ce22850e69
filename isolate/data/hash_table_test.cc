#include "isolate/data/hash_table.h"

#include <map>
#include <random>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "isolate/data/string.h"
#include "isolate/data/test_heap.h"
#include "isolate/heap/poll.h"

namespace islet::vm {
namespace {

class HashTableTest : public HeapTest {
 protected:
  Value Text(const std::string& s) { return MakeString(heap, s); }
  std::string Keys(Value table) {
    std::string keys;
    ForEachEntry(heap, table, [&](Value key, Value) { keys += ToUtf8(heap, key) + " "; });
    return keys;
  }
};

TEST_F(HashTableTest, FindsStringsByContent) {
  const Value table = MakeHashTable(heap, kEqualTableFlag);
  HashTablePut(heap, table, Text("example.org"), Value::Fixnum(1));
  EXPECT_EQ(HashTableGet(heap, table, Text("example.org"), kFalse), Value::Fixnum(1));
  EXPECT_EQ(HashTableGet(heap, table, Text("example.com"), kFalse), kFalse);
  EXPECT_EQ(HashTableGet(heap, table, Text("example.co"), kFalse), kFalse);
  EXPECT_TRUE(HashTableContains(heap, table, Text("example.org")));
}

TEST_F(HashTableTest, EachEquivalenceIsItsOwn) {
  const Value one = Text("k");
  for (uint32_t kind : {kEqTableFlag, kEqvTableFlag, kEqualTableFlag, kStringTableFlag}) {
    const Value table = MakeHashTable(heap, kind);
    HashTablePut(heap, table, one, kTrue);
    EXPECT_EQ(HashTableGet(heap, table, one, kFalse), kTrue);
    const bool by_content = kind == kEqualTableFlag || kind == kStringTableFlag;
    EXPECT_EQ(HashTableContains(heap, table, Text("k")), by_content);
    // No string: can be no key of a string table, and in others it is another key.
    EXPECT_FALSE(HashTableContains(heap, table, Value::Fixnum(3)));
  }
  const Value eqv = MakeHashTable(heap, kEqvTableFlag);
  HashTablePut(heap, eqv, heap.MakeFlonum(1.5), kTrue);
  EXPECT_TRUE(HashTableContains(heap, eqv, heap.MakeFlonum(1.5)));
}

TEST_F(HashTableTest, IteratesInOrderOfInsertion) {
  const Value table = MakeHashTable(heap, kEqualTableFlag);
  for (const char* key : {"z", "a", "m", "b"}) HashTablePut(heap, table, Text(key), kTrue);
  HashTablePut(heap, table, Text("a"), kFalse);  // replacing keeps the place
  EXPECT_TRUE(HashTableDelete(heap, table, Text("m")));
  EXPECT_FALSE(HashTableDelete(heap, table, Text("m")));
  HashTablePut(heap, table, Text("m"), kTrue);  // a new entry
  EXPECT_EQ(Keys(table), "z a b m ");
  EXPECT_EQ(HashTableCount(heap, table), 4u);
  EXPECT_EQ(Keys(HashTableCopy(heap, table)), "z a b m ");
  HashTableClear(heap, table);
  EXPECT_EQ(Keys(table), "");
  EXPECT_FALSE(HashTableContains(heap, table, Text("a")));
  HashTablePut(heap, table, Text("a"), kTrue);
  EXPECT_EQ(Keys(table), "a ");
}

TEST_F(HashTableTest, DeletingAndAddingForeverDoesNotGrowTheTable) {
  const Value table = MakeHashTable(heap, kEqvTableFlag);
  for (int i = 0; i < 2000; ++i) {
    HashTablePut(heap, table, Value::Fixnum(i), kTrue);
    if (i >= 4) HashTableDelete(heap, table, Value::Fixnum(i - 4));
  }
  EXPECT_EQ(HashTableCount(heap, table), 4u);
  EXPECT_LE(heap.Get<Vector>(heap.Get<HashTable>(table)->entries)->length, 3u * 12);
}

TEST_F(HashTableTest, GrowthBytesTellsBeforehandWhatPutAllocates) {
  Value& table = Root(MakeHashTable(heap, kEqvTableFlag));
  int grown = 0;
  for (int i = 0; i < 5000; ++i) {
    const size_t before = heap.UsedBytes();
    const uint64_t told = HashTableGrowthBytes(heap, table);
    HashTablePut(heap, table, Value::Fixnum(i), kTrue);
    const size_t allocated = heap.UsedBytes() - before;
    // Large objects take whole blocks.
    EXPECT_LE(allocated, told + 2 * Heap::kBlockSize);
    if (told == 0) {
      EXPECT_EQ(allocated, 0u);
    } else {
      ++grown;
    }
  }
  EXPECT_GT(grown, 3);
  EXPECT_LT(grown, 20);
}

TEST_F(HashTableTest, CapacityGivenAtFirstNeedsNoGrowth) {
  const Value table = MakeHashTable(heap, kEqvTableFlag, 1000);
  EXPECT_EQ(HashTableGrowthBytes(heap, table, 1000), 0u);
  EXPECT_GT(HashTableGrowthBytes(heap, table, uint64_t{1} << 40), uint64_t{1} << 32);
}

TEST_F(HashTableTest, KeysHashedByAddressAreFoundAfterTheyMoved) {
  for (uint32_t kind : {kEqTableFlag, kEqvTableFlag, kEqualTableFlag}) {
    Value& table = Root(MakeHashTable(heap, kind));
    std::vector<Value*> keys;
    for (int i = 0; i < 300; ++i) {
      keys.push_back(&Root(heap.ValueOf(heap.New<Box>())));
      HashTablePut(heap, table, *keys.back(), Value::Fixnum(i));
    }
    for (int round = 0; round < 3; ++round) {
      if (round == 1) {
        heap.CollectFull();
      } else {
        ASSERT_TRUE(heap.Collect());
      }
      for (int i = 0; i < 300; ++i) {
        ASSERT_EQ(HashTableGet(heap, table, *keys[i], kFalse), Value::Fixnum(i)) << round;
      }
    }
    // Growth and copying between a collection and the next lookup.
    heap.CollectFull();
    Value& copy = Root(HashTableCopy(heap, table));
    heap.CollectFull();
    for (int i = 0; i < 1000; ++i) HashTablePut(heap, table, Value::Fixnum(i), kNull);
    for (int i = 0; i < 300; ++i) {
      ASSERT_EQ(HashTableGet(heap, table, *keys[i], kFalse), Value::Fixnum(i));
      ASSERT_EQ(HashTableGet(heap, copy, *keys[i], kFalse), Value::Fixnum(i));
    }
  }
}

// Tables whose keys are hashed by their address: boxes, which are kept in a vector, mostly.
class AddressKeysTest : public HashTableTest {
 protected:
  uint64_t Rehashed() const { return heap.Stats().rehashed_entries; }

  // `count` boxes in the vector, as keys whose values are their numbers.
  void Fill(Value& keys, Value& table, int count) {
    ASSERT_TRUE(heap.Reserve(static_cast<size_t>(count) * 64));
    keys = heap.MakeVector(static_cast<uint32_t>(count), kFalse);
    for (int i = 0; i < count; ++i) {
      if (i % 1000 == 0) {
        ASSERT_TRUE(heap.Reserve(1000 * 32 + HashTableGrowthBytes(heap, table, 1000)));
      }
      const Value key = heap.ValueOf(heap.New<Box>());
      heap.Write(&heap.Get<Vector>(keys)->items[i], key);
      HashTablePut(heap, table, key, Value::Fixnum(i));
    }
  }
  Value Look(Value keys, Value table, int i) {
    return HashTableGet(heap, table, heap.Get<Vector>(keys)->items[i], kFalse);
  }
  void CollectMinor() {
    Root(heap.Cons(kNull, kNull));
    const uint32_t before = heap.move_epoch();
    const uint64_t full = heap.full_collections();
    ASSERT_TRUE(heap.Collect());
    ASSERT_NE(heap.move_epoch(), before);
    ASSERT_EQ(heap.full_collections(), full);
  }
};

TEST_F(AddressKeysTest, OnlyKeysThatHaveMovedArePlacedAnew) {
  for (uint32_t kind : {kEqTableFlag, kEqvTableFlag, kEqualTableFlag}) {
    Value& table = Root(MakeHashTable(heap, kind));
    Value& keys = Root(kFalse);
    Fill(keys, table, 5000);
    heap.CollectFull();
    EXPECT_EQ(Look(keys, table, 7), Value::Fixnum(7));
    uint64_t before = Rehashed();
    for (int round = 0; round < 3; ++round) {
      CollectMinor();
      EXPECT_EQ(Look(keys, table, round), Value::Fixnum(round));
      EXPECT_EQ(Rehashed(), before);
    }
    for (int round = 0; round < 20; ++round) {
      const Value fresh = heap.ValueOf(heap.New<Box>());
      heap.Write(&heap.Get<Vector>(keys)->items[round], fresh);
      HashTablePut(heap, table, fresh, Value::Fixnum(-round));
      HashTablePut(heap, table, Value::Fixnum(round), kTrue);
      CollectMinor();
      EXPECT_EQ(Look(keys, table, round), Value::Fixnum(-round));
      EXPECT_EQ(Rehashed(), ++before) << round;
      EXPECT_EQ(Look(keys, table, 4999), Value::Fixnum(4999));
      EXPECT_EQ(Rehashed(), before);
    }
    // Another whose first key is old already.
    Value& other = Root(MakeHashTable(heap, kind));
    HashTablePut(heap, other, heap.Get<Vector>(keys)->items[0], Value::Fixnum(3));
    CollectMinor();
    EXPECT_EQ(Look(keys, other, 0), Value::Fixnum(3));
    EXPECT_EQ(Rehashed(), before);
    heap.CollectFull();
    EXPECT_EQ(Look(keys, other, 0), Value::Fixnum(3));
    EXPECT_EQ(Rehashed(), before + 1);
  }
}

// After a full collection all have moved. Keys of each kind are found from the first look-up on, also those that are
// added meanwhile.
TEST_F(AddressKeysTest, LargeTablesArePlacedAnewInPieces) {
  constexpr int kKeys = 400000;
  for (uint32_t kind : {kEqTableFlag, kEqualTableFlag}) {
    Value& table = Root(MakeHashTable(heap, kind));
    Value& keys = Root(kFalse);
    Value& text = Root(Text("a text"));
    HashTablePut(heap, table, Value::Fixnum(-1), Value::Fixnum(1));
    Fill(keys, table, kKeys);
    HashTablePut(heap, table, Value::Fixnum(-2), Value::Fixnum(2));
    HashTablePut(heap, table, text, Value::Fixnum(3));
    const int entries = kKeys + 3;
    heap.CollectFull();
    const uint64_t before = Rehashed();
    uint64_t last = before;
    int lookups = 0;
    const auto next = [&] {
      EXPECT_LE(Rehashed() - last, static_cast<uint64_t>(entries) / 32 + 1) << lookups;
      last = Rehashed();
      ++lookups;
    };
    EXPECT_EQ(HashTableGet(heap, table, Value::Fixnum(-2), kFalse), Value::Fixnum(2));
    next();
    while (Rehashed() < before + entries && lookups < 100) {
      const int i = lookups * 3989 % kKeys;
      ASSERT_EQ(Look(keys, table, i), Value::Fixnum(i));
      next();
      ASSERT_EQ(Look(keys, table, kKeys - 1 - i), Value::Fixnum(kKeys - 1 - i));
      next();
      ASSERT_EQ(HashTableGet(heap, table, Value::Fixnum(-1), kFalse), Value::Fixnum(1));
      next();
      ASSERT_EQ(HashTableGet(heap, table, text, kFalse), Value::Fixnum(3));
      next();
      ASSERT_EQ(HashTableGet(heap, table, Value::Fixnum(kKeys + lookups), kFalse), kFalse);
      ASSERT_EQ(HashTableGet(heap, table, heap.ValueOf(heap.New<Box>()), kFalse), kFalse);
      if (kind == kEqualTableFlag) {
        ASSERT_EQ(HashTableGet(heap, table, Text("a text"), kFalse), Value::Fixnum(3));
      }
      const Value fresh = heap.ValueOf(heap.New<Box>());
      HashTablePut(heap, table, fresh, kTrue);
      HashTablePut(heap, table, Value::Fixnum(kKeys + lookups), kTrue);
      ASSERT_EQ(HashTableGet(heap, table, fresh, kFalse), kTrue);
      ASSERT_EQ(HashTableGet(heap, table, Value::Fixnum(kKeys + lookups), kFalse), kTrue);
      last = Rehashed();
    }
    EXPECT_EQ(Rehashed(), before + entries);
    for (int i = 0; i < kKeys; i += 7) ASSERT_EQ(Look(keys, table, i), Value::Fixnum(i));
  }
}

TEST_F(AddressKeysTest, KeysMayKeepComing) {
  Value& table = Root(MakeHashTable(heap, kEqTableFlag));
  Value& keys = Root(kFalse);
  Fill(keys, table, 60000);
  const uint64_t before = Rehashed();
  // The last thousand of these are there at a time, and each is found while it is.
  constexpr int kComing = 200000, kThere = 1000;
  std::mt19937 random(20261130);
  for (int i = 0; i < kComing; ++i) {
    Value* const slot = &heap.Get<Vector>(keys)->items[i % kThere];
    if (i >= kThere) {
      ASSERT_TRUE(HashTableDelete(heap, table, *slot));
    }
    heap.Write(slot, heap.ValueOf(heap.New<Box>()));
    HashTablePut(heap, table, *slot, Value::Fixnum(i));
    if (i % 2000 == 0) {
      ASSERT_TRUE(heap.Collect());
    }
    const int back = static_cast<int>(random() % kThere);
    if (back <= i) {
      ASSERT_EQ(Look(keys, table, (i - back) % kThere), Value::Fixnum(i - back)) << i;
    }
    const int old = kThere + static_cast<int>(random() % (60000 - kThere));
    ASSERT_EQ(Look(keys, table, old), Value::Fixnum(old)) << i;
    if (i % 1000 == 0) {
      ASSERT_TRUE(heap.Reserve(HashTableGrowthBytes(heap, table, 1000) + 64000));
    }
  }
  EXPECT_LT(Rehashed() - before, 10u * kComing) << "of 100 collections, each would have placed 60000";
}

TEST_F(AddressKeysTest, GrowingCopyingAndClearingEndWhatIsToBePlacedAnew) {
  constexpr int kKeys = 60000;
  Value& table = Root(MakeHashTable(heap, kEqTableFlag));
  Value& keys = Root(kFalse);
  Fill(keys, table, kKeys);
  for (int i = 0; i < kKeys; i += 2) ASSERT_TRUE(HashTableDelete(heap, table, heap.Get<Vector>(keys)->items[i]));
  heap.CollectFull();
  EXPECT_EQ(Look(keys, table, 1), Value::Fixnum(1));
  ASSERT_TRUE(heap.Reserve(HashTableBytes(kKeys)));
  Value& copy = Root(HashTableCopy(heap, table));
  for (int i = 0; i < kKeys; ++i) ASSERT_EQ(Look(keys, copy, i), i % 2 == 0 ? kFalse : Value::Fixnum(i));
  heap.CollectFull();
  EXPECT_EQ(Look(keys, table, 1), Value::Fixnum(1));
  CollectMinor();
  for (int i = 0; i < kKeys; ++i) {
    if (i % 1000 == 0) {
      ASSERT_TRUE(heap.Reserve(HashTableGrowthBytes(heap, table, 1000) + 64000));
    }
    HashTablePut(heap, table, Value::Fixnum(i), Value::Fixnum(-i));
  }
  for (int i = 0; i < kKeys; ++i) {
    ASSERT_EQ(Look(keys, table, i), i % 2 == 0 ? kFalse : Value::Fixnum(i));
    ASSERT_EQ(HashTableGet(heap, table, Value::Fixnum(i), kFalse), Value::Fixnum(-i));
  }
  heap.CollectFull();
  EXPECT_EQ(Look(keys, table, 1), Value::Fixnum(1));
  HashTableClear(heap, table);
  EXPECT_EQ(Look(keys, table, 1), kFalse);
  EXPECT_EQ(HashTableGet(heap, table, Value::Fixnum(1), kFalse), kFalse);
  HashTablePut(heap, table, heap.Get<Vector>(keys)->items[2], kTrue);
  CollectMinor();
  EXPECT_EQ(Look(keys, table, 2), kTrue);
}

// Wherever the run is ended that looks something up, the next one finds all.
TEST_F(AddressKeysTest, ARunMayEndWhileKeysArePlacedAnew) {
  constexpr int kKeys = 30000;
  Value& table = Root(MakeHashTable(heap, kEqTableFlag));
  Value& keys = Root(kFalse);
  Fill(keys, table, kKeys);
  HashTablePut(heap, table, Value::Fixnum(-1), kTrue);
  struct Polls {
    static bool Poll(void* left, uint64_t) { return *static_cast<int*>(left) > 0 && --*static_cast<int*>(left) > 0; }
  };
  bool ended = true;
  for (int polls = 1; ended; ++polls) {
    ASSERT_LT(polls, 1000);
    heap.CollectFull();
    int left = polls;
    {
      const PollScope scope({&Polls::Poll, &left});
      (void)Look(keys, table, kKeys - 1);
      ended = Ended();
      if (ended) HashTablePut(heap, table, Value::Fixnum(polls), kTrue);
    }
    ASSERT_EQ(HashTableGet(heap, table, Value::Fixnum(-1), kFalse), kTrue) << polls;
    for (int i = 0; i < kKeys; i += 1009) ASSERT_EQ(Look(keys, table, i), Value::Fixnum(i)) << polls;
  }
}

TEST_F(HashTableTest, WriterCanReplaceEntriesByFinalOffsets) {
  // This is done as the snapshot writer does it with its copy: new hashes for address keys, then the same index.
  const Value table = MakeHashTable(heap, kEqualTableFlag);
  const Value box = heap.ValueOf(heap.New<Box>());
  HashTablePut(heap, table, Text("s"), Value::Fixnum(1));
  HashTablePut(heap, table, box, Value::Fixnum(2));
  bool address;
  KeyHash(heap, kEqualTableFlag, Text("s"), &address);
  EXPECT_FALSE(address);
  EXPECT_EQ(KeyHash(heap, kEqualTableFlag, box, &address), AddressHash(box.offset()));
  EXPECT_TRUE(address);
  uint32_t index[8] = {};
  HashTable* t = heap.Get<HashTable>(table);
  const Value* entries = heap.Get<Vector>(t->entries)->items;
  for (uint32_t i = 0; i < 2; ++i) {
    PlaceEntry(index, 7, static_cast<uint32_t>(entries[3 * i + 2].fixnum()), i);
  }
  EXPECT_EQ(std::memcmp(index, heap.Get<Bytevector>(t->index)->bytes, sizeof(index)), 0);
}

// Random operations, with collections in between, against std::map. Keys: numbers, strings, lists
// and boxes. There are so many that a look-up does not place all of them anew.
TEST_F(HashTableTest, BehavesLikeAMap) {
  std::mt19937 random(20240607);
  for (uint32_t kind : {kEqTableFlag, kEqvTableFlag, kEqualTableFlag}) {
    Value& table = Root(MakeHashTable(heap, kind));
    std::vector<Value*> keys;
    for (int i = 0; i < 20000; ++i) {
      Value key = Value::Fixnum(i);
      if (i % 4 == 1) key = Text("key" + std::to_string(i));
      if (i % 4 == 2) key = heap.ValueOf(heap.New<Box>());
      if (i % 4 == 3) key = List(Value::Fixnum(i), Text("in a list"));
      keys.push_back(&Root(key));
    }
    std::map<int, int> model;
    for (int step = 0; step < 100000; ++step) {
      const int k = static_cast<int>(random() % keys.size());
      const uint32_t action = random() % 1000;
      if (step % 1000 == 0) {
        ASSERT_TRUE(heap.Reserve(HashTableGrowthBytes(heap, table, 1000) + 64000));
      }
      if (action < 400) {
        HashTablePut(heap, table, *keys[k], Value::Fixnum(step));
        model[k] = step;
      } else if (action < 600) {
        ASSERT_EQ(HashTableDelete(heap, table, *keys[k]), model.erase(k) == 1);
        if (k % 4 == 2) *keys[k] = heap.ValueOf(heap.New<Box>());
      } else if (action < 990) {
        const auto found = model.find(k);
        ASSERT_EQ(HashTableGet(heap, table, *keys[k], kFalse),
                  found == model.end() ? kFalse : Value::Fixnum(found->second));
      } else if (action < 997) {
        ASSERT_TRUE(heap.Collect());
      } else if (action < 998) {
        heap.CollectFull();
      } else if (action < 999) {
        table = HashTableCopy(heap, table);
      } else {
        HashTableClear(heap, table);
        model.clear();
      }
      ASSERT_EQ(HashTableCount(heap, table), model.size());
    }
    size_t seen = 0;
    ForEachEntry(heap, table, [&](Value, Value) { ++seen; });
    EXPECT_EQ(seen, model.size());
  }
}

TEST_F(HashTableTest, AMillionStrings) {
  Value& table = Root(MakeHashTable(heap, kStringTableFlag));
  for (int i = 0; i < 1000000; ++i) {
    const uint64_t bytes = HashTableGrowthBytes(heap, table) + 64;
    if (bytes > Heap::kSlack || i % 10000 == 0) {
      ASSERT_TRUE(heap.Reserve(bytes));
    }
    HashTablePut(heap, table, Text("record-" + std::to_string(i)), Value::Fixnum(i));
  }
  for (int i = 0; i < 1000000; i += 997) {
    ASSERT_EQ(HashTableGet(heap, table, Text("record-" + std::to_string(i)), kFalse), Value::Fixnum(i));
  }
}

}  // namespace
}  // namespace islet::vm
