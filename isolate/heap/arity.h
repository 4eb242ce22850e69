// How many arguments a procedure takes, and how objects of the heap and snapshots hold it: in one fixnum.

#ifndef ISLET_ISOLATE_HEAP_ARITY_H_
#define ISLET_ISOLATE_HEAP_ARITY_H_

#include <cstdint>
#include <string>

#include "isolate/heap/value.h"

namespace islet::vm {

struct Arity {
  // Procedures written in Lisp may need more; their optional arguments beyond are not told.
  static constexpr uint32_t kMostOptional = 255;

  uint32_t least = 0;
  uint32_t optional = 0;  // at most kMostOptional
  bool rest = false;      // there may be any number more

  // From 9 bits on the least number, 8 bits for the optional ones, the lowest for the rest. The layout is that of
  // snapshots, and never changes.
  static constexpr Arity Unpack(uint32_t packed) {
    return {packed >> 9, packed >> 1 & kMostOptional, (packed & 1) != 0};
  }
  constexpr uint32_t Pack() const { return least << 9 | optional << 1 | (rest ? 1u : 0u); }
  // As fields of objects hold it.
  static constexpr Arity Of(Value packed) { return Unpack(static_cast<uint32_t>(packed.fixnum())); }
  constexpr Value ToValue() const { return Value::Fixnum(static_cast<int32_t>(Pack())); }

  constexpr bool Accepts(uint64_t count) const {
    return count >= least && (rest || count <= uint64_t{least} + optional);
  }

  // "2", "1 to 3", "at least 1".
  std::string Text() const {
    if (rest) return "at least " + std::to_string(least);
    return std::to_string(least) + (optional == 0 ? "" : " to " + std::to_string(least + optional));
  }
};

}  // namespace islet::vm

#endif  // ISLET_ISOLATE_HEAP_ARITY_H_
