// Weak references by themselves, and in a heap. (collector_test.cc has them in its random histories, too.)

#include "isolate/heap/weak_references.h"

#include <cstdint>
#include <vector>

#include "gtest/gtest.h"
#include "isolate/heap/heap.h"
#include "isolate/heap/test_image.h"

namespace islet::vm {
namespace {

constexpr WeakReferences::Kind kYoung = {.young = true, .tells = true};
constexpr WeakReferences::Kind kOld = {.young = false, .tells = true};

std::vector<uint32_t> Died(WeakReferences& weak) {
  std::vector<uint32_t> died;
  for (uint32_t number; weak.TakeDied(&number);) died.push_back(number);
  return died;
}

TEST(WeakReferences, AnEmptyTableEqualsOneOfWhichNothingIsLeft) {
  WeakReferences never, weak;
  EXPECT_EQ(never, weak);
  EXPECT_FALSE(weak.AnyDied());
  EXPECT_EQ(weak.Get(0), kUndefined);
  weak.Add(Value::Fixnum(1), 10, kOld);
  EXPECT_FALSE(never == weak);
  const WeakReferences copy = weak;
  EXPECT_EQ(copy, weak);
  weak.Drop(0);
  EXPECT_FALSE(copy == weak);
  EXPECT_EQ(copy.Get(0), Value::Fixnum(1));
  EXPECT_EQ(weak.external_bytes(), 0u);
  weak = never;
  EXPECT_EQ(never, weak);
}

TEST(WeakReferences, AMinorCollectionLooksAtWhatWasMadeSince) {
  WeakReferences weak;
  for (int i = 0; i < 100000; ++i) weak.Add(Value::Fixnum(i), 1, kYoung);
  int looked_at = 0;
  const auto follow = [&](Value v) {
    ++looked_at;
    return v.fixnum() % 2 == 0 ? Value::Fixnum(v.fixnum() + 2) : kUndefined;
  };
  weak.FollowYoung(follow);
  EXPECT_EQ(looked_at, 100000);
  EXPECT_EQ(weak.external_bytes(), 50000u);
  EXPECT_EQ(Died(weak).size(), 50000u);
  EXPECT_EQ(weak.Get(4), Value::Fixnum(6));
  EXPECT_EQ(weak.Get(5), kUndefined);
  for (int i = 0; i < 10; ++i) weak.Add(Value::Fixnum(0), 0, kYoung);
  weak.Add(Value::Fixnum(0), 0, kOld);
  looked_at = 0;
  weak.FollowYoung(follow);
  EXPECT_EQ(looked_at, 10);
  looked_at = 0;
  EXPECT_TRUE(weak.FollowAll(follow, [] { return false; }));
  EXPECT_EQ(looked_at, 50011);
}

TEST(WeakReferences, EachDeathIsToldOnce) {
  WeakReferences weak;
  const auto dead = [](Value) { return kUndefined; };
  const uint32_t a = weak.Add(Value::Fixnum(1), 5, kYoung);
  const uint32_t silent = weak.Add(Value::Fixnum(2), 0, {.young = true, .tells = false});
  weak.FollowYoung(dead);
  EXPECT_TRUE(weak.AnyDied());
  EXPECT_EQ(Died(weak), (std::vector<uint32_t>{a}));
  EXPECT_EQ(weak.Get(silent), kUndefined);
  EXPECT_TRUE(weak.FollowAll(dead, [] { return false; }));
  EXPECT_TRUE(Died(weak).empty());
  weak.Drop(a);
  EXPECT_EQ(weak.Add(Value::Fixnum(3), 0, kOld), a);  // its number again
  EXPECT_TRUE(weak.FollowAll(dead, [] { return false; }));
  weak.Drop(a);  // before anybody has asked
  EXPECT_FALSE(weak.AnyDied());
}

TEST(WeakReferences, MadeAndDroppedAgainTheyTakeNoMoreRoom) {
  WeakReferences weak;
  for (int i = 0; i < 1'000'000; ++i) weak.Drop(weak.Add(Value::Fixnum(i), 1, kYoung));
  int looked_at = 0;
  const uint32_t last = weak.Add(Value::Fixnum(7), 1, kYoung);
  weak.FollowYoung([&](Value v) {
    ++looked_at;
    return v;
  });
  EXPECT_EQ(last, 0u);
  EXPECT_LT(looked_at, 10000);
  EXPECT_EQ(weak.external_bytes(), 1u);
}

// ---- In a heap

// One of each kind of object, and where the collector looks for it.
struct Kinds {
  explicit Kinds(Heap& heap) {
    values = {heap.Cons(Value::Fixnum(1), kNull),
              heap.MakeFlonum(1.5),
              heap.MakeVector(3, kTrue),
              heap.MakeVector(20000, kTrue),  // large
              heap.MakeBytevector(5),
              heap.ValueOf(heap.NewUnmoving(ObjectType::kSymbol, sizeof(Symbol), kUninternedFlag, 0)),
              heap.ValueOf(heap.New<HostObject>())};
  }
  std::vector<Value> values;
};

TEST(WeakReferences, FollowLiveObjectsOfEachKind) {
  const auto heap = MakeHeap();
  TestRoots roots(*heap);
  roots.values = Kinds(*heap).values;
  std::vector<uint32_t> weak;
  for (Value v : roots.values) weak.push_back(heap->AddWeak(v, 0, true));
  for (int round = 0; round < 4; ++round) {
    if (round % 2 == 0) {
      ASSERT_TRUE(heap->Collect());
    } else {
      heap->CollectFull();
    }
    for (size_t i = 0; i < weak.size(); ++i) EXPECT_EQ(heap->weak().Get(weak[i]), roots.values[i]) << i;
  }
  EXPECT_FALSE(heap->weak().AnyDied());
}

TEST(WeakReferences, ForgetDeadObjectsOfEachKind) {
  for (const bool old : {false, true}) {
    const auto heap = MakeHeap();
    TestRoots roots(*heap);
    roots.values = Kinds(*heap).values;
    if (old) heap->CollectFull();
    std::vector<uint32_t> weak;
    for (Value v : roots.values) weak.push_back(heap->AddWeak(v, 100, true));
    EXPECT_EQ(heap->Stats().external_bytes, 100 * weak.size());
    roots.values.clear();
    heap->CollectFull();
    for (const uint32_t number : weak) EXPECT_EQ(heap->weak().Get(number), kUndefined) << number;
    EXPECT_EQ(Died(heap->weak()).size(), weak.size());
    EXPECT_EQ(heap->Stats().external_bytes, 0u);
  }
}

TEST(WeakReferences, AMinorCollectionForgetsYoungObjectsOnly) {
  const auto heap = MakeHeap();
  TestRoots roots(*heap);
  roots.values = {heap->Cons(Value::Fixnum(1), kNull)};
  ASSERT_TRUE(heap->Collect());
  const uint32_t old = heap->AddWeak(roots.values[0], 0, true);
  const uint32_t young = heap->AddWeak(heap->Cons(Value::Fixnum(2), kNull), 0, true);
  roots.values.clear();
  ASSERT_TRUE(heap->Collect());
  EXPECT_NE(heap->weak().Get(old), kUndefined);
  EXPECT_EQ(heap->weak().Get(young), kUndefined);
}

TEST(WeakReferences, ThoseToTheSnapshotStay) {
  const TestImage image(2, 2);
  const auto heap = MakeHeap(image.Layout(uint64_t{64} << 20), image.source());
  const uint32_t weak = heap->AddWeak(TestImage::VectorAt(1), 0, true);
  heap->CollectFull();
  ASSERT_TRUE(heap->Collect());
  EXPECT_EQ(heap->weak().Get(weak), TestImage::VectorAt(1));
}

TEST(WeakReferences, ExternalBytesCountAndMakeCollectionsDue) {
  const auto heap = MakeHeap({.heap_limit = size_t{16} << 20});
  EXPECT_TRUE(heap->ReserveExternal(size_t{15} << 20));
  EXPECT_FALSE(heap->ReserveExternal(size_t{17} << 20));
  EXPECT_FALSE(heap->WantsCollection());
  heap->AddWeak(heap->Cons(kNull, kNull), size_t{10} << 20, true);
  EXPECT_TRUE(heap->WantsCollection());
  EXPECT_TRUE(heap->CollectionIsDue());
  // The object is dead, and so no longer in the way.
  EXPECT_TRUE(heap->ReserveExternal(size_t{15} << 20));
  EXPECT_TRUE(heap->weak().AnyDied());
  TestRoots roots(*heap);
  roots.values = {heap->Cons(kNull, kNull)};
  heap->AddWeak(roots.values[0], size_t{10} << 20, true);
  EXPECT_FALSE(heap->ReserveExternal(size_t{15} << 20));
  EXPECT_TRUE(heap->ReserveExternal(size_t{5} << 20));
  heap->AddWeak(roots.values[0], size_t{10} << 20, true);
  EXPECT_FALSE(heap->Collect());  // beyond the limit
}

}  // namespace
}  // namespace islet::vm
