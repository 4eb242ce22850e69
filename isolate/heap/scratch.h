// Memory outside the heap for the time of a call, from mimalloc. It counts against the heap limit of the isolate that
// runs: see account.h. Giving back what a long operation has used takes milliseconds, for which a call that is to end
// does not wait: see GiveBackScratch.

#ifndef ISLET_ISOLATE_HEAP_SCRATCH_H_
#define ISLET_ISOLATE_HEAP_SCRATCH_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <string>
#include <type_traits>
#include <utility>

#include "isolate/heap/account.h"

namespace islet::vm {

// Null if there is no memory; not if that passes the heap limit. At least `bytes`, uninitialised, aligned for any
// object.
void* AllocateScratch(size_t bytes) noexcept;
void FreeScratch(void* p) noexcept;

// Frees what FreeScratch and PassingText have kept back on this thread, of a run that was to end.
// For whoever begins a call, or is done with an isolate.
void GiveBackKeptScratch() noexcept;
inline constinit thread_local bool keeps_scratch = false;
inline void GiveBackScratch() noexcept {
  if (__builtin_expect(keeps_scratch, 0)) GiveBackKeptScratch();
}

// A text for the time of a call, from what makes a std::string.
struct PassingText {
  PassingText() = default;
  explicit PassingText(std::string made) : text(std::move(made)) {}
  ~PassingText();
  PassingText(const PassingText&) = delete;
  PassingText& operator=(const PassingText&) = delete;

  std::string text;
};

struct ScratchDeleter {
  void operator()(void* p) const { FreeScratch(p); }
};
template <typename T>
using Scratch = std::unique_ptr<T[], ScratchDeleter>;

// Room for `count` objects, uninitialised. Throws std::bad_alloc. May pass the heap limit: so many megabytes at once
// are asked for by TryNewScratch instead.
template <typename T>
Scratch<T> NewScratch(size_t count) {
  static_assert(std::is_trivially_destructible_v<T>);
  void* const p = count > SIZE_MAX / sizeof(T) ? nullptr : AllocateScratch(count * sizeof(T));
  if (p == nullptr) throw std::bad_alloc();
  return Scratch<T>(static_cast<T*>(p));
}

// The same, but null if there is no memory, or if the heap limit forbids it.
template <typename T>
Scratch<T> TryNewScratch(size_t count) {
  static_assert(std::is_trivially_destructible_v<T>);
  if (count > SIZE_MAX / sizeof(T)) return nullptr;
  const Account* const account = scratch_counter.account;
  if (account != nullptr && !account->Allows(count * sizeof(T))) return nullptr;
  return Scratch<T>(static_cast<T*>(AllocateScratch(count * sizeof(T))));
}

// For the standard library's containers.
template <typename T>
struct ScratchAllocator {
  using value_type = T;

  ScratchAllocator() = default;
  template <typename U>
  ScratchAllocator(const ScratchAllocator<U>&) {}  // NOLINT(google-explicit-constructor): containers convert it

  T* allocate(size_t count) { return NewScratch<T>(count).release(); }
  void deallocate(T* p, size_t) { FreeScratch(p); }
  bool operator==(const ScratchAllocator&) const { return true; }
};

}  // namespace islet::vm

#endif  // ISLET_ISOLATE_HEAP_SCRATCH_H_
