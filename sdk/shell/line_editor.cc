#include "sdk/shell/line_editor.h"

#include <histedit.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <clocale>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "sdk/shell/interrupts.h"

namespace islet::shell {

struct LineEditor::State {
  EditLine* edit = nullptr;
  ::History* history = nullptr;
  FILE* output = nullptr;
  std::string history_file;
  Complete complete;
  std::string prompt;
  bool interrupted = false;
};

namespace {

constexpr int kHistoryEntries = 1000;
// More candidates than this are not listed.
constexpr size_t kMostCandidates = 200;

volatile sig_atomic_t window_changed = 0;
volatile sig_atomic_t continued = 0;
extern "C" void NoteSignal(int signal) { (signal == SIGCONT ? continued : window_changed) = 1; }

LineEditor::State* StateOf(EditLine* edit);

char* Prompt(EditLine* edit);
int ReadCharacter(EditLine* edit, wchar_t* character);
unsigned char CompleteName(EditLine* edit, int character);

// True for what may stand in an identifier, as far as completing one needs to know.
bool IsNameByte(char c) {
  return static_cast<unsigned char>(c) > ' ' && c != '(' && c != ')' && c != '"' && c != ';' && c != '\'' && c != '`' &&
         c != ',' && c != '|' && c != 0x7f;
}

std::string CommonPrefix(const std::vector<std::string>& names) {
  std::string prefix = names.front();
  for (const std::string& name : names) {
    size_t same = 0;
    while (same < prefix.size() && same < name.size() && prefix[same] == name[same]) ++same;
    prefix.resize(same);
  }
  // Not half a character.
  const std::string& whole = names.front();
  while (!prefix.empty() && prefix.size() < whole.size() && (whole[prefix.size()] & 0xc0) == 0x80) prefix.pop_back();
  return prefix;
}

// In columns, down and then across, as shells do.
void ListNames(FILE* output, const std::vector<std::string>& names, int screen_width) {
  size_t widest = 0;
  for (const std::string& name : names) widest = std::max(widest, name.size());
  const size_t columns = std::max<size_t>(1, static_cast<size_t>(std::max(screen_width, 1)) / (widest + 2));
  const size_t rows = (names.size() + columns - 1) / columns;
  std::fputs("\n", output);
  for (size_t row = 0; row < rows; ++row) {
    for (size_t i = row; i < names.size(); i += rows) {
      const bool last = i + rows >= names.size();
      std::fprintf(output, "%-*s", last ? 0 : static_cast<int>(widest + 2), names[i].c_str());
    }
    std::fputs("\n", output);
  }
}

LineEditor::State* StateOf(EditLine* edit) {
  void* state = nullptr;
  el_get(edit, EL_CLIENTDATA, &state);
  return static_cast<LineEditor::State*>(state);
}

char* Prompt(EditLine* edit) { return StateOf(edit)->prompt.data(); }

// libedit's own would go on waiting after a signal. UTF-8 whatever the locale.
int ReadCharacter(EditLine* edit, wchar_t* character) {
  LineEditor::State& state = *StateOf(edit);
  uint32_t c = 0;
  int missing = 0;
  while (true) {
    if (InterruptPending()) {
      state.interrupted = true;
      return -1;
    }
    if (continued) {  // the terminal is as the parent shell left it
      continued = 0;
      el_set(edit, EL_PREP_TERM, 0);
      el_set(edit, EL_PREP_TERM, 1);
      el_set(edit, EL_REFRESH);
    }
    if (window_changed) {
      window_changed = 0;
      el_resize(edit);
    }
    if (!WaitForInput(STDIN_FILENO)) continue;
    unsigned char byte;
    const ssize_t count = read(STDIN_FILENO, &byte, 1);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return static_cast<int>(count);
    if (missing > 0 && (byte & 0xc0) == 0x80) {
      c = c << 6 | (byte & 0x3f);
      if (--missing > 0) continue;
    } else if (byte >= 0xf0) {
      c = byte & 0x07;
      missing = 3;
      continue;
    } else if (byte >= 0xe0) {
      c = byte & 0x0f;
      missing = 2;
      continue;
    } else if (byte >= 0xc0) {
      c = byte & 0x1f;
      missing = 1;
      continue;
    } else {
      c = byte < 0x80 ? byte : 0xfffd;
    }
    *character = static_cast<wchar_t>(c);
    return 1;
  }
}

// Tab: completes the name before the cursor as far as it is certain; where it is not, lists what it
// may be.
unsigned char CompleteName(EditLine* edit, int) {
  LineEditor::State& state = *StateOf(edit);
  const LineInfo* line = el_line(edit);
  const char* begin = line->cursor;
  while (begin > line->buffer && IsNameByte(begin[-1])) --begin;
  const std::string prefix(begin, line->cursor);
  if (prefix.empty()) {
    // Nothing to complete: indentation, at the start of a line.
    const bool blank = std::all_of(line->buffer, line->cursor, [](char c) { return c == ' '; });
    if (!blank) return CC_REFRESH_BEEP;
    el_insertstr(edit, "  ");
    return CC_REFRESH;
  }
  const std::vector<std::string> names = state.complete(prefix);
  if (names.empty()) return CC_REFRESH_BEEP;
  const std::string common = CommonPrefix(names);
  if (common.size() > prefix.size()) {
    el_insertstr(edit, common.c_str() + prefix.size());
    return names.size() == 1 ? CC_REFRESH : CC_REFRESH_BEEP;
  }
  if (names.size() == 1) return CC_REFRESH;
  if (names.size() > kMostCandidates) {
    std::fprintf(state.output, "\n%zu names start with %s\n", names.size(), prefix.c_str());
  } else {
    int columns = 80;
    el_get(edit, EL_GETTC, "co", &columns);
    ListNames(state.output, names, columns);
  }
  return CC_REDISPLAY;
}

// libedit knows the keys that the terminal's description names; these are those that terminals send all the same:
// xterm, screen and tmux (CSI and, in application mode, SS3), linux (ESC [ 1 ~), rxvt (ESC [ 7 ~, ESC O d).
void BindKeys(EditLine* edit) {
  const auto bind = [edit](const std::string& keys, const char* command) {
    // In bindings a circumflex makes control characters.
    el_set(edit, EL_BIND, absl::StrReplaceAll(keys, {{"^", "\\^"}}).c_str(), command, nullptr);
  };
  struct Key {
    char final;  // of ESC [ and ESC O
    const char* plain;
    const char* with_control;
  };
  constexpr Key kKeys[] = {
      {'A', "ed-prev-history", "ed-prev-history"}, {'B', "ed-next-history", "ed-next-history"},
      {'C', "ed-next-char", "em-next-word"},       {'D', "ed-prev-char", "ed-prev-word"},
      {'H', "ed-move-to-beg", "ed-move-to-beg"},   {'F', "ed-move-to-end", "ed-move-to-end"},
  };
  struct NumberedKey {
    int number;  // of ESC [ number ~
    const char* plain;
    const char* with_control;
  };
  constexpr NumberedKey kNumbered[] = {
      {1, "ed-move-to-beg", "ed-move-to-beg"},           {2, "em-toggle-overwrite", "em-toggle-overwrite"},
      {3, "ed-delete-next-char", "em-delete-next-word"}, {4, "ed-move-to-end", "ed-move-to-end"},
      {5, "ed-search-prev-history", "ed-prev-history"},  {6, "ed-search-next-history", "ed-next-history"},
      {7, "ed-move-to-beg", "ed-move-to-beg"},           {8, "ed-move-to-end", "ed-move-to-end"},
  };
  // xterm's parameter: 1, and 1 for Shift, 2 for Alt, 4 for Control.
  constexpr int kFirstModified = 2, kLastModified = 8, kAlone = 2;
  for (const Key& key : kKeys) {
    for (const char* lead : {"\033[", "\033O"}) bind(absl::StrCat(lead, std::string(1, key.final)), key.plain);
    for (int modifier = kFirstModified; modifier <= kLastModified; ++modifier) {
      bind(absl::StrCat("\033[1;", modifier, std::string(1, key.final)),
           modifier == kAlone ? key.plain : key.with_control);
    }
    // Older terminals leave out the 1.
    bind(absl::StrCat("\033[5", std::string(1, key.final)), key.with_control);
    // rxvt with Control; the same with Alt, which sends ESC first.
    bind(absl::StrCat("\033O", std::string(1, absl::ascii_tolower(static_cast<unsigned char>(key.final)))),
         key.with_control);
    bind(absl::StrCat("\033\033[", std::string(1, key.final)), key.with_control);
  }
  for (const NumberedKey& key : kNumbered) {
    bind(absl::StrCat("\033[", key.number, "~"), key.plain);
    bind(absl::StrCat("\033[", key.number, "^"), key.with_control);
    for (int modifier = kFirstModified; modifier <= kLastModified; ++modifier) {
      bind(absl::StrCat("\033[", key.number, ";", modifier, "~"), modifier == kAlone ? key.plain : key.with_control);
    }
  }
  // Function keys do nothing, rather than type what they send.
  for (int number = 11; number <= 34; ++number) bind(absl::StrCat("\033[", number, "~"), "ed-unassigned");
  for (char final : {'P', 'Q', 'R', 'S'}) {
    bind(absl::StrCat("\033O", std::string(1, final)), "ed-unassigned");
    bind(absl::StrCat("\033[1;5", std::string(1, final)), "ed-unassigned");
  }
  for (char final : {'A', 'B', 'C', 'D', 'E'}) bind(absl::StrCat("\033[[", std::string(1, final)), "ed-unassigned");
}

void Catch(int signal) {
  struct sigaction action = {};
  action.sa_handler = NoteSignal;
  sigaction(signal, &action, nullptr);
}

}  // namespace

LineEditor::LineEditor(FILE* output, std::string history_file, Complete complete) : state_(std::make_unique<State>()) {
  // libedit asks the locale what can be printed; where UTF-8 is not to be had, the rest shows as
  // escapes.
  for (const char* name : {"", "C.UTF-8"}) {
    const char* set = std::setlocale(LC_CTYPE, name);
    if (set != nullptr && (absl::StrContains(set, "UTF-8") || absl::StrContains(set, "utf8"))) break;
  }
  state_->output = output;
  state_->history_file = std::move(history_file);
  state_->complete = std::move(complete);
  state_->edit = el_init("islet", stdin, output, stderr);
  EditLine* edit = state_->edit;
  if (edit == nullptr) return;
  el_set(edit, EL_CLIENTDATA, state_.get());
  el_set(edit, EL_PROMPT, Prompt);
  el_set(edit, EL_EDITOR, "emacs");
  el_set(edit, EL_SIGNAL, 0);
  el_set(edit, EL_GETCFN, ReadCharacter);
  el_set(edit, EL_ADDFN, "islet-complete", "Complete a name", CompleteName);
  el_set(edit, EL_BIND, "^I", "islet-complete", nullptr);
  el_set(edit, EL_BIND, "^R", "em-inc-search-prev", nullptr);
  BindKeys(edit);
  state_->history = history_init();
  HistEvent event;
  if (state_->history != nullptr) {
    ::history(state_->history, &event, H_SETSIZE, kHistoryEntries);
    ::history(state_->history, &event, H_SETUNIQUE, 1);
    if (!state_->history_file.empty()) {
      ::history(state_->history, &event, H_LOAD, state_->history_file.c_str());
    }
    el_set(edit, EL_HIST, ::history, state_->history);
  }
  // The user's own key bindings, from ~/.editrc.
  el_source(edit, nullptr);
  Catch(SIGWINCH);
  Catch(SIGCONT);
}

LineEditor::~LineEditor() {
  if (state_->edit != nullptr) el_end(state_->edit);
  if (state_->history != nullptr) history_end(state_->history);
}

LineEditor::Result LineEditor::Read(const std::string& prompt, std::string* line) {
  if (state_->edit == nullptr) return Result::kEnd;
  state_->prompt = prompt;
  state_->interrupted = false;
  int count = 0;
  const char* read = el_gets(state_->edit, &count);
  if (state_->interrupted || TakeInterrupt()) {
    TakeInterrupt();
    std::fputs("\n", state_->output);
    std::fflush(state_->output);
    return Result::kInterrupted;
  }
  if (read == nullptr || count <= 0) {
    std::fputs("\n", state_->output);
    std::fflush(state_->output);
    return Result::kEnd;
  }
  line->assign(read, static_cast<size_t>(count));
  if (!absl::EndsWith(*line, "\n")) line->push_back('\n');
  return Result::kLine;
}

void LineEditor::Remember(const std::string& input) {
  if (state_->history == nullptr) return;
  HistEvent event;
  std::string entry(absl::StripTrailingAsciiWhitespace(input));
  if (entry.empty()) return;
  ::history(state_->history, &event, H_ENTER, entry.c_str());
  if (state_->history_file.empty()) return;
  // Whole or not at all: another session may be reading it.
  const std::string fresh = absl::StrCat(state_->history_file, ".", getpid());
  if (::history(state_->history, &event, H_SAVE, fresh.c_str()) < 0 ||
      rename(fresh.c_str(), state_->history_file.c_str()) != 0) {
    unlink(fresh.c_str());
  }
}

}  // namespace islet::shell
