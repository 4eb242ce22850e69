// Conditionals (R7RS 4.2.1): and, or, when, unless, cond, case.

#include "absl/strings/str_cat.h"
#include "isolate/data/equality.h"
#include "isolate/expander/expansion.h"

namespace islet::vm {

namespace {

// A test that was expanded, and what to do where it holds.
struct Branch {
  Core* test;                 // null: else
  Core* consequent;           // null: the test's own value
  Variable* value = nullptr;  // if not null, holds the test's value for the consequent
  SourcePosition position;
};

// If forms nested in the alternatives, `otherwise` innermost.
Core* Fold(Expansion& e, absl::Span<const Branch> branches, Core* otherwise) {
  Core* core = otherwise;
  for (size_t i = branches.size(); i-- > 0;) {
    const Branch& b = branches[i];
    if (b.test == nullptr) {
      core = b.consequent;
    } else if (b.value == nullptr) {
      core = e.MakeIf(b.test, b.consequent, core, b.position);
    } else {
      Core* test = e.MakeRef(b.value, b.position);
      Core* body = e.MakeIf(test, b.consequent, core, b.position);
      core = e.MakeLet({&b.value, 1}, {&b.test, 1}, body, b.position);
    }
  }
  return core;
}

// (=> receiver), the receiver applied to `argument`.
Core* ExpandReceiver(Expansion& e, Syntax* clause, Syntax* arrow, Scope* scope, Core* argument) {
  if (ListLength(arrow) != 2) return e.Fail(clause, "expected (test => receiver)");
  Core* receiver = e.Expression(Nth(arrow, 1), scope);
  if (receiver == nullptr) return nullptr;
  return e.MakeCall(receiver, {argument}, clause->position);
}

}  // namespace

Core* ExpandAnd(Expansion& e, Syntax* form, Scope* scope) {
  std::vector<Core*> tests;
  Expansion::Nesting nesting(e, form);
  for (Syntax* p = form->cdr; p->IsPair(); p = p->cdr) {
    if (!nesting.Deeper(form)) return nullptr;
    Core* test = e.Expression(p->car, scope);
    if (test == nullptr) return nullptr;
    tests.push_back(test);
  }
  if (tests.empty()) return e.MakeConstant(kTrue, form->position);
  Core* core = tests.back();
  for (size_t i = tests.size() - 1; i-- > 0;) {
    core = e.MakeIf(tests[i], core, e.MakeConstant(kFalse, form->position), form->position);
  }
  return core;
}

Core* ExpandOr(Expansion& e, Syntax* form, Scope* scope) {
  std::vector<Branch> branches;
  Expansion::Nesting nesting(e, form);
  for (Syntax* p = form->cdr; p->IsPair(); p = p->cdr) {
    if (!nesting.Deeper(form)) return nullptr;
    Core* test = e.Expression(p->car, scope);
    if (test == nullptr) return nullptr;
    if (p->cdr->IsNull()) return Fold(e, branches, test);
    Branch branch{test, nullptr, e.NewTemporary(), form->position};
    branch.consequent = e.MakeRef(branch.value, form->position);
    branches.push_back(branch);
  }
  return e.MakeConstant(kFalse, form->position);
}

Core* ExpandWhen(Expansion& e, Syntax* form, Scope* scope) {
  if (ListLength(form) < 3) return e.Fail(form, "when: expected (when test expression ...)");
  Core* test = e.Expression(Nth(form, 1), scope);
  Core* body = test == nullptr ? nullptr : e.Expressions(Tail(form, 2), scope, form);
  if (body == nullptr) return nullptr;
  return e.MakeIf(test, body, e.MakeUnspecified(form->position), form->position);
}

Core* ExpandUnless(Expansion& e, Syntax* form, Scope* scope) {
  if (ListLength(form) < 3) return e.Fail(form, "unless: expected (unless test expression ...)");
  Core* test = e.Expression(Nth(form, 1), scope);
  Core* body = test == nullptr ? nullptr : e.Expressions(Tail(form, 2), scope, form);
  if (body == nullptr) return nullptr;
  return e.MakeIf(test, e.MakeUnspecified(form->position), body, form->position);
}

Core* ExpandCond(Expansion& e, Syntax* form, Scope* scope) {
  if (form->cdr->IsNull()) return e.Fail(form, "cond: expected (cond (test expression ...) ...)");
  std::vector<Branch> branches;
  Expansion::Nesting nesting(e, form);
  for (Syntax* p = form->cdr; p->IsPair(); p = p->cdr) {
    Syntax* clause = p->car;
    if (ListLength(clause) < 1) return e.Fail(clause, "cond: expected a clause (test expression ...)");
    if (!nesting.Deeper(clause)) return nullptr;
    if (e.IsKeyword(clause->car, CoreForm::kElse, scope)) {
      if (!p->cdr->IsNull()) return e.Fail(clause, "cond: the else clause must be the last");
      if (clause->cdr->IsNull()) return e.Fail(clause, "cond: expected (else expression ...)");
      Core* body = e.Expressions(clause->cdr, scope, clause);
      return body == nullptr ? nullptr : Fold(e, branches, body);
    }
    Branch branch{e.Expression(clause->car, scope), nullptr, nullptr, clause->position};
    if (branch.test == nullptr) return nullptr;
    if (clause->cdr->IsNull()) {
      if (p->cdr->IsNull()) return Fold(e, branches, branch.test);
      branch.value = e.NewTemporary();
      branch.consequent = e.MakeRef(branch.value, clause->position);
    } else if (e.IsKeyword(clause->cdr->car, CoreForm::kArrow, scope)) {
      branch.value = e.NewTemporary();
      branch.consequent = ExpandReceiver(e, clause, clause->cdr, scope, e.MakeRef(branch.value, clause->position));
    } else {
      branch.consequent = e.Expressions(clause->cdr, scope, clause);
    }
    if (branch.consequent == nullptr) return nullptr;
    branches.push_back(branch);
  }
  return Fold(e, branches, e.MakeUnspecified(form->position));
}

namespace {

// Data tested one by one; more are searched by memv.
constexpr int64_t kMaxInlineData = 4;

// Is `key` one of `data`?
Core* DatumTest(Expansion& e, Variable* key, Syntax* data, const Syntax* clause) {
  const SourcePosition position = clause->position;
  if (!e.Room(clause, 4096)) return nullptr;
  if (ListLength(data) > kMaxInlineData) {
    Core* list = e.Quoted(data, position);
    return list == nullptr ? nullptr : e.MakeCoreCall("memv", {e.MakeRef(key, position), list}, position);
  }
  std::vector<Branch> tests;
  for (; data->IsPair(); data = data->cdr) {
    Core* datum = e.Quoted(data->car, position);
    if (datum == nullptr) return nullptr;
    Core* test = e.MakeCoreCall("eqv?", {e.MakeRef(key, position), datum}, position);
    if (test == nullptr) return nullptr;
    if (data->cdr->IsNull()) return Fold(e, tests, test);
    tests.push_back({test, e.MakeConstant(kTrue, position), nullptr, position});
  }
  return e.MakeConstant(kFalse, position);
}

}  // namespace

Core* ExpandCase(Expansion& e, Syntax* form, Scope* scope) {
  if (ListLength(form) < 3) {
    return e.Fail(form, "case: expected (case key ((datum ...) expression ...) ...)");
  }
  Core* key = e.Expression(Nth(form, 1), scope);
  if (key == nullptr) return nullptr;
  Variable* variable = e.NewTemporary();
  std::vector<Branch> branches;
  Core* otherwise = e.MakeUnspecified(form->position);
  Expansion::Nesting nesting(e, form);
  for (Syntax* p = Tail(form, 2); p->IsPair(); p = p->cdr) {
    Syntax* clause = p->car;
    if (ListLength(clause) < 2) {
      return e.Fail(clause, "case: expected a clause ((datum ...) expression ...)");
    }
    if (!nesting.Deeper(clause)) return nullptr;
    Branch branch{nullptr, nullptr, nullptr, clause->position};
    const bool is_else = e.IsKeyword(clause->car, CoreForm::kElse, scope);
    if (is_else) {
      if (!p->cdr->IsNull()) return e.Fail(clause, "case: the else clause must be the last");
    } else {
      if (ListLength(clause->car) < 0) {
        return e.Fail(clause, "case: expected a clause ((datum ...) expression ...)");
      }
      branch.test = DatumTest(e, variable, clause->car, clause);
      if (branch.test == nullptr) return nullptr;
    }
    if (e.IsKeyword(clause->cdr->car, CoreForm::kArrow, scope)) {
      branch.consequent = ExpandReceiver(e, clause, clause->cdr, scope, e.MakeRef(variable, clause->position));
    } else {
      branch.consequent = e.Expressions(clause->cdr, scope, clause);
    }
    if (branch.consequent == nullptr) return nullptr;
    if (is_else) {
      otherwise = branch.consequent;
    } else {
      branches.push_back(branch);
    }
  }
  Core* body = Fold(e, branches, otherwise);
  return e.MakeLet({&variable, 1}, {&key, 1}, body, form->position);
}

}  // namespace islet::vm
