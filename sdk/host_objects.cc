// Host types and objects, procedures made at run time, weak persistents; and when finalizers run.

#include "islet/host_objects.h"

#include <atomic>
#include <limits>
#include <new>
#include <string>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "isolate/capabilities/call_out.h"
#include "isolate/data/string.h"
#include "isolate/heap/poll.h"
#include "sdk/dependents.h"
#include "sdk/isolate_impl.h"
#include "snapshot/layout.h"

namespace islet {

namespace {

using Kind = Isolate::Impl::DependentKind;

absl::Status NoType() { return absl::InvalidArgumentError("the host type has been moved from"); }

absl::Status NoRoom(const vm::Heap& heap, size_t bytes) {
  return absl::ResourceExhaustedError(absl::StrCat("a host object of ", bytes >> 10,
                                                   " KiB outside of the heap is more than the heap limit of ",
                                                   heap.EffectiveLimit() >> 10, " KiB leaves"));
}

}  // namespace

bool IsShortName(absl::string_view name) {
  constexpr size_t kLongest = 255;  // also in isolate/runtime/eval_primitives.cc
  if (name.empty() || name.size() > 4 * kLongest || !vm::IsValidUtf8(name)) return false;
  vm::TextSize size;
  size.Add(name);
  return size.length <= kLongest;
}

// ---- Types

absl::StatusOr<HostType> HostType::Create(absl::string_view name, Options options) {
  if (!IsShortName(name)) {
    return absl::InvalidArgumentError(absl::StrCat("host type \"", absl::CHexEscape(name.substr(0, 40)),
                                                   "\": the name is not 1 to 255 characters of UTF-8"));
  }
  // Never used again, not even when no object of the type is left: a heap may hold the number for ever.
  static std::atomic<uint64_t> last{0};
  const uint64_t number = last.fetch_add(1, std::memory_order_relaxed) + 1;
  if (number > static_cast<uint64_t>(vm::Value::kFixnumMax)) {
    last.fetch_sub(1, std::memory_order_relaxed);
    return absl::ResourceExhaustedError("the process has made a billion host types: there are no more numbers");
  }
  return HostType(std::shared_ptr<Info>(new Info{std::string(name), number, std::move(options)}));
}

absl::string_view HostType::name() const { return info_ == nullptr ? absl::string_view() : info_->name; }
uint64_t HostType::number() const { return info_ == nullptr ? 0 : info_->number; }
size_t HostType::objects() const { return info_ == nullptr ? 0 : info_->objects.load(std::memory_order_acquire); }
size_t HostType::bindings() const { return info_ == nullptr ? 0 : info_->bindings.load(std::memory_order_acquire); }

HostFunctions::BoundType::BoundType(std::shared_ptr<HostType::Info> info) : info_(std::move(info)) {
  if (info_ != nullptr) info_->bindings.fetch_add(1, std::memory_order_relaxed);
}

HostFunctions::BoundType::~BoundType() {
  if (info_ != nullptr) info_->bindings.fetch_sub(1, std::memory_order_release);
}

void HostFunctions::AddType(const HostType& type) {
  Table& table = Changeable();
  if (type.info() == nullptr) {
    table.refused.push_back(std::string(NoType().message()));
    return;
  }
  for (BoundType& bound : table.types) {
    if (bound.get()->name != type.name()) continue;
    bound = BoundType(type.info());
    return;
  }
  table.types.emplace_back(type.info());
}

void HostFunctions::AddMethod(const HostType& type, absl::string_view name, int least, int most, HostMethod method) {
  if (type.info() == nullptr) {
    Changeable().refused.push_back(absl::StrCat("method \"", absl::CHexEscape(name), "\": ", NoType().message()));
    return;
  }
  AddEntry({.name = std::string(name), .method = std::move(method), .type = BoundType(type.info())}, least, most);
}

void BindingAccess::AddMethod(HostFunctions& functions, const HostType& type, absl::string_view name, int least,
                              int most, std::shared_ptr<const DirectFunction> method) {
  HostFunctions::Entry entry = {.name = std::string(name), .direct = std::move(method)};
  if (type.info() != nullptr) {
    entry.type = HostFunctions::BoundType(type.info());
    return functions.AddEntry(std::move(entry), least, most);
  }
  functions.AddMethod(type, name, least, most, nullptr);  // which says that it is no type
}

// ---- Dependents

Isolate::Impl::Dependent& Isolate::Impl::AddDependent(vm::Value object, size_t external_bytes, Kind kind,
                                                      uint32_t* number) {
  if (dependents == nullptr) {
    dependents = std::make_unique<Dependents>();
    vm->attachments().made_function = FindMadeFunction;
  }
  // Room first, so that nothing is half done if there is no memory.
  std::vector<Dependent>& all = dependents->all;
  if (all.size() == all.capacity()) all.reserve(2 * all.size() + 16);
  *number = vm->heap().AddWeak(object, external_bytes, /*tells=*/kind != Kind::kWeakPersistent);
  if (*number >= all.size()) all.resize(*number + 1);
  all[*number].kind = kind;
  return all[*number];
}

void Isolate::Impl::EndDependent(Dependent ended) {
  if (ended.kind == Kind::kObject) {
    --dependents->objects;
    if (ended.type->options.finalize != nullptr) {
      (void)CallOut([&] {
        ended.type->options.finalize(ended.pointer);
        return absl::OkStatus();
      });
    }
    ended.type->objects.fetch_sub(1, std::memory_order_release);
  }
  // What it has captured may come to an end here.
  ended.function.reset();
}

namespace {

// While it lives, nobody gets into the isolate; and the host's code is no part of what runs.
class Finalizing {
 public:
  explicit Finalizing(Isolate::Impl& impl) : impl_(impl) { impl.finalizing = true; }
  ~Finalizing() { impl_.finalizing = false; }
  Finalizing(const Finalizing&) = delete;
  Finalizing& operator=(const Finalizing&) = delete;

 private:
  Isolate::Impl& impl_;
  const vm::PollScope none_{{}};
};

}  // namespace

void Isolate::Impl::FinalizeDead() {
  if (!vm->heap().weak().AnyDied() || finalizing || lost()) return;
  const Finalizing now(*this);
  uint32_t number;
  while (vm->heap().weak().TakeDied(&number)) {
    Dependent ended = std::exchange(dependents->all[number], Dependent());
    vm->heap().weak().Drop(number);
    EndDependent(std::move(ended));
  }
}

void Isolate::Impl::FinalizeAll() {
  {
    const Finalizing now(*this);
    for (Dependent& dependent : dependents->all) EndDependent(std::exchange(dependent, Dependent()));
  }
  dependents.reset();
}

absl::Status Isolate::Impl::CopyDependents(Impl& parent) {
  if (parent.dependents == nullptr) return absl::OkStatus();
  for (const Dependent& dependent : parent.dependents->all) {
    if (dependent.kind != Kind::kObject || dependent.type->options.copy != nullptr) continue;
    const auto number = static_cast<uint32_t>(&dependent - parent.dependents->all.data());
    const std::string path = vm::Layout::PathTo(*parent.vm, parent.vm->heap().weak().Get(number));
    return absl::FailedPreconditionError(
        absl::StrCat("an isolate cannot be forked while it has host objects whose type has no copy: #<",
                     dependent.type->name, ">, reachable as: ", path.empty() ? "a value that the host has" : path,
                     " (revoke them first, or give the type HostType::Options::copy)"));
  }
  dependents = std::make_unique<Dependents>();
  vm->attachments().made_function = FindMadeFunction;
  const Finalizing now(parent);
  return CopyEach(*parent.dependents);
}

absl::Status Isolate::Impl::CopyEach(const Dependents& from) {
  dependents->all.resize(from.all.size());
  for (uint32_t number = 0; number < from.all.size(); ++number) {
    const Dependent& parents = from.all[number];
    Dependent& mine = dependents->all[number];
    switch (parents.kind) {
      case Kind::kNone:
        continue;
      case Kind::kWeakPersistent:  // a reference of the host's, as persistents are
        vm->heap().weak().Drop(number);
        continue;
      case Kind::kProcedure:
        mine.function = std::make_shared<MadeFunction>(this, parents.function->entry);
        break;
      case Kind::kObject: {
        const absl::StatusOr<void*> pointer = CallOut([&] { return parents.type->options.copy(parents.pointer); });
        if (!pointer.ok()) {
          return absl::Status(
              pointer.status().code(),
              absl::StrCat("#<", parents.type->name, "> could not be copied for a fork: ", pointer.status().message()));
        }
        mine.pointer = *pointer;
        mine.type = parents.type;
        mine.type->objects.fetch_add(1, std::memory_order_relaxed);
        ++dependents->objects;
        break;
      }
    }
    mine.kind = parents.kind;
  }
  return absl::OkStatus();
}

vm::HostBinding Isolate::Impl::FindMadeFunction(vm::Vm& machine, uint32_t number) {
  Impl& impl = *static_cast<Impl*>(machine.embedder());
  if (impl.dependents == nullptr) return {};
  const Dependent* const made =
      impl.dependents->Find(vm::Value::Fixnum(static_cast<int32_t>(number)), Kind::kProcedure);
  if (made == nullptr) return {};
  return {CallMadeFunction, made->function.get()};
}

vm::Value Isolate::Impl::CallMadeFunction(vm::Vm& machine, void* data, vm::Value* args, uint32_t argc) {
  // It may be collected while it runs.
  const std::shared_ptr<MadeFunction> kept = static_cast<MadeFunction*>(data)->shared_from_this();
  return CallHost(machine, const_cast<Binding*>(&kept->binding), args, argc);
}

vm::Value Isolate::Impl::AskType(vm::Vm& machine, void* data, vm::Value* args, uint32_t) {
  const vm::HostObject* const object = machine.heap().TryGet<vm::HostObject>(args[0]);
  return vm::Value::Boolean(object != nullptr &&
                            object->type == static_cast<const Binding*>(data)->type->number_value());
}

vm::Value Isolate::Impl::FindSelf(const HostFunctions::Entry& entry, vm::Value object, void** self) {
  const vm::HostObject* const host_object = vm->heap().TryGet<vm::HostObject>(object);
  const HostType::Info& type = *entry.type.get();
  if (host_object == nullptr || host_object->type != type.number_value()) {
    return vm->WrongType(entry.name, 1, absl::StrCat("of the host type ", type.name), object);
  }
  const Dependent* const dependent =
      dependents == nullptr ? nullptr : dependents->Find(host_object->number, Kind::kObject);
  if (dependent == nullptr) return vm->Error("host", entry.name, absl::StrCat("the ", type.name, " is gone"));
  *self = dependent->pointer;
  return vm::kUnspecified;
}

// ---- Objects

absl::StatusOr<vm::Value> Isolate::Impl::MakeHostObject(const HostType& type, void* pointer, size_t external_bytes) {
  if (type.info() == nullptr) return NoType();
  if (absl::Status status = MakeRoom(external_bytes); !status.ok()) return status;
  vm::Heap& heap = vm->heap();
  const vm::Value name = vm->Intern(type.name());
  auto* const object = heap.New<vm::HostObject>();
  object->type = type.info()->number_value();
  object->name = name;
  uint32_t number;
  Dependent& dependent =
      AddDependent(heap.ValueOf(object), external_bytes + Dependents::kBytes, Kind::kObject, &number);
  object->number = vm::Value::Fixnum(static_cast<int32_t>(number));
  dependent.pointer = pointer;
  dependent.type = type.info();
  dependent.type->objects.fetch_add(1, std::memory_order_relaxed);
  ++dependents->objects;
  return heap.ValueOf(object);
}

absl::StatusOr<Value> Isolate::MakeHostObject(const HostType& type, void* pointer, size_t external_bytes) {
  return InIsolate(*this, [&](Impl& impl) -> absl::StatusOr<Value> {
    // Once there is an object nothing may fail, since it will be finalized.
    const size_t slot = impl.held.handles.size();
    Value handle = impl.MakeHandle(vm::kUnspecified);
    const absl::StatusOr<vm::Value> made = impl.MakeHostObject(type, pointer, external_bytes);
    if (!made.ok()) return made.status();
    impl.held.handles[slot].value = *made;
    return handle;
  });
}

absl::Status Isolate::Impl::MakeRoom(size_t external_bytes) {
  if (absl::Status status = CheckEntered(); !status.ok()) return status;
  vm::Heap& heap = vm->heap();
  FinalizeDead();
  // A host that makes one after the other comes to no other safepoint.
  if (heap.weak().fresh_external_bytes() != 0 && heap.WantsCollection() && heap.CollectionIsDue()) (void)heap.Collect();
  constexpr size_t kMostBytes = std::numeric_limits<size_t>::max() - Dependents::kBytes;
  constexpr size_t kRoom = 4096;  // for the object, and a name
  if (external_bytes > kMostBytes || !heap.ReserveExternal(external_bytes + Dependents::kBytes) ||
      !heap.Reserve(kRoom)) {
    return NoRoom(heap, external_bytes);
  }
  FinalizeDead();
  return absl::OkStatus();
}

absl::StatusOr<void*> Isolate::Impl::HostPointer(vm::Value object, const HostType& type) {
  if (type.info() == nullptr) return NoType();
  const vm::HostObject* const found = vm->heap().TryGet<vm::HostObject>(object);
  if (found == nullptr) {
    return absl::InvalidArgumentError(
        absl::StrCat("expected an object of the host type ", type.name(), ", got ", TypeName(TypeOf(object))));
  }
  if (found->type != type.info()->number_value()) {
    return absl::InvalidArgumentError(absl::StrCat("expected an object of the host type ", type.name(),
                                                   ", got one of another type, #<", vm->SymbolName(found->name), ">"));
  }
  const Dependent* const dependent = dependents == nullptr ? nullptr : dependents->Find(found->number, Kind::kObject);
  if (dependent == nullptr) return absl::NotFoundError(absl::StrCat("the ", type.name(), " is gone"));
  return dependent->pointer;
}

absl::StatusOr<void*> Isolate::HostPointer(const Value& object, const HostType& type) {
  return InIsolate(*this, [&](Impl& impl) -> absl::StatusOr<void*> {
    const absl::StatusOr<vm::Value> value = impl.ToHeap(object);
    if (!value.ok()) return value.status();
    return impl.HostPointer(*value, type);
  });
}

absl::Status Isolate::Impl::Revoke(vm::Value object) {
  vm::HostObject* const found = vm->heap().TryGet<vm::HostObject>(object);
  if (found == nullptr) {
    return absl::InvalidArgumentError(absl::StrCat("expected a host object, got ", TypeName(TypeOf(object))));
  }
  Dependent* const dependent = dependents == nullptr ? nullptr : dependents->Find(found->number, Kind::kObject);
  if (dependent == nullptr) return absl::OkStatus();
  dependent->type->objects.fetch_sub(1, std::memory_order_release);
  *dependent = Dependent();
  --dependents->objects;
  vm->heap().weak().Drop(static_cast<uint32_t>(found->number.fixnum()));
  found->number = vm::Value::Fixnum(-1);
  return absl::OkStatus();
}

absl::Status Isolate::Revoke(const Value& object) {
  return InIsolate(*this, [&](Impl& impl) -> absl::Status {
    const absl::StatusOr<vm::Value> value = impl.ToHeap(object);
    if (!value.ok()) return value.status();
    return impl.Revoke(*value);
  });
}

// ---- Procedures

absl::StatusOr<vm::Value> Isolate::Impl::MakeProcedure(HostFunctions::Entry entry) {
  const uint64_t bytes = 4 * entry.name.size() + 4096;
  if (absl::Status status = MakeRoom(4 * entry.name.size()); !status.ok()) return status;
  vm::Heap& heap = vm->heap();
  if (!heap.Reserve(bytes)) return NoRoom(heap, bytes);
  auto made = std::make_shared<MadeFunction>(this, std::move(entry));
  const vm::Value symbol = vm->Intern(made->entry.name);
  auto* const object = heap.New<vm::HostFunction>(vm::kMadeAtRunTimeFlag);
  object->name = symbol;
  object->arity = vm::Value::Fixnum(static_cast<int32_t>(made->entry.arity));
  uint32_t number;
  AddDependent(heap.ValueOf(object), Dependents::kBytes, Kind::kProcedure, &number).function = std::move(made);
  object->index = vm::Value::Fixnum(static_cast<int32_t>(number));
  return heap.ValueOf(object);
}

absl::StatusOr<Value> Isolate::MakeProcedure(absl::string_view name, int least, int most, HostFunction function) try {
  HostFunctions one;
  one.Add(name, least, most, std::move(function));
  if (!one.table_->refused.empty()) return absl::InvalidArgumentError(one.table_->refused[0]);
  return InIsolate(*this, [&](Impl& impl) -> absl::StatusOr<Value> {
    const absl::StatusOr<vm::Value> made = impl.MakeProcedure(std::move(one.table_->entries[0]));
    if (!made.ok()) return made.status();
    return impl.MakeHandle(*made);
  });
} catch (const std::bad_alloc&) {
  return OutOfMemory("a procedure");
}

absl::StatusOr<vm::Value> BindingAccess::MakeProcedure(Isolate::Impl& impl, absl::string_view name, int least, int most,
                                                       std::shared_ptr<const DirectFunction> function) {
  HostFunctions one;
  Add(one, name, least, most, std::move(function));
  if (!one.table_->refused.empty()) return absl::InvalidArgumentError(one.table_->refused[0]);
  return impl.MakeProcedure(std::move(one.table_->entries[0]));
}

// ---- Weak persistents

WeakPersistent::WeakPersistent(Isolate& isolate, const Value& value)
    : isolate_(&isolate), generation_(isolate.generation_.load(std::memory_order_relaxed)) {
  (void)InIsolate(isolate, [&](Isolate::Impl& impl) -> absl::Status {
    const absl::StatusOr<vm::Value> datum = impl.ToHeap(value);
    if (!datum.ok()) return datum.status();
    number_ = impl.KeepWeak(*datum, &stamp_);
    return absl::OkStatus();
  });
}

WeakPersistent::~WeakPersistent() {
  if (isolate_ == nullptr || number_ == kNoNumber) return;
  const Isolate::Impl::Borrowed impl(*isolate_);
  if (!impl || isolate_->generation_.load(std::memory_order_relaxed) != generation_) return;
  impl->DropWeak(number_, stamp_);
}

WeakPersistent::WeakPersistent(WeakPersistent&& other) noexcept
    : isolate_(std::exchange(other.isolate_, nullptr)),
      generation_(other.generation_),
      number_(other.number_),
      stamp_(other.stamp_) {}

WeakPersistent& WeakPersistent::operator=(WeakPersistent&& other) noexcept {
  std::swap(isolate_, other.isolate_);
  std::swap(generation_, other.generation_);
  std::swap(number_, other.number_);
  std::swap(stamp_, other.stamp_);
  return *this;
}

uint32_t Isolate::Impl::KeepWeak(vm::Value datum, uint32_t* stamp) {
  uint32_t number;
  Dependent& mine = AddDependent(datum, Dependents::kBytes, Kind::kWeakPersistent, &number);
  mine.stamp = *stamp = dependents->next_stamp++;
  return number;
}

void Isolate::Impl::DropWeak(uint32_t number, uint32_t stamp) {
  if (!HasWeak(number, stamp)) return;  // of before a reset
  dependents->all[number] = Dependent();
  vm->heap().weak().Drop(number);
}

bool Isolate::Impl::HasWeak(uint32_t number, uint32_t stamp) const {
  return dependents != nullptr && number < dependents->all.size() &&
         dependents->all[number].kind == Kind::kWeakPersistent && dependents->all[number].stamp == stamp;
}

vm::Value Isolate::Impl::FindWeak(uint32_t number, uint32_t stamp) const {
  return HasWeak(number, stamp) ? vm->heap().weak().Get(number) : vm::kUndefined;
}

Value WeakPersistent::Get() const {
  if (isolate_ == nullptr) return Value();
  if (isolate_->generation_.load(std::memory_order_relaxed) == generation_ &&
      Isolate::Impl::CheckUsable(*isolate_).ok()) {
    Isolate::Impl& impl = *isolate_->impl();
    if (impl.CheckEntered().ok()) {
      if (const vm::Value datum = impl.FindWeak(number_, stamp_); datum != vm::kUndefined)
        return impl.MakeHandle(datum);
    }
  }
  return Isolate::Impl::StaleHandle(isolate_, generation_);
}

bool WeakPersistent::IsAlive() const {
  if (isolate_ == nullptr || isolate_->generation_.load(std::memory_order_relaxed) != generation_ ||
      !Isolate::Impl::CheckUsable(*isolate_).ok()) {
    return false;
  }
  Isolate::Impl& impl = *isolate_->impl();
  return impl.CheckEntered().ok() && impl.FindWeak(number_, stamp_) != vm::kUndefined;
}

}  // namespace islet
