// How a failure reads, and what its Status keeps of it.

#include "isolate/interpreter/failure.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "isolate/heap/heap.h"
#include "isolate/interpreter/machine_for_tests.h"
#include "isolate/interpreter/vm.h"

namespace islet::vm {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

Failure Example() {
  Failure failure;
  failure.kind = Failure::Kind::kCondition;
  failure.message = "car: argument 1 should be a pair: 5";
  failure.condition = "wrong-type";
  failure.frames = {{"f", {"a.lisp", 3, 8}}, {"lambda", {}}, {"g", {"a.lisp"}}};
  return failure;
}

TEST(PlaceTest, IsToldAsFarAsItIsKnown) {
  EXPECT_EQ((Place{"a.lisp", 3, 5}.ToString()), "a.lisp:3:5");
  EXPECT_EQ((Place{"a:1:2", 3, 5}.ToString()), "a:1:2:3:5");
  EXPECT_EQ((Place{"", 3, 5}.ToString()), "3:5");
  EXPECT_EQ((Place{"a.lisp"}.ToString()), "a.lisp");
  EXPECT_EQ(Place().ToString(), "");
}

TEST(PlaceTest, ComesBackFromTheHeap) {
  auto vm = MakeEmptyVm();
  Heap& heap = vm->heap();
  for (const Place& place : {Place{"a:1:2", 3, 5}, Place{"", 1, 1}, Place{"\u03bb.lisp", 1 << 20, 1 << 20}}) {
    EXPECT_EQ(PlaceFromValue(heap, PlaceToValue(heap, place.file, place.line, place.column)), place);
  }
  // A damaged heap may hold these instead.
  const Value two = heap.MakeVector(2, Value::Fixnum(1)), three = heap.MakeVector(3, Value::Fixnum(1));
  const Value symbol = PlaceToValue(heap, "a", 1, 1);
  heap.Get<Vector>(symbol)->items[1] = vm->Intern("line");
  for (const Value v : {two, three, symbol, kFalse, Value::Fixnum(1), vm->MakeString("a:1:2")}) {
    EXPECT_FALSE(PlaceFromValue(heap, v).known());
  }
}

TEST(FailureTest, TextHasAllParts) {
  Failure failure = Example();
  EXPECT_EQ(failure.Text(),
            "car: argument 1 should be a pair: 5\n"
            "  at f (a.lisp:3:8)\n"
            "  at lambda\n"
            "  at g (a.lisp)");
  failure.place = {"b.lisp", 1, 2};
  failure.top_level = {"b.lisp", 9, 1};
  failure.form = {"c.lisp", 4, 1};  // for hosts; the text tells where it was
  failure.remark = "(the host has thrown: no)";
  EXPECT_EQ(failure.Text(),
            "b.lisp:1:2: car: argument 1 should be a pair: 5\n"
            "  at f (a.lisp:3:8)\n"
            "  at lambda\n"
            "  at g (a.lisp)\n"
            "  at top level (b.lisp:9:1)\n"
            "  (the host has thrown: no)");
}

TEST(FailureTest, FramesThatRepeatTakeALine) {
  const BacktraceFrame f = {"f", {"a", 1, 1}}, g = {"g", {"a", 2, 1}};
  EXPECT_THAT(BacktraceLines({f, f, g, g, g, f}),
              ElementsAre("  at f (a:1:1)", "  ... the same 1 more time", "  at g (a:2:1)",
                          "  ... the same 2 more times", "  at f (a:1:1)"));
  EXPECT_THAT(BacktraceLines({}), IsEmpty());
}

TEST(FailureTest, KnowsWhetherItsLastLineTellsTheForm) {
  Failure failure = Example();
  EXPECT_FALSE(failure.TellsTopLevel());
  const BacktraceFrame top = {kTopLevelName, {"a.lisp", 9, 1}};
  failure.frames.push_back(top);
  EXPECT_TRUE(failure.TellsTopLevel());
  failure.frames.push_back(top);  // "... the same 1 more time"
  EXPECT_FALSE(failure.TellsTopLevel());
  failure.top_level = {"a.lisp", 9, 1};
  EXPECT_TRUE(failure.TellsTopLevel());
  // The text of a message is not looked at.
  Failure other;
  other.message = "no\n  at top level (a.lisp:9:1)";
  EXPECT_FALSE(other.TellsTopLevel());
}

TEST(FailureTest, StatusKeepsWhatAHostAsksFor) {
  Failure failure = Example();
  failure.code = absl::StatusCode::kAborted;
  failure.payloads = {{"example.com/detail", std::string("\0x", 2)}};
  failure.limit = Limit::kFuel;
  failure.exit_status = 0;
  const absl::Status status = failure.ToStatus();
  EXPECT_EQ(status.code(), absl::StatusCode::kAborted);
  EXPECT_EQ(status.message(), failure.Text());
  EXPECT_EQ(status.GetPayload("example.com/detail"), absl::Cord(absl::string_view("\0x", 2)));
  EXPECT_EQ(status.GetPayload("islet/limit"), "fuel");
  EXPECT_EQ(status.GetPayload("islet/exit-status"), "0");
  EXPECT_EQ(LimitReached(status), Limit::kFuel);
  EXPECT_EQ(ExitStatus(status), 0);
  // It has no number yet.
  EXPECT_EQ(FailureNumber(status), 0u);
  EXPECT_EQ(KindOf(status), Failure::Kind::kOutside);
  EXPECT_EQ(LimitReached(absl::UnknownError("heap limit")), Limit::kNone);
  EXPECT_EQ(ExitStatus(absl::UnknownError("exit with status 3")), -1);
}

TEST(FailureTest, ComesBackFromItsStatus) {
  Failure failure = Example();
  failure.kind = Failure::Kind::kTermination;
  failure.code = absl::StatusCode::kResourceExhausted;
  failure.number = NextFailureNumber();
  failure.limit = Limit::kHeap;
  failure.exit_status = 255;
  failure.payloads = {{"a", "1"}, {"b", ""}};
  const Failure back = Failure::FromStatus(failure.ToStatus());
  EXPECT_EQ(back.kind, failure.kind);
  EXPECT_EQ(back.number, failure.number);
  EXPECT_EQ(back.code, failure.code);
  EXPECT_EQ(back.limit, failure.limit);
  EXPECT_EQ(back.exit_status, failure.exit_status);
  EXPECT_THAT(back.payloads, testing::UnorderedElementsAre(Pair("a", "1"), Pair("b", "")));
  // Only the text is left of the parts, and it stays the same.
  EXPECT_EQ(back.Text(), failure.Text());
  absl::Status outside = failure.ToStatus();
  EraseMark(&outside);
  EXPECT_EQ(FailureNumber(outside), 0u);
  EXPECT_EQ(LimitReached(outside), Limit::kHeap);
}

TEST(FailureTest, MarksThatAreNoneSayNothing) {
  for (const char* bytes : {"", "condition", "condition ", "condition x", "limit 5", "17", "condition -1"}) {
    absl::Status status = absl::UnknownError("no");
    status.SetPayload("islet/failure", absl::Cord(bytes));
    EXPECT_EQ(FailureNumber(status), 0u) << bytes;
    EXPECT_EQ(KindOf(status), Failure::Kind::kOutside) << bytes;
  }
}

TEST(FailureTest, TheMachineKeepsTheLatest) {
  auto vm = MakeEmptyVm();
  const absl::Status first = vm->Record(Example());
  EXPECT_TRUE(vm->IsLatestFailure(first));
  EXPECT_EQ(vm->FailureOf(first).frames.size(), 3u);
  const absl::Status second = vm->FailSyntax({"a.lisp", 2, 7}, "if: too few");
  EXPECT_EQ(second, absl::Status(second));
  EXPECT_EQ(second.message(), "a.lisp:2:7: if: too few");
  EXPECT_FALSE(vm->IsLatestFailure(first));
  // Of an older one there is what its Status says.
  EXPECT_THAT(vm->FailureOf(first).frames, IsEmpty());
  EXPECT_EQ(vm->FailureOf(first).Text(), Example().Text());
  EXPECT_EQ(vm->FailureOf(second).place, (Place{"a.lisp", 2, 7}));
  EXPECT_EQ(vm->TakeFailure(second).condition, "syntax");
  EXPECT_FALSE(vm->IsLatestFailure(second));
  // A failure outside of any run is recorded too, but a host function that returns it does not pass anything on.
  const absl::Status outside = vm->Record(Failure::FromStatus(absl::NotFoundError("cannot read a")));
  EXPECT_NE(FailureNumber(outside), 0u);
  EXPECT_FALSE(vm->IsLatestFailure(outside));
}

TEST(FailureTest, AHandlersAreConditionsAndErrorsInTexts) {
  auto vm = MakeEmptyVm();
  EXPECT_TRUE(CanBeHandled(vm->Record(Example())));
  EXPECT_TRUE(CanBeHandled(absl::InvalidArgumentError("a text")));
  vm->Terminate(absl::CancelledError("interrupted"));
  EXPECT_FALSE(CanBeHandled(vm->TakeTermination()));
  EXPECT_TRUE(vm->TakeTermination().ok());
}

}  // namespace
}  // namespace islet::vm
