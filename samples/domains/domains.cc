// Registrable domains by the Public Suffix List, every lookup in an isolate of its own.
//
// startup.lisp has parsed the list's rules into a table while this program was built; an isolate starts with that table
// in the time it takes to map it.

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/flags/usage.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "islet/isolate.h"
#include "samples/domains/startup.h"

ABSL_FLAG(int, isolates, 1000, "isolates to create for the measurements, 1 to 1000000");
ABSL_FLAG(int, threads, 1, "threads that create them, 1 to 256");
ABSL_FLAG(bool, json, false, "measure, and print the figures as one JSON object");

ISLET_EMBEDDED_SNAPSHOT(startup);

extern char** environ;

namespace {

constexpr char kUsage[] =
    "Finds registrable domains by the Public Suffix List, each in an isolate of its own.\n"
    "  domains [--isolates=N] [--threads=N] [--json] [HOST...]\n"
    "prints HOST<TAB>DOMAIN, with - where there is none, for the hosts named, or for the lines of standard input "
    "(given\n"
    "as -, or by a pipe or file there). Without hosts it answers a few examples and prints what isolates cost here.";

constexpr const char* kExamples[] = {"www.example.com", "www.example.co.uk", "a.b.city.kobe.jp", "食狮.公司.cn", "com"};

// The environment variable that makes the program stop after its first answer: how it times its own start.
constexpr char kFirstAnswerOnly[] = "ISLET_DOMAINS_FIRST_ANSWER_ONLY";

using Clock = std::chrono::steady_clock;

double MicrosecondsSince(Clock::time_point start) {
  return std::chrono::duration<double, std::micro>(Clock::now() - start).count();
}

absl::StatusOr<std::string> Answer(islet::Isolate& isolate, absl::string_view host) {
  auto value = isolate.Call("registrable-domain", {islet::String(host)});
  if (!value.ok()) return value.status();
  if (value->IsFalse()) return std::string("-");
  return value->ToString();
}

// One lookup in a fresh isolate.
absl::StatusOr<std::string> LookUp(const islet::Snapshot& snapshot, absl::string_view host) {
  auto isolate = islet::Isolate::FromSnapshot(snapshot);
  if (!isolate.ok()) return isolate.status();
  islet::Isolate::Scope scope(**isolate);
  return Answer(**isolate, host);
}

int Fail(const absl::Status& status) {
  std::fprintf(stderr, "domains: %s\n", std::string(status.message()).c_str());
  return 1;
}

// ---- Measurements

struct Memory {
  double private_kib = 0;
  double page_table_kib = 0;
};

// A figure in KiB from a line "NAME:  123 kB" of a file in /proc.
double KibFrom(const char* path, std::initializer_list<const char*> names) {
  double sum = 0;
  std::FILE* file = std::fopen(path, "r");
  if (file == nullptr) return 0;
  char line[256];
  while (std::fgets(line, sizeof(line), file) != nullptr) {
    for (const char* name : names) {
      if (std::strncmp(line, name, std::strlen(name)) == 0) sum += std::atof(line + std::strlen(name));
    }
  }
  std::fclose(file);
  return sum;
}

Memory MeasureMemory() {
  return {KibFrom("/proc/self/smaps_rollup", {"Private_Clean:", "Private_Dirty:"}),
          KibFrom("/proc/self/status", {"VmPTE:"})};
}

struct Figures {
  double cold_us_p50 = 0, cold_us_p99 = 0, call_us_p50 = 0;
  double private_kib_per_isolate = 0, page_table_kib_per_isolate = 0, startup_us = 0;
};

double Percentile(std::vector<double>& samples, double p) {
  if (samples.empty()) return 0;
  std::sort(samples.begin(), samples.end());
  return samples[std::min(samples.size() - 1, static_cast<size_t>(p * static_cast<double>(samples.size())))];
}

// Runs `work(thread, first, last)` on `threads` threads that share the numbers below `count`.
template <typename Work>
void InParallel(int threads, int count, Work work) {
  std::vector<std::thread> running;
  for (int t = 0; t < threads; ++t) {
    const int first = static_cast<int>(static_cast<int64_t>(count) * t / threads);
    const int last = static_cast<int>(static_cast<int64_t>(count) * (t + 1) / threads);
    running.emplace_back([=, &work] { work(t, first, last); });
  }
  for (std::thread& thread : running) thread.join();
}

// Time from the start of a process of this program to its first answer: medians of a few.
double MeasureStartup() {
  std::vector<double> samples;
  std::string setting = absl::StrCat(kFirstAnswerOnly, "=1");
  std::vector<char*> environment;
  for (char** e = environ; *e != nullptr; ++e) environment.push_back(*e);
  environment.push_back(setting.data());
  environment.push_back(nullptr);
  for (int i = 0; i < 21; ++i) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return 0;
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
    char name[] = "domains";
    char* arguments[] = {name, nullptr};
    pid_t child = 0;
    const Clock::time_point start = Clock::now();
    const int error = posix_spawn(&child, "/proc/self/exe", &actions, nullptr, arguments, environment.data());
    close(ends[1]);
    char byte = 0;
    if (error == 0 && read(ends[0], &byte, 1) == 1) samples.push_back(MicrosecondsSince(start));
    close(ends[0]);
    if (error == 0) waitpid(child, nullptr, 0);
    posix_spawn_file_actions_destroy(&actions);
  }
  return Percentile(samples, 0.5);
}

absl::StatusOr<Figures> Measure(const islet::Snapshot& snapshot, int isolates, int threads) {
  Figures figures;
  figures.startup_us = MeasureStartup();
  const std::string expected = "example.co.uk";
  std::vector<absl::Status> failures(static_cast<size_t>(threads));
  auto fail = [&failures](int thread, const absl::Status& status) { failures[static_cast<size_t>(thread)] = status; };
  auto check = [&expected](const absl::StatusOr<std::string>& answer) {
    if (!answer.ok()) return answer.status();
    return *answer == expected ? absl::OkStatus() : absl::InternalError(absl::StrCat("wrong answer: ", *answer));
  };

  // Cold: create, first call, dispose.
  std::vector<double> cold(static_cast<size_t>(isolates));
  InParallel(threads, isolates, [&](int thread, int first, int last) {
    for (int i = first; i < last; ++i) {
      const Clock::time_point start = Clock::now();
      absl::Status status = check(LookUp(snapshot, "www.example.co.uk"));
      cold[static_cast<size_t>(i)] = MicrosecondsSince(start);
      if (!status.ok()) return fail(thread, status);
    }
  });
  for (const absl::Status& status : failures) {
    if (!status.ok()) return status;
  }
  figures.cold_us_p50 = Percentile(cold, 0.5);
  figures.cold_us_p99 = Percentile(cold, 0.99);

  // All alive, after one call each.
  std::vector<std::unique_ptr<islet::Isolate>> alive(static_cast<size_t>(isolates));
  const Memory before = MeasureMemory();
  InParallel(threads, isolates, [&](int thread, int first, int last) {
    for (int i = first; i < last; ++i) {
      auto isolate = islet::Isolate::FromSnapshot(snapshot);
      if (!isolate.ok()) return fail(thread, isolate.status());
      islet::Isolate::Scope scope(**isolate);
      absl::Status status = check(Answer(**isolate, "www.example.co.uk"));
      if (!status.ok()) return fail(thread, status);
      alive[static_cast<size_t>(i)] = *std::move(isolate);
    }
  });
  for (const absl::Status& status : failures) {
    if (!status.ok()) return status;
  }
  const Memory after = MeasureMemory();
  figures.private_kib_per_isolate = (after.private_kib - before.private_kib) / isolates;
  figures.page_table_kib_per_isolate = (after.page_table_kib - before.page_table_kib) / isolates;

  // Warm calls in one of them.
  std::vector<double> calls;
  for (int i = 0; i < 1000; ++i) {
    islet::Isolate::Scope scope(*alive[0]);
    const Clock::time_point start = Clock::now();
    absl::Status status = check(Answer(*alive[0], "www.example.co.uk"));
    calls.push_back(MicrosecondsSince(start));
    if (!status.ok()) return status;
  }
  figures.call_us_p50 = Percentile(calls, 0.5);
  return figures;
}

// ---- Hosts

// True if standard input has lines for us: it is no terminal, and something comes, or it ends, within a second.
bool StandardInputSpeaks() {
  struct stat info;
  if (fstat(0, &info) != 0 || S_ISCHR(info.st_mode)) return false;
  struct pollfd input = {0, POLLIN, 0};
  return poll(&input, 1, 1000) > 0;
}

std::vector<std::string> ReadHosts() {
  std::vector<std::string> hosts;
  std::string line;
  for (int c; (c = std::getchar()) != EOF || !line.empty();) {
    if (c != '\n' && c != EOF) {
      line.push_back(static_cast<char>(c));
      continue;
    }
    while (!line.empty() && std::isspace(static_cast<unsigned char>(line.back())) != 0) line.pop_back();
    if (!line.empty()) hosts.push_back(line);
    line.clear();
  }
  return hosts;
}

}  // namespace

int main(int argc, char** argv) {
  if (std::getenv(kFirstAnswerOnly) != nullptr) {
    auto snapshot = islet::Snapshot::FromEmbedded(startup);
    if (!snapshot.ok()) return Fail(snapshot.status());
    auto answer = LookUp(*snapshot, "www.example.co.uk");
    if (!answer.ok()) return Fail(answer.status());
    return write(1, answer->data(), answer->size()) > 0 ? 0 : 1;
  }

  absl::SetProgramUsageMessage(kUsage);
  std::vector<char*> positional = absl::ParseCommandLine(argc, argv);
  const int isolates = absl::GetFlag(FLAGS_isolates);
  const int threads = absl::GetFlag(FLAGS_threads);
  const bool json = absl::GetFlag(FLAGS_json);
  if (isolates < 1 || isolates > 1000000 || threads < 1 || threads > 256) {
    std::fprintf(stderr, "domains: --isolates takes 1 to 1000000, --threads 1 to 256\n");
    return 2;
  }

  auto snapshot = islet::Snapshot::FromEmbedded(startup);
  if (!snapshot.ok()) return Fail(snapshot.status());

  std::vector<std::string> hosts;
  for (size_t i = 1; i < positional.size(); ++i) {
    if (std::strcmp(positional[i], "-") == 0) {
      std::vector<std::string> lines = ReadHosts();
      hosts.insert(hosts.end(), lines.begin(), lines.end());
    } else {
      hosts.push_back(positional[i]);
    }
  }
  if (positional.size() == 1 && !json && StandardInputSpeaks()) hosts = ReadHosts();
  const bool examples = hosts.empty() && !json;
  if (examples) hosts.assign(std::begin(kExamples), std::end(kExamples));
  for (const std::string& host : hosts) {
    auto answer = LookUp(*snapshot, host);
    if (!answer.ok()) return Fail(answer.status());
    if (!json) std::printf("%s\t%s\n", host.c_str(), answer->c_str());
  }
  if (!json && !examples) return 0;

  std::fflush(stdout);
  absl::StatusOr<Figures> f = Measure(*snapshot, isolates, threads);
  if (!f.ok()) return Fail(f.status());
  if (json) {
    std::printf(
        "{\"isolates\": %d, \"threads\": %d, \"snapshot_bytes\": %zu, \"cold_us_p50\": %.2f, \"cold_us_p99\": %.2f, "
        "\"call_us_p50\": %.3f, \"private_kib_per_isolate\": %.2f, \"page_table_kib_per_isolate\": %.2f, "
        "\"startup_us\": %.1f}\n",
        isolates, threads, snapshot->size_bytes(), f->cold_us_p50, f->cold_us_p99, f->call_us_p50,
        f->private_kib_per_isolate, f->page_table_kib_per_isolate, f->startup_us);
    return 0;
  }
  std::printf(
      "\n%d isolates on %d thread%s, from a snapshot of %.1f MiB\n"
      "  create, first call, dispose   %8.1f us (median)  %8.1f us (99 %%)\n"
      "  call in a warm isolate        %8.2f us\n"
      "  memory of a live isolate      %8.1f KiB private  %8.1f KiB page tables\n"
      "  process start to first answer %8.0f us\n",
      isolates, threads, threads == 1 ? "" : "s", static_cast<double>(snapshot->size_bytes()) / (1 << 20),
      f->cold_us_p50, f->cold_us_p99, f->call_us_p50, f->private_kib_per_isolate, f->page_table_kib_per_isolate,
      f->startup_us);
  return 0;
}
