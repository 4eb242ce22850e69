#include "isolate/heap/scratch.h"

#include <cstddef>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "isolate/heap/poll.h"

namespace islet::vm {
namespace {

bool End(void*, uint64_t) { return false; }

// Scratch that is kept back is not given out again, until it has been given back.
TEST(ScratchTest, NothingIsFreedWhileARunEnds) {
  for (const size_t bytes : {size_t{8}, size_t{1000}, size_t{100'000}, size_t{5'000'000}}) {
    std::set<void*> blocks;
    {
      PollScope ending({&End, nullptr});
      for (int i = 0; i < 20; ++i) {
        const Scratch<char> block = NewScratch<char>(bytes);
        block[bytes - 1] = 'x';
        EXPECT_TRUE(blocks.insert(block.get()).second) << bytes;
      }
    }
    GiveBackScratch();
    GiveBackScratch();
    for (int i = 0; i < 20; ++i) NewScratch<char>(bytes)[bytes - 1] = 'x';
  }
}

TEST(ScratchTest, NoBlockIsTooSmall) {
  PollScope ending({&End, nullptr});
  for (size_t bytes = 0; bytes < 10; ++bytes) (void)NewScratch<char>(bytes);
  FreeScratch(nullptr);
  GiveBackScratch();
}

TEST(ScratchTest, LongTextsAreKeptBackToo) {
  std::set<const char*> texts;
  {
    PollScope ending({&End, nullptr});
    for (int i = 0; i < 20; ++i) {
      const PassingText text(std::string(3'000'000, 'x'));
      EXPECT_TRUE(texts.insert(text.text.data()).second);
    }
    const PassingText small("small"), none;
    EXPECT_EQ(small.text, "small");
  }
  GiveBackScratch();
}

// ---- Accounts (account.h)

struct Told {
  explicit Told(size_t limit) {
    account.set_limit(limit);
    account.OnPassed([](void* self) { ++static_cast<Told*>(self)->times; }, this);
  }
  Account account;
  int times = 0;
};

constexpr size_t kMiB = size_t{1} << 20;

TEST(AccountTest, CountsWhatARunHas) {
  Told told(10 * kMiB);
  EXPECT_EQ(told.account.bytes(), 0u);
  const Scratch<char> before = NewScratch<char>(kMiB);
  {
    const AccountScope run(told.account);
    EXPECT_EQ(told.account.bytes(), 0u) << "what was there before is not the run's";
    Scratch<char> block = NewScratch<char>(4 * kMiB);
    EXPECT_GE(told.account.bytes(), 4 * kMiB);
    {
      const AccountScope nested(told.account);
      EXPECT_GE(told.account.bytes(), 4 * kMiB);
      block = nullptr;
    }
    EXPECT_LT(told.account.bytes(), kMiB);
  }
  EXPECT_EQ(told.times, 0);
  const Scratch<char> after = NewScratch<char>(20 * kMiB);
  EXPECT_EQ(told.times, 0) << "no run of the isolate's is under way";
}

TEST(AccountTest, TellsOfItsLimitWithEachChunk) {
  Told told(3 * kMiB);
  const AccountScope run(told.account);
  std::vector<Scratch<char>> chunks;
  for (int i = 0; i < 6; ++i) chunks.push_back(NewScratch<char>(kMiB));
  EXPECT_GE(told.times, 3);
  const int times = told.times;
  EXPECT_EQ(TryNewScratch<char>(kMiB), nullptr);
  EXPECT_EQ(told.times, times) << "what is refused passes nothing";
  {
    const AccountPause pause;
    chunks.push_back(NewScratch<char>(kMiB));
    EXPECT_EQ(told.times, times);
  }
  chunks.clear();
  EXPECT_NE(TryNewScratch<char>(kMiB), nullptr);
  EXPECT_EQ(told.times, times);
}

TEST(AccountTest, OneIsolatesScratchIsNotAnothers) {
  Told outer(4 * kMiB), inner(4 * kMiB);
  const AccountScope run(outer.account);
  const Scratch<char> outers = NewScratch<char>(3 * kMiB);
  {
    // A host function runs another isolate.
    const AccountScope nested(inner.account);
    const Scratch<char> inners = NewScratch<char>(3 * kMiB);
    EXPECT_EQ(inner.times, 0);
    EXPECT_LT(inner.account.bytes(), 4 * kMiB);
  }
  EXPECT_EQ(outer.times, 0);
  EXPECT_LT(outer.account.bytes(), 4 * kMiB);
}

// A later run, or another thread, may free what a run that has ended left.
TEST(AccountTest, IsNeverBelowNothing) {
  Told told(4 * kMiB);
  Scratch<char> block = NewScratch<char>(3 * kMiB);
  const AccountScope run(told.account);
  block = nullptr;
  EXPECT_EQ(told.account.bytes(), 0u);
  EXPECT_TRUE(told.account.Allows(4 * kMiB));
  EXPECT_FALSE(told.account.Allows(4 * kMiB + 1));
}

}  // namespace
}  // namespace islet::vm
