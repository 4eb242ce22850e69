// Evaluates programs, given by name (those of the language's tests), in isolates that other tenants have used before:
// first a hostile one, then the program itself. After each, the isolate is reset and compared with a new one, byte by
// byte.

#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "islet/isolate.h"
#include "islet/isolate_pool.h"
#include "isolate/lib/standard.h"
#include "tests/hostile_tenant.h"

ISLET_EMBEDDED_SNAPSHOT(standard);

namespace islet {
namespace {

absl::Status RunRecycled(const std::string& program, const std::string& library) {
  const auto snapshot = Snapshot::FromEmbedded(standard);
  if (!snapshot.ok()) return snapshot.status();
  IsolatePool::Options options;
  options.verify_resets = true;
  options.isolate.files = ProcessFiles();
  options.isolate.clock = SystemClock();
  options.isolate.randomness = SystemRandomness();
  options.isolate.write = [](int, absl::string_view text) { std::fwrite(text.data(), 1, text.size(), stdout); };
  options.isolate.library_path = {library};
  auto pool = IsolatePool::Create(*snapshot, options);
  if (!pool.ok()) return pool.status();
  std::ostringstream text;
  text << std::ifstream(program).rdbuf();
  for (int round = 0; round < 3; ++round) {
    auto isolate = (*pool)->Get();
    if (!isolate.ok()) return isolate.status();
    if (round == 0) {
      RunHostileTenant(**isolate);
      continue;
    }
    const Isolate::Scope scope(**isolate);
    if (const auto result = (*isolate)->EvalScript(text.str(), program); !result.ok()) return result.status();
  }
  if (auto status = (*pool)->ResetStatus(); !status.ok()) return status;
  if ((*pool)->Stats().reused < 2) return absl::InternalError("the program did not run in a recycled isolate");
  return absl::OkStatus();
}

}  // namespace
}  // namespace islet

int main(int argc, char** argv) {
  std::vector<std::string> programs;
  for (int i = 1; i < argc; ++i) {
    char path[PATH_MAX];
    if (realpath(argv[i], path) == nullptr) {
      std::perror(argv[i]);
      return 2;
    }
    programs.emplace_back(path);
  }
  // The programs write files into the working directory.
  if (const char* scratch = std::getenv("TEST_TMPDIR"); programs.empty() || scratch == nullptr || chdir(scratch) != 0) {
    std::fprintf(stderr, "usage: TEST_TMPDIR=FOLDER recycled_programs_test PROGRAM...\n");
    return 2;
  }
  int failed = 0;
  for (const std::string& program : programs) {
    const absl::Status status = islet::RunRecycled(program, program.substr(0, program.rfind('/')));
    if (status.ok()) continue;
    std::fprintf(stderr, "%s: %s\n", program.c_str(), std::string(status.message()).c_str());
    ++failed;
  }
  return failed == 0 ? 0 : 1;
}
