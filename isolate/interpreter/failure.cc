#include "isolate/interpreter/failure.h"

#include <algorithm>
#include <atomic>
#include <utility>
#include <vector>

#include "absl/strings/cord.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "isolate/interpreter/embedder.h"
#include "isolate/interpreter/vm.h"

namespace islet::vm {
namespace {

using Payloads = Failure::Payloads;

// ---- Payloads of our own. The mark is the kind and the number, "condition 17"; it does not leave the outermost run.
// The others do: their types and bytes are what hosts see that print a Status.
constexpr absl::string_view kOwn = "islet/";
constexpr char kMark[] = "islet/failure";
constexpr char kLimit[] = "islet/limit";
constexpr char kExit[] = "islet/exit-status";
constexpr char kHostError[] = "islet/host-error";  // code and kind, "1404 http"
constexpr char kIrritants[] = "islet/irritants";   // a number

constexpr absl::string_view kKindNames[] = {"outside", "condition", "termination"};

Payloads PayloadsOf(const absl::Status& status) {
  Payloads payloads;
  status.ForEachPayload([&payloads](absl::string_view type, const absl::Cord& payload) {
    if (!absl::StartsWith(type, kOwn)) payloads.emplace_back(std::string(type), std::string(payload));
  });
  return payloads;
}

void SetPayload(absl::Status* status, const char* type, absl::string_view bytes) {
  status->SetPayload(type, absl::Cord(bytes));
}

// Empty if there is none.
std::string PayloadOf(const absl::Status& status, const char* type) {
  const absl::optional<absl::Cord> payload = status.GetPayload(type);
  return payload.has_value() ? std::string(*payload) : std::string();
}

struct Mark {
  Failure::Kind kind = Failure::Kind::kOutside;
  uint64_t number = 0;
};

Mark MarkOf(const absl::Status& status) {
  const std::string bytes = PayloadOf(status, kMark);
  const std::pair<absl::string_view, absl::string_view> parts = absl::StrSplit(bytes, absl::MaxSplits(' ', 1));
  Mark mark;
  for (size_t i = 0; i < std::size(kKindNames); ++i) {
    if (parts.first == kKindNames[i] && absl::SimpleAtoi(parts.second, &mark.number)) {
      mark.kind = static_cast<Failure::Kind>(i);
    }
  }
  return mark;
}

// Of a failure of the host's own. False: it is another's.
bool HostErrorOf(const absl::Status& status, int* code, std::string* kind) {
  const std::string bytes = PayloadOf(status, kHostError);
  const std::pair<absl::string_view, absl::string_view> parts = absl::StrSplit(bytes, absl::MaxSplits(' ', 1));
  int number;
  if (!absl::SimpleAtoi(parts.first, &number) || number < kFirstHostCode || number > kLastHostCode) return false;
  *code = number;
  *kind = std::string(parts.second);
  return true;
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

// ---- Text

std::string FrameLine(const BacktraceFrame& frame) {
  const std::string place = frame.place.ToString();
  return place.empty() ? absl::StrCat("  at ", frame.procedure)
                       : absl::StrCat("  at ", frame.procedure, " (", place, ")");
}

std::vector<std::string> BacktraceLines(absl::Span<const BacktraceFrame> frames) {
  std::vector<std::string> lines;
  int repeats = 0;
  const auto end_repeats = [&] {
    if (repeats > 0) {
      lines.push_back(absl::StrCat("  ... the same ", repeats, repeats == 1 ? " more time" : " more times"));
    }
    repeats = 0;
  };
  std::string last;
  for (const BacktraceFrame& frame : frames) {
    std::string line = FrameLine(frame);
    if (line == last) {
      ++repeats;
      continue;
    }
    end_repeats();
    lines.push_back(line);
    last = std::move(line);
  }
  end_repeats();
  return lines;
}

bool Failure::TellsTopLevel() const {
  if (top_level.known()) return true;
  if (frames.empty() || frames.back().procedure != kTopLevelName) return false;
  // One that repeats the frame before it has no line of its own.
  return frames.size() == 1 || FrameLine(frames.back()) != FrameLine(frames[frames.size() - 2]);
}

std::string Failure::Text() const {
  std::string text = place.known() ? absl::StrCat(place.ToString(), ": ", message) : message;
  for (const std::string& line : BacktraceLines(frames)) absl::StrAppend(&text, "\n", line);
  if (top_level.known()) absl::StrAppend(&text, "\n", FrameLine({kTopLevelName, top_level}));
  if (!remark.empty()) absl::StrAppend(&text, "\n  ", remark);
  return text;
}

// ---- Status

absl::Status Failure::ToStatus() const {
  absl::Status status(code, Text());
  for (const auto& [type, bytes] : payloads) status.SetPayload(type, absl::Cord(absl::string_view(bytes)));
  if (limit != Limit::kNone) SetPayload(&status, kLimit, LimitName(limit));
  if (exit_status >= 0) SetPayload(&status, kExit, absl::StrCat(exit_status));
  if (host_code != 0) SetPayload(&status, kHostError, absl::StrCat(host_code, " ", condition));
  if (number != 0) SetPayload(&status, kMark, absl::StrCat(kKindNames[static_cast<int>(kind)], " ", number));
  return status;
}

Failure Failure::FromStatus(const absl::Status& status) {
  const Mark mark = MarkOf(status);
  Failure failure;
  failure.kind = mark.kind;
  failure.number = mark.number;
  failure.code = status.code();
  failure.message = std::string(status.message());
  failure.limit = LimitReached(status);
  failure.exit_status = ExitStatus(status);
  HostErrorOf(status, &failure.host_code, &failure.condition);
  failure.payloads = PayloadsOf(status);
  return failure;
}

Failure::Kind KindOf(const absl::Status& status) { return MarkOf(status).kind; }

uint64_t FailureNumber(const absl::Status& status) { return MarkOf(status).number; }

uint64_t NextFailureNumber() {
  static std::atomic<uint64_t> latest{0};
  return latest.fetch_add(1, std::memory_order_relaxed) + 1;
}

void EraseMark(absl::Status* status) { status->ErasePayload(kMark); }

Limit LimitReached(const absl::Status& status) {
  const std::string name = PayloadOf(status, kLimit);
  for (Limit limit : {Limit::kHeap, Limit::kStack, Limit::kFuel, Limit::kCpuTime, Limit::kWallTime}) {
    if (name == LimitName(limit)) return limit;
  }
  return Limit::kNone;
}

int ExitStatus(const absl::Status& status) {
  int code;
  return absl::SimpleAtoi(PayloadOf(status, kExit), &code) ? code : -1;
}

bool CanBeHandled(const absl::Status& status) {
  return KindOf(status) == Failure::Kind::kCondition || status.code() == absl::StatusCode::kUnknown ||
         status.code() == absl::StatusCode::kInvalidArgument;
}

// ---- Conditions

absl::Status HostErrorStatus(absl::string_view kind, int code, absl::string_view message) {
  absl::Status status(absl::StatusCode::kUnknown, message);
  SetPayload(&status, kHostError, absl::StrCat(code, " ", kind));
  return status;
}

void SetIrritantsNumber(absl::Status* status, uint64_t number) { SetPayload(status, kIrritants, absl::StrCat(number)); }

uint64_t IrritantsNumber(const absl::Status& status) {
  uint64_t number;
  return absl::SimpleAtoi(PayloadOf(status, kIrritants), &number) ? number : 0;
}

int HostCode(const absl::Status& status) {
  int code = 0;
  std::string kind;
  return HostErrorOf(status, &code, &kind) ? code : 0;
}

Value RaiseHostStatus(Vm& vm, absl::string_view who, const absl::Status& status, const Value& irritants) {
  Heap& heap = vm.heap();
  std::string message(status.message());
  std::string kind = "host";
  int code = static_cast<int>(status.code());
  (void)HostErrorOf(status, &code, &kind);
  Payloads payloads = PayloadsOf(status);
  MakeRoom(heap, &message, &payloads);
  // No safepoint from here on.
  const Value condition = vm.MakeCondition(kind, who, message, irritants);
  const Value parts = heap.MakeVector(static_cast<uint32_t>(1 + 2 * payloads.size()), kFalse);
  const auto set = [&](size_t i, Value v) { heap.Get<Vector>(parts)->items[i] = v; };
  set(0, Value::Fixnum(code));
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

Value RaiseFileStatus(Vm& vm, absl::string_view who, const absl::Status& status, Value irritants) {
  const absl::string_view message = status.message();
  const Value condition = vm.MakeCondition("file", who, message, irritants);
  // Other codes would tell the host something about its isolate: FailedPrecondition, that it has not entered it.
  if (absl::IsNotFound(status) || absl::IsPermissionDenied(status)) {
    const Value parts = vm.heap().MakeVector(1, Value::Fixnum(static_cast<int32_t>(status.code())));
    vm.heap().Get<Condition>(condition)->payload = parts;
  }
  return vm.Raise(condition);
}

int HostCodeOf(const Heap& heap, Value object) {
  const Condition* const condition = heap.TryGet<Condition>(object);
  const Vector* const parts = condition == nullptr ? nullptr : heap.TryGet<Vector>(condition->payload);
  if (parts == nullptr || parts->length == 0 || !parts->items[0].IsFixnum()) return 0;
  const int code = parts->items[0].fixnum();
  return code >= kFirstHostCode ? code : 0;
}

namespace {

// Gives `failure` the code of an object that nothing has handled, and what a host's Status had.
void SetCode(Vm& vm, Value object, Failure* failure) {
  Heap& heap = vm.heap();
  failure->code = absl::StatusCode::kUnknown;
  const Condition* const condition = heap.TryGet<Condition>(object);
  if (condition == nullptr) return;
  failure->host_code = HostCodeOf(heap, object);
  if (failure->host_code == 0) {
    const std::string kind = vm.SymbolName(condition->kind);
    if (kind == "syntax" || kind == "read") failure->code = absl::StatusCode::kInvalidArgument;
    if (kind == "permission") failure->code = absl::StatusCode::kPermissionDenied;
    if (failure->code != absl::StatusCode::kUnknown) return;
  }
  const Vector* const parts = heap.TryGet<Vector>(condition->payload);
  if (parts == nullptr || parts->length == 0 || !parts->items[0].IsFixnum() || parts->items[0].fixnum() == 0) return;
  if (failure->host_code == 0) failure->code = static_cast<absl::StatusCode>(parts->items[0].fixnum());
  for (uint32_t i = 1; i + 1 < parts->length; i += 2) {
    const Bytevector* const bytes = heap.TryGet<Bytevector>(parts->items[i + 1]);
    if (bytes == nullptr || !heap.Is<String>(parts->items[i])) continue;
    failure->payloads.emplace_back(vm.ToUtf8(parts->items[i]),
                                   std::string(reinterpret_cast<const char*>(bytes->bytes), bytes->length));
  }
}

}  // namespace

Failure FailureOfUncaught(Vm& vm, Value object, Value backtrace) {
  Failure failure;
  if (vm.embedder() != nullptr) {
    failure = vm.embedder()->Describe(object, backtrace);
  } else {
    failure.message = "uncaught exception";
  }
  failure.kind = Failure::Kind::kCondition;
  SetCode(vm, object, &failure);
  return failure;
}

}  // namespace islet::vm
