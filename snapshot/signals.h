// SIGINT, SIGTERM and SIGHUP of a tool: the first one ends an evaluation, so that it can be said where it was and
// nothing is left behind; then the process ends by the signal, as whoever has started it expects.

#ifndef ISLET_SNAPSHOT_SIGNALS_H_
#define ISLET_SNAPSHOT_SIGNALS_H_

#include "isolate/interpreter/vm.h"

namespace islet::vm {

// From now on signals are caught, but for those that the process was started to ignore. The second one ends the process
// at once.
void CatchSignals();
// From now on the second one does not either, if they are caught: there is something to be cleaned up.
void HoldSignals();
// They interrupt this machine; null: nothing.
void SetInterrupted(Vm* vm);
// The signal that has come, or 0.
int PendingSignal();
// Ends the process by the signal.
[[noreturn]] void EndBySignal(int signal);

}  // namespace islet::vm

#endif  // ISLET_SNAPSHOT_SIGNALS_H_
