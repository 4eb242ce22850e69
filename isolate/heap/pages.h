// Sizes of pages, and rounding to them.

#ifndef ISLET_ISOLATE_HEAP_PAGES_H_
#define ISLET_ISOLATE_HEAP_PAGES_H_

#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace islet::vm {

// Of the system, and of snapshots, whose format depends on it.
inline constexpr uint32_t kPageShift = 12;
inline constexpr uint32_t kPageSize = 1u << kPageShift;
// What one page of page-table entries covers, and one huge page (x86-64, and AArch64 with 4 KiB pages).
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

}  // namespace islet::vm

#endif  // ISLET_ISOLATE_HEAP_PAGES_H_
