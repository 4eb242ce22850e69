// Files, the time and randomness, as hosts grant them to scripts. By default a script reaches nothing outside of its
// isolate: a procedure that needs what was not granted raises a condition that names it. A host grants by
// IsolateOptions
//
//   options.files = islet::ProcessFiles();              what this process may do, scripts may
//   options.files = *islet::FilesBelow("/srv/site");    what lies in this directory
//   options.files = std::make_shared<Archive>();        the host's own FileSystem
//   options.clock = islet::SystemClock();
//   options.randomness = islet::SeededRandomness(7);
//
// or by an implementation of its own. Methods are called on the thread that has entered the
// isolate, and must not call it. What they throw is raised in the script like an error that they
// return, with the exception's what(). One object may serve many isolates, which
// may run on many threads: then its methods must be safe to call from all of them, as those made
// here are. Isolates keep what they were granted alive.

#ifndef ISLET_CAPABILITIES_H_
#define ISLET_CAPABILITIES_H_

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "absl/types/span.h"

namespace islet {

// ---- Files (R7RS 6.13, 6.14; load, include, libraries)

// An open file. Used by one isolate; destroyed when its port is closed or the isolate ends, after
// Close.
class File {
 public:
  virtual ~File() = default;
  // Stores at most `size` bytes, and returns how many; 0 at the end. Only of files opened for
  // reading.
  virtual absl::StatusOr<size_t> Read(char* buffer, size_t size) = 0;
  // Takes all of `bytes`. Only of files opened for writing or appending. The isolate has a buffer
  // of its own, so it is called with some 64 KiB, or what there is when the port is flushed or
  // closed.
  virtual absl::Status Write(absl::string_view bytes) = 0;
  // Passes on what Write has held back (flush-output-port).
  virtual absl::Status Flush() { return absl::OkStatus(); }
  // Called once, last.
  virtual absl::Status Close() { return absl::OkStatus(); }
};

// Paths are what scripts give: never with a NUL, else any text, "" included, relative or not. An
// error becomes a condition that `file-error?` is true of, with the path among its irritants; its
// message is the Status's, which should say what could not be done, and why: "cannot open: No such
// file or directory". Where source text is read, messages say "cannot read PATH: No such file or directory".
class FileSystem {
 public:
  enum class Mode {
    kRead,    // an existing file
    kWrite,   // a file of this name that is empty, whether there was one or not
    kAppend,  // likewise, but an existing file keeps its contents, and writing goes to its end
  };

  virtual ~FileSystem() = default;
  virtual absl::StatusOr<std::unique_ptr<File>> Open(absl::string_view path, Mode mode) = 0;
  virtual absl::StatusOr<bool> Exists(absl::string_view path) = 0;
  virtual absl::Status Delete(absl::string_view path) = 0;
  // Asked when an isolate is granted this file system, again whenever that isolate is reset (IsolatePool), and for a
  // fork of it. Null: the isolate gets this file system itself, which all share. Else it gets what this returns, one in
  // the state of this one that nobody else has.
  virtual std::shared_ptr<FileSystem> ForIsolate() { return nullptr; }
};

// All files that this process can reach, with the rights it has; relative paths start from its
// working directory.
std::shared_ptr<FileSystem> ProcessFiles();

struct FilesBelowOptions {
  bool read_only = false;  // nothing can be written or deleted
};
// The regular files in a directory and those below it. A path starts there, whatever the working
// directory, and no path leads out: not by `..` (a/../b is fine), not by being absolute, not by
// symbolic links, which are followed as long as they stay inside, not when any of this changes
// meanwhile. What could: hard links, mounts, and others who move directories out. The directory is
// opened now, and stays the one that is meant when it is renamed. Errors: NotFound (no such
// directory, or no right to open it).
absl::StatusOr<std::shared_ptr<FileSystem>> FilesBelow(const std::string& directory,
                                                       const FilesBelowOptions& options = {});

// Files in memory. There are no directories, names may just have slashes in them: "a/b", "/a/b",
// "./a//b" and "c/../a/b" are one file. Thread-safe.
class MemoryFiles : public FileSystem {
 public:
  struct Options {
    // Scripts may write no more than this: all contents count, and 256 bytes for each file, those of Put as well.
    uint64_t max_bytes = uint64_t{16} << 20;
    bool read_only = false;
    // Every isolate has files of its own, which are those put in here at first (they share the
    // memory until they are written), and end with it. Else all that are granted this see the same
    // files, and so does the host.
    bool per_isolate = false;
  };

  MemoryFiles();
  explicit MemoryFiles(const Options& options);
  ~MemoryFiles() override;

  // Makes or replaces a file. Not limited.
  void Put(absl::string_view path, absl::string_view contents);
  // The contents; nullopt if there is no such file.
  absl::optional<std::string> Get(absl::string_view path) const;
  // The names of all files, in order.
  std::vector<std::string> Names() const;

  absl::StatusOr<std::unique_ptr<File>> Open(absl::string_view path, Mode mode) override;
  absl::StatusOr<bool> Exists(absl::string_view path) override;
  absl::Status Delete(absl::string_view path) override;
  std::shared_ptr<FileSystem> ForIsolate() override;

 private:
  struct State;
  explicit MemoryFiles(std::shared_ptr<State> state);
  std::shared_ptr<State> state_;  // open files have it too
};

// ---- Time (R7RS 6.14: current-second, current-jiffy)

class Clock {
 public:
  virtual ~Clock() = default;
  // The time of day: since 1970-01-01T00:00:00Z, without leap seconds, as POSIX counts.
  virtual std::chrono::nanoseconds SinceEpoch() = 0;
  // Since any fixed moment; never less than before. Scripts see it in microseconds.
  virtual std::chrono::nanoseconds Monotonic() = 0;
};

// The system's.
std::shared_ptr<Clock> SystemClock();

// Stands still but for what the host does. Thread-safe.
class ManualClock : public Clock {
 public:
  explicit ManualClock(std::chrono::nanoseconds since_epoch = {}) : start_(since_epoch) {}
  // Moves both times on. `by` is not negative.
  void Advance(std::chrono::nanoseconds by) { elapsed_.fetch_add(by.count(), std::memory_order_relaxed); }

  std::chrono::nanoseconds SinceEpoch() override { return start_ + Monotonic(); }
  std::chrono::nanoseconds Monotonic() override {
    return std::chrono::nanoseconds(elapsed_.load(std::memory_order_relaxed));
  }

 private:
  const std::chrono::nanoseconds start_;
  std::atomic<int64_t> elapsed_{0};
};

// ---- Randomness (SRFI 27: random-source-randomize!)

class Randomness {
 public:
  virtual ~Randomness() = default;
  // Fills `bytes`. `drawn` counts the bytes that this isolate has got so far, since it was made or
  // reset; a fork goes on from its parent's count. What gives the same bytes for the same count is
  // reproducible in every isolate, on any thread, in any order. An error is raised in the script.
  virtual absl::Status Fill(uint64_t drawn, absl::Span<uint8_t> bytes) = 0;
};

// The system's, fit for keys.
std::shared_ptr<Randomness> SystemRandomness();
// The same numbers for the same seed, in every isolate and after every reset. Not for secrets:
// whoever sees some of them can tell the others.
std::shared_ptr<Randomness> SeededRandomness(uint64_t seed);

}  // namespace islet

#endif  // ISLET_CAPABILITIES_H_
