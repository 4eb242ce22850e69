// Failures: from Status and reasons to islet_error, and back.

#include <cstdlib>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "bindings/c/internal.h"
#include "isolate/data/string.h"
#include "isolate/interpreter/failure.h"
#include "isolate/interpreter/limits.h"

namespace islet::c {

islet_status StatusOf(Limit limit) {
  switch (limit) {
    case Limit::kHeap:
      return ISLET_HEAP_LIMIT;
    case Limit::kStack:
      return ISLET_STACK_LIMIT;
    case Limit::kFuel:
      return ISLET_FUEL_LIMIT;
    case Limit::kCpuTime:
      return ISLET_CPU_TIME_LIMIT;
    case Limit::kWallTime:
      return ISLET_WALL_TIME_LIMIT;
    case Limit::kNone:
      break;
  }
  return ISLET_OK;
}

namespace {

// The payload of a Status that holds the status that a pool's `prepare` has returned.
constexpr char kPreparing[] = "preparing";

struct Reason {
  islet_status status;
  const char* text;
};

constexpr Reason kReasons[] = {
    {ISLET_OK, ""},
    {ISLET_INVALID_ARGUMENT, "isolate is NULL"},
    {ISLET_STALE, "the isolate has been freed"},
    {ISLET_NOT_ENTERED, "this thread has not entered the isolate (islet_enter)"},
    {ISLET_BUSY, "another thread has entered the isolate"},
    {ISLET_NOT_ENTERED,
     "another thread was inside of the isolate when this process was forked: here nothing can be done with it"},
    {ISLET_LOST,
     "the system had no memory while the isolate was at work, or a thread has ended there: it can only be "
     "freed now"},
    {ISLET_BUSY,
     "the isolate asks whether a limit is to be raised: only islet_set_limit, islet_limit and islet_stat "
     "may be called"},
    {ISLET_BUSY, "a finalizer of one of the isolate's host objects runs, which may not use it"},
    {ISLET_NOT_ENTERED, "no such scope is open"},
    {ISLET_RESOURCE_EXHAUSTED,
     "there is too little of the stack left, or it is none that is known "
     "(islet_stack_announce)"},
    {ISLET_RESOURCE_EXHAUSTED, "there is no memory"},
    {ISLET_HEAP_LIMIT, "the heap limit leaves no room for it"},
    {ISLET_INVALID_ARGUMENT, "no value (all of its bytes are zero)"},
    {ISLET_STALE, "a value whose scope has ended, or that was released (islet_keep keeps values)"},
    {ISLET_FOREIGN, "a value of another isolate or snapshot, or of before the isolate was reset"},
    {ISLET_INVALID_ARGUMENT, "no value that Islet has made"},
    {ISLET_INVALID_ARGUMENT, "the text is NULL"},
    {ISLET_INVALID_ARGUMENT, "the items are NULL, but their number is not 0"},
    {ISLET_INVALID_ARGUMENT, "the text is no decimal integer"},
    {ISLET_INVALID_ARGUMENT, "the number is no Unicode scalar value"},
    {ISLET_OUT_OF_RANGE, "it is longer than any object can be"},
    {ISLET_INVALID_ARGUMENT,
     "the function is NULL, the name is empty or not UTF-8, or there can be no such numbers of arguments"},
    {ISLET_INVALID_ARGUMENT, "the type is NULL"},
};
static_assert(std::size(kReasons) == static_cast<size_t>(Why::kEnd));

constexpr const char* kMakers[] = {
    "islet_unspecified", "islet_null",           "islet_eof",       "islet_boolean",   "islet_integer",
    "islet_big_integer", "islet_real",           "islet_character", "islet_string",    "islet_symbol",
    "islet_bytevector",  "islet_bytevector_new", "islet_pair",      "islet_list",      "islet_vector",
    "islet_hash_table",  "islet_scope_escape",   "islet_keep",      "islet_keep_weak", "islet_procedure",
    "islet_host_object",
};
static_assert(std::size(kMakers) == static_cast<size_t>(Maker::kEnd));

struct Code {
  absl::StatusCode code;
  islet_status status;
};
constexpr Code kCodes[] = {
    {absl::StatusCode::kInvalidArgument, ISLET_INVALID_ARGUMENT},
    {absl::StatusCode::kUnknown, ISLET_EXCEPTION},
    {absl::StatusCode::kNotFound, ISLET_NOT_FOUND},
    {absl::StatusCode::kOutOfRange, ISLET_OUT_OF_RANGE},
    {absl::StatusCode::kResourceExhausted, ISLET_RESOURCE_EXHAUSTED},
    {absl::StatusCode::kCancelled, ISLET_CANCELLED},
    {absl::StatusCode::kFailedPrecondition, ISLET_BUSY},
    {absl::StatusCode::kDataLoss, ISLET_DATA_LOSS},
    {absl::StatusCode::kDeadlineExceeded, ISLET_DEADLINE_EXCEEDED},
    {absl::StatusCode::kPermissionDenied, ISLET_PERMISSION_DENIED},
    {absl::StatusCode::kUnimplemented, ISLET_UNSUPPORTED},
};

islet_status StatusCode(const absl::Status& status) {
  if (ExitStatus(status).has_value()) return ISLET_EXITED;
  if (const Limit limit = LimitReached(status); limit != Limit::kNone) return StatusOf(limit);
  if (const int host = HostCode(status); host != 0) return host;
  for (const Code& code : kCodes) {
    if (code.code == status.code()) return code.status;
  }
  return status.ok() ? ISLET_OK : ISLET_INTERNAL;
}

bool IsHosts(islet_status status) { return status >= ISLET_HOST_STATUS && status <= kLastHostCode; }

// What a host may return of its own: the code for the host around. kOk: it says how a run of Islet's has ended.
absl::StatusCode CodeOfReturned(islet_status status) {
  if (IsHosts(status)) return absl::StatusCode::kUnknown;
  switch (status) {
    case ISLET_CANCELLED:
    case ISLET_EXITED:
    case ISLET_HEAP_LIMIT:
    case ISLET_STACK_LIMIT:
    case ISLET_FUEL_LIMIT:
    case ISLET_CPU_TIME_LIMIT:
    case ISLET_WALL_TIME_LIMIT:
    case ISLET_LOST:
      return absl::StatusCode::kOk;
    case ISLET_NOT_ENTERED:
    case ISLET_MISMATCH:
    case ISLET_STALE:
    case ISLET_FOREIGN:
      return absl::StatusCode::kFailedPrecondition;
    default:
      break;
  }
  for (const Code& code : kCodes) {
    if (code.status == status) return code.code;
  }
  return absl::StatusCode::kInternal;
}

// Of hosts and their files comes text that is not UTF-8.
std::string AsUtf8(absl::string_view text) {
  if (vm::IsValidUtf8(text)) return std::string(text);
  std::string valid;
  for (const char *p = text.data(), *end = p + text.size(); p != end;) {
    const uint32_t c = vm::DecodeUtf8(&p, end);
    vm::AppendUtf8(&valid, c == vm::kInvalidChar ? vm::kReplacementChar : c);
  }
  return valid;
}

void Fill(islet_error& error, islet_status status, absl::string_view message, absl::string_view report) {
  error.status = status;
  error.exit_status = 0;
  error.no_room = false;
  error.message = AsUtf8(message);
  error.report = AsUtf8(report);
  error.kind.clear();
  error.frames.clear();
  error.irritants.clear();
  error.added.clear();
  error.tenancy = 0;
  error.origin = absl::OkStatus();
}

// Of text that comes out ends the first zero byte.
void EndAtZero(std::string& text) { text.resize(std::min(text.find('\0'), text.size())); }

void Describe(islet_error& error, const ErrorReport& report) {
  error.message = AsUtf8(report.message);
  error.kind = report.kind;
  error.irritants = report.irritants;
  if (report.place.line != 0) error.frames.push_back({"", report.place.file, report.place.line, report.place.column});
  for (const ErrorReport::Frame& frame : report.backtrace) {
    error.frames.push_back({frame.procedure, frame.place.file, frame.place.line, frame.place.column});
  }
}

}  // namespace

islet_status StatusOf(Why why) { return kReasons[static_cast<size_t>(why)].status; }
const char* TextOf(Why why) { return kReasons[static_cast<size_t>(why)].text; }
const char* NameOf(Maker maker) { return kMakers[static_cast<size_t>(maker)]; }

islet_status Fail(islet_error* error, const char* who, islet_status status, absl::string_view what) try {
  if (error != nullptr) {
    const std::string message = absl::StrCat(who, ": ", what);
    Fill(*error, status, message, message);
  }
  return status;
} catch (const std::bad_alloc&) {
  return FailNoMemory(error, who);
}

islet_status Fail(islet_error* error, const char* who, Why why) {
  const islet_status status = Fail(error, who, StatusOf(why), TextOf(why));
  if (error != nullptr) error->no_room = why == Why::kHeapLimit && status == ISLET_HEAP_LIMIT;
  return status;
}

islet_status FailNull(islet_error* error, const char* who, const char* parameter) {
  return Fail(error, who, ISLET_INVALID_ARGUMENT, absl::StrCat(parameter, " is NULL"));
}

islet_status FailNullObject(islet_error* error, const char* who, const char* parameter) {
  if (error != nullptr && error->status != ISLET_OK) return error->status;
  return FailNull(error, who, parameter);
}

islet_status FailValue(islet_error* error, const char* who, absl::string_view name, Why why, islet_value value) {
  if (value.owner != kFailed) return Fail(error, who, StatusOf(why), absl::StrCat(name, " is ", TextOf(why)));
  const Why reason = static_cast<Why>(value.place & 0xff);
  const uint64_t maker = value.place >> 8;
  if (reason == Why::kNothing || reason >= Why::kEnd || maker >= static_cast<uint64_t>(Maker::kEnd)) {
    return Fail(error, who, StatusOf(Why::kNoHandle), absl::StrCat(name, " is ", TextOf(Why::kNoHandle)));
  }
  return Fail(error, NameOf(static_cast<Maker>(maker)), reason);
}

islet_status FailNoMemory(islet_error* error, const char* who) {
  if (error == nullptr) return ISLET_RESOURCE_EXHAUSTED;
  try {
    const std::string message = absl::StrCat(who, ": ", TextOf(Why::kNoMemory));
    Fill(*error, ISLET_RESOURCE_EXHAUSTED, message, message);
  } catch (const std::bad_alloc&) {
    Fill(*error, ISLET_RESOURCE_EXHAUSTED, "", "");
  }
  return ISLET_RESOURCE_EXHAUSTED;
}

islet_status FailOpening(islet_error* error, const absl::Status& status) {
  const islet_status code = absl::IsFailedPrecondition(status) ? ISLET_MISMATCH : StatusCode(status);
  if (error != nullptr) Fill(*error, code, status.message(), status.message());
  return code;
}

islet_status FailIn(Impl& impl, islet_error* error, const absl::Status& status, bool described) {
  const islet_status code = impl.lost() ? ISLET_LOST : StatusCode(status);
  State& state = StateOf(impl);
  if (described) ++state.failures;
  if (error == nullptr) return code;
  Fill(*error, code, status.message(), status.message());
  error->exit_status = ExitStatus(status).value_or(0);
  if (described) {
    Describe(*error, impl.state.error.report);
    error->tenancy = impl.tenancy;
    error->failure = state.failures;
  }
  EndAtZero(error->message);
  EndAtZero(error->report);
  if (impl.calls > 0) error->origin = status;
  return code;
}

absl::Status EndByHeapLimit(vm::Vm& vm) {
  vm::Failure failure = vm::Failure::FromStatus(vm::HeapLimitStatus(vm, "by values of a host function"));
  failure.kind = vm::Failure::Kind::kTermination;
  return vm.Record(std::move(failure));
}

absl::Status ReturnedStatus(vm::Vm& vm, islet_status status, const islet_error& error) {
  const bool told = error.status == status && !error.message.empty();
  // What an earlier call has returned is no end of this run.
  if (told && !error.origin.ok() && vm.IsLatestFailure(error.origin)) return error.origin;
  if (told && error.no_room) return EndByHeapLimit(vm);
  const absl::StatusCode code = CodeOfReturned(status);
  if (code == absl::StatusCode::kOk) {
    return absl::InternalError(absl::StrCat("a function of the host's has returned status ", status,
                                            ", but no run has ended so", told ? ": " : "", told ? error.message : ""));
  }
  const absl::string_view message = told ? absl::string_view(error.message) : "the host function failed";
  if (!IsHosts(status)) return absl::Status(code, message);
  return HostError(told && !error.kind.empty() ? absl::string_view(error.kind) : "host", status, message);
}

absl::Status PreparingStatus(islet_status status, const islet_error& error) {
  const bool told = error.status == status && !error.report.empty();
  absl::Status prepared(absl::StatusCode::kUnknown,
                        told ? absl::string_view(error.report) : "islet_options_set_prepare: the function failed");
  prepared.SetPayload(kPreparing, absl::Cord(absl::string_view(absl::StrCat(status))));
  return prepared;
}

islet_status FailPreparing(islet_error* error, const absl::Status& status) {
  const absl::optional<absl::Cord> payload = status.GetPayload(kPreparing);
  islet_status code;
  if (!payload.has_value() || !absl::SimpleAtoi(std::string(*payload), &code)) return FailOpening(error, status);
  if (error != nullptr) Fill(*error, code, status.message(), status.message());
  return code;
}

}  // namespace islet::c

// ---- The public functions. A null error stands for one that there was no memory for.

namespace {

constexpr char kNoMemoryForError[] = "there was no memory for an islet_error";

}  // namespace

extern "C" {

islet_error* islet_error_new(void) try { return new islet_error(); } catch (const std::bad_alloc&) {
  return nullptr;
}

void islet_error_free(islet_error* error) { delete error; }

void islet_error_clear(islet_error* error) {
  if (error != nullptr) islet::c::Fill(*error, ISLET_OK, "", "");
}

islet_status islet_error_status(const islet_error* error) {
  return error != nullptr ? error->status : ISLET_RESOURCE_EXHAUSTED;
}

const char* islet_error_message(const islet_error* error) {
  return error != nullptr ? error->message.c_str() : kNoMemoryForError;
}

const char* islet_error_report(const islet_error* error) {
  return error != nullptr ? error->report.c_str() : kNoMemoryForError;
}

const char* islet_error_kind(const islet_error* error) { return error != nullptr ? error->kind.c_str() : ""; }

int islet_error_exit_status(const islet_error* error) { return error != nullptr ? error->exit_status : 0; }

int islet_error_frame(const islet_error* error, size_t index, islet_frame* frame) {
  if (error == nullptr || index >= error->frames.size()) return 0;
  const islet_error::Frame& found = error->frames[index];
  if (frame != nullptr) *frame = {found.procedure.c_str(), found.file.c_str(), found.line, found.column};
  return 1;
}

size_t islet_error_irritants(const islet_error* error) { return error != nullptr ? error->irritants.size() : 0; }

const char* islet_error_irritant(const islet_error* error, size_t index) {
  return error != nullptr && index < error->irritants.size() ? error->irritants[index].c_str() : nullptr;
}

islet_status islet_error_raised(const islet_error* error, islet_isolate* isolate, islet_value* raised) {
  static constexpr char kWho[] = "islet_error_raised";
  if (error == nullptr) return ISLET_NOT_FOUND;
  return islet::c::Checked(nullptr, kWho, [&]() -> islet_status {
    if (const islet::c::Why why = islet::c::Usable(isolate); why != islet::c::Why::kNothing) {
      return islet::c::StatusOf(why);
    }
    islet::c::Impl& impl = *islet::c::CppOf(isolate).impl();
    const bool latest = error->tenancy == impl.tenancy && error->failure == islet::c::StateOf(impl).failures;
    if (!latest || !impl.state.error.raised) return ISLET_NOT_FOUND;
    if (raised != nullptr) *raised = islet::c::MakeHandle(impl, impl.vm->last_condition());
    return ISLET_OK;
  });
}

islet_status islet_error_add(islet_error* error, islet_isolate* isolate, islet_value irritant) {
  static constexpr char kWho[] = "islet_error_add";
  constexpr size_t kMostBytes = 10000;
  return islet::c::Checked(nullptr, kWho, [&]() -> islet_status {
    if (const islet::c::Why why = islet::c::Usable(isolate); why != islet::c::Why::kNothing) {
      return islet::c::StatusOf(why);
    }
    if (error == nullptr || error->status == ISLET_OK) return ISLET_INVALID_ARGUMENT;
    islet::c::Impl& impl = *islet::c::CppOf(isolate).impl();
    if (!islet::c::MakeRoom(impl, islet::c::kLargestPart)) return ISLET_HEAP_LIMIT;
    islet::vm::Value datum;
    if (const islet::c::Why why = islet::c::Resolve(impl, irritant, &datum); why != islet::c::Why::kNothing) {
      return islet::c::StatusOf(why);
    }
    error->irritants.push_back(islet::c::Printed(impl, datum, kMostBytes));
    error->added.push_back(irritant);
    return ISLET_OK;
  });
}

islet_status islet_error_set(islet_error* error, islet_status status, const char* kind, const char* message) try {
  // The gap in Islet's numbers is for statuses of a later version.
  const bool known =
      (status > ISLET_OK && status <= ISLET_BUSY) || status == ISLET_UNSUPPORTED || islet::c::IsHosts(status);
  const islet_status set = known ? status : ISLET_INTERNAL;
  if (error != nullptr) {
    const std::string text = message != nullptr ? message : "", kind_text = kind != nullptr ? kind : "host";
    islet::c::Fill(*error, set, text, text);
    error->kind = islet::c::IsHosts(set) ? kind_text : "host";
  }
  return set;
} catch (const std::bad_alloc&) {
  return islet::c::FailNoMemory(error, "islet_error_set");
}

islet_status islet_error_copy(islet_error* error, const islet_error* from) try {
  if (error != nullptr && from != nullptr && error != from) *error = *from;
  return islet_error_status(from);
} catch (const std::bad_alloc&) {
  return islet::c::FailNoMemory(error, "islet_error_copy");
}

int32_t islet_version(void) { return ISLET_VERSION; }

islet_status islet_check_version(int32_t header_version, islet_error* error) {
  constexpr int32_t kMajor = 10000, kMinor = 100;
  if (header_version / kMajor == ISLET_VERSION / kMajor && header_version >= 0 &&
      header_version / kMinor <= ISLET_VERSION / kMinor) {
    return ISLET_OK;
  }
  return islet::c::Fail(
      error, "islet_check_version", ISLET_MISMATCH,
      absl::StrCat("this is version ", ISLET_VERSION_TEXT,
                   " of the library, which cannot serve a program that was compiled for ", header_version / kMajor, ".",
                   header_version / kMinor % kMinor, ".", header_version % kMinor));
}

}  // extern "C"
