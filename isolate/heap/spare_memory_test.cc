#include "isolate/heap/spare_memory.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>

#include "gtest/gtest.h"
#include "isolate/heap/pages.h"
#include "isolate/heap/poll.h"
#include "isolate/heap/test_image.h"

namespace islet::vm {
namespace {

constexpr size_t kBlock = HeapState::kBlockSize;
constexpr size_t kMiB = size_t{1} << 20;

// Room for a table of 4 MiB, and then for 512 blocks.
class SpareMemoryTest : public ::testing::Test {
 protected:
  static constexpr size_t kTable = 4 * kMiB;
  static constexpr uint32_t kBlocks = 512;

  uint8_t* Block(uint32_t index) { return room_.data() + kTable + index * kBlock; }
  uint8_t* table_end() { return room_.data() + kTable; }
  int ResidentPages(uint32_t block) { return CountCopiedPages(Block(block), kBlock / kPageSize); }
  static bool IsZero(const uint8_t* begin, size_t bytes) {
    return std::all_of(begin, begin + bytes, [](uint8_t byte) { return byte == 0; });
  }
  // Blocks [begin, end) have been in use, and are freed.
  void Free(uint32_t begin, uint32_t end) {
    std::memset(Block(begin), 0xab, (end - begin) * kBlock);
    for (uint32_t i = begin; i < end; ++i) spare_->AddBlock(i, kBlock);
  }
  void TakeTable(size_t bytes) {
    for (size_t taken = 0; taken < bytes; taken += kBlock / 2) {
      uint8_t* const end = table_end() - taken;
      spare_->TakeTable(end - kBlock / 2, end, table_end() - bytes);
      EXPECT_TRUE(IsZero(end - kBlock / 2, kBlock / 2));
      std::memset(end - kBlock / 2, 0xcd, kBlock / 2);
    }
  }

  Mapping room_ = Mapping::Reserve(kTable + kBlocks * kBlock);
  std::unique_ptr<SpareMemory> spare_ = std::make_unique<SpareMemory>(Block(0), table_end());
};

TEST_F(SpareMemoryTest, ABlockIsZeroWhenItIsTakenAgain) {
  Free(3, 5);
  EXPECT_EQ(spare_->bytes(), 2 * kBlock);
  EXPECT_EQ(spare_->blocks_end(), 5u);
  EXPECT_TRUE(spare_->IsStale(3));
  EXPECT_FALSE(spare_->IsSpare(2));
  EXPECT_TRUE(spare_->TakeBlock(3));
  EXPECT_FALSE(spare_->TakeBlock(3)) << "it is in use";
  EXPECT_FALSE(spare_->TakeBlock(2)) << "it is absent";
  EXPECT_FALSE(spare_->TakeBlock(400));
  EXPECT_TRUE(IsZero(Block(3), kBlock));
  EXPECT_EQ(ResidentPages(3), 16);
  spare_->ClearBlock(4);
  EXPECT_TRUE(IsZero(Block(4), kBlock));
  EXPECT_TRUE(spare_->IsSpare(4));
  EXPECT_FALSE(spare_->IsStale(4));
  EXPECT_EQ(spare_->bytes(), kBlock);
}

// What was never written of a block is not touched for nothing.
TEST_F(SpareMemoryTest, OnlyWhatWasUsedOfABlockIsCleared) {
  std::memset(Block(0), 0xab, 100);
  spare_->AddBlock(0, 100);
  EXPECT_TRUE(spare_->TakeBlock(0));
  EXPECT_TRUE(IsZero(Block(0), 100));
  EXPECT_EQ(ResidentPages(0), 1);
}

TEST_F(SpareMemoryTest, TouchedBlocksAreResidentAndZero) {
  spare_->TouchBlock(7);
  EXPECT_EQ(ResidentPages(7), 16);
  EXPECT_TRUE(spare_->IsSpare(7));
  EXPECT_FALSE(spare_->IsStale(7));
  EXPECT_TRUE(spare_->TakeBlock(7));
  EXPECT_TRUE(IsZero(Block(7), kBlock));
}

TEST_F(SpareMemoryTest, BlocksThatTwoPeriodsHaveNotUsedGoBackABitAtATime) {
  Free(0, 100);
  spare_->EndPeriod();
  for (uint32_t i = 0; i < 60; ++i) spare_->TakeBlock(i);  // 40 are left
  Free(0, 60);
  spare_->EndPeriod();
  // A single period tells nothing: what it has freed has had no time to be used.
  EXPECT_EQ(spare_->bytes(), 100 * kBlock);
  spare_->NoteMinorCollection(kMiB, 0);
  EXPECT_EQ(spare_->bytes(), 100 * kBlock);
  for (uint32_t i = 0; i < 70; ++i) spare_->TakeBlock(i);  // 30 are left
  Free(0, 70);
  spare_->EndPeriod();
  EXPECT_EQ(spare_->bytes(), 100 * kBlock);
  size_t before = spare_->bytes();
  int collections = 0;
  for (;; ++collections) {
    spare_->NoteMinorCollection(kMiB, 0);
    const size_t given = before - spare_->bytes();
    if (given == 0) break;
    EXPECT_LE(given, kMiB / 2) << "in one stop";
    before = spare_->bytes();
  }
  EXPECT_GT(collections, 5);
  EXPECT_EQ(spare_->bytes(), 70 * kBlock);
  // They were the last ones, and read as zero.
  EXPECT_EQ(spare_->blocks_end(), 70u);
  EXPECT_EQ(ResidentPages(69), 16);
  EXPECT_EQ(ResidentPages(70), 0);
  EXPECT_FALSE(spare_->TakeBlock(70));
  EXPECT_TRUE(IsZero(Block(70), kBlock));
}

// As of a program that makes nothing but garbage once its large data are dead: no full collection is due any more.
TEST_F(SpareMemoryTest, PeriodsEndWithoutFullCollectionsToo) {
  Free(0, 64);
  TakeTable(kMiB);
  spare_->EndPeriod();
  size_t allocated = 0;
  for (; spare_->bytes() > 0 && allocated < 1000 * kMiB; allocated += kMiB) spare_->NoteMinorCollection(kMiB, 0);
  EXPECT_EQ(spare_->bytes(), 0u);
  EXPECT_GT(allocated, 128 * kMiB);
  EXPECT_EQ(ResidentPages(0), 0);
  EXPECT_EQ(CountCopiedPages(room_.data(), kTable / kPageSize), 0);
}

TEST_F(SpareMemoryTest, ProgramsThatUseItAgainKeepIt) {
  for (int cycle = 0; cycle < 20; ++cycle) {
    Free(0, 50);
    spare_->EndPeriod();
    for (int i = 0; i < 100; ++i) spare_->NoteMinorCollection(kMiB / 2, 20 * kMiB);
    for (uint32_t i = 0; i < 50; ++i) EXPECT_TRUE(spare_->TakeBlock(i)) << cycle;
    TakeTable(kMiB);
  }
  EXPECT_EQ(spare_->table_bytes(), kMiB);
}

TEST_F(SpareMemoryTest, WhatIsBeyondALimitGoesBack) {
  Free(0, 40);
  TakeTable(kMiB);
  spare_->GiveBackBeyond(kMiB + 10 * kBlock, /*polls=*/false);
  EXPECT_EQ(spare_->bytes(), kMiB + 10 * kBlock);
  EXPECT_TRUE(spare_->IsSpare(9));
  EXPECT_FALSE(spare_->IsSpare(10));
  spare_->GiveBackBeyond(kMiB / 2, false);
  EXPECT_EQ(spare_->bytes(), kMiB / 2);
  EXPECT_EQ(CountCopiedPages(room_.data(), (kTable + kBlocks * kBlock) / kPageSize),
            static_cast<int>(kMiB / 2 / kPageSize));
  spare_->GiveBackBeyond(0, false);
  EXPECT_EQ(spare_->bytes(), 0u);
  EXPECT_EQ(CountCopiedPages(room_.data(), (kTable + kBlocks * kBlock) / kPageSize), 0);
}

TEST_F(SpareMemoryTest, GivingBackEndsWithTheRun) {
  Free(0, 200);
  {
    const PollScope ended({[](void*, uint64_t) { return false; }, nullptr});
    spare_->GiveBackBeyond(0, /*polls=*/true);
  }
  EXPECT_LT(spare_->bytes(), 200 * kBlock);
  EXPECT_GT(spare_->bytes(), 150 * kBlock);
  spare_->GiveBackBeyond(0, true);
  EXPECT_EQ(spare_->bytes(), 0u);
}

TEST_F(SpareMemoryTest, TheTableIsZeroAndResidentEachTime) {
  TakeTable(kMiB);
  const size_t resident = spare_->table_bytes();
  EXPECT_GE(resident, kMiB);
  TakeTable(kMiB / 2);
  TakeTable(kMiB);
  EXPECT_EQ(spare_->table_bytes(), resident);
  TakeTable(3 * kMiB);  // and grows
  EXPECT_EQ(spare_->table_bytes(), 3 * kMiB);
}

TEST_F(SpareMemoryTest, TheTableLosesWhatTheNurseryHasFilled) {
  TakeTable(3 * kMiB);
  uint8_t* const top = table_end() - kMiB;
  spare_->CutTable(table_end() - kTable);
  EXPECT_EQ(spare_->table_bytes(), 3 * kMiB) << "it lies above";
  spare_->CutTable(top);
  EXPECT_EQ(spare_->table_bytes(), kMiB);
  ASSERT_TRUE(DiscardPages(room_.data(), top));
  TakeTable(2 * kMiB);
  spare_->DropTable();
  EXPECT_EQ(spare_->table_bytes(), 0u);
  EXPECT_TRUE(IsZero(room_.data(), kTable));
}

TEST_F(SpareMemoryTest, OfTheTableWhatTwoPeriodsHaveNotUsedGoesBack) {
  TakeTable(3 * kMiB);
  spare_->EndPeriod();
  TakeTable(kMiB);
  spare_->EndPeriod();
  for (int i = 0; i < 20; ++i) spare_->NoteMinorCollection(kMiB, 0);
  EXPECT_EQ(spare_->table_bytes(), 3 * kMiB) << "the period before has used it";
  TakeTable(kMiB);
  spare_->EndPeriod();
  for (int i = 0; i < 20; ++i) spare_->NoteMinorCollection(kMiB, 0);
  EXPECT_EQ(spare_->table_bytes(), kMiB);
  TakeTable(2 * kMiB);
}

}  // namespace
}  // namespace islet::vm
