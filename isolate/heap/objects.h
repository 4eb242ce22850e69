// Layouts of the heap's objects: a struct for each type in object_types.def, which says which words are slots. The
// collector and the snapshot writer go by `ForEachSlot` and `SizeOf` below, which follow that list.
// snapshot/verify_slots.cc says what each slot may hold.
//
// Pairs (two Values) and flonums (a double) have no header. Every other object starts with a header word:
//
//   bits 0..2    000 (a forwarded object has its new reference here instead, tag 101)
//   bits 3..7    ObjectType
//   bits 8..15   flags, by type
//   bits 16..31  small count, by type
//
// Objects start at multiples of kObjectAlignment, to which their size is rounded up.

#ifndef ISLET_ISOLATE_HEAP_OBJECTS_H_
#define ISLET_ISOLATE_HEAP_OBJECTS_H_

#include <array>
#include <cstddef>
#include <cstdint>

#include "isolate/heap/pages.h"
#include "isolate/heap/value.h"

namespace islet::vm {

enum class ObjectType : uint32_t {
#define ISLET_OBJECT_TYPE(name, number, shape) k##name = number,
#include "isolate/heap/object_types.def"
};
inline constexpr int kObjectTypeCount = 0
#define ISLET_OBJECT_TYPE(name, number, shape) +1
#include "isolate/heap/object_types.def"
    ;
// A header has room for so many numbers of types. Snapshots can hold those that no type has.
inline constexpr uint32_t kObjectTypeNumbers = 32;

// The type's name as in the list above ("Vector").
const char* ObjectTypeName(ObjectType type);

inline constexpr uint32_t MakeHeader(ObjectType type, uint32_t flags = 0, uint32_t count = 0) {
  return static_cast<uint32_t>(type) << 3 | flags << 8 | count << 16;
}
inline constexpr ObjectType HeaderType(uint32_t header) {
  return static_cast<ObjectType>(header >> 3 & (kObjectTypeNumbers - 1));
}
inline constexpr uint32_t HeaderFlags(uint32_t header) { return header >> 8 & 0xff; }
inline constexpr uint32_t HeaderCount(uint32_t header) { return header >> 16; }
inline constexpr uint32_t kMaxHeaderCount = 0xffff;
// Comparing `header & kHeaderTypeMask` with `MakeHeader(type)` tests the type in one step.
inline constexpr uint32_t kHeaderTypeMask = (kObjectTypeNumbers - 1) << 3;

// Flag of vectors, strings, bytevectors: a literal; writing to it is an error (R7RS 3.4).
inline constexpr uint32_t kImmutableFlag = 1;
// Flags of strings: how the characters are stored. Neither: one byte each (U+0000 to U+00FF).
inline constexpr uint32_t kWideStringFlag = 2;  // four bytes each
// In a bytevector of four-byte characters, whose reference is the payload.
inline constexpr uint32_t kIndirectStringFlag = 4;
// Flag of bignums: negative.
inline constexpr uint32_t kNegativeFlag = 1;
// Flag of symbols: made by generate-uninterned-symbol, in no symbol table.
inline constexpr uint32_t kUninternedFlag = 1;
// Flags of cells.
// Exported by a library that never assigns it: its value may be compiled in.
inline constexpr uint32_t kConstantCellFlag = 1;
inline constexpr uint32_t kAssignedCellFlag = 2;  // some set! refers to it, or it is defined more than once
inline constexpr uint32_t kForwardCellFlag = 4;   // made by a reference to a name that has no definition yet
// Of an Environment: a library of the standard snapshot, which nobody may define anew; and one that only the standard
// library itself was built on (SealStandardLibrary).
inline constexpr uint32_t kStandardLibraryFlag = 1;
inline constexpr uint32_t kInternalLibraryFlag = 2;
// Of a RecordType: the standard library's own, so that what is in its records is nobody else's concern.
inline constexpr uint32_t kOpaqueRecordFlag = 1;
// Of a HostFunction: asks whether its argument is of a host type; and one that a host has made at run time.
inline constexpr uint32_t kTypePredicateFlag = 1;
inline constexpr uint32_t kMadeAtRunTimeFlag = 2;
// Flags of hash tables: the equivalence (SRFI 69), and whether some key is hashed by its address.
inline constexpr uint32_t kEqTableFlag = 1;
inline constexpr uint32_t kEqvTableFlag = 2;
inline constexpr uint32_t kEqualTableFlag = 4;
inline constexpr uint32_t kStringTableFlag = 8;
inline constexpr uint32_t kAddressKeysFlag = 16;
// Flags of ports.
inline constexpr uint32_t kInputPortFlag = 1;
inline constexpr uint32_t kOutputPortFlag = 2;
inline constexpr uint32_t kTextualPortFlag = 4;
inline constexpr uint32_t kBinaryPortFlag = 8;
inline constexpr uint32_t kOpenPortFlag = 16;
inline constexpr uint32_t kFoldCasePortFlag = 32;

// Room between unmoving objects that nothing uses. Its size tells where the next object starts.
struct Filler {
  uint32_t header;
  uint32_t bytes;
};

struct Pair {
  Value car;
  Value cdr;
};

struct Flonum {
  double value;
};

struct Vector {
  uint32_t header;
  uint32_t length;
  Value items[];
};

// Length counts characters. See the string flags for what `bytes` holds; data/string.h reads and writes it.
struct String {
  uint32_t header;
  uint32_t length;
  uint8_t bytes[];
};

// Symbols never move. `hash` is of the name's UTF-8 bytes, shifted to look like a fixnum.
struct Symbol {
  uint32_t header;
  Value hash;
  Value name;  // immutable String
  Value unused;
};

struct Bytevector {
  uint32_t header;
  uint32_t length;  // bytes
  uint8_t bytes[];
};

// An integer outside the fixnum range, as sign and magnitude: `length` 64-bit limbs, least significant first, the last
// not zero.
struct Bignum {
  uint32_t header;
  uint32_t length;
  uint64_t limbs[];
};

// In lowest terms, denominator > 1.
struct Ratnum {
  uint32_t header;
  Value numerator;
  Value denominator;
  Value unused;
};

// Inexact: the imaginary part may be 0.0.
struct Compnum {
  uint32_t header;
  uint32_t unused;
  double real;
  double imaginary;
};

// Exact: the parts are fixnums, Bignums or Ratnums, and the imaginary one is not 0.
struct ExactCompnum {
  uint32_t header;
  Value real;
  Value imaginary;
  Value unused;
};

// The header's count is the number of free variables.
struct Closure {
  uint32_t header;
  Value code;
  Value free[];
};

// Compiled code (interpreter/opcodes.def). Never moves, so that program counters need no mending. The instruction
// stream holds Values in line; `refs`, behind the instructions, are the indices of the words that are Values.
struct Code {
  uint32_t header;
  uint32_t word_count;         // of the whole object, for the sweep
  uint32_t instruction_count;  // in words
  uint32_t ref_count;
  Value name;        // symbol, string or #f
  Value arity;       // fixnum: Arity::Pack (arity.h)
  Value frame_size;  // fixnum: registers
  Value positions;   // Bytevector: the source map (interpreter/source_map.h), or #f
  Value file;        // String: the source's name, or #f
  Value unused;
  uint32_t instructions[];

  const uint32_t* refs() const { return instructions + instruction_count; }
  uint32_t* refs() { return instructions + instruction_count; }
};

// The home of a top-level variable.
struct Cell {
  uint32_t header;
  Value value;
  Value name;  // Symbol
  Value home;  // the Environment that defines it (others import it), or fixnum 0
};

// The home of a captured local variable that is assigned.
struct Box {
  uint32_t header;
  Value value;
};

// The header's count is the number of fields.
struct Record {
  uint32_t header;
  Value type;  // RecordType
  Value fields[];
};

struct RecordType {
  uint32_t header;
  Value name;    // Symbol
  Value fields;  // Vector of Symbols
  Value unused;
};

// An open-addressing index over entries kept in order of insertion, which is the order of iteration. Layout of both:
// data/hash_table.h.
struct HashTable {
  uint32_t header;     // count: the binary logarithm of the index's words, so that a search need not ask the index
  Value entries;       // Vector of TableEntry; a deleted entry's key is kDeleted
  Value index;         // Bytevector of a power of two of uint32: 0 free, else entry number + 1 and some of the hash
  Value count;         // fixnum: live entries
  Value used;          // fixnum: entries, deleted ones included
  Value address_keys;  // fixnum 0; with kAddressKeysFlag a Bytevector: AddressKeys in data/hash_table.cc
  Value equal;         // procedures given by the user, or #f (SRFI 69); handled in Lisp
  Value hash;
};

// A parameter object (R7RS 4.2.6); applicable.
struct Parameter {
  uint32_t header;
  Value value;
  Value converter;  // procedure or #f
  Value unused;
};

// A piece of the stack, word by word, as it was when it was sealed. Each word looks like a Value (value.h).
struct StackChunk {
  uint32_t header;
  uint32_t length;
  Value words[];
};

// The rest of a computation: the frames in `chunk` below word `length`, then `next`.
struct Continuation {
  uint32_t header;
  Value chunk;       // StackChunk or #f
  Value length;      // fixnum: words of the chunk that belong to this continuation
  Value return_pc;   // raw: cage offset of the instruction to go on with
  Value frame_size;  // fixnum: words from the frame to go on in to the chunk's end
  Value next;        // Continuation or #f
  Value run;         // fixnum: Run::serial (interpreter/run.h) of the call from the host it belongs to
  Value winders;     // list: dynamic-wind
  Value handlers;    // list: with-exception-handler
  Value parameters;  // association list: parameterize
  Value depth;       // fixnum: words of frames in it and all that follow
  Value unused;
};

// ports/port.h gives the fields' meaning.
struct Port {
  uint32_t header;
  Value handle;  // fixnum: heap/port_handle.h
  Value buffer;
  Value position;  // fixnum
  Value limit;     // fixnum
  Value name;      // String
  Value line;      // fixnum, from 1
  Value column;    // fixnum, from 1
};

struct HostFunction {
  uint32_t header;
  Value index;  // fixnum: into the isolate's external references; with kMadeAtRunTimeFlag the number of the weak
                // reference (weak_references.h) by which the host has this object
  Value name;   // Symbol
  Value arity;  // fixnum, as in Code
};

// Stands for something of the host's, whose address is not in the heap.
struct HostObject {
  uint32_t header;
  Value number;  // fixnum: that of the weak reference by which the host has this object; -1: it was revoked
  Value type;    // fixnum: HostType::number (islet/host_objects.h)
  Value name;    // Symbol: the type's
};

// Top-level bindings: of a library, a program or an interaction.
struct Environment {
  uint32_t header;
  Value bindings;  // HashTable (eq): Symbol to Cell, Macro or core form
  Value name;      // the library's name (a list), or a Symbol
  Value exports;   // HashTable (eq): external Symbol to Cell, Macro or core form; or #f if not a library
};

// A macro's transformer, so that it can live in a snapshot. expander/macro.cc gives `spec` its meaning.
struct Macro {
  uint32_t header;
  Value kind;  // fixnum
  Value spec;
  Value environment;  // where it was defined
};

// An identifier that a macro inserted: `name` as it is bound in `environment`.
struct Identifier {
  uint32_t header;
  Value name;  // Symbol or Identifier
  Value environment;
  // Fixnum: its place in the table of the Expansion that made it (expander/procedural_macro.h), or anything.
  Value index;
};

// An error raised by the system or by `error`.
struct Condition {
  uint32_t header;
  Value kind;       // Symbol: error, wrong-type, arity, unbound-variable, range, file, read, syntax, host, ...
  Value who;        // Symbol or String: the procedure that raised it, or #f
  Value message;    // String
  Value irritants;  // list
  Value backtrace;  // Vector of Code, word index, Code, word index, ... innermost first; or #f
  Value position;   // of a syntax or read error: where it is (interpreter/place.h); or #f
  Value payload;
};

// Maps a layout to its ObjectType: TypeOf<Vector> is ObjectType::kVector.
template <typename T>
inline constexpr ObjectType TypeOf = ObjectType::kFiller;
#define ISLET_OBJECT_TYPE(name, number, shape) \
  template <>                                  \
  inline constexpr ObjectType TypeOf<struct name> = ObjectType::k##name;
#include "isolate/heap/object_types.def"

// The shape that object_types.def gives a type. All zero, as of an object without size and slots, for a number that no
// type has.
struct ObjectShape {
  // Which items follow the fixed words.
  enum class Tail : uint8_t { kNone, kSlotsByLength, kRawByLength, kSlotsByCount, kIrregular };

  uint8_t words = 0;       // fixed ones, the header included
  uint8_t first_slot = 0;  // the fixed words from this one on are slots
  Tail tail = Tail::kNone;
  uint8_t item_bytes = 0;  // of an item of the tail

  constexpr bool MayHaveSlots() const {
    return first_slot < words || (tail != Tail::kNone && tail != Tail::kRawByLength);
  }

  // As they stand in the list.
  static constexpr ObjectShape Slots(int n) { return Of(0, n, Tail::kNone, 0); }
  static constexpr ObjectShape Raw(int n) { return Of(n, 0, Tail::kNone, 0); }
  static constexpr ObjectShape SlotsByLength() { return Of(1, 0, Tail::kSlotsByLength, sizeof(Value)); }
  static constexpr ObjectShape RawByLength(int bytes) { return Of(1, 0, Tail::kRawByLength, bytes); }
  static constexpr ObjectShape SlotsByCount(int n) { return Of(0, n, Tail::kSlotsByCount, sizeof(Value)); }
  static constexpr ObjectShape Irregular(int raw, int n) { return Of(raw, n, Tail::kIrregular, 0); }

 private:
  static constexpr ObjectShape Of(int raw, int slots, Tail tail, size_t item_bytes) {
    return {static_cast<uint8_t>(1 + raw + slots), static_cast<uint8_t>(1 + raw), tail,
            static_cast<uint8_t>(item_bytes)};
  }
};

inline constexpr std::array<ObjectShape, kObjectTypeNumbers> kObjectShapes = [] {
  std::array<ObjectShape, kObjectTypeNumbers> shapes = {};
#define ISLET_OBJECT_TYPE(name, number, shape) shapes[number] = ObjectShape::shape;
#include "isolate/heap/object_types.def"
  return shapes;
}();

inline constexpr const ObjectShape& ShapeOf(ObjectType type) { return kObjectShapes[static_cast<uint32_t>(type)]; }

// Words of an object of which the header alone tells how many, as that of most does; 0 of others.
inline uint32_t WordsByHeader(uint32_t header) {
  const ObjectShape& shape = ShapeOf(HeaderType(header));
  if (shape.tail == ObjectShape::Tail::kNone) return shape.words;
  if (shape.tail == ObjectShape::Tail::kSlotsByCount) return shape.words + HeaderCount(header);
  return 0;
}

// Size in bytes of what the object (not pair, not flonum) at `object` holds, without what pads it.
size_t UnpaddedSizeOf(const uint32_t* object);

// Size in bytes, a multiple of kObjectAlignment, of the object (not pair, not flonum) at `object`. Mostly in line: the
// collector asks for it twice for each object that it copies.
inline size_t SizeOf(const uint32_t* object) {
  const uint32_t words = WordsByHeader(object[0]);
  const size_t bytes = __builtin_expect(words != 0, 1) ? words * sizeof(uint32_t) : UnpaddedSizeOf(object);
  return RoundUp<size_t>(bytes, kObjectAlignment);
}

// ForEachSlot for irregular types.
template <typename Visit>
void ForEachIrregularSlot(uint32_t* object, Visit&& visit) {
  switch (HeaderType(object[0])) {
    case ObjectType::kString:
      if (HeaderFlags(object[0]) & kIndirectStringFlag) {
        visit(reinterpret_cast<Value*>(reinterpret_cast<String*>(object)->bytes));
      }
      return;
    case ObjectType::kCode: {
      Code* code = reinterpret_cast<Code*>(object);
      constexpr ObjectShape kShape = ShapeOf(ObjectType::kCode);
      for (size_t i = kShape.first_slot; i < kShape.words; ++i) visit(reinterpret_cast<Value*>(object) + i);
      for (uint32_t i = 0; i < code->ref_count; ++i) {
        visit(reinterpret_cast<Value*>(code->instructions + code->refs()[i]));
      }
      return;
    }
    default:
      return;
  }
}

// Calls `visit(Value*)` for each slot of the object (not pair, not flonum) at `object`, in order.
template <typename Visit>
void ForEachSlot(uint32_t* object, Visit&& visit) {
  const uint32_t header = object[0];
  const ObjectShape shape = ShapeOf(HeaderType(header));
  size_t end = shape.words;
  switch (shape.tail) {
    case ObjectShape::Tail::kNone:
    case ObjectShape::Tail::kRawByLength:
      break;
    case ObjectShape::Tail::kSlotsByLength:
      end += object[1];
      break;
    case ObjectShape::Tail::kSlotsByCount:
      end += HeaderCount(header);
      break;
    case ObjectShape::Tail::kIrregular:
      return ForEachIrregularSlot(object, visit);
  }
  Value* const words = reinterpret_cast<Value*>(object);
  for (size_t i = shape.first_slot; i < end; ++i) visit(words + i);
}

}  // namespace islet::vm

#endif  // ISLET_ISOLATE_HEAP_OBJECTS_H_
