// eqv? and equal? (R7RS 6.1), and hashes that agree with them. eq? is `a == b`.
//
// Hashes are below 2^30, the same on each run, and depend on content wherever a key has content.
// Where only identity is left (closures, records, mutable objects under eq? ...), they come from
// the object's cage offset, which a collection may change: then `*address` is set.
//
// All of this polls on large data (heap/poll.h); if the run is being ended, the results mean nothing.

#ifndef ISLET_ISOLATE_DATA_EQUALITY_H_
#define ISLET_ISOLATE_DATA_EQUALITY_H_

#include <cstdint>

#include "isolate/heap/heap.h"
#include "isolate/heap/poll.h"

namespace islet::vm {

inline constexpr uint32_t kHashMask = (1u << 30) - 1;

// Two NaNs are equivalent, 0.0 and -0.0 are not.
bool Eqv(const Heap& heap, Value a, Value b);
// Terminates on circular data, without recursion. Charges `steps` with what it has looked at: for
// loops over many small comparisons.
bool Equal(const Heap& heap, Value a, Value b, StepCounter& steps);
inline bool Equal(const Heap& heap, Value a, Value b) {
  StepCounter steps;
  return Equal(heap, a, b, steps);
}
// The steps that comparing `v`, or hashing it, leaves uncharged if that looks at the content of a number, string or
// bytevector: for the same loops.
uint64_t ObjectContentSteps(const Heap& heap, Value v);
inline uint64_t ContentSteps(const Heap& heap, Value v) { return v.IsObject() ? ObjectContentSteps(heap, v) : 0; }

// The hash of an object known by its cage offset only.
uint32_t AddressHash(uint32_t offset);
// The hash of what lies in no heap: a fixnum or an immediate.
uint32_t SimpleHash(Value v);

// `*address` is set to whether the hash is AddressHash(v.offset()).
uint32_t EqHash(const Heap& heap, Value v, bool* address);
uint32_t EqvHash(const Heap& heap, Value v, bool* address);
// Looks at a bounded part of a structure. Objects without content that are nested in one count by
// their type only.
uint32_t EqualHash(const Heap& heap, Value v, bool* address);

}  // namespace islet::vm

#endif  // ISLET_ISOLATE_DATA_EQUALITY_H_
