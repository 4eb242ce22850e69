// The tool snapshot_gen (see --help): evaluates scripts on top of the standard library, and freezes
// the heap.

#include "isolate/lib/standard.h"
#include "snapshot/generator.h"

int main(int argc, char** argv) {
  return islet::vm::GeneratorMain(absl::MakeConstSpan(argv + 1, argc > 0 ? argc - 1 : 0), islet_snapshot_standard_begin,
                                  islet_snapshot_standard_end);
}
