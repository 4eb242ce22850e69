#include "isolate/heap/objects.h"

#include <cstddef>
#include <cstdint>

namespace islet::vm {

const char* ObjectTypeName(ObjectType type) {
  switch (type) {
#define ISLET_OBJECT_TYPE(name, number) \
  case ObjectType::k##name:             \
    return #name;
#include "isolate/heap/object_types.def"
  }
  return "(no such type)";
}

// As many types as the list has.
static_assert(0
#define ISLET_OBJECT_TYPE(name, number) +1
#include "isolate/heap/object_types.def"
              == kObjectTypeCount);

size_t SizeOf(const uint32_t* object) {
  const uint32_t header = object[0];
  size_t bytes = 0;
  switch (HeaderType(header)) {
    case ObjectType::kFiller:
      return object[1];
    case ObjectType::kVector:
    case ObjectType::kStackChunk:
      bytes = 8 + size_t{4} * object[1];
      break;
    case ObjectType::kString:
      if (HeaderFlags(header) & kIndirectStringFlag) {
        bytes = 12;
      } else {
        bytes = 8 + size_t{object[1]} * (HeaderFlags(header) & kWideStringFlag ? 4 : 1);
      }
      break;
    case ObjectType::kBytevector:
      bytes = 8 + size_t{object[1]};
      break;
    case ObjectType::kBignum:
      return 8 + size_t{8} * object[1];
    case ObjectType::kCompnum:
      return sizeof(Compnum);
    case ObjectType::kClosure:
    case ObjectType::kRecord:
      bytes = 8 + size_t{4} * HeaderCount(header);
      break;
    case ObjectType::kCode:
      bytes = size_t{4} * object[1];
      break;
    case ObjectType::kBox:
      return sizeof(Box);
    case ObjectType::kSymbol:
    case ObjectType::kRatnum:
    case ObjectType::kCell:
    case ObjectType::kRecordType:
    case ObjectType::kParameter:
    case ObjectType::kHostFunction:
    case ObjectType::kEnvironment:
    case ObjectType::kMacro:
    case ObjectType::kIdentifier:
    case ObjectType::kExactCompnum:
      return 16;
    case ObjectType::kHashTable:
    case ObjectType::kPort:
    case ObjectType::kCondition:
      return 32;
    case ObjectType::kContinuation:
      return sizeof(Continuation);
  }
  return (bytes + 7) & ~size_t{7};
}

}  // namespace islet::vm
