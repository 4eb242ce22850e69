// The peers' programs share this, so that all of them are measured alike: the workload's arguments and right answers,
// medians of many timed runs, the process's private memory, and the JSON rows.
//
// A program measures each number of records in a child process of its own
// (`RunEach`), so that no workload inherits the warm heap, the free lists or
// the fragmentation of the one before it.

#ifndef BENCH_PEERS_MEASURE_H_
#define BENCH_PEERS_MEASURE_H_

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace peers {

// How many isolates are alive at once while their memory is measured.
inline constexpr int kIsolatesAlive = 50;

// Calls per timed sample of a warm call, which is too short for the clock.
inline constexpr int kCallsPerSample = 16;

[[noreturn]] inline void Die(const std::string& message) {
  std::fprintf(stderr, "%s\n", message.c_str());
  std::_Exit(1);
}

// The sum that `handler(k)` must return with `records` records.
inline int64_t ExpectedSum(int64_t k, int64_t records) {
  int64_t sum = 0;
  for (int64_t j = 0; j < 10; ++j) sum += (k + j) % records;
  return sum;
}

// The arguments of successive calls, each with the answer to check.
class Calls {
 public:
  struct Call {
    int64_t k;
    int64_t expected;
  };

  explicit Calls(int64_t records) {
    for (size_t n = 0; n < kDistinct; ++n) {
      const int64_t k = static_cast<int64_t>(n) * 31 % records;
      calls_.push_back({k, ExpectedSum(k, records)});
    }
  }

  const Call& Next() { return calls_[next_++ % kDistinct]; }

 private:
  static constexpr size_t kDistinct = 1024;

  std::vector<Call> calls_;
  size_t next_ = 0;
};

inline void Check(int64_t answer, const Calls::Call& call) {
  if (answer != call.expected) {
    Die("wrong answer: handler(" + std::to_string(call.k) + ") gave " + std::to_string(answer) + ", not " +
        std::to_string(call.expected));
  }
}

struct Timing {
  double median_us;
  double p99_us;
  size_t samples;
};

// Times `run` again and again for about 1.2 seconds, after a sixth of that
// unmeasured, and at least 20 times however long it takes. `run` stands for
// `runs_per_sample` runs; the times are those of one.
template <typename Run>
Timing Measure(Run run, int runs_per_sample = 1) {
  using Clock = std::chrono::steady_clock;
  constexpr auto kWarmUp = std::chrono::milliseconds(200);
  constexpr auto kBudget = std::chrono::milliseconds(1200);
  constexpr size_t kFewest = 20;

  const auto begin = Clock::now();
  while (Clock::now() - begin < kWarmUp) run();

  std::vector<double> times;
  const auto end = Clock::now() + kBudget;
  while (times.size() < kFewest || Clock::now() < end) {
    const auto start = Clock::now();
    run();
    const std::chrono::duration<double, std::micro> time = Clock::now() - start;
    times.push_back(time.count() / runs_per_sample);
  }
  std::sort(times.begin(), times.end());
  return {times[times.size() / 2], times[times.size() * 99 / 100], times.size()};
}

// Sums the lines of a file in /proc that begin with one of `keys`, in KiB.
inline int64_t ProcKib(const char* path, const std::vector<std::string>& keys) {
  std::ifstream file(path);
  int64_t sum = 0;
  for (std::string line; std::getline(file, line);) {
    for (const std::string& key : keys) {
      if (line.compare(0, key.size(), key) == 0) {
        sum += std::strtoll(line.c_str() + key.size(), nullptr, 10);
      }
    }
  }
  return sum;
}

// Memory that a process holds for itself alone at one moment.
struct Memory {
  int64_t private_kib;
  int64_t page_table_kib;

  static Memory Now() {
    return {ProcKib("/proc/self/smaps_rollup", {"Private_Clean:", "Private_Dirty:"}),
            ProcKib("/proc/self/status", {"VmPTE:"})};
  }
};

inline void PrintTiming(const std::string& system, const char* workload, int64_t records, const Timing& timing) {
  std::printf(
      "{\"system\": \"%s\", \"workload\": \"%s\", \"records\": %lld, "
      "\"median_us\": %.3f, \"p99_us\": %.3f, \"samples\": %zu}",
      system.c_str(), workload, static_cast<long long>(records), timing.median_us, timing.p99_us, timing.samples);
}

// `before` and `after` enclose the making of `kIsolatesAlive` isolates.
inline void PrintMemory(const std::string& system, int64_t records, const Memory& before, const Memory& after) {
  const auto each = [](int64_t kib) { return static_cast<double>(kib) / kIsolatesAlive; };
  std::printf(
      "{\"system\": \"%s\", \"workload\": \"memory\", \"records\": %lld, "
      "\"private_kib\": %.1f, \"page_table_kib\": %.1f, \"isolates\": %d}",
      system.c_str(), static_cast<long long>(records), each(after.private_kib - before.private_kib),
      each(after.page_table_kib - before.page_table_kib), kIsolatesAlive);
}

inline void PrintSeparator() { std::printf(",\n"); }

// The startup script: `definition`, which sets N, and the text of `path`.
inline std::string ReadScript(const char* path, const std::string& definition) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  if (!file || !(text << file.rdbuf())) {
    Die(std::string("cannot read the startup script ") + path);
  }
  return definition + text.str();
}

// Calls `run(records)`, which prints JSON rows, for each of `arguments`, in a
// child process each, and prints the whole as one JSON list.
template <typename Run>
int RunEach(const std::vector<const char*>& arguments, Run run) {
  std::printf("[");
  for (size_t i = 0; i < arguments.size(); ++i) {
    char* end;
    const long long records = std::strtoll(arguments[i], &end, 10);
    if (*end != '\0' || records < 1 || records > 1'000'000'000) {
      Die(std::string("not a number of records: ") + arguments[i]);
    }
    if (i != 0) PrintSeparator();
    // The child inherits the buffer of stdout, so leave nothing in it.
    std::fflush(stdout);
    const pid_t child = fork();
    if (child < 0) Die("fork failed");
    if (child == 0) {
      run(static_cast<int64_t>(records));
      std::fflush(stdout);
      std::_Exit(0);
    }
    int status;
    if (waitpid(child, &status, 0) != child || status != 0) {
      Die(std::string("measuring failed with records: ") + arguments[i]);
    }
  }
  std::printf("]\n");
  return 0;
}

}  // namespace peers

#endif  // BENCH_PEERS_MEASURE_H_
