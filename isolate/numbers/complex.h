// Numbers that are not real, to the rest of this folder. Either form holds both parts alike:
//
//   ExactCompnum   exact parts, the imaginary one not 0 (else it is a real number)
//   Compnum        two doubles; the imaginary one may be 0.0, which does not make the number real
//   (R7RS 6.2.6)
//
// An operation of an exact and an inexact number makes both parts of its result inexact. A real
// operand of an inexact operation is not turned into a complex one first, so that an infinity
// times 1.0+2.0i has no NaN in it.

#ifndef ISLET_ISOLATE_NUMBERS_COMPLEX_H_
#define ISLET_ISOLATE_NUMBERS_COMPLEX_H_

#include <complex>

#include "isolate/numbers/numbers.h"

namespace islet::vm {

inline bool IsExactComplex(Heap& heap, Value v) { return heap.Is<ExactCompnum>(v); }
inline bool IsInexactComplex(Heap& heap, Value v) { return heap.Is<Compnum>(v); }

// The parts of an exact number, or of a real one.
struct ExactParts {
  ExactParts(Heap& heap, Value v) : real(v), imaginary(Value::Fixnum(0)) {
    if (const ExactCompnum* z = heap.TryGet<ExactCompnum>(v)) {
      real = z->real;
      imaginary = z->imaginary;
    }
  }
  Value real;
  Value imaginary;
};

// Any number, each part rounded as ToDouble does; the imaginary part of a real number is 0.0.
std::complex<double> ToComplexDouble(Heap& heap, Value v);
// A Compnum, whatever its imaginary part.
Value FromComplexDouble(Heap& heap, std::complex<double> z);

// The operations where at least one operand is not real, or no number at all (kWrongType).
Value AddComplex(Heap& heap, Value a, Value b, bool subtract, NumberStatus* status);
Value MultiplyComplex(Heap& heap, Value a, Value b, NumberStatus* status);
Value DivideComplex(Heap& heap, Value a, Value b, NumberStatus* status);
Value NegateComplex(Heap& heap, Value v, NumberStatus* status);

// base^exponent, for an exact integer, of an exact base that is not real.
Value ExptExactComplex(Heap& heap, Value base, Value exponent, NumberStatus* status);
// R7RS 6.2.6: "either a positive real part, or a zero real part and a non-negative imaginary part", where the C
// library's is negative if the operand's is -0.0.
std::complex<double> PrincipalRoot(std::complex<double> z);
// The root of an exact number that is not real, exact if it can be.
Value SqrtExactComplex(Heap& heap, Value v, NumberStatus* status);
Value LogExactComplex(Heap& heap, Value v, NumberStatus* status);

}  // namespace islet::vm

#endif  // ISLET_ISOLATE_NUMBERS_COMPLEX_H_
