// Failures in parts: what Isolate::LastError tells.

#include "islet/error.h"

#include <string>
#include <utility>

#include "isolate/heap/new_state.h"
#include "isolate/interpreter/failure.h"
#include "sdk/isolate_impl.h"

namespace islet {
namespace {

SourcePlace PlaceOf(vm::Place place) { return {std::move(place.file), place.line, place.column}; }

ErrorReport ReportOf(vm::Failure failure) {
  ErrorReport report;
  report.code = failure.code;
  report.message = std::move(failure.message);
  report.kind = std::move(failure.condition);
  // A place in a string that the program has read itself has no file: nobody could be shown that text.
  if (!failure.place.file.empty()) report.place = PlaceOf(std::move(failure.place));
  for (vm::BacktraceFrame& frame : failure.frames) {
    report.backtrace.push_back({std::move(frame.procedure), PlaceOf(std::move(frame.place))});
  }
  report.form = PlaceOf(std::move(failure.form));
  return report;
}

}  // namespace

std::string SourcePlace::ToString() const { return vm::PlaceText(file, line, column); }

std::vector<std::string> ErrorReport::BacktraceLines() const {
  std::vector<vm::BacktraceFrame> frames;
  frames.reserve(backtrace.size());
  for (const Frame& frame : backtrace) {
    frames.push_back({frame.procedure, {frame.place.file, frame.place.line, frame.place.column}});
  }
  return vm::BacktraceLines(frames);
}

const absl::Status& Isolate::Impl::Failed(const absl::Status& status) {
  const bool outermost = calls <= 1;
  // The calls around this one may yet fail with the same.
  vm::Failure failure = outermost ? vm->TakeFailure(status) : vm->FailureOf(status);
  const bool spends_all = failure.code == absl::StatusCode::kCancelled || failure.limit == vm::Limit::kFuel ||
                          failure.limit == vm::Limit::kCpuTime || failure.limit == vm::Limit::kWallTime;
  if (!outermost && failure.kind == vm::Failure::Kind::kTermination && spends_all) spent = failure;
  state.error.any = true;
  state.error.report = ReportOf(std::move(failure));
  return status;
}

const ErrorReport& Isolate::LastError() const {
  const Impl::Borrowed impl(*this);
  return impl ? impl->state.error.report : vm::NewState<ErrorReport>();
}

absl::optional<int> ExitStatus(const absl::Status& status) {
  const int code = vm::ExitStatus(status);
  return code < 0 ? absl::nullopt : absl::optional<int>(code);
}

}  // namespace islet
