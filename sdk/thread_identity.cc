#include "sdk/thread_identity.h"

#include <atomic>
#include <utility>

#include "absl/status/status.h"
#include "isolate/process/fork.h"

namespace islet {
namespace {

constinit std::atomic<uint64_t> last{0};
// In a child: the last thread there was at the fork, and the one that went on. Written before the child has other
// threads.
uint64_t last_at_fork = 0;
uint64_t survivor = 0;

ForkHook hook(nullptr, [] {
  last_at_fork = last.load(std::memory_order_relaxed);
  survivor = thread_identity;
});

// Abseil makes these when they are first asked for, under locks that a fork meanwhile would leave taken.
[[maybe_unused]] const bool statuses_made = [] {
  absl::Status from = absl::UnknownError("");
  const absl::Status to = std::move(from);
  return absl::OkStatus().message().empty() && !from.message().empty() && !to.ok();  // NOLINT: of what was moved from
}();

}  // namespace

uint64_t NewThreadIdentity() { return thread_identity = last.fetch_add(1, std::memory_order_relaxed) + 1; }

bool IsLostInFork(uint64_t thread) { return thread != kNoThread && thread <= last_at_fork && thread != survivor; }

}  // namespace islet
