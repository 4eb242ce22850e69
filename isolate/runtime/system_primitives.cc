// The world outside, as far as a program may know it (R7RS 6.14), and hooks for when it changes.

#include <chrono>
#include <string>

#include "absl/strings/cord.h"
#include "absl/strings/numbers.h"
#include "isolate/expander/expander.h"
#include "isolate/numbers/numbers.h"
#include "isolate/runtime/arguments.h"
#include "isolate/runtime/primitives.h"
#include "isolate/runtime/system.h"

namespace islet::vm {
namespace {

// (on-restore thunk): to be called when an isolate made from the snapshot is first entered.
Value OnRestore(Vm& vm, Value* args, uint32_t) {
  if (!vm.heap().Is<Closure>(args[0]) && !args[0].IsPrimitive()) {
    return vm.WrongType("on-restore", 1, "a procedure", args[0]);
  }
  const Value hooks = vm.root(Root::kRestoreHooks);
  vm.set_root(Root::kRestoreHooks, vm.heap().Cons(args[0], hooks.IsPair() ? hooks : kNull));
  return kUnspecified;
}

// ---- The process

// (%exit status): ends the run; no handler and no dynamic-wind thunk sees it.
Value Exit(Vm& vm, Value* args, uint32_t) {
  int code = 1;
  if (args[0] == kTrue || args[0] == kUnspecified) {
    code = 0;
  } else if (args[0].IsFixnum()) {
    code = args[0].fixnum() & 0xff;
  }
  absl::Status status = absl::AbortedError("exit with status " + std::to_string(code));
  status.SetPayload(kExitPayload, absl::Cord(absl::string_view(std::to_string(code))));
  return vm.Terminate(std::move(status));
}

Value FeatureList(Vm& vm, Value*, uint32_t) {
  const auto features = Features();
  Value list = kNull;
  for (size_t i = features.size(); i > 0; --i) {
    list = vm.heap().Cons(vm.Intern(features[i - 1]), list);
  }
  return list;
}

Value RuntimeVersion(Vm& vm, Value*, uint32_t) { return vm.MakeString(kRuntimeVersion); }

// An isolate is not the process it runs in: it has no arguments and no environment.
Value CommandLine(Vm&, Value*, uint32_t) { return kNull; }

Value GetEnvironmentVariable(Vm& vm, Value* args, uint32_t) {
  if (!CheckString(vm, "get-environment-variable", args, 0)) return kException;
  return kFalse;
}

Value GetEnvironmentVariables(Vm&, Value*, uint32_t) { return kNull; }

// ---- Time

Value CurrentSecond(Vm& vm, Value*, uint32_t) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return vm.heap().MakeFlonum(std::chrono::duration<double>(now).count());
}

constexpr int32_t kJiffiesPerSecond = 1000000;

Value CurrentJiffy(Vm& vm, Value*, uint32_t) {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return FromInt64(vm.heap(), std::chrono::duration_cast<std::chrono::microseconds>(now).count());
}

Value JiffiesPerSecond(Vm&, Value*, uint32_t) { return Value::Fixnum(kJiffiesPerSecond); }

constexpr PrimitiveSpec kPrimitives[] = {
    {"on-restore", OnRestore, 1, 1},
    {"%exit", Exit, 1, 1},
    {"features", FeatureList, 0, 0},
    {"runtime-version", RuntimeVersion, 0, 0},
    {"command-line", CommandLine, 0, 0},
    {"get-environment-variable", GetEnvironmentVariable, 1, 1},
    {"get-environment-variables", GetEnvironmentVariables, 0, 0},
    {"current-second", CurrentSecond, 0, 0},
    {"current-jiffy", CurrentJiffy, 0, 0},
    {"jiffies-per-second", JiffiesPerSecond, 0, 0},
};

}  // namespace

int ExitStatus(const absl::Status& status) {
  const absl::optional<absl::Cord> payload = status.GetPayload(kExitPayload);
  if (!payload.has_value()) return -1;
  int code = -1;
  return absl::SimpleAtoi(std::string(*payload), &code) ? code : -1;
}

absl::Span<const PrimitiveSpec> SystemPrimitives() { return kPrimitives; }

}  // namespace islet::vm
