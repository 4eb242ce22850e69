// The timer's thread: that it takes no signals, and what happens where there can be none.

#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "islet/isolate.h"
#include "sdk/isolate_test_startup.h"
#include "tests/child_for_tests.h"

ISLET_EMBEDDED_SNAPSHOT(isolate_test_startup);

namespace {

// If not 0, pthread_create fails with this error.
std::atomic<int> no_threads{0};

}  // namespace

// By the linker's --wrap (see BUILD.bazel).
extern "C" {
int __real_pthread_create(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*);
int __wrap_pthread_create(pthread_t* thread, const pthread_attr_t* attributes, void* (*run)(void*), void* argument) {
  return no_threads != 0 ? no_threads.load() : __real_pthread_create(thread, attributes, run, argument);
}
}

namespace islet {
namespace {

using std::chrono::milliseconds;

std::function<void(Isolate&)>& Logged() {
  static auto* const logged = new std::function<void(Isolate&)>;
  return *logged;
}

std::unique_ptr<Isolate> New() {
  static HostFunctions* const hosts = new HostFunctions;
  hosts->Add("log", 1, [](Isolate& isolate, absl::Span<const Value>) -> absl::StatusOr<Value> {
    Logged()(isolate);
    return Value();
  });
  hosts->Add("add", 2, -1, [](Isolate&, absl::Span<const Value>) -> absl::StatusOr<Value> { return Integer(0); });
  hosts->Add("call-back", 1, [](Isolate& isolate, absl::Span<const Value> arguments) -> absl::StatusOr<Value> {
    return isolate.Call(arguments[0]);
  });
  IsolateOptions options;
  options.host_functions = hosts;
  return Isolate::FromSnapshot(Snapshot::FromEmbedded(isolate_test_startup).value(), options).value();
}

Limits WallTime(milliseconds time) {
  Limits limits;
  limits.wall_time = time;
  return limits;
}

std::string Loops(Isolate& isolate) {
  const auto result = isolate.Call("loop-forever");
  return LimitReached(result.status()) == Limit::kWallTime ? "limited" : result.status().ToString();
}

// Of this process's threads called so; in hexadecimal, as the kernel writes it.
std::vector<std::string> BlockedSignals(const std::string& name) {
  std::vector<std::string> masks;
  DIR* const tasks = opendir("/proc/self/task");
  while (const dirent* const task = readdir(tasks)) {
    const std::string directory = absl::StrCat("/proc/self/task/", task->d_name);
    std::string line;
    std::getline(std::ifstream(directory + "/comm"), line);
    if (line != name) continue;
    std::ifstream status(directory + "/status");
    while (std::getline(status, line)) {
      if (absl::StartsWith(line, "SigBlk:\t")) masks.push_back(line.substr(8));
    }
  }
  closedir(tasks);
  return masks;
}

TEST(TimerTest, ItsThreadTakesNoSignals) {
  const auto isolate = New();
  const Isolate::Scope scope(*isolate);
  isolate->SetLimits(WallTime(milliseconds(1)));
  ASSERT_EQ(Loops(*isolate), "limited");
  const std::vector<std::string> masks = BlockedSignals("islet-timer");
  ASSERT_EQ(masks.size(), 1u);
  const uint64_t blocked = std::stoull(masks[0], nullptr, 16);
  for (int number = 1; number <= SIGRTMAX; ++number) {
    // Nobody can block the first two; the others are the C library's own.
    if (number == SIGKILL || number == SIGSTOP || (number > SIGSYS && number < SIGRTMIN)) continue;
    EXPECT_NE(blocked & uint64_t{1} << (number - 1), 0u) << number;
  }
}

// As a host does that waits for signals in one of its threads.
TEST(TimerTest, ASignalThatTheHostHasBlockedDoesNotEndTheProcess) {
  EXPECT_EQ(InChild([]() -> std::string {
              const auto isolate = New();
              const Isolate::Scope scope(*isolate);
              isolate->SetLimits(WallTime(milliseconds(1)));
              std::string seen = Loops(*isolate);
              sigset_t terminate;
              sigemptyset(&terminate);
              sigaddset(&terminate, SIGTERM);
              pthread_sigmask(SIG_BLOCK, &terminate, nullptr);
              kill(getpid(), SIGTERM);
              int number = 0;
              sigwait(&terminate, &number);
              return absl::StrCat(seen, " ", number == SIGTERM, " ", Loops(*isolate));
            }),
            "limited 1 limited");
}

// A child has no timer yet.
TEST(TimerTest, WithoutAThreadTheCallFailsAndTheIsolateIsUnharmed) {
  const auto isolate = New();
  const Isolate::Scope scope(*isolate);
  EXPECT_EQ(InChild([&isolate]() -> std::string {
              isolate->SetLimits(WallTime(milliseconds(1)));
              no_threads = EAGAIN;
              for (int i = 0; i < 2; ++i) {
                const absl::Status status = isolate->Call("count!").status();
                if (!absl::IsResourceExhausted(status) || !absl::StrContains(status.message(), "thread") ||
                    !absl::StrContains(status.message(), "Resource temporarily unavailable")) {
                  return status.ToString();
                }
              }
              isolate->SetLimits({});
              const auto counted = isolate->Call("count!");
              if (!counted.ok() || counted->ToInt64().value() != 1) return "the isolate is harmed";
              isolate->SetLimits(WallTime(milliseconds(1)));
              no_threads = 0;
              return Loops(*isolate);
            }),
            "limited");
}

TEST(TimerTest, ALimitThatARunningCallCannotBeGivenEndsIt) {
  const auto isolate = New();
  const Isolate::Scope scope(*isolate);
  Logged() = [](Isolate& inside) { inside.SetLimits(WallTime(milliseconds(1))); };
  EXPECT_EQ(InChild([&isolate]() -> std::string {
              no_threads = EAGAIN;
              const absl::Status status = isolate->Eval("(begin (log-host 1) (loop-forever))").status();
              if (!absl::IsResourceExhausted(status) || !absl::StrContains(status.message(), "thread")) {
                return status.ToString();
              }
              isolate->SetLimits({});
              if (!isolate->Call("count!").ok()) return "the isolate is harmed";
              no_threads = 0;
              isolate->SetLimits(WallTime(milliseconds(1)));
              return Loops(*isolate);
            }),
            "limited");
}

TEST(TimerTest, ACallThatAForkLeavesWithoutATimerEnds) {
  const auto isolate = New();
  const Isolate::Scope scope(*isolate);
  isolate->SetLimits(WallTime(milliseconds(100)));
  pid_t child = -1;
  Logged() = [&child](Isolate&) {
    no_threads = EAGAIN;
    child = fork();
    no_threads = 0;
  };
  const absl::Status status = isolate->Eval("(begin (log-host 1) (loop-forever))").status();
  if (child == 0) _exit(absl::IsResourceExhausted(status) && absl::StrContains(status.message(), "thread") ? 0 : 1);
  EXPECT_EQ(LimitReached(status), Limit::kWallTime);
  int exit_status = -1;
  ASSERT_EQ(waitpid(child, &exit_status, 0), child);
  EXPECT_EQ(exit_status, 0);
}

}  // namespace
}  // namespace islet
