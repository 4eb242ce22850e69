// Failures of the host's own: with a code, a kind and irritants, through scripts and back.

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "islet/error.h"
#include "islet/isolate.h"
#include "sdk/isolate_test_startup.h"

ISLET_EMBEDDED_SNAPSHOT(isolate_test_startup);

namespace islet {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

class HostErrors : public ::testing::Test {
 protected:
  HostErrors() {
    functions_.Add("log", 1, [this](Isolate& isolate, absl::Span<const Value> arguments) -> absl::StatusOr<Value> {
      return fail_ == nullptr ? absl::StatusOr<Value>(Value()) : fail_(isolate, arguments[0]);
    });
    functions_.Add("add", 2, -1, [](Isolate&, absl::Span<const Value>) { return Value(); });
    functions_.Add("call-back", 1,
                   [](Isolate& isolate, absl::Span<const Value> arguments) { return isolate.Call(arguments[0]); });
    IsolateOptions options;
    options.host_functions = &functions_;
    isolate_ = *Isolate::FromSnapshot(*Snapshot::FromEmbedded(isolate_test_startup), options);
    scope_ = std::make_unique<Isolate::Scope>(*isolate_);
    fail_ = [](Isolate& isolate, const Value& path) -> absl::StatusOr<Value> {
      return isolate.MakeError("http", 1404, "no such page", {path, Integer(7)});
    };
  }
  ~HostErrors() override {
    scope_.reset();
    isolate_.reset();
  }
  std::string Run(absl::string_view text) {
    const absl::StatusOr<Value> result = isolate_->Eval(text);
    return result.ok() ? result->Print() : absl::StrCat(HostCode(result.status()), ": ", result.status().message());
  }

  std::function<absl::StatusOr<Value>(Isolate&, const Value&)> fail_;
  HostFunctions functions_;
  std::unique_ptr<Isolate> isolate_;
  std::unique_ptr<Isolate::Scope> scope_;
};

TEST_F(HostErrors, AScriptSeesAllParts) {
  EXPECT_EQ(Run("(guard (e (#t (list (condition-kind e) (condition-code e) (error-object? e) (error-object-message e)"
                " (error-object-irritants e)))) (log-host \"/a\"))"),
            "(http 1404 #t \"no such page\" (\"/a\" 7))");
}

TEST_F(HostErrors, TheHostSeesThemAgain) {
  const absl::Status status = isolate_->Eval("(log-host '(\"/a\" b))").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnknown);
  EXPECT_EQ(HostCode(status), 1404);
  EXPECT_THAT(std::string(status.message()), StartsWith("log: no such page: (\"/a\" b) 7"));
  const ErrorReport report = isolate_->LastError();
  EXPECT_EQ(report.kind, "http");
  EXPECT_EQ(report.host_code, 1404);
  EXPECT_EQ(report.code, absl::StatusCode::kUnknown);
  EXPECT_EQ(report.message, "log: no such page: (\"/a\" b) 7");
  EXPECT_THAT(report.irritants, ElementsAre("(\"/a\" b)", "7"));
  const auto raised = isolate_->LastRaised();
  ASSERT_TRUE(raised.ok()) << raised.status();
  ASSERT_TRUE(isolate_->Define("raised", *raised).ok());
  EXPECT_EQ(Run("(list (error-object? raised) (condition-code raised))"), "(#t 1404)");
  EXPECT_EQ(Run("(cdar (error-object-irritants raised))"), "(b)");
}

TEST_F(HostErrors, PassThroughHandlersAndNestedCalls) {
  EXPECT_THAT(Run("(guard (e ((string? e) 'never)) (log-host 'x))"), StartsWith("1404: log: no such page: x 7"));
  EXPECT_THAT(Run("(guard (e ((eqv? (condition-code e) 1404) (raise e))) (log-host 'x))"), StartsWith("1404: "));
  EXPECT_THAT(Run("(call-back (lambda () (log-host 'x)))"), StartsWith("1404: log: no such page: x 7"));
  EXPECT_EQ(isolate_->LastError().kind, "http");
  EXPECT_EQ(Run("(guard (e (#t (list (condition-kind e) (condition-code e) (error-object-irritants e))))"
                " (call-back (lambda () (log-host 'x))))"),
            "(http 1404 (x 7))");
  EXPECT_EQ(Run("(guard (e ((eq? (condition-kind e) 'http) 'caught)) (dynamic-wind (lambda () #f)"
                " (lambda () (log-host 'x)) (lambda () #f)))"),
            "caught");
}

TEST_F(HostErrors, ScriptsRaiseThem) {
  EXPECT_EQ(Run("(guard (e (#t (list (condition-kind e) (condition-code e) (error-object-message e)"
                " (error-object-irritants e)))) (raise-host 'http 1404 \"no such page\" \"/a\" 'b))"),
            "(http 1404 \"no such page\" (\"/a\" b))");
  EXPECT_THAT(Run("(raise-host 'http 1503 \"busy\" 'server)"), StartsWith("1503: busy: server"));
  EXPECT_EQ(isolate_->LastError().kind, "http");
  EXPECT_EQ(isolate_->LastError().host_code, 1503);
  EXPECT_THAT(isolate_->LastError().irritants, ElementsAre("server"));
  EXPECT_THAT(Run("(raise-host 'http 1073741823 \"last\")"), StartsWith("1073741823: last"));
}

TEST_F(HostErrors, ScriptsCannotPassForIslet) {
  for (const char* code : {"999", "1", "0", "-1000", "17", "1e3", "1500.5", "'a", "1073741824", "(expt 10 30)"}) {
    EXPECT_THAT(Run(absl::StrCat("(raise-host 'heap ", code, " \"x\")")),
                StartsWith("0: raise-host: argument 2 should be a code of the host's own"))
        << code;
    EXPECT_EQ(isolate_->LastError().host_code, 0);
  }
  EXPECT_THAT(Run("(raise-host \"http\" 1404 \"x\")"), HasSubstr("raise-host: argument 1 should be a symbol"));
  EXPECT_THAT(Run("(raise-host 'http 1404 'x)"), HasSubstr("raise-host: argument 3 should be a string"));
  // Whatever the kind, the code tells.
  for (const char* kind : {"permission", "syntax", "read", "file", "memory"}) {
    EXPECT_THAT(Run(absl::StrCat("(raise-host '", kind, " 1404 \"x\")")), StartsWith("1404: x"));
    EXPECT_EQ(isolate_->LastError().code, absl::StatusCode::kUnknown);
    EXPECT_EQ(isolate_->LastError().kind, kind);
  }
}

TEST_F(HostErrors, OtherObjectsHaveNoCode) {
  EXPECT_EQ(Run("(guard (e (#t (list (condition-kind e) (condition-code e)))) (car 5))"), "(wrong-type #f)");
  EXPECT_EQ(Run("(guard (e (#t (list (condition-kind e) (condition-code e)))) (raise 5))"), "(#f #f)");
  EXPECT_EQ(Run("(guard (e (#t (list (condition-kind e) (condition-code e)))) (error \"x\"))"), "(error #f)");
  fail_ = [](Isolate&, const Value&) { return absl::NotFoundError("as ever"); };
  EXPECT_EQ(
      Run("(guard (e (#t (list (condition-kind e) (condition-code e) (error-object-irritants e)))) (log-host 0))"),
      "(host #f ())");
  EXPECT_EQ(isolate_->Eval("(log-host 0)").status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(Run("(error \"with data:\" '(1 \"two\") 'three)"), StartsWith("0: with data: "));
  EXPECT_THAT(isolate_->LastError().irritants, ElementsAre("(1 \"two\")", "three"));
}

TEST_F(HostErrors, WhatCannotBeIsSaid) {
  for (const int code : {0, 1, 999, -5, kLastHostCode + 1}) {
    const absl::Status status = HostError("http", code, "x");
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(HostCode(status), 0);
    EXPECT_THAT(std::string(status.message()), HasSubstr(absl::StrCat("but not ", code)));
  }
  for (const std::string& kind : {std::string(), std::string("\xff"), std::string(256, 'x')}) {
    EXPECT_EQ(HostError(kind, 1404, "x").code(), absl::StatusCode::kInvalidArgument);
  }
  EXPECT_EQ(HostCode(HostError("a kind, in words", kLastHostCode, "")), kLastHostCode);
  EXPECT_EQ(HostCode(absl::OkStatus()), 0);
  fail_ = [](Isolate& isolate, const Value&) -> absl::StatusOr<Value> {
    return isolate.MakeError("http", 1404, "x", {BigInteger("none")});
  };
  EXPECT_THAT(Run("(log-host 0)"), StartsWith("0: log: not a decimal integer"));
  fail_ = [](Isolate&, const Value&) { return HostError("a kind, in words", 1000, "\xff"); };
  EXPECT_EQ(Run("(guard (e (#t (list (condition-kind e) (condition-code e) (error-object-message e)))) (log-host 0))"),
            "(|a kind, in words| 1000 \"\xef\xbf\xbd\")");
}

TEST_F(HostErrors, IrritantsAreOfTheFailureThatIsReturned) {
  // One that was made before, and data that a collection moves.
  absl::Status older;
  fail_ = [&](Isolate& isolate, const Value& path) -> absl::StatusOr<Value> {
    older = isolate.MakeError("http", 1001, "older", {path});
    const absl::Status newer = isolate.MakeError("http", 1002, "newer", {path, List({Integer(1), String("two")})});
    isolate.CollectGarbage();
    return newer;
  };
  EXPECT_EQ(Run("(guard (e (#t (list (condition-code e) (error-object-irritants e)))) (log-host (list 'a)))"),
            "(1002 ((a) (1 \"two\")))");
  fail_ = [&](Isolate&, const Value&) -> absl::StatusOr<Value> { return older; };
  EXPECT_EQ(Run("(guard (e (#t (list (condition-code e) (error-object-irritants e)))) (log-host (list 'a)))"),
            "(1001 ())");
  // A long message makes room, and so moves them.
  fail_ = [](Isolate& isolate, const Value& path) -> absl::StatusOr<Value> {
    return isolate.MakeError("http", 1404, std::string(3 << 20, 'x'), {path});
  };
  EXPECT_EQ(Run("(guard (e (#t (list (string-length (error-object-message e)) (error-object-irritants e))))"
                " (log-host (list 'a \"b\")))"),
            "(3145728 ((a \"b\")))");
}

TEST_F(HostErrors, LastRaisedIsOfObjectsOnly) {
  EXPECT_EQ(isolate_->LastRaised().status().code(), absl::StatusCode::kNotFound);
  (void)isolate_->Eval("(raise (list 1 2))");
  EXPECT_EQ(isolate_->LastRaised()->Print(), "(1 2)");
  EXPECT_THAT(isolate_->LastError().irritants, IsEmpty());
  (void)isolate_->Eval("(exit 3)");
  EXPECT_EQ(isolate_->LastRaised().status().code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace islet
