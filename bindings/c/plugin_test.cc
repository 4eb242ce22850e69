// A shared object that holds the runtime, loaded and unloaded while the process runs.

#include <dirent.h>
#include <dlfcn.h>

#include <cstdint>
#include <fstream>
#include <string>
#include <thread>

#include "gtest/gtest.h"
#include "islet/islet.h"

// Of plugin_for_tests.c.
extern "C" islet_snapshot* islet_plugin_snapshot(islet_error* error);

namespace {

constexpr char kPlugin[] = "bindings/c/libplugin_for_tests.so";

// Threads of the process that are the runtime's.
int TimerThreads() {
  int count = 0;
  DIR* const tasks = opendir("/proc/self/task");
  while (const dirent* const task = readdir(tasks)) {
    std::string name;
    std::getline(std::ifstream(std::string("/proc/self/task/") + task->d_name + "/comm"), name);
    count += name == "islet-timer";
  }
  closedir(tasks);
  return count;
}

bool IsLoaded() {
  void* const library = dlopen(kPlugin, RTLD_NOW | RTLD_NOLOAD);
  if (library != nullptr) dlclose(library);
  return library != nullptr;
}

template <typename F>
F* Function(void* library, const char* name) {
  void* const function = dlsym(library, name);
  EXPECT_NE(function, nullptr) << name;
  return reinterpret_cast<F*>(function);
}
#define ISLET_IN(library, name) Function<decltype(name)>(library, #name)

// A call that never ends, and is ended by its limit of time; and large numbers, for their scratch memory.
islet_status UseTheRuntime(void* library) {
  islet_snapshot* const snapshot = ISLET_IN(library, islet_plugin_snapshot)(nullptr);
  islet_isolate* const isolate = ISLET_IN(library, islet_isolate_new)(snapshot, nullptr, nullptr);
  islet_status status = ISLET_IN(library, islet_enter)(isolate, nullptr);
  islet_value result;
  const char* const text = "(string-length (number->string (expt 7 10000)))";
  if (status == ISLET_OK) {
    status = ISLET_IN(library, islet_eval)(isolate, text, ISLET_Z, "test", 0, &result, nullptr);
  }
  ISLET_IN(library, islet_set_limit)(isolate, ISLET_WALL_TIME_LIMIT, 1'000'000);
  if (status == ISLET_OK) status = ISLET_IN(library, islet_call)(isolate, "loop", nullptr, 0, &result, nullptr);
  ISLET_IN(library, islet_isolate_free)(isolate);
  ISLET_IN(library, islet_snapshot_free)(snapshot);
  return status;
}

// Whatever a thread still has of the runtime goes when it ends; then the shared object does, with the runtime's own
// thread.
TEST(PluginTest, IsUnloadedOnceTheThreadsThatUsedItHaveEnded) {
  for (int i = 0; i < 100; ++i) {
    void* const library = dlopen(kPlugin, RTLD_NOW | RTLD_LOCAL);
    ASSERT_NE(library, nullptr) << dlerror();
    std::thread([library] { EXPECT_EQ(UseTheRuntime(library), ISLET_WALL_TIME_LIMIT); }).join();
    ASSERT_EQ(TimerThreads(), 1);
    ASSERT_EQ(dlclose(library), 0);
    ASSERT_EQ(TimerThreads(), 0);
    ASSERT_FALSE(IsLoaded());
  }
}

// Until then it stays loaded, by the C library's doing: what it keeps for the thread is freed by its code when the
// thread ends.
TEST(PluginTest, StaysWhileAThreadThatUsedItLives) {
  std::thread([] {
    for (int i = 0; i < 3; ++i) {
      void* const library = dlopen(kPlugin, RTLD_NOW | RTLD_LOCAL);
      ASSERT_NE(library, nullptr) << dlerror();
      EXPECT_EQ(UseTheRuntime(library), ISLET_WALL_TIME_LIMIT);
      ASSERT_EQ(dlclose(library), 0);
      EXPECT_TRUE(IsLoaded());
    }
  }).join();
  void* const library = dlopen(kPlugin, RTLD_NOW | RTLD_LOCAL);
  ASSERT_NE(library, nullptr) << dlerror();
  ASSERT_EQ(dlclose(library), 0);
  EXPECT_FALSE(IsLoaded());
  EXPECT_EQ(TimerThreads(), 0);
}

}  // namespace
