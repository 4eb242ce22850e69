// Bodies (R7RS 4.1.4, 5.3.2): definitions and expressions, in a scope of their own. First every form is looked at just
// far enough to know what it defines, then values and expressions are expanded, when all names are known. The result is
// letrec*. Definitions may also stand behind expressions.

#include "absl/strings/str_cat.h"
#include "isolate/expander/expansion.h"

namespace islet::vm {

namespace {

// A body at work, in the scope that its definitions bind.
class BodyExpansion {
 public:
  BodyExpansion(Expansion& e, Scope* scope) : e_(e), scope_(scope) {}

  // Looks at every form just far enough to know what it defines.
  bool Read(Syntax* forms, const Syntax* whole);
  // Expands what was read.
  Core* Result(const Syntax* whole);

 private:
  struct Item {
    enum class Kind : uint8_t { kExpression, kDefine, kDefineValues };
    Kind kind;
    Syntax* form;
    Definition definition;            // kDefine
    Variable* variable = nullptr;     // kDefine
    absl::Span<Variable*> variables;  // kDefineValues: those defined; the last takes the rest if has_rest
    bool has_rest = false;
  };

  // A form that is no longer spliced, `core` or, if that is -1, none.
  bool Add(Syntax* form, int core);
  bool ReadDefineValues(Syntax* form, Item* item);
  Variable* Bind(Syntax* id);
  // The value of `variable` in the letrec*.
  void Init(Variable* variable, Core* value) {
    variables_.push_back(variable);
    inits_.push_back(value);
  }
  bool ExpandInit(const Item& item);
  bool ExpandDefineValues(const Item& item);

  Expansion& e_;
  Scope* scope_;
  Pieces<Item> items_;
  size_t definitions_end_ = 0;  // behind the last definition
  std::vector<Variable*> variables_;
  std::vector<Core*> inits_;
};

Variable* BodyExpansion::Bind(Syntax* id) {
  if (scope_->Find(KeyOf(id)) != nullptr) {
    return e_.Fail(id, absl::StrCat("duplicate definition of ", e_.Print(id), " in one body"));
  }
  return e_.Bind(id, scope_);
}

bool BodyExpansion::Read(Syntax* forms, const Syntax* whole) {
  WorkStack<Syntax*> pending;
  if (!e_.SpliceReversed(forms, whole, &pending)) return false;
  while (!pending.empty()) {
    Syntax* form = pending.back();
    pending.pop_back();
    int core;
    if (!e_.GoesOn(8) || !e_.ExpandHead(&form, scope_, &core)) return false;
    bool spliced = false;
    if (core >= 0 && !e_.SpliceForm(form, core, &pending, &spliced)) return false;
    if (spliced) {
      // An endless include or macro ends here.
      Expansion::Nesting nesting(e_, form);
      if (!nesting) return false;
    } else if (!Add(form, core)) {
      return false;
    }
  }
  if (items_.size() == definitions_end_) {
    e_.Fail(whole, "a body must end with an expression");
    return false;
  }
  return true;
}

bool BodyExpansion::Add(Syntax* form, int core) {
  Item item{Item::Kind::kExpression, form, {}, nullptr, {}, false};
  switch (static_cast<CoreForm>(core)) {
    case CoreForm::kDefine:
      item.kind = Item::Kind::kDefine;
      if (!e_.ParseDefinition(form, &item.definition)) return false;
      item.variable = Bind(item.definition.id);
      if (item.variable == nullptr) return false;
      break;
    case CoreForm::kDefineValues:
      item.kind = Item::Kind::kDefineValues;
      if (!ReadDefineValues(form, &item)) return false;
      break;
    case CoreForm::kDefineSyntax:
      return e_.DefineMacro(form, scope_);
    default:
      break;
  }
  if (item.kind != Item::Kind::kExpression) definitions_end_ = items_.size() + 1;
  items_.push_back(item);
  return true;
}

bool BodyExpansion::ReadDefineValues(Syntax* form, Item* item) {
  constexpr char kShape[] = "define-values: expected (define-values (name ...) expression)";
  if (ListLength(form) != 3) {
    e_.Fail(form, kShape);
    return false;
  }
  Syntax* formals = Nth(form, 1);
  std::vector<Variable*> variables;
  for (; formals->IsPair() || formals->IsIdentifier(); formals = formals->cdr) {
    Syntax* id = formals->IsPair() ? formals->car : formals;
    if (!id->IsIdentifier()) {
      e_.Fail(form, absl::StrCat("define-values: expected a name, not ", e_.Print(id)));
      return false;
    }
    Variable* variable = Bind(id);
    if (variable == nullptr) return false;
    variables.push_back(variable);
    if (!formals->IsPair()) {
      item->has_rest = true;
      break;
    }
  }
  if (!item->has_rest && !formals->IsNull()) {
    e_.Fail(form, kShape);
    return false;
  }
  item->variables = e_.arena().Copy(absl::MakeConstSpan(variables));
  return true;
}

bool BodyExpansion::ExpandInit(const Item& item) {
  if (item.kind == Item::Kind::kDefineValues) return ExpandDefineValues(item);
  const bool definition = item.kind == Item::Kind::kDefine;
  Core* init = definition ? e_.DefinedValue(item.definition, scope_, item.form) : e_.Expression(item.form, scope_);
  if (init == nullptr) return false;
  Init(definition ? item.variable : e_.NewTemporary(), init);
  return true;
}

// The variables are there, without values, before the values are received and assigned.
bool BodyExpansion::ExpandDefineValues(const Item& item) {
  const SourcePosition position = item.form->position;
  Core* values = e_.Expression(Nth(item.form, 2), scope_);
  if (values == nullptr) return false;
  for (Variable* variable : item.variables) {
    variable->assigned = true;
    Init(variable, e_.MakeUnspecified(position));
  }
  Core* receive =
      e_.ReceiveValues(values, item.variables.size(), item.has_rest, position, [&](size_t i, Core* received) {
        LocalSet* set = e_.Make<LocalSet>(Core::Kind::kLocalSet, position);
        set->variable = item.variables[i];
        set->value = received;
        return set;
      });
  if (receive == nullptr) return false;
  Init(e_.NewTemporary(), receive);
  return true;
}

Core* BodyExpansion::Result(const Syntax* whole) {
  for (size_t i = 0; i < definitions_end_; ++i) {
    if (!ExpandInit(items_[i])) return nullptr;
  }
  const auto expressions = e_.arena().NewSpan<Core*>(items_.size() - definitions_end_);
  for (size_t i = 0; i < expressions.size(); ++i) {
    expressions[i] = e_.Expression(items_[definitions_end_ + i].form, scope_);
    if (expressions[i] == nullptr) return nullptr;
  }
  Core* result = e_.SequenceOf(expressions, whole->position);
  return variables_.empty() ? result : e_.MakeLetrec(variables_, inits_, result, whole->position);
}

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
  BodyExpansion body(*this, NewScope(outer));
  return body.Read(forms, whole) ? body.Result(whole) : nullptr;
}

Core* Expansion::ReceiveValues(Core* values, size_t count, bool has_rest, SourcePosition position,
                               absl::FunctionRef<Core*(size_t, Core*)> assign) {
  Formals formals;
  std::vector<Variable*> required;
  std::vector<Core*> body;
  for (size_t i = 0; i < count; ++i) {
    Variable* received = NewTemporary();
    if (has_rest && i + 1 == count) {
      formals.rest = received;
    } else {
      required.push_back(received);
    }
    body.push_back(assign(i, MakeRef(received, position)));
  }
  body.push_back(MakeUnspecified(position));
  formals.required = arena_.Copy(absl::Span<Variable* const>(required));
  Lambda* receiver = MakeLambda(formals, MakeSequence(body, position), position, FormName("define-values"));
  return MakeCoreCall("call-with-values", {MakeThunk(values, position), receiver}, position);
}

}  // namespace islet::vm
