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
#include "isolate/evaluator.h"
#include "isolate/lib/standard.h"
#include "isolate/runtime/primitives.h"
#include "snapshot/image.h"

namespace islet::vm {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(Options, Defaults) {
  const absl::StatusOr<GeneratorOptions> options =
      ParseGeneratorArguments({"lisp/start-up.lisp", "more.lisp"});
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_THAT(options->scripts, ElementsAre("lisp/start-up.lisp", "more.lisp"));
  EXPECT_EQ(options->output, "lisp/start-up.snap");
  EXPECT_EQ(options->symbol, "start_up");
  EXPECT_TRUE(options->emit_snap);
  EXPECT_FALSE(options->emit_asm || options->emit_obj || options->statistics);
}

TEST(Options, AsTheBazelRuleGivesThem) {
  const absl::StatusOr<GeneratorOptions> options = ParseGeneratorArguments(
      {"-o", "out/a.snap", "--emit=snap,asm", "--symbol", "a", "-L", "x", "-Ly", "-MD", "a.d",
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

TEST(Options, WhatMakesNoSense) {
  auto message = [](std::vector<const char*> arguments) {
    return std::string(ParseGeneratorArguments(arguments).status().message());
  };
  EXPECT_EQ(message({}), "no script given");
  EXPECT_EQ(message({"--frob", "a.lisp"}), "unknown option --frob");
  EXPECT_EQ(message({"a.lisp", "-o"}), "-o needs a value");
  EXPECT_EQ(message({"--emit=exe", "a.lisp"}), "--emit takes snap, asm or obj, not 'exe'");
  EXPECT_EQ(message({"--symbol", "a-b", "a.lisp"}),
            "--symbol takes letters, digits and _, not 'a-b'");
  EXPECT_EQ(message({"--max-heap-mib=no", "a.lisp"}),
            "--max-heap-mib takes a number from 1 to 4096");
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
    absl::StatusOr<std::shared_ptr<const Image>> base = Image::FromEmbedded(
        islet_snapshot_standard_begin, islet_snapshot_standard_end, AllPrimitives());
    if (!base.ok()) return base.status();
    return Generate(options, base->get(), AllPrimitives(), &report_);
  }
  // What is said of a script; nothing must be left behind.
  std::string Failure(const GeneratorOptions& options) {
    const absl::Status status = Run(options);
    EXPECT_FALSE(status.ok());
    EXPECT_THAT(Files(), ElementsAre("a.lisp"));
    return std::string(status.message());
  }

  std::string directory_;
  std::string report_;
};

TEST_F(Generator, FreezesWhatTheScriptDefined) {
  ASSERT_EQ(Run(OptionsFor("(define (square x) (* x x)) (define nine (square 3))")),
            absl::OkStatus());
  absl::StatusOr<std::shared_ptr<const Image>> image =
      Image::FromFile(directory_ + "a.snap", AllPrimitives());
  ASSERT_TRUE(image.ok()) << image.status();
  absl::StatusOr<std::unique_ptr<Vm>> vm = NewVm(**image, VmOptions());
  ASSERT_TRUE(vm.ok()) << vm.status();
  Evaluator evaluator(**vm);
  const absl::StatusOr<Value> nine = evaluator.Lookup("nine");
  ASSERT_TRUE(nine.ok()) << nine.status();
  EXPECT_EQ(*nine, Value::Fixnum(9));
  const absl::StatusOr<Value> square = evaluator.Lookup("square");
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
  EXPECT_THAT(report_, HasSubstr("read-only pages"));
  EXPECT_THAT(report_, HasSubstr("Closure"));
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
  EXPECT_THAT(Failure(OptionsFor("(define (f x)\n  (+ 1 (vector-ref x 7)))\n(+ 1 (f #(1 2)))")),
              HasSubstr("a.lisp:2"));
  EXPECT_THAT(Failure(OptionsFor("(display \"\xff\xfe\")")), HasSubstr("UTF-8"));
}

TEST_F(Generator, UnreadableScript) {
  GeneratorOptions options = OptionsFor("");
  options.scripts = {directory_ + "missing.lisp"};
  EXPECT_THAT(Failure(options), HasSubstr(directory_ + "missing.lisp"));
}

TEST_F(Generator, EndlessLoopEndsByOption) {
  GeneratorOptions options = OptionsFor("(let loop () (loop))");
  options.max_seconds = 0.2;
  EXPECT_THAT(Failure(options), HasSubstr("longer than 0.2 seconds (--max-seconds)"));
}

TEST_F(Generator, RunawayAllocationEndsByOption) {
  GeneratorOptions options = OptionsFor("(let loop ((l '())) (loop (cons 1 l)))");
  options.max_heap_mib = 32;
  EXPECT_THAT(Failure(options), HasSubstr("--max-heap-mib"));
}

TEST_F(Generator, OpenFileIsNamed) {
  EXPECT_THAT(Failure(OptionsFor("(define log (open-input-file \"a.lisp\"))")),
              HasSubstr("global log"));
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
  EXPECT_EQ(run({"--version"}), 0);
}

}  // namespace
}  // namespace islet::vm
