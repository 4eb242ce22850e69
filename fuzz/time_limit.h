// Interrupts what runs too long, from another thread, as a host's watchdog does.

#ifndef ISLET_FUZZ_TIME_LIMIT_H_
#define ISLET_FUZZ_TIME_LIMIT_H_

#include "isolate/interpreter/vm.h"

namespace islet::fuzz {

// Interrupts `vm` every 100 ms as long as it lives: once is not enough for a program that runs on
// in another call.
class TimeLimit {
 public:
  explicit TimeLimit(vm::Vm& vm);
  ~TimeLimit();
  TimeLimit(const TimeLimit&) = delete;
  TimeLimit& operator=(const TimeLimit&) = delete;
};

}  // namespace islet::fuzz

#endif  // ISLET_FUZZ_TIME_LIMIT_H_
