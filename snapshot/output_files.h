// How files are put in their places: together, each whole, or not at all; and never over an input.
//
// A file that exists keeps its mode and, where the system permits, its owner. A symbolic link stays; what it leads to
// is replaced. What is no ordinary file (a device, a FIFO) is opened and written to, as are `-`, /dev/stdout and the
// like.

#ifndef ISLET_SNAPSHOT_OUTPUT_FILES_H_
#define ISLET_SNAPSHOT_OUTPUT_FILES_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace islet::vm {

// The descriptor that `path` stands for: 1 for `-`, N for /dev/fd/N, /proc/self/fd/N, and what is a link to these. -1
// for other paths.
int DescriptorOf(const std::string& path);
// True if `path` is written to as it stands: a descriptor, or something that exists and is no ordinary file.
bool IsStream(const std::string& path);

// Whether `outputs` can be written without harm. Paths that lead to the same file are the same, whatever their names.
// Errors: InvalidArgument, if one would overwrite one of `inputs`, or another output; or is a directory.
absl::Status CheckOutputs(absl::Span<const std::string> outputs, absl::Span<const std::string> inputs);

class OutputFiles {
 public:
  OutputFiles() = default;
  ~OutputFiles();  // what was not committed leaves no trace
  OutputFiles(const OutputFiles&) = delete;
  OutputFiles& operator=(const OutputFiles&) = delete;

  // Writes `contents` beside the file that `path` leads to, under another name; keeps them for what is no ordinary
  // file. Errors: of the file system, with the path; Cancelled after a signal.
  absl::Status Add(const std::string& path, absl::string_view contents);
  // Writes to what is no ordinary file, then gives the others their names. After an error, what had those names has
  // them still.
  absl::Status Commit();

 private:
  struct File {
    std::string path;       // as given
    std::string target;     // to which links lead
    std::string temporary;  // the new contents, then the old ones
    bool exchanged = false;
    bool renamed = false;
  };
  struct Stream {
    std::string path;
    std::string contents;
  };
  void TakeBack();

  std::vector<File> files_;
  std::vector<Stream> streams_;
  bool committed_ = false;
};

}  // namespace islet::vm

#endif  // ISLET_SNAPSHOT_OUTPUT_FILES_H_
