// The shell: runs programs, and reads, evaluates and prints at a terminal. See --help, or
// options.cc.

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "islet/isolate.h"
#include "islet/version.h"
#include "isolate/capabilities/paths.h"
#include "isolate/capabilities/system.h"
#include "isolate/lib/standard.h"
#include "sdk/shell/console.h"
#include "sdk/shell/interrupts.h"
#include "sdk/shell/options.h"
#include "sdk/shell/repl.h"
#include "sdk/shell/session.h"

ISLET_EMBEDDED_SNAPSHOT(standard);

namespace islet::shell {
namespace {

using Outcome = Session::Outcome;

absl::StatusOr<std::string> ReadAll(int descriptor, const std::string& path) {
  auto fail = [&path](int error) {
    return absl::NotFoundError(absl::StrCat("cannot read ", path, ": ", vm::ErrorText(error)));
  };
  struct stat info;
  std::string text;
  if (fstat(descriptor, &info) == 0) {
    if (S_ISDIR(info.st_mode)) return fail(EISDIR);
    if (S_ISREG(info.st_mode)) text.reserve(static_cast<size_t>(info.st_size) + 1);
  }
  char buffer[1 << 14];
  while (true) {
    const ssize_t count = read(descriptor, buffer, sizeof(buffer));
    if (count == 0) return text;
    if (count > 0) {
      text.append(buffer, static_cast<size_t>(count));
    } else if (errno != EINTR) {
      return fail(errno);
    }
  }
}

absl::StatusOr<std::string> ReadFile(const std::string& path) {
  const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) {
    return absl::NotFoundError(absl::StrCat("cannot read ", path, ": ", vm::ErrorText(errno)));
  }
  absl::StatusOr<std::string> text = ReadAll(descriptor, path);
  close(descriptor);
  return text;
}

// A program that a user starts by name may do what the user may.
IsolateOptions GrantsOf(const Options& options, std::shared_ptr<Console> console) {
  IsolateOptions grants;
  grants.limits.heap_bytes = static_cast<size_t>(options.max_heap_mib) << 20;
  grants.streams = std::move(console);
  grants.files = ProcessFiles();
  grants.clock = SystemClock();
  grants.randomness = SystemRandomness();
  grants.library_path = options.library_path;
  const std::string directory = vm::DirectoryOf(options.file);
  grants.library_path.push_back(directory.empty() ? "." : directory);
  grants.command_line.push_back(options.file.empty() ? "islet" : options.file);
  grants.command_line.insert(grants.command_line.end(), options.arguments.begin(), options.arguments.end());
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::pair<absl::string_view, absl::string_view> parts = absl::StrSplit(*variable, absl::MaxSplits('=', 1));
    grants.environment.emplace_back(parts.first, parts.second);
  }
  return grants;
}

// The FILE, or standard input as a whole.
Outcome RunFile(Session& session, const std::string& file) {
  const bool input = file == "-";
  const std::string name = input ? "<stdin>" : file;
  absl::StatusOr<std::string> text = input ? ReadAll(STDIN_FILENO, "standard input") : ReadFile(file);
  if (!text.ok()) {
    session.ReportFailure(text.status().message());
    return Outcome::kFailed;
  }
  if (input) session.sources().Add(name, *text);
  CatchInterrupts(/*once=*/true);
  return session.RunScript(*text, name);
}

Outcome RunExpressions(Session& session, const Options& options) {
  CatchInterrupts(/*once=*/true);
  int number = 0;
  for (const Options::Expression& expression : options.expressions) {
    ++number;
    const std::string name =
        options.expressions.size() == 1 ? "<expression>" : absl::StrCat("<expression ", number, ">");
    session.sources().Add(name, expression.text);
    const Outcome outcome = session.Evaluate(expression.text, name, expression.print);
    if (outcome != Outcome::kDone) return outcome;
  }
  return Outcome::kDone;
}

Outcome Disassemble(Session& session, const std::string& name) {
  absl::StatusOr<Value> procedure = session.isolate().Lookup(name);
  absl::StatusOr<std::string> text = procedure.ok() ? session.isolate().Disassemble(*procedure) : procedure.status();
  absl::Status status = text.ok() ? session.console().Write(1, *text) : text.status();
  if (status.ok()) status = session.console().Flush();
  if (status.ok()) return Outcome::kDone;
  session.ReportFailure(status.message());
  return Outcome::kFailed;
}

int Run(const Options& options, Session& session) {
  const Stopwatch stopwatch(session.isolate());
  const bool nothing_to_do = options.file.empty() && options.expressions.empty();
  const bool prompt =
      options.interactive || (nothing_to_do && options.disassemble.empty() && isatty(STDIN_FILENO) == 1);
  Outcome outcome = Outcome::kDone;
  if (!options.expressions.empty()) {
    outcome = RunExpressions(session, options);
  } else if (!options.file.empty()) {
    outcome = RunFile(session, options.file);
  } else if (options.disassemble.empty() && !prompt) {
    outcome = RunFile(session, "-");
  }
  int exit_status = outcome == Outcome::kExited ? session.exit_status() : outcome == Outcome::kDone ? 0 : 1;
  if (!options.disassemble.empty() && (outcome == Outcome::kDone || outcome == Outcome::kExited)) {
    if (Disassemble(session, options.disassemble) == Outcome::kFailed) exit_status = 1;
  }
  if (prompt && outcome != Outcome::kExited) exit_status = RunRepl(session);
  if (options.time) session.console().Write(2, stopwatch.Report()).IgnoreError();
  if (outcome == Outcome::kInterrupted && !prompt) {
    // Whoever has started this sees that it was Ctrl-C, and may stop too.
    ReleaseInterrupts();
    raise(SIGINT);
  }
  return exit_status;
}

int Main(absl::Span<const char* const> arguments) {
  auto fail = [](absl::string_view message) {
    std::fprintf(stderr, "islet: %s\n", std::string(message).c_str());
    return 1;
  };
  vm::OccupyStandardDescriptors();
  const absl::StatusOr<Options> options = ParseArguments(arguments);
  if (!options.ok()) {
    fail(options.status().message());
    std::fputs("Try: islet --help\n", stderr);
    return 2;
  }
  if (options->help || options->version) {
    if (options->help) {
      std::fputs(kUsage, stdout);
    } else {
      std::printf("islet %s\n", ISLET_VERSION_TEXT);
    }
    return std::fflush(stdout) == 0 ? 0 : fail("cannot write");
  }
  const absl::StatusOr<Snapshot> snapshot =
      options->snapshot.empty() ? Snapshot::FromEmbedded(standard) : Snapshot::FromFile(options->snapshot);
  if (!snapshot.ok()) return fail(snapshot.status().message());
  auto console = std::make_shared<Console>();
  absl::StatusOr<std::unique_ptr<Isolate>> isolate = Isolate::FromSnapshot(*snapshot, GrantsOf(*options, console));
  if (!isolate.ok()) return fail(isolate.status().message());
  const Isolate::Scope scope(**isolate);
  Session session(**isolate, console);
  const int exit_status = Run(*options, session);
  // The process ends here, and takes the isolate with it: only its output has to be written out.
  absl::Status flushed = (*isolate)->Flush();
  if (!flushed.ok()) session.ReportFailure(flushed.message());
  std::fflush(nullptr);
  _exit(exit_status == 0 && !flushed.ok() ? 1 : exit_status);
}

}  // namespace
}  // namespace islet::shell

int main(int argc, char** argv) {
  return islet::shell::Main(absl::MakeConstSpan(argv + 1, argc > 0 ? static_cast<size_t>(argc - 1) : 0));
}
