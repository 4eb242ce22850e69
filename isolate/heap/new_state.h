// A state as it is when it is new, to be assigned by resets. A temporary would have a dozen vectors to make and to
// destroy for each tenant of an isolate.

#ifndef ISLET_ISOLATE_HEAP_NEW_STATE_H_
#define ISLET_ISOLATE_HEAP_NEW_STATE_H_

namespace islet::vm {

// T(), whose default constructor is constexpr. Lives as long as the process: threads may end later than its other
// objects.
template <typename T>
const T& NewState() {
  union Lasting {
    constexpr Lasting() : state() {}
    constexpr ~Lasting() {}
    T state;
  };
  static constinit const Lasting lasting;
  return lasting.state;
}

}  // namespace islet::vm

#endif  // ISLET_ISOLATE_HEAP_NEW_STATE_H_
