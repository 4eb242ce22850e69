#include "isolate/runtime/primitives.h"

#include <vector>

namespace islet::vm {

absl::Span<const PrimitiveSpec> AllPrimitives() {
  // Never destroyed: isolates may outlive static destruction.
  static const std::vector<PrimitiveSpec>* const all = [] {
    auto* specs = new std::vector<PrimitiveSpec>;
    for (const auto subject :
         {NumberPrimitives, ListPrimitives, VectorPrimitives, BytevectorPrimitives, CharPrimitives,
          StringPrimitives, StringSearchPrimitives, SymbolPrimitives, HashTablePrimitives,
          RecordPrimitives, ControlPrimitives, SystemPrimitives, PortPrimitives, EvalPrimitives,
          BitPrimitives, CharSetPrimitives, RandomPrimitives, RegexpPrimitives,
          MacroPrimitives}) {
      const absl::Span<const PrimitiveSpec> part = subject();
      specs->insert(specs->end(), part.begin(), part.end());
    }
    return specs;
  }();
  return *all;
}

}  // namespace islet::vm
