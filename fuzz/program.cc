// Whole programs: whatever is read and expanded compiles to well-formed bytecode, runs within its
// limits of memory and time, fails with a message if it fails, and leaves an isolate that works.

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "fuzz/check_code.h"
#include "fuzz/target.h"
#include "fuzz/time_limit.h"
#include "isolate/compiler/compiler.h"
#include "isolate/evaluator/evaluator.h"
#include "isolate/expander/expander.h"
#include "isolate/reader/reader.h"

namespace islet::fuzz {
namespace {

// Does what Evaluator::EvalString does, and checks the code besides.
void RunForms(vm::Vm& vm, vm::Evaluator& evaluator, absl::string_view text) {
  vm::SyntaxArena arena(&vm.heap());
  vm::Reader reader(vm, arena, text, "input");
  vm::ExpanderOptions options;
  options.arena_limit = size_t{16} << 20;
  vm::Expander expander(vm, arena, &evaluator, options);
  vm::Syntax* form = nullptr;
  for (int errors = 0; errors < 3 && reader.ReadNext(&form) == vm::Reader::Result::kDatum;) {
    vm::Core* core = expander.ExpandToplevel(form, vm.root(vm::Root::kInteraction));
    if (core == nullptr) {
      ++errors;
      continue;
    }
    const absl::StatusOr<vm::Value> thunk = vm::Compile(vm, arena, core, /*keep_frame=*/true);
    if (!thunk.ok()) Fail("expanded, but did not compile", absl::StrCat(thunk.status().ToString(), "\n", text));
    CheckAllCode(vm.heap(), *thunk);
    const absl::StatusOr<vm::Value> value = vm.Call(*thunk, {});
    if (value.ok()) continue;
    ++errors;
    if (value.status().message().empty()) Fail("an error that says nothing", text);
    if (value.status().code() == absl::StatusCode::kCancelled || value.status().code() == absl::StatusCode::kAborted)
      return;
  }
}

}  // namespace
}  // namespace islet::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace islet::fuzz;  // NOLINT: as if it were inside
  namespace vm = islet::vm;
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  const auto isolate = NewStandardIsolate();
  vm::Evaluator evaluator(*isolate);
  {
    TimeLimit limit(*isolate);
    RunForms(*isolate, evaluator, text);
  }
  // The interrupt may come when all is done: it then ends the next call.
  (void)isolate->Call(isolate->FindPrimitive("list"), {});
  isolate->heap().CollectFull();
  // A primitive, since the program may have redefined every name.
  const vm::Value three[] = {vm::Value::Fixnum(1), vm::Value::Fixnum(2)};
  const absl::StatusOr<vm::Value> sum = isolate->Call(isolate->FindPrimitive("+"), three);
  if (!sum.ok() || *sum != vm::Value::Fixnum(3)) Fail("the isolate does not work any more", sum.status().ToString());
  return 0;
}
