// One activation of the interpreter by C++: from Vm::Call to its return. Runs nest when a host function calls back.

#ifndef ISLET_ISOLATE_INTERPRETER_RUN_H_
#define ISLET_ISOLATE_INTERPRETER_RUN_H_

#include <cstddef>
#include <cstdint>

#include "isolate/interpreter/opcode.h"
#include "isolate/interpreter/vm.h"

namespace islet::vm {

// The machine's own state, which only the interpreter's files see.
struct MachineAccess {
  static MachineState& Of(Vm& vm) { return vm.state_; }
  static const MachineState& Of(const Vm& vm) { return vm.state_; }
};
inline MachineState& State(Vm& vm) { return MachineAccess::Of(vm); }
inline const MachineState& State(const Vm& vm) { return MachineAccess::Of(vm); }

struct Run {
  Run* outer;
  Value* base;  // where its first frame's header lies on the stack
  // Tells continuations of this run from those of others. 0 for every outermost run: what one of them captured may be
  // entered from any later one, whose caller then gets what it returns. From 1 on for nested runs, whose continuations
  // would return into a host function that is gone.
  int32_t serial;
  int depth;
};

// A frame, on the stack or sealed in a StackChunk, is a header and then the registers. A call at register A lays the
// callee's header over the caller's registers from R[A] on, so that the arguments, which follow it, are the callee's
// first registers, and the result, which takes the callee's place, is in the caller's R[A].
//
//     the caller's frame                         the callee's frame
//     | R[0] | R[1] | ...                 R[A]   |
//     |                                  | callee | return address | distance | R[0] | R[1] | ...
//     ^ fp - distance                    ^ HeaderOf(fp)                       ^ fp, MachineState::frame
//
struct FrameHeader {
  Value callee;          // later its result
  Value return_address;  // where the caller goes on: the offset of an instruction
  Value distance;        // Fixnum: words from the caller's registers to these; 0 in the lowest frame of a stack
};
static_assert(sizeof(FrameHeader) == kFrameHeaderWords * sizeof(Value));

// The header that starts at `words`, which is where the registers that are the caller's own end.
inline FrameHeader& HeaderAt(Value* words) { return *reinterpret_cast<FrameHeader*>(words); }
inline const FrameHeader& HeaderAt(const Value* words) { return *reinterpret_cast<const FrameHeader*>(words); }
// The header of the frame whose registers start at `fp`.
inline FrameHeader& HeaderOf(Value* fp) { return HeaderAt(fp - kFrameHeaderWords); }
inline const FrameHeader& HeaderOf(const Value* fp) { return HeaderAt(fp - kFrameHeaderWords); }

// A return address as a pointer, and back.
inline const uint32_t* InstructionAt(const uint8_t* base, Value address) {
  return reinterpret_cast<const uint32_t*>(base + address.bits);
}
inline Value AddressOf(const uint8_t* base, const uint32_t* pc) {
  return Value::FromBits(static_cast<uint32_t>(reinterpret_cast<const uint8_t*>(pc) - base));
}

// A frame that has raised, and will not be returned to, has one word more between its registers and the header of what
// is called to handle that, which returns to Stub::kNoReturn: the offset of the instruction that has raised.
inline Value& RaisedAt(Value* handlers_header) { return handlers_header[-1]; }
inline Value RaisedAt(const Value* handlers_header) { return handlers_header[-1]; }
// Where the registers of a frame end, below the header of what it has called, which returns to the offset `pc`.
Value* EndOfRegisters(const Vm& vm, Value* header, uint32_t pc);

// Words of stack. Up to the soft limit frames may be; the headers of frames, and the arguments of calls about to be
// refused, may lie so many words past it.
inline constexpr ptrdiff_t kPastSoftLimit = 64;
// A machine uses this much of its stack from the start, and never shrinks below it: one page, enough for most programs.
inline constexpr ptrdiff_t kFirstStackWords = 1024;
// Room above the registers of a frame for what calls one of the machine's own procedures there: a header, a word for
// RaisedAt, and four arguments at most.
inline constexpr ptrdiff_t kRoomForCall = 32;

// ---- interpreter.cc
// Runs from pc, frame, argc until the run halts (true; the result is in its header) or is given up (false).
bool Execute(Vm& vm);

// ---- calls.cc
// Continues with a call whose frame is set up at frame (the callee in its header, argc arguments): a closure is
// entered, anything else is carried out. On return pc, frame and argc say how to go on. False: the run is given up.
bool EnterCallee(Vm& vm);
// Goes on with what a primitive left in the pending state: calls Root::kRaise above the frame at frame, or, while
// terminating, gives up the run or resumes the continuation that was escaped to.
bool HandleException(Vm& vm);
// Leaves the frame at frame with its argc arguments, not exactly one, as values; or raises where one is taken.
bool ReturnSeveral(Vm& vm);
// The primitive that `insn` has called has returned several values. False after raising, if one is taken.
bool SeveralFromPrimitive(Vm& vm, uint32_t insn);
// Tail-calls the callee of the frame at frame with its `count` arguments and then the elements of the list `args`.
bool ApplyList(Vm& vm, uint32_t count, Value args);
// First free word above the frame at frame.
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
// Moves the frames below the one at frame into the heap, and that frame to the bottom of the stack.
void SealBelow(Vm& vm, uint32_t words_above);
// The continuation of the frame at frame, which is given up: the stack is empty afterwards.
Value CaptureContinuation(Vm& vm);
// Goes on in `continuation` (of this run) with `value`.
bool Resume(Vm& vm, Value continuation, Value value);
// Applies a continuation to argc values at frame, from any run; runs dynamic-wind thunks first.
bool ApplyContinuation(Vm& vm, Value continuation);
// The same when the thunks have run: `values` is a list.
bool ThrowTo(Vm& vm, Value continuation, Value values);

}  // namespace islet::vm

#endif  // ISLET_ISOLATE_INTERPRETER_RUN_H_
