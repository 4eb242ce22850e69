// The C interface over the C++ one: each function translates its arguments and the Status.

#include "bindings/c/islet.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <memory>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/strings/str_cat.h"
#include "bindings/c/grants.h"
#include "islet/isolate.h"
#include "islet/isolate_pool.h"
#include "isolate/process/stack_space.h"
#include "sdk/isolate_impl.h"

struct islet_snapshot {
  islet::Snapshot snapshot;
};

// The C interface's isolate. Isolate::Impl::wrapper owns it.
struct islet_isolate {
  ~islet_isolate() {
    for (islet::Isolate::Scope* scope : scopes) delete scope;
  }
  std::shared_ptr<const islet::HostFunctions> host_functions;
  std::unique_ptr<islet::Isolate> owned;
  islet::PooledIsolate pooled;
  islet::Isolate* isolate = nullptr;
  std::vector<islet::Isolate::Scope*> scopes;
  // The failure of the latest nested call: a host function that returns it passes it on unchanged.
  absl::Status last_failure;
};

struct islet_pool {
  std::shared_ptr<const islet::HostFunctions> host_functions;
  std::unique_ptr<islet::IsolatePool> pool;
};

namespace {

// In an islet_value's slot: its other bits tell the snapshot of a procedure (islet_pool_procedure), its stamp the
// datum.
constexpr uint32_t kProcedureSlot = 0x80000000u;

static_assert(ISLET_TYPE_OTHER == static_cast<int>(islet::Type::kOther));

islet_status StatusOf(islet::Limit limit) {
  switch (limit) {
    case islet::Limit::kHeap:
      return ISLET_HEAP_LIMIT;
    case islet::Limit::kStack:
      return ISLET_STACK_LIMIT;
    case islet::Limit::kFuel:
      return ISLET_FUEL_LIMIT;
    case islet::Limit::kCpuTime:
      return ISLET_CPU_TIME_LIMIT;
    case islet::Limit::kWallTime:
      return ISLET_WALL_TIME_LIMIT;
    case islet::Limit::kNone:
      break;
  }
  return ISLET_OK;
}

islet_status StatusCode(const absl::Status& status) {
  if (islet::ExitStatus(status).has_value()) return ISLET_EXITED;
  if (const islet::Limit limit = islet::LimitReached(status); limit != islet::Limit::kNone) return StatusOf(limit);
  switch (status.code()) {
    case absl::StatusCode::kOk:
      return ISLET_OK;
    case absl::StatusCode::kInvalidArgument:
      return ISLET_INVALID_ARGUMENT;
    case absl::StatusCode::kUnknown:
      return ISLET_EXCEPTION;
    case absl::StatusCode::kNotFound:
      return ISLET_NOT_FOUND;
    case absl::StatusCode::kOutOfRange:
      return ISLET_OUT_OF_RANGE;
    case absl::StatusCode::kResourceExhausted:
      return ISLET_RESOURCE_EXHAUSTED;
    case absl::StatusCode::kCancelled:
      return ISLET_CANCELLED;
    case absl::StatusCode::kFailedPrecondition:
      return ISLET_NOT_ENTERED;
    case absl::StatusCode::kDataLoss:
      return ISLET_DATA_LOSS;
    case absl::StatusCode::kDeadlineExceeded:
      return ISLET_DEADLINE_EXCEEDED;
    case absl::StatusCode::kPermissionDenied:
      return ISLET_PERMISSION_DENIED;
    default:
      return ISLET_INTERNAL;
  }
}

// The reverse, for what a host function returns.
absl::StatusCode CodeOf(islet_status status) {
  switch (status) {
    case ISLET_INVALID_ARGUMENT:
      return absl::StatusCode::kInvalidArgument;
    case ISLET_NOT_FOUND:
      return absl::StatusCode::kNotFound;
    case ISLET_OUT_OF_RANGE:
      return absl::StatusCode::kOutOfRange;
    case ISLET_RESOURCE_EXHAUSTED:
    case ISLET_HEAP_LIMIT:
    case ISLET_STACK_LIMIT:
    case ISLET_FUEL_LIMIT:
      return absl::StatusCode::kResourceExhausted;
    case ISLET_CANCELLED:
      return absl::StatusCode::kCancelled;
    case ISLET_NOT_ENTERED:
    case ISLET_MISMATCH:
      return absl::StatusCode::kFailedPrecondition;
    case ISLET_DATA_LOSS:
      return absl::StatusCode::kDataLoss;
    case ISLET_INTERNAL:
      return absl::StatusCode::kInternal;
    case ISLET_DEADLINE_EXCEEDED:
    case ISLET_CPU_TIME_LIMIT:
    case ISLET_WALL_TIME_LIMIT:
      return absl::StatusCode::kDeadlineExceeded;
    case ISLET_PERMISSION_DENIED:
      return absl::StatusCode::kPermissionDenied;
    default:
      return absl::StatusCode::kUnknown;
  }
}

islet_status Report(const absl::Status& status, islet_error* error) {
  const islet_status code = StatusCode(status);
  if (error != nullptr) {
    error->status = code;
    error->exit_status = islet::ExitStatus(status).value_or(0);
    const absl::string_view message = status.message();
    const size_t length = std::min(message.size(), sizeof(error->message) - 1);
    std::copy_n(message.data(), length, error->message);
    error->message[length] = '\0';
  }
  return code;
}

// Whether a host function that returns `status` and leaves `failure` passes on what a call of the isolate within it has
// reported: the islet_error is all that it has had of that, so it is compared with what Report makes.
bool PassesOn(islet_status status, const islet_error& failure, const absl::Status& nested) {
  islet_error reported;
  return Report(nested, &reported) == status && std::strcmp(reported.message, failure.message) == 0;
}

// Of opening a snapshot or making an isolate, where nothing has been entered yet.
void ReportOpening(const absl::Status& status, islet_error* error) {
  Report(status, error);
  if (error != nullptr && absl::IsFailedPrecondition(status)) error->status = ISLET_MISMATCH;
}

absl::Status BadArgument(absl::string_view what) { return absl::InvalidArgumentError(what); }

// For where operator new has failed: nothing is thrown at C.
islet_status NoMemory(islet_error* error) { return Report(islet::OutOfMemory("a call of an isolate"), error); }

islet_value Stale() { return {0xffffffffu, 0}; }

islet_value Handle(const islet::Value& value) {
  islet_value handle;
  islet::Isolate::Impl::SplitHandle(value, &handle.slot, &handle.stamp);
  return handle;
}

islet::Value Open(islet_isolate* isolate, islet_value value) {
  if ((value.slot & kProcedureSlot) != 0 && value.slot != Stale().slot) {
    return islet::Isolate::Impl::ProcedureOf(value.slot & ~kProcedureSlot, value.stamp);
  }
  return isolate->isolate->impl()->HandleOf(value.slot, value.stamp);
}

absl::InlinedVector<islet::Value, 8> OpenAll(islet_isolate* isolate, const islet_value* values, size_t count) {
  absl::InlinedVector<islet::Value, 8> opened;
  for (size_t i = 0; i < count; ++i) opened.push_back(Open(isolate, values[i]));
  return opened;
}

// A literal as a handle.
islet_value Make(islet_isolate* isolate, const islet::Value& literal) {
  if (isolate == nullptr) return Stale();
  auto datum = islet::InIsolate(*isolate->isolate, [&](islet::Isolate::Impl& in) { return in.ToHeap(literal); });
  return datum.ok() ? Handle(isolate->isolate->impl()->MakeHandle(*datum)) : Stale();
}

// The isolate, if this is one of its host functions' calls of it: then a failure may go through that function, and the
// isolate cannot end meanwhile. Null otherwise: once the call is over, it may have been freed.
islet_isolate* CallerWithin(islet_isolate* isolate) {
  return islet::Isolate::Impl::CheckUsable(*isolate->isolate).ok() && isolate->isolate->impl()->inside > 0 ? isolate
                                                                                                           : nullptr;
}

islet_status Finish(islet_isolate* within, const absl::StatusOr<islet::Value>& value, islet_value* result,
                    islet_error* error) {
  if (!value.ok()) {
    if (within != nullptr) within->last_failure = value.status();
    return Report(value.status(), error);
  }
  if (result != nullptr) *result = Handle(*value);
  return ISLET_OK;
}

template <typename T, typename U>
islet_status FinishScalar(const absl::StatusOr<T>& value, U* out, islet_error* error) {
  if (!value.ok()) return Report(value.status(), error);
  *out = static_cast<U>(*value);
  return ISLET_OK;
}

template <typename Bytes>
islet_status FinishBytes(const absl::StatusOr<Bytes>& bytes, void* buffer, size_t size, size_t* length, bool terminated,
                         islet_error* error) {
  if (!bytes.ok()) return Report(bytes.status(), error);
  if (length != nullptr) *length = bytes->size();
  if (buffer == nullptr || size == 0) return ISLET_OK;
  const size_t copied = std::min(bytes->size(), terminated ? size - 1 : size);
  if (copied != 0) std::memcpy(buffer, bytes->data(), copied);
  if (terminated) static_cast<char*>(buffer)[copied] = '\0';
  return ISLET_OK;
}

using islet::c::Whole;

islet::HostFunction MakeHostFunction(const islet_host_binding& binding) {
  return [binding](islet::Isolate& isolate, absl::Span<const islet::Value> arguments) -> absl::StatusOr<islet::Value> {
    islet_isolate* const self = static_cast<islet_isolate*>(isolate.impl()->wrapper.get());
    absl::InlinedVector<islet_value, 8> handles;
    for (const islet::Value& argument : arguments) handles.push_back(Handle(argument));
    islet_value result = Handle(isolate.impl()->MakeHandle(islet::vm::kUnspecified));
    islet_error failure = {};
    self->last_failure = absl::OkStatus();
    const islet_status status =
        binding.function(self, binding.user_data, handles.data(), handles.size(), &result, &failure);
    if (status == ISLET_OK) return Open(self, result);
    failure.message[sizeof(failure.message) - 1] = '\0';
    absl::Status nested = std::exchange(self->last_failure, absl::OkStatus());
    if (!nested.ok() && PassesOn(status, failure, nested)) return nested;
    return absl::Status(CodeOf(status), failure.message[0] != '\0' ? failure.message : "the host function failed");
  };
}

islet::Limits LimitsFrom(const islet_limits* given) {
  const islet_limits whole = Whole(given);
  islet::Limits limits;
  if (whole.heap_bytes != 0) limits.heap_bytes = whole.heap_bytes;
  if (whole.stack_bytes != 0) limits.stack_bytes = whole.stack_bytes;
  if (whole.fuel != 0) limits.fuel = whole.fuel;
  if (whole.cpu_time_nanoseconds > 0) limits.cpu_time = std::chrono::nanoseconds(whole.cpu_time_nanoseconds);
  if (whole.wall_time_nanoseconds > 0) limits.wall_time = std::chrono::nanoseconds(whole.wall_time_nanoseconds);
  return limits;
}

// Fills in `options`; the result is what they borrow.
absl::StatusOr<std::shared_ptr<const islet::HostFunctions>> Translate(const islet_isolate_options* given,
                                                                      islet::IsolateOptions* options) {
  const islet_isolate_options whole = Whole(given);
  auto host_functions = std::make_shared<islet::HostFunctions>();
  for (size_t i = 0; i < whole.host_function_count; ++i) {
    const islet_host_binding& binding = whole.host_functions[i];
    if (binding.name == nullptr || binding.function == nullptr) {
      return BadArgument(absl::StrCat("host_functions[", i, "] lacks its name or its function"));
    }
    host_functions->Add(binding.name, binding.least_arguments, binding.most_arguments, MakeHostFunction(binding));
  }
  if (whole.heap_limit != 0) options->limits.heap_bytes = whole.heap_limit;
  if (whole.limits != nullptr) options->limits = LimitsFrom(whole.limits);
  options->count_instructions = whole.count_instructions != 0;
  if (whole.near_limit != nullptr) {
    options->near_limit = [ask = whole.near_limit, data = whole.near_limit_user_data](islet::Isolate& isolate,
                                                                                      islet::Limit limit) {
      ask(data, static_cast<islet_isolate*>(isolate.impl()->wrapper.get()), StatusOf(limit));
    };
  }
  if (whole.cage_size != 0) options->cage_size = whole.cage_size;
  if (whole.spare_bytes != 0) options->spare_bytes = whole.spare_bytes;
  if (absl::Status status = islet::c::TranslateGrants(whole, options); !status.ok()) return status;
  options->host_functions = host_functions.get();
  if (whole.write != nullptr) {
    options->write = [write = whole.write, data = whole.write_user_data](int descriptor, absl::string_view text) {
      write(data, descriptor, text.data(), text.size());
    };
  }
  return host_functions;
}

islet_isolate* Own(std::unique_ptr<islet_isolate> wrapper, std::unique_ptr<islet::Isolate> isolate) {
  wrapper->isolate = isolate.get();
  wrapper->owned = std::move(isolate);
  // The wrapper ends with what it wraps, since a call may be running when it is freed.
  islet_isolate* const made = wrapper.get();
  made->isolate->impl()->wrapper = std::shared_ptr<islet_isolate>(std::move(wrapper));
  return made;
}

islet_snapshot* Wrap(absl::StatusOr<islet::Snapshot> snapshot, islet_error* error) {
  if (!snapshot.ok()) {
    ReportOpening(snapshot.status(), error);
    return nullptr;
  }
  return new islet_snapshot{*std::move(snapshot)};
}

}  // namespace

extern "C" {

islet_snapshot* islet_snapshot_open_embedded(const unsigned char* begin, const unsigned char* end,
                                             islet_error* error) try {
  return Wrap(islet::Snapshot::FromEmbedded({begin, end}), error);
} catch (const std::bad_alloc&) {
  NoMemory(error);
  return nullptr;
}

islet_snapshot* islet_snapshot_open_file(const char* path, islet_error* error) try {
  if (path == nullptr) return Wrap(BadArgument("path is NULL"), error);
  return Wrap(islet::Snapshot::FromFile(path), error);
} catch (const std::bad_alloc&) {
  NoMemory(error);
  return nullptr;
}

islet_snapshot* islet_snapshot_open_bytes(const void* bytes, size_t size, islet_error* error) try {
  return Wrap(islet::Snapshot::FromBytes({static_cast<const uint8_t*>(bytes), size}), error);
} catch (const std::bad_alloc&) {
  NoMemory(error);
  return nullptr;
}

void islet_snapshot_free(islet_snapshot* snapshot) { delete snapshot; }

islet_isolate* islet_isolate_new(islet_snapshot* snapshot, const islet_isolate_options* given, islet_error* error) try {
  if (snapshot == nullptr) {
    Report(BadArgument("snapshot is NULL"), error);
    return nullptr;
  }
  auto made = std::make_unique<islet_isolate>();
  islet::IsolateOptions options;
  auto host_functions = Translate(given, &options);
  if (!host_functions.ok()) {
    Report(host_functions.status(), error);
    return nullptr;
  }
  made->host_functions = *std::move(host_functions);
  auto isolate = islet::Isolate::FromSnapshot(snapshot->snapshot, options);
  if (!isolate.ok()) {
    ReportOpening(isolate.status(), error);
    return nullptr;
  }
  return Own(std::move(made), *std::move(isolate));
} catch (const std::bad_alloc&) {
  NoMemory(error);
  return nullptr;
}

islet_isolate* islet_isolate_fork(islet_isolate* isolate, islet_error* error) try {
  if (isolate == nullptr) {
    Report(BadArgument("isolate is NULL"), error);
    return nullptr;
  }
  auto child = isolate->isolate->Fork();
  if (!child.ok()) {
    Report(child.status(), error);
    return nullptr;
  }
  auto made = std::make_unique<islet_isolate>();
  made->host_functions = isolate->host_functions;
  return Own(std::move(made), *std::move(child));
} catch (const std::bad_alloc&) {
  NoMemory(error);
  return nullptr;
}

void islet_isolate_free(islet_isolate* isolate) {
  if (isolate == nullptr) return;
  const islet::Isolate::Impl* const impl = isolate->isolate->impl();
  if (impl == nullptr) return;
  // Another thread may have been changing even this.
  if (islet::Isolate::Impl::IsLostInFork(*isolate->isolate)) return;
  // Calls that are running end with an error first.
  while (impl->inside == 0 && !isolate->scopes.empty()) islet_leave(isolate);
  // Either may take the wrapper with it.
  const std::unique_ptr<islet::Isolate> owned = std::move(isolate->owned);
  if (owned != nullptr) return;
  isolate->last_failure = absl::OkStatus();
  const islet::PooledIsolate given_back = std::move(isolate->pooled);
}

islet_status islet_set_limits(islet_isolate* isolate, const islet_limits* limits, islet_error* error) try {
  if (isolate == nullptr || limits == nullptr) return Report(BadArgument("isolate or limits is NULL"), error);
  isolate->isolate->SetLimits(LimitsFrom(limits));
  return ISLET_OK;
} catch (const std::bad_alloc&) {
  return NoMemory(error);
}

void islet_get_limits(islet_isolate* isolate, islet_limits* limits) {
  const islet::Limits& given = isolate->isolate->limits();
  islet_limits whole = {};
  whole.size = limits->size;
  whole.heap_bytes = given.heap_bytes;
  if (given.stack_bytes != islet::Limits::kNoBytes) whole.stack_bytes = given.stack_bytes;
  if (given.fuel != islet::Limits::kNoFuel) whole.fuel = given.fuel;
  if (given.cpu_time != islet::Limits::kNoTime) whole.cpu_time_nanoseconds = given.cpu_time.count();
  if (given.wall_time != islet::Limits::kNoTime) whole.wall_time_nanoseconds = given.wall_time.count();
  std::memcpy(limits, &whole, std::min(limits->size, sizeof(whole)));
}

void islet_get_stats(islet_isolate* isolate, islet_isolate_stats* stats) {
  const islet::IsolateStats given = isolate->isolate->Stats();
  stats->heap_bytes = given.heap_bytes;
  stats->young_bytes = given.young_bytes;
  stats->old_bytes = given.old_bytes;
  stats->large_bytes = given.large_bytes;
  stats->snapshot_bytes = given.snapshot_bytes;
  stats->dirty_pages = given.dirty_pages;
  stats->stack_bytes = given.stack_bytes;
  stats->allocated_bytes = given.allocated_bytes;
  stats->minor_collections = given.minor_collections;
  stats->full_collections = given.full_collections;
  stats->minor_seconds = given.minor_seconds;
  stats->full_seconds = given.full_seconds;
  stats->longest_minor_seconds = given.longest_minor_seconds;
  stats->longest_full_seconds = given.longest_full_seconds;
  stats->instructions = given.instructions;
  stats->host_calls = given.host_calls;
  stats->spare_bytes = given.spare_bytes;
  stats->rehashed_entries = given.rehashed_entries;
}

void islet_collect_garbage(islet_isolate* isolate) { isolate->isolate->CollectGarbage(); }

islet_pool* islet_pool_new(islet_snapshot* snapshot, const islet_isolate_options* isolate_options,
                           const islet_pool_options* given, islet_error* error) try {
  if (snapshot == nullptr) {
    Report(BadArgument("snapshot is NULL"), error);
    return nullptr;
  }
  auto made = std::make_unique<islet_pool>();
  islet::IsolatePool::Options options;
  auto host_functions = Translate(isolate_options, &options.isolate);
  if (!host_functions.ok()) {
    Report(host_functions.status(), error);
    return nullptr;
  }
  made->host_functions = *std::move(host_functions);
  const islet_pool_options whole = Whole(given);
  if (whole.keep_bytes != 0) options.keep_bytes = whole.keep_bytes;
  if (whole.max_idle_per_thread != 0) options.max_idle_per_thread = whole.max_idle_per_thread;
  options.verify_resets = whole.verify_resets != 0;
  auto pool = islet::IsolatePool::Create(snapshot->snapshot, options);
  if (!pool.ok()) {
    ReportOpening(pool.status(), error);
    return nullptr;
  }
  made->pool = *std::move(pool);
  return made.release();
} catch (const std::bad_alloc&) {
  NoMemory(error);
  return nullptr;
}

void islet_pool_free(islet_pool* pool) { delete pool; }

islet_isolate* islet_pool_get(islet_pool* pool, islet_error* error) try {
  if (pool == nullptr) {
    Report(BadArgument("pool is NULL"), error);
    return nullptr;
  }
  auto isolate = pool->pool->Get();
  if (!isolate.ok()) {
    ReportOpening(isolate.status(), error);
    return nullptr;
  }
  std::shared_ptr<void>& wrapper = (*isolate)->impl()->wrapper;
  if (wrapper == nullptr) {
    auto made = std::make_shared<islet_isolate>();
    made->host_functions = pool->host_functions;
    wrapper = std::move(made);
  }
  islet_isolate* const got = static_cast<islet_isolate*>(wrapper.get());
  got->isolate = isolate->get();
  got->pooled = *std::move(isolate);
  return got;
} catch (const std::bad_alloc&) {
  NoMemory(error);
  return nullptr;
}

islet_status islet_pool_procedure(islet_pool* pool, const char* name, islet_value* procedure, islet_error* error) try {
  if (pool == nullptr || name == nullptr) return Report(BadArgument("pool or name is NULL"), error);
  auto found = pool->pool->Procedure(name);
  if (!found.ok()) return Report(found.status(), error);
  uint32_t image;
  islet::Isolate::Impl::SplitProcedure(*found, &image, &procedure->stamp);
  procedure->slot = image | kProcedureSlot;
  return ISLET_OK;
} catch (const std::bad_alloc&) {
  return NoMemory(error);
}

size_t islet_pool_trim(islet_pool* pool, size_t keep) { return pool == nullptr ? 0 : pool->pool->Trim(keep); }

void islet_pool_stats(islet_pool* pool, islet_pool_statistics* statistics) {
  const islet::IsolatePool::Statistics stats = pool->pool->Stats();
  *statistics = {stats.idle, stats.created, stats.reused, stats.idle_bytes};
}

islet_status islet_pool_reset_status(islet_pool* pool, islet_error* error) try {
  const absl::Status status = pool->pool->ResetStatus();
  return status.ok() ? ISLET_OK : Report(status, error);
} catch (const std::bad_alloc&) {
  return NoMemory(error);
}

islet_status islet_enter(islet_isolate* isolate, islet_error* error) try {
  if (isolate == nullptr) return Report(BadArgument("isolate is NULL"), error);
  auto scope = std::make_unique<islet::Isolate::Scope>(*isolate->isolate);
  absl::Status status = islet::Isolate::Impl::CheckUsable(*isolate->isolate);
  if (status.ok()) status = isolate->isolate->impl()->CheckEntered();
  if (!status.ok()) return Report(status, error);
  isolate->scopes.push_back(scope.release());
  return ISLET_OK;
} catch (const std::bad_alloc&) {
  return NoMemory(error);
}

void islet_leave(islet_isolate* isolate) {
  if (isolate == nullptr || isolate->scopes.empty()) return;
  delete isolate->scopes.back();
  isolate->scopes.pop_back();
}

islet_status islet_stack_announce(const void* low, size_t bytes, islet_error* error) try {
  islet::vm::AnnounceStack(low, bytes);
  return ISLET_OK;
} catch (const std::bad_alloc&) {
  return NoMemory(error);
}

void islet_stack_forget(const void* low) { islet::vm::ForgetStack(low); }

void islet_interrupt(islet_isolate* isolate) { isolate->isolate->Interrupt(); }

islet_status islet_eval(islet_isolate* isolate, const char* text, size_t length, const char* name, islet_value* result,
                        islet_error* error) try {
  if (isolate == nullptr) return Report(BadArgument("isolate is NULL"), error);
  islet_isolate* const within = CallerWithin(isolate);
  return Finish(within, isolate->isolate->Eval({text, length}, name != nullptr ? name : "eval"), result, error);
} catch (const std::bad_alloc&) {
  return NoMemory(error);
}

islet_status islet_call(islet_isolate* isolate, const char* name, const islet_value* arguments, size_t count,
                        islet_value* result, islet_error* error) try {
  if (isolate == nullptr || name == nullptr) return Report(BadArgument("isolate or name is NULL"), error);
  islet_isolate* const within = CallerWithin(isolate);
  return Finish(within, isolate->isolate->Call(name, OpenAll(isolate, arguments, count)), result, error);
} catch (const std::bad_alloc&) {
  return NoMemory(error);
}

islet_status islet_call_value(islet_isolate* isolate, islet_value procedure, const islet_value* arguments, size_t count,
                              islet_value* result, islet_error* error) try {
  if (isolate == nullptr) return Report(BadArgument("isolate is NULL"), error);
  islet_isolate* const within = CallerWithin(isolate);
  return Finish(within, isolate->isolate->Call(Open(isolate, procedure), OpenAll(isolate, arguments, count)), result,
                error);
} catch (const std::bad_alloc&) {
  return NoMemory(error);
}

islet_value islet_unspecified(islet_isolate* isolate) try {
  return Make(isolate, islet::Value());
} catch (const std::bad_alloc&) {
  return Stale();
}
islet_value islet_boolean(islet_isolate* isolate, int b) try {
  return Make(isolate, islet::Boolean(b != 0));
} catch (const std::bad_alloc&) {
  return Stale();
}
islet_value islet_integer(islet_isolate* isolate, int64_t n) try {
  return Make(isolate, islet::Integer(n));
} catch (const std::bad_alloc&) {
  return Stale();
}
islet_value islet_big_integer(islet_isolate* isolate, const char* decimal, size_t length) try {
  return Make(isolate, islet::BigInteger({decimal, length}));
} catch (const std::bad_alloc&) {
  return Stale();
}
islet_value islet_real(islet_isolate* isolate, double d) try {
  return Make(isolate, islet::Real(d));
} catch (const std::bad_alloc&) {
  return Stale();
}
islet_value islet_character(islet_isolate* isolate, uint32_t scalar) try {
  return Make(isolate, islet::Character(scalar));
} catch (const std::bad_alloc&) {
  return Stale();
}
islet_value islet_string(islet_isolate* isolate, const char* text, size_t length) try {
  return Make(isolate, islet::String({text, length}));
} catch (const std::bad_alloc&) {
  return Stale();
}
islet_value islet_symbol(islet_isolate* isolate, const char* name, size_t length) try {
  return Make(isolate, islet::Symbol({name, length}));
} catch (const std::bad_alloc&) {
  return Stale();
}
islet_value islet_bytevector(islet_isolate* isolate, const void* bytes, size_t size) try {
  return Make(isolate, islet::Bytevector({static_cast<const uint8_t*>(bytes), size}));
} catch (const std::bad_alloc&) {
  return Stale();
}
islet_value islet_list(islet_isolate* isolate, const islet_value* items, size_t count) try {
  if (isolate == nullptr) return Stale();
  auto opened = OpenAll(isolate, items, count);
  return Make(isolate, islet::List({opened.begin(), opened.end()}));
} catch (const std::bad_alloc&) {
  return Stale();
}
islet_value islet_vector(islet_isolate* isolate, const islet_value* items, size_t count) try {
  if (isolate == nullptr) return Stale();
  auto opened = OpenAll(isolate, items, count);
  return Make(isolate, islet::Vector({opened.begin(), opened.end()}));
} catch (const std::bad_alloc&) {
  return Stale();
}
islet_value islet_hash_table(islet_isolate* isolate, const islet_value* entries, size_t count) try {
  if (isolate == nullptr) return Stale();
  std::vector<std::pair<islet::Value, islet::Value>> pairs;
  for (size_t i = 0; i < count; ++i) {
    pairs.emplace_back(Open(isolate, entries[2 * i]), Open(isolate, entries[2 * i + 1]));
  }
  return Make(isolate, islet::HashTable(std::move(pairs)));
} catch (const std::bad_alloc&) {
  return Stale();
}

islet_type islet_type_of(islet_isolate* isolate, islet_value value) {
  return static_cast<islet_type>(Open(isolate, value).type());
}

islet_status islet_get_boolean(islet_isolate* isolate, islet_value value, int* out, islet_error* error) try {
  return FinishScalar(Open(isolate, value).ToBool(), out, error);
} catch (const std::bad_alloc&) {
  return NoMemory(error);
}
islet_status islet_get_integer(islet_isolate* isolate, islet_value value, int64_t* out, islet_error* error) try {
  return FinishScalar(Open(isolate, value).ToInt64(), out, error);
} catch (const std::bad_alloc&) {
  return NoMemory(error);
}
islet_status islet_get_real(islet_isolate* isolate, islet_value value, double* out, islet_error* error) try {
  return FinishScalar(Open(isolate, value).ToDouble(), out, error);
} catch (const std::bad_alloc&) {
  return NoMemory(error);
}
islet_status islet_get_character(islet_isolate* isolate, islet_value value, uint32_t* out, islet_error* error) try {
  return FinishScalar(Open(isolate, value).ToCharacter(), out, error);
} catch (const std::bad_alloc&) {
  return NoMemory(error);
}
islet_status islet_get_text(islet_isolate* isolate, islet_value value, char* buffer, size_t size, size_t* length,
                            islet_error* error) try {
  return FinishBytes(Open(isolate, value).ToString(), buffer, size, length, true, error);
} catch (const std::bad_alloc&) {
  return NoMemory(error);
}
islet_status islet_get_decimal(islet_isolate* isolate, islet_value value, char* buffer, size_t size, size_t* length,
                               islet_error* error) try {
  return FinishBytes(Open(isolate, value).ToDecimal(), buffer, size, length, true, error);
} catch (const std::bad_alloc&) {
  return NoMemory(error);
}
islet_status islet_get_bytes(islet_isolate* isolate, islet_value value, void* buffer, size_t size, size_t* length,
                             islet_error* error) try {
  return FinishBytes(Open(isolate, value).ToBytes(), buffer, size, length, false, error);
} catch (const std::bad_alloc&) {
  return NoMemory(error);
}
islet_status islet_print(islet_isolate* isolate, islet_value value, char* buffer, size_t size, size_t* length,
                         islet_error* error) try {
  const absl::StatusOr<std::string> text = Open(isolate, value).Print();
  return FinishBytes(text, buffer, size, length, true, error);
} catch (const std::bad_alloc&) {
  return NoMemory(error);
}

islet_status islet_get_items(islet_isolate* isolate, islet_value value, islet_value* items, size_t size, size_t* count,
                             islet_error* error) try {
  const islet::Value opened = Open(isolate, value);
  std::vector<islet::Value> all;
  if (opened.type() == islet::Type::kHashTable) {
    auto entries = opened.ToEntries();
    if (!entries.ok()) return Report(entries.status(), error);
    for (const auto& [key, item] : *entries) {
      all.push_back(key);
      all.push_back(item);
    }
  } else {
    absl::StatusOr<std::vector<islet::Value>> list = std::vector<islet::Value>();
    if (opened.type() != islet::Type::kNull) list = opened.ToVector();
    if (!list.ok()) return Report(list.status(), error);
    all = *std::move(list);
  }
  if (count != nullptr) *count = all.size();
  for (size_t i = 0; i < std::min(size, all.size()); ++i) items[i] = Handle(all[i]);
  return ISLET_OK;
} catch (const std::bad_alloc&) {
  return NoMemory(error);
}

}  // extern "C"
