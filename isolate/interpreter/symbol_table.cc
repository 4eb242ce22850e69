// Interning. Symbols of the snapshot stand in a table of their own that is never written (Root::kSymbolTable); those
// made since are in Heap::young_symbols, from which a full collection drops the dead.

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <string>

#include "isolate/data/string.h"
#include "isolate/interpreter/symbol_table.h"
#include "isolate/interpreter/vm.h"

namespace islet::vm {

namespace {

// `base` is the heap's, or that of the snapshot's copy in the process.
bool NameIs(Heap& heap, const uint8_t* base, Value symbol, Value hash, absl::string_view name) {
  const Symbol* s = reinterpret_cast<const Symbol*>(base + symbol.offset());
  if (s->hash != hash) return false;
  const String* string = reinterpret_cast<const String*>(base + s->name.offset());
  const uint32_t flags = HeaderFlags(string->header);
  if ((flags & (kWideStringFlag | kIndirectStringFlag)) == 0 && string->length == name.size()) {
    if (name.empty() || std::memcmp(string->bytes, name.data(), name.size()) == 0) return true;
  }
  return ToUtf8(heap, s->name) == name;
}

}  // namespace

uint64_t SymbolHash(std::string_view utf8) { return XXH3_64bits(utf8.data(), utf8.size()); }

Value Vm::Intern(std::string_view utf8) {
  Heap& heap = *heap_;
  const absl::string_view name(utf8.data(), utf8.size());
  const Value hash = Value::Fixnum(static_cast<int32_t>(SymbolHash(utf8) & kSymbolHashMask));
  if (const Value table = root(Root::kSymbolTable); table.IsObject()) {
    // The table, the symbols and their names are in read-only pages: never another isolate's, never written.
    const uint8_t* base = heap.pristine() != nullptr && heap.InSnapshot(table) ? heap.pristine() : heap.base();
    const Vector* slots = reinterpret_cast<const Vector*>(base + table.offset());
    const uint32_t mask = slots->length - 1;
    for (uint32_t i = static_cast<uint32_t>(hash.fixnum()) & mask; slots->items[i] != kFalse; i = (i + 1) & mask) {
      if (NameIs(heap, base, slots->items[i], hash, name)) return slots->items[i];
    }
  }
  std::vector<Value>& symbols = heap.young_symbols();
  if (symbols.empty()) symbols.assign(256, kUndefined);
  auto free_slot = [&symbols](Value h) {
    const size_t mask = symbols.size() - 1;
    size_t i = static_cast<size_t>(h.fixnum()) & mask;
    while (symbols[i] != kUndefined) i = (i + 1) & mask;
    return i;
  };
  size_t mask = symbols.size() - 1;
  for (size_t i = static_cast<size_t>(hash.fixnum()) & mask; symbols[i] != kUndefined; i = (i + 1) & mask) {
    if (NameIs(heap, heap.base(), symbols[i], hash, name)) return symbols[i];
  }
  const Value string = ::islet::vm::MakeString(heap, name, kImmutableFlag);
  Symbol* symbol = static_cast<Symbol*>(heap.NewUnmoving(ObjectType::kSymbol, sizeof(Symbol), 0, 0));
  symbol->hash = hash;
  symbol->name = string;
  const Value result = heap.ValueOf(symbol);
  if (++young_symbol_count_ * 2 > symbols.size()) {
    std::vector<Value> old;
    old.swap(symbols);
    young_symbol_count_ = 1;
    for (Value v : old) young_symbol_count_ += v != kUndefined;
    // The collector may have dropped many since they were counted.
    symbols.assign(young_symbol_count_ * 4 > old.size() ? old.size() * 2 : old.size(), kUndefined);
    for (Value v : old) {
      if (v != kUndefined) symbols[free_slot(heap.Get<Symbol>(v)->hash)] = v;
    }
  }
  symbols[free_slot(hash)] = result;
  return result;
}

std::string Vm::SymbolName(Value symbol) const {
  return heap_->Is<Symbol>(symbol) ? ToUtf8(heap_->Get<Symbol>(symbol)->name) : std::string();
}

}  // namespace islet::vm
