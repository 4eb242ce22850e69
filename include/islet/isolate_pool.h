// Isolates to be used again: a pool hands out isolates in exactly the state of the snapshot, takes them back, and
// resets them, which costs a fraction of making one.
//
//   auto pool = islet::IsolatePool::Create(*snapshot);
//   auto handler = (*pool)->Procedure("handler");          // looked up once, for all
//   ...
//   absl::StatusOr<islet::PooledIsolate> isolate = (*pool)->Get();      // for each request, on any thread
//   islet::Isolate::Scope scope(**isolate);
//   auto answer = (*isolate)->Call(*handler, {islet::String("www.example.co.uk")});
//                                                          // given back, and reset, at the end of the block
//
// After a reset nothing of the earlier tenant is left to be observed: memory, handles, symbols, counters, open files.
// An isolate that comes from the pool cannot be told from a new one, by the script that runs in it.
//
// Idle isolates stay with the thread that first got them, so that threads share no lock, and the pages that an isolate
// will touch are in the cache of the processor that touched them last.
//
// Thread safety: all methods may be called from any thread at once. In a child of fork(), the forking thread has its
// idle isolates; those of the other threads are taken over by threads that the child starts. What other threads had
// entered is lost.

#ifndef ISLET_ISOLATE_POOL_H_
#define ISLET_ISOLATE_POOL_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "islet/isolate.h"
#include "islet/snapshot.h"
#include "islet/value.h"

namespace islet {

class PooledIsolate;

class IsolatePool {
 public:
  struct Options {
    // Of all its isolates. Host functions, `write`, `streams`, `files`, `clock` and `randomness` serve all threads at
    // once. What tenants write into shared `files` stays; MemoryFiles::Options::per_isolate gives each its own.
    IsolateOptions isolate;
    // An idle isolate keeps about so many bytes of memory, so that the next tenant need not ask the system for it. What
    // a tenant has used beyond goes back.
    size_t keep_bytes = size_t{2} << 20;
    // So many idle isolates at most wait for each thread. Of those given back beyond, memory and mappings go back.
    size_t max_idle_per_thread = 16;
    // Checks after each reset that the isolate equals a new one, byte by byte: for tests, since it takes milliseconds.
    // One that does not is disposed of, and ResetStatus tells.
    bool verify_resets = false;
    // Called by Get for each isolate that it hands out, new or not, on the thread that asks, which has entered it: for
    // what is the request's (Isolate::Define, MakeHostObject). It is one call of the host's, under the limits of
    // `isolate`, and after the procedures given to on-restore. Its failure is Get's, and that of Create, which gets an
    // isolate to see whether there can be any. What it does is undone by the next reset: the pristine state is the
    // snapshot's, and verify_resets compares with that. Serves all threads at once. Null: nothing is to be done.
    std::function<absl::Status(Isolate& isolate)> prepare = nullptr;
  };

  struct Statistics {
    size_t idle = 0;        // waiting, of all threads
    uint64_t created = 0;   // isolates made anew
    uint64_t reused = 0;    // handed out again
    size_t abandoned = 0;   // given back while entered: not used again
    size_t idle_bytes = 0;  // memory that the idle ones keep resident, but for page tables
  };

  // Errors: those of Isolate::FromSnapshot.
  static absl::StatusOr<std::unique_ptr<IsolatePool>> Create(const Snapshot& snapshot, const Options& options);
  static absl::StatusOr<std::unique_ptr<IsolatePool>> Create(const Snapshot& snapshot);
  // Isolates that are out may outlive the pool, and are then disposed of when given back.
  ~IsolatePool();
  IsolatePool(const IsolatePool&) = delete;
  IsolatePool& operator=(const IsolatePool&) = delete;

  // An isolate in the snapshot's state, prepared if Options say so, not entered: an idle one of this thread, or a new
  // one. Errors: those of Isolate::FromSnapshot, and of Options::prepare.
  absl::StatusOr<PooledIsolate> Get();

  // The procedure that the top-level variable `name` holds in the snapshot, for Isolate::Call, or as an argument, in
  // any isolate of the snapshot, from this pool or not, as long as the snapshot exists. (Calls by name find what the
  // variable holds at the time.) Errors: NotFound; InvalidArgument (not a procedure).
  absl::StatusOr<Value> Procedure(absl::string_view name);

  // Disposes of idle isolates but for `keep` of each thread; returns how many.
  size_t Trim(size_t keep = 0);

  Statistics Stats() const;
  // The first fault that Options::verify_resets has found; OK if there was none.
  absl::Status ResetStatus() const;

 private:
  friend class PooledIsolate;
  friend struct BindingAccess;  // sdk/isolate_impl.h
  struct Core;
  struct Slots;
  struct ThreadTable;
  explicit IsolatePool(std::shared_ptr<Core> core);
  absl::StatusOr<PooledIsolate> GetPristine();
  absl::StatusOr<PooledIsolate> GetPrepared();
  Slots& ThisThreadsSlots();
  Slots& FindSlots();
  static void GiveBack(Isolate* isolate);
  static void Abandon(Isolate* isolate);
  static void Recycle(std::unique_ptr<Isolate::Impl>& owned);
  static absl::Status Verify(const Core& core, Isolate::Impl& impl);

  const std::shared_ptr<Core> core_;
};

// An isolate on loan. Movable; its end gives the isolate back, on whatever thread that is. From then on all that refers
// to the isolate finds that it has ended (islet/isolate.h, "Used too late"), and never reaches the next tenant. One
// that is entered then is not used again: it ends, when it is left.
class PooledIsolate {
 public:
  PooledIsolate() = default;
  PooledIsolate(PooledIsolate&& other) noexcept
      : isolate_(std::exchange(other.isolate_, nullptr)), generation_(other.generation_) {}
  PooledIsolate& operator=(PooledIsolate&& other) noexcept {
    if (this != &other) {
      GiveBack();
      isolate_ = std::exchange(other.isolate_, nullptr);
      generation_ = other.generation_;
    }
    return *this;
  }
  ~PooledIsolate() { GiveBack(); }

  // Once given back or moved away: an isolate that has ended.
  Isolate& operator*() const { return isolate_ != nullptr ? *isolate_ : Isolate::Ended(); }
  Isolate* operator->() const { return &**this; }
  // Null once given back or moved away.
  Isolate* get() const { return isolate_; }

  // Gives the isolate back now.
  void GiveBack() {
    Isolate* const isolate = std::exchange(isolate_, nullptr);
    if (isolate == nullptr || isolate->generation_.load(std::memory_order_relaxed) != generation_) return;
    IsolatePool::GiveBack(isolate);
  }

 private:
  friend class IsolatePool;
  friend struct BindingAccess;  // sdk/isolate_impl.h
  explicit PooledIsolate(Isolate* isolate)
      : isolate_(isolate), generation_(isolate->generation_.load(std::memory_order_relaxed)) {}
  Isolate* isolate_ = nullptr;
  uint32_t generation_ = 0;
};

}  // namespace islet

#endif  // ISLET_ISOLATE_POOL_H_
