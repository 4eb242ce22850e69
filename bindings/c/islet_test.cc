// The C interface as a host sees it; each call's failure is a status with a message, never an exit.

#include "islet/islet.h"

#include <ucontext.h>

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sdk/isolate_test_startup.h"

namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

islet_status Log(islet_host_call* call) {
  ++*static_cast<int*>(call->data);
  return ISLET_OK;
}

islet_status Add(islet_host_call* call) {
  int64_t sum = 0;
  for (size_t i = 0; i < call->count; ++i) {
    int64_t n = 0;
    const islet_status status = islet_get_integer(call->isolate, call->arguments[i], &n, call->error);
    if (status != ISLET_OK) return status;
    sum += n;
  }
  call->result = islet_integer(call->isolate, sum);
  return ISLET_OK;
}

islet_status CallBack(islet_host_call* call) {
  return islet_call_value(call->isolate, call->arguments[0], nullptr, 0, &call->result, call->error);
}

class CInterfaceTest : public testing::Test {
 protected:
  void SetUp() override {
    snapshot_ = islet_snapshot_open_embedded(islet_snapshot_isolate_test_startup_begin,
                                             islet_snapshot_isolate_test_startup_end, error_);
    ASSERT_NE(snapshot_, nullptr) << Message();
    islet_options* const options = Options();
    islet_options_set_limit(options, ISLET_HEAP_LIMIT, 16 << 20);
    isolate_ = islet_isolate_new(snapshot_, options, error_);
    islet_options_free(options);
    ASSERT_NE(isolate_, nullptr) << Message();
    ASSERT_EQ(islet_enter(isolate_, error_), ISLET_OK);
  }
  void TearDown() override {
    if (isolate_ != nullptr) {
      EXPECT_EQ(islet_isolate_free(isolate_), ISLET_OK);
    }
    islet_snapshot_free(snapshot_);
    islet_error_free(error_);
  }
  // With the startup script's host functions; `call_back` is the one of three that tests change.
  islet_options* Options(islet_function call_back = CallBack, void* data = nullptr) {
    islet_options* const options = islet_options_new();
    islet_options_add_function(options, "log", 1, 1, Log, &logged_, nullptr);
    islet_options_add_function(options, "add", 2, -1, Add, nullptr, nullptr);
    islet_options_add_function(options, "call-back", 1, 1, call_back, data, nullptr);
    return options;
  }
  // In place of the isolate that the test has. Frees the options.
  void Make(islet_options* options) {
    islet_isolate_free(isolate_);
    isolate_ = islet_isolate_new(snapshot_, options, error_);
    islet_options_free(options);
    if (isolate_ != nullptr) {
      ASSERT_EQ(islet_enter(isolate_, error_), ISLET_OK);
    }
  }
  // For a test whose own variables the isolate refers to.
  void End() {
    EXPECT_EQ(islet_isolate_free(isolate_), ISLET_OK);
    isolate_ = nullptr;
  }
  std::string Eval(const std::string& text) {
    islet_value result;
    if (islet_eval(isolate_, text.data(), text.size(), "test", 0, &result, error_) != ISLET_OK) {
      return std::string("error: ") + islet_error_report(error_);
    }
    return Print(result);
  }
  islet_status StatusOf(const std::string& text) {
    return islet_eval(isolate_, text.data(), text.size(), "test", 0, nullptr, error_);
  }
  std::string Print(islet_value value) {
    const char* text = nullptr;
    size_t length = 0;
    if (islet_print(isolate_, value, 0, &text, &length, error_) != ISLET_OK) return "error: " + Message();
    EXPECT_EQ(text[length], '\0');
    return std::string(text, length);
  }
  std::string Message() const { return islet_error_message(error_); }
  islet_value Text(const char* text) { return islet_string(isolate_, text, ISLET_Z); }

  islet_error* const error_ = islet_error_new();
  islet_snapshot* snapshot_ = nullptr;
  islet_isolate* isolate_ = nullptr;
  int logged_ = 0;
};

// ---- Values

TEST_F(CInterfaceTest, ValuesGoInAndComeOut) {
  const islet_value items[] = {islet_integer(isolate_, 1),
                               islet_string(isolate_, "two", 3),
                               islet_real(isolate_, 0.5),
                               islet_boolean(isolate_, 1),
                               islet_character(isolate_, 'x'),
                               islet_symbol(isolate_, "s", 1),
                               islet_big_integer(isolate_, "100000000000000000000", 21),
                               islet_null(isolate_),
                               islet_eof(isolate_),
                               islet_unspecified(isolate_),
                               islet_integer(isolate_, INT64_MIN)};
  const islet_value list = islet_list(isolate_, items, 11);
  EXPECT_EQ(Print(list),
            "(1 \"two\" 0.5 #t #\\x s 100000000000000000000 () #<eof> #<unspecified> -9223372036854775808)");
  islet_value result, out[12];
  ASSERT_EQ(islet_call(isolate_, "identity", &list, 1, &result, error_), ISLET_OK) << Message();
  islet_cursor cursor = {};
  size_t count = 0;
  ASSERT_EQ(islet_items(isolate_, result, &cursor, out, 12, &count, error_), ISLET_OK);
  ASSERT_EQ(count, 11u);
  double real = 0;
  EXPECT_EQ(islet_get_real(isolate_, out[2], &real, error_), ISLET_OK);
  EXPECT_EQ(real, 0.5);
  uint32_t character = 0;
  EXPECT_EQ(islet_get_character(isolate_, out[4], &character, error_), ISLET_OK);
  EXPECT_EQ(character, uint32_t{'x'});
  int64_t integer = 0;
  EXPECT_EQ(islet_get_integer(isolate_, out[10], &integer, error_), ISLET_OK);
  EXPECT_EQ(integer, INT64_MIN);
  EXPECT_EQ(islet_get_integer(isolate_, out[6], &integer, error_), ISLET_OUT_OF_RANGE);
  EXPECT_EQ(Print(out[6]), "100000000000000000000");
  EXPECT_EQ(islet_get_integer(isolate_, out[1], &integer, error_), ISLET_INVALID_ARGUMENT);
  EXPECT_EQ(Message(), "islet_get_integer: expected an exact integer, got a string");
  for (int i = 0; i < 11; ++i) {
    EXPECT_EQ(islet_same(isolate_, out[i], items[i], ISLET_EQUAL), 1) << i;
    EXPECT_EQ(islet_is_true(isolate_, out[i]), 1) << i;
  }
  EXPECT_EQ(islet_is_true(isolate_, islet_boolean(isolate_, 0)), 0);
  const islet_value pair = islet_pair(isolate_, out[0], out[1]);
  EXPECT_EQ(Print(pair), "(1 . \"two\")");
  islet_value part;
  EXPECT_EQ(islet_car(isolate_, pair, &part, error_), ISLET_OK);
  EXPECT_EQ(Print(part), "1");
  EXPECT_EQ(islet_cdr(isolate_, pair, &part, error_), ISLET_OK);
  EXPECT_EQ(Print(part), "\"two\"");
}

TEST_F(CInterfaceTest, TextAndBytesAreLentUntilTheScopeEnds) {
  const char* text = nullptr;
  size_t length = 0;
  const size_t scope = islet_scope_open(isolate_);
  ASSERT_NE(scope, 0u);
  ASSERT_EQ(islet_get_text(isolate_, Text("gr\xc3\xbc\xc3\x9f \xf0\x9d\x84\x9e"), &text, &length, error_), ISLET_OK);
  EXPECT_STREQ(text, "gr\xc3\xbc\xc3\x9f \xf0\x9d\x84\x9e");
  EXPECT_EQ(length, std::strlen(text));
  const char* name = nullptr;
  ASSERT_EQ(islet_get_text(isolate_, islet_symbol(isolate_, "a symbol", ISLET_Z), &name, nullptr, error_), ISLET_OK);
  std::vector<const char*> lent;
  for (int i = 0; i < 2000; ++i) {
    const std::string number = std::to_string(i);
    ASSERT_EQ(islet_get_text(isolate_, Text(number.c_str()), &text, &length, error_), ISLET_OK);
    lent.push_back(text);
  }
  ASSERT_EQ(islet_collect(isolate_, ISLET_COLLECT_FULL, error_), ISLET_OK);
  for (int i = 0; i < 2000; ++i) ASSERT_EQ(lent[static_cast<size_t>(i)], std::to_string(i));
  EXPECT_STREQ(name, "a symbol");
  for (const size_t size : {size_t{3}, size_t{100000}}) {
    void* storage = nullptr;
    const islet_value made = islet_bytevector_new(isolate_, size, &storage);
    ASSERT_NE(storage, nullptr);
    std::memset(storage, 7, size);
    const void* bytes = nullptr;
    ASSERT_EQ(islet_get_bytes(isolate_, made, &bytes, &length, error_), ISLET_OK);
    ASSERT_EQ(islet_collect(isolate_, ISLET_COLLECT_FULL, error_), ISLET_OK);
    EXPECT_EQ(length, size);
    EXPECT_EQ(static_cast<const char*>(bytes)[size - 1], 7);
  }
  islet_scope_close(isolate_, scope);
  const uint8_t bytes[2] = {9, 8};
  const void* copy = nullptr;
  ASSERT_EQ(islet_get_bytes(isolate_, islet_bytevector(isolate_, bytes, 2), &copy, &length, error_), ISLET_OK);
  EXPECT_EQ(std::memcmp(bytes, copy, 2), 0);
}

TEST_F(CInterfaceTest, PartsAreFoundAndSetByIndexKeyAndField) {
  const auto at = [&](islet_value whole, islet_value key) {
    islet_value out;
    const islet_status status = islet_ref(isolate_, whole, key, &out, error_);
    return status == ISLET_OK ? Print(out) : std::to_string(status) + " " + Message();
  };
  const auto datum = [&](const char* text) {
    islet_value result = {0, 0};
    EXPECT_EQ(islet_eval(isolate_, text, ISLET_Z, "test", 0, &result, error_), ISLET_OK) << Message();
    return result;
  };
  const auto index = [&](int64_t n) { return islet_integer(isolate_, n); };
  const auto length = [&](islet_value whole) {
    size_t n = 0;
    return islet_length(isolate_, whole, &n, error_) == ISLET_OK ? static_cast<int>(n) : -1;
  };
  EXPECT_EQ(at(datum("(list 'a 'b 'c)"), index(2)), "c");
  EXPECT_EQ(at(datum("(list 'a 'b 'c)"), index(3)), "4 islet_ref: index 3 of 3 items");
  EXPECT_EQ(at(datum("'(a . b)"), index(0)), "1 islet_ref: expected a proper list, got a pair");
  EXPECT_EQ(at(datum("(let ((l (list 1 2 3))) (set-cdr! (cddr l) l) l)"), index(0)),
            "1 islet_ref: expected a proper list, got a pair");
  EXPECT_EQ(at(datum("(vector 1 2)"), index(-1)), "4 islet_ref: index -1 of 2 items");
  EXPECT_EQ(at(datum("(string #\\a #\\x3bb)"), index(1)), "#\\\xce\xbb");
  EXPECT_EQ(at(datum("(bytevector 1 255)"), index(1)), "255");
  EXPECT_EQ(at(datum("'sym"), index(1)),
            "1 islet_ref: expected a list, vector, string, bytevector, hash table or record, got a symbol");

  const islet_value vector = datum("(define v (vector 1 2)) v");
  EXPECT_EQ(islet_set(isolate_, vector, index(1), Text("two"), error_), ISLET_OK) << Message();
  EXPECT_EQ(Eval("v"), "#(1 \"two\")");
  EXPECT_EQ(islet_set(isolate_, datum("'#(1 2)"), index(1), index(1), error_), ISLET_INVALID_ARGUMENT);
  EXPECT_EQ(Message(), "islet_set: a literal of the script cannot be changed");
  const islet_value bytes = datum("(define b (bytevector 1 2)) b");
  EXPECT_EQ(islet_set(isolate_, bytes, index(0), index(200), error_), ISLET_OK) << Message();
  EXPECT_EQ(islet_set(isolate_, bytes, index(0), index(256), error_), ISLET_INVALID_ARGUMENT);
  EXPECT_EQ(Eval("b"), "#u8(200 2)");

  const islet_value table = datum("(define t (make-hash-table)) t");
  for (int i = 0; i < 100; ++i) ASSERT_EQ(islet_set(isolate_, table, index(i), index(i * i), error_), ISLET_OK);
  EXPECT_EQ(islet_set(isolate_, table, Text("key"), index(7), error_), ISLET_OK);
  EXPECT_EQ(Eval("(hash-table-ref t \"key\")"), "7");
  EXPECT_EQ(at(table, index(99)), "9801");
  EXPECT_EQ(at(table, index(100)), "3 islet_ref: the hash table has no such key");
  EXPECT_EQ(length(table), 101);

  const islet_value record = datum(
      "(define-record-type point (make-point x y) point? (x point-x) (y point-y)) "
      "(define p (make-point 1 2)) p");
  const auto field = [&](const char* name) { return islet_symbol(isolate_, name, ISLET_Z); };
  EXPECT_EQ(at(record, field("y")), "2");
  EXPECT_EQ(at(record, field("z")), "3 islet_ref: the record has no field z");
  EXPECT_EQ(islet_set(isolate_, record, field("x"), Text("new"), error_), ISLET_OK) << Message();
  EXPECT_EQ(Eval("(point-x p)"), "\"new\"");
  EXPECT_EQ(length(record), 2);
  EXPECT_EQ(length(datum("'(1 2 3)")), 3);
  EXPECT_EQ(length(datum("(make-string 5 #\\x3bb)")), 5);
  EXPECT_EQ(length(datum("'x")), -1);
}

TEST_F(CInterfaceTest, ItemsComeInPortions) {
  const auto all = [&](const char* expression, size_t capacity) {
    islet_value whole, items[8];
    EXPECT_EQ(islet_eval(isolate_, expression, ISLET_Z, "test", 0, &whole, error_), ISLET_OK) << Message();
    islet_cursor cursor = {};
    std::string text;
    for (size_t got = capacity; got == capacity;) {
      if (islet_items(isolate_, whole, &cursor, items, capacity, &got, error_) != ISLET_OK) return Message();
      for (size_t i = 0; i < got; ++i) text += Print(items[i]) + " ";
      EXPECT_EQ(islet_collect(isolate_, ISLET_COLLECT_MINOR, error_), ISLET_OK);
    }
    return text;
  };
  for (const size_t capacity : {2u, 4u, 8u}) {
    EXPECT_EQ(all("(map list '(1 2 3 4))", capacity), "(1) (2) (3) (4) ");
    EXPECT_EQ(all("(vector 1 'two \"three\")", capacity), "1 two \"three\" ");
    EXPECT_EQ(all("(let ((t (make-hash-table))) (hash-table-set! t 'a 1) (hash-table-set! t 'b 2) "
                  "(hash-table-delete! t 'a) (hash-table-set! t 'c 3) t)",
                  capacity),
              "b 2 c 3 ");
    EXPECT_EQ(all("'()", capacity), "");
  }
  EXPECT_EQ(all("(list 1 2 3)", 1), "1 2 3 ");
  EXPECT_EQ(all("(make-hash-table)", 1), "islet_items: a key and its value need a capacity of 2");
  EXPECT_EQ(all("'(1 . 2)", 2), "islet_items: expected a proper list, got a pair");
  EXPECT_EQ(all("(let ((l (list 1 2))) (set-cdr! (cdr l) l) l)", 2), "islet_items: expected a proper list, got a pair");
  EXPECT_EQ(all("7", 2), "islet_items: expected a list, vector, hash table or record, got an exact integer");
}

TEST_F(CInterfaceTest, FailedValuesSayWhy) {
  const islet_value bad = islet_big_integer(isolate_, "1e5", ISLET_Z);
  EXPECT_EQ(islet_type_of(isolate_, bad), ISLET_TYPE_NONE);
  const islet_value nested[] = {islet_integer(isolate_, 1), islet_list(isolate_, &bad, 1)};
  const islet_value vector = islet_vector(isolate_, nested, 2);
  EXPECT_EQ(islet_call(isolate_, "identity", &vector, 1, nullptr, error_), ISLET_INVALID_ARGUMENT);
  EXPECT_EQ(Message(), "islet_big_integer: the text is no decimal integer");
  const islet_value none = {0, 0};
  EXPECT_EQ(islet_call(isolate_, "identity", &none, 1, nullptr, error_), ISLET_INVALID_ARGUMENT);
  EXPECT_EQ(Message(), "islet_call: argument 1 is no value (all of its bytes are zero)");
  EXPECT_EQ(Print(islet_character(isolate_, 0xd800)), "error: islet_character: the number is no Unicode scalar value");
  EXPECT_EQ(Print(islet_string(isolate_, "text", SIZE_MAX - 1)),
            "error: islet_string: it is longer than any object can be");
  EXPECT_EQ(Print(islet_string(isolate_, nullptr, 1)), "error: islet_string: the text is NULL");
  EXPECT_EQ(Print(islet_string(isolate_, nullptr, 0)), "\"\"");
  EXPECT_EQ(Print(islet_list(isolate_, nullptr, 3)),
            "error: islet_list: the items are NULL, but their number is not 0");
  EXPECT_EQ(Print(islet_bytevector_new(isolate_, 100 << 20, nullptr)),
            "error: islet_bytevector_new: the heap limit leaves no room for it");
  EXPECT_EQ(Print(islet_string(nullptr, "x", 1)), "error: islet_string: isolate is NULL");
}

TEST_F(CInterfaceTest, HostsMayMakeAsManyValuesAsTheHeapHolds) {
  islet_value list = islet_null(isolate_);
  // Those of ended scopes are garbage.
  for (int i = 0; i < 3000000; ++i) {
    const size_t scope = islet_scope_open(isolate_);
    const islet_value text = islet_string(isolate_, "some text of more than a few characters", ISLET_Z);
    ASSERT_EQ(islet_type_of(isolate_, islet_pair(isolate_, text, islet_real(isolate_, i))), ISLET_TYPE_PAIR) << i;
    islet_scope_close(isolate_, scope);
  }
  int made = 0;
  while (islet_type_of(isolate_, list) != ISLET_TYPE_NONE && made < 10000000) {
    list = islet_pair(isolate_, islet_integer(isolate_, ++made), list);
  }
  EXPECT_LT(made, 10000000) << "the limit of 16 MiB is passed";
  EXPECT_EQ(islet_call(isolate_, "identity", &list, 1, nullptr, error_), ISLET_HEAP_LIMIT);
  EXPECT_EQ(islet_leave(isolate_), ISLET_OK);
  ASSERT_EQ(islet_enter(isolate_, error_), ISLET_OK);
  EXPECT_EQ(Eval("(+ 1 2)"), "3");
}

// ---- Scopes

TEST_F(CInterfaceTest, ValuesEndWithTheirScope) {
  const size_t outer = islet_scope_open(isolate_);
  const islet_value in_outer = Text("outer");
  const size_t inner = islet_scope_open(isolate_);
  const islet_value in_inner = Text("inner"), also = Text("escapes");
  const islet_value kept = islet_keep(isolate_, in_inner);
  const islet_value escaped = islet_scope_escape(isolate_, inner, also);
  EXPECT_EQ(Print(escaped), "\"escapes\"");
  EXPECT_EQ(Print(in_outer), "\"outer\"");
  EXPECT_THAT(Print(also), HasSubstr("whose scope has ended"));
  islet_scope_close(isolate_, inner);
  EXPECT_EQ(Print(in_outer), "\"outer\"") << "no scope has ended twice";
  const size_t next_inner = islet_scope_open(isolate_);
  const islet_value in_next = Text("next inner");
  islet_scope_close(isolate_, inner);
  EXPECT_EQ(Print(in_next), "\"next inner\"") << "nor a later one in its place";
  islet_scope_close(isolate_, next_inner);
  islet_scope_close(isolate_, outer);
  EXPECT_THAT(Print(in_outer), HasSubstr("whose scope has ended"));
  EXPECT_EQ(islet_call(isolate_, "identity", &in_outer, 1, nullptr, error_), ISLET_STALE);
  EXPECT_EQ(islet_leave(isolate_), ISLET_OK);
  EXPECT_EQ(islet_leave(isolate_), ISLET_NOT_ENTERED);
  EXPECT_EQ(Print(kept), "error: islet_print: this thread has not entered the isolate (islet_enter)");
  ASSERT_EQ(islet_enter(isolate_, error_), ISLET_OK);
  ASSERT_EQ(islet_collect(isolate_, ISLET_COLLECT_FULL, error_), ISLET_OK);
  EXPECT_EQ(Print(kept), "\"inner\"");
  islet_value result;
  EXPECT_EQ(islet_call(isolate_, "identity", &kept, 1, &result, error_), ISLET_OK) << Message();
  std::thread([&] { islet_release_value(isolate_, kept); }).join();
  const islet_value next = islet_keep(isolate_, Text("next"));
  EXPECT_THAT(Print(kept), HasSubstr("was released"));
  EXPECT_EQ(Print(next), "\"next\"");
  islet_release_value(isolate_, kept);
  EXPECT_EQ(Print(next), "\"next\"") << "a stale one releases nothing";
  EXPECT_EQ(Print(islet_keep(isolate_, islet_integer(isolate_, 5))), "5");
}

TEST_F(CInterfaceTest, StaleForeignAndOtherThreads) {
  ASSERT_EQ(islet_enter(isolate_, error_), ISLET_OK);
  const islet_value inner = Text("inner");
  EXPECT_EQ(islet_leave(isolate_), ISLET_OK);
  EXPECT_EQ(islet_call(isolate_, "identity", &inner, 1, nullptr, error_), ISLET_STALE);
  const islet_value mine = Text("mine");
  std::thread([&] {
    islet_error* const error = islet_error_new();
    EXPECT_EQ(islet_enter(isolate_, error), ISLET_BUSY);
    EXPECT_EQ(islet_call(isolate_, "count!", nullptr, 0, nullptr, error), ISLET_NOT_ENTERED);
    EXPECT_EQ(islet_leave(isolate_), ISLET_NOT_ENTERED);
    EXPECT_EQ(islet_isolate_free(isolate_), ISLET_BUSY);
    EXPECT_EQ(islet_set_limit(isolate_, ISLET_FUEL_LIMIT, 1), ISLET_BUSY);
    islet_error_free(error);
  }).join();
  islet_options* const options = Options();
  islet_isolate* const other = islet_isolate_new(snapshot_, options, error_);
  islet_options_free(options);
  ASSERT_EQ(islet_enter(other, error_), ISLET_OK);
  EXPECT_EQ(islet_call(other, "identity", &mine, 1, nullptr, error_), ISLET_FOREIGN);
  EXPECT_EQ(islet_isolate_free(other), ISLET_OK);
  EXPECT_EQ(islet_isolate_free(other), ISLET_STALE);
  EXPECT_EQ(islet_enter(other, error_), ISLET_STALE);
  EXPECT_EQ(Message(), "islet_enter: the isolate has been freed");
}

// ---- Host functions

TEST_F(CInterfaceTest, HostFunctionsAndNestedErrors) {
  EXPECT_EQ(Eval("(use-hosts 2 3)"), "6");
  EXPECT_EQ(logged_, 1);
  EXPECT_THAT(Eval("(use-hosts 2 'x)"), HasSubstr("add: islet_get_integer: expected an exact integer, got a symbol"));
  EXPECT_STREQ(islet_error_kind(error_), "host");
  EXPECT_EQ(Eval("(catch-host (lambda () (error \"inner\")))"), "(caught \"inner\")");
  EXPECT_EQ(Eval("(escape-through-host)"), "escaped");
}

TEST_F(CInterfaceTest, AFailureGoesThroughHostFunctionsAsWhatItIs) {
  Make(Options([](islet_host_call* call) {
    islet_error* const own = islet_error_new();
    const islet_status status = islet_call_value(call->isolate, call->arguments[0], nullptr, 0, &call->result, own);
    if (status != ISLET_OK) {
      EXPECT_EQ(islet_error_copy(call->error, own), status);
    }
    islet_error_free(own);
    return status;
  }));
  EXPECT_EQ(Eval("(guard (e ((symbol? e) (list 'caught e))) (call-back (lambda () (raise 'boom))))"), "(caught boom)");
  islet_set_limit(isolate_, ISLET_FUEL_LIMIT, 100000);
  EXPECT_EQ(StatusOf("(guard (e (#t 'never)) (call-back (lambda () (let loop () (loop)))))"), ISLET_FUEL_LIMIT);
}

TEST_F(CInterfaceTest, StatusesOfTheHostsOwnSurvive) {
  Make(Options([](islet_host_call* call) {
    const islet_status status = islet_error_set(call->error, ISLET_HOST_STATUS + 404, "http", "no such page");
    EXPECT_EQ(islet_error_add(call->error, call->isolate, call->arguments[0]), ISLET_OK);
    EXPECT_EQ(islet_error_add(call->error, call->isolate, islet_string(call->isolate, "path", ISLET_Z)), ISLET_OK);
    EXPECT_EQ(islet_error_add(call->error, call->isolate, islet_value{0, 0}), ISLET_INVALID_ARGUMENT);
    return status;
  }));
  EXPECT_EQ(StatusOf("(call-back 1)"), ISLET_HOST_STATUS + 404);
  EXPECT_EQ(Message(), "call-back: no such page: 1 \"path\"");
  EXPECT_STREQ(islet_error_kind(error_), "http");
  ASSERT_EQ(islet_error_irritants(error_), 2u);
  EXPECT_STREQ(islet_error_irritant(error_, 1), "\"path\"");
  EXPECT_EQ(islet_error_irritant(error_, 2), nullptr);
  islet_value raised;
  ASSERT_EQ(islet_error_raised(error_, isolate_, &raised), ISLET_OK);
  EXPECT_EQ(islet_define(isolate_, "raised", raised, error_), ISLET_OK) << Message();
  EXPECT_EQ(
      Eval("(import (islet)) (list (condition-kind raised) (condition-code raised) (error-object-irritants raised))"),
      "(http 1404 (1 \"path\"))");
  Eval("(car 5)");
  EXPECT_EQ(islet_error_raised(error_, isolate_, &raised), ISLET_OK);
  islet_error* const older = islet_error_new();
  EXPECT_EQ(islet_error_copy(older, error_), ISLET_EXCEPTION);
  EXPECT_EQ(StatusOf("(raise 'later)"), ISLET_EXCEPTION);
  EXPECT_EQ(islet_error_raised(older, isolate_, &raised), ISLET_NOT_FOUND);
  islet_error_free(older);
  EXPECT_EQ(Eval("(raise-host 'http 1500 \"made by the script\" 'x)"),
            "error: made by the script: x\n  at top level (test:1:1)");
  EXPECT_EQ(islet_error_status(error_), ISLET_HOST_STATUS + 500);
  EXPECT_EQ(StatusOf("(call-back 1)"), ISLET_HOST_STATUS + 404);
  EXPECT_EQ(islet_error_status(error_), ISLET_HOST_STATUS + 404);
  EXPECT_EQ(StatusOf("(guard (e ((string? e) 'never)) (call-back 1))"), ISLET_HOST_STATUS + 404);
  EXPECT_EQ(Eval("(guard (e (#t (error-object-message e))) (call-back 1))"), "\"no such page\"");
  for (const islet_status made_up : {ISLET_FUEL_LIMIT, ISLET_CANCELLED, ISLET_EXITED, ISLET_LOST}) {
    Make(Options([](islet_host_call* call) { return *static_cast<islet_status*>(call->data); },
                 const_cast<islet_status*>(&made_up)));
    EXPECT_EQ(StatusOf("(call-back 1)"), ISLET_INTERNAL) << made_up;
    EXPECT_THAT(Message(), HasSubstr("no run has ended so"));
    EXPECT_EQ(Eval("(guard (e (#t 'caught)) (call-back 1))"), "caught");
  }
}

TEST_F(CInterfaceTest, AHostFunctionCannotEndTheIsolateThatRunsIt) {
  struct Seen {
    islet_status freed, left, left_twice, entered;
  } seen = {};
  const auto function = [](islet_host_call* call) -> islet_status {
    Seen& s = *static_cast<Seen*>(call->data);
    s.freed = islet_isolate_free(call->isolate);
    s.entered = islet_enter(call->isolate, call->error);
    s.left = islet_leave(call->isolate);
    s.left_twice = islet_leave(call->isolate);
    islet_scope_close(call->isolate, 1);
    call->result = islet_string(call->isolate, "still here", ISLET_Z);
    (void)islet_enter(call->isolate, call->error);  // and is not left
    return ISLET_OK;
  };
  Make(Options(function, &seen));
  islet_options* const options = Options(function, &seen);
  islet_pool* const pool = islet_pool_new(snapshot_, options, error_);
  islet_options_free(options);
  ASSERT_NE(pool, nullptr) << Message();
  islet_isolate* const pooled = islet_pool_get(pool, error_);
  islet_pool_free(pool);
  ASSERT_EQ(islet_enter(pooled, error_), ISLET_OK);
  for (islet_isolate* isolate : {isolate_, pooled}) {
    seen = {};
    islet_value result;
    ASSERT_EQ(islet_eval(isolate, "(call-back 1)", ISLET_Z, "test", 0, &result, error_), ISLET_OK) << Message();
    const char* text = nullptr;
    EXPECT_EQ(islet_get_text(isolate, result, &text, nullptr, error_), ISLET_OK) << Message();
    EXPECT_STREQ(text, "still here");
    EXPECT_EQ(seen.freed, ISLET_BUSY);
    EXPECT_EQ(seen.entered, ISLET_OK);
    EXPECT_EQ(seen.left, ISLET_OK);
    EXPECT_EQ(seen.left_twice, ISLET_BUSY);
  }
  EXPECT_EQ(islet_leave(pooled), ISLET_OK);
  EXPECT_EQ(islet_leave(pooled), ISLET_NOT_ENTERED) << "what a host function has entered is left with it";
  EXPECT_EQ(islet_isolate_free(pooled), ISLET_OK);
}

TEST_F(CInterfaceTest, DataIsReleasedOnceWhenNobodyCanUseIt) {
  int released = 0;
  const auto release = [](void* data) { ++*static_cast<int*>(data); };
  const auto count = [](islet_host_call* call) -> islet_status {
    call->result = islet_integer(call->isolate, *static_cast<int*>(call->data));
    return ISLET_OK;
  };
  islet_options* options = Options();
  islet_options_add_function(options, "call-back", 1, 1, count, &released, release);
  islet_pool* const pool = islet_pool_new(snapshot_, options, error_);
  ASSERT_NE(pool, nullptr) << Message();
  Make(options);
  EXPECT_EQ(Eval("(call-back 1)"), "0");
  islet_isolate* const pooled = islet_pool_get(pool, error_);
  islet_pool_free(pool);
  EXPECT_EQ(islet_isolate_free(pooled), ISLET_OK);
  EXPECT_EQ(released, 0);
  EXPECT_EQ(islet_isolate_free(isolate_), ISLET_OK);
  isolate_ = nullptr;
  EXPECT_EQ(released, 1);
  // Also of what is refused, or replaced.
  options = Options();
  islet_options_add_function(options, nullptr, 1, 1, count, &released, release);
  EXPECT_EQ(released, 2);
  islet_options_add_function(options, "call-back", 1, 1, nullptr, &released, release);
  EXPECT_EQ(released, 3);
  EXPECT_EQ(islet_isolate_new(snapshot_, options, error_), nullptr);
  EXPECT_EQ(islet_error_status(error_), ISLET_INVALID_ARGUMENT);
  EXPECT_EQ(Message(), "islet_options_add_function: name is NULL") << "the first mistake";
  islet_options_free(options);
}

// ---- Errors

TEST_F(CInterfaceTest, ErrorsHaveStatusesAndPlaces) {
  EXPECT_THAT(Eval("(car\n 5"), StartsWith("error: test:1:"));
  EXPECT_EQ(islet_error_status(error_), ISLET_INVALID_ARGUMENT);
  islet_frame frame;
  ASSERT_EQ(islet_error_frame(error_, 0, &frame), 1);
  EXPECT_STREQ(frame.file, "test");
  EXPECT_EQ(frame.line, 1u);
  EXPECT_THAT(Eval("(fail-deeply 2)"), HasSubstr("isolate_test.lisp:"));
  EXPECT_EQ(islet_error_status(error_), ISLET_EXCEPTION);
  EXPECT_THAT(Message(), Not(HasSubstr("isolate_test.lisp:")));
  ASSERT_EQ(islet_error_frame(error_, 0, &frame), 1);
  EXPECT_STREQ(frame.procedure, "fail-deeply");
  EXPECT_THAT(frame.file, HasSubstr("isolate_test.lisp"));
  EXPECT_GT(frame.line, 0u);
  size_t frames = 0;
  while (islet_error_frame(error_, frames, nullptr) != 0) ++frames;
  EXPECT_GE(frames, 2u);
  Eval("(car 5)");
  EXPECT_EQ(Message(), "car: argument 1 should be a pair: 5");
  EXPECT_STREQ(islet_error_kind(error_), "wrong-type");
  Eval("(allocate-forever)");
  EXPECT_EQ(islet_error_status(error_), ISLET_HEAP_LIMIT);
  EXPECT_EQ(islet_call(isolate_, "no-such", nullptr, 0, nullptr, nullptr), ISLET_NOT_FOUND);
  EXPECT_EQ(Eval("(+ 1 2)"), "3");
  EXPECT_EQ(islet_error_status(error_), ISLET_HEAP_LIMIT) << "success leaves it alone";
  islet_interrupt(isolate_);
  Eval("(loop-forever)");
  EXPECT_EQ(islet_error_status(error_), ISLET_CANCELLED);
  islet_interrupt(isolate_);
  islet_clear_interrupt(isolate_);
  EXPECT_EQ(Eval("(+ 1 2)"), "3");
  Eval("(exit 42)");
  EXPECT_EQ(islet_error_status(error_), ISLET_EXITED);
  EXPECT_EQ(islet_error_exit_status(error_), 42);
  EXPECT_EQ(Eval("(+ 1 2)"), "3");
  // Programs see what they import, and nothing else.
  const char* const program = "#!/usr/bin/env islet\n(import (scheme base)) (define made 7) made";
  EXPECT_EQ(islet_eval(isolate_, program, ISLET_Z, "program", ISLET_EVAL_SCRIPT, nullptr, error_), ISLET_OK)
      << Message();
  EXPECT_EQ(Eval("made"), "7");
  EXPECT_EQ(islet_eval(isolate_, "1", 1, nullptr, 2, nullptr, error_), ISLET_UNSUPPORTED);
}

TEST_F(CInterfaceTest, ANullObjectKeepsTheEarlierFailure) {
  EXPECT_EQ(islet_isolate_new(nullptr, nullptr, error_), nullptr);
  EXPECT_EQ(Message(), "islet_isolate_new: snapshot is NULL");
  islet_error_clear(error_);
  EXPECT_EQ(islet_error_status(error_), ISLET_OK);
  islet_snapshot* const snapshot = islet_snapshot_open_file("/no/such/file", 0, error_);
  const std::string first = Message();
  islet_isolate* const isolate = islet_isolate_new(snapshot, nullptr, error_);
  EXPECT_EQ(islet_enter(isolate, error_), ISLET_NOT_FOUND);
  const islet_value argument = islet_string(isolate, "x", 1);
  EXPECT_EQ(islet_call(isolate, "f", &argument, 1, nullptr, error_), ISLET_NOT_FOUND);
  EXPECT_EQ(Message(), first);
  EXPECT_EQ(islet_leave(isolate), ISLET_INVALID_ARGUMENT);
  EXPECT_EQ(islet_isolate_free(isolate), ISLET_OK);
}

TEST(CInterfaceVersionTest, HeadersOfTheSameMajorAndNoLaterMinorVersion) {
  islet_error* const error = islet_error_new();
  EXPECT_EQ(islet_version(), ISLET_VERSION);
  EXPECT_EQ(islet_check_version(ISLET_VERSION, error), ISLET_OK);
  EXPECT_EQ(islet_check_version(ISLET_VERSION + 1, error), ISLET_OK) << "a later patch";
  EXPECT_EQ(islet_check_version(ISLET_VERSION + 100, error), ISLET_MISMATCH);
  EXPECT_THAT(islet_error_message(error), HasSubstr(ISLET_VERSION_TEXT));
  EXPECT_EQ(islet_check_version(ISLET_VERSION + 10000, error), ISLET_MISMATCH);
  EXPECT_EQ(islet_check_version(ISLET_VERSION - 10000, error), ISLET_MISMATCH);
  EXPECT_EQ(islet_check_version(INT32_MIN, error), ISLET_MISMATCH);
  islet_error_free(error);
}

TEST(CInterfaceErrorTest, OfNoErrorAllIsKnown) {
  EXPECT_EQ(islet_error_status(nullptr), ISLET_RESOURCE_EXHAUSTED);
  EXPECT_THAT(islet_error_message(nullptr), HasSubstr("no memory"));
  EXPECT_STREQ(islet_error_kind(nullptr), "");
  EXPECT_EQ(islet_error_frame(nullptr, 0, nullptr), 0);
  EXPECT_EQ(islet_error_set(nullptr, ISLET_NOT_FOUND, nullptr, "x"), ISLET_NOT_FOUND);
  islet_error* const error = islet_error_new();
  EXPECT_EQ(islet_error_set(error, ISLET_OK, nullptr, "x"), ISLET_INTERNAL);
  EXPECT_EQ(islet_error_set(error, 999, nullptr, islet_error_message(error)), ISLET_INTERNAL);
  EXPECT_STREQ(islet_error_message(error), "x");
  islet_error_free(error);
}

// ---- Pools and forks

TEST_F(CInterfaceTest, PoolsHandOutIsolatesInTheSnapshotsState) {
  EXPECT_EQ(islet_pool_new(snapshot_, nullptr, error_), nullptr);
  EXPECT_EQ(islet_error_status(error_), ISLET_MISMATCH);
  islet_options* const options = Options();
  islet_options_set_idle(options, 2 << 20, 2);
  islet_options_set_verify_resets(options, 1);
  islet_pool* pool = islet_pool_new(snapshot_, options, error_);
  islet_options_free(options);
  ASSERT_NE(pool, nullptr) << Message();
  islet_value count, constant;
  ASSERT_EQ(islet_snapshot_lookup(snapshot_, "count!", &count, error_), ISLET_OK) << Message();
  ASSERT_EQ(islet_snapshot_lookup(snapshot_, "counter", &constant, error_), ISLET_OK) << Message();
  EXPECT_EQ(islet_snapshot_lookup(snapshot_, "nowhere", &constant, error_), ISLET_NOT_FOUND);
  EXPECT_STREQ(islet_snapshot_needs(snapshot_, 3), nullptr);
  EXPECT_NE(islet_snapshot_needs(snapshot_, 2), nullptr);
  EXPECT_GT(islet_snapshot_bytes(snapshot_), 100000u);

  islet_value left_behind = {};
  std::vector<islet_isolate*> earlier;
  for (int i = 0; i < 3; ++i) {
    islet_isolate* isolate = islet_pool_get(pool, error_);
    ASSERT_NE(isolate, nullptr) << Message();
    EXPECT_EQ(islet_data(isolate), nullptr);
    islet_set_data(isolate, this);
    EXPECT_EQ(islet_data(isolate), this);
    ASSERT_EQ(islet_enter(isolate, error_), ISLET_OK);
    EXPECT_NE(islet_call(isolate, "identity", &left_behind, 1, nullptr, error_), ISLET_OK) << "of the earlier tenant";
    for (int expected = 1; expected <= 2; ++expected) {
      islet_value result;
      int64_t n = 0;
      ASSERT_EQ(islet_call_value(isolate, count, nullptr, 0, &result, error_), ISLET_OK) << Message();
      ASSERT_EQ(islet_get_integer(isolate, result, &n, error_), ISLET_OK);
      EXPECT_EQ(n, expected);
    }
    EXPECT_EQ(islet_type_of(isolate, count), ISLET_TYPE_PROCEDURE);
    EXPECT_EQ(islet_type_of(isolate, constant), ISLET_TYPE_INTEGER);
    const islet_value arguments[2] = {islet_integer(isolate, 40), islet_integer(isolate, 1)};
    ASSERT_EQ(islet_call(isolate, "use-hosts", arguments, 2, nullptr, error_), ISLET_OK) << Message();
    left_behind = islet_string(isolate, "left behind", ISLET_Z);
    for (islet_isolate* before : earlier) {
      EXPECT_EQ(islet_eval(before, "(define theirs 1)", ISLET_Z, "test", 0, nullptr, error_), ISLET_STALE);
    }
    earlier.push_back(isolate);
    EXPECT_EQ(islet_isolate_free(isolate), ISLET_OK);  // leaves, too
    EXPECT_EQ(islet_isolate_free(isolate), ISLET_STALE);
  }
  EXPECT_EQ(logged_, 3);
  islet_isolate* several[4];
  for (islet_isolate*& isolate : several) isolate = islet_pool_get(pool, error_);
  for (islet_isolate* isolate : several) EXPECT_EQ(islet_isolate_free(isolate), ISLET_OK);
  EXPECT_EQ(islet_pool_stat(pool, ISLET_STAT_POOL_IDLE), 2u);
  EXPECT_EQ(islet_pool_stat(pool, ISLET_STAT_POOL_CREATED), 4u);
  EXPECT_EQ(islet_pool_stat(pool, 4711), 0u);
  EXPECT_EQ(islet_pool_trim(pool, 1), 1u);
  EXPECT_EQ(islet_pool_reset_status(pool, error_), ISLET_OK);
  // An isolate outlives the pool, and what was looked up in the snapshot works in all isolates.
  islet_isolate* last = islet_pool_get(pool, error_);
  islet_pool_free(pool);
  EXPECT_EQ(islet_enter(last, error_), ISLET_OK);
  EXPECT_EQ(islet_isolate_free(last), ISLET_OK);
  EXPECT_EQ(islet_call_value(isolate_, count, nullptr, 0, nullptr, error_), ISLET_OK) << Message();
}

TEST_F(CInterfaceTest, ForksAreIsolatesOfTheirOwn) {
  EXPECT_EQ(Eval("(begin (count!) (define mine \"made here\") counter)"), "1");
  const islet_value mine = islet_keep(isolate_, Text("mine"));
  islet_isolate* child = islet_isolate_fork(isolate_, error_);
  ASSERT_NE(child, nullptr) << Message();
  EXPECT_EQ(Eval("(begin (set! mine 'changed) (count!))"), "2");
  ASSERT_EQ(islet_enter(child, error_), ISLET_OK);
  islet_value result;
  ASSERT_EQ(islet_eval(child, "(use-hosts counter (string-length mine))", ISLET_Z, "test", 0, &result, error_),
            ISLET_OK)
      << Message();
  int64_t n = 0;
  EXPECT_EQ(islet_get_integer(child, result, &n, error_), ISLET_OK);
  EXPECT_EQ(n, 1 + 9 + 1);
  EXPECT_EQ(logged_, 1) << "host functions are those of the parent";
  EXPECT_EQ(islet_call(child, "identity", &mine, 1, nullptr, error_), ISLET_FOREIGN);
  EXPECT_EQ(islet_isolate_free(child), ISLET_OK);
  islet_error_clear(error_);
  EXPECT_EQ(islet_isolate_fork(nullptr, error_), nullptr);
  EXPECT_EQ(islet_error_status(error_), ISLET_INVALID_ARGUMENT);
  Make(Options([](islet_host_call* call) -> islet_status {
    EXPECT_EQ(islet_isolate_fork(call->isolate, call->error), nullptr);
    return islet_error_status(call->error);
  }));
  EXPECT_EQ(StatusOf("(call-back 1)"), ISLET_BUSY);
}

// ---- What is granted

// A file system of one file, and what a script does to it.
struct OneFile {
  std::string text = "(the text)";
  size_t position = 0;
  int open = 0;
  int released = 0;
};

islet_status OpenOne(void* data, const char* path, int mode, void** file, islet_error* error) {
  OneFile& one = *static_cast<OneFile*>(data);
  if (std::strcmp(path, "one") != 0) {
    return islet_error_set(error, ISLET_NOT_FOUND, nullptr, "cannot open: there is only one");
  }
  if (mode == ISLET_FILE_WRITE) one.text.clear();
  one.position = 0;
  ++one.open;
  *file = &one;
  return ISLET_OK;
}

islet_status ReadOne(void*, void* file, char* buffer, size_t size, size_t* count, islet_error*) {
  OneFile& one = *static_cast<OneFile*>(file);
  *count = one.text.copy(buffer, size, one.position);
  one.position += *count;
  return ISLET_OK;
}

islet_status WriteOne(void*, void* file, const char* bytes, size_t size, islet_error*) {
  static_cast<OneFile*>(file)->text.append(bytes, size);
  return ISLET_OK;
}

islet_status FailToFlush(void*, void*, islet_error*) { return ISLET_INTERNAL; }

islet_status CloseOne(void*, void* file, islet_error*) {
  --static_cast<OneFile*>(file)->open;
  return ISLET_OK;
}

islet_status OneExists(void*, const char* path, int* exists, islet_error*) {
  *exists = std::strcmp(path, "one") == 0;
  return ISLET_OK;
}

class CGrantsTest : public CInterfaceTest {
 protected:
  std::string Caught(const std::string& expression) {
    return Eval("(import (srfi 27)) (guard (e (#t (list (file-error? e) (error-object-message e)))) " + expression +
                ")");
  }
  void ExpectRefused(islet_options* options, islet_status status, const char* why) {
    EXPECT_EQ(islet_isolate_new(snapshot_, options, error_), nullptr);
    EXPECT_EQ(islet_error_status(error_), status);
    EXPECT_THAT(Message(), HasSubstr(why));
    EXPECT_EQ(islet_pool_new(snapshot_, options, error_), nullptr);
    EXPECT_THAT(Message(), HasSubstr(why));
    islet_options_free(options);
  }
};

TEST_F(CGrantsTest, NothingByDefault) {
  EXPECT_THAT(Caught("(file-exists? \"/\")"), StartsWith("(#t \"access to files is not granted to this isolate"));
  EXPECT_THAT(Caught("(current-second)"), StartsWith("(#f \"the clock is not granted to this isolate"));
  EXPECT_THAT(Caught("(random-source-randomize! default-random-source)"),
              StartsWith("(#f \"randomness is not granted to this isolate"));
  EXPECT_EQ(Eval("(list (command-line) (get-environment-variables))"), "(() ())");
}

TEST_F(CGrantsTest, TheProcesssOwn) {
  islet_options* const options = Options();
  islet_options_allow_all_files(options);
  islet_options_allow_clock(options, nullptr, nullptr);
  islet_options_allow_randomness(options);
  const char* const words[] = {"program", "argument"};
  islet_options_set_command_line(options, words, 2);
  islet_options_add_environment(options, "LANG", "de");
  islet_options_add_environment(options, "EMPTY", "");
  islet_options_add_environment(options, "EQUATION", "a=b");
  Make(options);
  EXPECT_EQ(Eval("(file-exists? \"/\")"), "#t");
  EXPECT_EQ(Eval("(< 1e9 (current-second) 1e11)"), "#t");
  EXPECT_EQ(Caught("(begin (random-source-randomize! default-random-source) 'drawn)"), "drawn");
  EXPECT_EQ(Eval("(command-line)"), "(\"program\" \"argument\")");
  EXPECT_EQ(Eval("(get-environment-variables)"), "((\"LANG\" . \"de\") (\"EMPTY\" . \"\") (\"EQUATION\" . \"a=b\"))");
}

TEST_F(CGrantsTest, FilesBelowADirectory) {
  const std::string directory = testing::TempDir();
  const auto make = [&](int read_only) {
    islet_options* const options = Options();
    islet_options_allow_files_below(options, directory.c_str(), read_only);
    islet_options_add_library_path(options, "libraries-of-c-test");
    Make(options);
  };
  make(0);
  EXPECT_EQ(Eval("(call-with-output-file \"c-test\" (lambda (p) (write 'written p)))"), "#<unspecified>");
  EXPECT_EQ(Eval("(call-with-input-file \"c-test\" read)"), "written");
  EXPECT_EQ(Caught("(open-input-file \"../c-test\")"),
            "(#t \"cannot open: the path leads out of the directory that the host has granted\")");
  EXPECT_THAT(Eval("(import (lost))"), HasSubstr("libraries-of-c-test/lost.sld"));
  make(1);
  EXPECT_EQ(Eval("(call-with-input-file \"c-test\" read)"), "written");
  EXPECT_EQ(Caught("(delete-file \"c-test\")"), "(#t \"cannot delete: Read-only file system\")");
  EXPECT_EQ(std::remove((directory + "/c-test").c_str()), 0);
  islet_options* const options = Options();
  islet_options_allow_files_below(options, "/no/such/directory", 0);
  ExpectRefused(options, ISLET_NOT_FOUND, "/no/such/directory");
}

TEST_F(CGrantsTest, AFileSystemAndAClockOfTheHosts) {
  OneFile one;
  int64_t now[2] = {1500000000, 7000};
  islet_file_system system = {};
  system.size = sizeof(system);
  system.data = &one;
  system.open = OpenOne;
  system.read = ReadOne;
  system.write = WriteOne;
  system.close = CloseOne;
  system.exists = OneExists;
  system.release = [](void* data) { ++static_cast<OneFile*>(data)->released; };
  const auto make = [&] {
    islet_options* const options = Options();
    islet_options_set_file_system(options, &system);
    islet_options_allow_clock(
        options, [](void* data, int monotonic) { return static_cast<int64_t*>(data)[monotonic]; }, now);
    islet_options_set_random_seed(options, 42);
    Make(options);
  };
  make();
  EXPECT_EQ(Eval("(call-with-input-file \"one\" read)"), "(the text)");
  EXPECT_EQ(Eval("(list (file-exists? \"one\") (file-exists? \"two\"))"), "(#t #f)");
  EXPECT_EQ(Caught("(open-input-file \"two\")"), "(#t \"cannot open: there is only one\")");
  EXPECT_EQ(StatusOf("(open-input-file \"two\")"), ISLET_NOT_FOUND);
  EXPECT_EQ(Caught("(delete-file \"one\")"), "(#t \"cannot delete: islet_file_system has no `remove`\")");
  EXPECT_EQ(Eval("(let ((p (open-output-file \"one\"))) (display 1 p) (flush-output-port p) (close-port p))"),
            "#<unspecified>");
  Eval("(let ((p (open-output-file \"one\" #t))) (display 2 p) (close-port p))");
  EXPECT_EQ(one.text, "12");
  EXPECT_EQ(one.open, 0);
  EXPECT_EQ(Eval("(list (current-second) (current-jiffy))"), "(1.5 7)");
  const char* draw = "(begin (random-source-randomize! default-random-source) (random-integer 1000000000000))";
  const std::string drawn = Caught(draw);
  EXPECT_NE(Caught(draw), drawn);
  make();
  EXPECT_EQ(one.released, 1);
  EXPECT_EQ(Caught(draw), drawn);

  // A file that is left open is closed with the isolate.
  Eval("(define p (open-input-file \"one\"))");
  EXPECT_EQ(one.open, 1);
  system.flush = FailToFlush;
  make();
  EXPECT_EQ(one.open, 0);
  EXPECT_EQ(Caught("(let ((p (open-output-file \"one\"))) (flush-output-port p))"), "(#t \"cannot write\")");
  system.write = nullptr;
  make();
  EXPECT_EQ(Caught("(open-output-file \"one\")"), "(#t \"cannot open: islet_file_system has no `write`\")");
  End();
}

TEST_F(CGrantsTest, StreamsOfTheHosts) {
  struct Streams {
    std::string input = "(read this) rest", output, errors;
    int flushed = 0;
  } streams;
  islet_streams table = {};
  table.size = sizeof(table);
  table.data = &streams;
  table.read = [](void* data, char* buffer, size_t capacity, size_t* count, islet_error*) -> islet_status {
    Streams& s = *static_cast<Streams*>(data);
    *count = s.input.copy(buffer, capacity);
    s.input.erase(0, *count);
    return ISLET_OK;
  };
  table.write = [](void* data, int descriptor, const char* text, size_t length, islet_error* error) -> islet_status {
    Streams& s = *static_cast<Streams*>(data);
    (descriptor == 1 ? s.output : s.errors).append(text, length);
    return s.output.size() > 100 ? islet_error_set(error, ISLET_HOST_STATUS, nullptr, "the reader has gone") : ISLET_OK;
  };
  table.flush = [](void* data, islet_error*) -> islet_status {
    ++static_cast<Streams*>(data)->flushed;
    return ISLET_OK;
  };
  islet_options* options = Options();
  islet_options_set_streams(options, &table);
  Make(options);
  EXPECT_EQ(Eval("(list (read) (read) (eof-object? (read)))"), "((read this) rest #t)");
  Eval("(display \"out\") (display \"err\" (current-error-port))");
  EXPECT_EQ(islet_flush(isolate_, error_), ISLET_OK);
  EXPECT_EQ(streams.output, "out");
  EXPECT_EQ(streams.errors, "err");
  EXPECT_GT(streams.flushed, 0);
  EXPECT_THAT(Caught("(begin (display (make-string 200 #\\x)) (flush-output-port))"), HasSubstr("the reader has gone"));
  streams.output.clear();
  table.write = nullptr;
  options = Options();
  islet_options_set_streams(options, &table);
  Make(options);
  EXPECT_THAT(Caught("(begin (display 1) (flush-output-port))"), HasSubstr("islet_streams has no `write`"));
  End();
}

TEST_F(CGrantsTest, WrongOptionsAreRefused) {
  islet_file_system system = {};
  islet_options* options = Options();
  islet_options_set_file_system(options, &system);
  ExpectRefused(options, ISLET_INVALID_ARGUMENT, "files->size is 0");
  options = Options();
  system.size = sizeof(system);
  system.open = OpenOne;
  islet_options_set_file_system(options, &system);
  ExpectRefused(options, ISLET_INVALID_ARGUMENT, "no `close`");
  options = Options();
  islet_options_set_streams(options, nullptr);
  ExpectRefused(options, ISLET_INVALID_ARGUMENT, "streams is NULL");
  options = Options();
  const char* const texts[] = {"word", nullptr};
  islet_options_set_command_line(options, texts, 2);
  ExpectRefused(options, ISLET_INVALID_ARGUMENT, "words[1] is NULL");
  options = Options();
  islet_options_set_command_line(options, nullptr, 2);
  ExpectRefused(options, ISLET_INVALID_ARGUMENT, "words is NULL");
  options = Options();
  islet_options_set_limit(options, ISLET_NOT_FOUND, 2);
  ExpectRefused(options, ISLET_UNSUPPORTED, "is no limit");
  options = Options();
  islet_options_add_function(options, "call-back", 3, 2, CallBack, nullptr, nullptr);
  ExpectRefused(options, ISLET_INVALID_ARGUMENT, "call-back");
  options = Options();
  islet_options_set_cage_size(options, 12345);
  ExpectRefused(options, ISLET_INVALID_ARGUMENT, "");
}

TEST_F(CGrantsTest, TablesOfOlderAndNewerHeaders) {
  // A table that ends before `remove`, as of an older header.
  OneFile one;
  islet_file_system older = {};
  older.size = offsetof(islet_file_system, remove);
  older.data = &one;
  older.open = OpenOne;
  older.read = ReadOne;
  older.close = CloseOne;
  older.exists = OneExists;
  older.remove = [](void*, const char*, islet_error*) -> islet_status { return ISLET_OK; };  // is not there
  islet_options* options = Options();
  islet_options_set_file_system(options, &older);
  Make(options);
  EXPECT_EQ(Eval("(call-with-input-file \"one\" read)"), "(the text)");
  EXPECT_THAT(Caught("(delete-file \"one\")"), HasSubstr("has no `remove`"));
  // One with two members more, as of a newer one.
  struct {
    islet_file_system known;
    void* more[2];
  } newer = {older, {}};
  newer.known.size = sizeof(newer);
  options = Options();
  islet_options_set_file_system(options, &newer.known);
  Make(options);
  EXPECT_EQ(Eval("(call-with-input-file \"one\" read)"), "(the text)");
  newer.more[1] = &one;
  options = Options();
  islet_options_set_file_system(options, &newer.known);
  ExpectRefused(options, ISLET_UNSUPPORTED, "does not know");
  End();
}

TEST(CInterfaceSnapshotTest, BadSnapshots) {
  islet_error* const error = islet_error_new();
  EXPECT_EQ(islet_snapshot_open_file("/no/such/file", 0, error), nullptr);
  EXPECT_EQ(islet_error_status(error), ISLET_NOT_FOUND);
  EXPECT_EQ(islet_snapshot_open_file("/no/such/file", 8, error), nullptr);
  EXPECT_EQ(islet_error_status(error), ISLET_UNSUPPORTED);
  EXPECT_EQ(islet_snapshot_open_bytes("", 0, 0, error), nullptr);
  EXPECT_EQ(islet_error_status(error), ISLET_INVALID_ARGUMENT);
  EXPECT_EQ(islet_snapshot_open_bytes(nullptr, 10, 0, error), nullptr);
  EXPECT_STREQ(islet_error_message(error), "islet_snapshot_open_bytes: bytes is NULL");
  islet_snapshot* snapshot = islet_snapshot_open_embedded(islet_snapshot_isolate_test_startup_begin,
                                                          islet_snapshot_isolate_test_startup_end, error);
  ASSERT_NE(snapshot, nullptr);
  EXPECT_EQ(islet_isolate_new(snapshot, nullptr, error), nullptr);
  EXPECT_THAT(islet_error_message(error), HasSubstr("call-back"));
  EXPECT_EQ(islet_error_status(error), ISLET_MISMATCH);
  islet_snapshot* const resident = islet_snapshot_resident(snapshot, error);
  EXPECT_NE(resident, nullptr) << islet_error_message(error);
  islet_snapshot_free(resident);
  islet_snapshot_free(snapshot);
  islet_error_free(error);
}

// ---- Limits

TEST_F(CInterfaceTest, Limits) {
  const auto limit = [this](islet_status which, uint64_t to) {
    ASSERT_EQ(islet_set_limit(isolate_, which, to), ISLET_OK);
  };
  limit(ISLET_HEAP_LIMIT, 8 << 20);
  limit(ISLET_STACK_LIMIT, 100 << 10);
  limit(ISLET_FUEL_LIMIT, 200000);
  EXPECT_EQ(StatusOf("(let loop () (loop))"), ISLET_FUEL_LIMIT);
  EXPECT_THAT(Message(), HasSubstr("fuel"));
  EXPECT_EQ(StatusOf("(define (f n) (+ 1 (f n))) (f 1)"), ISLET_STACK_LIMIT);
  limit(ISLET_FUEL_LIMIT, ISLET_NO_LIMIT);
  EXPECT_EQ(StatusOf("(let loop ((l '())) (loop (cons 1 l)))"), ISLET_HEAP_LIMIT);
  limit(ISLET_CPU_TIME_LIMIT, 10'000'000);
  EXPECT_EQ(StatusOf("(let loop () (loop))"), ISLET_CPU_TIME_LIMIT);
  limit(ISLET_CPU_TIME_LIMIT, ISLET_NO_LIMIT);
  limit(ISLET_WALL_TIME_LIMIT, 10'000'000);
  EXPECT_EQ(StatusOf("(let loop () (loop))"), ISLET_WALL_TIME_LIMIT);
  EXPECT_EQ(islet_limit(isolate_, ISLET_HEAP_LIMIT), uint64_t{8} << 20);
  EXPECT_EQ(islet_limit(isolate_, ISLET_STACK_LIMIT), uint64_t{100} << 10);
  EXPECT_EQ(islet_limit(isolate_, ISLET_FUEL_LIMIT), ISLET_NO_LIMIT);
  EXPECT_EQ(islet_limit(isolate_, ISLET_CPU_TIME_LIMIT), ISLET_NO_LIMIT);
  EXPECT_EQ(islet_limit(isolate_, ISLET_WALL_TIME_LIMIT), 10'000'000u);
  EXPECT_EQ(Eval("(+ 1 2)"), "3");
  limit(ISLET_FUEL_LIMIT, 0);
  EXPECT_EQ(StatusOf("(+ 1 2)"), ISLET_FUEL_LIMIT) << "0 is nothing";
  limit(ISLET_FUEL_LIMIT, 1000000);
  EXPECT_EQ(StatusOf("(let loop ((n 100000)) (if (> n 0) (loop (- n 1))))"), ISLET_OK) << Message();
  EXPECT_GT(islet_stat(isolate_, ISLET_STAT_INSTRUCTIONS), 100000u);
  EXPECT_EQ(islet_stat(isolate_, ISLET_STAT_HEAP_BYTES),
            islet_stat(isolate_, ISLET_STAT_YOUNG_BYTES) + islet_stat(isolate_, ISLET_STAT_OLD_BYTES));
  EXPECT_EQ(islet_stat(isolate_, 4711), 0u);
  EXPECT_EQ(islet_set_limit(isolate_, ISLET_BUSY, 1), ISLET_UNSUPPORTED);
}

// Free memory that is resident at most while lists die one after the other.
uint64_t MostSpare(islet_isolate* isolate) {
  uint64_t most = 0;
  for (int i = 0; i < 60; ++i) {
    EXPECT_EQ(islet_eval(isolate, "(define l (make-list 100000 1))", ISLET_Z, "test", 0, nullptr, nullptr), ISLET_OK);
    most = std::max(most, islet_stat(isolate, ISLET_STAT_SPARE_BYTES));
  }
  return most;
}

TEST_F(CInterfaceTest, FreeMemoryThatStays) {
  EXPECT_GT(MostSpare(isolate_), uint64_t{1} << 20);
  EXPECT_EQ(islet_collect(isolate_, ISLET_COLLECT_FULL, error_), ISLET_OK);
  EXPECT_EQ(islet_stat(isolate_, ISLET_STAT_SPARE_BYTES), 0u);
  EXPECT_GE(islet_stat(isolate_, ISLET_STAT_FULL_COLLECTIONS), 2u);
  const uint64_t minor = islet_stat(isolate_, ISLET_STAT_MINOR_COLLECTIONS);
  EXPECT_EQ(islet_collect(isolate_, ISLET_COLLECT_MINOR, error_), ISLET_OK);
  EXPECT_EQ(islet_stat(isolate_, ISLET_STAT_MINOR_COLLECTIONS), minor + 1);
  EXPECT_EQ(islet_collect(isolate_, 2, error_), ISLET_UNSUPPORTED);
  islet_options* const options = Options();
  islet_options_set_spare_bytes(options, 0);
  Make(options);
  ASSERT_NE(isolate_, nullptr) << Message();
  EXPECT_EQ(MostSpare(isolate_), 0u);
}

TEST_F(CInterfaceTest, EntriesThatCollectionsHaveMisplacedAreCounted) {
  Eval("(define keys (map list (iota 100)))");
  Eval("(define table (make-hash-table eq?))");
  Eval("(for-each (lambda (key) (hash-table-set! table key #t)) keys)");
  const uint64_t before = islet_stat(isolate_, ISLET_STAT_REHASHED_ENTRIES);
  ASSERT_EQ(islet_collect(isolate_, ISLET_COLLECT_FULL, error_), ISLET_OK);
  EXPECT_EQ(Eval("(hash-table-ref/default table (car keys) #f)"), "#t");
  EXPECT_GE(islet_stat(isolate_, ISLET_STAT_REHASHED_ENTRIES), before + 100);
}

TEST_F(CInterfaceTest, NearLimit) {
  islet_options* const options = Options();
  islet_options_set_limit(options, ISLET_FUEL_LIMIT, 1000);
  int asked = 0;
  islet_options_set_near_limit(
      options,
      [](void* data, islet_isolate* isolate, islet_status limit) {
        ++*static_cast<int*>(data);
        EXPECT_EQ(limit, ISLET_FUEL_LIMIT);
        EXPECT_EQ(islet_eval(isolate, "1", 1, nullptr, 0, nullptr, nullptr), ISLET_BUSY);
        EXPECT_EQ(islet_isolate_free(isolate), ISLET_BUSY);
        const uint64_t twice = islet_limit(isolate, ISLET_FUEL_LIMIT) * 2;
        if (twice <= 8000) {
          EXPECT_EQ(islet_set_limit(isolate, ISLET_FUEL_LIMIT, twice), ISLET_OK);
        }
      },
      &asked, nullptr);
  Make(options);
  EXPECT_EQ(StatusOf("(let loop () (loop))"), ISLET_FUEL_LIMIT);
  EXPECT_EQ(asked, 4);
}

TEST_F(CInterfaceTest, PastAHundredNestedCallsTheOutermostIsToldSo) {
  EXPECT_EQ(StatusOf("(define (nest n) (if (= n 0) 0 (call-back (lambda () (nest (- n 1)))))) (nest 150)"),
            ISLET_RESOURCE_EXHAUSTED)
      << Message();
  EXPECT_THAT(Message(), HasSubstr("nested calls"));
  EXPECT_EQ(Eval("(nest 50)"), "0");
}

// A fiber's stack, here an array: unknown until it is announced.
TEST_F(CInterfaceTest, FibersAnnounceTheirStacks) {
  alignas(16) static char stack[512 << 10];  // code that the sanitizers have changed needs much
  static CInterfaceTest_FibersAnnounceTheirStacks_Test* test;
  static std::string answer;
  test = this;
  const auto run = [] {
    ucontext_t here, there;
    getcontext(&there);
    there.uc_stack.ss_sp = stack;
    there.uc_stack.ss_size = sizeof(stack);
    there.uc_link = &here;
    makecontext(&there, [] { answer = test->Eval("(+ 1 2)"); }, 0);
    swapcontext(&here, &there);
    return answer;
  };
  EXPECT_THAT(run(), testing::HasSubstr("islet_stack_announce"));
  ASSERT_EQ(islet_stack_announce(stack, sizeof(stack), error_), ISLET_OK);
  EXPECT_EQ(run(), "3");
  islet_stack_forget(stack);
  EXPECT_THAT(run(), testing::HasSubstr("islet_stack_announce"));
}

}  // namespace
