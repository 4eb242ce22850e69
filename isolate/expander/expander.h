// From syntax to core forms: macros are expanded, libraries imported, every name resolved.
//
//   SyntaxArena arena(&vm.heap());
//   Expander expander(vm, arena, &loader);
//   Core* core = expander.ExpandToplevel(form, vm.root(Root::kInteraction));
//   if (core == nullptr) report(expander.error().ToString());
//
// Hygiene is by renaming: an identifier that a macro inserts is an Alias (scope.h), which means what its name means
// where the macro was defined, unless a form that the same expansion made binds it.
//
// Expanding is a safepoint: it may collect. Values that the caller holds across it must be roots.

#ifndef ISLET_ISOLATE_EXPANDER_EXPANDER_H_
#define ISLET_ISOLATE_EXPANDER_EXPANDER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "isolate/expander/core_form.h"
#include "isolate/heap/value.h"
#include "isolate/interpreter/vm.h"
#include "isolate/reader/syntax.h"

namespace islet::vm {

// Core syntax, by number: the payload of a Value::Syntax.
enum class CoreForm : uint32_t {
#define ISLET_CORE_FORM(name, enumerator, number, expander) k##enumerator = number,
#include "isolate/expander/core_forms.def"
};

struct ExpandError {
  std::string message;      // "if: expected (if test consequent [alternative])"
  SourcePosition position;  // of the offending form
  std::string form;         // that form, abridged; may be empty
  absl::Status cause;       // of an import or include that failed, else OK
  // "file:line:column: message, in (form ...)"
  std::string ToString() const;
};

struct SourceFile {
  std::string path;  // as messages should name it, and as further includes are relative to
  std::string text;
};

// The expander reaches other files and the compiler through this, which the evaluator supplies.
class LibraryLoader {
 public:
  virtual ~LibraryLoader() = default;
  // Loads the library called `name` (a list of symbols and integers), which is not in Root::kLibraries yet: reads its
  // file, expands and runs it. The result is its Environment. NotFound, with a message that says where it was searched,
  // if there is no such file. May run Lisp.
  virtual absl::StatusOr<Value> Load(Value name) = 0;
  // Reads a file that `include` names in the source `relative_to`.
  virtual absl::StatusOr<SourceFile> ReadFile(absl::string_view path, absl::string_view relative_to) = 0;
  // Compiles and runs a core form in `arena`: a macro's transformer, while a form is expanded. Fails as Vm::Call does.
  virtual absl::StatusOr<Value> Evaluate(SyntaxArena& arena, Core* core) = 0;
};

struct ExpanderOptions {
  size_t arena_limit = size_t{256} << 20;  // bytes of syntax and core forms: ends runaway macros
  int max_depth = 2000;                    // forms nested in each other, in the source or the result
  size_t stack_bytes = 0;                  // of the C++ stack, below ExpandToplevel; 0: half of what is left, as
                                           // the compiler will nest as deeply
};

class Expansion;

class Expander {
 public:
  // `loader` may be null: then only libraries already registered can be imported.
  Expander(Vm& vm, SyntaxArena& arena, LibraryLoader* loader, const ExpanderOptions& options = {});
  ~Expander();

  // Expands one top-level form: a definition, import, library definition or expression. Null on failure: see error().
  // Definitions, macros and imports take effect in `environment` (an Environment) at once, their values when the result
  // is run. A library is registered in Root::kLibraries; if compiling or running the result fails, the caller
  // unregisters it (UnregisterLibrary).
  Core* ExpandToplevel(Syntax* form, Value environment);
  // Syntax for a datum made by a program, in which Identifiers stand for what macros have renamed. Null if it is nested
  // too deeply.
  Syntax* FromDatum(Value datum);
  const ExpandError& error() const { return error_; }

 private:
  ExpandError error_;
  std::unique_ptr<Expansion> expansion_;
};

// The procedures `rename` and `compare` of explicit-renaming macros call these; `token` is theirs. Like primitives,
// they return kException after raising a condition.
Value RenameIdentifier(Vm& vm, Value token, Value name);
Value CompareIdentifiers(Vm& vm, Value token, Value a, Value b);

// Binds all core syntax in `environment`.
void DefineCoreSyntax(Vm& vm, Value environment);
// Gives the top-level variable `symbol` of `environment`, which is no library, a value, as a definition would.
// Allocates BytesToSetVariable at most. FailedPrecondition, and nothing has happened: the name is a keyword, or is
// imported.
absl::Status SetVariable(Vm& vm, Value environment, Value symbol, Value value);
uint64_t BytesToSetVariable(Vm& vm, Value environment);
// Binds `symbol` to a new Cell that holds `value`, replacing what it was bound to. Returns the Cell.
Value DefineVariable(Vm& vm, Value environment, Value symbol, Value value, uint32_t cell_flags = 0);
// A fresh Environment without bindings. With `exports`, of a library: then everything it exports must be entered there.
Value MakeEnvironment(Vm& vm, Value name, bool exports = false);
// Makes Root::kLibraries if need be, and enters `environment` in it. Libraries of the standard snapshot stay what they
// are, whatever is asked for: the expander itself finds its procedures in one of them.
void RegisterLibrary(Vm& vm, Value name, Value environment);
void UnregisterLibrary(Vm& vm, Value name);
// The standard library is complete: what is registered now can no longer be defined anew, and libraries called
// (islet PART ...), which export what a program must not get hold of, can no longer be imported. They are told apart by
// flags of their Environments, which no program can reach, and which stay in the snapshot.
void SealStandardLibrary(Vm& vm);
// Is the value, as FindLibrary gives it, such a library?
bool IsStandardLibrary(const Heap& heap, Value library);
bool IsInternalLibrary(const Heap& heap, Value library);
// The Environment of the library called `name`, or kUndefined; kFalse while it is being expanded.
Value FindLibrary(Vm& vm, Value name);
// The names that (features) returns: those built in, and srfi-N for each library (srfi N) that is registered.
std::vector<std::string> Features(Vm& vm);
// Is the name one of those? Allocates little.
bool HasFeature(Vm& vm, absl::string_view name);
// A form as text for messages, at most about `limit` bytes.
std::string SyntaxToString(Vm& vm, const Syntax* form, size_t limit = 80);

}  // namespace islet::vm

#endif  // ISLET_ISOLATE_EXPANDER_EXPANDER_H_
