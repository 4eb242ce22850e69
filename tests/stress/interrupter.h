// A thread that interrupts the calls of others, each when its thread has asked for it.

#ifndef ISLET_TESTS_STRESS_INTERRUPTER_H_
#define ISLET_TESTS_STRESS_INTERRUPTER_H_

#include <atomic>
#include <chrono>
#include <mutex>
#include <thread>
#include <vector>

#include "islet/isolate.h"

namespace islet::stress {

class Interrupter {
 public:
  // One thread's requests. While a Request exists, the isolate may be interrupted, once; afterwards it will not be.
  class Line {
   private:
    friend class Interrupter;
    friend class Request;
    std::mutex mutex;
    Isolate* target = nullptr;
    std::chrono::steady_clock::time_point due;
  };
  class Request {
   public:
    Request(Line& line, Isolate& isolate, std::chrono::microseconds after);
    ~Request();
    Request(const Request&) = delete;
    Request& operator=(const Request&) = delete;

   private:
    Line& line_;
  };

  explicit Interrupter(int lines);
  ~Interrupter();
  Line& line(int i) { return lines_[static_cast<size_t>(i)]; }

 private:
  void Run();
  std::vector<Line> lines_;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace islet::stress

#endif  // ISLET_TESTS_STRESS_INTERRUPTER_H_
