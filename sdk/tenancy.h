// Which use of which isolate a value belongs to: a number for each isolate that is made, forked, or handed out by a
// pool. No number is given twice in a process.

#ifndef ISLET_SDK_TENANCY_H_
#define ISLET_SDK_TENANCY_H_

#include <cstdint>

namespace islet {

// Bindings use numbers below for what belongs to no isolate.
inline constexpr uint64_t kFirstTenancy = uint64_t{1} << 40;

// Any thread. Some nanoseconds: a thread takes many at a time from what all share.
uint64_t NextTenancy();

}  // namespace islet

#endif  // ISLET_SDK_TENANCY_H_
