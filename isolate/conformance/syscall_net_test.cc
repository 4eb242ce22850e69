// The net holds: otherwise a test that nothing fell into it would say nothing.

#include "isolate/conformance/syscall_net.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>

#include "gtest/gtest.h"

namespace islet::vm {
namespace {

void SpreadOrEnd() {
  if (!SpreadSyscallNet()) _exit(1);
}

TEST(SyscallNetTest, LetsThroughWhatTouchesNothingOutside) {
  EXPECT_EXIT(
      {
        SpreadOrEnd();
        void* memory = malloc(size_t{64} << 20);
        memset(memory, 1, size_t{64} << 20);
        free(memory);
        if (write(STDERR_FILENO, "still here", 10) != 10) _exit(1);
        _exit(0);
      },
      testing::ExitedWithCode(0), "still here");
}

TEST(SyscallNetTest, CatchesWhatDoes) {
  char bytes[4];
  EXPECT_EXIT(
      {
        SpreadOrEnd();
        _exit(open("/dev/null", O_RDONLY));
      },
      testing::ExitedWithCode(99), "system call  257");
  EXPECT_EXIT(
      {
        SpreadOrEnd();
        _exit(access("/", F_OK));
      },
      testing::ExitedWithCode(99), "system call");
  EXPECT_EXIT(
      {
        SpreadOrEnd();
        _exit(unlink("none"));
      },
      testing::ExitedWithCode(99), "system call");
  EXPECT_EXIT(
      {
        SpreadOrEnd();
        _exit(getrandom(bytes, 4, 0) > 0);
      },
      testing::ExitedWithCode(99), "system call  318");
  EXPECT_EXIT(
      {
        SpreadOrEnd();
        _exit(socket(AF_INET, SOCK_STREAM, 0));
      },
      testing::ExitedWithCode(99), "system call");
  EXPECT_EXIT(
      {
        SpreadOrEnd();
        _exit(read(STDIN_FILENO, bytes, 4) > 0);
      },
      testing::ExitedWithCode(99), "system call");
  EXPECT_EXIT(
      {
        SpreadOrEnd();
        _exit(write(STDIN_FILENO, bytes, 4) > 0);
      },
      testing::ExitedWithCode(99), "system call");
  EXPECT_EXIT(
      {
        SpreadOrEnd();
        _exit(fork());
      },
      testing::ExitedWithCode(99), "system call");
  EXPECT_EXIT(
      {
        SpreadOrEnd();
        _exit(execl("/bin/true", "true", nullptr));
      },
      testing::ExitedWithCode(99), "system call");
}

}  // namespace
}  // namespace islet::vm
