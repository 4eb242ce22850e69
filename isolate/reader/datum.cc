// Syntax to datum and back. Neither direction recurses: work lies on an explicit stack, and lists
// are followed along their cdr.

#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "isolate/heap/poll.h"
#include "isolate/reader/reader.h"

namespace islet::vm {

namespace {

bool IsCompound(const Syntax* s) {
  return s->kind == Syntax::Kind::kPair || s->kind == Syntax::Kind::kVector;
}

}  // namespace

size_t DatumBytes(const Syntax* root) {
  std::unordered_set<const Syntax*> seen;
  std::vector<const Syntax*> work = {root};
  size_t bytes = 0;
  StepCounter steps;
  while (!work.empty()) {
    const Syntax* s = work.back();
    work.pop_back();
    while (IsCompound(s) && steps.Add(4) && seen.insert(s).second) {
      if (s->kind == Syntax::Kind::kVector) {
        bytes += sizeof(Vector) + sizeof(Value) * s->count + 4;
        work.insert(work.end(), s->items, s->items + s->count);
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
  if (bytes > Heap::kSlack / 4 && !heap.Reserve(bytes)) return kUndefined;

  // From here on nothing moves.
  std::unordered_map<const Syntax*, Value> made;
  struct Task {
    const Syntax* syntax;
    Value* slot;
  };
  Value result = kFalse;
  std::vector<Task> work = {{syntax, &result}};
  StepCounter steps;
  while (!work.empty()) {
    const Syntax* s = work.back().syntax;
    Value* slot = work.back().slot;
    work.pop_back();
    while (steps.Add(4)) {
      if (!IsCompound(s)) {
        *slot = leaf(s);
        break;
      }
      const auto [entry, fresh] = made.try_emplace(s, kFalse);
      if (!fresh) {
        *slot = entry->second;
        break;
      }
      if (s->kind == Syntax::Kind::kVector) {
        const Value v = heap.MakeVector(static_cast<uint32_t>(s->count), kFalse,
                                        immutable ? kImmutableFlag : 0);
        *slot = entry->second = v;
        if (note != nullptr) note(v, const_cast<Syntax*>(s));
        Value* items = heap.Get<Vector>(v)->items;
        for (size_t i = s->count; i-- > 0;) work.push_back({s->items[i], items + i});
        break;
      }
      const Value v = heap.Cons(kFalse, kNull);
      *slot = entry->second = v;
      if (note != nullptr) note(v, const_cast<Syntax*>(s));
      Pair* pair = heap.Get<Pair>(v);
      if (IsCompound(s->car)) {
        work.push_back({s->car, &pair->car});
      } else {
        pair->car = leaf(s->car);
      }
      slot = &pair->cdr;
      s = s->cdr;
    }
  }
  return result;
}

Syntax* DatumToSyntax(SyntaxArena& arena, Heap& heap, Value datum, SourcePosition position,
                      size_t max_depth, size_t max_bytes, const NoteTranslation& note) {
  const auto compound = [&heap](Value v) { return v.IsPair() || heap.Is<Vector>(v); };
  std::unordered_map<uint32_t, Syntax*> made;
  struct Task {
    Value datum;
    Syntax** slot;
    size_t depth;
  };
  Syntax* result = nullptr;
  std::vector<Task> work = {{datum, &result, 0}};
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
      const auto [entry, fresh] = made.try_emplace(v.bits, nullptr);
      if (!fresh) {
        *slot = entry->second;
        break;
      }
      if (arena.bytes() - bytes_before > max_bytes) return nullptr;
      if (!v.IsPair()) {
        const Vector* vector = heap.Get<Vector>(v);
        const std::vector<Syntax*> unfilled(vector->length, nullptr);
        Syntax* s = arena.MakeVector(unfilled, position);
        *slot = entry->second = s;
        if (note != nullptr) note(v, s);
        for (uint32_t i = vector->length; i-- > 0;) {
          work.push_back({vector->items[i], s->items + i, task.depth + 1});
        }
        break;
      }
      Syntax* s = arena.Cons(nullptr, nullptr, position);
      *slot = entry->second = s;
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
