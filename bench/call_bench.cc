// Measures what crossing the border costs: a call of a trivial procedure by the host, and of a trivial function of the
// host's by a script, with an integer each way; Islet's C interface beside Lua's, in one run.
//
//   bazel run //bench:call_bench
//
// BM_*HostFunction counts calls; the loop that makes them is a part of the time, in both languages.

#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "bench/call_bench_startup.h"
#include "benchmark/benchmark.h"
#include "islet/islet.h"
#include "lua5.4/lua.hpp"

namespace {

constexpr int64_t kCalls = 1000;  // of one loop

// Each iteration was such a loop.
void CountCalls(benchmark::State& state) {
  state.counters["per_call"] = benchmark::Counter(static_cast<double>(state.iterations() * kCalls),
                                                  benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

// ---- Islet

islet_status Host(islet_host_call* call) {
  int64_t n = 0;
  const islet_status status = islet_get_integer(call->isolate, call->arguments[0], &n, call->error);
  call->result = islet_integer(call->isolate, n + 1);
  return status;
}

class Islet {
 public:
  Islet() {
    islet_options_add_function(options_, "host", 1, 1, Host, nullptr, nullptr);
    isolate_ = islet_isolate_new(snapshot_, options_, error_);
    Check(islet_enter(isolate_, error_));
  }
  ~Islet() {
    islet_isolate_free(isolate_);
    islet_options_free(options_);
    islet_snapshot_free(snapshot_);
    islet_error_free(error_);
  }
  void Check(islet_status status) {
    if (status == ISLET_OK) return;
    std::fprintf(stderr, "call_bench: %s\n", islet_error_report(error_));
    std::abort();
  }
  islet_isolate* isolate() const { return isolate_; }
  islet_error* error() const { return error_; }
  islet_value Find(const char* name) {
    islet_value found;
    Check(islet_snapshot_lookup(snapshot_, name, &found, error_));
    return found;
  }
  int64_t Call(islet_value procedure, int64_t n) {
    const islet_value argument = islet_integer(isolate_, n);
    islet_value result;
    int64_t integer = 0;
    Check(islet_call_value(isolate_, procedure, &argument, 1, &result, error_));
    (void)islet_get_integer(isolate_, result, &integer, error_);
    return integer;
  }

 private:
  islet_error* const error_ = islet_error_new();
  islet_snapshot* const snapshot_ = islet_snapshot_open_embedded(islet_snapshot_call_bench_startup_begin,
                                                                 islet_snapshot_call_bench_startup_end, error_);
  islet_options* const options_ = islet_options_new();
  islet_isolate* isolate_ = nullptr;
};

void BM_IsletCall(benchmark::State& state) {
  Islet islet;
  const islet_value procedure = islet.Find("identity");
  int64_t n = 0;
  for (auto _ : state) benchmark::DoNotOptimize(islet.Call(procedure, ++n & 0xfff));
}
BENCHMARK(BM_IsletCall);

void BM_IsletCallByName(benchmark::State& state) {
  Islet islet;
  int64_t n = 0;
  for (auto _ : state) {
    const islet_value argument = islet_integer(islet.isolate(), ++n & 0xfff);
    islet_value result;
    islet.Check(islet_call(islet.isolate(), "identity", &argument, 1, &result, islet.error()));
    benchmark::DoNotOptimize(result);
  }
}
BENCHMARK(BM_IsletCallByName);

// A host enters for each request, say.
void BM_IsletEnterCallLeave(benchmark::State& state) {
  Islet islet;
  const islet_value procedure = islet.Find("identity");
  islet.Check(islet_leave(islet.isolate()));
  int64_t n = 0;
  for (auto _ : state) {
    islet.Check(islet_enter(islet.isolate(), islet.error()));
    benchmark::DoNotOptimize(islet.Call(procedure, ++n & 0xfff));
    islet.Check(islet_leave(islet.isolate()));
  }
  islet.Check(islet_enter(islet.isolate(), islet.error()));
}
BENCHMARK(BM_IsletEnterCallLeave);

void LoopOf(benchmark::State& state, const char* name) {
  Islet islet;
  const islet_value loop = islet.Find(name);
  for (auto _ : state) benchmark::DoNotOptimize(islet.Call(loop, kCalls));
  CountCalls(state);
}
void BM_IsletHostFunction(benchmark::State& state) { LoopOf(state, "call-host"); }
BENCHMARK(BM_IsletHostFunction);
// This runs the same loop, with a procedure in the place of the host's function.
void BM_IsletLoop(benchmark::State& state) { LoopOf(state, "count-only"); }
BENCHMARK(BM_IsletLoop);

// ---- Lua

int LuaHost(lua_State* state) {
  lua_pushinteger(state, luaL_checkinteger(state, 1) + 1);
  return 1;
}

class Lua {
 public:
  Lua() {
    luaL_openlibs(state_);
    lua_register(state_, "host", LuaHost);
    if (luaL_dostring(state_,
                      "function identity(x) return x end\n"
                      "function callhost(n) for i = 1, n do host(i) end end\n"
                      "function countonly(n) for i = 1, n do identity(i) end end\n")) {
      std::abort();
    }
  }
  ~Lua() { lua_close(state_); }
  lua_State* state() const { return state_; }
  // The function is what `reference` refers to.
  int64_t Call(int reference, int64_t n) {
    lua_rawgeti(state_, LUA_REGISTRYINDEX, reference);
    lua_pushinteger(state_, n);
    if (lua_pcall(state_, 1, 1, 0) != LUA_OK) std::abort();
    const int64_t result = lua_tointeger(state_, -1);
    lua_pop(state_, 1);
    return result;
  }
  int Find(const char* name) {
    lua_getglobal(state_, name);
    return luaL_ref(state_, LUA_REGISTRYINDEX);
  }

 private:
  lua_State* const state_ = luaL_newstate();
};

void BM_LuaCall(benchmark::State& state) {
  Lua lua;
  const int function = lua.Find("identity");
  int64_t n = 0;
  for (auto _ : state) benchmark::DoNotOptimize(lua.Call(function, ++n & 0xfff));
}
BENCHMARK(BM_LuaCall);

void BM_LuaCallByName(benchmark::State& state) {
  Lua lua;
  int64_t n = 0;
  for (auto _ : state) {
    lua_getglobal(lua.state(), "identity");
    lua_pushinteger(lua.state(), ++n & 0xfff);
    if (lua_pcall(lua.state(), 1, 1, 0) != LUA_OK) std::abort();
    benchmark::DoNotOptimize(lua_tointeger(lua.state(), -1));
    lua_pop(lua.state(), 1);
  }
}
BENCHMARK(BM_LuaCallByName);

void LuaLoopOf(benchmark::State& state, const char* name) {
  Lua lua;
  const int loop = lua.Find(name);
  for (auto _ : state) benchmark::DoNotOptimize(lua.Call(loop, kCalls));
  CountCalls(state);
}
void BM_LuaHostFunction(benchmark::State& state) { LuaLoopOf(state, "callhost"); }
BENCHMARK(BM_LuaHostFunction);
void BM_LuaLoop(benchmark::State& state) { LuaLoopOf(state, "countonly"); }
BENCHMARK(BM_LuaLoop);

}  // namespace

BENCHMARK_MAIN();
