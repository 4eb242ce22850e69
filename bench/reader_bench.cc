// How fast text becomes data: the reader on libraries as large programs have them, in an isolate of the standard
// snapshot, whose symbols most names of the text are not. Prints bytes per second.
//
// Instructions per byte, which a busy machine does not change: Callgrind counts those of BM_Read alone,
//
//   ./bazelw build //bench:reader_bench && strip -g -o /tmp/reader_bench bazel-bin/bench/reader_bench
//   valgrind --tool=callgrind --toggle-collect='ReadText*' --callgrind-out-file=/tmp/reader.out
//       /tmp/reader_bench --benchmark_filter=BM_ReadOnce
//   callgrind_annotate --inclusive=yes /tmp/reader.out
//
// and the program says how many bytes BM_ReadOnce reads. (Without `strip -g` Callgrind spends minutes on debugging
// information.) The share of each function, without what it calls: leave out --inclusive=yes.

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "benchmark/benchmark.h"
#include "isolate/lib/standard.h"
#include "isolate/reader/reader.h"
#include "isolate/reader/test_text.h"
#include "isolate/runtime/primitives.h"
#include "snapshot/image.h"

namespace {

using islet::vm::Reader;
using islet::vm::Vm;

constexpr uint32_t kLibraries = 100;

[[noreturn]] void Die(absl::string_view what) {
  std::fprintf(stderr, "%.*s\n", static_cast<int>(what.size()), what.data());
  std::exit(1);
}

std::unique_ptr<Vm> NewIsolate() {
  static const auto image = islet::vm::Image::FromEmbedded(islet_snapshot_standard_begin, islet_snapshot_standard_end,
                                                           islet::vm::AllPrimitives());
  if (!image.ok()) Die(image.status().ToString());
  auto vm = islet::vm::NewVm(**image, islet::vm::VmOptions());
  if (!vm.ok()) Die(vm.status().ToString());
  return *std::move(vm);
}

}  // namespace

// Reads all of the text, and drops it. Not inlined, and with C's name: Callgrind finds it by that.
extern "C" __attribute__((noinline)) size_t ReadText(Vm& vm, const std::string& text) {
  islet::vm::SyntaxArena arena(&vm.heap());
  Reader reader(vm, arena, text, "text.sld");
  islet::vm::Syntax* datum = nullptr;
  size_t count = 0;
  while (reader.ReadNext(&datum) == Reader::Result::kDatum) ++count;
  if (reader.failed()) Die(reader.error().ToString());
  return count;
}

namespace {

void BM_Read(benchmark::State& state) {
  const std::string text = islet::vm::LibraryTexts(kLibraries);
  const auto vm = NewIsolate();
  for (auto _ : state) {
    if (ReadText(*vm, text) != kLibraries) Die("not all has been read");
  }
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * text.size()));
  state.counters["bytes"] = static_cast<double>(text.size());
}
BENCHMARK(BM_Read)->Unit(benchmark::kMillisecond);
BENCHMARK(BM_Read)->Name("BM_ReadOnce")->Iterations(1)->Unit(benchmark::kMillisecond);

}  // namespace

BENCHMARK_MAIN();
