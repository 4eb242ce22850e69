#include "tests/stress/worker.h"

#include <iterator>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/stress/faults.h"

namespace islet::stress {
namespace {

constexpr size_t kMostTenants = 6;
constexpr size_t kMostTravelling = 4;
constexpr size_t kMiB = size_t{1} << 20;

}  // namespace

// ---- World

absl::StatusOr<std::unique_ptr<World>> World::Make(EmbeddedSnapshot embedded, int threads) {
  absl::StatusOr<Snapshot> snapshot = Snapshot::FromEmbedded(embedded);
  if (!snapshot.ok()) return snapshot.status();
  std::unique_ptr<World> world(new World(embedded, *std::move(snapshot), threads));
  // As they come; ones that give nearly all memory back each time; and ones whose every reset is compared with a new
  // isolate, byte by byte.
  IsolatePool::Options usual, thrifty, verified;
  usual.isolate.limits.heap_bytes = 4 * kMiB;
  thrifty.isolate.limits.heap_bytes = 8 * kMiB;
  thrifty.isolate.cage_size = 256 * kMiB;
  thrifty.keep_bytes = 32 << 10;
  thrifty.max_idle_per_thread = 2;
  verified.isolate.limits.heap_bytes = 4 * kMiB;
  verified.isolate.cage_size = 64 * kMiB;
  verified.keep_bytes = 512 << 10;
  verified.max_idle_per_thread = 3;
  verified.verify_resets = true;
  for (const IsolatePool::Options& options : {usual, thrifty, verified}) {
    absl::StatusOr<std::unique_ptr<IsolatePool>> pool = IsolatePool::Create(world->snapshot, options);
    if (!pool.ok()) return pool.status();
    world->pools.push_back({*std::move(pool), options.isolate.limits.heap_bytes});
  }
  return world;
}

absl::Status World::ResetStatus() const {
  absl::Status status;
  for (const Pool& pool : pools) status.Update(pool.pool->ResetStatus());
  return status;
}

void World::Leave(Tenant tenant) {
  std::optional<Tenant> oldest;  // disposed of outside the lock
  const std::lock_guard<std::mutex> lock(mutex_);
  travelling_.push_back(std::move(tenant));
  if (travelling_.size() <= kMostTravelling) return;
  oldest.emplace(std::move(travelling_.front()));
  travelling_.erase(travelling_.begin());
}

std::optional<Tenant> World::Take(Random& random) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (travelling_.empty()) return std::nullopt;
  const auto at = travelling_.begin() + random.Below(static_cast<int64_t>(travelling_.size()));
  std::optional<Tenant> taken(std::move(*at));
  travelling_.erase(at);
  return taken;
}

void World::Fail(const std::string& message) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (!failed_.exchange(true)) failure_ = message;
}

std::string World::failure() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return failure_;
}

void World::Count(const std::map<std::string, uint64_t>& counts) {
  const std::lock_guard<std::mutex> lock(mutex_);
  for (const auto& [name, count] : counts) counts_[name] += count;
}

std::map<std::string, uint64_t> World::counts() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return counts_;
}

// ---- Worker

Worker::Worker(World& world, int index, uint64_t seed, double faults)
    : world_(world),
      index_(index),
      seed_(seed),
      faults_(faults),
      bench_{Random(seed * 1000 + static_cast<uint64_t>(index)), &world.interrupter.line(index)} {}

void Worker::Run(std::chrono::steady_clock::time_point end) {
  SeedFaults(bench_.random.Bits(), faults_);
  uint64_t step = 0;
  absl::Status status;
  while (!world_.failed() && status.ok() && std::chrono::steady_clock::now() < end) {
    ++step;
    status = Step();
  }
  while (status.ok() && !tenants_.empty()) status = Dispose(tenants_.size() - 1);
  tenants_.clear();
  counts_["steps"] = step;
  world_.Count(counts_);
  if (status.ok()) return;
  world_.Fail(absl::StrCat("seed ", seed_, ", thread ", index_, ", step ", step, ", ", doing_, ": ", status.message()));
}

absl::Status Worker::Step() {
  struct Choice {
    const char* name;
    int weight;
    absl::Status (Worker::*step)();
  };
  static constexpr Choice kChoices[] = {
      {"make", 4, &Worker::Make},         {"make from a copy", 1, &Worker::MakeFromCopy},
      {"get", 12, &Worker::Get},          {"fork", 5, &Worker::Fork},
      {"trim", 1, &Worker::Trim},         {"exchange", 3, &Worker::Exchange},
      {"operate", 100, &Worker::Operate},
  };
  int total = 0;
  for (const Choice& choice : kChoices) total += choice.weight;
  int64_t draw = bench_.random.Below(total);
  const Choice* choice = kChoices;
  while (draw >= choice->weight) draw -= (choice++)->weight;
  doing_ = choice->name;
  if (tenants_.size() >= kMostTenants && choice->step != &Worker::Operate && choice->step != &Worker::Trim) {
    return Dispose(static_cast<size_t>(bench_.random.Below(static_cast<int64_t>(tenants_.size()))));
  }
  return (this->*choice->step)();
}

absl::Status Worker::Explained(const absl::Status& status, int faults) {
  if (faults == 0) return absl::InternalError(absl::StrCat("without a fault: ", status.ToString()));
  ++counts_[absl::StrCat(doing_, ", refused")];
  const bool told = absl::StrContains(status.message(), "isolate") || absl::StrContains(status.message(), "snapshot");
  if (status.code() == absl::StatusCode::kResourceExhausted && told) return absl::OkStatus();
  return absl::InternalError(absl::StrCat("an unexpected error: ", status.ToString()));
}

absl::Status Worker::Make() {
  constexpr uint64_t kCageSizes[] = {uint64_t{4} << 30, uint64_t{4} << 30, uint64_t{1} << 30, 64 << 20};
  IsolateOptions options;
  options.cage_size = kCageSizes[bench_.random.Below(std::size(kCageSizes))];
  options.limits.heap_bytes = size_t{2} << (20 + bench_.random.Below(3));
  FaultScope faults({Fault::kMap, Fault::kUnmap, Fault::kProtect, Fault::kAdvise, Fault::kNew});
  absl::StatusOr<std::unique_ptr<Isolate>> isolate = Isolate::FromSnapshot(world_.snapshot, options);
  faults.End();
  if (!isolate.ok()) return Explained(isolate.status(), faults.injected());
  ++counts_[doing_];
  tenants_.emplace_back(*std::move(isolate), Model(), options.limits.heap_bytes);
  return absl::OkStatus();
}

absl::Status Worker::MakeFromCopy() {
  absl::StatusOr<Snapshot> copy = absl::InternalError("");
  const bool resident = bench_.random.OneIn(2);
  IsolateOptions options;
  options.limits.heap_bytes = 4 * kMiB;
  FaultScope faults({Fault::kMap, Fault::kUnmap, Fault::kAdvise, Fault::kNew});
  if (resident) {
    copy = world_.snapshot.Resident();
  } else {
    copy = Snapshot::FromBytes(absl::MakeConstSpan(world_.embedded.begin, world_.embedded.end));
  }
  absl::StatusOr<std::unique_ptr<Isolate>> isolate =
      copy.ok() ? Isolate::FromSnapshot(*copy, options) : absl::StatusOr<std::unique_ptr<Isolate>>(copy.status());
  faults.End();
  if (!isolate.ok()) return Explained(isolate.status(), faults.injected());
  ++counts_[doing_];
  tenants_.emplace_back(*std::move(isolate), Model(), options.limits.heap_bytes);  // which keeps the copy
  return absl::OkStatus();
}

absl::Status Worker::Get() {
  World::Pool& pool = world_.pools[static_cast<size_t>(bench_.random.Below(static_cast<int64_t>(world_.pools.size())))];
  FaultScope faults({Fault::kMap, Fault::kUnmap, Fault::kProtect, Fault::kAdvise, Fault::kNew});
  absl::StatusOr<PooledIsolate> isolate = pool.pool->Get();
  faults.End();
  if (!isolate.ok()) return Explained(isolate.status(), faults.injected());
  ++counts_[doing_];
  tenants_.emplace_back(*std::move(isolate), Model(), pool.heap_limit);
  return absl::OkStatus();
}

absl::Status Worker::Fork() {
  if (tenants_.empty()) return absl::OkStatus();
  const Tenant& parent = Any();
  if (parent.lost()) return absl::OkStatus();
  Model model = parent.model();
  const size_t heap_limit = parent.heap_limit();
  FaultScope faults({Fault::kMap, Fault::kUnmap, Fault::kProtect, Fault::kAdvise, Fault::kNew});
  absl::StatusOr<std::unique_ptr<Isolate>> isolate = parent.isolate().Fork();
  faults.End();
  if (!isolate.ok()) return Explained(isolate.status(), faults.injected());
  ++counts_[doing_];
  tenants_.emplace_back(*std::move(isolate), std::move(model), heap_limit);
  return absl::OkStatus();
}

absl::Status Worker::Trim() {
  World::Pool& pool = world_.pools[static_cast<size_t>(bench_.random.Below(static_cast<int64_t>(world_.pools.size())))];
  const size_t keep = static_cast<size_t>(bench_.random.Below(3));
  FaultScope faults({Fault::kUnmap, Fault::kAdvise, Fault::kNew});
  pool.pool->Trim(keep);
  faults.End();
  ++counts_[doing_];
  return absl::OkStatus();
}

absl::Status Worker::Exchange() {
  std::optional<Tenant> other = world_.Take(bench_.random);
  if (!tenants_.empty()) {
    world_.Leave(std::move(tenants_.back()));
    tenants_.pop_back();
  }
  if (!other.has_value()) return absl::OkStatus();
  ++counts_[doing_];
  tenants_.push_back(*std::move(other));
  return tenants_.back().Check();
}

absl::Status Worker::Operate() {
  if (tenants_.empty()) return absl::OkStatus();
  int total = 0;
  for (const Tenant::Entry& entry : Tenant::Operations()) total += entry.weight;
  int64_t draw = bench_.random.Below(total);
  const Tenant::Entry* entry = Tenant::Operations().data();
  while (draw >= entry->weight) draw -= (entry++)->weight;
  doing_ = entry->name;
  Tenant& tenant = Any();
  if (tenant.model().unknown) return Dispose(static_cast<size_t>(&tenant - tenants_.data()));
  ++counts_[doing_];
  const Isolate::Scope entered(tenant.isolate());
  return (tenant.*entry->operation)(bench_);
}

absl::Status Worker::Dispose(size_t index) {
  absl::Status status = tenants_[index].Check();
  std::optional<Tenant> leaving(std::move(tenants_[index]));
  tenants_.erase(tenants_.begin() + static_cast<std::ptrdiff_t>(index));
  FaultScope faults({Fault::kUnmap, Fault::kAdvise, Fault::kNew});
  leaving.reset();
  faults.End();
  ++counts_["dispose or give back"];
  return status;
}

}  // namespace islet::stress
