// The system's clock.

#include "islet/capabilities.h"
#include "isolate/process/made_once.h"

namespace islet {

namespace {

class ProcessClock : public Clock {
 public:
  std::chrono::nanoseconds SinceEpoch() override { return std::chrono::system_clock::now().time_since_epoch(); }
  std::chrono::nanoseconds Monotonic() override { return std::chrono::steady_clock::now().time_since_epoch(); }
};

}  // namespace

std::shared_ptr<Clock> SystemClock() {
  static constinit MadeOnce<ProcessClock> clock;
  return std::shared_ptr<Clock>(std::shared_ptr<void>(), &clock.Get());
}

}  // namespace islet
