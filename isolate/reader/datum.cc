// Syntax to datum and back. Neither direction recurses: work lies on an explicit stack, and lists
// are followed along their cdr. What shares parts, or is circular, is noted in the syntax itself,
// or beside the heap's pages: a hash table of millions would take too long, between two polls, to
// grow and to be freed.

#include <cstdint>
#include <memory>

#include "isolate/heap/object_map.h"
#include "isolate/heap/poll.h"
#include "isolate/heap/work_stack.h"
#include "isolate/reader/reader.h"

namespace islet::vm {

namespace {

bool IsCompound(const Syntax* s) { return s->kind == Syntax::Kind::kPair || s->kind == Syntax::Kind::kVector; }

// A walk's number, which the syntax of no arena has yet (but after four thousand million more). An
// arena is on one thread.
uint32_t NewWalk() {
  static thread_local uint32_t last = 0;
  if (++last == 0) ++last;
  return last;
}

// True the first time that the walk comes by.
bool Enter(const Syntax* s, uint32_t walk) {
  if (s->walk == walk) return false;
  s->walk = walk;
  return true;
}

}  // namespace

size_t DatumBytes(const Syntax* root) {
  const uint32_t walk = NewWalk();
  WorkStack<const Syntax*> work;
  work.push_back(root);
  size_t bytes = 0;
  StepCounter steps;
  while (!work.empty() && !steps.ended()) {
    const Syntax* s = work.back();
    work.pop_back();
    while (IsCompound(s) && steps.Add(4) && Enter(s, walk)) {
      if (s->kind == Syntax::Kind::kVector) {
        bytes += sizeof(Vector) + sizeof(Value) * s->count + 4;
        for (size_t i = 0; i < s->count && steps.Add(1); ++i) {
          if (IsCompound(s->items[i])) work.push_back(s->items[i]);
        }
        break;
      }
      bytes += sizeof(Pair);
      if (IsCompound(s->car)) work.push_back(s->car);
      s = s->cdr;
    }
  }
  return bytes;
}

Value SyntaxToDatum(Vm& vm, const Syntax* syntax, bool immutable, const ResolveAlias& resolve,
                    const NoteTranslation& note) {
  const auto leaf = [&resolve](const Syntax* s) {
    if (s->kind != Syntax::Kind::kAlias) return s->value;
    return resolve != nullptr ? resolve(s->alias) : kFalse;
  };
  if (!IsCompound(syntax)) return leaf(syntax);
  Heap& heap = vm.heap();
  const size_t bytes = DatumBytes(syntax);
  if (Ended()) return kUndefined;  // there may be more of them
  // Much goes to the old space at once: a nursery of so many live objects would take long to
  // collect. What it refers to is then old as well.
  const bool promoted = bytes > Heap::kSlack / 4;
  if (promoted) (void)heap.Collect();
  if (promoted && !heap.Reserve(bytes)) return kUndefined;

  // From here on nothing moves.
  const uint32_t walk = NewWalk();
  struct Task {
    const Syntax* syntax;
    Value* slot;
  };
  Value result = kFalse;
  const auto store = [&](Value* slot, Value v) {
    if (slot == &result) {
      result = v;
    } else {
      heap.Write(slot, v);
    }
  };
  WorkStack<Task> work;
  work.push_back({syntax, &result});
  StepCounter steps;
  while (!work.empty() && !steps.ended()) {
    const Syntax* s = work.back().syntax;
    Value* slot = work.back().slot;
    work.pop_back();
    while (steps.Add(4)) {
      if (!IsCompound(s)) {
        store(slot, leaf(s));
        break;
      }
      if (!Enter(s, walk)) {
        store(slot, s->datum);
        break;
      }
      if (s->kind == Syntax::Kind::kVector) {
        const uint32_t length = static_cast<uint32_t>(s->count);
        const uint32_t flags = immutable ? kImmutableFlag : 0;
        const Value v = promoted ? heap.MakeVectorPromoted(length, flags) : heap.MakeVector(length, kFalse, flags);
        s->datum = v;
        store(slot, v);
        if (note != nullptr) note(v, const_cast<Syntax*>(s));
        Value* items = heap.Get<Vector>(v)->items;
        for (size_t i = s->count; i-- > 0 && steps.Add(1);) work.push_back({s->items[i], items + i});
        break;
      }
      const Value v = promoted ? heap.ConsPromoted(kFalse, kNull) : heap.Cons(kFalse, kNull);
      s->datum = v;
      store(slot, v);
      if (note != nullptr) note(v, const_cast<Syntax*>(s));
      Pair* pair = heap.Get<Pair>(v);
      if (IsCompound(s->car)) {
        work.push_back({s->car, &pair->car});
      } else {
        store(&pair->car, leaf(s->car));
      }
      slot = &pair->cdr;
      s = s->cdr;
    }
  }
  return result;
}

Syntax* DatumToSyntax(SyntaxArena& arena, Heap& heap, Value datum, SourcePosition position, size_t max_depth,
                      size_t max_bytes, const NoteTranslation& note) {
  const auto compound = [&heap](Value v) { return v.IsPair() || heap.Is<Vector>(v); };
  const auto made = std::make_unique<ObjectMap<Syntax*>>();
  struct Task {
    Value datum;
    Syntax** slot;
    size_t depth;
  };
  Syntax* result = nullptr;
  WorkStack<Task> work;
  work.push_back({datum, &result, 0});
  const size_t bytes_before = arena.bytes();
  StepCounter steps;
  while (!work.empty()) {
    const Task task = work.back();
    work.pop_back();
    if (task.depth > max_depth || !steps.Add(4)) return nullptr;
    Value v = task.datum;
    Syntax** slot = task.slot;
    while (true) {
      if (!steps.Add(4)) return nullptr;
      if (!compound(v)) {
        *slot = heap.Is<Symbol>(v) ? arena.Symbol(v, position) : arena.Atom(v, position);
        if (note != nullptr) note(v, *slot);
        break;
      }
      Syntax*& known = (*made)[v];
      if (known != nullptr) {
        *slot = known;
        break;
      }
      if (arena.bytes() - bytes_before > max_bytes) return nullptr;
      if (!v.IsPair()) {
        const Vector* vector = heap.Get<Vector>(v);
        Syntax* s = arena.MakeVector(vector->length, position);
        *slot = known = s;
        if (note != nullptr) note(v, s);
        for (uint32_t i = vector->length; i-- > 0;) {
          if (!steps.Add(1)) return nullptr;
          work.push_back({vector->items[i], s->items + i, task.depth + 1});
        }
        break;
      }
      Syntax* s = arena.Cons(nullptr, nullptr, position);
      *slot = known = s;
      if (note != nullptr) note(v, s);
      const Pair* pair = heap.Get<Pair>(v);
      work.push_back({pair->car, &s->car, task.depth + 1});
      slot = &s->cdr;
      v = pair->cdr;
    }
  }
  return result;
}

}  // namespace islet::vm
