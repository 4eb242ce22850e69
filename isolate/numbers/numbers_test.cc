#include "isolate/numbers/numbers.h"

#include <gmp.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "isolate/heap/cage.h"
#include "isolate/heap/heap.h"

namespace islet::vm {
namespace {

class NumbersTest : public ::testing::Test {
 protected:
  NumbersTest() : heap(MakeCage(), HeapOptions()) {}

  // Nothing is a root here: each step may start with an empty heap.
  void Forget() {
    if (heap.WantsCollection()) {
      ASSERT_TRUE(heap.Collect());
    }
  }

  Value Read(const std::string& text, int radix = 10) {
    const std::optional<Value> v = ParseNumber(heap, text, radix);
    EXPECT_TRUE(v.has_value()) << text;
    return v.value_or(kFalse);
  }
  std::string Write(Value v, int radix = 10) { return v == kException ? "error" : NumberToString(heap, v, radix); }
  // Reads, applies, writes.
  std::string Apply(Value (*f)(Heap&, Value, NumberStatus*), const std::string& a) {
    return Write(f(heap, Read(a), nullptr));
  }
  std::string Apply(Value (*f)(Heap&, Value, Value, NumberStatus*), const std::string& a, const std::string& b) {
    return Write(f(heap, Read(a), Read(b), nullptr));
  }
  std::string ReadAndWrite(const std::string& text, int radix = 10) {
    const std::optional<Value> v = ParseNumber(heap, text, radix);
    return v ? Write(*v) : "not a number";
  }

  Heap heap;

 private:
  static Cage MakeCage() {
    auto cage = Cage::Create(CageLayout::For(uint64_t{1} << 32, 0, 0), ImageSource());
    if (!cage.ok()) ADD_FAILURE() << cage.status();
    return *std::move(cage);
  }
};

TEST_F(NumbersTest, ReadsEveryKindOfNumber) {
  EXPECT_EQ(ReadAndWrite("0"), "0");
  EXPECT_EQ(ReadAndWrite("-0"), "0");
  EXPECT_EQ(ReadAndWrite("+17"), "17");
  EXPECT_EQ(ReadAndWrite("1073741823"), "1073741823");
  EXPECT_EQ(ReadAndWrite("-1073741825"), "-1073741825");
  EXPECT_EQ(ReadAndWrite("123456789012345678901234567890"), "123456789012345678901234567890");
  EXPECT_EQ(ReadAndWrite("000000000000000000000000000012"), "12");
  EXPECT_EQ(ReadAndWrite("6/4"), "3/2");
  EXPECT_EQ(ReadAndWrite("-6/3"), "-2");
  EXPECT_EQ(ReadAndWrite("1.5"), "1.5");
  EXPECT_EQ(ReadAndWrite("-.5"), "-0.5");
  EXPECT_EQ(ReadAndWrite("1."), "1.0");
  EXPECT_EQ(ReadAndWrite("1e3"), "1000.0");
  EXPECT_EQ(ReadAndWrite("1.E+3"), "1000.0");
  EXPECT_EQ(ReadAndWrite("-0.0"), "-0.0");
  EXPECT_EQ(ReadAndWrite("+inf.0"), "+inf.0");
  EXPECT_EQ(ReadAndWrite("-INF.0"), "-inf.0");
  EXPECT_EQ(ReadAndWrite("+nan.0"), "+nan.0");
  EXPECT_EQ(ReadAndWrite("#xFf"), "255");
  EXPECT_EQ(ReadAndWrite("#b-101"), "-5");
  EXPECT_EQ(ReadAndWrite("#o17/2"), "15/2");
  EXPECT_EQ(ReadAndWrite("#e1.25"), "5/4");
  EXPECT_EQ(ReadAndWrite("#e-1.2e2"), "-120");
  EXPECT_EQ(ReadAndWrite("#i3/4"), "0.75");
  EXPECT_EQ(ReadAndWrite("#x#e10"), "16");
  EXPECT_EQ(ReadAndWrite("#i#d10"), "10.0");
  EXPECT_EQ(ReadAndWrite("zz", 36), "1295");
  EXPECT_EQ(ReadAndWrite("1.1", 2), "1.5");
  EXPECT_EQ(ReadAndWrite("1e2", 16), "482");
}

TEST_F(NumbersTest, RefusesWhatIsNoNumber) {
  for (const char* text :
       {"",      "+",    "-",    ".",     "...",    "e1",    "1e",  "1e+",  "1/",    "/2",     "1/0",   "1/2/3",
        "1.5/2", "1..2", "+inf", "inf.0", "+inf.1", "#",     "#x",  "#xg",  "#b2",   "#e#i1",  "#x#x1", "#e+inf.0",
        "12a",   "--1",  "1 ",   " 1",    "#y1",    "1e1.5", "+-1", "0x10", "1_000", "#x1/-2", "1e5e5"}) {
    EXPECT_EQ(ReadAndWrite(text), "not a number") << text;
  }
}

TEST_F(NumbersTest, RefusesAbsurdExponentsAtOnce) {
  EXPECT_EQ(ReadAndWrite("#e1e1000000000"), "not a number");
  EXPECT_EQ(ReadAndWrite("#e1e-99999999999999999999999999"), "not a number");
  EXPECT_EQ(ReadAndWrite("#e0e99999999999999999999999999"), "0");
  EXPECT_EQ(ReadAndWrite("1e99999999999999999999999999"), "+inf.0");
  EXPECT_EQ(ReadAndWrite("-1e400"), "-inf.0");
  EXPECT_EQ(ReadAndWrite("1e-99999999999999999999999999"), "0.0");
  EXPECT_EQ(ReadAndWrite("-1e-400"), "-0.0");
  EXPECT_EQ(ReadAndWrite("0e99999999999999999999999999"), "0.0");
  EXPECT_EQ(ReadAndWrite("0." + std::string(400, '0') + "1e402"), "10.0");
  EXPECT_EQ(ReadAndWrite("1" + std::string(400, '0') + "e-400"), "1.0");
  EXPECT_EQ(ReadAndWrite("1" + std::string(400, '0') + ".0"), "+inf.0");
}

TEST_F(NumbersTest, WritesDoublesShortest) {
  EXPECT_EQ(Write(FromDouble(heap, 0.1)), "0.1");
  EXPECT_EQ(Write(FromDouble(heap, 100)), "100.0");
  EXPECT_EQ(Write(FromDouble(heap, 1e20)), "100000000000000000000.0");
  EXPECT_EQ(Write(FromDouble(heap, 1e21)), "1e21");
  EXPECT_EQ(Write(FromDouble(heap, 1.5e100)), "1.5e100");
  EXPECT_EQ(Write(FromDouble(heap, 1e-6)), "0.000001");
  EXPECT_EQ(Write(FromDouble(heap, 1.25e-7)), "1.25e-7");
  EXPECT_EQ(Write(FromDouble(heap, 5e-324)), "5e-324");
  EXPECT_EQ(Write(FromDouble(heap, 1.7976931348623157e308)), "1.7976931348623157e308");
  EXPECT_EQ(Write(FromDouble(heap, 123.456)), "123.456");
  EXPECT_EQ(Write(FromDouble(heap, 1.5), 2), "1.1");
  EXPECT_EQ(Write(FromDouble(heap, -255.5), 16), "-ff.8");
  EXPECT_EQ(Write(FromDouble(heap, 1.0 / 3), 3), "0.1");
}

// Beyond some digits only whether there are more that are not 0 matters: rounded as if all had been looked at.
TEST_F(NumbersTest, VeryLongDecimalsRoundLikeShortOnes) {
  const std::string zeros(3000, '0');
  EXPECT_EQ(ReadAndWrite("9007199254740993." + zeros), "9007199254740992.0");
  EXPECT_EQ(ReadAndWrite("9007199254740993." + zeros + "1"), "9007199254740994.0");
  EXPECT_EQ(ReadAndWrite("-9007199254740993." + zeros + "1"), "-9007199254740994.0");
  EXPECT_EQ(ReadAndWrite("1" + zeros + "e-3000"), "1.0");
  EXPECT_EQ(ReadAndWrite("0." + zeros + "25e3001"), "2.5");
  EXPECT_EQ(ReadAndWrite("." + zeros + "25e3001"), "2.5");
  EXPECT_EQ(ReadAndWrite("000" + zeros + "12.5"), "12.5");
  EXPECT_EQ(ReadAndWrite("#i123" + zeros), "+inf.0");
  EXPECT_EQ(ReadAndWrite("-0." + zeros + "1"), "-0.0");
  EXPECT_EQ(ReadAndWrite("0." + zeros), "0.0");
  EXPECT_EQ(ReadAndWrite("1." + std::string(3000, '9')), "2.0");
  EXPECT_EQ(ReadAndWrite("1" + zeros + ".5e" + zeros + "9"), "+inf.0");
}

TEST_F(NumbersTest, DoublesSurviveWritingAndReading) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 100'000; ++i) {
    Forget();
    const uint64_t bits = random();
    double d;
    std::memcpy(&d, &bits, sizeof(d));
    if (std::isnan(d)) continue;
    const std::string text = Write(FromDouble(heap, d));
    const Value back = Read(text);
    ASSERT_TRUE(back.IsFlonum()) << text;
    const double e = heap.flonum(back);
    ASSERT_EQ(std::memcmp(&d, &e, sizeof(d)), 0) << text;
  }
}

TEST_F(NumbersTest, DoublesSurviveInEveryRadix) {
  std::mt19937_64 random(2);
  std::vector<double> doubles = {5e-324, 2.2250738585072014e-308, 2.2250738585072009e-308, 1.7976931348623157e308, 1,
                                 0.5,    4503599627370496,        9007199254740992};
  for (int i = 0; i < 60; ++i) {
    const uint64_t bits = random();
    double d;
    std::memcpy(&d, &bits, sizeof(d));
    if (std::isfinite(d)) doubles.push_back(d);
  }
  for (int radix = 2; radix <= 36; ++radix) {
    for (double d : doubles) {
      Forget();
      const std::string text = Write(FromDouble(heap, d), radix);
      ASSERT_EQ(ToDouble(heap, Read(text, radix)), d) << text << " in radix " << radix;
    }
  }
}

TEST_F(NumbersTest, ResultsAreNormalised) {
  EXPECT_TRUE(Add(heap, Read("1073741824"), Read("-1")).IsFixnum());
  EXPECT_TRUE(IsBignum(heap, Add(heap, Read("1073741823"), Read("1"))));
  EXPECT_TRUE(Negate(heap, Read("1073741824")).IsFixnum());
  EXPECT_TRUE(IsBignum(heap, Negate(heap, Read("-1073741824"))));
  EXPECT_EQ(Apply(Quotient, "-1073741824", "-1"), "1073741824");
  EXPECT_EQ(Apply(Multiply, "2/3", "3/2"), "1");
  EXPECT_TRUE(Multiply(heap, Read("2/3"), Read("3/2")).IsFixnum());
  EXPECT_EQ(Apply(Subtract, "5/6", "1/6"), "2/3");
  EXPECT_EQ(Apply(Divide, "6", "-4"), "-3/2");
  EXPECT_EQ(Apply(Divide, "6", "-3"), "-2");
}

TEST_F(NumbersTest, InexactIsContagious) {
  EXPECT_EQ(Apply(Add, "1", "0.5"), "1.5");
  EXPECT_EQ(Apply(Add, "1/2", "0.5"), "1.0");
  EXPECT_EQ(Apply(Multiply, "100000000000000000000", "1.0"), "100000000000000000000.0");
  EXPECT_EQ(Apply(Subtract, "0.0", "0"), "0.0");
  EXPECT_EQ(Apply(Divide, "1", "0.0"), "+inf.0");
  EXPECT_EQ(Apply(Quotient, "7.0", "-2"), "-3.0");
  EXPECT_EQ(Apply(Modulo, "-7", "2.0"), "1.0");
  EXPECT_EQ(Apply(Gcd, "12.0", "18"), "6.0");
}

TEST_F(NumbersTest, SaysWhatIsWrong) {
  NumberStatus status;
  EXPECT_EQ(Add(heap, Value::Fixnum(1), kTrue, &status), kException);
  EXPECT_EQ(status.kind, NumberStatus::Kind::kWrongType);
  EXPECT_EQ(status.argument, 2);
  EXPECT_STREQ(status.expected, "a number");
  EXPECT_EQ(Divide(heap, Value::Fixnum(1), Value::Fixnum(0), &status), kException);
  EXPECT_EQ(status.kind, NumberStatus::Kind::kDivideByZero);
  EXPECT_EQ(Modulo(heap, Read("1.5"), Value::Fixnum(1), &status), kException);
  EXPECT_EQ(status.kind, NumberStatus::Kind::kWrongType);
  EXPECT_EQ(Modulo(heap, Read("1.0"), Read("0.0"), &status), kException);
  EXPECT_EQ(status.kind, NumberStatus::Kind::kDivideByZero);
  EXPECT_EQ(Exact(heap, Read("+inf.0"), &status), kException);
  EXPECT_EQ(status.kind, NumberStatus::Kind::kNoResult);
}

TEST_F(NumbersTest, AsksForRoomBeforeItComputes) {
  NumberStatus status;
  EXPECT_EQ(Expt(heap, Value::Fixnum(7), Value::Fixnum(10'000'000), &status), kException);
  EXPECT_EQ(status.kind, NumberStatus::Kind::kReserve);
  EXPECT_NEAR(static_cast<double>(status.bytes), 1e7 * std::log2(7.0) / 8, 100);
  EXPECT_EQ(ArithmeticShift(heap, Value::Fixnum(1), Read("1000000000000"), &status), kException);
  EXPECT_EQ(status.kind, NumberStatus::Kind::kTooLarge);
  const Value huge = Expt(heap, Value::Fixnum(10), Value::Fixnum(100'000));
  EXPECT_EQ(Expt(heap, Value::Fixnum(7), huge, &status), kException);
  EXPECT_EQ(status.kind, NumberStatus::Kind::kTooLarge);
  EXPECT_EQ(Expt(heap, Value::Fixnum(-1), huge), Value::Fixnum(1));
  EXPECT_EQ(Expt(heap, Read("1/2"), Negate(heap, huge), &status), kException);
  EXPECT_EQ(status.kind, NumberStatus::Kind::kTooLarge);
  EXPECT_EQ(Write(Expt(heap, Read("0.5"), huge)), "0.0");  // a flonum's power takes no room
}

TEST_F(NumbersTest, ComparesExactlyAcrossKinds) {
  EXPECT_EQ(Compare(heap, Read("9007199254740993"), Read("9007199254740992.0")), 1);
  EXPECT_EQ(Compare(heap, Read("9007199254740992.0"), Read("9007199254740993")), -1);
  EXPECT_EQ(Compare(heap, Read("1/3"), Read("0.3333333333333333")), 1);
  EXPECT_EQ(Compare(heap, Read("1/2"), Read("0.5")), 0);
  EXPECT_EQ(Compare(heap, Read("1/2"), Read("2/3")), -1);
  EXPECT_EQ(Compare(heap, Read("-1/2"), Read("1/3")), -1);
  EXPECT_EQ(Compare(heap, Read("1" + std::string(400, '0')), Read("+inf.0")), -1);
  EXPECT_EQ(Compare(heap, Read("1" + std::string(400, '0')), Read("1e308")), 1);
  EXPECT_EQ(Compare(heap, Read("1/1" + std::string(400, '0')), Read("0.0")), 1);
  EXPECT_EQ(Compare(heap, Read("+nan.0"), Read("1")), kUnordered);
  EXPECT_EQ(Compare(heap, Read("0.0"), Read("-0.0")), 0);
  EXPECT_TRUE(NumberEqv(heap, Read("+nan.0"), Read("+nan.0")));
  EXPECT_FALSE(NumberEqv(heap, Read("0.0"), Read("-0.0")));
  EXPECT_FALSE(NumberEqv(heap, Read("1"), Read("1.0")));
  EXPECT_TRUE(NumberEqv(heap, Read("12345678901234567890/7"), Read("12345678901234567890/7")));
  EXPECT_EQ(NumberHash(heap, Read("12345678901/7")), NumberHash(heap, Read("12345678901/7")));
  EXPECT_NE(NumberHash(heap, Read("1")), NumberHash(heap, Read("-1")));
}

TEST_F(NumbersTest, RoundsAsR7rsDoes) {
  EXPECT_EQ(Apply(Floor, "-4.3"), "-5.0");
  EXPECT_EQ(Apply(Ceiling, "-4.3"), "-4.0");
  EXPECT_EQ(Apply(Truncate, "-4.3"), "-4.0");
  EXPECT_EQ(Apply(Round, "-4.3"), "-4.0");
  EXPECT_EQ(Apply(Round, "3.5"), "4.0");
  EXPECT_EQ(Apply(Round, "2.5"), "2.0");
  EXPECT_EQ(Apply(Round, "7/2"), "4");
  EXPECT_EQ(Apply(Round, "5/2"), "2");
  EXPECT_EQ(Apply(Round, "-7/2"), "-4");
  EXPECT_EQ(Apply(Round, "-5/2"), "-2");
  EXPECT_EQ(Apply(Round, "7"), "7");
  EXPECT_EQ(Apply(Floor, "-7/2"), "-4");
  EXPECT_EQ(Apply(Ceiling, "-7/2"), "-3");
  EXPECT_EQ(Apply(Truncate, "-7/2"), "-3");
  EXPECT_EQ(Apply(Numerator, "6/4"), "3");
  EXPECT_EQ(Apply(Denominator, "6/4"), "2");
  EXPECT_EQ(Apply(Denominator, "0.5"), "2.0");
  EXPECT_EQ(Apply(Denominator, "0"), "1");
}

TEST_F(NumbersTest, DividesIntegersBothWays) {
  const struct {
    int n, d, floor_q, floor_r, truncate_q, truncate_r;
  } kCases[] = {{5, 2, 2, 1, 2, 1}, {-5, 2, -3, 1, -2, -1}, {5, -2, -3, -1, -2, 1}, {-5, -2, 2, -1, 2, -1}};
  for (const auto& c : kCases) {
    // The same law for fixnums, flonums and, multiplied, bignums.
    const Value big = Read("1000000000000000000000");
    for (Value unit : {Value::Fixnum(1), Read("1.0"), big}) {
      const Value n = Multiply(heap, Value::Fixnum(c.n), unit);
      const Value d = Multiply(heap, Value::Fixnum(c.d), unit);
      Value q;
      Value r;
      ASSERT_TRUE(DivideIntegers(heap, n, d, Rounding::kFloor, &q, &r));
      EXPECT_TRUE(NumEqual(heap, q, Value::Fixnum(c.floor_q)));
      EXPECT_TRUE(NumEqual(heap, r, Multiply(heap, Value::Fixnum(c.floor_r), unit)));
      ASSERT_TRUE(DivideIntegers(heap, n, d, Rounding::kTruncate, &q, &r));
      EXPECT_TRUE(NumEqual(heap, q, Value::Fixnum(c.truncate_q)));
      EXPECT_TRUE(NumEqual(heap, r, Multiply(heap, Value::Fixnum(c.truncate_r), unit)));
    }
  }
}

// In radixes in which letters are digits, no number is written as something that reads as another, or as no number.
TEST_F(NumbersTest, NumbersOfTheLettersOfNan) {
  for (const char* text : {"-nan.", "nan.", "-inf.", "inf."}) {
    const Value v = Read(text, 35);
    ASSERT_TRUE(v.IsFlonum()) << text;
    EXPECT_TRUE(std::isfinite(heap.flonum(v))) << text;
    EXPECT_EQ(Write(v, 35), text);
    EXPECT_TRUE(NumEqual(heap, Read(Write(v, 35), 35), v)) << text;
  }
  EXPECT_EQ(Write(Read("-nao.", 35), 35), "-nao.0");
  EXPECT_EQ(Write(Read("-inf.0", 35), 35), "-inf.0");
}

TEST_F(NumbersTest, PowersAndRoots) {
  EXPECT_EQ(Apply(Expt, "2", "100"), "1267650600228229401496703205376");
  EXPECT_EQ(Apply(Expt, "-3", "3"), "-27");
  EXPECT_EQ(Apply(Expt, "-12", "21"), "-46005119909369701466112");
  EXPECT_EQ(Apply(Expt, "2/3", "3"), "8/27");
  EXPECT_EQ(Apply(Expt, "-2/3", "-3"), "-27/8");
  EXPECT_EQ(Apply(Expt, "-2", "-1"), "-1/2");
  EXPECT_EQ(Apply(Expt, "0", "0"), "1");
  EXPECT_EQ(Apply(Expt, "0", "-1"), "error");
  EXPECT_EQ(Apply(Expt, "4", "1/2"), "2");
  EXPECT_EQ(Apply(Expt, "4/9", "-3/2"), "27/8");
  EXPECT_EQ(Apply(Expt, "2", "0.5"), "1.4142135623730951");
  EXPECT_EQ(Apply(Expt, "2.0", "3"), "8.0");
  EXPECT_EQ(Apply(Expt, "-1.0", "100000000000000000000000000000001"), "-1.0");
  EXPECT_EQ(Apply(Sqrt, "16"), "4");
  EXPECT_EQ(Apply(Sqrt, "16/9"), "4/3");
  EXPECT_EQ(Apply(Sqrt, "2"), "1.4142135623730951");
  EXPECT_EQ(Apply(Sqrt, "16.0"), "4.0");
  EXPECT_EQ(Apply(Sqrt, "-1"), "+i");
  EXPECT_EQ(Apply(Sqrt, "1" + std::string(399, '0') + "1"), "1e200");
  EXPECT_EQ(Apply(Sqrt, "1/1" + std::string(399, '0') + "1"), "1e-200");
  EXPECT_EQ(Apply(Exp, "0"), "1");
  EXPECT_EQ(Apply(Log, "1"), "0");
  EXPECT_EQ(Apply(Log, "0"), "error");
  EXPECT_EQ(Apply(Log, "0.0"), "-inf.0");
  EXPECT_EQ(Apply(Log, "1" + std::string(1000, '0')), "2302.5850929940457");
  EXPECT_EQ(Apply(LogBase, "8", "2"), "3.0");
  EXPECT_EQ(Apply(LogBase, "1000.0", "10"), "3.0");
  EXPECT_EQ(Apply(Sin, "0"), "0");
  EXPECT_EQ(Apply(Cos, "0"), "1");
  EXPECT_EQ(Apply(Atan2, "1", "1"), "0.7853981633974483");
  EXPECT_EQ(Apply(Atan2, "0", "1"), "0");
  EXPECT_EQ(Apply(Rationalize, "3/10", "1/10"), "1/3");
  EXPECT_EQ(Apply(Rationalize, "-3/10", "1/10"), "-1/3");
  EXPECT_EQ(Apply(Rationalize, "0.3", "1/10"), "0.3333333333333333");
  EXPECT_EQ(Apply(Rationalize, "1/10", "1/5"), "0");
  Value s;
  Value r;
  ASSERT_TRUE(ExactIntegerSqrt(heap, Read("100000000000000000000000000000000000001"), &s, &r));
  EXPECT_EQ(Write(s), "10000000000000000000");
  EXPECT_EQ(Write(r), "1");
}

TEST_F(NumbersTest, RefusesProductsThatAreTooLarge) {
  ASSERT_TRUE(heap.Reserve(size_t{128} << 20));
  NumberStatus status;
  status.allowance = uint64_t{128} << 20;
  const Value large = ArithmeticShift(heap, Value::Fixnum(1), Value::Fixnum(300'000'000), &status);
  ASSERT_TRUE(IsBignum(heap, large));
  EXPECT_EQ(Multiply(heap, large, large, &status), kException);
  EXPECT_EQ(status.kind, NumberStatus::Kind::kTooLarge);
  EXPECT_GT(status.bytes, kLargestNumber);
  EXPECT_EQ(Multiply(heap, large, Value::Fixnum(0), &status), Value::Fixnum(0));
}

TEST_F(NumbersTest, ConvertsToTheNearestDouble) {
  EXPECT_EQ(ToDouble(heap, Read("9007199254740993")), 9007199254740992.0);  // a tie, to even
  EXPECT_EQ(ToDouble(heap, Read("9007199254740995")), 9007199254740996.0);
  EXPECT_EQ(ToDouble(heap, Read("18446744073709553665")), 18446744073709555712.0);
  EXPECT_EQ(ToDouble(heap, Read("1/3")), 1.0 / 3);
  EXPECT_EQ(ToDouble(heap, Read("1" + std::string(309, '0'))), std::numeric_limits<double>::infinity());
  EXPECT_EQ(ToDouble(heap, Read("#e4.9e-324")), 5e-324);
  EXPECT_EQ(ToDouble(heap, Read("#e2.4e-324")), 0.0);
  EXPECT_EQ(Apply(Exact, "0.5"), "1/2");
  EXPECT_EQ(Apply(Exact, "1e20"), "100000000000000000000");
  EXPECT_EQ(Apply(Exact, "-0.0"), "0");
  std::mt19937_64 random(3);
  for (int i = 0; i < 20'000; ++i) {
    Forget();
    uint64_t bits = random();
    if (i % 4 == 0) bits &= ~(uint64_t{0x7ff} << 52);  // subnormals
    double d;
    std::memcpy(&d, &bits, sizeof(d));
    if (!std::isfinite(d)) continue;
    ASSERT_EQ(ToDouble(heap, Exact(heap, FromDouble(heap, d))), d);
  }
}

TEST_F(NumbersTest, CppIntegersAndBack) {
  for (int64_t n : {int64_t{0}, int64_t{-1}, int64_t{1} << 30, -(int64_t{1} << 30) - 1,
                    std::numeric_limits<int64_t>::max(), std::numeric_limits<int64_t>::min()}) {
    EXPECT_EQ(ToInt64(heap, FromInt64(heap, n)), n);
    EXPECT_EQ(Write(FromInt64(heap, n)), std::to_string(n));
    const absl::string_view bytes(reinterpret_cast<const char*>(&n), sizeof(n));
    EXPECT_EQ(Write(IntegerFromBytes(heap, bytes)), std::to_string(n));
  }
  EXPECT_EQ(ToUint64(heap, Read("18446744073709551615")), ~uint64_t{0});
  EXPECT_EQ(ToUint64(heap, Read("18446744073709551616")), std::nullopt);
  EXPECT_EQ(ToInt64(heap, Read("9223372036854775808")), std::nullopt);
  EXPECT_EQ(ToInt64(heap, Read("1.0")), std::nullopt);
  EXPECT_EQ(Write(IntegerFromBytes(heap, "")), "0");
  EXPECT_EQ(Write(IntegerFromBytes(heap, "\x80")), "-128");
  EXPECT_EQ(Write(IntegerFromBytes(heap, std::string("\x80\0", 2))), "128");
  EXPECT_EQ(Write(IntegerFromBytes(heap, std::string(8, '\0') + "\xff")), "-18446744073709551616");
}

// ---- The same computations by GMP's mpz, on random integers of all sizes.

class Mpz {
 public:
  Mpz() { mpz_init(z); }
  explicit Mpz(const std::string& text) { mpz_init_set_str(z, text.c_str(), 10); }
  ~Mpz() { mpz_clear(z); }
  Mpz(const Mpz&) = delete;
  Mpz& operator=(const Mpz&) = delete;
  std::string Text() const {
    std::string text(mpz_sizeinbase(z, 10) + 2, '\0');
    mpz_get_str(text.data(), 10, z);
    text.resize(std::strlen(text.c_str()));
    return text;
  }
  mpz_t z;
};

std::string RandomInteger(std::mt19937_64& random) {
  // Runs of ones and zeros find carries; small sizes find the borders between kinds.
  Mpz n;
  const uint64_t bits = random() % 3 == 0 ? random() % 34 : random() % 900;
  for (uint64_t done = 0; done < bits;) {
    const uint64_t run = std::min<uint64_t>(1 + random() % 70, bits - done);
    mpz_mul_2exp(n.z, n.z, run);
    if (random() % 2 == 0) {
      Mpz ones("1");
      mpz_mul_2exp(ones.z, ones.z, run);
      mpz_sub_ui(ones.z, ones.z, 1);
      mpz_add(n.z, n.z, ones.z);
    } else {
      mpz_add_ui(n.z, n.z, random() % 2);
    }
    done += run;
  }
  if (random() % 2 == 0) mpz_neg(n.z, n.z);
  return n.Text();
}

TEST_F(NumbersTest, AgreesWithGmpOnIntegers) {
  std::mt19937_64 random(4);
  for (int i = 0; i < 20'000; ++i) {
    Forget();
    const std::string a = RandomInteger(random);
    const std::string b = RandomInteger(random);
    const Mpz x(a);
    const Mpz y(b);
    Mpz z;
    SCOPED_TRACE(a + " and " + b);
    ASSERT_EQ(Apply(Add, a, b), (mpz_add(z.z, x.z, y.z), z.Text()));
    ASSERT_EQ(Apply(Subtract, a, b), (mpz_sub(z.z, x.z, y.z), z.Text()));
    ASSERT_EQ(Apply(Multiply, a, b), (mpz_mul(z.z, x.z, y.z), z.Text()));
    ASSERT_EQ(Apply(Gcd, a, b), (mpz_gcd(z.z, x.z, y.z), z.Text()));
    ASSERT_EQ(Apply(Lcm, a, b), (mpz_lcm(z.z, x.z, y.z), z.Text()));
    ASSERT_EQ(Apply(BitwiseAnd, a, b), (mpz_and(z.z, x.z, y.z), z.Text()));
    ASSERT_EQ(Apply(BitwiseIor, a, b), (mpz_ior(z.z, x.z, y.z), z.Text()));
    ASSERT_EQ(Apply(BitwiseXor, a, b), (mpz_xor(z.z, x.z, y.z), z.Text()));
    ASSERT_EQ(Apply(BitwiseNot, a), (mpz_com(z.z, x.z), z.Text()));
    const int order = mpz_cmp(x.z, y.z);
    ASSERT_EQ(Compare(heap, Read(a), Read(b)), order < 0 ? -1 : order > 0);
    const uint64_t bits = random() % 200;
    ASSERT_EQ(Apply(ArithmeticShift, a, std::to_string(bits)), (mpz_mul_2exp(z.z, x.z, bits), z.Text()));
    ASSERT_EQ(Apply(ArithmeticShift, a, "-" + std::to_string(bits)), (mpz_fdiv_q_2exp(z.z, x.z, bits), z.Text()));
    ASSERT_EQ(IsBitSet(heap, Value::Fixnum(static_cast<int32_t>(bits)), Read(a)),
              Value::Boolean(mpz_tstbit(x.z, bits) != 0));
    if (mpz_sgn(x.z) >= 0) {
      ASSERT_EQ(Apply(BitCount, a), std::to_string(mpz_popcount(x.z)));
    } else {
      mpz_com(z.z, x.z);
      ASSERT_EQ(Apply(BitCount, a), std::to_string(mpz_popcount(z.z)));
      const bool zero = mpz_sgn(z.z) == 0;
      ASSERT_EQ(Apply(IntegerLength, a), std::to_string(zero ? 0 : mpz_sizeinbase(z.z, 2)));
    }
    ASSERT_EQ(ToDouble(heap, Exact(heap, FromDouble(heap, mpz_get_d(x.z)))), mpz_get_d(x.z));
    if (mpz_sgn(y.z) != 0) {
      ASSERT_EQ(Apply(Quotient, a, b), (mpz_tdiv_q(z.z, x.z, y.z), z.Text()));
      ASSERT_EQ(Apply(Remainder, a, b), (mpz_tdiv_r(z.z, x.z, y.z), z.Text()));
      ASSERT_EQ(Apply(Modulo, a, b), (mpz_fdiv_r(z.z, x.z, y.z), z.Text()));
    }
  }
}

TEST_F(NumbersTest, AgreesWithGmpOnRationals) {
  std::mt19937_64 random(5);
  const auto text = [](const mpq_t q) {
    char* s = mpq_get_str(nullptr, 10, q);
    const std::string copy(s);
    void (*release)(void*, size_t);
    mp_get_memory_functions(nullptr, nullptr, &release);
    release(s, copy.size() + 1);
    return copy;
  };
  mpq_t x, y, z;
  mpq_inits(x, y, z, nullptr);
  for (int i = 0; i < 5'000; ++i) {
    Forget();
    std::string parts[4];
    for (std::string& part : parts) part = RandomInteger(random);
    for (int d : {1, 3}) {
      if (parts[d][0] == '-') parts[d].erase(0, 1);
      if (parts[d] == "0") parts[d] = "1";
    }
    const std::string a = parts[0] + "/" + parts[1];
    const std::string b = parts[2] + "/" + parts[3];
    SCOPED_TRACE(a + " and " + b);
    mpq_set_str(x, a.c_str(), 10);
    mpq_set_str(y, b.c_str(), 10);
    mpq_canonicalize(x);
    mpq_canonicalize(y);
    ASSERT_EQ(ReadAndWrite(a), text(x));
    ASSERT_EQ(Apply(Add, a, b), (mpq_add(z, x, y), text(z)));
    ASSERT_EQ(Apply(Subtract, a, b), (mpq_sub(z, x, y), text(z)));
    ASSERT_EQ(Apply(Multiply, a, b), (mpq_mul(z, x, y), text(z)));
    if (mpq_sgn(y) != 0) {
      ASSERT_EQ(Apply(Divide, a, b), (mpq_div(z, x, y), text(z)));
    }
    const int order = mpq_cmp(x, y);
    ASSERT_EQ(Compare(heap, Read(a), Read(b)), order < 0 ? -1 : order > 0);
    // The nearest double is no farther than its neighbours.
    const double d = ToDouble(heap, Read(a));
    if (std::isfinite(d) && std::fabs(d) > 1e-300) {
      const auto distance = [&](double e) {
        return Abs(heap, Subtract(heap, Exact(heap, FromDouble(heap, e)), Read(a)));
      };
      ASSERT_LE(Compare(heap, distance(d), distance(std::nextafter(d, -INFINITY))), 0);
      ASSERT_LE(Compare(heap, distance(d), distance(std::nextafter(d, INFINITY))), 0);
      ASSERT_EQ(Compare(heap, Read(a), FromDouble(heap, d)), Compare(heap, Read(a), Exact(heap, FromDouble(heap, d))));
    }
  }
  mpq_clears(x, y, z, nullptr);
}

TEST_F(NumbersTest, LongNumbersInEveryRadix) {
  std::mt19937_64 random(6);
  for (int radix = 2; radix <= 36; ++radix) {
    std::string digits = "1";
    for (int i = 0; i < 3000; ++i) digits += "0123456789abcdefghijklmnopqrstuvwxyz"[random() % radix];
    EXPECT_EQ(Write(Read(digits, radix), radix), digits);
    EXPECT_EQ(Write(Read("-" + digits, radix), radix), "-" + digits);
    Forget();
  }
}

TEST_F(NumbersTest, LongDecimalsAreReadInSubquadraticTime) {
  const std::string digits(1'000'000, '7');
  ASSERT_TRUE(heap.Reserve(2 << 20));
  const Value n = Read(digits);
  EXPECT_EQ(heap.Get<Bignum>(n)->length, 51'906u);
  EXPECT_EQ(Write(n), digits);
}

}  // namespace
}  // namespace islet::vm
