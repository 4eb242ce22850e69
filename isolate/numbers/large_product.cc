// Products by the algorithm of Schoenhage and Strassen (Schnelle Multiplikation grosser Zahlen, 1971), one level of it:
// both factors are cut into pieces, the coefficients of polynomials, which are multiplied by way of Fourier transforms
// modulo 2^N + 1, where 2 is a root of unity and so a shift does for a multiplication. What is left to multiply are
// residues of at most kLargeProduct limbs: GMP's.

#include <gmp.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>

#include "isolate/heap/poll.h"
#include "isolate/heap/scratch.h"
#include "isolate/numbers/gmp_stack.h"
#include "isolate/numbers/large.h"

namespace islet::vm::integers {
namespace {

// Residues modulo 2^N + 1, N = 64 n, in n + 1 limbs: from 0 to 2^N, which alone has its last limb set.
class Ring {
 public:
  explicit Ring(size_t n) : n_(n) {}

  size_t limbs() const { return n_ + 1; }
  size_t bits() const { return n_ * 64; }

  void Add(uint64_t* r, const uint64_t* a, const uint64_t* b) const {
    r[n_] = a[n_] + b[n_] + mpn_add_n(r, a, b, n_);
    Reduce(r);
  }

  void Subtract(uint64_t* r, const uint64_t* a, const uint64_t* b) const {
    const uint64_t below = b[n_] + mpn_sub_n(r, a, b, n_);
    if (a[n_] >= below) {
      r[n_] = a[n_] - below;
    } else {  // -2^N is 1
      r[n_] = mpn_add_1(r, r, n_, below - a[n_]);
    }
    Reduce(r);
  }

  void Negate(uint64_t* r) const {
    if (r[n_] != 0) {  // -1
      r[n_] = 0;
      r[0] = 1;
    } else if (mpn_neg(r, r, n_) != 0) {
      r[n_] = mpn_add_1(r, r, n_, 1);
    }
  }

  // r = a * 2^shift for shift < N. Destroys a.
  void Shift(uint64_t* r, uint64_t* a, size_t shift) const {
    const size_t words = shift / 64;
    if (shift % 64 != 0) mpn_lshift(a, a, n_ + 1, shift % 64);
    // The upper part comes in again at the bottom, subtracted.
    uint64_t borrow = words == 0 ? 0 : mpn_neg(r, a + n_ - words, words);
    borrow = mpn_sub_1(r + words, a, n_ - words, borrow + a[n_]);
    r[n_] = borrow == 0 ? 0 : mpn_add_1(r, r, n_, 1);
  }

  // a = a * b; `product` has room for 2 n limbs.
  void Multiply(uint64_t* a, const uint64_t* b, uint64_t* product) const {
    if (a[n_] != 0) {
      std::memmove(a, b, limbs() * sizeof(uint64_t));
      return Negate(a);
    }
    if (b[n_] != 0) return Negate(a);
    WithStackForGmp(n_, [&] {
      if (a == b) {
        mpn_sqr(product, a, n_);
      } else {
        mpn_mul_n(product, a, b, n_);
      }
    });
    const uint64_t borrow = mpn_sub_n(a, product, product + n_, n_);
    a[n_] = borrow == 0 ? 0 : mpn_add_1(a, a, n_, 1);
  }

 private:
  void Reduce(uint64_t* r) const {
    const uint64_t above = r[n_];
    if (above == 0) return;
    r[n_] = mpn_sub_1(r, r, n_, above) == 0 ? 0 : mpn_add_1(r, r, n_, 1);
  }

  size_t n_;
};

// How a product is cut: 2^log pieces of `piece` limbs, residues of `n` limbs.
struct Plan {
  int log;
  size_t piece;
  size_t n;
};

Plan MakePlan(size_t an, size_t bn) {
  Plan best = {0, 0, 0};
  double least = 0;
  for (int log = 4; log <= 20; ++log) {
    const size_t count = size_t{1} << log;
    size_t piece = (an + bn + count - 1) >> log;
    while ((an + piece - 1) / piece + (bn + piece - 1) / piece > count + 1) ++piece;
    // The sum of `count` products; and a root of unity of order `count` must be a power of 2.
    const size_t step = std::max<size_t>(1, count / 128);
    const size_t n = (2 * piece + 1 + step - 1) / step * step;
    if (n > kLargeProduct) continue;
    // Nanoseconds, about: only their ratio matters.
    const double limbs = static_cast<double>(n);
    const double product = n < 30 ? limbs * limbs * 0.35 : 6.2 * std::pow(limbs, 1.4);
    const double cost = static_cast<double>(count) * (product + log * (1.8 * limbs + 60));
    if (best.log == 0 || cost < least) {
      best = {log, piece, n};
      least = cost;
    }
  }
  return best;
}

class Transform {
 public:
  Transform(const Plan& plan, uint64_t* spare) : ring_(plan.n), spare_(spare) {}

  // x[i] = the value at w^i, in bit-reversed order of i, of the polynomial with the coefficients x; w = 2^root.
  [[nodiscard]] bool Forward(uint64_t* x, size_t count, size_t root) {
    const size_t half = count / 2;
    uint64_t* y = x + half * ring_.limbs();
    for (size_t i = 0, shift = 0; i < half; ++i, shift += root) {
      uint64_t* a = x + i * ring_.limbs();
      uint64_t* b = y + i * ring_.limbs();
      if (shift == 0) {
        ring_.Subtract(spare_, a, b);
        ring_.Add(a, a, b);
        std::memcpy(b, spare_, ring_.limbs() * sizeof(uint64_t));
      } else {
        ring_.Subtract(spare_, a, b);
        ring_.Add(a, a, b);
        ring_.Shift(b, spare_, shift);
      }
      if (!steps_.Add(ring_.limbs() / 4 + 8)) return false;
    }
    return half == 1 || (Forward(x, half, root * 2) && Forward(y, half, root * 2));
  }

  // The inverse of Forward, but for a factor of `count`.
  [[nodiscard]] bool Backward(uint64_t* x, size_t count, size_t root) {
    const size_t half = count / 2;
    uint64_t* y = x + half * ring_.limbs();
    if (half != 1 && !(Backward(x, half, root * 2) && Backward(y, half, root * 2))) return false;
    for (size_t i = 0, shift = 0; i < half; ++i, shift += root) {
      uint64_t* a = x + i * ring_.limbs();
      uint64_t* b = y + i * ring_.limbs();
      if (shift == 0) {
        std::memcpy(spare_, b, ring_.limbs() * sizeof(uint64_t));
        ring_.Subtract(b, a, spare_);
        ring_.Add(a, a, spare_);
      } else {  // w^-i = -2^(N - shift)
        ring_.Shift(spare_, b, ring_.bits() - shift);
        ring_.Add(b, a, spare_);
        ring_.Subtract(a, a, spare_);
      }
      if (!steps_.Add(ring_.limbs() / 4 + 8)) return false;
    }
    return true;
  }

  // The pieces of a, then zeros.
  [[nodiscard]] bool Cut(const Plan& plan, const uint64_t* a, size_t an, uint64_t* x) {
    for (size_t i = 0; i >> plan.log == 0; ++i, x += ring_.limbs()) {
      const size_t at = i * plan.piece;
      const size_t size = at >= an ? 0 : std::min(plan.piece, an - at);
      if (size != 0) std::memcpy(x, a + at, size * sizeof(uint64_t));
      std::memset(x + size, 0, (ring_.limbs() - size) * sizeof(uint64_t));
      if (!steps_.Add(ring_.limbs() / 8)) return false;
    }
    return true;
  }

  [[nodiscard]] bool MultiplyAll(uint64_t* x, const uint64_t* y, size_t count, uint64_t* product) {
    for (size_t i = 0; i < count; ++i) {
      ring_.Multiply(x + i * ring_.limbs(), y + i * ring_.limbs(), product);
      if (!steps_.Add(ring_.limbs() * (ring_.limbs() / 64 + 1))) return false;
    }
    return true;
  }

  // r = the sum of x[i] * 2^(64 i piece) / 2^log.
  [[nodiscard]] bool Assemble(const Plan& plan, uint64_t* x, uint64_t* r, size_t size) {
    for (size_t at = 0; at < size; at += plan.piece, x += ring_.limbs()) {
      ring_.Shift(spare_, x, ring_.bits() - static_cast<size_t>(plan.log));
      ring_.Negate(spare_);
      // Up to where earlier pieces have reached, r is filled.
      const size_t filled = at == 0 ? 0 : std::min(size - at, ring_.limbs() - plan.piece);
      const size_t reach = std::min(size - at, ring_.limbs());
      std::memset(r + at + filled, 0, (reach - filled) * sizeof(uint64_t));
      mpn_add_n(r + at, r + at, spare_, reach);
      if (!steps_.Add(ring_.limbs() / 4 + 8)) return false;
    }
    return true;
  }

 private:
  Ring ring_;
  uint64_t* spare_;
  StepCounter steps_;
};

bool MultiplyByTransform(uint64_t* r, const uint64_t* a, size_t an, const uint64_t* b, size_t bn) {
  const Plan plan = MakePlan(an, bn);
  const size_t count = size_t{1} << plan.log;
  const size_t size = count * (plan.n + 1);
  const bool square = a == b && an == bn;
  const Scratch<uint64_t> x = TryNewScratch<uint64_t>(size);
  const Scratch<uint64_t> y = square ? nullptr : TryNewScratch<uint64_t>(size);
  const Scratch<uint64_t> spare = TryNewScratch<uint64_t>(3 * plan.n + 3);
  if (plan.log == 0 || x == nullptr || (!square && y == nullptr) || spare == nullptr) return false;
  Transform transform(plan, spare.get());
  const size_t root = 128 * plan.n / count;
  if (!transform.Cut(plan, a, an, x.get()) || !transform.Forward(x.get(), count, root)) return false;
  if (!square && !(transform.Cut(plan, b, bn, y.get()) && transform.Forward(y.get(), count, root))) {
    return false;
  }
  return transform.MultiplyAll(x.get(), square ? x.get() : y.get(), count, spare.get() + plan.n + 1) &&
         transform.Backward(x.get(), count, root) && transform.Assemble(plan, x.get(), r, an + bn);
}

// a in parts of `part` limbs, each multiplied by `multiply`.
template <typename Multiply>
bool MultiplyInParts(uint64_t* r, const uint64_t* a, size_t an, const uint64_t* b, size_t bn, size_t part,
                     Multiply&& multiply) {
  const Scratch<uint64_t> product = TryNewScratch<uint64_t>(part + bn);
  if (product == nullptr) return false;
  for (size_t at = 0; at < an; at += part) {
    const size_t size = std::min(part, an - at);
    if (at == 0) {
      if (!multiply(r, a, size, b, bn)) return false;
      continue;
    }
    if (!multiply(product.get(), a + at, size, b, bn)) return false;
    uint64_t carry = 0;
    if (!AddLimbs(r + at, r + at, product.get(), bn, &carry)) return false;
    if (!AddCarry(r + at + bn, product.get() + bn, size, &carry)) return false;
  }
  return true;
}

}  // namespace

IntegerView ViewLimbs(const uint64_t* limbs, size_t size) {
  while (size != 0 && limbs[size - 1] == 0) --size;
  return {limbs, size, false, false};
}

bool AddLimbs(uint64_t* r, const uint64_t* a, const uint64_t* b, size_t n, uint64_t* carry) {
  return InParts(0, n, kLargePart / kPollSteps, [&](uint64_t i, uint64_t end) {
    if (i == end) return;
    const uint64_t out = mpn_add_n(r + i, a + i, b + i, end - i);
    *carry = out + mpn_add_1(r + i, r + i, end - i, *carry);
  });
}

bool SubtractLimbs(uint64_t* r, const uint64_t* a, const uint64_t* b, size_t n, uint64_t* carry) {
  return InParts(0, n, kLargePart / kPollSteps, [&](uint64_t i, uint64_t end) {
    if (i == end) return;
    const uint64_t out = mpn_sub_n(r + i, a + i, b + i, end - i);
    *carry = out + mpn_sub_1(r + i, r + i, end - i, *carry);
  });
}

bool AddCarry(uint64_t* r, const uint64_t* a, size_t n, uint64_t* carry) {
  return InParts(0, n, kLargePart / kPollSteps, [&](uint64_t i, uint64_t end) {
    if (i != end) *carry = mpn_add_1(r + i, a + i, end - i, *carry);
  });
}

bool SubtractBorrow(uint64_t* r, const uint64_t* a, size_t n, uint64_t* borrow) {
  return InParts(0, n, kLargePart / kPollSteps, [&](uint64_t i, uint64_t end) {
    if (i != end) *borrow = mpn_sub_1(r + i, a + i, end - i, *borrow);
  });
}

bool MultiplyLimbs(uint64_t* r, const uint64_t* a, size_t an, const uint64_t* b, size_t bn) {
  if (bn <= kLargeProduct) {
    const size_t part = std::max(kLargeProduct, 400000 / bn);
    const auto multiply = [](uint64_t* to, const uint64_t* x, size_t xn, const uint64_t* y, size_t yn) {
      const size_t shorter = std::min(xn, yn);
      WithStackForGmp(shorter <= kNoStackForGmp ? 0 : std::min(std::max(xn, yn), 3 * shorter), [&] {
        if (x == y && xn == yn) {
          mpn_sqr(to, x, xn);
        } else if (xn >= yn) {
          mpn_mul(to, x, xn, y, yn);
        } else {
          mpn_mul(to, y, yn, x, xn);
        }
      });
      return true;
    };
    if (an <= part) return multiply(r, a, an, b, bn);
    return MultiplyInParts(r, a, an, b, bn, part,
                           [&](uint64_t* to, const uint64_t* x, size_t xn, const uint64_t* y, size_t yn) {
                             return multiply(to, x, xn, y, yn) && Poll(1 + xn * (1 + yn / 8) / 8);
                           });
  }
  if (an <= 3 * bn) return MultiplyByTransform(r, a, an, b, bn);
  return MultiplyInParts(r, a, an, b, bn, 2 * bn,
                         [](uint64_t* to, const uint64_t* x, size_t xn, const uint64_t* y, size_t yn) {
                           return xn >= yn ? MultiplyLimbs(to, x, xn, y, yn) : MultiplyLimbs(to, y, yn, x, xn);
                         });
}

}  // namespace islet::vm::integers
