// Each call that can fail is made to, one after the other: what is made is made whole or not at all, the error says
// what is missing, and nothing stays behind.

#include "sdk/stress/faults.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "gtest/gtest.h"
#include "islet/isolate_pool.h"
#include "isolate/heap/cage.h"
#include "sdk/stress/resources.h"
#include "sdk/stress/stress_startup.h"

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
  for (int64_t nth = 1;; ++nth) {
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
    ASSERT_LT(nth, 10000);
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

// What has been used reads as new though the system did not take it back; and it is not forgotten.
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
