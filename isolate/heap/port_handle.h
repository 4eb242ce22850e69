// The handle of a Port (objects.h) says where the port's bytes are. It is a fixnum in the heap and in snapshots, which
// hold only the first two kinds of open ports; its values never change.
//
//   -1         in the heap: the port's own buffer
//   -2 - n     standard port n, as each isolate gets it from its host
//   n >= 0     a file: entry n of the isolate's table of open files

#ifndef ISLET_ISOLATE_HEAP_PORT_HANDLE_H_
#define ISLET_ISOLATE_HEAP_PORT_HANDLE_H_

#include "isolate/heap/objects.h"
#include "isolate/heap/value.h"

namespace islet::vm {

// Its numbers are those of the process's descriptors, and of StandardStreams::Write (islet/streams.h).
enum class StandardPort : int { kInput = 0, kOutput = 1, kError = 2 };

class PortHandle {
 public:
  static constexpr int kLast = -2 - static_cast<int>(StandardPort::kError);  // no handle is below it

  static constexpr PortHandle Heap() { return PortHandle(-1); }
  static constexpr PortHandle Standard(StandardPort port) { return PortHandle(-2 - static_cast<int>(port)); }
  static constexpr PortHandle File(int entry) { return PortHandle(entry); }
  static constexpr PortHandle FromValue(Value fixnum) { return PortHandle(fixnum.fixnum()); }

  constexpr bool IsHeap() const { return number_ == -1; }
  constexpr bool IsStandard() const { return number_ < -1; }
  constexpr bool IsFile() const { return number_ >= 0; }
  // Of which standard port; for IsStandard only.
  constexpr StandardPort standard() const { return static_cast<StandardPort>(-2 - number_); }
  // In the table of open files; for IsFile only.
  constexpr int file() const { return number_; }
  constexpr Value value() const { return Value::Fixnum(number_); }
  constexpr bool operator==(const PortHandle&) const = default;

 private:
  constexpr explicit PortHandle(int number) : number_(number) {}
  int number_;
};

inline PortHandle HandleOf(const Port& port) { return PortHandle::FromValue(port.handle); }

// Open files cannot be frozen into a snapshot; everything else can.
inline bool CanFreezePort(const Port& port) {
  return !HandleOf(port).IsFile() || (HeaderFlags(port.header) & kOpenPortFlag) == 0;
}

}  // namespace islet::vm

#endif  // ISLET_ISOLATE_HEAP_PORT_HANDLE_H_
