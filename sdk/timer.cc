#include "sdk/timer.h"

#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <new>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace islet {
namespace {

// After an interrupt, should the call go on in spite of it.
constexpr int64_t kAgain = 1'000'000;
// Processor time is looked at no more often than this.
constexpr int64_t kLeastWait = 50'000;

int64_t Read(clockid_t clock) {
  timespec time = {};
  clock_gettime(clock, &time);
  return int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

int64_t Now() { return Read(CLOCK_MONOTONIC); }

int64_t Add(int64_t time, int64_t more) {
  return more > Watch::kNever - time ? Watch::kNever : time + more;
}

}  // namespace

class Timer {
 public:
  static Timer& Get() {
    static Timer* const timer = new Timer;  // lives as long as its thread
    return *timer;
  }

  void Add(Watch* watch) {
    std::lock_guard<std::mutex> lock(mutex_);
    if (!started_) {
      try {
        std::thread([this] { Run(); }).detach();
      } catch (const std::system_error&) {
        throw std::bad_alloc();  // as a thread takes memory
      }
      started_ = true;
    }
    watches_.push_back(watch);
  }
  void Remove(Watch* watch) {
    std::lock_guard<std::mutex> lock(mutex_);
    watches_.erase(std::find(watches_.begin(), watches_.end(), watch));
  }
  // A watch that was just set must be looked at by then.
  void WakeBy(int64_t time) {
    // Either this sees that the thread is about to look at all, or the thread sees the watch.
    std::atomic_thread_fence(std::memory_order_seq_cst);
    if (time >= next_.load(std::memory_order_relaxed)) return;
    std::lock_guard<std::mutex> lock(mutex_);
    if (time < next_.load(std::memory_order_relaxed)) next_.store(time, std::memory_order_relaxed);
    woken_.notify_one();
  }

 private:
  void Run() {
    std::unique_lock<std::mutex> lock(mutex_);
    for (;;) {
      next_.store(Watch::kNever, std::memory_order_relaxed);
      std::atomic_thread_fence(std::memory_order_seq_cst);
      const int64_t now = Now();
      int64_t next = Watch::kNever;
      for (Watch* watch : watches_) next = std::min(next, watch->Check(now));
      next_.store(next, std::memory_order_relaxed);
      // Until then, or until WakeBy says something sooner.
      while (next_.load(std::memory_order_relaxed) == next) {
        if (next == Watch::kNever) {
          woken_.wait(lock);
        } else {
          const auto until = std::chrono::steady_clock::time_point(std::chrono::nanoseconds(next));
          if (woken_.wait_until(lock, until) == std::cv_status::timeout) break;
        }
      }
    }
  }

  std::mutex mutex_;
  std::condition_variable woken_;
  std::vector<Watch*> watches_;
  // When the thread looks next; kNever also while it looks.
  std::atomic<int64_t> next_{0};
  bool started_ = false;
};

// Of one thread; those up to `used` are set.
struct ThreadWatches {
  ~ThreadWatches() {
    for (const std::unique_ptr<Watch>& watch : watches) Timer::Get().Remove(watch.get());
  }
  std::vector<std::unique_ptr<Watch>> watches;
  size_t used = 0;
};

namespace {
thread_local ThreadWatches thread_watches;
}

Watch* Watch::Start(vm::Vm& vm, int64_t cpu, int64_t wall) {
  ThreadWatches& mine = thread_watches;
  if (mine.used == mine.watches.size()) {
    auto watch = std::make_unique<Watch>();
    if (pthread_getcpuclockid(pthread_self(), &watch->cpu_clock_) != 0)
      watch->cpu_clock_ = CLOCK_MONOTONIC;
    mine.watches.reserve(mine.used + 1);
    Timer::Get().Add(watch.get());
    mine.watches.push_back(std::move(watch));
  }
  Watch* const watch = mine.watches[mine.used++].get();
  std::unique_lock<std::mutex> lock(watch->mutex_);
  watch->vm_ = &vm;
  watch->wall_start_ = Now();
  watch->cpu_start_ = cpu == kNever ? 0 : Read(CLOCK_THREAD_CPUTIME_ID);
  watch->Set(cpu, wall);
  const int64_t next = watch->next_check_;
  lock.unlock();
  Timer::Get().WakeBy(next);
  return watch;
}

void Watch::Set(int64_t cpu, int64_t wall) {
  cpu_end_ = Add(cpu_start_, cpu);
  wall_end_ = Add(wall_start_, wall);
  // No thread uses more processor time than time passes.
  next_check_ = std::min(wall_end_, Add(wall_start_, cpu));
}

void Watch::Change(int64_t cpu, int64_t wall) {
  std::unique_lock<std::mutex> lock(mutex_);
  if (cpu_start_ == 0 && cpu != kNever)
    cpu_start_ = Read(CLOCK_THREAD_CPUTIME_ID);  // had no such limit
  Set(cpu, wall);
  const int64_t next = next_check_;
  lock.unlock();
  Timer::Get().WakeBy(next);
}

void Watch::Stop() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    vm_ = nullptr;
    next_check_ = kNever;
  }
  --thread_watches.used;
}

int64_t Watch::CpuUsed() const {
  return cpu_start_ == 0 ? 0 : Read(CLOCK_THREAD_CPUTIME_ID) - cpu_start_;
}

int64_t Watch::WallUsed() const { return Now() - wall_start_; }

int64_t Watch::Check(int64_t now) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (vm_ == nullptr || now < next_check_) return next_check_;
  if (now >= wall_end_) {
    vm_->Interrupt(vm::InterruptReason::kWallTime);
    return next_check_ = now + kAgain;
  }
  const int64_t left = cpu_end_ == kNever ? kNever : cpu_end_ - Read(cpu_clock_);
  if (left <= 0) {
    vm_->Interrupt(vm::InterruptReason::kCpuTime);
    return next_check_ = now + kAgain;
  }
  return next_check_ = std::min(wall_end_, Add(now, std::max(left, kLeastWait)));
}

}  // namespace islet
