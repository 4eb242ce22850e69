// Text to number: the grammar of R7RS 7.1.1.

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <string>
#include <system_error>

#include "absl/strings/numbers.h"
#include "isolate/heap/poll.h"
#include "isolate/heap/scratch.h"
#include "isolate/numbers/operands.h"

namespace islet::vm {
namespace {

// Decimal exponents of exact numbers are refused beyond this: 10^500000 takes 200 KiB.
constexpr int64_t kLargestExactExponent = 500'000;

char ToLower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

int DigitValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  c = ToLower(c);
  return c >= 'a' && c <= 'z' ? c - 'a' + 10 : 99;
}

// The digits at the start of `text`, cut off it.
absl::string_view TakeDigits(absl::string_view* text, int radix) {
  size_t n = 0;
  StepCounter steps;
  while (n < text->size() && DigitValue((*text)[n]) < radix) {
    if (++n % kBytesPerStep == 0 && !steps.Add(1)) break;
  }
  const absl::string_view digits = text->substr(0, n);
  text->remove_prefix(n);
  return digits;
}

bool EqualsIgnoringCase(absl::string_view text, absl::string_view lower) {
  if (text.size() != lower.size()) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    if (ToLower(text[i]) != lower[i]) return false;
  }
  return true;
}

// A decimal number taken apart: digits "12" and "50", exponent -3 for 12.50e-3.
struct Decimal {
  absl::string_view integer;
  absl::string_view fraction;
  int64_t exponent = 0;
};

// Nothing if the value is null; kException (no memory) becomes nothing too.
std::optional<Value> Result(Value v) {
  if (v == kException) return std::nullopt;
  return v;
}

Integer DigitsOf(const Decimal& decimal, int radix, bool negative) {
  const size_t size = decimal.integer.size() + decimal.fraction.size();
  const Scratch<char> digits = TryNewScratch<char>(size + 1);
  if (digits == nullptr) {
    Integer failed;
    failed.Fail();
    return failed;
  }
  CopyBytes(digits.get(), decimal.integer.data(), decimal.integer.size());
  CopyBytes(digits.get() + decimal.integer.size(), decimal.fraction.data(), decimal.fraction.size());
  Integer n = integers::FromDigits(absl::string_view(digits.get(), size), radix);
  const IntegerView view = n;
  if (!view.failed) n.Finish(view.size, negative);
  return n;
}

std::optional<Value> ExactDecimal(Heap& heap, const Decimal& decimal, int radix, bool negative) {
  const Integer n = DigitsOf(decimal, radix, negative);
  if (n.failed()) return std::nullopt;
  if (IntegerView(n).IsZero()) return Value::Fixnum(0);
  const int64_t scale = decimal.exponent - static_cast<int64_t>(decimal.fraction.size());
  if (decimal.exponent > kLargestExactExponent || decimal.exponent < -kLargestExactExponent) {
    return std::nullopt;
  }
  const Integer power = integers::Power(Integer(radix), static_cast<uint64_t>(scale < 0 ? -scale : scale));
  if (scale >= 0) return Result(MakeInteger(heap, integers::Product(n, power), nullptr));
  return Result(MakeRatio(heap, n, power, nullptr));
}

// A long decimal, as a short one that is rounded alike: no two doubles, nor what lies between two, differ from a
// decimal behind its first 800 digits only. A 1 stands for all others, if one of them is not 0.
std::string Shortened(const Decimal& decimal, bool negative) {
  constexpr size_t kDigits = 800;
  constexpr int64_t kLargestExponent = int64_t{1} << 50;
  std::string digits = negative ? "-" : "";
  const size_t sign = digits.size();
  int64_t cut = 0;  // digits of the integer part that were left out, less digits of the fraction that were not
  bool more = false;
  StepCounter steps;
  const auto take = [&](absl::string_view part, int64_t if_cut, int64_t if_taken) {
    for (const char c : part) {
      if (!steps.Add(1)) return;
      const bool taken = digits.size() - sign < kDigits && (c != '0' || digits.size() > sign);
      if (taken) digits.push_back(c);
      more |= !taken && c != '0';
      // A 0 in front of all others counts for nothing in the integer part, and is a place in the fraction.
      const bool leading = digits.size() == sign;
      cut += taken || (leading && if_taken != 0) ? if_taken : leading ? 0 : if_cut;
    }
  };
  take(decimal.integer, 1, 0);
  take(decimal.fraction, 0, -1);
  if (digits.size() == sign) digits.push_back('0');
  if (more) {
    digits.push_back('1');
    --cut;
  }
  const int64_t exponent = std::clamp(decimal.exponent, -kLargestExponent, kLargestExponent) + cut;
  digits.push_back('e');
  digits.append(std::to_string(exponent));
  return digits;
}

// `text` is a well-formed decimal with the parts given; a minus sign in front is part of it.
double InexactDecimal(absl::string_view text, const Decimal& decimal) {
  constexpr size_t kLong = 2000;
  if (text.size() > kLong) {
    const std::string digits = Shortened(decimal, text[0] == '-');
    const size_t sign = text[0] == '-' ? 1 : 0;
    const absl::string_view all = digits;
    const size_t e = all.find('e');
    Decimal same;
    same.integer = all.substr(sign, e - sign);
    if (!absl::SimpleAtoi(all.substr(e + 1), &same.exponent)) return 0;  // excluded
    return InexactDecimal(digits, same);
  }
  double d = 0;
  const std::from_chars_result result =
      std::from_chars(text.data(), text.data() + text.size(), d, std::chars_format::general);
  if (result.ec != std::errc::result_out_of_range) return d;
  // from_chars does not say on which side: look where the first digit that is not 0 stands.
  int64_t place = decimal.exponent;
  const size_t in_integer = decimal.integer.find_first_not_of('0');
  if (in_integer != absl::string_view::npos) {
    place += static_cast<int64_t>(decimal.integer.size() - in_integer);
  } else {
    place -= static_cast<int64_t>(decimal.fraction.find_first_not_of('0'));
  }
  d = place > 0 ? std::numeric_limits<double>::infinity() : 0.0;
  return text[0] == '-' ? -d : d;
}

// Takes a point with the digits behind it, and an exponent, off the front of *rest. False if this is no decimal.
bool TakeDecimal(absl::string_view* rest, int radix, Decimal* decimal) {
  if (!rest->empty() && (*rest)[0] == '.') {
    rest->remove_prefix(1);
    decimal->fraction = TakeDigits(rest, radix);
  }
  if (decimal->integer.empty() && decimal->fraction.empty()) return false;
  if (radix == 10 && !rest->empty() && ToLower((*rest)[0]) == 'e') {
    rest->remove_prefix(1);
    bool negative = false;
    if (!rest->empty() && ((*rest)[0] == '+' || (*rest)[0] == '-')) {
      negative = (*rest)[0] == '-';
      rest->remove_prefix(1);
    }
    const absl::string_view digits = TakeDigits(rest, 10);
    if (digits.empty()) return false;
    int64_t exponent = 0;
    StepCounter steps;
    for (char c : digits) {
      if (!steps.Add(1)) return false;
      if (exponent < int64_t{1} << 50) exponent = exponent * 10 + (c - '0');  // saturates
    }
    decimal->exponent = negative ? -exponent : exponent;
  }
  return rest->empty();
}

std::optional<Value> ParseReal(Heap& heap, absl::string_view text, int radix, char exactness) {
  if (text.empty()) return std::nullopt;
  const bool has_sign = text[0] == '+' || text[0] == '-';
  const bool negative = text[0] == '-';
  absl::string_view rest = text.substr(has_sign ? 1 : 0);
  if (has_sign && rest.size() == 5 && exactness != 'e') {
    constexpr double kInfinity = std::numeric_limits<double>::infinity();
    if (EqualsIgnoringCase(rest, "inf.0")) {
      return FromDouble(heap, negative ? -kInfinity : kInfinity);
    }
    if (EqualsIgnoringCase(rest, "nan.0")) {
      return FromDouble(heap, std::numeric_limits<double>::quiet_NaN());
    }
  }
  Decimal decimal;
  decimal.integer = TakeDigits(&rest, radix);
  if (rest.empty()) {
    if (decimal.integer.empty()) return std::nullopt;
    if (exactness == 'i' && radix == 10) {
      return FromDouble(heap, InexactDecimal(negative ? text : text.substr(has_sign), decimal));
    }
    Integer n = integers::FromDigits(decimal.integer, radix);
    const IntegerView view = n;
    if (!view.failed) n.Finish(view.size, negative);
    if (exactness == 'i') {
      const double d = integers::ToDouble(n);
      return FromDouble(heap, negative && d == 0 ? -0.0 : d);
    }
    return Result(MakeInteger(heap, n, nullptr));
  }
  if (rest[0] == '/') {
    rest.remove_prefix(1);
    const absl::string_view denominator = TakeDigits(&rest, radix);
    if (decimal.integer.empty() || denominator.empty() || !rest.empty()) return std::nullopt;
    Integer n = integers::FromDigits(decimal.integer, radix);
    const Integer d = integers::FromDigits(denominator, radix);
    const IntegerView view = n;
    if (view.failed || d.failed() || IntegerView(d).IsZero()) return std::nullopt;
    n.Finish(view.size, negative);
    if (exactness == 'i') {
      const double quotient = integers::ToDouble(n, d);
      return FromDouble(heap, negative && quotient == 0 ? -0.0 : quotient);
    }
    return Result(MakeRatio(heap, n, d, nullptr));
  }
  if (!TakeDecimal(&rest, radix, &decimal)) return std::nullopt;
  if (exactness == 'e') return ExactDecimal(heap, decimal, radix, negative);
  if (radix == 10) {
    return FromDouble(heap, InexactDecimal(negative ? text : text.substr(has_sign), decimal));
  }
  const Integer n = DigitsOf(decimal, radix, negative);
  const double d = integers::ToDouble(n, integers::Power(Integer(radix), decimal.fraction.size()));
  return FromDouble(heap, negative && d == 0 ? -0.0 : d);
}

// The sign that separates the parts of a complex number, or begins the imaginary one if that is
// alone: the last sign that is not an exponent's. npos if there is none.
size_t FindSign(absl::string_view text, int radix) {
  StepCounter steps;
  for (size_t i = text.size(); i > 0 && steps.Add(1); --i) {
    const char c = text[i - 1];
    if (c != '+' && c != '-') continue;
    if (radix == 10 && i > 1 && ToLower(text[i - 2]) == 'e') continue;
    return i - 1;
  }
  return absl::string_view::npos;
}

// Where the @ of a number in polar form stands. npos if there is none, or if the run is being ended.
size_t FindAt(absl::string_view text) {
  size_t found = absl::string_view::npos;
  const bool all = InParts(0, text.size(), kBytesPerStep, [&](uint64_t begin, uint64_t end) {
    const size_t at = text.substr(begin, end - begin).find('@');
    if (at != absl::string_view::npos && found == absl::string_view::npos) found = begin + at;
  });
  return all ? found : absl::string_view::npos;
}

// Parses the part behind the prefixes. A real number is tried first, for the sake of radixes where i is a digit.
std::optional<Value> ParseComplex(Heap& heap, absl::string_view text, int radix, char exactness) {
  if (const std::optional<Value> real = ParseReal(heap, text, radix, exactness)) return real;
  if (const size_t at = FindAt(text); at != absl::string_view::npos) {
    const std::optional<Value> magnitude = ParseReal(heap, text.substr(0, at), radix, exactness);
    if (!magnitude) return std::nullopt;
    const std::optional<Value> angle = ParseReal(heap, text.substr(at + 1), radix, exactness);
    if (!angle) return std::nullopt;
    const Value v = MakePolar(heap, *magnitude, *angle);
    return exactness == 'e' ? Result(Exact(heap, v)) : v;
  }
  if (text.empty() || ToLower(text.back()) != 'i') return std::nullopt;
  text.remove_suffix(1);
  const size_t sign = FindSign(text, radix);
  if (sign == absl::string_view::npos) return std::nullopt;
  std::optional<Value> real = Value::Fixnum(0);
  if (sign > 0) real = ParseReal(heap, text.substr(0, sign), radix, exactness);
  if (!real) return std::nullopt;
  std::optional<Value> imaginary;
  if (sign + 1 == text.size()) {
    const int unit = text[sign] == '-' ? -1 : 1;
    imaginary = exactness == 'i' ? FromDouble(heap, unit) : Value::Fixnum(unit);
  } else {
    imaginary = ParseReal(heap, text.substr(sign), radix, exactness);
  }
  if (!imaginary) return std::nullopt;
  return MakeRectangular(heap, *real, *imaginary);
}

bool IsDecimalDigit(char c) { return c >= '0' && c <= '9'; }

// Most numbers: a decimal integer of so few digits that it is a fixnum. kUndefined if the text is anything else.
Value SmallInteger(absl::string_view text) {
  constexpr size_t kMostDigits = 9;
  const bool has_sign = !text.empty() && (text[0] == '-' || text[0] == '+');
  const absl::string_view digits = text.substr(has_sign ? 1 : 0);
  if (digits.empty() || digits.size() > kMostDigits) return kUndefined;
  int32_t n = 0;
  for (const char c : digits) {
    if (!IsDecimalDigit(c)) return kUndefined;
    n = n * 10 + (c - '0');
  }
  return Value::Fixnum(text[0] == '-' ? -n : n);
}

// False for a text that by its first characters is no decimal number, as the symbols +, - and ... are.
bool MayBeDecimal(absl::string_view text) {
  const bool has_sign = !text.empty() && (text[0] == '-' || text[0] == '+');
  const absl::string_view rest = text.substr(has_sign ? 1 : 0);
  if (rest.empty()) return false;
  if (rest[0] == '.') return rest.size() > 1 && IsDecimalDigit(rest[1]);
  // Behind a sign, i is the imaginary unit, or begins the infinities.
  return IsDecimalDigit(rest[0]) || (has_sign && (ToLower(rest[0]) == 'i' || ToLower(rest[0]) == 'n'));
}

}  // namespace

std::optional<Value> ParseNumber(Heap& heap, absl::string_view text, int radix) {
  if (radix == 10) {
    if (const Value small = SmallInteger(text); small != kUndefined) return small;
    if (!MayBeDecimal(text) && (text.empty() || text[0] != '#')) return std::nullopt;
  }
  bool has_radix = false;
  char exactness = 0;
  while (text.size() >= 2 && text[0] == '#') {
    const char prefix = ToLower(text[1]);
    if (prefix == 'e' || prefix == 'i') {
      if (exactness != 0) return std::nullopt;
      exactness = prefix;
    } else {
      if (has_radix) return std::nullopt;
      has_radix = true;
      switch (prefix) {
        case 'b':
          radix = 2;
          break;
        case 'o':
          radix = 8;
          break;
        case 'd':
          radix = 10;
          break;
        case 'x':
          radix = 16;
          break;
        default:
          return std::nullopt;
      }
    }
    text.remove_prefix(2);
  }
  return ParseComplex(heap, text, radix, exactness);
}

}  // namespace islet::vm
