// Names of files, as texts.

#ifndef ISLET_ISOLATE_CAPABILITIES_PATHS_H_
#define ISLET_ISOLATE_CAPABILITIES_PATHS_H_

#include <string>

#include "absl/strings/string_view.h"

namespace islet::vm {

// The directory that a file's name tells, with the slash behind it; "" if it tells none. A name put behind it is that
// of a neighbour.
inline std::string DirectoryOf(absl::string_view path) {
  const size_t slash = path.rfind('/');
  return slash == absl::string_view::npos ? std::string() : std::string(path.substr(0, slash + 1));
}

}  // namespace islet::vm

#endif  // ISLET_ISOLATE_CAPABILITIES_PATHS_H_
