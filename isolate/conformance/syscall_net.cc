#include "isolate/conformance/syscall_net.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <vector>

namespace islet::vm {

namespace {

constexpr unsigned int kAllowed[] = {
    // Memory.
    SYS_mmap, SYS_munmap, SYS_mremap, SYS_mprotect, SYS_madvise, SYS_brk, SYS_mincore,
    // Threads and signals, and waiting.
    SYS_futex, SYS_sched_yield, SYS_sched_getaffinity, SYS_gettid, SYS_getpid, SYS_rt_sigprocmask, SYS_rt_sigaction,
    SYS_rt_sigreturn, SYS_sigaltstack, SYS_tgkill, SYS_set_robust_list, SYS_rseq, SYS_nanosleep, SYS_clock_nanosleep,
    SYS_restart_syscall, SYS_exit, SYS_exit_group,
    // The C library calls these where the kernel has no clock that programs read by themselves.
    SYS_clock_gettime, SYS_gettimeofday};

void Caught(int, siginfo_t* info, void*) {
  char message[] = "FAILED: the thread in the net made system call     \n";
  int number = info->si_syscall;
  for (char* digit = message + sizeof(message) - 3; number > 0; number /= 10)
    *digit-- = static_cast<char>('0' + number % 10);
  if (write(STDERR_FILENO, message, sizeof(message) - 1) < 0) _exit(98);
  _exit(99);
}

}  // namespace

bool SpreadSyscallNet() {
  struct sigaction action = {};
  action.sa_sigaction = Caught;
  action.sa_flags = SA_SIGINFO;
  if (sigaction(SIGSYS, &action, nullptr) != 0) return false;

  std::vector<sock_filter> filter;
  const auto load = [&](size_t offset) {
    filter.push_back(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<unsigned int>(offset)));
  };
  const auto unless = [&](unsigned int value, unsigned int action) {
    filter.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 1, 0));
    filter.push_back(BPF_STMT(BPF_RET | BPF_K, action));
  };
  const auto allow_if = [&](unsigned int value) {
    filter.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1));
    filter.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
  };
  load(offsetof(seccomp_data, arch));
  unless(AUDIT_ARCH_X86_64, SECCOMP_RET_KILL_PROCESS);
  load(offsetof(seccomp_data, nr));
  for (const unsigned int call : kAllowed) allow_if(call);
  unless(SYS_write, SECCOMP_RET_TRAP);
  load(offsetof(seccomp_data, args[0]));  // its low half: little-endian
  allow_if(STDOUT_FILENO);
  allow_if(STDERR_FILENO);
  filter.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP));

  sock_fprog program = {};
  program.len = static_cast<unsigned short>(filter.size());
  program.filter = filter.data();
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

}  // namespace islet::vm
