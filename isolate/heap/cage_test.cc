#include "isolate/heap/cage.h"

#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "isolate/heap/heap.h"
#include "isolate/heap/test_image.h"

namespace islet::vm {
namespace {

constexpr uint64_t kGiB = uint64_t{1} << 30;
constexpr uint64_t kMiB = uint64_t{1} << 20;
constexpr uint64_t kWindow = 2 * kMiB;

int CountMappings(const std::string& of_file = "") {
  std::ifstream maps("/proc/self/maps");
  int count = 0;
  for (std::string line; std::getline(maps, line);) count += line.find(of_file) != std::string::npos;
  return count;
}

int64_t MaxMappings() {
  std::ifstream file("/proc/sys/vm/max_map_count");
  int64_t n = 0;
  file >> n;
  return n;
}

uint64_t WindowOf(const Cage& cage, uint64_t offset) {
  return (reinterpret_cast<uint64_t>(cage.base()) + offset) / kWindow;
}

TEST(CageLayoutTest, PartsFollowOneAnother) {
  const CageLayout layout = CageLayout::For(4 * kGiB, 8 * kTestPage, 40 * kTestPage);
  EXPECT_EQ(layout.read_only_begin, 8 * kTestPage);
  EXPECT_EQ(layout.image_end, 48 * kTestPage);
  EXPECT_EQ(layout.stack_begin, layout.image_end);
  EXPECT_EQ(layout.stack_end - layout.stack_begin, Heap::kStackSize);
  EXPECT_EQ(layout.young_begin, layout.stack_end);
  EXPECT_GT(layout.young_end - layout.young_begin, kGiB - kMiB);
  EXPECT_GE(layout.old_begin, layout.young_end);
  EXPECT_EQ(layout.old_begin % Heap::kBlockSize, 0u);
  EXPECT_LT(layout.old_end, 4 * kGiB);
  EXPECT_GE(layout.old_end, 4 * kGiB - 2 * Heap::kBlockSize);
}

TEST(CageTest, ReadsAndWritesTheImagePrivately) {
  const TestImage image(2, 2);
  auto one = Cage::Create(image.Layout(4 * kGiB), image.source());
  auto two = Cage::Create(image.Layout(4 * kGiB), image.source());
  ASSERT_TRUE(one.ok() && two.ok());
  EXPECT_EQ(0, memcmp(one->base(), two->base(), 4 * kTestPage));
  one->base()[kTestPage + 100] ^= 1;
  EXPECT_NE(0, memcmp(one->base(), two->base(), 4 * kTestPage));
  EXPECT_EQ(CountCopiedPages(one->base(), 4), 1);
  EXPECT_EQ(CountCopiedPages(two->base(), 4), 0);
}

TEST(CageDeathTest, ReadOnlyPagesCannotBeWritten) {
  const TestImage image(2, 2);
  auto cage = Cage::Create(image.Layout(4 * kGiB), image.source());
  ASSERT_TRUE(cage.ok());
  EXPECT_DEATH(cage->base()[cage->layout().read_only_begin + 8] = 1, "");
}

TEST(CageDeathTest, WithoutAnImageTheFirstPageIsNotMapped) {
  auto cage = Cage::Create(CageLayout::For(4 * kGiB, 0, 0), ImageSource());
  ASSERT_TRUE(cage.ok());
  EXPECT_DEATH(cage->base()[8] = 1, "");
}

TEST(CageTest, TakesThreeMappings) {
  const TestImage image(2, 2);
  constexpr int kCages = 100;
  std::vector<Cage> cages;
  cages.reserve(kCages);
  const int before = CountMappings();
  for (int i = 0; i < kCages; ++i) {
    auto cage = Cage::Create(image.Layout(4 * kGiB), image.source());
    ASSERT_TRUE(cage.ok()) << cage.status();
    cages.push_back(*std::move(cage));
  }
  EXPECT_EQ(CountMappings(image.name()), 2 * kCages);
  EXPECT_LE(CountMappings() - before, 3 * kCages + 2);
  cages.clear();
  EXPECT_EQ(CountMappings(image.name()), 0);
  EXPECT_LE(CountMappings() - before, 2);
}

// Mappings that begin within the cage.
int MappingsIn(const Cage& cage) {
  const uint64_t base = reinterpret_cast<uint64_t>(cage.base());
  std::ifstream maps("/proc/self/maps");
  int count = 0;
  for (std::string line; std::getline(maps, line);) {
    count += std::stoull(line, nullptr, 16) - base < cage.layout().cage_size;
  }
  return count;
}

TEST(CageDeathTest, WhatRunsPastAGuardedCageFaults) {
  const TestImage image(2, 2);
  ImageSource source = image.source();
  source.guarded = true;
  std::vector<Cage> cages;
  for (int i = 0; i < 3; ++i) {
    auto cage = Cage::Create(image.Layout(4 * kGiB), source);
    ASSERT_TRUE(cage.ok()) << cage.status();
    cages.push_back(*std::move(cage));
  }
  EXPECT_EQ(MappingsIn(cages[1]), 4);
  uint8_t* const end = cages[1].base() + cages[1].layout().cage_size;
  cages[1].base()[cages[1].layout().old_end - 1] = 1;  // the last byte that there can be
  EXPECT_DEATH(end[-1] = 1, "");
  EXPECT_DEATH(end[-8] = 1, "");
}

TEST(CageTest, HotPagesShareOnePageOfPageTableEntries) {
  // Images that fit into a window with the stack, nearly fit, do not fit; and the phase must hold
  // for each next cage.
  for (uint32_t writable_pages : {1u, 300u, 384u, 385u, 500u, 1000u, 3000u}) {
    const TestImage image(10, writable_pages);
    const CageLayout layout = image.Layout(4 * kGiB);
    std::vector<Cage> cages;
    for (int i = 0; i < 5; ++i) {
      auto cage = Cage::Create(layout, image.source());
      ASSERT_TRUE(cage.ok());
      const uint64_t hot = layout.read_only_begin - std::min<uint64_t>(layout.read_only_begin, kMiB / 8);
      EXPECT_EQ(WindowOf(*cage, hot), WindowOf(*cage, layout.stack_begin)) << writable_pages;
      EXPECT_EQ(WindowOf(*cage, hot), WindowOf(*cage, layout.young_begin + 255 * 1024)) << writable_pages;
      cages.push_back(*std::move(cage));
      if (i == 3) cages.erase(cages.begin() + 1);
    }
  }
}

TEST(CageTest, MuchCodeKeepsItsEndWithTheStack) {
  const TestImage image(600, 1000);
  auto cage = Cage::Create(image.Layout(4 * kGiB), image.source());
  ASSERT_TRUE(cage.ok());
  EXPECT_EQ(WindowOf(*cage, cage->layout().image_end - kMiB / 8),
            WindowOf(*cage, cage->layout().young_begin + 255 * 1024));
}

TEST(CageTest, MovesItsOwnership) {
  auto made = Cage::Create(CageLayout::For(64 * kMiB, 0, 0), ImageSource());
  ASSERT_TRUE(made.ok());
  Cage one = *std::move(made);
  uint8_t* const base = one.base();
  one.base()[one.layout().young_begin] = 7;
  Cage two = std::move(one);
  EXPECT_EQ(two.base(), base);
  auto other = Cage::Create(CageLayout::For(64 * kMiB, 0, 0), ImageSource());
  ASSERT_TRUE(other.ok());
  two = *std::move(other);
  EXPECT_NE(two.base(), base);
  two.base()[two.layout().young_begin] = 7;
}

TEST(CageTest, AThreadKeepsOneCageOfALastingImage) {
  const TestImage image(2, 2), other_image(2, 2);
  ImageSource source = image.source();
  source.lasting = 1001;
  const CageLayout layout = image.Layout(64 * kMiB);
  auto first = Cage::Create(layout, source), second = Cage::Create(layout, source);
  ASSERT_TRUE(first.ok() && second.ok() && first->lasting());
  uint8_t* const base = first->base();
  Cage::Keep(*std::move(first));
  EXPECT_EQ(CountMappings(image.name()), 4);
  // Another layout, or another image, though from the same descriptor, is not served by it.
  EXPECT_NE(Cage::Create(image.Layout(128 * kMiB), source)->base(), base);
  ImageSource reopened = source;
  reopened.lasting = 1002;
  EXPECT_NE(Cage::Create(layout, reopened)->base(), base);
  auto again = Cage::Create(layout, source);
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->base(), base);
  // The last one kept takes the place of the one before; another thread keeps its own, until it ends.
  Cage::Keep(*std::move(again));
  Cage::Keep(*std::move(second));
  EXPECT_EQ(CountMappings(image.name()), 2);
  std::thread([&] {
    auto mine = Cage::Create(layout, source);
    ASSERT_TRUE(mine.ok());
    Cage::Keep(*std::move(mine));
    EXPECT_EQ(CountMappings(image.name()), 4);
  }).join();
  EXPECT_EQ(CountMappings(image.name()), 2);
  Cage::DropKept();
  EXPECT_EQ(CountMappings(image.name()), 0);
  // One that does not last is not kept.
  auto passing = Cage::Create(other_image.Layout(64 * kMiB), other_image.source());
  ASSERT_TRUE(passing.ok());
  EXPECT_FALSE(passing->lasting());
  Cage::Keep(*std::move(passing));
  EXPECT_EQ(CountMappings(other_image.name()), 0);
}

TEST(CageTest, RefusesSizesThatCannotBe) {
  for (uint64_t size : {uint64_t{0}, uint64_t{1}, kMiB, 64 * kMiB + 4096, 8 * kGiB}) {
    const auto cage = Cage::Create(CageLayout::For(size, 0, 0), ImageSource());
    EXPECT_EQ(cage.status().code(), absl::StatusCode::kInvalidArgument) << size;
  }
  const auto cage = Cage::Create(CageLayout::For(64 * kMiB, 0, 60 * kMiB), ImageSource());
  EXPECT_EQ(cage.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(cage.status().message().find("snapshot of 61440 KiB"), absl::string_view::npos) << cage.status();
}

TEST(CageTest, SaysWhenTheImageCannotBeMapped) {
  const auto cage = Cage::Create(CageLayout::For(64 * kMiB, kTestPage, kTestPage), ImageSource{9999, 0});
  EXPECT_EQ(cage.status().code(), absl::StatusCode::kInternal) << cage.status();
}

// Makes a cage of 4 GiB, and returns what that is told, while `resource` is limited to `bytes`.
absl::Status CreateUnderLimit(__rlimit_resource resource, rlim_t bytes) {
  rlimit old;
  EXPECT_EQ(getrlimit(resource, &old), 0);
  rlimit low = old;
  low.rlim_cur = bytes;
  EXPECT_EQ(setrlimit(resource, &low), 0);
  const absl::Status status = Cage::Create(CageLayout::For(4 * kGiB, 0, 0), ImageSource()).status();
  EXPECT_EQ(setrlimit(resource, &old), 0);
  return status;
}

TEST(CageTest, NamesTheLimitThatWasHit) {
  const absl::Status space = CreateUnderLimit(RLIMIT_AS, 1);
  EXPECT_EQ(space.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_NE(space.message().find("RLIMIT_AS"), absl::string_view::npos) << space;
  const absl::Status data = CreateUnderLimit(RLIMIT_DATA, kGiB);
  EXPECT_EQ(data.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_NE(data.message().find("RLIMIT_DATA"), absl::string_view::npos) << data;
  EXPECT_NE(data.message().find("1024 MiB of data"), absl::string_view::npos) << data;
}

// In a process of its own, whose memory is then locked; by a thread that has made no cage yet.
TEST(CageDeathTest, LockingFutureMappingsMakesNoCageResident) {
  const auto check = [] {
    const TestImage image(4, 4);
    int result = 1;
    std::thread([&] {
      std::vector<unsigned char> resident(kGiB / kTestPage);
      if (mlockall(MCL_FUTURE) != 0) return;
      const auto cage = Cage::Create(image.Layout(kGiB), image.source());
      if (!cage.ok()) {  // where the process may not lock that much
        result = cage.status().message().find("RLIMIT_MEMLOCK") != absl::string_view::npos ? 0 : 2;
        return;
      }
      if (mincore(cage->base(), kGiB, resident.data()) != 0) return;
      result = std::count(resident.begin() + 8, resident.end(), 1) == 0 ? 0 : 3;
      cage->base()[kGiB / 2] = 1;
    }).join();
    _exit(result);
  };
  EXPECT_EXIT(check(), testing::ExitedWithCode(0), "");
}

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define ISLET_SANITIZED  // their runtimes need mappings too, and end the process if they get none
#endif
#endif

TEST(CageTest, NamesTheMappingLimit) {
#ifdef ISLET_SANITIZED
  GTEST_SKIP();
#endif
  const int64_t most = MaxMappings();
  if (most > 100'000) GTEST_SKIP() << "vm.max_map_count is " << most << ": too many to try";
  const TestImage image(1, 1);
  const CageLayout layout = image.Layout(CageLayout::kMinCageSize);
  std::vector<Cage> cages;
  cages.reserve(static_cast<size_t>(most));
  absl::Status status;
  while (status.ok()) {
    auto cage = Cage::Create(layout, image.source());
    status = cage.status();
    if (cage.ok()) cages.push_back(*std::move(cage));
  }
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_NE(status.message().find("vm.max_map_count"), absl::string_view::npos) << status;
  EXPECT_GT(cages.size(), static_cast<size_t>(most / 3) - 500);
  // All of it can be used again.
  cages.clear();
  EXPECT_TRUE(Cage::Create(layout, image.source()).ok());
}

}  // namespace
}  // namespace islet::vm
