#include "tests/stress/interrupter.h"

namespace islet::stress {

Interrupter::Request::Request(Line& line, Isolate& isolate, std::chrono::microseconds after) : line_(line) {
  const std::lock_guard<std::mutex> lock(line.mutex);
  line.target = &isolate;
  line.due = std::chrono::steady_clock::now() + after;
}

Interrupter::Request::~Request() {
  const std::lock_guard<std::mutex> lock(line_.mutex);
  line_.target = nullptr;
}

Interrupter::Interrupter(int lines) : lines_(static_cast<size_t>(lines)), thread_([this] { Run(); }) {}

Interrupter::~Interrupter() {
  stop_.store(true);
  thread_.join();
}

void Interrupter::Run() {
  while (!stop_.load()) {
    for (Line& line : lines_) {
      const std::lock_guard<std::mutex> lock(line.mutex);
      if (line.target == nullptr || std::chrono::steady_clock::now() < line.due) continue;
      line.target->Interrupt();
      line.target = nullptr;
    }
    std::this_thread::sleep_for(std::chrono::microseconds(100));
  }
}

}  // namespace islet::stress
