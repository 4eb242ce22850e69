#include "snapshot/time_limit.h"

#include <utility>

namespace islet::vm {
namespace {

constexpr double kElapsedPerUsed = 10;
// A run that is interrupted ends within a millisecond, but a loaded machine may not let it go on at once.
constexpr int64_t kUntilStuck = 5'000'000'000;

int64_t Nanoseconds(double seconds) {
  constexpr double kPerSecond = 1e9;
  return seconds < static_cast<double>(Watch::kNever) / kPerSecond ? static_cast<int64_t>(seconds * kPerSecond)
                                                                   : Watch::kNever;
}

}  // namespace

TimeLimit::~TimeLimit() {
  if (watch_ != nullptr) watch_->Stop();
}

absl::Status TimeLimit::Start(Vm& vm, double seconds, std::function<void()> stuck) {
  if (seconds <= 0) return absl::OkStatus();
  used_ = Nanoseconds(seconds);
  elapsed_ = Nanoseconds(kElapsedPerUsed * seconds);
  if (absl::Status status = Watch::Start(vm, used_, elapsed_, &watch_); !status.ok()) return status;
  if (stuck) watch_->SetOverdue(kUntilStuck, std::move(stuck));
  return absl::OkStatus();
}

bool TimeLimit::passed() const {
  return watch_ != nullptr && (watch_->CpuUsed() >= used_ || watch_->WallUsed() >= elapsed_);
}

}  // namespace islet::vm
