// Each call that can fail is made to, one after the other: what is made is made whole or not at all, the error says
// what is missing, and nothing stays behind.

#include "tests/stress/faults.h"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "gtest/gtest.h"
#include "islet/host_functions.h"
#include "islet/islet.h"
#include "islet/isolate_pool.h"
#include "isolate/heap/cage.h"
#include "tests/stress/faults_startup.h"
#include "tests/stress/resources.h"
#include "tests/stress/stress_startup.h"

ISLET_EMBEDDED_SNAPSHOT(faults_startup);
ISLET_EMBEDDED_SNAPSHOT(stress_startup);

namespace islet::stress {
namespace {

Snapshot Startup() { return *Snapshot::FromEmbedded(stress_startup); }

int64_t Call(Isolate& isolate, absl::string_view name, std::initializer_list<Value> arguments = {}) {
  const Isolate::Scope entered(isolate);
  const absl::StatusOr<Value> answer = isolate.Call(name, arguments);
  EXPECT_TRUE(answer.ok()) << answer.status();
  return answer.ok() ? answer->ToInt64().value_or(-1) : -1;
}

// The process once what could not be unmapped has been tried again.
Resources Settled() {
  EXPECT_TRUE(Isolate::FromSnapshot(Startup()).ok());
  vm::Cage::DropKept();
  return Resources::Now();
}

// Does something again and again, each time with another call failing, until none fails any more.
void FailEach(Fault fault, const char* what, const std::function<absl::Status()>& action) {
  SCOPED_TRACE(what);
  EXPECT_TRUE(action().ok());  // what is made once and for all is there
  const Resources before = Settled();
  int refused = 0;
  // Each of the first 500, and then of every so many: verifying a snapshot allocates thousands of times.
  for (int64_t nth = 1;; nth += 1 + nth / 500) {
    vm::Cage::DropKept();
    FaultScope scope(fault, nth);
    const absl::Status status = action();
    scope.End();
    if (scope.injected() == 0) {
      EXPECT_TRUE(status.ok()) << status;
      break;
    }
    if (status.ok()) continue;  // there was another way
    ++refused;
    EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << "call " << nth << ": " << status;
    EXPECT_TRUE(absl::StrContains(status.message(), "isolate") || absl::StrContains(status.message(), "snapshot"))
        << "call " << nth << ": " << status;
    ASSERT_LT(nth, 10'000'000);
  }
  EXPECT_GT(refused, 0);
  const Resources after = Settled();
  EXPECT_LE(after.descriptors, before.descriptors);
  EXPECT_LE(after.image_mappings, before.image_mappings);
}

std::vector<std::pair<const char*, std::function<absl::Status()>>> Actions(const Snapshot& snapshot, Isolate& parent,
                                                                           IsolatePool& pool) {
  return {
      {"FromSnapshot", [&] { return Isolate::FromSnapshot(snapshot).status(); }},
      {"Fork", [&] { return parent.Fork().status(); }},
      {"Get",
       [&] {
         pool.Trim();
         vm::Cage::DropKept();
         return pool.Get().status();
       }},
      {"Create", [&] { return IsolatePool::Create(snapshot).status(); }},
      {"FromBytes",
       [] { return Snapshot::FromBytes(absl::MakeConstSpan(stress_startup.begin, stress_startup.end)).status(); }},
      {"Resident", [&] { return snapshot.Resident().status(); }},
  };
}

TEST(FaultsTest, EveryAllocation) {
  const Snapshot snapshot = Startup();
  const auto parent = Isolate::FromSnapshot(snapshot).value();
  Call(*parent, "churn", {Integer(50000)});
  Call(*parent, "name!", {String("a"), Integer(1)});
  const auto pool = IsolatePool::Create(snapshot).value();
  for (const auto& [what, action] : Actions(snapshot, *parent, *pool)) FailEach(Fault::kNew, what, action);
  EXPECT_EQ(Call(*parent, "named", {String("a")}), 1);
}

TEST(FaultsTest, EveryMapping) {
  const Snapshot snapshot = Startup();
  const auto parent = Isolate::FromSnapshot(snapshot).value();
  Call(*parent, "add!", {Integer(7)});
  const auto pool = IsolatePool::Create(snapshot).value();
  for (const auto& [what, action] : Actions(snapshot, *parent, *pool)) FailEach(Fault::kMap, what, action);
  EXPECT_EQ(Call(*parent, "get-counter"), 7);
}

// A snapshot that no file carries, where there is no file in memory either: each isolate has a copy
// of it.
TEST(FaultsTest, SnapshotsNeedNoMemoryFile) {
  const auto open = [] { return Snapshot::FromBytes(absl::MakeConstSpan(stress_startup.begin, stress_startup.end)); };
  FaultScope scope(Fault::kMemfd, FaultScope::kAll);
  const absl::StatusOr<Snapshot> snapshot = open();
  EXPECT_EQ(scope.injected(), 1);
  ASSERT_TRUE(snapshot.ok()) << snapshot.status();
  const absl::StatusOr<Snapshot> resident = snapshot->Resident();
  ASSERT_TRUE(resident.ok()) << resident.status();
  scope.End();

  const auto isolate = Isolate::FromSnapshot(*snapshot).value();
  Call(*isolate, "add!", {Integer(7)});
  Call(*isolate, "churn", {Integer(50000)});
  Call(*isolate, "name!", {String("a"), Integer(1)});
  isolate->CollectGarbage();
  const auto fork = isolate->Fork().value();
  const auto other = Isolate::FromSnapshot(*resident).value();
  EXPECT_EQ(Call(*isolate, "get-counter"), 7);
  EXPECT_EQ(Call(*fork, "get-counter"), 7);
  EXPECT_EQ(Call(*other, "get-counter"), 0);

  // Nor do its pages come back from a file when a reset gives memory back.
  IsolatePool::Options options;
  options.isolate.cage_size = 64 << 20;
  options.keep_bytes = 0;
  options.verify_resets = true;
  const auto pool = IsolatePool::Create(*snapshot, options).value();
  for (int i = 0; i < 3; ++i) {
    PooledIsolate tenant = pool->Get().value();
    EXPECT_EQ(Call(*tenant, "add!", {Integer(1)}), 1);
    Call(*tenant, "name!", {String("b"), Integer(2)});
  }
  EXPECT_TRUE(pool->ResetStatus().ok()) << pool->ResetStatus();

  for (int64_t nth = 1; nth <= 3; ++nth) {
    FaultScope both(Fault::kMap, nth);
    (void)open();
  }
}

TEST(FaultsTest, GivingBackSurvivesEveryAllocation) {
  IsolatePool::Options options;
  options.isolate.cage_size = 64 << 20;
  options.verify_resets = true;
  const auto pool = IsolatePool::Create(Startup(), options).value();
  const Resources before = Resources::Now();
  for (int64_t nth = 1;; ++nth) {
    absl::StatusOr<PooledIsolate> isolate = pool->Get();
    ASSERT_TRUE(isolate.ok()) << isolate.status();
    EXPECT_EQ(Call(**isolate, "add!", {Integer(1)}), 1);
    FaultScope scope(Fault::kNew, nth);
    isolate->GiveBack();
    scope.End();
    if (scope.injected() == 0) break;
  }
  EXPECT_LE(Resources::Now().descriptors, before.descriptors);
  EXPECT_TRUE(pool->ResetStatus().ok()) << pool->ResetStatus();
}

// Code of all kinds: read, expanded, compiled, run, collected, printed, interrupted by the host and by errors.
constexpr const char* kPrograms[] = {
    "(define (f x . rest) (let loop ((i 0) (sum 0)) (if (= i x) (list sum rest) (loop (+ i 1) (+ sum i))))) (f 10 'a "
    "\"b\")",
    "(define-syntax swap! (syntax-rules () ((_ a b) (let ((t a)) (set! a b) (set! b t)))))"
    "(define-syntax my-or (syntax-rules () ((_) #f) ((_ e r ...) (let ((t e)) (if t t (my-or r ...))))))"
    "(let ((x 1) (t 2)) (swap! x t) (my-or #f (list x t)))",
    "(define-syntax twice (er-macro-transformer (lambda (form rename compare) (list (rename 'begin) (cadr form) (cadr "
    "form)))))"
    "(twice (add! 1))",
    "(define-record-type point (make-point x y) point? (x x set-x!)) (set-x! (make-point 1 2) 5)",
    "(define-library (a b) (export f) (import (scheme base)) (begin (define (f x) (* x x)))) (import (a b)) (f 7)",
    "(churn 20000)",
    "(do ((i 0 (+ i 1))) ((= i 3000)) (name! (number->string i) i) (hash-table-set! table (number->string i) i))",
    "(do ((i 0 (+ i 1))) ((= i 8000)) (vector-set! cells i (list i))) (churn 3000) (cell-sum)",
    "(let* ((l (list 1 2 3)) (v (vector l l \"text\" 1.5 1/3))) (set-cdr! (cddr l) l)"
    " (let ((out (open-output-string))) (write v out) (write-shared v out)"
    "  (read (open-input-string (string-append (get-output-string out) \"#1=(a #1# . \\\"b\\\\n\\\")\")))))",
    "(string-length (number->string (expt 7 9000))) (exact->inexact (/ (expt 7 900) (expt 3 901))) (string->number "
    "\"1e-7\")",
    "(sort (map (lambda (i) (modulo (* i 7919) 1009)) (vector->list (make-vector 3000 5))) <)"
    "(deep 30000) (next!) (next!) (string-upcase (string-append (make-string 100 #\\x3bb) \"stra\\xdf;e\"))",
    "(call-with-current-continuation (lambda (k) (dynamic-wind (lambda () #f) (lambda () (k (apply + (vector->list "
    "(make-vector 6000 1)))))"
    " (lambda () #f)))) (guard (e (#t (error-object-message e))) (vector-ref (vector 1) 5))",
    "(define (g n) (if (= n 0) (car 'no-pair) (+ 1 (g (- n 1))))) (g 20)",
    "(import (only (scheme base) car)) (let ((x",
    "(call-back (lambda () (churn 5000) (call-back (lambda () (name! \"deep\" 1)))))",
    "(eval '(let loop ((i 0)) (if (< i 10) (loop (+ i 1)) i)) (interaction-environment))",
};

// Whatever a call is at when an allocation fails, it ends, with what is missing; the isolate takes no more calls, all
// others do, and nothing of it stays behind.
TEST(FaultsTest, ACallSurvivesEveryAllocation) {
  HostFunctions hosts;
  hosts.Add("call-back", 1,
            [](Isolate& isolate, absl::Span<const Value> arguments) { return isolate.Call(arguments[0]); });
  const auto bystander = Isolate::FromSnapshot(Startup()).value();
  IsolatePool::Options options;
  options.isolate.cage_size = 64 << 20;
  options.isolate.limits.heap_bytes = 8 << 20;
  options.isolate.limits.fuel = 100'000'000;
  options.isolate.host_functions = &hosts;
  const auto pool = IsolatePool::Create(Snapshot::FromEmbedded(faults_startup).value(), options).value();
  for (const char* program : kPrograms) {
    SCOPED_TRACE(program);
    int64_t lost = 0;
    for (int64_t nth = 1;; nth += 1 + nth / 500) {
      absl::StatusOr<PooledIsolate> isolate = pool->Get();
      ASSERT_TRUE(isolate.ok()) << isolate.status();
      Isolate::Scope entered(**isolate);
      Persistent kept(**isolate, (*isolate)->Lookup("counter").value());
      FaultScope scope(Fault::kNew, nth);
      const absl::Status status = (*isolate)->Eval(program).status();
      scope.End();
      if (scope.injected() == 0) break;
      if (status.code() != absl::StatusCode::kResourceExhausted) continue;  // it was not needed
      ++lost;
      EXPECT_TRUE(absl::StrContains(status.message(), "no memory for what the isolate was doing")) << status;
      const absl::Status again = (*isolate)->Eval("1").status();
      EXPECT_EQ(again.code(), absl::StatusCode::kResourceExhausted) << again;
      EXPECT_EQ((*isolate)->Call("get-counter").status().code(), absl::StatusCode::kResourceExhausted);
      EXPECT_EQ((*isolate)->Fork().status().code(), absl::StatusCode::kResourceExhausted);
      EXPECT_FALSE(kept.Get().ToInt64().ok());
      (*isolate)->CollectGarbage();
      (void)(*isolate)->Stats();
      if (lost % 16 == 0) {
        EXPECT_EQ(Call(*bystander, "churn", {Integer(2000)}), 1000);
      }
    }
    EXPECT_GT(lost, 3);
  }
  EXPECT_EQ(Call(*bystander, "get-counter"), 0);
}

// What the host has behind objects ends once, whatever was being done when an allocation failed.
TEST(FaultsTest, HostObjectsSurviveEveryAllocation) {
  int alive = 0;
  const HostType type = *HostType::Create("counted", {.finalize = [&](void*) { --alive; },
                                                      .copy = [&](void* p) -> absl::StatusOr<void*> {
                                                        ++alive;
                                                        return p;
                                                      }});
  const Snapshot snapshot = Startup();
  int failed = 0;
  for (int64_t nth = 1;; ++nth) {
    bool injected = false;
    {
      const auto isolate = Isolate::FromSnapshot(snapshot).value();
      const Isolate::Scope entered(*isolate);
      const auto use = [&]() -> absl::Status {
        for (int i = 0; i < 40; ++i) {
          const Isolate::Scope inner(*isolate);
          const absl::StatusOr<Value> made = isolate->MakeHostObject(type, &alive, 100'000);
          if (!made.ok()) return made.status();
          ++alive;
          const WeakPersistent weak(*isolate, *made);
          const auto procedure =
              isolate->MakeProcedure("f", 0, 0, [](Isolate&, absl::Span<const Value>) { return Value(); });
          if (!procedure.ok()) return procedure.status();
          if (i % 8 != 0) continue;
          const absl::Status defined = isolate->Define("kept", List({*made, *procedure}));
          if (!defined.ok()) return defined;
        }
        isolate->CollectGarbage();
        return isolate->Fork().status();
      };
      FaultScope scope(Fault::kNew, nth);
      absl::Status status;
      try {
        status = use();
      } catch (const std::bad_alloc&) {  // of the host's own: a literal
        status = absl::ResourceExhaustedError("");
      }
      scope.End();
      injected = scope.injected() != 0;
      if (injected && !status.ok()) {
        ++failed;
        EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << "call " << nth << ": " << status;
      }
    }
    ASSERT_EQ(alive, 0) << "call " << nth;
    ASSERT_EQ(type.objects(), 0u) << "call " << nth;
    if (!injected) break;
  }
  EXPECT_GT(failed, 10);
}

// Nothing is thrown at C, wherever an allocation fails.
TEST(FaultsTest, CIsToldOfEveryAllocation) {
  constexpr absl::string_view kText = "a text that is longer than a short one";
  constexpr absl::string_view kList = "(list 1 \"two\" (symbol->string 'three))";
  constexpr absl::string_view kDefinition = "(define x 1)";
  const auto use = [&] {
    islet_error* const error = islet_error_new();
    islet_status worst = error != nullptr ? ISLET_OK : ISLET_RESOURCE_EXHAUSTED;
    const auto note = [&](islet_status status) { worst = std::max(worst, status); };
    islet_snapshot* const snapshot = islet_snapshot_open_embedded(stress_startup.begin, stress_startup.end, error);
    islet_options* const options = islet_options_new();
    islet_options_set_limit(options, ISLET_FUEL_LIMIT, 100000);
    islet_options_add_environment(options, "A_NAME_LONGER_THAN_A_SHORT_ONE", kText.data());
    islet_pool* const pool = islet_pool_new(snapshot, options, error);
    islet_isolate* const isolate = islet_pool_get(pool, error);
    if (note(islet_enter(isolate, error)); worst == ISLET_OK) {
      const islet_value text = islet_string(isolate, kText.data(), kText.size());
      const islet_value arguments[] = {text, islet_integer(isolate, 7)};
      const islet_value kept = islet_keep(isolate, islet_list(isolate, arguments, 2));
      islet_value result = {};
      note(islet_call(isolate, "store!", arguments, 2, &result, error));
      note(islet_eval(isolate, kList.data(), kList.size(), nullptr, 0, &result, error));
      const char* printed = nullptr;
      size_t length;
      note(islet_print(isolate, kept, 0, &printed, &length, error));
      islet_value items[3];
      islet_cursor cursor = {};
      note(islet_items(isolate, result, &cursor, items, 3, &length, error));
      const size_t scope = islet_scope_open(isolate);
      if (scope == 0) note(ISLET_RESOURCE_EXHAUSTED);
      note(islet_get_text(isolate, text, &printed, &length, error));
      islet_scope_close(isolate, scope);
      note(islet_set_limit(isolate, ISLET_WALL_TIME_LIMIT, 1'000'000'000));
      note(islet_eval(isolate, kDefinition.data(), kDefinition.size(), nullptr, 0, &result, error));
    }
    islet_isolate_free(isolate);
    islet_pool_free(pool);
    islet_options_free(options);
    islet_snapshot_free(snapshot);
    islet_error_free(error);
    return worst;
  };
  EXPECT_EQ(use(), ISLET_OK);
  for (int64_t nth = 1;; ++nth) {
    FaultScope scope(Fault::kNew, nth);
    const islet_status status = use();
    scope.End();
    if (scope.injected() == 0) {
      EXPECT_EQ(status, ISLET_OK);
      break;
    }
    ASSERT_LT(nth, 10'000'000);
  }
}

TEST(FaultsTest, WhatCannotBeUnmappedIsUnmappedLater) {
  const Resources before = Settled();
  {
    const FaultScope scope(Fault::kUnmap, FaultScope::kAll);
    for (int i = 0; i < 20; ++i) {
      IsolateOptions options;
      options.cage_size = uint64_t{64 + 2 * static_cast<uint64_t>(i)} << 20;  // so that none serves the next
      ASSERT_TRUE(Isolate::FromSnapshot(Startup(), options).ok());
    }
    EXPECT_GT(scope.injected(), 19);
  }
  EXPECT_GE(Resources::Now().image_mappings, before.image_mappings + 19);
  EXPECT_EQ(Settled().image_mappings, before.image_mappings);
}

TEST(FaultsTest, SnapshotsThatCannotBeUnmappedAreUnmappedLater) {
  const Snapshot startup = Startup();
  const auto copy = [&] {
    EXPECT_TRUE(Snapshot::FromBytes(absl::MakeConstSpan(stress_startup.begin, stress_startup.end)).ok());
    EXPECT_TRUE(startup.Resident().ok());
  };
  copy();
  const Resources before = Settled();
  {
    const FaultScope scope(Fault::kUnmap, FaultScope::kAll);
    for (int i = 0; i < 10; ++i) copy();
  }
  EXPECT_GE(Resources::Now().mappings, before.mappings + 10);
  EXPECT_LE(Settled().mappings, before.mappings + 2);
}

// Pages that were used read as new though the system did not take them back; and they are not forgotten.
TEST(FaultsTest, WhatIsNotDiscardedIsZeroAndCounted) {
  IsolatePool::Options options;
  options.isolate.cage_size = 64 << 20;
  options.keep_bytes = 64 << 10;
  options.verify_resets = true;
  const auto pool = IsolatePool::Create(Startup(), options).value();
  const auto use = [&](PooledIsolate& isolate) {
    Call(*isolate, "churn", {Integer(30000)});
    for (int i = 0; i < 20; ++i) Call(*isolate, "add-blob!", {Integer(100000), Integer(255)});
    for (int i = 0; i < 8000; i += 100) Call(*isolate, "write-cell!", {Integer(i), Integer(i)});
    Call(*isolate, "deep", {Integer(20000)});
    const Isolate::Scope entered(*isolate);
    isolate->CollectGarbage();
  };
  for (int round = 0; round < 3; ++round) {
    absl::StatusOr<PooledIsolate> isolate = pool->Get();
    ASSERT_TRUE(isolate.ok());
    const FaultScope scope(Fault::kAdvise, FaultScope::kAll);
    use(*isolate);
    isolate->GiveBack();
    EXPECT_GT(scope.injected(), 0);
    EXPECT_GT(pool->Stats().idle_bytes, 2000000u);
  }
  {
    absl::StatusOr<PooledIsolate> isolate = pool->Get();
    ASSERT_TRUE(isolate.ok());
    EXPECT_EQ(Call(**isolate, "add!", {Integer(1)}), 1);
  }
  EXPECT_LE(pool->Stats().idle_bytes, options.keep_bytes);
  EXPECT_TRUE(pool->ResetStatus().ok()) << pool->ResetStatus();
}

}  // namespace
}  // namespace islet::stress
