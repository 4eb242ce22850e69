// Integers of a machine word or two, whose arithmetic goes a way of its own, against the long one.

#include <cstdint>
#include <random>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "isolate/heap/cage.h"
#include "isolate/heap/heap.h"
#include "isolate/numbers/integer.h"
#include "isolate/numbers/numbers.h"
#include "isolate/numbers/operands.h"

namespace islet::vm {
namespace {

TEST(WordsTest, AreReckonedWithAsLongIntegersAre) {
  auto cage = Cage::Create(CageLayout::For(uint64_t{1} << 32, 0, 0), ImageSource());
  ASSERT_TRUE(cage.ok()) << cage.status();
  Heap heap(*std::move(cage), HeapOptions());
  std::vector<uint64_t> limbs = {0, 1, 2, 3, (1u << 30) - 1, 1u << 30, (1u << 30) + 1, ~uint64_t{0}, ~uint64_t{0} - 1};
  for (int shift : {31, 32, 53, 62, 63}) {
    for (uint64_t off : {-1, 0, 1}) limbs.push_back((uint64_t{1} << shift) + off);
  }
  std::mt19937_64 random(5);
  for (int i = 0; i < 12; ++i) limbs.push_back(random() >> (random() % 64));
  const auto same = [&](Value v, const Integer& expected) {
    ASSERT_FALSE(expected.failed());
    const Value other = MakeInteger(heap, expected, nullptr);
    EXPECT_TRUE(v.IsFixnum() == other.IsFixnum() && NumEqual(heap, v, other))
        << NumberToString(heap, v) << " " << NumberToString(heap, other);
  };
  for (const uint64_t high : {uint64_t{0}, uint64_t{1}, uint64_t{77}, uint64_t{1} << 63, ~uint64_t{0}}) {
    for (const uint64_t low : limbs) {
      for (const uint64_t other : limbs) {
        for (const int signs : {0, 1, 2, 3}) {
          if (heap.WantsCollection()) {
            ASSERT_TRUE(heap.Collect());
          }
          const uint64_t long_limbs[] = {low, high};
          const Value a = FromLimbs(heap, long_limbs, (signs & 1) != 0);
          const Value b = FromLimbs(heap, {&other, 1}, (signs & 2) != 0);
          uint64_t a_place;
          uint64_t b_place;
          const IntegerView x = ViewInteger(heap, a, &a_place);
          const IntegerView y = ViewInteger(heap, b, &b_place);
          same(Add(heap, a, b), integers::Sum(x, y));
          same(Subtract(heap, a, b), integers::Difference(x, y));
          same(Multiply(heap, a, b), integers::Product(x, y));
          if (y.IsZero()) continue;
          Value q;
          Value r;
          Integer long_q;
          Integer long_r;
          integers::Divide(x, y, &long_q, &long_r);
          ASSERT_TRUE(DivideIntegers(heap, a, b, Rounding::kTruncate, &q, &r));
          same(q, long_q);
          same(r, long_r);
          if (!IntegerView(long_r).IsZero() && IntegerView(long_r).negative != y.negative) {
            long_q = integers::Difference(long_q, Integer(1));
            long_r = integers::Sum(long_r, y);
          }
          ASSERT_TRUE(DivideIntegers(heap, a, b, Rounding::kFloor, &q, &r));
          same(q, long_q);
          same(r, long_r);
        }
      }
    }
  }
}

}  // namespace
}  // namespace islet::vm
