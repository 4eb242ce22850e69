#include "isolate/interpreter/place.h"

#include "absl/strings/str_cat.h"
#include "isolate/data/string.h"
#include "isolate/heap/objects.h"

namespace islet::vm {

std::string PlaceText(absl::string_view file, uint32_t line, uint32_t column) {
  if (line == 0) return std::string(file);
  return absl::StrCat(file, file.empty() ? "" : ":", line, ":", column);
}

std::string Place::ToString() const { return PlaceText(file, line, column); }

Value PlaceToValue(Heap& heap, absl::string_view file, uint32_t line, uint32_t column) {
  const Value position = heap.MakeVector(3, kFalse);
  const Value name = MakeString(heap, file, kImmutableFlag);
  Value* const parts = heap.Get<Vector>(position)->items;
  parts[0] = name;
  parts[1] = Value::Fixnum(static_cast<int32_t>(line));
  parts[2] = Value::Fixnum(static_cast<int32_t>(column));
  return position;
}

Place PlaceFromValue(Heap& heap, Value position) {
  const Vector* const parts = heap.TryGet<Vector>(position);
  if (parts == nullptr || parts->length != 3 || !heap.Is<String>(parts->items[0]) || !parts->items[1].IsFixnum() ||
      !parts->items[2].IsFixnum()) {
    return Place();
  }
  return {ToUtf8(heap, parts->items[0]), static_cast<uint32_t>(parts->items[1].fixnum()),
          static_cast<uint32_t>(parts->items[2].fixnum())};
}

}  // namespace islet::vm
