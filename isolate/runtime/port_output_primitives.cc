// R7RS 6.13.3: output.

#include <string>

#include "isolate/data/string.h"
#include "isolate/heap/scratch.h"
#include "isolate/ports/outside.h"
#include "isolate/ports/port.h"
#include "isolate/printer/printer.h"
#include "isolate/runtime/arguments.h"
#include "isolate/runtime/port_primitives.h"

namespace islet::vm {

namespace {

constexpr uint32_t kTextualOutput = kOutputPortFlag | kTextualPortFlag;
constexpr uint32_t kBinaryOutput = kOutputPortFlag | kBinaryPortFlag;

Value OutputArgument(Vm& vm, const char* who, Value* args, uint32_t argc, uint32_t index,
                     uint32_t flags = kTextualOutput) {
  return PortArgument(vm, who, args, argc, index, StandardPort::kOutput, flags);
}

Value WriteDatum(Vm& vm, const char* who, PrintMode mode, Value* args, uint32_t argc) {
  const Value port = OutputArgument(vm, who, args, argc, 1);
  if (port == kException) return kException;
  // Data that share much, or have cycles, may have texts without end. While it grows, a text counts against the heap
  // limit, which is not to end the run before this does: a quarter of it is left for all else.
  const size_t limit = vm.heap().heap_limit();
  bool truncated = false;
  const PassingText printed(Print(vm, args[0], mode, limit - limit / 4, &truncated));
  if (vm.ended()) return kException;
  if (truncated) return vm.OutOfMemory(who, limit);
  return WriteToPort(vm, who, port, printed.text);
}

Value Write(Vm& vm, Value* args, uint32_t argc) { return WriteDatum(vm, "write", PrintMode::kWrite, args, argc); }
Value Display(Vm& vm, Value* args, uint32_t argc) { return WriteDatum(vm, "display", PrintMode::kDisplay, args, argc); }
Value WriteShared(Vm& vm, Value* args, uint32_t argc) {
  return WriteDatum(vm, "write-shared", PrintMode::kWriteShared, args, argc);
}
Value WriteSimple(Vm& vm, Value* args, uint32_t argc) {
  return WriteDatum(vm, "write-simple", PrintMode::kWriteSimple, args, argc);
}

Value Newline(Vm& vm, Value* args, uint32_t argc) {
  const Value port = OutputArgument(vm, "newline", args, argc, 0);
  return port == kException ? kException : WriteToPort(vm, "newline", port, "\n");
}

Value WriteChar(Vm& vm, Value* args, uint32_t argc) {
  if (!args[0].IsChar()) return vm.WrongType("write-char", 1, "a character", args[0]);
  const Value port = OutputArgument(vm, "write-char", args, argc, 1);
  if (port == kException) return kException;
  std::string text;
  AppendUtf8(&text, args[0].character());
  return WriteToPort(vm, "write-char", port, text);
}

Value WriteString(Vm& vm, Value* args, uint32_t argc) {
  constexpr const char* kWho = "write-string";
  const String* string = vm.heap().TryGet<String>(args[0]);
  if (string == nullptr) return vm.WrongType(kWho, 1, "a string", args[0]);
  const Value port = OutputArgument(vm, kWho, args, argc, 1);
  Range range;
  if (port == kException || !CheckRange(vm, kWho, args, argc, 2, string->length, &range)) {
    return kException;
  }
  const PassingText utf8(ToUtf8(vm.heap(), args[0], range.start, range.end));
  if (vm.ended()) return kException;
  return WriteToPort(vm, kWho, port, utf8.text);
}

Value WriteU8(Vm& vm, Value* args, uint32_t argc) {
  uint8_t byte;
  if (!CheckByte(vm, "write-u8", args, 0, &byte)) return kException;
  const Value port = OutputArgument(vm, "write-u8", args, argc, 1, kBinaryOutput);
  if (port == kException) return kException;
  return WriteToPort(vm, "write-u8", port, absl::string_view(reinterpret_cast<const char*>(&byte), 1));
}

Value WriteBytevector(Vm& vm, Value* args, uint32_t argc) {
  constexpr const char* kWho = "write-bytevector";
  const Bytevector* bytes = vm.heap().TryGet<Bytevector>(args[0]);
  if (bytes == nullptr) return vm.WrongType(kWho, 1, "a bytevector", args[0]);
  const Value port = OutputArgument(vm, kWho, args, argc, 1, kBinaryOutput);
  Range range;
  if (port == kException || !CheckRange(vm, kWho, args, argc, 2, bytes->length, &range)) {
    return kException;
  }
  PassingText copy;
  copy.text.reserve(range.size());
  if (!InParts(range.start, range.end, kBytesPerStep, [&](uint64_t begin, uint64_t end) {
        copy.text.append(reinterpret_cast<const char*>(bytes->bytes) + begin, end - begin);
      })) {
    return kException;
  }
  return WriteToPort(vm, kWho, port, copy.text);
}

Value FlushOutputPort(Vm& vm, Value* args, uint32_t argc) {
  constexpr const char* kWho = "flush-output-port";
  const Value port = OutputArgument(vm, kWho, args, argc, 0, kOutputPortFlag);
  if (port == kException) return kException;
  PortTable& table = PortTableOf(vm);
  const PortHandle handle = HandleOf(vm.heap(), port);
  absl::Status status;
  if (handle.IsStandard()) {
    status = table.FlushStreams();
  } else if (Stream* stream = table.Find(handle)) {
    status = table.Flush(*stream);
  }
  if (status.ok()) return kUnspecified;
  return RaiseFileStatus(vm, kWho, status, vm.heap().Cons(port, kNull));
}

constexpr PrimitiveSpec kPrimitives[] = {
    {"write", Interruptible<Write>, 1, 2},
    {"display", Interruptible<Display>, 1, 2},
    {"write-shared", Interruptible<WriteShared>, 1, 2},
    {"write-simple", Interruptible<WriteSimple>, 1, 2},
    {"newline", Interruptible<Newline>, 0, 1},
    {"write-char", Interruptible<WriteChar>, 1, 2},
    {"write-string", Interruptible<WriteString>, 1, 4},
    {"write-u8", WriteU8, 1, 2},
    {"write-bytevector", Interruptible<WriteBytevector>, 1, 4},
    {"flush-output-port", FlushOutputPort, 0, 1},
};

}  // namespace

absl::Span<const PrimitiveSpec> OutputPrimitives() { return kPrimitives; }

}  // namespace islet::vm
