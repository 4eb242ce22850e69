// Calls on small stacks: of threads, and of fibers that the host has made. Whatever a call is for, it is carried out,
// or gives an error; it never runs past the stack's end, where there is a page that nobody may touch.

#include <sys/mman.h>
#include <ucontext.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "islet/isolate.h"
#include "islet/isolate_pool.h"
#include "islet/stack.h"
#include "isolate/lib/standard.h"
#include "isolate/process/thread_for_tests.h"
#include "sdk/isolate_test_startup.h"
#include "tests/sanitized_for_tests.h"

ISLET_EMBEDDED_SNAPSHOT(standard);
ISLET_EMBEDDED_SNAPSHOT(isolate_test_startup);

namespace islet {
namespace {

constexpr size_t kKiB = 1024;
constexpr size_t kPage = 4096;

using Body = std::function<void()>;

// A stack between two pages that nobody may touch.
class Fiber {
 public:
  explicit Fiber(size_t bytes) : bytes_(bytes) {
    at_ = static_cast<char*>(mmap(nullptr, bytes + 2 * kPage, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    mprotect(low(), bytes, PROT_READ | PROT_WRITE);
  }
  ~Fiber() { munmap(at_, bytes_ + 2 * kPage); }
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

  char* low() const { return at_ + kPage; }
  size_t bytes() const { return bytes_; }

  void Run(const Body& body) const {
    ucontext_t here, there;
    getcontext(&there);
    there.uc_stack.ss_sp = low();
    there.uc_stack.ss_size = bytes_;
    there.uc_link = &here;
    Running() = &body;
    makecontext(&there, [] { (*Running())(); }, 0);
    swapcontext(&here, &there);
  }

 private:
  static const Body*& Running() {
    static thread_local const Body* running = nullptr;
    return running;
  }
  const size_t bytes_;
  char* at_;
};

const Snapshot& Standard() {
  static const auto* const snapshot = new absl::StatusOr<Snapshot>(Snapshot::FromEmbedded(standard));
  return snapshot->value();
}

std::unique_ptr<Isolate> New() { return Isolate::FromSnapshot(Standard()).value(); }

// Programs that are compiled already, and called: each takes the C++ stack in another way.
const std::vector<std::string>& Programs() {
  static const auto* const programs = new std::vector<std::string>{
      "(vector-ref (vector 1 2) 5)",
      "(error \"message\" 'irritant 1.5 (list 1 2))",
      "(number->string 0.1)",
      "(number->string 1e300 3)",
      "(string->number \"1234567890123456789012345678901234567890e-20\")",
      "(string-length (number->string (expt 7 20000)))",
      "(exact-integer-sqrt (expt 7 20000))",
      "(gcd (expt 6 9000) (expt 15 9000))",
      "(quotient (expt 7 20000) (expt 3 12000))",
      "(let loop ((i 1) (j 1) (sum 0))"
      "  (define (ones n) (- (expt 2 (* 6400 n)) 1))"
      "  (cond ((> i 22) (exact? sum))"
      "        ((> j i) (loop (+ i 1) 1 sum))"
      "        (else (loop i (+ j 1) (+ sum (* (ones i) (ones j)) (quotient (ones i) (ones j)))))))",
      "(exact->inexact (/ (expt 7 3000) (expt 5 3000)))",
      "(string->number (make-string 20000 #\\7))",
      "(expt 1.5 2.5)",
      "(exp +2.5i)",
      "(equal? deep deeper)",
      "(equal? (list deep) (list deeper))",
      "(string-length (call-with-port (open-output-string) (lambda (p) (write deep p) (get-output-string p))))",
      "(read (open-input-string nested-text))",
      "(call-with-port (open-output-string) (lambda (p) (write-shared deep p)))",
      "(list-copy (iota 10000))",
      "(sort (iota 10000) >)",
      "(regexp-matches? '(* (or \"a\" \"ab\" (+ num))) (make-string 2000 #\\a))",
      "(let ((t (make-equal-hash-table))) (hash-table-set! t deep 1) (hash-table-ref/default t deeper 2))",
      "(let loop ((i 0) (kept '())) (if (= i 100000) (length kept) (loop (+ i 1) (cons (make-vector 3 i) kept))))",
      "(let recur ((n 200000)) (if (= n 0) 0 (+ 1 (recur (- n 1)))))",
      "(call/cc (lambda (k) (dynamic-wind (lambda () 1) (lambda () (k 2)) (lambda () 3))))",
      "(guard (e (#t (condition/report-string* e))) (car 1))",
      "(string-upcase (make-string 10000 #\\ß))",
      "(string->symbol (make-string 1000 #\\x))",
      "(apply + (iota 3000))",
      "(eval '(let loop ((i 0)) (if (< i 10) (loop (+ i 1)) i)) (interaction-environment))",
      "(eval nested-form (interaction-environment))",
      "(eval '(define-syntax swap! (syntax-rules () ((_ a b) (let ((t a)) (set! a b) (set! b t))))) "
      "(interaction-environment))",
      "(eval '(import (srfi 1)) (interaction-environment))",
      "(load \"no-such-file\")",
  };
  return *programs;
}

constexpr char kDefinitions[] = R"(
(define (nest n) (let loop ((i 0) (x '())) (if (= i n) x (loop (+ i 1) (list x)))))
(define deep (nest 100000))
(define deeper (nest 100000))
(define nested-text
  (string-append (make-string 5000 #\() (make-string 5000 #\))))
(define nested-form
  (let loop ((i 0) (x 1)) (if (= i 1500) x (loop (+ i 1) (list 'let (list (list 'x x)) 'x)))))
(define (condition/report-string* e) (error-object-message e))
)";

// "" or what is wrong with the outcome of a call that may have had too little stack.
std::string Judge(const absl::Status& status) {
  if (status.code() == absl::StatusCode::kInternal) return status.ToString();
  return "";
}

// An isolate in which program i is the procedure `program-i`.
std::unique_ptr<Isolate> Prepared() {
  auto isolate = New();
  const Isolate::Scope scope(*isolate);
  EXPECT_TRUE(isolate->Eval(kDefinitions).ok()) << isolate->Eval(kDefinitions).status();
  for (size_t i = 0; i < Programs().size(); ++i) {
    const auto defined = isolate->Eval(absl::StrCat("(define (program-", i, ") ", Programs()[i], ")"));
    EXPECT_TRUE(defined.ok()) << defined.status();
  }
  return isolate;
}

// All that can be done with isolates, here.
void UseAll(Isolate& isolate, std::string* wrong) {
  const auto judge = [wrong](const absl::Status& status) { *wrong += Judge(status); };
  {
    const Isolate::Scope scope(isolate);
    for (size_t i = 0; i < Programs().size(); ++i) {
      judge(isolate.Call(absl::StrCat("program-", i)).status());
    }
    judge(isolate.Eval("(let loop ((i 0)) (if (< i 10) (loop (+ i 1)) i))").status());
    judge(isolate.Eval("(car").status());
    judge(isolate.Eval("(no-such-procedure 1)").status());
    judge(isolate.Eval(absl::StrCat(std::string(3000, '('), std::string(3000, ')'))).status());
    std::string nested = "1";
    for (int i = 0; i < 500; ++i) nested = absl::StrCat("(let ((x ", nested, ")) (if x (begin x) 2))");
    judge(isolate.Eval(nested).status());
    nested = "1";
    for (int i = 0; i < 500; ++i) nested = absl::StrCat("(cond (", nested, " => (lambda (x) `(a ,x))) (else 2))");
    judge(isolate.Eval(nested).status());
    Value value = Integer(1);
    for (int i = 0; i < 20000; ++i) value = List({value});
    judge(isolate.Call("length", {value}).status());
    const auto deep = isolate.Lookup("deep");
    judge(deep.status());
    if (deep.ok()) judge(deep->ToVector().status());
    (void)isolate.ScanForm("(a (b");
    (void)isolate.Names("call");
    isolate.CollectGarbage();
    judge(isolate.Fork().status());
  }
  judge(Isolate::FromSnapshot(Standard()).status());
  judge(Snapshot::FromEmbedded(standard).status());
}

size_t Scaled(size_t bytes) { return kSanitized ? 4 * bytes : bytes; }

TEST(SmallStackTest, FibersOfAnySizeNeverOverflow) {
  const auto isolate = Prepared();
  std::string wrong;
  for (size_t size = 12 * kKiB; size <= 160 * kKiB; size += 4 * kKiB) {
    const Fiber fiber(Scaled(size));
    const FiberStack announced(fiber.low(), fiber.bytes());
    fiber.Run([&] { UseAll(*isolate, &wrong); });
    ASSERT_EQ(wrong, "") << size;
  }
}

TEST(SmallStackTest, ThreadsOfAnySizeNeverOverflow) {
  const auto isolate = Prepared();
  std::string wrong;
  for (const size_t size : {16, 24, 32, 40, 48, 64, 96, 128, 192, 256}) {
    OnThread(Scaled(size * kKiB), [&] { UseAll(*isolate, &wrong); });
    ASSERT_EQ(wrong, "") << size;
  }
}

TEST(SmallStackTest, LittleIsRefusedAndEnoughIsEnough) {
  const auto isolate = Prepared();
  const auto call_on = [&](size_t size) {
    const Fiber fiber(Scaled(size));
    const FiberStack announced(fiber.low(), fiber.bytes());
    absl::Status status;
    fiber.Run([&] {
      const Isolate::Scope scope(*isolate);
      status = isolate->Call("+", {Integer(1), Integer(2)}).status();
    });
    return status;
  };
  const absl::Status refused = call_on(kLeastStack - 2 * kKiB);
  EXPECT_TRUE(absl::IsResourceExhausted(refused)) << refused;
  EXPECT_TRUE(absl::StrContains(refused.message(), "KiB are left")) << refused;
  const absl::Status done = call_on(kLeastStack + 8 * kKiB);
  EXPECT_TRUE(done.ok()) << done;
  const Isolate::Scope scope(*isolate);  // which is unharmed
  EXPECT_TRUE(isolate->Call("+", {Integer(1), Integer(2)}).ok());
}

// An isolate whose host function `call-back` notes how each call of its argument has ended.
std::unique_ptr<Isolate> Nesting(std::vector<absl::Status>* ends) {
  HostFunctions hosts;
  hosts.Add("log", 1, [](Isolate&, absl::Span<const Value>) -> absl::StatusOr<Value> { return Value(); });
  hosts.Add("add", 2, -1, [](Isolate&, absl::Span<const Value>) -> absl::StatusOr<Value> { return Value(); });
  hosts.Add("call-back", 1, [ends](Isolate& isolate, absl::Span<const Value> arguments) -> absl::StatusOr<Value> {
    auto result = isolate.Call(arguments[0]);
    ends->push_back(result.status());
    return result;
  });
  IsolateOptions options;
  options.host_functions = &hosts;
  auto isolate = Isolate::FromSnapshot(Snapshot::FromEmbedded(isolate_test_startup).value(), options).value();
  const Isolate::Scope scope(*isolate);
  EXPECT_TRUE(isolate
                  ->Eval("(define (recur n thunk) (if (= n 0) (thunk) (+ 1 (recur (- n 1) thunk))))"
                         "(define (nest n depth)"
                         "  (if (= n 0) 0 (recur depth (lambda () (call-back (lambda () (nest (- n 1) depth)))))))")
                  .ok());
  return isolate;
}

TEST(SmallStackTest, NestedCallsEndWhereTheStackDoes) {
  std::vector<absl::Status> ends;
  const auto isolate = Nesting(&ends);
  bool some_refused = false, some_done = false;
  for (const size_t size : {32, 48, 64, 128, 256, 1024}) {
    ends.clear();
    absl::Status status;
    OnThread(Scaled(size * kKiB), [&] {
      const Isolate::Scope scope(*isolate);
      status = isolate->Call("nest", {Integer(90), Integer(2)}).status();
    });
    EXPECT_TRUE(status.ok() || absl::IsResourceExhausted(status)) << status;
    for (const absl::Status& end : ends) EXPECT_EQ(end.code(), status.code()) << end;
    (status.ok() ? some_done : some_refused) = true;
  }
  EXPECT_TRUE(some_refused);
  EXPECT_TRUE(some_done);
}

TEST(SmallStackTest, PastAHundredNestedCallsEachLevelSeesThatTheyAreTooMany) {
  std::vector<absl::Status> ends;
  const auto isolate = Nesting(&ends);
  const Isolate::Scope scope(*isolate);
  for (const int depth : {0, 1, 10, 100, 1000, 5000}) {
    ends.clear();
    const absl::Status status = isolate->Call("nest", {Integer(150), Integer(depth)}).status();
    EXPECT_TRUE(absl::IsResourceExhausted(status)) << depth << status;
    EXPECT_TRUE(absl::StrContains(status.message(), "nested calls from Lisp into the host and back"))
        << depth << status;
    if (depth == 0) {
      EXPECT_EQ(ends.size(), 100u);
    }
    for (const absl::Status& end : ends) EXPECT_TRUE(absl::IsResourceExhausted(end)) << end;
    EXPECT_TRUE(isolate->Call("nest", {Integer(50), Integer(0)}).ok());
  }
}

TEST(SmallStackTest, LargeNumbersTakeNoMoreStackThanThereIs) {
  const auto isolate = New();
  const auto text = [&] {
    const Isolate::Scope scope(*isolate);
    const auto result = isolate->Call("program");
    return result.ok() ? result->ToString().value() : result.status().ToString();
  };
  {
    const Isolate::Scope scope(*isolate);
    ASSERT_TRUE(isolate->Eval("(define (program) (number->string (expt 7 200000)))").ok());
  }
  const std::string expected = text();
  ASSERT_EQ(expected.size(), 169020u);
  std::string on_thread, on_fiber;
  OnThread(Scaled(64 * kKiB), [&] { on_thread = text(); });
  EXPECT_EQ(on_thread, expected);
  const Fiber fiber(Scaled(40 * kKiB));
  const FiberStack announced(fiber.low(), fiber.bytes());
  fiber.Run([&] { on_fiber = text(); });
  EXPECT_EQ(on_fiber, expected);
}

TEST(SmallStackTest, AFiberThatNobodyHasAnnouncedIsRefused) {
  const auto isolate = New();
  const Fiber fiber(256 * kKiB);
  const auto call = [&] {
    absl::Status status;
    fiber.Run([&] {
      const Isolate::Scope scope(*isolate);
      status = isolate->Eval("(+ 1 2)").status();
      if (absl::Status made = Isolate::FromSnapshot(Standard()).status(); made.code() != status.code()) status = made;
    });
    return status;
  };
  EXPECT_TRUE(absl::IsResourceExhausted(call())) << call();
  EXPECT_TRUE(absl::StrContains(call().message(), "islet::FiberStack")) << call();
  {
    const FiberStack announced(fiber.low(), fiber.bytes());
    EXPECT_TRUE(call().ok()) << call();
  }
  EXPECT_TRUE(absl::IsResourceExhausted(call())) << call();
}

}  // namespace
}  // namespace islet
