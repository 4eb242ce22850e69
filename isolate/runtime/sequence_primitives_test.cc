// Lists, vectors, bytevectors, hash tables and records, as programs use them.

#include <cstdint>
#include <string>

#include "gtest/gtest.h"
#include "isolate/data/hash_table.h"
#include "isolate/runtime/test_primitives.h"

namespace islet::vm {
namespace {

using ListPrimitivesTest = PrimitiveTest;
using VectorPrimitivesTest = PrimitiveTest;
using BytevectorPrimitivesTest = PrimitiveTest;
using HashTablePrimitivesTest = PrimitiveTest;
using RecordPrimitivesTest = PrimitiveTest;

TEST_F(ListPrimitivesTest, TakeListsApartAndPutThemTogether) {
  EXPECT_EQ(Eval("(caddr '(1 2 3))"), "3");
  EXPECT_EQ(Eval("(cdddar '((1 2 3 4)))"), "(4)");
  EXPECT_EQ(Eval("(append '(1 2) '() '(3) 4)"), "(1 2 3 . 4)");
  EXPECT_EQ(Eval("(append)"), "()");
  EXPECT_EQ(Eval("(reverse '(1 (2 3) 4))"), "(4 (2 3) 1)");
  EXPECT_EQ(Eval("(list-tail '(1 2 3) 1)"), "(2 3)");
  EXPECT_EQ(Eval("(list-tail '(1 2) 2)"), "()");
  EXPECT_EQ(Eval("(list-ref '(a b c) 2)"), "c");
  EXPECT_EQ(Eval("(make-list 3 'x)"), "(x x x)");
  EXPECT_EQ(Eval("(list-copy '(1 2 . 3))"), "(1 2 . 3)");
  EXPECT_EQ(Eval("(list-copy 7)"), "7");
  EXPECT_EQ(Eval("(define l (list 1 2 3)) (list-set! l 1 'x) l"), "(1 x 3)");
}

// Each makes some megabytes, which no collection has to move later: they are not in the nursery.
TEST_F(ListPrimitivesTest, LongListsAreOldFromTheStart) {
  const auto stays_small = [&](const std::string& text) {
    const uint64_t allocated = heap.Stats().allocated_bytes;
    EXPECT_EQ(Eval(text), "") << text;
    EXPECT_GE(heap.Stats().allocated_bytes - allocated, size_t{2} << 20) << text;
    return heap.Stats().young_bytes < size_t{1} << 20;
  };
  const auto collect = [&] { EXPECT_TRUE(heap.Collect()); };
  ASSERT_EQ(Eval("(define s (number->string (expt 7 400000)))"), "");  // 338,040 digits
  EXPECT_TRUE(stays_small("(define l (string->list s))"));
  collect();
  EXPECT_EQ(Eval("(string=? s (list->string l))"), "#t");
  EXPECT_TRUE(stays_small("(define l (vector->list (string->vector s)))"));
  collect();
  EXPECT_EQ(Eval("(string=? s (list->string l))"), "#t");
  EXPECT_TRUE(stays_small("(define r (reverse l))"));
  collect();
  EXPECT_EQ(Eval("(string=? s (list->string r))"), "#f");
  EXPECT_TRUE(stays_small("(define l (reverse r))"));
  EXPECT_EQ(Eval("(string=? s (list->string l))"), "#t");
  EXPECT_TRUE(stays_small("(define l (list-copy r))"));
  collect();
  EXPECT_EQ(Eval("(equal? l r)"), "#t");
  EXPECT_TRUE(stays_small("(define l (append r r '(#\\a . b)))"));
  collect();
  EXPECT_EQ(Eval("(list-tail l 676080)"), "(#\\a . b)");
  EXPECT_EQ(Eval("(define i (list-tail l 338040)) (set-cdr! (list-tail l 676079) '()) (equal? i r)"), "#t");
  EXPECT_TRUE(stays_small("(define l (make-list 400000 (list 1 2)))"));
  collect();
  EXPECT_EQ(Eval("(list-tail l 399999)"), "((1 2))");
  // The collector still learns of young objects that are stored into the old list.
  EXPECT_EQ(Eval("(set-car! l (list 'new))"), "");
  collect();
  EXPECT_EQ(Eval("(car l)"), "(new)");
  ASSERT_EQ(Eval("(define d (make-string 2000000 #\\a))"), "");
  EXPECT_TRUE(stays_small("(define l (string-split d \"\"))"));
  EXPECT_EQ(Eval("(string=? d (string-join l \"\"))"), "#t");
}

TEST_F(ListPrimitivesTest, Search) {
  EXPECT_EQ(Eval("(memq 'c '(a b c d))"), "(c d)");
  EXPECT_EQ(Eval("(memv 1.5 '(1 1.5 2))"), "(1.5 2)");
  EXPECT_EQ(Eval("(%member '(1) '((0) (1) (2)))"), "((1) (2))");
  EXPECT_EQ(Eval("(memq 'x '(a b))"), "#f");
  EXPECT_EQ(Eval("(assq 'b '((a 1) (b 2)))"), "(b 2)");
  EXPECT_EQ(Eval("(%assoc \"b\" '((\"a\" . 1) (\"b\" . 2)))"), "(\"b\" . 2)");
  EXPECT_EQ(Eval("(assq 'b '((a 1) b))"), "wrong-type in assq: argument 2 should be a list of pairs");
}

TEST_F(ListPrimitivesTest, KnowProperListsFromOthers) {
  EXPECT_EQ(Eval("(list? '(1 2))"), "#t");
  EXPECT_EQ(Eval("(list? '(1 . 2))"), "#f");
  EXPECT_EQ(Eval("(define ring (list 1 2 3)) (set-cdr! (cddr ring) ring) (list? ring)"), "#f");
  EXPECT_EQ(Eval("(length ring)"), "wrong-type in length: argument 1 should be a list that ends");
  EXPECT_EQ(Eval("(memq 4 ring)"), "wrong-type in memq: argument 2 should be a proper list");
  EXPECT_EQ(Eval("(length '(1 . 2))"), "wrong-type in length: argument 1 should be a proper list");
}

TEST_F(ListPrimitivesTest, SayWhatIsValid) {
  EXPECT_EQ(Eval("(car 5)"), "wrong-type in car: argument 1 should be a pair");
  EXPECT_EQ(Eval("(list-ref '(1 2) 2)"), "range in list-ref: argument 2 is not below the list's length");
  EXPECT_EQ(Eval("(list-tail '(1 2) 3)"), "range in list-tail: argument 2 is above the list's length, 2");
  EXPECT_EQ(Eval("(make-list -1)"), "range in make-list: argument 1 is negative");
}

TEST_F(VectorPrimitivesTest, CopyAndConvert) {
  EXPECT_EQ(Eval("(vector-copy #(1 2 3 4) 1 3)"), "#(2 3)");
  EXPECT_EQ(Eval("(vector-append #(1) #() #(2 3))"), "#(1 2 3)");
  EXPECT_EQ(Eval("(vector->list #(1 2 3) 1)"), "(2 3)");
  EXPECT_EQ(Eval("(list->vector '(1 2))"), "#(1 2)");
  EXPECT_EQ(Eval("(vector->string #(#\\a #\\λ))"), "\"aλ\"");
  EXPECT_EQ(Eval("(string->vector \"abc\" 1)"), "#(#\\b #\\c)");
  EXPECT_EQ(Eval("(define v (vector 1 2 3 4 5)) (vector-copy! v 1 v 0 3) v"), "#(1 1 2 3 5)");
  EXPECT_EQ(Eval("(vector-copy! v 0 v 1 4) v"), "#(1 2 3 3 5)");
  EXPECT_EQ(Eval("(vector-fill! v 0 3) v"), "#(1 2 3 0 0)");
}

TEST_F(VectorPrimitivesTest, SayWhatIsValid) {
  EXPECT_EQ(Eval("(vector-ref #(1 2 3) 3)"), "range in vector-ref: argument 2 is not below the vector's length, 3");
  EXPECT_EQ(Eval("(vector-ref #() 0)"), "range in vector-ref: argument 2 is not below the vector's length, 0");
  EXPECT_EQ(Eval("(vector-ref #(1) 1.0)"), "wrong-type in vector-ref: argument 2 should be an exact integer");
  EXPECT_EQ(Eval("(vector-ref #(1) 99999999999999)"),
            "range in vector-ref: argument 2 is not below the vector's length, 1");
  EXPECT_EQ(Eval("(vector-copy #(1 2 3) 2 1)"), "range in vector-copy: argument 3 is below 2");
  EXPECT_EQ(Eval("(vector-copy! (vector 1 2) 1 #(1 2))"),
            "range in vector-copy!: argument 2 leaves no room for 2 elements in a vector of length "
            "2");
  EXPECT_EQ(Eval("(vector-set! (literal #(1 2)) 0 0)"), "immutable in vector-set!: a literal cannot be changed");
}

TEST_F(BytevectorPrimitivesTest, Work) {
  EXPECT_EQ(Eval("(bytevector 1 255)"), "#u8(1 255)");
  EXPECT_EQ(Eval("(bytevector-append #u8(1) #u8(2 3))"), "#u8(1 2 3)");
  EXPECT_EQ(Eval("(bytevector-copy #u8(1 2 3) 1 2)"), "#u8(2)");
  EXPECT_EQ(Eval("(utf8->string #u8(#xce #xbb 33))"), "\"λ!\"");
  EXPECT_EQ(Eval("(string->utf8 \"λ\")"), "#u8(206 187)");
  EXPECT_EQ(Eval("(define b (make-bytevector 3 7)) (bytevector-u8-set! b 1 0) b"), "#u8(7 0 7)");
  EXPECT_EQ(Eval("(bytevector-copy! b 0 #u8(9 8) 1) b"), "#u8(8 0 7)");
  EXPECT_EQ(Eval("(bytevector-fill! b 5 2) b"), "#u8(8 0 5)");
  EXPECT_EQ(Eval("(bytevector 256)"), "range in bytevector: argument 1 is above 255, the largest byte");
  EXPECT_EQ(Eval("(utf8->string #u8(255))"), "range in utf8->string: argument 1 is not valid UTF-8");
}

TEST_F(HashTablePrimitivesTest, LongListsOfEntriesAreOldFromTheStart) {
  constexpr int kEntries = 200'000;
  ASSERT_TRUE(heap.Reserve(HashTableBytes(kEntries)));
  Value table = MakeHashTable(heap, kEqvTableFlag, kEntries);
  for (int i = 0; i < kEntries; ++i) HashTablePut(heap, table, Value::Fixnum(i), Value::Fixnum(3 * i));
  for (int i = 7; i < kEntries; i += 10) HashTableDelete(heap, table, Value::Fixnum(i));
  Value list = CallByName("hash-table->alist", {table});
  EXPECT_EQ(heap.Stats().young_bytes, 0u);
  for (int i = 0; i < kEntries; ++i) {
    if (i % 10 == 7) continue;
    ASSERT_TRUE(list.IsPair()) << i;
    ASSERT_EQ(heap.car(heap.car(list)), Value::Fixnum(i));
    ASSERT_EQ(heap.cdr(heap.car(list)), Value::Fixnum(3 * i));
    list = heap.cdr(list);
  }
  EXPECT_EQ(list, kNull);
}

TEST_F(HashTablePrimitivesTest, KeepOrderAndKind) {
  EXPECT_EQ(Eval("(define t (%make-hash-table 'equal))"
                 "(hash-table-set! t \"b\" 1) (hash-table-set! t '(1 2) 2) (hash-table-set! t 'a 3)"
                 "(hash-table->alist t)"),
            "((\"b\" . 1) ((1 2) . 2) (a . 3))");
  EXPECT_EQ(Eval("(hash-table-ref/default t \"b\" #f)"), "1");
  EXPECT_EQ(Eval("(hash-table-ref/default t (list 1 2) #f)"), "2");
  EXPECT_EQ(Eval("(hash-table-ref/default t 'none 'absent)"), "absent");
  EXPECT_EQ(Eval("(hash-table-delete! t \"b\")"), "1");
  EXPECT_EQ(Eval("(hash-table-keys t)"), "((1 2) a)");
  EXPECT_EQ(Eval("(hash-table-values (hash-table-copy t))"), "(2 3)");
  EXPECT_EQ(Eval("(%hash-table-entries t)"), "#((1 2) 2 a 3)");
  EXPECT_EQ(Eval("(%hash-table-kind t)"), "equal");
  EXPECT_EQ(Eval("(hash-table-clear! t) (hash-table-count t)"), "0");
  EXPECT_EQ(Eval("(hash-table-set! (%make-hash-table 'string) 5 5)"),
            "wrong-type in hash-table-set!: argument 2 should be a string");
}

TEST_F(HashTablePrimitivesTest, HashesGoByContentAndBound) {
  EXPECT_EQ(Eval("(hash '(1 \"x\" #(2)))"), Eval("(hash (list 1 \"x\" (vector 2)))"));
  EXPECT_EQ(Eval("(string-ci-hash \"Straße\")"), Eval("(string-ci-hash \"STRASSE\")"));
  EXPECT_EQ(Eval("(hash \"anything\" 1)"), "0");
  EXPECT_EQ(Eval("(hash 1 0)"), "range in hash: argument 2 is not positive");
}

TEST_F(RecordPrimitivesTest, Work) {
  EXPECT_EQ(Eval("(define point (%make-record-type '<point> #(x y)))"
                 "(define p (%record point 1 2)) (%record-set! p point 1 'new)"
                 "(list (%record-ref p point 0) (%record-ref p point 1))"),
            "(1 new)");
  EXPECT_EQ(Eval("(%record? p point)"), "#t");
  EXPECT_EQ(Eval("(%record? 5 point)"), "#f");
  EXPECT_EQ(Eval("(%record? p (%make-record-type 'point #(x y)))"), "#f");
  EXPECT_EQ(Eval("(%record-ref 5 point 0)"), "wrong-type in point-x: argument 1 should be a record of type point");
  EXPECT_EQ(Eval("(%record-set! 5 point 1 0)"),
            "wrong-type in set-point-y!: argument 1 should be a record of type point");
  EXPECT_EQ(Eval("(%record point 1)"), "arity in %record: point has 2 fields, not 1");
}

}  // namespace
}  // namespace islet::vm
