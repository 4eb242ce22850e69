// Procedures behind eval, load and environment (R7RS 6.12), which the evaluator implements; uncaught exceptions; and
// host functions.

#include <string>

#include "isolate/heap/arity.h"
#include "isolate/heap/heap.h"
#include "isolate/interpreter/embedder.h"
#include "isolate/interpreter/vm.h"
#include "isolate/runtime/arguments.h"
#include "isolate/runtime/primitives.h"

namespace islet::vm {

namespace {

Value NoEvaluator(Vm& vm, const char* who) { return vm.Error("error", who, "evaluation is not available here"); }

bool CheckEnvironment(Vm& vm, const char* who, Value* args, int i) {
  if (vm.heap().Is<Environment>(args[i])) return true;
  vm.WrongType(who, i + 1, "an environment", args[i]);
  return false;
}

// (%compile expression environment): a procedure of no arguments.
Value CompileExpression(Vm& vm, Value* args, uint32_t) {
  if (!CheckEnvironment(vm, "eval", args, 1)) return kException;
  if (vm.embedder() == nullptr) return NoEvaluator(vm, "eval");
  return vm.embedder()->CompileDatum(args[0], args[1]);
}

Value LoadFile(Vm& vm, Value* args, uint32_t) {
  if (!CheckString(vm, "load", args, 0)) return kException;
  if (!CheckEnvironment(vm, "load", args, 1)) return kException;
  if (vm.embedder() == nullptr) return NoEvaluator(vm, "load");
  return vm.embedder()->LoadFile(args[0], args[1]);
}

// (%environment import-set ...)
Value MakeEnvironmentOf(Vm& vm, Value* args, uint32_t argc) {
  if (vm.embedder() == nullptr) return NoEvaluator(vm, "environment");
  Value sets = kNull;
  for (uint32_t i = argc; i > 0; --i) sets = vm.heap().Cons(args[i - 1], sets);
  return vm.embedder()->ImportAll(sets);
}

Value InteractionEnvironment(Vm& vm, Value*, uint32_t) { return vm.root(Root::kInteraction); }

Value UncaughtObject(Vm& vm, Value* args, uint32_t) { return vm.Uncaught(args[0]); }

// Equals HostFunctions::kMostArguments (islet/host_functions.h), which this layer does not see.
constexpr int32_t kMostDeclaredArguments = 255;
// Each declaration copies the table of all, so that more would take minutes.
constexpr uint32_t kMostHostFunctions = 65535;

// The type's name is short, as what is made of it is not reserved.
constexpr size_t kLongestTypeName = 255;

// The procedure of this kind that is named `name`: it is declared if it has not been yet.
Value Declare(Vm& vm, const char* who, Value name, Value arity, uint32_t flags) {
  Heap& heap = vm.heap();
  const Value functions = vm.root(Root::kHostFunctions);
  const uint32_t count = heap.Get<Vector>(functions)->length;
  for (uint32_t i = 0; i < count; ++i) {
    const Value known = heap.Get<Vector>(functions)->items[i];
    HostFunction* function = heap.Get<HostFunction>(known);
    if (function->name != name || HeaderFlags(function->header) != flags) continue;
    if (function->arity != arity) {
      return vm.Error("host", who, "already declared with another number of arguments", heap.Cons(name, kNull));
    }
    return known;
  }
  if (!vm.attachments().host_bindings.empty()) {
    return vm.Error("host", who,
                    flags != 0 ? "a host type must be declared when the snapshot is built"
                               : "a host function must be declared when the snapshot is built",
                    heap.Cons(name, kNull));
  }
  if (count >= kMostHostFunctions) return vm.Error("host", who, "too many host functions");
  HostFunction* function = heap.New<HostFunction>(flags);
  function->index = Value::Fixnum(static_cast<int32_t>(count));
  function->name = name;
  function->arity = arity;
  const Value made = heap.ValueOf(function);
  const Value grown = heap.MakeVector(count + 1, kFalse);
  for (uint32_t i = 0; i < count; ++i) heap.Get<Vector>(grown)->items[i] = heap.Get<Vector>(functions)->items[i];
  heap.Get<Vector>(grown)->items[count] = made;
  vm.set_root(Root::kHostFunctions, grown);
  return made;
}

// (host-function name least [most]): the procedure that the host will provide under this name. `most` is #f for any
// number of arguments.
Value DeclareHostFunction(Vm& vm, Value* args, uint32_t argc) {
  constexpr const char* kWho = "host-function";
  if (!CheckSymbol(vm, kWho, args, 0)) return kException;
  for (uint32_t i = 1; i < argc; ++i) {
    if (i == 2 && args[2] == kFalse) continue;
    if (!args[i].IsFixnum() || args[i].fixnum() < 0 || args[i].fixnum() > kMostDeclaredArguments) {
      return vm.WrongType(kWho, static_cast<int>(i) + 1, "a number of arguments, 0 to 255", args[i]);
    }
  }
  const int32_t least = args[1].fixnum();
  const bool any = argc > 2 && args[2] == kFalse;
  const int32_t most = argc > 2 && !any ? args[2].fixnum() : least;
  if (most < least) return vm.OutOfRange(kWho, 3, "is less than the least number of arguments", args[2]);
  const Value arity = Value::Fixnum(static_cast<int32_t>(
      Arity{static_cast<uint32_t>(least), any ? 0 : static_cast<uint32_t>(most - least), any}.Pack()));
  return Declare(vm, kWho, args[0], arity, 0);
}

// (host-predicate name): the procedure that tells objects of the host type of this name from all other values.
Value DeclareHostPredicate(Vm& vm, Value* args, uint32_t) {
  constexpr const char* kWho = "host-predicate";
  if (!CheckSymbol(vm, kWho, args, 0)) return kException;
  if (StringLength(vm.heap(), vm.heap().Get<Symbol>(args[0])->name) > kLongestTypeName) {
    return vm.WrongType(kWho, 1, "a name of at most 255 characters", args[0]);
  }
  return Declare(vm, kWho, vm.Intern(vm.SymbolName(args[0]) + "?"), Arity{1, 0, false}.ToValue(), kTypePredicateFlag);
}

}  // namespace

absl::Span<const PrimitiveSpec> EvalPrimitives() {
  static constexpr PrimitiveSpec kPrimitives[] = {
      {"%compile", Interruptible<CompileExpression>, 2, 2},
      {"%load", Interruptible<LoadFile>, 2, 2},
      {"%environment", Interruptible<MakeEnvironmentOf>, 0, -1},
      {"%interaction-environment", InteractionEnvironment, 0, 0},
      {"%uncaught", UncaughtObject, 1, 1},
      {"host-function", DeclareHostFunction, 2, 3},
      {"host-predicate", DeclareHostPredicate, 1, 1},
  };
  return kPrimitives;
}

}  // namespace islet::vm
