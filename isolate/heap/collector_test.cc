// Whatever a program does, a collection must leave it the same objects: compared here with a model
// of them, over random histories. And it must leave alone what it does not own.

#include "isolate/heap/collector.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "isolate/heap/heap.h"
#include "isolate/heap/poll.h"
#include "isolate/heap/test_image.h"

namespace islet::vm {
namespace {

constexpr size_t kMiB = size_t{1} << 20;

// Ends the run at one of the collector's polls: the first is number 0.
class EndAtPoll {
 public:
  explicit EndAtPoll(uint32_t number) : number_(number) {}

  bool ended() const { return polls_ > number_; }
  uint32_t polls() const { return polls_; }

 private:
  static bool Count(void* context, uint64_t steps) {
    EndAtPoll& self = *static_cast<EndAtPoll*>(context);
    if (steps == kInterruptsOnly && !self.ended()) ++self.polls_;
    return !self.ended();
  }

  uint32_t number_;
  uint32_t polls_ = 0;
  PollScope scope_{{&Count, this}};
};

// ---- A heap and its model.

// A value of the model: a node's number, or a fixnum.
struct ModelValue {
  bool is_node = false;
  int32_t number = 0;
};

struct Node {
  enum Kind { kPair, kFlonum, kObject, kSnapshot } kind;
  uint32_t header = 0;
  size_t bytes = 0;
  std::vector<ModelValue> slots = {};
  bool unmoving = false;
};

class ModelledHeap {
 public:
  static constexpr uint32_t kReadOnlyPages = 4, kWritablePages = 16;

  explicit ModelledHeap(uint32_t seed)
      : image_(kReadOnlyPages, kWritablePages),
        heap_(MakeHeap(image_.Layout(64 * kMiB), image_.source(), HeapOptions{12 * kMiB})),
        roots_(*heap_),
        random_(seed) {
    for (uint32_t page = 0; page < kReadOnlyPages + kWritablePages; ++page) {
      Node node{Node::kSnapshot};
      node.slots.resize(TestImage::kItems, {false, static_cast<int32_t>(page)});
      node.slots[0] = {true, static_cast<int32_t>((page + 1) % (kReadOnlyPages + kWritablePages))};
      nodes_[static_cast<int>(page)] = node;
      values_[static_cast<int>(page)] = TestImage::VectorAt(page);
    }
    next_node_ = kReadOnlyPages + kWritablePages;
    model_roots_.resize(40);
    roots_.values.resize(20);  // the other roots are on the stack
  }

  Heap& heap() { return *heap_; }

  void Run(int steps) {
    for (int step = 0; step < steps; ++step) {
      switch (Below(16)) {
        case 0:
        case 1:
        case 2:
        case 3:
        case 4:
        case 5:
          SetRoot(Below(40), Make());
          break;
        case 6:
        case 7:
          SetRoot(Below(40), AnyValue());
          break;
        case 8:
          SetRoot(Below(40), {});
          break;
        case 9:
          WriteRaw();
          break;
        default:
          Mutate();
      }
      if (heap_->WantsCollection() || Below(200) == 0) {
        if (Below(4) == 0) {
          heap_->CollectFull();
        } else if (ends_runs_) {
          CollectAndEnd();
        } else {
          ASSERT_TRUE(heap_->Collect());
        }
        Compare();
        if (::testing::Test::HasFailure()) return;
      }
    }
  }

  void EndRuns() { ends_runs_ = true; }
  uint32_t ended() const { return ended_; }

  // Ends the run somewhere in the collection. Until that is finished, objects are read, and made,
  // as before.
  void CollectAndEnd() {
    if (!CollectUntilEnd()) return;
    switch (Below(3)) {
      case 0:
        return heap_->FinishCollection();
      case 1:
        return heap_->CollectFull();
      default:
        ASSERT_TRUE(heap_->Collect());
    }
  }

  // False if it is finished.
  bool CollectUntilEnd() {
    const uint32_t polls = Below(Below(2) ? 20 : 400);
    EndAtPoll end(polls);
    (void)heap_->Reserve(heap_->EffectiveLimit());
    if (!end.ended() || heap_->Collect()) return false;  // it was over by then, or had not begun
    ++ended_;
    const uint64_t full = heap_->full_collections();
    for (uint32_t i = Below(5); i > 0; --i) {
      places_ = 2;
      Compare();
      if (::testing::Test::HasFailure()) break;
      SetRoot(Below(40), Below(3) ? Make() : AnyValue());
      EXPECT_FALSE(heap_->Collect());
    }
    places_ = 1;
    EXPECT_EQ(heap_->full_collections(), full);
    return true;
  }

  // Finds every live node from the roots again, and checks that each is what the model says.
  void Compare() {
    std::map<int, Value> found;
    std::map<uint32_t, int> node_at;
    std::vector<std::pair<int, Value>> more;
    const auto meet = [&](ModelValue expected, Value actual) {
      if (!expected.is_node) {
        ASSERT_EQ(actual, Value::Fixnum(expected.number));
        return;
      }
      ASSERT_TRUE(actual.IsRef()) << expected.number;
      const auto [at, is_new] = found.emplace(expected.number, actual);
      if (!is_new) {
        if (at->second != actual) {
          ASSERT_EQ(places_, 2) << expected.number << " is in two places";
          const auto [other, is_first] = node_at.emplace(actual.bits, expected.number);
          ASSERT_EQ(other->second, expected.number);
          if (is_first) more.emplace_back(expected.number, actual);
        }
        return;
      }
      ASSERT_TRUE(node_at.emplace(actual.bits, expected.number).second) << "two nodes in one place";
      more.emplace_back(expected.number, actual);
    };
    for (size_t i = 0; i < model_roots_.size(); ++i) ASSERT_NO_FATAL_FAILURE(meet(model_roots_[i], *RootSlot(i)));
    for (int i = 0; i < static_cast<int>(kReadOnlyPages + kWritablePages); ++i) {
      ASSERT_NO_FATAL_FAILURE(meet({true, i}, TestImage::VectorAt(static_cast<uint32_t>(i))));
    }
    while (!more.empty()) {
      const auto [number, v] = more.back();
      more.pop_back();
      const Node& node = nodes_.at(number);
      if (node.unmoving) {
        ASSERT_EQ(v, values_.at(number)) << "an unmoving object moved";
      }
      const std::vector<Value*> slots = Slots(node, v);
      ASSERT_EQ(slots.size(), node.slots.size());
      for (size_t i = 0; i < slots.size(); ++i) ASSERT_NO_FATAL_FAILURE(meet(node.slots[i], *slots[i]));
      if (node.kind == Node::kFlonum) {
        ASSERT_EQ(heap_->flonum(v), number + 0.5);
      }
      if (node.kind == Node::kObject) {
        ASSERT_EQ(heap_->header(v), node.header);
        ASSERT_EQ(SizeOf(heap_->Get<uint32_t>(v)), node.bytes);
        ForEachPayloadByte(node, v, [&, n = number](uint8_t& byte, size_t i) { ASSERT_EQ(byte, Pattern(n, i)); });
      }
    }
    if (places_ == 1) CompareWeak(found);
    for (auto i = nodes_.begin(); i != nodes_.end();) i = found.count(i->first) ? std::next(i) : nodes_.erase(i);
    values_.swap(found);
  }

 private:
  uint32_t Below(uint32_t n) { return static_cast<uint32_t>(random_() % n); }
  static uint8_t Pattern(int number, size_t i) { return static_cast<uint8_t>(number * 31 + i * 7 + (i >> 8)); }

  Value* RootSlot(size_t i) { return i < 20 ? &roots_.values[i] : heap_->stack_begin() + 3 * (i - 20); }

  void SetRoot(uint32_t i, ModelValue v) {
    model_roots_[i] = v;
    *RootSlot(i) = ToValue(v);
    // The stack grows and shrinks; the words between the roots are what frames leave behind.
    heap_->stack_begin()[3 * Below(20) + 1] = ToValue(v);
    heap_->stack_begin()[100 + Below(2000)] = ToValue(v);
    heap_->SetStackTop(heap_->stack_begin() + 60 + (Below(2) ? 500 : 0), heap_->stack_begin() + 2100);
  }

  Value ToValue(ModelValue v) { return v.is_node ? values_.at(v.number) : Value::Fixnum(v.number); }

  ModelValue AnyValue() {
    if (Below(4) == 0) return {false, static_cast<int32_t>(Below(1000))};
    const auto at = nodes_.lower_bound(static_cast<int>(Below(static_cast<uint32_t>(next_node_))));
    return {true, at == nodes_.end() ? nodes_.begin()->first : at->first};
  }

  std::vector<Value*> Slots(const Node& node, Value v) {
    std::vector<Value*> slots;
    if (node.kind == Node::kPair) {
      slots = {&heap_->Get<Pair>(v)->car, &heap_->Get<Pair>(v)->cdr};
    } else if (node.kind != Node::kFlonum) {
      ForEachSlot(heap_->Get<uint32_t>(v), [&](Value* slot) { slots.push_back(slot); });
    }
    return slots;
  }

  template <typename Visit>
  void ForEachPayloadByte(const Node& node, Value v, Visit visit) {
    const ObjectType type = HeaderType(node.header);
    if (type != ObjectType::kString && type != ObjectType::kBytevector && type != ObjectType::kBignum) return;
    if (!node.slots.empty()) return;
    uint8_t* bytes = heap_->Get<uint8_t>(v);
    for (size_t i = 8; i < node.bytes; ++i) visit(bytes[i], i);
  }

  // What is alive is where its weak reference says, and only what is not may have died.
  void CompareWeak(const std::map<int, Value>& found) {
    std::set<uint32_t> died;
    for (uint32_t number; heap_->weak().TakeDied(&number);) EXPECT_TRUE(died.insert(number).second);
    for (auto i = weak_.begin(); i != weak_.end();) {
      const auto [node, number] = *i;
      const auto at = found.find(node);
      if (at != found.end()) {
        ASSERT_EQ(heap_->weak().Get(number), at->second) << node;
      }
      ASSERT_EQ(died.count(number) != 0, heap_->weak().Get(number) == kUndefined) << node;
      if (died.count(number) == 0 && Below(20) != 0) {
        ++i;
        continue;
      }
      heap_->weak().Drop(number);
      i = weak_.erase(i);
    }
  }

  // Allocates an object of some type and size, and fills it.
  ModelValue Make() {
    const int number = next_node_++;
    Node node{Node::kObject};
    Value v;
    const bool large = Below(40) == 0;
    const uint32_t length = large ? 8000 + Below(40'000) : Below(Below(10) == 0 ? 4000 : 12);
    switch (Below(16)) {
      case 0:
      case 1:
      case 2:
      case 3:
        node.kind = Node::kPair;
        v = heap_->Cons(Value::Fixnum(0), Value::Fixnum(0));
        break;
      case 4:
      case 5:
        node.kind = Node::kFlonum;
        v = heap_->MakeFlonum(number + 0.5);
        break;
      case 6:
      case 7:
        v = heap_->MakeVector(length, Value::Fixnum(0));
        break;
      case 8:
        v = heap_->MakeBytevector(length);
        break;
      case 9:
        v = heap_->MakeBignum(length / 8 + 1, Below(2));
        break;
      case 10: {  // a string of any width; an indirect one has a slot
        const uint32_t flags = Below(3) * kWideStringFlag;
        const size_t bytes = flags == kIndirectStringFlag ? 16 : 8 + size_t{length} * (flags ? 4 : 1);
        String* s = static_cast<String*>(heap_->NewObject(ObjectType::kString, bytes, flags, 0));
        s->length = flags == kIndirectStringFlag ? 5 : length;
        v = heap_->ValueOf(s);
        break;
      }
      case 11: {
        const uint32_t count = Below(20);
        const ObjectType type = Below(2) ? ObjectType::kClosure : ObjectType::kRecord;
        v = heap_->ValueOf(heap_->NewObject(type, 8 + 4 * size_t{count}, 0, count));
        break;
      }
      case 12:
        v = heap_->ValueOf(heap_->NewUnmoving(ObjectType::kSymbol, sizeof(Symbol), kUninternedFlag, 0));
        node.unmoving = true;
        break;
      case 13: {  // some instructions, of which every second is a Value
        const uint32_t refs = large ? 3000 : Below(30);
        const size_t bytes = sizeof(Code) + (2 * refs + refs) * 4;
        Code* code = static_cast<Code*>(heap_->NewUnmoving(ObjectType::kCode, bytes, 0, 0));
        code->instruction_count = 2 * refs;
        code->ref_count = refs;
        for (uint32_t i = 0; i < refs; ++i) {
          code->instructions[2 * i] = 0xffffffffu;
          code->refs()[i] = 2 * i + 1;
        }
        v = heap_->ValueOf(code);
        node.unmoving = true;
        break;
      }
      case 14:
        v = heap_->ValueOf(heap_->New<Continuation>());
        break;
      default:
        v = Below(2) ? heap_->ValueOf(heap_->New<Box>()) : heap_->ValueOf(heap_->New<HashTable>());
    }
    if (node.kind == Node::kObject) {
      node.header = heap_->header(v);
      node.bytes = SizeOf(heap_->Get<uint32_t>(v));
      if (node.bytes >= Heap::kLargeObject) node.unmoving = true;
    }
    const std::vector<Value*> slots = Slots(node, v);
    node.slots.resize(slots.size());
    for (size_t i = 0; i < slots.size(); ++i) {
      if (i < 20 || Below(50) == 0) node.slots[i] = AnyValue();
      *slots[i] = ToValue(node.slots[i]);
    }
    ForEachPayloadByte(node, v, [&](uint8_t& byte, size_t i) { byte = Pattern(number, i); });
    nodes_[number] = node;
    values_[number] = v;
    if (Below(3) == 0) weak_[number] = heap_->AddWeak(v, Below(100), true);
    return {true, number};
  }

  // Writes to a slot of an object of any age, or of the snapshot.
  void Mutate() {
    const ModelValue object = AnyValue();
    if (!object.is_node) return;
    Node& node = nodes_.at(object.number);
    const Value v = values_.at(object.number);
    if (node.slots.empty() || heap_->InReadOnly(heap_->Get<uint32_t>(v))) return;
    const std::vector<Value*> slots = Slots(node, v);
    const uint32_t slot = Below(static_cast<uint32_t>(slots.size()));
    node.slots[slot] = AnyValue();
    heap_->Write(slots[slot], ToValue(node.slots[slot]));
  }

  // A narrow string of enough bytes becomes an indirect one, wherever it is.
  void WriteRaw() {
    const ModelValue object = AnyValue();
    if (!object.is_node) return;
    Node& node = nodes_.at(object.number);
    if (node.kind != Node::kObject || HeaderType(node.header) != ObjectType::kString) return;
    if (HeaderFlags(node.header) != 0 || node.bytes < 16 || node.bytes >= Heap::kLargeObject) return;
    const Value payload = heap_->MakeBytevector(4);
    Node payload_node{Node::kObject};
    payload_node.header = heap_->header(payload);
    payload_node.bytes = 16;
    const int number = next_node_++;
    nodes_[number] = payload_node;
    values_[number] = payload;
    ForEachPayloadByte(payload_node, payload, [&](uint8_t& byte, size_t i) { byte = Pattern(number, i); });
    uint32_t* words = heap_->Get<uint32_t>(values_.at(object.number));
    words[0] |= kIndirectStringFlag << 8;
    heap_->Write(reinterpret_cast<Value*>(words + 2), payload);
    node.header = words[0];
    node.bytes = 16;
    node.slots = {{true, number}};
  }

  TestImage image_;
  std::unique_ptr<Heap> heap_;
  TestRoots roots_;
  std::mt19937 random_;
  std::map<int, Node> nodes_;     // all that may be reached, and garbage since the last collection
  std::map<int, Value> values_;   // where they are
  std::map<int, uint32_t> weak_;  // numbers of references to some of them
  std::vector<ModelValue> model_roots_;
  int next_node_ = 0;
  bool ends_runs_ = false;
  uint32_t ended_ = 0;
  int places_ = 1;  // where a node may be at once
};

class RandomHistoryTest : public ::testing::TestWithParam<uint32_t> {};

TEST_P(RandomHistoryTest, KeepsEveryLiveObject) {
  ModelledHeap modelled(GetParam());
  modelled.Run(10'000);
  EXPECT_GT(modelled.heap().Stats().minor_collections, 10u);
  EXPECT_GT(modelled.heap().Stats().full_collections, 3u);
}

TEST_P(RandomHistoryTest, KeepsEveryLiveObjectIfRunsEndInCollections) {
  ModelledHeap modelled(GetParam());
  modelled.EndRuns();
  modelled.Run(10'000);
  modelled.heap().FinishCollection();
  modelled.Compare();
  EXPECT_GT(modelled.ended(), 3u);
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomHistoryTest, ::testing::Range(0u, 20u));

// ---- The snapshot's pages.

TEST(CollectorTest, DirtiesNoSnapshotPageThatTheProgramDidNotWrite) {
  constexpr uint32_t kReadOnly = 64, kWritable = 256, kPages = kReadOnly + kWritable;
  const TestImage image(kReadOnly, kWritable);
  auto heap = MakeHeap(image.Layout(uint64_t{1} << 32), image.source());
  TestRoots roots(*heap);
  for (uint32_t page = 0; page < kPages; ++page) roots.values.push_back(TestImage::VectorAt(page));
  roots.values.push_back(kNull);

  // Every object refers to the snapshot; three of the snapshot's pages refer back.
  constexpr uint32_t kWritten[] = {0, 100, kWritable - 1};
  const auto fill_and_collect = [&] {
    for (int i = 0; i < 50; ++i) {
      Value list = kNull;
      for (uint32_t n = 0; n < 200'000; ++n) {
        list = heap->Cons(TestImage::VectorAt(n % kPages), n % 1000 == 0 ? kNull : list);
      }
      roots.values.back() = list;
      if (i % 10 == 9) {
        heap->CollectFull();
      } else {
        ASSERT_TRUE(heap->Collect());
      }
    }
  };
  fill_and_collect();
  EXPECT_EQ(CountCopiedPages(heap->base(), kPages), 0);
  EXPECT_EQ(heap->Stats().dirty_pages, 0u);

  for (uint32_t page : kWritten) {
    Vector* vector = heap->Get<Vector>(TestImage::VectorAt(page));
    heap->Write(&vector->items[7], heap->Cons(Value::Fixnum(static_cast<int32_t>(page)), kNull));
  }
  fill_and_collect();
  EXPECT_EQ(CountCopiedPages(heap->base(), kPages), 3);
  EXPECT_EQ(heap->Stats().dirty_pages, 3u);
  for (uint32_t page : kWritten) {
    const Value kept = heap->Get<Vector>(TestImage::VectorAt(page))->items[7];
    EXPECT_EQ(heap->car(kept), Value::Fixnum(static_cast<int32_t>(page)));
    EXPECT_TRUE(heap->dirty_pages().IsDirty(page * kTestPage));
  }
}

TEST(CollectorTest, ForgetsWhatTheSnapshotNoLongerRefersTo) {
  const TestImage image(1, 1);
  auto heap = MakeHeap(image.Layout(uint64_t{1} << 32), image.source());
  Value* slot = &heap->Get<Vector>(TestImage::VectorAt(0))->items[3];
  heap->Write(slot, heap->MakeBytevector(5 * kMiB));
  heap->CollectFull();
  EXPECT_GE(heap->Stats().old_bytes, 5 * kMiB);
  heap->Write(slot, kNull);
  heap->CollectFull();
  EXPECT_EQ(heap->Stats().old_bytes, 0u);
}

// ---- Symbols and code.

Value Intern(Heap& heap, int32_t hash) {
  Symbol* symbol = static_cast<Symbol*>(heap.NewUnmoving(ObjectType::kSymbol, sizeof(Symbol), 0, 0));
  symbol->hash = Value::Fixnum(hash);
  symbol->name = heap.MakeBytevector(3);
  std::vector<Value>& table = heap.young_symbols();
  size_t i = static_cast<size_t>(hash) & (table.size() - 1);
  while (table[i] != kUndefined) i = (i + 1) & (table.size() - 1);
  return table[i] = heap.ValueOf(symbol);
}

bool IsInterned(Heap& heap, int32_t hash) {
  const std::vector<Value>& table = heap.young_symbols();
  for (size_t i = static_cast<size_t>(hash) & (table.size() - 1); table[i] != kUndefined;
       i = (i + 1) & (table.size() - 1)) {
    if (heap.Get<Symbol>(table[i])->hash == Value::Fixnum(hash)) return true;
  }
  return false;
}

TEST(CollectorTest, DropsDeadSymbolsInFullCollections) {
  auto heap = MakeHeap();
  TestRoots roots(*heap);
  heap->young_symbols().assign(16384, kUndefined);
  // Hashes that collide, so that what probing relies on is seen to be rebuilt.
  for (int32_t i = 0; i < 5000; ++i) {
    const Value symbol = Intern(*heap, i / 3 * 3);
    if (i % 7 == 0) roots.values.push_back(symbol);
  }
  ASSERT_TRUE(heap->Collect());
  for (int32_t i = 0; i < 5000; ++i) ASSERT_TRUE(IsInterned(*heap, i / 3 * 3));
  heap->CollectFull();
  size_t kept = 0;
  for (Value v : heap->young_symbols()) kept += v != kUndefined;
  EXPECT_EQ(kept, roots.values.size());
  for (size_t i = 0; i < roots.values.size(); ++i) {
    ASSERT_TRUE(IsInterned(*heap, static_cast<int32_t>(i * 7 / 3 * 3)));
    ASSERT_TRUE(heap->Is<Bytevector>(heap->Get<Symbol>(roots.values[i])->name));
  }
  // Their space is used again.
  const size_t old_bytes = heap->Stats().old_bytes;
  for (int32_t round = 0; round < 100; ++round) {
    for (int32_t i = 0; i < 4000; ++i) Intern(*heap, i);
    heap->CollectFull();
  }
  EXPECT_LE(heap->Stats().old_bytes, old_bytes + 3 * Heap::kBlockSize);
}

TEST(CollectorTest, CodeKeepsItsConstantsAlive) {
  auto heap = MakeHeap();
  TestRoots roots(*heap);
  // A chain of code, each the constant of the next, deeper than any stack.
  Value code = kNull;
  for (int32_t i = 0; i < 30'000; ++i) {
    Code* c = static_cast<Code*>(heap->NewUnmoving(ObjectType::kCode, sizeof(Code) + 12, 0, 0));
    c->instruction_count = 2;
    c->ref_count = 1;
    c->instructions[1] = heap->Cons(code, Value::Fixnum(i)).bits;
    c->refs()[0] = 1;
    code = heap->ValueOf(c);
    roots.values = {code};
    if (i % 1000 == 0) {
      ASSERT_TRUE(heap->Collect());
    }
  }
  heap->CollectFull();
  int32_t i = 30'000;
  for (Value v = roots.values[0]; v != kNull; v = heap->car(v)) {
    v = Value::FromBits(heap->Get<Code>(v)->instructions[1]);
    ASSERT_EQ(heap->cdr(v), Value::Fixnum(--i));
  }
  EXPECT_EQ(i, 0);
}

TEST(CollectorTest, DeepAndWideStructuresNeedNoStack) {
  auto heap = MakeHeap();
  TestRoots roots(*heap);
  ASSERT_TRUE(heap->Reserve(40 * kMiB));
  Value deep = kNull;
  for (int i = 0; i < 1'000'000; ++i) deep = heap->Cons(deep, Value::Fixnum(1));
  const Value wide = heap->MakeVector(1'000'000, kNull);
  for (int i = 0; i < 1'000'000; ++i) heap->Get<Vector>(wide)->items[i] = heap->MakeFlonum(i);
  roots.values = {deep, wide};
  ASSERT_TRUE(heap->Collect());
  heap->CollectFull();
  int depth = 0;
  for (Value v = roots.values[0]; v.IsPair(); v = heap->car(v)) ++depth;
  EXPECT_EQ(depth, 1'000'000);
  for (int i = 0; i < 1'000'000; ++i) {
    ASSERT_EQ(heap->flonum(heap->Get<Vector>(roots.values[1])->items[i]), i);
  }
}

// ---- The order of copies.

constexpr uint32_t kListCount = 64;

// How many of the pairs of all lists in a vector lie behind the one before, of a hundred that have one before.
size_t SideBySide(const Heap& heap, Value vector, size_t length) {
  size_t together = 0;
  for (uint32_t i = 0; i < kListCount; ++i) {
    size_t found = 0;
    for (Value list = heap.Get<Vector>(vector)->items[i]; list.IsPair(); list = heap.cdr(list)) {
      together += heap.cdr(list).IsPair() && heap.cdr(list).offset() == list.offset() + sizeof(Pair);
      ++found;
    }
    EXPECT_EQ(found, length);
  }
  return together * 100 / (kListCount * (length - 1));
}

// Lists to which elements are added in turn, with a box for every second element.
void AddInTurn(Heap& heap, const TestRoots& roots, bool promoted, int length) {
  for (int k = 0; k < length; ++k) {
    for (uint32_t i = 0; i < kListCount; ++i) {
      Value item = Value::Fixnum(k);
      if (k % 2 == 0) item = heap.ValueOf(heap.New<Box>());
      const Value rest = heap.Get<Vector>(roots.values[0])->items[i];
      const Value list = promoted ? heap.ConsPromoted(item, rest) : heap.Cons(item, rest);
      heap.Write(&heap.Get<Vector>(roots.values[0])->items[i], list);
    }
  }
}

// Vectors that are copied, and such as are not.
class CopyOrderTest : public ::testing::TestWithParam<uint32_t> {
 protected:
  void SetUp() override {
    roots_.values = {heap_->MakeVector(GetParam(), kNull)};
    ASSERT_TRUE(heap_->Collect());
  }

  std::unique_ptr<Heap> heap_ = MakeHeap();
  TestRoots roots_{*heap_};
};

INSTANTIATE_TEST_SUITE_P(Lengths, CopyOrderTest, ::testing::Values(kListCount, 10'000));

TEST_P(CopyOrderTest, AMinorCollectionPutsListsSideBySide) {
  AddInTurn(*heap_, roots_, /*promoted=*/false, 50);
  EXPECT_EQ(SideBySide(*heap_, roots_.values[0], 50), 0u);
  ASSERT_TRUE(heap_->Collect());
  EXPECT_GE(SideBySide(*heap_, roots_.values[0], 50), 95u);
  EXPECT_EQ(heap_->Stats().minor_collections, 2u);
}

TEST_P(CopyOrderTest, AFullCollectionPutsListsSideBySide) {
  AddInTurn(*heap_, roots_, /*promoted=*/true, 1000);
  EXPECT_EQ(SideBySide(*heap_, roots_.values[0], 1000), 0u);
  heap_->CollectFull();
  EXPECT_GE(SideBySide(*heap_, roots_.values[0], 1000), 95u);
}

// However small the structures are to which the slots of a large object lead.
TEST(CollectorTest, PollsOftenAmongManySmallStructures) {
  auto heap = MakeHeap();
  TestRoots roots(*heap);
  constexpr uint32_t kSlots = 200'000, kPairs = 3;
  roots.values = {heap->MakeVector(kSlots, kNull)};
  for (uint32_t i = 0; i < kPairs * kSlots; ++i) {
    Value* const slot = &heap->Get<Vector>(roots.values[0])->items[i % kSlots];
    heap->Write(slot, heap->ConsPromoted(Value::Fixnum(1), *slot));
  }
  ASSERT_TRUE(heap->Collect());
  EndAtPoll never(~0u);
  EXPECT_FALSE(heap->Reserve(heap->EffectiveLimit()));
  EXPECT_EQ(heap->full_collections(), 1u);
  EXPECT_GE(never.polls(), kSlots * kPairs * sizeof(Pair) / 8192);
}

TEST(CollectorTest, ManyRememberedSlotsStayFew) {
  auto heap = MakeHeap();
  TestRoots roots(*heap);
  roots.values = {heap->MakeVector(100'000, kNull)};
  ASSERT_TRUE(heap->Collect());
  Vector* vector = heap->Get<Vector>(roots.values[0]);
  const Value young = heap->Cons(Value::Fixnum(1), kNull);
  for (int i = 0; i < 2'000'000; ++i) heap->Write(&vector->items[i % 100'000], young);
  EXPECT_TRUE(heap->WantsCollection());
  ASSERT_TRUE(heap->Collect());
  for (uint32_t i = 0; i < 100'000; ++i) ASSERT_EQ(vector->items[i], vector->items[0]);
  EXPECT_EQ(heap->car(vector->items[0]), Value::Fixnum(1));
}

TEST(CollectorTest, StaleStackWordsAboveTheTopAreCleared) {
  auto heap = MakeHeap();
  Value* stack = heap->stack_begin();
  for (int i = 0; i < 20'000; ++i) stack[i] = heap->Cons(Value::Fixnum(i), kNull);
  heap->SetStackTop(stack + 100, stack + 20'000);
  ASSERT_TRUE(heap->Collect());
  for (int i = 0; i < 100; ++i) ASSERT_EQ(heap->car(stack[i]), Value::Fixnum(i));
  for (int i = 100; i < 20'000; ++i) ASSERT_EQ(stack[i], Value::Fixnum(0));
}

// ---- Runs that end in a full collection.

// A heap with 16 MiB of everything that a full collection looks at.
class EndedCollectionTest : public ::testing::Test {
 protected:
  static constexpr int kLists = 100, kPairs = 10'000, kSymbols = 1000;

  void SetUp() override { Fill(); }

  void Fill() {
    heap_ = MakeHeap(image_.Layout(128 * kMiB), image_.source(), HeapOptions{40 * kMiB});
    roots_ = std::make_unique<TestRoots>(*heap_);
    roots_->values.assign(4, kNull);
    roots_->values[0] = heap_->MakeVector(kLists, kNull);
    roots_->values[1] = heap_->MakeVector(50'000, kNull);
    for (int i = 0; i < kLists; ++i) {
      for (int k = 0; k < kPairs; ++k) {
        const Value rest = heap_->Get<Vector>(roots_->values[0])->items[i];
        const Value item = k % 2 == 0 ? Value::Fixnum(k) : heap_->MakeFlonum(k);
        heap_->Write(&heap_->Get<Vector>(roots_->values[0])->items[i], heap_->Cons(item, rest));
        if (heap_->WantsCollection()) {
          ASSERT_TRUE(heap_->Collect());
        }
      }
      // Garbage, and what the large vector alone refers to.
      heap_->MakeBytevector(20'000);
      const Value box = heap_->ValueOf(heap_->New<Box>());
      heap_->Get<Box>(box)->value = Value::Fixnum(i);
      heap_->Write(&heap_->Get<Vector>(roots_->values[1])->items[500 * i], box);
    }
    std::vector<Value>& symbols = heap_->young_symbols();
    symbols.assign(4 * kSymbols, kUndefined);
    for (int i = 0; i < kSymbols; ++i) {
      auto* symbol = static_cast<Symbol*>(heap_->NewUnmoving(ObjectType::kSymbol, sizeof(Symbol), 0, 0));
      symbol->hash = Value::Fixnum(4 * i);
      symbol->name = kNull;
      symbols[4 * static_cast<size_t>(i)] = heap_->ValueOf(symbol);
      if (i % 2 == 0) roots_->values[2] = heap_->Cons(heap_->ValueOf(symbol), roots_->values[2]);
    }
    ASSERT_TRUE(heap_->Collect());
  }

  void Check() {
    const Vector* lists = heap_->Get<Vector>(roots_->values[0]);
    for (int i = 0; i < kLists; ++i) {
      Value rest = lists->items[i];
      for (int k = kPairs - 1; k >= 0; --k, rest = heap_->cdr(rest)) {
        const Value item = heap_->car(rest);
        ASSERT_EQ(item.IsFixnum() ? item.fixnum() : heap_->flonum(item), k);
      }
      ASSERT_EQ(rest, kNull);
      const Value box = heap_->Get<Vector>(roots_->values[1])->items[500 * i];
      ASSERT_TRUE(heap_->Is<Box>(box));
      ASSERT_EQ(heap_->Get<Box>(box)->value, Value::Fixnum(i));
    }
    int symbols = 0;
    for (Value list = roots_->values[2]; list.IsPair(); list = heap_->cdr(list)) {
      ASSERT_TRUE(heap_->Is<Symbol>(heap_->car(list)));
      ASSERT_EQ(heap_->Get<Symbol>(heap_->car(list))->hash.fixnum(), 4 * (kSymbols - 2 - 2 * symbols));
      ++symbols;
    }
    ASSERT_EQ(symbols, kSymbols / 2);
  }

  // True if the collection ended at that poll; false if it had fewer.
  bool EndAt(uint32_t poll) {
    EndAtPoll end(poll);
    const bool fits = heap_->Reserve(heap_->EffectiveLimit());
    EXPECT_EQ(fits, false);
    return end.ended();
  }

  TestImage image_{4, 16};
  std::unique_ptr<Heap> heap_;
  std::unique_ptr<TestRoots> roots_;
};

TEST_F(EndedCollectionTest, AnyPollMayBeTheLast) {
  uint32_t poll = 1;  // number 0 comes before the collection
  for (; EndAt(poll); poll += poll < 20 ? 1 : 61) {
    ASSERT_NO_FATAL_FAILURE(Check());
    heap_->FinishCollection();
    ASSERT_NO_FATAL_FAILURE(Check());
    ASSERT_EQ(std::count(heap_->young_symbols().begin(), heap_->young_symbols().end(), kUndefined),
              4 * kSymbols - kSymbols / 2);
  }
  EXPECT_GT(poll, 500u);
}

// Nothing is promised of such writes but that the heap stays whole.
TEST_F(EndedCollectionTest, WritesToWhatIsBeingMovedDoNoHarm) {
  const Value snapshot = TestImage::VectorAt(10);
  for (uint32_t poll = 0; poll < 300; poll += 7) {
    ASSERT_TRUE(EndAt(poll));
    const Value fresh = heap_->Cons(Value::Fixnum(1), kNull);
    const Value old = heap_->Get<Vector>(roots_->values[0])->items[static_cast<int>(poll) % kLists];
    const Value box = heap_->Get<Vector>(roots_->values[1])->items[0];
    Value* const large = heap_->Get<Vector>(roots_->values[1])->items;
    heap_->Write(large + 1, fresh);
    heap_->Write(large + 2, old);
    heap_->Write(&heap_->Get<Vector>(snapshot)->items[2], fresh);
    heap_->Write(&heap_->Get<Vector>(snapshot)->items[3], old);
    heap_->Write(&heap_->Get<Box>(box)->value, fresh);
    heap_->FinishCollection();
    const Value list = heap_->Get<Vector>(roots_->values[0])->items[static_cast<int>(poll) % kLists];
    EXPECT_EQ(heap_->car(large[1]), Value::Fixnum(1));
    EXPECT_EQ(large[2], list);
    EXPECT_EQ(heap_->Get<Vector>(snapshot)->items[2], large[1]);
    EXPECT_EQ(heap_->Get<Vector>(snapshot)->items[3], list);
    const Value written = heap_->Get<Box>(large[0])->value;
    EXPECT_TRUE(written == large[1] || written == Value::Fixnum(0)) << written.bits;
    heap_->Write(&heap_->Get<Box>(large[0])->value, Value::Fixnum(0));
    ASSERT_NO_FATAL_FAILURE(Check());
  }
}

TEST_F(EndedCollectionTest, AResetForgetsThem) {
  const std::unique_ptr<Heap> fresh = MakeHeap(image_.Layout(128 * kMiB), image_.source(), HeapOptions{40 * kMiB});
  for (const uint32_t poll : {0u, 1u, 30u, 100u, 250u}) {
    for (const size_t kept : {size_t{0}, 64 * kMiB}) {
      ASSERT_TRUE(EndAt(poll));
      roots_ = nullptr;
      heap_->Reset(heap_->stack_begin(), kept);
      EXPECT_EQ(heap_->FirstDifference(*fresh, Unused::kToo), "");
      heap_->FinishCollection();
      EXPECT_EQ(heap_->FirstDifference(*fresh, Unused::kToo), "");
      Fill();
    }
  }
}

// ---- Large objects and the nursery.

// The slots of a large vector that refer to the nursery: at both ends, and here and there.
constexpr uint32_t kLarge = 1'000'000;
constexpr uint32_t kYoungSlots[] = {0, 1, 2047, 2048, 300'000, 300'001, 777'777, kLarge - 1};

void FillLarge(Heap& heap, Value large) {
  for (uint32_t slot : kYoungSlots) {
    heap.Get<Vector>(large)->items[slot] = heap.Cons(Value::Fixnum(static_cast<int>(slot)), kNull);
  }
}

void CheckLarge(const Heap& heap, Value large) {
  const Vector* const vector = heap.Get<Vector>(large);
  size_t references = 0;
  for (uint32_t i = 0; i < kLarge; ++i) references += vector->items[i].IsRef();
  ASSERT_EQ(references, std::size(kYoungSlots));
  for (uint32_t slot : kYoungSlots) {
    ASSERT_EQ(heap.car(vector->items[slot]), Value::Fixnum(static_cast<int>(slot)));
    ASSERT_EQ(heap.cdr(vector->items[slot]), kNull);
  }
}

TEST(CollectorTest, AMinorCollectionMayEndWhileItLooksThroughLargeObjects) {
  uint32_t poll = 0;
  for (bool ended = true; ended; poll += poll < 20 ? 1 : 37) {
    auto heap = MakeHeap();
    TestRoots roots(*heap);
    roots.values = {heap->MakeVector(kLarge, Value::Fixnum(7))};
    FillLarge(*heap, roots.values[0]);
    {
      EndAtPoll end(poll);
      const bool done = heap->Collect();
      ended = end.ended();
      ASSERT_EQ(done, !ended);
    }
    ASSERT_NO_FATAL_FAILURE(CheckLarge(*heap, roots.values[0]));
    EXPECT_EQ(heap->Stats().minor_collections, ended ? 0u : 1u);
    EXPECT_EQ(heap->WantsCollection(), ended);
    ASSERT_TRUE(heap->Collect());
    ASSERT_NO_FATAL_FAILURE(CheckLarge(*heap, roots.values[0]));
    heap->CollectFull();
    ASSERT_NO_FATAL_FAILURE(CheckLarge(*heap, roots.values[0]));
  }
  EXPECT_GT(poll, 400u);
}

TEST(CollectorTest, LargeObjectsAreScannedOfWhateverType) {
  auto heap = MakeHeap();
  TestRoots roots(*heap);
  constexpr uint32_t kFields = 20'000;
  roots.values.push_back(
      heap->ValueOf(static_cast<uint32_t*>(heap->NewObject(ObjectType::kRecord, 4 * (kFields + 2), 0, kFields))));
  roots.values.push_back(
      heap->ValueOf(static_cast<uint32_t*>(heap->NewObject(ObjectType::kStackChunk, 8 + 4 * kFields, 0, 0))));
  heap->Get<Vector>(roots.values[1])->length = kFields;
  Value* const last_field = heap->Get<Value>(roots.values[0]) + kFields + 1;
  Value* const last_word = heap->Get<Vector>(roots.values[1])->items + kFields - 1;
  *last_field = heap->Cons(Value::Fixnum(1), kNull);
  *last_word = heap->Cons(Value::Fixnum(2), kNull);
  ASSERT_TRUE(heap->Collect());
  heap->Cons(Value::Fixnum(3), kNull);  // over what the two were
  heap->Cons(Value::Fixnum(3), kNull);
  EXPECT_EQ(heap->car(*last_field), Value::Fixnum(1));
  EXPECT_EQ(heap->car(*last_word), Value::Fixnum(2));
}

TEST(CollectorTest, ALargeObjectMayBeGivenBackAtOnce) {
  auto heap = MakeHeap();
  TestRoots roots(*heap);
  for (int i = 0; i < 3; ++i) {
    const Value large = heap->MakeVector(kLarge, kNull);
    const Value other = heap->MakeVector(kLarge, kNull);
    roots.values = {large, other};
    FillLarge(*heap, large);
    FillLarge(*heap, other);
    if (i == 1) {
      ASSERT_TRUE(heap->Collect());
    }
    const size_t bytes = heap->Stats().old_bytes;
    roots.values[0] = kNull;
    {
      EndAtPoll end(i == 2 ? 0 : ~0u);  // what has not been given back then is so later
      heap->FreeLarge(large);
    }
    EXPECT_LE(heap->Stats().old_bytes, bytes - 4 * size_t{kLarge});
    ASSERT_TRUE(heap->Collect());
    // The room is used again, and reads as zero.
    const auto* again =
        static_cast<const uint32_t*>(heap->NewObject(ObjectType::kBytevector, 2 * size_t{kLarge}, 0, 0));
    EXPECT_GE(heap->OffsetOf(again), large.offset() - 8);
    EXPECT_LT(heap->OffsetOf(again), large.offset() + 4 * kLarge);
    EXPECT_TRUE(std::all_of(again + 1, again + kLarge / 2, [](uint32_t word) { return word == 0; }));
    Value* items = heap->Get<Vector>(other)->items;
    ASSERT_NO_FATAL_FAILURE(CheckLarge(*heap, other));
    items[0] = kNull;
    roots.values[1] = kNull;
    heap->CollectFull();
  }
}

// A collection that has not been finished may have the object in its lists.
TEST_F(EndedCollectionTest, ALargeObjectMayBeGivenBackMeanwhile) {
  for (uint32_t poll = 0; poll < 300; poll += 7) {
    roots_->values[3] = heap_->MakeVector(kLarge, kNull);
    ASSERT_TRUE(EndAt(poll));
    const Value large = std::exchange(roots_->values[3], kNull);
    heap_->FreeLarge(large);
    ASSERT_NO_FATAL_FAILURE(Check());
    heap_->FinishCollection();
    ASSERT_NO_FATAL_FAILURE(Check());
    heap_->CollectFull();
    EXPECT_LT(heap_->Stats().large_bytes, 4 * size_t{kLarge});
  }
}

TEST(CollectorTest, PromotedVectorsAreKept) {
  auto heap = MakeHeap();
  TestRoots roots(*heap);
  roots.values = {kNull};
  constexpr int kCount = 30'000;
  ASSERT_TRUE(heap->Reserve(kCount * 80));
  for (int i = 0; i < kCount; ++i) {
    const uint32_t length = static_cast<uint32_t>(i % 13);
    const Value v = heap->MakeVectorPromoted(length);
    const Value pair = heap->ConsPromoted(v, roots.values[0]);
    for (uint32_t k = 0; k < length; ++k) {
      EXPECT_EQ(heap->Get<Vector>(v)->items[k], kFalse);
      // Every third refers to the nursery.
      const Value fixnum = Value::Fixnum(i);
      heap->Write(&heap->Get<Vector>(v)->items[k], k % 3 == 0 ? heap->Cons(fixnum, kNull) : fixnum);
    }
    roots.values[0] = pair;
    if (heap->WantsCollection()) {
      ASSERT_TRUE(heap->Collect());
    }
  }
  for (int round = 0; round < 2; ++round) {
    int i = kCount;
    for (Value list = roots.values[0]; list != kNull; list = heap->cdr(list)) {
      const Vector* v = heap->TryGet<Vector>(heap->car(list));
      ASSERT_NE(v, nullptr);
      ASSERT_EQ(v->length, static_cast<uint32_t>(--i % 13));
      for (uint32_t k = 0; k < v->length; ++k) {
        ASSERT_EQ(k % 3 == 0 ? heap->car(v->items[k]) : v->items[k], Value::Fixnum(i));
      }
    }
    EXPECT_EQ(i, 0);
    heap->CollectFull();
  }
}

}  // namespace
}  // namespace islet::vm
