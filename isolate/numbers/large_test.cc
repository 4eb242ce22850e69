// Operations on long integers, against one call of GMP each: sizes around the thresholds and beyond, random operands
// and ones that are mostly ones or zeros.

#include "isolate/numbers/large.h"

#include <gmp.h>

#include <algorithm>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "isolate/heap/poll.h"
#include "isolate/numbers/integer.h"

namespace islet::vm::integers {
namespace {

using Limbs = std::vector<uint64_t>;

class LargeTest : public ::testing::Test {
 protected:
  size_t Between(size_t least, size_t most) { return least + random_() % (most - least + 1); }

  // A number of exactly `size` limbs.
  Limbs Number(size_t size) {
    Limbs limbs(size);
    switch (random_() % 5) {
      case 0:  // 2^n - 1
        std::fill(limbs.begin(), limbs.end(), ~uint64_t{0});
        break;
      case 1:  // 2^n
        limbs.back() = uint64_t{1} << random_() % 64;
        break;
      case 2:  // runs of ones and zeros
        for (size_t i = 0; i < size;) {
          const size_t end = std::min(size, i + 1 + random_() % 500);
          const uint64_t fill = random_() % 2 == 0 ? 0 : ~uint64_t{0};
          for (; i < end; ++i) limbs[i] = fill;
          limbs[i - 1] ^= random_() % 2 == 0 ? 0 : random_();
        }
        limbs.back() |= 1;
        break;
      default:
        for (uint64_t& limb : limbs) limb = random_();
        limbs.back() |= 1;
        break;
    }
    return limbs;
  }

  std::mt19937_64 random_{20261121};
};

IntegerView View(const Limbs& limbs) { return ViewLimbs(limbs.data(), limbs.size()); }

Limbs ToLimbs(IntegerView v) {
  EXPECT_FALSE(v.failed);
  return Limbs(v.limbs, v.limbs + v.size);
}

Limbs Trimmed(Limbs limbs) {
  while (!limbs.empty() && limbs.back() == 0) limbs.pop_back();
  return limbs;
}

Limbs MultiplyAtOnce(const Limbs& a, const Limbs& b) {
  Limbs r(a.size() + b.size());
  if (a.size() >= b.size()) {
    mpn_mul(r.data(), a.data(), a.size(), b.data(), b.size());
  } else {
    mpn_mul(r.data(), b.data(), b.size(), a.data(), a.size());
  }
  return Trimmed(r);
}

TEST_F(LargeTest, Products) {
  for (int i = 0; i < 90; ++i) {
    const size_t least = i % 3 == 0 ? 1 : kLargeProduct - 20;
    const size_t most = i % 3 == 2 ? 20 * kLargeProduct : kLargeProduct + 20;
    const Limbs a = Number(Between(least, most));
    const Limbs b = Number(i % 4 == 0 ? Between(1, most) : Between(least, most));
    ASSERT_EQ(ToLimbs(Product(View(a), View(b))), MultiplyAtOnce(a, b)) << a.size() << " " << b.size();
    ASSERT_EQ(ToLimbs(Product(View(a), View(a))), MultiplyAtOnce(a, a)) << a.size();
  }
  for (size_t size : {1, 2, 7, 100, 1999, 2000, 2001, 30000}) {
    const Limbs a = Number(200003);
    const Limbs b = Number(size);
    ASSERT_EQ(ToLimbs(Product(View(a), View(b))), MultiplyAtOnce(a, b)) << size;
  }
}

TEST_F(LargeTest, SumsAndShifts) {
  for (int i = 0; i < 40; ++i) {
    const Limbs a = Number(Between(kLargePart - 2, 4 * kLargePart));
    const Limbs b = Number(i % 2 == 0 ? Between(1, 100) : Between(kLargePart - 2, 4 * kLargePart));
    const Integer sum = Sum(View(a), View(b));
    ASSERT_EQ(ToLimbs(Difference(sum, View(b))), a);
    ASSERT_EQ(ToLimbs(Difference(sum, View(a))), b);
    const Limbs& longer = a.size() >= b.size() ? a : b;
    const Limbs& shorter = a.size() >= b.size() ? b : a;
    Limbs expected(longer.size() + 1);
    expected.back() = mpn_add(expected.data(), longer.data(), longer.size(), shorter.data(), shorter.size());
    ASSERT_EQ(ToLimbs(sum), Trimmed(expected));
    const uint64_t bits = Between(0, 10000);
    const Integer shifted = ShiftLeft(View(a), bits);
    Limbs power(bits / 64 + 1);
    power.back() = uint64_t{1} << bits % 64;
    ASSERT_EQ(ToLimbs(shifted), MultiplyAtOnce(a, power));
    bool lost = true;
    ASSERT_EQ(ToLimbs(ShiftRight(shifted, bits, &lost)), a);
    ASSERT_FALSE(lost);
  }
}

TEST_F(LargeTest, Quotients) {
  for (int i = 0; i < 200; ++i) {
    const size_t d_size = i % 4 == 0   ? Between(1, 40)
                          : i % 4 == 1 ? Between(kLargeQuotient / 2 - 5, kLargeQuotient / 2 + 5)
                                       : Between(kLargeQuotient - 10, 12 * kLargeQuotient);
    const size_t q_size = i % 3 == 0 ? Between(1, 40) : Between(kLargeQuotient - 10, 12 * kLargeQuotient);
    const Limbs d = Number(d_size);
    Limbs n = Number(d_size + q_size - 1);
    if (i % 5 == 0) n = ToLimbs(Difference(Product(View(d), View(n)), Integer(1)));  // all but the next quotient
    if (i % 5 == 1) n = ToLimbs(Product(View(d), View(n)));
    Integer q;
    Integer r;
    Divide(View(n), View(d), &q, &r);
    if (n.size() < d.size()) {
      ASSERT_TRUE(IntegerView(q).IsZero());
      continue;
    }
    Limbs expected_q(n.size() - d.size() + 1);
    Limbs expected_r(d.size());
    mpn_tdiv_qr(expected_q.data(), expected_r.data(), 0, n.data(), n.size(), d.data(), d.size());
    ASSERT_EQ(ToLimbs(q), Trimmed(expected_q)) << n.size() << " / " << d.size();
    ASSERT_EQ(ToLimbs(r), Trimmed(expected_r)) << n.size() << " / " << d.size();
  }
}

TEST_F(LargeTest, SquareRoots) {
  for (int i = 0; i < 60; ++i) {
    Limbs v = Number(i % 2 == 0 ? Between(kLargeRoot - 5, kLargeRoot + 8) : Between(kLargeRoot, 10 * kLargeRoot));
    if (i % 3 == 0) v = ToLimbs(Product(View(v), View(v)));
    if (i % 6 == 0) v = ToLimbs(Difference(View(v), Integer(1)));
    Integer s;
    Integer r;
    SquareRoot(View(v), &s, &r);
    Limbs root((v.size() + 1) / 2);
    Limbs rest(v.size());
    mpn_sqrtrem(root.data(), rest.data(), v.data(), v.size());
    ASSERT_EQ(ToLimbs(s), root) << v.size();
    const size_t rest_size = mpn_sqrtrem(root.data(), rest.data(), v.data(), v.size());
    rest.resize(rest_size);
    ASSERT_EQ(ToLimbs(r), rest) << v.size();
  }
}

TEST_F(LargeTest, GreatestCommonDivisors) {
  for (int i = 0; i < 60; ++i) {
    const size_t least = i % 2 == 0 ? 1 : kLargeGcd - 10;
    const Limbs common = Number(i % 3 == 0 ? 1 : Between(1, 2 * kLargeGcd));
    const Limbs a = MultiplyAtOnce(common, Number(Between(least, 4 * kLargeGcd)));
    const Limbs b = MultiplyAtOnce(common, Number(Between(least, 4 * kLargeGcd)));
    mpz_t x, y, z;
    mpz_init(z);
    const mpz_srcptr p = mpz_roinit_n(x, a.data(), static_cast<mp_size_t>(a.size()));
    const mpz_srcptr q = mpz_roinit_n(y, b.data(), static_cast<mp_size_t>(b.size()));
    mpz_gcd(z, p, q);
    const Limbs expected(mpz_limbs_read(z), mpz_limbs_read(z) + mpz_size(z));
    mpz_clear(z);
    ASSERT_EQ(ToLimbs(Gcd(View(a), View(b))), expected) << a.size() << " " << b.size();
  }
}

TEST_F(LargeTest, Texts) {
  constexpr char kDigits[] = "0123456789abcdefghijklmnopqrstuvwxyz";
  for (int radix = 2; radix <= 36; ++radix) {
    for (size_t size : {kLargeText - 1, kLargeText, kLargeText + 1, 2 * kLargeText, Between(1, 10 * kLargeText)}) {
      const Limbs v = Number(size);
      Limbs copy = v;
      std::string expected(size * 64 + 2, '\0');
      expected.resize(mpn_get_str(reinterpret_cast<unsigned char*>(expected.data()), radix, copy.data(), size));
      for (char& c : expected) c = kDigits[static_cast<unsigned char>(c)];
      expected.erase(0, expected.find_first_not_of('0'));
      ASSERT_EQ(ToDigits(View(v), radix), expected) << radix << " " << size;
      ASSERT_EQ(ToLimbs(FromDigits(expected, radix)), v) << radix << " " << size;
      ASSERT_EQ(ToLimbs(FromDigits("000" + expected, radix)), v) << radix << " " << size;
    }
  }
}

// Wherever a run is ended, the result has failed, and nothing reads limbs that are not there.
TEST_F(LargeTest, EveryPollMayEndTheRun) {
  struct Polls {
    uint64_t left;
    uint64_t seen = 0;
    static bool Poll(void* context, uint64_t steps) {
      auto* self = static_cast<Polls*>(context);
      if (steps == 0) return self->left != 0;
      ++self->seen;
      if (self->left != 0) --self->left;
      return self->left != 0;
    }
  };
  const Limbs a = Number(30000);
  const Limbs b = Number(7001);
  Limbs c(1200);
  Limbs d(1100);
  for (Limbs* limbs : {&c, &d}) {
    for (uint64_t& limb : *limbs) limb = random_() | 1;
  }
  const std::string text = ToDigits(View(b), 10);
  const auto all = [&](int operation) {
    Integer x;
    Integer y;
    switch (operation) {
      case 0:
        return Product(View(a), View(b)).failed();
      case 1:
        Divide(View(a), View(b), &x, &y);
        return x.failed() && y.failed();
      case 2:
        SquareRoot(View(a), &x, &y);
        return x.failed() && y.failed();
      case 3:
        return Gcd(View(c), View(d)).failed();
      case 4:
        return FromDigits(text, 10).failed();
      default:
        return ToDigits(View(b), 10) != text;
    }
  };
  for (int operation = 0; operation < 6; ++operation) {
    Polls whole{~uint64_t{0}};
    {
      const PollScope scope({&Polls::Poll, &whole});
      ASSERT_FALSE(all(operation)) << operation;
    }
    ASSERT_GT(whole.seen, 3u) << operation;
    for (uint64_t stop = 1; stop < whole.seen; stop += 1 + random_() % (1 + whole.seen / 40)) {
      Polls some{stop};
      const PollScope scope({&Polls::Poll, &some});
      ASSERT_TRUE(all(operation)) << operation << " at poll " << stop << " of " << whole.seen;
      // It ends soon after, since each further poll of a step is refused as well.
      ASSERT_LE(some.seen, stop + 40) << operation;
    }
  }
}

}  // namespace
}  // namespace islet::vm::integers
