// Where in the source each instruction of a Code came from: a Bytevector of entries in order of
// instruction, each of varints (LEB128): twice the difference of the word index to the entry before,
// plus one if there is a note; then line and column as zigzag differences; then the note's three
// numbers, if there is one. An entry holds from its word on, up to the next entry's; its note, for
// its word alone.

#ifndef ISLET_ISOLATE_INTERPRETER_SOURCE_MAP_H_
#define ISLET_ISOLATE_INTERPRETER_SOURCE_MAP_H_

#include <cstdint>
#include <string>

#include "isolate/heap/heap.h"

namespace islet::vm {

// The call in the source of an instruction on two numbers that the compiler has made of a call of another procedure, or
// with more arguments, or with the arguments in another order (see NumericName).
struct OperandNote {
  uint32_t primitive;  // that is called in the source, by number
  uint32_t first;      // which argument of the call each operand is, from 1; 0: what came of earlier ones
  uint32_t second;
};

class SourceMapBuilder {
 public:
  // The instructions from `word_index` on come from this line and column (from 1; line 0: from
  // nowhere). Word indices must not decrease; of several for one word the last counts.
  void Add(uint32_t word_index, uint32_t line, uint32_t column, const OperandNote* note = nullptr);
  // The map as a Bytevector, or #f if there is nothing in it. Allocates no more than 32 bytes for
  // each Add.
  Value Finish(Heap& heap);

 private:
  void Flush();

  bool pending_ = false, has_note_ = false;
  uint32_t word_ = 0, line_ = 0, column_ = 0;  // the pending entry
  OperandNote note_ = {};
  uint32_t last_word_ = 0, last_line_ = 0, last_column_ = 0;  // the last one written
  std::string bytes_;
};

// Looks up the instruction at `word_index`. False, with nothing set, if the code has no map or the
// instruction no source.
bool LookupPosition(const Heap& heap, const Code* code, uint32_t word_index, uint32_t* line, uint32_t* column);

// The note of the instruction at `word_index`. False, with nothing set, if it has none.
bool LookupNote(const Heap& heap, const Code* code, uint32_t word_index, OperandNote* note);

}  // namespace islet::vm

#endif  // ISLET_ISOLATE_INTERPRETER_SOURCE_MAP_H_
