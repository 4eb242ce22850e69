#include "isolate/numbers/integer.h"

#include <gmp.h>
#include <mimalloc.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>

#include "isolate/heap/poll.h"
#include "isolate/numbers/gmp_stack.h"
#include "isolate/numbers/large.h"
#include "isolate/process/fork.h"

namespace islet::vm {

static_assert(sizeof(mp_limb_t) == sizeof(uint64_t) && GMP_NAIL_BITS == 0);

// Limbs of operands from which on a call of GMP takes a microsecond or more.
constexpr size_t kWorthPolling = 64;

// In a child that was forked, mimalloc would wait for ever for a thread that was in the midst of these.
static void* AllocateLimbs(size_t bytes) {
  const ForkGuard guard;
  return mi_malloc(bytes);
}

static void FreeLimbs(void* p) {
  const ForkGuard guard;
  mi_free(p);
}

Integer::Integer(uint64_t magnitude, bool negative) {
  inline_[0] = magnitude;
  Finish(1, negative);
}

Integer::Integer(IntegerView v) {
  if (v.failed) {
    Fail();
  } else if (uint64_t* limbs = Resize(v.size); limbs != nullptr) {
    if (v.size != 0) CopyBytes(limbs, v.limbs, v.size * sizeof(uint64_t));
    Finish(v.size, v.negative);
    FailIfEnded();
  }
}

Integer::Integer(Integer&& other) noexcept { Take(other); }

Integer& Integer::operator=(Integer&& other) noexcept {
  if (this != &other) {
    if (limbs_ != inline_) FreeLimbs(limbs_);
    Take(other);
  }
  return *this;
}

Integer::~Integer() {
  if (limbs_ != inline_) FreeLimbs(limbs_);
}

void Integer::Take(Integer& other) {
  size_ = other.size_;
  negative_ = other.negative_;
  failed_ = other.failed_;
  capacity_ = other.capacity_;
  if (other.limbs_ == other.inline_) {
    limbs_ = inline_;
    std::memcpy(inline_, other.inline_, size_ * sizeof(uint64_t));
  } else {
    limbs_ = std::exchange(other.limbs_, other.inline_);
    other.capacity_ = kInlineLimbs;
  }
  other.size_ = 0;
}

void Integer::FailIfEnded() {
  if (size_ >= kWorthPolling && Ended()) Fail();
}

void Integer::Fail() {
  size_ = 0;
  negative_ = false;
  failed_ = true;
}

uint64_t* Integer::Resize(size_t size) {
  if (size > capacity_) {
    void* buffer =
        size > std::numeric_limits<size_t>::max() / sizeof(uint64_t) ? nullptr : AllocateLimbs(size * sizeof(uint64_t));
    if (buffer == nullptr) {
      Fail();
      return nullptr;
    }
    if (limbs_ != inline_) FreeLimbs(limbs_);
    limbs_ = static_cast<uint64_t*>(buffer);
    capacity_ = size;
  }
  size_ = 0;
  failed_ = false;
  return limbs_;
}

void Integer::Finish(size_t size, bool negative) {
  while (size != 0 && limbs_[size - 1] == 0) --size;
  size_ = size;
  negative_ = negative && size != 0;
}

namespace integers {
namespace {

Integer Failed() {
  Integer result;
  result.Fail();
  return result;
}

// a + b, where b counts as negative if `b_negative`.
Integer SignedSum(IntegerView a, IntegerView b, bool b_negative) {
  if (a.failed || b.failed) return Failed();
  bool negative = a.negative;
  if (a.negative == b_negative || a.size == 0 || b.size == 0) {
    if (a.size < b.size) {
      std::swap(a, b);
      negative = b_negative;
    }
    Integer result;
    uint64_t* limbs = result.Resize(a.size + 1);
    if (limbs == nullptr) return result;
    if (b.size == 0) {
      if (a.size != 0) CopyBytes(limbs, a.limbs, a.size * sizeof(uint64_t));
      result.Finish(a.size, negative);
    } else if (a.size <= kLargePart) {
      limbs[a.size] = mpn_add(limbs, a.limbs, a.size, b.limbs, b.size);
      result.Finish(a.size + 1, negative);
    } else {
      uint64_t carry = 0;
      if (!AddLimbs(limbs, a.limbs, b.limbs, b.size, &carry) ||
          !AddCarry(limbs + b.size, a.limbs + b.size, a.size - b.size, &carry)) {
        return Failed();
      }
      limbs[a.size] = carry;
      result.Finish(a.size + 1, negative);
    }
    result.FailIfEnded();
    return result;
  }
  if (CompareMagnitudes(a, b) < 0) {
    std::swap(a, b);
    negative = b_negative;
  }
  Integer result;
  if (uint64_t* limbs = result.Resize(a.size); limbs != nullptr) {
    uint64_t borrow = 0;
    if (a.size <= kLargePart) {
      mpn_sub(limbs, a.limbs, a.size, b.limbs, b.size);
    } else if (!SubtractLimbs(limbs, a.limbs, b.limbs, b.size, &borrow) ||
               !SubtractBorrow(limbs + b.size, a.limbs + b.size, a.size - b.size, &borrow)) {
      return Failed();
    }
    result.Finish(a.size, negative);
  }
  return result;
}

// (mantissa + a fraction, not 0 if `sticky`) * 2^exponent, the mantissa's top bit being set,
// rounded to even.
double Compose(uint64_t mantissa, bool sticky, int64_t exponent) {
  const int64_t top = exponent + 63;
  if (top > 1023) return std::numeric_limits<double>::infinity();
  // Below the normal range, each halving costs a bit of precision.
  const int64_t precision = top >= -1022 ? 53 : 53 - (-1022 - top);
  if (precision < 0) return 0.0;
  const int drop = static_cast<int>(64 - precision);
  uint64_t kept = drop == 64 ? 0 : mantissa >> drop;
  const uint64_t half = uint64_t{1} << (drop - 1);
  const uint64_t rest = drop == 64 ? mantissa : mantissa & ((uint64_t{1} << drop) - 1);
  if (rest > half || (rest == half && (sticky || (kept & 1) != 0))) ++kept;
  return std::ldexp(static_cast<double>(kept), static_cast<int>(exponent + drop));
}

// The magnitude's 64 leading bits, so that |v| = (result + fraction) * 2^exponent. v is not 0.
uint64_t LeadingBits(IntegerView v, int64_t* exponent, bool* sticky) {
  const uint64_t top = v.limbs[v.size - 1];
  const int shift = __builtin_clzll(top);
  uint64_t bits = top << shift;
  size_t rest = v.size - 1;
  if (shift != 0 && rest != 0) {
    --rest;
    bits |= v.limbs[rest] >> (64 - shift);
    if ((v.limbs[rest] << shift) != 0) *sticky = true;
  }
  while (rest != 0 && !*sticky) *sticky = v.limbs[--rest] != 0;
  *exponent = static_cast<int64_t>(v.size) * 64 - 64 - shift;
  return bits;
}

// |n / d| = (result + fraction) * 2^exponent, with the result's top bit set. n and d are not 0.
uint64_t LeadingQuotientBits(IntegerView n, IntegerView d, int64_t* exponent, bool* sticky) {
  if (d.IsOne()) return LeadingBits(n, exponent, sticky);
  const int64_t shift = 66 - (static_cast<int64_t>(BitLength(n)) - static_cast<int64_t>(BitLength(d)));
  Integer quotient;
  Integer remainder;
  if (shift >= 0) {
    Divide(ShiftLeft(n.Magnitude(), static_cast<uint64_t>(shift)), d, &quotient, &remainder);
  } else {
    Divide(n.Magnitude(), ShiftLeft(d, static_cast<uint64_t>(-shift)), &quotient, &remainder);
  }
  const IntegerView q = quotient;
  if (q.IsZero()) return 0;  // no memory
  *sticky = !IntegerView(remainder).IsZero();
  const uint64_t bits = LeadingBits(q, exponent, sticky);
  *exponent -= shift;
  return bits;
}

double Log2(int radix) { return std::log2(static_cast<double>(radix)); }

}  // namespace

int CompareMagnitudes(IntegerView a, IntegerView b) {
  if (a.size != b.size) return a.size < b.size ? -1 : 1;
  if (a.size == 0) return 0;
  int order = 0;
  (void)InPartsBackward(0, a.size, kLargePart / kPollSteps, [&](uint64_t begin, uint64_t end) {
    if (order == 0) order = mpn_cmp(a.limbs + begin, b.limbs + begin, end - begin);
  });
  return order < 0 ? -1 : order > 0;
}

int Compare(IntegerView a, IntegerView b) {
  if (a.negative != b.negative) return a.negative ? -1 : 1;
  const int order = CompareMagnitudes(a, b);
  return a.negative ? -order : order;
}

uint64_t BitLength(IntegerView v) {
  if (v.size == 0) return 0;
  return uint64_t{v.size} * 64 - __builtin_clzll(v.limbs[v.size - 1]);
}

uint64_t TrailingZeros(IntegerView v) {
  size_t i = 0;
  StepCounter steps;
  while (v.limbs[i] == 0 && steps.Add(1)) ++i;
  if (v.limbs[i] == 0) return 0;  // the run is being ended
  return uint64_t{i} * 64 + __builtin_ctzll(v.limbs[i]);
}

Integer Sum(IntegerView a, IntegerView b) { return SignedSum(a, b, b.negative); }

Integer Difference(IntegerView a, IntegerView b) { return SignedSum(a, b, !b.negative); }

Integer Product(IntegerView a, IntegerView b) {
  if (a.failed || b.failed) return Failed();
  Integer result;
  if (a.size == 0 || b.size == 0) return result;
  if (a.size < b.size) std::swap(a, b);
  if (b.size >= kWorthPolling && Ended()) return Failed();
  uint64_t* limbs = result.Resize(a.size + b.size);
  if (limbs == nullptr) return result;
  if (a.size > kLargeProduct) {
    if (!MultiplyLimbs(limbs, a.limbs, a.size, b.limbs, b.size)) return Failed();
  } else if (b.size == 1) {
    limbs[a.size] = mpn_mul_1(limbs, a.limbs, a.size, b.limbs[0]);
  } else if (a.limbs == b.limbs && a.size == b.size) {
    WithStackForGmp(a.size, [&] { mpn_sqr(limbs, a.limbs, a.size); });
  } else {
    // By a short one, digit by digit.
    WithStackForGmp(b.size <= kNoStackForGmp ? 0 : a.size, [&] { mpn_mul(limbs, a.limbs, a.size, b.limbs, b.size); });
  }
  // Many of them together take long, too.
  if (b.size >= kWorthPolling && !Poll(1 + a.size * (1 + b.size / 8) / 8)) return Failed();
  result.Finish(a.size + b.size, a.negative != b.negative);
  return result;
}

void Divide(IntegerView n, IntegerView d, Integer* quotient, Integer* remainder) {
  Integer q;
  Integer r;
  if (n.failed || d.failed || d.size == 0 || (d.size >= kWorthPolling && Ended())) {
    q.Fail();
    r.Fail();
  } else if (n.size < d.size) {
    if (remainder != nullptr) r = Integer(n);
  } else if (n.size > kLargeQuotient) {
    DivideLarge(n.Magnitude(), d.Magnitude(), &q, &r);
    if (!q.failed()) {
      q.Finish(IntegerView(q).size, n.negative != d.negative);
      r.Finish(IntegerView(r).size, n.negative);
    }
  } else {
    const size_t q_size = n.size - d.size + 1;
    uint64_t* q_limbs = q.Resize(q_size);
    uint64_t* r_limbs = r.Resize(d.size);
    if (q_limbs == nullptr || r_limbs == nullptr) {
      q.Fail();
      r.Fail();
    } else {
      if (d.size == 1) {
        r_limbs[0] = mpn_divrem_1(q_limbs, 0, n.limbs, n.size, d.limbs[0]);
      } else {
        WithStackForGmp(n.size, [&] { mpn_tdiv_qr(q_limbs, r_limbs, 0, n.limbs, n.size, d.limbs, d.size); });
      }
      q.Finish(q_size, n.negative != d.negative);
      r.Finish(d.size, n.negative);
      if (d.size >= kWorthPolling && !Poll(1 + d.size * (1 + q_size / 4) / 8)) {
        q.Fail();
        r.Fail();
      }
    }
  }
  if (quotient != nullptr) *quotient = std::move(q);
  if (remainder != nullptr) *remainder = std::move(r);
}

Integer FloorQuotient(IntegerView n, IntegerView d) {
  Integer quotient;
  Integer remainder;
  Divide(n, d, &quotient, &remainder);
  const IntegerView r = remainder;
  if (!r.IsZero() && r.negative != d.negative) return Difference(quotient, Integer(1));
  return quotient;
}

Integer ExactQuotient(IntegerView n, IntegerView d) {
  if (d.IsOne()) return Integer(n);
  Integer quotient;
  Divide(n, d, &quotient, nullptr);
  return quotient;
}

Integer Gcd(IntegerView a, IntegerView b) {
  if (a.failed || b.failed) return Failed();
  if (a.size == 0) return Integer(b.Magnitude());
  if (b.size == 0) return Integer(a.Magnitude());
  if (a.size < b.size) std::swap(a, b);
  // One division makes a long number as short as a short one: gcd(a, b) = gcd(b, a mod b).
  if (a.size > kLargeQuotient && b.size <= kLargeGcd) {
    Integer rest;
    Divide(a, b, nullptr, &rest);
    return Gcd(b, rest);
  }
  if (b.size == 1) return Integer(mpn_gcd_1(a.limbs, a.size, b.limbs[0]));
  // mpn_gcd wants the second operand odd and no longer, bit by bit, than the first.
  const uint64_t a_zeros = TrailingZeros(a);
  const uint64_t b_zeros = TrailingZeros(b);
  Integer x = ShiftRight(a.Magnitude(), a_zeros, nullptr);
  Integer y = ShiftRight(b.Magnitude(), b_zeros, nullptr);
  if (CompareMagnitudes(x, y) < 0) std::swap(x, y);
  const IntegerView u = x;
  const IntegerView v = y;
  Integer result;
  if (u.failed || v.failed) return Failed();
  if (v.size > kLargeGcd) {
    result = GcdLarge(u, v);
  } else {
    uint64_t* limbs = result.Resize(v.size);
    if (limbs == nullptr) return result;
    // It destroys its operands, which are copies of ours.
    size_t size = 0;
    WithStackForGmp(u.size, [&] {
      size = mpn_gcd(limbs, const_cast<uint64_t*>(u.limbs), u.size, const_cast<uint64_t*>(v.limbs), v.size);
    });
    result.Finish(size, false);
    if (v.size >= kWorthPolling && !Poll(v.size * 60)) return Failed();
  }
  const uint64_t zeros = std::min(a_zeros, b_zeros);
  return zeros == 0 ? std::move(result) : ShiftLeft(result, zeros);
}

Integer ShiftLeft(IntegerView v, uint64_t bits) {
  if (v.failed) return Failed();
  Integer result;
  if (v.size == 0) return result;
  const size_t words = bits / 64;
  const size_t size = v.size + words + 1;
  uint64_t* limbs = result.Resize(size);
  if (limbs == nullptr) return result;
  if (words != 0) FillBytes(limbs, 0, words * sizeof(uint64_t));
  if (bits % 64 != 0) {
    uint64_t carry = 0;
    (void)InParts(0, v.size, kLargePart / kPollSteps, [&](uint64_t i, uint64_t end) {
      const uint64_t out = mpn_lshift(limbs + words + i, v.limbs + i, end - i, bits % 64);
      limbs[words + i] |= carry;
      carry = out;
    });
    limbs[size - 1] = carry;
  } else {
    CopyBytes(limbs + words, v.limbs, v.size * sizeof(uint64_t));
    limbs[size - 1] = 0;
  }
  result.Finish(size, v.negative);
  result.FailIfEnded();
  return result;
}

Integer ShiftRight(IntegerView v, uint64_t bits, bool* lost) {
  if (v.failed) return Failed();
  Integer result;
  if (lost != nullptr) *lost = v.size != 0 && TrailingZeros(v) < bits;
  const size_t words = bits / 64;
  if (words >= v.size) return result;
  const size_t size = v.size - words;
  uint64_t* limbs = result.Resize(size);
  if (limbs == nullptr) return result;
  if (bits % 64 != 0) {
    uint64_t carry = 0;
    (void)InPartsBackward(0, size, kLargePart / kPollSteps, [&](uint64_t i, uint64_t end) {
      const uint64_t out = mpn_rshift(limbs + i, v.limbs + words + i, end - i, bits % 64);
      limbs[end - 1] |= carry;
      carry = out;
    });
  } else {
    CopyBytes(limbs, v.limbs + words, size * sizeof(uint64_t));
  }
  result.Finish(size, v.negative);
  result.FailIfEnded();
  return result;
}

Integer Power(IntegerView base, uint64_t exponent) {
  if (base.failed) return Failed();
  if (exponent == 0) return Integer(1);
  if (base.size == 0) return Integer();
  const bool negative = base.negative && (exponent & 1) != 0;
  const uint64_t zeros = TrailingZeros(base);
  const Integer odd = ShiftRight(base.Magnitude(), zeros, nullptr);
  Integer result{IntegerView(odd)};
  if (!IntegerView(odd).IsOne()) {
    for (int bit = 62 - __builtin_clzll(exponent); bit >= 0 && !result.failed(); --bit) {
      result = Product(result, result);
      if ((exponent >> bit & 1) != 0) result = Product(result, odd);
    }
  }
  if (zeros != 0) result = ShiftLeft(result, zeros * exponent);
  const IntegerView view = result;
  if (negative && !view.failed) {
    result.Finish(view.size, true);
  }
  return result;
}

void SquareRoot(IntegerView v, Integer* s, Integer* r) {
  Integer root;
  Integer rest;
  if (v.failed) {
    root.Fail();
    rest.Fail();
  } else if (v.size > kLargeRoot) {
    SquareRootLarge(v.Magnitude(), &root, &rest);
    if (root.failed() || rest.failed()) {
      root.Fail();
      rest.Fail();
    }
  } else if (v.size != 0) {
    const size_t root_size = (v.size + 1) / 2;
    uint64_t* root_limbs = root.Resize(root_size);
    uint64_t* rest_limbs = rest.Resize(v.size);
    if (root_limbs == nullptr || rest_limbs == nullptr) {
      root.Fail();
      rest.Fail();
    } else {
      size_t rest_size = 0;
      WithStackForGmp(v.size, [&] { rest_size = mpn_sqrtrem(root_limbs, rest_limbs, v.limbs, v.size); });
      root.Finish(root_size, false);
      rest.Finish(rest_size, false);
    }
  }
  *s = std::move(root);
  if (r != nullptr) *r = std::move(rest);
}

Integer FromDigits(absl::string_view digits, int radix) {
  StepCounter steps;
  while (digits.size() > 1 && digits[0] == '0' && steps.Add(1)) digits.remove_prefix(1);
  auto value = [](char c) { return static_cast<unsigned char>(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10); };
  if (digits.size() <= 12) {  // 36^12 < 2^64
    uint64_t n = 0;
    for (char c : digits) n = n * radix + value(c);
    return Integer(n);
  }
  // A limb holds at least twelve digits.
  if (digits.size() / 12 > kLargeText) return FromDigitsLarge(digits, radix);
  unsigned char* values = static_cast<unsigned char*>(AllocateLimbs(digits.size()));
  if (values == nullptr) return Failed();
  for (size_t i = 0; i < digits.size(); ++i) values[i] = value(digits[i]);
  Integer result;
  const double bits = static_cast<double>(digits.size()) * Log2(radix);
  // mpn_set_str may use a limb more than the result has.
  const size_t size = static_cast<size_t>(bits * (1 + 1e-9) / 64) + 3;
  if (uint64_t* limbs = result.Resize(size); limbs != nullptr) {
    size_t count = 0;
    WithStackForGmp(size, [&] { count = mpn_set_str(limbs, values, digits.size(), radix); });
    result.Finish(count, false);
  }
  FreeLimbs(values);
  return result;
}

uint64_t DigitsBound(IntegerView v, int radix) {
  const double bits = static_cast<double>(BitLength(v));
  return static_cast<uint64_t>(bits * (1 + 1e-9) / Log2(radix)) + 3;
}

std::string ToDigits(IntegerView v, int radix) {
  if (v.size == 0) return "0";
  if (v.size > kLargeText) {
    std::string text;
    text.reserve(DigitsBound(v, radix) + 1);
    if (v.negative) text.push_back('-');
    DigitsLarge(v.Magnitude(), radix, &text);
    return text;
  }
  const Integer copy(v);  // mpn_get_str destroys its operand
  const IntegerView view = copy;
  if (view.failed) return "";
  std::string text(DigitsBound(v, radix) + 1, '\0');
  unsigned char* digits = reinterpret_cast<unsigned char*>(text.data()) + 1;
  size_t count = 0;
  WithStackForGmp(view.size, [&] { count = mpn_get_str(digits, radix, const_cast<uint64_t*>(view.limbs), view.size); });
  size_t leading = 0;
  while (leading + 1 < count && digits[leading] == 0) ++leading;
  for (size_t i = 0; i < count; ++i) {
    digits[i] = static_cast<unsigned char>("0123456789abcdefghijklmnopqrstuvwxyz"[digits[i]]);
  }
  text.resize(1 + count);
  if (v.negative) text[leading] = '-';
  text.erase(0, leading + (v.negative ? 0 : 1));
  return text;
}

double ToScaledDouble(IntegerView n, IntegerView d, int64_t* exponent) {
  bool sticky = false;
  const uint64_t bits = LeadingQuotientBits(n, d, exponent, &sticky);
  *exponent += 63;
  const double m = Compose(bits, sticky, -63);
  if (m < 2) return m;
  ++*exponent;
  return m / 2;
}

double ToDouble(IntegerView n, IntegerView d) {
  if (n.size == 0) return 0.0;
  bool sticky = false;
  int64_t exponent = 0;
  const uint64_t bits = LeadingQuotientBits(n, d, &exponent, &sticky);
  const double magnitude = bits == 0 ? std::nan("") : Compose(bits, sticky, exponent);
  return n.negative ? -magnitude : magnitude;
}

double ToDouble(IntegerView n) {
  const uint64_t one = 1;
  return ToDouble(n, {&one, 1, false, false});
}

}  // namespace integers
}  // namespace islet::vm
