// Calls primitives as Lisp would, without a compiler: enough of an evaluator for tests to read like
// Lisp.
//
//   EXPECT_EQ(Eval("(append '(1 2) (list 3))"), "(1 2 3)");
//   EXPECT_EQ(Eval("(vector-ref #(1 2) 2)"), "range in vector-ref: ...");

#ifndef ISLET_ISOLATE_RUNTIME_TEST_PRIMITIVES_H_
#define ISLET_ISOLATE_RUNTIME_TEST_PRIMITIVES_H_

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "gtest/gtest.h"
#include "isolate/data/string.h"
#include "isolate/heap/cage.h"
#include "isolate/heap/heap.h"
#include "isolate/interpreter/vm.h"
#include "isolate/printer/printer.h"
#include "isolate/reader/reader.h"
#include "isolate/runtime/primitives.h"

namespace islet::vm {

class PrimitiveTest : public ::testing::Test, public RootSource {
 protected:
  PrimitiveTest() : vm(MakeHeap(), AllPrimitives()), heap(vm.heap()) { heap.AddRoots(this); }
  ~PrimitiveTest() override { heap.RemoveRoots(this); }

  // The value of the last form, as `write` has it; or "KIND in WHO: MESSAGE" of the condition
  // raised. The forms: literals, (quote DATUM), names of (define NAME FORM), and calls of
  // primitives. String and vector literals are mutable here; those of (literal DATUM) are not.
  std::string Eval(const std::string& text) {
    SyntaxArena arena(&heap);
    ReaderOptions options;
    options.immutable_literals = false;
    Reader reader(vm, arena, text, "test", options);
    Value result = kUnspecified;
    Syntax* form;
    while (reader.ReadNext(&form) == Reader::Result::kDatum) {
      result = EvalForm(SyntaxToDatum(vm, form, false));
      if (result == kException) break;
    }
    if (reader.failed()) return reader.error().ToString();
    return Show(result);
  }

  // Calls `spec` with its arguments on the Vm's stack, as the interpreter does.
  Value Call(const PrimitiveSpec& spec, const std::vector<Value>& args) {
    Value* stack = heap.stack_begin() + 16;
    std::copy(args.begin(), args.end(), stack);
    Value* top = stack + args.size();
    heap.SetStackTop(top, top);
    return spec.function(vm, stack, static_cast<uint32_t>(args.size()));
  }

  Value CallByName(absl::string_view name, const std::vector<Value>& args) {
    const Value primitive = vm.FindPrimitive(name);
    if (!primitive.IsPrimitive()) {
      ADD_FAILURE() << "no primitive " << name;
      return kUndefined;
    }
    const PrimitiveSpec& spec = vm.primitive(primitive);
    const bool fits =
        args.size() >= spec.min_args && (spec.max_args < 0 || args.size() <= static_cast<size_t>(spec.max_args));
    EXPECT_TRUE(fits) << name << " with " << args.size() << " arguments";
    return fits ? Call(spec, args) : kUndefined;
  }

  std::string Show(Value v) {
    if (v == kUnspecified) return "";
    if (v != kException) return Print(vm, v, PrintMode::kWrite);
    const Condition* c = heap.TryGet<Condition>(vm.TakePending());
    if (c == nullptr) return "raised something else";
    std::string who = "?";
    if (heap.Is<Symbol>(c->who)) who = vm.SymbolName(c->who);
    if (heap.Is<String>(c->who)) who = vm.ToUtf8(c->who);
    return vm.SymbolName(c->kind) + " in " + who + ": " + vm.ToUtf8(c->message);
  }

  void VisitRoots(Visit visit, void* context) override {
    for (auto& [name, value] : variables_) visit(&value, context);
  }

  Vm vm;
  Heap& heap;

 private:
  static std::unique_ptr<Heap> MakeHeap() {
    auto cage = Cage::Create(CageLayout::For(uint64_t{1} << 32, 0, 0), ImageSource());
    if (!cage.ok()) ADD_FAILURE() << cage.status();
    HeapOptions options;
    options.heap_limit = size_t{64} << 20;
    return std::make_unique<Heap>(*std::move(cage), options);
  }

  Value EvalForm(Value form) {
    if (heap.Is<Symbol>(form)) {
      const auto variable = variables_.find(vm.SymbolName(form));
      if (variable != variables_.end()) return variable->second;
      return vm.FindPrimitive(vm.SymbolName(form));
    }
    if (!form.IsPair()) return form;
    const std::string name = vm.SymbolName(heap.car(form));
    const Value rest = heap.cdr(form);
    if (name == "quote") return heap.car(rest);
    if (name == "literal") {
      const Value datum = heap.car(rest);
      *heap.Get<uint32_t>(datum) |= kImmutableFlag << 8;
      return datum;
    }
    if (name == "define") {
      const std::string variable = vm.SymbolName(heap.car(rest));
      const Value value = EvalForm(heap.car(heap.cdr(rest)));
      variables_[variable] = value;
      return value == kException ? kException : kUnspecified;
    }
    std::vector<Value> args;
    for (Value v = rest; v.IsPair(); v = heap.cdr(v)) {
      args.push_back(EvalForm(heap.car(v)));
      if (args.back() == kException) return kException;
    }
    return CallByName(name, args);
  }

  std::map<std::string, Value> variables_;
};

}  // namespace islet::vm

#endif  // ISLET_ISOLATE_RUNTIME_TEST_PRIMITIVES_H_
