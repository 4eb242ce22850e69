// The shell without a terminal: scripts, expressions, pipes, exit statuses, and what its errors
// look like.

#include <sys/stat.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sdk/shell/test_process.h"

namespace islet::shell {
namespace {

// The test's second argument: a snapshot made from shell_test.lisp.
std::string& SnapshotPath() {
  static std::string* const path = new std::string;
  return *path;
}

using testing::AnyOf;
using testing::HasSubstr;
using testing::MatchesRegex;
using testing::StartsWith;

// Runs `text` as a script named test.lisp.
Finished RunScript(const std::string& text, const std::vector<std::string>& arguments = {}) {
  WriteFile("test.lisp", text);
  std::vector<std::string> all = {"test.lisp"};
  all.insert(all.end(), arguments.begin(), arguments.end());
  return RunShell(all);
}

// ---- Running

TEST(ShellTest, RunsAScript) {
  const Finished run = RunScript("(define (square x) (* x x))\n(display (square 12))\n(newline)\n");
  EXPECT_EQ(run.out, "144\n");
  EXPECT_EQ(run.err, "");
  EXPECT_EQ(run.status, 0);
}

TEST(ShellTest, AScriptThatImportsSeesOnlyThat) {
  EXPECT_EQ(RunScript("(import (scheme base) (scheme write))\n(display (+ 1 2))").out, "3");
  const Finished run = RunScript("(import (scheme base))\n(display 1)");
  EXPECT_EQ(run.status, 1);
  EXPECT_THAT(run.err, HasSubstr("test.lisp:2:"));
  EXPECT_THAT(run.err, HasSubstr("display"));
}

TEST(ShellTest, ScriptsMayStartWithAnInterpreterLine) {
  WriteFile("program", "#!" + ShellPath() + "\n(display (command-line))\n");
  ASSERT_EQ(chmod("program", 0755), 0);
  const Finished run = RunShell({"program", "one", "--time", "-e"});
  EXPECT_EQ(run.out, "(program one --time -e)");
  EXPECT_EQ(run.err, "");
  // By the kernel, too.
  FILE* pipe = popen("./program x 'y z'", "r");
  char buffer[100] = {};
  EXPECT_NE(fgets(buffer, sizeof(buffer), pipe), nullptr);
  EXPECT_EQ(pclose(pipe), 0);
  EXPECT_STREQ(buffer, "(./program x y z)");
}

TEST(ShellTest, EvaluatesExpressions) {
  EXPECT_EQ(RunShell({"-e", "(define x 6)", "-e", "(display (* x 7))"}).out, "42");
  EXPECT_EQ(RunShell({"-e", "'silent"}).out, "");
  EXPECT_EQ(RunShell({"-p", "(list 1 \"two\" #\\3)"}).out, "(1 \"two\" #\\3)\n");
  EXPECT_EQ(RunShell({"-p", "(values 1 2)"}).out, "1\n2\n");
  EXPECT_EQ(RunShell({"-p", "(values)", "-p", "(if #f #f)"}).out, "");
  EXPECT_EQ(RunShell({"-p", "1 2 3"}).out, "3\n");
  EXPECT_EQ(RunShell({"-e", ""}).status, 0);
  EXPECT_EQ(RunShell({"-p", "(call-with-values (lambda () (values 1 2)) +)"}).out, "3\n");
  EXPECT_EQ(RunShell({"-e", "(import (only (srfi 1) iota))", "-p", "(iota 3)"}).out, "(0 1 2)\n");
  EXPECT_EQ(RunShell({"-e", "(display (command-line))", "a", "-e", "b"}).out, "(islet a -e b)");
  EXPECT_EQ(RunShell({"-e(display 5)"}).out, "5");
}

TEST(ShellTest, ReadsTheProgramFromAPipe) {
  EXPECT_EQ(RunShell({}, "(display \"from a pipe\")").out, "from a pipe");
  EXPECT_EQ(RunShell({"-", "x"}, "(display (command-line))").out, "(- x)");
  const Finished run = RunShell({}, "(import (scheme base))\n(vector-ref (vector 1 2) 2)");
  EXPECT_EQ(run.status, 1);
  EXPECT_THAT(run.err, StartsWith("<stdin>:2:1: vector-ref: "));
  EXPECT_THAT(run.err, HasSubstr("  2 | (vector-ref (vector 1 2) 2)\n    | ^\n"));
  EXPECT_EQ(RunShell({}, "").status, 0);
}

TEST(ShellTest, ScriptsReadStandardInput) {
  WriteFile("test.lisp",
            "(let loop ((line (read-line)))\n"
            "  (if (not (eof-object? line)) (begin (write line) (loop (read-line)))))");
  EXPECT_EQ(RunShell({"test.lisp"}, "one\ntwo\n").out, "\"one\"\"two\"");
  WriteFile("test.lisp", "(write (read)) (write (char-ready?)) (write (read-char))");
  EXPECT_EQ(RunShell({"test.lisp"}, "(a . b)c").out, "(a . b)#t#\\c");
}

TEST(ShellTest, GrantsWhatAProgramNeeds) {
  const Finished run = RunShell({"-p", "(get-environment-variable \"COLOUR\")", "-p", "(get-environment-variables)",
                                 "-p", "(get-environment-variable \"NONE\")", "-p", "(< 1.6e9 (current-second) 1e11)"},
                                "", {"COLOUR=red=blue", "EMPTY="});
  EXPECT_EQ(run.out, "\"red=blue\"\n((\"COLOUR\" . \"red=blue\") (\"EMPTY\" . \"\"))\n#f\n#t\n");
  EXPECT_EQ(RunShell({"-e", "(call-with-output-file \"out.txt\" (lambda (port) (write 'written port)))", "-p",
                      "(call-with-input-file \"out.txt\" read)", "-e", "(delete-file \"out.txt\")", "-p",
                      "(file-exists? \"out.txt\")"})
                .out,
            "written\n#f\n");
}

TEST(ShellTest, FindsLibraries) {
  ASSERT_EQ(system("mkdir -p libraries/shapes scripts/near"), 0);
  WriteFile("libraries/shapes/area.sld",
            "(define-library (shapes area)\n  (export area)\n  (import (scheme base))\n"
            "  (begin (define (area w h)\n           (* w h))))\n");
  WriteFile("scripts/near/by.sld",
            "(define-library (near by) (export x) (import (scheme base)) (begin (define x 'near)))");
  WriteFile("scripts/main.lisp",
            "(import (scheme base) (scheme write) (shapes area) (near by))\n"
            "(write (list (area 3 4) x))\n(area 'a 2)\n");
  const Finished run = RunShell({"-L", "nowhere", "-Llibraries", "scripts/main.lisp"});
  EXPECT_EQ(run.out, "(12 near)");
  // The error is shown where it happened.
  EXPECT_THAT(run.err, HasSubstr("libraries/shapes/area.sld:5:12: *: "));
  EXPECT_THAT(run.err, HasSubstr("  5 |            (* w h))))\n    |            ^\n"));
  EXPECT_THAT(RunShell({"scripts/main.lisp"}).err, HasSubstr("no library (shapes area)"));
}

TEST(ShellTest, StartsFromAnySnapshot) {
  EXPECT_THAT(RunShell({"--snapshot", "nowhere.snap", "-e", "1"}).err, StartsWith("islet: "));
  EXPECT_EQ(RunShell({"--snapshot", "nowhere.snap", "-e", "1"}).status, 1);
  WriteFile("bad.snap", "not a snapshot");
  EXPECT_THAT(RunShell({"--snapshot=bad.snap", "-e", "1"}).err, HasSubstr("bad.snap: not a snapshot"));
  EXPECT_EQ(RunShell({"--snapshot", SnapshotPath(), "-p", "(greet \"Ada\")"}).out, "\"Hello, Ada!\"\n");
  EXPECT_EQ(RunShell({"-p", "(greet \"Ada\")"}).status, 1);
}

// ---- Exit statuses

TEST(ShellTest, ExitsAsTheProgramSays) {
  EXPECT_EQ(RunScript("(exit)").status, 0);
  EXPECT_EQ(RunScript("(exit #t)").status, 0);
  EXPECT_EQ(RunScript("(exit #f)").status, 1);
  EXPECT_EQ(RunScript("(exit 7)").status, 7);
  EXPECT_EQ(RunScript("(emergency-exit 8)").status, 8);
  EXPECT_EQ(RunScript("(error \"no\")").status, 1);
  EXPECT_EQ(RunScript("(car").status, 1);
  EXPECT_EQ(RunShell({"-e", "(exit 3)", "-e", "(display 'never)"}).status, 3);
  EXPECT_EQ(RunShell({"-e", "(exit 3)", "-e", "(display 'never)"}).out, "");
  EXPECT_EQ(RunShell({}, "(exit 4)").status, 4);
}

TEST(ShellTest, OutputIsNotLost) {
  EXPECT_EQ(RunScript("(display 'a) (exit 3)").out, "a");
  EXPECT_EQ(RunScript("(display 'b) (emergency-exit)").out, "b");
  EXPECT_EQ(RunScript("(display 'c) (car 1)").out, "c");
  EXPECT_EQ(RunScript("(dynamic-wind (lambda () #t) (lambda () (exit 2)) (lambda () (display 'unwound)))").out,
            "unwound");
  EXPECT_EQ(RunScript("(define p (open-output-file \"left-open\")) (display \"text\" p)").status, 0);
  EXPECT_EQ(RunScript("(write (call-with-input-file \"left-open\" read-line))").out, "\"text\"");
  std::string expected;
  for (int i = 0; i < 30000; ++i) expected += std::to_string(i) + "\n";
  EXPECT_EQ(RunScript("(do ((i 0 (+ i 1))) ((= i 30000)) (write i) (newline))").out, expected);
}

TEST(ShellTest, SaysWhenOutputCannotBeWritten) {
  WriteFile("test.lisp", "(display \"lost\")");
  EXPECT_EQ(StatusOf(system((ShellPath() + " test.lisp > /dev/full 2> message").c_str())), 1);
  std::string message;
  std::getline(std::ifstream("message"), message);
  EXPECT_EQ(message, "islet: cannot write: No space left on device");
}

TEST(ShellTest, ClosedStandardDescriptorsAreNotMistaken) {
  auto run = [](const std::string& redirection) {
    return StatusOf(system((ShellPath() + " " + redirection + " 2> message").c_str()));
  };
  EXPECT_EQ(run("<&-"), 1);
  std::string message;
  std::getline(std::ifstream("message"), message);
  EXPECT_EQ(message, "islet: cannot read standard input: Bad file descriptor");
  EXPECT_EQ(run("-p 1 >&-"), 1);
  std::getline(std::ifstream("message"), message);
  EXPECT_EQ(message, "islet: cannot write: Bad file descriptor");
}

TEST(ShellTest, ThePromptWorksWithoutATerminal) {
  const Finished run = RunShell({"-i"}, "(define x 2)\n(* x\n3)\n(car x)\n'on (list");
  EXPECT_EQ(run.out, "6\non\n");
  EXPECT_THAT(run.err, StartsWith("repl:4:1: car: argument 1 should be a pair: 2\n"));
  EXPECT_THAT(run.err, HasSubstr("repl:5:5: this list is not closed: a ) is missing\n"));
  EXPECT_EQ(run.status, 1);
  EXPECT_EQ(RunShell({"-i", "-e", "(define y 5)"}, "y").out, "5\n");
  // The prompt and programs read one input: what one leaves is the other's.
  EXPECT_EQ(RunShell({"-i"}, "(read)\nfoo\n(+ 1 2)\n").out, "foo\n3\n");
  EXPECT_EQ(RunShell({"-i"}, "(read) foo (read)bar(+ 1 2)\n").out, "foo\nbar\n3\n");
  EXPECT_EQ(RunShell({"-i"}, "(read-line)\na line\n(read-char)x'y\n(read-line)\nlast").out,
            "\"a line\"\n#\\x\ny\n\"last\"\n");
  EXPECT_EQ(RunShell({"-i", "-e", "(define first (read))"}, "one (list first 'two)\n'three").out, "(one two)\nthree\n");
  EXPECT_EQ(RunShell({"-i"}, "(begin (read-line) (car 1)) x\n'after\n(char-ready?)'z\n").out, "after\n#t\nz\n");
  EXPECT_EQ(RunShell({"-i"}, "(read-line)\n").out, "#<eof>\n");
}

// ---- Errors

TEST(ShellTest, AnErrorShowsPlaceLineAndBacktrace) {
  const Finished run = RunScript(
      "(define (first-of x)\n"
      "  (+ 1 (car x)))\n"
      "(define (use x)\n"
      "  (+ 1 (first-of x)))\n"
      "\n"
      "(use 5)\n");
  EXPECT_EQ(run.err,
            "test.lisp:2:8: car: argument 1 should be a pair: 5\n"
            "  2 |   (+ 1 (car x)))\n"
            "    |        ^\n"
            "  at first-of (test.lisp:2:8)\n"
            "  at use (test.lisp:4:8)\n"
            "  at top level (test.lisp:6:1)\n");
  EXPECT_EQ(run.out, "");
  EXPECT_EQ(run.status, 1);
}

TEST(ShellTest, ErrorsOfEachKind) {
  EXPECT_EQ(RunScript("(display 1)\n(if)\n").err,
            "test.lisp:2:1: if: expected (if test consequent [alternative]), in (if)\n"
            "  2 | (if)\n"
            "    | ^\n");
  EXPECT_EQ(RunScript("(define x\n  (list 1 2\n").err,
            "test.lisp:2:3: this list is not closed: a ) is missing\n"
            "  2 |   (list 1 2\n"
            "    |   ^\n");
  EXPECT_EQ(RunScript("(raise 'oops)").err,
            "test.lisp:1:1: raised: oops\n"
            "  1 | (raise 'oops)\n"
            "    | ^\n"
            "  at top level (test.lisp:1:1)\n");
  EXPECT_EQ(RunScript("(error \"it is bad:\" 1 \"two\")").err,
            "test.lisp:1:1: it is bad: 1 \"two\"\n"
            "  1 | (error \"it is bad:\" 1 \"two\")\n"
            "    | ^\n"
            "  at top level (test.lisp:1:1)\n");
  EXPECT_EQ(RunScript("\n nowhere").err,
            "test.lisp:2:2: unbound variable: nowhere\n"
            "  2 |  nowhere\n"
            "    |  ^\n"
            "  at top level (test.lisp:2:2)\n");
  // The innermost place that can be shown is not always the innermost: list-tail's caller is in the
  // snapshot.
  EXPECT_THAT(RunScript("(define (f)\n  (+ 1 (apply max (map car '(1)))))\n(f)").err,
              StartsWith("test.lisp:2:19: car: argument 1 should be a pair: 1\n"
                         "  2 |   (+ 1 (apply max (map car '(1)))))\n"
                         "    |                   ^\n"));
  EXPECT_EQ(RunShell({"-e", "(car 1)"}).err,
            "<expression>:1:1: car: argument 1 should be a pair: 1\n"
            "  1 | (car 1)\n"
            "    | ^\n"
            "  at top level (<expression>:1:1)\n");
  EXPECT_THAT(RunShell({"-e", "(define (f x) (+ 1 (car x)))", "-e", "(f 1)"}).err,
              StartsWith("<expression 1>:1:20: car: argument 1 should be a pair: 1\n"
                         "  1 | (define (f x) (+ 1 (car x)))\n"));
}

TEST(ShellTest, ErrorsInFilesThatAreLoaded) {
  WriteFile("loaded.lisp", "(define x 1)\n(if)\n");
  EXPECT_THAT(RunScript("(load \"loaded.lisp\")").err, StartsWith("loaded.lisp:2:1: if: expected"));
  EXPECT_THAT(RunScript("(load \"loaded.lisp\")").err, HasSubstr("  2 | (if)\n"));
}

TEST(ShellTest, TheCaretStandsWhereItBelongs) {
  EXPECT_THAT(RunScript("(list \"日本é\" (car 1))").err, HasSubstr("  1 | (list \"日本é\" (car 1))\n"
                                                                   "    |               ^\n"));
  EXPECT_THAT(RunScript("\t(car 1)").err, HasSubstr("  1 |  (car 1)\n    |  ^\n"));
  EXPECT_THAT(RunScript("(car 1)\r\n").err, HasSubstr("  1 | (car 1)\n"));
  // A long line is cut on both sides.
  const std::string filler(200, 'x');
  EXPECT_THAT(RunScript("(begin '" + filler + " (car 1) '" + filler + ")").err,
              HasSubstr("\n  1 | ..." + std::string(59, 'x') + " (car 1) '" + std::string(51, 'x') + "...\n    | " +
                        std::string(63, ' ') + "^\n"));
  // Nothing in a source steers the terminal.
  EXPECT_THAT(RunScript("(list \"\033[31m\" (car 1))").err, HasSubstr("  1 | (list \"?[31m\" (car 1))\n"));
}

TEST(ShellTest, DeepRecursionHasAShortBacktrace) {
  const Finished run = RunScript("(define (down n) (if (= n 0) (car 0) (+ 1 (down (- n 1)))))\n(down 1000)");
  EXPECT_THAT(run.err, HasSubstr("  at down (test.lisp:1:43)\n  ... the same 62 more times\n"));
}

TEST(ShellTest, FilesThatCannotBeRun) {
  EXPECT_EQ(RunShell({"nowhere.lisp"}).err, "islet: cannot read nowhere.lisp: No such file or directory\n");
  EXPECT_EQ(RunShell({"nowhere.lisp"}).status, 1);
  EXPECT_EQ(RunShell({"."}).err, "islet: cannot read .: Is a directory\n");
  const Finished run = RunScript("(display 1)\n(display \"\xff\")");
  EXPECT_EQ(run.err,
            "test.lisp:2:11: the text is not valid UTF-8: byte 0xff\n"
            "  2 | (display \"\xef\xbf\xbd\")\n"
            "    |           ^\n");
  EXPECT_EQ(run.status, 1);
}

TEST(ShellTest, MemoryIsLimited) {
  const std::string eater = "(define (eat x) (eat (cons x x)))\n(define (grow n) (cons n (grow n)))\n(grow 1)";
  const Finished run = RunShell({"--max-heap-mib", "16", "-e", eater});
  EXPECT_EQ(run.status, 1);
  EXPECT_THAT(run.err, StartsWith("<expression>:2:1: heap limit of "));
  EXPECT_THAT(run.err, HasSubstr("  2 | (define (grow n) (cons n (grow n)))\n"));
}

TEST(ShellTest, InterruptedProgramsEndBySignal) {
  int err[2];
  ASSERT_EQ(pipe(err), 0);
  const pid_t child = fork();
  if (child == 0) {
    dup2(err[1], 2);
    Execute({"-e", "(display \"ready\\n\" (current-error-port)) (let loop () (loop))"}, {});
  }
  close(err[1]);
  char buffer[1000] = {};
  ASSERT_EQ(read(err[0], buffer, sizeof(buffer)), 6);  // "ready\n": it is in its loop, or nearly
  kill(child, SIGINT);
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(WTERMSIG(status), SIGINT);
  const ssize_t count = read(err[0], buffer, sizeof(buffer));
  EXPECT_THAT(std::string(buffer, static_cast<size_t>(count)),
              AnyOf(StartsWith("<expression>:1:42: interrupted\n"), StartsWith("<expression>:1:55: interrupted\n")));
  close(err[0]);
}

// ---- Options

TEST(ShellTest, TimeIsMeasured) {
  const Finished run = RunShell({"--time", "-p", "(length (make-list 1000000 0))"});
  EXPECT_EQ(run.out, "1000000\n");
  EXPECT_THAT(run.err, MatchesRegex("time         [0-9.]+ s \\(user [0-9.]+ s, system [0-9.]+ s\\)\n"
                                    "allocated    [0-9.]+ MiB; in use [0-9.]+ MiB; [0-9]+ snapshot pages written\n"
                                    "collections  [0-9]+ minor \\([0-9.]+ s\\), [0-9]+ full \\([0-9.]+ s\\)\n"));
  // A million pairs of eight bytes.
  const size_t at = run.err.find("allocated    ");
  ASSERT_NE(at, std::string::npos);
  const double allocated = std::atof(run.err.c_str() + at + 13);
  EXPECT_GE(allocated, 7.6);
  EXPECT_LT(allocated, 40);
  // After an error and an exit, too.
  EXPECT_THAT(RunShell({"--time", "-e", "(car 1)"}).err, HasSubstr("\ntime  "));
  EXPECT_THAT(RunShell({"--time", "-e", "(exit 3)"}).err, StartsWith("time  "));
  EXPECT_EQ(RunShell({"--time", "-e", "(exit 3)"}).status, 3);
}

TEST(ShellTest, BytecodeCanBeSeen) {
  const Finished run = RunShell({"--disassemble", "outer", "-e", "(define (outer x)\n  (lambda (y) (vector x y)))"});
  EXPECT_THAT(run.out, StartsWith("outer (<expression>:"));
  EXPECT_THAT(run.out, HasSubstr("MakeClosure"));
  EXPECT_THAT(run.out, HasSubstr("\n\nlambda (<expression>:2:3):\n0 Enter"));
  EXPECT_EQ(run.status, 0);
  // Of the library's own, without a program.
  EXPECT_THAT(RunShell({"--disassemble=dynamic-wind"}).out, StartsWith("dynamic-wind (islet/control.sld:"));
  EXPECT_EQ(RunShell({"--disassemble", "car"}).err,
            "islet: #<procedure car> is not written in Lisp: it has no bytecode\n");
  EXPECT_EQ(RunShell({"--disassemble", "car"}).status, 1);
  EXPECT_EQ(RunShell({"--disassemble", "nowhere"}).err, "islet: no variable named nowhere is defined\n");
  EXPECT_EQ(RunShell({"--disassemble", "x", "-e", "(define x 5)"}).err, "islet: 5 is not a procedure\n");
  // Not after an error.
  EXPECT_EQ(RunShell({"--disassemble", "f", "-e", "(define (f) 1) (car 1)"}).out, "");
}

TEST(ShellTest, HelpAndVersion) {
  const Finished help = RunShell({"--help"});
  EXPECT_EQ(help.status, 0);
  for (const char* option :
       {"-e ", "-p ", "-i ", "-L ", "--snapshot", "--max-heap-mib", "--time", "--disassemble", "--help", "--version"}) {
    EXPECT_THAT(help.out, HasSubstr(option));
  }
  EXPECT_THAT(RunShell({"--version"}).out, MatchesRegex("islet [0-9]+\\.[0-9]+\\.[0-9]+\n"));
}

TEST(ShellTest, WrongUsage) {
  const std::vector<std::pair<std::vector<std::string>, std::string>> cases = {
      {{"--nonsense"}, "unknown option --nonsense"},
      {{"-x"}, "unknown option -x"},
      {{"-ix"}, "unknown option -ix"},
      {{"--time=5"}, "--time takes no value"},
      {{"--help=5"}, "--help takes no value"},
      {{"--version=5"}, "--version takes no value"},
      {{"-e"}, "-e needs a value"},
      {{"-p"}, "-p needs a value"},
      {{"-L"}, "-L needs a value"},
      {{"--snapshot"}, "--snapshot needs a value"},
      {{"--snapshot="}, "--snapshot needs a file's name"},
      {{"--disassemble="}, "--disassemble needs the name of a procedure"},
      {{"--disassemble"}, "--disassemble needs a value"},
      {{"--disassemble", ""}, "--disassemble needs the name of a procedure"},
      {{"--snapshot", ""}, "--snapshot needs a file's name"},
      {{"--max-heap-mib"}, "--max-heap-mib needs a value"},
      {{"--max-heap-mib", "0"}, "--max-heap-mib takes a number of MiB from 1 to 1020, not '0'"},
      {{"--max-heap-mib=5000"}, "--max-heap-mib takes a number of MiB from 1 to 1020, not '5000'"},
      {{"--max-heap-mib", "much"}, "--max-heap-mib takes a number of MiB from 1 to 1020, not 'much'"},
      {{""}, "the file's name is empty"},
  };
  for (const auto& [arguments, message] : cases) {
    const Finished run = RunShell(arguments);
    EXPECT_EQ(run.status, 2) << message;
    EXPECT_EQ(run.err, "islet: " + message + "\nTry: islet --help\n");
    EXPECT_EQ(run.out, "");
  }
  WriteFile("-odd.lisp", "(display 'odd)");
  EXPECT_EQ(RunShell({"--", "-odd.lisp"}).out, "odd");
}

}  // namespace
}  // namespace islet::shell

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  islet::shell::SnapshotPath() = islet::shell::Absolute(argv[2]);
  islet::shell::EnterTestDirectory(argv[1]);
  return RUN_ALL_TESTS();
}
