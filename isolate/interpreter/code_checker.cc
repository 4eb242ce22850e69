#include "isolate/interpreter/code_checker.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "isolate/interpreter/operands.h"
#include "isolate/interpreter/stubs.h"

namespace islet::vm {
namespace {

// The most that blocks remember, in 64-bit words: no function that people write comes near it.
constexpr uint64_t kMostBlockWords = uint64_t{8} << 20;
// Passes over a function until its loops have settled, counted in instructions. One level of loops takes one more.
constexpr uint64_t kMostPasses = 64;

absl::Status Bad(uint64_t word, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("bytecode: ", what, " at word ", word));
}

Op OpAt(const uint32_t* words) { return static_cast<Op>(words[0] & 0xff); }
uint32_t A(const uint32_t* words) { return words[0] >> 8 & 0xff; }
uint32_t B(const uint32_t* words) { return words[0] >> 16 & 0xff; }

// Whether the opcode has operands that only CheckOperation or Step can judge: Values, plain numbers, free variables.
constexpr bool HasOwnRules(Op op) {
  for (const char* letter = InfoOf(op).operands; *letter != '\0'; ++letter) {
    switch (static_cast<OperandKind>(*letter)) {
      case OperandKind::kValue:
      case OperandKind::kNumber:
      case OperandKind::kFree:
        return true;
      default:
        break;
    }
  }
  return false;
}

}  // namespace

void CodeFacts::Clear() {
  free_count = 0;
  boxes.clear();
  closures.clear();
  captures.clear();
}

absl::Status CodeChecker::Check(const Code* code, CodeFacts* facts) {
  code_ = code;
  facts_ = facts;
  facts->Clear();
  constexpr uint64_t kFixedWords = sizeof(Code) / 4;
  const uint64_t words = kFixedWords + uint64_t{code->instruction_count} + code->ref_count;
  if (words > code->word_count) return Bad(0, "more words than there are");
  if (!code->frame_size.IsFixnum() || code->frame_size.fixnum() < 0 ||
      code->frame_size.fixnum() > static_cast<int32_t>(kMaxFrame)) {
    return Bad(0, "no frame size");
  }
  count_ = code->instruction_count;
  frame_ = static_cast<uint32_t>(code->frame_size.fixnum());
  if (IsStubProcedure(code)) return absl::OkStatus();
  if (absl::Status status = CheckInstructions(); !status.ok()) return status;
  if (absl::Status status = CheckJumps(); !status.ok()) return status;
  return CheckFlow();
}

// ---- Each instruction by itself

absl::Status CodeChecker::CheckInstructions() {
  starts_.assign(count_, 0);
  jumps_.clear();
  uint32_t ref = 0;
  Op op = Op::kMove;
  for (uint32_t at = 0; at < count_;) {
    const uint32_t* words = code_->instructions + at;
    if ((words[0] & 0xff) >= static_cast<uint32_t>(kOpCount)) return Bad(at, "no such opcode");
    op = OpAt(words);
    if (op == Op::kMakeClosure && count_ - at < 3) return Bad(at, "instruction cut off");
    const uint64_t length = InstructionWords(words);
    if (length > count_ - at) return Bad(at, "instruction cut off");
    starts_[at] = 1;
    if (absl::Status status = CheckInstruction(at, &ref); !status.ok()) return status;
    at += static_cast<uint32_t>(length);
  }
  if (count_ == 0 || InfoOf(op).flow != Flow::kEnd) return Bad(count_, "control runs off the end");
  if (ref != code_->ref_count) return Bad(count_, "refs that are no Values");
  return absl::OkStatus();
}

absl::Status CodeChecker::CheckInstruction(uint32_t at, uint32_t* ref) {
  const uint32_t* words = code_->instructions + at;
  const Op op = OpAt(words);
  absl::string_view problem;
  ForEachOperand(words, [&](const Operand& operand) {
    switch (operand.kind) {
      case OperandKind::kRead:
      case OperandKind::kWrite:
      case OperandKind::kReadFar:
      case OperandKind::kWriteFar:
        if (operand.bits >= frame_) problem = "register outside of the frame";
        break;
      case OperandKind::kValue:
        if (*ref >= code_->ref_count || code_->refs()[(*ref)++] != at + operand.word) problem = "Value not in refs";
        break;
      case OperandKind::kJump:
        jumps_.push_back({at, operand.Target(at), op == Op::kLoop});
        break;
      case OperandKind::kTaken:
        if (operand.bits < static_cast<uint32_t>(Taken::kOne) ||
            operand.bits > static_cast<uint32_t>(Taken::kPassedOn)) {
          problem = "a call that takes no number of values";
        }
        break;
      default:
        break;
    }
    return problem.empty();
  });
  return problem.empty() ? CheckOperation(at) : Bad(at, problem);
}

absl::Status CodeChecker::CheckOperation(uint32_t at) {
  const uint32_t* words = code_->instructions + at;
  const Op op = OpAt(words);
  const uint32_t a = A(words), b = B(words);
  const auto value = [&](uint32_t i) { return Value::FromBits(words[i]); };
  switch (op) {
    case Op::kCallGlobal:
    case Op::kTailCallGlobal:
      if (!context_.IsCell(value(1))) return Bad(at, "not a cell");
      [[fallthrough]];
    case Op::kCall:
    case Op::kTailCall:
      if (a + kFrameHeaderWords + b > frame_) return Bad(at, "call window outside of the frame");
      break;
    case Op::kCallPrimitive:
      if (a + b > frame_) return Bad(at, "call window outside of the frame");
      if (!context_.PrimitiveTakes(words[1], b)) {
        return Bad(at, "no such primitive, or one that does not take so many arguments,");
      }
      break;
    case Op::kEnter:
    case Op::kEnterRest:
      if (at != 0) return Bad(at, "entry inside of code");
      if (words[1] != frame_ || a + (op == Op::kEnterRest ? 1 : 0) > frame_) return Bad(at, "frame size");
      break;
    case Op::kEnterIf:
      if (words[1] > 1 || words[2] != frame_ || a + words[1] > frame_) return Bad(at, "frame size");
      break;
    case Op::kGlobalSet:
    case Op::kGlobalDefine:
      if (!context_.IsCell(value(1))) return Bad(at, "not a cell");
      if (!context_.IsAssignable(value(1))) return Bad(at, "a constant is assigned");
      break;
    case Op::kGlobalRef:
      if (!context_.IsCell(value(1))) return Bad(at, "not a cell");
      break;
    case Op::kLoadConst:
      // A local variable that is not initialised yet goes into a box.
      if (value(1) != kUndefined && !context_.IsConstant(value(1))) return Bad(at, "not a constant");
      break;
    case Op::kJumpIfNotEqConst:
      if (!context_.IsConstant(value(1))) return Bad(at, "not a constant");
      break;
    case Op::kRecordRef:
    case Op::kRecordSet:
      if (words[1] > kMaxHeaderCount) return Bad(at, "no such field");
      if (!context_.IsConstant(value(2))) return Bad(at, "not a constant");
      break;
    case Op::kMakeClosure:
      if (words[1] > kMaxHeaderCount) return Bad(at, "too many free variables");
      if (!context_.IsCode(value(2))) return Bad(at, "closure without code");
      for (uint32_t i = 0; i < words[1]; ++i) {
        if ((words[3 + i] & kCaptureFree) == 0 && words[3 + i] >= frame_) {
          return Bad(at, "capture outside of the frame");
        }
      }
      break;
    case Op::kLoadFree:
    case Op::kLoadFreeWide:
    case Op::kClosurePatch:
      break;  // see Step
    default:
      if (InfoOf(op).flow == Flow::kMachine) return Bad(at, "an instruction of the machine's own procedures");
      if (HasOwnRules(op)) return Bad(at, "an instruction whose operands nothing checks");
      break;
  }
  return absl::OkStatus();
}

absl::Status CodeChecker::CheckJumps() {
  has_loops_ = false;
  blocks_.clear();
  blocks_.push_back({.at = 0});
  starts_[0] = 2;
  for (const Jump& jump : jumps_) {
    if (jump.to < 0 || jump.to >= count_ || starts_[static_cast<size_t>(jump.to)] == 0) {
      return Bad(jump.from, "jump to no instruction");
    }
    if (jump.to <= jump.from) {
      if (!jump.backwards_allowed) return Bad(jump.from, "jump backwards that is no loop");
      has_loops_ = true;
    }
    uint32_t& start = starts_[static_cast<size_t>(jump.to)];
    if (start == 1) {
      start = static_cast<uint32_t>(blocks_.size()) + 2;
      blocks_.push_back({.at = static_cast<uint32_t>(jump.to)});
    }
  }
  return absl::OkStatus();
}

// ---- Data flow: forward, over sets of registers that are written, or hold boxes, on all paths

absl::Status CodeChecker::CheckFlow() {
  set_words_ = (frame_ + 63) / 64;
  if (uint64_t{blocks_.size()} * 2 * set_words_ > kMostBlockWords) {
    return Bad(0, "too many jumps in a function with so many registers,");
  }
  block_sets_.assign(blocks_.size() * 2 * set_words_, 0);
  registers_.assign(size_t{2} * set_words_, 0);
  origins_.assign(frame_, {});
  blocks_[0].state = Block::kEntry;
  blocks_[0].changed = true;
  problem_ = absl::OkStatus();
  steps_ = 0;
  if (has_loops_) {
    do {
      again_ = false;
      if (absl::Status status = Sweep<false>(); !status.ok()) return status;
    } while (again_);
  }
  return Sweep<true>();
}

template <bool kReports>
absl::Status CodeChecker::Sweep() {
  bool live = false;
  for (uint32_t at = 0; at < count_;) {
    const uint32_t start = starts_[at];
    if (start >= 2) {
      Block& block = blocks_[start - 2];
      if (live) MergeInto(at, state_);
      live = kReports ? block.state != Block::kUnreached : block.changed;
      if (live) {
        block.changed = false;
        state_ = block.state;
        const uint64_t* sets = block_sets_.data() + size_t{start - 2} * 2 * set_words_;
        std::copy_n(sets, 2 * set_words_, registers_.data());
        std::fill(origins_.begin(), origins_.end(), Origin());
      }
    }
    if (live) {
      ++steps_;
      live = Step<kReports>(at);
      if (kReports && !problem_.ok()) return std::exchange(problem_, absl::OkStatus());
    }
    at += static_cast<uint32_t>(InstructionWords(code_->instructions + at));
  }
  if (!kReports && steps_ > kMostPasses * (uint64_t{count_} + 64)) {
    return Bad(0, "loops too deep in each other");
  }
  return absl::OkStatus();
}

void CodeChecker::MergeInto(uint32_t word, uint8_t state) {
  const uint32_t number = starts_[word] - 2;
  Block& block = blocks_[number];
  uint64_t* sets = block_sets_.data() + size_t{number} * 2 * set_words_;
  bool changed = false;
  if (block.state == Block::kUnreached) {
    block.state = state == Block::kEntry ? Block::kEntry : Block::kBody;
    std::copy_n(registers_.data(), 2 * set_words_, sets);
    changed = true;
  } else {
    if (block.state != state && block.state != Block::kMixed) {
      block.state = Block::kMixed;
      changed = true;
    }
    for (uint32_t i = 0; i < 2 * set_words_; ++i) {
      const uint64_t both = sets[i] & registers_[i];
      changed = changed || both != sets[i];
      sets[i] = both;
    }
  }
  if (!changed) return;
  block.changed = true;
  again_ = true;
}

void CodeChecker::Problem(uint32_t at, absl::string_view what) {
  if (problem_.ok()) problem_ = Bad(at, what);
}

template <bool kReports>
void CodeChecker::Read(uint32_t at, uint32_t reg) {
  if (kReports && !Has(assigned(), reg)) {
    Problem(at, absl::StrCat("register ", reg, " is read before it is written"));
  }
}

void CodeChecker::Write(uint32_t reg) {
  const uint64_t bit = uint64_t{1} << reg % 64;
  assigned()[reg / 64] |= bit;
  boxes()[reg / 64] &= ~bit;
  origins_[reg].kind = Origin::kUnknown;
}

// A callee's frame is there, or a handler's.
void CodeChecker::Clobber(uint32_t first) {
  if (first >= frame_) return;
  const uint64_t below = (uint64_t{1} << first % 64) - 1;
  for (uint64_t* set : {assigned(), boxes()}) {
    set[first / 64] &= below;
    for (uint32_t i = first / 64 + 1; i < set_words_; ++i) set[i] = 0;
  }
  std::fill(origins_.begin() + first, origins_.end(), Origin());
}

template <bool kReports>
void CodeChecker::UseBox(uint32_t at, uint32_t reg) {
  Read<kReports>(at, reg);
  if (!kReports || Has(boxes(), reg)) return;
  if (origins_[reg].kind == Origin::kFree) {
    facts_->boxes.push_back(origins_[reg].number);
  } else {
    Problem(at, absl::StrCat("register ", reg, " need not hold a box"));
  }
}

void CodeChecker::Supply(uint32_t at, uint32_t reg, Value code, uint32_t index) {
  if (Has(boxes(), reg)) return;
  const bool is_free = origins_[reg].kind == Origin::kFree;
  facts_->captures.push_back({at, code, index, is_free ? origins_[reg].number : 0,
                              is_free ? CodeFacts::Supply::kFree : CodeFacts::Supply::kOther});
}

// The arguments are there, and nothing else.
void CodeChecker::Enter(uint32_t count) {
  Clobber(0);
  for (uint32_t i = 0; i < count; ++i) Write(i);
  state_ = Block::kBody;
}

template <bool kReports>
void CodeChecker::StepMakeClosure(uint32_t at) {
  const uint32_t* words = code_->instructions + at;
  const Value code = Value::FromBits(words[2]);
  if (kReports) facts_->closures.push_back({at, code, words[1]});
  for (uint32_t i = 0; i < words[1]; ++i) {
    const uint32_t from = words[3 + i];
    if ((from & kCaptureFree) == 0) {
      Read<kReports>(at, from);
      if (kReports) Supply(at, from, code, i);
    } else if (kReports) {
      const uint32_t number = from & ~kCaptureFree;
      facts_->free_count = std::max(facts_->free_count, number + 1);
      facts_->captures.push_back({at, code, i, number, CodeFacts::Supply::kFree});
    }
  }
  Write(A(words));
  origins_[A(words)] = {Origin::kClosure, at};
}

template <bool kReports>
bool CodeChecker::StepCall(uint32_t at, Op op) {
  const uint32_t* words = code_->instructions + at;
  const uint32_t a = A(words), b = B(words);
  const bool primitive = op == Op::kCallPrimitive;
  if (op == Op::kCall || op == Op::kTailCall) Read<kReports>(at, a);
  for (uint32_t i = 0; i < b; ++i) Read<kReports>(at, a + (primitive ? 0 : 3) + i);
  if (op == Op::kTailCall || op == Op::kTailCallGlobal) return false;
  Clobber(a);
  Write(a);
  return true;
}

template <bool kReports>
void CodeChecker::StepClosurePatch(uint32_t at) {
  const uint32_t* words = code_->instructions + at;
  const uint32_t a = A(words), b = B(words);
  Read<kReports>(at, b);
  if (!kReports) return;
  if (origins_[a].kind != Origin::kClosure || !Has(assigned(), a)) {
    Problem(at, "patches what need not be a new closure");
  } else if (const uint32_t* made = code_->instructions + origins_[a].number; words[1] >= made[1]) {
    Problem(at, "patches a free variable that the closure does not have");
  } else {
    Supply(at, b, Value::FromBits(made[2]), words[1]);
  }
}

absl::string_view CodeChecker::WhyNotHere(Op op) const {
  const bool counts_arguments = IsEntry(op) || op == Op::kArityError;
  if (state_ == Block::kMixed) return "entered by a jump, and with arguments,";
  if (state_ == Block::kEntry && !counts_arguments) return "an instruction before the arguments are counted";
  if (state_ == Block::kBody && counts_arguments) return "entry inside of code";
  return "";
}

template <bool kReports>
bool CodeChecker::Step(uint32_t at) {
  const uint32_t* words = code_->instructions + at;
  const Op op = OpAt(words);
  const uint32_t a = A(words), b = B(words);
  if (const absl::string_view why = WhyNotHere(op); !why.empty()) {
    if (kReports) Problem(at, why);
    return false;
  }
  switch (op) {
    case Op::kEnter:
      Enter(a);
      return true;
    case Op::kEnterRest:
      Enter(a + 1);
      return true;
    case Op::kEnterIf:
      MergeInto(static_cast<uint32_t>(Operand{OperandKind::kJump, 3, words[3]}.Target(at)), Block::kEntry);
      Enter(a + words[1]);
      return true;
    case Op::kMove:
      Read<kReports>(at, b);
      if (a != b) {
        const bool box = Has(boxes(), b);
        Write(a);
        if (box) boxes()[a / 64] |= uint64_t{1} << a % 64;
        origins_[a] = origins_[b];
      }
      return true;
    case Op::kMakeBox:
      Read<kReports>(at, b);
      Write(a);
      boxes()[a / 64] |= uint64_t{1} << a % 64;
      return true;
    case Op::kBoxRef:
      UseBox<kReports>(at, b);
      Write(a);
      return true;
    case Op::kBoxSet:
      UseBox<kReports>(at, a);
      Read<kReports>(at, b);
      return true;
    case Op::kLoadFree:
    case Op::kLoadFreeWide: {
      const uint32_t number = op == Op::kLoadFree ? b : words[1];
      if (kReports && number > kMaxHeaderCount) Problem(at, "no such free variable");
      if (kReports) facts_->free_count = std::max(facts_->free_count, number + 1);
      Write(a);
      origins_[a] = {Origin::kFree, number};
      return true;
    }
    case Op::kMakeClosure:
      StepMakeClosure<kReports>(at);
      return true;
    case Op::kClosurePatch:
      StepClosurePatch<kReports>(at);
      return true;
    case Op::kCall:
    case Op::kCallGlobal:
    case Op::kTailCall:
    case Op::kTailCallGlobal:
    case Op::kCallPrimitive:
      return StepCall<kReports>(at, op);
    default:
      break;
  }
  // All others only read registers and write one, as their operands say; a jump goes with the registers as they were.
  uint32_t written = frame_;
  ForEachOperand(words, [&](const Operand& operand) {
    if (operand.reads()) Read<kReports>(at, operand.bits);
    if (operand.writes()) written = operand.bits;
    if (operand.kind == OperandKind::kJump) MergeInto(static_cast<uint32_t>(operand.Target(at)), Block::kBody);
    return true;
  });
  if (written < frame_) Write(written);
  return InfoOf(op).flow == Flow::kNext;
}

// ---- In a heap

namespace {

class HeapContext : public CodeContext {
 public:
  explicit HeapContext(const Heap& heap) : heap_(heap) {}
  bool IsConstant(Value v) const override {
    return v != kUndefined && !heap_.Is<struct Cell>(v) && !heap_.Is<Box>(v) && !heap_.Is<StackChunk>(v);
  }
  bool IsCell(Value v) const override { return heap_.Is<struct Cell>(v); }
  bool IsAssignable(Value cell) const override { return !heap_.InReadOnly(heap_.Get<struct Cell>(cell)); }
  bool IsCode(Value v) const override { return heap_.Is<Code>(v); }
  bool PrimitiveTakes(uint32_t, uint32_t) const override { return true; }

 private:
  const Heap& heap_;
};

}  // namespace

absl::Status CheckCode(Heap& heap, const Code* code) {
  const HeapContext context(heap);
  CodeFacts facts;
  return CodeChecker(context).Check(code, &facts);
}

}  // namespace islet::vm
