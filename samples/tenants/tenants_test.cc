// The service: right answers, limits that end what a hostile tenant does, and nothing of it left for others.

#include <memory>
#include <string>

#include "gtest/gtest.h"
#include "samples/tenants/load.h"
#include "samples/tenants/shop.h"

namespace {

std::unique_ptr<Shop> OpenShop() {
  absl::StatusOr<std::unique_ptr<Shop>> shop = Shop::Open();
  EXPECT_TRUE(shop.ok()) << shop.status();
  return *std::move(shop);
}

TEST(ShopTest, Answers) {
  const std::unique_ptr<Shop> shop = OpenShop();
  const Tenant tenant = MakeTenant(0);
  EXPECT_EQ(shop->Serve(tenant, "article=1001&count=2").value(), "tenant-0: 2 x Lamp 1001 = 169.40 (visit 1)");
  EXPECT_EQ(shop->Serve(tenant, "article=1001").value(), "tenant-0: 1 x Lamp 1001 = 84.70 (visit 1)");
  EXPECT_EQ(shop->Serve(tenant, "count=1&article=77").value(), "tenant-0: no such article");
  EXPECT_EQ(shop->Serve(tenant, "article=1001&count=a").value(), "tenant-0: no such count");
  EXPECT_EQ(shop->Serve(tenant, "").value(), "tenant-0: no such article");
  for (int i = 0; i < 500; ++i) {
    const Tenant other = MakeTenant(i % 5);
    EXPECT_EQ(shop->Serve(other, Query(1000 + 4 * i, i + 1, i % 2 == 0)).value(),
              RightAnswer(other, 1000 + 4 * i, i + 1, i % 2 == 0));
  }
}

TEST(ShopTest, EveryDeedEndsAndLeavesNothing) {
  const std::unique_ptr<Shop> shop = OpenShop();
  const Tenant hostile = MakeTenant(0), other = MakeTenant(1);
  const std::string right = RightAnswer(other, 1500, 3, true);
  struct Case {
    Deed deed;
    islet::Limit limit;
  };
  for (const Case& c : {Case{Deed::kLoop, islet::Limit::kCpuTime}, Case{Deed::kRecurse, islet::Limit::kStack},
                        Case{Deed::kMutate, islet::Limit::kNone}}) {
    EXPECT_EQ(shop->Suffer(hostile, c.deed).value(), c.limit) << DeedName(c.deed);
    EXPECT_EQ(shop->Serve(other, Query(1500, 3, true)).value(), right) << DeedName(c.deed);
  }
  // On a slow machine, the limit of time may be reached first.
  EXPECT_NE(shop->Suffer(hostile, Deed::kAllocate).value(), islet::Limit::kNone);
  EXPECT_EQ(shop->Serve(other, Query(1500, 3, true)).value(), right);
}

TEST(LoadTest, CountsEveryRequestOnce) {
  LoadOptions options;
  options.tenants = 3;
  options.threads = 2;
  options.requests = 101;
  const LoadResult result = RunLoad(*OpenShop(), options);
  ASSERT_EQ(result.tenants.size(), 3u);
  for (const Latencies& tenant : result.tenants) {
    EXPECT_EQ(tenant.requests, 101u) << tenant.name;
    EXPECT_EQ(tenant.wrong, 0u) << tenant.name;
    EXPECT_GT(tenant.p50, 0);
    EXPECT_LE(tenant.p50, tenant.p99);
    EXPECT_LE(tenant.p99, tenant.p999);
    EXPECT_LE(tenant.p999, tenant.max);
  }
  EXPECT_EQ(result.all.requests, 303u);
  EXPECT_GT(result.requests_per_second, 0);
  EXPECT_GT(result.memory.private_kib, 0);
  EXPECT_GT(result.memory.page_table_kib, 0);
}

TEST(LoadTest, OthersGetRightAnswersBesideAHostileTenant) {
  LoadOptions options;
  options.tenants = 4;
  options.threads = 2;
  options.requests = 500;
  options.hostile = true;
  const LoadResult result = RunLoad(*OpenShop(), options);
  EXPECT_EQ(result.all.requests, 2000u);
  EXPECT_EQ(result.all.wrong, 0u);
  EXPECT_EQ(result.alone.requests, 2000u);
  EXPECT_EQ(result.alone.wrong, 0u);
  // It has done all it can do, in each round.
  uint64_t deeds = 0;
  for (const auto& [deed, count] : result.deeds) deeds += count;
  EXPECT_GE(deeds, 20u);
  EXPECT_GE(result.deeds.count("mutate: done"), 1u);
  EXPECT_GE(result.deeds.count("loop: cpu-time"), 1u);
  std::printf("p99 beside the hostile tenant: %.1f us; without: %.1f us; ratio %.2f\n", result.all.p99,
              result.alone.p99, result.all.p99 / result.alone.p99);
}

}  // namespace
