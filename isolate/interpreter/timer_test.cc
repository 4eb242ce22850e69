// Watches of machines that do not stop. How limits of time end programs is in sdk/limits_test.cc, and how the timer's
// thread gets along with a host in tests/timer_test.cc.

#include "isolate/interpreter/timer.h"

#include <atomic>
#include <chrono>
#include <memory>
#include <thread>

#include "absl/status/status.h"
#include "gtest/gtest.h"
#include "isolate/interpreter/machine_for_tests.h"
#include "isolate/interpreter/vm.h"

namespace islet::vm {
namespace {

constexpr int64_t kMillisecond = 1'000'000;

// Until `condition` holds, for a minute at most.
template <typename F>
bool ComesTrue(F condition) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::minutes(1);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

TEST(WatchTest, AMachineThatDoesNotStopIsOverdueOnce) {
  const std::unique_ptr<Vm> vm = MakeEmptyVm();
  Watch* watch = nullptr;
  ASSERT_EQ(Watch::Start(*vm, Watch::kNever, kMillisecond, &watch), absl::OkStatus());
  std::atomic<int> overdue{0};
  watch->SetOverdue(kMillisecond, [&overdue] { ++overdue; });
  EXPECT_TRUE(ComesTrue([&overdue] { return overdue != 0; }));
  const int64_t before = watch->WallUsed();
  EXPECT_TRUE(ComesTrue([&] { return watch->WallUsed() > before + 20 * kMillisecond; }));
  EXPECT_EQ(overdue, 1);
  watch->Stop();
}

TEST(WatchTest, NothingIsOverdueBeforeTheLimit) {
  const std::unique_ptr<Vm> vm = MakeEmptyVm();
  Watch* watch = nullptr;
  ASSERT_EQ(Watch::Start(*vm, Watch::kNever, 3'600'000 * kMillisecond, &watch), absl::OkStatus());
  std::atomic<int> overdue{0};
  watch->SetOverdue(0, [&overdue] { ++overdue; });
  EXPECT_TRUE(ComesTrue([watch] { return watch->WallUsed() > 20 * kMillisecond; }));
  EXPECT_EQ(overdue, 0);
  // The limit is lowered to what has passed.
  watch->Change(Watch::kNever, kMillisecond);
  EXPECT_TRUE(ComesTrue([&overdue] { return overdue != 0; }));
  watch->Stop();
}

TEST(WatchTest, TheNextCallInheritsNothing) {
  const std::unique_ptr<Vm> vm = MakeEmptyVm();
  Watch* watch = nullptr;
  std::atomic<int> overdue{0};
  ASSERT_EQ(Watch::Start(*vm, Watch::kNever, 3'600'000 * kMillisecond, &watch), absl::OkStatus());
  watch->SetOverdue(0, [&overdue] { ++overdue; });
  watch->Stop();
  Watch* const first = watch;
  ASSERT_EQ(Watch::Start(*vm, Watch::kNever, kMillisecond, &watch), absl::OkStatus());
  EXPECT_EQ(watch, first);
  EXPECT_TRUE(ComesTrue([watch] { return watch->WallUsed() > 20 * kMillisecond; }));
  EXPECT_EQ(overdue, 0);
  watch->Stop();
}

}  // namespace
}  // namespace islet::vm
