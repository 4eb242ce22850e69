#include "isolate/compiler/assembler.h"

#include <algorithm>

#include "isolate/heap/poll.h"

namespace islet::vm {
namespace {

void CopyAll(const Pieces<uint32_t>& from, uint32_t* to, StepCounter& steps) {
  from.ForEachPart([&](const uint32_t* part, size_t count) {
    if (steps.Add(count / 4)) to = std::copy_n(part, count, to);
  });
}

}  // namespace

void Assembler::SetPosition(const SourcePosition& position) {
  if (position.line == 0) return;
  line_ = position.line;
  column_ = position.column;
}

void Assembler::Emit(Op op, uint32_t a, uint32_t b, uint32_t c) {
  if ((a | b | c) > 0xff) overflowed_ = true;
  const uint32_t at = static_cast<uint32_t>(words_.size());
  if (has_note_ ||
      (line_ != 0 && (positions_.empty() || positions_.back().line != line_ || positions_.back().column != column_))) {
    positions_.push_back({at, line_, column_, has_note_, note_});
    has_note_ = false;
  }
  last_instruction_ = words_.size();
  words_.push_back(static_cast<uint32_t>(op) | (a & 0xff) << 8 | (b & 0xff) << 16 | (c & 0xff) << 24);
  switch (op) {
    case Op::kJump:
    case Op::kLoop:
    case Op::kReturn:
    case Op::kTailCall:
    case Op::kTailCallGlobal:
    case Op::kArityError:
      reachable_ = false;
      break;
    default:
      reachable_ = true;
  }
}

void Assembler::EmitValue(Value v) {
  refs_.push_back(static_cast<uint32_t>(words_.size()));
  words_.push_back(v.bits);
}

void Assembler::EmitJump(Label target) {
  fixups_.push_back({static_cast<uint32_t>(words_.size()), target.id});
  words_.push_back(0);
}

void Assembler::Jump(Label target) {
  if (!reachable_) return;
  Emit(IsBound(target) ? Op::kLoop : Op::kJump);
  EmitJump(target);
}

Label Assembler::NewLabel() {
  positions_of_labels_.push_back(-1);
  return Label{static_cast<int>(positions_of_labels_.size()) - 1};
}

void Assembler::Bind(Label label) {
  // Jumps to what follows them: dropped, unless some label already stands behind them.
  while (words_.size() >= 2 && last_instruction_ == words_.size() - 2 && !fixups_.empty() &&
         fixups_.back().word == words_.size() - 1 && fixups_.back().label == label.id &&
         static_cast<Op>(words_[last_instruction_] & 0xff) == Op::kJump &&
         last_bound_ != static_cast<int64_t>(words_.size())) {
    words_.Shorten(words_.size() - 2);
    fixups_.Shorten(fixups_.size() - 1);
    while (!positions_.empty() && positions_.back().word >= words_.size()) {
      positions_.Shorten(positions_.size() - 1);
    }
    last_instruction_ = words_.size();  // unknown: nothing more is dropped
  }
  last_bound_ = static_cast<int64_t>(words_.size());
  positions_of_labels_[label.id] = last_bound_;
  reachable_ = true;
}

void Assembler::Link(StepCounter& steps) {
  Pieces<int> label_of_word;  // or -1; of the words up to the last of these
  for (size_t i = 0; i < fixups_.size(); ++i) {
    while (label_of_word.size() < fixups_[i].word) {
      if (!steps.Add(1)) return;
      label_of_word.push_back(-1);
    }
    label_of_word.push_back(fixups_[i].label);
  }
  for (size_t i = 0; i < fixups_.size() && steps.Add(4); ++i) {
    const Fixup& fixup = fixups_[i];
    int64_t target = positions_of_labels_[fixup.label];
    // A jump to a jump goes where that one goes. Loops are left alone: they are safepoints.
    for (int hops = 0; hops < 16 && target + 1 < static_cast<int64_t>(label_of_word.size()); ++hops) {
      if (static_cast<Op>(words_[target] & 0xff) != Op::kJump || label_of_word[target + 1] < 0) break;
      const int64_t next = positions_of_labels_[label_of_word[target + 1]];
      if (next <= target) break;
      target = next;
    }
    words_[fixup.word] = static_cast<uint32_t>(target - (static_cast<int64_t>(fixup.word) + 1));
  }
}

Code* Assembler::Finish(Heap& heap, StepCounter& steps) {
  Link(steps);
  const size_t bytes = sizeof(Code) + 4 * (words_.size() + refs_.size());
  Code* code = static_cast<Code*>(heap.NewUnmoving(ObjectType::kCode, bytes, 0, 0));
  code->word_count = static_cast<uint32_t>((bytes + 7) / 8 * 2);
  code->instruction_count = static_cast<uint32_t>(words_.size());
  code->ref_count = static_cast<uint32_t>(refs_.size());
  code->name = code->positions = code->file = kFalse;
  code->arity = code->frame_size = code->unused = Value::Fixnum(0);
  CopyAll(words_, code->instructions, steps);
  CopyAll(refs_, code->refs(), steps);
  if (steps.ended()) code->ref_count = 0;  // not all is there
  return code;
}

}  // namespace islet::vm
