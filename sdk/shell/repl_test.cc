// The shell at a terminal: a session typed into a pseudoterminal, as a user sees it.

#include <pty.h>
#include <sys/stat.h>
#include <termios.h>

#include <chrono>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sdk/shell/test_process.h"

namespace islet::shell {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr char kCtrlC = 3, kCtrlD = 4, kTab = 9, kEscape = 27;

std::string FileText(const std::string& name) {
  std::ifstream file(name);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

// A shell at a terminal of 80 columns. What it writes there is collected without the terminal's
// control sequences.
class Terminal {
 public:
  explicit Terminal(std::vector<std::string> arguments = {}, std::vector<std::string> environment = {},
                    const std::string& term = "xterm") {
    environment.push_back("TERM=" + term);
    environment.push_back("HOME=" + Directory());
    winsize size = {25, 80, 0, 0};
    child_ = forkpty(&terminal_, nullptr, nullptr, &size);
    if (child_ == 0) Execute(arguments, environment);
  }
  ~Terminal() {
    if (child_ > 0) {
      kill(child_, SIGKILL);
      waitpid(child_, nullptr, 0);
    }
    close(terminal_);
  }

  void Type(const std::string& keys) {
    EXPECT_EQ(write(terminal_, keys.data(), keys.size()), static_cast<ssize_t>(keys.size()));
  }

  // Waits for `text` in what has come since the last call, and returns everything up to its end.
  std::string Expect(const std::string& text, int seconds = 20) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
    size_t at;
    while ((at = shown_.find(text)) == std::string::npos) {
      if (std::chrono::steady_clock::now() > deadline || !Receive()) {
        ADD_FAILURE() << "waited for " << testing::PrintToString(text) << ", saw " << testing::PrintToString(shown_);
        return shown_;
      }
    }
    std::string seen = shown_.substr(0, at + text.size());
    shown_.erase(0, at + text.size());
    // Behind a prompt: what is typed before the editor has the terminal would be echoed twice.
    if (text == "> " || text == "\n> " || text == "\n  ") WaitForEditor();
    return seen;
  }

  // Types a line and waits for the next prompt; what was printed between.
  std::string Enter(const std::string& line) {
    Type(line + "\r");
    Expect(line);
    std::string seen = Expect("\n> ");
    seen.resize(seen.size() - 2);
    const size_t start = seen.find('\n');
    return start == std::string::npos ? seen : seen.substr(start + 1);
  }

  // Waits for the shell to end: its exit status.
  int Finish() {
    while (Receive()) {
    }
    int status = 0;
    waitpid(child_, &status, 0);
    child_ = -1;
    return StatusOf(status);
  }
  const std::string& rest() const { return shown_; }
  const std::string& raw() const { return raw_; }
  pid_t child() const { return child_; }

  static std::string Directory() {
    char buffer[4096];
    return getcwd(buffer, sizeof(buffer)) != nullptr ? buffer : "";
  }

 private:
  void WaitForEditor() {
    for (int i = 0; i < 20000; ++i) {
      termios mode;
      if (tcgetattr(terminal_, &mode) != 0 || (mode.c_lflag & ICANON) == 0) return;
      usleep(1000);
    }
  }

  // False once the shell has gone, or nothing comes for a while.
  bool Receive() {
    pollfd wanted = {terminal_, POLLIN, 0};
    if (poll(&wanted, 1, 20000) <= 0) return false;
    char buffer[4096];
    const ssize_t count = read(terminal_, buffer, sizeof(buffer));
    if (count <= 0) return false;
    raw_.append(buffer, static_cast<size_t>(count));
    for (char c : std::string(buffer, static_cast<size_t>(count))) Show(c);
    return true;
  }

  void Show(char c) {
    if (in_sequence_) {
      in_sequence_ = !((c >= '@' && c <= '~' && c != '[') || c == 7);
    } else if (c == kEscape) {
      in_sequence_ = true;
    } else if (c == '\b') {
      if (!shown_.empty() && shown_.back() != '\n') shown_.pop_back();
    } else if (c != '\r' && c != 7) {
      shown_.push_back(c);
    }
  }

  int terminal_ = -1;
  pid_t child_ = -1;
  bool in_sequence_ = false;
  std::string raw_;
  std::string shown_;
};

TEST(ReplTest, PrintsValuesAsWriteDoes) {
  Terminal terminal;
  terminal.Expect("> ");
  EXPECT_EQ(terminal.Enter("(+ 1 2)"), "3\n");
  EXPECT_EQ(terminal.Enter("\"a \\\"string\\\"\""), "\"a \\\"string\\\"\"\n");
  EXPECT_EQ(terminal.Enter("(values 1 'two)"), "1\ntwo\n");
  EXPECT_EQ(terminal.Enter("(if #f #f)"), "");
  EXPECT_EQ(terminal.Enter("(values)"), "");
  EXPECT_EQ(terminal.Enter("1 2 3"), "1\n2\n3\n");
  EXPECT_EQ(terminal.Enter("; nothing"), "");
  EXPECT_EQ(terminal.Enter("'()"), "()\n");
  terminal.Type(std::string(1, kCtrlD));
  EXPECT_EQ(terminal.Finish(), 0);
}

TEST(ReplTest, DefinitionsAndImportsPersist) {
  Terminal terminal;
  terminal.Expect("> ");
  EXPECT_EQ(terminal.Enter("(define (double x) (* 2 x))"), "");
  EXPECT_EQ(terminal.Enter("(double 21)"), "42\n");
  EXPECT_EQ(terminal.Enter("(import (rename (only (srfi 1) iota) (iota numbers)))"), "");
  EXPECT_EQ(terminal.Enter("(numbers 3)"), "(0 1 2)\n");
  EXPECT_EQ(terminal.Enter("(define-syntax twice (syntax-rules () ((_ e) (begin e e))))"), "");
  EXPECT_EQ(terminal.Enter("(twice (display 'x))"), "xx\n");
}

TEST(ReplTest, AsksForMoreUntilAFormIsWhole) {
  Terminal terminal;
  terminal.Expect("> ");
  terminal.Type("(list 1\r");
  terminal.Expect("\n  ");
  terminal.Type("\"a\r");
  terminal.Expect("\n  ");
  terminal.Type("b\" #| comment\r");
  terminal.Expect("\n  ");
  terminal.Type("|# 'end\r");
  terminal.Expect("\n  ");
  terminal.Type(")\r");
  EXPECT_THAT(terminal.Expect("\n> "), HasSubstr("(1 \"a\\nb\" end)\n"));
  terminal.Type("'\r");
  terminal.Expect("\n  ");
  EXPECT_EQ(terminal.Enter("x"), "x\n");
  // A form that no further line can mend is an error at once.
  EXPECT_THAT(terminal.Enter(")"), StartsWith("repl:8:1: "));
}

TEST(ReplTest, ErrorsKeepItGoing) {
  Terminal terminal;
  terminal.Expect("> ");
  terminal.Enter("(define (f x) (+ 1 (car x)))");
  const std::string error = terminal.Enter("(list (f 5))");
  EXPECT_EQ(error,
            "repl:1:20: car: argument 1 should be a pair: 5\n"
            "  1 | (define (f x) (+ 1 (car x)))\n"
            "    |                    ^\n"
            "  at f (repl:1:20)\n"
            "  at top level (repl:2:7)\n");
  // In colour, as this is a terminal.
  EXPECT_THAT(terminal.raw(), HasSubstr("\033[1;31m^"));
  EXPECT_EQ(terminal.Enter("(f '(1))"), "2\n");
  // The rest of a line with an error is not evaluated; places count from the start of the session.
  EXPECT_EQ(terminal.Enter("1 (car 2) 3"),
            "1\n"
            "repl:4:3: car: argument 1 should be a pair: 2\n"
            "  4 | 1 (car 2) 3\n"
            "    |   ^\n"
            "  at top level (repl:4:3)\n");
  EXPECT_THAT(terminal.Enter("(raise 'mine)"), StartsWith("repl:5:1: raised: mine\n"));
  EXPECT_EQ(terminal.Enter("'on"), "on\n");
}

TEST(ReplTest, NoColorIsRespected) {
  Terminal terminal({}, {"NO_COLOR=1"});
  terminal.Expect("> ");
  terminal.Enter("(car 1)");
  EXPECT_THAT(terminal.raw(), Not(HasSubstr("\033[1;31m")));
}

TEST(ReplTest, ExitsAsTheProgramSays) {
  for (const auto& [text, status] : std::vector<std::pair<std::string, int>>{
           {"(exit)", 0}, {"(exit 7)", 7}, {"(exit #f)", 1}, {"(begin (display \"bye\") (emergency-exit 3))", 3}}) {
    Terminal terminal;
    terminal.Expect("> ");
    terminal.Type(text + "\r");
    EXPECT_EQ(terminal.Finish(), status) << text;
  }
}

TEST(ReplTest, OutputIsInOrderAndOnLinesOfItsOwn) {
  Terminal terminal;
  terminal.Expect("> ");
  EXPECT_EQ(terminal.Enter("(begin (display \"no newline\") 5)"), "no newline\n5\n");
  EXPECT_EQ(terminal.Enter("(display \"again\")"), "again\n");
  EXPECT_EQ(terminal.Enter("(begin (display \"one\\n\") (write 'two (current-error-port)) 3)"), "one\ntwo\n3\n");
}

TEST(ReplTest, CtrlCEndsAnEvaluation) {
  Terminal terminal;
  terminal.Expect("> ");
  terminal.Type("(begin (display \"looping\\n\") (let loop () (loop)))\r");
  terminal.Expect("\nlooping\n");
  terminal.Type(std::string(1, kCtrlC));
  EXPECT_THAT(terminal.Expect("\n> "), HasSubstr("interrupted\n"));
  EXPECT_EQ(terminal.Enter("(+ 1 1)"), "2\n");
  // A handler of the program does not see it.
  terminal.Type("(begin (display \"looping\\n\") (guard (e (#t 'caught)) (let loop () (loop))))\r");
  terminal.Expect("\nlooping\n");
  terminal.Type(std::string(1, kCtrlC));
  EXPECT_THAT(terminal.Expect("\n> "), HasSubstr("interrupted\n"));
  // Waiting for input is ended too.
  terminal.Type("(begin (display \"waiting\\n\") (read-line))\r");
  terminal.Expect("\nwaiting\n");
  terminal.Type(std::string(1, kCtrlC));
  EXPECT_THAT(terminal.Expect("\n> "), HasSubstr("interrupted\n"));
  EXPECT_EQ(terminal.Enter("'alive"), "alive\n");
}

TEST(ReplTest, CtrlCDropsWhatIsTyped) {
  Terminal terminal;
  terminal.Expect("> ");
  terminal.Type("(list 1 ");
  terminal.Expect("(list 1 ");
  terminal.Type(std::string(1, kCtrlC));
  terminal.Expect("\n> ");
  terminal.Type("(list 2\r");
  terminal.Expect("\n  ");
  terminal.Type(std::string(1, kCtrlC));
  terminal.Expect("\n> ");
  EXPECT_EQ(terminal.Enter("3"), "3\n");
  for (int i = 0; i < 20; ++i) {
    kill(terminal.child(), SIGINT);
    terminal.Expect("\n> ");
  }
  terminal.Type("'still-here\r");
  terminal.Expect("\nstill-here\n");
  terminal.Expect("> ");
  terminal.Type(std::string(1, kCtrlD));
  EXPECT_EQ(terminal.Finish(), 0);
}

TEST(ReplTest, ReadsWhatTheUserTypesForTheProgram) {
  Terminal terminal;
  terminal.Expect("> ");
  terminal.Type("(string-upcase (read-line))\r");
  terminal.Expect("\n");
  terminal.Type("typed\r");
  EXPECT_THAT(terminal.Expect("\n> "), HasSubstr("\"TYPED\"\n"));
}

TEST(ReplTest, WhatStandsBehindAFormIsInputOfTheProgram) {
  Terminal terminal;
  terminal.Expect("> ");
  EXPECT_EQ(terminal.Enter("(read) foo"), "foo\n");
  EXPECT_EQ(terminal.Enter("(list (read) (read)) one two (+ 1 2)"), "(one two)\n3\n");
  terminal.Type("(read)\r");
  terminal.Expect("\n");
  terminal.Type("typed 'next\r");
  EXPECT_THAT(terminal.Expect("\n> "), HasSubstr("typed\nnext\n"));
}

TEST(ReplTest, KeysThatTerminalsSend) {
  for (const char* term : {"xterm-256color", "screen", "tmux", "linux", "rxvt", "dumb"}) {
    Terminal terminal({}, {}, term);
    terminal.Expect("> ");
    const std::string escape(1, kEscape);
    for (const char* home : {"[H", "OH", "[1~", "[7~", "[1;5H"}) {
      terminal.Type(absl::StrCat("2 3)", escape, home, "(list 1 \r"));
      EXPECT_THAT(terminal.Expect("\n> "), HasSubstr("\n(1 2 3)\n")) << term << home;
    }
    for (const char* end : {"[F", "OF", "[4~", "[8~", "[1;5F"}) {
      terminal.Type(absl::StrCat("1 2", escape, "[H", "(list ", escape, end, " 3)\r"));
      EXPECT_THAT(terminal.Expect("\n> "), HasSubstr("\n(1 2 3)\n")) << term << end;
    }
    for (const char* left : {"[1;5D", "[5D", "Od", "[1;3D"}) {
      terminal.Type(absl::StrCat("(list 11 22)", escape, left, escape, left, "0 \r"));
      EXPECT_THAT(terminal.Expect("\n> "), HasSubstr("\n(0 11 22)\n")) << term << left;
    }
    for (const char* right : {"[1;5C", "[5C", "Oc", "[1;3C"}) {
      terminal.Type(absl::StrCat("(list 11 22)", escape, "[H", escape, right, escape, right, "0\r"));
      EXPECT_THAT(terminal.Expect("\n> "), HasSubstr("\n(110 22)\n")) << term << right;
    }
    terminal.Type(
        absl::StrCat("(list 19 2)", escape, "[D", escape, "OD", escape, "[D", escape, "[D", escape, "[3~", "\r"));
    EXPECT_THAT(terminal.Expect("\n> "), HasSubstr("\n(1 2)\n")) << term;
    // Keys without a meaning here type nothing.
    terminal.Type(
        absl::StrCat("(list 1", escape, "[15~", escape, "OP", escape, "[24~", escape, "[2~", escape, "[2~", ")\r"));
    EXPECT_THAT(terminal.Expect("\n> "), HasSubstr("\n(1)\n")) << term;
    terminal.Type(absl::StrCat(escape, "[A\r"));
    EXPECT_THAT(terminal.Expect("\n> "), HasSubstr("\n(1)\n")) << term;
  }
}

TEST(ReplTest, CompletesNames) {
  Terminal terminal;
  terminal.Expect("> ");
  terminal.Enter("(define my-very-own-procedure (lambda (x) (list 'own x)))");
  terminal.Type(absl::StrCat("(my-v", std::string(1, kTab)));
  terminal.Expect("(my-very-own-procedure");
  terminal.Type(" 5)\r");
  EXPECT_THAT(terminal.Expect("\n> "), HasSubstr("\n(own 5)\n"));
  // Where it is not certain, as far as it is; then the candidates.
  terminal.Type(absl::StrCat("(call-with-in", std::string(2, kTab)));
  const std::string listed = terminal.Expect("> (call-with-input-");
  terminal.Type(absl::StrCat(std::string(1, kCtrlC)));
  terminal.Expect("\n> ");
  terminal.Type(absl::StrCat("(hash-table-ref", std::string(1, kTab)));
  EXPECT_THAT(terminal.Expect("> (hash-table-ref"), HasSubstr("hash-table-ref"));
  terminal.Type(std::string(1, kCtrlC));
  terminal.Expect("\n> ");
}

TEST(ReplTest, KeepsHistoryInTheStateDirectory) {
  const std::string state = Terminal::Directory() + "/state";
  {
    Terminal terminal({}, {"XDG_STATE_HOME=" + state});
    terminal.Expect("> ");
    EXPECT_EQ(terminal.Enter("(define kept 'from-before)"), "");
    EXPECT_EQ(terminal.Enter("(list kept \"日本\")"), "(from-before \"日本\")\n");
    terminal.Type(std::string(1, kCtrlD));
    EXPECT_EQ(terminal.Finish(), 0);
  }
  EXPECT_THAT(FileText(state + "/islet/history"), HasSubstr("kept"));
  struct stat info;
  ASSERT_EQ(stat((state + "/islet").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0700u);
  Terminal terminal({}, {"XDG_STATE_HOME=" + state});
  terminal.Expect("> ");
  const std::string up = {kEscape, '[', 'A'};
  terminal.Type(up + up);
  terminal.Expect("(define kept 'from-before)");
  terminal.Type("\r");
  terminal.Expect("\n> ");
  EXPECT_EQ(terminal.Enter("kept"), "from-before\n");
  // Without a place for it there is no history, and no complaint.
  Terminal without({}, {"XDG_STATE_HOME=/proc/nowhere"});
  without.Expect("> ");
  EXPECT_EQ(without.Enter("1"), "1\n");
}

TEST(ReplTest, GoesOnAfterAScript) {
  WriteFile("before.lisp", "(import (scheme base) (scheme write))\n(define x 5)\n(display \"ran\\n\")\n");
  Terminal terminal({"-i", "before.lisp"});
  EXPECT_THAT(terminal.Expect("> "), HasSubstr("ran\n"));
  EXPECT_EQ(terminal.Enter("(vector x)"), "#(5)\n");
  Terminal failed({"-i", "-e", "(define y 6)", "-e", "(car 1)"});
  EXPECT_THAT(failed.Expect("\n> "), HasSubstr("argument 1 should be a pair"));
  EXPECT_EQ(failed.Enter("y"), "6\n");
}

TEST(ReplTest, ResizingAndStoppingDoNoHarm) {
  Terminal terminal;
  terminal.Expect("> ");
  terminal.Type("(list 1");
  terminal.Expect("(list 1");
  kill(terminal.child(), SIGWINCH);
  kill(terminal.child(), SIGSTOP);
  kill(terminal.child(), SIGCONT);
  terminal.Type(" 2)\r");
  EXPECT_THAT(terminal.Expect("\n(1 2)\n"), EndsWith("(1 2)\n"));
}

}  // namespace
}  // namespace islet::shell

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  islet::shell::EnterTestDirectory(argv[1]);
  return RUN_ALL_TESTS();
}
