// The number procedures as Lisp calls them: arguments on the stack, errors as conditions.

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "gtest/gtest.h"
#include "isolate/numbers/numbers.h"
#include "isolate/runtime/test_primitives.h"

namespace islet::vm {
namespace {

class NumberPrimitivesTest : public PrimitiveTest {
 protected:
  // Calls the primitive with numbers (or #t, or a "string") as in Lisp text. The result as text; "a
  // b" for two values, "kind at who: message" for a condition.
  std::string Call(absl::string_view name, const std::vector<std::string>& args) {
    std::vector<Value> values;
    for (const std::string& text : args) values.push_back(Read(text));
    return Show(CallByName(name, values));
  }

  Value Read(const std::string& text) {
    if (text == "#t") return kTrue;
    if (text[0] == '"') return vm.MakeString(absl::string_view(text).substr(1, text.size() - 2));
    return *ParseNumber(vm.heap(), text, 10);
  }

  std::string Show(Value v) {
    if (v == kMultipleValues) return Show(vm.values()[0]) + " " + Show(vm.values()[1]);
    if (v == kException) {
      const Condition* c = vm.heap().TryGet<Condition>(vm.TakePending());
      if (c == nullptr) return "no condition";
      const std::string who = vm.heap().Is<Symbol>(c->who) ? vm.SymbolName(c->who) : "?";
      return vm.SymbolName(c->kind) + " in " + who;
    }
    if (v.IsBoolean()) return v == kTrue ? "#t" : "#f";
    if (vm.heap().Is<String>(v)) return '"' + vm.ToUtf8(v) + '"';
    return NumberToString(vm.heap(), v);
  }
};

TEST_F(NumberPrimitivesTest, TakeAnyNumberOfArguments) {
  EXPECT_EQ(Call("+", {}), "0");
  EXPECT_EQ(Call("+", {"1/2"}), "1/2");
  EXPECT_EQ(Call("+", {"1", "2", "3.5", "1/2"}), "7.0");
  EXPECT_EQ(Call("*", {}), "1");
  EXPECT_EQ(Call("*", {"100000", "100000", "100000"}), "1000000000000000");
  EXPECT_EQ(Call("-", {"3"}), "-3");
  EXPECT_EQ(Call("-", {"3", "4", "5"}), "-6");
  EXPECT_EQ(Call("/", {"3", "4", "5"}), "3/20");
  EXPECT_EQ(Call("/", {"0.5"}), "2.0");
  EXPECT_EQ(Call("gcd", {"32", "-36"}), "4");
  EXPECT_EQ(Call("gcd", {}), "0");
  EXPECT_EQ(Call("gcd", {"-6"}), "6");
  EXPECT_EQ(Call("lcm", {"32.0", "-36"}), "288.0");
  EXPECT_EQ(Call("lcm", {"-6"}), "6");
  EXPECT_EQ(Call("max", {"3", "4"}), "4");
  EXPECT_EQ(Call("max", {"3.9", "4"}), "4.0");
  EXPECT_EQ(Call("min", {"1", "+nan.0", "2"}), "+nan.0");
  EXPECT_EQ(Call("bitwise-and", {}), "-1");
  EXPECT_EQ(Call("bitwise-xor", {"5", "3", "-1"}), "-7");
}

TEST_F(NumberPrimitivesTest, Compare) {
  EXPECT_EQ(Call("<", {"1", "3/2", "2.0", "100000000000000000000"}), "#t");
  EXPECT_EQ(Call("<", {"1", "1"}), "#f");
  EXPECT_EQ(Call("<=", {"1", "1.0", "1"}), "#t");
  EXPECT_EQ(Call("=", {"1/2", "0.5"}), "#t");
  EXPECT_EQ(Call("=", {"1"}), "#t");
  EXPECT_EQ(Call(">", {"3", "2", "2"}), "#f");
  for (const char* relation : {"=", "<", "<=", ">", ">="}) {
    EXPECT_EQ(Call(relation, {"1", "+nan.0"}), "#f") << relation;
    EXPECT_EQ(Call(relation, {"+nan.0", "+nan.0"}), "#f") << relation;
    EXPECT_EQ(Call(relation, {"2", "1", "#t"}), std::string("wrong-type in ") + relation);
  }
}

TEST_F(NumberPrimitivesTest, TellKinds) {
  EXPECT_EQ(Call("integer?", {"3.0"}), "#t");
  EXPECT_EQ(Call("integer?", {"#t"}), "#f");
  EXPECT_EQ(Call("rational?", {"-inf.0"}), "#f");
  EXPECT_EQ(Call("real?", {"-inf.0"}), "#t");
  EXPECT_EQ(Call("exact?", {"3.0"}), "#f");
  EXPECT_EQ(Call("exact?", {"#t"}), "wrong-type in exact?");
  EXPECT_EQ(Call("exact-integer?", {"32.0"}), "#f");
  EXPECT_EQ(Call("finite?", {"+inf.0"}), "#f");
  EXPECT_EQ(Call("nan?", {"32"}), "#f");
  EXPECT_EQ(Call("zero?", {"-0.0"}), "#t");
  EXPECT_EQ(Call("negative?", {"-1/2"}), "#t");
  EXPECT_EQ(Call("odd?", {"100000000000000000001"}), "#t");
  EXPECT_EQ(Call("even?", {"1.5"}), "wrong-type in even?");
}

TEST_F(NumberPrimitivesTest, ReturnTwoValues) {
  EXPECT_EQ(Call("floor/", {"-5", "2"}), "-3 1");
  EXPECT_EQ(Call("truncate/", {"-5.0", "2"}), "-2.0 -1.0");
  EXPECT_EQ(Call("exact-integer-sqrt", {"17"}), "4 1");
  EXPECT_EQ(Call("exact-integer-sqrt", {"-1"}), "wrong-type in exact-integer-sqrt");
  EXPECT_EQ(Call("floor/", {"1", "0"}), "divide-by-zero in floor/");
}

TEST_F(NumberPrimitivesTest, ConvertText) {
  EXPECT_EQ(Call("number->string", {"255", "16"}), "\"ff\"");
  EXPECT_EQ(Call("number->string", {"0.1"}), "\"0.1\"");
  EXPECT_EQ(Call("number->string", {"1", "37"}), "range in number->string");
  EXPECT_EQ(Call("string->number", {"\"100\"", "16"}), "256");
  EXPECT_EQ(Call("string->number", {"\"1e2\""}), "100.0");
  EXPECT_EQ(Call("string->number", {"\"1 2\""}), "#f");
  EXPECT_EQ(Call("string->number", {"\"\u0661\""}), "#f");
  EXPECT_EQ(Call("string->number", {"12"}), "wrong-type in string->number");
}

TEST_F(NumberPrimitivesTest, ReportErrorsByName) {
  EXPECT_EQ(Call("+", {"#t"}), "wrong-type in +");
  EXPECT_EQ(Call("+", {"1", "2", "#t"}), "wrong-type in +");
  EXPECT_EQ(Call("-", {"#t"}), "wrong-type in -");
  EXPECT_EQ(Call("/", {"0"}), "divide-by-zero in /");
  EXPECT_EQ(Call("/", {"#t"}), "wrong-type in /");
  EXPECT_EQ(Call("/", {"1", "2", "0"}), "divide-by-zero in /");
  EXPECT_EQ(Call("modulo", {"1", "0"}), "divide-by-zero in modulo");
  EXPECT_EQ(Call("exact", {"+nan.0"}), "range in exact");
  EXPECT_EQ(Call("expt", {"0", "+i"}), "range in expt");
  EXPECT_EQ(Call("log", {"8", "#t"}), "wrong-type in log");
  EXPECT_EQ(Call("bit-set?", {"-1", "1"}), "wrong-type in bit-set?");
}

TEST_F(NumberPrimitivesTest, MakeRoomForLargeResults) {
  // 35 MB of bits in all, so that collections must happen; the operands live on the stack only.
  Value n = CallByName("expt", {Value::Fixnum(7), Value::Fixnum(1'000'000)});
  for (int i = 0; i < 5; ++i) n = CallByName("square", {n});
  ASSERT_TRUE(IsBignum(vm.heap(), n));
  const Value again = CallByName("expt", {Value::Fixnum(7), Value::Fixnum(32'000'000)});
  // `n` did not move: it is large. It was not a root either, so only the new one may be looked at.
  const Value root = CallByName("exact-integer-sqrt", {again});
  ASSERT_EQ(root, kMultipleValues);
  EXPECT_EQ(vm.values()[1], Value::Fixnum(0));
  const Value zero = CallByName("-", {again, again});
  EXPECT_EQ(zero, Value::Fixnum(0));
  const Value sum = CallByName("+", {again, again, again, again});
  const Value four = CallByName("quotient", {sum, again});
  EXPECT_EQ(four, Value::Fixnum(4));
}

TEST_F(NumberPrimitivesTest, RefuseResultsThatNoHeapHolds) {
  EXPECT_EQ(Call("expt", {"7", "100000000000000000000"}), "memory in expt");
  EXPECT_EQ(Call("expt", {"7", "1000000000"}), "memory in expt");
  EXPECT_EQ(Call("expt", {"7", "200000000"}), "memory in expt");  // 67 MiB
  EXPECT_EQ(Call("expt", {"1+i", "10000000000"}), "memory in expt");
  EXPECT_EQ(Call("expt", {"1/7", "-1000000000000"}), "memory in expt");
  EXPECT_EQ(Call("arithmetic-shift", {"1", "1000000000000"}), "memory in arithmetic-shift");
  EXPECT_EQ(Call("arithmetic-shift", {"-1", "-1000000000000"}), "-1");
  EXPECT_EQ(Call("arithmetic-shift", {"1", "1000000000"}), "memory in arithmetic-shift");
}

}  // namespace
}  // namespace islet::vm
