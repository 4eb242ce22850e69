// A stack of work still to be done, for algorithms that do not recurse. Never moves what it holds: a stack of millions
// of entries that grows by copying itself would keep a run from being ended for too long (poll.h).

#ifndef ISLET_ISOLATE_HEAP_WORK_STACK_H_
#define ISLET_ISOLATE_HEAP_WORK_STACK_H_

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "isolate/heap/scratch.h"

namespace islet::vm {

template <typename T>
class WorkStack {
 public:
  WorkStack() = default;
  WorkStack(const WorkStack&) = delete;
  WorkStack& operator=(const WorkStack&) = delete;

  bool empty() const { return count_ == 0; }
  T& back() { return current_[count_ - 1]; }
  void push_back(T v) {
    if (__builtin_expect(count_ == capacity_, 0)) Grow();
    current_[count_++] = v;
  }
  void pop_back() {
    if (--count_ == 0 && !chunks_.empty()) Shrink();
  }

 private:
  static constexpr uint32_t kInline = 32;   // most data is small
  static constexpr uint32_t kChunk = 2048;  // entries: some tens of kilobytes, made and given back at once

  void Grow() {
    chunks_.push_back(spare_ != nullptr ? std::move(spare_) : NewScratch<T>(kChunk));
    current_ = chunks_.back().get();
    count_ = 0;
    capacity_ = kChunk;
  }
  // The chunk before is full. The empty one is kept, lest a stack at the border go back and forth.
  void Shrink() {
    spare_ = std::move(chunks_.back());
    chunks_.pop_back();
    current_ = chunks_.empty() ? inline_ : chunks_.back().get();
    count_ = capacity_ = chunks_.empty() ? kInline : kChunk;
  }

  T inline_[kInline];
  T* current_ = inline_;
  uint32_t count_ = 0;  // in the current chunk
  uint32_t capacity_ = kInline;
  std::vector<Scratch<T>> chunks_;
  Scratch<T> spare_;
};

}  // namespace islet::vm

#endif  // ISLET_ISOLATE_HEAP_WORK_STACK_H_
