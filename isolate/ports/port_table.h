// The ends of ports outside of the heap: an isolate's open files, and the standard streams that it was granted.

#ifndef ISLET_ISOLATE_PORTS_PORT_TABLE_H_
#define ISLET_ISOLATE_PORTS_PORT_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "islet/capabilities.h"
#include "islet/streams.h"
#include "isolate/heap/port_handle.h"
#include "isolate/heap/scratch.h"

namespace islet::vm {

// Bytes outside of the heap that count against its limit.
using StreamBuffer = std::basic_string<char, std::char_traits<char>, ScratchAllocator<char>>;

// The buffer between a file and its reader or writer, and the place that a reader has come to.
struct StreamState {
  StreamBuffer buffer;
  size_t position = 0;  // input: first byte of `buffer` not yet read
  uint32_t line = 1;
  uint32_t column = 1;
  bool operator==(const StreamState&) const = default;
};

// An open file, or standard input, with its buffer.
struct Stream : StreamState {
  std::unique_ptr<File> file;  // null: standard input
  bool open = false;
  bool input = false;
  std::string path;
};

// How files are opened: a fork has this as its parent, and two isolates that are the same have it alike.
struct PortTableState {
  // Relative names start here; empty: at the process's working directory.
  std::string base_directory;
  // If set, gets the path of every file opened for reading. Borrowed.
  std::vector<std::string>* files_read = nullptr;
  // Files open at a time.
  size_t max_open_files = 256;
  bool operator==(const PortTableState&) const = default;
};

// One isolate's; its Outside (outside.h) has it. Nothing is granted at first. Closes the files when the isolate ends.
// A reset makes a new one.
class PortTable : public PortTableState {
 public:
  PortTable() = default;
  ~PortTable();
  PortTable(const PortTable&) = delete;
  PortTable& operator=(const PortTable&) = delete;

  // Borrowed, or of this isolate alone; null: denied.
  FileSystem* files = nullptr;
  // Grants `files`, or what they have for this isolate alone (FileSystem::ForIsolate).
  void GrantFiles(FileSystem* files);

  // Grants the standard ports; null: denies them.
  void SetStandardStreams(std::shared_ptr<StandardStreams> streams) { streams_ = std::move(streams); }
  bool has_streams() const { return streams_ != nullptr; }
  // Their methods, for whoever has_streams; but FlushStreams, which then does nothing. What they throw is an error, or
  // in InputReady true.
  absl::Status WriteToStreams(StandardPort port, absl::string_view bytes);
  bool InputReady();
  absl::Status FlushStreams();

  // `name` as the operating system is asked for it.
  std::string Resolve(absl::string_view name) const;
  // Opens a file of those granted. Returns the handle.
  // Errors: a message for people.
  absl::StatusOr<PortHandle> Open(absl::string_view name, FileSystem::Mode mode);
  // Buffers `bytes` for the file, which gets what is buffered once that is much.
  absl::Status Write(Stream& stream, absl::string_view bytes);
  // Hands what is buffered to the file.
  absl::Status WriteOut(Stream& stream);
  // The same, and has the file pass it on.
  absl::Status Flush(Stream& stream);
  absl::Status Close(PortHandle handle);
  // Reads more bytes behind those in the buffer; false at the end of the input.
  absl::StatusOr<bool> Fill(Stream& stream);
  // The stream of an open file, or of standard input; null for other handles.
  Stream* Find(PortHandle handle);
  // Entries of files are below this.
  int file_count() const { return static_cast<int>(files_.size()); }
  // The path of an open file, or "".
  std::string OpenFile() const;
  // Takes over the state of `other`, which has no file open: also what it has read ahead of standard input, how many
  // files it has had open, its own files if there are such.
  void CopyFrom(const PortTable& other);
  // See OutsideDifference.
  std::string FirstDifference(const PortTable& other) const;

 private:
  std::shared_ptr<StandardStreams> streams_;
  std::shared_ptr<FileSystem> own_files_;  // of this isolate alone: then `files`
  std::vector<std::unique_ptr<Stream>> files_;
  Stream standard_input_;
};

}  // namespace islet::vm

#endif  // ISLET_ISOLATE_PORTS_PORT_TABLE_H_
