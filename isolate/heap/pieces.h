// A sequence that grows at its end and never moves much of what it holds, however many there are: one that grew by
// copying itself would keep a run from being ended for too long (poll.h).

#ifndef ISLET_ISOLATE_HEAP_PIECES_H_
#define ISLET_ISOLATE_HEAP_PIECES_H_

#include <algorithm>
#include <cstddef>
#include <type_traits>
#include <utility>
#include <vector>

#include "isolate/heap/scratch.h"

namespace islet::vm {

template <typename T>
class Pieces {
 public:
  static_assert(std::is_trivially_copyable_v<T>);

  Pieces() = default;
  Pieces(Pieces&& other) noexcept { *this = std::move(other); }
  Pieces& operator=(Pieces&& other) noexcept {
    first_ = std::exchange(other.first_, {});
    rest_ = std::exchange(other.rest_, {});
    size_ = std::exchange(other.size_, 0);
    next_ = std::exchange(other.next_, nullptr);
    end_ = std::exchange(other.end_, nullptr);
    return *this;
  }

  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  T& operator[](size_t i) { return i < kPiece ? first_[i] : rest_[i / kPiece - 1][i % kPiece]; }
  const T& operator[](size_t i) const { return i < kPiece ? first_[i] : rest_[i / kPiece - 1][i % kPiece]; }
  T& back() { return (*this)[size_ - 1]; }

  void push_back(T v) {
    if (__builtin_expect(next_ == end_, 0)) MakeRoom();
    *next_++ = v;
    ++size_;
  }
  // Keeps the first `size` of them.
  void Shorten(size_t size) {
    size_ = size;
    next_ = end_ = nullptr;
  }
  // Calls f(items, count) for one part after the other.
  template <typename F>
  void ForEachPart(F&& f) const {
    for (size_t i = 0; i < size_; i += kPiece) f(&(*this)[i], std::min(kPiece, size_ - i));
  }

 private:
  // Items of a piece: so many that the table of pieces stays small, so few that a piece is soon made.
  static constexpr size_t kPiece = 4096;
  static constexpr size_t kFewest = 8;  // of the first piece, which grows by copying itself

  // Sets next_ and end_ to where the next ones go.
  __attribute__((noinline)) void MakeRoom() {
    const size_t piece = size_ / kPiece;
    if (piece == 0) {
      if (size_ == first_.size()) first_.resize(std::min(kPiece, std::max(kFewest, size_ * 2)));
      next_ = first_.data() + size_;
      end_ = first_.data() + first_.size();
      return;
    }
    if (piece > rest_.size()) rest_.push_back(NewScratch<T>(kPiece));
    next_ = rest_[piece - 1].get() + size_ % kPiece;
    end_ = rest_[piece - 1].get() + kPiece;
  }

  std::vector<T> first_;  // room for up to kPiece of them: most sequences are short
  std::vector<Scratch<T>> rest_;
  size_t size_ = 0;
  // Where the next one goes, and the end of the room there: equal if there is none, or if it is yet to be found.
  T* next_ = nullptr;
  T* end_ = nullptr;
};

}  // namespace islet::vm

#endif  // ISLET_ISOLATE_HEAP_PIECES_H_
