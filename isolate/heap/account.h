// While an isolate runs, it has memory outside of its cage: scratch (scratch.h), of which syntax, work stacks, tables
// and texts are made. That counts against the heap limit, so that nothing that a program can make grow is without one.
//
// Each thread counts the scratch that it has, whoever has asked for it. The part of an isolate is what has come since
// its outermost run began: the rest belongs to isolates whose host functions have led there. Counting is by chunks of
// kilobytes, so nobody pays for it.
//
// Past the limit the account says so once for each further chunk (see Vm::Interrupt): it cannot fail what is asked for,
// since who asks may be between two states. The run ends where it polls next.

#ifndef ISLET_ISOLATE_HEAP_ACCOUNT_H_
#define ISLET_ISOLATE_HEAP_ACCOUNT_H_

#include <cstddef>
#include <cstdint>
#include <utility>

namespace islet::vm {

class Account;

struct ScratchCounter {
  size_t bytes = 0;            // wraps, as what another thread has allocated may be freed here
  Account* account = nullptr;  // that of the innermost isolate that runs
};
inline constinit thread_local ScratchCounter scratch_counter;

class Account {
 public:
  Account() = default;
  Account(const Account&) = delete;
  Account& operator=(const Account&) = delete;

  // Bytes outside of the cage, on the thread that the isolate runs on; 0 while it does not run.
  size_t bytes() const {
    const auto since = static_cast<ptrdiff_t>(scratch_counter.bytes - begun_at_);
    return scopes_ == 0 || since < 0 ? 0 : static_cast<size_t>(since);
  }
  bool Allows(size_t more) const {
    const size_t taken = bytes();
    return taken <= limit_ && more <= limit_ - taken;
  }
  void set_limit(size_t bytes) { limit_ = bytes; }
  // Who is told that the limit is passed; that must be quick, and allocate nothing.
  void OnPassed(void (*passed)(void* context), void* context) {
    passed_ = passed;
    context_ = context;
  }
  // After more scratch was allocated.
  void Check() const {
    if (__builtin_expect(!Allows(0), 0) && passed_ != nullptr) passed_(context_);
  }

 private:
  friend class AccountScope;

  size_t begun_at_ = 0;  // ScratchCounter::bytes when the outermost run began
  size_t limit_ = ~size_t{0};
  uint32_t scopes_ = 0;
  void (*passed_)(void* context) = nullptr;
  void* context_ = nullptr;
};

// As long as it lives, scratch of this thread is on the account.
class AccountScope {
 public:
  explicit AccountScope(Account& account)
      : account_(account), outer_(std::exchange(scratch_counter.account, &account)) {
    if (account.scopes_++ == 0) account.begun_at_ = scratch_counter.bytes;
  }
  ~AccountScope() {
    --account_.scopes_;
    scratch_counter.account = outer_;
  }
  AccountScope(const AccountScope&) = delete;
  AccountScope& operator=(const AccountScope&) = delete;

 private:
  Account& account_;
  Account* outer_;
};

// As long as it lives, nobody is told of a limit: for a collection, whose own needs are no program's.
class AccountPause {
 public:
  AccountPause() : outer_(std::exchange(scratch_counter.account, nullptr)) {}
  ~AccountPause() { scratch_counter.account = outer_; }
  AccountPause(const AccountPause&) = delete;
  AccountPause& operator=(const AccountPause&) = delete;

 private:
  Account* outer_;
};

}  // namespace islet::vm

#endif  // ISLET_ISOLATE_HEAP_ACCOUNT_H_
