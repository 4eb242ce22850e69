// Environments: top-level variables and keywords, and the table of libraries.

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "isolate/data/hash_table.h"
#include "isolate/expander/expansion.h"
#include "isolate/expander/forward_cells.h"

namespace islet::vm {

namespace {

Value NewCell(Heap& heap, Value symbol, Value value, Value home, uint32_t flags) {
  Cell* cell = heap.New<Cell>(flags);
  cell->value = value;
  cell->name = symbol;
  cell->home = home;
  return heap.ValueOf(cell);
}

void SetCellFlags(Heap& heap, Value value, uint32_t set, uint32_t clear = 0) {
  Cell* cell = heap.Get<Cell>(value);
  const uint32_t header = (cell->header | set << 8) & ~(clear << 8);
  if (header == cell->header) return;
  heap.NoteRawWrite(&cell->header, sizeof(cell->header));
  cell->header = header;
}

Value BindingsOf(Heap& heap, Value environment) { return heap.Get<Environment>(environment)->bindings; }

bool IsImportedCell(Heap& heap, Value cell, Value environment) {
  const Cell* c = heap.Get<Cell>(cell);
  if ((HeaderFlags(c->header) & kConstantCellFlag) != 0) return true;
  // Programs and interactions share their variables; libraries do not let others change theirs.
  const Environment* home = heap.TryGet<Environment>(c->home);
  return home != nullptr && c->home != environment && home->exports != kFalse;
}

}  // namespace

// ---- For the evaluator: none of these is a safepoint.

void DefineCoreSyntax(Vm& vm, Value environment) {
  const Value table = BindingsOf(vm.heap(), environment);
#define ISLET_CORE_FORM(name, enumerator, number, expander) \
  HashTablePut(vm.heap(), table, vm.Intern(name), Value::Syntax(number));
#include "isolate/expander/core_forms.def"
}

Value DefineVariable(Vm& vm, Value environment, Value symbol, Value value, uint32_t cell_flags) {
  const Value cell = NewCell(vm.heap(), symbol, value, environment, cell_flags);
  HashTablePut(vm.heap(), BindingsOf(vm.heap(), environment), symbol, cell);
  return cell;
}

uint64_t BytesToSetVariable(Vm& vm, Value environment) {
  return 4096 + HashTableGrowthBytes(vm.heap(), BindingsOf(vm.heap(), environment));
}

absl::Status SetVariable(Vm& vm, Value environment, Value symbol, Value value) {
  Heap& heap = vm.heap();
  const Value table = BindingsOf(heap, environment);
  Value cell = HashTableGet(heap, table, symbol, kUndefined);
  if (cell == kUndefined) {
    cell = FindForwardCell(heap, environment, symbol);
    if (cell == kUndefined) {
      DefineVariable(vm, environment, symbol, value);
      return absl::OkStatus();
    }
    HashTablePut(heap, table, symbol, cell);
  }
  if (!heap.Is<Cell>(cell)) {
    return absl::FailedPreconditionError(absl::StrCat(vm.SymbolName(symbol), " is a keyword, not a variable"));
  }
  if (IsImportedCell(heap, cell, environment)) {
    return absl::FailedPreconditionError(
        absl::StrCat(vm.SymbolName(symbol), " is imported from a library, whose users would not see another value"));
  }
  SetCellFlags(heap, cell, 0, kForwardCellFlag);
  heap.Write(&heap.Get<Cell>(cell)->value, value);
  return absl::OkStatus();
}

Value MakeEnvironment(Vm& vm, Value name, bool exports) {
  Heap& heap = vm.heap();
  Environment* environment = heap.New<Environment>();
  environment->name = name;
  environment->bindings = MakeHashTable(heap, kEqTableFlag);
  environment->exports = exports ? MakeHashTable(heap, kEqTableFlag) : kFalse;
  return heap.ValueOf(environment);
}

namespace {

bool IsLibraryWith(const Heap& heap, Value library, uint32_t flag) {
  const Environment* environment = heap.TryGet<Environment>(library);
  return environment != nullptr && (HeaderFlags(environment->header) & flag) != 0;
}

}  // namespace

bool IsStandardLibrary(const Heap& heap, Value library) { return IsLibraryWith(heap, library, kStandardLibraryFlag); }

bool IsInternalLibrary(const Heap& heap, Value library) { return IsLibraryWith(heap, library, kInternalLibraryFlag); }

void SealStandardLibrary(Vm& vm) {
  Heap& heap = vm.heap();
  const Value islet = vm.Intern("islet");
  ForEachEntry(heap, vm.root(Root::kLibraries), [&](Value name, Value library) {
    Environment* environment = heap.TryGet<Environment>(library);
    if (environment == nullptr) return;
    const bool internal = name.IsPair() && heap.car(name) == islet && heap.cdr(name).IsPair();
    heap.NoteRawWrite(&environment->header, sizeof(environment->header));
    environment->header |= (kStandardLibraryFlag | (internal ? kInternalLibraryFlag : 0)) << 8;
    ForEachEntry(heap, environment->bindings, [&](Value, Value binding) {
      const Cell* cell = heap.TryGet<Cell>(binding);
      RecordType* type = cell == nullptr ? nullptr : heap.TryGet<RecordType>(cell->value);
      if (type == nullptr) return;
      heap.NoteRawWrite(&type->header, sizeof(type->header));
      type->header |= kOpaqueRecordFlag << 8;
    });
  });
}

void RegisterLibrary(Vm& vm, Value name, Value environment) {
  if (IsStandardLibrary(vm.heap(), FindLibrary(vm, name))) return;
  if (!vm.heap().Is<HashTable>(vm.root(Root::kLibraries))) {
    vm.set_root(Root::kLibraries, MakeHashTable(vm.heap(), kEqualTableFlag));
  }
  HashTablePut(vm.heap(), vm.root(Root::kLibraries), name, environment);
}

void UnregisterLibrary(Vm& vm, Value name) {
  if (vm.heap().Is<HashTable>(vm.root(Root::kLibraries)) && !IsStandardLibrary(vm.heap(), FindLibrary(vm, name))) {
    HashTableDelete(vm.heap(), vm.root(Root::kLibraries), name);
  }
}

Value FindLibrary(Vm& vm, Value name) {
  if (!vm.heap().Is<HashTable>(vm.root(Root::kLibraries))) return kUndefined;
  return HashTableGet(vm.heap(), vm.root(Root::kLibraries), name, kUndefined);
}

// ---- For the expander.

bool Expansion::IsImported(Value cell, const Env* env) { return IsImportedCell(heap(), cell, env->value); }

GlobalDefine* Expansion::DefineGlobal(const Syntax* id, Scope* root, SourcePosition position) {
  Env* env = root->env();
  const Value symbol = BaseSymbol(id);
  if (!Room(id, 4096 + HashTableGrowthBytes(heap(), BindingsOf(heap(), env->value)))) return nullptr;
  const Value table = BindingsOf(heap(), env->value);
  Value cell = HashTableGet(heap(), table, symbol, kUndefined);
  if (cell == kUndefined && (cell = FindForwardCell(heap(), env->value, symbol)) != kUndefined) {
    HashTablePut(heap(), table, symbol, cell);
  }
  if (!heap().Is<Cell>(cell) || IsImported(cell, env)) {
    cell = NewCell(heap(), symbol, kUndefined, env->value, 0);
    HashTablePut(heap(), table, symbol, cell);
  } else if ((HeaderFlags(heap().header(cell)) & kForwardCellFlag) != 0) {
    SetCellFlags(heap(), cell, 0, kForwardCellFlag);
  } else {
    SetCellFlags(heap(), cell, kAssignedCellFlag);
  }
  if (id->kind == Syntax::Kind::kAlias) {
    // The rest of the expansion that inserted this name finds it by its identity, others by the symbol.
    Binding* binding = arena_.New<Binding>();
    binding->value = cell;
    arena_.AddRoot(&binding->value);
    Bind(id, root, binding);
  }
  GlobalDefine* define = Make<GlobalDefine>(Core::Kind::kGlobalDefine, position);
  define->cell = cell;
  arena_.AddRoot(&define->cell);
  return define;
}

bool Expansion::BindGlobal(const Syntax* id, Scope* root, const Binding* binding) {
  Env* env = root->env();
  if (!Room(id, 4096 + HashTableGrowthBytes(heap(), BindingsOf(heap(), env->value)))) return false;
  HashTablePut(heap(), BindingsOf(heap(), env->value), BaseSymbol(id), binding->value);
  if (id->kind == Syntax::Kind::kAlias) Bind(id, root, binding);
  return true;
}

bool Expansion::CheckPhase(const Variable* variable, const Syntax* id) {
  if (variable->phase == phase_) return true;
  Fail(id, absl::StrCat(Print(id), variable->phase < phase_
                                       ? " is a local variable around this macro: it has no value yet when the macro's "
                                         "transformer runs"
                                       : " is a local variable of a macro's transformer, and not there any more when "
                                         "the expansion runs"));
  return false;
}

Core* Expansion::Reference(const Syntax* id, Scope* scope) {
  const Denotation d = Meaning(id, scope);
  switch (d.kind) {
    case Denotation::Kind::kVariable:
      return CheckPhase(d.variable, id) ? MakeRef(d.variable, id->position) : nullptr;
    case Denotation::Kind::kCell:
      return MakeGlobalRef(d.value, id->position);
    case Denotation::Kind::kUnbound:
      if (!Room(id, 4096)) return nullptr;
      return MakeGlobalRef(ForwardCell(heap(), d.env->value, d.symbol), id->position);
    default:
      return Fail(id, absl::StrCat(Print(id), " is a keyword, and cannot be used as a variable"));
  }
}

Core* Expansion::Assignment(const Syntax* id, Scope* scope, Core* value, const Syntax* whole) {
  const Denotation d = Meaning(id, scope);
  if (d.kind == Denotation::Kind::kVariable) {
    if (!CheckPhase(d.variable, id)) return nullptr;
    d.variable->assigned = true;
    LocalSet* set = Make<LocalSet>(Core::Kind::kLocalSet, whole->position);
    set->variable = d.variable;
    set->value = value;
    return set;
  }
  Value cell = d.value;
  if (d.kind == Denotation::Kind::kUnbound) {
    if (!Room(whole, 4096)) return nullptr;
    cell = ForwardCell(heap(), d.env->value, d.symbol);
  } else if (d.kind != Denotation::Kind::kCell) {
    return Fail(whole, absl::StrCat("set!: ", Print(id), " is a keyword, not a variable"));
  }
  if (IsImported(cell, d.env)) {
    return Fail(whole, absl::StrCat("set!: ", Print(id),
                                    " belongs to a library, and cannot be assigned here; define a "
                                    "variable of that name instead"));
  }
  SetCellFlags(heap(), cell, kAssignedCellFlag);
  GlobalSet* set = Make<GlobalSet>(Core::Kind::kGlobalSet, whole->position);
  set->cell = cell;
  arena_.AddRoot(&set->cell);
  set->value = value;
  return set;
}

Env* Expansion::CoreEnv(SourcePosition position) {
  if (core_env_ != nullptr) return core_env_;
  const Value name = heap().Cons(vm_.Intern("islet"), heap().Cons(vm_.Intern("core"), kNull));
  const Value environment = FindLibrary(vm_, name);
  if (!heap().Is<Environment>(environment)) {
    return FailAt(position, "the library (islet core) is missing");
  }
  return core_env_ = EnvOf(environment);
}

Syntax* Expansion::CoreIdentifier(absl::string_view name, SourcePosition position) {
  // Only called where CoreEnv has succeeded.
  Syntax* symbol = arena_.Symbol(vm_.Intern(name), position);
  return Rename(symbol, core_env_->scope, position);
}

Core* Expansion::CoreProcedure(absl::string_view name, SourcePosition position) {
  Env* env = CoreEnv(position);
  return env == nullptr ? nullptr : Reference(CoreIdentifier(name, position), env->scope);
}

}  // namespace islet::vm
