// The opcodes as an enumeration, and their operands' description.

#ifndef ISLET_ISOLATE_INTERPRETER_OPCODE_H_
#define ISLET_ISOLATE_INTERPRETER_OPCODE_H_

#include <cstdint>

namespace islet::vm {

enum class Op : uint8_t {
#define ISLET_OPCODE(name, operands, words) k##name,
#include "isolate/interpreter/opcodes.def"
};

struct OpInfo {
  const char* name;
  const char* operands;  // as opcodes.def describes them
  int words;             // -1: variable
};

inline constexpr OpInfo kOpInfo[] = {
#define ISLET_OPCODE(name, operands, words) {#name, operands, words},
#include "isolate/interpreter/opcodes.def"
};
inline constexpr int kOpCount = sizeof(kOpInfo) / sizeof(kOpInfo[0]);

// Words of the instruction at `at`; needs up to two words there. MakeClosure is the only one that
// varies.
inline uint64_t InstructionWords(const uint32_t* at) {
  const Op op = static_cast<Op>(*at & 0xff);
  if (op == Op::kMakeClosure) return 3 + uint64_t{at[1]};
  return static_cast<uint64_t>(kOpInfo[*at & 0xff].words);
}

// Takes arguments, as many as the interpreter's argc says: its frame's other registers hold nothing yet.
inline bool IsEntry(Op op) { return op == Op::kEnter || op == Op::kEnterRest || op == Op::kEnterIf; }

// MakeClosure's captures.
inline constexpr uint32_t kCaptureFree = 0x80000000;

}  // namespace islet::vm

#endif  // ISLET_ISOLATE_INTERPRETER_OPCODE_H_
