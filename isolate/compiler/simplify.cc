#include "isolate/compiler/simplify.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "isolate/compiler/core_builder.h"
#include "isolate/compiler/inline_primitives.h"
#include "isolate/heap/pieces.h"
#include "isolate/heap/poll.h"

namespace islet::vm {
namespace {

using Kind = Core::Kind;

constexpr uint32_t kMaxInlinedDepth = 30;
// Forms in the body of a procedure that is copied to each of its calls: about what a call and a
// return cost.
constexpr uint32_t kMaxCopiedForms = 20;

// A *context* is a number for "whoever awaits this value": tail subexpressions share the context of
// the whole, others get a new one. A lambda expression all of whose calls have one context can be a
// loop; its body then has that context too, so contexts are merged as loops are found.
class Simplifier : CoreBuilder {
 public:
  Simplifier(Vm& vm, SyntaxArena& arena) : CoreBuilder(arena), vm_(vm) {}

  void Run(Core** root) { Walk(root, NewContext()); }

 private:
  uint32_t NewContext() {
    parent_.push_back(static_cast<uint32_t>(parent_.size()));
    return parent_.back();
  }
  uint32_t Find(uint32_t context) {
    while (parent_[context] != context) context = parent_[context] = parent_[parent_[context]];
    return context;
  }

  VariableNote* NoteOf(Variable* v) {
    if (v->note == nullptr) v->note = arena_.New<VariableNote>();
    return Note(v);
  }
  template <typename T>
  absl::Span<T> Copy(const std::vector<T>& items) {
    return arena_.Copy(absl::MakeConstSpan(items));
  }
  Core* MakeRef(Variable* v, const Core* like) {
    LocalRef* ref = Make<LocalRef>(Kind::kLocalRef, like);
    ref->variable = v;
    return ref;
  }
  LambdaForm* Form(Core** slot);
  LetrecForm* LetrecOf(Core** slot);
  void PassManyArgumentsAsList(LambdaForm* lambda);

  // For scope depths; see LambdaForm.
  void Bind(size_t variables) {
    depth_ += static_cast<uint32_t>(variables);
    deepest_ = std::max(deepest_, depth_);
  }

  void Walk(Core** slot, uint32_t context);
  void WalkAll(absl::Span<Core*> slots);
  void WalkLambda(LambdaForm* lambda, uint32_t context, bool apart);
  // These two return the slot to go on with, or null.
  Core** WalkCall(Core** slot, uint32_t context);
  Core** WalkLet(Core** slot);
  void WalkLetrec(Core** slot, uint32_t context);
  bool TryInline(Core** slot, VariableNote* note, uint32_t context);
  bool TryCopy(Core** slot, VariableNote* note);
  bool IsSmall(const Core* core, uint32_t* left);
  Core* CopyForm(Core* core, std::vector<std::pair<Variable*, Variable*>>* renamed);
  Variable* CopyVariable(Variable* v, std::vector<std::pair<Variable*, Variable*>>* renamed);
  void FindLoops(LetrecForm* letrec, uint32_t context, uint32_t scope);
  void Mention(VariableNote* note);
  // Notes that `ref` is used; false if it was replaced by a constant.
  bool WalkRef(Core** slot, VariableNote** note);
  void SimplifyTest(Core** test);

  Vm& vm_;
  StepCounter steps_;
  Pieces<uint32_t> parent_;
  uint32_t depth_ = 0, deepest_ = 0;
  uint32_t inlined_depth_ = 0;  // of the lambda expression walked
};

LambdaForm* Simplifier::Form(Core** slot) {
  // Only this pass makes LambdaForms; it never meets one again without knowing it from a note.
  Lambda* lambda = As<Lambda>(*slot);
  LambdaForm* form = arena_.New<LambdaForm>();
  static_cast<Lambda&>(*form) = *lambda;
  *slot = form;
  for (Clause& clause : form->clauses) {
    for (Variable* v : clause.required) NoteOf(v);
    if (clause.rest) NoteOf(clause.rest);
  }
  PassManyArgumentsAsList(form);
  return form;
}

// (lambda (a b ... z) body), where z is beyond the limit:
//   (lambda (a b ... . rest) (let ((y (car rest)) (rest2 (cdr rest))) ... body))
void Simplifier::PassManyArgumentsAsList(LambdaForm* lambda) {
  for (Clause& clause : lambda->clauses) {
    if (clause.required.size() <= kMaxDirectArgs) continue;
    const Value car = vm_.FindPrimitive("car"), cdr = vm_.FindPrimitive("cdr");
    const auto call = [&](Value primitive, Variable* list) {
      Call* c = Make<Call>(Kind::kCall, lambda);
      c->callee = MakeConstant(primitive, lambda);
      c->args = Copy(std::vector<Core*>{MakeRef(list, lambda)});
      return c;
    };
    const auto variable = [&] {
      Variable* v = arena_.New<Variable>();
      v->name = kFalse;
      v->reference_count = 2;
      NoteOf(v);
      return v;
    };
    Variable* list = variable();
    const absl::Span<Variable*> all = clause.required;
    Variable* final_rest = clause.rest;
    clause.required = all.subspan(0, kMaxDirectArgs);
    clause.rest = list;
    Core** body = &clause.body;
    Core* inner = clause.body;
    for (size_t i = kMaxDirectArgs; i < all.size(); ++i) {
      const bool last = i + 1 == all.size();
      Variable* next = last && final_rest ? final_rest : variable();
      Let* let = Make<Let>(Kind::kLet, lambda);
      let->variables = Copy(std::vector<Variable*>{all[i], next});
      let->inits = Copy(std::vector<Core*>{call(car, list), call(cdr, list)});
      *body = let;
      body = &let->body;
      list = next;
    }
    if (final_rest == nullptr) {
      // Too many: (cdr '()) is what too few run into; this is the other side.
      If* test = Make<If>(Kind::kIf, lambda);
      test->test = call(vm_.FindPrimitive("null?"), list);
      test->consequent = inner;
      Call* error = call(car, list);
      error->args[0] = MakeConstant(kNull, lambda);
      test->alternative = error;
      inner = test;
    }
    *body = inner;
  }
}

LetrecForm* Simplifier::LetrecOf(Core** slot) {
  LetrecForm* form = arena_.New<LetrecForm>();
  static_cast<Letrec&>(*form) = *As<Letrec>(*slot);
  *slot = form;
  return form;
}

void Simplifier::Mention(VariableNote* note) {
  LetrecForm* letrec = note->letrec;
  if (letrec == nullptr || letrec->current == LetrecForm::kBody) return;
  NumberLink*& list = letrec->mentions[letrec->current];
  if (list != nullptr && list->number == note->letrec_index) return;
  NumberLink* link = arena_.New<NumberLink>();
  *link = {note->letrec_index, list};
  list = link;
}

bool Simplifier::WalkRef(Core** slot, VariableNote** note) {
  LocalRef* ref = As<LocalRef>(*slot);
  *note = NoteOf(ref->variable);
  while ((*note)->alias != nullptr) {
    ref->variable = (*note)->alias;
    *note = NoteOf(ref->variable);
  }
  if ((*note)->constant != nullptr) {
    *slot = (*note)->constant;
    return false;
  }
  Mention(*note);
  return true;
}

// (let ((x e)) (if x x c)), which is what `or` means, is (if e #t c) to a test.
void Simplifier::SimplifyTest(Core** test) {
  while ((*test)->kind == Kind::kLet) {
    Let* let = As<Let>(*test);
    if (let->variables.size() != 1 || let->body->kind != Kind::kIf) return;
    If* inner = As<If>(let->body);
    Variable* v = let->variables[0];
    const auto is_v = [v](Core* c) { return c->kind == Kind::kLocalRef && As<LocalRef>(c)->variable == v; };
    if (v->assigned || v->reference_count != 2 || !is_v(inner->test) || !is_v(inner->consequent)) {
      return;
    }
    If* replacement = Make<If>(Kind::kIf, *test);
    replacement->test = let->inits[0];
    replacement->consequent = MakeConstant(kTrue, *test);
    replacement->alternative = inner->alternative;
    *test = replacement;
    SimplifyTest(&replacement->test);
    test = &replacement->alternative;
  }
}

void Simplifier::WalkAll(absl::Span<Core*> slots) {
  for (Core*& slot : slots) {
    if (steps_.ended()) return std::fill(&slot, slots.end(), Nothing());
    Walk(&slot, NewContext());
  }
}

void Simplifier::Walk(Core** slot, uint32_t context) {
  const uint32_t depth = depth_;
  while (slot != nullptr) {
    if (!steps_.Add(4)) *slot = Nothing();
    Core* core = *slot;
    switch (core->kind) {
      case Kind::kConstant:
      case Kind::kGlobalRef:
        slot = nullptr;
        break;
      case Kind::kLocalRef: {
        VariableNote* note;
        if (WalkRef(slot, &note)) note->escapes = true;
        slot = nullptr;
        break;
      }
      case Kind::kLocalSet: {
        Mention(NoteOf(As<LocalSet>(core)->variable));
        slot = &As<LocalSet>(core)->value;
        context = NewContext();
        break;
      }
      case Kind::kGlobalSet:
        slot = &As<GlobalSet>(core)->value;
        context = NewContext();
        break;
      case Kind::kGlobalDefine:
        slot = &As<GlobalDefine>(core)->value;
        context = NewContext();
        break;
      case Kind::kIf: {
        If* branch = As<If>(core);
        SimplifyTest(&branch->test);
        Walk(&branch->test, NewContext());
        if (branch->test->kind == Kind::kConstant) {
          *slot = As<Constant>(branch->test)->value.IsTrue() ? branch->consequent : branch->alternative;
          break;
        }
        if (branch->alternative->kind == Kind::kConstant) {
          slot = &branch->consequent;
        } else {
          Walk(&branch->consequent, context);
          slot = &branch->alternative;
        }
        break;
      }
      case Kind::kLambda:
        WalkLambda(Form(slot), NewContext(), true);
        slot = nullptr;
        break;
      case Kind::kSequence: {
        Sequence* sequence = As<Sequence>(core);
        const size_t last = sequence->items.size() - 1;
        WalkAll(sequence->items.subspan(0, last));
        slot = &sequence->items[last];
        break;
      }
      case Kind::kCall:
        slot = WalkCall(slot, context);
        break;
      case Kind::kLet:
        slot = WalkLet(slot);
        break;
      case Kind::kLetrec:
        WalkLetrec(slot, context);
        slot = nullptr;
        break;
    }
  }
  depth_ = depth;
}

// `apart`: it will be a function of its own for certain.
void Simplifier::WalkLambda(LambdaForm* lambda, uint32_t context, bool apart) {
  lambda->walked = true;
  lambda->context = context;
  const uint32_t depth = depth_, deepest = deepest_, inlined = inlined_depth_;
  depth_ = deepest_ = inlined_depth_ = 0;
  for (Clause& clause : lambda->clauses) {
    depth_ = 0;
    Bind(clause.required.size() + (clause.rest != nullptr));
    Walk(&clause.body, lambda->clauses.size() == 1 ? context : NewContext());
  }
  lambda->scope_depth = deepest_;
  lambda->inlined_depth = inlined_depth_;
  depth_ = depth;
  deepest_ = deepest;
  inlined_depth_ = inlined;
  if (!apart) deepest_ = std::max(deepest_, depth_ + lambda->scope_depth);
}

Core** Simplifier::WalkCall(Core** slot, uint32_t context) {
  Call* call = As<Call>(*slot);
  const size_t argc = call->args.size();
  switch (call->callee->kind) {
    case Kind::kLambda: {
      Lambda* lambda = As<Lambda>(call->callee);
      const Clause& clause = lambda->clauses[0];
      if (lambda->clauses.size() != 1 || clause.rest || clause.required.size() != argc) break;
      if (argc == 0) {
        *slot = clause.body;
        return slot;
      }
      Let* let = Make<Let>(Kind::kLet, call);
      let->variables = clause.required;
      let->inits = call->args;
      let->body = clause.body;
      *slot = let;
      return slot;
    }
    case Kind::kLet: {  // ((let (...) f) x): (let (...) (f x)), names being unique
      Let* let = As<Let>(call->callee);
      call->callee = let->body;
      let->body = call;
      *slot = let;
      return slot;
    }
    case Kind::kLetrec: {
      Letrec* letrec = As<Letrec>(call->callee);
      call->callee = letrec->body;
      letrec->body = call;
      *slot = letrec;
      return slot;
    }
    case Kind::kLocalRef: {
      VariableNote* note;
      if (!WalkRef(&call->callee, &note)) break;
      const LambdaForm* lambda = note->lambda;
      if (lambda == nullptr || lambda->clauses.size() != 1 || lambda->clauses[0].rest ||
          lambda->clauses[0].required.size() != argc) {
        note->escapes = true;
        break;
      }
      if (TryInline(slot, note, context)) return nullptr;
      if (TryCopy(slot, note)) return slot;
      NumberLink* link = arena_.New<NumberLink>();
      *link = {context, note->call_contexts};
      note->call_contexts = link;
      WalkAll(call->args);
      return nullptr;
    }
    default:
      break;
  }
  if (call->callee->kind != Kind::kLocalRef) Walk(&call->callee, NewContext());
  WalkAll(call->args);
  return nullptr;
}

// Moves a lambda expression, already walked, to its only call, as a let.
bool Simplifier::TryInline(Core** slot, VariableNote* note, uint32_t context) {
  Call* call = As<Call>(*slot);
  LambdaForm* lambda = note->lambda;
  if (As<LocalRef>(call->callee)->variable->reference_count != 1 || note->inlined || note->escapes ||
      note->call_contexts != nullptr || note->letrec->current == note->letrec_index || !lambda->walked ||
      lambda->inlined_depth + 1 > kMaxInlinedDepth) {
    return false;
  }
  note->inlined = true;
  WalkAll(call->args);
  parent_[Find(lambda->context)] = Find(context);
  inlined_depth_ = std::max(inlined_depth_, lambda->inlined_depth + 1);
  deepest_ = std::max(deepest_, depth_ + lambda->scope_depth);
  const Clause& clause = lambda->clauses[0];
  if (clause.required.empty()) {
    *slot = clause.body;
    return true;
  }
  Let* let = Make<Let>(Kind::kLet, call);
  let->variables = clause.required;
  let->inits = call->args;
  let->body = clause.body;
  *slot = let;
  return true;
}

// True if `core`, already walked, consists of at most `*left` forms, all of which CopyForm knows: no procedures, loops
// or assignments, and no calls but of primitives.
bool Simplifier::IsSmall(const Core* core, uint32_t* left) {
  if (*left == 0) return false;
  --*left;
  const auto all_small = [&](absl::Span<Core* const> cores) {
    return std::all_of(cores.begin(), cores.end(), [&](const Core* c) { return IsSmall(c, left); });
  };
  switch (core->kind) {
    case Kind::kConstant:
    case Kind::kLocalRef:
    case Kind::kGlobalRef:
      return true;
    case Kind::kIf: {
      const If* branch = static_cast<const If*>(core);
      return IsSmall(branch->test, left) && IsSmall(branch->consequent, left) && IsSmall(branch->alternative, left);
    }
    case Kind::kSequence:
      return all_small(static_cast<const Sequence*>(core)->items);
    case Kind::kCall: {
      const Call* call = static_cast<const Call*>(core);
      return KnownPrimitive(vm_, call->callee, call->args.size()) && all_small(call->args);
    }
    case Kind::kLet: {
      const Let* let = static_cast<const Let*>(core);
      return std::none_of(let->variables.begin(), let->variables.end(),
                          [](const Variable* v) { return v->assigned; }) &&
             all_small(let->inits) && IsSmall(let->body, left);
    }
    default:
      return false;
  }
}

Variable* Simplifier::CopyVariable(Variable* v, std::vector<std::pair<Variable*, Variable*>>* renamed) {
  Variable* copy = arena_.New<Variable>();
  copy->name = v->name;
  NoteOf(copy);
  renamed->emplace_back(v, copy);
  return copy;
}

Core* Simplifier::CopyForm(Core* core, std::vector<std::pair<Variable*, Variable*>>* renamed) {
  const auto copy_all = [&](absl::Span<Core* const> cores) {
    std::vector<Core*> copies;
    for (Core* c : cores) copies.push_back(CopyForm(c, renamed));
    return Copy(copies);
  };
  switch (core->kind) {
    case Kind::kLocalRef: {
      Variable* v = As<LocalRef>(core)->variable;
      for (const auto& [from, to] : *renamed) {
        if (from == v) v = to;
      }
      ++v->reference_count;
      return MakeRef(v, core);
    }
    case Kind::kIf: {
      If* copy = Make<If>(Kind::kIf, core);
      copy->test = CopyForm(As<If>(core)->test, renamed);
      copy->consequent = CopyForm(As<If>(core)->consequent, renamed);
      copy->alternative = CopyForm(As<If>(core)->alternative, renamed);
      return copy;
    }
    case Kind::kSequence: {
      Sequence* copy = Make<Sequence>(Kind::kSequence, core);
      copy->items = copy_all(As<Sequence>(core)->items);
      return copy;
    }
    case Kind::kCall: {
      Call* copy = Make<Call>(Kind::kCall, core);
      copy->callee = As<Call>(core)->callee;
      copy->args = copy_all(As<Call>(core)->args);
      return copy;
    }
    case Kind::kLet: {
      Let* copy = Make<Let>(Kind::kLet, core);
      copy->inits = copy_all(As<Let>(core)->inits);
      std::vector<Variable*> variables;
      for (Variable* v : As<Let>(core)->variables) variables.push_back(CopyVariable(v, renamed));
      copy->variables = Copy(variables);
      copy->body = CopyForm(As<Let>(core)->body, renamed);
      return copy;
    }
    default:  // constants and references to cells, which are never changed
      return core;
  }
}

// Copies the body of a small procedure, already walked, to this call, as a let that is still to be
// walked.
bool Simplifier::TryCopy(Core** slot, VariableNote* note) {
  Call* call = As<Call>(*slot);
  const LambdaForm* lambda = note->lambda;
  uint32_t left = kMaxCopiedForms;
  if (!lambda->walked || note->inlined || note->letrec->current == note->letrec_index ||
      !IsSmall(lambda->clauses[0].body, &left)) {
    return false;
  }
  const Clause& clause = lambda->clauses[0];
  std::vector<std::pair<Variable*, Variable*>> renamed;
  std::vector<Variable*> parameters;
  for (Variable* v : clause.required) {
    if (v->assigned) return false;
    parameters.push_back(CopyVariable(v, &renamed));
  }
  --As<LocalRef>(call->callee)->variable->reference_count;
  Core* body = CopyForm(clause.body, &renamed);
  if (parameters.empty()) {
    *slot = body;
    return true;
  }
  Let* let = Make<Let>(Kind::kLet, call);
  let->variables = Copy(parameters);
  let->inits = call->args;
  let->body = body;
  *slot = let;
  return true;
}

Core** Simplifier::WalkLet(Core** slot) {
  Let* let = As<Let>(*slot);
  std::vector<Variable*> variables, lambda_variables;
  std::vector<Core*> inits, lambdas;
  for (size_t i = 0; i < let->variables.size(); ++i) {
    Variable* v = let->variables[i];
    VariableNote* note = NoteOf(v);
    Core*& init = let->inits[i];
    if (!v->assigned) {
      if (init->kind == Kind::kLambda) {
        lambda_variables.push_back(v);
        lambdas.push_back(init);
        continue;
      }
      if (init->kind == Kind::kLocalRef) {
        VariableNote* other;
        if (WalkRef(&init, &other)) {
          Variable* source = As<LocalRef>(init)->variable;
          if (!source->assigned) {
            note->alias = source;
            source->reference_count += v->reference_count - 1;
            continue;
          }
          other->escapes = true;
        }
      } else {
        Walk(&init, NewContext());
      }
      if (init->kind == Kind::kConstant) {
        note->constant = As<Constant>(init);
        continue;
      }
    } else {
      Walk(&init, NewContext());
    }
    variables.push_back(v);
    inits.push_back(init);
  }
  Core** body = &let->body;
  if (!lambdas.empty()) {
    Letrec* letrec = Make<Letrec>(Kind::kLetrec, let);
    letrec->variables = Copy(lambda_variables);
    letrec->inits = Copy(lambdas);
    letrec->body = let->body;
    let->body = letrec;
  }
  if (variables.empty()) {
    *slot = let->body;
    return slot;
  }
  let->variables = Copy(variables);
  let->inits = Copy(inits);
  Bind(variables.size());
  return body;
}

void Simplifier::WalkLetrec(Core** slot, uint32_t context) {
  LetrecForm* letrec = LetrecOf(slot);
  const size_t n = letrec->variables.size();
  letrec->mentions = Copy(std::vector<NumberLink*>(n, nullptr));
  const uint32_t depth = depth_, deepest = deepest_;
  deepest_ = depth_;
  Bind(n);
  for (size_t i = 0; i < n; ++i) {
    Variable* v = letrec->variables[i];
    VariableNote* note = NoteOf(v);
    note->letrec = letrec;
    note->letrec_index = static_cast<uint32_t>(i);
    if (v->assigned) continue;
    if (letrec->inits[i]->kind == Kind::kLambda) note->lambda = Form(&letrec->inits[i]);
    if (letrec->inits[i]->kind == Kind::kConstant) note->constant = As<Constant>(letrec->inits[i]);
  }
  for (size_t i = 0; i < n; ++i) {
    letrec->current = static_cast<uint32_t>(i);
    VariableNote* note = Note(letrec->variables[i]);
    if (note->lambda) {
      WalkLambda(note->lambda, NewContext(), false);
    } else {
      Walk(&letrec->inits[i], NewContext());
    }
  }
  letrec->current = LetrecForm::kBody;
  Walk(&letrec->body, context);
  for (Variable* v : letrec->variables) {
    VariableNote* note = Note(v);
    if (note->lambda && v->reference_count == 0) note->inlined = true;  // at all calls there were
  }
  FindLoops(letrec, context, deepest_ - depth);
  depth_ = depth;
  deepest_ = std::max(deepest, deepest_);
}

// The greatest set of the letrec's lambda expressions whose calls are all in the letrec's context,
// or in the body of one of the set.
void Simplifier::FindLoops(LetrecForm* letrec, uint32_t context, uint32_t scope) {
  if (scope > kMaxLoopScope || letrec->variables.size() > kMaxLetrecVariables) return;
  std::vector<VariableNote*> loops;
  for (Variable* v : letrec->variables) {
    VariableNote* note = Note(v);
    if (note->lambda && !note->escapes && note->call_contexts) loops.push_back(note);
  }
  const uint32_t whole = Find(context);
  const auto fits = [&](const VariableNote* note) {
    for (const NumberLink* link = note->call_contexts; link; link = link->next) {
      const uint32_t from = Find(link->number);
      if (from != whole && std::none_of(loops.begin(), loops.end(), [&](const VariableNote* loop) {
            return Find(loop->lambda->context) == from;
          })) {
        return false;
      }
    }
    return true;
  };
  for (;;) {
    std::vector<VariableNote*> kept;
    for (VariableNote* note : loops) {
      if (fits(note)) kept.push_back(note);
    }
    if (kept.size() == loops.size()) break;
    loops = std::move(kept);
  }
  for (VariableNote* note : loops) {
    note->loop = true;
    parent_[Find(note->lambda->context)] = whole;
  }
}

}  // namespace

void Simplify(Vm& vm, SyntaxArena& arena, Core** root) { Simplifier(vm, arena).Run(root); }

}  // namespace islet::vm
