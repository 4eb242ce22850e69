// Quotients as C. Burnikel and J. Ziegler have them (Fast recursive division, 1998), and square roots after P.
// Zimmermann (Karatsuba square root, 1999): both lead to products of half the length, and to smaller ones of their own
// kind.

#include <gmp.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "isolate/heap/poll.h"
#include "isolate/heap/scratch.h"
#include "isolate/numbers/gmp_stack.h"
#include "isolate/numbers/large.h"

namespace islet::vm::integers {
namespace {

class Divider {
 public:
  // Scratch memory for divisors of `n` limbs.
  explicit Divider(size_t n) : spare_(TryNewScratch<uint64_t>(2 * n + 2)) {}
  bool failed() const { return spare_ == nullptr; }

  // q = a / d, of n limbs; a = a % d, of the 2n it had. d's highest bit is set, and a's upper half below d.
  [[nodiscard]] bool TwoByOne(uint64_t* q, uint64_t* a, const uint64_t* d, size_t n) {
    if (n <= kLargeQuotient || n % 2 != 0) {
      uint64_t* quotient = spare_.get();  // the highest limb is 0
      WithStackForGmp(2 * n, [&] { mpn_tdiv_qr(quotient, quotient + n + 1, 0, a, 2 * n, d, n); });
      std::copy(quotient, quotient + n, q);
      std::copy(quotient + n + 1, quotient + 2 * n + 1, a);
      return Poll(n * 50);
    }
    return ThreeByTwo(q + n / 2, a + n / 2, d, n / 2) && ThreeByTwo(q, a, d, n / 2);
  }

 private:
  // The same for 3h limbs divided by 2h, a quotient of h.
  [[nodiscard]] bool ThreeByTwo(uint64_t* q, uint64_t* a, const uint64_t* d, size_t h) {
    const uint64_t* d1 = d + h;
    uint64_t top = 0;  // above a's lower 2h limbs
    if (CompareMagnitudes(ViewLimbs(a + 2 * h, h), ViewLimbs(d1, h)) < 0) {
      if (!TwoByOne(q, a + h, d1, h)) return false;
    } else {  // equal: the quotient's largest value
      std::fill(q, q + h, ~uint64_t{0});
      if (!AddLimbs(a + h, a + h, d1, h, &top)) return false;
    }
    uint64_t borrow = 0;
    {
      const Scratch<uint64_t> product = TryNewScratch<uint64_t>(2 * h);
      if (product == nullptr || !MultiplyLimbs(product.get(), q, h, d, h) ||
          !SubtractLimbs(a, a, product.get(), 2 * h, &borrow)) {
        return false;
      }
    }
    while (borrow > top) {  // twice at most
      uint64_t carry = 0;
      mpn_sub_1(q, q, h, 1);
      if (!AddLimbs(a, a, d, 2 * h, &carry)) return false;
      top += carry;
    }
    return true;
  }

  Scratch<uint64_t> spare_;
};

// n / d for a short d: in parts of the quotient.
void DivideByShort(IntegerView n, IntegerView d, Integer* quotient, Integer* remainder) {
  const size_t part = std::max<size_t>(kLargeQuotient, 40000 / d.size);
  const size_t q_size = n.size - d.size + 1;
  uint64_t* q = quotient->Resize(q_size);
  const Scratch<uint64_t> numerator = TryNewScratch<uint64_t>(part + d.size);
  const Scratch<uint64_t> q_part = TryNewScratch<uint64_t>(part + 1);
  uint64_t* r = remainder->Resize(d.size);
  bool done = q != nullptr && r != nullptr && numerator != nullptr && q_part != nullptr;
  // The remainder so far: the highest d.size - 1 limbs of n, and a zero above them.
  if (done) {
    std::copy(n.limbs + q_size, n.limbs + n.size, r);
    r[d.size - 1] = 0;
  }
  for (size_t end = q_size; done && end != 0;) {
    const size_t size = std::min(part, end);
    const size_t at = end - size;
    std::copy(n.limbs + at, n.limbs + end, numerator.get());
    std::copy(r, r + d.size, numerator.get() + size);
    if (d.size == 1) {
      r[0] = mpn_divrem_1(q_part.get(), 0, numerator.get(), size + 1, d.limbs[0]);
    } else {
      WithStackForGmp(std::min(size + d.size, 2 * kLargeProduct),
                      [&] { mpn_tdiv_qr(q_part.get(), r, 0, numerator.get(), size + d.size, d.limbs, d.size); });
    }
    std::copy(q_part.get(), q_part.get() + size, q + at);
    end = at;
    done = Poll(1 + size * (1 + d.size / 16));
  }
  if (!done) {
    quotient->Fail();
    remainder->Fail();
    return;
  }
  quotient->Finish(q_size, false);
  remainder->Finish(d.size, false);
}

// n / d, whose quotient is shorter than d: by the leading limbs of both, as many as the quotient has, and one more.
void DivideByLeading(IntegerView n, IntegerView d, Integer* quotient, Integer* remainder) {
  const size_t cut = d.size - (n.size - d.size + 2);
  Integer q;
  Integer rest;
  Divide(ViewLimbs(n.limbs + cut, n.size - cut), ViewLimbs(d.limbs + cut, d.size - cut), &q, &rest);
  const Integer r = Sum(ShiftLeft(rest, uint64_t{cut} * 64), ViewLimbs(n.limbs, cut));
  Integer result = Difference(r, Product(q, ViewLimbs(d.limbs, cut)));
  // At most twice: the divisor's part is at least as large as the quotient's bound.
  while (!result.failed() && IntegerView(result).negative) {
    const uint64_t one = 1;
    q = Difference(q, {&one, 1, false, false});
    result = Sum(result, d);
  }
  *quotient = std::move(q);
  *remainder = std::move(result);
}

// n / d by parts of the quotient as long as d.
void DivideByBlocks(IntegerView n, IntegerView d, Integer* quotient, Integer* remainder) {
  size_t leaf = d.size;
  int halvings = 0;
  for (; leaf > kLargeQuotient; ++halvings) leaf = (leaf + 1) / 2;
  const size_t block = leaf << halvings;
  const uint64_t shift = uint64_t{block} * 64 - BitLength(d);
  const Integer divisor = ShiftLeft(d, shift);
  Integer dividend = ShiftLeft(n, shift);
  const IntegerView view = dividend;
  if (divisor.failed() || view.failed) {
    quotient->Fail();
    remainder->Fail();
    return;
  }
  const IntegerView d_view = divisor;
  // The quotient has `whole` blocks and a part of one above them. If that part is small, it is found first.
  const size_t whole = view.size / block - 1;
  const size_t above = view.size % block;
  Integer q_top;
  Integer r_top;
  const bool apart = above < block / 2;
  if (apart) Divide(ViewLimbs(view.limbs + whole * block, block + above), d_view, &q_top, &r_top);
  const IntegerView q_view = q_top;
  const IntegerView r_view = r_top;
  const size_t blocks = apart ? whole + 1 : whole + 2;
  const size_t q_size = (blocks - 1) * block + (apart ? q_view.size : 1);
  const Scratch<uint64_t> a = TryNewScratch<uint64_t>(blocks * block);
  uint64_t* q = quotient->Resize(q_size);
  Divider divider(block);
  if (q_view.failed || r_view.failed || a == nullptr || q == nullptr || divider.failed()) {
    quotient->Fail();
    remainder->Fail();
    return;
  }
  const size_t copied = apart ? whole * block : view.size;
  CopyBytes(a.get(), view.limbs, copied * sizeof(uint64_t));
  FillBytes(a.get() + copied, 0, (blocks * block - copied) * sizeof(uint64_t));
  uint64_t* const top = a.get() + (blocks - 1) * block;
  bool done = !Ended();
  if (apart) {
    CopyBytes(top, r_view.limbs, r_view.size * sizeof(uint64_t));
    CopyBytes(q + (blocks - 1) * block, q_view.limbs, q_view.size * sizeof(uint64_t));
    done = !Ended();
  } else {
    // The highest block may be as large as the divisor, but not twice as large.
    q[q_size - 1] = CompareMagnitudes(ViewLimbs(top, block), d_view) >= 0 ? 1 : 0;
    uint64_t borrow = 0;
    if (q[q_size - 1] != 0) done = SubtractLimbs(top, top, d_view.limbs, block, &borrow) && done;
  }
  for (size_t i = blocks - 1; done && i > 0; --i) {
    done = divider.TwoByOne(q + (i - 1) * block, a.get() + (i - 1) * block, d_view.limbs, block);
  }
  if (!done) {
    quotient->Fail();
    remainder->Fail();
    return;
  }
  quotient->Finish(q_size, false);
  *remainder = ShiftRight(ViewLimbs(a.get(), block), shift, nullptr);
}

// s*s + r = v, where v's length is even, and one of its two highest bits set.
void RootOfNormal(IntegerView v, Integer* s, Integer* r) {
  if (v.size <= kLargeRoot) {
    const size_t root_size = (v.size + 1) / 2;
    uint64_t* root = s->Resize(root_size);
    uint64_t* rest = r->Resize(v.size);
    if (root == nullptr || rest == nullptr || !Poll(v.size * 25)) {
      s->Fail();
      r->Fail();
      return;
    }
    size_t rest_size = 0;
    WithStackForGmp(v.size, [&] { rest_size = mpn_sqrtrem(root, rest, v.limbs, v.size); });
    s->Finish(root_size, false);
    r->Finish(rest_size, false);
    return;
  }
  const size_t quarter = v.size / 4;
  const uint64_t bits = uint64_t{quarter} * 64;
  Integer upper;
  Integer rest;
  RootOfNormal(ViewLimbs(v.limbs + 2 * quarter, v.size - 2 * quarter), &upper, &rest);
  Integer q;
  Integer u;
  Divide(Sum(ShiftLeft(rest, bits), ViewLimbs(v.limbs + quarter, quarter)), ShiftLeft(upper, 1), &q, &u);
  *s = Sum(ShiftLeft(upper, bits), q);
  *r = Difference(Sum(ShiftLeft(u, bits), ViewLimbs(v.limbs, quarter)), Product(q, q));
  while (!r->failed() && !s->failed() && IntegerView(*r).negative) {  // once at most
    const uint64_t one = 1;
    const IntegerView unit = {&one, 1, false, false};
    *r = Sum(*r, Difference(ShiftLeft(*s, 1), unit));
    *s = Difference(*s, unit);
  }
}

}  // namespace

void DivideLarge(IntegerView n, IntegerView d, Integer* quotient, Integer* remainder) {
  Integer q;
  Integer r;
  if (CompareMagnitudes(n, d) < 0) {
    r = Integer(n);
  } else if (d.size <= kLargeQuotient / 2) {
    DivideByShort(n, d, &q, &r);
  } else if (n.size - d.size + 2 < d.size) {
    DivideByLeading(n, d, &q, &r);
  } else {
    DivideByBlocks(n, d, &q, &r);
  }
  if (q.failed() || r.failed()) {
    q.Fail();
    r.Fail();
  }
  if (quotient != nullptr) *quotient = std::move(q);
  if (remainder != nullptr) *remainder = std::move(r);
}

void SquareRootLarge(IntegerView v, Integer* s, Integer* r) {
  // An even shift to a length that is a multiple of two limbs.
  const uint64_t wanted = (uint64_t{v.size} + 1) / 2 * 128;
  const uint64_t shift = (wanted - BitLength(v)) & ~uint64_t{1};
  if (shift == 0) return RootOfNormal(v, s, r);
  Integer root;
  Integer rest;
  const Integer shifted = ShiftLeft(v, shift);
  if (shifted.failed()) {
    s->Fail();
    r->Fail();
    return;
  }
  RootOfNormal(shifted, &root, &rest);
  *s = ShiftRight(root, shift / 2, nullptr);
  *r = Difference(v, Product(*s, *s));
}

}  // namespace islet::vm::integers
