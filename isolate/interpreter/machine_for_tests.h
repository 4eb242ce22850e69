// A machine with an empty heap and no primitives.

#ifndef ISLET_ISOLATE_INTERPRETER_MACHINE_FOR_TESTS_H_
#define ISLET_ISOLATE_INTERPRETER_MACHINE_FOR_TESTS_H_

#include <cstdint>
#include <memory>
#include <utility>

#include "absl/types/span.h"
#include "gtest/gtest.h"
#include "isolate/heap/cage.h"
#include "isolate/heap/heap.h"
#include "isolate/interpreter/vm.h"

namespace islet::vm {

inline std::unique_ptr<Vm> MakeEmptyVm() {
  auto cage = Cage::Create(CageLayout::For(uint64_t{1} << 32, 0, 0), ImageSource());
  EXPECT_TRUE(cage.ok()) << cage.status();
  return std::make_unique<Vm>(std::make_unique<Heap>(*std::move(cage), HeapOptions()),
                              absl::Span<const PrimitiveSpec>());
}

}  // namespace islet::vm

#endif  // ISLET_ISOLATE_INTERPRETER_MACHINE_FOR_TESTS_H_
