// The state that the parts of verification (verify.h) share.

#ifndef ISLET_SNAPSHOT_VERIFIER_H_
#define ISLET_SNAPSHOT_VERIFIER_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "isolate/heap/objects.h"
#include "isolate/heap/value.h"
#include "isolate/interpreter/code_checker.h"
#include "snapshot/verify.h"

namespace islet::vm {

// Slots tell these kinds of Values apart. Objects have the number of their type.
enum class Kind : uint8_t {
  kNothing = 0,  // no object, or one of another tag than the reference's
#define ISLET_OBJECT_TYPE(name, number, shape) k##name = number,
#include "isolate/heap/object_types.def"
  kPair = 32,
  kFlonum,
  // Objects that only their owner may refer to.
  kSymbolTable,    // Vector
  kEntries,        // Vector, of a hash table
  kIndex,          // Bytevector, of a hash table
  kCharacters,     // Bytevector, of an indirect string
  kBindings,       // HashTable, of environments
  kLibraries,      // HashTable
  kHostFunctions,  // Vector
  kReturnStubs,    // Code
  // Values that lie in no heap.
  kFixnum,
  kChar,
  kPrimitive,
  kSyntax,
  kFalse,
  kTrue,
  kNull,
  kUnspecified,
  kEof,
  kUndefined,
  kDefault,
  kDeleted,
};

// A set of Kinds, as bits.
class Kinds {
 public:
  constexpr Kinds() = default;
  constexpr Kinds(Kind kind) : bits_(uint64_t{1} << static_cast<int>(kind)) {}  // NOLINT: one is a set
  constexpr bool Has(Kind kind) const { return (bits_ >> static_cast<int>(kind) & 1) != 0; }
  friend constexpr Kinds operator|(Kinds a, Kinds b) {
    a.bits_ |= b.bits_;
    return a;
  }
  // "Symbol, #f or fixnum"
  std::string Names() const;

 private:
  uint64_t bits_ = 0;
};
constexpr Kinds operator|(Kind a, Kind b) { return Kinds(a) | Kinds(b); }

inline constexpr Kinds kExactReal = Kind::kFixnum | Kind::kBignum | Kind::kRatnum;
// Kinds of values that a program may have. Those that only the machine handles are left out.
inline constexpr Kinds kAnything =
    Kind::kFixnum | Kind::kChar | Kind::kPrimitive | Kind::kSyntax | Kind::kFalse | Kind::kTrue | Kind::kNull |
    Kind::kUnspecified | Kind::kEof | Kind::kDefault | Kind::kPair | Kind::kFlonum | Kind::kVector | Kind::kString |
    Kind::kSymbol | Kind::kBytevector | Kind::kBignum | Kind::kRatnum | Kind::kCompnum | Kind::kExactCompnum |
    Kind::kClosure | Kind::kCode | Kind::kRecord | Kind::kRecordType | Kind::kHashTable | Kind::kParameter |
    Kind::kPort | Kind::kHostFunction | Kind::kEnvironment | Kind::kIdentifier | Kind::kCondition;

class Verifier : public CodeContext {
 public:
  explicit Verifier(const UnverifiedImage& image);
  absl::Status Run();

  // ---- For the code checker.
  bool IsConstant(Value v) const override { return kAnything.Has(KindOf(v)); }
  bool IsCell(Value v) const override { return KindOf(v) == Kind::kCell; }
  bool IsAssignable(Value cell) const override { return !InReadOnly(cell.offset()); }
  bool IsCode(Value v) const override { return KindOf(v) == Kind::kCode; }
  bool PrimitiveTakes(uint32_t index, uint32_t argc) const override;

 private:
  // ---- Access to the image
  template <typename T>
  const T* At(uint32_t offset) const {
    return reinterpret_cast<const T*>(image_.image + offset);
  }
  template <typename T>
  const T* Get(Value v) const {
    return At<T>(v.offset());
  }
  uint32_t size() const { return image_.writable_bytes + image_.read_only_bytes; }
  bool InReadOnly(uint32_t offset) const { return offset >= image_.writable_bytes; }
  Kind KindAt(uint32_t offset) const { return static_cast<Kind>(kinds_[offset / kObjectAlignment]); }
  void SetKind(uint32_t offset, Kind kind) { kinds_[offset / kObjectAlignment] = static_cast<uint8_t>(kind); }
  Kind KindOf(Value v) const {
    if (v.IsFixnum()) return Kind::kFixnum;
    if (!v.IsRef()) return KindOfImmediate(v);
    const uint32_t offset = v.offset();
    if (offset >= size()) return Kind::kNothing;
    const Kind kind = KindAt(offset);
    const Tag tag = kind == Kind::kPair ? Tag::kPair : kind == Kind::kFlonum ? Tag::kFlonum : Tag::kObject;
    return v.tag() == tag ? kind : Kind::kNothing;
  }
  Kind KindOfImmediate(Value v) const;
  size_t SizeAt(uint32_t offset, Kind kind) const {
    return kind == Kind::kPair || kind == Kind::kFlonum ? sizeof(Pair) : SizeOf(At<uint32_t>(offset));
  }
  // Calls `visit(offset, kind)` for each object, in order, until it returns an error.
  template <typename Visit>
  absl::Status ForEachObject(Visit&& visit) const;

  // ---- Errors
  // "Closure at offset 0x1234: " and so on.
  absl::Status Bad(uint32_t offset, absl::string_view what) const;
  absl::Status BadSlot(uint32_t offset, absl::string_view field, Value found, Kinds expected) const;
  std::string Describe(Value v) const;
  // OK if `v`, in `field` of the object at `offset`, is one of `expected`.
  absl::Status Expect(uint32_t offset, absl::string_view field, Value v, Kinds expected) const {
    if (__builtin_expect(expected.Has(KindOf(v)), 1)) return absl::OkStatus();
    return BadSlot(offset, field, v, expected);
  }

  // ---- verify_objects.cc
  absl::Status FindObjects();
  absl::Status FindObjectsOf(uint32_t begin, uint32_t end);
  absl::Status FindObject(uint32_t offset, uint32_t end, uint64_t* bytes);
  absl::Status CheckHeader(uint32_t offset) const;
  bool MarkedAs(absl::Span<const uint64_t> marks, uint32_t offset) const {
    const uint32_t granule = offset / kObjectAlignment;
    return granule / 64 < marks.size() && (marks[granule / 64] >> (granule % 64) & 1) != 0;
  }
  absl::Status ClaimParts();
  absl::Status Claim(uint32_t owner, absl::string_view field, Value part, Kind from, Kind to, bool shared = false);

  // ---- verify_slots.cc
  absl::Status CheckSlots();
  absl::Status CheckSlotsOf(uint32_t offset, Kind kind);
  absl::Status CheckRange(uint32_t offset, absl::string_view field, const Value* begin, const Value* end,
                          Kinds expected) const;
  // Zeros fill the object up from what it uses, or from `used` bytes on.
  absl::Status CheckPadding(uint32_t offset) const {
    return CheckPadding(offset, UnpaddedSizeOf(At<uint32_t>(offset)));
  }
  absl::Status CheckPadding(uint32_t offset, size_t used) const;
  absl::Status CheckPlace(uint32_t offset, Kind kind) const;
  absl::Status CheckString(uint32_t offset) const;
  absl::Status CheckCharacters(uint32_t offset, const uint32_t* characters, uint32_t count) const;
  absl::Status CheckBignum(uint32_t offset) const;
  absl::Status CheckRatnum(uint32_t offset) const;
  absl::Status CheckRecord(uint32_t offset) const;
  absl::Status CheckPort(uint32_t offset) const;
  absl::Status CheckHostFunction(uint32_t offset) const;
  absl::Status CheckIdentifiers();
  absl::Status CheckNumber(uint32_t offset, absl::string_view field, Value v, int64_t least, int64_t most) const;

  // ---- verify_tables.cc
  absl::Status CheckTable(uint32_t offset, Kinds keys, Kinds values) const;
  bool HashFits(uint32_t flags, Value key, uint32_t hash) const;
  absl::Status CheckSymbols();
  struct NamedSymbol {
    uint64_t hash;  // of its name
    uint32_t offset;
  };
  absl::Status CheckNames(std::vector<NamedSymbol>* interned);
  absl::string_view SpellingOf(const NamedSymbol& symbol) const;
  absl::Status CheckSymbolTable(size_t symbols) const;

  // ---- verify_code.cc
  absl::Status CheckCodeAt(uint32_t offset);
  absl::Status CheckClosures();
  size_t NumberOf(Value code) const;

  // ---- verify_roots.cc
  absl::Status ClaimRoots();
  absl::Status CheckRoots() const;
  Value root(int i) const { return Value::FromBits(image_.roots[static_cast<size_t>(i)]); }

  const UnverifiedImage& image_;
  // The Kind of the object that starts there, by offset / kObjectAlignment.
  std::unique_ptr<uint8_t[]> kinds_;

  std::vector<uint32_t> identifiers_;  // offsets
  std::vector<uint32_t> symbols_;

  // ---- Code, by number: in the order of the image.
  std::vector<uint32_t> codes_;  // offsets
  // For each code, how many free variables it asks of its closures, and which closures it makes of others.
  std::vector<uint32_t> free_counts_;
  struct CodeFree {
    uint32_t code;  // number
    uint32_t index;
    friend bool operator<(const CodeFree& a, const CodeFree& b) {
      return a.code != b.code ? a.code < b.code : a.index < b.index;
    }
    friend bool operator==(const CodeFree& a, const CodeFree& b) { return a.code == b.code && a.index == b.index; }
  };
  std::vector<CodeFree> boxes_;  // free variables that are used as boxes
  struct MadeClosure {
    uint32_t maker;  // number
    uint32_t word;
    uint32_t code;  // number
    uint32_t count;
  };
  std::vector<MadeClosure> made_;
  struct Capture {
    CodeFree to;
    uint32_t maker;  // number
    uint32_t word;
    uint32_t from;  // free variable of the maker, or kNotFree
  };
  static constexpr uint32_t kNotFree = ~0u;
  std::vector<Capture> captures_;
  CodeChecker checker_;
  CodeFacts facts_;
};

template <typename Visit>
absl::Status Verifier::ForEachObject(Visit&& visit) const {
  for (uint32_t offset = 0; offset < size();) {
    const Kind kind = KindAt(offset);
    if (kind == Kind::kNothing) {
      offset += kObjectAlignment;
      continue;
    }
    // It may get another Kind meanwhile.
    const size_t bytes = SizeAt(offset, kind);
    if (absl::Status status = visit(offset, kind); !status.ok()) return status;
    offset += static_cast<uint32_t>(bytes);
  }
  return absl::OkStatus();
}

}  // namespace islet::vm

#endif  // ISLET_SNAPSHOT_VERIFIER_H_
