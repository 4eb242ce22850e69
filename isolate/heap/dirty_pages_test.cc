#include "isolate/heap/dirty_pages.h"

#include <cstdint>
#include <vector>

#include "gtest/gtest.h"

namespace islet::vm {
namespace {

std::vector<uint32_t> Numbers(DirtyPages& dirty) {
  std::vector<uint32_t> numbers;
  for (const auto& page : dirty.pages()) numbers.push_back(page->number);
  return numbers;
}

bool Has(const uint64_t* bits, uint32_t slot) { return bits[slot / 64] >> (slot % 64) & 1; }

TEST(DirtyPagesTest, NotesEachPageOnce) {
  DirtyPages dirty(100 * kPageSize);
  EXPECT_EQ(dirty.count(), 0u);
  dirty.Note(5 * kPageSize + 12, 4);
  dirty.Note(5 * kPageSize + 16, 4);
  dirty.Note(2 * kPageSize, 1);
  EXPECT_EQ(Numbers(dirty), (std::vector<uint32_t>{5, 2}));
  EXPECT_TRUE(dirty.IsDirty(5 * kPageSize));
  EXPECT_TRUE(dirty.IsDirty(6 * kPageSize - 1));
  EXPECT_FALSE(dirty.IsDirty(6 * kPageSize));
  EXPECT_FALSE(dirty.IsDirty(4 * kPageSize));
}

TEST(DirtyPagesTest, NotesRangesToTheirLastByte) {
  DirtyPages dirty(100 * kPageSize);
  dirty.Note(7 * kPageSize, 0);
  EXPECT_EQ(dirty.count(), 0u);
  dirty.Note(8 * kPageSize - 1, 2);
  EXPECT_EQ(Numbers(dirty), (std::vector<uint32_t>{7, 8}));
  dirty.Note(10 * kPageSize, kPageSize);
  EXPECT_FALSE(dirty.IsDirty(11 * kPageSize));
  dirty.Note(60 * kPageSize, 10 * kPageSize);
  EXPECT_EQ(dirty.count(), 13u);
  dirty.Note(99 * kPageSize, kPageSize);
  EXPECT_TRUE(dirty.IsDirty(100 * kPageSize - 1));
}

TEST(DirtyPagesTest, RemembersSlotsOfTheirPage) {
  DirtyPages dirty(100 * kPageSize);
  dirty.NoteReference(50 * kPageSize + 8);
  dirty.Note(10 * kPageSize, 4);
  dirty.NoteReference(11 * kPageSize - 4);
  dirty.NoteReference(30 * kPageSize + 64 * 4);
  ASSERT_EQ(Numbers(dirty), (std::vector<uint32_t>{50, 10, 30}));
  const auto& pages = dirty.pages();
  EXPECT_TRUE(Has(pages[0]->slots, 2));
  EXPECT_TRUE(Has(pages[0]->young_slots, 2));
  EXPECT_FALSE(Has(pages[0]->slots, 1));
  EXPECT_FALSE(Has(pages[1]->slots, 0));
  EXPECT_TRUE(Has(pages[1]->slots, 1023));
  EXPECT_TRUE(Has(pages[2]->slots, 64));
}

TEST(DirtyPagesTest, FindsPagesWhateverTheOrder) {
  DirtyPages dirty(1000 * kPageSize);
  for (uint32_t i = 0; i < 1000; ++i) dirty.NoteReference(i * 387 % 1000 * kPageSize + i * 4);
  ASSERT_EQ(dirty.count(), 1000u);
  for (uint32_t i = 0; i < 1000; ++i) {
    EXPECT_EQ(dirty.pages()[i]->number, i * 387 % 1000);
    EXPECT_TRUE(Has(dirty.pages()[i]->slots, i));
  }
}

}  // namespace
}  // namespace islet::vm
