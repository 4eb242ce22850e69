// Hash tables (SRFI 69), as far as they call no procedures: isolate/lib does the rest, tables with
// equalities of the program's own among it.

#include "isolate/data/hash_table.h"
#include "isolate/runtime/arguments.h"
#include "isolate/runtime/list_building.h"
#include "isolate/runtime/primitives.h"
#include "isolate/runtime/unicode.h"

namespace islet::vm {
namespace {

struct Kind {
  const char* name;
  uint32_t flag;
};
constexpr Kind kKinds[] = {
    {"eq", kEqTableFlag}, {"eqv", kEqvTableFlag}, {"equal", kEqualTableFlag}, {"string", kStringTableFlag}};

// (%make-hash-table kind [capacity]): kind is one of the symbols above.
Value MakeTable(Vm& vm, Value* args, uint32_t argc) {
  constexpr const char* kWho = "make-hash-table";
  uint32_t flag = 0;
  if (vm.heap().Is<Symbol>(args[0])) {
    const std::string name = vm.SymbolName(args[0]);
    for (const Kind& kind : kKinds) {
      if (name == kind.name) flag = kind.flag;
    }
  }
  if (flag == 0) return vm.WrongType(kWho, 1, "one of eq, eqv, equal, string", args[0]);
  uint32_t capacity = 0;
  if (argc > 1 && !CheckCount(vm, kWho, args, 1, &capacity)) return kException;
  if (!ReserveFor(vm, kWho, HashTableBytes(capacity))) return kException;
  return MakeHashTable(vm.heap(), flag, capacity);
}

Value TableKind(Vm& vm, Value* args, uint32_t) {
  if (!CheckHashTable(vm, "%hash-table-kind", args, 0)) return kException;
  const uint32_t flags = HeaderFlags(vm.heap().header(args[0]));
  for (const Kind& kind : kKinds) {
    if ((flags & kind.flag) != 0) return vm.Intern(kind.name);
  }
  return kFalse;
}

Value IsTable(Vm& vm, Value* args, uint32_t) { return Value::Boolean(vm.heap().Is<HashTable>(args[0])); }

// Calls what is no table of the machine's own, or has more arguments, a procedure in Lisp
// (islet/hash-table.sld).
Value LeaveToLisp(Vm& vm, TableProcedure which, const char* who, absl::Span<const Value> args) {
  const Vector* procedures = vm.heap().TryGet<Vector>(vm.root(Root::kTableProcedures));
  if (procedures == nullptr) return vm.WrongType(who, 1, "a hash table", args[0]);
  return vm.Delegate(procedures->items[static_cast<int>(which)], args);
}

// The same with the table and a list of all other arguments.
Value LeaveListToLisp(Vm& vm, TableProcedure which, const char* who, Value* args, uint32_t argc) {
  PairMaker pairs(vm.heap());
  if (!pairs.Reserve(vm, who, argc)) return kException;
  Value list = kNull;
  StepCounter steps;
  for (uint32_t i = argc; i > 1; --i) {
    if (!steps.Add(1)) return kException;
    list = pairs.Cons(args[i - 1], list);
  }
  return LeaveToLisp(vm, which, who, {args[0], list});
}

Value RefDefault(Vm& vm, Value* args, uint32_t) {
  if (!vm.heap().Is<HashTable>(args[0])) {
    return LeaveToLisp(vm, TableProcedure::kRefDefault, "hash-table-ref/default", {args[0], args[1], args[2]});
  }
  return HashTableGet(vm.heap(), args[0], args[1], args[2]);
}

Value Set(Vm& vm, Value* args, uint32_t argc) {
  constexpr const char* kWho = "hash-table-set!";
  if (argc != 3 || !vm.heap().Is<HashTable>(args[0])) {
    return LeaveListToLisp(vm, TableProcedure::kSet, kWho, args, argc);
  }
  if (HashTablePutQuickly(vm.heap(), args[0], args[1], args[2])) return kUnspecified;
  if ((HeaderFlags(vm.heap().header(args[0])) & kStringTableFlag) != 0 && !CheckString(vm, kWho, args, 1)) {
    return kException;
  }
  if (!ReserveFor(vm, kWho, HashTableGrowthBytes(vm.heap(), args[0]))) return kException;
  HashTablePut(vm.heap(), args[0], args[1], args[2]);
  return kUnspecified;
}

// The number of keys that were there (SRFI 125).
Value Delete(Vm& vm, Value* args, uint32_t argc) {
  if (argc != 2 || !vm.heap().Is<HashTable>(args[0])) {
    return LeaveListToLisp(vm, TableProcedure::kDelete, "hash-table-delete!", args, argc);
  }
  return Value::Fixnum(HashTableDelete(vm.heap(), args[0], args[1]) ? 1 : 0);
}

Value Contains(Vm& vm, Value* args, uint32_t) {
  if (!vm.heap().Is<HashTable>(args[0])) {
    return LeaveToLisp(vm, TableProcedure::kContains, "hash-table-contains?", {args[0], args[1]});
  }
  return Value::Boolean(HashTableContains(vm.heap(), args[0], args[1]));
}

Value Count(Vm& vm, Value* args, uint32_t) {
  if (!CheckHashTable(vm, "hash-table-size", args, 0)) return kException;
  return Value::Fixnum(static_cast<int32_t>(HashTableCount(vm.heap(), args[0])));
}

// A list of `item(pairs, key, value)` in order of insertion.
template <typename Item>
Value ListOf(Vm& vm, const char* who, Value* args, Item&& item) {
  if (!CheckHashTable(vm, who, args, 0)) return kException;
  Heap& heap = vm.heap();
  ListBuilder list(heap);
  // The items of an association list are pairs, too.
  if (!list.pairs().Reserve(vm, who, 2 * uint64_t{HashTableCount(heap, args[0])})) return kException;
  ForEachEntry(heap, args[0], [&](Value key, Value value) { list.Add(item(list.pairs(), key, value)); });
  return list.Finish(kNull);
}

Value Keys(Vm& vm, Value* args, uint32_t) {
  return ListOf(vm, "hash-table-keys", args, [](const PairMaker&, Value key, Value) { return key; });
}

Value Values(Vm& vm, Value* args, uint32_t) {
  return ListOf(vm, "hash-table-values", args, [](const PairMaker&, Value, Value value) { return value; });
}

Value ToAlist(Vm& vm, Value* args, uint32_t) {
  return ListOf(vm, "hash-table->alist", args,
                [](const PairMaker& pairs, Value key, Value value) { return pairs.Cons(key, value); });
}

// A vector of key, value, key, value ... in order of insertion: what iterating in Lisp walks, so
// that the table may be changed meanwhile.
Value Entries(Vm& vm, Value* args, uint32_t) {
  constexpr const char* kWho = "%hash-table-entries";
  if (!CheckHashTable(vm, kWho, args, 0)) return kException;
  Heap& heap = vm.heap();
  const uint32_t count = HashTableCount(heap, args[0]);
  if (!ReserveFor(vm, kWho, 16 + uint64_t{count} * 8)) return kException;
  const Value entries = MakeFilledVector(heap, count * 2, kFalse);
  Value* item = heap.Get<Vector>(entries)->items;
  ForEachEntry(heap, args[0], [&](Value key, Value value) {
    *item++ = key;
    *item++ = value;
  });
  return entries;
}

Value Copy(Vm& vm, Value* args, uint32_t) {
  constexpr const char* kWho = "hash-table-copy";
  if (!CheckHashTable(vm, kWho, args, 0)) return kException;
  if (!ReserveFor(vm, kWho, HashTableBytes(HashTableCount(vm.heap(), args[0])))) return kException;
  return HashTableCopy(vm.heap(), args[0]);
}

Value Clear(Vm& vm, Value* args, uint32_t) {
  if (!CheckHashTable(vm, "hash-table-clear!", args, 0)) return kException;
  HashTableClear(vm.heap(), args[0]);
  return kUnspecified;
}

// The optional last argument of SRFI 69's hash functions: results are below it.
Value Bounded(Vm& vm, const char* who, Value* args, uint32_t argc, uint32_t hash) {
  if (argc > 1 && args[1] != kFalse) {
    uint32_t bound;
    if (!CheckCount(vm, who, args, 1, &bound)) return kException;
    if (bound == 0) return vm.OutOfRange(who, 2, "is not positive", args[1]);
    hash %= bound;
  }
  return Value::Fixnum(static_cast<int32_t>(hash));
}

// An address says nothing lasting: such objects hash by their type.
uint32_t Lasting(Vm& vm, Value v, uint32_t hash, bool address) {
  if (!address) return hash;
  return v.IsPair() ? 1 : v.IsFlonum() ? 2 : 3 + static_cast<uint32_t>(vm.heap().type(v));
}

Value Hash(Vm& vm, Value* args, uint32_t argc) {
  bool address;
  const uint32_t hash = EqualHash(vm.heap(), args[0], &address);
  return Bounded(vm, "hash", args, argc, Lasting(vm, args[0], hash, address));
}

Value HashByIdentity(Vm& vm, Value* args, uint32_t argc) {
  bool address;
  const uint32_t hash = EqvHash(vm.heap(), args[0], &address);
  return Bounded(vm, "hash-by-identity", args, argc, Lasting(vm, args[0], hash, address));
}

Value HashString(Vm& vm, Value* args, uint32_t argc) {
  if (!CheckString(vm, "string-hash", args, 0)) return kException;
  return Bounded(vm, "string-hash", args, argc, StringHash(vm.heap(), args[0]));
}

Value HashStringCi(Vm& vm, Value* args, uint32_t argc) {
  if (!CheckString(vm, "string-ci-hash", args, 0)) return kException;
  const uint32_t hash = StringHashOfChars([&](absl::FunctionRef<void(uint32_t)> note) {
    uint32_t c;
    for (MappedText text(CharsOf(vm.heap(), args[0]), Foldcase); text.Next(&c);) note(c);
  });
  return Bounded(vm, "string-ci-hash", args, argc, hash);
}

constexpr PrimitiveSpec kPrimitives[] = {
    {"%make-hash-table", Interruptible<MakeTable>, 1, 2},
    {"%hash-table-kind", TableKind, 1, 1},
    {"%hash-table-entries", Interruptible<Entries>, 1, 1},
    {"hash-table?", IsTable, 1, 1},
    {"hash-table-ref/default", Interruptible<RefDefault>, 3, 3},
    {"hash-table-set!", Interruptible<Set>, 1, -1},
    {"hash-table-delete!", Interruptible<Delete>, 1, -1},
    {"hash-table-contains?", Interruptible<Contains>, 2, 2},
    {"hash-table-count", Count, 1, 1},
    {"hash-table-keys", Interruptible<Keys>, 1, 1},
    {"hash-table-values", Interruptible<Values>, 1, 1},
    {"hash-table->alist", Interruptible<ToAlist>, 1, 1},
    {"hash-table-copy", Interruptible<Copy>, 1, 2},
    {"hash-table-clear!", Interruptible<Clear>, 1, 1},
    {"hash", Interruptible<Hash>, 1, 2},
    {"hash-by-identity", Interruptible<HashByIdentity>, 1, 2},
    {"string-hash", Interruptible<HashString>, 1, 2},
    {"string-ci-hash", Interruptible<HashStringCi>, 1, 2},
};

}  // namespace

absl::Span<const PrimitiveSpec> HashTablePrimitives() { return kPrimitives; }

}  // namespace islet::vm
