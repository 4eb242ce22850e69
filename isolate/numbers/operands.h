// How the operations read their operands from the heap, ask for room, and put their results back.

#ifndef ISLET_ISOLATE_NUMBERS_OPERANDS_H_
#define ISLET_ISOLATE_NUMBERS_OPERANDS_H_

#include <cstdint>

#include "isolate/numbers/integer.h"
#include "isolate/numbers/numbers.h"

namespace islet::vm {

inline constexpr uint64_t kOneLimb = 1;
inline constexpr IntegerView kOne = {&kOneLimb, 1, false, false};

// No operation may ask for more bytes, whatever the heap's limit: it is a quarter of the cage.
inline constexpr uint64_t kLargestRequest = uint64_t{1} << 30;

// The magnitude of a fixnum needs a place; a bignum is viewed where it is. `v` is an exact integer.
inline IntegerView ViewInteger(Heap& heap, Value v, uint64_t* place) {
  if (v.IsFixnum()) {
    const int64_t n = v.fixnum();
    *place = static_cast<uint64_t>(n < 0 ? -n : n);
    return {place, n != 0 ? size_t{1} : size_t{0}, n < 0, false};
  }
  const Bignum* b = heap.Get<Bignum>(v);
  return {b->limbs, b->length, (HeaderFlags(b->header) & kNegativeFlag) != 0, false};
}

// An exact rational as numerator and denominator.
class ExactOperand {
 public:
  ExactOperand(Heap& heap, Value v) {
    if (const Ratnum* ratio = heap.TryGet<Ratnum>(v)) {
      numerator = ViewInteger(heap, ratio->numerator, &numerator_place_);
      denominator = ViewInteger(heap, ratio->denominator, &denominator_place_);
    } else {
      numerator = ViewInteger(heap, v, &numerator_place_);
      denominator = kOne;
    }
  }
  ExactOperand(const ExactOperand&) = delete;
  ExactOperand& operator=(const ExactOperand&) = delete;

  bool IsInteger() const { return denominator.IsOne(); }

  IntegerView numerator;
  IntegerView denominator;

 private:
  uint64_t numerator_place_;
  uint64_t denominator_place_;
};

// ---- Failures: each returns kException.
inline Value Fail(NumberStatus* status, NumberStatus::Kind kind) {
  if (status != nullptr) status->kind = kind;
  return kException;
}
inline Value WrongType(NumberStatus* status, int argument, const char* expected) {
  if (status != nullptr) {
    status->argument = static_cast<uint8_t>(argument);
    status->expected = expected;
  }
  return Fail(status, NumberStatus::Kind::kWrongType);
}
inline Value NoResult(NumberStatus* status, int argument, const char* expected) {
  if (status != nullptr) {
    status->argument = static_cast<uint8_t>(argument);
    status->expected = expected;
  }
  return Fail(status, NumberStatus::Kind::kNoResult);
}
inline Value DivideByZero(NumberStatus* status) { return Fail(status, NumberStatus::Kind::kDivideByZero); }
inline Value TooLarge(NumberStatus* status, uint64_t bytes) {
  if (status != nullptr) status->bytes = bytes;
  return Fail(status, NumberStatus::Kind::kTooLarge);
}

// True if the operation may allocate `bytes` in the heap; if not, *status says so.
inline bool Allowed(NumberStatus* status, uint64_t bytes) {
  const uint64_t allowance = status != nullptr ? status->allowance : NumberStatus::kDefaultAllowance;
  if (__builtin_expect(bytes <= allowance, 1)) return true;
  if (bytes > kLargestRequest) {
    TooLarge(status, bytes);
  } else if (status != nullptr) {
    status->kind = NumberStatus::Kind::kReserve;
    status->bytes = bytes;
  }
  return false;
}

// Bytes of a bignum with so many limbs.
inline uint64_t BignumBytes(uint64_t limbs) { return sizeof(Bignum) + limbs * sizeof(uint64_t); }

// ---- Results. kException (kTooLarge) if scratch memory ran out on the way.
Value MakeInteger(Heap& heap, IntegerView v, NumberStatus* status);
// n / d, which are in lowest terms, d positive.
Value MakeRatioInLowestTerms(Heap& heap, IntegerView n, IntegerView d, NumberStatus* status);
// n / d; d is not 0.
Value MakeRatio(Heap& heap, IntegerView n, IntegerView d, NumberStatus* status);
// A finite double.
Value ExactFromDouble(Heap& heap, double d, NumberStatus* status);

inline bool IsRatnum(Heap& heap, Value v) { return heap.Is<Ratnum>(v); }

}  // namespace islet::vm

#endif  // ISLET_ISOLATE_NUMBERS_OPERANDS_H_
