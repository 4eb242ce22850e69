// The inside of an islet::Isolate, for the SDK's own sources.

#ifndef ISLET_SDK_ISOLATE_IMPL_H_
#define ISLET_SDK_ISOLATE_IMPL_H_

#include <cxxabi.h>

#include <atomic>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "islet/isolate.h"
#include "islet/isolate_pool.h"
#include "isolate/evaluator/evaluator.h"
#include "isolate/heap/poll.h"
#include "isolate/heap/reusable_vector.h"
#include "isolate/heap/scratch.h"
#include "isolate/interpreter/embedder.h"
#include "isolate/interpreter/failure.h"
#include "isolate/interpreter/timer.h"
#include "isolate/interpreter/vm.h"
#include "isolate/process/fork.h"
#include "isolate/process/stack_space.h"
#include "sdk/thread_identity.h"
#include "snapshot/image.h"

namespace islet {

struct Isolate::Impl : public vm::RootSource, public vm::Embedder {
  struct Handle {
    vm::Value value;
    uint32_t stamp;
    bool operator==(const Handle&) const = default;
  };
  // A host function, or the predicate of a host type, as bound in this isolate.
  struct Binding {
    Impl* impl;
    const HostFunctions::Entry* entry;  // or null
    const HostType::Info* type;         // the predicate's
  };
  // What the host has behind objects of the heap (dependents.h).
  enum class DependentKind : uint8_t { kNone, kObject, kProcedure, kWeakPersistent };
  struct MadeFunction;
  struct Dependent;
  struct Dependents;

  // The state of an isolate besides its machine and its Outside. That of a new one and of one that is reset is made
  // by InitializeState(), a fork has its parent's. No field may be an address of the isolate's own.
  struct State {
    struct LatestError {
      bool any = false;     // whether there has been an error
      bool raised = false;  // and it was an object, the machine's last_condition
      ErrorReport report;

      LatestError() = default;
      LatestError(const LatestError&) = default;
      LatestError& operator=(const LatestError& other) {
        // Most tenants have none, and so a reset seldom has anything to do.
        if (any || other.any) {
          any = other.any;
          raised = other.raised;
          report = other.report;
        }
        return *this;
      }
      // The rest of a report follows from the message and where it was raised.
      bool operator==(const LatestError& other) const {
        return any == other.any && report.message == other.report.message;
      }
    };

    bool hooks_pending = false;
    int hooks_run = 0;  // of the hooks of on-restore, so many to the end
    LatestError error;
    bool operator==(const State&) const = default;
  };
  // The references that the host holds to its objects: none in a new isolate, in one that is reset, and in a fork.
  struct Held {
    vm::ReusableVector<Handle> handles;
    vm::ReusableVector<Handle> persistents;
    vm::ReusableVector<uint32_t> free_persistents;
    // Of the latest failure that MakeError has made, and the number by which that Status tells that it is meant.
    vm::Value irritants = vm::kNull;
    uint64_t irritants_number = 0;
    bool operator==(const Held&) const = default;
  };
  // Likewise 0.
  struct Counters {
    uint64_t instructions = 0;  // of calls that have ended, as far as counted
    uint64_t host_calls = 0;
    bool operator==(const Counters&) const = default;
  };

  Impl();
  ~Impl() override;
  void VisitRoots(Visit visit, void* context) override;

  // Whether another thread was inside of it when this process was forked off.
  static bool IsLostInFork(const Isolate& isolate);
  // FailedPrecondition unless this thread has entered the isolate, and nobody disposed of it. `isolate` may have ended.
  static absl::Status CheckUsable(const Isolate& isolate);
  // The same; ResourceExhausted if it is lost, or there is too little of the C++ stack left.
  // Else does what an ended call has left of a collection: a safepoint.
  absl::Status CheckEntered();
  Value MakeHandle(vm::Value v);
  Type TypeOf(vm::Value v) const;
  // A handle by its parts, for other languages' bindings; and the parts of what MakeHandle made.
  Value HandleOf(uint32_t slot, uint32_t stamp) const;
  static void SplitHandle(const Value& handle, uint32_t* slot, uint32_t* stamp);
  // The same for what IsolatePool::Procedure has looked up.
  static Value ProcedureOf(uint32_t image, uint32_t datum);
  static void SplitProcedure(const Value& procedure, uint32_t* image, uint32_t* datum);
  // The datum behind a handle, or a literal made in the heap. May collect, so convert all of a call's arguments by
  // ToHeapAll. Errors: FailedPrecondition (stale or foreign handle, wrong thread), ResourceExhausted, InvalidArgument.
  absl::StatusOr<vm::Value> ToHeap(const Value& value);
  absl::Status ToHeapAll(absl::Span<const Value> values, absl::Span<vm::Value> results);
  absl::StatusOr<vm::Value> Resolve(const Value& handle);
  // The same without a safepoint, for who has called CheckEntered.
  absl::StatusOr<vm::Value> Find(const Value& handle) const;
  // The same for any handle; `*impl` is its isolate's.
  static absl::StatusOr<vm::Value> Open(const Value& handle, Impl** impl);
  // Keeps the datum until EndKept: the slot among held.persistents. Throws std::bad_alloc.
  uint32_t Keep(vm::Value datum);
  void EndKept(uint32_t slot);
  // A handle that is stale.
  static Value StaleHandle(Isolate* isolate, uint32_t generation);
  // The thread that has entered the isolate has left it.
  static void LeaveNow(Isolate& isolate);
  // The isolate's Impl for a moment, for what may be done without having entered it: nothing if it has ended, or
  // another thread has entered it.
  class Borrowed {
   public:
    explicit Borrowed(const Isolate& isolate) : isolate_(isolate) {
      uint64_t owner = kNoThread;
      const uint64_t me = CurrentThread();
      entered_ = isolate.owner_.compare_exchange_strong(owner, me, std::memory_order_acquire);
      if (entered_ || owner == me) impl_ = isolate.impl();
    }
    ~Borrowed() {
      if (entered_) isolate_.owner_.store(kNoThread, std::memory_order_release);
    }
    Borrowed(const Borrowed&) = delete;
    Borrowed& operator=(const Borrowed&) = delete;
    explicit operator bool() const { return impl_ != nullptr; }
    Impl* operator->() const { return impl_; }
    Impl& operator*() const { return *impl_; }

   private:
    const ForkGuard fork_guard_;  // another thread may fork, and its isolate this be
    const Isolate& isolate_;
    Impl* impl_ = nullptr;
    bool entered_;
  };
  // Before the first code of the host's runs.
  absl::Status RunRestoreHooks();
  absl::StatusOr<Value> CallValue(vm::Value procedure, absl::Span<const Value> arguments);
  vm::Evaluator& evaluator();
  // Eval and Call do this first, on the thread that has entered the isolate.
  absl::Status Start() {
    const bool ready = !lost() && !asking_host && !finalizing && !state.hooks_pending && !vm::keeps_scratch &&
                       !vm->heap().CollectionIsUnfinished() && vm::RemainingStack() >= vm::kLeastStack;
    return __builtin_expect(ready, 1) ? absl::OkStatus() : StartSlowly();
  }
  absl::Status StartSlowly();
  // Grants what `options` say.
  void OpenPorts();
  // Binds the snapshot's host functions and types, by external-reference index; each as the `impl` of another isolate
  // may have it.
  void Bind(const std::vector<Binding>& wanted);
  // ---- Host functions, as HostBinding has them: `data` is a Binding, or a MadeFunction.
  static vm::Value CallHost(vm::Vm& machine, void* data, vm::Value* args, uint32_t argc);
  static vm::Value CallMadeFunction(vm::Vm& machine, void* data, vm::Value* args, uint32_t argc);
  static vm::Value AskType(vm::Vm& machine, void* data, vm::Value* args, uint32_t argc);
  static vm::HostBinding FindMadeFunction(vm::Vm& machine, uint32_t number);
  // The pointer of the object that is a method's first argument; kException if it has raised.
  vm::Value FindSelf(const HostFunctions::Entry& entry, vm::Value object, void** self);

  // ---- Host objects and the like (host_objects.cc).
  // Isolate's functions of these names, by a thread that has entered the isolate; in terms of the heap.
  absl::StatusOr<vm::Value> MakeHostObject(const HostType& type, void* pointer, size_t external_bytes);
  absl::StatusOr<void*> HostPointer(vm::Value object, const HostType& type);
  absl::Status Revoke(vm::Value object);
  absl::StatusOr<vm::Value> MakeProcedure(HostFunctions::Entry entry);
  // A safepoint, as is the first call that the host makes.
  absl::Status Define(absl::string_view name, const vm::Value& rooted);
  // A weak persistent: its number, and a stamp that goes with it. DropWeak forgets it, if there is one.
  uint32_t KeepWeak(vm::Value datum, uint32_t* stamp);
  void DropWeak(uint32_t number, uint32_t stamp);
  // Before one is made: looks whether that may be, finalizes what is dead, and sees to room. A safepoint.
  absl::Status MakeRoom(size_t external_bytes);
  // What is to be behind `object`, and its number. Throws std::bad_alloc, and then nothing has happened.
  Dependent& AddDependent(vm::Value object, size_t external_bytes, DependentKind kind, uint32_t* number);
  void EndDependent(Dependent ended);
  // Calls the finalizers of what has died. Nothing, if nothing has, and within a finalizer.
  void FinalizeDead();
  // Those of all, if there are dependents: at a reset and at the end. The weak references stay in the heap.
  void FinalizeAll();
  // For a fork: what its parent has, from whose heap this one's was copied.
  absl::Status CopyDependents(Impl& parent);
  absl::Status CopyEach(const Dependents& from);
  // Whether there is such a weak persistent; and its datum, or kUndefined.
  bool HasWeak(uint32_t number, uint32_t stamp) const;
  vm::Value FindWeak(uint32_t number, uint32_t stamp) const;
  void InitializeState();
  // The state in which FromSnapshot left the isolate; handles, persistents and scopes of before are stale. Not while it
  // is entered. Up to about `keep_bytes` stay resident.
  void Reset(size_t keep_bytes);
  // In what two isolates with the same options differ that a script, or a host by their methods, could observe; "" if
  // in nothing. Without stacks if those are not to be compared.
  std::string FirstDifference(const Impl& other, vm::Unused unused) const;
  // Gives the machine what `limits` says; as far as they are of time or instructions, for calls to
  // come.
  void ApplyLimits();
  // Those from now on; what a call has used already counts.
  void ChangeLimits(const Limits& wanted);
  // Around each call of the host's: of the outermost, time and instructions are limited. ResourceExhausted: there is
  // nobody to limit its time, so it must not begin; EndCall as ever.
  absl::Status StartCall();
  void EndCall();
  // vm::Embedder. What evaluates is made when it is first asked for something.
  vm::Value CompileDatum(vm::Value datum, vm::Value environment) override;
  vm::Value LoadFile(vm::Value path, vm::Value environment) override;
  vm::Value ImportAll(vm::Value import_sets) override;
  vm::Failure Describe(vm::Value object, vm::Value backtrace) override;
  // Asks the host.
  bool RaiseLimit(vm::Limit limit) override;

  // operator new has failed while something was done in the isolate, or its thread was ended there, and what it is made
  // of may be between two states: from now on all that can be done is to dispose of it. Says so.
  absl::Status Lose(bool thread_ended = false);
  bool lost() const { return vm->attachments().lost; }
  absl::Status LostStatus() const;
  // A failure as the host gets it: what it may pass on to runs around keeps its mark.
  absl::Status AsSeenByHost(absl::Status status);
  // Has a failure of the host's own bear irritants, a list, until the next. The number goes on with the Status.
  void KeepIrritants(absl::Status* status, vm::Value list);
  // Raises what a host function has returned, with its irritants. kException.
  vm::Value RaiseReturned(absl::string_view who, const absl::Status& status);
  // Records the failure for LastError, and returns it.
  const absl::Status& Failed(const absl::Status& status);

  Isolate* isolate = nullptr;  // its present tenancy; null while a pool has it
  uint64_t tenancy = 0;        // which one that is: see NextTenancy
  std::shared_ptr<const vm::Image> image;
  std::unique_ptr<vm::Vm> vm;
  std::optional<vm::Evaluator> lazy_evaluator;
  std::shared_ptr<const HostFunctions::Table> host_functions;  // what the bindings point into
  std::vector<Binding> bindings;
  bool thread_ended = false;     // why it is lost
  std::string near_limit_threw;  // in the present call
  State state;
  Held held;
  Counters counters;
  std::unique_ptr<Dependents> dependents;  // null: there has never been any
  bool finalizing = false;                 // inside of a finalizer
  uint32_t next_stamp = 1;
  int inside = 0;                // calls of the host's that are running, of whatever kind: it must not end
  bool disposed_inside = false;  // in one of them
  bool leave_later = false;      // the scope that has entered ended in one of them
  IsolateOptions options;
  Limits limits;               // those of `options`, until SetLimits
  int calls = 0;               // of the host's, nested
  bool metered = false;        // whether StartCall has anything to do
  bool asking_host = false;    // inside of near_limit
  vm::Watch* watch = nullptr;  // of a call whose time is limited
  // How a nested call has ended with which the outermost must end too.
  std::optional<vm::Failure> spent;
  int64_t fuel_at_start = 0;         // of the present call
  std::shared_ptr<void> pool_slots;  // of an isolate that belongs to a pool
  std::shared_ptr<void> wrapper;     // what another language's binding has for the isolate
  // For tests: sees every isolate that FromSnapshot has made, before the host does.
  static void (*made_hook)(Isolate& isolate, const Snapshot& snapshot, const IsolateOptions& options);

 private:
  // Literals in the heap (literal.cc).
  uint64_t BytesOf(const Value& value, bool exact) const;
  uint64_t BytesOfAll(absl::Span<const Value> values, bool exact, uint64_t enough) const;
  absl::StatusOr<vm::Value> BuildPart(const Value& value);
  absl::StatusOr<vm::Value> Build(const Value& value);
};

// A call of the host's, while it lasts.
class Metered {
 public:
  explicit Metered(Isolate::Impl& impl) : impl_(impl) {
    if (++impl.calls == 1 && impl.metered) status_ = impl.StartCall();
  }
  ~Metered() {
    if (--impl_.calls != 0) return;
    if (impl_.metered) impl_.EndCall();
    impl_.spent.reset();
  }
  Metered(const Metered&) = delete;
  Metered& operator=(const Metered&) = delete;
  // Whether it may begin.
  const absl::Status& status() const { return status_; }

 private:
  absl::Status status_;
  Isolate::Impl& impl_;
};

// A call of an isolate by the thread that has entered it: until the outermost ends, the isolate does not.
class Inside {
 public:
  explicit Inside(Isolate::Impl& impl) : impl_(impl) { ++impl.inside; }
  ~Inside() {
    if (--impl_.inside == 0 && (impl_.disposed_inside || impl_.leave_later)) Leave(impl_);
  }
  Inside(const Inside&) = delete;
  Inside& operator=(const Inside&) = delete;

 private:
  static void Leave(Isolate::Impl& impl);
  Isolate::Impl& impl_;
};

inline const absl::Status& AsStatus(const absl::Status& status) { return status; }
template <typename T>
const absl::Status& AsStatus(const absl::StatusOr<T>& result) {
  return result.status();
}

// Returns what `f` does, a Status or StatusOr. If operator new fails in it, the isolate is lost.
template <typename F>
auto Guarded(Isolate::Impl& impl, F&& f) -> decltype(f()) {
  try {
    return f();
  } catch (const std::bad_alloc&) {
    return impl.Lose();
  } catch (const abi::__forced_unwind&) {
    (void)impl.Lose(/*thread_ended=*/true);
    throw;
  }
}

// Returns what `f` does for the isolate's Impl, if this thread may use the isolate. The isolate may end meanwhile.
template <typename F>
auto InIsolate(const Isolate& isolate, F&& f) -> decltype(f(*isolate.impl())) {
  if (absl::Status status = Isolate::Impl::CheckUsable(isolate); !status.ok()) return status;
  Isolate::Impl& impl = *isolate.impl();
  const Inside inside(impl);
  auto result = Guarded(impl, [&] { return f(impl); });
  if (impl.disposed_inside) return vm::DisposedStatus();
  return result;
}

// `f` as a call of the host's, on the thread that has entered the isolate: metered, and after the hooks of on-restore.
// Returns what it does, a Status or StatusOr, as the host is to see it.
template <typename F>
auto HostCall(Isolate& isolate, F&& f) -> decltype(f(*isolate.impl())) {
  return InIsolate(isolate, [&](Isolate::Impl& impl) -> decltype(f(impl)) {
    const Metered metered(impl);
    if (!metered.status().ok()) return metered.status();
    const vm::PollScope none({});  // of an isolate whose call has led here
    if (absl::Status status = impl.Start(); !status.ok()) return impl.AsSeenByHost(std::move(status));
    auto result = f(impl);
    if (impl.dependents != nullptr && impl.calls == 1) impl.FinalizeDead();
    if (result.ok()) return result;
    return impl.AsSeenByHost(AsStatus(result));
  });
}

// A host function of another language's binding, which makes what it needs of arguments and result by itself. Threads
// share it. Its end is that of what the binding holds for it.
struct DirectFunction {
  virtual ~DirectFunction() = default;
  // Called as a HostFunction is. The arguments stand on the machine's stack, where collections move what they refer to,
  // until it returns.
  virtual absl::StatusOr<vm::Value> Call(Isolate::Impl& impl, absl::Span<const vm::Value> arguments) const = 0;
  // The same of a method: `self` is the pointer of the first argument.
  virtual absl::StatusOr<vm::Value> CallMethod(Isolate::Impl& impl, void*,
                                               absl::Span<const vm::Value> arguments) const {
    return Call(impl, arguments);
  }
};

// What other languages' bindings need beyond the public interface.
struct BindingAccess {
  // As HostFunctions::Add.
  static void Add(HostFunctions& functions, absl::string_view name, int least, int most,
                  std::shared_ptr<const DirectFunction> function);
  // As HostFunctions::AddMethod.
  static void AddMethod(HostFunctions& functions, const HostType& type, absl::string_view name, int least, int most,
                        std::shared_ptr<const DirectFunction> method);
  // As Isolate::MakeProcedure.
  static absl::StatusOr<vm::Value> MakeProcedure(Isolate::Impl& impl, absl::string_view name, int least, int most,
                                                 std::shared_ptr<const DirectFunction> function);
  // The isolate alone, for End.
  static Isolate* Release(PooledIsolate isolate) { return std::exchange(isolate.isolate_, nullptr); }
  static std::atomic<uint64_t>& Owner(const Isolate& isolate) { return isolate.owner_; }
  static const std::shared_ptr<const vm::Image>& ImageOf(const Snapshot& snapshot) { return snapshot.image_; }
  // Ends an isolate that nobody has entered: disposes of it, or gives it back to its pool. False: somebody has.
  // `entered`: one that this thread has, without a call in it. So no other thread can enter it first.
  static bool End(Isolate* isolate, bool entered = false);
  // Calls `f` for the isolate's Impl, which does not end meanwhile, on any thread; not if it has ended.
  template <typename F>
  static void Visit(Isolate& isolate, F&& f) {
    isolate.BeginVisit();
    if (Isolate::Impl* const impl = isolate.impl_.load(); impl != nullptr) f(*impl);
    isolate.EndVisit();
  }
};

Type TypeOf(const vm::Heap& heap, vm::Value v);

// 1 to 255 characters of UTF-8, as names of host types and kinds of failures are: what is made of them in a heap needs
// no room to be reserved.
bool IsShortName(absl::string_view name);

// For functions that make isolates and snapshots, and catch std::bad_alloc: ResourceExhausted. `what` reads like "an
// isolate".
absl::Status OutOfMemory(absl::string_view what);

}  // namespace islet

#endif  // ISLET_SDK_ISOLATE_IMPL_H_
