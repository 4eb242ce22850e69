#include "isolate/heap/scratch.h"

#include <cstddef>
#include <set>
#include <string>
#include <utility>

#include "gtest/gtest.h"
#include "isolate/heap/poll.h"

namespace islet::vm {
namespace {

bool End(void*, uint64_t) { return false; }

// What is kept back is not given out again, until it has been given back.
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

}  // namespace
}  // namespace islet::vm
