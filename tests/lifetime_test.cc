// References to an isolate that are used after it has ended; isolates that end while they are in use.

#include <pthread.h>

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "gtest/gtest.h"
#include "islet/isolate.h"
#include "islet/isolate_pool.h"
#include "tests/host_failure_test_startup.h"

ISLET_EMBEDDED_SNAPSHOT(host_failure_test_startup);

// Pointers to isolates that have ended are used here on purpose: their memory is never freed (isolate_memory.cc).
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wuse-after-free"
#endif

namespace islet {
namespace {

constexpr absl::StatusCode kRefused = absl::StatusCode::kFailedPrecondition;

class LifetimeTest : public testing::Test {
 protected:
  LifetimeTest() : snapshot_(*Snapshot::FromEmbedded(host_failure_test_startup)) {
    act_ = [](Isolate&) {};
    functions_.Add("act", 0, -1, [this](Isolate& isolate, absl::Span<const Value>) -> absl::StatusOr<Value> {
      act_(isolate);
      return Value();
    });
    functions_.Add("call-back", 1, [](Isolate& isolate, absl::Span<const Value> arguments) {
      absl::StatusOr<Value> result = isolate.Call(arguments[0]);
      (void)isolate.Eval("1");  // whatever has become of it
      return result;
    });
    options_.host_functions = &functions_;
  }
  std::unique_ptr<Isolate> Make() { return Isolate::FromSnapshot(snapshot_, options_).value(); }
  std::unique_ptr<IsolatePool> MakePool() {
    IsolatePool::Options options;
    options.isolate = options_;
    return IsolatePool::Create(snapshot_, options).value();
  }

  const Snapshot snapshot_;
  std::function<void(Isolate&)> act_;
  HostFunctions functions_;
  IsolateOptions options_;
};

void ExpectEnded(Isolate& isolate) {
  Isolate::Scope scope(isolate);
  EXPECT_EQ(isolate.Eval("1").status().code(), kRefused);
  EXPECT_EQ(isolate.EvalValues("1").status().code(), kRefused);
  EXPECT_EQ(isolate.EvalScript("1", "script").status().code(), kRefused);
  EXPECT_EQ(isolate.Call("list").status().code(), kRefused);
  EXPECT_EQ(isolate.Lookup("list").status().code(), kRefused);
  EXPECT_EQ(isolate.Fork().status().code(), kRefused);
  EXPECT_EQ(isolate.Flush().code(), kRefused);
  EXPECT_EQ(isolate.Disassemble(Integer(1)).status().code(), kRefused);
  EXPECT_EQ(isolate.ScanForm("1").kind, FormScan::Kind::kInvalid);
  EXPECT_TRUE(isolate.Names().empty());
  EXPECT_EQ(isolate.Stats().snapshot_bytes, 0u);
  EXPECT_EQ(isolate.LastError().message, "");
  isolate.SetLimits(isolate.limits());
  isolate.CollectGarbage();
  isolate.ClearInterrupt();
  isolate.Interrupt();
  const Persistent kept(isolate, Integer(1));
  EXPECT_EQ(kept.Get().ToInt64().status().code(), kRefused);
}

void ExpectStale(const Value& value) {
  const Value copy = value;
  EXPECT_EQ(copy.type(), Type::kOther);
  EXPECT_FALSE(copy.IsFalse());
  EXPECT_EQ(copy.ToBool().status().code(), kRefused);
  EXPECT_EQ(copy.ToInt64().status().code(), kRefused);
  EXPECT_EQ(copy.ToDouble().status().code(), kRefused);
  EXPECT_EQ(copy.ToDecimal().status().code(), kRefused);
  EXPECT_EQ(copy.ToCharacter().status().code(), kRefused);
  EXPECT_EQ(copy.ToString().status().code(), kRefused);
  EXPECT_EQ(copy.ToBytes().status().code(), kRefused);
  EXPECT_EQ(copy.ToVector().status().code(), kRefused);
  EXPECT_EQ(copy.ToEntries().status().code(), kRefused);
  EXPECT_EQ(copy.Car().status().code(), kRefused);
  EXPECT_EQ(copy.Cdr().status().code(), kRefused);
  EXPECT_EQ(copy.Print(), "#<stale value>");
}

TEST_F(LifetimeTest, WhatRefersToAnIsolateMayEndAfterIt) {
  auto isolate = Make();
  Isolate* const pointer = isolate.get();
  auto outer = std::make_unique<Isolate::Scope>(*isolate);
  auto inner = std::make_unique<Isolate::Scope>(*isolate);
  const Value value = isolate->Eval("(list 1 2 3)").value();
  Persistent kept(*isolate, value);
  isolate.reset();
  ExpectStale(value);
  ExpectStale(kept.Get());
  ExpectEnded(*pointer);
  // Nor do they reach one that is made later.
  std::vector<std::unique_ptr<Isolate>> later;
  for (int i = 0; i < 10; ++i) later.push_back(Make());
  Isolate::Scope scope(*later[0]);
  EXPECT_EQ(later[0]->Call("list", {value}).status().code(), kRefused);
  EXPECT_EQ(later[0]->Call("list", {List({value})}).status().code(), kRefused);
  EXPECT_EQ(later[0]->Call(value).status().code(), kRefused);
  outer.reset();
  inner.reset();
  kept = Persistent();
  ExpectStale(value);
  ExpectEnded(*pointer);
  EXPECT_TRUE(later[0]->Eval("1").ok());
}

TEST_F(LifetimeTest, OnOtherThreads) {
  auto isolate = Make();
  auto scope = std::make_unique<Isolate::Scope>(*isolate);
  const Value value = isolate->Eval("'(1)").value();
  auto kept = std::make_unique<Persistent>(*isolate, value);
  std::thread([&] {
    ExpectStale(value);
    ExpectStale(kept->Get());
    EXPECT_EQ(Persistent(*isolate, Integer(1)).Get().ToInt64().status().code(), kRefused);
    kept.reset();
    EXPECT_EQ(isolate->Stats().snapshot_bytes, 0u) << "another thread has entered it";
  }).join();
  EXPECT_TRUE(isolate->Eval("1").ok());
  // Disposed of by another while this one has entered it.
  std::thread([&] { isolate.reset(); }).join();
  ExpectStale(value);
  scope.reset();
  ExpectStale(value);
}

TEST_F(LifetimeTest, DisposedOfByAnotherThreadWhileItRuns) {
  auto isolate = Make();
  std::atomic<bool> running{false};
  act_ = [&](Isolate&) { running = true; };
  Isolate* const pointer = isolate.get();
  std::thread other([&] {
    while (!running) std::this_thread::yield();
    isolate.reset();
  });
  {
    Isolate::Scope scope(*pointer);
    EXPECT_EQ(pointer->Eval("(act) (let loop () (loop))").status().code(), kRefused);
    EXPECT_EQ(pointer->Eval("1").status().code(), kRefused);
  }
  other.join();
  ExpectEnded(*pointer);
}

TEST_F(LifetimeTest, DisposedOfByItsOwnCallbacks) {
  std::unique_ptr<Isolate> isolate;
  Isolate* pointer = nullptr;
  std::string printed;
  options_.write = [&](int, absl::string_view text) {
    printed += std::string(text);
    isolate.reset();
  };
  options_.near_limit = [&](Isolate&, Limit) { isolate.reset(); };
  options_.limits.fuel = 1000000;
  for (const char* program : {
           "(act)",
           "(begin (act) (display 'never))",
           "(guard (e (#t 'caught)) (act) (let loop () (loop)))",
           "(call-back act)",
           "(call-back (lambda () (guard (e (#t 'caught)) (call-back act))))",
           "(dynamic-wind (lambda () 1) act (lambda () (display 'never)))",
           "(begin (display 1) (let loop () (loop)))",
           "(display 1)",
           "(let loop () (loop))",
       }) {
    printed.clear();
    act_ = [](Isolate&) {};
    isolate = Make();
    pointer = isolate.get();
    Isolate::Scope scope(*isolate);
    const Value value = isolate->Eval("'(1)").value();
    act_ = [&](Isolate& self) {
      isolate.reset();
      EXPECT_EQ(self.Eval("1").status().code(), kRefused);
      ExpectStale(value);
    };
    EXPECT_EQ(pointer->Eval(program).status().code(), kRefused) << program;
    EXPECT_FALSE(absl::StrContains(printed, "never")) << program;
    ExpectStale(value);
    ExpectEnded(*pointer);
  }
  // In the hook of on-restore.
  act_ = [&](Isolate&) { isolate.reset(); };
  isolate = Make();
  pointer = isolate.get();
  Isolate::Scope scope(*isolate);
  EXPECT_EQ(pointer->Eval("1").status().code(), kRefused);
  ExpectEnded(*pointer);
}

// A host function that ends its thread takes the frames of the call with it, and the isolate is lost, but not the
// process.
TEST_F(LifetimeTest, AThreadThatEndsInsideOfACall) {
  for (const char* program : {"(act)", "(call-back act)", "(dynamic-wind (lambda () 1) act act)", "(map act '(1 2))"}) {
    auto isolate = Make();
    auto pool = MakePool();
    PooledIsolate pooled = pool->Get().value();
    act_ = [](Isolate&) { pthread_exit(nullptr); };
    for (Isolate* const used : {isolate.get(), pooled.get()}) {
      pthread_t thread;
      std::pair<Isolate*, const char*> work(used, program);
      const auto run = [](void* data) -> void* {
        const auto& [in, text] = *static_cast<std::pair<Isolate*, const char*>*>(data);
        Isolate::Scope scope(*in);
        (void)in->Eval(text);
        ADD_FAILURE() << "the thread goes on";
        return nullptr;
      };
      ASSERT_EQ(pthread_create(&thread, nullptr, run, &work), 0);
      ASSERT_EQ(pthread_join(thread, nullptr), 0);
      Isolate::Scope scope(*used);
      const absl::Status status = used->Eval("1").status();
      EXPECT_EQ(status.code(), kRefused) << program;
      EXPECT_TRUE(absl::StrContains(status.message(), "a thread has ended")) << status;
    }
    isolate.reset();
    pooled = PooledIsolate();  // which is not handed out again
    act_ = [](Isolate&) {};    // which the hook of on-restore calls, too
    PooledIsolate next = pool->Get().value();
    Isolate::Scope scope(*next);
    EXPECT_EQ(next->Eval("(+ 1 2)").value().ToInt64().value(), 3);
  }
}

TEST_F(LifetimeTest, AScopeThatEndsInsideOfACall) {
  auto isolate = Make();
  auto scope = std::make_unique<Isolate::Scope>(*isolate);
  ASSERT_TRUE(isolate->Eval("'restored").ok());
  act_ = [&](Isolate&) { scope.reset(); };
  EXPECT_TRUE(isolate->Eval("(act) (+ 1 2)").ok());
  EXPECT_EQ(isolate->Eval("1").status().code(), kRefused) << "it has been left";
  Isolate::Scope again(*isolate);
  EXPECT_TRUE(isolate->Eval("1").ok());
}

TEST_F(LifetimeTest, OldReferencesNeverReachThePoolsNextTenant) {
  auto pool = MakePool();
  PooledIsolate lease = pool->Get().value();
  Isolate* const old = lease.get();
  Value value;
  Persistent kept;
  {
    Isolate::Scope scope(*old);
    value = old->Eval("'(1)").value();
    kept = Persistent(*old, value);
  }
  lease.GiveBack();
  ExpectEnded(*old);
  ExpectEnded(*lease);
  EXPECT_EQ(lease->Eval("1").status().code(), kRefused);
  for (int i = 0; i < 100; ++i) {
    PooledIsolate next = pool->Get().value();
    PooledIsolate moved;
    Isolate::Scope scope(*next);
    ExpectEnded(*old);
    ExpectStale(value);
    ExpectStale(kept.Get());
    EXPECT_EQ(next->Call("list", {value}).status().code(), kRefused);
    EXPECT_TRUE(next->Eval("(act)").ok()) << "the interrupt of the old one is none of this one's";
    moved = std::move(next);
    EXPECT_EQ(next->Eval("1").status().code(), kRefused);  // NOLINT(bugprone-use-after-move)
    EXPECT_TRUE(moved->Eval("1").ok());
  }
  EXPECT_GE(pool->Stats().reused, 100u);
}

TEST_F(LifetimeTest, GivenBackWhileInUse) {
  auto pool = MakePool();
  std::optional<PooledIsolate> lease = pool->Get().value();
  Isolate* const old = lease->get();
  {
    Isolate::Scope scope(*old);
    ASSERT_TRUE(old->Eval("'restored").ok());
    act_ = [&](Isolate&) { lease.reset(); };
    EXPECT_EQ(old->Eval("(guard (e (#t 'caught)) (call-back act))").status().code(), kRefused);
    ExpectEnded(*old);
  }
  EXPECT_EQ(pool->Stats().abandoned, 1u);
  EXPECT_EQ(pool->Stats().idle, 0u);
  act_ = [](Isolate&) {};
  lease = pool->Get().value();
  Isolate::Scope scope(**lease);
  pool.reset();
  EXPECT_TRUE((*lease)->Eval("(act)").ok());
  lease.reset();
}

TEST_F(LifetimeTest, SnapshotsThatWereMovedFrom) {
  Snapshot from = snapshot_;
  const Snapshot to = std::move(from);
  EXPECT_EQ(Isolate::FromSnapshot(from, options_).status().code(), kRefused);  // NOLINT(bugprone-use-after-move)
  EXPECT_EQ(IsolatePool::Create(from).status().code(), kRefused);
  EXPECT_EQ(from.Resident().status().code(), kRefused);
  EXPECT_EQ(from.size_bytes(), 0u);
  EXPECT_TRUE(from.host_functions().empty());
  EXPECT_FALSE(from.maps_carrier());
  EXPECT_TRUE(Isolate::FromSnapshot(to, options_).ok());
}

}  // namespace
}  // namespace islet
