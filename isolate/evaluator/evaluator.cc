#include "isolate/evaluator/evaluator.h"

#include <algorithm>
#include <new>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "isolate/capabilities/call_out.h"
#include "isolate/capabilities/paths.h"
#include "isolate/capabilities/system.h"
#include "isolate/compiler/compiler.h"
#include "isolate/data/hash_table.h"
#include "isolate/heap/poll.h"
#include "isolate/interpreter/limits.h"
#include "isolate/interpreter/stubs.h"
#include "isolate/ports/grants.h"
#include "isolate/ports/outside.h"
#include "isolate/printer/describe.h"
#include "isolate/printer/printer.h"
#include "isolate/process/stack_space.h"
#include "isolate/reader/reader.h"
#include "isolate/reader/syntax.h"

namespace islet::vm {

namespace {

// A library is loaded from within another one's loading only if so much of the C++ stack is left. It is more than the
// expander leaves unused, which would speak of forms that are nested too deeply.
constexpr size_t kStackOfLoad = size_t{512} << 10;
// Reading, expanding and compiling a text needs at least so much of the stack. The expander and the compiler may use
// half of what is left for forms that are nested in each other.
constexpr size_t kStackToEvaluate = kStackScale * (size_t{40} << 10);
// Room for a table of what a program imports: all that the standard library exports takes far less.
constexpr size_t kBytesOfBindings = size_t{1} << 20;
// Of a circle of imports, how many are shown at each end.
constexpr size_t kShownImports = 4;

absl::StatusOr<std::string> ReadWholeFile(FileSystem& files, const std::string& path) {
  absl::StatusOr<std::unique_ptr<File>> file = OpenFileOf(files, path, FileSystem::Mode::kRead);
  if (!file.ok()) return file.status();
  std::string text;
  std::vector<char> buffer(size_t{1} << 16);
  while (true) {
    const absl::StatusOr<size_t> count = (*file)->Read(buffer.data(), buffer.size());
    if (!count.ok()) return count.status();
    if (*count == 0) break;
    text.append(buffer.data(), std::min(*count, buffer.size()));
  }
  if (absl::Status closed = (*file)->Close(); !closed.ok()) return closed;
  return text;
}

absl::Status Unreadable(absl::string_view path, const absl::Status& status) {
  return absl::NotFoundError(absl::StrCat("cannot read ", path, ": ", ReasonNotOpened(status)));
}

bool StartsWith(Vm& vm, const Syntax* form, absl::string_view keyword) {
  return form->IsPair() && form->car->kind == Syntax::Kind::kSymbol && form->car->value == vm.Intern(keyword);
}

// True if the value of the form is that of a definition at its end: a name that nobody asked for.
bool EndsInDefinition(const Core* core) {
  while (core->kind == Core::Kind::kSequence) core = static_cast<const Sequence*>(core)->items.back();
  return core->kind == Core::Kind::kGlobalDefine;
}

// A library whose body failed must not be found by later imports.
void ForgetLibrary(Vm& vm, const Syntax* form) {
  if (!StartsWith(vm, form, "define-library") || !form->cdr->IsPair()) return;
  vm.heap().FinishCollection();  // lest what is written be lost
  const PollScope none({});      // nor may the name be cut short, or its end outlive the evaluation
  const Value name = SyntaxToDatum(vm, form->cdr->car, false);
  if (name != kUndefined) UnregisterLibrary(vm, name);
}

// Adds to the failure that `status` is about the top-level form, or null, of the text called `name` in which it
// happened. The failure's text tells the form where no frame does, if the failure was one of running it.
absl::Status AtForm(Vm& vm, const absl::Status& status, absl::string_view name, const Syntax* form, bool running) {
  Failure failure = vm.TakeFailure(status);
  failure.form = Place();
  if (form != nullptr) {
    if (running && !failure.TellsTopLevel()) failure.top_level = form->position.ToPlace();
    failure.form = {std::string(name), form->position.line, form->position.column};
  }
  return vm.Record(std::move(failure));
}

// Why an expansion failed, if it was not the form: a condition that was raised meanwhile, or a limit or interrupt,
// which nothing may catch.
bool CanReraise(Vm& vm, const absl::Status& cause) {
  if (cause.ok()) return false;
  return !CanBeHandled(cause) || vm.last_condition() != kUndefined;
}

Value CoreLibraryName(Vm& vm) {
  Heap& heap = vm.heap();
  return heap.Cons(vm.Intern("islet"), heap.Cons(vm.Intern("core"), kNull));
}

// Binds a keyword of (islet core) in `environment`. Must not collect, as its callers hold Values.
void BindCoreKeyword(Vm& vm, Value environment, absl::string_view keyword) {
  Heap& heap = vm.heap();
  const Value core = FindLibrary(vm, CoreLibraryName(vm));
  const Value symbol = vm.Intern(keyword);
  HashTablePut(heap, heap.Get<Environment>(environment)->bindings, symbol,
               HashTableGet(heap, heap.Get<Environment>(core)->exports, symbol, kUndefined));
}

// The environment of a program, before its imports: nothing but the means to import.
Value MakeProgramEnvironment(Vm& vm) {
  const Value environment = MakeEnvironment(vm, vm.Intern("program"));
  for (const char* keyword : {"import", "define-library"}) BindCoreKeyword(vm, environment, keyword);
  return environment;
}

// Raises what the expander has found, for a procedure called `who`; "" if the program need not know of one.
Value RaiseExpandError(Vm& vm, absl::string_view who, const ExpandError& error) {
  return CanReraise(vm, error.cause) ? vm.Reraise(error.cause) : vm.Error("syntax", who, error.ToString());
}

// A table with what the environment binds. Reserve kBytesOfBindings before.
Value CopyOfBindings(Heap& heap, Value environment) {
  const Value copy = MakeHashTable(heap, kEqTableFlag);
  ForEachEntry(heap, heap.Get<Environment>(environment)->bindings,
               [&](Value symbol, Value binding) { HashTablePut(heap, copy, symbol, binding); });
  return copy;
}

}  // namespace

void InitializeCore(Vm& vm) {
  Heap& heap = vm.heap();
  MakeStubs(vm);
  const Value name = CoreLibraryName(vm);
  const Value core = MakeEnvironment(vm, name, true);
  DefineCoreSyntax(vm, core);
  absl::Span<const PrimitiveSpec> primitives = vm.primitives();
  for (uint32_t i = 0; i < primitives.size(); ++i) {
    DefineVariable(vm, core, vm.Intern(primitives[i].name), Value::Primitive(i), kConstantCellFlag);
  }
  for (absl::string_view stub : kStubProcedureNames) {
    DefineVariable(vm, core, vm.Intern(stub), MakeStubProcedure(vm, stub), kConstantCellFlag);
  }
  ForEachEntry(heap, heap.Get<Environment>(core)->bindings, [&](Value symbol, Value binding) {
    HashTablePut(heap, heap.Get<Environment>(core)->exports, symbol, binding);
  });
  RegisterLibrary(vm, name, core);
  const Value interaction = MakeEnvironment(vm, vm.Intern("interaction"));
  ForEachEntry(heap, heap.Get<Environment>(core)->exports, [&](Value symbol, Value binding) {
    HashTablePut(heap, heap.Get<Environment>(interaction)->bindings, symbol, binding);
  });
  vm.set_root(Root::kInteraction, interaction);
  vm.set_root(Root::kRestoreHooks, kNull);
  vm.set_root(Root::kHostFunctions, heap.MakeVector(0, kFalse));
}

absl::StatusOr<Value> LookupVariable(Vm& vm, absl::string_view name) {
  Heap& heap = vm.heap();
  const Value interaction = vm.root(Root::kInteraction);
  const Value symbol = vm.Intern(name);
  const Value bindings = heap.Peek<Environment>(interaction)->bindings;
  const Value binding = HashTableGet(heap, bindings, symbol, kUndefined);
  Cell* cell = heap.TryGet<Cell>(binding);
  if (cell == nullptr || cell->value == kUndefined) {
    return absl::NotFoundError(absl::StrCat("no variable named ", name, " is defined"));
  }
  return cell->value;
}

Evaluator::Evaluator(Vm& vm) : vm_(vm) {
  if (vm.embedder() == nullptr) vm.attachments().embedder = this;
}

Evaluator::~Evaluator() {
  if (vm_.embedder() == this) vm_.attachments().embedder = nullptr;
}

FileSystem* Evaluator::files() const {
  const Outside* const outside = FindOutside(vm_);
  return outside == nullptr ? nullptr : outside->ports.files;
}

absl::StatusOr<SourceFile> Evaluator::ReadSource(FileSystem& files, const std::string& path) {
  absl::StatusOr<std::string> text = CallOut([&] { return ReadWholeFile(files, path); });
  if (!text.ok()) return text.status();
  if (std::find(files_read_.begin(), files_read_.end(), path) == files_read_.end()) files_read_.push_back(path);
  return SourceFile{path, *std::move(text)};
}

absl::Status Evaluator::EvalFile(absl::string_view path) {
  absl::StatusOr<SourceFile> source = ReadSource(*ProcessFiles(), std::string(path));
  if (!source.ok()) return Unreadable(path, source.status());
  return EvalForms(source->text, source->path, vm_.root(Root::kInteraction), true).status();
}

absl::StatusOr<Value> Evaluator::EvalString(absl::string_view text, absl::string_view name) {
  return EvalForms(text, name, vm_.root(Root::kInteraction), false);
}

absl::StatusOr<Value> Evaluator::EvalValues(absl::string_view text, absl::string_view name) {
  return EvalForms(text, name, vm_.root(Root::kInteraction), false, /*all_values=*/true);
}

absl::StatusOr<Value> Evaluator::EvalScript(absl::string_view text, absl::string_view name) {
  return EvalForms(text, name, vm_.root(Root::kInteraction), true);
}

absl::StatusOr<Value> Evaluator::EvalForms(absl::string_view text, absl::string_view name, Value environment,
                                           bool script, bool all_values) {
  if (absl::Status room = CheckStack(kStackToEvaluate); !room.ok()) return room;
  SyntaxArena arena(&vm_.heap());
  Value imported = kFalse;  // a program's bindings before its body
  Value result = all_values ? kNull : kUnspecified;
  arena.AddRoot(&environment);
  arena.AddRoot(&imported);
  arena.AddRoot(&result);
  Reader reader(vm_, arena, text, name);
  Expander expander(vm_, arena, this);
  bool first = true, program = false;
  Syntax* form = nullptr;
  const auto fail = [&](const absl::Status& status) { return AtForm(vm_, status, name, form, /*running=*/false); };
  const auto fail_running = [&](const absl::Status& status) {
    return AtForm(vm_, status, name, form, /*running=*/true);
  };
  // Reading, expanding and compiling count against the same limits as running, and poll for the same interrupts.
  const RunScope polls = vm_.Polls();
  const auto ended = [&] { return fail_running(vm_.TakeTermination()); };
  for (;;) {
    form = nullptr;
    const Reader::Result read = reader.ReadNext(&form);
    if (vm_.ended()) return ended();
    if (read == Reader::Result::kEnd) break;
    if (read == Reader::Result::kError) {
      form = nullptr;
      return fail(vm_.FailSyntax(reader.error().position.ToPlace(), reader.error().message));
    }
    const bool import = StartsWith(vm_, form, "import");
    if (first && script && import) {
      program = true;
      environment = MakeProgramEnvironment(vm_);
    }
    first = false;
    if (program && !import && imported == kFalse) {
      if (!vm_.heap().Reserve(kBytesOfBindings)) return vm_.ended() ? ended() : fail(HeapLimitStatus(vm_, ""));
      imported = CopyOfBindings(vm_.heap(), environment);
    }
    Core* core = expander.ExpandToplevel(form, environment);
    if (vm_.ended()) return ended();
    if (core == nullptr) {
      const ExpandError& error = expander.error();
      if (!error.cause.ok()) return fail(error.cause);
      const std::string what = ExpandError{error.message, SourcePosition{}, error.form, absl::OkStatus()}.ToString();
      return fail(vm_.FailSyntax(error.position.ToPlace(), what));
    }
    const bool definition = EndsInDefinition(core);
    absl::StatusOr<Value> thunk = Compile(vm_, arena, core, /*keep_frame=*/true);
    if (!thunk.ok()) {
      absl::Status failure =
          vm_.ended() ? ended() : fail(vm_.FailSyntax(Place(), std::string(thunk.status().message())));
      ForgetLibrary(vm_, form);
      return failure;
    }
    absl::StatusOr<Value> value = Run(*thunk, all_values);
    if (!value.ok()) {
      if (vm_.ended()) vm_.TakeTermination().IgnoreError();
      ForgetLibrary(vm_, form);
      return fail_running(value.status());
    }
    result = all_values && definition ? kNull : *value;
  }
  if (program && imported != kFalse) ExportDefinitions(environment, imported);
  if (vm_.ended()) return ended();
  return result;
}

absl::StatusOr<Value> Evaluator::Run(Value thunk, bool all_values) {
  absl::StatusOr<Value> value = vm_.Call(thunk, {});
  if (!value.ok() || !all_values) return value;
  Heap& heap = vm_.heap();
  if (!vm_.returned_several()) return heap.Cons(*value, kNull);
  const std::vector<Value>& values = vm_.values();
  if (!heap.Reserve(values.size() * 8)) {
    return vm_.ended() ? vm_.TakeTermination() : HeapLimitStatus(vm_, "by the values of a form");
  }
  Value list = kNull;
  for (size_t i = values.size(); i > 0; --i) list = heap.Cons(values[i - 1], list);
  return list;
}

void Evaluator::ExportDefinitions(Value environment, Value imported) {
  Heap& heap = vm_.heap();
  const Value interaction = vm_.root(Root::kInteraction);
  ForEachEntry(heap, heap.Get<Environment>(environment)->bindings, [&](Value symbol, Value binding) {
    if (HashTableGet(heap, imported, symbol, kUndefined) != binding) {
      HashTablePut(heap, heap.Get<Environment>(interaction)->bindings, symbol, binding);
    }
  });
}

absl::Status Evaluator::OpenInteraction(absl::string_view library) {
  absl::StatusOr<Value> environment = EvalString(absl::StrCat("(%environment '", library, ")"), "interaction");
  if (!environment.ok()) return environment.status();
  vm_.set_root(Root::kInteraction, *environment);
  return absl::OkStatus();
}

absl::StatusOr<Value> Evaluator::Load(Value name) {
  const LibraryName library = LibraryName::Of(vm_, name);
  if (const auto failed = failed_.find(library.ToString()); failed != failed_.end()) {
    return vm_.Record(failed->second);
  }
  for (const Loading& other : loading_) {
    if (other.name == library) return CircularImport(library);
  }
  // Only imports that ImportsOf does not see lead here from within another Load.
  if (!loading_.empty() && RemainingStack() < kStackOfLoad) return ImportsTooDeep();
  const size_t first = loading_.size();
  absl::StatusOr<Value> loaded = kUndefined;
  try {
    absl::Status started = StartLoading(library);
    loaded = started.ok() ? LoadFrom(first) : started;
  } catch (const std::bad_alloc&) {
    loading_.clear();
    failed_.clear();
    throw;
  }
  loading_.resize(std::min(loading_.size(), first));
  if (loading_.empty()) failed_.clear();
  return loaded;
}

absl::StatusOr<Value> Evaluator::LoadFrom(size_t first) {
  while (true) {
    if (vm_.ended()) return vm_.TakeTermination();
    Loading& library = loading_.back();
    if (library.next < library.imports.size()) {
      const LibraryName import = library.imports[library.next++];
      const bool known = FindLibrary(vm_, import.ToValue(vm_)) != kUndefined || failed_.count(import.ToString()) != 0;
      const auto is_import = [&import](const Loading& other) { return other.name == import; };
      if (known || std::any_of(loading_.begin(), loading_.end(), is_import)) continue;
      // If this fails, the library that imports it tells why.
      StartLoading(import).IgnoreError();
      continue;
    }
    absl::Status status = FinishLoading(library);
    const bool ended = !status.ok() && !CanBeHandled(status) && status.code() != absl::StatusCode::kNotFound;
    if (ended || (!status.ok() && loading_.size() == first + 1)) return status;
    if (!status.ok()) failed_.emplace(loading_.back().name.ToString(), vm_.FailureOf(status));
    if (loading_.size() == first + 1) return FindLibrary(vm_, loading_.back().name.ToValue(vm_));
    loading_.pop_back();
  }
}

absl::Status Evaluator::StartLoading(const LibraryName& name) {
  std::vector<std::string> parts;
  for (const LibraryName::Part& part : name.parts) {
    if (part.text.find('/') != std::string::npos || part.text == ".." || part.text == ".") {
      return absl::NotFoundError(absl::StrCat("a library name cannot contain ", part.text));
    }
    parts.push_back(part.text);
  }
  if (files() == nullptr) {
    return absl::NotFoundError(absl::StrCat("no library ", name.ToString(), ": ", NotGranted(Capability::kFiles)));
  }
  std::vector<std::string> tried;
  for (const std::string& directory : search_path_) {
    for (const char* extension : {".sld", ".lisp"}) {
      std::string path = absl::StrCat(directory, directory.empty() || directory.back() == '/' ? "" : "/",
                                      absl::StrJoin(parts, "/"), extension);
      tried.push_back(path);
      const absl::StatusOr<bool> exists = CallOut([&] { return files()->Exists(path); });
      if (!exists.ok() || !*exists) continue;
      absl::StatusOr<SourceFile> source = ReadSource(*files(), path);
      if (!source.ok()) return Unreadable(path, source.status());
      std::vector<LibraryName> imports = ImportsOf(vm_, *this, *source);
      loading_.push_back({name, *std::move(source), std::move(imports)});
      return absl::OkStatus();
    }
  }
  return absl::NotFoundError(
      absl::StrCat("no library ", name.ToString(), tried.empty() ? "" : "; looked for ", absl::StrJoin(tried, ", ")));
}

absl::Status Evaluator::FinishLoading(const Loading& library) {
  const std::string path = library.source.path, text = library.source.text;
  const LibraryName name = library.name;  // the list grows where something is loaded meanwhile
  const Value environment = MakeEnvironment(vm_, vm_.Intern("library-file"));
  DefineCoreSyntax(vm_, environment);
  if (absl::StatusOr<Value> done = EvalForms(text, path, environment, false); !done.ok()) return done.status();
  if (vm_.heap().Is<Environment>(FindLibrary(vm_, name.ToValue(vm_)))) return absl::OkStatus();
  return absl::NotFoundError(absl::StrCat(path, " does not define the library ", name.ToString()));
}

absl::Status Evaluator::CircularImport(const LibraryName& name) const {
  std::string message = absl::StrCat("circular import: ", name.ToString());
  size_t first = 0;
  while (!(loading_[first].name == name)) ++first;
  const size_t count = loading_.size() - first;
  for (size_t i = 1; i < count; ++i) {
    if (i > kShownImports && i + kShownImports < count) {
      if (i == kShownImports + 1) absl::StrAppend(&message, ", and so on");
      continue;
    }
    absl::StrAppend(&message, i == 1 ? " imports " : ", which imports ", loading_[first + i].name.ToString());
  }
  absl::StrAppend(&message, count == 1 ? " imports itself" : absl::StrCat(", which imports ", name.ToString()));
  return absl::FailedPreconditionError(message);
}

absl::Status Evaluator::ImportsTooDeep() const {
  return absl::FailedPreconditionError(absl::StrCat(
      "imports are nested too deeply: ", loading_.size(), " libraries, from ", loading_.front().name.ToString(), " to ",
      loading_.back().name.ToString(),
      ", wait for each other, and some are imported behind a (library ...) requirement, which takes stack"));
}

absl::StatusOr<SourceFile> Evaluator::ReadFile(absl::string_view path, absl::string_view relative_to) {
  if (files() == nullptr) return absl::PermissionDeniedError(NotGranted(Capability::kFiles));
  std::string full = !path.empty() && path[0] == '/' ? std::string(path) : absl::StrCat(DirectoryOf(relative_to), path);
  if (full.find('\0') != std::string::npos) {
    return absl::InvalidArgumentError("a file name cannot contain a NUL character");
  }
  absl::StatusOr<SourceFile> source = ReadSource(*files(), full);
  if (!source.ok()) return Unreadable(full, source.status());
  return source;
}

absl::StatusOr<Value> Evaluator::Evaluate(SyntaxArena& arena, Core* core) {
  absl::StatusOr<Value> thunk = Compile(vm_, arena, core);
  if (!thunk.ok()) return thunk.status();
  return vm_.Call(*thunk, {});
}

// ---- Embedder

Value Evaluator::CompileDatum(Value datum, Value environment) {
  if (absl::Status room = CheckStack(kStackToEvaluate); !room.ok()) return vm_.Terminate(std::move(room));
  SyntaxArena arena(&vm_.heap());
  Expander expander(vm_, arena, this);
  Syntax* form = expander.FromDatum(datum);
  if (form == nullptr) return vm_.Error("syntax", "eval", "the expression is nested too deeply");
  Core* core = expander.ExpandToplevel(form, environment);
  if (core == nullptr) return RaiseExpandError(vm_, "", expander.error());
  const absl::StatusOr<Value> thunk = Compile(vm_, arena, core);
  return thunk.ok() ? *thunk : vm_.Error("syntax", "", thunk.status().message());
}

Value Evaluator::LoadFile(Value path, Value environment) {
  if (absl::Status room = CheckStack(kStackToEvaluate); !room.ok()) return vm_.Terminate(std::move(room));
  std::string name = vm_.ToUtf8(path);
  if (files() == nullptr) return RaiseNotGranted(vm_, "load", Capability::kFiles, path);
  if (name.find('\0') != std::string::npos) {
    return vm_.Error("file", "load", "a file name cannot contain a NUL character", vm_.heap().Cons(path, kNull));
  }
  absl::StatusOr<SourceFile> source = ReadSource(*files(), name);
  if (!source.ok()) return RaiseFileStatus(vm_, "load", source.status(), vm_.heap().Cons(path, kNull));
  absl::StatusOr<Value> value = EvalForms(source->text, source->path, environment, false);
  if (!value.ok()) return vm_.Reraise(value.status());
  return kUnspecified;
}

Value Evaluator::ImportAll(Value import_sets) {
  if (absl::Status room = CheckStack(kStackToEvaluate); !room.ok()) return vm_.Terminate(std::move(room));
  Heap& heap = vm_.heap();
  SyntaxArena arena(&heap);
  Value environment = MakeEnvironment(vm_, vm_.Intern("environment"));
  arena.AddRoot(&environment);
  Syntax* form = DatumToSyntax(arena, heap, heap.Cons(vm_.Intern("import"), import_sets), SourcePosition{});
  if (form == nullptr) return vm_.Error("syntax", "environment", "not an import set");
  // The expander is to know what `import` means there.
  BindCoreKeyword(vm_, environment, "import");
  Expander expander(vm_, arena, this);
  if (expander.ExpandToplevel(form, environment) == nullptr) {
    return RaiseExpandError(vm_, "environment", expander.error());
  }
  return environment;
}

Failure Evaluator::Describe(Value object, Value backtrace) { return DescribeFailure(vm_, object, backtrace); }

}  // namespace islet::vm
