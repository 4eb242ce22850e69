// Answers prompts and tools: whether a form is complete, which names there are, what code looks like.

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "isolate/compiler/disassembler.h"
#include "isolate/data/hash_table.h"
#include "isolate/interpreter/source_map.h"
#include "isolate/ports/outside.h"
#include "isolate/reader/reader.h"
#include "sdk/isolate_impl.h"

namespace islet {

namespace {

absl::StatusOr<FormScan> Scan(Isolate::Impl& impl, absl::string_view text) {
  if (absl::Status status = impl.CheckEntered(); !status.ok()) return status;
  FormScan scan;
  vm::SyntaxArena arena(&impl.vm->heap());
  vm::Reader reader(*impl.vm, arena, text, "");
  vm::Syntax* form = nullptr;
  switch (reader.ReadNext(&form)) {
    case vm::Reader::Result::kDatum:
      scan.kind = FormScan::Kind::kForm;
      scan.end = reader.offset();
      break;
    case vm::Reader::Result::kEnd:
      break;
    case vm::Reader::Result::kError:
      scan.kind = reader.error().incomplete ? FormScan::Kind::kIncomplete : FormScan::Kind::kInvalid;
      break;
  }
  return scan;
}

}  // namespace

FormScan Isolate::ScanForm(absl::string_view text) {
  FormScan invalid;
  invalid.kind = FormScan::Kind::kInvalid;
  return InIsolate(*this, [&](Impl& impl) { return Scan(impl, text); }).value_or(invalid);
}

std::string Isolate::TakeUnreadInput() {
  if (!Impl::CheckUsable(*this).ok() || !impl()->CheckEntered().ok()) return "";
  vm::Stream* input = vm::PortTableOf(*impl()->vm).Find(vm::PortHandle::Standard(vm::StandardPort::kInput));
  if (input == nullptr) return "";
  std::string unread(absl::string_view(input->buffer).substr(std::min(input->position, input->buffer.size())));
  input->buffer.clear();
  input->position = 0;
  return unread;
}

std::vector<std::string> Isolate::Names(absl::string_view prefix) {
  std::vector<std::string> names;
  if (!Impl::CheckUsable(*this).ok() || !impl()->CheckEntered().ok()) return names;
  vm::Vm& machine = *impl()->vm;
  vm::Heap& heap = machine.heap();
  const vm::Value interaction = machine.root(vm::Root::kInteraction);
  vm::ForEachEntry(heap, heap.Get<vm::Environment>(interaction)->bindings, [&](vm::Value symbol, vm::Value binding) {
    // A name that is only referred to has a cell, but no value.
    const vm::Cell* cell = heap.TryGet<vm::Cell>(binding);
    if (cell != nullptr && cell->value == vm::kUndefined) return;
    std::string name = machine.SymbolName(symbol);
    if (absl::StartsWith(name, prefix)) names.push_back(std::move(name));
  });
  std::sort(names.begin(), names.end());
  return names;
}

namespace {

// Collects the text of a procedure and of those inside it.
class CodePrinter {
 public:
  explicit CodePrinter(vm::Vm& vm) : vm_(vm), heap_(vm.heap()) {}

  void Add(vm::Value code_value) {
    if (std::find(seen_.begin(), seen_.end(), code_value) != seen_.end()) return;
    seen_.push_back(code_value);
    const vm::Code* code = heap_.Get<vm::Code>(code_value);
    if (!text_.empty()) text_.push_back('\n');
    absl::StrAppend(&text_, Heading(code), "\n", vm::Disassemble(heap_, code));
    for (uint32_t i = 0; i < code->ref_count; ++i) {
      const vm::Value constant = vm::Value::FromBits(code->instructions[code->refs()[i]]);
      if (heap_.Is<vm::Code>(constant)) {
        Add(constant);
      } else if (heap_.Is<vm::Closure>(constant) && !IsTopLevel(constant)) {
        Add(heap_.Get<vm::Closure>(constant)->code);
      }
    }
  }

  std::string Take() { return std::move(text_); }

 private:
  std::string Heading(const vm::Code* code) {
    std::string heading = "lambda";
    if (heap_.Is<vm::Symbol>(code->name)) heading = vm_.SymbolName(code->name);
    if (heap_.Is<vm::String>(code->name)) heading = vm_.ToUtf8(code->name);
    uint32_t line = 0, column = 0;
    for (uint32_t word = 0; word < code->instruction_count && line == 0; ++word) {
      vm::LookupPosition(heap_, code, word, &line, &column);
    }
    if (heap_.Is<vm::String>(code->file)) {
      absl::StrAppend(&heading, " (", vm_.ToUtf8(code->file));
      if (line != 0) absl::StrAppend(&heading, ":", line, ":", column);
      heading.push_back(')');
    }
    return heading + ":";
  }

  // True if the procedure is the value of a library's variable: then it is called by this code, not
  // part of it. (A procedure without free variables is a constant wherever it was written.)
  bool IsTopLevel(vm::Value closure) {
    const vm::Value name = heap_.Get<vm::Code>(heap_.Get<vm::Closure>(closure)->code)->name;
    if (!heap_.Is<vm::Symbol>(name)) return false;
    bool found = false;
    vm::ForEachEntry(heap_, vm_.root(vm::Root::kLibraries), [&](vm::Value, vm::Value library) {
      const vm::Environment* environment = heap_.TryGet<vm::Environment>(library);
      if (environment == nullptr || found) return;
      const vm::Cell* cell =
          heap_.TryGet<vm::Cell>(vm::HashTableGet(heap_, environment->bindings, name, vm::kUndefined));
      found = cell != nullptr && cell->value == closure;
    });
    return found;
  }

  vm::Vm& vm_;
  vm::Heap& heap_;
  std::string text_;
  std::vector<vm::Value> seen_;
};

}  // namespace

absl::StatusOr<std::string> Isolate::Disassemble(const Value& procedure) {
  return InIsolate(*this, [&](Impl& impl) -> absl::StatusOr<std::string> {
    if (absl::Status status = impl.CheckEntered(); !status.ok()) return status;
    absl::StatusOr<vm::Value> value = impl.ToHeap(procedure);
    if (!value.ok()) return value.status();
    const vm::Closure* closure = impl.vm->heap().TryGet<vm::Closure>(*value);
    if (closure == nullptr) {
      return absl::InvalidArgumentError(absl::StrCat(
          procedure.Print(200), procedure.type() == Type::kProcedure ? " is not written in Lisp: it has no bytecode"
                                                                     : " is not a procedure"));
    }
    CodePrinter printer(*impl.vm);
    printer.Add(closure->code);
    return printer.Take();
  });
}

}  // namespace islet
