#include <set>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "islet/capabilities.h"

namespace islet {
namespace {

using std::chrono::nanoseconds;
using std::chrono::seconds;

TEST(ClockTest, TheSystems) {
  const std::shared_ptr<Clock> clock = SystemClock();
  const nanoseconds before = std::chrono::system_clock::now().time_since_epoch();
  const nanoseconds now = clock->SinceEpoch();
  EXPECT_LE(before, now + seconds(1));
  EXPECT_LE(now, before + seconds(60));
  const nanoseconds first = clock->Monotonic();
  EXPECT_LE(first, clock->Monotonic());
}

TEST(ClockTest, ByHand) {
  ManualClock clock(seconds(1000000000));
  EXPECT_EQ(clock.SinceEpoch(), seconds(1000000000));
  EXPECT_EQ(clock.Monotonic(), nanoseconds(0));
  clock.Advance(std::chrono::milliseconds(1500));
  EXPECT_EQ(clock.SinceEpoch(), std::chrono::milliseconds(1000000001500));
  EXPECT_EQ(clock.Monotonic(), std::chrono::milliseconds(1500));
}

std::vector<uint8_t> Draw(Randomness& randomness, uint64_t drawn, size_t count) {
  std::vector<uint8_t> bytes(count);
  EXPECT_TRUE(randomness.Fill(drawn, absl::MakeSpan(bytes)).ok());
  return bytes;
}

TEST(RandomnessTest, SeededIsAFunctionOfSeedAndPlace) {
  const std::shared_ptr<Randomness> a = SeededRandomness(7), again = SeededRandomness(7), b = SeededRandomness(8);
  const std::vector<uint8_t> bytes = Draw(*a, 0, 100);
  EXPECT_EQ(Draw(*again, 0, 100), bytes);
  EXPECT_EQ(Draw(*again, 13, 40), std::vector<uint8_t>(bytes.begin() + 13, bytes.begin() + 53));
  EXPECT_NE(Draw(*b, 0, 100), bytes);
  // Seeds that differ by SplitMix64's step do not give the same numbers one place on.
  EXPECT_NE(Draw(*SeededRandomness(7 + 0x9e3779b97f4a7c15), 0, 80),
            std::vector<uint8_t>(bytes.begin() + 8, bytes.begin() + 88));
  // The bytes are spread: among 65536 of them each value comes some 256 times.
  std::vector<int> count(256);
  for (uint8_t byte : Draw(*a, 0, 65536)) ++count[byte];
  for (int n : count) {
    EXPECT_GT(n, 150);
    EXPECT_LT(n, 370);
  }
}

TEST(RandomnessTest, TheSystemsIsNeverTheSame) {
  std::set<std::vector<uint8_t>> seen;
  for (int i = 0; i < 100; ++i) seen.insert(Draw(*SystemRandomness(), 0, 32));
  EXPECT_EQ(seen.size(), 100u);
  EXPECT_EQ(Draw(*SystemRandomness(), 0, 100000).size(), 100000u);
}

}  // namespace
}  // namespace islet
