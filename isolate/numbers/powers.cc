// Powers and square roots. Exact operands give exact results wherever these are rational: (sqrt
// 16/9), (sqrt -4), (expt 2/3 -2), (expt 4 -3/2).

#include <cmath>
#include <limits>

#include "isolate/numbers/complex.h"
#include "isolate/numbers/operands.h"

namespace islet::vm {
namespace {

constexpr char kNumber[] = "a number";

// Upper bound of log2 |v|, for v not 0.
double Log2Bound(IntegerView v) {
  int64_t exponent = 0;
  const double m = integers::ToScaledDouble(v, kOne, &exponent);
  return (static_cast<double>(exponent) + std::log2(m)) * (1 + 1e-12);
}

// base^exponent, all exact.
Value ExptExact(Heap& heap, Value base, Value exponent, NumberStatus* status) {
  if (exponent == Value::Fixnum(0)) return Value::Fixnum(1);
  if (exponent == Value::Fixnum(1)) return base;
  const bool invert = Sign(heap, exponent) < 0;
  if (base == Value::Fixnum(0)) return invert ? DivideByZero(status) : base;
  if (base == Value::Fixnum(1)) return base;
  if (base == Value::Fixnum(-1)) return Value::Fixnum(*IsOdd(heap, exponent) ? -1 : 1);
  uint64_t place;
  const IntegerView e = ViewInteger(heap, exponent, &place);
  const ExactOperand x(heap, base);
  // The bound saturates: a double holds any exponent that is not hopeless.
  const double times = integers::ToDouble(e.Magnitude());
  const double bits = times * (Log2Bound(x.numerator) + Log2Bound(x.denominator));
  if (e.size != 1 || bits / 8 > static_cast<double>(kLargestNumber)) {
    return TooLarge(status, bits < 0x1p63 ? static_cast<uint64_t>(bits / 8) : std::numeric_limits<uint64_t>::max());
  }
  if (!Allowed(status, static_cast<uint64_t>(bits / 8) + 64)) return kException;
  const Integer numerator = integers::Power(x.numerator, e.limbs[0]);
  if (!invert && x.IsInteger()) return MakeInteger(heap, numerator, status);
  const Integer denominator = integers::Power(x.denominator, e.limbs[0]);
  if (!invert) return MakeRatioInLowestTerms(heap, numerator, denominator, status);
  const IntegerView n = numerator;
  const IntegerView d = denominator;
  return MakeRatioInLowestTerms(heap, n.negative ? d.Negated() : d, n.Magnitude(), status);
}

// The square root if it is rational; else kFalse. v is exact and not negative.
Value ExactRoot(Heap& heap, Value v, NumberStatus* status) {
  if (!Allowed(status, NumberBytes(heap, v) + 64)) return kException;
  const ExactOperand x(heap, v);
  Integer n;
  Integer d(1);
  Integer rest;
  integers::SquareRoot(x.numerator, &n, &rest);
  if (rest.failed()) return TooLarge(status, kLargestNumber);
  if (!IntegerView(rest).IsZero()) return kFalse;
  if (!x.IsInteger()) {
    integers::SquareRoot(x.denominator, &d, &rest);
    if (rest.failed()) return TooLarge(status, kLargestNumber);
    if (!IntegerView(rest).IsZero()) return kFalse;
  }
  return MakeRatioInLowestTerms(heap, n, d, status);
}

// For exact v > 0, whatever its size.
double InexactRoot(Heap& heap, Value v) {
  const double d = ToDouble(heap, v);
  if (d >= 0x1p-1000 && d <= 0x1p1000) return std::sqrt(d);
  const ExactOperand x(heap, v);
  int64_t exponent = 0;
  const double m = integers::ToScaledDouble(x.numerator, x.denominator, &exponent);
  const int64_t half = exponent >> 1;  // rounds down
  const int limited = static_cast<int>(half < -5000 ? -5000 : half > 5000 ? 5000 : half);
  return std::ldexp(std::sqrt((exponent & 1) != 0 ? 2 * m : m), limited);
}

}  // namespace

namespace {

// base^exponent for an exact integer and two doubles, by repeated squaring.
std::complex<double> Power(std::complex<double> base, uint64_t exponent) {
  std::complex<double> result = 1;
  while (true) {
    if ((exponent & 1) != 0) result *= base;
    exponent >>= 1;
    if (exponent == 0) return result;
    base *= base;
  }
}

// base^exponent where the result is not real, or an operand is not: e^(exponent log base).
Value ExptComplex(Heap& heap, Value base, Value exponent, NumberStatus* status) {
  if (IsZero(heap, base)) {
    if (IsZero(heap, exponent)) {
      return base == Value::Fixnum(0) ? Value::Fixnum(1) : FromDouble(heap, 1.0);
    }
    const Value real = RealPart(heap, exponent);
    if (Sign(heap, real) > 0) return base == Value::Fixnum(0) ? base : FromDouble(heap, 0.0);
    return NoResult(status, 1, "a number other than 0");
  }
  if (IsReal(heap, exponent)) {
    // Closer than by way of the exponential: the magnitude is a power of real numbers.
    const std::complex<double> b = ToComplexDouble(heap, base);
    const double e = ToDouble(heap, exponent);
    const double magnitude = std::pow(std::abs(b), e);
    const double angle = std::arg(b) * e;
    if (std::isfinite(magnitude) && magnitude > 0) {
      return FromComplexDouble(heap, {magnitude * std::cos(angle), magnitude * std::sin(angle)});
    }
  }
  const Value log = Log(heap, base, status);
  if (log == kException) return log;
  const Value power = Multiply(heap, Inexact(heap, log, status), exponent, status);
  return power == kException ? power : Exp(heap, power, status);
}

// base^(n/2), where exponent is n/2; kFalse if that is irrational. base is exact.
Value ExptHalf(Heap& heap, Value base, Value exponent, NumberStatus* status) {
  const Value root = Sqrt(heap, base, status);
  if (root == kException || !IsExact(heap, root)) return root == kException ? root : kFalse;
  return Expt(heap, root, heap.Get<Ratnum>(exponent)->numerator, status);
}

Value ExptInteger(Heap& heap, Value base, Value exponent, NumberStatus* status) {
  if (IsExactRational(heap, base)) return ExptExact(heap, base, exponent, status);
  if (IsExactComplex(heap, base)) return ExptExactComplex(heap, base, exponent, status);
  if (exponent == Value::Fixnum(0)) {
    // R7RS 6.2.6: powers of 0.0 are those of 0, "with inexact results".
    return IsZero(heap, base) ? FromDouble(heap, 1.0) : Value::Fixnum(1);
  }
  if (base.IsFlonum()) {
    // The double nearest to a large odd exponent is even: the sign is found apart.
    const double b = heap.flonum(base);
    const double magnitude = std::pow(std::fabs(b), ToDouble(heap, exponent));
    const bool negative = std::signbit(b) && *IsOdd(heap, exponent);
    return FromDouble(heap, negative ? -magnitude : magnitude);
  }
  if (!exponent.IsFixnum()) return ExptComplex(heap, base, exponent, status);
  const int64_t e = exponent.fixnum();
  const std::complex<double> power = Power(ToComplexDouble(heap, base), static_cast<uint64_t>(e < 0 ? -e : e));
  return FromComplexDouble(heap, e < 0 ? 1.0 / power : power);
}

}  // namespace

Value Expt(Heap& heap, Value base, Value exponent, NumberStatus* status) {
  if (!IsNumber(heap, base)) return WrongType(status, 1, kNumber);
  if (!IsNumber(heap, exponent)) return WrongType(status, 2, kNumber);
  if (IsExactInteger(heap, exponent)) return ExptInteger(heap, base, exponent, status);
  if (IsExact(heap, base) && IsRatnum(heap, exponent) && heap.Get<Ratnum>(exponent)->denominator == Value::Fixnum(2)) {
    const Value power = ExptHalf(heap, base, exponent, status);
    if (power != kFalse) return power;
  }
  if (!IsReal(heap, base) || !IsReal(heap, exponent)) {
    return ExptComplex(heap, base, exponent, status);
  }
  const double b = ToDouble(heap, base);
  const double e = ToDouble(heap, exponent);
  if (b < 0 && std::isfinite(e) && e != std::trunc(e) && (std::isfinite(b) || !base.IsFlonum())) {
    return ExptComplex(heap, base, exponent, status);
  }
  if (!base.IsFlonum() && base != Value::Fixnum(0) && !(std::fabs(b) >= 0x1p-1000 && std::fabs(b) <= 0x1p1000)) {
    // Too large or small for a double: its logarithm is not.
    const Value log = Log(heap, Abs(heap, base, status), status);
    if (log == kException) return log;
    const double magnitude = std::exp(e * ToDouble(heap, log));
    const bool negative = Sign(heap, base) < 0 && std::fmod(e, 2) != 0;
    return FromDouble(heap, negative ? -magnitude : magnitude);
  }
  return FromDouble(heap, std::pow(b, e));
}

std::complex<double> PrincipalRoot(std::complex<double> z) {
  const std::complex<double> root = std::sqrt(z);
  if (root.real() == 0 && root.imag() < 0) return {0.0, -root.imag()};
  return root;
}

Value Sqrt(Heap& heap, Value v, NumberStatus* status) {
  if (v.IsFlonum()) {
    const double d = heap.flonum(v);
    if (d < 0) return FromComplexDouble(heap, {0.0, std::sqrt(-d)});
    return FromDouble(heap, std::sqrt(d));
  }
  if (IsExactComplex(heap, v)) return SqrtExactComplex(heap, v, status);
  if (IsInexactComplex(heap, v)) {
    return FromComplexDouble(heap, PrincipalRoot(ToComplexDouble(heap, v)));
  }
  if (!IsReal(heap, v)) return WrongType(status, 1, kNumber);
  const bool negative = Sign(heap, v) < 0;
  if (negative) v = Negate(heap, v, status);
  if (v == kException) return v;
  Value root = ExactRoot(heap, v, status);
  if (root == kException) return root;
  if (root == kFalse) root = FromDouble(heap, InexactRoot(heap, v));
  return negative ? MakeRectangular(heap, Value::Fixnum(0), root, status) : root;
}

}  // namespace islet::vm
