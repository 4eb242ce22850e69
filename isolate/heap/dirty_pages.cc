#include "isolate/heap/dirty_pages.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

namespace islet::vm {

namespace {
uint64_t no_bits[(size_t{1} << 32 >> (DirtyPages::kPageShift + 6)) + 1];  // never written; not const, to be in .bss
}  // namespace

DirtyPages::DirtyPages(uint32_t image_bytes) : bits_(no_bits), image_bytes_(image_bytes) {}

void DirtyPages::Note(uint32_t offset, size_t bytes) {
  if (bytes == 0) return;
  if (own_bits_ == nullptr) {
    own_bits_ = std::make_unique<uint64_t[]>(Words(image_bytes_));
    bits_ = own_bits_.get();
  }
  const uint32_t last =
      static_cast<uint32_t>((offset + static_cast<uint64_t>(bytes) - 1) >> kPageShift);
  for (uint32_t number = offset >> kPageShift; number <= last; ++number) {
    uint64_t& word = own_bits_[number >> 6];
    const uint64_t bit = uint64_t{1} << (number & 63);
    if (word & bit) continue;
    word |= bit;
    auto page = std::make_unique<Page>();
    page->number = number;
    const std::pair<uint32_t, Page*> entry(number, page.get());
    by_number_.insert(std::upper_bound(by_number_.begin(), by_number_.end(), entry), entry);
    pages_.push_back(std::move(page));
  }
}

void DirtyPages::NoteReference(uint32_t offset) {
  if (!IsDirty(offset)) Note(offset, sizeof(uint32_t));
  Page* page = Find(offset >> kPageShift);
  const uint32_t slot = (offset & (kPageSize - 1)) / sizeof(uint32_t);
  page->slots[slot >> 6] |= uint64_t{1} << (slot & 63);
  page->young_slots[slot >> 6] |= uint64_t{1} << (slot & 63);
}

DirtyPages::Page* DirtyPages::Find(uint32_t number) {
  const auto at = std::lower_bound(by_number_.begin(), by_number_.end(), number,
                                   [](const auto& entry, uint32_t n) { return entry.first < n; });
  return at->second;
}

}  // namespace islet::vm
