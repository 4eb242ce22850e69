// Pairs and lists (R7RS 6.4). The procedures that take procedures are in isolate/lib.

#include <array>
#include <cstring>
#include <utility>

#include "isolate/data/equality.h"
#include "isolate/heap/poll.h"
#include "isolate/process/made_once.h"
#include "isolate/runtime/arguments.h"
#include "isolate/runtime/list_building.h"
#include "isolate/runtime/primitives.h"

namespace islet::vm {
namespace {

Value IsPair(Vm&, Value* args, uint32_t) { return Value::Boolean(args[0].IsPair()); }

Value IsNull(Vm&, Value* args, uint32_t) { return Value::Boolean(args[0].IsNull()); }

Value IsList(Vm& vm, Value* args, uint32_t) { return Value::Boolean(ListLength(vm.heap(), args[0]) >= 0); }

Value Cons(Vm& vm, Value* args, uint32_t) { return vm.heap().Cons(args[0], args[1]); }

Value Car(Vm& vm, Value* args, uint32_t) {
  if (!CheckPair(vm, "car", args, 0)) return kException;
  return vm.heap().car(args[0]);
}

Value Cdr(Vm& vm, Value* args, uint32_t) {
  if (!CheckPair(vm, "cdr", args, 0)) return kException;
  return vm.heap().cdr(args[0]);
}

Value SetCar(Vm& vm, Value* args, uint32_t) {
  if (!CheckPair(vm, "set-car!", args, 0)) return kException;
  if (!CheckMutable(vm, "set-car!", args[0])) return kException;
  vm.heap().Write(&vm.heap().Get<Pair>(args[0])->car, args[1]);
  return kUnspecified;
}

Value SetCdr(Vm& vm, Value* args, uint32_t) {
  if (!CheckPair(vm, "set-cdr!", args, 0)) return kException;
  if (!CheckMutable(vm, "set-cdr!", args[0])) return kException;
  vm.heap().Write(&vm.heap().Get<Pair>(args[0])->cdr, args[1]);
  return kUnspecified;
}

// caar to cddddr: the letters between c and r, from the right, say which part to take.
constexpr std::array<const char*, 28> kCompositions = {
    "caar",   "cadr",   "cdar",   "cddr",   "caaar",  "caadr",  "cadar",  "caddr",  "cdaar",  "cdadr",
    "cddar",  "cdddr",  "caaaar", "caaadr", "caadar", "caaddr", "cadaar", "cadadr", "caddar", "cadddr",
    "cdaaar", "cdaadr", "cdadar", "cdaddr", "cddaar", "cddadr", "cdddar", "cddddr",
};

template <size_t kIndex>
Value Composition(Vm& vm, Value* args, uint32_t) {
  const char* name = kCompositions[kIndex];
  Value v = args[0];
  for (size_t i = std::strlen(name) - 2; i > 0; --i) {
    if (!v.IsPair()) return vm.WrongType(name, 1, "a pair with pairs all the way", args[0]);
    v = name[i] == 'a' ? vm.heap().car(v) : vm.heap().cdr(v);
  }
  return v;
}

template <size_t... kIndex>
std::array<PrimitiveSpec, sizeof...(kIndex)> Compositions(std::index_sequence<kIndex...>) {
  return {PrimitiveSpec{kCompositions[kIndex], Composition<kIndex>, 1, 1}...};
}

Value List(Vm& vm, Value* args, uint32_t argc) {
  PairMaker pairs(vm.heap());
  if (!pairs.Reserve(vm, "list", argc)) return kException;
  Value list = kNull;
  (void)InPartsBackward(0, argc, 1, [&](uint64_t begin, uint64_t i) {
    for (; i > begin; --i) list = pairs.Cons(args[i - 1], list);
  });
  return list;
}

Value MakeList(Vm& vm, Value* args, uint32_t argc) {
  uint32_t n;
  if (!CheckCount(vm, "make-list", args, 0, &n)) return kException;
  PairMaker pairs(vm.heap());
  if (!pairs.Reserve(vm, "make-list", n)) return kException;
  const Value fill = argc > 1 ? args[1] : kUnspecified;
  Value list = kNull;
  (void)InParts(0, n, 1, [&](uint64_t i, uint64_t end) {
    for (; i < end; ++i) list = pairs.Cons(fill, list);
  });
  return list;
}

Value Length(Vm& vm, Value* args, uint32_t) {
  uint32_t n;
  if (!CheckList(vm, "length", args, 0, &n)) return kException;
  return Value::Fixnum(static_cast<int32_t>(n));
}

Value Append(Vm& vm, Value* args, uint32_t argc) {
  if (argc == 0) return kNull;
  uint64_t total = 0;
  StepCounter steps;
  for (uint32_t i = 0; i + 1 < argc && steps.Add(1); ++i) {
    uint32_t n;
    if (!CheckList(vm, "append", args, i, &n)) return kException;
    total += n;
  }
  ListBuilder result(vm.heap());
  if (!result.pairs().Reserve(vm, "append", total)) return kException;
  for (uint32_t i = 0; i + 1 < argc && steps.Add(1); ++i) {
    for (Value v = args[i]; v.IsPair() && steps.Add(1); v = vm.heap().cdr(v)) result.Add(vm.heap().car(v));
  }
  return result.Finish(args[argc - 1]);
}

Value Reverse(Vm& vm, Value* args, uint32_t) {
  uint32_t n;
  if (!CheckList(vm, "reverse", args, 0, &n)) return kException;
  PairMaker pairs(vm.heap());
  if (!pairs.Reserve(vm, "reverse", n)) return kException;
  Value result = kNull;
  StepCounter steps;
  for (Value v = args[0]; v.IsPair() && steps.Add(1); v = vm.heap().cdr(v)) {
    result = pairs.Cons(vm.heap().car(v), result);
  }
  return result;
}

// The pair (or end) after `args[1]` pairs of the list `args[0]`.
bool Tail(Vm& vm, const char* who, Value* args, Value* tail) {
  uint32_t k;
  if (!CheckCount(vm, who, args, 1, &k)) return false;
  Value v = args[0];
  // Around a circle, go the rest of the way only. The mark stays behind, twice as far
  // each time, until the walk comes by it again (Brent).
  Value mark = kUndefined;
  uint32_t marked = 0;
  constexpr uint32_t kUnmarked = 64;  // a list that is no longer needs no mark
  StepCounter steps;
  for (uint32_t i = 0; i < k; ++i) {
    if (!steps.Add(1)) return false;
    if (v == mark) {
      k = i + (k - i) % (i - marked);
      mark = kUndefined;
      if (i == k) break;
    } else if (i == 2 * marked + kUnmarked) {
      mark = v;
      marked = i;
    }
    if (!v.IsPair()) {
      if (i == 0 && v != kNull) {
        vm.WrongType(who, 1, "a list", args[0]);
      } else {
        vm.OutOfRange(who, 2, "is above the list's length, " + std::to_string(i), args[1]);
      }
      return false;
    }
    v = vm.heap().cdr(v);
  }
  *tail = v;
  return true;
}

// The same, where there must be an element.
bool Element(Vm& vm, const char* who, Value* args, Value* pair) {
  if (!Tail(vm, who, args, pair)) return false;
  if (pair->IsPair()) return true;
  if (args[0].IsPair() || args[0] == kNull) {
    vm.OutOfRange(who, 2, "is not below the list's length", args[1]);
  } else {
    vm.WrongType(who, 1, "a list", args[0]);
  }
  return false;
}

Value ListTail(Vm& vm, Value* args, uint32_t) {
  Value tail;
  return Tail(vm, "list-tail", args, &tail) ? tail : kException;
}

Value ListRef(Vm& vm, Value* args, uint32_t) {
  Value pair;
  if (!Element(vm, "list-ref", args, &pair)) return kException;
  return vm.heap().car(pair);
}

Value ListSet(Vm& vm, Value* args, uint32_t) {
  Value pair;
  if (!Element(vm, "list-set!", args, &pair)) return kException;
  if (!CheckMutable(vm, "list-set!", pair)) return kException;
  vm.heap().Write(&vm.heap().Get<Pair>(pair)->car, args[2]);
  return kUnspecified;
}

// R7RS: an improper list keeps its end; anything but a list is returned.
Value ListCopy(Vm& vm, Value* args, uint32_t) {
  if (ListLength(vm.heap(), args[0]) == kCircularList) {
    return vm.WrongType("list-copy", 1, "a list that ends", args[0]);
  }
  uint64_t n = 0;
  StepCounter steps;
  for (Value v = args[0]; v.IsPair() && steps.Add(1); v = vm.heap().cdr(v)) ++n;
  ListBuilder copy(vm.heap());
  if (!copy.pairs().Reserve(vm, "list-copy", n)) return kException;
  Value v = args[0];
  for (; v.IsPair() && steps.Add(1); v = vm.heap().cdr(v)) copy.Add(vm.heap().car(v));
  return copy.Finish(v);
}

// Walks a list that may be circular: true while `*v` is a pair not seen before. At the end `*v` is
// what ended it, or a pair if the list is circular (or the run is being ended).
class Walk {
 public:
  Walk(const Heap& heap, Value list) : heap_(heap), current(list), slow_(list) {}
  bool More() { return current.IsPair() && !circular_ && polls_.Add(1); }
  // For what is done with each element.
  StepCounter& polls() { return polls_; }
  void Next() {
    current = heap_.cdr(current);
    if ((++steps_ & 1) == 0) {
      slow_ = heap_.cdr(slow_);
      circular_ = slow_ == current && current.IsPair();
    }
  }

 private:
  const Heap& heap_;

 public:
  Value current;

 private:
  Value slow_;
  uint64_t steps_ = 0;
  StepCounter polls_;
  bool circular_ = false;
};

// Each of these looks for a key in a list by one of the equivalences, and charges the steps that this takes.
struct IsSame {
  Value key;
  bool operator()(Value v, StepCounter&) const { return v == key; }
};
struct IsEquivalent {
  IsEquivalent(const Heap& h, Value v)
      : heap(h), key(v), content_steps(h.Is<String>(v) || h.Is<Bytevector>(v) ? 0 : ContentSteps(h, v)) {}
  bool operator()(Value v, StepCounter& steps) const {
    // Where that takes a look at the contents.
    if (content_steps != 0 && v.IsObject() && heap.header(v) == heap.header(key)) {
      (void)steps.Add(content_steps);
    }
    return Eqv(heap, v, key);
  }
  const Heap& heap;
  Value key;
  uint64_t content_steps;
};
struct HasEqualContent {
  bool operator()(Value v, StepCounter& steps) const { return Equal(heap, v, key, steps); }
  const Heap& heap;
  Value key;
};

template <typename Same>
Value FindMember(Vm& vm, const char* who, Value* args, Same&& same) {
  Walk walk(vm.heap(), args[1]);
  for (; walk.More(); walk.Next()) {
    if (same(vm.heap().car(walk.current), walk.polls())) return walk.current;
  }
  if (vm.ended()) return kException;
  if (walk.current != kNull) return vm.WrongType(who, 2, "a proper list", args[1]);
  return kFalse;
}

template <typename Same>
Value FindEntry(Vm& vm, const char* who, Value* args, Same&& same) {
  Walk walk(vm.heap(), args[1]);
  for (; walk.More(); walk.Next()) {
    const Value entry = vm.heap().car(walk.current);
    if (!entry.IsPair()) return vm.WrongType(who, 2, "a list of pairs", args[1]);
    if (same(vm.heap().car(entry), walk.polls())) return entry;
  }
  if (vm.ended()) return kException;
  if (walk.current != kNull) return vm.WrongType(who, 2, "a proper list", args[1]);
  return kFalse;
}

Value Memq(Vm& vm, Value* args, uint32_t) { return FindMember(vm, "memq", args, IsSame{args[0]}); }
Value Memv(Vm& vm, Value* args, uint32_t) { return FindMember(vm, "memv", args, IsEquivalent{vm.heap(), args[0]}); }
Value Member(Vm& vm, Value* args, uint32_t) {
  return FindMember(vm, "member", args, HasEqualContent{vm.heap(), args[0]});
}
Value Assq(Vm& vm, Value* args, uint32_t) { return FindEntry(vm, "assq", args, IsSame{args[0]}); }
Value Assv(Vm& vm, Value* args, uint32_t) { return FindEntry(vm, "assv", args, IsEquivalent{vm.heap(), args[0]}); }
Value Assoc(Vm& vm, Value* args, uint32_t) { return FindEntry(vm, "assoc", args, HasEqualContent{vm.heap(), args[0]}); }

constexpr PrimitiveSpec kBasic[] = {
    {"pair?", IsPair, 1, 1},
    {"null?", IsNull, 1, 1},
    {"list?", Interruptible<IsList>, 1, 1},
    {"cons", Cons, 2, 2},
    {"car", Car, 1, 1},
    {"cdr", Cdr, 1, 1},
    {"set-car!", SetCar, 2, 2},
    {"set-cdr!", SetCdr, 2, 2},
    {"list", Interruptible<List>, 0, -1},
    {"make-list", Interruptible<MakeList>, 1, 2},
    {"length", Interruptible<Length>, 1, 1},
    {"append", Interruptible<Append>, 0, -1},
    {"reverse", Interruptible<Reverse>, 1, 1},
    {"list-tail", Interruptible<ListTail>, 2, 2},
    {"list-ref", Interruptible<ListRef>, 2, 2},
    {"list-set!", Interruptible<ListSet>, 3, 3},
    {"list-copy", Interruptible<ListCopy>, 1, 1},
    {"memq", Interruptible<Memq>, 2, 2},
    {"memv", Interruptible<Memv>, 2, 2},
    {"%member", Interruptible<Member>, 2, 2},
    {"assq", Interruptible<Assq>, 2, 2},
    {"assv", Interruptible<Assv>, 2, 2},
    {"%assoc", Interruptible<Assoc>, 2, 2},
};

}  // namespace

absl::Span<const PrimitiveSpec> ListPrimitives() {
  using Specs = std::array<PrimitiveSpec, std::size(kBasic) + kCompositions.size()>;
  static constinit MadeOnce<Specs> all;
  return all.Get([] {
    Specs specs;
    const auto composed = Compositions(std::make_index_sequence<kCompositions.size()>());
    std::copy(composed.begin(), composed.end(), std::copy(kBasic, std::end(kBasic), specs.begin()));
    return specs;
  });
}

}  // namespace islet::vm
