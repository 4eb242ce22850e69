// Why the system refused an isolate's memory, said so that whoever reads it can raise the limit that was hit.

#ifndef ISLET_ISOLATE_HEAP_CAGE_ERROR_H_
#define ISLET_ISOLATE_HEAP_CAGE_ERROR_H_

#include "absl/status/status.h"
#include "isolate/heap/cage_layout.h"

namespace islet::vm {

// After a call for a cage has failed with `error` (errno). The kernel does not tell which limit it was: this looks at
// each, so it names the one that has probably been hit. ResourceExhausted; Internal for what is no limit at all.
absl::Status CageError(const CageLayout& layout, int error);

}  // namespace islet::vm

#endif  // ISLET_ISOLATE_HEAP_CAGE_ERROR_H_
