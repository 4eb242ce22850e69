// Calls in both directions: of scripts by the host, and of the host's functions by scripts.

#include "bindings/c/calls.h"

#include <cstddef>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "bindings/c/internal.h"
#include "isolate/data/string.h"
#include "isolate/evaluator/evaluator.h"
#include "isolate/interpreter/stubs.h"

namespace islet::c {
namespace {

// Holds what a host function's call has in the isolate, while it lasts.
class HostFrame {
 public:
  explicit HostFrame(Impl& impl)
      : impl_(impl), state_(StateOf(impl)), floor_(state_.floor), arena_(state_.arena.mark()) {
    if (state_.host_calls == state_.errors.size()) state_.errors.push_back(std::make_unique<islet_error>());
    error_ = state_.errors[state_.host_calls++].get();
    // A function sees no failure but its own: not what an earlier one, perhaps of another tenant, has left here.
    if (error_->status != ISLET_OK) islet_error_clear(error_);
    state_.floor = state_.scopes.size();
  }
  ~HostFrame() {
    state_.CloseScopes(impl_, state_.floor);
    state_.floor = floor_;
    state_.arena.Release(arena_);
    --state_.host_calls;
  }
  HostFrame(const HostFrame&) = delete;
  HostFrame& operator=(const HostFrame&) = delete;
  islet_error& error() const { return *error_; }

 private:
  Impl& impl_;
  State& state_;
  const size_t floor_;
  const Arena::Mark arena_;
  islet_error* error_;
};

// Room for some, on the stack if they are few; not initialized.
template <typename T>
class Several {
 public:
  explicit Several(size_t count) : count_(count), many_(count > kFew ? new T[count] : nullptr) {}
  T* data() { return many_ != nullptr ? many_.get() : reinterpret_cast<T*>(few_); }
  absl::Span<const T> span() { return {data(), count_}; }

 private:
  static constexpr size_t kFew = 8;
  const size_t count_;
  const std::unique_ptr<T[]> many_;
  alignas(T) std::byte few_[kFew * sizeof(T)];
};

// The arguments of a call as data, after a safepoint. `who` and `error` tell what is wrong with one.
islet_status Arguments(Impl& impl, const islet_value* arguments, size_t count, islet_error* error, const char* who,
                       vm::Value* data) {
  if (!MakeRoom(impl, PartBytes(arguments, count) + count * sizeof(vm::Pair))) return Fail(error, who, Why::kHeapLimit);
  for (size_t i = 0; i < count; ++i) {
    if (const Why why = Resolve(impl, arguments[i], &data[i]); why != Why::kNothing) {
      return FailValue(error, who, absl::StrCat("argument ", i + 1), why, arguments[i]);
    }
  }
  return ISLET_OK;
}

// Calls what `find` finds, which is asked after the last safepoint before the call.
template <typename Find>
islet_status Call(islet_isolate* isolate, const char* who, const islet_value* arguments, size_t count,
                  islet_value* result, islet_error* error, Find&& find) {
  return Checked(error, who, [&]() -> islet_status {
    if (isolate == nullptr) return FailNullObject(error, who, "isolate");
    if (arguments == nullptr && count != 0) return FailNull(error, who, "arguments");
    // A procedure takes no more, and it is far below what overflows a size.
    if (count > size_t{1} << 28) return Fail(error, who, ISLET_RESOURCE_EXHAUSTED, "too many arguments");
    if (const Why why = Usable(isolate); why != Why::kNothing) return Fail(error, who, why);
    Isolate& cpp = CppOf(isolate);
    islet_status failed = ISLET_OK;  // here, and *error says why
    bool described = false;
    const absl::StatusOr<vm::Value> returned = HostCall(cpp, [&](Impl& impl) -> absl::StatusOr<vm::Value> {
      Several<vm::Value> data(count);
      failed = Arguments(impl, arguments, count, error, who, data.data());
      if (failed != ISLET_OK) return absl::CancelledError("");
      vm::Value procedure;
      failed = find(impl, &procedure);
      if (failed != ISLET_OK) return absl::CancelledError("");
      absl::StatusOr<vm::Value> value = CallProcedure(impl, procedure, data.span());
      if (!value.ok()) {
        described = true;
        return impl.Failed(value.status());
      }
      if (result != nullptr) *result = MakeHandle(impl, *value);
      return value;
    });
    if (failed != ISLET_OK) return failed;
    return returned.ok() ? ISLET_OK : FailIn(*cpp.impl(), error, returned.status(), described);
  });
}

}  // namespace

absl::StatusOr<vm::Value> CallProcedure(Impl& impl, vm::Value procedure, absl::Span<const vm::Value> arguments) {
  // More than what should stand on the stack below the first frame go through a list.
  constexpr size_t kMostOnStack = 4000;
  if (__builtin_expect(arguments.size() <= kMostOnStack, 1)) return impl.vm->Call(procedure, arguments);
  vm::Value list = vm::kNull;
  for (size_t i = arguments.size(); i-- > 0;) list = impl.vm->heap().Cons(arguments[i], list);
  return impl.vm->Call(vm::MakeStubProcedure(*impl.vm, "apply"), {procedure, list});
}

namespace {

// Makes the Status that is raised for a host function's failure, with its irritants.
absl::Status Failure(Impl& impl, islet_status status, const islet_error& error) {
  absl::Status failure = ReturnedStatus(*impl.vm, status, error);
  if (error.added.empty() || error.status != status || !error.origin.ok() || impl.lost()) return failure;
  const size_t count = error.added.size();
  if (!MakeRoom(impl, PartBytes(error.added.data(), count) + count * sizeof(vm::Pair))) return failure;
  vm::Value list = vm::kNull;
  for (size_t i = count; i-- > 0;) {
    vm::Value irritant;
    if (Resolve(impl, error.added[i], &irritant) == Why::kNothing) list = impl.vm->heap().Cons(irritant, list);
  }
  impl.KeepIrritants(&failure, list);
  return failure;
}

}  // namespace

absl::StatusOr<vm::Value> CFunction::CallMethod(Impl& impl, void* self, absl::Span<const vm::Value> arguments) const {
  Several<islet_value> handles(arguments.size());
  for (size_t i = 0; i < arguments.size(); ++i) handles.data()[i] = MakeHandle(impl, arguments[i]);
  const HostFrame frame(impl);
  islet_host_call call = {CTypeOf(impl.isolate),          data_.get(),   self, handles.data(), arguments.size(),
                          {kConstant, kUnspecifiedValue}, &frame.error()};
  const islet_status status = function_(&call);
  if (status != ISLET_OK) return Failure(impl, status, frame.error());
  if (impl.lost()) return vm::kUnspecified;
  vm::Value result;
  const size_t bytes = PartBytes(&call.result, 1);
  if (bytes > 0 && !MakeRoom(impl, bytes)) return EndByHeapLimit(*impl.vm);
  if (const Why why = Resolve(impl, call.result, &result); why != Why::kNothing) {
    (void)FailValue(&frame.error(), name_.c_str(), "the result", why, call.result);
    return absl::InvalidArgumentError(frame.error().message);
  }
  return result;
}

absl::Status Prepare(Impl& impl, islet_prepare prepare, void* data) {
  const HostFrame frame(impl);
  const islet_status status = prepare(CTypeOf(impl.isolate), data, &frame.error());
  return status == ISLET_OK ? absl::OkStatus() : PreparingStatus(status, frame.error());
}

}  // namespace islet::c

using islet::c::Checked;
using islet::c::CppOf;
using islet::c::Impl;
using islet::c::Why;

extern "C" {

islet_status islet_call(islet_isolate* isolate, const char* name, const islet_value* arguments, size_t count,
                        islet_value* result, islet_error* error) {
  static constexpr char kWho[] = "islet_call";
  if (name == nullptr && isolate != nullptr) return islet::c::FailNull(error, kWho, "name");
  return islet::c::Call(isolate, kWho, arguments, count, result, error,
                        [&](Impl& impl, islet::vm::Value* procedure) -> islet_status {
                          const absl::StatusOr<islet::vm::Value> found = islet::vm::LookupVariable(*impl.vm, name);
                          if (!found.ok()) return islet::c::FailIn(impl, error, found.status(), /*described=*/false);
                          *procedure = *found;
                          return ISLET_OK;
                        });
}

islet_status islet_call_value(islet_isolate* isolate, islet_value procedure, const islet_value* arguments, size_t count,
                              islet_value* result, islet_error* error) {
  static constexpr char kWho[] = "islet_call_value";
  return islet::c::Call(isolate, kWho, arguments, count, result, error,
                        [&](Impl& impl, islet::vm::Value* found) -> islet_status {
                          const Why why = islet::c::Resolve(impl, procedure, found);
                          if (why == Why::kNothing) return ISLET_OK;
                          return islet::c::FailValue(error, kWho, "the procedure", why, procedure);
                        });
}

islet_status islet_eval(islet_isolate* isolate, const char* text, size_t length, const char* name, uint32_t flags,
                        islet_value* result, islet_error* error) {
  static constexpr char kWho[] = "islet_eval";
  return Checked(error, kWho, [&]() -> islet_status {
    if (isolate == nullptr) return islet::c::FailNullObject(error, kWho, "isolate");
    absl::string_view source;
    if (const Why why = islet::c::TakeText(text, length, &source); why != Why::kNothing) {
      return islet::c::Fail(error, kWho, why);
    }
    const char* const source_name = name != nullptr ? name : "eval";
    if ((flags & ~uint32_t{ISLET_EVAL_SCRIPT}) != 0) {
      return islet::c::Fail(error, kWho, ISLET_UNSUPPORTED, "an unknown flag");
    }
    if (const Why why = islet::c::Usable(isolate); why != Why::kNothing) return islet::c::Fail(error, kWho, why);
    islet::Isolate& cpp = CppOf(isolate);
    bool described = false;
    const absl::Status status = islet::HostCall(cpp, [&](Impl& impl) -> absl::Status {
      islet::vm::Evaluator& evaluator = impl.evaluator();
      const absl::StatusOr<islet::vm::Value> value = (flags & ISLET_EVAL_SCRIPT) != 0
                                                         ? evaluator.EvalScript(source, source_name)
                                                         : evaluator.EvalString(source, source_name);
      if (!value.ok()) {
        described = true;
        return impl.Failed(value.status());
      }
      if (result != nullptr) *result = islet::c::MakeHandle(impl, *value);
      return absl::OkStatus();
    });
    return status.ok() ? ISLET_OK : islet::c::FailIn(*cpp.impl(), error, status, described);
  });
}

islet_status islet_define(islet_isolate* isolate, const char* name, islet_value value, islet_error* error) {
  static constexpr char kWho[] = "islet_define";
  return Checked(error, kWho, [&]() -> islet_status {
    if (isolate == nullptr) return islet::c::FailNullObject(error, kWho, "isolate");
    if (name == nullptr) return islet::c::FailNull(error, kWho, "name");
    if (const Why why = islet::c::Usable(isolate); why != Why::kNothing) return islet::c::Fail(error, kWho, why);
    if (*name == '\0' || !islet::vm::IsValidUtf8(name)) {
      return islet::c::Fail(error, kWho, ISLET_INVALID_ARGUMENT, "the name is empty, or not UTF-8");
    }
    islet::Isolate& cpp = CppOf(isolate);
    islet_status failed = ISLET_OK;  // here, and *error says why
    const absl::Status status = islet::HostCall(cpp, [&](Impl& impl) -> absl::Status {
      if (!islet::c::MakeRoom(impl, islet::c::kLargestPart)) {
        failed = islet::c::Fail(error, kWho, Why::kHeapLimit);
        return absl::CancelledError("");
      }
      islet::vm::Value datum;
      if (const Why why = islet::c::Resolve(impl, value, &datum); why != Why::kNothing) {
        failed = islet::c::FailValue(error, kWho, "the value", why, value);
        return absl::CancelledError("");
      }
      const size_t slot = impl.held.handles.size();
      impl.MakeHandle(datum);  // making room for the variable may collect
      return impl.Define(name, impl.held.handles[slot].value);
    });
    if (failed != ISLET_OK) return failed;
    return status.ok() ? ISLET_OK : islet::c::FailIn(*cpp.impl(), error, status, /*described=*/false);
  });
}

islet_status islet_lookup(islet_isolate* isolate, const char* name, islet_value* value, islet_error* error) {
  static constexpr char kWho[] = "islet_lookup";
  return Checked(error, kWho, [&]() -> islet_status {
    if (isolate == nullptr) return islet::c::FailNullObject(error, kWho, "isolate");
    if (name == nullptr) return islet::c::FailNull(error, kWho, "name");
    if (const Why why = islet::c::Usable(isolate); why != Why::kNothing) return islet::c::Fail(error, kWho, why);
    Impl& impl = *CppOf(isolate).impl();
    const absl::StatusOr<islet::vm::Value> found = islet::vm::LookupVariable(*impl.vm, name);
    if (!found.ok()) return islet::c::FailIn(impl, error, found.status(), /*described=*/false);
    if (value != nullptr) *value = islet::c::MakeHandle(impl, *found);
    return ISLET_OK;
  });
}

}  // extern "C"
