// Conditions of kind `permission`: a script has asked for something that the host has not granted
// (islet/capabilities.h). This is the one place that words them.

#ifndef ISLET_ISOLATE_PORTS_GRANTS_H_
#define ISLET_ISOLATE_PORTS_GRANTS_H_

#include <string>

#include "isolate/heap/value.h"
#include "isolate/interpreter/vm.h"

namespace islet::vm {

enum class Capability { kFiles, kClock, kRandomness, kStandardInput, kStandardOutput };

// "the clock is not granted to this isolate (IsolateOptions::clock)": what is missing, and where
// the host would grant it.
std::string NotGranted(Capability capability);
// Raises that; returns kException. `name`, a String, is that of the file or port: it becomes an
// irritant, and `file-error?` is true of the condition (R7RS 6.13.1). kFalse: there is none.
Value RaiseNotGranted(Vm& vm, const char* who, Capability capability, Value name = kFalse);
// True of those with a name.
bool IsFilePermissionCondition(Vm& vm, Value object);

}  // namespace islet::vm

#endif  // ISLET_ISOLATE_PORTS_GRANTS_H_
