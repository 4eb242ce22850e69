#include "islet/value.h"

#include <bit>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "isolate/data/hash_table.h"
#include "isolate/data/string.h"
#include "isolate/numbers/numbers.h"
#include "isolate/printer/printer.h"
#include "sdk/isolate_impl.h"
#include "sdk/literal.h"

namespace islet {

namespace {

absl::Status Mismatch(absl::string_view expected, Type got) {
  return absl::InvalidArgumentError(absl::StrCat("expected ", expected, ", got ", TypeName(got)));
}

}  // namespace

Type TypeOf(const vm::Heap& heap, vm::Value v) {
  if (v.IsFixnum()) return Type::kInteger;
  if (v.IsPair()) return Type::kPair;
  if (v.IsFlonum()) return Type::kReal;
  if (v.IsChar()) return Type::kCharacter;
  if (v.IsBoolean()) return Type::kBoolean;
  if (v.IsNull()) return Type::kNull;
  if (v.IsPrimitive()) return Type::kProcedure;
  if (v == vm::kEof) return Type::kEof;
  if (v == vm::kUnspecified) return Type::kUnspecified;
  if (!v.IsObject()) return Type::kOther;
  switch (heap.type(v)) {
    case vm::ObjectType::kVector:
      return Type::kVector;
    case vm::ObjectType::kString:
      return Type::kString;
    case vm::ObjectType::kSymbol:
      return Type::kSymbol;
    case vm::ObjectType::kBytevector:
      return Type::kBytevector;
    case vm::ObjectType::kBignum:
      return Type::kInteger;
    case vm::ObjectType::kRatnum:
      return Type::kRational;
    case vm::ObjectType::kCompnum:
    case vm::ObjectType::kExactCompnum:
      return Type::kComplex;
    case vm::ObjectType::kHashTable:
      return Type::kHashTable;
    case vm::ObjectType::kRecord:
      return Type::kRecord;
    case vm::ObjectType::kClosure:
    case vm::ObjectType::kContinuation:
    case vm::ObjectType::kParameter:
    case vm::ObjectType::kHostFunction:
      return Type::kProcedure;
    case vm::ObjectType::kHostObject:
      return Type::kHostObject;
    default:
      return Type::kOther;
  }
}

Type Isolate::Impl::TypeOf(vm::Value v) const { return islet::TypeOf(vm->heap(), v); }

absl::string_view TypeName(Type type) {
  switch (type) {
    case Type::kUnspecified:
      return "the unspecified value";
    case Type::kBoolean:
      return "a boolean";
    case Type::kInteger:
      return "an exact integer";
    case Type::kReal:
      return "a real number";
    case Type::kRational:
      return "an exact rational";
    case Type::kComplex:
      return "a complex number";
    case Type::kCharacter:
      return "a character";
    case Type::kString:
      return "a string";
    case Type::kSymbol:
      return "a symbol";
    case Type::kNull:
      return "the empty list";
    case Type::kPair:
      return "a pair";
    case Type::kVector:
      return "a vector";
    case Type::kBytevector:
      return "a bytevector";
    case Type::kHashTable:
      return "a hash table";
    case Type::kProcedure:
      return "a procedure";
    case Type::kRecord:
      return "a record";
    case Type::kEof:
      return "the end-of-file object";
    case Type::kOther:
      return "an object of another type";
    case Type::kHostObject:
      return "a host object";
  }
  return "an object of another type";
}

absl::StatusOr<vm::Value> Isolate::Impl::Resolve(const Value& handle) {
  absl::Status status = CheckEntered();
  if (!status.ok()) return status;
  return Find(handle);
}

absl::StatusOr<vm::Value> Isolate::Impl::Find(const Value& handle) const {
  const uint64_t place = static_cast<uint64_t>(handle.integer_);
  const size_t slot = static_cast<uint32_t>(place);
  if (handle.isolate_->generation_.load(std::memory_order_relaxed) != place >> 32) {
    return absl::FailedPreconditionError(
        "the value's isolate has ended: it was disposed of, or given back to its pool");
  }
  if (handle.isolate_ != isolate) return absl::FailedPreconditionError("the value belongs to another isolate");
  if (slot >= held.handles.size() || held.handles[slot].stamp != handle.stamp_) {
    return absl::FailedPreconditionError("the value's scope has ended (keep it in an islet::Persistent)");
  }
  return held.handles[slot].value;
}

absl::StatusOr<vm::Value> Isolate::Impl::Open(const Value& handle, Impl** impl) {
  const Isolate& isolate = *handle.isolate_;
  if (isolate.generation_.load(std::memory_order_relaxed) != static_cast<uint64_t>(handle.integer_) >> 32) {
    return absl::FailedPreconditionError(
        "the value's isolate has ended: it was disposed of, or given back to its pool");
  }
  if (absl::Status status = CheckUsable(isolate); !status.ok()) return status;
  *impl = isolate.impl();
  return (*impl)->Resolve(handle);
}

// ---- Out of the heap. A literal is put into the isolate's terms only where it has one; its own accessors work
// without.

namespace {

struct Opened {
  Isolate::Impl* impl;
  vm::Heap* heap;
  vm::Value value;
};

}  // namespace

#define ISLET_OPEN(opened)                                                               \
  Isolate::Impl* opened##_impl = nullptr;                                                \
  absl::StatusOr<vm::Value> opened##_value = Isolate::Impl::Open(*this, &opened##_impl); \
  if (!opened##_value.ok()) return opened##_value.status();                              \
  const Opened opened { opened##_impl, &opened##_impl->vm->heap(), *opened##_value }

Type Value::type() const {
  switch (kind_) {
    case Kind::kUnspecified:
      return Type::kUnspecified;
    case Kind::kBoolean:
      return Type::kBoolean;
    case Kind::kInteger:
    case Kind::kBigInteger:
      return Type::kInteger;
    case Kind::kReal:
      return Type::kReal;
    case Kind::kCharacter:
      return Type::kCharacter;
    case Kind::kString:
      return Type::kString;
    case Kind::kSymbol:
      return Type::kSymbol;
    case Kind::kNull:
      return Type::kNull;
    case Kind::kList:
      return payload_->items.empty() ? Type::kNull : Type::kPair;
    case Kind::kVector:
      return Type::kVector;
    case Kind::kBytevector:
      return Type::kBytevector;
    case Kind::kHashTable:
      return Type::kHashTable;
    case Kind::kSnapshotProcedure:
      return Type::kProcedure;
    case Kind::kHandle:
      break;
  }
  Isolate::Impl* impl = nullptr;
  absl::StatusOr<vm::Value> value = Isolate::Impl::Open(*this, &impl);
  return value.ok() ? TypeOf(impl->vm->heap(), *value) : Type::kOther;
}

bool Value::IsFalse() const {
  if (kind_ == Kind::kBoolean) return integer_ == 0;
  if (kind_ != Kind::kHandle) return false;
  Isolate::Impl* impl = nullptr;
  absl::StatusOr<vm::Value> value = Isolate::Impl::Open(*this, &impl);
  return value.ok() && *value == vm::kFalse;
}

absl::StatusOr<bool> Value::ToBool() const {
  if (kind_ == Kind::kBoolean) return integer_ != 0;
  if (kind_ != Kind::kHandle) return Mismatch("a boolean", type());
  ISLET_OPEN(o);
  if (!o.value.IsBoolean()) return Mismatch("a boolean", type());
  return o.value == vm::kTrue;
}

absl::StatusOr<int64_t> Value::ToInt64() const {
  if (kind_ == Kind::kInteger) return integer_;
  if (kind_ != Kind::kHandle) return Mismatch("an exact integer", type());
  ISLET_OPEN(o);
  if (!vm::IsExactInteger(*o.heap, o.value)) return Mismatch("an exact integer", type());
  std::optional<int64_t> n = vm::ToInt64(*o.heap, o.value);
  if (!n.has_value()) return absl::OutOfRangeError("the integer does not fit into 64 bits (see ToDecimal)");
  return *n;
}

absl::StatusOr<double> Value::ToDouble() const {
  if (kind_ == Kind::kReal) return std::bit_cast<double>(integer_);
  if (kind_ == Kind::kInteger) return static_cast<double>(integer_);
  if (kind_ != Kind::kHandle) return Mismatch("a real number", type());
  ISLET_OPEN(o);
  if (!vm::IsReal(*o.heap, o.value)) return Mismatch("a real number", type());
  return vm::ToDouble(*o.heap, o.value);
}

absl::StatusOr<std::string> Value::ToDecimal() const {
  if (kind_ == Kind::kInteger) return absl::StrCat(integer_);
  if (kind_ == Kind::kBigInteger) return payload_->text;
  if (kind_ != Kind::kHandle) return Mismatch("an exact integer", type());
  ISLET_OPEN(o);
  if (!vm::IsExactInteger(*o.heap, o.value)) return Mismatch("an exact integer", type());
  return vm::NumberToString(*o.heap, o.value, 10);
}

absl::StatusOr<uint32_t> Value::ToCharacter() const {
  if (kind_ == Kind::kCharacter) return static_cast<uint32_t>(integer_);
  if (kind_ != Kind::kHandle) return Mismatch("a character", type());
  ISLET_OPEN(o);
  if (!o.value.IsChar()) return Mismatch("a character", type());
  return o.value.character();
}

absl::StatusOr<std::string> Value::ToString() const {
  if (kind_ == Kind::kString || kind_ == Kind::kSymbol) return payload_->text;
  if (kind_ != Kind::kHandle) return Mismatch("a string or symbol", type());
  ISLET_OPEN(o);
  if (o.heap->Is<vm::Symbol>(o.value)) return o.impl->vm->SymbolName(o.value);
  if (!o.heap->Is<vm::String>(o.value)) return Mismatch("a string or symbol", type());
  return vm::ToUtf8(*o.heap, o.value);
}

absl::StatusOr<std::vector<uint8_t>> Value::ToBytes() const {
  if (kind_ == Kind::kBytevector) return std::vector<uint8_t>(payload_->text.begin(), payload_->text.end());
  if (kind_ != Kind::kHandle) return Mismatch("a bytevector", type());
  ISLET_OPEN(o);
  const vm::Bytevector* bytes = o.heap->TryGet<vm::Bytevector>(o.value);
  if (bytes == nullptr) return Mismatch("a bytevector", type());
  return std::vector<uint8_t>(bytes->bytes, bytes->bytes + bytes->length);
}

absl::StatusOr<std::vector<Value>> Value::ToVector() const {
  if (kind_ == Kind::kList || kind_ == Kind::kVector) return payload_->items;
  if (kind_ == Kind::kNull) return std::vector<Value>();
  if (kind_ != Kind::kHandle) return Mismatch("a list or vector", type());
  ISLET_OPEN(o);
  std::vector<Value> items;
  if (const vm::Vector* vector = o.heap->TryGet<vm::Vector>(o.value); vector != nullptr) {
    items.reserve(vector->length);
    for (uint32_t i = 0; i < vector->length; ++i) items.push_back(o.impl->MakeHandle(vector->items[i]));
    return items;
  }
  // Count first, against circular lists (Brent).
  uint64_t length = 0, power = 1;
  vm::Value mark = o.value, list = o.value;
  for (; list.IsPair(); list = o.heap->cdr(list)) {
    if (++length == power) {
      mark = list;
      power *= 2;
    } else if (list == mark) {
      return absl::InvalidArgumentError("expected a list, got a circular one");
    }
  }
  if (!list.IsNull()) return Mismatch("a proper list or a vector", type());
  items.reserve(length);
  for (list = o.value; list.IsPair(); list = o.heap->cdr(list)) {
    items.push_back(o.impl->MakeHandle(o.heap->car(list)));
  }
  return items;
}

absl::StatusOr<std::vector<std::pair<Value, Value>>> Value::ToEntries() const {
  std::vector<std::pair<Value, Value>> entries;
  if (kind_ == Kind::kHashTable) {
    for (size_t i = 0; i + 1 < payload_->items.size(); i += 2) {
      entries.emplace_back(payload_->items[i], payload_->items[i + 1]);
    }
    return entries;
  }
  if (kind_ != Kind::kHandle) return Mismatch("a hash table", type());
  ISLET_OPEN(o);
  if (!o.heap->Is<vm::HashTable>(o.value)) return Mismatch("a hash table", type());
  vm::ForEachEntry(*o.heap, o.value, [&](vm::Value key, vm::Value value) {
    entries.emplace_back(o.impl->MakeHandle(key), o.impl->MakeHandle(value));
  });
  return entries;
}

absl::StatusOr<Value> Value::Car() const {
  if (kind_ == Kind::kList && !payload_->items.empty()) return payload_->items[0];
  if (kind_ != Kind::kHandle) return Mismatch("a pair", type());
  ISLET_OPEN(o);
  if (!o.value.IsPair()) return Mismatch("a pair", type());
  return o.impl->MakeHandle(o.heap->car(o.value));
}

absl::StatusOr<Value> Value::Cdr() const {
  if (kind_ == Kind::kList && !payload_->items.empty()) {
    return List(std::vector<Value>(payload_->items.begin() + 1, payload_->items.end()));
  }
  if (kind_ != Kind::kHandle) return Mismatch("a pair", type());
  ISLET_OPEN(o);
  if (!o.value.IsPair()) return Mismatch("a pair", type());
  return o.impl->MakeHandle(o.heap->cdr(o.value));
}

#undef ISLET_OPEN

std::string Value::Print(size_t max_bytes) const {
  if (kind_ == Kind::kHandle) {
    Isolate::Impl* impl = nullptr;
    absl::StatusOr<vm::Value> value = Isolate::Impl::Open(*this, &impl);
    if (!value.ok()) return "#<stale value>";
    return vm::Print(*impl->vm, *value, vm::PrintMode::kWrite, max_bytes);
  }
  switch (kind_) {
    case Kind::kBoolean:
      return integer_ != 0 ? "#t" : "#f";
    case Kind::kInteger:
      return absl::StrCat(integer_);
    case Kind::kReal:
      return absl::StrCat(std::bit_cast<double>(integer_));
    case Kind::kBigInteger:
    case Kind::kSymbol:
      return payload_->text;
    case Kind::kString:
      return absl::StrCat("\"", payload_->text, "\"");
    default:
      return absl::StrCat("#<", TypeName(type()), ">");
  }
}

}  // namespace islet
