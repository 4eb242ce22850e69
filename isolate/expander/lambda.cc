// Procedures: lambda, case-lambda, and the two shapes of define.

#include "absl/strings/str_cat.h"
#include "isolate/expander/expansion.h"

namespace islet::vm {

bool Expansion::ParseFormals(Syntax* formals, Scope* scope, const Syntax* whole, Formals* out) {
  size_t n;
  const Syntax* tail;
  if (!CountPairs(formals, &n, &tail) || (!tail->IsNull() && !tail->IsIdentifier())) {
    Fail(whole, "expected the parameters as (name ...), (name ... . rest) or rest");
    return false;
  }
  out->scope = NewScope(scope);
  std::vector<Variable*> required;
  required.reserve(n);
  auto bind = [&](const Syntax* id) -> Variable* {
    if (!id->IsIdentifier()) {
      return Fail(whole, absl::StrCat("a parameter must be an identifier, not ", Print(id)));
    }
    if (out->scope->Find(KeyOf(id)) != nullptr) {
      return Fail(whole, absl::StrCat("duplicate parameter ", Print(id)));
    }
    return Bind(id, out->scope);
  };
  for (; formals->IsPair(); formals = formals->cdr) {
    Variable* variable = bind(formals->car);
    if (variable == nullptr) return false;
    required.push_back(variable);
  }
  out->required = arena_.Copy(absl::Span<Variable* const>(required));
  if (!formals->IsNull()) {
    out->rest = bind(formals);
    if (out->rest == nullptr) return false;
  }
  return true;
}

Lambda* Expansion::MakeLambda(const Formals& formals, Core* body, SourcePosition position, Value name) {
  Lambda* lambda = Make<Lambda>(Core::Kind::kLambda, position);
  lambda->name = name;
  arena_.AddRoot(&lambda->name);
  const Clause clause{formals.required, formals.rest, body};
  lambda->clauses = arena_.Copy(absl::Span<const Clause>(&clause, 1));
  return lambda;
}

Lambda* Expansion::MakeLambda(Syntax* formals, Syntax* body, Scope* scope, const Syntax* whole, Value name) {
  Formals parsed;
  if (!ParseFormals(formals, scope, whole, &parsed)) return nullptr;
  Core* core = Body(body, parsed.scope, whole);
  return core == nullptr ? nullptr : MakeLambda(parsed, core, whole->position, name);
}

Lambda* Expansion::MakeThunk(Core* body, SourcePosition position) {
  return MakeLambda(Formals{}, body, position, kFalse);
}

Core* ExpandLambda(Expansion& e, Syntax* form, Scope* scope) {
  if (ListLength(form) < 3) return e.Fail(form, "lambda: expected (lambda (parameter ...) body ...)");
  return e.MakeLambda(Nth(form, 1), Tail(form, 2), scope, form, kFalse);
}

Core* ExpandCaseLambda(Expansion& e, Syntax* form, Scope* scope) {
  std::vector<Clause> clauses;
  for (Syntax* p = form->cdr; p->IsPair(); p = p->cdr) {
    if (ListLength(p->car) < 2) {
      return e.Fail(p->car, "case-lambda: expected clauses ((parameter ...) body ...)");
    }
    Formals formals;
    if (!e.ParseFormals(p->car->car, scope, p->car, &formals)) return nullptr;
    Core* body = e.Body(p->car->cdr, formals.scope, p->car);
    if (body == nullptr) return nullptr;
    clauses.push_back({formals.required, formals.rest, body});
  }
  if (clauses.empty()) return e.Fail(form, "case-lambda: expected at least one clause");
  Lambda* lambda = e.Make<Lambda>(Core::Kind::kLambda, form->position);
  lambda->name = kFalse;
  e.arena().AddRoot(&lambda->name);
  lambda->clauses = e.arena().Copy(absl::Span<const Clause>(clauses));
  return lambda;
}

bool Expansion::ParseDefinition(Syntax* form, Definition* out) {
  const int64_t n = ListLength(form);
  if (n >= 2) {
    Syntax* target = Nth(form, 1);
    if (target->IsIdentifier() && n == 3) {
      out->id = target;
      out->expression = Nth(form, 2);
      return true;
    }
    if (target->IsPair() && target->car->IsIdentifier() && n >= 3) {
      out->id = target->car;
      out->formals = target->cdr;
      out->body = Tail(form, 2);
      return true;
    }
  }
  Fail(form, "define: expected (define name expression) or (define (name parameter ...) body ...)");
  return false;
}

Core* Expansion::DefinedValue(const Definition& definition, Scope* scope, const Syntax* whole) {
  const Value name = BaseSymbol(definition.id);
  if (definition.expression != nullptr) return Named(definition.expression, scope, name);
  Nesting nesting(*this, whole);
  if (!nesting) return nullptr;
  return MakeLambda(definition.formals, definition.body, scope, whole, name);
}

}  // namespace islet::vm
