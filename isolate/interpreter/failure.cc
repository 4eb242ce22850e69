#include "isolate/interpreter/failure.h"

#include <atomic>
#include <utility>
#include <vector>

#include "absl/strings/cord.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "isolate/interpreter/vm.h"

namespace islet::vm {
namespace {

// Of the types of all payloads of our own.
constexpr absl::string_view kOwn = "islet/";
constexpr char kCondition[] = "islet/condition";
constexpr char kTermination[] = "islet/termination";

using Payloads = std::vector<std::pair<std::string, std::string>>;

Payloads PayloadsOf(const absl::Status& status) {
  Payloads payloads;
  status.ForEachPayload([&payloads](absl::string_view type, const absl::Cord& payload) {
    if (!absl::StartsWith(type, kOwn)) payloads.emplace_back(std::string(type), std::string(payload));
  });
  return payloads;
}

// Without a character cut in two.
absl::string_view Prefix(absl::string_view utf8, size_t size) {
  if (size >= utf8.size()) return utf8;
  while (size > 0 && (static_cast<uint8_t>(utf8[size]) & 0xc0) == 0x80) --size;
  return utf8.substr(0, size);
}

// Room for message and payloads; if there is none, both become what needs none.
void MakeRoom(Heap& heap, std::string* message, Payloads* payloads) {
  constexpr size_t kSafe = Heap::kSlack / 16;
  uint64_t bytes = 4 * message->size();
  for (const auto& [type, payload] : *payloads) bytes += 4 * type.size() + payload.size() + 64;
  if (bytes <= 4 * kSafe || heap.Reserve(bytes + kSafe)) return;
  payloads->clear();
  const absl::string_view kept = Prefix(*message, kSafe);
  *message = absl::StrCat(kept, " ... (the heap limit leaves no room for the other ", message->size() - kept.size(),
                          " bytes of this message)");
}

}  // namespace

FailureMark MarkOf(const absl::Status& status) {
  if (status.GetPayload(kCondition).has_value()) return FailureMark::kCondition;
  return status.GetPayload(kTermination).has_value() ? FailureMark::kTermination : FailureMark::kNone;
}

uint64_t FailureNumber(const absl::Status& status) {
  for (const char* type : {kCondition, kTermination}) {
    const absl::optional<absl::Cord> number = status.GetPayload(type);
    uint64_t n = 0;
    if (number.has_value() && absl::SimpleAtoi(std::string(*number), &n)) return n;
  }
  return 0;
}

uint64_t MarkFailure(FailureMark mark, absl::Status* status) {
  static std::atomic<uint64_t> latest{0};
  const uint64_t number = latest.fetch_add(1, std::memory_order_relaxed) + 1;
  EraseMark(status);
  const std::string text = absl::StrCat(number);
  status->SetPayload(mark == FailureMark::kCondition ? kCondition : kTermination, absl::Cord(absl::string_view(text)));
  return number;
}

void EraseMark(absl::Status* status) {
  status->ErasePayload(kCondition);
  status->ErasePayload(kTermination);
}

Value RaiseHostStatus(Vm& vm, std::string_view who, const absl::Status& status) {
  Heap& heap = vm.heap();
  std::string message(status.message());
  Payloads payloads = PayloadsOf(status);
  MakeRoom(heap, &message, &payloads);
  // No safepoint from here on.
  const Value condition = vm.MakeCondition("host", who, message, kNull);
  const Value parts = heap.MakeVector(static_cast<uint32_t>(1 + 2 * payloads.size()), kFalse);
  const auto set = [&](size_t i, Value v) { heap.Get<Vector>(parts)->items[i] = v; };
  set(0, Value::Fixnum(static_cast<int32_t>(status.code())));
  for (size_t i = 0; i < payloads.size(); ++i) {
    const std::string& bytes = payloads[i].second;
    const Value bytevector = heap.MakeBytevector(static_cast<uint32_t>(bytes.size()));
    std::copy(bytes.begin(), bytes.end(), heap.Get<Bytevector>(bytevector)->bytes);
    set(1 + 2 * i, vm.MakeString(payloads[i].first));
    set(2 + 2 * i, bytevector);
  }
  heap.Get<Condition>(condition)->payload = parts;
  return vm.Raise(condition);
}

Value RaiseFileStatus(Vm& vm, std::string_view who, const absl::Status& status, Value irritants) {
  const absl::string_view message = status.message();
  const Value condition = vm.MakeCondition("file", who, std::string_view(message.data(), message.size()), irritants);
  // Other codes would tell the host something about its isolate: FailedPrecondition, that it has not entered it.
  if (absl::IsNotFound(status) || absl::IsPermissionDenied(status)) {
    const Value parts = vm.heap().MakeVector(1, Value::Fixnum(static_cast<int32_t>(status.code())));
    vm.heap().Get<Condition>(condition)->payload = parts;
  }
  return vm.Raise(condition);
}

absl::Status StatusOfUncaught(Vm& vm, Value object, std::string_view message) {
  Heap& heap = vm.heap();
  const absl::string_view text(message.data(), message.size());
  const Condition* const condition = heap.TryGet<Condition>(object);
  if (condition == nullptr) return absl::UnknownError(text);
  const std::string kind = vm.SymbolName(condition->kind);
  if (kind == "syntax" || kind == "read") return absl::InvalidArgumentError(text);
  if (kind == "permission") return absl::PermissionDeniedError(text);
  const Vector* const parts = heap.TryGet<Vector>(condition->payload);
  if (parts == nullptr || parts->length == 0 || !parts->items[0].IsFixnum()) return absl::UnknownError(text);
  absl::Status status(static_cast<absl::StatusCode>(parts->items[0].fixnum()), text);
  if (status.ok()) return absl::UnknownError(text);
  for (uint32_t i = 1; i + 1 < parts->length; i += 2) {
    const Bytevector* const bytes = heap.TryGet<Bytevector>(parts->items[i + 1]);
    if (bytes == nullptr || !heap.Is<String>(parts->items[i])) continue;
    status.SetPayload(vm.ToUtf8(parts->items[i]),
                      absl::Cord(absl::string_view(reinterpret_cast<const char*>(bytes->bytes), bytes->length)));
  }
  return status;
}

}  // namespace islet::vm
