// The questions of a machine to the layers above it. The evaluator answers most of them. The SDK, which embeds the
// machine in more than that, answers some itself and passes the others on.

#ifndef ISLET_ISOLATE_INTERPRETER_EMBEDDER_H_
#define ISLET_ISOLATE_INTERPRETER_EMBEDDER_H_

#include "isolate/heap/value.h"
#include "isolate/interpreter/failure.h"
#include "isolate/interpreter/limits.h"

namespace islet::vm {

class Vm;

class Embedder {
 public:
  virtual ~Embedder() = default;

  // Behind `eval`: turns a datum and an Environment into a procedure of no arguments; or kException, after raising.
  virtual Value CompileDatum(Value datum, Value environment) = 0;
  // Behind `load`: evaluates the file named by a String. kUnspecified or kException.
  virtual Value LoadFile(Value path, Value environment) = 0;
  // Behind `environment`: a fresh Environment with a list of import sets; or kException.
  virtual Value ImportAll(Value import_sets) = 0;
  // Describes a Condition or any raised object: the failure's message, kind of condition, place and frames. `backtrace`
  // is as Condition::backtrace holds it, or #f for the condition's own. Must not run Lisp.
  virtual Failure Describe(Value object, Value backtrace) = 0;
  // A limit is reached: true if it has been raised. Must not run Lisp, nor collect.
  virtual bool RaiseLimit(Limit) { return false; }
};

}  // namespace islet::vm

#endif  // ISLET_ISOLATE_INTERPRETER_EMBEDDER_H_
