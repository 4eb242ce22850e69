// Limits: each ends a call with its own name and a backtrace, whatever the script does against it; the isolate stays
// usable; hosts may raise them; instructions are counted alike everywhere.

#include "islet/limits.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "islet/isolate_pool.h"
#include "sdk/isolate_impl.h"
#include "sdk/isolate_test_startup.h"

ISLET_EMBEDDED_SNAPSHOT(isolate_test_startup);

namespace islet {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;
using testing::Not;

HostFunctions& Hosts() {
  static HostFunctions* const hosts = [] {
    auto* made = new HostFunctions;
    made->Add("log", 1, [](Isolate&, absl::Span<const Value>) -> absl::StatusOr<Value> { return Value(); });
    made->Add("add", 2, -1, [](Isolate& isolate, absl::Span<const Value>) -> absl::StatusOr<Value> {
      // Forgets that the call has failed.
      (void)isolate.Eval("(let loop () (loop))");
      return Integer(0);
    });
    made->Add("call-back", 1, [](Isolate& isolate, absl::Span<const Value> arguments) -> absl::StatusOr<Value> {
      return isolate.Call(arguments[0]);
    });
    return made;
  }();
  return *hosts;
}

IsolateOptions Options() {
  IsolateOptions options;
  options.host_functions = &Hosts();
  return options;
}

std::unique_ptr<Isolate> Make(const IsolateOptions& options) {
  auto isolate = Isolate::FromSnapshot(*Snapshot::FromEmbedded(isolate_test_startup), options);
  EXPECT_TRUE(isolate.ok()) << isolate.status();
  return *std::move(isolate);
}

absl::Status Evaluate(Isolate& isolate, const std::string& text) {
  Isolate::Scope scope(isolate);
  return isolate.Eval(text).status();
}

std::string Answer(Isolate& isolate, const std::string& text) {
  Isolate::Scope scope(isolate);
  auto value = isolate.Eval(text);
  return value.ok() ? value->Print() : std::string(value.status().message());
}

// Programs without end, that do what they can to go on.
struct Endless {
  const char* name;
  const char* text;
};
const Endless kEndless[] = {
    {"loop", "(define (here) (let loop ((i 0)) (loop (+ i 1)))) (here)"},
    {"calls", "(define (here n) (+ 0 (if (= n 10) 0 (here (+ n 1)))) (here 0)) (here 0)"},
    {"handlers", "(define (here) (guard (e (#t (here))) (let loop () (loop))) (here)) (here)"},
    {"with-exception-handler",
     "(define (here) (with-exception-handler (lambda (e) (here)) (lambda () (let loop () (loop)))) (here)) (here)"},
    {"dynamic-wind", "(define (here) (dynamic-wind (lambda () 0) (lambda () (let loop () (loop))) here)) (here)"},
    {"continuations", "(define (here) (let ((k (call/cc (lambda (k) k)))) (k k))) (here)"},
    {"sorting", "(define (here) (list-sort < '(3 1 2)) (here)) (here)"},
    {"eval",
     "(define (here) (eval '(let loop ((i 0)) (if (< i 100) (loop (+ i 1)))) (interaction-environment)) (here)) "
     "(here)"},
    {"host", "(define (here) (call-back (lambda () (let loop () (loop)))) (here)) (here)"},
    {"forgetful host", "(define (here) (add-host 1 2) (here)) (here)"},
};

void ExpectUsable(Isolate& isolate) {
  EXPECT_EQ(Answer(isolate, "(+ 1 2)"), "3");
  EXPECT_EQ(Answer(isolate, "(guard (e (#t 'caught)) (raise 1))"), "caught");
}

void ExpectBacktrace(Isolate& isolate, const absl::Status& status, const std::string& what) {
  EXPECT_THAT(std::string(status.message()), HasSubstr("\n  at ")) << what;
  bool found = false;
  for (const ErrorReport::Frame& frame : isolate.LastError().backtrace) found |= frame.place.line > 0;
  EXPECT_TRUE(found) << what << ": " << status;
  EXPECT_FALSE(absl::StrContains(isolate.LastError().message, "\n"));
}

TEST(LimitsTest, Fuel) {
  for (const Endless& program : kEndless) {
    IsolateOptions options = Options();
    options.limits.fuel = 1'000'000;
    auto isolate = Make(options);
    const absl::Status status = Evaluate(*isolate, program.text);
    EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << program.name << status;
    EXPECT_EQ(LimitReached(status), Limit::kFuel) << program.name;
    ExpectBacktrace(*isolate, status, program.name);
    EXPECT_EQ(isolate->Stats().instructions, 1'000'000u) << program.name;
    ExpectUsable(*isolate);
  }
}

TEST(LimitsTest, ProcessorTimeAndElapsedTime) {
  for (const bool cpu : {true, false}) {
    for (const Endless& program : kEndless) {
      IsolateOptions options = Options();
      // On a machine that is busy elsewhere, elapsed time must not run out before the program's own
      // loop has begun.
      const auto limit = milliseconds(cpu ? 20 : 100);
      (cpu ? options.limits.cpu_time : options.limits.wall_time) = limit;
      auto isolate = Make(options);
      const auto start = std::chrono::steady_clock::now();
      const absl::Status status = Evaluate(*isolate, program.text);
      EXPECT_GE(std::chrono::steady_clock::now() - start, limit - milliseconds(1));
      EXPECT_EQ(status.code(), absl::StatusCode::kDeadlineExceeded) << program.name << status;
      EXPECT_EQ(LimitReached(status), cpu ? Limit::kCpuTime : Limit::kWallTime) << program.name;
      ExpectBacktrace(*isolate, status, program.name);
      ExpectUsable(*isolate);
    }
  }
}

// Reading, expanding and compiling it, that is.
TEST(LimitsTest, TheTextOfAnEvalIsLimitedToo) {
  std::string sum = "(define (f) (+";
  for (int i = 0; i < 300'000; ++i) sum += " (* 2 x)";
  sum += "))";
  const std::string texts[] = {
      std::string(30'000'000, ';') + "\n1",
      "'(" + std::string(20'000'000, ' ') + ")",
      sum,
      "(define-syntax twice (syntax-rules () ((_ (x ...)) (begin (twice (x ... x ...)) (twice (x "
      "... x ...))))))\n(twice (a))",
      "(define-library (a) (import (scheme base)) (begin " + sum + "))",
  };
  for (const std::string& text : texts) {
    SCOPED_TRACE(text.substr(0, 30));
    auto isolate = Make(Options());
    IsolateOptions options = Options();
    options.limits.fuel = 10'000;
    auto fuelled = Make(options);
    absl::Status status = Evaluate(*fuelled, text);
    EXPECT_EQ(LimitReached(status), Limit::kFuel) << status;
    ExpectUsable(*fuelled);

    options = Options();
    options.limits.cpu_time = milliseconds(3);
    auto timed = Make(options);
    status = Evaluate(*timed, text);
    EXPECT_EQ(status.code(), absl::StatusCode::kDeadlineExceeded) << status;
    EXPECT_EQ(LimitReached(status), Limit::kCpuTime) << status;
    ExpectUsable(*timed);

    isolate->Interrupt();
    status = Evaluate(*isolate, text);
    EXPECT_EQ(status.code(), absl::StatusCode::kCancelled) << status;
    EXPECT_TRUE(absl::StrContains(status.message(), "interrupted")) << status;
    ExpectUsable(*isolate);
    EXPECT_FALSE(Evaluate(*isolate, "(import (only (a) f))").ok()) << "a library that was not finished";
  }
}

// Wherever in its text the end comes.
TEST(LimitsTest, ALibraryThatHasNotRunIsNotThere) {
  std::string items;
  for (int i = 0; i < 6000; ++i) items += " a";
  const std::string start = "(define-library (a) (export f) (import (scheme base)) (begin ";
  const std::string texts[] = {
      start + "(define (f) '(" + items + "))))",
      start + "(define (f) #(" + items + "))))",
      start + "(define (f) (case 1 ((" + items + ") 2) (else 3)))))",
  };
  for (const std::string& text : texts) {
    SCOPED_TRACE(text.substr(0, 80));
    int limited = 0;
    for (uint64_t fuel = 20'000;; fuel += 1500, ++limited) {
      IsolateOptions options = Options();
      options.limits.fuel = fuel;
      auto isolate = Make(options);
      const absl::Status status = Evaluate(*isolate, text);
      if (status.ok()) break;
      ASSERT_EQ(LimitReached(status), Limit::kFuel) << status;
      isolate->SetLimits(Limits());
      ASSERT_THAT(Answer(*isolate, "(import (a))"), HasSubstr("no library (a)")) << fuel;
      ASSERT_EQ(Answer(*isolate, text + "(import (a)) (procedure? f)"), "#t") << fuel;
    }
    EXPECT_GT(limited, 3);
  }
}

// Its name is looked at once more after its end.
TEST(LimitsTest, ALibraryWithALongNameIsForgottenToo) {
  std::string name = "(a";
  for (int i = 0; i < 20'000; ++i) name += " a";
  name += ")";
  IsolateOptions options = Options();
  options.limits.fuel = 5'000'000;
  auto isolate = Make(options);
  ASSERT_TRUE(Evaluate(*isolate, "(define (one) 1)").ok());
  const absl::Status status =
      Evaluate(*isolate, "(define-library " + name + " (import (scheme base)) (begin (let loop () (loop))))");
  EXPECT_EQ(LimitReached(status), Limit::kFuel) << status;
  {
    const Isolate::Scope scope(*isolate);
    const auto one = isolate->Call("one");
    EXPECT_TRUE(one.ok()) << one.status();
  }
  EXPECT_FALSE(Evaluate(*isolate, "(import " + name + ")").ok());
  ExpectUsable(*isolate);
}

TEST(LimitsTest, AQuotedDatumThatDoesNotFitIsNotUndefined) {
  IsolateOptions options = Options();
  options.limits.heap_bytes = size_t{4} << 20;
  auto isolate = Make(options);
  std::string datum = "'(";
  for (int i = 0; i < 1'000'000; ++i) datum += " 1";
  const absl::Status status = Evaluate(*isolate, "(list " + datum + "))");
  EXPECT_EQ(LimitReached(status), Limit::kHeap) << status;
  ExpectUsable(*isolate);
}

// An interrupt waits for them, and does not cut short what they are given or give.
TEST(LimitsTest, HostFunctionsSeeWholeDataWhenInterrupted) {
  constexpr size_t kLength = 3'000'000;
  static Isolate* other;
  HostFunctions hosts;
  hosts.Add("log", 1, [](Isolate& isolate, absl::Span<const Value> arguments) -> absl::StatusOr<Value> {
    isolate.Interrupt();
    const auto text = arguments[0].ToString();
    EXPECT_TRUE(text.ok() && text->size() == kLength);
    EXPECT_GT(arguments[0].Print().size(), size_t{1} << 20);  // where it ends by itself
    const Isolate::Scope scope(*other);
    const auto length = other->Call("string-length", {String(std::string(kLength, 'b'))});
    EXPECT_TRUE(length.ok() && length->Print() == std::to_string(kLength));
    return String(std::string(kLength, 'c'));
  });
  hosts.Add("call-back", 1, [](Isolate&, absl::Span<const Value>) -> absl::StatusOr<Value> { return Value(); });
  hosts.Add("add", 2, -1, [](Isolate&, absl::Span<const Value>) -> absl::StatusOr<Value> { return Value(); });
  IsolateOptions options;
  options.host_functions = &hosts;
  auto isolate = Make(options), second = Make(options);
  other = second.get();
  const absl::Status status = Evaluate(*isolate, "(let loop () (log-host (make-string 3000000 #\\a)) (loop))");
  EXPECT_EQ(status.code(), absl::StatusCode::kCancelled) << status;
}

// Deeper frames than those of the safepoint at which the limit was raised are scanned as well.
TEST(LimitsTest, FramesAboveASafepointThatRaisedTheHeapLimitAreAlive) {
  static int asked;
  asked = 0;
  HostFunctions hosts;
  for (const char* name : {"log", "call-back"}) {
    hosts.Add(name, 1, [](Isolate&, absl::Span<const Value>) -> absl::StatusOr<Value> { return Integer(asked); });
  }
  hosts.Add("add", 2, -1, [](Isolate&, absl::Span<const Value>) -> absl::StatusOr<Value> { return Value(); });
  IsolateOptions options;
  options.host_functions = &hosts;
  options.limits.heap_bytes = size_t{5} << 20;
  options.near_limit = [](Isolate& isolate, Limit limit) {
    ++asked;
    Limits limits = isolate.limits();
    if (limit == Limit::kHeap) limits.heap_bytes += size_t{3} << 20;
    isolate.SetLimits(limits);
  };
  auto isolate = Make(options);
  EXPECT_EQ(Answer(*isolate, R"(
    (define keep '())
    (define last 0)
    (define (reserve n)
      (let* ((a (list n n)) (b (vector n)))
        (make-string 1200000 #\a) (make-string 1200000 #\a) (make-string 1200000 #\a)
        (make-string 1200000 #\a)
        (make-vector 2000 'over)
        (list (list n n) (vector n) a b)))
    (define (deep n d)
      (if (= d 0)
          (reserve n)
          (let* ((c (list n)) (r (deep n (- d 1))))
            (make-vector 500 'over)
            (if (equal? c (list n)) r (error "lost" c)))))
    (define (grow n)
      (do ((i 0 (+ i 1))) ((= i n) 'fine)
        (set! keep (cons (make-vector 10 i) keep))
        (let ((a (log-host i)))
          (if (not (eqv? a last))
              (begin
                (set! last a)
                (let ((r (deep i 12)))
                  (if (not (equal? r (list (list i i) (vector i) (list i i) (vector i))))
                      (error "lost" r))))))))
    (grow 300000))"),
            "fine");
  EXPECT_GT(asked, 3);
}

TEST(LimitsTest, ElapsedTimeCountsWaitingAndProcessorTimeDoesNot) {
  HostFunctions hosts;
  for (const char* name : {"log", "call-back"}) {
    hosts.Add(name, 1, [](Isolate&, absl::Span<const Value>) -> absl::StatusOr<Value> {
      std::this_thread::sleep_for(milliseconds(60));
      return Value();
    });
  }
  hosts.Add("add", 2, -1, [](Isolate&, absl::Span<const Value>) -> absl::StatusOr<Value> { return Value(); });
  IsolateOptions options;
  options.host_functions = &hosts;
  options.limits.cpu_time = milliseconds(40);
  auto isolate = Make(options);
  EXPECT_TRUE(Evaluate(*isolate, "(log-host 1)").ok());
  options.limits = Limits();
  options.limits.wall_time = milliseconds(40);
  isolate = Make(options);
  EXPECT_EQ(LimitReached(Evaluate(*isolate, "(begin (log-host 1) (let loop ((i 0)) (if (< i 10) (loop (+ i 1)))))")),
            Limit::kWallTime);
}

TEST(LimitsTest, EachCallHasTimeAndFuelOfItsOwn) {
  IsolateOptions options = Options();
  options.limits.fuel = 50'000;
  options.limits.wall_time = std::chrono::seconds(2);
  auto isolate = Make(options);
  for (int i = 0; i < 100; ++i) {
    const absl::Status status = Evaluate(*isolate, "(let loop ((i 0)) (if (< i 8000) (loop (+ i 1))))");
    EXPECT_TRUE(status.ok()) << status;
  }
  EXPECT_GT(isolate->Stats().instructions, 100 * 8000u);
}

TEST(LimitsTest, Heap) {
  const Endless programs[] = {
      {"lists", "(define (here l) (here (cons 1 l))) (here '())"},
      {"handlers", "(define (here l) (guard (e (#t (here l))) (here (cons l l)))) (here '())"},
      {"continuations", "(define (here k) (here (call/cc (lambda (k2) (cons k k2))))) (here '())"},
      {"vectors", "(define (here l) (here (cons (make-vector 1000 l) l))) (here '())"},
      {"strings", "(define (here l) (here (cons (make-string 1000 #\\a) l))) (here '())"},
      {"tables",
       "(define (here i) (let ((new (make-hash-table))) (hash-table-set! new i i) (set! t (cons new t)) "
       "(here (+ i 1)))) (here 0)"},
      {"symbols", "(define (here l i) (here (cons (string->symbol (number->string i)) l) (+ i 1))) (here '() 0)"},
  };
  for (const Endless& program : programs) {
    IsolateOptions options = Options();
    options.limits.heap_bytes = 8 << 20;
    auto isolate = Make(options);
    EXPECT_TRUE(Evaluate(*isolate, "(define t '()) (define (clear!) (set! t '()))").ok());
    const absl::Status status = Evaluate(*isolate, program.text);
    EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << program.name << status;
    EXPECT_EQ(LimitReached(status), Limit::kHeap) << program.name << status;
    ExpectBacktrace(*isolate, status, program.name);
    {
      Isolate::Scope scope(*isolate);
      EXPECT_TRUE(isolate->Call("clear!").ok());
    }
    ExpectUsable(*isolate);
  }
}

// Slots of the stack that a call has left behind must not keep objects alive when the next call fails.
TEST(LimitsTest, AnErrorAfterTheHeapLimitFindsRoom) {
  IsolateOptions options = Options();
  options.limits.heap_bytes = 4 << 20;
  auto isolate = Make(options);
  const std::string forever = "(define (forever) (let loop ((l '())) (loop (cons (make-bytevector 300000 1) l))))";
  ASSERT_TRUE(Evaluate(*isolate, forever).ok());
  for (int i = 0; i < 20; ++i) {
    const Isolate::Scope scope(*isolate);
    EXPECT_EQ(LimitReached(isolate->Call("forever").status()), Limit::kHeap);
    const absl::Status failed = isolate->Eval("(no-such-procedure 1)").status();
    ASSERT_EQ(failed.code(), absl::StatusCode::kUnknown) << i << ": " << failed;
    EXPECT_EQ(LimitReached(isolate->Call("forever").status()), Limit::kHeap);
    const auto caught =
        isolate->Eval("(guard (e (#t (vector-length (make-vector 20000 e)))) (vector-ref (vector 1) 5))");
    ASSERT_TRUE(caught.ok()) << i << ": " << caught.status();
  }
}

TEST(LimitsTest, Stack) {
  const Endless programs[] = {
      {"recursion", "(define (here n) (+ 1 (here (+ n 1)))) (here 0)"},
      {"handlers", "(define (here n) (guard (e (#t (+ 1 (here n)))) (+ 1 (here (+ n 1))))) (here 0)"},
      {"captures", "(define (here n) (+ 1 (call/cc (lambda (k) (here (+ n 1)))))) (here 0)"},
      {"map", "(define (here l) (map (lambda (x) (here (list x))) l)) (here '(1))"},
  };
  for (const size_t bytes : {size_t{8} << 10, size_t{100} << 10, size_t{1} << 20, size_t{16} << 20}) {
    for (const Endless& program : programs) {
      IsolateOptions options = Options();
      options.limits.stack_bytes = bytes;
      auto isolate = Make(options);
      const absl::Status status = Evaluate(*isolate, program.text);
      EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << program.name << status;
      EXPECT_EQ(LimitReached(status), Limit::kStack) << program.name << status;
      ExpectBacktrace(*isolate, status, program.name);
      ExpectUsable(*isolate);
    }
  }
}

// How deep a recursion gets, of 4 words of header and registers at least for each call.
TEST(LimitsTest, StackIsLimitedToAboutWhatWasAsked) {
  for (const size_t bytes : {size_t{16} << 10, size_t{100} << 10, size_t{1} << 20, size_t{10} << 20}) {
    IsolateOptions options = Options();
    options.limits.stack_bytes = bytes;
    auto isolate = Make(options);
    EXPECT_TRUE(Evaluate(*isolate, "(define deepest 0) (define (f n) (set! deepest n) (+ 1 (f (+ n 1))))").ok());
    EXPECT_EQ(LimitReached(Evaluate(*isolate, "(f 1)")), Limit::kStack);
    const double first = std::stod(Answer(*isolate, "deepest"));
    Limits twice = isolate->limits();
    twice.stack_bytes *= 2;
    isolate->SetLimits(twice);
    EXPECT_EQ(LimitReached(Evaluate(*isolate, "(f 1)")), Limit::kStack);
    const double second = std::stod(Answer(*isolate, "deepest"));
    EXPECT_NEAR(second / first, 2, 0.25) << bytes;
    EXPECT_LE(first * 16, static_cast<double>(bytes));
    EXPECT_GE(first * 64, static_cast<double>(bytes));
    // Returning from that deep works.
    isolate->SetLimits(Limits());
    EXPECT_EQ(Answer(*isolate, "(begin (define (g n) (if (= n 0) 0 (+ 1 (g (- n 1))))) (g 1000000))"), "1000000");
  }
}

// The part of the list that was made is garbage by the time the handler is called, so the script goes on.
TEST(LimitsTest, ListsThatDoNotFitAreConditions) {
  IsolateOptions options = Options();
  options.limits.heap_bytes = 4 << 20;
  auto isolate = Make(options);
  for (const char* call : {"(string-split (make-string 200000 #\\a) \"\")", "(string->list (make-string 600000 #\\a))",
                           "(make-list 600000 1)", "(vector->list (make-vector 450000 1))"}) {
    const std::string guarded =
        std::string("(guard (e ((error-object? e) (error-object-message e))) (length ") + call + "))";
    EXPECT_THAT(Answer(*isolate, guarded), HasSubstr("KiB, more than the heap limit of 4096 KiB allows")) << call;
    EXPECT_THAT(Answer(*isolate, guarded), Not(HasSubstr("needs 0 KiB"))) << call;
  }
}

// A continuation that was to leave a host function, which then returned all the same, is not what a limit ends in.
TEST(LimitsTest, EscapesThatAHostFunctionForgotStayForgotten) {
  HostFunctions hosts = Hosts();
  IsolateOptions options;
  options.host_functions = &hosts;
  hosts.Add("call-back", 1, [](Isolate& isolate, absl::Span<const Value> arguments) -> absl::StatusOr<Value> {
    EXPECT_FALSE(isolate.Call(arguments[0]).ok());
    return Value();
  });
  options.limits.wall_time = milliseconds(20);
  auto isolate = Make(options);
  const absl::Status status =
      Evaluate(*isolate,
               "(let* ((s (make-string 4000000 #\\a)) (again (call/cc (lambda (k) k))))"
               "  (if (procedure? again) (call-back (lambda () (again 'escaped))))"
               "  (let loop () (if (procedure? again) (begin (string-upcase s) (loop)) again)))");
  EXPECT_EQ(LimitReached(status), Limit::kWallTime) << status;
}

TEST(LimitsTest, TheHostIsAskedAndMayRaiseThem) {
  IsolateOptions options = Options();
  options.limits.heap_bytes = 4 << 20;
  options.limits.stack_bytes = 64 << 10;
  options.limits.fuel = 10'000;
  options.limits.cpu_time = milliseconds(5);
  options.limits.wall_time = milliseconds(5);
  std::vector<int> asked(6);
  options.near_limit = [&asked](Isolate& isolate, Limit limit) {
    ++asked[static_cast<size_t>(limit)];
    // No code may run now.
    EXPECT_EQ(isolate.Eval("1").status().code(), absl::StatusCode::kFailedPrecondition);
    Limits limits = isolate.limits();
    switch (limit) {
      case Limit::kHeap:
        limits.heap_bytes *= 2;
        break;
      case Limit::kStack:
        limits.stack_bytes *= 2;
        break;
      case Limit::kFuel:
        limits.fuel *= 2;
        break;
      case Limit::kCpuTime:
        limits.cpu_time += milliseconds(500);
        break;
      case Limit::kWallTime:
        limits.wall_time += milliseconds(500);
        break;
      case Limit::kNone:
        FAIL();
    }
    isolate.SetLimits(limits);
  };
  auto isolate = Make(options);
  EXPECT_EQ(Answer(*isolate, "(define (deep n) (if (= n 0) '() (cons n (deep (- n 1))))) (length (deep 2000000))"),
            "2000000");
  EXPECT_EQ(Answer(*isolate, "(let loop ((i 0)) (if (< i 20000000) (loop (+ i 1)) i))"), "20000000");
  for (const Limit limit : {Limit::kHeap, Limit::kStack, Limit::kFuel, Limit::kWallTime}) {
    EXPECT_GT(asked[static_cast<size_t>(limit)], 0) << LimitName(limit);
  }
  // Up to a point.
  options.near_limit = [](Isolate& isolate, Limit) {
    Limits limits = isolate.limits();
    if (limits.fuel < 100'000) limits.fuel += 10'000;
    isolate.SetLimits(limits);
  };
  options.limits.wall_time = options.limits.cpu_time = Limits::kNoTime;
  isolate = Make(options);
  EXPECT_EQ(LimitReached(Evaluate(*isolate, "(let loop () (loop))")), Limit::kFuel);
  EXPECT_EQ(isolate->Stats().instructions, 100'000u);
}

TEST(LimitsTest, InstructionsAreCountedAlike) {
  const char* const kProgram =
      "(define (make n) (if (= n 0) '() (cons (vector n (number->string n)) (make (- n 1)))))"
      "(define t (make-hash-table))"
      "(for-each (lambda (v) (hash-table-set! t (vector-ref v 1) v)) (make 20000))"
      "(define l (list-sort (lambda (a b) (string<? (vector-ref a 1) (vector-ref b 1))) (make 5000)))"
      "(call/cc (lambda (k) (for-each (lambda (v) (if (= (vector-ref v 0) 77) (k v))) l)))"
      "(expt 7 5000)";
  IsolateOptions options = Options();
  options.count_instructions = true;
  auto pool = IsolatePool::Create(*Snapshot::FromEmbedded(isolate_test_startup), {options});
  ASSERT_TRUE(pool.ok());
  std::vector<uint64_t> counts;
  for (int i = 0; i < 3; ++i) {
    auto isolate = (*pool)->Get();
    EXPECT_EQ((*isolate)->Stats().instructions, 0u);
    EXPECT_TRUE(Evaluate(**isolate, kProgram).ok());
    counts.push_back((*isolate)->Stats().instructions);
  }
  std::thread([&] {
    auto isolate = Make(options);
    EXPECT_TRUE(Evaluate(*isolate, kProgram).ok());
    counts.push_back(isolate->Stats().instructions);
  }).join();
  // Collections are no instructions.
  {
    IsolateOptions small = options;
    small.limits.heap_bytes = 6 << 20;
    auto isolate = Make(small);
    EXPECT_TRUE(Evaluate(*isolate, kProgram).ok());
    EXPECT_GT(isolate->Stats().minor_collections, 0u);
    counts.push_back(isolate->Stats().instructions);
  }
  EXPECT_GT(counts[0], 100'000u);
  for (const uint64_t count : counts) EXPECT_EQ(count, counts[0]);
  // Exactly as much is enough.
  IsolateOptions exact = Options();
  exact.limits.fuel = counts[0];
  EXPECT_TRUE(Evaluate(*Make(exact), kProgram).ok());
  exact.limits.fuel = counts[0] - 1;
  EXPECT_EQ(LimitReached(Evaluate(*Make(exact), kProgram)), Limit::kFuel);
  // Not counted unless asked for.
  auto plain = Make(Options());
  EXPECT_TRUE(Evaluate(*plain, kProgram).ok());
  EXPECT_EQ(plain->Stats().instructions, 0u);
}

TEST(LimitsTest, AnInterruptHasABacktraceToo) {
  auto isolate = Make(Options());
  isolate->Interrupt();
  const absl::Status status = Evaluate(*isolate, "(define (here) (let loop ((i 0)) (loop (+ i 1)))) (here)");
  EXPECT_EQ(status.code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(LimitReached(status), Limit::kNone);
  EXPECT_TRUE(absl::StartsWith(status.message(), "interrupted")) << status;
  ExpectUsable(*isolate);
}

TEST(LimitsTest, ManyThreadsWithManyLimits) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([t] {
      IsolateOptions options = Options();
      options.limits.wall_time = milliseconds(3 + t);
      auto isolate = Make(options);
      auto other = Make(Options());
      for (int i = 0; i < 40; ++i) {
        if (i % 4 == 3) {
          EXPECT_EQ(LimitReached(Evaluate(*isolate, "(let loop () (loop))")), Limit::kWallTime);
        } else {
          Limits limits = isolate->limits();
          limits.wall_time = std::chrono::seconds(5 + i % 3);
          isolate->SetLimits(limits);
          EXPECT_EQ(Answer(*isolate, "(+ 1 2)"), "3");
          limits.wall_time = milliseconds(3 + t);
          isolate->SetLimits(limits);
        }
        EXPECT_EQ(Answer(*other, "(+ 1 2)"), "3");
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST(LimitsTest, APoolsIsolateHasTheOptionsLimitsAgain) {
  IsolatePool::Options options;
  options.isolate = Options();
  options.isolate.limits.fuel = 1000;
  options.isolate.limits.stack_bytes = 2500;  // less than what an isolate starts with
  options.verify_resets = true;
  auto pool = IsolatePool::Create(*Snapshot::FromEmbedded(isolate_test_startup), options);
  for (int i = 0; i < 5; ++i) {
    auto isolate = (*pool)->Get();
    ASSERT_TRUE(isolate.ok());
    EXPECT_EQ((*isolate)->limits().fuel, 1000u);
    EXPECT_EQ(LimitReached(Evaluate(**isolate, "(let loop () (loop))")), Limit::kFuel);
    Limits limits;
    limits.heap_bytes = 3 << 20;
    limits.stack_bytes = 30 << 10;
    (*isolate)->SetLimits(limits);
    EXPECT_EQ(LimitReached(Evaluate(**isolate, "(define (f n) (+ 1 (f n))) (f 1)")), Limit::kStack);
    limits.wall_time = milliseconds(10);
    (*isolate)->SetLimits(limits);
    EXPECT_EQ(LimitReached(Evaluate(**isolate, "(let loop () (loop))")), Limit::kWallTime);
  }
  EXPECT_TRUE((*pool)->ResetStatus().ok()) << (*pool)->ResetStatus();
}

TEST(LimitsTest, AThreadThatHasNotEnteredChangesNothing) {
  IsolateOptions options = Options();
  options.limits.fuel = 1'000'000'000;
  options.limits.wall_time = std::chrono::seconds(100);
  auto isolate = Make(options);
  std::atomic<bool> done{false};
  std::thread stranger([&] {
    while (!done.load()) EXPECT_EQ(isolate->Eval("1").status().code(), absl::StatusCode::kFailedPrecondition);
  });
  {
    Isolate::Scope scope(*isolate);
    for (int i = 0; i < 200; ++i) EXPECT_TRUE(isolate->Eval("(let loop ((i 0)) (if (< i 10000) (loop (+ i 1))))").ok());
    done.store(true);
    stranger.join();
  }
}

// Most that is free and resident at once while long lists die one after the other.
size_t MostSpare(Isolate& isolate) {
  size_t most = 0;
  for (int i = 0; i < 60; ++i) {
    EXPECT_TRUE(isolate.Eval("(define l (make-list 100000 1))").ok());
    most = std::max(most, isolate.Stats().spare_bytes);
  }
  return most;
}

TEST(LimitsTest, FreeMemoryThatStaysIsLimitedAndTold) {
  {
    auto isolate = Make(Options());
    Isolate::Scope scope(*isolate);
    EXPECT_GT(MostSpare(*isolate), size_t{1} << 20);
    EXPECT_GE(isolate->Stats().full_collections, 1u);
    isolate->CollectGarbage();
    EXPECT_EQ(isolate->Stats().spare_bytes, 0u);
  }
  IsolateOptions options = Options();
  options.spare_bytes = 0;
  auto isolate = Make(options);
  Isolate::Scope scope(*isolate);
  EXPECT_EQ(MostSpare(*isolate), 0u);
  auto fork = isolate->Fork();
  ASSERT_TRUE(fork.ok()) << fork.status();
  Isolate::Scope forked(**fork);
  EXPECT_EQ(MostSpare(**fork), 0u);
}

TEST(LimitsTest, StatsTellOfTablesThatCollectionsHaveMisplaced) {
  auto isolate = Make(Options());
  Isolate::Scope scope(*isolate);
  ASSERT_TRUE(isolate
                  ->Eval("(define keys (map list (iota 1000))) (define table (make-hash-table eq?))"
                         "(for-each (lambda (key) (hash-table-set! table key #t)) keys)")
                  .ok());
  const auto look = [&] {
    auto found = isolate->Eval("(hash-table-ref/default table (car keys) #f)");
    ASSERT_TRUE(found.ok()) << found.status();
    EXPECT_EQ(found->Print(), "#t");
  };
  isolate->CollectGarbage();
  const uint64_t before = isolate->Stats().rehashed_entries;
  look();
  const uint64_t after = isolate->Stats().rehashed_entries;
  EXPECT_GE(after - before, 1000u);
  // The keys are old: minor collections leave them where they are.
  const uint64_t minors = isolate->Stats().minor_collections;
  ASSERT_TRUE(isolate->Eval("(do ((i 0 (+ i 1))) ((= i 300)) (make-vector 4000 i))").ok());
  EXPECT_GT(isolate->Stats().minor_collections, minors);
  look();
  EXPECT_EQ(isolate->Stats().rehashed_entries, after);
}

TEST(LimitsTest, StatsTellBySpace) {
  auto isolate = Make(Options());
  Isolate::Scope scope(*isolate);
  EXPECT_TRUE(
      Evaluate(*isolate,
               "(define v (make-vector 100000 0)) (define l (make-list 50000 1)) (define (f n) (if (= n 0) 0 (+ 1 "
               "(f (- n 1))))) (f 3000) (call-back (lambda () 1))")
          .ok());
  IsolateStats stats = isolate->Stats();
  EXPECT_GE(stats.large_bytes, 400'000u);
  EXPECT_GE(stats.old_bytes, stats.large_bytes);
  EXPECT_GE(stats.young_bytes, 400'000u);
  EXPECT_EQ(stats.heap_bytes, stats.young_bytes + stats.old_bytes);
  EXPECT_GT(stats.snapshot_bytes, 100'000u);
  EXPECT_GE(stats.stack_bytes, 3000u * 16);
  EXPECT_EQ(stats.host_calls, 1u);
  isolate->CollectGarbage();
  stats = isolate->Stats();
  EXPECT_LT(stats.young_bytes, 1000u);
  EXPECT_GE(stats.full_collections, 1u);
  EXPECT_GT(stats.longest_full_seconds, 0);
  EXPECT_LE(stats.longest_full_seconds, stats.full_seconds);
}

}  // namespace
}  // namespace islet
