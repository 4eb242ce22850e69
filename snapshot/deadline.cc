#include "snapshot/deadline.h"

#include <time.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "isolate/process/clock.h"

namespace islet::vm {
namespace {

constexpr double kElapsedPerUsed = 10;
// A run that is interrupted ends within a millisecond, but a loaded machine may not let it go on at once.
constexpr std::chrono::seconds kUntilStuck(5);
// Between two looks at the clock of a thread that has nearly used up its time.
constexpr double kShortestWait = 0.01;

// In seconds.
double Now(clockid_t clock) { return static_cast<double>(ReadClock(clock)) * 1e-9; }

}  // namespace

Deadline::Deadline(Vm& vm, double seconds, std::function<void()> stuck) : stuck_(std::move(stuck)) {
  clockid_t clock;
  if (seconds <= 0 || pthread_getcpuclockid(pthread_self(), &clock) != 0) return;
  thread_ = std::thread([this, &vm, seconds, clock] { Watch(vm, seconds, clock); });
}

Deadline::~Deadline() {
  if (!thread_.joinable()) return;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    is_done_ = true;
  }
  done_.notify_one();
  thread_.join();
}

void Deadline::Watch(Vm& vm, double seconds, clockid_t clock) {
  const double elapsed_end = Now(CLOCK_MONOTONIC) + kElapsedPerUsed * seconds;
  const double used_end = Now(clock) + seconds;
  const auto done = [this] { return is_done_; };
  std::unique_lock<std::mutex> lock(mutex_);
  while (true) {
    // Nobody uses more than what passes, so it is too early until this much has passed.
    const double left = std::min(used_end - Now(clock), elapsed_end - Now(CLOCK_MONOTONIC));
    if (left <= 0) break;
    // Not the longest wait that there is: a thread's clock may be that of a year.
    const double wait = std::clamp(left, kShortestWait, 3600.0);
    if (done_.wait_for(lock, std::chrono::duration<double>(wait), done)) return;
  }
  passed_.store(true);
  vm.Interrupt(InterruptReason::kCpuTime);
  if (!done_.wait_for(lock, kUntilStuck, done) && stuck_) stuck_();
}

}  // namespace islet::vm
