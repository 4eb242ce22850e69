#include "fuzz/time_limit.h"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

namespace islet::fuzz {
namespace {

// One thread for all, which never ends.
class Watchdog {
 public:
  static Watchdog& Get() {
    static Watchdog* watchdog = new Watchdog();
    return *watchdog;
  }

  void Watch(vm::Vm* vm) {
    const std::lock_guard<std::mutex> lock(mutex_);
    vm_ = vm;
    due_ = std::chrono::steady_clock::now() + kTime;
    changed_.notify_one();
  }

 private:
  static constexpr std::chrono::milliseconds kTime{100};

  Watchdog() : thread_([this] { Run(); }) { thread_.detach(); }

  void Run() {
    std::unique_lock<std::mutex> lock(mutex_);
    for (;;) {
      if (vm_ == nullptr) {
        changed_.wait(lock);
      } else if (std::chrono::steady_clock::now() < due_) {
        changed_.wait_until(lock, due_);
      } else {
        vm_->Interrupt();
        due_ += kTime;
      }
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  vm::Vm* vm_ = nullptr;
  std::chrono::steady_clock::time_point due_;
  std::thread thread_;
};

}  // namespace

TimeLimit::TimeLimit(vm::Vm& vm) { Watchdog::Get().Watch(&vm); }
TimeLimit::~TimeLimit() { Watchdog::Get().Watch(nullptr); }

}  // namespace islet::fuzz
