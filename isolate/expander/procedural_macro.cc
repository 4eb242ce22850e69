#include "isolate/expander/procedural_macro.h"

#include <memory>
#include <new>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "isolate/expander/syntax_rules.h"
#include "isolate/heap/object_map.h"
#include "isolate/heap/poll.h"
#include "isolate/interpreter/failure.h"
#include "isolate/process/stack_space.h"

namespace islet::vm {

// ---- Identifiers.

void IdentifierTable::Add(Alias* alias, Value identifier) {
  if (entries_.size() > Value::kFixnumMax) throw std::bad_alloc();  // gigabytes of them
  alias->in_table = static_cast<uint32_t>(entries_.size());
  entries_.push_back({alias, identifier});
}

void IdentifierTable::AddForeign(Alias* alias, Value identifier) {
  Add(alias, identifier);
  foreign_.push_back(alias->in_table);
  if (epoch_ == heap_.move_epoch()) foreign_by_bits_[identifier.bits] = alias->in_table;
}

const IdentifierTable::Entry* IdentifierTable::EntryOf(const Alias* alias) const {
  if (alias->in_table >= entries_.size()) return nullptr;
  const Entry& entry = entries_[alias->in_table];
  return entry.alias == alias ? &entry : nullptr;
}

Value IdentifierTable::ToHeap(Alias* alias) {
  // Outermost first; each is the name of the one before.
  std::vector<Alias*> chain;
  Value name = kUndefined;
  for (Alias* a = alias;; a = a->name->alias) {
    if (const Entry* entry = EntryOf(a); entry != nullptr) {
      name = entry->identifier;
      break;
    }
    chain.push_back(a);
    if (a->name->kind != Syntax::Kind::kAlias) {
      name = a->name->value;
      break;
    }
  }
  for (size_t i = chain.size(); i-- > 0;) {
    Identifier* identifier = heap_.New<Identifier>();
    identifier->name = name;
    identifier->environment = chain[i]->scope->env()->value;
    identifier->index = Value::Fixnum(static_cast<int32_t>(entries_.size()));
    name = heap_.ValueOf(identifier);
    Add(chain[i], name);
  }
  return name;
}

Alias* IdentifierTable::FromHeap(Value identifier) {
  const Value index = heap_.Get<Identifier>(identifier)->index;
  const size_t i = index.IsFixnum() ? static_cast<uint32_t>(index.fixnum()) : entries_.size();
  if (i < entries_.size() && entries_[i].identifier == identifier) return entries_[i].alias;
  if (foreign_.empty()) return nullptr;
  if (epoch_ != heap_.move_epoch()) {
    foreign_by_bits_.clear();
    for (size_t n = 0; n < foreign_.size(); ++n) foreign_by_bits_[entries_[foreign_[n]].identifier.bits] = foreign_[n];
    epoch_ = heap_.move_epoch();
  }
  const auto found = foreign_by_bits_.find(identifier.bits);
  return found == foreign_by_bits_.end() ? nullptr : entries_[found->second].alias;
}

void IdentifierTable::VisitFrom(size_t first, Visit visit, void* context) {
  size_t i = first;
  while (i < entries_.size() && visit(&entries_[i].identifier, context)) ++i;
  visited_ = i;
}

void IdentifierTable::VisitRoots(Visit visit, void* context) { VisitFrom(0, visit, context); }

void IdentifierTable::VisitYoungRoots(Visit visit, void* context) { VisitFrom(visited_, visit, context); }

IdentifierTable& Expansion::identifiers() {
  if (identifiers_ == nullptr) identifiers_ = std::make_unique<IdentifierTable>(heap());
  return *identifiers_;
}

Syntax* Expansion::IdentifierSyntax(Value value, SourcePosition position) {
  // One that an earlier form, or another Expansion, has left behind means its name in its
  // environment.
  std::vector<Value> chain;
  Alias* alias = nullptr;
  while (heap().Is<Identifier>(value) && (alias = identifiers().FromHeap(value)) == nullptr) {
    chain.push_back(value);
    value = heap().Get<Identifier>(value)->name;
  }
  Syntax* id = alias != nullptr ? arena_.FromAlias(alias, position) : arena_.Symbol(value, position);
  for (size_t i = chain.size(); i-- > 0;) {
    id = Rename(id, EnvOf(heap().Get<Identifier>(chain[i])->environment)->scope, position);
    identifiers().AddForeign(id->alias, chain[i]);
  }
  return id;
}

Syntax* SyntaxWithAliases(Expansion& e, Value datum, SourcePosition position, const NoteTranslation& note) {
  constexpr size_t kMaxDepth = 10000;
  return DatumToSyntax(e.arena(), e.heap(), datum, position, kMaxDepth, e.arena_limit(), [&](Value from, Syntax* to) {
    if (to->kind == Syntax::Kind::kAtom && e.heap().Is<Identifier>(from)) {
      to->kind = Syntax::Kind::kAlias;
      to->alias = e.IdentifierSyntax(from, position)->alias;
      to->value = kFalse;
    }
    if (note != nullptr) note(from, to);
  });
}

// ---- Definitions.

Syntax* WrapTransformer(Expansion& e, Syntax* expression) {
  const SourcePosition here = expression->position;
  if (e.CoreEnv(here) == nullptr) return nullptr;
  SyntaxArena& arena = e.arena();
  const auto id = [&](absl::string_view name) { return e.CoreIdentifier(name, here); };
  const auto list = [&](std::initializer_list<Syntax*> items) {
    return arena.List({items.begin(), items.size()}, here);
  };
  const auto lambda = [&](std::initializer_list<Syntax*> formals, Syntax* body) {
    return list({id("lambda"), list(formals), body});
  };
  Syntax* procedure = id("procedure");
  Syntax* form = id("form");
  Syntax* token = id("token");
  Syntax* a = id("a");
  Syntax* b = id("b");
  Syntax* stored = lambda({form, token}, list({procedure, form, lambda({a}, list({id("%rename-identifier"), token, a})),
                                               lambda({a, b}, list({id("%compare-identifiers"), token, a, b}))}));
  Syntax* complaint = arena.Atom(
      e.vm().MakeString("er-macro-transformer: expected a procedure (form rename compare)", kImmutableFlag), here);
  Syntax* checked =
      list({id("if"), list({id("procedure?"), procedure}), stored, list({id("error"), complaint, procedure})});
  return list({lambda({procedure}, checked), expression});
}

bool Expansion::EvaluateTransformer(Syntax* expression, Scope* scope, const Syntax* whole, Value* procedure) {
  if (loader_ == nullptr) {
    Fail(whole, "er-macro-transformer: nothing can be evaluated here");
    return false;
  }
  if (!Room(whole, 4096)) return false;
  Syntax* wrapped = WrapTransformer(*this, expression);
  if (wrapped == nullptr) return false;
  // The expression is a program of its own, which runs now: variables around it have no values yet.
  ++phase_;
  Core* core = Expression(wrapped, scope);
  --phase_;
  if (core == nullptr || !StackForLisp(whole)) return false;
  absl::StatusOr<Value> value = loader_->Evaluate(arena_, core);
  if (!value.ok()) {
    FailRun(whole, "evaluating this macro's transformer failed", value.status());
    return false;
  }
  *procedure = *value;
  return true;
}

bool Expansion::StackForLisp(const Syntax* form) {
  constexpr size_t kLeast = size_t{48} << 10;
  if (RemainingStack() >= kLeast) return true;
  Fail(form, "forms are nested too deeply here");
  return false;
}

std::nullptr_t Expansion::FailRun(const Syntax* form, absl::string_view what, const absl::Status& status) {
  // Limits, interrupts and control that leaves through a continuation end the run that wanted the
  // expansion, too.
  std::string message = absl::StrCat(what, ": ", status.message());
  if (!CanBeHandled(status)) return FailWith(form, std::move(message), status);
  const Condition* condition = heap().TryGet<Condition>(vm_.last_condition());
  if (condition != nullptr && vm_.SymbolName(condition->kind) == "unbound-variable") {
    absl::StrAppend(&message,
                    "\n  (while macros are expanded, only what is imported, and what earlier "
                    "top-level forms have "
                    "defined, has a value; definitions of the same library or body run later)");
  }
  return FailAt(form->position, absl::StrCat(message, "\n  in the form ", Print(form)));
}

// ---- Uses.

namespace {

// Holds what a use has renamed: a macro may ask for millions. It grows by one bucket at a time (W. Litwin, Linear
// hashing, 1980), as doubling such a table would keep the run from being ended.
class RenamedTable {
 public:
  // The alias of an identifier, at first null. The entry is in the arena, and stays.
  Alias*& Find(SyntaxArena& arena, IdentifierKey key) {
    if (buckets_.empty()) buckets_.push_back(nullptr);
    Entry*& bucket = buckets_[BucketOf(key)];
    for (Entry* entry = bucket; entry != nullptr; entry = entry->next) {
      if (entry->key == key) return entry->alias;
    }
    Entry* const made = arena.New<Entry>();
    *made = {key, nullptr, bucket};
    bucket = made;
    Split();
    return made->alias;
  }

 private:
  struct Entry {
    IdentifierKey key;
    Alias* alias;
    Entry* next;
  };

  // Buckets below buckets_.size() - half_ have been split already, and so go by one more bit.
  size_t BucketOf(IdentifierKey key) const {
    const size_t hash = key * uint64_t{0x9e3779b97f4a7c15} >> 20;
    const size_t i = hash & (half_ - 1);
    return i < buckets_.size() - half_ ? hash & (2 * half_ - 1) : i;
  }
  void Split() {
    Entry* entry = buckets_[buckets_.size() - half_];
    buckets_[buckets_.size() - half_] = nullptr;
    buckets_.push_back(nullptr);
    while (entry != nullptr) {
      Entry* const next = entry->next;
      Entry*& bucket = buckets_[BucketOf(entry->key)];
      entry->next = bucket;
      bucket = entry;
      entry = next;
    }
    if (buckets_.size() == 2 * half_) half_ *= 2;
  }

  Pieces<Entry*> buckets_;
  size_t half_ = 1;  // the largest power of two that is not above the number of buckets
};

}  // namespace

// A use under way. Lies on the C++ stack; the chain begins at Vm::macro_use().
class MacroUse : public RootSource {
 public:
  MacroUse(Expansion& e, Scope* definition, Scope* use, SourcePosition position)
      : e_(e), definition_(definition), use_(use), position_(position), outer_(e.vm().macro_use()) {
    token_ = e.heap().ValueOf(e.heap().New<Box>());
    e.vm().set_macro_use(this);
    e.heap().AddRoots(this);
  }
  ~MacroUse() override {
    e_.heap().RemoveRoots(this);
    e_.vm().set_macro_use(outer_);
  }

  static MacroUse* Find(Vm& vm, Value token) {
    MacroUse* use = vm.macro_use();
    while (use != nullptr && use->token_ != token) use = use->outer_;
    return use;
  }

  Value token() const { return token_; }

  // Remembers where a part of the form stood in the source.
  void Note(Value datum, SourcePosition position) {
    Part* part = e_.arena().New<Part>();
    *part = {datum, position, parts_};
    parts_ = part;
    young_ = young_ || e_.heap().IsYoung(datum);
  }

  // Gives the parts of the result that were parts of the form their places again.
  void Locate(Value datum, Syntax* syntax) {
    if (syntax->kind != Syntax::Kind::kPair && syntax->kind != Syntax::Kind::kVector) return;
    if (index_ == nullptr) {
      index_ = std::make_unique<ObjectMap<const Part*>>();
      StepCounter steps;
      for (const Part* part = parts_; part != nullptr && steps.Add(4); part = part->next) {
        (*index_)[part->datum] = part;
      }
    }
    if (const Part* part = (*index_)[datum]; part != nullptr) syntax->position = part->position;
  }

  // No safepoint, and allocates little.
  Value Renamed(Value name) {
    Syntax* id = e_.IdentifierSyntax(name, position_);
    Alias*& alias = renamed_.Find(e_.arena(), KeyOf(id));
    if (alias == nullptr) alias = e_.Rename(id, definition_, position_)->alias;
    return e_.identifiers().ToHeap(alias);
  }
  bool SameMeaningHere(Value a, Value b) {
    return SameMeaning(e_.heap(), e_.Meaning(e_.IdentifierSyntax(a, position_), use_),
                       e_.Meaning(e_.IdentifierSyntax(b, position_), use_));
  }

  void VisitRoots(Visit visit, void* context) override {
    visit(&token_, context);
    for (Part* part = parts_; part != nullptr && visit(&part->datum, context);) part = part->next;
    young_ = false;
  }
  void VisitYoungRoots(Visit visit, void* context) override {
    if (young_) return VisitRoots(visit, context);
    visit(&token_, context);
  }

 private:
  // In the arena: there may be millions.
  struct Part {
    Value datum;
    SourcePosition position;
    Part* next;
  };
  Expansion& e_;
  Scope* definition_;
  Scope* use_;
  SourcePosition position_;
  MacroUse* outer_;
  Value token_;
  Part* parts_ = nullptr;
  bool young_ = false;                             // some may refer to the nursery
  std::unique_ptr<ObjectMap<const Part*>> index_;  // made when nothing moves any more
  RenamedTable renamed_;
};

namespace {

bool IsIdentifierValue(const Heap& heap, Value v) { return heap.Is<Symbol>(v) || heap.Is<Identifier>(v); }

Value UseIsOver(Vm& vm, const char* who) {
  return vm.Error("error", who, "the macro use that this procedure belongs to has been expanded already");
}

}  // namespace

Syntax* ApplyTransformer(Expansion& e, const Rules& rules, Syntax* form, Scope* scope) {
  // A pair or item of the form is at most one Identifier.
  if (!e.StackForLisp(form) || !e.Room(form, 4096 + 3 * DatumBytes(form))) return nullptr;
  MacroUse use(e, rules.scope, scope, form->position);
  const Value datum = SyntaxToDatum(
      e.vm(), form, false, [&](const Alias* alias) { return e.identifiers().ToHeap(const_cast<Alias*>(alias)); },
      [&](Value made, Syntax* part) { use.Note(made, part->position); });
  const absl::StatusOr<Value> result = e.vm().Call(rules.procedure, {datum, use.token()});
  if (!result.ok()) {
    return e.FailRun(form, absl::StrCat(e.Print(form->car), ": this macro's transformer failed"), result.status());
  }
  Syntax* expansion =
      SyntaxWithAliases(e, *result, form->position, [&](Value part, Syntax* made) { use.Locate(part, made); });
  if (expansion == nullptr) {
    return e.Fail(form, absl::StrCat(e.Print(form->car),
                                     ": what this macro's transformer returned is nested too "
                                     "deeply, or too large"));
  }
  return expansion;
}

Value RenameIdentifier(Vm& vm, Value token, Value name) {
  if (!IsIdentifierValue(vm.heap(), name)) return vm.WrongType("rename", 1, "a symbol", name);
  MacroUse* use = MacroUse::Find(vm, token);
  return use == nullptr ? UseIsOver(vm, "rename") : use->Renamed(name);
}

Value CompareIdentifiers(Vm& vm, Value token, Value a, Value b) {
  MacroUse* use = MacroUse::Find(vm, token);
  if (use == nullptr) return UseIsOver(vm, "compare");
  if (!IsIdentifierValue(vm.heap(), a) || !IsIdentifierValue(vm.heap(), b)) return kFalse;
  return Value::Boolean(use->SameMeaningHere(a, b));
}

}  // namespace islet::vm
