#include "sdk/shell/report.h"

#include <sys/stat.h>
#include <unistd.h>
#include <utf8proc.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

namespace islet::shell {
namespace {

// Of a long line, so many characters are shown to the left and to the right of the place.
constexpr size_t kShownBefore = 60;
constexpr size_t kShownBehind = 60;

struct Style {
  const char* place;
  const char* caret;
  const char* faint;
  const char* end;
};
constexpr Style kPlain = {"", "", "", ""};
constexpr Style kColored = {"\033[1m", "\033[1;31m", "\033[2m", "\033[0m"};

// A character of the line as shown, and how many columns it takes.
struct Cell {
  std::string text;
  int width;
};

std::vector<Cell> Cells(const std::string& line) {
  std::vector<Cell> cells;
  const auto* bytes = reinterpret_cast<const utf8proc_uint8_t*>(line.data());
  for (size_t i = 0; i < line.size();) {
    utf8proc_int32_t c = 0;
    const utf8proc_ssize_t length = utf8proc_iterate(bytes + i, static_cast<utf8proc_ssize_t>(line.size() - i), &c);
    if (length <= 0) {
      cells.push_back({"\xef\xbf\xbd", 1});
      ++i;
    } else if (c == '\t') {
      cells.push_back({" ", 1});
      ++i;
    } else if (c < 0x20 || c == 0x7f || (c >= 0x80 && c < 0xa0)) {
      // Nothing in a source may steer the terminal.
      cells.push_back({"?", 1});
      i += static_cast<size_t>(length);
    } else {
      cells.push_back({line.substr(i, static_cast<size_t>(length)), utf8proc_charwidth(c)});
      i += static_cast<size_t>(length);
    }
  }
  return cells;
}

void AppendExcerpt(const SourcePlace& place, const std::string& line, const Style& style, std::string* out) {
  const std::vector<Cell> cells = Cells(line);
  const size_t at = place.column - 1;
  if (place.column == 0 || at > cells.size()) return;
  const size_t begin = at > kShownBefore ? at - kShownBefore : 0;
  const size_t end = std::min(cells.size(), at + kShownBehind);
  std::string text = begin > 0 ? "..." : "";
  size_t indent = text.size();
  for (size_t i = begin; i < end; ++i) {
    text += cells[i].text;
    if (i < at) indent += static_cast<size_t>(cells[i].width);
  }
  if (end < cells.size()) text += "...";
  const std::string number = absl::StrCat(place.line);
  absl::StrAppend(out, "  ", style.faint, number, " |", style.end, " ", text, "\n");
  absl::StrAppend(out, "  ", style.faint, std::string(number.size(), ' '), " |", style.end, " ",
                  std::string(indent, ' '), style.caret, "^", style.end, "\n");
}

}  // namespace

bool Sources::FindLine(const std::string& name, uint32_t number, std::string* line) const {
  if (number == 0) return false;
  const auto found = texts_.find(name);
  if (found != texts_.end()) {
    const std::string& text = found->second;
    size_t begin = 0;
    for (uint32_t i = 1; i < number; ++i) {
      begin = text.find('\n', begin);
      if (begin == std::string::npos) return false;
      ++begin;
    }
    *line = text.substr(begin, text.find('\n', begin) - begin);
    return true;
  }
  // Opening a pipe or a device might wait.
  struct stat info;
  if (stat(name.c_str(), &info) != 0 || !S_ISREG(info.st_mode)) return false;
  std::ifstream file(name, std::ios::binary);
  for (uint32_t i = 0; i < number; ++i) {
    if (!std::getline(file, *line)) return false;
  }
  return true;
}

bool WantsColor(int descriptor) {
  const char* no_color = std::getenv("NO_COLOR");
  if (no_color != nullptr && *no_color != '\0') return false;
  const char* term = std::getenv("TERM");
  return term != nullptr && *term != '\0' && std::strcmp(term, "dumb") != 0 && isatty(descriptor) == 1;
}

std::string FormatError(const ErrorReport& report, const Sources& sources, bool color) {
  const Style& style = color ? kColored : kPlain;
  // The innermost place whose text can be shown: a frame in a library that is part of the snapshot
  // says less.
  SourcePlace place = report.place;
  std::string line;
  bool shown = sources.FindLine(place.file, place.line, &line);
  for (size_t i = 0; i < report.backtrace.size() && report.place.line == 0 && !shown; ++i) {
    const SourcePlace& frame = report.backtrace[i].place;
    shown = sources.FindLine(frame.file, frame.line, &line);
    if (shown) place = frame;
  }
  if (place.line == 0 && report.form.line != 0) {
    place = report.form;
    shown = sources.FindLine(place.file, place.line, &line);
  }
  std::string out;
  if (place.line != 0) {
    absl::StrAppend(&out, style.place, place.ToString(), ":", style.end, " ");
  } else {
    absl::StrAppend(&out, style.place, "islet:", style.end, " ");
  }
  absl::StrAppend(&out, report.message, "\n");
  if (shown) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    AppendExcerpt(place, line, style, &out);
  }
  for (const std::string& text : report.BacktraceLines()) {
    absl::StrAppend(&out, style.faint, text, style.end, "\n");
  }
  return out;
}

}  // namespace islet::shell
