#include "snapshot/layout.h"

#include <algorithm>
#include <cerrno>
#include <deque>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "isolate/heap/dirty_pages.h"
#include "isolate/heap/objects.h"
#include "isolate/heap/port_handle.h"
#include "isolate/interpreter/opcode.h"

namespace islet::vm {
namespace {

// FlatBuffers' offsets allow 2 GiB less one byte; half of that leaves room for everything else, and
// for the image to be a power of two below it.
constexpr uint64_t kMaxImageBytes = uint64_t{1} << 30;

// The error about objects that cannot be frozen lists this many of them.
constexpr size_t kMostListed = 20;

template <typename Visit>
void ForEachSlotOf(const Heap& heap, Value v, Visit&& visit) {
  if (v.IsPair()) {
    Pair* pair = heap.Get<Pair>(v);
    visit(&pair->car);
    visit(&pair->cdr);
  } else if (v.IsObject()) {
    // How keys stand that are hashed by their address means nothing where they have another one.
    HashTable* const table = heap.TryGet<HashTable>(v);
    ForEachSlot(heap.Get<uint32_t>(v), [&](Value* slot) {
      if (table == nullptr || slot != &table->address_keys) visit(slot);
    });
  }
}

bool IsNumber(const Heap& heap, Value v) {
  return v.IsFlonum() || heap.Is<Bignum>(v) || heap.Is<Ratnum>(v) || heap.Is<Compnum>(v) || heap.Is<ExactCompnum>(v);
}

// A vector, string or bytevector that was a literal from the start.
bool IsFlaggedLiteral(const Heap& heap, Value v) {
  return (heap.Is<Vector>(v) || heap.Is<String>(v) || heap.Is<Bytevector>(v)) &&
         (HeaderFlags(heap.header(v)) & kImmutableFlag) != 0;
}

}  // namespace

size_t SizeOfObject(const Heap& heap, Value v) { return v.IsObject() ? SizeOf(heap.Get<uint32_t>(v)) : 8; }

// ---- OffsetMap

absl::StatusOr<OffsetMap> OffsetMap::Create(uint64_t cage_size) {
  const size_t bytes = cage_size / kObjectAlignment * sizeof(uint32_t);
  Mapping mapping = Mapping::Reserve(bytes);
  if (!mapping) {
    return absl::ResourceExhaustedError(absl::StrCat("cannot map ", bytes >> 20,
                                                     " MiB of address space to number the objects"
                                                     " of the heap (see ulimit -v)"));
  }
  return OffsetMap(std::move(mapping));
}

// ---- Layout

absl::StatusOr<Layout> Layout::Of(Vm& vm, const SourceNameMap& source_names) {
  absl::StatusOr<OffsetMap> numbers = OffsetMap::Create(vm.heap().layout().cage_size);
  if (!numbers.ok()) return numbers.status();
  Layout layout(vm, *std::move(numbers));
  if (absl::Status status = layout.Walk(&source_names); !status.ok()) return status;
  layout.MarkLiterals();
  layout.MarkAssigned();
  layout.MarkEnvironments();
  if (absl::Status status = layout.Place(); !status.ok()) return status;
  return layout;
}

std::string Layout::PathTo(Vm& vm, Value object) {
  absl::StatusOr<OffsetMap> numbers = OffsetMap::Create(vm.heap().layout().cage_size);
  if (!numbers.ok()) return "";
  Layout layout(vm, *std::move(numbers));
  (void)layout.Walk(nullptr);  // which goes around what cannot be frozen
  const uint32_t number = layout.numbers_[object.offset()];
  return number == 0 ? "" : layout.PathTo(number - 1);
}

void Layout::Relocate(Value code, const SourceNameMap& source_names) {
  Code* c = heap_.Get<Code>(code);
  // The layer below was relocated when it was frozen.
  if (heap_.InSnapshot(code) || !heap_.Is<String>(c->file)) return;
  const std::string name = vm_.ToUtf8(c->file);
  auto [known, is_new] = file_names_.try_emplace(name, c->file);
  if (is_new) {
    const auto found = source_names.find(name);
    if (found != source_names.end() && found->second != name) {
      known->second = vm_.MakeString(found->second, kImmutableFlag);
    }
  }
  heap_.Write(&c->file, known->second);
}

namespace {

// The roots to walk from, the first one last: the interaction's own definitions and what they use, so that a program's
// code lies together, then the rest of the library. A root that is there twice is walked from when it is met first.
std::vector<Root> RootsToWalk() {
  std::vector<Root> roots;
  for (int i = 0; i < static_cast<int>(Root::kCount); ++i) {
    const Root root = static_cast<Root>(i);
    // Made anew; and of no meaning once scripts have run.
    if (root == Root::kSymbolTable || root == Root::kLoadPath) continue;
    roots.push_back(root);
  }
  roots.insert(roots.end(), {Root::kInteraction, Root::kReroot, Root::kRaise, Root::kStubs});
  return roots;
}

// `listed` has the reasons for the first of `count` objects.
absl::Status CannotFreeze(size_t count, const std::vector<std::string>& listed) {
  if (count == 1) return absl::FailedPreconditionError(absl::StrCat("cannot freeze ", listed[0]));
  std::string message = absl::StrCat("cannot freeze ", count, " objects:");
  for (const std::string& why : listed) absl::StrAppend(&message, "\n  ", why);
  if (count > listed.size()) absl::StrAppend(&message, "\n  and ", count - listed.size(), " more");
  return absl::FailedPreconditionError(message);
}

}  // namespace

absl::Status Layout::Walk(const SourceNameMap* source_names) {
  struct Step {
    Value to;
    uint32_t parent;
  };
  std::vector<Step> stack;
  for (const Root root : RootsToWalk()) stack.push_back({vm_.root(root), kNoParent});

  // A variable refers to its environment, and by it to all other variables; that must not come
  // between code and what the code uses.
  std::deque<Step> environments;
  std::vector<Value> children;
  std::vector<std::string> listed;
  size_t unfreezable = 0;
  while (!stack.empty() || !environments.empty()) {
    if (stack.empty()) {
      stack.push_back(environments.front());
      environments.pop_front();
    }
    const Step step = stack.back();
    stack.pop_back();
    if (!step.to.IsRef()) continue;
    uint32_t& number = numbers_[step.to.offset()];
    if (number != 0) continue;
    objects_.push_back({.from = step.to, .parent = step.parent});
    number = static_cast<uint32_t>(objects_.size());
    const uint32_t index = number - 1;
    if (std::string why = WhyNotFreezable(index); !why.empty()) {
      // Objects to which only this one refers are no further fault.
      if (++unfreezable <= kMostListed) listed.push_back(std::move(why));
      continue;
    }

    if (source_names != nullptr && heap_.Is<Code>(step.to)) Relocate(step.to, *source_names);
    children.clear();
    ForEachSlotOf(heap_, step.to, [&](Value* slot) {
      if (slot->IsRef()) children.push_back(*slot);
    });
    // Bindings of an environment are left in order, so that the newest is walked first.
    const bool newest_first =
        step.parent != kNoParent && heap_.Is<Vector>(step.to) && heap_.Is<HashTable>(objects_[step.parent].from) &&
        objects_[step.parent].parent != kNoParent && heap_.Is<Environment>(objects_[objects_[step.parent].parent].from);
    if (!newest_first) std::reverse(children.begin(), children.end());
    for (Value child : children) {
      if (heap_.Is<Cell>(step.to) && heap_.Is<Environment>(child)) {
        environments.push_back({child, index});
      } else {
        stack.push_back({child, index});
      }
    }
  }
  return unfreezable == 0 ? absl::OkStatus() : CannotFreeze(unfreezable, listed);
}

void Layout::MarkLiterals() {
  std::vector<Value> work;
  auto put = [&](Value v, Group group) {
    Object& object = At(v);
    if (object.literal) return;
    object.literal = true;
    object.group = group;
    work.push_back(v);
  };
  // An object to which a literal or code refers is a literal too, if it is of a kind that can be one.
  auto mark = [&](Value v, Group group) {
    if (v.IsPair() || IsNumber(heap_, v) || IsFlaggedLiteral(heap_, v)) put(v, group);
  };
  auto spread = [&](Group group) {
    while (!work.empty()) {
      const Value v = work.back();
      work.pop_back();
      if (const String* string = heap_.TryGet<String>(v)) {
        // The characters of an indirect string are its own.
        if ((HeaderFlags(string->header) & kIndirectStringFlag) != 0) {
          ForEachSlotOf(heap_, v, [&](Value* slot) { put(*slot, At(v).group); });
        }
      } else {
        ForEachSlotOf(heap_, v, [&](Value* slot) { mark(*slot, group); });
      }
    }
  };
  // Texts to which only the system refers are metadata, whatever their flags.
  auto put_text = [&](Value v) {
    if (heap_.Is<String>(v) || heap_.Is<Bytevector>(v)) put(v, Group::kMetadata);
  };

  for (const Object& object : objects_) {
    if (const Code* code = heap_.TryGet<Code>(object.from)) {
      put_text(code->name);
      put_text(code->positions);
      put_text(code->file);
    } else if (const Symbol* symbol = heap_.TryGet<Symbol>(object.from)) {
      put_text(symbol->name);
    }
  }
  spread(Group::kMetadata);
  for (const Object& object : objects_) {
    if (heap_.Is<Code>(object.from)) {
      ForEachSlotOf(heap_, object.from, [&](Value* slot) { mark(*slot, Group::kCode); });
    } else if (IsFlaggedLiteral(heap_, object.from)) {
      put(object.from, Group::kCode);
    }
  }
  spread(Group::kCode);
  for (const Object& object : objects_) {
    if (const Macro* macro = heap_.TryGet<Macro>(object.from)) mark(macro->spec, Group::kMetadata);
  }
  spread(Group::kMetadata);
}

void Layout::MarkAssigned() {
  for (const Object& object : objects_) {
    const Code* code = heap_.TryGet<Code>(object.from);
    if (code == nullptr) continue;
    for (uint32_t i = 0; i < code->ref_count; ++i) {
      const uint32_t word = code->refs()[i];
      const Value cell = Value::FromBits(code->instructions[word]);
      if (word == 0 || !heap_.Is<Cell>(cell)) continue;
      // The word before may be an operand that looks like one of these: no harm is done.
      const Op op = static_cast<Op>(code->instructions[word - 1] & 0xff);
      if (op != Op::kGlobalSet && op != Op::kGlobalDefine) continue;
      const bool assigned = (HeaderFlags(heap_.header(cell)) & kAssignedCellFlag) != 0;
      At(cell).group = assigned ? Group::kHot : Group::kVariables;
    }
  }
}

void Layout::MarkEnvironments() {
  auto mark_table = [&](Value table) {
    if (!heap_.Is<HashTable>(table)) return;
    const HashTable* t = heap_.Get<HashTable>(table);
    for (Value v : {table, t->entries, t->index}) At(v).group = Group::kEnvironment;
  };
  for (const Object& object : objects_) {
    if (const Environment* environment = heap_.TryGet<Environment>(object.from)) {
      mark_table(environment->bindings);
      mark_table(environment->exports);
    }
  }
  mark_table(vm_.root(Root::kLibraries));
}

Group Layout::GroupOf(const Object& object) const {
  if (object.group != Group::kCount) return object.group;
  if (!object.from.IsObject()) return Group::kData;
  switch (heap_.type(object.from)) {
    case ObjectType::kSymbol:
    case ObjectType::kMacro:
    case ObjectType::kIdentifier:
      return Group::kMetadata;
    case ObjectType::kCode:
    case ObjectType::kClosure:
    case ObjectType::kRecordType:
    case ObjectType::kHostFunction:
      return Group::kCode;
    case ObjectType::kCell: {
      const Cell* cell = heap_.Get<Cell>(object.from);
      const uint32_t flags = HeaderFlags(cell->header);
      if ((flags & kAssignedCellFlag) != 0) return Group::kHot;
      const bool constant = (flags & kConstantCellFlag) != 0 && cell->value != kUndefined;
      return constant ? Group::kCode : Group::kVariables;
    }
    case ObjectType::kBox:
    case ObjectType::kHashTable:
    case ObjectType::kParameter:
    case ObjectType::kPort:
      return Group::kHot;
    case ObjectType::kEnvironment:
      return Group::kEnvironment;
    default:
      return Group::kData;
  }
}

absl::Status Layout::Place() {
  uint64_t sizes[static_cast<int>(Group::kCount)] = {};
  for (Object& object : objects_) {
    object.group = GroupOf(object);
    sizes[static_cast<int>(object.group)] += SizeOfObject(heap_, object.from);
    const Symbol* symbol = heap_.TryGet<Symbol>(object.from);
    if (symbol != nullptr && (HeaderFlags(symbol->header) & kUninternedFlag) == 0) {
      symbols_.push_back(object.from);
    }
  }
  symbol_table_length_ = 8;
  while (symbol_table_length_ < 2 * symbols_.size()) symbol_table_length_ *= 2;
  const uint64_t table_bytes = sizeof(Vector) + uint64_t{symbol_table_length_} * sizeof(Value);

  auto size = [&](Group group) { return sizes[static_cast<int>(group)]; };
  const uint64_t read_only = RoundUp(table_bytes + size(Group::kMetadata) + size(Group::kCode), kPageSize);
  const uint64_t soon = size(Group::kVariables) + size(Group::kHot);
  const uint64_t writable = RoundUp(kFirstOffset + size(Group::kEnvironment) + size(Group::kData) + soon, kPageSize);
  if (read_only + writable > kMaxImageBytes) {
    return absl::ResourceExhaustedError(absl::StrCat("the image would take ", (read_only + writable) >> 20,
                                                     " MiB; a snapshot can hold at most ", kMaxImageBytes >> 20,
                                                     " MiB. Keep less reachable when the scripts end."));
  }
  read_only_bytes_ = static_cast<uint32_t>(read_only);
  writable_bytes_ = static_cast<uint32_t>(writable);

  uint64_t next[static_cast<int>(Group::kCount)];
  auto place = [&](Group group, uint64_t at) { next[static_cast<int>(group)] = at; };
  place(Group::kEnvironment, kFirstOffset);
  place(Group::kData, kFirstOffset + size(Group::kEnvironment));
  // The gap that fills up the last page comes before what is written soonest, not behind it.
  place(Group::kVariables, writable - soon);
  place(Group::kHot, writable - size(Group::kHot));
  place(Group::kCode, writable);
  place(Group::kMetadata, writable + size(Group::kCode));
  symbol_table_ = static_cast<uint32_t>(writable + size(Group::kCode) + size(Group::kMetadata));
  for (Object& object : objects_) {
    uint64_t& at = next[static_cast<int>(object.group)];
    object.to = static_cast<uint32_t>(at);
    at += SizeOfObject(heap_, object.from);
  }
  return absl::OkStatus();
}

// ---- What cannot be frozen

std::string Layout::WhyNotFreezable(uint32_t number) const {
  const Value v = objects_[number].from;
  if (!v.IsObject()) return "";
  std::string what;
  absl::string_view advice;
  if (const Port* port = heap_.TryGet<Port>(v)) {
    if (CanFreezePort(*port)) return "";
    what = "an open file port";
    if (heap_.Is<String>(port->name)) absl::StrAppend(&what, ", \"", vm_.ToUtf8(port->name), "\"");
    advice = "Close it before the script ends, or open it in a procedure given to on-restore.";
  } else if (heap_.Is<Continuation>(v) || heap_.Is<StackChunk>(v)) {
    what = "a continuation";
    advice = "Let no variable or data structure hold it when the script ends.";
  } else if (const HostObject* object = heap_.TryGet<HostObject>(v)) {
    what = absl::StrCat("a host object, #<", vm_.SymbolName(object->name), ">");
    advice = "Keep data that tells what it is, and make the object in a procedure given to on-restore.";
  } else if (const HostFunction* function = heap_.TryGet<HostFunction>(v);
             function != nullptr && (HeaderFlags(function->header) & kMadeAtRunTimeFlag) != 0) {
    what = absl::StrCat("a procedure that the host has made at run time, ", vm_.SymbolName(function->name));
    advice = "Declare it by (host-function 'name arity) instead, and bind it by IsolateOptions::host_functions.";
  } else {
    return "";
  }
  return absl::StrCat(what, ", reachable as: ", PathTo(number), ". ", advice);
}

std::string Layout::PathTo(uint32_t number) const {
  // From the object up to the nearest variable.
  std::vector<std::string> steps;
  Value to = objects_[number].from;
  for (uint32_t i = objects_[number].parent; i != kNoParent; i = objects_[i].parent) {
    const Value from = objects_[i].from;
    std::string step = DescribeStep(i, to);
    if (!step.empty() && (steps.empty() || steps.back() != step)) steps.push_back(std::move(step));
    if (heap_.Is<Cell>(from)) break;
    to = from;
  }
  if (steps.empty()) return "one of the system's own variables";
  std::string path;
  for (auto step = steps.rbegin(); step != steps.rend(); ++step) {
    absl::StrAppend(&path, path.empty() ? "" : " -> ", *step);
  }
  return path;
}

std::string Layout::ProcedureName(Value code) const {
  const Code* c = heap_.TryGet<Code>(code);
  if (c != nullptr && heap_.Is<Symbol>(c->name)) {
    return absl::StrCat("procedure ", vm_.SymbolName(c->name));
  }
  return "an anonymous procedure";
}

std::string Layout::DescribeStep(uint32_t number, Value to) const {
  const Value from = objects_[number].from;
  if (from.IsPair()) return "an element of a list";
  uint32_t slot = 0, slots = 0;
  ForEachSlotOf(heap_, from, [&](Value* s) {
    if (*s == to) slot = slots;
    ++slots;
  });
  auto name_of = [&](Value v) -> std::string {
    if (heap_.Is<Symbol>(v)) return vm_.SymbolName(v);
    if (heap_.Is<String>(v)) return absl::StrCat("\"", vm_.ToUtf8(v), "\"");
    if (v.IsFixnum()) return absl::StrCat(v.fixnum());
    return "(a compound key)";
  };
  switch (heap_.type(from)) {
    case ObjectType::kCell:
      return absl::StrCat("global ", name_of(heap_.Get<Cell>(from)->name));
    case ObjectType::kVector: {
      const Vector* vector = heap_.Get<Vector>(from);
      const uint32_t parent = objects_[number].parent;
      const bool entries = parent != kNoParent && heap_.Is<HashTable>(objects_[parent].from);
      if (!entries) return absl::StrCat("item ", slot, " of a vector");
      if (slot % 3 == 0) return "a key of a hash table";
      return absl::StrCat("the value of ", name_of(vector->items[slot - 1]), " in a hash table");
    }
    case ObjectType::kRecord: {
      const RecordType* type = heap_.TryGet<RecordType>(heap_.Get<Record>(from)->type);
      if (type == nullptr || slot == 0) return "a record";
      const Vector* fields = heap_.TryGet<Vector>(type->fields);
      const bool named = fields != nullptr && slot <= fields->length && heap_.Is<Symbol>(fields->items[slot - 1]);
      return absl::StrCat("field ", named ? vm_.SymbolName(fields->items[slot - 1]) : absl::StrCat(slot), " of record ",
                          name_of(type->name));
    }
    case ObjectType::kClosure:
      if (slot == 0) return "";
      return absl::StrCat("free variable ", slot, " of ", ProcedureName(heap_.Get<Closure>(from)->code));
    case ObjectType::kCode:
      return absl::StrCat("the code of ", ProcedureName(from));
    case ObjectType::kParameter:
      return "the value of a parameter";
    case ObjectType::kCondition:
      return "a condition";
    default:
      return "";
  }
}

}  // namespace islet::vm
