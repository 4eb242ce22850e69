// The operands of instructions, read as opcodes.def describes them: what liveness, the checker and the disassembler
// share.

#ifndef ISLET_ISOLATE_INTERPRETER_OPERANDS_H_
#define ISLET_ISOLATE_INTERPRETER_OPERANDS_H_

#include <cstdint>

#include "isolate/interpreter/opcode.h"

namespace islet::vm {

// The letters of opcodes.def.
enum class OperandKind : char {
  kRead = 'r',
  kWrite = 'w',
  kSigned = 'i',
  kUnsigned = 'u',
  kFree = 'f',
  kCount = 'n',
  kTaken = 'v',
  // In B and C.
  kSigned16 = 'S',
  // In further words.
  kValue = 'V',
  kJump = 'J',
  kNumber = 'U',
  kReadFar = 'R',
  kWriteFar = 'W',
};

struct Operand {
  OperandKind kind;
  uint32_t word;  // of the instruction, where it stands
  uint32_t bits;  // 8, 16 or 32 of them, without sign

  bool reads() const { return kind == OperandKind::kRead || kind == OperandKind::kReadFar; }
  bool writes() const { return kind == OperandKind::kWrite || kind == OperandKind::kWriteFar; }
  // Where a kJump goes, from an instruction at word `at` of its code. Anything at all if the code is damaged.
  int64_t Target(uint32_t at) const { return int64_t{at} + word + 1 + static_cast<int32_t>(bits); }
};

// Calls `visit(operand)` for each operand of the instruction at `words`, all of whose words are there, in the order of
// opcodes.def, until that returns false. False if it did. Of a MakeClosure, what it captures is left to the caller.
template <typename Visit>
bool ForEachOperand(const uint32_t* words, Visit visit) {
  uint32_t shift = 8, next = 1;
  for (const char* letter = kOpInfo[words[0] & 0xff].operands; *letter != '\0'; ++letter) {
    const OperandKind kind = static_cast<OperandKind>(*letter);
    Operand operand = {kind, 0, 0};
    switch (kind) {
      case OperandKind::kValue:
      case OperandKind::kJump:
      case OperandKind::kNumber:
      case OperandKind::kReadFar:
      case OperandKind::kWriteFar:
        operand.word = next++;
        operand.bits = words[operand.word];
        break;
      case OperandKind::kSigned16:
        operand.bits = words[0] >> 16;
        break;
      default:
        operand.bits = words[0] >> shift & 0xff;
        shift += 8;
    }
    if (!visit(operand)) return false;
  }
  return true;
}

}  // namespace islet::vm

#endif  // ISLET_ISOLATE_INTERPRETER_OPERANDS_H_
