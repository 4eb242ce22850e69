// Host types, their objects, and procedures made at run time.

#include "islet/host_objects.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "bindings/c/calls.h"
#include "bindings/c/internal.h"

namespace islet::c {
namespace {

// The type's functions, with what they get.
HostType::Options OptionsOf(const islet_host_type_info& info, const std::shared_ptr<void>& data) {
  HostType::Options options;
  options.finalize = [finalize = info.finalize, data](void* pointer) {
    if (finalize != nullptr) finalize(data.get(), pointer);
  };
  if (info.copy != nullptr) {
    options.copy = [copy = info.copy, data](void* pointer) -> absl::StatusOr<void*> {
      return copy(data.get(), pointer);
    };
  }
  return options;
}

// Why a constructor of the engine's has failed.
Why WhyOf(const Impl& impl, const absl::Status& status) {
  if (impl.lost()) return Why::kLost;
  if (absl::IsResourceExhausted(status)) return Why::kHeapLimit;
  return absl::IsFailedPrecondition(status) ? Why::kFinalizing : Why::kNotCallable;
}

// The value that `make(impl)` makes in an isolate that is entered.
template <typename F>
islet_value Make(islet_isolate* isolate, Maker maker, F&& make) {
  if (const Why why = Usable(isolate); why != Why::kNothing) return Failed(maker, why);
  try {
    Impl& impl = *CppOf(isolate).impl();
    // Once it is made nothing may fail, since it will be finalized.
    const size_t slot = impl.held.handles.size();
    impl.MakeHandle(vm::kUnspecified);
    const absl::StatusOr<vm::Value> made =
        InIsolate(CppOf(isolate), [&](Impl& inside) -> absl::StatusOr<vm::Value> { return make(inside); });
    if (!made.ok()) return Failed(maker, WhyOf(impl, made.status()));
    impl.held.handles[slot].value = *made;
    return {impl.tenancy, Place(static_cast<uint32_t>(slot), impl.held.handles[slot].stamp)};
  } catch (const std::bad_alloc&) {
    return Failed(maker, Why::kNoMemory);
  }
}

// The body of a function about a host object: `f(impl, datum)` returns a Status.
template <typename F>
islet_status WithObject(islet_isolate* isolate, islet_value value, islet_error* error, const char* who, F&& f) {
  return With(isolate, value, error, who, [&](Impl& impl, vm::Value datum) -> islet_status {
    const absl::Status status = f(impl, datum);
    if (status.ok()) return ISLET_OK;
    return Fail(error, who, absl::IsNotFound(status) ? ISLET_NOT_FOUND : ISLET_INVALID_ARGUMENT, status.message());
  });
}

}  // namespace
}  // namespace islet::c

using islet::c::Failed;
using islet::c::Impl;
using islet::c::Maker;
using islet::c::Why;

extern "C" {

islet_host_type* islet_host_type_new(const islet_host_type_info* info, islet_error* error) {
  static constexpr char kWho[] = "islet_host_type_new";
  islet_host_type* made = nullptr;
  (void)islet::c::Checked(error, kWho, [&]() -> islet_status {
    islet_host_type_info whole;
    const absl::Status status = islet::c::CopyTable(info, "info", &whole);
    // From here on they are released, whatever is wrong.
    const std::shared_ptr<void> data = islet::c::Released(whole.data, whole.release);
    if (!status.ok()) {
      const bool later = absl::IsUnimplemented(status);
      return islet::c::Fail(error, kWho, later ? ISLET_UNSUPPORTED : ISLET_INVALID_ARGUMENT, status.message());
    }
    if (whole.name == nullptr) return islet::c::FailNull(error, kWho, "info->name");
    absl::StatusOr<islet::HostType> type = islet::HostType::Create(whole.name, islet::c::OptionsOf(whole, data));
    if (!type.ok()) return islet::c::FailOpening(error, type.status());
    made = new islet_host_type{*std::move(type)};
    return ISLET_OK;
  });
  return made;
}

islet_status islet_host_type_free(islet_host_type* type, islet_error* error) {
  static constexpr char kWho[] = "islet_host_type_free";
  if (type == nullptr) return ISLET_OK;
  return islet::c::Checked(error, kWho, [&]() -> islet_status {
    if (const size_t objects = type->type.objects(); objects != 0) {
      return islet::c::Fail(error, kWho, ISLET_BUSY,
                            absl::StrCat(objects, " objects of the type ", type->type.name(), " are alive"));
    }
    if (type->type.bindings() != 0) {
      return islet::c::Fail(error, kWho, ISLET_BUSY,
                            absl::StrCat("options, isolates or pools have the type ", type->type.name()));
    }
    delete type;
    return ISLET_OK;
  });
}

islet_value islet_host_object(islet_isolate* isolate, islet_host_type* type, void* pointer, size_t external_bytes) {
  if (type == nullptr) {
    const Why why = islet::c::Usable(isolate);
    return Failed(Maker::kHostObject, why != Why::kNothing ? why : Why::kNullType);
  }
  return islet::c::Make(isolate, Maker::kHostObject,
                        [&](Impl& impl) { return impl.MakeHostObject(type->type, pointer, external_bytes); });
}

islet_status islet_host_pointer(islet_isolate* isolate, islet_value value, const islet_host_type* type, void** pointer,
                                islet_error* error) {
  static constexpr char kWho[] = "islet_host_pointer";
  if (type == nullptr && isolate != nullptr) return islet::c::FailNull(error, kWho, "type");
  return islet::c::WithObject(isolate, value, error, kWho, [&](Impl& impl, islet::vm::Value datum) {
    const absl::StatusOr<void*> found = impl.HostPointer(datum, type->type);
    if (found.ok() && pointer != nullptr) *pointer = *found;
    return found.status();
  });
}

islet_status islet_host_revoke(islet_isolate* isolate, islet_value value, islet_error* error) {
  return islet::c::WithObject(isolate, value, error, "islet_host_revoke",
                              [](Impl& impl, islet::vm::Value datum) { return impl.Revoke(datum); });
}

islet_value islet_procedure(islet_isolate* isolate, const char* name, int least, int most, islet_function function,
                            void* data, islet_release release) try {
  // From here on it is released, whatever is wrong.
  std::shared_ptr<void> held = islet::c::Released(data, release);
  if (const Why why = islet::c::Usable(isolate); why != Why::kNothing) return Failed(Maker::kProcedure, why);
  if (name == nullptr || function == nullptr) return Failed(Maker::kProcedure, Why::kNotCallable);
  auto made = std::make_shared<islet::c::CFunction>(name, function, std::move(held));
  return islet::c::Make(isolate, Maker::kProcedure, [&](Impl& impl) {
    return islet::BindingAccess::MakeProcedure(impl, name, least, most, std::move(made));
  });
} catch (const std::bad_alloc&) {
  return Failed(Maker::kProcedure, Why::kNoMemory);
}

}  // extern "C"
