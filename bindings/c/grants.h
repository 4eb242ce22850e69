// Turns what C hosts grant into what C++ hosts grant.

#ifndef ISLET_BINDINGS_C_GRANTS_H_
#define ISLET_BINDINGS_C_GRANTS_H_

#include <algorithm>
#include <cstring>

#include "absl/status/status.h"
#include "bindings/c/islet.h"
#include "islet/isolate.h"

namespace islet::c {

// A caller built with an older header gives a shorter structure.
template <typename Options>
Options Whole(const Options* given) {
  Options options = {};
  if (given != nullptr) std::memcpy(&options, given, std::min(given->size, sizeof(options)));
  return options;
}

// Fills in files, clock, randomness, command line, environment and library path. Errors:
// InvalidArgument (a file system without functions it must have, NULL texts), those of FilesBelow.
absl::Status TranslateGrants(const islet_isolate_options& given, IsolateOptions* options);

}  // namespace islet::c

#endif  // ISLET_BINDINGS_C_GRANTS_H_
