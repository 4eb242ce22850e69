// Requests of many tenants, from several threads, and how long each tenant waits for its answers.

#ifndef ISLET_SAMPLES_TENANTS_LOAD_H_
#define ISLET_SAMPLES_TENANTS_LOAD_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "samples/tenants/shop.h"

struct LoadOptions {
  int tenants = 8;
  int threads = 1;
  int requests = 10000;  // of each tenant
  bool hostile = false;  // one more tenant, on a thread of its own, does what it can to disturb the others
};

// The latencies of one tenant, or of all, in microseconds.
struct Latencies {
  std::string name;
  uint64_t requests = 0;
  uint64_t wrong = 0;  // answers that were not right, or none
  double p50 = 0, p99 = 0, p999 = 0, max = 0;
};

// The memory of the process while its isolates wait for the next request.
struct Memory {
  int64_t private_kib = 0;
  int64_t page_table_kib = 0;
};

struct LoadResult {
  double requests_per_second = 0;
  std::vector<Latencies> tenants;
  Latencies all;
  Memory memory;
  // With a hostile tenant: `all` and `tenants` are of the time beside it, and this of the time without, in the same
  // run.
  Latencies alone;
  std::map<std::string, uint64_t> deeds;  // what the hostile tenant did and what ended it ("loop: cpu-time"), how often
};

// Requests that fail, or are answered wrongly, are counted.
LoadResult RunLoad(Shop& shop, const LoadOptions& options);

#endif  // ISLET_SAMPLES_TENANTS_LOAD_H_
