// fork() in a process of several threads. In the child, only the thread that has forked goes on: a lock that another
// one held stays locked, and what that one was changing stays half changed.
//
// So a fork waits, on whatever thread it is called, until no other thread is at work in what threads share:
//
//   ForkSafeMutex mutex;                                   // like std::mutex; a fork finds it unlocked
//   const ForkGuard guard;                                 // the same for what is changed without a lock
//
// Invariants:
//  - Nothing that a ForkGuard or a ForkSafeMutex encloses waits for anything but a ForkSafeMutex, or calls the host's
//    code, which may wait for the thread that forks. Locks may be taken in any order as far as forks are concerned.
//  - No condition variable is used with a ForkSafeMutex: who waits would be at work.
//  - Nothing that threads share is made by a static of a function, whose guard is a lock, too: see made_once.h.
//
// fork() is the C library's, which runs the handlers of pthread_atfork. A child that another call has made (vfork,
// posix_spawn, _Fork, clone) may only do what such a child may do anyway: leave, or become another program.

#ifndef ISLET_ISOLATE_PROCESS_FORK_H_
#define ISLET_ISOLATE_PROCESS_FORK_H_

#include <atomic>
#include <cstdint>
#include <mutex>

namespace islet {

// Whether one thread is at work. In memory that is never freed, since a fork looks at those of all threads.
struct alignas(64) ForkGate {
  std::atomic<int> depth{0};  // of ForkGuards; written by its thread only
  std::atomic<bool> taken{false};
  ForkGate* next = nullptr;
};

// While one lives, no other thread's fork() goes on. They nest. A few instructions, but for a thread's first. Not for
// signal handlers.
class ForkGuard {
 public:
  ForkGuard() : gate_(Enter()) {}
  ~ForkGuard() { Leave(gate_); }
  ForkGuard(const ForkGuard&) = delete;
  ForkGuard& operator=(const ForkGuard&) = delete;

 private:
  friend class ForkSafeMutex;
  friend class ForkHandlers;

  // This thread's gate; null if there is no memory for one: then no fork waits.
  static ForkGate* Enter() {
    ForkGate* const gate = mine != nullptr ? mine : NewGate();
    if (gate == nullptr) return nullptr;
    const int depth = gate->depth.load(std::memory_order_relaxed);
    if (depth != 0) {
      gate->depth.store(depth + 1, std::memory_order_relaxed);
      return gate;
    }
    // Either this sees that there is a fork, or the fork sees this: by the fork's membarrier or, without that, by the
    // order of these two.
    if (barriers.load(std::memory_order_relaxed)) {
      gate->depth.store(1, std::memory_order_relaxed);
      std::atomic_signal_fence(std::memory_order_seq_cst);
    } else {
      gate->depth.store(1, std::memory_order_seq_cst);
    }
    if (forking.load(std::memory_order_seq_cst)) WaitForFork(gate);
    return gate;
  }
  static void Leave(ForkGate* gate) {
    if (gate == nullptr) return;
    gate->depth.store(gate->depth.load(std::memory_order_relaxed) - 1, std::memory_order_release);
  }
  static void WaitForFork(ForkGate* gate);
  static ForkGate* NewGate();

  static inline constinit thread_local ForkGate* mine = nullptr;
  static inline constinit std::atomic<bool> forking{false};
  static inline constinit std::atomic<bool> barriers{false};  // the kernel's, whenever a thread forks

  ForkGate* const gate_;
};

// A mutex that no thread holds in a child, but for the one that has forked.
class ForkSafeMutex {
 public:
  constexpr ForkSafeMutex() = default;
  ForkSafeMutex(const ForkSafeMutex&) = delete;
  ForkSafeMutex& operator=(const ForkSafeMutex&) = delete;

  void lock() {
    ForkGate* const gate = ForkGuard::Enter();
    mutex_.lock();
    gate_ = gate;
  }
  bool try_lock() {
    ForkGate* const gate = ForkGuard::Enter();
    if (!mutex_.try_lock()) {
      ForkGuard::Leave(gate);
      return false;
    }
    gate_ = gate;
    return true;
  }
  void unlock() {
    ForkGate* const gate = gate_;
    mutex_.unlock();
    ForkGuard::Leave(gate);
  }

 private:
  std::mutex mutex_;
  ForkGate* gate_ = nullptr;  // of the thread that holds it
};

// Work that a fork takes beside waiting, done by the thread that forks. There is one for each subject, which lives as
// long as the process or shared object. Made before there are several threads: an object of namespace scope.
class ForkHook {
 public:
  // `before` may be null. `in_child` finds all mutexes unlocked; the other threads are gone.
  ForkHook(void (*before)(), void (*in_child)());
  ForkHook(const ForkHook&) = delete;
  ForkHook& operator=(const ForkHook&) = delete;

 private:
  friend class ForkHandlers;
  void (*const before_)();
  void (*const in_child_)();
  ForkHook* const next_;
};

// How many forks lie between this process and the one that began: what another number stands beside is of a thread that
// is not here.
uint32_t ForkGeneration();

}  // namespace islet

#endif  // ISLET_ISOLATE_PROCESS_FORK_H_
