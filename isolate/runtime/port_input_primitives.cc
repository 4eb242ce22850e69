// R7RS 6.13.2: input.

#include <algorithm>
#include <cstring>
#include <string>

#include "isolate/data/string.h"
#include "isolate/heap/scratch.h"
#include "isolate/heap/slot_root.h"
#include "isolate/ports/port.h"
#include "isolate/ports/port_input.h"
#include "isolate/reader/reader.h"
#include "isolate/runtime/arguments.h"
#include "isolate/runtime/port_primitives.h"
#include "isolate/runtime/text.h"

namespace islet::vm {

namespace {

using Outcome = PortInput::Outcome;

constexpr uint32_t kTextualInput = kInputPortFlag | kTextualPortFlag;
constexpr uint32_t kBinaryInput = kInputPortFlag | kBinaryPortFlag;

// The value that a primitive returns for an outcome other than kOk.
Value ResultOf(Outcome outcome) { return outcome == Outcome::kEnd ? kEof : kException; }

Value NextCharacter(Vm& vm, const char* who, Value* args, uint32_t argc, bool consume) {
  const Value port = PortArgument(vm, who, args, argc, 0, StandardPort::kInput, kTextualInput);
  if (port == kException) return kException;
  if (const int ascii = NextPlainAscii(vm.heap(), port, consume); ascii >= 0) {
    return Value::Char(static_cast<uint32_t>(ascii));
  }
  PortInput input(vm, who, port);
  uint32_t c;
  size_t length;
  if (const Outcome outcome = input.Peek(&c, &length); outcome != Outcome::kOk) return ResultOf(outcome);
  if (consume) input.Consume(length);
  return Value::Char(c);
}

Value ReadChar(Vm& vm, Value* args, uint32_t argc) { return NextCharacter(vm, "read-char", args, argc, true); }
Value PeekChar(Vm& vm, Value* args, uint32_t argc) { return NextCharacter(vm, "peek-char", args, argc, false); }

Value NextByte(Vm& vm, const char* who, Value* args, uint32_t argc, bool consume) {
  const Value port = PortArgument(vm, who, args, argc, 0, StandardPort::kInput, kBinaryInput);
  if (port == kException) return kException;
  PortInput input(vm, who, port);
  if (input.Available().empty()) {
    if (const Outcome outcome = input.Fill(); outcome != Outcome::kOk) return ResultOf(outcome);
  }
  const uint8_t byte = static_cast<uint8_t>(input.Available()[0]);
  if (consume) input.Consume(1);
  return Value::Fixnum(byte);
}

Value ReadU8(Vm& vm, Value* args, uint32_t argc) { return NextByte(vm, "read-u8", args, argc, true); }
Value PeekU8(Vm& vm, Value* args, uint32_t argc) { return NextByte(vm, "peek-u8", args, argc, false); }

Value IsReady(Vm& vm, const char* who, Value* args, uint32_t argc, uint32_t flags) {
  const Value port = PortArgument(vm, who, args, argc, 0, StandardPort::kInput, flags);
  if (port == kException) return kException;
  return Value::Boolean(PortInput(vm, who, port).Ready());
}

Value IsCharReady(Vm& vm, Value* args, uint32_t argc) { return IsReady(vm, "char-ready?", args, argc, kTextualInput); }
Value IsU8Ready(Vm& vm, Value* args, uint32_t argc) { return IsReady(vm, "u8-ready?", args, argc, kBinaryInput); }

// Bytes of a port that are worked on between two polls.
constexpr size_t kPart = kPollSteps * kBytesPerStep;

Value ReadLine(Vm& vm, Value* args, uint32_t argc) {
  constexpr const char* kWho = "read-line";
  const Value port = PortArgument(vm, kWho, args, argc, 0, StandardPort::kInput, kTextualInput);
  if (port == kException) return kException;
  PortInput input(vm, kWho, port);
  GatheredBytes line;
  bool any = false;
  while (true) {
    const absl::string_view bytes = input.Available().substr(0, kPart);
    if (bytes.empty()) {
      const Outcome outcome = input.Fill();
      if (outcome == Outcome::kRaised) return kException;
      if (outcome == Outcome::kEnd) break;
      continue;
    }
    any = true;
    const size_t end = bytes.find_first_of("\r\n");
    line.Append(bytes.substr(0, end));
    if (line.size() > vm.heap().heap_limit()) return vm.OutOfMemory(kWho, line.size());
    if (end == absl::string_view::npos) {
      input.Consume(bytes.size());
      if (!Poll(bytes.size() / kBytesPerStep + 1)) return kException;
      continue;
    }
    const bool cr = bytes[end] == '\r';
    input.Consume(end + 1);
    if (cr) {
      if (input.Available().empty() && input.Fill() == Outcome::kRaised) return kException;
      if (!input.Available().empty() && input.Available()[0] == '\n') input.Consume(1);
    }
    break;
  }
  if (!any) return kEof;
  bool valid = true;
  line.ForEachPart([&valid](absl::string_view part) { valid = valid && IsValidUtf8(part); });
  if (!valid) {
    input.RaiseInvalid();
    return kException;
  }
  return StringResult(vm, kWho, line);
}

// Length in bytes of the first at most *count whole characters of `bytes`, which *count is reduced
// by. Stops in front of what is not one.
size_t TakeCharacters(absl::string_view bytes, uint32_t* count) {
  const char* p = bytes.data();
  const char* const end = p + bytes.size();
  StepCounter steps;
  while (p < end && *count > 0 && steps.Add(1)) {
    const char* next = p;
    if (DecodeUtf8(&next, end) == kInvalidChar) break;
    p = next;
    --*count;
  }
  return static_cast<size_t>(p - bytes.data());
}

Value ReadString(Vm& vm, Value* args, uint32_t argc) {
  constexpr const char* kWho = "read-string";
  uint32_t count;
  if (!CheckCount(vm, kWho, args, 0, &count)) return kException;
  const Value port = PortArgument(vm, kWho, args, argc, 1, StandardPort::kInput, kTextualInput);
  if (port == kException) return kException;
  PortInput input(vm, kWho, port);
  GatheredBytes text;
  const bool any_wanted = count > 0;
  while (count > 0) {
    if (vm.ended()) return kException;
    // Peek waits for a whole character, and raises where there is none.
    uint32_t c;
    size_t length;
    const Outcome outcome = input.Peek(&c, &length);
    if (outcome == Outcome::kRaised) return kException;
    if (outcome == Outcome::kEnd) break;
    const absl::string_view bytes = input.Available().substr(0, kPart);
    const size_t taken = TakeCharacters(bytes, &count);
    text.Append(bytes.substr(0, taken));
    if (text.size() > vm.heap().heap_limit()) return vm.OutOfMemory(kWho, text.size());
    input.Consume(taken);
  }
  if (text.empty() && any_wanted) return kEof;
  return StringResult(vm, kWho, text);
}

// Appends at most `count` bytes of the port to `bytes`. False after raising, or if the run is being
// ended.
bool ReadBytes(Vm& vm, const char* who, PortInput& input, size_t count, GatheredBytes* bytes) {
  while (bytes->size() < count) {
    const absl::string_view available = input.Available();
    if (available.empty()) {
      const Outcome outcome = input.Fill();
      if (outcome == Outcome::kRaised) return false;
      if (outcome == Outcome::kEnd) return true;
      continue;
    }
    const size_t taken = std::min({count - bytes->size(), available.size(), kPart});
    bytes->Append(available.substr(0, taken));
    input.Consume(taken);
    if (taken == kPart && !Poll(kPollSteps)) return false;
    if (bytes->size() > vm.heap().heap_limit()) {
      vm.OutOfMemory(who, bytes->size());
      return false;
    }
  }
  return true;
}

Value ReadBytevector(Vm& vm, Value* args, uint32_t argc) {
  constexpr const char* kWho = "read-bytevector";
  uint32_t count;
  if (!CheckCount(vm, kWho, args, 0, &count)) return kException;
  const Value port = PortArgument(vm, kWho, args, argc, 1, StandardPort::kInput, kBinaryInput);
  if (port == kException) return kException;
  PortInput input(vm, kWho, port);
  GatheredBytes bytes;
  if (!ReadBytes(vm, kWho, input, count, &bytes)) return kException;
  if (bytes.empty() && count > 0) return kEof;
  return BytevectorResult(vm, kWho, bytes);
}

Value ReadBytevectorInto(Vm& vm, Value* args, uint32_t argc) {
  constexpr const char* kWho = "read-bytevector!";
  Heap& heap = vm.heap();
  if (!CheckBytevector(vm, kWho, args, 0) || !CheckMutable(vm, kWho, args[0])) return kException;
  Bytevector* target = heap.Get<Bytevector>(args[0]);
  const Value port = PortArgument(vm, kWho, args, argc, 1, StandardPort::kInput, kBinaryInput);
  if (port == kException) return kException;
  Range range;
  if (!CheckRange(vm, kWho, args, argc, 2, target->length, &range)) return kException;
  PortInput input(vm, kWho, port);
  GatheredBytes bytes;
  if (!ReadBytes(vm, kWho, input, range.size(), &bytes)) return kException;
  if (bytes.empty() && range.size() > 0) return kEof;
  uint8_t* to = target->bytes + range.start;
  heap.NoteRawWrite(to, bytes.size());
  bytes.ForEachPart([&to](absl::string_view part) {
    CopyBytes(to, part.data(), part.size());
    to += part.size();
  });
  return Value::Fixnum(static_cast<int32_t>(bytes.size()));
}

// ---- read

// Feeds the reader from a port: a stream's buffer as it stands, a buffer in the heap, which may
// move, by copies.
struct ReaderFeed {
  PortInput* input;
  PassingText copy;
  bool raised = false;

  static bool Refill(void* context, absl::string_view* text) {
    auto* feed = static_cast<ReaderFeed*>(context);
    PortInput& input = *feed->input;
    if (!input.in_heap()) {
      const Outcome outcome = input.Fill();
      feed->raised = outcome == Outcome::kRaised;
      *text = input.Available();
      return outcome == Outcome::kOk;
    }
    constexpr size_t kFirstCopy = 256;
    const absl::string_view available = input.Available();
    const size_t old_size = feed->copy.text.size();
    if (old_size >= kPart) feed->copy.text.reserve(available.size());  // moving it takes long
    const size_t more = std::min(std::clamp(old_size, kFirstCopy, kPart), available.size() - old_size);
    feed->copy.text.append(available.data() + old_size, more);
    *text = feed->copy.text;
    return more > 0;
  }
};

Value Read(Vm& vm, Value* args, uint32_t argc) {
  constexpr const char* kWho = "read";
  Heap& heap = vm.heap();
  const Value port = PortArgument(vm, kWho, args, argc, 0, StandardPort::kInput, kTextualInput);
  if (port == kException) return kException;
  PortInput input(vm, kWho, port);
  const SlotRoot root(heap, input.port_slot());
  ReaderFeed feed{&input, {}, false};
  SyntaxArena arena(&heap);
  ReaderOptions options;
  options.immutable_literals = false;
  options.fold_case = (HeaderFlags(heap.header(port)) & kFoldCasePortFlag) != 0;
  // Nothing here recurses, but the reader keeps about 100 bytes for each datum that is open.
  options.max_depth = heap.heap_limit() / 128;
  options.max_arena_bytes = heap.heap_limit() * 4;
  options.first_line = input.line();
  options.first_column = input.column();
  options.refill = &ReaderFeed::Refill;
  options.refill_context = &feed;
  const Value name = heap.Get<Port>(port)->name;
  const std::string file = heap.Is<String>(name) ? ToUtf8(heap, name) : "";
  Reader reader(vm, arena, input.in_heap() ? absl::string_view() : input.Available(), file, options);
  Syntax* datum = nullptr;
  const Reader::Result result = reader.ReadNext(&datum);
  input.Skip(reader.offset());
  input.SetPlace(reader.line(), reader.column());
  SetPortFlag(heap, input.port(), kFoldCasePortFlag, reader.fold_case());
  if (feed.raised) return kException;
  if (result == Reader::Result::kEnd) return kEof;
  if (result == Reader::Result::kDatum) {
    const Value read = SyntaxToDatum(vm, datum, /*immutable=*/false);
    return read == kUndefined ? vm.OutOfMemory(kWho, heap.heap_limit()) : read;
  }
  const ReadError& error = reader.error();
  const Value condition = vm.MakeCondition("read", kWho, error.message, kNull);
  heap.Get<Condition>(condition)->position = PlaceToValue(heap, file, error.position.line, error.position.column);
  return vm.Raise(condition);
}

Value EofObject(Vm&, Value*, uint32_t) { return kEof; }
Value IsEofObject(Vm&, Value* args, uint32_t) { return Value::Boolean(args[0] == kEof); }

constexpr PrimitiveSpec kPrimitives[] = {
    {"read-char", ReadChar, 0, 1},
    {"peek-char", PeekChar, 0, 1},
    {"char-ready?", IsCharReady, 0, 1},
    {"read-line", Interruptible<ReadLine>, 0, 1},
    {"read-string", Interruptible<ReadString>, 1, 2},
    {"read-u8", ReadU8, 0, 1},
    {"peek-u8", PeekU8, 0, 1},
    {"u8-ready?", IsU8Ready, 0, 1},
    {"read-bytevector", Interruptible<ReadBytevector>, 1, 2},
    {"read-bytevector!", Interruptible<ReadBytevectorInto>, 1, 4},
    {"read", Interruptible<Read>, 0, 1},
    {"eof-object", EofObject, 0, 0},
    {"eof-object?", IsEofObject, 1, 1},
};

}  // namespace

absl::Span<const PrimitiveSpec> InputPrimitives() { return kPrimitives; }

}  // namespace islet::vm
