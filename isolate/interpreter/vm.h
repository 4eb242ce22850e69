// The virtual machine of one isolate: its heap, stack, roots, dynamic state, and the ways to run Lisp and to raise.
//
// Thread safety: none; entered by one thread at a time. `Interrupt` may be called from any thread.

#ifndef ISLET_ISOLATE_INTERPRETER_VM_H_
#define ISLET_ISOLATE_INTERPRETER_VM_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "isolate/heap/heap.h"
#include "isolate/heap/poll.h"
#include "isolate/heap/reusable_vector.h"
#include "isolate/interpreter/failure.h"
#include "isolate/interpreter/limits.h"
#include "isolate/interpreter/liveness.h"
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

// What Root::kTableProcedures holds, in order (isolate/lib/islet/hash-table.sld).
enum class TableProcedure : int { kRefDefault, kSet, kDelete, kContains, kCount };

// What a HostFunction's index is bound to. `call` follows the primitive's contract, but may run Lisp (and so collect).
struct HostBinding {
  Value (*call)(Vm& vm, void* data, Value* args, uint32_t argc) = nullptr;
  void* data = nullptr;
};

// What a number means that is no primitive's: it raises.
extern const PrimitiveSpec kNoPrimitive;

// Why a run was asked to end.
// kMemory: what is outside of the cage has passed the heap limit (heap/account.h).
enum class InterruptReason : int { kNone, kInterrupted, kCpuTime, kWallTime, kDisposed, kMemory, kNoTimer };

// What the C++ code of a run polls, and what its scratch memory counts for.
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
  Value FindPrimitive(std::string_view name) const;

  // ---- Symbols (interpreter/symbol_table.cc). `name` is UTF-8, valid. Long names are polled for: if the run is being
  // ended, any symbol.
  Value Intern(std::string_view name);
  // The same for the characters of a String, which becomes the symbol's name if it is flagged as immutable, and else is
  // copied: room for that must have been reserved.
  Value InternString(Value string);
  // The symbol's name in UTF-8.
  std::string SymbolName(Value symbol) const;

  // ---- Strings in and out: enough for names and messages; the rest is data/string.h.
  Value MakeString(std::string_view utf8, uint32_t flags = 0);  // invalid UTF-8 becomes U+FFFD
  std::string ToUtf8(Value string) const;

  // ---- Running. Nested runs are allowed (a host function that calls back). `procedure` and `args` need not be roots.
  // The result is the value returned (with several values the first, with none kUnspecified).
  // Errors: a condition that no handler took, as a Status whose message has the condition's text, position and
  // backtrace (the condition itself is in last_condition); ResourceExhausted (heap, fuel), Cancelled (interrupt). All
  // bear a mark (failure.h), but for a call that could not begin (ResourceExhausted).
  absl::StatusOr<Value> Call(Value procedure, absl::Span<const Value> args);
  // The object that the last failed Call raised, or kUndefined if it was no condition.
  Value last_condition() const { return last_condition_; }
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
  Value Error(std::string_view kind, std::string_view who, std::string_view message, Value irritants = kNull);
  // `position` counts arguments from 1; `expected` reads like "an exact integer".
  Value WrongType(std::string_view who, int position, std::string_view expected, Value got);
  // `why` reads like "is not below the vector's length, 3".
  Value OutOfRange(std::string_view who, int position, std::string_view why, Value got);
  // `procedure` does not take `argc` arguments. The backtrace starts where it was called, not in it.
  Value WrongArity(Value procedure, uint32_t argc);
  // values() are not exactly one, where one is taken.
  Value WrongValueCount();
  // A single object of `bytes` cannot be made within the heap limit.
  Value OutOfMemory(std::string_view who, uint64_t bytes);
  Value MakeCondition(std::string_view kind, std::string_view who, std::string_view message, Value irritants);
  // For `return vm.Delegate(...)` in a primitive: its call becomes one of `procedure`, a closure,
  // with at most four `args`.
  Value Delegate(Value procedure, absl::Span<const Value> args);
  // Ends the run with the Status of a condition, or other object raised, that no handler took.
  Value Uncaught(Value object);
  // What Raise left, taken: for C++ code that handles it.
  Value TakePending();

  // ---- Several values, from a primitive or to C++: see kMultipleValues.
  std::vector<Value>& values() { return values_; }

  // ---- Dynamic state.
  Value winders = kNull;
  Value handlers = kNull;
  Value parameters = kNull;

  // ---- Control from outside. Any thread: ends the current (or next) Call at its next safepoint,
  // with Cancelled, or with DeadlineExceeded or ResourceExhausted for a limit of time or memory;
  // such a one gives way to an interrupt that is there already, and all give way to kDisposed.
  void Interrupt(InterruptReason reason = InterruptReason::kInterrupted) {
    const bool of_limit = reason != InterruptReason::kInterrupted && reason != InterruptReason::kDisposed;
    int seen = 0;
    while (seen != static_cast<int>(InterruptReason::kDisposed) && !(of_limit && seen != 0) &&
           !interrupt_.compare_exchange_strong(seen, static_cast<int>(reason))) {
      continue;
    }
    stack_limit_.store(nullptr);
  }
  // Forgets an interrupt that nothing has seen yet; only those of time limits, if so wanted.
  void ClearInterrupt(bool time_only);

  // ---- Limits (limits.h).
  // From now on, `fuel` more instructions end the run; the stack may take `stack_words`.
  // Instructions are counted by another copy of the interpreter, which takes effect when the host
  // calls next.
  void CountInstructions(bool count) { fuel_mask_ = count ? ~uint64_t{0} : 0; }
  bool CountsInstructions() const { return fuel_mask_ != 0; }
  int64_t fuel() const { return fuel_; }
  void set_fuel(int64_t fuel) { fuel_ = fuel; }
  void LimitStack(uint64_t words);
  // Bytes of stack that hold, or have held since the last collection, frames.
  size_t StackBytes() const { return static_cast<size_t>(soft_limit_ - heap_->stack_begin()) * sizeof(Value); }
  // Asked when a limit is reached: true if it has been raised. Must not run Lisp, nor collect.
  bool (*limit_hook)(Vm& vm, Limit limit) = nullptr;
  // What messages say of the limits that are not the machine's own.
  LimitFigures limit_figures;
  // For primitives whose work grows with their data: to be called every few thousand steps, so that no more than a
  // tenth of a millisecond passes between two calls, with the number of steps done since the last. Charges the steps as
  // if they were instructions, and sees interrupts. False: the run is being ended, return kException at once. Not a
  // safepoint.
  [[nodiscard]] bool Poll(uint64_t steps) {
    fuel_ -= static_cast<int64_t>(steps & fuel_mask_);
    if (__builtin_expect(interrupt_.load(std::memory_order_relaxed) == 0 && fuel_ >= 0, 1)) return true;
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

  // ---- Bindings of host functions, by external-reference index; owned by the caller. Unbound ones have a null call.
  std::vector<HostBinding> host_bindings;

  // Turns (procedure, environment) into code: installed by the evaluator; used by the primitive behind `eval`. Takes a
  // datum and an Environment; returns a procedure of no arguments, or kException.
  Value (*compile_hook)(Vm& vm, Value datum, Value environment) = nullptr;
  // Behind `load`: evaluates the file named by a String.
  Value (*load_hook)(Vm& vm, Value path, Value environment) = nullptr;
  // Behind `environment`: a fresh Environment with a list of import sets.
  Value (*environment_hook)(Vm& vm, Value import_sets) = nullptr;
  // What belongs to the embedder and to the evaluator (opaque to this layer).
  void* host = nullptr;
  // operator new has failed in it: it may be between two states, and is only to be disposed of.
  bool lost = false;
  void* evaluator = nullptr;
  // The innermost macro use whose transformer is running (expander/procedural_macro.cc): opaque here.
  void* macro_use = nullptr;
  // What it was granted of the world outside, and its open files (ports/outside.h): opaque here.
  std::shared_ptr<void> outside;
  // Keeps what Heap::pristine points to.
  std::shared_ptr<const void> image;

  // Where a backtrace starts: in the frame that runs, or where that was called.
  enum class TraceFrom { kFrame, kCall };
  // The current backtrace, innermost first, as Condition::backtrace holds it; at most `frames`. Allocates.
  Value CaptureBacktrace(TraceFrom from = TraceFrom::kFrame, int frames = 64);
  // Where an instruction comes from, "file:line:column", as far as known.
  std::string PlaceOf(const Code* code, uint32_t word) const;
  // Describes a Condition or any raised object: the failure's message, condition, place and frames. `backtrace` is as
  // Condition::backtrace holds it, or #f for the condition's own. Installed by the evaluator (it needs the printer).
  Failure (*describe_hook)(Vm& vm, Value object, Value backtrace) = nullptr;

  void VisitRoots(Visit visit, void* context) override;

  // ---- Recycling (reset.cc). Not while anything runs.

  // The state in which the machine was made, with the image's roots; see Heap::Reset. What belongs to the embedder
  // stays: host_bindings, outside, image, host. Hooks are as if none had been installed.
  void Reset(absl::Span<const uint32_t> roots, size_t keep_bytes);
  // Makes a machine that is new the same as `parent`, in which nothing runs: see Heap::CopyFrom. Not what belongs to
  // the embedder, nor an interrupt that is pending.
  void CopyFrom(const Vm& parent);
  // As Heap::FirstDifference, the machine's own state included.
  std::string FirstDifference(const Vm& other, Unused unused) const;

 private:
  Value NewCondition(std::string_view kind, std::string_view who, std::string_view message, Value irritants,
                     TraceFrom from);
  // What the running instruction is in the source, where it differs (source_map.h): the procedure that was called
  // there, and the number of the argument.
  void NameOperand(std::string_view* who, int* position) const;
  // Headers of frames, and arguments of calls about to be refused, may lie so many words past the soft limit.
  static constexpr ptrdiff_t kPastSoftLimit = 64;
  Value* FirstSoftLimit() const;
  // Whether failure_ is what `status` is about.
  bool HasRecorded(const absl::Status& status) const;
  bool PollSlow();
  // The PollTarget of its runs (heap/poll.h).
  static bool PollRun(void* self, uint64_t steps);

  std::unique_ptr<Heap> heap_;
  Value roots_[static_cast<int>(Root::kCount)];
  absl::Span<const PrimitiveSpec> primitives_;

 public:  // for the interpreter's opcode functions, which are free functions
  PrimitiveFunction well_known_[static_cast<int>(WellKnown::kCount)];
  std::atomic<Value*> stack_limit_;  // calls that would pass this take the slow path
  std::atomic<int> interrupt_{0};
  uint64_t most_stack_words_ = kNoStackLimit;
  int64_t fuel_ = 0;             // instructions left, if they are counted
  uint64_t fuel_mask_ = 0;       // all ones if instructions are counted, else 0
  Value* soft_limit_ = nullptr;  // what stack_limit_ is without an interrupt
  Value* frame_ = nullptr;       // where the interpreter stands, at safepoints and in primitives
  const uint32_t* pc_ = nullptr;
  Value pending_ = kUndefined;  // what was raised
  bool pending_continuable_ = false;
  int delegated_ = -1;           // if not negative, pending_ is to be called with so many arguments, in scratch_
  Value continuation_ = kFalse;  // what returns from the bottom of the stack
  int32_t run_count_ = 0;        // of nested runs
  ReusableVector<Value> values_;
  bool returned_several_ = false;  // the last Call that succeeded: all that it returned is in values_
  Value last_condition_ = kUndefined;
  struct Run* current_run_ = nullptr;  // run.h
  uint32_t argc_ = 0;                  // at safepoints in a callee's entry
  // The call that was carried out last, for errors that are the caller's: its instruction, and, as the frame of a tail
  // call is gone, the closure that made it. Good until the callee has been entered, or, if it is not Lisp, has
  // returned.
  const uint32_t* call_site_ = nullptr;
  Value tail_caller_ = kFalse;
  // Arguments of a primitive that an opcode falls back on; the last, what a primitive has of its
  // result so far. Roots.
  Value scratch_[4] = {};
  Value long_args_ = kFalse;  // Vector: arguments of a primitive that are too many for the stack
  // While a run is being given up: no handler runs until the host, or the run that `escape_`
  // belongs to, is reached.
  bool terminating_ = false;
  Failure failure_;            // the latest, until somebody takes it; while terminating, how the run ends
  Value escape_ = kUndefined;  // Continuation of an outer run
  Value escape_value_ = kUndefined;
  size_t young_symbol_count_ = 0;
  Liveness liveness_;
};

}  // namespace islet::vm

#endif  // ISLET_ISOLATE_INTERPRETER_VM_H_
