// Pauses of the collector beside a large live heap: structures of some 64 MiB are built, then worked on while garbage
// is made. The counters are what counts; the time is that of the work. Each step of the work makes less garbage than
// the nursery holds, so that a step sees at most one minor collection, whose pause is the difference of the statistics.
//
// And whole programs that collect much, from their start to their end, with the page faults and the system's time that
// they take: these do not depend on what else the machine does, nor on what a fault costs there.

#include <sys/resource.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "benchmark/benchmark.h"
#include "islet/isolate.h"
#include "isolate/lib/standard.h"

ISLET_EMBEDDED_SNAPSHOT(standard);

namespace {

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

// The shape of GCBench (Ellis, Kovac, Boehm): trees of many depths are built from below and from above and dropped,
// beside a tree and an array that live long.
constexpr char kTrees[] = R"(
    (define-record-type node (make-node left right) node? (left left set-left!) (right right set-right!))
    (define (bottom-up depth)
      (if (= depth 0) (make-node #f #f) (make-node (bottom-up (- depth 1)) (bottom-up (- depth 1)))))
    (define (fill! node depth)
      (if (> depth 0)
          (begin (set-left! node (make-node #f #f))
                 (set-right! node (make-node #f #f))
                 (fill! (left node) (- depth 1))
                 (fill! (right node) (- depth 1)))))
    (define (run depths)
      (bottom-up (+ depths 2))
      (let ((lasting (make-node #f #f)) (array (make-vector 500000 0.5)))
        (fill! lasting depths)
        (do ((depth 4 (+ depth 2))) ((> depth depths))
          (let ((count (quotient (expt 2 (+ depths 3)) (- (expt 2 (+ depth 1)) 1))))
            (do ((i 0 (+ i 1))) ((= i count)) (fill! (make-node #f #f) depth))
            (do ((i 0 (+ i 1))) ((= i count)) (bottom-up depth))))
        (and (left lasting) (vector-ref array 1)))))";

// So many MiB of lists of records with flonums, of which each is replaced once on average, in no order, and whose
// records get new flonums.
constexpr char kMutation[] = R"(
    (define-record-type item (make-item value number) item? (value value set-value!) (number number))
    (define (make-items n)
      (do ((i 0 (+ i 1)) (items '() (cons (make-item (* 1.5 i) i) items))) ((= i n) items)))
    (define (run mebibytes)
      (let* ((count (* 82 mebibytes)) (lists (make-vector count '())) (random 1))
        (define (any) (set! random (modulo (+ (* random 421) 54773) 259200)) (modulo random count))
        (do ((i 0 (+ i 1))) ((= i count)) (vector-set! lists i (make-items 400)))
        (do ((i 0 (+ i 1))) ((= i count))
          (vector-set! lists (any) (make-items 400))
          (do ((k 0 (+ k 1))) ((= k 100))
            (set-value! (list-ref (vector-ref lists (any)) (modulo k 20)) (* 0.5 k))))
        (number (car (vector-ref lists 0))))))";

// A table of a million keys hashed by their address, and one look-up at a time, after each of which a collection has
// moved something.
constexpr char kAddressTable[] = R"(
    (define keys (make-vector 1000000 #f))
    (define table (make-hash-table eq?))
    (do ((i 0 (+ i 1))) ((= i 1000000))
      (vector-set! keys i (list i))
      (hash-table-set! table (vector-ref keys i) i))
    (define kept '())
    (define (work) (set! kept '()) (do ((i 0 (+ i 1))) ((= i 70000)) (set! kept (cons i kept))))
    (define (look) (hash-table-ref/default table (vector-ref keys 5) #f)))";

[[noreturn]] void Die(const absl::Status& status) {
  std::fprintf(stderr, "%s\n", std::string(status.message()).c_str());
  std::exit(1);
}

double At(const std::vector<double>& sorted, double share) {
  if (sorted.empty()) return 0;
  return sorted[static_cast<size_t>(share * static_cast<double>(sorted.size() - 1))];
}

// An isolate in which the program has been evaluated, with as much room as there can be.
std::unique_ptr<islet::Isolate> Evaluated(const char* program) {
  auto snapshot = islet::Snapshot::FromEmbedded(standard);
  if (!snapshot.ok()) Die(snapshot.status());
  islet::IsolateOptions options;
  options.limits.heap_bytes = size_t{1} << 30;
  auto isolate = islet::Isolate::FromSnapshot(*snapshot, options);
  if (!isolate.ok()) Die(isolate.status());
  const islet::Isolate::Scope scope(**isolate);
  if (auto result = (*isolate)->Eval(program); !result.ok()) Die(result.status());
  return *std::move(isolate);
}
std::unique_ptr<islet::Isolate> Built(const Shape& shape) { return Evaluated(shape.program); }

void CallOrDie(islet::Isolate& isolate, const char* name, const std::vector<islet::Value>& arguments = {}) {
  if (auto result = isolate.Call(name, arguments); !result.ok()) Die(result.status());
}

double Seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
}

void BM_FullCollection(benchmark::State& state) {
  const Shape& shape = kShapes[state.range(0)];
  const std::unique_ptr<islet::Isolate> isolate = Built(shape);
  const islet::Isolate::Scope scope(*isolate);
  for (auto _ : state) isolate->CollectGarbage();
  state.SetLabel(shape.name);
  state.counters["live_MiB"] = static_cast<double>(isolate->Stats().heap_bytes) / (1 << 20);
}
BENCHMARK(BM_FullCollection)->DenseRange(0, 2)->Unit(benchmark::kMillisecond);

void BM_MinorPauses(benchmark::State& state) {
  const Shape& shape = kShapes[state.range(0)];
  const std::unique_ptr<islet::Isolate> isolate = Built(shape);
  const islet::Isolate::Scope scope(*isolate);
  const double longest_of_building = isolate->Stats().longest_minor_seconds;
  isolate->CollectGarbage();
  const islet::IsolateStats before = isolate->Stats();
  std::vector<double> pauses;
  islet::IsolateStats last = before;
  int round = 0;
  for (auto _ : state) {
    const islet::Isolate::Scope inner(*isolate);
    if (auto result = isolate->Call("work", {islet::Integer(++round)}); !result.ok()) Die(result.status());
    const islet::IsolateStats now = isolate->Stats();
    if (now.minor_collections != last.minor_collections) {
      pauses.push_back((now.minor_seconds - last.minor_seconds) * 1e6 /
                       static_cast<double>(now.minor_collections - last.minor_collections));
    }
    last = now;
  }
  std::sort(pauses.begin(), pauses.end());
  state.SetLabel(shape.name);
  state.counters["live_MiB"] = static_cast<double>(before.heap_bytes) / (1 << 20);
  state.counters["median_us"] = At(pauses, 0.5);
  state.counters["p99_us"] = At(pauses, 0.99);
  state.counters["max_us"] = At(pauses, 1);
  state.counters["build_max_us"] = longest_of_building * 1e6;
  state.counters["minors"] = static_cast<double>(pauses.size());
  state.counters["fulls"] = static_cast<double>(last.full_collections - before.full_collections);
  state.counters["full_max_us"] = last.longest_full_seconds * 1e6;
}
BENCHMARK(BM_MinorPauses)->DenseRange(0, 2)->Iterations(3000)->Unit(benchmark::kMicrosecond);

// A whole program, of the size range(0), in an isolate of its own.
void RunProgram(benchmark::State& state, const char* program) {
  islet::IsolateStats stats;
  rusage before = {}, after = {};
  for (auto _ : state) {
    const std::unique_ptr<islet::Isolate> isolate = Evaluated(program);
    const islet::Isolate::Scope scope(*isolate);
    getrusage(RUSAGE_THREAD, &before);
    CallOrDie(*isolate, "run", {islet::Integer(state.range(0))});
    getrusage(RUSAGE_THREAD, &after);
    stats = isolate->Stats();
  }
  state.counters["faults"] = static_cast<double>(after.ru_minflt - before.ru_minflt);
  state.counters["user_s"] = Seconds(after.ru_utime) - Seconds(before.ru_utime);
  state.counters["system_s"] = Seconds(after.ru_stime) - Seconds(before.ru_stime);
  state.counters["heap_MiB"] = static_cast<double>(stats.heap_bytes) / (1 << 20);
  state.counters["spare_MiB"] = static_cast<double>(stats.spare_bytes) / (1 << 20);
  state.counters["minors"] = static_cast<double>(stats.minor_collections);
  state.counters["minor_s"] = stats.minor_seconds;
  state.counters["minor_max_us"] = stats.longest_minor_seconds * 1e6;
  state.counters["fulls"] = static_cast<double>(stats.full_collections);
  state.counters["full_s"] = stats.full_seconds;
  state.counters["full_max_us"] = stats.longest_full_seconds * 1e6;
}

void BM_Trees(benchmark::State& state) { RunProgram(state, kTrees); }
BENCHMARK(BM_Trees)->Arg(16)->Iterations(1)->Unit(benchmark::kMillisecond);

void BM_Mutation(benchmark::State& state) { RunProgram(state, kMutation); }
BENCHMARK(BM_Mutation)->Arg(16)->Arg(64)->Arg(256)->Arg(512)->Iterations(1)->Unit(benchmark::kMillisecond);

// The time is that of the look-ups.
void BM_AddressTable(benchmark::State& state) {
  const std::unique_ptr<islet::Isolate> isolate = Evaluated(kAddressTable);
  const islet::Isolate::Scope scope(*isolate);
  for (auto _ : state) {
    state.PauseTiming();
    CallOrDie(*isolate, "work");
    state.ResumeTiming();
    CallOrDie(*isolate, "look");
  }
}
BENCHMARK(BM_AddressTable)->Iterations(50)->Unit(benchmark::kMicrosecond);

}  // namespace

BENCHMARK_MAIN();
