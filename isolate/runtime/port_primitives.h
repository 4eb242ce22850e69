// The port primitives by file; PortPrimitives (primitives.h) joins them.

#ifndef ISLET_ISOLATE_RUNTIME_PORT_PRIMITIVES_H_
#define ISLET_ISOLATE_RUNTIME_PORT_PRIMITIVES_H_

#include "absl/types/span.h"
#include "isolate/interpreter/primitive.h"

namespace islet::vm {

// Opening, closing, asking, and files as such.
absl::Span<const PrimitiveSpec> PortObjectPrimitives();
absl::Span<const PrimitiveSpec> InputPrimitives();
absl::Span<const PrimitiveSpec> OutputPrimitives();

}  // namespace islet::vm

#endif  // ISLET_ISOLATE_RUNTIME_PORT_PRIMITIVES_H_
