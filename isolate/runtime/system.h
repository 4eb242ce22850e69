// What the system primitives share with the embedder.

#ifndef ISLET_ISOLATE_RUNTIME_SYSTEM_H_
#define ISLET_ISOLATE_RUNTIME_SYSTEM_H_

namespace islet::vm {

inline constexpr char kRuntimeVersion[] = "0.1.0";

}  // namespace islet::vm

#endif  // ISLET_ISOLATE_RUNTIME_SYSTEM_H_
