// Full collections that an interrupt has cut short: the call ends at once and says where; whatever
// the host does next finds all its data, in one place each.

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <thread>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "islet/isolate_pool.h"
#include "sdk/isolate_impl.h"
#include "sdk/isolate_test_startup.h"

ISLET_EMBEDDED_SNAPSHOT(isolate_test_startup);

namespace islet {
namespace {

using testing::HasSubstr;

// Some 20 MiB of everything that a collection moves or marks, and of what depends on where things
// are.
constexpr char kData[] = R"(
  (import (scheme base) (srfi 69))
  (define count 60000)
  (define keys (make-vector count))
  (define table (make-hash-table eq?))
  (do ((i 0 (+ i 1))) ((= i count))
    (vector-set! keys i (list i (* 1.5 i) (number->string i)))
    (hash-table-set! table (vector-ref keys i) (vector i (lambda () i))))
  (define symbols
    (do ((i 0 (+ i 1)) (all '() (cons (string->symbol (string-append "interned-" (number->string i))) all)))
        ((= i 3000) all)))
  ; Much of what it makes is alive for a while, so that full collections have something to do.
  (define (churn n)
    (do ((i 0 (+ i 1)) (alive '() (if (= 0 (modulo i 20000)) '() (cons (make-vector 20 i) alive)))) ((= i n) #t)
      (string->symbol (string-append "dead-" (number->string i)))))
  (define (whole?)
    (and (= (hash-table-size table) count)
         (do ((i 0 (+ i 1)))
             ((or (= i count)
                  (let* ((key (vector-ref keys i)) (value (hash-table-ref/default table key #f)))
                    (not (and value (= i (vector-ref value 0)) (= i ((vector-ref value 1))) (= i (car key))
                              (= (* 1.5 i) (cadr key)) (string=? (number->string i) (caddr key))))))
              (= i count)))
         (let loop ((i 2999) (rest symbols))
           (or (null? rest)
               (and (eq? (car rest) (string->symbol (string-append "interned-" (number->string i))))
                    (loop (- i 1) (cdr rest))))))))";

// The host function below writes down what it has found.
struct Nested {
  int unfinished = 0;
  int whole = 0;
  std::function<void()> before_reserve = nullptr;
} nested;

HostFunctions& Hosts() {
  static HostFunctions* const hosts = [] {
    auto* made = new HostFunctions;
    const auto nothing = [](Isolate&, absl::Span<const Value>) -> absl::StatusOr<Value> { return Value(); };
    made->Add("add", 2, -1, nothing);
    // Forgets that what it has called has left it through a continuation, and needs room.
    made->Add("call-back", 1, [](Isolate& isolate, absl::Span<const Value> arguments) -> absl::StatusOr<Value> {
      (void)isolate.Call(arguments[0]);
      nested.before_reserve();
      const vm::RunScope run = isolate.impl()->vm->Polls();
      vm::Heap& heap = isolate.impl()->vm->heap();
      EXPECT_FALSE(heap.Reserve(heap.EffectiveLimit()));
      nested.unfinished += heap.CollectionIsUnfinished();
      return absl::InternalError("failed");
    });
    // Works on after a call in it has been interrupted.
    made->Add("log", 1, [](Isolate& isolate, absl::Span<const Value> arguments) -> absl::StatusOr<Value> {
      (void)isolate.Call("churn", {Integer(2'000'000)});
      nested.unfinished += isolate.impl()->vm->heap().CollectionIsUnfinished();
      const auto whole = isolate.Call("whole?");
      nested.whole += whole.ok() && !whole->IsFalse();
      return arguments[0];
    });
    return made;
  }();
  return *hosts;
}

// Interrupts while the collector visits the roots for the n-th time. Full collections poll after
// that.
class InterruptAtVisit : public vm::RootSource {
 public:
  explicit InterruptAtVisit(Isolate& isolate) : isolate_(isolate) { isolate_.impl()->vm->heap().AddRoots(this); }
  ~InterruptAtVisit() override { isolate_.impl()->vm->heap().RemoveRoots(this); }
  void Set(int n) { left_ = n; }
  void VisitRoots(Visit, void*) override {
    if (left_ > 0 && --left_ == 0) isolate_.Interrupt();
  }

 private:
  Isolate& isolate_;
  int left_ = 0;
};

class UnfinishedCollectionTest : public ::testing::Test {
 protected:
  UnfinishedCollectionTest() {
    IsolateOptions options;
    options.host_functions = &Hosts();
    auto isolate = Isolate::FromSnapshot(*Snapshot::FromEmbedded(isolate_test_startup), options);
    EXPECT_TRUE(isolate.ok()) << isolate.status();
    isolate_ = *std::move(isolate);
    const Isolate::Scope scope(*isolate_);
    const auto made = isolate_->Eval(kData);
    EXPECT_TRUE(made.ok()) << made.status();
    visits_.emplace(*isolate_);
  }

  static bool Whole(Isolate& isolate) {
    const Isolate::Scope scope(isolate);
    const auto whole = isolate.Call("whole?");
    EXPECT_TRUE(whole.ok()) << whole.status();
    return whole.ok() && !whole->IsFalse();
  }

  bool Unfinished() const { return isolate_->impl()->vm->heap().CollectionIsUnfinished(); }

  // Evaluates with an interrupt at one root visit after the other, until one of them has stopped a
  // full collection. What the call has come to.
  absl::Status EvalUntilStopped(const std::string& text) {
    for (int n = 1; n < 500; ++n) {
      const Isolate::Scope scope(*isolate_);
      visits_->Set(n);
      const absl::Status status = isolate_->Eval(text).status();
      visits_->Set(0);
      if (Unfinished()) return status;
      isolate_->ClearInterrupt();
    }
    ADD_FAILURE() << "no full collection was stopped";
    return absl::OkStatus();
  }

  std::unique_ptr<Isolate> isolate_;
  std::optional<InterruptAtVisit> visits_;
};

TEST_F(UnfinishedCollectionTest, TheCallSaysWhereItWasAndTheNextOneFindsAll) {
  const absl::Status status = EvalUntilStopped("(begin (churn 1000000) 1)");
  EXPECT_EQ(status.code(), absl::StatusCode::kCancelled);
  EXPECT_THAT(std::string(status.message()), HasSubstr("interrupted"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("at churn ("));
  EXPECT_TRUE(Unfinished());
  EXPECT_TRUE(Whole(*isolate_));
  EXPECT_FALSE(Unfinished());
}

TEST_F(UnfinishedCollectionTest, HandlesAreGood) {
  const Isolate::Scope scope(*isolate_);
  const auto keys = isolate_->Eval("(map (lambda (i) (vector-ref keys i)) (iota 50))");
  ASSERT_TRUE(keys.ok()) << keys.status();
  const Persistent table(*isolate_, *isolate_->Lookup("table"));
  EXPECT_FALSE(EvalUntilStopped("(begin (churn 1000000) 1)").ok());
  ASSERT_TRUE(Unfinished());
  // Made from a handle and a literal, with the first of them finishing the collection.
  const auto found = isolate_->Eval(
      "(lambda (table keys n) (map (lambda (key) (+ n (vector-ref (hash-table-ref table key) 0))) "
      "keys))");
  ASSERT_TRUE(found.ok()) << found.status();
  const auto numbers = isolate_->Call(*found, {table.Get(), *keys, Integer(0)});
  ASSERT_TRUE(numbers.ok()) << numbers.status();
  const auto same = isolate_->Call("equal?", {*numbers, *isolate_->Eval("(iota 50)")});
  ASSERT_TRUE(same.ok()) << same.status();
  EXPECT_FALSE(same->IsFalse());
}

TEST_F(UnfinishedCollectionTest, AForkHasAllToo) {
  EXPECT_FALSE(EvalUntilStopped("(begin (churn 1000000) 1)").ok());
  ASSERT_TRUE(Unfinished());
  const auto child = isolate_->Fork();
  ASSERT_TRUE(child.ok()) << child.status();
  EXPECT_TRUE(Whole(**child));
  EXPECT_TRUE(Whole(*isolate_));
}

TEST_F(UnfinishedCollectionTest, CollectGarbageBeginsByFinishing) {
  EXPECT_FALSE(EvalUntilStopped("(begin (churn 1000000) 1)").ok());
  ASSERT_TRUE(Unfinished());
  {
    const Isolate::Scope scope(*isolate_);
    isolate_->CollectGarbage();
  }
  EXPECT_FALSE(Unfinished());
  EXPECT_TRUE(Whole(*isolate_));
}

// The run that is interrupted is not the outermost.
TEST_F(UnfinishedCollectionTest, AHostFunctionMayGoOn) {
  nested = {};
  int calls = 0;
  for (int n = 40; n < 120; n += 8, ++calls) {
    const Isolate::Scope scope(*isolate_);
    visits_->Set(n);
    const absl::Status status = isolate_->Eval("(log-host (vector-ref keys 7))").status();
    visits_->Set(0);
    EXPECT_EQ(status.code(), absl::StatusCode::kCancelled) << n << ": " << status;
    EXPECT_TRUE(Whole(*isolate_)) << n;
  }
  EXPECT_EQ(nested.whole, calls);
  EXPECT_GT(nested.unfinished, 0);
}

// The collector's first poll comes while it visits the continuation that a host function has kept
// the run from going on with.
TEST_F(UnfinishedCollectionTest, AnEndIsNotTakenForAnEarlierEscape) {
  const Isolate::Scope scope(*isolate_);
  vm::Heap& heap = isolate_->impl()->vm->heap();
  vm::RootSource* const sources[] = {isolate_->impl()->vm.get(), isolate_->impl()};
  for (vm::RootSource* source : sources) heap.RemoveRoots(source);
  for (vm::RootSource* source : sources) heap.AddRoots(source);
  nested = {};
  nested.before_reserve = [this] { visits_->Set(2); };
  const auto result = isolate_->Eval(R"(
    (let ((k #f) (n 0))
      (call/cc (lambda (c) (set! k c)))
      (set! n (+ n 1))
      (if (= n 1) (call-back (lambda () (k 1))))
      (+ n 40)))");
  visits_->Set(0);
  EXPECT_EQ(nested.unfinished, 1);
  EXPECT_EQ(result.status().code(), absl::StatusCode::kCancelled)
      << (result.ok() ? result->Print() : result.status().ToString());
  EXPECT_TRUE(Whole(*isolate_));
}

// At any moment, from another thread.
TEST_F(UnfinishedCollectionTest, AtAnyMoment) {
  std::mt19937 random(20);
  int stopped = 0;
  for (int i = 0; i < 60; ++i) {
    {
      const Isolate::Scope scope(*isolate_);
      std::thread other([&, delay = std::chrono::microseconds(random() % 30'000)] {
        std::this_thread::sleep_for(delay);
        isolate_->Interrupt();
      });
      const absl::Status status = isolate_->Eval("(begin (churn 100000000) 1)").status();
      other.join();
      ASSERT_EQ(status.code(), absl::StatusCode::kCancelled) << status;
      stopped += Unfinished();
    }
    ASSERT_TRUE(Whole(*isolate_)) << i;
  }
  std::printf("%d of 60 interrupts came during a full collection\n", stopped);
}

TEST(UnfinishedCollectionPoolTest, ARecycledIsolateIsAsNew) {
  IsolatePool::Options options;
  options.isolate.host_functions = &Hosts();
  options.verify_resets = true;
  auto pool = IsolatePool::Create(*Snapshot::FromEmbedded(isolate_test_startup), options);
  ASSERT_TRUE(pool.ok()) << pool.status();
  int stopped = 0;
  for (int n = 20; n < 80; n += 3) {
    auto isolate = (*pool)->Get();
    ASSERT_TRUE(isolate.ok()) << isolate.status();
    const Isolate::Scope scope(**isolate);
    ASSERT_TRUE((*isolate)->Eval(kData).ok());
    InterruptAtVisit visits(**isolate);
    visits.Set(n);
    EXPECT_EQ((*isolate)->Eval("(begin (churn 1000000) 1)").status().code(), absl::StatusCode::kCancelled);
    stopped += (*isolate)->impl()->vm->heap().CollectionIsUnfinished();
  }
  EXPECT_GT(stopped, 0);
  EXPECT_TRUE((*pool)->ResetStatus().ok()) << (*pool)->ResetStatus();
}

}  // namespace
}  // namespace islet
