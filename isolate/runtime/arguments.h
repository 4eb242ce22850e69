// Checking the arguments of primitives. Each function raises the condition that fits and returns
// false if the argument will not do, so that a primitive reads
//
//   if (!CheckString(vm, "string-length", args, 0)) return kException;
//
// `i` counts arguments from 0, messages from 1.

#ifndef ISLET_ISOLATE_RUNTIME_ARGUMENTS_H_
#define ISLET_ISOLATE_RUNTIME_ARGUMENTS_H_

#include <cstdint>

#include "isolate/data/string.h"
#include "isolate/heap/heap.h"
#include "isolate/heap/poll.h"
#include "isolate/interpreter/vm.h"

namespace islet::vm {

// Of one of these types.
bool CheckString(Vm& vm, const char* who, Value* args, uint32_t i);
bool CheckSymbol(Vm& vm, const char* who, Value* args, uint32_t i);
bool CheckVector(Vm& vm, const char* who, Value* args, uint32_t i);
bool CheckBytevector(Vm& vm, const char* who, Value* args, uint32_t i);
bool CheckChar(Vm& vm, const char* who, Value* args, uint32_t i);
bool CheckPair(Vm& vm, const char* who, Value* args, uint32_t i);
bool CheckHashTable(Vm& vm, const char* who, Value* args, uint32_t i);

// The object (pair, string, vector, bytevector) may be changed: it is no literal.
bool CheckMutable(Vm& vm, const char* who, Value object);

// An exact integer in [0, limit). `limit_name` completes "is not below ...", as in "the vector's
// length".
bool CheckIndex(Vm& vm, const char* who, Value* args, uint32_t i, uint32_t limit, const char* limit_name,
                uint32_t* index);
// An exact integer in [0, largest]: a count, or the size of an object to be made.
bool CheckCount(Vm& vm, const char* who, Value* args, uint32_t i, uint32_t* count);
// An exact integer in [0, 255].
bool CheckByte(Vm& vm, const char* who, Value* args, uint32_t i, uint8_t* byte);

struct Range {
  uint32_t start;
  uint32_t end;
  uint32_t size() const { return end - start; }
};
// The optional arguments start (at `i`) and end (at `i` + 1) of a sequence of `length`: 0 <= start
// <= end <= length.
bool CheckRange(Vm& vm, const char* who, Value* args, uint32_t argc, uint32_t i, uint32_t length, Range* range);

// The number of elements of the proper list `list`, or -1 if it is improper, -2 if circular.
// Polls; if the run is being ended, any of these.
int64_t ListLength(const Heap& heap, Value list);
inline constexpr int64_t kImproperList = -1;
inline constexpr int64_t kCircularList = -2;
// A proper list.
bool CheckList(Vm& vm, const char* who, Value* args, uint32_t i, uint32_t* length);

// For a `value`, in a root, that is about to be stored in `count` slots: if these are very many,
// makes it old, lest the next collection of the nursery take as long as they are many. A safepoint.
void PrepareToRepeat(Heap& heap, const Value& value, uint64_t count);

// A vector whose elements are `fill`. Allocates 8 + 4 * length bytes: Reserve first. Polls.
Value MakeFilledVector(Heap& heap, uint32_t length, Value fill);

// Copies `count` elements within old objects, or between them: they may overlap. Polls.
void CopyElements(Heap& heap, Value* to, const Value* from, uint32_t count);

// A primitive whose work grows with its data, and which polls: once the run is being ended, what it returns says so.
template <PrimitiveFunction function>
Value Interruptible(Vm& vm, Value* args, uint32_t argc) {
  const Value result = function(vm, args, argc);
  return __builtin_expect(vm.ended(), 0) ? kException : result;
}

// Up to so many bytes may be allocated before the next safepoint without ReserveFor.
inline constexpr uint64_t kNeedsNoReserve = Heap::kSlack / 2;
// Room for `bytes` before the next safepoint. May collect: afterwards only args[] is to be trusted.
bool ReserveFor(Vm& vm, const char* who, uint64_t bytes);

}  // namespace islet::vm

#endif  // ISLET_ISOLATE_RUNTIME_ARGUMENTS_H_
