#include "snapshot/verify.h"

#include <bit>
#include <cstring>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "isolate/heap/pages.h"
#include "snapshot/snapshot_generated.h"
#include "snapshot/verifier.h"

namespace islet::vm {
namespace {

// As many core forms as there are.
constexpr uint32_t kCoreForms = 0
#define ISLET_CORE_FORM(name, enumerator, number, expander) +1
#include "isolate/expander/core_forms.def"
    ;

std::string NameOf(Kind kind) {
  switch (kind) {
    case Kind::kPair:
      return "Pair";
    case Kind::kFlonum:
      return "Flonum";
    case Kind::kSymbolTable:
      return "symbol table";
    case Kind::kEntries:
      return "entries of a hash table";
    case Kind::kIndex:
      return "index of a hash table";
    case Kind::kCharacters:
      return "characters of a string";
    case Kind::kBindings:
      return "table of bindings";
    case Kind::kLibraries:
      return "table of libraries";
    case Kind::kHostFunctions:
      return "vector of host functions";
    case Kind::kReturnStubs:
      return "return stubs";
    case Kind::kFixnum:
      return "fixnum";
    case Kind::kChar:
      return "character";
    case Kind::kPrimitive:
      return "primitive";
    case Kind::kSyntax:
      return "core syntax";
    case Kind::kFalse:
      return "#f";
    case Kind::kTrue:
      return "#t";
    case Kind::kNull:
      return "()";
    case Kind::kUnspecified:
      return "unspecified";
    case Kind::kEof:
      return "end of file";
    case Kind::kUndefined:
      return "undefined";
    case Kind::kDefault:
      return "default";
    case Kind::kDeleted:
      return "deleted";
    case Kind::kNothing:
      return "no object";
    default:
      return ObjectTypeName(static_cast<ObjectType>(kind));
  }
}

}  // namespace

std::string Kinds::Names() const {
  if ((bits_ & kAnything.bits_) == kAnything.bits_) return "a value that programs can have";
  std::vector<std::string> names;
  for (int i = 0; i < 64; ++i) {
    if ((bits_ >> i & 1) != 0) names.push_back(NameOf(static_cast<Kind>(i)));
  }
  return absl::StrJoin(names, " or ");
}

Verifier::Verifier(const UnverifiedImage& image)
    : image_(image),
      kinds_(new uint8_t[image.writable_bytes / kObjectAlignment + image.read_only_bytes / kObjectAlignment]()),
      checker_(*this) {}

Kind Verifier::KindOfImmediate(Value v) const {
  const uint32_t payload = v.payload();
  switch (static_cast<ImmediateKind>(v.bits >> 3 & 31)) {
    case ImmediateKind::kSpecial:
      if (v == kFalse) return Kind::kFalse;
      if (v == kTrue) return Kind::kTrue;
      if (v == kNull) return Kind::kNull;
      if (v == kUnspecified) return Kind::kUnspecified;
      if (v == kEof) return Kind::kEof;
      if (v == kUndefined) return Kind::kUndefined;
      if (v == kDefault) return Kind::kDefault;
      if (v == kDeleted) return Kind::kDeleted;
      return Kind::kNothing;
    case ImmediateKind::kChar:
      return payload < 0xd800 || (payload >= 0xe000 && payload < 0x110000) ? Kind::kChar : Kind::kNothing;
    case ImmediateKind::kPrimitive:
      return payload < image_.primitives.size() ? Kind::kPrimitive : Kind::kNothing;
    case ImmediateKind::kSyntax:
      return payload < kCoreForms ? Kind::kSyntax : Kind::kNothing;
  }
  return Kind::kNothing;
}

std::string Verifier::Describe(Value v) const {
  if (v.IsFixnum()) return absl::StrCat("fixnum ", v.fixnum());
  const Kind kind = KindOf(v);
  if (!v.IsRef()) {
    if (kind == Kind::kNothing) return absl::StrCat("no valid value (0x", absl::Hex(v.bits, absl::kZeroPad8), ")");
    return NameOf(kind);
  }
  return absl::StrCat(kind == Kind::kNothing ? "a reference to no such object" : NameOf(kind), " at offset 0x",
                      absl::Hex(v.offset()));
}

absl::Status Verifier::Bad(uint32_t offset, absl::string_view what) const {
  const Kind kind = offset < size() ? KindAt(offset) : Kind::kNothing;
  return absl::DataLossError(absl::StrCat(
      kind == Kind::kNothing ? "" : absl::StrCat(NameOf(kind), " at offset 0x", absl::Hex(offset), ": "), what));
}

absl::Status Verifier::BadSlot(uint32_t offset, absl::string_view field, Value found, Kinds expected) const {
  return Bad(offset, absl::StrCat(field, ": should be ", expected.Names(), ", is ", Describe(found)));
}

absl::Status Verifier::Run() {
  if (absl::Status status = FindObjects(); !status.ok()) return status;
  if (absl::Status status = ClaimParts(); !status.ok()) return status;
  free_counts_.assign(codes_.size(), 0);
  if (absl::Status status = CheckSlots(); !status.ok()) return status;
  if (absl::Status status = CheckSymbols(); !status.ok()) return status;
  if (absl::Status status = CheckClosures(); !status.ok()) return status;
  return CheckRoots();
}

UnverifiedImage UnverifiedImage::Of(const format::Snapshot& snapshot, absl::Span<const PrimitiveSpec> primitives) {
  const auto bytes_of = [&snapshot](uint32_t space) { return snapshot.spaces()->Get(space)->pages() * kPageSize; };
  UnverifiedImage image = {.image = snapshot.image()->data(),
                           .writable_bytes = bytes_of(0),
                           .read_only_bytes = bytes_of(1),
                           .pairs = {snapshot.pairs()->data(), snapshot.pairs()->size()},
                           .flonums = {snapshot.flonums()->data(), snapshot.flonums()->size()},
                           .roots = {snapshot.roots()->data(), snapshot.roots()->size()},
                           .externals = {},
                           .primitives = primitives};
  for (const format::ExternalReference* external : *snapshot.external_references()) {
    image.externals.push_back({external->arity(), external->kind() == format::ExternalKind::TypePredicate});
  }
  return image;
}

absl::Status VerifyImage(const UnverifiedImage& image) {
  absl::Status status = Verifier(image).Run();
  if (status.ok()) return status;
  return absl::DataLossError(
      absl::StrCat("the snapshot has been changed or damaged since it was written: ", status.message()));
}

}  // namespace islet::vm
