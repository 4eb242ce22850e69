// Host functions of C.

#ifndef ISLET_BINDINGS_C_CALLS_H_
#define ISLET_BINDINGS_C_CALLS_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "islet/islet.h"
#include "sdk/isolate_impl.h"

namespace islet::c {

class CFunction : public DirectFunction {
 public:
  // `data` ends with the last isolate, options and pool that have the function.
  CFunction(absl::string_view name, islet_function function, std::shared_ptr<void> data)
      : name_(name), function_(function), data_(std::move(data)) {}

  absl::StatusOr<vm::Value> Call(Isolate::Impl& impl, absl::Span<const vm::Value> arguments) const override {
    return CallMethod(impl, nullptr, arguments);
  }
  absl::StatusOr<vm::Value> CallMethod(Isolate::Impl& impl, void* self,
                                       absl::Span<const vm::Value> arguments) const override;

 private:
  const std::string name_;
  const islet_function function_;
  const std::shared_ptr<void> data_;
};

// Runs the function of a pool's options in an isolate that is entered.
absl::Status Prepare(Isolate::Impl& impl, islet_prepare prepare, void* data);

}  // namespace islet::c

#endif  // ISLET_BINDINGS_C_CALLS_H_
