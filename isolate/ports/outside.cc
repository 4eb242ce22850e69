#include "isolate/ports/outside.h"

#include <memory>

#include "isolate/process/made_once.h"

namespace islet::vm {

void Outside::CopyFrom(const Outside& other) {
  system = other.system;
  ports.CopyFrom(other.ports);
}

std::string Outside::FirstDifference(const Outside& other) const {
  return system == other.system ? ports.FirstDifference(other.ports) : "capabilities, or what it knows of its process";
}

Outside& OutsideOf(Vm& vm) {
  std::shared_ptr<Outside>& outside = vm.attachments().outside;
  if (outside == nullptr) outside = std::make_shared<Outside>();
  return *outside;
}

const Outside* FindOutside(const Vm& vm) { return vm.attachments().outside.get(); }

std::string OutsideDifference(const Vm& a, const Vm& b) {
  static constinit MadeOnce<Outside> nothing;
  const auto outside = [](const Vm& vm) -> const Outside& {
    const Outside* const found = FindOutside(vm);
    return found == nullptr ? nothing.Get() : *found;
  };
  return outside(a).FirstDifference(outside(b));
}

}  // namespace islet::vm
