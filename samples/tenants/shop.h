// A service for many tenants: every request runs in a recycled isolate, under its tenant's own limits.

#ifndef ISLET_SAMPLES_TENANTS_SHOP_H_
#define ISLET_SAMPLES_TENANTS_SHOP_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "islet/isolate_pool.h"
#include "islet/limits.h"

// A tenant has a name, a tax, and limits for each request.
struct Tenant {
  std::string name;
  int tax_percent = 19;
  islet::Limits limits;
};

// Tenant number `i`: three plans, by turns.
Tenant MakeTenant(int i);

// A hostile tenant has its requests do one of these.
enum class Deed { kLoop, kAllocate, kRecurse, kMutate };
constexpr Deed kDeeds[] = {Deed::kLoop, Deed::kAllocate, Deed::kRecurse, Deed::kMutate};
const char* DeedName(Deed deed);

// Thread safety: all methods may be called from any thread at once.
class Shop {
 public:
  // Errors: those of islet::Snapshot and islet::IsolatePool.
  static absl::StatusOr<std::unique_ptr<Shop>> Open();

  // Answers a request like "article=1234&count=2". Errors: ResourceExhausted and DeadlineExceeded (the tenant's
  // limits).
  absl::StatusOr<std::string> Serve(const Tenant& tenant, absl::string_view query);
  // Runs a deed instead, as far as the tenant's limits let it; which of them has ended it. Errors: any but a limit.
  absl::StatusOr<islet::Limit> Suffer(const Tenant& tenant, Deed deed);

 private:
  Shop(std::unique_ptr<islet::IsolatePool> pool, islet::Value handler);

  const std::unique_ptr<islet::IsolatePool> pool_;
  const islet::Value handler_;  // the snapshot's, whatever a request does to the variable
};

// The answer that is right, computed here: what a request should get, whoever else is served.
std::string RightAnswer(const Tenant& tenant, int article, int count, bool spring);
// The request for it.
std::string Query(int article, int count, bool spring);

#endif  // ISLET_SAMPLES_TENANTS_SHOP_H_
