#include "isolate/process/stack_space.h"

#include <pthread.h>
#include <sys/resource.h>
#include <ucontext.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <memory>
#include <mutex>
#include <new>

#include "isolate/process/fork.h"
#include "isolate/process/made_once.h"

extern "C" void* __libc_stack_end;  // the C library's: where the main thread's stack began

namespace islet::vm {
namespace {

// Nobody needs more; and what the main thread may have without a limit ends where anything else happens to be mapped.
constexpr uintptr_t kMost = uintptr_t{64} << 20;

struct Range {
  uintptr_t low = 0;
  uintptr_t bytes = 0;
  bool Has(uintptr_t at) const { return at - low < bytes; }
};

class Announced {
 public:
  void Add(Range range) {
    const std::lock_guard<ForkSafeMutex> lock(mutex_);
    bytes_of_[range.low] = range.bytes;
    stack_announcements.fetch_add(1, std::memory_order_release);
  }
  void Remove(uintptr_t low) {
    const std::lock_guard<ForkSafeMutex> lock(mutex_);
    bytes_of_.erase(low);
    stack_announcements.fetch_add(1, std::memory_order_release);
  }
  // The range that has `here`, empty if there is none; and how many announcements that goes by.
  Range Find(uintptr_t here, uint64_t* announcements) const {
    const std::lock_guard<ForkSafeMutex> lock(mutex_);
    *announcements = stack_announcements.load(std::memory_order_relaxed);
    const auto after = bytes_of_.upper_bound(here);
    if (after == bytes_of_.begin()) return {};
    const Range found = {std::prev(after)->first, std::prev(after)->second};
    return found.Has(here) ? found : Range();
  }
  // Whether some lie in `range`, as arrays of a thread may.
  bool AnyIn(const Range& range) const {
    const std::lock_guard<ForkSafeMutex> lock(mutex_);
    const auto first = bytes_of_.lower_bound(range.low);
    return first != bytes_of_.end() && range.Has(first->first);
  }

 private:
  mutable ForkSafeMutex mutex_;
  std::map<uintptr_t, uintptr_t> bytes_of_;
};

constinit MadeOnce<Announced> announced;

// Where the C library cannot tell (for the main thread it reads /proc/self/maps), but `here` may well be on the main
// thread's.
Range MainStack(uintptr_t here) {
  rlimit limit = {};
  if (getrlimit(RLIMIT_STACK, &limit) != 0) return {};
  const uintptr_t high = reinterpret_cast<uintptr_t>(__libc_stack_end);
  const Range range = {high - std::min<uintptr_t>(limit.rlim_cur, kMost), std::min<uintptr_t>(limit.rlim_cur, kMost)};
  return range.Has(here) ? range : Range();
}

Range ThreadStack(uintptr_t here) {
  Range range;
  pthread_attr_t attributes;
  if (pthread_getattr_np(pthread_self(), &attributes) != 0) return MainStack(here);
  void* low = nullptr;
  size_t size = 0;
  if (pthread_attr_getstack(&attributes, &low, &size) == 0) {
    const uintptr_t most = std::min<uintptr_t>(size, kMost);
    range = {reinterpret_cast<uintptr_t>(low) + size - most, most};
  }
  pthread_attr_destroy(&attributes);
  return range;
}

// Asking takes long for the main thread, so the answer is kept.
constinit thread_local Range thread_stack;

}  // namespace

void AnnounceStack(const void* low, size_t bytes) { announced.Get().Add({reinterpret_cast<uintptr_t>(low), bytes}); }

void ForgetStack(const void* low) { announced.Get().Remove(reinterpret_cast<uintptr_t>(low)); }

size_t FindStack(uintptr_t here) {
  uint64_t announcements = 0;
  if (stack_announcements.load(std::memory_order_acquire) != 0) {
    const Range fiber = announced.Get().Find(here, &announcements);
    if (fiber.bytes != 0) {
      stack_cache = {fiber.low, fiber.bytes, announcements};
      return here - fiber.low;
    }
  }
  if (!thread_stack.Has(here)) thread_stack = ThreadStack(here);
  if (!thread_stack.Has(here)) return 0;
  if (announcements == 0 || !announced.Get().AnyIn(thread_stack)) {
    stack_cache = {thread_stack.low, thread_stack.bytes, announcements};
  }
  return here - thread_stack.low;
}

namespace {

struct Switch {
  void (*run)(void*);
  void* context;
  ucontext_t from;
  ucontext_t to;
};

// makecontext passes ints only.
void RunSwitched(unsigned upper, unsigned lower) {
  Switch* const s = reinterpret_cast<Switch*>(uintptr_t{upper} << 32 | lower);
  s->run(s->context);
}

}  // namespace

void OnOtherStack(size_t bytes, void (*run)(void*), void* context) {
  // The C library's own frames, and a signal's, come on top.
  const size_t size = bytes + kStackScale * (size_t{16} << 10);
  const std::unique_ptr<char[]> stack(new char[size]);
  const auto s = std::make_unique<Switch>();
  s->run = run;
  s->context = context;
  if (getcontext(&s->to) != 0) throw std::bad_alloc();
  s->to.uc_stack.ss_sp = stack.get();
  s->to.uc_stack.ss_size = size;
  s->to.uc_link = &s->from;
  const uintptr_t address = reinterpret_cast<uintptr_t>(s.get());
  makecontext(&s->to, reinterpret_cast<void (*)()>(RunSwitched), 2, static_cast<unsigned>(address >> 32),
              static_cast<unsigned>(address));
  if (swapcontext(&s->from, &s->to) != 0) throw std::bad_alloc();
}

}  // namespace islet::vm
