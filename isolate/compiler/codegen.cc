#include "isolate/compiler/codegen.h"

#include <algorithm>

#include "isolate/compiler/core_builder.h"
#include "isolate/heap/arity.h"
#include "isolate/interpreter/source_map.h"

namespace islet::vm {
namespace {

using Kind = Core::Kind;

// Evaluating it has no effect and cannot fail.
bool IsPure(const Core* core) {
  if (core->kind == Kind::kLocalRef) return !Note(static_cast<const LocalRef*>(core)->variable)->checked;
  return core->kind == Kind::kConstant || core->kind == Kind::kLambda;
}

Value ArityOf(const LambdaForm& lambda) {
  uint32_t least = ~0u, most = 0;
  bool rest = false;
  for (const Clause& clause : lambda.clauses) {
    const uint32_t n = static_cast<uint32_t>(clause.required.size());
    least = std::min(least, n);
    most = std::max(most, n);
    rest |= clause.rest != nullptr;
  }
  if (least == ~0u) least = 0;
  const Arity arity = {least, std::min(most - least, Arity::kMostOptional), rest};
  return arity.ToValue();
}

}  // namespace

// ---- Functions

absl::Status Codegen::Run() {
  const LambdaForm& lambda = *function_->lambda;
  asm_.SetPosition(lambda.position);
  std::vector<size_t> frame_words;
  if (lambda.clauses.size() == 1) {
    const Clause& clause = lambda.clauses[0];
    asm_.Emit(clause.rest ? Op::kEnterRest : Op::kEnter, static_cast<uint32_t>(clause.required.size()));
    frame_words.push_back(asm_.size());
    asm_.EmitWord(0);
    CompileClause(clause);
  } else {
    for (const Clause& clause : lambda.clauses) {
      const Label next = asm_.NewLabel();
      asm_.Emit(Op::kEnterIf, static_cast<uint32_t>(clause.required.size()));
      asm_.EmitWord(clause.rest ? 1 : 0);
      frame_words.push_back(asm_.size());
      asm_.EmitWord(0);
      asm_.EmitJump(next);
      CompileClause(clause);
      asm_.Bind(next);
    }
    asm_.SetPosition(lambda.position);
    asm_.Emit(Op::kArityError);
  }
  for (const size_t word : frame_words) asm_.PatchWord(word, static_cast<uint32_t>(frame_size_));
  if (asm_.overflowed()) return absl::InternalError("a function needs too many registers");

  if (shared_.steps.ended()) return absl::CancelledError("compiling has been interrupted");
  Code* code = asm_.Finish(heap_, shared_.steps);
  code->name = lambda.name;
  code->arity = ArityOf(lambda);
  code->frame_size = Value::Fixnum(frame_size_);
  SourceMapBuilder map;
  for (size_t i = 0; i < asm_.positions().size() && shared_.steps.Add(2); ++i) {
    const Assembler::Position& p = asm_.positions()[i];
    map.Add(p.word, p.line, p.column, p.has_note ? &p.note : nullptr);
  }
  code->positions = map.Finish(heap_);
  if (const std::string* file = lambda.position.file) {
    auto found = std::find_if(shared_.files.begin(), shared_.files.end(),
                              [&](const auto& entry) { return *entry.first == *file; });
    if (found == shared_.files.end()) {
      shared_.files.emplace_back(file, vm_.MakeString(*file, kImmutableFlag));
      found = shared_.files.end() - 1;
    }
    code->file = found->second;
  }
  function_->code = heap_.ValueOf(code);
  if (function_->is_static) heap_.Get<Closure>(function_->closure)->code = function_->code;
  return absl::OkStatus();
}

void Codegen::CompileClause(const Clause& clause) {
  next_ = 0;
  for (Variable* v : clause.required) Note(v)->reg = Push();
  if (clause.rest) Note(clause.rest)->reg = Push();
  clause_ = &clause;
  entry_ = asm_.NewLabel();
  asm_.Bind(entry_);
  BindParameters(clause.required);
  if (clause.rest) BindParameters(absl::MakeConstSpan(&clause.rest, 1));
  if (function_->keep_frame) {
    const int result = Top();
    Compile(clause.body, Register(result, Taken::kPassedOn));
    Deliver(result, Tail());
  } else {
    Compile(clause.body, Tail());
  }
}

void Codegen::BindParameters(absl::Span<Variable* const> parameters) {
  for (const Variable* v : parameters) {
    const uint32_t reg = static_cast<uint32_t>(Note(v)->reg);
    if (Note(v)->boxed) asm_.Emit(Op::kMakeBox, reg, reg);
  }
}

// ---- Delivering values

void Codegen::LoadConstant(int reg, Value v) {
  Touch(reg);
  const uint32_t a = static_cast<uint32_t>(reg);
  if (v.IsFixnum() && v.fixnum() >= -32768 && v.fixnum() <= 32767) {
    const uint32_t n = static_cast<uint32_t>(v.fixnum());
    asm_.Emit(Op::kLoadInt, a, n & 0xff, n >> 8 & 0xff);
  } else {
    asm_.Emit(Op::kLoadConst, a);
    asm_.EmitValue(v);
  }
}

int Codegen::RegisterOf(const Variable* v) {
  const VariableNote* note = Note(v);
  if (note->owner != function_ || note->boxed || (note->function && note->function->is_static)) return -1;
  return note->reg;
}

void Codegen::LoadVariable(const Variable* v, int reg) {
  Touch(reg);
  const VariableNote* note = Note(v);
  const uint32_t a = static_cast<uint32_t>(reg);
  if (note->function && note->function->is_static) {
    LoadConstant(reg, note->function->closure);
  } else if (note->owner == function_) {
    if (note->boxed) {
      asm_.Emit(Op::kBoxRef, a, static_cast<uint32_t>(note->reg));
    } else if (note->reg != reg) {
      asm_.Emit(Op::kMove, a, static_cast<uint32_t>(note->reg));
    }
  } else if (function_->self == v) {
    asm_.Emit(Op::kLoadSelf, a);
  } else {
    LoadFree(v, reg);
    if (note->boxed) asm_.Emit(Op::kBoxRef, a, a);
  }
}

void Codegen::LoadFree(const Variable* v, int reg) {
  Touch(reg);
  const uint32_t index = function_->free.Find(v)->index;
  if (index < 256) {
    asm_.Emit(Op::kLoadFree, static_cast<uint32_t>(reg), index);
  } else {
    asm_.Emit(Op::kLoadFreeWide, static_cast<uint32_t>(reg));
    asm_.EmitWord(index);
  }
}

void Codegen::Deliver(int reg, Dest dest) {
  const uint32_t a = static_cast<uint32_t>(reg);
  switch (dest.kind) {
    case Dest::kEffect:
      return;
    case Dest::kRegister:
      Touch(dest.reg);
      if (dest.reg != reg) asm_.Emit(Op::kMove, static_cast<uint32_t>(dest.reg), a);
      return;
    case Dest::kTail:
      asm_.Emit(Op::kReturn, a);
      return;
    case Dest::kTest:
      Branch(dest, Op::kJumpIfFalse, Op::kJumpIfTrue, a);
      return;
  }
}

void Codegen::DeliverConstant(Value v, Dest dest) {
  switch (dest.kind) {
    case Dest::kEffect:
      return;
    case Dest::kRegister:
      LoadConstant(dest.reg, v);
      return;
    case Dest::kTail:
      LoadConstant(Top(), v);
      asm_.Emit(Op::kReturn, static_cast<uint32_t>(next_));
      return;
    case Dest::kTest:
      asm_.Jump(v.IsTrue() ? dest.on_true : dest.on_false);
      return;
  }
}

void Codegen::Branch(Dest dest, Op unless, std::optional<Op> when, uint32_t a, uint32_t b, const Value* constant) {
  const bool inverse = when && dest.next == dest.on_false;
  asm_.Emit(inverse ? *when : unless, a, b);
  if (constant) asm_.EmitValue(*constant);
  asm_.EmitJump(inverse ? dest.on_true : dest.on_false);
  if (!inverse && !(dest.next == dest.on_true)) asm_.Jump(dest.on_true);
}

int Codegen::Operand(Core* core) {
  if (core->kind == Kind::kLocalRef) {
    const int reg = RegisterOf(As<LocalRef>(core)->variable);
    if (reg >= 0) return reg;
  }
  Compile(core, Register(Top()));
  return Push();
}

void Codegen::Operands(absl::Span<Core* const> cores, int* regs) {
  for (const bool simple : {false, true}) {
    for (size_t i = 0; i < cores.size(); ++i) {
      if (IsSimple(cores[i]) == simple) regs[i] = Operand(cores[i]);
    }
  }
}

// ---- Forms

void Codegen::Compile(Core* core, Dest dest) {
  const int saved = next_;
  Label end;
  while (core != nullptr) {
    Core* const form = core;
    core = nullptr;
    if (!shared_.steps.Add(8)) {
      DeliverConstant(kUnspecified, dest);
      break;
    }
    asm_.SetPosition(form->position);
    switch (form->kind) {
      case Kind::kConstant:
        DeliverConstant(As<Constant>(form)->value, dest);
        break;
      case Kind::kLocalRef: {
        const Variable* v = As<LocalRef>(form)->variable;
        if (dest.kind == Dest::kEffect && !Note(v)->checked) break;
        int reg = RegisterOf(v);
        if (reg < 0) LoadVariable(v, reg = Target(dest));
        Deliver(reg, dest);
        break;
      }
      case Kind::kGlobalRef: {
        const Value value = As<GlobalRef>(form)->cell;
        const Cell* cell = heap_.Get<Cell>(value);
        if ((HeaderFlags(cell->header) & kConstantCellFlag) && cell->value != kUndefined) {
          DeliverConstant(cell->value, dest);
          break;
        }
        const int reg = Target(dest);
        Touch(reg);
        asm_.Emit(Op::kGlobalRef, static_cast<uint32_t>(reg));
        asm_.EmitValue(value);
        Deliver(reg, dest);
        break;
      }
      case Kind::kLocalSet:
        CompileSet(As<LocalSet>(form));
        DeliverConstant(kUnspecified, dest);
        break;
      case Kind::kGlobalSet:
      case Kind::kGlobalDefine: {
        const bool define = form->kind == Kind::kGlobalDefine;
        const Value cell = define ? As<GlobalDefine>(form)->cell : As<GlobalSet>(form)->cell;
        const int reg = Operand(define ? As<GlobalDefine>(form)->value : As<GlobalSet>(form)->value);
        next_ = saved;
        asm_.SetPosition(form->position);
        asm_.Emit(define ? Op::kGlobalDefine : Op::kGlobalSet, static_cast<uint32_t>(reg));
        asm_.EmitValue(cell);
        DeliverConstant(define ? heap_.Get<Cell>(cell)->name : kUnspecified, dest);
        break;
      }
      case Kind::kIf:
        if (!end.valid()) end = asm_.NewLabel();
        core = CompileIf(As<If>(form), dest, end);
        break;
      case Kind::kLambda: {
        if (dest.kind == Dest::kEffect) break;
        if (dest.kind == Dest::kTest) {
          asm_.Jump(dest.on_true);
          break;
        }
        const int reg = Target(dest);
        MakeClosure(As<LambdaForm>(form)->function, reg);
        Deliver(reg, dest);
        break;
      }
      case Kind::kSequence: {
        Sequence* sequence = As<Sequence>(form);
        const size_t last = sequence->items.size() - 1;
        for (size_t i = 0; i < last && !shared_.steps.ended(); ++i) {
          Compile(sequence->items[i], Effect());
        }
        core = sequence->items[last];
        break;
      }
      case Kind::kCall:
        CompileCall(As<Call>(form), dest);
        break;
      case Kind::kLet:
        CompileLet(As<Let>(form));
        core = As<Let>(form)->body;
        break;
      case Kind::kLetrec:
        core = CompileLetrec(As<LetrecForm>(form), dest);
        break;
    }
  }
  if (end.valid()) asm_.Bind(end);
  next_ = saved;
}

void Codegen::CompileSet(LocalSet* set) {
  const Variable* v = set->variable;
  const VariableNote* note = Note(v);
  if (!note->boxed) {
    Compile(set->value, Register(note->reg));
    return;
  }
  const int saved = next_;
  const int value = Operand(set->value);
  int box = note->reg;
  if (note->owner != function_) LoadFree(v, box = Push());
  asm_.Emit(Op::kBoxSet, static_cast<uint32_t>(box), static_cast<uint32_t>(value));
  next_ = saved;
}

// Compiles all but one branch, which is returned. `end` will be bound behind that.
Core* Codegen::CompileIf(If* branch, Dest dest, Label end) {
  // A branch that only decides where to go on is no more than a label.
  const auto destination_of = [&](const Core* core) {
    if (core->kind != Kind::kConstant) return Label();
    if (dest.kind == Dest::kEffect) return end;
    if (dest.kind != Dest::kTest) return Label();
    return static_cast<const Constant*>(core)->value.IsTrue() ? dest.on_true : dest.on_false;
  };
  const Label direct_true = destination_of(branch->consequent);
  const Label direct_false = destination_of(branch->alternative);
  if (direct_true.valid() && direct_false.valid()) {
    if (direct_true == direct_false) {
      Compile(branch->test, Effect());
      asm_.Jump(direct_true);
    } else {
      Compile(branch->test, Test(direct_true, direct_false, dest.next));
    }
    return nullptr;
  }
  if (direct_true.valid()) {
    const Label on_false = asm_.NewLabel();
    Compile(branch->test, Test(direct_true, on_false, on_false));
    asm_.Bind(on_false);
    return branch->alternative;
  }
  // (if a (if b x c) c) is (if (and a b) x c), for a constant c.
  const Label on_false = direct_false.valid() ? direct_false : asm_.NewLabel();
  const If* inner = branch;
  for (;;) {
    const Label on_true = asm_.NewLabel();
    Compile(inner->test, Test(on_true, on_false, on_true));
    asm_.Bind(on_true);
    if (inner->consequent->kind != Kind::kIf || branch->alternative->kind != Kind::kConstant) break;
    const If* next = As<If>(inner->consequent);
    if (next->alternative->kind != Kind::kConstant ||
        As<Constant>(next->alternative)->value != As<Constant>(branch->alternative)->value) {
      break;
    }
    inner = next;
  }
  if (direct_false.valid()) return inner->consequent;
  Dest first = dest;
  first.next = Label();
  Compile(inner->consequent, first);
  if (dest.kind == Dest::kRegister || dest.kind == Dest::kEffect) asm_.Jump(end);
  asm_.Bind(on_false);
  return branch->alternative;
}

// The value of a variable that nobody refers to. It must be one value all the same, but where the expander has made the
// variable for the sake of an expression among definitions.
void Codegen::CompileUnused(const Variable* v, Core* init) {
  if (!IsPure(init)) Compile(init, Effect(v->name == kFalse ? Taken::kIgnored : Taken::kOne));
}

void Codegen::CompileLet(Let* let) {
  for (size_t i = 0; i < let->variables.size(); ++i) {
    VariableNote* note = Note(let->variables[i]);
    if (note->references == 0) {
      CompileUnused(let->variables[i], let->inits[i]);
      continue;
    }
    Compile(let->inits[i], Register(Top()));
    note->reg = Push();
    BindParameters(absl::MakeConstSpan(&let->variables[i], 1));
  }
}

// ---- letrec

// Returns the body if that is what remains to be done.
Core* Codegen::CompileLetrec(LetrecForm* letrec, Dest dest) {
  const size_t n = letrec->variables.size();
  for (const Variable* v : letrec->variables) {
    VariableNote* note = Note(v);
    if (!note->checked || note->constant || note->inlined) continue;
    note->reg = Push();
    const uint32_t reg = static_cast<uint32_t>(note->reg);
    LoadConstant(note->reg, kUndefined);
    asm_.Emit(Op::kMakeBox, reg, reg);
  }
  std::vector<bool> made(n);
  for (size_t i = 0; i < n; ++i) {
    VariableNote* note = Note(letrec->variables[i]);
    if (note->lambda || note->constant) continue;
    MakeClosures(LambdasNeededBy(letrec, static_cast<uint32_t>(i), &made));
    Core* init = letrec->inits[i];
    if (note->checked) {
      const int saved = next_;
      const int value = Operand(init);
      asm_.Emit(Op::kBoxSet, static_cast<uint32_t>(note->reg), static_cast<uint32_t>(value));
      next_ = saved;
    } else if (note->references == 0) {
      CompileUnused(letrec->variables[i], init);
    } else {
      Compile(init, Register(Top()));
      note->reg = Push();
      BindParameters(absl::MakeConstSpan(&letrec->variables[i], 1));
    }
  }
  std::vector<Variable*> lambdas;
  std::vector<VariableNote*> loops;
  for (size_t i = 0; i < n; ++i) {
    VariableNote* note = Note(letrec->variables[i]);
    if (note->loop) {
      loops.push_back(note);
    } else if (note->lambda && !note->inlined && !made[i]) {
      lambdas.push_back(letrec->variables[i]);
    }
  }
  MakeClosures(lambdas);
  if (loops.empty()) return letrec->body;

  for (VariableNote* loop : loops) {
    loop->entry = asm_.NewLabel();
    for (Variable* v : loop->lambda->clauses[0].required) Note(v)->reg = Push();
  }
  const Label end = asm_.NewLabel();
  const bool joins = dest.kind == Dest::kRegister || dest.kind == Dest::kEffect;
  Dest inner = dest;
  inner.next = Label();
  Compile(letrec->body, inner);
  for (VariableNote* loop : loops) {
    if (joins) asm_.Jump(end);
    asm_.Bind(loop->entry);
    const Clause& clause = loop->lambda->clauses[0];
    BindParameters(clause.required);
    Compile(clause.body, loop == loops.back() ? dest : inner);
  }
  asm_.Bind(end);
  return nullptr;
}

std::vector<Variable*> Codegen::LambdasNeededBy(LetrecForm* letrec, uint32_t init, std::vector<bool>* made) {
  std::vector<Variable*> result;
  std::vector<uint32_t> pending = {init};
  while (!pending.empty()) {
    const uint32_t from = pending.back();
    pending.pop_back();
    for (const NumberLink* link = letrec->mentions[from]; link; link = link->next) {
      const VariableNote* to = Note(letrec->variables[link->number]);
      if (to->lambda == nullptr || (*made)[link->number]) continue;
      (*made)[link->number] = true;
      pending.push_back(link->number);
      if (to->function) result.push_back(letrec->variables[link->number]);
    }
  }
  return result;
}

// Makes the closures of several variables, which may refer to each other.
void Codegen::MakeClosures(const std::vector<Variable*>& variables) {
  std::vector<Variable*> group;
  for (Variable* v : variables) {
    if (Note(v)->function && !Note(v)->function->is_static && Note(v)->references > 0) group.push_back(v);
  }
  for (Variable* v : group) Note(v)->reg = Push();
  struct Patch {
    int closure, value;
    uint32_t index;
  };
  std::vector<Patch> patches;
  for (size_t i = 0; i < group.size(); ++i) {
    const Function* f = Note(group[i])->function;
    for (size_t j = i + 1; j < group.size(); ++j) {
      const FreeVariable* const found = f->free.Find(group[j]);
      if (found == nullptr) continue;
      patches.push_back({Note(group[i])->reg, Note(group[j])->reg, found->index});
    }
  }
  // A register that is captured too early must hold some value: making the next closure may collect.
  std::vector<bool> cleared(256);
  for (const Patch& patch : patches) {
    if (patch.value < 256 && !cleared[patch.value]) LoadConstant(patch.value, Value::Fixnum(0));
    if (patch.value < 256) cleared[patch.value] = true;
  }
  for (Variable* v : group) MakeClosure(Note(v)->function, Note(v)->reg);
  for (const Patch& patch : patches) {
    asm_.Emit(Op::kClosurePatch, static_cast<uint32_t>(patch.closure), static_cast<uint32_t>(patch.value));
    asm_.EmitWord(patch.index);
  }
}

void Codegen::MakeClosure(const Function* f, int reg) {
  if (f->is_static) {
    LoadConstant(reg, f->closure);
    return;
  }
  Touch(reg);
  const int saved = next_;
  std::vector<uint32_t> captures;
  int self = -1;
  for (const Variable* v : f->free) {
    const VariableNote* note = Note(v);
    if (note->owner == function_) {
      captures.push_back(static_cast<uint32_t>(note->reg));
    } else if (function_->self == v) {
      if (self < 0) asm_.Emit(Op::kLoadSelf, static_cast<uint32_t>(self = Push()));
      captures.push_back(static_cast<uint32_t>(self));
    } else {
      captures.push_back(kCaptureFree + function_->free.Find(v)->index);
    }
  }
  asm_.Emit(Op::kMakeClosure, static_cast<uint32_t>(reg));
  asm_.EmitWord(static_cast<uint32_t>(captures.size()));
  asm_.EmitValue(f->code);
  for (const uint32_t capture : captures) asm_.EmitWord(capture);
  next_ = saved;
}

}  // namespace islet::vm
