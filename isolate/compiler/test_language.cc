#include "isolate/compiler/test_language.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "gtest/gtest.h"
#include "isolate/compiler/compiler.h"
#include "isolate/compiler/disassembler.h"
#include "isolate/interpreter/code_checker.h"
#include "isolate/interpreter/stubs.h"
#include "isolate/reader/reader.h"

namespace islet::vm {
namespace {

// ---- Primitives, on fixnums

int32_t Int(Value v) { return v.IsFixnum() ? v.fixnum() : 0; }

template <typename F>
Value Fold(Value* args, uint32_t argc, int32_t start, F f) {
  int32_t result = start;
  for (uint32_t i = 0; i < argc; ++i) result = f(result, Int(args[i]));
  return Value::Fixnum(result);
}
template <typename F>
Value Chain(Value* args, uint32_t argc, F f) {
  for (uint32_t i = 0; i + 1 < argc; ++i) {
    if (!f(Int(args[i]), Int(args[i + 1]))) return kFalse;
  }
  return kTrue;
}

const PrimitiveSpec kPrimitives[] = {
    {"+", [](Vm&, Value* a, uint32_t n) { return Fold(a, n, 0, [](int x, int y) { return x + y; }); }, 0, -1},
    {"*", [](Vm&, Value* a, uint32_t n) { return Fold(a, n, 1, [](int x, int y) { return x * y; }); }, 0, -1},
    {"-",
     [](Vm&, Value* a, uint32_t n) {
       if (n == 1) return Value::Fixnum(-Int(a[0]));
       return Fold(a + 1, n - 1, Int(a[0]), [](int x, int y) { return x - y; });
     },
     1, -1},
    {"quotient", [](Vm&, Value* a, uint32_t) { return Value::Fixnum(Int(a[0]) / Int(a[1])); }, 2, 2},
    {"remainder", [](Vm&, Value* a, uint32_t) { return Value::Fixnum(Int(a[0]) % Int(a[1])); }, 2, 2},
    {"modulo", [](Vm&, Value* a, uint32_t) { return Value::Fixnum(Int(a[0]) % Int(a[1])); }, 2, 2},
    {"=", [](Vm&, Value* a, uint32_t n) { return Chain(a, n, [](int x, int y) { return x == y; }); }, 1, -1},
    {"<", [](Vm&, Value* a, uint32_t n) { return Chain(a, n, [](int x, int y) { return x < y; }); }, 1, -1},
    {"<=", [](Vm&, Value* a, uint32_t n) { return Chain(a, n, [](int x, int y) { return x <= y; }); }, 1, -1},
    {">", [](Vm&, Value* a, uint32_t n) { return Chain(a, n, [](int x, int y) { return x > y; }); }, 1, -1},
    {">=", [](Vm&, Value* a, uint32_t n) { return Chain(a, n, [](int x, int y) { return x >= y; }); }, 1, -1},
    {"zero?", [](Vm&, Value* a, uint32_t) { return Value::Boolean(Int(a[0]) == 0); }, 1, 1},
    {"positive?", [](Vm&, Value* a, uint32_t) { return Value::Boolean(Int(a[0]) > 0); }, 1, 1},
    {"negative?", [](Vm&, Value* a, uint32_t) { return Value::Boolean(Int(a[0]) < 0); }, 1, 1},
    {"eq?", [](Vm&, Value* a, uint32_t) { return Value::Boolean(a[0] == a[1]); }, 2, 2},
    {"eqv?", [](Vm&, Value* a, uint32_t) { return Value::Boolean(a[0] == a[1]); }, 2, 2},
    {"equal?", [](Vm&, Value* a, uint32_t) { return Value::Boolean(a[0] == a[1]); }, 2, 2},
    {"not", [](Vm&, Value* a, uint32_t) { return Value::Boolean(a[0] == kFalse); }, 1, 1},
    {"null?", [](Vm&, Value* a, uint32_t) { return Value::Boolean(a[0] == kNull); }, 1, 1},
    {"pair?", [](Vm&, Value* a, uint32_t) { return Value::Boolean(a[0].IsPair()); }, 1, 1},
    {"cons", [](Vm& vm, Value* a, uint32_t) { return vm.heap().Cons(a[0], a[1]); }, 2, 2},
    {"car",
     [](Vm& vm, Value* a, uint32_t) {
       return a[0].IsPair() ? vm.heap().car(a[0]) : vm.WrongType("car", 1, "a pair", a[0]);
     },
     1, 1},
    {"cdr",
     [](Vm& vm, Value* a, uint32_t) {
       return a[0].IsPair() ? vm.heap().cdr(a[0]) : vm.WrongType("cdr", 1, "a pair", a[0]);
     },
     1, 1},
    {"set-car!",
     [](Vm& vm, Value* a, uint32_t) { return vm.heap().Write(&vm.heap().Get<Pair>(a[0])->car, a[1]), kUnspecified; }, 2,
     2},
    {"set-cdr!",
     [](Vm& vm, Value* a, uint32_t) { return vm.heap().Write(&vm.heap().Get<Pair>(a[0])->cdr, a[1]), kUnspecified; }, 2,
     2},
    {"list",
     [](Vm& vm, Value* a, uint32_t n) {
       Value list = kNull;
       while (n-- > 0) list = vm.heap().Cons(a[n], list);
       return list;
     },
     0, -1},
    {"vector",
     [](Vm& vm, Value* a, uint32_t n) {
       const Value v = vm.heap().MakeVector(n, kFalse);
       for (uint32_t i = 0; i < n; ++i) vm.heap().Get<Vector>(v)->items[i] = a[i];
       return v;
     },
     0, -1},
    {"vector-ref", [](Vm& vm, Value* a, uint32_t) { return vm.heap().Get<Vector>(a[0])->items[a[1].fixnum()]; }, 2, 2},
    {"vector-set!",
     [](Vm& vm, Value* a, uint32_t) {
       vm.heap().Write(&vm.heap().Get<Vector>(a[0])->items[a[1].fixnum()], a[2]);
       return kUnspecified;
     },
     3, 3},
    {"opaque", [](Vm&, Value* a, uint32_t) { return a[0]; }, 1, 1},
};

}  // namespace

// ---- From syntax to core forms

class TestLanguage::Builder {
 public:
  Builder(TestLanguage& lisp, SyntaxArena& arena) : lisp_(lisp), arena_(arena) {}

  Core* Build(Syntax* s, const Scope* scope) {
    if (s->kind == Syntax::Kind::kSymbol) {
      if (Variable* v = Find(s->value, scope)) {
        ++v->reference_count;
        LocalRef* ref = Make<LocalRef>(Core::Kind::kLocalRef, s);
        ref->variable = v;
        return ref;
      }
      GlobalRef* ref = Make<GlobalRef>(Core::Kind::kGlobalRef, s);
      ref->cell = lisp_.CellOf(s->value);
      return ref;
    }
    if (!s->IsPair()) return MakeConstant(s->value, s);
    if (s->car->kind == Syntax::Kind::kSymbol && Find(s->car->value, scope) == nullptr) {
      const std::string name = lisp_.vm_->SymbolName(s->car->value);
      const std::vector<Syntax*> form = Items(s);
      if (name == "quote") return MakeConstant(Datum(form[1]), s);
      if (name == "if") {
        return MakeIf(s, Build(form[1], scope), Build(form[2], scope),
                      form.size() > 3 ? Build(form[3], scope) : MakeConstant(kUnspecified, s));
      }
      if (name == "cond") {  // (cond (test value) ... (else value))
        Core* result = MakeConstant(kUnspecified, s);
        for (size_t i = form.size(); i-- > 1;) {
          const std::vector<Syntax*> clause = Items(form[i]);
          Core* value = Build(clause[1], scope);
          result = clause[0]->value == lisp_.vm_->Intern("else")
                       ? value
                       : MakeIf(form[i], Build(clause[0], scope), value, result);
        }
        return result;
      }
      if (name == "set!") {
        if (Variable* v = Find(form[1]->value, scope)) {
          v->assigned = true;
          LocalSet* set = Make<LocalSet>(Core::Kind::kLocalSet, s);
          set->variable = v;
          set->value = Build(form[2], scope);
          return set;
        }
        GlobalSet* set = Make<GlobalSet>(Core::Kind::kGlobalSet, s);
        set->cell = lisp_.CellOf(form[1]->value);
        set->value = Build(form[2], scope);
        return set;
      }
      if (name == "define") {
        GlobalDefine* define = Make<GlobalDefine>(Core::Kind::kGlobalDefine, s);
        const bool procedure = form[1]->IsPair();
        const Value symbol = procedure ? form[1]->car->value : form[1]->value;
        define->cell = lisp_.CellOf(symbol);
        if (procedure) {
          const std::vector<Syntax*> body(form.begin() + 2, form.end());
          define->value = MakeLambda(s, symbol, {MakeClause(s, form[1]->cdr, body, scope)});
        } else {
          define->value = Build(form[2], scope);
        }
        return define;
      }
      if (name == "lambda") {
        return MakeLambda(s, kFalse, {MakeClause(s, form[1], {form.begin() + 2, form.end()}, scope)});
      }
      if (name == "case-lambda") {
        std::vector<Clause> clauses;
        for (size_t i = 1; i < form.size(); ++i) {
          const std::vector<Syntax*> clause = Items(form[i]);
          clauses.push_back(MakeClause(s, clause[0], {clause.begin() + 1, clause.end()}, scope));
        }
        return MakeLambda(s, kFalse, clauses);
      }
      if (name == "begin") return Body(s, {form.begin() + 1, form.end()}, scope);
      if (name == "let" && form[1]->kind == Syntax::Kind::kSymbol) return NamedLet(s, form, scope);
      if (name == "let" || name == "letrec") return Binding(s, form, scope, name == "letrec");
      if (name == "and" || name == "or") return AndOr(s, form, 1, scope, name == "and");
    }
    Call* call = Make<Call>(Core::Kind::kCall, s);
    call->callee = Build(s->car, scope);
    std::vector<Core*> args;
    for (Syntax* rest = s->cdr; rest->IsPair(); rest = rest->cdr) args.push_back(Build(rest->car, scope));
    call->args = Copy(args);
    return call;
  }

 private:
  template <typename T>
  T* Make(Core::Kind kind, const Syntax* s) {
    T* form = arena_.New<T>();
    form->kind = kind;
    form->position = s->position;
    return form;
  }
  template <typename T>
  absl::Span<T> Copy(const std::vector<T>& items) {
    return arena_.Copy(absl::MakeConstSpan(items));
  }
  static Variable* Find(Value name, const Scope* scope) {
    for (; scope; scope = scope->outer) {
      if (scope->name == name) return scope->variable;
    }
    return nullptr;
  }
  static std::vector<Syntax*> Items(Syntax* list) {
    std::vector<Syntax*> items;
    for (; list->IsPair(); list = list->cdr) items.push_back(list->car);
    return items;
  }
  Value Datum(Syntax* s) {
    if (s->IsPair()) return lisp_.vm_->heap().Cons(Datum(s->car), Datum(s->cdr));
    return s->value;
  }
  Core* MakeConstant(Value v, const Syntax* s) {
    Constant* c = Make<Constant>(Core::Kind::kConstant, s);
    c->value = v;
    arena_.AddRoot(&c->value);
    return c;
  }
  Core* MakeIf(const Syntax* s, Core* test, Core* consequent, Core* alternative) {
    If* branch = Make<If>(Core::Kind::kIf, s);
    branch->test = test;
    branch->consequent = consequent;
    branch->alternative = alternative;
    return branch;
  }
  Core* MakeLambda(const Syntax* s, Value name, const std::vector<Clause>& clauses) {
    Lambda* lambda = Make<Lambda>(Core::Kind::kLambda, s);
    lambda->name = name;
    lambda->clauses = Copy(clauses);
    return lambda;
  }
  Variable* Bind(Syntax* name, const Scope** scope) {
    Variable* v = arena_.New<Variable>();
    v->name = name->value;
    Scope* inner = arena_.New<Scope>();
    *inner = {name->value, v, *scope};
    *scope = inner;
    return v;
  }
  Core* Body(const Syntax* s, const std::vector<Syntax*>& forms, const Scope* scope) {
    std::vector<Core*> items;
    for (Syntax* form : forms) items.push_back(Build(form, scope));
    if (items.size() == 1) return items[0];
    Sequence* sequence = Make<Sequence>(Core::Kind::kSequence, s);
    sequence->items = Copy(items);
    return sequence;
  }
  Clause MakeClause(const Syntax* s, Syntax* names, const std::vector<Syntax*>& body, const Scope* scope) {
    Clause clause;
    std::vector<Variable*> required;
    for (; names->IsPair(); names = names->cdr) required.push_back(Bind(names->car, &scope));
    if (!names->IsNull()) clause.rest = Bind(names, &scope);
    clause.required = Copy(required);
    clause.body = Body(s, body, scope);
    return clause;
  }
  template <typename T>
  Core* FinishBinding(T* form, const std::vector<Variable*>& variables, const std::vector<Core*>& inits, Core* body) {
    form->variables = Copy(variables);
    form->inits = Copy(inits);
    form->body = body;
    return form;
  }
  Core* Binding(Syntax* s, const std::vector<Syntax*>& form, const Scope* scope, bool recursive) {
    std::vector<Variable*> variables;
    std::vector<Core*> inits;
    const std::vector<Syntax*> bindings = Items(form[1]);
    const Scope* inner = scope;
    for (Syntax* binding : bindings) variables.push_back(Bind(binding->car, &inner));
    for (Syntax* binding : bindings) inits.push_back(Build(binding->cdr->car, recursive ? inner : scope));
    Core* body = Body(s, {form.begin() + 2, form.end()}, inner);
    if (recursive) return FinishBinding(Make<Letrec>(Core::Kind::kLetrec, s), variables, inits, body);
    return FinishBinding(Make<Let>(Core::Kind::kLet, s), variables, inits, body);
  }
  Core* NamedLet(Syntax* s, const std::vector<Syntax*>& form, const Scope* scope) {
    const Scope* inner = scope;
    Variable* name = Bind(form[1], &inner);
    const std::vector<Syntax*> bindings = Items(form[2]);
    std::vector<Syntax*> names;
    Call* call = Make<Call>(Core::Kind::kCall, s);
    std::vector<Core*> args;
    for (Syntax* binding : bindings) {
      names.push_back(binding->car);
      args.push_back(Build(binding->cdr->car, scope));
    }
    Clause clause =
        MakeClause(s, arena_.List(absl::MakeConstSpan(names), s->position), {form.begin() + 3, form.end()}, inner);
    LocalRef* ref = Make<LocalRef>(Core::Kind::kLocalRef, s);
    ref->variable = name;
    ++name->reference_count;
    call->callee =
        FinishBinding(Make<Letrec>(Core::Kind::kLetrec, s), {name}, {MakeLambda(s, form[1]->value, {clause})}, ref);
    call->args = Copy(args);
    return call;
  }
  Core* AndOr(Syntax* s, const std::vector<Syntax*>& form, size_t i, const Scope* scope, bool is_and) {
    if (form.size() == 1) return MakeConstant(Value::Boolean(is_and), s);
    Core* first = Build(form[i], scope);
    if (i + 1 == form.size()) return first;
    Core* rest = AndOr(s, form, i + 1, scope, is_and);
    if (is_and) return MakeIf(s, first, rest, MakeConstant(kFalse, s));
    Variable* v = arena_.New<Variable>();
    v->name = kFalse;
    v->reference_count = 2;
    const auto ref = [&] {
      LocalRef* r = Make<LocalRef>(Core::Kind::kLocalRef, s);
      r->variable = v;
      return r;
    };
    return FinishBinding(Make<Let>(Core::Kind::kLet, s), {v}, {first}, MakeIf(s, ref(), ref(), rest));
  }

  TestLanguage& lisp_;
  SyntaxArena& arena_;
};

// ---- The machine

TestLanguage::TestLanguage() {
  auto cage = Cage::Create(CageLayout::For(uint64_t{1} << 32, 0, 0), ImageSource());
  if (!cage.ok()) {
    ADD_FAILURE() << cage.status();
    return;
  }
  vm_ = std::make_unique<Vm>(std::make_unique<Heap>(*std::move(cage), HeapOptions()), absl::MakeConstSpan(kPrimitives));
  MakeStubs(*vm_);
  vm_->heap().AddRoots(this);
  const auto define = [&](absl::string_view name, Value v) {
    Cell* cell = vm_->heap().Get<Cell>(CellOf(vm_->Intern(name)));
    cell->header |= MakeHeader(static_cast<ObjectType>(0), kConstantCellFlag);
    vm_->heap().Write(&cell->value, v);
  };
  for (const PrimitiveSpec& p : kPrimitives) define(p.name, vm_->FindPrimitive(p.name));
  for (const absl::string_view name : kStubProcedureNames) define(name, MakeStubProcedure(*vm_, name));
}

TestLanguage::~TestLanguage() {
  if (vm_) vm_->heap().RemoveRoots(this);
}

void TestLanguage::VisitRoots(Visit visit, void* context) {
  for (auto& [symbol, cell] : cells_) visit(&cell, context);
}

Value TestLanguage::CellOf(Value symbol) {
  auto [found, added] = cells_.try_emplace(symbol.bits, kFalse);
  if (added) {
    Cell* cell = vm_->heap().New<Cell>();
    cell->name = symbol;
    cell->value = kUndefined;
    found->second = vm_->heap().ValueOf(cell);
  }
  return found->second;
}

std::vector<Syntax*> TestLanguage::Read(SyntaxArena& arena, absl::string_view text) {
  Reader reader(*vm_, arena, text, "test.lisp");
  std::vector<Syntax*> forms;
  Syntax* form;
  while (reader.ReadNext(&form) == Reader::Result::kDatum) forms.push_back(form);
  EXPECT_FALSE(reader.failed()) << reader.error().ToString();
  return forms;
}

Value TestLanguage::CompileForm(SyntaxArena& arena, Syntax* form) {
  Core* core = Builder(*this, arena).Build(form, nullptr);
  absl::StatusOr<Value> closure = Compile(*vm_, arena, core);
  if (!closure.ok()) {
    ADD_FAILURE() << closure.status();
    return kFalse;
  }
  for (const ::islet::vm::Code* code : AllCode(vm_->heap(), *closure)) {
    const absl::Status status = CheckCode(vm_->heap(), code);
    EXPECT_TRUE(status.ok()) << status << "\n" << Disassemble(vm_->heap(), code);
  }
  return *closure;
}

std::string TestLanguage::Run(absl::string_view program) {
  SyntaxArena arena(&vm_->heap());
  Value result = kUnspecified;
  for (Syntax* form : Read(arena, program)) {
    const Value closure = CompileForm(arena, form);
    if (::testing::Test::HasFailure()) return "not compiled";
    absl::StatusOr<Value> value = vm_->Call(closure, {});
    if (!value.ok()) return absl::StrCat("error: ", value.status().message());
    result = *value;
  }
  return Show(result);
}

std::string TestLanguage::Code(absl::string_view program) {
  SyntaxArena arena(&vm_->heap());
  std::string text;
  const std::vector<Syntax*> forms = Read(arena, program);
  for (size_t i = 0; i < forms.size(); ++i) {
    const Value closure = CompileForm(arena, forms[i]);
    if (i + 1 < forms.size()) {
      EXPECT_TRUE(vm_->Call(closure, {}).ok());
      continue;
    }
    for (const ::islet::vm::Code* code : AllCode(vm_->heap(), closure)) {
      absl::StrAppend(&text, Disassemble(vm_->heap(), code), "\n");
    }
  }
  return text;
}

std::string TestLanguage::Show(Value v, int depth) {
  Heap& heap = vm_->heap();
  if (v.IsFixnum()) return absl::StrCat(v.fixnum());
  if (v == kFalse) return "#f";
  if (v == kTrue) return "#t";
  if (v == kNull) return "()";
  if (heap.Is<Symbol>(v)) return vm_->SymbolName(v);
  if (heap.Is<Closure>(v)) return "#<procedure>";
  if (const Vector* vector = heap.TryGet<Vector>(v)) {
    std::string text = "#(";
    for (uint32_t i = 0; i < vector->length; ++i) {
      absl::StrAppend(&text, i ? " " : "", Show(vector->items[i], depth + 1));
    }
    return text + ")";
  }
  if (!v.IsPair() || depth > 20) return "#<other>";
  std::string text = "(" + Show(heap.car(v), depth + 1);
  for (v = heap.cdr(v); v.IsPair(); v = heap.cdr(v)) absl::StrAppend(&text, " ", Show(heap.car(v), depth + 1));
  if (v != kNull) absl::StrAppend(&text, " . ", Show(v, depth + 1));
  return text + ")";
}

std::vector<const Code*> AllCode(Heap& heap, Value closure) {
  std::vector<const Code*> all;
  std::vector<Value> pending = {heap.Get<Closure>(closure)->code};
  while (!pending.empty()) {
    const Code* code = heap.Get<Code>(pending.back());
    pending.pop_back();
    if (std::find(all.begin(), all.end(), code) != all.end()) continue;
    all.push_back(code);
    for (uint32_t i = code->ref_count; i-- > 0;) {
      const Value v = Value::FromBits(code->instructions[code->refs()[i]]);
      if (heap.Is<Code>(v)) pending.push_back(v);
      if (heap.Is<Closure>(v)) pending.push_back(heap.Get<Closure>(v)->code);
    }
  }
  return all;
}

}  // namespace islet::vm
