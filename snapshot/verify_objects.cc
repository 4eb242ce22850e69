// Where objects lie, of which types and sizes; and what belongs to one object alone.

#include <algorithm>
#include <bit>
#include <cstring>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "isolate/interpreter/stubs.h"
#include "isolate/interpreter/vm.h"
#include "snapshot/layout.h"
#include "snapshot/verifier.h"

namespace islet::vm {
namespace {

// A header may hold these flags, and a count or none.
struct HeaderRule {
  uint32_t flags;  // that may be set
  bool has_count;  // or the count is 0
  bool frozen;     // such objects can be in a snapshot
};

HeaderRule RuleOf(ObjectType type) {
  switch (type) {
    case ObjectType::kVector:
    case ObjectType::kBytevector:
      return {kImmutableFlag, false, true};
    case ObjectType::kString:
      return {kImmutableFlag | kWideStringFlag | kIndirectStringFlag, false, true};
    case ObjectType::kSymbol:
      return {kUninternedFlag, false, true};
    case ObjectType::kBignum:
      return {kNegativeFlag, false, true};
    case ObjectType::kCell:
      return {kConstantCellFlag | kAssignedCellFlag | kForwardCellFlag, false, true};
    case ObjectType::kHashTable:
      return {kEqTableFlag | kEqvTableFlag | kEqualTableFlag | kStringTableFlag, true, true};
    case ObjectType::kPort:
      return {kInputPortFlag | kOutputPortFlag | kTextualPortFlag | kBinaryPortFlag | kOpenPortFlag | kFoldCasePortFlag,
              false, true};
    case ObjectType::kHostFunction:
      return {kTypePredicateFlag, false, true};
    case ObjectType::kRecordType:
      return {kOpaqueRecordFlag, false, true};
    case ObjectType::kClosure:
    case ObjectType::kRecord:
      return {0, true, true};
    case ObjectType::kRatnum:
    case ObjectType::kCompnum:
    case ObjectType::kExactCompnum:
    case ObjectType::kCode:
    case ObjectType::kBox:
    case ObjectType::kParameter:
    case ObjectType::kMacro:
    case ObjectType::kIdentifier:
    case ObjectType::kCondition:
      return {0, false, true};
    case ObjectType::kEnvironment:
      return {kStandardLibraryFlag | kInternalLibraryFlag, false, true};
    case ObjectType::kFiller:
    case ObjectType::kContinuation:
    case ObjectType::kStackChunk:
    case ObjectType::kHostObject:
      break;
  }
  return {0, false, false};
}

// The collector takes a signalling NaN for a mark; no arithmetic makes one (Heap::MakeFlonum).
bool IsSignalling(uint64_t bits) {
  constexpr uint64_t kInfinity = uint64_t{0x7ff} << 52;
  constexpr uint64_t kQuiet = uint64_t{1} << 51;
  return (bits & ~(uint64_t{1} << 63)) > kInfinity && (bits & kQuiet) == 0;
}

}  // namespace

absl::Status Verifier::FindObjects() {
  const uint8_t* unused_end = image_.image + Layout::kFirstOffset;
  if (size() < Layout::kFirstOffset || !std::all_of(image_.image, unused_end, [](uint8_t byte) { return byte == 0; })) {
    return Bad(0, "the first 64 bytes of the image should be zero");
  }
  if (absl::Status status = FindObjectsOf(Layout::kFirstOffset, image_.writable_bytes); !status.ok()) return status;
  if (absl::Status status = FindObjectsOf(std::max(image_.writable_bytes, Layout::kFirstOffset), size());
      !status.ok()) {
    return status;
  }
  // Marks that the walk has not come upon lie in other objects, or behind the end.
  uint64_t marked = 0, found = 0;
  for (absl::Span<const uint64_t> marks : {image_.pairs, image_.flonums}) {
    for (const uint64_t word : marks) marked += static_cast<uint64_t>(std::popcount(word));
  }
  for (uint32_t granule = 0; granule < size() / kObjectAlignment; ++granule) {
    const Kind kind = static_cast<Kind>(kinds_[granule]);
    found += kind == Kind::kPair || kind == Kind::kFlonum ? 1 : 0;
  }
  if (marked != found) return absl::DataLossError("pairs or flonums are said to be where other objects lie");
  return absl::OkStatus();
}

absl::Status Verifier::FindObjectsOf(uint32_t begin, uint32_t end) {
  for (uint32_t offset = begin; offset < end;) {
    uint64_t bytes = 8;
    uint64_t bits;
    std::memcpy(&bits, image_.image + offset, 8);
    if (MarkedAs(image_.pairs, offset)) {
      SetKind(offset, Kind::kPair);
      if (MarkedAs(image_.flonums, offset)) return Bad(offset, "said to be a flonum, too");
    } else if (MarkedAs(image_.flonums, offset)) {
      SetKind(offset, Kind::kFlonum);
      if (IsSignalling(bits)) return Bad(offset, "value: a signalling NaN");
    } else if (bits != 0) {
      if (absl::Status status = FindObject(offset, end, &bytes); !status.ok()) return status;
    }
    offset += static_cast<uint32_t>(bytes);
  }
  return absl::OkStatus();
}

absl::Status Verifier::FindObject(uint32_t offset, uint32_t end, uint64_t* bytes) {
  const uint32_t* words = At<uint32_t>(offset);
  const uint32_t header = words[0];
  const uint32_t number = static_cast<uint32_t>(HeaderType(header));
  if ((header & kTagMask) != 0 || number == 0 || number >= static_cast<uint32_t>(kObjectTypeCount)) {
    return absl::DataLossError(absl::StrCat("no object starts at offset 0x", absl::Hex(offset), ", where one should: ",
                                            "its header is 0x", absl::Hex(header, absl::kZeroPad8)));
  }
  const ObjectType type = HeaderType(header);
  SetKind(offset, static_cast<Kind>(number));
  if (absl::Status status = CheckHeader(offset); !status.ok()) return status;
  *bytes = SizeOf(words);
  if (*bytes > end - offset) {
    return Bad(offset, absl::StrCat("its ", *bytes, " bytes go beyond the end of its space"));
  }
  switch (type) {
    case ObjectType::kCode:
      if (*bytes < sizeof(Code)) return Bad(offset, "word_count: too small");
      codes_.push_back(offset);
      break;
    case ObjectType::kSymbol:
      symbols_.push_back(offset);
      break;
    case ObjectType::kIdentifier:
      identifiers_.push_back(offset);
      break;
    default:
      break;
  }
  return absl::OkStatus();
}

absl::Status Verifier::CheckHeader(uint32_t offset) const {
  const uint32_t header = *At<uint32_t>(offset);
  const HeaderRule rule = RuleOf(HeaderType(header));
  if (!rule.frozen) return Bad(offset, "cannot be part of a snapshot");
  if ((HeaderFlags(header) & ~rule.flags) != 0) {
    return Bad(offset, absl::StrCat("flags: 0x", absl::Hex(HeaderFlags(header)), " has some that it cannot have"));
  }
  if (!rule.has_count && HeaderCount(header) != 0) return Bad(offset, "count: should be 0");
  const uint32_t flags = HeaderFlags(header);
  if (HeaderType(header) == ObjectType::kHashTable && std::popcount(flags) != 1) {
    return Bad(offset, "flags: should have exactly one equivalence");
  }
  if (HeaderType(header) == ObjectType::kString && (flags & kWideStringFlag) != 0 &&
      (flags & kIndirectStringFlag) != 0) {
    return Bad(offset, "flags: both wide and indirect");
  }
  return absl::OkStatus();
}

// ---- Parts

absl::Status Verifier::Claim(uint32_t owner, absl::string_view field, Value part, Kind from, Kind to, bool shared) {
  if (shared && KindOf(part) == to) return absl::OkStatus();
  if (absl::Status status = Expect(owner, field, part, from); !status.ok()) return status;
  SetKind(part.offset(), to);
  return absl::OkStatus();
}

absl::Status Verifier::ClaimParts() {
  if (absl::Status status = ClaimRoots(); !status.ok()) return status;
  return ForEachObject([this](uint32_t offset, Kind kind) -> absl::Status {
    switch (kind) {
      case Kind::kHashTable:
      case Kind::kBindings:
      case Kind::kLibraries: {
        const HashTable* table = At<HashTable>(offset);
        if (absl::Status status = Claim(offset, "entries", table->entries, Kind::kVector, Kind::kEntries);
            !status.ok()) {
          return status;
        }
        return Claim(offset, "index", table->index, Kind::kBytevector, Kind::kIndex);
      }
      case Kind::kEnvironment: {
        const Environment* environment = At<Environment>(offset);
        if (absl::Status status =
                Claim(offset, "bindings", environment->bindings, Kind::kHashTable, Kind::kBindings, true);
            !status.ok()) {
          return status;
        }
        if (environment->exports == kFalse) return absl::OkStatus();
        return Claim(offset, "exports", environment->exports, Kind::kHashTable, Kind::kBindings, true);
      }
      case Kind::kString: {
        const String* string = At<String>(offset);
        if ((HeaderFlags(string->header) & kIndirectStringFlag) == 0) return absl::OkStatus();
        return Claim(offset, "characters", *reinterpret_cast<const Value*>(string->bytes), Kind::kBytevector,
                     Kind::kCharacters);
      }
      default:
        return absl::OkStatus();
    }
  });
}

}  // namespace islet::vm
