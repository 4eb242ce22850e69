// Bytevectors (R7RS 6.9).

#include <cstring>

#include "isolate/heap/poll.h"
#include "isolate/runtime/arguments.h"
#include "isolate/runtime/primitives.h"
#include "isolate/runtime/text.h"

namespace islet::vm {
namespace {

uint64_t BytevectorBytes(uint64_t length) { return 16 + length; }

uint32_t LengthOf(Vm& vm, Value v) { return vm.heap().Get<Bytevector>(v)->length; }

uint8_t* Bytes(Vm& vm, Value v) { return vm.heap().Get<Bytevector>(v)->bytes; }

Value IsBytevector(Vm& vm, Value* args, uint32_t) { return Value::Boolean(vm.heap().Is<Bytevector>(args[0])); }

Value MakeBytevector(Vm& vm, Value* args, uint32_t argc) {
  uint32_t n;
  uint8_t fill = 0;
  if (!CheckCount(vm, "make-bytevector", args, 0, &n)) return kException;
  if (argc > 1 && !CheckByte(vm, "make-bytevector", args, 1, &fill)) return kException;
  if (!ReserveFor(vm, "make-bytevector", BytevectorBytes(n))) return kException;
  const Value v = vm.heap().MakeBytevector(n);
  if (fill != 0) FillBytes(Bytes(vm, v), fill, n);
  return v;
}

Value BytevectorOf(Vm& vm, Value* args, uint32_t argc) {
  if (!ReserveFor(vm, "bytevector", BytevectorBytes(argc))) return kException;
  const Value v = vm.heap().MakeBytevector(argc);
  StepCounter steps;
  for (uint32_t i = 0; i < argc && steps.Add(1); ++i) {
    if (!CheckByte(vm, "bytevector", args, i, Bytes(vm, v) + i)) return kException;
  }
  return v;
}

Value BytevectorLength(Vm& vm, Value* args, uint32_t) {
  if (!CheckBytevector(vm, "bytevector-length", args, 0)) return kException;
  return Value::Fixnum(static_cast<int32_t>(LengthOf(vm, args[0])));
}

Value BytevectorRef(Vm& vm, Value* args, uint32_t) {
  constexpr const char* kWho = "bytevector-u8-ref";
  uint32_t i;
  if (!CheckBytevector(vm, kWho, args, 0)) return kException;
  if (!CheckIndex(vm, kWho, args, 1, LengthOf(vm, args[0]), "the bytevector's length", &i)) {
    return kException;
  }
  return Value::Fixnum(Bytes(vm, args[0])[i]);
}

Value BytevectorSet(Vm& vm, Value* args, uint32_t) {
  constexpr const char* kWho = "bytevector-u8-set!";
  uint32_t i;
  uint8_t byte;
  if (!CheckBytevector(vm, kWho, args, 0)) return kException;
  if (!CheckIndex(vm, kWho, args, 1, LengthOf(vm, args[0]), "the bytevector's length", &i)) {
    return kException;
  }
  if (!CheckByte(vm, kWho, args, 2, &byte)) return kException;
  if (!CheckMutable(vm, kWho, args[0])) return kException;
  vm.heap().NoteRawWrite(Bytes(vm, args[0]) + i, 1);
  Bytes(vm, args[0])[i] = byte;
  return kUnspecified;
}

Value BytevectorCopy(Vm& vm, Value* args, uint32_t argc) {
  constexpr const char* kWho = "bytevector-copy";
  Range range;
  if (!CheckBytevector(vm, kWho, args, 0)) return kException;
  if (!CheckRange(vm, kWho, args, argc, 1, LengthOf(vm, args[0]), &range)) return kException;
  if (!ReserveFor(vm, kWho, BytevectorBytes(range.size()))) return kException;
  const Value v = vm.heap().MakeBytevector(range.size());
  CopyBytes(Bytes(vm, v), Bytes(vm, args[0]) + range.start, range.size());
  return v;
}

Value BytevectorCopyTo(Vm& vm, Value* args, uint32_t argc) {
  constexpr const char* kWho = "bytevector-copy!";
  if (!CheckBytevector(vm, kWho, args, 0)) return kException;
  const uint32_t length = LengthOf(vm, args[0]);
  Range at;
  Range range;
  if (!CheckRange(vm, kWho, args, 2, 1, length, &at)) return kException;
  if (!CheckBytevector(vm, kWho, args, 2)) return kException;
  if (!CheckRange(vm, kWho, args, argc, 3, LengthOf(vm, args[2]), &range)) return kException;
  if (range.size() > length - at.start) {
    return vm.OutOfRange(kWho, 2,
                         "leaves no room for " + std::to_string(range.size()) + " bytes in a bytevector of length " +
                             std::to_string(length),
                         args[1]);
  }
  if (range.size() == 0) return kUnspecified;
  if (!CheckMutable(vm, kWho, args[0])) return kException;
  uint8_t* to = Bytes(vm, args[0]) + at.start;
  vm.heap().NoteRawWrite(to, range.size());
  CopyBytes(to, Bytes(vm, args[2]) + range.start, range.size());
  return kUnspecified;
}

Value BytevectorAppend(Vm& vm, Value* args, uint32_t argc) {
  constexpr const char* kWho = "bytevector-append";
  uint64_t total = 0;
  StepCounter steps;
  for (uint32_t i = 0; i < argc && steps.Add(1); ++i) {
    if (!CheckBytevector(vm, kWho, args, i)) return kException;
    total += LengthOf(vm, args[i]);
  }
  if (total > Value::kFixnumMax) return vm.OutOfMemory(kWho, BytevectorBytes(total));
  if (!ReserveFor(vm, kWho, BytevectorBytes(total))) return kException;
  const Value v = vm.heap().MakeBytevector(static_cast<uint32_t>(total));
  uint8_t* to = Bytes(vm, v);
  for (uint32_t i = 0; i < argc && steps.Add(1 + UnchargedSteps(LengthOf(vm, args[i]))); ++i) {
    CopyBytes(to, Bytes(vm, args[i]), LengthOf(vm, args[i]));
    to += LengthOf(vm, args[i]);
  }
  return v;
}

Value BytevectorFill(Vm& vm, Value* args, uint32_t argc) {
  constexpr const char* kWho = "bytevector-fill!";
  uint8_t byte;
  Range range;
  if (!CheckBytevector(vm, kWho, args, 0)) return kException;
  if (!CheckByte(vm, kWho, args, 1, &byte)) return kException;
  if (!CheckRange(vm, kWho, args, argc, 2, LengthOf(vm, args[0]), &range)) return kException;
  if (range.size() == 0) return kUnspecified;
  if (!CheckMutable(vm, kWho, args[0])) return kException;
  vm.heap().NoteRawWrite(Bytes(vm, args[0]) + range.start, range.size());
  FillBytes(Bytes(vm, args[0]) + range.start, byte, range.size());
  return kUnspecified;
}

Value Utf8ToString(Vm& vm, Value* args, uint32_t argc) {
  constexpr const char* kWho = "utf8->string";
  Range range;
  if (!CheckBytevector(vm, kWho, args, 0)) return kException;
  if (!CheckRange(vm, kWho, args, argc, 1, LengthOf(vm, args[0]), &range)) return kException;
  auto text = [&] {
    return absl::string_view(reinterpret_cast<const char*>(Bytes(vm, args[0])) + range.start, range.size());
  };
  if (!IsValidUtf8(text())) return vm.OutOfRange(kWho, 1, "is not valid UTF-8", args[0]);
  return StringResult(vm, kWho, text);
}

Value StringToUtf8(Vm& vm, Value* args, uint32_t argc) {
  constexpr const char* kWho = "string->utf8";
  Range range;
  if (!CheckString(vm, kWho, args, 0)) return kException;
  if (!CheckRange(vm, kWho, args, argc, 1, StringLength(vm.heap(), args[0]), &range)) {
    return kException;
  }
  return EncodedResult(vm, kWho, args[0], range.start, range.end);
}

constexpr PrimitiveSpec kPrimitives[] = {
    {"bytevector?", IsBytevector, 1, 1},
    {"make-bytevector", Interruptible<MakeBytevector>, 1, 2},
    {"bytevector", Interruptible<BytevectorOf>, 0, -1},
    {"bytevector-length", BytevectorLength, 1, 1},
    {"bytevector-u8-ref", BytevectorRef, 2, 2},
    {"bytevector-u8-set!", BytevectorSet, 3, 3},
    {"bytevector-copy", Interruptible<BytevectorCopy>, 1, 3},
    {"bytevector-copy!", Interruptible<BytevectorCopyTo>, 3, 5},
    {"bytevector-append", Interruptible<BytevectorAppend>, 0, -1},
    {"bytevector-fill!", Interruptible<BytevectorFill>, 2, 4},
    {"utf8->string", Interruptible<Utf8ToString>, 1, 3},
    {"string->utf8", Interruptible<StringToUtf8>, 1, 3},
};

}  // namespace

absl::Span<const PrimitiveSpec> BytevectorPrimitives() { return kPrimitives; }

}  // namespace islet::vm
