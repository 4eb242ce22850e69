#include "isolate/interpreter/stubs.h"

#include <cstring>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "isolate/heap/arity.h"
#include "isolate/heap/heap.h"
#include "isolate/interpreter/opcode.h"
#include "isolate/interpreter/vm.h"

namespace islet::vm {

namespace {

constexpr uint32_t Plain(Op op) { return static_cast<uint32_t>(op); }

Value MakeCode(Vm& vm, absl::Span<const uint32_t> instructions, Value name, Arity arity, int32_t slots) {
  const size_t bytes = (sizeof(Code) + instructions.size() * 4 + 7) & ~size_t{7};
  Code* code = static_cast<Code*>(vm.heap().NewUnmoving(ObjectType::kCode, bytes, 0, 0));
  code->word_count = static_cast<uint32_t>(bytes / 4);
  code->instruction_count = static_cast<uint32_t>(instructions.size());
  code->ref_count = 0;
  code->name = name;
  code->arity = arity.ToValue();
  code->frame_size = Value::Fixnum(slots);
  code->positions = kFalse;
  code->file = kFalse;
  std::memcpy(code->instructions, instructions.data(), instructions.size() * 4);
  return vm.heap().ValueOf(code);
}

constexpr Arity Exactly(uint32_t n) { return {.least = n}; }
constexpr Arity AtLeast(uint32_t n) { return {.least = n, .rest = true}; }
constexpr uint32_t Enter(uint32_t n) { return Plain(Op::kEnter) | n << 8; }

constexpr int32_t kSlots = 16;
constexpr uint32_t kReturnStubs[] = {Plain(Op::kHalt), Plain(Op::kUnderflow), Plain(Op::kNoReturn)};
constexpr uint32_t kApply[] = {Plain(Op::kApply)};
constexpr uint32_t kCallCC[] = {Enter(1), kSlots, Plain(Op::kCallCC)};
constexpr uint32_t kValues[] = {Plain(Op::kValues)};
constexpr uint32_t kCallWithValues[] = {Enter(2), kSlots, Plain(Op::kCallWithValues), Plain(Op::kCallWithValuesReturn)};
constexpr uint32_t kThrow[] = {Enter(2), kSlots, Plain(Op::kThrow)};

struct StubProcedure {
  absl::string_view name;
  absl::Span<const uint32_t> instructions;
  Arity arity;
  int32_t slots;
};
constexpr StubProcedure kStubProcedures[] = {
    {"apply", kApply, AtLeast(2), 0},       {"%call/cc", kCallCC, Exactly(1), kSlots},
    {"values", kValues, AtLeast(0), 0},     {"call-with-values", kCallWithValues, Exactly(2), kSlots},
    {"%throw", kThrow, Exactly(2), kSlots},
};

bool HasInstructions(const Code* code, absl::Span<const uint32_t> instructions, int32_t slots) {
  return code->instruction_count == instructions.size() && code->ref_count == 0 &&
         code->frame_size == Value::Fixnum(slots) &&
         std::memcmp(code->instructions, instructions.data(), instructions.size() * 4) == 0;
}

}  // namespace

void MakeStubs(Vm& vm) { vm.set_root(Root::kStubs, MakeCode(vm, kReturnStubs, kFalse, Exactly(0), 0)); }

Value MakeStubProcedure(Vm& vm, absl::string_view name) {
  for (const StubProcedure& stub : kStubProcedures) {
    if (stub.name != name) continue;
    const Value code = MakeCode(vm, stub.instructions, vm.Intern(name), stub.arity, stub.slots);
    Closure* closure = vm.heap().New<Closure>();
    closure->code = code;
    return vm.heap().ValueOf(closure);
  }
  return kUndefined;
}

bool IsStubProcedure(const Code* code) {
  for (const StubProcedure& stub : kStubProcedures) {
    if (HasInstructions(code, stub.instructions, stub.slots)) return true;
  }
  return false;
}

bool IsReturnStubs(const Code* code) { return HasInstructions(code, kReturnStubs, 0); }

}  // namespace islet::vm
