// The C interface as a host sees it; each call's failure is a status with a message, never an exit.

#include "bindings/c/islet.h"

#include <ucontext.h>

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <string>
#include <thread>

#include "gmock/gmock.h"
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
  const islet_value items[] = {islet_integer(isolate_, 1),
                               islet_string(isolate_, "two", 3),
                               islet_real(isolate_, 0.5),
                               islet_boolean(isolate_, 1),
                               islet_character(isolate_, 'x'),
                               islet_symbol(isolate_, "s", 1),
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
  EXPECT_EQ(error_.status, ISLET_HEAP_LIMIT);
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

// A host function that frees the isolate which is calling it.
islet_status Free(islet_isolate* isolate, void* user_data, const islet_value*, size_t, islet_value*,
                  islet_error* error) {
  islet_isolate_free(isolate);
  *static_cast<islet_status*>(user_data) = islet_eval(isolate, "1", 1, "test", nullptr, error);
  return ISLET_OK;
}

TEST_F(CInterfaceTest, FreedByItsOwnCallbacks) {
  islet_status inside = ISLET_OK;
  const islet_host_binding hosts[] = {
      {"log", 1, 1, Log, &logged_}, {"add", 2, -1, Add, nullptr}, {"call-back", 1, 1, Free, &inside}};
  islet_isolate_options options = {};
  options.size = sizeof(options);
  options.host_functions = hosts;
  options.host_function_count = 3;
  islet_pool* const pool = islet_pool_new(snapshot_, &options, nullptr, &error_);
  ASSERT_NE(pool, nullptr) << error_.message;
  for (const char* program : {"(call-back 1)", "(begin (call-back 1) (log 'never))",
                              "(guard (e (#t 'caught)) (call-back 1) (let loop () (loop)))"}) {
    for (const bool pooled : {false, true}) {
      islet_isolate* const isolate =
          pooled ? islet_pool_get(pool, &error_) : islet_isolate_new(snapshot_, &options, &error_);
      ASSERT_NE(isolate, nullptr) << error_.message;
      ASSERT_EQ(islet_enter(isolate, &error_), ISLET_OK);
      inside = ISLET_OK;
      EXPECT_EQ(islet_eval(isolate, program, std::strlen(program), "test", nullptr, &error_), ISLET_NOT_ENTERED);
      EXPECT_THAT(error_.message, testing::HasSubstr("disposed of"));
      EXPECT_EQ(inside, ISLET_NOT_ENTERED);
    }
  }
  EXPECT_EQ(logged_, 0);
  islet_pool_free(pool);
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

// ---- What is granted

// A file system of one file, and what a script does to it.
struct OneFile {
  std::string text = "(the text)";
  size_t position = 0;
  int open = 0;
};

islet_status OpenOne(void* data, const char* path, islet_file_mode mode, void** file, islet_error* error) {
  OneFile& one = *static_cast<OneFile*>(data);
  if (std::strcmp(path, "one") != 0) {
    std::strcpy(error->message, "cannot open: there is only one");
    return ISLET_NOT_FOUND;
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
  // In place of the isolate without grants.
  void Make(islet_isolate_options options) {
    const islet_host_binding hosts[] = {
        {"log", 1, 1, Log, &logged_}, {"add", 2, -1, Add, nullptr}, {"call-back", 1, 1, CallBack, nullptr}};
    options.host_functions = hosts;
    options.host_function_count = 3;
    islet_isolate_free(isolate_);
    isolate_ = islet_isolate_new(snapshot_, &options, &error_);
    if (isolate_ != nullptr) {
      ASSERT_EQ(islet_enter(isolate_, &error_), ISLET_OK);
    }
  }
  static islet_isolate_options Options() {
    islet_isolate_options options = {};
    options.size = sizeof(options);
    return options;
  }
  std::string Caught(const std::string& expression) {
    return Eval("(import (srfi 27)) (guard (e (#t (list (file-error? e) (error-object-message e)))) " + expression +
                ")");
  }
};

TEST_F(CGrantsTest, NothingByDefault) {
  EXPECT_EQ(Caught("(file-exists? \"/\")"),
            "(#t \"access to files is not granted to this isolate (IsolateOptions::files)\")");
  EXPECT_EQ(Caught("(current-second)"), "(#f \"the clock is not granted to this isolate (IsolateOptions::clock)\")");
  EXPECT_EQ(Caught("(random-source-randomize! default-random-source)"),
            "(#f \"randomness is not granted to this isolate (IsolateOptions::randomness)\")");
  EXPECT_EQ(Eval("(list (command-line) (get-environment-variables))"), "(() ())");
}

TEST_F(CGrantsTest, TheProcesssOwn) {
  islet_isolate_options options = Options();
  options.allow_files = options.allow_clock = options.allow_randomness = 1;
  const char* const words[] = {"program", "argument"};
  options.command_line = words;
  options.command_line_count = 2;
  const char* const variables[] = {"LANG=de", "EMPTY=", "EQUATION=a=b"};
  options.environment = variables;
  options.environment_count = 3;
  Make(options);
  EXPECT_EQ(Eval("(file-exists? \"/\")"), "#t");
  EXPECT_EQ(Eval("(< 1e9 (current-second) 1e11)"), "#t");
  EXPECT_EQ(Caught("(begin (random-source-randomize! default-random-source) 'drawn)"), "drawn");
  EXPECT_EQ(Eval("(command-line)"), "(\"program\" \"argument\")");
  EXPECT_EQ(Eval("(get-environment-variables)"), "((\"LANG\" . \"de\") (\"EMPTY\" . \"\") (\"EQUATION\" . \"a=b\"))");
}

TEST_F(CGrantsTest, FilesBelowADirectory) {
  const std::string directory = testing::TempDir();
  islet_isolate_options options = Options();
  options.files_below = directory.c_str();
  const char* const path[] = {"libraries-of-c-test"};
  options.library_path = path;
  options.library_path_count = 1;
  Make(options);
  EXPECT_EQ(Eval("(call-with-output-file \"c-test\" (lambda (p) (write 'written p)))"), "#<unspecified>");
  EXPECT_EQ(Eval("(call-with-input-file \"c-test\" read)"), "written");
  EXPECT_EQ(Caught("(open-input-file \"../c-test\")"),
            "(#t \"cannot open: the path leads out of the directory that the host has granted\")");
  EXPECT_NE(Eval("(import (lost))").find("libraries-of-c-test/lost.sld"), std::string::npos);
  options.files_read_only = 1;
  Make(options);
  EXPECT_EQ(Eval("(call-with-input-file \"c-test\" read)"), "written");
  EXPECT_EQ(Caught("(delete-file \"c-test\")"), "(#t \"cannot delete: Read-only file system\")");
  EXPECT_EQ(std::remove((directory + "/c-test").c_str()), 0);
  options.files_below = "/no/such/directory";
  Make(options);
  EXPECT_EQ(isolate_, nullptr);
  EXPECT_EQ(error_.status, ISLET_NOT_FOUND);
  EXPECT_NE(std::strstr(error_.message, "/no/such/directory"), nullptr) << error_.message;
}

TEST_F(CGrantsTest, AFileSystemAndAClockOfTheHosts) {
  OneFile one;
  int64_t now[2] = {1500000000, 7000};
  const uint64_t seed = 42;
  islet_isolate_options options = Options();
  islet_file_system system = {};
  system.size = sizeof(system);
  system.user_data = &one;
  system.open = OpenOne;
  system.read = ReadOne;
  system.write = WriteOne;
  system.close = CloseOne;
  system.exists = OneExists;
  options.file_system = &system;
  options.clock = [](void* data, int monotonic) { return static_cast<int64_t*>(data)[monotonic]; };
  options.clock_user_data = now;
  options.random_seed = &seed;
  Make(options);
  EXPECT_EQ(Eval("(call-with-input-file \"one\" read)"), "(the text)");
  EXPECT_EQ(Eval("(list (file-exists? \"one\") (file-exists? \"two\"))"), "(#t #f)");
  EXPECT_EQ(Caught("(open-input-file \"two\")"), "(#t \"cannot open: there is only one\")");
  EXPECT_EQ(Caught("(delete-file \"one\")"), "(#t \"cannot delete: files cannot be deleted here\")");
  EXPECT_EQ(Eval("(let ((p (open-output-file \"one\"))) (display 1 p) (flush-output-port p) (close-port p))"),
            "#<unspecified>");
  Eval("(let ((p (open-output-file \"one\" #t))) (display 2 p) (close-port p))");
  EXPECT_EQ(one.text, "12");
  EXPECT_EQ(one.open, 0);
  EXPECT_EQ(Eval("(list (current-second) (current-jiffy))"), "(1.5 7)");
  const char* draw = "(begin (random-source-randomize! default-random-source) (random-integer 1000000000000))";
  const std::string drawn = Caught(draw);
  EXPECT_NE(Caught(draw), drawn);
  Make(options);
  EXPECT_EQ(Caught(draw), drawn);

  // A file that is left open is closed with the isolate.
  Eval("(define p (open-input-file \"one\"))");
  EXPECT_EQ(one.open, 1);
  system.flush = FailToFlush;
  Make(options);
  EXPECT_EQ(one.open, 0);
  EXPECT_EQ(Caught("(let ((p (open-output-file \"one\"))) (flush-output-port p))"), "(#t \"cannot write\")");
  system.write = nullptr;
  Make(options);
  EXPECT_EQ(Caught("(open-output-file \"one\")"), "(#t \"cannot open: files cannot be written here\")");
}

TEST_F(CGrantsTest, WrongOptionsAreRefused) {
  const auto refused = [this](const islet_isolate_options& options, const char* why) {
    Make(options);
    EXPECT_EQ(isolate_, nullptr);
    EXPECT_EQ(error_.status, ISLET_INVALID_ARGUMENT);
    EXPECT_NE(std::strstr(error_.message, why), nullptr) << error_.message;
    EXPECT_EQ(islet_pool_new(snapshot_, &options, nullptr, &error_), nullptr);
    EXPECT_NE(std::strstr(error_.message, why), nullptr) << error_.message;
  };
  islet_isolate_options options = Options();
  islet_file_system system = {};
  system.size = sizeof(system);
  system.open = OpenOne;
  options.file_system = &system;
  refused(options, "file_system lacks");
  options = Options();
  const char* const texts[] = {"no equation", nullptr};
  options.environment = texts;
  options.environment_count = 1;
  refused(options, "no equation is not NAME=VALUE");
  options = Options();
  options.command_line = texts;
  options.command_line_count = 2;
  refused(options, "command_line[1] is NULL");
  options.command_line = nullptr;
  refused(options, "command_line is NULL");
  // A caller that was built before there were such options has none of them.
  options.size = offsetof(islet_isolate_options, files_below);
  Make(options);
  EXPECT_EQ(Eval("(command-line)"), "()");
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

TEST_F(CInterfaceTest, Limits) {
  islet_limits limits = {};
  limits.size = sizeof(limits);
  limits.heap_bytes = 8 << 20;
  limits.stack_bytes = 100 << 10;
  limits.fuel = 200000;
  ASSERT_EQ(islet_set_limits(isolate_, &limits, &error_), ISLET_OK);
  const auto status = [this](const std::string& text) {
    return islet_eval(isolate_, text.data(), text.size(), "test", nullptr, &error_);
  };
  EXPECT_EQ(status("(let loop () (loop))"), ISLET_FUEL_LIMIT);
  EXPECT_THAT(error_.message, testing::HasSubstr("fuel"));
  EXPECT_EQ(status("(define (f n) (+ 1 (f n))) (f 1)"), ISLET_STACK_LIMIT);
  limits.fuel = 0;
  ASSERT_EQ(islet_set_limits(isolate_, &limits, &error_), ISLET_OK);
  EXPECT_EQ(status("(let loop ((l '())) (loop (cons 1 l)))"), ISLET_HEAP_LIMIT);
  limits.cpu_time_nanoseconds = 10'000'000;
  ASSERT_EQ(islet_set_limits(isolate_, &limits, &error_), ISLET_OK);
  EXPECT_EQ(status("(let loop () (loop))"), ISLET_CPU_TIME_LIMIT);
  limits.cpu_time_nanoseconds = 0;
  limits.wall_time_nanoseconds = 10'000'000;
  ASSERT_EQ(islet_set_limits(isolate_, &limits, &error_), ISLET_OK);
  EXPECT_EQ(status("(let loop () (loop))"), ISLET_WALL_TIME_LIMIT);
  islet_limits seen = {};
  seen.size = sizeof(seen);
  islet_get_limits(isolate_, &seen);
  EXPECT_EQ(seen.heap_bytes, size_t{8} << 20);
  EXPECT_EQ(seen.stack_bytes, size_t{100} << 10);
  EXPECT_EQ(seen.fuel, 0u);
  EXPECT_EQ(seen.wall_time_nanoseconds, 10'000'000);
  EXPECT_EQ(Eval("(+ 1 2)"), "3");
  islet_isolate_stats stats;
  islet_get_stats(isolate_, &stats);
  EXPECT_GT(stats.instructions, 100000u);
  EXPECT_EQ(stats.heap_bytes, stats.young_bytes + stats.old_bytes);
  EXPECT_EQ(islet_set_limits(isolate_, nullptr, &error_), ISLET_INVALID_ARGUMENT);
}

// Free memory that is resident at most while lists die one after the other.
size_t MostSpare(islet_isolate* isolate) {
  islet_error error;
  size_t most = 0;
  const std::string text = "(define l (make-list 100000 1))";
  for (int i = 0; i < 60; ++i) {
    islet_value result;
    EXPECT_EQ(islet_eval(isolate, text.data(), text.size(), "test", &result, &error), ISLET_OK) << error.message;
    islet_isolate_stats stats;
    islet_get_stats(isolate, &stats);
    most = std::max(most, stats.spare_bytes);
  }
  return most;
}

TEST_F(CInterfaceTest, FreeMemoryThatStays) {
  EXPECT_GT(MostSpare(isolate_), size_t{1} << 20);
  islet_collect_garbage(isolate_);
  islet_isolate_stats stats;
  islet_get_stats(isolate_, &stats);
  EXPECT_EQ(stats.spare_bytes, 0u);
  EXPECT_GE(stats.full_collections, 2u);
  islet_isolate_options options = {};
  options.size = sizeof(options);
  const islet_host_binding hosts[] = {
      {"log", 1, 1, Log, &logged_}, {"add", 2, -1, Add, nullptr}, {"call-back", 1, 1, CallBack, nullptr}};
  options.host_functions = hosts;
  options.host_function_count = 3;
  options.spare_bytes = 1;
  islet_isolate* const frugal = islet_isolate_new(snapshot_, &options, &error_);
  ASSERT_NE(frugal, nullptr) << error_.message;
  islet_leave(isolate_);
  ASSERT_EQ(islet_enter(frugal, &error_), ISLET_OK);
  EXPECT_EQ(MostSpare(frugal), 0u);
  islet_leave(frugal);
  islet_isolate_free(frugal);
  ASSERT_EQ(islet_enter(isolate_, &error_), ISLET_OK);
}

TEST_F(CInterfaceTest, EntriesThatCollectionsHaveMisplacedAreCounted) {
  Eval("(define keys (map list (iota 100)))");
  Eval("(define table (make-hash-table eq?))");
  Eval("(for-each (lambda (key) (hash-table-set! table key #t)) keys)");
  islet_isolate_stats before, after;
  islet_get_stats(isolate_, &before);
  islet_collect_garbage(isolate_);
  EXPECT_EQ(Eval("(hash-table-ref/default table (car keys) #f)"), "#t");
  islet_get_stats(isolate_, &after);
  EXPECT_GE(after.rehashed_entries, before.rehashed_entries + 100);
}

TEST_F(CInterfaceTest, NearLimit) {
  islet_limits limits = {};
  limits.size = sizeof(limits);
  limits.fuel = 1000;
  islet_isolate_options options = {};
  options.size = sizeof(options);
  const islet_host_binding hosts[] = {
      {"log", 1, 1, Log, &logged_}, {"add", 2, -1, Add, nullptr}, {"call-back", 1, 1, CallBack, nullptr}};
  options.host_functions = hosts;
  options.host_function_count = 3;
  options.limits = &limits;
  int asked = 0;
  options.near_limit_user_data = &asked;
  options.near_limit = [](void* user_data, islet_isolate* isolate, islet_status limit) {
    ++*static_cast<int*>(user_data);
    EXPECT_EQ(limit, ISLET_FUEL_LIMIT);
    islet_limits now = {};
    now.size = sizeof(now);
    islet_get_limits(isolate, &now);
    now.fuel *= 2;
    if (now.fuel <= 8000) {
      EXPECT_EQ(islet_set_limits(isolate, &now, nullptr), ISLET_OK);
    }
  };
  islet_isolate* isolate = islet_isolate_new(snapshot_, &options, &error_);
  ASSERT_NE(isolate, nullptr) << error_.message;
  ASSERT_EQ(islet_enter(isolate, &error_), ISLET_OK);
  const std::string text = "(let loop () (loop))";
  EXPECT_EQ(islet_eval(isolate, text.data(), text.size(), "test", nullptr, &error_), ISLET_FUEL_LIMIT);
  EXPECT_EQ(asked, 4);
  islet_isolate_free(isolate);
}

TEST_F(CInterfaceTest, PastAHundredNestedCallsTheOutermostIsToldSo) {
  islet_value result;
  const std::string text = "(define (nest n) (if (= n 0) 0 (call-back (lambda () (nest (- n 1)))))) (nest 150)";
  EXPECT_EQ(islet_eval(isolate_, text.data(), text.size(), "test", &result, &error_), ISLET_RESOURCE_EXHAUSTED)
      << error_.message;
  EXPECT_THAT(error_.message, testing::HasSubstr("nested calls"));
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
  ASSERT_EQ(islet_stack_announce(stack, sizeof(stack), &error_), ISLET_OK);
  EXPECT_EQ(run(), "3");
  islet_stack_forget(stack);
  EXPECT_THAT(run(), testing::HasSubstr("islet_stack_announce"));
}

}  // namespace
