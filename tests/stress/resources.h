// Counts what the process holds, to tell whether a test has left anything behind.

#ifndef ISLET_TESTS_STRESS_RESOURCES_H_
#define ISLET_TESTS_STRESS_RESOURCES_H_

#include <cstdint>
#include <string>

namespace islet::stress {

struct Resources {
  int64_t resident_kib = 0;       // VmRSS
  int64_t address_space_kib = 0;  // VmSize
  int64_t mappings = 0;           // lines of /proc/self/maps
  int64_t image_mappings =
      0;  // of these, writable ones of the program's file or of a snapshot's memory file: a cage has one
  int64_t descriptors = 0;  // open files

  // After giving malloc's free memory back to the system.
  static Resources Now();
  // "1,234 KiB resident, ..."
  std::string Describe() const;
  // Tells how these are more than `before`, beyond what malloc and the threads' stacks may take; "" if they are not.
  // Memory and all mappings are looked at only if `sanitized` is false, since sanitizers map shadows as they go.
  std::string Excess(const Resources& before, int threads, bool sanitized) const;
};

}  // namespace islet::stress

#endif  // ISLET_TESTS_STRESS_RESOURCES_H_
