// Checks the bytecode that a closure reaches (interpreter/code_checker.h).

#ifndef ISLET_FUZZ_CHECK_CODE_H_
#define ISLET_FUZZ_CHECK_CODE_H_

#include "isolate/heap/heap.h"

namespace islet::fuzz {

// Fails unless the code of `closure`, and all that it refers to outside of the snapshot, is
// well-formed.
void CheckAllCode(vm::Heap& heap, vm::Value closure);

}  // namespace islet::fuzz

#endif  // ISLET_FUZZ_CHECK_CODE_H_
