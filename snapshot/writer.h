// Freezes the heap of an isolate into a snapshot file (snapshot.fbs).

#ifndef ISLET_SNAPSHOT_WRITER_H_
#define ISLET_SNAPSHOT_WRITER_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "isolate/interpreter/vm.h"

namespace islet::vm {

// Counts of what the file holds, for --stats.
struct SnapshotStatistics {
  struct ByType {
    std::string type;  // as in object_types.def; or Pair, Flonum
    uint32_t count = 0;
    uint64_t bytes = 0;
  };
  std::vector<ByType> types;  // those that occur
  uint32_t read_only_pages = 0;
  uint32_t writable_pages = 0;
  uint32_t symbols = 0;
  uint32_t external_references = 0;
  uint64_t hot_bytes = 0;  // of the writable pages: what programs write soonest
  uint64_t file_bytes = 0;
};

struct WriteOptions {
  SnapshotStatistics* statistics = nullptr;  // filled in if given
  // The names that the snapshot gives to files that code came from, by the names that they were read by
  // (source_names.h); others keep their names.
  std::map<std::string, std::string> source_names;
  // Where assertions are on, what is written is verified (verify.h), as a fault of the machine, the library or the
  // writer is better seen here than where the file is opened. False: for tests of the verifier, which write what is
  // wrong.
  bool verified = true;
};

// The file's bytes: of everything that the Vm's roots reach, and nothing else. The Vm must not be
// running, and is not changed but for the names of source files. The same heap graph gives the same
// bytes.
//
// Errors: FailedPrecondition if something that is reachable cannot be frozen (an open file port, a
// continuation): the message lists all such objects, each with the path of names by which it is reached.
// ResourceExhausted for an image above 1 GiB.
absl::StatusOr<std::vector<uint8_t>> WriteSnapshot(Vm& vm, const WriteOptions& options = {});

}  // namespace islet::vm

#endif  // ISLET_SNAPSHOT_WRITER_H_
