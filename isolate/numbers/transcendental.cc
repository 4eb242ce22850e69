// Exponentials, logarithms and trigonometry. Exact operands give exact results where R7RS's
// examples have it so: (exp 0), (log 1), (atan 0 1).
//
// Complex numbers go to the C library's functions, whose branch cuts are those of R7RS 6.2.6 for operands with signed
// zeros (C11, annex G). An exact part 0 has no sign: where it matters, the definitions in R7RS decide, and the zero
// that they amount to is passed on.

#include <cmath>
#include <complex>

#include "isolate/numbers/complex.h"
#include "isolate/numbers/operands.h"

namespace islet::vm {
namespace {

constexpr char kNumber[] = "a number";
constexpr char kReal[] = "a real number";

using RealFunction = double (*)(double);
using ComplexFunction = std::complex<double> (*)(const std::complex<double>&);

// For exact v > 0, whatever its size.
double InexactLog(Heap& heap, Value v) {
  const double d = ToDouble(heap, v);
  if (d >= 0x1p-1000 && d <= 0x1p1000) return std::log(d);
  const ExactOperand x(heap, v);
  int64_t exponent = 0;
  const double m = integers::ToScaledDouble(x.numerator, x.denominator, &exponent);
  return std::log(m) + static_cast<double>(exponent) * 0.6931471805599453094;
}

// The function's value, but `exact_result` for the exact number `exact_argument`.
Value Function(Heap& heap, Value v, RealFunction real, ComplexFunction complex, int exact_argument, int exact_result,
               NumberStatus* status) {
  if (v == Value::Fixnum(exact_argument)) return Value::Fixnum(exact_result);
  if (IsReal(heap, v)) return FromDouble(heap, real(ToDouble(heap, v)));
  if (!IsNumber(heap, v)) return WrongType(status, 1, kNumber);
  return FromComplexDouble(heap, complex(ToComplexDouble(heap, v)));
}

}  // namespace

Value Exp(Heap& heap, Value v, NumberStatus* status) { return Function(heap, v, std::exp, std::exp, 0, 1, status); }

Value Log(Heap& heap, Value v, NumberStatus* status) {
  if (v == Value::Fixnum(1)) return Value::Fixnum(0);
  if (!IsReal(heap, v)) {
    if (IsExactComplex(heap, v)) return LogExactComplex(heap, v, status);
    return Function(heap, v, std::log, std::log, 1, 0, status);
  }
  // R7RS 6.2.6: (log -0.0) is -inf.0+πi.
  if (Sign(heap, v) < 0 || (v.IsFlonum() && std::signbit(heap.flonum(v)) && IsZero(heap, v))) {
    const Value magnitude = Abs(heap, v, status);
    if (magnitude == kException) return magnitude;
    const double real = v.IsFlonum() ? std::log(heap.flonum(magnitude)) : InexactLog(heap, magnitude);
    return FromComplexDouble(heap, {real, std::atan2(0.0, -1.0)});
  }
  if (v.IsFlonum()) return FromDouble(heap, std::log(heap.flonum(v)));
  if (v == Value::Fixnum(0)) return NoResult(status, 1, "a number other than 0");
  return FromDouble(heap, InexactLog(heap, v));
}

Value LogBase(Heap& heap, Value v, Value base, NumberStatus* status) {
  const Value numerator = Log(heap, v, status);
  if (numerator == kException) return kException;
  const Value denominator = Log(heap, base, status);
  if (denominator == kException) {
    if (status != nullptr) status->argument = 2;
    return kException;
  }
  if (IsReal(heap, v) && IsReal(heap, base)) {
    const double d = ToDouble(heap, v);
    if (std::isfinite(d) && d > 0) {
      // More precise than a quotient of logarithms: (log 8 2) is 3.0.
      const double b = ToDouble(heap, base);
      if (b == 2) return FromDouble(heap, std::log2(d));
      if (b == 10) return FromDouble(heap, std::log10(d));
    }
  }
  return Divide(heap, numerator, denominator, status);
}

Value Sin(Heap& heap, Value v, NumberStatus* status) { return Function(heap, v, std::sin, std::sin, 0, 0, status); }

Value Cos(Heap& heap, Value v, NumberStatus* status) { return Function(heap, v, std::cos, std::cos, 0, 1, status); }

Value Tan(Heap& heap, Value v, NumberStatus* status) { return Function(heap, v, std::tan, std::tan, 0, 0, status); }

namespace {

// asin and acos of a real number: not real outside [-1, 1].
Value InverseFunction(Heap& heap, Value v, RealFunction real, ComplexFunction complex, int exact_argument,
                      NumberStatus* status) {
  if (IsReal(heap, v)) {
    const double d = ToDouble(heap, v);
    // By the definition in R7RS, the cut above 1 belongs to the fourth quadrant, the one below -1
    // to the second.
    if (std::fabs(d) > 1) return FromComplexDouble(heap, complex({d, d > 0 ? -0.0 : 0.0}));
  }
  return Function(heap, v, real, complex, exact_argument, 0, status);
}

}  // namespace

Value Asin(Heap& heap, Value v, NumberStatus* status) {
  return InverseFunction(heap, v, std::asin, std::asin, 0, status);
}

Value Acos(Heap& heap, Value v, NumberStatus* status) {
  return InverseFunction(heap, v, std::acos, std::acos, 1, status);
}

Value Atan(Heap& heap, Value v, NumberStatus* status) {
  if (const ExactCompnum* z = heap.TryGet<ExactCompnum>(v)) {
    // By the definition in R7RS, the cut above i belongs to the first quadrant, the one below -i to
    // the third.
    const double imaginary = ToDouble(heap, z->imaginary);
    if (z->real == Value::Fixnum(0)) {
      if (z->imaginary == Value::Fixnum(1) || z->imaginary == Value::Fixnum(-1)) {
        return NoResult(status, 1, "a number other than +i and -i");
      }
      return FromComplexDouble(heap, std::atan(std::complex<double>(std::copysign(0.0, imaginary), imaginary)));
    }
  }
  return Function(heap, v, std::atan, std::atan, 0, 0, status);
}

Value Atan2(Heap& heap, Value y, Value x, NumberStatus* status) {
  if (!IsReal(heap, y)) return WrongType(status, 1, kReal);
  if (!IsReal(heap, x)) return WrongType(status, 2, kReal);
  if (y == Value::Fixnum(0) && !x.IsFlonum()) {
    if (Sign(heap, x) > 0) return y;
    if (Sign(heap, x) == 0) return DivideByZero(status);
  }
  if (x == Value::Fixnum(0) && IsZero(heap, y)) {
    // The last rows of R7RS's table: an exact zero is no limit of either side.
    return FromDouble(heap, std::copysign(std::atan2(1.0, 0.0), heap.flonum(y)));
  }
  double p = ToDouble(heap, y);
  double q = ToDouble(heap, x);
  if (!x.IsFlonum() && !y.IsFlonum()) {
    // Numbers too large or too small for a double still have a ratio.
    auto poor = [](double d) { return std::fabs(d) > 0x1p1000 || std::fabs(d) < 0x1p-1000; };
    if ((poor(p) || poor(q)) && Sign(heap, x) != 0 && Sign(heap, y) != 0) {
      const Value ratio = Divide(heap, y, x, status);
      if (ratio == kException) return ratio;
      const double slope = std::fabs(ToDouble(heap, ratio));
      p = std::copysign(slope > 1 ? 1.0 : slope, Sign(heap, y));
      q = std::copysign(slope > 1 ? 1 / slope : 1.0, Sign(heap, x));
    }
  }
  return FromDouble(heap, std::atan2(p, q));
}

}  // namespace islet::vm
