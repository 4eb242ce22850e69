#include "islet/isolate_pool.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "isolate/capabilities/call_out.h"
#include "sdk/isolate_impl.h"
#include "sdk/isolate_memory.h"

namespace islet {

// The part of a pool that threads share. It is not touched while idle isolates are at hand.
struct IsolatePool::Core {
  Core(Snapshot s, const Options& o, uint64_t n)
      : snapshot(std::move(s)),
        host_functions(o.isolate.host_functions != nullptr ? *o.isolate.host_functions : HostFunctions()),
        options(With(o, host_functions)),
        serial(n) {}
  static Options With(Options options, const HostFunctions& host_functions) {
    options.isolate.host_functions = &host_functions;
    return options;
  }

  const Snapshot snapshot;
  const HostFunctions host_functions;  // as they were when the pool was made
  const Options options;
  const uint64_t serial;
  mutable ForkSafeMutex mutex;
  std::vector<std::shared_ptr<Slots>> slots;  // of all threads
  absl::Status reset_status;
};

// The isolates of one thread. Its lock is taken by another thread only to give back an isolate of this one, or to trim.
// When the thread has ended, the next one that is new to the pool takes over.
struct alignas(64) IsolatePool::Slots {
  explicit Slots(std::shared_ptr<Core> c) : core(std::move(c)) {}

  const std::shared_ptr<Core> core;
  ForkSafeMutex mutex;
  std::vector<Isolate::Impl*> idle;
  size_t abandoned = 0;
  uint64_t created = 0;
  uint64_t reused = 0;
  bool closed = false;                // the pool is gone
  std::atomic<bool> orphaned{false};  // its thread is gone
  uint64_t thread = kNoThread;        // whose it is; by who has the core's lock

  // Takes an idle isolate beyond `keep`, if there is one, to be disposed of outside the lock.
  std::unique_ptr<Isolate::Impl> TakeBeyond(size_t keep) {
    const std::lock_guard<ForkSafeMutex> lock(mutex);
    if (idle.size() <= keep) return nullptr;
    std::unique_ptr<Isolate::Impl> taken(idle.back());
    idle.pop_back();
    return taken;
  }
};

// This thread's slots, of each pool it has used. They are the pool's, and end with it and its isolates.
struct IsolatePool::ThreadTable {
  uint64_t latest_serial = 0;
  Slots* latest = nullptr;
  std::vector<std::weak_ptr<Slots>> all;

  ~ThreadTable() {
    for (const std::weak_ptr<Slots>& mine : all) {
      if (const std::shared_ptr<Slots> slots = mine.lock()) slots->orphaned.store(true, std::memory_order_release);
    }
  }
  static ThreadTable& Get() {
    static thread_local ThreadTable table;
    return table;
  }
};

absl::StatusOr<std::unique_ptr<IsolatePool>> IsolatePool::Create(const Snapshot& snapshot, const Options& options) try {
  static std::atomic<uint64_t> last_serial{0};
  std::unique_ptr<IsolatePool> pool(new IsolatePool(
      std::make_shared<Core>(snapshot, options, last_serial.fetch_add(1, std::memory_order_relaxed) + 1)));
  absl::StatusOr<PooledIsolate> first = pool->Get();  // whether there can be any
  if (!first.ok()) return first.status();
  return pool;
} catch (const std::bad_alloc&) {
  return OutOfMemory("a pool of isolates");
}

absl::StatusOr<std::unique_ptr<IsolatePool>> IsolatePool::Create(const Snapshot& snapshot) {
  return Create(snapshot, Options());
}

IsolatePool::IsolatePool(std::shared_ptr<Core> core) : core_(std::move(core)) {}

IsolatePool::~IsolatePool() {
  std::vector<std::shared_ptr<Slots>> all;
  {
    const std::lock_guard<ForkSafeMutex> lock(core_->mutex);
    all.swap(core_->slots);
  }
  for (const std::shared_ptr<Slots>& slots : all) {
    {
      const std::lock_guard<ForkSafeMutex> lock(slots->mutex);
      slots->closed = true;
    }
    while (slots->TakeBeyond(0) != nullptr) continue;
  }
}

IsolatePool::Slots& IsolatePool::ThisThreadsSlots() {
  ThreadTable& table = ThreadTable::Get();
  return table.latest_serial == core_->serial ? *table.latest : FindSlots();
}

IsolatePool::Slots& IsolatePool::FindSlots() {
  ThreadTable& table = ThreadTable::Get();
  std::shared_ptr<Slots> found;
  for (const std::weak_ptr<Slots>& mine : table.all) {
    const std::shared_ptr<Slots> slots = mine.lock();
    if (slots != nullptr && slots->core == core_) found = slots;
  }
  if (found == nullptr) {
    const auto gone = [](const std::weak_ptr<Slots>& mine) { return mine.expired(); };
    table.all.erase(std::remove_if(table.all.begin(), table.all.end(), gone), table.all.end());
    const std::lock_guard<ForkSafeMutex> lock(core_->mutex);
    for (const std::shared_ptr<Slots>& slots : core_->slots) {
      if (slots->orphaned.exchange(false, std::memory_order_acquire) || IsLostInFork(slots->thread)) {
        found = slots;
        break;
      }
    }
    if (found == nullptr) {
      found = std::make_shared<Slots>(core_);
      core_->slots.push_back(found);
    }
    found->thread = CurrentThread();
    table.all.push_back(found);
  }
  table.latest_serial = core_->serial;
  table.latest = found.get();
  return *found;
}

absl::StatusOr<PooledIsolate> IsolatePool::Get() {
  return core_->options.prepare == nullptr ? GetPristine() : GetPrepared();
}

absl::StatusOr<PooledIsolate> IsolatePool::GetPrepared() {
  absl::StatusOr<PooledIsolate> isolate = GetPristine();
  if (!isolate.ok()) return isolate;
  const auto& prepare = core_->options.prepare;
  absl::Status prepared;
  {
    const Isolate::Scope scope(**isolate);
    prepared =
        HostCall(**isolate, [&](Isolate::Impl& impl) { return CallOut([&] { return prepare(*impl.isolate); }); });
  }
  if (!prepared.ok()) return prepared;
  return isolate;
}

absl::StatusOr<PooledIsolate> IsolatePool::GetPristine() try {
  if (absl::Status status = vm::CheckStack(); !status.ok()) return status;
  Slots& slots = ThisThreadsSlots();
  std::unique_ptr<Isolate::Impl> idle;
  {
    const std::lock_guard<ForkSafeMutex> lock(slots.mutex);
    if (!slots.idle.empty()) {
      idle.reset(slots.idle.back());
      slots.idle.pop_back();
      ++slots.reused;
    } else {
      ++slots.created;
    }
  }
  if (idle != nullptr) return PooledIsolate(IsolateMemory::Attach(std::move(idle)));
  absl::StatusOr<std::unique_ptr<Isolate>> isolate = Isolate::FromSnapshot(core_->snapshot, core_->options.isolate);
  if (!isolate.ok()) return isolate.status();
  for (const std::weak_ptr<Slots>& weak : ThreadTable::Get().all) {
    const std::shared_ptr<Slots> mine = weak.lock();
    if (mine.get() == &slots) (*isolate)->impl()->pool_slots = mine;
  }
  return PooledIsolate(isolate->release());
} catch (const std::bad_alloc&) {
  return OutOfMemory("an isolate of a pool");
}

void IsolatePool::GiveBack(Isolate* isolate) {
  if (!BindingAccess::End(isolate)) Abandon(isolate);
}

bool BindingAccess::End(Isolate* isolate, bool entered) {
  std::unique_ptr<Isolate::Impl> impl = entered ? IsolateMemory::End(isolate) : IsolateMemory::Detach(isolate);
  if (impl == nullptr) return false;
  if (impl->pool_slots == nullptr) return true;
  try {
    IsolatePool::Recycle(impl);
  } catch (const std::exception&) {
    // No memory, or a capability that is to serve the next tenant has thrown: it is disposed of instead.
  }
  return true;
}

// It is entered, and ends when it is not any more.
void IsolatePool::Abandon(Isolate* isolate) {
  if (Isolate::Impl* const impl = isolate->impl(); impl != nullptr) {
    Slots& slots = *static_cast<Slots*>(impl->pool_slots.get());
    const std::lock_guard<ForkSafeMutex> lock(slots.mutex);
    ++slots.abandoned;
  }
  IsolateMemory::Dispose(isolate);
}

void IsolatePool::Recycle(std::unique_ptr<Isolate::Impl>& owned) {
  Isolate::Impl& impl = *owned;
  // The pool, and so these, may end with the isolate.
  const std::shared_ptr<void> kept = impl.pool_slots;
  Slots& slots = *static_cast<Slots*>(kept.get());
  const Options& options = slots.core->options;
  if (impl.lost()) return;
  impl.Reset(options.keep_bytes);
  bool good = true;
  if (options.verify_resets) {
    const absl::Status status = Verify(*slots.core, impl);
    good = status.ok();
    const std::lock_guard<ForkSafeMutex> lock(slots.core->mutex);
    slots.core->reset_status.Update(status);
  }
  if (good) {
    const std::lock_guard<ForkSafeMutex> lock(slots.mutex);
    if (!slots.closed && slots.idle.size() < options.max_idle_per_thread) {
      slots.idle.push_back(owned.get());
      (void)owned.release();  // the list owns it
      return;
    }
  }
  owned.reset();
  if (!good) vm::Cage::DropKept();  // nobody may have what this one has left
}

absl::Status IsolatePool::Verify(const Core& core, Isolate::Impl& impl) {
  absl::StatusOr<std::unique_ptr<Isolate>> fresh = Isolate::FromSnapshot(core.snapshot, core.options.isolate);
  if (!fresh.ok()) return absl::OkStatus();  // nothing to compare with
  const std::string difference = impl.FirstDifference(*(*fresh)->impl(), vm::Unused::kToo);
  if (difference.empty()) return absl::OkStatus();
  return absl::InternalError(absl::StrCat("an isolate that was reset differs from a new one: ", difference));
}

absl::StatusOr<Value> IsolatePool::Procedure(absl::string_view name) {
  absl::StatusOr<PooledIsolate> isolate = GetPristine();
  if (!isolate.ok()) return isolate.status();
  const Isolate::Scope scope(**isolate);
  absl::StatusOr<Value> found = (*isolate)->Lookup(name);
  if (!found.ok()) return found.status();
  if (found->type() != Type::kProcedure) {
    return absl::InvalidArgumentError(absl::StrCat(name, " is not a procedure, but ", TypeName(found->type())));
  }
  Isolate::Impl& impl = *(*isolate)->impl();
  const absl::StatusOr<vm::Value> datum = impl.Resolve(*found);
  if (!datum.ok()) return datum.status();
  return Isolate::Impl::ProcedureOf(impl.image->serial(), datum->bits);
}

size_t IsolatePool::Trim(size_t keep) try {
  std::vector<std::shared_ptr<Slots>> all;
  {
    const std::lock_guard<ForkSafeMutex> lock(core_->mutex);
    all = core_->slots;
  }
  size_t disposed = 0;
  for (const std::shared_ptr<Slots>& slots : all) {
    while (slots->TakeBeyond(keep) != nullptr) ++disposed;
  }
  return disposed;
} catch (const std::bad_alloc&) {
  return 0;
}

IsolatePool::Statistics IsolatePool::Stats() const {
  Statistics statistics;
  const std::lock_guard<ForkSafeMutex> lock(core_->mutex);
  for (const std::shared_ptr<Slots>& slots : core_->slots) {
    const std::lock_guard<ForkSafeMutex> slots_lock(slots->mutex);
    statistics.idle += slots->idle.size();
    statistics.created += slots->created;
    statistics.reused += slots->reused;
    statistics.abandoned += slots->abandoned;
    for (Isolate::Impl* idle : slots->idle) statistics.idle_bytes += idle->vm->heap().KeptBytes();
  }
  return statistics;
}

absl::Status IsolatePool::ResetStatus() const {
  const std::lock_guard<ForkSafeMutex> lock(core_->mutex);
  return core_->reset_status;
}

}  // namespace islet
