// Bytecode as text, for tests and for people.

#ifndef ISLET_ISOLATE_COMPILER_DISASSEMBLER_H_
#define ISLET_ISOLATE_COMPILER_DISASSEMBLER_H_

#include <string>

#include "isolate/heap/heap.h"

namespace islet::vm {

// One instruction a line: word index, opcode, operands; jumps show their target's index, Values a
// short form:
//    0 Enter 1 #5
//    2 JumpIfNotLessInt r0 2 -> 6
//    4 Return r0
// The code must be well-formed (CheckCode).
std::string Disassemble(Heap& heap, const Code* code);

}  // namespace islet::vm

#endif  // ISLET_ISOLATE_COMPILER_DISASSEMBLER_H_
