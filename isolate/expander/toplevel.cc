// Top-level forms, of libraries, programs and interactions. As in a body, all that is defined is known before values are
// expanded.

#include "absl/strings/str_cat.h"

#include <unordered_set>
#include "isolate/expander/expansion.h"

namespace islet::vm {

namespace {

struct ToplevelItem {
  CoreForm kind;                      // define, define-values, define-library or begin (an expression)
  Syntax* form;
  Definition definition;              // define
  std::vector<GlobalDefine*> targets;  // define, define-values
  bool has_rest = false;              // define-values: the last target takes the rest
};

}  // namespace

Core* Expansion::ToplevelForms(absl::Span<Syntax* const> forms, Scope* root,
                               SourcePosition position) {
  std::vector<Syntax*> pending(forms.rbegin(), forms.rend());
  std::vector<ToplevelItem> items;
  std::vector<Core*> results;
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
        // What the library defines is complete when the forms behind it are expanded.
        Core* library = DefineLibrary(form);
        if (library == nullptr) return nullptr;
        results.push_back(library);
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
        item.targets.push_back(target);
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
          item.targets.push_back(target);
          if (!p->IsPair()) break;
        }
        break;
      }
      default:
        break;
    }
    items.push_back(std::move(item));
  }

  for (ToplevelItem& item : items) {
    if (item.kind == CoreForm::kDefine) {
      item.targets[0]->value = DefinedValue(item.definition, root, item.form);
      if (item.targets[0]->value == nullptr) return nullptr;
      results.push_back(item.targets[0]);
    } else if (item.kind == CoreForm::kDefineValues) {
      Core* values = Expression(Nth(item.form, 2), root);
      if (values == nullptr) return nullptr;
      const SourcePosition here = item.form->position;
      Formals formals;
      std::vector<Variable*> required;
      std::vector<Core*> body;
      for (size_t i = 0; i < item.targets.size(); ++i) {
        Variable* received = NewTemporary();
        if (item.has_rest && i + 1 == item.targets.size()) {
          formals.rest = received;
        } else {
          required.push_back(received);
        }
        item.targets[i]->value = MakeRef(received, here);
        body.push_back(item.targets[i]);
      }
      body.push_back(MakeUnspecified(here));
      formals.required = arena_.Copy(absl::Span<Variable* const>(required));
      Core* call = MakeCoreCall(
          "call-with-values",
          {MakeThunk(values, here), MakeLambda(formals, MakeSequence(body, here), here, kFalse)},
          here);
      if (call == nullptr) return nullptr;
      results.push_back(call);
    } else {
      Core* core = Expression(item.form, root);
      if (core == nullptr) return nullptr;
      results.push_back(core);
    }
  }
  if (results.empty()) return MakeUnspecified(position);
  return MakeSequence(results, position);
}

}  // namespace islet::vm
