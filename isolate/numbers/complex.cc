// Complex numbers: making them, taking them apart, and arithmetic.

#include "isolate/numbers/complex.h"

#include <cmath>

#include "isolate/numbers/operands.h"

namespace islet::vm {
namespace {

constexpr char kNumber[] = "a number";
constexpr char kReal[] = "a real number";

bool BothNumbers(Heap& heap, Value a, Value b, NumberStatus* status) {
  if (!IsNumber(heap, a)) {
    WrongType(status, 1, kNumber);
    return false;
  }
  if (!IsNumber(heap, b)) {
    WrongType(status, 2, kNumber);
    return false;
  }
  return true;
}

// Room for what an operation on exact parts makes on the way to its result: the largest is a
// quotient, made of seven products and sums, each at most four times as large as the operands.
bool AllowedExact(Heap& heap, Value a, Value b, NumberStatus* status) {
  return Allowed(status, 32 * (NumberBytes(heap, a) + NumberBytes(heap, b)) + 1024);
}

// Passes kException on.
Value Rectangular(Heap& heap, Value real, Value imaginary) {
  if (real == kException || imaginary == kException) return kException;
  if (imaginary == Value::Fixnum(0)) return real;
  if (real.IsFlonum() || imaginary.IsFlonum()) {
    return FromComplexDouble(heap, {ToDouble(heap, real), ToDouble(heap, imaginary)});
  }
  ExactCompnum* z = heap.New<ExactCompnum>();
  z->real = real;
  z->imaginary = imaginary;
  return heap.ValueOf(z);
}

// The sum of two products, or their difference. Passes kException on.
Value SumOfProducts(Heap& heap, Value a, Value b, bool subtract, Value c, Value d, NumberStatus* status) {
  const Value x = Multiply(heap, a, b, status);
  const Value y = x == kException ? x : Multiply(heap, c, d, status);
  if (y == kException) return y;
  return subtract ? Subtract(heap, x, y, status) : Add(heap, x, y, status);
}

}  // namespace

bool IsExact(Heap& heap, Value v) { return IsNumber(heap, v) && !v.IsFlonum() && !IsInexactComplex(heap, v); }

bool IsZero(Heap& heap, Value v) {
  if (v.IsFlonum()) return heap.flonum(v) == 0;
  if (const Compnum* z = heap.TryGet<Compnum>(v)) return z->real == 0 && z->imaginary == 0;
  return v == Value::Fixnum(0);
}

std::complex<double> ToComplexDouble(Heap& heap, Value v) {
  if (const Compnum* z = heap.TryGet<Compnum>(v)) return {z->real, z->imaginary};
  if (const ExactCompnum* z = heap.TryGet<ExactCompnum>(v)) {
    return {ToDouble(heap, z->real), ToDouble(heap, z->imaginary)};
  }
  return {ToDouble(heap, v), 0.0};
}

Value FromComplexDouble(Heap& heap, std::complex<double> z) {
  Compnum* result = heap.New<Compnum>();
  result->real = z.real();
  result->imaginary = z.imag();
  return heap.ValueOf(result);
}

// ---- Making and taking apart.

Value MakeRectangular(Heap& heap, Value real, Value imaginary, NumberStatus* status) {
  if (!IsReal(heap, real)) return WrongType(status, 1, kReal);
  if (!IsReal(heap, imaginary)) return WrongType(status, 2, kReal);
  return Rectangular(heap, real, imaginary);
}

Value MakePolar(Heap& heap, Value magnitude, Value angle, NumberStatus* status) {
  if (!IsReal(heap, magnitude)) return WrongType(status, 1, kReal);
  if (!IsReal(heap, angle)) return WrongType(status, 2, kReal);
  if (angle == Value::Fixnum(0) || magnitude == Value::Fixnum(0)) return magnitude;
  const double m = ToDouble(heap, magnitude);
  const double a = ToDouble(heap, angle);
  return FromComplexDouble(heap, {m * std::cos(a), m * std::sin(a)});
}

Value RealPart(Heap& heap, Value v, NumberStatus* status) {
  if (const Compnum* z = heap.TryGet<Compnum>(v)) return FromDouble(heap, z->real);
  if (const ExactCompnum* z = heap.TryGet<ExactCompnum>(v)) return z->real;
  return IsReal(heap, v) ? v : WrongType(status, 1, kNumber);
}

Value ImagPart(Heap& heap, Value v, NumberStatus* status) {
  if (const Compnum* z = heap.TryGet<Compnum>(v)) return FromDouble(heap, z->imaginary);
  if (const ExactCompnum* z = heap.TryGet<ExactCompnum>(v)) return z->imaginary;
  return IsReal(heap, v) ? Value::Fixnum(0) : WrongType(status, 1, kNumber);
}

Value Magnitude(Heap& heap, Value v, NumberStatus* status) {
  if (const Compnum* z = heap.TryGet<Compnum>(v)) {
    return FromDouble(heap, std::hypot(z->real, z->imaginary));
  }
  if (!IsExactComplex(heap, v)) {
    return IsReal(heap, v) ? Abs(heap, v, status) : WrongType(status, 1, kNumber);
  }
  if (!AllowedExact(heap, v, v, status)) return kException;
  const ExactParts z(heap, v);
  const Value square = SumOfProducts(heap, z.real, z.real, false, z.imaginary, z.imaginary, status);
  return square == kException ? square : Sqrt(heap, square, status);
}

Value Angle(Heap& heap, Value v, NumberStatus* status) {
  if (const Compnum* z = heap.TryGet<Compnum>(v)) {
    return FromDouble(heap, std::atan2(z->imaginary, z->real));
  }
  if (const ExactCompnum* z = heap.TryGet<ExactCompnum>(v)) {
    return Atan2(heap, z->imaginary, z->real, status);
  }
  if (!IsReal(heap, v)) return WrongType(status, 1, kNumber);
  if (v.IsFlonum()) return FromDouble(heap, std::atan2(0.0, heap.flonum(v)));
  return Sign(heap, v) < 0 ? FromDouble(heap, std::atan2(0.0, -1.0)) : Value::Fixnum(0);
}

// ---- Arithmetic.

Value AddComplex(Heap& heap, Value a, Value b, bool subtract, NumberStatus* status) {
  if (!BothNumbers(heap, a, b, status)) return kException;
  if (!IsExact(heap, a) || !IsExact(heap, b)) {
    const std::complex<double> x = ToComplexDouble(heap, a);
    const std::complex<double> y = ToComplexDouble(heap, b);
    const double imaginary = IsReal(heap, b)   ? x.imag()
                             : IsReal(heap, a) ? (subtract ? -y.imag() : y.imag())
                             : subtract        ? x.imag() - y.imag()
                                               : x.imag() + y.imag();
    return FromComplexDouble(heap, {subtract ? x.real() - y.real() : x.real() + y.real(), imaginary});
  }
  if (!AllowedExact(heap, a, b, status)) return kException;
  const ExactParts x(heap, a);
  const ExactParts y(heap, b);
  const auto operation = subtract ? Subtract : Add;
  const Value real = operation(heap, x.real, y.real, status);
  if (real == kException) return real;
  return Rectangular(heap, real, operation(heap, x.imaginary, y.imaginary, status));
}

Value MultiplyComplex(Heap& heap, Value a, Value b, NumberStatus* status) {
  if (!BothNumbers(heap, a, b, status)) return kException;
  if (!IsExact(heap, a) || !IsExact(heap, b)) {
    const std::complex<double> x = ToComplexDouble(heap, a);
    const std::complex<double> y = ToComplexDouble(heap, b);
    if (IsReal(heap, a)) return FromComplexDouble(heap, {x.real() * y.real(), x.real() * y.imag()});
    if (IsReal(heap, b)) return FromComplexDouble(heap, {x.real() * y.real(), x.imag() * y.real()});
    return FromComplexDouble(heap,
                             {x.real() * y.real() - x.imag() * y.imag(), x.real() * y.imag() + x.imag() * y.real()});
  }
  if (!AllowedExact(heap, a, b, status)) return kException;
  const ExactParts x(heap, a);
  const ExactParts y(heap, b);
  const Value real = SumOfProducts(heap, x.real, y.real, true, x.imaginary, y.imaginary, status);
  if (real == kException) return real;
  return Rectangular(heap, real, SumOfProducts(heap, x.real, y.imaginary, false, x.imaginary, y.real, status));
}

Value DivideComplex(Heap& heap, Value a, Value b, NumberStatus* status) {
  if (!BothNumbers(heap, a, b, status)) return kException;
  if (b == Value::Fixnum(0)) return DivideByZero(status);
  if (!IsExact(heap, a) || !IsExact(heap, b)) {
    const std::complex<double> x = ToComplexDouble(heap, a);
    const std::complex<double> y = ToComplexDouble(heap, b);
    if (IsReal(heap, b)) return FromComplexDouble(heap, {x.real() / y.real(), x.imag() / y.real()});
    return FromComplexDouble(heap, x / y);
  }
  if (!AllowedExact(heap, a, b, status)) return kException;
  const ExactParts x(heap, a);
  const ExactParts y(heap, b);
  const Value scale = SumOfProducts(heap, y.real, y.real, false, y.imaginary, y.imaginary, status);
  if (scale == kException) return scale;
  const Value real = SumOfProducts(heap, x.real, y.real, false, x.imaginary, y.imaginary, status);
  if (real == kException) return real;
  const Value imaginary = SumOfProducts(heap, x.imaginary, y.real, true, x.real, y.imaginary, status);
  if (imaginary == kException) return imaginary;
  const Value quotient = Divide(heap, real, scale, status);
  if (quotient == kException) return quotient;
  return Rectangular(heap, quotient, Divide(heap, imaginary, scale, status));
}

Value NegateComplex(Heap& heap, Value v, NumberStatus* status) {
  if (const Compnum* z = heap.TryGet<Compnum>(v)) {
    return FromComplexDouble(heap, {-z->real, -z->imaginary});
  }
  if (!IsExactComplex(heap, v)) return WrongType(status, 1, kNumber);
  if (!AllowedExact(heap, v, v, status)) return kException;
  const ExactParts z(heap, v);
  const Value real = Negate(heap, z.real, status);
  if (real == kException) return real;
  return Rectangular(heap, real, Negate(heap, z.imaginary, status));
}

}  // namespace islet::vm
