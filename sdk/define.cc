// Isolate::Define.

#include <string>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "isolate/data/string.h"
#include "isolate/expander/expander.h"
#include "sdk/isolate_impl.h"

namespace islet {

absl::Status Isolate::Impl::Define(absl::string_view name, const vm::Value& rooted) {
  const vm::Value interaction = vm->root(vm::Root::kInteraction);
  if (!vm->heap().Reserve(4 * name.size() + vm::BytesToSetVariable(*vm, interaction))) {
    return absl::ResourceExhaustedError(absl::StrCat("the heap limit leaves no room for a variable: ", name));
  }
  const vm::Value symbol = vm->Intern(name);
  return vm::SetVariable(*vm, vm->root(vm::Root::kInteraction), symbol, rooted);
}

absl::Status Isolate::Define(absl::string_view name, const Value& value) {
  if (name.empty() || !vm::IsValidUtf8(name)) {
    return absl::InvalidArgumentError(
        absl::StrCat("Define: \"", absl::CHexEscape(name), "\" cannot be a name: it is empty, or not UTF-8"));
  }
  return HostCall(*this, [&](Impl& impl) -> absl::Status {
    const absl::StatusOr<vm::Value> datum = impl.ToHeap(value);
    if (!datum.ok()) return datum.status();
    const size_t slot = impl.held.handles.size();
    impl.MakeHandle(*datum);  // making room may collect
    return impl.Define(name, impl.held.handles[slot].value);
  });
}

}  // namespace islet
