// The table in which symbols are found by their names (Vm::Intern).

#ifndef ISLET_ISOLATE_INTERPRETER_SYMBOL_TABLE_H_
#define ISLET_ISOLATE_INTERPRETER_SYMBOL_TABLE_H_

#include <cstdint>

#include "absl/strings/string_view.h"

namespace islet::vm {

// Bits of it that are Symbol::hash.
inline constexpr uint64_t kSymbolHashMask = 0x3fffffff;
// Of a name in UTF-8. Part of the snapshot format.
uint64_t SymbolHash(absl::string_view utf8);

}  // namespace islet::vm

#endif  // ISLET_ISOLATE_INTERPRETER_SYMBOL_TABLE_H_
