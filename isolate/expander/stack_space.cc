#include "isolate/expander/stack_space.h"

#include <pthread.h>

#include <cstdint>

namespace islet::vm {

namespace {

constexpr size_t kUnknown = size_t{64} << 10;

struct Bounds {
  uintptr_t low = 0;
  uintptr_t high = 0;
};

// For the main thread asking is dear (the C library reads /proc/self/maps), so the answer is kept.
thread_local Bounds bounds;

}  // namespace

size_t RemainingStack() {
  if (bounds.high == 0) {
    bounds = {1, 1};
    pthread_attr_t attributes;
    if (pthread_getattr_np(pthread_self(), &attributes) == 0) {
      void* low;
      size_t size;
      if (pthread_attr_getstack(&attributes, &low, &size) == 0) {
        bounds.low = reinterpret_cast<uintptr_t>(low);
        bounds.high = bounds.low + size;
      }
      pthread_attr_destroy(&attributes);
    }
  }
  const uintptr_t here = reinterpret_cast<uintptr_t>(__builtin_frame_address(0));
  return here > bounds.low && here < bounds.high ? here - bounds.low : kUnknown;
}

}  // namespace islet::vm
