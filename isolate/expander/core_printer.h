// Core forms as S-expressions, for tests and debugging. Local variables of the same name are told apart by a number:
// x, x.2, x.3; temporaries are t, t.2 ... A variable of another library is written name@library.

#ifndef ISLET_ISOLATE_EXPANDER_CORE_PRINTER_H_
#define ISLET_ISOLATE_EXPANDER_CORE_PRINTER_H_

#include <string>

#include "isolate/expander/core_form.h"
#include "isolate/interpreter/vm.h"

namespace islet::vm {

// Names of variables of (islet core) and of `environment` stand alone.
std::string CoreToString(Vm& vm, const Core* core, Value environment);

}  // namespace islet::vm

#endif  // ISLET_ISOLATE_EXPANDER_CORE_PRINTER_H_
