#include "isolate/heap/heap.h"

#include <sys/resource.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "isolate/heap/arity.h"
#include "isolate/heap/poll.h"
#include "isolate/heap/port_handle.h"
#include "isolate/heap/reusable_vector.h"
#include "isolate/heap/test_image.h"

namespace islet::vm {
namespace {

constexpr size_t kMiB = size_t{1} << 20;

HeapOptions Limit(size_t bytes) {
  HeapOptions options;
  options.heap_limit = bytes;
  return options;
}

TEST(HeapTest, MakesObjects) {
  auto heap = MakeHeap();
  const Value pair = heap->Cons(Value::Fixnum(1), kNull);
  EXPECT_TRUE(pair.IsPair());
  EXPECT_EQ(heap->car(pair), Value::Fixnum(1));
  EXPECT_EQ(heap->cdr(pair), kNull);
  EXPECT_EQ(heap->flonum(heap->MakeFlonum(1.5)), 1.5);

  const Value vector = heap->MakeVector(3, kTrue, kImmutableFlag);
  ASSERT_TRUE(heap->Is<Vector>(vector));
  EXPECT_EQ(heap->Get<Vector>(vector)->length, 3u);
  EXPECT_EQ(heap->Get<Vector>(vector)->items[2], kTrue);
  EXPECT_EQ(HeaderFlags(heap->header(vector)), kImmutableFlag);
  EXPECT_FALSE(heap->Is<Vector>(pair));
  EXPECT_FALSE(heap->Is<String>(vector));

  const Value bignum = heap->MakeBignum(2, true);
  EXPECT_EQ(heap->Get<Bignum>(bignum)->length, 2u);
  EXPECT_EQ(HeaderFlags(heap->header(bignum)), kNegativeFlag);
}

TEST(HeapTest, NewObjectsAreZeroEvenInUsedMemory) {
  auto heap = MakeHeap();
  std::memset(heap->AllocateBytes(16 << 10), 0xab, 16 << 10);
  ASSERT_TRUE(heap->Collect());
  const Bytevector* bytes = heap->Get<Bytevector>(heap->MakeBytevector(1000));
  for (uint32_t i = 0; i < bytes->length; ++i) ASSERT_EQ(bytes->bytes[i], 0);
  const HashTable* table = heap->New<HashTable>(kEqTableFlag);
  EXPECT_EQ(table->entries, Value::Fixnum(0));
  EXPECT_EQ(table->hash, Value::Fixnum(0));

  for (int i = 0; i < 3; ++i) {
    Bytevector* large = heap->Get<Bytevector>(heap->MakeBytevector(100'000));
    for (uint32_t j = 0; j < large->length; ++j) ASSERT_EQ(large->bytes[j], 0);
    std::memset(large->bytes, 0xab, large->length);
    Code* code = static_cast<Code*>(heap->NewUnmoving(ObjectType::kCode, 4000, 0, 0));
    for (uint32_t j = 2; j < 1000; ++j) ASSERT_EQ(reinterpret_cast<uint32_t*>(code)[j], 0u);
    std::memset(code->instructions, 0xab, 4000 - sizeof(Code));
    heap->CollectFull();
  }
}

TEST(HeapTest, KnowsOneNaN) {
  auto heap = MakeHeap();
  TestRoots roots(*heap);
  double forged;
  const uint64_t bits = 0x7ff4'0000'0000'1003;  // how the collector marks a moved flonum
  std::memcpy(&forged, &bits, sizeof(forged));
  roots.values = {heap->MakeFlonum(forged), heap->MakeFlonum(-INFINITY)};
  ASSERT_TRUE(heap->Collect());
  EXPECT_TRUE(std::isnan(heap->flonum(roots.values[0])));
  EXPECT_EQ(heap->flonum(roots.values[1]), -INFINITY);
}

TEST(HeapTest, LargeAndUnmovingObjectsStayWhereTheyAre) {
  auto heap = MakeHeap();
  TestRoots roots(*heap);
  roots.values = {
      heap->MakeVector(Heap::kLargeObject / 4, kNull),
      heap->ValueOf(heap->NewUnmoving(ObjectType::kSymbol, sizeof(Symbol), kUninternedFlag, 0)),
      heap->ValueOf(heap->NewUnmoving(ObjectType::kCode, 100'000, 0, 0)),
      heap->Cons(kNull, kNull),
  };
  const std::vector<Value> before = roots.values;
  ASSERT_TRUE(heap->Collect());
  heap->CollectFull();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(roots.values[i], before[i]) << i;
  EXPECT_NE(roots.values[3], before[3]);
}

TEST(HeapTest, CountsCollectionsThatMoved) {
  auto heap = MakeHeap();
  TestRoots roots(*heap);
  uint32_t epoch = heap->move_epoch();
  heap->Cons(kNull, kNull);
  ASSERT_TRUE(heap->Collect());
  EXPECT_EQ(heap->move_epoch(), epoch);
  roots.values = {heap->Cons(kNull, kNull)};
  ASSERT_TRUE(heap->Collect());
  EXPECT_NE(heap->move_epoch(), epoch);
}

TEST(HeapTest, WantsACollectionWhenTheNurseryIsFull) {
  auto heap = MakeHeap();
  EXPECT_FALSE(heap->WantsCollection());
  for (size_t bytes = 0; bytes < Heap::kNurserySize; bytes += 8) heap->Cons(kNull, kNull);
  EXPECT_TRUE(heap->WantsCollection());
  ASSERT_TRUE(heap->Collect());
  EXPECT_FALSE(heap->WantsCollection());
  EXPECT_EQ(heap->Stats().young_bytes, 0u);
  EXPECT_EQ(heap->Stats().minor_collections, 1u);
}

TEST(HeapTest, CountsWhatWasAllocatedAcrossCollections) {
  auto heap = MakeHeap();
  const uint64_t before = heap->Stats().allocated_bytes;
  for (int i = 0; i < 1000; ++i) heap->Cons(kNull, kNull);
  EXPECT_EQ(heap->Stats().allocated_bytes - before, 8000u);
  ASSERT_TRUE(heap->Collect());
  heap->CollectFull();
  EXPECT_EQ(heap->Stats().allocated_bytes - before, 8000u);
  heap->MakeBytevector(1'000'000);
  EXPECT_GE(heap->Stats().allocated_bytes - before, 1'008'000u);
  EXPECT_LT(heap->Stats().allocated_bytes - before, 1'009'000u);
  heap->CollectFull();
  EXPECT_LT(heap->Stats().allocated_bytes - before, 1'009'000u);
}

TEST(HeapTest, LargeObjectsAskForCollectionsToo) {
  auto heap = MakeHeap(Limit(64 * kMiB));
  // Garbage, so this would go on for ever.
  for (int i = 0; i < 10'000; ++i) {
    heap->MakeBytevector(1'000'000);
    ASSERT_LE(heap->UsedBytes(), 66 * kMiB);
    if (heap->WantsCollection()) {
      ASSERT_TRUE(heap->Collect());
      ASSERT_FALSE(heap->WantsCollection());
    }
  }
  EXPECT_GT(heap->Stats().full_collections, 100u);
}

TEST(HeapTest, ReserveCollectsAndRefuses) {
  auto heap = MakeHeap(Limit(32 * kMiB));
  TestRoots roots(*heap);
  EXPECT_TRUE(heap->Reserve(0));
  EXPECT_TRUE(heap->Reserve(30 * kMiB));
  EXPECT_FALSE(heap->Reserve(33 * kMiB));
  EXPECT_FALSE(heap->Reserve(~size_t{0}));
  for (int i = 0; i < 100; ++i) {  // garbage makes way
    ASSERT_TRUE(heap->Reserve(20 * kMiB));
    heap->MakeBytevector(20 * kMiB - 100);
  }
  ASSERT_TRUE(heap->Reserve(20 * kMiB));
  roots.values = {heap->MakeBytevector(20 * kMiB - 100)};
  EXPECT_FALSE(heap->Reserve(20 * kMiB));
  EXPECT_TRUE(heap->Reserve(10 * kMiB));
  roots.values.clear();
  EXPECT_TRUE(heap->Reserve(20 * kMiB));
}

TEST(HeapTest, ReservedSpaceServesAnySizeOfObject) {
  auto heap = MakeHeap(CageLayout::For(64 * kMiB, 0, 0), {}, Limit(size_t{1} << 30));
  TestRoots roots(*heap);
  for (size_t size : {size_t{8}, size_t{100}, Heap::kLargeObject - 8, Heap::kLargeObject, Heap::kBlockSize + 8}) {
    ASSERT_TRUE(heap->Reserve(10 * kMiB)) << size;
    roots.values.clear();
    for (size_t used = 0; used + size <= 10 * kMiB; used += size) {
      roots.values.push_back(heap->MakeBytevector(static_cast<uint32_t>(size - 8)));
    }
    // All of it can be promoted, and copied again.
    const bool below_limit = heap->Collect();
    if (size < Heap::kLargeObject) {  // larger ones may take twice their size
      EXPECT_TRUE(below_limit) << size;
    }
    heap->CollectFull();
    for (Value v : roots.values) ASSERT_EQ(heap->Get<Bytevector>(v)->length, size - 8);
    roots.values.clear();
    heap->CollectFull();
    EXPECT_EQ(heap->Stats().old_bytes, 0u);
  }
}

TEST(HeapTest, CollectSaysWhenTheLimitIsExceeded) {
  auto heap = MakeHeap(Limit(4 * kMiB));
  TestRoots roots(*heap);
  roots.values = {kNull};
  int collections = 0;
  for (;;) {
    roots.values[0] = heap->Cons(Value::Fixnum(0), roots.values[0]);
    if (!heap->WantsCollection()) continue;
    ++collections;
    if (!heap->Collect()) break;
    ASSERT_LT(heap->UsedBytes(), 6 * kMiB);
  }
  EXPECT_GE(collections, 3);
  EXPECT_GE(heap->UsedBytes(), 4 * kMiB);
  EXPECT_TRUE(heap->WantsCollection());  // nothing goes on for long
  EXPECT_FALSE(heap->Collect());
  EXPECT_FALSE(heap->Reserve(1));
  roots.values[0] = kNull;
  EXPECT_TRUE(heap->Collect());
  EXPECT_FALSE(heap->WantsCollection());
  EXPECT_TRUE(heap->Reserve(1 * kMiB));
}

TEST(HeapTest, SmallCagesAndLimitsWork) {
  for (size_t cage : {CageLayout::kMinCageSize, 64 * kMiB, 1024 * kMiB}) {
    for (size_t limit : {size_t{1}, 1 * kMiB, 512 * kMiB, ~size_t{0}}) {
      auto heap = MakeHeap(CageLayout::For(cage, 0, 0), {}, Limit(limit));
      TestRoots roots(*heap);
      roots.values = {kNull};
      const int count = limit == 1 ? 10'000 : 500'000;
      for (int i = 0; i < count; ++i) {
        roots.values[0] = heap->Cons(heap->MakeFlonum(i), i % 16 == 0 ? kNull : roots.values[0]);
        if (heap->WantsCollection() && !heap->Collect()) roots.values[0] = kNull;
      }
    }
  }
}

TEST(HeapTest, FreedMemoryGoesBackToTheSystem) {
  auto heap = MakeHeap();
  TestRoots roots(*heap);
  ASSERT_TRUE(heap->Reserve(100 * kMiB));
  Value list = kNull;
  for (size_t i = 0; i < 50 * kMiB / 8; ++i) list = heap->Cons(list, kNull);
  roots.values = {list};
  ASSERT_TRUE(heap->Collect());
  const CageLayout& layout = heap->layout();
  const auto resident = [&] {
    return CountCopiedPages(heap->base() + layout.young_begin, (layout.old_begin - layout.young_begin) / kTestPage) +
           CountCopiedPages(heap->base() + layout.old_begin, 100 * kMiB / kTestPage);
  };
  EXPECT_GE(resident(), static_cast<int>(50 * kMiB / kTestPage));
  EXPECT_LE(resident(), static_cast<int>(52 * kMiB / kTestPage));
  roots.values.clear();
  heap->CollectFull();
  EXPECT_LE(resident(), static_cast<int>(Heap::kNurserySize / kTestPage));
}

// ---- What stays resident although it is free: see spare_memory.h.

// Resident pages of the old space and of the nursery, whose first megabyte always stays.
int ResidentPages(const Heap& heap) {
  const CageLayout& layout = heap.layout();
  return CountCopiedPages(heap.base() + layout.young_begin, (layout.old_end - layout.young_begin) / kTestPage);
}

// Makes a list longer by some 500 bytes.
Value Longer(Heap& heap, int i, Value list) { return heap.Cons(heap.MakeVector(124, Value::Fixnum(i)), list); }
constexpr size_t kElementsOfMiB = kMiB / 512;

// Makes `lists` of a megabyte each, one after the other, of which the last `alive` are kept.
void MakeLists(Heap& heap, TestRoots& roots, size_t alive, int lists) {
  roots.values.resize(alive + 1, kNull);
  for (int i = 0; i < lists; ++i) {
    for (size_t k = 0; k < kElementsOfMiB; ++k) {
      roots.values[alive] = Longer(heap, i, roots.values[alive]);
      if (heap.WantsCollection() && heap.CollectionIsDue()) {
        ASSERT_TRUE(heap.Collect());
      }
    }
    roots.values[static_cast<size_t>(i) % alive] = std::exchange(roots.values[alive], kNull);
  }
}

HeapOptions SpareLimit(size_t bytes) {
  HeapOptions options;
  options.spare_limit = bytes;
  return options;
}

constexpr uint64_t kSmallCage = 256 * kMiB;

TEST(HeapTest, FreedBlocksStayForWhatComesNext) {
  auto heap = MakeHeap(CageLayout::For(kSmallCage, 0, 0));
  TestRoots roots(*heap);
  ASSERT_NO_FATAL_FAILURE(MakeLists(*heap, roots, 8, 100));
  ASSERT_GT(heap->Stats().full_collections, 3u);
  const int resident = ResidentPages(*heap);
  EXPECT_GT(heap->Stats().spare_bytes, 8 * kMiB);
  EXPECT_LE(heap->Stats().spare_bytes + heap->Stats().old_bytes, 40 * kMiB);
  // The same again needs no page more, but for where lists end.
  ASSERT_NO_FATAL_FAILURE(MakeLists(*heap, roots, 8, 100));
  EXPECT_LE(ResidentPages(*heap), resident + static_cast<int>(kMiB / kTestPage));
  // A host that collects gets it all back.
  heap->CollectFull();
  EXPECT_EQ(heap->Stats().spare_bytes, 0u);
  EXPECT_LE(ResidentPages(*heap), static_cast<int>((heap->Stats().old_bytes + Heap::kNurserySize) / kTestPage));
}

// Page faults of this thread so far.
int64_t Faults() {
  rusage usage;
  EXPECT_EQ(getrusage(RUSAGE_THREAD, &usage), 0);
  return usage.ru_minflt;
}

// Where all survives, blocks are made ready while the nursery fills: the collection copies to them without a fault.
TEST(HeapTest, NewBlocksAreTouchedBeforeTheyAreFilled) {
  auto heap = MakeHeap(CageLayout::For(kSmallCage, 0, 0));
  TestRoots roots(*heap);
  roots.values = {kNull};
  int64_t in_slices = 0;
  for (int collections = 0, slices = 0; collections < 10;) {
    roots.values[0] = heap->Cons(Value::Fixnum(collections), roots.values[0]);
    if (!heap->WantsCollection()) continue;
    const int64_t before = Faults();
    if (!heap->CollectionIsDue()) {
      EXPECT_FALSE(heap->WantsCollection());
      ++slices;
      EXPECT_LE(Faults() - before, 40) << "in one stop";
      in_slices += Faults() - before;
      continue;
    }
    const uint64_t full = heap->full_collections();
    EXPECT_EQ(heap->Stats().young_bytes, HeapState::kNurserySize / 2);
    ASSERT_TRUE(heap->Collect());
    // The first collection knows of none before.
    EXPECT_EQ(slices, collections == 0 ? 0 : 7) << collections;
    if (collections > 0 && heap->full_collections() == full) {
      EXPECT_LE(Faults() - before, 8) << collections;
    }
    ++collections;
    slices = 0;
  }
  EXPECT_GT(in_slices, static_cast<int64_t>(9 * HeapState::kNurserySize / 2 / kTestPage));
  EXPECT_EQ(heap->Stats().minor_collections, 10u);
}

TEST(HeapTest, NothingIsTouchedAheadOfProgramsOfWhichLittleSurvives) {
  auto heap = MakeHeap(CageLayout::For(kSmallCage, 0, 0));
  TestRoots roots(*heap);
  roots.values = {kNull};
  for (int i = 0; i < 1'000'000; ++i) {
    const Value pair = heap->Cons(Value::Fixnum(i), kNull);
    if (i % 100 == 0) roots.values[0] = heap->Cons(pair, roots.values[0]);
    if (!heap->WantsCollection()) continue;
    ASSERT_TRUE(heap->CollectionIsDue());
    ASSERT_TRUE(heap->Collect());
  }
  EXPECT_GT(heap->Stats().minor_collections, 5u);
  EXPECT_EQ(heap->Stats().spare_bytes, 0u);
}

// A host that wants nothing kept gets no pages that are not in use.
TEST(HeapTest, NothingIsTouchedAheadBeyondTheLimit) {
  auto heap = MakeHeap(CageLayout::For(kSmallCage, 0, 0), {}, SpareLimit(0));
  TestRoots roots(*heap);
  roots.values = {kNull};
  for (int i = 0; i < 500'000; ++i) {
    roots.values[0] = heap->Cons(Value::Fixnum(i), roots.values[0]);
    if (heap->WantsCollection() && heap->CollectionIsDue()) {
      ASSERT_TRUE(heap->Collect());
    }
    ASSERT_EQ(heap->Stats().spare_bytes, 0u);
  }
}

TEST(HeapTest, FreedBlocksGoBackOnceTheyAreNotNeeded) {
  auto heap = MakeHeap(CageLayout::For(kSmallCage, 0, 0));
  TestRoots roots(*heap);
  ASSERT_NO_FATAL_FAILURE(MakeLists(*heap, roots, 16, 50));
  EXPECT_GT(heap->Stats().spare_bytes, 16 * kMiB);
  const size_t before = heap->Stats().spare_bytes + heap->Stats().old_bytes;
  roots.values.clear();
  // With few objects alive, full collections or none.
  ASSERT_NO_FATAL_FAILURE(MakeLists(*heap, roots, 1, 200));
  const size_t later = heap->Stats().spare_bytes + heap->Stats().old_bytes;
  EXPECT_LT(later, before / 2);
  roots.values.clear();
  for (size_t i = 0; i < 400 * kElementsOfMiB; ++i) {
    Longer(*heap, 0, kNull);
    if (heap->WantsCollection()) {
      ASSERT_TRUE(heap->Collect());
    }
  }
  EXPECT_EQ(heap->Stats().spare_bytes, 0u);
}

TEST(HeapTest, NoMoreStaysThanALimitAllows) {
  for (const size_t limit : {size_t{0}, 3 * kMiB}) {
    auto heap = MakeHeap(CageLayout::For(kSmallCage, 0, 0), {}, SpareLimit(limit));
    TestRoots roots(*heap);
    ASSERT_NO_FATAL_FAILURE(MakeLists(*heap, roots, 8, 100));
    ASSERT_GT(heap->Stats().full_collections, 3u);
    EXPECT_LE(heap->Stats().spare_bytes, limit);
    EXPECT_LE(ResidentPages(*heap),
              static_cast<int>((heap->Stats().old_bytes + Heap::kNurserySize + limit) / kTestPage));
    // And none of a large object that is given back by hand.
    ASSERT_TRUE(heap->Reserve(20 * kMiB));
    heap->FreeLarge(heap->MakeVector(5'000'000, kTrue));
    EXPECT_LE(heap->Stats().spare_bytes, limit);
    heap->set_spare_limit(kMiB);
    ASSERT_NO_FATAL_FAILURE(MakeLists(*heap, roots, 8, 30));
    EXPECT_LE(heap->Stats().spare_bytes, kMiB);
  }
}

// Large objects of growing size find no place among the blocks that the ones before them have left.
TEST(HeapTest, WhatIsResidentStaysWithinTwiceTheHeapLimit) {
  constexpr size_t kLimit = 24 * kMiB;
  auto heap = MakeHeap(CageLayout::For(kSmallCage, 0, 0), {}, Limit(kLimit));
  TestRoots roots(*heap);
  int resident = 0;
  for (const size_t blocks : {1, 4, 16, 50}) {
    const uint32_t bytes = static_cast<uint32_t>(blocks * Heap::kBlockSize - 8);
    std::vector<Value> made;
    while (heap->Reserve(bytes + 8)) {
      roots.values.push_back(heap->MakeBytevector(bytes));
      std::memset(heap->Get<Bytevector>(roots.values.back())->bytes, 0xab, bytes);
      made.push_back(roots.values.back());
      resident = std::max(resident, ResidentPages(*heap));
    }
    ASSERT_GE(made.size(), 2u);
    // Three of four die.
    roots.values.resize(roots.values.size() - made.size());
    for (size_t i = 0; i < made.size(); i += 4) roots.values.push_back(made[i]);
  }
  EXPECT_GT(resident, static_cast<int>(3 * kLimit / 2 / kTestPage));
  EXPECT_LE(resident, static_cast<int>((2 * kLimit + kMiB) / kTestPage));
}

TEST(HeapTest, AResetForgetsWhatIsSpare) {
  const auto fresh = MakeHeap(CageLayout::For(kSmallCage, 0, 0));
  auto heap = MakeHeap(CageLayout::For(kSmallCage, 0, 0));
  for (const size_t keep : {size_t{0}, size_t{64} << 10, kSmallCage, size_t{0}}) {
    {
      TestRoots roots(*heap);
      ASSERT_NO_FATAL_FAILURE(MakeLists(*heap, roots, 8, 50));
      EXPECT_GT(heap->Stats().spare_bytes, kMiB);
    }
    heap->Reset(heap->stack_begin(), keep);
    EXPECT_EQ(heap->Stats().spare_bytes, 0u);
    EXPECT_LE(heap->KeptBytes(), keep);
    EXPECT_LE(ResidentPages(*heap), static_cast<int>(heap->KeptBytes() / kTestPage) + 1);
    EXPECT_EQ(heap->FirstDifference(*fresh, Unused::kToo), "");
  }
}

// A copy has nothing that is spare, and goes on like the heap that has.
TEST(HeapTest, ACopyNeedsNothingThatIsSpare) {
  auto parent = MakeHeap(CageLayout::For(kSmallCage, 0, 0));
  auto child = MakeHeap(CageLayout::For(kSmallCage, 0, 0));
  TestRoots roots(*parent), copied(*child);
  ASSERT_NO_FATAL_FAILURE(MakeLists(*parent, roots, 8, 50));
  EXPECT_GT(parent->Stats().spare_bytes, kMiB);
  child->CopyFrom(*parent);
  copied.values = roots.values;
  EXPECT_EQ(child->Stats().spare_bytes, 0u);
  EXPECT_EQ(child->FirstDifference(*parent, Unused::kNot), "");
  EXPECT_EQ(parent->FirstDifference(*child, Unused::kNot), "");
  for (int round = 0; round < 5; ++round) {
    ASSERT_NO_FATAL_FAILURE(MakeLists(*parent, roots, 8, 7));
    ASSERT_NO_FATAL_FAILURE(MakeLists(*child, copied, 8, 7));
    EXPECT_EQ(copied.values, roots.values);
    EXPECT_EQ(child->FirstDifference(*parent, Unused::kNot), "");
  }
}

TEST(HeapTest, LargeObjectsAreZeroWhereOthersHaveBeen) {
  auto heap = MakeHeap(CageLayout::For(kSmallCage, 0, 0));
  TestRoots roots(*heap);
  for (int round = 0; round < 5; ++round) {
    ASSERT_NO_FATAL_FAILURE(MakeLists(*heap, roots, 8, 40));
    EXPECT_GT(heap->Stats().spare_bytes, 4 * kMiB);
    for (const uint32_t bytes : {40'000u, 500'000u, 20'000'000u}) {
      ASSERT_TRUE(heap->Reserve(bytes));
      Bytevector* const large = heap->Get<Bytevector>(heap->MakeBytevector(bytes));
      EXPECT_TRUE(std::all_of(large->bytes, large->bytes + bytes, [](uint8_t byte) { return byte == 0; }));
      std::memset(large->bytes, 0xab, bytes);
    }
  }
}

// To make tens of megabytes zero takes milliseconds: Reserve does it, in parts, and may be told to stop.
TEST(HeapTest, ARunMayEndWhileRoomForALargeObjectIsCleared) {
  struct Polls {
    static bool Poll(void* context, uint64_t) {
      Polls& self = *static_cast<Polls*>(context);
      return ++self.count <= self.allowed;
    }
    int allowed;
    int count = 0;
  };
  auto heap = MakeHeap(CageLayout::For(kSmallCage, 0, 0));
  constexpr uint32_t kBytes = 40'000'000;
  const auto use = [&] {
    const Value large = heap->MakeBytevector(kBytes);
    uint8_t* const bytes = heap->Get<Bytevector>(large)->bytes;
    EXPECT_TRUE(std::all_of(bytes, bytes + kBytes, [](uint8_t byte) { return byte == 0; }));
    std::memset(bytes, 0xab, kBytes);
    heap->FreeLarge(large);
    EXPECT_GT(heap->Stats().spare_bytes, size_t{kBytes});
  };
  ASSERT_TRUE(heap->Reserve(kBytes));
  use();
  for (const int allowed : {0, 10, 50}) {
    Polls polls{allowed};
    const PollScope scope({&Polls::Poll, &polls});
    EXPECT_FALSE(heap->Reserve(kBytes));
    EXPECT_EQ(polls.count, allowed + 1);
  }
  // What has been cleared is not cleared again.
  Polls polls{1000};
  const PollScope scope({&Polls::Poll, &polls});
  EXPECT_TRUE(heap->Reserve(kBytes));
  EXPECT_GT(polls.count, 50);
  EXPECT_TRUE(heap->Reserve(kBytes));
  EXPECT_LT(polls.count, 200);
  use();
}

// The heaps of two cages are the same when the second has been given the first one's state.
TEST(HeapTest, ACopyIsTheSameAndGoesOnAlike) {
  const auto work = [](Heap& heap) {
    Value list = kNull;
    for (int i = 0; i < 20000; ++i) {
      if (!heap.Reserve(64)) return;
      list = heap.Cons(heap.MakeFlonum(i), kNull);
    }
    heap.NewUnmoving(ObjectType::kSymbol, sizeof(Symbol), 0, 0);
    heap.MakeVector(100'000, list);
    heap.ConsPromoted(list, list);
  };
  auto parent = MakeHeap();
  auto child = MakeHeap();
  work(*parent);
  EXPECT_NE(child->FirstDifference(*parent, Unused::kNot), "");
  child->CopyFrom(*parent);
  EXPECT_EQ(child->FirstDifference(*parent, Unused::kNot), "");
  for (Heap* heap : {parent.get(), child.get()}) {
    work(*heap);
    heap->CollectFull();
  }
  EXPECT_EQ(child->FirstDifference(*parent, Unused::kNot), "");
}

// A heap of which more was in use than of the other differs from it, whichever is asked.
TEST(HeapTest, ADifferenceIsSeenFromBothSides) {
  auto more = MakeHeap();
  auto less = MakeHeap();
  more->NewUnmoving(ObjectType::kSymbol, sizeof(Symbol), 0, 0);
  more->CollectFull();
  EXPECT_NE(more->FirstDifference(*less, Unused::kNot), "");
  EXPECT_NE(less->FirstDifference(*more, Unused::kNot), "");
  less->young_symbols().push_back(kUndefined);
  more->Reset(more->stack_begin(), 0);
  EXPECT_EQ(more->FirstDifference(*less, Unused::kToo), "tables of names");
}

TEST(ReusableVectorTest, AnEmptyOneAssignedLeavesASmallBuffer) {
  ReusableVector<int> vector;
  vector.assign(10, 1);
  const int* const buffer = vector.data();
  vector = {};
  EXPECT_TRUE(vector.empty());
  vector.push_back(1);
  EXPECT_EQ(vector.data(), buffer);
  const ReusableVector<int> empty;
  vector = empty;
  EXPECT_GE(vector.capacity(), 10u);
}

TEST(ReusableVectorTest, AnEmptyOneAssignedFreesALargeBuffer) {
  ReusableVector<int> vector;
  vector.assign(ReusableVector<int>::kKept + 1, 1);
  vector = {};
  EXPECT_EQ(vector.capacity(), 0u);
  ReusableVector<int> other;
  other.assign(ReusableVector<int>::kKept + 1, 1);
  vector = other;
  EXPECT_EQ(vector, other);
  vector = std::move(other);
  EXPECT_EQ(vector.size(), ReusableVector<int>::kKept + 1);
}

// These numbers are in snapshots.
TEST(PortHandleTest, TellsWhereThePortsBytesAre) {
  EXPECT_EQ(PortHandle::Heap().value(), Value::Fixnum(-1));
  EXPECT_EQ(PortHandle::Standard(StandardPort::kInput).value(), Value::Fixnum(-2));
  EXPECT_EQ(PortHandle::Standard(StandardPort::kError).value(), Value::Fixnum(PortHandle::kLast));
  EXPECT_EQ(PortHandle::FromValue(Value::Fixnum(-3)).standard(), StandardPort::kOutput);
  EXPECT_TRUE(PortHandle::File(0).IsFile());
  EXPECT_FALSE(PortHandle::File(0).IsHeap() || PortHandle::File(0).IsStandard());
  EXPECT_FALSE(PortHandle::Heap().IsFile() || PortHandle::Heap().IsStandard());
}

// So are these.
TEST(ArityTest, IsPackedIntoAFixnum) {
  EXPECT_EQ(Arity({.least = 3}).ToValue(), Value::Fixnum(3 << 9));
  EXPECT_EQ(Arity({.least = 1, .optional = 2}).ToValue(), Value::Fixnum(1 << 9 | 2 << 1));
  EXPECT_EQ(Arity({.rest = true}).ToValue(), Value::Fixnum(1));
  const Arity arity = Arity::Of(Value::Fixnum(2 << 9 | 255 << 1 | 1));
  EXPECT_EQ(arity.least, 2u);
  EXPECT_EQ(arity.optional, Arity::kMostOptional);
  EXPECT_TRUE(arity.rest);
}

TEST(HeapTest, IdleHeapTouchesNothing) {
  const TestImage image(8, 8);
  auto heap = MakeHeap(image.Layout(uint64_t{1} << 32), image.source());
  heap->Cons(kNull, kNull);
  EXPECT_EQ(CountCopiedPages(heap->base(), 1024), 1);
}

}  // namespace
}  // namespace islet::vm
