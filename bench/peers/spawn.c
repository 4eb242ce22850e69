/* Times programs from their start to their first answer and to their end.
 *
 *   spawn ROUNDS NAME=PROGRAM...
 *
 * Each round starts each program once, without arguments, one after the other,
 * so that all of them see the same machine. For each, prints a JSON row with
 * the medians of
 *   first_answer_us  from posix_spawn to the first byte on standard output
 *                    (or to its end, for a program that prints nothing)
 *   median_us        from posix_spawn until the process has been waited for
 */

#define _GNU_SOURCE /* pipe2 */

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char** environ;

enum { UNMEASURED_ROUNDS = 10 };

struct program {
  const char* name;
  char* path;
  double* first_answer_us;
  double* whole_us;
};

static void die(const char* what, const char* why) {
  fprintf(stderr, "%s: %s\n", what, why);
  exit(1);
}

static double now_us(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static ssize_t read_some(int from) {
  char buffer[4096];
  ssize_t count;
  do {
    count = read(from, buffer, sizeof buffer);
  } while (count < 0 && errno == EINTR);
  return count;
}

static void run(char* path, double* first_answer_us, double* whole_us) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) die("pipe2", strerror(errno));
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  char* arguments[] = {path, NULL};

  const double start = now_us();
  pid_t child;
  const int error = posix_spawn(&child, path, &actions, NULL, arguments, environ);
  if (error != 0) die(path, strerror(error));
  close(ends[1]);
  ssize_t count = read_some(ends[0]);
  *first_answer_us = now_us() - start;
  while (count > 0) count = read_some(ends[0]);
  int status;
  while (waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) die("waitpid", strerror(errno));
  }
  *whole_us = now_us() - start;

  close(ends[0]);
  posix_spawn_file_actions_destroy(&actions);
  if (status != 0) die(path, "did not end with exit code 0");
}

static int by_value(const void* left, const void* right) {
  const double l = *(const double*)left;
  const double r = *(const double*)right;
  return (l > r) - (l < r);
}

int main(int argc, char** argv) {
  const long rounds = argc > 2 ? strtol(argv[1], NULL, 10) : 0;
  if (rounds < 1 || rounds > 1000000) {
    die("usage", "spawn ROUNDS NAME=PROGRAM...");
  }
  const size_t samples = (size_t)rounds;
  const size_t count = (size_t)argc - 2;
  struct program* programs = calloc(count, sizeof *programs);
  if (programs == NULL) die("calloc", strerror(errno));
  for (size_t i = 0; i < count; i++) {
    char* equals = strchr(argv[i + 2], '=');
    if (equals == NULL) die(argv[i + 2], "is not NAME=PROGRAM");
    *equals = '\0';
    programs[i].name = argv[i + 2];
    programs[i].path = equals + 1;
    programs[i].first_answer_us = calloc(samples, sizeof(double));
    programs[i].whole_us = calloc(samples, sizeof(double));
    if (!programs[i].first_answer_us || !programs[i].whole_us) {
      die("calloc", strerror(errno));
    }
  }

  for (size_t round = 0; round < UNMEASURED_ROUNDS + samples; round++) {
    for (size_t i = 0; i < count; i++) {
      double first_answer_us;
      double whole_us;
      run(programs[i].path, &first_answer_us, &whole_us);
      if (round < UNMEASURED_ROUNDS) continue;
      programs[i].first_answer_us[round - UNMEASURED_ROUNDS] = first_answer_us;
      programs[i].whole_us[round - UNMEASURED_ROUNDS] = whole_us;
    }
  }

  for (size_t i = 0; i < count; i++) {
    qsort(programs[i].first_answer_us, samples, sizeof(double), by_value);
    qsort(programs[i].whole_us, samples, sizeof(double), by_value);
    printf(
        "%s{\"system\": \"%s\", \"workload\": \"process_start\", "
        "\"first_answer_us\": %.1f, \"median_us\": %.1f, \"p99_us\": %.1f, "
        "\"samples\": %zu}",
        i == 0 ? "[" : ",\n", programs[i].name, programs[i].first_answer_us[samples / 2],
        programs[i].whole_us[samples / 2], programs[i].whole_us[samples * 99 / 100], samples);
    free(programs[i].first_answer_us);
    free(programs[i].whole_us);
  }
  printf("]\n");
  free(programs);
  return 0;
}
