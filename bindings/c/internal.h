// What the sources of the C interface share: the objects behind its opaque types, handles, and how failures are told.

#ifndef ISLET_BINDINGS_C_INTERNAL_H_
#define ISLET_BINDINGS_C_INTERNAL_H_

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "islet/host_objects.h"
#include "islet/islet.h"
#include "islet/isolate.h"
#include "islet/isolate_pool.h"
#include "isolate/process/fork.h"
#include "sdk/isolate_impl.h"
#include "sdk/tenancy.h"

struct islet_error {
  struct Frame {
    std::string procedure, file;
    uint32_t line = 0, column = 0;
  };

  islet_status status = ISLET_OK;
  int exit_status = 0;
  std::string message, report, kind;
  std::vector<Frame> frames;
  std::vector<std::string> irritants;
  // Those of islet_error_add, good in the host function that fails.
  std::vector<islet_value> added;
  // What it was raised in: a tenancy, and which of its failures (State::failures).
  uint64_t tenancy = 0, failure = 0;
  // What a nested call has returned: a host function that returns this failure passes that on.
  absl::Status origin;
  // The heap limit has left no room for a value of the host's.
  bool no_room = false;
};

namespace islet::c {

using Impl = Isolate::Impl;

// ---- Handles. islet_value::owner tells what `place` is.

enum Owner : uint64_t {
  kNoValue = 0,
  kFailed = 1,   // Failure::Pack
  kInteger = 2,  // the int64_t
  kReal = 3,     // the bits of the double
  kConstant = 4,
  kCharacter = 5,
  kFirstSnapshot = uint64_t{1} << 16,  // SharedData::number: an index there
  // From kFirstTenancy on: slot and stamp among what Impl::held has.
};
enum ConstantPlace : uint64_t { kUnspecifiedValue, kFalseValue, kTrueValue, kNullValue, kEofValue, kConstantEnd };
// In the slot: among the persistents, not the handles.
inline constexpr uint32_t kKeptSlot = uint32_t{1} << 31;
// With that: among the weak persistents.
inline constexpr uint32_t kWeakSlot = uint32_t{1} << 30;

inline uint64_t Place(uint32_t slot, uint32_t stamp) { return uint64_t{stamp} << 32 | slot; }

// ---- Why something could not be done. These need no memory, so that a failed value can carry them.

enum class Why : uint8_t {
  kNothing,
  kNull,        // the isolate
  kFreed,       // likewise
  kNotEntered,  // likewise
  kEnteredElsewhere,
  kLostInFork,
  kLost,
  kAsking,
  kFinalizing,
  kNoScope,
  kNoStack,
  kNoMemory,
  kHeapLimit,
  kNoValue,  // an argument
  kStale,
  kForeign,
  kNoHandle,  // what no function has made
  kNullText,
  kNullItems,
  kNotDecimal,
  kNotScalar,
  kTooLong,
  kNotCallable,
  kNullType,
  kEnd,
};
islet_status StatusOf(Why why);
islet_status StatusOf(Limit limit);
const char* TextOf(Why why);

// The functions that make values, for what a failed one says.
enum class Maker : uint8_t {
  kUnspecified,
  kNull,
  kEof,
  kBoolean,
  kInteger,
  kBigInteger,
  kReal,
  kCharacter,
  kString,
  kSymbol,
  kBytevector,
  kBytevectorNew,
  kPair,
  kList,
  kVector,
  kHashTable,
  kScopeEscape,
  kKeep,
  kKeepWeak,
  kProcedure,
  kHostObject,
  kEnd,
};
const char* NameOf(Maker maker);

inline islet_value Failed(Maker maker, Why why) {
  return {kFailed, uint64_t{static_cast<uint8_t>(maker)} << 8 | static_cast<uint8_t>(why)};
}

// ---- Failures. Each of these fills *error, if there is one, and returns the status. `who` is the C function's name.

islet_status Fail(islet_error* error, const char* who, islet_status status, absl::string_view what);
islet_status Fail(islet_error* error, const char* who, Why why);
islet_status FailNull(islet_error* error, const char* who, const char* parameter);
// Of an object: an earlier failure in *error stays.
islet_status FailNullObject(islet_error* error, const char* who, const char* parameter);
// `why`, and of a failed value its own reason, about an argument that `name` names ("argument 2").
islet_status FailValue(islet_error* error, const char* who, absl::string_view name, Why why, islet_value value);
islet_status FailNoMemory(islet_error* error, const char* who);
// What opening a snapshot and making an isolate report, where nothing is entered.
islet_status FailOpening(islet_error* error, const absl::Status& status);
// What work in the isolate has returned. `described`: LastError tells its parts.
islet_status FailIn(Impl& impl, islet_error* error, const absl::Status& status, bool described);
// What a pool's `prepare` has returned, for islet_pool_get to report: it travels through the pool as a Status.
absl::Status PreparingStatus(islet_status status, const islet_error& error);
islet_status FailPreparing(islet_error* error, const absl::Status& status);
// The Status to be raised in the script, of a host function that has returned `status`, or with which its run ends.
absl::Status ReturnedStatus(vm::Vm& vm, islet_status status, const islet_error& error);
// The heap limit leaves no room for what a host function makes: its run ends, as where scripts reach it.
absl::Status EndByHeapLimit(vm::Vm& vm);
// The text that the procedure `write` prints, at most about so many bytes.
std::string Printed(Impl& impl, vm::Value datum, size_t limit);

// The body of a C function that may allocate: nothing is thrown at C.
template <typename F>
islet_status Checked(islet_error* error, const char* who, F&& f) {
  try {
    return f();
  } catch (const std::bad_alloc&) {
    return FailNoMemory(error, who);
  }
}

// ---- Data of snapshots that hosts have looked up: a table for each image, which only grows.

class SharedData {
 public:
  explicit SharedData(uint64_t number) : number_(number) {}
  ~SharedData();
  // The table of the image, for as long as somebody has it.
  static std::shared_ptr<SharedData> Of(const std::shared_ptr<const vm::Image>& image);

  uint64_t number() const { return number_; }
  // The index of the datum, which is the same if it is there already. Throws std::bad_alloc.
  uint64_t Add(uint32_t bits);
  // False if there is no such index.
  bool Find(uint64_t index, uint32_t* bits) const {
    if (index >= count_.load(std::memory_order_acquire)) return false;
    *bits = chunks_[index / kChunk].load(std::memory_order_relaxed)[index % kChunk];
    return true;
  }

 private:
  static constexpr size_t kChunk = 256;
  static constexpr size_t kChunks = 4096;

  const uint64_t number_;
  std::atomic<uint64_t> count_{0};
  std::array<std::atomic<uint32_t*>, kChunks> chunks_{};
  ForkSafeMutex mutex_;  // for Add
};

// ---- Text that has been lent, in pieces that do not move, until a scope ends.

class Arena {
 public:
  struct Mark {
    size_t chunk = 0, used = 0;
  };
  char* Allocate(size_t bytes);  // throws std::bad_alloc
  Mark mark() const { return {chunks_.empty() ? 0 : chunks_.size() - 1, used_}; }
  // What has been allocated since the mark is not used any more.
  void Release(Mark mark) {
    if (const Mark now = this->mark(); now.used != mark.used || now.chunk != mark.chunk) ReleaseSome(mark);
  }

 private:
  void ReleaseSome(Mark mark);
  static constexpr size_t kChunkBytes = 4096;
  struct Chunk {
    std::unique_ptr<char[]> bytes;
    size_t size;
  };
  std::vector<Chunk> chunks_;
  size_t used_ = 0;  // of the last chunk
};

// ---- What the C interface has for each machine: Impl::wrapper.

struct State {
  struct Scope {
    size_t handles;
    Arena::Mark arena;
    bool entering;  // opened by islet_enter
    bool owner;     // which made this thread the one that has entered
    uint32_t number;
  };

  std::shared_ptr<SharedData> shared;
  std::vector<Scope> scopes;
  size_t floor = 0;  // the scopes below are not those of the host function that runs
  Arena arena;
  void* data = nullptr;
  // For host functions, by how deeply they are nested.
  std::vector<std::unique_ptr<islet_error>> errors;
  size_t host_calls = 0;
  uint64_t failures = 0;     // of calls
  uint32_t next_number = 1;  // of scopes: a mark has it, so that one of before is no other's
  // What other threads have released while one was in the isolate.
  ForkSafeMutex released_mutex;
  std::vector<uint64_t> released;
  std::atomic<bool> any_released{false};

  // Forgets what belongs to a tenant.
  void Restart();
  // Ends scopes until so many are left. The owner's end leaves the isolate.
  void CloseScopes(Impl& impl, size_t left) {
    if (scopes.size() > left) CloseSomeScopes(impl, left);
  }
  void EndReleased(Impl& impl);
  // Ends what was kept in the place, unless that has happened before.
  static void EndPlace(Impl& impl, uint64_t place);

 private:
  void CloseSomeScopes(Impl& impl, size_t left);
};

inline State& StateOf(Impl& impl) { return *static_cast<State*>(impl.wrapper.get()); }
inline Isolate& CppOf(islet_isolate* isolate) { return *reinterpret_cast<Isolate*>(isolate); }
inline islet_isolate* CTypeOf(Isolate* isolate) { return reinterpret_cast<islet_isolate*>(isolate); }

// ---- The machine behind a handle of an isolate.

// For [own]: kNothing if this thread may go on in it. What an ended call has left of a collection is done.
Why Enterable(islet_isolate* isolate);
inline Why Usable(islet_isolate* isolate) {
  if (__builtin_expect(isolate == nullptr, 0)) return Why::kNull;
  const Isolate& cpp = CppOf(isolate);
  if (__builtin_expect(BindingAccess::Owner(cpp).load(std::memory_order_relaxed) != CurrentThread(), 0)) {
    return Enterable(isolate);
  }
  const Impl& impl = *cpp.impl();
  if (__builtin_expect(impl.lost() || impl.asking_host || impl.finalizing || impl.vm->heap().CollectionIsUnfinished(),
                       0)) {
    return Enterable(isolate);
  }
  return Why::kNothing;
}

// Whether the datum is told by its content alone, so that its handle belongs to no isolate and no scope.
bool IsConstant(const vm::Heap& heap, vm::Value v, islet_value* value);
// A handle in the innermost scope. Throws std::bad_alloc.
islet_value MakeAnyHandle(Impl& impl, vm::Value v);
inline islet_value MakeHandle(Impl& impl, vm::Value v) {
  if (v.IsFixnum()) return {kInteger, static_cast<uint64_t>(int64_t{v.fixnum()})};
  return MakeAnyHandle(impl, v);
}
// kNothing, and the datum. Makes at most kLargestPart bytes in the heap; no safepoint.
inline constexpr size_t kLargestPart = 24;
Why ResolveOther(Impl& impl, islet_value value, vm::Value* datum);
Why ResolveWeak(Impl& impl, islet_value value, vm::Value* datum);
inline Why Resolve(Impl& impl, islet_value value, vm::Value* datum) {
  if (value.owner == kInteger) {
    const auto n = static_cast<int64_t>(value.place);
    if (__builtin_expect(n >= vm::Value::kFixnumMin && n <= vm::Value::kFixnumMax, 1)) {
      *datum = vm::Value::Fixnum(static_cast<int32_t>(n));
      return Why::kNothing;
    }
  }
  if (__builtin_expect(value.owner != impl.tenancy, 0)) return ResolveOther(impl, value, datum);
  const uint32_t slot = static_cast<uint32_t>(value.place), stamp = static_cast<uint32_t>(value.place >> 32);
  const auto& list = (slot & kKeptSlot) != 0 ? impl.held.persistents : impl.held.handles;
  const uint32_t index = slot & ~kKeptSlot;
  if (__builtin_expect(index >= list.size() || list[index].stamp != stamp, 0)) return ResolveWeak(impl, value, datum);
  *datum = list[index].value;
  return Why::kNothing;
}
// Calls a procedure with data of the heap, which need not be roots. A pair for each argument may be allocated first.
absl::StatusOr<vm::Value> CallProcedure(Impl& impl, vm::Value procedure, absl::Span<const vm::Value> arguments);
// The text that a C function was given: kNothing, kNullText or kTooLong.
inline Why TakeText(const char* text, size_t length, absl::string_view* taken) {
  if (text == nullptr && length != 0) return Why::kNullText;
  if (length > PTRDIFF_MAX && length != ISLET_Z) return Why::kTooLong;
  *taken = length == ISLET_Z ? absl::string_view(text) : absl::string_view(text, length);
  return Why::kNothing;
}
// The bytes that Resolve makes at most of these in all.
inline size_t PartBytes(const islet_value* values, size_t count) {
  size_t bytes = 0;
  for (size_t i = 0; i < count; ++i) {
    const uint64_t owner = values[i].owner;
    bytes += owner == kInteger || owner == kReal ? kLargestPart : 0;
  }
  return bytes;
}
// A safepoint, after which so many bytes may be allocated. False: the heap limit forbids it.
[[nodiscard]] inline bool MakeRoom(Impl& impl, size_t bytes) {
  vm::Heap& heap = impl.vm->heap();
  if (__builtin_expect(heap.WantsCollection(), 0) && heap.CollectionIsDue() && !heap.Collect()) return false;
  return bytes <= vm::Heap::kSlack / 2 || heap.Reserve(bytes);
}

// The body of a function about a value: `f(impl, datum)`, unless there is no such.
template <typename F>
islet_status With(islet_isolate* isolate, islet_value value, islet_error* error, const char* who, F&& f) {
  return Checked(error, who, [&]() -> islet_status {
    if (isolate == nullptr) return FailNullObject(error, who, "isolate");
    if (const Why why = Usable(isolate); why != Why::kNothing) return Fail(error, who, why);
    Impl& impl = *CppOf(isolate).impl();
    if (!MakeRoom(impl, kLargestPart)) return Fail(error, who, Why::kHeapLimit);
    vm::Value datum;
    if (const Why why = Resolve(impl, value, &datum); why != Why::kNothing) {
      return FailValue(error, who, "the value", why, value);
    }
    return f(impl, datum);
  });
}

}  // namespace islet::c

struct islet_snapshot {
  islet::Snapshot snapshot;
  std::shared_ptr<islet::c::SharedData> shared;
  std::vector<std::string> needs;
};

struct islet_options {
  islet::IsolateOptions isolate;
  islet_prepare prepare = nullptr;
  std::shared_ptr<void> prepare_data;
  islet::IsolatePool::Options pool;  // but for its isolates'
  islet::HostFunctions functions;
  absl::Status mistake;
};

struct islet_host_type {
  islet::HostType type;
};

struct islet_pool {
  std::unique_ptr<islet::IsolatePool> pool;
  std::shared_ptr<islet::c::SharedData> shared;
  bool prepares = false;  // which makes the isolates' State
};

namespace islet::c {

// What a function of a table gets, with what is to be called at its end.
std::shared_ptr<void> Released(void* data, islet_release release);
// `given` as this library knows it, zeroed if it knows nothing; an error if that is not all of it. `what` is the
// parameter's name.
absl::Status CheckTable(const void* given, size_t size, size_t known, const char* what);
template <typename Table>
absl::Status CopyTable(const Table* given, const char* what, Table* copy) {
  std::memset(static_cast<void*>(copy), 0, sizeof(Table));
  if (given == nullptr) return absl::InvalidArgumentError(absl::StrCat(what, " is NULL"));
  if (given->size >= sizeof(size_t)) {
    std::memcpy(static_cast<void*>(copy), given, std::min(given->size, sizeof(Table)));
  }
  return CheckTable(given, given->size, sizeof(Table), what);
}

// What the interface has for a new machine. Throws std::bad_alloc.
std::shared_ptr<State> NewState(std::shared_ptr<SharedData> shared);
// The isolates' options, functions included.
IsolateOptions WithFunctions(const islet_options& options);
// False: `which` is no limit.
bool SetLimit(Limits& limits, islet_status which, uint64_t limit);

}  // namespace islet::c

#endif  // ISLET_BINDINGS_C_INTERNAL_H_
