#include "sdk/shell/interrupts.h"

#include <poll.h>
#include <signal.h>

#include <atomic>
#include <cerrno>

namespace islet::shell {
namespace {

std::atomic<Isolate*> running{nullptr};
std::atomic<bool> interrupted{false};
static_assert(std::atomic<Isolate*>::is_always_lock_free && std::atomic<bool>::is_always_lock_free,
              "a signal handler uses these");

extern "C" void HandleInterrupt(int) {
  interrupted.store(true);
  if (Isolate* isolate = running.load(); isolate != nullptr) isolate->Interrupt();
}

}  // namespace

void CatchInterrupts(bool once) {
  struct sigaction action = {};
  action.sa_handler = HandleInterrupt;
  // No SA_RESTART: a read that waits is to end.
  action.sa_flags = once ? static_cast<int>(SA_RESETHAND) : 0;
  sigaction(SIGINT, &action, nullptr);
}

void ReleaseInterrupts() {
  struct sigaction action = {};
  action.sa_handler = SIG_DFL;
  sigaction(SIGINT, &action, nullptr);
}

bool TakeInterrupt() { return interrupted.exchange(false); }

bool InterruptPending() { return interrupted.load(); }

InterruptScope::InterruptScope(Isolate& isolate) : isolate_(isolate) {
  interrupted.store(false);
  running.store(&isolate);
}

InterruptScope::~InterruptScope() {
  running.store(nullptr);
  isolate_.ClearInterrupt();
  interrupted.store(false);
}

bool WaitForInput(int descriptor) {
  sigset_t interrupt, before;
  sigemptyset(&interrupt);
  sigaddset(&interrupt, SIGINT);
  sigprocmask(SIG_BLOCK, &interrupt, &before);
  pollfd wanted = {descriptor, POLLIN, 0};
  int ready = -1;
  // With the signal blocked, none can come between this check and the wait.
  if (!interrupted.load()) {
    ready = ppoll(&wanted, 1, nullptr, &before);
    // A descriptor that cannot be polled can be read without waiting, as files can.
    if (ready < 0 && errno != EINTR) ready = 1;
  }
  sigprocmask(SIG_SETMASK, &before, nullptr);
  return ready > 0;
}

}  // namespace islet::shell
