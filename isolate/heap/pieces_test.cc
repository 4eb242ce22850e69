#include "isolate/heap/pieces.h"

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "gtest/gtest.h"

namespace islet::vm {
namespace {

// Does the same to a vector, and compares: sizes around the borders of pieces.
TEST(PiecesTest, IsWhatAVectorWouldBe) {
  Pieces<uint32_t> pieces;
  std::vector<uint32_t> vector;
  uint32_t next = 0;
  for (const size_t size : {0, 1, 4095, 4096, 4097, 12288, 12289, 8191, 8193, 4096, 4095, 5000, 20000, 0, 3, 9000}) {
    while (vector.size() < size) {
      pieces.push_back(next);
      vector.push_back(next++);
      ASSERT_EQ(pieces.back(), vector.back());
    }
    vector.resize(size);
    pieces.Shorten(size);
    ASSERT_EQ(pieces.size(), size);
    ASSERT_EQ(pieces.empty(), size == 0);
    for (size_t i = 0; i < size; ++i) ASSERT_EQ(pieces[i], vector[i]) << i << " of " << size;
    std::vector<uint32_t> parts;
    pieces.ForEachPart([&](const uint32_t* items, size_t count) { parts.insert(parts.end(), items, items + count); });
    ASSERT_EQ(parts, vector);
  }
}

TEST(PiecesTest, AreEmptyOnceMovedAndCanBeFilledAgain) {
  for (const uint32_t size : {3u, 4096u, 5000u}) {
    Pieces<uint32_t> from;
    for (uint32_t i = 0; i < size; ++i) from.push_back(i);
    Pieces<uint32_t> to = std::move(from);
    EXPECT_TRUE(from.empty());  // NOLINT: moved from
    for (uint32_t i = 0; i < size; ++i) from.push_back(i + 1);
    to.push_back(size);
    ASSERT_EQ(to.size(), size + 1);
    ASSERT_EQ(from.size(), size);
    for (uint32_t i = 0; i <= size; ++i) ASSERT_EQ(to[i], i);
    for (uint32_t i = 0; i < size; ++i) ASSERT_EQ(from[i], i + 1);
  }
}

TEST(PiecesTest, NothingMovesOnceThereArePieces) {
  Pieces<uint32_t> pieces;
  for (uint32_t i = 0; i < 4096; ++i) pieces.push_back(i);
  uint32_t* const first = &pieces[0];
  for (uint32_t i = 0; i < 100000; ++i) pieces.push_back(i);
  EXPECT_EQ(&pieces[0], first);
}

}  // namespace
}  // namespace islet::vm
