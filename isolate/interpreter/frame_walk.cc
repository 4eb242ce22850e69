#include "isolate/interpreter/frame_walk.h"

#include "isolate/interpreter/opcode.h"
#include "isolate/interpreter/run.h"
#include "isolate/interpreter/stubs.h"

namespace islet::vm {

FrameWalk::FrameWalk(Vm& vm) : vm_(vm), next_(State(vm).continuation) {
  const Value* fp = State(vm).frame;
  GoBelow(fp - kFrameHeaderWords, HeaderOf(fp).return_address, HeaderOf(fp).distance.fixnum());
}

FrameWalk::FrameWalk(Vm& vm, const Continuation* continuation) : vm_(vm), next_(vm.heap().ValueOf(continuation)) {
  GoBelow(nullptr, StubAddress(vm, static_cast<uint32_t>(Stub::kUnderflow)), 0);
}

void FrameWalk::Next() { GoBelow(header_, HeaderAt(header_).return_address, HeaderAt(header_).distance.fixnum()); }

void FrameWalk::GoBelow(const Value* header, Value return_address, int32_t distance) {
  if (distance != 0) return Stand(header, return_address, distance);
  const Value underflow = StubAddress(vm_, static_cast<uint32_t>(Stub::kUnderflow));
  header_ = nullptr;
  // A continuation may have no frames of its own.
  while (header_ == nullptr && return_address == underflow && next_ != kFalse) {
    const Continuation* continuation = vm_.heap().Get<Continuation>(next_);
    return_address = continuation->return_pc;
    Enter(continuation);
  }
}

void FrameWalk::Enter(const Continuation* continuation) {
  next_ = continuation->next;
  const StackChunk* chunk = vm_.heap().TryGet<StackChunk>(continuation->chunk);
  if (chunk == nullptr) return;
  Stand(chunk->words + continuation->length.fixnum(), continuation->return_pc, continuation->frame_size.fixnum());
}

void FrameWalk::Stand(const Value* above, Value return_address, int32_t distance) {
  above_ = above;
  header_ = above - distance;
  return_address_ = InstructionAt(vm_.heap().base(), return_address);
}

Value FrameWalk::callee() const { return HeaderAt(header_).callee; }

bool FrameWalk::raised() const { return static_cast<Op>(*return_address_ & 0xff) == Op::kNoReturn; }

uint32_t FrameWalk::at() const { return raised() ? RaisedAt(above_).bits : vm_.heap().OffsetOf(return_address_) - 4; }

namespace {

bool TakesSeveral(FrameWalk walk) {
  for (; !walk.done(); walk.Next()) {
    const Op op = static_cast<Op>(*walk.return_address() & 0xff);
    if (op == Op::kCallWithValuesReturn || op == Op::kNoReturn) return true;
    const Taken taken = TakenAt(walk.return_address());
    if (taken != Taken::kPassedOn) return taken == Taken::kIgnored;
  }
  return true;
}

}  // namespace

bool TakesSeveralValues(Vm& vm) { return TakesSeveral(FrameWalk(vm)); }

bool TakesSeveralValues(Vm& vm, const Continuation* continuation) { return TakesSeveral(FrameWalk(vm, continuation)); }

}  // namespace islet::vm
