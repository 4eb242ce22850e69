// Literals, by size: what they cost, how deep they nest, how many there may be.

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "islet/isolate.h"

ISLET_EMBEDDED_SNAPSHOT(standard);

namespace islet {
namespace {

std::unique_ptr<Isolate> Make(size_t heap_bytes = size_t{512} << 20) {
  IsolateOptions options;
  options.limits.heap_bytes = heap_bytes;
  return Isolate::FromSnapshot(*Snapshot::FromEmbedded(standard), options).value();
}

std::string Printed(const absl::StatusOr<Value>& value) {
  return value.ok() ? value->Print() : value.status().ToString();
}

Value Nested(int depth, Value (*wrap)(Value)) {
  Value value = Integer(7);
  for (int i = 0; i < depth; ++i) value = wrap(std::move(value));
  return value;
}

TEST(LiteralTest, NestAsDeeplyAsTheyLike) {
  Value (*const wraps[])(Value) = {
      [](Value v) { return List({std::move(v)}); },
      [](Value v) { return Vector({Integer(1), std::move(v)}); },
      [](Value v) { return HashTable({{Integer(1), std::move(v)}}); },
  };
  const char* const inner[] = {
      "(lambda (x) (let loop ((x x) (n 0)) (if (pair? x) (loop (car x) (+ n 1)) (list n x))))",
      "(lambda (x) (let loop ((x x) (n 0)) (if (vector? x) (loop (vector-ref x 1) (+ n 1)) (list n "
      "x))))",
      "(lambda (x) (let loop ((x x) (n 0)) (if (hash-table? x) (loop (hash-table-ref x 1) (+ n 1)) "
      "(list n x))))",
  };
  auto isolate = Make();
  Isolate::Scope scope(*isolate);
  for (int i = 0; i < 3; ++i) {
    constexpr int kDepth = 200000;
    const Value deep = Nested(kDepth, wraps[i]);
    const Value copy = deep;
    EXPECT_EQ(Printed(isolate->Call(isolate->Eval(inner[i]).value(), {deep})), absl::StrCat("(", kDepth, " 7)"));
    EXPECT_FALSE(copy.Print().empty());
    EXPECT_FALSE(copy.ToInt64().ok());
  }
}

TEST(LiteralTest, SharedPartsAreFreedOnceAndCountedAsOftenAsTheyAreMade) {
  Value shared = String("x");
  for (int i = 0; i < 100; ++i) shared = List({shared, shared});
  auto isolate = Make();
  Isolate::Scope scope(*isolate);
  const absl::Status status = isolate->Call("list", {shared}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << status;
  EXPECT_TRUE(absl::StrContains(status.message(), "the arguments need more than")) << status;
  EXPECT_EQ(Printed(isolate->Call("equal?", {List({Null(), Null()}), List({Null(), Null()})})), "#t");
}

TEST(LiteralTest, MovedFromIsUnspecified) {
  Value text = String("text");
  const Value taken = std::move(text);
  EXPECT_EQ(text.type(), Type::kUnspecified);  // NOLINT(bugprone-use-after-move)
  EXPECT_FALSE(text.ToString().ok());
  EXPECT_EQ(taken.ToString().value(), "text");
  text = taken;
  const Value& self = text;
  text = self;
  EXPECT_EQ(text.ToString().value(), "text");
}

TEST(LiteralTest, TextAndBytesNeedWhatTheyTake) {
  constexpr size_t kBytes = size_t{8} << 20;
  auto isolate = Make(kBytes + (size_t{2} << 20));
  Isolate::Scope scope(*isolate);
  const std::string ascii(kBytes, 'x');
  EXPECT_EQ(Printed(isolate->Call("string-length", {String(ascii)})), absl::StrCat(kBytes));
  EXPECT_EQ(Printed(isolate->Call("bytevector-length", {Bytevector(std::vector<uint8_t>(kBytes))})),
            absl::StrCat(kBytes));
  std::string latin;
  for (size_t i = 0; i < kBytes; ++i) latin += "\xc3\xa9";
  EXPECT_EQ(Printed(isolate->Call("string-length", {String(latin)})), absl::StrCat(kBytes));
  std::string wide;
  for (size_t i = 0; i < kBytes / 4; ++i) wide += "\xe2\x82\xac";
  EXPECT_EQ(Printed(isolate->Call("string-length", {String(wide)})), absl::StrCat(kBytes / 4));
  // And are refused if they take more.
  for (const Value& large : {String(ascii + ascii), String(wide + wide)}) {
    const absl::Status status = isolate->Call("string-length", {large}).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
    EXPECT_TRUE(absl::StrContains(status.message(), "the arguments need")) << status;
  }
  EXPECT_EQ(Printed(isolate->Eval("(+ 1 2)")), "3");
}

TEST(LiteralTest, ALargeText) {
  auto isolate = Make();
  Isolate::Scope scope(*isolate);
  const std::string text(size_t{130} << 20, 'x');
  EXPECT_EQ(Printed(isolate->Call("string-length", {String(text)})), absl::StrCat(text.size()));
}

TEST(LiteralTest, ManyItems) {
  auto isolate = Make();
  constexpr int kCount = 1000000;
  std::vector<Value> items;
  for (int i = 0; i < kCount; ++i) items.push_back(Integer(i));
  for (const Value& all : {List(items), Vector(items)}) {
    Isolate::Scope scope(*isolate);
    absl::StatusOr<Value> back = isolate->Call("values", {all});
    ASSERT_TRUE(back.ok()) << back.status();
    const auto same = back->ToVector();
    ASSERT_TRUE(same.ok()) << same.status();
    ASSERT_EQ(same->size(), items.size());
    EXPECT_EQ(same->back().ToInt64().value(), kCount - 1);
  }
  Isolate::Scope scope(*isolate);
  std::vector<std::pair<Value, Value>> entries;
  for (int i = 0; i < kCount / 10; ++i) entries.emplace_back(Symbol(absl::StrCat("key-", i)), items[i]);
  EXPECT_EQ(Printed(isolate->Call("hash-table-size", {HashTable(std::move(entries))})), absl::StrCat(kCount / 10));
}

TEST(LiteralTest, ManyArguments) {
  auto isolate = Make();
  Isolate::Scope scope(*isolate);
  ASSERT_TRUE(isolate->Eval("(define (count . all) (length all)) (define (second a b . rest) b)").ok());
  std::vector<Value> arguments;
  for (int i = 0; i < 60000; ++i) arguments.push_back(Integer(i));
  for (size_t count : {size_t{4000}, size_t{4001}, size_t{10001}, size_t{20000}, size_t{59000}}) {
    const absl::Span<const Value> some(arguments.data(), count);
    EXPECT_EQ(Printed(isolate->Call("count", some)), absl::StrCat(count));
    EXPECT_EQ(Printed(isolate->Call("second", some)), "1");
    EXPECT_EQ(Printed(isolate->Call("+", some)), absl::StrCat(count * (count - 1) / 2));
  }
  for (int i = 0; i < 20000; ++i) arguments.push_back(Integer(i));
  const absl::Status status = isolate->Call("count", arguments).status();
  EXPECT_TRUE(absl::StrContains(status.message(), "takes up to 60000")) << status;
  EXPECT_TRUE(isolate->Call("max", arguments).ok());
  EXPECT_TRUE(absl::StrContains(isolate->Call("not", arguments).status().message(), "takes 1"));
}

}  // namespace
}  // namespace islet
