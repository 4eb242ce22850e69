#include "isolate/heap/cage_error.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "isolate/heap/pages.h"

namespace islet::vm {
namespace {

// A number from a file of one number under /proc; -1 if there is none.
int64_t ReadNumber(const char* path) {
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return -1;
  char text[32] = {};
  const ssize_t n = read(fd, text, sizeof(text) - 1);
  close(fd);
  return n > 0 ? strtoll(text, nullptr, 10) : -1;
}

int64_t CountMappings() {
  const int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return -1;
  int64_t lines = 0;
  char buffer[kPageSize];
  for (;;) {
    const ssize_t n = read(fd, buffer, sizeof(buffer));
    if (n <= 0) break;
    lines += std::count(buffer, buffer + n, '\n');
  }
  close(fd);
  return lines;
}

// How much address space the process has, and how much of that counts as data; 0 if the kernel does not tell.
struct AddressSpace {
  uint64_t all = 0;
  uint64_t data = 0;

  static AddressSpace Now() {
    AddressSpace result;
    FILE* const file = fopen("/proc/self/statm", "re");
    if (file == nullptr) return result;
    unsigned long size = 0, data = 0;  // NOLINT: what the file has
    if (fscanf(file, "%lu %*u %*u %*u %*u %lu", &size, &data) == 2) result = {size * kPageSize, data * kPageSize};
    fclose(file);
    return result;
  }
};

// A soft limit of the process, in bytes, if `used` and `more` bytes do not fit in it; else 0.
uint64_t LimitHit(int resource, uint64_t used, uint64_t more) {
  rlimit limit = {};
  if (getrlimit(static_cast<__rlimit_resource_t>(resource), &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return 0;
  return used + more > limit.rlim_cur ? std::max<uint64_t>(limit.rlim_cur, 1) : 0;
}

// The functions below each look at one kind of limit: OK if it is not the one.

absl::Status CheckMappings() {
  // Others may have unmapped something since the call failed, and an isolate takes more than one mapping.
  constexpr int64_t kNearlyAll = 8;
  const int64_t mappings = CountMappings();
  const int64_t max_mappings = ReadNumber("/proc/sys/vm/max_map_count");
  if (mappings < 0 || max_mappings <= 0 || mappings + kNearlyAll < max_mappings) return absl::OkStatus();
  return absl::ResourceExhaustedError(absl::StrCat("cannot map an isolate's memory: this process has ", mappings,
                                                   " memory mappings, and may have ", max_mappings,
                                                   "; an isolate takes three, and a fourth if its snapshot is a "
                                                   "file's and not trusted. Raise it with: sysctl vm.max_map_count=",
                                                   2 * max_mappings));
}

absl::Status CheckAddressSpace(const std::string& what, uint64_t more) {
  const AddressSpace used = AddressSpace::Now();
  if (const uint64_t limit = LimitHit(RLIMIT_AS, used.all, more); limit != 0) {
    return absl::ResourceExhaustedError(absl::StrCat(what, "the process is limited to ", limit >> 20,
                                                     " MiB (RLIMIT_AS). Raise it (ulimit -v, or LimitAS= of a systemd"
                                                     " unit), or make cages smaller"));
  }
  if (const uint64_t limit = LimitHit(RLIMIT_DATA, used.data, more); limit != 0) {
    return absl::ResourceExhaustedError(absl::StrCat(what, "the process is limited to ", limit >> 20,
                                                     " MiB of data, as which reserved memory counts (RLIMIT_DATA)."
                                                     " Raise it (ulimit -d, or LimitDATA= of a systemd unit),"
                                                     " or make cages smaller"));
  }
  return absl::OkStatus();
}

absl::Status CheckLockedMemory(const std::string& what, int error) {
  rlimit limit = {};
  if (error != EAGAIN || getrlimit(RLIMIT_MEMLOCK, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) {
    return absl::OkStatus();
  }
  return absl::ResourceExhaustedError(
      absl::StrCat(what, "the process locks the memory that it maps (mlockall), and may lock ",
                   static_cast<uint64_t>(limit.rlim_cur) >> 10,
                   " KiB (RLIMIT_MEMLOCK). Raise it (ulimit -l, or LimitMEMLOCK= of a systemd"
                   " unit), or lock only what is there (MCL_CURRENT) before isolates are made"));
}

absl::Status CheckOvercommit(const std::string& what) {
  if (ReadNumber("/proc/sys/vm/overcommit_memory") != 2) return absl::OkStatus();
  return absl::ResourceExhaustedError(
      absl::StrCat(what,
                   "the system counts reserved memory as used (vm.overcommit_memory is 2). Set it with: sysctl"
                   " vm.overcommit_memory=0, or make cages smaller"));
}

}  // namespace

absl::Status CageError(const CageLayout& layout, int error) {
  const std::string size = absl::StrCat(layout.cage_size >> 20, " MiB");
  if (error != ENOMEM && error != EAGAIN) {
    return absl::InternalError(absl::StrCat("cannot map an isolate's memory (", size, "): ", strerror(error)));
  }
  const std::string what = absl::StrCat("cannot reserve ", size, " of address space for an isolate: ");
  // A cage is reserved together with what aligns it.
  const uint64_t more = layout.cage_size + layout.BaseAlignment();
  if (absl::Status hit = CheckMappings(); !hit.ok()) return hit;
  if (absl::Status hit = CheckAddressSpace(what, more); !hit.ok()) return hit;
  if (absl::Status hit = CheckLockedMemory(what, error); !hit.ok()) return hit;
  if (absl::Status hit = CheckOvercommit(what); !hit.ok()) return hit;
  return absl::ResourceExhaustedError(absl::StrCat(what,
                                                   "the process has none left, or the system no memory for page"
                                                   " tables. Make cages smaller, or spread isolates over several"
                                                   " processes"));
}

}  // namespace islet::vm
