// Measures how fast programs run: bench/lisp/*.lisp, each checked and timed, on Islet alone.
// `bench/run_peers.sh --language` puts the same programs on other systems beside it.
//
// A program defines (run size), the sizes `full-size` and `quick-size`, and what `run` must give
// for them. Everything else it needs is inside `run`. It is read, compiled and defined in a fresh
// isolate of the standard snapshot; only the call of `run` is timed.

#include <dirent.h>
#include <time.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/flags/usage.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "islet/isolate.h"
#include "isolate/lib/standard.h"

ABSL_FLAG(bool, quick, false, "run each program once at its quick size: a test, not a measurement");
ABSL_FLAG(int, repetitions, 5, "runs of each program, each in an isolate of its own, 1 to 1000");
ABSL_FLAG(std::string, json, "", "also write all figures to this file");
ABSL_FLAG(std::vector<std::string>, limits, {},
          "set limits that no program reaches, of these: fuel, stack, cpu-time, wall-time");
ABSL_FLAG(std::string, programs, "bench/lisp", "the folder of the programs");

ISLET_EMBEDDED_SNAPSHOT(standard);

namespace {

constexpr char kUsage[] =
    "Runs benchmark programs, checks their results and prints how long they took.\n"
    "  lisp_bench [--quick] [--repetitions=N] [--json=FILE] [--programs=FOLDER] [NAME...]\n"
    "Without names, all programs of the folder are run. Exit status: 0 if all gave the right "
    "result, 1 if one did not,\n"
    "2 for wrong usage.";

struct Run {
  double wall_seconds = 0;
  double cpu_seconds = 0;
  islet::IsolateStats stats;
};

struct Measurement {
  std::string name;
  std::string size;
  std::vector<Run> runs;
};

double CpuSeconds() {
  timespec now;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

double MedianWall(const Measurement& measurement) {
  std::vector<double> values;
  for (const Run& run : measurement.runs) values.push_back(run.wall_seconds);
  return Median(std::move(values));
}

double MedianCpu(const Measurement& measurement) {
  std::vector<double> values;
  for (const Run& run : measurement.runs) values.push_back(run.cpu_seconds);
  return Median(std::move(values));
}

// The names of FOLDER/*.lisp, sorted.
absl::StatusOr<std::vector<std::string>> ProgramsIn(const std::string& folder) {
  std::unique_ptr<DIR, int (*)(DIR*)> opened(opendir(folder.c_str()), closedir);
  if (opened == nullptr) {
    return absl::NotFoundError(absl::StrCat("cannot list the programs in ", folder, ": ", std::strerror(errno),
                                            "; run this from the repository's root, or give --programs=FOLDER"));
  }
  std::vector<std::string> names;
  while (const dirent* entry = readdir(opened.get())) {
    absl::string_view name = entry->d_name;
    if (absl::ConsumeSuffix(&name, ".lisp") && !name.empty()) names.emplace_back(name);
  }
  if (names.empty()) return absl::NotFoundError(absl::StrCat("no programs (*.lisp) in ", folder));
  std::sort(names.begin(), names.end());
  return names;
}

absl::StatusOr<std::string> ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  if (!file || !(text << file.rdbuf())) {
    return absl::NotFoundError(absl::StrCat("cannot read ", path, ": ", std::strerror(errno)));
  }
  return text.str();
}

// Sets the limits that --limits names. Errors: InvalidArgument.
absl::Status SetLimits(islet::Limits* limits) {
  for (const std::string& name : absl::GetFlag(FLAGS_limits)) {
    if (name == "fuel") {
      limits->fuel = uint64_t{1} << 60;
    } else if (name == "stack") {
      limits->stack_bytes = size_t{1} << 30;
    } else if (name == "cpu-time") {
      limits->cpu_time = std::chrono::hours(1);
    } else if (name == "wall-time") {
      limits->wall_time = std::chrono::hours(1);
    } else {
      return absl::InvalidArgumentError(
          absl::StrCat("--limits: '", name, "' is none of fuel, stack, cpu-time, wall-time"));
    }
  }
  return absl::OkStatus();
}

// Runs the program once in a fresh isolate. Errors: those of the isolate; Internal if the result is
// wrong.
absl::StatusOr<Run> RunOnce(const islet::Snapshot& snapshot, const std::string& path, const std::string& text,
                            const std::string& which, std::string* size) {
  islet::IsolateOptions options;
  if (absl::Status status = SetLimits(&options.limits); !status.ok()) return status;
  auto isolate = islet::Isolate::FromSnapshot(snapshot, options);
  if (!isolate.ok()) return isolate.status();
  islet::Isolate::Scope scope(**isolate);
  if (auto defined = (*isolate)->Eval(text, path); !defined.ok()) return defined.status();
  auto size_value = (*isolate)->Lookup(absl::StrCat(which, "-size"));
  if (!size_value.ok()) return size_value.status();
  auto expected = (*isolate)->Lookup(absl::StrCat(which, "-result"));
  if (!expected.ok()) return expected.status();
  *size = size_value->Print();

  const double cpu_before = CpuSeconds();
  const auto wall_before = std::chrono::steady_clock::now();
  auto result = (*isolate)->Call("run", {*size_value});
  const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - wall_before;
  const double cpu = CpuSeconds() - cpu_before;

  if (!result.ok()) return result.status();
  const Run run = {wall.count(), cpu, (*isolate)->Stats()};
  auto same = (*isolate)->Call("equal?", {*result, *expected});
  if (!same.ok()) return same.status();
  if (same->IsFalse()) {
    return absl::InternalError(
        absl::StrCat(path, ": wrong result ", result->Print(1000), "; expected ", expected->Print(1000)));
  }
  return run;
}

absl::StatusOr<Measurement> Measure(const islet::Snapshot& snapshot, const std::string& folder, const std::string& name,
                                    const std::string& which, int repetitions) {
  const std::string path = absl::StrCat(folder, "/", name, ".lisp");
  auto text = ReadFile(path);
  if (!text.ok()) return text.status();
  Measurement measurement;
  measurement.name = name;
  for (int i = 0; i < repetitions; ++i) {
    auto run = RunOnce(snapshot, path, *text, which, &measurement.size);
    if (!run.ok()) return run.status();
    measurement.runs.push_back(*run);
  }
  return measurement;
}

std::string ToJson(const std::vector<Measurement>& measurements) {
  std::vector<std::string> programs;
  for (const Measurement& measurement : measurements) {
    std::vector<std::string> runs;
    for (const Run& run : measurement.runs) {
      runs.push_back(absl::StrFormat(
          R"({"wall_s": %.9f, "cpu_s": %.9f, "heap_bytes": %d, "minor_collections": %d, "full_collections": %d})",
          run.wall_seconds, run.cpu_seconds, run.stats.heap_bytes, run.stats.minor_collections,
          run.stats.full_collections));
    }
    programs.push_back(absl::StrFormat("  {\"program\": \"%s\", \"size\": %s, \"runs\": [\n    %s]}", measurement.name,
                                       measurement.size, absl::StrJoin(runs, ",\n    ")));
  }
  return absl::StrCat("[\n", absl::StrJoin(programs, ",\n"), "\n]\n");
}

int Fail(int status, absl::string_view message) {
  std::fprintf(stderr, "lisp_bench: %s\n", std::string(message).c_str());
  return status;
}

int Main(int argc, char** argv) {
  absl::SetProgramUsageMessage(kUsage);
  const std::vector<char*> arguments = absl::ParseCommandLine(argc, argv);
  const std::string folder = absl::GetFlag(FLAGS_programs);
  const bool quick = absl::GetFlag(FLAGS_quick);
  const int repetitions = quick ? 1 : absl::GetFlag(FLAGS_repetitions);
  if (repetitions < 1 || repetitions > 1000) return Fail(2, "--repetitions must be 1 to 1000");

  auto known = ProgramsIn(folder);
  if (!known.ok()) return Fail(2, known.status().message());
  std::vector<std::string> names(arguments.begin() + 1, arguments.end());
  for (const std::string& name : names) {
    if (std::find(known->begin(), known->end(), name) == known->end()) {
      return Fail(2,
                  absl::StrCat("no program named ", name, " in ", folder, "; there are: ", absl::StrJoin(*known, " ")));
    }
  }
  if (names.empty()) names = *std::move(known);

  auto snapshot = islet::Snapshot::FromEmbedded(standard);
  if (!snapshot.ok()) return Fail(1, snapshot.status().message());
  std::printf("%-12s %10s %9s %9s %9s %10s %7s %6s\n", "program", "size", "median s", "least s", "cpu s", "heap KiB",
              "minor", "full");
  std::vector<Measurement> measurements;
  int status = 0;
  for (const std::string& name : names) {
    auto measured = Measure(*snapshot, folder, name, quick ? "quick" : "full", repetitions);
    if (!measured.ok()) {
      status = Fail(1, measured.status().message());
      continue;
    }
    double least = measured->runs[0].wall_seconds;
    for (const Run& run : measured->runs) least = std::min(least, run.wall_seconds);
    const islet::IsolateStats& stats = measured->runs.back().stats;
    std::printf("%-12s %10s %9.3f %9.3f %9.3f %10zu %7ju %6ju\n", name.c_str(), measured->size.c_str(),
                MedianWall(*measured), least, MedianCpu(*measured), stats.heap_bytes / 1024,
                static_cast<uintmax_t>(stats.minor_collections), static_cast<uintmax_t>(stats.full_collections));
    std::fflush(stdout);
    measurements.push_back(*std::move(measured));
  }
  std::printf(
      "\nOnly the call of `run` is timed, each in a fresh isolate. Heap and collections are at the "
      "end of a run.\n");

  if (const std::string json = absl::GetFlag(FLAGS_json); !json.empty()) {
    std::ofstream file(json, std::ios::binary | std::ios::trunc);
    if (!(file << ToJson(measurements)) || !file.flush()) {
      return Fail(1, absl::StrCat("cannot write ", json, ": ", std::strerror(errno)));
    }
  }
  return status;
}

}  // namespace

int main(int argc, char** argv) { return Main(argc, argv); }
