#include "isolate/interpreter/liveness.h"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <iterator>
#include <vector>

#include "isolate/interpreter/opcode.h"
#include "isolate/interpreter/operands.h"
#include "isolate/interpreter/run.h"

namespace islet::vm {

namespace {

// Beyond this the time of an analysis could be felt, and a register more or less no longer matters.
constexpr uint32_t kMaxInstructionWords = 20000;
// Answers are kept for so many instructions.
constexpr size_t kMaxKnown = size_t{1} << 16;

struct Instruction {
  uint32_t at;     // word
  int32_t target;  // word that it may jump to, or -1
  bool falls_through;
  uint64_t reads;
  uint64_t writes;
};

uint64_t Bit(uint32_t r) { return r < Liveness::kTracked ? uint64_t{1} << r : 0; }
uint64_t Bits(uint32_t first, uint32_t count) {
  uint64_t bits = 0;
  for (uint32_t i = 0; i < count && first + i < Liveness::kTracked; ++i) bits |= Bit(first + i);
  return bits;
}

// False for instructions that see more than their operands.
bool Decode(const uint32_t* code, uint32_t at, Instruction* out) {
  const uint32_t* words = code + at;
  const Op op = static_cast<Op>(words[0] & 0xff);
  const uint32_t a = words[0] >> 8 & 0xff, b = words[0] >> 16 & 0xff;
  if (InfoOf(op).flow == Flow::kMachine) return false;
  *out = {at, -1, InfoOf(op).flow == Flow::kNext, 0, 0};
  ForEachOperand(words, [&](const Operand& operand) {
    if (operand.reads()) out->reads |= Bit(operand.bits);
    if (operand.writes()) out->writes |= Bit(operand.bits);
    if (operand.kind == OperandKind::kJump) out->target = static_cast<int32_t>(operand.Target(at));
    return true;
  });
  switch (op) {
    case Op::kCall:
    case Op::kTailCall:
      out->reads = Bit(a) | Bits(a + kFrameHeaderWords, b);
      break;
    case Op::kCallGlobal:
    case Op::kTailCallGlobal:
      out->reads = Bits(a + kFrameHeaderWords, b);
      break;
    case Op::kCallPrimitive:
      out->reads |= Bits(a, b);
      break;
    case Op::kMakeClosure:
      for (uint32_t i = 0; i < words[1]; ++i) {
        if ((words[3 + i] & kCaptureFree) == 0) out->reads |= Bit(words[3 + i]);
      }
      break;
    default:
      break;
  }
  // The callee's frame is there.
  if (op == Op::kCall || op == Op::kCallGlobal) out->writes = Bits(a, Liveness::kTracked);
  return true;
}

}  // namespace

void Liveness::Analyze(const Code* code, uint32_t code_offset) {
  const uint32_t first = code_offset + static_cast<uint32_t>(sizeof(Code));
  const uint32_t count = code->instruction_count;
  known_[first] = kAll;  // so that it is not tried again, whatever comes of it
  if (count > kMaxInstructionWords) return;
  std::vector<Instruction> instructions;
  for (uint32_t at = 0; at < count; at += static_cast<uint32_t>(InstructionWords(code->instructions + at))) {
    Instruction instruction;
    if (!Decode(code->instructions, at, &instruction)) return;
    instructions.push_back(instruction);
  }
  std::vector<uint64_t> live(count + 1);  // by word
  bool changed = true;
  while (changed) {
    changed = false;
    for (size_t i = instructions.size(); i-- > 0;) {
      const Instruction& instruction = instructions[i];
      uint64_t out = 0;
      if (instruction.falls_through && i + 1 < instructions.size()) out |= live[instructions[i + 1].at];
      if (instruction.target >= 0) out |= live[static_cast<uint32_t>(instruction.target)];
      const uint64_t in = (out & ~instruction.writes) | instruction.reads;
      changed = changed || in != live[instruction.at];
      live[instruction.at] = in;
    }
  }
  for (const Instruction& instruction : instructions) {
    const bool entry = IsEntry(static_cast<Op>(code->instructions[instruction.at] & 0xff));
    known_[first + 4 * instruction.at] = entry ? kAll : live[instruction.at];
  }
}

void Liveness::Forget(const Heap& heap) {
  full_collections_ = heap.full_collections();
  known_.clear();
  std::fill(std::begin(recent_), std::end(recent_), Recent());
}

uint64_t Liveness::Find(const Heap& heap, Value closure, uint32_t pc) {
  if (pc >= heap.layout().image_end) own_code_ = true;
  const uint64_t live = Look(heap, closure, pc);
  recent_[Slot(pc)] = {pc, live};
  return live;
}

uint64_t Liveness::Look(const Heap& heap, Value closure, uint32_t pc) {
  if (const auto found = known_.find(pc); found != known_.end()) return found->second;
  // A frame that has raised, and whose handler may not return to it.
  const uint32_t word = *reinterpret_cast<const uint32_t*>(heap.base() + pc);
  if (static_cast<Op>(word & 0xff) == Op::kNoReturn) return 0;
  if (!heap.Is<Closure>(closure)) return kAll;
  const Value code_value = heap.Get<Closure>(closure)->code;
  const Code* code = heap.Get<Code>(code_value);
  const uint32_t first = code_value.offset() + static_cast<uint32_t>(sizeof(Code));
  if (pc < first || pc - first >= 4 * code->instruction_count || known_.contains(first)) return kAll;
  if (known_.size() > kMaxKnown) known_.clear();
  Analyze(code, code_value.offset());
  const auto found = known_.find(pc);
  return found != known_.end() ? found->second : kAll;
}

void Liveness::ClearDead(const Heap& heap, Value* fp, Value* end, uint32_t pc) {
  const uint64_t live = At(heap, HeaderOf(fp).callee, pc);
  if (live == kAll) return;
  const uint32_t count = static_cast<uint32_t>(std::clamp<ptrdiff_t>(end - fp, 0, kTracked));
  uint64_t dead = ~live;
  if (count < kTracked) dead &= (uint64_t{1} << count) - 1;
  for (; dead != 0; dead &= dead - 1) fp[std::countr_zero(dead)] = Value::Fixnum(0);
}

}  // namespace islet::vm
