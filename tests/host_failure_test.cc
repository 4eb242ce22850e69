// Host functions and callbacks that fail, by a Status or an exception, and those that cannot be bound.

#include <chrono>
#include <functional>
#include <memory>
#include <new>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "islet/isolate.h"
#include "islet/isolate_pool.h"
#include "tests/host_failure_test_startup.h"

ISLET_EMBEDDED_SNAPSHOT(host_failure_test_startup);

namespace islet {
namespace {

using testing::HasSubstr;
using testing::Not;

class HostFailureTest : public testing::Test {
 protected:
  HostFailureTest() : snapshot_(*Snapshot::FromEmbedded(host_failure_test_startup)) {
    act_ = [](Isolate&, absl::Span<const Value>) { return Value(); };
    functions_.Add("act", 0, -1,
                   [this](Isolate& isolate, absl::Span<const Value> arguments) { return act_(isolate, arguments); });
    functions_.Add("call-back", 1,
                   [](Isolate& isolate, absl::Span<const Value> arguments) { return isolate.Call(arguments[0]); });
  }
  std::unique_ptr<Isolate> Make(IsolateOptions options = {}) {
    options.host_functions = &functions_;
    return Isolate::FromSnapshot(snapshot_, options).value();
  }
  void Fail(const absl::Status& status) {
    act_ = [status](Isolate&, absl::Span<const Value>) -> absl::StatusOr<Value> { return status; };
  }

  const Snapshot snapshot_;
  std::function<absl::StatusOr<Value>(Isolate&, absl::Span<const Value>)> act_;
  HostFunctions functions_;
};

std::string Printed(const absl::StatusOr<Value>& value) {
  return value.ok() ? value->Print() : value.status().ToString();
}

// ---- Statuses

TEST_F(HostFailureTest, CodesMessagesAndPayloadsComeBackWhole) {
  auto isolate = Make();
  Isolate::Scope scope(*isolate);
  ASSERT_TRUE(isolate->Eval("'restored").ok());
  const char* const programs[] = {
      "(act)",
      "(list (act))",
      "(call-back act)",
      "(call-back (lambda () (call-back act)))",
      "(guard (e (#f 'never)) (act))",
      "(guard (e ((string? e) 'never)) (guard (e ((symbol? e) 'never)) (act)))",
      "(guard (e (#t (raise e))) (act))",
      "(guard (e (#t (raise-continuable e))) (act))",
      "(dynamic-wind (lambda () 1) act (lambda () 2))",
      "(with-exception-handler (lambda (e) (raise e)) act)",
      "(with-exception-handler (lambda (e) (raise-continuable e)) (lambda () (call-back act)))",
      "(guard (e ((string? e) 'never)) (call-back (lambda () (dynamic-wind values act values))))",
  };
  for (int code = 1; code <= 16; ++code) {
    absl::Status status(static_cast<absl::StatusCode>(code), "the page is not there");
    status.SetPayload("example.com/page", absl::Cord(absl::string_view("42\0\xff", 4)));
    Fail(status);
    for (const char* program : programs) {
      const absl::Status got = isolate->Eval(program).status();
      EXPECT_EQ(got.code(), status.code()) << program << ": " << got;
      EXPECT_THAT(std::string(got.message()), HasSubstr("act: the page is not there")) << program;
      EXPECT_EQ(got.GetPayload("example.com/page"), status.GetPayload("example.com/page")) << program;
      EXPECT_EQ(LimitReached(got), Limit::kNone);
      EXPECT_EQ(isolate->LastError().code, status.code());
      EXPECT_EQ(isolate->LastError().kind, "host");
      EXPECT_EQ(isolate->LastError().message, "act: the page is not there");
    }
    EXPECT_EQ(Printed(isolate->Eval("(guard (e (#t (error-object-message e))) (act))")), "\"the page is not there\"");
    EXPECT_EQ(Printed(isolate->Eval("(guard (e (#t (error-object-message e))) (call-back act))")),
              "\"the page is not there\"");
  }
  EXPECT_EQ(Printed(isolate->Eval("(+ 1 2)")), "3");
}

TEST_F(HostFailureTest, LongAndOddMessages) {
  auto isolate = Make();
  Isolate::Scope scope(*isolate);
  ASSERT_TRUE(isolate->Eval("'restored").ok());
  for (const std::string& message : {std::string(5 << 20, 'x'), std::string("a\0b", 3), std::string("日本語")}) {
    Fail(absl::NotFoundError(message));
    const absl::Status got = isolate->Eval("(guard (e (#f 1)) (call-back act))").status();
    EXPECT_EQ(got.code(), absl::StatusCode::kNotFound);
    EXPECT_NE(got.message().find(message), absl::string_view::npos);
  }
  Fail(absl::NotFoundError("bad \xff end"));
  EXPECT_THAT(std::string(isolate->Eval("(act)").status().message()), HasSubstr("bad \xef\xbf\xbd end"));
  Fail(absl::NotFoundError(""));
  EXPECT_EQ(isolate->Eval("(act)").status().code(), absl::StatusCode::kNotFound);
  // More than there is room for.
  Limits limits = isolate->limits();
  limits.heap_bytes = 4 << 20;
  isolate->SetLimits(limits);
  Fail(absl::NotFoundError(std::string(20 << 20, 'x')));
  const absl::Status cut = isolate->Eval("(act)").status();
  EXPECT_EQ(cut.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(cut.message()), HasSubstr("the heap limit leaves no room"));
}

TEST_F(HostFailureTest, FailuresOfOtherIsolatesAndOlderOnesAreJustStatuses) {
  auto isolate = Make();
  IsolateOptions limited;
  limited.limits.fuel = 100000;
  auto other = Make(limited);
  Isolate::Scope scope(*isolate);
  Isolate::Scope other_scope(*other);
  ASSERT_TRUE(isolate->Eval("'restored").ok() && other->Eval("'restored").ok());
  for (const char* program : {"(let loop () (loop))", "(raise 'other)", "(exit 3)", "(car 1)"}) {
    act_ = [&](Isolate&, absl::Span<const Value>) { return other->Eval(program); };
    EXPECT_EQ(Printed(isolate->Eval("(guard (e (#t 'caught)) (act))")), "caught") << program;
    const absl::Status got = isolate->Eval("(act)").status();
    EXPECT_EQ(LimitReached(got), Limit::kNone) << got;
    EXPECT_FALSE(ExitStatus(got).has_value()) << got;
    EXPECT_EQ(got.code(), other->Eval(program).status().code()) << got;
  }
  // Not the condition that came last.
  absl::Status older;
  act_ = [&](Isolate& self, absl::Span<const Value>) -> absl::StatusOr<Value> {
    older = self.Eval("(error \"older\")").status();
    (void)self.Eval("(error \"newer\")");
    return older;
  };
  EXPECT_THAT(Printed(isolate->Eval("(guard (e (#t (error-object-message e))) (act))")), HasSubstr("older"));
}

TEST_F(HostFailureTest, StatusesPrintReadably) {
  IsolateOptions options;
  options.limits.wall_time = std::chrono::milliseconds(50);
  auto isolate = Make(options);
  Isolate::Scope scope(*isolate);
  const auto reached = [&](void (*set)(Limits&), const char* program) {
    Limits limits;
    set(limits);
    isolate->SetLimits(limits);
    std::ostringstream out;
    out << isolate->Eval(absl::StrCat("(define (f) ", program, ") (list (f))"), "test").status();
    return out.str();
  };
  const char* const loop = "(let loop () (loop))";
  std::string text = reached([](Limits& l) { l.wall_time = std::chrono::milliseconds(50); }, loop);
  EXPECT_THAT(text, HasSubstr("wall-time limit of 50 ms reached"));
  EXPECT_THAT(text, HasSubstr("test:1:"));
  EXPECT_THAT(text, HasSubstr("[islet/limit='wall-time']"));
  EXPECT_THAT(text, Not(HasSubstr("\\x")));
  EXPECT_THAT(reached([](Limits& l) { l.cpu_time = std::chrono::microseconds(1500); }, loop),
              HasSubstr("cpu-time limit of 1.5 ms reached"));
  EXPECT_THAT(reached([](Limits& l) { l.fuel = 123456; }, loop),
              HasSubstr("fuel limit of 123456 instructions reached"));
  EXPECT_THAT(reached([](Limits& l) { l.stack_bytes = 100 << 10; }, "(let deep () (+ 1 (deep)))"),
              HasSubstr("stack limit of 100 KiB reached"));
  text = reached([](Limits& l) { l.heap_bytes = 8 << 20; }, "(let loop ((l '())) (loop (cons l l)))");
  EXPECT_THAT(text, HasSubstr("heap limit of 8192 KiB reached"));
  EXPECT_THAT(text, HasSubstr("[islet/limit='heap']"));
  EXPECT_THAT(reached([](Limits&) {}, "(exit 3)"), HasSubstr("[islet/exit-status='3']"));
  EXPECT_THAT(reached([](Limits&) {}, "(car 1)"), Not(HasSubstr("islet/")));
}

// ---- Exceptions

struct Odd {};

TEST_F(HostFailureTest, ExceptionsBecomeConditions) {
  auto isolate = Make();
  Isolate::Scope scope(*isolate);
  ASSERT_TRUE(isolate->Eval("'restored").ok());
  const struct {
    std::function<void()> thrower;
    const char* what;
  } cases[] = {
      {[] { throw std::runtime_error("the printer is on fire"); }, "the printer is on fire"},
      {[] { throw std::bad_alloc(); }, "std::bad_alloc"},
      {[] { throw std::runtime_error(""); }, "an exception without a message"},
      {[] { throw 7; }, "unknown exception"},
      {[] { throw Odd(); }, "unknown exception"},
      {[] { (void)std::string("x").at(5); }, "at"},
  };
  for (const auto& [thrower, what] : cases) {
    act_ = [thrower](Isolate&, absl::Span<const Value>) -> absl::StatusOr<Value> {
      thrower();
      return Value();
    };
    for (const char* program : {"(act)", "(call-back act)", "(guard (e (#f 1)) (call-back (lambda () (+ 1 (act)))))"}) {
      const absl::Status status = isolate->Eval(program).status();
      EXPECT_EQ(status.code(), absl::StatusCode::kUnknown) << status;
      EXPECT_THAT(std::string(status.message()), HasSubstr(what));
      EXPECT_EQ(isolate->LastError().kind, "host");
    }
    EXPECT_EQ(Printed(isolate->Eval("(guard (e (#t (string? (error-object-message e)))) (act))")), "#t");
    EXPECT_EQ(Printed(isolate->Eval("(+ 1 2)")), "3");
  }
}

class Throwing : public StandardStreams, public FileSystem, public Clock, public Randomness {
 public:
  absl::StatusOr<size_t> Read(char*, size_t) override { throw std::runtime_error("thrown"); }
  bool InputReady() override { throw std::runtime_error("thrown"); }
  absl::Status Write(int, absl::string_view) override { throw std::runtime_error("thrown"); }
  absl::Status Flush() override { throw std::runtime_error("thrown"); }
  absl::StatusOr<std::unique_ptr<File>> Open(absl::string_view path, Mode) override {
    if (path == "file") return std::make_unique<ThrowingFile>();
    throw std::runtime_error("thrown");
  }
  absl::StatusOr<bool> Exists(absl::string_view) override { throw std::runtime_error("thrown"); }
  absl::Status Delete(absl::string_view) override { throw std::runtime_error("thrown"); }
  std::chrono::nanoseconds SinceEpoch() override { throw std::runtime_error("thrown"); }
  std::chrono::nanoseconds Monotonic() override { throw std::runtime_error("thrown"); }
  absl::Status Fill(uint64_t, absl::Span<uint8_t>) override { throw std::runtime_error("thrown"); }

 private:
  class ThrowingFile : public File {
   public:
    absl::StatusOr<size_t> Read(char*, size_t) override { throw std::runtime_error("thrown"); }
    absl::Status Write(absl::string_view) override { throw std::runtime_error("thrown"); }
    absl::Status Flush() override { throw std::runtime_error("thrown"); }
    absl::Status Close() override { throw std::runtime_error("thrown"); }
  };
};

TEST_F(HostFailureTest, CapabilitiesMayThrow) {
  IsolateOptions options;
  const auto throwing = std::make_shared<Throwing>();
  options.streams = throwing;
  options.files = throwing;
  options.clock = throwing;
  options.randomness = throwing;
  auto isolate = Make(options);
  {
    Isolate::Scope scope(*isolate);
    for (const char* program :
         {"(display 1)", "(read-char)", "(begin (char-ready?) (read-char))", "(flush-output-port)", "(load \"x\")",
          "(load \"file\")", "(open-input-file \"x\")", "(read-char (open-input-file \"file\"))",
          "(close-port (open-input-file \"file\"))", "(file-exists? \"x\")", "(delete-file \"x\")", "(current-second)",
          "(current-jiffy)", "(begin (import (srfi 27)) (random-source-randomize! (make-random-source)))",
          "(let ((p (open-output-file \"file\"))) (write 1 p) (flush-output-port p))"}) {
      EXPECT_THAT(Printed(isolate->Eval(program)), HasSubstr("thrown")) << program;
      EXPECT_THAT(Printed(isolate->Eval(absl::StrCat("(guard (e (#t 'caught)) ", program, ")"))),
                  testing::AnyOf("caught", HasSubstr("import")))
          << program;
    }
    EXPECT_FALSE(isolate->Flush().ok());
    ASSERT_TRUE(isolate->Eval("(define left-open (open-output-file \"file\"))").ok());
  }
  options.write = [](int, absl::string_view) { throw std::runtime_error("thrown"); };
  options.streams = nullptr;
  isolate = Make(options);  // ends the other, which flushes and closes
  Isolate::Scope scope(*isolate);
  EXPECT_THAT(Printed(isolate->Eval("(display 1)")), HasSubstr("thrown"));
}

TEST_F(HostFailureTest, NearLimitMayThrow) {
  IsolateOptions options;
  options.limits.fuel = 10000;
  options.near_limit = [](Isolate&, Limit) { throw std::runtime_error("thrown"); };
  auto isolate = Make(options);
  Isolate::Scope scope(*isolate);
  const absl::Status status = isolate->Eval("(let loop () (loop))").status();
  EXPECT_EQ(LimitReached(status), Limit::kFuel) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("near_limit has thrown: thrown"));
  EXPECT_EQ(Printed(isolate->Eval("(+ 1 2)")), "3");
}

// ---- Arities and names

TEST_F(HostFailureTest, WhatCannotBeBoundIsRefused) {
  const HostFunction nothing = [](Isolate&, absl::Span<const Value>) { return Value(); };
  const struct {
    const char* name;
    int least, most;
    HostFunction function;
    const char* problem;
  } cases[] = {
      {"act", 1, 300, nothing, "\"act\": numbers of arguments are from 0 to 255"},
      {"act", 256, -1, nothing, "from 0 to 255"},
      {"act", -1, 3, nothing, "from 0 to 255"},
      {"act", 0, -2, nothing, "from 0 to 255"},
      {"act", 3, 2, nothing, "at most 2 arguments are less than at least 3"},
      {"", 1, 1, nothing, "the name is empty"},
      {"bad\xff", 1, 1, nothing, "the name is not UTF-8"},
      {"act", 1, 1, nullptr, "the function is empty"},
  };
  for (const auto& one : cases) {
    HostFunctions functions = functions_;
    functions.Add(one.name, one.least, one.most, one.function);
    IsolateOptions options;
    options.host_functions = &functions;
    const absl::Status status = Isolate::FromSnapshot(snapshot_, options).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(one.problem));
    IsolatePool::Options pool_options;
    pool_options.isolate = options;
    EXPECT_EQ(IsolatePool::Create(snapshot_, pool_options).status().code(), absl::StatusCode::kInvalidArgument);
  }
  auto isolate = Make();  // the copies were others
  Isolate::Scope scope(*isolate);
  EXPECT_TRUE(isolate->Eval("(act 1 2 3)").ok());
}

TEST_F(HostFailureTest, FunctionsOutliveTheirTable) {
  std::unique_ptr<Isolate> isolate;
  std::unique_ptr<IsolatePool> pool;
  {
    HostFunctions functions = functions_;
    IsolatePool::Options options;
    options.isolate.host_functions = &functions;
    isolate = Isolate::FromSnapshot(snapshot_, options.isolate).value();
    pool = IsolatePool::Create(snapshot_, options).value();
    functions.Add("act", 0, -1, [](Isolate&, absl::Span<const Value>) { return String("later"); });
  }
  act_ = [](Isolate&, absl::Span<const Value>) { return String("first"); };
  Isolate::Scope scope(*isolate);
  EXPECT_EQ(Printed(isolate->Eval("(act)")), "\"first\"");
  auto one = pool->Get();
  auto two = pool->Get();  // made anew
  ASSERT_TRUE(one.ok() && two.ok());
  Isolate::Scope in_pool(**two);
  EXPECT_EQ(Printed((*two)->Eval("(act)")), "\"first\"");
}

}  // namespace
}  // namespace islet
