// First pass over the tree: rewrites it into fewer, simpler forms, and finds the lambda expressions
// that need be no functions: those called at one place are moved there, and those only called in
// tail position, with regard to the form that binds them, become loops (or joins) in the function
// around them.

#ifndef ISLET_ISOLATE_COMPILER_SIMPLIFY_H_
#define ISLET_ISOLATE_COMPILER_SIMPLIFY_H_

#include "isolate/compiler/annotations.h"
#include "isolate/interpreter/vm.h"

namespace islet::vm {

// `*root` is in tail position. Afterwards every Variable has a VariableNote, every Lambda is a
// LambdaForm, every Letrec a LetrecForm.
void Simplify(Vm& vm, SyntaxArena& arena, Core** root);

}  // namespace islet::vm

#endif  // ISLET_ISOLATE_COMPILER_SIMPLIFY_H_
