// Pauses of the collector beside a large live heap: structures of some 64 MiB are built, then worked on while garbage
// is made. The counters are what counts; the time is that of the work. Each step of the work makes less garbage than
// the nursery holds, so that a step sees at most one minor collection, whose pause is the difference of the statistics.

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

[[noreturn]] void Die(const absl::Status& status) {
  std::fprintf(stderr, "%s\n", std::string(status.message()).c_str());
  std::exit(1);
}

double At(const std::vector<double>& sorted, double share) {
  if (sorted.empty()) return 0;
  return sorted[static_cast<size_t>(share * static_cast<double>(sorted.size() - 1))];
}

// An isolate in which the shape has been built.
std::unique_ptr<islet::Isolate> Built(const Shape& shape) {
  auto snapshot = islet::Snapshot::FromEmbedded(standard);
  if (!snapshot.ok()) Die(snapshot.status());
  auto isolate = islet::Isolate::FromSnapshot(*snapshot);
  if (!isolate.ok()) Die(isolate.status());
  const islet::Isolate::Scope scope(**isolate);
  if (auto result = (*isolate)->Eval(shape.program); !result.ok()) Die(result.status());
  return *std::move(isolate);
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

}  // namespace

BENCHMARK_MAIN();
