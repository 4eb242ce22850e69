#include "isolate/numbers/numbers.h"

#include <xxhash.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "isolate/heap/poll.h"
#include "isolate/numbers/complex.h"
#include "isolate/numbers/operands.h"

namespace islet::vm {

// ---- What kind of number.

bool IsNumber(Heap& heap, Value v) { return IsReal(heap, v) || IsExactComplex(heap, v) || IsInexactComplex(heap, v); }

bool IsReal(Heap& heap, Value v) {
  if (v.IsFixnum() || v.IsFlonum()) return true;
  if (!v.IsObject()) return false;
  const ObjectType type = heap.type(v);
  return type == ObjectType::kBignum || type == ObjectType::kRatnum;
}

bool IsExactRational(Heap& heap, Value v) { return !v.IsFlonum() && IsReal(heap, v); }

bool IsInteger(Heap& heap, Value v) {
  if (v.IsFlonum()) {
    const double d = heap.flonum(v);
    return std::isfinite(d) && d == std::trunc(d);
  }
  return IsExactInteger(heap, v);
}

bool IsRational(Heap& heap, Value v) { return v.IsFlonum() ? std::isfinite(heap.flonum(v)) : IsReal(heap, v); }

// ---- Results of operations.

Value MakeInteger(Heap& heap, IntegerView v, NumberStatus* status) {
  if (v.failed) return TooLarge(status, kLargestNumber);
  if (v.size == 0) return Value::Fixnum(0);
  if (v.size == 1 && v.limbs[0] <= uint64_t{1} << 30) {
    const int64_t n = v.negative ? -static_cast<int64_t>(v.limbs[0]) : static_cast<int64_t>(v.limbs[0]);
    if (Value::FitsFixnum(n)) return Value::Fixnum(static_cast<int32_t>(n));
  }
  if (BignumBytes(v.size) > kLargestNumber) return TooLarge(status, BignumBytes(v.size));
  const Value result = heap.MakeBignum(static_cast<uint32_t>(v.size), v.negative);
  CopyBytes(heap.Get<Bignum>(result)->limbs, v.limbs, v.size * sizeof(uint64_t));
  return result;
}

Value MakeRatioInLowestTerms(Heap& heap, IntegerView n, IntegerView d, NumberStatus* status) {
  if (d.IsOne()) return MakeInteger(heap, n, status);
  const Value numerator = MakeInteger(heap, n, status);
  const Value denominator = MakeInteger(heap, d, status);
  if (numerator == kException || denominator == kException) return kException;
  Ratnum* ratio = heap.New<Ratnum>();
  ratio->numerator = numerator;
  ratio->denominator = denominator;
  return heap.ValueOf(ratio);
}

Value MakeRatio(Heap& heap, IntegerView n, IntegerView d, NumberStatus* status) {
  if (n.failed || d.failed) return TooLarge(status, kLargestNumber);
  if (d.negative) {
    n = n.Negated();
    d = d.Negated();
  }
  const Integer gcd = integers::Gcd(n, d);
  if (IntegerView(gcd).IsOne()) return MakeRatioInLowestTerms(heap, n, d, status);
  return MakeRatioInLowestTerms(heap, integers::ExactQuotient(n, gcd), integers::ExactQuotient(d, gcd), status);
}

Value ExactFromDouble(Heap& heap, double d, NumberStatus* status) {
  if (std::fabs(d) <= Value::kFixnumMax && d == std::trunc(d)) {
    return Value::Fixnum(static_cast<int32_t>(d));
  }
  int exponent;
  const double fraction = std::frexp(std::fabs(d), &exponent);
  uint64_t mantissa = static_cast<uint64_t>(std::ldexp(fraction, 53));
  exponent -= 53;
  const int zeros = __builtin_ctzll(mantissa);
  mantissa >>= zeros;
  exponent += zeros;
  const Integer m(mantissa, d < 0);
  if (exponent >= 0) return MakeInteger(heap, integers::ShiftLeft(m, exponent), status);
  return MakeRatioInLowestTerms(heap, m, integers::ShiftLeft(kOne, -exponent), status);
}

// ---- Values from C++ numbers and back.

Value FromInt64(Heap& heap, int64_t n) {
  if (Value::FitsFixnum(n)) return Value::Fixnum(static_cast<int32_t>(n));
  const Value result = heap.MakeBignum(1, n < 0);
  heap.Get<Bignum>(result)->limbs[0] = n < 0 ? -static_cast<uint64_t>(n) : static_cast<uint64_t>(n);
  return result;
}

Value FromUint64(Heap& heap, uint64_t n) {
  if (n <= static_cast<uint64_t>(Value::kFixnumMax)) return Value::Fixnum(static_cast<int32_t>(n));
  const Value result = heap.MakeBignum(1, false);
  heap.Get<Bignum>(result)->limbs[0] = n;
  return result;
}

Value FromLimbs(Heap& heap, absl::Span<const uint64_t> limbs, bool negative) {
  size_t size = limbs.size();
  while (size != 0 && limbs[size - 1] == 0) --size;
  return MakeInteger(heap, {limbs.data(), size, negative && size != 0, false}, nullptr);
}

Value IntegerFromBytes(Heap& heap, absl::string_view bytes) {
  if (bytes.empty()) return Value::Fixnum(0);
  const bool negative = (static_cast<uint8_t>(bytes.back()) >> 7) != 0;
  Integer result;
  const size_t size = bytes.size() / sizeof(uint64_t) + 1;
  uint64_t* limbs = result.Resize(size);
  if (limbs == nullptr) return kException;
  std::memset(limbs, negative ? 0xff : 0, size * sizeof(uint64_t));
  std::memcpy(limbs, bytes.data(), bytes.size());
  if (negative) {
    uint64_t carry = 1;
    for (size_t i = 0; i < size; ++i) {
      limbs[i] = ~limbs[i] + carry;
      if (limbs[i] != 0) carry = 0;
    }
  }
  result.Finish(size, negative);
  return MakeInteger(heap, result, nullptr);
}

std::optional<int64_t> ToInt64(Heap& heap, Value v) {
  if (v.IsFixnum()) return v.fixnum();
  const Bignum* b = heap.TryGet<Bignum>(v);
  if (b == nullptr || b->length != 1) return std::nullopt;
  const uint64_t magnitude = b->limbs[0];
  if ((HeaderFlags(b->header) & kNegativeFlag) != 0) {
    if (magnitude > uint64_t{1} << 63) return std::nullopt;
    return static_cast<int64_t>(-magnitude);
  }
  if (magnitude >> 63 != 0) return std::nullopt;
  return static_cast<int64_t>(magnitude);
}

std::optional<uint64_t> ToUint64(Heap& heap, Value v) {
  if (v.IsFixnum()) {
    if (v.fixnum() < 0) return std::nullopt;
    return static_cast<uint64_t>(v.fixnum());
  }
  const Bignum* b = heap.TryGet<Bignum>(v);
  if (b == nullptr || b->length != 1 || (HeaderFlags(b->header) & kNegativeFlag) != 0) {
    return std::nullopt;
  }
  return b->limbs[0];
}

double ToDouble(Heap& heap, Value v) {
  if (v.IsFixnum()) return v.fixnum();
  if (v.IsFlonum()) return heap.flonum(v);
  const ExactOperand operand(heap, v);
  return integers::ToDouble(operand.numerator, operand.denominator);
}

uint64_t NumberBytes(Heap& heap, Value v) {
  if (v.IsFixnum()) return 0;
  if (v.IsFlonum()) return sizeof(Flonum);
  if (const Ratnum* ratio = heap.TryGet<Ratnum>(v)) {
    return sizeof(Ratnum) + NumberBytes(heap, ratio->numerator) + NumberBytes(heap, ratio->denominator);
  }
  if (IsInexactComplex(heap, v)) return sizeof(Compnum);
  if (const ExactCompnum* z = heap.TryGet<ExactCompnum>(v)) {
    return sizeof(ExactCompnum) + NumberBytes(heap, z->real) + NumberBytes(heap, z->imaginary);
  }
  return BignumBytes(heap.Get<Bignum>(v)->length);
}

// ---- Comparison.

namespace {

int CompareDoubles(double a, double b) {
  if (std::isunordered(a, b)) return kUnordered;
  return a < b ? -1 : a > b;
}

int CompareExact(Heap& heap, Value a, Value b) {
  const ExactOperand x(heap, a);
  const ExactOperand y(heap, b);
  if (x.numerator.negative != y.numerator.negative) return x.numerator.negative ? -1 : 1;
  if (x.IsInteger() && y.IsInteger()) return integers::Compare(x.numerator, y.numerator);
  return integers::Compare(integers::Product(x.numerator, y.denominator),
                           integers::Product(y.numerator, x.denominator));
}

// `exact` is a bignum or a ratnum.
int CompareExactToDouble(Heap& heap, Value exact, double d) {
  if (std::isnan(d)) return kUnordered;
  if (std::isinf(d)) return d < 0 ? 1 : -1;
  // Rounding is monotonic: only where the roundings agree must one look closer.
  const double rounded = ToDouble(heap, exact);
  if (rounded != d) return rounded < d ? -1 : 1;
  int exponent;
  const Integer mantissa(static_cast<uint64_t>(std::ldexp(std::frexp(std::fabs(d), &exponent), 53)), d < 0);
  exponent -= 53;
  const ExactOperand x(heap, exact);
  Integer left{x.numerator};
  Integer right = integers::Product(mantissa, x.denominator);
  if (exponent >= 0) {
    right = integers::ShiftLeft(right, exponent);
  } else {
    left = integers::ShiftLeft(left, -exponent);
  }
  return integers::Compare(left, right);
}

}  // namespace

int Compare(Heap& heap, Value a, Value b) {
  if (a.IsFixnum() && b.IsFixnum()) return a.fixnum() < b.fixnum() ? -1 : a.fixnum() > b.fixnum();
  if (a.IsFlonum()) {
    const double d = heap.flonum(a);
    if (b.IsFlonum()) return CompareDoubles(d, heap.flonum(b));
    if (b.IsFixnum()) return CompareDoubles(d, b.fixnum());
    const int order = CompareExactToDouble(heap, b, d);
    return order == kUnordered ? order : -order;
  }
  if (b.IsFlonum()) {
    const double d = heap.flonum(b);
    if (a.IsFixnum()) return CompareDoubles(a.fixnum(), d);
    return CompareExactToDouble(heap, a, d);
  }
  return CompareExact(heap, a, b);
}

namespace {

int CompareToDouble(Heap& heap, Value real, double d) {
  if (real.IsFixnum()) return CompareDoubles(real.fixnum(), d);
  if (real.IsFlonum()) return CompareDoubles(heap.flonum(real), d);
  return CompareExactToDouble(heap, real, d);
}

// `v` is real, or exact.
bool EqualsDoubles(Heap& heap, Value v, const Compnum& z) {
  const ExactParts parts(heap, v);
  return CompareToDouble(heap, parts.real, z.real) == 0 && CompareToDouble(heap, parts.imaginary, z.imaginary) == 0;
}

// The parts of any number, as real numbers of whatever form.
struct RealParts {
  RealParts(Heap& heap, Value v) : real(RealPart(heap, v)), imaginary(ImagPart(heap, v)) {}
  Value real;
  Value imaginary;
};

}  // namespace

bool NumEqual(Heap& heap, Value a, Value b) {
  if (a.IsFixnum() && b.IsFixnum()) return a == b;
  if (IsReal(heap, a) && IsReal(heap, b)) return Compare(heap, a, b) == 0;
  const Compnum* x = heap.TryGet<Compnum>(a);
  const Compnum* y = heap.TryGet<Compnum>(b);
  if (x != nullptr && y != nullptr) return x->real == y->real && x->imaginary == y->imaginary;
  if (x != nullptr) return EqualsDoubles(heap, b, *x);
  if (y != nullptr) return EqualsDoubles(heap, a, *y);
  const ExactParts p(heap, a);
  const ExactParts q(heap, b);
  return Compare(heap, p.real, q.real) == 0 && Compare(heap, p.imaginary, q.imaginary) == 0;
}

int Sign(Heap& heap, Value v) {
  if (v.IsFixnum()) return v.fixnum() < 0 ? -1 : v.fixnum() > 0;
  if (v.IsFlonum()) {
    const double d = heap.flonum(v);
    return d < 0 ? -1 : d > 0;
  }
  if (const Ratnum* ratio = heap.TryGet<Ratnum>(v)) v = ratio->numerator;
  if (v.IsFixnum()) return v.fixnum() < 0 ? -1 : 1;
  return (HeaderFlags(heap.header(v)) & kNegativeFlag) != 0 ? -1 : 1;
}

bool NumberEqv(Heap& heap, Value a, Value b) {
  if (a == b) return true;
  if (a.IsFixnum() || b.IsFixnum()) return false;
  if (a.IsFlonum() || b.IsFlonum()) {
    if (!a.IsFlonum() || !b.IsFlonum()) return false;
    const double x = heap.flonum(a);
    const double y = heap.flonum(b);
    if (std::isnan(x) || std::isnan(y)) return std::isnan(x) && std::isnan(y);
    return std::bit_cast<uint64_t>(x) == std::bit_cast<uint64_t>(y);
  }
  if (heap.type(a) != heap.type(b)) return false;
  if (!IsReal(heap, a)) {
    const RealParts x(heap, a);
    const RealParts y(heap, b);
    return NumberEqv(heap, x.real, y.real) && NumberEqv(heap, x.imaginary, y.imaginary);
  }
  if (IsBignum(heap, a)) return CompareExact(heap, a, b) == 0;
  const Ratnum* x = heap.Get<Ratnum>(a);
  const Ratnum* y = heap.Get<Ratnum>(b);
  return CompareExact(heap, x->numerator, y->numerator) == 0 && CompareExact(heap, x->denominator, y->denominator) == 0;
}

uint64_t NumberHash(Heap& heap, Value v) {
  if (v.IsFlonum()) {
    double d = heap.flonum(v);
    if (std::isnan(d)) d = std::nan("");
    return XXH3_64bits_withSeed(&d, sizeof(d), 1);
  }
  if (!IsReal(heap, v)) {
    const RealParts z(heap, v);
    const uint64_t parts[] = {NumberHash(heap, z.real), NumberHash(heap, z.imaginary)};
    return XXH3_64bits_withSeed(parts, sizeof(parts), 4);
  }
  const ExactOperand operand(heap, v);
  const IntegerView n = operand.numerator;
  const uint64_t seed = n.negative ? 2 : 3;
  const uint64_t hash = XXH3_64bits_withSeed(n.limbs, n.size * sizeof(uint64_t), seed);
  if (operand.IsInteger()) return hash;
  const IntegerView d = operand.denominator;
  return XXH3_64bits_withSeed(d.limbs, d.size * sizeof(uint64_t), hash);
}

}  // namespace islet::vm
