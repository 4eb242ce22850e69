// Each slot must hold a value of the kinds listed here, and each object be in a space that fits it.

#include <cstring>
#include <iterator>
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

// A fixed slot: its name, what it may hold. Those of a type stand in the order of the slots.
struct SlotRule {
  const char* field;
  Kinds kinds;
};

constexpr SlotRule kSymbolSlots[] = {{"hash", Kind::kFixnum}, {"name", Kind::kString}, {"unused", kZero}};
constexpr SlotRule kRatnumSlots[] = {{"numerator", kExactInteger}, {"denominator", kExactInteger}, {"unused", kZero}};
constexpr SlotRule kExactCompnumSlots[] = {
    {"real part", kExactReal}, {"imaginary part", kExactReal}, {"unused", kZero}};
constexpr SlotRule kCodeSlots[] = {{"name", Kind::kSymbol | kMaybeText},
                                   {"arity", Kind::kFixnum},
                                   {"frame_size", Kind::kFixnum},
                                   {"positions", Kind::kBytevector | Kind::kFalse},
                                   {"file", kMaybeText},
                                   {"unused", kZero}};
constexpr SlotRule kCellSlots[] = {
    {"value", kAnything | Kind::kUndefined}, {"name", Kind::kSymbol}, {"home", Kind::kEnvironment | Kind::kFixnum}};
constexpr SlotRule kBoxSlots[] = {{"value", kAnything | Kind::kUndefined}};
constexpr SlotRule kRecordTypeSlots[] = {{"name", Kind::kSymbol}, {"fields", Kind::kVector}, {"unused", kZero}};
constexpr SlotRule kHashTableSlots[] = {
    {"entries", Kind::kEntries},     {"index", Kind::kIndex}, {"count", Kind::kFixnum}, {"used", Kind::kFixnum},
    {"address_keys", Kind::kFixnum}, {"equal", kAnything},    {"hash", kAnything}};
constexpr SlotRule kParameterSlots[] = {{"value", kAnything}, {"converter", kAnything}, {"unused", kZero}};
constexpr SlotRule kPortSlots[] = {{"handle", Kind::kFixnum}, {"buffer", kAnything}, {"position", Kind::kFixnum},
                                   {"limit", Kind::kFixnum},  {"name", kAnything},   {"line", Kind::kFixnum},
                                   {"column", Kind::kFixnum}};
constexpr SlotRule kHostFunctionSlots[] = {{"index", Kind::kFixnum}, {"name", Kind::kSymbol}, {"arity", Kind::kFixnum}};
constexpr SlotRule kEnvironmentSlots[] = {
    {"bindings", Kind::kBindings}, {"name", kAnything}, {"exports", Kind::kBindings | Kind::kFalse}};
constexpr SlotRule kMacroSlots[] = {{"kind", Kind::kFixnum}, {"spec", kAnything}, {"environment", Kind::kEnvironment}};
constexpr SlotRule kIdentifierSlots[] = {
    {"name", Kind::kSymbol | Kind::kIdentifier}, {"environment", Kind::kEnvironment}, {"index", Kind::kFixnum}};
constexpr SlotRule kConditionSlots[] = {{"kind", kAnything},      {"who", kAnything},       {"message", kAnything},
                                        {"irritants", kAnything}, {"backtrace", kAnything}, {"position", kAnything},
                                        {"payload", kAnything}};

// The rules of a type, of which there is one for each fixed slot.
template <ObjectType kType, const auto& kRules>
absl::Span<const SlotRule> Rules() {
  constexpr ObjectShape kShape = ShapeOf(kType);
  static_assert(std::size(kRules) == kShape.words - kShape.first_slot, "as many as object_types.def has slots");
  return kRules;
}

absl::Span<const SlotRule> RulesOf(Kind kind) {
  switch (kind) {
    case Kind::kSymbol:
      return Rules<ObjectType::kSymbol, kSymbolSlots>();
    case Kind::kRatnum:
      return Rules<ObjectType::kRatnum, kRatnumSlots>();
    case Kind::kExactCompnum:
      return Rules<ObjectType::kExactCompnum, kExactCompnumSlots>();
    case Kind::kCode:
    case Kind::kReturnStubs:
      return Rules<ObjectType::kCode, kCodeSlots>();
    case Kind::kCell:
      return Rules<ObjectType::kCell, kCellSlots>();
    case Kind::kBox:
      return Rules<ObjectType::kBox, kBoxSlots>();
    case Kind::kRecordType:
      return Rules<ObjectType::kRecordType, kRecordTypeSlots>();
    case Kind::kHashTable:
    case Kind::kBindings:
    case Kind::kLibraries:
      return Rules<ObjectType::kHashTable, kHashTableSlots>();
    case Kind::kParameter:
      return Rules<ObjectType::kParameter, kParameterSlots>();
    case Kind::kPort:
      return Rules<ObjectType::kPort, kPortSlots>();
    case Kind::kHostFunction:
      return Rules<ObjectType::kHostFunction, kHostFunctionSlots>();
    case Kind::kEnvironment:
      return Rules<ObjectType::kEnvironment, kEnvironmentSlots>();
    case Kind::kMacro:
      return Rules<ObjectType::kMacro, kMacroSlots>();
    case Kind::kIdentifier:
      return Rules<ObjectType::kIdentifier, kIdentifierSlots>();
    case Kind::kCondition:
      return Rules<ObjectType::kCondition, kConditionSlots>();
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
    case Kind::kHostObject:
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
  const uint8_t* object = At<uint8_t>(offset);
  for (size_t i = used; i % kObjectAlignment != 0; ++i) {
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
  const Value* slot = slots + ShapeOf(HeaderType(slots[0].bits)).first_slot;
  for (const SlotRule& rule : RulesOf(kind)) {
    if (absl::Status status = Expect(offset, rule.field, *slot++, rule.kinds); !status.ok()) return status;
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
      return CheckPadding(offset);
    }
    case Kind::kSymbolTable:
      return CheckRange(offset, "item", slots + 2, slots + 2 + length, Kind::kSymbol | Kind::kFalse);
    case Kind::kString:
      return CheckString(offset);
    case Kind::kBytevector:
    case Kind::kCharacters:
      return CheckPadding(offset);
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
      return CheckPadding(offset);
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
  if (absl::Status status = CheckPadding(offset); !status.ok() || (flags & kWideStringFlag) == 0) return status;
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
  return CheckPadding(offset);
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
  const UnverifiedImage::External& external = image_.externals[static_cast<size_t>(function->index.fixnum())];
  if (function->arity != Value::Fixnum(static_cast<int32_t>(external.arity))) {
    return Bad(offset, "arity: not that of the external reference");
  }
  const bool predicate = (HeaderFlags(function->header) & kTypePredicateFlag) != 0;
  if (predicate != external.predicate) return Bad(offset, "flags: not the kind of the external reference");
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
