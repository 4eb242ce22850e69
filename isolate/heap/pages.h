// Pages of memory: their size, rounding to them, and all that the runtime asks the system to do with them.
//
// pages.cc is the one place that calls mmap, munmap, mprotect, madvise and mlock2, tests aside. It knows what callers
// need not: how memory stays unpopulated in a process that locks what it maps, and what becomes of a range that the
// kernel refuses to unmap.
//
// Any thread may call these functions. Ranges begin at page boundaries. What the system has refused shows in the
// result, with the reason in errno; to unmap changes no errno, so that a destructor does not hide that reason.

#ifndef ISLET_ISOLATE_HEAP_PAGES_H_
#define ISLET_ISOLATE_HEAP_PAGES_H_

#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

namespace islet::vm {

// Of the system, and of snapshots, whose format depends on it.
inline constexpr uint32_t kPageShift = 12;
inline constexpr uint32_t kPageSize = 1u << kPageShift;
// One page of page-table entries covers this much, and so does one huge page (x86-64, and AArch64 with 4 KiB pages).
inline constexpr uint64_t kHugePageSize = uint64_t{2} << 20;

// To a multiple of `unit`.
template <typename T>
constexpr T RoundDown(T n, std::type_identity_t<T> unit) {
  static_assert(std::is_unsigned_v<T>);
  return n / unit * unit;
}
template <typename T>
constexpr T RoundUp(T n, std::type_identity_t<T> unit) {
  return RoundDown<T>(n + unit - 1, unit);
}

// The first page boundary from `p` on.
inline uint8_t* PageEnd(uint8_t* p) { return p + (kPageSize - reinterpret_cast<uintptr_t>(p) % kPageSize) % kPageSize; }

// ---- Ranges of address space

enum class Access : uint8_t { kNone, kRead, kReadWrite };

// Owns a range of address space, or none. Movable.
//
// A range that the kernel refuses to unmap gives its memory back, and is tried again whenever another one is unmapped.
class Mapping {
 public:
  // None.
  Mapping() = default;
  // Takes over what Release has returned.
  Mapping(uint8_t* data, size_t size) : data_(data), size_(size) {}
  Mapping(Mapping&& other) noexcept : data_(other.Release()), size_(other.size_) {}
  Mapping& operator=(Mapping&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~Mapping();

  // The functions that make one return none if the system refuses.

  // Zeroed memory to read and write. The kernel sets nothing aside for it (MAP_NORESERVE), and none of it is resident
  // before it is touched: not even in a process that locks what it will map (mlockall with MCL_FUTURE), where it is
  // locked page by page, as it is touched (MLOCK_ONFAULT). A thread asks whether that is so when it first reserves
  // memory, as asking takes longer than mapping. At `at` if that is not null, and nowhere else.
  static Mapping Reserve(size_t bytes, uint8_t* at = nullptr);
  // Zeroed memory, for all of which there is to be room.
  static Mapping Anonymous(size_t bytes, Access access);
  // The first `bytes` of a file, to read, at a multiple of `alignment`, a power of two.
  static Mapping OfFile(int fd, size_t bytes, size_t alignment = kPageSize);

  explicit operator bool() const { return data_ != nullptr; }
  uint8_t* data() const { return data_; }
  size_t size() const { return size_; }
  // The range, no longer owned.
  uint8_t* Release() { return std::exchange(data_, nullptr); }

  // Unmaps all but the `bytes` from `begin` on, an address in the range.
  void Cut(uint8_t* begin, size_t bytes);
  // False if the system refuses.
  bool Protect(size_t offset, size_t bytes, Access access);
  // Puts a private view of a file in the place of the `bytes` at `offset`. None of it is made resident: see Reserve.
  // False if the system refuses.
  bool PutFile(size_t offset, size_t bytes, Access access, int fd, uint64_t file_offset);

 private:
  uint8_t* data_ = nullptr;
  size_t size_ = 0;
};

// ---- Memory in a range, whoever owns that

// Gives the memory of [begin, end) back to the system: what was anonymous reads as zeros from now on, and a private
// view of a file as the file. False, and nothing has changed, if the system refuses, as where memory is locked.
[[nodiscard]] bool DiscardPages(uint8_t* begin, uint8_t* end);

// Asks the system for the pages of [begin, end) at once, as one page fault for each takes three times as long. A wish:
// pages that are not there will come when they are touched.
void PopulatePages(uint8_t* begin, uint8_t* end);

// The same, and writes to each page what it holds: where the system is a virtual machine, the first store into a page
// that its own host has not provided yet takes another fault, longer than the one that PopulatePages spares.
void TouchPages(uint8_t* begin, uint8_t* end);

// Asks that what comes into [begin, end) come as huge pages. A wish.
void PreferHugePages(const uint8_t* begin, const uint8_t* end);

// Asks that what is in the mapping be gathered into huge pages now. A wish: a kernel before 6.1 cannot, nor one without
// a free huge page.
void CollapseIntoHugePages(const Mapping& mapping);

// Asks for small pages in the mapping where the system gives huge ones unasked. A wish.
void AvoidHugePages(const Mapping& mapping);

}  // namespace islet::vm

#endif  // ISLET_ISOLATE_HEAP_PAGES_H_
