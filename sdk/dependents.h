// What the host has behind objects of an isolate's heap: pointers of host objects, functions of procedures made at run
// time, weak persistents. An object has only a number, that of its weak reference in the heap (weak_references.h), by
// which it is found here; so no address of the host's is in the heap, and whatever a heap may contain, nothing else is
// taken for one.
//
// Invariants
//  1. What is behind an object is taken out of here before its finalizer is called: so none runs twice, whatever that
//     does.
//  2. While a finalizer runs, CheckEntered refuses.

#ifndef ISLET_SDK_DEPENDENTS_H_
#define ISLET_SDK_DEPENDENTS_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "islet/host_objects.h"
#include "sdk/isolate_impl.h"

namespace islet {

struct HostType::Info {
  const std::string name;
  const uint64_t number;
  const Options options;
  std::atomic<size_t> objects{0};
  std::atomic<size_t> bindings{0};

  vm::Value number_value() const { return vm::Value::Fixnum(static_cast<int32_t>(number)); }
};

// A procedure made at run time. Shared by its calls, which may outlive the object.
struct Isolate::Impl::MadeFunction : std::enable_shared_from_this<MadeFunction> {
  MadeFunction(Impl* impl, HostFunctions::Entry e) : entry(std::move(e)), binding{impl, &entry, nullptr} {}
  const HostFunctions::Entry entry;
  const Binding binding;
};

// What is behind one object: by its kind, `type` and `pointer`, or `function`, or nothing.
struct Isolate::Impl::Dependent {
  using Kind = DependentKind;

  Kind kind = Kind::kNone;
  uint32_t stamp = 0;  // of a weak persistent: tells a number that was given again
  void* pointer = nullptr;
  std::shared_ptr<HostType::Info> type;
  std::shared_ptr<MadeFunction> function;
};

struct Isolate::Impl::Dependents {
  // Bytes that each takes outside of the heap, which count as external. Roughly.
  static constexpr size_t kBytes = 96;

  Dependent* Find(vm::Value number, Dependent::Kind kind) {
    const auto i = static_cast<uint32_t>(number.fixnum());
    return i < all.size() && all[i].kind == kind ? &all[i] : nullptr;
  }

  std::vector<Dependent> all;  // by number
  size_t objects = 0;          // of host types
  uint32_t next_stamp = 1;
};

}  // namespace islet

#endif  // ISLET_SDK_DEPENDENTS_H_
