// Isolates and pools: how they are made and end, what limits them, what they tell.

#include <algorithm>
#include <chrono>
#include <cmath>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "bindings/c/calls.h"
#include "bindings/c/internal.h"
#include "isolate/process/stack_space.h"
#include "sdk/dependents.h"
#include "sdk/isolate_memory.h"

namespace islet::c {

std::shared_ptr<State> NewState(std::shared_ptr<SharedData> shared) {
  auto state = std::make_shared<State>();
  state->shared = std::move(shared);
  return state;
}

namespace {

// For a tenant, which gets the isolate next.
void SetUp(Impl& impl, const std::shared_ptr<SharedData>& shared) {
  if (impl.wrapper == nullptr) {
    impl.wrapper = NewState(shared);
  } else {
    StateOf(impl).Restart();
  }
}

// What [free] functions need: the machine, or why not.
class Free {
 public:
  explicit Free(islet_isolate* isolate) {
    if (isolate == nullptr) {
      why_ = Why::kNull;
      return;
    }
    borrowed_.emplace(CppOf(isolate));
    if (*borrowed_) return;
    const uint64_t owner = BindingAccess::Owner(CppOf(isolate)).load(std::memory_order_relaxed);
    why_ = owner == kNeverAgain                 ? Why::kFreed
           : Impl::IsLostInFork(CppOf(isolate)) ? Why::kLostInFork
                                                : Why::kEnteredElsewhere;
  }
  Why why() const { return why_; }
  Impl* operator->() const { return &**borrowed_; }
  Impl& operator*() const { return **borrowed_; }

 private:
  Why why_ = Why::kNothing;
  std::optional<Impl::Borrowed> borrowed_;
};

uint64_t Nanoseconds(double seconds) { return static_cast<uint64_t>(std::llround(seconds * 1e9)); }

uint64_t StatOf(const IsolateStats& stats, int which) {
  switch (which) {
    case ISLET_STAT_HEAP_BYTES:
      return stats.heap_bytes;
    case ISLET_STAT_YOUNG_BYTES:
      return stats.young_bytes;
    case ISLET_STAT_OLD_BYTES:
      return stats.old_bytes;
    case ISLET_STAT_LARGE_BYTES:
      return stats.large_bytes;
    case ISLET_STAT_EXTERNAL_BYTES:
      return stats.external_bytes;
    case ISLET_STAT_HOST_OBJECTS:
      return stats.host_objects;
    case ISLET_STAT_SPARE_BYTES:
      return stats.spare_bytes;
    case ISLET_STAT_SNAPSHOT_BYTES:
      return stats.snapshot_bytes;
    case ISLET_STAT_DIRTY_PAGES:
      return stats.dirty_pages;
    case ISLET_STAT_STACK_BYTES:
      return stats.stack_bytes;
    case ISLET_STAT_ALLOCATED_BYTES:
      return stats.allocated_bytes;
    case ISLET_STAT_INSTRUCTIONS:
      return stats.instructions;
    case ISLET_STAT_HOST_CALLS:
      return stats.host_calls;
    case ISLET_STAT_MINOR_COLLECTIONS:
      return stats.minor_collections;
    case ISLET_STAT_FULL_COLLECTIONS:
      return stats.full_collections;
    case ISLET_STAT_MINOR_NS:
      return Nanoseconds(stats.minor_seconds);
    case ISLET_STAT_FULL_NS:
      return Nanoseconds(stats.full_seconds);
    case ISLET_STAT_LONGEST_MINOR_NS:
      return Nanoseconds(stats.longest_minor_seconds);
    case ISLET_STAT_LONGEST_FULL_NS:
      return Nanoseconds(stats.longest_full_seconds);
    case ISLET_STAT_REHASHED_ENTRIES:
      return stats.rehashed_entries;
    default:
      return 0;
  }
}

}  // namespace

bool SetLimit(Limits& limits, islet_status which, uint64_t limit) {
  const auto bytes = static_cast<size_t>(limit);
  const std::chrono::nanoseconds time = limit > static_cast<uint64_t>(Limits::kNoTime.count())
                                            ? Limits::kNoTime
                                            : std::chrono::nanoseconds(static_cast<int64_t>(limit));
  switch (which) {
    case ISLET_HEAP_LIMIT:
      limits.heap_bytes = bytes;
      return true;
    case ISLET_STACK_LIMIT:
      limits.stack_bytes = bytes;
      return true;
    case ISLET_FUEL_LIMIT:
      limits.fuel = limit;
      return true;
    case ISLET_CPU_TIME_LIMIT:
      limits.cpu_time = time;
      return true;
    case ISLET_WALL_TIME_LIMIT:
      limits.wall_time = time;
      return true;
    default:
      return false;
  }
}

}  // namespace islet::c

using islet::c::Checked;
using islet::c::CppOf;
using islet::c::Free;
using islet::c::Impl;
using islet::c::State;
using islet::c::Why;

extern "C" {

islet_isolate* islet_isolate_new(islet_snapshot* snapshot, const islet_options* options, islet_error* error) {
  static constexpr char kWho[] = "islet_isolate_new";
  islet_isolate* made = nullptr;
  (void)Checked(error, kWho, [&]() -> islet_status {
    if (snapshot == nullptr) return islet::c::FailNullObject(error, kWho, "snapshot");
    if (options != nullptr && !options->mistake.ok()) return islet::c::FailOpening(error, options->mistake);
    auto isolate = islet::Isolate::FromSnapshot(
        snapshot->snapshot, options != nullptr ? islet::c::WithFunctions(*options) : islet::IsolateOptions());
    if (!isolate.ok()) return islet::c::FailOpening(error, isolate.status());
    (*isolate)->impl()->wrapper = islet::c::NewState(snapshot->shared);
    made = islet::c::CTypeOf(isolate->release());
    return ISLET_OK;
  });
  return made;
}

islet_isolate* islet_isolate_fork(islet_isolate* isolate, islet_error* error) {
  static constexpr char kWho[] = "islet_isolate_fork";
  islet_isolate* made = nullptr;
  (void)Checked(error, kWho, [&]() -> islet_status {
    if (isolate == nullptr) return islet::c::FailNullObject(error, kWho, "isolate");
    std::shared_ptr<islet::c::SharedData> shared;
    {
      const Free free(isolate);
      if (free.why() != Why::kNothing) return islet::c::Fail(error, kWho, free.why());
      if (free->lost()) return islet::c::Fail(error, kWho, Why::kLost);
      shared = islet::c::StateOf(*free).shared;
    }
    auto child = CppOf(isolate).Fork();
    if (!child.ok()) {
      const bool busy = absl::IsFailedPrecondition(child.status());
      if (!busy) return islet::c::FailOpening(error, child.status());
      return islet::c::Fail(error, kWho, ISLET_BUSY, child.status().message());
    }
    (*child)->impl()->wrapper = islet::c::NewState(std::move(shared));
    made = islet::c::CTypeOf(child->release());
    return ISLET_OK;
  });
  return made;
}

islet_status islet_isolate_free(islet_isolate* isolate) {
  if (isolate == nullptr) return ISLET_OK;
  islet::Isolate& cpp = CppOf(isolate);
  const uint64_t owner = islet::BindingAccess::Owner(cpp).load(std::memory_order_relaxed);
  if (owner == islet::kNeverAgain) return ISLET_STALE;
  if (owner == islet::CurrentThread()) {
    Impl& impl = *cpp.impl();
    const bool in_use =
        impl.inside > 0 || impl.asking_host || impl.finalizing || islet::c::StateOf(impl).host_calls > 0;
    if (in_use) return ISLET_BUSY;
    State& state = islet::c::StateOf(impl);
    for (State::Scope& scope : state.scopes) scope.owner = false;  // it is not left before it ends
    state.CloseScopes(impl, 0);
    (void)islet::BindingAccess::End(&cpp, /*entered=*/true);
    return ISLET_OK;
  } else if (Impl::IsLostInFork(cpp)) {
    return ISLET_NOT_ENTERED;
  }
  return islet::BindingAccess::End(&cpp) ? ISLET_OK : ISLET_BUSY;
}

// ---- Pools

islet_pool* islet_pool_new(islet_snapshot* snapshot, const islet_options* options, islet_error* error) {
  static constexpr char kWho[] = "islet_pool_new";
  islet_pool* made = nullptr;
  (void)Checked(error, kWho, [&]() -> islet_status {
    if (snapshot == nullptr) return islet::c::FailNullObject(error, kWho, "snapshot");
    if (options != nullptr && !options->mistake.ok()) return islet::c::FailOpening(error, options->mistake);
    islet::IsolatePool::Options whole;
    if (options != nullptr) {
      whole = options->pool;
      whole.isolate = islet::c::WithFunctions(*options);
      if (options->prepare != nullptr) {
        whole.prepare = [shared = snapshot->shared, prepare = options->prepare,
                         data = options->prepare_data](islet::Isolate& isolate) {
          islet::c::SetUp(*isolate.impl(), shared);
          return islet::c::Prepare(*isolate.impl(), prepare, data.get());
        };
      }
    }
    auto wrapper = std::make_unique<islet_pool>();
    auto pool = islet::IsolatePool::Create(snapshot->snapshot, whole);
    if (!pool.ok()) return islet::c::FailOpening(error, pool.status());
    wrapper->pool = *std::move(pool);
    wrapper->shared = snapshot->shared;
    wrapper->prepares = options != nullptr && options->prepare != nullptr;
    made = wrapper.release();
    return ISLET_OK;
  });
  return made;
}

void islet_pool_free(islet_pool* pool) { delete pool; }

islet_isolate* islet_pool_get(islet_pool* pool, islet_error* error) {
  static constexpr char kWho[] = "islet_pool_get";
  islet_isolate* made = nullptr;
  (void)Checked(error, kWho, [&]() -> islet_status {
    if (pool == nullptr) return islet::c::FailNullObject(error, kWho, "pool");
    auto isolate = pool->pool->Get();
    if (!isolate.ok()) return islet::c::FailPreparing(error, isolate.status());
    if (!pool->prepares) islet::c::SetUp(*(*isolate)->impl(), pool->shared);
    made = islet::c::CTypeOf(islet::BindingAccess::Release(*std::move(isolate)));
    return ISLET_OK;
  });
  return made;
}

size_t islet_pool_trim(islet_pool* pool, size_t keep) { return pool == nullptr ? 0 : pool->pool->Trim(keep); }

islet_status islet_pool_reset_status(islet_pool* pool, islet_error* error) {
  static constexpr char kWho[] = "islet_pool_reset_status";
  return Checked(error, kWho, [&]() -> islet_status {
    if (pool == nullptr) return islet::c::FailNullObject(error, kWho, "pool");
    const absl::Status status = pool->pool->ResetStatus();
    return status.ok() ? ISLET_OK : islet::c::FailOpening(error, status);
  });
}

uint64_t islet_pool_stat(islet_pool* pool, int which) {
  if (pool == nullptr) return 0;
  const islet::IsolatePool::Statistics stats = pool->pool->Stats();
  switch (which) {
    case ISLET_STAT_POOL_IDLE:
      return stats.idle;
    case ISLET_STAT_POOL_IDLE_BYTES:
      return stats.idle_bytes;
    case ISLET_STAT_POOL_CREATED:
      return stats.created;
    case ISLET_STAT_POOL_REUSED:
      return stats.reused;
    case ISLET_STAT_POOL_ABANDONED:
      return stats.abandoned;
    default:
      return 0;
  }
}

// ---- From outside

void islet_interrupt(islet_isolate* isolate) {
  if (isolate != nullptr) CppOf(isolate).Interrupt();
}

void islet_clear_interrupt(islet_isolate* isolate) {
  if (isolate != nullptr) CppOf(isolate).ClearInterrupt();
}

void islet_set_data(islet_isolate* isolate, void* data) {
  const Free free(isolate);
  if (free.why() == Why::kNothing) islet::c::StateOf(*free).data = data;
}

void* islet_data(islet_isolate* isolate) {
  const Free free(isolate);
  return free.why() == Why::kNothing ? islet::c::StateOf(*free).data : nullptr;
}

islet_status islet_set_limit(islet_isolate* isolate, islet_status which, uint64_t limit) {
  const Free free(isolate);
  if (free.why() != Why::kNothing) return islet::c::StatusOf(free.why());
  if (free->lost()) return ISLET_LOST;
  islet::Limits limits = free->limits;
  if (!islet::c::SetLimit(limits, which, limit)) return ISLET_UNSUPPORTED;
  free->ChangeLimits(limits);
  return ISLET_OK;
}

uint64_t islet_limit(islet_isolate* isolate, islet_status which) {
  const Free free(isolate);
  if (free.why() != Why::kNothing) return 0;
  const islet::Limits& limits = free->limits;
  const auto time = [](std::chrono::nanoseconds t) {
    return t == islet::Limits::kNoTime ? ISLET_NO_LIMIT : static_cast<uint64_t>(std::max<int64_t>(t.count(), 0));
  };
  switch (which) {
    case ISLET_HEAP_LIMIT:
      return limits.heap_bytes;
    case ISLET_STACK_LIMIT:
      return limits.stack_bytes;
    case ISLET_FUEL_LIMIT:
      return limits.fuel;
    case ISLET_CPU_TIME_LIMIT:
      return time(limits.cpu_time);
    case ISLET_WALL_TIME_LIMIT:
      return time(limits.wall_time);
    default:
      return 0;
  }
}

uint64_t islet_stat(islet_isolate* isolate, int which) {
  return isolate == nullptr ? 0 : islet::c::StatOf(CppOf(isolate).Stats(), which);
}

islet_status islet_collect(islet_isolate* isolate, int how, islet_error* error) {
  static constexpr char kWho[] = "islet_collect";
  return Checked(error, kWho, [&]() -> islet_status {
    if (isolate == nullptr) return islet::c::FailNullObject(error, kWho, "isolate");
    if (const Why why = islet::c::Usable(isolate); why != Why::kNothing) return islet::c::Fail(error, kWho, why);
    if (how == ISLET_COLLECT_FULL) {
      CppOf(isolate).CollectGarbage();
      return ISLET_OK;
    }
    if (how != ISLET_COLLECT_MINOR) return islet::c::Fail(error, kWho, ISLET_UNSUPPORTED, "no such collection");
    const absl::Status status = islet::InIsolate(CppOf(isolate), [](Impl& impl) {
      if (!impl.vm->heap().Collect()) return absl::ResourceExhaustedError("the heap limit is passed");
      if (impl.dependents != nullptr) impl.FinalizeDead();
      return absl::OkStatus();
    });
    if (status.ok()) return ISLET_OK;
    return islet::c::Fail(error, kWho, Why::kHeapLimit);
  });
}

islet_status islet_flush(islet_isolate* isolate, islet_error* error) {
  static constexpr char kWho[] = "islet_flush";
  return Checked(error, kWho, [&]() -> islet_status {
    if (isolate == nullptr) return islet::c::FailNullObject(error, kWho, "isolate");
    if (const Why why = islet::c::Usable(isolate); why != Why::kNothing) return islet::c::Fail(error, kWho, why);
    const absl::Status status = CppOf(isolate).Flush();
    return status.ok() ? ISLET_OK : islet::c::FailIn(*CppOf(isolate).impl(), error, status, /*described=*/false);
  });
}

islet_status islet_stack_announce(const void* low, size_t bytes, islet_error* error) {
  static constexpr char kWho[] = "islet_stack_announce";
  return Checked(error, kWho, [&]() -> islet_status {
    if (low == nullptr) return islet::c::FailNull(error, kWho, "low");
    if (bytes == 0 || bytes > PTRDIFF_MAX - reinterpret_cast<uintptr_t>(low)) {
      return islet::c::Fail(error, kWho, ISLET_INVALID_ARGUMENT, "bytes is 0, or more than there are behind low");
    }
    islet::vm::AnnounceStack(low, bytes);
    return ISLET_OK;
  });
}

void islet_stack_forget(const void* low) {
  if (low != nullptr) islet::vm::ForgetStack(low);
}

}  // extern "C"
