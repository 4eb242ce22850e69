// What a person is told about an object that was raised and not handled.

#ifndef ISLET_ISOLATE_PRINTER_DESCRIBE_H_
#define ISLET_ISOLATE_PRINTER_DESCRIBE_H_

#include <string>

#include "isolate/heap/value.h"
#include "isolate/interpreter/vm.h"

namespace islet::vm {

//   startup.lisp:3:5: vector-ref: the message: irritant irritant
//     at lookup (startup.lisp:3:5)
//     at main (startup.lisp:9:1)
//
// The position in front is that of a syntax or read error. `backtrace` is as Condition::backtrace
// holds it, or #f for the condition's own. No newline at the end. Long irritants are shortened.
// Installed as Vm::describe_hook.
std::string DescribeCondition(Vm& vm, Value object, Value backtrace);

}  // namespace islet::vm

#endif  // ISLET_ISOLATE_PRINTER_DESCRIBE_H_
