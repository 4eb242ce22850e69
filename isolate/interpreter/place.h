// A place in a source text: how everything tells one, and how a condition in the heap holds one.

#ifndef ISLET_ISOLATE_INTERPRETER_PLACE_H_
#define ISLET_ISOLATE_INTERPRETER_PLACE_H_

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "isolate/heap/heap.h"
#include "isolate/heap/value.h"

namespace islet::vm {

// Lines and columns count from 1, columns in characters; line 0: not known.
struct Place {
  std::string file;  // as messages name the text; may be empty
  uint32_t line = 0;
  uint32_t column = 0;

  bool known() const { return line != 0; }
  std::string ToString() const;

  friend bool operator==(const Place&, const Place&) = default;
};

// How every message tells a place: "file:line:column", or "line:column" without a file's name, or the file alone where
// the line is 0.
std::string PlaceText(absl::string_view file, uint32_t line, uint32_t column);

// For Condition::position: a Vector of the file (String), line and column. Allocates; not a safepoint.
Value PlaceToValue(Heap& heap, absl::string_view file, uint32_t line, uint32_t column);
// The place in it; one that is not known if `position` is something else.
Place PlaceFromValue(Heap& heap, Value position);

}  // namespace islet::vm

#endif  // ISLET_ISOLATE_INTERPRETER_PLACE_H_
