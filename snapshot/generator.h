// What the tool snapshot_gen does: evaluates scripts in one isolate, freezes the heap, writes the
// files.

#ifndef ISLET_SNAPSHOT_GENERATOR_H_
#define ISLET_SNAPSHOT_GENERATOR_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "snapshot/image.h"

namespace islet::vm {

struct GeneratorOptions {
  std::vector<std::string> scripts;      // evaluated in this order
  std::vector<std::string> search_path;  // of libraries: (a b) is a/b.sld or a/b.lisp
  std::string output;                    // the snapshot's path
  bool emit_snap = true;                 // at `output`
  bool emit_asm = false;  // .S and .h beside it; means emit_snap too, which the .S includes
  bool emit_obj = false;  // .o and .h
  std::string symbol;
  std::string dependency_file;  // or empty
  bool statistics = false;
  bool bootstrap = false;  // start from nothing, not from the standard library
  uint64_t max_heap_mib = 2048;
  double max_seconds = 0;  // of evaluation; 0: no limit

  bool help = false;
  bool version = false;
};

extern const char kGeneratorUsage[];

// Reads a command line, without the program's name, and fills in defaults. Errors: InvalidArgument,
// what is wrong.
absl::StatusOr<GeneratorOptions> ParseGeneratorArguments(absl::Span<const char* const> arguments);

// Makes the snapshot and writes the files, all of them or none. `base` is what the scripts start
// from: the standard library's image, or null to start from nothing. `report` receives the
// statistics, if asked for. Errors: those of the scripts, with position and backtrace;
// DeadlineExceeded and ResourceExhausted for the limits; FailedPrecondition for an object that
// cannot be frozen; those of the file system.
absl::Status Generate(const GeneratorOptions& options, const Image* base,
                      absl::Span<const PrimitiveSpec> primitives, std::string* report);

// The whole tool: prints to stdout and stderr. Returns the exit status: 0; 1 if it failed; 2 for a
// command line that makes no sense. `base` is null in the tool that makes the standard library's
// own snapshot.
int GeneratorMain(absl::Span<const char* const> arguments, const uint8_t* base_begin,
                  const uint8_t* base_end);

}  // namespace islet::vm

#endif  // ISLET_SNAPSHOT_GENERATOR_H_
