// The clocks of the system that measure how long something takes.

#ifndef ISLET_ISOLATE_PROCESS_CLOCK_H_
#define ISLET_ISOLATE_PROCESS_CLOCK_H_

#include <time.h>

#include <cstdint>

namespace islet {

// The clock's time in nanoseconds: of use for what lies between two readings only.
inline int64_t ReadClock(clockid_t clock = CLOCK_MONOTONIC) {
  timespec time = {};
  clock_gettime(clock, &time);
  return int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

}  // namespace islet

#endif  // ISLET_ISOLATE_PROCESS_CLOCK_H_
