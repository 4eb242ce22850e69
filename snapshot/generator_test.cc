// snapshot_gen from its command line to the files it leaves.

#include "snapshot/generator.h"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "isolate/evaluator/evaluator.h"
#include "isolate/lib/standard.h"
#include "isolate/runtime/primitives.h"
#include "snapshot/image.h"

namespace islet::vm {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST(Options, Defaults) {
  const absl::StatusOr<GeneratorOptions> options = ParseGeneratorArguments({"lisp/start-up.lisp", "more.lisp"});
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_THAT(options->scripts, ElementsAre("lisp/start-up.lisp", "more.lisp"));
  EXPECT_EQ(options->output, "lisp/start-up.snap");
  EXPECT_EQ(options->symbol, "start_up");
  EXPECT_TRUE(options->emit_snap);
  EXPECT_FALSE(options->emit_asm || options->emit_obj || options->statistics);
}

TEST(Options, AsTheBazelRuleGivesThem) {
  const absl::StatusOr<GeneratorOptions> options =
      ParseGeneratorArguments({"-o", "out/a.snap", "--emit=snap,asm", "--symbol", "a", "-L", "x", "-Ly", "-MD", "a.d",
                               "--max-heap-mib=64", "--max-seconds", "2.5", "a.lisp"});
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_EQ(options->output, "out/a.snap");
  EXPECT_TRUE(options->emit_snap && options->emit_asm);
  EXPECT_EQ(options->symbol, "a");
  EXPECT_THAT(options->search_path, ElementsAre("x", "y"));
  EXPECT_EQ(options->dependency_file, "a.d");
  EXPECT_EQ(options->max_heap_mib, 64u);
  EXPECT_EQ(options->max_seconds, 2.5);
}

TEST(Options, DependencyFilesAreNamedAsCompilersNameThem) {
  auto file = [](std::vector<const char*> arguments) {
    const absl::StatusOr<GeneratorOptions> options = ParseGeneratorArguments(arguments);
    EXPECT_TRUE(options.ok()) << options.status();
    return options.ok() ? options->dependency_file : "";
  };
  EXPECT_EQ(file({"a.lisp"}), "");
  EXPECT_EQ(file({"-MD", "a.lisp"}), "a.d");
  EXPECT_EQ(file({"a.lisp", "-o", "out/b.snap", "-MD"}), "out/b.d");
  EXPECT_EQ(file({"-MD", "-MF", "deps", "a.lisp"}), "deps");
  EXPECT_EQ(file({"-MF", "deps", "a.lisp"}), "deps");
  EXPECT_EQ(file({"-MDdeps.mk", "a.lisp"}), "deps.mk");
}

TEST(Options, TimeIsLimitedUnlessItIsNotToBe) {
  auto seconds = [](std::vector<const char*> arguments) {
    const absl::StatusOr<GeneratorOptions> options = ParseGeneratorArguments(arguments);
    return options.ok() ? options->max_seconds : -1;
  };
  EXPECT_EQ(seconds({"a.lisp"}), 60);
  EXPECT_EQ(seconds({"--max-seconds=none", "a.lisp"}), 0);
  EXPECT_EQ(seconds({"--max-seconds=0", "a.lisp"}), 0);
}

TEST(Options, WhatMakesNoSense) {
  auto message = [](std::vector<const char*> arguments) {
    return std::string(ParseGeneratorArguments(arguments).status().message());
  };
  EXPECT_EQ(message({}), "no script given");
  EXPECT_EQ(message({"--frob", "a.lisp"}), "unknown option --frob");
  EXPECT_EQ(message({"--emmit=obj", "a.lisp"}), "unknown option --emmit=obj; did you mean --emit?");
  EXPECT_EQ(message({"--max-seconds=soon", "a.lisp"}),
            "--max-seconds takes a number of seconds, or none for no limit, not 'soon'");
  for (const char* wrong : {"-1", "nan", "inf", "1e10", "", "5s"}) {
    EXPECT_THAT(message({"--max-seconds", wrong, "a.lisp"}), HasSubstr("a number of seconds")) << wrong;
  }
  for (const char* wrong : {"-1", "0", "1021", "64k", "1.5", "", "99999999999999999999"}) {
    EXPECT_THAT(message({"--max-heap-mib", wrong, "a.lisp"}), HasSubstr("from 1 to 1020")) << wrong;
  }
  EXPECT_EQ(message({"-o", "", "a.lisp"}), "-o needs a file's name");
  EXPECT_THAT(message({"-o", "-", "--emit=obj", "a.lisp"}), HasSubstr("room for --emit=snap only"));
  EXPECT_THAT(message({"-o", "-", "-MD", "a.lisp"}), HasSubstr("give -MF FILE"));
  EXPECT_THAT(message({"-"}), HasSubstr("give -o FILE"));
  EXPECT_THAT(message({"-o", "a", "-", "-"}), HasSubstr("only once"));
  EXPECT_EQ(message({"a.lisp", "-o"}), "-o needs a value");
  EXPECT_EQ(message({"--emit=exe", "a.lisp"}), "--emit takes snap, asm or obj, not 'exe'");
  EXPECT_EQ(message({"--symbol", "a-b", "a.lisp"}), "--symbol takes letters, digits and _, not 'a-b'");
  EXPECT_EQ(message({"--max-heap-mib=no", "a.lisp"}), "--max-heap-mib takes a number of MiB from 1 to 1020, not 'no'");
}

// A directory of its own for each test, in which scripts are written and outputs found.
class Generator : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = absl::StrCat(testing::TempDir(), "/generator.XXXXXX");
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    directory_ = name + "/";
  }
  void TearDown() override {
    for (const std::string& file : Files()) unlink((directory_ + file).c_str());
    rmdir(directory_.c_str());
  }

  std::string Write(const std::string& name, const std::string& text) {
    FILE* file = std::fopen((directory_ + name).c_str(), "wb");
    EXPECT_NE(file, nullptr);
    std::fwrite(text.data(), 1, text.size(), file);
    std::fclose(file);
    return directory_ + name;
  }
  std::string Read(const std::string& name) {
    FILE* file = std::fopen((directory_ + name).c_str(), "rb");
    if (file == nullptr) return "(none)";
    std::string text;
    char buffer[4096];
    while (const size_t n = std::fread(buffer, 1, sizeof(buffer), file)) text.append(buffer, n);
    std::fclose(file);
    return text;
  }
  std::vector<std::string> Files() {
    std::vector<std::string> files;
    DIR* directory = opendir(directory_.c_str());
    while (const dirent* entry = readdir(directory)) {
      if (entry->d_name[0] != '.') files.push_back(entry->d_name);
    }
    closedir(directory);
    std::sort(files.begin(), files.end());
    return files;
  }

  GeneratorOptions OptionsFor(const std::string& text) {
    GeneratorOptions options;
    options.scripts = {Write("a.lisp", text)};
    options.output = directory_ + "a.snap";
    options.symbol = "a";
    return options;
  }
  absl::Status Run(const GeneratorOptions& options) {
    absl::StatusOr<std::shared_ptr<const Image>> base =
        Image::FromEmbedded(islet_snapshot_standard_begin, islet_snapshot_standard_end, AllPrimitives());
    if (!base.ok()) return base.status();
    return Generate(options, base->get(), AllPrimitives(), &report_);
  }
  // Returns what is said of a script; nothing must be left behind.
  std::string Failure(const GeneratorOptions& options) {
    const absl::Status status = Run(options);
    EXPECT_FALSE(status.ok());
    EXPECT_THAT(Files(), ElementsAre("a.lisp"));
    return std::string(status.message());
  }

  std::string directory_;
  GeneratorReport report_;
};

TEST_F(Generator, FreezesWhatTheScriptDefined) {
  ASSERT_EQ(Run(OptionsFor("(define (square x) (* x x)) (define nine (square 3))")), absl::OkStatus());
  absl::StatusOr<std::shared_ptr<const Image>> image = Image::FromFile(directory_ + "a.snap", AllPrimitives());
  ASSERT_TRUE(image.ok()) << image.status();
  absl::StatusOr<std::unique_ptr<Vm>> vm = NewVm(**image, VmOptions());
  ASSERT_TRUE(vm.ok()) << vm.status();
  Evaluator evaluator(**vm);
  const absl::StatusOr<Value> nine = LookupVariable(**vm, "nine");
  ASSERT_TRUE(nine.ok()) << nine.status();
  EXPECT_EQ(*nine, Value::Fixnum(9));
  const absl::StatusOr<Value> square = LookupVariable(**vm, "square");
  ASSERT_TRUE(square.ok()) << square.status();
  const absl::StatusOr<Value> result = (*vm)->Call(*square, {Value::Fixnum(12)});
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(*result, Value::Fixnum(144));
}

TEST_F(Generator, WritesAllThatIsAskedFor) {
  Write("table.txt", "words");
  GeneratorOptions options =
      OptionsFor("(define words (call-with-input-file \"table.txt\" (lambda (port) (read port))))");
  options.emit_asm = options.emit_obj = options.statistics = true;
  options.dependency_file = directory_ + "a.d";
  ASSERT_EQ(Run(options), absl::OkStatus());
  EXPECT_THAT(Files(), ElementsAre("a.S", "a.d", "a.h", "a.lisp", "a.o", "a.snap", "table.txt"));
  EXPECT_THAT(Read("a.d"), HasSubstr(directory_ + "a.lisp"));
  EXPECT_THAT(Read("a.d"), HasSubstr(directory_ + "table.txt"));
  EXPECT_THAT(report_.statistics, HasSubstr("read-only pages"));
  EXPECT_THAT(report_.statistics, HasSubstr("Closure"));
}

TEST_F(Generator, SameBytesInAnyDirectory) {
  const std::string script =
      "(define (f x) (vector x 'symbol \"text\" 1.5)) (define v (f f))"
      "(define t (make-hash-table eqv?)) (hash-table-set! t v 1)";
  ASSERT_EQ(Run(OptionsFor(script)), absl::OkStatus());
  const std::string first = Read("a.snap");
  TearDown();
  SetUp();
  ASSERT_EQ(Run(OptionsFor(script)), absl::OkStatus());
  EXPECT_EQ(first, Read("a.snap"));
}

TEST_F(Generator, ReplacesAnOlderSnapshotOnlyWhenDone) {
  Write("a.snap", "old");
  EXPECT_FALSE(Run(OptionsFor("(car 1)")).ok());
  EXPECT_EQ(Read("a.snap"), "old");
  EXPECT_TRUE(Run(OptionsFor("(car '(1))")).ok());
  EXPECT_NE(Read("a.snap"), "old");
}

TEST_F(Generator, BadScripts) {
  EXPECT_THAT(Failure(OptionsFor("(define x 1)\n(display (")), HasSubstr("a.lisp:2"));
  EXPECT_THAT(Failure(OptionsFor("(if)")), HasSubstr("a.lisp:1:1"));
  EXPECT_THAT(Failure(OptionsFor("(+ 1 unheard-of)")), HasSubstr("unheard-of"));
  EXPECT_THAT(Failure(OptionsFor("(define (f x)\n  (+ 1 (vector-ref x 7)))\n(+ 1 (f #(1 2)))")), HasSubstr("a.lisp:2"));
  EXPECT_THAT(Failure(OptionsFor("(display \"\xff\xfe\")")), HasSubstr("UTF-8"));
}

// User code may import a closed set of libraries: only the tool that builds the standard library itself gets at what it
// is built on.
TEST_F(Generator, InternalLibrariesAreForTheStandardLibraryOnly) {
  const std::string script = "(import (islet core)) (define root %set-root!)";
  EXPECT_THAT(Failure(OptionsFor(script)), HasSubstr("(islet core) is internal to the standard library"));
  EXPECT_THAT(Failure(OptionsFor("(import (only (islet control) %unwind))")), HasSubstr("is internal to the"));
  GeneratorOptions options = OptionsFor(script + "(define-library (islet) (export car) (import (islet core)))");
  options.bootstrap = true;
  EXPECT_EQ(Run(options), absl::OkStatus());
}

// Nor does a library path get around it.
TEST_F(Generator, StandardLibrariesAreNotReplacedByFiles) {
  ASSERT_EQ(mkdir((directory_ + "islet").c_str(), 0700), 0);
  for (const char* file : {"islet/core.sld", "islet/mine.sld"}) {
    const std::string name = std::string(file).substr(6, 4);
    Write(file, "(define-library (islet " + name + ") (export car) (import (scheme base)))");
  }
  GeneratorOptions options = OptionsFor("(import (islet core)) car");
  options.search_path = {directory_};
  EXPECT_THAT(std::string(Run(options).message()), HasSubstr("(islet core) is internal to the standard library"));
  Write("a.lisp", "(import (islet mine)) car");
  EXPECT_EQ(Run(options), absl::OkStatus());
  Write("a.lisp", "(define-library (scheme base) (export))");
  EXPECT_THAT(std::string(Run(options).message()), HasSubstr("(scheme base) belongs to the standard library"));
  for (const char* file : {"islet/core.sld", "islet/mine.sld"}) unlink((directory_ + file).c_str());
  rmdir((directory_ + "islet").c_str());
}

TEST_F(Generator, UnreadableScript) {
  GeneratorOptions options = OptionsFor("");
  options.scripts = {directory_ + "missing.lisp"};
  EXPECT_THAT(Failure(options), HasSubstr(directory_ + "missing.lisp"));
}

TEST_F(Generator, EndlessLoopEndsByOption) {
  GeneratorOptions options = OptionsFor("(let loop () (loop))");
  options.max_seconds = 0.2;
  EXPECT_THAT(Failure(options), HasSubstr("time limit of 0.2 seconds reached (--max-seconds)"));
}

// Its thread waits in the system, where no interrupt is seen.
TEST_F(Generator, AScriptThatWaitsForTheSystemEndsTheTool) {
  ASSERT_EQ(mkfifo((directory_ + "fifo").c_str(), 0600), 0);
  GeneratorOptions options = OptionsFor("(open-input-file \"fifo\")");
  options.max_seconds = 0.01;
  options.may_exit = true;
  EXPECT_EXIT(Run(options).IgnoreError(), testing::ExitedWithCode(1),
              "time limit of 0.01 seconds reached .--max-seconds., while waiting for the system");
}

TEST_F(Generator, RunawayAllocationEndsByOption) {
  GeneratorOptions options = OptionsFor("(let loop ((l '())) (loop (cons 1 l)))");
  options.max_heap_mib = 32;
  EXPECT_THAT(Failure(options),
              AllOf(StartsWith(directory_ + "a.lisp:1:"),
                    HasSubstr("heap limit of 32 MiB reached (--max-heap-mib); raise it, up to 1020")));
}

TEST_F(Generator, TheHeapLimitThatIsPrintedIsInForce) {
  const absl::StatusOr<std::shared_ptr<const Image>> base =
      Image::FromEmbedded(islet_snapshot_standard_begin, islet_snapshot_standard_end, AllPrimitives());
  ASSERT_TRUE(base.ok()) << base.status();
  VmOptions options;
  options.heap.heap_limit = kMostHeapMib << 20;
  const absl::StatusOr<std::unique_ptr<Vm>> vm = NewVm(**base, options);
  ASSERT_TRUE(vm.ok()) << vm.status();
  EXPECT_EQ((*vm)->heap().EffectiveLimit(), kMostHeapMib << 20);
  EXPECT_THAT(GeneratorUsage(), HasSubstr(absl::StrCat("default: ", kMostHeapMib, ",")));
}

TEST_F(Generator, FailuresTellTheirPlaceFirst) {
  const std::string script = directory_ + "a.lisp";
  EXPECT_EQ(Failure(OptionsFor("(define (f x)\n  (+ 1 (car x)))\n(list (f 5))")),
            absl::StrCat(script, ":2:8: car: argument 1 should be a pair: 5\n  at f (", script,
                         ":2:8)\n  at top level (", script, ":3:7)"));
  // A procedure of the library is not where to look.
  EXPECT_THAT(Failure(OptionsFor("(define x\n  (vector-map car '#(1)))")), StartsWith(script + ":2:3: car: "));
  GeneratorOptions options = OptionsFor("(define (f)\n  (let loop () (loop))\n  1)\n(f)");
  options.max_seconds = 0.1;
  EXPECT_THAT(Failure(options),
              AllOf(StartsWith(script + ":2:16: time limit of 0.1 seconds"), HasSubstr("\n  at f (")));
}

TEST_F(Generator, NoOutputDestroysWhatItIsMadeOf) {
  const std::string text = "(define x 1)";
  GeneratorOptions options = OptionsFor(text);
  options.output = options.scripts[0];
  EXPECT_THAT(Failure(options), HasSubstr("would destroy it, which is read"));
  EXPECT_EQ(Read("a.lisp"), text);
  // Libraries, what is included, what a script has read; by whatever name.
  Write("lib.sld", "(define-library (lib) (import (scheme base)) (export y) (include \"y.h\"))");
  Write("y.h", "(define y 2)");
  Write("table", "7");
  ASSERT_EQ(link((directory_ + "table").c_str(), (directory_ + "other").c_str()), 0);
  const std::string importing =
      "(import (scheme base) (scheme read) (scheme file) (lib)) (define t (call-with-input-file \"table\" read))";
  for (const char* output : {"lib.sld", "y.h", "table", "other"}) {
    options = OptionsFor(importing);
    options.search_path = {directory_};
    options.output = directory_ + output;
    const std::string before = Read(output);
    EXPECT_THAT(std::string(Run(options).message()), HasSubstr("would destroy")) << output;
    EXPECT_EQ(Read(output), before);
    options.output = directory_ + "out.snap";
    options.dependency_file = directory_ + output;
    EXPECT_THAT(std::string(Run(options).message()), HasSubstr("would destroy")) << output;
    EXPECT_EQ(Read(output), before);
  }
  // A header of the user's own, which -o does not name.
  Write("main.h", "int main(void);");
  options = OptionsFor(text);
  options.output = directory_ + "main";
  options.emit_snap = false;
  options.emit_obj = true;
  EXPECT_THAT(std::string(Run(options).message()), HasSubstr("main.h would destroy it, and it was not made by"));
  EXPECT_EQ(Read("main.h"), "int main(void);");
  unlink((directory_ + "main.h").c_str());
  EXPECT_EQ(Run(options), absl::OkStatus());
  EXPECT_EQ(Run(options), absl::OkStatus());  // over what it has made itself
}

TEST_F(Generator, SearchPathsInAnyOrderGiveTheSameBytes) {
  ASSERT_EQ(mkdir((directory_ + "d").c_str(), 0700), 0);
  Write("d/lib.sld", "(define-library (lib) (import (scheme base)) (export f) (begin (define (f x) (car x))))");
  GeneratorOptions options = OptionsFor("(import (scheme base) (lib)) (define g f)");
  std::vector<std::string> path = {directory_, directory_ + "d", directory_ + "./d/", directory_ + "d/../d"};
  std::sort(path.begin(), path.end());
  std::string first;
  do {
    options.search_path = path;
    ASSERT_EQ(Run(options), absl::OkStatus());
    if (first.empty()) first = Read("a.snap");
    EXPECT_EQ(Read("a.snap"), first);
  } while (std::next_permutation(path.begin(), path.end()));
  unlink((directory_ + "d/lib.sld").c_str());
  rmdir((directory_ + "d").c_str());
}

TEST_F(Generator, ImportsInLongChains) {
  constexpr int kLength = 3000;
  const auto library = [this](int i, const std::string& imports) {
    Write(absl::StrCat("l", i, ".sld"), absl::StrCat("(define-library (l", i, ") ", imports, " (export f", i,
                                                     ") (begin (define (f", i, ") ", i, ")))"));
  };
  const auto next = [](int i) { return absl::StrCat("(import (scheme base) (only (l", i + 1, ") f", i + 1, "))"); };
  for (int i = 0; i < kLength; ++i) {
    library(i, i + 1 == kLength ? "(import (scheme base))"
               : i % 3 == 0     ? absl::StrCat("(cond-expand (r7rs ", next(i), "))")
                                : next(i));
  }
  GeneratorOptions options = OptionsFor("(import (scheme base) (l0)) (define zero (f0))");
  options.search_path = {directory_};
  EXPECT_EQ(Run(options), absl::OkStatus());
  // The same from its end, where something is wrong: told once, with its place.
  library(kLength - 1, "(import (scheme base) (l-nowhere))");
  EXPECT_THAT(std::string(Run(options).message()),
              AllOf(HasSubstr(absl::StrCat("l", kLength - 1, ".sld:1:")), HasSubstr("no library (l-nowhere)")));
  library(kLength - 1, "(import (scheme base) (l0))");
  EXPECT_THAT(
      std::string(Run(options).message()),
      AllOf(HasSubstr("circular import: (l0) imports (l1), which imports (l2)"), HasSubstr("which imports (l0)")));
  library(kLength - 1, absl::StrCat("(import (scheme base) (l", kLength - 2, "))"));
  EXPECT_THAT(std::string(Run(options).message()),
              HasSubstr("circular import: (l2998) imports (l2999), which imports (l2998)"));
  // Behind what takes more than a look there is recursion, with an end that says what it is about.
  for (int i = 0; i + 1 < kLength; ++i) {
    library(i, absl::StrCat("(cond-expand ((library (l", i + 1, ")) ", next(i), "))"));
  }
  library(kLength - 1, "(import (scheme base))");
  EXPECT_THAT(std::string(Run(options).message()), HasSubstr("imports are nested too deeply: "));
}

TEST_F(Generator, FilesThatIncludeThemselves) {
  Write("b.scm", "(include \"c.scm\")");
  Write("c.scm", "(define c 1) (include \"b.scm\")");
  EXPECT_THAT(std::string(Run(OptionsFor("(include \"b.scm\")")).message()),
              AllOf(HasSubstr("files include each other: "), HasSubstr("c.scm includes ")));
  Write("c.scm", "(define c 1)");
  EXPECT_EQ(Run(OptionsFor("(include \"b.scm\") (include \"b.scm\") (include \"c.scm\")")), absl::OkStatus());
}

TEST_F(Generator, AllThatCannotBeFrozenIsNamed) {
  const std::string all =
      Failure(OptionsFor("(define log (open-input-file \"a.lisp\"))\n"
                         "(define ports (list 1 (open-input-file \"a.lisp\")))\n"
                         "(define k (call/cc (lambda (k) k)))"));
  EXPECT_THAT(all, AllOf(HasSubstr("cannot freeze 3 objects:\n"), HasSubstr("global log."),
                         HasSubstr("global ports -> an element of a list."), HasSubstr("global k.")));
  const std::string many =
      "(define v (make-vector 50 0))"
      "(do ((i 0 (+ i 1))) ((= i 50)) (vector-set! v i (open-input-file \"a.lisp\")))";
  EXPECT_THAT(Failure(OptionsFor(many)), AllOf(HasSubstr("cannot freeze 50 objects:"), HasSubstr("item 0 of a vector"),
                                               HasSubstr("\n  and 30 more")));
}

TEST_F(Generator, OpenFileIsNamed) {
  EXPECT_THAT(Failure(OptionsFor("(define log (open-input-file \"a.lisp\"))")), HasSubstr("global log"));
}

TEST_F(Generator, OutputThatCannotBeWritten) {
  GeneratorOptions options = OptionsFor("(define x 1)");
  options.output = directory_ + "missing/a.snap";
  EXPECT_THAT(Failure(options), HasSubstr("cannot write"));
}

TEST_F(Generator, ExitStatus) {
  const std::string script = Write("a.lisp", "(define x 1)");
  const std::string output = directory_ + "a.snap";
  auto run = [](std::vector<const char*> arguments) {
    return GeneratorMain(arguments, islet_snapshot_standard_begin, islet_snapshot_standard_end);
  };
  EXPECT_EQ(run({"-o", output.c_str(), script.c_str()}), 0);
  EXPECT_EQ(run({"-o", output.c_str(), "/no/such.lisp"}), 1);
  EXPECT_EQ(run({"--no-such-option"}), 2);
  EXPECT_EQ(run({"--help"}), 0);
  EXPECT_EQ(run({"-h"}), 0);
  EXPECT_EQ(run({"--version"}), 0);
}

}  // namespace
}  // namespace islet::vm
