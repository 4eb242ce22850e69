#include "snapshot/source_names.h"

#include <filesystem>
#include <iterator>
#include <system_error>
#include <utility>
#include <vector>

namespace islet::vm {
namespace {

namespace fs = std::filesystem;

// A directory as it is spelled, and as the system knows it. Links count in one and not in the other: the files of a
// sandbox are links out of it, and a whole source tree may be reached by one.
struct Directory {
  fs::path spelled;
  fs::path real;
};

fs::path WithoutTrailingSlash(const fs::path& path) {
  return path.has_filename() || path == path.root_path() ? path : path.parent_path();
}

Directory DirectoryAt(const fs::path& path) {
  std::error_code error;
  Directory directory;
  directory.spelled = WithoutTrailingSlash(fs::absolute(path.empty() ? "." : path, error).lexically_normal());
  directory.real = fs::canonical(directory.spelled, error);
  // `..` behind a link leads elsewhere than the text says.
  if (const fs::path real = fs::canonical(path.empty() ? "." : path, error); !error) directory.real = real;
  if (directory.real.empty()) directory.real = directory.spelled;
  return directory;
}

// `file` relative to `directory`, or "" if it is not below it.
std::string Below(const fs::path& file, const fs::path& directory) {
  const fs::path relative = file.lexically_relative(directory);
  return relative.empty() || *relative.begin() == ".." ? "" : relative.string();
}

// Shorter names are those of longer directories; of two as long, whichever comes first in the alphabet, not in the
// options.
void KeepBetter(std::string name, std::string* best) {
  if (name.empty()) return;
  if (best->empty() || std::pair(name.size(), name) < std::pair(best->size(), *best)) *best = std::move(name);
}

}  // namespace

std::map<std::string, std::string> SourceNames(absl::Span<const std::string> files,
                                               absl::Span<const std::string> search_path,
                                               absl::Span<const std::string> scripts) {
  std::vector<Directory> searched, of_scripts;
  for (const std::string& directory : search_path) searched.push_back(DirectoryAt(directory));
  for (const std::string& script : scripts) of_scripts.push_back(DirectoryAt(fs::path(script).parent_path()));
  std::map<std::string, std::string> names;
  for (const std::string& file : files) {
    const fs::path path(file);
    const Directory directory = DirectoryAt(path.parent_path());
    std::string best;
    for (const std::vector<Directory>* candidates : {&searched, &of_scripts}) {
      for (const Directory& candidate : *candidates) {
        KeepBetter(Below(directory.spelled / path.filename(), candidate.spelled), &best);
        KeepBetter(Below(directory.real / path.filename(), candidate.real), &best);
      }
      if (!best.empty()) break;
    }
    if (best.empty()) {
      const fs::path real = directory.real / path.filename();
      const fs::path from = scripts.empty() ? fs::path() : of_scripts[0].real;
      const fs::path relative = real.lexically_relative(from);
      const bool near = !from.empty() && from.begin() != from.end() && std::next(from.begin()) != from.end() &&
                        std::next(real.begin()) != real.end() && *std::next(from.begin()) == *std::next(real.begin());
      best = near ? relative.string() : real.string();
    }
    names.emplace(file, std::move(best));
  }
  return names;
}

}  // namespace islet::vm
