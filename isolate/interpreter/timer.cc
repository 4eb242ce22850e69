#include "isolate/interpreter/timer.h"

#include <pthread.h>
#include <semaphore.h>
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <memory>
#include <mutex>
#include <new>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "isolate/interpreter/limits.h"
#include "isolate/process/clock.h"

namespace islet::vm {
namespace {

// After an interrupt, should the call go on in spite of it.
constexpr int64_t kAgain = 1'000'000;
// Processor time is looked at no more often than this.
constexpr int64_t kLeastWait = 50'000;
// Ample for the timer's thread. By default it would have as much as the main thread, all of it resident where the host
// has called mlockall.
constexpr size_t kStackOfThread = size_t{256} << 10;

int64_t Now() { return ReadClock(); }

int64_t Add(int64_t time, int64_t more) {
  return more == Watch::kNever || (time > 0 && more > Watch::kNever - time) ? Watch::kNever : time + more;
}

clockid_t CpuClock() {
  clockid_t clock;
  return pthread_getcpuclockid(pthread_self(), &clock) == 0 ? clock : CLOCK_MONOTONIC;
}

}  // namespace

// Has no destructor: threads may use it while the process ends.
class Timer {
 public:
  void Add(Watch* watch) {
    const std::lock_guard<ForkSafeMutex> lock(mutex_);
    watch->next_ = std::exchange(watches_, watch);
  }
  void Remove(Watch* watch) {
    const std::lock_guard<ForkSafeMutex> lock(mutex_);
    Watch** link = &watches_;
    while (*link != watch) link = &(*link)->next_;
    *link = watch->next_;
  }
  // 0, or why there can be no thread. After what is to be watched has been set.
  int EnsureThread() {
    if (running_.load(std::memory_order_seq_cst)) return 0;
    const std::lock_guard<ForkSafeMutex> lock(thread_mutex_);
    return running_.load(std::memory_order_relaxed) ? 0 : StartThread();
  }
  // A watch that was just set must be looked at by then.
  void WakeBy(int64_t time) {
    // Either this sees that the thread is about to look, or the thread sees the watch, as both lock the watch: the
    // thread after it has changed next_, this thread before.
    int64_t next = next_.load(std::memory_order_seq_cst);
    while (time < next) {
      if (!next_.compare_exchange_weak(next, time)) continue;
      sem_post(&wake_);
      return;
    }
  }
  // Ends the thread, unless it has something to watch.
  void StopThread() {
    const std::lock_guard<ForkSafeMutex> lock(thread_mutex_);
    if (!running_.load(std::memory_order_relaxed)) return;
    // From here on, what is set waits for thread_mutex_, and starts another thread.
    running_.store(false, std::memory_order_seq_cst);
    if (AnyInUse()) {
      running_.store(true, std::memory_order_seq_cst);
      return;
    }
    ending_.store(true, std::memory_order_release);
    sem_post(&wake_);
    pthread_join(thread_, nullptr);
  }

  // In a child, of whose parent's threads only the calling one is left.
  void BeginAgain(const std::vector<std::unique_ptr<Watch>>& mine);

 private:
  static void* Run(void* timer) {
    // It has begun with all blocked, unless something between us and the C library has seen to its mask, as
    // AddressSanitizer does.
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, nullptr);
    static_cast<Timer*>(timer)->Run();
    return nullptr;
  }

  void Run() {
    while (!ending_.load(std::memory_order_acquire)) WaitUntil(Look());
  }

  // Interrupts what it is time for; when to look again.
  int64_t Look() {
    const std::lock_guard<ForkSafeMutex> lock(mutex_);
    next_.store(Watch::kNever, std::memory_order_seq_cst);
    const int64_t now = Now();
    int64_t next = Watch::kNever;
    for (Watch* watch = watches_; watch != nullptr; watch = watch->next_) next = std::min(next, watch->Check(now));
    next_.store(next, std::memory_order_seq_cst);
    return next;
  }

  // Or until WakeBy has something sooner.
  void WaitUntil(int64_t time) {
    if (time == Watch::kNever) {
      sem_wait(&wake_);
      return;
    }
    const timespec until = {static_cast<time_t>(time / 1'000'000'000), static_cast<long>(time % 1'000'000'000)};
    sem_clockwait(&wake_, CLOCK_MONOTONIC, &until);
  }

  bool AnyInUse() {
    const std::lock_guard<ForkSafeMutex> lock(mutex_);
    for (Watch* watch = watches_; watch != nullptr; watch = watch->next_) {
      const std::lock_guard<ForkSafeMutex> watch_lock(watch->mutex_);
      if (watch->vm_ != nullptr) return true;
    }
    return false;
  }

  // 0, or the error's number. By who has thread_mutex_.
  int StartThread() {
    sem_init(&wake_, /*pshared=*/0, 0);
    next_.store(Watch::kNever, std::memory_order_relaxed);
    ending_.store(false, std::memory_order_relaxed);
    pthread_attr_t attributes;
    if (const int error = pthread_attr_init(&attributes); error != 0) return error;
    // Signals are for the host's threads, and none may end this one.
    sigset_t all;
    sigfillset(&all);
    int error = pthread_attr_setsigmask_np(&attributes, &all);
    if (error == 0) {
      pthread_attr_setstacksize(&attributes, kStackOfThread);
      error = pthread_create(&thread_, &attributes, Run, this);
      if (error == EINVAL) {  // the thread-local variables of the process alone take more
        pthread_attr_t larger;
        pthread_attr_init(&larger);
        pthread_attr_setsigmask_np(&larger, &all);
        error = pthread_create(&thread_, &larger, Run, this);
        pthread_attr_destroy(&larger);
      }
    }
    pthread_attr_destroy(&attributes);
    if (error != 0) return error;
    pthread_setname_np(thread_, "islet-timer");
    running_.store(true, std::memory_order_seq_cst);
    return 0;
  }

  ForkSafeMutex mutex_;
  Watch* watches_ = nullptr;  // of all threads
  // When the thread looks next; kNever also while it looks.
  std::atomic<int64_t> next_{Watch::kNever};
  std::atomic<bool> ending_{false};

  ForkSafeMutex thread_mutex_;  // for starting and ending the thread, which never takes it
  std::atomic<bool> running_{false};
  pthread_t thread_ = {};
  sem_t wake_ = {};  // good once the thread was started
};

namespace {

constinit Timer timer;

// When the shared object is unloaded, its code is, too.
struct StopAtEnd {
  ~StopAtEnd() { timer.StopThread(); }
} stop_at_end;

}  // namespace

// Of one thread; those up to `used` are set.
struct ThreadWatches {
  ~ThreadWatches() {
    for (const std::unique_ptr<Watch>& watch : watches) timer.Remove(watch.get());
  }
  // Before the thread forks: a child's processor time begins at nothing.
  void NoteCpu() {
    for (size_t i = 0; i < used; ++i) watches[i]->cpu_at_fork_ = watches[i]->CpuUsed();
  }
  std::vector<std::unique_ptr<Watch>> watches;
  size_t used = 0;
};

namespace {

thread_local ThreadWatches thread_watches;

ForkHook hook([] { thread_watches.NoteCpu(); }, [] { timer.BeginAgain(thread_watches.watches); });

}  // namespace

void Timer::BeginAgain(const std::vector<std::unique_ptr<Watch>>& mine) {
  running_.store(false, std::memory_order_relaxed);
  watches_ = nullptr;
  const clockid_t clock = CpuClock();
  for (const std::unique_ptr<Watch>& watch : mine) {
    Add(watch.get());
    watch->cpu_clock_ = clock;
    if (watch->vm_ == nullptr || !watch->counts_cpu_) continue;
    const int64_t before = watch->cpu_start_;
    watch->StartCpu(watch->cpu_at_fork_);
    if (watch->cpu_end_ != Watch::kNever) watch->cpu_end_ += watch->cpu_start_ - before;
  }
  if (!AnyInUse()) return;
  if (EnsureThread() == 0) {
    sem_post(&wake_);
    return;
  }
  for (const std::unique_ptr<Watch>& watch : mine) {
    if (watch->vm_ != nullptr) watch->vm_->Interrupt(InterruptReason::kNoTimer);
  }
}

absl::Status Watch::Start(Vm& vm, int64_t cpu, int64_t wall, Watch** started) try {
  *started = nullptr;
  ThreadWatches& mine = thread_watches;
  if (mine.used == mine.watches.size()) {
    auto watch = std::make_unique<Watch>();
    watch->cpu_clock_ = CpuClock();
    mine.watches.reserve(mine.used + 1);
    timer.Add(watch.get());
    mine.watches.push_back(std::move(watch));
  }
  Watch* const watch = mine.watches[mine.used++].get();
  int64_t next;
  {
    const std::lock_guard<ForkSafeMutex> lock(watch->mutex_);
    watch->vm_ = &vm;
    watch->wall_start_ = Now();
    watch->counts_cpu_ = false;
    if (cpu != kNever) watch->StartCpu(0);
    watch->Set(cpu, wall);
    next = watch->next_check_;
  }
  if (const int error = timer.EnsureThread(); error != 0) {
    watch->Stop();
    return NoTimerStatus(std::strerror(error));
  }
  timer.WakeBy(next);
  *started = watch;
  return absl::OkStatus();
} catch (const std::bad_alloc&) {
  return NoTimerStatus("there is no memory");
}

void Watch::StartCpu(int64_t used) {
  cpu_start_ = ReadClock(CLOCK_THREAD_CPUTIME_ID) - used;
  counts_cpu_ = true;
}

void Watch::Set(int64_t cpu, int64_t wall) {
  cpu_end_ = Add(cpu_start_, cpu);
  wall_end_ = Add(wall_start_, wall);
  // No thread uses more processor time than time passes.
  next_check_ = std::min(wall_end_, Add(wall_start_, cpu));
  overdue_at_ = kNever;
}

void Watch::Change(int64_t cpu, int64_t wall) {
  int64_t next;
  {
    const std::lock_guard<ForkSafeMutex> lock(mutex_);
    if (!counts_cpu_ && cpu != kNever) StartCpu(0);  // had no such limit
    Set(cpu, wall);
    next = next_check_;
  }
  timer.WakeBy(next);
}

void Watch::Stop() {
  {
    const std::lock_guard<ForkSafeMutex> lock(mutex_);
    vm_ = nullptr;
    next_check_ = overdue_at_ = kNever;
    if (overdue_) overdue_ = nullptr;
  }
  --thread_watches.used;
}

void Watch::SetOverdue(int64_t grace, std::function<void()> overdue) {
  const std::lock_guard<ForkSafeMutex> lock(mutex_);
  grace_ = grace;
  overdue_ = std::move(overdue);
}

int64_t Watch::InterruptFor(InterruptReason reason, int64_t now) {
  vm_->Interrupt(reason);
  if (overdue_ && overdue_at_ == kNever) overdue_at_ = now + grace_;
  if (now >= overdue_at_) std::exchange(overdue_, nullptr)();
  if (!overdue_) overdue_at_ = kNever;
  return next_check_ = now + kAgain;
}

int64_t Watch::CpuUsed() const { return counts_cpu_ ? ReadClock(CLOCK_THREAD_CPUTIME_ID) - cpu_start_ : 0; }

int64_t Watch::WallUsed() const { return Now() - wall_start_; }

int64_t Watch::Check(int64_t now) {
  const std::lock_guard<ForkSafeMutex> lock(mutex_);
  if (vm_ == nullptr || now < next_check_) return next_check_;
  if (now >= wall_end_) return InterruptFor(InterruptReason::kWallTime, now);
  const int64_t left = cpu_end_ == kNever ? kNever : cpu_end_ - ReadClock(cpu_clock_);
  if (left <= 0) return InterruptFor(InterruptReason::kCpuTime, now);
  return next_check_ = std::min(wall_end_, ::islet::vm::Add(now, std::max(left, kLeastWait)));
}

}  // namespace islet::vm
