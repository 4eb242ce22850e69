// Equivalence, procedures, dynamic state, parameters and conditions (R7RS 6.1, 6.3, 6.10, 6.11).
// Procedures that call others are written in Lisp, in isolate/lib, on top of the ones with a leading % here, since a
// primitive never calls Lisp.

#include <algorithm>
#include <string>

#include "isolate/data/equality.h"
#include "isolate/heap/arity.h"
#include "isolate/heap/poll.h"
#include "isolate/interpreter/place.h"
#include "isolate/ports/grants.h"
#include "isolate/runtime/arguments.h"
#include "isolate/runtime/list_building.h"
#include "isolate/runtime/primitives.h"

namespace islet::vm {
namespace {

// ---- Equivalence and booleans

Value IsEq(Vm&, Value* args, uint32_t) { return Value::Boolean(args[0] == args[1]); }

Value IsEqv(Vm& vm, Value* args, uint32_t) { return Value::Boolean(Eqv(vm.heap(), args[0], args[1])); }

Value IsEqual(Vm& vm, Value* args, uint32_t) { return Value::Boolean(Equal(vm.heap(), args[0], args[1])); }

Value Not(Vm&, Value* args, uint32_t) { return Value::Boolean(args[0] == kFalse); }

Value IsBoolean(Vm&, Value* args, uint32_t) { return Value::Boolean(args[0].IsBoolean()); }

Value BooleanEq(Vm& vm, Value* args, uint32_t argc) {
  StepCounter steps;
  for (uint32_t i = 0; i < argc && steps.Add(1); ++i) {
    if (!args[i].IsBoolean()) {
      return vm.WrongType("boolean=?", static_cast<int>(i) + 1, "a boolean", args[i]);
    }
  }
  for (uint32_t i = 1; i < argc && steps.Add(1); ++i) {
    if (args[i] != args[0]) return kFalse;
  }
  return kTrue;
}

Value Void(Vm&, Value*, uint32_t) { return kUnspecified; }

// ---- Procedures

bool IsProcedure(Vm& vm, Value v) {
  if (v.IsPrimitive()) return true;
  if (!v.IsObject()) return false;
  switch (vm.heap().type(v)) {
    case ObjectType::kClosure:
    case ObjectType::kContinuation:
    case ObjectType::kParameter:
    case ObjectType::kHostFunction:
      return true;
    default:
      return false;
  }
}

Value IsProcedureValue(Vm& vm, Value* args, uint32_t) { return Value::Boolean(IsProcedure(vm, args[0])); }

// A symbol (or string), or #f.
Value ProcedureName(Vm& vm, Value* args, uint32_t) {
  const Value v = args[0];
  if (!IsProcedure(vm, v)) return vm.WrongType("procedure-name", 1, "a procedure", v);
  if (v.IsPrimitive()) return vm.Intern(vm.primitive(v).name);
  if (const Closure* closure = vm.heap().TryGet<Closure>(v)) {
    const Code* code = vm.heap().TryGet<Code>(closure->code);
    return code == nullptr ? kFalse : code->name;
  }
  if (const HostFunction* function = vm.heap().TryGet<HostFunction>(v)) return function->name;
  return kFalse;
}

// ---- Dynamic state: lists that only isolate/lib changes.

Value Winders(Vm& vm, Value*, uint32_t) { return vm.dynamic().winders; }
Value Handlers(Vm& vm, Value*, uint32_t) { return vm.dynamic().handlers; }
Value Parameters(Vm& vm, Value*, uint32_t) { return vm.dynamic().parameters; }

Value SetState(Vm& vm, const char* who, Value* args, Value* field) {
  if (!args[0].IsPair() && args[0] != kNull) return vm.WrongType(who, 1, "a list", args[0]);
  *field = args[0];
  return kUnspecified;
}
Value SetWinders(Vm& vm, Value* args, uint32_t) { return SetState(vm, "%set-winders!", args, &vm.dynamic().winders); }
Value SetHandlers(Vm& vm, Value* args, uint32_t) {
  return SetState(vm, "%set-handlers!", args, &vm.dynamic().handlers);
}
Value SetParameters(Vm& vm, Value* args, uint32_t) {
  return SetState(vm, "%set-parameters!", args, &vm.dynamic().parameters);
}

Value ContinuationWinders(Vm& vm, Value* args, uint32_t) {
  const Continuation* k = vm.heap().TryGet<Continuation>(args[0]);
  if (k == nullptr) return vm.WrongType("%continuation-winders", 1, "a continuation", args[0]);
  return k->winders;
}

Value IsContinuation(Vm& vm, Value* args, uint32_t) { return Value::Boolean(vm.heap().Is<Continuation>(args[0])); }

// Is it written in Lisp, and can be called with so many arguments?
bool IsClosureOf(Vm& vm, Value v, uint32_t argc) {
  const Closure* closure = vm.heap().TryGet<Closure>(v);
  if (closure == nullptr) return false;
  return Arity::Of(vm.heap().Get<Code>(closure->code)->arity).Accepts(argc);
}

// (%set-root! n procedure): n as in interpreter/vm.h. Only what the library supplies may be set. The machine calls the
// procedures with two arguments, and one that refused them would be called to raise that.
Value SetRoot(Vm& vm, Value* args, uint32_t) {
  uint32_t n;
  if (!CheckIndex(vm, "%set-root!", args, 0, static_cast<uint32_t>(Root::kCount), "the number of roots", &n)) {
    return kException;
  }
  const Root root = static_cast<Root>(n);
  const bool procedure = root == Root::kRaise || root == Root::kReroot;
  if (procedure && !IsClosureOf(vm, args[1], 2)) {
    return vm.WrongType("%set-root!", 2, "a procedure of two arguments made by lambda", args[1]);
  }
  if (root == Root::kStandardPorts) {
    const Vector* ports = vm.heap().TryGet<Vector>(args[1]);
    if (ports == nullptr || ports->length < 3) {
      return vm.WrongType("%set-root!", 2, "a vector of three parameters", args[1]);
    }
  } else if (root == Root::kTableProcedures) {
    const Vector* procedures = vm.heap().TryGet<Vector>(args[1]);
    if (procedures == nullptr || procedures->length < static_cast<uint32_t>(TableProcedure::kCount) ||
        !std::all_of(
            procedures->items, procedures->items + procedures->length,
            [&](Value v) { return vm.heap().Is<Closure>(v); })) {
      return vm.WrongType("%set-root!", 2, "a vector of procedures made by lambda", args[1]);
    }
  } else if (!procedure) {
    return vm.OutOfRange("%set-root!", 1, "names a root that the machine keeps", args[0]);
  }
  vm.set_root(root, args[1]);
  return kUnspecified;
}

// ---- Parameters

Value MakeParameter(Vm& vm, Value* args, uint32_t argc) {
  const Value converter = argc > 1 ? args[1] : kFalse;
  if (converter != kFalse && !IsProcedure(vm, converter)) {
    return vm.WrongType("make-parameter", 2, "a procedure", converter);
  }
  Parameter* parameter = vm.heap().New<Parameter>();
  parameter->value = args[0];
  parameter->converter = converter;
  parameter->unused = kFalse;
  return vm.heap().ValueOf(parameter);
}

Value IsParameter(Vm& vm, Value* args, uint32_t) { return Value::Boolean(vm.heap().Is<Parameter>(args[0])); }

Value ParameterConverter(Vm& vm, Value* args, uint32_t) {
  const Parameter* parameter = vm.heap().TryGet<Parameter>(args[0]);
  if (parameter == nullptr) {
    return vm.WrongType("%parameter-converter", 1, "a parameter", args[0]);
  }
  return parameter->converter;
}

// Changes the parameter's own value, which holds where no parameterize does.
Value ParameterSet(Vm& vm, Value* args, uint32_t) {
  Parameter* parameter = vm.heap().TryGet<Parameter>(args[0]);
  if (parameter == nullptr) return vm.WrongType("%parameter-set!", 1, "a parameter", args[0]);
  vm.heap().Write(&parameter->value, args[1]);
  return kUnspecified;
}

// ---- Raising

Value Raise(Vm& vm, Value* args, uint32_t) { return vm.Raise(args[0]); }
Value RaiseContinuable(Vm& vm, Value* args, uint32_t) { return vm.Raise(args[0], true); }

Value ListOfArgs(const PairMaker& pairs, Value* args, uint32_t first, uint32_t argc) {
  Value list = kNull;
  StepCounter steps;
  for (uint32_t i = argc; i > first && steps.Add(1); --i) list = pairs.Cons(args[i - 1], list);
  return list;
}

// The text of a symbol or string; "" for anything else.
std::string NameText(Vm& vm, Value v) {
  if (vm.heap().Is<Symbol>(v)) return vm.SymbolName(v);
  if (vm.heap().Is<String>(v)) return ToUtf8(vm.heap(), v);
  return std::string();
}

// R7RS: (error message irritant ...). Also (error 'who message irritant ...), as older programs
// have it. A first argument of any other type becomes an irritant.
Value Error(Vm& vm, Value* args, uint32_t argc) {
  PairMaker pairs(vm.heap());
  if (!pairs.Reserve(vm, "error", argc)) return kException;
  Heap& heap = vm.heap();
  if (heap.Is<String>(args[0])) {
    return vm.Error("error", "", NameText(vm, args[0]), ListOfArgs(pairs, args, 1, argc));
  }
  if (heap.Is<Symbol>(args[0]) && argc > 1 && heap.Is<String>(args[1])) {
    return vm.Error("error", vm.SymbolName(args[0]), NameText(vm, args[1]), ListOfArgs(pairs, args, 2, argc));
  }
  if (heap.Is<Symbol>(args[0])) {
    return vm.Error("error", "", vm.SymbolName(args[0]), ListOfArgs(pairs, args, 1, argc));
  }
  return vm.Error("error", "", "error", ListOfArgs(pairs, args, 0, argc));
}

// ---- Conditions

bool IsKind(Vm& vm, Value v, const char* kind) {
  const Condition* condition = vm.heap().TryGet<Condition>(v);
  return condition != nullptr && vm.SymbolName(condition->kind) == kind;
}

// (%make-condition kind who message irritants)
Value MakeCondition(Vm& vm, Value* args, uint32_t) {
  constexpr const char* kWho = "%make-condition";
  if (!CheckSymbol(vm, kWho, args, 0)) return kException;
  if (!CheckString(vm, kWho, args, 2)) return kException;
  uint32_t count;
  if (!CheckList(vm, kWho, args, 3, &count)) return kException;
  return vm.MakeCondition(vm.SymbolName(args[0]), NameText(vm, args[1]), NameText(vm, args[2]), args[3]);
}

// (raise-host kind code message irritant ...): a failure of the host's own kind, as its functions raise them. Numbers
// below are those of Islet's own, which no program can pass for.
Value RaiseHost(Vm& vm, Value* args, uint32_t argc) {
  constexpr const char* kWho = "raise-host";
  Heap& heap = vm.heap();
  if (!CheckSymbol(vm, kWho, args, 0)) return kException;
  if (!args[1].IsFixnum() || args[1].fixnum() < kFirstHostCode) {
    return vm.WrongType(kWho, 2, "a code of the host's own, an exact integer from 1000 to 1073741823", args[1]);
  }
  if (!CheckString(vm, kWho, args, 2)) return kException;
  const uint64_t bytes = uint64_t{argc} * sizeof(Pair) + StringBytes(StringLength(heap, args[2]), true);
  if (bytes > kNeedsNoReserve && !ReserveFor(vm, kWho, bytes)) return kException;
  Value irritants = kNull;
  for (uint32_t i = argc; i > 3; --i) irritants = heap.Cons(args[i - 1], irritants);
  const Value condition = vm.MakeCondition("host", "", NameText(vm, args[2]), irritants);
  const Value payload = heap.MakeVector(1, args[1]);
  heap.Get<Condition>(condition)->kind = args[0];
  heap.Get<Condition>(condition)->payload = payload;
  return vm.Raise(condition);
}

Value IsCondition(Vm& vm, Value* args, uint32_t) { return Value::Boolean(vm.heap().Is<Condition>(args[0])); }

Value IsFileError(Vm& vm, Value* args, uint32_t) {
  return Value::Boolean(IsKind(vm, args[0], "file") || IsFilePermissionCondition(vm, args[0]));
}

Value IsReadError(Vm& vm, Value* args, uint32_t) { return Value::Boolean(IsKind(vm, args[0], "read")); }

template <Value Condition::* kField>
Value ConditionField(Vm& vm, const char* who, Value* args) {
  const Condition* condition = vm.heap().TryGet<Condition>(args[0]);
  if (condition == nullptr) return vm.WrongType(who, 1, "an error object", args[0]);
  return condition->*kField;
}

Value ErrorMessage(Vm& vm, Value* args, uint32_t) {
  return ConditionField<&Condition::message>(vm, "error-object-message", args);
}
Value ErrorIrritants(Vm& vm, Value* args, uint32_t) {
  return ConditionField<&Condition::irritants>(vm, "error-object-irritants", args);
}
Value ConditionKind(Vm& vm, Value* args, uint32_t) {
  return ConditionField<&Condition::kind>(vm, "%condition-kind", args);
}
// Of any object that was raised: so a clause of `guard` may ask first.
Value KindOfRaised(Vm& vm, Value* args, uint32_t) {
  const Condition* condition = vm.heap().TryGet<Condition>(args[0]);
  return condition == nullptr ? kFalse : condition->kind;
}
Value CodeOfRaised(Vm& vm, Value* args, uint32_t) {
  const int code = HostCodeOf(vm.heap(), args[0]);
  return code == 0 ? kFalse : Value::Fixnum(code);
}
Value ConditionWho(Vm& vm, Value* args, uint32_t) {
  return ConditionField<&Condition::who>(vm, "%condition-who", args);
}
// As messages tell it, or #f.
Value ConditionPosition(Vm& vm, Value* args, uint32_t) {
  const Value position = ConditionField<&Condition::position>(vm, "%condition-position", args);
  const Place place = PlaceFromValue(vm.heap(), position);
  return place.known() ? MakeString(vm.heap(), place.ToString()) : position == kException ? position : kFalse;
}

constexpr PrimitiveSpec kPrimitives[] = {
    {"eq?", IsEq, 2, 2},
    {"eqv?", Interruptible<IsEqv>, 2, 2},
    {"equal?", Interruptible<IsEqual>, 2, 2},
    {"not", Not, 1, 1},
    {"boolean?", IsBoolean, 1, 1},
    {"boolean=?", Interruptible<BooleanEq>, 1, -1},
    {"void", Void, 0, -1},
    {"procedure?", IsProcedureValue, 1, 1},
    {"procedure-name", ProcedureName, 1, 1},
    {"%winders", Winders, 0, 0},
    {"%set-winders!", SetWinders, 1, 1},
    {"%handlers", Handlers, 0, 0},
    {"%set-handlers!", SetHandlers, 1, 1},
    {"%parameters", Parameters, 0, 0},
    {"%set-parameters!", SetParameters, 1, 1},
    {"%continuation?", IsContinuation, 1, 1},
    {"%continuation-winders", ContinuationWinders, 1, 1},
    {"%set-root!", SetRoot, 2, 2},
    {"%make-parameter", MakeParameter, 1, 2},
    {"%parameter?", IsParameter, 1, 1},
    {"%parameter-converter", ParameterConverter, 1, 1},
    {"%parameter-set!", ParameterSet, 2, 2},
    {"raise", Raise, 1, 1},
    {"raise-continuable", RaiseContinuable, 1, 1},
    {"error", Error, 1, -1},
    {"error-object?", IsCondition, 1, 1},
    {"error-object-message", ErrorMessage, 1, 1},
    {"error-object-irritants", ErrorIrritants, 1, 1},
    {"file-error?", IsFileError, 1, 1},
    {"read-error?", IsReadError, 1, 1},
    {"%make-condition", MakeCondition, 4, 4},
    {"condition-kind", KindOfRaised, 1, 1},
    {"condition-code", CodeOfRaised, 1, 1},
    {"raise-host", Interruptible<RaiseHost>, 3, -1},
    {"%condition-kind", ConditionKind, 1, 1},
    {"%condition-who", ConditionWho, 1, 1},
    {"%condition-position", ConditionPosition, 1, 1},
};

}  // namespace

absl::Span<const PrimitiveSpec> ControlPrimitives() { return kPrimitives; }

}  // namespace islet::vm
