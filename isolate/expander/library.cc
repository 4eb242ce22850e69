// Libraries (R7RS 5.6): define-library, import sets, cond-expand, include.

#include <cstring>
#include <iterator>
#include <unordered_map>

#include "absl/strings/str_cat.h"
#include "isolate/data/hash_table.h"
#include "isolate/expander/expansion.h"
#include "isolate/heap/poll.h"
#include "isolate/reader/reader.h"

namespace islet::vm {

namespace {

// Words of library declarations and feature requirements are matched by name: no binding is in force there.
bool IsWord(Expansion& e, const Syntax* form, absl::string_view word) {
  return form->IsIdentifier() && e.vm().SymbolName(BaseSymbol(form)) == std::string(word);
}

bool IsWordList(Expansion& e, const Syntax* form, absl::string_view word) {
  return form->IsPair() && IsWord(e, form->car, word) && ListLength(form) >= 0;
}

// (part ...), symbols and exact non-negative integers.
bool IsLibraryName(const Syntax* name) {
  if (ListLength(name) < 1) return false;
  for (; name->IsPair(); name = name->cdr) {
    const Syntax* part = name->car;
    if (part->IsIdentifier()) continue;
    if (part->kind != Syntax::Kind::kAtom || !part->value.IsFixnum() || part->value.fixnum() < 0) {
      return false;
    }
  }
  return true;
}

// The name as a list of the heap. Allocates little.
Value LibraryName(Expansion& e, const Syntax* name) {
  std::vector<Value> parts;
  for (; name->IsPair(); name = name->cdr) {
    parts.push_back(name->car->IsIdentifier() ? BaseSymbol(name->car) : name->car->value);
  }
  Value list = kNull;
  for (size_t i = parts.size(); i-- > 0;) list = e.heap().Cons(parts[i], list);
  return list;
}

Value* NewRoot(Expansion& e, Value value) {
  Value* slot = e.arena().New<Value>();
  *slot = value;
  e.arena().AddRoot(slot);
  return slot;
}

}  // namespace

// ---- Import.

namespace {

struct ImportedName {
  Value name;
  Value binding;
};

bool IsModifier(Expansion& e, const Syntax* set) {
  if (!set->IsPair() || !set->cdr->IsPair() || !set->cdr->car->IsPair()) return false;
  return IsWordList(e, set, "only") || IsWordList(e, set, "except") || IsWordList(e, set, "prefix") ||
         IsWordList(e, set, "rename");
}

// Appends the names that an import set brings from a library that is loaded. No safepoint.
bool ResolveImportSet(Expansion& e, Syntax* set, const Env* library, std::vector<ImportedName>* out) {
  Heap& heap = e.heap();
  Expansion::Nesting nesting(e, set);
  if (!nesting) return false;
  if (!IsModifier(e, set)) {
    const Environment* environment = heap.Get<Environment>(library->value);
    const Value table = environment->exports != kFalse ? environment->exports : environment->bindings;
    ForEachEntry(heap, table, [&](Value name, Value binding) {
      const Cell* cell = heap.TryGet<Cell>(binding);
      if (cell == nullptr || (HeaderFlags(cell->header) & kForwardCellFlag) == 0) {
        out->push_back({name, binding});
      }
    });
    return true;
  }
  std::vector<ImportedName> base;
  if (!ResolveImportSet(e, Nth(set, 1), library, &base)) return false;
  std::unordered_map<uint32_t, size_t> index;
  for (size_t i = 0; i < base.size(); ++i) index[base[i].name.bits] = i;
  auto find = [&](const Syntax* id, size_t* i) {
    auto found = id->IsIdentifier() ? index.find(BaseSymbol(id).bits) : index.end();
    if (found == index.end()) {
      e.Fail(id, absl::StrCat("import: ", e.Print(Nth(set, 1)), " has no ", e.Print(id)));
      return false;
    }
    *i = found->second;
    return true;
  };
  size_t i;
  if (IsWord(e, set->car, "only")) {
    for (const Syntax* p = Tail(set, 2); p->IsPair(); p = p->cdr) {
      if (!find(p->car, &i)) return false;
      out->push_back(base[i]);
    }
  } else if (IsWord(e, set->car, "except")) {
    for (const Syntax* p = Tail(set, 2); p->IsPair(); p = p->cdr) {
      if (!find(p->car, &i)) return false;
      base[i].binding = kUndefined;
    }
    for (const ImportedName& name : base) {
      if (name.binding != kUndefined) out->push_back(name);
    }
  } else if (IsWord(e, set->car, "prefix")) {
    if (ListLength(set) != 3 || !Nth(set, 2)->IsIdentifier()) {
      e.Fail(set, "import: expected (prefix import-set identifier)");
      return false;
    }
    const std::string prefix = e.vm().SymbolName(BaseSymbol(Nth(set, 2)));
    for (const ImportedName& name : base) {
      out->push_back({e.vm().Intern(prefix + e.vm().SymbolName(name.name)), name.binding});
    }
  } else {
    for (const Syntax* p = Tail(set, 2); p->IsPair(); p = p->cdr) {
      if (ListLength(p->car) != 2 || !Nth(p->car, 1)->IsIdentifier()) {
        e.Fail(set, "import: expected (rename import-set (old new) ...)");
        return false;
      }
      if (!find(p->car->car, &i)) return false;
      base[i].name = BaseSymbol(Nth(p->car, 1));
    }
    *out = std::move(base);
  }
  return true;
}

// Was the binding made in `environment`, by a definition or a reference, not by an import?
bool IsOwn(const Heap& heap, Value binding, Value environment) {
  if (const Cell* cell = heap.TryGet<Cell>(binding)) return cell->home == environment;
  const Macro* macro = heap.TryGet<Macro>(binding);
  return macro != nullptr && macro->environment == environment;
}

// SRFI 13, for one, has a string-map of its own, which does what that of (scheme base) does, and more. Among the
// standard libraries the binding counts that is not the one that (islet) and (scheme ...) share, whatever the order of
// imports. Is the binding one of theirs, under the name that it was defined with?
bool IsStandard(Vm& vm, Value symbol, Value binding) {
  Heap& heap = vm.heap();
  Value home = kUndefined;
  if (const Cell* cell = heap.TryGet<Cell>(binding)) home = cell->home;
  if (const Macro* macro = heap.TryGet<Macro>(binding)) home = macro->environment;
  const Environment* environment = heap.TryGet<Environment>(home);
  if (environment == nullptr || !environment->name.IsPair() || environment->exports == kFalse ||
      HashTableGet(heap, environment->exports, symbol, kUndefined) != binding) {
    return false;
  }
  const Value first = heap.car(environment->name);
  if (!heap.Is<Symbol>(first)) return false;
  const std::string name = vm.SymbolName(first);
  return name == "islet" || name == "scheme" || name == "srfi";
}

Value CommonBinding(Vm& vm, Value name) {
  const Value library = FindLibrary(vm, vm.heap().Cons(vm.Intern("islet"), kNull));
  const Environment* environment = vm.heap().TryGet<Environment>(library);
  return environment == nullptr ? kUndefined : HashTableGet(vm.heap(), environment->exports, name, kUndefined);
}

}  // namespace

Env* Expansion::LoadLibrary(Syntax* name, bool* found) {
  if (!IsLibraryName(name)) {
    return Fail(name, "expected a library name (part ...) of identifiers and integers");
  }
  if (!Room(name, 64 << 10)) return nullptr;
  Value* key = NewRoot(*this, LibraryName(*this, name));
  Value environment = FindLibrary(vm_, *key);
  if (environment == kFalse) {
    return Fail(name,
                absl::StrCat("circular import: the library ", Print(name), " imports itself, perhaps through others"));
  }
  if (environment == kUndefined) {
    if (loader_ == nullptr) {
      if (found != nullptr) return *found = false, nullptr;
      return Fail(name, absl::StrCat("there is no library ", Print(name)));
    }
    absl::StatusOr<Value> loaded = loader_->Load(*key);
    if (!loaded.ok()) {
      const absl::Status& status = loaded.status();
      const bool missing = absl::IsNotFound(status);
      if (missing && found != nullptr) return *found = false, nullptr;
      // An import that cannot be carried out is at fault here, not in the library.
      const bool here = missing || absl::IsFailedPrecondition(status);
      return FailWith(name, std::string(status.message()), here ? absl::OkStatus() : status);
    }
    environment = *loaded;
  }
  if (!heap().Is<Environment>(environment)) {
    return Fail(name, absl::StrCat("loading did not define the library ", Print(name)));
  }
  if (IsInternalLibrary(heap(), environment)) {
    // For cond-expand there is no such library: nobody could import it.
    if (found != nullptr) return *found = false, nullptr;
    return Fail(name, absl::StrCat("the library ", Print(name),
                                   " is internal to the standard library, and cannot be imported; import (islet), "
                                   "(scheme ...) or (srfi ...), which export what programs may use of it"));
  }
  return EnvOf(environment);
}

bool Expansion::Import(Syntax* form, Scope* root) {
  if (ListLength(form) < 0) {
    Fail(form, "import: expected (import import-set ...)");
    return false;
  }
  for (Syntax* p = form->cdr; p->IsPair(); p = p->cdr) {
    Syntax* set = p->car;
    Syntax* name = set;
    while (IsModifier(*this, name)) name = Nth(name, 1);
    Env* library = LoadLibrary(name);
    if (library == nullptr) return false;
    const Environment* environment = heap().Get<Environment>(library->value);
    const uint64_t names =
        HashTableCount(heap(), environment->exports != kFalse ? environment->exports : environment->bindings);
    const Value table = heap().Get<Environment>(root->env()->value)->bindings;
    // Room for the new names of a prefix, too.
    if (!Room(set, (64 << 10) + names * 256 + HashTableGrowthBytes(heap(), table, names))) return false;
    std::vector<ImportedName> imported;
    if (!ResolveImportSet(*this, set, library, &imported)) return false;
    const Value bindings = heap().Get<Environment>(root->env()->value)->bindings;
    // R7RS 5.2: no name may be imported with two meanings. Interactions may import anew what they have.
    const bool strict = root->env()->value != vm_.root(Root::kInteraction);
    for (const ImportedName& n : imported) {
      const Value known = HashTableGet(heap(), bindings, n.name, kUndefined);
      if (strict && known != kUndefined && known != n.binding && !IsOwn(heap(), known, root->env()->value)) {
        const bool standard = IsStandard(vm_, n.name, known) && IsStandard(vm_, n.name, n.binding);
        const Value common = standard ? CommonBinding(vm_, n.name) : kUndefined;
        if (n.binding == common) continue;
        if (known == common) {
          HashTablePut(heap(), bindings, n.name, n.binding);
          continue;
        }
        Fail(set, absl::StrCat("import: ", vm_.SymbolName(n.name), " is imported already, and means something else in ",
                               Print(name), "; leave one out by (except ...) or (only ...), or rename it"));
        return false;
      }
      HashTablePut(heap(), bindings, n.name, n.binding);
    }
  }
  return true;
}

// ---- include and cond-expand.

bool Expansion::NoteInclude(const Syntax* form, const std::string& path, const std::string& from) {
  std::string chain = path;
  std::string at = from;
  // Each step is to an earlier file, so that this ends.
  for (size_t steps = 0; steps <= included_by_.size(); ++steps) {
    if (steps < 5) chain = absl::StrCat(at, " includes ", chain);
    if (at == path) {
      Fail(form, absl::StrCat("include: files include each other: ", chain));
      return false;
    }
    const auto next = included_by_.find(at);
    if (next == included_by_.end()) break;
    at = next->second;
  }
  included_by_[path] = from;
  return true;
}

bool Expansion::Include(Syntax* form, bool fold_case, std::vector<Syntax*>* out) {
  if (ListLength(form) < 2) {
    Fail(form, "include: expected (include \"file\" ...)");
    return false;
  }
  for (Syntax* p = form->cdr; p->IsPair(); p = p->cdr) {
    if (p->car->kind != Syntax::Kind::kAtom || !heap().Is<String>(p->car->value)) {
      Fail(p->car, "include: expected a file name as a string");
      return false;
    }
    if (loader_ == nullptr) {
      Fail(form, "include: there is no access to files here");
      return false;
    }
    const std::string path = vm_.ToUtf8(p->car->value);
    const std::string* from = form->position.file;
    absl::StatusOr<SourceFile> file =
        loader_->ReadFile(path, from == nullptr ? absl::string_view() : absl::string_view(*from));
    if (!file.ok()) {
      Fail(p->car, absl::StrCat("include: ", file.status().message()));
      return false;
    }
    if (!NoteInclude(p->car, file->path, from == nullptr ? "" : *from)) return false;
    ReaderOptions options;
    options.fold_case = fold_case;
    options.max_arena_bytes = options_.arena_limit;
    Reader reader(vm_, arena_, file->text, file->path, options);
    Syntax* datum = nullptr;
    Reader::Result result;
    while ((result = reader.ReadNext(&datum)) == Reader::Result::kDatum) out->push_back(datum);
    if (result == Reader::Result::kError) {
      FailAt(reader.error().position, reader.error().message);
      return false;
    }
  }
  return true;
}

namespace {

// Sets `*holds`; false after Fail.
bool Evaluate(Expansion& e, Syntax* requirement, bool* holds) {
  Expansion::Nesting nesting(e, requirement);
  if (!nesting) return false;
  if (requirement->IsIdentifier()) {
    const std::string name = e.vm().SymbolName(BaseSymbol(requirement));
    *holds = name == "else" || HasFeature(e.vm(), name);
    return true;
  }
  const bool conjunction = IsWordList(e, requirement, "and");
  if (conjunction || IsWordList(e, requirement, "or")) {
    *holds = conjunction;
    for (Syntax* p = requirement->cdr; p->IsPair() && *holds == conjunction; p = p->cdr) {
      if (!Evaluate(e, p->car, holds)) return false;
    }
    return true;
  }
  if (IsWordList(e, requirement, "not") && ListLength(requirement) == 2) {
    if (!Evaluate(e, Nth(requirement, 1), holds)) return false;
    *holds = !*holds;
    return true;
  }
  if (IsWordList(e, requirement, "library") && ListLength(requirement) == 2) {
    *holds = true;
    return e.LoadLibrary(Nth(requirement, 1), holds) != nullptr || !*holds;
  }
  e.Fail(requirement, "cond-expand: expected a feature, (library name), (and ...), (or ...), (not ...) or else");
  return false;
}

}  // namespace

bool Expansion::CondExpand(Syntax* form, std::vector<Syntax*>* out) {
  if (ListLength(form) < 1) {
    Fail(form, "cond-expand: expected (cond-expand (requirement form ...) ...)");
    return false;
  }
  for (Syntax* p = form->cdr; p->IsPair(); p = p->cdr) {
    if (ListLength(p->car) < 1) {
      Fail(p->car, "cond-expand: expected a clause (requirement form ...)");
      return false;
    }
    bool holds = false;
    if (!Evaluate(*this, p->car->car, &holds)) return false;
    if (holds) return Splice(p->car->cdr, form, out);
  }
  return true;
}

// ---- define-library.

namespace {

struct Export {
  Syntax* internal;
  Syntax* external;
};

struct Declarations {
  Syntax* alias = nullptr;  // the name of the library that this is another name of
  std::vector<Export> exports;
  std::vector<Syntax*> imports;
  std::vector<Syntax*> body;
};

bool ParseDeclarations(Expansion& e, Syntax* form, Declarations* out) {
  std::vector<Syntax*> pending;
  std::vector<Syntax*> forms;
  if (!e.Splice(Tail(form, 2), form, &forms)) return false;
  pending.assign(forms.rbegin(), forms.rend());
  while (!pending.empty()) {
    Syntax* d = pending.back();
    pending.pop_back();
    Expansion::Nesting nesting(e, d);
    if (!nesting) return false;
    forms.clear();
    if (IsWordList(e, d, "export")) {
      for (Syntax* p = d->cdr; p->IsPair(); p = p->cdr) {
        Syntax* spec = p->car;
        if (spec->IsIdentifier()) {
          out->exports.push_back({spec, spec});
        } else if (IsWordList(e, spec, "rename") && ListLength(spec) == 3 && Nth(spec, 1)->IsIdentifier() &&
                   Nth(spec, 2)->IsIdentifier()) {
          out->exports.push_back({Nth(spec, 1), Nth(spec, 2)});
        } else {
          e.Fail(spec, "export: expected a name or (rename internal external)");
          return false;
        }
      }
    } else if (IsWordList(e, d, "import")) {
      out->imports.push_back(d);
    } else if (IsWordList(e, d, "alias-for")) {
      if (ListLength(d) != 2 || ListLength(form) != 3) {
        e.Fail(d, "alias-for: expected (alias-for (name ...)), as a library's only declaration");
        return false;
      }
      out->alias = Nth(d, 1);
    } else if (IsWordList(e, d, "begin")) {
      if (!e.Splice(d->cdr, d, &out->body)) return false;
    } else if (IsWordList(e, d, "include")) {
      if (!e.Include(d, false, &out->body)) return false;
    } else if (IsWordList(e, d, "include-ci")) {
      if (!e.Include(d, true, &out->body)) return false;
    } else if (IsWordList(e, d, "include-library-declarations")) {
      if (!e.Include(d, false, &forms)) return false;
    } else if (IsWordList(e, d, "cond-expand")) {
      if (!e.CondExpand(d, &forms)) return false;
    } else {
      e.Fail(d,
             "define-library: expected a declaration: export, import, begin, include, include-ci, "
             "include-library-declarations, cond-expand or alias-for");
      return false;
    }
    pending.insert(pending.end(), forms.rbegin(), forms.rend());
  }
  return true;
}

// Marks the library's variables that some macro of it may assign: its uses are expanded elsewhere, later. Looks at each
// list in a macro's text: (set! name ...), and (macro ... name ...) for all names there. What a procedure's expansions
// will assign nobody knows: then it may be any of them.
void MarkAssignedByMacros(Heap& heap, Value bindings, Value environment) {
  auto lookup = [&](Value v) {
    if (const Identifier* identifier = heap.TryGet<Identifier>(v)) v = identifier->name;
    return heap.Is<Symbol>(v) ? HashTableGet(heap, bindings, v, kUndefined) : kUndefined;
  };
  auto mark_binding = [&](Value binding) {
    Cell* cell = heap.TryGet<Cell>(binding);
    if (cell == nullptr || cell->home != environment) return;
    heap.NoteRawWrite(&cell->header, sizeof(cell->header));
    cell->header |= kAssignedCellFlag << 8;
  };
  auto mark = [&](Value v) { mark_binding(lookup(v)); };
  bool procedures = false;
  ForEachEntry(heap, bindings, [&](Value, Value binding) {
    const Macro* macro = heap.TryGet<Macro>(binding);
    if (macro == nullptr || macro->environment != environment) return;
    procedures = procedures || heap.Is<Closure>(macro->spec);
    std::vector<Value> work = {macro->spec};
    while (!work.empty()) {
      Value v = work.back();
      work.pop_back();
      if (const Vector* vector = heap.TryGet<Vector>(v)) {
        work.insert(work.end(), vector->items, vector->items + vector->length);
      }
      if (!v.IsPair()) continue;
      const Value head = lookup(heap.car(v));
      procedures = procedures || head == Value::Syntax(static_cast<uint32_t>(CoreForm::kErMacroTransformer));
      const bool assigns = head == Value::Syntax(static_cast<uint32_t>(CoreForm::kSet)) || heap.Is<Macro>(head);
      for (; v.IsPair(); v = heap.cdr(v)) {
        if (assigns) mark(heap.car(v));
        work.push_back(heap.car(v));
      }
    }
  });
  if (procedures) ForEachEntry(heap, bindings, [&](Value, Value binding) { mark_binding(binding); });
}

// The library is complete: its variables that nothing assigns are constants from now on.
void MarkConstants(Heap& heap, Value environment) {
  const Value bindings = heap.Get<Environment>(environment)->bindings;
  MarkAssignedByMacros(heap, bindings, environment);
  ForEachEntry(heap, bindings, [&](Value, Value binding) {
    Cell* cell = heap.TryGet<Cell>(binding);
    if (cell == nullptr || cell->home != environment ||
        (HeaderFlags(cell->header) & (kAssignedCellFlag | kForwardCellFlag)) != 0) {
      return;
    }
    heap.NoteRawWrite(&cell->header, sizeof(cell->header));
    cell->header |= kConstantCellFlag << 8;
  });
}

bool ResolveExports(Expansion& e, absl::Span<const Export> exports, const Env* env) {
  Heap& heap = e.heap();
  // The table is filled without a safepoint in between.
  if (!e.Room(nullptr, (64 << 10) + HashTableBytes(exports.size() * 2))) return false;
  const Environment* environment = heap.Get<Environment>(env->value);
  for (const Export& x : exports) {
    const Value binding = HashTableGet(heap, environment->bindings, BaseSymbol(x.internal), kUndefined);
    const Cell* cell = heap.TryGet<Cell>(binding);
    if (binding == kUndefined || (cell != nullptr && (HeaderFlags(cell->header) & kForwardCellFlag) != 0)) {
      e.Fail(x.internal, absl::StrCat("export: the library does not define ", e.Print(x.internal)));
      return false;
    }
    const Value other = HashTableGet(heap, environment->exports, BaseSymbol(x.external), kUndefined);
    if (other != kUndefined && other != binding) {
      e.Fail(x.external, absl::StrCat("export: two different things are exported as ", e.Print(x.external)));
      return false;
    }
    HashTablePut(heap, environment->exports, BaseSymbol(x.external), binding);
  }
  return true;
}

// Makes this library another name of the one called `name`: they share one table of exports, so that it costs nothing.
bool ShareExports(Expansion& e, Syntax* name, const Env* env) {
  const Env* other = e.LoadLibrary(name);
  if (other == nullptr) return false;
  Heap& heap = e.heap();
  const Environment* library = heap.Get<Environment>(other->value);
  heap.Write(&heap.Get<Environment>(env->value)->exports,
             library->exports != kFalse ? library->exports : library->bindings);
  return true;
}

}  // namespace

Core* Expansion::DefineLibrary(Syntax* form) {
  if (ListLength(form) < 2 || !IsLibraryName(Nth(form, 1))) {
    return Fail(form, "define-library: expected (define-library (name ...) declaration ...)");
  }
  if (!Room(form, 64 << 10)) return nullptr;
  Value* name = NewRoot(*this, LibraryName(*this, Nth(form, 1)));
  Value* previous = NewRoot(*this, FindLibrary(vm_, *name));
  if (IsStandardLibrary(heap(), *previous)) {
    return Fail(Nth(form, 1), absl::StrCat("define-library: ", Print(Nth(form, 1)),
                                           " belongs to the standard library, and cannot be defined anew; give the "
                                           "library another name"));
  }
  RegisterLibrary(vm_, *name, kFalse);  // being expanded
  Env* env = EnvOf(MakeEnvironment(vm_, *name, true));
  Core* core = nullptr;
  Declarations declarations;
  if (ParseDeclarations(*this, form, &declarations)) {
    bool imported = true;
    for (Syntax* import : declarations.imports) imported = imported && Import(import, env->scope);
    if (imported) core = ToplevelForms(declarations.body, env->scope, form->position);
  }
  if (core != nullptr && !(declarations.alias != nullptr ? ShareExports(*this, declarations.alias, env)
                                                         : ResolveExports(*this, declarations.exports, env))) {
    core = nullptr;
  }
  if (Ended()) core = nullptr;  // which may be cut short, and will not be run
  if (core == nullptr) {
    heap().FinishCollection();  // lest what is written be lost
    const PollScope none({});   // nor may it depend on the name's length
    if (heap().Is<Environment>(*previous)) {
      RegisterLibrary(vm_, *name, *previous);
    } else {
      UnregisterLibrary(vm_, *name);
    }
    return nullptr;
  }
  MarkConstants(heap(), env->value);
  // A library without a body defines nothing, and only its exports will be looked up: one table will do.
  if (declarations.body.empty()) {
    Environment* library = heap().Get<Environment>(env->value);
    heap().Write(&library->bindings, library->exports);
  }
  RegisterLibrary(vm_, *name, env->value);
  return MakeSequence({core, MakeUnspecified(form->position)}, form->position);
}

}  // namespace islet::vm
