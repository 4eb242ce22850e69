// First-class continuations. Capturing one moves the stack into the heap and leaves it empty; returning into it brings
// frames back, a handful at a time (Hieb, Dybvig and Bruggeman, "Representing control in the presence of first-class
// continuations", 1990). The same machinery makes room when the stack is full, so that recursion is limited by memory.

#include <cstring>
#include <string>

#include "isolate/interpreter/frame_walk.h"
#include "isolate/interpreter/run.h"
#include "isolate/interpreter/stubs.h"
#include "isolate/interpreter/vm.h"

namespace islet::vm {

namespace {

// Frames brought back at once hold about this many words.
constexpr int32_t kReinstatedWords = 256;

// Of frames that were copied to `words`, the last of which goes on at `pc`, `distance` words below a frame that would
// follow: a program may make each continuation from within the one before, and would keep all of them by registers that
// it is done with.
void ClearDeadRegisters(Vm& vm, Value* words, uint32_t length, uint32_t pc, int32_t distance) {
  vm.liveness_.Refresh(vm.heap());
  Value* end = words + length;
  while (distance != 0) {
    Value* const fp = end + 3 - distance;
    vm.liveness_.ClearDead(vm.heap(), fp, EndOfRegisters(vm, end, pc), pc);
    pc = ReturnAddress(fp).bits;
    distance = FrameDistance(fp);
    end = fp - 3;
  }
}

int32_t DepthOf(const Heap& heap, Value continuation) {
  return continuation == kFalse ? 0 : heap.Get<Continuation>(continuation)->depth.fixnum();
}

// Seals the words [run base, end) as a continuation to go on at `return_address`, `distance` words below `end` + 3.
Value Seal(Vm& vm, Value* end, Value return_address, Value distance) {
  Heap& heap = vm.heap();
  Value* base = vm.current_run_->base;
  const uint32_t length = static_cast<uint32_t>(end - base);
  Value chunk = kFalse;
  if (length != 0) {
    StackChunk* words = static_cast<StackChunk*>(
        heap.NewObject(ObjectType::kStackChunk, sizeof(StackChunk) + length * sizeof(Value), 0, 0));
    words->length = length;
    std::memcpy(words->words, base, length * sizeof(Value));
    ClearDeadRegisters(vm, words->words, length, return_address.bits, distance.fixnum());
    chunk = heap.ValueOf(words);
  }
  Continuation* k = heap.New<Continuation>();
  k->chunk = chunk;
  k->length = Value::Fixnum(static_cast<int32_t>(length));
  k->return_pc = return_address;
  k->frame_size = distance;
  k->next = vm.continuation_;
  k->depth = Value::Fixnum(static_cast<int32_t>(length) + DepthOf(heap, vm.continuation_));
  k->run = Value::Fixnum(vm.current_run_->serial);
  k->winders = vm.winders;
  k->handlers = vm.handlers;
  k->parameters = vm.parameters;
  return heap.ValueOf(k);
}

bool RunActive(const Vm& vm, int32_t serial) {
  for (const Run* run = vm.current_run_; run != nullptr; run = run->outer) {
    if (run->serial == serial) return true;
  }
  return false;
}

Value ListToValues(Vm& vm, Value list) {
  Heap& heap = vm.heap();
  if (list.IsPair() && heap.cdr(list) == kNull) return heap.car(list);
  vm.values_.clear();
  for (; list.IsPair(); list = heap.cdr(list)) vm.values_.push_back(heap.car(list));
  return kMultipleValues;
}

}  // namespace

Value StubAddress(const Vm& vm, uint32_t stub) {
  return Value::FromBits(vm.root(Root::kStubs).offset() + static_cast<uint32_t>(sizeof(Code)) + 4 * stub);
}

Value* EndOfRegisters(const Vm& vm, Value* header, uint32_t pc) {
  return pc == StubAddress(vm, static_cast<uint32_t>(Stub::kNoReturn)).bits ? header - 1 : header;
}

void SealBelow(Vm& vm, uint32_t words_above) {
  Value* fp = vm.frame_;
  Value* base = vm.current_run_->base;
  vm.continuation_ = Seal(vm, fp - 3, fp[-2], fp[-1]);
  std::memmove(base, fp - 3, (words_above + 3) * sizeof(Value));
  vm.frame_ = base + 3;
  vm.frame_[-2] = StubAddress(vm, static_cast<uint32_t>(Stub::kUnderflow));
  vm.frame_[-1] = Value::Fixnum(0);
}

Value CaptureContinuation(Vm& vm) {
  Value* fp = vm.frame_;
  Value* base = vm.current_run_->base;
  // At the bottom there is nothing to seal: what returns from here is the present continuation, or the host.
  const Value k = Seal(vm, fp - 3, fp[-2], fp[-1]);
  if (fp - 3 != base || fp[-2] != StubAddress(vm, static_cast<uint32_t>(Stub::kHalt))) {
    vm.continuation_ = k;
    vm.frame_ = base + 3;
    vm.frame_[-2] = StubAddress(vm, static_cast<uint32_t>(Stub::kUnderflow));
    vm.frame_[-1] = Value::Fixnum(0);
    // A program may capture at each step, and never fill the stack.
    if (StackAllowance(vm) == 0) vm.stack_limit_.store(nullptr);
  }
  return k;
}

bool Resume(Vm& vm, Value continuation, Value value) {
  Heap& heap = vm.heap();
  Value* base = vm.current_run_->base;
  const Value underflow = StubAddress(vm, static_cast<uint32_t>(Stub::kUnderflow));
  Continuation* k = heap.Get<Continuation>(continuation);
  while (k->length == Value::Fixnum(0) && k->return_pc == underflow) k = heap.Get<Continuation>(k->next);
  vm.continuation_ = k->next;
  vm.argc_ = 0;                         // nothing is being entered
  if (k->length == Value::Fixnum(0)) {  // straight back to the host
    base[0] = value;
    base[1] = k->return_pc;
    base[2] = Value::Fixnum(0);
    vm.frame_ = base + 3;
    vm.pc_ = reinterpret_cast<const uint32_t*>(heap.base() + k->return_pc.bits);
    return true;
  }
  const StackChunk* chunk = heap.Get<StackChunk>(k->chunk);
  const int32_t length = k->length.fixnum();
  const int32_t distance = k->frame_size.fixnum();
  int32_t total = distance;
  // Whole frames below, as long as they are small.
  while (total < length) {
    const int32_t below = chunk->words[length - total + 2].fixnum();
    if (below == 0 || total + below > kReinstatedWords) break;
    total += below;
  }
  std::memcpy(base, chunk->words + (length - total), static_cast<size_t>(total) * sizeof(Value));
  const Value return_pc = k->return_pc;
  if (total < length) {
    Continuation* rest = heap.New<Continuation>();
    std::memcpy(static_cast<void*>(rest), k, sizeof(Continuation));
    rest->length = Value::Fixnum(length - total);
    rest->return_pc = base[1];
    rest->frame_size = base[2];
    rest->depth = Value::Fixnum(k->depth.fixnum() - total);
    vm.continuation_ = heap.ValueOf(rest);
    base[1] = underflow;
    base[2] = Value::Fixnum(0);
  }
  base[total] = value;
  vm.frame_ = base + total + 3 - distance;
  vm.pc_ = reinterpret_cast<const uint32_t*>(heap.base() + return_pc.bits);
  // The frame's registers beyond what was sealed are written again before they are read, but must lie below the limit.
  const Value closure = vm.frame_[-3];
  const int32_t slots = heap.Get<Code>(heap.Get<Closure>(closure)->code)->frame_size.fixnum();
  if (!EnsureStack(vm, vm.frame_ + slots)) {
    vm.Terminate(absl::ResourceExhaustedError("no stack left to return to a continuation"));
    return false;
  }
  // A loop may consist of nothing but this.
  if (vm.interrupt_.load(std::memory_order_relaxed) != 0 && !HandleInterrupt(vm)) return false;
  if (heap.WantsCollection()) return SafepointCollect(vm);
  return true;
}

bool ApplyContinuation(Vm& vm, Value continuation) {
  Heap& heap = vm.heap();
  Continuation* k = heap.Get<Continuation>(continuation);
  Value* fp = vm.frame_;
  if (vm.argc_ != 1 && !TakesSeveralValues(vm, k)) {
    vm.values_.assign(fp, fp + vm.argc_);
    vm.WrongValueCount();
    return HandleException(vm);
  }
  if (k->winders == vm.winders && k->run.fixnum() == vm.current_run_->serial) {
    Value value;
    if (vm.argc_ == 1) {
      value = fp[0];
    } else {
      vm.values_.assign(fp, fp + vm.argc_);
      value = kMultipleValues;
    }
    vm.handlers = k->handlers;
    vm.parameters = k->parameters;
    return Resume(vm, continuation, value);
  }
  Value values = kNull;
  for (uint32_t i = vm.argc_; i > 0; --i) values = heap.Cons(fp[i - 1], values);
  if (k->winders == vm.winders || !heap.Is<Closure>(vm.root(Root::kReroot))) {
    return ThrowTo(vm, continuation, values);
  }
  if (!RunActive(vm, k->run.fixnum())) return ThrowTo(vm, continuation, values);  // the error
  if (!EnsureStack(vm, fp + 16)) {
    vm.Terminate(absl::ResourceExhaustedError("no stack left to apply a continuation"));
    return false;
  }
  fp = vm.frame_;
  fp[-3] = vm.root(Root::kReroot);
  fp[0] = continuation;
  fp[1] = values;
  vm.argc_ = 2;
  return EnterCallee(vm);
}

bool ThrowTo(Vm& vm, Value continuation, Value values) {
  Heap& heap = vm.heap();
  Continuation* k = heap.TryGet<Continuation>(continuation);
  if (k == nullptr) {
    vm.WrongType("%throw", 1, "a continuation", continuation);
    return HandleException(vm);
  }
  if (k->run.fixnum() == vm.current_run_->serial) {
    vm.winders = k->winders;
    vm.handlers = k->handlers;
    vm.parameters = k->parameters;
    return Resume(vm, continuation, ListToValues(vm, values));
  }
  if (!RunActive(vm, k->run.fixnum())) {
    vm.Error("error", "", "a continuation cannot re-enter a host function that has returned");
    return HandleException(vm);
  }
  // Leave this run, and the host function that started it; the outer run goes on there.
  vm.Terminate(absl::AbortedError("control left the call through a continuation"));
  vm.escape_ = continuation;
  vm.escape_value_ = ListToValues(vm, values);
  return false;
}

}  // namespace islet::vm
