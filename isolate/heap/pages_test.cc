#include "isolate/heap/pages.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <utility>

#include "gtest/gtest.h"

namespace islet::vm {
namespace {

// mincore tells of unmapped pages by an error.
bool IsMapped(const uint8_t* page) {
  unsigned char resident;
  return mincore(const_cast<uint8_t*>(page), kPageSize, &resident) == 0;
}

// A file in memory of which each page holds its number, from 1.
class NumberedPages {
 public:
  explicit NumberedPages(int count) : fd_(memfd_create("pages_test", MFD_CLOEXEC)) {
    uint8_t page[kPageSize];
    for (int i = 1; i <= count; ++i) {
      std::memset(page, i, sizeof(page));
      EXPECT_EQ(write(fd_, page, sizeof(page)), static_cast<ssize_t>(sizeof(page)));
    }
  }
  ~NumberedPages() { close(fd_); }
  NumberedPages(const NumberedPages&) = delete;
  NumberedPages& operator=(const NumberedPages&) = delete;
  int fd() const { return fd_; }

 private:
  const int fd_;
};

TEST(MappingTest, UnmapsInTheEndAndOnlyOnce) {
  uint8_t* at = nullptr;
  {
    Mapping first = Mapping::Reserve(4 * kPageSize);
    ASSERT_TRUE(first);
    at = first.data();
    const Mapping second = std::move(first);
    EXPECT_FALSE(first);  // NOLINT: moved from
    EXPECT_EQ(second.data(), at);
    EXPECT_EQ(second.size(), 4 * kPageSize);
    EXPECT_TRUE(IsMapped(at));
  }
  EXPECT_FALSE(IsMapped(at));
}

TEST(MappingTest, WhatIsReleasedStaysUntilItIsTakenOver) {
  Mapping mapping = Mapping::Anonymous(kPageSize, Access::kReadWrite);
  uint8_t* const at = mapping.Release();
  EXPECT_FALSE(mapping);
  EXPECT_TRUE(IsMapped(at));
  {
    const Mapping again(at, kPageSize);
  }
  EXPECT_FALSE(IsMapped(at));
}

TEST(MappingTest, CutLeavesTheMiddle) {
  Mapping mapping = Mapping::Reserve(5 * kPageSize);
  uint8_t* const at = mapping.data();
  at[kPageSize] = 17;
  mapping.Cut(at + kPageSize, 2 * kPageSize);
  EXPECT_EQ(mapping.data(), at + kPageSize);
  EXPECT_EQ(mapping.size(), 2 * kPageSize);
  EXPECT_EQ(mapping.data()[0], 17);
  EXPECT_FALSE(IsMapped(at));
  EXPECT_TRUE(IsMapped(at + 2 * kPageSize));
  EXPECT_FALSE(IsMapped(at + 3 * kPageSize));
}

TEST(MappingTest, ReservesWhereItIsTold_OrNowhere) {
  Mapping mapping = Mapping::Reserve(3 * kPageSize);
  uint8_t* const at = mapping.data();
  EXPECT_FALSE(Mapping::Reserve(kPageSize, at));  // taken
  EXPECT_TRUE(IsMapped(at));
  mapping.Cut(at, 2 * kPageSize);
  const Mapping there = Mapping::Reserve(kPageSize, at + 2 * kPageSize);
  EXPECT_EQ(there.data(), at + 2 * kPageSize);
}

TEST(MappingTest, AFileIsMappedAtAnyAlignment) {
  const NumberedPages file(3);
  for (const size_t alignment : {size_t{kPageSize}, size_t{1} << 16, size_t{kHugePageSize}}) {
    const Mapping mapping = Mapping::OfFile(file.fd(), 3 * kPageSize, alignment);
    ASSERT_TRUE(mapping);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(mapping.data()) % alignment, 0u);
    EXPECT_EQ(mapping.size(), 3 * kPageSize);
    for (int page = 0; page < 3; ++page) EXPECT_EQ(mapping.data()[page * kPageSize], page + 1);
  }
}

TEST(MappingTest, DiscardedPagesAreZerosOrTheFileAgain) {
  const NumberedPages file(2);
  Mapping mapping = Mapping::Reserve(3 * kPageSize);
  ASSERT_TRUE(mapping.PutFile(kPageSize, kPageSize, Access::kReadWrite, file.fd(), kPageSize));
  uint8_t* const at = mapping.data();
  EXPECT_EQ(at[kPageSize], 2);
  for (int page = 0; page < 3; ++page) at[page * kPageSize] = 99;
  EXPECT_TRUE(DiscardPages(at, at + 2 * kPageSize));
  EXPECT_EQ(at[0], 0);
  EXPECT_EQ(at[kPageSize], 2);
  EXPECT_EQ(at[2 * kPageSize], 99);
}

TEST(MappingTest, TouchedPagesAreThereAndHoldWhatTheyHeld) {
  const Mapping mapping = Mapping::Reserve(4 * kPageSize);
  uint8_t* const at = mapping.data();
  at[kPageSize] = 99;
  TouchPages(at, at + 3 * kPageSize);
  unsigned char resident[4] = {};
  ASSERT_EQ(mincore(at, 4 * kPageSize, resident), 0);
  for (int page = 0; page < 4; ++page) EXPECT_EQ(resident[page] & 1, page < 3) << page;
  EXPECT_EQ(at[0], 0);
  EXPECT_EQ(at[kPageSize], 99);
}

TEST(MappingTest, RefusalsSayWhy) {
  constexpr size_t kTooMuch = size_t{1} << 60;
  errno = 0;
  EXPECT_FALSE(Mapping::Reserve(kTooMuch));
  EXPECT_EQ(errno, ENOMEM);
  errno = 0;
  EXPECT_FALSE(Mapping::OfFile(-1, kPageSize));
  EXPECT_EQ(errno, EBADF);
  // The reservation that was to be replaced is unmapped before the caller looks.
  errno = 0;
  EXPECT_FALSE(Mapping::OfFile(-1, kPageSize, kHugePageSize));
  EXPECT_EQ(errno, EBADF);
  Mapping mapping = Mapping::Reserve(kPageSize);
  errno = 0;
  EXPECT_FALSE(mapping.PutFile(0, kPageSize, Access::kRead, -1, 0));
  EXPECT_EQ(errno, EBADF);
}

// A destructor that runs after a call has failed must not hide why. Nothing is unmapped at no page boundary (EINVAL).
TEST(MappingTest, UnmappingLeavesErrno) {
  errno = EEXIST;
  {
    const Mapping refused(reinterpret_cast<uint8_t*>(1), kPageSize);
  }
  EXPECT_EQ(errno, EEXIST);
}

}  // namespace
}  // namespace islet::vm
