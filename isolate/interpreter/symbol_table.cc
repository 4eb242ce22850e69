// Interning. Symbols of the snapshot stand in a table of their own that is never written (Root::kSymbolTable); those
// made since are in Heap::young_symbols, from which a full collection drops the dead.

#define XXH_INLINE_ALL
#include "isolate/interpreter/symbol_table.h"

#include <xxhash.h>

#include <string>

#include "absl/strings/string_view.h"
#include "isolate/data/string.h"
#include "isolate/heap/poll.h"
#include "isolate/interpreter/vm.h"

namespace islet::vm {

namespace {

// Names of more bytes, or characters, are hashed, compared and copied in parts, between which the run may be ended:
// then nothing is to be entered under what has come of it.
constexpr size_t kLongName = kPollSteps * kBytesPerStep;

// `base` is the heap's, or that of the snapshot's copy in the process.
const Symbol* SymbolAt(const uint8_t* base, Value symbol) {
  return reinterpret_cast<const Symbol*>(base + symbol.offset());
}

bool NameIs(Heap& heap, const uint8_t* base, Value symbol, absl::string_view name) {
  const Symbol* s = SymbolAt(base, symbol);
  const String* string = reinterpret_cast<const String*>(base + s->name.offset());
  const uint32_t flags = HeaderFlags(string->header);
  if ((flags & (kWideStringFlag | kIndirectStringFlag)) == 0 && string->length == name.size() &&
      name.size() <= kLongName) {
    if (name.empty() || std::memcmp(string->bytes, name.data(), name.size()) == 0) return true;
  }
  return StringEqualsUtf8(heap, s->name, name);
}

Value HashField(uint64_t hash) { return Value::Fixnum(static_cast<int32_t>(hash & kSymbolHashMask)); }

// A place for one more symbol of the hash in the table of those made since the snapshot, which grows if need be.
size_t PlaceForOneMore(Heap& heap, size_t* count, Value hash) {
  std::vector<Value>& symbols = heap.young_symbols();
  const auto free_slot = [&symbols](Value h) {
    const size_t mask = symbols.size() - 1;
    size_t i = static_cast<size_t>(h.fixnum()) & mask;
    while (symbols[i] != kUndefined) i = (i + 1) & mask;
    return i;
  };
  if (++*count * 2 > symbols.size()) {
    std::vector<Value> old;
    old.swap(symbols);
    *count = 1;
    for (Value v : old) *count += v != kUndefined;
    // The collector may have dropped many since they were counted.
    symbols.assign(*count * 4 > old.size() ? old.size() * 2 : old.size(), kUndefined);
    for (Value v : old) {
      if (v != kUndefined) symbols[free_slot(heap.Get<Symbol>(v)->hash)] = v;
    }
  }
  return free_slot(hash);
}

// The symbol of the hash for which `is(base, symbol)` holds; else one named `make()`, unless that is kUndefined.
template <typename Is, typename Make>
Value InternAs(Vm& vm, size_t* count, Value hash, Is&& is, Make&& make) {
  Heap& heap = vm.heap();
  const auto found = [&](const uint8_t* base, Value symbol) {
    return SymbolAt(base, symbol)->hash == hash && is(base, symbol);
  };
  if (const Value table = vm.root(Root::kSymbolTable); table.IsObject()) {
    // The table, the symbols and their names are in read-only pages: never another isolate's, never written.
    const uint8_t* base = heap.pristine() != nullptr && heap.InSnapshot(table) ? heap.pristine() : heap.base();
    const Vector* slots = reinterpret_cast<const Vector*>(base + table.offset());
    const uint32_t mask = slots->length - 1;
    for (uint32_t i = static_cast<uint32_t>(hash.fixnum()) & mask; slots->items[i] != kFalse; i = (i + 1) & mask) {
      if (found(base, slots->items[i])) return slots->items[i];
    }
  }
  std::vector<Value>& symbols = heap.young_symbols();
  if (symbols.empty()) symbols.assign(256, kUndefined);
  const size_t mask = symbols.size() - 1;
  for (size_t i = static_cast<size_t>(hash.fixnum()) & mask; symbols[i] != kUndefined; i = (i + 1) & mask) {
    if (found(heap.base(), symbols[i])) return symbols[i];
  }
  const Value name = make();
  if (name == kUndefined) return kUndefined;
  Symbol* symbol = static_cast<Symbol*>(heap.NewUnmoving(ObjectType::kSymbol, sizeof(Symbol), 0, 0));
  symbol->hash = hash;
  symbol->name = name;
  const Value result = heap.ValueOf(symbol);
  const size_t place = PlaceForOneMore(heap, count, hash);
  symbols[place] = result;
  return result;
}

}  // namespace

uint64_t SymbolHash(absl::string_view utf8) {
  if (utf8.size() <= kLongName) return XXH3_64bits(utf8.data(), utf8.size());
  XXH3_state_t state;
  XXH3_64bits_reset(&state);
  (void)InParts(0, utf8.size(), kBytesPerStep,
                [&](uint64_t begin, uint64_t end) { XXH3_64bits_update(&state, utf8.data() + begin, end - begin); });
  return XXH3_64bits_digest(&state);
}

Value Vm::Intern(absl::string_view utf8) {
  const absl::string_view name(utf8.data(), utf8.size());
  const auto cut_short = [&] { return name.size() > kLongName && Ended(); };
  const Value hash = HashField(SymbolHash(utf8));
  const Value symbol = InternAs(
      *this, &state_.young_symbol_count, hash,
      [&](const uint8_t* base, Value s) { return NameIs(*heap_, base, s, name); },
      [&] {
        const Value made = cut_short() ? kUndefined : ::islet::vm::MakeString(*heap_, name, kImmutableFlag);
        return cut_short() ? kUndefined : made;
      });
  return symbol == kUndefined ? Intern("") : symbol;
}

Value Vm::InternString(Value string) {
  const uint32_t length = StringLength(*heap_, string);
  const auto cut_short = [&] { return length > kLongName / 4 && Ended(); };
  const Value hash = HashField(Utf8HashOfString(*heap_, string));
  const Value symbol = InternAs(
      *this, &state_.young_symbol_count, hash,
      [&](const uint8_t* base, Value s) { return StringEqual(*heap_, SymbolAt(base, s)->name, string); },
      [&] {
        if (cut_short()) return kUndefined;
        if ((HeaderFlags(heap_->header(string)) & kImmutableFlag) != 0) return string;
        const Value copy = CopyString(*heap_, string, 0, length, kImmutableFlag);
        return cut_short() ? kUndefined : copy;
      });
  return symbol == kUndefined ? Intern("") : symbol;
}

std::string Vm::SymbolName(Value symbol) const {
  return heap_->Is<Symbol>(symbol) ? ToUtf8(heap_->Get<Symbol>(symbol)->name) : std::string();
}

}  // namespace islet::vm
