#include "isolate/heap/scratch.h"

#include <mimalloc.h>

#include <cstdlib>

namespace islet::vm {

// The sanitizers watch over malloc's memory only.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define ISLET_WATCHED_SCRATCH
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define ISLET_WATCHED_SCRATCH
#endif
#endif

#ifdef ISLET_WATCHED_SCRATCH
void* AllocateScratch(size_t bytes) noexcept { return std::malloc(bytes); }
void FreeScratch(void* p) noexcept { std::free(p); }
#else
void* AllocateScratch(size_t bytes) noexcept { return mi_new_nothrow(bytes); }
void FreeScratch(void* p) noexcept { mi_free(p); }
#endif

}  // namespace islet::vm
