// Random sources, as far as Lisp cannot see: the generator itself, and what the host grants.

#include "gtest/gtest.h"
#include "isolate/ports/outside.h"
#include "isolate/runtime/test_primitives.h"

namespace islet::vm {
namespace {

using RandomPrimitivesTest = PrimitiveTest;

constexpr char kState[] = "(define s (bytevector 1 0 0 0 0 0 0 0 2 0 0 0 0 0 0 0 3 0 0 0 0 0 0 0 4 0 0 0 0 0 0 0))";

// The outputs for the state 1, 2, 3, 4, computed from the definition in the paper.
TEST_F(RandomPrimitivesTest, AreXoshiro256StarStar) {
  EXPECT_EQ(Eval(std::string(kState) + "(list (%random-below! s 18446744073709551616)"
                                       " (%random-below! s 18446744073709551616)"
                                       " (%random-below! s 18446744073709551616)"
                                       " (%random-below! s 18446744073709551616))"),
            "(11520 0 1509978240 1215971899390074240)");
}

TEST_F(RandomPrimitivesTest, RefuseWhatIsNoState) {
  EXPECT_EQ(Eval("(%random-below! (bytevector 1 2) 5)"),
            "wrong-type in random-integer: argument 1 should be the state of a random source");
  EXPECT_EQ(Eval(std::string(kState) + "(%random-below! s 0)"), "range in random-integer: argument 2 is not positive");
  EXPECT_EQ(Eval(std::string(kState) + "(%random-below! s -100000000000000000000)"),
            "range in random-integer: argument 2 is negative");
}

TEST_F(RandomPrimitivesTest, AskTheSystemOnlyIfTheHostAllows) {
  EXPECT_EQ(Eval(std::string(kState) + "(%random-entropy! s)"),
            "permission in random-source-randomize!: randomness is not granted to this isolate "
            "(IsolateOptions::randomness)");
  SystemGrantsOf(vm).randomness = SystemRandomness().get();
  const std::string first = Eval(std::string(kState) + "(%random-entropy! s) s");
  const std::string second = Eval("(%random-entropy! s) s");
  EXPECT_NE(first, second);
}

}  // namespace
}  // namespace islet::vm
