// Whatever a script makes grow counts against the heap limit: each of these grows something without end, or asks for
// much at once. In a process of its own, so that what is resident of it can be compared with the limit (islet/limits.h
// says how much that may be).

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gtest/gtest.h"
#include "islet/isolate.h"
#include "sdk/isolate_test_startup.h"
#include "tests/child_for_tests.h"
#include "tests/sanitized_for_tests.h"

ISLET_EMBEDDED_SNAPSHOT(isolate_test_startup);

namespace islet {
namespace {

constexpr size_t kLimit = size_t{32} << 20;
// An isolate may take as much as limits.h promises; 8 MiB is for what the process needs to run anything at all.
constexpr int64_t kMostResidentKib = 3 * (kLimit >> 10) + (8 << 10);

struct Grower {
  const char* name;
  // kLimit: grows until the limit ends the call. kAny: is refused, or done, as may be.
  enum Ends { kHeapLimit, kAny } ends;
  const char* script;
};

void PrintTo(const Grower& grower, std::ostream* out) { *out << grower.script; }

constexpr const char* kPrepare =
    "(import (islet) (srfi 14) (srfi 115))"
    "(define (text i) (string-append \"name-\" (number->string i)))"
    "(define env (interaction-environment))"
    // For ever: what it makes is kept.
    "(define (keep make) (let loop ((i 0) (kept '())) (loop (+ i 1) (cons (make i) kept))))"
    "(define (forever act) (let loop ((i 0)) (act i) (loop (+ i 1))))";

constexpr Grower kGrowers[] = {
    // Macros and what the expander keeps.
    {"er-macro: names renamed", Grower::kHeapLimit,
     "(define-syntax m (er-macro-transformer (lambda (f r c) (forever (lambda (i) (r (string->symbol (text i))))))))"
     "(eval '(m) env)"},
    {"er-macro: names compared", Grower::kHeapLimit,
     "(define-syntax m (er-macro-transformer (lambda (f r c) (forever (lambda (i) (c (string->symbol (text i)) 'x))))))"
     "(eval '(m) env)"},
    {"er-macro: result", Grower::kAny,
     "(define-syntax m (er-macro-transformer (lambda (f r c) (cons (r 'begin) (make-list 1000000 (r 'x))))))"
     "(eval '(m) env)"},
    {"er-macro: without end", Grower::kAny,
     "(define-syntax m (er-macro-transformer (lambda (f r c) (list (r 'begin) f f)))) (eval '(m) env)"},
    {"syntax-rules: longer and longer", Grower::kHeapLimit,
     "(define-syntax m (syntax-rules () ((_ x ...) (m x ... x ...)))) (eval '(m a) env)"},
    {"syntax-rules: two for one", Grower::kAny,
     "(define-syntax m (syntax-rules () ((_ x) (begin (m x) (m x))))) (eval '(m a) env)"},
    {"many uses of a macro", Grower::kHeapLimit,
     "(define-syntax m (syntax-rules () ((_ x) (let ((y x)) y))))"
     "(eval (cons 'begin (make-list 400000 '(m 1))) env)"},
    // Programs.
    {"eval of a large datum", Grower::kHeapLimit, "(eval (list 'quote (make-list 1500000 'a)) env)"},
    {"eval of a large program", Grower::kHeapLimit, "(eval (cons '+ (make-list 600000 '(car x))) env)"},
    {"eval of deep data", Grower::kAny,
     "(let loop ((i 0) (d '())) (if (< i 1000000) (loop (+ i 1) (list d)) (eval (list 'quote d) env)))"},
    {"definitions", Grower::kHeapLimit, "(forever (lambda (i) (eval (list 'define (string->symbol (text i)) i) env)))"},
    {"definitions of one program", Grower::kHeapLimit,
     "(eval (cons 'begin (map (lambda (i) (list 'define (string->symbol (text i)) i)) (iota 300000))) env)"},
    {"procedures, and where they stand", Grower::kHeapLimit,
     "(keep (lambda (i) (eval '(lambda (x) (if (car x) (vector x (cdr x)) (list (cadr x) (caddr x)))) env)))"},
    {"libraries", Grower::kHeapLimit,
     "(forever (lambda (i) (eval (list 'define-library (list 'made i) '(import (scheme base)) '(export f)"
     " '(begin (define (f x) x))) env)))"},
    {"environments", Grower::kHeapLimit, "(keep (lambda (i) (environment '(scheme base))))"},
    {"macros", Grower::kHeapLimit,
     "(forever (lambda (i) (eval (list 'define-syntax (string->symbol (text i))"
     " '(syntax-rules () ((_ x y ...) (list y ... x)))) env)))"},
    // Text in and out.
    {"read: open lists", Grower::kAny, "(read (open-input-string (make-string 8000000 #\\()))"},
    {"read: many data", Grower::kAny,
     "(read (open-input-string (string-append \"(\" (make-string 8000000 #\\1) (make-string 1000 #\\space) \")\")))"},
    {"read: a long list", Grower::kAny,
     "(read (open-input-string (string-append \"(\" (string-concatenate (make-list 1000000 \"a b \")) \")\")))"},
    {"read: a long symbol", Grower::kAny, "(read (open-input-string (make-string 8000000 #\\a)))"},
    {"read: a long string", Grower::kAny,
     "(read (open-input-string (string-append \"\\\"\" (make-string 8000000 #\\a) \"\\\\n\\\"\")))"},
    {"read: labels", Grower::kAny,
     "(read (open-input-string (string-append \"(\" (string-concatenate (map (lambda (i) (string-append \"#\""
     " (number->string i) \"=a \")) (iota 200000))) \")\")))"},
    {"read-line of standard input", Grower::kAny, "(read-line)"},
    {"read of standard input", Grower::kAny, "(read)"},
    {"string port", Grower::kAny,
     "(let ((p (open-output-string))) (forever (lambda (i) (write-string \"some text\" p))))"},
    {"bytevector port", Grower::kAny,
     "(let ((p (open-output-bytevector))) (forever (lambda (i) (write-bytevector (make-bytevector 100 1) p))))"},
    {"call-with-output-string", Grower::kAny,
     "(call-with-output-string (lambda (p) (forever (lambda (i) (display '(1 #(2) \"3\") p)))))"},
    {"many ports", Grower::kHeapLimit,
     "(keep (lambda (i) (let ((p (open-output-string))) (write-string \"text\" p) p)))"},
    {"write of shared data", Grower::kAny,
     "(let loop ((i 0) (d '(some data))) (if (< i 60) (loop (+ i 1) (list d d))"
     " (write-simple d (open-output-string))))"},
    {"write of data that are all shared", Grower::kAny,
     "(let ((l (map list (iota 900000)))) (write-shared (cons l (list-copy l)) (open-output-string)))"},
    {"write of a long list", Grower::kAny, "(write (make-list 2000000 'abcdefgh) (open-output-string))"},
    {"write of deep data", Grower::kAny,
     "(let loop ((i 0) (d '())) (if (< i 2000000) (loop (+ i 1) (list d)) (write d (open-output-string))))"},
    // Strings, symbols, numbers.
    {"symbols", Grower::kHeapLimit, "(keep (lambda (i) (string->symbol (text i))))"},
    {"symbol-append", Grower::kAny, "(let loop ((s 'abc)) (loop (symbol-append s s)))"},
    {"string-append", Grower::kAny, "(let loop ((s \"abc\")) (loop (string-append s s)))"},
    {"list->string", Grower::kAny, "(list->string (make-list 3000000 #\\x3bb))"},
    {"string of arguments", Grower::kAny, "(apply string (make-list 2000000 #\\x3bb))"},
    {"string-upcase of text that gets longer", Grower::kAny, "(string-upcase (make-string 6000000 #\\xdf))"},
    {"string-reverse", Grower::kAny, "(string-reverse (make-string 25000000 #\\a))"},
    {"string-ci-hash", Grower::kAny, "(string-ci-hash (make-string 25000000 #\\A))"},
    {"string->symbol", Grower::kAny, "(string->symbol (make-string 25000000 #\\a))"},
    {"string->number", Grower::kAny, "(string->number (make-string 20000000 #\\7))"},
    {"string->number of what is none", Grower::kAny,
     "(string->number (string-append (make-string 20000000 #\\7) \"x\"))"},
    {"number->string", Grower::kAny, "(number->string (- (expt 2 80000000) 1))"},
    {"integers", Grower::kAny, "(let loop ((n 3)) (loop (* n n)))"},
    {"string-join", Grower::kAny, "(string-join (make-list 1000000 \"some text\") \", \")"},
    // Data structures, and what walks through them.
    {"lists", Grower::kHeapLimit, "(keep (lambda (i) i))"},
    {"hash tables", Grower::kAny,
     "(let ((t (make-hash-table equal?))) (forever (lambda (i) (hash-table-set! t (text i) i))))"},
    {"char-sets", Grower::kHeapLimit,
     "(keep (lambda (i) (char-set-adjoin char-set:letter (integer->char (+ 160 (modulo i 9000))))))"},
    {"regexp of a huge pattern", Grower::kAny, "(regexp (cons ': (make-list 300000 \"ab\")))"},
    {"regexp of a huge repetition", Grower::kAny, "(regexp '(** 1000 1000 (** 1000 1000 (** 1 1000 \"ab\"))))"},
    {"sort", Grower::kAny, "(vector-length (sort < (list->vector (reverse (iota 2000000)))))"},
    {"list-sort", Grower::kAny, "(length (list-sort < (reverse (iota 1000000))))"},
    {"equal? of deep data", Grower::kAny,
     "(define (deep n) (let loop ((i 0) (d '())) (if (< i n) (loop (+ i 1) (list d)) d)))"
     "(let ((a (deep 1500000)) (b (deep 1500000))) (equal? a b))"},
    {"equal? of circles", Grower::kAny,
     "(define (ring n) (let ((l (make-list n 1))) (set-cdr! (list-tail l (- n 1)) l) l))"
     "(equal? (ring 1000003) (ring 999983))"},
    {"vectors at once", Grower::kAny, "(make-vector 1000000000 0)"},
    // Control.
    {"recursion", Grower::kHeapLimit, "(let loop ((i 0)) (+ 1 (loop (+ i 1))))"},
    {"parameterize", Grower::kHeapLimit,
     "(define p (make-parameter 0)) (let loop ((i 0)) (parameterize ((p i)) (+ 1 (loop (+ i 1)))))"},
    {"dynamic-wind", Grower::kHeapLimit,
     "(let loop ((i 0)) (dynamic-wind (lambda () i) (lambda () (+ 1 (loop (+ i 1)))) (lambda () i)))"},
    {"with-exception-handler", Grower::kHeapLimit,
     "(let loop ((i 0)) (with-exception-handler (lambda (e) i) (lambda () (+ 1 (loop (+ i 1))))))"},
    {"guard", Grower::kHeapLimit, "(let loop ((i 0)) (guard (e (#f i)) (+ 1 (loop (+ i 1)))))"},
    {"continuations", Grower::kHeapLimit, "(keep (lambda (i) (call/cc (lambda (k) k))))"},
    {"errors", Grower::kHeapLimit, "(keep (lambda (i) (guard (e (#t e)) (car i))))"},
    {"a huge irritant", Grower::kAny, "(error \"this is too much:\" (make-list 2000000 \"irritant\"))"},
    {"a huge message", Grower::kAny, "(error (make-string 20000000 #\\m) 1)"},
    {"a huge object raised", Grower::kAny, "(raise (make-vector 4000000 'irritant))"},
    {"errors one after the other", Grower::kAny,
     "(let loop ((i 0)) (when (< i 300) (guard (e (#t #f)) (error \"too much:\" (make-list 20000 i))) (loop (+ i "
     "1))))"},
    {"promises", Grower::kHeapLimit, "(keep (lambda (i) (delay i)))"},
    // The host.
    {"arguments for host functions", Grower::kAny,
     "(let loop ((i 0)) (when (< i 300000) (add i (list i) \"text\") (loop (+ i 1))))"},
    {"host functions that call back", Grower::kAny, "(define (again) (call-back again)) (again)"},
    {"results of nested calls", Grower::kAny,
     "(let loop ((i 0)) (when (< i 200000) (call-back (lambda () (make-vector 10 i))) (loop (+ i 1))))"},
};

// Nothing is kept of these, however often.
constexpr const char* kLeavesNothing[] = {
    "(guard (e (#t #f)) (eval (string->symbol (text i)) env))",
    "(guard (e (#t #f)) (eval (list 'set! (string->symbol (text i)) 1) env))",
    "(eval (list 'lambda '() (string->symbol (text i))) env)",
    "(guard (e (#t #f)) (eval (list (string->symbol (text i)) 1) env))",
    "(string->symbol (text i))",
    "(eval '(lambda (x) (car x)) env)",
    "(environment '(only (scheme base) car))",
};

class Endless : public StandardStreams {
 public:
  absl::StatusOr<size_t> Read(char* buffer, size_t size) override {
    std::fill_n(buffer, size, 'a');
    return size;
  }
  absl::Status Write(int, absl::string_view) override { return absl::OkStatus(); }
};

std::unique_ptr<Isolate> Make(size_t limit, decltype(IsolateOptions::near_limit) near_limit = nullptr) {
  static const HostFunctions* const hosts = [] {
    auto* made = new HostFunctions;
    made->Add("log", 1, [](Isolate&, absl::Span<const Value>) -> absl::StatusOr<Value> { return Value(); });
    made->Add("add", 2, -1, [](Isolate&, absl::Span<const Value> arguments) -> absl::StatusOr<Value> {
      return List({arguments.begin(), arguments.end()});
    });
    made->Add("call-back", 1, [](Isolate& isolate, absl::Span<const Value> arguments) -> absl::StatusOr<Value> {
      return isolate.Call(arguments[0]);
    });
    return made;
  }();
  IsolateOptions options;
  options.host_functions = hosts;
  options.limits.heap_bytes = limit;
  if (near_limit != nullptr) options.near_limit = near_limit;
  options.streams = std::make_shared<Endless>();
  auto isolate = Isolate::FromSnapshot(*Snapshot::FromEmbedded(isolate_test_startup), options);
  EXPECT_TRUE(isolate.ok()) << isolate.status();
  return *std::move(isolate);
}

// KiB of this process that were resident at most; `field` is VmHWM, or VmRSS for those that are.
int64_t Resident(absl::string_view field) {
  std::ifstream file("/proc/self/status");
  std::string line;
  while (std::getline(file, line)) {
    int64_t kib = 0;
    if (absl::StartsWith(line, field) &&
        absl::SimpleAtoi(absl::StripSuffix(absl::string_view(line).substr(field.size() + 1), " kB"), &kib)) {
      return kib;
    }
  }
  return 0;
}

struct Outcome {
  int64_t grown_kib = 0;
  bool limit_reached = false;
  bool usable = false;
  std::string message;
};

Outcome RunGrower(const Grower& grower) {
  std::unique_ptr<Isolate> isolate = Make(kLimit);
  const Isolate::Scope scope(*isolate);
  Outcome outcome;
  if (const auto prepared = isolate->Eval(kPrepare); !prepared.ok()) {
    outcome.message = std::string(prepared.status().message());
    return outcome;
  }
  const int64_t before = Resident("VmRSS:");
  const auto result = isolate->Eval(grower.script);
  outcome.grown_kib = Resident("VmHWM:") - before;
  outcome.limit_reached = LimitReached(result.status()) == Limit::kHeap;
  outcome.message = result.ok() ? "done" : std::string(result.status().message().substr(0, 300));
  // The definitions are there still, and may fill all of the heap.
  Limits limits = isolate->limits();
  limits.heap_bytes *= 2;
  isolate->SetLimits(limits);
  const auto after = isolate->Eval("(apply + (vector->list (make-vector 1000 1)))");
  outcome.usable = after.ok() && after->ToInt64().value_or(0) == 1000;
  if (!outcome.usable) absl::StrAppend(&outcome.message, "; afterwards: ", after.status().message());
  return outcome;
}

// The outcome of `f` in a process of its own, which ends after a minute rather than that all of the machine's memory is
// tried.
template <typename F>
Outcome OutcomeInChild(F&& f) {
  const std::string text = InChild([&f] {
    const Outcome outcome = f();
    return absl::StrCat(outcome.grown_kib, " ", outcome.limit_reached, " ", outcome.usable, " ", outcome.message);
  });
  const std::vector<std::string> parts = absl::StrSplit(text, absl::MaxSplits(' ', 3));
  Outcome outcome;
  if (parts.size() != 4 || !absl::SimpleAtoi(parts[0], &outcome.grown_kib)) {
    ADD_FAILURE() << "the process has ended by itself: " << text;
    return outcome;
  }
  outcome.limit_reached = parts[1] == "1";
  outcome.usable = parts[2] == "1";
  outcome.message = parts[3];
  return outcome;
}

class MemoryTest : public testing::TestWithParam<Grower> {};

TEST_P(MemoryTest, CountsAgainstTheLimit) {
  const Grower& grower = GetParam();
  const Outcome outcome = OutcomeInChild([&] { return RunGrower(grower); });
  std::printf("%-40s %7lld KiB: %s\n", grower.name, static_cast<long long>(outcome.grown_kib),
              outcome.message.substr(0, outcome.message.find('\n')).c_str());
  EXPECT_TRUE(outcome.usable) << outcome.message;
  if (grower.ends == Grower::kHeapLimit) {
    EXPECT_TRUE(outcome.limit_reached) << outcome.message;
  }
  if (!kSanitized) {
    EXPECT_LE(outcome.grown_kib, kMostResidentKib) << outcome.message;
  }
}

INSTANTIATE_TEST_SUITE_P(Growers, MemoryTest, testing::ValuesIn(kGrowers), [](const auto& info) {
  std::string name;
  for (const char* p = info.param.name; *p != 0; ++p) name += std::isalnum(static_cast<unsigned char>(*p)) ? *p : '_';
  return absl::StrCat(name, "_", info.index);
});

class LeavesNothingTest : public testing::TestWithParam<const char*> {};

TEST_P(LeavesNothingTest, HoweverOften) {
  // 100000 runs that each leave more than 20 bytes do not fit into this.
  constexpr size_t kSmall = size_t{2} << 20;
  const std::unique_ptr<Isolate> isolate = Make(size_t{8} << 20);
  const Isolate::Scope scope(*isolate);
  ASSERT_TRUE(isolate->Eval(kPrepare).ok());
  const auto result = isolate->Eval(absl::StrCat("(do ((i 0 (+ i 1))) ((= i 100000)) ", GetParam(), ")"));
  ASSERT_TRUE(result.ok()) << result.status();
  isolate->CollectGarbage();
  EXPECT_LT(isolate->Stats().heap_bytes, kSmall);
}

INSTANTIATE_TEST_SUITE_P(Expressions, LeavesNothingTest, testing::ValuesIn(kLeavesNothing));

// A host may raise the limit for what is outside of the heap, too.
TEST(MemoryLimitTest, MayBeRaised) {
  int asked = 0;
  const std::unique_ptr<Isolate> isolate = Make(size_t{8} << 20, [&asked](Isolate& near, Limit limit) {
    ASSERT_EQ(limit, Limit::kHeap);
    ++asked;
    Limits limits = near.limits();
    limits.heap_bytes *= 2;
    near.SetLimits(limits);
  });
  const Isolate::Scope scope(*isolate);
  const auto result = isolate->Eval("(length (eval (list 'quote (make-list 300000 'a)) (interaction-environment)))");
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_GT(asked, 0);
}

}  // namespace
}  // namespace islet
