#include "samples/tenants/shop.h"

#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "samples/tenants/startup.h"

ISLET_EMBEDDED_SNAPSHOT(startup);

namespace {

// The procedure of startup.lisp that does it.
const char* Procedure(Deed deed) {
  switch (deed) {
    case Deed::kLoop:
      return "loop-forever";
    case Deed::kAllocate:
      return "allocate-forever";
    case Deed::kRecurse:
      return "recurse-forever";
    case Deed::kMutate:
      return "mutate-everything";
  }
  return "";
}

}  // namespace

const char* DeedName(Deed deed) {
  switch (deed) {
    case Deed::kLoop:
      return "loop";
    case Deed::kAllocate:
      return "allocate";
    case Deed::kRecurse:
      return "recurse";
    case Deed::kMutate:
      return "mutate";
  }
  return "";
}

Tenant MakeTenant(int i) {
  Tenant tenant;
  tenant.name = absl::StrCat("tenant-", i);
  constexpr int kTaxes[] = {19, 7, 25};
  tenant.tax_percent = kTaxes[i % 3];
  // A request of theirs takes some microseconds and kilobytes.
  const int plan = 1 << (i % 3);
  tenant.limits.heap_bytes = static_cast<size_t>(plan) << 20;
  tenant.limits.stack_bytes = static_cast<size_t>(plan) << 18;
  // Processor time: what a busy machine keeps a tenant waiting is not its doing.
  tenant.limits.cpu_time = std::chrono::milliseconds(10 * plan);
  return tenant;
}

absl::StatusOr<std::unique_ptr<Shop>> Shop::Open() {
  absl::StatusOr<islet::Snapshot> snapshot = islet::Snapshot::FromEmbedded(startup);
  if (!snapshot.ok()) return snapshot.status();
  absl::StatusOr<std::unique_ptr<islet::IsolatePool>> pool = islet::IsolatePool::Create(*snapshot);
  if (!pool.ok()) return pool.status();
  absl::StatusOr<islet::Value> handler = (*pool)->Procedure("handle");
  if (!handler.ok()) return handler.status();
  return std::unique_ptr<Shop>(new Shop(*std::move(pool), *handler));
}

Shop::Shop(std::unique_ptr<islet::IsolatePool> pool, islet::Value handler)
    : pool_(std::move(pool)), handler_(std::move(handler)) {}

absl::StatusOr<std::string> Shop::Serve(const Tenant& tenant, absl::string_view query) {
  absl::StatusOr<islet::PooledIsolate> isolate = pool_->Get();
  if (!isolate.ok()) return isolate.status();
  const islet::Isolate::Scope scope(**isolate);
  (*isolate)->SetLimits(tenant.limits);
  const islet::Value arguments[] = {islet::String(tenant.name), islet::Integer(tenant.tax_percent),
                                    islet::String(query)};
  absl::StatusOr<islet::Value> answer = (*isolate)->Call(handler_, arguments);
  if (!answer.ok()) return answer.status();
  return answer->ToString();
}  // the isolate goes back to the pool, as it was when it came from there

absl::StatusOr<islet::Limit> Shop::Suffer(const Tenant& tenant, Deed deed) {
  absl::StatusOr<islet::PooledIsolate> isolate = pool_->Get();
  if (!isolate.ok()) return isolate.status();
  const islet::Isolate::Scope scope(**isolate);
  (*isolate)->SetLimits(tenant.limits);
  absl::Status status = (*isolate)->Call(Procedure(deed)).status();
  const islet::Limit limit = islet::LimitReached(status);
  if (limit == islet::Limit::kNone && !status.ok()) return status;
  return limit;
}

std::string Query(int article, int count, bool spring) {
  return absl::StrCat("article=", article, "&count=", count, spring ? "&coupon=SPRING" : "");
}

std::string RightAnswer(const Tenant& tenant, int article, int count, bool spring) {
  constexpr const char* kNames[] = {"Lamp", "Chair", "Table", "Shelf", "Clock", "Vase", "Rug"};
  int64_t cents = int64_t{count} * (199 + int64_t{article} * 7919 % 20000);
  if (spring) cents = cents * 90 / 100;
  cents += cents * tenant.tax_percent / 100;
  return absl::StrFormat("%s: %d x %s %d = %d.%02d (visit 1)", tenant.name, count, kNames[article % 7], article,
                         cents / 100, cents % 100);
}
