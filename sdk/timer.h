// Limits of time. One thread for the process, started when a limit is first used, interrupts what
// has run for too long.
//
// Each thread that runs isolates with such limits has Watches of its own, one for each isolate that
// it is inside of; to set one costs two uncontended locks and, only if it ends before all others, a
// wake-up of the timer's thread.

#ifndef ISLET_SDK_TIMER_H_
#define ISLET_SDK_TIMER_H_

#include <time.h>

#include <cstdint>
#include <mutex>

#include "isolate/interpreter/vm.h"

namespace islet {

// What one call must not exceed. Times in nanoseconds; kNever: no limit.
class Watch {
 public:
  static constexpr int64_t kNever = INT64_MAX;

  // The calling thread's watch for a call, inside of those that it has already. To be given back by
  // Stop, in the reverse order. From now on `vm` is interrupted when the thread has used `cpu`, or
  // `wall` has passed.
  static Watch* Start(vm::Vm& vm, int64_t cpu, int64_t wall);
  // Other limits, counted from the start.
  void Change(int64_t cpu, int64_t wall);
  // No interrupt comes any more.
  void Stop();

  // What the call has used so far. By the thread that started it.
  int64_t CpuUsed() const;
  int64_t WallUsed() const;

 private:
  friend class Timer;
  friend struct ThreadWatches;

  void Set(int64_t cpu, int64_t wall);
  // Interrupts if it is time. When to look again; kNever if there is nothing to watch.
  int64_t Check(int64_t now);

  std::mutex mutex_;
  vm::Vm* vm_ = nullptr;  // null: not in use
  int64_t cpu_end_ = kNever;
  int64_t wall_end_ = kNever;
  int64_t next_check_ = kNever;
  int64_t cpu_start_ = 0;
  int64_t wall_start_ = 0;
  clockid_t cpu_clock_ = 0;  // of the thread that it belongs to
};

}  // namespace islet

#endif  // ISLET_SDK_TIMER_H_
