// Second pass: which functions there will be, what each captures, and which variables live in
// boxes.
//
// A variable lives in a box if it is assigned and either captured, or in scope across a call that
// is not a tail call: a continuation captured in that call may be entered again, with the frame's
// registers as they were, while an assignment must last. (Primitives cannot capture continuations.)
// A letrec's variable that may be read before its initialisation lives in a box that knows.

#ifndef ISLET_ISOLATE_COMPILER_RESOLVE_H_
#define ISLET_ISOLATE_COMPILER_RESOLVE_H_

#include <cstdint>

#include "isolate/compiler/annotations.h"
#include "isolate/compiler/free_variables.h"
#include "isolate/heap/pieces.h"
#include "isolate/interpreter/vm.h"

namespace islet::vm {

// A piece of code to be made, from a lambda expression. Needs no destructor.
struct Function {
  LambdaForm* lambda = nullptr;
  Function* parent = nullptr;
  Variable* self = nullptr;  // the variable that always holds this closure
  FreeVariables free;
  bool is_static = false;  // captures nothing: one closure, made by the compiler
  Value closure = kFalse;  // that closure
  Value code = kFalse;
  uint32_t calls = 0;       // not tail calls; a count to compare
  bool keep_frame = false;  // nothing in it is a tail call
};

// In the arena. Parents come before their children; the first is `toplevel` (a LambdaForm of no
// arguments), which makes no tail calls if `keep_frame` says so.
Pieces<Function*> Resolve(Vm& vm, SyntaxArena& arena, LambdaForm* toplevel, bool keep_frame = false);

}  // namespace islet::vm

#endif  // ISLET_ISOLATE_COMPILER_RESOLVE_H_
