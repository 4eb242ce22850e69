// Every primitive, with every kind of value in every position: whatever a program passes, the
// answer is a value or a condition.

#include "isolate/runtime/primitives.h"

#include <random>
#include <set>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "isolate/data/hash_table.h"
#include "isolate/expander/expander.h"
#include "isolate/interpreter/stubs.h"
#include "isolate/numbers/numbers.h"
#include "isolate/runtime/test_primitives.h"

namespace islet::vm {
namespace {

class AnyArgumentsTest : public PrimitiveTest {
 protected:
  void SetUp() override {
    MakeStubs(vm);
    vm.set_root(Root::kHostFunctions, heap.MakeVector(0, kFalse));
    vm.set_root(Root::kInteraction, MakeEnvironment(vm, vm.Intern("test")));
    MakeValues();
  }

  // One or more of each kind; made anew now and then, since primitives change them.
  void MakeValues() {
    values.clear();
    auto add = [&](Value v) { values.push_back(v); };
    for (int n : {0, 1, 2, 3, -1, 7, 255, 256, 0xd800, 100000, Value::kFixnumMax, Value::kFixnumMin}) {
      add(Value::Fixnum(n));
    }
    for (const char* number : {"1073741824", "-123456789012345678901234567890", "2/3", "1.5", "-0.0", "+nan.0",
                               "+inf.0", "1e300", "1-2i", "1/3+i", "-1.5+0.0i"}) {
      add(*ParseNumber(heap, number, 10));
    }
    for (const char* text : {"", "abc", "caf\u00e9", "\u03bbx\u1f88", "12", "#x1F", "no such file"}) {
      add(vm.MakeString(text));
    }
    add(vm.MakeString("literal", kImmutableFlag));
    const Value indirect = vm.MakeString("abcdef");
    SetCharAt(heap, indirect, 2, 0x1f600);
    add(indirect);
    for (const char* symbol : {"x", "eq", "equal", "infix", "strict-infix", "floor"}) add(vm.Intern(symbol));
    for (uint32_t c : {0u, 97u, 0xdfu, 0x3a3u, 0x660u, 0x10ffffu}) add(Value::Char(c));
    for (Value v : {kTrue, kFalse, kNull, kUnspecified, kEof}) add(v);
    const Value pair = heap.Cons(Value::Fixnum(1), Value::Fixnum(2));
    add(pair);
    add(heap.Cons(pair, heap.Cons(pair, kNull)));
    add(heap.Cons(Value::Char('a'), heap.Cons(Value::Char(0x3bb), kNull)));
    add(heap.Cons(vm.MakeString("a"), heap.Cons(vm.MakeString("\u03bb"), kNull)));
    const Value ring = heap.Cons(Value::Fixnum(1), heap.Cons(Value::Fixnum(2), kNull));
    heap.Get<Pair>(heap.cdr(ring))->cdr = ring;
    add(ring);
    const Value fields = heap.MakeVector(2, vm.Intern("field"));
    add(fields);
    add(heap.MakeVector(0, kFalse));
    add(heap.MakeVector(3, Value::Char('v')));
    add(heap.MakeVector(3, kNull, kImmutableFlag));
    const Value self = heap.MakeVector(2, kNull);
    heap.Get<Vector>(self)->items[1] = self;
    add(self);
    add(heap.MakeBytevector(0));
    add(heap.MakeBytevector(5));
    add(heap.MakeBytevector(5, kImmutableFlag));
    for (uint32_t kind : {kEqTableFlag, kEqvTableFlag, kEqualTableFlag, kStringTableFlag}) {
      add(MakeHashTable(heap, kind));
    }
    HashTablePut(heap, values.back(), vm.MakeString("key"), values.back());
    const Value type = CallByName("%make-record-type", {vm.Intern("<point>"), fields});
    add(type);
    add(CallByName("%record", {type, Value::Fixnum(1), Value::Fixnum(2)}));
    add(CallByName("%make-parameter", {Value::Fixnum(1), kFalse}));
    add(vm.MakeCondition("error", "who", "message", kNull));
    add(vm.FindPrimitive("car"));
    add(MakeStubProcedure(vm, "apply"));
    add(vm.root(Root::kInteraction));
    add(heap.ValueOf(heap.New<Box>()));
    add(CallByName("open-input-string", {vm.MakeString("(some input) \"\u03bb")}));
    add(CallByName("open-output-string", {}));
    add(CallByName("open-input-bytevector", {heap.MakeBytevector(4)}));
    add(CallByName("open-output-bytevector", {}));
    Continuation* k = heap.New<Continuation>();
    k->winders = k->handlers = k->parameters = kNull;
    k->chunk = k->next = kFalse;
    add(heap.ValueOf(k));
  }

  void TryCall(const PrimitiveSpec& spec, const std::vector<Value>& args) {
    const Value result = Call(spec, args);
    ++calls;
    if (result == kException) {
      if (!vm.ended()) {
        EXPECT_NE(vm.TakePending(), kUndefined) << spec.name << " raised nothing";
      }
      vm.TakeTermination().IgnoreError();
    } else {
      EXPECT_EQ(vm.pending(), kUndefined) << spec.name << " raised and returned";
      for (Value forbidden : {kUndefined, kDefault, kDeleted, kForwarded}) {
        EXPECT_NE(result, forbidden) << spec.name;
      }
    }
    vm.values().clear();
    vm.dynamic().winders = vm.dynamic().handlers = vm.dynamic().parameters = kNull;
    if (calls % 500 == 0) {
      heap.SetStackTop(heap.stack_begin() + 16, heap.stack_begin() + 64);
      EXPECT_TRUE(heap.Collect());
      MakeValues();
    }
  }

  void VisitRoots(Visit visit, void* context) override {
    PrimitiveTest::VisitRoots(visit, context);
    for (Value& v : values) visit(&v, context);
  }

  std::vector<Value> values;
  int calls = 0;
};

TEST_F(AnyArgumentsTest, GiveAValueOrACondition) {
  std::mt19937 random(7);
  for (const PrimitiveSpec& spec : AllPrimitives()) {
    SCOPED_TRACE(spec.name);
    const int most = spec.max_args < 0 ? 4 : std::min<int>(spec.max_args, 6);
    if (spec.min_args == 0) TryCall(spec, {});
    if (spec.min_args <= 1 && most >= 1) {
      for (size_t i = 0; i < values.size(); ++i) TryCall(spec, {values[i]});
    }
    if (spec.min_args <= 2 && most >= 2) {
      for (size_t i = 0; i < values.size(); ++i) {
        for (size_t k = 0; k < values.size(); ++k) TryCall(spec, {values[i], values[k]});
      }
    }
    for (int argc = std::max<int>(3, spec.min_args); argc <= most; ++argc) {
      for (int n = 0; n < 2000; ++n) {
        std::vector<Value> args;
        for (int i = 0; i < argc; ++i) args.push_back(values[random() % values.size()]);
        TryCall(spec, args);
      }
    }
  }
  EXPECT_GT(calls, 200000);
}

TEST_F(AnyArgumentsTest, NamesAreUnique) {
  std::set<std::string> names;
  for (const PrimitiveSpec& spec : AllPrimitives()) {
    EXPECT_TRUE(names.insert(spec.name).second) << spec.name;
  }
}

TEST_F(PrimitiveTest, HugeSizesAreRefused) {
  for (const char* form :
       {"(make-vector 1000000000 0)", "(make-string 1000000000 #\\x)", "(make-bytevector 1000000000)",
        "(make-list 1000000000)", "(%make-hash-table 'equal 1000000000)"}) {
    EXPECT_EQ(Eval(form).substr(0, 10), "memory in ") << form;
  }
}

}  // namespace
}  // namespace islet::vm
