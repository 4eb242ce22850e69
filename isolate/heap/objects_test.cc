#include "isolate/heap/objects.h"

#include <cstddef>
#include <cstdint>
#include <vector>

#include "gtest/gtest.h"

namespace islet::vm {
namespace {

// An object in plain memory, with room for what any of the tests says of it.
class Object {
 public:
  explicit Object(ObjectType type, uint32_t flags = 0, uint32_t count = 0) {
    words_[0] = MakeHeader(type, flags, count);
  }
  Object& Set(size_t word, uint32_t bits) {
    words_[word] = bits;
    return *this;
  }
  size_t size() const { return SizeOf(words_); }
  size_t unpadded_size() const { return UnpaddedSizeOf(words_); }
  // Indices of the words that are slots, in the order in which they are
  // visited.
  std::vector<size_t> slots() {
    std::vector<size_t> result;
    ForEachSlot(words_, [&](Value* slot) { result.push_back(static_cast<size_t>(&slot->bits - words_)); });
    return result;
  }

 private:
  alignas(kObjectAlignment) uint32_t words_[64] = {};
};

using Slots = std::vector<size_t>;

TEST(ObjectsTest, FixedTypesAreAllSlots) {
  EXPECT_EQ(Object(ObjectType::kBox).slots(), Slots({1}));
  EXPECT_EQ(Object(ObjectType::kBox).size(), 8u);
  for (const ObjectType type : {ObjectType::kSymbol, ObjectType::kRatnum, ObjectType::kCell, ObjectType::kRecordType,
                                ObjectType::kParameter, ObjectType::kHostFunction, ObjectType::kEnvironment,
                                ObjectType::kMacro, ObjectType::kIdentifier, ObjectType::kExactCompnum}) {
    EXPECT_EQ(Object(type).slots(), Slots({1, 2, 3})) << ObjectTypeName(type);
    EXPECT_EQ(Object(type).size(), 16u) << ObjectTypeName(type);
  }
  for (const ObjectType type : {ObjectType::kHashTable, ObjectType::kPort, ObjectType::kCondition}) {
    EXPECT_EQ(Object(type).slots(), Slots({1, 2, 3, 4, 5, 6, 7})) << ObjectTypeName(type);
    EXPECT_EQ(Object(type).size(), 32u) << ObjectTypeName(type);
  }
  EXPECT_EQ(Object(ObjectType::kContinuation).slots(), Slots({1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}));
  EXPECT_EQ(Object(ObjectType::kContinuation).size(), 48u);
}

TEST(ObjectsTest, ALengthSaysHowManySlotsFollow) {
  for (const ObjectType type : {ObjectType::kVector, ObjectType::kStackChunk}) {
    EXPECT_EQ(Object(type).slots(), Slots());
    EXPECT_EQ(Object(type).size(), 8u);
    EXPECT_EQ(Object(type).Set(1, 3).slots(), Slots({2, 3, 4}));
    EXPECT_EQ(Object(type).Set(1, 3).unpadded_size(), 20u);
    EXPECT_EQ(Object(type).Set(1, 3).size(), 24u);
  }
}

TEST(ObjectsTest, TheHeadersCountSaysHowManySlotsFollow) {
  for (const ObjectType type : {ObjectType::kClosure, ObjectType::kRecord}) {
    EXPECT_EQ(Object(type).slots(), Slots({1}));
    EXPECT_EQ(Object(type).size(), 8u);
    EXPECT_EQ(Object(type, 0, 3).slots(), Slots({1, 2, 3, 4}));
    EXPECT_EQ(Object(type, 0, 3).unpadded_size(), 20u);
    EXPECT_EQ(Object(type, 0, 3).size(), 24u);
  }
}

TEST(ObjectsTest, RawTypesHaveNoSlots) {
  EXPECT_EQ(Object(ObjectType::kCompnum).slots(), Slots());
  EXPECT_EQ(Object(ObjectType::kCompnum).size(), 24u);
  Object bytes(ObjectType::kBytevector);
  bytes.Set(1, 9);
  EXPECT_EQ(bytes.slots(), Slots());
  EXPECT_EQ(bytes.unpadded_size(), 17u);
  EXPECT_EQ(bytes.size(), 24u);
  Object number(ObjectType::kBignum);
  number.Set(1, 5);
  EXPECT_EQ(number.slots(), Slots());
  EXPECT_EQ(number.size(), 48u);
  Object filler(ObjectType::kFiller);
  filler.Set(1, 72);
  EXPECT_EQ(filler.slots(), Slots());
  EXPECT_EQ(filler.size(), 72u);
}

TEST(ObjectsTest, OnlyAnIndirectStringHasASlot) {
  Object narrow(ObjectType::kString), wide(ObjectType::kString, kWideStringFlag),
      indirect(ObjectType::kString, kIndirectStringFlag);
  for (Object* string : {&narrow, &wide, &indirect}) string->Set(1, 7);
  EXPECT_EQ(narrow.slots(), Slots());
  EXPECT_EQ(narrow.unpadded_size(), 15u);
  EXPECT_EQ(wide.slots(), Slots());
  EXPECT_EQ(wide.unpadded_size(), 36u);
  EXPECT_EQ(indirect.slots(), Slots({2}));
  EXPECT_EQ(indirect.unpadded_size(), 12u);
}

TEST(ObjectsTest, CodeHasFixedSlotsAndThoseThatItsRefsName) {
  Object code(ObjectType::kCode);
  code.Set(1, 16).Set(2, 4).Set(3, 2);  // words; instructions, from word 10 on; refs, behind them
  code.Set(14, 1).Set(15, 3);
  EXPECT_EQ(code.slots(), Slots({4, 5, 6, 7, 8, 9, 11, 13}));
  EXPECT_EQ(code.size(), 64u);
}

// The verifier refuses snapshots with such objects, but must be able to ask.
TEST(ObjectsTest, NumbersOfNoTypeHaveNeitherSizeNorSlots) {
  for (uint32_t number = kObjectTypeCount; number < kObjectTypeNumbers; ++number) {
    Object object(static_cast<ObjectType>(number), 0xff, kMaxHeaderCount);
    object.Set(1, 8);
    EXPECT_EQ(object.slots(), Slots());
    EXPECT_EQ(object.size(), 0u);
    EXPECT_STREQ(ObjectTypeName(static_cast<ObjectType>(number)), "(no such type)");
  }
}

}  // namespace
}  // namespace islet::vm
