#include "isolate/data/hash_table.h"

#include <map>
#include <random>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "isolate/data/string.h"
#include "isolate/data/test_heap.h"

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

// A collection of the nursery leaves keys alone that are old, and so a table of such keys.
TEST_F(HashTableTest, OldKeysAreNotPlacedAnewAfterMinorCollections) {
  Value& table = Root(MakeHashTable(heap, kEqTableFlag));
  Value& old = Root(heap.Cons(kNull, kNull));
  HashTablePut(heap, table, old, Value::Fixnum(1));
  const auto epoch = [&] { return heap.Get<HashTable>(table)->epoch; };
  const auto collect = [&] {
    Root(heap.Cons(kNull, kNull));
    const uint32_t before = heap.move_epoch();
    ASSERT_TRUE(heap.Collect());
    ASSERT_NE(heap.move_epoch(), before);
  };
  collect();
  const Value young = epoch();
  EXPECT_EQ(HashTableGet(heap, table, old, kFalse), Value::Fixnum(1));
  const Value settled = epoch();
  EXPECT_NE(settled, young);
  for (int i = 0; i < 3; ++i) {
    collect();
    EXPECT_EQ(HashTableGet(heap, table, old, kFalse), Value::Fixnum(1));
    EXPECT_EQ(epoch(), settled) << "placed anew";
  }
  // A key that is young again.
  Value& fresh = Root(heap.Cons(kNull, kNull));
  HashTablePut(heap, table, fresh, Value::Fixnum(2));
  EXPECT_NE(epoch(), settled);
  collect();
  EXPECT_EQ(HashTableGet(heap, table, old, kFalse), Value::Fixnum(1));
  EXPECT_EQ(HashTableGet(heap, table, fresh, kFalse), Value::Fixnum(2));
  EXPECT_EQ(epoch(), settled);
  heap.CollectFull();
  EXPECT_EQ(HashTableGet(heap, table, fresh, kFalse), Value::Fixnum(2));
  EXPECT_EQ(HashTableGet(heap, table, old, kFalse), Value::Fixnum(1));
  EXPECT_NE(epoch(), settled);
  // Another whose first key is old already.
  Value& other = Root(MakeHashTable(heap, kEqTableFlag));
  HashTablePut(heap, other, old, Value::Fixnum(3));
  const Value first = heap.Get<HashTable>(other)->epoch;
  collect();
  EXPECT_EQ(HashTableGet(heap, other, old, kFalse), Value::Fixnum(3));
  EXPECT_EQ(heap.Get<HashTable>(other)->epoch, first);
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
// and boxes.
TEST_F(HashTableTest, BehavesLikeAMap) {
  std::mt19937 random(20240607);
  for (uint32_t kind : {kEqTableFlag, kEqvTableFlag, kEqualTableFlag}) {
    Value& table = Root(MakeHashTable(heap, kind));
    std::vector<Value*> keys;
    for (int i = 0; i < 500; ++i) {
      Value key = Value::Fixnum(i);
      if (i % 4 == 1) key = Text("key" + std::to_string(i));
      if (i % 4 == 2) key = heap.ValueOf(heap.New<Box>());
      if (i % 4 == 3) key = List(Value::Fixnum(i), Text("in a list"));
      keys.push_back(&Root(key));
    }
    std::map<int, int> model;
    for (int step = 0; step < 30000; ++step) {
      const int k = static_cast<int>(random() % keys.size());
      const uint32_t action = random() % 1000;
      if (action < 450) {
        HashTablePut(heap, table, *keys[k], Value::Fixnum(step));
        model[k] = step;
      } else if (action < 800) {
        ASSERT_EQ(HashTableDelete(heap, table, *keys[k]), model.erase(k) == 1);
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
