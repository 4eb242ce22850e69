// The forms in which a snapshot is linked into a program.

#ifndef ISLET_SNAPSHOT_EMIT_H_
#define ISLET_SNAPSHOT_EMIT_H_

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace islet::vm {

// How each text that is made here begins.
inline constexpr char kMadeBy[] = "// Made by snapshot_gen";

// Where in its section, and so in the program's file, a snapshot stands.
struct Placement {
  uint64_t alignment = 4096;  // of the section
  uint64_t lead = 0;          // zeros before the snapshot; a multiple of 4096

  // For the bytes of a snapshot file: on a page, or, for an image of several huge pages, such that they lie in the file
  // as they will lie in a cage, so that the kernel can map them by huge pages where its page cache has them.
  static Placement Of(absl::Span<const uint8_t> snapshot);
};

// Assembler source for clang and GCC, by way of the C preprocessor: the bytes of the file
// `snapshot_path` in .rodata, from islet_snapshot_SYMBOL_begin to islet_snapshot_SYMBOL_end.
std::string AssemblerSource(absl::string_view symbol, absl::string_view snapshot_path, const Placement& placement);

// The same as an ELF relocatable object, of this machine's kind, good for any linker and any code
// model. Needs no assembler.
std::string ObjectFile(absl::string_view symbol, absl::Span<const uint8_t> snapshot, const Placement& placement);

// Declares both symbols, in C and C++.
std::string HeaderSource(absl::string_view symbol);

// A rule for make: each of `inputs` is needed by `outputs`.
std::string DependencyRule(absl::Span<const std::string> outputs, absl::Span<const std::string> inputs);

}  // namespace islet::vm

#endif  // ISLET_SNAPSHOT_EMIT_H_
