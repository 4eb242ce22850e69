// Rounding, numerator and denominator, and going from exact to inexact and back.

#include <cmath>
#include <limits>
#include <utility>

#include "isolate/heap/poll.h"
#include "isolate/numbers/complex.h"
#include "isolate/numbers/operands.h"

namespace islet::vm {
namespace {

constexpr char kReal[] = "a real number";

// The integer nearest to x in the way asked for: `floor` is what is below x, and the choice is
// whether to add one.
template <typename OnDouble, typename AddOne>
Value RoundWith(Heap& heap, Value v, NumberStatus* status, OnDouble on_double, AddOne add_one) {
  if (IsExactInteger(heap, v)) return v;
  if (v.IsFlonum()) return FromDouble(heap, on_double(heap.flonum(v)));
  if (!IsRatnum(heap, v)) return WrongType(status, 1, kReal);
  if (!Allowed(status, NumberBytes(heap, v) + 64)) return kException;
  const ExactOperand x(heap, v);
  Integer below = integers::FloorQuotient(x.numerator, x.denominator);
  if (add_one(x, below)) below = integers::Sum(below, kOne);
  return MakeInteger(heap, below, status);
}

}  // namespace

Value Floor(Heap& heap, Value v, NumberStatus* status) {
  return RoundWith(
      heap, v, status, [](double d) { return std::floor(d); },
      [](const ExactOperand&, const Integer&) { return false; });
}

Value Ceiling(Heap& heap, Value v, NumberStatus* status) {
  return RoundWith(
      heap, v, status, [](double d) { return std::ceil(d); }, [](const ExactOperand&, const Integer&) { return true; });
}

Value Truncate(Heap& heap, Value v, NumberStatus* status) {
  return RoundWith(
      heap, v, status, [](double d) { return std::trunc(d); },
      [](const ExactOperand& x, const Integer&) { return x.numerator.negative; });
}

Value Round(Heap& heap, Value v, NumberStatus* status) {
  return RoundWith(
      heap, v, status, [](double d) { return std::nearbyint(d); },
      [](const ExactOperand& x, const Integer& below) {
        const Integer rest = integers::Difference(x.numerator, integers::Product(below, x.denominator));
        const int order = integers::Compare(integers::ShiftLeft(rest, 1), x.denominator);
        return order > 0 || (order == 0 && IntegerView(below).IsOdd());
      });
}

namespace {

// The part of v. A flonum has the part of its exact value, made inexact again.
Value Part(Heap& heap, Value v, bool numerator, NumberStatus* status) {
  if (!IsRational(heap, v)) return WrongType(status, 1, "a rational number");
  if (numerator && IsInteger(heap, v)) return v;
  const bool inexact = v.IsFlonum();
  if (inexact) v = ExactFromDouble(heap, heap.flonum(v), status);
  Value part = numerator ? v : Value::Fixnum(1);
  if (const Ratnum* ratio = heap.TryGet<Ratnum>(v)) {
    part = numerator ? ratio->numerator : ratio->denominator;
  }
  return inexact ? FromDouble(heap, ToDouble(heap, part)) : part;
}

}  // namespace

Value Numerator(Heap& heap, Value v, NumberStatus* status) { return Part(heap, v, true, status); }

Value Denominator(Heap& heap, Value v, NumberStatus* status) { return Part(heap, v, false, status); }

Value Exact(Heap& heap, Value v, NumberStatus* status) {
  if (const Compnum* z = heap.TryGet<Compnum>(v)) {
    if (!std::isfinite(z->real) || !std::isfinite(z->imaginary)) {
      return NoResult(status, 1, "a finite number");
    }
    return MakeRectangular(heap, ExactFromDouble(heap, z->real, status), ExactFromDouble(heap, z->imaginary, status),
                           status);
  }
  if (!v.IsFlonum()) return IsNumber(heap, v) ? v : WrongType(status, 1, "a number");
  const double d = heap.flonum(v);
  if (!std::isfinite(d)) return NoResult(status, 1, "a finite number");
  return ExactFromDouble(heap, d, status);
}

Value Inexact(Heap& heap, Value v, NumberStatus* status) {
  if (v.IsFlonum() || IsInexactComplex(heap, v)) return v;
  if (IsExactComplex(heap, v)) return FromComplexDouble(heap, ToComplexDouble(heap, v));
  if (!IsReal(heap, v)) return WrongType(status, 1, "a number");
  return FromDouble(heap, ToDouble(heap, v));
}

namespace {

// The simplest rational in [low, high], 0 < low < high: the continued fraction that both bounds
// share, ended as soon as it can be (Stern and Brocot).
struct Fraction {
  Integer numerator;
  Integer denominator;
};

Fraction Simplest(Fraction low, Fraction high) {
  // Convergents: the last one and the one before.
  Fraction last{Integer(1), Integer()};
  Fraction before{Integer(), Integer(1)};
  auto push = [&](const Integer& term) {
    Fraction next{integers::Sum(integers::Product(term, last.numerator), before.numerator),
                  integers::Sum(integers::Product(term, last.denominator), before.denominator)};
    before = std::move(last);
    last = std::move(next);
  };
  StepCounter steps;
  while (true) {
    Integer term;
    Integer rest;
    if (!steps.Add(32 + IntegerView(low.numerator).size)) low.numerator.Fail();
    integers::Divide(low.numerator, low.denominator, &term, &rest);
    const Integer high_term = integers::ExactQuotient(high.numerator, high.denominator);
    if (rest.failed() || high_term.failed()) {
      last.numerator.Fail();
      return last;
    }
    if (IntegerView(rest).IsZero()) {
      push(term);
      return last;
    }
    if (integers::Compare(term, high_term) < 0) {
      push(integers::Sum(term, kOne));
      return last;
    }
    Integer high_rest = integers::Difference(high.numerator, integers::Product(term, high.denominator));
    push(term);
    Fraction next_low{std::move(high.denominator), std::move(high_rest)};
    Fraction next_high{std::move(low.denominator), std::move(rest)};
    low = std::move(next_low);
    high = std::move(next_high);
  }
}

}  // namespace

Value Rationalize(Heap& heap, Value v, Value tolerance, NumberStatus* status) {
  if (!IsReal(heap, v)) return WrongType(status, 1, kReal);
  if (!IsReal(heap, tolerance)) return WrongType(status, 2, kReal);
  const bool inexact = v.IsFlonum() || tolerance.IsFlonum();
  if (inexact) {
    const double x = ToDouble(heap, v);
    const double y = ToDouble(heap, tolerance);
    if (std::isnan(x) || std::isnan(y) || (std::isinf(x) && std::isinf(y))) {
      return FromDouble(heap, std::numeric_limits<double>::quiet_NaN());
    }
    if (std::isinf(x)) return FromDouble(heap, x);
    if (std::isinf(y)) return FromDouble(heap, 0.0);
    if (v.IsFlonum()) v = ExactFromDouble(heap, x, status);
    if (tolerance.IsFlonum()) tolerance = ExactFromDouble(heap, y, status);
  }
  if (!Allowed(status, 2 * (NumberBytes(heap, v) + NumberBytes(heap, tolerance)) + 64)) {
    return kException;
  }
  const ExactOperand x(heap, v);
  const ExactOperand y(heap, tolerance);
  // Bounds over a common denominator; the answer for a negative x is that for -x, negated.
  const Integer center = integers::Product(x.numerator.Magnitude(), y.denominator);
  const Integer radius = integers::Product(y.numerator.Magnitude(), x.denominator);
  const Integer denominator = integers::Product(x.denominator, y.denominator);
  Integer low = integers::Difference(center, radius);
  const IntegerView low_view = low;
  if (low_view.IsZero() || low_view.negative) {
    return inexact ? FromDouble(heap, 0.0) : Value::Fixnum(0);
  }
  const Fraction simplest = Simplest({std::move(low), Integer(IntegerView(denominator))},
                                     {integers::Sum(center, radius), Integer(IntegerView(denominator))});
  const IntegerView n = simplest.numerator;
  const IntegerView signed_n = x.numerator.negative ? n.Negated() : n;
  if (inexact) return FromDouble(heap, integers::ToDouble(signed_n, simplest.denominator));
  return MakeRatioInLowestTerms(heap, signed_n, simplest.denominator, status);
}

}  // namespace islet::vm
