// Failures in parts: what Isolate::LastError tells.

#include "islet/error.h"

#include <string>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
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
  report.host_code = failure.host_code;
  report.irritants = std::move(failure.irritants);
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
  state.error.raised = failure.kind == vm::Failure::Kind::kCondition && vm->last_condition() != vm::kUndefined;
  state.error.report = ReportOf(std::move(failure));
  return status;
}

const ErrorReport& Isolate::LastError() const {
  const Impl::Borrowed impl(*this);
  return impl ? impl->state.error.report : vm::NewState<ErrorReport>();
}

absl::StatusOr<Value> Isolate::LastRaised() {
  return InIsolate(*this, [](Impl& impl) -> absl::StatusOr<Value> {
    if (absl::Status status = impl.CheckEntered(); !status.ok()) return status;
    if (!impl.state.error.raised) return absl::NotFoundError("the latest failure has raised no object");
    return impl.MakeHandle(impl.vm->last_condition());
  });
}

// ---- Failures of the host's own

static_assert(kFirstHostCode == vm::kFirstHostCode && kLastHostCode == vm::kLastHostCode);

absl::Status HostError(absl::string_view kind, int code, absl::string_view message) {
  if (!IsShortName(kind)) {
    return absl::InvalidArgumentError(absl::StrCat("HostError: the kind \"", absl::CHexEscape(kind.substr(0, 40)),
                                                   "\" is not 1 to 255 characters of UTF-8"));
  }
  if (code < kFirstHostCode || code > kLastHostCode) {
    return absl::InvalidArgumentError(absl::StrCat("HostError: codes of the host's own are from ", kFirstHostCode,
                                                   " to ", kLastHostCode, ", but not ", code));
  }
  return vm::HostErrorStatus(kind, code, message);
}

int HostCode(const absl::Status& status) { return vm::HostCode(status); }

absl::Status Isolate::MakeError(absl::string_view kind, int code, absl::string_view message,
                                absl::Span<const Value> irritants) {
  absl::Status made = HostError(kind, code, message);
  if (vm::HostCode(made) == 0 || irritants.empty()) return made;
  const absl::Status kept = InIsolate(*this, [&](Impl& impl) -> absl::Status {
    const absl::StatusOr<vm::Value> list = impl.ToHeap(List({irritants.begin(), irritants.end()}));
    if (!list.ok()) return list.status();
    impl.KeepIrritants(&made, *list);
    return absl::OkStatus();
  });
  return kept.ok() ? made : kept;
}

void Isolate::Impl::KeepIrritants(absl::Status* status, vm::Value list) {
  held.irritants = list;
  held.irritants_number = vm::NextFailureNumber();
  vm::SetIrritantsNumber(status, held.irritants_number);
}

vm::Value Isolate::Impl::RaiseReturned(absl::string_view who, const absl::Status& status) {
  const uint64_t number = vm::IrritantsNumber(status);
  const bool mine = number != 0 && number == held.irritants_number;
  if (!mine) held.irritants = vm::kNull;
  const vm::Value raised = vm::RaiseHostStatus(*vm, who, status, held.irritants);
  held.irritants = vm::kNull;
  held.irritants_number = 0;
  return raised;
}

absl::optional<int> ExitStatus(const absl::Status& status) {
  const int code = vm::ExitStatus(status);
  return code < 0 ? absl::nullopt : absl::optional<int>(code);
}

}  // namespace islet
