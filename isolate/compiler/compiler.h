// Core forms to bytecode. Three passes, each a file:
//
//   simplify.h   rewrites the tree: calls of lambda expressions become lets, constants are propagated, procedures
//                called once are moved to their call, and lambda expressions that are only ever jumped to are found
//   resolve.h    decides which functions there will be, what each captures and what lives in boxes
//   codegen.h    emits instructions, one function at a time
//
// The stages rewrite the tree in place, and annotate it (annotations.h): a tree can be compiled once.

#ifndef ISLET_ISOLATE_COMPILER_COMPILER_H_
#define ISLET_ISOLATE_COMPILER_COMPILER_H_

#include "absl/status/statusor.h"
#include "isolate/expander/core_form.h"
#include "isolate/interpreter/vm.h"

namespace islet::vm {

// A procedure of no arguments that evaluates `toplevel` and returns its value. No collection
// happens meanwhile; the result is not a root yet. Fails only if the tree is malformed (Internal),
// or if the run is to be ended (Cancelled; heap/poll.h). With `keep_frame`, no call in it is a tail
// call, so that backtraces end with the form.
absl::StatusOr<Value> Compile(Vm& vm, SyntaxArena& arena, Core* toplevel, bool keep_frame = false);

}  // namespace islet::vm

#endif  // ISLET_ISOLATE_COMPILER_COMPILER_H_
