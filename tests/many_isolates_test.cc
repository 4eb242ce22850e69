// As many isolates in one process as the system's default limits allow: what each costs, and what one too many is told.

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "islet/isolate.h"
#include "sdk/isolate_impl.h"
#include "sdk/isolate_test_startup.h"
#include "tests/sanitized_for_tests.h"

ISLET_EMBEDDED_SNAPSHOT(isolate_test_startup);

namespace islet {
namespace {

HostFunctions& Hosts() {
  static HostFunctions* const hosts = [] {
    auto* made = new HostFunctions;
    const auto nothing = [](Isolate&, absl::Span<const Value>) -> absl::StatusOr<Value> { return Value(); };
    made->Add("log", 1, nothing);
    made->Add("add", 2, -1, nothing);
    made->Add("call-back", 1, nothing);
    return made;
  }();
  return *hosts;
}

IsolateOptions Options(uint64_t cage_size = uint64_t{4} << 30) {
  IsolateOptions options;
  options.host_functions = &Hosts();
  options.cage_size = cage_size;
  return options;
}

Snapshot Startup() { return *Snapshot::FromEmbedded(isolate_test_startup); }

// The sum of the figures after `name`, in KiB, of a file of the kernel's.
int64_t Kib(const char* path, const std::string& name) {
  std::ifstream file(path);
  int64_t sum = 0;
  for (std::string word; file >> word;) {
    int64_t kib = 0;
    if (word == name && file >> kib) sum += kib;
  }
  return sum;
}

int64_t Mappings() {
  std::ifstream maps("/proc/self/maps");
  return std::count(std::istreambuf_iterator<char>(maps), std::istreambuf_iterator<char>(), '\n');
}

int64_t MaxMappings() {
  std::ifstream file("/proc/sys/vm/max_map_count");
  int64_t n = 0;
  file >> n;
  return n;
}

struct Memory {
  int64_t private_kib =
      Kib("/proc/self/smaps_rollup", "Private_Dirty:") + Kib("/proc/self/smaps_rollup", "Private_Clean:");
  int64_t table_kib = Kib("/proc/self/status", "VmPTE:");
};

// Makes `count` isolates and calls each once; their times in microseconds.
std::vector<double> MakeAndCall(size_t count, const IsolateOptions& options,
                                std::vector<std::unique_ptr<Isolate>>* alive) {
  const Snapshot snapshot = Startup();
  std::vector<double> times;
  alive->reserve(count);
  times.reserve(count);
  while (alive->size() < count) {
    const auto start = std::chrono::steady_clock::now();
    auto isolate = Isolate::FromSnapshot(snapshot, options);
    if (!isolate.ok()) {
      ADD_FAILURE() << alive->size() << ": " << isolate.status();
      break;
    }
    Isolate::Scope scope(**isolate);
    auto answer = (*isolate)->Call("count!");
    times.push_back(std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start).count());
    EXPECT_EQ(answer.ok() ? answer->ToInt64().value_or(0) : 0, 1);
    alive->push_back(*std::move(isolate));
  }
  return times;
}

double Median(std::vector<double>::const_iterator begin, std::vector<double>::const_iterator end) {
  std::vector<double> times(begin, end);
  std::nth_element(times.begin(), times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2), times.end());
  return times[times.size() / 2];
}

void Check(size_t count, const IsolateOptions& options) {
  std::vector<std::unique_ptr<Isolate>> warm_up;
  MakeAndCall(10, options, &warm_up);
  warm_up.clear();
  const Memory before;
  const int64_t mappings = Mappings();
  std::vector<std::unique_ptr<Isolate>> alive;
  const std::vector<double> times = MakeAndCall(count, options, &alive);
  ASSERT_EQ(alive.size(), count);
  const Memory with_all;
  const double each =
      static_cast<double>(with_all.private_kib - before.private_kib + with_all.table_kib - before.table_kib) /
      static_cast<double>(count);
  const double first = Median(times.begin(), times.begin() + 1000), last = Median(times.end() - 1000, times.end());
  std::printf(
      "%zu isolates of %d MiB: %.1f KiB each (%.1f of page tables), the first 1,000 in %.1f us each, the last in "
      "%.1f\n",
      count, static_cast<int>(options.cage_size >> 20), each,
      static_cast<double>(with_all.table_kib - before.table_kib) / static_cast<double>(count), first, last);
  EXPECT_LE(each, 32);
  // Each is an isolate of its own still.
  for (size_t i = 0; i < count; i += count / 10) {
    Isolate::Scope scope(*alive[i]);
    EXPECT_EQ(alive[i]->Call("count!")->ToInt64().value(), 2);
  }
  alive.clear();
  const Memory after;
  EXPECT_LE(Mappings(), mappings + 3);
  // Of page tables nothing is left but for what C++ has allocated.
  EXPECT_LE(after.table_kib - before.table_kib, (with_all.table_kib - before.table_kib) / 100);
  // The allocator gives back C++'s memory for them as it sees fit.
  EXPECT_LE(after.private_kib - before.private_kib, (with_all.private_kib - before.private_kib) / 2);
}

TEST(ManyIsolatesTest, TwentyThousandAtTheDefaultLimit) {
  if (kSanitized) GTEST_SKIP();
  if (MaxMappings() < 65530) GTEST_SKIP() << "vm.max_map_count is " << MaxMappings();
  Check(20000, Options());
}

TEST(ManyIsolatesTest, AHundredThousandSmallCagesWhereTheLimitAllows) {
  if (kSanitized) GTEST_SKIP();
  const size_t count = std::min<size_t>(100'000, static_cast<size_t>(MaxMappings()) / 3 - 300);
  Check(count, Options(uint64_t{64} << 20));
}

// Runs `test` in a process of its own, whose limits it may change; it returns what is wrong.
template <typename Test>
void InAProcessOfItsOwn(Test test) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const std::string wrong = test();
    [[maybe_unused]] const ssize_t n = write(ends[1], wrong.data(), std::min<size_t>(wrong.size(), 4096));
    _exit(0);
  }
  close(ends[1]);
  std::string wrong(4096, '\0');
  const ssize_t n = read(ends[0], wrong.data(), wrong.size());
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  wrong.resize(n > 0 ? static_cast<size_t>(n) : 0);
  EXPECT_EQ(status, 0) << "the process should have ended by itself";
  EXPECT_EQ(wrong, "");
}

// Isolates until there can be no more; then the error must hold `words`, and those alive must work, as must a new one
// in the place of one that is gone.
std::string UntilNoMore(const IsolateOptions& options, std::initializer_list<absl::string_view> words) {
  const Snapshot snapshot = Startup();
  std::vector<std::unique_ptr<Isolate>> alive;
  absl::Status status;
  while (status.ok() && alive.size() < 200'000) {
    auto isolate = Isolate::FromSnapshot(snapshot, options);
    status = isolate.status();
    if (isolate.ok()) alive.push_back(*std::move(isolate));
  }
  if (!absl::IsResourceExhausted(status)) return absl::StrCat("not ResourceExhausted: ", status.ToString());
  for (absl::string_view word : words) {
    if (!absl::StrContains(status.message(), word)) return absl::StrCat("no \"", word, "\" in: ", status.ToString());
  }
  if (alive.empty()) return "not one isolate";
  {
    Isolate::Scope scope(*alive[0]);
    if (auto answer = alive[0]->Call("count!"); !answer.ok()) return answer.status().ToString();
  }
  if (auto fork = alive[0]->Fork(); !absl::IsResourceExhausted(fork.status())) return "a fork should fail likewise";
  alive.pop_back();
  auto again = Isolate::FromSnapshot(snapshot, options);
  return again.ok() ? "" : absl::StrCat("after one is gone: ", again.status().ToString());
}

TEST(ManyIsolatesTest, OneTooManyForTheMappings) {
  if (kSanitized) GTEST_SKIP();
  if (MaxMappings() > 300'000) GTEST_SKIP() << "vm.max_map_count is " << MaxMappings() << ": too many to try";
  InAProcessOfItsOwn(
      [] { return UntilNoMore(Options(uint64_t{64} << 20), {"memory mappings", "sysctl vm.max_map_count="}); });
}

TEST(ManyIsolatesTest, OneTooManyForTheAddressSpaceOfTheProcess) {
  if (kSanitized) GTEST_SKIP();
  InAProcessOfItsOwn([] {
    rlimit limit = {};
    limit.rlim_cur = limit.rlim_max = rlim_t{64} << 30;
    if (setrlimit(RLIMIT_AS, &limit) != 0) return std::string("setrlimit failed");
    return UntilNoMore(Options(), {"4096 MiB of address space", "limited to 65536 MiB (RLIMIT_AS)", "ulimit -v"});
  });
}

}  // namespace
}  // namespace islet
