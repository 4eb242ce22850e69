// The tool snapshot_gen without its command line: it evaluates scripts in one isolate, freezes the heap, and writes the
// files.

#ifndef ISLET_SNAPSHOT_GENERATOR_H_
#define ISLET_SNAPSHOT_GENERATOR_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "snapshot/image.h"

namespace islet::vm {

// A cage of 4 GiB, the largest, has room for this besides what a collection needs (Heap::EffectiveLimit), the standard
// library taken off.
inline constexpr uint64_t kMostHeapMib = 1020;

struct GeneratorOptions {
  std::vector<std::string> scripts;      // evaluated in this order; `-`: standard input
  std::vector<std::string> search_path;  // of libraries: (a b) is a/b.sld or a/b.lisp
  std::string output;                    // the snapshot's path; `-`: standard output
  bool emit_snap = true;                 // at `output`
  bool emit_asm = false;                 // .S and .h beside it; means emit_snap too, which the .S includes
  bool emit_obj = false;                 // .o and .h
  std::string symbol;
  std::string dependency_file;  // or empty
  bool statistics = false;
  bool bootstrap = false;  // start from nothing, not from the standard library
  uint64_t max_heap_mib = kMostHeapMib;
  // Processor time of evaluation, which may take ten times that by the clock; 0: no limit. The default is far above
  // what start-up scripts take, most of them less than a second, also under sanitizers and on slow machines; whoever
  // has a loop without end still waits for it.
  double max_seconds = 60;
  bool may_exit = false;  // if it waits in the system when time is up, the process ends

  bool help = false;
  bool version = false;
};

// The text of --help.
std::string GeneratorUsage();
// `path` without its last `.` and what follows it, if its last component has one.
std::string WithoutExtension(absl::string_view path);

// Reads a command line, without the program's name, and fills in defaults. Errors: InvalidArgument,
// what is wrong.
absl::StatusOr<GeneratorOptions> ParseGeneratorArguments(absl::Span<const char* const> arguments);

// Things to be said beside the Status.
struct GeneratorReport {
  std::string statistics;    // if asked for
  bool tells_place = false;  // an error's message begins with its place, "file:line:column: "
};

// Makes the snapshot and writes the files, all of them or none, and none over what was read to make it. `base` is what
// the scripts start from: the standard library's image, or null to start from nothing.
// Errors: those of the scripts, with place and backtrace; DeadlineExceeded, ResourceExhausted and Cancelled (signals.h)
// for limits and signals, with the same; FailedPrecondition for objects that cannot be frozen; InvalidArgument for
// outputs that would destroy something; those of the file system.
absl::Status Generate(const GeneratorOptions& options, const Image* base, absl::Span<const PrimitiveSpec> primitives,
                      GeneratorReport* report);

// The whole tool: prints to stdout and stderr. Returns the exit status: 0; 1 if it failed; 2 for a command line that
// makes no sense. Ends the process by the signal that has ended an evaluation. `base` is null in the tool that makes
// the standard library's own snapshot.
int GeneratorMain(absl::Span<const char* const> arguments, const uint8_t* base_begin, const uint8_t* base_end);

}  // namespace islet::vm

#endif  // ISLET_SNAPSHOT_GENERATOR_H_
