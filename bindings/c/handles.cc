// Handles and scopes: what an islet_value stands for, and for how long.

#include <bit>
#include <cstring>
#include <unordered_map>
#include <utility>

#include "bindings/c/internal.h"
#include "isolate/data/string.h"
#include "isolate/interpreter/limits.h"
#include "isolate/numbers/numbers.h"
#include "isolate/process/made_once.h"

namespace islet::c {

// ---- Data of snapshots

namespace {

struct Tables {
  ForkSafeMutex mutex;
  std::unordered_map<const vm::Image*, std::weak_ptr<SharedData>> of;
  uint64_t last = kFirstSnapshot;
};

Tables* AllTables() {
  static constinit MadeOnce<Tables*> tables;
  return tables.Get([] { return new Tables(); });
}

}  // namespace

SharedData::~SharedData() {
  for (const std::atomic<uint32_t*>& chunk : chunks_) delete[] chunk.load(std::memory_order_relaxed);
}

std::shared_ptr<SharedData> SharedData::Of(const std::shared_ptr<const vm::Image>& image) {
  Tables& tables = *AllTables();
  const std::lock_guard<ForkSafeMutex> lock(tables.mutex);
  for (auto i = tables.of.begin(); i != tables.of.end();) i = i->second.expired() ? tables.of.erase(i) : std::next(i);
  std::weak_ptr<SharedData>& known = tables.of[image.get()];
  if (std::shared_ptr<SharedData> found = known.lock()) return found;
  auto made = std::make_shared<SharedData>(++tables.last);
  known = made;
  return made;
}

uint64_t SharedData::Add(uint32_t bits) {
  const std::lock_guard<ForkSafeMutex> lock(mutex_);
  const uint64_t count = count_.load(std::memory_order_relaxed);
  for (uint64_t i = 0; i < count; ++i) {
    uint32_t present;
    if (Find(i, &present) && present == bits) return i;
  }
  if (count == kChunk * kChunks) throw std::bad_alloc();
  std::atomic<uint32_t*>& chunk = chunks_[count / kChunk];
  if (count % kChunk == 0) chunk.store(new uint32_t[kChunk], std::memory_order_relaxed);
  chunk.load(std::memory_order_relaxed)[count % kChunk] = bits;
  count_.store(count + 1, std::memory_order_release);
  return count;
}

// ---- Text that has been lent

char* Arena::Allocate(size_t bytes) {
  if (chunks_.empty() || bytes > chunks_.back().size - used_) {
    const size_t size = std::max(bytes, kChunkBytes);
    chunks_.push_back({std::unique_ptr<char[]>(new char[size]), size});
    used_ = 0;
  }
  char* const allocated = chunks_.back().bytes.get() + used_;
  used_ += bytes;
  return allocated;
}

void Arena::ReleaseSome(Mark mark) {
  // The first chunk stays, unless it is a large one.
  const size_t kept = !chunks_.empty() && (mark.used > 0 || chunks_[0].size == kChunkBytes) ? mark.chunk + 1 : 0;
  if (kept < chunks_.size()) chunks_.resize(kept);
  used_ = chunks_.empty() ? 0 : mark.used;
}

void State::EndPlace(Impl& impl, uint64_t place) {
  const uint32_t slot = static_cast<uint32_t>(place), stamp = static_cast<uint32_t>(place >> 32);
  const uint32_t index = slot & ~(kKeptSlot | kWeakSlot);
  if ((slot & kWeakSlot) != 0) return impl.DropWeak(index, stamp);
  if (index < impl.held.persistents.size() && impl.held.persistents[index].stamp == stamp) impl.EndKept(index);
}

// ---- Scopes

void State::Restart() {
  scopes.clear();
  floor = host_calls = 0;
  arena.Release({});
  data = nullptr;
  const std::lock_guard<ForkSafeMutex> lock(released_mutex);
  released.clear();
  any_released.store(false, std::memory_order_relaxed);
}

void State::CloseSomeScopes(Impl& impl, size_t left) {
  while (scopes.size() > left) {
    const Scope scope = scopes.back();
    scopes.pop_back();
    if (scope.handles < impl.held.handles.size()) impl.held.handles.resize(scope.handles);
    arena.Release(scope.arena);
    if (scope.owner) {
      // The outermost. From here on another thread may be in the isolate, and the scopes be its.
      Impl::LeaveNow(*impl.isolate);
      return;
    }
  }
}

void State::EndReleased(Impl& impl) {
  const std::lock_guard<ForkSafeMutex> lock(released_mutex);
  for (const uint64_t place : released) EndPlace(impl, place);
  released.clear();
  any_released.store(false, std::memory_order_relaxed);
}

// ---- Handles

Why Enterable(islet_isolate* isolate) {
  if (isolate == nullptr) return Why::kNull;
  const Isolate& cpp = CppOf(isolate);
  const uint64_t owner = BindingAccess::Owner(cpp).load(std::memory_order_relaxed);
  if (owner == kNeverAgain) return Why::kFreed;
  if (owner != CurrentThread()) return Impl::IsLostInFork(cpp) ? Why::kLostInFork : Why::kNotEntered;
  Impl& impl = *cpp.impl();
  if (impl.lost()) return Why::kLost;
  if (impl.asking_host) return Why::kAsking;
  if (impl.finalizing) return Why::kFinalizing;
  if (!impl.CheckEntered().ok()) return impl.lost() ? Why::kLost : Why::kNoStack;
  return Why::kNothing;
}

bool IsConstant(const vm::Heap& heap, vm::Value v, islet_value* value) {
  if (v.IsFixnum()) {
    *value = {kInteger, static_cast<uint64_t>(int64_t{v.fixnum()})};
  } else if (v.IsFlonum()) {
    *value = {kReal, std::bit_cast<uint64_t>(heap.flonum(v))};
  } else if (v.IsBoolean()) {
    *value = {kConstant, v == vm::kTrue ? kTrueValue : kFalseValue};
  } else if (v.IsNull()) {
    *value = {kConstant, kNullValue};
  } else if (v == vm::kUnspecified) {
    *value = {kConstant, kUnspecifiedValue};
  } else if (v == vm::kEof) {
    *value = {kConstant, kEofValue};
  } else if (v.IsChar()) {
    *value = {kCharacter, v.character()};
  } else {
    return false;
  }
  return true;
}

islet_value MakeAnyHandle(Impl& impl, vm::Value v) {
  if (islet_value value; IsConstant(impl.vm->heap(), v, &value)) return value;
  const uint32_t slot = static_cast<uint32_t>(impl.held.handles.size()), stamp = impl.next_stamp++;
  impl.held.handles.push_back({v, stamp});
  return {impl.tenancy, Place(slot, stamp)};
}

Why ResolveWeak(Impl& impl, islet_value value, vm::Value* datum) {
  constexpr uint32_t kFlags = kKeptSlot | kWeakSlot;
  const uint32_t slot = static_cast<uint32_t>(value.place);
  if ((slot & kFlags) != kFlags) return Why::kStale;
  *datum = impl.FindWeak(slot & ~kFlags, static_cast<uint32_t>(value.place >> 32));
  return *datum == vm::kUndefined ? Why::kStale : Why::kNothing;
}

Why ResolveOther(Impl& impl, islet_value value, vm::Value* datum) {
  constexpr vm::Value kConstants[] = {vm::kUnspecified, vm::kFalse, vm::kTrue, vm::kNull, vm::kEof};
  static_assert(std::size(kConstants) == kConstantEnd);
  vm::Heap& heap = impl.vm->heap();
  switch (value.owner) {
    case kNoValue:
      return Why::kNoValue;
    case kInteger:
      *datum = vm::FromInt64(heap, static_cast<int64_t>(value.place));
      return Why::kNothing;
    case kReal:
      *datum = vm::FromDouble(heap, std::bit_cast<double>(value.place));
      return Why::kNothing;
    case kConstant:
      if (value.place >= kConstantEnd) return Why::kNoHandle;
      *datum = kConstants[value.place];
      return Why::kNothing;
    case kCharacter:
      if (value.place > 0x10ffff || !vm::IsScalarValue(static_cast<int64_t>(value.place))) return Why::kNoHandle;
      *datum = vm::Value::Char(static_cast<uint32_t>(value.place));
      return Why::kNothing;
    case kFailed:
      return Why::kNoHandle;  // FailValue tells the value's own reason
    default:
      break;
  }
  const SharedData& shared = *StateOf(impl).shared;
  if (value.owner == shared.number()) {
    uint32_t bits;
    if (!shared.Find(value.place, &bits)) return Why::kNoHandle;
    *datum = vm::Value::FromBits(bits);
    return Why::kNothing;
  }
  return value.owner > kFirstSnapshot ? Why::kForeign : Why::kNoHandle;
}

}  // namespace islet::c

using islet::c::Failed;
using islet::c::Impl;
using islet::c::Maker;
using islet::c::State;
using islet::c::Why;

namespace {

// A mark is a scope's place among those that are open, counted from 1, with its number above.
constexpr int kPlaceBits = 32;
static_assert(sizeof(size_t) == 8);

// The place of the scope whose mark this is, if it may be closed now; else 0.
size_t PlaceToClose(const State& state, size_t mark) {
  const size_t place = static_cast<uint32_t>(mark);
  if (place <= state.floor || place > state.scopes.size()) return 0;
  if (state.scopes[place - 1].number != mark >> kPlaceBits) return 0;
  for (size_t i = place - 1; i < state.scopes.size(); ++i) {
    if (state.scopes[i].entering) return 0;
  }
  return place;
}

}  // namespace

extern "C" {

islet_status islet_enter(islet_isolate* isolate, islet_error* error) {
  static constexpr char kWho[] = "islet_enter";
  return islet::c::Checked(error, kWho, [&]() -> islet_status {
    if (isolate == nullptr) return islet::c::FailNullObject(error, kWho, "isolate");
    const islet::Isolate& cpp = islet::c::CppOf(isolate);
    const uint64_t me = islet::CurrentThread();
    uint64_t owner = islet::kNoThread;
    const bool entered = islet::BindingAccess::Owner(cpp).compare_exchange_strong(owner, me, std::memory_order_acquire);
    if (!entered && owner != me && owner != islet::kNeverAgain && !Impl::IsLostInFork(cpp)) {
      return islet::c::Fail(error, kWho, ISLET_BUSY, "another thread has entered the isolate");
    }
    if (const Why why = islet::c::Enterable(isolate); why != Why::kNothing) {
      if (entered) Impl::LeaveNow(islet::c::CppOf(isolate));
      return islet::c::Fail(error, kWho, why);
    }
    Impl& impl = *cpp.impl();
    State& state = islet::c::StateOf(impl);
    try {
      state.scopes.push_back({impl.held.handles.size(), state.arena.mark(), true, entered, 0});
    } catch (const std::bad_alloc&) {
      if (entered) Impl::LeaveNow(islet::c::CppOf(isolate));
      throw;
    }
    if (state.any_released.load(std::memory_order_relaxed)) state.EndReleased(impl);
    return ISLET_OK;
  });
}

islet_status islet_leave(islet_isolate* isolate) {
  const Why why = islet::c::Usable(isolate);
  if (why != Why::kNothing && why != Why::kLost && why != Why::kNoStack) return islet::c::StatusOf(why);
  Impl& impl = *islet::c::CppOf(isolate).impl();
  State& state = islet::c::StateOf(impl);
  size_t latest = state.scopes.size();
  while (latest > state.floor && !state.scopes[latest - 1].entering) --latest;
  if (latest == state.floor) return state.floor > 0 ? ISLET_BUSY : ISLET_NOT_ENTERED;
  // Also in the functions of streams and files, around which no floor is.
  if (state.scopes[latest - 1].owner && impl.inside > 0) return ISLET_BUSY;
  state.CloseScopes(impl, latest - 1);
  return ISLET_OK;
}

size_t islet_scope_open(islet_isolate* isolate) try {
  if (islet::c::Usable(isolate) != Why::kNothing) return 0;
  Impl& impl = *islet::c::CppOf(isolate).impl();
  State& state = islet::c::StateOf(impl);
  const uint32_t number = state.next_number++;
  state.scopes.push_back({impl.held.handles.size(), state.arena.mark(), false, false, number});
  return size_t{number} << kPlaceBits | state.scopes.size();
} catch (const std::bad_alloc&) {
  return 0;
}

void islet_scope_close(islet_isolate* isolate, size_t scope) {
  if (islet::c::Usable(isolate) != Why::kNothing) return;
  Impl& impl = *islet::c::CppOf(isolate).impl();
  State& state = islet::c::StateOf(impl);
  if (const size_t place = PlaceToClose(state, scope); place != 0) state.CloseScopes(impl, place - 1);
}

islet_value islet_scope_escape(islet_isolate* isolate, size_t scope, islet_value value) try {
  if (const Why why = islet::c::Usable(isolate); why != Why::kNothing) return Failed(Maker::kScopeEscape, why);
  Impl& impl = *islet::c::CppOf(isolate).impl();
  State& state = islet::c::StateOf(impl);
  const size_t place = PlaceToClose(state, scope);
  if (place == 0) return Failed(Maker::kScopeEscape, Why::kNoScope);
  if (value.owner != impl.tenancy) {
    state.CloseScopes(impl, place - 1);
    return value;  // which belongs to no scope
  }
  islet::vm::Value datum;
  const Why why = islet::c::Resolve(impl, value, &datum);
  state.CloseScopes(impl, place - 1);
  return why == Why::kNothing ? islet::c::MakeHandle(impl, datum) : Failed(Maker::kScopeEscape, why);
} catch (const std::bad_alloc&) {
  return Failed(Maker::kScopeEscape, Why::kNoMemory);
}

islet_value islet_keep(islet_isolate* isolate, islet_value value) try {
  if (const Why why = islet::c::Usable(isolate); why != Why::kNothing) return Failed(Maker::kKeep, why);
  Impl& impl = *islet::c::CppOf(isolate).impl();
  State& state = islet::c::StateOf(impl);
  if (state.any_released.load(std::memory_order_relaxed)) state.EndReleased(impl);
  islet::vm::Value datum;
  if (value.owner != impl.tenancy) {
    const Why why = islet::c::ResolveOther(impl, value, &datum);
    if (value.owner == islet::c::kFailed || why == Why::kNothing) return value;  // which belongs to no scope
    return Failed(Maker::kKeep, why);
  }
  if (const Why why = islet::c::Resolve(impl, value, &datum); why != Why::kNothing) return Failed(Maker::kKeep, why);
  const uint32_t slot = impl.Keep(datum);
  return {impl.tenancy, islet::c::Place(slot | islet::c::kKeptSlot, impl.held.persistents[slot].stamp)};
} catch (const std::bad_alloc&) {
  return Failed(Maker::kKeep, Why::kNoMemory);
}

islet_value islet_keep_weak(islet_isolate* isolate, islet_value value) try {
  if (const Why why = islet::c::Usable(isolate); why != Why::kNothing) return Failed(Maker::kKeepWeak, why);
  Impl& impl = *islet::c::CppOf(isolate).impl();
  State& state = islet::c::StateOf(impl);
  if (state.any_released.load(std::memory_order_relaxed)) state.EndReleased(impl);
  if (value.owner == islet::c::kFailed) return value;
  islet::vm::Value datum;
  if (const Why why = islet::c::Resolve(impl, value, &datum); why != Why::kNothing) {
    return Failed(Maker::kKeepWeak, why);
  }
  if (value.owner != impl.tenancy) return value;          // which does not end
  if (!datum.IsRef()) return islet_keep(isolate, value);  // likewise
  uint32_t stamp;
  const uint32_t number = impl.KeepWeak(datum, &stamp);
  return {impl.tenancy, islet::c::Place(number | islet::c::kKeptSlot | islet::c::kWeakSlot, stamp)};
} catch (const std::bad_alloc&) {
  return Failed(Maker::kKeepWeak, Why::kNoMemory);
}

void islet_release_value(islet_isolate* isolate, islet_value kept) {
  if (isolate == nullptr || (kept.place & islet::c::kKeptSlot) == 0 || kept.owner < islet::kFirstTenancy) return;
  islet::BindingAccess::Visit(islet::c::CppOf(isolate), [&](Impl& impl) {
    if (impl.tenancy != kept.owner) return;
    if (islet::BindingAccess::Owner(islet::c::CppOf(isolate)).load(std::memory_order_relaxed) ==
        islet::CurrentThread()) {
      State::EndPlace(impl, kept.place);
      return;
    }
    State& state = islet::c::StateOf(impl);
    try {
      const std::lock_guard<islet::ForkSafeMutex> lock(state.released_mutex);
      state.released.push_back(kept.place);
      state.any_released.store(true, std::memory_order_relaxed);
    } catch (const std::bad_alloc&) {
      // It stays until the isolate's end.
    }
  });
}

}  // extern "C"
