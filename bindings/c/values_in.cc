// Values that hosts make.

#include <bit>
#include <cstring>

#include "bindings/c/internal.h"
#include "isolate/data/hash_table.h"
#include "isolate/data/string.h"
#include "isolate/numbers/numbers.h"

namespace islet::c {
namespace {

// What `make(impl)` makes, a StatusOr-like pair: the reason why not, or the datum, whose handle this is.
struct Made {
  Made(Why w) : why(w) {}                  // NOLINT: for return statements
  Made(vm::Value datum) : value(datum) {}  // NOLINT: likewise
  Why why = Why::kNothing;
  vm::Value value;
};

template <typename F>
islet_value Make(islet_isolate* isolate, Maker maker, F&& make) {
  if (const Why why = Usable(isolate); why != Why::kNothing) return Failed(maker, why);
  Impl& impl = *CppOf(isolate).impl();
  try {
    const Made made = make(impl);
    return made.why == Why::kNothing ? MakeHandle(impl, made.value) : Failed(maker, made.why);
  } catch (const std::bad_alloc&) {
    return Failed(maker, Why::kNoMemory);
  }
}

// A value that belongs to no isolate, where one may be made.
islet_value Constant(islet_isolate* isolate, Maker maker, islet_value value) {
  const Why why = Usable(isolate);
  return why == Why::kNothing ? value : Failed(maker, why);
}

// Makes a datum of items, which `build(impl)` asks of ItemOf. It allocates at most `bytes` besides. A failed item is
// what comes out.
template <typename Build>
islet_value MakeOfItems(islet_isolate* isolate, Maker maker, const islet_value* items, size_t count, size_t most,
                        size_t bytes, Build&& build) {
  islet_value failed_item = {kNoValue, 0};
  const islet_value made = Make(isolate, maker, [&](Impl& impl) -> Made {
    if (items == nullptr && count != 0) return Why::kNullItems;
    if (count > most) return Why::kTooLong;
    if (!MakeRoom(impl, bytes + PartBytes(items, count))) return Why::kHeapLimit;
    for (size_t i = 0; i < count; ++i) {
      if (items[i].owner == kInteger || items[i].owner == kReal) continue;
      vm::Value ignored;
      if (const Why why = Resolve(impl, items[i], &ignored); why != Why::kNothing) {
        failed_item = items[i];
        return why;
      }
    }
    return build(impl);
  });
  return failed_item.owner == kFailed ? failed_item : made;
}

// An item that has been looked at before.
vm::Value ItemOf(Impl& impl, islet_value item) {
  vm::Value datum;
  return Resolve(impl, item, &datum) == Why::kNothing ? datum : vm::kUnspecified;
}

constexpr size_t kMostItems = size_t{1} << 28;
constexpr size_t kMostBytes = vm::Value::kFixnumMax;

Made MakeText(Impl& impl, absl::string_view text, bool symbol) {
  if (text.size() > kMostBytes) return Why::kTooLong;
  vm::TextSize size;
  size.Add(text);
  constexpr size_t kSymbolBytes = 32;
  if (!MakeRoom(impl, size.bytes() + kSymbolBytes)) return Why::kHeapLimit;
  return symbol ? impl.vm->Intern(text) : vm::MakeString(impl.vm->heap(), text);
}

Made MakeBytes(Impl& impl, size_t size) {
  if (size > kMostBytes) return Why::kTooLong;
  if (!MakeRoom(impl, size + sizeof(vm::Bytevector) + vm::kObjectAlignment)) return Why::kHeapLimit;
  return impl.vm->heap().MakeBytevector(static_cast<uint32_t>(size));
}

Made MakeDecimal(Impl& impl, absl::string_view text) {
  const size_t sign = !text.empty() && (text[0] == '-' || text[0] == '+') ? 1 : 0;
  if (text.size() == sign || text.find_first_not_of("0123456789", sign) != absl::string_view::npos) {
    return Why::kNotDecimal;
  }
  if (text.size() > kMostBytes) return Why::kTooLong;
  if (!MakeRoom(impl, 64 + 3 * text.size())) return Why::kHeapLimit;  // ParseNumber's scratch included
  const std::optional<vm::Value> number = vm::ParseNumber(impl.vm->heap(), text, 10);
  if (!number.has_value()) return Why::kTooLong;
  return *number;
}

}  // namespace
}  // namespace islet::c

using namespace islet::c;  // NOLINT: what follows is of the same interface, but in C
namespace vm = islet::vm;

extern "C" {

islet_value islet_unspecified(islet_isolate* isolate) {
  return Constant(isolate, Maker::kUnspecified, {kConstant, kUnspecifiedValue});
}

islet_value islet_null(islet_isolate* isolate) { return Constant(isolate, Maker::kNull, {kConstant, kNullValue}); }

islet_value islet_eof(islet_isolate* isolate) { return Constant(isolate, Maker::kEof, {kConstant, kEofValue}); }

islet_value islet_boolean(islet_isolate* isolate, int b) {
  return Constant(isolate, Maker::kBoolean, {kConstant, b != 0 ? kTrueValue : kFalseValue});
}

islet_value islet_integer(islet_isolate* isolate, int64_t n) {
  return Constant(isolate, Maker::kInteger, {kInteger, static_cast<uint64_t>(n)});
}

islet_value islet_real(islet_isolate* isolate, double d) {
  return Constant(isolate, Maker::kReal, {kReal, std::bit_cast<uint64_t>(d)});
}

islet_value islet_character(islet_isolate* isolate, uint32_t scalar) {
  if (const Why why = Usable(isolate); why != Why::kNothing) return Failed(Maker::kCharacter, why);
  if (!vm::IsScalarValue(scalar)) return Failed(Maker::kCharacter, Why::kNotScalar);
  return {kCharacter, scalar};
}

islet_value islet_big_integer(islet_isolate* isolate, const char* decimal, size_t length) {
  return Make(isolate, Maker::kBigInteger, [&](Impl& impl) -> Made {
    absl::string_view taken;
    if (const Why why = TakeText(decimal, length, &taken); why != Why::kNothing) return why;
    return MakeDecimal(impl, taken);
  });
}

islet_value islet_string(islet_isolate* isolate, const char* text, size_t length) {
  return Make(isolate, Maker::kString, [&](Impl& impl) -> Made {
    absl::string_view taken;
    if (const Why why = TakeText(text, length, &taken); why != Why::kNothing) return why;
    return MakeText(impl, taken, /*symbol=*/false);
  });
}

islet_value islet_symbol(islet_isolate* isolate, const char* text, size_t length) {
  return Make(isolate, Maker::kSymbol, [&](Impl& impl) -> Made {
    absl::string_view taken;
    if (const Why why = TakeText(text, length, &taken); why != Why::kNothing) return why;
    return MakeText(impl, taken, /*symbol=*/true);
  });
}

islet_value islet_bytevector(islet_isolate* isolate, const void* bytes, size_t size) {
  return Make(isolate, Maker::kBytevector, [&](Impl& impl) -> Made {
    if (bytes == nullptr && size != 0) return Why::kNullItems;
    const Made made = MakeBytes(impl, size);
    if (made.why == Why::kNothing && size != 0) {
      std::memcpy(impl.vm->heap().Get<vm::Bytevector>(made.value)->bytes, bytes, size);
    }
    return made;
  });
}

islet_value islet_bytevector_new(islet_isolate* isolate, size_t size, void** storage) {
  if (storage != nullptr) *storage = nullptr;
  return Make(isolate, Maker::kBytevectorNew, [&](Impl& impl) -> Made {
    const Made made = MakeBytes(impl, size);
    if (storage != nullptr && made.why == Why::kNothing) {
      *storage = impl.vm->heap().Get<vm::Bytevector>(made.value)->bytes;
    }
    return made;
  });
}

islet_value islet_pair(islet_isolate* isolate, islet_value car, islet_value cdr) {
  const islet_value both[] = {car, cdr};
  return MakeOfItems(isolate, Maker::kPair, both, 2, 2, sizeof(vm::Pair), [&](Impl& impl) -> Made {
    const vm::Value first = ItemOf(impl, car);
    return impl.vm->heap().Cons(first, ItemOf(impl, cdr));
  });
}

islet_value islet_list(islet_isolate* isolate, const islet_value* items, size_t count) {
  return MakeOfItems(isolate, Maker::kList, items, count, kMostItems, count * sizeof(vm::Pair),
                     [&](Impl& impl) -> Made {
                       vm::Value list = vm::kNull;
                       for (size_t i = count; i-- > 0;) {
                         const vm::Value item = ItemOf(impl, items[i]);
                         list = impl.vm->heap().Cons(item, list);
                       }
                       return list;
                     });
}

islet_value islet_vector(islet_isolate* isolate, const islet_value* items, size_t count) {
  return MakeOfItems(isolate, Maker::kVector, items, count, kMostItems,
                     sizeof(vm::Vector) + count * sizeof(vm::Value) + vm::kObjectAlignment, [&](Impl& impl) -> Made {
                       vm::Heap& heap = impl.vm->heap();
                       const vm::Value vector = heap.MakeVector(static_cast<uint32_t>(count), vm::kFalse);
                       for (size_t i = 0; i < count; ++i) {
                         heap.Write(&heap.Get<vm::Vector>(vector)->items[i], ItemOf(impl, items[i]));
                       }
                       return vector;
                     });
}

islet_value islet_hash_table(islet_isolate* isolate, const islet_value* pairs, size_t count) {
  const size_t items = count <= kMostItems ? 2 * count : kMostItems + 1;
  return MakeOfItems(isolate, Maker::kHashTable, pairs, items, kMostItems,
                     count <= kMostItems ? vm::HashTableBytes(count) + 64 : 0, [&](Impl& impl) -> Made {
                       vm::Heap& heap = impl.vm->heap();
                       const vm::Value table =
                           vm::MakeHashTable(heap, vm::kEqualTableFlag, static_cast<uint32_t>(count));
                       for (size_t i = 0; i < count; ++i) {
                         const vm::Value key = ItemOf(impl, pairs[2 * i]);
                         vm::HashTablePut(heap, table, key, ItemOf(impl, pairs[2 * i + 1]));
                       }
                       return table;
                     });
}

}  // extern "C"
