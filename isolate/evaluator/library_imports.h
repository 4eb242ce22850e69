// Which libraries the definitions in a file import, read off its text: so that a chain of imports of any length can be
// loaded from its end, instead of by recursion.

#ifndef ISLET_ISOLATE_EVALUATOR_LIBRARY_IMPORTS_H_
#define ISLET_ISOLATE_EVALUATOR_LIBRARY_IMPORTS_H_

#include <string>
#include <vector>

#include "isolate/expander/expander.h"
#include "isolate/heap/value.h"
#include "isolate/interpreter/vm.h"

namespace islet::vm {

// The name of a library (R7RS 5.6.1), apart from the heap.
struct LibraryName {
  struct Part {
    std::string text;
    bool is_number = false;
    bool operator==(const Part& other) const { return text == other.text && is_number == other.is_number; }
  };
  std::vector<Part> parts;

  static LibraryName Of(Vm& vm, Value list);
  // A fresh list. Allocates.
  Value ToValue(Vm& vm) const;
  // "(srfi 1)"
  std::string ToString() const;
  bool operator==(const LibraryName& other) const { return parts == other.parts; }
};

// The imports of the libraries that `source` defines, in order, but for those that it defines itself. Includes of
// declarations are followed by `loader`. Only what is certain is found: not what stands behind a (library ...)
// requirement, nor what cannot be read. Ends early, with the run, when that is to be ended (Vm::ended).
std::vector<LibraryName> ImportsOf(Vm& vm, LibraryLoader& loader, const SourceFile& source);

}  // namespace islet::vm

#endif  // ISLET_ISOLATE_EVALUATOR_LIBRARY_IMPORTS_H_
