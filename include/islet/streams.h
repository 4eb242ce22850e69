// Where an isolate's standard ports lead, for hosts that have more to say about it than
// IsolateOptions::write.

#ifndef ISLET_STREAMS_H_
#define ISLET_STREAMS_H_

#include <cstddef>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace islet {

// Implemented by the host. The methods are called on the thread that has entered the isolate, and
// must not call it. What they return as an error is raised in the script, as a condition of kind
// `file`; what they throw likewise, with the exception's what().
class StandardStreams {
 public:
  virtual ~StandardStreams() = default;
  // Stores at most `size` bytes of standard input, and returns how many; 0 at its end. Waits until
  // there is something. Isolate::Interrupt does not end the wait by itself: a host that wants that
  // returns an error here.
  virtual absl::StatusOr<size_t> Read(char* buffer, size_t size) = 0;
  // True if Read would not wait (R7RS 6.13.2: char-ready?).
  virtual bool InputReady() { return true; }
  // Takes all of `text`, which goes to the current output (descriptor 1) or error port (2).
  virtual absl::Status Write(int descriptor, absl::string_view text) = 0;
  // Passes on what Write has held back (R7RS 6.13.3: flush-output-port). Also called when the
  // isolate is disposed of.
  virtual absl::Status Flush() { return absl::OkStatus(); }
};

}  // namespace islet

#endif  // ISLET_STREAMS_H_
