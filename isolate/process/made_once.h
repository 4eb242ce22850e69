// An object that the process makes when it is first asked for, and never destroys: threads may end later than the
// process's other objects.
//
// Threads that ask at the same time may each make one; all get the one that was ready first, and the others are
// destroyed. So nobody waits, and a child finds one that is whole, or none: the guard of a function's static would stay
// locked in a child that was forked while another thread made it.

#ifndef ISLET_ISOLATE_PROCESS_MADE_ONCE_H_
#define ISLET_ISOLATE_PROCESS_MADE_ONCE_H_

#include <atomic>

namespace islet {

// To be constinit.
template <typename T>
class MadeOnce {
 public:
  constexpr MadeOnce() = default;
  MadeOnce(const MadeOnce&) = delete;
  MadeOnce& operator=(const MadeOnce&) = delete;

  // `make` returns a T, always the same. Throws what it throws, and std::bad_alloc.
  template <typename Make>
  T& Get(Make&& make) {
    T* const made = made_.load(std::memory_order_acquire);
    return made != nullptr ? *made : Publish(new T(make()));
  }
  T& Get() {
    return Get([] { return T(); });
  }

 private:
  T& Publish(T* mine) {
    T* first = nullptr;
    if (made_.compare_exchange_strong(first, mine, std::memory_order_acq_rel)) return *mine;
    delete mine;
    return *first;
  }

  std::atomic<T*> made_{nullptr};
};

}  // namespace islet

#endif  // ISLET_ISOLATE_PROCESS_MADE_ONCE_H_
