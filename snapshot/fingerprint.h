// One digest of all in the runtime that a snapshot depends on.

#ifndef ISLET_SNAPSHOT_FINGERPRINT_H_
#define ISLET_SNAPSHOT_FINGERPRINT_H_

#include <cstdint>

#include "absl/types/span.h"
#include "isolate/interpreter/primitive.h"

namespace islet::vm {

// Raised with each incompatible change of snapshot.fbs.
inline constexpr uint32_t kFormatVersion = 5;

struct Fingerprint {
  uint64_t low = 0;
  uint64_t high = 0;
  friend bool operator==(const Fingerprint& a, const Fingerprint& b) { return a.low == b.low && a.high == b.high; }
  friend bool operator!=(const Fingerprint& a, const Fingerprint& b) { return !(a == b); }
};

// A digest over the minor version, the opcodes, the object layouts, the core forms, the roots, and the
// names and arities of `primitives` in their order: an image refers to all of these by number.
Fingerprint RuntimeFingerprint(absl::Span<const PrimitiveSpec> primitives);

}  // namespace islet::vm

#endif  // ISLET_SNAPSHOT_FINGERPRINT_H_
