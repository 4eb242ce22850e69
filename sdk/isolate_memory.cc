#include "sdk/isolate_memory.h"

#include <sched.h>

#include <atomic>
#include <cstddef>
#include <mutex>
#include <new>
#include <utility>

#include "isolate/process/made_once.h"
#include "sdk/isolate_impl.h"
#include "sdk/tenancy.h"

namespace islet {
namespace {

// So many wait before the first of them serves again. A line of the cache each, of which a thread that gets and gives
// back isolates goes through all in turn.
constexpr size_t kWaiting = 256;

// When a thread's queue is gone already.
thread_local bool thread_ends = false;

}  // namespace

// First in, first out, linked by next_.
struct IsolateMemory::Queue {
  void Push(Isolate* isolate) {
    isolate->next_ = nullptr;
    (first == nullptr ? first : last->next_) = isolate;
    last = isolate;
    ++count;
  }
  Isolate* Pop() {
    --count;
    return std::exchange(first, first->next_);
  }

  Isolate* first = nullptr;
  Isolate* last = nullptr;
  size_t count = 0;
};

// Those of threads that have ended, or that end many more than they make.
struct IsolateMemory::Shared {
  void Push(Queue& from, size_t number) {
    const std::lock_guard<ForkSafeMutex> lock(mutex);
    for (; number > 0 && from.count > 0; --number) queue.Push(from.Pop());
    count.store(queue.count, std::memory_order_relaxed);
  }

  ForkSafeMutex mutex;
  Queue queue;
  std::atomic<size_t> count{0};
  Isolate* leftovers = nullptr;  // disposed of by other threads than those that have entered them
};

struct IsolateMemory::OfThread {
  ~OfThread() {
    thread_ends = true;
    All().Push(queue, queue.count);
  }
  static Queue& Get() {
    static thread_local OfThread mine;
    return mine.queue;
  }
  Queue queue;
};

IsolateMemory::Shared& IsolateMemory::All() {
  static constinit Shared shared;  // has no destructor: threads may end later
  return shared;
}

Isolate* IsolateMemory::Take() {
  if (!thread_ends) {
    Queue& mine = OfThread::Get();
    if (mine.count > kWaiting) return mine.Pop();
  }
  Shared& all = All();
  if (all.count.load(std::memory_order_relaxed) > kWaiting) {
    const std::lock_guard<ForkSafeMutex> lock(all.mutex);
    if (all.queue.count > kWaiting) {
      all.count.store(all.queue.count - 1, std::memory_order_relaxed);
      return all.queue.Pop();
    }
  }
  return MakeEnded();
}

void IsolateMemory::Put(Isolate* isolate) {
  if (thread_ends) {
    Queue one;
    one.Push(isolate);
    All().Push(one, 1);
    return;
  }
  Queue& mine = OfThread::Get();
  mine.Push(isolate);
  if (mine.count > 3 * kWaiting) All().Push(mine, kWaiting);
}

Isolate* IsolateMemory::MakeEnded() {
  void* const memory = ::operator new(sizeof(Isolate), std::align_val_t(alignof(Isolate)));
  Isolate* const isolate = ::new (memory) Isolate();
  isolate->owner_.store(kNeverAgain, std::memory_order_relaxed);
  return isolate;
}

Isolate* IsolateMemory::Attach(std::unique_ptr<Isolate::Impl> impl) {
  Isolate* const isolate = Take();
  impl->isolate = isolate;
  impl->tenancy = NextTenancy();
  isolate->impl_.store(impl.release(), std::memory_order_release);  // a late visitor may see it first
  isolate->owner_.store(kNoThread, std::memory_order_release);
  return isolate;
}

std::unique_ptr<Isolate::Impl> IsolateMemory::End(Isolate* isolate) {
  isolate->owner_.store(kNeverAgain, std::memory_order_relaxed);
  isolate->generation_.fetch_add(1, std::memory_order_relaxed);
  std::unique_ptr<Isolate::Impl> impl(isolate->impl_.exchange(nullptr));
  // One that has seen it before is done in a moment.
  // Those of before a fork are not here.
  const auto visited = [isolate] {
    const uint64_t visitors = isolate->visitors_.load();
    return visitors >> 32 == ForkGeneration() && static_cast<uint32_t>(visitors) != 0;
  };
  while (visited()) sched_yield();
  isolate->disposed_.store(false, std::memory_order_relaxed);
  impl->isolate = nullptr;
  Put(isolate);
  return impl;
}

std::unique_ptr<Isolate::Impl> IsolateMemory::Detach(Isolate* isolate) {
  uint64_t none = kNoThread;
  if (!isolate->owner_.compare_exchange_strong(none, kNeverAgain, std::memory_order_acquire)) return nullptr;
  return End(isolate);
}

bool IsolateMemory::Dispose(Isolate* isolate) {
  if (Detach(isolate) != nullptr) return true;
  const uint64_t owner = isolate->owner_.load(std::memory_order_relaxed);
  if (owner == kNeverAgain || isolate->disposed_.exchange(true)) return false;
  if (owner == CurrentThread()) {
    Isolate::Impl& impl = *isolate->impl();
    if (impl.inside == 0) {
      End(isolate).reset();
    } else {
      impl.disposed_inside = true;
      impl.vm->Interrupt(vm::InterruptReason::kDisposed);
    }
    return false;
  }
  // Nobody will leave it, and what that one was changing may be half changed.
  if (IsLostInFork(owner)) return false;
  isolate->InterruptFor(vm::InterruptReason::kDisposed);
  {
    Shared& all = All();
    const std::lock_guard<ForkSafeMutex> lock(all.mutex);
    isolate->next_ = std::exchange(all.leftovers, isolate);
  }
  EndLeftovers();
  return false;
}

void IsolateMemory::EndLeftovers() {
  Shared& all = All();
  for (;;) {
    Isolate* ended = nullptr;
    {
      const std::lock_guard<ForkSafeMutex> lock(all.mutex);
      for (Isolate** link = &all.leftovers; *link != nullptr; link = &(*link)->next_) {
        uint64_t none = kNoThread;
        if (!(*link)->owner_.compare_exchange_strong(none, kNeverAgain, std::memory_order_acquire)) continue;
        ended = *link;
        *link = ended->next_;
        break;
      }
    }
    if (ended == nullptr) return;
    End(ended).reset();
  }
}

void Isolate::operator delete(Isolate* isolate, std::destroying_delete_t) { IsolateMemory::Dispose(isolate); }

Isolate& Isolate::Ended() {
  static constinit MadeOnce<Isolate*> ended;
  return *ended.Get(IsolateMemory::MakeEnded);
}

}  // namespace islet
