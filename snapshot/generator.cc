#include "snapshot/generator.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <functional>
#include <memory>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "islet/version.h"
#include "isolate/capabilities/paths.h"
#include "isolate/capabilities/process_streams.h"
#include "isolate/capabilities/system.h"
#include "isolate/evaluator/evaluator.h"
#include "isolate/interpreter/failure.h"
#include "isolate/interpreter/limits.h"
#include "isolate/ports/outside.h"
#include "isolate/ports/port.h"
#include "isolate/runtime/primitives.h"
#include "snapshot/emit.h"
#include "snapshot/fingerprint.h"
#include "snapshot/output_files.h"
#include "snapshot/signals.h"
#include "snapshot/source_names.h"
#include "snapshot/time_limit.h"
#include "snapshot/writer.h"

namespace islet::vm {
namespace {

// Messages call a script from standard input by this name.
constexpr char kStandardInputName[] = "<stdin>";

// The process's standard streams. Waiting for input ends with the evaluation; and where the snapshot goes to standard
// output, what scripts print goes to standard error.
class ScriptStreams : public StandardStreams {
 public:
  explicit ScriptStreams(bool output_is_taken) : output_is_taken_(output_is_taken) {}

  void set_limit(const TimeLimit* limit) { limit_ = limit; }

  absl::StatusOr<size_t> Read(char* buffer, size_t size) override {
    constexpr int kMilliseconds = 50;  // between looks at what may end it
    if (absl::Status flushed = Flush(); !flushed.ok()) return flushed;
    pollfd input = {STDIN_FILENO, POLLIN, 0};
    while (poll(&input, 1, kMilliseconds) == 0 || (input.revents == 0 && errno == EINTR)) {
      if (PendingSignal() != 0 || (limit_ != nullptr && limit_->passed())) {
        return absl::CancelledError("interrupted");
      }
    }
    return process_->Read(buffer, size);
  }
  bool InputReady() override { return process_->InputReady(); }
  absl::Status Write(int descriptor, absl::string_view text) override {
    return process_->Write(output_is_taken_ ? STDERR_FILENO : descriptor, text);
  }
  absl::Status Flush() override { return process_->Flush(); }

 private:
  const bool output_is_taken_;
  const TimeLimit* limit_ = nullptr;
  std::shared_ptr<StandardStreams> process_ = MakeProcessStreams();
};

// Where a script has failed: the innermost frame of a file that was read for the scripts, or else the innermost that
// has a place.
Place InnermostPlace(const Failure& failure, const std::vector<std::string>& read) {
  Place innermost;
  for (const BacktraceFrame& frame : failure.frames) {
    const Place& place = frame.place;
    if (!place.known()) continue;
    const bool ours = place.file == kStandardInputName || std::find(read.begin(), read.end(), place.file) != read.end();
    if (!innermost.known() || ours) innermost = place;
    if (ours) break;
  }
  return innermost;
}

// Tells a script's failure as compilers do, its place first, and in the tool's own units and options.
absl::Status Explain(Vm& vm, const Evaluator& evaluator, const GeneratorOptions& options, const absl::Status& status,
                     bool* tells_place) {
  Failure failure = vm.TakeFailure(status);
  const bool limited = failure.limit == Limit::kHeap || failure.code == absl::StatusCode::kDeadlineExceeded;
  if (failure.limit == Limit::kHeap) {
    const uint64_t mib = vm.heap().EffectiveLimit() >> 20;
    failure.message =
        mib < options.max_heap_mib || options.max_heap_mib == kMostHeapMib
            ? absl::StrCat("heap limit of ", mib, " MiB reached, the most that there can be; keep less data alive")
            : absl::StrCat("heap limit of ", mib, " MiB reached (--max-heap-mib); raise it, up to ", kMostHeapMib,
                           ", or keep less data alive");
  } else if (limited) {
    failure.message =
        absl::StrFormat("time limit of %g seconds reached (--max-seconds); raise it, or look for a loop without end",
                        options.max_seconds);
  }
  if (!failure.place.known()) failure.place = InnermostPlace(failure, evaluator.files_read());
  if (!failure.place.known() && (limited || failure.code == absl::StatusCode::kCancelled)) failure.place = failure.form;
  // Code that a script has read from a string of its own is in no file.
  *tells_place = failure.place.known() && !failure.place.file.empty();
  return absl::Status(failure.code, failure.Text());
}

absl::StatusOr<std::string> ReadStandardInput(StandardStreams& streams) {
  std::string text;
  char buffer[1 << 14];
  while (true) {
    const absl::StatusOr<size_t> count = streams.Read(buffer, sizeof(buffer));
    if (!count.ok()) {
      return absl::Status(count.status().code(), absl::StrCat("standard input: ", count.status().message()));
    }
    if (*count == 0) return text;
    text.append(buffer, *count);
  }
}

// While it lives, signals interrupt the Vm.
class InterruptScope {
 public:
  explicit InterruptScope(Vm& vm) { SetInterrupted(&vm); }
  ~InterruptScope() { SetInterrupted(nullptr); }
  InterruptScope(const InterruptScope&) = delete;
  InterruptScope& operator=(const InterruptScope&) = delete;
};

[[noreturn]] void EndStuck(const GeneratorOptions& options) {
  std::fprintf(stderr,
               "snapshot_gen: time limit of %g seconds reached (--max-seconds), while waiting for the system: "
               "does a script read from a FIFO or a device?\n",
               options.max_seconds);
  _Exit(1);
}

absl::Status EvaluateScripts(const GeneratorOptions& options, Vm& vm, Evaluator& evaluator, ScriptStreams& streams,
                             bool* tells_place) {
  std::function<void()> stuck;
  if (options.may_exit) stuck = [&options] { EndStuck(options); };
  TimeLimit limit;
  absl::Status status = limit.Start(vm, options.max_seconds, std::move(stuck));
  if (!status.ok()) return status;
  const InterruptScope interrupts(vm);
  streams.set_limit(&limit);
  for (const std::string& script : options.scripts) {
    PortTableOf(vm).base_directory = DirectoryOf(script);
    if (script == "-") {
      const absl::StatusOr<std::string> text = ReadStandardInput(streams);
      status = text.ok() ? evaluator.EvalScript(*text, kStandardInputName).status() : text.status();
    } else {
      status = evaluator.EvalFile(script);
    }
    // (exit) ends a script as its last line does.
    if (status.ok() || ExitStatus(status) == 0) {
      status = absl::OkStatus();
      continue;
    }
    FlushPorts(vm).IgnoreError();
    status = Explain(vm, evaluator, options, status, tells_place);
    break;
  }
  streams.set_limit(nullptr);
  return status;
}

// All that is read to make the outputs, once each.
std::vector<std::string> Inputs(const Evaluator& evaluator, const std::vector<std::string>& data_read) {
  std::vector<std::string> inputs = evaluator.files_read();
  for (const std::string& path : data_read) {
    if (std::find(inputs.begin(), inputs.end(), path) == inputs.end()) inputs.push_back(path);
  }
  return inputs;
}

// The paths of what is asked for, the snapshot first if it is.
std::vector<std::string> Outputs(const GeneratorOptions& options) {
  const std::string stem = WithoutExtension(options.output);
  std::vector<std::string> outputs;
  if (options.emit_snap) outputs.push_back(options.output);
  if (options.emit_asm) outputs.push_back(stem + ".S");
  if (options.emit_obj) outputs.push_back(stem + ".o");
  if (options.emit_asm || options.emit_obj) outputs.push_back(stem + ".h");
  return outputs;
}

// True unless there is a file at `path` that somebody else has made: names beside -o FILE are not the user's choice,
// and main.h may well be there.
bool MayReplace(const std::string& path) {
  constexpr size_t kEnd = 4096;  // where an object has the names of its sections
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file || IsStream(path)) return true;
  const auto size = static_cast<size_t>(file.tellg());
  std::string begin(std::min(size, std::strlen(kMadeBy)), '\0'), end(std::min(size, kEnd), '\0');
  file.seekg(0).read(begin.data(), static_cast<std::streamsize>(begin.size()));
  file.seekg(-static_cast<std::streamoff>(end.size()), std::ios::end)
      .read(end.data(), static_cast<std::streamsize>(end.size()));
  return size == 0 || begin == kMadeBy || absl::StrContains(end, "islet_snapshot_");
}

// Before anything is evaluated with what is known by then, and before anything is written.
absl::Status CheckAll(const GeneratorOptions& options, std::vector<std::string> inputs) {
  std::vector<std::string> outputs = Outputs(options);
  if ((options.emit_asm || options.emit_obj) && IsStream(options.output)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--emit=asm and obj write files beside -o FILE, which must be an ordinary file's name, not ", options.output));
  }
  if (!options.dependency_file.empty()) outputs.push_back(options.dependency_file);
  inputs.push_back("/proc/self/exe");
  if (absl::Status status = CheckOutputs(outputs, inputs); !status.ok()) return status;
  for (const std::string& path : Outputs(options)) {
    if (path == options.output || MayReplace(path)) continue;
    return absl::InvalidArgumentError(absl::StrCat("writing ", path,
                                                   " would destroy it, and it was not made by "
                                                   "snapshot_gen; delete it, or name another output (-o)"));
  }
  return absl::OkStatus();
}

std::string Report(const SnapshotStatistics& statistics) {
  std::string text;
  absl::StrAppendFormat(&text, "%-22s%12d\n", "file, bytes", statistics.file_bytes);
  absl::StrAppendFormat(&text, "%-22s%12d\n", "read-only pages", statistics.read_only_pages);
  absl::StrAppendFormat(&text, "%-22s%12d\n", "writable pages", statistics.writable_pages);
  absl::StrAppendFormat(&text, "%-22s%12d\n", "hot, bytes", statistics.hot_bytes);
  absl::StrAppendFormat(&text, "%-22s%12d\n", "symbols", statistics.symbols);
  absl::StrAppendFormat(&text, "%-22s%12d\n", "external references", statistics.external_references);
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

absl::StatusOr<std::unique_ptr<Vm>> NewGeneratorVm(const GeneratorOptions& options, const Image* base,
                                                   absl::Span<const PrimitiveSpec> primitives) {
  VmOptions vm_options;
  vm_options.heap.heap_limit = options.max_heap_mib << 20;
  if (base != nullptr && !options.bootstrap) return NewVm(*base, vm_options);
  absl::StatusOr<std::unique_ptr<Vm>> vm = NewEmptyVm(primitives, vm_options);
  if (vm.ok()) InitializeCore(**vm);
  return vm;
}

bool WritesToStandardOutput(const GeneratorOptions& options) {
  return (options.emit_snap && DescriptorOf(options.output) == STDOUT_FILENO) ||
         (!options.dependency_file.empty() && DescriptorOf(options.dependency_file) == STDOUT_FILENO);
}

absl::Status WriteFiles(const GeneratorOptions& options, const std::vector<uint8_t>& snapshot,
                        const std::vector<std::string>& inputs) {
  if (absl::Status status = CheckAll(options, inputs); !status.ok()) return status;
  HoldSignals();
  const std::string stem = WithoutExtension(options.output);
  const Placement placement = Placement::Of(snapshot);
  OutputFiles files;
  absl::Status status;
  if (options.emit_snap) {
    status.Update(
        files.Add(options.output, absl::string_view(reinterpret_cast<const char*>(snapshot.data()), snapshot.size())));
  }
  if (options.emit_asm) {
    status.Update(files.Add(stem + ".S", AssemblerSource(options.symbol, options.output, placement)));
  }
  if (options.emit_obj) status.Update(files.Add(stem + ".o", ObjectFile(options.symbol, snapshot, placement)));
  if (options.emit_asm || options.emit_obj) status.Update(files.Add(stem + ".h", HeaderSource(options.symbol)));
  std::string rule;
  if (!options.dependency_file.empty()) {
    rule = DependencyRule(Outputs(options), inputs);
    status.Update(files.Add(options.dependency_file, rule));
  }
  if (status.ok() && PendingSignal() != 0) status = absl::CancelledError("interrupted");
  if (status.ok()) status = files.Commit();
  return status;
}

}  // namespace

absl::Status Generate(const GeneratorOptions& options, const Image* base, absl::Span<const PrimitiveSpec> primitives,
                      GeneratorReport* report) {
  if (absl::Status status = CheckAll(options, options.scripts); !status.ok()) return status;
  absl::StatusOr<std::unique_ptr<Vm>> vm = NewGeneratorVm(options, base, primitives);
  if (!vm.ok()) return vm.status();
  Evaluator evaluator(**vm);
  evaluator.search_path() = options.search_path;
  std::vector<std::string> data_read;
  PortTable& ports = PortTableOf(**vm);
  ports.files = ProcessFiles().get();
  SystemGrantsOf(**vm).clock = SystemClock().get();
  ports.files_read = &data_read;
  const auto streams = std::make_shared<ScriptStreams>(WritesToStandardOutput(options));
  ports.SetStandardStreams(streams);
  if (absl::Status status = EvaluateScripts(options, **vm, evaluator, *streams, &report->tells_place); !status.ok()) {
    return status;
  }
  // The next layer's bare forms see the library, not only its core, and nobody gets at the core any more.
  if (base == nullptr || options.bootstrap) {
    SealStandardLibrary(**vm);
    if (absl::Status status = evaluator.OpenInteraction("(islet)"); !status.ok()) return status;
  }
  if (absl::Status status = FlushPorts(**vm); !status.ok()) return status;
  ports.files_read = nullptr;

  SnapshotStatistics statistics;
  WriteOptions write_options;
  write_options.statistics = &statistics;
  write_options.source_names = SourceNames(evaluator.files_read(), options.search_path, options.scripts);
  absl::StatusOr<std::vector<uint8_t>> snapshot = WriteSnapshot(**vm, write_options);
  if (!snapshot.ok()) return snapshot.status();
  if (PendingSignal() != 0) return absl::CancelledError("interrupted");
  if (absl::Status status = WriteFiles(options, *snapshot, Inputs(evaluator, data_read)); !status.ok()) {
    return status;
  }
  if (options.statistics) report->statistics = Report(statistics);
  return absl::OkStatus();
}

int GeneratorMain(absl::Span<const char* const> arguments, const uint8_t* base_begin, const uint8_t* base_end) {
  OccupyStandardDescriptors();
  auto fail = [](const absl::Status& status, int exit_status, bool tells_place = false) {
    // A place comes first, so that editors find it, and tells by itself what this is about.
    const absl::string_view message = status.message();
    std::fprintf(stderr, "%s%s%s", tells_place ? "" : "snapshot_gen: ", std::string(message).c_str(),
                 absl::EndsWith(message, "\n") ? "" : "\n");
    return exit_status;
  };
  auto print = [&fail](const std::string& text, FILE* to) {
    if (std::fputs(text.c_str(), to) >= 0 && std::fflush(to) == 0) return 0;
    return fail(SystemError("cannot write to standard output", errno), 1);
  };
  absl::StatusOr<GeneratorOptions> options = ParseGeneratorArguments(arguments);
  if (!options.ok()) {
    fail(options.status(), 2);
    std::fprintf(stderr, "Try: snapshot_gen --help\n");
    return 2;
  }
  const absl::Span<const PrimitiveSpec> primitives = AllPrimitives();
  if (options->help) return print(GeneratorUsage(), stdout);
  if (options->version) {
    const Fingerprint runtime = RuntimeFingerprint(primitives);
    return print(absl::StrFormat("snapshot_gen %s (format %d, runtime %016x%016x)\n", ISLET_VERSION_TEXT,
                                 kFormatVersion, runtime.high, runtime.low),
                 stdout);
  }
  std::shared_ptr<const Image> base;
  if (base_begin != nullptr) {
    absl::StatusOr<std::shared_ptr<const Image>> image = Image::FromEmbedded(base_begin, base_end, primitives);
    if (!image.ok()) return fail(image.status(), 1);
    base = *std::move(image);
  }
  options->may_exit = true;
  signal(SIGPIPE, SIG_IGN);  // a reader that has gone is an error like others: temporary files go with it
  CatchSignals();
  GeneratorReport report;
  const absl::Status status = Generate(*options, base.get(), primitives, &report);
  if (!status.ok()) {
    fail(status, 1, report.tells_place);
    if (PendingSignal() != 0) EndBySignal(PendingSignal());
    return 1;
  }
  return print(report.statistics, WritesToStandardOutput(*options) ? stderr : stdout);
}

}  // namespace islet::vm
