#include "islet/isolate.h"

#include <algorithm>
#include <exception>
#include <new>
#include <utility>

#include "absl/container/inlined_vector.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "isolate/capabilities/call_out.h"
#include "isolate/data/string.h"
#include "isolate/heap/arity.h"
#include "isolate/heap/poll.h"
#include "isolate/heap/scratch.h"
#include "isolate/interpreter/failure.h"
#include "isolate/interpreter/stubs.h"
#include "isolate/ports/outside.h"
#include "isolate/ports/port.h"
#include "isolate/printer/describe.h"
#include "sdk/dependents.h"
#include "sdk/isolate_impl.h"
#include "sdk/isolate_memory.h"

namespace islet {

namespace {

absl::StatusOr<vm::Value> CallWithValues(Isolate::Impl& impl, const HostFunction* function, const HostMethod* method,
                                         void* self, const vm::Value* args, uint32_t argc) {
  absl::InlinedVector<Value, 6> arguments;
  for (uint32_t i = 0; i < argc; ++i) arguments.push_back(impl.MakeHandle(args[i]));
  absl::StatusOr<Value> result = CallOut([&] {
    return method != nullptr ? (*method)(*impl.isolate, self, arguments) : (*function)(*impl.isolate, arguments);
  });
  if (!result.ok()) return result.status();
  if (impl.lost()) return vm::kUnspecified;
  return impl.ToHeap(*result);
}

// Standard ports that lead to IsolateOptions::write.
class WriterStreams : public StandardStreams {
 public:
  explicit WriterStreams(std::function<void(int, absl::string_view)> write) : write_(std::move(write)) {}
  absl::StatusOr<size_t> Read(char*, size_t) override { return size_t{0}; }
  absl::Status Write(int descriptor, absl::string_view text) override {
    write_(descriptor, text);
    return absl::OkStatus();
  }

 private:
  std::function<void(int, absl::string_view)> write_;
};

}  // namespace

vm::Value Isolate::Impl::CallHost(vm::Vm& machine, void* data, vm::Value* args, uint32_t argc) {
  const Binding& binding = *static_cast<Binding*>(data);
  const HostFunctions::Entry& entry = *binding.entry;
  Impl& impl = *binding.impl;
  if (impl.dependents != nullptr) impl.FinalizeDead();
  void* self = nullptr;
  if (entry.type.get() != nullptr && impl.FindSelf(entry, args[0], &self) == vm::kException) return vm::kException;
  ++impl.counters.host_calls;
  // The host may convert values meanwhile, of any isolate. That must not be cut short, since the host would not know.
  const vm::PollScope none({});
  const size_t handles = impl.held.handles.size();
  const absl::StatusOr<vm::Value> result =
      entry.direct != nullptr
          ? CallOut([&] {
              const absl::Span<const vm::Value> arguments = absl::MakeConstSpan(args, argc);
              return entry.type.get() != nullptr ? entry.direct->CallMethod(impl, self, arguments)
                                                 : entry.direct->Call(impl, arguments);
            })
          : CallWithValues(impl, &entry.function, entry.method != nullptr ? &entry.method : nullptr, self, args, argc);
  if (impl.lost()) throw std::bad_alloc();  // by a nested call: then this one goes no further either
  if (handles < impl.held.handles.size()) impl.held.handles.resize(handles);
  if (impl.disposed_inside) {
    machine.ClearInterrupt(/*time_only=*/false);
    return machine.Terminate(vm::DisposedStatus());
  }
  // Even if the host function has not passed it on.
  if (impl.spent.has_value()) return machine.Reraise(*std::exchange(impl.spent, std::nullopt));
  if (result.ok()) return *result;
  if (machine.IsLatestFailure(result.status())) return machine.Reraise(result.status());
  return impl.RaiseReturned(entry.name, result.status());
}

// ---- Making and entering

Isolate::Impl::Impl() = default;

Isolate::Impl::~Impl() {
  if (dependents != nullptr) FinalizeAll();
  lazy_evaluator.reset();
  if (vm == nullptr) return;
  vm->attachments().outside = nullptr;  // it borrows from `options`
  vm->heap().RemoveRoots(this);
}

absl::Status Isolate::Impl::Lose(bool by_thread) {
  vm->attachments().lost = true;
  thread_ended = by_thread;
  held.handles.clear();  // what they refer to may be being moved
  return LostStatus();
}

absl::Status Isolate::Impl::LostStatus() const {
  if (!thread_ended) return OutOfMemory("what the isolate was doing (it can only be disposed of now)");
  return absl::FailedPreconditionError(
      "a thread has ended in the midst of a call of the isolate, which can only be disposed of now");
}

absl::Status OutOfMemory(absl::string_view what) {
  try {
    return absl::ResourceExhaustedError(absl::StrCat("no memory for ", what, ": operator new has failed"));
  } catch (const std::bad_alloc&) {
    return absl::Status(absl::StatusCode::kResourceExhausted, "");  // which takes none
  }
}

absl::StatusOr<std::unique_ptr<Isolate>> Isolate::FromSnapshot(const Snapshot& snapshot,
                                                               const IsolateOptions& options) try {
  if (absl::Status status = vm::CheckStack(); !status.ok()) return status;
  if (snapshot.image_ == nullptr) return absl::FailedPreconditionError("the snapshot has been moved from");
  const vm::Image& image = *snapshot.image_;
  std::shared_ptr<const HostFunctions::Table> host_functions;
  if (options.host_functions != nullptr) host_functions = options.host_functions->table_;
  if (host_functions != nullptr && !host_functions->refused.empty()) {
    return absl::InvalidArgumentError(absl::StrJoin(host_functions->refused, "; "));
  }
  std::vector<int> bound;
  if (!image.externals().empty()) {
    std::vector<vm::HostSignature> provided;
    if (host_functions != nullptr) {
      for (const HostFunctions::Entry& entry : host_functions->entries) provided.push_back({entry.name, entry.arity});
      for (const HostFunctions::BoundType& type : host_functions->types) {
        provided.push_back({.name = type.get()->name, .predicate = true});
      }
    }
    absl::StatusOr<std::vector<int>> indices = image.BindExternals(provided);
    if (!indices.ok()) return indices.status();
    bound = *std::move(indices);
  }
  vm::VmOptions vm_options;
  vm_options.cage_size = options.cage_size;
  vm_options.heap.heap_limit = options.limits.heap_bytes;
  vm_options.heap.spare_limit = options.spare_bytes;
  absl::StatusOr<std::unique_ptr<vm::Vm>> machine = vm::NewVm(image, vm_options);
  if (!machine.ok()) return machine.status();
  auto impl = std::make_unique<Impl>();
  impl->image = snapshot.image_;
  impl->vm = *std::move(machine);
  impl->vm->heap().AddRoots(impl.get());
  impl->InitializeState();
  impl->options = options;
  impl->limits = options.limits;
  std::unique_ptr<Isolate> isolate(IsolateMemory::Attach(std::move(impl)));
  Impl& made = *isolate->impl();
  made.vm->attachments().embedder = &made;
  made.ApplyLimits();
  std::vector<Impl::Binding> wanted;
  for (const int index : bound) {
    const auto i = static_cast<size_t>(index);
    const size_t functions = host_functions->entries.size();
    wanted.push_back({&made, i < functions ? &host_functions->entries[i] : nullptr,
                      i < functions ? nullptr : host_functions->types[i - functions].get()});
  }
  made.host_functions = std::move(host_functions);
  made.Bind(wanted);
  made.OpenPorts();
  if (Impl::made_hook != nullptr) Impl::made_hook(*isolate, snapshot, options);
  return isolate;
} catch (const std::bad_alloc&) {
  return OutOfMemory("an isolate");
} catch (const std::exception& e) {
  return absl::UnknownError(absl::StrCat("what the isolate was granted has thrown: ", e.what()));
}

void (*Isolate::Impl::made_hook)(Isolate& isolate, const Snapshot& snapshot, const IsolateOptions& options) = nullptr;

void Isolate::Impl::Bind(const std::vector<Binding>& wanted) {
  bindings.reserve(wanted.size());
  for (const Binding& binding : wanted) {
    bindings.push_back({this, binding.entry, binding.type});
    vm->attachments().host_bindings.push_back({binding.type != nullptr ? AskType : CallHost, &bindings.back()});
  }
}

void Isolate::Impl::OpenPorts() {
  if (options.write == nullptr && options.streams == nullptr && options.files == nullptr && options.clock == nullptr &&
      options.randomness == nullptr && options.command_line.empty() && options.environment.empty()) {
    return;
  }
  vm::SystemGrants& system = vm::SystemGrantsOf(*vm);
  system.clock = options.clock.get();
  system.randomness = options.randomness.get();
  system.command_line = options.command_line;
  system.environment = options.environment;
  vm::PortTable& ports = vm::PortTableOf(*vm);
  ports.GrantFiles(options.files.get());
  if (options.streams != nullptr) {
    ports.SetStandardStreams(options.streams);
  } else if (options.write != nullptr) {
    ports.SetStandardStreams(std::make_shared<WriterStreams>(options.write));
  }
}

Isolate::Scope::Scope(Isolate& isolate) : isolate_(isolate) {
  const uint64_t me = CurrentThread();
  uint64_t owner = kNoThread;
  entered_ = isolate.owner_.compare_exchange_strong(owner, me, std::memory_order_acquire);
  generation_ = isolate.generation_.load(std::memory_order_relaxed);
  handles_ = entered_ || owner == me ? isolate.impl()->held.handles.size() : ~size_t{0};
}

Isolate::Scope::~Scope() {
  if (isolate_.owner_.load(std::memory_order_relaxed) != CurrentThread() ||
      isolate_.generation_.load(std::memory_order_relaxed) != generation_) {
    return;  // was not entered, or has ended
  }
  Impl& impl = *isolate_.impl();
  if (handles_ < impl.held.handles.size()) impl.held.handles.resize(handles_);
  if (!entered_) return;
  if (impl.inside > 0) {
    impl.leave_later = true;
    return;
  }
  Impl::LeaveNow(isolate_);
}

void Inside::Leave(Isolate::Impl& impl) {
  Isolate* const isolate = impl.isolate;
  if (impl.disposed_inside) {
    IsolateMemory::End(isolate).reset();
    return;
  }
  impl.leave_later = false;
  Isolate::Impl::LeaveNow(*isolate);
}

void Isolate::Impl::LeaveNow(Isolate& isolate) {
  isolate.owner_.store(kNoThread, std::memory_order_release);
  if (isolate.disposed_.load(std::memory_order_relaxed)) IsolateMemory::EndLeftovers();
}

bool Isolate::Impl::IsLostInFork(const Isolate& isolate) {
  return islet::IsLostInFork(isolate.owner_.load(std::memory_order_relaxed));
}

absl::Status Isolate::Impl::CheckUsable(const Isolate& isolate) {
  const uint64_t owner = isolate.owner_.load(std::memory_order_relaxed);
  if (owner == CurrentThread()) {
    return isolate.disposed_.load(std::memory_order_relaxed) ? vm::DisposedStatus() : absl::OkStatus();
  }
  if (islet::IsLostInFork(owner)) {
    return absl::FailedPreconditionError(
        "another thread was inside of the isolate when this process was forked: here it can only be disposed of");
  }
  return absl::FailedPreconditionError(
      isolate.impl() == nullptr
          ? "the isolate has ended: it was disposed of, or given back to its pool"
          : "this thread has not entered the isolate (make an islet::Isolate::Scope first; one thread at a time)");
}

absl::Status Isolate::Impl::CheckEntered() {
  if (absl::Status status = CheckUsable(*isolate); !status.ok()) return status;
  if (absl::Status status = vm::CheckStack(); !status.ok()) return status;
  if (lost()) return LostStatus();
  if (asking_host) return absl::FailedPreconditionError("IsolateOptions::near_limit may not run code in the isolate");
  if (finalizing) {
    return absl::FailedPreconditionError("a finalizer or copy of a host type may not use the isolate of its object");
  }
  return Guarded(*this, [this] {
    vm::GiveBackScratch();
    vm->heap().FinishCollection();
    return absl::OkStatus();
  });
}

// ---- Roots

void Isolate::Impl::VisitRoots(Visit visit, void* context) {
  for (Handle& handle : held.handles) visit(&handle.value, context);
  for (Handle& kept : held.persistents) visit(&kept.value, context);
  visit(&held.irritants, context);
}

namespace {

// Value::integer_ of a handle.
int64_t HandlePlace(uint32_t generation, size_t slot) {
  return static_cast<int64_t>(uint64_t{generation} << 32 | static_cast<uint32_t>(slot));
}

}  // namespace

Value Isolate::Impl::StaleHandle(Isolate* isolate, uint32_t generation) {
  Value value(Value::Kind::kHandle);
  value.isolate_ = isolate;
  value.integer_ = HandlePlace(generation, ~uint32_t{0});
  return value;
}

Value Isolate::Impl::MakeHandle(vm::Value v) {
  Value value(Value::Kind::kHandle);
  value.isolate_ = isolate;
  value.integer_ = HandlePlace(isolate->generation_.load(std::memory_order_relaxed), held.handles.size());
  value.stamp_ = next_stamp++;
  held.handles.push_back({v, value.stamp_});
  return value;
}

Value Isolate::Impl::HandleOf(uint32_t slot, uint32_t stamp) const {
  Value value(Value::Kind::kHandle);
  value.isolate_ = isolate;
  value.integer_ = HandlePlace(isolate->generation_.load(std::memory_order_relaxed), slot);
  value.stamp_ = stamp;
  return value;
}

void Isolate::Impl::SplitHandle(const Value& handle, uint32_t* slot, uint32_t* stamp) {
  *slot = static_cast<uint32_t>(handle.integer_);
  *stamp = handle.stamp_;
}

Value Isolate::Impl::ProcedureOf(uint32_t image, uint32_t datum) {
  Value value(Value::Kind::kSnapshotProcedure);
  value.stamp_ = image;
  value.integer_ = datum;
  return value;
}

void Isolate::Impl::SplitProcedure(const Value& procedure, uint32_t* image, uint32_t* datum) {
  *image = procedure.stamp_;
  *datum = static_cast<uint32_t>(procedure.integer_);
}

// ---- Running

vm::Evaluator& Isolate::Impl::evaluator() {
  if (!lazy_evaluator.has_value()) {
    lazy_evaluator.emplace(*vm);
    if (options.files != nullptr) {
      lazy_evaluator->search_path() = options.library_path;
      if (options.library_path.empty()) lazy_evaluator->search_path().push_back("");
    }
  }
  return *lazy_evaluator;
}

vm::Value Isolate::Impl::CompileDatum(vm::Value datum, vm::Value environment) {
  return evaluator().CompileDatum(datum, environment);
}
vm::Value Isolate::Impl::LoadFile(vm::Value path, vm::Value environment) {
  return evaluator().LoadFile(path, environment);
}
vm::Value Isolate::Impl::ImportAll(vm::Value import_sets) { return evaluator().ImportAll(import_sets); }

vm::Failure Isolate::Impl::Describe(vm::Value object, vm::Value backtrace) {
  return vm::DescribeFailure(*vm, object, backtrace);
}

absl::Status Isolate::Impl::RunRestoreHooks() {
  if (!state.hooks_pending) return absl::OkStatus();
  state.hooks_pending = false;  // a hook may lead here again
  // In the order of their registration, the last registered being first in the list; each is looked up anew, since the
  // one before may have collected.
  vm::Heap& heap = vm->heap();
  const auto count = [&] {
    int n = 0;
    for (vm::Value list = vm->root(vm::Root::kRestoreHooks); list.IsPair(); list = heap.cdr(list)) ++n;
    return n;
  };
  for (const int hooks = count(); state.hooks_run < hooks; ++state.hooks_run) {
    vm::Value list = vm->root(vm::Root::kRestoreHooks);
    for (int before = count() - 1 - state.hooks_run; before > 0; --before) list = heap.cdr(list);
    absl::StatusOr<vm::Value> done = vm->Call(heap.car(list), {});
    if (!done.ok()) {
      state.hooks_pending = true;  // to be run by the next call: nothing may run before the hooks have
      return Failed(done.status());
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<Value> Isolate::Impl::CallValue(vm::Value procedure, absl::Span<const Value> arguments) {
  // The procedure travels as a handle, since making the arguments may collect.
  const Value kept = MakeHandle(procedure);
  // More than what should stand on the stack below the first frame go through a list.
  constexpr size_t kMostOnStack = 4000;
  absl::InlinedVector<vm::Value, 8> args;
  if (arguments.size() > kMostOnStack) {
    absl::StatusOr<vm::Value> list = ToHeap(List({arguments.begin(), arguments.end()}));
    if (!list.ok()) return list.status();
    args = {*Find(kept), *list};
  } else {
    args.resize(arguments.size());
    absl::Status status = ToHeapAll(arguments, absl::MakeSpan(args));
    if (!status.ok()) return status;
  }
  const vm::Value callee = arguments.size() > kMostOnStack ? vm::MakeStubProcedure(*vm, "apply") : *Find(kept);
  absl::StatusOr<vm::Value> result = vm->Call(callee, args);
  if (!result.ok()) return Failed(result.status());
  return MakeHandle(*result);
}

absl::Status Isolate::Impl::StartSlowly() {
  absl::Status status = CheckEntered();
  return status.ok() ? RunRestoreHooks() : status;
}

absl::Status Isolate::Impl::AsSeenByHost(absl::Status status) {
  if (calls > 1) return status;
  vm::EraseMark(&status);
  if (near_limit_threw.empty()) return status;
  vm::Failure failure = vm::Failure::FromStatus(status);
  failure.remark = absl::StrCat("(IsolateOptions::near_limit has thrown: ", std::exchange(near_limit_threw, ""), ")");
  return failure.ToStatus();
}

namespace {

// The result of an evaluation, as a handle.
absl::StatusOr<Value> Evaluated(Isolate::Impl& impl, const absl::StatusOr<vm::Value>& result) {
  if (!result.ok()) return impl.Failed(result.status());
  return impl.MakeHandle(*result);
}

}  // namespace

absl::StatusOr<Value> Isolate::Eval(absl::string_view text, absl::string_view name) {
  return HostCall(*this, [&](Impl& impl) { return Evaluated(impl, impl.evaluator().EvalString(text, name)); });
}

absl::StatusOr<std::vector<Value>> Isolate::EvalValues(absl::string_view text, absl::string_view name) {
  return HostCall(*this, [&](Impl& impl) -> absl::StatusOr<std::vector<Value>> {
    absl::StatusOr<vm::Value> result = impl.evaluator().EvalValues(text, name);
    if (!result.ok()) return impl.Failed(result.status());
    std::vector<Value> values;
    for (vm::Value list = *result; list.IsPair(); list = impl.vm->heap().cdr(list)) {
      values.push_back(impl.MakeHandle(impl.vm->heap().car(list)));
    }
    return values;
  });
}

absl::StatusOr<Value> Isolate::EvalScript(absl::string_view text, absl::string_view name) {
  return HostCall(*this, [&](Impl& impl) { return Evaluated(impl, impl.evaluator().EvalScript(text, name)); });
}

absl::StatusOr<Value> Isolate::Call(absl::string_view name, absl::Span<const Value> arguments) {
  return HostCall(*this, [&](Impl& impl) -> absl::StatusOr<Value> {
    absl::StatusOr<vm::Value> procedure = vm::LookupVariable(*impl.vm, name);
    if (!procedure.ok()) return procedure.status();
    return impl.CallValue(*procedure, arguments);
  });
}

absl::StatusOr<Value> Isolate::Call(const Value& procedure, absl::Span<const Value> arguments) {
  return HostCall(*this, [&](Impl& impl) -> absl::StatusOr<Value> {
    absl::StatusOr<vm::Value> value = impl.ToHeap(procedure);
    if (!value.ok()) return value.status();
    return impl.CallValue(*value, arguments);
  });
}

absl::StatusOr<Value> Isolate::Lookup(absl::string_view name) {
  return InIsolate(*this, [&](Impl& impl) -> absl::StatusOr<Value> {
    if (absl::Status status = impl.CheckEntered(); !status.ok()) return status;
    absl::StatusOr<vm::Value> value = vm::LookupVariable(*impl.vm, name);
    if (!value.ok()) return value.status();
    return impl.MakeHandle(*value);
  });
}

// While visitors_ says so, the isolate does not end.
void Isolate::BeginVisit() {
  const uint64_t none = uint64_t{ForkGeneration()} << 32;
  uint64_t visitors = visitors_.load(std::memory_order_relaxed);
  while (!visitors_.compare_exchange_weak(visitors, std::max(visitors, none) + 1)) continue;
}

void Isolate::EndVisit() { visitors_.fetch_sub(1, std::memory_order_release); }

void Isolate::InterruptFor(vm::InterruptReason reason) {
  BindingAccess::Visit(*this, [reason](Impl& impl) { impl.vm->Interrupt(reason); });
}

void Isolate::Interrupt() { InterruptFor(vm::InterruptReason::kInterrupted); }

void Isolate::ClearInterrupt() {
  if (const Impl::Borrowed impl(*this); impl) impl->vm->ClearInterrupt(/*time_only=*/false);
}

absl::Status Isolate::Flush() {
  return InIsolate(*this, [&](Impl& impl) {
    absl::Status status = impl.CheckEntered();
    return status.ok() ? vm::FlushPorts(*impl.vm) : status;
  });
}

void Isolate::CollectGarbage() {
  (void)InIsolate(*this, [&](Impl& impl) {
    absl::Status status = impl.CheckEntered();
    if (!status.ok()) return status;
    impl.vm->heap().CollectFull();
    if (impl.dependents != nullptr) impl.FinalizeDead();
    return status;
  });
}

// ---- Persistents

uint32_t Isolate::Impl::Keep(vm::Value datum) {
  const Handle kept = {datum, next_stamp++};
  if (held.free_persistents.empty()) {
    held.persistents.push_back(kept);
    held.free_persistents.reserve(held.persistents.capacity());  // so that the end of one takes no memory
    return static_cast<uint32_t>(held.persistents.size() - 1);
  }
  const uint32_t slot = held.free_persistents.back();
  held.free_persistents.pop_back();
  held.persistents[slot] = kept;
  return slot;
}

void Isolate::Impl::EndKept(uint32_t slot) {
  held.persistents[slot] = {vm::kUnspecified, next_stamp++};
  held.free_persistents.push_back(slot);
}

Persistent::Persistent(Isolate& isolate, const Value& value)
    : isolate_(&isolate), generation_(isolate.generation_.load(std::memory_order_relaxed)), slot_(kNoSlot) {
  (void)InIsolate(isolate, [&](Isolate::Impl& impl) {
    if (absl::Status entered = impl.CheckEntered(); !entered.ok()) return entered;
    absl::StatusOr<vm::Value> datum = impl.ToHeap(value);
    if (!datum.ok()) return datum.status();
    slot_ = impl.Keep(*datum);
    return absl::OkStatus();
  });
}

Persistent::~Persistent() {
  if (isolate_ == nullptr || slot_ == kNoSlot) return;
  const Isolate::Impl::Borrowed impl(*isolate_);
  if (!impl || isolate_->generation_.load(std::memory_order_relaxed) != generation_) return;
  if (slot_ >= impl->held.persistents.size()) return;  // of before a reset
  impl->EndKept(slot_);
}

Persistent::Persistent(Persistent&& other) noexcept
    : isolate_(std::exchange(other.isolate_, nullptr)), generation_(other.generation_), slot_(other.slot_) {}

Persistent& Persistent::operator=(Persistent&& other) noexcept {
  std::swap(isolate_, other.isolate_);
  std::swap(generation_, other.generation_);
  std::swap(slot_, other.slot_);
  return *this;
}

Value Persistent::Get() const {
  if (isolate_ == nullptr) return Value();
  if (isolate_->generation_.load(std::memory_order_relaxed) == generation_ &&
      Isolate::Impl::CheckUsable(*isolate_).ok()) {
    Isolate::Impl& impl = *isolate_->impl();
    if (impl.CheckEntered().ok() && slot_ < impl.held.persistents.size())
      return impl.MakeHandle(impl.held.persistents[slot_].value);
  }
  return Isolate::Impl::StaleHandle(isolate_, generation_);
}

// ---- Host functions

HostFunctions::Table& HostFunctions::Changeable() {
  if (table_ == nullptr) {
    table_ = std::make_shared<Table>();
  } else if (table_.use_count() > 1) {
    table_ = std::make_shared<Table>(*table_);
  }
  return *table_;
}

void HostFunctions::Add(absl::string_view name, int least, int most, HostFunction function) {
  AddEntry({.name = std::string(name), .function = std::move(function)}, least, most);
}

void BindingAccess::Add(HostFunctions& functions, absl::string_view name, int least, int most,
                        std::shared_ptr<const DirectFunction> function) {
  functions.AddEntry({.name = std::string(name), .direct = std::move(function)}, least, most);
}

void HostFunctions::AddEntry(Entry entry, int least, int most) {
  Table& table = Changeable();
  std::string problem;
  if (least < 0 || least > kMostArguments || most < -1 || most > kMostArguments) {
    problem = absl::StrCat("numbers of arguments are from 0 to ", kMostArguments, ", or -1 for any number, but not ",
                           least, " to ", most);
  } else if (most >= 0 && most < least) {
    problem = absl::StrCat("at most ", most, " arguments are less than at least ", least);
  } else if (entry.type.get() != nullptr && least == 0) {
    problem = "a method takes one argument at least, its object";
  } else if (entry.name.empty()) {
    problem = "the name is empty";
  } else if (!vm::IsValidUtf8(entry.name)) {
    problem = "the name is not UTF-8";
  } else if (entry.function == nullptr && entry.method == nullptr && entry.direct == nullptr) {
    problem = "the function is empty";
  }
  if (!problem.empty()) {
    table.refused.push_back(absl::StrCat("host function \"", absl::CHexEscape(entry.name), "\": ", problem));
    return;
  }
  const bool any = most < 0;
  entry.arity = vm::Arity{static_cast<uint32_t>(least), any ? 0 : static_cast<uint32_t>(most - least), any}.Pack();
  for (Entry& known : table.entries) {
    if (known.name != entry.name) continue;
    known = std::move(entry);
    return;
  }
  table.entries.push_back(std::move(entry));
}

}  // namespace islet
