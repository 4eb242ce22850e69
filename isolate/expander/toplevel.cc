// Top-level forms, of libraries, programs and interactions. As in a body, all that is defined is known before values
// are expanded.

#include <unordered_set>

#include "absl/strings/str_cat.h"
#include "isolate/expander/expansion.h"

namespace islet::vm {

namespace {

struct ToplevelItem {
  CoreForm kind;  // define, define-values, define-library or begin (an expression)
  Syntax* form;
  Definition definition;              // define
  absl::Span<GlobalDefine*> targets;  // define, define-values
  bool has_rest = false;              // define-values: the last target takes the rest
};

}  // namespace

Core* Expansion::ToplevelForms(absl::Span<Syntax* const> forms, Scope* root, SourcePosition position) {
  WorkStack<Syntax*> pending;
  for (size_t i = forms.size(); i-- > 0;) pending.push_back(forms[i]);
  Pieces<ToplevelItem> items;
  std::vector<Core*> libraries;
  while (!pending.empty()) {
    Syntax* form = pending.back();
    pending.pop_back();
    Nesting nesting(*this, form);
    int core;
    if (!nesting || !ExpandHead(&form, root, &core)) return nullptr;
    // Before anything is imported, these two must be known all the same.
    if (core < 0 && form->IsPair()) {
      for (CoreForm keyword : {CoreForm::kImport, CoreForm::kDefineLibrary}) {
        if (IsKeyword(form->car, keyword, root)) core = static_cast<int>(keyword);
      }
    }
    bool spliced = false;
    if (core >= 0 && !SpliceForm(form, core, &pending, &spliced)) return nullptr;
    if (spliced) continue;
    ToplevelItem item{CoreForm::kBegin, form, {}, {}, false};
    switch (static_cast<CoreForm>(core)) {
      case CoreForm::kImport:
        if (!Import(form, root)) return nullptr;
        continue;
      case CoreForm::kDefineLibrary: {
        // The library's definitions are complete when the forms behind it are expanded.
        Core* library = DefineLibrary(form);
        if (library == nullptr) return nullptr;
        libraries.push_back(library);
        continue;
      }
      case CoreForm::kDefineSyntax:
        if (!DefineMacro(form, root)) return nullptr;
        continue;
      case CoreForm::kDefine: {
        item.kind = CoreForm::kDefine;
        if (!ParseDefinition(form, &item.definition)) return nullptr;
        GlobalDefine* target = DefineGlobal(item.definition.id, root, form->position);
        if (target == nullptr) return nullptr;
        item.targets = arena_.Copy<GlobalDefine*>({&target, 1});
        break;
      }
      case CoreForm::kDefineValues: {
        item.kind = CoreForm::kDefineValues;
        size_t count;
        const Syntax* tail = nullptr;
        if (ListLength(form) != 3 || !CountPairs(Nth(form, 1), &count, &tail) ||
            (!tail->IsNull() && !tail->IsIdentifier())) {
          return Fail(form, "define-values: expected (define-values (name ...) expression)");
        }
        item.has_rest = tail->IsIdentifier();
        std::unordered_set<IdentifierKey> names;
        std::vector<GlobalDefine*> targets;
        for (Syntax* p = Nth(form, 1); !p->IsNull(); p = p->cdr) {
          const Syntax* id = p->IsPair() ? p->car : p;
          if (!id->IsIdentifier()) {
            return Fail(form, absl::StrCat("define-values: expected a name, not ", Print(id)));
          }
          if (!names.insert(KeyOf(id)).second) {
            return Fail(form, absl::StrCat("define-values: duplicate name ", Print(id)));
          }
          GlobalDefine* target = DefineGlobal(id, root, form->position);
          if (target == nullptr) return nullptr;
          targets.push_back(target);
          if (!p->IsPair()) break;
        }
        item.targets = arena_.Copy(absl::MakeConstSpan(targets));
        break;
      }
      default:
        break;
    }
    items.push_back(item);
  }

  const auto results = arena_.NewSpan<Core*>(libraries.size() + items.size());
  std::copy(libraries.begin(), libraries.end(), results.begin());
  for (size_t i = 0; i < items.size(); ++i) {
    const ToplevelItem& item = items[i];
    Core*& result = results[libraries.size() + i];
    if (item.kind == CoreForm::kDefine) {
      item.targets[0]->value = DefinedValue(item.definition, root, item.form);
      if (item.targets[0]->value == nullptr) return nullptr;
      result = item.targets[0];
    } else if (item.kind == CoreForm::kDefineValues) {
      Core* values = Expression(Nth(item.form, 2), root);
      if (values == nullptr) return nullptr;
      const SourcePosition here = item.form->position;
      Formals formals;
      std::vector<Variable*> required;
      std::vector<Core*> body;
      for (size_t k = 0; k < item.targets.size(); ++k) {
        Variable* received = NewTemporary();
        if (item.has_rest && k + 1 == item.targets.size()) {
          formals.rest = received;
        } else {
          required.push_back(received);
        }
        item.targets[k]->value = MakeRef(received, here);
        body.push_back(item.targets[k]);
      }
      body.push_back(MakeUnspecified(here));
      formals.required = arena_.Copy(absl::Span<Variable* const>(required));
      result = MakeCoreCall(
          "call-with-values",
          {MakeThunk(values, here), MakeLambda(formals, MakeSequence(body, here), here, FormName("define-values"))},
          here);
      if (result == nullptr) return nullptr;
    } else {
      result = Expression(item.form, root);
      if (result == nullptr) return nullptr;
    }
  }
  if (results.empty()) return MakeUnspecified(position);
  return SequenceOf(results, position);
}

}  // namespace islet::vm
