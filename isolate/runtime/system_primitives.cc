// The world outside, as far as a program may know it (R7RS 6.14), and hooks for when it changes.

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "islet/version.h"
#include "isolate/capabilities/call_out.h"
#include "isolate/expander/expander.h"
#include "isolate/interpreter/failure.h"
#include "isolate/numbers/numbers.h"
#include "isolate/ports/grants.h"
#include "isolate/ports/outside.h"
#include "isolate/runtime/arguments.h"
#include "isolate/runtime/primitives.h"
#include "isolate/runtime/text.h"

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
  Failure failure;
  failure.kind = Failure::Kind::kTermination;
  failure.code = absl::StatusCode::kAborted;
  failure.message = "exit with status " + std::to_string(code);
  failure.exit_status = code;
  return vm.End(std::move(failure));
}

Value FeatureList(Vm& vm, Value*, uint32_t) {
  const std::vector<std::string> features = Features(vm);
  Value list = kNull;
  for (size_t i = features.size(); i > 0; --i) {
    list = vm.heap().Cons(vm.Intern(features[i - 1]), list);
  }
  return list;
}

Value RuntimeVersion(Vm& vm, Value*, uint32_t) { return vm.MakeString(ISLET_VERSION_TEXT); }

// An isolate is not the process it runs in: it knows the arguments and the environment that the host has given it, by
// default none. Null: it was granted nothing at all.
const SystemGrants* Granted(Vm& vm) {
  const Outside* const outside = FindOutside(vm);
  return outside == nullptr ? nullptr : &outside->system;
}

// The most bytes that a string and the pair that lists it can take: a character takes up to four.
uint64_t StringBytes(absl::string_view utf8) { return 4 * uint64_t{utf8.size()} + 64; }

Value CommandLine(Vm& vm, Value*, uint32_t) {
  if (Granted(vm) == nullptr) return kNull;
  const std::vector<std::string>& words = Granted(vm)->command_line;
  uint64_t bytes = 0;
  for (const std::string& word : words) bytes += StringBytes(word);
  if (!ReserveFor(vm, "command-line", bytes)) return kException;
  Value list = kNull;
  for (size_t i = words.size(); i > 0; --i) list = vm.heap().Cons(vm.MakeString(words[i - 1]), list);
  return list;
}

Value GetEnvironmentVariable(Vm& vm, Value* args, uint32_t) {
  constexpr const char* kWho = "get-environment-variable";
  if (!CheckString(vm, kWho, args, 0)) return kException;
  if (Granted(vm) == nullptr) return kFalse;
  const std::string name = vm.ToUtf8(args[0]);
  for (const auto& variable : Granted(vm)->environment) {
    if (variable.first == name) return StringResult(vm, kWho, variable.second);
  }
  return kFalse;
}

Value GetEnvironmentVariables(Vm& vm, Value*, uint32_t) {
  if (Granted(vm) == nullptr) return kNull;
  const auto& variables = Granted(vm)->environment;
  uint64_t bytes = 0;
  for (const auto& variable : variables) bytes += StringBytes(variable.first) + StringBytes(variable.second);
  if (!ReserveFor(vm, "get-environment-variables", bytes)) return kException;
  Value list = kNull;
  for (size_t i = variables.size(); i > 0; --i) {
    const Value name = vm.MakeString(variables[i - 1].first);
    list = vm.heap().Cons(vm.heap().Cons(name, vm.MakeString(variables[i - 1].second)), list);
  }
  return list;
}

// ---- Time

// False after raising what the host's clock has thrown.
bool AskClock(Vm& vm, const char* who, std::chrono::nanoseconds (Clock::*question)(),
              std::chrono::nanoseconds* answer) {
  const absl::Status asked = CallOut([&] {
    *answer = (Granted(vm)->clock->*question)();
    return absl::OkStatus();
  });
  if (!asked.ok()) RaiseHostStatus(vm, who, asked);
  return asked.ok();
}

Value CurrentSecond(Vm& vm, Value*, uint32_t) {
  if (Granted(vm) == nullptr || Granted(vm)->clock == nullptr) {
    return RaiseNotGranted(vm, "current-second", Capability::kClock);
  }
  std::chrono::nanoseconds now;
  if (!AskClock(vm, "current-second", &Clock::SinceEpoch, &now)) return kException;
  return vm.heap().MakeFlonum(std::chrono::duration<double>(now).count());
}

constexpr int32_t kJiffiesPerSecond = 1000000;

Value CurrentJiffy(Vm& vm, Value*, uint32_t) {
  if (Granted(vm) == nullptr || Granted(vm)->clock == nullptr) {
    return RaiseNotGranted(vm, "current-jiffy", Capability::kClock);
  }
  std::chrono::nanoseconds now;
  if (!AskClock(vm, "current-jiffy", &Clock::Monotonic, &now)) return kException;
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

absl::Span<const PrimitiveSpec> SystemPrimitives() { return kPrimitives; }

}  // namespace islet::vm
