#include "isolate/heap/dirty_pages.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <utility>

namespace islet::vm {

namespace {
uint64_t no_bits[(size_t{1} << 32 >> (kPageShift + 6)) + 1];  // never written; not const, to be in .bss
}  // namespace

DirtyPages::DirtyPages(uint32_t image_bytes) : bits_(no_bits), image_bytes_(image_bytes) {}

void DirtyPages::Note(uint32_t offset, size_t bytes) {
  if (bytes == 0) return;
  if (own_bits_ == nullptr) {
    own_bits_ = std::make_unique<uint64_t[]>(Words(image_bytes_));
    bits_ = own_bits_.get();
  }
  const uint32_t last = static_cast<uint32_t>((offset + static_cast<uint64_t>(bytes) - 1) >> kPageShift);
  for (uint32_t number = offset >> kPageShift; number <= last; ++number) {
    uint64_t& word = own_bits_[number >> 6];
    const uint64_t bit = uint64_t{1} << (number & 63);
    if (word & bit) continue;
    auto at = Place(number);
    if (at == by_number_.end() || at->first != number) {
      at = by_number_.insert(at, Entry(number, std::make_unique<Page>()));
      at->second->number = number;
    }
    pages_.push_back(at->second.get());
    word |= bit;  // last, so that a page is never taken for noted when there was no memory to note it
  }
}

void DirtyPages::NoteReference(uint32_t offset) {
  if (!IsDirty(offset)) Note(offset, sizeof(uint32_t));
  Page* page = Place(offset >> kPageShift)->second.get();
  const uint32_t slot = (offset & (kPageSize - 1)) / sizeof(uint32_t);
  page->slots[slot >> 6] |= uint64_t{1} << (slot & 63);
  page->young_slots[slot >> 6] |= uint64_t{1} << (slot & 63);
}

void DirtyPages::Clear() {
  for (Page* page : pages_) {
    own_bits_[page->number >> 6] &= ~(uint64_t{1} << (page->number & 63));
    std::memset(page->slots, 0, sizeof(page->slots));
    std::memset(page->young_slots, 0, sizeof(page->young_slots));
  }
  pages_.clear();
}

void DirtyPages::CopyFrom(const DirtyPages& other) {
  for (const Page* page : other.pages_) {
    Note(page->number << kPageShift, 1);
    *pages_.back() = *page;
  }
}

bool DirtyPages::operator==(const DirtyPages& other) const {
  return std::equal(pages_.begin(), pages_.end(), other.pages_.begin(), other.pages_.end(),
                    [](const Page* a, const Page* b) { return *a == *b; });
}

std::vector<DirtyPages::Entry>::iterator DirtyPages::Place(uint32_t number) {
  return std::lower_bound(by_number_.begin(), by_number_.end(), number,
                          [](const Entry& entry, uint32_t n) { return entry.first < n; });
}

}  // namespace islet::vm
