#include "fuzz/target.h"

#include <cstdio>
#include <cstdlib>

#include "isolate/lib/standard.h"
#include "isolate/runtime/primitives.h"
#include "snapshot/image.h"

namespace islet::fuzz {
namespace {

vm::VmOptions SmallIsolate() {
  vm::VmOptions options;
  options.cage_size = uint64_t{256} << 20;
  options.heap.heap_limit = size_t{16} << 20;
  return options;
}

}  // namespace

void Fail(absl::string_view what, absl::string_view detail) {
  std::fprintf(stderr, "%.*s\n%.*s\n", static_cast<int>(what.size()), what.data(), static_cast<int>(detail.size()),
               detail.data());
  std::abort();
}

std::unique_ptr<vm::Vm> NewEmptyIsolate() {
  auto vm = vm::NewEmptyVm(vm::AllPrimitives(), SmallIsolate());
  if (!vm.ok()) Fail("no isolate", vm.status().ToString());
  return *std::move(vm);
}

std::unique_ptr<vm::Vm> NewStandardIsolate() {
  static const auto image =
      vm::Image::FromEmbedded(islet_snapshot_standard_begin, islet_snapshot_standard_end, vm::AllPrimitives());
  if (!image.ok()) Fail("no snapshot", image.status().ToString());
  auto vm = vm::NewVm(**image, SmallIsolate());
  if (!vm.ok()) Fail("no isolate", vm.status().ToString());
  return *std::move(vm);
}

}  // namespace islet::fuzz
