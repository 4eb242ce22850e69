// Calls that leave the fast path: to primitives, host functions, parameters and continuations; errors on their way to a
// handler; more stack; interrupts.

#include <algorithm>
#include <cstring>
#include <iterator>
#include <string>

#include "isolate/heap/arity.h"
#include "isolate/heap/poll.h"
#include "isolate/interpreter/frame_walk.h"
#include "isolate/interpreter/opcode.h"
#include "isolate/interpreter/run.h"
#include "isolate/interpreter/stubs.h"
#include "isolate/interpreter/vm.h"

namespace islet::vm {

namespace {

// Words that stay free at the end of the stack for headers of frames that are about to ask for more.
constexpr ptrdiff_t kStackMargin = 512;

// Gives up the frame at frame: its caller is to go on.
void LeaveFrame(Vm& vm) {
  Value* const fp = State(vm).frame;
  State(vm).pc = InstructionAt(vm.heap().base(), HeaderOf(fp).return_address);
  State(vm).frame = fp - HeaderOf(fp).distance.fixnum();
}

// Leaves the frame at frame with `result`.
void ReturnFromCallee(Vm& vm, Value result) {
  HeaderOf(State(vm).frame).callee = result;
  LeaveFrame(vm);
}

bool NoStackForHandler(Vm& vm) {
  vm.Terminate(absl::ResourceExhaustedError("no stack left to handle an error"));
  return false;
}

bool FinishCall(Vm& vm, Value result) {
  if (result == kMultipleValues && !TakesSeveralValues(vm)) result = vm.WrongValueCount();
  if (result == kException) return HandleException(vm);
  State(vm).terminating = false;
  ReturnFromCallee(vm, result);
  // At the bottom of the stack frame is the callee's own frame, whose header holds the result: still a root.
  if (vm.heap().WantsCollection()) return SafepointCollect(vm);
  return true;
}

// A parameter object called without arguments (R7RS 4.2.6). The list is as long as parameterize is nested deeply.
Value ParameterValue(Vm& vm, Value parameter) {
  Heap& heap = vm.heap();
  StepCounter steps;
  for (Value list = State(vm).parameters; list.IsPair(); list = heap.cdr(list)) {
    if (!steps.Add(1)) return kException;
    const Value binding = heap.car(list);
    if (binding.IsPair() && heap.car(binding) == parameter) return heap.cdr(binding);
  }
  return heap.Get<Parameter>(parameter)->value;
}

// True if the run is being given up, and not for one that goes on elsewhere.
bool Ending(const Vm& vm) { return State(vm).terminating && State(vm).escape == kUndefined; }

// Registers that the frames of this run will not read again must keep nothing alive.
void ClearDeadRegisters(Vm& vm, Value* top) {
  Heap& heap = vm.heap();
  State(vm).liveness.Refresh(heap);
  std::fill(std::begin(State(vm).scratch), std::end(State(vm).scratch), kUndefined);
  uint32_t pc = heap.OffsetOf(State(vm).pc);
  Value* end = top;
  // On entry to a procedure only its arguments are its own yet.
  if (IsEntry(static_cast<Op>(*State(vm).pc & 0xff))) end = std::min(top, State(vm).frame + State(vm).argc);
  std::fill(end, top, Value::Fixnum(0));
  for (Value* fp = State(vm).frame;;) {
    State(vm).liveness.ClearDead(heap, fp, end, pc);
    const int32_t distance = HeaderOf(fp).distance.fixnum();
    if (distance == 0) return;
    pc = HeaderOf(fp).return_address.bits;
    end = EndOfRegisters(vm, fp - kFrameHeaderWords, pc);
    fp -= distance;
  }
}

// An interrupt that comes between these lines must not be lost: both orders are sequentially consistent.
void RestoreStackLimit(Vm& vm) {
  State(vm).stack_limit.store(State(vm).soft_limit);
  if (State(vm).interrupt.load() != 0) State(vm).stack_limit.store(nullptr);
}

void SetSoftLimit(Vm& vm, Value* limit) {
  State(vm).soft_limit = limit;
  vm.heap().SetStackTop(limit, limit);
  RestoreStackLimit(vm);
}

// Less of the stack may be used than before: a limit was set, or frames have gone to the heap.
// Nothing from `end` on is in use.
void LowerToAllowance(Vm& vm, Value* end) {
  Value* const begin = vm.heap().stack_begin();
  const uint64_t allowance = StackAllowance(vm);
  if (allowance >= static_cast<uint64_t>(State(vm).soft_limit - begin)) return;
  Value* const limit = std::max(begin + allowance, end + kPastSoftLimit);
  if (limit >= State(vm).soft_limit) return;
  // Words further up read as zero.
  std::fill(limit, std::min(State(vm).soft_limit + kPastSoftLimit, vm.heap().stack_end()), Value{});
  SetSoftLimit(vm, limit);
}

// May the running procedure have its frame, of so many registers, where it is? False: the run is being given up.
bool StackIsAllowed(Vm& vm, uint32_t slots) {
  const auto depth = [&] { return static_cast<uint64_t>(State(vm).frame + slots - vm.heap().stack_begin()); };
  while (depth() > StackAllowance(vm)) {
    if (!MayGoOn(vm, Limit::kStack)) return false;
  }
  return true;
}

// The heap limit is reached. False: the run is being given up.
bool HeapMayGrow(Vm& vm) {
  const size_t limit = vm.heap().EffectiveLimit();
  if (!MayGoOn(vm, Limit::kHeap)) return false;
  if (vm.heap().EffectiveLimit() > limit) return true;
  GiveUp(vm, Limit::kHeap);  // more than the cage can hold
  return false;
}

}  // namespace

Value* HardLimit(const Vm& vm) { return const_cast<Vm&>(vm).heap().stack_end() - kStackMargin; }

Value* StackTop(const Vm& vm) {
  Heap& heap = const_cast<Vm&>(vm).heap();
  Value* top = State(vm).frame + State(vm).argc;
  const Value callee = HeaderOf(State(vm).frame).callee;
  if (heap.Is<Closure>(callee)) {
    const Value code = heap.Get<Closure>(callee)->code;
    top = std::max(top, State(vm).frame + heap.Get<Code>(code)->frame_size.fixnum());
  }
  return std::min(top, std::max(State(vm).soft_limit, State(vm).frame));
}

bool EnsureStack(Vm& vm, Value* end) {
  if (end <= State(vm).soft_limit) return true;
  Value* hard = HardLimit(vm);
  if (end > hard) {
    if (State(vm).frame - kFrameHeaderWords == State(vm).current_run->base) return false;
    const ptrdiff_t above = end - State(vm).frame;
    SealBelow(vm, static_cast<uint32_t>(std::max<ptrdiff_t>(StackTop(vm) - State(vm).frame, 0)));
    end = State(vm).frame + above;
    if (end > hard) return false;
    LowerToAllowance(vm, end);
    if (end <= State(vm).soft_limit) return true;
  }
  return RaiseSoftLimit(vm, end);
}

bool RaiseSoftLimit(Vm& vm, Value* end) {
  if (end <= State(vm).soft_limit) return true;
  Value* hard = HardLimit(vm);
  if (end > hard) return false;
  // Twice what was there: the words below the soft limit are scanned at each collection.
  Value* begin = vm.heap().stack_begin();
  const ptrdiff_t needed = end - begin + kPastSoftLimit;
  ptrdiff_t grown = std::max(2 * (State(vm).soft_limit - begin), needed);
  if (const uint64_t allowance = StackAllowance(vm); static_cast<uint64_t>(grown) > allowance) {
    grown = std::max(static_cast<ptrdiff_t>(allowance), needed);
  }
  SetSoftLimit(vm, std::min(hard, begin + grown));
  return true;
}

bool EnterSlow(Vm& vm, uint32_t slots) {
  if (State(vm).stack_limit.load(std::memory_order_relaxed) == nullptr && !HandleInterrupt(vm)) return false;
  if (!StackIsAllowed(vm, slots)) return false;
  if (!EnsureStack(vm, State(vm).frame + slots)) {
    GiveUpNested(vm);
    return false;
  }
  if (vm.heap().WantsCollection()) return SafepointCollect(vm);
  return true;
}

bool SafepointCollect(Vm& vm) {
  State(vm).tail_caller = kFalse;  // its call has been entered
  // Who is being ended needs no more room, and is not to wait.
  if (Ending(vm) || (State(vm).interrupt.load(std::memory_order_relaxed) != 0 && !HandleInterrupt(vm))) return false;
  if (!vm.heap().CollectionIsDue()) return true;
  Value* top = StackTop(vm);
  ClearDeadRegisters(vm, top);
  const auto collect = [&vm, top] {
    vm.heap().SetStackTop(top, State(vm).soft_limit);
    const bool fits = vm.heap().Collect();
    // The next procedure to be called may have its frame above, and reserve.
    vm.heap().SetStackTop(State(vm).soft_limit, State(vm).soft_limit);
    return fits;
  };
  bool fits = collect();
  if (Ending(vm)) return false;
  // Above the top all words are clear now, so the part to be scanned may shrink again.
  Value* begin = vm.heap().stack_begin();
  Value* wanted = std::min(HardLimit(vm), std::max(begin + kFirstStackWords, top + kFirstStackWords / 2));
  SetSoftLimit(vm, std::min(State(vm).soft_limit, wanted));
  while (!fits) {
    if (!HeapMayGrow(vm)) return false;
    fits = collect();
    if (Ending(vm)) return false;
  }
  return true;
}

bool HandleInterrupt(Vm& vm) {
  const auto reason = static_cast<InterruptReason>(State(vm).interrupt.exchange(0));
  RestoreStackLimit(vm);
  switch (reason) {
    case InterruptReason::kNone:
      break;
    case InterruptReason::kInterrupted:
      GiveUpInterrupted(vm);
      return false;
    case InterruptReason::kDisposed:
      vm.Terminate(DisposedStatus());
      return false;
    case InterruptReason::kNoTimer:
      vm.Terminate(NoTimerStatus("the process has too many (ulimit -u), or there is no memory"));
      return false;
    case InterruptReason::kCpuTime:
      if (!MayGoOn(vm, Limit::kCpuTime)) return false;
      break;
    case InterruptReason::kWallTime:
      if (!MayGoOn(vm, Limit::kWallTime)) return false;
      break;
    case InterruptReason::kMemory:
      while (!vm.heap().account().Allows(0)) {
        if (!HeapMayGrow(vm)) return false;
      }
      break;
  }
  return StackAllowance(vm) > 0 || MayGoOn(vm, Limit::kStack);
}

bool HandleOutOfFuel(Vm& vm) {
  while (State(vm).fuel < 0) {
    if (!MayGoOn(vm, Limit::kFuel)) return false;
  }
  return true;
}

bool Vm::PollSlow() { return (state_.interrupt.load() == 0 || HandleInterrupt(*this)) && HandleOutOfFuel(*this); }

void Vm::ClearInterrupt(bool time_only) {
  int seen = state_.interrupt.load();
  if (seen == 0 || (time_only && seen == static_cast<int>(InterruptReason::kInterrupted))) return;
  if (!state_.interrupt.compare_exchange_strong(seen, 0) && time_only) return;
  state_.interrupt.compare_exchange_strong(seen, 0);
  RestoreStackLimit(*this);
}

void Vm::LimitStack(uint64_t words) {
  state_.most_stack_words = words;
  if (state_.current_run == nullptr) LowerToAllowance(*this, heap_->stack_begin());
}

HostBinding Vm::BindingOf(const HostFunction& function) {
  const uint32_t index = static_cast<uint32_t>(function.index.fixnum());
  if (__builtin_expect((HeaderFlags(function.header) & kMadeAtRunTimeFlag) != 0, 0)) {
    return attachments_.made_function == nullptr ? HostBinding() : attachments_.made_function(*this, index);
  }
  return index < attachments_.host_bindings.size() ? attachments_.host_bindings[index] : HostBinding();
}

bool EnterCallee(Vm& vm) {
  Heap& heap = vm.heap();
  Value* fp = State(vm).frame;
  const Value callee = HeaderOf(fp).callee;
  if (callee.IsPrimitive()) {
    const PrimitiveSpec& spec = vm.primitive(callee);
    if (State(vm).argc < spec.min_args ||
        (spec.max_args >= 0 && State(vm).argc > static_cast<uint32_t>(spec.max_args))) {
      vm.WrongArity(callee, State(vm).argc);
      return HandleException(vm);
    }
    const Value result = spec.function(vm, fp, State(vm).argc);
    return FinishCall(vm,
                      State(vm).terminating ? kException : result);  // should it have polled, but not passed that on
  }
  if (!callee.IsObject()) {
    vm.Error("wrong-type", "", "call of something that is not a procedure", heap.Cons(callee, kNull));
    return HandleException(vm);
  }
  switch (heap.type(callee)) {
    case ObjectType::kClosure:
      State(vm).pc = heap.Get<Code>(heap.Get<Closure>(callee)->code)->instructions;
      return true;
    case ObjectType::kParameter:
      if (State(vm).argc != 0) {
        vm.WrongArity(callee, State(vm).argc);
        return HandleException(vm);
      }
      return FinishCall(vm, ParameterValue(vm, callee));
    case ObjectType::kContinuation:
      return ApplyContinuation(vm, callee);
    case ObjectType::kHostFunction: {
      HostFunction* function = heap.Get<HostFunction>(callee);
      if (!Arity::Of(function->arity).Accepts(State(vm).argc)) {
        vm.WrongArity(callee, State(vm).argc);
        return HandleException(vm);
      }
      const HostBinding binding = vm.BindingOf(*function);
      if (binding.call == nullptr) {
        vm.Error("host", vm.SymbolName(function->name),
                 "this host function cannot be called here: it is bound when the snapshot is opened by its host, not "
                 "while the snapshot is being built");
        return HandleException(vm);
      }
      return FinishCall(vm, binding.call(vm, binding.data, fp, State(vm).argc));
    }
    default:
      vm.Error("wrong-type", "", "call of something that is not a procedure", heap.Cons(callee, kNull));
      return HandleException(vm);
  }
}

namespace {

// A procedure in Lisp takes its arguments on the stack.
constexpr uint64_t kMaxLispArguments = 60000;
static_assert(kMaxLispArguments + kStackMargin < Heap::kStackSize / sizeof(Value));
// A primitive may take more; those of a call with so many stand in the heap.
constexpr uint64_t kMostOnStack = 4096;
constexpr uint64_t kMaxPrimitiveArguments = uint64_t{1} << 27;

// Counts the elements of `list`. False if it is improper or circular, or, after raising, if the run is being ended.
bool ListLength(Vm& vm, Value list, StepCounter* steps, uint64_t* length) {
  Heap& heap = vm.heap();
  Value slow = list;  // half as fast, to notice a circle
  Value rest = list;
  for (; rest.IsPair(); rest = heap.cdr(rest)) {
    if (!steps->Add(1)) return false;
    if ((++*length & 1) == 0 && (slow = heap.cdr(slow)) == heap.cdr(rest) && slow.IsPair()) return false;
  }
  return rest == kNull;
}

// ApplyList for a primitive, and more arguments than the stack is meant for: they stand in a vector, which is so large
// that it does not move, after a word for that of an outer call.
bool ApplyPrimitiveToMany(Vm& vm, uint32_t count, Value args, uint64_t total, StepCounter* steps) {
  Heap& heap = vm.heap();
  const Value callee = HeaderOf(State(vm).frame).callee;
  const PrimitiveSpec& spec = vm.primitive(callee);
  State(vm).argc = count;
  if (total > kMaxPrimitiveArguments || (spec.max_args >= 0 && total > static_cast<uint64_t>(spec.max_args))) {
    vm.WrongArity(callee, static_cast<uint32_t>(std::min<uint64_t>(total, ~0u)));
    return HandleException(vm);
  }
  const uint64_t bytes = std::max<uint64_t>(Heap::kLargeObject, sizeof(Vector) + (total + 1) * sizeof(Value));
  State(vm).scratch[0] = args;
  if (!heap.Reserve(bytes)) {
    vm.OutOfMemory("apply", bytes);
    return HandleException(vm);
  }
  Vector* const vector = static_cast<Vector*>(heap.NewObject(ObjectType::kVector, bytes, 0, 0));
  vector->length = static_cast<uint32_t>((bytes - sizeof(Vector)) / sizeof(Value));
  vector->items[0] = State(vm).long_args;
  State(vm).long_args = heap.ValueOf(vector);
  Value* const arguments = vector->items + 1;
  Value* next = std::copy_n(State(vm).frame, count, arguments);
  for (Value rest = State(vm).scratch[0]; rest.IsPair() && steps->Add(1); rest = heap.cdr(rest)) {
    *next++ = heap.car(rest);
  }
  const Value result = steps->ended() ? kException : spec.function(vm, arguments, static_cast<uint32_t>(total));
  State(vm).long_args = vector->items[0];
  heap.FreeLarge(heap.ValueOf(vector));
  return FinishCall(vm, State(vm).terminating ? kException : result);
}

}  // namespace

bool ApplyList(Vm& vm, uint32_t count, Value args) {
  uint64_t length = 0;
  StepCounter steps;
  if (!ListLength(vm, args, &steps, &length)) {
    if (steps.ended()) return HandleException(vm);
    State(vm).argc = count;
    vm.WrongType("apply", static_cast<int>(count) + 2, "a proper list", args);
    return HandleException(vm);
  }
  const uint64_t total = count + length;
  if (total > kMostOnStack && HeaderOf(State(vm).frame).callee.IsPrimitive()) {
    return ApplyPrimitiveToMany(vm, count, args, total, &steps);
  }
  State(vm).argc = count;
  State(vm).scratch[0] = args;
  if (total > kMaxLispArguments || !EnsureStack(vm, State(vm).frame + total + kRoomForCall)) {
    vm.Error("range", "apply", "too many arguments (a procedure written in Lisp takes up to 60000)");
    return HandleException(vm);
  }
  Value* slot = State(vm).frame + count;
  for (Value rest = args; rest.IsPair(); rest = vm.heap().cdr(rest)) *slot++ = vm.heap().car(rest);
  State(vm).argc = static_cast<uint32_t>(total);
  return EnterCallee(vm);
}

bool ReturnSeveral(Vm& vm) {
  State(vm).values.assign(State(vm).frame, State(vm).frame + State(vm).argc);
  if (!TakesSeveralValues(vm)) {
    vm.WrongValueCount();
    return HandleException(vm);
  }
  ReturnFromCallee(vm, kMultipleValues);
  return true;
}

bool SeveralFromPrimitive(Vm& vm, uint32_t insn) {
  const Taken taken = static_cast<Taken>(insn >> 24);
  if (taken == Taken::kIgnored || (taken == Taken::kPassedOn && TakesSeveralValues(vm))) return true;
  vm.WrongValueCount();
  return false;
}

bool HandleException(Vm& vm) {
  if (State(vm).terminating) {
    // An escape may have arrived in the run that its continuation belongs to.
    if (State(vm).escape == kUndefined ||
        vm.heap().Get<Continuation>(State(vm).escape)->run.fixnum() != State(vm).current_run->serial) {
      return false;
    }
    const Value continuation = State(vm).escape;
    const Value value = State(vm).escape_value;
    State(vm).escape = State(vm).escape_value = kUndefined;
    State(vm).terminating = false;
    Continuation* k = vm.heap().Get<Continuation>(continuation);
    State(vm).winders = k->winders;
    State(vm).handlers = k->handlers;
    State(vm).parameters = k->parameters;
    return Resume(vm, continuation, value);
  }
  Heap& heap = vm.heap();
  heap.FinishCollection();  // a host function may have kept an interrupt from its caller
  const bool delegated = State(vm).delegated >= 0;
  if (!delegated && !heap.Is<Closure>(vm.root(Root::kRaise))) {
    vm.Uncaught(State(vm).pending);
    return false;
  }
  const bool continuable = State(vm).pending_continuable;
  const bool in_callee = !heap.Is<Closure>(HeaderOf(State(vm).frame).callee);
  if (!delegated) {
    State(vm).scratch[0] = State(vm).pending;
    State(vm).scratch[1] = Value::Boolean(continuable);
    State(vm).pending = vm.root(Root::kRaise);
  }
  if (in_callee && (continuable || HeaderOf(State(vm).frame).distance == Value::Fixnum(0))) {
    // The frame of a primitive that was called like a procedure: the handler takes its place.
    if (!RaiseSoftLimit(vm, State(vm).frame + kRoomForCall)) return NoStackForHandler(vm);
  } else {
    Value raised_at;
    if (in_callee) {
      LeaveFrame(vm);
      State(vm).argc = 0;
      raised_at = Value::FromBits(heap.OffsetOf(State(vm).pc) - 4);
    } else {
      raised_at = Value::FromBits(heap.OffsetOf(State(vm).pc));
    }
    if (!EnsureStack(vm, StackTop(vm) + kRoomForCall)) return NoStackForHandler(vm);
    Value* outer = State(vm).frame;
    if (continuable) {
      // The handler returns the result of the CallPrimitive at pc.
      const uint32_t window = *State(vm).pc >> 8 & 0xff;
      State(vm).frame = outer + window + kFrameHeaderWords;
      HeaderOf(State(vm).frame).return_address = AddressOf(heap.base(), State(vm).pc + 2);
    } else {
      Value* const header = StackTop(vm) + 1;
      RaisedAt(header) = raised_at;
      HeaderAt(header).return_address = StubAddress(vm, static_cast<uint32_t>(Stub::kNoReturn));
      State(vm).frame = header + kFrameHeaderWords;
    }
    HeaderOf(State(vm).frame).distance = Value::Fixnum(static_cast<int32_t>(State(vm).frame - outer));
  }
  HeaderOf(State(vm).frame).callee = State(vm).pending;
  State(vm).argc = delegated ? static_cast<uint32_t>(State(vm).delegated) : 2;
  for (uint32_t i = 0; i < State(vm).argc; ++i) State(vm).frame[i] = State(vm).scratch[i];
  State(vm).pending = kUndefined;
  State(vm).delegated = -1;
  if (!EnterCallee(vm)) return false;
  // There is enough stack, so that the procedure's entry will not take its slow path. But it may fail itself, again and
  // again, and would never come to a safepoint.
  if (!StackIsAllowed(vm, 0)) return false;
  return !heap.WantsCollection() || SafepointCollect(vm);
}

}  // namespace islet::vm
