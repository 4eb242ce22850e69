#include "isolate/expander/syntax_rules.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "isolate/data/equality.h"
#include "isolate/heap/scratch.h"
#include "isolate/heap/work_stack.h"

namespace islet::vm {

struct Pattern {
  enum class Kind : uint8_t { kAny, kVariable, kLiteral, kAtom, kPair, kEllipsis, kVector };
  Kind kind;
  uint32_t variable = 0;      // kVariable; kEllipsis: the first of the repeated part's variables,
  uint32_t variable_end = 0;  // which are numbered up to here
  size_t tail_pairs = 0;      // kEllipsis: pairs that the part behind the ellipsis needs
  Syntax* syntax = nullptr;   // kLiteral, kAtom
  Pattern* car = nullptr;     // kPair; kEllipsis: the repeated part; kVector: the items as a list
  Pattern* cdr = nullptr;     // kPair; kEllipsis: what follows
};

struct Template {
  enum class Kind : uint8_t { kConstant, kVariable, kInserted, kPair, kEllipsis, kVector };
  Kind kind;
  uint32_t index = 0;        // kVariable: slot; kInserted
  Syntax* syntax = nullptr;  // kConstant
  Template* car = nullptr;   // kPair; kEllipsis: the repeated part; kVector: the items as a list
  Template* cdr = nullptr;   // kPair; kEllipsis: what follows
  // kEllipsis: for each of the ellipses, outermost first, the slots that it steps through.
  absl::Span<const absl::Span<const uint32_t>> drivers;
};

namespace {

// A pattern variable has matched one form, or a sequence of matches.
struct Match {
  Syntax* form = nullptr;
  Match* items = nullptr;
  size_t count = 0;
};

class Compiler {
 public:
  Compiler(Expansion& e, Scope* scope, const Syntax* whole) : e_(e), scope_(scope), whole_(whole) {}

  const Rules* Compile(Syntax* spec) {
    constexpr char kUsage[] = "syntax-rules: expected (syntax-rules (literal ...) (pattern template) ...)";
    if (ListLength(spec) < 1) return e_.Fail(whole_, kUsage);
    Rules* rules = e_.arena().New<Rules>();
    rules->spec = spec;
    rules->scope = scope_;
    if (spec->car->IsIdentifier()) {
      ellipsis_ = spec->car;
      spec = spec->cdr;
    }
    if (!spec->IsPair() || ListLength(spec->car) < 0) return e_.Fail(whole_, kUsage);
    for (Syntax* p = spec->car; p->IsPair(); p = p->cdr) {
      if (!p->car->IsIdentifier()) {
        return e_.Fail(p->car, "syntax-rules: a literal must be an identifier");
      }
      literals_.push_back(p->car);
    }
    std::vector<Rule> compiled;
    for (Syntax* p = spec->cdr; p->IsPair(); p = p->cdr) {
      if (ListLength(p->car) != 2 || !p->car->car->IsPair()) {
        return e_.Fail(p->car, "syntax-rules: expected a rule ((_ pattern ...) template)");
      }
      Rule rule;
      if (!CompileRule(p->car->car, Nth(p->car, 1), &rule)) return nullptr;
      compiled.push_back(rule);
    }
    rules->rules = e_.arena().Copy(absl::Span<const Rule>(compiled));
    return rules;
  }

 private:
  struct PatternVariable {
    IdentifierKey key;
    uint32_t depth;
  };
  // A place in the frame of an instantiation. A variable of depth d that occurs inside D ellipses is stepped through by
  // the innermost d of them; the `skipped` outer ones leave it alone.
  struct Slot {
    uint32_t variable;
    uint32_t skipped;
  };

  bool CompileRule(Syntax* pattern, Syntax* result, Rule* rule) {
    variables_.clear();
    slots_.clear();
    inserted_.clear();
    rule->source = pattern;
    // The keyword's own position matches anything.
    rule->pattern = CompilePattern(pattern->cdr, 0, true);
    if (rule->pattern == nullptr) return false;
    std::vector<uint32_t> used;
    rule->result = CompileTemplate(result, 0, false, &used);
    if (rule->result == nullptr) return false;
    rule->variable_count = static_cast<uint32_t>(variables_.size());
    std::vector<uint32_t> slots;
    for (const Slot& slot : slots_) slots.push_back(slot.variable);
    rule->slots = e_.arena().Copy(absl::Span<const uint32_t>(slots));
    rule->inserted = e_.arena().Copy(absl::Span<Syntax* const>(inserted_));
    return true;
  }

  bool IsLiteral(const Syntax* id) const {
    return std::any_of(literals_.begin(), literals_.end(), [&](const Syntax* l) { return KeyOf(l) == KeyOf(id); });
  }

  // Among the literals an ellipsis is a literal, whether it is `...` or has a name of its own (R7RS 4.3.2).
  bool IsEllipsis(const Syntax* form) const {
    if (!form->IsIdentifier() || IsLiteral(form)) return false;
    if (ellipsis_ != nullptr) return KeyOf(form) == KeyOf(ellipsis_);
    return e_.IsKeyword(form, CoreForm::kEllipsis, scope_);
  }

  Pattern* New(Pattern::Kind kind) {
    Pattern* p = e_.arena().New<Pattern>();
    p->kind = kind;
    return p;
  }
  Template* New(Template::Kind kind) {
    Template* t = e_.arena().New<Template>();
    t->kind = kind;
    return t;
  }

  Pattern* CompilePattern(Syntax* p, uint32_t depth, bool ellipsis_allowed) {
    Expansion::Nesting nesting(e_, whole_);
    if (!nesting) return nullptr;
    switch (p->kind) {
      case Syntax::Kind::kAtom: {
        Pattern* atom = New(Pattern::Kind::kAtom);
        atom->syntax = p;
        return atom;
      }
      case Syntax::Kind::kSymbol:
      case Syntax::Kind::kAlias:
        return CompilePatternIdentifier(p, depth);
      case Syntax::Kind::kVector: {
        Pattern* vector = New(Pattern::Kind::kVector);
        vector->car = CompilePattern(e_.arena().List({p->items, p->count}, p->position), depth, true);
        return vector->car == nullptr ? nullptr : vector;
      }
      case Syntax::Kind::kPair:
        break;
    }
    if (p->cdr->IsPair() && IsEllipsis(p->cdr->car)) {
      if (!ellipsis_allowed) {
        return e_.Fail(p, "syntax-rules: only one ellipsis is allowed in each list of a pattern");
      }
      Pattern* repeat = New(Pattern::Kind::kEllipsis);
      repeat->variable = static_cast<uint32_t>(variables_.size());
      repeat->car = CompilePattern(p->car, depth + 1, true);
      if (repeat->car == nullptr) return nullptr;
      repeat->variable_end = static_cast<uint32_t>(variables_.size());
      Syntax* tail = p->cdr->cdr;
      if (!CountPairs(tail, &repeat->tail_pairs, nullptr)) {
        return e_.Fail(whole_, "syntax-rules: circular pattern");
      }
      repeat->cdr = CompilePattern(tail, depth, false);
      return repeat->cdr == nullptr ? nullptr : repeat;
    }
    Pattern* pair = New(Pattern::Kind::kPair);
    pair->car = CompilePattern(p->car, depth, true);
    if (pair->car == nullptr) return nullptr;
    pair->cdr = CompilePattern(p->cdr, depth, ellipsis_allowed);
    return pair->cdr == nullptr ? nullptr : pair;
  }

  Pattern* CompilePatternIdentifier(Syntax* p, uint32_t depth) {
    if (IsLiteral(p)) {
      Pattern* literal = New(Pattern::Kind::kLiteral);
      literal->syntax = p;
      return literal;
    }
    if (IsEllipsis(p)) return e_.Fail(p, "syntax-rules: misplaced ellipsis in a pattern");
    if (e_.IsKeyword(p, CoreForm::kUnderscore, scope_)) return New(Pattern::Kind::kAny);
    for (const PatternVariable& v : variables_) {
      if (v.key == KeyOf(p)) {
        return e_.Fail(p, absl::StrCat("syntax-rules: duplicate pattern variable ", e_.Print(p)));
      }
    }
    Pattern* variable = New(Pattern::Kind::kVariable);
    variable->variable = static_cast<uint32_t>(variables_.size());
    variables_.push_back({KeyOf(p), depth});
    return variable;
  }

  // `used` receives the slots that occur in `t`. In an `escaped` template, (... template), ellipses are just
  // identifiers.
  Template* CompileTemplate(Syntax* t, uint32_t depth, bool escaped, std::vector<uint32_t>* used) {
    Expansion::Nesting nesting(e_, whole_);
    if (!nesting) return nullptr;
    switch (t->kind) {
      case Syntax::Kind::kAtom: {
        Template* constant = New(Template::Kind::kConstant);
        constant->syntax = t;
        return constant;
      }
      case Syntax::Kind::kSymbol:
      case Syntax::Kind::kAlias:
        return CompileTemplateIdentifier(t, depth, escaped, used);
      case Syntax::Kind::kVector: {
        // Not (... template): that is a list.
        if (!escaped && t->count != 0 && IsEllipsis(t->items[0])) {
          return e_.Fail(t, "syntax-rules: misplaced ellipsis in a template");
        }
        Template* vector = New(Template::Kind::kVector);
        vector->car = CompileTemplate(e_.arena().List({t->items, t->count}, t->position), depth, escaped, used);
        return vector->car == nullptr ? nullptr : vector;
      }
      case Syntax::Kind::kPair:
        break;
    }
    if (!escaped && IsEllipsis(t->car)) {
      if (ListLength(t) != 2) return e_.Fail(t, "syntax-rules: expected (... template)");
      return CompileTemplate(Nth(t, 1), depth, true, used);
    }
    uint32_t ellipses = 0;
    Syntax* rest = t->cdr;
    while (!escaped && rest->IsPair() && IsEllipsis(rest->car)) {
      if (++ellipses > 100) return e_.Fail(whole_, "syntax-rules: too many ellipses");
      rest = rest->cdr;
    }
    Template* pair = New(ellipses == 0 ? Template::Kind::kPair : Template::Kind::kEllipsis);
    std::vector<uint32_t> inside;
    pair->car = CompileTemplate(t->car, depth + ellipses, escaped, &inside);
    if (pair->car == nullptr) return nullptr;
    std::vector<absl::Span<const uint32_t>> drivers;
    for (uint32_t i = 0; i < ellipses; ++i) {
      std::vector<uint32_t> slots;
      for (uint32_t slot : inside) {
        if (slots_[slot].skipped < depth + i + 1) slots.push_back(slot);
      }
      if (slots.empty()) {
        return e_.Fail(t, "syntax-rules: nothing in front of this ellipsis can be repeated");
      }
      drivers.push_back(e_.arena().Copy(absl::Span<const uint32_t>(slots)));
    }
    pair->drivers = e_.arena().Copy(absl::Span<const absl::Span<const uint32_t>>(drivers));
    for (uint32_t slot : inside) AddOnce(slot, used);
    pair->cdr = CompileTemplate(rest, depth, escaped, used);
    return pair->cdr == nullptr ? nullptr : pair;
  }

  Template* CompileTemplateIdentifier(Syntax* t, uint32_t depth, bool escaped, std::vector<uint32_t>* used) {
    for (uint32_t i = 0; i < variables_.size(); ++i) {
      if (variables_[i].key != KeyOf(t)) continue;
      if (variables_[i].depth > depth) {
        return e_.Fail(t, absl::StrCat("syntax-rules: ", e_.Print(t),
                                       " needs as many ellipses in the template as in the pattern"));
      }
      const Slot wanted{i, depth - variables_[i].depth};
      uint32_t slot = 0;
      while (slot < slots_.size() && (slots_[slot].variable != wanted.variable ||
                                      // A variable of depth 0 is never stepped through.
                                      (variables_[i].depth != 0 && slots_[slot].skipped != wanted.skipped))) {
        ++slot;
      }
      if (slot == slots_.size()) slots_.push_back(wanted);
      if (variables_[i].depth != 0) AddOnce(slot, used);
      Template* variable = New(Template::Kind::kVariable);
      variable->index = slot;
      return variable;
    }
    if (!escaped && IsEllipsis(t)) return e_.Fail(t, "syntax-rules: misplaced ellipsis in a template");
    Template* inserted = New(Template::Kind::kInserted);
    for (inserted->index = 0; inserted->index < inserted_.size(); ++inserted->index) {
      if (KeyOf(inserted_[inserted->index]) == KeyOf(t)) return inserted;
    }
    inserted_.push_back(t);
    return inserted;
  }

  static void AddOnce(uint32_t slot, std::vector<uint32_t>* used) {
    if (std::find(used->begin(), used->end(), slot) == used->end()) used->push_back(slot);
  }

  Expansion& e_;
  Scope* scope_;
  const Syntax* whole_;
  const Syntax* ellipsis_ = nullptr;
  std::vector<const Syntax*> literals_;
  std::vector<PatternVariable> variables_;
  std::vector<Slot> slots_;
  std::vector<Syntax*> inserted_;
};

// One use of a macro.
class Use {
 public:
  Use(Expansion& e, const Rules& rules, const Syntax* form, Scope* scope)
      : e_(e), rules_(rules), form_(form), scope_(scope) {}

  bool Matches(const Rule& rule, Syntax* form) {
    matches_.assign(rule.variable_count, Match{});
    return MatchPattern(rule.pattern, form);
  }

  Syntax* Instantiate(const Rule& rule) {
    frame_.clear();
    for (uint32_t variable : rule.slots) frame_.push_back(matches_[variable]);
    aliases_.assign(rule.inserted.size(), nullptr);
    rule_ = &rule;
    return Build(rule.result);
  }

 private:
  // Recursion is as deep as the pattern, which was limited when it was compiled.
  bool MatchPattern(const Pattern* p, Syntax* form) {
    for (;;) {
      switch (p->kind) {
        case Pattern::Kind::kAny:
          return true;
        case Pattern::Kind::kVariable:
          matches_[p->variable].form = form;
          return true;
        case Pattern::Kind::kLiteral:
          return form->IsIdentifier() &&
                 SameMeaning(e_.heap(), e_.Meaning(form, scope_), e_.Meaning(p->syntax, rules_.scope));
        case Pattern::Kind::kAtom:
          return form->kind == Syntax::Kind::kAtom && Equal(e_.heap(), form->value, p->syntax->value);
        case Pattern::Kind::kVector:
          if (form->kind != Syntax::Kind::kVector) return false;
          form = e_.arena().List({form->items, form->count}, form->position);
          p = p->car;
          continue;
        case Pattern::Kind::kPair:
          if (!form->IsPair() || !MatchPattern(p->car, form->car)) return false;
          break;
        case Pattern::Kind::kEllipsis:
          if (!MatchRepeated(p, &form)) return false;
          p = p->cdr;
          continue;
      }
      form = form->cdr;
      p = p->cdr;
    }
  }

  // Takes what the repeated part matches off the front of `*form`.
  bool MatchRepeated(const Pattern* p, Syntax** form) {
    size_t pairs;
    if (!CountPairs(*form, &pairs, nullptr) || pairs < p->tail_pairs) return false;
    const size_t count = pairs - p->tail_pairs;
    const uint32_t variables = p->variable_end - p->variable;
    Match* items = static_cast<Match*>(e_.arena().Allocate(sizeof(Match) * count * variables + 1));
    for (size_t i = 0; i < count; ++i) {
      if (!e_.GoesOn(4) || !MatchPattern(p->car, (*form)->car)) return false;
      for (uint32_t v = 0; v < variables; ++v) {
        new (&items[v * count + i]) Match(matches_[p->variable + v]);
        matches_[p->variable + v] = Match{};
      }
      *form = (*form)->cdr;
    }
    for (uint32_t v = 0; v < variables; ++v) {
      matches_[p->variable + v] = Match{nullptr, items + v * count, count};
    }
    return true;
  }

  Syntax* Build(const Template* t) {
    switch (t->kind) {
      case Template::Kind::kConstant:
        return t->syntax;
      case Template::Kind::kVariable:
        return frame_[t->index].form;
      case Template::Kind::kInserted: {
        Syntax*& alias = aliases_[t->index];
        if (alias == nullptr) {
          alias = e_.Rename(rule_->inserted[t->index], rules_.scope, form_->position);
        }
        return alias;
      }
      case Template::Kind::kVector: {
        Syntax* list = Build(t->car);
        size_t count;
        if (list == nullptr || !CountPairs(list, &count, nullptr)) {
          return list == nullptr ? nullptr : e_.Fail(form_, "a vector of this macro's has no end");
        }
        Syntax* const vector = e_.arena().MakeVector(count, form_->position);
        for (size_t i = 0; i < count; ++i, list = list->cdr) {
          if (!e_.GoesOn(1)) return nullptr;
          vector->items[i] = list->car;
        }
        return vector;
      }
      case Template::Kind::kPair:
      case Template::Kind::kEllipsis:
        break;
    }
    size_t count = 0;
    for (; t->kind == Template::Kind::kPair || t->kind == Template::Kind::kEllipsis; t = t->cdr) {
      if (t->kind == Template::Kind::kPair) {
        Syntax* item = Build(t->car);
        if (item == nullptr) return nullptr;
        items_.push_back(item);
        ++count;
      } else if (!Repeat(t, 0, &count)) {
        return nullptr;
      }
    }
    Syntax* list = Build(t);
    if (list == nullptr) return nullptr;
    for (; count > 0; --count) {
      if (!e_.GoesOn(4)) return nullptr;
      Syntax* const item = items_.back();
      items_.pop_back();
      list = e_.arena().Cons(item, list, count == 1 ? form_->position : item->position);
    }
    return list;
  }

  // Pushes the forms that the `level`-th ellipsis of `t` and those inside it make onto items_, and adds their number to
  // *made.
  bool Repeat(const Template* t, size_t level, size_t* made) {
    if (level == t->drivers.size()) {
      Syntax* item = Build(t->car);
      if (item == nullptr) return false;
      items_.push_back(item);
      ++*made;
      return true;
    }
    const absl::Span<const uint32_t> slots = t->drivers[level];
    const size_t count = frame_[slots[0]].count;
    std::vector<Match> saved;
    for (uint32_t slot : slots) {
      if (frame_[slot].count != count) {
        e_.Fail(form_, "the variables that an ellipsis of this macro repeats match different numbers of forms");
        return false;
      }
      saved.push_back(frame_[slot]);
    }
    bool ok = true;
    for (size_t i = 0; i < count && ok; ++i) {
      Expansion::Nesting nesting(e_, form_);  // checks the arena's limit
      for (size_t k = 0; k < slots.size(); ++k) frame_[slots[k]] = saved[k].items[i];
      ok = nesting && Repeat(t, level + 1, made);
    }
    for (size_t k = 0; k < slots.size(); ++k) frame_[slots[k]] = saved[k];
    return ok;
  }

  Expansion& e_;
  const Rules& rules_;
  const Rule* rule_ = nullptr;
  const Syntax* form_;
  Scope* scope_;
  std::vector<Match> matches_;
  std::vector<Match> frame_;
  std::vector<Syntax*> aliases_;
  WorkStack<Syntax*> items_;  // built, and not yet in a list
};

}  // namespace

const Rules* CompileRules(Expansion& e, Syntax* spec, Scope* scope, const Syntax* whole) {
  return Compiler(e, scope, whole).Compile(spec);
}

Syntax* ApplyRules(Expansion& e, const Rules& rules, Syntax* form, Scope* scope) {
  Use use(e, rules, form, scope);
  for (const Rule& rule : rules.rules) {
    if (use.Matches(rule, form->cdr)) return use.Instantiate(rule);
  }
  std::string message = absl::StrCat(e.Print(form->car), ": no rule of this macro matches");
  constexpr size_t kShown = 3;
  for (size_t i = 0; i < rules.rules.size() && i < kShown; ++i) {
    absl::StrAppend(&message, i == 0 ? "; expected " : " or ",
                    e.Print(e.arena().Cons(form->car, rules.rules[i].source->cdr, form->position)));
  }
  if (rules.rules.size() > kShown) absl::StrAppend(&message, " or ...");
  return e.Fail(form, std::move(message));
}

}  // namespace islet::vm
