// Integers whose magnitude is one machine word: most bignums of programs that count, hash or reckon modulo something.
// A result of two of them has two words at most.

#ifndef ISLET_ISOLATE_NUMBERS_WORDS_H_
#define ISLET_ISOLATE_NUMBERS_WORDS_H_

#include <cstdint>

#include "isolate/heap/heap.h"

namespace islet::vm {

using TwoWords = unsigned __int128;

struct Word {
  uint64_t magnitude;
  bool negative;
};

// False if the value is anything else.
inline bool ReadWord(Heap& heap, Value v, Word* word) {
  if (v.IsFixnum()) {
    const int64_t n = v.fixnum();
    *word = {static_cast<uint64_t>(n < 0 ? -n : n), n < 0};
    return true;
  }
  const Bignum* b = heap.TryGet<Bignum>(v);
  if (b == nullptr || b->length != 1) return false;
  *word = {b->limbs[0], (HeaderFlags(b->header) & kNegativeFlag) != 0};
  return true;
}

// The same for a magnitude of two words.
inline bool ReadTwoWords(Heap& heap, Value v, TwoWords* magnitude, bool* negative) {
  Word word;
  if (ReadWord(heap, v, &word)) {
    *magnitude = word.magnitude;
    *negative = word.negative;
    return true;
  }
  const Bignum* b = heap.TryGet<Bignum>(v);
  if (b == nullptr || b->length != 2) return false;
  *magnitude = TwoWords{b->limbs[1]} << 64 | b->limbs[0];
  *negative = (HeaderFlags(b->header) & kNegativeFlag) != 0;
  return true;
}

// Allocates at most 24 bytes.
inline Value FromTwoWords(Heap& heap, TwoWords magnitude, bool negative) {
  const auto low = static_cast<uint64_t>(magnitude);
  const auto high = static_cast<uint64_t>(magnitude >> 64);
  if (high == 0 && low <= uint64_t{1} << 30) {
    const int64_t n = negative ? -static_cast<int64_t>(low) : static_cast<int64_t>(low);
    if (Value::FitsFixnum(n)) return Value::Fixnum(static_cast<int32_t>(n));
  }
  const Value result = heap.MakeBignum(high != 0 ? 2 : 1, negative);
  uint64_t* limbs = heap.Get<Bignum>(result)->limbs;
  limbs[0] = low;
  if (high != 0) limbs[1] = high;
  return result;
}

inline Value SumOfWords(Heap& heap, Word a, Word b) {
  const TwoWords x = a.magnitude;
  const TwoWords y = b.magnitude;
  if (a.negative == b.negative) return FromTwoWords(heap, x + y, a.negative);
  return x >= y ? FromTwoWords(heap, x - y, a.negative) : FromTwoWords(heap, y - x, b.negative);
}

inline Value ProductOfWords(Heap& heap, Word a, Word b) {
  return FromTwoWords(heap, TwoWords{a.magnitude} * b.magnitude, a.negative != b.negative);
}

}  // namespace islet::vm

#endif  // ISLET_ISOLATE_NUMBERS_WORDS_H_
