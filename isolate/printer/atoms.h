// Prints data without parts.

#ifndef ISLET_ISOLATE_PRINTER_ATOMS_H_
#define ISLET_ISOLATE_PRINTER_ATOMS_H_

#include <cstddef>
#include <string>

#include "isolate/heap/value.h"
#include "isolate/interpreter/vm.h"

namespace islet::vm {

// Appends `v`, which is neither pair, vector, record, condition nor environment. `write`: so that
// it reads back. Stops early, somewhere, once `out` is longer than `max_bytes`.
void PrintAtom(Vm& vm, Value v, bool write, size_t max_bytes, std::string* out);
// Appends a symbol as |name|, though it may need no bars; as long as PrintAtom.
void PrintWithBars(Vm& vm, Value symbol, size_t max_bytes, std::string* out);

}  // namespace islet::vm

#endif  // ISLET_ISOLATE_PRINTER_ATOMS_H_
