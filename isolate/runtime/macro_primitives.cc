// Identifiers as macros that are procedures see them (expander/procedural_macro.h).

#include "isolate/expander/expander.h"
#include "isolate/heap/heap.h"
#include "isolate/interpreter/vm.h"
#include "isolate/runtime/primitives.h"

namespace islet::vm {

namespace {

// (%rename-identifier token name), (%compare-identifiers token a b): behind `rename` and `compare`.
Value Rename(Vm& vm, Value* args, uint32_t) { return RenameIdentifier(vm, args[0], args[1]); }

Value Compare(Vm& vm, Value* args, uint32_t) { return CompareIdentifiers(vm, args[0], args[1], args[2]); }

// A symbol, or what a macro has renamed.
Value IsIdentifier(Vm& vm, Value* args, uint32_t) {
  return Value::Boolean(vm.heap().Is<Symbol>(args[0]) || vm.heap().Is<Identifier>(args[0]));
}

// The symbol that an identifier was before it was renamed.
Value IdentifierToSymbol(Vm& vm, Value* args, uint32_t) {
  Value name = args[0];
  while (const Identifier* identifier = vm.heap().TryGet<Identifier>(name)) name = identifier->name;
  return vm.heap().Is<Symbol>(name) ? name : vm.WrongType("identifier->symbol", 1, "an identifier", args[0]);
}

}  // namespace

absl::Span<const PrimitiveSpec> MacroPrimitives() {
  static constexpr PrimitiveSpec kPrimitives[] = {
      {"%rename-identifier", Rename, 2, 2},
      {"%compare-identifiers", Compare, 3, 3},
      {"identifier?", IsIdentifier, 1, 1},
      {"identifier->symbol", IdentifierToSymbol, 1, 1},
  };
  return kPrimitives;
}

}  // namespace islet::vm
