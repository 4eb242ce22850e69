#include "isolate/printer/printer.h"

#include <memory>
#include <string>

#include "gtest/gtest.h"
#include "isolate/data/string.h"
#include "isolate/interpreter/source_map.h"
#include "isolate/printer/describe.h"
#include "isolate/reader/reader.h"
#include "isolate/reader/test_vm.h"

namespace islet::vm {
namespace {

Value Nothing(Vm&, Value*, uint32_t) { return kUnspecified; }
constexpr PrimitiveSpec kPrimitives[] = {{"car", Nothing, 1, 1}};

class PrinterTest : public ::testing::Test {
 protected:
  Value Read(absl::string_view text) {
    SyntaxArena arena(&heap_);
    Reader reader(*vm_, arena, text, "t");
    Syntax* datum = nullptr;
    EXPECT_EQ(reader.ReadNext(&datum), Reader::Result::kDatum) << text << ": " << reader.error().ToString();
    return datum == nullptr ? kFalse : SyntaxToDatum(*vm_, datum, false);
  }
  std::string Write(Value v) { return Print(*vm_, v, PrintMode::kWrite); }
  std::string Write(absl::string_view text) { return Write(Read(text)); }
  std::string Display(absl::string_view text) { return Print(*vm_, Read(text), PrintMode::kDisplay); }
  std::string WriteShared(absl::string_view text) { return Print(*vm_, Read(text), PrintMode::kWriteShared); }

  std::unique_ptr<Vm> vm_ = MakeTestVm(kPrimitives);
  Heap& heap_ = vm_->heap();
};

// `read` takes back the text that `write` puts out.
TEST_F(PrinterTest, RoundTrips) {
  for (const char* text : {"a",
                           "()",
                           "(a b c)",
                           "(a . b)",
                           "(a (b) . #(c #u8(0 255)))",
                           "#()",
                           "#u8()",
                           "-12",
                           "1.5",
                           "1/3",
                           "+inf.0",
                           "-0.0",
                           "123456789012345678901234567890",
                           "#t",
                           "#f",
                           "\"\"",
                           R"("a\nb\t\"c\"\\")",
                           R"("\x0;\x7f;λ")",
                           R"(#\a)",
                           R"(#\space)",
                           R"(#\newline)",
                           R"(#\x1)",
                           R"(#\λ)",
                           R"(#\()",
                           R"(#\x301)",
                           "|a b|",
                           "||",
                           "|1|",
                           "|+i|",
                           "|-INF.0|",
                           "|.|",
                           R"(|a\|b|)",
                           R"(|a\nb|)",
                           "+",
                           "...",
                           "'a",
                           "`(a ,b ,@c)",
                           "(quote)",
                           "(quote a b)",
                           "(a quote b)",
                           "ABC",
                           "#\\alarm",
                           "#\\null",
                           "#\\x378",
                           "#0=(a . #0#)",
                           "#0=#(a #0#)",
                           "#0=(#1=(b . #1#) . #0#)",
                           "(a . #0=(b . #0#))",
                           "#0='#0#",
                           "(1 . 2)",
                           "|a;b|",
                           "|[|"}) {
    EXPECT_EQ(Write(text), text);
  }
}

TEST_F(PrinterTest, SymbolsThatNeedNoBars) {
  EXPECT_EQ(Write("|abc|"), "abc");
  EXPECT_EQ(Write("|->x|"), "->x");
  EXPECT_EQ(Write("(quote . (a . ()))"), "'a");
  EXPECT_EQ(Write(",|@a|"), ",|@a|");
}

TEST_F(PrinterTest, Display) {
  EXPECT_EQ(Display(R"((a "b\n" #\c |d e| 1.0))"), "(a b\n c d e 1.0)");
  EXPECT_EQ(Display("#0=(a . #0#)"), "#0=(a . #0#)");
}

// `write` labels cycles alone, write-shared all that is shared, write-simple nothing.
TEST_F(PrinterTest, Sharing) {
  EXPECT_EQ(Write("(#0=(a) #0# #0#)"), "((a) (a) (a))");
  EXPECT_EQ(WriteShared("(#0=(a) #0# #0#)"), "(#0=(a) #0# #0#)");
  EXPECT_EQ(WriteShared("(#0=#(x) #1=(y) #1# #0#)"), "(#0=#(x) #1=(y) #1# #0#)");
  EXPECT_EQ(WriteShared("(a . #0=(b . #0#))"), "(a . #0=(b . #0#))");
  EXPECT_EQ(WriteShared("(#0=(b) . #0#)"), "(#0=(b) . #0#)");
  EXPECT_EQ(WriteShared("(a a \"s\" \"s\")"), "(a a \"s\" \"s\")");
  EXPECT_EQ(Print(*vm_, Read("(#0=(a) #0#)"), PrintMode::kWriteSimple), "((a) (a))");
  EXPECT_EQ(Print(*vm_, Read("#0=(a . #0#)"), PrintMode::kWriteSimple, 10), "(a a a a a...");
}

TEST_F(PrinterTest, LargeAndDeepDataDoNotRecurse) {
  Value nested = kNull;
  for (int i = 0; i < 300000; ++i) nested = heap_.Cons(nested, kNull);
  EXPECT_EQ(Write(nested), std::string(300000, '(') + "()" + std::string(300000, ')'));
  Value list = kNull;
  for (int i = 0; i < 300000; ++i) list = heap_.Cons(kTrue, list);
  EXPECT_EQ(Write(list).size(), 300000u * 3 + 1);
  // A cycle behind many parts is found too.
  Value last = heap_.Cons(kTrue, kNull);
  Value ring = last;
  for (int i = 0; i < 999; ++i) ring = heap_.Cons(kTrue, ring);
  heap_.Get<Pair>(last)->cdr = ring;
  EXPECT_EQ(Write(ring).substr(0, 9), "#0=(#t #t");
}

// A datum of n pairs can have a text of 2^n characters.
TEST_F(PrinterTest, BoundedOutput) {
  Value doubling = Value::Fixnum(1);
  for (int i = 0; i < 64; ++i) doubling = heap_.Cons(doubling, doubling);
  bool truncated = false;
  const std::string text = Print(*vm_, doubling, PrintMode::kWrite, 1000, &truncated);
  EXPECT_TRUE(truncated);
  EXPECT_EQ(text.size(), 1003u);
  EXPECT_EQ(Print(*vm_, Read("\"λλλ\""), PrintMode::kDisplay, 3, &truncated), "λ...");
  EXPECT_EQ(Print(*vm_, Read("\"λλλ\""), PrintMode::kDisplay, 6, &truncated), "λλλ");
  EXPECT_FALSE(truncated);
}

TEST_F(PrinterTest, Objects) {
  EXPECT_EQ(Write(Value::Primitive(0)), "#<procedure car>");
  EXPECT_EQ(Write(Value::Primitive(1000)), "#<procedure unknown>");
  EXPECT_EQ(Write(kEof), "#<eof>");
  EXPECT_EQ(Write(kUnspecified), "#<unspecified>");
  RecordType* type = heap_.New<RecordType>();
  type->name = vm_->Intern("<point>");
  type->fields = kFalse;
  Record* point = static_cast<Record*>(heap_.NewObject(ObjectType::kRecord, 16, 0, 2));
  point->type = heap_.ValueOf(type);
  point->fields[0] = Value::Fixnum(1);
  point->fields[1] = heap_.ValueOf(point);
  EXPECT_EQ(Write(heap_.ValueOf(point)), "#0=#<point 1 #0#>");
  point->fields[1] = Read("(a \"b\")");
  EXPECT_EQ(Write(heap_.ValueOf(point)), "#<point 1 (a \"b\")>");
  EXPECT_EQ(Print(*vm_, heap_.ValueOf(point), PrintMode::kDisplay), "#<point 1 (a b)>");
  EXPECT_EQ(Write(vm_->MakeCondition("error", "f", "no good", Read("(1 \"x\")"))),
            "#<condition error \"no good\" 1 \"x\">");
}

TEST_F(PrinterTest, DescribesConditions) {
  const Value plain = vm_->MakeCondition("error", "vector-ref", "index out of range", Read("(12 \"x\")"));
  EXPECT_EQ(DescribeFailure(*vm_, plain, kFalse).Text(), "vector-ref: index out of range: 12 \"x\"");
  EXPECT_EQ(DescribeFailure(*vm_, vm_->MakeCondition("error", "f", "odd value:", Read("(a)")), kFalse).Text(),
            "f: odd value: a");
  EXPECT_EQ(DescribeFailure(*vm_, Value::Fixnum(42), kFalse).Text(), "raised: 42");
  const Value syntax = vm_->MakeCondition("syntax", "if", "too few forms", kNull);
  heap_.Get<Condition>(syntax)->position = PlaceToValue(heap_, "a.lisp", 3, 5);
  EXPECT_EQ(DescribeFailure(*vm_, syntax, kFalse).Text(), "a.lisp:3:5: if: too few forms");
}

TEST_F(PrinterTest, DescribesBacktraces) {
  SourceMapBuilder map;
  map.Add(0, 3, 5);
  map.Add(7, 4, 1);
  Code* code = static_cast<Code*>(heap_.NewUnmoving(ObjectType::kCode, sizeof(Code), 0, 0));
  code->word_count = sizeof(Code) / 4;
  code->name = vm_->Intern("lookup");
  code->file = MakeString(heap_, "a.lisp");
  code->positions = map.Finish(heap_);
  const Value backtrace = heap_.MakeVector(8, kFalse);
  Value* items = heap_.Get<Vector>(backtrace)->items;
  const int words[] = {8, 2, 2, 2};
  for (int i = 0; i < 4; ++i) {
    items[2 * i] = heap_.ValueOf(code);
    items[2 * i + 1] = Value::Fixnum(words[i]);
  }
  const Value condition = vm_->MakeCondition("error", "car", "not a pair", kNull);
  EXPECT_EQ(DescribeFailure(*vm_, condition, backtrace).Text(),
            "car: not a pair\n"
            "  at lookup (a.lisp:4:1)\n"
            "  at lookup (a.lisp:3:5)\n"
            "  ... the same 2 more times");
}

TEST(SourceMapTest, Lookup) {
  auto vm = MakeTestVm();
  Heap& heap = vm->heap();
  SourceMapBuilder map;
  map.Add(2, 100, 70);
  map.Add(5, 1, 1000000);
  map.Add(5, 2, 3);
  map.Add(1000, 4000000000u, 1);
  Code code{};
  code.positions = map.Finish(heap);
  uint32_t line = 0;
  uint32_t column = 0;
  EXPECT_FALSE(LookupPosition(heap, &code, 1, &line, &column));
  ASSERT_TRUE(LookupPosition(heap, &code, 4, &line, &column));
  EXPECT_EQ(line, 100u);
  EXPECT_EQ(column, 70u);
  ASSERT_TRUE(LookupPosition(heap, &code, 999, &line, &column));
  EXPECT_EQ(line, 2u);
  EXPECT_EQ(column, 3u);
  ASSERT_TRUE(LookupPosition(heap, &code, 123456, &line, &column));
  EXPECT_EQ(line, 4000000000u);
  code.positions = kFalse;
  EXPECT_FALSE(LookupPosition(heap, &code, 4, &line, &column));
  EXPECT_TRUE(SourceMapBuilder().Finish(heap) == kFalse);
}

}  // namespace
}  // namespace islet::vm
