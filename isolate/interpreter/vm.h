// The virtual machine of one isolate: its heap, stack, roots, dynamic state, and the ways to run Lisp and to raise.
//
// Thread safety: none; entered by one thread at a time. `Interrupt` may be called from any thread.

#ifndef ISLET_ISOLATE_INTERPRETER_VM_H_
#define ISLET_ISOLATE_INTERPRETER_VM_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "isolate/heap/heap.h"
#include "isolate/heap/poll.h"
#include "isolate/interpreter/failure.h"
#include "isolate/interpreter/limits.h"
#include "isolate/interpreter/machine_state.h"
#include "isolate/interpreter/primitive.h"

namespace islet::vm {

// Values by which everything in the heap is reached. Stored in snapshots in this order: never renumber, only append.
enum class Root : int {
  kSymbolTable,      // Vector: open-addressing table of the snapshot's symbols (power-of-two size, #f
                     // where free)
  kStubs,            // Code: return stubs (interpreter/stubs.h)
  kRaise,            // procedure (object continuable?): finds and calls the handler (isolate/lib)
  kReroot,           // procedure (continuation values): runs dynamic-wind thunks, then throws
  kLibraries,        // HashTable (equal): library name (list) to Environment
  kInteraction,      // Environment of bare forms
  kRestoreHooks,     // list of thunks, last registered first
  kParameters,       // association list of parameterize
  kStandardPorts,    // Vector: current-input-port, current-output-port, current-error-port parameters
  kHostFunctions,    // Vector of HostFunction, by external-reference index
  kLoadPath,         // list of Strings while scripts run
  kTableProcedures,  // Vector of procedures: what the primitives on hash tables leave to Lisp
                     // (runtime/hash_table_primitives.cc)
  kSpare1,
  kSpare2,
  kSpare3,
  kSpare4,
  kCount
};

// The procedures that Root::kTableProcedures holds, in order (isolate/lib/islet/hash-table.sld).
enum class TableProcedure : int { kRefDefault, kSet, kDelete, kContains, kCount };

// The host's side of a HostFunction, found by its index. `call` follows the primitive's contract, but may run Lisp, and
// so collect.
struct HostBinding {
  Value (*call)(Vm& vm, void* data, Value* args, uint32_t argc) = nullptr;
  void* data = nullptr;
};

// Stands for every number that is no primitive's: it raises.
extern const PrimitiveSpec kNoPrimitive;

class Embedder;  // embedder.h
struct Outside;  // ports/outside.h
class MacroUse;  // expander/procedural_macro.cc

// Belongs to whoever has made the machine. Resets and forks leave it alone.
struct Attachments {
  Embedder* embedder = nullptr;  // null: nothing is evaluated, and failures have no description
  // Of host functions, by external-reference index. Unbound ones have a null call.
  std::vector<HostBinding> host_bindings;
  // The same of one made at run time, by the number of its weak reference.
  HostBinding (*made_function)(Vm& vm, uint32_t number) = nullptr;
  // Messages name these limits, which are not the machine's own.
  LimitFigures limit_figures;
  // The grants of the machine in the world outside, and its open files.
  std::shared_ptr<Outside> outside;
  // Keeps what Heap::pristine points to.
  std::shared_ptr<const void> image;
  // operator new has failed in the machine: it may be between two states, and is only to be disposed of.
  bool lost = false;
};

// Why a run was asked to end.
// kMemory: what is outside of the cage has passed the heap limit (heap/account.h).
enum class InterruptReason : int { kNone, kInterrupted, kCpuTime, kWallTime, kDisposed, kMemory, kNoTimer };

// While it lives, C++ code of this thread polls the run, and scratch memory counts for it.
struct RunScope {
  PollScope polls;
  AccountScope account;
};

class Vm : public RootSource {
 public:
  // Takes a heap whose image, if it has one, was made by this runtime; `roots` are the image's (or all kUndefined).
  Vm(std::unique_ptr<Heap> heap, absl::Span<const PrimitiveSpec> primitives);
  ~Vm() override;

  Heap& heap() { return *heap_; }
  Value root(Root r) const { return roots_[static_cast<int>(r)]; }
  void set_root(Root r, Value v) { roots_[static_cast<int>(r)] = v; }
  absl::Span<Value> roots() { return absl::MakeSpan(roots_); }
  absl::Span<const PrimitiveSpec> primitives() const { return primitives_; }
  // By its place in the table; a number that is none gives a primitive that fails, whatever it is.
  const PrimitiveSpec& primitive(uint32_t number) const {
    return __builtin_expect(number < primitives_.size(), 1) ? primitives_[number] : kNoPrimitive;
  }
  const PrimitiveSpec& primitive(Value v) const { return primitive(v.payload()); }
  // The primitive named, or kUndefined.
  Value FindPrimitive(absl::string_view name) const;

  // ---- Symbols (interpreter/symbol_table.cc). `name` is UTF-8, valid. Long names are polled for: if the run is being
  // ended, any symbol.
  Value Intern(absl::string_view name);
  // The same for the characters of a String, which becomes the symbol's name if it is flagged as immutable, and else is
  // copied: room for that must have been reserved.
  Value InternString(Value string);
  // The symbol's name in UTF-8.
  std::string SymbolName(Value symbol) const;

  // ---- Strings in and out: enough for names and messages; the rest is data/string.h.
  Value MakeString(absl::string_view utf8, uint32_t flags = 0);  // invalid UTF-8 becomes U+FFFD
  std::string ToUtf8(Value string) const;

  // ---- Running. Nested runs are allowed (a host function that calls back). `procedure` and `args` need not be roots.
  // The result is the value returned (with several values the first, with none kUnspecified).
  // Errors: a condition that no handler took, as a Status whose message has the condition's text, position and
  // backtrace (the condition itself is in last_condition); ResourceExhausted (heap, fuel), Cancelled (interrupt). All
  // bear a mark (failure.h), but for a call that could not begin (ResourceExhausted).
  absl::StatusOr<Value> Call(Value procedure, absl::Span<const Value> args);
  // The object that the last failed Call raised, or kUndefined if it was no condition.
  Value last_condition() const { return state_.last_condition; }
  // Of the last Call that succeeded: whether it has returned several values, or none. They are in values().
  bool returned_several() const { return state_.returned_several; }
  // A Call is running.
  bool running() const { return state_.current_run != nullptr; }
  // The run is being given up, or the work outside of any run is to end: nothing more is run, and no handler.
  bool ended() const { return state_.terminating; }
  // The same failure, raised again in the Lisp code that called a host function: what a host function returns when a
  // nested Call failed. Keeps termination (limits, interrupts, escapes to outer continuations) going.
  Value Reraise(const absl::Status& status);
  Value Reraise(Failure failure);
  // True if `status` is what the latest Call of this machine that failed has returned.
  bool IsLatestFailure(const absl::Status& status) const;
  // The failure that `status`, which is not OK, is about: whole if it is the latest that was recorded; else what the
  // Status tells by itself (Failure::FromStatus).
  Failure FailureOf(const absl::Status& status) const;
  // The same, no longer kept by the machine.
  Failure TakeFailure(const absl::Status& status);
  // A text has an error at `place`, if that is known: a condition of kind "syntax", which is last_condition, as if a
  // Call had raised it, so that a program that evaluates the text may handle it.
  absl::Status FailSyntax(Place place, std::string message);
  // Keeps `failure` as the latest; its Status, by which it is found. It gets a number unless it has one.
  absl::Status Record(Failure failure);

  // ---- Raising: each returns kException, for `return vm.WrongType(...)`. `who` is the Lisp name of the procedure.
  Value Raise(Value object, bool continuable = false);
  // A Condition of `kind` ("error", "wrong-type", "range", "arity", "unbound-variable", "file", "read", "syntax",
  // "divide-by-zero", "memory", "immutable", "host").
  Value Error(absl::string_view kind, absl::string_view who, absl::string_view message, Value irritants = kNull);
  // `position` counts arguments from 1; `expected` reads like "an exact integer".
  Value WrongType(absl::string_view who, int position, absl::string_view expected, Value got);
  // `why` reads like "is not below the vector's length, 3".
  Value OutOfRange(absl::string_view who, int position, absl::string_view why, Value got);
  // `procedure` does not take `argc` arguments. The backtrace starts where it was called, not in it.
  Value WrongArity(Value procedure, uint32_t argc);
  // values() are not exactly one, where one is taken.
  Value WrongValueCount();
  // A single object of `bytes` cannot be made within the heap limit.
  Value OutOfMemory(absl::string_view who, uint64_t bytes);
  Value MakeCondition(absl::string_view kind, absl::string_view who, absl::string_view message, Value irritants);
  // For `return vm.Delegate(...)` in a primitive: its call becomes one of `procedure`, a closure,
  // with at most four `args`.
  Value Delegate(Value procedure, absl::Span<const Value> args);
  // Ends the run with the Status of a condition, or other object raised, that no handler took.
  Value Uncaught(Value object);
  // Takes the object that Raise left: for C++ code that handles it.
  Value TakePending();
  // The object that Raise left, which stays there; kUndefined if nothing has been raised.
  Value pending() const { return state_.pending; }

  // ---- Several values, from a primitive or to C++: see kMultipleValues.
  std::vector<Value>& values() { return state_.values; }
  // Roots for Values that a primitive must not lose while it runs: opcodes pass arguments in the first of them.
  absl::Span<Value> scratch() { return absl::MakeSpan(state_.scratch); }

  DynamicState& dynamic() { return state_; }

  // ---- Control from outside. Any thread: ends the current (or next) Call at its next safepoint,
  // with Cancelled, or with DeadlineExceeded or ResourceExhausted for a limit of time or memory;
  // such a one gives way to an interrupt that is there already, and all give way to kDisposed.
  void Interrupt(InterruptReason reason = InterruptReason::kInterrupted) {
    const bool of_limit = reason != InterruptReason::kInterrupted && reason != InterruptReason::kDisposed;
    int seen = 0;
    while (seen != static_cast<int>(InterruptReason::kDisposed) && !(of_limit && seen != 0) &&
           !state_.interrupt.compare_exchange_strong(seen, static_cast<int>(reason))) {
    }
    state_.stack_limit.store(nullptr);
  }
  // Forgets an interrupt that nothing has seen yet; only those of time limits, if so wanted.
  void ClearInterrupt(bool time_only);

  // ---- Limits (limits.h).
  // From now on, `fuel` more instructions end the run; the stack may take `stack_words`.
  // Instructions are counted by another copy of the interpreter, which takes effect when the host
  // calls next.
  void CountInstructions(bool count) { state_.fuel_mask = count ? ~uint64_t{0} : 0; }
  bool CountsInstructions() const { return state_.fuel_mask != 0; }
  int64_t fuel() const { return state_.fuel; }
  void set_fuel(int64_t fuel) { state_.fuel = fuel; }
  void LimitStack(uint64_t words);
  // Bytes of stack that hold, or have held since the last collection, frames.
  size_t StackBytes() const { return static_cast<size_t>(state_.soft_limit - heap_->stack_begin()) * sizeof(Value); }
  // For primitives whose work grows with their data: to be called every few thousand steps, so that no more than a
  // tenth of a millisecond passes between two calls, with the number of steps done since the last. Charges the steps as
  // if they were instructions, and sees interrupts. False: the run is being ended, return kException at once. Not a
  // safepoint.
  [[nodiscard]] bool Poll(uint64_t steps) {
    state_.fuel -= static_cast<int64_t>(steps & state_.fuel_mask);
    if (__builtin_expect(state_.interrupt.load(std::memory_order_relaxed) == 0 && state_.fuel >= 0, 1)) return true;
    return PollSlow();
  }
  // Ends the run with `status`, which no handler of the program sees, unless it is being ended
  // already. For primitives: returns kException.
  Value Terminate(absl::Status status);
  // The same, with all that is known about it.
  Value End(Failure failure);
  // How the run has ended, for whoever has seen to its end: from now on nothing is being ended.
  absl::Status TakeTermination();
  // As long as it lives, C++ code on this thread polls this machine (heap/poll.h), and its scratch counts against the
  // heap limit, in a run or outside of any. Whoever makes one outside of a run takes the termination.
  [[nodiscard]] RunScope Polls();

  Attachments& attachments() { return attachments_; }
  const Attachments& attachments() const { return attachments_; }
  Embedder* embedder() const { return attachments_.embedder; }
  // A null call: nothing is bound.
  HostBinding BindingOf(const HostFunction& function);
  // The innermost macro use whose transformer is running.
  MacroUse* macro_use() const { return macro_use_; }
  void set_macro_use(MacroUse* use) { macro_use_ = use; }

  // Where a backtrace starts: in the frame that runs, or where that was called.
  enum class TraceFrom { kFrame, kCall };
  // The current backtrace, innermost first, as Condition::backtrace holds it; at most `frames`. Allocates.
  Value CaptureBacktrace(TraceFrom from = TraceFrom::kFrame, int frames = 64);
  // Where an instruction comes from, "file:line:column", as far as known.
  std::string PlaceOf(const Code* code, uint32_t word) const;
  void VisitRoots(Visit visit, void* context) override;

  // ---- Recycling (reset.cc). Not while anything runs.

  // The state in which the machine was made, with the image's roots; see Heap::Reset. Attachments stay.
  void Reset(absl::Span<const uint32_t> roots, size_t keep_bytes);
  // Makes a machine that is new the same as `parent`, in which nothing runs: see Heap::CopyFrom. Not its
  // attachments, nor an interrupt that is pending.
  void CopyFrom(const Vm& parent);
  // As Heap::FirstDifference, the machine's own state included.
  std::string FirstDifference(const Vm& other, Unused unused) const;

 private:
  Value NewCondition(absl::string_view kind, absl::string_view who, absl::string_view message, Value irritants,
                     TraceFrom from);
  // Replaces the names of a procedure and an argument by those in the source of the running instruction, where the
  // compiler has made another call of it (source_map.h).
  void NameOperand(absl::string_view* who, int* position) const;
  Value* FirstSoftLimit() const;
  // Whether failure_ is what `status` is about.
  bool HasRecorded(const absl::Status& status) const;
  bool PollSlow();
  // The PollTarget of its runs (heap/poll.h).
  static bool PollRun(void* self, uint64_t steps);

  friend struct MachineAccess;  // run.h

  MachineState state_;
  std::unique_ptr<Heap> heap_;
  absl::Span<const PrimitiveSpec> primitives_;
  std::array<Value, static_cast<int>(Root::kCount)> roots_;
  Attachments attachments_;
  MacroUse* macro_use_ = nullptr;
};

}  // namespace islet::vm

#endif  // ISLET_ISOLATE_INTERPRETER_VM_H_
