// A snapshot of //sdk:isolate_test_startup with host functions, as the tests of misuse share it.

#ifndef ISLET_BINDINGS_C_HOST_FOR_TESTS_H_
#define ISLET_BINDINGS_C_HOST_FOR_TESTS_H_

#include <functional>
#include <string>

#include "gtest/gtest.h"
#include "islet/islet.h"
#include "sdk/isolate_test_startup.h"

namespace islet::c {

// What the script's `act` stands for here: its call-back calls this, if it is set.
using Act = std::function<islet_status(islet_host_call* call)>;

inline islet_status CallAct(islet_host_call* call) {
  const Act& act = *static_cast<Act*>(call->data);
  if (act != nullptr) return act(call);
  return islet_call_value(call->isolate, call->arguments[0], nullptr, 0, &call->result, call->error);
}

inline islet_status Ignore(islet_host_call*) { return ISLET_OK; }

class Host : public testing::Test {
 protected:
  Host() {
    snapshot_ = islet_snapshot_open_embedded(islet_snapshot_isolate_test_startup_begin,
                                             islet_snapshot_isolate_test_startup_end, error_);
    EXPECT_NE(snapshot_, nullptr) << Message();
  }
  ~Host() override {
    islet_snapshot_free(snapshot_);
    islet_error_free(error_);
  }
  // With the host functions that the startup script needs; call-back is act_, or calls its argument.
  islet_options* Options() {
    islet_options* const options = islet_options_new();
    islet_options_add_function(options, "log", 1, 1, Ignore, nullptr, nullptr);
    islet_options_add_function(options, "add", 2, -1, Ignore, nullptr, nullptr);
    islet_options_add_function(options, "call-back", 1, 1, CallAct, &act_, nullptr);
    islet_options_set_limit(options, ISLET_HEAP_LIMIT, 32 << 20);
    return options;
  }
  // Frees the options.
  islet_isolate* NewIsolate(islet_options* options) {
    islet_isolate* const isolate = islet_isolate_new(snapshot_, options, error_);
    EXPECT_NE(isolate, nullptr) << Message();
    islet_options_free(options);
    return isolate;
  }
  islet_isolate* NewIsolate() { return NewIsolate(Options()); }
  islet_pool* NewPool() {
    islet_options* const options = Options();
    islet_pool* const pool = islet_pool_new(snapshot_, options, error_);
    EXPECT_NE(pool, nullptr) << Message();
    islet_options_free(options);
    return pool;
  }
  islet_status Run(islet_isolate* isolate, const std::string& text, islet_value* result = nullptr) {
    return islet_eval(isolate, text.data(), text.size(), "test", 0, result, error_);
  }
  std::string Eval(islet_isolate* isolate, const std::string& text) {
    islet_value result;
    return Run(isolate, text, &result) == ISLET_OK ? Print(isolate, result) : "error: " + Message();
  }
  std::string Print(islet_isolate* isolate, islet_value value) {
    const char* text = nullptr;
    size_t length = 0;
    if (islet_print(isolate, value, 0, &text, &length, error_) != ISLET_OK) return "error: " + Message();
    return std::string(text, length);
  }
  std::string Message() const { return islet_error_message(error_); }

  islet_error* const error_ = islet_error_new();
  islet_snapshot* snapshot_ = nullptr;
  Act act_;
};

}  // namespace islet::c

#endif  // ISLET_BINDINGS_C_HOST_FOR_TESTS_H_
