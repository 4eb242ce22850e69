// Symbols (R7RS 6.5).

#include "isolate/data/equality.h"
#include "isolate/heap/poll.h"
#include "isolate/runtime/arguments.h"
#include "isolate/runtime/primitives.h"

namespace islet::vm {
namespace {

Value IsSymbol(Vm& vm, Value* args, uint32_t) { return Value::Boolean(vm.heap().Is<Symbol>(args[0])); }

Value NameOf(Vm& vm, Value symbol) { return vm.heap().Get<Symbol>(symbol)->name; }

// The name itself, which is immutable, as R7RS allows.
Value SymbolToString(Vm& vm, Value* args, uint32_t) {
  if (!CheckSymbol(vm, "symbol->string", args, 0)) return kException;
  return NameOf(vm, args[0]);
}

Value StringToSymbol(Vm& vm, Value* args, uint32_t) {
  if (!CheckString(vm, "string->symbol", args, 0)) return kException;
  const StringChars chars = CharsOf(vm.heap(), args[0]);
  const uint64_t bytes = StringBytes(chars.length, chars.narrow == nullptr);
  if (!ReserveFor(vm, "string->symbol", bytes)) return kException;
  return vm.InternString(args[0]);
}

Value SymbolAppend(Vm& vm, Value* args, uint32_t argc) {
  Heap& heap = vm.heap();
  uint64_t length = 0;
  bool wide = false;
  StepCounter steps;
  for (uint32_t i = 0; i < argc && steps.Add(1); ++i) {
    if (!CheckSymbol(vm, "symbol-append", args, i)) return kException;
    const StringChars chars = CharsOf(heap, NameOf(vm, args[i]));
    length += chars.length;
    wide |= chars.narrow == nullptr;
  }
  const uint64_t bytes = StringBytes(length, wide);
  if (length > kMaxStringLength) return vm.OutOfMemory("symbol-append", bytes);
  if (!ReserveFor(vm, "symbol-append", bytes)) return kException;
  const Value name = MakeStringOfLength(heap, static_cast<uint32_t>(length), wide, kImmutableFlag);
  uint32_t at = 0;
  for (uint32_t i = 0; i < argc; ++i) {
    const Value part = NameOf(vm, args[i]);
    const uint32_t part_length = StringLength(heap, part);
    if (!steps.Add(1 + UnchargedSteps(part_length))) return kException;
    CopyChars(heap, name, at, part, 0, part_length);
    at += part_length;
  }
  return vm.InternString(name);
}

Value SymbolEq(Vm& vm, Value* args, uint32_t argc) {
  StepCounter steps;
  for (uint32_t i = 0; i < argc && steps.Add(1); ++i) {
    if (!CheckSymbol(vm, "symbol=?", args, i)) return kException;
  }
  for (uint32_t i = 1; i < argc && steps.Add(1); ++i) {
    if (args[i] != args[0]) return kFalse;
  }
  return kTrue;
}

Value SymbolLess(Vm& vm, Value* args, uint32_t argc) {
  StepCounter steps;
  for (uint32_t i = 0; i < argc && steps.Add(1); ++i) {
    if (!CheckSymbol(vm, "symbol<?", args, i)) return kException;
  }
  for (uint32_t i = 0; i + 1 < argc; ++i) {
    if (!steps.Add(1 + UnchargedSteps(StringLength(vm.heap(), NameOf(vm, args[i]))))) return kException;
    if (StringCompare(vm.heap(), NameOf(vm, args[i]), NameOf(vm, args[i + 1])) >= 0) return kFalse;
  }
  return kTrue;
}

// A symbol in no table: eq? to itself alone, whatever its name.
Value GenerateUninternedSymbol(Vm& vm, Value* args, uint32_t argc) {
  Heap& heap = vm.heap();
  Value name;
  if (argc == 0) {
    name = MakeString(heap, "g", kImmutableFlag);
  } else {
    if (!CheckString(vm, "generate-uninterned-symbol", args, 0)) return kException;
    const uint32_t length = StringLength(heap, args[0]);
    if (!ReserveFor(vm, "generate-uninterned-symbol", StringBytes(length, true))) return kException;
    name = CopyString(heap, args[0], 0, length, kImmutableFlag);
  }
  Symbol* symbol = static_cast<Symbol*>(heap.NewUnmoving(ObjectType::kSymbol, sizeof(Symbol), kUninternedFlag, 0));
  // Many have the same name: it would make a poor hash. Unmoving objects have the same offset on
  // each run, and a hash once given stays.
  symbol->hash = Value::Fixnum(static_cast<int32_t>(AddressHash(heap.OffsetOf(symbol))));
  symbol->name = name;
  return heap.ValueOf(symbol);
}

constexpr PrimitiveSpec kPrimitives[] = {
    {"symbol?", IsSymbol, 1, 1},
    {"symbol->string", SymbolToString, 1, 1},
    {"string->symbol", Interruptible<StringToSymbol>, 1, 1},
    {"symbol-append", Interruptible<SymbolAppend>, 0, -1},
    {"symbol=?", Interruptible<SymbolEq>, 1, -1},
    {"symbol<?", Interruptible<SymbolLess>, 1, -1},
    {"generate-uninterned-symbol", Interruptible<GenerateUninternedSymbol>, 0, 1},
};

}  // namespace

absl::Span<const PrimitiveSpec> SymbolPrimitives() { return kPrimitives; }

}  // namespace islet::vm
