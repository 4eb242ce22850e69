// The bits of exact integers (SRFI 151): what is not easily made of the rest in Lisp.

#include <vector>

#include "isolate/numbers/numbers.h"
#include "isolate/runtime/arguments.h"
#include "isolate/runtime/list_building.h"
#include "isolate/runtime/number_primitives.h"
#include "isolate/runtime/primitives.h"

namespace islet::vm {
namespace {

// bits->list: the optional length, or the number's own.
Value BitsToListPrimitive(Vm& vm, Value* args, uint32_t argc) {
  constexpr char kWho[] = "bits->list";
  if (!IsExactInteger(vm.heap(), args[0])) {
    return vm.WrongType(kWho, 1, "an exact integer", args[0]);
  }
  uint32_t length = static_cast<uint32_t>(IntegerLength(vm.heap(), args[0]).fixnum());
  if (argc > 1 && !CheckCount(vm, kWho, args, 1, &length)) return kException;
  // The complement's bits are easier to come by than a negative number's.
  const bool negative = Sign(vm.heap(), args[0]) < 0;
  if (negative) {
    const uint64_t bytes = NumberBytes(vm.heap(), args[0]) + 64;
    if (!ReserveFor(vm, kWho, bytes)) return kException;
    NumberStatus status;
    status.allowance = bytes;
    const Value complement = BitwiseNot(vm.heap(), args[0], &status);
    if (complement == kException) return RaiseFailure(vm, kWho, status, args, 0);
    args[0] = complement;
  }
  PairMaker pairs(vm.heap());
  if (!pairs.Reserve(vm, kWho, length)) return kException;
  Value list = kNull;
  StepCounter steps;
  for (uint32_t i = length; i > 0 && steps.Add(1); --i) {
    list = pairs.Cons(Value::Boolean(TestBit(vm.heap(), args[0], i - 1) != negative), list);
  }
  return list;
}

Value ListToBitsPrimitive(Vm& vm, Value* args, uint32_t) {
  constexpr char kWho[] = "list->bits";
  uint32_t length;
  if (!CheckList(vm, kWho, args, 0, &length)) return kException;
  StepCounter steps;
  for (Value rest = args[0]; rest.IsPair() && steps.Add(1); rest = vm.heap().cdr(rest)) {
    if (!vm.heap().car(rest).IsBoolean()) {
      return vm.WrongType(kWho, 1, "a list of booleans", args[0]);
    }
  }
  if (!ReserveFor(vm, kWho, length / 8 + 64)) return kException;
  std::vector<uint64_t> limbs(length / 64 + 1);
  uint32_t i = 0;
  for (Value rest = args[0]; rest.IsPair() && steps.Add(1); rest = vm.heap().cdr(rest), ++i) {
    if (vm.heap().car(rest) == kTrue) limbs[i / 64] |= uint64_t{1} << (i % 64);
  }
  return FromLimbs(vm.heap(), limbs, false);
}

constexpr PrimitiveSpec kBitPrimitives[] = {
    Variadic<"bitwise-and", BitwiseAnd, -1>(),
    Variadic<"bitwise-ior", BitwiseIor, 0>(),
    Variadic<"bitwise-xor", BitwiseXor, 0>(),
    Variadic<"bitwise-eqv", BitwiseEqv, -1>(),
    Binary<"bitwise-nand", BitwiseNand>(),
    Binary<"bitwise-nor", BitwiseNor>(),
    Binary<"bitwise-andc1", BitwiseAndc1>(),
    Binary<"bitwise-andc2", BitwiseAndc2>(),
    Binary<"bitwise-orc1", BitwiseOrc1>(),
    Binary<"bitwise-orc2", BitwiseOrc2>(),
    Unary<"bitwise-not", BitwiseNot>(),
    Binary<"arithmetic-shift", ArithmeticShift>(),
    Unary<"bit-count", BitCount>(),
    Unary<"integer-length", IntegerLength>(),
    Unary<"first-set-bit", FirstSetBit>(),
    Ternary<"bitwise-if", BitwiseIf>(),
    Binary<"bit-set?", IsBitSet>(),
    Binary<"any-bit-set?", IsAnyBitSet>(),
    Binary<"every-bit-set?", IsEveryBitSet>(),
    Ternary<"copy-bit", CopyBit>(),
    Ternary<"bit-swap", BitSwap>(),
    Ternary<"bit-field", BitField>(),
    {"bits->list", Interruptible<BitsToListPrimitive>, 1, 2},
    {"list->bits", Interruptible<ListToBitsPrimitive>, 1, 1},
};

}  // namespace

absl::Span<const PrimitiveSpec> BitPrimitives() { return kBitPrimitives; }

}  // namespace islet::vm
