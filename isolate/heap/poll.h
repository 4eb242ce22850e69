// How C++ code that works on large data lets its run be ended: it polls every few thousand steps.
//
// A run (Vm::Call) says whom its thread polls; outside of one, polling does nothing. Once `Poll` has returned false, it
// goes on doing so until the run is over: whoever sees that returns at once, with whatever result is well formed (a
// text cut short, an Integer that has failed), and leaves objects in the heap whole. Primitives made by `Interruptible`
// (runtime/arguments.h) then drop the result, since the run is being ended.
//
// Polling is no safepoint: nothing moves.

#ifndef ISLET_ISOLATE_HEAP_POLL_H_
#define ISLET_ISOLATE_HEAP_POLL_H_

#include <algorithm>
#include <cstdint>
#include <utility>

namespace islet::vm {

// Steps between two polls: some ten microseconds. A step is what an instruction of the interpreter might do: looking at
// an element, or copying 16 bytes.
inline constexpr uint64_t kPollSteps = 4096;
inline constexpr uint64_t kBytesPerStep = 16;

struct PollTarget {
  bool (*poll)(void* context, uint64_t steps) = nullptr;
  void* context = nullptr;
};
inline constinit thread_local PollTarget poll_target;

// Sets whom the thread polls.
class PollScope {
 public:
  explicit PollScope(PollTarget target) : outer_(std::exchange(poll_target, target)) {}
  ~PollScope() { poll_target = outer_; }
  PollScope(const PollScope&) = delete;
  PollScope& operator=(const PollScope&) = delete;

 private:
  PollTarget outer_;
};

// Charges the steps done since the last time, which are not 0. False: the run is being ended.
[[nodiscard]] inline bool Poll(uint64_t steps) {
  const PollTarget target = poll_target;
  return target.poll == nullptr || target.poll(target.context, steps);
}

// Sees interrupts and charges nothing: for work that no program has asked for, the collector's.
// An interrupt that has ended a nested run, after which the outer one goes on, does not count.
inline constexpr uint64_t kInterruptsOnly = ~uint64_t{0};
[[nodiscard]] inline bool PollInterrupts() { return Poll(kInterruptsOnly); }

// True once a poll of this run has returned false. For whoever must not go on with what a function that polls has
// returned: an entry in a hash table, say, under a hash that means nothing.
[[nodiscard]] inline bool Ended() { return !Poll(0); }

// Counts steps, and polls when there are enough of them. Short work never polls.
class StepCounter {
 public:
  // False from then on that a poll has returned false.
  [[nodiscard]] bool Add(uint64_t steps) {
    count_ += steps;
    return __builtin_expect(count_ < kPollSteps, 1) || PollNow();
  }
  // True once Add has returned false.
  bool ended() const { return count_ >= kPollSteps; }

 private:
  bool PollNow() {
    const bool go_on = Poll(count_);
    count_ = go_on ? 0 : kPollSteps;
    return go_on;
  }

  uint64_t count_ = 0;
};

// Steps that InParts, CopyBytes and so on leave uncharged: those of the last part. For loops over
// many items each of which is short, or not quite: they charge these themselves.
inline uint64_t UnchargedSteps(uint64_t bytes) {
  constexpr uint64_t kPart = kPollSteps * kBytesPerStep;
  return bytes <= kPart ? bytes / kBytesPerStep : ((bytes - 1) % kPart + 1) / kBytesPerStep;
}

// Calls f(begin, end) for one part of [begin, end) after the other, each of which takes kPollSteps and counts
// `per_step` items for a step. False: the run is being ended, and the rest has not been done.
template <typename F>
[[nodiscard]] inline bool InParts(uint64_t begin, uint64_t end, uint64_t per_step, F&& f) {
  const uint64_t part = kPollSteps * per_step;
  while (end - begin > part) {
    f(begin, begin + part);
    begin += part;
    if (!Poll(kPollSteps)) return false;
  }
  f(begin, end);
  return true;
}

// The same from the end.
template <typename F>
[[nodiscard]] inline bool InPartsBackward(uint64_t begin, uint64_t end, uint64_t per_step, F&& f) {
  const uint64_t part = kPollSteps * per_step;
  while (end - begin > part) {
    f(end - part, end);
    end -= part;
    if (!Poll(kPollSteps)) return false;
  }
  f(begin, end);
  return true;
}

// memmove. If the run is being ended, part of it.
inline void CopyBytes(void* to, const void* from, uint64_t bytes) {
  auto* const p = static_cast<uint8_t*>(to);
  const auto* const q = static_cast<const uint8_t*>(from);
  const auto copy = [&](uint64_t begin, uint64_t end) { __builtin_memmove(p + begin, q + begin, end - begin); };
  if (p <= q) {
    (void)InParts(0, bytes, kBytesPerStep, copy);
  } else {
    (void)InPartsBackward(0, bytes, kBytesPerStep, copy);
  }
}

// memset.
inline void FillBytes(void* to, uint8_t byte, uint64_t bytes) {
  auto* const p = static_cast<uint8_t*>(to);
  (void)InParts(0, bytes, kBytesPerStep,
                [&](uint64_t begin, uint64_t end) { __builtin_memset(p + begin, byte, end - begin); });
}

// memcmp. If the run is being ended, not 0.
inline int CompareBytes(const void* a, const void* b, uint64_t bytes) {
  const auto* const p = static_cast<const uint8_t*>(a);
  const auto* const q = static_cast<const uint8_t*>(b);
  constexpr uint64_t kPart = kPollSteps * kBytesPerStep;
  for (uint64_t i = 0;; i += kPart) {
    const int order = __builtin_memcmp(p + i, q + i, std::min(kPart, bytes - i));
    if (order != 0 || bytes - i <= kPart) return order;
    if (!Poll(kPollSteps)) return 1;
  }
}

}  // namespace islet::vm

#endif  // ISLET_ISOLATE_HEAP_POLL_H_
