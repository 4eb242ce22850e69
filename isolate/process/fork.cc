#include "isolate/process/fork.h"

#include <linux/membarrier.h>
#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cstdlib>
#include <new>
#include <utility>

namespace islet {
namespace {

// Held by the thread that forks, until it has, and by those that are new.
constinit std::mutex fork_mutex;
ForkGate* gates = nullptr;  // all that have ever been made
constinit std::atomic<uint32_t> generation{0};
constinit ForkHook* hooks = nullptr;

// Gives a gate back when its thread ends. Not a thread_local object with a destructor: such ones run earlier, and may
// still need the gate.
constinit bool has_key = false;
pthread_key_t key;

void GiveBack(void* gate) { static_cast<ForkGate*>(gate)->taken.store(false, std::memory_order_release); }

bool Barrier(int command) { return syscall(SYS_membarrier, command, 0, 0) == 0; }

void Sleep(long nanoseconds) {
  const timespec time = {0, nanoseconds};
  nanosleep(&time, nullptr);
}

// Most threads are at work for less than a microsecond; who opens a snapshot, for milliseconds. So the processor is
// offered to them at first, and then slept, since a thread of lower priority gets none by sched_yield.
constexpr int kYields = 100;
constexpr long kSleepNanoseconds = 50'000;
// Without a barrier, so long is waited until each processor has written what it is to write.
constexpr long kWrittenNanoseconds = 1'000'000;

void WaitFor(const ForkGate& gate) {
  for (int tries = 0; gate.depth.load(std::memory_order_acquire) != 0; ++tries) {
    if (tries < kYields) {
      sched_yield();
    } else {
      Sleep(kSleepNanoseconds);
    }
  }
}

}  // namespace

// The handlers of the process, or of the shared object that this is linked into.
class ForkHandlers {
 public:
  ForkHandlers() {
    has_key = pthread_key_create(&key, GiveBack) == 0;
    ForkGuard::barriers.store(Barrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED), std::memory_order_relaxed);
    pthread_atfork(Before, InParent, InChild);  // unregistered when the shared object is unloaded
  }
  // Threads may end after a shared object is unloaded, and GiveBack with it.
  ~ForkHandlers() {
    const std::lock_guard<std::mutex> lock(fork_mutex);
    if (std::exchange(has_key, false)) pthread_key_delete(key);
  }

 private:
  static void Before() {
    for (const ForkHook* hook = hooks; hook != nullptr; hook = hook->next_) {
      if (hook->before_ != nullptr) hook->before_();
    }
    fork_mutex.lock();
    ForkGuard::forking.store(true, std::memory_order_seq_cst);
    // Refused since the thread has been forbidden it: by then, every processor has long written what it is to write.
    if (ForkGuard::barriers.load(std::memory_order_relaxed) && !Barrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED))
      Sleep(kWrittenNanoseconds);
    for (const ForkGate* gate = gates; gate != nullptr; gate = gate->next) {
      if (gate != ForkGuard::mine) WaitFor(*gate);
    }
  }

  static void InParent() {
    ForkGuard::forking.store(false, std::memory_order_seq_cst);
    fork_mutex.unlock();
  }

  static void InChild() {
    generation.fetch_add(1, std::memory_order_relaxed);
    for (ForkGate* gate = gates; gate != nullptr; gate = gate->next) {
      if (gate != ForkGuard::mine) gate->taken.store(false, std::memory_order_relaxed);
    }
    InParent();
    for (const ForkHook* hook = hooks; hook != nullptr; hook = hook->next_) hook->in_child_();
  }
};

namespace {
ForkHandlers handlers;
}

void ForkGuard::WaitForFork(ForkGate* gate) {
  do {
    gate->depth.store(0, std::memory_order_release);
    {
      const std::lock_guard<std::mutex> lock(fork_mutex);
    }
    gate->depth.store(1, std::memory_order_seq_cst);
  } while (forking.load(std::memory_order_seq_cst));
}

ForkGate* ForkGuard::NewGate() {
  const std::lock_guard<std::mutex> lock(fork_mutex);
  ForkGate* gate = gates;
  while (gate != nullptr && gate->taken.exchange(true, std::memory_order_acquire)) gate = gate->next;
  if (gate == nullptr) {
    void* const memory = std::aligned_alloc(alignof(ForkGate), sizeof(ForkGate));
    if (memory == nullptr) return nullptr;
    gate = ::new (memory) ForkGate;
    gate->taken.store(true, std::memory_order_relaxed);
    gate->next = gates;
    gates = gate;
  }
  mine = gate;
  if (has_key) pthread_setspecific(key, gate);
  return gate;
}

ForkHook::ForkHook(void (*before)(), void (*in_child)()) : before_(before), in_child_(in_child), next_(hooks) {
  hooks = this;
}

uint32_t ForkGeneration() { return generation.load(std::memory_order_relaxed); }

}  // namespace islet
