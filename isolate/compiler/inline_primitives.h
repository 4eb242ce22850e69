// Calls of some primitives become instructions.

#ifndef ISLET_ISOLATE_COMPILER_INLINE_PRIMITIVES_H_
#define ISLET_ISOLATE_COMPILER_INLINE_PRIMITIVES_H_

#include <optional>

#include "isolate/expander/core_form.h"
#include "isolate/interpreter/opcode.h"
#include "isolate/interpreter/vm.h"

namespace islet::vm {

enum class InlineForm : uint8_t {
  kUnary,           // op d, a
  kBinary,          // op d, a, b
  kStore2,          // op a, b; no result
  kStore3,          // op a, b, c; no result
  kFold,            // two arguments or more, from the left; small constants in the instruction
  kCompare,         // two numbers
  kCompareSwapped,  // the same with b before a
  kSign,            // compared with zero
  kEq,              // eq?, eqv?: eq? where an operand is a constant for which they agree
  kEqual,           // equal? with such an operand
  kNot,
  kRecordRef,  // record, type, constant index, perhaps the accessor's name
  kRecordSet,  // record, type, constant index, value, perhaps the modifier's name
};

struct InlinePrimitive {
  const char* name;
  InlineForm form;
  Op op;
};

// The primitive that `callee` is known to be, if it takes `argc` arguments.
std::optional<uint32_t> KnownPrimitive(Vm& vm, const Core* callee, size_t argc);

// Tells how a call of the primitive with `args` becomes instructions; null if it stays a call.
const InlinePrimitive* FindInline(Heap& heap, const char* name, absl::Span<Core* const> args);

// If `core` is a constant that eq? tells apart as well as equal? does: immediates, fixnums,
// symbols.
const Constant* EqConstant(Heap& heap, const Core* core);

// If `core` is a fixnum constant from -128 to 127.
std::optional<int> SmallConstant(const Core* core);

}  // namespace islet::vm

#endif  // ISLET_ISOLATE_COMPILER_INLINE_PRIMITIVES_H_
