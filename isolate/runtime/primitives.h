// The process-wide table of primitives: every built-in procedure that is written in C++. A
// primitive's place in the table is its Value, so the order is part of what a snapshot depends on.
//
// Each subject has a file; a subject's table keeps the order of its source.

#ifndef ISLET_ISOLATE_RUNTIME_PRIMITIVES_H_
#define ISLET_ISOLATE_RUNTIME_PRIMITIVES_H_

#include "absl/types/span.h"
#include "isolate/interpreter/primitive.h"

namespace islet::vm {

absl::Span<const PrimitiveSpec> NumberPrimitives();
absl::Span<const PrimitiveSpec> ListPrimitives();
absl::Span<const PrimitiveSpec> VectorPrimitives();
absl::Span<const PrimitiveSpec> BytevectorPrimitives();
absl::Span<const PrimitiveSpec> CharPrimitives();
absl::Span<const PrimitiveSpec> StringPrimitives();
absl::Span<const PrimitiveSpec> StringSearchPrimitives();
absl::Span<const PrimitiveSpec> SymbolPrimitives();
absl::Span<const PrimitiveSpec> HashTablePrimitives();
absl::Span<const PrimitiveSpec> RecordPrimitives();
absl::Span<const PrimitiveSpec> ControlPrimitives();
absl::Span<const PrimitiveSpec> SystemPrimitives();
absl::Span<const PrimitiveSpec> PortPrimitives();
absl::Span<const PrimitiveSpec> EvalPrimitives();
absl::Span<const PrimitiveSpec> BitPrimitives();
absl::Span<const PrimitiveSpec> CharSetPrimitives();
absl::Span<const PrimitiveSpec> RandomPrimitives();
absl::Span<const PrimitiveSpec> RegexpPrimitives();
absl::Span<const PrimitiveSpec> MacroPrimitives();

// All of them, in this order.
absl::Span<const PrimitiveSpec> AllPrimitives();

}  // namespace islet::vm

#endif  // ISLET_ISOLATE_RUNTIME_PRIMITIVES_H_
