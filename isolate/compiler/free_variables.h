// The variables that a function captures: numbered in the order in which they are met, and found by
// a tree that branches by two bits of their address after the other. In the arena: a program's
// functions are never freed one by one.

#ifndef ISLET_ISOLATE_COMPILER_FREE_VARIABLES_H_
#define ISLET_ISOLATE_COMPILER_FREE_VARIABLES_H_

#include <cstdint>

#include "isolate/expander/core_form.h"
#include "isolate/reader/syntax.h"

namespace islet::vm {

struct FreeVariable {
  Variable* variable;
  uint32_t index;
  bool removed;
  FreeVariable* next;
  FreeVariable* children[4];
};

class FreeVariables {
 public:
  class Iterator {
   public:
    explicit Iterator(const FreeVariable* at) : at_(at) {}
    Variable* operator*() const { return at_->variable; }
    Iterator& operator++() {
      at_ = at_->next;
      return *this;
    }
    bool operator!=(const Iterator& other) const { return at_ != other.at_; }

   private:
    const FreeVariable* at_;
  };
  Iterator begin() const { return Iterator(first_); }
  Iterator end() const { return Iterator(nullptr); }

  // False if it is there already.
  bool Add(SyntaxArena& arena, Variable* v) {
    FreeVariable** const place = Place(v);
    if (*place != nullptr) return false;
    FreeVariable* const added = arena.New<FreeVariable>();
    added->variable = v;
    added->index = count_++;
    *place = added;
    *(last_ == nullptr ? &first_ : &last_->next) = added;
    last_ = added;
    return true;
  }
  // Null if it is not captured.
  const FreeVariable* Find(const Variable* v) const {
    const FreeVariable* const found = *const_cast<FreeVariables*>(this)->Place(v);
    return found == nullptr || found->removed ? nullptr : found;
  }
  // The others are numbered anew. To be called once all are there.
  template <typename F>
  void RemoveIf(F&& is_superfluous) {
    count_ = 0;
    FreeVariable** link = &first_;
    while (*link != nullptr) {
      FreeVariable* const v = *link;
      v->removed = is_superfluous(v->variable);
      if (v->removed) {
        *link = v->next;
      } else {
        v->index = count_++;
        link = &v->next;
      }
    }
  }

 private:
  FreeVariable** Place(const Variable* v) {
    FreeVariable** at = &root_;
    // Multiplying spreads the low bits, in which addresses differ, over the high ones.
    uint64_t hash = reinterpret_cast<uintptr_t>(v) * 0x9e3779b97f4a7c15;
    while (*at != nullptr && (*at)->variable != v) {
      at = &(*at)->children[hash >> 62];
      hash = hash << 2 | hash >> 62;
    }
    return at;
  }

  uint32_t count_ = 0;
  FreeVariable* root_ = nullptr;
  FreeVariable* first_ = nullptr;
  FreeVariable* last_ = nullptr;
};

}  // namespace islet::vm

#endif  // ISLET_ISOLATE_COMPILER_FREE_VARIABLES_H_
