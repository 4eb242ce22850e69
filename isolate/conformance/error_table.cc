#include "isolate/conformance/error_table.h"

#include <cstdio>
#include <fstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "isolate/evaluator/evaluator.h"
#include "isolate/ports/outside.h"
#include "isolate/printer/printer.h"

namespace islet::vm {

std::vector<ErrorCase> ReadErrorCases(const char* path) {
  std::vector<ErrorCase> cases;
  std::ifstream file(path);
  std::string line;
  ErrorCase next;
  int number = 0;
  const auto fail = [&](const char* what) {
    std::fprintf(stderr, "%s:%d: %s\n", path, number, what);
    return std::vector<ErrorCase>();
  };
  while (std::getline(file, line)) {
    ++number;
    if (line.empty() || absl::StartsWith(line, ";")) continue;
    absl::string_view text = line;
    if (absl::ConsumePrefix(&text, "# ")) {
      if (!next.description.empty()) return fail("a case is incomplete");
      next.section = std::string(text);
    } else if (!absl::ConsumePrefix(&text, "  ")) {
      if (!next.description.empty() || next.section.empty()) return fail("a case is incomplete, or has no section");
      next.description = std::string(text);
    } else if (next.description.empty()) {
      return fail("an expression without a case");
    } else if (next.expression.empty()) {
      next.expression = std::string(text);
    } else {
      next.outcome = std::string(text);
      cases.push_back(next);
      next = ErrorCase{next.section, "", "", ""};
    }
  }
  return next.description.empty() ? cases : fail("the last case is incomplete");
}

std::string OutcomeOf(const Image& image, const ErrorCase& error_case) {
  auto made = NewVm(image, VmOptions());
  if (!made.ok()) return absl::StrCat("no isolate: ", made.status().message());
  Vm& vm = **made;
  if (error_case.section != kDeniedSection) {
    PortTableOf(vm).files = ProcessFiles().get();
    SystemGrantsOf(vm).clock = SystemClock().get();
    SystemGrantsOf(vm).randomness = SystemRandomness().get();
  }
  Evaluator evaluator(vm);
  // A program if it starts with an import, as scripts do.
  const absl::StatusOr<Value> value = evaluator.EvalScript(error_case.expression, "case");
  std::string outcome;
  if (value.ok()) {
    outcome = absl::StrCat("value ", Print(vm, *value, PrintMode::kWrite));
  } else if (KindOf(value.status()) != Failure::Kind::kCondition &&
             value.status().code() != absl::StatusCode::kInvalidArgument) {
    outcome = absl::StrCat("ends the run: ", value.status().message());
  } else if (const Condition* condition = vm.heap().TryGet<Condition>(vm.last_condition())) {
    outcome = absl::StrCat("condition ", vm.SymbolName(condition->kind));
  } else {
    outcome = absl::StrCat("raised ", Print(vm, vm.last_condition(), PrintMode::kWrite));
  }
  // Whatever it was, the isolate goes on.
  const absl::StatusOr<Value> after = evaluator.EvalString("(apply + (map (lambda (x) (* x x)) '(1 2 3)))", "after");
  if (!after.ok() || *after != Value::Fixnum(14)) return absl::StrCat(outcome, ", and the isolate is broken");
  return outcome;
}

namespace {

std::string InCode(absl::string_view text) {
  const std::string escaped = absl::StrReplaceAll(text, {{"|", "\\|"}});
  // Markdown: text that has a backquote stands between two.
  return absl::StrContains(text, '`') ? absl::StrCat("`` ", escaped, " ``") : absl::StrCat("`", escaped, "`");
}

std::string Shown(absl::string_view outcome) {
  if (absl::ConsumePrefix(&outcome, "condition ")) return absl::StrCat("error: ", outcome);
  if (absl::ConsumePrefix(&outcome, "value ")) return InCode(outcome);
  if (absl::ConsumePrefix(&outcome, "raised ")) return absl::StrCat("raises ", InCode(outcome));
  return std::string(outcome);
}

}  // namespace

std::string ErrorTable(const std::vector<ErrorCase>& cases) {
  std::string text = absl::StrCat(
      "\n# Where R7RS-small says \"it is an error\"\n\n"
      "The report leaves open what happens then, and in other places what a value is. Nothing of "
      "it is undefined here: it is\n"
      "an error that a program can catch, of the kind shown, or a value. Each row is evaluated by "
      "the test: ",
      cases.size(),
      " cases,\nfrom `isolate/conformance/errors.txt`. Errors are raised as if by `raise`, as "
      "objects that `error-object?` is true "
      "of;\n`error-object-message` and `error-object-irritants` say more. Errors of kind `syntax` "
      "are raised when the form is\n"
      "expanded, before any of it is evaluated.\n");
  std::string section;
  for (const ErrorCase& c : cases) {
    if (c.section != section) {
      section = c.section;
      absl::StrAppend(&text, "\n## ", section, "\n\n| case | for example | outcome |\n|---|---|---|\n");
    }
    absl::StrAppend(&text, "| ", c.description, " | ", InCode(c.expression), " | ", Shown(c.outcome), " |\n");
  }
  return text;
}

}  // namespace islet::vm
