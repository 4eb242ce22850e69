// A virtual machine without a snapshot or a library, for tests.

#ifndef ISLET_ISOLATE_READER_TEST_VM_H_
#define ISLET_ISOLATE_READER_TEST_VM_H_

#include <memory>
#include <utility>

#include "gtest/gtest.h"
#include "isolate/heap/cage.h"
#include "isolate/heap/heap.h"
#include "isolate/interpreter/vm.h"

namespace islet::vm {

inline std::unique_ptr<Vm> MakeTestVm(absl::Span<const PrimitiveSpec> primitives = {},
                                      const HeapOptions& options = {}) {
  auto cage = Cage::Create(CageLayout::For(uint64_t{1} << 32, 0, 0), ImageSource());
  if (!cage.ok()) {
    ADD_FAILURE() << cage.status();
    return nullptr;
  }
  return std::make_unique<Vm>(std::make_unique<Heap>(*std::move(cage), options), primitives);
}

}  // namespace islet::vm

#endif  // ISLET_ISOLATE_READER_TEST_VM_H_
