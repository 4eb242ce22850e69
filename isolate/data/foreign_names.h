// Names of other Lisps that mean nothing here, so that errors about them can say what to write
// instead.

#ifndef ISLET_ISOLATE_DATA_FOREIGN_NAMES_H_
#define ISLET_ISOLATE_DATA_FOREIGN_NAMES_H_

#include "absl/strings/string_view.h"

namespace islet::vm {

// "(set! name value)" for "setq"; empty if the name is none of them.
absl::string_view ForeignNameHint(absl::string_view name);

}  // namespace islet::vm

#endif  // ISLET_ISOLATE_DATA_FOREIGN_NAMES_H_
