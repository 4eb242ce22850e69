#include "tests/stress/resources.h"

#include <malloc.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "mimalloc.h"

namespace islet::stress {
namespace {

// A figure in KiB from a line "NAME:  123 kB" of /proc/self/status.
int64_t StatusKib(const std::string& name) {
  std::ifstream file("/proc/self/status");
  for (std::string word; file >> word;) {
    int64_t kib = 0;
    if (word == name && file >> kib) return kib;
  }
  return 0;
}

}  // namespace

Resources Resources::Now() {
  // Memory that the two allocators only keep for later is not lost.
  malloc_trim(0);
  mi_collect(true);
  Resources now;
  now.resident_kib = StatusKib("VmRSS:");
  now.address_space_kib = StatusKib("VmSize:");
  const std::string program = std::filesystem::read_symlink("/proc/self/exe").string();
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    ++now.mappings;
    const bool of_image =
        line.find(program) != std::string::npos || line.find("memfd:islet-snapshot") != std::string::npos;
    if (of_image && line.find(" rw") != std::string::npos) ++now.image_mappings;
  }
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) ++now.descriptors;
  return now;
}

std::string Resources::Describe() const {
  return absl::StrCat(resident_kib, " KiB resident, ", address_space_kib >> 10, " MiB of addresses, ", mappings,
                      " mappings (", image_mappings, " of images), ", descriptors, " open files");
}

std::string Resources::Excess(const Resources& before, int threads, bool sanitized) const {
  std::string excess;
  const auto check = [&](const char* what, int64_t now, int64_t then, int64_t slack) {
    if (now > then + slack) absl::StrAppend(&excess, what, ": ", then, " before, ", now, " after; ");
  };
  check("open files", descriptors, before.descriptors, 0);
  check("mappings of images", image_mappings, before.image_mappings, 0);
  if (sanitized) return excess;
  // A thread's arena of malloc reserves 64 MiB, in two mappings, and its stack 8 MiB in two more.
  check("mappings", mappings, before.mappings, 4 * threads + 8);
  check("KiB of addresses", address_space_kib, before.address_space_kib, int64_t{128 << 10} * threads);
  check("KiB resident", resident_kib, before.resident_kib, 16 << 10);
  return excess;
}

}  // namespace islet::stress
