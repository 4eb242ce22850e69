// Number to text: the shortest that reads back as the same number.

#include <charconv>
#include <cmath>
#include <cstring>
#include <system_error>

#include "isolate/numbers/complex.h"
#include "isolate/numbers/operands.h"

namespace islet::vm {
namespace {

// Numbers from 1e21 on, and below 1e-7, are written with an exponent.
constexpr int kLargestPlainExponent = 20;
constexpr int kSmallestPlainExponent = -7;

// 0.DIGITS * radix^point, without an exponent.
std::string Positional(absl::string_view digits, int point) {
  std::string text;
  const int count = static_cast<int>(digits.size());
  if (point <= 0) {
    text = "0.";
    text.append(static_cast<size_t>(-point), '0');
    text.append(digits.data(), digits.size());
  } else if (point >= count) {
    text.assign(digits.data(), digits.size());
    text.append(static_cast<size_t>(point - count), '0');
    text += '.';
    // With a sign, these would be read as something else, where their letters are digits.
    if (text != "inf." && text != "nan.") text += '0';
  } else {
    text.assign(digits.data(), static_cast<size_t>(point));
    text += '.';
    text.append(digits.data() + point, static_cast<size_t>(count - point));
  }
  return text;
}

// d > 0 and finite.
std::string Decimal(double d) {
  char buffer[32];
  const std::to_chars_result end = std::to_chars(buffer, buffer + sizeof(buffer), d, std::chars_format::scientific);
  // "d.ddde+xx", or "de+xx"
  const absl::string_view text(buffer, static_cast<size_t>(end.ptr - buffer));
  const size_t e = text.find('e');
  std::string digits(1, text[0]);
  if (e > 2) digits.append(text.data() + 2, e - 2);
  int exponent = 0;
  for (char c : text.substr(e + 2)) exponent = exponent * 10 + (c - '0');
  if (text[e + 1] == '-') exponent = -exponent;
  if (exponent >= kSmallestPlainExponent + 1 && exponent <= kLargestPlainExponent) {
    return Positional(digits, exponent + 1);
  }
  std::string result(1, digits[0]);
  if (digits.size() > 1) {
    result += '.';
    result.append(digits, 1, std::string::npos);
  }
  return result + 'e' + std::to_string(exponent);
}

// d > 0 and finite, in a radix other than ten: the free-format algorithm of Steele and White, as
// Burger and Dybvig have it ("Printing floating-point numbers quickly and accurately", 1996). v = r
// / s, and what rounds to v lies between (r - low) / s and (r + high) / s.
std::string InRadix(double d, int radix) {
  int exponent;
  const uint64_t mantissa = static_cast<uint64_t>(std::ldexp(std::frexp(d, &exponent), 53));
  exponent -= 53;
  uint64_t f = mantissa;
  if (exponent < -1074) {  // subnormal: its last bit is where all of those end
    f >>= -1074 - exponent;
    exponent = -1074;
  }
  const bool even = (f & 1) == 0;
  // Below a power of two the neighbour is twice as near.
  const bool uneven = f == uint64_t{1} << 52 && exponent > -1074;
  const int up = exponent > 0 ? exponent : 0;
  const int down = exponent < 0 ? -exponent : 0;
  Integer r = integers::ShiftLeft(Integer(f), up + (uneven ? 2 : 1));
  Integer s = integers::ShiftLeft(kOne, down + (uneven ? 2 : 1));
  Integer high = integers::ShiftLeft(kOne, up + (uneven ? 1 : 0));
  Integer low = integers::ShiftLeft(kOne, up);
  const Integer base(static_cast<uint64_t>(radix));
  // True if the number, rounded up as far as may be, reaches s.
  auto too_large = [&](const Integer& numerator, const Integer& margin) {
    const int order = integers::Compare(integers::Sum(numerator, margin), s);
    return order > 0 || (order == 0 && even);
  };
  int point = static_cast<int>(std::ceil(std::log2(d) / std::log2(radix) - 1e-10));
  if (point >= 0) {
    s = integers::Product(s, integers::Power(base, point));
  } else {
    const Integer scale = integers::Power(base, -point);
    r = integers::Product(r, scale);
    high = integers::Product(high, scale);
    low = integers::Product(low, scale);
  }
  if (too_large(r, high)) {
    s = integers::Product(s, base);
    ++point;
  }
  std::string digits;
  while (!r.failed() && !s.failed()) {
    r = integers::Product(r, base);
    high = integers::Product(high, base);
    low = integers::Product(low, base);
    Integer digit;
    Integer rest;
    integers::Divide(r, s, &digit, &rest);
    r = std::move(rest);
    const IntegerView view = digit;
    uint64_t value = view.IsZero() ? 0 : view.limbs[0];
    const int below = integers::Compare(r, low);
    const bool low_enough = below < 0 || (below == 0 && even);
    const bool high_enough = too_large(r, high);
    const bool done = low_enough || high_enough;
    if (high_enough && (!low_enough || integers::Compare(integers::ShiftLeft(r, 1), s) >= 0)) {
      ++value;
    }
    digits += "0123456789abcdefghijklmnopqrstuvwxyz"[value];
    if (done) break;
  }
  return Positional(digits, point);
}

std::string FlonumToString(double d, int radix) {
  if (std::isnan(d)) return "+nan.0";
  if (std::isinf(d)) return d < 0 ? "-inf.0" : "+inf.0";
  std::string text = std::signbit(d) ? "-" : "";
  if (d == 0) return text + "0.0";
  d = std::fabs(d);
  return text + (radix == 10 ? Decimal(d) : InRadix(d, radix));
}

// With a sign in any case.
std::string ImaginaryText(std::string text) {
  if (text[0] != '-' && text[0] != '+') text.insert(0, 1, '+');
  return text + 'i';
}

std::string ComplexToString(Heap& heap, Value v, int radix) {
  if (const Compnum* z = heap.TryGet<Compnum>(v)) {
    return FlonumToString(z->real, radix) + ImaginaryText(FlonumToString(z->imaginary, radix));
  }
  const ExactParts z(heap, v);
  std::string text;
  // Where i is a digit, +2i would be a real number.
  constexpr int kDigitI = 18;
  if (z.real != Value::Fixnum(0) || radix > kDigitI) text = NumberToString(heap, z.real, radix);
  if (z.imaginary == Value::Fixnum(1)) return text + "+i";
  if (z.imaginary == Value::Fixnum(-1)) return text + "-i";
  return text + ImaginaryText(NumberToString(heap, z.imaginary, radix));
}

}  // namespace

std::string NumberToString(Heap& heap, Value v, int radix) {
  if (v.IsFixnum()) {
    char buffer[40];
    const std::to_chars_result end = std::to_chars(buffer, buffer + sizeof(buffer), v.fixnum(), radix);
    return std::string(buffer, end.ptr);
  }
  if (v.IsFlonum()) return FlonumToString(heap.flonum(v), radix);
  if (!IsReal(heap, v)) return ComplexToString(heap, v, radix);
  const ExactOperand operand(heap, v);
  std::string text = integers::ToDigits(operand.numerator, radix);
  if (!operand.IsInteger()) text += '/' + integers::ToDigits(operand.denominator, radix);
  return text;
}

uint64_t NumberTextBytes(Heap& heap, Value v, int radix) {
  if (v.IsFixnum()) return 40;
  if (v.IsFlonum()) return radix == 10 ? 32 : 1200;
  if (IsInexactComplex(heap, v)) return 2400;
  if (const ExactCompnum* z = heap.TryGet<ExactCompnum>(v)) {
    return NumberTextBytes(heap, z->real, radix) + NumberTextBytes(heap, z->imaginary, radix) + 2;
  }
  const ExactOperand operand(heap, v);
  return integers::DigitsBound(operand.numerator, radix) + integers::DigitsBound(operand.denominator, radix) + 2;
}

}  // namespace islet::vm
