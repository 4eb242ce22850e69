// Which registers of a frame can still be read: what keeps garbage in dead registers from living as long as the frame.
//
// A loop that walks a lazy stream from one procedure leaves the stream's head in some register that no path writes
// again. Collections and captured continuations clear such registers first. The answer comes from the code itself:
// backward data flow over its instructions (Aho et al., "Compilers", 9.2.5), done once per code and kept.

#ifndef ISLET_ISOLATE_INTERPRETER_LIVENESS_H_
#define ISLET_ISOLATE_INTERPRETER_LIVENESS_H_

#include <cstdint>
#include <unordered_map>

#include "isolate/heap/heap.h"

namespace islet::vm {

class Liveness {
 public:
  // Registers from here on count as live always.
  static constexpr uint32_t kTracked = 64;
  static constexpr uint64_t kAll = ~uint64_t{0};

  // Bit i: the value of register i may be read when `closure` goes on at the instruction at cage offset `pc`. kAll if
  // `pc` is in other code, or nothing is known of it: an entry, the machine's own procedures, very long code.
  uint64_t At(const Heap& heap, Value closure, uint32_t pc) {
    const Recent& recent = recent_[Slot(pc)];
    return recent.pc == pc ? recent.live : Find(heap, closure, pc);
  }

  // Clears the dead ones of the registers [fp, end) of a frame that goes on at `pc`, whose header lies below `fp`.
  void ClearDead(const Heap& heap, Value* fp, Value* end, uint32_t pc);

  // For a heap that was reset: what is known of the snapshot's code stays right.
  void Reset(const Heap& heap) {
    if (own_code_) Forget(heap);
    own_code_ = false;
    full_collections_ = 0;
  }

  // To be called before use: after a full collection other code may have taken the place of what was known.
  void Refresh(const Heap& heap) {
    if (heap.full_collections() != full_collections_) Forget(heap);
  }

 private:
  // The latest answers, by pc: a program captures the same few continuations again and again.
  struct Recent {
    uint32_t pc = 0;
    uint64_t live = kAll;
  };
  static constexpr uint32_t kRecent = 64;
  static uint32_t Slot(uint32_t pc) { return pc / 4 % kRecent; }

  void Forget(const Heap& heap);
  uint64_t Find(const Heap& heap, Value closure, uint32_t pc);
  uint64_t Look(const Heap& heap, Value closure, uint32_t pc);
  void Analyze(const Code* code, uint32_t code_offset);

  uint64_t full_collections_ = 0;
  bool own_code_ = false;  // asked about code outside the snapshot since the last Reset
  Recent recent_[kRecent];
  std::unordered_map<uint32_t, uint64_t> known_;  // by pc; all instructions of code that was analyzed
};

}  // namespace islet::vm

#endif  // ISLET_ISOLATE_INTERPRETER_LIVENESS_H_
