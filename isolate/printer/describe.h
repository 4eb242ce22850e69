// Describes an object that was raised and not handled, for the person who reads the error.

#ifndef ISLET_ISOLATE_PRINTER_DESCRIBE_H_
#define ISLET_ISOLATE_PRINTER_DESCRIBE_H_

#include <string>
#include <vector>

#include "isolate/heap/value.h"
#include "isolate/interpreter/failure.h"
#include "isolate/interpreter/vm.h"

namespace islet::vm {

// The failure that `object` is if nobody handles it: its message, kind of condition, place (of a syntax or read error)
// and frames. `backtrace` is as Condition::backtrace holds it, or #f for the condition's own. Long irritants are
// shortened. What Embedder::Describe answers.
Failure DescribeFailure(Vm& vm, Value object, Value backtrace);

// The same in parts.

// Without position and backtrace: "vector-ref: the message: irritant irritant".
std::string DescribeHeadline(Vm& vm, Value object);

// The frames, innermost first, without those of the machinery behind `raise`, `apply` and the like.
std::vector<BacktraceFrame> DescribeFrames(Vm& vm, Value backtrace);

}  // namespace islet::vm

#endif  // ISLET_ISOLATE_PRINTER_DESCRIBE_H_
