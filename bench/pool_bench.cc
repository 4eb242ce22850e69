// Measures what a recycled isolate costs: to get one from a pool, call the handler and give it back, on one thread and
// on two; and whether memory grows over many cycles. Handler and arguments are those of isolate_bench.

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>

#include "bench/records_10.h"
#include "bench/records_1000.h"
#include "bench/records_1000000.h"
#include "bench/records_20000.h"
#include "benchmark/benchmark.h"
#include "islet/isolate_pool.h"

ISLET_EMBEDDED_SNAPSHOT(records_10);
ISLET_EMBEDDED_SNAPSHOT(records_1000);
ISLET_EMBEDDED_SNAPSHOT(records_20000);
ISLET_EMBEDDED_SNAPSHOT(records_1000000);

namespace {

using islet::Isolate;
using islet::IsolatePool;
using islet::Snapshot;

[[noreturn]] void Fail(const absl::Status& status) {
  std::fprintf(stderr, "%s\n", std::string(status.message()).c_str());
  std::exit(1);
}

struct Pool {
  std::unique_ptr<IsolatePool> pool;
  islet::Value handler;
};

Pool MakePool(islet::EmbeddedSnapshot embedded) {
  auto snapshot = Snapshot::FromEmbedded(embedded);
  if (!snapshot.ok()) Fail(snapshot.status());
  auto pool = IsolatePool::Create(*snapshot);
  if (!pool.ok()) Fail(pool.status());
  auto handler = (*pool)->Procedure("handler");
  if (!handler.ok()) Fail(handler.status());
  return {*std::move(pool), *handler};
}

const Pool& PoolFor(int64_t records) {
  static const std::array<Pool, 4> pools = {MakePool(records_10), MakePool(records_1000), MakePool(records_20000),
                                            MakePool(records_1000000)};
  return pools[records == 10 ? 0 : records == 1000 ? 1 : records == 20000 ? 2 : 3];
}

int64_t Expected(int64_t k, int64_t records) {
  int64_t sum = 0;
  for (int64_t j = 0; j < 10; ++j) sum += (k + j) % records;
  return sum;
}

// One tenant: false on a wrong answer.
template <typename Handler>
bool Cycle(const Pool& pool, const Handler& handler, int64_t k, int64_t records) {
  auto isolate = pool.pool->Get();
  if (!isolate.ok()) return false;
  Isolate::Scope scope(**isolate);
  const std::array<islet::Value, 2> arguments = {islet::Integer(k), islet::Integer(1)};
  auto answer = (*isolate)->Call(handler, arguments);
  return answer.ok() && answer->ToInt64().value_or(-1) == Expected(k, records);
}

template <typename Handler>
void Recycled(benchmark::State& state, const Pool& pool, const Handler& handler) {
  const int64_t records = state.range(0);
  int64_t k = state.thread_index() * 7;
  for (auto _ : state) {
    if (!Cycle(pool, handler, k % records, records)) return state.SkipWithError("wrong answer");
    k += 104729;
  }
  state.SetItemsProcessed(state.iterations());
}
void BM_RecycledCall(benchmark::State& state) {
  const Pool& pool = PoolFor(state.range(0));
  Recycled(state, pool, pool.handler);
}
void BM_RecycledCallByName(benchmark::State& state) {
  Recycled(state, PoolFor(state.range(0)), absl::string_view("handler"));
}

// Without a call: what getting and giving back costs by itself.
void BM_GetAndGiveBack(benchmark::State& state) {
  const Pool& pool = PoolFor(state.range(0));
  for (auto _ : state) {
    auto isolate = pool.pool->Get();
    if (!isolate.ok()) return state.SkipWithError("no isolate");
  }
}

double ResidentKib() {
  std::FILE* file = std::fopen("/proc/self/status", "r");
  if (file == nullptr) return 0;
  char line[256];
  double kib = 0;
  while (std::fgets(line, sizeof(line), file) != nullptr) {
    if (std::strncmp(line, "VmRSS:", 6) == 0) kib = std::atof(line + 6);
  }
  std::fclose(file);
  return kib;
}

// Ten million tenants, one after the other, in one iteration.
void BM_MemoryGrowth(benchmark::State& state) {
  constexpr int64_t kCycles = 10'000'000;
  const int64_t records = state.range(0);
  const Pool& pool = PoolFor(records);
  for (auto _ : state) {
    // Calls all over the table first, so that what they read is mapped.
    for (int64_t k = 0; k < 2 * records; ++k) {
      if (!Cycle(pool, pool.handler, k % records, records)) return state.SkipWithError("wrong answer");
    }
    const double before = ResidentKib();
    for (int64_t i = 0; i < kCycles; ++i) {
      if (!Cycle(pool, pool.handler, i * 104729 % records, records)) return state.SkipWithError("wrong answer");
    }
    state.counters["cycles"] = static_cast<double>(kCycles);
    state.counters["growth_kib"] = ResidentKib() - before;
    state.counters["isolates_made"] = static_cast<double>(pool.pool->Stats().created);
  }
}

void Sizes(benchmark::internal::Benchmark* bench) {
  bench->ArgName("records")->Arg(10)->Arg(1000)->Arg(20000)->Arg(1000000)->Unit(benchmark::kMicrosecond);
}
BENCHMARK(BM_RecycledCall)->Apply(Sizes);
BENCHMARK(BM_RecycledCall)->Apply(Sizes)->Threads(2)->UseRealTime();
BENCHMARK(BM_RecycledCallByName)->Apply(Sizes);
BENCHMARK(BM_GetAndGiveBack)->Apply(Sizes);
BENCHMARK(BM_MemoryGrowth)->ArgName("records")->Arg(1000)->Iterations(1)->Unit(benchmark::kSecond);

}  // namespace

BENCHMARK_MAIN();
