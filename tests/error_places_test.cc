// Errors tell where they are: which argument, which call, which form, how many values.

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "islet/isolate.h"
#include "isolate/lib/standard.h"

ISLET_EMBEDDED_SNAPSHOT(standard);

namespace islet {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

class ErrorPlacesTest : public testing::Test {
 protected:
  ErrorPlacesTest() {
    absl::StatusOr<Snapshot> snapshot = Snapshot::FromEmbedded(standard);
    EXPECT_TRUE(snapshot.ok()) << snapshot.status();
    absl::StatusOr<std::unique_ptr<Isolate>> isolate = Isolate::FromSnapshot(*snapshot, IsolateOptions());
    EXPECT_TRUE(isolate.ok()) << isolate.status();
    isolate_ = *std::move(isolate);
    scope_ = std::make_unique<Isolate::Scope>(*isolate_);
    EXPECT_THAT(Message("(import (scheme base) (scheme char) (scheme write) (scheme lazy) (islet))"), IsEmpty());
  }

  // The failure's message, without place and backtrace; empty if there was none.
  std::string Message(const std::string& text) {
    const absl::Status status = isolate_->EvalScript(text, "t").status();
    return status.ok() ? "" : isolate_->LastError().message;
  }
  // Its kind, its message, and its frames in the text itself, innermost first: "f 1:2".
  std::string Report(const std::string& text) {
    const absl::Status status = isolate_->EvalScript(text, "t").status();
    return status.ok() ? "no error" : LastReport();
  }
  std::string LastReport() {
    const ErrorReport& report = isolate_->LastError();
    std::vector<std::string> lines = {report.kind, report.message};
    for (const ErrorReport::Frame& frame : report.backtrace) {
      if (frame.place.file != "t") continue;
      lines.push_back(absl::StrCat(frame.procedure, " ", frame.place.line, ":", frame.place.column));
    }
    return absl::StrJoin(lines, "\n");
  }
  std::string Printed(const std::string& text) {
    absl::StatusOr<Value> value = isolate_->EvalScript(text, "t");
    return value.ok() ? value->Print() : std::string(value.status().message());
  }

  std::unique_ptr<Isolate> isolate_;
  std::unique_ptr<Isolate::Scope> scope_;
};

// ---- Which argument

struct Operation {
  std::string name;
  std::vector<std::string> good;  // as many arguments as are tried at most
  std::string bad = "'bad";       // what none of them may be
  size_t least = 2;               // how many are tried at least
};

std::vector<Operation> Operations() {
  std::vector<Operation> all;
  for (const char* name : {"+", "-", "*", "/", "=", "<", ">", "<=", ">=", "max", "min", "gcd", "lcm", "bitwise-and",
                           "bitwise-ior", "bitwise-xor"}) {
    all.push_back({name, {"1", "2", "3", "4"}});
    all.push_back({name, {"4", "3", "2", "1"}});
    all.push_back({name, {"1000", "1000", "1000", "1000"}, "\"5\""});
  }
  for (const char* name : {"=", "+", "-", "*", "/", "<", ">=", "max"}) all.push_back({name, {"1.5", "2.5", "3.5"}});
  for (const char* name : {"char=?", "char<?", "char>?", "char<=?", "char>=?", "char-ci=?", "char-ci<?", "string"})
    all.push_back({name, {"#\\a", "#\\b", "#\\c", "#\\d"}, "\"a\""});
  for (const char* name :
       {"string=?", "string<?", "string>?", "string<=?", "string>=?", "string-ci=?", "string-ci<?", "string-append"})
    all.push_back({name, {"\"a\"", "\"b\"", "\"c\"", "\"d\""}, "#\\a"});
  for (const char* name : {"quotient", "remainder", "modulo", "floor/", "expt"}) all.push_back({name, {"12", "5"}});
  for (const char* name : {"zero?", "positive?", "negative?", "even?", "exact-integer-sqrt", "number->string"})
    all.push_back({name, {"12"}, "'bad", 1});
  all.push_back({"number->string", {"12", "10"}});
  all.push_back({"vector-append", {"#(1)", "#(2)", "#(3)"}, "'(1)"});
  all.push_back({"bytevector-append", {"#u8(1)", "#u8(2)", "#u8(3)"}, "'(1)"});
  all.push_back({"bytevector", {"1", "2", "3"}, "256"});
  all.push_back({"boolean=?", {"#t", "#t", "#f"}});
  all.push_back({"symbol=?", {"'a", "'a", "'b"}, "\"a\""});
  all.push_back({"vector-ref", {"#(1 2)", "1"}});
  all.push_back({"string-ref", {"\"ab\"", "1"}});
  all.push_back({"list-tail", {"'(1 2)", "1"}});
  all.push_back({"car", {"'(1 2)"}, "5", 1});
  all.push_back({"cadr", {"'(1 2)"}, "5", 1});
  return all;
}

// Calls of `name` in every way there is: with constants and variables, for the value and for a
// branch, known to the compiler and not.
std::vector<std::string> Calls(const std::string& name, const std::vector<std::string>& args, size_t wrong) {
  const std::string list = absl::StrJoin(args, " ");
  std::vector<std::string> names, mixed = args;
  for (size_t i = 0; i < args.size(); ++i) names.push_back(absl::StrCat("x", i));
  mixed[wrong] = "bad";
  const std::string variables = absl::StrJoin(names, " ");
  const auto call = [&name](absl::string_view of) { return absl::StrCat("(", name, " ", of, ")"); };
  const std::string of_variables = call(variables), of_mixed = call(absl::StrJoin(mixed, " "));
  return {
      call(list),
      absl::StrCat("(list ", call(list), ")"),
      absl::StrCat("(if ", call(list), " 1 2)"),
      absl::StrCat("(define (f ", variables, ") ", of_variables, ") (f ", list, ")"),
      absl::StrCat("(define (f ", variables, ") (list ", of_variables, ")) (f ", list, ")"),
      absl::StrCat("(define (f ", variables, ") (if ", of_variables, " 1 2)) (f ", list, ")"),
      absl::StrCat("(define (f bad) ", of_mixed, ") (f ", args[wrong], ")"),
      absl::StrCat("(define (f bad) (if ", of_mixed, " 1 2)) (f ", args[wrong], ")"),
      absl::StrCat("(define (f bad) (list ", of_mixed, ")) (f ", args[wrong], ")"),
      absl::StrCat("(apply ", name, " (list ", list, "))"),
      absl::StrCat("(define f ", name, ") (f ", list, ")"),
      absl::StrCat("(map (lambda (g) (g ", list, ")) (list ", name, "))"),
  };
}

// Of each argument in turn.
TEST_F(ErrorPlacesTest, TheArgumentThatIsWrongIsNamed) {
  for (const Operation& operation : Operations()) {
    for (size_t count = operation.least; count <= operation.good.size(); ++count) {
      for (size_t wrong = 0; wrong < count; ++wrong) {
        std::vector<std::string> args(operation.good.begin(), operation.good.begin() + static_cast<ptrdiff_t>(count));
        args[wrong] = operation.bad;
        for (const std::string& program : Calls(operation.name, args, wrong)) {
          EXPECT_THAT(Message(program), StartsWith(absl::StrCat(operation.name, ": argument ", wrong + 1, " ")))
              << program;
        }
      }
    }
  }
}

TEST_F(ErrorPlacesTest, OfAProductAndASumTheOneThatIsWrongIsNamed) {
  struct Case {
    const char *expression, *arguments, *message;
  };
  const Case cases[] = {
      {"(+ a (* b c))", "'x 2 3 4", "+: argument 1 "},   {"(+ a (* b c))", "1 'x 3 4", "*: argument 1 "},
      {"(+ a (* b c))", "1 2 'x 4", "*: argument 2 "},   {"(+ (* b c) a)", "'x 2 3 4", "+: argument 2 "},
      {"(+ (* b c) a)", "1 2 'x 4", "*: argument 2 "},   {"(- a (* b c))", "'x 2 3 4", "-: argument 1 "},
      {"(- (* b c) a)", "'x 2 3 4", "-: argument 2 "},   {"(- (* b c) a)", "1 'x 3 4", "*: argument 1 "},
      {"(+ a d (* b c))", "1 2 3 'x", "+: argument 2 "}, {"(+ a (* b c) d)", "1 2 3 'x", "+: argument 3 "},
      {"(+ (* b c) a d)", "1 2 3 'x", "+: argument 3 "}, {"(+ (* b c) a d)", "'x 2 3 4", "+: argument 2 "},
      {"(- a d (* b c))", "1 2 'x 4", "*: argument 2 "}, {"(* 2 a b)", "1 'x 3 4", "*: argument 3 "},
      {"(+ 1 a 2 b)", "1 'x 3 4", "+: argument 4 "},     {"(+ 1 a 2 b)", "'x 1 3 4", "+: argument 2 "},
      {"(- a 1 b)", "1 'x 3 4", "-: argument 3 "},
  };
  for (const auto& [expression, arguments, message] : cases) {
    const std::string program = absl::StrCat("(define (f a b c d) ", expression, ") (f ", arguments, ")");
    EXPECT_THAT(Message(program), StartsWith(message)) << program;
  }
}

// Procedures on lists, which are written in Lisp, name it too.
TEST_F(ErrorPlacesTest, TheListThatIsNoneIsNamed) {
  EXPECT_EQ(Message("(map + 5)"), "map: argument 2 should be a proper list: 5");
  EXPECT_EQ(Message("(map + '(1 2) '(1 . 2))"), "map: argument 3 should be a proper list: (1 . 2)");
  EXPECT_EQ(Message("(map + '(1 2) '(1 2) '(1 2) '(1 . 2))"), "map: argument 5 should be a proper list: (1 . 2)");
  EXPECT_EQ(Message("(for-each + '(1 . 2) '(1 2))"), "for-each: argument 2 should be a proper list: (1 . 2)");
  EXPECT_EQ(Message("(import (scheme base) (srfi 1)) (fold cons '() 5)"),
            "fold: argument 3 should be a proper list: 5");
  EXPECT_EQ(Message("(import (scheme base) (srfi 1)) (list= eq? '(a) '(a) 5)"),
            "list=: argument 4 should be a proper list: 5");
  EXPECT_EQ(Message("(append '(1) 2 '(3))"), "append: argument 2 should be a proper list: 2");
}

// ---- Where something was raised

TEST_F(ErrorPlacesTest, WhatIsRaisedKeepsTheFrameThatRaisedIt) {
  EXPECT_EQ(Report("(define (f x)\n  (raise x))\n(list (f 'oops))"), "\nraised: oops\nf 2:3\ntop level 3:7");
  EXPECT_EQ(Report("(define (f x)\n  (list (raise x)))\n(list (f 'oops))"), "\nraised: oops\nf 2:9\ntop level 3:7");
  EXPECT_EQ(Report("(define (f x)\n  (raise-continuable x))\n(list (f 'oops))"),
            "\nraised: oops\nf 2:3\ntop level 3:7");
  EXPECT_EQ(Report("(define (f x)\n  (error \"no\" x))\n(list (f 1))"), "error\nno: 1\nf 2:3\ntop level 3:7");
  EXPECT_EQ(Report("(define (f x)\n  (car x))\n(list (f 1))"),
            "wrong-type\ncar: argument 1 should be a pair: 1\nf 2:3\ntop level 3:7");
  // Called as any procedure may be, in tail position too.
  EXPECT_EQ(Report("(define (f g)\n  (g 'oops))\n(list (f raise))"), "\nraised: oops\ntop level 3:7");
  EXPECT_EQ(Report("(define (f g)\n  (list (g 'oops)))\n(list (f raise))"), "\nraised: oops\nf 2:9\ntop level 3:7");
  EXPECT_EQ(Report("(define (f g)\n  (g \"no\" 1))\n(list (f error))"), "error\nno: 1\nf 2:3\ntop level 3:7");
  EXPECT_EQ(Report("(define (f g)\n  (apply g '(1)))\n(list (f car))"),
            "wrong-type\ncar: argument 1 should be a pair: 1\nf 2:3\ntop level 3:7");
  EXPECT_EQ(Report("(define (f g)\n  (5 1))\n(list (f car))"),
            "wrong-type\ncall of something that is not a procedure: 5\nf 2:3\ntop level 3:7");
  // From frames that a continuation has sealed.
  EXPECT_EQ(Report("(define (f x)\n  (call/cc (lambda (k)\n    (raise x))))\n(list (f 'oops))"),
            "\nraised: oops\nlambda 3:5\ntop level 4:7");
  EXPECT_EQ(Report("(define (f n)\n  (if (= n 0)\n    (raise 'deep)\n    (+ 1 (f (- n 1)))))\n(list (f 3))"),
            "\nraised: deep\nf 3:5\nf 4:10\nf 4:10\nf 4:10\ntop level 5:7");
}

// A handler runs above the frame that raised, which is not returned to: where it stands is known
// all the same, through collections, and when the stack has gone into the heap.
TEST_F(ErrorPlacesTest, HandlersSeeTheFrameThatRaised) {
  EXPECT_THAT(Report("(define (f x)\n  (list (raise x)))\n"
                     "(with-exception-handler\n  (lambda (e) (list (car e)))\n  (lambda () (list "
                     "(f 'oops))))"),
              HasSubstr("lambda 4:21\nf 2:9\nlambda 5:20\ntop level 3:1"));
  EXPECT_THAT(Report("(define (f x)\n  (list (raise x)))\n(define keep '())\n"
                     "(with-exception-handler\n  (lambda (e)\n    (call/cc (lambda (k) (set! keep k)))\n"
                     "    (set! keep (make-vector 2000000 0))\n    (list (car e)))\n  (lambda () (list (f "
                     "'oops))))"),
              HasSubstr("lambda 8:11\nf 2:9\nlambda 9:20\ntop level 4:1"));
}

// ---- How a procedure was called

TEST_F(ErrorPlacesTest, AWrongNumberOfArgumentsIsTheCallers) {
  const std::string define = "(define (f a b)\n  a)\n";
  const std::string message = "arity\nf: called with 1 argument; takes 2 (defined at t:1:1)\n";
  EXPECT_EQ(Report(define + "(define (g)\n  (list (f 1)))\n(list (g))"), message + "g 4:9\ntop level 5:7");
  EXPECT_EQ(Report(define + "(define (g)\n  (f 1))\n(list (g))"), message + "g 4:3\ntop level 5:7");
  EXPECT_EQ(Report(define + "(define (g h)\n  (h 1))\n(list (g f))"), message + "g 4:3\ntop level 5:7");
  EXPECT_EQ(Report(define + "(define (g h)\n  (list (h 1)))\n(list (g f))"), message + "g 4:9\ntop level 5:7");
  EXPECT_EQ(Report(define + "(define (g)\n  (apply f '(1)))\n(list (g))"), message + "g 4:3\ntop level 5:7");
  EXPECT_EQ(Report(define + "(define (g)\n  (list (apply f '(1))))\n(list (g))"), message + "g 4:9\ntop level 5:7");
  EXPECT_EQ(Report(define + "(define (g)\n  (call/cc f))\n(list (g))"), message + "g 4:3\ntop level 5:7");
  for (const char* call :
       {"(map f '(1))", "(for-each f '(1))", "(vector-map f #(1))", "(vector-for-each f #(1))",
        "(string-for-each f \"a\")", "(filter f '(1))", "(with-exception-handler f (lambda () (raise-continuable 1)))",
        "(dynamic-wind void (lambda () (f 1)) void)"}) {
    EXPECT_THAT(Report(define + "(define (g)\n  (list " + call + "))\n(list (g))"), StartsWith(message)) << call;
    EXPECT_THAT(LastReport(), HasSubstr("g 4:")) << call;
  }
  EXPECT_EQ(Report(define + "(guard (e ((string? e) 1))\n  (list (f 1)))"), message + "lambda 4:9\ntop level 3:1");
  // The message and the place are the same when it is caught.
  EXPECT_EQ(Printed(define + "(guard (e (#t (error-object-message e))) (f 1))"),
            "\"called with 1 argument; takes 2 (defined at t:1:1)\"");
  // By the host.
  EXPECT_THAT(std::string(isolate_->Call("f", {Integer(1)}).status().message()),
              StartsWith("f: called with 1 argument; takes 2"));
  EXPECT_EQ(LastReport() + "\n", message);
  EXPECT_FALSE(isolate_->Call("car", {}).ok());
  EXPECT_EQ(LastReport(), "arity\ncar: called with 0 arguments; takes 1");
}

// An earlier tail call is not taken for the one at fault.
TEST_F(ErrorPlacesTest, EarlierCallsAreNotBlamed) {
  EXPECT_EQ(Report("(define (f a b) a)\n(define (id x) x)\n(define (g) (id 1))\n(define (h k)\n  "
                   "(k)\n  (f (g)))\n(list (h g))"),
            "arity\nf: called with 1 argument; takes 2 (defined at t:1:1)\nh 6:3\ntop level 7:7");
  EXPECT_EQ(Report("(define (two a b) a)\n(define (id) 1)\n(define (g) (id))\n"
                   "(define (each l)\n  (if (pair? l)\n    (begin (list ((car l)))\n      (each (cdr "
                   "l)))))\n"
                   "(each (list g g two))"),
            "arity\ntwo: called with 0 arguments; takes 2 (defined at t:1:1)\neach 6:18\ntop level 8:1");
  EXPECT_EQ(Report("(define (g) (values 1 2))\n(define (f k)\n  (list (call-with-values k "
                   "car)))\n(f (lambda () (g)))"),
            "arity\ncar: called with 2 values of call-with-values; takes 1\nf 3:9\ntop level 4:1");
}

TEST_F(ErrorPlacesTest, ProceduresSayHowManyArgumentsTheyTake) {
  EXPECT_THAT(Message("((lambda (a . r) a))"), HasSubstr("called with 0 arguments; takes at least 1"));
  EXPECT_THAT(Message("((case-lambda ((a) 1) ((a b c) 3)) 1 2)"), HasSubstr("called with 2 arguments; takes 1 or 3"));
  EXPECT_THAT(Message("((case-lambda ((a) 1) ((a b) 2) ((a b c d . r) 3)))"),
              HasSubstr("called with 0 arguments; takes 1 to 2 or at least 4"));
  EXPECT_THAT(Message("(vector-ref #(1))"), StartsWith("vector-ref: called with 1 argument; takes 2"));
  EXPECT_THAT(Message("(number->string)"), StartsWith("number->string: called with 0 arguments; takes 1 to 2"));
  EXPECT_THAT(Message("((make-parameter 1) 2)"), HasSubstr("called with 1 argument; takes 0"));
}

// ---- How many values

TEST_F(ErrorPlacesTest, OneValueIsTakenOneIsNeeded) {
  for (const char* values : {"(values 1 2)", "(values)", "(two)", "(call/cc (lambda (k) (k 1 2)))", "(floor/ 7 2)",
                             "(apply values '(1 2 3))", "(dynamic-wind void two void)", "(force-two)",
                             "(with-exception-handler (lambda (e) (values 1 2)) (lambda () (raise-continuable 1)))",
                             "(guard (e (#t (values 1 2))) (raise 1))", "(parameterize () (two))",
                             "(call-with-values two values)", "(let-values (((a b) (two))) (values a b))"}) {
    const std::string define = "(define (two) (values 1 2)) (define (force-two) (if (list) (two) 5)) (define x 1) ";
    for (const std::string context : {"(+ V 1)",
                                      "(list V)",
                                      "(if V 1 2)",
                                      "(let ((x V)) x)",
                                      "(let ((x V)) 5)",
                                      "(let* ((x V)) 5)",
                                      "(letrec ((x V)) 5)",
                                      "(define y V)",
                                      "(set! x V)",
                                      "(begin (let ((x V)) (set! x 1) x))",
                                      "(let () (define y V) 5)",
                                      "(vector-ref V 0)",
                                      "((lambda (x) 1) V)",
                                      "(V)",
                                      "(car V)",
                                      "(and V 1)",
                                      "(or V 1)",
                                      "(cond (V 1) (else 2))",
                                      "(case V ((1) 1) (else 2))",
                                      "(when V 1)",
                                      "(not V)",
                                      "(not (not V))",
                                      "(let loop ((i V)) i)",
                                      "(do ((i V i)) (#t 1))",
                                      "(make-vector 2 V)",
                                      "(string-append V)",
                                      "(let ((y (begin 1 V))) 5)",
                                      "(let ((y (if (list) V 2))) 5)"}) {
      std::string program = define + context;
      program.replace(program.rfind('V'), 1, values);
      EXPECT_THAT(Report(program), StartsWith("arity\n")) << program;
      EXPECT_THAT(Message(program), HasSubstr(" where one is expected")) << program;
    }
    // Where R7RS takes any number.
    for (const std::string context :
         {"(begin V 5)", "(let () V 5)", "(let () (define y 1) V (define z 2) 5)", "(for-each (lambda (x) V) '(1 2)) 5",
          "(call-with-values (lambda () V) (lambda all 5))", "(let-values ((all V)) 5)", "(when (list) V 5)",
          "(do ((i 0 (+ i 1))) ((= i 2) 5) V)", "((lambda () V 5))", "V 5", "(if (list) (begin V V) 2) 5"}) {
      std::string program = define + context;
      for (size_t at; (at = program.find('V')) != std::string::npos;) program.replace(at, 1, values);
      EXPECT_EQ(Printed(program), "5") << program;
    }
  }
  EXPECT_EQ(Report("(define (two) (values 1 2))\n(define (f)\n  (+ (two) 1))\n(list (f))"),
            "arity\n2 values where one is expected: 1 2\nf 3:6\ntop level 4:7");
  EXPECT_EQ(Report("(list (values))"), "arity\nno values where one is expected\ntop level 1:7");
  EXPECT_EQ(Report("(define k #f)\n(list (call/cc (lambda (c) (set! k c) 1)))\n(define (f) (k 1 2 "
                   "3))\n(list (f))"),
            "arity\n3 values where one is expected: 1 2 3\nf 3:13\ntop level 4:7");
  EXPECT_EQ(Printed("(guard (e (#t (error-object-irritants e))) (+ 1 (values 'a 'b)))"), "(a b)");
  EXPECT_EQ(Printed("(guard (e (#t (length (error-object-irritants e)))) (list (apply values (iota "
                    "50000))))"),
            "10");
}

// Whoever calls from the host gets the first, or all.
TEST_F(ErrorPlacesTest, TheHostTakesAnyNumberOfValues) {
  EXPECT_EQ(Printed("(values 1 2)"), "1");
  EXPECT_EQ(Printed("(begin (if (list) (values 1 2) 3))"), "1");
  EXPECT_EQ(isolate_->EvalValues("(floor/ 7 2)")->size(), 2u);
  EXPECT_EQ(isolate_->EvalValues("(let ((x 1)) (if (list) (values x 2 3) 4))")->size(), 3u);
  EXPECT_EQ(Printed("(define (two) (values 1 2)) 0"), "0");
  EXPECT_EQ(isolate_->Call("two")->Print(), "1");
}

TEST_F(ErrorPlacesTest, FormsThatReceiveValuesSayHowMany) {
  EXPECT_EQ(Report("(define (f)\n  (let-values (((a b) (values 1 2 3))) a))\n(list (f))"),
            "arity\nlet-values: the expression returned 3 values, for 2 variables\nlet-values form "
            "2:3\ntop level 3:7");
  EXPECT_EQ(Report("(define (f)\n  (list (let-values (((a b) (values 1))) a)))\n(list (f))"),
            "arity\nlet-values: the expression returned 1 value, for 2 variables\nlet-values form "
            "2:9\nf 2:9\ntop level 3:7");
  EXPECT_THAT(Report("(list (let*-values (((a) 1) ((b c . d) (values))) a))"),
              StartsWith("arity\nlet*-values: the expression returned no values, for at least 2 variables\n"
                         "let*-values form 1:7\n"));
  EXPECT_THAT(Report("(list (receive (a) (values 1 2) a))"),
              StartsWith("arity\nreceive: the expression returned 2 values, for 1 variable\nreceive form 1:7"));
  EXPECT_THAT(Report("(define-values (a b) (values 1 2 3))"),
              StartsWith("arity\ndefine-values: the expression returned 3 values, for 2 variables\n"
                         "define-values form 1:1"));
  EXPECT_THAT(Report("(let ()\n  (define-values (a b . c) 1)\n  a)"),
              StartsWith("arity\ndefine-values: the expression returned 1 value, for at least 2 variables\n"
                         "define-values form 2:3"));
  EXPECT_THAT(Message("(define (consumer a b) a) (call-with-values (lambda () (values 1 2 3)) consumer)"),
              StartsWith("consumer: called with 3 values of call-with-values; takes 2"));
  EXPECT_THAT(Message("(call-with-values (lambda () (values 1 2)) (case-lambda ((a) 1) ((a b c) 2)))"),
              HasSubstr("called with 2 values of call-with-values; takes 1 or 3"));
  EXPECT_THAT(Message("(call-with-values (lambda (x) x) list)"), HasSubstr("called with 0 arguments; takes 1"));
}

// ---- What the host gets

TEST_F(ErrorPlacesTest, TheCodeSaysWhatKindOfFailureItIs) {
  const auto code = [this](const char* text) { return isolate_->Eval(text).status().code(); };
  EXPECT_EQ(code("(open-input-file \"none\")"), absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(code("(current-second)"), absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(code("(read (open-input-string \"(1\"))"), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code("(car 5)"), absl::StatusCode::kUnknown);
  EXPECT_EQ(code("(raise 'file)"), absl::StatusCode::kUnknown);
  IsolateOptions options;
  options.files = ProcessFiles();
  scope_.reset();
  isolate_ = *Isolate::FromSnapshot(*Snapshot::FromEmbedded(standard), options);
  scope_ = std::make_unique<Isolate::Scope>(*isolate_);
  for (const char* text : {"(open-input-file \"/none/such\")", "(load \"/none/such\")", "(delete-file \"/none/such\")",
                           "(with-output-to-file \"/none/such\" void)", "(open-binary-input-file \"/none/such\")"}) {
    EXPECT_EQ(code(text), absl::StatusCode::kNotFound) << text;
    EXPECT_EQ(isolate_->LastError().kind, "file") << text;
    EXPECT_EQ(isolate_->LastError().code, absl::StatusCode::kNotFound) << text;
  }
  // In the program they are conditions as before.
  EXPECT_EQ(Printed("(guard (e ((file-error? e) (error-object-irritants e))) (open-input-file "
                    "\"/none/such\"))"),
            "(\"/none/such\")");
}

// Neither is a condition, whatever it was made to look like for its backtrace.
TEST_F(ErrorPlacesTest, LimitsAndExitsHaveNoKind) {
  Limits limits = isolate_->limits();
  limits.fuel = 10000;
  isolate_->SetLimits(limits);
  EXPECT_EQ(Report("(define (f)\n  (let loop () (loop)))\n(list (f))"),
            "\nfuel limit of 10000 instructions reached; raise it in the isolate's options, or do less in one call\n"
            "f 2:16\ntop level 3:7");
  EXPECT_EQ(isolate_->LastError().code, absl::StatusCode::kResourceExhausted);
  isolate_->SetLimits(Limits());
  EXPECT_EQ(Report("\n(exit 3)"), "\nexit with status 3");
  EXPECT_EQ(isolate_->LastError().form.line, 2u);
  EXPECT_EQ(isolate_->Eval("\n (exit 3)", "t").status().message(), "exit with status 3\n  at top level (t:2:2)");
}

TEST_F(ErrorPlacesTest, PlacesArePartsAndNotText) {
  // A name may look like a place, and a message like a backtrace.
  const absl::Status status = isolate_->Eval("\n (if)", "a:7:8").status();
  EXPECT_EQ(status.message(), "a:7:8:2:2: " + isolate_->LastError().message);
  EXPECT_EQ(isolate_->LastError().place.file, "a:7:8");
  EXPECT_EQ(isolate_->LastError().place.line, 2u);
  EXPECT_EQ(isolate_->LastError().place.column, 2u);
  EXPECT_EQ(isolate_->LastError().kind, "syntax");
  EXPECT_EQ(isolate_->Eval("(raise 'no)", "a:7:8").status().message(), "raised: no\n  at top level (a:7:8:1:1)");
  const std::string message = "no\n  at top level (t:1:1)";
  EXPECT_EQ(Message("(error \"no\\n  at top level (t:1:1)\")"), message);
}

// ---- What is the library's own

TEST_F(ErrorPlacesTest, RecordsOfTheLibraryPrintOpaquely) {
  EXPECT_EQ(Printed("(list (delay 1) (make-promise 2))"), "(#<promise> #<promise>)");
  EXPECT_EQ(Printed("(import (srfi 128)) (make-default-comparator)"), "#<comparator>");
  EXPECT_EQ(Printed("(import (srfi 27)) (make-random-source)"), "#<random-source>");
  EXPECT_EQ(Printed("(import (srfi 41)) (stream 1 2)"), "#<stream>");
  EXPECT_EQ(Printed("(import (srfi 14)) (char-set #\\a)"), "#<char-set>");
  EXPECT_EQ(Printed("(import (srfi 111)) (box 1)"), "#<box>");
  EXPECT_EQ(Printed("(import (srfi 115)) (regexp \"a+\")"), "#<regexp>");
  EXPECT_EQ(Printed("(import (srfi 126)) (make-eq-hashtable)"), "#<hashtable>");
  // A program's own show what they hold.
  EXPECT_EQ(Printed("(define-record-type point (make-point x y) point? (x px) (y py)) (make-point 1 2)"),
            "#<point 1 2>");
}

}  // namespace
}  // namespace islet
