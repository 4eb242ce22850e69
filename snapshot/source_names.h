// A snapshot calls the files that its code came from by names that do not tell where it was made.

#ifndef ISLET_SNAPSHOT_SOURCE_NAMES_H_
#define ISLET_SNAPSHOT_SOURCE_NAMES_H_

#include <map>
#include <string>

#include "absl/types/span.h"

namespace islet::vm {

// The name for each of `files`: relative to the longest directory of `search_path` that it is in, or else the longest
// of `scripts`, however these are spelled (`./x/`, `y/../x`, by a symbolic link) and in whatever order they are given.
// A file that is in none of them is relative to the first script's directory if they have one above the root in common,
// and absolute otherwise. A script `-` is in the working directory.
std::map<std::string, std::string> SourceNames(absl::Span<const std::string> files,
                                               absl::Span<const std::string> search_path,
                                               absl::Span<const std::string> scripts);

}  // namespace islet::vm

#endif  // ISLET_SNAPSHOT_SOURCE_NAMES_H_
