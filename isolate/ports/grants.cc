#include "isolate/ports/grants.h"

#include "absl/strings/str_cat.h"
#include "isolate/heap/heap.h"
#include "isolate/heap/objects.h"

namespace islet::vm {

namespace {

constexpr char kPermission[] = "permission";

}  // namespace

std::string NotGranted(Capability capability) {
  const auto text = [](const char* what, const char* option) {
    return absl::StrCat(what, " not granted to this isolate (IsolateOptions::", option, ")");
  };
  switch (capability) {
    case Capability::kFiles:
      return text("access to files is", "files");
    case Capability::kClock:
      return text("the clock is", "clock");
    case Capability::kRandomness:
      return text("randomness is", "randomness");
    case Capability::kStandardInput:
      return text("standard input is", "streams");
    case Capability::kStandardOutput:
      return text("standard output is", "write or streams");
  }
  return "";
}

Value RaiseNotGranted(Vm& vm, const char* who, Capability capability, Value name) {
  Heap& heap = vm.heap();
  return vm.Error(kPermission, who, NotGranted(capability), heap.Is<String>(name) ? heap.Cons(name, kNull) : kNull);
}

bool IsFilePermissionCondition(Vm& vm, Value object) {
  Heap& heap = vm.heap();
  const Condition* condition = heap.TryGet<Condition>(object);
  return condition != nullptr && vm.SymbolName(condition->kind) == kPermission && condition->irritants.IsPair() &&
         heap.Is<String>(heap.car(condition->irritants));
}

}  // namespace islet::vm
