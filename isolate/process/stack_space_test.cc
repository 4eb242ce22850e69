#include "isolate/process/stack_space.h"

#include <sys/mman.h>
#include <ucontext.h>

#include <functional>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "isolate/process/thread_for_tests.h"

namespace islet::vm {
namespace {

constexpr size_t kKiB = 1024;

thread_local const std::function<void()>* fiber_function = nullptr;
void RunFiber() { (*fiber_function)(); }

// Runs `f` on the stack [low, low + bytes).
void OnFiber(void* low, size_t bytes, const std::function<void()>& f) {
  ucontext_t here, fiber;
  getcontext(&fiber);
  fiber.uc_stack.ss_sp = low;
  fiber.uc_stack.ss_size = bytes;
  fiber.uc_link = &here;
  fiber_function = &f;
  makecontext(&fiber, RunFiber, 0);
  swapcontext(&here, &fiber);
}

class Memory {
 public:
  explicit Memory(size_t bytes)
      : bytes_(bytes), at_(mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) {}
  ~Memory() { munmap(at_, bytes_); }
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;
  char* at() const { return static_cast<char*>(at_); }

 private:
  const size_t bytes_;
  void* const at_;
};

[[gnu::noinline]] size_t Left() { return RemainingStack(); }

// How much of the stack is left when so many more bytes of it are used.
[[gnu::noinline]] size_t DeeperBy(size_t bytes) {
  char* const used = static_cast<char*>(__builtin_alloca(bytes));
  asm volatile("" : : "r"(used) : "memory");
  const size_t left = Left();
  asm volatile("" : : "r"(used) : "memory");
  return left;
}

TEST(StackSpaceTest, KnowsTheThreadsOwnStack) {
  for (const size_t size : {64 * kStackScale * kKiB, 1024 * kKiB}) {  // the sanitizers make smaller ones larger
    size_t left = 0, deeper = 0;
    OnThread(size, [&] {
      left = Left();
      deeper = DeeperBy(16 * kKiB);
    });
    EXPECT_LT(left, size);
    EXPECT_GT(left, size - 16 * kKiB);
    EXPECT_LT(deeper, left - 16 * kKiB);
    EXPECT_GT(deeper, left - 17 * kKiB);
  }
  const size_t left = RemainingStack();
  EXPECT_GT(left, 256 * kKiB);
  EXPECT_LE(left, size_t{64} << 20);
}

TEST(StackSpaceTest, AStackThatNobodyHasAnnouncedHasNothingLeft) {
  const Memory memory(64 * kKiB);
  (void)RemainingStack();
  size_t left = 1;
  OnFiber(memory.at(), 64 * kKiB, [&] { left = RemainingStack(); });
  EXPECT_EQ(left, 0u);
  EXPECT_GT(RemainingStack(), 0u);
}

TEST(StackSpaceTest, AnnouncedStacksAreKnownOnAnyThreadUntilForgotten) {
  const Memory memory(2 * 64 * kKiB);
  const auto left_on = [&](int i) {
    size_t left = 0;
    OnFiber(memory.at() + i * 64 * kKiB, 64 * kKiB, [&] { left = RemainingStack(); });
    return left;
  };
  AnnounceStack(memory.at(), 64 * kKiB);
  AnnounceStack(memory.at() + 64 * kKiB, 64 * kKiB);
  std::vector<size_t> left;
  for (int i : {0, 1, 0, 1}) left.push_back(left_on(i));
  std::thread([&] { left.push_back(left_on(1)); }).join();
  for (const size_t n : left) {
    EXPECT_GT(n, 48 * kKiB);
    EXPECT_LT(n, 64 * kKiB);
  }
  ForgetStack(memory.at());
  EXPECT_EQ(left_on(0), 0u);
  EXPECT_GT(left_on(1), 48 * kKiB);
  ForgetStack(memory.at() + 64 * kKiB);
  EXPECT_EQ(left_on(1), 0u);
}

[[gnu::noinline]] int UseMuch() {
  volatile char array[1000 * kKiB];
  int sum = 0;
  for (size_t i = 0; i < sizeof(array); i += kKiB) array[i] = 1;
  for (size_t i = 0; i < sizeof(array); i += kKiB) sum += array[i];
  return sum;
}

TEST(StackSpaceTest, OtherStacksAreMadeWhereThereIsTooLittle) {
  OnThread(32 * kKiB, [] {
    const uintptr_t here = reinterpret_cast<uintptr_t>(__builtin_frame_address(0));
    uintptr_t near = 0, far = 0;
    WithStack(4 * kKiB, [&near] { near = reinterpret_cast<uintptr_t>(__builtin_frame_address(0)); });
    EXPECT_LT(here - near, 32 * kKiB);
    int sum = 0;
    WithStack(1024 * kKiB, [&] {
      far = reinterpret_cast<uintptr_t>(__builtin_frame_address(0));
      sum = UseMuch();
    });
    EXPECT_EQ(sum, 1000);
    EXPECT_FALSE(here - far < 32 * kKiB);
  });
}

TEST(StackSpaceTest, AnArrayOfTheThreadsOwnMayBeAStack) {
  OnThread(512 * kKiB, [] {
    char array[64 * kKiB];
    AnnounceStack(array, sizeof(array));
    for (int i = 0; i < 3; ++i) {
      size_t left = 0;
      OnFiber(array, sizeof(array), [&] { left = RemainingStack(); });
      EXPECT_LT(left, sizeof(array));
      EXPECT_GT(left, sizeof(array) - 16 * kKiB);
      EXPECT_GT(RemainingStack(), 256 * kKiB);
    }
    ForgetStack(array);
    EXPECT_GT(RemainingStack(), 256 * kKiB);
  });
}

}  // namespace
}  // namespace islet::vm
