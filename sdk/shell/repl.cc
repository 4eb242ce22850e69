#include "sdk/shell/repl.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "sdk/shell/interrupts.h"
#include "sdk/shell/line_editor.h"

namespace islet::shell {
namespace {

// What errors call the text typed. Its lines are counted from the start of the session.
constexpr char kName[] = "repl";
constexpr char kPrompt[] = "> ";
constexpr char kContinuation[] = "  ";

// All of `text` as blanks, so that what follows it keeps its line and column.
std::string Blank(absl::string_view text) {
  std::string blank;
  for (char c : text) {
    if (c == '\n') {
      blank.push_back('\n');
    } else if ((c & 0xc0) != 0x80) {  // once for each character
      blank.push_back(' ');
    }
  }
  return blank;
}

// Evaluates the forms of a complete input, one by one.
Session::Outcome EvaluateInput(Session& session, absl::string_view input, size_t lines_before) {
  std::string before(lines_before, '\n');
  while (true) {
    const FormScan scan = session.isolate().ScanForm(input);
    if (scan.kind == FormScan::Kind::kNone) return Session::Outcome::kDone;
    // What is invalid is evaluated all the same, for the error.
    const size_t size = scan.kind == FormScan::Kind::kForm ? scan.end : input.size();
    const Session::Outcome outcome =
        session.Evaluate(absl::StrCat(before, input.substr(0, size)), kName, /*print=*/true);
    if (outcome != Session::Outcome::kDone) return outcome;
    absl::StrAppend(&before, Blank(input.substr(0, size)));
    input.remove_prefix(size);
  }
}

// True if all the forms in `input` are whole, or one is beyond repair.
bool IsComplete(Isolate& isolate, absl::string_view input) {
  while (true) {
    const FormScan scan = isolate.ScanForm(input);
    if (scan.kind != FormScan::Kind::kForm) return scan.kind != FormScan::Kind::kIncomplete;
    input.remove_prefix(scan.end);
  }
}

// Makes the directories of an absolute path that are missing, for the user alone.
bool MakeDirectories(const std::string& path) {
  for (size_t slash = path.find('/', 1); slash != std::string::npos;
       slash = path.find('/', slash + 1)) {
    mkdir(path.substr(0, slash).c_str(), 0700);
  }
  struct stat info;
  return stat(path.substr(0, path.rfind('/')).c_str(), &info) == 0 && S_ISDIR(info.st_mode);
}

}  // namespace

std::string HistoryFile() {
  const char* state = std::getenv("XDG_STATE_HOME");
  const char* home = std::getenv("HOME");
  std::string file;
  // "All paths set in these environment variables must be absolute. If [not], consider the path
  // invalid and ignore it."
  if (state != nullptr && state[0] == '/') {
    file = absl::StrCat(state, "/islet/history");
  } else if (home != nullptr && home[0] == '/') {
    file = absl::StrCat(home, "/.local/state/islet/history");
  }
  return file.empty() || !MakeDirectories(file) ? "" : file;
}

int RunRepl(Session& session) {
  CatchInterrupts(/*once=*/false);
  Isolate& isolate = session.isolate();
  // Where output goes elsewhere, the prompt still belongs to whoever types.
  FILE* const output = isatty(STDOUT_FILENO) == 1 ? stdout : stderr;
  LineEditor editor(output, HistoryFile(),
                    [&isolate](absl::string_view prefix) { return isolate.Names(prefix); });
  size_t lines = 0;
  std::string input;
  while (true) {
    if (!session.console().StartLine().ok() || !session.console().Flush().ok()) return 1;
    std::string line;
    switch (editor.Read(input.empty() ? kPrompt : kContinuation, &line)) {
      case LineEditor::Result::kInterrupted:
        input.clear();
        continue;
      case LineEditor::Result::kEnd:
        if (input.empty()) return 0;
        // For the error that says what is not complete.
        session.sources().Add(kName, input);
        EvaluateInput(session, input, lines);
        return 1;
      case LineEditor::Result::kLine:
        break;
    }
    input += line;
    const Isolate::Scope handles(isolate);
    if (!IsComplete(isolate, input)) continue;
    editor.Remember(input);
    session.sources().Add(kName, input);
    const Session::Outcome outcome = EvaluateInput(session, input, lines);
    if (outcome == Session::Outcome::kExited) return session.exit_status();
    lines += static_cast<size_t>(std::count(input.begin(), input.end(), '\n'));
    input.clear();
  }
}

}  // namespace islet::shell
