#include "isolate/heap/spare_memory.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "isolate/heap/pages.h"
#include "isolate/heap/poll.h"

namespace islet::vm {
namespace {

// Bytes of a period without a full collection, at least, and for each byte that the old space has resident. A program
// of whose objects one in 25 survives has a full collection by then; one of fewer has little use for spare blocks.
constexpr size_t kShortestPeriod = size_t{64} << 20;
constexpr size_t kAllocatedForEachByte = 8;
// Bytes of surplus that go back after a minor collection: some 50 us, a small part of what that takes.
constexpr size_t kSurplusAtOnce = size_t{256} << 10;
// Bytes that are given back between two polls.
constexpr size_t kGivenBackAtOnce = size_t{1} << 20;
// Bytes of the table that the system is asked for in one call.
constexpr ptrdiff_t kPopulatedAtOnce = ptrdiff_t{256} << 10;

}  // namespace

// ---- Blocks.

void SpareMemory::MakeRoomFor(size_t blocks) {
  if (blocks > blocks_.capacity()) blocks_.reserve(std::max(blocks, 2 * blocks_.capacity()));
}

void SpareMemory::AddBlock(uint32_t index, size_t used) {
  if (index >= blocks_.size()) blocks_.resize(index + 1, kAbsent);
  blocks_[index] = kZero + static_cast<uint32_t>(used);
  ++count_;
}

bool SpareMemory::TakeBlock(uint32_t index) {
  if (!IsSpare(index)) return false;
  ClearBlock(index);
  blocks_[index] = kAbsent;
  --count_;
  now_.least_blocks = std::min(now_.least_blocks, count_);
  return true;
}

void SpareMemory::TouchBlock(uint32_t index) {
  TouchPages(BlockStart(index), BlockStart(index + size_t{1}));
  AddBlock(index, 0);
}

void SpareMemory::ClearBlock(uint32_t index) {
  if (!IsSpare(index)) return;
  std::memset(BlockStart(index), 0, blocks_[index] - kZero);
  blocks_[index] = kZero;
}

void SpareMemory::ForgetBlocks() {
  blocks_ = ReusableVector<uint32_t>();
  count_ = surplus_blocks_ = 0;
  last_.least_blocks = now_.least_blocks = 0;
  allocated_ = 0;
}

// ---- The table.

void SpareMemory::TakeTable(uint8_t* begin, uint8_t* end, uint8_t* floor) {
  uint8_t* const resident = table_end_ - table_bytes_;
  if (end > resident) {
    uint8_t* const stale = std::max(begin, resident);
    std::memset(stale, 0, static_cast<size_t>(end - stale));
  }
  if (begin < resident) {
    uint8_t* const from = std::min(begin, resident - std::min(resident - floor, kPopulatedAtOnce));
    PopulatePages(from, resident);
    table_bytes_ = static_cast<size_t>(table_end_ - from);
  }
  now_.most_table = std::max(now_.most_table, static_cast<size_t>(table_end_ - begin));
}

void SpareMemory::CutTable(uint8_t* end) {
  if (end > table_end_ - table_bytes_) table_bytes_ = static_cast<size_t>(table_end_ - end);
}

void SpareMemory::DropTable() {
  if (!GiveBackTable(table_bytes_)) std::memset(table_end_ - table_bytes_, 0, table_bytes_);
  surplus_table_ = last_.most_table = now_.most_table = 0;
}

// ---- What goes back.

void SpareMemory::EndPeriod() {
  surplus_blocks_ = std::min(last_.least_blocks, now_.least_blocks);
  const size_t table = std::max(last_.most_table, now_.most_table);
  surplus_table_ = table_bytes_ > table ? RoundDown(table_bytes_ - table, kPageSize) : 0;
  last_ = now_;
  now_ = {count_, 0};
  allocated_ = 0;
}

void SpareMemory::NoteMinorCollection(size_t young_bytes, size_t old_bytes) {
  allocated_ += young_bytes;
  if (allocated_ >= std::max(kShortestPeriod, kAllocatedForEachByte * (old_bytes + bytes()))) EndPeriod();
  if (surplus_table_ > 0) {
    const size_t bytes = std::min({surplus_table_, table_bytes_, kSurplusAtOnce});
    surplus_table_ -= bytes;
    if (bytes > 0) (void)GiveBackTable(bytes);
  } else if (surplus_blocks_ > 0) {
    const uint32_t given =
        GiveBackLastBlocks(std::min(surplus_blocks_, static_cast<uint32_t>(kSurplusAtOnce / kBlockSize)));
    surplus_blocks_ = given == 0 ? 0 : surplus_blocks_ - given;
  }
}

void SpareMemory::GiveBackBeyond(size_t limit, bool polls) {
  while (bytes() > limit) {
    const size_t most = std::min(bytes() - limit, kGivenBackAtOnce);
    if (count_ > 0) {
      const size_t blocks = RoundUp(most, kBlockSize) / kBlockSize;
      if (GiveBackLastBlocks(static_cast<uint32_t>(blocks)) == 0) return;
    } else if (!GiveBackTable(std::min(table_bytes_, RoundUp(most, kPageSize)))) {
      return;
    }
    if (polls && !PollInterrupts()) return;
  }
}

uint32_t SpareMemory::GiveBackLastBlocks(uint32_t most) {
  while (!blocks_.empty() && blocks_.back() == kAbsent) blocks_.pop_back();
  size_t begin = blocks_.size();
  while (begin > 0 && blocks_.size() - begin < most && blocks_[begin - 1] != kAbsent) --begin;
  const uint32_t given = static_cast<uint32_t>(blocks_.size() - begin);
  if (given == 0 || !DiscardPages(BlockStart(begin), BlockStart(blocks_.size()))) return 0;
  blocks_.resize(begin);
  count_ -= given;
  now_.least_blocks = std::min(now_.least_blocks, count_);
  return given;
}

bool SpareMemory::GiveBackTable(size_t bytes) {
  uint8_t* const begin = table_end_ - table_bytes_;
  if (bytes > 0 && !DiscardPages(begin, begin + bytes)) return false;
  table_bytes_ -= bytes;
  return true;
}

}  // namespace islet::vm
