// Calls: of procedures, of loops (jumps), of primitives.

#include <algorithm>

#include "absl/strings/string_view.h"
#include "isolate/compiler/codegen.h"
#include "isolate/compiler/core_builder.h"
#include "isolate/interpreter/stubs.h"

namespace islet::vm {
namespace {

using Kind = Core::Kind;

uint32_t U(int reg) { return static_cast<uint32_t>(reg); }
uint32_t U(Taken taken) { return static_cast<uint32_t>(taken); }

// Finds which of `count` registers an expression reads, with a bounded amount of work: beyond it, all are assumed.
class ReadSet {
 public:
  ReadSet(const Function* function, int first, size_t count)
      : function_(function), first_(first), reads_(count, false) {}

  void Add(Core* core) {
    if (budget_ == 0) {
      reads_.assign(reads_.size(), true);
      return;
    }
    --budget_;
    switch (core->kind) {
      case Kind::kConstant:
      case Kind::kGlobalRef:
        return;
      case Kind::kLocalRef:
        return AddVariable(As<LocalRef>(core)->variable);
      case Kind::kLocalSet:
        AddVariable(As<LocalSet>(core)->variable);
        return Add(As<LocalSet>(core)->value);
      case Kind::kGlobalSet:
        return Add(As<GlobalSet>(core)->value);
      case Kind::kGlobalDefine:
        return Add(As<GlobalDefine>(core)->value);
      case Kind::kIf:
        Add(As<If>(core)->test);
        Add(As<If>(core)->consequent);
        return Add(As<If>(core)->alternative);
      case Kind::kLambda:
        for (const Variable* v : As<LambdaForm>(core)->function->free) AddVariable(v);
        return;
      case Kind::kSequence:
        for (Core* item : As<Sequence>(core)->items) Add(item);
        return;
      case Kind::kCall:
        Add(As<Call>(core)->callee);
        for (Core* arg : As<Call>(core)->args) Add(arg);
        return;
      case Kind::kLet:
        for (Core* init : As<Let>(core)->inits) Add(init);
        return Add(As<Let>(core)->body);
      case Kind::kLetrec:
        budget_ = 0;
        return Add(core);
    }
  }
  bool Reads(size_t i) const { return reads_[i]; }

 private:
  void AddVariable(const Variable* v) {
    const VariableNote* note = Note(v);
    if (note->owner != function_) return;
    const int index = note->reg - first_;
    if (index >= 0 && index < static_cast<int>(reads_.size())) reads_[index] = true;
  }

  const Function* function_;
  int first_;
  std::vector<bool> reads_;
  int budget_ = 64;
};

}  // namespace

// ---- Calls of procedures

// Arguments into consecutive registers. Those that need work are evaluated first.
void Codegen::CompileArguments(absl::Span<Core* const> args, int first) {
  const int count = static_cast<int>(args.size());
  for (const bool simple : {false, true}) {
    for (int i = 0; i < count; ++i) {
      if (IsSimple(args[i]) != simple) continue;
      next_ = first + i;
      Compile(args[i], Register(Top()));
    }
  }
  next_ = first + count;
  if (count > 0) Touch(next_ - 1);
}

void Codegen::CompileCall(Call* call, Dest dest) {
  const size_t argc = call->args.size();
  if (call->callee->kind == Kind::kLocalRef) {
    const Variable* v = As<LocalRef>(call->callee)->variable;
    const VariableNote* note = Note(v);
    if (note->loop) return CompileJump(call->args, note->lambda->clauses[0].required, note->entry);
    if (v == function_->self && dest.kind == Dest::kTail && function_->lambda->clauses.size() == 1 &&
        clause_->rest == nullptr && clause_->required.size() == argc) {
      return CompileJump(call->args, clause_->required, entry_);
    }
  }
  const std::optional<uint32_t> primitive = KnownPrimitive(vm_, call->callee, argc);
  if (primitive) {
    if (const InlinePrimitive* p = FindInline(heap_, vm_.primitives()[*primitive].name, call->args)) {
      return CompileInline(call, *primitive, *p, dest);
    }
  }
  if (argc > kMaxDirectArgs) return CompileListCall(call, dest);
  if (primitive) return CompilePrimitive(call, *primitive, dest);

  const int window = next_;
  const bool global = call->callee->kind == Kind::kGlobalRef;
  const bool simple = IsSimple(call->callee);
  if (!simple) Compile(call->callee, Register(Top()));
  CompileArguments(call->args, window + kFrameHeaderWords);
  Touch(window + kFrameHeaderWords - 1);
  if (simple && !global) {
    const int top = next_;
    Compile(call->callee, Register(window));
    next_ = top;
  }
  next_ = window;
  asm_.SetPosition(call->position);
  const bool tail = dest.kind == Dest::kTail;
  if (global) {
    asm_.Emit(tail ? Op::kTailCallGlobal : Op::kCallGlobal, U(window), static_cast<uint32_t>(argc),
              tail ? 0 : U(dest.taken));
    asm_.EmitValue(As<GlobalRef>(call->callee)->cell);
  } else {
    asm_.Emit(tail ? Op::kTailCall : Op::kCall, U(window), static_cast<uint32_t>(argc), tail ? 0 : U(dest.taken));
  }
  if (!tail) Deliver(window, dest);
}

// Very many arguments are put into a list, for `apply`.
void Codegen::CompileListCall(Call* call, Dest dest) {
  const int window = next_, list = window + 4;
  next_ = list;
  LoadConstant(Push(), kNull);
  for (size_t i = call->args.size(); i-- > 0 && !shared_.steps.ended();) {
    const int value = Operand(call->args[i]);
    asm_.Emit(Op::kCons, U(list), U(value), U(list));
    next_ = list + 1;
  }
  Compile(call->callee, Register(window + kFrameHeaderWords));
  if (shared_.apply == kFalse) shared_.apply = MakeStubProcedure(vm_, "apply");
  LoadConstant(window, shared_.apply);
  Touch(list + 1);
  next_ = window;
  asm_.SetPosition(call->position);
  const bool tail = dest.kind == Dest::kTail;
  asm_.Emit(tail ? Op::kTailCall : Op::kCall, U(window), 2, tail ? 0 : U(dest.taken));
  if (!tail) Deliver(window, dest);
}

// ---- Jumps

// All arguments are evaluated before any variable that they read is changed; as few as possible go
// through temporaries.
void Codegen::CompileJump(absl::Span<Core* const> args, absl::Span<Variable* const> parameters, Label entry) {
  const int saved = next_;
  const SourcePosition position = args.empty() ? SourcePosition() : args[0]->position;
  const int first = parameters.empty() ? 0 : Note(parameters[0])->reg;
  struct Move {
    int to, from;
  };
  std::vector<Move> moves;
  std::vector<size_t> left;
  std::vector<ReadSet> reads;
  for (size_t i = 0; i < args.size(); ++i) {
    reads.emplace_back(function_, first, parameters.size());
    reads.back().Add(args[i]);
    // (loop ... x ...) where x is the variable itself, and not in a box (each round has a box of
    // its own).
    const bool same = args[i]->kind == Kind::kLocalRef && As<LocalRef>(args[i])->variable == parameters[i] &&
                      !Note(parameters[i])->boxed;
    if (!same) left.push_back(i);
  }
  while (!left.empty()) {
    const auto blocked = [&](size_t i) {
      return std::any_of(left.begin(), left.end(), [&](size_t j) { return j != i && reads[j].Reads(i); });
    };
    auto chosen = std::find_if(left.begin(), left.end(), [&](size_t i) { return !blocked(i); });
    const bool direct = chosen != left.end();
    if (!direct) chosen = left.begin();
    const size_t i = *chosen;
    left.erase(chosen);
    const int to = first + static_cast<int>(i);
    if (direct) {
      Compile(args[i], Register(to));
    } else {
      Compile(args[i], Register(Top()));
      moves.push_back({to, Push()});
    }
  }
  for (const Move& move : moves) asm_.Emit(Op::kMove, U(move.to), U(move.from));
  next_ = saved;
  asm_.SetPosition(position);
  asm_.Jump(entry);
}

// ---- Primitives

void Codegen::CompilePrimitive(Call* call, uint32_t primitive, Dest dest) {
  const int window = next_;
  Touch(window);
  CompileArguments(call->args, window);
  next_ = window;
  asm_.SetPosition(call->position);
  asm_.Emit(Op::kCallPrimitive, U(window), static_cast<uint32_t>(call->args.size()), U(dest.taken));
  asm_.EmitWord(primitive);
  Deliver(window, dest);
}

void Codegen::NoteOperands(Op op, uint32_t primitive, uint32_t first, uint32_t second) {
  if (first == 1 && second == 2 && NumericName(op) == vm_.primitives()[primitive].name) return;
  asm_.SetNote({primitive, first, second});
}

void Codegen::CompileInline(Call* call, uint32_t primitive, const InlinePrimitive& p, Dest dest) {
  const int saved = next_;
  const absl::Span<Core*> args = call->args;
  const bool test = dest.kind == Dest::kTest;
  int r[4] = {0, 0, 0, 0};
  const auto operands = [&](absl::Span<Core* const> cores) {
    Operands(cores, r);
    next_ = saved;
    asm_.SetPosition(call->position);
  };
  const auto target = [&] {
    const int reg = Target(dest);
    Touch(reg);
    return U(reg);
  };
  switch (p.form) {
    case InlineForm::kUnary: {
      operands(args);
      if (test && p.op == Op::kIsNull) return Branch(dest, Op::kJumpIfNotNull, Op::kJumpIfNull, U(r[0]));
      if (test && p.op == Op::kIsPair) return Branch(dest, Op::kJumpIfNotPair, Op::kJumpIfPair, U(r[0]));
      const uint32_t to = target();
      asm_.Emit(p.op, to, U(r[0]));
      return Deliver(static_cast<int>(to), dest);
    }
    case InlineForm::kNot: {
      if (test) return Compile(args[0], Test(dest.on_false, dest.on_true, dest.next));
      operands(args);
      const uint32_t to = target();
      asm_.Emit(p.op, to, U(r[0]));
      return Deliver(static_cast<int>(to), dest);
    }
    case InlineForm::kBinary: {
      operands(args);
      const uint32_t to = target();
      asm_.Emit(p.op, to, U(r[0]), U(r[1]));
      return Deliver(static_cast<int>(to), dest);
    }
    case InlineForm::kStore2:
      operands(args);
      asm_.Emit(p.op, U(r[0]), U(r[1]));
      return DeliverConstant(kUnspecified, dest);
    case InlineForm::kStore3:
      operands(args);
      asm_.Emit(p.op, U(r[0]), U(r[1]), U(r[2]));
      return DeliverConstant(kUnspecified, dest);
    case InlineForm::kFold:
      return CompileFold(call, primitive, p.op, dest);
    case InlineForm::kCompare:
    case InlineForm::kCompareSwapped:
    case InlineForm::kSign:
      return CompileComparison(call, primitive, p, dest);
    case InlineForm::kEq:
    case InlineForm::kEqual:
      return CompileEq(call, p, dest);
    case InlineForm::kRecordRef: {
      operands(args.subspan(0, 2));
      const uint32_t to = target();
      asm_.Emit(p.op, to, U(r[0]), U(r[1]));
      asm_.EmitWord(static_cast<uint32_t>(*SmallConstant(args[2])));
      asm_.EmitValue(args.size() > 3 ? As<Constant>(args[3])->value : kFalse);
      return Deliver(static_cast<int>(to), dest);
    }
    case InlineForm::kRecordSet: {
      Core* const values[] = {args[0], args[1], args[3]};
      operands(values);
      asm_.Emit(p.op, U(r[0]), U(r[1]), U(r[2]));
      asm_.EmitWord(static_cast<uint32_t>(*SmallConstant(args[2])));
      asm_.EmitValue(args.size() > 4 ? As<Constant>(args[4])->value : kFalse);
      return DeliverConstant(kUnspecified, dest);
    }
  }
}

// `core` as a product of two factors, if it is one.
const Call* Codegen::ProductOf(const Core* core) {
  if (core->kind != Kind::kCall) return nullptr;
  const Call* call = static_cast<const Call*>(core);
  if (call->args.size() != 2) return nullptr;
  const std::optional<uint32_t> primitive = KnownPrimitive(vm_, call->callee, 2);
  return primitive && absl::string_view(vm_.primitives()[*primitive].name) == "*" ? call : nullptr;
}

// (+ a b c ...), from the left.
void Codegen::CompileFold(Call* call, uint32_t primitive, Op op, Dest dest) {
  const int saved = next_;
  const size_t count = call->args.size();
  int sum = -1;
  for (size_t i = 1; i < count; ++i) {
    if (shared_.steps.ended()) {
      next_ = saved;
      return DeliverConstant(kUnspecified, dest);
    }
    const int base = next_;
    const FoldStep step = PrepareFoldStep(op, i == 1 ? call->args[0] : nullptr, sum, call->args[i]);
    next_ = base;
    int to;
    if (i + 1 == count) {
      next_ = saved;
      to = Target(dest);
    } else {
      to = sum >= 0 ? sum : Push();
    }
    Touch(to);
    asm_.SetPosition(call->position);
    const uint32_t left = i == 1 ? 1 : 0, right = static_cast<uint32_t>(i) + 1;
    NoteOperands(step.op, primitive, step.swapped ? right : left, step.swapped ? left : right);
    asm_.Emit(step.op, U(to), U(step.left), static_cast<uint32_t>(step.right) & 0xff);
    if (step.second_factor >= 0) asm_.EmitWord(U(step.second_factor));
    sum = to;
  }
  Deliver(sum, dest);
}

// The operands of `left` op `right`, where `left` may be in the register `sum` instead.
Codegen::FoldStep Codegen::PrepareFoldStep(Op op, Core* left, int sum, Core* right) {
  const bool additive = op == Op::kAdd || op == Op::kSubtract;
  std::optional<int> small = additive ? SmallConstant(right) : std::nullopt;
  const bool swapped = !small && left && op == Op::kAdd && (small = SmallConstant(left));
  if (swapped) left = right;
  if (small) {
    return {op == Op::kAdd ? Op::kAddInt : Op::kSubtractInt, left ? Operand(left) : sum, *small, -1, swapped};
  }
  if (additive) {
    const Call* product = ProductOf(right);
    Core* other = left;
    Op fused = op == Op::kAdd ? Op::kAddProduct : Op::kSubtractProduct;
    const bool product_first = product == nullptr && left && (product = ProductOf(left));
    if (product_first) {
      other = right;
      if (op == Op::kSubtract) fused = Op::kProductMinus;
    }
    if (product) {
      Core* const cores[] = {product->args[0], product->args[1], other};
      int r[3] = {-1, -1, sum};
      Operands(absl::MakeConstSpan(cores, other ? 3 : 2), r);
      // ProductMinus alone takes the product first.
      return {fused, r[2], r[0], r[1], product_first && op == Op::kAdd};
    }
  }
  if (left == nullptr) return {op, sum, Operand(right), -1, false};
  Core* const both[] = {left, right};
  int r[2];
  Operands(both, r);
  return {op, r[0], r[1], -1, false};
}

void Codegen::CompileComparison(Call* call, uint32_t primitive, const InlinePrimitive& p, Dest dest) {
  const int saved = next_;
  const bool sign = p.form == InlineForm::kSign;
  Core* left = call->args[0];
  Core* right = sign ? nullptr : call->args[1];
  // left `op` right, or right `op` left.
  bool swapped = p.form == InlineForm::kCompareSwapped || (sign && absl::string_view(p.name) == "positive?");
  std::optional<int> small = sign ? std::optional<int>(0) : SmallConstant(right);
  // The numbers of the arguments that left and right are.
  uint32_t first = 1, second = 2;
  if (!small && (small = SmallConstant(left))) {
    left = right;
    swapped = !swapped;
    std::swap(first, second);
  }
  if (dest.kind == Dest::kTest && small) {
    const int reg = Operand(left);
    next_ = saved;
    asm_.SetPosition(call->position);
    Op op = Op::kJumpIfNotNumEqInt;
    if (p.op == Op::kLess) op = swapped ? Op::kJumpIfNotGreaterInt : Op::kJumpIfNotLessInt;
    if (p.op == Op::kLessEq) op = swapped ? Op::kJumpIfNotGreaterEqInt : Op::kJumpIfNotLessEqInt;
    NoteOperands(op, primitive, first, second);
    return Branch(dest, op, std::nullopt, U(reg), static_cast<uint32_t>(*small) & 0xff);
  }
  int r[2];
  if (small) {
    r[0] = Operand(left);
    r[1] = Push();
    LoadConstant(r[1], Value::Fixnum(*small));
  } else {
    Core* const both[] = {left, right};
    Operands(both, r);
  }
  if (swapped) {
    std::swap(r[0], r[1]);
    std::swap(first, second);
  }
  next_ = saved;
  asm_.SetPosition(call->position);
  if (dest.kind == Dest::kTest) {
    const Op op = p.op == Op::kLess     ? Op::kJumpIfNotLess
                  : p.op == Op::kLessEq ? Op::kJumpIfNotLessEq
                                        : Op::kJumpIfNotNumEq;
    NoteOperands(op, primitive, first, second);
    return Branch(dest, op, std::nullopt, U(r[0]), U(r[1]));
  }
  const int to = Target(dest);
  Touch(to);
  NoteOperands(p.op, primitive, first, second);
  asm_.Emit(p.op, U(to), U(r[0]), U(r[1]));
  Deliver(to, dest);
}

void Codegen::CompileEq(Call* call, const InlinePrimitive& p, Dest dest) {
  const int saved = next_;
  Core* left = call->args[0];
  Core* right = call->args[1];
  const Constant* constant = EqConstant(heap_, right);
  if (constant == nullptr && (constant = EqConstant(heap_, left))) left = right;
  if (dest.kind == Dest::kTest && constant) {
    const int reg = Operand(left);
    next_ = saved;
    if (constant->value == kNull) return Branch(dest, Op::kJumpIfNotNull, Op::kJumpIfNull, U(reg));
    return Branch(dest, Op::kJumpIfNotEqConst, std::nullopt, U(reg), 0, &constant->value);
  }
  int r[2];
  Operands(call->args, r);
  next_ = saved;
  const Op op = constant ? Op::kIsEq : p.op;
  if (dest.kind == Dest::kTest && op == Op::kIsEq) {
    return Branch(dest, Op::kJumpIfNotEq, std::nullopt, U(r[0]), U(r[1]));
  }
  const int to = Target(dest);
  Touch(to);
  asm_.Emit(op, U(to), U(r[0]), U(r[1]));
  Deliver(to, dest);
}

}  // namespace islet::vm
