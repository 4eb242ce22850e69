#include "sdk/shell/session.h"

#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "sdk/shell/interrupts.h"

namespace islet::shell {
namespace {

// Longer printed values are cut.
constexpr size_t kLongestValue = size_t{16} << 20;

double Seconds(const timeval& t) { return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6; }

}  // namespace

Session::Session(Isolate& isolate, std::shared_ptr<Console> console)
    : isolate_(isolate), console_(std::move(console)) {}

Session::Outcome Session::Evaluate(absl::string_view text, const std::string& name, bool print) {
  const Isolate::Scope handles(isolate_);
  absl::StatusOr<std::vector<Value>> values = [&] {
    const InterruptScope interrupts(isolate_);
    return isolate_.EvalValues(text, name);
  }();
  if (values.ok() && print) {
    absl::Status written = console_->StartLine();
    for (const Value& value : *values) {
      if (value.type() == Type::kUnspecified || !written.ok()) continue;
      written = console_->Write(1, value.Print(kLongestValue) + "\n");
    }
    if (!written.ok()) {
      ReportFailure(written.message());
      return Outcome::kFailed;
    }
  }
  return Finish(values.status());
}

Session::Outcome Session::RunScript(absl::string_view text, const std::string& name) {
  const Isolate::Scope handles(isolate_);
  const InterruptScope interrupts(isolate_);
  return Finish(isolate_.EvalScript(text, name).status());
}

Session::Outcome Session::Finish(const absl::Status& status) {
  const absl::optional<int> exit = ExitStatus(status);
  // The program's own output comes before what is said about it.
  if (absl::Status flushed = isolate_.Flush(); !flushed.ok() && flushed.code() != absl::StatusCode::kCancelled) {
    ReportFailure(flushed.message());
    if (status.ok()) return Outcome::kFailed;
  }
  if (exit.has_value()) {
    exit_status_ = *exit;
    return Outcome::kExited;
  }
  if (status.ok()) return Outcome::kDone;
  console_->StartLine().IgnoreError();
  console_->Write(2, FormatError(isolate_.LastError(), sources_, WantsColor(STDERR_FILENO))).IgnoreError();
  return status.code() == absl::StatusCode::kCancelled ? Outcome::kInterrupted : Outcome::kFailed;
}

void Session::ReportFailure(absl::string_view message) {
  console_->Write(2, absl::StrCat("islet: ", message, "\n")).IgnoreError();
}

Stopwatch::Stopwatch(const Isolate& isolate) : isolate_(isolate), start_(Read()) {}

Stopwatch::Reading Stopwatch::Read() const {
  rusage usage = {};
  getrusage(RUSAGE_SELF, &usage);
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return {std::chrono::duration<double>(now).count(), Seconds(usage.ru_utime), Seconds(usage.ru_stime),
          isolate_.Stats()};
}

std::string Stopwatch::Report() const {
  constexpr double kMiB = 1 << 20;
  const Reading end = Read();
  const IsolateStats& before = start_.stats;
  const IsolateStats& now = end.stats;
  std::string text;
  absl::StrAppendFormat(&text, "time         %.6f s (user %.6f s, system %.6f s)\n", end.elapsed - start_.elapsed,
                        end.user - start_.user, end.system - start_.system);
  absl::StrAppendFormat(&text, "allocated    %.3f MiB; in use %.3f MiB; %d snapshot pages written\n",
                        static_cast<double>(now.allocated_bytes - before.allocated_bytes) / kMiB,
                        static_cast<double>(now.heap_bytes) / kMiB, now.dirty_pages);
  absl::StrAppendFormat(&text, "collections  %d minor (%.6f s), %d full (%.6f s)\n",
                        now.minor_collections - before.minor_collections, now.minor_seconds - before.minor_seconds,
                        now.full_collections - before.full_collections, now.full_seconds - before.full_seconds);
  return text;
}

}  // namespace islet::shell
