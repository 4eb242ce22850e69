// The expander at work: what the files of this folder share. Not for others; see expander.h.
//
// Conventions: functions that expand or parse return null (or false) after Fail, and their callers pass that on. No
// Value is held in a C++ variable over a call that may expand, intern or load: it may collect.

#ifndef ISLET_ISOLATE_EXPANDER_EXPANSION_H_
#define ISLET_ISOLATE_EXPANDER_EXPANSION_H_

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "isolate/expander/core_form.h"
#include "isolate/expander/expander.h"
#include "isolate/expander/scope.h"
#include "isolate/heap/heap.h"
#include "isolate/heap/pieces.h"
#include "isolate/heap/poll.h"
#include "isolate/heap/work_stack.h"
#include "isolate/interpreter/vm.h"
#include "isolate/reader/syntax.h"

namespace islet::vm {

struct Rules;
class IdentifierTable;

// A (formals body ...) of lambda, parsed: the variables are bound in `scope`.
struct Formals {
  absl::Span<Variable*> required;
  Variable* rest = nullptr;
  Scope* scope = nullptr;
};

// A definition's parts: (define id expression), or (define (id . formals) body ...).
struct Definition {
  Syntax* id = nullptr;
  Syntax* expression = nullptr;  // null: a procedure
  Syntax* formals = nullptr;
  Syntax* body = nullptr;
};

class Expansion {
 public:
  Expansion(Vm& vm, SyntaxArena& arena, LibraryLoader* loader, const ExpanderOptions& options, ExpandError* error);
  ~Expansion();

  Core* Toplevel(Syntax* form, Value environment);

  Vm& vm() { return vm_; }
  Heap& heap() { return vm_.heap(); }
  SyntaxArena& arena() { return arena_; }
  LibraryLoader* loader() { return loader_; }
  size_t arena_limit() const { return options_.arena_limit; }

  // ---- Errors. The first counts.
  std::nullptr_t Fail(const Syntax* form, std::string message);
  std::nullptr_t FailAt(SourcePosition position, std::string message);
  std::nullptr_t FailWith(const Syntax* form, std::string message, const absl::Status& cause);
  std::string Print(const Syntax* form, size_t limit = 80);
  // Counts steps (heap/poll.h): false, and the expansion has failed, if the run is to be ended.
  bool GoesOn(uint64_t steps);
  // Makes sure that `bytes` can be allocated in the heap: a safepoint.
  bool Room(const Syntax* form, uint64_t bytes);

  // One more level of nesting, until the end of the C++ scope.
  class Nesting {
   public:
    Nesting(Expansion& e, const Syntax* form) : e_(e) { ok_ = e.Enter(form, 1); }
    ~Nesting() { e_.depth_ -= levels_; }
    // Results that are nested deeper, one level at a time: clauses, bindings.
    bool Deeper(const Syntax* form) {
      ++levels_;
      return e_.Enter(form, 1);
    }
    explicit operator bool() const { return ok_; }

   private:
    Expansion& e_;
    int levels_ = 1;
    bool ok_;
  };

  // ---- Expanding (expansion.cc).
  Core* Expression(Syntax* form, Scope* scope);
  // An expression whose value is given to a variable: a lambda takes its name.
  Core* Named(Syntax* form, Scope* scope, Value name);
  // A list of expressions, at least one, as a sequence. `whole` is the form they stand in.
  Core* Expressions(Syntax* forms, Scope* scope, const Syntax* whole);
  // The same, but nothing is allowed: then the result is unspecified.
  Core* ExpressionsOrNothing(Syntax* forms, Scope* scope, const Syntax* whole);
  // In the arena.
  bool ExpressionList(Syntax* forms, Scope* scope, const Syntax* whole, absl::Span<Core*>* out);
  // Uses macros at the head of `*form` until it is something else. `*core` is the core form that it then is, or -1.
  bool ExpandHead(Syntax** form, Scope* scope, int* core);
  // body.cc: definitions, then expressions, in a scope of its own.
  Core* Body(Syntax* forms, Scope* scope, const Syntax* whole);
  // For define-values: `values` are received in `count` fresh variables, the last of which takes the rest if `has_rest`
  // says so. `assign` makes the assignment to the variable that is defined, from its number and the value received.
  Core* ReceiveValues(Core* values, size_t count, bool has_rest, SourcePosition position,
                      absl::FunctionRef<Core*(size_t, Core*)> assign);
  // lambda.cc
  bool ParseFormals(Syntax* formals, Scope* scope, const Syntax* whole, Formals* out);
  Lambda* MakeLambda(Syntax* formals, Syntax* body, Scope* scope, const Syntax* whole, Value name);
  // The name of the procedure that receives the values of such a form: for messages (Vm::WrongArity).
  Value FormName(absl::string_view form) { return vm_.Intern(std::string(form) + " form"); }
  Lambda* MakeLambda(const Formals& formals, Core* body, SourcePosition position, Value name);
  Lambda* MakeThunk(Core* body, SourcePosition position);
  bool ParseDefinition(Syntax* form, Definition* out);
  Core* DefinedValue(const Definition& definition, Scope* scope, const Syntax* whole);

  // ---- Macros (macro.cc).
  // Expands a transformer, of a define-syntax or a binding of let-syntax. The result is what the name is bound to; null
  // on failure.
  const Binding* Transformer(Syntax* transformer, Scope* scope, const Syntax* whole);
  const Rules* RulesOf(Value macro, const Syntax* form);
  bool DefineMacro(Syntax* form, Scope* scope);
  // A Macro in the heap with the text of `rules`, in `binding->value`.
  bool StoreMacro(const Rules* rules, Scope* root, const Syntax* whole, Binding* binding);

  // ---- Macros that are procedures (procedural_macro.cc).
  // Evaluates the expression behind er-macro-transformer to what Rules::procedure holds. Runs Lisp.
  bool EvaluateTransformer(Syntax* expression, Scope* scope, const Syntax* whole, Value* procedure);
  // Is enough of the C++ stack left to run Lisp from here? Else fails.
  bool StackForLisp(const Syntax* form);
  // After Lisp run for `form` has failed.
  std::nullptr_t FailRun(const Syntax* form, absl::string_view what, const absl::Status& status);
  IdentifierTable& identifiers();
  // The identifier that a Symbol or Identifier of the heap stands for. Does not allocate there.
  Syntax* IdentifierSyntax(Value value, SourcePosition position);

  // ---- Identifiers.
  Denotation Meaning(const Syntax* id, const Scope* scope) { return Resolve(heap(), id, scope); }
  // Does `form` mean this auxiliary keyword (else, =>, ..., _, unquote)? Also true where it is unbound.
  bool IsKeyword(const Syntax* form, CoreForm keyword, const Scope* scope);
  Syntax* Rename(Syntax* name, Scope* scope, SourcePosition position);
  Variable* NewVariable(const Syntax* id);
  Variable* NewTemporary();
  Variable* Bind(const Syntax* id, Scope* scope);
  void Bind(const Syntax* id, Scope* scope, const Binding* binding);
  Scope* NewScope(Scope* parent);
  Env* EnvOf(Value environment);

  // ---- Globals (environment.cc).
  // The Cell that a top-level definition of `id` gives a value to, in `*out`. A safepoint.
  GlobalDefine* DefineGlobal(const Syntax* id, Scope* root, SourcePosition position);
  Core* Reference(const Syntax* id, Scope* scope);
  Core* Assignment(const Syntax* id, Scope* scope, Core* value, const Syntax* whole);
  // Binds a keyword in the Environment of `root` to what `binding->value` is.
  bool BindGlobal(const Syntax* id, Scope* root, const Binding* binding);
  // Does `cell` belong to another library than `env`?
  bool IsImported(Value cell, const Env* env);
  // The Environment of (islet core), where generated code finds its procedures; null if there is none (Fail).
  Env* CoreEnv(SourcePosition position);
  Core* CoreProcedure(absl::string_view name, SourcePosition position);
  Syntax* CoreIdentifier(absl::string_view name, SourcePosition position);

  // ---- Top level and libraries (toplevel.cc, library.cc).
  Core* ToplevelForms(absl::Span<Syntax* const> forms, Scope* root, SourcePosition position);
  bool Import(Syntax* form, Scope* root);
  Core* DefineLibrary(Syntax* form);
  // The library that the syntax names, loaded if need be. Null after Fail, or, with `found`, if there is none (*found).
  Env* LoadLibrary(Syntax* name, bool* found = nullptr);
  // The forms that `include` or `cond-expand` stands for.
  bool Include(Syntax* form, bool fold_case, std::vector<Syntax*>* out);
  // `from` includes `path`: false, after Fail, if it has come from there itself.
  bool NoteInclude(const Syntax* form, const std::string& path, const std::string& from);
  bool CondExpand(Syntax* form, std::vector<Syntax*>* out);
  bool Splice(Syntax* list, const Syntax* whole, std::vector<Syntax*>* out);
  // The same, the last one first.
  bool SpliceReversed(Syntax* list, const Syntax* whole, WorkStack<Syntax*>* out);
  // A begin, include or cond-expand in front of other forms: its forms are put in front of `pending`, which is a stack.
  bool SpliceForm(Syntax* form, int core, WorkStack<Syntax*>* pending, bool* spliced);
  // (define-record-type ...) as a list of definitions.
  bool RecordDefinitions(Syntax* form, std::vector<Syntax*>* out);

  // ---- Making core forms.
  Core* MakeConstant(Value value, SourcePosition position);
  Core* MakeUnspecified(SourcePosition position) { return MakeConstant(kUnspecified, position); }
  // A quoted datum.
  Core* Quoted(Syntax* datum, SourcePosition position);
  Core* MakeRef(Variable* variable, SourcePosition position);
  Core* MakeGlobalRef(Value cell, SourcePosition position);
  Core* MakeIf(Core* test, Core* consequent, Core* alternative, SourcePosition position);
  Core* MakeSequence(absl::Span<Core* const> items, SourcePosition position);
  // The same for items that are in the arena already.
  Core* SequenceOf(absl::Span<Core*> items, SourcePosition position);
  Core* MakeCall(Core* callee, absl::Span<Core* const> args, SourcePosition position);
  Core* MakeCoreCall(absl::string_view name, absl::Span<Core* const> args, SourcePosition position);
  Core* MakeLet(absl::Span<Variable* const> variables, absl::Span<Core* const> inits, Core* body,
                SourcePosition position);
  Core* MakeLetrec(absl::Span<Variable* const> variables, absl::Span<Core* const> inits, Core* body,
                   SourcePosition position);
  template <typename T>
  T* Make(Core::Kind kind, SourcePosition position) {
    T* core = arena_.New<T>();
    core->kind = kind;
    core->position = position;
    return core;
  }

 private:
  friend class Nesting;
  struct CachedMacro {
    Value macro;  // a root
    const Rules* rules;
  };

  bool Enter(const Syntax* form, int levels);
  // Fails if the variable belongs to code that does not run when what is being expanded does.
  bool CheckPhase(const Variable* variable, const Syntax* id);
  Core* Combination(Syntax* form, Scope* scope);
  // If the name is unbound, but known in other Lisps, this says what to write instead; else it is empty.
  absl::string_view HintForUnbound(const Syntax* id, const Scope* scope);

  Vm& vm_;
  SyntaxArena& arena_;
  LibraryLoader* loader_;
  ExpanderOptions options_;
  ExpandError* error_;
  StepCounter steps_;
  bool failed_ = false;
  int depth_ = 0;
  const char* stack_top_ = nullptr;
  size_t stack_bytes_ = 0;
  std::vector<Env*> envs_;
  Env* core_env_ = nullptr;
  std::vector<CachedMacro*> macros_;
  std::unordered_map<uint32_t, const Rules*> macro_index_;  // by the Value's bits, as of macro_epoch_
  uint32_t macro_epoch_ = 0;
  std::unordered_map<std::string, std::string> included_by_;  // files, and what has included them last
  int phase_ = 0;                                             // Variable::phase of those being bound
  std::unique_ptr<IdentifierTable> identifiers_;              // made when first needed
};

// Pairs in a proper list, or -1 if it is improper or circular.
int64_t ListLength(const Syntax* list);
// The number of leading pairs, and what follows the last; false if it is circular, or the run is to
// be ended.
bool CountPairs(const Syntax* list, size_t* count, const Syntax** tail);
// The n-th element of a list that is long enough.
inline Syntax* Nth(Syntax* list, size_t n) {
  while (n-- > 0) list = list->cdr;
  return list->car;
}
inline Syntax* Tail(Syntax* list, size_t n) {
  while (n-- > 0) list = list->cdr;
  return list;
}

// How each core form is expanded where an expression stands.
using FormExpander = Core* (*)(Expansion& e, Syntax* form, Scope* scope);
FormExpander ExpanderOf(CoreForm form);

Core* ExpandQuasiquote(Expansion& e, Syntax* form, Scope* scope);
Core* ExpandLambda(Expansion& e, Syntax* form, Scope* scope);
Core* ExpandCaseLambda(Expansion& e, Syntax* form, Scope* scope);
Core* ExpandLet(Expansion& e, Syntax* form, Scope* scope);
Core* ExpandLetStar(Expansion& e, Syntax* form, Scope* scope);
Core* ExpandLetrec(Expansion& e, Syntax* form, Scope* scope);
Core* ExpandLetValues(Expansion& e, Syntax* form, Scope* scope);
Core* ExpandLetStarValues(Expansion& e, Syntax* form, Scope* scope);
Core* ExpandReceive(Expansion& e, Syntax* form, Scope* scope);
Core* ExpandDo(Expansion& e, Syntax* form, Scope* scope);
Core* ExpandLetSyntax(Expansion& e, Syntax* form, Scope* scope);
Core* ExpandLetrecSyntax(Expansion& e, Syntax* form, Scope* scope);
Core* ExpandAnd(Expansion& e, Syntax* form, Scope* scope);
Core* ExpandOr(Expansion& e, Syntax* form, Scope* scope);
Core* ExpandWhen(Expansion& e, Syntax* form, Scope* scope);
Core* ExpandUnless(Expansion& e, Syntax* form, Scope* scope);
Core* ExpandCond(Expansion& e, Syntax* form, Scope* scope);
Core* ExpandCase(Expansion& e, Syntax* form, Scope* scope);

}  // namespace islet::vm

#endif  // ISLET_ISOLATE_EXPANDER_EXPANSION_H_
