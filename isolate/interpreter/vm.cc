#include "isolate/interpreter/vm.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"
#include "isolate/data/string.h"
#include "isolate/heap/arity.h"
#include "isolate/heap/poll.h"
#include "isolate/interpreter/failure.h"
#include "isolate/interpreter/frame_walk.h"
#include "isolate/interpreter/opcode.h"
#include "isolate/interpreter/run.h"
#include "isolate/interpreter/source_map.h"
#include "isolate/interpreter/stubs.h"
#include "isolate/process/made_once.h"

namespace islet::vm {

namespace {

constexpr int kMaxNestedRuns = 100;

struct WellKnownTable {
  PrimitiveFunction functions[static_cast<int>(WellKnown::kCount)] = {};
};

WellKnownTable FindWellKnown(absl::Span<const PrimitiveSpec> primitives) {
  WellKnownTable table;
  for (const PrimitiveSpec& spec : primitives) {
    for (int i = 0; i < static_cast<int>(WellKnown::kCount); ++i) {
      if (std::strcmp(spec.name, kWellKnownNames[i]) == 0) table.functions[i] = spec.function;
    }
  }
  return table;
}

absl::string_view View(std::string_view s) { return absl::string_view(s.data(), s.size()); }

Value NoPrimitive(Vm& vm, Value*, uint32_t) {
  return vm.Error("error", "", "a damaged program calls a primitive that does not exist");
}

}  // namespace

const PrimitiveSpec kNoPrimitive = {"a primitive that does not exist", NoPrimitive, 0, -1};

Vm::Vm(std::unique_ptr<Heap> heap, absl::Span<const PrimitiveSpec> primitives)
    : heap_(std::move(heap)), primitives_(primitives) {
  // The process has one table of primitives.
  static constinit MadeOnce<WellKnownTable> well_known;
  std::memcpy(well_known_, well_known.Get([primitives] { return FindWellKnown(primitives); }).functions,
              sizeof(well_known_));
  for (Value& root : roots_) root = kUndefined;
  soft_limit_ = FirstSoftLimit();
  stack_limit_.store(soft_limit_, std::memory_order_relaxed);
  heap_->SetStackTop(heap_->stack_begin(), heap_->stack_begin());
  heap_->AddRoots(this);
  heap_->account().OnPassed([](void* vm) { static_cast<Vm*>(vm)->Interrupt(InterruptReason::kMemory); }, this);
}

Vm::~Vm() {
  heap_->RemoveRoots(this);
  if (!lost) heap_->Retire(soft_limit_ + kPastSoftLimit);
}

void Vm::VisitRoots(Visit visit, void* context) {
  const bool ending = terminating_;
  for (Value& root : roots_) visit(&root, context);
  for (Value* slot : {&winders, &handlers, &parameters, &pending_, &continuation_, &last_condition_, &escape_,
                      &escape_value_, &long_args_, &tail_caller_}) {
    visit(slot, context);
  }
  // A poll of the collector's may have ended the run while one of these was about to be stored.
  if (terminating_ && !ending) {
    escape_ = escape_value_ = kUndefined;
    TakePending();
  }
  for (Value& v : scratch_) visit(&v, context);
  for (Value& v : values_) visit(&v, context);
}

Value Vm::FindPrimitive(std::string_view name) const {
  for (uint32_t i = 0; i < primitives_.size(); ++i) {
    if (name == primitives_[i].name) return Value::Primitive(i);
  }
  return kUndefined;
}

Value Vm::MakeString(std::string_view utf8, uint32_t flags) {
  return ::islet::vm::MakeString(*heap_, View(utf8), flags);
}

std::string Vm::ToUtf8(Value string) const { return ::islet::vm::ToUtf8(*heap_, string); }

// ---- Running

RunScope Vm::Polls() { return RunScope{PollScope({PollRun, this}), AccountScope(heap_->account())}; }

bool Vm::PollRun(void* self, uint64_t steps) {
  Vm& vm = *static_cast<Vm*>(self);
  if (vm.terminating_) return steps == kInterruptsOnly && vm.escape_ != kUndefined;
  if (steps == kInterruptsOnly) return vm.interrupt_.load(std::memory_order_relaxed) == 0 || HandleInterrupt(vm);
  return steps == 0 || vm.Poll(steps);
}

absl::StatusOr<Value> Vm::Call(Value procedure, absl::Span<const Value> args) {
  Run run;
  run.outer = current_run_;
  run.depth = current_run_ == nullptr ? 1 : current_run_->depth + 1;
  run_count_ = run_count_ % Value::kFixnumMax + 1;
  run.serial = run.depth == 1 ? 0 : run_count_;
  run.base = current_run_ == nullptr ? heap_->stack_begin() : StackTop(*this);
  // What polled has let the run be ended: nothing more is to be run in it.
  if (terminating_) return failure_.ToStatus();
  if (run.depth > kMaxNestedRuns) {
    return absl::ResourceExhaustedError("too many nested calls from Lisp into the host and back (at most 100)");
  }
  // Some stack must be left; but only what is needed at once counts as used.
  if (args.size() > 10000 || run.base + args.size() + 4096 > HardLimit(*this) ||
      !RaiseSoftLimit(*this, run.base + args.size() + 64)) {
    return absl::ResourceExhaustedError(
        "no stack left for a call: too many nested calls from Lisp into the host and back");
  }
  const Value outer_continuation = std::exchange(continuation_, kFalse);
  const Value outer_winders = winders;
  const Value outer_handlers = std::exchange(handlers, kNull);
  const Value outer_parameters = parameters;
  // What the nested run must not lose of the outer one lies on the stack below its frames, for the collector's sake.
  Value* saved = run.base;
  saved[0] = outer_continuation;
  saved[1] = outer_winders;
  saved[2] = outer_handlers;
  saved[3] = outer_parameters;
  saved[4] = std::exchange(tail_caller_, kFalse);
  run.base += 5;
  Value* const outer_frame = frame_;
  const uint32_t* const outer_pc = pc_;
  const uint32_t* const outer_site = call_site_;
  const uint32_t outer_argc = argc_;

  frame_ = run.base + 3;
  frame_[-3] = procedure;
  frame_[-2] = StubAddress(*this, static_cast<uint32_t>(Stub::kHalt));
  frame_[-1] = Value::Fixnum(0);
  std::copy(args.begin(), args.end(), frame_);
  argc_ = static_cast<uint32_t>(args.size());
  call_site_ = reinterpret_cast<const uint32_t*>(heap_->base() + frame_[-2].bits);  // the host's, as it were
  terminating_ = false;
  escape_ = escape_value_ = kUndefined;
  TakePending();
  current_run_ = &run;
  const RunScope polls = Polls();
  heap_->SetStackTop(soft_limit_, soft_limit_);
  heap_->FinishCollection();
  const bool finished = EnterCallee(*this) && Execute(*this) && !terminating_;
  Value result = finished ? frame_[-3] : kUndefined;

  current_run_ = run.outer;
  frame_ = outer_frame;
  pc_ = outer_pc;
  call_site_ = outer_site;
  argc_ = outer_argc;
  continuation_ = saved[0];
  winders = saved[1];
  handlers = saved[2];
  parameters = saved[3];
  tail_caller_ = saved[4];
  // Between runs nothing on the stack is alive.
  if (current_run_ == nullptr) heap_->SetStackTop(heap_->stack_begin(), soft_limit_);
  if (finished) {
    returned_several_ = result == kMultipleValues;
    if (returned_several_) result = values_.empty() ? kUnspecified : values_[0];
    return result;
  }
  return TakeTermination();
}

absl::Status Vm::TakeTermination() {
  TakePending();
  return std::exchange(terminating_, false) ? failure_.ToStatus() : absl::OkStatus();
}

Value Vm::Reraise(const absl::Status& status) {
  Failure failure = FailureOf(status);  // not taken: it may be what the run is already being ended by
  // Whoever has passed it on may have put it in other words.
  if (failure.Text() != status.message()) failure = Failure::FromStatus(status);
  return Reraise(std::move(failure));
}

Value Vm::Reraise(Failure failure) {
  if (failure.kind == Failure::Kind::kCondition && last_condition_ != kUndefined) return Raise(last_condition_);
  const Value escape = escape_, value = escape_value_;
  failure.kind = Failure::Kind::kTermination;
  End(std::move(failure));
  escape_ = escape;
  escape_value_ = value;
  return kException;
}

bool Vm::IsLatestFailure(const absl::Status& status) const {
  return failure_.kind != Failure::Kind::kOutside && HasRecorded(status);
}

bool Vm::HasRecorded(const absl::Status& status) const {
  return failure_.number != 0 && FailureNumber(status) == failure_.number;
}

Failure Vm::FailureOf(const absl::Status& status) const {
  return HasRecorded(status) ? failure_ : Failure::FromStatus(status);
}

Failure Vm::TakeFailure(const absl::Status& status) {
  return HasRecorded(status) ? std::exchange(failure_, Failure()) : Failure::FromStatus(status);
}

absl::Status Vm::Record(Failure failure) {
  failure_ = std::move(failure);
  if (failure_.number == 0) failure_.number = NextFailureNumber();
  return failure_.ToStatus();
}

absl::Status Vm::FailSyntax(Place place, std::string message) {
  last_condition_ = MakeCondition("syntax", "", message, kNull);
  if (place.known()) {
    heap_->Get<Condition>(last_condition_)->position = PlaceToValue(*heap_, place.file, place.line, place.column);
  }
  escape_ = escape_value_ = kUndefined;  // of an earlier end, which a host function kept from the run
  Failure failure;
  failure.kind = Failure::Kind::kCondition;
  failure.code = absl::StatusCode::kInvalidArgument;
  failure.message = std::move(message);
  failure.condition = "syntax";
  failure.place = std::move(place);
  return Record(std::move(failure));
}

Value Vm::Terminate(absl::Status status) {
  Failure failure = Failure::FromStatus(status);
  failure.kind = Failure::Kind::kTermination;
  return End(std::move(failure));
}

Value Vm::End(Failure failure) {
  if (terminating_ && escape_ == kUndefined) return kException;  // what follows from an end does not replace it
  terminating_ = true;
  escape_ = escape_value_ = kUndefined;  // of an earlier one, which a host function kept from the run
  failure_ = std::move(failure);
  failure_.number = NextFailureNumber();
  TakePending();
  return kException;
}

Value Vm::Uncaught(Value object) {
  last_condition_ = object;
  Value trace = kFalse;
  if (const Condition* condition = heap_->TryGet<Condition>(object); condition != nullptr) {
    trace = condition->backtrace;
  }
  if (trace == kFalse) trace = CaptureBacktrace();
  return End(FailureOfUncaught(*this, object, trace));
}

// ---- Raising

Value Vm::Raise(Value object, bool continuable) {
  pending_ = object;
  pending_continuable_ = continuable;
  return kException;
}

Value Vm::TakePending() {
  delegated_ = -1;
  return std::exchange(pending_, kUndefined);
}

Value Vm::Delegate(Value procedure, absl::Span<const Value> args) {
  std::copy(args.begin(), args.end(), scratch_);
  delegated_ = static_cast<int>(args.size());
  return Raise(procedure, true);
}

Value Vm::MakeCondition(std::string_view kind, std::string_view who, std::string_view message, Value irritants) {
  return NewCondition(kind, who, message, irritants, TraceFrom::kFrame);
}

Value Vm::NewCondition(std::string_view kind, std::string_view who, std::string_view message, Value irritants,
                       TraceFrom from) {
  const Value kind_symbol = Intern(kind);
  const Value who_symbol = who.empty() ? kFalse : Intern(who);
  const Value text = MakeString(message, kImmutableFlag);
  Condition* condition = heap_->New<Condition>();
  condition->kind = kind_symbol;
  condition->who = who_symbol;
  condition->message = text;
  condition->irritants = irritants;
  condition->backtrace = kFalse;
  condition->position = kFalse;
  condition->payload = kFalse;
  const Value result = heap_->ValueOf(condition);
  if (current_run_ != nullptr) heap_->Get<Condition>(result)->backtrace = CaptureBacktrace(from);
  return result;
}

Value Vm::Error(std::string_view kind, std::string_view who, std::string_view message, Value irritants) {
  return Raise(MakeCondition(kind, who, message, irritants));
}

void Vm::NameOperand(std::string_view* who, int* position) const {
  if (current_run_ == nullptr || frame_ == nullptr) return;
  const Closure* closure = heap_->TryGet<Closure>(frame_[-3]);
  if (closure == nullptr || NumericName(static_cast<Op>(*pc_ & 0xff)) != *who) return;
  const Code* code = heap_->Get<Code>(closure->code);
  OperandNote note;
  if (!LookupNote(*heap_, code, static_cast<uint32_t>(pc_ - code->instructions), &note)) return;
  if (note.primitive < primitives_.size()) *who = primitives_[note.primitive].name;
  const uint32_t argument = *position == 1 ? note.first : note.second;
  if (argument != 0) *position = static_cast<int>(argument);
}

Value Vm::WrongType(std::string_view who, int position, std::string_view expected, Value got) {
  NameOperand(&who, &position);
  std::string message = "argument ";
  message += std::to_string(position);
  message += " should be ";
  message += expected;
  return Error("wrong-type", who, message, heap_->Cons(got, kNull));
}

Value Vm::OutOfRange(std::string_view who, int position, std::string_view why, Value got) {
  NameOperand(&who, &position);
  std::string message = "argument ";
  message += std::to_string(position);
  message += " ";
  message += why;
  return Error("range", who, message, heap_->Cons(got, kNull));
}

Value Vm::OutOfMemory(std::string_view who, uint64_t bytes) {
  return Error("memory", who,
               "needs " + std::to_string(bytes >> 10) + " KiB, more than the heap limit of " +
                   std::to_string(heap_->heap_limit() >> 10) + " KiB allows");
}

namespace {

// The formals of forms that receive several values are a procedure, to which the expander gives such a name.
constexpr std::string_view kFormSuffix = " form";

std::string Counted(size_t count, const char* what) {
  return (count == 0 ? "no" : std::to_string(count)) + " " + what + (count == 1 ? "" : "s");
}

// What the procedure takes, by its own instructions: the clauses of a case-lambda may leave out a number.
std::string TakenText(const Code* code) {
  constexpr size_t kMostClauses = 20;
  std::vector<Arity> clauses;
  for (uint32_t at = 0; at + 4 <= code->instruction_count && clauses.size() < kMostClauses;) {
    const uint32_t* words = code->instructions + at;
    if (static_cast<Op>(words[0] & 0xff) != Op::kEnterIf) break;
    clauses.push_back({words[0] >> 8 & 0xff, 0, words[1] != 0});
    at += 4 + words[3];
  }
  if (clauses.empty() || clauses.size() == kMostClauses) {
    return Arity::Of(code->arity).Text();
  }
  std::sort(clauses.begin(), clauses.end(), [](Arity a, Arity b) { return a.least < b.least; });
  std::vector<Arity> ranges = {clauses[0]};
  for (const Arity& next : clauses) {
    Arity& last = ranges.back();
    if (!last.rest && next.least > last.least + last.optional + 1) {
      ranges.push_back(next);
      continue;
    }
    if (!last.rest) last.optional = next.least - last.least;
    last.rest = last.rest || next.rest;
  }
  std::string text = ranges[0].Text();
  for (size_t i = 1; i < ranges.size(); ++i) text += (i + 1 == ranges.size() ? " or " : ", ") + ranges[i].Text();
  return text;
}

}  // namespace

Value Vm::WrongArity(Value procedure, uint32_t argc) {
  std::string name, takes, place;
  if (procedure.IsPrimitive()) {
    const PrimitiveSpec& spec = primitive(procedure);
    name = spec.name;
    Arity arity = {spec.min_args, 0, spec.max_args < 0};
    if (!arity.rest) arity.optional = static_cast<uint32_t>(spec.max_args) - arity.least;
    takes = arity.Text();
  } else if (const Closure* closure = heap_->TryGet<Closure>(procedure); closure != nullptr) {
    const Code* code = heap_->Get<Code>(closure->code);
    takes = TakenText(code);
    if (heap_->Is<Symbol>(code->name)) name = SymbolName(code->name);
    place = PlaceOf(code, 0);
  } else if (const HostFunction* function = heap_->TryGet<HostFunction>(procedure); function != nullptr) {
    takes = Arity::Of(function->arity).Text();
    name = SymbolName(function->name);
  } else {
    takes = Arity().Text();
  }
  const bool of_values = static_cast<Op>(*call_site_ & 0xff) == Op::kCallWithValuesReturn;
  if (of_values && name.size() > kFormSuffix.size() &&
      name.compare(name.size() - kFormSuffix.size(), kFormSuffix.size(), kFormSuffix) == 0) {
    name.resize(name.size() - kFormSuffix.size());
    const std::string message = "the expression returned " + Counted(argc, "value") + ", for " + takes +
                                (takes == "1" ? " variable" : " variables");
    return Raise(NewCondition("arity", name, message, kNull, TraceFrom::kFrame));
  }
  std::string message = "called with " + std::to_string(argc) + (of_values ? " value" : " argument") +
                        (argc == 1 ? "" : "s") + (of_values ? " of call-with-values; takes " : "; takes ") + takes;
  if (!place.empty()) message += " (defined at " + place + ")";
  return Raise(NewCondition("arity", name, message, kNull, TraceFrom::kCall));
}

Value Vm::WrongValueCount() {
  constexpr size_t kMostShown = 10;
  Value shown = kNull;
  for (size_t i = std::min(values_.size(), kMostShown); i-- > 0;) shown = heap_->Cons(values_[i], shown);
  return Error("arity", "", Counted(values_.size(), "value") + " where one is expected", shown);
}

// ---- Backtraces

Value Vm::CaptureBacktrace(TraceFrom from, int frames) {
  std::vector<Value> items;
  const auto note = [&](Value callee, uint32_t at) {
    if (!heap_->Is<Closure>(callee)) return;
    const Value code_value = heap_->Get<Closure>(callee)->code;
    const Code* code = heap_->Get<Code>(code_value);
    const uint32_t start = heap_->OffsetOf(code->instructions);
    if (at < start || at >= start + 4 * code->instruction_count) return;
    items.push_back(code_value);
    items.push_back(Value::Fixnum(static_cast<int32_t>((at - start) / 4)));
  };
  if (frame_ != nullptr) {
    const bool in_lisp = heap_->Is<Closure>(frame_[-3]);
    if (in_lisp && from == TraceFrom::kFrame) {
      if (pc_ != nullptr) note(frame_[-3], heap_->OffsetOf(pc_));
    } else if (call_site_ != nullptr) {
      const Op op = static_cast<Op>(*call_site_ & 0xff);
      if (op == Op::kTailCall || op == Op::kTailCallGlobal) note(tail_caller_, heap_->OffsetOf(call_site_));
    }
    const size_t most = static_cast<size_t>(frames) * 2;
    // Of those that primitives were called from by the machine itself nothing is noted, and all may be of that kind.
    int looked_at = 0;
    for (FrameWalk walk(*this); !walk.done() && items.size() < most && ++looked_at <= 4 * frames; walk.Next()) {
      note(walk.callee(), walk.at());
    }
  }
  Value trace = heap_->MakeVector(static_cast<uint32_t>(items.size()), kFalse);
  std::copy(items.begin(), items.end(), heap_->Get<Vector>(trace)->items);
  return trace;
}

std::string Vm::PlaceOf(const Code* code, uint32_t word) const {
  uint32_t line = 0, column = 0;
  if (!heap_->Is<String>(code->file) || !LookupPosition(*heap_, code, word, &line, &column)) return std::string();
  return PlaceText(ToUtf8(code->file), line, column);
}

}  // namespace islet::vm
