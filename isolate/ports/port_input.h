// Reading from input ports.

#ifndef ISLET_ISOLATE_PORTS_PORT_INPUT_H_
#define ISLET_ISOLATE_PORTS_PORT_INPUT_H_

#include <cstddef>
#include <cstdint>

#include "absl/strings/string_view.h"
#include "isolate/heap/heap.h"
#include "isolate/heap/value.h"
#include "isolate/interpreter/vm.h"
#include "isolate/ports/port_table.h"

namespace islet::vm {

// The next character of a textual port if it is in the heap, and ASCII but no newline; else -1. For
// `consume`, moves behind it.
int NextPlainAscii(Heap& heap, Value port, bool consume);

// Bytes from an input port, one view over heap and stream.
class PortInput {
 public:
  enum class Outcome { kOk, kEnd, kRaised };

  // `port` is an open input port.
  PortInput(Vm& vm, const char* who, Value port);

  // The bytes that can be read at once. Valid until the next call or safepoint.
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

#endif  // ISLET_ISOLATE_PORTS_PORT_INPUT_H_
