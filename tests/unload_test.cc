// Snapshots in shared objects that are loaded one after the other, at the same place.

#include <dlfcn.h>

#include <cstddef>
#include <memory>
#include <string>

#include "gtest/gtest.h"
#include "islet/isolate.h"

namespace islet {
namespace {

struct Carrier {
  explicit Carrier(const char* path) : object(dlopen(path, RTLD_NOW | RTLD_LOCAL)) {
    if (object == nullptr) return;
    using Bound = const unsigned char* (*)();
    begin = reinterpret_cast<Bound>(dlsym(object, "carried_begin"))();
    end = reinterpret_cast<Bound>(dlsym(object, "carried_end"))();
  }
  ~Carrier() {
    if (object != nullptr) dlclose(object);
  }
  Carrier(const Carrier&) = delete;
  Carrier& operator=(const Carrier&) = delete;

  void* const object;
  const unsigned char* begin = nullptr;
  const unsigned char* end = nullptr;
};

constexpr const char* kPaths[] = {"./tests/unload_test_one.so", "./tests/unload_test_two.so"};
constexpr const char* kAnswers[] = {"one", "two"};

TEST(UnloadTest, TheSnapshotThatIsLoadedNowIsTheOneOpened) {
  const unsigned char* last = nullptr;
  int at_the_same_place = 0;
  for (int i = 0; i < 20; ++i) {
    const Carrier carrier(kPaths[i % 2]);
    ASSERT_NE(carrier.object, nullptr) << dlerror();
    at_the_same_place += carrier.begin == last;
    last = carrier.begin;
    const auto snapshot = Snapshot::FromEmbedded({carrier.begin, carrier.end});
    ASSERT_TRUE(snapshot.ok()) << snapshot.status();
    for (int repetition = 0; repetition < 3; ++repetition) {  // anew, and by the reservation that the thread has kept
      auto isolate = Isolate::FromSnapshot(*snapshot);
      ASSERT_TRUE(isolate.ok()) << isolate.status();
      Isolate::Scope scope(**isolate);
      const auto answer = (*isolate)->Call("answer", {});
      ASSERT_TRUE(answer.ok()) << answer.status();
      EXPECT_EQ(answer->ToString().value(), kAnswers[i % 2]) << i;
    }
  }
  EXPECT_GT(at_the_same_place, 0) << "nothing was tested";
}

// Both at once: each isolate sees its own.
TEST(UnloadTest, CarriersSideBySide) {
  const Carrier one(kPaths[0]), two(kPaths[1]);
  ASSERT_TRUE(one.object != nullptr && two.object != nullptr) << dlerror();
  const Carrier* const carriers[] = {&one, &two};
  std::unique_ptr<Isolate> isolates[2];
  for (size_t i = 0; i < 2; ++i) {
    auto isolate = Isolate::FromSnapshot(*Snapshot::FromEmbedded({carriers[i]->begin, carriers[i]->end}));
    ASSERT_TRUE(isolate.ok()) << isolate.status();
    isolates[i] = *std::move(isolate);
  }
  for (size_t i = 0; i < 2; ++i) {
    Isolate::Scope scope(*isolates[i]);
    EXPECT_EQ(isolates[i]->Call("answer", {}).value().ToString().value(), kAnswers[i]);
  }
}

}  // namespace
}  // namespace islet
