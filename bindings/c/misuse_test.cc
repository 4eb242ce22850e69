// What hosts do wrong: each is told so, and neither the process, another isolate nor another tenant suffers.

#include <algorithm>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "bindings/c/host_for_tests.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "islet/islet.h"
#include "tests/sanitized_for_tests.h"

namespace islet::c {
namespace {

using ::testing::HasSubstr;

class MisuseTest : public Host {
 protected:
  MisuseTest() {
    isolate_ = NewIsolate();
    EXPECT_EQ(islet_enter(isolate_, error_), ISLET_OK) << Message();
  }
  ~MisuseTest() override {
    if (isolate_ != nullptr) {
      EXPECT_EQ(islet_isolate_free(isolate_), ISLET_OK);
    }
  }
  // In place of the isolate that the test has.
  void Make(islet_options* options) {
    EXPECT_EQ(islet_isolate_free(isolate_), ISLET_OK);
    isolate_ = NewIsolate(options);
    ASSERT_EQ(islet_enter(isolate_, error_), ISLET_OK) << Message();
  }
  islet_status Run(const std::string& text) { return Host::Run(isolate_, text); }
  std::string Eval(const std::string& text) { return Host::Eval(isolate_, text); }
  std::string Print(islet_value value) { return Host::Print(isolate_, value); }

  islet_isolate* isolate_;
};

// ---- Lengths

TEST_F(MisuseTest, LengthsThatNoObjectHas) {
  const islet_value one = islet_integer(isolate_, 1);
  const char text[] = "12";
  for (const size_t length : {SIZE_MAX - 1, SIZE_MAX / 2 + 1, SIZE_MAX / 16 + 1, size_t{1} << 40}) {
    const islet_value made[] = {islet_list(isolate_, &one, length), islet_vector(isolate_, &one, length),
                                islet_hash_table(isolate_, &one, length), islet_bytevector(isolate_, text, length),
                                islet_bytevector_new(isolate_, length, nullptr)};
    for (const islet_value& value : made) {
      EXPECT_EQ(islet_type_of(isolate_, value), ISLET_TYPE_NONE);
      EXPECT_EQ(islet_call(isolate_, "identity", &value, 1, nullptr, error_), ISLET_OUT_OF_RANGE) << Message();
    }
    EXPECT_EQ(islet_call(isolate_, "add", &one, length, nullptr, error_), ISLET_RESOURCE_EXHAUSTED);
  }
  for (const size_t length : {SIZE_MAX - 1, SIZE_MAX / 2 + 1}) {
    const islet_value made[] = {islet_string(isolate_, text, length), islet_symbol(isolate_, text, length),
                                islet_big_integer(isolate_, text, length)};
    for (const islet_value& value : made) {
      EXPECT_EQ(islet_call(isolate_, "identity", &value, 1, nullptr, error_), ISLET_OUT_OF_RANGE) << Message();
    }
    EXPECT_EQ(islet_eval(isolate_, text, length, "test", 0, nullptr, error_), ISLET_OUT_OF_RANGE);
  }
  // As a length of text, SIZE_MAX is ISLET_Z.
  EXPECT_EQ(Print(islet_string(isolate_, text, SIZE_MAX)), "\"12\"");
  EXPECT_EQ(Print(islet_symbol(isolate_, text, SIZE_MAX)), "|12|");
  EXPECT_EQ(Print(islet_big_integer(isolate_, text, SIZE_MAX)), "12");
  EXPECT_EQ(Print(islet_string(isolate_, nullptr, SIZE_MAX)), "error: islet_string: the text is NULL");
  EXPECT_EQ(islet_eval(isolate_, nullptr, SIZE_MAX, "test", 0, nullptr, error_), ISLET_INVALID_ARGUMENT);
  EXPECT_EQ(Print(islet_list(isolate_, &one, SIZE_MAX)), "error: islet_list: it is longer than any object can be");
}

TEST_F(MisuseTest, StacksThatNoMemoryHas) {
  char here = 0;
  EXPECT_EQ(islet_stack_announce(&here, SIZE_MAX, error_), ISLET_INVALID_ARGUMENT);
  EXPECT_THAT(Message(), HasSubstr("islet_stack_announce: bytes"));
  EXPECT_EQ(islet_stack_announce(&here, 0, error_), ISLET_INVALID_ARGUMENT);
  EXPECT_EQ(islet_stack_announce(nullptr, 1 << 20, error_), ISLET_INVALID_ARGUMENT);
  EXPECT_EQ(Message(), "islet_stack_announce: low is NULL");
  islet_stack_forget(&here);  // was not announced
  EXPECT_EQ(Eval("(+ 1 2)"), "3");
}

TEST_F(MisuseTest, SnapshotsThatAreNone) {
  static const unsigned char bytes[4096] = {1};
  EXPECT_EQ(islet_snapshot_open_embedded(bytes + 4096, bytes, error_), nullptr);
  EXPECT_NE(islet_error_status(error_), ISLET_OK);
  EXPECT_EQ(islet_snapshot_open_embedded(bytes, bytes, error_), nullptr);
  EXPECT_EQ(islet_snapshot_open_embedded(bytes, bytes + 4096, error_), nullptr);
  EXPECT_EQ(islet_snapshot_open_bytes(bytes, SIZE_MAX, 0, error_), nullptr);
  EXPECT_EQ(islet_error_status(error_), ISLET_INVALID_ARGUMENT);
  EXPECT_EQ(islet_snapshot_open_bytes(bytes, 4096, ISLET_TRUSTED, error_), nullptr);
  EXPECT_EQ(islet_snapshot_open_bytes(bytes, 4096, 2, error_), nullptr);
  EXPECT_EQ(islet_error_status(error_), ISLET_UNSUPPORTED);
  EXPECT_EQ(islet_snapshot_open_file("/", 0, error_), nullptr);
  EXPECT_EQ(islet_snapshot_open_file("", 0, error_), nullptr);
  EXPECT_NE(islet_error_status(error_), ISLET_OK);
}

// ---- Values where they do not belong

TEST_F(MisuseTest, AValueOfAnotherIsolateIsForeignWhereverItIsUsed) {
  islet_isolate* const other = NewIsolate();
  ASSERT_EQ(islet_enter(other, error_), ISLET_OK);
  const islet_value theirs = islet_string(other, "theirs", ISLET_Z), kept = islet_keep(other, theirs);
  const islet_value vector = islet_vector(isolate_, &theirs, 0), key = islet_integer(isolate_, 0);
  const islet_value mine = islet_string(isolate_, "mine", ISLET_Z);
  for (const islet_value foreign : {theirs, kept}) {
    islet_value out = mine;
    islet_cursor cursor = {};
    size_t n = 7;
    const char* text = "text";
    const islet_value within[] = {mine, foreign};
    EXPECT_EQ(islet_type_of(isolate_, foreign), ISLET_TYPE_NONE);
    EXPECT_EQ(islet_get_text(isolate_, foreign, &text, &n, error_), ISLET_FOREIGN);
    EXPECT_EQ(islet_print(isolate_, foreign, 0, &text, &n, error_), ISLET_FOREIGN);
    EXPECT_EQ(islet_length(isolate_, foreign, &n, error_), ISLET_FOREIGN);
    EXPECT_EQ(islet_car(isolate_, foreign, &out, error_), ISLET_FOREIGN);
    EXPECT_EQ(islet_ref(isolate_, foreign, key, &out, error_), ISLET_FOREIGN);
    EXPECT_EQ(islet_ref(isolate_, vector, foreign, &out, error_), ISLET_FOREIGN);
    EXPECT_EQ(islet_set(isolate_, vector, key, foreign, error_), ISLET_FOREIGN);
    EXPECT_EQ(islet_call_value(isolate_, foreign, nullptr, 0, &out, error_), ISLET_FOREIGN);
    EXPECT_EQ(islet_call(isolate_, "add", within, 2, &out, error_), ISLET_FOREIGN);
    EXPECT_THAT(Message(), HasSubstr("islet_call: argument 2 is a value of another isolate"));
    EXPECT_EQ(n, 7u);
    EXPECT_STREQ(text, "text");
    EXPECT_EQ(Print(out), "\"mine\"");
    EXPECT_EQ(islet_items(isolate_, foreign, &cursor, &out, 1, &n, error_), ISLET_FOREIGN);
    EXPECT_EQ(n, 0u);
    EXPECT_EQ(islet_same(isolate_, foreign, foreign, ISLET_EQ), 0);
    EXPECT_EQ(islet_is_true(isolate_, foreign), 0);
    EXPECT_THAT(Print(islet_list(isolate_, within, 2)), HasSubstr("islet_list: a value of another isolate"));
    EXPECT_THAT(Print(islet_keep(isolate_, foreign)), HasSubstr("islet_keep: a value of another isolate"));
    islet_release_value(isolate_, foreign);  // another's
  }
  EXPECT_EQ(Host::Print(other, kept), "\"theirs\"");
  EXPECT_EQ(islet_isolate_free(other), ISLET_OK);
  EXPECT_EQ(islet_call(isolate_, "identity", &kept, 1, nullptr, error_), ISLET_FOREIGN);
}

TEST_F(MisuseTest, NothingReachesTheNextTenantByTheOldPointer) {
  islet_pool* const pool = NewPool();
  islet_isolate* const earlier = islet_pool_get(pool, error_);
  ASSERT_EQ(islet_enter(earlier, error_), ISLET_OK);
  const islet_value left = islet_string(earlier, "left", ISLET_Z), kept = islet_keep(earlier, left);
  ASSERT_EQ(islet_isolate_free(earlier), ISLET_OK);
  islet_isolate* const next = islet_pool_get(pool, error_);
  ASSERT_EQ(islet_enter(next, error_), ISLET_OK);
  EXPECT_EQ(islet_pool_stat(pool, ISLET_STAT_POOL_CREATED), 1u) << "the machine is the same";
  const islet_value theirs = islet_keep(next, islet_string(next, "theirs", ISLET_Z));
  islet_set_data(next, this);

  EXPECT_EQ(Host::Run(earlier, "(define intruder 1)"), ISLET_STALE);
  EXPECT_EQ(islet_enter(earlier, error_), ISLET_STALE);
  EXPECT_EQ(islet_leave(earlier), ISLET_STALE);
  EXPECT_EQ(islet_collect(earlier, ISLET_COLLECT_FULL, error_), ISLET_STALE);
  EXPECT_EQ(islet_isolate_fork(earlier, error_), nullptr);
  EXPECT_EQ(islet_error_status(error_), ISLET_STALE);
  EXPECT_EQ(islet_set_limit(earlier, ISLET_FUEL_LIMIT, 1), ISLET_STALE);
  EXPECT_EQ(islet_limit(earlier, ISLET_HEAP_LIMIT), 0u);
  EXPECT_EQ(islet_stat(earlier, ISLET_STAT_HEAP_BYTES), 0u);
  EXPECT_EQ(islet_data(earlier), nullptr);
  EXPECT_EQ(islet_scope_open(earlier), 0u);
  islet_set_data(earlier, nullptr);
  islet_interrupt(earlier);
  islet_release_value(earlier, kept);
  islet_release_value(next, kept);
  islet_release_value(earlier, theirs);
  EXPECT_EQ(Host::Print(next, islet_string(earlier, "intruder", ISLET_Z)),
            "error: islet_string: the isolate has been freed");
  EXPECT_EQ(islet_isolate_free(earlier), ISLET_STALE);

  EXPECT_EQ(Host::Run(next, "intruder"), ISLET_EXCEPTION);
  EXPECT_EQ(Host::Eval(next, "(count!)"), "1") << "no limit, no interrupt";
  for (const islet_value value : {left, kept}) {
    EXPECT_EQ(islet_call(next, "identity", &value, 1, nullptr, error_), ISLET_FOREIGN);
  }
  (void)islet_keep(next, left);  // handles what was released
  EXPECT_EQ(Host::Print(next, theirs), "\"theirs\"");
  EXPECT_EQ(islet_data(next), this);
  islet_pool_free(pool);
  EXPECT_EQ(islet_isolate_free(next), ISLET_OK);
}

TEST_F(MisuseTest, WhatAHostFunctionSeesOfErrorsIsItsOwn) {
  const auto fail = [](islet_host_call* call) {
    return islet_call(call->isolate, "fail-deeply", nullptr, 0, nullptr, call->error);
  };
  std::string seen = "never asked";
  const auto look = [&](islet_host_call* call) -> islet_status {
    seen = std::string(islet_error_message(call->error)) + islet_error_report(call->error) +
           islet_error_kind(call->error) + std::to_string(islet_error_frame(call->error, 0, nullptr)) +
           std::to_string(islet_error_status(call->error));
    return ISLET_OK;
  };
  islet_pool* const pool = NewPool();
  for (const bool other_tenant : {false, true}) {
    islet_isolate* isolate = islet_pool_get(pool, error_);
    ASSERT_EQ(islet_enter(isolate, error_), ISLET_OK);
    act_ = fail;
    EXPECT_EQ(Host::Run(isolate, "(call-back 1)"), ISLET_EXCEPTION) << Message();
    if (other_tenant) {
      ASSERT_EQ(islet_isolate_free(isolate), ISLET_OK);
      isolate = islet_pool_get(pool, error_);
      ASSERT_EQ(islet_enter(isolate, error_), ISLET_OK);
    }
    act_ = look;
    EXPECT_EQ(Host::Run(isolate, "(call-back 1)"), ISLET_OK);
    EXPECT_EQ(seen, "00") << "nothing has failed yet";
    ASSERT_EQ(islet_isolate_free(isolate), ISLET_OK);
  }
  islet_pool_free(pool);
}

TEST_F(MisuseTest, ReleasedValuesAreStaleAtOnce) {
  const islet_value kept = islet_keep(isolate_, islet_string(isolate_, "kept", ISLET_Z));
  EXPECT_EQ(Print(kept), "\"kept\"");
  islet_release_value(isolate_, kept);
  EXPECT_THAT(Print(kept), HasSubstr("was released"));
  islet_release_value(isolate_, kept);
  const islet_value next = islet_keep(isolate_, islet_string(isolate_, "next", ISLET_Z));
  const islet_value third = islet_keep(isolate_, islet_string(isolate_, "third", ISLET_Z));
  EXPECT_EQ(Print(next), "\"next\"") << "released twice, but made once";
  EXPECT_EQ(Print(third), "\"third\"");
}

TEST_F(MisuseTest, CursorsThatWereForged) {
  ASSERT_EQ(Run("(define l (list 1 2 3))"), ISLET_OK);
  islet_value list, items[4];
  ASSERT_EQ(islet_lookup(isolate_, "l", &list, error_), ISLET_OK);
  const islet_value kept = islet_keep(isolate_, list);
  const islet_value vector = islet_vector(isolate_, items, 0);
  const islet_value table = islet_hash_table(isolate_, items, 0);
  const uint64_t words[] = {0, 1, 2, 3, 4, 5, UINT64_MAX, kept.owner, kept.place, list.owner, list.place};
  for (const islet_value value : {list, vector, table, kept}) {
    for (const uint64_t a : words) {
      for (const uint64_t b : words) {
        for (const uint64_t c : words) {
          islet_cursor cursor = {{a, b, c, 0}};
          size_t got = 9;
          const islet_status status = islet_items(isolate_, value, &cursor, items, 4, &got, error_);
          ASSERT_LE(got, 4u);
          ASSERT_TRUE(status == ISLET_OK || got == 0);
        }
      }
    }
  }
  EXPECT_EQ(Print(kept), "(1 2 3)");
}

TEST_F(MisuseTest, HandlesThatWereForged) {
  const islet_value made = islet_string(isolate_, "made", ISLET_Z);
  islet_value shared;
  ASSERT_EQ(islet_snapshot_lookup(snapshot_, "table", &shared, error_), ISLET_OK);
  const uint64_t owners[] = {0,
                             1,
                             2,
                             3,
                             4,
                             5,
                             6,
                             255,
                             made.owner,
                             made.owner - 1,
                             made.owner + 1,
                             shared.owner,
                             shared.owner - 1,
                             shared.owner + 1,
                             1 << 16,
                             uint64_t{1} << 40,
                             UINT64_MAX};
  const uint64_t places[] = {
      0,    1,      0x80000000, 0xffffffff,        made.place + 1, made.place ^ 0x80000000, 0xd800, 0x110000,
      0xff, 0xff01, 0x2013,     uint64_t{1} << 32, UINT64_MAX,     shared.place + 1,        1 << 20};
  for (const uint64_t owner : owners) {
    for (const uint64_t place : places) {
      const islet_value value = {owner, place};
      const int type = islet_type_of(isolate_, value);
      if (owner == made.owner && place == made.place) continue;
      const bool constant = owner >= 2 && owner <= 5;
      const bool of_snapshot = owner == shared.owner;
      if (!constant && !of_snapshot) {
        EXPECT_EQ(type, ISLET_TYPE_NONE) << owner << " " << place;
      }
      const islet_status status = islet_call(isolate_, "identity", &value, 1, nullptr, error_);
      EXPECT_EQ(status == ISLET_OK, type != ISLET_TYPE_NONE) << owner << " " << place;
      if (status != ISLET_OK) {
        EXPECT_THAT(Message(), HasSubstr("islet_")) << owner << " " << place;
      }
      (void)Print(islet_list(isolate_, &value, 1));
      (void)Print(islet_pair(isolate_, made, value));
      (void)islet_scope_escape(isolate_, islet_scope_open(isolate_), value);
      (void)Print(islet_keep(isolate_, value));
      islet_release_value(isolate_, value);
    }
  }
  EXPECT_EQ(Print(made), "\"made\"");
}

// ---- Ending what is in use

TEST_F(MisuseTest, ByAnotherThreadInAHostFunction) {
  islet_isolate* const isolate = isolate_;
  act_ = [&](islet_host_call* call) -> islet_status {
    std::thread([&] {
      EXPECT_EQ(islet_isolate_free(isolate), ISLET_BUSY);
      EXPECT_EQ(islet_leave(isolate), ISLET_NOT_ENTERED);
      EXPECT_EQ(islet_enter(isolate, nullptr), ISLET_BUSY);
      EXPECT_EQ(islet_isolate_fork(isolate, nullptr), nullptr);
      EXPECT_EQ(islet_scope_open(isolate), 0u);
      islet_scope_close(isolate, 1);
      EXPECT_EQ(islet_data(isolate), nullptr);
      islet_set_data(isolate, &act_);
      EXPECT_EQ(islet_stat(isolate, ISLET_STAT_HEAP_BYTES), 0u);
      EXPECT_EQ(islet_type_of(isolate, call->arguments[0]), ISLET_TYPE_NONE);
      EXPECT_EQ(islet_eval(isolate, "1", 1, nullptr, 0, nullptr, nullptr), ISLET_NOT_ENTERED);
    }).join();
    EXPECT_EQ(islet_data(isolate), nullptr);
    EXPECT_EQ(islet_isolate_free(isolate), ISLET_BUSY);
    EXPECT_EQ(islet_leave(isolate), ISLET_BUSY);
    return ISLET_OK;
  };
  EXPECT_EQ(Eval("(begin (call-back 1) 'goes-on)"), "goes-on");
}

// What is forbidden to these functions is told them, too.
TEST_F(MisuseTest, AFunctionOfAStreamCannotLeaveOrEndTheIsolate) {
  struct Seen {
    islet_isolate* isolate = nullptr;
    int calls = 0;
  } seen;
  islet_streams table = {};
  table.size = sizeof(table);
  table.data = &seen;
  table.write = [](void* data, int, const char*, size_t, islet_error* error) -> islet_status {
    Seen& s = *static_cast<Seen*>(data);
    ++s.calls;
    EXPECT_EQ(islet_leave(s.isolate), ISLET_BUSY);
    EXPECT_EQ(islet_isolate_free(s.isolate), ISLET_BUSY);
    EXPECT_EQ(islet_isolate_fork(s.isolate, error), nullptr);
    std::thread([&] { EXPECT_EQ(islet_enter(s.isolate, nullptr), ISLET_BUSY); }).join();
    return ISLET_OK;
  };
  islet_options* const options = Options();
  islet_options_set_streams(options, &table);
  Make(options);
  seen.isolate = isolate_;
  EXPECT_EQ(Eval("(begin (display \"text\") (flush-output-port) 'goes-on)"), "goes-on");
  EXPECT_GT(seen.calls, 0);
}

// They must not call it; but if they do, the heap holds.
TEST_F(MisuseTest, AFunctionOfAStreamThatCallsTheIsolate) {
  struct Seen {
    islet_isolate* isolate = nullptr;
    std::string output;
  } seen;
  islet_streams table = {};
  table.size = sizeof(table);
  table.data = &seen;
  table.write = [](void* data, int, const char* text, size_t length, islet_error* error) -> islet_status {
    Seen& s = *static_cast<Seen*>(data);
    s.output.append(text, length);
    (void)islet_eval(s.isolate, "(churn 20000)", ISLET_Z, "inner", 0, nullptr, error);
    (void)islet_collect(s.isolate, ISLET_COLLECT_FULL, error);
    return ISLET_OK;
  };
  table.read = [](void* data, char* buffer, size_t capacity, size_t* count, islet_error* error) -> islet_status {
    Seen& s = *static_cast<Seen*>(data);
    (void)islet_eval(s.isolate, "(churn 20000)", ISLET_Z, "inner", 0, nullptr, error);
    (void)islet_collect(s.isolate, ISLET_COLLECT_FULL, error);
    *count = std::string("(a \"b\" c)").copy(buffer, capacity);
    return ISLET_OK;
  };
  islet_options* const options = Options();
  islet_options_set_streams(options, &table);
  Make(options);
  seen.isolate = isolate_;
  EXPECT_EQ(Eval("(define l (map list (iota 100)))"
                 "(write (map (lambda (x) (write x) (flush-output-port) (list x (read))) l)) (flush-output-port)"
                 "(write-string (make-string 20000 #\\x)) (length (read))"),
            "3");
  EXPECT_THAT(seen.output, HasSubstr("((98) (a \"b\" c)) ((99) (a \"b\" c)))"));
}

TEST_F(MisuseTest, WhileALimitIsAskedForOnlyTheLimitIsAtHand) {
  struct Seen {
    int asked = 0;
    islet_value value;
    islet_isolate* other;
  } seen;
  islet_options* const options = Options();
  islet_options_set_limit(options, ISLET_FUEL_LIMIT, 100000);
  islet_options_set_near_limit(
      options,
      [](void* data, islet_isolate* isolate, islet_status) {
        Seen& s = *static_cast<Seen*>(data);
        ++s.asked;
        islet_value out = {};
        EXPECT_EQ(islet_enter(isolate, nullptr), ISLET_BUSY);
        EXPECT_EQ(islet_leave(isolate), ISLET_BUSY);
        EXPECT_EQ(islet_isolate_free(isolate), ISLET_BUSY);
        EXPECT_EQ(islet_isolate_fork(isolate, nullptr), nullptr);
        EXPECT_EQ(islet_call(isolate, "count!", nullptr, 0, &out, nullptr), ISLET_BUSY);
        EXPECT_EQ(islet_call_value(isolate, s.value, nullptr, 0, &out, nullptr), ISLET_BUSY);
        EXPECT_EQ(islet_lookup(isolate, "count!", &out, nullptr), ISLET_BUSY);
        EXPECT_EQ(islet_collect(isolate, ISLET_COLLECT_FULL, nullptr), ISLET_BUSY);
        EXPECT_EQ(islet_flush(isolate, nullptr), ISLET_BUSY);
        EXPECT_EQ(islet_print(isolate, s.value, 0, nullptr, nullptr, nullptr), ISLET_BUSY);
        EXPECT_EQ(islet_type_of(isolate, s.value), ISLET_TYPE_NONE);
        EXPECT_EQ(islet_scope_open(isolate), 0u);
        islet_scope_close(isolate, 1);
        islet_release_value(isolate, s.value);
        (void)islet_keep(isolate, s.value);
        (void)islet_string(isolate, "text", ISLET_Z);
        EXPECT_GT(islet_limit(isolate, ISLET_HEAP_LIMIT), 0u);
        EXPECT_GT(islet_stat(isolate, ISLET_STAT_HEAP_BYTES), 0u);
        // Another isolate is another matter.
        EXPECT_EQ(islet_enter(s.other, nullptr), ISLET_OK);
        EXPECT_EQ(islet_call(s.other, "count!", nullptr, 0, &out, nullptr), ISLET_OK);
        EXPECT_EQ(islet_leave(s.other), ISLET_OK);
      },
      &seen, nullptr);
  Make(options);
  seen.other = NewIsolate();
  seen.value = islet_string(isolate_, "value", ISLET_Z);
  EXPECT_EQ(Run("(loop-forever)"), ISLET_FUEL_LIMIT);
  EXPECT_EQ(seen.asked, 1);
  EXPECT_EQ(Print(seen.value), "\"value\"");
  // Also where the host's own values reach the limit.
  ASSERT_EQ(islet_set_limit(isolate_, ISLET_HEAP_LIMIT, 4 << 20), ISLET_OK);
  islet_value list = islet_null(isolate_);
  for (int i = 0; i < 1000000 && islet_type_of(isolate_, list) != ISLET_TYPE_NONE; ++i) {
    list = islet_pair(isolate_, list, list);
  }
  EXPECT_EQ(islet_call(isolate_, "identity", &list, 1, nullptr, error_), ISLET_HEAP_LIMIT) << Message();
  EXPECT_EQ(islet_isolate_free(seen.other), ISLET_OK);
}

// ---- Failures on their way out

TEST_F(MisuseTest, AHostsOwnStatusSurvivesWhatScriptsDoWithIt) {
  act_ = [](islet_host_call* call) {
    return islet_error_set(call->error, ISLET_HOST_STATUS + 7, nullptr, "the host's");
  };
  const char* const passed_on[] = {
      "(call-back 1)",
      "(guard (e ((symbol? e) 'never)) (call-back 1))",
      "(guard (e (#t (raise e))) (call-back 1))",
      "(guard (e (#t (guard (f (#t (raise f))) (raise e)))) (call-back 1))",
      "(define kept #f) (guard (e (#t (set! kept e))) (call-back 1)) (gc-some) (raise kept)",
      "(dynamic-wind (lambda () #f) (lambda () (call-back 1)) (lambda () (guard (e (#t #f)) (car 5))))",
      "(with-exception-handler (lambda (e) (raise e)) (lambda () (call-back 1)))",
      "(call/cc (lambda (k) (with-exception-handler (lambda (e) (raise-continuable e)) (lambda () (call-back 1)))))",
  };
  ASSERT_EQ(Run("(define (gc-some) (churn 100000))"), ISLET_OK);
  for (const char* const text : passed_on) {
    EXPECT_EQ(Run(text), ISLET_HOST_STATUS + 7) << text << ": " << Message();
    EXPECT_EQ(islet_error_status(error_), ISLET_HOST_STATUS + 7);
    EXPECT_THAT(Message(), HasSubstr("the host's")) << text;
    EXPECT_STREQ(islet_error_kind(error_), "host") << text;
  }
  EXPECT_EQ(Run("(raise 'mine)"), ISLET_EXCEPTION) << "another object has none";
  // Across a second host function, whose own status is another's.
  int depth = 0;
  act_ = [&](islet_host_call* call) -> islet_status {
    if (++depth == 3) return islet_error_set(call->error, 1073741823, nullptr, "innermost");
    return islet_eval(call->isolate, "(guard (e ((string? e) 0)) (call-back 1))", ISLET_Z, "inner", 0, nullptr,
                      call->error);
  };
  EXPECT_EQ(Run("(call-back 1)"), 1073741823) << Message();
  EXPECT_THAT(Message(), HasSubstr("innermost"));
}

TEST_F(MisuseTest, StatusesThatNobodyHas) {
  for (const islet_status status : {-1, INT32_MIN, 23, 24, 25, 27, 999, 1073741824, INT32_MAX}) {
    EXPECT_EQ(islet_error_set(error_, status, nullptr, "text"), ISLET_INTERNAL) << status;
    EXPECT_EQ(islet_error_status(error_), ISLET_INTERNAL);
    act_ = [&](islet_host_call*) { return status; };
    EXPECT_EQ(Run("(call-back 1)"), ISLET_INTERNAL) << status << ": " << Message();
  }
}

TEST_F(MisuseTest, AnEndOfAnotherRunIsNoneOfThisOne) {
  // Of another isolate.
  islet_isolate* const other = NewIsolate();
  ASSERT_EQ(islet_set_limit(other, ISLET_FUEL_LIMIT, 10000), ISLET_OK);
  act_ = [&](islet_host_call* call) -> islet_status {
    EXPECT_EQ(islet_enter(other, call->error), ISLET_OK);
    const islet_status status = islet_call(other, "loop-forever", nullptr, 0, nullptr, call->error);
    EXPECT_EQ(status, ISLET_FUEL_LIMIT);
    EXPECT_EQ(islet_leave(other), ISLET_OK);
    return status;
  };
  EXPECT_EQ(Run("(call-back 1)"), ISLET_INTERNAL) << Message();
  EXPECT_EQ(Eval("(guard (e (#t 'caught)) (call-back 1))"), "caught");
  EXPECT_EQ(islet_isolate_free(other), ISLET_OK);
  // Of an earlier call in this one.
  islet_error* const earlier = islet_error_new();
  for (const char* const text : {"(exit 3)", "(loop-forever)", "(raise 'boom)", "(car 1)"}) {
    act_ = [&](islet_host_call* call) -> islet_status {
      if (islet_error_status(earlier) != ISLET_OK) return islet_error_copy(call->error, earlier);
      if (text[1] == 'l') islet_interrupt(call->isolate);
      (void)islet_eval(call->isolate, text, ISLET_Z, "inner", 0, nullptr, earlier);
      return islet_error_copy(call->error, earlier);
    };
    islet_error_clear(earlier);
    const islet_status first = Run("(call-back 1)");
    const bool ended = text[1] == 'e' || text[1] == 'l';
    if (ended) {
      EXPECT_EQ(first, text[1] == 'e' ? ISLET_EXITED : ISLET_CANCELLED) << text << ": " << Message();
      EXPECT_EQ(Run("(call-back 1)"), ISLET_INTERNAL) << text << ": " << Message();
      EXPECT_EQ(Eval("(guard (e (#t 'caught)) (call-back 1))"), "caught") << text;
    } else {
      EXPECT_EQ(first, ISLET_EXCEPTION) << text;
      EXPECT_EQ(Run("(call-back 1)"), ISLET_EXCEPTION) << text << ": " << Message();
    }
  }
  islet_error_free(earlier);
}

TEST_F(MisuseTest, LimitsWithinNestedCalls) {
  const char* const hungry[] = {"(let loop () (loop))", "(let loop ((l '())) (loop (cons 1 l)))",
                                "(let f () (+ 1 (f)))"};
  const islet_status limits[] = {ISLET_FUEL_LIMIT, ISLET_HEAP_LIMIT, ISLET_STACK_LIMIT};
  for (int i = 0; i < 3; ++i) {
    for (const bool pass_on : {true, false}) {
      act_ = [&](islet_host_call* call) -> islet_status {
        const islet_status status =
            islet_call_value(call->isolate, call->arguments[0], nullptr, 0, &call->result, call->error);
        return pass_on ? status : ISLET_OK;
      };
      Make(Options());
      ASSERT_EQ(islet_set_limit(isolate_, ISLET_FUEL_LIMIT, i == 0 ? 3000000 : ISLET_NO_LIMIT), ISLET_OK);
      ASSERT_EQ(islet_set_limit(isolate_, ISLET_STACK_LIMIT, 1 << 20), ISLET_OK);
      std::string text = hungry[i];
      for (int depth = 0; depth < 5; ++depth) text = "(guard (e (#t 'never)) (call-back (lambda () " + text + ")))";
      const islet_status status = Run(text);
      // A host may go on without what needed too much memory.
      EXPECT_EQ(status, pass_on || i == 0 ? limits[i] : ISLET_OK) << text << pass_on << Message();
      EXPECT_EQ(Eval("(+ 1 2)"), "3");
    }
  }
}

TEST_F(MisuseTest, CppExceptionsAreFailures) {
  act_ = [](islet_host_call* call) -> islet_status {
    (void)islet_enter(call->isolate, call->error);
    (void)islet_scope_open(call->isolate);
    throw std::runtime_error("thrown by the host");
  };
  EXPECT_EQ(Run("(call-back 1)"), ISLET_EXCEPTION);
  EXPECT_THAT(Message(), HasSubstr("thrown by the host"));
  EXPECT_STREQ(islet_error_kind(error_), "host");
  act_ = [](islet_host_call*) -> islet_status { throw 7; };
  EXPECT_EQ(Eval("(guard (e (#t 'caught)) (call-back 1))"), "caught");
  EXPECT_EQ(islet_leave(isolate_), ISLET_OK);
  EXPECT_EQ(islet_leave(isolate_), ISLET_NOT_ENTERED);
  EXPECT_EQ(islet_enter(isolate_, error_), ISLET_OK);
}

TEST_F(MisuseTest, ResultsThatAreNoValues) {
  islet_isolate* const other = NewIsolate();
  ASSERT_EQ(islet_enter(other, error_), ISLET_OK);
  const islet_value stale = [&] {
    const size_t scope = islet_scope_open(isolate_);
    const islet_value value = islet_string(isolate_, "stale", ISLET_Z);
    islet_scope_close(isolate_, scope);
    return value;
  }();
  for (const islet_value result : {islet_value{0, 0}, islet_value{77, 77}, islet_string(other, "foreign", ISLET_Z),
                                   stale, islet_big_integer(isolate_, "x", ISLET_Z)}) {
    act_ = [&](islet_host_call* call) -> islet_status {
      call->result = result;
      return ISLET_OK;
    };
    EXPECT_NE(Run("(call-back 1)"), ISLET_OK);
    EXPECT_STREQ(islet_error_kind(error_), "host");
    EXPECT_THAT(Message(), testing::AnyOf(HasSubstr("result"), HasSubstr("islet_big_integer")));
    EXPECT_EQ(Eval("(guard (e (#t 'caught)) (call-back 1))"), "caught");
  }
  EXPECT_EQ(islet_isolate_free(other), ISLET_OK);
}

// ---- Text

// Whether it is UTF-8 in whole characters.
bool IsWhole(const std::string& text) {
  for (size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i++]);
    int rest = lead < 0x80 ? 0 : lead >= 0xc2 && lead < 0xe0 ? 1 : lead >= 0xe0 && lead < 0xf0 ? 2 : 3;
    if (lead >= 0xf5 || (lead >= 0x80 && lead < 0xc2)) return false;
    for (; rest > 0; --rest, ++i) {
      if (i == text.size() || (static_cast<unsigned char>(text[i]) & 0xc0) != 0x80) return false;
    }
  }
  return true;
}

TEST_F(MisuseTest, TextIsNotCutInsideOfACharacter) {
  std::string long_text;
  for (int i = 0; i < 100000; ++i)
    long_text += i % 3 == 0 ? "\xf0\x9d\x84\x9e" : i % 3 == 1 ? "\xe2\x82\xac" : "\xc3\xbc";
  const islet_value value = islet_string(isolate_, long_text.data(), long_text.size());
  for (size_t limit = 1; limit < 200; ++limit) {
    const char* text = nullptr;
    size_t length = 0;
    ASSERT_EQ(islet_print(isolate_, value, limit, &text, &length, error_), ISLET_OK);
    EXPECT_TRUE(IsWhole({text, length})) << limit;
    EXPECT_LT(length, limit + 100);
    EXPECT_EQ(text[length], '\0');
  }
  for (size_t shift = 0; shift < 5; ++shift) {
    const std::string padded = std::string(shift, 'x') + long_text;
    const islet_value argument = islet_string(isolate_, padded.data(), padded.size());
    ASSERT_EQ(Run("(define (fail text) (error text text))"), ISLET_OK);
    EXPECT_EQ(islet_call(isolate_, "fail", &argument, 1, nullptr, error_), ISLET_EXCEPTION);
    EXPECT_TRUE(IsWhole(Message()));
    EXPECT_TRUE(IsWhole(islet_error_report(error_)));
    EXPECT_EQ(islet_call(isolate_, padded.c_str(), nullptr, 0, nullptr, error_), ISLET_NOT_FOUND);
    EXPECT_TRUE(IsWhole(Message()));
    act_ = [&](islet_host_call* call) {
      return islet_error_set(call->error, ISLET_HOST_STATUS, nullptr, padded.c_str());
    };
    EXPECT_EQ(Run("(call-back 1)"), ISLET_HOST_STATUS);
    EXPECT_TRUE(IsWhole(Message()));
  }
  // Invalid bytes become U+FFFD, on each way in.
  const std::string broken = "a\xff\xc3";
  EXPECT_EQ(Print(islet_string(isolate_, broken.data(), broken.size())), "\"a\xef\xbf\xbd\xef\xbf\xbd\"");
  (void)islet_call(isolate_, broken.c_str(), nullptr, 0, nullptr, error_);
  EXPECT_TRUE(IsWhole(Message())) << Message();
  (void)islet_eval(isolate_, "(car 1)", ISLET_Z, broken.c_str(), 0, nullptr, error_);
  EXPECT_TRUE(IsWhole(islet_error_report(error_))) << islet_error_report(error_);
  islet_frame frame;
  for (size_t i = 0; islet_error_frame(error_, i, &frame) != 0; ++i) EXPECT_TRUE(IsWhole(frame.file)) << frame.file;
  act_ = [&](islet_host_call* call) {
    return islet_error_set(call->error, ISLET_HOST_STATUS, nullptr, broken.c_str());
  };
  EXPECT_EQ(Run("(call-back 1)"), ISLET_HOST_STATUS);
  EXPECT_TRUE(IsWhole(Message())) << Message();
  (void)islet_error_set(error_, ISLET_NOT_FOUND, nullptr, broken.c_str());
  EXPECT_TRUE(IsWhole(Message())) << Message();
  EXPECT_EQ(islet_snapshot_open_file(broken.c_str(), 0, error_), nullptr);
  EXPECT_TRUE(IsWhole(Message())) << Message();
}

// ---- Many values

TEST_F(MisuseTest, AHostFunctionThatMakesTenMillionValues) {
  constexpr int kMany = kSanitized ? 1000000 : 10000000;
  using Maker = islet_value (*)(islet_isolate*, int);
  const Maker makers[] = {
      [](islet_isolate* isolate, int i) { return islet_real(isolate, i + 0.5); },
      [](islet_isolate* isolate, int) { return islet_string(isolate, "some text that needs bytes", ISLET_Z); },
      [](islet_isolate* isolate, int i) {
        return islet_pair(isolate, islet_integer(isolate, i), islet_real(isolate, i));
      },
      [](islet_isolate* isolate, int i) {
        return islet_keep(isolate, islet_bytevector_new(isolate, static_cast<size_t>(i % 50), nullptr));
      },
  };
  for (const Maker& maker : makers) {
    for (const bool scoped : {false, true}) {
      act_ = [&](islet_host_call* call) -> islet_status {
        for (int i = 0; i < kMany; ++i) {
          const size_t scope = scoped ? islet_scope_open(call->isolate) : 0;
          const islet_value value = maker(call->isolate, i);
          if (islet_type_of(call->isolate, value) == ISLET_TYPE_NONE) {
            return islet_call(call->isolate, "identity", &value, 1, nullptr, call->error);  // the reason
          }
          if (scoped) {
            islet_release_value(call->isolate, value);
            islet_scope_close(call->isolate, scope);
          }
        }
        return ISLET_OK;
      };
      ASSERT_EQ(islet_set_limit(isolate_, ISLET_HEAP_LIMIT, 8 << 20), ISLET_OK);
      const islet_status status = Run("(call-back 1)");
      const bool in_heap = &maker != makers;
      if (scoped || !in_heap) {
        EXPECT_EQ(status, ISLET_OK) << &maker - makers << Message();
      } else {
        EXPECT_EQ(status, ISLET_HEAP_LIMIT) << &maker - makers << Message();
      }
      if (maker != makers[3]) {
        EXPECT_EQ(Eval("(+ 1 2)"), "3");
      }
      Make(Options());  // without what was kept
    }
  }
}

TEST_F(MisuseTest, DataThatIsDeepOrCircular) {
  ASSERT_EQ(Run("(define c (list 1 2)) (set-cdr! (cdr c) c) (define d (list 1 2)) (set-cdr! (cdr d) d)"
                "(define (nest n) (let loop ((n n) (l '())) (if (= n 0) l (loop (- n 1) (list l)))))"
                "(define deep (nest 300000)) (define deeper (nest 300000))"),
            ISLET_OK)
      << Message();
  islet_value c, d, deep, deeper, out;
  ASSERT_EQ(islet_lookup(isolate_, "c", &c, error_), ISLET_OK);
  ASSERT_EQ(islet_lookup(isolate_, "d", &d, error_), ISLET_OK);
  ASSERT_EQ(islet_lookup(isolate_, "deep", &deep, error_), ISLET_OK);
  ASSERT_EQ(islet_lookup(isolate_, "deeper", &deeper, error_), ISLET_OK);
  EXPECT_EQ(islet_same(isolate_, c, d, ISLET_EQUAL), 1);
  EXPECT_EQ(islet_same(isolate_, deep, deeper, ISLET_EQUAL), 1);
  EXPECT_THAT(Print(c), HasSubstr("#0="));
  (void)Print(deep);
  const islet_value pairs[] = {c, d, deep, deeper};
  const islet_value table = islet_hash_table(isolate_, pairs, 2);
  EXPECT_EQ(islet_type_of(isolate_, table), ISLET_TYPE_HASH_TABLE);
  EXPECT_EQ(islet_ref(isolate_, table, deeper, &out, error_), ISLET_OK) << Message();
  EXPECT_EQ(islet_ref(isolate_, table, d, &out, error_), ISLET_OK) << Message();
  EXPECT_EQ(islet_set(isolate_, table, d, c, error_), ISLET_OK) << Message();
  EXPECT_EQ(islet_call(isolate_, "identity", &deep, 1, nullptr, error_), ISLET_OK);
}

// ---- Options

TEST_F(MisuseTest, FunctionsThatCannotBeAreRefused) {
  struct Case {
    const char* name;
    int least, most;
    islet_function function;
  };
  const Case cases[] = {{"f", -1, 1, Ignore},    {"f", 2, 1, Ignore},         {"f", 0, 256, Ignore},
                        {"f", 256, 256, Ignore}, {"f", 0, -2, Ignore},        {nullptr, 0, 0, Ignore},
                        {"f", 0, 0, nullptr},    {"f", INT32_MIN, 0, Ignore}, {"f", 0, INT32_MAX, Ignore}};
  for (const Case& c : cases) {
    int released = 0;
    islet_options* const options = Options();
    islet_options_add_function(options, c.name, c.least, c.most, c.function, &released,
                               [](void* data) { ++*static_cast<int*>(data); });
    EXPECT_EQ(islet_isolate_new(snapshot_, options, error_), nullptr) << c.least << " " << c.most;
    EXPECT_EQ(islet_error_status(error_), ISLET_INVALID_ARGUMENT) << c.least << " " << c.most << Message();
    EXPECT_EQ(islet_pool_new(snapshot_, options, error_), nullptr);
    islet_options_free(options);
    EXPECT_EQ(released, 1) << c.least << " " << c.most;
  }
}

TEST_F(MisuseTest, NumbersThatNoIsolateCanHave) {
  for (const uint64_t bytes :
       {uint64_t{0}, uint64_t{1}, uint64_t{4096}, UINT64_MAX, UINT64_MAX / 2, uint64_t{1} << 62}) {
    islet_options* options = Options();
    islet_options_set_cage_size(options, bytes);
    islet_isolate* isolate = islet_isolate_new(snapshot_, options, error_);
    if (isolate != nullptr) {
      EXPECT_EQ(bytes, 0u) << "refused";
      EXPECT_EQ(islet_isolate_free(isolate), ISLET_OK);
    }
    islet_options_free(options);
    for (const islet_status which :
         {ISLET_HEAP_LIMIT, ISLET_STACK_LIMIT, ISLET_FUEL_LIMIT, ISLET_CPU_TIME_LIMIT, ISLET_WALL_TIME_LIMIT}) {
      options = Options();
      islet_options_set_limit(options, which, bytes);
      islet_options_set_spare_bytes(options, bytes);
      islet_options_set_idle(options, bytes, bytes);
      isolate = islet_isolate_new(snapshot_, options, error_);
      islet_pool* const pool = islet_pool_new(snapshot_, options, error_);
      islet_options_free(options);
      ASSERT_NE(isolate, nullptr) << which << " " << bytes << Message();
      ASSERT_NE(pool, nullptr) << which << " " << bytes << Message();
      for (islet_isolate* const each : {isolate, islet_pool_get(pool, error_)}) {
        const bool time = which == ISLET_CPU_TIME_LIMIT || which == ISLET_WALL_TIME_LIMIT;
        EXPECT_EQ(islet_limit(each, which), time && bytes >= INT64_MAX ? ISLET_NO_LIMIT : bytes) << which;
        ASSERT_EQ(islet_enter(each, error_), ISLET_OK);
        const islet_status status = Host::Run(each, "(let loop ((i 0)) (if (< i 100000) (loop (+ i 1)))) (churn 1000)");
        EXPECT_TRUE(status == ISLET_OK || status == which) << which << " " << bytes << " " << Message();
        ASSERT_EQ(islet_set_limit(each, which, which == ISLET_HEAP_LIMIT ? 16 << 20 : ISLET_NO_LIMIT), ISLET_OK);
        EXPECT_EQ(Host::Eval(each, "(+ 1 2)"), "3") << which << " " << bytes;
        EXPECT_EQ(islet_isolate_free(each), ISLET_OK);
      }
      (void)islet_pool_trim(pool, SIZE_MAX);
      (void)islet_pool_trim(pool, 0);
      islet_pool_free(pool);
    }
  }
}

// Counts, and checks that it happens once.
struct Counted {
  int released = 0;
  static void Release(void* data) { ++static_cast<Counted*>(data)->released; }
};

TEST_F(MisuseTest, DataIsReleasedOnceInWhateverOrderItsUsersEnd) {
  // A bit for each of options, isolate, fork, pool, pool's isolate and snapshot: which ends first.
  std::vector<int> order = {0, 1, 2, 3, 4};
  do {
    Counted function, near, streams, files, replaced;
    islet_options* options = Options();
    islet_options_add_function(options, "log", 1, 1, Ignore, &replaced, Counted::Release);
    islet_options_add_function(options, "log", 1, 1, Ignore, &function, Counted::Release);
    islet_options_set_near_limit(options, [](void*, islet_isolate*, islet_status) {}, &near, Counted::Release);
    islet_streams s = {};
    s.size = sizeof(s);
    s.data = &streams;
    s.release = Counted::Release;
    islet_options_set_streams(options, &s);
    islet_file_system f = {};
    f.size = sizeof(f);
    f.data = &files;
    f.release = Counted::Release;
    islet_options_set_file_system(options, &f);
    islet_isolate* isolate = islet_isolate_new(snapshot_, options, error_);
    ASSERT_NE(isolate, nullptr) << Message();
    islet_isolate* fork = islet_isolate_fork(isolate, error_);
    ASSERT_NE(fork, nullptr) << Message();
    islet_pool* pool = islet_pool_new(snapshot_, options, error_);
    ASSERT_NE(pool, nullptr) << Message();
    islet_isolate* pooled = islet_pool_get(pool, error_);
    ASSERT_NE(pooled, nullptr) << Message();
    for (const int which : order) {
      EXPECT_EQ(function.released + near.released + streams.released + files.released, 0);
      switch (which) {
        case 0:
          islet_options_free(options);
          break;
        case 1:
          EXPECT_EQ(islet_isolate_free(isolate), ISLET_OK);
          break;
        case 2:
          EXPECT_EQ(islet_isolate_free(fork), ISLET_OK);
          break;
        case 3:
          islet_pool_free(pool);
          break;
        default:
          EXPECT_EQ(islet_isolate_free(pooled), ISLET_OK);
      }
    }
    EXPECT_EQ(function.released, 1);
    EXPECT_EQ(near.released, 1);
    EXPECT_EQ(streams.released, 1);
    EXPECT_EQ(files.released, 1);
    EXPECT_EQ(replaced.released, 1);
  } while (std::next_permutation(order.begin(), order.end()));
}

TEST_F(MisuseTest, DataOfWhatIsRefusedOrReplacedIsReleased) {
  Counted counted;
  const auto released = [&] { return std::exchange(counted.released, 0); };
  islet_options_add_function(nullptr, "f", 0, 0, Ignore, &counted, Counted::Release);
  EXPECT_EQ(released(), 1) << "there are no options";
  islet_options_set_near_limit(nullptr, [](void*, islet_isolate*, islet_status) {}, &counted, Counted::Release);
  EXPECT_EQ(released(), 1);
  islet_streams streams = {};
  streams.size = sizeof(streams);
  streams.data = &counted;
  streams.release = Counted::Release;
  islet_options_set_streams(nullptr, &streams);
  EXPECT_EQ(released(), 1);
  islet_file_system files = {};
  files.size = sizeof(files);
  files.data = &counted;
  files.release = Counted::Release;
  islet_options_set_file_system(nullptr, &files);
  EXPECT_EQ(released(), 1);

  islet_options* const options = islet_options_new();
  islet_options_set_near_limit(options, nullptr, &counted, Counted::Release);
  EXPECT_EQ(released(), 1) << "asks nobody";
  islet_options_set_streams(options, &streams);
  EXPECT_EQ(released(), 0);
  islet_options_set_streams(options, &streams);
  EXPECT_EQ(released(), 1) << "replaced";
  islet_options_set_file_system(options, &files);
  islet_options_allow_all_files(options);
  EXPECT_EQ(released(), 1) << "replaced";
  files.open = [](void*, const char*, int, void**, islet_error*) -> islet_status { return ISLET_NOT_FOUND; };
  islet_options_set_file_system(options, &files);
  EXPECT_EQ(released(), 1) << "open without close";
  struct {
    islet_streams known;
    void* more;
  } newer = {streams, &counted};
  newer.known.size = sizeof(newer);
  islet_options_set_streams(options, &newer.known);
  EXPECT_EQ(released(), 1) << "a member that is not known";
  islet_options_free(options);
  EXPECT_EQ(released(), 1) << "the streams";
}

TEST_F(MisuseTest, TablesOfEverySize) {
  for (size_t size = 0; size <= sizeof(islet_streams) + 64; ++size) {
    union {
      islet_streams table;
      unsigned char bytes[sizeof(islet_streams) + 64];
    } padded = {};
    for (const bool more : {false, true}) {
      padded.table = {};
      padded.table.size = size;
      if (more && size > sizeof(islet_streams)) padded.bytes[size - 1] = 1;
      islet_options* const options = Options();
      islet_options_set_streams(options, &padded.table);
      islet_isolate* const isolate = islet_isolate_new(snapshot_, options, error_);
      islet_options_free(options);
      if (size < sizeof(size_t)) {
        EXPECT_EQ(isolate, nullptr) << size;
        EXPECT_EQ(islet_error_status(error_), ISLET_INVALID_ARGUMENT) << size;
      } else if (more && size > sizeof(islet_streams)) {
        EXPECT_EQ(isolate, nullptr) << size;
        EXPECT_EQ(islet_error_status(error_), ISLET_UNSUPPORTED) << size;
      } else {
        EXPECT_NE(isolate, nullptr) << size << Message();
        EXPECT_EQ(islet_isolate_free(isolate), ISLET_OK);
      }
    }
  }
}

}  // namespace
}  // namespace islet::c
