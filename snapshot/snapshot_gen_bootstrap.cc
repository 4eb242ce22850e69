// snapshot_gen without a standard library: makes the standard library's own snapshot.

#include "snapshot/generator.h"

int main(int argc, char** argv) {
  return islet::vm::GeneratorMain(absl::MakeConstSpan(argv + 1, argc > 0 ? argc - 1 : 0), nullptr, nullptr);
}
