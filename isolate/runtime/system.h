// What the system primitives share with the embedder.

#ifndef ISLET_ISOLATE_RUNTIME_SYSTEM_H_
#define ISLET_ISOLATE_RUNTIME_SYSTEM_H_

#include "absl/status/status.h"

namespace islet::vm {

// `exit` ends a run with an Aborted status that carries, under this name, the exit status (0 to
// 255) in decimal.
inline constexpr char kExitPayload[] = "islet/exit-status";
// The exit status that a Status of Vm::Call carries; -1 if it is of another kind.
int ExitStatus(const absl::Status& status);

inline constexpr char kRuntimeVersion[] = "0.1.0";

}  // namespace islet::vm

#endif  // ISLET_ISOLATE_RUNTIME_SYSTEM_H_
