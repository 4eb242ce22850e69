// Digests of snapshots: XXH3, 128 bits. They find damage, not malice.

#ifndef ISLET_SNAPSHOT_DIGEST_H_
#define ISLET_SNAPSHOT_DIGEST_H_

#include <cstddef>
#include <cstdint>

#include "absl/types/span.h"
#include "snapshot/fingerprint.h"

namespace islet::vm {

Fingerprint DigestOf(absl::Span<const uint8_t> bytes);

// Of a file whose own digest, 16 bytes at `digest_at`, is taken as zero.
Fingerprint DigestOfFile(absl::Span<const uint8_t> file, size_t digest_at);

}  // namespace islet::vm

#endif  // ISLET_SNAPSHOT_DIGEST_H_
