// quasiquote (R7RS 4.2.8), nested levels and vectors included. What holds no unquote stays one constant.

#include "isolate/expander/expansion.h"

namespace islet::vm {

namespace {

// Items made by one call of `list`, so that long templates neither nest deeply nor make calls with many arguments.
constexpr size_t kMaxListArguments = 32;

class Quasi {
 public:
  Quasi(Expansion& e, Scope* scope) : e_(e), scope_(scope) {}

  // The template as an expression, or null in `*out` if it is a constant.
  bool Expand(Syntax* t, int level, Core** out) {
    Expansion::Nesting nesting(e_, t);
    if (!nesting) return false;
    e_.arena().Allocate(8);  // so that shared structure, which can be exponentially large, meets the arena's limit
    *out = nullptr;
    if (t->kind == Syntax::Kind::kVector) return ExpandVector(t, level, out);
    if (!t->IsPair()) return true;
    if (IsUnary(t, CoreForm::kUnquote)) {
      if (level == 1) return (*out = e_.Expression(Nth(t, 1), scope_)) != nullptr;
      return ExpandList(t, level - 1, level - 1, out);
    }
    if (e_.IsKeyword(t->car, CoreForm::kUnquote, scope_) && level == 1) {
      e_.Fail(t, "unquote: expected (unquote expression)");
      return false;
    }
    if (IsUnary(t, CoreForm::kQuasiquote)) return ExpandList(t, level + 1, level + 1, out);
    if (IsUnary(t, CoreForm::kUnquoteSplicing)) {
      if (level == 1) {
        e_.Fail(t, "unquote-splicing: only allowed inside a list or vector");
        return false;
      }
      return ExpandList(t, level - 1, level - 1, out);
    }
    return ExpandList(t, level, level, out);
  }

 private:
  struct Item {
    Syntax* form;
    Core* core;  // null: constant
    bool spliced;
  };

  bool IsUnary(Syntax* t, CoreForm keyword) {
    return t->IsPair() && t->cdr->IsPair() && t->cdr->cdr->IsNull() && e_.IsKeyword(t->car, keyword, scope_);
  }

  bool ExpandItem(Syntax* t, int level, std::vector<Item>* items) {
    Item item{t, nullptr, false};
    if (level == 1 && IsUnary(t, CoreForm::kUnquoteSplicing)) {
      item.spliced = true;
      item.core = e_.Expression(Nth(t, 1), scope_);
      if (item.core == nullptr) return false;
    } else if (!Expand(t, level, &item.core)) {
      return false;
    }
    items->push_back(item);
    return true;
  }

  // Items at `level`; a tail that is an unquote belongs to `level` as well.
  bool ExpandList(Syntax* t, int level, int tail_level, Core** out) {
    size_t count;
    if (!CountPairs(t, &count, nullptr)) return true;  // circular: a constant
    std::vector<Item> items;
    Syntax* p = t;
    do {
      if (!ExpandItem(p->car, level, &items)) return false;
      p = p->cdr;
      // (a . ,b) reads as (a unquote b).
    } while (p->IsPair() && !IsUnary(p, CoreForm::kUnquote) && !IsUnary(p, CoreForm::kQuasiquote));
    Core* tail = nullptr;
    if (!p->IsNull() && !Expand(p, tail_level, &tail)) return false;
    return Build(items, p, tail, t->position, out);
  }

  bool ExpandVector(Syntax* t, int level, Core** out) {
    std::vector<Item> items;
    for (size_t i = 0; i < t->count; ++i) {
      if (!ExpandItem(t->items[i], level, &items)) return false;
    }
    Core* list = nullptr;
    Syntax* null = e_.arena().Atom(kNull, t->position);
    if (!Build(items, null, nullptr, t->position, &list)) return false;
    if (list == nullptr) return true;
    *out = e_.MakeCoreCall("list->vector", {list}, t->position);
    return *out != nullptr;
  }

  // The items followed by the tail; null in `*out` if all of it is constant.
  bool Build(const std::vector<Item>& items, Syntax* tail_form, Core* tail, SourcePosition position, Core** out) {
    // Constants at the end are part of the tail.
    size_t end = items.size();
    Syntax* constant_tail = tail_form;
    if (tail == nullptr) {
      while (end > 0 && items[end - 1].core == nullptr) {
        --end;
        constant_tail = e_.arena().Cons(items[end].form, constant_tail, position);
      }
      if (end == 0) return true;
    }
    Core* result = tail;
    bool empty = tail == nullptr && constant_tail->IsNull();
    if (result == nullptr && !empty) {
      result = e_.Quoted(constant_tail, position);
      if (result == nullptr) return false;
    }
    Expansion::Nesting nesting(e_, tail_form);
    while (end > 0) {
      if (!nesting.Deeper(tail_form)) return false;
      std::vector<Core*> args;
      if (items[end - 1].spliced) {
        --end;
        result = empty ? items[end].core : e_.MakeCoreCall("append", {items[end].core, result}, position);
      } else {
        size_t begin = end;
        while (begin > 0 && !items[begin - 1].spliced && end - begin < kMaxListArguments) --begin;
        for (size_t i = begin; i < end; ++i) {
          Core* core = items[i].core != nullptr ? items[i].core : e_.Quoted(items[i].form, position);
          if (core == nullptr) return false;
          args.push_back(core);
        }
        if (!empty && args.size() == 1) {
          result = e_.MakeCoreCall("cons", {args[0], result}, position);
        } else {
          Core* list = e_.MakeCoreCall("list", args, position);
          result = empty || list == nullptr ? list : e_.MakeCoreCall("append", {list, result}, position);
        }
        end = begin;
      }
      if (result == nullptr) return false;
      empty = false;
    }
    *out = result;
    return true;
  }

  Expansion& e_;
  Scope* scope_;
};

}  // namespace

Core* ExpandQuasiquote(Expansion& e, Syntax* form, Scope* scope) {
  if (ListLength(form) != 2) return e.Fail(form, "quasiquote: expected (quasiquote template)");
  Core* core;
  if (!Quasi(e, scope).Expand(Nth(form, 1), 1, &core)) return nullptr;
  return core != nullptr ? core : e.Quoted(Nth(form, 1), form->position);
}

}  // namespace islet::vm
