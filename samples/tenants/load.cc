#include "samples/tenants/load.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <fstream>
#include <initializer_list>
#include <iterator>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"

namespace {

using Clock = std::chrono::steady_clock;

// With a hostile tenant, so many times without it and with it by turns: what the machine does besides meets both.
constexpr int kRounds = 5;

// One thread's measurements of one tenant.
struct Samples {
  std::vector<float> microseconds;
  uint64_t wrong = 0;
};

// One thread's share of `requests` of each tenant.
void Serve(Shop& shop, const std::vector<Tenant>& tenants, const LoadOptions& options, int thread, int requests,
           std::vector<Samples>& samples) {
  const int64_t total = int64_t{requests} * static_cast<int64_t>(tenants.size());
  for (int64_t k = thread; k < total; k += options.threads) {
    const size_t t = static_cast<size_t>(k) % tenants.size();
    const int article = 1000 + static_cast<int>(k * 7 % 2000), count = 1 + static_cast<int>(k % 9);
    const bool spring = k % 4 == 0;
    const std::string query = Query(article, count, spring);
    const Clock::time_point start = Clock::now();
    const absl::StatusOr<std::string> answer = shop.Serve(tenants[t], query);
    const std::chrono::duration<float, std::micro> took = Clock::now() - start;
    samples[t].microseconds.push_back(took.count());
    if (!answer.ok() || *answer != RightAnswer(tenants[t], article, count, spring)) ++samples[t].wrong;
  }
}

Latencies Summary(std::string name, std::vector<float>& samples, uint64_t wrong) {
  Latencies summary;
  summary.name = std::move(name);
  summary.requests = samples.size();
  summary.wrong = wrong;
  if (samples.empty()) return summary;
  std::sort(samples.begin(), samples.end());
  const auto at = [&samples](double p) {
    return static_cast<double>(
        samples[std::min(samples.size() - 1, static_cast<size_t>(p * static_cast<double>(samples.size())))]);
  };
  summary.p50 = at(0.5);
  summary.p99 = at(0.99);
  summary.p999 = at(0.999);
  summary.max = samples.back();
  return summary;
}

// A figure in KiB from the lines "NAME:  123 kB" of a file in /proc.
int64_t KibFrom(const char* path, std::initializer_list<const char*> names) {
  std::ifstream file(path);
  int64_t sum = 0;
  for (std::string word; file >> word;) {
    for (const char* name : names) {
      int64_t kib = 0;
      if (word == name && file >> kib) sum += kib;
    }
  }
  return sum;
}

// The measurements of one kind of rounds, by tenant.
struct Phase {
  explicit Phase(size_t tenants) : samples(tenants) {}

  void Round(Shop& shop, const std::vector<Tenant>& tenants, const LoadOptions& options, int requests) {
    std::vector<std::vector<Samples>> measured(static_cast<size_t>(options.threads),
                                               std::vector<Samples>(tenants.size()));
    for (std::vector<Samples>& of_thread : measured) {
      for (Samples& of_tenant : of_thread) of_tenant.microseconds.reserve(static_cast<size_t>(requests));
    }
    std::vector<std::thread> threads;
    const Clock::time_point start = Clock::now();
    for (int t = 0; t < options.threads; ++t) {
      threads.emplace_back([&, t] { Serve(shop, tenants, options, t, requests, measured[static_cast<size_t>(t)]); });
    }
    for (std::thread& thread : threads) thread.join();
    seconds += std::chrono::duration<double>(Clock::now() - start).count();
    for (const std::vector<Samples>& of_thread : measured) {
      for (size_t i = 0; i < of_thread.size(); ++i) {
        const std::vector<float>& more = of_thread[i].microseconds;
        samples[i].microseconds.insert(samples[i].microseconds.end(), more.begin(), more.end());
        samples[i].wrong += of_thread[i].wrong;
      }
    }
  }

  Latencies All() const {
    std::vector<float> all;
    uint64_t wrong = 0;
    for (const Samples& of_tenant : samples) {
      all.insert(all.end(), of_tenant.microseconds.begin(), of_tenant.microseconds.end());
      wrong += of_tenant.wrong;
    }
    return Summary("all", all, wrong);
  }

  std::vector<Samples> samples;
  double seconds = 0;
};

// The hostile tenant: one deed after the other, on a thread of its own.
class Hostile {
 public:
  Hostile(Shop& shop, const Tenant& tenant) : shop_(shop), tenant_(tenant), thread_([this] { Run(); }) {}
  // Lets it end the deed that it is at, and adds what it has done to `deeds`.
  void Stop(std::map<std::string, uint64_t>& deeds) {
    stop_.store(true);
    thread_.join();
    for (const auto& [name, count] : deeds_) deeds[name] += count;
  }

 private:
  void Run() {
    // Each at least once, however short the time.
    for (size_t i = 0; !stop_.load() || i < std::size(kDeeds); ++i) {
      const Deed deed = kDeeds[i % std::size(kDeeds)];
      const absl::StatusOr<islet::Limit> limit = shop_.Suffer(tenant_, deed);
      const std::string end = !limit.ok()                     ? std::string(limit.status().message())
                              : *limit == islet::Limit::kNone ? "done"
                                                              : islet::LimitName(*limit);
      ++deeds_[absl::StrCat(DeedName(deed), ": ", end)];
    }
  }

  Shop& shop_;
  const Tenant& tenant_;
  std::atomic<bool> stop_{false};
  std::map<std::string, uint64_t> deeds_;
  std::thread thread_;
};

Memory MeasureMemory() {
  return {KibFrom("/proc/self/smaps_rollup", {"Private_Clean:", "Private_Dirty:"}),
          KibFrom("/proc/self/status", {"VmPTE:"})};
}

}  // namespace

LoadResult RunLoad(Shop& shop, const LoadOptions& options) {
  std::vector<Tenant> tenants;
  for (int i = 0; i < options.tenants; ++i) tenants.push_back(MakeTenant(i));
  Tenant hostile = MakeTenant(options.tenants);
  hostile.name = "hostile";

  LoadResult result;
  Phase measured(tenants.size()), alone(tenants.size());
  if (!options.hostile) {
    measured.Round(shop, tenants, options, options.requests);
  } else {
    for (int round = 0; round < kRounds; ++round) {
      const int requests = options.requests * (round + 1) / kRounds - options.requests * round / kRounds;
      alone.Round(shop, tenants, options, requests);
      Hostile beside(shop, hostile);
      measured.Round(shop, tenants, options, requests);
      beside.Stop(result.deeds);
    }
    result.alone = alone.All();
  }
  result.memory = MeasureMemory();
  result.all = measured.All();
  result.requests_per_second = static_cast<double>(result.all.requests) / measured.seconds;
  for (size_t i = 0; i < tenants.size(); ++i) {
    result.tenants.push_back(Summary(tenants[i].name, measured.samples[i].microseconds, measured.samples[i].wrong));
  }
  return result;
}
