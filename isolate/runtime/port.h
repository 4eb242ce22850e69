// Ports (R7RS 6.13). A Port object (heap/objects.h) is one of
//
//   in the heap      `buffer` is a Bytevector: what an input port has left is [position, limit), what an output port
//                    has written is [0, position). Text is UTF-8. `line` and `column` are an input port's.
//   a file           an entry of the isolate's PortTable, which has the File, the buffer and the line
//   a standard port  Reads and writes go to the StandardStreams that the host has granted, so that a standard port can
//                    be frozen into a snapshot.
//
// which its handle tells (heap/port_handle.h).
//
// What an isolate may touch of the world outside is in its PortTable: by default nothing.

#ifndef ISLET_ISOLATE_RUNTIME_PORT_H_
#define ISLET_ISOLATE_RUNTIME_PORT_H_

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
#include "isolate/heap/heap.h"
#include "isolate/heap/port_handle.h"
#include "isolate/heap/scratch.h"
#include "isolate/heap/value.h"
#include "isolate/interpreter/vm.h"

namespace islet::vm {

// Where an isolate's standard ports lead. Implemented by the host; called on the isolate's thread.
class StandardStreams {
 public:
  virtual ~StandardStreams() = default;
  // At most `size` bytes of standard input; 0 at its end. Waits until there is something.
  virtual absl::StatusOr<size_t> Read(char* buffer, size_t size) = 0;
  // True if Read would not wait.
  virtual bool InputReady() { return true; }
  // Takes all of `bytes`. `port` is kOutput or kError.
  virtual absl::Status Write(StandardPort port, absl::string_view bytes) = 0;
  // Passes on what Write has held back.
  virtual absl::Status Flush() { return absl::OkStatus(); }
};

// The process's own descriptors 0, 1 and 2. Standard output is held back until Flush, until there
// is much of it, and until something is read or goes to standard error; on a terminal, until the
// end of a line.
std::shared_ptr<StandardStreams> MakeProcessStreams();

// Bytes outside of the heap that count against its limit.
using StreamBuffer = std::basic_string<char, std::char_traits<char>, ScratchAllocator<char>>;

// What lies between a file and its reader or writer.
struct StreamState {
  StreamBuffer buffer;
  size_t position = 0;  // input: first byte of `buffer` not yet read
  uint32_t line = 1;
  uint32_t column = 1;
  bool operator==(const StreamState&) const = default;
};

// The buffered bytes of an open file, or of standard input.
struct Stream : StreamState {
  std::unique_ptr<File> file;  // null: standard input
  bool open = false;
  bool input = false;
  std::string path;
};

// What an isolate was granted of the world outside but files and standard streams, and what it has had of that: what a
// fork has as its parent, and two isolates that are the same have alike. Capabilities are borrowed: whoever sets them
// keeps them alive, so that isolates on many threads need not count references to the same object. Null: denied.
struct PortTableState {
  Clock* clock = nullptr;
  Randomness* randomness = nullptr;
  // Bytes that `randomness` has given.
  uint64_t random_bytes_drawn = 0;
  // What `command-line` returns.
  std::vector<std::string> command_line;
  // What `get-environment-variable` and `get-environment-variables` know, by name.
  std::vector<std::pair<std::string, std::string>> environment;
  // What relative names are relative to; empty: the process's working directory.
  std::string base_directory;
  // If set, gets the path of every file opened for reading.
  std::vector<std::string>* files_read = nullptr;
  // Files open at a time.
  size_t max_open_files = 256;
  bool operator==(const PortTableState&) const = default;
};

// One isolate's open files, and what it was granted of the world outside; Vm::port_table. Closes the files when the
// isolate ends. A reset makes a new one.
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
  // See PortDifference.
  std::string FirstDifference(const PortTable& other) const;

 private:
  std::shared_ptr<StandardStreams> streams_;
  std::shared_ptr<FileSystem> own_files_;  // of this isolate alone: then `files`
  std::vector<std::unique_ptr<Stream>> files_;
  Stream standard_input_;
};

// The isolate's table; an empty one, which permits nothing, is made where there is none.
PortTable& PortTableOf(Vm& vm);

// How what two isolates hold and may touch outside of their heaps differs; "" if it does not.
std::string PortDifference(const Vm& a, const Vm& b);

// A new Port object for a standard port.
Value MakeStandardPort(Vm& vm, StandardPort port);
// The current value of current-input-port and so on, as parameterize has set it; kUndefined before
// isolate/lib has made those parameters.
Value CurrentPort(Vm& vm, StandardPort port);
// Writes out what is held back by open files and standard output.
absl::Status FlushPorts(Vm& vm);

// ---- For primitives. Those that return a Value return kException once they have raised.

// The port that a primitive works on: args[index], or the current `standard` port if there are not
// so many arguments. It must be open and have all of `flags` (k...PortFlag).
Value PortArgument(Vm& vm, const char* who, Value* args, uint32_t argc, uint32_t index, StandardPort standard,
                   uint32_t flags);
// Appends to an output port. `bytes` must not lie in the heap. A safepoint.
Value WriteToPort(Vm& vm, const char* who, Value port, absl::string_view bytes);
void SetPortFlag(Heap& heap, Value port, uint32_t flag, bool on);

// The next character of a textual port if it is in the heap, and ASCII but no newline; else -1. For
// `consume`, moves behind it.
int NextPlainAscii(Heap& heap, Value port, bool consume);

// Bytes from an input port, one view over heap and stream.
class PortInput {
 public:
  enum class Outcome { kOk, kEnd, kRaised };

  // `port` is an open input port.
  PortInput(Vm& vm, const char* who, Value port);

  // What can be read at once. Valid until the next call or safepoint.
  absl::string_view Available() const;
  // Adds to what is available.
  Outcome Fill();
  // Moves behind the first `count` bytes available; textual ports count lines.
  void Consume(size_t count);
  // The same, but does not count lines.
  void Skip(size_t count);
  // The next character, not consumed, and its length in bytes.
  Outcome Peek(uint32_t* c, size_t* length);
  // Raises: the bytes at hand are not UTF-8.
  Outcome RaiseInvalid();
  // True if reading would not wait.
  bool Ready() const;

  bool in_heap() const { return stream_ == nullptr; }
  Value port() const { return port_; }
  // For whoever passes a safepoint while reading: makes it a root.
  Value* port_slot() { return &port_; }
  uint32_t line() const;
  uint32_t column() const;
  void SetPlace(uint32_t line, uint32_t column);

 private:
  Vm& vm_;
  Heap& heap_;
  const char* who_;
  Value port_;
  Stream* stream_;  // null for a port in the heap
};

}  // namespace islet::vm

#endif  // ISLET_ISOLATE_RUNTIME_PORT_H_
