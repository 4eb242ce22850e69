// An isolate back in the state in which FromSnapshot left it; and the check that it is.

#include <string>
#include <vector>

#include "isolate/runtime/port.h"
#include "sdk/isolate_impl.h"

namespace islet {
namespace {

constexpr size_t kKeptHandles = 1024;

template <typename T>
void Empty(std::vector<T>& vector) {
  vector.clear();
  if (vector.capacity() > kKeptHandles) std::vector<T>().swap(vector);
}

}  // namespace

void Isolate::Impl::Reset(size_t keep_bytes) {
  // Stamps go on, so that handles of before stay stale.
  Empty(handles);
  Empty(persistents);
  Empty(free_persistents);
  lazy_evaluator.reset();
  instructions = host_calls = 0;
  // Before the heap makes itself as large as its limit says.
  limits = options.limits;
  ApplyLimits();
  vm->Reset(image->roots(), keep_bytes);
  vm->describe_hook = DescribeAndRecord;
  hooks_pending = image->has_restore_hooks();
  hooks_run = 0;
  if (!last_error.message.empty() || !last_error.backtrace.empty() || last_error.form.line != 0) {
    last_error = ErrorReport();
  }
  described.clear();
  if (vm->port_table != nullptr) {
    // Closes files, and passes on what is held back, as disposing does.
    vm->port_table = nullptr;
    OpenPorts();
  }
}

std::string Isolate::Impl::FirstDifference(const Impl& other, vm::Unused unused) const {
  if (image != other.image) return "snapshots";
  if (std::string difference = vm->FirstDifference(*other.vm, unused); !difference.empty()) return difference;
  if (instructions != other.instructions || host_calls != other.host_calls) return "counters";
  if (hooks_pending != other.hooks_pending || hooks_run != other.hooks_run) return "hooks of on-restore";
  if ((lazy_evaluator.has_value() || other.lazy_evaluator.has_value()) && unused == vm::Unused::kToo)
    return "evaluator";
  if (vm->host_bindings.size() != other.vm->host_bindings.size() || bindings.size() != other.bindings.size()) {
    return "host functions";
  }
  for (size_t i = 0; i < bindings.size(); ++i) {
    if (bindings[i].entry != other.bindings[i].entry || vm->host_bindings[i].call != other.vm->host_bindings[i].call) {
      return "host functions";
    }
    if (bindings[i].impl != this || vm->host_bindings[i].data != &bindings[i]) return "bound host functions";
  }
  if (last_error.message != other.last_error.message || described != other.described) return "latest error";
  return vm::PortDifference(*vm, *other.vm);
}

}  // namespace islet
