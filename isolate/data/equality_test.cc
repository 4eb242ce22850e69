#include "isolate/data/equality.h"

#include <cmath>
#include <limits>

#include "gtest/gtest.h"
#include "isolate/data/string.h"
#include "isolate/data/test_heap.h"

namespace islet::vm {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

class EqualityTest : public HeapTest {
 protected:
  Value Text(const char* s) { return MakeString(heap, s); }
  Value Big(uint64_t limb, bool negative) {
    const Value v = heap.MakeBignum(1, negative);
    heap.Get<Bignum>(v)->limbs[0] = limb;
    return v;
  }
  Value Ratio(int n, int d) {
    Ratnum* r = heap.New<Ratnum>();
    r->numerator = Value::Fixnum(n);
    r->denominator = Value::Fixnum(d);
    return heap.ValueOf(r);
  }
  Value Complex(double re, double im) {
    Compnum* c = heap.New<Compnum>();
    c->real = re;
    c->imaginary = im;
    return heap.ValueOf(c);
  }
  Value ExactComplex(Value re, Value im) {
    ExactCompnum* c = heap.New<ExactCompnum>();
    c->real = re;
    c->imaginary = im;
    return heap.ValueOf(c);
  }
  Value VectorOf(std::initializer_list<Value> items) {
    const Value v = heap.MakeVector(static_cast<uint32_t>(items.size()), kFalse);
    uint32_t i = 0;
    for (Value item : items) heap.Get<Vector>(v)->items[i++] = item;
    return v;
  }
  void ExpectEqual(Value a, Value b) {
    EXPECT_TRUE(Equal(heap, a, b));
    EXPECT_TRUE(Equal(heap, b, a));
    bool address;
    const uint32_t hash = EqualHash(heap, a, &address);
    EXPECT_FALSE(address);
    EXPECT_EQ(hash, EqualHash(heap, b, &address));
    EXPECT_LE(hash, kHashMask);
  }
  void ExpectEqv(Value a, Value b) {
    EXPECT_TRUE(Eqv(heap, a, b));
    bool address;
    EXPECT_EQ(EqvHash(heap, a, &address), EqvHash(heap, b, &address));
    ExpectEqual(a, b);
  }
};

TEST_F(EqualityTest, EqvComparesNumbersByTypeAndValue) {
  ExpectEqv(heap.MakeFlonum(1.5), heap.MakeFlonum(1.5));
  ExpectEqv(heap.MakeFlonum(kNan), heap.MakeFlonum(-kNan));
  ExpectEqv(Big(uint64_t{1} << 60, true), Big(uint64_t{1} << 60, true));
  ExpectEqv(Ratio(1, 3), Ratio(1, 3));
  ExpectEqv(Complex(1, 2), Complex(1, 2));
  EXPECT_FALSE(Eqv(heap, heap.MakeFlonum(0.0), heap.MakeFlonum(-0.0)));
  EXPECT_FALSE(Eqv(heap, heap.MakeFlonum(2), Value::Fixnum(2)));
  EXPECT_FALSE(Eqv(heap, Big(uint64_t{1} << 60, true), Big(uint64_t{1} << 60, false)));
  EXPECT_FALSE(Eqv(heap, Ratio(1, 3), Ratio(2, 3)));
  EXPECT_FALSE(Eqv(heap, Complex(1, 2), Complex(1, 3)));
  ExpectEqv(ExactComplex(Ratio(1, 3), Value::Fixnum(2)), ExactComplex(Ratio(1, 3), Value::Fixnum(2)));
  EXPECT_FALSE(Eqv(heap, ExactComplex(Ratio(1, 3), Value::Fixnum(2)), ExactComplex(Ratio(1, 3), Value::Fixnum(-2))));
  EXPECT_FALSE(Eqv(heap, ExactComplex(Value::Fixnum(1), Value::Fixnum(2)), Complex(1, 2)));
}

TEST_F(EqualityTest, EqvTellsMutableObjectsApart) {
  EXPECT_FALSE(Eqv(heap, Text("a"), Text("a")));
  EXPECT_FALSE(Eqv(heap, heap.Cons(kNull, kNull), heap.Cons(kNull, kNull)));
  const Value v = VectorOf({});
  EXPECT_TRUE(Eqv(heap, v, v));
}

TEST_F(EqualityTest, EqualComparesStructure) {
  ExpectEqual(Text("abc"), Text("abc"));
  ExpectEqual(List(Value::Fixnum(1), Text("x"), VectorOf({heap.MakeFlonum(2)})),
              List(Value::Fixnum(1), Text("x"), VectorOf({heap.MakeFlonum(2)})));
  EXPECT_FALSE(Equal(heap, List(Value::Fixnum(1)), List(Value::Fixnum(1), Value::Fixnum(2))));
  EXPECT_FALSE(Equal(heap, VectorOf({kTrue}), List(kTrue)));
  EXPECT_FALSE(Equal(heap, VectorOf({kTrue, Text("a")}), VectorOf({kTrue, Text("b")})));
  EXPECT_FALSE(Equal(heap, Text("abc"), Text("abd")));
  EXPECT_FALSE(Equal(heap, heap.Cons(Text("a"), Text("b")), heap.Cons(Text("a"), Text("c"))));
  const Value b1 = heap.MakeBytevector(3);
  const Value b2 = heap.MakeBytevector(3);
  ExpectEqual(b1, b2);
  heap.Get<Bytevector>(b2)->bytes[2] = 1;
  EXPECT_FALSE(Equal(heap, b1, b2));
}

TEST_F(EqualityTest, EqualTerminatesOnCycles) {
  auto ring = [&](int length) {
    Value head = heap.Cons(Value::Fixnum(1), kNull);
    Value v = head;
    for (int i = 1; i < length; ++i) v = heap.Cons(Value::Fixnum(1), v);
    heap.Get<Pair>(head)->cdr = v;
    return v;
  };
  // Rings of ones, whatever their length, unfold to the same infinite list.
  EXPECT_TRUE(Equal(heap, ring(2), ring(3)));
  const Value broken = ring(3);
  heap.Get<Pair>(broken)->car = Value::Fixnum(2);
  EXPECT_FALSE(Equal(heap, ring(2), broken));
  // A vector that holds itself many times over.
  const Value a = heap.MakeVector(1000, kNull);
  const Value b = heap.MakeVector(1000, kNull);
  for (int i = 0; i < 1000; ++i) {
    heap.Get<Vector>(a)->items[i] = a;
    heap.Get<Vector>(b)->items[i] = b;
  }
  EXPECT_TRUE(Equal(heap, a, b));
  bool address;
  EXPECT_EQ(EqualHash(heap, a, &address), EqualHash(heap, b, &address));
}

TEST_F(EqualityTest, EqualNeedsNoStackForDeepData) {
  auto deep = [&](Value leaf) {
    Value v = leaf;
    for (int i = 0; i < 3000; ++i) v = heap.Cons(VectorOf({v}), kNull);
    return v;
  };
  ExpectEqual(deep(Value::Fixnum(1)), deep(Value::Fixnum(1)));
  EXPECT_FALSE(Equal(heap, deep(Value::Fixnum(1)), deep(Value::Fixnum(2))));
}

TEST_F(EqualityTest, SharedStructureTakesTimeInProportionToItsSize) {
  // 60 levels of sharing are 2^60 nodes when unfolded.
  auto dag = [&] {
    Value v = heap.Cons(kTrue, kTrue);
    for (int i = 0; i < 60; ++i) v = heap.Cons(v, v);
    return v;
  };
  EXPECT_TRUE(Equal(heap, dag(), dag()));
}

TEST_F(EqualityTest, HashesSayWhetherTheyAreOfTheAddress) {
  bool address = false;
  EqHash(heap, Text("a"), &address);
  EXPECT_TRUE(address);
  EqHash(heap, MakeSymbol(77), &address);
  EXPECT_FALSE(address);
  EqHash(heap, Value::Char('x'), &address);
  EXPECT_FALSE(address);
  EqHash(heap, heap.MakeFlonum(1), &address);
  EXPECT_TRUE(address);
  EqvHash(heap, heap.MakeFlonum(1), &address);
  EXPECT_FALSE(address);
  const Value box = heap.ValueOf(heap.New<Box>());
  const uint32_t hash = EqualHash(heap, box, &address);
  EXPECT_TRUE(address);
  EXPECT_EQ(hash, AddressHash(box.offset()));
  // Inside of a structure, such an object counts by its type: the whole has a lasting hash.
  EXPECT_EQ(EqualHash(heap, List(box), &address), EqualHash(heap, List(heap.ValueOf(heap.New<Box>())), &address));
  EXPECT_FALSE(address);
}

}  // namespace
}  // namespace islet::vm
