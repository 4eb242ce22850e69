// Names that are used before they are defined: found by a definition however late it comes, and forgotten with the code
// that uses them.

#include "isolate/expander/forward_cells.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "snapshot/image.h"
#include "snapshot/writer.h"
#include "tests/test_session.h"

namespace islet::vm {
namespace {

using ::testing::HasSubstr;

size_t Known(Session& lisp) {
  size_t known = 0;
  for (const Value cell : lisp.vm().heap().forward_cells().slots) known += cell != kUndefined;
  return known;
}

TEST(ForwardCells, ADefinitionFindsThem) {
  Session lisp;
  lisp.Run("(define (f) (later 1)) (define (g) (set! later list)) (define (h) later)");
  EXPECT_EQ(Known(lisp), 1u) << "one for all uses of the name";
  EXPECT_THAT(lisp.Run("(f)"), HasSubstr("unbound variable: later"));
  lisp.vm().heap().CollectFull();
  lisp.Run("(define (later x) (+ x 1))");
  EXPECT_EQ(lisp.Run("(f)"), "2");
  EXPECT_EQ(lisp.Run("(g) (list (f) (eq? (h) list) (eq? later list))"), "((1) #t #t)");
  lisp.vm().heap().CollectFull();
  EXPECT_EQ(Known(lisp), 0u);
  EXPECT_EQ(lisp.Run("(define (later x) x) (f)"), "1") << "the same variable from then on";
}

TEST(ForwardCells, EachEnvironmentHasItsOwn) {
  Session lisp;
  lisp.Run(
      "(define (f) later) (define e (environment '(scheme base)))"
      "(define g (eval '(lambda () later) e))");
  lisp.Run("(define later 'here)");
  EXPECT_EQ(lisp.Run("(f)"), "here");
  EXPECT_THAT(lisp.Run("(g)"), HasSubstr("unbound variable: later"));
}

TEST(ForwardCells, GoWithTheCodeThatUsesThem) {
  Session lisp;
  lisp.Run("(define kept (eval '(lambda () kept-name) (interaction-environment)))");
  lisp.Run(
      "(do ((i 0 (+ i 1))) ((= i 3000))"
      "  (eval (list 'lambda '() (string->symbol (string-append \"name-\" (number->string i))))"
      "        (interaction-environment)))");
  lisp.vm().heap().CollectFull();
  EXPECT_LT(Known(lisp), 10u);
  EXPECT_EQ(lisp.Run("(define kept-name 5) (kept)"), "5");
}

// Many at once: all are found again, however the table has grown.
TEST(ForwardCells, Many) {
  Session lisp;
  constexpr const char* kName = "(string->symbol (string-append \"name-\" (number->string i)))";
  lisp.Run(absl::StrCat("(define all (map (lambda (i) (eval (list 'lambda '() ", kName,
                        ") (interaction-environment))) (iota 1000)))"));
  EXPECT_EQ(Known(lisp), 1000u);
  lisp.Run(absl::StrCat("(for-each (lambda (i) (eval (list 'define ", kName,
                        " i) (interaction-environment))) (iota 1000))"));
  EXPECT_EQ(lisp.Run("(equal? (map (lambda (f) (f)) all) (iota 1000))"), "#t");
}

TEST(ForwardCells, LiveInSnapshots) {
  std::vector<uint8_t> bytes;
  {
    Session lisp;
    lisp.Run("(define (f) (list later other-name))");
    lisp.Run("(eval '(lambda () nobody-keeps-this) (interaction-environment))");
    absl::StatusOr<std::vector<uint8_t>> written = WriteSnapshot(lisp.vm());
    ASSERT_TRUE(written.ok()) << written.status();
    bytes = *std::move(written);
    EXPECT_EQ(lisp.Run("(define later 1) (define other-name 2) (f)"), "(1 2)") << "and here, too";
  }
  Session lisp(bytes);
  EXPECT_THAT(lisp.Run("(f)"), HasSubstr("unbound variable"));
  EXPECT_EQ(lisp.Run("(define later 3) (define other-name 4) (f)"), "(3 4)");
}

}  // namespace
}  // namespace islet::vm
