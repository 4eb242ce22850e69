// The standard streams of this process, for tools whose scripts may use them.

#ifndef ISLET_ISOLATE_CAPABILITIES_PROCESS_STREAMS_H_
#define ISLET_ISOLATE_CAPABILITIES_PROCESS_STREAMS_H_

#include <memory>

#include "islet/streams.h"

namespace islet::vm {

// Descriptors 0, 1 and 2. Standard output is held back until Flush, until there is much of it, and until something is
// read or goes to standard error; on a terminal, until the end of a line.
std::shared_ptr<StandardStreams> MakeProcessStreams();

}  // namespace islet::vm

#endif  // ISLET_ISOLATE_CAPABILITIES_PROCESS_STREAMS_H_
