// Which thread is which, for as long as the process lives: an Isolate's owner_ says by it who has entered. No number is
// given twice, also not in a child that was forked: a thread that the child starts has its control block where one of
// the parent's had it, so an address would not do.

#ifndef ISLET_SDK_THREAD_IDENTITY_H_
#define ISLET_SDK_THREAD_IDENTITY_H_

#include <cstdint>

namespace islet {

inline constexpr uint64_t kNoThread = 0;
// In owner_, of an isolate that has ended.
inline constexpr uint64_t kNeverAgain = ~uint64_t{0};

uint64_t NewThreadIdentity();

inline constinit thread_local uint64_t thread_identity = kNoThread;

inline uint64_t CurrentThread() { return thread_identity != kNoThread ? thread_identity : NewThreadIdentity(); }

// Whether the thread was there when this process was forked off, and is not here: what it was at work on stays as it
// was.
bool IsLostInFork(uint64_t thread);

}  // namespace islet

#endif  // ISLET_SDK_THREAD_IDENTITY_H_
