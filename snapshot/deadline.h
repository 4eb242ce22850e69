// The time that an evaluation may take.

#ifndef ISLET_SNAPSHOT_DEADLINE_H_
#define ISLET_SNAPSHOT_DEADLINE_H_

#include <pthread.h>

#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

#include "isolate/interpreter/vm.h"

namespace islet::vm {

// Interrupts the Vm when its thread has used up `seconds` of processor time, or, as it may wait for something instead,
// ten times that by the clock. Unless it is gone by then. 0: never.
class Deadline {
 public:
  // `stuck`, if any, is called on another thread when the Vm has not stopped some seconds later: the thread waits in
  // the system, for a FIFO's other end, say.
  Deadline(Vm& vm, double seconds, std::function<void()> stuck);
  ~Deadline();
  Deadline(const Deadline&) = delete;
  Deadline& operator=(const Deadline&) = delete;

  bool passed() const { return passed_.load(); }

 private:
  void Watch(Vm& vm, double seconds, clockid_t clock);

  std::mutex mutex_;
  std::condition_variable done_;
  bool is_done_ = false;
  std::atomic<bool> passed_{false};
  std::function<void()> stuck_;
  std::thread thread_;
};

}  // namespace islet::vm

#endif  // ISLET_SNAPSHOT_DEADLINE_H_
