// Ports (R7RS 6.13). A Port object (heap/objects.h) is one of
//
//   in the heap      `buffer` is a Bytevector: what an input port has left is [position, limit), what an output port
//                    has written is [0, position). Text is UTF-8. `line` and `column` are an input port's.
//   a file           an entry of the isolate's PortTable, which has the File, the buffer and the line
//   a standard port  Reads and writes go to the StandardStreams that the host has granted, so that a standard port can
//                    be frozen into a snapshot.
//
// which its handle tells (heap/port_handle.h).

#ifndef ISLET_ISOLATE_PORTS_PORT_H_
#define ISLET_ISOLATE_PORTS_PORT_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "isolate/heap/heap.h"
#include "isolate/heap/port_handle.h"
#include "isolate/heap/value.h"
#include "isolate/interpreter/vm.h"

namespace islet::vm {

inline PortHandle HandleOf(const Heap& heap, Value port) { return HandleOf(*heap.Get<Port>(port)); }

// A new Port object for a standard port.
Value MakeStandardPort(Vm& vm, StandardPort port);
// The current value of current-input-port and so on, as parameterize has set it; kUndefined before
// isolate/lib has made those parameters.
Value CurrentPort(Vm& vm, StandardPort port);
// Writes out what is held back by open files and standard output.
absl::Status FlushPorts(Vm& vm);
void SetPortFlag(Heap& heap, Value port, uint32_t flag, bool on);

// ---- For primitives. Those that return a Value return kException once they have raised.

// The port that a primitive works on: args[index], or the current `standard` port if there are not
// so many arguments. It must be open and have all of `flags` (k...PortFlag).
Value PortArgument(Vm& vm, const char* who, Value* args, uint32_t argc, uint32_t index, StandardPort standard,
                   uint32_t flags);
// Appends to an output port. `bytes` must not lie in the heap. A safepoint.
Value WriteToPort(Vm& vm, const char* who, Value port, absl::string_view bytes);
// Raises what the file or stream behind `port` has answered.
Value RaisePortStatus(Vm& vm, const char* who, Value port, const absl::Status& status);

}  // namespace islet::vm

#endif  // ISLET_ISOLATE_PORTS_PORT_H_
