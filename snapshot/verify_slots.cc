// Each slot must hold a value of the kinds listed here, and each object be in a space that fits it.

#include <cstring>
#include <unordered_map>

#include "absl/strings/str_cat.h"
#include "isolate/data/string.h"
#include "isolate/heap/port_handle.h"
#include "isolate/interpreter/vm.h"
#include "snapshot/verifier.h"

namespace islet::vm {
namespace {

constexpr Kinds kExactInteger = Kind::kFixnum | Kind::kBignum;
constexpr Kinds kMaybeText = Kind::kFalse | Kind::kString;
constexpr Kinds kZero = Kind::kFixnum | Kind::kFalse;  // of fields without a use

// A fixed slot: its word, its name, what it may hold.
struct SlotRule {
  size_t word;
  const char* field;
  Kinds kinds;
};

constexpr SlotRule kSymbolSlots[] = {{1, "hash", Kind::kFixnum}, {2, "name", Kind::kString}, {3, "unused", kZero}};
constexpr SlotRule kRatnumSlots[] = {
    {1, "numerator", kExactInteger}, {2, "denominator", kExactInteger}, {3, "unused", kZero}};
constexpr SlotRule kExactCompnumSlots[] = {
    {1, "real part", kExactReal}, {2, "imaginary part", kExactReal}, {3, "unused", kZero}};
constexpr SlotRule kCodeSlots[] = {{4, "name", Kind::kSymbol | kMaybeText},
                                   {5, "arity", Kind::kFixnum},
                                   {6, "frame_size", Kind::kFixnum},
                                   {7, "positions", Kind::kBytevector | Kind::kFalse},
                                   {8, "file", kMaybeText},
                                   {9, "unused", kZero}};
constexpr SlotRule kCellSlots[] = {{1, "value", kAnything | Kind::kUndefined},
                                   {2, "name", Kind::kSymbol},
                                   {3, "home", Kind::kEnvironment | Kind::kFixnum}};
constexpr SlotRule kBoxSlots[] = {{1, "value", kAnything | Kind::kUndefined}};
constexpr SlotRule kRecordTypeSlots[] = {
    {1, "name", Kind::kSymbol}, {2, "fields", Kind::kVector}, {3, "unused", kZero}};
constexpr SlotRule kHashTableSlots[] = {
    {1, "entries", Kind::kEntries}, {2, "index", Kind::kIndex}, {3, "count", Kind::kFixnum}, {4, "used", Kind::kFixnum},
    {5, "epoch", Kind::kFixnum},    {6, "equal", kAnything},    {7, "hash", kAnything}};
constexpr SlotRule kParameterSlots[] = {{1, "value", kAnything}, {2, "converter", kAnything}, {3, "unused", kZero}};
constexpr SlotRule kPortSlots[] = {{1, "handle", Kind::kFixnum},   {2, "buffer", kAnything},
                                   {3, "position", Kind::kFixnum}, {4, "limit", Kind::kFixnum},
                                   {5, "name", kAnything},         {6, "line", Kind::kFixnum},
                                   {7, "column", Kind::kFixnum}};
constexpr SlotRule kHostFunctionSlots[] = {
    {1, "index", Kind::kFixnum}, {2, "name", Kind::kSymbol}, {3, "arity", Kind::kFixnum}};
constexpr SlotRule kEnvironmentSlots[] = {
    {1, "bindings", Kind::kBindings}, {2, "name", kAnything}, {3, "exports", Kind::kBindings | Kind::kFalse}};
constexpr SlotRule kMacroSlots[] = {
    {1, "kind", Kind::kFixnum}, {2, "spec", kAnything}, {3, "environment", Kind::kEnvironment}};
constexpr SlotRule kIdentifierSlots[] = {{1, "name", Kind::kSymbol | Kind::kIdentifier},
                                         {2, "environment", Kind::kEnvironment},
                                         {3, "index", Kind::kFixnum}};
constexpr SlotRule kConditionSlots[] = {
    {1, "kind", kAnything},      {2, "who", kAnything},      {3, "message", kAnything}, {4, "irritants", kAnything},
    {5, "backtrace", kAnything}, {6, "position", kAnything}, {7, "payload", kAnything}};

absl::Span<const SlotRule> RulesOf(Kind kind) {
  switch (kind) {
    case Kind::kSymbol:
      return kSymbolSlots;
    case Kind::kRatnum:
      return kRatnumSlots;
    case Kind::kExactCompnum:
      return kExactCompnumSlots;
    case Kind::kCode:
    case Kind::kReturnStubs:
      return kCodeSlots;
    case Kind::kCell:
      return kCellSlots;
    case Kind::kBox:
      return kBoxSlots;
    case Kind::kRecordType:
      return kRecordTypeSlots;
    case Kind::kHashTable:
    case Kind::kBindings:
    case Kind::kLibraries:
      return kHashTableSlots;
    case Kind::kParameter:
      return kParameterSlots;
    case Kind::kPort:
      return kPortSlots;
    case Kind::kHostFunction:
      return kHostFunctionSlots;
    case Kind::kEnvironment:
      return kEnvironmentSlots;
    case Kind::kMacro:
      return kMacroSlots;
    case Kind::kIdentifier:
      return kIdentifierSlots;
    case Kind::kCondition:
      return kConditionSlots;
    // No slots, or as many as the object says: see CheckSlotsOf. All others are listed, so that the compiler tells
    // whose rules are missing.
    case Kind::kNothing:
    case Kind::kVector:
    case Kind::kString:
    case Kind::kBytevector:
    case Kind::kBignum:
    case Kind::kCompnum:
    case Kind::kClosure:
    case Kind::kRecord:
    case Kind::kContinuation:
    case Kind::kStackChunk:
    case Kind::kPair:
    case Kind::kFlonum:
    case Kind::kSymbolTable:
    case Kind::kEntries:
    case Kind::kIndex:
    case Kind::kCharacters:
    case Kind::kHostFunctions:
    // No objects.
    case Kind::kFixnum:
    case Kind::kChar:
    case Kind::kPrimitive:
    case Kind::kSyntax:
    case Kind::kFalse:
    case Kind::kTrue:
    case Kind::kNull:
    case Kind::kUnspecified:
    case Kind::kEof:
    case Kind::kUndefined:
    case Kind::kDefault:
    case Kind::kDeleted:
      break;
  }
  return {};
}

bool IsScalar(uint32_t c) { return c < 0xd800 || (c >= 0xe000 && c < 0x110000); }

}  // namespace

absl::Status Verifier::CheckSlots() {
  if (absl::Status status = ForEachObject([this](uint32_t offset, Kind kind) { return CheckSlotsOf(offset, kind); });
      !status.ok()) {
    return status;
  }
  return CheckIdentifiers();
}

absl::Status Verifier::CheckRange(uint32_t offset, absl::string_view field, const Value* begin, const Value* end,
                                  Kinds expected) const {
  for (const Value* slot = begin; slot != end; ++slot) {
    if (__builtin_expect(!expected.Has(KindOf(*slot)), 0)) {
      return BadSlot(offset, absl::StrCat(field, " ", slot - begin), *slot, expected);
    }
  }
  return absl::OkStatus();
}

absl::Status Verifier::CheckPadding(uint32_t offset, size_t used) const {
  const uint8_t* object = image_.image + offset;
  for (size_t i = used; i % 8 != 0; ++i) {
    if (object[i] != 0) return Bad(offset, "padding: should be zero");
  }
  return absl::OkStatus();
}

absl::Status Verifier::CheckNumber(uint32_t offset, absl::string_view field, Value v, int64_t least,
                                   int64_t most) const {
  if (v.IsFixnum() && v.fixnum() >= least && v.fixnum() <= most) return absl::OkStatus();
  return Bad(offset, absl::StrCat(field, ": should be a fixnum from ", least, " to ", most, ", is ", Describe(v)));
}

// Objects that may be written must be in pages that can be written, and code in others.
absl::Status Verifier::CheckPlace(uint32_t offset, Kind kind) const {
  const bool read_only = InReadOnly(offset);
  const uint32_t flags = HeaderFlags(*At<uint32_t>(offset));
  switch (kind) {
    case Kind::kVector:
    case Kind::kString:
    case Kind::kBytevector:
      if (read_only && (flags & kImmutableFlag) == 0)
        return Bad(offset, "can be changed, but is in the read-only space");
      break;
    case Kind::kCell: {
      const bool constant = (flags & kConstantCellFlag) != 0 && At<struct Cell>(offset)->value != kUndefined;
      if (read_only && !constant) return Bad(offset, "can be assigned, but is in the read-only space");
      break;
    }
    case Kind::kBox:
    case Kind::kRecord:
    case Kind::kHashTable:
    case Kind::kBindings:
    case Kind::kLibraries:
    case Kind::kEntries:
    case Kind::kIndex:
    case Kind::kParameter:
    case Kind::kPort:
      if (read_only) return Bad(offset, "can be changed, but is in the read-only space");
      break;
    case Kind::kSymbol:
    case Kind::kSymbolTable:
    case Kind::kCode:
    case Kind::kReturnStubs:
      if (!read_only) return Bad(offset, "should be in the read-only space");
      break;
    default:
      break;
  }
  return absl::OkStatus();
}

absl::Status Verifier::CheckSlotsOf(uint32_t offset, Kind kind) {
  if (kind == Kind::kPair) {
    const Pair* pair = At<Pair>(offset);
    if (absl::Status status = Expect(offset, "car", pair->car, kAnything); !status.ok()) return status;
    return Expect(offset, "cdr", pair->cdr, kAnything);
  }
  if (kind == Kind::kFlonum) return absl::OkStatus();
  if (absl::Status status = CheckPlace(offset, kind); !status.ok()) return status;
  const Value* slots = At<Value>(offset);
  for (const SlotRule& rule : RulesOf(kind)) {
    if (absl::Status status = Expect(offset, rule.field, slots[rule.word], rule.kinds); !status.ok()) return status;
  }
  const uint32_t length = slots[1].bits;
  const uint32_t count = HeaderCount(slots[0].bits);
  switch (kind) {
    case Kind::kVector:
    case Kind::kHostFunctions: {
      const Kinds items = kind == Kind::kVector ? kAnything : Kinds(Kind::kHostFunction);
      if (absl::Status status = CheckRange(offset, "item", slots + 2, slots + 2 + length, items); !status.ok()) {
        return status;
      }
      return CheckPadding(offset, 8 + size_t{4} * length);
    }
    case Kind::kSymbolTable:
      return CheckRange(offset, "item", slots + 2, slots + 2 + length, Kind::kSymbol | Kind::kFalse);
    case Kind::kString:
      return CheckString(offset);
    case Kind::kBytevector:
    case Kind::kCharacters:
      return CheckPadding(offset, 8 + size_t{length});
    case Kind::kSymbol:
      return CheckNumber(offset, "hash", slots[1], 0, (1 << 30) - 1);
    case Kind::kBignum:
      return CheckBignum(offset);
    case Kind::kRatnum:
      return CheckRatnum(offset);
    case Kind::kCompnum:
      return length == 0 ? absl::OkStatus() : Bad(offset, "unused: should be zero");
    case Kind::kExactCompnum:
      return slots[2] != Value::Fixnum(0) ? absl::OkStatus() : Bad(offset, "imaginary part: should not be 0");
    case Kind::kClosure: {
      if (absl::Status status = Expect(offset, "code", slots[1], Kind::kCode); !status.ok()) return status;
      // Which of them must be boxes is known when all code has been seen.
      if (absl::Status status =
              CheckRange(offset, "free variable", slots + 2, slots + 2 + count, kAnything | Kind::kBox);
          !status.ok()) {
        return status;
      }
      return CheckPadding(offset, 8 + size_t{4} * count);
    }
    case Kind::kRecord:
      return CheckRecord(offset);
    case Kind::kRecordType: {
      const Vector* fields = Get<Vector>(slots[2]);
      if (fields->length > kMaxHeaderCount) return Bad(offset, "fields: too many");
      return CheckRange(offset, "name of field", fields->items, fields->items + fields->length, Kind::kSymbol);
    }
    case Kind::kCode:
    case Kind::kReturnStubs:
      return CheckCodeAt(offset);
    case Kind::kHashTable:
      return CheckTable(offset, kAnything, kAnything);
    case Kind::kBindings:
      return CheckTable(offset, Kind::kSymbol, Kind::kCell | Kind::kMacro | Kind::kSyntax);
    case Kind::kLibraries:
      return CheckTable(offset, kAnything, Kind::kEnvironment);
    case Kind::kPort:
      return CheckPort(offset);
    case Kind::kHostFunction:
      return CheckHostFunction(offset);
    case Kind::kMacro:
      return CheckNumber(offset, "kind", slots[1], 0, 1);
    default:
      return absl::OkStatus();
  }
}

// ---- Objects with more to them than kinds

absl::Status Verifier::CheckCharacters(uint32_t offset, const uint32_t* characters, uint32_t count) const {
  for (uint32_t i = 0; i < count; ++i) {
    if (!IsScalar(characters[i])) {
      return Bad(offset, absl::StrCat("character ", i, ": 0x", absl::Hex(characters[i]), " is none"));
    }
  }
  return absl::OkStatus();
}

absl::Status Verifier::CheckString(uint32_t offset) const {
  const String* string = At<String>(offset);
  const uint32_t flags = HeaderFlags(string->header);
  if ((flags & kIndirectStringFlag) != 0) {
    const Value target = *reinterpret_cast<const Value*>(string->bytes);
    if (absl::Status status = Expect(offset, "characters", target, Kind::kCharacters); !status.ok()) return status;
    const Bytevector* characters = Get<Bytevector>(target);
    if (characters->length / 4 < string->length) return Bad(offset, "length: more than it has characters");
    const bool immutable = (flags & kImmutableFlag) != 0;
    if (!immutable && InReadOnly(target.offset()))
      return Bad(offset, "can be changed, but its characters are read-only");
    return CheckCharacters(offset, reinterpret_cast<const uint32_t*>(characters->bytes), string->length);
  }
  if ((flags & kWideStringFlag) == 0) return CheckPadding(offset, 8 + size_t{string->length});
  if (absl::Status status = CheckPadding(offset, 8 + size_t{string->length} * 4); !status.ok()) return status;
  return CheckCharacters(offset, reinterpret_cast<const uint32_t*>(string->bytes), string->length);
}

absl::Status Verifier::CheckBignum(uint32_t offset) const {
  const Bignum* n = At<Bignum>(offset);
  if (n->length == 0) return Bad(offset, "length: should not be 0");
  if (n->limbs[n->length - 1] == 0) return Bad(offset, "limbs: the last should not be 0");
  const uint64_t most = Value::kFixnumMax + uint64_t{HeaderFlags(n->header) & kNegativeFlag};
  if (n->length == 1 && n->limbs[0] <= most) return Bad(offset, "limbs: the number should be a fixnum");
  return absl::OkStatus();
}

absl::Status Verifier::CheckRatnum(uint32_t offset) const {
  const Ratnum* n = At<Ratnum>(offset);
  if (n->numerator == Value::Fixnum(0)) return Bad(offset, "numerator: should not be 0");
  const bool positive = n->denominator.IsFixnum()
                            ? n->denominator.fixnum() > 1
                            : (HeaderFlags(Get<Bignum>(n->denominator)->header) & kNegativeFlag) == 0;
  return positive ? absl::OkStatus() : Bad(offset, "denominator: should be above 1");
}

absl::Status Verifier::CheckRecord(uint32_t offset) const {
  const Record* record = At<Record>(offset);
  const uint32_t count = HeaderCount(record->header);
  if (absl::Status status = Expect(offset, "type", record->type, Kind::kRecordType); !status.ok()) return status;
  const Value fields = Get<RecordType>(record->type)->fields;
  if (KindOf(fields) != Kind::kVector || Get<Vector>(fields)->length != count) {
    return Bad(offset, absl::StrCat("count: ", count, " fields, but its type has another number"));
  }
  if (absl::Status status = CheckRange(offset, "field", record->fields, record->fields + count, kAnything);
      !status.ok()) {
    return status;
  }
  return CheckPadding(offset, 8 + size_t{4} * count);
}

absl::Status Verifier::CheckPort(uint32_t offset) const {
  const Port* port = At<Port>(offset);
  if (absl::Status status = CheckNumber(offset, "handle", port->handle, PortHandle::kLast, -1); !status.ok())
    return status;
  const uint32_t direction = HeaderFlags(port->header) & (kInputPortFlag | kOutputPortFlag);
  const PortHandle handle = HandleOf(*port);
  if (handle.IsStandard() &&
      direction != (handle.standard() == StandardPort::kInput ? kInputPortFlag : kOutputPortFlag)) {
    return Bad(offset, "flags: not those of this standard port");
  }
  int64_t length = 0;
  if (KindOf(port->buffer) == Kind::kBytevector) {
    length = Get<Bytevector>(port->buffer)->length;
    // An output port's is written to.
    if ((HeaderFlags(port->header) & kOutputPortFlag) != 0 && InReadOnly(port->buffer.offset())) {
      return Bad(offset, "buffer: is read-only");
    }
  }
  if (absl::Status status = CheckNumber(offset, "position", port->position, 0, length); !status.ok()) return status;
  if (absl::Status status = CheckNumber(offset, "limit", port->limit, 0, length); !status.ok()) return status;
  if (absl::Status status = CheckNumber(offset, "line", port->line, 0, Value::kFixnumMax); !status.ok()) return status;
  return CheckNumber(offset, "column", port->column, 0, Value::kFixnumMax);
}

absl::Status Verifier::CheckHostFunction(uint32_t offset) const {
  const HostFunction* function = At<HostFunction>(offset);
  const int64_t most = static_cast<int64_t>(image_.externals.size()) - 1;
  if (absl::Status status = CheckNumber(offset, "index", function->index, 0, most); !status.ok()) return status;
  const uint32_t arity = image_.externals[static_cast<size_t>(function->index.fixnum())];
  if (function->arity != Value::Fixnum(static_cast<int32_t>(arity))) {
    return Bad(offset, "arity: not that of the external reference");
  }
  return absl::OkStatus();
}

// The names of identifiers lead to symbols in the end.
absl::Status Verifier::CheckIdentifiers() {
  std::unordered_map<uint32_t, uint32_t> seen;  // offsets, and from which of them it was reached
  for (const uint32_t first : identifiers_) {
    for (uint32_t offset = first;;) {
      const auto [found, is_new] = seen.emplace(offset, first);
      if (!is_new && found->second == first) return Bad(offset, "name: leads back to itself");
      const Value name = At<Identifier>(offset)->name;
      if (!is_new || KindOf(name) != Kind::kIdentifier) break;
      offset = name.offset();
    }
  }
  return absl::OkStatus();
}

}  // namespace islet::vm
