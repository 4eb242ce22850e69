// Bodies (R7RS 4.1.4, 5.3.2): definitions and expressions, in a scope of their own. First every form is looked at just
// far enough to know what it defines, then values and expressions are expanded, when all names are known. The result is
// letrec*. Definitions may also stand behind expressions.

#include "absl/strings/str_cat.h"
#include "isolate/expander/expansion.h"

namespace islet::vm {

namespace {

struct BodyItem {
  enum class Kind : uint8_t { kExpression, kDefine, kDefineValues };
  Kind kind;
  Syntax* form;
  Definition definition;            // kDefine
  Variable* variable = nullptr;     // kDefine
  absl::Span<Variable*> variables;  // kDefineValues: those defined; the last takes the rest if has_rest
  bool has_rest = false;
};

}  // namespace

bool Expansion::Splice(Syntax* list, const Syntax* whole, std::vector<Syntax*>* out) {
  if (ListLength(list) < 0) {
    Fail(whole, "expected a proper list of forms");
    return false;
  }
  for (; list->IsPair(); list = list->cdr) out->push_back(list->car);
  return true;
}

bool Expansion::SpliceReversed(Syntax* list, const Syntax* whole, WorkStack<Syntax*>* out) {
  const int64_t n = ListLength(list);
  if (n < 0) {
    Fail(whole, "expected a proper list of forms");
    return false;
  }
  const absl::Span<Syntax*> forms = arena_.NewSpan<Syntax*>(static_cast<size_t>(n));
  for (Syntax*& form : forms) {
    if (!GoesOn(1)) return false;
    form = list->car;
    list = list->cdr;
  }
  for (size_t i = forms.size(); i-- > 0;) {
    if (!GoesOn(1)) return false;
    out->push_back(forms[i]);
  }
  return true;
}

bool Expansion::SpliceForm(Syntax* form, int core, WorkStack<Syntax*>* pending, bool* spliced) {
  std::vector<Syntax*> forms;
  *spliced = true;
  arena_.Allocate(sizeof(Syntax));  // so that circular forms meet the arena's limit
  switch (static_cast<CoreForm>(core)) {
    case CoreForm::kBegin:
      return SpliceReversed(form->cdr, form, pending);
    case CoreForm::kInclude:
    case CoreForm::kIncludeCi:
      if (!Include(form, core == static_cast<int>(CoreForm::kIncludeCi), &forms)) return false;
      break;
    case CoreForm::kCondExpand:
      if (!CondExpand(form, &forms)) return false;
      break;
    case CoreForm::kDefineRecordType:
      if (!RecordDefinitions(form, &forms)) return false;
      break;
    default:
      *spliced = false;
      return true;
  }
  for (size_t i = forms.size(); i-- > 0;) pending->push_back(forms[i]);
  return true;
}

Core* Expansion::Body(Syntax* forms, Scope* outer, const Syntax* whole) {
  WorkStack<Syntax*> pending;
  if (!SpliceReversed(forms, whole, &pending)) return nullptr;
  Scope* scope = NewScope(outer);
  Pieces<BodyItem> items;
  size_t definitions_end = 0;  // behind the last definition
  auto bind = [&](Syntax* id) -> Variable* {
    if (scope->Find(KeyOf(id)) != nullptr) {
      return Fail(id, absl::StrCat("duplicate definition of ", Print(id), " in one body"));
    }
    return Bind(id, scope);
  };

  while (!pending.empty()) {
    Syntax* form = pending.back();
    pending.pop_back();
    int core;
    if (!GoesOn(8) || !ExpandHead(&form, scope, &core)) return nullptr;
    bool spliced = false;
    if (core >= 0 && !SpliceForm(form, core, &pending, &spliced)) return nullptr;
    if (spliced) {
      // An endless include or macro ends here.
      Nesting nesting(*this, form);
      if (!nesting) return nullptr;
      continue;
    }
    BodyItem item{BodyItem::Kind::kExpression, form, {}, nullptr, {}, false};
    switch (static_cast<CoreForm>(core)) {
      case CoreForm::kDefine:
        item.kind = BodyItem::Kind::kDefine;
        if (!ParseDefinition(form, &item.definition)) return nullptr;
        item.variable = bind(item.definition.id);
        if (item.variable == nullptr) return nullptr;
        break;
      case CoreForm::kDefineValues: {
        item.kind = BodyItem::Kind::kDefineValues;
        if (ListLength(form) != 3) {
          return Fail(form, "define-values: expected (define-values (name ...) expression)");
        }
        Syntax* formals = Nth(form, 1);
        std::vector<Variable*> variables;
        for (; formals->IsPair() || formals->IsIdentifier(); formals = formals->cdr) {
          Syntax* id = formals->IsPair() ? formals->car : formals;
          if (!id->IsIdentifier()) {
            return Fail(form, absl::StrCat("define-values: expected a name, not ", Print(id)));
          }
          Variable* variable = bind(id);
          if (variable == nullptr) return nullptr;
          variables.push_back(variable);
          if (!formals->IsPair()) {
            item.has_rest = true;
            break;
          }
        }
        if (!item.has_rest && !formals->IsNull()) {
          return Fail(form, "define-values: expected (define-values (name ...) expression)");
        }
        item.variables = arena_.Copy(absl::MakeConstSpan(variables));
        break;
      }
      case CoreForm::kDefineSyntax:
        if (!DefineMacro(form, scope)) return nullptr;
        continue;
      default:
        break;
    }
    if (item.kind != BodyItem::Kind::kExpression) definitions_end = items.size() + 1;
    items.push_back(item);
  }
  if (items.size() == definitions_end) {
    return Fail(whole, "a body must end with an expression");
  }

  std::vector<Variable*> variables;
  std::vector<Core*> inits;
  for (size_t i = 0; i < definitions_end; ++i) {
    const BodyItem& item = items[i];
    Core* init = nullptr;
    switch (item.kind) {
      case BodyItem::Kind::kExpression:
        init = Expression(item.form, scope);
        variables.push_back(NewTemporary());
        break;
      case BodyItem::Kind::kDefine:
        init = DefinedValue(item.definition, scope, item.form);
        variables.push_back(item.variable);
        break;
      case BodyItem::Kind::kDefineValues: {
        // The values are received in fresh variables, then assigned.
        Core* values = Expression(Nth(item.form, 2), scope);
        if (values == nullptr) return nullptr;
        const SourcePosition position = item.form->position;
        Formals formals;
        std::vector<Variable*> required;
        std::vector<Core*> assignments;
        for (size_t k = 0; k < item.variables.size(); ++k) {
          Variable* variable = item.variables[k];
          Variable* received = NewTemporary();
          if (item.has_rest && k + 1 == item.variables.size()) {
            formals.rest = received;
          } else {
            required.push_back(received);
          }
          variable->assigned = true;
          LocalSet* set = Make<LocalSet>(Core::Kind::kLocalSet, position);
          set->variable = variable;
          set->value = MakeRef(received, position);
          assignments.push_back(set);
          variables.push_back(variable);
          inits.push_back(MakeUnspecified(position));
        }
        assignments.push_back(MakeUnspecified(position));
        formals.required = arena_.Copy(absl::Span<Variable* const>(required));
        init = MakeCoreCall("call-with-values",
                            {MakeThunk(values, position), MakeLambda(formals, MakeSequence(assignments, position),
                                                                     position, FormName("define-values"))},
                            position);
        variables.push_back(NewTemporary());
        break;
      }
    }
    if (init == nullptr) return nullptr;
    inits.push_back(init);
  }
  const auto expressions = arena_.NewSpan<Core*>(items.size() - definitions_end);
  for (size_t i = 0; i < expressions.size(); ++i) {
    expressions[i] = Expression(items[definitions_end + i].form, scope);
    if (expressions[i] == nullptr) return nullptr;
  }
  Core* result = SequenceOf(expressions, whole->position);
  if (variables.empty()) return result;
  return MakeLetrec(variables, inits, result, whole->position);
}

}  // namespace islet::vm
