// Limits of an isolate's calls, and the account of what they have used.

#include "islet/limits.h"

#include <algorithm>
#include <cstdint>
#include <limits>

#include "isolate/capabilities/call_out.h"
#include "sdk/dependents.h"
#include "sdk/isolate_impl.h"

namespace islet {
namespace {

constexpr int64_t kMost = std::numeric_limits<int64_t>::max();

int64_t Fuel(const Limits& limits) { return static_cast<int64_t>(std::min<uint64_t>(limits.fuel, kMost)); }

int64_t Nanoseconds(std::chrono::nanoseconds time) { return std::max<int64_t>(time.count(), 0); }

bool TimeLimited(const Limits& limits) {
  return limits.cpu_time != Limits::kNoTime || limits.wall_time != Limits::kNoTime;
}

static_assert(static_cast<int>(Limit::kHeap) == static_cast<int>(vm::Limit::kHeap) &&
              static_cast<int>(Limit::kStack) == static_cast<int>(vm::Limit::kStack) &&
              static_cast<int>(Limit::kFuel) == static_cast<int>(vm::Limit::kFuel) &&
              static_cast<int>(Limit::kCpuTime) == static_cast<int>(vm::Limit::kCpuTime) &&
              static_cast<int>(Limit::kWallTime) == static_cast<int>(vm::Limit::kWallTime));

}  // namespace

Limit LimitReached(const absl::Status& status) { return static_cast<Limit>(vm::LimitReached(status)); }

const char* LimitName(Limit limit) { return vm::LimitName(static_cast<vm::Limit>(limit)); }

void Isolate::Impl::ApplyLimits() {
  vm->heap().set_heap_limit(limits.heap_bytes);
  vm->LimitStack(limits.stack_bytes == Limits::kNoBytes ? vm::kNoStackLimit : limits.stack_bytes / sizeof(vm::Value));
  vm->attachments().limit_figures = {limits.fuel, Nanoseconds(limits.cpu_time), Nanoseconds(limits.wall_time)};
  // A call that has begun to count goes on counting, since its use is accounted for at its end.
  const bool count =
      limits.fuel != Limits::kNoFuel || options.count_instructions || (calls > 0 && vm->CountsInstructions());
  vm->CountInstructions(count);
  metered = count || watch != nullptr || TimeLimited(limits);
}

absl::Status Isolate::Impl::StartCall() {
  if (vm->CountsInstructions()) vm->set_fuel(fuel_at_start = Fuel(limits));
  if (!TimeLimited(limits)) return absl::OkStatus();
  return vm::Watch::Start(*vm, Nanoseconds(limits.cpu_time), Nanoseconds(limits.wall_time), &watch);
}

void Isolate::Impl::EndCall() {
  if (vm->CountsInstructions()) {
    counters.instructions += static_cast<uint64_t>(fuel_at_start - std::max<int64_t>(vm->fuel(), 0));
    vm->set_fuel(fuel_at_start = 0);
  }
  if (watch != nullptr) {
    watch->Stop();
    watch = nullptr;
    vm->ClearInterrupt(/*time_only=*/true);  // it may have come as the call ended
  }
  ApplyLimits();
}

bool Isolate::Impl::RaiseLimit(vm::Limit limit) {
  if (options.near_limit == nullptr || asking_host) return false;
  const Limits before = limits;
  asking_host = true;
  const absl::Status asked = CallOut([&] {
    options.near_limit(*isolate, static_cast<Limit>(limit));
    return absl::OkStatus();
  });
  asking_host = false;
  if (!asked.ok()) {
    near_limit_threw = std::string(asked.message());
    return false;
  }
  switch (limit) {
    case vm::Limit::kHeap:
      return limits.heap_bytes > before.heap_bytes;
    case vm::Limit::kStack:
      return limits.stack_bytes > before.stack_bytes;
    case vm::Limit::kFuel:
      return vm->fuel() >= 0;
    case vm::Limit::kCpuTime:
      return watch == nullptr || watch->CpuUsed() < Nanoseconds(limits.cpu_time);
    case vm::Limit::kWallTime:
      return watch == nullptr || watch->WallUsed() < Nanoseconds(limits.wall_time);
    case vm::Limit::kNone:
      break;
  }
  return true;
}

void Isolate::SetLimits(const Limits& limits) {
  const Impl::Borrowed borrowed(*this);
  if (!borrowed || borrowed->lost()) return;
  borrowed->ChangeLimits(limits);
}

void Isolate::Impl::ChangeLimits(const Limits& wanted) {
  Impl& impl = *this;
  const bool counted = impl.vm->CountsInstructions();
  impl.limits = wanted;
  impl.ApplyLimits();
  if (impl.calls == 0) return;
  if (impl.vm->CountsInstructions()) {
    const int64_t used = counted ? impl.fuel_at_start - impl.vm->fuel() : 0;
    impl.fuel_at_start = Fuel(limits);
    impl.vm->set_fuel(impl.fuel_at_start - used);
  }
  const int64_t cpu = Nanoseconds(limits.cpu_time), wall = Nanoseconds(limits.wall_time);
  if (impl.watch != nullptr) {
    impl.watch->Change(cpu, wall);
  } else if (TimeLimited(limits) && !vm::Watch::Start(*impl.vm, cpu, wall, &impl.watch).ok()) {
    impl.vm->Interrupt(vm::InterruptReason::kNoTimer);  // rather than to go on without the limit
  }
}

const Limits& Isolate::limits() const {
  static constexpr Limits none;
  const Impl::Borrowed impl(*this);
  return impl ? impl->limits : none;
}

IsolateStats Isolate::Stats() const {
  const Impl::Borrowed impl(*this);
  if (!impl) return {};
  const vm::HeapStats heap = impl->vm->heap().Stats();
  IsolateStats stats;
  stats.heap_bytes = heap.young_bytes + heap.old_bytes;
  stats.young_bytes = heap.young_bytes;
  stats.old_bytes = heap.old_bytes;
  stats.large_bytes = heap.large_bytes;
  stats.external_bytes = heap.external_bytes;
  stats.host_objects = impl->dependents != nullptr ? impl->dependents->objects : 0;
  stats.spare_bytes = heap.spare_bytes;
  stats.snapshot_bytes = impl->vm->heap().layout().image_end;
  stats.dirty_pages = heap.dirty_pages;
  stats.stack_bytes = impl->vm->StackBytes();
  stats.allocated_bytes = heap.allocated_bytes;
  stats.minor_collections = heap.minor_collections;
  stats.full_collections = heap.full_collections;
  stats.minor_seconds = static_cast<double>(heap.minor_nanoseconds) * 1e-9;
  stats.full_seconds = static_cast<double>(heap.full_nanoseconds) * 1e-9;
  stats.longest_minor_seconds = static_cast<double>(heap.longest_minor_nanoseconds) * 1e-9;
  stats.longest_full_seconds = static_cast<double>(heap.longest_full_nanoseconds) * 1e-9;
  stats.rehashed_entries = heap.rehashed_entries;
  stats.instructions = impl->counters.instructions;
  if (impl->calls > 0 && impl->vm->CountsInstructions()) {
    stats.instructions += static_cast<uint64_t>(impl->fuel_at_start - std::max<int64_t>(impl->vm->fuel(), 0));
  }
  stats.host_calls = impl->counters.host_calls;
  return stats;
}

}  // namespace islet
