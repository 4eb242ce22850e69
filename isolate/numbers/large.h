// Operations on integers that are so long that one call of GMP would keep a run from being ended for too long. Each is
// cut into calls of GMP that take a quarter of a millisecond at most, with polls between them (heap/poll.h).
//
// All results are exact, and the same as GMP's. False, or an Integer that has failed: the run is being ended, or there
// is no memory.

#ifndef ISLET_ISOLATE_NUMBERS_LARGE_H_
#define ISLET_ISOLATE_NUMBERS_LARGE_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "isolate/numbers/integer.h"

namespace islet::vm::integers {

// Limbs up to which one call of GMP does.
inline constexpr size_t kLargeProduct = 2000;   // of the shorter factor
inline constexpr size_t kLargeQuotient = 1000;  // of the divisor
inline constexpr size_t kLargeRoot = 2000;
inline constexpr size_t kLargeGcd = 300;
inline constexpr size_t kLargeText = 500;
// Limbs that are added, shifted or copied between two polls.
inline constexpr size_t kLargePart = 16384;

// The magnitude of `size` limbs, of which the upper ones may be zero.
IntegerView ViewLimbs(const uint64_t* limbs, size_t size);

// r = a + b, a - b, both of `n` limbs; the results may be where the operands are. *carry: in and out.
[[nodiscard]] bool AddLimbs(uint64_t* r, const uint64_t* a, const uint64_t* b, size_t n, uint64_t* carry);
[[nodiscard]] bool SubtractLimbs(uint64_t* r, const uint64_t* a, const uint64_t* b, size_t n, uint64_t* carry);
// r = a, of `n` limbs, + or - *carry.
[[nodiscard]] bool AddCarry(uint64_t* r, const uint64_t* a, size_t n, uint64_t* carry);
[[nodiscard]] bool SubtractBorrow(uint64_t* r, const uint64_t* a, size_t n, uint64_t* borrow);

// r = a * b, `an` + `bn` limbs that overlap neither; an >= bn > 0.
[[nodiscard]] bool MultiplyLimbs(uint64_t* r, const uint64_t* a, size_t an, const uint64_t* b, size_t bn);

// ---- Of magnitudes; none has failed.

// n >= d > 0. Either result may be null.
void DivideLarge(IntegerView n, IntegerView d, Integer* quotient, Integer* remainder);
// v > 0; s*s + r = v.
void SquareRootLarge(IntegerView v, Integer* s, Integer* r);
// Both odd.
Integer GcdLarge(IntegerView a, IntegerView b);
// Appended to *text.
void DigitsLarge(IntegerView v, int radix, std::string* text);
// At least one digit, the first not 0.
Integer FromDigitsLarge(absl::string_view digits, int radix);

}  // namespace islet::vm::integers

#endif  // ISLET_ISOLATE_NUMBERS_LARGE_H_
