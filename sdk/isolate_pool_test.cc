#include "islet/isolate_pool.h"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "gtest/gtest.h"
#include "sdk/isolate_impl.h"
#include "sdk/isolate_test_startup.h"
#include "tests/hostile_tenant.h"
#include "tests/sanitized_for_tests.h"

ISLET_EMBEDDED_SNAPSHOT(isolate_test_startup);

namespace islet {
namespace {

HostFunctions& Hosts() {
  static HostFunctions* const hosts = [] {
    auto* made = new HostFunctions;
    made->Add("log", 1, [](Isolate&, absl::Span<const Value>) -> absl::StatusOr<Value> { return Value(); });
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

Snapshot Startup() { return Snapshot::FromEmbedded(isolate_test_startup).value(); }

std::unique_ptr<IsolatePool> MakePool(IsolatePool::Options options = {}) {
  options.isolate.host_functions = &Hosts();
  auto pool = IsolatePool::Create(Startup(), options);
  EXPECT_TRUE(pool.ok()) << pool.status();
  return *std::move(pool);
}

std::unique_ptr<IsolatePool> MakeVerifyingPool(IsolatePool::Options options = {}) {
  options.verify_resets = true;
  return MakePool(std::move(options));
}

TEST(IsolatePoolTest, EachTenantStartsFromTheSnapshot) {
  auto pool = MakePool();
  const Isolate::Impl* first = nullptr;
  for (int i = 0; i < 100; ++i) {
    auto isolate = pool->Get();
    ASSERT_TRUE(isolate.ok());
    if (first == nullptr) first = (*isolate)->impl();
    EXPECT_EQ((*isolate)->impl(), first) << "the same isolate again";
    Isolate::Scope scope(**isolate);
    EXPECT_EQ((*isolate)->Call("count!")->ToInt64().value(), 1);
    EXPECT_EQ((*isolate)->Eval("restored")->ToInt64().value(), 1) << "the hooks of on-restore run for each tenant";
    EXPECT_EQ((*isolate)->Call("use-hosts", {Integer(1), Integer(2)})->ToInt64().value(), 3);
  }
  EXPECT_EQ(pool->Stats().created, 1u);
  EXPECT_EQ(pool->Stats().reused, 100u);
  EXPECT_EQ(pool->Stats().idle, 1u);
}

TEST(IsolatePoolTest, ProceduresAreLookedUpOnceForAllIsolates) {
  auto pool = MakePool();
  auto count = pool->Procedure("count!");
  ASSERT_TRUE(count.ok()) << count.status();
  EXPECT_EQ(count->type(), Type::kProcedure);
  for (int i = 0; i < 3; ++i) {
    auto isolate = pool->Get();
    Isolate::Scope scope(**isolate);
    EXPECT_EQ((*isolate)->Call(*count)->ToInt64().value(), 1);
    EXPECT_EQ((*isolate)->Call("count!")->ToInt64().value(), 2);
    EXPECT_EQ((*isolate)->Call("add", {Integer(1), Integer(2)})->ToInt64().value(), 3);
    EXPECT_EQ((*isolate)->Call("apply", {*count, Null()})->ToInt64().value(), 3);
    // A variable that is assigned another procedure does not change what was looked up.
    ASSERT_TRUE((*isolate)->Eval("(define (count!) 'mine)").ok());
    EXPECT_EQ((*isolate)->Call("count!")->Print(), "mine");
    EXPECT_EQ((*isolate)->Call(*count)->ToInt64().value(), 4);
    EXPECT_EQ((*isolate)->Call(*count, {Integer(1)}).status().code(), absl::StatusCode::kUnknown) << "wrong arity";
  }
  EXPECT_EQ(pool->Procedure("counter").status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(pool->Procedure("no-such-thing").status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(count->ToInt64().status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(IsolatePoolTest, NothingOfAHostileTenantIsLeft) {
  for (const size_t keep : {size_t{0}, size_t{64} << 10, size_t{1} << 20, size_t{1} << 30}) {
    IsolatePool::Options options;
    options.keep_bytes = keep;
    auto pool = MakeVerifyingPool(options);
    for (int i = 0; i < 3; ++i) {
      auto isolate = pool->Get();
      ASSERT_TRUE(isolate.ok());
      const std::vector<std::string> problems = RunHostileTenant(**isolate);
      EXPECT_TRUE(problems.empty()) << problems[0];
      isolate->GiveBack();
      EXPECT_TRUE(pool->ResetStatus().ok()) << pool->ResetStatus();
    }
    EXPECT_EQ(pool->Stats().created, 1u);
    EXPECT_LE(pool->Stats().idle_bytes, keep);
    // And by what a script can see.
    auto isolate = pool->Get();
    Isolate::Scope scope(**isolate);
    EXPECT_EQ((*isolate)->Eval("leaked").status().code(), absl::StatusCode::kUnknown);
    EXPECT_EQ((*isolate)->Eval("(import (tenant lib))").status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_EQ((*isolate)->Eval("counter")->ToInt64().value(), 0);
    EXPECT_EQ((*isolate)->Eval("(list-ref '(a b) 1)")->Print(), "b");
    EXPECT_EQ((*isolate)->Call("churn", {Integer(30000)})->ToInt64().value() > 0, true);
  }
}

TEST(IsolatePoolTest, AResetThatMissesSomethingIsNoticed) {
  auto pool = MakeVerifyingPool();
  auto isolate = pool->Get();
  vm::Heap& heap = (*isolate)->impl()->vm->heap();
  // A write behind the barrier's back.
  heap.base()[heap.layout().old_begin + 12345] = 1;
  isolate->GiveBack();
  EXPECT_EQ(pool->ResetStatus().code(), absl::StatusCode::kInternal);
  EXPECT_TRUE(absl::StrContains(pool->ResetStatus().message(), "old space")) << pool->ResetStatus();
  EXPECT_EQ(pool->Stats().idle, 0u) << "not used again";
}

TEST(IsolatePoolTest, TheSameAddressesHashesAndOrder) {
  // A script could tell isolates apart by identity hashes (the order of entries is that of insertion), and by where the
  // next objects lie, which a collection's timing would show.
  const char* const probe =
      "(let* ((keys (map list '(1 2 3 4 5))) (table (make-hash-table eq?)) (out (open-output-string)))"
      "  (for-each (lambda (k) (hash-table-set! table k k)) keys)"
      "  (write (hash-table-keys table) out) (write (map (lambda (k) (hash-table-ref/default table k #f)) keys) out)"
      "  (write (string->symbol \"fresh symbol\") out) (get-output-string out))";
  auto pool = MakeVerifyingPool();
  std::string expected;
  uint64_t allocated = 0;
  for (int i = 0; i < 3; ++i) {
    auto isolate = pool->Get();
    {
      Isolate::Scope scope(**isolate);
      auto seen = (*isolate)->Eval(probe);
      ASSERT_TRUE(seen.ok()) << seen.status();
      const IsolateStats stats = (*isolate)->Stats();
      if (i == 0) {
        expected = seen->Print();
        allocated = stats.allocated_bytes;
      }
      EXPECT_EQ(seen->Print(), expected);
      EXPECT_EQ(stats.allocated_bytes, allocated);
      EXPECT_EQ(stats.minor_collections + stats.full_collections, 0u);
    }
    RunHostileTenant(**isolate);
  }
  EXPECT_TRUE(pool->ResetStatus().ok()) << pool->ResetStatus();
}

TEST(IsolatePoolTest, HandlesOfTheEarlierTenantAreStale) {
  auto pool = MakePool();
  auto isolate = pool->Get();
  Isolate::Impl* const same = (*isolate)->impl();
  Value kept;
  Persistent persistent;
  {
    Isolate::Scope scope(**isolate);
    kept = (*isolate)->Call("identity", {String("secret")}).value();
    persistent = Persistent(**isolate, kept);
    EXPECT_EQ(persistent.Get().ToString().value(), "secret");
  }
  isolate->GiveBack();
  isolate = pool->Get();
  ASSERT_EQ((*isolate)->impl(), same);
  Isolate::Scope scope(**isolate);
  const Value mine = (*isolate)->Call("identity", {String("mine")}).value();
  Persistent my_persistent(**isolate, mine);
  EXPECT_EQ(kept.ToString().status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(persistent.Get().ToString().status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ((*isolate)->Call("identity", {kept}).status().code(), absl::StatusCode::kFailedPrecondition);
  persistent = Persistent();  // must not free the slot of the present tenant
  EXPECT_EQ(my_persistent.Get().ToString().value(), "mine");
}

TEST(IsolatePoolTest, FilesAreClosedAndStandardPortsFlushed) {
  const std::string path = ::testing::TempDir() + "pool_test_file";
  std::string written;
  IsolatePool::Options options;
  options.isolate.files = ProcessFiles();
  options.isolate.command_line = {"a", "b"};
  options.isolate.write = [&written](int, absl::string_view text) { written.append(text.data(), text.size()); };
  auto pool = MakeVerifyingPool(options);
  const auto open_descriptors = [] {
    int count = 0;
    for (int fd = 0; fd < 256; ++fd) count += fcntl(fd, F_GETFD) >= 0;
    return count;
  };
  int before = -1;
  for (int i = 0; i < 3; ++i) {
    auto isolate = pool->Get();
    if (i == 1) before = open_descriptors();
    {
      Isolate::Scope scope(**isolate);
      EXPECT_EQ((*isolate)->Eval("(command-line)")->Print(), "(\"a\" \"b\")");
      ASSERT_TRUE((*isolate)->Eval("(begin (define f (open-output-file \"" + path + "\")) (write 'held-back f))").ok());
      ASSERT_TRUE((*isolate)->Eval("(begin (display \"hello\") (write-string \" you\"))").ok());
    }
    isolate->GiveBack();
    EXPECT_TRUE(pool->ResetStatus().ok()) << pool->ResetStatus();
    std::string contents;
    std::ifstream(path) >> contents;
    EXPECT_EQ(contents, "held-back");
    unlink(path.c_str());
  }
  EXPECT_EQ(written, "hello youhello youhello you");
  EXPECT_EQ(open_descriptors(), before);
}

TEST(IsolatePoolTest, InterruptsAndErrorsEndWithTheTenant) {
  auto pool = MakeVerifyingPool();
  {
    auto isolate = pool->Get();
    Isolate::Scope scope(**isolate);
    EXPECT_FALSE((*isolate)->Call("fail-deeply", {Integer(3)}).ok());
    EXPECT_NE((*isolate)->LastError().message, "");
    (*isolate)->Interrupt();
  }
  auto isolate = pool->Get();
  Isolate::Scope scope(**isolate);
  EXPECT_EQ((*isolate)->LastError().message, "");
  EXPECT_TRUE((*isolate)->LastError().backtrace.empty());
  EXPECT_TRUE((*isolate)->Call("count!").ok());
  EXPECT_TRUE(pool->ResetStatus().ok()) << pool->ResetStatus();
}

TEST(IsolatePoolTest, OptionsHoldForEveryTenant) {
  IsolatePool::Options options;
  options.isolate.limits.heap_bytes = size_t{4} << 20;
  options.isolate.cage_size = uint64_t{64} << 20;
  auto pool = MakeVerifyingPool(options);
  for (int i = 0; i < 3; ++i) {
    auto isolate = pool->Get();
    Isolate::Scope scope(**isolate);
    EXPECT_EQ((*isolate)->Call("allocate-forever").status().code(), absl::StatusCode::kResourceExhausted);
    EXPECT_EQ((*isolate)->Call("recurse-forever").status().code(), absl::StatusCode::kResourceExhausted);
    EXPECT_EQ((*isolate)->Eval("(make-vector 10000000 0)").status().code(), absl::StatusCode::kUnknown);
  }
  EXPECT_TRUE(pool->ResetStatus().ok()) << pool->ResetStatus();
}

TEST(IsolatePoolTest, IdleIsolatesAreBoundedAndTrimmed) {
  IsolatePool::Options options;
  options.max_idle_per_thread = 4;
  auto pool = MakePool(options);
  {
    std::vector<PooledIsolate> many;
    for (int i = 0; i < 10; ++i) many.push_back(pool->Get().value());
    EXPECT_EQ(pool->Stats().idle, 0u);
  }
  EXPECT_EQ(pool->Stats().idle, 4u);
  EXPECT_EQ(pool->Trim(3), 1u);
  EXPECT_EQ(pool->Trim(), 3u);
  EXPECT_EQ(pool->Stats().idle, 0u);
  EXPECT_TRUE(pool->Get().ok());
}

TEST(IsolatePoolTest, GivenBackWhileEnteredItIsNotUsedAgain) {
  auto pool = MakePool();
  auto isolate = pool->Get();
  Isolate* const entered = isolate->get();
  {
    Isolate::Scope scope(*entered);
    isolate->GiveBack();
    EXPECT_EQ(entered->Call("count!").status().code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_NE(pool->Get()->get(), entered);
    EXPECT_EQ(pool->Stats().abandoned, 1u);
  }
  EXPECT_NE(pool->Get()->get(), entered);
}

TEST(IsolatePoolTest, ItMayOutliveThePool) {
  auto pool = MakePool();
  auto isolate = pool->Get();
  auto other = pool->Get();
  other->GiveBack();
  pool.reset();
  Isolate::Scope scope(**isolate);
  EXPECT_EQ((*isolate)->Call("count!")->ToInt64().value(), 1);
}

TEST(IsolatePoolTest, MissingHostFunctionsAreToldAtOnce) {
  auto pool = IsolatePool::Create(Startup());
  EXPECT_EQ(pool.status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST(IsolatePoolTest, ThreadsHaveIsolatesOfTheirOwnAndMayGiveBackOthers) {
  auto pool = MakePool();
  std::atomic<int> failures{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 300; ++i) {
        auto isolate = pool->Get();
        Isolate::Scope scope(**isolate);
        auto count = (*isolate)->Call("count!");
        if (!count.ok() || count->ToInt64().value_or(0) != 1) ++failures;
        if (i % 50 == 0 && !(*isolate)->Call("churn", {Integer(5000)}).ok()) ++failures;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(failures.load(), 0);
  EXPECT_LE(pool->Stats().created, 5u);

  // From hand to hand: got here, used and given back there; then it waits here again.
  pool->Trim();
  auto isolate = pool->Get();
  Isolate::Impl* const same = (*isolate)->impl();
  std::thread([lent = *std::move(isolate)]() mutable {
    {
      Isolate::Scope scope(*lent);
      EXPECT_EQ(lent->Call("count!")->ToInt64().value(), 1);
    }
    lent.GiveBack();
  }).join();
  isolate = pool->Get();
  EXPECT_EQ((*isolate)->impl(), same);
  isolate->GiveBack();

  // A new thread takes over what one that has ended left behind.
  uint64_t created = pool->Stats().created;
  for (int i = 0; i < 5; ++i) {
    std::thread([&] { EXPECT_TRUE(pool->Get().ok()); }).join();
  }
  EXPECT_LE(pool->Stats().created, created + 1);

  // Trimming while others get and give back.
  std::atomic<bool> stop{false};
  std::thread trimmer([&] {
    while (!stop) {
      pool->Trim();
      pool->Stats();
      std::this_thread::yield();
    }
  });
  for (int i = 0; i < 500; ++i) {
    auto mine = pool->Get();
    Isolate::Scope scope(**mine);
    if (!(*mine)->Call("count!").ok()) ++failures;
  }
  stop = true;
  trimmer.join();
  EXPECT_EQ(failures.load(), 0);
}

double ResidentKib() {
  std::ifstream status("/proc/self/status");
  std::string word;
  while (status >> word) {
    if (word == "VmRSS:") {
      double kib = 0;
      status >> kib;
      return kib;
    }
  }
  return 0;
}

// Memory that a heap keeps for what it collects next is not kept for the next tenant.
TEST(IsolatePoolTest, IdleIsolatesKeepNoSpareMemory) {
  if (kSanitized) GTEST_SKIP() << "sanitizers keep memory that was freed";
  for (const size_t keep : {size_t{128} << 10, size_t{2} << 20}) {
    IsolatePool::Options options;
    options.keep_bytes = keep;
    auto pool = MakeVerifyingPool(options);
    const auto tenant = [&](int lists) {
      auto isolate = pool->Get();
      ASSERT_TRUE(isolate.ok()) << isolate.status();
      Isolate::Scope scope(**isolate);
      for (int i = 0; i < lists; ++i) {
        ASSERT_TRUE((*isolate)->Eval("(define l (make-list 300000 1))").ok());
      }
      EXPECT_EQ((*isolate)->Stats().spare_bytes > size_t{8} << 20, lists > 10);
    };
    tenant(1);
    const double before = ResidentKib();
    tenant(40);
    EXPECT_LT(ResidentKib() - before, static_cast<double>(keep >> 10) + 512) << "KiB";
    EXPECT_LE(pool->Stats().idle_bytes, keep);
    EXPECT_TRUE(pool->ResetStatus().ok()) << pool->ResetStatus();
  }
}

TEST(IsolatePoolTest, MemoryDoesNotGrow) {
  if (kSanitized) GTEST_SKIP() << "sanitizers keep memory that was freed";
  IsolatePool::Options options;
  options.keep_bytes = size_t{128} << 10;
  auto pool = MakePool(options);
  const auto cycle = [&](int i) {
    auto isolate = pool->Get();
    Isolate::Scope scope(**isolate);
    ASSERT_TRUE((*isolate)->Call("count!").ok());
    if (i % 100 == 0) {
      ASSERT_TRUE((*isolate)->Eval("(define s" + std::to_string(i) + " 'symbol-" + std::to_string(i) + ")").ok());
      ASSERT_TRUE((*isolate)->Call("write-cell!", {Integer(i % 5000), String("x")}).ok());
    }
    if (i % 1000 == 0) {
      ASSERT_TRUE((*isolate)->Call("churn", {Integer(100000)}).ok());
    }
  };
  for (int i = 0; i < 3000; ++i) cycle(i);
  const double before = ResidentKib();
  for (int i = 0; i < 20000; ++i) cycle(i);
  EXPECT_LT(ResidentKib() - before, 256) << "KiB";
}

}  // namespace
}  // namespace islet
