#include "isolate/runtime/primitives.h"

#include <vector>

#include "isolate/process/made_once.h"

namespace islet::vm {

absl::Span<const PrimitiveSpec> AllPrimitives() {
  static constinit MadeOnce<std::vector<PrimitiveSpec>> all;
  return all.Get([] {
    std::vector<PrimitiveSpec> specs;
    for (const auto subject : {NumberPrimitives, ListPrimitives, VectorPrimitives, BytevectorPrimitives, CharPrimitives,
                               StringPrimitives, StringSearchPrimitives, SymbolPrimitives, HashTablePrimitives,
                               RecordPrimitives, ControlPrimitives, SystemPrimitives, PortPrimitives, EvalPrimitives,
                               BitPrimitives, CharSetPrimitives, RandomPrimitives, RegexpPrimitives, MacroPrimitives}) {
      const absl::Span<const PrimitiveSpec> part = subject();
      specs.insert(specs.end(), part.begin(), part.end());
    }
    return specs;
  });
}

}  // namespace islet::vm
