// Feeds the snapshot target changes that are drawn from seeds: the same for the same seed, in any configuration.
//
//   snapshot_runs --seed=1 --runs=100000     seeds 1 to 100000, each one to four changes
//   snapshot_runs --seed=1 --seconds=30      as many as can be done
//   snapshot_runs --seed=4711 --runs=1       the one that crashed
//
// The seed of what crashes, or takes longer than ten seconds, is the last line on standard error before the crash is
// reported.

#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "fuzz/target.h"

namespace {

volatile uint64_t current = 0;
struct sigaction earlier[NSIG];

void NameSeed(int signal) {
  char line[64] = "seed ";
  char digits[24];
  size_t count = 0;
  uint64_t n = current;
  do digits[count++] = static_cast<char>('0' + n % 10);
  while ((n /= 10) != 0);
  size_t length = std::strlen(line);
  while (count > 0) line[length++] = digits[--count];
  line[length++] = '\n';
  (void)!write(STDERR_FILENO, line, length);
  sigaction(signal, &earlier[signal], nullptr);
  raise(signal);
}

// SplitMix64 (Steele, Lea and Flood: Fast splittable pseudorandom number generators, 2014).
uint64_t Draw(uint64_t& state) {
  uint64_t z = (state += 0x9e3779b97f4a7c15);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

void Run(uint64_t seed) {
  uint64_t state = seed;
  std::vector<uint64_t> changes(1 + Draw(state) % 8 / 5 * (1 + Draw(state) % 3));
  for (uint64_t& change : changes) change = Draw(state);
  LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(changes.data()), changes.size() * sizeof(uint64_t));
}

}  // namespace

int main(int argc, char** argv) {
  uint64_t seed = 1, runs = 2000, seconds = 0;
  for (int i = 1; i < argc; ++i) {
    absl::string_view argument = argv[i];
    uint64_t* const number = absl::ConsumePrefix(&argument, "--seed=")      ? &seed
                             : absl::ConsumePrefix(&argument, "--runs=")    ? &runs
                             : absl::ConsumePrefix(&argument, "--seconds=") ? &seconds
                                                                            : nullptr;
    if (number == nullptr || !absl::SimpleAtoi(argument, number)) {
      std::fprintf(stderr, "usage: %s [--seed=FIRST] [--runs=NUMBER | --seconds=NUMBER]\n", argv[0]);
      return 2;
    }
  }
  for (const int signal : {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTRAP, SIGALRM}) {
    struct sigaction action = {};
    action.sa_handler = NameSeed;
    action.sa_flags = SA_NODEFER;
    sigaction(signal, &action, &earlier[signal]);
  }
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
  uint64_t done = 0;
  while (seconds == 0 ? done < runs : std::chrono::steady_clock::now() < end) {
    current = seed + done;
    alarm(10);
    Run(current);
    ++done;
  }
  std::printf("%llu changed snapshots, from seed %llu on\n", static_cast<unsigned long long>(done),
              static_cast<unsigned long long>(seed));
  return 0;
}
