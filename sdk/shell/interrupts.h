// Ctrl-C: ends an evaluation or a wait for input, not the shell.

#ifndef ISLET_SDK_SHELL_INTERRUPTS_H_
#define ISLET_SDK_SHELL_INTERRUPTS_H_

#include "islet/isolate.h"

namespace islet::shell {

// From now on SIGINT ends evaluations and waits. `once`: the second one ends the process, as it
// would have done anyway.
void CatchInterrupts(bool once);
// As before CatchInterrupts.
void ReleaseInterrupts();
// True if SIGINT has come and was not taken yet.
bool InterruptPending();
// The same, and takes it.
bool TakeInterrupt();

// While it lives, SIGINT interrupts the isolate. Pending ones are taken at both ends: they were
// meant for something else.
class InterruptScope {
 public:
  explicit InterruptScope(Isolate& isolate);
  ~InterruptScope();
  InterruptScope(const InterruptScope&) = delete;
  InterruptScope& operator=(const InterruptScope&) = delete;

 private:
  Isolate& isolate_;
};

// Waits until `descriptor` has input, or its end. False if a signal came first, however early.
bool WaitForInput(int descriptor);

}  // namespace islet::shell

#endif  // ISLET_SDK_SHELL_INTERRUPTS_H_
