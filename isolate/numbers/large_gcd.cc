// Greatest common divisors by D. Stehle and P. Zimmermann's recursive algorithm (A binary recursive gcd algorithm,
// 2004). Its division goes from the low end, so that the quotients of two numbers' low halves are those of the numbers:
// nothing has to be put right afterwards.
//
//   a odd, b even, j = the zero bits at b's end:   r = a + q b / 2^j,   |q| < 2^j odd, chosen so that r has more.

#include <gmp.h>

#include <algorithm>
#include <utility>

#include "isolate/heap/poll.h"
#include "isolate/numbers/large.h"

namespace islet::vm::integers {
namespace {

constexpr uint64_t kOneLimb = 1;
constexpr IntegerView kOne = {&kOneLimb, 1, false, false};

// Its inverse modulo 2^64; v is odd.
uint64_t InverseOfWord(uint64_t v) {
  uint64_t x = v * 3 ^ 2;  // 5 bits are right
  for (int bits = 5; bits < 64; bits *= 2) x *= 2 - v * x;
  return x;
}

Integer FromSigned(int64_t n) { return Integer(n < 0 ? -static_cast<uint64_t>(n) : static_cast<uint64_t>(n), n < 0); }

// v modulo 2^bits, not negative.
Integer LowBits(IntegerView v, uint64_t bits) {
  const size_t size = static_cast<size_t>((bits + 63) / 64);
  Integer result;
  if (v.failed) {
    result.Fail();
    return result;
  }
  if (!v.negative && v.size < size) return Integer(v);
  uint64_t* limbs = result.Resize(size);
  if (limbs == nullptr) return result;
  const size_t known = std::min(size, v.size);
  std::copy(v.limbs, v.limbs + known, limbs);
  std::fill(limbs + known, limbs + size, 0);
  if (v.negative) mpn_neg(limbs, limbs, size);
  if (bits % 64 != 0) limbs[size - 1] &= (uint64_t{1} << bits % 64) - 1;
  result.Finish(size, false);
  return result;
}

// A step takes a pair (a, b) to a later one, (m[0] a + m[1] b, m[2] a + m[3] b) / 2^(2 shift).
struct Step {
  uint64_t shift = 0;
  Integer m[4];
};

class BinaryGcd {
 public:
  // gcd(a, b); a is odd, b even.
  Integer Run(Integer a, Integer b) {
    while (true) {
      if (IntegerView(b).failed || IntegerView(a).failed) return Failed();
      if (IntegerView(b).IsZero()) return Integer(IntegerView(a).Magnitude());
      if (std::max(IntegerView(a).size, IntegerView(b).size) <= kLargeGcd) {
        return Gcd(a, ShiftRight(b, TrailingZeros(b), nullptr));
      }
      const Step step = Half(a, b, BitLength(a) / 2);
      Apply(step, &a, &b);
      if (IntegerView(b).failed || IntegerView(b).IsZero()) continue;
      Divide(&a, &b);
    }
  }

 private:
  // Half works on machine words up to this many bits: products of matrices have at most 2^(2 * 30).
  static constexpr uint64_t kWordBits = 30;

  static Integer Failed() {
    Integer result;
    result.Fail();
    return result;
  }

  static void Apply(const Step& step, Integer* a, Integer* b) {
    Integer x = Sum(Product(step.m[0], *a), Product(step.m[1], *b));
    Integer y = Sum(Product(step.m[2], *a), Product(step.m[3], *b));
    *a = ShiftRight(x, 2 * step.shift, nullptr);
    *b = ShiftRight(y, 2 * step.shift, nullptr);
  }

  // One division: (a, b) becomes (b, r) / 2^j. Returns q, and j.
  std::pair<Integer, uint64_t> Divide(Integer* a, Integer* b) {
    const uint64_t zeros = TrailingZeros(*b);
    Integer odd = ShiftRight(*b, zeros, nullptr);
    Integer q;
    if (odd.failed() || a->failed()) {
      q.Fail();
      a->Fail();
      b->Fail();
      return {std::move(q), zeros};
    }
    if (zeros < 62) {
      uint64_t low_a = IntegerView(*a).limbs[0];
      uint64_t low_b = IntegerView(odd).limbs[0];
      if (IntegerView(*a).negative) low_a = -low_a;
      if (IntegerView(odd).negative) low_b = -low_b;
      q = FromSigned(Centered(-low_a * InverseOfWord(low_b), zeros));
    } else {
      // The inverse to twice the bits each time.
      const uint64_t bits = zeros + 1;
      Integer inverse(1);
      for (uint64_t known = 1; known < bits && !inverse.failed(); known *= 2) {
        const uint64_t now = std::min(2 * known, bits);
        const Integer wrong = Difference(FromSigned(2), Product(LowBits(odd, now), inverse));
        inverse = LowBits(Product(inverse, wrong), now);
      }
      q = LowBits(Product(LowBits(IntegerView(*a).Negated(), bits), inverse), bits);
      if (BitLength(q) == bits) q = Difference(q, ShiftLeft(kOne, bits));
    }
    Integer r = Sum(*a, Product(q, odd));
    *b = ShiftRight(r, zeros, nullptr);
    *a = std::move(odd);
    return {std::move(q), zeros};
  }

  // The number congruent to v modulo 2^(j + 1) in the middle of its range.
  static int64_t Centered(uint64_t v, uint64_t j) {
    v &= (uint64_t{2} << j) - 1;
    return v >> j == 0 ? static_cast<int64_t>(v) : static_cast<int64_t>(v) - static_cast<int64_t>(uint64_t{2} << j);
  }

  // Divisions of the pair as long as their shifts add up to at most `bits`.
  Step HalfOfWords(uint64_t a, uint64_t b, uint64_t bits) {
    int64_t m[4] = {1, 0, 0, 1};
    Step step;
    while (b != 0) {
      const uint64_t j = static_cast<uint64_t>(__builtin_ctzll(b));
      if (step.shift + j > bits) break;
      const uint64_t odd = b >> j;
      const int64_t q = Centered(-a * InverseOfWord(odd), j);
      b = (a + static_cast<uint64_t>(q) * odd) >> j;
      a = odd;
      for (int i : {0, 1}) {
        const int64_t upper = m[i];
        m[i] = m[i + 2] << j;
        m[i + 2] = (upper << j) + q * m[i + 2];
      }
      step.shift += j;
    }
    for (int i = 0; i < 4; ++i) step.m[i] = FromSigned(m[i]);
    return step;
  }

  // The same for any number of bits: needs the lowest 2 * bits + 1 of both only.
  Step Half(IntegerView a, IntegerView b, uint64_t bits) {
    Step first;
    if (a.failed || b.failed || !steps_.Add(64 + bits / 16)) {
      for (Integer& m : first.m) m.Fail();
      return first;
    }
    if (bits <= kWordBits) {
      const Integer low_a = LowBits(a, 2 * bits + 1);
      const Integer low_b = LowBits(b, 2 * bits + 1);
      return HalfOfWords(IntegerView(low_a).limbs[0], IntegerView(low_b).IsZero() ? 0 : IntegerView(low_b).limbs[0],
                         bits);
    }
    if (b.IsZero() || TrailingZeros(b) > bits) {
      first.m[0] = Integer(1);
      first.m[3] = Integer(1);
      return first;
    }
    const uint64_t half = bits / 2;
    first = Half(LowBits(a, 2 * half + 1), LowBits(b, 2 * half + 1), half);
    Integer x(a);
    Integer y(b);
    Apply(first, &x, &y);
    if (x.failed() || y.failed() || IntegerView(y).IsZero() || TrailingZeros(y) + first.shift > bits) return first;
    const auto [q, zeros] = Divide(&x, &y);
    // After the division: its matrix is (0 2^j; 2^j q).
    Step middle;
    middle.shift = first.shift + zeros;
    for (int i : {0, 1}) {
      middle.m[i] = ShiftLeft(first.m[i + 2], zeros);
      middle.m[i + 2] = Sum(ShiftLeft(first.m[i], zeros), Product(q, first.m[i + 2]));
    }
    const uint64_t left = bits - middle.shift;
    Step second = Half(LowBits(x, 2 * left + 1), LowBits(y, 2 * left + 1), left);
    if (second.m[0].failed()) return second;
    if (second.shift == 0) return middle;
    Step whole;
    whole.shift = middle.shift + second.shift;
    for (int row : {0, 2}) {
      for (int column : {0, 1}) {
        whole.m[row + column] =
            Sum(Product(second.m[row], middle.m[column]), Product(second.m[row + 1], middle.m[column + 2]));
      }
    }
    return whole;
  }

  StepCounter steps_;
};

}  // namespace

Integer GcdLarge(IntegerView a, IntegerView b) {
  if (CompareMagnitudes(a, b) < 0) std::swap(a, b);
  Integer rest;
  Integer odd;
  if (a.size > b.size + b.size / 4) {  // the rest is about as long as b
    integers::Divide(a, b, nullptr, &rest);
    const IntegerView r = rest;
    if (r.failed) return Integer(r);
    if (r.IsZero()) return Integer(b);
    odd = ShiftRight(r, TrailingZeros(r), nullptr);
    a = b;
    b = odd;
  }
  return BinaryGcd().Run(Integer(a), Difference(b, a));
}

}  // namespace islet::vm::integers
