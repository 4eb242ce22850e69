// From source text to results: reads, expands, compiles and runs the forms of a script, finds and loads libraries, and
// stands behind `eval`, `load` and `environment`.
//
// A script that starts with an import is a program (R7RS 5.1): it sees what it imports. What it defines is entered in
// the interaction environment when it has run, so that the host and later scripts find it. Any other script is
// evaluated in the interaction environment itself.
//
// Thread safety: none; used by the thread that has entered the isolate.

#ifndef ISLET_ISOLATE_EVALUATOR_EVALUATOR_H_
#define ISLET_ISOLATE_EVALUATOR_EVALUATOR_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "islet/capabilities.h"
#include "isolate/evaluator/library_imports.h"
#include "isolate/expander/expander.h"
#include "isolate/interpreter/embedder.h"
#include "isolate/interpreter/failure.h"
#include "isolate/interpreter/vm.h"

namespace islet::vm {

// Makes what an isolate without a snapshot needs: stubs, the library (islet core), an interaction environment that sees
// it. Called once, before anything else.
void InitializeCore(Vm& vm);

// The value of a top-level variable of the interaction environment. Errors: NotFound.
absl::StatusOr<Value> LookupVariable(Vm& vm, absl::string_view name);

class Evaluator : public LibraryLoader, public Embedder {
 public:
  // Becomes the Vm's Embedder, unless there is one; the Vm must outlive it. Files are those that are granted to it
  // (Outside::ports).
  explicit Evaluator(Vm& vm);
  ~Evaluator() override;

  // Where libraries may come from.
  std::vector<std::string>& search_path() { return search_path_; }
  // Every source file read so far, in order, once each.
  const std::vector<std::string>& files_read() const { return files_read_; }

  // Evaluates the script in a file of this process, whatever is granted. Errors: NotFound (cannot be read),
  // InvalidArgument (not UTF-8, syntax; with file, line, column), and those of Vm::Call. The Vm has recorded what has
  // failed of a text (Vm::FailureOf), with the top-level form.
  absl::Status EvalFile(absl::string_view path);
  // Evaluates the forms of `text` in the interaction environment; the value of the last (kUnspecified if there is
  // none). `name` is what messages call the text.
  absl::StatusOr<Value> EvalString(absl::string_view text, absl::string_view name);
  // The same; all values of the last form, as a list. () if there is no form, and for a definition.
  absl::StatusOr<Value> EvalValues(absl::string_view text, absl::string_view name);
  // Evaluates a script as EvalFile does; the value of the last form.
  absl::StatusOr<Value> EvalScript(absl::string_view text, absl::string_view name);
  // Makes the interaction environment a fresh one that sees what the library exports.
  absl::Status OpenInteraction(absl::string_view library);

  // LibraryLoader
  absl::StatusOr<Value> Load(Value name) override;
  absl::StatusOr<SourceFile> ReadFile(absl::string_view path, absl::string_view relative_to) override;
  absl::StatusOr<Value> Evaluate(SyntaxArena& arena, Core* core) override;

  // Embedder
  Value CompileDatum(Value datum, Value environment) override;
  Value LoadFile(Value path, Value environment) override;
  Value ImportAll(Value import_sets) override;
  Failure Describe(Value object, Value backtrace) override;

 private:
  // The files that are granted; null: none.
  FileSystem* files() const;
  absl::StatusOr<SourceFile> ReadSource(FileSystem& files, const std::string& path);
  absl::StatusOr<Value> EvalForms(absl::string_view text, absl::string_view name, Value environment, bool script,
                                  bool all_values = false);
  // Runs a top-level form; its value, or the list of its values.
  absl::StatusOr<Value> Run(Value thunk, bool all_values);
  void ExportDefinitions(Value environment, Value imported);
  // A library that is being loaded, and those that it imports.
  struct Loading {
    LibraryName name;
    SourceFile source;
    std::vector<LibraryName> imports;
    size_t next = 0;  // of `imports`
  };
  // Finds and reads the library's file.
  absl::Status StartLoading(const LibraryName& name);
  // Evaluates it.
  absl::Status FinishLoading(const Loading& library);
  // Loads what stands in `loading_` from `first` on, and all that these import, imports first.
  absl::StatusOr<Value> LoadFrom(size_t first);
  // The error of loading `name` while it is being loaded.
  absl::Status CircularImport(const LibraryName& name) const;
  absl::Status ImportsTooDeep() const;

  Vm& vm_;
  std::vector<std::string> search_path_;
  std::vector<std::string> files_read_;
  // Each imports the next one, but where a Load began within another one.
  std::vector<Loading> loading_;
  // Libraries that could not be loaded, while others that import them are.
  std::map<std::string, Failure> failed_;
};

}  // namespace islet::vm

#endif  // ISLET_ISOLATE_EVALUATOR_EVALUATOR_H_
