// Threads with stacks of a given size, for tests.

#ifndef ISLET_ISOLATE_PROCESS_THREAD_FOR_TESTS_H_
#define ISLET_ISOLATE_PROCESS_THREAD_FOR_TESTS_H_

#include <pthread.h>

#include <cstddef>
#include <functional>

#include "gtest/gtest.h"

namespace islet {

// Runs `body` on a thread with a stack of so many bytes, its thread-local variables included.
inline void OnThread(size_t bytes, const std::function<void()>& body) {
  using Body = const std::function<void()>;
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  ASSERT_EQ(pthread_attr_setstacksize(&attributes, bytes), 0);
  pthread_t thread;
  ASSERT_EQ(pthread_create(
                &thread, &attributes,
                [](void* context) -> void* {
                  (*static_cast<Body*>(context))();
                  return nullptr;
                },
                const_cast<std::function<void()>*>(&body)),
            0);
  pthread_join(thread, nullptr);
  pthread_attr_destroy(&attributes);
}

}  // namespace islet

#endif  // ISLET_ISOLATE_PROCESS_THREAD_FOR_TESTS_H_
