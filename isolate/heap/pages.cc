#include "isolate/heap/pages.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <mutex>
#include <utility>

#include "isolate/process/fork.h"
#include "isolate/process/made_once.h"

namespace islet::vm {
namespace {

int ProtectionOf(Access access) {
  switch (access) {
    case Access::kNone:
      return PROT_NONE;
    case Access::kRead:
      return PROT_READ;
    case Access::kReadWrite:
      return PROT_READ | PROT_WRITE;
  }
  return PROT_NONE;
}

// ---- Unmapping

// Ranges that could not be unmapped. The kernel refuses where it would have to split a mapping, as a range's end and
// what the kernel has placed behind it may have become one, and the process has as many as it may. Each is tried again
// when another range has been unmapped.
class Leftovers {
 public:
  void Add(void* at, size_t bytes) {
    const std::lock_guard<ForkSafeMutex> lock(mutex_);
    const size_t count = count_.load(std::memory_order_relaxed);
    if (count == ranges_.size()) return;
    ranges_[count] = {at, bytes};
    count_.store(count + 1, std::memory_order_relaxed);
  }

  void TryAgain() {
    if (count_.load(std::memory_order_relaxed) == 0) return;
    const std::unique_lock<ForkSafeMutex> lock(mutex_, std::try_to_lock);
    if (!lock.owns_lock()) return;  // somebody else does
    size_t count = count_.load(std::memory_order_relaxed);
    while (count > 0 && munmap(ranges_[count - 1].at, ranges_[count - 1].bytes) == 0) --count;
    count_.store(count, std::memory_order_relaxed);
  }

 private:
  struct Range {
    void* at;
    size_t bytes;
  };
  // In an array, since to unmap must not need memory. A process may have 65,530 mappings by default, and an isolate
  // takes three: here is room for nearly a fifth of all isolates that there can be. Were there ever more to keep, the
  // rest would stay mapped: address space, but no memory.
  static constexpr size_t kMost = 4096;
  ForkSafeMutex mutex_;
  std::atomic<size_t> count_{0};
  std::array<Range, kMost> ranges_ = {};
};
constinit Leftovers leftovers;  // has no destructor: threads may end later than the process's other objects

void Unmap(void* at, size_t bytes) {
  const int error = errno;
  if (munmap(at, bytes) == 0) {
    leftovers.TryAgain();
  } else {
    madvise(at, bytes, MADV_DONTNEED);
    leftovers.Add(at, bytes);
  }
  errno = error;
}

// ---- Mapping

// Whether the kernel locks what is mapped, and so makes it resident, from now on (mlockall(MCL_FUTURE)). There is no
// call that says so, but what is locked cannot be discarded.
bool LocksFutureMappings() {
  void* const at = mmap(nullptr, kPageSize, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (at == MAP_FAILED) return false;
  const bool locked = madvise(at, kPageSize, MADV_DONTNEED) != 0 && errno == EINVAL;
  Unmap(at, kPageSize);
  return locked;
}

// mmap, which makes nothing resident, even where future mappings are locked: then pages are locked as they are touched.
void* MapUnpopulated(void* at, size_t bytes, Access access, int flags, int fd, off_t offset) {
  // Asked once, since asking takes longer than mapping.
  thread_local const bool locks = LocksFutureMappings();
  if (!locks) return mmap(at, bytes, ProtectionOf(access), flags, fd, offset);
  // The kernel locks what cannot be accessed, but does not populate it.
  void* const result = mmap(at, bytes, PROT_NONE, flags, fd, offset);
  if (result == MAP_FAILED) return result;
  (void)mlock2(result, bytes, MLOCK_ONFAULT);
  if (mprotect(result, bytes, ProtectionOf(access)) == 0) return result;
  Unmap(result, bytes);
  return MAP_FAILED;
}

Mapping Owned(void* at, size_t bytes) {
  return at == MAP_FAILED ? Mapping() : Mapping(static_cast<uint8_t*>(at), bytes);
}

void Advise(const uint8_t* begin, size_t bytes, int advice) {
  (void)madvise(const_cast<uint8_t*>(begin), bytes, advice);
}

// Whether the kernel gives huge pages without being asked ("[always] madvise never").
bool HugePagesByDefault() {
  static constinit MadeOnce<bool> always;
  return always.Get([] {
    const int fd = open("/sys/kernel/mm/transparent_hugepage/enabled", O_RDONLY | O_CLOEXEC);
    if (fd < 0) return false;
    char text[64] = {};
    const ssize_t n = read(fd, text, sizeof(text) - 1);
    close(fd);
    return n > 0 && strstr(text, "[always]") != nullptr;
  });
}

}  // namespace

Mapping::~Mapping() {
  if (data_ != nullptr) Unmap(data_, size_);
}

Mapping Mapping::Reserve(size_t bytes, uint8_t* at) {
  constexpr int kFlags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
  Mapping mapping =
      Owned(MapUnpopulated(at, bytes, Access::kReadWrite, at == nullptr ? kFlags : kFlags | MAP_FIXED_NOREPLACE, -1, 0),
            bytes);
  if (at != nullptr && mapping.data() != at) return Mapping();  // a kernel before 4.17 does not know that flag
  return mapping;
}

Mapping Mapping::Anonymous(size_t bytes, Access access) {
  return Owned(mmap(nullptr, bytes, ProtectionOf(access), MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), bytes);
}

Mapping Mapping::OfFile(int fd, size_t bytes, size_t alignment) {
  if (alignment <= kPageSize) return Owned(mmap(nullptr, bytes, PROT_READ, MAP_PRIVATE, fd, 0), bytes);
  Mapping mapping = Anonymous(bytes + alignment, Access::kNone);
  if (!mapping) return mapping;
  mapping.Cut(mapping.data() + RoundUp(reinterpret_cast<uintptr_t>(mapping.data()), alignment) -
                  reinterpret_cast<uintptr_t>(mapping.data()),
              bytes);
  if (mmap(mapping.data(), bytes, PROT_READ, MAP_PRIVATE | MAP_FIXED, fd, 0) == MAP_FAILED) return Mapping();
  return mapping;
}

void Mapping::Cut(uint8_t* begin, size_t bytes) {
  uint8_t* const end = data_ + size_;
  if (begin > data_) Unmap(data_, static_cast<size_t>(begin - data_));
  if (begin + bytes < end) Unmap(begin + bytes, static_cast<size_t>(end - (begin + bytes)));
  data_ = begin;
  size_ = bytes;
}

bool Mapping::Protect(size_t offset, size_t bytes, Access access) {
  return mprotect(data_ + offset, bytes, ProtectionOf(access)) == 0;
}

bool Mapping::PutFile(size_t offset, size_t bytes, Access access, int fd, uint64_t file_offset) {
  return MapUnpopulated(data_ + offset, bytes, access, MAP_PRIVATE | MAP_FIXED, fd, static_cast<off_t>(file_offset)) !=
         MAP_FAILED;
}

bool DiscardPages(uint8_t* begin, uint8_t* end) {
  return madvise(begin, static_cast<size_t>(end - begin), MADV_DONTNEED) == 0;
}

void PopulatePages(uint8_t* begin, uint8_t* end) {
#ifdef MADV_POPULATE_WRITE  // Linux 5.14
  Advise(begin, static_cast<size_t>(end - begin), MADV_POPULATE_WRITE);
#endif
}

void TouchPages(uint8_t* begin, uint8_t* end) {
  PopulatePages(begin, end);
  for (volatile uint8_t* page = begin; page < end; page += kPageSize) *page = *page;
}

void PreferHugePages(const uint8_t* begin, const uint8_t* end) {
  if (begin < end) Advise(begin, static_cast<size_t>(end - begin), MADV_HUGEPAGE);
}

void CollapseIntoHugePages(const Mapping& mapping) {
  constexpr int kMadviseCollapse = 25;  // MADV_COLLAPSE, which the system's headers may not have yet
  Advise(mapping.data(), mapping.size(), kMadviseCollapse);
}

void AvoidHugePages(const Mapping& mapping) {
  if (HugePagesByDefault()) Advise(mapping.data(), mapping.size(), MADV_NOHUGEPAGE);
}

}  // namespace islet::vm
