#include "isolate/printer/describe.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "isolate/data/string.h"
#include "isolate/interpreter/source_map.h"
#include "isolate/printer/printer.h"

namespace islet::vm {

namespace {

constexpr size_t kLongestIrritant = 1000;
constexpr int kMostIrritants = 20;
constexpr size_t kLongestMessage = 10000;

std::string FrameLine(Vm& vm, Value code_value, Value word_index) {
  Heap& heap = vm.heap();
  const Code* code = heap.TryGet<Code>(code_value);
  if (code == nullptr) return "";
  std::string line = "  at ";
  if (heap.Is<Symbol>(code->name) || heap.Is<String>(code->name)) {
    absl::StrAppend(&line, Print(vm, code->name, PrintMode::kDisplay, kLongestIrritant));
  } else {
    line.append("lambda");
  }
  uint32_t row = 0;
  uint32_t column = 0;
  const bool placed =
      word_index.IsFixnum() &&
      LookupPosition(heap, code, static_cast<uint32_t>(word_index.fixnum()), &row, &column);
  const bool named = heap.Is<String>(code->file);
  if (!placed && !named) return line;
  absl::StrAppend(&line, " (", named ? ToUtf8(heap, code->file) : "");
  if (placed) absl::StrAppend(&line, named ? ":" : "", row, ":", column);
  line.push_back(')');
  return line;
}

// Frames that repeat, as in a deep recursion, take one line and a count.
void AppendBacktrace(Vm& vm, Value backtrace, std::string* out) {
  const Vector* frames = vm.heap().TryGet<Vector>(backtrace);
  if (frames == nullptr) return;
  std::string last;
  int repeats = 0;
  const auto flush = [&] {
    if (repeats > 0)
      absl::StrAppend(out, "\n  ... the same ", repeats,
                      repeats == 1 ? " more time" : " more times");
    repeats = 0;
  };
  for (uint32_t i = 0; i + 1 < frames->length; i += 2) {
    const std::string line = FrameLine(vm, frames->items[i], frames->items[i + 1]);
    if (line.empty()) continue;
    if (line == last) {
      ++repeats;
      continue;
    }
    flush();
    absl::StrAppend(out, "\n", line);
    last = line;
  }
  flush();
}

std::string Headline(Vm& vm, const Condition* condition) {
  Heap& heap = vm.heap();
  std::string text;
  if (heap.Is<String>(condition->position)) {
    absl::StrAppend(&text, ToUtf8(heap, condition->position), ": ");
  }
  if (heap.Is<Symbol>(condition->who) || heap.Is<String>(condition->who)) {
    const std::string who = Print(vm, condition->who, PrintMode::kDisplay, kLongestIrritant);
    if (!who.empty()) absl::StrAppend(&text, who, ": ");
  }
  // `error` takes any object for its message.
  const PrintMode mode =
      heap.Is<String>(condition->message) ? PrintMode::kDisplay : PrintMode::kWrite;
  const std::string message = Print(vm, condition->message, mode, kLongestMessage);
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
  return text;
}

}  // namespace

std::string DescribeCondition(Vm& vm, Value object, Value backtrace) {
  const Condition* condition = vm.heap().TryGet<Condition>(object);
  std::string text =
      condition != nullptr
          ? Headline(vm, condition)
          : absl::StrCat("raised: ", Print(vm, object, PrintMode::kWrite, kLongestMessage));
  if (condition != nullptr && !vm.heap().Is<Vector>(backtrace)) backtrace = condition->backtrace;
  AppendBacktrace(vm, backtrace, &text);
  return text;
}

}  // namespace islet::vm
