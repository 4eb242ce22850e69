#include "isolate/interpreter/vm.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
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
// Arguments of a call from C++: more than any host passes, and few enough to find room below the end of the stack.
constexpr size_t kMaxCallArguments = 10000;
// Words of stack that a nested run has for its first frames, before it could seal any.
constexpr size_t kLeastStackWords = 4096;

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

Value NoPrimitive(Vm& vm, Value*, uint32_t) {
  return vm.Error("error", "", "a damaged program calls a primitive that does not exist");
}

}  // namespace

const PrimitiveSpec kNoPrimitive = {"a primitive that does not exist", NoPrimitive, 0, -1};

Vm::Vm(std::unique_ptr<Heap> heap, absl::Span<const PrimitiveSpec> primitives)
    : heap_(std::move(heap)), primitives_(primitives) {
  // The process has one table of primitives.
  static constinit MadeOnce<WellKnownTable> well_known;
  std::memcpy(state_.well_known, well_known.Get([primitives] { return FindWellKnown(primitives); }).functions,
              sizeof(state_.well_known));
  for (Value& root : roots_) root = kUndefined;
  state_.soft_limit = FirstSoftLimit();
  state_.stack_limit.store(state_.soft_limit, std::memory_order_relaxed);
  heap_->SetStackTop(heap_->stack_begin(), heap_->stack_begin());
  heap_->AddRoots(this);
  heap_->account().OnPassed([](void* vm) { static_cast<Vm*>(vm)->Interrupt(InterruptReason::kMemory); }, this);
}

Vm::~Vm() {
  heap_->RemoveRoots(this);
  if (!attachments_.lost) heap_->Retire(state_.soft_limit + kPastSoftLimit);
}

void Vm::VisitRoots(Visit visit, void* context) {
  const bool ending = state_.terminating;
  for (Value& root : roots_) visit(&root, context);
  for (Value* slot :
       {&state_.winders, &state_.handlers, &state_.parameters, &state_.pending, &state_.continuation,
        &state_.last_condition, &state_.escape, &state_.escape_value, &state_.long_args, &state_.tail_caller}) {
    visit(slot, context);
  }
  // A poll of the collector's may have ended the run while one of these was about to be stored.
  if (state_.terminating && !ending) {
    state_.escape = state_.escape_value = kUndefined;
    TakePending();
  }
  for (Value& v : state_.scratch) visit(&v, context);
  for (Value& v : state_.values) visit(&v, context);
}

Value Vm::FindPrimitive(absl::string_view name) const {
  for (uint32_t i = 0; i < primitives_.size(); ++i) {
    if (name == primitives_[i].name) return Value::Primitive(i);
  }
  return kUndefined;
}

Value Vm::MakeString(absl::string_view utf8, uint32_t flags) { return ::islet::vm::MakeString(*heap_, utf8, flags); }

std::string Vm::ToUtf8(Value string) const { return ::islet::vm::ToUtf8(*heap_, string); }

// ---- Running

RunScope Vm::Polls() { return RunScope{PollScope({PollRun, this}), AccountScope(heap_->account())}; }

bool Vm::PollRun(void* self, uint64_t steps) {
  Vm& vm = *static_cast<Vm*>(self);
  if (State(vm).terminating) return steps == kInterruptsOnly && State(vm).escape != kUndefined;
  if (steps == kInterruptsOnly) return State(vm).interrupt.load(std::memory_order_relaxed) == 0 || HandleInterrupt(vm);
  return steps == 0 || vm.Poll(steps);
}

absl::StatusOr<Value> Vm::Call(Value procedure, absl::Span<const Value> args) {
  Run run;
  run.outer = state_.current_run;
  run.depth = state_.current_run == nullptr ? 1 : state_.current_run->depth + 1;
  state_.run_count = state_.run_count % Value::kFixnumMax + 1;
  run.serial = run.depth == 1 ? 0 : state_.run_count;
  run.base = state_.current_run == nullptr ? heap_->stack_begin() : StackTop(*this);
  // A poll has found that the run is to end: nothing more is to be run in it.
  if (state_.terminating) return state_.failure.ToStatus();
  if (run.depth > kMaxNestedRuns) {
    return absl::ResourceExhaustedError("too many nested calls from Lisp into the host and back (at most 100)");
  }
  // Some stack must be left; but only what is needed at once counts as used.
  if (args.size() > kMaxCallArguments || run.base + args.size() + kLeastStackWords > HardLimit(*this) ||
      !RaiseSoftLimit(*this, run.base + args.size() + kPastSoftLimit)) {
    return absl::ResourceExhaustedError(
        "no stack left for a call: too many nested calls from Lisp into the host and back");
  }
  const Value outer_continuation = std::exchange(state_.continuation, kFalse);
  const Value outer_winders = state_.winders;
  const Value outer_handlers = std::exchange(state_.handlers, kNull);
  const Value outer_parameters = state_.parameters;
  // The outer run's values, which the nested one must not lose, lie on the stack below its frames, where the collector
  // sees them.
  Value* saved = run.base;
  saved[0] = outer_continuation;
  saved[1] = outer_winders;
  saved[2] = outer_handlers;
  saved[3] = outer_parameters;
  saved[4] = std::exchange(state_.tail_caller, kFalse);
  run.base += 5;
  Value* const outer_frame = state_.frame;
  const uint32_t* const outer_pc = state_.pc;
  const uint32_t* const outer_site = state_.call_site;
  const uint32_t outer_argc = state_.argc;

  state_.frame = run.base + kFrameHeaderWords;
  const Value halt = StubAddress(*this, static_cast<uint32_t>(Stub::kHalt));
  HeaderOf(state_.frame) = {procedure, halt, Value::Fixnum(0)};
  std::copy(args.begin(), args.end(), state_.frame);
  state_.argc = static_cast<uint32_t>(args.size());
  state_.call_site = InstructionAt(heap_->base(), halt);  // the host's, as it were
  state_.terminating = false;
  state_.escape = state_.escape_value = kUndefined;
  TakePending();
  state_.current_run = &run;
  const RunScope polls = Polls();
  heap_->SetStackTop(state_.soft_limit, state_.soft_limit);
  heap_->FinishCollection();
  const bool finished = EnterCallee(*this) && Execute(*this) && !state_.terminating;
  Value result = finished ? HeaderOf(state_.frame).callee : kUndefined;

  state_.current_run = run.outer;
  state_.frame = outer_frame;
  state_.pc = outer_pc;
  state_.call_site = outer_site;
  state_.argc = outer_argc;
  state_.continuation = saved[0];
  state_.winders = saved[1];
  state_.handlers = saved[2];
  state_.parameters = saved[3];
  state_.tail_caller = saved[4];
  // Between runs nothing on the stack is alive.
  if (state_.current_run == nullptr) heap_->SetStackTop(heap_->stack_begin(), state_.soft_limit);
  if (finished) {
    state_.returned_several = result == kMultipleValues;
    if (state_.returned_several) result = state_.values.empty() ? kUnspecified : state_.values[0];
    return result;
  }
  return TakeTermination();
}

absl::Status Vm::TakeTermination() {
  TakePending();
  return std::exchange(state_.terminating, false) ? state_.failure.ToStatus() : absl::OkStatus();
}

Value Vm::Reraise(const absl::Status& status) {
  Failure failure = FailureOf(status);  // not taken: it may be what the run is already being ended by
  // Whoever has passed it on may have put it in other words.
  if (failure.Text() != status.message()) failure = Failure::FromStatus(status);
  return Reraise(std::move(failure));
}

Value Vm::Reraise(Failure failure) {
  if (failure.kind == Failure::Kind::kCondition && state_.last_condition != kUndefined)
    return Raise(state_.last_condition);
  const Value escape = state_.escape, value = state_.escape_value;
  failure.kind = Failure::Kind::kTermination;
  End(std::move(failure));
  state_.escape = escape;
  state_.escape_value = value;
  return kException;
}

bool Vm::IsLatestFailure(const absl::Status& status) const {
  return state_.failure.kind != Failure::Kind::kOutside && HasRecorded(status);
}

bool Vm::HasRecorded(const absl::Status& status) const {
  return state_.failure.number != 0 && FailureNumber(status) == state_.failure.number;
}

Failure Vm::FailureOf(const absl::Status& status) const {
  return HasRecorded(status) ? state_.failure : Failure::FromStatus(status);
}

Failure Vm::TakeFailure(const absl::Status& status) {
  return HasRecorded(status) ? std::exchange(state_.failure, Failure()) : Failure::FromStatus(status);
}

absl::Status Vm::Record(Failure failure) {
  state_.failure = std::move(failure);
  if (state_.failure.number == 0) state_.failure.number = NextFailureNumber();
  return state_.failure.ToStatus();
}

absl::Status Vm::FailSyntax(Place place, std::string message) {
  state_.last_condition = MakeCondition("syntax", "", message, kNull);
  if (place.known()) {
    heap_->Get<Condition>(state_.last_condition)->position = PlaceToValue(*heap_, place.file, place.line, place.column);
  }
  state_.escape = state_.escape_value = kUndefined;  // of an earlier end, which a host function kept from the run
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
  if (state_.terminating && state_.escape == kUndefined)
    return kException;  // a consequence of the end does not replace it
  state_.terminating = true;
  state_.escape = state_.escape_value = kUndefined;  // of an earlier one, which a host function kept from the run
  state_.failure = std::move(failure);
  state_.failure.number = NextFailureNumber();
  TakePending();
  return kException;
}

Value Vm::Uncaught(Value object) {
  state_.last_condition = object;
  Value trace = kFalse;
  if (const Condition* condition = heap_->TryGet<Condition>(object); condition != nullptr) {
    trace = condition->backtrace;
  }
  if (trace == kFalse) trace = CaptureBacktrace();
  return End(FailureOfUncaught(*this, object, trace));
}

// ---- Raising

Value Vm::Raise(Value object, bool continuable) {
  state_.pending = object;
  state_.pending_continuable = continuable;
  return kException;
}

Value Vm::TakePending() {
  state_.delegated = -1;
  return std::exchange(state_.pending, kUndefined);
}

Value Vm::Delegate(Value procedure, absl::Span<const Value> args) {
  std::copy(args.begin(), args.end(), state_.scratch.begin());
  state_.delegated = static_cast<int>(args.size());
  return Raise(procedure, true);
}

Value Vm::MakeCondition(absl::string_view kind, absl::string_view who, absl::string_view message, Value irritants) {
  return NewCondition(kind, who, message, irritants, TraceFrom::kFrame);
}

Value Vm::NewCondition(absl::string_view kind, absl::string_view who, absl::string_view message, Value irritants,
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
  if (state_.current_run != nullptr) heap_->Get<Condition>(result)->backtrace = CaptureBacktrace(from);
  return result;
}

Value Vm::Error(absl::string_view kind, absl::string_view who, absl::string_view message, Value irritants) {
  return Raise(MakeCondition(kind, who, message, irritants));
}

void Vm::NameOperand(absl::string_view* who, int* position) const {
  if (state_.current_run == nullptr || state_.frame == nullptr) return;
  const Closure* closure = heap_->TryGet<Closure>(HeaderOf(state_.frame).callee);
  if (closure == nullptr || NumericName(static_cast<Op>(*state_.pc & 0xff)) != *who) return;
  const Code* code = heap_->Get<Code>(closure->code);
  OperandNote note;
  if (!LookupNote(*heap_, code, static_cast<uint32_t>(state_.pc - code->instructions), &note)) return;
  if (note.primitive < primitives_.size()) *who = primitives_[note.primitive].name;
  const uint32_t argument = *position == 1 ? note.first : note.second;
  if (argument != 0) *position = static_cast<int>(argument);
}

Value Vm::WrongType(absl::string_view who, int position, absl::string_view expected, Value got) {
  NameOperand(&who, &position);
  return Error("wrong-type", who, absl::StrCat("argument ", position, " should be ", expected),
               heap_->Cons(got, kNull));
}

Value Vm::OutOfRange(absl::string_view who, int position, absl::string_view why, Value got) {
  NameOperand(&who, &position);
  return Error("range", who, absl::StrCat("argument ", position, " ", why), heap_->Cons(got, kNull));
}

Value Vm::OutOfMemory(absl::string_view who, uint64_t bytes) {
  return Error("memory", who,
               "needs " + std::to_string(bytes >> 10) + " KiB, more than the heap limit of " +
                   std::to_string(heap_->heap_limit() >> 10) + " KiB allows");
}

namespace {

// The formals of forms that receive several values are a procedure, to which the expander gives such a name.
constexpr absl::string_view kFormSuffix = " form";

std::string Counted(size_t count, const char* what) {
  return (count == 0 ? "no" : std::to_string(count)) + " " + what + (count == 1 ? "" : "s");
}

// The numbers of arguments that the procedure takes, by its own instructions, as text: the clauses of a case-lambda may
// leave out a number.
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
  const bool of_values = static_cast<Op>(*state_.call_site & 0xff) == Op::kCallWithValuesReturn;
  if (of_values && name.size() > kFormSuffix.size() && absl::EndsWith(name, kFormSuffix)) {
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
  for (size_t i = std::min(state_.values.size(), kMostShown); i-- > 0;) shown = heap_->Cons(state_.values[i], shown);
  return Error("arity", "", Counted(state_.values.size(), "value") + " where one is expected", shown);
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
  if (state_.frame != nullptr) {
    const bool in_lisp = heap_->Is<Closure>(HeaderOf(state_.frame).callee);
    if (in_lisp && from == TraceFrom::kFrame) {
      if (state_.pc != nullptr) note(HeaderOf(state_.frame).callee, heap_->OffsetOf(state_.pc));
    } else if (state_.call_site != nullptr) {
      const Op op = static_cast<Op>(*state_.call_site & 0xff);
      if (op == Op::kTailCall || op == Op::kTailCallGlobal) note(state_.tail_caller, heap_->OffsetOf(state_.call_site));
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
