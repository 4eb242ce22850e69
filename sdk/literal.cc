// Literals: how they are made, and freed, and put into an isolate's heap. Nothing here recurses, as
// they may nest deeply.

#include "sdk/literal.h"

#include <algorithm>
#include <bit>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "isolate/data/hash_table.h"
#include "isolate/data/string.h"
#include "isolate/numbers/numbers.h"
#include "sdk/isolate_impl.h"

namespace islet {

// ---- Payloads

void Value::Retain(Payload* payload) { payload->references.fetch_add(1, std::memory_order_relaxed); }

void Value::Release(Payload* payload) {
  const auto last = [](Payload* p) { return p->references.fetch_sub(1, std::memory_order_acq_rel) == 1; };
  if (!last(payload)) return;
  while (payload != nullptr) {
    Payload* const freed = payload;
    payload = freed->next;
    for (Value& item : freed->items) {
      Payload* const inner = std::exchange(item.payload_, nullptr);
      if (inner == nullptr || !last(inner)) continue;
      inner->next = payload;
      payload = inner;
    }
    delete freed;
  }
}

// ---- Making

Value Boolean(bool b) {
  Value v(Value::Kind::kBoolean);
  v.integer_ = b;
  return v;
}

Value Integer(int64_t n) {
  Value v(Value::Kind::kInteger);
  v.integer_ = n;
  return v;
}

Value Real(double d) {
  Value v(Value::Kind::kReal);
  v.integer_ = std::bit_cast<int64_t>(d);
  return v;
}

Value Character(uint32_t scalar) {
  Value v(Value::Kind::kCharacter);
  v.integer_ = scalar;
  return v;
}

Value BigInteger(absl::string_view decimal) {
  return Value(Value::Kind::kBigInteger, new Value::Payload(std::string(decimal)));
}

Value String(absl::string_view utf8) { return Value(Value::Kind::kString, new Value::Payload(std::string(utf8))); }

Value Symbol(absl::string_view name) { return Value(Value::Kind::kSymbol, new Value::Payload(std::string(name))); }

Value Null() { return Value(Value::Kind::kNull); }

Value List(std::vector<Value> items) { return Value(Value::Kind::kList, new Value::Payload(std::move(items))); }

Value Vector(std::vector<Value> items) { return Value(Value::Kind::kVector, new Value::Payload(std::move(items))); }

Value Bytevector(absl::Span<const uint8_t> bytes) {
  return Value(Value::Kind::kBytevector,
               new Value::Payload(std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size())));
}

Value HashTable(std::vector<std::pair<Value, Value>> entries) {
  std::vector<Value> items;
  items.reserve(entries.size() * 2);
  for (auto& [key, value] : entries) {
    items.push_back(std::move(key));
    items.push_back(std::move(value));
  }
  return Value(Value::Kind::kHashTable, new Value::Payload(std::move(items)));
}

// ---- Into the heap

namespace {

// Bytes of a string with this text; if that need not be exact, of one with as many wide characters
// as it has bytes.
uint64_t TextBytes(absl::string_view utf8, bool exact) {
  if (!exact) return vm::StringBytes(utf8.size(), true);
  vm::TextSize size;
  size.Add(utf8);
  return size.bytes();
}

// A symbol takes so many bytes beside its name.
constexpr uint64_t kSymbolBytes = 32;

}  // namespace

// Of the value itself, without its items.
uint64_t Isolate::Impl::BytesOf(const Value& value, bool exact) const {
  switch (value.kind_) {
    case Value::Kind::kInteger:
      return 24;
    case Value::Kind::kReal:
      return 8;
    case Value::Kind::kBigInteger:
      return 64 + 3 * value.payload_->text.size();  // ParseNumber's scratch included
    case Value::Kind::kString:
      return TextBytes(value.payload_->text, exact);
    case Value::Kind::kSymbol:
      return kSymbolBytes + TextBytes(value.payload_->text, exact);
    case Value::Kind::kBytevector:
      return 16 + value.payload_->text.size();
    case Value::Kind::kList:
      return 8 * value.payload_->items.size();
    case Value::Kind::kVector:
      return 16 + 4 * value.payload_->items.size();
    case Value::Kind::kHashTable:
      return vm::HashTableBytes(value.payload_->items.size() / 2);
    default:
      return 0;
  }
}

// Stops when there are `enough`, since what shares parts may be endless.
uint64_t Isolate::Impl::BytesOfAll(absl::Span<const Value> values, bool exact, uint64_t enough) const {
  uint64_t bytes = 0;
  std::vector<absl::Span<const Value>> rest;
  if (!values.empty()) rest.push_back(values);
  while (!rest.empty() && bytes <= enough) {
    const Value& value = rest.back()[0];
    rest.back().remove_prefix(1);
    if (rest.back().empty()) rest.pop_back();
    bytes += BytesOf(value, exact);
    if (value.payload_ != nullptr && !value.payload_->items.empty()) rest.push_back(value.payload_->items);
  }
  return bytes;
}

// A value without items.
absl::StatusOr<vm::Value> Isolate::Impl::BuildPart(const Value& value) {
  vm::Heap& heap = vm->heap();
  switch (value.kind_) {
    case Value::Kind::kHandle:
      return Find(value);
    case Value::Kind::kSnapshotProcedure:
      if (value.stamp_ != image->serial()) {
        return absl::FailedPreconditionError("the procedure belongs to another snapshot than the isolate");
      }
      return vm::Value::FromBits(static_cast<uint32_t>(value.integer_));
    case Value::Kind::kBoolean:
      return vm::Value::Boolean(value.integer_ != 0);
    case Value::Kind::kInteger:
      return vm::FromInt64(heap, value.integer_);
    case Value::Kind::kBigInteger: {
      const std::string& text = value.payload_->text;
      const size_t digits = !text.empty() && (text[0] == '-' || text[0] == '+') ? 1 : 0;
      if (text.size() == digits || text.find_first_not_of("0123456789", digits) != std::string::npos) {
        return absl::InvalidArgumentError(absl::StrCat("not a decimal integer: ", text.substr(0, 40)));
      }
      std::optional<vm::Value> number = vm::ParseNumber(heap, text, 10);
      if (!number.has_value()) return absl::InvalidArgumentError("not a decimal integer");
      return *number;
    }
    case Value::Kind::kReal:
      return vm::FromDouble(heap, std::bit_cast<double>(value.integer_));
    case Value::Kind::kCharacter:
      if (!vm::IsScalarValue(value.integer_)) return absl::InvalidArgumentError("not a Unicode scalar value");
      return vm::Value::Char(static_cast<uint32_t>(value.integer_));
    case Value::Kind::kString:
      return vm::MakeString(heap, value.payload_->text);
    case Value::Kind::kSymbol:
      return vm->Intern(value.payload_->text);
    case Value::Kind::kNull:
      return vm::kNull;
    case Value::Kind::kBytevector: {
      const std::string& bytes = value.payload_->text;
      const vm::Value bytevector = heap.MakeBytevector(static_cast<uint32_t>(bytes.size()));
      std::copy(bytes.begin(), bytes.end(), heap.Get<vm::Bytevector>(bytevector)->bytes);
      return bytevector;
    }
    default:
      return vm::kUnspecified;
  }
}

absl::StatusOr<vm::Value> Isolate::Impl::Build(const Value& value) {
  vm::Heap& heap = vm->heap();
  using Kind = Value::Kind;
  // A list, vector or table, of which some items have been made: of a list the last ones.
  struct Open {
    Kind kind;
    absl::Span<const Value> items;  // all
    size_t made;
    vm::Value whole;
    vm::Value key;  // of the item to come
  };
  const auto compound = [](Kind kind) {
    return kind == Kind::kList || kind == Kind::kVector || kind == Kind::kHashTable;
  };
  const auto open = [&heap](const Value& v) {
    const std::vector<Value>& items = v.payload_->items;
    const uint32_t count = static_cast<uint32_t>(items.size());
    Open made = {v.kind_, items, 0, vm::kNull, vm::kNull};
    if (v.kind_ == Kind::kVector) made.whole = heap.MakeVector(count, vm::kFalse);
    if (v.kind_ == Kind::kHashTable) made.whole = vm::MakeHashTable(heap, vm::kEqualTableFlag, count / 2);
    return made;
  };
  const auto add = [&heap](Open& to, vm::Value item) {
    const size_t index = to.made++;
    if (to.kind == Kind::kList) {
      to.whole = heap.Cons(item, to.whole);
    } else if (to.kind == Kind::kVector) {
      heap.Get<vm::Vector>(to.whole)->items[index] = item;
    } else if (index % 2 == 0) {
      to.key = item;
    } else {
      vm::HashTablePut(heap, to.whole, to.key, item);
    }
  };

  if (!compound(value.kind_)) return BuildPart(value);
  std::vector<Open> opened = {open(value)};
  for (;;) {
    Open& innermost = opened.back();
    const size_t count = innermost.items.size();
    if (innermost.made == count) {
      const vm::Value whole = innermost.whole;
      opened.pop_back();
      if (opened.empty()) return whole;
      add(opened.back(), whole);
      continue;
    }
    const Value& item = innermost.items[innermost.kind == Kind::kList ? count - 1 - innermost.made : innermost.made];
    if (compound(item.kind_)) {
      opened.push_back(open(item));
      continue;
    }
    absl::StatusOr<vm::Value> part = BuildPart(item);
    if (!part.ok()) return part;
    add(innermost, *part);
  }
}

absl::Status Isolate::Impl::ToHeapAll(absl::Span<const Value> values, absl::Span<vm::Value> results) {
  absl::Status status = CheckEntered();
  if (!status.ok()) return status;
  constexpr uint64_t kWithout = vm::Heap::kSlack / 2;  // what needs no Reserve
  if (BytesOfAll(values, /*exact=*/false, kWithout) > kWithout) {
    const uint64_t limit = vm->heap().EffectiveLimit();
    const uint64_t bytes = BytesOfAll(values, /*exact=*/true, limit);
    if (bytes > kWithout && (bytes > limit || !vm->heap().Reserve(bytes))) {
      return absl::ResourceExhaustedError(
          absl::StrCat("the arguments need ", bytes > limit ? "more than " : "", std::min(bytes, limit) >> 10,
                       " KiB, more than the heap limit of ", limit >> 10, " KiB leaves"));
    }
  }
  // No collection from here on.
  for (size_t i = 0; i < values.size(); ++i) {
    absl::StatusOr<vm::Value> result = Build(values[i]);
    if (!result.ok()) return result.status();
    results[i] = *result;
  }
  return absl::OkStatus();
}

absl::StatusOr<vm::Value> Isolate::Impl::ToHeap(const Value& value) {
  vm::Value result;
  absl::Status status = ToHeapAll(absl::MakeConstSpan(&value, 1), absl::MakeSpan(&result, 1));
  if (!status.ok()) return status;
  return result;
}

}  // namespace islet
