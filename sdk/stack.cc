#include "islet/stack.h"

#include "isolate/process/stack_space.h"

namespace islet {

static_assert(vm::kLeastStack == vm::kStackScale * kLeastStack);

FiberStack::FiberStack(const void* low, size_t bytes) : low_(low) { vm::AnnounceStack(low, bytes); }

FiberStack::~FiberStack() { vm::ForgetStack(low_); }

}  // namespace islet
