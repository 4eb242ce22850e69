// Vectors (R7RS 6.8).

#include <algorithm>
#include <cstring>

#include "isolate/heap/poll.h"
#include "isolate/runtime/arguments.h"
#include "isolate/runtime/list_building.h"
#include "isolate/runtime/primitives.h"

namespace islet::vm {
namespace {

uint64_t VectorBytes(uint64_t length) { return 16 + length * 4; }

uint32_t LengthOf(Vm& vm, Value v) { return vm.heap().Get<Vector>(v)->length; }

Value* Items(Vm& vm, Value v) { return vm.heap().Get<Vector>(v)->items; }

Value IsVector(Vm& vm, Value* args, uint32_t) { return Value::Boolean(vm.heap().Is<Vector>(args[0])); }

Value MakeVector(Vm& vm, Value* args, uint32_t argc) {
  uint32_t n;
  if (!CheckCount(vm, "make-vector", args, 0, &n)) return kException;
  if (argc > 1) PrepareToRepeat(vm.heap(), args[1], n);
  if (!ReserveFor(vm, "make-vector", VectorBytes(n))) return kException;
  return MakeFilledVector(vm.heap(), n, argc > 1 ? args[1] : kUnspecified);
}

Value VectorOf(Vm& vm, Value* args, uint32_t argc) {
  if (!ReserveFor(vm, "vector", VectorBytes(argc))) return kException;
  const Value v = MakeFilledVector(vm.heap(), argc, kFalse);
  CopyBytes(Items(vm, v), args, uint64_t{argc} * sizeof(Value));
  return v;
}

Value VectorLength(Vm& vm, Value* args, uint32_t) {
  if (!CheckVector(vm, "vector-length", args, 0)) return kException;
  return Value::Fixnum(static_cast<int32_t>(LengthOf(vm, args[0])));
}

Value VectorRef(Vm& vm, Value* args, uint32_t) {
  constexpr const char* kWho = "vector-ref";
  uint32_t i;
  if (!CheckVector(vm, kWho, args, 0)) return kException;
  if (!CheckIndex(vm, kWho, args, 1, LengthOf(vm, args[0]), "the vector's length", &i)) {
    return kException;
  }
  return Items(vm, args[0])[i];
}

Value VectorSet(Vm& vm, Value* args, uint32_t) {
  constexpr const char* kWho = "vector-set!";
  uint32_t i;
  if (!CheckVector(vm, kWho, args, 0)) return kException;
  if (!CheckIndex(vm, kWho, args, 1, LengthOf(vm, args[0]), "the vector's length", &i)) {
    return kException;
  }
  if (!CheckMutable(vm, kWho, args[0])) return kException;
  vm.heap().Write(Items(vm, args[0]) + i, args[2]);
  return kUnspecified;
}

Value VectorToList(Vm& vm, Value* args, uint32_t argc) {
  constexpr const char* kWho = "vector->list";
  Range range;
  if (!CheckVector(vm, kWho, args, 0)) return kException;
  if (!CheckRange(vm, kWho, args, argc, 1, LengthOf(vm, args[0]), &range)) return kException;
  PairMaker pairs(vm.heap());
  if (!pairs.Reserve(vm, kWho, range.size())) return kException;
  const Value* items = Items(vm, args[0]);
  Value list = kNull;
  (void)InPartsBackward(range.start, range.end, 1, [&](uint64_t begin, uint64_t i) {
    for (; i > begin; --i) list = pairs.Cons(items[i - 1], list);
  });
  return list;
}

Value ListToVector(Vm& vm, Value* args, uint32_t) {
  uint32_t n;
  if (!CheckList(vm, "list->vector", args, 0, &n)) return kException;
  if (!ReserveFor(vm, "list->vector", VectorBytes(n))) return kException;
  const Value v = MakeFilledVector(vm.heap(), n, kFalse);
  Value* item = Items(vm, v);
  StepCounter steps;
  for (Value l = args[0]; l.IsPair() && steps.Add(1); l = vm.heap().cdr(l)) *item++ = vm.heap().car(l);
  return v;
}

Value Copy(Vm& vm, const char* who, Value* args, uint32_t argc) {
  Range range;
  if (!CheckVector(vm, who, args, 0)) return kException;
  if (!CheckRange(vm, who, args, argc, 1, LengthOf(vm, args[0]), &range)) return kException;
  if (!ReserveFor(vm, who, VectorBytes(range.size()))) return kException;
  const Value v = MakeFilledVector(vm.heap(), range.size(), kFalse);
  const Value* items = Items(vm, args[0]);
  CopyBytes(Items(vm, v), items + range.start, uint64_t{range.size()} * sizeof(Value));
  return v;
}

Value VectorCopy(Vm& vm, Value* args, uint32_t argc) { return Copy(vm, "vector-copy", args, argc); }

Value Subvector(Vm& vm, Value* args, uint32_t argc) { return Copy(vm, "subvector", args, argc); }

Value VectorCopyTo(Vm& vm, Value* args, uint32_t argc) {
  constexpr const char* kWho = "vector-copy!";
  if (!CheckVector(vm, kWho, args, 0)) return kException;
  const uint32_t length = LengthOf(vm, args[0]);
  Range at;
  Range range;
  if (!CheckRange(vm, kWho, args, 2, 1, length, &at)) return kException;
  if (!CheckVector(vm, kWho, args, 2)) return kException;
  if (!CheckRange(vm, kWho, args, argc, 3, LengthOf(vm, args[2]), &range)) return kException;
  if (range.size() > length - at.start) {
    return vm.OutOfRange(kWho, 2,
                         "leaves no room for " + std::to_string(range.size()) + " elements in a vector of length " +
                             std::to_string(length),
                         args[1]);
  }
  if (range.size() == 0) return kUnspecified;
  if (!CheckMutable(vm, kWho, args[0])) return kException;
  CopyElements(vm.heap(), Items(vm, args[0]) + at.start, Items(vm, args[2]) + range.start, range.size());
  return kUnspecified;
}

Value VectorAppend(Vm& vm, Value* args, uint32_t argc) {
  constexpr const char* kWho = "vector-append";
  uint64_t total = 0;
  StepCounter steps;
  for (uint32_t i = 0; i < argc && steps.Add(1); ++i) {
    if (!CheckVector(vm, kWho, args, i)) return kException;
    total += LengthOf(vm, args[i]);
  }
  if (total > Value::kFixnumMax) return vm.OutOfMemory(kWho, VectorBytes(total));
  if (!ReserveFor(vm, kWho, VectorBytes(total))) return kException;
  const Value v = MakeFilledVector(vm.heap(), static_cast<uint32_t>(total), kFalse);
  Value* item = Items(vm, v);
  for (uint32_t i = 0; i < argc; ++i) {
    const uint64_t bytes = uint64_t{LengthOf(vm, args[i])} * sizeof(Value);
    if (!steps.Add(1 + UnchargedSteps(bytes))) return kException;
    CopyBytes(item, Items(vm, args[i]), bytes);
    item += LengthOf(vm, args[i]);
  }
  return v;
}

Value VectorFill(Vm& vm, Value* args, uint32_t argc) {
  constexpr const char* kWho = "vector-fill!";
  Range range;
  if (!CheckVector(vm, kWho, args, 0)) return kException;
  if (!CheckRange(vm, kWho, args, argc, 2, LengthOf(vm, args[0]), &range)) return kException;
  if (range.size() == 0) return kUnspecified;
  if (!CheckMutable(vm, kWho, args[0])) return kException;
  PrepareToRepeat(vm.heap(), args[1], range.size());
  Value* items = Items(vm, args[0]);
  (void)InParts(range.start, range.end, 1, [&](uint64_t i, uint64_t end) {
    for (; i < end; ++i) vm.heap().Write(items + i, args[1]);
  });
  return kUnspecified;
}

Value VectorToString(Vm& vm, Value* args, uint32_t argc) {
  constexpr const char* kWho = "vector->string";
  Range range;
  if (!CheckVector(vm, kWho, args, 0)) return kException;
  if (!CheckRange(vm, kWho, args, argc, 1, LengthOf(vm, args[0]), &range)) return kException;
  const Value* items = Items(vm, args[0]);
  uint32_t largest = 0;
  StepCounter steps;
  for (uint32_t i = range.start; i < range.end && steps.Add(1); ++i) {
    if (!items[i].IsChar()) return vm.WrongType(kWho, 1, "a vector of characters", args[0]);
    largest = std::max(largest, items[i].character());
  }
  const bool wide = largest > 0xff;
  if (!ReserveFor(vm, kWho, StringBytes(range.size(), wide))) return kException;
  const Value s = MakeStringOfLength(vm.heap(), range.size(), wide);
  items = Items(vm, args[0]) + range.start;
  for (uint32_t i = 0; i < range.size() && steps.Add(2); ++i) {
    SetCharAt(vm.heap(), s, i, items[i].character());
  }
  return s;
}

Value StringToVector(Vm& vm, Value* args, uint32_t argc) {
  constexpr const char* kWho = "string->vector";
  Range range;
  if (!CheckString(vm, kWho, args, 0)) return kException;
  if (!CheckRange(vm, kWho, args, argc, 1, StringLength(vm.heap(), args[0]), &range)) {
    return kException;
  }
  if (!ReserveFor(vm, kWho, VectorBytes(range.size()))) return kException;
  const Value v = MakeFilledVector(vm.heap(), range.size(), kFalse);
  const StringChars chars = CharsOf(vm.heap(), args[0]);
  StepCounter steps;
  for (uint32_t i = 0; i < range.size() && steps.Add(1); ++i) {
    Items(vm, v)[i] = Value::Char(chars[range.start + i]);
  }
  return v;
}

constexpr PrimitiveSpec kPrimitives[] = {
    {"vector?", IsVector, 1, 1},
    {"make-vector", Interruptible<MakeVector>, 1, 2},
    {"vector", Interruptible<VectorOf>, 0, -1},
    {"vector-length", VectorLength, 1, 1},
    {"vector-ref", VectorRef, 2, 2},
    {"vector-set!", VectorSet, 3, 3},
    {"vector->list", Interruptible<VectorToList>, 1, 3},
    {"list->vector", Interruptible<ListToVector>, 1, 1},
    {"vector-copy", Interruptible<VectorCopy>, 1, 3},
    {"subvector", Interruptible<Subvector>, 3, 3},
    {"vector-copy!", Interruptible<VectorCopyTo>, 3, 5},
    {"vector-append", Interruptible<VectorAppend>, 0, -1},
    {"vector-fill!", Interruptible<VectorFill>, 2, 4},
    {"vector->string", Interruptible<VectorToString>, 1, 3},
    {"string->vector", Interruptible<StringToVector>, 1, 3},
};

}  // namespace

absl::Span<const PrimitiveSpec> VectorPrimitives() { return kPrimitives; }

}  // namespace islet::vm
