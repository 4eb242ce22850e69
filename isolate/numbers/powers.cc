// Powers, roots, exponentials, logarithms and trigonometry. Exact operands give exact results where
// the result is rational and R7RS's examples have it so: (sqrt 16/9), (expt 2/3 -2), (exp 0), (atan
// 0 1).

#include <cmath>
#include <limits>

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
    return TooLarge(status, bits < 0x1p63 ? static_cast<uint64_t>(bits / 8)
                                          : std::numeric_limits<uint64_t>::max());
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

// For exact v > 0, whatever its size.
double InexactLog(Heap& heap, Value v) {
  const double d = ToDouble(heap, v);
  if (d >= 0x1p-1000 && d <= 0x1p1000) return std::log(d);
  const ExactOperand x(heap, v);
  int64_t exponent = 0;
  const double m = integers::ToScaledDouble(x.numerator, x.denominator, &exponent);
  return std::log(m) + static_cast<double>(exponent) * 0.6931471805599453094;
}

// f(v) of a real number, but `exact_result` for the exact number `exact_argument`.
Value Function(Heap& heap, Value v, double (*f)(double), int exact_argument, int exact_result,
               NumberStatus* status) {
  if (!IsNumber(heap, v)) return WrongType(status, 1, kNumber);
  if (v == Value::Fixnum(exact_argument)) return Value::Fixnum(exact_result);
  return FromDouble(heap, f(ToDouble(heap, v)));
}

}  // namespace

Value Expt(Heap& heap, Value base, Value exponent, NumberStatus* status) {
  if (!IsNumber(heap, base)) return WrongType(status, 1, kNumber);
  if (!IsNumber(heap, exponent)) return WrongType(status, 2, kNumber);
  if (IsExactInteger(heap, exponent)) {
    if (!base.IsFlonum()) return ExptExact(heap, base, exponent, status);
    if (exponent == Value::Fixnum(0)) return Value::Fixnum(1);
    // The double nearest to a large odd exponent is even: the sign is found apart.
    const double b = heap.flonum(base);
    const double magnitude = std::pow(std::fabs(b), ToDouble(heap, exponent));
    const bool negative = std::signbit(b) && *IsOdd(heap, exponent);
    return FromDouble(heap, negative ? -magnitude : magnitude);
  }
  if (!base.IsFlonum() && IsRatnum(heap, exponent) &&
      heap.Get<Ratnum>(exponent)->denominator == Value::Fixnum(2) && Sign(heap, base) >= 0) {
    const Value root = ExactRoot(heap, base, status);
    if (root == kException) return root;
    if (root != kFalse) {
      return ExptExact(heap, root, heap.Get<Ratnum>(exponent)->numerator, status);
    }
  }
  const double b = ToDouble(heap, base);
  const double e = ToDouble(heap, exponent);
  if (b < 0 && std::isfinite(b) && std::isfinite(e) && e != std::trunc(e)) {
    return NoResult(status, 1, "a base that is not negative");
  }
  return FromDouble(heap, std::pow(b, e));
}

Value Sqrt(Heap& heap, Value v, NumberStatus* status) {
  if (!IsNumber(heap, v)) return WrongType(status, 1, kNumber);
  if (Sign(heap, v) < 0) return NoResult(status, 1, "a number that is not negative");
  if (v.IsFlonum()) return FromDouble(heap, std::sqrt(heap.flonum(v)));
  const Value root = ExactRoot(heap, v, status);
  return root == kFalse ? FromDouble(heap, InexactRoot(heap, v)) : root;
}

Value Exp(Heap& heap, Value v, NumberStatus* status) {
  return Function(heap, v, std::exp, 0, 1, status);
}

Value Log(Heap& heap, Value v, NumberStatus* status) {
  if (!IsNumber(heap, v)) return WrongType(status, 1, kNumber);
  if (v == Value::Fixnum(1)) return Value::Fixnum(0);
  if (Sign(heap, v) < 0) return NoResult(status, 1, "a number that is not negative");
  if (v.IsFlonum()) return FromDouble(heap, std::log(std::fabs(heap.flonum(v))));
  if (v == Value::Fixnum(0)) return FromDouble(heap, -std::numeric_limits<double>::infinity());
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
  const double d = ToDouble(heap, v);
  if (std::isfinite(d) && d > 0) {
    // More precise than a quotient of logarithms: (log 8 2) is 3.0.
    const double b = ToDouble(heap, base);
    if (b == 2) return FromDouble(heap, std::log2(d));
    if (b == 10) return FromDouble(heap, std::log10(d));
  }
  return Divide(heap, numerator, denominator, status);
}

Value Sin(Heap& heap, Value v, NumberStatus* status) {
  return Function(heap, v, std::sin, 0, 0, status);
}

Value Cos(Heap& heap, Value v, NumberStatus* status) {
  return Function(heap, v, std::cos, 0, 1, status);
}

Value Tan(Heap& heap, Value v, NumberStatus* status) {
  return Function(heap, v, std::tan, 0, 0, status);
}

namespace {

bool InUnitInterval(Heap& heap, Value v, NumberStatus* status) {
  if (!IsNumber(heap, v)) {
    WrongType(status, 1, kNumber);
    return false;
  }
  if (std::fabs(ToDouble(heap, v)) > 1) {
    NoResult(status, 1, "a number from -1 to 1");
    return false;
  }
  return true;
}

}  // namespace

Value Asin(Heap& heap, Value v, NumberStatus* status) {
  if (!InUnitInterval(heap, v, status)) return kException;
  return Function(heap, v, std::asin, 0, 0, status);
}

Value Acos(Heap& heap, Value v, NumberStatus* status) {
  if (!InUnitInterval(heap, v, status)) return kException;
  return Function(heap, v, std::acos, 1, 0, status);
}

Value Atan(Heap& heap, Value v, NumberStatus* status) {
  return Function(heap, v, std::atan, 0, 0, status);
}

Value Atan2(Heap& heap, Value y, Value x, NumberStatus* status) {
  if (!IsNumber(heap, y)) return WrongType(status, 1, "a real number");
  if (!IsNumber(heap, x)) return WrongType(status, 2, "a real number");
  if (y == Value::Fixnum(0) && !x.IsFlonum()) {
    if (Sign(heap, x) > 0) return y;
    if (Sign(heap, x) == 0) return DivideByZero(status);
  }
  return FromDouble(heap, std::atan2(ToDouble(heap, y), ToDouble(heap, x)));
}

}  // namespace islet::vm
