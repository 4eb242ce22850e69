// Methods for hosts that run whole scripts, or have a prompt of their own.

#include <algorithm>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "islet/isolate.h"
#include "isolate/lib/standard.h"

ISLET_EMBEDDED_SNAPSHOT(standard);

namespace islet {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

std::unique_ptr<Isolate> Make(const IsolateOptions& options = {}) {
  absl::StatusOr<Snapshot> snapshot = Snapshot::FromEmbedded(standard);
  EXPECT_TRUE(snapshot.ok()) << snapshot.status();
  absl::StatusOr<std::unique_ptr<Isolate>> isolate = Isolate::FromSnapshot(*snapshot, options);
  EXPECT_TRUE(isolate.ok()) << isolate.status();
  return *std::move(isolate);
}

std::string Printed(const absl::StatusOr<Value>& value) {
  return value.ok() ? value->Print() : std::string(value.status().message());
}

// ---- What is granted

TEST(GrantsTest, NothingByDefault) {
  auto isolate = Make();
  Isolate::Scope scope(*isolate);
  EXPECT_EQ(Printed(isolate->Eval("(command-line)")), "()");
  EXPECT_EQ(Printed(isolate->Eval("(get-environment-variable \"PATH\")")), "#f");
  EXPECT_EQ(Printed(isolate->Eval("(get-environment-variables)")), "()");
  EXPECT_THAT(Printed(isolate->Eval("(read-char)")),
              HasSubstr("standard input is not granted to this isolate (IsolateOptions::streams)"));
}

TEST(GrantsTest, CommandLineAndEnvironment) {
  IsolateOptions options;
  options.command_line = {"program", "ä b"};
  options.environment = {{"LANG", "de"}, {"EMPTY", ""}, {"BAD", "\xff"}};
  auto isolate = Make(options);
  Isolate::Scope scope(*isolate);
  EXPECT_EQ(Printed(isolate->Eval("(command-line)")), "(\"program\" \"ä b\")");
  EXPECT_EQ(Printed(isolate->Eval("(get-environment-variable \"LANG\")")), "\"de\"");
  EXPECT_EQ(Printed(isolate->Eval("(get-environment-variable \"EMPTY\")")), "\"\"");
  EXPECT_EQ(Printed(isolate->Eval("(get-environment-variable \"lang\")")), "#f");
  EXPECT_EQ(Printed(isolate->Eval("(get-environment-variables)")),
            "((\"LANG\" . \"de\") (\"EMPTY\" . \"\") (\"BAD\" . \"\xef\xbf\xbd\"))");
  EXPECT_THAT(Printed(isolate->Eval("(get-environment-variable 'LANG)")), HasSubstr("should be a string"));
  // Each call gives strings of its own, which the program may change.
  EXPECT_EQ(Printed(isolate->Eval("(string-set! (car (command-line)) 0 #\\P) (car (command-line))")), "\"program\"");
}

TEST(GrantsTest, LargeCommandLinesFitOrAreRefused) {
  IsolateOptions options;
  options.command_line.assign(20000, std::string(100, 'x'));
  auto isolate = Make(options);
  Isolate::Scope scope(*isolate);
  EXPECT_EQ(Printed(isolate->Eval("(length (command-line))")), "20000");
  options.limits.heap_bytes = 4 << 20;
  options.command_line.assign(2000, std::string(10000, 'x'));
  auto small = Make(options);
  Isolate::Scope small_scope(*small);
  EXPECT_EQ(Printed(small->Eval("(guard (e ((error-object? e) 'refused)) (command-line))")), "refused");
}

TEST(GrantsTest, LibraryPath) {
  const std::string directory = testing::TempDir();
  FILE* file = fopen((directory + "/found.sld").c_str(), "w");
  fputs("(define-library (found) (export x) (import (scheme base)) (begin (define x 'in-a-file)))", file);
  fclose(file);
  IsolateOptions options;
  options.library_path = {"/nowhere", directory};
  {
    auto isolate = Make(options);
    Isolate::Scope scope(*isolate);
    EXPECT_THAT(
        Printed(isolate->Eval("(import (found)) x")),
        HasSubstr("no library (found): access to files is not granted to this isolate (IsolateOptions::files)"));
  }
  options.files = ProcessFiles();
  auto isolate = Make(options);
  Isolate::Scope scope(*isolate);
  EXPECT_EQ(Printed(isolate->Eval("(import (found)) x")), "in-a-file");
  EXPECT_THAT(Printed(isolate->Eval("(import (lost))")), HasSubstr("looked for /nowhere/lost.sld"));
}

// ---- Standard ports

class TestStreams : public StandardStreams {
 public:
  absl::StatusOr<size_t> Read(char* buffer, size_t size) override {
    if (broken) return absl::UnavailableError("the line is cut");
    const size_t count = std::min(size, input.size());
    std::copy_n(input.data(), count, buffer);
    input.erase(0, count);
    return count;
  }
  bool InputReady() override { return ready; }
  absl::Status Write(int descriptor, absl::string_view text) override {
    if (broken) return absl::UnavailableError("the line is cut");
    (descriptor == 1 ? output : errors).append(text.data(), text.size());
    return absl::OkStatus();
  }
  absl::Status Flush() override {
    ++flushes;
    return absl::OkStatus();
  }

  std::string input, output, errors;
  bool ready = true, broken = false;
  int flushes = 0;
};

TEST(StreamsTest, LeadWhereTheHostSays) {
  auto streams = std::make_shared<TestStreams>();
  IsolateOptions options;
  options.streams = streams;
  auto isolate = Make(options);
  Isolate::Scope scope(*isolate);
  streams->input = "(a b) line\nrest";
  EXPECT_EQ(Printed(isolate->Eval("(let* ((a (read)) (b (read-line)) (c (read-line))) (list a b c (read-char)))")),
            "((a b) \" line\" \"rest\" #<eof>)");
  streams->ready = false;
  EXPECT_EQ(Printed(isolate->Eval("(char-ready?)")), "#f");
  isolate->Eval("(display \"out\") (write-char #\\! (current-error-port))").IgnoreError();
  EXPECT_EQ(streams->output, "out");
  EXPECT_EQ(streams->errors, "!");
  streams->flushes = 0;
  isolate->Eval("(flush-output-port)").IgnoreError();
  EXPECT_EQ(streams->flushes, 1);
  EXPECT_TRUE(isolate->Flush().ok());
  EXPECT_EQ(streams->flushes, 2);
  streams->broken = true;
  EXPECT_EQ(Printed(isolate->Eval("(guard (e ((file-error? e) 'caught)) (read-char))")), "caught");
  EXPECT_THAT(Printed(isolate->Eval("(display 1)")), HasSubstr("the line is cut"));
}

// ---- Scripts and values

TEST(ScriptsTest, AScriptThatImportsIsAProgram) {
  auto isolate = Make();
  Isolate::Scope scope(*isolate);
  EXPECT_EQ(Printed(isolate->EvalScript("#!/usr/bin/env islet\n(import (scheme base))\n(define x 5)\n(* x 2)", "a")),
            "10");
  EXPECT_EQ(Printed(isolate->Lookup("x")), "5");
  EXPECT_THAT(Printed(isolate->EvalScript("(import (scheme base)) (display 1)", "b")), HasSubstr("display"));
  EXPECT_EQ(Printed(isolate->EvalScript("(string-pad \"7\" 3)", "c")), "\"  7\"");
}

TEST(ScriptsTest, AllValues) {
  auto isolate = Make();
  Isolate::Scope scope(*isolate);
  auto printed = [&](absl::string_view text) {
    std::vector<std::string> all;
    absl::StatusOr<std::vector<Value>> values = isolate->EvalValues(text);
    if (!values.ok()) return std::vector<std::string>{std::string(values.status().message())};
    for (const Value& value : *values) all.push_back(value.Print());
    return all;
  };
  EXPECT_THAT(printed("(values 1 \"two\" 'three)"), ElementsAre("1", "\"two\"", "three"));
  EXPECT_THAT(printed("(values 1 2) 3"), ElementsAre("3"));
  EXPECT_THAT(printed("(call-with-values (lambda () (values 1 2)) list)"), ElementsAre("(1 2)"));
  EXPECT_THAT(printed("(values)"), ElementsAre());
  EXPECT_THAT(printed(""), ElementsAre());
  EXPECT_THAT(printed("(define a 1)"), ElementsAre());
  EXPECT_THAT(printed("(define-record-type point (make x) point? (x px))"), ElementsAre());
  EXPECT_THAT(printed("'a"), ElementsAre("a"));
  EXPECT_THAT(printed("(call/cc (lambda (k) (k 6 7)))"), ElementsAre("6", "7"));
  EXPECT_THAT(printed("(dynamic-wind void (lambda () (values 8 9)) void)"), ElementsAre("8", "9"));
  EXPECT_EQ(printed("(apply values (iota 50000))").size(), 50000u);
  // A continuation goes on in the form that captured it, however that was evaluated.
  ASSERT_TRUE(isolate->Eval("(define k #f) (define (keep c) (set! k c) 1)").ok());
  ASSERT_TRUE(isolate->EvalScript("(list (call/cc keep) 'of-a-script)", "s").ok());
  EXPECT_THAT(printed("(k 5)"), ElementsAre("(5 of-a-script)"));
  EXPECT_THAT(printed("(values (call/cc keep) 2)"), ElementsAre("1", "2"));
  EXPECT_THAT(printed("(k 3)"), ElementsAre("3", "2"));
  EXPECT_EQ(Printed(isolate->Eval("(k 4)")), "4");
  // Whatever the program calls `list`.
  EXPECT_THAT(printed("(define (list . x) 'mine) (values 4 5)"), ElementsAre("4", "5"));
  EXPECT_THAT(printed("(car 1)"), ElementsAre("car: argument 1 should be a pair: 1\n  at top level (eval:1:1)"));
}

// ---- Errors in parts

TEST(ErrorReportTest, Exceptions) {
  auto isolate = Make();
  Isolate::Scope scope(*isolate);
  EXPECT_EQ(isolate->LastError().message, "");
  ASSERT_FALSE(isolate->Eval("(define (f x)\n  (+ 1 (car x)))\n\n(list\n  (f 5))", "a:b").ok());
  const ErrorReport& report = isolate->LastError();
  EXPECT_EQ(report.message, "car: argument 1 should be a pair: 5");
  EXPECT_EQ(report.place.line, 0u);
  ASSERT_EQ(report.backtrace.size(), 2u);
  EXPECT_EQ(report.backtrace[0].procedure, "f");
  EXPECT_EQ(report.backtrace[0].place.file, "a:b");
  EXPECT_EQ(report.backtrace[0].place.line, 2u);
  EXPECT_EQ(report.backtrace[0].place.column, 8u);
  EXPECT_EQ(report.backtrace[1].procedure, "top level");
  EXPECT_EQ(report.backtrace[1].place.line, 5u);
  EXPECT_EQ(report.form.line, 4u);
  EXPECT_EQ(report.form.file, "a:b");
  // Anything can be raised.
  ASSERT_FALSE(isolate->Eval("(+ 1 (raise (list 1 \"two\")))").ok());
  EXPECT_EQ(report.message, "raised: (1 \"two\")");
  ASSERT_EQ(report.backtrace.size(), 1u);
  EXPECT_EQ(report.backtrace[0].place.column, 6u);
  // A call has no form.
  ASSERT_FALSE(isolate->Call("f", {Integer(7)}).ok());
  EXPECT_EQ(report.message, "car: argument 1 should be a pair: 7");
  EXPECT_EQ(report.form.line, 0u);
  ASSERT_EQ(report.backtrace.size(), 1u);
  // An error that the script handles is no failure.
  ASSERT_TRUE(isolate->Eval("(guard (e (#t 'handled)) (vector-ref (vector) 0))").ok());
  EXPECT_EQ(report.message, "car: argument 1 should be a pair: 7");
}

TEST(ErrorReportTest, SyntaxAndLimits) {
  IsolateOptions options;
  options.limits.heap_bytes = 4 << 20;
  auto isolate = Make(options);
  Isolate::Scope scope(*isolate);
  const ErrorReport& report = isolate->LastError();
  absl::Status status = isolate->Eval("1\n(list 2", "a:b").status();
  EXPECT_EQ(status.message(), "a:b:2:1: this list is not closed: a ) is missing");
  EXPECT_EQ(report.message, "this list is not closed: a ) is missing");
  EXPECT_EQ(report.place.file, "a:b");
  EXPECT_EQ(report.place.line, 2u);
  EXPECT_EQ(report.place.column, 1u);
  EXPECT_TRUE(report.backtrace.empty());
  status = isolate->Eval("\n  (let ((x)) x)", "c").status();
  EXPECT_TRUE(absl::StartsWith(status.message(), "c:2:")) << status;
  EXPECT_THAT(report.message, StartsWith("let: "));
  EXPECT_EQ(report.place.file, "c");
  EXPECT_EQ(report.place.line, 2u);
  // An exception before does not show through.
  ASSERT_FALSE(isolate->Eval("(car 1)").ok());
  ASSERT_EQ(isolate->Eval("2\n(let loop ((x '())) (loop (cons 1 x)))", "d").status().code(),
            absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(report.message, StartsWith("heap limit of "));
  EXPECT_THAT(report.message, Not(HasSubstr("\n")));
  EXPECT_EQ(report.place.line, 0u);
  EXPECT_EQ(report.form.line, 2u);
  EXPECT_FALSE(report.backtrace.empty());
}

TEST(ErrorReportTest, ExitIsToldFromFailure) {
  auto isolate = Make();
  Isolate::Scope scope(*isolate);
  EXPECT_EQ(ExitStatus(isolate->Eval("(exit)").status()), 0);
  EXPECT_EQ(ExitStatus(isolate->Eval("(exit #f)").status()), 1);
  EXPECT_EQ(ExitStatus(isolate->EvalScript("(guard (e (#t 1)) (emergency-exit 42))", "s").status()), 42);
  EXPECT_EQ(ExitStatus(isolate->Call("exit", {Integer(9)}).status()), 9);
  EXPECT_FALSE(ExitStatus(isolate->Eval("(car 1)").status()).has_value());
  EXPECT_FALSE(ExitStatus(absl::OkStatus()).has_value());
  // The isolate is as good as before.
  EXPECT_EQ(Printed(isolate->Eval("(+ 1 2)")), "3");
}

// ---- Interrupts

TEST(InterruptTest, ALateOneCanBeForgotten) {
  auto isolate = Make();
  Isolate::Scope scope(*isolate);
  isolate->Interrupt();
  isolate->ClearInterrupt();
  EXPECT_EQ(Printed(isolate->Eval("(let loop ((i 0)) (if (< i 1000) (loop (+ i 1)) i))")), "1000");
  isolate->Interrupt();
  EXPECT_EQ(isolate->Eval("(let loop ((i 0)) (if (< i 1000) (loop (+ i 1)) i))").status().code(),
            absl::StatusCode::kCancelled);
  EXPECT_EQ(isolate->LastError().message, "interrupted");
}

// ---- Prompts

TEST(ScanFormTest, TellsWhetherMoreIsNeeded) {
  auto isolate = Make();
  Isolate::Scope scope(*isolate);
  auto kind = [&](absl::string_view text) { return isolate->ScanForm(text).kind; };
  for (absl::string_view text : {"", "  \n", "; comment", "; (open\n", "#| c |#", "#;(x)", "#!fold-case"}) {
    EXPECT_EQ(kind(text), FormScan::Kind::kNone) << text;
  }
  for (absl::string_view text : {"(", "(list 1", "(a . b", "\"text", "\"text\\", "|sym", "#(1 2", "#u8(1", "'", "`(a ,",
                                 "#;", "#| open", "#| #| |#", "(a ; )\n", "(a \"(\"", "#0=", "(a . ", "(a #;"}) {
    EXPECT_EQ(kind(text), FormScan::Kind::kIncomplete) << text;
  }
  for (absl::string_view text :
       {")", "(a . )", "(. a b)", "#\\nonsense", "#<procedure>", "(a . b c)", "\"\\q\"", "\xff", "#u8(256)", "#1#"}) {
    EXPECT_EQ(kind(text), FormScan::Kind::kInvalid) << text;
  }
  const FormScan scan = isolate->ScanForm("  ; c\n (one) two");
  EXPECT_EQ(scan.kind, FormScan::Kind::kForm);
  EXPECT_EQ(scan.end, 12u);
  EXPECT_EQ(isolate->ScanForm(" two").end, 4u);
}

TEST(ScanFormTest, EveryCutOfAWholeFormIsIncomplete) {
  auto isolate = Make();
  Isolate::Scope scope(*isolate);
  const std::string text = "(define (f x . y)\n  #| c |# `(a ,@y \"s\\n\" #\\( #(1 |b c|) #u8(1) ; c\n . ,x))";
  ASSERT_EQ(isolate->ScanForm(text).kind, FormScan::Kind::kForm);
  ASSERT_EQ(isolate->ScanForm(text).end, text.size());
  for (size_t size = 1; size < text.size(); ++size) {
    // Cut inside #| or #\ or #u8, a token is wrong as it stands.
    if (text[size - 1] == '#' || text.substr(0, size).rfind("#u") == size - 2 || text[size - 1] == '\\' ||
        text.substr(0, size).rfind("#u8") == size - 3) {
      continue;
    }
    EXPECT_EQ(isolate->ScanForm(text.substr(0, size)).kind, FormScan::Kind::kIncomplete) << text.substr(0, size);
  }
}

TEST(NamesTest, AreThoseThatCodeCanUse) {
  auto isolate = Make();
  Isolate::Scope scope(*isolate);
  EXPECT_THAT(isolate->Names("call-with-v"), ElementsAre("call-with-values"));
  EXPECT_THAT(isolate->Names("defi"), Contains("define-syntax"));
  EXPECT_THAT(isolate->Names("no-such"), ElementsAre());
  // A name that is only mentioned has no meaning yet.
  ASSERT_TRUE(isolate->Eval("(define (my-f) (my-g))").ok());
  EXPECT_THAT(isolate->Names("my-"), ElementsAre("my-f"));
  ASSERT_TRUE(isolate->Eval("(define-syntax my-m (syntax-rules () ((_) 1))) (define my-a 2)").ok());
  EXPECT_THAT(isolate->Names("my-"), ElementsAre("my-a", "my-f", "my-m"));
  EXPECT_GT(isolate->Names().size(), 500u);
}

TEST(DisassembleTest, ShowsAProcedureAndWhatIsInside) {
  auto isolate = Make();
  Isolate::Scope scope(*isolate);
  ASSERT_TRUE(isolate
                  ->Eval("(define (make-counter n)\n  (lambda ()\n    (set! n (+ n 1)) (map "
                         "(lambda (x) x) '())))",
                         "c")
                  .ok());
  absl::StatusOr<std::string> text = isolate->Disassemble(*isolate->Lookup("make-counter"));
  ASSERT_TRUE(text.ok()) << text.status();
  EXPECT_THAT(*text, StartsWith("make-counter (c:1:1):\n0 Enter"));
  EXPECT_THAT(*text, HasSubstr("\n\nlambda (c:2:3):\n"));
  EXPECT_THAT(*text, HasSubstr("\n\nlambda (c:3:27):\n"));
  // The procedures that it calls are not part of it.
  EXPECT_THAT(*text, Not(HasSubstr("\nmap (")));
  EXPECT_EQ(isolate->Disassemble(Integer(1)).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(isolate->Disassemble(*isolate->Lookup("car")).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(DisassembleTest, WorksOnEveryProcedureOfTheLibrary) {
  auto isolate = Make();
  Isolate::Scope scope(*isolate);
  int shown = 0;
  for (const std::string& name : isolate->Names()) {
    absl::StatusOr<Value> value = isolate->Lookup(name);
    if (!value.ok()) continue;
    absl::StatusOr<std::string> text = isolate->Disassemble(*value);
    EXPECT_TRUE(text.ok() || text.status().code() == absl::StatusCode::kInvalidArgument) << text.status();
    shown += text.ok();
  }
  EXPECT_GT(shown, 100);
}

TEST(ToolsTest, NeedTheIsolateToBeEntered) {
  auto isolate = Make();
  EXPECT_EQ(isolate->ScanForm("1").kind, FormScan::Kind::kInvalid);
  EXPECT_TRUE(isolate->Names().empty());
  EXPECT_EQ(isolate->Disassemble(Integer(1)).status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(isolate->EvalValues("1").status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(isolate->EvalScript("1", "s").status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(isolate->Flush().code(), absl::StatusCode::kFailedPrecondition);
}

TEST(StatsTest, CountAllocationAndCollections) {
  auto isolate = Make();
  Isolate::Scope scope(*isolate);
  ASSERT_TRUE(isolate->Eval("1").ok());
  const IsolateStats before = isolate->Stats();
  ASSERT_TRUE(isolate->Eval("(do ((i 0 (+ i 1))) ((= i 10)) (make-list 100000 i))").ok());
  const IsolateStats after = isolate->Stats();
  EXPECT_GE(after.allocated_bytes - before.allocated_bytes, 8'000'000u);
  EXPECT_LT(after.allocated_bytes - before.allocated_bytes, 20'000'000u);
  EXPECT_GT(after.minor_collections, before.minor_collections);
  EXPECT_GT(after.minor_seconds, before.minor_seconds);
}

}  // namespace
}  // namespace islet
