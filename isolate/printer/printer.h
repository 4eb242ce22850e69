// Data to text (R7RS 6.13.3). Does not recurse, does not allocate in the heap, and ends on every
// datum: where the output has no natural end, `max_bytes` is one. Polls (heap/poll.h): if the run is being ended, the
// text is cut anywhere.

#ifndef ISLET_ISOLATE_PRINTER_PRINTER_H_
#define ISLET_ISOLATE_PRINTER_PRINTER_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "isolate/heap/value.h"
#include "isolate/interpreter/vm.h"

namespace islet::vm {

enum class PrintMode {
  kDisplay,      // strings and characters as they are; datum labels for cycles
  kWrite,        // reads back as an equal datum; datum labels for cycles
  kWriteShared,  // datum labels for whatever occurs more than once
  kWriteSimple,  // no labels: endless on cycles, up to max_bytes
};

// UTF-8. A text longer than `max_bytes` is cut there and ends in "..."; *truncated tells.
std::string Print(Vm& vm, Value value, PrintMode mode, size_t max_bytes = size_t{256} << 20, bool* truncated = nullptr);

}  // namespace islet::vm

#endif  // ISLET_ISOLATE_PRINTER_PRINTER_H_
