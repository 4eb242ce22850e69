#include "isolate/printer/describe.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "isolate/data/foreign_names.h"
#include "isolate/data/string.h"
#include "isolate/interpreter/source_map.h"
#include "isolate/interpreter/stubs.h"
#include "isolate/printer/printer.h"

namespace islet::vm {

namespace {

constexpr size_t kLongestIrritant = 1000;
constexpr int kMostIrritants = 20;
constexpr int kMostIrritantsTold = 100;  // by themselves
constexpr size_t kLongestMessage = 10000;

// The code of the procedure that the machine calls to find a handler.
Value RaiseCode(Vm& vm) {
  const Closure* closure = vm.heap().TryGet<Closure>(vm.root(Root::kRaise));
  return closure == nullptr ? kUndefined : closure->code;
}

// True for `apply`, `call-with-values` and the like, whose frames say nothing about the program.
bool IsStub(Vm& vm, const Code* code) {
  if (vm.heap().Is<String>(code->file) || !vm.heap().Is<Symbol>(code->name)) return false;
  const std::string name = vm.SymbolName(code->name);
  return std::find(std::begin(kStubProcedureNames), std::end(kStubProcedureNames), name) !=
         std::end(kStubProcedureNames);
}

std::string Headline(Vm& vm, const Condition* condition) {
  Heap& heap = vm.heap();
  std::string text;
  if (heap.Is<Symbol>(condition->who) || heap.Is<String>(condition->who)) {
    const std::string who = Print(vm, condition->who, PrintMode::kDisplay, kLongestIrritant);
    if (!who.empty()) absl::StrAppend(&text, who, ": ");
  }
  // `error` takes any object for its message.
  const PrintMode mode = heap.Is<String>(condition->message) ? PrintMode::kDisplay : PrintMode::kWrite;
  // The message of a host's Status is not cut: it comes back to the host whole.
  const size_t longest = heap.Is<Vector>(condition->payload) ? ~size_t{0} : kLongestMessage;
  const std::string message = Print(vm, condition->message, mode, longest);
  text.append(message);
  int count = 0;
  for (Value rest = condition->irritants; rest.IsPair(); rest = heap.cdr(rest), ++count) {
    if (count == kMostIrritants) {
      text.append(" ...");
      break;
    }
    if (count == 0 && !absl::EndsWith(message, ":")) text.push_back(':');
    absl::StrAppend(&text, " ", Print(vm, heap.car(rest), PrintMode::kWrite, kLongestIrritant));
  }
  if (count == 1 && vm.SymbolName(condition->kind) == "unbound-variable" &&
      heap.Is<Symbol>(heap.car(condition->irritants))) {
    const absl::string_view hint = ForeignNameHint(vm.SymbolName(heap.car(condition->irritants)));
    if (!hint.empty()) absl::StrAppend(&text, "; in Scheme: ", hint);
  }
  return text;
}

}  // namespace

std::string DescribeHeadline(Vm& vm, Value object) {
  const Condition* condition = vm.heap().TryGet<Condition>(object);
  return condition != nullptr ? Headline(vm, condition)
                              : absl::StrCat("raised: ", Print(vm, object, PrintMode::kWrite, kLongestMessage));
}

std::vector<BacktraceFrame> DescribeFrames(Vm& vm, Value backtrace) {
  Heap& heap = vm.heap();
  std::vector<BacktraceFrame> result;
  const Vector* frames = heap.TryGet<Vector>(backtrace);
  if (frames == nullptr) return result;
  const Value machinery = RaiseCode(vm);
  for (uint32_t i = 0; i + 1 < frames->length; i += 2) {
    const Value word = frames->items[i + 1];
    const Code* code = heap.TryGet<Code>(frames->items[i]);
    if (code == nullptr || (i == 0 && frames->items[i] == machinery) || IsStub(vm, code)) continue;
    BacktraceFrame frame;
    frame.procedure = heap.Is<Symbol>(code->name) || heap.Is<String>(code->name)
                          ? Print(vm, code->name, PrintMode::kDisplay, kLongestIrritant)
                          : "lambda";
    if (heap.Is<String>(code->file)) frame.place.file = ToUtf8(heap, code->file);
    if (word.IsFixnum() &&
        !LookupPosition(heap, code, static_cast<uint32_t>(word.fixnum()), &frame.place.line, &frame.place.column)) {
      frame.place.line = frame.place.column = 0;
    }
    result.push_back(std::move(frame));
  }
  return result;
}

Failure DescribeFailure(Vm& vm, Value object, Value backtrace) {
  Failure failure;
  failure.message = DescribeHeadline(vm, object);
  if (const Condition* condition = vm.heap().TryGet<Condition>(object); condition != nullptr) {
    failure.condition = vm.SymbolName(condition->kind);
    failure.place = PlaceFromValue(vm.heap(), condition->position);
    Value rest = condition->irritants;
    for (int count = 0; rest.IsPair() && count < kMostIrritantsTold; rest = vm.heap().cdr(rest), ++count) {
      failure.irritants.push_back(Print(vm, vm.heap().car(rest), PrintMode::kWrite, kLongestIrritant));
    }
    if (!vm.heap().Is<Vector>(backtrace)) backtrace = condition->backtrace;
  }
  failure.frames = DescribeFrames(vm, backtrace);
  return failure;
}

}  // namespace islet::vm
