// Linked into a test of the SDK, makes Isolate::FromSnapshot hand out isolates that another tenant has used before:
// each is given to a hostile one, reset, and compared with one that never was.

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "sdk/isolate_impl.h"
#include "tests/hostile_tenant.h"

namespace islet {
namespace {

// Each takes tens of milliseconds, so it is done with the first isolates of a process, of which there may be 20,000.
constexpr int kRecycled = 300;
constexpr int kCompared = 100;

void Recycle(Isolate& isolate, const Snapshot& snapshot, const IsolateOptions& options) {
  static std::atomic<int> count{0};
  static thread_local bool comparing = false;
  if (comparing) return;
  const int number = count.fetch_add(1);
  if (number >= kRecycled) return;
  Isolate::Impl& impl = *isolate.impl();
  // Nobody else knows the isolate yet: the host is not asked.
  auto& near_limit = impl.options.near_limit;
  const auto hosts = near_limit;
  if (hosts != nullptr) near_limit = [](Isolate&, Limit) {};
  RunHostileTenant(isolate);
  near_limit = hosts;
  // In turn: all memory is given back, most is kept.
  impl.Reset(number % 2 == 0 ? 0 : size_t{64} << 20);
  if (number >= kCompared) return;
  comparing = true;
  const auto fresh = Isolate::FromSnapshot(snapshot, options);
  comparing = false;
  if (!fresh.ok()) return;
  const std::string difference = impl.FirstDifference(*(*fresh)->impl(), vm::Unused::kToo);
  if (difference.empty()) return;
  std::fprintf(stderr, "an isolate that was reset differs from a new one: %s\n", difference.c_str());
  std::abort();
}

[[maybe_unused]] const bool installed = [] {
  Isolate::Impl::made_hook = Recycle;
  return true;
}();

}  // namespace
}  // namespace islet
