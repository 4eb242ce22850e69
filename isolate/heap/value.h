// A Value is one Lisp datum in 32 bits, as it stands in registers, on the stack and in heap slots.
//
//   bits ...0   fixnum: a 31-bit signed integer, shifted left by one
//   bits ..001  pair: cage offset of two words (car, cdr), no header
//   bits ..011  flonum: cage offset of eight bytes (an IEEE 754 double), no header
//   bits ..101  object: cage offset of a header word followed by the object's fields (objects.h)
//   bits ..111  immediate: five bits of kind, 24 bits of payload
//
// An offset counts bytes from the isolate's own cage, is a multiple of 8, and carries the tag in its low three bits.
// No Value holds an address, so a page of Values is right wherever it is mapped.
//
// Raw words that a stack scan may meet (return addresses as cage offsets, frame distances) are multiples of four: they
// look like fixnums, so that a stack is scanned word by word without a frame map.

#ifndef ISLET_ISOLATE_HEAP_VALUE_H_
#define ISLET_ISOLATE_HEAP_VALUE_H_

#include <cstdint>
#include <type_traits>

namespace islet::vm {

// Where objects start, in bytes. So the low bits of an offset are free to hold a tag.
inline constexpr uint32_t kObjectAlignment = 8;

enum class Tag : uint32_t { kPair = 1, kFlonum = 3, kObject = 5, kImmediate = 7 };
inline constexpr uint32_t kTagMask = kObjectAlignment - 1;

// Kinds of immediates, in bits 3 to 7. The values are part of the snapshot format: never renumber.
enum class ImmediateKind : uint32_t {
  kSpecial = 0,    // payload: one of the constants below
  kChar = 1,       // payload: Unicode scalar value
  kPrimitive = 2,  // payload: index into the process-wide table of primitives (interpreter/primitive.h)
  kSyntax = 3,     // payload: a core form of the expander (expander/core_forms.def)
};

struct Value {
  uint32_t bits;

  static constexpr int32_t kFixnumMax = (1 << 30) - 1;
  static constexpr int32_t kFixnumMin = -(1 << 30);

  static constexpr Value FromBits(uint32_t bits) { return Value{bits}; }
  static constexpr Value Fixnum(int32_t n) { return Value{static_cast<uint32_t>(n) << 1}; }
  static constexpr bool FitsFixnum(int64_t n) { return n >= kFixnumMin && n <= kFixnumMax; }
  static constexpr Value Immediate(ImmediateKind kind, uint32_t payload) {
    return Value{payload << 8 | static_cast<uint32_t>(kind) << 3 | static_cast<uint32_t>(Tag::kImmediate)};
  }
  static constexpr Value Char(uint32_t scalar) { return Immediate(ImmediateKind::kChar, scalar); }
  static constexpr Value Primitive(uint32_t index) { return Immediate(ImmediateKind::kPrimitive, index); }
  static constexpr Value Syntax(uint32_t form) { return Immediate(ImmediateKind::kSyntax, form); }
  static constexpr Value Ref(Tag tag, uint32_t offset) { return Value{offset | static_cast<uint32_t>(tag)}; }
  static constexpr Value Boolean(bool b);

  constexpr bool IsFixnum() const { return (bits & 1) == 0; }
  constexpr bool IsPair() const { return tag() == Tag::kPair; }
  constexpr bool IsFlonum() const { return tag() == Tag::kFlonum; }
  constexpr bool IsObject() const { return tag() == Tag::kObject; }
  constexpr bool IsImmediate() const { return tag() == Tag::kImmediate; }
  // True for whatever lies in the heap.
  constexpr bool IsRef() const { return !IsFixnum() && !IsImmediate(); }
  constexpr bool IsImmediateOf(ImmediateKind kind) const { return (bits & 0xff) == Immediate(kind, 0).bits; }
  constexpr bool IsChar() const { return IsImmediateOf(ImmediateKind::kChar); }
  constexpr bool IsPrimitive() const { return IsImmediateOf(ImmediateKind::kPrimitive); }
  constexpr bool IsSyntax() const { return IsImmediateOf(ImmediateKind::kSyntax); }
  constexpr bool IsBoolean() const;
  constexpr bool IsNull() const;
  constexpr bool IsTrue() const;  // everything but #f

  constexpr int32_t fixnum() const { return static_cast<int32_t>(bits) >> 1; }
  constexpr uint32_t payload() const { return bits >> 8; }
  constexpr uint32_t character() const { return bits >> 8; }
  constexpr uint32_t offset() const { return bits & ~kTagMask; }
  constexpr Tag tag() const { return static_cast<Tag>(bits & kTagMask); }  // no fixnum's

  friend constexpr bool operator==(Value a, Value b) { return a.bits == b.bits; }
  friend constexpr bool operator!=(Value a, Value b) { return a.bits != b.bits; }
};

static_assert(sizeof(Value) == 4);

// Special immediates. Part of the snapshot format: never renumber.
inline constexpr Value kFalse = Value::Immediate(ImmediateKind::kSpecial, 0);
inline constexpr Value kTrue = Value::Immediate(ImmediateKind::kSpecial, 1);
inline constexpr Value kNull = Value::Immediate(ImmediateKind::kSpecial, 2);
inline constexpr Value kUnspecified = Value::Immediate(ImmediateKind::kSpecial, 3);
inline constexpr Value kEof = Value::Immediate(ImmediateKind::kSpecial, 4);
// A variable holds this until its definition has run. Never seen by a program.
inline constexpr Value kUndefined = Value::Immediate(ImmediateKind::kSpecial, 5);
// An optional argument that was not given. Never seen by a program.
inline constexpr Value kDefault = Value::Immediate(ImmediateKind::kSpecial, 6);
// Returned by a primitive that has raised: the condition waits in the Vm. Never stored.
inline constexpr Value kException = Value::Immediate(ImmediateKind::kSpecial, 7);
// Returned where not exactly one value is returned: the values wait in the Vm. Never stored.
inline constexpr Value kMultipleValues = Value::Immediate(ImmediateKind::kSpecial, 8);
// The key of a deleted hash-table entry.
inline constexpr Value kDeleted = Value::Immediate(ImmediateKind::kSpecial, 9);
// The car of a pair that the collector has moved; its cdr is the new reference.
inline constexpr Value kForwarded = Value::Immediate(ImmediateKind::kSpecial, 10);

constexpr Value Value::Boolean(bool b) { return b ? kTrue : kFalse; }
constexpr bool Value::IsBoolean() const { return *this == kTrue || *this == kFalse; }
constexpr bool Value::IsNull() const { return *this == kNull; }
constexpr bool Value::IsTrue() const { return *this != kFalse; }

// The tag of references to a T.
template <typename T>
inline constexpr Tag kTagOf = Tag::kObject;
template <>
inline constexpr Tag kTagOf<struct Pair> = Tag::kPair;
template <>
inline constexpr Tag kTagOf<struct Flonum> = Tag::kFlonum;

// The T that `v`, known to refer to one, refers to in the cage at `base`: `const T` if the cage is const. Heap::Get
// masks the tag away; here it is subtracted, which becomes part of a field's displacement and so costs no instruction.
// For the header of an object, T is uint32_t.
template <typename T>
inline T* Untag(uint8_t* base, Value v) {
  return reinterpret_cast<T*>(base + v.bits - static_cast<uint32_t>(kTagOf<std::remove_const_t<T>>));
}
template <typename T>
inline const T* Untag(const uint8_t* base, Value v) {
  return reinterpret_cast<const T*>(base + v.bits - static_cast<uint32_t>(kTagOf<std::remove_const_t<T>>));
}

}  // namespace islet::vm

#endif  // ISLET_ISOLATE_HEAP_VALUE_H_
