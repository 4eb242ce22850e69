// Top-level forms, of libraries, programs and interactions. As in a body, all that is defined is known before values
// are expanded.

#include <unordered_set>

#include "absl/strings/str_cat.h"
#include "isolate/expander/expansion.h"

namespace islet::vm {

namespace {

// Top-level forms at work.
class ToplevelExpansion {
 public:
  ToplevelExpansion(Expansion& e, Scope* root) : e_(e), root_(root) {}

  // Looks at every form just far enough to know what it defines, and does what it imports.
  bool Read(absl::Span<Syntax* const> forms);
  // Expands what was read.
  Core* Result(SourcePosition position);

 private:
  struct Item {
    CoreForm kind;  // define, define-values, define-library or begin (an expression)
    Syntax* form;
    Definition definition;              // define
    absl::Span<GlobalDefine*> targets;  // define, define-values
    bool has_rest = false;              // define-values: the last target takes the rest
  };

  // A form that is no longer spliced, `core` or, if that is -1, none.
  bool Add(Syntax* form, int core);
  bool ReadDefineValues(Syntax* form, Item* item);
  Core* Expand(const Item& item);

  Expansion& e_;
  Scope* root_;
  Pieces<Item> items_;
  std::vector<Core*> libraries_;
};

bool ToplevelExpansion::Read(absl::Span<Syntax* const> forms) {
  WorkStack<Syntax*> pending;
  for (size_t i = forms.size(); i-- > 0;) pending.push_back(forms[i]);
  while (!pending.empty()) {
    Syntax* form = pending.back();
    pending.pop_back();
    Expansion::Nesting nesting(e_, form);
    int core;
    if (!nesting || !e_.ExpandHead(&form, root_, &core)) return false;
    // Before anything is imported, these two must be known all the same.
    if (core < 0 && form->IsPair()) {
      for (CoreForm keyword : {CoreForm::kImport, CoreForm::kDefineLibrary}) {
        if (e_.IsKeyword(form->car, keyword, root_)) core = static_cast<int>(keyword);
      }
    }
    bool spliced = false;
    if (core >= 0 && !e_.SpliceForm(form, core, &pending, &spliced)) return false;
    if (!spliced && !Add(form, core)) return false;
  }
  return true;
}

bool ToplevelExpansion::Add(Syntax* form, int core) {
  Item item{CoreForm::kBegin, form, {}, {}, false};
  switch (static_cast<CoreForm>(core)) {
    case CoreForm::kImport:
      return e_.Import(form, root_);
    case CoreForm::kDefineLibrary: {
      // The library's definitions are complete when the forms behind it are expanded.
      Core* library = e_.DefineLibrary(form);
      if (library == nullptr) return false;
      libraries_.push_back(library);
      return true;
    }
    case CoreForm::kDefineSyntax:
      return e_.DefineMacro(form, root_);
    case CoreForm::kDefine: {
      item.kind = CoreForm::kDefine;
      if (!e_.ParseDefinition(form, &item.definition)) return false;
      GlobalDefine* target = e_.DefineGlobal(item.definition.id, root_, form->position);
      if (target == nullptr) return false;
      item.targets = e_.arena().Copy<GlobalDefine*>({&target, 1});
      break;
    }
    case CoreForm::kDefineValues:
      item.kind = CoreForm::kDefineValues;
      if (!ReadDefineValues(form, &item)) return false;
      break;
    default:
      break;
  }
  items_.push_back(item);
  return true;
}

bool ToplevelExpansion::ReadDefineValues(Syntax* form, Item* item) {
  const auto fail = [&](std::string message) {
    e_.Fail(form, std::move(message));
    return false;
  };
  size_t count;
  const Syntax* tail = nullptr;
  if (ListLength(form) != 3 || !CountPairs(Nth(form, 1), &count, &tail) || (!tail->IsNull() && !tail->IsIdentifier())) {
    return fail("define-values: expected (define-values (name ...) expression)");
  }
  item->has_rest = tail->IsIdentifier();
  std::unordered_set<IdentifierKey> names;
  std::vector<GlobalDefine*> targets;
  for (Syntax* p = Nth(form, 1); !p->IsNull(); p = p->cdr) {
    const Syntax* id = p->IsPair() ? p->car : p;
    if (!id->IsIdentifier()) return fail(absl::StrCat("define-values: expected a name, not ", e_.Print(id)));
    if (!names.insert(KeyOf(id)).second) return fail(absl::StrCat("define-values: duplicate name ", e_.Print(id)));
    GlobalDefine* target = e_.DefineGlobal(id, root_, form->position);
    if (target == nullptr) return false;
    targets.push_back(target);
    if (!p->IsPair()) break;
  }
  item->targets = e_.arena().Copy(absl::MakeConstSpan(targets));
  return true;
}

Core* ToplevelExpansion::Expand(const Item& item) {
  switch (item.kind) {
    case CoreForm::kDefine:
      item.targets[0]->value = e_.DefinedValue(item.definition, root_, item.form);
      return item.targets[0]->value == nullptr ? nullptr : item.targets[0];
    case CoreForm::kDefineValues: {
      Core* values = e_.Expression(Nth(item.form, 2), root_);
      if (values == nullptr) return nullptr;
      return e_.ReceiveValues(values, item.targets.size(), item.has_rest, item.form->position,
                              [&](size_t i, Core* received) {
                                item.targets[i]->value = received;
                                return item.targets[i];
                              });
    }
    default:
      return e_.Expression(item.form, root_);
  }
}

Core* ToplevelExpansion::Result(SourcePosition position) {
  const auto results = e_.arena().NewSpan<Core*>(libraries_.size() + items_.size());
  std::copy(libraries_.begin(), libraries_.end(), results.begin());
  for (size_t i = 0; i < items_.size(); ++i) {
    Core* const result = Expand(items_[i]);
    if (result == nullptr) return nullptr;
    results[libraries_.size() + i] = result;
  }
  return results.empty() ? e_.MakeUnspecified(position) : e_.SequenceOf(results, position);
}

}  // namespace

Core* Expansion::ToplevelForms(absl::Span<Syntax* const> forms, Scope* root, SourcePosition position) {
  ToplevelExpansion toplevel(*this, root);
  return toplevel.Read(forms) ? toplevel.Result(position) : nullptr;
}

}  // namespace islet::vm
