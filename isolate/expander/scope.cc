#include "isolate/expander/scope.h"

#include "isolate/data/hash_table.h"

namespace islet::vm {

uint32_t Scope::Slot(IdentifierKey key) const {
  const uint32_t mask = capacity_ - 1;
  uint32_t i = static_cast<uint32_t>((key * 0x9e3779b97f4a7c15u) >> 32) & mask;
  while (entries_[i].key != 0 && entries_[i].key != key) i = (i + 1) & mask;
  return i;
}

const Binding* Scope::Find(IdentifierKey key) const {
  if (capacity_ > kLinear) return entries_[Slot(key)].binding;
  for (uint32_t i = 0; i < count_; ++i) {
    if (entries_[i].key == key) return entries_[i].binding;
  }
  return nullptr;
}

void Scope::Add(SyntaxArena& arena, IdentifierKey key, const Binding* binding) {
  if (capacity_ <= kLinear) {
    for (uint32_t i = 0; i < count_; ++i) {
      if (entries_[i].key == key) {
        entries_[i].binding = binding;
        return;
      }
    }
  }
  const bool full = capacity_ <= kLinear ? count_ == capacity_ : 2 * count_ >= capacity_;
  if (full) {
    const Entry* old = entries_;
    const uint32_t old_capacity = capacity_;
    capacity_ = capacity_ == 0 ? 2 : capacity_ == kLinear ? 4 * kLinear : 2 * capacity_;
    entries_ = static_cast<Entry*>(arena.Allocate(capacity_ * sizeof(Entry)));
    for (uint32_t i = 0; i < capacity_; ++i) entries_[i] = {0, nullptr};
    uint32_t n = 0;
    for (uint32_t i = 0; i < old_capacity; ++i) {
      if (old[i].key != 0) entries_[capacity_ > kLinear ? Slot(old[i].key) : n++] = old[i];
    }
  }
  const uint32_t slot = capacity_ > kLinear ? Slot(key) : count_;
  if (entries_[slot].key == 0) ++count_;
  entries_[slot] = {key, binding};
}

namespace {

void SetGlobal(const Heap& heap, Value value, Denotation* d) {
  d->value = value;
  if (value.IsSyntax()) {
    d->kind = Denotation::Kind::kCoreForm;
  } else if (heap.Is<Macro>(value)) {
    d->kind = Denotation::Kind::kMacro;
  } else if (heap.Is<Cell>(value)) {
    d->kind = Denotation::Kind::kCell;
  } else {
    d->kind = Denotation::Kind::kUnbound;
  }
}

}  // namespace

Denotation Resolve(const Heap& heap, const Syntax* id, const Scope* scope) {
  Denotation d;
  for (;;) {
    const IdentifierKey key = KeyOf(id);
    for (const Scope* s = scope; s != nullptr; s = s->parent()) {
      const Binding* binding = s->Find(key);
      if (binding == nullptr) continue;
      if (binding->variable != nullptr) {
        d.kind = Denotation::Kind::kVariable;
        d.variable = binding->variable;
      } else if (binding->rules != nullptr) {
        d.kind = Denotation::Kind::kRules;
        d.rules = binding->rules;
      } else {
        d.symbol = BaseSymbol(id);
        d.env = scope->env();
        SetGlobal(heap, binding->value, &d);
      }
      return d;
    }
    if (id->kind == Syntax::Kind::kSymbol) {
      d.symbol = id->value;
      d.env = scope->env();
      const Value table = heap.Get<Environment>(d.env->value)->bindings;
      SetGlobal(heap, HashTableGet(const_cast<Heap&>(heap), table, id->value, kUndefined), &d);
      return d;
    }
    scope = id->alias->scope;
    id = id->alias->name;
  }
}

bool SameMeaning(const Heap& heap, const Denotation& a, const Denotation& b) {
  // A cell that only references made is a name without a binding.
  auto unbound = [&](const Denotation& d) {
    return d.kind == Denotation::Kind::kUnbound ||
           (d.kind == Denotation::Kind::kCell && (HeaderFlags(heap.header(d.value)) & kForwardCellFlag) != 0);
  };
  if (unbound(a) || unbound(b)) return unbound(a) && unbound(b) && a.symbol == b.symbol;
  if (a.kind != b.kind) return false;
  switch (a.kind) {
    case Denotation::Kind::kVariable:
      return a.variable == b.variable;
    case Denotation::Kind::kRules:
      return a.rules == b.rules;
    default:
      return a.value == b.value;
  }
}

}  // namespace islet::vm
