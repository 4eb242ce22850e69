#include "isolate/heap/objects.h"

#include <cstddef>
#include <cstdint>
#include <utility>

#include "isolate/heap/pages.h"

namespace islet::vm {
namespace {

using Tail = ObjectShape::Tail;

// ---- The structs are laid out as the list says

template <typename T, size_t... kRaw, size_t... kSlot>
constexpr bool IsMadeOf(std::index_sequence<kRaw...>, std::index_sequence<kSlot...>) {
  return requires { T{(static_cast<void>(kRaw), uint32_t{})..., (static_cast<void>(kSlot), Value{})...}; };
}

// Whether the fixed words are as many; and those from `first_slot` on, but not the one before it, are Values.
template <typename T>
constexpr bool Fits() {
  constexpr ObjectShape kShape = ShapeOf(TypeOf<T>);
  if (sizeof(T) != kShape.words * sizeof(uint32_t)) return false;
  if (kShape.tail == Tail::kNone && sizeof(T) % kObjectAlignment != 0) return false;  // so that nothing pads it
  if constexpr (kShape.first_slot < kShape.words) {
    constexpr size_t kRaw = kShape.first_slot, kSlots = kShape.words - kRaw;
    return IsMadeOf<T>(std::make_index_sequence<kRaw>(), std::make_index_sequence<kSlots>()) &&
           !IsMadeOf<T>(std::make_index_sequence<kRaw - 1>(), std::make_index_sequence<kSlots + 1>());
  }
  return true;
}

#define ISLET_OBJECT_TYPE(name, number, shape) \
  static_assert(Fits<struct name>(), "struct " #name " is not " #shape ", as object_types.def says");
#include "isolate/heap/object_types.def"

#define ISLET_OBJECT_TYPE(name, number, shape) \
  static_assert(number < kObjectTypeNumbers, "a header has no room for the number of " #name);
#include "isolate/heap/object_types.def"

constexpr int CountIrregular() {
  int count = 0;
  for (const ObjectShape& shape : kObjectShapes) count += shape.tail == Tail::kIrregular;
  return count;
}
static_assert(CountIrregular() == 3, "an irregular type needs cases in SizeOfIrregular and ForEachIrregularSlot");

size_t SizeOfIrregular(const uint32_t* object) {
  const uint32_t flags = HeaderFlags(object[0]);
  switch (HeaderType(object[0])) {
    case ObjectType::kFiller:
      return reinterpret_cast<const Filler*>(object)->bytes;
    case ObjectType::kString: {
      if (flags & kIndirectStringFlag) return sizeof(String) + sizeof(Value);
      const size_t length = reinterpret_cast<const String*>(object)->length;
      return sizeof(String) + length * (flags & kWideStringFlag ? sizeof(uint32_t) : 1);
    }
    case ObjectType::kCode:
      return sizeof(uint32_t) * reinterpret_cast<const Code*>(object)->word_count;
    default:
      return 0;
  }
}

}  // namespace

const char* ObjectTypeName(ObjectType type) {
  switch (type) {
#define ISLET_OBJECT_TYPE(name, number, shape) \
  case ObjectType::k##name:                    \
    return #name;
#include "isolate/heap/object_types.def"
  }
  return "(no such type)";
}

size_t UnpaddedSizeOf(const uint32_t* object) {
  const uint32_t header = object[0];
  const ObjectShape shape = ShapeOf(HeaderType(header));
  switch (shape.tail) {
    case Tail::kNone:
    case Tail::kSlotsByCount:
      return WordsByHeader(header) * sizeof(uint32_t);
    case Tail::kSlotsByLength:
    case Tail::kRawByLength:
      return shape.words * sizeof(uint32_t) + size_t{object[1]} * shape.item_bytes;
    case Tail::kIrregular:
      return SizeOfIrregular(object);
  }
  return 0;
}

}  // namespace islet::vm
