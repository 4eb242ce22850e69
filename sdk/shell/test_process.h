// Running the shell from a test, as a user does: by its command line, with pipes for its standard
// streams.

#ifndef ISLET_SDK_SHELL_TEST_PROCESS_H_
#define ISLET_SDK_SHELL_TEST_PROCESS_H_

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"

namespace islet::shell {

// The path of the shell: set by the test's main() from its first argument.
inline std::string& ShellPath() {
  static std::string* const path = new std::string;
  return *path;
}

inline std::string Absolute(const char* path) {
  char* absolute = realpath(path, nullptr);
  const std::string result = absolute != nullptr ? absolute : path;
  std::free(absolute);
  return result;
}

// Makes a directory of the test's own the working directory, so that files are written, and named
// in errors, without one. `shell` is relative to the directory that is left.
inline void EnterTestDirectory(const char* shell) {
  ShellPath() = Absolute(shell);
  std::string directory = testing::TempDir() + "/shell.XXXXXX";
  if (mkdtemp(directory.data()) == nullptr || chdir(directory.c_str()) != 0) std::abort();
}

inline void WriteFile(const std::string& name, const std::string& text) {
  std::ofstream(name, std::ios::binary) << text;
}

// In the child: the program, with exactly this environment.
[[noreturn]] inline void Execute(const std::vector<std::string>& arguments,
                                 const std::vector<std::string>& environment) {
  std::vector<char*> argv = {ShellPath().data()};
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  std::vector<char*> envp;
  for (const std::string& variable : environment) envp.push_back(const_cast<char*>(variable.c_str()));
  envp.push_back(nullptr);
  execve(argv[0], argv.data(), envp.data());
  _exit(127);
}

struct Finished {
  int status = -1;  // exit status, or 128 + signal
  std::string out;
  std::string err;
};

inline int StatusOf(int wait_status) {
  return WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : 128 + WTERMSIG(wait_status);
}

// Runs the shell to its end. `input` must fit into a pipe.
inline Finished RunShell(const std::vector<std::string>& arguments, const std::string& input = "",
                         const std::vector<std::string>& environment = {}) {
  int in[2], out[2], err[2];
  if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0 || pipe2(err, O_CLOEXEC) != 0) std::abort();
  const pid_t child = fork();
  if (child == 0) {
    dup2(in[0], 0);
    dup2(out[1], 1);
    dup2(err[1], 2);
    Execute(arguments, environment);
  }
  for (int descriptor : {in[0], out[1], err[1]}) close(descriptor);
  EXPECT_EQ(write(in[1], input.data(), input.size()), static_cast<ssize_t>(input.size()));
  close(in[1]);
  Finished finished;
  pollfd wanted[2] = {{out[0], POLLIN, 0}, {err[0], POLLIN, 0}};
  std::string* texts[2] = {&finished.out, &finished.err};
  for (int open = 2; open > 0;) {
    poll(wanted, 2, -1);
    for (int i = 0; i < 2; ++i) {
      if (wanted[i].fd < 0 || wanted[i].revents == 0) continue;
      char buffer[4096];
      const ssize_t count = read(wanted[i].fd, buffer, sizeof(buffer));
      if (count > 0) {
        texts[i]->append(buffer, static_cast<size_t>(count));
      } else {
        close(wanted[i].fd);
        wanted[i].fd = -1;
        --open;
      }
    }
  }
  int status = 0;
  waitpid(child, &status, 0);
  finished.status = StatusOf(status);
  return finished;
}

}  // namespace islet::shell

#endif  // ISLET_SDK_SHELL_TEST_PROCESS_H_
