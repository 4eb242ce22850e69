// One function's instructions as they are made: words, labels, the places of Values, source
// positions.

#ifndef ISLET_ISOLATE_COMPILER_ASSEMBLER_H_
#define ISLET_ISOLATE_COMPILER_ASSEMBLER_H_

#include <cstdint>

#include "isolate/heap/heap.h"
#include "isolate/heap/pieces.h"
#include "isolate/heap/poll.h"
#include "isolate/interpreter/opcode.h"
#include "isolate/interpreter/source_map.h"
#include "isolate/reader/syntax.h"

namespace islet::vm {

// A place in the code, known by number; bound once.
struct Label {
  int id = -1;
  bool valid() const { return id >= 0; }
  friend bool operator==(Label a, Label b) { return a.id == b.id; }
};

class Assembler {
 public:
  struct Position {
    uint32_t word, line, column;
    bool has_note;
    OperandNote note;
  };

  // Positions of instructions emitted from here on. Those without a line keep the last one's.
  void SetPosition(const SourcePosition& position);
  // Goes with the next instruction.
  void SetNote(const OperandNote& note) {
    note_ = note;
    has_note_ = true;
  }

  void Emit(Op op, uint32_t a = 0, uint32_t b = 0, uint32_t c = 0);
  void EmitWord(uint32_t word) { words_.push_back(word); }
  void EmitValue(Value v);
  void EmitJump(Label target);  // the jump-distance word of the instruction just emitted
  // Unless the target is the next instruction, in the end.
  void Jump(Label target);

  Label NewLabel();
  void Bind(Label label);
  bool IsBound(Label label) const { return positions_of_labels_[label.id] >= 0; }

  // For words known only later (frame sizes).
  size_t size() const { return words_.size(); }
  void PatchWord(size_t index, uint32_t word) { words_[index] = word; }

  // A register of 256 or more was asked for.
  bool overflowed() const { return overflowed_; }

  // The Code, without its name, arity, frame size, file and positions.
  // Charges `steps`; if the run is being ended, the code is not to be run.
  Code* Finish(Heap& heap, StepCounter& steps);
  const Pieces<Position>& positions() const { return positions_; }

 private:
  struct Fixup {
    uint32_t word;
    int label;
  };
  void Link(StepCounter& steps);

  Pieces<uint32_t> words_;
  Pieces<uint32_t> refs_;
  Pieces<int64_t> positions_of_labels_;
  Pieces<Fixup> fixups_;
  Pieces<Position> positions_;
  uint32_t line_ = 0, column_ = 0;
  bool has_note_ = false;
  OperandNote note_ = {};
  size_t last_instruction_ = 0;
  int64_t last_bound_ = -1;
  bool reachable_ = true;  // not right behind a jump or return, unless a label is bound there
  bool overflowed_ = false;
};

}  // namespace islet::vm

#endif  // ISLET_ISOLATE_COMPILER_ASSEMBLER_H_
