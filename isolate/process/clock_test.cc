#include "isolate/process/clock.h"

#include "gtest/gtest.h"

namespace islet {
namespace {

TEST(ClockTest, GoesOnInNanoseconds) {
  timespec before, after;
  clock_gettime(CLOCK_MONOTONIC, &before);
  const int64_t now = ReadClock();
  clock_gettime(CLOCK_MONOTONIC, &after);
  EXPECT_GE(now, before.tv_sec * 1'000'000'000 + before.tv_nsec);
  EXPECT_LE(now, after.tv_sec * 1'000'000'000 + after.tv_nsec);
}

TEST(ClockTest, AnyClockOfTheSystem) {
  const int64_t before = ReadClock(CLOCK_THREAD_CPUTIME_ID);
  EXPECT_GT(before, 0);
  EXPECT_LE(before, ReadClock(CLOCK_THREAD_CPUTIME_ID));
}

}  // namespace
}  // namespace islet
