// Isolate::Fork: the second isolate equals the first in all that can be observed, and they part from then on.

#include <unistd.h>

#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "gtest/gtest.h"
#include "islet/isolate_pool.h"
#include "sdk/isolate_impl.h"
#include "sdk/isolate_test_startup.h"
#include "tests/hostile_tenant.h"
#include "tests/sanitized_for_tests.h"

ISLET_EMBEDDED_SNAPSHOT(isolate_test_startup);

namespace islet {
namespace {

// "fork" in a script asks the host to fork the isolate that runs it.
HostFunctions& Hosts() {
  static HostFunctions* const hosts = [] {
    auto* made = new HostFunctions;
    made->Add("log", 1, [](Isolate& isolate, absl::Span<const Value>) -> absl::StatusOr<Value> {
      return isolate.Fork().status();
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

std::unique_ptr<Isolate> Make(IsolateOptions options = {}) {
  options.host_functions = &Hosts();
  auto isolate = Isolate::FromSnapshot(*Snapshot::FromEmbedded(isolate_test_startup), options);
  EXPECT_TRUE(isolate.ok()) << isolate.status();
  return *std::move(isolate);
}

std::unique_ptr<Isolate> ForkOf(Isolate& parent) {
  auto child = parent.Fork();
  EXPECT_TRUE(child.ok()) << child.status();
  if (!child.ok()) return nullptr;
  EXPECT_EQ((*child)->impl()->FirstDifference(*parent.impl(), vm::Unused::kNot), "");
  return *std::move(child);
}

std::string Eval(Isolate& isolate, const std::string& text) {
  Isolate::Scope scope(isolate);
  auto value = isolate.Eval(text);
  return value.ok() ? value->Print() : std::string(value.status().message());
}

TEST(ForkTest, EachGoesItsOwnWay) {
  auto parent = Make();
  EXPECT_EQ(Eval(*parent, "(begin (count!) (define mine (list 1 \"two\" 'three (vector 4.5))) mine)"),
            "(1 \"two\" three #(4.5))");
  auto child = ForkOf(*parent);
  EXPECT_EQ(Eval(*child, "mine"), "(1 \"two\" three #(4.5))");
  EXPECT_EQ(Eval(*child, "(count!)"), "2");
  EXPECT_EQ(
      Eval(*child, "(begin (set-car! mine 'changed) (define only-here 1) (hash-table-set! table \"one\" 'x) mine)"),
      "(changed \"two\" three #(4.5))");
  EXPECT_EQ(Eval(*parent, "(list counter mine (look-up \"one\"))"), "(1 (1 \"two\" three #(4.5)) 1)");
  EXPECT_TRUE(absl::StrContains(Eval(*parent, "only-here"), "only-here"));
  EXPECT_EQ(Eval(*parent, "(begin (set! mine 'gone) (count!))"), "2");
  EXPECT_EQ(Eval(*child, "(list counter (look-up \"one\") (car mine))"), "(2 x changed)");
  EXPECT_EQ(Eval(*child, "restored"), "1") << "the hooks of on-restore have run in the parent";
  EXPECT_EQ(Eval(*ForkOf(*Make()), "restored"), "1") << "or run in the child";
}

TEST(ForkTest, OfAnIsolateThatHasDoneEverything) {
  auto parent = Make();
  const std::vector<std::string> problems = RunHostileTenant(*parent);
  EXPECT_TRUE(problems.empty()) << problems[0];
  parent->ClearInterrupt();
  auto child = ForkOf(*parent);
  auto grandchild = ForkOf(*child);
  parent.reset();
  for (Isolate* isolate : {child.get(), grandchild.get()}) {
    // Ports half read and written, tables by identity, continuations, code, parameters, libraries.
    EXPECT_EQ(Eval(*isolate, "(read in)"), "(more data)");
    EXPECT_EQ(Eval(*isolate, "(begin (write-u8 7 out-bytes) (get-output-bytevector out-bytes))"), "#u8(200 7)");
    EXPECT_EQ(Eval(*isolate, "(hash-table-size by-identity)"), "2000");
    EXPECT_EQ(Eval(*isolate,
                   "(let loop ((keys (hash-table-keys by-identity)) (found 0)) (if (null? keys) found"
                   " (loop (cdr keys) (+ found (if (hash-table-ref/default by-identity (car keys) #f) 1 0)))))"),
              "2000");
    EXPECT_EQ(Eval(*isolate, "(made 100)"), "100");
    // Ends as the form that has captured it did, with that form's value.
    Eval(*isolate, "(begin (set! times 0) (set! deepest #f) (saved 5))");
    EXPECT_EQ(Eval(*isolate, "deepest"), "50005");
    EXPECT_EQ(Eval(*isolate, "(list (p) (q) (string-length big-string) (vector-length big-vector))"),
              "(10 2 40000 50000)");
    EXPECT_EQ(Eval(*isolate, "(eq? (string->symbol \"tenant-2996\") (car symbols))"), "#f");
    EXPECT_EQ(Eval(*isolate, "(if (memq (string->symbol \"tenant-7\") symbols) #t #f)"), "#t");
    Isolate::Scope scope(*isolate);
    EXPECT_TRUE(isolate->Call("churn", {Integer(300000)}).ok());
    isolate->CollectGarbage();
    EXPECT_EQ(Eval(*isolate, "(length survivors)"), "6000");
  }
}

TEST(ForkTest, BothAllocateAndCollectAlike) {
  auto parent = Make();
  EXPECT_EQ(
      Eval(*parent, "(define kept (let loop ((i 0) (l '())) (if (= i 30000) l (loop (+ i 1) (cons (vector i) l)))))"),
      "kept");
  auto child = ForkOf(*parent);
  for (int i = 0; i < 3; ++i) {
    for (Isolate* isolate : {parent.get(), child.get()}) Eval(*isolate, "(churn 100000)");
    EXPECT_EQ(child->impl()->FirstDifference(*parent->impl(), vm::Unused::kNot), "") << i;
  }
}

TEST(ForkTest, OnOtherThreads) {
  auto parent = Make();
  Eval(*parent, "(define mine (list 1 2 3))");
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([child = ForkOf(*parent), t] {
      for (int i = 1; i <= 50; ++i) {
        EXPECT_EQ(Eval(*child, "(begin (set-car! mine (count!)) (churn 1000) mine)"), "(" + std::to_string(i) + " 2 3)")
            << t;
      }
    });
  }
  for (int i = 0; i < 50; ++i) EXPECT_EQ(Eval(*parent, "mine"), "(1 2 3)");
  for (std::thread& thread : threads) thread.join();
}

TEST(ForkTest, HandlesOfTheParentAreNotTheChilds) {
  auto parent = Make();
  Isolate::Scope scope(*parent);
  const Value text = parent->Call("identity", {String("text")}).value();
  Persistent kept(*parent, text);
  auto child = ForkOf(*parent);  // the parent is entered: by this thread, which is right
  Isolate::Scope child_scope(*child);
  EXPECT_EQ(child->Call("identity", {text}).status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(child->Call("identity", {kept.Get()}).status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(text.ToString().value(), "text") << "and they still work for the parent";
}

TEST(ForkTest, NotWhileSomethingRunsOrAFileIsOpen) {
  auto parent = Make();
  const std::string told = Eval(*parent, "(log-host 1)");
  EXPECT_TRUE(absl::StrContains(told, "while a call runs")) << told;

  std::thread([&] {
    Isolate::Scope scope(*parent);
    std::thread([&] {
      EXPECT_EQ(parent->Fork().status().code(), absl::StatusCode::kFailedPrecondition) << "entered by another thread";
    }).join();
  }).join();

  IsolateOptions options;
  options.files = ProcessFiles();
  std::string written;
  options.write = [&written](int, absl::string_view text) { written.append(text.data(), text.size()); };
  auto files = Make(options);
  const std::string path = ::testing::TempDir() + "fork_test_file";
  Eval(*files, "(define f (open-output-file \"" + path + "\"))");
  const auto refused = files->Fork();
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_TRUE(absl::StrContains(refused.status().message(), path)) << refused.status();
  Eval(*files, "(close-port f)");
  auto child = ForkOf(*files);
  Eval(*files, "(display \"parent \")");
  Eval(*child, "(display \"child\")");
  EXPECT_EQ(written, "parent child") << "both to the same place";
  unlink(path.c_str());
}

TEST(ForkTest, LimitsAndErrorsAreTheSame) {
  IsolateOptions options;
  options.limits.heap_bytes = size_t{4} << 20;
  options.cage_size = uint64_t{64} << 20;
  auto parent = Make(options);
  Eval(*parent, "(fail-deeply 2)");
  auto child = ForkOf(*parent);
  EXPECT_EQ(child->LastError().message, parent->LastError().message);
  Isolate::Scope scope(*child);
  EXPECT_EQ(child->Call("allocate-forever").status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(child->Call("count!")->ToInt64().value(), 1);
}

TEST(ForkTest, OfAPooledIsolate) {
  IsolatePool::Options options;
  options.isolate.host_functions = &Hosts();
  auto pool = IsolatePool::Create(*Snapshot::FromEmbedded(isolate_test_startup), options);
  ASSERT_TRUE(pool.ok());
  std::unique_ptr<Isolate> child;
  {
    auto isolate = (*pool)->Get();
    Eval(**isolate, "(define mine 'here)");
    child = ForkOf(**isolate);
  }
  EXPECT_EQ(Eval(*child, "mine"), "here");
  child.reset();
  EXPECT_EQ((*pool)->Stats().idle, 1u);
}

int64_t PrivateKib() {
  std::ifstream file("/proc/self/smaps_rollup");
  int64_t sum = 0;
  for (std::string word; file >> word;) {
    int64_t kib = 0;
    if (word == "Private_Dirty:" || word == "Private_Clean:") file >> kib;
    sum += kib;
  }
  return sum;
}

TEST(ForkTest, CostsWhatTheParentHasWrittenAndAllocated) {
  if (kSanitized) GTEST_SKIP() << "sanitizers keep memory that was freed";
  auto parent = Make();
  Eval(*parent, "(count!)");
  constexpr int kChildren = 200;
  const auto cost = [&] {
    std::vector<std::unique_ptr<Isolate>> children;
    children.reserve(kChildren);
    const int64_t before = PrivateKib();
    for (int i = 0; i < kChildren; ++i) children.push_back(*parent->Fork());
    return static_cast<double>(PrivateKib() - before) / kChildren;
  };
  const double small = cost();
  EXPECT_LT(small, 64) << "KiB: a page or two, and what C++ keeps";
  Eval(*parent, "(define half-a-mebibyte (make-bytevector 524288 1))");
  const double more = cost();
  EXPECT_GT(more, small + 500);
  EXPECT_LT(more, small + 600);
}

}  // namespace
}  // namespace islet
