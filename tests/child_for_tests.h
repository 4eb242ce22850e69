// Runs part of a test in a forked child.

#ifndef ISLET_TESTS_CHILD_FOR_TESTS_H_
#define ISLET_TESTS_CHILD_FOR_TESTS_H_

#include <sys/wait.h>
#include <unistd.h>

#include <string>

#include "gtest/gtest.h"

namespace islet {

// Calls `f` in a child that then leaves, and returns its string; or says so if the child hangs or dies.
template <typename F>
std::string InChild(F&& f) {
  int ends[2];
  if (pipe(ends) != 0) return "no pipe";
  const pid_t child = fork();
  if (child == 0) {
    close(ends[0]);
    alarm(60);
    const std::string text = f();
    _exit(write(ends[1], text.data(), text.size()) == static_cast<ssize_t>(text.size()) ? 0 : 1);
  }
  close(ends[1]);
  std::string text;
  char buffer[1024];
  for (ssize_t n; (n = read(ends[0], buffer, sizeof(buffer))) > 0;) text.append(buffer, static_cast<size_t>(n));
  close(ends[0]);
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  if (WIFSIGNALED(status)) return "killed by signal " + std::to_string(WTERMSIG(status));
  return WEXITSTATUS(status) == 0 ? text : "exit status " + std::to_string(WEXITSTATUS(status));
}

}  // namespace islet

#endif  // ISLET_TESTS_CHILD_FOR_TESTS_H_
