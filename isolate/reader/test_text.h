// Text like that of a large program, for tests and benchmarks: libraries of some 120 lines of comments, quoted tables,
// records, loops, closures and docstrings, with names of several words that come again and again.

#ifndef ISLET_ISOLATE_READER_TEST_TEXT_H_
#define ISLET_ISOLATE_READER_TEST_TEXT_H_

#include <cstddef>
#include <cstdint>
#include <string>

namespace islet::vm {

// Numbers that depend on the seed alone (SplitMix64), so that each machine makes the same texts.
class TestRandom {
 public:
  explicit TestRandom(uint64_t seed) : state_(seed) {}
  uint64_t Next();
  // Below `bound`, which is not 0.
  size_t Below(size_t bound) { return static_cast<size_t>(Next() % bound); }

 private:
  uint64_t state_;
};

// Library (app mNNNN), which imports some of those before it. The same for the same number.
std::string LibraryText(uint32_t number);
// The first `count` libraries, one behind the other.
std::string LibraryTexts(uint32_t count);

}  // namespace islet::vm

#endif  // ISLET_ISOLATE_READER_TEST_TEXT_H_
