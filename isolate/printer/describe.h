// What a person is told about an object that was raised and not handled.

#ifndef ISLET_ISOLATE_PRINTER_DESCRIBE_H_
#define ISLET_ISOLATE_PRINTER_DESCRIBE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "isolate/heap/value.h"
#include "isolate/interpreter/vm.h"

namespace islet::vm {

//   startup.lisp:3:5: vector-ref: the message: irritant irritant
//     at lookup (startup.lisp:3:5)
//     at top level (startup.lisp:9:1)
//
// The position in front is that of a syntax or read error. `backtrace` is as Condition::backtrace
// holds it, or #f for the condition's own. No newline at the end. Long irritants are shortened.
// Installed as Vm::describe_hook.
std::string DescribeCondition(Vm& vm, Value object, Value backtrace);

// The same in parts.

// Without position and backtrace: "vector-ref: the message: irritant irritant".
std::string DescribeHeadline(Vm& vm, Value object);

struct BacktraceFrame {
  std::string procedure;  // "lambda" if it has no name, "top level" for a form of a text
  std::string file;       // may be empty
  uint32_t line = 0;      // 0: not known
  uint32_t column = 0;
};
// The frames, innermost first, without those of the machinery behind `raise`, `apply` and the like.
std::vector<BacktraceFrame> DescribeFrames(Vm& vm, Value backtrace);

// "  at lookup (startup.lisp:3:5)": how every tool tells a frame.
std::string FrameLine(const BacktraceFrame& frame);
// The frames' lines. Frames that repeat, as in a deep recursion, take one line and a count.
std::vector<std::string> BacktraceLines(absl::Span<const BacktraceFrame> frames);

}  // namespace islet::vm

#endif  // ISLET_ISOLATE_PRINTER_DESCRIBE_H_
