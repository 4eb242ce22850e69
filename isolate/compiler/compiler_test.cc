#include "isolate/compiler/compiler.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "isolate/compiler/test_language.h"

namespace islet::vm {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// ---- What comes out: results

TEST(CompilerTest, Constants) {
  TestLanguage lisp;
  EXPECT_EQ(lisp.Run("42"), "42");
  EXPECT_EQ(lisp.Run("1000000000"), "1000000000");
  EXPECT_EQ(lisp.Run("'(a (b) ())"), "(a (b) ())");
  EXPECT_EQ(lisp.Run("(define x 3)"), "x");
}

TEST(CompilerTest, Procedures) {
  TestLanguage lisp;
  EXPECT_EQ(lisp.Run("(define (twice x) (* x 2)) (twice (twice 10))"), "40");
  EXPECT_EQ(lisp.Run("((lambda (a b . c) (list a b c)) 1 2 3 4)"), "(1 2 (3 4))");
  EXPECT_EQ(lisp.Run("((lambda a a))"), "()");
  EXPECT_EQ(lisp.Run("(define f (case-lambda ((a) (list 1 a)) ((a b) (list 2 a b)) ((a . r) (list a r))))"
                     "(list (f 1) (f 1 2) (f 1 2 3))"),
            "((1 1) (2 1 2) (1 (2 3)))");
  EXPECT_THAT(lisp.Run("((opaque (lambda (a) a)) 1 2)"), HasSubstr("error"));
  EXPECT_EQ(lisp.Run("(((lambda (x) (lambda (y) (list x y))) 1) 2)"), "(1 2)");
  EXPECT_EQ(lisp.Run("(let ((f (lambda (x) (lambda () x)))) (list ((f 1)) ((f 2))))"), "(1 2)");
}

TEST(CompilerTest, Arithmetic) {
  TestLanguage lisp;
  EXPECT_EQ(lisp.Run("(let ((a (opaque 5)) (b (opaque 3))) (list (+ a 1) (+ 1 a) (- a 1) (- 1 a) "
                     "(+ a b) (- a b)"
                     " (* a b 2) (+ a b a b 1) (- a b 1 1) (+ a 1000) (- a)))"),
            "(6 6 4 -4 8 2 30 17 0 1005 -5)");
  EXPECT_EQ(lisp.Run("(let ((a (opaque 5)) (b (opaque 3))) (list (< a b) (> a b) (<= a 5) (>= 5 a) "
                     "(= a b) (< 3 b)"
                     " (> 4 b) (zero? a) (positive? b) (negative? b) (< 1 2 3) (< 1 3 2)))"),
            "(#f #t #t #t #f #f #t #f #t #f #t #f)");
}

TEST(CompilerTest, Branches) {
  TestLanguage lisp;
  const std::string classify =
      "(define (classify x) (if (null? x) 'null (if (pair? x) 'pair (if (eq? x 'c) 'c (if (not x) "
      "'false"
      " (if (and (< x 10) (> x 5)) 'middle (if (or (= x 0) (= x 1)) 'bit 'other)))))))";
  EXPECT_EQ(lisp.Run(classify + "(list (classify '()) (classify '(1)) (classify 'c) (classify #f) (classify 7)"
                                " (classify 1) (classify 0) (classify 20))"),
            "(null pair c false middle bit bit other)");
  EXPECT_EQ(lisp.Run("(define (f a b c) (list (and a b c) (or a b c) (if (if a b c) 1 2) (if (or "
                     "(not a) b) 1 2)))"
                     "(list (f 1 #f 3) (f #f #f 3) (f #f #f #f) (f 1 2 3))"),
            "((#f 1 2 2) (#f 3 1 1) (#f #f 2 1) (3 1 1 1))");
  EXPECT_EQ(lisp.Run("(let ((x (opaque 1))) (if (let ((y x)) (= y 1)) (begin (set! x 2) x) 3))"), "2");
}

TEST(CompilerTest, Loops) {
  TestLanguage lisp;
  EXPECT_EQ(lisp.Run("(let loop ((i 0) (sum 0)) (if (< i 100) (loop (+ i 1) (+ sum i)) sum))"), "4950");
  EXPECT_EQ(lisp.Run("(+ 1 (let loop ((i 0)) (if (< i 10) (loop (+ i 1)) i)))"), "11");
  // Arguments that trade places.
  EXPECT_EQ(lisp.Run("(let loop ((a 1) (b 2) (c 3) (n (opaque 4)))"
                     " (if (zero? n) (list a b c) (loop b c a (- n 1))))"),
            "(2 3 1)");
  EXPECT_EQ(lisp.Run("(let fib ((n (opaque 10)) (a 0) (b 1)) (if (= n 0) a (fib (- n 1) b (+ a b))))"), "55");
  // Loops in loops, which go on in the outer one.
  EXPECT_EQ(lisp.Run("(let outer ((i 0) (all '())) (if (= i 3) all"
                     " (let inner ((j 0) (all all)) (if (= j 2) (outer (+ i 1) all)"
                     " (inner (+ j 1) (cons (+ (* 10 i) j) all))))))"),
            "(21 20 11 10 1 0)");
  EXPECT_EQ(lisp.Run("(letrec ((even (lambda (n) (if (= n 0) 'even (odd (- n 1)))))"
                     " (odd (lambda (n) (if (= n 0) 'odd (even (- n 1)))))) (even (opaque 1001)))"),
            "odd");
}

TEST(CompilerTest, ClosuresCaptureFreshLoopVariables) {
  TestLanguage lisp;
  EXPECT_EQ(lisp.Run("(define all (let loop ((i 0) (fs '())) (if (= i 3) fs (loop (+ i 1) (cons "
                     "(lambda () i) fs)))))"
                     "(list ((car all)) ((car (cdr all))) ((car (cdr (cdr all)))))"),
            "(2 1 0)");
  EXPECT_EQ(lisp.Run("(define all (let loop ((i 0) (fs '())) (if (= i 2) fs"
                     " (loop (+ i 1) (cons (lambda () (set! i (+ i 10)) i) fs)))))"
                     "(list ((car all)) ((car all)) ((car (cdr all))))"),
            "(11 21 10)");
}

TEST(CompilerTest, Letrec) {
  TestLanguage lisp;
  EXPECT_EQ(lisp.Run("(define (f k) (letrec ((even (lambda (n) (if (= n 0) k (not (odd (- n 1))))))"
                     " (odd (lambda (n) (if (= n 0) #f (not (even (- n 1)))))))"
                     " (list (even 10) (odd 5) (even 3))))"
                     "(f #t)"),
            "(#t #f #t)");
  // In order, with procedures made in time.
  EXPECT_EQ(lisp.Run("(letrec ((a (opaque 1)) (f (lambda () (+ a 1))) (b (f)) (g (lambda () (+ (f) "
                     "b)))) (list a b (g)))"),
            "(1 2 4)");
  // Too early.
  EXPECT_THAT(lisp.Run("(letrec ((f (lambda () b)) (a (f)) (b (opaque 2))) (list a b))"), HasSubstr("error"));
  EXPECT_THAT(lisp.Run("(letrec ((a (opaque b)) (b (opaque 2))) a)"), HasSubstr("error"));
  EXPECT_EQ(lisp.Run("(letrec ((f (lambda () b)) (a (lambda () (f))) (b (opaque 2))) (a))"), "2");
}

TEST(CompilerTest, Assignments) {
  TestLanguage lisp;
  EXPECT_EQ(lisp.Run("(define (counter) (let ((n 0)) (lambda () (set! n (+ n 1)) n)))"
                     "(define a (counter)) (define b (counter)) (a) (a) (list (a) (b))"),
            "(3 1)");
  EXPECT_EQ(lisp.Run("(define (f x) (set! x (+ x 1)) (set! x (* x x)) x) (f 4)"), "25");
  EXPECT_EQ(lisp.Run("(let ((x (opaque 1))) (let ((y x)) (set! x 5) (list x y)))"), "(5 1)");
}

// A continuation entered again finds the frame as it was, but assignments are not undone.
TEST(CompilerTest, AssignmentsOutlastContinuations) {
  TestLanguage lisp;
  EXPECT_EQ(lisp.Run("(define k #f)"
                     "(define (f) (let ((n 0)) (%call/cc (lambda (c) (set! k c))) (set! n (+ n 1))"
                     " (if (< n 3) (k #f) n)))"
                     "(f)"),
            "3");
}

TEST(CompilerTest, ProceduresCalledOnceAreMoved) {
  TestLanguage lisp;
  EXPECT_EQ(lisp.Run("(define (f x) (letrec ((g (lambda (y) (* y 2))) (h (lambda (z) (+ (g z) "
                     "1)))) (list (h x) x)))"
                     "(f 10)"),
            "(21 10)");
  EXPECT_THAT(lisp.Code("(lambda (x) (letrec ((g (lambda (y) (* y y)))) (cons (g x) x)))"), Not(HasSubstr("Closure")));
}

// ---- How: the shape of the code

TEST(CompilerTest, FibIsTight) {
  TestLanguage lisp;
  const std::string code = lisp.Code("(define (fib n) (if (< n 2) n (+ (fib (- n 1)) (fib (- n 2)))))");
  EXPECT_THAT(code, HasSubstr("0 Enter 1 #6\n"
                              "2 JumpIfNotLessInt r0 2 -> 5\n"
                              "4 Return r0\n"
                              "5 SubtractInt r4 r0 1\n"
                              "6 CallGlobal r1 1 [fib]\n"
                              "8 SubtractInt r5 r0 2\n"
                              "9 CallGlobal r2 1 [fib]\n"
                              "11 Add r1 r1 r2\n"
                              "12 Return r1\n"));
}

TEST(CompilerTest, LoopsHaveNoMoves) {
  TestLanguage lisp;
  const std::string code =
      lisp.Code("(lambda (l) (let loop ((l l) (n 0)) (if (pair? l) (loop (cdr l) (+ n (car l))) n)))");
  EXPECT_THAT(code, HasSubstr("2 Move r1 r0\n"
                              "3 LoadInt r2 0\n"
                              "4 JumpIfNotPair r1 -> 11\n"
                              "6 Car r3 r1\n"
                              "7 Add r2 r2 r3\n"
                              "8 Cdr r1 r1\n"
                              "9 Loop -> 4\n"));
}

TEST(CompilerTest, ProceduresWithoutFreeVariablesAreConstants) {
  TestLanguage lisp;
  EXPECT_THAT(lisp.Code("(lambda (l) (letrec ((f (lambda (n) (if (= n 0) 0 (+ 1 (g n)))))"
                        " (g (lambda (n) (+ 1 (f (- n 1)))))) (cons (f 3) (g 4))))"),
              Not(HasSubstr("MakeClosure")));
}

TEST(CompilerTest, OrInATestMakesNoValue) {
  TestLanguage lisp;
  const std::string code = lisp.Code("(lambda (a b) (if (or (null? a) (< b 3)) 1 2))");
  EXPECT_THAT(code, HasSubstr("JumpIfNull r0"));
  EXPECT_THAT(code, HasSubstr("JumpIfNotLessInt r1 3"));
  EXPECT_THAT(code, Not(HasSubstr("IsNull")));
}

// ---- Size

std::string Repeat(int n, absl::string_view separator, std::string (*item)(int)) {
  std::string all;
  for (int i = 0; i < n; ++i) absl::StrAppend(&all, i ? separator : "", item(i));
  return all;
}

TEST(CompilerTest, ManyVariables) {
  TestLanguage lisp;
  const std::string bindings = Repeat(1000, " ", [](int i) { return absl::StrCat("(v", i, " (opaque ", i, "))"); });
  const std::string names = Repeat(1000, " ", [](int i) { return absl::StrCat("v", i); });
  EXPECT_EQ(lisp.Run(absl::StrCat("(define (f) (let (", bindings, ") (+ ", names, "))) (f)")), "499500");
  // One inside the other.
  const std::string nested =
      Repeat(1000, " ", [](int i) { return absl::StrCat("(let ((v", i, " (opaque ", i, ")))"); });
  EXPECT_EQ(lisp.Run(absl::StrCat("(define (f) ", nested, " (+ ", names, ")", std::string(1000, ')'), ") (f)")),
            "499500");
  EXPECT_EQ(lisp.Run(absl::StrCat("(define (f) (letrec (", bindings, ") (+ ", names, "))) (f)")), "499500");
  // And in a loop.
  EXPECT_EQ(lisp.Run(absl::StrCat("(define (f) (let loop ((n 0)) (if (= n 3) n (let (", bindings,
                                  ") (loop (+ n v1)))))) (f)")),
            "3");
}

TEST(CompilerTest, ManyFreeVariables) {
  TestLanguage lisp;
  const std::string names = Repeat(1000, " ", [](int i) { return absl::StrCat("v", i); });
  const std::string bindings = Repeat(1000, " ", [](int i) { return absl::StrCat("(v", i, " (opaque ", i, "))"); });
  EXPECT_EQ(lisp.Run(absl::StrCat("(define (f) (let (", bindings, ") (lambda () (+ ", names, ")))) ((f))")), "499500");
}

TEST(CompilerTest, ManyArguments) {
  TestLanguage lisp;
  const std::string names = Repeat(1000, " ", [](int i) { return absl::StrCat("v", i); });
  const std::string args = Repeat(1000, " ", [](int i) { return absl::StrCat("(opaque ", i, ")"); });
  EXPECT_EQ(lisp.Run(absl::StrCat("(define (f ", names, ") (list v0 v79 v80 v500 v999)) (f ", args, ")")),
            "(0 79 80 500 999)");
  EXPECT_EQ(
      lisp.Run(absl::StrCat("(define (g ", names, " . r) (list v999 r)) (list (g ", args, ") (g ", args, " 7 8))")),
      "((999 ()) (999 (7 8)))");
  EXPECT_THAT(lisp.Run(absl::StrCat("(f ", args, " 1)")), HasSubstr("error"));
  EXPECT_THAT(lisp.Run("(f 1 2 3)"), HasSubstr("error"));
  EXPECT_EQ(lisp.Run(absl::StrCat("(vector-ref (vector ", args, ") 999)")), "999");
  EXPECT_EQ(lisp.Run(absl::StrCat("(+ ", args, ")")), "499500");
}

TEST(CompilerTest, ManyBranches) {
  TestLanguage lisp;
  const std::string clauses =
      Repeat(10000, " ", [](int i) { return absl::StrCat("((= x ", i, ") (opaque ", i * 2 % 1000, "))"); });
  EXPECT_EQ(lisp.Run(absl::StrCat("(define (f x) (cond ", clauses, " (else 'none))) (list (f 9990) (f 10000))")),
            "(980 none)");
  EXPECT_EQ(lisp.Run(absl::StrCat("(define (g x) (list (cond ", clauses, "))) (g 501)")), "(2)");
}

TEST(CompilerTest, DeepExpressions) {
  TestLanguage lisp;
  const auto nest = [](absl::string_view before, absl::string_view after, int depth) {
    std::string text;
    for (int i = 0; i < depth; ++i) absl::StrAppend(&text, before);
    absl::StrAppend(&text, "0");
    for (int i = 0; i < depth; ++i) absl::StrAppend(&text, after);
    return text;
  };
  lisp.Run("(define (f a b c) (+ a b c))");
  EXPECT_EQ(lisp.Run(nest("(+ 1 ", ")", 1900)), "1900");
  EXPECT_EQ(lisp.Run(nest("(+ ", " 1)", 1900)), "1900");
  EXPECT_EQ(lisp.Run(nest("(f (opaque 1) (opaque 1) ", ")", 1900)), "3800");
  EXPECT_EQ(lisp.Run(nest("(+ (opaque 1) ", ")", 1900)), "1900");
  EXPECT_EQ(lisp.Run(nest("(let ((x ", ")) (+ x 1))", 1900)), "1900");
  EXPECT_EQ(lisp.Run(nest("((lambda () ", "))", 1900)), "0");
  EXPECT_EQ(lisp.Run(nest("((opaque (lambda () ", ")))", 1900)), "0");
}

}  // namespace
}  // namespace islet::vm
