// A thread of the stress test: makes isolates in all ways, has operations done to them, hands them on to other threads,
// disposes of them, and compares all that comes out with the models.

#ifndef ISLET_TESTS_STRESS_WORKER_H_
#define ISLET_TESTS_STRESS_WORKER_H_

#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "islet/isolate_pool.h"
#include "islet/snapshot.h"
#include "tests/stress/interrupter.h"
#include "tests/stress/tenant.h"

namespace islet::stress {

// The threads share this.
class World {
 public:
  struct Pool {
    std::unique_ptr<IsolatePool> pool;
    size_t heap_limit;
  };

  // Errors: those of the SDK.
  static absl::StatusOr<std::unique_ptr<World>> Make(EmbeddedSnapshot embedded, int threads);
  // OK if every reset that a pool has verified was right.
  absl::Status ResetStatus() const;

  const EmbeddedSnapshot embedded;
  const Snapshot snapshot;
  std::vector<Pool> pools;
  Interrupter interrupter;

  // Isolates on their way from one thread to another.
  void Leave(Tenant tenant);
  std::optional<Tenant> Take(Random& random);

  // The first failure counts.
  void Fail(const std::string& message);
  bool failed() const { return failed_.load(); }
  std::string failure() const;

  // How often something was done, by name, and how it went.
  void Count(const std::map<std::string, uint64_t>& counts);
  std::map<std::string, uint64_t> counts() const;

 private:
  World(EmbeddedSnapshot e, Snapshot s, int threads) : embedded(e), snapshot(std::move(s)), interrupter(threads) {}

  mutable std::mutex mutex_;
  std::vector<Tenant> travelling_;
  std::atomic<bool> failed_{false};
  std::string failure_;
  std::map<std::string, uint64_t> counts_;
};

class Worker {
 public:
  Worker(World& world, int index, uint64_t seed, double faults);
  // Until `end`, or a failure on any thread; then disposes of everything.
  void Run(std::chrono::steady_clock::time_point end);

 private:
  absl::Status Step();
  absl::Status Make();
  absl::Status MakeFromCopy();
  absl::Status Get();
  absl::Status Fork();
  absl::Status Trim();
  absl::Status Exchange();
  absl::Status Operate();
  absl::Status Dispose(size_t index);
  // Whether a failure to make an isolate is one that the faults explain, and says what has failed.
  absl::Status Explained(const absl::Status& status, int faults);
  Tenant& Any() { return tenants_[static_cast<size_t>(bench_.random.Below(static_cast<int64_t>(tenants_.size())))]; }

  World& world_;
  const int index_;
  const uint64_t seed_;
  const double faults_;
  Bench bench_;
  std::vector<Tenant> tenants_;
  const char* doing_ = "";
  std::map<std::string, uint64_t> counts_;
};

}  // namespace islet::stress

#endif  // ISLET_TESTS_STRESS_WORKER_H_
