// Failures in parts: what Isolate::LastError tells.

#include "islet/error.h"

#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/strip.h"
#include "isolate/printer/describe.h"
#include "isolate/process/made_once.h"
#include "isolate/reader/syntax.h"
#include "isolate/runtime/system.h"
#include "sdk/isolate_impl.h"

namespace islet {
namespace {

// What Condition::position holds, "file:line:column", in which the file may have colons too.
SourcePlace ParsePlace(absl::string_view text) {
  const size_t second = text.rfind(':');
  const size_t first = second == absl::string_view::npos || second == 0 ? second : text.rfind(':', second - 1);
  SourcePlace place;
  if (first == absl::string_view::npos || !absl::SimpleAtoi(text.substr(first + 1, second - first - 1), &place.line) ||
      !absl::SimpleAtoi(text.substr(second + 1), &place.column)) {
    return SourcePlace();
  }
  place.file = std::string(text.substr(0, first));
  return place;
}

ErrorReport MakeReport(vm::Vm& vm, vm::Value object, vm::Value backtrace) {
  ErrorReport report;
  report.message = vm::DescribeHeadline(vm, object);
  const vm::Condition* condition = vm.heap().TryGet<vm::Condition>(object);
  if (condition != nullptr) {
    report.kind = vm.SymbolName(condition->kind);
    if (vm.heap().Is<vm::String>(condition->position)) report.place = ParsePlace(vm.ToUtf8(condition->position));
    if (!vm.heap().Is<vm::Vector>(backtrace)) backtrace = condition->backtrace;
  }
  for (vm::BacktraceFrame& frame : vm::DescribeFrames(vm, backtrace)) {
    report.backtrace.push_back({std::move(frame.procedure), {std::move(frame.file), frame.line, frame.column}});
  }
  return report;
}

}  // namespace

std::string SourcePlace::ToString() const { return vm::PlaceText(file, line, column); }

std::vector<std::string> ErrorReport::BacktraceLines() const {
  std::vector<vm::BacktraceFrame> frames;
  frames.reserve(backtrace.size());
  for (const Frame& frame : backtrace) {
    frames.push_back({frame.procedure, frame.place.file, frame.place.line, frame.place.column});
  }
  return vm::BacktraceLines(frames);
}

std::string DescribeAndRecord(vm::Vm& vm, vm::Value object, vm::Value backtrace) {
  std::string text = vm::DescribeCondition(vm, object, backtrace);
  Isolate::Impl& impl = *static_cast<Isolate::Impl*>(vm.host);
  impl.state.error.report = MakeReport(vm, object, backtrace);
  impl.state.error.described = text;
  return text;
}

const absl::Status& Isolate::Impl::Failed(const absl::Status& status, bool evaluated) {
  const bool recorded = !state.error.described.empty() && absl::StartsWith(status.message(), state.error.described);
  const Limit limit = LimitReached(status);
  if (calls > 1 && vm::MarkOf(status) == vm::FailureMark::kTermination &&
      (status.code() == absl::StatusCode::kCancelled || limit == Limit::kFuel || limit == Limit::kCpuTime ||
       limit == Limit::kWallTime)) {
    spent = status;
  }
  if (calls <= 1) state.error.described.clear();  // the calls around this one fail with the same
  if (!recorded) {
    const vm::Value raised = vm->last_condition();
    const bool syntax = status.code() == absl::StatusCode::kInvalidArgument && vm->heap().Is<vm::Condition>(raised);
    state.error.report = syntax ? MakeReport(*vm, raised, vm::kFalse) : ErrorReport();
    if (!syntax) {
      const absl::string_view message = status.message();
      state.error.report.message = std::string(message.substr(0, message.find("\n  at top level (")));
    }
  }
  state.error.report.code = status.code();
  if (!evaluated) return status;
  const vm::Evaluator::FormPosition& form = evaluator().failed_form();
  state.error.report.form = {form.file, form.line, form.column};
  return status;
}

const ErrorReport& Isolate::LastError() const {
  static constinit MadeOnce<ErrorReport> none;
  const Impl::Borrowed impl(*this);
  return impl ? impl->state.error.report : none.Get();
}

absl::optional<int> ExitStatus(const absl::Status& status) {
  const int code = vm::ExitStatus(status);
  return code < 0 ? absl::nullopt : absl::optional<int>(code);
}

}  // namespace islet
