// For the tests of this folder: a file that looks like a snapshot's image, heaps on it, and roots.

#ifndef ISLET_ISOLATE_HEAP_TEST_IMAGE_H_
#define ISLET_ISOLATE_HEAP_TEST_IMAGE_H_

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "isolate/heap/cage.h"
#include "isolate/heap/heap.h"

namespace islet::vm {

inline constexpr uint32_t kTestPage = 4096;

// A temporary file of `read_only_pages` + `writable_pages`, each of which is one vector that fills
// it: its first item refers to the next page's vector, the others are fixnums (the page's number).
class TestImage {
 public:
  static constexpr uint32_t kItems = kTestPage / 4 - 2;

  TestImage(uint32_t read_only_pages, uint32_t writable_pages)
      : read_only_(read_only_pages * kTestPage), writable_(writable_pages * kTestPage) {
    name_ = ::testing::TempDir() + "islet_image_XXXXXX";
    fd_ = mkstemp(name_.data());
    EXPECT_GE(fd_, 0);
    const uint32_t pages = read_only_pages + writable_pages;
    for (uint32_t page = 0; page < pages; ++page) {
      std::vector<uint32_t> words(kTestPage / 4, Value::Fixnum(static_cast<int32_t>(page)).bits);
      words[0] = MakeHeader(ObjectType::kVector);
      words[1] = kItems;
      words[2] = VectorAt((page + 1) % pages).bits;
      EXPECT_EQ(write(fd_, words.data(), kTestPage), static_cast<ssize_t>(kTestPage));
    }
  }
  ~TestImage() {
    close(fd_);
    unlink(name_.c_str());
  }
  TestImage(const TestImage&) = delete;
  TestImage& operator=(const TestImage&) = delete;

  static Value VectorAt(uint32_t page) { return Value::Ref(Tag::kObject, page * kTestPage); }
  const std::string& name() const { return name_; }
  ImageSource source() const { return ImageSource{fd_, 0}; }
  CageLayout Layout(uint64_t cage_size) const { return CageLayout::For(cage_size, writable_, read_only_); }

 private:
  const uint32_t read_only_, writable_;
  std::string name_;
  int fd_;
};

inline std::unique_ptr<Heap> MakeHeap(const CageLayout& layout, const ImageSource& source = {},
                                      const HeapOptions& options = {}) {
  auto cage = Cage::Create(layout, source);
  if (!cage.ok()) {
    ADD_FAILURE() << cage.status();
    return nullptr;
  }
  return std::make_unique<Heap>(*std::move(cage), options);
}

inline std::unique_ptr<Heap> MakeHeap(const HeapOptions& options = {}) {
  return MakeHeap(CageLayout::For(uint64_t{1} << 32, 0, 0), {}, options);
}

// Values that collections keep up to date.
class TestRoots : public RootSource {
 public:
  explicit TestRoots(Heap& heap) : heap_(heap) { heap_.AddRoots(this); }
  ~TestRoots() override { heap_.RemoveRoots(this); }
  void VisitRoots(Visit visit, void* context) override {
    for (Value& v : values) visit(&v, context);
  }
  std::vector<Value> values;

 private:
  Heap& heap_;
};

// How many pages from `base` on are private copies: written since they were mapped from a file.
inline int CountCopiedPages(const uint8_t* base, uint32_t pages) {
  const int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
  EXPECT_GE(fd, 0);
  std::vector<uint64_t> entries(pages);
  const ssize_t bytes = static_cast<ssize_t>(pages * sizeof(uint64_t));
  EXPECT_EQ(pread(fd, entries.data(), static_cast<size_t>(bytes),
                  static_cast<off_t>(reinterpret_cast<uintptr_t>(base) / kTestPage * sizeof(uint64_t))),
            bytes);
  close(fd);
  int copied = 0;
  for (uint64_t entry : entries) {
    const bool present = entry >> 63 & 1, swapped = entry >> 62 & 1, of_file = entry >> 61 & 1;
    copied += (present || swapped) && !of_file;
  }
  return copied;
}

}  // namespace islet::vm

#endif  // ISLET_ISOLATE_HEAP_TEST_IMAGE_H_
