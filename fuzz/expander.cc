// The expander (R7RS 4.3, 5): any forms give core forms or an error that says what is wrong.

#include "isolate/expander/expander.h"

#include <string>

#include "absl/strings/string_view.h"
#include "fuzz/target.h"
#include "isolate/evaluator/evaluator.h"
#include "isolate/expander/core_printer.h"
#include "isolate/reader/reader.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace islet::fuzz;  // NOLINT: as if it were inside
  namespace vm = islet::vm;
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  const auto isolate = NewStandardIsolate();
  vm::Evaluator evaluator(*isolate);  // finds libraries; files are denied
  vm::SyntaxArena arena(&isolate->heap());
  vm::Reader reader(*isolate, arena, text, "input");
  vm::ExpanderOptions options;
  options.arena_limit = size_t{16} << 20;
  vm::Expander expander(*isolate, arena, &evaluator, options);
  vm::Syntax* form = nullptr;
  // Definitions of a form are there for the next one. A form that fails ends a script, but an interactive user goes on.
  for (int errors = 0; errors < 3 && reader.ReadNext(&form) == vm::Reader::Result::kDatum;) {
    const vm::Value environment = isolate->root(vm::Root::kInteraction);
    const vm::Core* core = expander.ExpandToplevel(form, environment);
    if (core != nullptr) {
      (void)vm::CoreToString(*isolate, core, environment);
    } else {
      ++errors;
      if (expander.error().ToString().empty()) Fail("an error that says nothing", text);
    }
  }
  return 0;
}
