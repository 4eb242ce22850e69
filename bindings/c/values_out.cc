// What hosts get out of values.

#include <bit>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "bindings/c/internal.h"
#include "isolate/data/equality.h"
#include "isolate/data/hash_table.h"
#include "isolate/data/string.h"
#include "isolate/numbers/numbers.h"
#include "isolate/printer/printer.h"

namespace islet::c {
namespace {

static_assert(ISLET_TYPE_OTHER == static_cast<int>(Type::kOther) &&
              ISLET_TYPE_HOST_OBJECT == static_cast<int>(Type::kHostObject));

islet_status WrongType(Impl& impl, islet_error* error, const char* who, absl::string_view expected, vm::Value got) {
  if (error == nullptr) return ISLET_INVALID_ARGUMENT;
  return Fail(error, who, ISLET_INVALID_ARGUMENT,
              absl::StrCat("expected ", expected, ", got ", TypeName(TypeOf(impl.vm->heap(), got))));
}

template <typename T>
islet_status Give(T* out, T value) {
  if (out != nullptr) *out = value;
  return ISLET_OK;
}

// Text for as long as the scope lasts, with a zero byte behind it.
const char* Lend(Impl& impl, absl::string_view text) {
  char* const lent = StateOf(impl).arena.Allocate(text.size() + 1);
  std::memcpy(lent, text.data(), text.size());
  lent[text.size()] = '\0';
  return lent;
}

islet_status GiveText(Impl& impl, absl::string_view from, const char** text, size_t* length) {
  if (text != nullptr) *text = Lend(impl, from);
  return Give(length, from.size());
}

bool IsAscii(const uint8_t* bytes, size_t size) {
  uint8_t all = 0;
  for (size_t i = 0; i < size; ++i) all |= bytes[i];
  return all < 0x80;
}

// ---- Parts. What has them, as a list of places.

// The pairs of a proper list; -1 if it is none.
int64_t ListLength(const vm::Heap& heap, vm::Value list) {
  // Brent's way to find a circle.
  uint64_t length = 0, power = 1;
  for (vm::Value mark = list; list.IsPair(); list = heap.cdr(list)) {
    if (++length == power) {
      mark = list;
      power *= 2;
    } else if (list == mark) {
      return -1;
    }
  }
  return list.IsNull() ? static_cast<int64_t>(length) : -1;
}

const vm::Vector* FieldNames(const vm::Heap& heap, vm::Value record) {
  return heap.Get<vm::Vector>(heap.Get<vm::RecordType>(heap.Get<vm::Record>(record)->type)->fields);
}

constexpr char kNoList[] = "a proper list";
constexpr char kWithItems[] = "a list, vector, hash table or record";

// The index that `key` is, below `length`.
islet_status IndexOf(Impl& impl, islet_error* error, const char* who, vm::Value key, uint64_t length, uint32_t* index) {
  if (!key.IsFixnum()) return WrongType(impl, error, who, "an index", key);
  if (key.fixnum() < 0 || static_cast<uint64_t>(key.fixnum()) >= length) {
    return Fail(error, who, ISLET_OUT_OF_RANGE, absl::StrCat("index ", key.fixnum(), " of ", length, " items"));
  }
  *index = static_cast<uint32_t>(key.fixnum());
  return ISLET_OK;
}

islet_status FieldOf(Impl& impl, islet_error* error, const char* who, vm::Value record, vm::Value key,
                     uint32_t* index) {
  const vm::Heap& heap = impl.vm->heap();
  if (!heap.Is<vm::Symbol>(key)) return WrongType(impl, error, who, "a symbol that names a field", key);
  const vm::Vector* const names = FieldNames(heap, record);
  for (*index = 0; *index < names->length; ++*index) {
    if (names->items[*index] == key) return ISLET_OK;
  }
  return Fail(error, who, ISLET_NOT_FOUND, absl::StrCat("the record has no field ", impl.vm->SymbolName(key)));
}

// Tables with a comparator of the script's own are its affair.
islet_status CheckTable(Impl& impl, islet_error* error, const char* who, vm::Value table, vm::Value key) {
  const uint32_t flags = vm::HeaderFlags(impl.vm->heap().header(table));
  if ((flags & vm::kEquivalenceFlags) == 0) {
    return Fail(error, who, ISLET_INVALID_ARGUMENT,
                "the hash table compares keys by a procedure of the script's: call hash-table-ref and hash-table-set!");
  }
  if ((flags & vm::kStringTableFlag) != 0 && !impl.vm->heap().Is<vm::String>(key)) {
    return WrongType(impl, error, who, "a string, as the hash table compares keys by string=?", key);
  }
  return ISLET_OK;
}

islet_status Ref(Impl& impl, islet_error* error, const char* who, vm::Value whole, vm::Value key, islet_value* out) {
  vm::Heap& heap = impl.vm->heap();
  uint32_t index;
  vm::Value found;
  if (whole.IsPair()) {
    const int64_t length = ListLength(heap, whole);
    if (length < 0) return WrongType(impl, error, who, kNoList, whole);
    if (const islet_status status = IndexOf(impl, error, who, key, static_cast<uint64_t>(length), &index);
        status != ISLET_OK) {
      return status;
    }
    for (; index > 0; --index) whole = heap.cdr(whole);
    found = heap.car(whole);
  } else if (const vm::Vector* vector = heap.TryGet<vm::Vector>(whole)) {
    if (const islet_status status = IndexOf(impl, error, who, key, vector->length, &index); status != ISLET_OK) {
      return status;
    }
    found = vector->items[index];
  } else if (heap.Is<vm::String>(whole)) {
    if (const islet_status status = IndexOf(impl, error, who, key, vm::StringLength(heap, whole), &index);
        status != ISLET_OK) {
      return status;
    }
    found = vm::Value::Char(vm::CharAt(heap, whole, index));
  } else if (const vm::Bytevector* bytes = heap.TryGet<vm::Bytevector>(whole)) {
    if (const islet_status status = IndexOf(impl, error, who, key, bytes->length, &index); status != ISLET_OK) {
      return status;
    }
    found = vm::Value::Fixnum(bytes->bytes[index]);
  } else if (heap.Is<vm::HashTable>(whole)) {
    if (const islet_status status = CheckTable(impl, error, who, whole, key); status != ISLET_OK) return status;
    found = vm::HashTableGet(heap, whole, key, vm::kUndefined);
    if (found == vm::kUndefined) return Fail(error, who, ISLET_NOT_FOUND, "the hash table has no such key");
  } else if (heap.Is<vm::Record>(whole)) {
    if (const islet_status status = FieldOf(impl, error, who, whole, key, &index); status != ISLET_OK) return status;
    found = heap.Get<vm::Record>(whole)->fields[index];
  } else {
    return WrongType(impl, error, who, "a list, vector, string, bytevector, hash table or record", whole);
  }
  return Give(out, MakeHandle(impl, found));
}

// `whole`, `key` and `item` are of after the last safepoint, behind which there is room for a larger table.
islet_status Set(Impl& impl, islet_error* error, const char* who, vm::Value whole, vm::Value key, vm::Value item) {
  vm::Heap& heap = impl.vm->heap();
  uint32_t index;
  const bool can = heap.Is<vm::Vector>(whole) || heap.Is<vm::Bytevector>(whole) || heap.Is<vm::HashTable>(whole) ||
                   heap.Is<vm::Record>(whole);
  if (!can) return WrongType(impl, error, who, "a vector, bytevector, hash table or record", whole);
  if (!heap.Is<vm::Record>(whole) && vm::IsImmutable(heap, whole)) {
    return Fail(error, who, ISLET_INVALID_ARGUMENT, "a literal of the script cannot be changed");
  }
  if (vm::Vector* vector = heap.TryGet<vm::Vector>(whole)) {
    if (const islet_status status = IndexOf(impl, error, who, key, vector->length, &index); status != ISLET_OK) {
      return status;
    }
    heap.Write(&vector->items[index], item);
  } else if (vm::Bytevector* bytes = heap.TryGet<vm::Bytevector>(whole)) {
    if (const islet_status status = IndexOf(impl, error, who, key, bytes->length, &index); status != ISLET_OK) {
      return status;
    }
    if (!item.IsFixnum() || item.fixnum() < 0 || item.fixnum() > 255) {
      return WrongType(impl, error, who, "an integer from 0 to 255", item);
    }
    heap.NoteRawWrite(bytes->bytes + index, 1);
    bytes->bytes[index] = static_cast<uint8_t>(item.fixnum());
  } else if (heap.Is<vm::HashTable>(whole)) {
    if (const islet_status status = CheckTable(impl, error, who, whole, key); status != ISLET_OK) return status;
    vm::HashTablePut(heap, whole, key, item);
  } else {
    if (const islet_status status = FieldOf(impl, error, who, whole, key, &index); status != ISLET_OK) return status;
    heap.Write(&heap.Get<vm::Record>(whole)->fields[index], item);
  }
  return ISLET_OK;
}

// ---- Numbers that are no constants of their own

[[gnu::noinline]] islet_status GetInteger(islet_isolate* isolate, islet_value value, int64_t* out, islet_error* error) {
  static constexpr char kWho[] = "islet_get_integer";
  return With(isolate, value, error, kWho, [&](Impl& impl, vm::Value v) -> islet_status {
    vm::Heap& heap = impl.vm->heap();
    if (!vm::IsExactInteger(heap, v)) return WrongType(impl, error, kWho, "an exact integer", v);
    const std::optional<int64_t> n = vm::ToInt64(heap, v);
    if (n.has_value()) return Give(out, *n);
    return Fail(error, kWho, ISLET_OUT_OF_RANGE, "the integer does not fit into 64 bits (islet_print has its digits)");
  });
}

[[gnu::noinline]] islet_status GetReal(islet_isolate* isolate, islet_value value, double* out, islet_error* error) {
  static constexpr char kWho[] = "islet_get_real";
  return With(isolate, value, error, kWho, [&](Impl& impl, vm::Value v) -> islet_status {
    vm::Heap& heap = impl.vm->heap();
    if (!vm::IsReal(heap, v)) return WrongType(impl, error, kWho, "a real number", v);
    return Give(out, vm::ToDouble(heap, v));
  });
}

// ---- Cursors: which kind of object is being gone through, and where.

enum CursorState : uint64_t { kNotStarted, kInList, kInIndexed, kInTable, kAtEnd };

// The state's first word; the list's rest is a handle in the other two, an index the second.
islet_status StartCursor(Impl& impl, islet_error* error, const char* who, vm::Value whole, islet_cursor* cursor) {
  const vm::Heap& heap = impl.vm->heap();
  *cursor = {};
  if (whole.IsNull()) {
    cursor->state[0] = kAtEnd;
  } else if (whole.IsPair()) {
    if (ListLength(heap, whole) < 0) return WrongType(impl, error, who, kNoList, whole);
    const islet_value rest = MakeHandle(impl, whole);
    *cursor = {{kInList, rest.owner, rest.place, 0}};
  } else if (heap.Is<vm::Vector>(whole) || heap.Is<vm::Record>(whole)) {
    cursor->state[0] = kInIndexed;
  } else if (heap.Is<vm::HashTable>(whole)) {
    cursor->state[0] = kInTable;
  } else {
    return WrongType(impl, error, who, kWithItems, whole);
  }
  return ISLET_OK;
}

islet_status ListItems(Impl& impl, islet_error* error, const char* who, islet_cursor* cursor, islet_value* items,
                       size_t capacity, size_t* got) {
  const islet_value handle = {cursor->state[1], cursor->state[2]};
  vm::Value rest;
  const auto slot = static_cast<uint32_t>(handle.place);
  const bool own = handle.owner == impl.tenancy && (slot & kKeptSlot) == 0;
  if (!own || Resolve(impl, handle, &rest) != Why::kNothing) {
    return Fail(error, who, ISLET_STALE, "the scope has ended in which the cursor was started");
  }
  const vm::Heap& heap = impl.vm->heap();
  for (; *got < capacity && rest.IsPair(); rest = heap.cdr(rest)) items[(*got)++] = MakeHandle(impl, heap.car(rest));
  impl.held.handles[slot].value = rest;
  return ISLET_OK;
}

islet_status IndexedItems(Impl& impl, vm::Value whole, islet_cursor* cursor, islet_value* items, size_t capacity,
                          size_t* got) {
  const vm::Heap& heap = impl.vm->heap();
  uint64_t& index = cursor->state[1];
  const vm::Vector* const vector = heap.TryGet<vm::Vector>(whole);
  const uint32_t length = vector != nullptr ? vector->length : FieldNames(heap, whole)->length;
  const vm::Value* const from = vector != nullptr ? vector->items : heap.Get<vm::Record>(whole)->fields;
  for (; *got < capacity && index < length; ++index) items[(*got)++] = MakeHandle(impl, from[index]);
  return ISLET_OK;
}

islet_status TableItems(Impl& impl, vm::Value table, islet_cursor* cursor, islet_value* items, size_t capacity,
                        size_t* got) {
  const vm::Heap& heap = impl.vm->heap();
  uint64_t& index = cursor->state[1];
  const vm::HashTable* const t = heap.Get<vm::HashTable>(table);
  const vm::TableEntry* const entries = vm::EntriesOf(heap.Get<vm::Vector>(t->entries));
  const uint32_t used = static_cast<uint32_t>(t->used.fixnum());
  for (; *got + 1 < capacity && index < used; ++index) {
    if (entries[index].deleted()) continue;
    items[(*got)++] = MakeHandle(impl, entries[index].key);
    items[(*got)++] = MakeHandle(impl, entries[index].value);
  }
  return ISLET_OK;
}

}  // namespace

std::string Printed(Impl& impl, vm::Value datum, size_t limit) {
  if (vm::IsExactInteger(impl.vm->heap(), datum)) return vm::NumberToString(impl.vm->heap(), datum, 10);
  return vm::Print(*impl.vm, datum, vm::PrintMode::kWrite, limit);
}

}  // namespace islet::c

using namespace islet::c;  // NOLINT: what follows is of the same interface, but in C
namespace vm = islet::vm;

extern "C" {

int islet_type_of(islet_isolate* isolate, islet_value value) {
  int type = ISLET_TYPE_NONE;
  (void)With(isolate, value, nullptr, "islet_type_of", [&](Impl& impl, vm::Value v) -> islet_status {
    type = static_cast<int>(islet::TypeOf(impl.vm->heap(), v));
    return ISLET_OK;
  });
  return type;
}

int islet_is_true(islet_isolate* isolate, islet_value value) {
  int is_true = 0;
  (void)With(isolate, value, nullptr, "islet_is_true", [&](Impl&, vm::Value v) -> islet_status {
    is_true = v != vm::kFalse ? 1 : 0;
    return ISLET_OK;
  });
  return is_true;
}

islet_status islet_get_integer(islet_isolate* isolate, islet_value value, int64_t* out, islet_error* error) {
  if (value.owner == kInteger && Usable(isolate) == Why::kNothing) return Give(out, static_cast<int64_t>(value.place));
  return GetInteger(isolate, value, out, error);
}

islet_status islet_get_real(islet_isolate* isolate, islet_value value, double* out, islet_error* error) {
  if (value.owner == kReal && Usable(isolate) == Why::kNothing) return Give(out, std::bit_cast<double>(value.place));
  return GetReal(isolate, value, out, error);
}

islet_status islet_get_character(islet_isolate* isolate, islet_value value, uint32_t* out, islet_error* error) {
  static constexpr char kWho[] = "islet_get_character";
  return With(isolate, value, error, kWho, [&](Impl& impl, vm::Value v) -> islet_status {
    if (!v.IsChar()) return WrongType(impl, error, kWho, "a character", v);
    return Give(out, uint32_t{v.character()});
  });
}

islet_status islet_get_text(islet_isolate* isolate, islet_value value, const char** text, size_t* length,
                            islet_error* error) {
  static constexpr char kWho[] = "islet_get_text";
  return With(isolate, value, error, kWho, [&](Impl& impl, vm::Value v) -> islet_status {
    const vm::Heap& heap = impl.vm->heap();
    if (const vm::Symbol* symbol = heap.TryGet<vm::Symbol>(v)) v = symbol->name;
    if (!heap.Is<vm::String>(v)) return WrongType(impl, error, kWho, "a string or symbol", v);
    const vm::StringChars chars = vm::CharsOf(heap, v);
    if (chars.narrow != nullptr && IsAscii(chars.narrow, chars.length)) {
      return GiveText(impl, {reinterpret_cast<const char*>(chars.narrow), chars.length}, text, length);
    }
    return GiveText(impl, vm::ToUtf8(heap, v), text, length);
  });
}

islet_status islet_get_bytes(islet_isolate* isolate, islet_value value, const void** bytes, size_t* size,
                             islet_error* error) {
  static constexpr char kWho[] = "islet_get_bytes";
  return With(isolate, value, error, kWho, [&](Impl& impl, vm::Value v) -> islet_status {
    const vm::Heap& heap = impl.vm->heap();
    const vm::Bytevector* from = heap.TryGet<vm::Bytevector>(v);
    if (from == nullptr) return WrongType(impl, error, kWho, "a bytevector", v);
    const uint32_t length = from->length;
    if (bytes != nullptr) {
      // Others move when there is a collection.
      const bool stays = heap.InSnapshot(v) || length >= vm::Heap::kLargeObject;
      *bytes = stays ? reinterpret_cast<const char*>(from->bytes)
                     : Lend(impl, {reinterpret_cast<const char*>(from->bytes), length});
    }
    return Give(size, size_t{length});
  });
}

islet_status islet_print(islet_isolate* isolate, islet_value value, size_t limit, const char** text, size_t* length,
                         islet_error* error) {
  constexpr size_t kDefault = size_t{1} << 20;
  return With(isolate, value, error, "islet_print", [&](Impl& impl, vm::Value v) -> islet_status {
    return GiveText(impl, Printed(impl, v, limit != 0 ? limit : kDefault), text, length);
  });
}

islet_status islet_items(islet_isolate* isolate, islet_value value, islet_cursor* cursor, islet_value* items,
                         size_t capacity, size_t* got, islet_error* error) {
  static constexpr char kWho[] = "islet_items";
  if (got != nullptr) *got = 0;
  return With(isolate, value, error, kWho, [&](Impl& impl, vm::Value v) -> islet_status {
    if (cursor == nullptr) return FailNull(error, kWho, "cursor");
    if (items == nullptr && capacity != 0) return FailNull(error, kWho, "items");
    if (cursor->state[0] == kNotStarted) {
      if (const islet_status status = StartCursor(impl, error, kWho, v, cursor); status != ISLET_OK) return status;
    }
    const vm::Heap& heap = impl.vm->heap();
    size_t stored = 0;
    islet_status status = ISLET_OK;
    switch (cursor->state[0]) {
      case kAtEnd:
        break;
      case kInList:
        status = ListItems(impl, error, kWho, cursor, items, capacity, &stored);
        break;
      case kInIndexed:
        if (!heap.Is<vm::Vector>(v) && !heap.Is<vm::Record>(v)) return WrongType(impl, error, kWho, "a vector", v);
        status = IndexedItems(impl, v, cursor, items, capacity, &stored);
        break;
      case kInTable:
        if (!heap.Is<vm::HashTable>(v)) return WrongType(impl, error, kWho, "a hash table", v);
        if (capacity == 1) {
          return Fail(error, kWho, ISLET_INVALID_ARGUMENT, "a key and its value need a capacity of 2");
        }
        status = TableItems(impl, v, cursor, items, capacity, &stored);
        break;
      default:
        return Fail(error, kWho, ISLET_INVALID_ARGUMENT, "the cursor was not zeroed before its first use");
    }
    return status == ISLET_OK ? Give(got, stored) : status;
  });
}

islet_status islet_length(islet_isolate* isolate, islet_value value, size_t* length, islet_error* error) {
  static constexpr char kWho[] = "islet_length";
  return With(isolate, value, error, kWho, [&](Impl& impl, vm::Value v) -> islet_status {
    const vm::Heap& heap = impl.vm->heap();
    if (v.IsNull() || v.IsPair()) {
      const int64_t n = ListLength(heap, v);
      return n >= 0 ? Give(length, static_cast<size_t>(n)) : WrongType(impl, error, kWho, kNoList, v);
    }
    if (const vm::Vector* vector = heap.TryGet<vm::Vector>(v)) return Give(length, size_t{vector->length});
    if (const vm::Bytevector* bytes = heap.TryGet<vm::Bytevector>(v)) return Give(length, size_t{bytes->length});
    if (heap.Is<vm::String>(v)) return Give(length, size_t{vm::StringLength(heap, v)});
    if (heap.Is<vm::HashTable>(v)) return Give(length, size_t{vm::HashTableCount(heap, v)});
    if (heap.Is<vm::Record>(v)) return Give(length, size_t{FieldNames(heap, v)->length});
    return WrongType(impl, error, kWho, "a list, vector, string, bytevector, hash table or record", v);
  });
}

islet_status islet_car(islet_isolate* isolate, islet_value pair, islet_value* out, islet_error* error) {
  static constexpr char kWho[] = "islet_car";
  return With(isolate, pair, error, kWho, [&](Impl& impl, vm::Value v) -> islet_status {
    if (!v.IsPair()) return WrongType(impl, error, kWho, "a pair", v);
    return Give(out, MakeHandle(impl, impl.vm->heap().car(v)));
  });
}

islet_status islet_cdr(islet_isolate* isolate, islet_value pair, islet_value* out, islet_error* error) {
  static constexpr char kWho[] = "islet_cdr";
  return With(isolate, pair, error, kWho, [&](Impl& impl, vm::Value v) -> islet_status {
    if (!v.IsPair()) return WrongType(impl, error, kWho, "a pair", v);
    return Give(out, MakeHandle(impl, impl.vm->heap().cdr(v)));
  });
}

islet_status islet_ref(islet_isolate* isolate, islet_value value, islet_value key, islet_value* out,
                       islet_error* error) {
  static constexpr char kWho[] = "islet_ref";
  return With(isolate, value, error, kWho, [&](Impl& impl, vm::Value whole) -> islet_status {
    vm::Value k;
    if (const Why why = Resolve(impl, key, &k); why != Why::kNothing)
      return FailValue(error, kWho, "the key", why, key);
    return Ref(impl, error, kWho, whole, k, out);
  });
}

islet_status islet_set(islet_isolate* isolate, islet_value value, islet_value key, islet_value item,
                       islet_error* error) {
  static constexpr char kWho[] = "islet_set";
  return With(isolate, value, error, kWho, [&](Impl& impl, vm::Value whole) -> islet_status {
    vm::Heap& heap = impl.vm->heap();
    if (heap.Is<vm::HashTable>(whole)) {
      const uint64_t growth = vm::HashTableGrowthBytes(heap, whole, 1);
      if (!MakeRoom(impl, growth + 64 + 3 * kLargestPart)) return Fail(error, kWho, Why::kHeapLimit);
      if (const Why why = Resolve(impl, value, &whole); why != Why::kNothing) {
        return FailValue(error, kWho, "the value", why, value);
      }
    }
    vm::Value k, i;
    if (const Why why = Resolve(impl, key, &k); why != Why::kNothing)
      return FailValue(error, kWho, "the key", why, key);
    if (const Why why = Resolve(impl, item, &i); why != Why::kNothing) {
      return FailValue(error, kWho, "the item", why, item);
    }
    return Set(impl, error, kWho, whole, k, i);
  });
}

int islet_same(islet_isolate* isolate, islet_value a, islet_value b, int how) {
  int same = 0;
  (void)With(isolate, a, nullptr, "islet_same", [&](Impl& impl, vm::Value x) -> islet_status {
    vm::Heap& heap = impl.vm->heap();
    vm::Value y;
    if (Resolve(impl, b, &y) != Why::kNothing) return ISLET_INVALID_ARGUMENT;
    same = how == ISLET_EQ    ? x == y
           : how == ISLET_EQV ? vm::Eqv(heap, x, y)
                              : how == ISLET_EQUAL && vm::Equal(heap, x, y);
    return ISLET_OK;
  });
  return same;
}

}  // extern "C"
