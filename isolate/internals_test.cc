// What only the standard library may do, while it is built, with arguments that it would never
// pass: the machine still ends each run by a condition or a limit.

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "isolate/evaluator.h"
#include "isolate/interpreter/limits.h"
#include "isolate/interpreter/vm.h"
#include "isolate/runtime/primitives.h"
#include "snapshot/image.h"

namespace islet::vm {
namespace {

using ::testing::HasSubstr;

// An isolate that sees (islet core), and so can break the machine's own procedures.
class Internals : public testing::Test {
 protected:
  // A cage of 32 MiB: what grows past all limits would soon leave it.
  void SetUp() override {
    VmOptions options;
    options.cage_size = uint64_t{32} << 20;
    auto vm = NewEmptyVm(AllPrimitives(), options);
    ASSERT_TRUE(vm.ok()) << vm.status();
    vm_ = *std::move(vm);
    InitializeCore(*vm_);
    evaluator_ = std::make_unique<Evaluator>(*vm_);
  }

  absl::Status Eval(absl::string_view text) {
    return evaluator_->EvalString(text, "test").status();
  }
  // Ends after a number of instructions.
  absl::Status EvalWithFuel(absl::string_view text) {
    vm_->CountInstructions(true);
    vm_->set_fuel(50000);
    const absl::Status status = Eval(text);
    vm_->CountInstructions(false);
    return status;
  }

  std::unique_ptr<Vm> vm_;
  std::unique_ptr<Evaluator> evaluator_;
};

TEST_F(Internals, ProceduresThatTheMachineCallsTakeTwoArguments) {
  for (const char* root : {"2", "3"}) {
    for (const char* procedure :
         {"(lambda () 1)", "(lambda (a) 1)", "(lambda (a b c) 1)", "car", "5", "'()"}) {
      const absl::Status status = Eval("(%set-root! " + std::string(root) + " " + procedure + ")");
      EXPECT_THAT(std::string(status.message()),
                  HasSubstr("a procedure of two arguments made by lambda"));
    }
  }
  EXPECT_EQ(Eval("(%set-root! 2 (lambda (object continuable?) (%uncaught object)))"),
            absl::OkStatus());
  EXPECT_EQ(Eval("(%set-root! 3 (lambda all 1))"), absl::OkStatus());
  EXPECT_THAT(std::string(Eval("(car 5)").message()), HasSubstr("a pair"));
}

TEST_F(Internals, WhatIsCalledToRaiseMayFailForEver) {
  ASSERT_EQ(Eval("(%set-root! 2 (lambda (object continuable?) (car 5)))"), absl::OkStatus());
  EXPECT_EQ(LimitReached(Eval("(car 5)")), Limit::kHeap);
  vm_->LimitStack(10000);
  EXPECT_EQ(LimitReached(Eval("(car 5)")), Limit::kStack);
  vm_->LimitStack(kNoStackLimit);
  EXPECT_EQ(LimitReached(EvalWithFuel("(car 5)")), Limit::kFuel);
  vm_->Interrupt();
  EXPECT_EQ(Eval("(car 5)").code(), absl::StatusCode::kCancelled);
}

TEST_F(Internals, DynamicStateMayBeCircular) {
  EXPECT_EQ(LimitReached(
                EvalWithFuel("(let ((ring (list 1))) (set-cdr! ring ring) (%set-parameters! ring)"
                             "  ((%make-parameter 1 #f)))")),
            Limit::kFuel);
  ASSERT_EQ(Eval("(define ring (list (cons 1 2))) (set-cdr! ring ring) (define parameter "
                 "(%make-parameter 1 #f))"),
            absl::OkStatus());
  vm_->Interrupt();
  EXPECT_EQ(Eval("(begin (%set-parameters! ring) (parameter))").code(),
            absl::StatusCode::kCancelled);
  EXPECT_EQ(LimitReached(EvalWithFuel("(begin (%set-root! 8 (vector parameter parameter parameter))"
                                      "  (%set-parameters! ring) (newline))")),
            Limit::kFuel);
}

}  // namespace
}  // namespace islet::vm
