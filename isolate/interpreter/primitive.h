// Built-in procedures written in C++. A primitive is an immediate Value: an index into one process-wide, immutable
// table (runtime/primitives.h), whose order is part of the runtime fingerprint that snapshots carry.

#ifndef ISLET_ISOLATE_INTERPRETER_PRIMITIVE_H_
#define ISLET_ISOLATE_INTERPRETER_PRIMITIVE_H_

#include <cstdint>

#include "isolate/heap/value.h"

namespace islet::vm {

class Vm;

// `args` are on the interpreter's stack: they are roots, and may be overwritten. The result is a Value, or kException
// after one of the Vm's Raise functions. A primitive never calls Lisp: procedures that take procedures are written in
// Lisp (isolate/lib). It does not collect unless it calls Heap::Reserve, after which only args[] is to be trusted.
using PrimitiveFunction = Value (*)(Vm& vm, Value* args, uint32_t argc);

struct PrimitiveSpec {
  const char* name;  // the R7RS or SRFI name; a leading % means internal to isolate/lib
  PrimitiveFunction function;
  uint8_t min_args;
  int16_t max_args;  // -1: any number
};

// Primitives that opcodes fall back on, found by name when a Vm is made.
enum class WellKnown : int {
  kAdd,
  kSubtract,
  kMultiply,
  kQuotient,
  kRemainder,
  kModulo,
  kNumEq,
  kLess,
  kLessEq,
  kGreater,
  kGreaterEq,
  kEqv,
  kEqual,
  kDivide,
  kCount
};
inline constexpr const char* kWellKnownNames[] = {
    "+", "-", "*", "quotient", "remainder", "modulo", "=", "<", "<=", ">", ">=", "eqv?", "equal?", "/",
};
static_assert(sizeof(kWellKnownNames) / sizeof(char*) == static_cast<int>(WellKnown::kCount));

}  // namespace islet::vm

#endif  // ISLET_ISOLATE_INTERPRETER_PRIMITIVE_H_
