#include "isolate/runtime/arguments.h"

#include <algorithm>
#include <string>

namespace islet::vm {
namespace {

template <typename T>
bool CheckObject(Vm& vm, const char* who, Value* args, uint32_t i, const char* expected) {
  if (vm.heap().Is<T>(args[i])) return true;
  vm.WrongType(who, static_cast<int>(i) + 1, expected, args[i]);
  return false;
}

bool OutOfRange(Vm& vm, const char* who, uint32_t i, const std::string& why, Value got) {
  vm.OutOfRange(who, static_cast<int>(i) + 1, why, got);
  return false;
}

// An exact integer within `first` and `last`; `limit` completes "is not below" or "is above".
bool CheckWithin(Vm& vm, const char* who, Value* args, uint32_t i, uint32_t first, uint32_t last,
                 const std::string& why_above, uint32_t* result) {
  const Value v = args[i];
  if (v.IsFixnum()) {
    const int64_t n = v.fixnum();
    if (n >= first && n <= last) {
      *result = static_cast<uint32_t>(n);
      return true;
    }
    if (n < 0) return OutOfRange(vm, who, i, "is negative", v);
    if (n < first) return OutOfRange(vm, who, i, "is below " + std::to_string(first), v);
    return OutOfRange(vm, who, i, why_above, v);
  }
  if (vm.heap().Is<Bignum>(v)) {
    const bool negative = (HeaderFlags(vm.heap().header(v)) & kNegativeFlag) != 0;
    return OutOfRange(vm, who, i, negative ? "is negative" : why_above, v);
  }
  vm.WrongType(who, static_cast<int>(i) + 1, "an exact integer", v);
  return false;
}

}  // namespace

bool CheckString(Vm& vm, const char* who, Value* args, uint32_t i) {
  return CheckObject<String>(vm, who, args, i, "a string");
}

bool CheckSymbol(Vm& vm, const char* who, Value* args, uint32_t i) {
  return CheckObject<Symbol>(vm, who, args, i, "a symbol");
}

bool CheckVector(Vm& vm, const char* who, Value* args, uint32_t i) {
  return CheckObject<Vector>(vm, who, args, i, "a vector");
}

bool CheckBytevector(Vm& vm, const char* who, Value* args, uint32_t i) {
  return CheckObject<Bytevector>(vm, who, args, i, "a bytevector");
}

bool CheckHashTable(Vm& vm, const char* who, Value* args, uint32_t i) {
  return CheckObject<HashTable>(vm, who, args, i, "a hash table");
}

bool CheckChar(Vm& vm, const char* who, Value* args, uint32_t i) {
  if (args[i].IsChar()) return true;
  vm.WrongType(who, static_cast<int>(i) + 1, "a character", args[i]);
  return false;
}

bool CheckPair(Vm& vm, const char* who, Value* args, uint32_t i) {
  if (args[i].IsPair()) return true;
  vm.WrongType(who, static_cast<int>(i) + 1, "a pair", args[i]);
  return false;
}

bool CheckMutable(Vm& vm, const char* who, Value object) {
  Heap& heap = vm.heap();
  const bool literal = object.IsPair() ? heap.InReadOnly(heap.Get<Pair>(object)) : IsImmutable(heap, object);
  if (!literal) return true;
  vm.Error("immutable", who, "a literal cannot be changed", heap.Cons(object, kNull));
  return false;
}

bool CheckIndex(Vm& vm, const char* who, Value* args, uint32_t i, uint32_t limit, const char* limit_name,
                uint32_t* index) {
  const Value v = args[i];
  // The message is made only when it is needed: this is on the path of every vector-ref.
  if (v.IsFixnum() && v.fixnum() >= 0 && static_cast<uint32_t>(v.fixnum()) < limit) {
    *index = static_cast<uint32_t>(v.fixnum());
    return true;
  }
  const std::string why = std::string("is not below ") + limit_name + ", " + std::to_string(limit);
  // With a limit of 0 nothing is within.
  if (limit == 0 && (v.IsFixnum() || vm.heap().Is<Bignum>(v))) {
    return OutOfRange(vm, who, i, why, v);
  }
  return CheckWithin(vm, who, args, i, 0, limit == 0 ? 0 : limit - 1, why, index) && limit != 0;
}

bool CheckCount(Vm& vm, const char* who, Value* args, uint32_t i, uint32_t* count) {
  return CheckWithin(vm, who, args, i, 0, Value::kFixnumMax,
                     "is above the largest size, " + std::to_string(Value::kFixnumMax), count);
}

bool CheckByte(Vm& vm, const char* who, Value* args, uint32_t i, uint8_t* byte) {
  const Value v = args[i];
  if (v.IsFixnum() && v.fixnum() >= 0 && v.fixnum() <= 255) {
    *byte = static_cast<uint8_t>(v.fixnum());
    return true;
  }
  uint32_t unused;
  return CheckWithin(vm, who, args, i, 0, 255, "is above 255, the largest byte", &unused);
}

bool CheckRange(Vm& vm, const char* who, Value* args, uint32_t argc, uint32_t i, uint32_t length, Range* range) {
  *range = {0, length};
  if (i < argc) {
    if (!CheckWithin(vm, who, args, i, 0, length, "is above the length, " + std::to_string(length), &range->start)) {
      return false;
    }
  }
  if (i + 1 < argc) {
    if (!CheckWithin(vm, who, args, i + 1, range->start, length, "is above the length, " + std::to_string(length),
                     &range->end)) {
      return false;
    }
  }
  return true;
}

int64_t ListLength(const Heap& heap, Value list) {
  int64_t length = 0;
  Value slow = list;
  StepCounter steps;
  while (list.IsPair() && steps.Add(1)) {
    list = heap.cdr(list);
    ++length;
    if ((length & 1) == 0) {
      slow = heap.cdr(slow);
      if (slow == list && list.IsPair()) return kCircularList;
    }
  }
  return list == kNull ? length : kImproperList;
}

bool CheckList(Vm& vm, const char* who, Value* args, uint32_t i, uint32_t* length) {
  const int64_t n = ListLength(vm.heap(), args[i]);
  if (vm.ended()) return false;
  if (n >= 0) {
    *length = static_cast<uint32_t>(n);
    return true;
  }
  vm.WrongType(who, static_cast<int>(i) + 1, n == kCircularList ? "a list that ends" : "a proper list", args[i]);
  return false;
}

void PrepareToRepeat(Heap& heap, const Value& value, uint64_t count) {
  constexpr uint64_t kMany = 1 << 16;
  // The answer is not needed here: the next safepoint finds it out again.
  if (count > kMany && heap.IsYoung(value)) (void)heap.Collect();
}

Value MakeFilledVector(Heap& heap, uint32_t length, Value fill) {
  const size_t bytes = 8 + size_t{4} * length;
  if (bytes < Heap::kLargeObject) return heap.MakeVector(length, fill);
  // Zeroed, and so whole at each poll.
  auto* vector = static_cast<Vector*>(heap.NewObject(ObjectType::kVector, bytes, 0, 0));
  vector->length = length;
  (void)InParts(0, length, 4,
                [&](uint64_t begin, uint64_t end) { std::fill(vector->items + begin, vector->items + end, fill); });
  return heap.ValueOf(vector);
}

void CopyElements(Heap& heap, Value* to, const Value* from, uint32_t count) {
  if (to <= from) {
    (void)InParts(0, count, 1, [&](uint64_t i, uint64_t end) {
      for (; i < end; ++i) heap.Write(to + i, from[i]);
    });
  } else {
    (void)InPartsBackward(0, count, 1, [&](uint64_t begin, uint64_t i) {
      for (; i > begin; --i) heap.Write(to + i - 1, from[i - 1]);
    });
  }
}

bool ReserveFor(Vm& vm, const char* who, uint64_t bytes) {
  if (bytes <= kNeedsNoReserve) return true;
  if (bytes < vm.heap().layout().cage_size && vm.heap().Reserve(bytes)) return true;
  vm.OutOfMemory(who, bytes);
  return false;
}

}  // namespace islet::vm
