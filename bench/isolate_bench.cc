// Measures what an isolate costs: cold (new mappings: create, first call, dispose), made after another on the same
// thread, created only, a call in a warm one; and the floor, the same system calls and page touches without any Lisp.
// Snapshots have 10 to 1,000,000 records.

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <string>
#include <vector>

#include "bench/records_10.h"
#include "bench/records_1000.h"
#include "bench/records_1000000.h"
#include "bench/records_20000.h"
#include "benchmark/benchmark.h"
#include "islet/isolate.h"
#include "sdk/isolate_impl.h"

ISLET_EMBEDDED_SNAPSHOT(records_10);
ISLET_EMBEDDED_SNAPSHOT(records_1000);
ISLET_EMBEDDED_SNAPSHOT(records_20000);
ISLET_EMBEDDED_SNAPSHOT(records_1000000);

namespace {

using islet::Isolate;
using islet::Snapshot;

islet::EmbeddedSnapshot EmbeddedFor(int64_t records) {
  switch (records) {
    case 10:
      return records_10;
    case 1000:
      return records_1000;
    case 20000:
      return records_20000;
    default:
      return records_1000000;
  }
}

// Isolates map the executable's own pages, or a resident copy of them.
enum class Source { kExecutable, kResident };
// The ten records that a call asks for: neighbours, or spread over the whole table.
enum class Access : int64_t { kNeighbours = 1, kSpread = 7919 };

const Snapshot& SnapshotFor(int64_t records, Source source) {
  static std::mutex mutex;
  const std::lock_guard<std::mutex> lock(mutex);
  static std::array<Snapshot*, 8> cache = {};
  const size_t slot = (records == 10      ? 0
                       : records == 1000  ? 1
                       : records == 20000 ? 2
                                          : 3) +
                      (source == Source::kResident ? 4 : 0);
  if (cache[slot] == nullptr) {
    auto snapshot = Snapshot::FromEmbedded(EmbeddedFor(records));
    if (snapshot.ok() && source == Source::kResident) snapshot = snapshot->Resident();
    if (!snapshot.ok()) {
      std::fprintf(stderr, "%s\n", std::string(snapshot.status().message()).c_str());
      std::exit(1);
    }
    cache[slot] = new Snapshot(*std::move(snapshot));
  }
  return *cache[slot];
}

int64_t Expected(int64_t k, Access access, int64_t records) {
  int64_t sum = 0;
  for (int64_t j = 0; j < 10; ++j) sum += (k + j * static_cast<int64_t>(access)) % records;
  return sum;
}

// Calls the handler; false on a wrong answer.
bool CallHandler(Isolate& isolate, int64_t k, Access access, int64_t records) {
  auto answer = isolate.Call("handler", {islet::Integer(k), islet::Integer(static_cast<int64_t>(access))});
  return answer.ok() && answer->ToInt64().value_or(-1) == Expected(k, access, records);
}

// An isolate may take the cage that the one before it on this thread has left, or not.
enum class Reservation { kNew, kKept };

void Cold(benchmark::State& state, Source source, Access access, Reservation reservation = Reservation::kNew) {
  const Snapshot& snapshot = SnapshotFor(state.range(0), source);
  int64_t k = 0;
  for (auto _ : state) {
    if (reservation == Reservation::kNew) islet::vm::Cage::DropKept();
    auto isolate = Isolate::FromSnapshot(snapshot);
    if (!isolate.ok()) return state.SkipWithError(std::string(isolate.status().message()).c_str());
    Isolate::Scope scope(**isolate);
    if (!CallHandler(**isolate, k % state.range(0), access, state.range(0))) {
      return state.SkipWithError("wrong answer");
    }
    k += 104729;
  }
}
void BM_ColdIsolate(benchmark::State& state) { Cold(state, Source::kExecutable, Access::kNeighbours); }
// One isolate after the other: create, call, dispose. The next one takes over the reservation; on one thread and on
// two.
void BM_NextIsolate(benchmark::State& state) {
  Cold(state, Source::kExecutable, Access::kNeighbours, Reservation::kKept);
  state.SetItemsProcessed(state.iterations());
}
void BM_ColdSpread(benchmark::State& state) { Cold(state, Source::kExecutable, Access::kSpread); }
void BM_ResidentIsolate(benchmark::State& state) { Cold(state, Source::kResident, Access::kNeighbours); }
void BM_ResidentSpread(benchmark::State& state) { Cold(state, Source::kResident, Access::kSpread); }

void BM_CreateOnly(benchmark::State& state) {
  const Snapshot& snapshot = SnapshotFor(state.range(0), Source::kExecutable);
  for (auto _ : state) {
    islet::vm::Cage::DropKept();
    auto isolate = Isolate::FromSnapshot(snapshot);
    if (!isolate.ok()) return state.SkipWithError(std::string(isolate.status().message()).c_str());
  }
}

double KibFrom(const char* path, const char* name) {
  std::FILE* file = std::fopen(path, "r");
  if (file == nullptr) return 0;
  char line[256];
  double sum = 0;
  while (std::fgets(line, sizeof(line), file) != nullptr) {
    if (std::strncmp(line, name, std::strlen(name)) == 0) sum += std::atof(line + std::strlen(name));
  }
  std::fclose(file);
  return sum;
}

double PrivateKib() {
  return KibFrom("/proc/self/smaps_rollup", "Private_Clean:") + KibFrom("/proc/self/smaps_rollup", "Private_Dirty:");
}

// The memory figures are of 1,000 isolates alive at once after one call each.
void BM_WarmCall(benchmark::State& state) {
  const Snapshot& snapshot = SnapshotFor(state.range(0), Source::kExecutable);
  constexpr int kAlive = 1000;
  std::vector<std::unique_ptr<Isolate>> alive;
  alive.reserve(kAlive);
  const double private_before = PrivateKib();
  const double tables_before = KibFrom("/proc/self/status", "VmPTE:");
  for (int i = 0; i < kAlive; ++i) {
    auto isolate = Isolate::FromSnapshot(snapshot);
    if (!isolate.ok()) return state.SkipWithError(std::string(isolate.status().message()).c_str());
    Isolate::Scope scope(**isolate);
    if (!CallHandler(**isolate, i % state.range(0), Access::kNeighbours, state.range(0)))
      return state.SkipWithError("wrong answer");
    alive.push_back(*std::move(isolate));
  }
  state.counters["private_kib"] = (PrivateKib() - private_before) / kAlive;
  state.counters["page_table_kib"] = (KibFrom("/proc/self/status", "VmPTE:") - tables_before) / kAlive;
  int64_t k = 0;
  for (auto _ : state) {
    Isolate::Scope scope(*alive[0]);
    if (!CallHandler(*alive[0], k++ % state.range(0), Access::kNeighbours, state.range(0)))
      return state.SkipWithError("wrong answer");
  }
}

// ---- The floor

// One page of an isolate's cage, and whether a call reads or writes it.
struct Touch {
  uint64_t offset;
  bool write;
};

// Asks the kernel, after a call, what one cold isolate has done to its pages.
std::vector<Touch> TouchesOf(const Snapshot& snapshot, int64_t records, islet::vm::CageLayout* layout) {
  std::vector<Touch> touches;
  auto isolate = Isolate::FromSnapshot(snapshot);
  if (!isolate.ok()) return touches;
  {
    Isolate::Scope scope(**isolate);
    if (!CallHandler(**isolate, 0, Access::kNeighbours, records)) return touches;
  }
  islet::vm::Heap& heap = (*isolate)->impl()->vm->heap();
  *layout = heap.layout();
  const uint64_t base = reinterpret_cast<uint64_t>(heap.base());
  const int pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
  if (pagemap < 0) return touches;
  std::vector<uint64_t> entries(layout->cage_size / 4096);
  // Only what lies before the old space, and its first megabyte, is looked at: a first call goes no further.
  const size_t pages = std::min<size_t>(entries.size(), (uint64_t{layout->old_begin} + (1 << 20)) / 4096);
  for (size_t done = 0; done < pages;) {
    const size_t part = std::min<size_t>(pages - done, 1 << 16);
    const ssize_t n = pread(pagemap, entries.data() + done, part * 8, static_cast<off_t>((base / 4096 + done) * 8));
    if (n <= 0) break;
    done += static_cast<size_t>(n) / 8;
  }
  close(pagemap);
  // Bit 63: present; bit 61: of a file or shared. The kernel maps the 16 pages around a file page that is read, so one
  // read of each such group stands for it.
  uint64_t last_group = ~uint64_t{0};
  for (size_t i = 0; i < pages; ++i) {
    if ((entries[i] >> 63 & 1) == 0) continue;
    const bool of_file = (entries[i] >> 61 & 1) != 0;
    if (!of_file) {
      touches.push_back({i * 4096, true});
    } else if (const uint64_t group = (base / 4096 + i) / 16; group != last_group) {
      last_group = group;
      touches.push_back({i * 4096, false});
    }
  }
  return touches;
}

// A bare loop that maps, touches and unmaps what an isolate does.
void BM_Floor(benchmark::State& state) {
  const Snapshot& snapshot = SnapshotFor(state.range(0), Source::kExecutable);
  islet::vm::CageLayout layout;
  const std::vector<Touch> touches = TouchesOf(snapshot, state.range(0), &layout);
  if (touches.empty()) return state.SkipWithError("cannot read /proc/self/pagemap");
  auto probe = Isolate::FromSnapshot(snapshot);
  if (!probe.ok()) return state.SkipWithError("cannot make an isolate");
  const islet::vm::ImageSource source = (*probe)->impl()->image->source();
  int64_t written = 0;
  for (const Touch& touch : touches) written += touch.write;
  state.counters["pages_written"] = static_cast<double>(written);
  state.counters["pages_read"] = static_cast<double>(touches.size()) - static_cast<double>(written);
  // The place of an isolate's own cage: its page tables are the same then.
  uint8_t* hint = reinterpret_cast<uint8_t*>((*probe)->impl()->vm->heap().base());
  probe->reset();
  for (auto _ : state) {
    uint8_t* base = static_cast<uint8_t*>(
        mmap(hint, layout.cage_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
    if (base == MAP_FAILED) return state.SkipWithError("mmap failed");
    (void)mmap(base, layout.read_only_begin, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, source.fd,
               static_cast<off_t>(source.file_offset));
    (void)mmap(base + layout.read_only_begin, layout.image_end - layout.read_only_begin, PROT_READ,
               MAP_PRIVATE | MAP_FIXED, source.fd, static_cast<off_t>(source.file_offset + layout.read_only_begin));
    for (const Touch& touch : touches) {
      volatile uint8_t* p = base + touch.offset;
      const uint8_t value = *p;
      if (touch.write) *p = value;
    }
    munmap(base, layout.cage_size);
  }
}

void Sizes(benchmark::internal::Benchmark* bench) {
  bench->ArgName("records")->Arg(10)->Arg(1000)->Arg(20000)->Arg(1000000)->Unit(benchmark::kMicrosecond);
}
BENCHMARK(BM_ColdIsolate)->Apply(Sizes);
BENCHMARK(BM_NextIsolate)->Apply(Sizes);
BENCHMARK(BM_NextIsolate)->Apply(Sizes)->UseRealTime()->Threads(2);
BENCHMARK(BM_ColdSpread)->Apply(Sizes);
BENCHMARK(BM_ResidentIsolate)->Apply(Sizes);
BENCHMARK(BM_ResidentSpread)->Apply(Sizes);
BENCHMARK(BM_CreateOnly)->Apply(Sizes);
BENCHMARK(BM_WarmCall)->Apply(Sizes);
BENCHMARK(BM_Floor)->Apply(Sizes);

}  // namespace

BENCHMARK_MAIN();
