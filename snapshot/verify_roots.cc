// The roots and host functions that isolates start from.

#include "absl/strings/str_cat.h"
#include "isolate/interpreter/vm.h"
#include "snapshot/verifier.h"

namespace islet::vm {
namespace {

constexpr Kinds kNone = Kind::kUndefined | Kind::kFalse;

struct RootRule {
  const char* name;
  Kinds kinds;
};

// In the order of Root. A root of an isolate without a library may be undefined.
constexpr RootRule kRules[] = {
    {"symbol table", Kind::kSymbolTable},
    {"stubs", Kind::kReturnStubs | kNone},
    {"raise", Kind::kClosure | kNone},
    {"reroot", Kind::kClosure | kNone},
    {"libraries", Kind::kLibraries | kNone},
    {"interaction", Kind::kEnvironment | kNone},
    {"restore hooks", Kind::kPair | Kind::kNull | kNone},
    {"parameters", Kind::kNull | kNone},
    {"standard ports", Kind::kVector | kNone},
    {"host functions", Kind::kHostFunctions | kNone},
    {"load path", Kind::kNull | kNone},
    {"table procedures", Kind::kVector | kNone},
    {"spare 1", kNone},
    {"spare 2", kNone},
    {"spare 3", kNone},
    {"spare 4", kNone},
};
static_assert(sizeof(kRules) / sizeof(RootRule) == static_cast<size_t>(Root::kCount));

absl::Status BadRoot(absl::string_view name, absl::string_view what) {
  return absl::DataLossError(absl::StrCat("root ", name, ": ", what));
}

}  // namespace

// Before slots are looked at, since others may not refer to these.
absl::Status Verifier::ClaimRoots() {
  struct Part {
    Root root;
    Kind from, to;
  };
  for (const Part part :
       {Part{Root::kSymbolTable, Kind::kVector, Kind::kSymbolTable},
        Part{Root::kStubs, Kind::kCode, Kind::kReturnStubs}, Part{Root::kLibraries, Kind::kHashTable, Kind::kLibraries},
        Part{Root::kHostFunctions, Kind::kVector, Kind::kHostFunctions}}) {
    const Value v = root(static_cast<int>(part.root));
    // CheckRoots says what else may be there.
    if (KindOf(v) == part.from) SetKind(v.offset(), part.to);
  }
  for (int i = 0; i < static_cast<int>(Root::kCount); ++i) {
    if (!kRules[i].kinds.Has(KindOf(root(i)))) {
      return BadRoot(kRules[i].name, absl::StrCat("should be ", kRules[i].kinds.Names(), ", is ", Describe(root(i))));
    }
  }
  return absl::OkStatus();
}

absl::Status Verifier::CheckRoots() const {
  const auto at = [this](Root r) { return root(static_cast<int>(r)); };
  // They are counted before anything runs.
  uint64_t hooks = 0;
  for (Value list = at(Root::kRestoreHooks); list.IsPair(); list = Get<Pair>(list)->cdr) {
    if (++hooks > size() / sizeof(Pair)) return BadRoot("restore hooks", "the list has no end");
  }
  struct Sized {
    Root root;
    const char* name;
    uint32_t least;
    Kinds items;
  };
  for (const Sized sized : {Sized{Root::kStandardPorts, "standard ports", 3, kAnything},
                            Sized{Root::kTableProcedures, "table procedures",
                                  static_cast<uint32_t>(TableProcedure::kCount), Kind::kClosure}}) {
    const Value v = at(sized.root);
    if (KindOf(v) != Kind::kVector) continue;
    const Vector* vector = Get<Vector>(v);
    if (vector->length < sized.least) return BadRoot(sized.name, absl::StrCat("should be ", sized.least, " at least"));
    if (absl::Status status =
            CheckRange(v.offset(), "item", vector->items, vector->items + vector->length, sized.items);
        !status.ok()) {
      return status;
    }
  }
  uint32_t functions = 0;
  if (const Value v = at(Root::kHostFunctions); KindOf(v) == Kind::kHostFunctions) {
    const Vector* vector = Get<Vector>(v);
    functions = vector->length;
    for (uint32_t i = 0; i < functions; ++i) {
      if (Get<HostFunction>(vector->items[i])->index != Value::Fixnum(static_cast<int32_t>(i))) {
        return Bad(v.offset(), absl::StrCat("item ", i, ": not the host function of that index"));
      }
    }
  }
  if (functions != image_.externals.size()) return BadRoot("host functions", "not as many as external references");
  return absl::OkStatus();
}

}  // namespace islet::vm
