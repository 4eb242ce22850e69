// A net below a thread: from then on, the kernel does for it what concerns memory, threads and time
// to wait, and lets it write to standard output and error. Any other system call (open, socket,
// getrandom, unlink, execve ...) ends the process with a message that tells its number. What the C
// library does without the kernel (the environment, the time of day) passes.

#ifndef ISLET_ISOLATE_CONFORMANCE_SYSCALL_NET_H_
#define ISLET_ISOLATE_CONFORMANCE_SYSCALL_NET_H_

namespace islet::vm {

// For the calling thread, for good. False if the kernel has no such nets (seccomp).
bool SpreadSyscallNet();

}  // namespace islet::vm

#endif  // ISLET_ISOLATE_CONFORMANCE_SYSCALL_NET_H_
