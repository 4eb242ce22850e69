// Measures how soon Isolate::Interrupt, from another thread, ends built-in procedures that work on much data: for each
// of tests/long_operations.h, the median and the longest time from the call of Interrupt to the return of Eval, in
// microseconds, over some tries that interrupt at different moments; and the moment of the longest, in milliseconds.
// Beside them, the longest minor collection: most of it cannot be interrupted, but for looking through large objects.
//
//   interrupt_bench [TRIES [NAME]]

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/numbers.h"
#include "islet/isolate.h"
#include "isolate/lib/standard.h"
#include "tests/long_operations.h"

ISLET_EMBEDDED_SNAPSHOT(standard);

namespace {

using Clock = std::chrono::steady_clock;

// Microseconds; negative if the expression had ended before. If it ends by itself after, its last
// collection included, that counts too.
double Try(islet::Isolate& isolate, const char* expression, std::chrono::milliseconds delay) {
  Clock::time_point interrupted;
  std::thread other([&] {
    std::this_thread::sleep_for(delay);
    interrupted = Clock::now();
    isolate.Interrupt();
  });
  (void)isolate.Eval(expression);
  const auto ended = Clock::now();
  other.join();
  return std::chrono::duration<double, std::micro>(ended - interrupted).count();
}

}  // namespace

int main(int argc, char** argv) {
  int tries = 9;
  if (argc > 3 || (argc > 1 && (!absl::SimpleAtoi(argv[1], &tries) || tries < 1))) {
    std::fprintf(stderr, "usage: interrupt_bench [TRIES [NAME]]; TRIES is 1 or more\n");
    return 2;
  }
  bool found = false;
  auto snapshot = islet::Snapshot::FromEmbedded(standard);
  if (!snapshot.ok()) return 1;
  std::printf("%-28s %10s %10s %10s %30s\n", "", "median us", "worst us", "at ms", "longest minor collection us");
  for (const islet::LongOperation& operation : islet::kLongOperations) {
    if (argc > 2 && std::strstr(operation.name, argv[2]) == nullptr) continue;
    found = true;
    std::vector<double> latencies;
    double worst = 0;
    int worst_at = 0;
    double longest_minor = 0;  // that of the preparation included
    for (int i = 0; i < tries; ++i) {
      auto isolate = islet::Isolate::FromSnapshot(*snapshot);
      if (!isolate.ok()) return 1;
      islet::Isolate::Scope scope(**isolate);
      if (!(*isolate)->Eval(operation.prepare).ok()) {
        std::printf("%-28s could not be prepared\n", operation.name);
        break;
      }
      const int delay = 2 + 11 * i;
      const double latency = Try(**isolate, operation.expression, std::chrono::milliseconds(delay));
      if (latency >= 0) latencies.push_back(latency);
      if (latency > worst) {
        worst = latency;
        worst_at = delay;
      }
      longest_minor = std::max(longest_minor, (*isolate)->Stats().longest_minor_seconds * 1e6);
    }
    if (latencies.empty()) continue;
    std::sort(latencies.begin(), latencies.end());
    std::printf("%-28s %10.0f %10.0f %10d %30.0f\n", operation.name, latencies[latencies.size() / 2], worst, worst_at,
                longest_minor);
    std::fflush(stdout);
  }
  if (!found) {
    std::fprintf(stderr, "interrupt_bench: no operation's name contains \"%s\"\n", argv[2]);
    return 2;
  }
  return 0;
}
