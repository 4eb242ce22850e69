// For the tests of this folder: a small language without macros, whose forms are the core forms,
// and a machine with a handful of primitives to run it. Programs read like Scheme:
//
//   TestLanguage lisp;
//   EXPECT_EQ(lisp.Run("(define (f x) (* x 2)) (f 21)"), "42");
//
// Forms: quote if cond set! define lambda case-lambda begin let (named too) letrec (which is
// letrec*), and or.

#ifndef ISLET_ISOLATE_COMPILER_TEST_LANGUAGE_H_
#define ISLET_ISOLATE_COMPILER_TEST_LANGUAGE_H_

#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "isolate/expander/core_form.h"
#include "isolate/heap/heap.h"
#include "isolate/interpreter/vm.h"
#include "isolate/reader/syntax.h"

namespace islet::vm {

class TestLanguage : public RootSource {
 public:
  TestLanguage();
  ~TestLanguage() override;

  // Compiles and runs each form; every piece of code is checked (CheckCode), else the test fails.
  // The last value as text, or "error: ...".
  std::string Run(absl::string_view program);
  // Compiles and runs all forms but the last, which is compiled only. The disassembly of that, and
  // of the code it makes closures of.
  std::string Code(absl::string_view program);

  Vm& vm() { return *vm_; }
  void VisitRoots(Visit visit, void* context) override;

 private:
  struct Scope {
    Value name;
    Variable* variable;
    const Scope* outer;
  };
  class Builder;

  std::vector<Syntax*> Read(SyntaxArena& arena, absl::string_view text);
  Value CompileForm(SyntaxArena& arena, Syntax* form);
  Value CellOf(Value symbol);
  std::string Show(Value v, int depth = 0);

  std::unique_ptr<Vm> vm_;
  std::unordered_map<uint32_t, Value> cells_;  // by symbol
};

// Every Code that `code` refers to, itself included, each once.
std::vector<const Code*> AllCode(Heap& heap, Value closure);

}  // namespace islet::vm

#endif  // ISLET_ISOLATE_COMPILER_TEST_LANGUAGE_H_
