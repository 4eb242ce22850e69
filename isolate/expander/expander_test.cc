#include "isolate/expander/expander.h"

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "isolate/data/hash_table.h"
#include "isolate/expander/core_printer.h"
#include "isolate/heap/cage.h"
#include "isolate/interpreter/vm.h"
#include "isolate/reader/reader.h"

namespace islet::vm {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

std::unique_ptr<Vm> MakeVm() {
  auto cage = Cage::Create(CageLayout::For(uint64_t{1} << 32, 0, 0), ImageSource());
  if (!cage.ok()) {
    ADD_FAILURE() << cage.status();
    return nullptr;
  }
  return std::make_unique<Vm>(std::make_unique<Heap>(*std::move(cage), HeapOptions()),
                              absl::Span<const PrimitiveSpec>());
}

// An interaction that sees (islet core), and files that exist only here.
class ExpanderTest : public ::testing::Test, public LibraryLoader, public RootSource {
 protected:
  ExpanderTest() : vm_(MakeVm()), heap_(vm_->heap()) {
    heap_.AddRoots(this);
    const Value name = heap_.Cons(vm_->Intern("islet"), heap_.Cons(vm_->Intern("core"), kNull));
    core_ = MakeEnvironment(*vm_, name, true);
    DefineCoreSyntax(*vm_, core_);
    for (const char* procedure : {"list",
                                  "cons",
                                  "car",
                                  "cdr",
                                  "append",
                                  "list->vector",
                                  "eqv?",
                                  "memv",
                                  "error",
                                  "+",
                                  "-",
                                  "*",
                                  "call-with-values",
                                  "values",
                                  "display",
                                  "not",
                                  "null?",
                                  "%make-record-type",
                                  "%record",
                                  "%record?",
                                  "%record-ref",
                                  "%record-set!"}) {
      DefineVariable(*vm_, core_, vm_->Intern(procedure), Value::Fixnum(0), kConstantCellFlag);
    }
    ForEachEntry(heap_, heap_.Get<Environment>(core_)->bindings, [&](Value symbol, Value binding) {
      HashTablePut(heap_, heap_.Get<Environment>(core_)->exports, symbol, binding);
    });
    RegisterLibrary(*vm_, name, core_);
    environment_ = NewInteraction();
  }
  ~ExpanderTest() override { heap_.RemoveRoots(this); }

  Value NewInteraction() {
    const Value environment = MakeEnvironment(*vm_, vm_->Intern("interaction"));
    ForEachEntry(heap_, heap_.Get<Environment>(core_)->bindings, [&](Value symbol, Value binding) {
      HashTablePut(heap_, heap_.Get<Environment>(environment)->bindings, symbol, binding);
    });
    return environment;
  }

  // The expansion of the last form, or "error: ...".
  std::string Expand(absl::string_view text) { return ExpandFile(text, "test.lisp"); }

  std::string ExpandFile(absl::string_view text, absl::string_view file) {
    SyntaxArena arena(&heap_);
    Reader reader(*vm_, arena, text, file);
    Expander expander(*vm_, arena, this, options_);
    std::string result;
    Syntax* form = nullptr;
    while (reader.ReadNext(&form) == Reader::Result::kDatum) {
      Core* core = expander.ExpandToplevel(form, environment_);
      if (collect_) heap_.CollectFull();
      if (core == nullptr) return "error: " + expander.error().ToString();
      result = CoreToString(*vm_, core, environment_);
    }
    if (reader.failed()) return "read error: " + reader.error().ToString();
    return result;
  }

  absl::StatusOr<Value> Load(Value name) override {
    SyntaxArena arena(&heap_);
    Value kept = name;
    arena.AddRoot(&kept);
    const std::string path = SyntaxToString(*vm_, DatumToSyntax(arena, heap_, name, SourcePosition{}));
    auto file = files_.find(path);
    if (file == files_.end()) return absl::NotFoundError("no library " + path);
    const std::string result = ExpandFile(file->second, path);
    if (absl::StartsWith(result, "error")) return absl::InvalidArgumentError(result);
    return FindLibrary(*vm_, kept);
  }
  absl::StatusOr<SourceFile> ReadFile(absl::string_view path, absl::string_view relative_to) override {
    auto file = files_.find(std::string(path));
    if (file == files_.end()) return absl::NotFoundError(absl::StrCat("no file ", path, " beside ", relative_to));
    return SourceFile{std::string(path), file->second};
  }

  absl::StatusOr<Value> Evaluate(SyntaxArena&, Core*) override {
    return absl::UnimplementedError("this test has no compiler");
  }

  void VisitRoots(Visit visit, void* context) override {
    visit(&core_, context);
    visit(&environment_, context);
  }

  uint32_t FlagsOf(const char* name) {
    const Value table = heap_.Get<Environment>(environment_)->bindings;
    const Value cell = HashTableGet(heap_, table, vm_->Intern(name), kUndefined);
    return heap_.Is<Cell>(cell) ? HeaderFlags(heap_.header(cell)) : ~0u;
  }

  std::unique_ptr<Vm> vm_;
  Heap& heap_;
  Value core_ = kFalse;
  Value environment_ = kFalse;
  ExpanderOptions options_;
  bool collect_ = false;  // everything moves between two forms
  std::map<std::string, std::string> files_;
};

TEST_F(ExpanderTest, CoreForms) {
  EXPECT_EQ(Expand("42"), "42");
  EXPECT_EQ(Expand("'(a . b)"), "'(a . b)");
  EXPECT_EQ(Expand("(if 1 2)"), "(if 1 2)");
  EXPECT_EQ(Expand("(lambda (x . r) (list x r))"), "(lambda (x . r) (list x r))");
  EXPECT_EQ(Expand("(lambda all all)"), "(lambda all all)");
  EXPECT_EQ(Expand("(case-lambda ((a) a) ((a . b) b))"), "(case-lambda ((a) a) ((a.2 . b) b))");
  EXPECT_EQ(Expand("(define (f) (f))"), "(define f (lambda () (f)))");
  EXPECT_EQ(Expand("(lambda (x) (set! x 1) x)"), "(lambda (x) (begin (set! x 1) x))");
}

TEST_F(ExpanderTest, DerivedForms) {
  EXPECT_EQ(Expand("(let ((x 1) (y 2)) (list x y))"), "(let ((x 1) (y 2)) (list x y))");
  EXPECT_EQ(Expand("(let* ((x 1) (x x)) x)"), "(let ((x 1)) (let ((x.2 x)) x.2))");
  EXPECT_EQ(Expand("(let loop ((i 0)) (loop i))"), "(letrec ((loop (lambda (i) (loop i)))) (loop 0))");
  EXPECT_EQ(Expand("(let loop ((x loop)) x)"), "(letrec ((loop (lambda (x) x))) (loop loop))")
      << "the first is the local loop, the last a global variable";
  EXPECT_EQ(Expand("(do ((i 0 (+ i 1))) ((eqv? i 3) 'done) (display i))"),
            "(letrec ((t (lambda (i) (if (eqv? i 3) 'done (begin (display i) (t (+ i 1))))))) (t 0))");
  EXPECT_EQ(Expand("(and)"), "#t");
  EXPECT_EQ(Expand("(and 1 2 3)"), "(if 1 (if 2 3 #f) #f)");
  EXPECT_EQ(Expand("(or 1 2)"), "(let ((t 1)) (if t t 2))");
  EXPECT_EQ(Expand("(cond ((car 1) => cdr) ((cdr 2)) (else 3))"),
            "(let ((t (car 1))) (if t (cdr t) (let ((t.2 (cdr 2))) (if t.2 t.2 3))))");
  EXPECT_EQ(Expand("(case 1 ((1 2) 'a) ((x) => car) (else => list))"),
            "(let ((t 1)) (if (if (eqv? t 1) #t (eqv? t 2)) 'a (if (eqv? t 'x) (car t) (list t))))");
  EXPECT_EQ(Expand("(case 1 ((1 2 3 4 5) 'a))"), "(let ((t 1)) (if (memv t '(1 2 3 4 5)) 'a))");
  EXPECT_EQ(Expand("(let-values (((a b) (values 1 2)) ((c) a)) (list a c))"),
            "(call-with-values (lambda () (values 1 2)) (lambda (a b) (call-with-values (lambda () a) "
            "(lambda (c) (list a c)))))")
      << "the a inside the second init is a global variable";
}

TEST_F(ExpanderTest, Bodies) {
  EXPECT_EQ(Expand("(lambda () (define a 1) (define (b) a) (b))"),
            "(lambda () (letrec ((a 1) (b (lambda () a))) (b)))");
  EXPECT_EQ(Expand("(lambda () (begin (define a 1)) (display a) (define b 2) (list a b))"),
            "(lambda () (letrec ((a 1) (t (display a)) (b 2)) (list a b)))");
  EXPECT_EQ(Expand("(lambda () (define-values (a . b) (values 1 2)) (list a b))"),
            "(lambda () (letrec ((a #!unspecified) (b #!unspecified) (t (call-with-values (lambda () "
            "(values 1 2)) (lambda (t.2 . t.3) (begin (set! a t.2) (set! b t.3) #!unspecified))))) "
            "(list a b)))");
  EXPECT_THAT(Expand("(lambda () (define a 1))"), HasSubstr("must end with an expression"));
  EXPECT_THAT(Expand("(lambda () (define a 1) (define a 2) a)"), HasSubstr("duplicate definition of a"));
}

TEST_F(ExpanderTest, Quasiquote) {
  EXPECT_EQ(Expand("`(1 2)"), "'(1 2)");
  EXPECT_EQ(Expand("`(1 ,car)"), "(list 1 car)");
  EXPECT_EQ(Expand("`(,car . 2)"), "(cons car 2)");
  EXPECT_EQ(Expand("`(1 . ,car)"), "(cons 1 car)");
  EXPECT_EQ(Expand("`(,@car 3)"), "(append car '(3))");
  EXPECT_EQ(Expand("`(,@car)"), "car");
  EXPECT_EQ(Expand("`#(1 ,car)"), "(list->vector (list 1 car))");
  EXPECT_EQ(Expand("`(a `(b ,(c ,car)))"), "(list 'a (list 'quasiquote (list 'b (list 'unquote (list 'c car)))))");
}

TEST_F(ExpanderTest, RecordTypes) {
  EXPECT_EQ(Expand("(define-record-type point (make-point y) point? (x px set-px!) (y py))"),
            "(begin (define point (%make-record-type 'point #(x y))) "
            "(define make-point (lambda (y) (%record point #!unspecified y))) "
            "(define point? (lambda (object) (%record? object point))) "
            "(define px (lambda (object.2) (%record-ref object.2 point 0 'px))) "
            "(define set-px! (lambda (object.3 value) (%record-set! object.3 point 0 value 'set-px!))) "
            "(define py (lambda (object.4) (%record-ref object.4 point 1 'py))))");
  EXPECT_EQ(Expand("(define-record-type point #f point?)"),
            "(begin (define point (%make-record-type 'point #())) "
            "(define point? (lambda (object) (%record? object point))))");
  EXPECT_THAT(Expand("(define-record-type p (mk z) p? (x px))"), HasSubstr("z is not a field"));
}

// ---- Hygiene.

constexpr char kSwap[] = "(define-syntax swap! (syntax-rules () ((_ a b) (let ((tmp a)) (set! a b) (set! b tmp)))))";

TEST_F(ExpanderTest, InsertedBindingsDoNotCapture) {
  EXPECT_EQ(Expand(absl::StrCat(kSwap, "(lambda (tmp other) (swap! tmp other))")),
            "(lambda (tmp other) (let ((tmp.2 tmp)) (begin (set! tmp other) (set! other tmp.2))))");
  EXPECT_EQ(Expand("(define-syntax my-or (syntax-rules () ((_) #f) ((_ e) e)"
                   "  ((_ e r ...) (let ((t e)) (if t t (my-or r ...))))))"
                   "(lambda (t) (my-or 1 t 2))"),
            "(lambda (t) (let ((t.2 1)) (if t.2 t.2 (let ((t.3 t)) (if t.3 t.3 2)))))");
}

TEST_F(ExpanderTest, InsertedReferencesMeanWhatTheyMeantAtTheDefinition) {
  // R7RS 4.3.2.
  EXPECT_EQ(Expand("(let ((=> #f)) (cond (#t => 'ok)))"), "(let ((=> #f)) (if #t (begin => 'ok)))");
  EXPECT_EQ(Expand("(define-syntax m (syntax-rules () ((_ x) (if x (list x) 'no))))"
                   "(lambda (if list) (m if))"),
            "(lambda (if list) (if if (list if) 'no))")
      << "the list called is the global one; see below";
  EXPECT_EQ(Expand("(lambda (list) (let-syntax ((m (syntax-rules () ((_ x) (list x))))) "
                   "(lambda (list) (m list))))"),
            "(lambda (list) (lambda (list.2) (list list.2)))");
  EXPECT_EQ(Expand("(let ((x 'outer)) (let-syntax ((m (syntax-rules () ((m) x)))) (let ((x 'inner)) (m))))"),
            "(let ((x 'outer)) (let ((x.2 'inner)) x))");
}

TEST_F(ExpanderTest, ShadowedKeywords) {
  EXPECT_EQ(Expand("(let ((if list)) (if 1 2 3))"), "(let ((if list)) (if 1 2 3))") << "a call: see the next";
  EXPECT_EQ(Expand("(let ((quote car)) 'x)"), "(let ((quote car)) (quote x))");
  EXPECT_EQ(Expand("(lambda (define) (define 1 2))"), "(lambda (define) (define 1 2))");
  EXPECT_EQ(Expand("(define (if . x) x) (if 1)"), "(if 1)");
}

TEST_F(ExpanderTest, EllipsesAndPatterns) {
  auto rules = [&](absl::string_view rules, absl::string_view use) {
    return Expand(absl::StrCat("(let-syntax ((m (syntax-rules ", rules, "))) ", use, ")"));
  };
  EXPECT_EQ(rules("() ((_ (a b ...) ...) '((a ...) (b ... ...)))", "(m (1 2 3) (4) (5 6))"), "'((1 4 5) (2 3 6))");
  EXPECT_EQ(rules("() ((_ (a b ...) ...) '((b ... a) ...))", "(m (1 2 3) (4))"), "'((2 3 1) (4))");
  EXPECT_EQ(rules("() ((_ a ... y z) '(z y (a ...)))", "(m 1 2 3 4)"), "'(4 3 (1 2))");
  EXPECT_EQ(rules("() ((_ a ... y . z) '(z y (a ...)))", "(m 1 2 . 3)"), "'(3 2 (1))");
  EXPECT_EQ(rules("() ((_ #(a ...) b) '#(b a ...))", "(m #(1 2) 3)"), "#(3 1 2)");
  EXPECT_EQ(rules("::: () ((_ a :::) '(a ::: ...))", "(m 1 2)"), "'(1 2 ...)");
  EXPECT_EQ(rules("() ((_ a) '(a (... ...)))", "(m 1)"), "'(1 ...)");
  EXPECT_EQ(rules("() ((_ (n ...) (o ...)) '((n o ...) ...))", "(m (1 2) (3 4))"), "'((1 3 4) (2 3 4))");
  EXPECT_EQ(rules("() ((_ _ _) 'two) ((_ \"s\") 'string) ((_ x) 'one)", "(list (m 1 2) (m \"s\") (m 1))"),
            "(list 'two 'string 'one)");
  EXPECT_EQ(rules("(...) ((_ ...) 'dots) ((_ x) 'other)", "(list (m ...) (m 1))"), "(list 'dots 'other)");
  EXPECT_THAT(rules("() ((_ (a ...) (b ...)) '((a b) ...))", "(m (1 2) (3))"),
              HasSubstr("match different numbers of forms"));
  EXPECT_THAT(rules("() ((_ a ...) '(a))", "(m 1)"), HasSubstr("needs as many ellipses"));
  EXPECT_THAT(rules("() ((_ a) '(a ...))", "(m 1)"), HasSubstr("nothing in front of this ellipsis"));
  EXPECT_THAT(rules("() ((_ a a) 1)", "(m 1 1)"), HasSubstr("duplicate pattern variable a"));
  EXPECT_THAT(rules("() ((_ a) 1)", "(m)"), HasSubstr("m: no rule of this macro matches; expected (m a)"));
}

TEST_F(ExpanderTest, LiteralsMatchByBinding) {
  const std::string define = "(define-syntax for (syntax-rules (in) ((_ x in y) '(yes x y)) ((_ x z y) 'no)))";
  EXPECT_EQ(Expand(define + "(for a in b)"), "'(yes a b)");
  EXPECT_EQ(Expand("(lambda (in) (for a in b))"), "(lambda (in) 'no)");
  EXPECT_EQ(Expand("in (for a in b)"), "'(yes a b)") << "a reference does not bind";
  EXPECT_EQ(Expand("(let ((else #f)) (cond (else 1)))"), "(let ((else #f)) (if else 1))");
  EXPECT_EQ(Expand("(define-syntax my-cond (syntax-rules (else) ((_ (else e)) e) ((_ (c e)) (if c e))))"
                   "(list (my-cond (else 1)) (let ((else #f)) (my-cond (else 2))))"),
            "(list 1 (let ((else #f)) (if else 2)))");
}

TEST_F(ExpanderTest, MacrosThatDefineMacros) {
  EXPECT_EQ(Expand("(define-syntax make (syntax-rules () ((_ name value)"
                   "  (define-syntax name (syntax-rules () ((_) value))))))"
                   "(make seven 7) (seven)"),
            "7");
  // The inner ellipsis is escaped (R7RS 4.3.2: be-like-begin).
  EXPECT_EQ(Expand("(define-syntax be-like-begin (syntax-rules () ((be-like-begin name)"
                   "  (define-syntax name (syntax-rules () ((name expr (... ...)) (begin expr (... ...))))))))"
                   "(be-like-begin sequence) (sequence 1 2 3 4)"),
            "(begin 1 2 3 4)");
  // The names that the outer macro inserts into the inner one keep their meaning, also through the heap.
  EXPECT_EQ(Expand("(define-syntax outer (syntax-rules () ((_ name)"
                   "  (define-syntax name (syntax-rules () ((_ x) (let ((tmp 1)) (list tmp x))))))))"
                   "(outer inner)"),
            "#!unspecified");
  EXPECT_EQ(Expand("(lambda (tmp list) (inner tmp))"), "(lambda (tmp list) (let ((tmp.2 1)) (list tmp.2 tmp)))");
}

TEST_F(ExpanderTest, MacrosThatDefineVariables) {
  EXPECT_EQ(Expand("(define-syntax def (syntax-rules () ((_ x) (begin (define hidden 1) (define x hidden)))))"
                   "(def y)"),
            "(begin (define hidden 1) (define y hidden))");
  EXPECT_EQ(Expand("(lambda (hidden) (def z) (list z hidden))"),
            "(lambda (hidden) (letrec ((hidden.2 1) (z hidden.2)) (list z hidden)))");
}

TEST_F(ExpanderTest, InternalSyntaxDefinitions) {
  EXPECT_EQ(Expand("(lambda (x) (define-syntax twice (syntax-rules () ((_ e) (list e e)))) (define y (twice x)) y)"),
            "(lambda (x) (letrec ((y (list x x))) y))");
  EXPECT_EQ(Expand("(letrec-syntax ((even (syntax-rules () ((_) #t) ((_ a . r) (odd . r))))"
                   "  (odd (syntax-rules () ((_) #f) ((_ a . r) (even . r))))) (even 1 2 3))"),
            "#f");
  EXPECT_EQ(Expand("(let-syntax ((my-if if)) (my-if 1 2 3))"), "(if 1 2 3)");
}

// Al Petrofsky's test of free-identifier=? through a renamed literal.
TEST_F(ExpanderTest, RenamedLiterals) {
  EXPECT_EQ(Expand("(let ((a 1)) (letrec-syntax ((foo (syntax-rules () ((_ b) (bar a b))))"
                   "  (bar (syntax-rules () ((_ c d) (cons c (let ((c 3)) (list d c 'c))))))) (let ((a 2)) (foo a))))"),
            "(let ((a 1)) (let ((a.2 2)) (cons a (let ((a.3 3)) (list a.2 a.3 'a)))))");
}

// ---- Libraries.

TEST_F(ExpanderTest, Libraries) {
  EXPECT_EQ(Expand("(define-library (counter) (export next (rename limit top)) (import (islet core))"
                   " (begin (define n 0) (define limit 10) (define (next) (set! n (+ n 1)) n)))"),
            "(begin (begin (define n@counter 0) (define limit@counter 10) (define next@counter (lambda () "
            "(begin (set! n@counter (+ n@counter 1)) n@counter)))) #!unspecified)");
  EXPECT_EQ(Expand("(import (counter)) (list (next) top n)"), "(list (next@counter) limit@counter n)");
  EXPECT_EQ(FlagsOf("top"), kConstantCellFlag);
  EXPECT_EQ(FlagsOf("n"), ~0u) << "a name that is only used";
  EXPECT_THAT(Expand("(set! next 1)"), HasSubstr("belongs to a library"));
  EXPECT_EQ(Expand("(define next 1) (list next)"), "(list next)") << "shadowed by a variable of our own";
}

TEST_F(ExpanderTest, ImportSets) {
  Expand("(define-library (abc) (export a b c) (import (islet core)) (begin (define a 1) (define b 2) (define c 3)))");
  EXPECT_EQ(Expand("(import (only (abc) a)) (list a b)"), "(list a@abc b)");
  EXPECT_EQ(Expand("(import (prefix (except (abc) a) x:)) (list x:a x:b)"), "(list x:a b@abc)");
  EXPECT_EQ(Expand("(import (rename (abc) (a z))) (list z c)"), "(list a@abc c@abc)");
  EXPECT_THAT(Expand("(import (only (abc) d))"), HasSubstr("import: (abc) has no d"));
  EXPECT_THAT(Expand("(import (nowhere 1))"), HasSubstr("test.lisp:1:9: no library (nowhere 1)"));
}

TEST_F(ExpanderTest, LibraryMacrosReachPrivateNames) {
  files_["(m)"] =
      "(define-library (m) (export inc! show) (import (islet core)) (begin (define count 0) (define (private x) x)"
      "(define-syntax inc! (syntax-rules () ((_) (set! count (+ count 1)))))"
      "(define-syntax show (syntax-rules () ((_ x) (private x))))))";
  EXPECT_EQ(Expand("(import (m)) (lambda (private +) (list (inc!) (show private)))"),
            "(lambda (private +) (list (set! count@m (+ count@m 1)) (private@m private)))");
}

TEST_F(ExpanderTest, BrokenLibraries) {
  files_["(a)"] = "(define-library (a) (export) (import (b)))";
  files_["(b)"] = "(define-library (b) (export) (import (a)))";
  EXPECT_THAT(Expand("(import (a))"), HasSubstr("circular import"));
  EXPECT_THAT(Expand("(define-library (c) (export x) (import (islet core)) (begin (define y 1)))"),
              HasSubstr("does not define x"));
  EXPECT_THAT(Expand("(import (c))"), HasSubstr("no library (c)"));
  EXPECT_THAT(Expand("(define-library (d) (exprot x))"), HasSubstr("expected a declaration"));
}

TEST_F(ExpanderTest, IncludeAndCondExpand) {
  files_["part.scm"] = "(define A 1) 'Foo";
  EXPECT_EQ(Expand("(include \"part.scm\")"), "(begin (define A 1) 'Foo)");
  EXPECT_EQ(Expand("(lambda () (include-ci \"part.scm\"))"), "(lambda () (letrec ((a 1)) 'foo))");
  EXPECT_THAT(Expand("(include \"none.scm\")"), HasSubstr("no file none.scm beside test.lisp"));
  EXPECT_EQ(Expand("(cond-expand ((and r7rs (not (library (none)))) 1) (else 2))"), "1");
  EXPECT_EQ(Expand("(cond-expand ((library (islet core)) 'yes))"), "'yes");
  EXPECT_EQ(Expand("(list (cond-expand (nothing 1) (else 2)))"), "(list 2)");
}

// ---- Macros live in the heap, where everything moves.

TEST_F(ExpanderTest, SurvivesCollections) {
  collect_ = true;
  EXPECT_EQ(Expand(absl::StrCat(kSwap,
                                "(define-syntax outer (syntax-rules () ((_ n) (define-syntax n "
                                "(syntax-rules () ((_ x) (let ((tmp 1)) (list tmp x))))))))"
                                "(outer inner) (lambda (tmp list) (inner tmp))")),
            "(lambda (tmp list) (let ((tmp.2 1)) (list tmp.2 tmp)))");
  EXPECT_EQ(Expand("(lambda (tmp other) (swap! tmp other))"),
            "(lambda (tmp other) (let ((tmp.2 tmp)) (begin (set! tmp other) (set! other tmp.2))))");
  std::string big = "(begin";
  for (int i = 0; i < 20000; ++i) absl::StrAppend(&big, " (define v", i, " '(", i, " a b))");
  EXPECT_THAT(Expand(big + ")"), StartsWith("(begin (define v0 '(0 a b)) (define v1 '(1 a b))"));
}

// ---- Errors.

TEST_F(ExpanderTest, ErrorsSayWhatIsExpectedAndWhere) {
  EXPECT_EQ(Expand("\n  (if)"), "error: test.lisp:2:3: if: expected (if test consequent [alternative]), in (if)");
  for (const char* bad : {
           "(quote)",
           "(quote 1 2)",
           "(if 1)",
           "(if 1 2 3 4)",
           "(lambda)",
           "(lambda (x))",
           "(lambda (1) 2)",
           "(lambda (x x) 1)",
           "(lambda (x . x) 1)",
           "(define)",
           "(define x)",
           "(define x 1 2)",
           "(define (f))",
           "(define 1 2)",
           "(set! x)",
           "(set! 1 2)",
           "(set! if 2)",
           "(let)",
           "(let ((x)) 1)",
           "(let ((x 1)))",
           "(let ((x 1) (x 2)) 1)",
           "(let loop)",
           "(let* ((1 2)) 3)",
           "(letrec ((x 1)))",
           "(cond)",
           "(cond 1)",
           "(cond (else))",
           "(cond (else 1) (2 3))",
           "(cond (1 => 2 3))",
           "(case)",
           "(case 1 (2 3))",
           "(case 1 ((2)))",
           "(do)",
           "(do ((i)) (1))",
           "(do () ())",
           "(begin . 1)",
           "(list . 1)",
           "()",
           "(list ())",
           "(1 . 2)",
           "if",
           "else",
           "(list if)",
           "(else 1)",
           "(=> 1)",
           "(list (define x 1))",
           "(if (define x 1) 2)",
           "(define-syntax x 1)",
           "(define-syntax x (syntax-rules))",
           "(define-syntax x (syntax-rules (1)))",
           "(define-syntax x (syntax-rules () (a b)))",
           "(define-syntax x (syntax-rules () ((_ ... a) 1)))",
           "(define-syntax x (syntax-rules () ((_ a ... b ...) 1)))",
           "(let-syntax ((x 1)) 2)",
           "`,@car",
           "`(,(car . 1))",
           "(unquote x)",
           "(case-lambda)",
           "(case-lambda (1))",
           "(let-values ((a)) 1)",
           "(define-values a)",
           "(define-values (1) 2)",
           "(define-record-type)",
           "(define-record-type x (1) 2)",
           "(import 1)",
           "(import (only 1))",
           "(lambda () (import (islet core)) 1)",
           "(define-library)",
           "(include)",
           "(include 1)",
           "(syntax-error \"bad\" 1)",
           "(assert)",
           "(receive)",
           "(when)",
           "(unless 1)",
           "(let () . 1)",
           "(let loop ((x 1)) . 2)",
           "(cond-expand 1)",
           "(cond-expand ((and . 1) 2))",
           "(quasiquote)",
       }) {
    EXPECT_THAT(Expand(bad), StartsWith("error: test.lisp:1:")) << bad;
  }
}

TEST_F(ExpanderTest, RunawayMacrosAndDeepNestingAreErrors) {
  options_.arena_limit = size_t{8} << 20;
  EXPECT_THAT(Expand("(define-syntax m (syntax-rules () ((_ x) (m x)))) (m 1)"), HasSubstr("MiB"));
  EXPECT_THAT(Expand("(define-syntax g (syntax-rules () ((_ x ...) (g x ... x ...)))) (g 1)"), HasSubstr("MiB"));
  EXPECT_THAT(Expand("(define-syntax n (syntax-rules () ((_) (list (n))))) (n)"), HasSubstr("nested too deeply"));
  EXPECT_THAT(Expand("(define-syntax d (syntax-rules () ((_ x) (d (begin (define y 1) x))))) (d 1)"), HasSubstr("MiB"));
  EXPECT_THAT(Expand("#0=(begin #0#)"), StartsWith("error"));
  EXPECT_THAT(Expand("#0=(list . #0#)"), StartsWith("error"));
  EXPECT_THAT(Expand("#0=(list #0#)"), StartsWith("error"));
  for (const char* open : {"(list ", "(let ((x 1)) ", "(lambda () ", "(if 1 ", "'(", "`(,(", "(let () (define x "}) {
    std::string deep, close;
    for (int i = 0; i < 9000; ++i) {
      deep += open;
      for (const char* p = open; *p != 0; ++p) {
        if (*p == '(') close += ')';
        if (*p == ')') close.pop_back();
      }
    }
    const std::string result = Expand(deep + "1" + close);
    EXPECT_TRUE(open[0] == '\'' || absl::StrContains(result, "too deeply") || absl::StrContains(result, "error"))
        << open << result.substr(0, 300);
  }
}

TEST_F(ExpanderTest, EnoughDepthForReasonablePrograms) {
  std::string deep = "1";
  for (int i = 0; i < 300; ++i) deep = absl::StrCat("(let ((x ", i, ")) (if x (list ", deep, ")))");
  EXPECT_THAT(Expand(deep), StartsWith("(let ((x 299))"));
}

}  // namespace
}  // namespace islet::vm
