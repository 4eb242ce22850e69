#include "isolate/printer/printer.h"

#include <algorithm>
#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "isolate/data/string.h"
#include "isolate/heap/object_map.h"
#include "isolate/heap/poll.h"
#include "isolate/heap/scratch.h"
#include "isolate/heap/work_stack.h"
#include "isolate/printer/atoms.h"

namespace islet::vm {

namespace {

// Text is put aside in parts of about this size: a long one is not to be moved while it grows.
constexpr size_t kTextPart = size_t{64} << 10;

// Data with at most so many parts are walked once, without a table, to see that they have no cycle.
constexpr int kSmallDatum = 256;

constexpr const char* kUnquotePrefix = ",";

class Printer {
 public:
  Printer(Vm& vm, PrintMode mode, size_t max_bytes) : vm_(vm), heap_(vm.heap()), mode_(mode), max_bytes_(max_bytes) {}

  std::string Run(Value value, bool* truncated);

 private:
  static constexpr int kUnlabelled = 0;  // labels go by their numbers plus one
  static constexpr int kUnnumbered = -1;
  using Text = std::basic_string<char, std::char_traits<char>, ScratchAllocator<char>>;
  struct Task {
    enum class Kind : uint8_t {
      kValue,      // print `value`
      kTail,       // the rest of a list, and the closing parenthesis
      kItems,      // items `index`.. of the vector or record, and the closing bracket
      kIrritants,  // the rest of a condition's irritants, and the closing bracket
      kText,
    };
    Kind kind = Kind::kText;
    Value value;
    uint32_t index = 0;
    const char* text = nullptr;
  };

  // ---- The parts of a compound datum, for finding cycles.
  bool IsCompound(Value v) const;
  uint32_t PartCount(Value v) const;
  Value Part(Value v, uint32_t i) const;
  bool IsSmallTree(Value root) const;
  void FindCycles(Value root);
  void FindSharing(Value root);

  void PrintValue(Value v);
  void PrintPair(Value v);
  void PrintTail(Value v);
  void PrintItems(const Task& task);
  void PrintIrritants(Value v);
  // The prefix of `'x` and the like, or null.
  const char* Abbreviation(Value pair) const;
  bool StartsWithAt(Value v) const;  // a symbol such as @attributes
  bool IsLabelled(Value v) const { return labels_ != nullptr && (*labels_)[v] != kUnlabelled; }
  void Label(Value v) {
    if (labels_ == nullptr) labels_ = std::make_unique<ObjectMap<int>>();
    (*labels_)[v] = kUnnumbered;
  }
  void Push(Task::Kind kind, Value v, uint32_t index = 0) { work_.push_back({kind, v, index}); }
  void PushText(const char* text) { work_.push_back({Task::Kind::kText, kNull, 0, text}); }
  // Where the next atom's text must end.
  size_t BytesLeft() const { return max_bytes_ - std::min(max_bytes_, aside_bytes_); }
  void PutAside();
  std::string WholeText();
  bool write() const { return mode_ != PrintMode::kDisplay; }

  Vm& vm_;
  Heap& heap_;
  PrintMode mode_;
  size_t max_bytes_;
  std::string out_;
  std::deque<Text> aside_;  // what comes before out_
  size_t aside_bytes_ = 0;
  WorkStack<Task> work_;
  StepCounter steps_;
  // Objects that need a label have its number plus one here, or kUnnumbered before they are printed. Null: none does.
  std::unique_ptr<ObjectMap<int>> labels_;
  int next_label_ = 0;
};

bool Printer::IsCompound(Value v) const {
  if (v.IsPair()) return true;
  if (!v.IsObject()) return false;
  const ObjectType type = heap_.type(v);
  return type == ObjectType::kVector || type == ObjectType::kRecord || type == ObjectType::kCondition;
}

uint32_t Printer::PartCount(Value v) const {
  if (v.IsPair()) return 2;
  switch (heap_.type(v)) {
    case ObjectType::kVector:
      return heap_.Get<Vector>(v)->length;
    case ObjectType::kRecord:
      return HeaderCount(heap_.header(v));
    default:
      return 1;
  }
}

Value Printer::Part(Value v, uint32_t i) const {
  if (v.IsPair()) return i == 0 ? heap_.car(v) : heap_.cdr(v);
  switch (heap_.type(v)) {
    case ObjectType::kVector:
      return heap_.Get<Vector>(v)->items[i];
    case ObjectType::kRecord:
      return heap_.Get<Record>(v)->fields[i];
    default:
      return heap_.Get<Condition>(v)->irritants;
  }
}

bool Printer::IsSmallTree(Value root) const {
  std::vector<Value> work = {root};
  int budget = kSmallDatum;
  while (!work.empty()) {
    const Value v = work.back();
    work.pop_back();
    const uint32_t count = PartCount(v);
    if (count > static_cast<uint32_t>(budget)) return false;
    budget -= static_cast<int>(count);
    for (uint32_t i = 0; i < count; ++i) {
      if (const Value part = Part(v, i); IsCompound(part)) work.push_back(part);
    }
    if (--budget < 0) return false;
  }
  return true;
}

// Depth first, in the order of printing: what is met again while its own parts are being walked
// gets a label.
void Printer::FindCycles(Value root) {
  enum Mark : uint8_t { kNew, kOpen, kDone };  // open while its parts are being walked
  const auto marks = std::make_unique<ObjectMarks>();
  struct Step {
    Value value;
    uint32_t next;
  };
  WorkStack<Step> path;
  path.push_back({root, 0});
  (*marks)[root] = kOpen;
  while (!path.empty() && steps_.Add(1)) {
    Step& step = path.back();
    if (step.next == PartCount(step.value)) {
      (*marks)[step.value] = kDone;
      path.pop_back();
      continue;
    }
    const Value part = Part(step.value, step.next++);
    if (!IsCompound(part)) continue;
    uint8_t& mark = (*marks)[part];
    if (mark == kNew) {
      mark = kOpen;
      path.push_back({part, 0});
    } else if (mark == kOpen) {
      Label(part);
    }
  }
}

void Printer::FindSharing(Value root) {
  const auto seen = std::make_unique<ObjectMarks>();
  WorkStack<Value> work;
  work.push_back(root);
  while (!work.empty() && steps_.Add(1)) {
    const Value v = work.back();
    work.pop_back();
    if (std::exchange((*seen)[v], 1) != 0) {
      Label(v);
      continue;
    }
    const uint32_t count = PartCount(v);
    for (uint32_t i = 0; i < count && steps_.Add(1); ++i) {
      if (const Value part = Part(v, i); IsCompound(part)) work.push_back(part);
    }
  }
}

void Printer::PutAside() {
  aside_bytes_ += out_.size();
  aside_.emplace_back(out_);
  out_.clear();
}

std::string Printer::WholeText() {
  if (aside_.empty()) return std::move(out_);
  PutAside();
  std::string text;
  text.reserve(aside_bytes_);
  for (; !aside_.empty(); aside_.pop_front()) {
    // A part is as long as its longest atom.
    const Text& part = aside_.front();
    if (!InParts(0, part.size(), kBytesPerStep,
                 [&](uint64_t begin, uint64_t end) { text.append(part, begin, end - begin); }) ||
        !steps_.Add(kPollSteps / 4)) {
      break;
    }
  }
  return text;
}

const char* Printer::Abbreviation(Value pair) const {
  const Value head = heap_.car(pair);
  const Value rest = heap_.cdr(pair);
  if (!heap_.Is<Symbol>(head) || !rest.IsPair() || heap_.cdr(rest) != kNull || IsLabelled(rest)) {
    return nullptr;
  }
  const Value name = heap_.Get<Symbol>(head)->name;
  constexpr struct {
    const char* name;
    const char* prefix;
  } kPrefixes[] = {{"quote", "'"}, {"quasiquote", "`"}, {"unquote", kUnquotePrefix}, {"unquote-splicing", ",@"}};
  for (const auto& known : kPrefixes) {
    if (StringEqualsUtf8(heap_, name, known.name)) return known.prefix;
  }
  return nullptr;
}

bool Printer::StartsWithAt(Value v) const {
  if (!heap_.Is<Symbol>(v)) return false;
  const StringChars name = CharsOf(heap_, heap_.Get<Symbol>(v)->name);
  return name.length != 0 && name[0] == '@';
}

void Printer::PrintPair(Value v) {
  if (const char* prefix = Abbreviation(v)) {
    out_.append(prefix);
    const Value datum = heap_.car(heap_.cdr(v));
    // `,@x` would be read as (unquote-splicing x).
    if (prefix == kUnquotePrefix && StartsWithAt(datum)) {
      if (write()) return PrintWithBars(vm_, datum, BytesLeft(), &out_);
      out_.push_back(' ');
    }
    Push(Task::Kind::kValue, datum);
    return;
  }
  out_.push_back('(');
  Push(Task::Kind::kTail, heap_.cdr(v));
  Push(Task::Kind::kValue, heap_.car(v));
}

void Printer::PrintTail(Value v) {
  if (v == kNull) {
    out_.push_back(')');
  } else if (v.IsPair() && !IsLabelled(v)) {
    out_.push_back(' ');
    Push(Task::Kind::kTail, heap_.cdr(v));
    Push(Task::Kind::kValue, heap_.car(v));
  } else {
    out_.append(" . ");
    PushText(")");
    Push(Task::Kind::kValue, v);
  }
}

void Printer::PrintItems(const Task& task) {
  const bool vector = heap_.type(task.value) == ObjectType::kVector;
  if (task.index == PartCount(task.value)) {
    out_.push_back(vector ? ')' : '>');
    return;
  }
  if (!vector || task.index > 0) out_.push_back(' ');
  Push(Task::Kind::kItems, task.value, task.index + 1);
  Push(Task::Kind::kValue, Part(task.value, task.index));
}

void Printer::PrintIrritants(Value v) {
  if (v.IsPair() && !IsLabelled(v)) {
    out_.push_back(' ');
    Push(Task::Kind::kIrritants, heap_.cdr(v));
    Push(Task::Kind::kValue, heap_.car(v));
  } else if (v == kNull) {
    out_.push_back('>');
  } else {
    out_.append(" . ");
    PushText(">");
    Push(Task::Kind::kValue, v);
  }
}

void Printer::PrintValue(Value v) {
  if (IsCompound(v) && IsLabelled(v)) {
    int& label = (*labels_)[v];
    if (label != kUnnumbered) {
      absl::StrAppend(&out_, "#", label - 1, "#");
      return;
    }
    absl::StrAppend(&out_, "#", next_label_, "=");
    label = ++next_label_;
  }
  if (v.IsPair()) return PrintPair(v);
  if (!v.IsObject()) return PrintAtom(vm_, v, write(), BytesLeft(), &out_);
  switch (heap_.type(v)) {
    case ObjectType::kVector:
      out_.append("#(");
      return Push(Task::Kind::kItems, v);
    case ObjectType::kRecord: {
      const RecordType* type = heap_.TryGet<RecordType>(heap_.Get<Record>(v)->type);
      std::string name = "record";
      if (type != nullptr && heap_.Is<Symbol>(type->name)) {
        name = ToUtf8(heap_, heap_.Get<Symbol>(type->name)->name);
        // (define-record-type <point> ...) makes points.
        if (name.size() > 2 && name.front() == '<' && name.back() == '>') {
          name = name.substr(1, name.size() - 2);
        }
      }
      absl::StrAppend(&out_, "#<", name);
      if (type != nullptr && (HeaderFlags(type->header) & kOpaqueRecordFlag) != 0) return out_.push_back('>');
      return Push(Task::Kind::kItems, v);
    }
    case ObjectType::kCondition: {
      const Condition* condition = heap_.Get<Condition>(v);
      out_.append("#<condition ");
      PrintAtom(vm_, condition->kind, false, BytesLeft(), &out_);
      out_.push_back(' ');
      PrintAtom(vm_, condition->message, true, BytesLeft(), &out_);
      return Push(Task::Kind::kIrritants, condition->irritants);
    }
    case ObjectType::kEnvironment:
      out_.append("#<environment ");
      PushText(">");
      return Push(Task::Kind::kValue, heap_.Get<Environment>(v)->name);
    default:
      return PrintAtom(vm_, v, write(), BytesLeft(), &out_);
  }
}

std::string Printer::Run(Value value, bool* truncated) {
  if (IsCompound(value)) {
    if (mode_ == PrintMode::kWriteShared) {
      FindSharing(value);
    } else if (mode_ != PrintMode::kWriteSimple && !IsSmallTree(value)) {
      FindCycles(value);
    }
  }
  Push(Task::Kind::kValue, value);
  uint64_t printed = 0;  // by the last task, in characters
  while (!work_.empty() && aside_bytes_ + out_.size() <= max_bytes_) {
    if (!steps_.Add(1 + printed)) return WholeText();
    if (out_.size() >= kTextPart) PutAside();
    const size_t size = out_.size();
    const Task task = work_.back();
    work_.pop_back();
    switch (task.kind) {
      case Task::Kind::kValue:
        PrintValue(task.value);
        break;
      case Task::Kind::kTail:
        PrintTail(task.value);
        break;
      case Task::Kind::kItems:
        PrintItems(task);
        break;
      case Task::Kind::kIrritants:
        PrintIrritants(task.value);
        break;
      case Task::Kind::kText:
        out_.append(task.text);
        break;
    }
    // Atoms longer than that have polled themselves.
    printed = std::min<uint64_t>(out_.size() - size, kPollSteps);
  }
  out_ = WholeText();
  if (truncated != nullptr) *truncated = out_.size() > max_bytes_;
  if (out_.size() > max_bytes_) {
    size_t cut = max_bytes_;
    while (cut > 0 && (static_cast<uint8_t>(out_[cut]) & 0xc0) == 0x80) --cut;
    out_.resize(cut);
    out_.append("...");
  }
  return std::move(out_);
}

}  // namespace

std::string Print(Vm& vm, Value value, PrintMode mode, size_t max_bytes, bool* truncated) {
  return Printer(vm, mode, max_bytes).Run(value, truncated);
}

}  // namespace islet::vm
