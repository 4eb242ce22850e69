// Interrupt ends any built-in procedure soon, whatever it is working on: each of these would take long. The isolate
// goes on, its data whole. And what a long procedure charges as fuel depends on its data alone.

#include <atomic>
#include <cctype>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <memory>
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "islet/isolate.h"
#include "isolate/lib/standard.h"
#include "tests/long_operations.h"
#include "tests/sanitized_for_tests.h"

ISLET_EMBEDDED_SNAPSHOT(standard);

namespace islet {
namespace {

// Beyond any doubt about the machine: what is meant is a hundredth of it (bench/interrupt_bench.cc measures that).
constexpr std::chrono::milliseconds kBound{100};

std::chrono::nanoseconds TimeOf(clockid_t clock) {
  timespec time = {};
  clock_gettime(clock, &time);
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

class InterruptTest : public ::testing::TestWithParam<LongOperation> {
 protected:
  std::unique_ptr<Isolate> Make() {
    auto snapshot = Snapshot::FromEmbedded(standard);
    EXPECT_TRUE(snapshot.ok()) << snapshot.status();
    auto isolate = Isolate::FromSnapshot(*snapshot);
    EXPECT_TRUE(isolate.ok()) << isolate.status();
    return *std::move(isolate);
  }
};

TEST_P(InterruptTest, EndsSoon) {
  const LongOperation& operation = GetParam();
  const std::unique_ptr<Isolate> isolate = Make();
  Isolate::Scope scope(*isolate);
  const auto prepared = isolate->Eval(std::string(operation.prepare));
  ASSERT_TRUE(prepared.ok()) << prepared.status();
  clockid_t clock;  // this thread's: what else the machine does is not measured
  ASSERT_EQ(pthread_getcpuclockid(pthread_self(), &clock), 0);
  for (const int milliseconds : {3, 20}) {
    std::chrono::nanoseconds interrupted{};
    std::thread other([&] {
      std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds));
      interrupted = TimeOf(clock);
      isolate->Interrupt();
    });
    const auto result = isolate->Eval(std::string(operation.expression));
    const std::chrono::nanoseconds ended = TimeOf(clock);
    other.join();
    ASSERT_FALSE(result.ok()) << operation.name << " was over before it could be interrupted";
    EXPECT_EQ(result.status().code(), absl::StatusCode::kCancelled) << result.status();
    const double latency = std::chrono::duration<double, std::micro>(ended - interrupted).count();
    std::printf("%-28s interrupted after %2d ms: ended %8.0f us later\n", operation.name, milliseconds, latency);
    if (!kSanitized) {
      EXPECT_LT(ended - interrupted, kBound) << operation.name;
    }
    const auto whole = isolate->Eval(std::string(operation.check));
    ASSERT_TRUE(whole.ok()) << operation.name << ": " << whole.status();
    EXPECT_FALSE(whole->IsFalse()) << operation.name << ": " << operation.check;
  }
}

INSTANTIATE_TEST_SUITE_P(Operations, InterruptTest, ::testing::ValuesIn(kLongOperations), [](const auto& info) {
  std::string name;
  for (const char* p = info.param.name; *p != 0; ++p) {
    name += std::isalnum(static_cast<unsigned char>(*p)) ? *p : '_';
  }
  return name + "_" + std::to_string(info.index);
});

int64_t ResidentKib() {
  std::ifstream file("/proc/self/statm");
  int64_t all = 0, resident = 0;
  file >> all >> resident;
  return resident * 4;
}

// An escape ends a macro's transformer and the expander around it, but not the call: what they have
// used is freed at once, unlike what a call that is interrupted has used.
TEST(EscapeTest, LeavesNoMemory) {
  if (kSanitized) GTEST_SKIP() << "sanitizers keep memory that was freed";
  auto snapshot = Snapshot::FromEmbedded(standard);
  ASSERT_TRUE(snapshot.ok());
  auto isolate = Isolate::FromSnapshot(*snapshot);
  ASSERT_TRUE(isolate.ok());
  Isolate::Scope scope(**isolate);
  ASSERT_TRUE((*isolate)
                  ->Eval(R"(
    (define k #f)
    (define-syntax escape (er-macro-transformer (lambda (form rename compare) (k #t))))
    (define form (list 'escape (make-list 2000 '(1 2))))
    (define (escapes n)
      (do ((i 0 (+ i 1))) ((= i n))
        (call/cc (lambda (c) (set! k c) (eval form (interaction-environment))))))
    (escapes 100))")
                  .ok());
  const int64_t before = ResidentKib();
  const auto result = (*isolate)->Eval("(escapes 1000)");
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_LT(ResidentKib() - before, 64 << 10);
}

// An interrupt that a procedure sees just before it has its result ends the run all the same.
class LastPollTest : public testing::TestWithParam<const char*> {};

TEST_P(LastPollTest, IsNotLost) {
  auto snapshot = Snapshot::FromEmbedded(standard);
  ASSERT_TRUE(snapshot.ok());
  auto isolate = Isolate::FromSnapshot(*snapshot);
  ASSERT_TRUE(isolate.ok());
  Isolate::Scope scope(**isolate);
  ASSERT_TRUE((*isolate)
                  ->Eval("(define a (- (expt 2 500000) 1)) (define b (+ a 1))"
                         "(define x (expt 2 4000000)) (define y (expt 2 4000000)) (define r #f)")
                  .ok());
  ASSERT_TRUE((*isolate)->Eval(absl::StrCat("(define (f) ", GetParam(), " (let loop () (loop)))")).ok());
  for (int i = 0; i < 60; ++i) {
    std::atomic<bool> done{false};
    bool lost = false;
    std::thread other([&] {
      std::this_thread::sleep_for(std::chrono::microseconds(20 * i));
      (*isolate)->Interrupt();
      for (int k = 0; k < 3000 && !done; ++k) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
      }
      if (!done) {
        lost = true;
        (*isolate)->Interrupt();
      }
    });
    EXPECT_FALSE((*isolate)->Eval("(f)").ok());
    done = true;
    other.join();
    ASSERT_FALSE(lost) << "after " << 20 * i << " us";
  }
}

INSTANTIATE_TEST_SUITE_P(
    Procedures, LastPollTest,
    testing::Values("(gcd a a a a a a a a a a a a)", "(bitwise-and a a a a a a a a a a a a a a a a a a a a)",
                    "(apply <= (append-map (lambda (i) (list a a)) (iota 40)))", "(apply + (make-list 60 a))",
                    "(let again ((n 100)) (set! r (eqv? x y)) (if (> n 0) (again (- n 1))))", "(memv x (list 1 y))",
                    "(max a b a b a b a b a b)", "(apply symbol=? (make-list 9000 'a))",
                    "(apply boolean=? (make-list 9000 #t))"));

// Instructions that an expression takes, and what long procedures charge as such.
uint64_t FuelFor(const char* prepare, const char* expression) {
  auto snapshot = Snapshot::FromEmbedded(standard);
  EXPECT_TRUE(snapshot.ok());
  IsolateOptions options;
  options.count_instructions = true;
  auto isolate = Isolate::FromSnapshot(*snapshot, options);
  Isolate::Scope scope(**isolate);
  EXPECT_TRUE((*isolate)->Eval(prepare).ok());
  const uint64_t before = (*isolate)->Stats().instructions;
  const auto result = (*isolate)->Eval(expression);
  EXPECT_TRUE(result.ok()) << result.status();
  return (*isolate)->Stats().instructions - before;
}

// Objects that are told apart at once cost no more fuel for being long.
TEST(FuelTest, IdentityIsCheap) {
  constexpr const char* kPrepare =
      "(define s (make-string 65535 #\\a)) (define a (expt 2 500000))"
      "(define l (make-list 10000 7)) (define m (make-list 10000 (string-copy s)))";
  for (const char* expression : {"(memv s l)", "(memv s m)", "(memv a l)", "(memv a m)", "(member s l)", "(member a m)",
                                 "(assv s (list (cons 1 2) (cons s 1)))", "(< 0 a)", "(= a 0)", "(string=? s \"x\")"}) {
    EXPECT_LT(FuelFor(kPrepare, expression), uint64_t{60000}) << expression;
  }
}

TEST(FuelTest, LongProceduresChargeByTheirData) {
  constexpr const char* kPrepare =
      "(define l (make-list 300000 7)) (define m (list-copy l)) (define a (expt 3 400000))"
      "(define s (make-string 500000 #\\a))";
  for (const char* expression : {"(equal? l m)", "(length l)", "(write l (open-output-string))", "(* a (+ a 1))",
                                 "(number->string a)", "(string-upcase s)"}) {
    const uint64_t fuel = FuelFor(kPrepare, expression);
    EXPECT_GT(fuel, 10000u) << expression;
    EXPECT_LT(fuel, uint64_t{1} << 27) << expression;
    EXPECT_EQ(FuelFor(kPrepare, expression), fuel) << expression;
  }
  // A limit ends them on their way.
  {
    auto snapshot = Snapshot::FromEmbedded(standard);
    auto isolate = Isolate::FromSnapshot(*snapshot);
    Isolate::Scope scope(**isolate);
    ASSERT_TRUE((*isolate)->Eval(kPrepare).ok());
    Limits limits;
    limits.fuel = 10000;
    (*isolate)->SetLimits(limits);
    EXPECT_EQ(LimitReached((*isolate)->Eval("(equal? l m)").status()), Limit::kFuel);
  }
  // Short data cost nothing but the call.
  EXPECT_LT(FuelFor("(define l (make-list 1000 7))", "(length l)"), 100u);
}

}  // namespace
}  // namespace islet
