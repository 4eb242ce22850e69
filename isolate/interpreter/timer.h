// Limits of time. One thread for the process, started when a limit is first used, interrupts the machines that have run
// for too long.
//
// Each thread that runs machines with such limits has Watches of its own, one for each machine that it is inside of; to
// set one costs two uncontended locks and, only if it ends before all others, a wake-up of the timer's thread.
//
// The timer's thread takes no signals. It ends when the shared object that this is linked into is
// unloaded, or the process exits, unless a call is running that it watches. A child that was forked has none: it
// is started again by the next Start, or at once if the fork was made inside of a call that is watched.

#ifndef ISLET_ISOLATE_INTERPRETER_TIMER_H_
#define ISLET_ISOLATE_INTERPRETER_TIMER_H_

#include <time.h>

#include <cstdint>
#include <functional>
#include <mutex>

#include "absl/status/status.h"
#include "isolate/interpreter/vm.h"
#include "isolate/process/fork.h"

namespace islet::vm {

// Watches over one call's limits of time. Times are in nanoseconds; kNever: no limit.
class Watch {
 public:
  static constexpr int64_t kNever = INT64_MAX;

  // *started: the calling thread's watch for a call, inside of those that it has already. To be given back by Stop, in
  // the reverse order. From now on `vm` is interrupted when the thread has used `cpu`, or `wall` has passed.
  // ResourceExhausted: no thread can be made for the timer, or there is no memory; *started is null then.
  static absl::Status Start(Vm& vm, int64_t cpu, int64_t wall, Watch** started);
  // A machine that is interrupted stops within a millisecond, unless its thread waits in the system. `overdue` is
  // called, once, on the timer's thread if it has not stopped `grace` after the first interrupt. It must not use any
  // Watch.
  void SetOverdue(int64_t grace, std::function<void()> overdue);
  // Other limits, counted from the start.
  void Change(int64_t cpu, int64_t wall);
  // No interrupt comes any more.
  void Stop();

  // The time that the call has used so far, in this process and the one that it was forked from. Called by the thread
  // that started it.
  int64_t CpuUsed() const;
  int64_t WallUsed() const;

 private:
  friend class Timer;
  friend struct ThreadWatches;

  void Set(int64_t cpu, int64_t wall);
  void StartCpu(int64_t used);
  int64_t InterruptFor(InterruptReason reason, int64_t now);
  // Interrupts if it is time. When to look again; kNever if there is nothing to watch.
  int64_t Check(int64_t now);

  ForkSafeMutex mutex_;
  Vm* vm_ = nullptr;  // null: not in use
  int64_t cpu_end_ = kNever;
  int64_t wall_end_ = kNever;
  int64_t next_check_ = kNever;
  int64_t overdue_at_ = kNever;  // known from the first interrupt on
  int64_t grace_ = 0;
  std::function<void()> overdue_;  // empty: none
  int64_t cpu_start_ = 0;
  bool counts_cpu_ = false;  // cpu_start_ means something
  int64_t wall_start_ = 0;
  clockid_t cpu_clock_ = 0;  // of the thread that it belongs to
  int64_t cpu_at_fork_ = 0;  // used when its thread began to fork
  Watch* next_ = nullptr;    // of all threads' in the process
};

}  // namespace islet::vm

#endif  // ISLET_ISOLATE_INTERPRETER_TIMER_H_
