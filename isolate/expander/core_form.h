// The expander makes of a program a tree of a dozen core forms, in which every name is resolved, and the compiler takes
// it. It lives in the same arena as the syntax it came from.

#ifndef ISLET_ISOLATE_EXPANDER_CORE_FORM_H_
#define ISLET_ISOLATE_EXPANDER_CORE_FORM_H_

#include <cstdint>

#include "absl/types/span.h"
#include "isolate/heap/value.h"
#include "isolate/reader/syntax.h"

namespace islet::vm {

struct Lambda;

// A local variable: of a lambda clause, let or letrec.
struct Variable {
  Value name = kFalse;           // Symbol, for messages
  int phase = 0;                 // 0: of the program; n: of a transformer inside n - 1 others, run while expanding
  bool assigned = false;         // some LocalSet refers to it (set by the expander)
  uint32_t reference_count = 0;  // LocalRefs (set by the expander)
  // The compiler's own notes.
  void* note = nullptr;
  int32_t index = -1;
  bool captured = false;
};

struct Core {
  enum class Kind : uint8_t {
    kConstant,
    kLocalRef,
    kLocalSet,
    kGlobalRef,
    kGlobalSet,
    kGlobalDefine,
    kIf,
    kLambda,
    kSequence,
    kCall,
    kLet,
    kLetrec,
  };
  Kind kind;
  SourcePosition position;
};

struct Constant : Core {
  Value value;  // a root (SyntaxArena::AddRoot)
};
struct LocalRef : Core {
  Variable* variable;
};
struct LocalSet : Core {
  Variable* variable;
  Core* value;
};
// `cell` (a root) is the variable's Cell. If it has kConstantCellFlag, its value is final.
struct GlobalRef : Core {
  Value cell;
};
struct GlobalSet : Core {
  Value cell;
  Core* value;
};
struct GlobalDefine : Core {
  Value cell;
  Core* value;  // returns the name's symbol
};
struct If : Core {
  Core* test;
  Core* consequent;
  Core* alternative;  // a kUnspecified Constant where the source has none
};
// Each clause takes `required.size()` arguments, and more if there is a rest variable. One clause: lambda; several:
// case-lambda, tried in order.
struct Clause {
  absl::Span<Variable*> required;
  Variable* rest = nullptr;
  Core* body = nullptr;
};
struct Lambda : Core {
  Value name;  // Symbol or #f; a root
  absl::Span<Clause> clauses;
};
struct Sequence : Core {
  absl::Span<Core*> items;  // at least one
};
struct Call : Core {
  Core* callee;
  absl::Span<Core*> args;
};
// Evaluates `inits`, in any order, outside the scope of the variables.
struct Let : Core {
  absl::Span<Variable*> variables;
  absl::Span<Core*> inits;
  Core* body;
};
// letrec*: the inits are evaluated in order, inside the scope of the variables. Reading one too early is an error.
struct Letrec : Core {
  absl::Span<Variable*> variables;
  absl::Span<Core*> inits;
  Core* body;
};

}  // namespace islet::vm

#endif  // ISLET_ISOLATE_EXPANDER_CORE_FORM_H_
