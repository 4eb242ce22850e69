// Procedures that only the standard library may call, while it is built, with arguments that it would never pass: the
// machine still ends each run by a condition or a limit.

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "isolate/evaluator/evaluator.h"
#include "isolate/interpreter/limits.h"
#include "isolate/interpreter/opcode.h"
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

  absl::Status Eval(absl::string_view text) { return evaluator_->EvalString(text, "test").status(); }
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
    for (const char* procedure : {"(lambda () 1)", "(lambda (a) 1)", "(lambda (a b c) 1)", "car", "5", "'()"}) {
      const absl::Status status = Eval("(%set-root! " + std::string(root) + " " + procedure + ")");
      EXPECT_THAT(std::string(status.message()), HasSubstr("a procedure of two arguments made by lambda"));
    }
  }
  EXPECT_EQ(Eval("(%set-root! 2 (lambda (object continuable?) (%uncaught object)))"), absl::OkStatus());
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
  EXPECT_EQ(LimitReached(EvalWithFuel("(let ((ring (list 1))) (set-cdr! ring ring) (%set-parameters! ring)"
                                      "  ((%make-parameter 1 #f)))")),
            Limit::kFuel);
  ASSERT_EQ(Eval("(define ring (list (cons 1 2))) (set-cdr! ring ring) (define parameter "
                 "(%make-parameter 1 #f))"),
            absl::OkStatus());
  vm_->Interrupt();
  EXPECT_EQ(Eval("(begin (%set-parameters! ring) (parameter))").code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(LimitReached(EvalWithFuel("(begin (%set-root! 8 (vector parameter parameter parameter))"
                                      "  (%set-parameters! ring) (newline))")),
            Limit::kFuel);
}

// Programs whose code or objects are not as the machine relies on. The verifier of snapshots lets none in, so they are
// made here by hand.
class DamagedPrograms : public Internals {
 protected:
  void SetUp() override {
    auto vm = NewEmptyVm(AllPrimitives(), VmOptions());  // of 4 GiB
    ASSERT_TRUE(vm.ok()) << vm.status();
    vm_ = *std::move(vm);
    InitializeCore(*vm_);
    evaluator_ = std::make_unique<Evaluator>(*vm_);
  }

  // The root keeps it.
  Value Procedure(absl::string_view text) {
    const absl::StatusOr<Value> made = evaluator_->EvalString(text, "test");
    EXPECT_TRUE(made.ok()) << made.status();
    vm_->set_root(Root::kSpare1, *made);
    return *made;
  }
};

TEST_F(DamagedPrograms, OpcodesThatDoNotExistEndTheRun) {
  const Value procedure = Procedure("(lambda (a b) (cons a b))");
  Heap& heap = vm_->heap();
  Code* const code = heap.Get<Code>(heap.Get<Closure>(procedure)->code);
  const uint32_t first = code->instructions[0];
  const Value args[] = {Value::Fixnum(1), Value::Fixnum(2)};
  for (uint32_t opcode = kOpCount; opcode < 256; ++opcode) {
    for (const bool counts : {false, true}) {
      code->instructions[0] = (first & ~0xffu) | opcode;
      vm_->CountInstructions(counts);
      vm_->set_fuel(50000);
      EXPECT_THAT(std::string(vm_->Call(procedure, args).status().message()), HasSubstr("invalid instruction"));
      vm_->CountInstructions(false);
      code->instructions[0] = first;
      EXPECT_TRUE(vm_->Call(procedure, args).ok());
    }
  }
}

TEST_F(DamagedPrograms, PrimitivesThatDoNotExistRaise) {
  const Value procedure = Procedure("(lambda (a) (string? a))");
  Heap& heap = vm_->heap();
  Code* const code = heap.Get<Code>(heap.Get<Closure>(procedure)->code);
  uint32_t* at = code->instructions;
  while (static_cast<Op>(*at & 0xff) != Op::kCallPrimitive) {
    ASSERT_NE(static_cast<Op>(*at & 0xff), Op::kReturn);
    at += InstructionWords(at);
  }
  const Value arg[] = {Value::Fixnum(1)};
  EXPECT_EQ(vm_->Call(procedure, arg).value(), kFalse);
  const uint32_t count = static_cast<uint32_t>(vm_->primitives().size());
  for (const uint32_t number : {count, count + 1, 0xffffu, 0xffffffu}) {
    at[1] = number;
    EXPECT_THAT(std::string(vm_->Call(procedure, arg).status().message()), HasSubstr("does not exist"));
    EXPECT_THAT(std::string(vm_->Call(Value::Primitive(number), arg).status().message()), HasSubstr("does not exist"));
  }
}

// Of a length that no vector has, indexes lead round to the cage's start, and not to what lies behind it.
TEST_F(DamagedPrograms, ElementsLieInTheCageWhateverALengthSays) {
  const Value ref = Procedure("(lambda (v i) (vector-ref v i))");
  const Value low = evaluator_->EvalString("(vector 'low)", "test").value();
  vm_->set_root(Root::kSpare2, low);
  const Value high = evaluator_->EvalString("(vector 'high)", "test").value();
  vm_->set_root(Root::kSpare3, high);
  Heap& heap = vm_->heap();
  ASSERT_LT(low.offset(), high.offset());
  const Value wanted = heap.Get<Vector>(low)->items[0];
  const int32_t index = static_cast<int32_t>((low.offset() - high.offset()) / sizeof(Value));
  heap.Get<Vector>(high)->length = ~uint32_t{0};
  const Value args[] = {high, Value::Fixnum(index)};
  const absl::StatusOr<Value> got = vm_->Call(ref, args);
  ASSERT_TRUE(got.ok()) << got.status();
  EXPECT_EQ(*got, wanted);
  const Value set = Procedure("(lambda (v i) (vector-set! v i 7))");
  ASSERT_TRUE(vm_->Call(set, args).ok());
  EXPECT_EQ(heap.Get<Vector>(low)->items[0], Value::Fixnum(7));
  heap.Get<Vector>(high)->length = 1;
}

}  // namespace
}  // namespace islet::vm
