#include "snapshot/generator.h"

#include <algorithm>
#include <chrono>
#include <cinttypes>
#include <condition_variable>
#include <cstdio>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "isolate/evaluator.h"
#include "isolate/runtime/port.h"
#include "isolate/runtime/primitives.h"
#include "isolate/runtime/system.h"
#include "snapshot/emit.h"
#include "snapshot/fingerprint.h"
#include "snapshot/writer.h"

namespace islet::vm {
namespace {

// Interrupts the Vm when time is up, unless it is gone by then.
class Deadline {
 public:
  Deadline(Vm& vm, double seconds) {
    if (seconds <= 0) return;
    thread_ = std::thread([this, &vm, seconds] {
      std::unique_lock<std::mutex> lock(mutex_);
      if (!done_.wait_for(lock, std::chrono::duration<double>(seconds),
                          [this] { return is_done_; })) {
        vm.Interrupt(InterruptReason::kWallTime);
      }
    });
  }
  ~Deadline() {
    if (!thread_.joinable()) return;
    {
      std::lock_guard<std::mutex> lock(mutex_);
      is_done_ = true;
    }
    done_.notify_one();
    thread_.join();
  }

 private:
  std::mutex mutex_;
  std::condition_variable done_;
  bool is_done_ = false;
  std::thread thread_;
};

std::string Stem(const std::string& output) {
  const size_t dot = output.rfind('.');
  const size_t slash = output.rfind('/');
  const size_t start = slash == std::string::npos ? 0 : slash + 1;
  return dot == std::string::npos || dot <= start ? output : output.substr(0, dot);
}

std::string DirectoryOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? "" : path.substr(0, slash + 1);
}

// Which option a failure is about.
absl::Status Explain(const GeneratorOptions& options, const std::string& script,
                     absl::Status status) {
  switch (status.code()) {
    case absl::StatusCode::kDeadlineExceeded:
      return absl::DeadlineExceededError(
          absl::StrFormat("%s: evaluation took longer than %g seconds (--max-seconds)", script,
                          options.max_seconds));
    case absl::StatusCode::kResourceExhausted:
      return absl::ResourceExhaustedError(absl::StrCat(
          script, ": ", status.message(), " (--max-heap-mib is ", options.max_heap_mib, ")"));
    default:
      return status;
  }
}

std::string Report(const SnapshotStatistics& statistics) {
  std::string text;
  absl::StrAppendFormat(&text, "%-22s%12d\n", "file, bytes", statistics.file_bytes);
  absl::StrAppendFormat(&text, "%-22s%12d\n", "read-only pages", statistics.read_only_pages);
  absl::StrAppendFormat(&text, "%-22s%12d\n", "writable pages", statistics.writable_pages);
  absl::StrAppendFormat(&text, "%-22s%12d\n", "hot, bytes", statistics.hot_bytes);
  absl::StrAppendFormat(&text, "%-22s%12d\n", "symbols", statistics.symbols);
  absl::StrAppendFormat(&text, "%-22s%12d\n", "external references",
                        statistics.external_references);
  absl::StrAppendFormat(&text, "\n%-16s%12s%14s\n", "type", "objects", "bytes");
  uint64_t count = 0, bytes = 0;
  for (const SnapshotStatistics::ByType& type : statistics.types) {
    absl::StrAppendFormat(&text, "%-16s%12d%14d\n", type.type, type.count, type.bytes);
    count += type.count;
    bytes += type.bytes;
  }
  absl::StrAppendFormat(&text, "%-16s%12d%14d\n", "all", count, bytes);
  return text;
}

absl::StatusOr<std::unique_ptr<Vm>> NewGeneratorVm(const GeneratorOptions& options,
                                                   const Image* base,
                                                   absl::Span<const PrimitiveSpec> primitives) {
  VmOptions vm_options;
  vm_options.heap.heap_limit = options.max_heap_mib << 20;
  if (base != nullptr && !options.bootstrap) return NewVm(*base, vm_options);
  absl::StatusOr<std::unique_ptr<Vm>> vm = NewEmptyVm(primitives, vm_options);
  if (vm.ok()) InitializeCore(**vm);
  return vm;
}

}  // namespace

absl::Status Generate(const GeneratorOptions& options, const Image* base,
                      absl::Span<const PrimitiveSpec> primitives, std::string* report) {
  absl::StatusOr<std::unique_ptr<Vm>> vm = NewGeneratorVm(options, base, primitives);
  if (!vm.ok()) return vm.status();
  Evaluator evaluator(**vm);
  evaluator.search_path() = options.search_path;
  std::vector<std::string> data_read;
  PortTable& ports = PortTableOf(**vm);
  ports.files = ProcessFiles().get();
  ports.clock = SystemClock().get();
  ports.files_read = &data_read;
  ports.SetStandardStreams(MakeProcessStreams());
  {
    const Deadline deadline(**vm, options.max_seconds);
    for (const std::string& script : options.scripts) {
      ports.base_directory = DirectoryOf(script);
      if (absl::Status status = evaluator.EvalFile(script); !status.ok()) {
        // (exit) ends a script as its last line does.
        if (ExitStatus(status) == 0) continue;
        FlushPorts(**vm).IgnoreError();
        return Explain(options, script, std::move(status));
      }
    }
  }
  // The next layer's bare forms see the library, not only its core.
  if (base == nullptr || options.bootstrap) {
    if (absl::Status status = evaluator.OpenInteraction("(islet)"); !status.ok()) return status;
  }
  if (absl::Status status = FlushPorts(**vm); !status.ok()) return status;
  ports.files_read = nullptr;

  SnapshotStatistics statistics;
  WriteOptions write_options;
  write_options.statistics = &statistics;
  for (const std::string& directory : options.search_path) {
    if (directory.empty()) continue;
    write_options.source_directories.push_back(directory.back() == '/' ? directory
                                                                       : directory + "/");
  }
  for (const std::string& script : options.scripts) {
    const std::string directory = DirectoryOf(script);
    if (!directory.empty()) write_options.source_directories.push_back(directory);
  }
  absl::StatusOr<std::vector<uint8_t>> snapshot = WriteSnapshot(**vm, write_options);
  if (!snapshot.ok()) return snapshot.status();

  OutputFiles files;
  std::vector<std::string> outputs;
  auto write = [&](const std::string& path, absl::string_view contents) {
    outputs.push_back(path);
    return files.Add(path, contents);
  };
  const std::string stem = Stem(options.output);
  absl::Status status;
  if (options.emit_snap) {
    status.Update(write(
        options.output,
        absl::string_view(reinterpret_cast<const char*>(snapshot->data()), snapshot->size())));
  }
  if (options.emit_asm) {
    status.Update(write(stem + ".S", AssemblerSource(options.symbol, options.output, Placement::Of(*snapshot))));
  }
  if (options.emit_obj) status.Update(write(stem + ".o", ObjectFile(options.symbol, *snapshot, Placement::Of(*snapshot))));
  if (options.emit_asm || options.emit_obj) {
    status.Update(write(stem + ".h", HeaderSource(options.symbol)));
  }
  if (!options.dependency_file.empty()) {
    std::vector<std::string> inputs = evaluator.files_read();
    for (std::string& path : data_read) {
      if (std::find(inputs.begin(), inputs.end(), path) == inputs.end()) {
        inputs.push_back(std::move(path));
      }
    }
    status.Update(files.Add(options.dependency_file, DependencyRule(outputs, inputs)));
  }
  status.Update(files.Commit());
  if (status.ok() && options.statistics) *report = Report(statistics);
  return status;
}

int GeneratorMain(absl::Span<const char* const> arguments, const uint8_t* base_begin,
                  const uint8_t* base_end) {
  auto fail = [](const absl::Status& status) {
    const std::string message(status.message());
    std::fprintf(stderr, "snapshot_gen: %s%s", message.c_str(),
                 !message.empty() && message.back() == '\n' ? "" : "\n");
  };
  const absl::StatusOr<GeneratorOptions> options = ParseGeneratorArguments(arguments);
  if (!options.ok()) {
    fail(options.status());
    std::fprintf(stderr, "Try: snapshot_gen --help\n");
    return 2;
  }
  const absl::Span<const PrimitiveSpec> primitives = AllPrimitives();
  if (options->help) {
    std::fputs(kGeneratorUsage, stdout);
    return 0;
  }
  if (options->version) {
    const Fingerprint runtime = RuntimeFingerprint(primitives);
    std::printf("snapshot_gen %s (format %" PRIu32 ", runtime %016" PRIx64 "%016" PRIx64 ")\n",
                kVersion, kFormatVersion, runtime.high, runtime.low);
    return 0;
  }
  std::shared_ptr<const Image> base;
  if (base_begin != nullptr) {
    absl::StatusOr<std::shared_ptr<const Image>> image =
        Image::FromEmbedded(base_begin, base_end, primitives);
    if (!image.ok()) {
      fail(image.status());
      return 1;
    }
    base = *std::move(image);
  }
  std::string report;
  if (absl::Status status = Generate(*options, base.get(), primitives, &report); !status.ok()) {
    fail(status);
    return 1;
  }
  std::fputs(report.c_str(), stdout);
  return 0;
}

}  // namespace islet::vm
