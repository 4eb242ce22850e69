// What the system primitives share with the embedder.

#ifndef ISLET_ISOLATE_RUNTIME_SYSTEM_H_
#define ISLET_ISOLATE_RUNTIME_SYSTEM_H_

namespace islet::vm {

// `exit` ends a run with an Aborted status that carries, under this name, the exit status (0 to
// 255) in decimal.
inline constexpr char kExitPayload[] = "islet/exit-status";

inline constexpr char kRuntimeVersion[] = "0.1.0";

}  // namespace islet::vm

#endif  // ISLET_ISOLATE_RUNTIME_SYSTEM_H_
