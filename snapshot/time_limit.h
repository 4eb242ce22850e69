// The time that an evaluation may take.

#ifndef ISLET_SNAPSHOT_TIME_LIMIT_H_
#define ISLET_SNAPSHOT_TIME_LIMIT_H_

#include <cstdint>
#include <functional>

#include "absl/status/status.h"
#include "isolate/interpreter/timer.h"
#include "isolate/interpreter/vm.h"

namespace islet::vm {

// Limits what is evaluated from Start on, as long as it lives. Used by the thread that evaluates.
class TimeLimit {
 public:
  TimeLimit() = default;
  ~TimeLimit();
  TimeLimit(const TimeLimit&) = delete;
  TimeLimit& operator=(const TimeLimit&) = delete;

  // Interrupts the Vm when the thread has used up `seconds` of processor time, or, as it may wait for something
  // instead, ten times that by the clock. 0: never. `stuck`, if any, is called on another thread when the Vm has not
  // stopped some seconds later: the thread waits in the system, for a FIFO's other end, say. Errors: Watch::Start's.
  absl::Status Start(Vm& vm, double seconds, std::function<void()> stuck);
  bool passed() const;

 private:
  Watch* watch_ = nullptr;
  int64_t used_ = Watch::kNever;
  int64_t elapsed_ = Watch::kNever;
};

}  // namespace islet::vm

#endif  // ISLET_SNAPSHOT_TIME_LIMIT_H_
