// Is bytecode well-formed: what the interpreter takes for granted.

#ifndef ISLET_ISOLATE_COMPILER_CODE_CHECKER_H_
#define ISLET_ISOLATE_COMPILER_CODE_CHECKER_H_

#include "absl/status/status.h"
#include "isolate/heap/heap.h"

namespace islet::vm {

// OK if every instruction is one, its registers and call window lie in the frame, jumps lead to
// instructions, control does not run off the end, and `refs` lists exactly the words that are
// Values. Reads nothing outside of the object (whose word_count must be right), whatever it holds.
// Otherwise InvalidArgument, with the word's index.
absl::Status CheckCode(Heap& heap, const Code* code);

}  // namespace islet::vm

#endif  // ISLET_ISOLATE_COMPILER_CODE_CHECKER_H_
