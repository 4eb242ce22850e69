// The C++17 interface over C: what it adds to the C functions, which have tests of their own.

#include <cstdint>
#include <limits>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "bindings/c/host_objects_test_startup.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "islet/islet.hpp"

namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

struct Entity {
  explicit Entity(int* n) : alive(n) { ++*alive; }
  ~Entity() { --*alive; }
  int* alive;
  double x = 0;
};

class IsletHppTest : public testing::Test {
 protected:
  IsletHppTest() {
    options_.AddType(entity_).AddType(item_);
    options_.AddMethod(entity_, "entity-move!", 2, 2, [](Entity& self, islet::HostCall& call) {
      self.x += call.Real(call[1]);
      return call[0];
    });
    options_.AddMethod(entity_, "entity-x", 1, 1, [](Entity& self, islet::HostCall&) { return self.x; });
  }
  // What the failure of `f` says; "" if it does not fail.
  template <typename F>
  static std::string What(F&& f) {
    try {
      f();
    } catch (const islet::Error& e) {
      return e.message();
    }
    return "";
  }

  int alive_ = 0;
  const islet::Snapshot snapshot_ = islet::Snapshot::Embedded(islet_snapshot_host_objects_test_startup_begin,
                                                              islet_snapshot_host_objects_test_startup_end);
  const islet::HostType<Entity> entity_{"entity", [](Entity* e) { delete e; }};
  const islet::HostType<int> item_{"item"};
  islet::Options options_;
};

TEST_F(IsletHppTest, ArgumentsAreConverted) {
  const islet::Isolate isolate(snapshot_, options_);
  const islet::Scope scope(isolate);
  const islet::Value list = isolate.Eval("list");
  const islet::Value all = isolate.Call(list, 1, -2L, std::numeric_limits<std::uint64_t>::max(), 0.5F, true, U'x',
                                        "text", std::string("more"), islet::Symbol{"sym"}, nullptr,
                                        std::vector<int>{1, 2}, isolate.Vector(std::vector<double>{2.5}));
  EXPECT_EQ(isolate.Print(all), "(1 -2 18446744073709551615 0.5 #t #\\x \"text\" \"more\" sym () (1 2) #(2.5))");
  std::vector<std::string> printed;
  for (const islet::Value item : isolate.Items(all)) printed.emplace_back(isolate.Print(item));
  EXPECT_EQ(printed.size(), 12u);
  EXPECT_EQ(isolate.Integer(isolate.Ref(all, 1)), -2);
  EXPECT_EQ(isolate.Text(isolate.Ref(all, 6)), "text");
  EXPECT_EQ(isolate.Bytes(isolate.Bytevector("\1\2", 2)), std::string("\1\2"));
  std::vector<int> many(1000, 7);
  EXPECT_EQ(isolate.Items(isolate.Make(many)).size(), 1000u);
  isolate.Define("answer", 42);
  EXPECT_EQ(isolate.Integer(isolate.Eval("(+ answer 1)")), 43);
  const islet::Value table = isolate.Eval("(make-hash-table)");
  isolate.Set(table, "key", 7);
  EXPECT_EQ(isolate.Integer(isolate.Ref(table, "key")), 7);
}

TEST_F(IsletHppTest, FailuresAreThrownOrResults) {
  const islet::Isolate isolate(snapshot_, options_);
  EXPECT_THAT(What([&] { isolate.Eval("1"); }), HasSubstr("has not entered"));
  const islet::Scope scope(isolate);
  EXPECT_EQ(What([&] { isolate.Eval("(car 5)"); }), "car: argument 1 should be a pair: 5");
  EXPECT_THAT(What([&] { islet::Snapshot::File("/no/such/file"); }), HasSubstr("/no/such/file"));
  EXPECT_THAT(What([&] { islet::Isolate without(snapshot_); }), HasSubstr("entity-move!"));
  EXPECT_EQ(What([&] { isolate.Integer(isolate.Make("x")); }),
            "islet_get_integer: expected an exact integer, got a string");
  EXPECT_THAT(What([&] { isolate.SetLimit(ISLET_BUSY, 1); }), HasSubstr("failed"));
  const islet::Result<islet::Value> result = isolate.TryCall("vector-ref", isolate.Eval("(vector 1 2)"), 7);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().status(), ISLET_EXCEPTION);
  const islet::Error copy = result.error();
  EXPECT_FALSE(isolate.TryEval("(raise 'later)"));
  EXPECT_STREQ(copy.message(), result.error().message()) << "a failure is not changed by later ones";
  EXPECT_THAT(copy.frames(), testing::SizeIs(testing::Ge(0u)));
  EXPECT_EQ(isolate.Integer(*isolate.TryEval("(+ 1 2)")), 3);
}

TEST_F(IsletHppTest, WhatHostFunctionsThrowGoesThroughScripts) {
  const islet::Isolate isolate(snapshot_, options_);
  const islet::Scope scope(isolate);
  isolate.Define("own", isolate.Procedure("own", 0, 0, [](islet::HostCall&) {
    throw islet::Error(ISLET_HOST_STATUS + 404, "http", "no such page");
  }));
  isolate.Define("standard",
                 isolate.Procedure("standard", 0, 0, [](islet::HostCall&) { throw std::runtime_error("broken"); }));
  isolate.Define("other", isolate.Procedure("other", 0, 0, [](islet::HostCall&) -> int { throw 7; }));
  isolate.Define("nested", isolate.Procedure("nested", 1, 1, [](islet::HostCall& call) { return call.Call(call[0]); }));
  try {
    isolate.Eval("(nested (lambda () (own)))");
    FAIL();
  } catch (const islet::Error& e) {
    EXPECT_EQ(e.status(), ISLET_HOST_STATUS + 404);
    EXPECT_STREQ(e.kind(), "http");
    EXPECT_THAT(e.what(), HasSubstr("no such page"));
  }
  EXPECT_THAT(What([&] { isolate.Eval("(standard)"); }), HasSubstr("broken"));
  EXPECT_THAT(What([&] { isolate.Eval("(other)"); }), HasSubstr("no std::exception"));
  EXPECT_EQ(
      isolate.Text(isolate.Eval("(guard (e ((symbol? e) (symbol->string e))) (nested (lambda () (raise 'thrown))))")),
      "thrown");
  isolate.SetLimit(ISLET_FUEL_LIMIT, 100000);
  const auto ended = isolate.TryEval("(guard (e (#t 'caught)) (nested (lambda () (let loop () (loop)))))");
  ASSERT_FALSE(ended);
  EXPECT_EQ(ended.error().status(), ISLET_FUEL_LIMIT);
}

TEST_F(IsletHppTest, ObjectsMethodsAndWhatEndsThem) {
  {
    const islet::Isolate isolate(snapshot_, options_);
    const islet::Scope scope(isolate);
    const islet::Value hero = isolate.Object(entity_, new Entity(&alive_));
    isolate.Define("hero", hero);
    EXPECT_EQ(isolate.Real(isolate.Eval("(begin (entity-move! hero 2) (entity-x hero))")), 2);
    EXPECT_EQ(isolate.Get(entity_, hero).x, 2);
    EXPECT_THAT(What([&] { isolate.Get(item_, hero); }), HasSubstr("item"));
    const islet::Value gone = isolate.Object(entity_, new Entity(&alive_));
    const std::unique_ptr<Entity> mine(&isolate.Get(entity_, gone));
    isolate.Revoke(gone);
    EXPECT_THAT(What([&] { isolate.Get(entity_, gone); }), HasSubstr("gone"));
    EXPECT_EQ(alive_, 2);
  }
  EXPECT_EQ(alive_, 0);
}

TEST_F(IsletHppTest, KeptValuesPoolsAndForks) {
  const islet::Pool pool(snapshot_, options_);
  const islet::Value moved = snapshot_.Lookup("entity-x");
  for (int i = 0; i < 3; ++i) {
    islet::Isolate isolate = pool.Get();
    islet::Kept kept;
    {
      const islet::Scope scope(isolate);
      kept = islet::Kept(isolate, isolate.Make("kept"));
      {
        const islet::ValueScope inner(isolate);
        (void)isolate.Make("dropped");
      }
      EXPECT_EQ(isolate.Type(moved), ISLET_TYPE_PROCEDURE);
      EXPECT_EQ(isolate.TryEval("left-behind").error().status(), ISLET_EXCEPTION);
      isolate.Define("left-behind", 1);
    }
    const islet::Scope again(isolate);
    EXPECT_EQ(isolate.Text(kept.value()), "kept");
    islet::Isolate child = isolate.Fork();
    const islet::Scope in_child(child);
    EXPECT_EQ(child.Integer(child.Lookup("left-behind")), 1);
    std::thread([other = std::move(kept)] {}).join();
    EXPECT_THAT(What([&] { isolate.Eval("(car '())"); }), HasSubstr("car"));
  }
}

}  // namespace
