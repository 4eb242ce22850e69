// Addition to division, and the division of integers.

#include <algorithm>
#include <cmath>

#include "isolate/numbers/complex.h"
#include "isolate/numbers/operands.h"
#include "isolate/numbers/words.h"

namespace islet::vm {
namespace {

constexpr char kInteger[] = "an integer";

// The usual case of inexact arithmetic: a flonum, and a flonum or fixnum.
inline bool FlonumOperands(Heap& heap, Value a, Value b, double* x, double* y) {
  if (a.IsFlonum()) {
    *x = heap.flonum(a);
    if (b.IsFlonum()) {
      *y = heap.flonum(b);
      return true;
    }
    *y = b.fixnum();
    return b.IsFixnum();
  }
  if (!a.IsFixnum() || !b.IsFlonum()) return false;
  *x = a.fixnum();
  *y = heap.flonum(b);
  return true;
}

bool BothReal(Heap& heap, Value a, Value b) { return IsReal(heap, a) && IsReal(heap, b); }

// a + b or a - b, both exact and not both fixnums.
Value AddExact(Heap& heap, Value a, Value b, bool subtract, NumberStatus* status) {
  const ExactOperand x(heap, a);
  const ExactOperand y(heap, b);
  const IntegerView yn = subtract ? y.numerator.Negated() : y.numerator;
  if (x.IsInteger() && y.IsInteger()) {
    if (!Allowed(status, BignumBytes(std::max(x.numerator.size, yn.size) + 1))) return kException;
    return MakeInteger(heap, integers::Sum(x.numerator, yn), status);
  }
  if (!Allowed(status, 2 * (NumberBytes(heap, a) + NumberBytes(heap, b)) + 64)) return kException;
  return MakeRatio(heap,
                   integers::Sum(integers::Product(x.numerator, y.denominator), integers::Product(yn, x.denominator)),
                   integers::Product(x.denominator, y.denominator), status);
}

Value AddOrSubtract(Heap& heap, Value a, Value b, bool subtract, NumberStatus* status) {
  if (a.IsFixnum() && b.IsFixnum()) {
    const int64_t y = b.fixnum();
    return FromInt64(heap, a.fixnum() + (subtract ? -y : y));
  }
  double p;
  double q;
  if (FlonumOperands(heap, a, b, &p, &q)) return FromDouble(heap, subtract ? p - q : p + q);
  Word x;
  Word y;
  if (ReadWord(heap, a, &x) && ReadWord(heap, b, &y)) {
    if (subtract) y.negative = !y.negative;
    return SumOfWords(heap, x, y);
  }
  if (!BothReal(heap, a, b)) return AddComplex(heap, a, b, subtract, status);
  if (a.IsFlonum() || b.IsFlonum()) {
    p = ToDouble(heap, a);
    q = ToDouble(heap, b);
    return FromDouble(heap, subtract ? p - q : p + q);
  }
  return AddExact(heap, a, b, subtract, status);
}

}  // namespace

Value Add(Heap& heap, Value a, Value b, NumberStatus* status) { return AddOrSubtract(heap, a, b, false, status); }

Value Subtract(Heap& heap, Value a, Value b, NumberStatus* status) { return AddOrSubtract(heap, a, b, true, status); }

Value Multiply(Heap& heap, Value a, Value b, NumberStatus* status) {
  if (a.IsFixnum() && b.IsFixnum()) return FromInt64(heap, int64_t{a.fixnum()} * b.fixnum());
  double p;
  double q;
  if (FlonumOperands(heap, a, b, &p, &q)) return FromDouble(heap, p * q);
  Word v;
  Word w;
  if (ReadWord(heap, a, &v) && ReadWord(heap, b, &w)) return ProductOfWords(heap, v, w);
  if (!BothReal(heap, a, b)) return MultiplyComplex(heap, a, b, status);
  if (a.IsFlonum() || b.IsFlonum()) return FromDouble(heap, ToDouble(heap, a) * ToDouble(heap, b));
  const ExactOperand x(heap, a);
  const ExactOperand y(heap, b);
  if (!Allowed(status, NumberBytes(heap, a) + NumberBytes(heap, b) + 64)) return kException;
  // A product that MakeInteger would refuse is not computed first. It may have a limb less than counted here.
  const uint64_t bytes = BignumBytes(x.numerator.size + y.numerator.size - 1);
  if (x.IsInteger() && y.IsInteger() && !x.numerator.IsZero() && !y.numerator.IsZero() && bytes > kLargestNumber) {
    return TooLarge(status, bytes);
  }
  const Integer numerator = integers::Product(x.numerator, y.numerator);
  if (x.IsInteger() && y.IsInteger()) return MakeInteger(heap, numerator, status);
  return MakeRatio(heap, numerator, integers::Product(x.denominator, y.denominator), status);
}

Value Divide(Heap& heap, Value a, Value b, NumberStatus* status) {
  double p;
  double q;
  if (b != Value::Fixnum(0) && FlonumOperands(heap, a, b, &p, &q)) return FromDouble(heap, p / q);
  if (!BothReal(heap, a, b)) return DivideComplex(heap, a, b, status);
  if (b == Value::Fixnum(0)) return DivideByZero(status);
  if (a.IsFlonum() || b.IsFlonum()) return FromDouble(heap, ToDouble(heap, a) / ToDouble(heap, b));
  const ExactOperand x(heap, a);
  const ExactOperand y(heap, b);
  if (!Allowed(status, NumberBytes(heap, a) + NumberBytes(heap, b) + 64)) return kException;
  if (x.IsInteger() && y.IsInteger()) return MakeRatio(heap, x.numerator, y.numerator, status);
  return MakeRatio(heap, integers::Product(x.numerator, y.denominator), integers::Product(x.denominator, y.numerator),
                   status);
}

Value Negate(Heap& heap, Value v, NumberStatus* status) {
  if (v.IsFixnum()) return FromInt64(heap, -int64_t{v.fixnum()});
  if (v.IsFlonum()) return FromDouble(heap, -heap.flonum(v));
  if (!IsReal(heap, v)) return NegateComplex(heap, v, status);
  if (!Allowed(status, NumberBytes(heap, v))) return kException;
  const ExactOperand x(heap, v);
  return MakeRatioInLowestTerms(heap, x.numerator.Negated(), x.denominator, status);
}

Value Abs(Heap& heap, Value v, NumberStatus* status) {
  if (!IsReal(heap, v)) return WrongType(status, 1, "a real number");
  if (v.IsFlonum()) {
    const double d = heap.flonum(v);
    return std::signbit(d) ? FromDouble(heap, std::fabs(d)) : v;
  }
  return Sign(heap, v) < 0 ? Negate(heap, v, status) : v;
}

namespace {

// Integers, at least one of them inexact; d is not 0. The exact results, rounded; a quotient 0 has
// the sign that it would have as a ratio, a remainder 0 none.
bool DivideInexactIntegers(Heap& heap, Value n, Value d, Rounding rounding, Value* quotient, Value* remainder,
                           NumberStatus* status) {
  const double x = ToDouble(heap, n);
  const double y = ToDouble(heap, d);
  double q;
  double r;
  // Below 2^50, quotients of doubles come out right.
  if (!IsBignum(heap, n) && !IsBignum(heap, d) && std::fabs(x / y) < 0x1p50) {
    r = std::fmod(x, y);
    if (rounding == Rounding::kFloor && r != 0 && (r < 0) != (y < 0)) r += y;
    q = std::nearbyint((x - r) / y);
  } else {
    const Value exact_n = Exact(heap, n, status);
    const Value exact_d = exact_n == kException ? exact_n : Exact(heap, d, status);
    Value exact_q;
    Value exact_r;
    if (exact_d == kException || !DivideIntegers(heap, exact_n, exact_d, rounding, &exact_q, &exact_r, status)) {
      return false;
    }
    q = ToDouble(heap, exact_q);
    r = ToDouble(heap, exact_r);
  }
  if (q == 0) q = std::signbit(x) != std::signbit(y) ? -0.0 : 0.0;
  if (r == 0) r = 0.0;
  if (quotient != nullptr) *quotient = FromDouble(heap, q);
  if (remainder != nullptr) *remainder = FromDouble(heap, r);
  return true;
}

// Divides exact integers of any size; `d` is not 0.
bool DivideLargeIntegers(Heap& heap, Value n, Value d, Rounding rounding, Value* quotient, Value* remainder,
                         NumberStatus* status) {
  if (!Allowed(status, NumberBytes(heap, n) + NumberBytes(heap, d) + 64)) return false;
  uint64_t n_place;
  uint64_t d_place;
  const IntegerView x = ViewInteger(heap, n, &n_place);
  const IntegerView y = ViewInteger(heap, d, &d_place);
  Integer q;
  Integer r;
  integers::Divide(x, y, &q, &r);
  const IntegerView rest = r;
  if (rounding == Rounding::kFloor && !rest.IsZero() && rest.negative != y.negative) {
    if (quotient != nullptr) q = integers::Difference(q, kOne);
    r = integers::Sum(r, y);
  }
  bool done = true;
  if (quotient != nullptr) {
    *quotient = MakeInteger(heap, q, status);
    done = *quotient != kException;
  }
  if (remainder != nullptr) {
    *remainder = MakeInteger(heap, r, status);
    done = done && *remainder != kException;
  }
  return done;
}

}  // namespace

bool DivideIntegers(Heap& heap, Value n, Value d, Rounding rounding, Value* quotient, Value* remainder,
                    NumberStatus* status) {
  const bool floor = rounding == Rounding::kFloor;
  if (n.IsFixnum() && d.IsFixnum()) {
    const int64_t y = d.fixnum();
    if (y == 0) {
      DivideByZero(status);
      return false;
    }
    int64_t q = n.fixnum() / y;
    int64_t r = n.fixnum() % y;
    if (floor && r != 0 && (r < 0) != (y < 0)) {
      --q;
      r += y;
    }
    if (quotient != nullptr) *quotient = FromInt64(heap, q);
    if (remainder != nullptr) *remainder = FromInt64(heap, r);
    return true;
  }
  TwoWords dividend;
  bool negative;
  Word divisor;
  if (ReadWord(heap, d, &divisor) && divisor.magnitude != 0 && ReadTwoWords(heap, n, &dividend, &negative)) {
    TwoWords q = dividend / divisor.magnitude;
    auto r = static_cast<uint64_t>(dividend - q * divisor.magnitude);
    bool r_negative = negative;
    if (floor && r != 0 && negative != divisor.negative) {
      ++q;
      r = divisor.magnitude - r;
      r_negative = divisor.negative;
    }
    if (quotient != nullptr) *quotient = FromTwoWords(heap, q, negative != divisor.negative);
    if (remainder != nullptr) *remainder = FromTwoWords(heap, r, r_negative);
    return true;
  }
  if (!IsInteger(heap, n) || !IsInteger(heap, d)) {
    WrongType(status, IsInteger(heap, n) ? 2 : 1, kInteger);
    return false;
  }
  if (Sign(heap, d) == 0) {
    DivideByZero(status);
    return false;
  }
  if (n.IsFlonum() || d.IsFlonum()) {
    return DivideInexactIntegers(heap, n, d, rounding, quotient, remainder, status);
  }
  return DivideLargeIntegers(heap, n, d, rounding, quotient, remainder, status);
}

Value Quotient(Heap& heap, Value n, Value d, NumberStatus* status) {
  Value q;
  return DivideIntegers(heap, n, d, Rounding::kTruncate, &q, nullptr, status) ? q : kException;
}

Value Remainder(Heap& heap, Value n, Value d, NumberStatus* status) {
  Value r;
  return DivideIntegers(heap, n, d, Rounding::kTruncate, nullptr, &r, status) ? r : kException;
}

Value Modulo(Heap& heap, Value n, Value d, NumberStatus* status) {
  Value r;
  return DivideIntegers(heap, n, d, Rounding::kFloor, nullptr, &r, status) ? r : kException;
}

namespace {

// gcd and lcm of flonums are computed exactly, and made inexact again.
template <typename Operation>
Value ExactlyOnIntegers(Heap& heap, Value a, Value b, NumberStatus* status, Operation operation) {
  if (!IsInteger(heap, a)) return WrongType(status, 1, kInteger);
  if (!IsInteger(heap, b)) return WrongType(status, 2, kInteger);
  const bool inexact = a.IsFlonum() || b.IsFlonum();
  if (a.IsFlonum()) a = ExactFromDouble(heap, heap.flonum(a), status);
  if (b.IsFlonum()) b = ExactFromDouble(heap, heap.flonum(b), status);
  if (a == kException || b == kException) return kException;
  if (!Allowed(status, NumberBytes(heap, a) + NumberBytes(heap, b) + 64)) return kException;
  uint64_t a_place;
  uint64_t b_place;
  const Integer result = operation(ViewInteger(heap, a, &a_place), ViewInteger(heap, b, &b_place));
  if (inexact) return FromDouble(heap, integers::ToDouble(result));
  return MakeInteger(heap, result, status);
}

}  // namespace

Value Gcd(Heap& heap, Value a, Value b, NumberStatus* status) {
  return ExactlyOnIntegers(heap, a, b, status, integers::Gcd);
}

Value Lcm(Heap& heap, Value a, Value b, NumberStatus* status) {
  return ExactlyOnIntegers(heap, a, b, status, [](IntegerView x, IntegerView y) {
    if (x.IsZero() || y.IsZero()) return Integer();
    const Integer gcd = integers::Gcd(x, y);
    return integers::Product(integers::ExactQuotient(x.Magnitude(), gcd), y.Magnitude());
  });
}

std::optional<bool> IsOdd(Heap& heap, Value v) {
  if (v.IsFixnum()) return (v.fixnum() & 1) != 0;
  if (!IsInteger(heap, v)) return std::nullopt;
  if (v.IsFlonum()) return std::fmod(heap.flonum(v), 2) != 0;
  return (heap.Get<Bignum>(v)->limbs[0] & 1) != 0;
}

bool ExactIntegerSqrt(Heap& heap, Value n, Value* s, Value* r, NumberStatus* status) {
  if (!IsExactInteger(heap, n) || Sign(heap, n) < 0) {
    WrongType(status, 1, "an exact integer that is not negative");
    return false;
  }
  if (!Allowed(status, 2 * NumberBytes(heap, n) + 64)) return false;
  uint64_t place;
  Integer root;
  Integer rest;
  integers::SquareRoot(ViewInteger(heap, n, &place), &root, &rest);
  *s = MakeInteger(heap, root, status);
  *r = MakeInteger(heap, rest, status);
  return *s != kException && *r != kException;
}

}  // namespace islet::vm
