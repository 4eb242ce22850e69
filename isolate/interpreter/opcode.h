// The opcodes as an enumeration, and their operands' description.

#ifndef ISLET_ISOLATE_INTERPRETER_OPCODE_H_
#define ISLET_ISOLATE_INTERPRETER_OPCODE_H_

#include <cstdint>

#include "absl/strings/string_view.h"
#include "isolate/heap/value.h"

namespace islet::vm {

enum class Op : uint8_t {
#define ISLET_OPCODE(name, operands, words, flow) k##name,
#include "isolate/interpreter/opcodes.def"
};

// Words of a frame's header (run.h), which a call lays over registers of the frame that makes it.
inline constexpr int kFrameHeaderWords = 3;

// Where control goes from an instruction.
enum class Flow : uint8_t {
  kNext,    // to the following one, or to where it jumps
  kEnd,     // only to where it jumps, or out of this frame
  kMachine  // the body of a procedure that needs the machine itself (stubs.h), and sees more than its operands
};

struct OpInfo {
  const char* name;
  const char* operands;  // as opcodes.def describes them
  int words;             // -1: variable
  Flow flow;
};

inline constexpr OpInfo kOpInfo[] = {
#define ISLET_OPCODE(name, operands, words, flow) {#name, operands, words, Flow::flow},
#include "isolate/interpreter/opcodes.def"
};
inline constexpr int kOpCount = sizeof(kOpInfo) / sizeof(kOpInfo[0]);
inline constexpr const OpInfo& InfoOf(Op op) { return kOpInfo[static_cast<int>(op)]; }

// Words of the instruction at `at`; needs up to two words there. MakeClosure is the only one that
// varies.
inline uint64_t InstructionWords(const uint32_t* at) {
  const Op op = static_cast<Op>(*at & 0xff);
  if (op == Op::kMakeClosure) return 3 + uint64_t{at[1]};
  return static_cast<uint64_t>(kOpInfo[*at & 0xff].words);
}

// Takes arguments, as many as the interpreter's argc says: its frame's other registers hold nothing yet.
constexpr bool IsEntry(Op op) { return op == Op::kEnter || op == Op::kEnterRest || op == Op::kEnterIf; }

// How many values are taken where the result of a call goes: operand C of Call, CallGlobal and CallPrimitive.
enum class Taken : uint8_t {
  kOne = 1,      // it is used: no other number will do
  kIgnored = 2,  // by nobody: any number
  kPassedOn = 3  // they are what the frame itself returns
};

// How many values the call before the return address `at` takes. The word before it tells which call that is: a cell
// has a reference's tag; the number of a primitive is below 2^24, and an instruction Call is not: it takes something.
inline Taken TakenAt(const uint32_t* at) {
  static_assert(!Value::FromBits(static_cast<uint32_t>(Op::kCall)).IsObject());
  const uint32_t last = at[-1];
  const bool is_call = !Value::FromBits(last).IsObject() && last >> 24 != 0;
  return static_cast<Taken>((is_call ? last : at[-2]) >> 24);
}

// The primitive that an instruction on two numbers falls back on, by name; empty for other instructions. The compiler
// may have made it of a call of another one, or have changed the order of the operands (source_map.h).
constexpr absl::string_view NumericName(Op op) {
  switch (op) {
    case Op::kAdd:
    case Op::kAddInt:
    case Op::kAddProduct:
      return "+";
    case Op::kSubtract:
    case Op::kSubtractInt:
    case Op::kSubtractProduct:
    case Op::kProductMinus:
      return "-";
    case Op::kMultiply:
      return "*";
    case Op::kLess:
    case Op::kJumpIfNotLess:
    case Op::kJumpIfNotLessInt:
      return "<";
    case Op::kLessEq:
    case Op::kJumpIfNotLessEq:
    case Op::kJumpIfNotLessEqInt:
      return "<=";
    case Op::kNumEq:
    case Op::kJumpIfNotNumEq:
    case Op::kJumpIfNotNumEqInt:
      return "=";
    case Op::kJumpIfNotGreaterInt:
      return ">";
    case Op::kJumpIfNotGreaterEqInt:
      return ">=";
    default:
      return {};
  }
}

// MakeClosure's captures.
inline constexpr uint32_t kCaptureFree = 0x80000000;

}  // namespace islet::vm

#endif  // ISLET_ISOLATE_INTERPRETER_OPCODE_H_
