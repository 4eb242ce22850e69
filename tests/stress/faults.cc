#include "tests/stress/faults.h"

#include <errno.h>
#include <sys/mman.h>

#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <new>

namespace islet::stress {
namespace {

constexpr int kFaults = static_cast<int>(Fault::kCount);
// An allocation fails among the first 2^kMostBits of a scope; each power of two is as likely.
constexpr int kMostBits = 12;

// Of a type without constructor and destructor, since operator new asks for it at any time of a thread's life.
struct ThreadFaults {
  uint64_t state;
  uint64_t threshold;  // a draw below this is a fault
  bool armed[kFaults];
  int injected[kFaults];        // by the current scope
  int64_t calls_left[kFaults];  // until one fails; 0: none will; kAll
};
thread_local ThreadFaults mine = {};

// While mimalloc runs on this thread, only its mmap fails. It never tries again to give back what it could not, so each
// other fault may cost 32 MiB of addresses for good, which would hide what the runtime itself leaves behind.
thread_local bool in_mimalloc = false;

class MimallocScope {
 public:
  MimallocScope() { in_mimalloc = true; }
  ~MimallocScope() { in_mimalloc = false; }
  MimallocScope(const MimallocScope&) = delete;
  MimallocScope& operator=(const MimallocScope&) = delete;
};

std::atomic<uint64_t> total[kFaults];

// SplitMix64 (Steele, Lea and Flood: Fast splittable pseudorandom number generators, 2014).
uint64_t Draw() {
  uint64_t z = (mine.state += 0x9e3779b97f4a7c15);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

bool Count(Fault fault) {
  const int i = static_cast<int>(fault);
  ++mine.injected[i];
  total[i].fetch_add(1, std::memory_order_relaxed);
  return true;
}

// A call that was counted out.
bool IsNext(Fault fault) {
  int64_t& left = mine.calls_left[static_cast<int>(fault)];
  if (left == 0 || (left != FaultScope::kAll && --left != 0)) return false;
  return Count(fault);
}

bool Fails(Fault fault) {
  if (IsNext(fault)) return true;
  if (!mine.armed[static_cast<int>(fault)] || Draw() >= mine.threshold) return false;
  return Count(fault);
}

bool FailsOutsideMimalloc(Fault fault) { return !in_mimalloc && Fails(fault); }

}  // namespace

const char* FaultName(Fault fault) {
  constexpr const char* kNames[kFaults] = {"mmap",         "munmap",       "mprotect", "madvise",
                                           "memfd_create", "operator new", "mi_malloc"};
  return kNames[static_cast<int>(fault)];
}

void SeedFaults(uint64_t seed, double probability) {
  mine = {};
  mine.state = seed;
  mine.threshold = probability >= 1 ? ~uint64_t{0} : static_cast<uint64_t>(probability * 0x1p64);
}

FaultScope::FaultScope(std::initializer_list<Fault> faults) {
  for (int& injected : mine.injected) injected = 0;
  for (const Fault fault : faults) mine.armed[static_cast<int>(fault)] = true;
  if (mine.armed[static_cast<int>(Fault::kNew)] && Draw() < mine.threshold) {
    const uint64_t bound = uint64_t{1} << (1 + Draw() % kMostBits);
    mine.calls_left[static_cast<int>(Fault::kNew)] = static_cast<int64_t>(1 + Draw() % bound);
  }
}

FaultScope::FaultScope(Fault fault, int64_t nth) {
  for (int& injected : mine.injected) injected = 0;
  mine.calls_left[static_cast<int>(fault)] = nth;
}

FaultScope::~FaultScope() { End(); }

void FaultScope::End() {
  for (bool& armed : mine.armed) armed = false;
  for (int64_t& left : mine.calls_left) left = 0;
}

int FaultScope::injected() const {
  int sum = 0;
  for (const int injected : mine.injected) sum += injected;
  return sum;
}

int FaultScope::injected(Fault fault) const { return mine.injected[static_cast<int>(fault)]; }

uint64_t FaultsInjected(Fault fault) { return total[static_cast<int>(fault)].load(std::memory_order_relaxed); }

}  // namespace islet::stress

using islet::stress::Fault;

// ---- What the linker puts in the place of the real ones

extern "C" {

void* __real_mmap(void* at, size_t bytes, int protection, int flags, int fd, off_t offset);
int __real_munmap(void* at, size_t bytes);
int __real_mprotect(void* at, size_t bytes, int protection);
int __real_memfd_create(const char* name, unsigned flags);
int __real_madvise(void* at, size_t bytes, int advice);
void* __real_mi_malloc(size_t bytes);
void* __real_mi_new_nothrow(size_t bytes);
void __real_mi_free(void* p);

void* __wrap_mmap(void* at, size_t bytes, int protection, int flags, int fd, off_t offset) {
  if (islet::stress::Fails(Fault::kMap)) {
    errno = islet::stress::Draw() % 4 == 0 ? EAGAIN : ENOMEM;
    return MAP_FAILED;
  }
  return __real_mmap(at, bytes, protection, flags, fd, offset);
}

int __wrap_munmap(void* at, size_t bytes) {
  if (islet::stress::FailsOutsideMimalloc(Fault::kUnmap)) {
    errno = ENOMEM;
    return -1;
  }
  return __real_munmap(at, bytes);
}

int __wrap_mprotect(void* at, size_t bytes, int protection) {
  if (islet::stress::FailsOutsideMimalloc(Fault::kProtect)) {
    errno = ENOMEM;
    return -1;
  }
  return __real_mprotect(at, bytes, protection);
}

int __wrap_madvise(void* at, size_t bytes, int advice) {
  if (islet::stress::FailsOutsideMimalloc(Fault::kAdvise)) {
    constexpr int kErrors[] = {EINVAL, ENOMEM, EAGAIN};
    errno = kErrors[islet::stress::Draw() % 3];
    return -1;
  }
  return __real_madvise(at, bytes, advice);
}

int __wrap_memfd_create(const char* name, unsigned flags) {
  if (islet::stress::Fails(Fault::kMemfd)) {
    constexpr int kErrors[] = {ENOSYS, EPERM, EMFILE};
    errno = kErrors[islet::stress::Draw() % 3];
    return -1;
  }
  return __real_memfd_create(name, flags);
}

void* __wrap_mi_malloc(size_t bytes) {
  if (islet::stress::Fails(Fault::kNumbers)) return nullptr;
  const islet::stress::MimallocScope scope;
  return __real_mi_malloc(bytes);
}

void* __wrap_mi_new_nothrow(size_t bytes) {
  if (islet::stress::IsNext(Fault::kNew)) return nullptr;
  const islet::stress::MimallocScope scope;
  return __real_mi_new_nothrow(bytes);
}

void __wrap_mi_free(void* p) {
  const islet::stress::MimallocScope scope;
  __real_mi_free(p);
}

}  // extern "C"

// ---- operator new: also that of the C++ library's own code

void* operator new(size_t bytes) {
  void* const p = islet::stress::IsNext(Fault::kNew) ? nullptr : std::malloc(bytes == 0 ? 1 : bytes);
  if (p == nullptr) throw std::bad_alloc();
  return p;
}
void* operator new[](size_t bytes) { return operator new(bytes); }
void* operator new(size_t bytes, std::align_val_t alignment) {
  void* p = nullptr;
  if (islet::stress::IsNext(Fault::kNew) ||
      posix_memalign(&p, static_cast<size_t>(alignment), bytes == 0 ? 1 : bytes) != 0) {
    throw std::bad_alloc();
  }
  return p;
}
void* operator new[](size_t bytes, std::align_val_t alignment) { return operator new(bytes, alignment); }
void operator delete(void* p) noexcept { std::free(p); }
void operator delete[](void* p) noexcept { std::free(p); }
void operator delete(void* p, size_t) noexcept { std::free(p); }
void operator delete[](void* p, size_t) noexcept { std::free(p); }
void operator delete(void* p, std::align_val_t) noexcept { std::free(p); }
void operator delete[](void* p, std::align_val_t) noexcept { std::free(p); }
void operator delete(void* p, size_t, std::align_val_t) noexcept { std::free(p); }
void operator delete[](void* p, size_t, std::align_val_t) noexcept { std::free(p); }
