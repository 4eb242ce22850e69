// Integers of any size outside the heap: what the arithmetic on bignums and ratnums is composed of.
// A thin skin over GMP's mpn_ functions, with buffers of its own (mimalloc), because mpz_ would end
// the process when memory is short.
//
// When a buffer cannot be had, or the run is being ended (heap/poll.h), the result is marked as failed, and so is
// whatever is computed from it; only the last step (operands.h) has to look.

#ifndef ISLET_ISOLATE_NUMBERS_INTEGER_H_
#define ISLET_ISOLATE_NUMBERS_INTEGER_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace islet::vm {

// Sign and magnitude somewhere: in an Integer, or in the heap (and then valid until the next
// safepoint). The last limb is not zero; zero has no limbs and is not negative.
struct IntegerView {
  const uint64_t* limbs = nullptr;
  size_t size = 0;
  bool negative = false;
  bool failed = false;

  bool IsZero() const { return size == 0; }
  bool IsOne() const { return size == 1 && limbs[0] == 1 && !negative; }
  bool IsOdd() const { return size != 0 && (limbs[0] & 1) != 0; }
  IntegerView Magnitude() const { return {limbs, size, false, failed}; }
  IntegerView Negated() const { return {limbs, size, size != 0 && !negative, failed}; }
};

class Integer {
 public:
  Integer() = default;
  explicit Integer(uint64_t magnitude, bool negative = false);
  explicit Integer(IntegerView v);
  Integer(Integer&& other) noexcept;
  Integer& operator=(Integer&& other) noexcept;
  ~Integer();

  operator IntegerView() const { return {limbs_, size_, negative_, failed_}; }  // NOLINT: a view of itself
  bool failed() const { return failed_; }
  void Fail();
  // A buffer of `size` limbs, its contents undefined; null, and the integer failed, if there is no
  // memory.
  uint64_t* Resize(size_t size);
  // Fails a long integer of which only a part has come about, as the run is being ended (heap/poll.h).
  void FailIfEnded();
  // The buffer's first `size` limbs are the magnitude now, leading zeros included.
  void Finish(size_t size, bool negative);

 private:
  // Most bignums of real programs are of two to eight limbs: those need no buffer.
  static constexpr size_t kInlineLimbs = 8;

  void Take(Integer& other);

  uint64_t* limbs_ = inline_;
  size_t size_ = 0;
  size_t capacity_ = kInlineLimbs;
  bool negative_ = false;
  bool failed_ = false;
  uint64_t inline_[kInlineLimbs];
};

namespace integers {

// -1, 0 or 1.
int CompareMagnitudes(IntegerView a, IntegerView b);
int Compare(IntegerView a, IntegerView b);
// Bits of the magnitude; 0 for 0.
uint64_t BitLength(IntegerView v);
// Zero bits at the low end of the magnitude, which is not 0.
uint64_t TrailingZeros(IntegerView v);
Integer Sum(IntegerView a, IntegerView b);
Integer Difference(IntegerView a, IntegerView b);
Integer Product(IntegerView a, IntegerView b);
// Truncating; d is not 0. Either result may be null.
void Divide(IntegerView n, IntegerView d, Integer* quotient, Integer* remainder);
Integer FloorQuotient(IntegerView n, IntegerView d);
Integer ExactQuotient(IntegerView n, IntegerView d);
// Not negative.
Integer Gcd(IntegerView a, IntegerView b);
Integer ShiftLeft(IntegerView v, uint64_t bits);
// Shifts the magnitude; sets *lost if a bit that was 1 fell off.
Integer ShiftRight(IntegerView v, uint64_t bits, bool* lost);
Integer Power(IntegerView base, uint64_t exponent);
// s*s + r = v, with the largest s; v is a magnitude. `r` may be null.
void SquareRoot(IntegerView v, Integer* s, Integer* r);
// `digits` are of the radix, and at least one.
Integer FromDigits(absl::string_view digits, int radix);
std::string ToDigits(IntegerView v, int radix);
// Bound of ToDigits's length.
uint64_t DigitsBound(IntegerView v, int radix);
// |v| = m * 2^exponent rounded to 53 bits, 1 <= m < 2. v is not 0.
double ToScaledDouble(IntegerView n, IntegerView d, int64_t* exponent);
// The double nearest to n / d, ties to even; d is positive.
double ToDouble(IntegerView n, IntegerView d);
double ToDouble(IntegerView n);

}  // namespace integers
}  // namespace islet::vm

#endif  // ISLET_ISOLATE_NUMBERS_INTEGER_H_
