// R7RS 6.13.1: making, closing and asking about ports; 6.14: files.

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "isolate/capabilities/call_out.h"
#include "isolate/data/string.h"
#include "isolate/ports/grants.h"
#include "isolate/ports/outside.h"
#include "isolate/ports/port.h"
#include "isolate/process/made_once.h"
#include "isolate/runtime/arguments.h"
#include "isolate/runtime/port_primitives.h"
#include "isolate/runtime/primitives.h"
#include "isolate/runtime/text.h"

namespace islet::vm {

namespace {

bool HasFlags(Vm& vm, Value v, uint32_t flags) {
  return vm.heap().Is<Port>(v) && (HeaderFlags(vm.heap().header(v)) & flags) == flags;
}

Port* NewPort(Heap& heap, uint32_t flags) {
  Port* port = heap.New<Port>(flags | kOpenPortFlag);
  port->handle = PortHandle::Heap().value();
  port->buffer = kFalse;
  port->name = kFalse;
  port->line = port->column = Value::Fixnum(1);
  return port;
}

// ---- Files

// The name as a FileSystem takes it. False after raising: not a string, not permitted, or with a NUL
// in it.
bool FileName(Vm& vm, const char* who, Value name, std::string* path) {
  if (!vm.heap().Is<String>(name)) {
    vm.WrongType(who, 1, "a string", name);
    return false;
  }
  if (PortTableOf(vm).files == nullptr) {
    RaiseNotGranted(vm, who, Capability::kFiles, name);
    return false;
  }
  *path = ToUtf8(vm.heap(), name);
  if (path->find('\0') == std::string::npos) return true;
  vm.Error("file", who, "a file name cannot contain a NUL character", vm.heap().Cons(name, kNull));
  return false;
}

Value RaiseFileError(Vm& vm, const char* who, const absl::Status& status, Value name) {
  return RaiseFileStatus(vm, who, status, vm.heap().Cons(name, kNull));
}

Value OpenFile(Vm& vm, const char* who, Value name, uint32_t flags, bool append = false) {
  std::string path;
  if (!FileName(vm, who, name, &path)) return kException;
  Heap& heap = vm.heap();
  const FileSystem::Mode mode = (flags & kInputPortFlag) != 0 ? FileSystem::Mode::kRead
                                : append                      ? FileSystem::Mode::kAppend
                                                              : FileSystem::Mode::kWrite;
  const absl::StatusOr<PortHandle> handle = PortTableOf(vm).Open(path, mode);
  if (!handle.ok()) return RaiseFileError(vm, who, handle.status(), name);
  Port* port = NewPort(heap, flags);
  port->handle = handle->value();
  port->name = MakeString(heap, path, kImmutableFlag);
  return heap.ValueOf(port);
}

Value OpenInputFile(Vm& vm, Value* args, uint32_t) {
  return OpenFile(vm, "open-input-file", args[0], kInputPortFlag | kTextualPortFlag);
}
Value OpenBinaryInputFile(Vm& vm, Value* args, uint32_t) {
  return OpenFile(vm, "open-binary-input-file", args[0], kInputPortFlag | kBinaryPortFlag);
}
// The second argument is not R7RS's: true to append.
Value OpenOutputFile(Vm& vm, Value* args, uint32_t argc) {
  return OpenFile(vm, "open-output-file", args[0], kOutputPortFlag | kTextualPortFlag, argc > 1 && args[1] != kFalse);
}
Value OpenBinaryOutputFile(Vm& vm, Value* args, uint32_t argc) {
  return OpenFile(vm, "open-binary-output-file", args[0], kOutputPortFlag | kBinaryPortFlag,
                  argc > 1 && args[1] != kFalse);
}

Value FileExists(Vm& vm, Value* args, uint32_t) {
  std::string path;
  if (!FileName(vm, "file-exists?", args[0], &path)) return kException;
  const PortTable& table = PortTableOf(vm);
  const absl::StatusOr<bool> exists = CallOut([&] { return table.files->Exists(table.Resolve(path)); });
  if (!exists.ok()) return RaiseFileError(vm, "file-exists?", exists.status(), args[0]);
  return Value::Boolean(*exists);
}

Value DeleteFile(Vm& vm, Value* args, uint32_t) {
  std::string path;
  if (!FileName(vm, "delete-file", args[0], &path)) return kException;
  const PortTable& table = PortTableOf(vm);
  const absl::Status status = CallOut([&] { return table.files->Delete(table.Resolve(path)); });
  return status.ok() ? kUnspecified : RaiseFileError(vm, "delete-file", status, args[0]);
}

// ---- Ports in the heap

absl::string_view BytesOf(Vm& vm, Value bytevector) {
  const Bytevector* bytes = vm.heap().Get<Bytevector>(bytevector);
  return absl::string_view(reinterpret_cast<const char*>(bytes->bytes), bytes->length);
}

// An input port over a bytevector of its own.
Value OpenInput(Vm& vm, Value buffer, uint32_t kind) {
  if (buffer == kException) return kException;
  Port* port = NewPort(vm.heap(), kInputPortFlag | kind);
  port->buffer = buffer;
  port->limit = Value::Fixnum(static_cast<int32_t>(vm.heap().Get<Bytevector>(buffer)->length));
  return vm.heap().ValueOf(port);
}

Value OpenInputString(Vm& vm, Value* args, uint32_t) {
  constexpr const char* kWho = "open-input-string";
  if (!CheckString(vm, kWho, args, 0)) return kException;
  const uint32_t length = StringLength(vm.heap(), args[0]);
  return OpenInput(vm, EncodedResult(vm, kWho, args[0], 0, length), kTextualPortFlag);
}

Value OpenInputBytevector(Vm& vm, Value* args, uint32_t) {
  constexpr const char* kWho = "open-input-bytevector";
  if (!CheckBytevector(vm, kWho, args, 0)) return kException;
  const Value copy = BytevectorResult(vm, kWho, [&] { return BytesOf(vm, args[0]); });
  return OpenInput(vm, copy, kBinaryPortFlag);
}

Value OpenOutputString(Vm& vm, Value*, uint32_t) {
  return vm.heap().ValueOf(NewPort(vm.heap(), kOutputPortFlag | kTextualPortFlag));
}

Value OpenOutputBytevector(Vm& vm, Value*, uint32_t) {
  return vm.heap().ValueOf(NewPort(vm.heap(), kOutputPortFlag | kBinaryPortFlag));
}

// False, with an error, if the argument is no port in the heap to which such output goes.
bool CheckHeapOutput(Vm& vm, const char* who, Value* args, uint32_t kind) {
  const Port* port = vm.heap().TryGet<Port>(args[0]);
  if (port != nullptr && HasFlags(vm, args[0], kOutputPortFlag | kind) && HandleOf(*port).IsHeap()) {
    return true;
  }
  vm.WrongType(who, 1,
               kind == kTextualPortFlag ? "a port made by open-output-string" : "a port made by open-output-bytevector",
               args[0]);
  return false;
}

// The bytes that a port in the heap has taken so far. They may move at the next safepoint.
absl::string_view Written(Vm& vm, Value port_value) {
  const Port* port = vm.heap().Get<Port>(port_value);
  if (!vm.heap().Is<Bytevector>(port->buffer)) return "";
  return BytesOf(vm, port->buffer).substr(0, static_cast<size_t>(port->position.fixnum()));
}

Value GetOutputString(Vm& vm, Value* args, uint32_t) {
  constexpr const char* kWho = "get-output-string";
  if (!CheckHeapOutput(vm, kWho, args, kTextualPortFlag)) return kException;
  return StringResult(vm, kWho, [&] { return Written(vm, args[0]); });
}

Value GetOutputBytevector(Vm& vm, Value* args, uint32_t) {
  constexpr const char* kWho = "get-output-bytevector";
  if (!CheckHeapOutput(vm, kWho, args, kBinaryPortFlag)) return kException;
  return BytevectorResult(vm, kWho, [&] { return Written(vm, args[0]); });
}

// ---- Closing and asking

Value Close(Vm& vm, const char* who, Value port_value, uint32_t direction) {
  if (!HasFlags(vm, port_value, direction)) {
    return vm.WrongType(who, 1,
                        direction == kInputPortFlag    ? "an input port"
                        : direction == kOutputPortFlag ? "an output port"
                                                       : "a port",
                        port_value);
  }
  if (!HasFlags(vm, port_value, kOpenPortFlag)) return kUnspecified;
  Heap& heap = vm.heap();
  SetPortFlag(heap, port_value, kOpenPortFlag, false);
  const Port* port = heap.Get<Port>(port_value);
  const absl::Status status = PortTableOf(vm).Close(HandleOf(*port));
  if (status.ok()) return kUnspecified;
  return RaiseFileError(vm, who, status, port->name);
}

Value ClosePort(Vm& vm, Value* args, uint32_t) { return Close(vm, "close-port", args[0], 0); }
Value CloseInputPort(Vm& vm, Value* args, uint32_t) { return Close(vm, "close-input-port", args[0], kInputPortFlag); }
Value CloseOutputPort(Vm& vm, Value* args, uint32_t) {
  return Close(vm, "close-output-port", args[0], kOutputPortFlag);
}

Value IsPort(Vm& vm, Value* args, uint32_t) { return Value::Boolean(HasFlags(vm, args[0], 0)); }
Value IsInputPort(Vm& vm, Value* args, uint32_t) { return Value::Boolean(HasFlags(vm, args[0], kInputPortFlag)); }
Value IsOutputPort(Vm& vm, Value* args, uint32_t) { return Value::Boolean(HasFlags(vm, args[0], kOutputPortFlag)); }
Value IsTextualPort(Vm& vm, Value* args, uint32_t) { return Value::Boolean(HasFlags(vm, args[0], kTextualPortFlag)); }
Value IsBinaryPort(Vm& vm, Value* args, uint32_t) { return Value::Boolean(HasFlags(vm, args[0], kBinaryPortFlag)); }
Value IsInputPortOpen(Vm& vm, Value* args, uint32_t) {
  if (!HasFlags(vm, args[0], kInputPortFlag)) {
    return vm.WrongType("input-port-open?", 1, "an input port", args[0]);
  }
  return Value::Boolean(HasFlags(vm, args[0], kOpenPortFlag));
}
Value IsOutputPortOpen(Vm& vm, Value* args, uint32_t) {
  if (!HasFlags(vm, args[0], kOutputPortFlag)) {
    return vm.WrongType("output-port-open?", 1, "an output port", args[0]);
  }
  return Value::Boolean(HasFlags(vm, args[0], kOpenPortFlag));
}

// (%standard-port n): a new port for standard input, output or error.
Value StandardPortPrimitive(Vm& vm, Value* args, uint32_t) {
  if (!args[0].IsFixnum() || args[0].fixnum() < 0 || args[0].fixnum() > 2) {
    return vm.WrongType("%standard-port", 1, "0, 1 or 2", args[0]);
  }
  return MakeStandardPort(vm, static_cast<StandardPort>(args[0].fixnum()));
}

constexpr PrimitiveSpec kPrimitives[] = {
    {"open-input-file", OpenInputFile, 1, 1},
    {"open-binary-input-file", OpenBinaryInputFile, 1, 1},
    {"open-output-file", OpenOutputFile, 1, 2},
    {"open-binary-output-file", OpenBinaryOutputFile, 1, 2},
    {"file-exists?", FileExists, 1, 1},
    {"delete-file", DeleteFile, 1, 1},
    {"open-input-string", Interruptible<OpenInputString>, 1, 1},
    {"open-input-bytevector", Interruptible<OpenInputBytevector>, 1, 1},
    {"open-output-string", OpenOutputString, 0, 0},
    {"open-output-bytevector", OpenOutputBytevector, 0, 0},
    {"get-output-string", Interruptible<GetOutputString>, 1, 1},
    {"get-output-bytevector", Interruptible<GetOutputBytevector>, 1, 1},
    {"close-port", ClosePort, 1, 1},
    {"close-input-port", CloseInputPort, 1, 1},
    {"close-output-port", CloseOutputPort, 1, 1},
    {"port?", IsPort, 1, 1},
    {"input-port?", IsInputPort, 1, 1},
    {"output-port?", IsOutputPort, 1, 1},
    {"textual-port?", IsTextualPort, 1, 1},
    {"binary-port?", IsBinaryPort, 1, 1},
    {"input-port-open?", IsInputPortOpen, 1, 1},
    {"output-port-open?", IsOutputPortOpen, 1, 1},
    {"%standard-port", StandardPortPrimitive, 1, 1},
};

}  // namespace

absl::Span<const PrimitiveSpec> PortObjectPrimitives() { return kPrimitives; }

absl::Span<const PrimitiveSpec> PortPrimitives() {
  static constinit MadeOnce<std::vector<PrimitiveSpec>> all;
  return all.Get([] {
    std::vector<PrimitiveSpec> joined;
    for (const auto part : {PortObjectPrimitives(), InputPrimitives(), OutputPrimitives()}) {
      joined.insert(joined.end(), part.begin(), part.end());
    }
    return joined;
  });
}

}  // namespace islet::vm
