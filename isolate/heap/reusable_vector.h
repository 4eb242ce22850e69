// A vector of what an isolate knows outside of its cage. When its state is assigned (heap_state.h), an empty one that
// is assigned leaves a small buffer where it is, so that the next tenant need not ask for one; a large one goes back.
// Such an assignment takes no memory, and so cannot fail.

#ifndef ISLET_ISOLATE_HEAP_REUSABLE_VECTOR_H_
#define ISLET_ISOLATE_HEAP_REUSABLE_VECTOR_H_

#include <cstddef>
#include <utility>
#include <vector>

namespace islet::vm {

template <typename T>
class ReusableVector : public std::vector<T> {
 public:
  // Entries for which room stays. Most tenants need fewer; some ten vectors of so many are a small part of what an
  // isolate keeps resident.
  static constexpr size_t kKept = 1024;

  ReusableVector() = default;
  ReusableVector(const ReusableVector&) = default;
  ReusableVector(ReusableVector&&) noexcept = default;
  ReusableVector& operator=(const ReusableVector& other) {
    if (other.empty()) {
      Empty();
    } else {
      std::vector<T>::operator=(other);
    }
    return *this;
  }
  ReusableVector& operator=(ReusableVector&& other) noexcept {
    if (other.empty()) {
      Empty();
    } else {
      std::vector<T>::operator=(std::move(other));
    }
    return *this;
  }

 private:
  void Empty() {
    this->clear();
    if (this->capacity() > kKept) std::vector<T>().swap(*this);
  }
};

}  // namespace islet::vm

#endif  // ISLET_ISOLATE_HEAP_REUSABLE_VECTOR_H_
