// Makes system calls and memory allocation fail at random, on the thread that asks for it and only
// while it does.
//
//   SeedFaults(seed, 0.05);                                  // once for each thread
//   {
//     const FaultScope scope({Fault::kMap, Fault::kNew});    // from here to the end of the block
//     isolate = islet::Isolate::FromSnapshot(snapshot);
//   }
//
// The calls are replaced when the test is linked: mmap, munmap, mprotect, madvise, memfd_create, mi_malloc,
// mi_new_nothrow and mi_free by the linker's --wrap (see BUILD.bazel), operator new by a definition of our own. A call
// that is let through goes to the real one, or to the sanitizer's.

#ifndef ISLET_TESTS_STRESS_FAULTS_H_
#define ISLET_TESTS_STRESS_FAULTS_H_

#include <cstdint>
#include <initializer_list>

namespace islet::stress {

enum class Fault : int {
  kMap,  // mmap: ENOMEM, or EAGAIN
  // These do not fail in mimalloc's hands (faults.cc).
  kUnmap,    // munmap: ENOMEM, as where it would have to split a mapping and there are too many
  kProtect,  // mprotect: ENOMEM
  kAdvise,   // madvise: EINVAL, as where memory is locked; ENOMEM; EAGAIN
  kMemfd,    // memfd_create: ENOSYS, EPERM, or EMFILE
  kNew,      // operator new: std::bad_alloc; mi_new_nothrow (heap/scratch.h): null
  kNumbers,  // mi_malloc, the scratch memory of arithmetic: null
  kCount
};

const char* FaultName(Fault fault);

// From now on faults on this thread are drawn from `seed`. A system call in a scope fails with `probability`; so does
// one allocation by operator new of a scope's first few thousand, with that probability for each scope.
void SeedFaults(uint64_t seed, double probability);

// Scopes do not nest.
class FaultScope {
 public:
  explicit FaultScope(std::initializer_list<Fault> faults);
  // Not at random: the `nth` call fails, from 1; or all do, for kAll.
  static constexpr int64_t kAll = -1;
  FaultScope(Fault fault, int64_t nth);
  ~FaultScope();
  FaultScope(const FaultScope&) = delete;
  FaultScope& operator=(const FaultScope&) = delete;
  // Before the block does.
  void End();
  // How many calls this scope has made fail.
  int injected() const;
  int injected(Fault fault) const;
};

// How many calls have been made to fail, on all threads.
uint64_t FaultsInjected(Fault fault);

}  // namespace islet::stress

#endif  // ISLET_TESTS_STRESS_FAULTS_H_
