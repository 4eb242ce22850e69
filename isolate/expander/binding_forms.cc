// Forms that bind local variables (R7RS 4.2.2, 4.2.4), straight into core forms.

#include "absl/strings/str_cat.h"
#include "isolate/expander/expansion.h"

namespace islet::vm {

namespace {

// ((name init) ...), checked; false after Fail. `what` names the form.
bool ParseBindings(Expansion& e, Syntax* list, const Syntax* whole, absl::string_view what,
                   std::vector<std::pair<Syntax*, Syntax*>>* out) {
  if (ListLength(list) < 0) {
    e.Fail(whole, absl::StrCat(what, ": expected (", what, " ((name expression) ...) body ...)"));
    return false;
  }
  for (; list->IsPair(); list = list->cdr) {
    Syntax* binding = list->car;
    if (ListLength(binding) != 2 || !binding->car->IsIdentifier()) {
      e.Fail(binding, absl::StrCat(what, ": expected a binding (name expression)"));
      return false;
    }
    out->emplace_back(binding->car, Nth(binding, 1));
  }
  return true;
}

Variable* BindOnce(Expansion& e, Syntax* id, Scope* scope, const Syntax* whole) {
  if (scope->Find(KeyOf(id)) != nullptr) {
    return e.Fail(whole, absl::StrCat("duplicate variable ", e.Print(id)));
  }
  return e.Bind(id, scope);
}

// (let name ((variable init) ...) body ...)
Core* ExpandNamedLet(Expansion& e, Syntax* form, Scope* scope) {
  if (ListLength(form) < 4) {
    return e.Fail(form, "let: expected (let name ((variable expression) ...) body ...)");
  }
  std::vector<std::pair<Syntax*, Syntax*>> bindings;
  if (!ParseBindings(e, Nth(form, 2), form, "let", &bindings)) return nullptr;
  std::vector<Core*> args;
  for (auto& [id, init] : bindings) {
    Core* core = e.Named(init, scope, BaseSymbol(id));
    if (core == nullptr) return nullptr;
    args.push_back(core);
  }
  Syntax* name = Nth(form, 1);
  Scope* loop_scope = e.NewScope(scope);
  Variable* loop = e.Bind(name, loop_scope);
  Formals formals;
  formals.scope = e.NewScope(loop_scope);
  std::vector<Variable*> variables;
  for (auto& [id, init] : bindings) {
    Variable* variable = BindOnce(e, id, formals.scope, form);
    if (variable == nullptr) return nullptr;
    variables.push_back(variable);
  }
  formals.required = e.arena().Copy(absl::Span<Variable* const>(variables));
  Core* body = e.Body(Tail(form, 3), formals.scope, form);
  if (body == nullptr) return nullptr;
  Core* lambda = e.MakeLambda(formals, body, form->position, BaseSymbol(name));
  Core* call = e.MakeCall(e.MakeRef(loop, form->position), args, form->position);
  return e.MakeLetrec({&loop, 1}, {&lambda, 1}, call, form->position);
}

}  // namespace

Core* ExpandLet(Expansion& e, Syntax* form, Scope* scope) {
  if (ListLength(form) < 3) return e.Fail(form, "let: expected (let ((name expression) ...) body ...)");
  if (Nth(form, 1)->IsIdentifier()) return ExpandNamedLet(e, form, scope);
  std::vector<std::pair<Syntax*, Syntax*>> bindings;
  if (!ParseBindings(e, Nth(form, 1), form, "let", &bindings)) return nullptr;
  Scope* inner = e.NewScope(scope);
  std::vector<Variable*> variables;
  std::vector<Core*> inits;
  for (auto& [id, init] : bindings) {
    Core* core = e.Named(init, scope, BaseSymbol(id));
    if (core == nullptr) return nullptr;
    Variable* variable = BindOnce(e, id, inner, form);
    if (variable == nullptr) return nullptr;
    inits.push_back(core);
    variables.push_back(variable);
  }
  Core* body = e.Body(Tail(form, 2), inner, form);
  if (body == nullptr || variables.empty()) return body;
  return e.MakeLet(variables, inits, body, form->position);
}

Core* ExpandLetStar(Expansion& e, Syntax* form, Scope* scope) {
  if (ListLength(form) < 3) {
    return e.Fail(form, "let*: expected (let* ((name expression) ...) body ...)");
  }
  std::vector<std::pair<Syntax*, Syntax*>> bindings;
  if (!ParseBindings(e, Nth(form, 1), form, "let*", &bindings)) return nullptr;
  Expansion::Nesting nesting(e, form);
  std::vector<std::pair<Variable*, Core*>> bound;
  for (auto& [id, init] : bindings) {
    if (!nesting.Deeper(init)) return nullptr;
    Core* core = e.Named(init, scope, BaseSymbol(id));
    if (core == nullptr) return nullptr;
    scope = e.NewScope(scope);
    bound.emplace_back(e.Bind(id, scope), core);
  }
  Core* core = e.Body(Tail(form, 2), scope, form);
  if (core == nullptr) return nullptr;
  for (size_t i = bound.size(); i-- > 0;) {
    core = e.MakeLet({&bound[i].first, 1}, {&bound[i].second, 1}, core, form->position);
  }
  return core;
}

Core* ExpandLetrec(Expansion& e, Syntax* form, Scope* scope) {
  if (ListLength(form) < 3) {
    return e.Fail(form, "letrec: expected (letrec ((name expression) ...) body ...)");
  }
  std::vector<std::pair<Syntax*, Syntax*>> bindings;
  if (!ParseBindings(e, Nth(form, 1), form, "letrec", &bindings)) return nullptr;
  Scope* inner = e.NewScope(scope);
  std::vector<Variable*> variables;
  for (auto& [id, init] : bindings) {
    Variable* variable = BindOnce(e, id, inner, form);
    if (variable == nullptr) return nullptr;
    variables.push_back(variable);
  }
  std::vector<Core*> inits;
  for (auto& [id, init] : bindings) {
    Core* core = e.Named(init, inner, BaseSymbol(id));
    if (core == nullptr) return nullptr;
    inits.push_back(core);
  }
  Core* body = e.Body(Tail(form, 2), inner, form);
  if (body == nullptr || variables.empty()) return body;
  return e.MakeLetrec(variables, inits, body, form->position);
}

// (do ((variable init [step]) ...) (test expression ...) command ...)
Core* ExpandDo(Expansion& e, Syntax* form, Scope* scope) {
  constexpr char kUsage[] = "do: expected (do ((variable init [step]) ...) (test expression ...) command ...)";
  if (ListLength(form) < 3 || ListLength(Nth(form, 1)) < 0 || ListLength(Nth(form, 2)) < 1) {
    return e.Fail(form, kUsage);
  }
  Formals formals;
  formals.scope = e.NewScope(scope);
  std::vector<Variable*> variables;
  std::vector<Core*> inits;
  for (Syntax* p = Nth(form, 1); p->IsPair(); p = p->cdr) {
    Syntax* spec = p->car;
    const int64_t n = ListLength(spec);
    if ((n != 2 && n != 3) || !spec->car->IsIdentifier()) {
      return e.Fail(spec, "do: expected (variable init [step])");
    }
    Core* init = e.Named(Nth(spec, 1), scope, BaseSymbol(spec->car));
    if (init == nullptr) return nullptr;
    Variable* variable = BindOnce(e, spec->car, formals.scope, form);
    if (variable == nullptr) return nullptr;
    inits.push_back(init);
    variables.push_back(variable);
  }
  formals.required = e.arena().Copy(absl::Span<Variable* const>(variables));
  const SourcePosition position = form->position;
  Core* test = e.Expression(Nth(form, 2)->car, formals.scope);
  if (test == nullptr) return nullptr;
  Core* result = e.ExpressionsOrNothing(Nth(form, 2)->cdr, formals.scope, Nth(form, 2));
  if (result == nullptr) return nullptr;
  absl::Span<Core*> commands;
  if (!e.ExpressionList(Tail(form, 3), formals.scope, form, &commands)) return nullptr;
  Variable* loop = e.NewTemporary();
  std::vector<Core*> steps;
  size_t i = 0;
  for (Syntax* p = Nth(form, 1); p->IsPair(); p = p->cdr, ++i) {
    Core* step =
        p->car->cdr->cdr->IsPair() ? e.Expression(Nth(p->car, 2), formals.scope) : e.MakeRef(variables[i], position);
    if (step == nullptr) return nullptr;
    steps.push_back(step);
  }
  Core* again = e.MakeCall(e.MakeRef(loop, position), steps, position);
  if (!commands.empty()) again = e.MakeSequence({e.SequenceOf(commands, position), again}, position);
  Core* body = e.MakeIf(test, result, again, position);
  Core* lambda = e.MakeLambda(formals, body, position, kFalse);
  Core* call = e.MakeCall(e.MakeRef(loop, position), inits, position);
  return e.MakeLetrec({&loop, 1}, {&lambda, 1}, call, position);
}

namespace {

// Binds what each (formals init) of `list` receives, from the `index`-th on, and expands the body inside. `sequential`:
// each init sees the variables before it.
Core* ExpandValuesBindings(Expansion& e, Syntax* form, Scope* scope, bool sequential) {
  const absl::string_view what = sequential ? "let*-values" : "let-values";
  if (ListLength(form) < 3 || ListLength(Nth(form, 1)) < 0) {
    return e.Fail(form, absl::StrCat(what, ": expected (", what, " ((formals expression) ...) body ...)"));
  }
  struct Received {
    Core* init;
    Formals formals;
  };
  std::vector<Received> received;
  Scope* inner = sequential ? scope : e.NewScope(scope);
  Expansion::Nesting nesting(e, form);
  for (Syntax* p = Nth(form, 1); p->IsPair(); p = p->cdr) {
    if (ListLength(p->car) != 2) {
      return e.Fail(p->car, absl::StrCat(what, ": expected a binding (formals expression)"));
    }
    if (!nesting.Deeper(p->car)) return nullptr;
    Received r;
    r.init = e.Expression(Nth(p->car, 1), sequential ? inner : scope);
    if (r.init == nullptr || !e.ParseFormals(p->car->car, inner, p->car, &r.formals)) return nullptr;
    if (sequential) {
      inner = r.formals.scope;
    } else {
      // All of them are visible in one scope.
      Syntax* id = p->car->car;
      size_t i = 0;
      for (; !id->IsNull(); id = id->cdr) {
        Syntax* name = id->IsPair() ? id->car : id;
        if (inner->Find(KeyOf(name)) != nullptr) {
          return e.Fail(form, absl::StrCat("duplicate variable ", e.Print(name)));
        }
        Binding* binding = e.arena().New<Binding>();
        binding->variable = id->IsPair() ? r.formals.required[i++] : r.formals.rest;
        e.Bind(name, inner, binding);
        if (!id->IsPair()) break;
      }
    }
    received.push_back(r);
  }
  Core* core = e.Body(Tail(form, 2), inner, form);
  for (size_t i = received.size(); i-- > 0 && core != nullptr;) {
    const SourcePosition position = received[i].init->position;
    core = e.MakeCoreCall("call-with-values",
                          {e.MakeThunk(received[i].init, position),
                           e.MakeLambda(received[i].formals, core, form->position, e.FormName(what))},
                          form->position);
  }
  return core;
}

// let-syntax, or with `recursive` letrec-syntax.
Core* ExpandSyntaxBindings(Expansion& e, Syntax* form, Scope* scope, bool recursive) {
  std::vector<std::pair<Syntax*, Syntax*>> bindings;
  const absl::string_view what = recursive ? "letrec-syntax" : "let-syntax";
  if (ListLength(form) < 3) {
    return e.Fail(form, absl::StrCat(what, ": expected (", what, " ((keyword transformer) ...) body ...)"));
  }
  if (!ParseBindings(e, Nth(form, 1), form, what, &bindings)) return nullptr;
  Scope* inner = e.NewScope(scope);
  for (auto& [id, transformer] : bindings) {
    const Binding* binding = e.Transformer(transformer, recursive ? inner : scope, transformer);
    if (binding == nullptr) return nullptr;
    if (inner->Find(KeyOf(id)) != nullptr) {
      return e.Fail(form, absl::StrCat(what, ": duplicate keyword ", e.Print(id)));
    }
    e.Bind(id, inner, binding);
  }
  return e.Body(Tail(form, 2), inner, form);
}

}  // namespace

Core* ExpandLetValues(Expansion& e, Syntax* form, Scope* scope) { return ExpandValuesBindings(e, form, scope, false); }

Core* ExpandLetStarValues(Expansion& e, Syntax* form, Scope* scope) {
  return ExpandValuesBindings(e, form, scope, true);
}

Core* ExpandLetSyntax(Expansion& e, Syntax* form, Scope* scope) { return ExpandSyntaxBindings(e, form, scope, false); }

Core* ExpandLetrecSyntax(Expansion& e, Syntax* form, Scope* scope) {
  return ExpandSyntaxBindings(e, form, scope, true);
}

// (receive formals expression body ...), SRFI 8
Core* ExpandReceive(Expansion& e, Syntax* form, Scope* scope) {
  if (ListLength(form) < 4) {
    return e.Fail(form, "receive: expected (receive (name ...) expression body ...)");
  }
  Core* init = e.Expression(Nth(form, 2), scope);
  if (init == nullptr) return nullptr;
  Core* lambda = e.MakeLambda(Nth(form, 1), Tail(form, 3), scope, form, e.FormName("receive"));
  if (lambda == nullptr) return nullptr;
  return e.MakeCoreCall("call-with-values", {e.MakeThunk(init, init->position), lambda}, form->position);
}

}  // namespace islet::vm
