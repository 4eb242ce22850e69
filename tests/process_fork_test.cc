// fork() in hosts: of one thread and of several, inside and outside of calls.

#include <atomic>
#include <chrono>
#include <ctime>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "islet/isolate.h"
#include "islet/isolate_pool.h"
#include "sdk/isolate_test_startup.h"
#include "tests/child_for_tests.h"

ISLET_EMBEDDED_SNAPSHOT(isolate_test_startup);

namespace islet {
namespace {

using std::chrono::milliseconds;

// The host function `log` calls this: each test sets it.
std::function<void(Isolate&)>& Logged() {
  static auto* const logged = new std::function<void(Isolate&)>;
  return *logged;
}

const HostFunctions& Hosts() {
  static const HostFunctions* const hosts = [] {
    auto* made = new HostFunctions;
    made->Add("log", 1, [](Isolate& isolate, absl::Span<const Value>) -> absl::StatusOr<Value> {
      if (Logged() != nullptr) Logged()(isolate);
      return Value();
    });
    made->Add("add", 2, -1, [](Isolate&, absl::Span<const Value> arguments) -> absl::StatusOr<Value> {
      return Integer(arguments[0].ToInt64().value_or(0) + arguments[1].ToInt64().value_or(0));
    });
    made->Add("call-back", 1, [](Isolate& isolate, absl::Span<const Value> arguments) -> absl::StatusOr<Value> {
      return isolate.Call(arguments[0]);
    });
    return made;
  }();
  return *hosts;
}

const Snapshot& Startup() {
  static const auto* const snapshot = new absl::StatusOr<Snapshot>(Snapshot::FromEmbedded(isolate_test_startup));
  return snapshot->value();
}

IsolateOptions Options() {
  IsolateOptions options;
  options.host_functions = &Hosts();
  return options;
}

Limits WallTime(milliseconds time) {
  Limits limits;
  limits.wall_time = time;
  return limits;
}

Limits CpuTime(milliseconds time) {
  Limits limits;
  limits.cpu_time = time;
  return limits;
}

std::unique_ptr<Isolate> New() { return Isolate::FromSnapshot(Startup(), Options()).value(); }

// "" if a call that never ends is ended by its limit.
std::string LimitEnds(Isolate& isolate, const Limits& limits, Limit limit) {
  isolate.SetLimits(limits);
  const auto result = isolate.Call("loop-forever");
  isolate.SetLimits({});
  return LimitReached(result.status()) == limit ? ""
                                                : absl::StrCat("not ended by its limit: ", result.status().ToString());
}

std::string Counts(Isolate& isolate, int64_t expected) {
  const auto result = isolate.Call("count!");
  if (!result.ok()) return result.status().ToString();
  return result->ToInt64().value_or(-1) == expected ? "" : "counted wrong";
}

class ProcessForkTest : public testing::Test {
 protected:
  void TearDown() override { Logged() = nullptr; }
};

TEST_F(ProcessForkTest, TimeLimitsEndCallsInChildrenAndTheirChildren) {
  const auto isolate = New();
  const Isolate::Scope scope(*isolate);
  const auto limits_end = [&isolate] {
    return LimitEnds(*isolate, WallTime(milliseconds(5)), Limit::kWallTime) +
           LimitEnds(*isolate, CpuTime(milliseconds(5)), Limit::kCpuTime);
  };
  EXPECT_EQ(InChild(limits_end), "");
  EXPECT_EQ(limits_end(), "");
  EXPECT_EQ(InChild(limits_end), "");
  EXPECT_EQ(InChild([&] {
              const std::string before = limits_end();
              return before + InChild(limits_end) + limits_end();
            }),
            "");
  EXPECT_EQ(limits_end(), "");
}

// The rest of the call that has forked is limited as well: here from the host function `log`, which use-hosts calls.
TEST_F(ProcessForkTest, TheCallThatForksIsLimitedInTheChild) {
  for (const auto& [limits, limit] : {std::pair(WallTime(milliseconds(50)), Limit::kWallTime),
                                      std::pair(CpuTime(milliseconds(50)), Limit::kCpuTime)}) {
    const auto isolate = New();
    const Isolate::Scope scope(*isolate);
    isolate->SetLimits(limits);
    pid_t child = -1;
    Logged() = [&](Isolate&) {
      child = fork();
      if (child == 0) alarm(60);
    };
    const auto result = isolate->Eval("(begin (log-host 1) (loop-forever))");
    if (child == 0) _exit(LimitReached(result.status()) == limit ? 0 : 1);
    EXPECT_EQ(LimitReached(result.status()), limit) << result.status();
    int status = -1;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
  }
}

TEST_F(ProcessForkTest, WhatACallHasUsedBeforeTheForkCounts) {
  const auto isolate = New();
  const Isolate::Scope scope(*isolate);
  isolate->SetLimits(CpuTime(milliseconds(60'000)));
  pid_t child = -1;
  Logged() = [&](Isolate& inside) {
    const clock_t start = clock();
    while (clock() - start < CLOCKS_PER_SEC / 10) continue;
    child = fork();
    if (child != 0) return;
    alarm(60);
    inside.SetLimits(CpuTime(milliseconds(90)));  // which are over: the parent has used 100
  };
  const auto result = isolate->Eval("(begin (log-host 1) (churn 1000000))");
  if (child == 0) _exit(LimitReached(result.status()) == Limit::kCpuTime ? 0 : 1);
  EXPECT_TRUE(result.ok()) << result.status();
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

// The call whose time is limited is another isolate's, around the one that forks.
TEST_F(ProcessForkTest, ACallAroundTheOneThatForksIsLimited) {
  const auto outer = New(), inner = New();
  const Isolate::Scope outer_scope(*outer);
  const Isolate::Scope inner_scope(*inner);
  outer->SetLimits(WallTime(milliseconds(50)));
  pid_t child = -1;
  Logged() = [&](Isolate& isolate) {
    if (&isolate == inner.get()) {
      child = fork();
      if (child == 0) alarm(60);
    } else {
      (void)inner->Call("use-hosts", {Integer(1), Integer(2)});
    }
  };
  const auto result = outer->Eval("(begin (log-host 1) (loop-forever))");
  if (child == 0) _exit(LimitReached(result.status()) == Limit::kWallTime ? 0 : 1);
  EXPECT_EQ(LimitReached(result.status()), Limit::kWallTime);
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

TEST_F(ProcessForkTest, AChildMayExit) {
  const auto isolate = New();
  const Isolate::Scope scope(*isolate);
  ASSERT_EQ(LimitEnds(*isolate, WallTime(milliseconds(1)), Limit::kWallTime), "");
  for (const bool timed_call : {false, true}) {
    const pid_t child = fork();
    if (child == 0) {
      alarm(60);
      if (timed_call && !LimitEnds(*isolate, WallTime(milliseconds(1)), Limit::kWallTime).empty()) _exit(1);
      exit(0);  // with static destructors
    }
    int status = -1;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
  }
}

// Two threads that meet.
class Meeting {
 public:
  void Arrive() { arrived_ = true; }
  void Await() const {
    while (!arrived_) std::this_thread::yield();
  }

 private:
  std::atomic<bool> arrived_{false};
};

TEST_F(ProcessForkTest, AnIsolateThatAnotherThreadWasInsideOfIsNeverUsable) {
  auto isolate = New();
  Persistent persistent;
  Value handle;
  Meeting inside, forked;
  std::thread other([&] {
    const Isolate::Scope scope(*isolate);
    handle = isolate->Eval("(list 1 2)").value();
    persistent = Persistent(*isolate, handle);
    inside.Arrive();
    forked.Await();
  });
  inside.Await();
  const auto refused = [](const absl::Status& status) {
    return absl::IsFailedPrecondition(status) && absl::StrContains(status.message(), "forked")
               ? ""
               : absl::StrCat("not refused: ", status.ToString());
  };
  EXPECT_EQ(InChild([&] {
              std::string wrong;
              const auto use = [&] {
                const Isolate::Scope scope(*isolate);
                absl::StrAppend(&wrong, refused(isolate->Eval("1").status()), refused(isolate->Call("count!").status()),
                                refused(isolate->Fork().status()), refused(handle.ToVector().status()),
                                refused(persistent.Get().ToVector().status()));
                isolate->Interrupt();
                isolate->SetLimits({});
                isolate->CollectGarbage();
                if (isolate->Stats().heap_bytes != 0) wrong += "has statistics";
              };
              use();
              // One that has its control block where the lost one had it.
              for (int i = 0; i < 4; ++i) std::thread(use).join();
              persistent = Persistent();
              isolate.reset();
              const auto mine = New();
              const Isolate::Scope scope(*mine);
              return wrong + Counts(*mine, 1);
            }),
            "");
  forked.Arrive();
  other.join();
}

TEST_F(ProcessForkTest, AChildHasThePoolsIsolates) {
  auto pool = std::move(IsolatePool::Create(Startup(), {.isolate = Options()}).value());
  Meeting taken, forked;
  std::thread other([&] {
    {
      auto idle = pool->Get().value();
    }
    const auto isolate = pool->Get().value();
    const Isolate::Scope scope(*isolate);
    taken.Arrive();
    forked.Await();
  });
  taken.Await();
  EXPECT_EQ(InChild([&] {
              std::string wrong;
              const auto use = [&] {
                for (int i = 0; i < 3; ++i) {
                  const auto isolate = pool->Get().value();
                  const Isolate::Scope scope(*isolate);
                  wrong += Counts(*isolate, 1);
                  wrong += LimitEnds(*isolate, WallTime(milliseconds(1)), Limit::kWallTime);
                }
              };
              use();
              for (int i = 0; i < 3; ++i) std::thread(use).join();
              (void)pool->Stats();
              pool->Trim();
              pool = nullptr;
              return wrong;
            }),
            "");
  forked.Arrive();
  other.join();
}

// Work for threads to do over and over while another one forks.
class Busy {
 public:
  ~Busy() {
    end_ = true;
    for (std::thread& thread : threads_) thread.join();
  }
  void Do(std::function<void()> f) {
    threads_.emplace_back([this, f = std::move(f)] {
      while (!end_.load(std::memory_order_relaxed)) f();
    });
  }

 private:
  std::atomic<bool> end_{false};
  std::vector<std::thread> threads_;
};

TEST_F(ProcessForkTest, ForksWhileOtherThreadsAreAtWork) {
  const auto files = std::make_shared<MemoryFiles>();
  files->Put("greeting", "hello");
  const auto pool = std::move(IsolatePool::Create(Startup(), {.isolate = Options()}).value());
  const auto mine = New(), idle = New();
  const Isolate::Scope scope(*mine);
  ASSERT_EQ(Counts(*mine, 1), "");
  Busy busy;
  busy.Do([] {  // makes, enters, leaves, disposes of; opens the snapshot
    const auto snapshot = Snapshot::FromEmbedded(isolate_test_startup);
    const auto isolate = Isolate::FromSnapshot(*snapshot, Options()).value();
    const Isolate::Scope entered(*isolate);
    (void)isolate->Call("churn", {Integer(100)});
  });
  busy.Do([&pool] {
    auto isolate = pool->Get().value();
    (void)LimitEnds(*isolate, WallTime(milliseconds(0)), Limit::kWallTime);
    std::thread([given = std::move(isolate)] {}).join();  // given back on another thread, which ends
  });
  busy.Do([&pool] {
    (void)pool->Stats();
    pool->Trim(1);
  });
  busy.Do([] {  // large numbers, limited
    const auto isolate = New();
    const Isolate::Scope entered(*isolate);
    isolate->SetLimits(CpuTime(milliseconds(1)));
    for (int i = 0; i < 10; ++i)
      (void)isolate->Eval("(let loop ((n 1)) (loop (quotient (* n (expt 7 3000)) (+ n 1))))");
  });
  busy.Do([&files] {
    files->Put("other", "text");
    (void)files->Get("greeting");
    (void)files->Names();
  });
  busy.Do([&idle, &mine] {  // looks at isolates of the thread that forks
    mine->Interrupt();
    (void)idle->Stats();
    idle->Interrupt();
  });
  const int forks = 60;
  for (int i = 0; i < forks; ++i) {
    ASSERT_EQ(InChild([&]() -> std::string {
                std::string wrong;
                mine->ClearInterrupt();
                wrong += Counts(*mine, 2);
                wrong += LimitEnds(*mine, WallTime(milliseconds(1)), Limit::kWallTime);
                {
                  const Isolate::Scope idle_scope(*idle);
                  idle->ClearInterrupt();
                  wrong += Counts(*idle, 1);
                }
                const auto work = [&] {
                  const auto snapshot = Snapshot::FromEmbedded(isolate_test_startup);
                  const auto isolate = Isolate::FromSnapshot(*snapshot, Options()).value();
                  const Isolate::Scope entered(*isolate);
                  wrong += Counts(*isolate, 1);
                  wrong += LimitEnds(*isolate, CpuTime(milliseconds(1)), Limit::kCpuTime);
                  const auto number = isolate->Eval("(exact-integer-sqrt (expt 7 20000))");
                  if (!number.ok()) absl::StrAppend(&wrong, number.status().ToString());
                  const auto pooled = pool->Get().value();
                  const Isolate::Scope pooled_scope(*pooled);
                  wrong += Counts(*pooled, 1);
                  if (files->Get("greeting") != "hello") wrong += "no file";
                };
                work();
                std::thread(work).join();
                pool->Trim();
                return wrong;
              }),
              "");
  }
}

}  // namespace
}  // namespace islet
