// Bits of exact integers, which behave as two's complement without end (SRFI 151), though they are
// stored as sign and magnitude.

#include <algorithm>
#include <cstring>
#include <limits>

#include "isolate/numbers/operands.h"

namespace islet::vm {
namespace {

constexpr char kExactInteger[] = "an exact integer";

// Writes v's two's complement to `limbs`, of which there are `size` > v.size.
void ToTwosComplement(IntegerView v, uint64_t* limbs, size_t size) {
  if (v.size != 0) std::memcpy(limbs, v.limbs, v.size * sizeof(uint64_t));
  std::memset(limbs + v.size, 0, (size - v.size) * sizeof(uint64_t));
  if (!v.negative) return;
  uint64_t carry = 1;
  for (size_t i = 0; i < size; ++i) {
    limbs[i] = ~limbs[i] + carry;
    if (limbs[i] != 0) carry = 0;
  }
}

// The other way, in place.
void FromTwosComplement(uint64_t* limbs, size_t size, Integer* result) {
  const bool negative = limbs[size - 1] >> 63 != 0;
  if (negative) {
    uint64_t carry = 1;
    for (size_t i = 0; i < size; ++i) {
      limbs[i] = ~limbs[i] + carry;
      if (limbs[i] != 0) carry = 0;
    }
  }
  result->Finish(size, negative);
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
  for (size_t i = 0; i < size; ++i) p[i] = static_cast<uint64_t>(operation(p[i], q[i]));
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

Value BitwiseNot(Heap& heap, Value v, NumberStatus* status) {
  if (!IsExactInteger(heap, v)) return WrongType(status, 1, kExactInteger);
  return Subtract(heap, Value::Fixnum(-1), v, status);
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
  if (!bits || *bits <= -static_cast<int64_t>(64 * x.size))
    return Value::Fixnum(x.negative ? -1 : 0);
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
  for (size_t i = 0; i < x.size; ++i) {
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

Value IsBitSet(Heap& heap, Value index, Value v, NumberStatus* status) {
  if (!IsExactInteger(heap, index) || Sign(heap, index) < 0) {
    return WrongType(status, 1, "an exact integer that is not negative");
  }
  if (!IsExactInteger(heap, v)) return WrongType(status, 2, kExactInteger);
  uint64_t place;
  const IntegerView x = ViewInteger(heap, v, &place);
  const std::optional<uint64_t> bit = ToUint64(heap, index);
  if (!bit || *bit / 64 >= x.size) return Value::Boolean(x.negative);
  const bool set = (x.limbs[*bit / 64] >> (*bit % 64) & 1) != 0;
  if (!x.negative) return Value::Boolean(set);
  // Complementing and adding one leaves the lowest 1 and what is below it as they are.
  return Value::Boolean(*bit <= integers::TrailingZeros(x) ? set : !set);
}

}  // namespace islet::vm
