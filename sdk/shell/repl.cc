#include "sdk/shell/repl.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "sdk/shell/interrupts.h"
#include "sdk/shell/line_editor.h"

namespace islet::shell {
namespace {

// Errors call the typed text by this name. Its lines are counted from the start of the session.
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

// How many blanks `text` begins with, up to the end of a line.
size_t BlanksOfLine(absl::string_view text) {
  const size_t end = text.find_first_not_of(" \t\r");
  if (end == absl::string_view::npos) return text.size();
  return text[end] == '\n' ? end + 1 : 0;
}

// Evaluates the forms of a complete input, one by one. What stands behind a form is pending input while it is
// evaluated: a program may read it, and what it leaves is evaluated next.
Session::Outcome EvaluateInput(Session& session, std::string input, size_t lines_before) {
  Console& console = session.console();
  std::string before(lines_before, '\n');
  while (true) {
    const FormScan scan = session.isolate().ScanForm(input);
    if (scan.kind == FormScan::Kind::kNone) return Session::Outcome::kDone;
    // An invalid form is evaluated all the same, for the error.
    const size_t size = scan.kind == FormScan::Kind::kForm ? scan.end : input.size();
    const absl::string_view behind = absl::string_view(input).substr(size);
    // The end of the line belongs to the form: who types (read-line) is asked for a line.
    const std::string rest(behind.substr(BlanksOfLine(behind)));
    console.PutBack(rest);
    const uint64_t read_before = console.bytes_read();
    const Session::Outcome outcome =
        session.Evaluate(absl::StrCat(before, input.substr(0, size)), kName, /*print=*/true);
    const std::string unread = session.isolate().TakeUnreadInput();
    const uint64_t taken = console.bytes_read() - read_before - unread.size();
    console.PutBack(unread);
    // Of `rest`, what nobody has taken. Behind an error it is not evaluated.
    const std::string left = taken < rest.size() ? rest.substr(taken) : "";
    console.DropPending(left.size());
    if (outcome != Session::Outcome::kDone) return outcome;
    absl::StrAppend(&before, Blank(absl::string_view(input).substr(0, input.size() - left.size())));
    input = left;
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
  for (size_t slash = path.find('/', 1); slash != std::string::npos; slash = path.find('/', slash + 1)) {
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

namespace {

// Where lines come from: a terminal, with editing; else standard input as it is, without prompt and history.
class Lines {
 public:
  explicit Lines(Session& session) : session_(session) {
    if (isatty(STDIN_FILENO) != 1) return;
    // Where output goes elsewhere, the prompt still belongs to whoever types.
    FILE* const output = isatty(STDOUT_FILENO) == 1 ? stdout : stderr;
    Isolate& isolate = session.isolate();
    editor_ = std::make_unique<LineEditor>(output, HistoryFile(),
                                           [&isolate](absl::string_view prefix) { return isolate.Names(prefix); });
  }

  LineEditor::Result Read(const char* prompt, std::string* line) {
    // A program may have left the rest of a terminal's line: that is part of the session too.
    if (editor_ != nullptr && !session_.console().pending()) return editor_->Read(prompt, line);
    absl::StatusOr<std::string> read =
        editor_ != nullptr ? session_.console().TakePending() : session_.console().ReadLine();
    if (read.status().code() == absl::StatusCode::kCancelled) {
      TakeInterrupt();
      return LineEditor::Result::kInterrupted;
    }
    if (!read.ok()) session_.ReportFailure(read.status().message());
    if (!read.ok() || read->empty()) return LineEditor::Result::kEnd;
    *line = *std::move(read);
    if (line->back() != '\n') line->push_back('\n');
    return LineEditor::Result::kLine;
  }
  void Remember(const std::string& input) {
    if (editor_ != nullptr) editor_->Remember(input);
  }

 private:
  Session& session_;
  std::unique_ptr<LineEditor> editor_;
};

}  // namespace

int RunRepl(Session& session) {
  CatchInterrupts(/*once=*/false);
  Isolate& isolate = session.isolate();
  Lines source(session);
  // A script that ran before the prompt may have read ahead.
  session.console().PutBack(isolate.TakeUnreadInput());
  size_t lines = 0;
  std::string input;
  while (true) {
    if (!session.console().StartLine().ok() || !session.console().Flush().ok()) return 1;
    std::string line;
    switch (source.Read(input.empty() ? kPrompt : kContinuation, &line)) {
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
    source.Remember(input);
    session.sources().Add(kName, input);
    const Session::Outcome outcome = EvaluateInput(session, input, lines);
    if (outcome == Session::Outcome::kExited) return session.exit_status();
    lines += static_cast<size_t>(std::count(input.begin(), input.end(), '\n'));
    input.clear();
  }
}

}  // namespace islet::shell
