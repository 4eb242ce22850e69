// Integers as text and back, by halves: about as many digits on either side of a power of the radix.

#include <gmp.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "isolate/heap/poll.h"
#include "isolate/numbers/gmp_stack.h"
#include "isolate/numbers/large.h"

namespace islet::vm::integers {
namespace {

constexpr char kDigits[] = "0123456789abcdefghijklmnopqrstuvwxyz";

unsigned char DigitValue(char c) { return static_cast<unsigned char>(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10); }

// log2 of a radix that is a power of 2, else 0.
int BitsOfDigit(int radix) { return (radix & (radix - 1)) == 0 ? __builtin_ctz(static_cast<unsigned>(radix)) : 0; }

// Digits that kLargeText limbs hold for sure.
size_t LeafDigits(int radix) {
  return static_cast<size_t>(kLargeText * 64 / std::log2(static_cast<double>(radix)) * (1 - 1e-9));
}

// radix^(leaf digits * 2^i), for each i.
class Powers {
 public:
  explicit Powers(int radix) : radix_(radix) {}

  IntegerView Get(size_t i) {
    while (powers_.size() <= i) {
      if (powers_.empty()) {
        powers_.push_back(Power(Integer(static_cast<uint64_t>(radix_)), LeafDigits(radix_)));
      } else {
        powers_.push_back(Product(powers_.back(), powers_.back()));
      }
    }
    return powers_[i];
  }

 private:
  int radix_;
  std::vector<Integer> powers_;
};

class Writer {
 public:
  Writer(int radix, std::string* text) : radix_(radix), text_(text), first_(text->size()) {}

  // With as many leading zeros as make it `width` digits; none at the text's start.
  bool WriteLeaf(IntegerView v, size_t width) {
    limbs_.assign(v.limbs, v.limbs + v.size);  // mpn_get_str destroys its operand
    digits_.resize(DigitsBound(v, radix_) + 1);
    size_t count = 0;
    if (!v.IsZero()) {
      WithStackForGmp(v.size, [&] { count = mpn_get_str(digits_.data(), radix_, limbs_.data(), limbs_.size()); });
    }
    const auto begin = std::find_if(digits_.begin(), digits_.begin() + static_cast<ptrdiff_t>(count),
                                    [](unsigned char c) { return c != 0; });
    const size_t size = count - static_cast<size_t>(begin - digits_.begin());
    if (text_->size() != first_) text_->append(width - size, '0');
    for (size_t i = 0; i < size; ++i) text_->push_back(kDigits[begin[static_cast<ptrdiff_t>(i)]]);
    return Poll(1 + width);
  }

  // v, which is below the `level`th power, as so many digits.
  bool Write(IntegerView v, size_t level, Powers* powers) {
    if (level == 0) return WriteLeaf(v, LeafDigits(radix_));
    Integer upper;
    Integer lower;
    Divide(v, powers->Get(level - 1), &upper, &lower);
    if (upper.failed() || lower.failed() || !Write(upper, level - 1, powers)) return false;
    upper = Integer();
    return Write(lower, level - 1, powers);
  }

 private:
  int radix_;
  std::string* text_;
  size_t first_;
  std::vector<uint64_t> limbs_;
  std::vector<unsigned char> digits_;
};

Integer ReadLeaf(absl::string_view digits, int radix) {
  std::vector<unsigned char> values(digits.size());
  std::transform(digits.begin(), digits.end(), values.begin(), DigitValue);
  const double bits = static_cast<double>(digits.size()) * std::log2(static_cast<double>(radix));
  Integer result;
  // mpn_set_str may use a limb more than the result has.
  uint64_t* limbs = result.Resize(static_cast<size_t>(bits * (1 + 1e-9) / 64) + 3);
  if (limbs == nullptr || !Poll(1 + digits.size())) {
    result.Fail();
    return result;
  }
  size_t count = 0;
  WithStackForGmp(kLargeText, [&] { count = mpn_set_str(limbs, values.data(), values.size(), radix); });
  result.Finish(count, false);
  return result;
}

Integer Read(absl::string_view digits, int radix, Powers* powers) {
  const size_t leaf = LeafDigits(radix);
  if (digits.size() <= leaf) return ReadLeaf(digits, radix);
  size_t level = 0;
  while ((leaf << (level + 1)) < digits.size()) ++level;
  const size_t upper = digits.size() - (leaf << level);
  const Integer product = Product(Read(digits.substr(0, upper), radix, powers), powers->Get(level));
  if (product.failed()) {
    Integer failed;
    failed.Fail();
    return failed;
  }
  return Sum(product, Read(digits.substr(upper), radix, powers));
}

}  // namespace

void DigitsLarge(IntegerView v, int radix, std::string* text) {
  Writer writer(radix, text);
  if (const size_t bits = static_cast<size_t>(BitsOfDigit(radix)); bits != 0) {
    // `part` limbs are a whole number of digits.
    const size_t part = kLargeText / bits * bits;
    for (size_t end = (v.size + part - 1) / part * part; end != 0; end -= part) {
      const size_t at = end - part;
      if (!writer.WriteLeaf(ViewLimbs(v.limbs + at, std::min(part, v.size - at)), part * 64 / bits)) return;
    }
    return;
  }
  Powers powers(radix);
  size_t level = 0;
  for (;; ++level) {
    const IntegerView power = powers.Get(level);
    if (power.failed) return;
    if (CompareMagnitudes(v, power) < 0) break;
    // The square of this power would be longer for sure: no need to know it.
    if (power.size * 2 > v.size + 1) {
      ++level;
      break;
    }
  }
  (void)writer.Write(v, level, &powers);
}

Integer FromDigitsLarge(absl::string_view digits, int radix) {
  const size_t bits = static_cast<size_t>(BitsOfDigit(radix));
  if (bits == 0) {
    Powers powers(radix);
    return Read(digits, radix, &powers);
  }
  Integer result;
  const size_t size = (digits.size() * bits + 63) / 64;
  uint64_t* limbs = result.Resize(size);
  if (limbs == nullptr) return result;
  // Parts of as many digits as make whole limbs are read from the right.
  const size_t part = kLargeText * 64;
  for (size_t end = digits.size(), at = 0; end != 0;) {
    const size_t count = std::min(part, end);
    const Integer leaf = ReadLeaf(digits.substr(end - count, count), radix);
    const IntegerView view = leaf;
    if (view.failed) {
      result.Fail();
      return result;
    }
    const size_t reach = std::min(kLargeText * bits, size - at);
    std::copy(view.limbs, view.limbs + view.size, limbs + at);
    std::fill(limbs + at + view.size, limbs + at + reach, 0);
    at += reach;
    end -= count;
  }
  result.Finish(size, false);
  return result;
}

}  // namespace islet::vm::integers
