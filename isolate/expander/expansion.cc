// Expressions: the dispatch on what a form's head means, and the forms that are not derived.

#include "isolate/expander/expansion.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "isolate/data/foreign_names.h"
#include "isolate/expander/procedural_macro.h"
#include "isolate/expander/syntax_rules.h"
#include "isolate/process/stack_space.h"
#include "isolate/reader/reader.h"

namespace islet::vm {

bool CountPairs(const Syntax* list, size_t* count, const Syntax** tail) {
  size_t n = 0;
  const Syntax* slow = list;
  StepCounter steps;
  for (; list->IsPair(); list = list->cdr) {
    if (!steps.Add(1)) return false;
    ++n;
    if (n % 2 == 0) {
      slow = slow->cdr;
      if (slow == list->cdr) return false;
    }
  }
  *count = n;
  if (tail != nullptr) *tail = list;
  return true;
}

int64_t ListLength(const Syntax* list) {
  size_t n;
  const Syntax* tail;
  if (!CountPairs(list, &n, &tail) || !tail->IsNull()) return -1;
  return static_cast<int64_t>(n);
}

Expansion::Expansion(Vm& vm, SyntaxArena& arena, LibraryLoader* loader, const ExpanderOptions& options,
                     ExpandError* error)
    : vm_(vm), arena_(arena), loader_(loader), options_(options), error_(error) {}

Expansion::~Expansion() = default;

// ---- Errors and limits.

std::nullptr_t Expansion::FailWith(const Syntax* form, std::string message, const absl::Status& cause) {
  if (failed_) return nullptr;
  failed_ = true;
  error_->message = std::move(message);
  error_->cause = cause;
  if (form != nullptr) {
    error_->position = form->position;
    error_->form = Print(form);
  }
  return nullptr;
}

std::nullptr_t Expansion::Fail(const Syntax* form, std::string message) {
  return FailWith(form, std::move(message), absl::OkStatus());
}

std::nullptr_t Expansion::FailAt(SourcePosition position, std::string message) {
  if (failed_) return nullptr;
  FailWith(nullptr, std::move(message), absl::OkStatus());
  error_->position = position;
  return nullptr;
}

std::string Expansion::Print(const Syntax* form, size_t limit) { return SyntaxToString(vm_, form, limit); }

bool Expansion::Room(const Syntax* form, uint64_t bytes) {
  if (bytes <= heap().heap_limit() && heap().Reserve(bytes)) return true;
  FailWith(form, "not enough memory to expand this form", HeapLimitStatus(vm_, "while expanding"));
  return false;
}

bool Expansion::GoesOn(uint64_t steps) {
  if (steps_.Add(steps)) return true;
  Fail(nullptr, "expanding has been interrupted");
  return false;
}

bool Expansion::Enter(const Syntax* form, int levels) {
  depth_ += levels;
  if (!GoesOn(32)) return false;
  const char* here = static_cast<const char*>(__builtin_frame_address(0));
  if (depth_ > options_.max_depth || static_cast<size_t>(stack_top_ - here) > stack_bytes_) {
    Fail(form, "forms are nested too deeply here");
    return false;
  }
  if (arena_.bytes() > options_.arena_limit) {
    Fail(form, absl::StrCat("expanding took more than ", options_.arena_limit >> 20,
                            " MiB: does a macro expand without end?"));
    return false;
  }
  return true;
}

Core* Expansion::Toplevel(Syntax* form, Value environment) {
  failed_ = false;
  depth_ = 0;
  phase_ = 0;
  identifiers_.reset();
  stack_top_ = static_cast<const char*>(__builtin_frame_address(0));
  stack_bytes_ = options_.stack_bytes != 0 ? options_.stack_bytes : RemainingStack() / 2;
  Env* env = EnvOf(environment);
  return ToplevelForms({&form, 1}, env->scope, form->position);
}

// ---- Identifiers.

Env* Expansion::EnvOf(Value environment) {
  for (Env* env : envs_) {
    if (env->value == environment) return env;
  }
  Env* env = arena_.New<Env>();
  env->value = environment;
  arena_.AddRoot(&env->value);
  env->scope = new (arena_.Allocate(sizeof(Scope))) Scope(nullptr, env);
  envs_.push_back(env);
  return env;
}

Scope* Expansion::NewScope(Scope* parent) { return new (arena_.Allocate(sizeof(Scope))) Scope(parent, parent->env()); }

Variable* Expansion::NewVariable(const Syntax* id) {
  Variable* variable = arena_.New<Variable>();
  variable->name = BaseSymbol(id);
  variable->phase = phase_;
  arena_.AddRoot(&variable->name);
  return variable;
}

Variable* Expansion::NewTemporary() { return arena_.New<Variable>(); }

void Expansion::Bind(const Syntax* id, Scope* scope, const Binding* binding) { scope->Add(arena_, KeyOf(id), binding); }

Variable* Expansion::Bind(const Syntax* id, Scope* scope) {
  Binding* binding = arena_.New<Binding>();
  binding->variable = NewVariable(id);
  Bind(id, scope, binding);
  return binding->variable;
}

Syntax* Expansion::Rename(Syntax* name, Scope* scope, SourcePosition position) {
  Alias* alias = arena_.New<Alias>();
  alias->name = name;
  alias->scope = scope;
  return arena_.FromAlias(alias, position);
}

bool Expansion::IsKeyword(const Syntax* form, CoreForm keyword, const Scope* scope) {
  static constexpr const char* kNames[] = {
#define ISLET_CORE_FORM(name, enumerator, number, expander) name,
#include "isolate/expander/core_forms.def"
  };
  if (!form->IsIdentifier()) return false;
  const Denotation d = Meaning(form, scope);
  if (d.IsCoreForm(keyword)) return true;
  if (d.kind != Denotation::Kind::kUnbound) return false;
  return vm_.SymbolName(d.symbol) == kNames[static_cast<int>(keyword)];
}

// ---- Expressions.

bool Expansion::ExpandHead(Syntax** form, Scope* scope, int* core) {
  *core = -1;
  for (;;) {
    if (!(*form)->IsPair() || !(*form)->car->IsIdentifier()) return true;
    const Denotation d = Meaning((*form)->car, scope);
    const Rules* rules;
    if (d.kind == Denotation::Kind::kCoreForm) {
      *core = static_cast<int>(d.value.payload());
      return true;
    } else if (d.kind == Denotation::Kind::kRules) {
      rules = d.rules;
    } else if (d.kind == Denotation::Kind::kMacro) {
      rules = RulesOf(d.value, *form);
      if (rules == nullptr) return false;
    } else {
      return true;
    }
    Nesting nesting(*this, *form);
    if (!nesting) return false;
    *form = rules->procedure == kUndefined ? ApplyRules(*this, *rules, *form, scope)
                                           : ApplyTransformer(*this, *rules, *form, scope);
    if (*form == nullptr) return false;
  }
}

Core* Expansion::Expression(Syntax* form, Scope* scope) {
  Nesting nesting(*this, form);
  if (!nesting) return nullptr;
  int core;
  if (!ExpandHead(&form, scope, &core)) return nullptr;
  if (core >= 0) {
    const FormExpander expand = ExpanderOf(static_cast<CoreForm>(core));
    if (ListLength(form) < 0) {
      return Fail(form,
                  absl::StrCat(vm_.SymbolName(BaseSymbol(form->car)), ": expected a proper list, not a dotted one"));
    }
    return expand(*this, form, scope);
  }
  switch (form->kind) {
    case Syntax::Kind::kAtom:
      if (form->IsNull()) {
        return Fail(form, "(): a call needs a procedure; expected (procedure argument ...) or '()");
      }
      return MakeConstant(form->value, form->position);
    case Syntax::Kind::kVector:
      return Quoted(form, form->position);
    case Syntax::Kind::kSymbol:
    case Syntax::Kind::kAlias:
      return Reference(form, scope);
    case Syntax::Kind::kPair:
      return Combination(form, scope);
  }
  return nullptr;
}

Core* Expansion::Combination(Syntax* form, Scope* scope) {
  if (ListLength(form) < 0) {
    return Fail(form, "expected a call (procedure argument ...), not a dotted list");
  }
  const absl::string_view hint = HintForUnbound(form->car, scope);
  Core* callee = Expression(form->car, scope);
  if (callee == nullptr) return nullptr;
  Call* call = Make<Call>(Core::Kind::kCall, form->position);
  call->callee = callee;
  if (!ExpressionList(form->cdr, scope, form, &call->args)) {
    // (defun f () ...): it is not () that is wrong.
    if (!hint.empty() && error_->cause.ok()) {
      error_->message = absl::StrCat("unbound variable: ", Print(form->car), "; in Scheme: ", hint);
      error_->position = form->position;
      error_->form = Print(form);
    }
    return nullptr;
  }
  if (hint.empty()) return call;
  // A name that other Lisps know: unless it is defined by then, its absence must come to light before that of its
  // operands, which would be variables only here.
  Core* check = Reference(form->car, scope);
  return check == nullptr ? nullptr : MakeSequence({check, call}, form->position);
}

absl::string_view Expansion::HintForUnbound(const Syntax* id, const Scope* scope) {
  if (!id->IsIdentifier()) return "";
  const Denotation d = Meaning(id, scope);
  const bool unbound =
      d.kind == Denotation::Kind::kUnbound ||
      (d.kind == Denotation::Kind::kCell && (HeaderFlags(heap().header(d.value)) & kForwardCellFlag) != 0);
  return unbound ? ForeignNameHint(vm_.SymbolName(d.symbol)) : "";
}

Core* Expansion::Named(Syntax* form, Scope* scope, Value name) {
  // `name` is a symbol, which does not move.
  Core* core = Expression(form, scope);
  if (core != nullptr && core->kind == Core::Kind::kLambda) {
    Lambda* lambda = static_cast<Lambda*>(core);
    if (lambda->name == kFalse) lambda->name = name;
  }
  return core;
}

bool Expansion::ExpressionList(Syntax* forms, Scope* scope, const Syntax* whole, absl::Span<Core*>* out) {
  const int64_t n = ListLength(forms);
  if (n < 0) {
    Fail(whole, "expected a proper list, not a dotted one");
    return false;
  }
  *out = arena_.NewSpan<Core*>(static_cast<size_t>(n));
  for (Core*& core : *out) {
    core = Expression(forms->car, scope);
    if (core == nullptr) return false;
    forms = forms->cdr;
  }
  return true;
}

Core* Expansion::Expressions(Syntax* forms, Scope* scope, const Syntax* whole) {
  absl::Span<Core*> items;
  if (!ExpressionList(forms, scope, whole, &items)) return nullptr;
  if (items.empty()) return Fail(whole, "expected at least one expression");
  return SequenceOf(items, whole->position);
}

Core* Expansion::ExpressionsOrNothing(Syntax* forms, Scope* scope, const Syntax* whole) {
  if (forms->IsNull()) return MakeUnspecified(whole->position);
  return Expressions(forms, scope, whole);
}

// ---- Making core forms.

Core* Expansion::MakeConstant(Value value, SourcePosition position) {
  Constant* core = Make<Constant>(Core::Kind::kConstant, position);
  core->value = value;
  if (value.IsRef()) arena_.AddConstantRoot(&core->value);
  return core;
}

Core* Expansion::Quoted(Syntax* datum, SourcePosition position) {
  if (datum->kind == Syntax::Kind::kAtom) return MakeConstant(datum->value, position);
  if (!Room(datum, 4096)) return nullptr;
  const Value value = SyntaxToDatum(vm_, datum, true, [](const Alias* alias) { return BaseSymbol(alias->name); });
  if (value == kUndefined) {
    return FailWith(datum, "a quoted datum needs too much room", HeapLimitStatus(vm_, "by a quoted datum"));
  }
  return MakeConstant(value, position);
}

Core* Expansion::MakeRef(Variable* variable, SourcePosition position) {
  LocalRef* ref = Make<LocalRef>(Core::Kind::kLocalRef, position);
  ref->variable = variable;
  ++variable->reference_count;
  return ref;
}

Core* Expansion::MakeGlobalRef(Value cell, SourcePosition position) {
  GlobalRef* ref = Make<GlobalRef>(Core::Kind::kGlobalRef, position);
  ref->cell = cell;
  arena_.AddConstantRoot(&ref->cell);
  return ref;
}

Core* Expansion::MakeIf(Core* test, Core* consequent, Core* alternative, SourcePosition position) {
  If* core = Make<If>(Core::Kind::kIf, position);
  core->test = test;
  core->consequent = consequent;
  core->alternative = alternative;
  return core;
}

Core* Expansion::MakeSequence(absl::Span<Core* const> items, SourcePosition position) {
  return items.size() == 1 ? items[0] : SequenceOf(arena_.Copy(items), position);
}

Core* Expansion::SequenceOf(absl::Span<Core*> items, SourcePosition position) {
  if (items.size() == 1) return items[0];
  Sequence* core = Make<Sequence>(Core::Kind::kSequence, position);
  core->items = items;
  return core;
}

Core* Expansion::MakeCall(Core* callee, absl::Span<Core* const> args, SourcePosition position) {
  Call* core = Make<Call>(Core::Kind::kCall, position);
  core->callee = callee;
  core->args = arena_.Copy(args);
  return core;
}

Core* Expansion::MakeCoreCall(absl::string_view name, absl::Span<Core* const> args, SourcePosition position) {
  Core* callee = CoreProcedure(name, position);
  return callee == nullptr ? nullptr : MakeCall(callee, args, position);
}

Core* Expansion::MakeLet(absl::Span<Variable* const> variables, absl::Span<Core* const> inits, Core* body,
                         SourcePosition position) {
  Let* core = Make<Let>(Core::Kind::kLet, position);
  core->variables = arena_.Copy(variables);
  core->inits = arena_.Copy(inits);
  core->body = body;
  return core;
}

Core* Expansion::MakeLetrec(absl::Span<Variable* const> variables, absl::Span<Core* const> inits, Core* body,
                            SourcePosition position) {
  Letrec* core = Make<Letrec>(Core::Kind::kLetrec, position);
  core->variables = arena_.Copy(variables);
  core->inits = arena_.Copy(inits);
  core->body = body;
  return core;
}

// ---- Core forms where an expression stands.

namespace {

Core* ExpandQuote(Expansion& e, Syntax* form, Scope*) {
  if (ListLength(form) != 2) return e.Fail(form, "quote: expected (quote datum)");
  return e.Quoted(Nth(form, 1), form->position);
}

Core* ExpandIf(Expansion& e, Syntax* form, Scope* scope) {
  const int64_t n = ListLength(form);
  if (n != 3 && n != 4) return e.Fail(form, "if: expected (if test consequent [alternative])");
  Core* test = e.Expression(Nth(form, 1), scope);
  if (test == nullptr) return nullptr;
  Core* consequent = e.Expression(Nth(form, 2), scope);
  if (consequent == nullptr) return nullptr;
  Core* alternative = n == 4 ? e.Expression(Nth(form, 3), scope) : e.MakeUnspecified(form->position);
  if (alternative == nullptr) return nullptr;
  return e.MakeIf(test, consequent, alternative, form->position);
}

Core* ExpandSet(Expansion& e, Syntax* form, Scope* scope) {
  if (ListLength(form) != 3 || !Nth(form, 1)->IsIdentifier()) {
    return e.Fail(form, "set!: expected (set! variable expression)");
  }
  Core* value = e.Named(Nth(form, 2), scope, kFalse);
  if (value == nullptr) return nullptr;
  return e.Assignment(Nth(form, 1), scope, value, form);
}

Core* ExpandBegin(Expansion& e, Syntax* form, Scope* scope) {
  if (form->cdr->IsNull()) return e.Fail(form, "begin: expected (begin expression ...)");
  return e.Expressions(form->cdr, scope, form);
}

Core* ExpandMisplacedDefinition(Expansion& e, Syntax* form, Scope*) {
  return e.Fail(form, absl::StrCat(e.vm().SymbolName(BaseSymbol(form->car)),
                                   ": a definition is only allowed at top level or in a body, not "
                                   "where an expression is expected"));
}

Core* ExpandMisplacedKeyword(Expansion& e, Syntax* form, Scope*) {
  return e.Fail(form, absl::StrCat(e.vm().SymbolName(BaseSymbol(form->car)),
                                   ": this keyword is only allowed inside the form it belongs to"));
}

Core* ExpandMisplacedToplevel(Expansion& e, Syntax* form, Scope*) {
  return e.Fail(form, absl::StrCat(e.vm().SymbolName(BaseSymbol(form->car)), ": only allowed at top level"));
}

Core* ExpandIncludeExpression(Expansion& e, Syntax* form, Scope* scope) {
  const bool fold_case = e.Meaning(form->car, scope).IsCoreForm(CoreForm::kIncludeCi);
  std::vector<Syntax*> forms;
  if (!e.Include(form, fold_case, &forms)) return nullptr;
  return e.ExpressionsOrNothing(e.arena().List(forms, form->position), scope, form);
}

Core* ExpandCondExpandExpression(Expansion& e, Syntax* form, Scope* scope) {
  std::vector<Syntax*> forms;
  if (!e.CondExpand(form, &forms)) return nullptr;
  return e.ExpressionsOrNothing(e.arena().List(forms, form->position), scope, form);
}

Core* ExpandSyntaxError(Expansion& e, Syntax* form, Scope*) {
  if (ListLength(form) < 2) {
    return e.Fail(form, "syntax-error: expected (syntax-error message form ...)");
  }
  const Syntax* message = Nth(form, 1);
  std::string text = message->kind == Syntax::Kind::kAtom && e.heap().Is<String>(message->value)
                         ? e.vm().ToUtf8(message->value)
                         : e.Print(message);
  for (Syntax* p = Tail(form, 2); p->IsPair(); p = p->cdr) {
    absl::StrAppend(&text, " ", e.Print(p->car));
  }
  return e.FailAt(form->position, std::move(text));
}

Core* ExpandAssert(Expansion& e, Syntax* form, Scope* scope) {
  if (ListLength(form) != 2) return e.Fail(form, "assert: expected (assert expression)");
  Core* test = e.Expression(Nth(form, 1), scope);
  if (test == nullptr || !e.Room(form, 4096)) return nullptr;
  Core* message = e.MakeConstant(e.vm().MakeString("assertion failed", kImmutableFlag), form->position);
  Core* expression = e.Quoted(Nth(form, 1), form->position);
  if (expression == nullptr) return nullptr;
  Core* raise = e.MakeCoreCall("error", {message, expression}, form->position);
  if (raise == nullptr) return nullptr;
  return e.MakeIf(test, e.MakeUnspecified(form->position), raise, form->position);
}

}  // namespace

FormExpander ExpanderOf(CoreForm form) {
  switch (form) {
#define ISLET_CORE_FORM(name, enumerator, number, expander) \
  case CoreForm::k##enumerator:                             \
    return expander;
#include "isolate/expander/core_forms.def"
  }
  return ExpandMisplacedKeyword;
}

}  // namespace islet::vm
