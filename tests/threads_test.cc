// Many isolates, created, entered, called and disposed on many threads at once; run under ThreadSanitizer too.

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "islet/isolate.h"
#include "sdk/isolate_test_startup.h"

ISLET_EMBEDDED_SNAPSHOT(isolate_test_startup);

namespace islet {
namespace {

constexpr int kThreads = 8;

HostFunctions MakeHosts(std::atomic<int>* calls) {
  HostFunctions hosts;
  hosts.Add("log", 1, [calls](Isolate&, absl::Span<const Value>) -> absl::StatusOr<Value> {
    calls->fetch_add(1, std::memory_order_relaxed);
    return Value();
  });
  hosts.Add("add", 2, -1, [](Isolate&, absl::Span<const Value> arguments) -> absl::StatusOr<Value> {
    return Integer(arguments[0].ToInt64().value_or(0) + arguments[1].ToInt64().value_or(0));
  });
  hosts.Add("call-back", 1, [](Isolate& isolate, absl::Span<const Value> arguments) -> absl::StatusOr<Value> {
    return isolate.Call(arguments[0]);
  });
  return hosts;
}

TEST(ThreadsTest, IsolatesRunOnManyThreadsAtOnce) {
  std::atomic<int> host_calls{0}, failures{0};
  const HostFunctions hosts = MakeHosts(&host_calls);
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      auto snapshot = Snapshot::FromEmbedded(isolate_test_startup);  // opened by each: the same image
      if (!snapshot.ok()) {
        ++failures;
        return;
      }
      IsolateOptions options;
      options.host_functions = &hosts;
      for (int i = 0; i < 40; ++i) {
        auto isolate = Isolate::FromSnapshot(*snapshot, options);
        if (!isolate.ok()) {
          ++failures;
          return;
        }
        Isolate::Scope scope(**isolate);
        auto sum = (*isolate)->Call("use-hosts", {Integer(t), Integer(i)});
        auto churned = (*isolate)->Call("churn", {Integer(3000)});
        auto evaluated = (*isolate)->Eval("(begin (define x (string->symbol \"made-here\")) (count!))");
        if (!sum.ok() || sum->ToInt64().value_or(-1) != t + i || !churned.ok() || !evaluated.ok() ||
            evaluated->ToInt64().value_or(0) != 1) {
          ++failures;
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(failures.load(), 0);
  EXPECT_EQ(host_calls.load(), kThreads * 40);
}

TEST(ThreadsTest, AnIsolateMovesBetweenThreads) {
  std::atomic<int> calls{0};
  const HostFunctions hosts = MakeHosts(&calls);
  auto snapshot = Snapshot::FromEmbedded(isolate_test_startup);
  ASSERT_TRUE(snapshot.ok());
  IsolateOptions options;
  options.host_functions = &hosts;
  auto isolate = Isolate::FromSnapshot(*snapshot, options);
  ASSERT_TRUE(isolate.ok());
  for (int i = 1; i <= 20; ++i) {
    std::thread([&] {
      Isolate::Scope scope(**isolate);
      auto count = (*isolate)->Call("count!");
      ASSERT_TRUE(count.ok());
      EXPECT_EQ(count->ToInt64().value(), i);
      EXPECT_TRUE((*isolate)->Call("churn", {Integer(20000)}).ok());
    }).join();
  }
}

TEST(ThreadsTest, InterruptsFromOtherThreads) {
  std::atomic<int> calls{0};
  const HostFunctions hosts = MakeHosts(&calls);
  auto snapshot = Snapshot::FromEmbedded(isolate_test_startup);
  ASSERT_TRUE(snapshot.ok());
  IsolateOptions options;
  options.host_functions = &hosts;
  auto isolate = Isolate::FromSnapshot(*snapshot, options);
  ASSERT_TRUE(isolate.ok());
  std::atomic<bool> stop{false};
  std::thread interrupter([&] {
    while (!stop) {
      (*isolate)->Interrupt();
      std::this_thread::yield();
    }
  });
  {
    Isolate::Scope scope(**isolate);
    for (int i = 0; i < 50; ++i) {
      EXPECT_EQ((*isolate)->Call("loop-forever").status().code(), absl::StatusCode::kCancelled);
    }
  }
  stop = true;
  interrupter.join();
}

}  // namespace
}  // namespace islet
