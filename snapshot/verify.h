// Is what a snapshot file holds a heap, as the writer would have made it?
//
// Machine, collector and primitives trust the heap: types of slots that programs cannot reach, sizes, instructions. So
// a snapshot that is no part of the program is gone through once, before anything of it runs. After that, whatever a
// script does, it cannot read or write outside of its isolate's cage, nor call what does not exist.
//
// These are checked, in this order:
//  1. objects: each space is tiled by objects of known types, with flags and sizes that fit, and zeros
//     (verify_objects.cc);
//  2. parts that are an object's own: arrays of hash tables, characters of strings ... are nobody else's (same file);
//  3. slots: each holds a value of a kind that may stand there; bignums, ratnums, ports are normal (verify_slots.cc);
//  4. hash tables and symbols: index, entries and hashes agree (verify_tables.cc);
//  5. code: see interpreter/code_checker.h; closures have the free variables that their code uses (verify_code.cc);
//  6. roots and host functions (verify_roots.cc).
//
// Whether code and constants are those of any source is not checked: that can only make answers wrong.

#ifndef ISLET_SNAPSHOT_VERIFY_H_
#define ISLET_SNAPSHOT_VERIFY_H_

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "isolate/interpreter/primitive.h"

namespace islet::format {
struct Snapshot;
}

namespace islet::vm {

// A snapshot's parts (snapshot.fbs), whose sizes agree.
struct UnverifiedImage {
  // Those of `snapshot`, whose header has been found good; valid as long as its bytes are.
  static UnverifiedImage Of(const format::Snapshot& snapshot, absl::Span<const PrimitiveSpec> primitives);

  // Writable space, then the read-only one; both whole pages.
  const uint8_t* image;
  uint32_t writable_bytes;
  uint32_t read_only_bytes;
  // Bit i of word n: a pair, or a flonum, is at 8 * (64 * n + i). What lies behind the last word is none.
  absl::Span<const uint64_t> pairs;
  absl::Span<const uint64_t> flonums;
  absl::Span<const uint32_t> roots;
  struct External {
    uint32_t arity;  // as in Code
    bool predicate;  // of a host type
  };
  std::vector<External> externals;  // by external-reference index
  absl::Span<const PrimitiveSpec> primitives;
};

// OK, or DataLoss with a message that names the object, its offset in the image, the field, and what was expected.
// Takes time in proportion to the image, and, until it returns, an eighth of its size in memory (and up to 12 bytes for
// each free variable of a closure, and each symbol). Does not recurse, and reads nothing outside of `image`.
absl::Status VerifyImage(const UnverifiedImage& image);

}  // namespace islet::vm

#endif  // ISLET_SNAPSHOT_VERIFY_H_
