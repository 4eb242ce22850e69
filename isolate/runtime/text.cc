#include "isolate/runtime/text.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "isolate/data/string.h"
#include "isolate/heap/poll.h"
#include "isolate/runtime/arguments.h"

namespace islet::vm {

namespace {

constexpr uint64_t BytevectorBytes(uint64_t length) { return 16 + length; }

bool IsContinuation(char byte) { return (static_cast<uint8_t>(byte) & 0xc0) == 0x80; }

// A string of the size, its characters zero; kException if there is no room for it.
Value StringOfSize(Vm& vm, const char* who, const TextSize& size) {
  if (Ended()) return kException;
  if (size.length > kMaxStringLength) return vm.OutOfMemory(who, size.bytes());
  if (!ReserveFor(vm, who, size.bytes())) return kException;
  return MakeStringOfLength(vm.heap(), static_cast<uint32_t>(size.length), size.wide());
}

// A zeroed bytevector, likewise.
Value BytevectorOfSize(Vm& vm, const char* who, uint64_t size) {
  if (size > Value::kFixnumMax) return vm.OutOfMemory(who, size);
  if (!ReserveFor(vm, who, BytevectorBytes(size))) return kException;
  return vm.heap().MakeBytevector(static_cast<uint32_t>(size));
}

}  // namespace

void GatheredBytes::Append(absl::string_view bytes) {
  // Of a character that a piece would end in the midst of, the rest still belongs to it.
  constexpr size_t kLargest = kPiece + 3;
  while (!bytes.empty()) {
    if (last_.size() >= kPiece && (last_.size() == kLargest || !IsContinuation(bytes[0]))) {
      Piece piece = {NewScratch<char>(last_.size()), last_.size()};
      std::memcpy(piece.bytes.get(), last_.data(), last_.size());
      pieces_.push_back(std::move(piece));
      in_pieces_ += last_.size();
      last_.clear();
    }
    const size_t n = last_.size() < kPiece ? std::min(kPiece - last_.size(), bytes.size()) : 1;
    last_.append(bytes.data(), n);
    bytes.remove_prefix(n);
  }
}

Value StringResult(Vm& vm, const char* who, absl::string_view utf8) {
  return StringResult(vm, who, [utf8] { return utf8; });
}

Value StringResult(Vm& vm, const char* who, BytesInHeap utf8) {
  if (utf8().size() <= kNeedsNoReserve / 4) return MakeString(vm.heap(), utf8());
  TextSize size;
  size.Add(utf8());
  const Value string = StringOfSize(vm, who, size);
  if (string != kException) (void)StoreUtf8(vm.heap(), string, 0, utf8());
  return string;
}

Value StringResult(Vm& vm, const char* who, const GatheredBytes& utf8) {
  if (utf8.is_one_part()) return StringResult(vm, who, utf8.last_part());
  TextSize size;
  utf8.ForEachPart([&size](absl::string_view part) { size.Add(part); });
  const Value string = StringOfSize(vm, who, size);
  if (string == kException) return kException;
  uint32_t index = 0;
  utf8.ForEachPart([&](absl::string_view part) { index = StoreUtf8(vm.heap(), string, index, part); });
  return string;
}

Value BytevectorResult(Vm& vm, const char* who, absl::string_view bytes) {
  return BytevectorResult(vm, who, [bytes] { return bytes; });
}

Value BytevectorResult(Vm& vm, const char* who, BytesInHeap bytes) {
  const size_t size = bytes().size();
  const Value v = BytevectorOfSize(vm, who, size);
  if (v != kException) CopyBytes(vm.heap().Get<Bytevector>(v)->bytes, bytes().data(), size);
  return v;
}

Value BytevectorResult(Vm& vm, const char* who, const GatheredBytes& bytes) {
  const Value v = BytevectorOfSize(vm, who, bytes.size());
  if (v == kException) return kException;
  uint8_t* to = vm.heap().Get<Bytevector>(v)->bytes;
  bytes.ForEachPart([&to](absl::string_view part) {
    CopyBytes(to, part.data(), part.size());
    to += part.size();
  });
  return v;
}

Value EncodedResult(Vm& vm, const char* who, const Value& string, uint32_t start, uint32_t end) {
  uint64_t size;
  if (!Utf8Size(vm.heap(), string, start, end, &size)) return kException;
  const Value v = BytevectorOfSize(vm, who, size);
  if (v != kException) CopyAsUtf8(vm.heap(), string, start, end, vm.heap().Get<Bytevector>(v)->bytes);
  return v;
}

}  // namespace islet::vm
