// A machine as it was when it was made, for the next tenant of an isolate; the same as another one; and the check of
// both.

#include <algorithm>
#include <cstring>
#include <iterator>
#include <string>

#include "isolate/interpreter/vm.h"

namespace islet::vm {

Value* Vm::FirstSoftLimit() const { return heap_->stack_begin() + 1024 - kPastSoftLimit; }

void Vm::Reset(absl::Span<const uint32_t> roots, size_t keep_bytes) {
  heap_->Reset(soft_limit_ + kPastSoftLimit, keep_bytes);
  static_assert(sizeof(Value) == sizeof(uint32_t));
  std::memcpy(static_cast<void*>(roots_), roots.data(), sizeof(roots_));
  winders = handlers = parameters = kNull;
  compile_hook = nullptr;
  load_hook = nullptr;
  environment_hook = nullptr;
  describe_hook = nullptr;
  interrupt_.store(0, std::memory_order_relaxed);
  soft_limit_ = FirstSoftLimit();
  stack_limit_.store(soft_limit_, std::memory_order_relaxed);
  frame_ = nullptr;
  pc_ = nullptr;
  pending_ = last_condition_ = escape_ = escape_value_ = kUndefined;
  pending_continuable_ = false;
  continuation_ = kFalse;
  run_count_ = 0;
  values_ = {};
  returned_several_ = false;
  argc_ = 0;
  call_site_ = nullptr;
  tail_caller_ = kFalse;
  std::fill(std::begin(scratch_), std::end(scratch_), Value{});
  long_args_ = kFalse;
  terminating_ = false;
  if (failure_.number != 0) failure_ = Failure();
  young_symbol_count_ = 0;
  fuel_ = 0;
  liveness_.Reset(*heap_);
  LimitStack(most_stack_words_);
}

void Vm::CopyFrom(const Vm& parent) {
  heap_->CopyFrom(*parent.heap_);
  std::copy(std::begin(parent.roots_), std::end(parent.roots_), std::begin(roots_));
  winders = parent.winders;
  handlers = parent.handlers;
  parameters = parent.parameters;
  pending_ = parent.pending_;
  pending_continuable_ = parent.pending_continuable_;
  continuation_ = parent.continuation_;
  run_count_ = parent.run_count_;
  values_ = parent.values_;
  returned_several_ = parent.returned_several_;
  last_condition_ = parent.last_condition_;
  argc_ = parent.argc_;
  tail_caller_ = parent.tail_caller_;
  std::copy(std::begin(parent.scratch_), std::end(parent.scratch_), std::begin(scratch_));
  long_args_ = parent.long_args_;
  escape_ = parent.escape_;
  escape_value_ = parent.escape_value_;
  young_symbol_count_ = parent.young_symbol_count_;
}

std::string Vm::FirstDifference(const Vm& other, Unused unused) const {
  if (std::string difference = heap_->FirstDifference(*other.heap_, unused); !difference.empty()) return difference;
  for (int i = 0; i < static_cast<int>(Root::kCount); ++i) {
    if (roots_[i] != other.roots_[i]) return "root " + std::to_string(i);
  }
  if (winders != other.winders || handlers != other.handlers || parameters != other.parameters) return "dynamic state";
  const auto offset = [](const Vm& vm, const void* p) { return p == nullptr ? 0u : vm.heap_->OffsetOf(p); };
  if (unused == Unused::kToo && offset(*this, soft_limit_) != offset(other, other.soft_limit_)) return "stack limit";
  if ((stack_limit_.load() == nullptr) != (other.stack_limit_.load() == nullptr) ||
      interrupt_.load() != other.interrupt_.load()) {
    return "interrupts";
  }
  if (frame_ != nullptr || other.frame_ != nullptr || pc_ != nullptr || other.pc_ != nullptr || argc_ != other.argc_ ||
      call_site_ != nullptr || other.call_site_ != nullptr || tail_caller_ != other.tail_caller_) {
    return "place of execution";
  }
  if (pending_ != other.pending_ || pending_continuable_ != other.pending_continuable_ ||
      last_condition_ != other.last_condition_ || continuation_ != other.continuation_) {
    return "pending condition or continuation";
  }
  if (most_stack_words_ != other.most_stack_words_ || fuel_mask_ != other.fuel_mask_) return "limits";
  if (run_count_ != other.run_count_) return "count of nested runs";
  if (values_ != other.values_ || returned_several_ != other.returned_several_ || long_args_ != other.long_args_) {
    return "several values";
  }
  if (!std::equal(std::begin(scratch_), std::end(scratch_), std::begin(other.scratch_))) return "scratch values";
  if (terminating_ || other.terminating_ || escape_ != other.escape_ || escape_value_ != other.escape_value_) {
    return "termination";
  }
  if (young_symbol_count_ != other.young_symbol_count_) return "count of symbols";
  return "";
}

}  // namespace islet::vm
