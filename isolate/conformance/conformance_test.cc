// Evaluates one test program, given by name, in an isolate that starts from the standard snapshot; then once more with
// a nursery so small that a collection comes every few procedure calls.

#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include <cstdio>
#include <memory>
#include <string>

#include "isolate/capabilities/process_streams.h"
#include "isolate/evaluator/evaluator.h"
#include "isolate/lib/standard.h"
#include "isolate/ports/outside.h"
#include "isolate/ports/port.h"
#include "isolate/runtime/primitives.h"
#include "snapshot/image.h"

namespace islet::vm {
namespace {

absl::Status RunProgram(const Image& image, const char* program, const char* library, size_t nursery_size) {
  VmOptions options;
  options.heap.nursery_size = nursery_size;
  auto vm = NewVm(image, options);
  if (!vm.ok()) return vm.status();
  PortTable& ports = PortTableOf(**vm);
  ports.files = islet::ProcessFiles().get();
  ports.SetStandardStreams(MakeProcessStreams());
  SystemGrantsOf(**vm).clock = islet::SystemClock().get();
  SystemGrantsOf(**vm).randomness = islet::SystemRandomness().get();
  Evaluator evaluator(**vm);
  evaluator.search_path().push_back(library);
  const absl::Status status = evaluator.EvalFile(program);
  (void)FlushPorts(**vm);
  return status;
}

}  // namespace
}  // namespace islet::vm

int main(int argc, char** argv) {
  using namespace islet::vm;  // NOLINT: a test's main
  char program[PATH_MAX], library[PATH_MAX];
  if (argc != 2 || realpath(argv[1], program) == nullptr) {
    std::fprintf(stderr, "usage: conformance_test PROGRAM\n");
    return 2;
  }
  // The programs write files into the working directory.
  const char* scratch = std::getenv("TEST_TMPDIR");
  const std::string folder = std::string(argv[1]).substr(0, std::string(argv[1]).rfind('/') + 1);
  if (realpath(folder.empty() ? "." : folder.c_str(), library) == nullptr ||
      (scratch != nullptr && chdir(scratch) != 0)) {
    std::perror("conformance_test");
    return 2;
  }
  auto image = Image::FromEmbedded(islet_snapshot_standard_begin, islet_snapshot_standard_end, AllPrimitives());
  if (!image.ok()) {
    std::fprintf(stderr, "%s\n", std::string(image.status().message()).c_str());
    return 1;
  }
  for (const size_t nursery_size : {HeapOptions().nursery_size, size_t{2048}}) {
    const absl::Status status = RunProgram(**image, program, library, nursery_size);
    if (!status.ok()) {
      std::fprintf(stderr, "%s\n", std::string(status.message()).c_str());
      return 1;
    }
  }
  return 0;
}
