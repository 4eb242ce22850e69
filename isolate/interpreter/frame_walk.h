// The frames that wait for the one at MachineState::frame, innermost first: those on the stack of the
// current run, then those that its continuation has sealed in the heap (continuations.cc).

#ifndef ISLET_ISOLATE_INTERPRETER_FRAME_WALK_H_
#define ISLET_ISOLATE_INTERPRETER_FRAME_WALK_H_

#include <cstdint>

#include "isolate/interpreter/vm.h"

namespace islet::vm {

// Sees no frame that is made after it; good until the next safepoint.
class FrameWalk {
 public:
  // Stands at the caller of the frame at MachineState::frame.
  explicit FrameWalk(Vm& vm);
  // Stands at the frame that `continuation` goes on in.
  FrameWalk(Vm& vm, const Continuation* continuation);

  // True behind the last one: what is returned then goes to the host.
  bool done() const { return header_ == nullptr; }
  void Next();

  Value callee() const;
  // Where it goes on when it is returned to.
  const uint32_t* return_address() const { return return_address_; }
  // It waits for the handler of something that it has raised, and never goes on.
  bool raised() const;
  // The offset of the instruction at which it stands: of a call's last word, or of what has raised.
  uint32_t at() const;

 private:
  // Goes to the caller of the frame with this header: so many words below it, or sealed if there
  // are none.
  void GoBelow(const Value* header, Value return_address, int32_t distance);
  void Enter(const Continuation* continuation);
  void Stand(const Value* above, Value return_address, int32_t distance);

  Vm& vm_;
  Value next_;  // the continuation after the frames of this chunk, or of the stack
  const Value* header_ = nullptr;
  const Value* above_ = nullptr;  // where the header of the frame that it waits for is, or was
  const uint32_t* return_address_ = nullptr;
};

// Whether what is returned from the frame at MachineState::frame, or to `continuation`, may be any number of
// values: they are received by call-with-values, ignored, or passed on to the host.
bool TakesSeveralValues(Vm& vm);
bool TakesSeveralValues(Vm& vm, const Continuation* continuation);

}  // namespace islet::vm

#endif  // ISLET_ISOLATE_INTERPRETER_FRAME_WALK_H_
