#include "isolate/ports/port_input.h"

#include <algorithm>
#include <string>

#include "isolate/data/string.h"
#include "isolate/interpreter/place.h"
#include "isolate/ports/grants.h"
#include "isolate/ports/outside.h"
#include "isolate/ports/port.h"

namespace islet::vm {

namespace {

// Sequence length by the first byte; 1 for what cannot be one.
size_t SequenceLength(uint8_t first) {
  return first < 0xc2 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 1;
}

}  // namespace

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
    RaisePortStatus(vm_, who_, port_, more.status());
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
