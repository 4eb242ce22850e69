// Errors about names of other Lisps say what to write instead.

#include "isolate/data/foreign_names.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/test_session.h"

namespace islet::vm {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(ForeignNames, AreFoundWhole) {
  EXPECT_EQ(ForeignNameHint("setq"), "(set! name value)");
  for (const char* name : {"1+", "true", "defun", "nil", "while"}) EXPECT_NE(ForeignNameHint(name), "") << name;
  for (const char* name : {"", "set", "setqq", "car", "zzz", "define"}) EXPECT_EQ(ForeignNameHint(name), "") << name;
}

TEST(ForeignNames, AReferenceSaysWhatToWrite) {
  EXPECT_THAT(Session().Run("(list nil)"), HasSubstr("unbound variable: nil; in Scheme: '() is the empty list"));
  EXPECT_THAT(Session().Run("t"), HasSubstr("unbound variable: t; in Scheme: #t"));
  EXPECT_THAT(Session().Run("(map funcall '())"), HasSubstr("unbound variable: funcall; in Scheme: call it"));
  EXPECT_THAT(Session().Run("(list nowhere)"), Not(HasSubstr("in Scheme")));
}

// The operator comes to light before the operands, which are unbound as well, or no expressions at
// all.
TEST(ForeignNames, ACallSaysWhatToWrite) {
  const char* kCalls[][2] = {
      {"(setq x 1)", "setq; in Scheme: (set! name value)"},
      {"(defun f (x) (* x 2))", "defun; in Scheme: (define (name x ...) body ...)"},
      {"(defun f () 1)", "defun; in Scheme: (define (name x ...) body ...)"},
      {"(defun f (&optional x) \"doc\" (if))", "defun; in Scheme"},
      {"(defvar *x* 1)", "defvar; in Scheme"},
      {"(defmacro m (x) `(list ,x))", "defmacro; in Scheme: (define-syntax"},
      {"(progn (princ 1) 2)", "progn; in Scheme: (begin body ...)"},
      {"(princ x)", "princ; in Scheme: (display x)"},
      {"(dolist (x '(1 2)) (print x))", "dolist; in Scheme: (for-each"},
      {"(dotimes (i 3) i)", "dotimes; in Scheme: (do ((i 0 (+ i 1)))"},
      {"(loop for x in '(1 2) do (print x))", "loop; in Scheme: a named let"},
      {"(flet ((f (x) x)) (f 1))", "flet; in Scheme: (let ((f (lambda"},
      {"(let ((x 1)) (incf x))", "incf; in Scheme: (set! n (+ n 1))"},
      {"(unwind-protect 1 2)", "unwind-protect; in Scheme: (dynamic-wind"},
      {"(multiple-value-bind (a b) (values 1 2) a)", "multiple-value-bind; in Scheme: (receive"},
      {"(handler-case (car 1) (error (e) 2))", "handler-case; in Scheme: (guard"},
      {"(defstruct point x y)", "defstruct; in Scheme: (define-record-type"},
      {"(defn f (x) x)", "defn; in Scheme: (define (name x ...) body ...)"},
      {"(def x 1)", "def; in Scheme: (define name value)"},
      {"((fn (x) x) 1)", "fn; in Scheme: (lambda (x ...) body ...)"},
      {"(define (f l) (mapcar car l)) (f '((1)))", "mapcar; in Scheme: (map procedure list ...)"},
      {"(gethash 'a (make-hash-table))", "gethash; in Scheme: (hash-table-ref/default"},
  };
  for (const auto& [program, expected] : kCalls) EXPECT_THAT(Session().Run(program), HasSubstr(expected)) << program;
  EXPECT_THAT(Session().Run("(progn 1 2)"), HasSubstr("test.lisp:1:2"));
}

TEST(ForeignNames, NumbersWithASign) {
  EXPECT_THAT(Session().Run("(1+ 2)"), HasSubstr("1+ is neither a number nor an identifier; in Scheme: (+ n 1)"));
  EXPECT_THAT(Session().Run("(map 1- '(2))"), HasSubstr("in Scheme: (- n 1)"));
  EXPECT_THAT(Session().Run("(-1+ 2)"), HasSubstr("in Scheme: (- n 1)"));
}

TEST(ForeignNames, ProgramsMayDefineThemAtAnyTime) {
  EXPECT_EQ(Session().Run("(define (f x) (setq x 1)) (define (setq a b) (list a b)) (f 5)"), "(5 1)");
  EXPECT_EQ(Session().Run("(define (f) (mapcar car '((1) (2)))) (define mapcar map) (f)"), "(1 2)");
  EXPECT_EQ(Session().Run("(begin (define (f) (nth 1 '(a b))) (define (nth i l) (list-ref l i)) (f))"), "b");
  EXPECT_EQ(Session().Run("(let ((print list)) (print 1 2))"), "(1 2)");
  EXPECT_EQ(Session().Run("(define-syntax while (syntax-rules () ((_ t b ...) (let loop () (when t "
                          "b ... (loop))))))"
                          "(define n 3) (while (> n 0) (set! n (- n 1))) n"),
            "0");
  // In whichever order operands are evaluated: the check must not evaluate anything twice.
  EXPECT_EQ(Session().Run("(define n 0) (define (f) (push (begin (set! n (+ n 1)) n))) (define (push x) x) (f) n"),
            "1");
}

TEST(ForeignNames, TheConditionIsWhatItIsForOtherNames) {
  EXPECT_EQ(Session().Run("(guard (e ((error-object? e) (list (error-object-message e) "
                          "(error-object-irritants e))))"
                          "  (setq x 1))"),
            "(\"unbound variable\" (setq))");
}

}  // namespace
}  // namespace islet::vm
