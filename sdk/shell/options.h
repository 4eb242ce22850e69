// The shell's command line.

#ifndef ISLET_SDK_SHELL_OPTIONS_H_
#define ISLET_SDK_SHELL_OPTIONS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace islet::shell {

// A cage of 4 GiB, the largest, has room for so much besides what a collection needs.
inline constexpr uint64_t kMostHeapMib = 1020;

struct Options {
  struct Expression {
    std::string text;
    bool print;
  };
  std::vector<Expression> expressions;  // -e and -p, in order
  std::string file;                     // "-" for standard input; empty: none given
  std::vector<std::string> arguments;   // behind FILE, or behind the options
  bool interactive = false;             // a prompt when the rest is done
  std::string snapshot;                 // or empty: the standard library's
  std::vector<std::string> library_path;
  uint64_t max_heap_mib = kMostHeapMib;
  bool time = false;
  std::string disassemble;  // the name of a procedure, or empty
  bool help = false;
  bool version = false;
};

extern const char kUsage[];

// Reads a command line, without the program's name. Errors: InvalidArgument, what is wrong.
absl::StatusOr<Options> ParseArguments(absl::Span<const char* const> arguments);

}  // namespace islet::shell

#endif  // ISLET_SDK_SHELL_OPTIONS_H_
