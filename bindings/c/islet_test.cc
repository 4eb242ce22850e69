// The C interface as a host sees it; each call's failure is a status with a message, never an exit.

#include "bindings/c/islet.h"

#include <cstring>
#include <string>
#include <thread>

#include "gtest/gtest.h"
#include "sdk/isolate_test_startup.h"

namespace {

islet_status Log(islet_isolate*, void* user_data, const islet_value*, size_t, islet_value*, islet_error*) {
  ++*static_cast<int*>(user_data);
  return ISLET_OK;
}

islet_status Add(islet_isolate* isolate, void*, const islet_value* arguments, size_t count, islet_value* result,
                 islet_error* error) {
  int64_t sum = 0;
  for (size_t i = 0; i < count; ++i) {
    int64_t n = 0;
    const islet_status status = islet_get_integer(isolate, arguments[i], &n, error);
    if (status != ISLET_OK) return status;
    sum += n;
  }
  *result = islet_integer(isolate, sum);
  return ISLET_OK;
}

islet_status CallBack(islet_isolate* isolate, void*, const islet_value* arguments, size_t, islet_value* result,
                      islet_error* error) {
  return islet_call_value(isolate, arguments[0], nullptr, 0, result, error);
}

class CInterfaceTest : public testing::Test {
 protected:
  void SetUp() override {
    snapshot_ = islet_snapshot_open_embedded(islet_snapshot_isolate_test_startup_begin,
                                             islet_snapshot_isolate_test_startup_end, &error_);
    ASSERT_NE(snapshot_, nullptr) << error_.message;
    const islet_host_binding hosts[] = {
        {"log", 1, 1, Log, &logged_}, {"add", 2, -1, Add, nullptr}, {"call-back", 1, 1, CallBack, nullptr}};
    islet_isolate_options options = {};
    options.size = sizeof(options);
    options.host_functions = hosts;
    options.host_function_count = 3;
    options.heap_limit = 16 << 20;
    isolate_ = islet_isolate_new(snapshot_, &options, &error_);
    ASSERT_NE(isolate_, nullptr) << error_.message;
    ASSERT_EQ(islet_enter(isolate_, &error_), ISLET_OK);
  }
  void TearDown() override {
    islet_leave(isolate_);
    islet_isolate_free(isolate_);
    islet_snapshot_free(snapshot_);
  }
  std::string Eval(const std::string& text) {
    islet_value result;
    if (islet_eval(isolate_, text.data(), text.size(), "test", &result, &error_) != ISLET_OK) {
      return std::string("error: ") + error_.message;
    }
    return Print(result);
  }
  std::string Print(islet_value value) {
    size_t length = 0;
    EXPECT_EQ(islet_print(isolate_, value, nullptr, 0, &length, &error_), ISLET_OK);
    std::string text(length + 1, '?');
    EXPECT_EQ(islet_print(isolate_, value, text.data(), text.size(), &length, &error_), ISLET_OK);
    EXPECT_EQ(text.back(), '\0');
    text.pop_back();
    return text;
  }
  islet_snapshot* snapshot_ = nullptr;
  islet_isolate* isolate_ = nullptr;
  islet_error error_ = {};
  int logged_ = 0;
};

TEST_F(CInterfaceTest, ValuesGoInAndComeOut) {
  const islet_value items[] = {islet_integer(isolate_, 1), islet_string(isolate_, "two", 3),
                               islet_real(isolate_, 0.5), islet_boolean(isolate_, 1),
                               islet_character(isolate_, 'x'), islet_symbol(isolate_, "s", 1),
                               islet_big_integer(isolate_, "100000000000000000000", 21)};
  const islet_value list = islet_list(isolate_, items, 7);
  EXPECT_EQ(Print(list), "(1 \"two\" 0.5 #t #\\x s 100000000000000000000)");
  islet_value result, out[7];
  ASSERT_EQ(islet_call(isolate_, "identity", &list, 1, &result, &error_), ISLET_OK) << error_.message;
  size_t count = 0;
  ASSERT_EQ(islet_get_items(isolate_, result, out, 7, &count, &error_), ISLET_OK);
  ASSERT_EQ(count, 7u);
  double real = 0;
  EXPECT_EQ(islet_get_real(isolate_, out[2], &real, &error_), ISLET_OK);
  EXPECT_EQ(real, 0.5);
  int64_t integer = 0;
  EXPECT_EQ(islet_get_integer(isolate_, out[6], &integer, &error_), ISLET_OUT_OF_RANGE);
  char text[64];
  EXPECT_EQ(islet_get_decimal(isolate_, out[6], text, sizeof(text), nullptr, &error_), ISLET_OK);
  EXPECT_STREQ(text, "100000000000000000000");
  EXPECT_EQ(islet_get_integer(isolate_, out[1], &integer, &error_), ISLET_INVALID_ARGUMENT);
  EXPECT_STREQ(error_.message, "expected an exact integer, got a string");
  const islet_value table = islet_hash_table(isolate_, items, 1);
  EXPECT_EQ(islet_type_of(isolate_, table), ISLET_TYPE_HASH_TABLE);
  EXPECT_EQ(islet_get_items(isolate_, table, out, 2, &count, &error_), ISLET_OK);
  EXPECT_EQ(count, 2u);
  size_t length = 0;
  uint8_t bytes[2] = {9, 8}, copy[2];
  EXPECT_EQ(islet_get_bytes(isolate_, islet_bytevector(isolate_, bytes, 2), copy, 2, &length, &error_), ISLET_OK);
  EXPECT_EQ(std::memcmp(bytes, copy, 2), 0);
}

TEST_F(CInterfaceTest, HostFunctionsAndNestedErrors) {
  EXPECT_EQ(Eval("(use-hosts 2 3)"), "6");
  EXPECT_EQ(logged_, 1);
  EXPECT_NE(Eval("(use-hosts 2 'x)").find("add: expected an exact integer, got a symbol"), std::string::npos);
  EXPECT_EQ(Eval("(catch-host (lambda () (error \"inner\")))"), "(caught \"inner\")");
  EXPECT_EQ(Eval("(escape-through-host)"), "escaped");
}

TEST_F(CInterfaceTest, ErrorsHaveCodesAndPositions) {
  EXPECT_EQ(Eval("(car\n 5").substr(0, 14), "error: test:1:");
  EXPECT_EQ(error_.status, ISLET_INVALID_ARGUMENT);
  EXPECT_NE(Eval("(fail-deeply 2)").find("isolate_test.lisp:"), std::string::npos);
  EXPECT_EQ(error_.status, ISLET_EXCEPTION);
  Eval("(allocate-forever)");
  EXPECT_EQ(error_.status, ISLET_RESOURCE_EXHAUSTED);
  EXPECT_EQ(islet_call(isolate_, "no-such", nullptr, 0, nullptr, nullptr), ISLET_NOT_FOUND);
  EXPECT_EQ(Eval("(+ 1 2)"), "3");
  islet_interrupt(isolate_);
  Eval("(loop-forever)");
  EXPECT_EQ(error_.status, ISLET_CANCELLED);
  Eval("(exit 42)");
  EXPECT_EQ(error_.status, ISLET_EXITED);
  EXPECT_EQ(error_.exit_status, 42);
  EXPECT_EQ(Eval("(+ 1 2)"), "3");
}

TEST_F(CInterfaceTest, StaleHandlesAndForeignThreads) {
  islet_value inner;
  ASSERT_EQ(islet_enter(isolate_, &error_), ISLET_OK);
  inner = islet_integer(isolate_, 7);
  islet_leave(isolate_);
  int64_t n = 0;
  EXPECT_EQ(islet_get_integer(isolate_, inner, &n, &error_), ISLET_NOT_ENTERED);
  std::thread([this] {
    islet_error error;
    EXPECT_EQ(islet_enter(isolate_, &error), ISLET_NOT_ENTERED);
    EXPECT_EQ(islet_call(isolate_, "count!", nullptr, 0, nullptr, &error), ISLET_NOT_ENTERED);
  }).join();
}

TEST_F(CInterfaceTest, PoolsHandOutIsolatesInTheSnapshotsState) {
  const islet_host_binding hosts[] = {
      {"log", 1, 1, Log, &logged_}, {"add", 2, -1, Add, nullptr}, {"call-back", 1, 1, CallBack, nullptr}};
  islet_isolate_options isolate_options = {};
  isolate_options.size = sizeof(isolate_options);
  isolate_options.host_functions = hosts;
  isolate_options.host_function_count = 3;
  islet_pool_options options = {};
  options.size = sizeof(options);
  options.max_idle_per_thread = 2;
  options.verify_resets = 1;
  EXPECT_EQ(islet_pool_new(snapshot_, nullptr, nullptr, &error_), nullptr);
  EXPECT_EQ(error_.status, ISLET_MISMATCH);
  islet_pool* pool = islet_pool_new(snapshot_, &isolate_options, &options, &error_);
  ASSERT_NE(pool, nullptr) << error_.message;
  islet_value count;
  ASSERT_EQ(islet_pool_procedure(pool, "count!", &count, &error_), ISLET_OK) << error_.message;
  islet_value other;
  EXPECT_EQ(islet_pool_procedure(pool, "counter", &other, &error_), ISLET_INVALID_ARGUMENT);
  EXPECT_EQ(islet_pool_procedure(pool, "nowhere", &other, &error_), ISLET_NOT_FOUND);

  islet_isolate* first = nullptr;
  islet_value left_behind = {};
  for (int i = 0; i < 3; ++i) {
    islet_isolate* isolate = islet_pool_get(pool, &error_);
    ASSERT_NE(isolate, nullptr) << error_.message;
    if (first == nullptr) first = isolate;
    EXPECT_EQ(isolate, first);
    ASSERT_EQ(islet_enter(isolate, &error_), ISLET_OK);
    islet_value result;
    int64_t n = 0;
    EXPECT_EQ(islet_get_integer(isolate, left_behind, &n, &error_), ISLET_NOT_ENTERED) << "of the earlier tenant";
    for (int expected = 1; expected <= 2; ++expected) {
      ASSERT_EQ(islet_call_value(isolate, count, nullptr, 0, &result, &error_), ISLET_OK) << error_.message;
      ASSERT_EQ(islet_get_integer(isolate, result, &n, &error_), ISLET_OK);
      EXPECT_EQ(n, expected);
    }
    EXPECT_EQ(islet_type_of(isolate, count), ISLET_TYPE_PROCEDURE);
    const islet_value arguments[2] = {islet_integer(isolate, 40), islet_integer(isolate, 1)};
    ASSERT_EQ(islet_call(isolate, "use-hosts", arguments, 2, &left_behind, &error_), ISLET_OK) << error_.message;
    islet_isolate_free(isolate);  // leaves, too
  }
  EXPECT_EQ(logged_, 3);
  islet_isolate* several[4];
  for (islet_isolate*& isolate : several) isolate = islet_pool_get(pool, &error_);
  for (islet_isolate* isolate : several) islet_isolate_free(isolate);
  islet_pool_statistics statistics;
  islet_pool_stats(pool, &statistics);
  EXPECT_EQ(statistics.idle, 2u);
  EXPECT_EQ(statistics.created, 4u);
  EXPECT_EQ(islet_pool_trim(pool, 1), 1u);
  EXPECT_EQ(islet_pool_reset_status(pool, &error_), ISLET_OK);
  // It outlives the pool, and works in isolates that are not of it.
  islet_isolate* last = islet_pool_get(pool, &error_);
  islet_pool_free(pool);
  EXPECT_EQ(islet_enter(last, &error_), ISLET_OK);
  islet_isolate_free(last);
  EXPECT_EQ(islet_call_value(isolate_, count, nullptr, 0, nullptr, &error_), ISLET_OK) << error_.message;
}

TEST_F(CInterfaceTest, ForksAreIsolatesOfTheirOwn) {
  EXPECT_EQ(Eval("(begin (count!) (define mine \"made here\") counter)"), "1");
  islet_isolate* child = islet_isolate_fork(isolate_, &error_);
  ASSERT_NE(child, nullptr) << error_.message;
  EXPECT_EQ(Eval("(begin (set! mine 'changed) (count!))"), "2");
  ASSERT_EQ(islet_enter(child, &error_), ISLET_OK);
  islet_value result;
  ASSERT_EQ(islet_eval(child, "(use-hosts counter (string-length mine))", 40, "test", &result, &error_), ISLET_OK)
      << error_.message;
  int64_t n = 0;
  EXPECT_EQ(islet_get_integer(child, result, &n, &error_), ISLET_OK);
  EXPECT_EQ(n, 1 + 9 + 1);
  EXPECT_EQ(logged_, 1) << "host functions are those of the parent";
  islet_isolate_free(child);
  EXPECT_EQ(islet_isolate_fork(nullptr, &error_), nullptr);
  EXPECT_EQ(error_.status, ISLET_INVALID_ARGUMENT);
}

TEST(CInterfaceSnapshotTest, BadSnapshots) {
  islet_error error;
  EXPECT_EQ(islet_snapshot_open_file("/no/such/file", &error), nullptr);
  EXPECT_EQ(error.status, ISLET_NOT_FOUND);
  EXPECT_EQ(islet_snapshot_open_bytes("", 0, &error), nullptr);
  EXPECT_EQ(error.status, ISLET_INVALID_ARGUMENT);
  islet_snapshot* snapshot = islet_snapshot_open_embedded(islet_snapshot_isolate_test_startup_begin,
                                                          islet_snapshot_isolate_test_startup_end, &error);
  ASSERT_NE(snapshot, nullptr);
  EXPECT_EQ(islet_isolate_new(snapshot, nullptr, &error), nullptr);
  EXPECT_NE(std::strstr(error.message, "call-back"), nullptr) << error.message;
  EXPECT_EQ(error.status, ISLET_MISMATCH);
  islet_snapshot_free(snapshot);
}

}  // namespace
