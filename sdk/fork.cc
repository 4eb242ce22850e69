// Isolate::Fork.

#include <exception>
#include <memory>
#include <new>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "isolate/ports/outside.h"
#include "sdk/isolate_impl.h"
#include "sdk/isolate_memory.h"

namespace islet {

absl::StatusOr<std::unique_ptr<Isolate>> Isolate::Fork() try {
  const Scope scope(*this);
  if (absl::Status status = Impl::CheckUsable(*this); !status.ok()) return status;
  Impl& parent = *impl();
  if (absl::Status status = parent.CheckEntered(); !status.ok()) return status;
  if (parent.vm->running()) {
    return absl::FailedPreconditionError(
        "an isolate cannot be forked while a call runs in it: its stack would have to go on in both");
  }
  const vm::Outside* const outside = vm::FindOutside(*parent.vm);
  if (outside != nullptr && !outside->ports.OpenFile().empty()) {
    return absl::FailedPreconditionError(absl::StrCat("an isolate cannot be forked while it has a file open: ",
                                                      outside->ports.OpenFile(), " (close the port first)"));
  }

  if (parent.dependents != nullptr) parent.FinalizeDead();

  vm::VmOptions vm_options;
  vm_options.cage_size = parent.options.cage_size;
  vm_options.heap.heap_limit = parent.limits.heap_bytes;
  vm_options.heap.spare_limit = parent.options.spare_bytes;
  absl::StatusOr<std::unique_ptr<vm::Vm>> machine = vm::NewVm(*parent.image, vm_options);
  if (!machine.ok()) return machine.status();
  auto impl = std::make_unique<Impl>();
  impl->image = parent.image;
  impl->vm = *std::move(machine);
  impl->vm->heap().AddRoots(impl.get());
  impl->vm->CopyFrom(*parent.vm);
  if (absl::Status status = impl->CopyDependents(parent); !status.ok()) return status;
  impl->state = parent.state;
  impl->options = parent.options;
  impl->limits = parent.limits;
  std::unique_ptr<Isolate> child(IsolateMemory::Attach(std::move(impl)));
  Impl& made = *child->impl();
  made.vm->attachments().embedder = &made;
  made.ApplyLimits();
  made.host_functions = parent.host_functions;
  made.Bind(parent.bindings);
  made.OpenPorts();
  if (outside != nullptr) vm::OutsideOf(*made.vm).CopyFrom(*outside);
  return child;
} catch (const std::bad_alloc&) {
  return OutOfMemory("a fork of an isolate");
} catch (const std::exception& e) {
  return absl::UnknownError(absl::StrCat("what the isolate was granted has thrown: ", e.what()));
}

}  // namespace islet
