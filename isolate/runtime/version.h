// The version of Islet, as (runtime-version) and the tools tell it.

#ifndef ISLET_ISOLATE_RUNTIME_VERSION_H_
#define ISLET_ISOLATE_RUNTIME_VERSION_H_

namespace islet::vm {

inline constexpr char kRuntimeVersion[] = "0.1.0";

}  // namespace islet::vm

#endif  // ISLET_ISOLATE_RUNTIME_VERSION_H_
