#include "snapshot/signals.h"

#include <signal.h>
#include <stdlib.h>

#include <atomic>

namespace islet::vm {
namespace {

constexpr int kSignals[] = {SIGINT, SIGTERM, SIGHUP};

std::atomic<Vm*> interrupted{nullptr};
std::atomic<int> pending{0};
bool caught = false;
static_assert(std::atomic<Vm*>::is_always_lock_free && std::atomic<int>::is_always_lock_free,
              "a signal handler uses these");

extern "C" void NoteEnd(int signal) {
  pending.store(signal);
  if (Vm* vm = interrupted.load(); vm != nullptr) vm->Interrupt();
}

void Install(int flags) {
  for (int signal : kSignals) {
    struct sigaction before = {}, action = {};
    sigaction(signal, nullptr, &before);
    if (before.sa_handler == SIG_IGN) continue;
    action.sa_handler = NoteEnd;
    action.sa_flags = flags;  // no SA_RESTART: what waits is to end
    sigaction(signal, &action, nullptr);
  }
}

}  // namespace

void CatchSignals() {
  caught = true;
  Install(static_cast<int>(SA_RESETHAND));
}

void HoldSignals() {
  if (caught) Install(0);
}

void SetInterrupted(Vm* vm) {
  interrupted.store(vm);
  // One that came just before.
  if (vm != nullptr && pending.load() != 0) vm->Interrupt();
}

int PendingSignal() { return pending.load(); }

void EndBySignal(int signal) {
  struct sigaction action = {};
  action.sa_handler = SIG_DFL;
  sigaction(signal, &action, nullptr);
  raise(signal);
  _Exit(128 + signal);
}

}  // namespace islet::vm
