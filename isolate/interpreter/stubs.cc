#include "isolate/interpreter/stubs.h"

#include <cstring>
#include <string_view>

#include "absl/types/span.h"
#include "isolate/heap/heap.h"
#include "isolate/interpreter/opcode.h"
#include "isolate/interpreter/vm.h"

namespace islet::vm {

namespace {

constexpr uint32_t Plain(Op op) { return static_cast<uint32_t>(op); }

Value MakeCode(Vm& vm, absl::Span<const uint32_t> instructions, Value name, int32_t arity, int32_t slots) {
  const size_t bytes = (sizeof(Code) + instructions.size() * 4 + 7) & ~size_t{7};
  Code* code = static_cast<Code*>(vm.heap().NewUnmoving(ObjectType::kCode, bytes, 0, 0));
  code->word_count = static_cast<uint32_t>(bytes / 4);
  code->instruction_count = static_cast<uint32_t>(instructions.size());
  code->ref_count = 0;
  code->name = name;
  code->arity = Value::Fixnum(arity);
  code->frame_size = Value::Fixnum(slots);
  code->positions = kFalse;
  code->file = kFalse;
  std::memcpy(code->instructions, instructions.data(), instructions.size() * 4);
  return vm.heap().ValueOf(code);
}

constexpr int32_t Exactly(int32_t n) { return n << 9; }
constexpr int32_t AtLeast(int32_t n) { return n << 9 | 1; }
constexpr uint32_t Enter(uint32_t n) { return Plain(Op::kEnter) | n << 8; }

}  // namespace

void MakeStubs(Vm& vm) {
  const uint32_t instructions[] = {Plain(Op::kHalt), Plain(Op::kUnderflow), Plain(Op::kNoReturn)};
  vm.set_root(Root::kStubs, MakeCode(vm, instructions, kFalse, 0, 0));
}

Value MakeStubProcedure(Vm& vm, std::string_view name) {
  constexpr uint32_t kSlots = 16;
  Value code;
  const Value symbol = vm.Intern(name);
  if (name == "apply") {
    const uint32_t words[] = {Plain(Op::kApply)};
    code = MakeCode(vm, words, symbol, AtLeast(2), 0);
  } else if (name == "%call/cc") {
    const uint32_t words[] = {Enter(1), kSlots, Plain(Op::kCallCC)};
    code = MakeCode(vm, words, symbol, Exactly(1), kSlots);
  } else if (name == "values") {
    const uint32_t words[] = {Plain(Op::kValues)};
    code = MakeCode(vm, words, symbol, AtLeast(0), 0);
  } else if (name == "call-with-values") {
    const uint32_t words[] = {Enter(2), kSlots, Plain(Op::kCallWithValues), Plain(Op::kCallWithValuesReturn)};
    code = MakeCode(vm, words, symbol, Exactly(2), kSlots);
  } else if (name == "%throw") {
    const uint32_t words[] = {Enter(2), kSlots, Plain(Op::kThrow)};
    code = MakeCode(vm, words, symbol, Exactly(2), kSlots);
  } else {
    return kUndefined;
  }
  Closure* closure = vm.heap().New<Closure>();
  closure->code = code;
  return vm.heap().ValueOf(closure);
}

}  // namespace islet::vm
