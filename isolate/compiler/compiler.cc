#include "isolate/compiler/compiler.h"

#include "isolate/compiler/codegen.h"
#include "isolate/compiler/resolve.h"
#include "isolate/compiler/simplify.h"
#include "isolate/heap/poll.h"
#include "isolate/interpreter/failure.h"

namespace islet::vm {

absl::StatusOr<Value> Compile(Vm& vm, SyntaxArena& arena, Core* toplevel, bool keep_frame) {
  LambdaForm* lambda = arena.New<LambdaForm>();
  lambda->kind = Core::Kind::kLambda;
  lambda->position = toplevel->position;
  lambda->name = vm.Intern(kTopLevelName);
  Clause clause;
  clause.body = toplevel;
  lambda->clauses = arena.Copy(absl::MakeConstSpan(&clause, 1));
  absl::Status interrupted = absl::CancelledError("compiling has been interrupted");
  Simplify(vm, arena, &lambda->clauses[0].body);
  if (Ended()) return interrupted;
  const Pieces<Function*> functions = Resolve(vm, arena, lambda, keep_frame);
  if (Ended()) return interrupted;
  CodegenShared shared{vm, kFalse, {}, {}};
  // Innermost first, so that the code that a closure refers to is there.
  for (size_t i = functions.size(); i-- > 0;) {
    absl::Status status = Codegen(shared, functions[i]).Run();
    if (!status.ok()) return status;
  }
  if (Ended()) return interrupted;
  return functions[0]->closure;
}

}  // namespace islet::vm
