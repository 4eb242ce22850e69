#include "isolate/heap/cage.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "isolate/heap/heap.h"
#include "isolate/heap/pages.h"
#include "isolate/process/fork.h"
#include "isolate/process/made_once.h"

namespace islet::vm {
namespace {

// What one page of page-table entries covers.
constexpr uint64_t kWindow = kHugePageSize;
// How much of the nursery should lie in the window with the snapshot's last pages and the stack.
// Whoever uses more can afford another page of page-table entries.
constexpr uint64_t kNurseryInWindow = uint64_t{256} << 10;
// How much of the end of a large image's writable part (what programs write first) lies in that window; the windows
// below it are then all data, and can each be mapped by one huge page.
constexpr uint64_t kHotTail = uint64_t{128} << 10;
// Past the end of old space: what is reached by a small index from a reference to its very end. Nothing is ever there.
constexpr uint64_t kMargin = uint64_t{64} << 10;
// The least that the nursery and old space need, together.
constexpr uint64_t kMinSpaces = uint64_t{24} << 20;

// Where this thread expects room for its next cage: next to its last one, or where it has just
// given one back. A hint only. Cages are placed by it, not by the kernel, because a cage must start
// at the right place in its window, and reserving more in order to cut it to measure takes three
// system calls instead of one.
thread_local uint8_t* next_base = nullptr;

// What Cage::Keep has left for this thread. Of a type without a destructor, so that it can be asked while the thread
// ends.
struct Kept {
  uint8_t* base;
  CageLayout layout;
  uint32_t image;
  bool ended;
};
thread_local Kept kept = {};

// Unmaps it when the thread ends.
struct KeptGuard {
  ~KeptGuard() {
    Cage::DropKept();
    kept.ended = true;
  }
  void Use() {}  // makes it, and so registers its end
};
thread_local KeptGuard kept_guard;

// Ranges that could not be unmapped. The kernel refuses where it would have to split a mapping, as a cage's end and
// what it has placed behind it may have become one, and the process has as many as it may. Each is tried again when a
// cage has been unmapped. Were there ever more than fit, the rest would stay mapped: address space, but no memory.
class Leftovers {
 public:
  void Add(void* at, uint64_t bytes) {
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
    uint64_t bytes;
  };
  ForkSafeMutex mutex_;
  std::atomic<size_t> count_{0};
  std::array<Range, 4096> ranges_ = {};
};
constinit Leftovers leftovers;  // has no destructor: threads may end later than the process's other objects

}  // namespace

void Unmap(void* at, uint64_t bytes) {
  if (munmap(at, bytes) == 0) {
    leftovers.TryAgain();
    return;
  }
  madvise(at, bytes, MADV_DONTNEED);
  leftovers.Add(at, bytes);
}

namespace {

// Whether the kernel locks what is mapped, and so makes it resident, from now on
// (mlockall(MCL_FUTURE)). There is no call that says so, but what is locked cannot be discarded.
bool LocksFutureMappings() {
  void* const at = mmap(nullptr, kPageSize, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (at == MAP_FAILED) return false;
  const bool locked = madvise(at, kPageSize, MADV_DONTNEED) != 0 && errno == EINVAL;
  Unmap(at, kPageSize);
  return locked;
}

// mmap, which makes nothing resident, even where future mappings are locked: then pages are locked
// as they are touched.
void* Map(void* at, uint64_t bytes, int protection, int flags, int fd, off_t offset) {
  // Asked once, since asking takes longer than mapping.
  thread_local const bool locks = LocksFutureMappings();
  if (!locks) return mmap(at, bytes, protection, flags, fd, offset);
  // What cannot be accessed is locked, but not populated.
  void* const result = mmap(at, bytes, PROT_NONE, flags, fd, offset);
  if (result == MAP_FAILED) return result;
  (void)mlock2(result, bytes, MLOCK_ONFAULT);
  if (mprotect(result, bytes, protection) == 0) return result;
  const int error = errno;
  Unmap(result, bytes);
  errno = error;
  return MAP_FAILED;
}

void* Reserve(void* at, uint64_t bytes, int flags) {
  return Map(at, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | flags, -1, 0);
}

// What a cage's base, but for its phase, is a multiple of: as far as cages of this size can stand side by side, 1 GiB,
// which is what one page of the page table's next level covers. An image then takes one, whatever its size.
uint64_t BaseAlignment(const CageLayout& layout) {
  constexpr uint64_t kMost = uint64_t{1} << 30;
  return std::min(kMost, layout.cage_size & (~layout.cage_size + 1));
}

// Anonymous memory of the cage's size whose address has the right phase; or null, with errno.
uint8_t* ReserveCage(const CageLayout& layout) {
  const uint64_t phase = layout.BasePhase();
  const uint64_t size = layout.cage_size;
  const uint64_t alignment = BaseAlignment(layout);
  if (next_base != nullptr) {
    const uint64_t hint = ((reinterpret_cast<uint64_t>(next_base) - phase) & ~(alignment - 1)) + phase;
    void* at = Reserve(reinterpret_cast<void*>(hint), size, MAP_FIXED_NOREPLACE);
    if (at == reinterpret_cast<void*>(hint)) return static_cast<uint8_t*>(at);
    if (at != MAP_FAILED) Unmap(at, size);  // a kernel before 4.17 does not know the flag
  }
  void* at = Reserve(nullptr, size + alignment, 0);
  if (at == MAP_FAILED) return nullptr;
  const uint64_t start = reinterpret_cast<uint64_t>(at);
  uint64_t base = (start & ~(alignment - 1)) + phase;
  if (base < start) base += alignment;
  if (base > start) Unmap(at, base - start);
  if (base < start + alignment) Unmap(reinterpret_cast<void*>(base + size), start + alignment - base);
  return reinterpret_cast<uint8_t*>(base);
}

// A number from a file of one number under /proc; -1 if there is none.
int64_t ReadNumber(const char* path) {
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return -1;
  char text[32] = {};
  const ssize_t n = read(fd, text, sizeof(text) - 1);
  close(fd);
  return n > 0 ? strtoll(text, nullptr, 10) : -1;
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

int64_t CountMappings() {
  const int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return -1;
  int64_t lines = 0;
  char buffer[4096];
  for (;;) {
    const ssize_t n = read(fd, buffer, sizeof(buffer));
    if (n <= 0) break;
    lines += std::count(buffer, buffer + n, '\n');
  }
  close(fd);
  return lines;
}

// What of its address space the process has, and what of it counts as data; 0 if the kernel does
// not tell.
struct AddressSpace {
  uint64_t all = 0;
  uint64_t data = 0;

  static AddressSpace Now() {
    AddressSpace result;
    FILE* const file = fopen("/proc/self/statm", "re");
    if (file == nullptr) return result;
    unsigned long size = 0, data = 0;  // NOLINT: what the file has
    if (fscanf(file, "%lu %*u %*u %*u %*u %lu", &size, &data) == 2) result = {size * kPageSize, data * kPageSize};
    fclose(file);
    return result;
  }
};

// A soft limit of the process, in bytes, if `used` and `more` bytes do not fit in it; else 0.
uint64_t LimitHit(int resource, uint64_t used, uint64_t more) {
  rlimit limit = {};
  if (getrlimit(static_cast<__rlimit_resource_t>(resource), &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return 0;
  return used + more > limit.rlim_cur ? std::max<uint64_t>(limit.rlim_cur, 1) : 0;
}

// Says which limit a failed mmap has probably hit.
absl::Status MappingError(const CageLayout& layout, int error) {
  const std::string size = absl::StrCat(layout.cage_size >> 20, " MiB");
  if (error != ENOMEM && error != EAGAIN) {
    return absl::InternalError(absl::StrCat("cannot map an isolate's memory (", size, "): ", strerror(error)));
  }
  const std::string what = absl::StrCat("cannot reserve ", size, " of address space for an isolate: ");
  const int64_t mappings = CountMappings();
  const int64_t max_mappings = ReadNumber("/proc/sys/vm/max_map_count");
  if (mappings >= 0 && max_mappings > 0 && mappings + 8 >= max_mappings) {
    return absl::ResourceExhaustedError(absl::StrCat("cannot map an isolate's memory: this process has ", mappings,
                                                     " memory mappings, and may have ", max_mappings,
                                                     "; an isolate takes three, and a fourth if its snapshot is a "
                                                     "file's and not trusted. Raise it with: sysctl vm.max_map_count=",
                                                     2 * max_mappings));
  }
  // Since each cage is reserved together with what aligns it.
  const uint64_t more = layout.cage_size + BaseAlignment(layout);
  const AddressSpace used = AddressSpace::Now();
  if (const uint64_t limit = LimitHit(RLIMIT_AS, used.all, more); limit != 0) {
    return absl::ResourceExhaustedError(
        absl::StrCat(what, "the process is limited to ", limit >> 20,
                     " MiB (RLIMIT_AS). Raise it (ulimit -v, or LimitAS= of a systemd unit), or "
                     "make cages smaller"));
  }
  if (const uint64_t limit = LimitHit(RLIMIT_DATA, used.data, more); limit != 0) {
    return absl::ResourceExhaustedError(
        absl::StrCat(what, "the process is limited to ", limit >> 20,
                     " MiB of data, as which reserved memory counts (RLIMIT_DATA). Raise it "
                     "(ulimit -d, or LimitDATA= of a systemd unit),"
                     " or make cages smaller"));
  }
  if (rlimit limit = {}; error == EAGAIN && getrlimit(RLIMIT_MEMLOCK, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY) {
    return absl::ResourceExhaustedError(
        absl::StrCat(what, "the process locks the memory that it maps (mlockall), and may lock ",
                     static_cast<uint64_t>(limit.rlim_cur) >> 10,
                     " KiB (RLIMIT_MEMLOCK). Raise it (ulimit -l, or LimitMEMLOCK= of a systemd "
                     "unit), or lock only what is there"
                     " (MCL_CURRENT) before isolates are made"));
  }
  if (ReadNumber("/proc/sys/vm/overcommit_memory") == 2) {
    return absl::ResourceExhaustedError(
        absl::StrCat(what,
                     "the system counts reserved memory as used (vm.overcommit_memory is 2). Set it with: sysctl"
                     " vm.overcommit_memory=0, or make cages smaller"));
  }
  return absl::ResourceExhaustedError(
      absl::StrCat(what,
                   "the process has none left, or the system no memory for page tables. Make cages "
                   "smaller, or spread"
                   " isolates over several processes"));
}

absl::Status CheckLayout(const CageLayout& layout) {
  constexpr uint64_t kMaxCageSize = uint64_t{4} << 30;
  if (layout.cage_size < CageLayout::kMinCageSize || layout.cage_size > kMaxCageSize ||
      layout.cage_size % kWindow != 0) {
    return absl::InvalidArgumentError(absl::StrCat("a cage of ", layout.cage_size,
                                                   " bytes: its size must be a multiple of 2 MiB from ",
                                                   CageLayout::kMinCageSize >> 20, " MiB to 4 GiB"));
  }
  if (layout.old_end == 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("a cage of ", layout.cage_size >> 20, " MiB is too small for a snapshot of ",
                     layout.image_end >> 10, " KiB and the ", kMinSpaces >> 20, " MiB that an isolate needs besides"));
  }
  return absl::OkStatus();
}

}  // namespace

uint64_t CageLayout::BasePhase() const {
  if (young_begin + kNurseryInWindow <= kWindow) return 0;  // all in one window
  // From the hot end of the writable part on, code included, if that fits; else from the end of the image on.
  uint64_t window_start = read_only_begin - std::min<uint64_t>(read_only_begin, kHotTail);
  if (young_begin + kNurseryInWindow > window_start + kWindow) {
    window_start = image_end - std::min<uint64_t>(image_end, kHotTail);
  }
  return (kWindow - window_start % kWindow) % kWindow;
}

CageLayout CageLayout::For(uint64_t cage_size, uint32_t writable, uint32_t read_only) {
  CageLayout layout;
  layout.cage_size = cage_size;
  uint64_t image_end = uint64_t{writable} + read_only;
  if (image_end == 0) image_end = kPageSize;
  layout.read_only_begin = writable;
  layout.image_end = static_cast<uint32_t>(std::min<uint64_t>(image_end, ~uint32_t{0}));
  const uint64_t stack_end = image_end + Heap::kStackSize;
  if (cage_size < stack_end + kMargin + kMinSpaces || cage_size > uint64_t{4} << 30) return layout;
  const uint64_t rest = cage_size - kMargin - stack_end;
  const uint64_t young_end = stack_end + RoundUp(rest / 4, kPageSize);
  layout.stack_begin = static_cast<uint32_t>(image_end);
  layout.stack_end = static_cast<uint32_t>(stack_end);
  layout.young_begin = layout.stack_end;
  layout.young_end = static_cast<uint32_t>(young_end);
  layout.old_begin = static_cast<uint32_t>(RoundUp(young_end, Heap::kBlockSize));
  layout.old_end = static_cast<uint32_t>((cage_size - kMargin) / Heap::kBlockSize * Heap::kBlockSize);
  return layout;
}

absl::StatusOr<Cage> Cage::Create(const CageLayout& layout, const ImageSource& image) {
  if (absl::Status status = CheckLayout(layout); !status.ok()) return status;
  if (kept.base != nullptr && image.lasting == kept.image && image.lasting != 0 &&
      std::memcmp(&layout, &kept.layout, sizeof(layout)) == 0) {
    return Cage(std::exchange(kept.base, nullptr), layout, image.lasting, /*maps_file=*/true);
  }
  uint8_t* base = ReserveCage(layout);
  if (base == nullptr) return MappingError(layout, errno);
  Cage cage(base, layout, image.lasting, image.fd >= 0);  // unmaps, should the rest fail
  // Where huge pages are always used, the first byte written to old space would cost 2 MiB in each
  // isolate.
  if (HugePagesByDefault()) madvise(base, layout.cage_size, MADV_NOHUGEPAGE);
  if (!cage.PutImage(image)) return MappingError(layout, errno);
  return cage;
}

bool Cage::PutImage(const ImageSource& image) {
  if (image.guarded && mprotect(base_ + layout_.cage_size - kMargin, kMargin, PROT_NONE) != 0) return false;
  if (image.fd < 0 && image.memory == nullptr) return mprotect(base_, kPageSize, PROT_NONE) == 0;
  const uint64_t writable = layout_.read_only_begin;
  const uint64_t read_only = layout_.image_end - writable;
  if (image.fd < 0) {
    std::memcpy(base_, image.memory, layout_.image_end);
    return read_only == 0 || mprotect(base_ + writable, read_only, PROT_READ) == 0;
  }
  constexpr int kFlags = MAP_PRIVATE | MAP_FIXED;
  const off_t offset = static_cast<off_t>(image.file_offset);
  return (writable == 0 || Map(base_, writable, PROT_READ | PROT_WRITE, kFlags, image.fd, offset) != MAP_FAILED) &&
         (read_only == 0 || Map(base_ + writable, read_only, PROT_READ, kFlags, image.fd,
                                offset + static_cast<off_t>(writable)) != MAP_FAILED);
}

void Cage::Keep(Cage cage) {
  if (cage.image_ == 0 || kept.ended) return;
  kept_guard.Use();
  DropKept();
  kept.base = std::exchange(cage.base_, nullptr);
  kept.layout = cage.layout_;
  kept.image = cage.image_;
}

void Cage::DropKept() {
  if (kept.base == nullptr) return;
  Unmap(kept.base, kept.layout.cage_size);
  next_base = std::exchange(kept.base, nullptr);
}

Cage::Cage(uint8_t* base, const CageLayout& layout, uint32_t image, bool maps_file)
    : base_(base), layout_(layout), image_(image), maps_file_(maps_file) {
  // The next one goes below, as the kernel would place it.
  const uint64_t at = reinterpret_cast<uint64_t>(base);
  next_base = at > 2 * layout.cage_size ? base - layout.cage_size : nullptr;
}

Cage::Cage(Cage&& other) noexcept
    : base_(std::exchange(other.base_, nullptr)),
      layout_(other.layout_),
      image_(other.image_),
      maps_file_(other.maps_file_) {}

Cage& Cage::operator=(Cage&& other) noexcept {
  if (this != &other) {
    Cage old(std::move(*this));
    base_ = std::exchange(other.base_, nullptr);
    layout_ = other.layout_;
    image_ = other.image_;
    maps_file_ = other.maps_file_;
  }
  return *this;
}

Cage::~Cage() {
  if (base_ == nullptr) return;
  Unmap(base_, layout_.cage_size);
  next_base = base_;
}

}  // namespace islet::vm
