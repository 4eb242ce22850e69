#include "isolate/heap/cage_layout.h"

#include <algorithm>
#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "isolate/heap/heap.h"
#include "isolate/heap/pages.h"

namespace islet::vm {
namespace {

// A window is what one page of page-table entries covers.
constexpr uint64_t kWindow = kHugePageSize;
// References are of 32 bits.
constexpr uint64_t kMaxCageSize = uint64_t{4} << 30;
// How much of the nursery should lie in the window with the snapshot's last pages and the stack.
// Whoever uses more can afford another page of page-table entries.
constexpr uint64_t kNurseryInWindow = uint64_t{256} << 10;
// How much of the end of a large image's writable part (what programs write first) lies in that window; the windows
// below it are then all data, and can each be mapped by one huge page.
constexpr uint64_t kHotTail = uint64_t{128} << 10;
// The least that the nursery and old space need, together.
constexpr uint64_t kMinSpaces = uint64_t{24} << 20;

}  // namespace

CageLayout CageLayout::For(uint64_t cage_size, uint32_t writable, uint32_t read_only) {
  CageLayout layout;
  layout.cage_size = cage_size;
  uint64_t image_end = uint64_t{writable} + read_only;
  if (image_end == 0) image_end = kPageSize;
  layout.read_only_begin = writable;
  layout.image_end = static_cast<uint32_t>(std::min<uint64_t>(image_end, ~uint32_t{0}));
  const uint64_t stack_end = image_end + Heap::kStackSize;
  if (cage_size < stack_end + kMargin + kMinSpaces || cage_size > kMaxCageSize) return layout;
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

absl::Status CageLayout::Check() const {
  if (cage_size < kMinCageSize || cage_size > kMaxCageSize || cage_size % kWindow != 0) {
    return absl::InvalidArgumentError(absl::StrCat("a cage of ", cage_size,
                                                   " bytes: its size must be a multiple of 2 MiB from ",
                                                   kMinCageSize >> 20, " MiB to 4 GiB"));
  }
  if (old_end == 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("a cage of ", cage_size >> 20, " MiB is too small for a snapshot of ", image_end >> 10,
                     " KiB and the ", kMinSpaces >> 20, " MiB that an isolate needs besides"));
  }
  return absl::OkStatus();
}

uint64_t CageLayout::BasePhase() const {
  if (young_begin + kNurseryInWindow <= kWindow) return 0;  // all in one window
  // From the hot end of the writable part on, code included, if that fits; else from the end of the image on.
  uint64_t window_start = read_only_begin - std::min<uint64_t>(read_only_begin, kHotTail);
  if (young_begin + kNurseryInWindow > window_start + kWindow) {
    window_start = image_end - std::min<uint64_t>(image_end, kHotTail);
  }
  return (kWindow - window_start % kWindow) % kWindow;
}

uint64_t CageLayout::BaseAlignment() const {
  constexpr uint64_t kMost = uint64_t{1} << 30;
  return std::min(kMost, cage_size & (~cage_size + 1));
}

}  // namespace islet::vm
