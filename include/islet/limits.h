// Limits of what one call from the host may use up: memory, depth of the stack, instructions, time.
//
//   islet::IsolateOptions options;
//   options.limits.heap_bytes = 16 << 20;
//   options.limits.wall_time = std::chrono::milliseconds(50);
//   ...
//   auto answer = (*isolate)->Call("handler");
//   if (islet::LimitReached(answer.status()) == islet::Limit::kWallTime) ...
//
// A limit that is reached ends the Eval or Call. No handler of the script sees it, and no thunk of a dynamic-wind runs.
// The message has a backtrace. The isolate stays usable, and others notice nothing. The message names the limit and its
// amount: "wall-time limit of 50 ms reached". A single object too large for the heap limit is a condition of the script
// instead, and nothing ends.

#ifndef ISLET_LIMITS_H_
#define ISLET_LIMITS_H_

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "absl/status/status.h"

namespace islet {

struct Limits {
  static constexpr size_t kNoBytes = ~size_t{0};
  static constexpr uint64_t kNoFuel = ~uint64_t{0};
  static constexpr std::chrono::nanoseconds kNoTime = std::chrono::nanoseconds::max();

  // Bytes of live and fresh objects, the snapshot's own not counted, of what host objects stand for
  // (Isolate::MakeHostObject), and of what a call takes beside them: text that is read, expanded and compiled, macros,
  // what is at hand of a port, copies and lists of work of built-in procedures. Whatever a script can make grow counts,
  // but short-lived texts and lists that are no larger than an object in the heap they are made of. As collecting
  // copies what is alive, up to three times as much may be resident for a moment; and up to twice as
  // much for as long as the program uses it again and again, since fresh pages are dear (Isolate::
  // CollectGarbage gives them back). ResourceExhausted.
  size_t heap_bytes = size_t{512} << 20;
  // Bytes of frames of calls that have not returned; they count as heap as well, from some 200 KiB
  // on. Seen where a procedure is entered, to about a KiB. kNoBytes: as the heap allows.
  // ResourceExhausted.
  size_t stack_bytes = kNoBytes;
  // Instructions of bytecode that each Eval or Call of the host's may carry out; built-in
  // procedures that go through much data take more than one. The same program with the same data in
  // the same snapshot takes the same number on every machine, as long as the version of Islet is
  // the same. Reading, expanding and compiling takes some, too, if the text of an Eval, or what a
  // script gives to `eval`, is long. Counting makes programs slower by about a third. kNoFuel: not
  // counted. ResourceExhausted.
  uint64_t fuel = kNoFuel;
  // Processor time of the thread, and elapsed time, of each Eval or Call of the host's; seen within
  // a millisecond. What host functions take counts, but they are not interrupted. DeadlineExceeded.
  // A thread of the process watches over them. It is started by the first call that has such a
  // limit, blocks all signals, and is started anew in a child of fork() when it is needed there. A
  // call that forks is limited in the child, too; what it has used before counts. If no thread can
  // be made, the call is not begun, or ends where SetLimits or the fork has left it without:
  // ResourceExhausted, with the system's reason, and the isolate stays usable.
  std::chrono::nanoseconds cpu_time = kNoTime;
  std::chrono::nanoseconds wall_time = kNoTime;
};

enum class Limit : int { kNone = 0, kHeap = 1, kStack = 2, kFuel = 3, kCpuTime = 4, kWallTime = 5 };

// Which limit has ended the Eval or Call that returned `status`; kNone if something else did.
Limit LimitReached(const absl::Status& status);

// "heap", "stack", "fuel", "cpu-time", "wall-time"; "" for kNone.
const char* LimitName(Limit limit);

}  // namespace islet

#endif  // ISLET_LIMITS_H_
