// A sequence that grows at its end and never moves much of what it holds, however many there are: one that grew by
// copying itself would keep a run from being ended for too long (poll.h).

#ifndef ISLET_ISOLATE_HEAP_PIECES_H_
#define ISLET_ISOLATE_HEAP_PIECES_H_

#include <algorithm>
#include <cstddef>
#include <type_traits>
#include <vector>

#include "isolate/heap/scratch.h"

namespace islet::vm {

template <typename T>
class Pieces {
 public:
  static_assert(std::is_trivially_copyable_v<T>);

  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  T& operator[](size_t i) { return i < kPiece ? first_[i] : rest_[i / kPiece - 1][i % kPiece]; }
  const T& operator[](size_t i) const { return i < kPiece ? first_[i] : rest_[i / kPiece - 1][i % kPiece]; }
  T& back() { return (*this)[size_ - 1]; }

  void push_back(T v) {
    if (__builtin_expect(size_ < kPiece, 1)) {
      first_.push_back(v);
    } else {
      if (size_ / kPiece > rest_.size()) rest_.push_back(NewScratch<T>(kPiece));
      rest_[size_ / kPiece - 1][size_ % kPiece] = v;
    }
    ++size_;
  }
  // Keeps the first `size` of them.
  void Shorten(size_t size) {
    size_ = size;
    if (first_.size() > size) first_.resize(size);
  }
  // Calls f(items, count) for one part after the other.
  template <typename F>
  void ForEachPart(F&& f) const {
    for (size_t i = 0; i < size_; i += kPiece) f(&(*this)[i], std::min(kPiece, size_ - i));
  }

 private:
  static constexpr size_t kPiece = 4096;

  std::vector<T> first_;  // up to kPiece of them: most sequences are short
  std::vector<Scratch<T>> rest_;
  size_t size_ = 0;
};

}  // namespace islet::vm

#endif  // ISLET_ISOLATE_HEAP_PIECES_H_
