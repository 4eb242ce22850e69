// Records, as define-record-type expands to them (R7RS 5.5). Most of these have opcodes; the
// procedures here serve computed calls and report the errors.

#include <string>

#include "isolate/runtime/arguments.h"
#include "isolate/runtime/primitives.h"

namespace islet::vm {
namespace {

// (%make-record-type name fields): a Symbol and a Vector of Symbols.
Value MakeRecordType(Vm& vm, Value* args, uint32_t) {
  constexpr const char* kWho = "%make-record-type";
  if (!CheckSymbol(vm, kWho, args, 0)) return kException;
  if (!CheckVector(vm, kWho, args, 1)) return kException;
  const Vector* fields = vm.heap().Get<Vector>(args[1]);
  if (fields->length > kMaxHeaderCount) {
    return vm.OutOfRange(kWho, 2, "has more than 65535 fields", args[1]);
  }
  for (uint32_t i = 0; i < fields->length; ++i) {
    if (!vm.heap().Is<Symbol>(fields->items[i])) {
      return vm.WrongType(kWho, 2, "a vector of symbols", args[1]);
    }
  }
  RecordType* type = vm.heap().New<RecordType>();
  type->name = args[0];
  type->fields = args[1];
  return vm.heap().ValueOf(type);
}

bool CheckType(Vm& vm, const char* who, Value* args, uint32_t i) {
  if (vm.heap().Is<RecordType>(args[i])) return true;
  vm.WrongType(who, static_cast<int>(i) + 1, "a record type", args[i]);
  return false;
}

const Vector* FieldsOf(Vm& vm, Value type) { return vm.heap().Get<Vector>(vm.heap().Get<RecordType>(type)->fields); }

// The type's name without the angle brackets that it often has.
std::string PlainName(Vm& vm, Value type) {
  std::string name = vm.SymbolName(vm.heap().Get<RecordType>(type)->name);
  if (name.size() > 2 && name.front() == '<' && name.back() == '>') {
    return name.substr(1, name.size() - 2);
  }
  return name;
}

// (%record type value ...)
Value MakeRecord(Vm& vm, Value* args, uint32_t argc) {
  if (!CheckType(vm, "%record", args, 0)) return kException;
  const uint32_t count = FieldsOf(vm, args[0])->length;
  if (argc - 1 != count) {
    return vm.Error(
        "arity", "%record",
        PlainName(vm, args[0]) + " has " + std::to_string(count) + " fields, not " + std::to_string(argc - 1));
  }
  const size_t bytes = (8 + size_t{count} * 4 + 7) & ~size_t{7};
  Record* record = static_cast<Record*>(vm.heap().NewObject(ObjectType::kRecord, bytes, 0, count));
  record->type = args[0];
  for (uint32_t i = 0; i < count; ++i) record->fields[i] = args[i + 1];
  return vm.heap().ValueOf(record);
}

bool IsOfType(Vm& vm, Value v, Value type) {
  const Record* record = vm.heap().TryGet<Record>(v);
  return record != nullptr && record->type == type;
}

// (%record? object type)
Value IsRecord(Vm& vm, Value* args, uint32_t) {
  if (!CheckType(vm, "%record?", args, 1)) return kException;
  return Value::Boolean(IsOfType(vm, args[0], args[1]));
}

// Where field args[2] of args[0], which must be a record of type args[1], stands. Null after
// raising, under the name of the accessor or modifier: `accessor`, or what it mostly is.
Value* Field(Vm& vm, const char* who, Value* args, Value accessor, const char* prefix, const char* suffix) {
  uint32_t index;
  if (!CheckType(vm, who, args, 1)) return nullptr;
  const Vector* names = FieldsOf(vm, args[1]);
  if (!CheckIndex(vm, who, args, 2, names->length, "the number of fields", &index)) return nullptr;
  if (!IsOfType(vm, args[0], args[1])) {
    const std::string type = PlainName(vm, args[1]);
    const std::string name = vm.heap().Is<Symbol>(accessor)
                                 ? vm.SymbolName(accessor)
                                 : prefix + type + "-" + vm.SymbolName(names->items[index]) + suffix;
    vm.WrongType(name, 1, "a record of type " + type, args[0]);
    return nullptr;
  }
  return vm.heap().Get<Record>(args[0])->fields + index;
}

// (%record-ref record type index [accessor's name])
Value RecordRef(Vm& vm, Value* args, uint32_t argc) {
  const Value* field = Field(vm, "%record-ref", args, argc > 3 ? args[3] : kFalse, "", "");
  return field == nullptr ? kException : *field;
}

// (%record-set! record type index value [modifier's name])
Value RecordSet(Vm& vm, Value* args, uint32_t argc) {
  Value* field = Field(vm, "%record-set!", args, argc > 4 ? args[4] : kFalse, "set-", "!");
  if (field == nullptr) return kException;
  vm.heap().Write(field, args[3]);
  return kUnspecified;
}

Value IsAnyRecord(Vm& vm, Value* args, uint32_t) { return Value::Boolean(vm.heap().Is<Record>(args[0])); }

Value IsRecordType(Vm& vm, Value* args, uint32_t) { return Value::Boolean(vm.heap().Is<RecordType>(args[0])); }

Value RecordTypeOf(Vm& vm, Value* args, uint32_t) {
  const Record* record = vm.heap().TryGet<Record>(args[0]);
  if (record == nullptr) return vm.WrongType("%record-type-of", 1, "a record", args[0]);
  return record->type;
}

Value RecordTypeName(Vm& vm, Value* args, uint32_t) {
  if (!CheckType(vm, "%record-type-name", args, 0)) return kException;
  return vm.heap().Get<RecordType>(args[0])->name;
}

Value RecordTypeFields(Vm& vm, Value* args, uint32_t) {
  if (!CheckType(vm, "%record-type-fields", args, 0)) return kException;
  return vm.heap().Get<RecordType>(args[0])->fields;
}

constexpr PrimitiveSpec kPrimitives[] = {
    {"%make-record-type", MakeRecordType, 2, 2},
    {"%record", MakeRecord, 1, -1},
    {"%record?", IsRecord, 2, 2},
    {"%record-ref", RecordRef, 3, 4},
    {"%record-set!", RecordSet, 4, 5},
    {"%any-record?", IsAnyRecord, 1, 1},
    {"%record-type?", IsRecordType, 1, 1},
    {"%record-type-of", RecordTypeOf, 1, 1},
    {"%record-type-name", RecordTypeName, 1, 1},
    {"%record-type-fields", RecordTypeFields, 1, 1},
};

}  // namespace

absl::Span<const PrimitiveSpec> RecordPrimitives() { return kPrimitives; }

}  // namespace islet::vm
