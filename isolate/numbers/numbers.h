// The numeric tower of R7RS 6.2, on Values:
//
//   fixnum   31-bit integer, in the Value itself
//   bignum   any other exact integer: sign and 64-bit limbs in the heap, which go straight to GMP's
//            mpn_ functions
//   ratnum   exact, not an integer: numerator and denominator in lowest terms, denominator > 1
//   flonum   an IEEE 754 double
//   complex  not real: two exact parts, the imaginary one not 0; or two doubles (complex.h)
//
// Results are always in the first form of this list that can hold them: an integer that fits is a
// fixnum, a quotient that comes out even is an integer, a number whose imaginary part is an exact 0
// is real. One inexact part makes the other inexact.
//
//   NumberStatus status;
//   Value q = Divide(heap, a, b, &status);
//   if (q == kException) ... status says why: wrong type, division by zero, or more memory needed
//
// Nothing here collects. What an operation allocates in the heap stays below
// NumberStatus::allowance; an operation that needs more stops before it computes anything, with
// kind kReserve. The caller then calls `Heap::Reserve(status.bytes)` (a safepoint), sets the
// allowance to that and tries again. Without a status, the allowance is the default one, and
// kException is all that is said of a failure.

#ifndef ISLET_ISOLATE_NUMBERS_NUMBERS_H_
#define ISLET_ISOLATE_NUMBERS_NUMBERS_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "isolate/heap/heap.h"
#include "isolate/heap/value.h"

namespace islet::vm {

// Bytes of the largest number there may be, whatever the heap's limit: 160 million decimal digits.
// Operations on larger ones would take minutes, and as much memory again.
inline constexpr uint64_t kLargestNumber = uint64_t{1} << 26;

// Why an operation returned kException, and what it may allocate.
struct NumberStatus {
  enum class Kind : uint8_t {
    kOk,
    kWrongType,  // operand number `argument`, counted from 1, is not what `expected` says
    kDivideByZero,
    kNoResult,  // no number is the result: (exact +inf.0), (expt 0 +i); `expected` says what was
                // asked
    kReserve,   // wants `bytes` in the heap, more than `allowance`
    kTooLarge,  // would take `bytes`, more than any number may, or any heap can hold
  };
  // This is half of what a primitive may allocate without asking. The other half is for what the primitive wraps around
  // the number.
  static constexpr uint64_t kDefaultAllowance = Heap::kSlack / 2;

  Kind kind = Kind::kOk;
  uint8_t argument = 0;
  const char* expected = nullptr;  // "a number", "an exact integer", ...
  uint64_t bytes = 0;
  uint64_t allowance = kDefaultAllowance;
};

// ---- What kind of number. All take any Value; what is no number is none of these.
bool IsNumber(Heap& heap, Value v);
bool IsReal(Heap& heap, Value v);
inline bool IsBignum(Heap& heap, Value v) { return heap.Is<Bignum>(v); }
inline bool IsExactInteger(Heap& heap, Value v) { return v.IsFixnum() || heap.Is<Bignum>(v); }
bool IsExactRational(Heap& heap, Value v);
bool IsInteger(Heap& heap, Value v);   // flonums such as 2.0 included
bool IsRational(Heap& heap, Value v);  // all but infinities and NaN
bool IsExact(Heap& heap, Value v);     // a number all of whose parts are exact

// ---- Values from C++ numbers and back.
Value FromInt64(Heap& heap, int64_t n);
Value FromUint64(Heap& heap, uint64_t n);
inline Value FromDouble(Heap& heap, double d) { return heap.MakeFlonum(d); }
// `limbs` least significant first; leading zeros are dropped. Allocates about as many bytes as it
// is given, as IntegerFromBytes does; kException if that is more than any number may have.
Value FromLimbs(Heap& heap, absl::Span<const uint64_t> limbs, bool negative);
// From two's complement, little-endian; 0 if there are no bytes.
Value IntegerFromBytes(Heap& heap, absl::string_view bytes);
// Nothing if v is no exact integer, or out of range.
std::optional<int64_t> ToInt64(Heap& heap, Value v);
std::optional<uint64_t> ToUint64(Heap& heap, Value v);
// The nearest double (ties to even) to any real number; infinite if out of range.
double ToDouble(Heap& heap, Value v);
// Bytes of heap that the number takes (0 for a fixnum).
uint64_t NumberBytes(Heap& heap, Value v);

// ---- Arithmetic. Operands that are no numbers give kWrongType.
Value Add(Heap& heap, Value a, Value b, NumberStatus* status = nullptr);
Value Subtract(Heap& heap, Value a, Value b, NumberStatus* status = nullptr);
Value Multiply(Heap& heap, Value a, Value b, NumberStatus* status = nullptr);
Value Divide(Heap& heap, Value a, Value b, NumberStatus* status = nullptr);
Value Negate(Heap& heap, Value v, NumberStatus* status = nullptr);
Value Abs(Heap& heap, Value v, NumberStatus* status = nullptr);

// ---- Complex numbers (R7RS 6.2.6). Both arguments of the first two are real.
Value MakeRectangular(Heap& heap, Value real, Value imaginary, NumberStatus* status = nullptr);
Value MakePolar(Heap& heap, Value magnitude, Value angle, NumberStatus* status = nullptr);
Value RealPart(Heap& heap, Value v, NumberStatus* status = nullptr);
Value ImagPart(Heap& heap, Value v, NumberStatus* status = nullptr);
Value Magnitude(Heap& heap, Value v, NumberStatus* status = nullptr);
Value Angle(Heap& heap, Value v, NumberStatus* status = nullptr);

// ---- Comparison: exact, whatever the mix, so that it is transitive. Operands must be real, those
// of NumEqual and IsZero numbers.
inline constexpr int kUnordered = 2;
// -1, 0 or 1; kUnordered if either is NaN.
int Compare(Heap& heap, Value a, Value b);
bool NumEqual(Heap& heap, Value a, Value b);
bool IsZero(Heap& heap, Value v);
// -1, 0 or 1; 0 for NaN.
int Sign(Heap& heap, Value v);
// Exactly the same number in the same form, as eqv? has it: 0.0 and -0.0 differ, NaN is itself.
bool NumberEqv(Heap& heap, Value a, Value b);
// Equal for numbers that are NumberEqv. Depends on the number alone.
uint64_t NumberHash(Heap& heap, Value v);

// ---- Integer division (R7RS 6.2.6). Operands are integers, flonums such as 7.0 included.
enum class Rounding : uint8_t { kFloor, kTruncate };
// Sets *quotient and *remainder, either of which may be null. False on failure.
bool DivideIntegers(Heap& heap, Value n, Value d, Rounding rounding, Value* quotient, Value* remainder,
                    NumberStatus* status = nullptr);
Value Quotient(Heap& heap, Value n, Value d, NumberStatus* status = nullptr);
Value Remainder(Heap& heap, Value n, Value d, NumberStatus* status = nullptr);
Value Modulo(Heap& heap, Value n, Value d, NumberStatus* status = nullptr);
Value Gcd(Heap& heap, Value a, Value b, NumberStatus* status = nullptr);
Value Lcm(Heap& heap, Value a, Value b, NumberStatus* status = nullptr);
// `v` is an integer.
std::optional<bool> IsOdd(Heap& heap, Value v);
// For exact n >= 0: s*s + r = n with the largest s. False on failure.
bool ExactIntegerSqrt(Heap& heap, Value n, Value* s, Value* r, NumberStatus* status = nullptr);

// ---- Rounding, parts, exactness.
Value Floor(Heap& heap, Value v, NumberStatus* status = nullptr);
Value Ceiling(Heap& heap, Value v, NumberStatus* status = nullptr);
Value Truncate(Heap& heap, Value v, NumberStatus* status = nullptr);
Value Round(Heap& heap, Value v, NumberStatus* status = nullptr);  // ties to even
Value Numerator(Heap& heap, Value v, NumberStatus* status = nullptr);
Value Denominator(Heap& heap, Value v, NumberStatus* status = nullptr);
Value Exact(Heap& heap, Value v, NumberStatus* status = nullptr);
Value Inexact(Heap& heap, Value v, NumberStatus* status = nullptr);
// The simplest rational within |tolerance| of v.
Value Rationalize(Heap& heap, Value v, Value tolerance, NumberStatus* status = nullptr);

// ---- Powers and transcendental functions, of any numbers but for Atan2, whose operands are real.
// Exact where R7RS lets them be: (exp 0), (sqrt 16/9), (expt 2 -3). Where a function has several
// values, R7RS's principal one; on a branch cut, the sign of a zero says which side is meant.
Value Expt(Heap& heap, Value base, Value exponent, NumberStatus* status = nullptr);
Value Sqrt(Heap& heap, Value v, NumberStatus* status = nullptr);
Value Exp(Heap& heap, Value v, NumberStatus* status = nullptr);
Value Log(Heap& heap, Value v, NumberStatus* status = nullptr);
Value LogBase(Heap& heap, Value v, Value base, NumberStatus* status = nullptr);
Value Sin(Heap& heap, Value v, NumberStatus* status = nullptr);
Value Cos(Heap& heap, Value v, NumberStatus* status = nullptr);
Value Tan(Heap& heap, Value v, NumberStatus* status = nullptr);
Value Asin(Heap& heap, Value v, NumberStatus* status = nullptr);
Value Acos(Heap& heap, Value v, NumberStatus* status = nullptr);
Value Atan(Heap& heap, Value v, NumberStatus* status = nullptr);
Value Atan2(Heap& heap, Value y, Value x, NumberStatus* status = nullptr);

// ---- Bits of exact integers in two's complement (SRFI 151).
Value BitwiseAnd(Heap& heap, Value a, Value b, NumberStatus* status = nullptr);
Value BitwiseIor(Heap& heap, Value a, Value b, NumberStatus* status = nullptr);
Value BitwiseXor(Heap& heap, Value a, Value b, NumberStatus* status = nullptr);
Value BitwiseEqv(Heap& heap, Value a, Value b, NumberStatus* status = nullptr);
Value BitwiseNand(Heap& heap, Value a, Value b, NumberStatus* status = nullptr);
Value BitwiseNor(Heap& heap, Value a, Value b, NumberStatus* status = nullptr);
Value BitwiseAndc1(Heap& heap, Value a, Value b, NumberStatus* status = nullptr);
Value BitwiseAndc2(Heap& heap, Value a, Value b, NumberStatus* status = nullptr);
Value BitwiseOrc1(Heap& heap, Value a, Value b, NumberStatus* status = nullptr);
Value BitwiseOrc2(Heap& heap, Value a, Value b, NumberStatus* status = nullptr);
Value BitwiseNot(Heap& heap, Value v, NumberStatus* status = nullptr);
// The bits of a where mask has ones, of b elsewhere.
Value BitwiseIf(Heap& heap, Value mask, Value a, Value b, NumberStatus* status = nullptr);
Value ArithmeticShift(Heap& heap, Value v, Value count, NumberStatus* status = nullptr);
Value BitCount(Heap& heap, Value v, NumberStatus* status = nullptr);
Value IntegerLength(Heap& heap, Value v, NumberStatus* status = nullptr);
Value FirstSetBit(Heap& heap, Value v, NumberStatus* status = nullptr);  // -1 for 0
Value IsBitSet(Heap& heap, Value index, Value v, NumberStatus* status = nullptr);
Value IsAnyBitSet(Heap& heap, Value test, Value v, NumberStatus* status = nullptr);
Value IsEveryBitSet(Heap& heap, Value test, Value v, NumberStatus* status = nullptr);
// v with the bit set if `bit`, a boolean, is true, else clear.
Value CopyBit(Heap& heap, Value index, Value v, Value bit, NumberStatus* status = nullptr);
Value BitSwap(Heap& heap, Value index1, Value index2, Value v, NumberStatus* status = nullptr);
// Bits [start, end) of v, as a number that is not negative.
Value BitField(Heap& heap, Value v, Value start, Value end, NumberStatus* status = nullptr);
// A bit of an exact integer.
bool TestBit(Heap& heap, Value v, uint64_t index);

// ---- Text.
// The number that `text` denotes in the syntax of R7RS 7.1.1, prefixes included; nothing if it
// denotes none (or one that would be absurdly large, as #e1e1000000000 is). `radix` is from 2 to
// 36; where i is a digit, it stands for the imaginary unit only if the text denotes no real number.
// May allocate twice as many bytes as the text is long, and 512 KiB besides.
std::optional<Value> ParseNumber(Heap& heap, absl::string_view text, int radix = 10);
// The shortest text that reads back as the same number. `radix` is from 2 to 36.
std::string NumberToString(Heap& heap, Value v, int radix = 10);
// Upper bound of NumberToString's length.
uint64_t NumberTextBytes(Heap& heap, Value v, int radix);

}  // namespace islet::vm

#endif  // ISLET_ISOLATE_NUMBERS_NUMBERS_H_
