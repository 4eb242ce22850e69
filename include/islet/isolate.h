// An isolate: a Lisp heap of its own, seeded copy-on-write from a snapshot, with the machine that runs it.
//
//   auto snapshot = islet::Snapshot::FromEmbedded(startup);
//   auto isolate = islet::Isolate::FromSnapshot(*snapshot);
//   islet::Isolate::Scope scope(**isolate);
//   auto answer = (*isolate)->Call("handler", {islet::String("www.example.co.uk")});
//   if (!answer.ok()) std::cerr << answer.status().message() << "\n";
//
// Used too late. An isolate ends when it is disposed of, or given back to its pool. Whatever refers to it may live on,
// and end in any order and on any thread: calls and Values then give FailedPrecondition, a Scope or Persistent that
// ends does nothing, Interrupt and SetLimits do nothing, Stats is empty. That holds for an Isolate& or Isolate* itself
// as well: what it points to is not freed, and serves another isolate only when its thread has made, or got from pools,
// some hundreds more.
//
// Disposed of, or given back, while it is in use (by its own host functions and callbacks, or by another thread): the
// calls that run end with FailedPrecondition, and the isolate when they have.
//
// Thread safety: isolates share nothing that changes, so each may run on a thread of its own. One isolate is entered
// (Isolate::Scope) by one thread at a time, and may move between threads. All methods but Interrupt are for the thread
// that has entered it.
//
// The C++ stack. On less than kLeastStack (stack.h), and on a fiber's that was not announced, all that returns a Status
// gives ResourceExhausted.
//
// Forks. A process may fork(), on any thread. In the child, isolates that the forking thread has entered, or nobody, go
// on as they were, Persistents and handles included. One that another thread was inside of at the fork is never usable
// there: calls and Values give FailedPrecondition, Interrupt and SetLimits do nothing, and to dispose of it, or give it
// back to its pool, returns at once but frees nothing. Pools, snapshots and capabilities that come with the SDK are for
// both; what a fork is to do about streams, files and host functions of the host's own is the host's affair. A child of
// vfork, posix_spawn or _Fork may use nothing of this.

#ifndef ISLET_ISOLATE_H_
#define ISLET_ISOLATE_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "islet/capabilities.h"
#include "islet/error.h"
#include "islet/host_functions.h"
#include "islet/host_objects.h"
#include "islet/limits.h"
#include "islet/snapshot.h"
#include "islet/streams.h"
#include "islet/value.h"

namespace islet {

class Isolate;
namespace vm {
enum class InterruptReason : int;
}

struct IsolateOptions {
  // Scripts may use up so much (limits.h). Reaching a limit ends the call; the isolate stays usable.
  Limits limits;
  // Asked, on the thread that runs the isolate, when a limit is reached: the call goes on if
  // SetLimits raises that limit far enough, and ends if not, or if this throws: the message then
  // tells what. Null: it ends. May use Stats and SetLimits only; Eval and Call fail with
  // FailedPrecondition.
  std::function<void(Isolate& isolate, Limit limit)> near_limit;
  // Counts instructions for Stats even if `limits.fuel` is not set. Makes programs slower by about
  // a third.
  bool count_instructions = false;
  // Bytes of address space, a multiple of 2 MiB, at most 4 GiB; at least 32 MiB, and 25 MiB more than the snapshot has.
  // At most a quarter of it can be live objects.
  uint64_t cage_size = uint64_t{4} << 30;
  // Bytes of free memory that the isolate's heap may keep resident, at most, since a program that has used them is
  // likely to do so again and fresh pages are dear. 0: what a collection frees goes back to the system at once, and
  // programs that collect much may take twice as long. What a program no longer uses goes back in any case, after some
  // more collections, and all of it with CollectGarbage. Limits::kNoBytes: as much as limits.h says of the heap limit.
  size_t spare_bytes = Limits::kNoBytes;
  // The snapshot's host functions are bound to these; read when the isolate or pool is made, and kept alive by it.
  // FromSnapshot fails, naming them all, if some are missing.
  const HostFunctions* host_functions = nullptr;

  // ---- What scripts may reach outside of the isolate: by default nothing. See islet/capabilities.h. A procedure that
  // needs what is not granted raises a condition of kind `permission` that names it.

  // Where the standard ports go: `write` receives what a script prints on the current output (descriptor 1) or error
  // port (2); input is empty. Null: as `streams` says.
  std::function<void(int descriptor, absl::string_view text)> write;
  // The standard ports as a whole, instead of `write`. Both null: they are denied.
  std::shared_ptr<StandardStreams> streams;
  // The files that scripts may open, load, include and delete. ProcessFiles() are those of the process.
  std::shared_ptr<FileSystem> files;
  // current-second and current-jiffy ask this. SystemClock() is the system's.
  std::shared_ptr<Clock> clock;
  // SRFI 27's random-source-randomize! asks this: SystemRandomness(), SeededRandomness(n). All else about random
  // numbers is computed, the same in every isolate.
  std::shared_ptr<Randomness> randomness;
  // Where in `files` a library (a b) that the snapshot lacks is looked for, as a/b.sld or a/b.lisp. Empty: where
  // relative paths start.
  std::vector<std::string> library_path;
  // (command-line) returns these: by custom the script's name, then its arguments. Empty: the empty list (R7RS 6.14).
  std::vector<std::string> command_line;
  // Names and values that (get-environment-variable) finds. The process's own environment stays out of reach unless the
  // host copies it here: threads may read this while others change that. Empty: #f for every name (R7RS 6.14).
  std::vector<std::pair<std::string, std::string>> environment;
};

// Since the isolate was made, or handed out by its pool.
struct IsolateStats {
  // ---- Heap, by space: bytes of live objects and those not collected yet.
  size_t heap_bytes = 0;         // young_bytes and old_bytes
  size_t young_bytes = 0;        // nursery
  size_t old_bytes = 0;          // objects that have survived a collection, and large ones
  size_t large_bytes = 0;        // of old_bytes: objects of 32 KiB and more, which do not move
  size_t external_bytes = 0;     // not of heap_bytes: what host objects stand for, and some 100 bytes for each of them
  size_t host_objects = 0;       // that have been neither finalized nor revoked
  size_t spare_bytes = 0;        // not of heap_bytes: free, but resident (IsolateOptions::spare_bytes)
  size_t snapshot_bytes = 0;     // the snapshot's objects, written or not
  size_t dirty_pages = 0;        // snapshot pages written, of 4 KiB
  size_t stack_bytes = 0;        // touched by frames, at the deepest since the last collection
  uint64_t allocated_bytes = 0;  // in all, whether alive or not
  // ---- Collections, and the time that they took in all and at most.
  uint64_t minor_collections = 0;
  uint64_t full_collections = 0;
  double minor_seconds = 0;
  double full_seconds = 0;
  double longest_minor_seconds = 0;
  double longest_full_seconds = 0;
  // Entries of hash tables that look-ups have placed anew, since collections had moved keys that are hashed by their
  // address (all keys of eq? tables but symbols and small integers): after a minor collection those added since the one
  // before, after a full one all. A look-up places 8192 at most, or 1/32 of a table that is larger than that makes.
  uint64_t rehashed_entries = 0;
  // ---- Work.
  uint64_t instructions = 0;  // counted only under a limit of fuel, or with IsolateOptions::count_instructions
  uint64_t host_calls = 0;    // calls of host functions by scripts
};

// Tells what a text begins with: see Isolate::ScanForm.
struct FormScan {
  enum class Kind {
    kNone,        // nothing but space and comments
    kForm,        // a whole datum
    kIncomplete,  // the text ends inside a datum, string or comment: more text may complete it
    kInvalid,     // an error that more text does not mend; Eval reports it
  };
  Kind kind = Kind::kNone;
  size_t end = 0;  // kForm: the datum and what stands before it take so many bytes
};

class alignas(64) Isolate {
 public:
  // Errors: FailedPrecondition (host functions missing or with another arity: all are named), ResourceExhausted
  // (address space or mappings used up), InvalidArgument (options).
  static absl::StatusOr<std::unique_ptr<Isolate>> FromSnapshot(const Snapshot& snapshot,
                                                               const IsolateOptions& options = {});
  // A second isolate in the state that this one is in, with the same options: whatever a script could observe is equal.
  // From then on neither sees what the other does. Costs time and memory for the pages that this one has written and
  // allocated, not for the snapshot. The new one is entered by nobody, is not of a pool, and may be used by any thread.
  // Handles and persistents of this one are none of the new one's. Capabilities are the same: files of its own
  // (FileSystem::ForIsolate) are copied, random numbers go on from the same place. Ports in the heap (strings,
  // bytevectors) are copied with their contents; the standard ports lead where this one's do (IsolateOptions::write or
  // streams), and what has been read ahead of standard input is there for both. To be called by the thread that has
  // entered this one, or while nobody has; not by a host function that it has called. Errors: FailedPrecondition (a
  // call is running, entered by another thread, a file is open: its name is told), and those of FromSnapshot.
  absl::StatusOr<std::unique_ptr<Isolate>> Fork();
  // Disposes of the isolate, or if it is in use, has that end: see "Used too late".
  static void operator delete(Isolate* isolate, std::destroying_delete_t);
  ~Isolate() = default;  // of no use: `delete` does not come here
  Isolate(const Isolate&) = delete;
  Isolate& operator=(const Isolate&) = delete;

  // Enters the isolate on this thread, and opens a scope for handles. Scopes nest; the innermost ends first. If another
  // thread has entered the isolate, this one has not: its calls give FailedPrecondition. A scope that ends on another
  // thread than it began on does not leave the isolate; one that ends inside of a host function that it encloses leaves
  // it when the call ends.
  class Scope {
   public:
    explicit Scope(Isolate& isolate);
    ~Scope();
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    Isolate& isolate_;
    uint32_t generation_;
    bool entered_;
    size_t handles_;
  };

  // Evaluates the forms of `text`; the value of the last. `name` stands for the text in messages.
  // Errors: InvalidArgument (syntax: the message starts with name:line:column), Unknown (an
  // exception that nothing handled: the message has its report and a backtrace. If it is a host
  // function's failure, the code and payloads are those of its Status. A file that does not exist
  // is NotFound, one that may not be used, or what is not granted at all, PermissionDenied, and
  // what `read` cannot make sense of, InvalidArgument), ResourceExhausted
  // and DeadlineExceeded (limits.h: LimitReached says which), Cancelled (Interrupt),
  // FailedPrecondition (not entered by this thread). ResourceExhausted that is no limit's: operator
  // new has failed while the isolate was at work. It is lost then: its calls and Fork give the same
  // error from now on, its handles are stale, and all that can be done is to dispose of it, or to
  // give it back. No other isolate notices.
  absl::StatusOr<Value> Eval(absl::string_view text, absl::string_view name = "eval");
  // The same; all values of the last form: one for most, none for a definition and for (values).
  absl::StatusOr<std::vector<Value>> EvalValues(absl::string_view text, absl::string_view name = "eval");
  // Evaluates `text` as snapshot_gen evaluates a script: if it starts with an import, it is a program (R7RS 5.1), which
  // sees what it imports and nothing else; what it defines is entered among the top-level variables when it has run. A
  // first line that starts with #! is a comment. The value of the last form. Errors: those of Eval.
  absl::StatusOr<Value> EvalScript(absl::string_view text, absl::string_view name);
  // Calls the procedure that the top-level variable `name` holds.
  // A procedure written in Lisp, or a host function, takes up to 60,000 arguments, a built-in one a hundred million.
  // Errors: NotFound (no such variable), and those of Eval; a wrong number or type of arguments is an exception.
  // InvalidArgument (an argument is no valid literal), ResourceExhausted (there is no room for the arguments).
  absl::StatusOr<Value> Call(absl::string_view name, absl::Span<const Value> arguments = {});
  absl::StatusOr<Value> Call(absl::string_view name, std::initializer_list<Value> arguments) {
    return Call(name, absl::MakeConstSpan(arguments.begin(), arguments.size()));
  }
  // Calls a procedure.
  absl::StatusOr<Value> Call(const Value& procedure, absl::Span<const Value> arguments = {});
  // The value of a top-level variable. Errors: NotFound.
  absl::StatusOr<Value> Lookup(absl::string_view name);

  // ---- Objects and procedures of the host's, made at run time. They are collected like any other.

  // A host object (host_objects.h): what stands for `pointer`, which may be anything. `external_bytes`, of memory that
  // is behind it, count against the heap limit until it has been collected, and make collections come sooner. May run
  // finalizers of others. If this fails, no finalizer will see `pointer`. Errors: ResourceExhausted (the heap limit
  // leaves no room for so many bytes), InvalidArgument (no type), FailedPrecondition.
  absl::StatusOr<Value> MakeHostObject(const HostType& type, void* pointer, size_t external_bytes = 0);
  // The pointer of an object of this type. Errors: InvalidArgument (anything else, or an object of another type),
  // NotFound (it was revoked), FailedPrecondition.
  absl::StatusOr<void*> HostPointer(const Value& object, const HostType& type);
  // Takes its pointer from a host object, which lives on without: methods raise a condition, and the finalizer will not
  // run. One that was revoked before stays so. Errors: InvalidArgument (not a host object), FailedPrecondition.
  absl::Status Revoke(const Value& object);
  // A procedure that calls `function`, as if it had been declared and added to HostFunctions with these numbers of
  // arguments. `function` is destroyed when the procedure has been collected, as finalizers run; a fork of the isolate
  // has a copy of it. Cannot be frozen. Errors: InvalidArgument (what HostFunctions::Add would refuse),
  // ResourceExhausted, FailedPrecondition.
  absl::StatusOr<Value> MakeProcedure(absl::string_view name, int least, int most, HostFunction function);
  // HostError (error.h) with irritants: data about the failure, as `error` takes them after its message. For a host
  // function of this isolate to return: what it returns later has none. Errors: those of HostError;
  // FailedPrecondition, and those of literals, instead.
  absl::Status MakeError(absl::string_view kind, int code, absl::string_view message,
                         absl::Span<const Value> irritants);
  // Sets the top-level variable `name`, as (define name 'value) would, whether there is one or not. Errors:
  // FailedPrecondition (the name is a keyword, or imported from a library, whose users would not see the new value; or
  // those of Call), InvalidArgument (no valid literal, no name), ResourceExhausted.
  absl::Status Define(absl::string_view name, const Value& value);

  // From any thread, and from signal handlers, even while another disposes of it: ends the running (or next) Eval or
  // Call with Cancelled at its next call or loop iteration, or within a built-in procedure that goes through much data.
  // Host functions end first. What is left of a full collection is done by the next call, or dropped by a reset.
  void Interrupt();
  // Forgets an Interrupt that came when nothing was running any more, so that the next Eval or Call is spared.
  void ClearInterrupt();

  // The latest failure of Eval, EvalValues, EvalScript or Call, in parts; empty before there is one, and where this
  // thread may not use the isolate. Good until the next call.
  const ErrorReport& LastError() const;
  // The object that this failure has raised: a handle in the innermost scope. Errors: NotFound (there has been none, or
  // it was no object: a limit, an interrupt, an exit), FailedPrecondition.
  absl::StatusOr<Value> LastRaised();
  // Writes out what open files and the standard ports hold back. Errors: those of the system.
  absl::Status Flush();

  // ---- For prompts and tools.

  // Reads one datum of `text`, without evaluating it, to tell a prompt whether to ask for another line. kInvalid also
  // where the isolate is not entered.
  FormScan ScanForm(absl::string_view text);
  // Gives the host what the isolate has read ahead of the standard input granted to it, and no script has taken yet;
  // the isolate forgets it. So a prompt and the programs that run at it can share one input. "" where the isolate is
  // not entered.
  std::string TakeUnreadInput();
  // The names with this prefix that top-level code can use, variables and syntax, in alphabetical order.
  std::vector<std::string> Names(absl::string_view prefix = "");
  // The bytecode of a procedure, and of the procedures written inside it, for people to read: its form may change.
  // Errors: InvalidArgument (not a procedure, or one that is not written in Lisp), FailedPrecondition.
  absl::StatusOr<std::string> Disassemble(const Value& procedure);

  // Other limits from now on; a pool's isolate has its options' again when it is handed out next.
  // In a call that runs, from near_limit or a host function, time and fuel that it has used already
  // count; a limit of fuel that was not there when the call began is seen by nested and later calls
  // only. By the thread that has entered the isolate, or while nobody has.
  void SetLimits(const Limits& limits);
  const Limits& limits() const;

  IsolateStats Stats() const;
  // Frees what is unreachable, and gives all memory of the heap that is free back to the system: of
  // what a program has used, collections of their own accord keep some for what it will use next.
  void CollectGarbage();

  // The isolate's name in handles and persistents; internal.
  struct Impl;
  Impl* impl() const { return impl_.load(std::memory_order_relaxed); }
  // One that has ended, for ever: what an empty PooledIsolate refers to.
  static Isolate& Ended();

 private:
  friend class Value;
  friend class IsolatePool;
  friend class PooledIsolate;
  friend class Persistent;
  friend class WeakPersistent;
  friend class IsolateMemory;   // sdk/isolate_memory.h
  friend struct BindingAccess;  // sdk/isolate_impl.h
  Isolate() = default;
  void InterruptFor(vm::InterruptReason reason);
  void BeginVisit();
  void EndVisit();

  // Who has entered; or that nobody can, as it has ended.
  mutable std::atomic<uint64_t> owner_{0};  // sdk/thread_identity.h
  std::atomic<Impl*> impl_{nullptr};        // null: it has ended
  std::atomic<uint32_t> generation_{1};     // counts ends: what handles, scopes and persistents refer to
  std::atomic<uint64_t> visitors_{0};       // calls of Interrupt, in the lower half; in the upper one, ForkGeneration()
  std::atomic<bool> disposed_{false};       // is to end when its calls have
  Isolate* next_ = nullptr;                 // of those that have ended, or are about to
};

// Keeps a datum alive beyond scopes, until it ends itself or the isolate does; Get then gives a stale handle. Should it
// end while another thread has entered the isolate, the datum stays alive until the isolate ends.
class Persistent {
 public:
  Persistent() = default;
  // If `value` cannot be kept (it is stale, the isolate is not entered), Get gives a stale handle.
  Persistent(Isolate& isolate, const Value& value);
  ~Persistent();
  Persistent(Persistent&& other) noexcept;
  Persistent& operator=(Persistent&& other) noexcept;

  // A handle in the innermost scope; unspecified if empty.
  Value Get() const;

 private:
  static constexpr uint32_t kNoSlot = ~uint32_t{0};
  Isolate* isolate_ = nullptr;
  uint32_t generation_ = 0;
  uint32_t slot_ = kNoSlot;
};

// Refers to a datum without keeping it alive: whoever wants one host object for one pointer keeps this beside the
// pointer. Ends like a Persistent.
class WeakPersistent {
 public:
  WeakPersistent() = default;
  // If `value` cannot be referred to (it is stale, the isolate is not entered), Get gives a stale handle.
  WeakPersistent(Isolate& isolate, const Value& value);
  ~WeakPersistent();
  WeakPersistent(WeakPersistent&& other) noexcept;
  WeakPersistent& operator=(WeakPersistent&& other) noexcept;

  // A handle in the innermost scope, which keeps the datum alive like any other; unspecified if empty. Once the datum
  // has been collected, or the isolate has ended or been reset: a stale handle.
  Value Get() const;
  // Whether Get would give the datum. False if empty, or this thread has not entered the isolate.
  bool IsAlive() const;

 private:
  static constexpr uint32_t kNoNumber = ~uint32_t{0};
  Isolate* isolate_ = nullptr;
  uint32_t generation_ = 0;
  uint32_t number_ = kNoNumber;
  uint32_t stamp_ = 0;
};

}  // namespace islet

#endif  // ISLET_ISOLATE_H_
