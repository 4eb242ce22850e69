#include "isolate/ports/port_input.h"

#include <algorithm>
#include <memory>
#include <string>

#include "gtest/gtest.h"
#include "isolate/ports/outside.h"
#include "isolate/ports/port.h"
#include "isolate/reader/test_vm.h"

namespace islet::vm {
namespace {

using Outcome = PortInput::Outcome;

// Gives one byte at a time, so that characters come in parts.
class ByteByByte : public StandardStreams {
 public:
  explicit ByteByByte(std::string input) : input_(std::move(input)) {}
  absl::StatusOr<size_t> Read(char* buffer, size_t size) override {
    if (failing) return absl::UnavailableError("cannot read: the line is dead");
    const size_t count = input_.copy(buffer, std::min(size, size_t{1}));
    input_.erase(0, count);
    return count;
  }
  bool InputReady() override { return !input_.empty(); }
  absl::Status Write(int, absl::string_view) override { return absl::OkStatus(); }

  bool failing = false;

 private:
  std::string input_;
};

class PortInputTest : public ::testing::Test {
 protected:
  PortInput Input(std::string text) {
    streams_ = std::make_shared<ByteByByte>(std::move(text));
    PortTableOf(*vm_).SetStandardStreams(streams_);
    return PortInput(*vm_, "test", MakeStandardPort(*vm_, StandardPort::kInput));
  }

  std::unique_ptr<Vm> vm_ = MakeTestVm();
  std::shared_ptr<ByteByByte> streams_;
};

TEST_F(PortInputTest, PeekWaitsForAWholeCharacter) {
  PortInput input = Input("λ\n€");
  uint32_t c;
  size_t length;
  ASSERT_EQ(input.Peek(&c, &length), Outcome::kOk);
  EXPECT_EQ(c, 0x3bbu);
  EXPECT_EQ(length, 2u);
  input.Consume(length);
  EXPECT_EQ(input.column(), 2u);
  ASSERT_EQ(input.Peek(&c, &length), Outcome::kOk);
  EXPECT_EQ(c, uint32_t{'\n'});
  input.Consume(length);
  EXPECT_EQ(input.line(), 2u);
  EXPECT_EQ(input.column(), 1u);
  ASSERT_EQ(input.Peek(&c, &length), Outcome::kOk);
  EXPECT_EQ(c, 0x20acu);
  input.Consume(length);
  EXPECT_EQ(input.Peek(&c, &length), Outcome::kEnd);
}

TEST_F(PortInputTest, ACharacterThatIsCutOffIsNoCharacter) {
  PortInput input = Input("\xe2\x82");
  uint32_t c;
  size_t length;
  EXPECT_EQ(input.Peek(&c, &length), Outcome::kRaised);
  EXPECT_NE(vm_->TakePending(), kUndefined);
}

TEST_F(PortInputTest, ReadyIfBytesAreAtHandOrTheStreamHasThem) {
  PortInput input = Input("ab");
  EXPECT_TRUE(input.Ready());
  ASSERT_EQ(input.Fill(), Outcome::kOk);
  ASSERT_EQ(input.Fill(), Outcome::kOk);
  input.Consume(1);
  EXPECT_TRUE(input.Ready());
  input.Consume(1);
  EXPECT_FALSE(input.Ready());
}

TEST_F(PortInputTest, WhatTheStreamAnswersIsRaised) {
  PortInput input = Input("ab");
  streams_->failing = true;
  EXPECT_EQ(input.Fill(), Outcome::kRaised);
  Heap& heap = vm_->heap();
  const Condition* const condition = heap.TryGet<Condition>(vm_->TakePending());
  ASSERT_NE(condition, nullptr);
  EXPECT_EQ(vm_->SymbolName(condition->kind), "file");
  EXPECT_EQ(vm_->ToUtf8(condition->message), "cannot read: the line is dead");
}

}  // namespace
}  // namespace islet::vm
