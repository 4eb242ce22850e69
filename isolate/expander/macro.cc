// Macros as bindings, and as objects of the heap.
//
// A Macro's environment is where it was defined. If its kind is 0 (syntax-rules), its spec is the text behind the word
// syntax-rules, as a datum in which Identifiers stand for aliases; it is compiled anew by each Expansion that uses it.
// If its kind is 1, its spec is a procedure (procedural_macro.h).

#include <unordered_map>

#include "absl/strings/str_cat.h"
#include "isolate/data/hash_table.h"
#include "isolate/expander/syntax_rules.h"
#include "isolate/reader/reader.h"

namespace islet::vm {

const Binding* Expansion::Transformer(Syntax* transformer, Scope* scope, const Syntax* whole) {
  Nesting nesting(*this, whole);
  int core;
  if (!nesting || !ExpandHead(&transformer, scope, &core)) return nullptr;
  Binding* binding = arena_.New<Binding>();
  if (core == static_cast<int>(CoreForm::kSyntaxRules)) {
    binding->rules = CompileRules(*this, transformer->cdr, scope, transformer);
    return binding->rules == nullptr ? nullptr : binding;
  }
  if (core == static_cast<int>(CoreForm::kErMacroTransformer)) {
    if (ListLength(transformer) != 2) {
      return Fail(transformer,
                  "er-macro-transformer: expected (er-macro-transformer (lambda (form rename compare) body ...))");
    }
    Rules* rules = arena_.New<Rules>();
    rules->scope = scope;
    if (!EvaluateTransformer(Nth(transformer, 1), scope, transformer, &rules->procedure)) return nullptr;
    arena_.AddRoot(&rules->procedure);
    binding->rules = rules;
    return binding;
  }
  if (transformer->IsIdentifier()) {  // another name for a keyword
    const Denotation d = Meaning(transformer, scope);
    switch (d.kind) {
      case Denotation::Kind::kRules:
        binding->rules = d.rules;
        return binding;
      case Denotation::Kind::kMacro:
      case Denotation::Kind::kCoreForm:
        binding->value = d.value;
        arena_.AddRoot(&binding->value);
        return binding;
      default:
        break;
    }
  }
  return Fail(whole,
              "expected a transformer (syntax-rules (literal ...) (pattern template) ...) or (er-macro-transformer "
              "(lambda (form rename compare) ...))");
}

bool Expansion::DefineMacro(Syntax* form, Scope* scope) {
  if (ListLength(form) != 3 || !Nth(form, 1)->IsIdentifier()) {
    Fail(form, "define-syntax: expected (define-syntax keyword transformer)");
    return false;
  }
  Syntax* id = Nth(form, 1);
  if (scope->parent() != nullptr) {
    // Bound first, so that the macro's own uses of its name mean itself.
    if (scope->Find(KeyOf(id)) != nullptr) {
      Fail(form, absl::StrCat("duplicate definition of ", Print(id), " in one body"));
      return false;
    }
    const Binding* binding = Transformer(Nth(form, 2), scope, form);
    if (binding == nullptr) return false;
    Bind(id, scope, binding);
    return true;
  }
  const Binding* binding = Transformer(Nth(form, 2), scope, form);
  if (binding == nullptr) return false;
  Binding* global = arena_.New<Binding>();
  arena_.AddRoot(&global->value);
  if (binding->rules == nullptr) {
    global->value = binding->value;
  } else {
    if (!StoreMacro(binding->rules, scope, form, global)) return false;
    CachedMacro* cached = arena_.New<CachedMacro>();
    cached->macro = global->value;
    cached->rules = binding->rules;
    arena_.AddRoot(&cached->macro);
    macros_.push_back(cached);
    macro_index_[global->value.bits] = cached->rules;
  }
  return BindGlobal(id, scope, global);
}

namespace {

constexpr Value kRulesMacro = Value::Fixnum(0);
constexpr Value kProcedureMacro = Value::Fixnum(1);

Value MakeMacro(Heap& heap, Value kind, Value spec, Value environment) {
  Macro* macro = heap.New<Macro>();
  macro->kind = kind;
  macro->spec = spec;
  macro->environment = environment;
  return heap.ValueOf(macro);
}

void CollectAliases(const Syntax* s, std::vector<Alias*>* out) {
  // This recurses as deeply as the macro's text is nested, which was limited when that was compiled.
  for (; s->IsPair(); s = s->cdr) CollectAliases(s->car, out);
  if (s->kind == Syntax::Kind::kVector) {
    for (size_t i = 0; i < s->count; ++i) CollectAliases(s->items[i], out);
  } else {
    // Inner names first.
    const size_t first = out->size();
    for (; s->kind == Syntax::Kind::kAlias; s = s->alias->name) out->insert(out->begin() + first, s->alias);
  }
}

}  // namespace

bool Expansion::StoreMacro(const Rules* rules, Scope* root, const Syntax* whole, Binding* binding) {
  if (rules->procedure != kUndefined) {
    if (!Room(whole, 4096)) return false;
    binding->value = MakeMacro(heap(), kProcedureMacro, rules->procedure, root->env()->value);
    return true;
  }
  std::vector<Alias*> aliases;
  CollectAliases(rules->spec, &aliases);
  if (!Room(whole, 4096 + aliases.size() * sizeof(Identifier))) return false;
  // An alias gets an Identifier that lasts as long as its macro's text is being stored.
  for (Alias* alias : aliases) {
    if (alias->identifier.IsObject()) continue;
    if (alias->identifier == kUndefined) arena_.AddRoot(&alias->identifier);
    if (root->Find(reinterpret_cast<IdentifierKey>(alias)) != nullptr) {
      // Defined here at top level by the expansion that inserted it: goes by its symbol (DefineGlobal).
      alias->identifier = BaseSymbol(alias->name);
      continue;
    }
    const Syntax* name = alias->name;
    Identifier* identifier = heap().New<Identifier>();
    identifier->name = name->kind == Syntax::Kind::kAlias ? name->alias->identifier : name->value;
    identifier->environment = alias->scope->env()->value;
    identifier->index = Value::Fixnum(0);
    alias->identifier = heap().ValueOf(identifier);
  }
  binding->value = SyntaxToDatum(vm_, rules->spec, true, [](const Alias* alias) { return alias->identifier; });
  for (Alias* alias : aliases) alias->identifier = kFalse;
  if (!Room(whole, 4096)) return false;
  binding->value = MakeMacro(heap(), kRulesMacro, binding->value, root->env()->value);
  return true;
}

namespace {

// Turns the Identifiers in syntax made from a Macro's spec back into aliases.
class AliasRestorer {
 public:
  AliasRestorer(Expansion& e, SourcePosition position) : e_(e), position_(position) {}

  bool Restore(Syntax* s, const Syntax* form) {
    Expansion::Nesting nesting(e_, form);
    if (!nesting) return false;
    for (; s->IsPair(); s = s->cdr) {
      if (!Restore(s->car, form)) return false;
    }
    if (s->kind == Syntax::Kind::kVector) {
      for (size_t i = 0; i < s->count; ++i) {
        if (!Restore(s->items[i], form)) return false;
      }
    } else if (s->kind == Syntax::Kind::kAtom && e_.heap().Is<Identifier>(s->value)) {
      Alias* alias = AliasOf(s->value);
      s->kind = Syntax::Kind::kAlias;
      s->alias = alias;
      s->value = kFalse;
    }
    return true;
  }

 private:
  Alias* AliasOf(Value value) {
    // Outermost first; each is the name of the one before.
    std::vector<Value> chain;
    while (e_.heap().Is<Identifier>(value) && !aliases_.contains(value.bits)) {
      chain.push_back(value);
      value = e_.heap().Get<Identifier>(value)->name;
    }
    Syntax* name = e_.heap().Is<Identifier>(value) ? e_.arena().FromAlias(aliases_[value.bits], position_)
                                                   : e_.arena().Symbol(value, position_);
    Alias* alias = name->kind == Syntax::Kind::kAlias ? name->alias : nullptr;
    for (size_t i = chain.size(); i-- > 0;) {
      Env* env = e_.EnvOf(e_.heap().Get<Identifier>(chain[i])->environment);
      name = e_.Rename(name, env->scope, position_);
      alias = aliases_[chain[i].bits] = name->alias;
    }
    return alias;
  }

  Expansion& e_;
  SourcePosition position_;
  std::unordered_map<uint32_t, Alias*> aliases_;
};

}  // namespace

const Rules* Expansion::RulesOf(Value macro, const Syntax* form) {
  if (macro_epoch_ != heap().move_epoch()) {
    macro_index_.clear();
    for (const CachedMacro* cached : macros_) macro_index_[cached->macro.bits] = cached->rules;
    macro_epoch_ = heap().move_epoch();
  }
  auto found = macro_index_.find(macro.bits);
  if (found != macro_index_.end()) return found->second;
  // Rules are kept in the heap as text; from here to the last use of `macro` nothing is allocated there.
  const Macro* object = heap().Get<Macro>(macro);
  CachedMacro* cached = arena_.New<CachedMacro>();
  cached->macro = macro;
  arena_.AddRoot(&cached->macro);
  Scope* scope = EnvOf(object->environment)->scope;
  if (object->kind == kProcedureMacro) {
    Rules* rules = arena_.New<Rules>();
    rules->scope = scope;
    rules->procedure = object->spec;
    arena_.AddRoot(&rules->procedure);
    cached->rules = rules;
  } else {
    Syntax* spec = DatumToSyntax(arena_, heap(), object->spec, form->position);
    if (spec == nullptr) return Fail(form, "this macro's definition is nested too deeply");
    if (!AliasRestorer(*this, form->position).Restore(spec, form)) return nullptr;
    cached->rules = CompileRules(*this, spec, scope, form);
    if (cached->rules == nullptr) return nullptr;
  }
  macros_.push_back(cached);
  macro_index_[macro.bits] = cached->rules;
  return cached->rules;
}

}  // namespace islet::vm
