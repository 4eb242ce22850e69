// Macros that are procedures, in whole isolates: what their failures say, what can stop them, and
// that they live in snapshots. What they mean is tested in isolate/conformance/er_macros.lisp.

#include <chrono>
#include <memory>
#include <string>
#include <thread>
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
using ::testing::Not;
using ::testing::StartsWith;

TEST(ProceduralMacro, AFailureNamesTheUseAndThePlaceInTheTransformer) {
  Session lisp;
  const std::string error = lisp.Run(
      "(define (helper x)\n"
      "  (+ 1 (car x)))\n"
      "(define-syntax m (er-macro-transformer (lambda (form rename compare) (+ 1 (helper (cadr "
      "form))))))\n"
      "(define (f)\n"
      "  (m 5))\n");
  EXPECT_THAT(error, StartsWith("error: test.lisp:5:3: m: this macro's transformer failed: car: argument 1 should be a "
                                "pair: 5\n  at helper (test.lisp:2:"));
  EXPECT_THAT(error, HasSubstr("in the form (m 5)"));
  EXPECT_EQ(lisp.code(), absl::StatusCode::kInvalidArgument);
}

TEST(ProceduralMacro, PartsOfTheFormKeepTheirPlaces) {
  Session lisp;
  EXPECT_THAT(lisp.Run("(define-syntax m (er-macro-transformer (lambda (f r c) `(,(r 'begin) "
                       ",@(reverse (cdr f))))))\n"
                       "(define (g) 1)\n"
                       "(m 1\n"
                       "   (if))"),
              StartsWith("error: test.lisp:4:4: if: expected (if test"));
  EXPECT_THAT(lisp.Run("(m (list 2)\n"
                       "   (list (car 1)))"),
              HasSubstr("(test.lisp:2:10)"));
}

TEST(ProceduralMacro, AFailureCanBeCaughtAsASyntaxError) {
  Session lisp;
  EXPECT_EQ(lisp.Run("(guard (e ((error-object? e) 'caught))"
                     "  (eval '(let-syntax ((m (er-macro-transformer (lambda (f r c) (raise 'x))))) (m))"
                     "        (interaction-environment)))"),
            "caught");
}

TEST(ProceduralMacro, AnInterruptEndsATransformerAndCannotBeCaught) {
  Session lisp;
  ASSERT_EQ(lisp.Run("(define-syntax spin (er-macro-transformer (lambda (f r c) (let loop () (loop))))) 1"), "1");
  for (const char* program : {"(spin)", "(guard (e (#t 'caught)) (eval '(spin) (interaction-environment)))",
                              "(let-syntax ((m (er-macro-transformer (let loop () (loop))))) (m))",
                              "(guard (e (#t 'caught)) (eval '(let-syntax ((m (er-macro-transformer (lambda (f r c) "
                              "f)))) (m))"
                              " (interaction-environment)))"}) {
    std::thread other([&] {
      std::this_thread::sleep_for(std::chrono::milliseconds(30));
      lisp.vm().Interrupt();
    });
    const std::string result = lisp.Run(program);
    other.join();
    EXPECT_THAT(result, HasSubstr("interrupted")) << program;
    EXPECT_EQ(lisp.code(), absl::StatusCode::kCancelled) << program;
    EXPECT_EQ(lisp.Run("(+ 1 2)"), "3") << program;
  }
}

TEST(ProceduralMacro, TheHeapLimitEndsATransformer) {
  VmOptions options;
  options.heap.heap_limit = size_t{16} << 20;
  Session lisp(options);
  EXPECT_THAT(lisp.Run("(define-syntax hoard (er-macro-transformer (lambda (f r c)"
                       "  (let loop ((kept '())) (loop (cons (make-vector 1000 0) kept))))))"
                       "(guard (e (#t 'caught)) (eval '(hoard) (interaction-environment)))"),
              HasSubstr("heap limit"));
  EXPECT_EQ(lisp.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(lisp.Run("(+ 1 2)"), "3");
}

TEST(ProceduralMacro, MacrosThatEvaluateThemselvesWithoutEndAreStopped) {
  Session lisp;
  lisp.Run(
      "(define-syntax down (er-macro-transformer (lambda (f r c) (eval '(down) "
      "(interaction-environment)))))");
  EXPECT_THAT(lisp.Run("(down)"), HasSubstr("error"));
  // The same on a thread with a small stack.
  std::string result;
  std::thread([&] { result = lisp.Run("(down)"); }).join();
  EXPECT_THAT(result, HasSubstr("error"));
  EXPECT_EQ(lisp.Run("(+ 1 2)"), "3");
}

TEST(ProceduralMacro, ExitInATransformerExits) {
  Session lisp;
  EXPECT_THAT(lisp.Run("(let-syntax ((m (er-macro-transformer (lambda (f r c) (exit 3))))) (m))"), HasSubstr("exit"));
  EXPECT_EQ(lisp.Run("(+ 1 2)"), "3");
}

TEST(ProceduralMacro, ContinuationsOfATransformerThatIsOver) {
  Session lisp;
  ASSERT_EQ(lisp.Run("(define k #f) (define entered 0)"
                     "(define-syntax m (er-macro-transformer (lambda (f r c)"
                     "  (call/cc (lambda (here) (set! k here)))"
                     "  (set! entered (+ entered 1))"
                     "  (r 'list)"
                     "  42)))"
                     "(m)"),
            "42");
  // At top level it returns to whoever called; but rename belongs to a use that is over.
  EXPECT_THAT(lisp.Run("(k 1)"), HasSubstr("rename: the macro use that this procedure belongs to has been expanded"));
  EXPECT_EQ(lisp.Run("entered"), "2");
}

TEST(ProceduralMacro, LivesInASnapshot) {
  std::vector<uint8_t> bytes;
  {
    Session lisp;
    ASSERT_EQ(lisp.Run("(define uses 0)"
                       "(define (name-of i) (string->symbol (string-append \"v\" (number->string i))))"
                       "(define-syntax bind-three (er-macro-transformer (lambda (form rename compare)"
                       "  (set! uses (+ uses 1))"
                       "  `(,(rename 'let) ,(map (lambda (i) (list (name-of i) i)) '(1 2 3)) ,(cadr form)))))"
                       "(define kept-identifier #f)"
                       "(define-syntax keep (er-macro-transformer (lambda (f r c) (set! kept-identifier (r "
                       "'vector)) 1)))"
                       "(keep)"
                       "(bind-three (list v1 v3))"),
              "(1 3)");
    absl::StatusOr<std::vector<uint8_t>> written = WriteSnapshot(lisp.vm());
    ASSERT_TRUE(written.ok()) << written.status();
    bytes = *std::move(written);
  }
  Session lisp(bytes);
  EXPECT_EQ(lisp.Run("(bind-three (+ v1 v2 v3))"), "6");
  EXPECT_EQ(lisp.Run("(let ((let 0)) (bind-three (list v2)))"), "(2)");
  EXPECT_EQ(lisp.Run("uses"), "3");
  EXPECT_EQ(lisp.Run("kept-identifier"), "#<identifier vector>");
  EXPECT_EQ(lisp.Run("(eval (list kept-identifier 1 2) (interaction-environment))"), "#(1 2)");
  EXPECT_EQ(lisp.Run("(define-syntax kept (er-macro-transformer (lambda (f r c) (list kept-identifier 3))))"
                     "(let ((vector list)) (kept))"),
            "#(3)");
}

TEST(ProceduralMacro, RenamesTheSameNameAlikeHoweverManyThereAre) {
  Session lisp;
  EXPECT_EQ(lisp.Run("(define-syntax m (er-macro-transformer (lambda (form rename compare)"
                     "  (define (renamed i) (rename (string->symbol (string-append \"n\" (number->string i)))))"
                     "  (let* ((first (map renamed (iota 20000))) (again (map renamed (iota 20000))))"
                     "    (list (rename 'quote)"
                     "          (list (every eq? first again)"
                     "                (every (lambda (a) (not (memq a (cdr first)))) (list (car first)))"
                     "                (every compare first again)))))))"
                     "(m)"),
            "(#t #t #t)");
}

// An evaluation within a transformer makes identifiers of its own of those around it.
TEST(ProceduralMacro, IdentifiersSurviveAnEvaluationWithinTheTransformer) {
  Session lisp;
  EXPECT_EQ(lisp.Run("(define-syntax m (er-macro-transformer (lambda (form rename compare)"
                     "  (let* ((tmp (rename 'tmp)) (other (rename 'other)) (env (interaction-environment))"
                     "         (inner (eval `(let ((,other 1) (,tmp 10)) (+ ,tmp ,other)) env)))"
                     "    `(,(rename 'let) ((,tmp ,inner) (,other 5))"
                     "       (,(rename 'list) ,tmp ,other ,(cadr form) ,(eq? tmp (rename 'tmp))))))))"
                     "(let ((tmp 'mine)) (m tmp))"),
            "(11 5 mine #t)");
}

// Everything moves at each safepoint, so that a value held across one shows.
TEST(ProceduralMacro, CollectionsWhileExpanding) {
  VmOptions options;
  options.heap.nursery_size = 1024;
  Session lisp(options);
  EXPECT_EQ(lisp.Run("(define-syntax m (er-macro-transformer (lambda (form rename compare)"
                     "  (let ((names (map rename '(a b c))))"
                     "    (let fill ((n 5000) (l '())) (if (> n 0) (fill (- n 1) (cons n l))))"
                     "    `(,(rename 'let) ,(map list names (cdr form))"
                     "       (,(rename 'list) ,@(if (compare (car names) (rename 'a)) names '())))))))"
                     "(define (f a) (m (+ a 1) (m a 2 3) \"text\"))"
                     "(f 1)"),
            "(2 (1 2 3) \"text\")");
}

}  // namespace
}  // namespace islet::vm
