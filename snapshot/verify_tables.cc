// Hash tables (data/hash_table.h) and the table of symbols (interpreter/symbol_table.cc).

#include <algorithm>
#include <bit>
#include <cstring>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "isolate/data/equality.h"
#include "isolate/data/hash_table.h"
#include "isolate/interpreter/symbol_table.h"
#include "isolate/interpreter/vm.h"
#include "snapshot/verifier.h"

namespace islet::vm {
namespace {

// A table has at least 8 words of index, and at most as many as hashes can tell apart.
constexpr uint32_t kLeastLogarithm = 3, kMostLogarithm = 28;

void AppendUtf8(uint32_t c, std::string* out) {
  const auto put = [out](uint32_t byte) { out->push_back(static_cast<char>(byte)); };
  if (c < 0x80) return put(c);
  if (c < 0x800) {
    put(0xc0 | c >> 6);
  } else if (c < 0x10000) {
    put(0xe0 | c >> 12);
    put(0x80 | (c >> 6 & 0x3f));
  } else {
    put(0xf0 | c >> 18);
    put(0x80 | (c >> 12 & 0x3f));
    put(0x80 | (c >> 6 & 0x3f));
  }
  put(0x80 | (c & 0x3f));
}

}  // namespace

absl::Status Verifier::CheckTable(uint32_t offset, Kinds keys, Kinds values) const {
  const HashTable* table = At<HashTable>(offset);
  const Vector* entries = Get<Vector>(table->entries);
  const Bytevector* index = Get<Bytevector>(table->index);
  const uint32_t flags = HeaderFlags(table->header);
  const uint32_t logarithm = HeaderCount(table->header);
  if (logarithm < kLeastLogarithm || logarithm > kMostLogarithm || index->length != uint32_t{4} << logarithm) {
    return Bad(offset, "index: not as long as the header says");
  }
  const uint32_t slots = uint32_t{1} << logarithm;
  const uint32_t capacity = slots / 4 * 3;
  if (entries->length != capacity * TableEntry::kWords)
    return Bad(offset, absl::StrCat("entries: should be ", capacity, " triples"));
  if (absl::Status status = CheckNumber(offset, "used", table->used, 0, capacity); !status.ok()) return status;
  const uint32_t used = static_cast<uint32_t>(table->used.fixnum());
  if (absl::Status status = CheckNumber(offset, "count", table->count, 0, used); !status.ok()) return status;
  if (absl::Status status = CheckNumber(offset, "address_keys", table->address_keys, 0, 0); !status.ok()) return status;
  if ((flags & kStringTableFlag) != 0) keys = Kind::kString;

  // Each live entry is found once in the index, where its hash says.
  const uint32_t* words = reinterpret_cast<const uint32_t*>(index->bytes);
  uint64_t probes = 64 + uint64_t{16} * slots;  // more is possible, but a table for which it takes that is no use
  uint32_t live = 0;
  for (uint32_t i = 0; i < used; ++i) {
    const TableEntry& entry = EntriesOf(entries)[i];
    if (absl::Status status = CheckNumber(offset, absl::StrCat("hash of entry ", i), entry.hash, 0, kHashMask);
        !status.ok()) {
      return status;
    }
    if (entry.deleted()) {
      if (!entry.value.IsFixnum()) return Bad(offset, absl::StrCat("value of entry ", i, ": should be none"));
      continue;
    }
    if (!keys.Has(KindOf(entry.key))) return BadSlot(offset, absl::StrCat("key ", i), entry.key, keys);
    if (!values.Has(KindOf(entry.value))) return BadSlot(offset, absl::StrCat("value ", i), entry.value, values);
    const uint32_t hash = entry.hash_bits();
    if (!HashFits(flags, entry.key, hash)) return Bad(offset, absl::StrCat("hash of entry ", i, ": not its key's"));
    if (!IsIndexed(words, slots - 1, hash, i, &probes)) {
      return Bad(offset, absl::StrCat("index: entry ", i, " is not where its hash says"));
    }
    ++live;
  }
  for (uint32_t i = TableEntry::kWords * used; i < entries->length; ++i) {
    if (!entries->items[i].IsFixnum()) return Bad(offset, "entries: something behind the last");
  }
  if (table->count != Value::Fixnum(static_cast<int32_t>(live))) {
    return Bad(offset, absl::StrCat("count: should be ", live));
  }
  uint32_t taken = 0;
  for (uint32_t i = 0; i < slots; ++i) {
    if (words[i] == 0) continue;
    ++taken;
    const uint32_t number = (words[i] & (slots - 1)) - 1;
    if (number >= used || EntriesOf(entries)[number].deleted()) {
      return Bad(offset, absl::StrCat("index: word ", i, " names no entry"));
    }
  }
  if (taken != live) return Bad(offset, "index: should name each entry once");
  if (absl::Status status = CheckPadding(table->entries.offset()); !status.ok()) {
    return status;
  }
  return absl::OkStatus();
}

// Of a key whose hash comes from no more than itself.
bool Verifier::HashFits(uint32_t flags, Value key, uint32_t hash) const {
  if (!key.IsRef()) return hash == SimpleHash(key);
  const Kind kind = KindOf(key);
  if (kind == Kind::kSymbol) return hash == (Get<Symbol>(key)->hash.bits >> 1 & kHashMask);
  constexpr Kinds kNumbers = Kind::kFlonum | Kind::kBignum | Kind::kRatnum | Kind::kCompnum | Kind::kExactCompnum;
  constexpr Kinds kByContent = kNumbers | Kind::kPair | Kind::kVector | Kind::kString | Kind::kBytevector;
  const bool by_address =
      (flags & kEqTableFlag) != 0 || !((flags & kEqvTableFlag) != 0 ? kNumbers : kByContent).Has(kind);
  return !by_address || hash == AddressHash(key.offset());
}

// ---- Symbols

absl::Status Verifier::CheckSymbols() {
  std::vector<NamedSymbol> interned;
  if (absl::Status status = CheckNames(&interned); !status.ok()) return status;
  // Those of one name have one hash, and stand beside each other once sorted by both.
  std::sort(interned.begin(), interned.end(), [this](const NamedSymbol& a, const NamedSymbol& b) {
    return a.hash != b.hash ? a.hash < b.hash : SpellingOf(a) < SpellingOf(b);
  });
  for (size_t i = 1; i < interned.size(); ++i) {
    if (interned[i - 1].hash == interned[i].hash && SpellingOf(interned[i - 1]) == SpellingOf(interned[i])) {
      return Bad(interned[i].offset, "name: another symbol has it, too");
    }
  }
  return CheckSymbolTable(interned.size());
}

// Finds the symbols that should be in the table, each of which has an immutable name, and its hash.
absl::Status Verifier::CheckNames(std::vector<NamedSymbol>* interned) {
  std::string utf8;
  for (const uint32_t offset : symbols_) {
    const Symbol* symbol = At<Symbol>(offset);
    const String* name = Get<String>(symbol->name);
    const uint32_t flags = HeaderFlags(name->header);
    if ((flags & kImmutableFlag) == 0 || (flags & kIndirectStringFlag) != 0 || !InReadOnly(symbol->name.offset())) {
      return Bad(offset, "name: should be an immutable string in the read-only space");
    }
    if ((HeaderFlags(symbol->header) & kUninternedFlag) != 0) continue;
    utf8.clear();
    for (uint32_t i = 0; i < name->length; ++i) {
      AppendUtf8((flags & kWideStringFlag) != 0 ? reinterpret_cast<const uint32_t*>(name->bytes)[i] : name->bytes[i],
                 &utf8);
    }
    const uint64_t hash = SymbolHash(absl::string_view(utf8));
    if (symbol->hash != Value::Fixnum(static_cast<int32_t>(hash & kSymbolHashMask))) {
      return Bad(offset, "hash: not that of its name");
    }
    interned->push_back({hash, offset});
  }
  return absl::OkStatus();
}

// As bytes: one for each character, or four.
absl::string_view Verifier::SpellingOf(const NamedSymbol& symbol) const {
  const String* name = Get<String>(At<Symbol>(symbol.offset)->name);
  return absl::string_view(reinterpret_cast<const char*>(name->bytes), UnpaddedSizeOf(&name->header) - sizeof(String));
}

// `symbols`: how many should be in the table, each once, where its hash says.
absl::Status Verifier::CheckSymbolTable(size_t symbols) const {
  const Value table = root(static_cast<int>(Root::kSymbolTable));
  const Vector* slots = Get<Vector>(table);
  const uint32_t length = slots->length;
  if (!std::has_single_bit(length) || length <= symbols) {
    return Bad(table.offset(), "length: should be a power of two, and more than there are symbols");
  }
  const uint32_t mask = length - 1;
  const auto is_free = [&](uint32_t i) { return slots->items[i & mask] == kFalse; };
  uint32_t first_free = 0;
  while (first_free < length && !is_free(first_free)) ++first_free;
  if (first_free == length) return Bad(table.offset(), "items: none is free");
  // From the free slot on, once around: a symbol is found if no slot is free between where its hash says and where it
  // is.
  uint32_t run_begin = 1, found = 0;
  for (uint32_t step = 1; step <= length; ++step) {
    const uint32_t i = (first_free + step) & mask;
    if (is_free(i)) {
      run_begin = step + 1;
      continue;
    }
    const Symbol* symbol = Get<Symbol>(slots->items[i]);
    if ((HeaderFlags(symbol->header) & kUninternedFlag) != 0) {
      return Bad(table.offset(), absl::StrCat("item ", i, ": a symbol that is not interned"));
    }
    const uint32_t distance = (i - static_cast<uint32_t>(symbol->hash.fixnum())) & mask;
    if (distance > step - run_begin) {
      return Bad(table.offset(), absl::StrCat("item ", i, ": not where the symbol's hash says"));
    }
    ++found;
  }
  // Twice in the table means that another is missing.
  std::vector<uint32_t> listed;
  listed.reserve(found);
  for (uint32_t i = 0; i < length; ++i) {
    if (!is_free(i)) listed.push_back(slots->items[i].offset());
  }
  std::sort(listed.begin(), listed.end());
  if (std::adjacent_find(listed.begin(), listed.end()) != listed.end() || found != symbols) {
    return Bad(table.offset(), "items: should be each interned symbol once");
  }
  return absl::OkStatus();
}

}  // namespace islet::vm
