#include "sdk/tenancy.h"

#include <atomic>

namespace islet {

uint64_t NextTenancy() {
  constexpr uint64_t kBlock = 1024;
  static constinit std::atomic<uint64_t> next_block{kFirstTenancy};
  static constinit thread_local uint64_t next = 0, end = 0;
  if (next == end) {
    next = next_block.fetch_add(kBlock, std::memory_order_relaxed);
    end = next + kBlock;
  }
  return next++;
}

}  // namespace islet
