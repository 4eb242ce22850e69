// The state of a machine beside its heap. The interpreter's own files get at it by State(vm) (run.h); all others ask
// the Vm.

#ifndef ISLET_ISOLATE_INTERPRETER_MACHINE_STATE_H_
#define ISLET_ISOLATE_INTERPRETER_MACHINE_STATE_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "isolate/heap/reusable_vector.h"
#include "isolate/heap/value.h"
#include "isolate/interpreter/failure.h"
#include "isolate/interpreter/limits.h"
#include "isolate/interpreter/liveness.h"
#include "isolate/interpreter/primitive.h"

namespace islet::vm {

struct Run;  // run.h

// The dynamic environment: what is in force by dynamic-wind, with-exception-handler and parameterize.
struct DynamicState {
  Value winders = kNull;
  Value handlers = kNull;
  Value parameters = kNull;

  friend bool operator==(const DynamicState&, const DynamicState&) = default;
};

// The state that a machine has between two runs: a reset makes it anew, a fork copies it, and two machines that a
// program could not tell apart have it alike.
struct LastingState : DynamicState {
  Value pending = kUndefined;   // what was raised
  Value continuation = kFalse;  // what returns from the bottom of the stack
  uint32_t argc = 0;            // at safepoints in a callee's entry
  // The closure that made the call that was carried out last (see call_site), if its frame is gone by a tail call.
  Value tail_caller = kFalse;
  // Arguments of a primitive that an opcode falls back on; the last, what a primitive has of its result so far. Roots.
  std::array<Value, 4> scratch = {};
  Value long_args = kFalse;  // Vector: arguments of a primitive that are too many for the stack
  Value last_condition = kUndefined;
  Value escape = kUndefined;  // while terminating: Continuation of an outer run
  Value escape_value = kUndefined;
  int32_t run_count = 0;  // of nested runs
  bool pending_continuable = false;
  bool returned_several = false;  // the last Call that succeeded: all that it returned is in values
  ReusableVector<Value> values;
  size_t young_symbol_count = 0;

  friend bool operator==(const LastingState&, const LastingState&) = default;
};

// Where a run stands; between runs, nowhere.
struct RunningState {
  Value* frame = nullptr;  // where the interpreter stands, at safepoints and in primitives
  const uint32_t* pc = nullptr;
  // The call that was carried out last, for errors that are the caller's: its instruction. Good until the callee has
  // been entered, or, if it is not Lisp, has returned.
  const uint32_t* call_site = nullptr;
  Run* current_run = nullptr;
  int delegated = -1;  // if not negative, `pending` is to be called with so many arguments, in scratch
  // While a run is being given up: no handler runs until the host, or the run that `escape` belongs to, is reached.
  bool terminating = false;

  friend bool operator==(const RunningState&, const RunningState&) = default;
};

// The parts that opcodes use come first.
struct MachineState : LastingState, RunningState {
  std::atomic<Value*> stack_limit{nullptr};  // calls that would pass this take the slow path
  std::atomic<int> interrupt{0};
  int64_t fuel = 0;             // instructions left, if they are counted
  uint64_t fuel_mask = 0;       // all ones if instructions are counted, else 0
  Value* soft_limit = nullptr;  // what stack_limit is without an interrupt
  uint64_t most_stack_words = kNoStackLimit;
  PrimitiveFunction well_known[static_cast<int>(WellKnown::kCount)];
  Failure failure;  // the latest, until somebody takes it; while terminating, how the run ends
  Liveness liveness;

  LastingState& lasting() { return *this; }
  const LastingState& lasting() const { return *this; }
  RunningState& running() { return *this; }
  const RunningState& running() const { return *this; }
};

}  // namespace islet::vm

#endif  // ISLET_ISOLATE_INTERPRETER_MACHINE_STATE_H_
