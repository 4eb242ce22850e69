// One isolate under test with the model of what it should hold, and everything that is done to a single isolate.

#ifndef ISLET_TESTS_STRESS_TENANT_H_
#define ISLET_TESTS_STRESS_TENANT_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <random>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "islet/isolate.h"
#include "islet/isolate_pool.h"
#include "tests/stress/interrupter.h"
#include "tests/stress/model.h"

namespace islet::stress {

class Random {
 public:
  explicit Random(uint64_t seed) : engine_(seed) {}
  uint64_t Bits() { return engine_(); }
  // From 0 to below `bound`.
  int64_t Below(int64_t bound) { return static_cast<int64_t>(engine_() % static_cast<uint64_t>(bound)); }
  bool OneIn(int64_t n) { return Below(n) == 0; }

 private:
  std::mt19937_64 engine_;
};

// A thread's operations share this.
struct Bench {
  Random random;
  Interrupter::Line* line;  // interrupts this thread's calls
};

class Tenant {
 public:
  // Of its own, or on loan from a pool.
  Tenant(std::unique_ptr<Isolate> isolate, Model model, size_t heap_limit);
  Tenant(PooledIsolate isolate, Model model, size_t heap_limit);
  Tenant(Tenant&&) noexcept = default;
  Tenant& operator=(Tenant&&) noexcept = default;

  Isolate& isolate() const { return own_ != nullptr ? *own_ : *pooled_; }
  const Model& model() const { return model_; }
  size_t heap_limit() const { return heap_limit_; }
  // True once an allocation has failed in it: it can only be disposed of.
  bool lost() const { return lost_; }

  // An operation draws what it needs, changes the isolate, and says by its status what is wrong with the answer: OK if
  // nothing is.
  using Operation = absl::Status (Tenant::*)(Bench&);
  struct Entry {
    const char* name;
    int weight;
    Operation operation;
  };
  // All of them.
  static absl::Span<const Entry> Operations();

  // Whether all that the isolate holds is as the model says.
  absl::Status Check();

 private:
  absl::Status Add(Bench& bench);
  absl::Status List(Bench& bench);
  absl::Status Table(Bench& bench);
  absl::Status Symbols(Bench& bench);
  absl::Status Cells(Bench& bench);
  absl::Status Blobs(Bench& bench);
  absl::Status Next(Bench& bench);
  absl::Status Work(Bench& bench);
  absl::Status Numbers(Bench& bench);
  absl::Status Define(Bench& bench);
  absl::Status FailToCompile(Bench& bench);
  absl::Status Collect(Bench& bench);
  absl::Status CheckAll(Bench& bench);
  absl::Status InterruptCounting(Bench& bench);
  absl::Status InterruptSpinning(Bench& bench);
  absl::Status InterruptCollecting(Bench& bench);
  absl::Status InterruptEndless(Bench& bench, absl::string_view name, int64_t microseconds);
  absl::Status Exhaust(Bench& bench);
  absl::Status Fill(Bench& bench);
  absl::Status RunOutOfMemory(Bench& bench);

  // Calls while madvise may fail, which no call may notice.
  absl::StatusOr<Value> Call(absl::string_view name, std::initializer_list<Value> arguments = {});
  // Calls, and compares.
  absl::Status Expect(int64_t expected, absl::string_view name, std::initializer_list<Value> arguments = {});

  std::unique_ptr<Isolate> own_;
  PooledIsolate pooled_;
  Model model_;
  size_t heap_limit_ = 0;
  size_t blob_bytes_ = 0;
  bool lost_ = false;
};

}  // namespace islet::stress

#endif  // ISLET_TESTS_STRESS_TENANT_H_
