// First pass of freezing a heap: finds every object that the roots reach and gives each its place in the image.
//
// Places are chosen for what a new isolate touches. Reading maps whole pages, and writing copies them, so objects are
// grouped by use, and within a group stand in the order in which a depth-first walk from the roots meets them: an
// object, then what it refers to. What programs write soonest ends exactly where the writable part ends. Code follows,
// the program's own first, then what is seldom looked at, then the stack and the nursery: however much data there is,
// what each call touches lies together, in one page of page-table entries.
//
// Invariants
//  1. Only what can never be written again is read-only: symbols, code, closures, macros, constant cells, literals.
//     Vectors, strings and bytevectors count as literals by their flag, pairs if a literal or code refers to them.
//  2. Everything is in a fixed order: that of slots, and of the roots. Addresses decide nothing.

#ifndef ISLET_SNAPSHOT_LAYOUT_H_
#define ISLET_SNAPSHOT_LAYOUT_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "isolate/heap/heap.h"
#include "isolate/heap/pages.h"
#include "isolate/interpreter/vm.h"

namespace islet::vm {

// A map from cage offsets of objects to uint32, 0 if absent: one word for each place of the cage where one may start,
// of which the kernel provides only the pages that are touched.
class OffsetMap {
 public:
  static absl::StatusOr<OffsetMap> Create(uint64_t cage_size);

  uint32_t& operator[](uint32_t offset) { return words()[offset / kObjectAlignment]; }
  uint32_t operator[](uint32_t offset) const { return words()[offset / kObjectAlignment]; }

 private:
  explicit OffsetMap(Mapping mapping) : mapping_(std::move(mapping)) {}
  uint32_t* words() const { return reinterpret_cast<uint32_t*>(mapping_.data()); }
  Mapping mapping_;
};

// In the order of the image.
enum class Group : uint8_t {
  kEnvironment,  // writable: environments and their tables
  kData,         // writable: what programs made
  kVariables,    // writable: top-level variables that no code assigns
  kHot,          // writable: assigned variables, hash tables' heads, parameters, ports
  kCode,         // read-only: code, closures, constant cells, literals
  kMetadata,     // read-only: symbols, names, source maps, macros: what running code seldom looks at
  kCount
};

class Layout {
 public:
  using SourceNameMap = std::map<std::string, std::string>;
  static constexpr uint32_t kNoParent = ~0u;
  // The image's first bytes stay unused, so that offset 0 refers to nothing.
  static constexpr uint32_t kFirstOffset = 64;

  struct Object {
    Value from;       // in the heap
    uint32_t to = 0;  // cage offset in the image
    uint32_t parent;  // index of the object by which this was found, or kNoParent
    Group group = Group::kCount;
    bool literal = false;  // read-only because of what refers to it
  };

  // Walks and places. Source files get the names that `source_names` has for them first. Errors: FailedPrecondition for
  // objects that cannot be frozen, all of them with the path to each; ResourceExhausted if the image would exceed
  // FlatBuffers' limit, or memory is short.
  static absl::StatusOr<Layout> Of(Vm& vm, const SourceNameMap& source_names = {});

  // How the program reaches `object`, as those errors tell it; "" if only the host does, or through a continuation.
  // Reads all of the heap.
  static std::string PathTo(Vm& vm, Value object);

  const std::vector<Object>& objects() const { return objects_; }
  // The reference in the image. `v` may be an immediate or fixnum; a reference must be to one of
  // the objects.
  Value Translate(Value v) const { return v.IsRef() ? Value::Ref(v.tag(), objects_[numbers_[v.offset()] - 1].to) : v; }
  bool Contains(Value v) const { return numbers_[v.offset()] != 0; }
  uint32_t read_only_bytes() const { return read_only_bytes_; }
  uint32_t writable_bytes() const { return writable_bytes_; }
  // The symbols reached, those in no table left out, in the order of the image.
  const std::vector<Value>& symbols() const { return symbols_; }
  // Place of the symbol table, a Vector of `symbol_table_length` items, which is made anew.
  uint32_t symbol_table() const { return symbol_table_; }
  uint32_t symbol_table_length() const { return symbol_table_length_; }

 private:
  Layout(Vm& vm, OffsetMap numbers) : vm_(vm), heap_(vm.heap()), numbers_(std::move(numbers)) {}
  // Null: nothing is renamed, nor written.
  absl::Status Walk(const SourceNameMap* source_names);
  // Gives a Code object the file name that is to be frozen.
  void Relocate(Value code, const SourceNameMap& source_names);
  void MarkLiterals();
  // Cells that code defines, or assigns, though they are constant by now: the body of a library, which some backtrace
  // keeps.
  void MarkAssigned();
  void MarkEnvironments();
  absl::Status Place();

  Object& At(Value v) { return objects_[numbers_[v.offset()] - 1]; }
  // Says why the object cannot be frozen, and what to do about it; "" if it can.
  std::string WhyNotFreezable(uint32_t number) const;
  // "global counter-log -> field 2 of record logger -> ..."
  std::string PathTo(uint32_t number) const;
  std::string DescribeStep(uint32_t from, Value to) const;
  std::string ProcedureName(Value code) const;
  Group GroupOf(const Object& object) const;

  Vm& vm_;
  Heap& heap_;
  OffsetMap numbers_;  // index in objects_ + 1
  std::vector<Object> objects_;
  std::unordered_map<std::string, Value> file_names_;  // to relative ones; one String each
  std::vector<Value> symbols_;
  uint32_t symbol_table_ = 0;
  uint32_t symbol_table_length_ = 0;
  uint32_t read_only_bytes_ = 0;
  uint32_t writable_bytes_ = 0;
};

// Size in bytes, a multiple of 8, of what `v` refers to, whatever it is.
size_t SizeOfObject(const Heap& heap, Value v);

}  // namespace islet::vm

#endif  // ISLET_SNAPSHOT_LAYOUT_H_
