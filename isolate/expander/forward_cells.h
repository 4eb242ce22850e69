// Cells of names that code refers to, and that have no definition yet. The code holds its cell; a definition that comes
// later finds it here, and enters it in the Environment. Until then nothing else keeps it: a program that evaluates one
// unbound name after the other leaves nothing behind.

#ifndef ISLET_ISOLATE_EXPANDER_FORWARD_CELLS_H_
#define ISLET_ISOLATE_EXPANDER_FORWARD_CELLS_H_

#include "absl/status/status.h"
#include "isolate/heap/heap.h"
#include "isolate/interpreter/vm.h"

namespace islet::vm {

// The one of `symbol` in `environment`; kUndefined if there is none.
Value FindForwardCell(Heap& heap, Value environment, Value symbol);
// The same, made if there is none: `symbol` must be unbound there. Allocates.
Value ForwardCell(Heap& heap, Value environment, Value symbol);
// Enters all that are alive in their Environments: for a snapshot, which holds no such table. A safepoint.
// ResourceExhausted if the heap limit forbids it.
absl::Status EnterForwardCells(Vm& vm);

}  // namespace islet::vm

#endif  // ISLET_ISOLATE_EXPANDER_FORWARD_CELLS_H_
