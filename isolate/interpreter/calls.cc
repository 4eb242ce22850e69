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

// Leaves the frame at frame_ with `result`.
void ReturnFromCallee(Vm& vm, Value result) {
  Value* fp = vm.frame_;
  vm.pc_ = reinterpret_cast<const uint32_t*>(vm.heap().base() + ReturnAddress(fp).bits);
  fp[-3] = result;
  vm.frame_ = fp - FrameDistance(fp);
}

bool NoStackForHandler(Vm& vm) {
  vm.Terminate(absl::ResourceExhaustedError("no stack left to handle an error"));
  return false;
}

bool FinishCall(Vm& vm, Value result) {
  if (result == kMultipleValues && !TakesSeveralValues(vm)) result = vm.WrongValueCount();
  if (result == kException) return HandleException(vm);
  vm.terminating_ = false;
  ReturnFromCallee(vm, result);
  // At the bottom of the stack frame_ is the callee's own frame, whose header holds the result: still a root.
  if (vm.heap().WantsCollection()) return SafepointCollect(vm);
  return true;
}

// A parameter object called without arguments (R7RS 4.2.6). The list is as long as parameterize is nested deeply.
Value ParameterValue(Vm& vm, Value parameter) {
  Heap& heap = vm.heap();
  StepCounter steps;
  for (Value list = vm.parameters; list.IsPair(); list = heap.cdr(list)) {
    if (!steps.Add(1)) return kException;
    const Value binding = heap.car(list);
    if (binding.IsPair() && heap.car(binding) == parameter) return heap.cdr(binding);
  }
  return heap.Get<Parameter>(parameter)->value;
}

// True if the run is being given up, and not for one that goes on elsewhere.
bool Ending(const Vm& vm) { return vm.terminating_ && vm.escape_ == kUndefined; }

// What the frames of this run will not read again must keep nothing alive.
void ClearDeadRegisters(Vm& vm, Value* top) {
  Heap& heap = vm.heap();
  vm.liveness_.Refresh(heap);
  std::fill(std::begin(vm.scratch_), std::end(vm.scratch_), kUndefined);
  uint32_t pc = heap.OffsetOf(vm.pc_);
  Value* end = top;
  // On entry to a procedure only its arguments are its own yet.
  if (IsEntry(static_cast<Op>(*vm.pc_ & 0xff))) end = std::min(top, vm.frame_ + vm.argc_);
  std::fill(end, top, Value::Fixnum(0));
  for (Value* fp = vm.frame_;;) {
    vm.liveness_.ClearDead(heap, fp, end, pc);
    const int32_t distance = FrameDistance(fp);
    if (distance == 0) return;
    pc = ReturnAddress(fp).bits;
    end = EndOfRegisters(vm, fp - 3, pc);
    fp -= distance;
  }
}

// An interrupt that comes between these lines must not be lost: both orders are sequentially consistent.
void RestoreStackLimit(Vm& vm) {
  vm.stack_limit_.store(vm.soft_limit_);
  if (vm.interrupt_.load() != 0) vm.stack_limit_.store(nullptr);
}

void SetSoftLimit(Vm& vm, Value* limit) {
  vm.soft_limit_ = limit;
  vm.heap().SetStackTop(limit, limit);
  RestoreStackLimit(vm);
}

// Less of the stack may be used than before: a limit was set, or frames have gone to the heap.
// Nothing from `end` on is in use.
void LowerToAllowance(Vm& vm, Value* end) {
  Value* const begin = vm.heap().stack_begin();
  const uint64_t allowance = StackAllowance(vm);
  if (allowance >= static_cast<uint64_t>(vm.soft_limit_ - begin)) return;
  Value* const limit = std::max(begin + allowance, end + 64);
  if (limit >= vm.soft_limit_) return;
  // What lies further up reads as zero.
  std::fill(limit, std::min(vm.soft_limit_ + 64, vm.heap().stack_end()), Value{});
  SetSoftLimit(vm, limit);
}

// May the running procedure have its frame, of so many registers, where it is? False: the run is being given up.
bool StackIsAllowed(Vm& vm, uint32_t slots) {
  const auto depth = [&] { return static_cast<uint64_t>(vm.frame_ + slots - vm.heap().stack_begin()); };
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
  Value* top = vm.frame_ + vm.argc_;
  const Value callee = vm.frame_[-3];
  if (heap.Is<Closure>(callee)) {
    const Value code = heap.Get<Closure>(callee)->code;
    top = std::max(top, vm.frame_ + heap.Get<Code>(code)->frame_size.fixnum());
  }
  return std::min(top, std::max(vm.soft_limit_, vm.frame_));
}

bool EnsureStack(Vm& vm, Value* end) {
  if (end <= vm.soft_limit_) return true;
  Value* hard = HardLimit(vm);
  if (end > hard) {
    if (vm.frame_ - 3 == vm.current_run_->base) return false;
    const ptrdiff_t above = end - vm.frame_;
    SealBelow(vm, static_cast<uint32_t>(std::max<ptrdiff_t>(StackTop(vm) - vm.frame_, 0)));
    end = vm.frame_ + above;
    if (end > hard) return false;
    LowerToAllowance(vm, end);
    if (end <= vm.soft_limit_) return true;
  }
  return RaiseSoftLimit(vm, end);
}

bool RaiseSoftLimit(Vm& vm, Value* end) {
  if (end <= vm.soft_limit_) return true;
  Value* hard = HardLimit(vm);
  if (end > hard) return false;
  // Twice what was there: the words below the soft limit are scanned at each collection.
  Value* begin = vm.heap().stack_begin();
  const ptrdiff_t needed = end - begin + 64;
  ptrdiff_t grown = std::max(2 * (vm.soft_limit_ - begin), needed);
  if (const uint64_t allowance = StackAllowance(vm); static_cast<uint64_t>(grown) > allowance) {
    grown = std::max(static_cast<ptrdiff_t>(allowance), needed);
  }
  SetSoftLimit(vm, std::min(hard, begin + grown));
  return true;
}

bool EnterSlow(Vm& vm, uint32_t slots) {
  if (vm.stack_limit_.load(std::memory_order_relaxed) == nullptr && !HandleInterrupt(vm)) return false;
  if (!StackIsAllowed(vm, slots)) return false;
  if (!EnsureStack(vm, vm.frame_ + slots)) {
    GiveUpNested(vm);
    return false;
  }
  if (vm.heap().WantsCollection()) return SafepointCollect(vm);
  return true;
}

bool SafepointCollect(Vm& vm) {
  vm.tail_caller_ = kFalse;  // its call has been entered
  // Who is being ended needs no more room, and is not to wait.
  if (Ending(vm) || (vm.interrupt_.load(std::memory_order_relaxed) != 0 && !HandleInterrupt(vm))) return false;
  Value* top = StackTop(vm);
  ClearDeadRegisters(vm, top);
  const auto collect = [&vm, top] {
    vm.heap().SetStackTop(top, vm.soft_limit_);
    const bool fits = vm.heap().Collect();
    // What is called next may have its frame above, and reserve.
    vm.heap().SetStackTop(vm.soft_limit_, vm.soft_limit_);
    return fits;
  };
  bool fits = collect();
  if (Ending(vm)) return false;
  // Above the top all words are clear now, so the part to be scanned may shrink again.
  Value* begin = vm.heap().stack_begin();
  Value* wanted = std::min(HardLimit(vm), std::max(begin + 1024, top + 512));
  SetSoftLimit(vm, std::min(vm.soft_limit_, wanted));
  while (!fits) {
    if (!HeapMayGrow(vm)) return false;
    fits = collect();
    if (Ending(vm)) return false;
  }
  return true;
}

bool HandleInterrupt(Vm& vm) {
  const auto reason = static_cast<InterruptReason>(vm.interrupt_.exchange(0));
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
  while (vm.fuel_ < 0) {
    if (!MayGoOn(vm, Limit::kFuel)) return false;
  }
  return true;
}

bool Vm::PollSlow() { return (interrupt_.load() == 0 || HandleInterrupt(*this)) && HandleOutOfFuel(*this); }

void Vm::ClearInterrupt(bool time_only) {
  int seen = interrupt_.load();
  if (seen == 0 || (time_only && seen == static_cast<int>(InterruptReason::kInterrupted))) return;
  if (!interrupt_.compare_exchange_strong(seen, 0) && time_only) return;
  interrupt_.compare_exchange_strong(seen, 0);
  RestoreStackLimit(*this);
}

void Vm::LimitStack(uint64_t words) {
  most_stack_words_ = words;
  if (current_run_ == nullptr) LowerToAllowance(*this, heap_->stack_begin());
}

bool EnterCallee(Vm& vm) {
  Heap& heap = vm.heap();
  Value* fp = vm.frame_;
  const Value callee = fp[-3];
  if (callee.IsPrimitive()) {
    const PrimitiveSpec& spec = vm.primitive(callee);
    if (vm.argc_ < spec.min_args || (spec.max_args >= 0 && vm.argc_ > static_cast<uint32_t>(spec.max_args))) {
      vm.WrongArity(callee, vm.argc_);
      return HandleException(vm);
    }
    const Value result = spec.function(vm, fp, vm.argc_);
    return FinishCall(vm, vm.terminating_ ? kException : result);  // should it have polled, but not passed that on
  }
  if (!callee.IsObject()) {
    vm.Error("wrong-type", "", "call of something that is not a procedure", heap.Cons(callee, kNull));
    return HandleException(vm);
  }
  switch (heap.type(callee)) {
    case ObjectType::kClosure:
      vm.pc_ = heap.Get<Code>(heap.Get<Closure>(callee)->code)->instructions;
      return true;
    case ObjectType::kParameter:
      if (vm.argc_ != 0) {
        vm.WrongArity(callee, vm.argc_);
        return HandleException(vm);
      }
      return FinishCall(vm, ParameterValue(vm, callee));
    case ObjectType::kContinuation:
      return ApplyContinuation(vm, callee);
    case ObjectType::kHostFunction: {
      HostFunction* function = heap.Get<HostFunction>(callee);
      if (!Arity::Of(function->arity).Accepts(vm.argc_)) {
        vm.WrongArity(callee, vm.argc_);
        return HandleException(vm);
      }
      const uint32_t index = static_cast<uint32_t>(function->index.fixnum());
      if (index >= vm.host_bindings.size() || vm.host_bindings[index].call == nullptr) {
        vm.Error("host", vm.SymbolName(function->name),
                 "this host function cannot be called here: it is bound when the snapshot is opened by its host, not "
                 "while the snapshot is being built");
        return HandleException(vm);
      }
      const HostBinding binding = vm.host_bindings[index];
      return FinishCall(vm, binding.call(vm, binding.data, fp, vm.argc_));
    }
    default:
      vm.Error("wrong-type", "", "call of something that is not a procedure", heap.Cons(callee, kNull));
      return HandleException(vm);
  }
}

bool ApplyList(Vm& vm, uint32_t count, Value args) {
  Heap& heap = vm.heap();
  uint64_t length = 0;
  Value slow = args;  // half as fast, to notice a circle
  StepCounter steps;
  for (Value rest = args; rest.IsPair(); rest = heap.cdr(rest)) {
    if (!steps.Add(1)) return HandleException(vm);
    if ((++length & 1) == 0 && (slow = heap.cdr(slow)) == heap.cdr(rest) && slow.IsPair()) {
      vm.argc_ = count;
      vm.WrongType("apply", static_cast<int>(count) + 2, "a proper list", args);
      return HandleException(vm);
    }
    if (!heap.cdr(rest).IsPair() && heap.cdr(rest) != kNull) length = ~uint64_t{0} >> 1;
  }
  if ((args != kNull && !args.IsPair()) || length >= ~uint64_t{0} >> 1) {
    vm.argc_ = count;
    vm.WrongType("apply", static_cast<int>(count) + 2, "a proper list", args);
    return HandleException(vm);
  }
  const uint64_t total = count + length;
  const Value callee = vm.frame_[-3];
  if (total > 4096 && callee.IsPrimitive()) {
    // More than the stack is meant for: the arguments stand in a vector, which is so large that it
    // does not move, after a word for that of an outer call.
    const PrimitiveSpec& spec = vm.primitive(callee);
    vm.argc_ = count;
    if (total > uint64_t{1} << 27 || (spec.max_args >= 0 && total > static_cast<uint64_t>(spec.max_args))) {
      vm.WrongArity(callee, static_cast<uint32_t>(std::min<uint64_t>(total, ~0u)));
      return HandleException(vm);
    }
    const uint64_t bytes = std::max<uint64_t>(Heap::kLargeObject, (total + 3) * sizeof(Value));
    vm.scratch_[0] = args;
    if (!heap.Reserve(bytes)) {
      vm.OutOfMemory("apply", bytes);
      return HandleException(vm);
    }
    Vector* const vector = static_cast<Vector*>(heap.NewObject(ObjectType::kVector, bytes, 0, 0));
    vector->length = static_cast<uint32_t>(bytes / sizeof(Value) - 2);
    vector->items[0] = vm.long_args_;
    vm.long_args_ = heap.ValueOf(vector);
    Value* const arguments = vector->items + 1;
    Value* next = std::copy_n(vm.frame_, count, arguments);
    for (Value rest = vm.scratch_[0]; rest.IsPair() && steps.Add(1); rest = heap.cdr(rest)) *next++ = heap.car(rest);
    const Value result = steps.ended() ? kException : spec.function(vm, arguments, static_cast<uint32_t>(total));
    vm.long_args_ = vector->items[0];
    heap.FreeLarge(heap.ValueOf(vector));
    return FinishCall(vm, vm.terminating_ ? kException : result);
  }
  vm.argc_ = count;
  vm.scratch_[0] = args;
  if (total > 60000 || !EnsureStack(vm, vm.frame_ + total + 16)) {
    vm.Error("range", "apply", "too many arguments (a procedure written in Lisp takes up to 60000)");
    return HandleException(vm);
  }
  Value* slot = vm.frame_ + count;
  for (Value rest = args; rest.IsPair(); rest = heap.cdr(rest)) *slot++ = heap.car(rest);
  vm.argc_ = static_cast<uint32_t>(total);
  return EnterCallee(vm);
}

bool ReturnSeveral(Vm& vm) {
  vm.values_.assign(vm.frame_, vm.frame_ + vm.argc_);
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
  if (vm.terminating_) {
    // An escape may have arrived in the run that its continuation belongs to.
    if (vm.escape_ == kUndefined || vm.heap().Get<Continuation>(vm.escape_)->run.fixnum() != vm.current_run_->serial) {
      return false;
    }
    const Value continuation = vm.escape_;
    const Value value = vm.escape_value_;
    vm.escape_ = vm.escape_value_ = kUndefined;
    vm.terminating_ = false;
    Continuation* k = vm.heap().Get<Continuation>(continuation);
    vm.winders = k->winders;
    vm.handlers = k->handlers;
    vm.parameters = k->parameters;
    return Resume(vm, continuation, value);
  }
  Heap& heap = vm.heap();
  heap.FinishCollection();  // a host function may have kept an interrupt from its caller
  const bool delegated = vm.delegated_ >= 0;
  if (!delegated && !heap.Is<Closure>(vm.root(Root::kRaise))) {
    vm.Uncaught(vm.pending_);
    return false;
  }
  const bool continuable = vm.pending_continuable_;
  const bool in_callee = !heap.Is<Closure>(vm.frame_[-3]);
  if (!delegated) {
    vm.scratch_[0] = vm.pending_;
    vm.scratch_[1] = Value::Boolean(continuable);
    vm.pending_ = vm.root(Root::kRaise);
  }
  if (in_callee && (continuable || FrameDistance(vm.frame_) == 0)) {
    // The frame of a primitive that was called like a procedure: the handler takes its place.
    if (!RaiseSoftLimit(vm, vm.frame_ + 32)) return NoStackForHandler(vm);
  } else {
    Value raised_at;
    if (in_callee) {
      Value* fp = vm.frame_;
      vm.pc_ = reinterpret_cast<const uint32_t*>(heap.base() + ReturnAddress(fp).bits);
      vm.frame_ = fp - FrameDistance(fp);
      vm.argc_ = 0;
      raised_at = Value::FromBits(heap.OffsetOf(vm.pc_) - 4);
    } else {
      raised_at = Value::FromBits(heap.OffsetOf(vm.pc_));
    }
    if (!EnsureStack(vm, StackTop(vm) + 32)) return NoStackForHandler(vm);
    Value* outer = vm.frame_;
    if (continuable) {
      // What the handler returns is the result of the CallPrimitive at pc_.
      const uint32_t window = *vm.pc_ >> 8 & 0xff;
      vm.frame_ = outer + window + 3;
      vm.frame_[-2] = Value::FromBits(heap.OffsetOf(vm.pc_ + 2));
    } else {
      vm.frame_ = StackTop(vm) + 4;
      vm.frame_[-4] = raised_at;  // RaisedAt
      vm.frame_[-2] = StubAddress(vm, static_cast<uint32_t>(Stub::kNoReturn));
    }
    vm.frame_[-1] = Value::Fixnum(static_cast<int32_t>(vm.frame_ - outer));
  }
  vm.frame_[-3] = vm.pending_;
  vm.argc_ = delegated ? static_cast<uint32_t>(vm.delegated_) : 2;
  for (uint32_t i = 0; i < vm.argc_; ++i) vm.frame_[i] = vm.scratch_[i];
  vm.pending_ = kUndefined;
  vm.delegated_ = -1;
  if (!EnterCallee(vm)) return false;
  // There is enough stack, so that the procedure's entry will not take its slow path. But it may fail itself, again and
  // again, and would never come to a safepoint.
  if (!StackIsAllowed(vm, 0)) return false;
  return !heap.WantsCollection() || SafepointCollect(vm);
}

}  // namespace islet::vm
