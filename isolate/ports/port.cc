#include "isolate/ports/port.h"

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "isolate/data/string.h"
#include "isolate/heap/poll.h"
#include "isolate/heap/slot_root.h"
#include "isolate/interpreter/failure.h"
#include "isolate/ports/grants.h"
#include "isolate/ports/outside.h"

namespace islet::vm {

namespace {

// Bytes of an output port's first buffer: with its header, 128.
constexpr uint32_t kFirstBuffer = 120;
// Positions in a buffer are fixnums.
constexpr uint64_t kLargestBuffer = Value::kFixnumMax & ~7;
// A larger buffer is reserved, and so much beside it for its header and rounding.
constexpr uint64_t kUnreservedBuffer = Heap::kSlack / 4;
constexpr uint64_t kBesideBuffer = 64;

Value WriteToHeap(Vm& vm, const char* who, Value port_value, absl::string_view bytes) {
  Heap& heap = vm.heap();
  Port* port = heap.Get<Port>(port_value);
  const uint64_t position = static_cast<uint64_t>(port->position.fixnum());
  const uint64_t needed = position + bytes.size();
  if (needed > kLargestBuffer) return vm.OutOfMemory(who, needed);
  const Bytevector* old = heap.TryGet<Bytevector>(port->buffer);
  if (old == nullptr || needed > old->length) {
    uint64_t capacity = std::max<uint64_t>(needed, old == nullptr ? kFirstBuffer : uint64_t{old->length} * 2);
    capacity = std::min((capacity + 7) & ~uint64_t{7}, kLargestBuffer);
    if (capacity > kUnreservedBuffer) {
      const SlotRoot root(heap, &port_value);
      if (!heap.Reserve(capacity + kBesideBuffer)) return vm.OutOfMemory(who, capacity);
      port = heap.Get<Port>(port_value);
      old = heap.TryGet<Bytevector>(port->buffer);
    }
    const Value grown = heap.MakeBytevector(static_cast<uint32_t>(capacity));
    if (position > 0) CopyBytes(heap.Get<Bytevector>(grown)->bytes, old->bytes, position);
    if (Ended()) return kException;
    heap.Write(&port->buffer, grown);
  }
  uint8_t* target = heap.Get<Bytevector>(port->buffer)->bytes + position;
  heap.NoteRawWrite(target, bytes.size());
  CopyBytes(target, bytes.data(), bytes.size());
  heap.Write(&port->position, Value::Fixnum(static_cast<int32_t>(needed)));
  return kUnspecified;
}

}  // namespace

Value MakeStandardPort(Vm& vm, StandardPort which) {
  Heap& heap = vm.heap();
  const bool input = which == StandardPort::kInput;
  Port* port =
      heap.New<Port>((input ? kInputPortFlag : kOutputPortFlag) | kTextualPortFlag | kBinaryPortFlag | kOpenPortFlag);
  port->handle = PortHandle::Standard(which).value();
  port->buffer = kFalse;
  port->name = kFalse;
  port->line = port->column = Value::Fixnum(1);
  constexpr const char* kNames[] = {"standard input", "standard output", "standard error"};
  port->name = MakeString(heap, kNames[static_cast<int>(which)], kImmutableFlag);
  return heap.ValueOf(port);
}

Value CurrentPort(Vm& vm, StandardPort which) {
  Heap& heap = vm.heap();
  const Vector* parameters = heap.TryGet<Vector>(vm.root(Root::kStandardPorts));
  const uint32_t index = static_cast<uint32_t>(which);
  if (parameters == nullptr || parameters->length <= index) return kUndefined;
  const Value parameter = parameters->items[index];
  StepCounter steps;  // if they end the run, any port will do
  for (Value rest = vm.dynamic().parameters; rest.IsPair() && steps.Add(1); rest = heap.cdr(rest)) {
    const Value entry = heap.car(rest);
    if (entry.IsPair() && heap.car(entry) == parameter) return heap.cdr(entry);
  }
  const Parameter* object = heap.TryGet<Parameter>(parameter);
  return object != nullptr ? object->value : kUndefined;
}

absl::Status FlushPorts(Vm& vm) {
  PortTable& table = PortTableOf(vm);
  absl::Status result = absl::OkStatus();
  for (int file = 0; file < table.file_count(); ++file) {
    if (Stream* stream = table.Find(PortHandle::File(file))) result.Update(table.Flush(*stream));
  }
  result.Update(table.FlushStreams());
  return result;
}

void SetPortFlag(Heap& heap, Value port_value, uint32_t flag, bool on) {
  Port* port = heap.Get<Port>(port_value);
  const uint32_t bit = MakeHeader(ObjectType::kFiller, flag);
  const uint32_t header = on ? port->header | bit : port->header & ~bit;
  if (header == port->header) return;
  heap.NoteRawWrite(&port->header, sizeof(port->header));
  port->header = header;
}

Value PortArgument(Vm& vm, const char* who, Value* args, uint32_t argc, uint32_t index, StandardPort standard,
                   uint32_t flags) {
  Heap& heap = vm.heap();
  const bool given = index < argc;
  const Value port = given ? args[index] : CurrentPort(vm, standard);
  const int position = given ? static_cast<int>(index) + 1 : 0;
  const uint32_t have = heap.Is<Port>(port) ? HeaderFlags(heap.header(port)) : 0;
  if ((have & flags) != flags) {
    const bool input = (flags & kInputPortFlag) != 0;
    const bool binary = (flags & kBinaryPortFlag) != 0;
    const bool textual = (flags & kTextualPortFlag) != 0;
    const std::string expected = absl::StrCat(binary    ? "a binary "
                                              : textual ? "a textual "
                                                        : "an ",
                                              input ? "input port" : "output port");
    if (!given) {
      return vm.Error("error", who, absl::StrCat("the current port is not ", expected),
                      heap.Cons(port == kUndefined ? kFalse : port, kNull));
    }
    return vm.WrongType(who, position, expected, port);
  }
  if ((have & kOpenPortFlag) == 0) {
    return vm.Error("file", who, "the port is closed", heap.Cons(port, kNull));
  }
  return port;
}

Value RaisePortStatus(Vm& vm, const char* who, Value port, const absl::Status& status) {
  Heap& heap = vm.heap();
  const Value name = heap.Get<Port>(port)->name;
  return RaiseFileStatus(vm, who, status, heap.Is<String>(name) ? heap.Cons(name, kNull) : kNull);
}

Value WriteToPort(Vm& vm, const char* who, Value port, absl::string_view bytes) {
  if (bytes.empty()) return kUnspecified;
  const PortHandle handle = HandleOf(vm.heap(), port);
  if (handle.IsHeap()) return WriteToHeap(vm, who, port, bytes);
  PortTable& table = PortTableOf(vm);
  absl::Status status;
  if (handle.IsStandard()) {
    if (!table.has_streams()) {
      return RaiseNotGranted(vm, who, Capability::kStandardOutput, vm.heap().Get<Port>(port)->name);
    }
    status = table.WriteToStreams(handle.standard(), bytes);
  } else if (Stream* stream = table.Find(handle); stream != nullptr && !stream->input) {
    status = table.Write(*stream, bytes);
  } else {
    status = absl::FailedPreconditionError("the port's file is not open");
  }
  return status.ok() ? kUnspecified : RaisePortStatus(vm, who, port, status);
}

}  // namespace islet::vm
