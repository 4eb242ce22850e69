// Powers, roots and logarithms of exact complex numbers.

#include <cmath>
#include <limits>

#include "isolate/numbers/complex.h"
#include "isolate/numbers/operands.h"

namespace islet::vm {
namespace {

// real + imaginary * i, both integers.
struct Gaussian {
  Integer real;
  Integer imaginary;
};

Gaussian Product(const Gaussian& x, const Gaussian& y) {
  return {integers::Difference(integers::Product(x.real, y.real), integers::Product(x.imaginary, y.imaginary)),
          integers::Sum(integers::Product(x.real, y.imaginary), integers::Product(x.imaginary, y.real))};
}

Gaussian Power(const Gaussian& base, uint64_t exponent) {
  Gaussian result{Integer(IntegerView(base.real)), Integer(IntegerView(base.imaginary))};
  for (int bit = 62 - __builtin_clzll(exponent); bit >= 0 && !result.real.failed() && !result.imaginary.failed();
       --bit) {
    result = Product(result, result);
    if ((exponent >> bit & 1) != 0) result = Product(result, base);
  }
  return result;
}

// Upper bound of log2 of a magnitude; 0 for 0.
double Log2Bound(IntegerView v) { return v.IsZero() ? 0 : static_cast<double>(integers::BitLength(v)); }

// True if the parts as doubles say little about the number: one is infinite, or has lost bits to
// underflow.
bool OutOfDoubles(Heap& heap, const ExactParts& z) {
  for (Value part : {z.real, z.imaginary}) {
    const double d = std::fabs(ToDouble(heap, part));
    if (d > 0x1p1000 || (part != Value::Fixnum(0) && d < 0x1p-1000)) return true;
  }
  return false;
}

}  // namespace

Value ExptExactComplex(Heap& heap, Value base, Value exponent, NumberStatus* status) {
  if (exponent == Value::Fixnum(0)) return Value::Fixnum(1);
  const ExactParts z(heap, base);
  uint64_t place;
  const IntegerView e = ViewInteger(heap, exponent, &place);
  if (z.real == Value::Fixnum(0) && (z.imaginary == Value::Fixnum(1) || z.imaginary == Value::Fixnum(-1))) {
    // Powers of i and -i go in circles: i^e = (-i)^-e.
    const uint64_t turns = (e.negative != (z.imaginary == Value::Fixnum(-1))) ? 4 - (e.limbs[0] & 3) : e.limbs[0] & 3;
    const Value one = Value::Fixnum((turns & 2) == 0 ? 1 : -1);
    if ((turns & 1) == 0) return one;
    return MakeRectangular(heap, Value::Fixnum(0), one, status);
  }
  const ExactOperand real(heap, z.real);
  const ExactOperand imaginary(heap, z.imaginary);
  // (x + yi) / d, over a common denominator.
  const Gaussian numerator{integers::Product(real.numerator, imaginary.denominator),
                           integers::Product(imaginary.numerator, real.denominator)};
  const Integer denominator = integers::Product(real.denominator, imaginary.denominator);
  const double bits = integers::ToDouble(e.Magnitude()) *
                      (1 + Log2Bound(numerator.real) + Log2Bound(numerator.imaginary) + Log2Bound(denominator));
  if (e.size != 1 || bits / 8 > static_cast<double>(kLargestNumber)) {
    return TooLarge(status, bits < 0x1p63 ? static_cast<uint64_t>(bits / 8) : std::numeric_limits<uint64_t>::max());
  }
  // Two parts with a denominator each, which may be twice as long after an inversion.
  if (!Allowed(status, static_cast<uint64_t>(bits) + 256)) return kException;
  Gaussian power = Power(numerator, e.limbs[0]);
  Integer scale = integers::Power(denominator, e.limbs[0]);
  if (e.negative) {
    // d / (x + yi) = d (x - yi) / (x^2 + y^2)
    Integer norm =
        integers::Sum(integers::Product(power.real, power.real), integers::Product(power.imaginary, power.imaginary));
    power.real = integers::Product(power.real, scale);
    power.imaginary = integers::Product(IntegerView(power.imaginary).Negated(), scale);
    scale = std::move(norm);
  }
  const Value re = MakeRatio(heap, power.real, scale, status);
  if (re == kException) return re;
  const Value im = MakeRatio(heap, power.imaginary, scale, status);
  if (im == kException) return im;
  return MakeRectangular(heap, re, im, status);
}

Value SqrtExactComplex(Heap& heap, Value v, NumberStatus* status) {
  if (!Allowed(status, 64 * NumberBytes(heap, v) + 1024)) return kException;
  const ExactParts z(heap, v);
  // If z = (x + yi)^2, then |z| = x^2 + y^2 and the real part of z is x^2 - y^2.
  const Value magnitude = Magnitude(heap, v, status);
  if (magnitude == kException) return magnitude;
  if (!magnitude.IsFlonum()) {
    Value square = Add(heap, magnitude, z.real, status);
    if (square != kException) square = Divide(heap, square, Value::Fixnum(2), status);
    if (square == kException) return square;
    const Value x = Sqrt(heap, square, status);
    if (x == kException) return x;
    if (!x.IsFlonum()) {  // nor 0, as z is not real
      const Value y = Divide(heap, z.imaginary, Add(heap, x, x, status), status);
      return y == kException ? y : MakeRectangular(heap, x, y, status);
    }
  }
  if (!OutOfDoubles(heap, z)) return FromComplexDouble(heap, PrincipalRoot(ToComplexDouble(heap, v)));
  // sqrt(z) = 2^k sqrt(z / 4^k), where the larger part of z / 4^k is about 1.
  int64_t exponent = std::numeric_limits<int64_t>::min();
  for (Value part : {z.real, z.imaginary}) {
    if (part == Value::Fixnum(0)) continue;
    const ExactOperand operand(heap, part);
    int64_t e = 0;
    integers::ToScaledDouble(operand.numerator, operand.denominator, &e);
    if (e > exponent) exponent = e;
  }
  const int64_t k = exponent / 2;
  auto scaled = [&](Value part) {
    if (part == Value::Fixnum(0)) return 0.0;
    const ExactOperand operand(heap, part);
    int64_t e = 0;
    const double m = integers::ToScaledDouble(operand.numerator, operand.denominator, &e);
    const int64_t shift = e - 2 * k;
    const double d = shift < -1100 ? 0.0 : std::ldexp(m, static_cast<int>(shift));
    return operand.numerator.negative ? -d : d;
  };
  const std::complex<double> root = PrincipalRoot(std::complex<double>(scaled(z.real), scaled(z.imaginary)));
  const int limited = static_cast<int>(k < -5000 ? -5000 : k > 5000 ? 5000 : k);
  return FromComplexDouble(heap, {std::ldexp(root.real(), limited), std::ldexp(root.imag(), limited)});
}

Value LogExactComplex(Heap& heap, Value v, NumberStatus* status) {
  const ExactParts z(heap, v);
  if (!OutOfDoubles(heap, z)) return FromComplexDouble(heap, std::log(ToComplexDouble(heap, v)));
  if (!Allowed(status, 64 * NumberBytes(heap, v) + 1024)) return kException;
  const Value x = Multiply(heap, z.real, z.real, status);
  const Value y = x == kException ? x : Multiply(heap, z.imaginary, z.imaginary, status);
  const Value square = y == kException ? y : Add(heap, x, y, status);
  const Value twice = square == kException ? square : Log(heap, square, status);
  const Value angle = twice == kException ? twice : Atan2(heap, z.imaginary, z.real, status);
  if (angle == kException) return angle;
  return FromComplexDouble(heap, {ToDouble(heap, twice) / 2, ToDouble(heap, angle)});
}

}  // namespace islet::vm
