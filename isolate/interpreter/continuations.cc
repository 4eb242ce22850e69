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
  State(vm).liveness.Refresh(vm.heap());
  Value* end = words + length;
  while (distance != 0) {
    Value* const fp = end + kFrameHeaderWords - distance;
    State(vm).liveness.ClearDead(vm.heap(), fp, EndOfRegisters(vm, end, pc), pc);
    const FrameHeader& header = HeaderOf(fp);
    pc = header.return_address.bits;
    distance = header.distance.fixnum();
    end = fp - kFrameHeaderWords;
  }
}

int32_t DepthOf(const Heap& heap, Value continuation) {
  return continuation == kFalse ? 0 : heap.Get<Continuation>(continuation)->depth.fixnum();
}

// Seals the words [run base, end) as a continuation to go on at `return_address`, `distance` words below the
// registers of the frame whose header is at `end`.
Value Seal(Vm& vm, Value* end, Value return_address, Value distance) {
  Heap& heap = vm.heap();
  Value* base = State(vm).current_run->base;
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
  k->next = State(vm).continuation;
  k->depth = Value::Fixnum(static_cast<int32_t>(length) + DepthOf(heap, State(vm).continuation));
  k->run = Value::Fixnum(State(vm).current_run->serial);
  k->winders = State(vm).winders;
  k->handlers = State(vm).handlers;
  k->parameters = State(vm).parameters;
  return heap.ValueOf(k);
}

bool RunActive(const Vm& vm, int32_t serial) {
  for (const Run* run = State(vm).current_run; run != nullptr; run = run->outer) {
    if (run->serial == serial) return true;
  }
  return false;
}

Value ListToValues(Vm& vm, Value list) {
  Heap& heap = vm.heap();
  if (list.IsPair() && heap.cdr(list) == kNull) return heap.car(list);
  State(vm).values.clear();
  for (; list.IsPair(); list = heap.cdr(list)) State(vm).values.push_back(heap.car(list));
  return kMultipleValues;
}

}  // namespace

Value StubAddress(const Vm& vm, uint32_t stub) {
  return Value::FromBits(vm.root(Root::kStubs).offset() + static_cast<uint32_t>(sizeof(Code)) + 4 * stub);
}

Value* EndOfRegisters(const Vm& vm, Value* header, uint32_t pc) {
  return pc == StubAddress(vm, static_cast<uint32_t>(Stub::kNoReturn)).bits ? header - 1 : header;
}

// The frame that runs is the lowest on the stack: when it returns, the continuation goes on.
void PlaceAtBottom(Vm& vm) {
  State(vm).frame = State(vm).current_run->base + kFrameHeaderWords;
  FrameHeader& header = HeaderOf(State(vm).frame);
  header.return_address = StubAddress(vm, static_cast<uint32_t>(Stub::kUnderflow));
  header.distance = Value::Fixnum(0);
}

void SealBelow(Vm& vm, uint32_t words_above) {
  Value* fp = State(vm).frame;
  Value* base = State(vm).current_run->base;
  Value* header = fp - kFrameHeaderWords;
  State(vm).continuation = Seal(vm, header, HeaderAt(header).return_address, HeaderAt(header).distance);
  std::memmove(base, header, (words_above + kFrameHeaderWords) * sizeof(Value));
  PlaceAtBottom(vm);
}

Value CaptureContinuation(Vm& vm) {
  Value* fp = State(vm).frame;
  Value* base = State(vm).current_run->base;
  // At the bottom there is nothing to seal: what returns from here is the present continuation, or the host.
  Value* header = fp - kFrameHeaderWords;
  const Value return_address = HeaderAt(header).return_address;
  const Value k = Seal(vm, header, return_address, HeaderAt(header).distance);
  if (header != base || return_address != StubAddress(vm, static_cast<uint32_t>(Stub::kHalt))) {
    State(vm).continuation = k;
    PlaceAtBottom(vm);
    // A program may capture at each step, and never fill the stack.
    if (StackAllowance(vm) == 0) State(vm).stack_limit.store(nullptr);
  }
  return k;
}

bool Resume(Vm& vm, Value continuation, Value value) {
  Heap& heap = vm.heap();
  Value* base = State(vm).current_run->base;
  const Value underflow = StubAddress(vm, static_cast<uint32_t>(Stub::kUnderflow));
  Continuation* k = heap.Get<Continuation>(continuation);
  while (k->length == Value::Fixnum(0) && k->return_pc == underflow) k = heap.Get<Continuation>(k->next);
  State(vm).continuation = k->next;
  State(vm).argc = 0;                   // nothing is being entered
  if (k->length == Value::Fixnum(0)) {  // straight back to the host
    HeaderAt(base) = {value, k->return_pc, Value::Fixnum(0)};
    State(vm).frame = base + kFrameHeaderWords;
    State(vm).pc = InstructionAt(heap.base(), k->return_pc);
    return true;
  }
  const StackChunk* chunk = heap.Get<StackChunk>(k->chunk);
  const int32_t length = k->length.fixnum();
  const int32_t distance = k->frame_size.fixnum();
  int32_t total = distance;
  // Whole frames below, as long as they are small.
  while (total < length) {
    const int32_t below = HeaderAt(chunk->words + (length - total)).distance.fixnum();
    if (below == 0 || total + below > kReinstatedWords) break;
    total += below;
  }
  std::memcpy(base, chunk->words + (length - total), static_cast<size_t>(total) * sizeof(Value));
  const Value return_pc = k->return_pc;
  if (total < length) {
    Continuation* rest = heap.New<Continuation>();
    std::memcpy(static_cast<void*>(rest), k, sizeof(Continuation));
    rest->length = Value::Fixnum(length - total);
    rest->return_pc = HeaderAt(base).return_address;
    rest->frame_size = HeaderAt(base).distance;
    rest->depth = Value::Fixnum(k->depth.fixnum() - total);
    State(vm).continuation = heap.ValueOf(rest);
    HeaderAt(base).return_address = underflow;
    HeaderAt(base).distance = Value::Fixnum(0);
  }
  base[total] = value;
  State(vm).frame = base + total + kFrameHeaderWords - distance;
  State(vm).pc = InstructionAt(heap.base(), return_pc);
  // The frame's registers beyond what was sealed are written again before they are read, but must lie below the limit.
  const Value closure = HeaderOf(State(vm).frame).callee;
  const int32_t slots = heap.Get<Code>(heap.Get<Closure>(closure)->code)->frame_size.fixnum();
  if (!EnsureStack(vm, State(vm).frame + slots)) {
    vm.Terminate(absl::ResourceExhaustedError("no stack left to return to a continuation"));
    return false;
  }
  // A loop may consist of nothing but this.
  if (State(vm).interrupt.load(std::memory_order_relaxed) != 0 && !HandleInterrupt(vm)) return false;
  if (heap.WantsCollection()) return SafepointCollect(vm);
  return true;
}

bool ApplyContinuation(Vm& vm, Value continuation) {
  Heap& heap = vm.heap();
  Continuation* k = heap.Get<Continuation>(continuation);
  Value* fp = State(vm).frame;
  if (State(vm).argc != 1 && !TakesSeveralValues(vm, k)) {
    State(vm).values.assign(fp, fp + State(vm).argc);
    vm.WrongValueCount();
    return HandleException(vm);
  }
  if (k->winders == State(vm).winders && k->run.fixnum() == State(vm).current_run->serial) {
    Value value;
    if (State(vm).argc == 1) {
      value = fp[0];
    } else {
      State(vm).values.assign(fp, fp + State(vm).argc);
      value = kMultipleValues;
    }
    State(vm).handlers = k->handlers;
    State(vm).parameters = k->parameters;
    return Resume(vm, continuation, value);
  }
  Value values = kNull;
  for (uint32_t i = State(vm).argc; i > 0; --i) values = heap.Cons(fp[i - 1], values);
  if (k->winders == State(vm).winders || !heap.Is<Closure>(vm.root(Root::kReroot))) {
    return ThrowTo(vm, continuation, values);
  }
  if (!RunActive(vm, k->run.fixnum())) return ThrowTo(vm, continuation, values);  // the error
  if (!EnsureStack(vm, fp + kRoomForCall)) {
    vm.Terminate(absl::ResourceExhaustedError("no stack left to apply a continuation"));
    return false;
  }
  fp = State(vm).frame;
  HeaderOf(fp).callee = vm.root(Root::kReroot);
  fp[0] = continuation;
  fp[1] = values;
  State(vm).argc = 2;
  return EnterCallee(vm);
}

bool ThrowTo(Vm& vm, Value continuation, Value values) {
  Heap& heap = vm.heap();
  Continuation* k = heap.TryGet<Continuation>(continuation);
  if (k == nullptr) {
    vm.WrongType("%throw", 1, "a continuation", continuation);
    return HandleException(vm);
  }
  if (k->run.fixnum() == State(vm).current_run->serial) {
    State(vm).winders = k->winders;
    State(vm).handlers = k->handlers;
    State(vm).parameters = k->parameters;
    return Resume(vm, continuation, ListToValues(vm, values));
  }
  if (!RunActive(vm, k->run.fixnum())) {
    vm.Error("error", "", "a continuation cannot re-enter a host function that has returned");
    return HandleException(vm);
  }
  // Leave this run, and the host function that started it; the outer run goes on there.
  vm.Terminate(absl::AbortedError("control left the call through a continuation"));
  State(vm).escape = continuation;
  State(vm).escape_value = ListToValues(vm, values);
  return false;
}

}  // namespace islet::vm
