// One activation of the interpreter by C++: from Vm::Call to its return. Runs nest when a host function calls back.

#ifndef ISLET_ISOLATE_INTERPRETER_RUN_H_
#define ISLET_ISOLATE_INTERPRETER_RUN_H_

#include <cstdint>

#include "isolate/interpreter/vm.h"

namespace islet::vm {

struct Run {
  Run* outer;
  Value* base;  // where its first frame's header lies on the stack
  // Tells continuations of this run from those of others. 0 for every outermost run: what one of them captured may be
  // entered from any later one, whose caller then gets what it returns. From 1 on for nested runs, whose continuations
  // would return into a host function that is gone.
  int32_t serial;
  int depth;
};

// The distance and return address in a frame's header (opcodes.def).
inline int32_t FrameDistance(const Value* fp) { return fp[-1].fixnum(); }
inline Value ReturnAddress(const Value* fp) { return fp[-2]; }
// A frame that has raised, and will not be returned to, has one word more between its registers and the header of what
// is called to handle that, which returns to Stub::kNoReturn: the offset of the instruction that has raised.
inline Value RaisedAt(const Value* handlers_header) { return handlers_header[-1]; }
// Where the registers of a frame end, below the header of what it has called, which returns to the offset `pc`.
Value* EndOfRegisters(const Vm& vm, Value* header, uint32_t pc);

// ---- interpreter.cc
// Runs from vm.pc_, vm.frame_, vm.argc_ until the run halts (true; the result is in frame_[-3]) or is given up (false).
bool Execute(Vm& vm);

// ---- calls.cc
// Continues with a call whose frame is set up at vm.frame_ (callee in frame_[-3], vm.argc_ arguments): a closure is
// entered, anything else is carried out. On return pc_, frame_ and argc_ say how to go on. False: the run is given up.
bool EnterCallee(Vm& vm);
// Goes on with what a primitive left in the pending state: calls Root::kRaise above the frame at vm.frame_, or, while
// terminating, gives up the run or resumes the continuation that was escaped to.
bool HandleException(Vm& vm);
// Leaves the frame at vm.frame_ with its argc_ arguments, not exactly one, as values; or raises where one is taken.
bool ReturnSeveral(Vm& vm);
// The primitive that `insn` has called has returned several values. False after raising, if one is taken.
bool SeveralFromPrimitive(Vm& vm, uint32_t insn);
// Tail-calls frame_[-3] with the elements of the list `args`, after `count` arguments already at frame_.
bool ApplyList(Vm& vm, uint32_t count, Value args);
// First free word above the frame at vm.frame_.
Value* StackTop(const Vm& vm);
// Makes [.., end) usable, by raising the soft limit or sealing the stack below the current frame (which then moves).
// False if `end` is out of reach even so.
bool EnsureStack(Vm& vm, Value* end);
// Where usable stack ends.
Value* HardLimit(const Vm& vm);
// The same without sealing anything, so that no frame moves.
bool RaiseSoftLimit(Vm& vm, Value* end);
// The slow part of Enter: more stack, or an interrupt. False: the run is given up.
bool EnterSlow(Vm& vm, uint32_t slots);
// A collection at a safepoint with exact knowledge of the stack. False: the run is given up (heap limit).
bool SafepointCollect(Vm& vm);
// Ends or continues the run according to the interrupt flag.
bool HandleInterrupt(Vm& vm);
// The fuel has sunk below zero. False: the run is given up.
bool HandleOutOfFuel(Vm& vm);

// ---- continuations.cc
// Address (as a stack word) of a stub instruction.
Value StubAddress(const Vm& vm, uint32_t stub);
// Moves the frames below the one at vm.frame_ into the heap, and that frame to the bottom of the stack.
void SealBelow(Vm& vm, uint32_t words_above);
// The continuation of the frame at vm.frame_, which is given up: the stack is empty afterwards.
Value CaptureContinuation(Vm& vm);
// Goes on in `continuation` (of this run) with `value`.
bool Resume(Vm& vm, Value continuation, Value value);
// Applies a continuation to vm.argc_ values at frame_, from any run; runs dynamic-wind thunks first.
bool ApplyContinuation(Vm& vm, Value continuation);
// The same when the thunks have run: `values` is a list.
bool ThrowTo(Vm& vm, Value continuation, Value values);

}  // namespace islet::vm

#endif  // ISLET_ISOLATE_INTERPRETER_RUN_H_
