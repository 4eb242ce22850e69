#include "isolate/heap/scratch.h"

#include <malloc.h>
#include <mimalloc.h>

#include <cstdlib>
#include <cstring>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "isolate/heap/poll.h"
#include "isolate/process/fork.h"

namespace islet::vm {

// The sanitizers watch over malloc's memory only.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define ISLET_WATCHED_SCRATCH
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define ISLET_WATCHED_SCRATCH
#endif
#endif

namespace {

// Freeing a text of tens of megabytes takes milliseconds: the system's, to take its pages back.
constexpr size_t kLongText = size_t{1} << 20;

struct KeptBack {
  ~KeptBack() { GiveBackScratch(); }
  void* blocks = nullptr;  // each with the next one's address at its start
  std::vector<std::string> texts;
};
thread_local KeptBack kept_back;

}  // namespace

namespace {

#ifdef ISLET_WATCHED_SCRATCH
void* Allocate(size_t bytes) noexcept { return std::malloc(bytes); }
void FreeUncounted(void* p) noexcept { std::free(p); }
size_t UsableSize(void* p) noexcept { return malloc_usable_size(p); }
#else
// In a child that was forked, mimalloc would wait for ever for a thread that was in the midst of these.
void* Allocate(size_t bytes) noexcept {
  const ForkGuard guard;
  return mi_new_nothrow(bytes);
}
void FreeUncounted(void* p) noexcept {
  const ForkGuard guard;
  mi_free(p);
}
size_t UsableSize(void* p) noexcept { return mi_usable_size(p); }
#endif

void Free(void* p) noexcept {
  if (p == nullptr) return;
  scratch_counter.bytes -= UsableSize(p);
  FreeUncounted(p);
}

// True if the thread's run is to end, up to the host; an escape within it might come by any number
// of times.
bool EndsForGood() { return Ended() && !PollInterrupts(); }

}  // namespace

void* AllocateScratch(size_t bytes) noexcept {
  void* const p = Allocate(bytes);
  if (p == nullptr) return nullptr;
  scratch_counter.bytes += UsableSize(p);
  if (scratch_counter.account != nullptr) scratch_counter.account->Check();
  return p;
}

void FreeScratch(void* p) noexcept {
  // Small ones, too: mimalloc takes the occasion of any to give back what has been free for a
  // while.
  if (p != nullptr && EndsForGood() && UsableSize(p) >= sizeof(void*)) {
    std::memcpy(p, &kept_back.blocks, sizeof(void*));
    kept_back.blocks = p;
    keeps_scratch = true;
    return;
  }
  Free(p);
}

void GiveBackKeptScratch() noexcept {
  KeptBack& kept = kept_back;
  keeps_scratch = false;
  while (kept.blocks != nullptr) {
    void* const p = kept.blocks;
    std::memcpy(&kept.blocks, p, sizeof(void*));
    Free(p);
  }
  kept.texts.clear();
}

PassingText::~PassingText() {
  if (text.capacity() < kLongText || !EndsForGood()) return;
  try {
    kept_back.texts.push_back(std::move(text));
    keeps_scratch = true;
  } catch (const std::bad_alloc&) {
    // Freed at once, then.
  }
}

}  // namespace islet::vm
