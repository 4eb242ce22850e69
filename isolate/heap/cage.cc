#include "isolate/heap/cage.h"

#include <errno.h>

#include <cstdint>
#include <cstring>
#include <utility>

#include "absl/status/status.h"
#include "isolate/heap/cage_error.h"
#include "isolate/heap/pages.h"

namespace islet::vm {
namespace {

// ---- Where a cage goes

// Where this thread expects room for its next cage: next to its last one, or where it has just given one back. A hint
// only. Cages are placed by it, not by the kernel, because a cage must start at the right place in its window, and
// reserving more in order to cut it to measure takes three system calls instead of one.
thread_local uint8_t* next_base = nullptr;

// Anonymous memory of the cage's size whose address has the right phase; or none, with errno.
Mapping ReserveCage(const CageLayout& layout) {
  const uint64_t phase = layout.BasePhase();
  const uint64_t size = layout.cage_size;
  const uint64_t alignment = layout.BaseAlignment();
  if (next_base != nullptr) {
    const uint64_t hint = ((reinterpret_cast<uint64_t>(next_base) - phase) & ~(alignment - 1)) + phase;
    if (Mapping there = Mapping::Reserve(size, reinterpret_cast<uint8_t*>(hint))) return there;
  }
  Mapping room = Mapping::Reserve(size + alignment);
  if (!room) return room;
  const uint64_t start = reinterpret_cast<uint64_t>(room.data());
  uint64_t base = (start & ~(alignment - 1)) + phase;
  if (base < start) base += alignment;
  room.Cut(reinterpret_cast<uint8_t*>(base), size);
  return room;
}

// ---- The cage that a thread keeps

// The cage that Cage::Keep has left for this thread. Of a type without a destructor, so that it can be asked while the
// thread ends.
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

}  // namespace

absl::StatusOr<Cage> Cage::Create(const CageLayout& layout, const ImageSource& image) {
  if (absl::Status status = layout.Check(); !status.ok()) return status;
  if (kept.base != nullptr && image.lasting == kept.image && image.lasting != 0 &&
      std::memcmp(&layout, &kept.layout, sizeof(layout)) == 0) {
    Mapping mapping(std::exchange(kept.base, nullptr), layout.cage_size);
    return Cage(std::move(mapping), layout, image.lasting, /*maps_file=*/true);
  }
  Mapping mapping = ReserveCage(layout);
  if (!mapping) return CageError(layout, errno);
  Cage cage(std::move(mapping), layout, image.lasting, image.fd >= 0);
  // Where huge pages are always used, the first byte written to old space would cost 2 MiB in each isolate.
  AvoidHugePages(cage.mapping_);
  if (!cage.PutImage(image)) return CageError(layout, errno);
  return cage;
}

bool Cage::PutImage(const ImageSource& image) {
  constexpr uint64_t kMargin = CageLayout::kMargin;
  if (image.guarded && !mapping_.Protect(layout_.cage_size - kMargin, kMargin, Access::kNone)) return false;
  if (image.fd < 0 && image.memory == nullptr) return mapping_.Protect(0, kPageSize, Access::kNone);
  const uint64_t writable = layout_.read_only_begin;
  const uint64_t read_only = layout_.image_end - writable;
  if (image.fd < 0) {
    std::memcpy(base(), image.memory, layout_.image_end);
    return read_only == 0 || mapping_.Protect(writable, read_only, Access::kRead);
  }
  return (writable == 0 || mapping_.PutFile(0, writable, Access::kReadWrite, image.fd, image.file_offset)) &&
         (read_only == 0 ||
          mapping_.PutFile(writable, read_only, Access::kRead, image.fd, image.file_offset + writable));
}

void Cage::Keep(Cage cage) {
  if (cage.image_ == 0 || kept.ended) return;
  kept_guard.Use();
  DropKept();
  kept.base = cage.mapping_.Release();
  kept.layout = cage.layout_;
  kept.image = cage.image_;
}

void Cage::DropKept() {
  if (kept.base == nullptr) return;
  next_base = kept.base;
  const Mapping unmapped(std::exchange(kept.base, nullptr), kept.layout.cage_size);
}

Cage::Cage(Mapping mapping, const CageLayout& layout, uint32_t image, bool maps_file)
    : mapping_(std::move(mapping)), layout_(layout), image_(image), maps_file_(maps_file) {
  // The next one goes below, as the kernel would place it.
  const uint64_t at = reinterpret_cast<uint64_t>(base());
  next_base = at > 2 * layout.cage_size ? base() - layout.cage_size : nullptr;
}

Cage::~Cage() {
  if (mapping_) next_base = base();
}

}  // namespace islet::vm
