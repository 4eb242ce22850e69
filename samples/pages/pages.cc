// A host that offers a function, grants files, sets limits, and serves each request in a recycled isolate:
//
//   pages DIRECTORY NAME...      prints the files NAME below DIRECTORY

#include <chrono>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>

#include "islet/isolate_pool.h"
#include "samples/pages/startup.h"

ISLET_EMBEDDED_SNAPSHOT(startup);

namespace {

// Scripts may call these.
islet::HostFunctions Functions() {
  islet::HostFunctions functions;
  functions.Add("log-line", 1,
                [](islet::Isolate&, absl::Span<const islet::Value> arguments) -> absl::StatusOr<islet::Value> {
                  std::printf("log: %s\n", arguments[0].ToString().value_or("?").c_str());
                  return islet::Value();
                });
  return functions;
}

// These options say what scripts may reach, and what they may use up in one call.
absl::StatusOr<islet::IsolateOptions> Options(const islet::HostFunctions& functions, const char* directory) {
  auto files = islet::FilesBelow(directory, {.read_only = true});
  if (!files.ok()) return files.status();
  islet::IsolateOptions options;
  options.host_functions = &functions;
  options.files = *std::move(files);                       // or ProcessFiles(), MemoryFiles, your FileSystem
  options.clock = std::make_shared<islet::ManualClock>();  // or SystemClock(), your Clock
  options.randomness = islet::SeededRandomness(7);         // or SystemRandomness(), your Randomness
  options.environment = {{"LANG", "en"}};
  options.limits.heap_bytes = size_t{16} << 20;
  options.limits.cpu_time = std::chrono::seconds(1);
  return options;
}

// One request, on any thread.
absl::StatusOr<std::string> Serve(islet::IsolatePool& pool, const islet::Value& page, const char* name) {
  absl::StatusOr<islet::PooledIsolate> isolate = pool.Get();
  if (!isolate.ok()) return isolate.status();
  islet::Isolate::Scope scope(**isolate);
  absl::StatusOr<islet::Value> text = (*isolate)->Call(page, {islet::String(name)});
  if (!text.ok()) return text.status();
  return text->ToString();
}  // the isolate goes back to the pool, which resets it

absl::Status Run(int argc, char** argv) {
  absl::StatusOr<islet::Snapshot> snapshot = islet::Snapshot::FromEmbedded(startup);
  if (!snapshot.ok()) return snapshot.status();
  const islet::HostFunctions functions = Functions();
  absl::StatusOr<islet::IsolateOptions> isolates = Options(functions, argv[1]);
  if (!isolates.ok()) return isolates.status();
  absl::StatusOr<std::unique_ptr<islet::IsolatePool>> pool =
      islet::IsolatePool::Create(*snapshot, {.isolate = *std::move(isolates)});
  if (!pool.ok()) return pool.status();
  absl::StatusOr<islet::Value> page = (*pool)->Procedure("page");  // looked up once, for all requests
  if (!page.ok()) return page.status();
  for (int i = 2; i < argc; ++i) {
    absl::StatusOr<std::string> text = Serve(**pool, *page, argv[i]);
    if (!text.ok()) return text.status();
    std::fputs(text->c_str(), stdout);
  }
  return absl::OkStatus();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: pages DIRECTORY NAME...\n");
    return 2;
  }
  const absl::Status status = Run(argc, argv);
  if (!status.ok()) std::fprintf(stderr, "pages: %s\n", std::string(status.message()).c_str());
  return status.ok() ? 0 : 1;
}
