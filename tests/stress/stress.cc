// Isolates made, called, forked, recycled, interrupted, exhausted, collected, handed from thread to thread and disposed
// of, in random order on several threads, while system calls and memory allocation fail at random. Every answer is
// compared with a model; every failure must be the one that is documented; and nothing may be left behind at the end.
//
// The same seed gives each thread the same operations; how the threads interleave, and when interrupts come, is the
// machine's choice. With --threads=1 little is left to it.

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/flags/usage.h"
#include "absl/strings/str_cat.h"
#include "isolate/heap/cage.h"
#include "tests/stress/faults.h"
#include "tests/stress/resources.h"
#include "tests/stress/stress_startup.h"
#include "tests/stress/worker.h"

ABSL_FLAG(uint64_t, seed, 0, "what is drawn from; 0: one of the system's, which is printed");
ABSL_FLAG(double, seconds, 8, "how long to go on");
ABSL_FLAG(int, threads, 4, "how many threads, 1 to 64");
ABSL_FLAG(double, faults, 0.05, "the probability that a call which may fail does, 0 to 1");

ISLET_EMBEDDED_SNAPSHOT(stress_startup);

namespace islet::stress {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif
#else
constexpr bool kSanitized = false;
#endif

// All of it, with everything made and disposed of. False after saying what went wrong.
bool Round(uint64_t seed, double seconds, int threads, double faults, bool report) {
  absl::StatusOr<std::unique_ptr<World>> made = World::Make(stress_startup, threads);
  if (!made.ok()) {
    std::fprintf(stderr, "stress: %s\n", made.status().ToString().c_str());
    return false;
  }
  World& world = **made;
  const auto end = std::chrono::steady_clock::now() + std::chrono::duration_cast<std::chrono::steady_clock::duration>(
                                                          std::chrono::duration<double>(seconds));
  std::vector<std::thread> running;
  for (int i = 0; i < threads; ++i) {
    running.emplace_back([&world, i, seed, faults, end] { Worker(world, i, seed, faults).Run(end); });
  }
  for (std::thread& thread : running) thread.join();
  if (const absl::Status status = world.ResetStatus(); !status.ok()) world.Fail(status.ToString());
  if (report) {
    for (const auto& [name, count] : world.counts())
      std::printf("  %-24s %10llu\n", name.c_str(), static_cast<unsigned long long>(count));
  }
  if (world.failed()) std::fprintf(stderr, "stress: FAILED: %s\n", world.failure().c_str());
  return !world.failed();
}

// The process's resources, once the memory that could not be unmapped has been tried again.
Resources Settled() {
  if (absl::StatusOr<Snapshot> snapshot = Snapshot::FromEmbedded(stress_startup); snapshot.ok()) {
    Isolate::FromSnapshot(*snapshot).IgnoreError();
  }
  vm::Cage::DropKept();
  return Resources::Now();
}

int Main() {
  uint64_t seed = absl::GetFlag(FLAGS_seed);
  const double seconds = absl::GetFlag(FLAGS_seconds), faults = absl::GetFlag(FLAGS_faults);
  const int threads = absl::GetFlag(FLAGS_threads);
  if (threads < 1 || threads > 64 || !(faults >= 0 && faults <= 1) || !(seconds > 0)) {
    std::fprintf(stderr, "stress: --threads takes 1 to 64, --faults 0 to 1, --seconds more than 0\n");
    return 2;
  }
  if (seed == 0) seed = std::random_device()() | uint64_t{1};
  std::printf("stress: --seed=%llu --seconds=%g --threads=%d --faults=%g\n", static_cast<unsigned long long>(seed),
              seconds, threads, faults);
  std::fflush(stdout);

  // Part of the time first, so that what is kept for good (malloc's arenas, threads' stacks) is there when it is
  // measured.
  if (!Round(seed + 1, seconds * 0.25, threads, faults, false)) return 1;
  const Resources before = Settled();
  const bool good = Round(seed, seconds * 0.75, threads, faults, true);
  const Resources after = Settled();
  for (int i = 0; i < static_cast<int>(Fault::kCount); ++i) {
    std::printf("  %-12s failed %10llu times\n", FaultName(static_cast<Fault>(i)),
                static_cast<unsigned long long>(FaultsInjected(static_cast<Fault>(i))));
  }
  std::printf("  before: %s\n  after:  %s\n", before.Describe().c_str(), after.Describe().c_str());
  const std::string excess = after.Excess(before, threads, kSanitized);
  if (!excess.empty()) std::fprintf(stderr, "stress: FAILED: left behind: %s\n", excess.c_str());
  return good && excess.empty() ? 0 : 1;
}

}  // namespace
}  // namespace islet::stress

int main(int argc, char** argv) {
  absl::SetProgramUsageMessage("Random operations on isolates while system calls and allocations fail.");
  if (absl::ParseCommandLine(argc, argv).size() > 1) {
    std::fprintf(stderr, "stress: takes options only (--help)\n");
    return 2;
  }
  return islet::stress::Main();
}
