#include "isolate/compiler/code_checker.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "isolate/interpreter/opcode.h"

namespace islet::vm {
namespace {

absl::Status Bad(uint64_t word, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("bytecode: ", what, " at word ", word));
}

bool EndsControl(Op op) {
  switch (op) {
    case Op::kJump:
    case Op::kLoop:
    case Op::kTailCall:
    case Op::kTailCallGlobal:
    case Op::kReturn:
    case Op::kArityError:
    case Op::kApply:
    case Op::kCallCC:
    case Op::kValues:
    case Op::kCallWithValues:
    case Op::kCallWithValuesReturn:
    case Op::kThrow:
    case Op::kNoReturn:
    case Op::kUnderflow:
    case Op::kHalt:
      return true;
    default:
      return false;
  }
}

}  // namespace

absl::Status CheckCode(Heap& heap, const Code* code) {
  const uint64_t count = code->instruction_count;
  constexpr uint64_t kFixedWords = sizeof(Code) / 4;
  if (kFixedWords + count + code->ref_count > code->word_count)
    return Bad(0, "more words than there are");
  if (!code->frame_size.IsFixnum()) return Bad(0, "no frame size");
  const uint64_t frame = static_cast<uint64_t>(std::max(code->frame_size.fixnum(), 0));
  std::vector<bool> starts(count);
  std::vector<std::pair<uint64_t, int64_t>> jumps;
  uint32_t ref = 0;
  Op op = Op::kJump;
  for (uint64_t at = 0; at < count;) {
    const uint32_t* words = code->instructions + at;
    if ((words[0] & 0xff) >= static_cast<uint32_t>(kOpCount)) return Bad(at, "no such opcode");
    op = static_cast<Op>(words[0] & 0xff);
    if (op == Op::kMakeClosure && at + 2 > count) return Bad(at, "instruction cut off");
    const uint64_t length = InstructionWords(words);
    if (length > count - at) return Bad(at, "instruction cut off");
    starts[at] = true;

    const auto is_value = [&](uint64_t index) {
      return ref < code->ref_count && code->refs()[ref++] == at + index;
    };
    const uint32_t a = words[0] >> 8 & 0xff, b = words[0] >> 16 & 0xff;
    uint32_t field = 1;
    uint64_t next = 1;
    const auto byte = [&] { return words[0] >> 8 * field++ & 0xff; };
    if (op == Op::kMakeClosure) {
      if (a >= frame) return Bad(at, "register outside of the frame");
      if (!is_value(2)) return Bad(at, "Value not in refs");
      if (!heap.Is<Code>(Value::FromBits(words[2]))) return Bad(at, "closure without code");
      for (uint64_t i = 3; i < length; ++i) {
        if (!(words[i] & kCaptureFree) && words[i] >= frame)
          return Bad(at, "capture outside of the frame");
      }
    } else {
      for (const char* operand = kOpInfo[words[0] & 0xff].operands; *operand; ++operand) {
        switch (*operand) {
          case 'r':
          case 'w':
            if (byte() >= frame) return Bad(at, "register outside of the frame");
            break;
          case 'S':
            break;
          case 'V':
            if (!is_value(next++)) return Bad(at, "Value not in refs");
            break;
          case 'J':
            jumps.emplace_back(
                at, static_cast<int64_t>(at + next + 1) + static_cast<int32_t>(words[next]));
            ++next;
            break;
          case 'U':
            ++next;
            break;
          case 'R':
            if (words[next++] >= frame) return Bad(at, "register outside of the frame");
            break;
          default:
            byte();
        }
      }
    }
    switch (op) {
      case Op::kCall:
      case Op::kTailCall:
      case Op::kCallGlobal:
      case Op::kTailCallGlobal:
        if (a + uint64_t{3} + b > frame) return Bad(at, "call window outside of the frame");
        break;
      case Op::kCallPrimitive:
        if (a + uint64_t{b} > frame) return Bad(at, "call window outside of the frame");
        break;
      case Op::kEnter:
      case Op::kEnterRest:
        if (at != 0) return Bad(at, "entry inside of code");
        if (words[1] != frame || a + uint64_t{op == Op::kEnterRest} > frame)
          return Bad(at, "frame size");
        break;
      case Op::kEnterIf:
        if (words[1] > 1 || words[2] != frame || a + uint64_t{words[1]} > frame)
          return Bad(at, "frame size");
        break;
      case Op::kLoadWide:
      case Op::kStoreWide:
        if (words[1] >= frame) return Bad(at, "register outside of the frame");
        break;
      case Op::kGlobalRef:
      case Op::kGlobalSet:
      case Op::kGlobalDefine:
        if (!heap.Is<Cell>(Value::FromBits(words[1]))) return Bad(at, "not a cell");
        break;
      default:
        break;
    }
    if ((op == Op::kCallGlobal || op == Op::kTailCallGlobal) &&
        !heap.Is<Cell>(Value::FromBits(words[1]))) {
      return Bad(at, "not a cell");
    }
    at += length;
  }
  if (count == 0 || !EndsControl(op)) return Bad(count, "control runs off the end");
  if (ref != code->ref_count) return Bad(count, "refs that are no Values");
  for (const auto& [from, target] : jumps) {
    if (target < 0 || target >= static_cast<int64_t>(count) ||
        !starts[static_cast<uint64_t>(target)]) {
      return Bad(from, "jump to no instruction");
    }
  }
  return absl::OkStatus();
}

}  // namespace islet::vm
