// Host objects, procedures made at run time, weak values and prepared isolates, as a host in C sees them.

#include <cstddef>
#include <string>
#include <thread>
#include <vector>

#include "bindings/c/host_objects_test_startup.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "islet/islet.h"

namespace {

using ::testing::HasSubstr;

struct Entity {
  double x = 0;
  int finalized = 0;
};

struct Counts {
  int finalized = 0, released = 0, moved = 0;
};

islet_status Move(islet_host_call* call) {
  ++static_cast<Counts*>(call->data)->moved;
  double by = 0;
  const islet_status status = islet_get_real(call->isolate, call->arguments[1], &by, call->error);
  if (status != ISLET_OK) return status;
  static_cast<Entity*>(call->self)->x += by;
  call->result = call->arguments[0];
  return ISLET_OK;
}

islet_status GetX(islet_host_call* call) {
  call->result = islet_real(call->isolate, static_cast<Entity*>(call->self)->x);
  return ISLET_OK;
}

islet_status Nothing(islet_host_call*) { return ISLET_OK; }

class CHostObjectsTest : public testing::Test {
 protected:
  void SetUp() override {
    snapshot_ = islet_snapshot_open_embedded(islet_snapshot_host_objects_test_startup_begin,
                                             islet_snapshot_host_objects_test_startup_end, error_);
    entity_ = NewType("entity", /*copies=*/true);
    other_ = NewType("item", /*copies=*/false);
    isolate_ = islet_isolate_new(snapshot_, Options(), error_);
    ASSERT_EQ(islet_enter(isolate_, error_), ISLET_OK) << Message();
  }
  void TearDown() override {
    if (isolate_ != nullptr) {
      EXPECT_EQ(islet_isolate_free(isolate_), ISLET_OK);
    }
    islet_options_free(options_);
    EXPECT_EQ(islet_host_type_free(entity_, error_), ISLET_OK) << Message();
    EXPECT_EQ(islet_host_type_free(other_, error_), ISLET_OK) << Message();
    islet_snapshot_free(snapshot_);
    islet_error_free(error_);
  }
  islet_host_type* NewType(const char* name, bool copies) {
    islet_host_type_info info = {};
    info.size = sizeof(info);
    info.name = name;
    info.data = &counts_;
    info.finalize = [](void* data, void* pointer) {
      ++static_cast<Counts*>(data)->finalized;
      ++static_cast<Entity*>(pointer)->finalized;
    };
    if (copies) {
      info.copy = [](void*, void* pointer) { return pointer; };
    }
    info.release = [](void* data) { ++static_cast<Counts*>(data)->released; };
    islet_host_type* const type = islet_host_type_new(&info, error_);
    EXPECT_NE(type, nullptr) << Message();
    return type;
  }
  islet_options* Options() {
    if (options_ != nullptr) return options_;
    options_ = islet_options_new();
    islet_options_add_type(options_, entity_);
    islet_options_add_type(options_, other_);
    islet_options_add_method(options_, entity_, "entity-move!", 2, 2, Move, &counts_, nullptr);
    islet_options_add_method(options_, entity_, "entity-x", 1, 1, GetX, nullptr, nullptr);
    islet_options_set_limit(options_, ISLET_HEAP_LIMIT, 32 << 20);
    return options_;
  }
  // For a test whose own variables the isolate refers to.
  void End() {
    EXPECT_EQ(islet_isolate_free(isolate_), ISLET_OK);
    isolate_ = nullptr;
  }
  std::string Eval(const std::string& text) {
    islet_value result;
    if (islet_eval(isolate_, text.data(), text.size(), "test", 0, &result, error_) != ISLET_OK) {
      return "error: " + Message();
    }
    return Print(result);
  }
  std::string Print(islet_value value) {
    const char* text = nullptr;
    return islet_print(isolate_, value, 0, &text, nullptr, error_) == ISLET_OK ? text : "error: " + Message();
  }
  // Defines the object under the name.
  islet_value Define(const char* name, Entity* entity) {
    const islet_value object = islet_host_object(isolate_, entity_, entity, 0);
    EXPECT_EQ(islet_define(isolate_, name, object, error_), ISLET_OK) << Message();
    return object;
  }
  std::string Message() const { return islet_error_message(error_); }

  islet_error* const error_ = islet_error_new();
  Counts counts_;
  islet_snapshot* snapshot_ = nullptr;
  islet_host_type *entity_ = nullptr, *other_ = nullptr;
  islet_options* options_ = nullptr;
  islet_isolate* isolate_ = nullptr;
};

TEST_F(CHostObjectsTest, MethodsGetTheirObjectsPointer) {
  Entity hero;
  const islet_value object = Define("hero", &hero);
  EXPECT_EQ(islet_type_of(isolate_, object), ISLET_TYPE_HOST_OBJECT);
  EXPECT_EQ(Eval("(entity-move! hero 2.5)"), "#<entity>");
  EXPECT_EQ(Eval("(entity-x hero)"), "2.5");
  EXPECT_EQ(Eval("(list (entity? hero) (entity? 5))"), "(#t #f)");
  EXPECT_THAT(Eval("(entity-move! 5 1)"), HasSubstr("entity-move!: argument 1 should be of the host type entity: 5"));
  EXPECT_EQ(counts_.moved, 1) << "the host is not asked";
  void* pointer = nullptr;
  EXPECT_EQ(islet_host_pointer(isolate_, object, entity_, &pointer, error_), ISLET_OK);
  EXPECT_EQ(pointer, &hero);
  EXPECT_EQ(islet_host_pointer(isolate_, object, other_, &pointer, error_), ISLET_INVALID_ARGUMENT);
  EXPECT_EQ(islet_host_pointer(isolate_, islet_null(isolate_), entity_, &pointer, error_), ISLET_INVALID_ARGUMENT);
  EXPECT_EQ(islet_host_pointer(isolate_, object, nullptr, &pointer, error_), ISLET_INVALID_ARGUMENT);
  EXPECT_EQ(islet_host_revoke(isolate_, object, error_), ISLET_OK);
  EXPECT_EQ(islet_host_revoke(isolate_, object, error_), ISLET_OK) << "stays so";
  EXPECT_EQ(islet_host_pointer(isolate_, object, entity_, &pointer, error_), ISLET_NOT_FOUND);
  EXPECT_EQ(Message(), "islet_host_pointer: the entity is gone");
  EXPECT_THAT(Eval("(entity-x hero)"), HasSubstr("the entity is gone"));
  EXPECT_EQ(hero.finalized, 0);
}

TEST_F(CHostObjectsTest, FinalizedOnceWhenCollectedOrAtTheEnd) {
  Entity dead, kept, last;
  const size_t scope = islet_scope_open(isolate_);
  (void)islet_host_object(isolate_, entity_, &dead, 1 << 20);
  EXPECT_GE(islet_stat(isolate_, ISLET_STAT_EXTERNAL_BYTES), uint64_t{1} << 20);
  islet_scope_close(isolate_, scope);
  Define("kept", &kept);
  EXPECT_EQ(islet_stat(isolate_, ISLET_STAT_HOST_OBJECTS), 2u);
  EXPECT_EQ(islet_collect(isolate_, ISLET_COLLECT_MINOR, error_), ISLET_OK);
  EXPECT_EQ(dead.finalized, 1);
  EXPECT_EQ(islet_collect(isolate_, ISLET_COLLECT_FULL, error_), ISLET_OK);
  EXPECT_EQ(dead.finalized, 1);
  EXPECT_EQ(kept.finalized, 0);
  EXPECT_EQ(islet_host_type_free(entity_, error_), ISLET_BUSY);
  EXPECT_THAT(Message(), HasSubstr("1 objects of the type entity are alive"));
  End();
  EXPECT_EQ(kept.finalized, 1);
  EXPECT_EQ(islet_host_type_free(entity_, error_), ISLET_BUSY);
  EXPECT_THAT(Message(), HasSubstr("options, isolates or pools have the type entity"));
  // A reset of a pool's isolate is an end, too.
  islet_pool* const pool = islet_pool_new(snapshot_, Options(), error_);
  islet_isolate* const isolate = islet_pool_get(pool, error_);
  ASSERT_EQ(islet_enter(isolate, error_), ISLET_OK) << Message();
  (void)islet_keep(isolate, islet_host_object(isolate, entity_, &last, 0));
  EXPECT_EQ(islet_isolate_free(isolate), ISLET_OK);
  EXPECT_EQ(last.finalized, 1);
  islet_pool_free(pool);
}

TEST_F(CHostObjectsTest, WhatStandsForMuchIsCollectedInTime) {
  // Each stands for a quarter of the heap limit: they would not fit all at once.
  std::vector<Entity> entities(100);
  for (Entity& entity : entities) {
    const size_t scope = islet_scope_open(isolate_);
    const islet_value object = islet_host_object(isolate_, entity_, &entity, 8 << 20);
    ASSERT_EQ(islet_type_of(isolate_, object), ISLET_TYPE_HOST_OBJECT) << Print(object);
    islet_scope_close(isolate_, scope);
  }
  EXPECT_GT(counts_.finalized, 90);
  const islet_value object = islet_host_object(isolate_, entity_, &entities[0], SIZE_MAX);
  EXPECT_EQ(Print(object), "error: islet_host_object: the heap limit leaves no room for it");
  End();
}

TEST_F(CHostObjectsTest, ForksCopyObjectsOrAreRefused) {
  Entity hero, item;
  Define("hero", &hero);
  islet_isolate* const child = islet_isolate_fork(isolate_, error_);
  ASSERT_EQ(islet_enter(child, error_), ISLET_OK) << Message();
  EXPECT_EQ(islet_eval(child, "(entity-move! hero 1)", ISLET_Z, "test", 0, nullptr, error_), ISLET_OK) << Message();
  EXPECT_EQ(islet_isolate_free(child), ISLET_OK);
  EXPECT_EQ(hero.finalized, 1);
  EXPECT_EQ(hero.x, 1);
  const islet_value object = islet_host_object(isolate_, other_, &item, 0);
  EXPECT_EQ(islet_isolate_fork(isolate_, error_), nullptr);
  EXPECT_EQ(islet_error_status(error_), ISLET_BUSY);
  EXPECT_THAT(Message(), HasSubstr("#<item>"));
  EXPECT_EQ(islet_host_revoke(isolate_, object, error_), ISLET_OK);
  End();
}

TEST_F(CHostObjectsTest, AFinalizerCannotUseItsIsolate) {
  static islet_isolate* isolate;
  static islet_status entered, freed;
  isolate = isolate_;
  islet_host_type_info info = {};
  info.size = sizeof(info);
  info.name = "bad";
  info.finalize = [](void*, void*) {
    entered = islet_eval(isolate, "1", 1, nullptr, 0, nullptr, nullptr);
    freed = islet_isolate_free(isolate);
  };
  islet_host_type* const type = islet_host_type_new(&info, error_);
  const size_t scope = islet_scope_open(isolate_);
  (void)islet_host_object(isolate_, type, nullptr, 0);
  islet_scope_close(isolate_, scope);
  EXPECT_EQ(islet_collect(isolate_, ISLET_COLLECT_FULL, error_), ISLET_OK);
  EXPECT_EQ(entered, ISLET_BUSY);
  EXPECT_EQ(freed, ISLET_BUSY);
  EXPECT_EQ(Eval("(+ 1 2)"), "3");
  End();
  EXPECT_EQ(islet_host_type_free(type, error_), ISLET_OK) << Message();
}

TEST_F(CHostObjectsTest, WrongTypesAreRefused) {
  islet_host_type_info info = {};
  EXPECT_EQ(islet_host_type_new(nullptr, error_), nullptr);
  EXPECT_EQ(Message(), "islet_host_type_new: info is NULL");
  EXPECT_EQ(islet_host_type_new(&info, error_), nullptr);
  EXPECT_THAT(Message(), HasSubstr("info->size is 0"));
  info.size = sizeof(info);
  EXPECT_EQ(islet_host_type_new(&info, error_), nullptr);
  EXPECT_EQ(Message(), "islet_host_type_new: info->name is NULL");
  info.name = "";
  EXPECT_EQ(islet_host_type_new(&info, error_), nullptr);
  EXPECT_EQ(islet_error_status(error_), ISLET_INVALID_ARGUMENT);
  EXPECT_EQ(Print(islet_host_object(isolate_, nullptr, nullptr, 0)), "error: islet_host_object: the type is NULL");
  EXPECT_EQ(islet_host_type_free(nullptr, error_), ISLET_OK);
}

TEST_F(CHostObjectsTest, ProceduresAreMadeAtRunTimeAndCollected) {
  int calls[2] = {0, 0};  // of the function, of the release
  const auto count = [](islet_host_call* call) -> islet_status {
    call->result = islet_integer(call->isolate, ++*static_cast<int*>(call->data));
    return ISLET_OK;
  };
  const auto release = [](void* data) { ++static_cast<int*>(data)[1]; };
  const size_t scope = islet_scope_open(isolate_);
  const islet_value procedure = islet_procedure(isolate_, "count-up", 0, 1, count, calls, release);
  ASSERT_EQ(islet_define(isolate_, "count-up", procedure, error_), ISLET_OK) << Message();
  islet_scope_close(isolate_, scope);
  EXPECT_EQ(Eval("(begin (count-up) (count-up 1))"), "2");
  EXPECT_THAT(Eval("(count-up 1 2)"), HasSubstr("count-up"));
  EXPECT_EQ(islet_collect(isolate_, ISLET_COLLECT_FULL, error_), ISLET_OK);
  EXPECT_EQ(calls[1], 0);
  EXPECT_EQ(islet_define(isolate_, "count-up", islet_null(isolate_), error_), ISLET_OK);
  EXPECT_EQ(islet_collect(isolate_, ISLET_COLLECT_FULL, error_), ISLET_OK);
  EXPECT_EQ(calls[1], 1);
  EXPECT_THAT(Print(islet_procedure(isolate_, "wrong", 2, 1, count, calls, release)),
              HasSubstr("islet_procedure: the function is NULL"));
  EXPECT_EQ(calls[1], 2) << "also of what is refused";
  (void)islet_procedure(isolate_, "wrong", 0, 0, nullptr, calls, release);
  EXPECT_EQ(calls[1], 3);
  (void)islet_procedure(nullptr, "wrong", 0, 0, count, calls, release);
  EXPECT_EQ(calls[1], 4);
  End();
}

TEST_F(CHostObjectsTest, GlobalsAreDefinedWithoutText) {
  EXPECT_EQ(islet_define(isolate_, "new name", islet_integer(isolate_, INT64_MAX), error_), ISLET_OK) << Message();
  EXPECT_EQ(Eval("|new name|"), "9223372036854775807");
  EXPECT_EQ(islet_define(isolate_, "if", islet_null(isolate_), error_), ISLET_BUSY);
  EXPECT_EQ(islet_define(isolate_, "car", islet_null(isolate_), error_), ISLET_BUSY);
  EXPECT_THAT(Message(), HasSubstr("car is imported from a library"));
  EXPECT_EQ(islet_define(isolate_, "", islet_null(isolate_), error_), ISLET_INVALID_ARGUMENT);
  EXPECT_EQ(islet_define(isolate_, nullptr, islet_null(isolate_), error_), ISLET_INVALID_ARGUMENT);
  EXPECT_EQ(islet_define(isolate_, "x", islet_value{0, 0}, error_), ISLET_INVALID_ARGUMENT);
  EXPECT_EQ(Message(), "islet_define: the value is no value (all of its bytes are zero)");
}

TEST_F(CHostObjectsTest, WeakValuesEndWithTheirDatum) {
  Entity hero;
  const size_t scope = islet_scope_open(isolate_);
  const islet_value object = islet_host_object(isolate_, entity_, &hero, 0);
  const islet_value weak = islet_keep_weak(isolate_, object), also = islet_keep_weak(isolate_, weak);
  EXPECT_EQ(islet_same(isolate_, weak, object, ISLET_EQ), 1);
  EXPECT_EQ(islet_collect(isolate_, ISLET_COLLECT_FULL, error_), ISLET_OK);
  EXPECT_EQ(islet_same(isolate_, weak, object, ISLET_EQ), 1);
  islet_release_value(isolate_, also);
  (void)islet_keep_weak(isolate_, object);  // which ends what was released
  EXPECT_EQ(islet_type_of(isolate_, also), ISLET_TYPE_NONE);
  EXPECT_EQ(islet_type_of(isolate_, weak), ISLET_TYPE_HOST_OBJECT);
  islet_scope_close(isolate_, scope);
  EXPECT_EQ(islet_collect(isolate_, ISLET_COLLECT_FULL, error_), ISLET_OK);
  EXPECT_EQ(hero.finalized, 1);
  void* pointer = nullptr;
  EXPECT_EQ(islet_host_pointer(isolate_, weak, entity_, &pointer, error_), ISLET_STALE);
  const islet_value car = islet_keep_weak(isolate_, islet_procedure(isolate_, "p", 0, 0, Nothing, nullptr, nullptr));
  EXPECT_EQ(islet_type_of(isolate_, car), ISLET_TYPE_PROCEDURE);
  EXPECT_EQ(Print(islet_keep_weak(isolate_, islet_integer(isolate_, 7))), "7");
  End();
}

TEST_F(CHostObjectsTest, PoolsPrepareIsolatesAtEachHandOut) {
  struct Prepared {
    int count = 0;
    int fails = 0;
    islet_status freed = ISLET_OK;
  } prepared;
  islet_options* const options = Options();
  islet_options_set_verify_resets(options, 1);
  islet_options_set_prepare(
      options,
      [](islet_isolate* isolate, void* data, islet_error* error) -> islet_status {
        Prepared& p = *static_cast<Prepared*>(data);
        p.freed = islet_isolate_free(isolate);
        islet_set_data(isolate, data);
        if (p.fails > 0 && p.fails-- == 1) {
          return islet_error_set(error, ISLET_HOST_STATUS + 7, nullptr, "no more requests");
        }
        return islet_define(isolate, "request", islet_integer(isolate, ++p.count), error);
      },
      &prepared, nullptr);
  islet_pool* const pool = islet_pool_new(snapshot_, options, error_);
  ASSERT_NE(pool, nullptr) << Message();
  const int before = prepared.count;
  for (int i = 1; i <= 3; ++i) {
    islet_isolate* const isolate = islet_pool_get(pool, error_);
    ASSERT_EQ(islet_enter(isolate, error_), ISLET_OK) << Message();
    islet_value request;
    int64_t n = 0;
    ASSERT_EQ(islet_lookup(isolate, "request", &request, error_), ISLET_OK) << Message();
    EXPECT_EQ(islet_get_integer(isolate, request, &n, error_), ISLET_OK);
    EXPECT_EQ(n, before + i);
    EXPECT_EQ(islet_data(isolate), &prepared);
    EXPECT_EQ(islet_isolate_free(isolate), ISLET_OK);
  }
  EXPECT_EQ(prepared.freed, ISLET_BUSY);
  prepared.fails = 1;
  EXPECT_EQ(islet_pool_get(pool, error_), nullptr);
  EXPECT_EQ(islet_error_status(error_), ISLET_HOST_STATUS + 7);
  EXPECT_THAT(Message(), HasSubstr("no more requests"));
  EXPECT_EQ(islet_pool_reset_status(pool, error_), ISLET_OK) << Message();
  islet_pool_free(pool);
}

}  // namespace
