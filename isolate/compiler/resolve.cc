#include "isolate/compiler/resolve.h"

#include <algorithm>

#include "isolate/compiler/core_builder.h"
#include "isolate/compiler/inline_primitives.h"
#include "isolate/heap/poll.h"
#include "isolate/interpreter/opcode.h"

namespace islet::vm {
namespace {

using Kind = Core::Kind;

bool IsStatic(const Variable* v) {
  const VariableNote* note = Note(v);
  return note->function != nullptr && note->function->is_static;
}

// `live` is an upper bound of the registers in use when a form is evaluated. Where it passes
// kMaxLive, the form becomes a procedure of its own, called on the spot: frames stay small,
// whatever the program's size, and code for large frames is not needed. Only forms that may jump to
// a loop outside of them cannot be split off; Simplify keeps scopes in loops shallow.
class Resolver : CoreBuilder {
 public:
  Resolver(Vm& vm, SyntaxArena& arena) : CoreBuilder(arena), vm_(vm) {}

  Pieces<Function*> Run(LambdaForm* toplevel, bool keep_frame) {
    AddFunction(toplevel, nullptr, nullptr)->keep_frame = keep_frame;
    ResolveBodies(functions_[0]);
    FindStaticFunctions();
    MakeStaticClosures();
    DecideBoxes();
    return std::move(functions_);
  }

 private:
  struct Where {
    Function* function;
    bool tail;      // of the function
    bool may_jump;  // to a loop
    uint32_t live;
  };

  Function* AddFunction(LambdaForm* lambda, Function* parent, Variable* self) {
    Function* f = arena_.New<Function>();
    functions_.push_back(f);
    f->lambda = lambda;
    f->parent = parent;
    f->self = self;
    lambda->function = f;
    return f;
  }
  void Bind(Variable* v, Function* f) {
    if (v->note == nullptr) v->note = arena_.New<VariableNote>();
    Note(v)->owner = f;
    if (v->assigned) scopes_.push_back({v, f, f->calls});
    variables_.push_back(v);
  }
  void Use(Variable* v, Function* f);
  void CloseScopes(size_t base);

  void ResolveBodies(Function* f);
  void ResolveLambda(LambdaForm* lambda, Function* parent, Variable* self) {
    ResolveBodies(AddFunction(lambda, parent, self));
  }
  void Walk(Core** slot, Where where);
  // Walks a form but for the part that is its value, and returns where that is, or null if there is none. `*where` then
  // is what holds for it.
  Core** Step(Core** slot, Where* where);
  Core** StepLetrec(Core** slot, Where* where);
  // `inner` is for its operands. True if it makes another frame.
  bool WalkCall(Call* call, Where inner);
  // Makes a let of what is too many for one.
  void LimitVariables(Let* let);
  void SplitOffIfDeep(Core** slot, const Where& where);
  void WalkLetrec(LetrecForm* letrec, Where where);
  void OrderInits(LetrecForm* letrec);
  void SplitOff(Core** slot);
  Core* LetrecToBoxes(LetrecForm* letrec);
  void FindStaticFunctions();
  void MakeStaticClosures();
  void DecideBoxes();

  struct Scope {
    Variable* variable;
    Function* function;
    uint32_t calls;
  };
  // True if the run is to end: then nothing is left of `slots` from `index` on.
  bool EndedAt(absl::Span<Core*> slots, size_t index) {
    if (!steps_.ended()) return false;
    std::fill(slots.begin() + index, slots.end(), Nothing());
    return true;
  }

  Vm& vm_;
  StepCounter steps_;
  Pieces<Function*> functions_;
  Pieces<Scope> scopes_;
  Pieces<Variable*> variables_;
};

void Resolver::Use(Variable* v, Function* f) {
  VariableNote* note = Note(v);
  ++note->references;
  if (note->owner == f) return;
  note->captured = true;
  for (; f != nullptr && f != note->owner; f = f->parent) {
    if (f->self == v || !f->free.Add(arena_, v)) return;
  }
}

void Resolver::CloseScopes(size_t base) {
  while (scopes_.size() > base) {
    const Scope& scope = scopes_.back();
    if (scope.function->calls > scope.calls) Note(scope.variable)->crossed_by_call = true;
    scopes_.Shorten(scopes_.size() - 1);
  }
}

void Resolver::ResolveBodies(Function* f) {
  for (Clause& clause : f->lambda->clauses) {
    const size_t base = scopes_.size();
    for (Variable* v : clause.required) Bind(v, f);
    if (clause.rest) Bind(clause.rest, f);
    Walk(&clause.body,
         {f, !f->keep_frame, false, static_cast<uint32_t>(clause.required.size() + (clause.rest != nullptr))});
    CloseScopes(base);
  }
}

void Resolver::SplitOff(Core** slot) {
  LambdaForm* lambda = Make<LambdaForm>(Kind::kLambda, *slot);
  lambda->name = kFalse;
  Clause clause;
  clause.body = *slot;
  lambda->clauses = arena_.Copy(absl::MakeConstSpan(&clause, 1));
  Call* call = Make<Call>(Kind::kCall, *slot);
  call->callee = lambda;
  *slot = call;
}

void Resolver::Walk(Core** slot, Where where) {
  const size_t base = scopes_.size();
  while (slot != nullptr) slot = Step(slot, &where);
  CloseScopes(base);
}

Core** Resolver::Step(Core** slot, Where* where) {
  if (!steps_.Add(4)) *slot = Nothing();
  SplitOffIfDeep(slot, *where);
  Core* core = *slot;
  Where inner = *where;
  inner.tail = inner.may_jump = false;
  switch (core->kind) {
    case Kind::kConstant:
    case Kind::kGlobalRef:
      return nullptr;
    case Kind::kLocalRef:
      Use(As<LocalRef>(core)->variable, where->function);
      return nullptr;
    case Kind::kLocalSet:
      Use(As<LocalSet>(core)->variable, where->function);
      inner.live += 1;
      *where = inner;
      return &As<LocalSet>(core)->value;
    case Kind::kGlobalSet:
      *where = inner;
      return &As<GlobalSet>(core)->value;
    case Kind::kGlobalDefine:
      *where = inner;
      return &As<GlobalDefine>(core)->value;
    case Kind::kIf: {
      If* branch = As<If>(core);
      Walk(&branch->test, inner);
      if (branch->alternative->kind == Kind::kConstant) return &branch->consequent;
      Walk(&branch->consequent, *where);
      return &branch->alternative;
    }
    case Kind::kLambda:
      ResolveLambda(As<LambdaForm>(core), where->function, nullptr);
      return nullptr;
    case Kind::kSequence: {
      Sequence* sequence = As<Sequence>(core);
      const size_t last = sequence->items.size() - 1;
      for (size_t i = 0; i < last && !EndedAt(sequence->items, i); ++i) Walk(&sequence->items[i], inner);
      return &sequence->items[last];
    }
    case Kind::kCall:
      if (WalkCall(As<Call>(core), inner) && !where->tail) ++where->function->calls;
      return nullptr;
    case Kind::kLet: {
      Let* let = As<Let>(core);
      LimitVariables(let);
      for (Core*& init : let->inits) {
        Walk(&init, inner);
        ++inner.live;
      }
      for (Variable* v : let->variables) Bind(v, where->function);
      where->live = inner.live;
      return &let->body;
    }
    case Kind::kLetrec:
      return StepLetrec(slot, where);
  }
  return nullptr;
}

void Resolver::SplitOffIfDeep(Core** slot, const Where& where) {
  if (where.live <= kMaxLive || where.may_jump) return;
  Core* core = *slot;
  switch (core->kind) {
    case Kind::kConstant:
    case Kind::kLocalRef:
    case Kind::kGlobalRef:
    case Kind::kLambda:
      return;
    case Kind::kCall:
      if (As<Call>(core)->callee->kind == Kind::kLambda && As<Call>(core)->args.empty()) return;  // split off already
      break;
    default:
      break;
  }
  SplitOff(slot);
}

bool Resolver::WalkCall(Call* call, Where inner) {
  const size_t argc = call->args.size();
  const bool primitive = KnownPrimitive(vm_, call->callee, argc).has_value();
  const bool jump = call->callee->kind == Kind::kLocalRef && Note(As<LocalRef>(call->callee)->variable)->loop;
  const uint32_t before = inner.live;
  if (!jump) {
    inner.live = before + (primitive ? 0 : 1);
    Walk(&call->callee, inner);
  }
  for (size_t i = 0; i < argc && !EndedAt(call->args, i); ++i) {
    const uint32_t window = primitive || jump ? 0 : kFrameHeaderWords;
    // Beyond kMaxDirectArgs they go through a list.
    inner.live = before + (argc > kMaxDirectArgs ? 5 : window + static_cast<uint32_t>(i) + 1);
    Walk(&call->args[i], inner);
  }
  return !jump && (!primitive || argc > kMaxDirectArgs);
}

void Resolver::LimitVariables(Let* let) {
  if (let->variables.size() <= kMaxLetVariables) return;
  Let* second = Make<Let>(Kind::kLet, let);
  second->variables = let->variables.subspan(kMaxLetVariables);
  second->inits = let->inits.subspan(kMaxLetVariables);
  second->body = let->body;
  let->variables = let->variables.subspan(0, kMaxLetVariables);
  let->inits = let->inits.subspan(0, kMaxLetVariables);
  let->body = second;
}

Core** Resolver::StepLetrec(Core** slot, Where* where) {
  LetrecForm* letrec = As<LetrecForm>(*slot);
  uint32_t count = 0;
  for (const Variable* v : letrec->variables) count += !Note(v)->inlined && !Note(v)->constant;
  if (count > kMaxLetrecVariables) {
    *slot = LetrecToBoxes(letrec);
    return slot;
  }
  WalkLetrec(letrec, *where);
  where->live += count;
  for (const Variable* v : letrec->variables) {
    const VariableNote* note = Note(v);
    if (!note->loop) continue;
    where->may_jump = true;
    where->live += static_cast<uint32_t>(note->lambda->clauses[0].required.size());
  }
  for (Variable* v : letrec->variables) {
    VariableNote* note = Note(v);
    if (!note->loop) continue;
    const size_t scope = scopes_.size();
    for (Variable* parameter : note->lambda->clauses[0].required) Bind(parameter, where->function);
    Walk(&note->lambda->clauses[0].body, *where);
    CloseScopes(scope);
  }
  return &letrec->body;
}

void Resolver::WalkLetrec(LetrecForm* letrec, Where where) {
  where.tail = where.may_jump = false;
  for (Variable* v : letrec->variables) Bind(v, where.function);
  OrderInits(letrec);
  where.live += static_cast<uint32_t>(letrec->variables.size());
  for (size_t i = 0; i < letrec->variables.size(); ++i) {
    VariableNote* note = Note(letrec->variables[i]);
    if (note->inlined || note->loop || note->constant) continue;
    if (note->lambda) {
      ResolveLambda(note->lambda, where.function, letrec->variables[i]);
      note->function = note->lambda->function;
    } else {
      Walk(&letrec->inits[i], where);
    }
  }
}

// Closures are made as late as possible: before the first init that may call them. A variable that
// is not initialised by then, but mentioned, may be read too early.
void Resolver::OrderInits(LetrecForm* letrec) {
  const size_t n = letrec->variables.size();
  std::vector<bool> made(n);
  std::vector<uint32_t> pending;
  for (size_t i = 0; i < n; ++i) {
    const VariableNote* note = Note(letrec->variables[i]);
    if (note->lambda || note->constant) continue;
    pending.assign(1, static_cast<uint32_t>(i));
    while (!pending.empty()) {
      const uint32_t from = pending.back();
      pending.pop_back();
      for (const NumberLink* link = letrec->mentions[from]; link; link = link->next) {
        VariableNote* to = Note(letrec->variables[link->number]);
        if (to->constant) continue;
        if (to->lambda) {
          if (!made[link->number]) pending.push_back(link->number);
          made[link->number] = true;
        } else if (link->number >= i) {
          to->checked = true;
        }
      }
    }
  }
}

// A letrec of very many variables: they live in boxes, which lets can hold.
Core* Resolver::LetrecToBoxes(LetrecForm* letrec) {
  std::vector<Variable*> variables;
  std::vector<Core*> inits, steps;
  for (size_t i = 0; i < letrec->variables.size(); ++i) {
    Variable* v = letrec->variables[i];
    VariableNote* note = Note(v);
    if (note->inlined || note->constant) continue;
    note->lambda = nullptr;
    note->letrec = nullptr;
    note->checked = true;
    v->assigned = true;
    variables.push_back(v);
    inits.push_back(MakeConstant(kUndefined, letrec));
    LocalSet* set = Make<LocalSet>(Kind::kLocalSet, letrec->inits[i]);
    set->variable = v;
    set->value = letrec->inits[i];
    steps.push_back(set);
  }
  steps.push_back(letrec->body);
  Sequence* sequence = Make<Sequence>(Kind::kSequence, letrec);
  sequence->items = arena_.Copy(absl::MakeConstSpan(steps));
  Let* let = Make<Let>(Kind::kLet, letrec);
  let->variables = arena_.Copy(absl::MakeConstSpan(variables));
  let->inits = arena_.Copy(absl::MakeConstSpan(inits));
  let->body = sequence;
  return let;
}

// A function that captures nothing but static functions captures nothing. Assumes all to be so
// until shown otherwise.
void Resolver::FindStaticFunctions() {
  for (size_t i = 0; i < functions_.size() && steps_.Add(1); ++i) functions_[i]->is_static = true;
  for (bool changed = true; changed;) {
    changed = false;
    for (size_t i = 0; i < functions_.size(); ++i) {
      Function* const f = functions_[i];
      if (!f->is_static) continue;
      for (const Variable* v : f->free) {
        if (!steps_.Add(1)) return;
        if (!IsStatic(v)) f->is_static = false;
      }
      changed = changed || !f->is_static;
      if (!steps_.Add(1)) return;
    }
  }
}

void Resolver::MakeStaticClosures() {
  // Very many are not to be moved out of the nursery.
  const bool promoted = functions_.size() > kPollSteps;
  for (size_t i = 0; i < functions_.size() && steps_.Add(8); ++i) {
    Function* const f = functions_[i];
    f->free.RemoveIf(IsStatic);
    if (!f->is_static) continue;
    Closure* const closure = promoted ? vm_.heap().NewPromoted<Closure>() : vm_.heap().New<Closure>();
    closure->code = kFalse;
    f->closure = vm_.heap().ValueOf(closure);
  }
}

void Resolver::DecideBoxes() {
  for (size_t i = 0; i < variables_.size() && steps_.Add(1); ++i) {
    const Variable* const v = variables_[i];
    VariableNote* note = Note(v);
    note->boxed = note->checked || (v->assigned && (note->captured || note->crossed_by_call));
  }
}

}  // namespace

Pieces<Function*> Resolve(Vm& vm, SyntaxArena& arena, LambdaForm* toplevel, bool keep_frame) {
  return Resolver(vm, arena).Run(toplevel, keep_frame);
}

}  // namespace islet::vm
