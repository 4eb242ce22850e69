#include "isolate/runtime/port.h"

#include <algorithm>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "isolate/data/string.h"
#include "isolate/heap/poll.h"
#include "isolate/interpreter/place.h"
#include "isolate/runtime/grants.h"

namespace islet::vm {

namespace {

constexpr uint32_t kFirstBuffer = 120;                       // bytes of an output port's first buffer
constexpr uint64_t kLargestBuffer = Value::kFixnumMax & ~7;  // positions in it are fixnums

PortHandle HandleOf(const Heap& heap, Value port) { return HandleOf(*heap.Get<Port>(port)); }

// Sequence length by the first byte; 1 for what cannot be one.
size_t SequenceLength(uint8_t first) {
  return first < 0xc2 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 1;
}

// A root for as long as it is in scope.
class ScopedRoot : public RootSource {
 public:
  ScopedRoot(Heap& heap, Value v) : value(v), heap_(heap) { heap_.AddRoots(this); }
  ~ScopedRoot() override { heap_.RemoveRoots(this); }
  void VisitRoots(Visit visit, void* context) override { visit(&value, context); }
  Value value;

 private:
  Heap& heap_;
};

Value RaiseStatus(Vm& vm, const char* who, Value port, const absl::Status& status) {
  Heap& heap = vm.heap();
  const Value name = heap.Get<Port>(port)->name;
  return RaiseFileStatus(vm, who, status, heap.Is<String>(name) ? heap.Cons(name, kNull) : kNull);
}

Value WriteToHeap(Vm& vm, const char* who, Value port_value, absl::string_view bytes) {
  Heap& heap = vm.heap();
  ScopedRoot root(heap, port_value);
  Port* port = heap.Get<Port>(port_value);
  const uint64_t position = static_cast<uint64_t>(port->position.fixnum());
  const uint64_t needed = position + bytes.size();
  if (needed > kLargestBuffer) return vm.OutOfMemory(who, needed);
  const Bytevector* old = heap.TryGet<Bytevector>(port->buffer);
  if (old == nullptr || needed > old->length) {
    uint64_t capacity = std::max<uint64_t>(needed, old == nullptr ? kFirstBuffer : uint64_t{old->length} * 2);
    capacity = std::min((capacity + 7) & ~uint64_t{7}, kLargestBuffer);
    if (capacity > Heap::kSlack / 4) {
      if (!heap.Reserve(capacity + 64)) return vm.OutOfMemory(who, capacity);
      port = heap.Get<Port>(root.value);
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
  for (Value rest = vm.parameters; rest.IsPair() && steps.Add(1); rest = heap.cdr(rest)) {
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
    constexpr size_t kHeldBack = 64 << 10;
    stream->buffer.append(bytes.data(), bytes.size());
    if (stream->buffer.size() >= kHeldBack) status = table.WriteOut(*stream);
  } else {
    status = absl::FailedPreconditionError("the port's file is not open");
  }
  return status.ok() ? kUnspecified : RaiseStatus(vm, who, port, status);
}

// ---- PortInput

int NextPlainAscii(Heap& heap, Value v, bool consume) {
  Port* port = heap.Get<Port>(v);
  const Bytevector* buffer = heap.TryGet<Bytevector>(port->buffer);
  if (!HandleOf(heap, v).IsHeap() || buffer == nullptr) return -1;
  const uint32_t position = static_cast<uint32_t>(port->position.fixnum());
  if (position >= static_cast<uint32_t>(port->limit.fixnum()) || position >= buffer->length) return -1;
  const uint8_t c = buffer->bytes[position];
  if (c >= 0x80 || c == '\n' || port->column.fixnum() == Value::kFixnumMax) return -1;
  if (consume) {
    heap.Write(&port->position, Value::Fixnum(static_cast<int32_t>(position + 1)));
    heap.Write(&port->column, Value::Fixnum(port->column.fixnum() + 1));
  }
  return c;
}

PortInput::PortInput(Vm& vm, const char* who, Value port)
    : vm_(vm),
      heap_(vm.heap()),
      who_(who),
      port_(port),
      stream_(HandleOf(vm.heap(), port).IsHeap() ? nullptr : PortTableOf(vm).Find(HandleOf(vm.heap(), port))) {}

absl::string_view PortInput::Available() const {
  if (stream_ != nullptr) return absl::string_view(stream_->buffer).substr(stream_->position);
  const Port* port = heap_.Get<Port>(port_);
  const Bytevector* buffer = heap_.TryGet<Bytevector>(port->buffer);
  if (buffer == nullptr) return {};
  const uint32_t limit = std::min<uint32_t>(static_cast<uint32_t>(port->limit.fixnum()), buffer->length);
  const uint32_t position = std::min(static_cast<uint32_t>(port->position.fixnum()), limit);
  return absl::string_view(reinterpret_cast<const char*>(buffer->bytes) + position, limit - position);
}

PortInput::Outcome PortInput::Fill() {
  if (stream_ == nullptr) return Outcome::kEnd;
  PortTable& table = PortTableOf(vm_);
  if (stream_->file == nullptr && !table.has_streams()) {
    RaiseNotGranted(vm_, who_, Capability::kStandardInput, heap_.Get<Port>(port_)->name);
    return Outcome::kRaised;
  }
  const absl::StatusOr<bool> more = table.Fill(*stream_);
  if (!more.ok()) {
    RaiseStatus(vm_, who_, port_, more.status());
    return Outcome::kRaised;
  }
  return *more ? Outcome::kOk : Outcome::kEnd;
}

uint32_t PortInput::line() const {
  return stream_ != nullptr ? stream_->line : static_cast<uint32_t>(heap_.Get<Port>(port_)->line.fixnum());
}

uint32_t PortInput::column() const {
  return stream_ != nullptr ? stream_->column : static_cast<uint32_t>(heap_.Get<Port>(port_)->column.fixnum());
}

void PortInput::SetPlace(uint32_t line, uint32_t column) {
  if (stream_ != nullptr) {
    stream_->line = line;
    stream_->column = column;
    return;
  }
  Port* port = heap_.Get<Port>(port_);
  constexpr uint32_t kMost = Value::kFixnumMax;
  const Value new_line = Value::Fixnum(static_cast<int32_t>(std::min(line, kMost)));
  const Value new_column = Value::Fixnum(static_cast<int32_t>(std::min(column, kMost)));
  if (port->line != new_line) heap_.Write(&port->line, new_line);
  if (port->column != new_column) heap_.Write(&port->column, new_column);
}

void PortInput::Consume(size_t count) {
  if (HeaderFlags(heap_.header(port_)) & kTextualPortFlag) {
    uint32_t line_now = line();
    uint32_t column_now = column();
    for (const char c : Available().substr(0, count)) {
      if (c == '\n') {
        ++line_now;
        column_now = 1;
      } else if ((static_cast<uint8_t>(c) & 0xc0) != 0x80) {
        ++column_now;
      }
    }
    SetPlace(line_now, column_now);
  }
  Skip(count);
}

void PortInput::Skip(size_t count) {
  if (stream_ != nullptr) {
    stream_->position += count;
    return;
  }
  Port* port = heap_.Get<Port>(port_);
  heap_.Write(&port->position, Value::Fixnum(port->position.fixnum() + static_cast<int32_t>(count)));
}

PortInput::Outcome PortInput::RaiseInvalid() {
  const Value condition = vm_.MakeCondition("read", who_, "the input is not valid UTF-8", heap_.Cons(port_, kNull));
  const Value name = heap_.Get<Port>(port_)->name;
  heap_.Get<Condition>(condition)->position =
      PlaceToValue(heap_, heap_.Is<String>(name) ? ToUtf8(heap_, name) : "", line(), column());
  vm_.Raise(condition);
  return Outcome::kRaised;
}

PortInput::Outcome PortInput::Peek(uint32_t* c, size_t* length) {
  absl::string_view bytes = Available();
  size_t needed = bytes.empty() ? 1 : SequenceLength(static_cast<uint8_t>(bytes[0]));
  while (bytes.size() < needed) {
    const Outcome outcome = Fill();
    if (outcome == Outcome::kRaised) return outcome;
    bytes = Available();  // also at the end: filling may have moved what was there
    if (outcome == Outcome::kEnd) {
      if (bytes.empty()) return Outcome::kEnd;
      break;
    }
    needed = SequenceLength(static_cast<uint8_t>(bytes[0]));
  }
  const char* p = bytes.data();
  *c = DecodeUtf8(&p, bytes.data() + bytes.size());
  if (*c == kInvalidChar) return RaiseInvalid();
  *length = static_cast<size_t>(p - bytes.data());
  return Outcome::kOk;
}

bool PortInput::Ready() const {
  if (stream_ == nullptr || stream_->file != nullptr || !Available().empty()) return true;
  PortTable& table = PortTableOf(vm_);
  return !table.has_streams() || table.InputReady();
}

}  // namespace islet::vm
