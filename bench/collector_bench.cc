// Measures what the collector takes: whole programs that collect much, and pauses beside a large live heap.
//
// program/NAME/SIZE runs bench/collector/NAME.lisp or bench/lisp/NAME.lisp, which the build has made a snapshot of, and
// checks the result. The time is that of the call of `run`. `bench/run_peers.sh --collector` puts the same programs on
// other systems beside it.
//
// Page faults and the system's time (`faults`, `system_s`) do not depend on what else the machine does, nor on what a
// fault costs there. Pauses are given as percentiles, and in the label as a histogram.

#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "bench/addresses.h"
#include "bench/gcbench.h"
#include "bench/mutation.h"
#include "bench/trees.h"
#include "benchmark/benchmark.h"
#include "islet/isolate.h"
#include "isolate/heap/heap.h"
#include "isolate/lib/standard.h"
#include "sdk/isolate_impl.h"

ISLET_EMBEDDED_SNAPSHOT(standard);
ISLET_EMBEDDED_SNAPSHOT(trees);
ISLET_EMBEDDED_SNAPSHOT(gcbench);
ISLET_EMBEDDED_SNAPSHOT(mutation);
ISLET_EMBEDDED_SNAPSHOT(addresses);

namespace {

constexpr double kMiB = 1 << 20;

[[noreturn]] void Die(absl::string_view message) {
  std::fprintf(stderr, "collector_bench: %s\n", std::string(message).c_str());
  std::exit(1);
}

template <typename T>
T ValueOrDie(absl::StatusOr<T> result) {
  if (!result.ok()) Die(result.status().message());
  return *std::move(result);
}

// ---- What is measured.

// Each pause of an isolate's collector, in microseconds. The heap has their sums only, but asks its root sources in
// each collection: what the sums have grown by then is the pause of the collection before.
class Pauses final : public islet::vm::RootSource {
 public:
  explicit Pauses(islet::Isolate& isolate) : heap_(isolate.impl()->vm->heap()), last_(heap_.Stats()) {
    heap_.AddRoots(this);
  }
  ~Pauses() override { heap_.RemoveRoots(this); }

  void VisitRoots(Visit, void*) override { Note(); }

  // All until now, the shortest first.
  const std::vector<double>& Minor() { return Sorted(minor_); }
  const std::vector<double>& Full() { return Sorted(full_); }

 private:
  void Note() {
    const islet::vm::HeapStats now = heap_.Stats();
    if (now.minor_collections != last_.minor_collections) {
      minor_.push_back(static_cast<double>(now.minor_nanoseconds - last_.minor_nanoseconds) * 1e-3);
    }
    if (now.full_collections != last_.full_collections) {
      full_.push_back(static_cast<double>(now.full_nanoseconds - last_.full_nanoseconds) * 1e-3);
    }
    last_ = now;
  }
  const std::vector<double>& Sorted(std::vector<double>& pauses) {
    Note();
    std::sort(pauses.begin(), pauses.end());
    return pauses;
  }

  islet::vm::Heap& heap_;
  islet::vm::HeapStats last_;
  std::vector<double> minor_, full_;
};

// The least value that so large a share of them does not exceed; 0 if there are none.
double At(const std::vector<double>& sorted, double share) {
  if (sorted.empty()) return 0;
  const double rank = std::ceil(share * static_cast<double>(sorted.size()));
  return sorted[std::max<size_t>(static_cast<size_t>(rank), 1) - 1];
}

// How many pauses are shorter than each power of two, and not than the one before: "<128us: 12, <256us: 3".
std::string Histogram(const std::vector<double>& sorted) {
  std::string text;
  auto from = sorted.begin();
  for (double limit = 1; from != sorted.end(); limit *= 2) {
    const auto to = std::lower_bound(from, sorted.end(), limit);
    if (to != from) absl::StrAppend(&text, text.empty() ? "" : ", ", "<", limit, "us: ", to - from);
    from = to;
  }
  return text.empty() ? "none" : text;
}

// Counters NAME_count, NAME_s (all together), and NAME_p50_us to NAME_max_us.
void Report(benchmark::State& state, const std::string& name, const std::vector<double>& sorted) {
  double sum = 0;
  for (double pause : sorted) sum += pause;
  state.counters[name + "_count"] = static_cast<double>(sorted.size());
  state.counters[name + "_s"] = sum * 1e-6;
  state.counters[name + "_p50_us"] = At(sorted, 0.5);
  state.counters[name + "_p90_us"] = At(sorted, 0.9);
  state.counters[name + "_p99_us"] = At(sorted, 0.99);
  state.counters[name + "_max_us"] = At(sorted, 1);
}

void Report(benchmark::State& state, Pauses& pauses, const std::string& label) {
  Report(state, "minor", pauses.Minor());
  Report(state, "full", pauses.Full());
  state.SetLabel(absl::StrCat(label, label.empty() ? "" : "; ", "minor: ", Histogram(pauses.Minor()),
                              "; full: ", Histogram(pauses.Full())));
}

// A line of /proc/self/status, in MiB: "VmRSS:", what is resident, or "VmHWM:", the most since ForgetPeak.
double ResidentMiB(absl::string_view field) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    absl::string_view rest = line;
    int64_t kibibytes = 0;
    if (absl::ConsumePrefix(&rest, field) && absl::ConsumeSuffix(&rest, " kB") && absl::SimpleAtoi(rest, &kibibytes)) {
      return static_cast<double>(kibibytes) / 1024;
    }
  }
  Die(absl::StrCat("/proc/self/status has no ", field));
}

void ForgetPeak() {
  std::ofstream file("/proc/self/clear_refs");
  if (!(file << "5") || !file.flush()) Die("cannot write to /proc/self/clear_refs, to have the peak of each program");
}

double Seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
}

// ---- Whole programs.

struct Program {
  const char* name;
  islet::EmbeddedSnapshot embedded;
  std::vector<const char*> sizes;  // it defines SIZE-size, and SIZE-result: what `run` gives for it
};

// An isolate with as much room as there can be.
std::unique_ptr<islet::Isolate> Opened(islet::EmbeddedSnapshot embedded) {
  islet::IsolateOptions options;
  options.limits.heap_bytes = size_t{1} << 30;
  return ValueOrDie(islet::Isolate::FromSnapshot(ValueOrDie(islet::Snapshot::FromEmbedded(embedded)), options));
}

// Calls `run`, which alone is timed, and checks what it gives.
void RunOnce(benchmark::State& state, const Program& program, const std::string& size_name) {
  const std::unique_ptr<islet::Isolate> isolate = Opened(program.embedded);
  const islet::Isolate::Scope scope(*isolate);
  const islet::Value size = ValueOrDie(isolate->Lookup(size_name + "-size"));
  const islet::Value expected = ValueOrDie(isolate->Lookup(size_name + "-result"));
  Pauses pauses(*isolate);
  ForgetPeak();
  rusage before = {}, after = {};
  getrusage(RUSAGE_THREAD, &before);
  state.ResumeTiming();
  const islet::Value result = ValueOrDie(isolate->Call("run", {size}));
  state.PauseTiming();
  getrusage(RUSAGE_THREAD, &after);
  if (ValueOrDie(isolate->Call("equal?", {result, expected})).IsFalse()) {
    Die(absl::StrCat(program.name, ", ", size_name, ": wrong result ", result.Print(1000), "; expected ",
                     expected.Print(1000)));
  }
  state.counters["faults"] = static_cast<double>(after.ru_minflt - before.ru_minflt);
  state.counters["user_s"] = Seconds(after.ru_utime) - Seconds(before.ru_utime);
  state.counters["system_s"] = Seconds(after.ru_stime) - Seconds(before.ru_stime);
  state.counters["heap_MiB"] = static_cast<double>(isolate->Stats().heap_bytes) / kMiB;
  state.counters["peak_MiB"] = ResidentMiB("VmHWM:");
  state.counters["end_MiB"] = ResidentMiB("VmRSS:");
  Report(state, pauses, "");
  isolate->CollectGarbage();
  state.counters["collected_MiB"] = ResidentMiB("VmRSS:");
}

void RunProgram(benchmark::State& state, const Program& program, const std::string& size_name) {
  for (auto _ : state) {
    state.PauseTiming();
    RunOnce(state, program, size_name);
    state.ResumeTiming();
  }
}

void RegisterPrograms() {
  static const std::vector<Program> programs = {
      {"trees", trees, {"quick", "full"}},
      {"gcbench", gcbench, {"quick", "full"}},
      {"mutation", mutation, {"quick", "small", "medium", "large", "huge"}},
      {"addresses", addresses, {"quick", "full"}},
  };
  for (const Program& program : programs) {
    for (const char* size : program.sizes) {
      benchmark::RegisterBenchmark(absl::StrCat("program/", program.name, "/", size).c_str(),
                                   [&program, size](benchmark::State& state) { RunProgram(state, program, size); })
          ->Iterations(1)
          ->Unit(benchmark::kMillisecond);
    }
  }
}

// ---- Pauses beside a large live heap: some 64 MiB are built, then worked on while garbage is made.

// A shape says what is kept alive, and what one step does to it: some 0.5 MiB of garbage, and 1,200 stores of new
// objects into old ones.
struct Shape {
  const char* name;
  const char* program;
};

constexpr Shape kShapes[] = {
    {"lists", R"(
      (define live
        (let ((v (make-vector 8192)))
          (do ((i 0 (+ i 1))) ((= i 8192) v) (vector-set! v i (iota 1024)))))
      (define (work round)
        (do ((i 0 (+ i 1))) ((= i 1200))
          (set-car! (list-tail (vector-ref live (modulo (* i 37) 8192)) (modulo i 50)) (list i round))
          (make-list 40 i))))"},
    {"records", R"(
      (define-record-type node (make-node left right weight) node? (left left set-left!)
                                                             (right right) (weight weight set-weight!))
      (define (tree depth) (if (= depth 0) #f (make-node (tree (- depth 1)) (tree (- depth 1)) (* 1.5 depth))))
      (define live (tree 21))
      (define (descend node bits) (if (or (not (right node)) (= bits 1)) node
                                      (descend (if (odd? bits) (left node) (right node)) (quotient bits 2))))
      (define (work round)
        (do ((i 0 (+ i 1))) ((= i 1200))
          (set-weight! (descend live (+ 65536 (* i 5))) (+ 0.5 i round))
          (make-list 40 i))))"},
    {"table", R"(
      (define live (make-hash-table equal?))
      (do ((i 0 (+ i 1))) ((= i 600000)) (hash-table-set! live i (list i (number->string i))))
      (define (work round)
        (do ((i 0 (+ i 1))) ((= i 1200))
          (hash-table-set! live (modulo (* i 7919) 600000) (list i (number->string round)))
          (make-list 40 i))))"},
};

// A table of a million keys hashed by their address, and one look-up at a time, before each of which a collection has
// moved something: objects that are no keys, or one key that is new.
constexpr char kAddressTable[] = R"(
    (define keys (make-vector 1000000 #f))
    (define table (make-hash-table eq?))
    (do ((i 0 (+ i 1))) ((= i 1000000))
      (vector-set! keys i (list i))
      (hash-table-set! table (vector-ref keys i) i))
    (define kept '())
    (define (work) (set! kept '()) (do ((i 0 (+ i 1))) ((= i 70000)) (set! kept (cons i kept))))
    (define (add) (hash-table-set! table (list 'new) 'new))
    (define (look) (hash-table-ref/default table (vector-ref keys 5) #f)))";

// An isolate in which the program has been evaluated.
std::unique_ptr<islet::Isolate> Evaluated(const char* program) {
  std::unique_ptr<islet::Isolate> isolate = Opened(standard);
  const islet::Isolate::Scope scope(*isolate);
  (void)ValueOrDie(isolate->Eval(program));
  return isolate;
}

void BM_FullCollection(benchmark::State& state) {
  const Shape& shape = kShapes[state.range(0)];
  const std::unique_ptr<islet::Isolate> isolate = Evaluated(shape.program);
  const islet::Isolate::Scope scope(*isolate);
  for (auto _ : state) isolate->CollectGarbage();
  state.SetLabel(shape.name);
  state.counters["live_MiB"] = static_cast<double>(isolate->Stats().heap_bytes) / kMiB;
}
BENCHMARK(BM_FullCollection)->DenseRange(0, 2)->Unit(benchmark::kMillisecond);

// The time is that of the work, the pauses are what counts.
void BM_Pauses(benchmark::State& state) {
  const Shape& shape = kShapes[state.range(0)];
  const std::unique_ptr<islet::Isolate> isolate = Evaluated(shape.program);
  const islet::Isolate::Scope scope(*isolate);
  isolate->CollectGarbage();
  state.counters["live_MiB"] = static_cast<double>(isolate->Stats().heap_bytes) / kMiB;
  Pauses pauses(*isolate);
  int round = 0;
  for (auto _ : state) {
    const islet::Isolate::Scope inner(*isolate);
    (void)ValueOrDie(isolate->Call("work", {islet::Integer(++round)}));
  }
  Report(state, pauses, shape.name);
}
BENCHMARK(BM_Pauses)->DenseRange(0, 2)->Iterations(3000)->Unit(benchmark::kMicrosecond);

// The time is that of the look-ups.
void BM_AddressTable(benchmark::State& state) {
  const bool grows = state.range(0) != 0;
  const std::unique_ptr<islet::Isolate> isolate = Evaluated(kAddressTable);
  const islet::Isolate::Scope scope(*isolate);
  std::vector<double> times_us;
  for (auto _ : state) {
    state.PauseTiming();
    const islet::Isolate::Scope inner(*isolate);
    if (grows) (void)ValueOrDie(isolate->Call("add"));
    (void)ValueOrDie(isolate->Call("work"));
    state.ResumeTiming();
    const auto start = std::chrono::steady_clock::now();
    const islet::Value found = ValueOrDie(isolate->Call("look"));
    const std::chrono::duration<double, std::micro> time = std::chrono::steady_clock::now() - start;
    if (found.Print() != "5") Die(absl::StrCat("the table gives ", found.Print(), "; expected 5"));
    times_us.push_back(time.count());
  }
  std::sort(times_us.begin(), times_us.end());
  Report(state, "look_up", times_us);
  state.SetLabel(absl::StrCat(grows ? "growing" : "full", "; ", Histogram(times_us)));
}
BENCHMARK(BM_AddressTable)->DenseRange(0, 1)->Iterations(100)->Unit(benchmark::kMicrosecond);

void PrintHelp() {
  std::printf(
      "Measures what the collector takes: program/NAME/SIZE are whole programs, BM_... pauses beside a large live "
      "heap.\n"
      "Page faults, the system's time, resident memory and each pause are counters; see bench/collector_bench.cc.\n"
      "For example: collector_bench --benchmark_filter=program/mutation/ --benchmark_repetitions=3\n"
      "Exit status: 0 if all ran and gave the right result, 1 otherwise. Options:\n\n");
  benchmark::PrintDefaultHelp();
}

}  // namespace

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv, PrintHelp);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  RegisterPrograms();
  if (benchmark::RunSpecifiedBenchmarks() == 0) Die("there is no such benchmark; --benchmark_list_tests lists them");
  benchmark::Shutdown();
}
