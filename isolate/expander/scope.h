// Scopes, bindings and aliases say what identifiers mean.
//
// An identifier is a Symbol or an Alias. Scopes form a chain; the last, a root scope, stands for an Environment, where
// symbols are looked up in the heap. An alias that no scope binds means what its name means in the scope of the macro
// that inserted it. All of this lives in the arena.

#ifndef ISLET_ISOLATE_EXPANDER_SCOPE_H_
#define ISLET_ISOLATE_EXPANDER_SCOPE_H_

#include <cstdint>

#include "isolate/expander/core_form.h"
#include "isolate/expander/expander.h"
#include "isolate/heap/heap.h"
#include "isolate/reader/syntax.h"

namespace islet::vm {

struct Rules;  // syntax_rules.h
class Scope;

// An identifier inserted by a macro: `name` (a symbol, or an alias in turn) as it is bound in `scope`. Fresh for each
// expansion.
struct Alias {
  Syntax* name;
  Scope* scope;
  // While a macro whose text holds it is being stored: its Identifier in the heap. A root, unless kUndefined.
  Value identifier = kUndefined;
  uint32_t in_table = 0;  // its place in the IdentifierTable (procedural_macro.h), if it is there
};

// An Environment of the heap, as a root.
struct Env {
  Value value;
  Scope* scope;
};

// Equal for the same symbol and for the same alias.
using IdentifierKey = uintptr_t;
inline IdentifierKey KeyOf(const Syntax* id) {
  // References are odd, addresses even.
  return id->kind == Syntax::Kind::kAlias ? reinterpret_cast<uintptr_t>(id->alias) : id->value.bits;
}
// The symbol that an identifier was written as.
inline Value BaseSymbol(const Syntax* id) {
  while (id->kind == Syntax::Kind::kAlias) id = id->alias->name;
  return id->value;
}

struct Binding {
  Variable* variable = nullptr;  // a local variable, or
  const Rules* rules = nullptr;  // a local macro, or
  Value value = kUndefined;      // what an Environment holds: Cell, Macro, core form (a root)
};

class Scope {
 public:
  Scope(Scope* parent, Env* env) : parent_(parent), env_(env) {}
  Scope* parent() const { return parent_; }
  Env* env() const { return env_; }  // of the root scope of this chain
  const Binding* Find(IdentifierKey key) const;
  // Replaces what `key` was bound to here.
  void Add(SyntaxArena& arena, IdentifierKey key, const Binding* binding);

 private:
  struct Entry {
    IdentifierKey key;
    const Binding* binding;
  };
  static constexpr uint32_t kLinear = 8;  // up to so many entries are searched one by one, more by hashing
  uint32_t Slot(IdentifierKey key) const;

  Scope* parent_;
  Env* env_;
  Entry* entries_ = nullptr;  // hashed: free where the key is 0
  uint32_t count_ = 0;
  uint32_t capacity_ = 0;
};

// An identifier's meaning in a scope.
struct Denotation {
  enum class Kind : uint8_t { kUnbound, kVariable, kRules, kCell, kMacro, kCoreForm };
  Kind kind = Kind::kUnbound;
  Variable* variable = nullptr;
  const Rules* rules = nullptr;
  Value value = kUndefined;   // Cell, Macro or core form; valid until the next safepoint
  Value symbol = kUndefined;  // unbound or global: the name
  Env* env = nullptr;         // unbound or global: where it was looked up

  bool IsCoreForm(CoreForm form) const {
    return kind == Kind::kCoreForm && value == Value::Syntax(static_cast<uint32_t>(form));
  }
};

Denotation Resolve(const Heap& heap, const Syntax* id, const Scope* scope);
// free-identifier=?: do they mean the same?
bool SameMeaning(const Heap& heap, const Denotation& a, const Denotation& b);

}  // namespace islet::vm

#endif  // ISLET_ISOLATE_EXPANDER_SCOPE_H_
