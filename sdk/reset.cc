// An isolate back in the state in which FromSnapshot left it; and the check that it is.

#include <string>

#include "isolate/heap/new_state.h"
#include "isolate/ports/outside.h"
#include "sdk/isolate_impl.h"

namespace islet {

void Isolate::Impl::InitializeState() {
  state = vm::NewState<State>();
  state.hooks_pending = image->has_restore_hooks();
}

void Isolate::Impl::Reset(size_t keep_bytes) {
  if (dependents != nullptr) FinalizeAll();
  // Stamps go on, so that handles of before stay stale.
  held = vm::NewState<Held>();
  counters = {};
  InitializeState();
  lazy_evaluator.reset();
  // Before the heap makes itself as large as its limit says.
  limits = options.limits;
  ApplyLimits();
  vm->Reset(image->roots(), keep_bytes);
  if (vm->attachments().outside != nullptr) {
    // Closes files, and passes on what is held back, as disposing does.
    vm->attachments().outside = nullptr;
    OpenPorts();
  }
}

std::string Isolate::Impl::FirstDifference(const Impl& other, vm::Unused unused) const {
  if (image != other.image) return "snapshots";
  if (std::string difference = vm->FirstDifference(*other.vm, unused); !difference.empty()) return difference;
  if (counters != other.counters) return "counters";
  if (unused == vm::Unused::kToo) {
    if (held != other.held) return "what the host holds";
    if (dependents != nullptr || other.dependents != nullptr) return "host objects";
    if (lazy_evaluator.has_value() || other.lazy_evaluator.has_value()) return "evaluator";
  }
  if (vm->attachments().host_bindings.size() != other.vm->attachments().host_bindings.size() ||
      bindings.size() != other.bindings.size()) {
    return "host functions";
  }
  for (size_t i = 0; i < bindings.size(); ++i) {
    if (bindings[i].entry != other.bindings[i].entry || bindings[i].type != other.bindings[i].type ||
        vm->attachments().host_bindings[i].call != other.vm->attachments().host_bindings[i].call) {
      return "host functions";
    }
    if (bindings[i].impl != this || vm->attachments().host_bindings[i].data != &bindings[i])
      return "bound host functions";
  }
  if (state.error != other.state.error) return "latest error";
  if (state != other.state) return "hooks of on-restore";
  return vm::OutsideDifference(*vm, *other.vm);
}

}  // namespace islet
