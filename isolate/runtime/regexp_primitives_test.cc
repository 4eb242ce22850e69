// The matcher with programs, sets and states that no compiler made. What it does with those that
// 115.sld makes: conformance/srfi_115.lisp.

#include <cstring>
#include <random>

#include "gtest/gtest.h"
#include "isolate/runtime/test_primitives.h"

namespace islet::vm {
namespace {

using RegexpPrimitivesTest = PrimitiveTest;

// (: ($ "a") "b"): save 0, save 2, a, save 3, b, save 1, match.
constexpr char kProgram[] = "(define program (vector 5 0 0  5 2 0  0 97 0  5 3 0  0 98 0  5 1 0  7 0 0))";

TEST_F(RegexpPrimitivesTest, Search) {
  EXPECT_EQ(Eval(std::string(kProgram) + "(define state (%regexp-state program 4 0 0 0 4))"
                                         "(%regexp-run! program #() \"xabb\" state)"),
            "#(1 3 1 2)");
  EXPECT_EQ(Eval("(define state (%regexp-state program 4 0 0 0 2))"
                 "(%regexp-run! program #() \"xabb\" state)"),
            "#t");
}

TEST_F(RegexpPrimitivesTest, GoOnWhereTheBudgetEnded) {
  Eval(std::string(kProgram) +
       "(define text (make-string 1000000 #\\a)) (string-set! text 999999 #\\b)"
       "(define state (%regexp-state program 4 0 0 0 1000000))");
  int calls = 1;
  std::string result;
  while ((result = Eval("(%regexp-run! program #() text state)")) == "#f") ++calls;
  EXPECT_EQ(result, "#(999998 1000000 999998 999999)");
  EXPECT_GT(calls, 2);
}

TEST_F(RegexpPrimitivesTest, RefuseStatesOfOtherProgramsAndTexts) {
  Eval(std::string(kProgram) + "(define state (%regexp-state program 4 0 0 0 4))");
  const std::string refusal = "wrong-type in %regexp-run!: argument 4 should be a matcher's state";
  EXPECT_EQ(Eval("(%regexp-run! #(7 0 0) #() \"xabb\" state)"), refusal);
  EXPECT_EQ(Eval("(%regexp-run! program #() \"xab\" state)"), refusal);
  EXPECT_EQ(Eval("(%regexp-run! program #() \"xabb\" (make-bytevector 8))"), refusal);
  EXPECT_EQ(Eval("(%regexp-state program 1000000000 0 0 0 4)").substr(0, 5), "range");
}

// Whatever the program, the sets and the state hold, nothing else is read or written (which
// AddressSanitizer would not see inside a heap, but a damaged neighbour shows).
TEST_F(RegexpPrimitivesTest, SurviveForgedStatesAndPrograms) {
  std::mt19937 random(11);
  for (int round = 0; round < 3000; ++round) {
    const uint32_t instructions = 1 + random() % 8;
    const Value program = heap.MakeVector(instructions * 3, kFalse);
    for (uint32_t i = 0; i < instructions; ++i) {
      Value* words = heap.Get<Vector>(program)->items + 3 * i;
      words[0] = Value::Fixnum(static_cast<int>(random() % 10));
      words[1] = random() % 8 == 0 ? kNull : Value::Fixnum(static_cast<int>(random() % 12) - 2);
      words[2] = Value::Fixnum(static_cast<int>(random() % 12) - 2);
    }
    const Value set = heap.MakeBytevector(8 * (random() % 3));
    uint8_t* bytes = heap.Get<Bytevector>(set)->bytes;
    for (uint32_t i = 0; i < heap.Get<Bytevector>(set)->length; ++i) {
      bytes[i] = static_cast<uint8_t>(random());
    }
    const Value sets = heap.MakeVector(2, set);
    heap.Get<Vector>(sets)->items[1] = random() % 2 == 0 ? kFalse : program;
    const Value text = vm.MakeString("a\u03bbb\n\x01 \u0301x\U0001f1e9\U0001f1ea_");
    const int length = static_cast<int>(StringLength(heap, text));
    const Value state =
        CallByName("%regexp-state", {program, Value::Fixnum(static_cast<int>(random() % 6)),
                                     Value::Fixnum(static_cast<int>(random() % 4)), Value::Fixnum(0),
                                     Value::Fixnum(static_cast<int>(random()) % 2 + 1), Value::Fixnum(length)});
    ASSERT_TRUE(heap.Is<Bytevector>(state));
    const Value guard = heap.MakeBytevector(256);  // right behind it
    if (random() % 2 == 0) {
      Bytevector* forged = heap.Get<Bytevector>(state);
      const uint32_t words = forged->length / 4;
      for (uint32_t i = 7; i < words; ++i) {  // the header up to the number of threads must fit
        const uint32_t word = random() % 3 == 0 ? random() : random() % 10;
        std::memcpy(forged->bytes + 4 * i, &word, 4);
      }
    }
    const Value result = CallByName("%regexp-run!", {program, sets, text, state});
    EXPECT_TRUE(result == kTrue || result == kFalse || heap.Is<Vector>(result));
    for (uint32_t i = 0; i < 256; ++i) ASSERT_EQ(heap.Get<Bytevector>(guard)->bytes[i], 0);
    if (round % 200 == 0) {
      heap.SetStackTop(heap.stack_begin() + 16, heap.stack_begin() + 64);
      EXPECT_TRUE(heap.Collect());
    }
  }
}

}  // namespace
}  // namespace islet::vm
