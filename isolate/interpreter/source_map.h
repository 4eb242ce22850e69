// Where in the source each instruction of a Code came from: a Bytevector of entries in order of
// instruction, each three varints (LEB128): the word index as the difference to the entry before,
// then line and column as zigzag differences. An entry holds from its word on, up to the next
// entry's.

#ifndef ISLET_ISOLATE_INTERPRETER_SOURCE_MAP_H_
#define ISLET_ISOLATE_INTERPRETER_SOURCE_MAP_H_

#include <cstdint>
#include <string>

#include "isolate/heap/heap.h"

namespace islet::vm {

class SourceMapBuilder {
 public:
  // The instructions from `word_index` on come from this line and column (from 1; line 0: from
  // nowhere). Word indices must not decrease; of several for one word the last counts.
  void Add(uint32_t word_index, uint32_t line, uint32_t column);
  // The map as a Bytevector, or #f if there is nothing in it. Allocates no more than 16 bytes for
  // each Add.
  Value Finish(Heap& heap);

 private:
  void Flush();

  bool pending_ = false;
  uint32_t word_ = 0, line_ = 0, column_ = 0;                 // the pending entry
  uint32_t last_word_ = 0, last_line_ = 0, last_column_ = 0;  // the last one written
  std::string bytes_;
};

// Looks up the instruction at `word_index`. False, with nothing set, if the code has no map or the
// instruction no source.
bool LookupPosition(const Heap& heap, const Code* code, uint32_t word_index, uint32_t* line,
                    uint32_t* column);

}  // namespace islet::vm

#endif  // ISLET_ISOLATE_INTERPRETER_SOURCE_MAP_H_
