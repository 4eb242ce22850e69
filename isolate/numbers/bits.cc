// Bits of exact integers, which behave as two's complement without end (SRFI 151), though they are
// stored as sign and magnitude.

#include <algorithm>
#include <cstring>
#include <limits>

#include "isolate/heap/poll.h"
#include "isolate/numbers/operands.h"

namespace islet::vm {
namespace {

constexpr char kExactInteger[] = "an exact integer";

void Complement(uint64_t* limbs, size_t size) {
  uint64_t carry = 1;
  (void)InParts(0, size, 1, [&](uint64_t i, uint64_t end) {
    for (; i < end; ++i) {
      limbs[i] = ~limbs[i] + carry;
      if (limbs[i] != 0) carry = 0;
    }
  });
}

// Writes v's two's complement to `limbs`, of which there are `size` > v.size.
void ToTwosComplement(IntegerView v, uint64_t* limbs, size_t size) {
  if (v.size != 0) CopyBytes(limbs, v.limbs, v.size * sizeof(uint64_t));
  FillBytes(limbs + v.size, 0, (size - v.size) * sizeof(uint64_t));
  if (v.negative) Complement(limbs, size);
}

// The other way, in place.
void FromTwosComplement(uint64_t* limbs, size_t size, Integer* result) {
  const bool negative = limbs[size - 1] >> 63 != 0;
  if (negative) Complement(limbs, size);
  result->Finish(size, negative);
  result->FailIfEnded();
}

template <typename Operation>
Value Bitwise(Heap& heap, Value a, Value b, NumberStatus* status, Operation operation) {
  if (a.IsFixnum() && b.IsFixnum()) {
    return Value::Fixnum(static_cast<int32_t>(operation(a.fixnum(), b.fixnum())));
  }
  if (!IsExactInteger(heap, a)) return WrongType(status, 1, kExactInteger);
  if (!IsExactInteger(heap, b)) return WrongType(status, 2, kExactInteger);
  uint64_t a_place;
  uint64_t b_place;
  const IntegerView x = ViewInteger(heap, a, &a_place);
  const IntegerView y = ViewInteger(heap, b, &b_place);
  const size_t size = std::max(x.size, y.size) + 1;
  if (!Allowed(status, BignumBytes(size))) return kException;
  Integer left;
  Integer right;
  uint64_t* p = left.Resize(size);
  uint64_t* q = right.Resize(size);
  if (p == nullptr || q == nullptr) return TooLarge(status, kLargestNumber);
  ToTwosComplement(x, p, size);
  ToTwosComplement(y, q, size);
  (void)InParts(0, size, 1, [&](uint64_t i, uint64_t end) {
    for (; i < end; ++i) p[i] = static_cast<uint64_t>(operation(p[i], q[i]));
  });
  FromTwosComplement(p, size, &left);
  return MakeInteger(heap, left, status);
}

}  // namespace

Value BitwiseAnd(Heap& heap, Value a, Value b, NumberStatus* status) {
  return Bitwise(heap, a, b, status, [](auto x, auto y) { return x & y; });
}

Value BitwiseIor(Heap& heap, Value a, Value b, NumberStatus* status) {
  return Bitwise(heap, a, b, status, [](auto x, auto y) { return x | y; });
}

Value BitwiseXor(Heap& heap, Value a, Value b, NumberStatus* status) {
  return Bitwise(heap, a, b, status, [](auto x, auto y) { return x ^ y; });
}

Value BitwiseEqv(Heap& heap, Value a, Value b, NumberStatus* status) {
  return Bitwise(heap, a, b, status, [](auto x, auto y) { return ~(x ^ y); });
}

Value BitwiseNand(Heap& heap, Value a, Value b, NumberStatus* status) {
  return Bitwise(heap, a, b, status, [](auto x, auto y) { return ~(x & y); });
}

Value BitwiseNor(Heap& heap, Value a, Value b, NumberStatus* status) {
  return Bitwise(heap, a, b, status, [](auto x, auto y) { return ~(x | y); });
}

Value BitwiseAndc1(Heap& heap, Value a, Value b, NumberStatus* status) {
  return Bitwise(heap, a, b, status, [](auto x, auto y) { return ~x & y; });
}

Value BitwiseAndc2(Heap& heap, Value a, Value b, NumberStatus* status) {
  return Bitwise(heap, a, b, status, [](auto x, auto y) { return x & ~y; });
}

Value BitwiseOrc1(Heap& heap, Value a, Value b, NumberStatus* status) {
  return Bitwise(heap, a, b, status, [](auto x, auto y) { return ~x | y; });
}

Value BitwiseOrc2(Heap& heap, Value a, Value b, NumberStatus* status) {
  return Bitwise(heap, a, b, status, [](auto x, auto y) { return x | ~y; });
}

Value BitwiseNot(Heap& heap, Value v, NumberStatus* status) {
  if (!IsExactInteger(heap, v)) return WrongType(status, 1, kExactInteger);
  return Subtract(heap, Value::Fixnum(-1), v, status);
}

Value BitwiseIf(Heap& heap, Value mask, Value a, Value b, NumberStatus* status) {
  if (!IsExactInteger(heap, mask)) return WrongType(status, 1, kExactInteger);
  if (!IsExactInteger(heap, a)) return WrongType(status, 2, kExactInteger);
  if (!IsExactInteger(heap, b)) return WrongType(status, 3, kExactInteger);
  const uint64_t bytes = NumberBytes(heap, mask) + NumberBytes(heap, a) + NumberBytes(heap, b);
  if (!Allowed(status, 3 * bytes + 128)) return kException;
  const Value from_a = BitwiseAnd(heap, mask, a, status);
  const Value from_b = from_a == kException ? from_a : BitwiseAndc1(heap, mask, b, status);
  return from_b == kException ? from_b : BitwiseIor(heap, from_a, from_b, status);
}

Value ArithmeticShift(Heap& heap, Value v, Value count, NumberStatus* status) {
  if (!IsExactInteger(heap, v)) return WrongType(status, 1, kExactInteger);
  if (!IsExactInteger(heap, count)) return WrongType(status, 2, kExactInteger);
  uint64_t place;
  const IntegerView x = ViewInteger(heap, v, &place);
  if (x.IsZero() || count == Value::Fixnum(0)) return v;
  if (Sign(heap, count) > 0) {
    const std::optional<uint64_t> bits = ToUint64(heap, count);
    if (!bits || *bits > 8 * kLargestNumber) {
      return TooLarge(status, bits ? *bits / 8 : std::numeric_limits<uint64_t>::max());
    }
    if (!Allowed(status, BignumBytes(x.size + *bits / 64 + 1))) return kException;
    return MakeInteger(heap, integers::ShiftLeft(x, *bits), status);
  }
  const std::optional<int64_t> bits = ToInt64(heap, count);
  if (!bits || *bits <= -static_cast<int64_t>(64 * x.size)) return Value::Fixnum(x.negative ? -1 : 0);
  if (!Allowed(status, BignumBytes(x.size))) return kException;
  bool lost = false;
  Integer shifted = integers::ShiftRight(x, static_cast<uint64_t>(-*bits), &lost);
  if (x.negative && lost) shifted = integers::Difference(shifted, kOne);  // rounds down
  return MakeInteger(heap, shifted, status);
}

Value BitCount(Heap& heap, Value v, NumberStatus* status) {
  if (!IsExactInteger(heap, v)) return WrongType(status, 1, kExactInteger);
  uint64_t place;
  const IntegerView x = ViewInteger(heap, v, &place);
  int64_t count = 0;
  // The zeros of a negative number are the ones of its complement, |v| - 1.
  uint64_t borrow = x.negative ? 1 : 0;
  StepCounter steps;
  for (size_t i = 0; i < x.size && steps.Add(1); ++i) {
    count += __builtin_popcountll(x.limbs[i] - borrow);
    if (x.limbs[i] != 0) borrow = 0;
  }
  return FromInt64(heap, count);
}

Value IntegerLength(Heap& heap, Value v, NumberStatus* status) {
  if (!IsExactInteger(heap, v)) return WrongType(status, 1, kExactInteger);
  uint64_t place;
  const IntegerView x = ViewInteger(heap, v, &place);
  if (x.IsZero()) return Value::Fixnum(0);
  const uint64_t length = integers::BitLength(x);
  // -2^n needs a bit less than 2^n.
  const bool power_of_two = integers::TrailingZeros(x) == length - 1;
  return FromUint64(heap, x.negative && power_of_two ? length - 1 : length);
}

Value FirstSetBit(Heap& heap, Value v, NumberStatus* status) {
  if (!IsExactInteger(heap, v)) return WrongType(status, 1, kExactInteger);
  uint64_t place;
  const IntegerView x = ViewInteger(heap, v, &place);
  if (x.IsZero()) return Value::Fixnum(-1);
  return FromUint64(heap, integers::TrailingZeros(x));
}

bool TestBit(Heap& heap, Value v, uint64_t index) {
  uint64_t place;
  const IntegerView x = ViewInteger(heap, v, &place);
  if (index / 64 >= x.size) return x.negative;
  const bool set = (x.limbs[index / 64] >> (index % 64) & 1) != 0;
  if (!x.negative) return set;
  // Complementing and adding one leaves the lowest 1 and what is below it as they are.
  return index <= integers::TrailingZeros(x) ? set : !set;
}

namespace {

// A bit's index. What is too large for 64 bits is beyond any number's bits all the same.
bool ReadIndex(Heap& heap, Value v, int argument, uint64_t* index, NumberStatus* status) {
  if (!IsExactInteger(heap, v) || Sign(heap, v) < 0) {
    WrongType(status, argument, "an exact integer that is not negative");
    return false;
  }
  *index = ToUint64(heap, v).value_or(std::numeric_limits<uint64_t>::max());
  return true;
}

// v with the bit at `index` the other way.
Value FlipBit(Heap& heap, Value index, Value v, NumberStatus* status) {
  const Value bit = ArithmeticShift(heap, Value::Fixnum(1), index, status);
  return bit == kException ? bit : BitwiseXor(heap, v, bit, status);
}

// Room for flipping bits, the highest of which is at `index`.
bool AllowedFlip(Heap& heap, Value v, uint64_t index, NumberStatus* status) {
  if (index / 8 > kLargestNumber) {
    TooLarge(status, index / 8);
    return false;
  }
  return Allowed(status, 2 * NumberBytes(heap, v) + 4 * (index / 8) + 256);
}

}  // namespace

Value IsBitSet(Heap& heap, Value index, Value v, NumberStatus* status) {
  uint64_t i;
  if (!ReadIndex(heap, index, 1, &i, status)) return kException;
  if (!IsExactInteger(heap, v)) return WrongType(status, 2, kExactInteger);
  return Value::Boolean(TestBit(heap, v, i));
}

Value IsAnyBitSet(Heap& heap, Value test, Value v, NumberStatus* status) {
  const Value common = BitwiseAnd(heap, test, v, status);
  return common == kException ? common : Value::Boolean(common != Value::Fixnum(0));
}

Value IsEveryBitSet(Heap& heap, Value test, Value v, NumberStatus* status) {
  const Value missing = BitwiseAndc2(heap, test, v, status);
  return missing == kException ? missing : Value::Boolean(missing == Value::Fixnum(0));
}

Value CopyBit(Heap& heap, Value index, Value v, Value bit, NumberStatus* status) {
  uint64_t i;
  if (!ReadIndex(heap, index, 1, &i, status)) return kException;
  if (!IsExactInteger(heap, v)) return WrongType(status, 2, kExactInteger);
  if (!bit.IsBoolean()) return WrongType(status, 3, "a boolean");
  if (TestBit(heap, v, i) == bit.IsTrue()) return v;
  return AllowedFlip(heap, v, i, status) ? FlipBit(heap, index, v, status) : kException;
}

Value BitSwap(Heap& heap, Value index1, Value index2, Value v, NumberStatus* status) {
  uint64_t i;
  uint64_t k;
  if (!ReadIndex(heap, index1, 1, &i, status)) return kException;
  if (!ReadIndex(heap, index2, 2, &k, status)) return kException;
  if (!IsExactInteger(heap, v)) return WrongType(status, 3, kExactInteger);
  if (TestBit(heap, v, i) == TestBit(heap, v, k)) return v;
  if (!AllowedFlip(heap, v, std::max(i, k), status)) return kException;
  const Value once = FlipBit(heap, index1, v, status);
  return once == kException ? once : FlipBit(heap, index2, once, status);
}

Value BitField(Heap& heap, Value v, Value start, Value end, NumberStatus* status) {
  if (!IsExactInteger(heap, v)) return WrongType(status, 1, kExactInteger);
  uint64_t from;
  uint64_t to;
  if (!ReadIndex(heap, start, 2, &from, status)) return kException;
  if (!ReadIndex(heap, end, 3, &to, status)) return kException;
  if (to < from) return NoResult(status, 3, "at or after the start of the field");
  uint64_t place;
  const IntegerView x = ViewInteger(heap, v, &place);
  if (!x.negative) to = std::min(to, integers::BitLength(x));
  if (to <= from) return Value::Fixnum(0);
  if (to - from > 8 * kLargestNumber) return TooLarge(status, (to - from) / 8);
  const size_t size = static_cast<size_t>((to - from + 63) / 64);
  if (!Allowed(status, BignumBytes(size))) return kException;
  Integer field;
  uint64_t* limbs = field.Resize(size);
  if (limbs == nullptr) return TooLarge(status, kLargestNumber);
  // Limb i of v in two's complement: complemented above the lowest limb that is not 0.
  const size_t lowest = x.negative ? integers::TrailingZeros(x) / 64 : 0;
  auto limb = [&](uint64_t i) -> uint64_t {
    const uint64_t magnitude = i < x.size ? x.limbs[i] : 0;
    if (!x.negative || i < lowest) return magnitude;
    return i == lowest ? -magnitude : ~magnitude;
  };
  const uint64_t skip = from / 64;
  const int shift = static_cast<int>(from % 64);
  StepCounter steps;
  for (size_t i = 0; i < size && steps.Add(1); ++i) {
    limbs[i] = limb(skip + i) >> shift;
    if (shift != 0) limbs[i] |= limb(skip + i + 1) << (64 - shift);
  }
  if ((to - from) % 64 != 0) limbs[size - 1] &= (uint64_t{1} << ((to - from) % 64)) - 1;
  field.Finish(size, false);
  return MakeInteger(heap, field, status);
}

}  // namespace islet::vm
