#include "isolate/process/fork.h"

#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <mutex>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "isolate/process/made_once.h"

namespace islet {
namespace {

// Calls `f` in a child, and returns its result; -1 if the child hangs or dies.
template <typename F>
int InChild(F&& f) {
  const pid_t child = fork();
  if (child == 0) {
    alarm(60);
    _exit(f());
  }
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

// Threads that do one thing over and over, until the end of the block.
class Busy {
 public:
  template <typename F>
  Busy(int threads, F f) {
    for (int i = 0; i < threads; ++i) {
      threads_.emplace_back([this, f] {
        while (!end_.load(std::memory_order_relaxed)) f();
      });
    }
  }
  ~Busy() {
    end_ = true;
    for (std::thread& thread : threads_) thread.join();
  }

 private:
  std::atomic<bool> end_{false};
  std::vector<std::thread> threads_;
};

TEST(ForkTest, ChildrenFindMutexesUnlockedAndWhatTheyGuardWhole) {
  ForkSafeMutex mutex;
  int first = 0, second = 0;  // equal, but for who has the mutex
  const Busy busy(3, [&] {
    const std::lock_guard<ForkSafeMutex> lock(mutex);
    ++first;
    for (int i = 0; i < 50; ++i) asm volatile("");
    ++second;
  });
  for (int i = 0; i < 200; ++i) {
    ASSERT_EQ(InChild([&] {
                const std::lock_guard<ForkSafeMutex> lock(mutex);
                return first == second ? 0 : 1;
              }),
              0);
  }
}

TEST(ForkTest, NestedGuardsAreOne) {
  ForkSafeMutex outer, inner;
  int first = 0, second = 0;
  const Busy busy(2, [&] {
    const std::lock_guard<ForkSafeMutex> lock(outer);
    ++first;
    {
      const ForkGuard guard;
      const std::lock_guard<ForkSafeMutex> inner_lock(inner);
    }
    ++second;
  });
  for (int i = 0; i < 100; ++i) {
    ASSERT_EQ(InChild([&] {
                const std::lock_guard<ForkSafeMutex> lock(outer);
                const std::lock_guard<ForkSafeMutex> inner_lock(inner);
                return first == second ? 0 : 1;
              }),
              0);
  }
}

TEST(ForkTest, TriesToLock) {
  ForkSafeMutex mutex;
  ASSERT_TRUE(mutex.try_lock());
  std::thread([&] { EXPECT_FALSE(mutex.try_lock()); }).join();
  mutex.unlock();
  EXPECT_EQ(InChild([&] {
              const bool locked = mutex.try_lock();
              if (locked) mutex.unlock();
              return locked ? 0 : 1;
            }),
            0);
}

TEST(ForkTest, ThreadsForkAtOnceAndInChildren) {
  ForkSafeMutex mutex;
  std::atomic<int> failures{0};
  const uint32_t generation = ForkGeneration();
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 20; ++i) {
        const int status = InChild([&] {
          {
            const std::lock_guard<ForkSafeMutex> lock(mutex);
          }
          std::thread([&] { const std::lock_guard<ForkSafeMutex> lock(mutex); }).join();
          return InChild([&] {
            const std::lock_guard<ForkSafeMutex> lock(mutex);
            return static_cast<int>(ForkGeneration() - generation);
          });
        });
        if (status != 2) ++failures;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(failures, 0);
  EXPECT_EQ(ForkGeneration(), generation);
}

TEST(ForkTest, ThreadsThatEndLeaveTheirGatesToOthers) {
  // Were they not reused, each fork would look at ten thousand of them.
  for (int i = 0; i < 10'000; ++i) {
    std::thread([] { const ForkGuard guard; }).join();
  }
  EXPECT_EQ(InChild([] { return 0; }), 0);
}

struct Table {
  Table() { ++made; }
  ~Table() { ++destroyed; }
  static inline std::atomic<int> made{0}, destroyed{0};
};

TEST(MadeOnceTest, AllGetTheSame) {
  static constinit MadeOnce<Table> once;
  std::atomic<Table*> first{nullptr};
  std::atomic<int> others{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&] {
      Table* const mine = &once.Get();
      Table* expected = nullptr;
      if (!first.compare_exchange_strong(expected, mine) && expected != mine) ++others;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(others, 0);
  EXPECT_EQ(Table::made - Table::destroyed, 1);
}

TEST(MadeOnceTest, AChildMakesWhatAnotherThreadWasMaking) {
  static constinit MadeOnce<int> once;
  std::atomic<bool> begun{false}, go_on{false};
  std::thread maker([&] {
    once.Get([&] {
      begun = true;
      while (!go_on) std::this_thread::yield();
      return 5;
    });
  });
  while (!begun) std::this_thread::yield();
  EXPECT_EQ(InChild([] { return once.Get([] { return 5; }); }), 5);
  go_on = true;
  maker.join();
}

}  // namespace
}  // namespace islet
