// Every function of the header, with every wrong argument, in every state that an isolate can be in for a thread.
//
// Functions() has a row for each function, which one test compares with the header. A row's call gets a Case: right
// arguments at first, then with one of them wrong, then with several. Whatever is wrong, the call returns, with a
// status of the header; a failure has a message that names the function, and changes nothing; a success leaves the
// error alone.

#include <algorithm>
#include <cmath>
#include <condition_variable>
#include <fstream>
#include <functional>
#include <iterator>
#include <mutex>
#include <random>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "bindings/c/host_for_tests.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "islet/islet.h"
#include "sdk/isolate_impl.h"
#include "tests/child_for_tests.h"

namespace islet::c {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

// Error objects hold this before each call.
constexpr islet_status kMarked = 4711;
constexpr char kMark[] = "what has failed before";

// The data of the isolate that Case::a, b and c are taken from.
enum Datum {
  kText,
  kPair,
  kList,
  kVector,
  kTable,
  kProcedure,
  kInteger,
  kReal,
  kCharacter,
  kBytes,
  kRecord,
  kKept,
  kHostObject,
  kData
};

struct Case {
  islet_isolate* isolate = nullptr;
  islet_snapshot* snapshot = nullptr;
  islet_options* options = nullptr;
  islet_pool* pool = nullptr;
  islet_host_type* type = nullptr;
  islet_error* error = nullptr;
  islet_value a = {}, b = {}, c = {};
  const islet_value* items = nullptr;
  size_t count = 2;
  const char* text = "12";
  size_t length = 2;
  const char* name = "count!";
  int number = 0;
  uint64_t big = uint64_t{1} << 30;
  uint32_t flags = 0;
};

struct Answer {
  islet_status status = ISLET_OK;
  bool is_value = false;
  islet_value value = {};
};
Answer Told(islet_status status) { return {status, false, {}}; }
Answer Made(islet_value value) { return {ISLET_OK, true, value}; }
Answer Nothing() { return {}; }
// Of functions that return an object or NULL.
template <typename T>
Answer Object(T* object, void (*free)(T*), const Case& c) {
  if (object == nullptr) return Told(c.error != nullptr ? islet_error_status(c.error) : ISLET_INTERNAL);
  free(object);
  return Nothing();
}
void Free(islet_isolate* isolate) { EXPECT_EQ(islet_isolate_free(isolate), ISLET_OK); }

// Who may call it, as the header marks it.
enum Mark { kAny, kFree, kOwn };

struct Row {
  const char* name;
  Mark mark;
  bool tells;          // what fails is told by a status, a value or an object
  const char* object;  // the name of the parameter that is an object, if the function has an error
  Datum a, b, c;
  Answer (*call)(const Case& c);
};

int64_t Clock(void*, int) { return 1; }
islet_status ReadNothing(void*, char*, size_t, size_t* count, islet_error*) {
  *count = 0;
  return ISLET_OK;
}
size_t AtMost(size_t n, size_t most) { return std::min(n, most); }

// Gets each row.
using Add = std::function<void(Row row)>;

void OfErrors(const Add& add) {
  add({"islet_version", kAny, false, nullptr, kText, kText, kText,
       [](const Case&) { return (void)islet_version(), Nothing(); }});
  add({"islet_check_version", kAny, true, nullptr, kText, kText, kText,
       [](const Case& c) { return Told(islet_check_version(c.number == 0 ? ISLET_VERSION : c.number, c.error)); }});
  add({"islet_error_new", kAny, false, nullptr, kText, kText, kText,
       [](const Case&) { return islet_error_free(islet_error_new()), Nothing(); }});
  add({"islet_error_free", kAny, false, nullptr, kText, kText, kText,
       [](const Case&) { return islet_error_free(nullptr), Nothing(); }});
  add({"islet_error_clear", kAny, false, nullptr, kText, kText, kText,
       [](const Case&) { return islet_error_clear(nullptr), Nothing(); }});
  add({"islet_error_status", kAny, false, nullptr, kText, kText, kText,
       [](const Case& c) { return (void)islet_error_status(c.error), Nothing(); }});
  add({"islet_error_message", kAny, false, nullptr, kText, kText, kText, [](const Case& c) {
         EXPECT_NE(islet_error_message(c.error), nullptr);
         return Nothing();
       }});
  add({"islet_error_report", kAny, false, nullptr, kText, kText, kText, [](const Case& c) {
         EXPECT_NE(islet_error_report(c.error), nullptr);
         return Nothing();
       }});
  add({"islet_error_kind", kAny, false, nullptr, kText, kText, kText, [](const Case& c) {
         EXPECT_NE(islet_error_kind(c.error), nullptr);
         return Nothing();
       }});
  add({"islet_error_exit_status", kAny, false, nullptr, kText, kText, kText,
       [](const Case& c) { return (void)islet_error_exit_status(c.error), Nothing(); }});
  add({"islet_error_frame", kAny, false, nullptr, kText, kText, kText, [](const Case& c) {
         islet_frame frame;
         return (void)islet_error_frame(c.error, c.count, c.number == 0 ? nullptr : &frame), Nothing();
       }});
  add({"islet_error_set", kAny, false, nullptr, kText, kText, kText, [](const Case& c) {
         islet_error* const error = islet_error_new();
         EXPECT_NE(islet_error_set(error, c.number, c.name, c.text), ISLET_OK);
         EXPECT_EQ(islet_error_set(nullptr, c.number, c.name, c.text), islet_error_status(error));
         islet_error_free(error);
         return Nothing();
       }});
  add({"islet_error_copy", kAny, false, nullptr, kText, kText, kText, [](const Case& c) {
         islet_error* const error = islet_error_new();
         EXPECT_EQ(islet_error_copy(error, c.error), islet_error_status(c.error));
         EXPECT_EQ(islet_error_copy(nullptr, c.error), islet_error_status(c.error));
         (void)islet_error_copy(error, error);
         islet_error_free(error);
         return Nothing();
       }});
  add({"islet_error_irritants", kAny, false, nullptr, kText, kText, kText, [](const Case& c) {
         (void)islet_error_irritants(c.error);
         return Nothing();
       }});
  add({"islet_error_irritant", kAny, false, nullptr, kText, kText, kText, [](const Case& c) {
         (void)islet_error_irritant(c.error, c.count);
         return Nothing();
       }});
  add({"islet_error_raised", kOwn, false, nullptr, kText, kText, kText, [](const Case& c) {
         (void)islet_error_raised(nullptr, c.isolate, nullptr);
         EXPECT_NE(islet_error_raised(c.error, c.isolate, nullptr), ISLET_OK) << "it has raised nothing";
         return Nothing();
       }});
  add({"islet_error_add", kOwn, true, nullptr, kText, kText, kText, [](const Case& c) {
         islet_error* const error = islet_error_new();
         (void)islet_error_set(error, ISLET_HOST_STATUS, c.name, c.text);
         const islet_status status = islet_error_add(error, c.isolate, c.a);
         (void)islet_error_add(nullptr, c.isolate, c.a);
         islet_error_free(error);
         return Told(status);
       }});
}

void OfSnapshots(const Add& add) {
  add({"islet_snapshot_open_embedded", kAny, true, nullptr, kText, kText, kText, [](const Case& c) {
         const auto* begin = c.text == nullptr ? nullptr : islet_snapshot_isolate_test_startup_begin;
         const auto* end = c.name == nullptr ? nullptr : islet_snapshot_isolate_test_startup_end;
         return Object(islet_snapshot_open_embedded(begin, end, c.error), islet_snapshot_free, c);
       }});
  add({"islet_snapshot_open_file", kAny, true, nullptr, kText, kText, kText, [](const Case& c) {
         return Object(islet_snapshot_open_file(c.text, c.flags, c.error), islet_snapshot_free, c);
       }});
  add({"islet_snapshot_open_bytes", kAny, true, nullptr, kText, kText, kText, [](const Case& c) {
         const size_t size = c.length > PTRDIFF_MAX ? c.length : AtMost(c.length, 2);
         return Object(islet_snapshot_open_bytes(c.text, size, c.flags, c.error), islet_snapshot_free, c);
       }});
  add({"islet_snapshot_resident", kAny, true, "snapshot", kText, kText, kText,
       [](const Case& c) { return Object(islet_snapshot_resident(c.snapshot, c.error), islet_snapshot_free, c); }});
  add({"islet_snapshot_bytes", kAny, false, nullptr, kText, kText, kText,
       [](const Case& c) { return (void)islet_snapshot_bytes(c.snapshot), Nothing(); }});
  add({"islet_snapshot_needs", kAny, false, nullptr, kText, kText, kText,
       [](const Case& c) { return (void)islet_snapshot_needs(c.snapshot, c.count), Nothing(); }});
  add({"islet_snapshot_lookup", kAny, true, "snapshot", kText, kText, kText, [](const Case& c) {
         islet_value value;
         return Told(islet_snapshot_lookup(c.snapshot, c.name, c.number == 0 ? nullptr : &value, c.error));
       }});
  add({"islet_snapshot_free", kAny, false, nullptr, kText, kText, kText,
       [](const Case&) { return islet_snapshot_free(nullptr), Nothing(); }});
}

void OfOptions(const Add& add) {
  add({"islet_options_new", kAny, false, nullptr, kText, kText, kText,
       [](const Case&) { return islet_options_free(islet_options_new()), Nothing(); }});
  add({"islet_options_free", kAny, false, nullptr, kText, kText, kText,
       [](const Case&) { return islet_options_free(nullptr), Nothing(); }});
  add({"islet_options_add_function", kAny, false, nullptr, kText, kText, kText, [](const Case& c) {
         return islet_options_add_function(c.options, c.name, c.number, c.number, c.text == nullptr ? nullptr : Ignore,
                                           nullptr, nullptr),
                Nothing();
       }});
  add({"islet_options_set_limit", kAny, false, nullptr, kText, kText, kText,
       [](const Case& c) { return islet_options_set_limit(c.options, c.number, c.big), Nothing(); }});
  add({"islet_options_set_near_limit", kAny, false, nullptr, kText, kText, kText,
       [](const Case& c) { return islet_options_set_near_limit(c.options, nullptr, nullptr, nullptr), Nothing(); }});
  add({"islet_options_set_streams", kAny, false, nullptr, kText, kText, kText, [](const Case& c) {
         islet_streams streams = {};
         streams.size = c.number == 0 ? sizeof(streams) : AtMost(c.count, sizeof(streams));
         streams.read = ReadNothing;
         return islet_options_set_streams(c.options, c.text == nullptr ? nullptr : &streams), Nothing();
       }});
  add({"islet_options_set_file_system", kAny, false, nullptr, kText, kText, kText, [](const Case& c) {
         islet_file_system files = {};
         files.size = c.number == 0 ? sizeof(files) : AtMost(c.count, sizeof(files));
         return islet_options_set_file_system(c.options, c.text == nullptr ? nullptr : &files), Nothing();
       }});
  add({"islet_options_allow_all_files", kAny, false, nullptr, kText, kText, kText,
       [](const Case& c) { return islet_options_allow_all_files(c.options), Nothing(); }});
  add({"islet_options_allow_files_below", kAny, false, nullptr, kText, kText, kText,
       [](const Case& c) { return islet_options_allow_files_below(c.options, c.text, c.number), Nothing(); }});
  add({"islet_options_add_library_path", kAny, false, nullptr, kText, kText, kText,
       [](const Case& c) { return islet_options_add_library_path(c.options, c.text), Nothing(); }});
  add({"islet_options_allow_clock", kAny, false, nullptr, kText, kText, kText, [](const Case& c) {
         return islet_options_allow_clock(c.options, c.text == nullptr ? nullptr : Clock, nullptr), Nothing();
       }});
  add({"islet_options_allow_randomness", kAny, false, nullptr, kText, kText, kText,
       [](const Case& c) { return islet_options_allow_randomness(c.options), Nothing(); }});
  add({"islet_options_set_random_seed", kAny, false, nullptr, kText, kText, kText,
       [](const Case& c) { return islet_options_set_random_seed(c.options, c.big), Nothing(); }});
  add({"islet_options_set_command_line", kAny, false, nullptr, kText, kText, kText, [](const Case& c) {
         const char* const words[] = {c.text, c.name};
         return islet_options_set_command_line(c.options, c.number == 0 ? words : nullptr, AtMost(c.count, 2)),
                Nothing();
       }});
  add({"islet_options_add_environment", kAny, false, nullptr, kText, kText, kText,
       [](const Case& c) { return islet_options_add_environment(c.options, c.name, c.text), Nothing(); }});
  add({"islet_options_set_cage_size", kAny, false, nullptr, kText, kText, kText,
       [](const Case& c) { return islet_options_set_cage_size(c.options, c.big), Nothing(); }});
  add({"islet_options_set_spare_bytes", kAny, false, nullptr, kText, kText, kText,
       [](const Case& c) { return islet_options_set_spare_bytes(c.options, c.big), Nothing(); }});
  add({"islet_options_set_count_instructions", kAny, false, nullptr, kText, kText, kText,
       [](const Case& c) { return islet_options_set_count_instructions(c.options, c.number), Nothing(); }});
  add({"islet_options_set_idle", kAny, false, nullptr, kText, kText, kText,
       [](const Case& c) { return islet_options_set_idle(c.options, c.count, c.length), Nothing(); }});
  add({"islet_options_set_verify_resets", kAny, false, nullptr, kText, kText, kText,
       [](const Case& c) { return islet_options_set_verify_resets(c.options, c.number), Nothing(); }});
  add({"islet_options_add_type", kAny, false, nullptr, kText, kText, kText, [](const Case& c) {
         islet_options_add_type(c.options, c.type);
         return Nothing();
       }});
  add({"islet_options_add_method", kAny, false, nullptr, kText, kText, kText, [](const Case& c) {
         islet_options_add_method(c.options, c.type, c.name, c.number, c.number, c.text == nullptr ? nullptr : Ignore,
                                  nullptr, nullptr);
         return Nothing();
       }});
  add({"islet_options_set_prepare", kAny, false, nullptr, kText, kText, kText, [](const Case& c) {
         islet_options_set_prepare(c.options, nullptr, nullptr, nullptr);
         return Nothing();
       }});
}

void OfIsolates(const Add& add) {
  add({"islet_isolate_new", kAny, true, "snapshot", kText, kText, kText,
       [](const Case& c) { return Object(islet_isolate_new(c.snapshot, c.options, c.error), Free, c); }});
  add({"islet_isolate_fork", kFree, true, "isolate", kText, kText, kText,
       [](const Case& c) { return Object(islet_isolate_fork(c.isolate, c.error), Free, c); }});
  add({"islet_isolate_free", kFree, true, nullptr, kText, kText, kText,
       [](const Case& c) { return Told(islet_isolate_free(c.isolate)); }});
  add({"islet_pool_new", kAny, true, "snapshot", kText, kText, kText,
       [](const Case& c) { return Object(islet_pool_new(c.snapshot, c.options, c.error), islet_pool_free, c); }});
  add({"islet_pool_free", kAny, false, nullptr, kText, kText, kText,
       [](const Case&) { return islet_pool_free(nullptr), Nothing(); }});
  add({"islet_pool_get", kAny, true, "pool", kText, kText, kText,
       [](const Case& c) { return Object(islet_pool_get(c.pool, c.error), Free, c); }});
  add({"islet_pool_trim", kAny, false, nullptr, kText, kText, kText,
       [](const Case& c) { return (void)islet_pool_trim(c.pool, c.count), Nothing(); }});
  add({"islet_pool_reset_status", kAny, true, "pool", kText, kText, kText,
       [](const Case& c) { return Told(islet_pool_reset_status(c.pool, c.error)); }});
  add({"islet_enter", kOwn, true, "isolate", kText, kText, kText, [](const Case& c) {
         const islet_status status = islet_enter(c.isolate, c.error);
         if (status == ISLET_OK) {
           EXPECT_EQ(islet_leave(c.isolate), ISLET_OK);
         }
         return Told(status);
       }});
  // Of what has been entered before, so that the test's own scope stays.
  add({"islet_leave", kOwn, true, nullptr, kText, kText, kText,
       [](const Case& c) { return Told(islet_leave(c.isolate)); }});
  add({"islet_interrupt", kAny, false, nullptr, kText, kText, kText,
       [](const Case& c) { return islet_interrupt(c.isolate), islet_clear_interrupt(c.isolate), Nothing(); }});
  add({"islet_clear_interrupt", kFree, false, nullptr, kText, kText, kText,
       [](const Case& c) { return islet_clear_interrupt(c.isolate), Nothing(); }});
  add({"islet_set_data", kFree, false, nullptr, kText, kText, kText,
       [](const Case& c) { return islet_set_data(c.isolate, nullptr), Nothing(); }});
  add({"islet_data", kFree, false, nullptr, kText, kText, kText, [](const Case& c) {
         EXPECT_EQ(islet_data(c.isolate), nullptr);
         return Nothing();
       }});
  add({"islet_set_limit", kFree, true, nullptr, kText, kText, kText, [](const Case& c) {
         const islet_status which = c.number == 0 ? ISLET_FUEL_LIMIT : c.number;
         const uint64_t before = islet_limit(c.isolate, which);
         const islet_status status = islet_set_limit(c.isolate, which, c.big);
         if (status == ISLET_OK) {
           EXPECT_EQ(islet_set_limit(c.isolate, which, before), ISLET_OK);
         }
         return Told(status);
       }});
  add({"islet_limit", kFree, false, nullptr, kText, kText, kText,
       [](const Case& c) { return (void)islet_limit(c.isolate, c.number), Nothing(); }});
  add({"islet_stat", kFree, false, nullptr, kText, kText, kText,
       [](const Case& c) { return (void)islet_stat(c.isolate, c.number), Nothing(); }});
  add({"islet_pool_stat", kAny, false, nullptr, kText, kText, kText,
       [](const Case& c) { return (void)islet_pool_stat(c.pool, c.number), Nothing(); }});
  add({"islet_collect", kOwn, true, "isolate", kText, kText, kText,
       [](const Case& c) { return Told(islet_collect(c.isolate, c.number, c.error)); }});
  add({"islet_flush", kOwn, true, "isolate", kText, kText, kText,
       [](const Case& c) { return Told(islet_flush(c.isolate, c.error)); }});
  add({"islet_stack_announce", kAny, true, nullptr, kText, kText, kText, [](const Case& c) {
         static char stack[1 << 16];
         const char* const low = c.text == nullptr ? nullptr : stack;
         const islet_status status = islet_stack_announce(low, c.length == 2 ? sizeof(stack) : c.length, c.error);
         islet_stack_forget(low);
         return Told(status);
       }});
  add({"islet_stack_forget", kAny, false, nullptr, kText, kText, kText,
       [](const Case& c) { return islet_stack_forget(c.text), Nothing(); }});
}

void OfScopesAndCalls(const Add& add) {
  add({"islet_scope_open", kOwn, false, nullptr, kText, kText, kText,
       [](const Case& c) { return islet_scope_close(c.isolate, islet_scope_open(c.isolate)), Nothing(); }});
  add({"islet_scope_close", kOwn, false, nullptr, kText, kText, kText, [](const Case& c) {
         return islet_scope_close(c.isolate, c.count == 1 || c.count == 2 ? 0 : c.count), Nothing();
       }});
  add({"islet_scope_escape", kOwn, true, nullptr, kText, kText, kText,
       [](const Case& c) { return Made(islet_scope_escape(c.isolate, islet_scope_open(c.isolate), c.a)); }});
  add({"islet_keep", kOwn, true, nullptr, kText, kText, kText, [](const Case& c) {
         const islet_value kept = islet_keep(c.isolate, c.a);
         islet_release_value(c.isolate, kept);
         return Made(kept);
       }});
  add({"islet_release_value", kAny, false, nullptr, kText, kText, kText, [](const Case& c) {
         const islet_value kept = islet_keep(c.isolate, c.a);
         if (kept.owner != c.b.owner || kept.place != c.b.place) islet_release_value(c.isolate, c.b);
         islet_release_value(c.isolate, kept);
         return Nothing();
       }});
  add({"islet_eval", kOwn, true, "isolate", kText, kText, kText, [](const Case& c) {
         islet_value result;
         return Told(
             islet_eval(c.isolate, c.text, c.length, c.name, c.flags, c.number == 0 ? nullptr : &result, c.error));
       }});
  add({"islet_call", kOwn, true, "isolate", kText, kText, kText, [](const Case& c) {
         return Told(islet_call(c.isolate, c.name, c.items,
                                c.name == nullptr || c.items == nullptr || c.count != 2 ? c.count : 0, nullptr,
                                c.error));
       }});
  add({"islet_call_value", kOwn, true, "isolate", kProcedure, kText, kText,
       [](const Case& c) { return Told(islet_call_value(c.isolate, c.a, c.items, c.count, nullptr, c.error)); }});
  add({"islet_lookup", kOwn, true, "isolate", kText, kText, kText, [](const Case& c) {
         islet_value value;
         return Told(islet_lookup(c.isolate, c.name, c.number == 0 ? nullptr : &value, c.error));
       }});
  add({"islet_keep_weak", kOwn, true, nullptr, kPair, kText, kText, [](const Case& c) {
         const islet_value kept = islet_keep_weak(c.isolate, c.a);
         islet_release_value(c.isolate, kept);
         return Made(kept);
       }});
  add({"islet_define", kOwn, true, "isolate", kText, kText, kText, [](const Case& c) {
         return Told(islet_define(c.isolate, c.name == nullptr ? nullptr : "defined-by-test", c.a, c.error));
       }});
}

void OfValuesIn(const Add& add) {
  add({"islet_unspecified", kOwn, true, nullptr, kText, kText, kText,
       [](const Case& c) { return Made(islet_unspecified(c.isolate)); }});
  add({"islet_null", kOwn, true, nullptr, kText, kText, kText,
       [](const Case& c) { return Made(islet_null(c.isolate)); }});
  add({"islet_eof", kOwn, true, nullptr, kText, kText, kText,
       [](const Case& c) { return Made(islet_eof(c.isolate)); }});
  add({"islet_boolean", kOwn, true, nullptr, kText, kText, kText,
       [](const Case& c) { return Made(islet_boolean(c.isolate, c.number)); }});
  add({"islet_integer", kOwn, true, nullptr, kText, kText, kText,
       [](const Case& c) { return Made(islet_integer(c.isolate, static_cast<int64_t>(c.big))); }});
  add({"islet_big_integer", kOwn, true, nullptr, kText, kText, kText,
       [](const Case& c) { return Made(islet_big_integer(c.isolate, c.text, c.length)); }});
  add({"islet_real", kOwn, true, nullptr, kText, kText, kText,
       [](const Case& c) { return Made(islet_real(c.isolate, std::nan(""))); }});
  add({"islet_character", kOwn, true, nullptr, kText, kText, kText,
       [](const Case& c) { return Made(islet_character(c.isolate, static_cast<uint32_t>(c.number))); }});
  add({"islet_string", kOwn, true, nullptr, kText, kText, kText,
       [](const Case& c) { return Made(islet_string(c.isolate, c.text, c.length)); }});
  add({"islet_symbol", kOwn, true, nullptr, kText, kText, kText,
       [](const Case& c) { return Made(islet_symbol(c.isolate, c.text, c.length)); }});
  add({"islet_bytevector", kOwn, true, nullptr, kText, kText, kText,
       [](const Case& c) { return Made(islet_bytevector(c.isolate, c.text, c.length)); }});
  add({"islet_bytevector_new", kOwn, true, nullptr, kText, kText, kText, [](const Case& c) {
         void* storage = &storage;
         const islet_value made = islet_bytevector_new(c.isolate, c.count, c.number == 0 ? nullptr : &storage);
         if (c.number != 0) {
           EXPECT_EQ(storage == nullptr, made.owner == 1);
         }
         return Made(made);
       }});
  add({"islet_pair", kOwn, true, nullptr, kText, kText, kText,
       [](const Case& c) { return Made(islet_pair(c.isolate, c.a, c.b)); }});
  add({"islet_list", kOwn, true, nullptr, kText, kText, kText,
       [](const Case& c) { return Made(islet_list(c.isolate, c.items, c.count)); }});
  add({"islet_vector", kOwn, true, nullptr, kText, kText, kText,
       [](const Case& c) { return Made(islet_vector(c.isolate, c.items, c.count)); }});
  add({"islet_hash_table", kOwn, true, nullptr, kText, kText, kText,
       [](const Case& c) { return Made(islet_hash_table(c.isolate, c.items, c.count)); }});
}

void OfValuesOut(const Add& add) {
  add({"islet_type_of", kOwn, false, nullptr, kText, kText, kText,
       [](const Case& c) { return (void)islet_type_of(c.isolate, c.a), Nothing(); }});
  add({"islet_is_true", kOwn, false, nullptr, kText, kText, kText,
       [](const Case& c) { return (void)islet_is_true(c.isolate, c.a), Nothing(); }});
  add({"islet_get_integer", kOwn, true, "isolate", kInteger, kText, kText, [](const Case& c) {
         int64_t out;
         return Told(islet_get_integer(c.isolate, c.a, c.number == 0 ? nullptr : &out, c.error));
       }});
  add({"islet_get_real", kOwn, true, "isolate", kReal, kText, kText, [](const Case& c) {
         double out;
         return Told(islet_get_real(c.isolate, c.a, c.number == 0 ? nullptr : &out, c.error));
       }});
  add({"islet_get_character", kOwn, true, "isolate", kCharacter, kText, kText, [](const Case& c) {
         uint32_t out;
         return Told(islet_get_character(c.isolate, c.a, c.number == 0 ? nullptr : &out, c.error));
       }});
  add({"islet_get_text", kOwn, true, "isolate", kText, kText, kText, [](const Case& c) {
         const char* out;
         size_t length;
         return Told(islet_get_text(c.isolate, c.a, c.number == 0 ? nullptr : &out, c.number == 1 ? nullptr : &length,
                                    c.error));
       }});
  add({"islet_get_bytes", kOwn, true, "isolate", kBytes, kText, kText, [](const Case& c) {
         const void* out;
         size_t size;
         return Told(
             islet_get_bytes(c.isolate, c.a, c.number == 0 ? nullptr : &out, c.number == 1 ? nullptr : &size, c.error));
       }});
  add({"islet_print", kOwn, true, "isolate", kText, kText, kText, [](const Case& c) {
         const char* out;
         size_t length;
         return Told(islet_print(c.isolate, c.a, c.count, c.number == 0 ? nullptr : &out,
                                 c.number == 1 ? nullptr : &length, c.error));
       }});
  add({"islet_items", kOwn, true, "isolate", kList, kText, kText, [](const Case& c) {
         islet_value items[8];
         islet_cursor cursor = {{static_cast<uint64_t>(c.flags), 0, 0, 0}};
         size_t got = 0;
         const islet_status status =
             islet_items(c.isolate, c.a, c.name == nullptr ? nullptr : &cursor, c.text == nullptr ? nullptr : items,
                         AtMost(c.count, 8), c.number == 0 ? nullptr : &got, c.error);
         EXPECT_LE(got, 8u);
         if (status != ISLET_OK) {
           EXPECT_EQ(got, 0u);
         }
         return Told(status);
       }});
  add({"islet_length", kOwn, true, "isolate", kList, kText, kText, [](const Case& c) {
         size_t out;
         return Told(islet_length(c.isolate, c.a, c.number == 0 ? nullptr : &out, c.error));
       }});
  add({"islet_car", kOwn, true, "isolate", kPair, kText, kText, [](const Case& c) {
         islet_value out;
         return Told(islet_car(c.isolate, c.a, c.number == 0 ? nullptr : &out, c.error));
       }});
  add({"islet_cdr", kOwn, true, "isolate", kPair, kText, kText, [](const Case& c) {
         islet_value out;
         return Told(islet_cdr(c.isolate, c.a, c.number == 0 ? nullptr : &out, c.error));
       }});
  add({"islet_ref", kOwn, true, "isolate", kList, kInteger, kText, [](const Case& c) {
         islet_value out;
         return Told(islet_ref(c.isolate, c.a, c.b, c.number == 0 ? nullptr : &out, c.error));
       }});
  // Always what is there already: the isolate stays the same.
  add({"islet_set", kOwn, true, "isolate", kVector, kInteger, kInteger,
       [](const Case& c) { return Told(islet_set(c.isolate, c.a, c.b, c.c, c.error)); }});
  add({"islet_same", kOwn, false, nullptr, kText, kText, kText,
       [](const Case& c) { return (void)islet_same(c.isolate, c.a, c.b, c.number), Nothing(); }});
}

void OfHostObjects(const Add& add) {
  add({"islet_procedure", kOwn, true, nullptr, kText, kText, kText, [](const Case& c) {
         return Made(islet_procedure(c.isolate, c.name, c.number, c.number, c.text == nullptr ? nullptr : Ignore,
                                     nullptr, nullptr));
       }});
  add({"islet_host_type_new", kAny, true, nullptr, kText, kText, kText, [](const Case& c) {
         islet_host_type_info info = {};
         info.size = c.number == 0 ? sizeof(info) : AtMost(c.count, sizeof(info));
         info.name = c.name;
         islet_host_type* const type = islet_host_type_new(c.text == nullptr ? nullptr : &info, c.error);
         if (type == nullptr) return Told(c.error != nullptr ? islet_error_status(c.error) : ISLET_INTERNAL);
         EXPECT_EQ(islet_host_type_free(type, nullptr), ISLET_OK);
         return Nothing();
       }});
  add({"islet_host_type_free", kAny, true, nullptr, kText, kText, kText,
       [](const Case& c) { return Told(islet_host_type_free(nullptr, c.error)); }});
  add({"islet_host_object", kOwn, true, nullptr, kText, kText, kText,
       [](const Case& c) { return Made(islet_host_object(c.isolate, c.type, nullptr, c.count)); }});
  add({"islet_host_pointer", kOwn, true, "isolate", kHostObject, kText, kText, [](const Case& c) {
         void* pointer;
         return Told(islet_host_pointer(c.isolate, c.a, c.type, c.number == 0 ? nullptr : &pointer, c.error));
       }});
  add({"islet_host_revoke", kOwn, true, "isolate", kHostObject, kText, kText,
       [](const Case& c) {  // The right one is to serve all cases.
         if (islet_type_of(c.isolate, c.a) == ISLET_TYPE_HOST_OBJECT) return Nothing();
         return Told(islet_host_revoke(c.isolate, c.a, c.error));
       }});
}

const std::vector<Row>& Functions() {
  static const std::vector<Row>* const all = [] {
    auto* const rows = new std::vector<Row>();
    for (const auto part :
         {OfErrors, OfSnapshots, OfOptions, OfIsolates, OfScopesAndCalls, OfValuesIn, OfValuesOut, OfHostObjects})
      part([&](const Row& row) { rows->push_back(row); });
    return rows;
  }();
  return *all;
}

// ---- States

struct State {
  const char* name;
  // Functions return these if their arguments are right: those of the thread that has entered, and those marked [free].
  islet_status own, free;
};
constexpr State kNeverEntered = {"never entered", ISLET_NOT_ENTERED, ISLET_OK};
constexpr State kEntered = {"entered", ISLET_OK, ISLET_OK};
constexpr State kElsewhere = {"entered by another thread", ISLET_NOT_ENTERED, ISLET_BUSY};
constexpr State kInHostFunction = {"in a host function", ISLET_OK, ISLET_OK};
constexpr State kAsking = {"while a limit is asked for", ISLET_BUSY, ISLET_OK};
constexpr State kFreed = {"freed", ISLET_STALE, ISLET_STALE};
constexpr State kNextTenant = {"given back, and handed out again", ISLET_STALE, ISLET_STALE};
constexpr State kLost = {"lost", ISLET_LOST, ISLET_LOST};
constexpr State kInChild = {"in the child of a fork", ISLET_NOT_ENTERED, ISLET_NOT_ENTERED};

bool Is(const State& state, const State& other) { return state.name == other.name; }
bool Named(const Row& row, const char* name) { return std::string(row.name) == name; }

islet_status Expected(const Row& row, const State& state) {
  if (Named(row, "islet_isolate_fork")) {
    // It could not be taken over.
    if (Is(state, kInHostFunction) || Is(state, kAsking)) return ISLET_BUSY;
  }
  if (Named(row, "islet_isolate_free") && (Is(state, kInHostFunction) || Is(state, kAsking))) return ISLET_BUSY;
  if (Named(row, "islet_enter")) {
    if (Is(state, kNeverEntered)) return ISLET_OK;
    if (Is(state, kElsewhere)) return ISLET_BUSY;
  }
  return row.mark == kOwn ? state.own : row.mark == kFree ? state.free : ISLET_OK;
}

// Whether the test would lose the isolate, or the scope with its values, by the call.
bool Ends(const Row& row, const State& state) {
  if (Named(row, "islet_isolate_free")) return Is(state, kNeverEntered) || Is(state, kEntered) || Is(state, kLost);
  if (Named(row, "islet_leave")) return Is(state, kLost);
  return false;
}

class ArgumentsTest : public Host {
 protected:
  ArgumentsTest() {
    helper_ = NewIsolate();
    EXPECT_EQ(islet_enter(helper_, error_), ISLET_OK);
    pool_ = NewPool();
    islet_host_type_info info = {};
    info.size = sizeof(info);
    info.name = "thing";
    info.copy = [](void*, void* pointer) { return pointer; };
    type_ = islet_host_type_new(&info, error_);
    EXPECT_NE(type_, nullptr) << Message();
    other_ = islet_snapshot_resident(snapshot_, error_);
    EXPECT_NE(other_, nullptr) << Message();
  }
  ~ArgumentsTest() override {
    EXPECT_EQ(islet_isolate_free(helper_), ISLET_OK);
    islet_pool_free(pool_);
    EXPECT_EQ(islet_host_type_free(type_, error_), ISLET_OK) << Message();
    islet_snapshot_free(other_);
    islet_error_free(mark_);
  }

  islet_value Datum(islet_isolate* isolate, const char* text) {
    islet_value value = {};
    EXPECT_EQ(Run(isolate, text, &value), ISLET_OK) << text << ": " << Message();
    return value;
  }
  // In an isolate that this thread has entered.
  void MakeValues(islet_isolate* isolate) {
    const char* const texts[] = {"(string #\\a)",
                                 "(cons 1 2)",
                                 "(list 0 1 2)",
                                 "(vector 0 1 2)",
                                 "(let ((t (make-hash-table))) (hash-table-set! t 1 1) t)",
                                 "add",
                                 "1",
                                 "1.5",
                                 "#\\a",
                                 "(bytevector 1 1)",
                                 "(define-record-type point (make-point x) point? (x point-x)) (make-point 1)"};
    right_.clear();
    for (const char* const text : texts) right_.push_back(Datum(isolate, text));
    right_.push_back(islet_keep(isolate, Datum(isolate, "(list 'kept)")));
    right_.push_back(islet_host_object(isolate, type_, this, 1000));
    wrong_ = right_;
    wrong_[kKept] = islet_keep(isolate, wrong_[kPair]);  // which a case may release
    for (const char* const text :
         {"'symbol", "'()", "#f", "(if #f #f)", "(read (open-input-string \"\"))", "+nan.0", "1/2", "1+2i",
          "(expt 3 99)", "-1", "'#(1 2)", "\"literal\"", "'(1 . 2)", "(let ((l (list 1 2))) (set-cdr! (cdr l) l) l)",
          "(make-hash-table (lambda (a b) #t))", "(current-output-port)", "(delay 1)", "(call/cc (lambda (k) k))"}) {
      islet_value value;
      if (Run(isolate, text, &value) == ISLET_OK) wrong_.push_back(value);
    }
    wrong_.push_back({0, 0});
    wrong_.push_back({77, 99});
    wrong_.push_back({UINT64_MAX, UINT64_MAX});
    wrong_.push_back({1, 0xffff});
    wrong_.push_back({right_[0].owner, right_[0].place ^ 0x80000000});
    wrong_.push_back(islet_big_integer(isolate, "no digits", ISLET_Z));
    wrong_.push_back(islet_string(helper_, "foreign", ISLET_Z));
    wrong_.push_back(islet_keep(helper_, islet_string(helper_, "foreign", ISLET_Z)));
    const size_t scope = islet_scope_open(isolate);
    wrong_.push_back(islet_string(isolate, "stale", ISLET_Z));
    islet_scope_close(isolate, scope);
    wrong_.push_back(islet_keep(isolate, islet_string(isolate, "released", ISLET_Z)));
    islet_release_value(isolate, wrong_.back());
    for (islet_snapshot* const snapshot : {snapshot_, other_}) {
      islet_value value;
      EXPECT_EQ(islet_snapshot_lookup(snapshot, "table", &value, error_), ISLET_OK) << Message();
      wrong_.push_back(value);
    }
  }

  // A case in which all is right.
  Case Right(const Row& row, islet_isolate* isolate) {
    Case c;
    c.isolate = isolate;
    c.snapshot = snapshot_;
    c.pool = pool_;
    c.type = type_;
    c.error = mark_;
    c.a = right_[row.a];
    c.b = right_[row.b];
    c.c = right_[row.c];
    std::fill(std::begin(items_), std::end(items_), right_[kInteger]);
    c.items = items_;
    return c;
  }
  // This does the same with one thing that is, perhaps, wrong: `which` of those, below Mistakes().
  void Spoil(size_t which, Case* c) {
    const size_t values = wrong_.size();
    if (which < 4 * values) {
      const islet_value wrong = wrong_[which % values];
      (which < values ? c->a : which < 2 * values ? c->b : which < 3 * values ? c->c : items_[1]) = wrong;
      return;
    }
    which -= 4 * values;
    if (which < std::size(kCounts))
      c->count = kCounts[which];
    else if ((which -= std::size(kCounts)) < std::size(kLengths))
      c->length = kLengths[which];
    else if ((which -= std::size(kLengths)) < std::size(kNumbers))
      c->number = kNumbers[which];
    else if ((which -= std::size(kNumbers)) < std::size(kBig))
      c->big = kBig[which];
    else if ((which -= std::size(kBig)) < std::size(kFlags))
      c->flags = kFlags[which];
    else if ((which -= std::size(kFlags)) < std::size(kNames))
      c->name = kNames[which];
    else if ((which -= std::size(kNames)) < std::size(kTexts))
      c->text = kTexts[which];
    else
      SpoilObject(which - std::size(kTexts), c);
  }
  void SpoilObject(size_t which, Case* c) {
    if (which == 0) c->isolate = nullptr;
    if (which == 1) c->snapshot = nullptr;
    if (which == 2) c->pool = nullptr;
    if (which == 3) c->error = nullptr;
    if (which == 4) c->items = nullptr;
    if (which == 5) c->type = nullptr;
  }
  size_t Mistakes() const {
    return 4 * wrong_.size() + std::size(kCounts) + std::size(kLengths) + std::size(kNumbers) + std::size(kBig) +
           std::size(kFlags) + std::size(kNames) + std::size(kTexts) + 6;
  }

  // One call, and all that is so of each.
  islet_status Check(const Row& row, const State& state, Case& c, const std::string& what) {
    const std::string where = std::string(row.name) + ", " + state.name + ", " + what;
    (void)islet_error_set(mark_, kMarked, nullptr, kMark);
    c.options = Options();
    islet_options_set_limit(c.options, ISLET_FUEL_LIMIT, 1000000);
    const bool pre_enter = Named(row, "islet_leave") && c.isolate != nullptr && state.own == ISLET_OK;
    if (pre_enter) {
      EXPECT_EQ(islet_enter(c.isolate, nullptr), ISLET_OK) << where;
    }
    // Nothing keeps what the calls make.
    const bool scoped = state.own == ISLET_OK && c.isolate != nullptr && !Named(row, "islet_leave");
    const size_t scope = scoped ? islet_scope_open(c.isolate) : 0;
    Answer answer = row.call(c);
    if (scoped) islet_scope_close(c.isolate, scope);
    islet_options_free(c.options);
    std::string message = islet_error_message(mark_);
    if (answer.is_value) {
      // Why a value has failed tells whatever uses it.
      if (answer.value.owner == 1) answer.status = islet_print(helper_, answer.value, 0, nullptr, nullptr, mark_);
      message = answer.value.owner == 1 ? islet_error_message(mark_) : kMark;
      if (answer.value.owner == 1 && answer.value.place == 0xffff) return answer.status;  // forged, and handed through
    } else if (row.object == nullptr && answer.status != ISLET_OK && message == kMark) {
      return answer.status;  // has no error
    }
    const std::set<islet_status> named = {ISLET_OK,
                                          ISLET_INVALID_ARGUMENT,
                                          ISLET_EXCEPTION,
                                          ISLET_NOT_FOUND,
                                          ISLET_OUT_OF_RANGE,
                                          ISLET_RESOURCE_EXHAUSTED,
                                          ISLET_NOT_ENTERED,
                                          ISLET_DATA_LOSS,
                                          ISLET_MISMATCH,
                                          ISLET_PERMISSION_DENIED,
                                          ISLET_HEAP_LIMIT,
                                          ISLET_STALE,
                                          ISLET_FOREIGN,
                                          ISLET_LOST,
                                          ISLET_BUSY,
                                          ISLET_UNSUPPORTED,
                                          kMarked};
    if (c.error != nullptr || answer.is_value) {
      EXPECT_THAT(named, Contains(answer.status)) << where;
    }
    if (!row.tells || answer.status == ISLET_OK) {
      EXPECT_EQ(message, kMark) << where << ": no failure, but *error has changed";
    } else if (c.error != nullptr || answer.is_value) {
      if (answer.status == kMarked) {
        EXPECT_EQ(message, kMark) << where;
      } else {
        EXPECT_NE(message, kMark) << where << ": no message";
        EXPECT_EQ(islet_error_status(mark_), answer.status) << where;
        // Scripts' and snapshots' own failures speak of something else.
        const bool of_interface = answer.status == ISLET_STALE || answer.status == ISLET_FOREIGN ||
                                  answer.status == ISLET_NOT_ENTERED || answer.status == ISLET_BUSY ||
                                  answer.status == ISLET_UNSUPPORTED;
        if (of_interface) {
          EXPECT_THAT(message, HasSubstr(std::string(row.name) + ": ")) << where;
        }
      }
    }
    return answer.status;
  }

  // All functions with all mistakes, one at a time, and then several.
  void All(islet_isolate* isolate, const State& state) {
    std::minstd_rand random(1);
    for (const Row& row : Functions()) {
      if (Ends(row, state)) continue;
      Case right = Right(row, isolate);
      const islet_status status = Check(row, state, right, "all right");
      if (row.tells && row.mark != kAny) {
        EXPECT_EQ(status, Expected(row, state)) << row.name << ", " << state.name << ": " << islet_error_message(mark_);
      }
      const bool expensive = Named(row, "islet_pool_new") || Named(row, "islet_isolate_new") ||
                             Named(row, "islet_isolate_fork") || Named(row, "islet_snapshot_resident") ||
                             Named(row, "islet_snapshot_open_embedded") || Named(row, "islet_snapshot_lookup");
      for (size_t i = expensive ? 4 * wrong_.size() : 0; i < Mistakes(); ++i) {
        Case c = Right(row, isolate);
        Spoil(i, &c);
        (void)Check(row, state, c, "mistake " + std::to_string(i));
      }
      for (int i = 0; i < (expensive ? 3 : 100); ++i) {
        Case c = Right(row, isolate);
        std::string what = "mistakes";
        for (int j = 0; j < 4; ++j) {
          const size_t which = random() % Mistakes();
          Spoil(which, &c);
          what += " " + std::to_string(which);
        }
        (void)Check(row, state, c, what);
      }
      if (HasFatalFailure()) return;
    }
  }
  // By a thread that has entered it: that nothing has changed.
  void ExpectUnchanged(islet_isolate* isolate) {
    EXPECT_EQ(Eval(isolate, "(list counter restored (vector-length cells) text)"),
              "(0 1 5000 \"" + std::string(100, 'a') + "\")");
    EXPECT_EQ(islet_data(isolate), nullptr);
    EXPECT_EQ(islet_limit(isolate, ISLET_HEAP_LIMIT), uint64_t{32} << 20);
    EXPECT_EQ(islet_limit(isolate, ISLET_WALL_TIME_LIMIT), ISLET_NO_LIMIT);
  }

  static constexpr size_t kCounts[] = {0, 1, 3, SIZE_MAX, SIZE_MAX - 1, SIZE_MAX / 2 + 1, size_t{1} << 40};
  static constexpr size_t kLengths[] = {0, 1, ISLET_Z, SIZE_MAX - 1, SIZE_MAX / 2 + 1};
  static constexpr int kNumbers[] = {1, 2, 14, 16, 0xd800, 0x110000, 4711, -1, INT32_MIN, INT32_MAX};
  static constexpr uint64_t kBig[] = {0, 1, UINT64_MAX, UINT64_MAX / 2, uint64_t{1} << 40};
  static constexpr uint32_t kFlags[] = {1, 2, 3, 4, UINT32_MAX};
  static constexpr const char* kNames[] = {nullptr, "", "no-such", "counter", "\xff", "a\tb"};
  static constexpr const char* kTexts[] = {nullptr, "\0\0\0", "(1", "/\xff"};  // of at least 2 bytes

  islet_error* const mark_ = islet_error_new();
  islet_isolate* helper_ = nullptr;
  islet_pool* pool_ = nullptr;
  islet_host_type* type_ = nullptr;
  islet_snapshot* other_ = nullptr;
  std::vector<islet_value> right_, wrong_;
  islet_value items_[8] = {};
};

TEST_F(ArgumentsTest, EveryFunctionOfTheHeaderHasARow) {
  std::ifstream file("include/islet/islet.h");
  ASSERT_TRUE(file.good());
  std::stringstream text;
  text << file.rdbuf();
  std::set<std::string> declared, rows;
  const std::string header = text.str();
  const std::regex declaration("ISLET_API [^;(]*?(islet_[a-z_]+)\\(");
  for (std::sregex_iterator i(header.begin(), header.end(), declaration), end; i != end; ++i) declared.insert((*i)[1]);
  for (const Row& row : Functions()) rows.insert(row.name);
  EXPECT_GT(declared.size(), 90u);
  EXPECT_EQ(rows, declared);
}

TEST_F(ArgumentsTest, NullObjectsKeepAnEarlierFailure) {
  MakeValues(helper_);
  for (const Row& row : Functions()) {
    if (row.object == nullptr) continue;
    for (const bool failed : {true, false}) {
      Case c = Right(row, nullptr);
      c.snapshot = nullptr;
      c.pool = nullptr;
      islet_error_clear(mark_);
      if (failed) (void)islet_error_set(mark_, ISLET_NOT_FOUND, nullptr, kMark);
      const Answer answer = row.call(c);
      EXPECT_EQ(answer.status, failed ? ISLET_NOT_FOUND : ISLET_INVALID_ARGUMENT) << row.name;
      EXPECT_EQ(islet_error_message(mark_),
                failed ? std::string(kMark) : std::string(row.name) + ": " + row.object + " is NULL");
    }
  }
}

TEST_F(ArgumentsTest, NeverEntered) {
  MakeValues(helper_);
  islet_isolate* const isolate = NewIsolate();
  All(isolate, kNeverEntered);
  ASSERT_EQ(islet_enter(isolate, error_), ISLET_OK);
  ExpectUnchanged(isolate);
  EXPECT_EQ(islet_isolate_free(isolate), ISLET_OK);
}

TEST_F(ArgumentsTest, Entered) {
  islet_isolate* const isolate = NewIsolate();
  ASSERT_EQ(islet_enter(isolate, error_), ISLET_OK);
  MakeValues(isolate);
  All(isolate, kEntered);
  EXPECT_EQ(Print(isolate, right_[kKept]), "(kept)");
  EXPECT_EQ(Print(isolate, right_[kText]), "\"a\"");
  EXPECT_EQ(islet_leave(isolate), ISLET_OK);
  EXPECT_EQ(islet_leave(isolate), ISLET_NOT_ENTERED);
  EXPECT_EQ(islet_isolate_free(isolate), ISLET_OK);
}

TEST_F(ArgumentsTest, EnteredByAnotherThread) {
  islet_isolate* const isolate = NewIsolate();
  ASSERT_EQ(islet_enter(isolate, error_), ISLET_OK);
  MakeValues(isolate);
  std::thread([&] {
    // The rows use the helper, which this thread must have entered.
    islet_isolate* const mine = NewIsolate();
    EXPECT_EQ(islet_enter(mine, nullptr), ISLET_OK);
    islet_isolate* const before = std::exchange(helper_, mine);
    All(isolate, kElsewhere);
    helper_ = before;
    EXPECT_EQ(islet_isolate_free(mine), ISLET_OK);
  }).join();
  islet_clear_interrupt(isolate);
  ExpectUnchanged(isolate);
  EXPECT_EQ(islet_isolate_free(isolate), ISLET_OK);
}

TEST_F(ArgumentsTest, InAHostFunction) {
  islet_isolate* const isolate = NewIsolate();
  ASSERT_EQ(islet_enter(isolate, error_), ISLET_OK);
  bool called = false;
  act_ = [&](islet_host_call* call) -> islet_status {
    called = true;
    MakeValues(call->isolate);
    All(call->isolate, kInHostFunction);
    return ISLET_OK;
  };
  EXPECT_EQ(Run(isolate, "(call-back 1)"), ISLET_OK) << Message();
  EXPECT_TRUE(called);
  EXPECT_EQ(Eval(isolate, "(+ 1 2)"), "3");
  EXPECT_EQ(islet_isolate_free(isolate), ISLET_OK);
}

TEST_F(ArgumentsTest, WhileALimitIsAskedFor) {
  islet_options* const options = Options();
  std::function<void(islet_isolate*)> asked;
  islet_options_set_near_limit(
      options,
      [](void* data, islet_isolate* isolate, islet_status) {
        auto& f = *static_cast<std::function<void(islet_isolate*)>*>(data);
        if (f != nullptr) f(isolate);
      },
      &asked, nullptr);
  islet_isolate* const isolate = NewIsolate(options);
  ASSERT_EQ(islet_enter(isolate, error_), ISLET_OK);
  MakeValues(isolate);
  ExpectUnchanged(isolate);
  ASSERT_EQ(islet_set_limit(isolate, ISLET_FUEL_LIMIT, 1000000), ISLET_OK);
  bool called = false;
  asked = [&](islet_isolate* it) {
    called = true;
    All(it, kAsking);
  };
  EXPECT_EQ(Run(isolate, "(loop-forever)"), ISLET_FUEL_LIMIT) << Message();
  asked = nullptr;
  EXPECT_TRUE(called);
  ExpectUnchanged(isolate);
  EXPECT_EQ(islet_isolate_free(isolate), ISLET_OK);
}

TEST_F(ArgumentsTest, Freed) {
  islet_isolate* const isolate = NewIsolate();
  ASSERT_EQ(islet_enter(isolate, error_), ISLET_OK);
  MakeValues(isolate);
  EXPECT_EQ(islet_isolate_free(isolate), ISLET_OK);
  // Each of the rows that make isolates may take the place of one that was freed long before.
  for (const Row& row : Functions()) {
    if (row.mark == kAny || !row.tells) continue;
    Case c = Right(row, isolate);
    EXPECT_EQ(Check(row, kFreed, c, "all right"), ISLET_STALE) << row.name;
  }
}

TEST_F(ArgumentsTest, HandedOutAgain) {
  islet_isolate* const earlier = islet_pool_get(pool_, error_);
  ASSERT_EQ(islet_enter(earlier, error_), ISLET_OK);
  MakeValues(earlier);
  EXPECT_EQ(islet_isolate_free(earlier), ISLET_OK);
  islet_isolate* const next = islet_pool_get(pool_, error_);
  ASSERT_EQ(islet_enter(next, error_), ISLET_OK);
  for (const Row& row : Functions()) {
    if (row.mark == kAny) continue;
    Case c = Right(row, earlier);
    const islet_status status = Check(row, kNextTenant, c, "all right");
    if (row.tells) {
      EXPECT_EQ(status, ISLET_STALE) << row.name;
    }
    for (size_t i = 0; i < Mistakes(); ++i) {
      c = Right(row, earlier);
      Spoil(i, &c);
      (void)Check(row, kNextTenant, c, "mistake " + std::to_string(i));
    }
  }
  ExpectUnchanged(next);
  EXPECT_EQ(islet_isolate_free(next), ISLET_OK);
}

TEST_F(ArgumentsTest, Lost) {
  islet_isolate* const isolate = NewIsolate();
  ASSERT_EQ(islet_enter(isolate, error_), ISLET_OK);
  MakeValues(isolate);
  (void)reinterpret_cast<islet::Isolate*>(isolate)->impl()->Lose();  // as if operator new had failed
  All(isolate, kLost);
  EXPECT_EQ(islet_isolate_free(isolate), ISLET_OK);
}

TEST_F(ArgumentsTest, InTheChildOfAFork) {
  islet_isolate* const isolate = NewIsolate();
  islet_isolate* const mine = NewIsolate();
  ASSERT_EQ(islet_enter(mine, error_), ISLET_OK);
  MakeValues(mine);
  bool inside = false, done = false;
  std::mutex mutex;
  std::condition_variable changed;
  std::thread other([&] {
    EXPECT_EQ(islet_enter(isolate, nullptr), ISLET_OK);
    std::unique_lock<std::mutex> lock(mutex);
    inside = true;
    changed.notify_all();
    changed.wait(lock, [&] { return done; });
    EXPECT_EQ(islet_leave(isolate), ISLET_OK);
  });
  {
    std::unique_lock<std::mutex> lock(mutex);
    changed.wait(lock, [&] { return inside; });
  }
  EXPECT_EQ(InChild([&]() -> std::string {
              All(isolate, kInChild);
              return HasFailure() ? "failures, as told above" : "passed " + Eval(mine, "(+ 1 2)");
            }),
            "passed 3");
  {
    const std::lock_guard<std::mutex> lock(mutex);
    done = true;
    changed.notify_all();
  }
  other.join();
  EXPECT_EQ(islet_isolate_free(isolate), ISLET_OK);
  EXPECT_EQ(islet_isolate_free(mine), ISLET_OK);
}

}  // namespace
}  // namespace islet::c
