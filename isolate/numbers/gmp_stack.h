// GMP takes scratch memory from the stack (alloca), the more the longer its operands are: far more than threads and
// fibers with small stacks have.

#ifndef ISLET_ISOLATE_NUMBERS_GMP_STACK_H_
#define ISLET_ISOLATE_NUMBERS_GMP_STACK_H_

#include <cstddef>
#include <utility>

#include "isolate/process/stack_space.h"

namespace islet::vm::integers {

// More than GMP 6.2's functions were seen to take, at any ratio of their operands' lengths and with the longer one of
// up to 2000 limbs (large.h gives them no more): products took 44 bytes a limb and 6 KiB (50,104 bytes for 1000 by 640
// limbs, the worst), quotients 33, texts 20.
constexpr size_t StackOfGmp(size_t limbs) { return (size_t{12} << 10) + 48 * limbs; }

// Operands up to which it takes next to nothing.
inline constexpr size_t kNoStackForGmp = 30;

// Runs `f`, which calls one function of GMP with operands of at most so many limbs. Throws std::bad_alloc where there
// is too little stack, and no memory for another one.
template <typename F>
void WithStackForGmp(size_t limbs, F&& f) {
  if (limbs <= kNoStackForGmp) {
    f();
  } else {
    WithStack(StackOfGmp(limbs), std::forward<F>(f));
  }
}

}  // namespace islet::vm::integers

#endif  // ISLET_ISOLATE_NUMBERS_GMP_STACK_H_
