// Many tenants in one process: every request in a recycled isolate, under its tenant's own limits; and what the others
// notice of a tenant that loops, allocates and recurses without end, and changes everything it can reach.

#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/flags/usage.h"
#include "nlohmann/json.hpp"
#include "samples/tenants/load.h"
#include "samples/tenants/shop.h"

ABSL_FLAG(int, tenants, 8, "how many tenants, 1 to 1000");
ABSL_FLAG(int, threads, 1, "threads that serve them, 1 to 256");
ABSL_FLAG(int, requests, 20000, "requests of each tenant, 1 to 10000000");
ABSL_FLAG(bool, hostile, false,
          "one tenant more, on a thread of its own, does its worst; measures with and without it by turns");
ABSL_FLAG(bool, json, false, "print the figures as one JSON object");

namespace {

constexpr char kUsage[] =
    "Serves requests of many tenants, each request in a recycled isolate with the tenant's limits.\n"
    "  tenants [--tenants=N] [--threads=N] [--requests=N] [--hostile] [--json]\n"
    "prints throughput, latencies in microseconds, and memory. The exit status is 1 if any answer was wrong.";

nlohmann::ordered_json ToJson(const Latencies& latencies) {
  return {{"requests", latencies.requests}, {"wrong", latencies.wrong},  {"p50_us", latencies.p50},
          {"p99_us", latencies.p99},        {"p999_us", latencies.p999}, {"max_us", latencies.max}};
}

void PrintJson(const LoadOptions& options, const LoadResult& result) {
  nlohmann::ordered_json json = {{"tenants", options.tenants},
                                 {"threads", options.threads},
                                 {"requests_per_second", result.requests_per_second},
                                 {"private_kib", result.memory.private_kib},
                                 {"page_table_kib", result.memory.page_table_kib},
                                 {"all", ToJson(result.all)}};
  for (const Latencies& tenant : result.tenants) json["by_tenant"][tenant.name] = ToJson(tenant);
  if (options.hostile) {
    json["hostile"] = {
        {"without", ToJson(result.alone)}, {"p99_ratio", result.all.p99 / result.alone.p99}, {"deeds", result.deeds}};
  }
  std::printf("%s\n", json.dump(2).c_str());
}

void PrintRow(const char* name, const Latencies& latencies) {
  std::printf("%-20s %10llu %8llu %10.1f %10.1f %10.1f %10.1f\n", name,
              static_cast<unsigned long long>(latencies.requests), static_cast<unsigned long long>(latencies.wrong),
              latencies.p50, latencies.p99, latencies.p999, latencies.max);
}

void PrintTable(const LoadOptions& options, const LoadResult& result) {
  std::printf("%-20s %10s %8s %10s %10s %10s %10s\n", "", "requests", "wrong", "p50 us", "p99 us", "p99.9 us",
              "max us");
  for (const Latencies& tenant : result.tenants) PrintRow(tenant.name.c_str(), tenant);
  PrintRow("all", result.all);
  if (options.hostile) {
    PrintRow("all, without", result.alone);
    std::printf("\nbeside the hostile tenant, p99 is %.2f times what it is without\n",
                result.all.p99 / result.alone.p99);
    for (const auto& [deed, count] : result.deeds) {
      std::printf("  %-26s %8llu times\n", deed.c_str(), static_cast<unsigned long long>(count));
    }
  }
  std::printf("\n%.0f requests a second on %d thread%s; %lld KiB of private memory, %lld KiB of page tables\n",
              result.requests_per_second, options.threads, options.threads == 1 ? "" : "s",
              static_cast<long long>(result.memory.private_kib), static_cast<long long>(result.memory.page_table_kib));
}

int Main(int argc, char** argv) {
  absl::SetProgramUsageMessage(kUsage);
  const std::vector<char*> positional = absl::ParseCommandLine(argc, argv);
  if (positional.size() > 1) {
    std::fprintf(stderr, "tenants: takes options only, not \"%s\" (--help)\n", positional[1]);
    return 2;
  }
  LoadOptions options;
  options.tenants = absl::GetFlag(FLAGS_tenants);
  options.threads = absl::GetFlag(FLAGS_threads);
  options.requests = absl::GetFlag(FLAGS_requests);
  options.hostile = absl::GetFlag(FLAGS_hostile);
  if (options.tenants < 1 || options.tenants > 1000 || options.threads < 1 || options.threads > 256 ||
      options.requests < 1 || options.requests > 10000000) {
    std::fprintf(stderr, "tenants: --tenants takes 1 to 1000, --threads 1 to 256, --requests 1 to 10000000\n");
    return 2;
  }

  absl::StatusOr<std::unique_ptr<Shop>> shop = Shop::Open();
  if (!shop.ok()) {
    std::fprintf(stderr, "tenants: %s\n", std::string(shop.status().message()).c_str());
    return 1;
  }
  const LoadResult result = RunLoad(**shop, options);
  if (absl::GetFlag(FLAGS_json)) {
    PrintJson(options, result);
  } else {
    PrintTable(options, result);
  }
  return result.all.wrong + result.alone.wrong == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) { return Main(argc, argv); }
