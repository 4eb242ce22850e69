// Measures Lua at what Islet is for: a fresh interpreter that holds what a
// startup script leaves behind. Lua has no snapshots, so each state runs the
// script anew, from source text in memory, as its embedders do.
//
//   lua_state SCRIPT RECORDS...
//
// For each number of records, prints as JSON rows the times of
//   cold         new state, standard libraries, script, first call, close
//   create_only  the same without the call
//   warm_call    a call in a state that has been called often
// and, as `memory`, what each of many live states holds after one call.

#include <lua.hpp>
#include <string>
#include <vector>

#include "measure.h"

namespace {

class Bench {
 public:
  Bench(const char* script_path, int64_t records)
      : records_(records),
        calls_(records),
        script_(peers::ReadScript(script_path, "N = " + std::to_string(records) + "\n")) {}

  void Run() {
    MeasureMemory();
    peers::PrintSeparator();
    Print("cold", peers::Measure([this] {
            lua_State* state = Create();
            CallAndCheck(state);
            lua_close(state);
          }));
    peers::PrintSeparator();
    Print("create_only", peers::Measure([this] { lua_close(Create()); }));
    peers::PrintSeparator();
    lua_State* state = Create();
    Print("warm_call", peers::Measure(
                           [&] {
                             for (int i = 0; i < peers::kCallsPerSample; ++i) {
                               CallAndCheck(state);
                             }
                           },
                           peers::kCallsPerSample));
    lua_close(state);
  }

 private:
  static constexpr const char* kSystem = LUA_RELEASE;

  void Print(const char* workload, const peers::Timing& timing) {
    peers::PrintTiming(kSystem, workload, records_, timing);
  }

  lua_State* Create() {
    lua_State* state = luaL_newstate();
    if (state == nullptr) peers::Die("no memory for a Lua state");
    luaL_openlibs(state);
    if (luaL_loadbuffer(state, script_.data(), script_.size(), "=records") != LUA_OK ||
        lua_pcall(state, 0, 0, 0) != LUA_OK) {
      peers::Die(lua_tostring(state, -1));
    }
    return state;
  }

  void CallAndCheck(lua_State* state) {
    const peers::Calls::Call& call = calls_.Next();
    lua_getglobal(state, "handler");
    lua_pushinteger(state, call.k);
    if (lua_pcall(state, 1, 1, 0) != LUA_OK) {
      peers::Die(lua_tostring(state, -1));
    }
    peers::Check(lua_tointeger(state, -1), call);
    lua_pop(state, 1);
  }

  void MeasureMemory() {
    std::vector<lua_State*> alive;
    alive.reserve(peers::kIsolatesAlive);
    const peers::Memory before = peers::Memory::Now();
    for (int i = 0; i < peers::kIsolatesAlive; ++i) {
      alive.push_back(Create());
      CallAndCheck(alive.back());
    }
    peers::PrintMemory(kSystem, records_, before, peers::Memory::Now());
    for (lua_State* state : alive) lua_close(state);
  }

  const int64_t records_;
  peers::Calls calls_;
  const std::string script_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) peers::Die("usage: lua_state SCRIPT RECORDS...");
  const std::vector<const char*> records(argv + 2, argv + argc);
  return peers::RunEach(records, [script = argv[1]](int64_t count) { Bench(script, count).Run(); });
}
