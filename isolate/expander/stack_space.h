// How much of the C++ stack is left, for recursion over nested forms.

#ifndef ISLET_ISOLATE_EXPANDER_STACK_SPACE_H_
#define ISLET_ISOLATE_EXPANDER_STACK_SPACE_H_

#include <cstddef>

namespace islet::vm {

// Bytes below the caller's frame that this thread may still use. On a stack that is not the thread's own (a fiber),
// where nobody can tell, a cautious constant.
size_t RemainingStack();

}  // namespace islet::vm

#endif  // ISLET_ISOLATE_EXPANDER_STACK_SPACE_H_
