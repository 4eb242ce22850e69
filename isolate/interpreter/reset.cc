// A machine as it was when it was made, for the next tenant of an isolate; the same as another one; and the check of
// both.

#include <cstring>
#include <string>

#include "isolate/heap/new_state.h"
#include "isolate/interpreter/run.h"
#include "isolate/interpreter/vm.h"

namespace islet::vm {

Value* Vm::FirstSoftLimit() const { return heap_->stack_begin() + kFirstStackWords - kPastSoftLimit; }

void Vm::Reset(absl::Span<const uint32_t> roots, size_t keep_bytes) {
  heap_->Reset(state_.soft_limit + kPastSoftLimit, keep_bytes);
  static_assert(sizeof(Value) == sizeof(uint32_t));
  std::memcpy(static_cast<void*>(roots_.data()), roots.data(), sizeof(roots_));
  state_.lasting() = NewState<LastingState>();
  state_.running() = NewState<RunningState>();
  macro_use_ = nullptr;
  if (state_.failure.number != 0) state_.failure = Failure();
  state_.interrupt.store(0, std::memory_order_relaxed);
  state_.soft_limit = FirstSoftLimit();
  state_.stack_limit.store(state_.soft_limit, std::memory_order_relaxed);
  state_.fuel = 0;
  state_.liveness.Reset(*heap_);
  LimitStack(state_.most_stack_words);
}

void Vm::CopyFrom(const Vm& parent) {
  heap_->CopyFrom(*parent.heap_);
  roots_ = parent.roots_;
  state_.lasting() = parent.state_.lasting();
}

std::string Vm::FirstDifference(const Vm& other, Unused unused) const {
  if (std::string difference = heap_->FirstDifference(*other.heap_, unused); !difference.empty()) return difference;
  for (size_t i = 0; i < roots_.size(); ++i) {
    if (roots_[i] != other.roots_[i]) return "root " + std::to_string(i);
  }
  const MachineState &a = state_, &b = other.state_;
  if (static_cast<const DynamicState&>(a) != static_cast<const DynamicState&>(b)) return "dynamic state";
  if (a.lasting() != b.lasting()) return "state of the machine";
  const auto offset = [](const Vm& vm, const void* p) { return p == nullptr ? 0u : vm.heap_->OffsetOf(p); };
  if (unused == Unused::kToo && offset(*this, a.soft_limit) != offset(other, b.soft_limit)) return "stack limit";
  if ((a.stack_limit.load() == nullptr) != (b.stack_limit.load() == nullptr) ||
      a.interrupt.load() != b.interrupt.load()) {
    return "interrupts";
  }
  if (a.running() != RunningState() || b.running() != RunningState()) return "place of execution";
  if (a.most_stack_words != b.most_stack_words || a.fuel_mask != b.fuel_mask) return "limits";
  return "";
}

}  // namespace islet::vm
