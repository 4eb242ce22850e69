// How failures travel between Lisp and the host: as conditions in the heap, as a Failure, and as absl::Status.
//
// The end of a run is told by a Failure, in parts, which the machine keeps (Vm::TakeFailure) until the next. A Status
// is made of it where an interface wants one: it has the failure's text, and bears a mark with the failure's number, by
// which whoever gets it finds the parts again. Nobody reads them out of the text.
//
// A failure was a condition, which may be raised again in the run around, or a termination (limit, interrupt, exit,
// control that left), which ends that one too. As every failure has a number of its own, a host function that returns
// some older failure, or one of another isolate, is not taken for passing on the latest.
//
// A condition made of a host's Status keeps its code and payloads in Condition::payload: a Vector of the code, and URL
// and bytes (String, Bytevector) of each payload in turn. They are the Status's again if nothing handles the condition.
//
// A failure of the host's own (HostError in islet/error.h) has a code that no absl::Status has, from kFirstHostCode on,
// and a kind that the host has chosen. It stands in Condition::payload in the place of the Status's; scripts raise such
// conditions by raise-host. As a Status it is Unknown, with a payload of both.

#ifndef ISLET_ISOLATE_INTERPRETER_FAILURE_H_
#define ISLET_ISOLATE_INTERPRETER_FAILURE_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "isolate/heap/value.h"
#include "isolate/interpreter/limits.h"
#include "isolate/interpreter/place.h"

namespace islet::vm {

class Heap;
class Vm;

// The name of the code of a top-level form in backtraces.
inline constexpr char kTopLevelName[] = "top level";

inline constexpr int kFirstHostCode = 1000;
inline constexpr int kLastHostCode = Value::kFixnumMax;

struct BacktraceFrame {
  std::string procedure;  // "lambda" if it has no name, kTopLevelName for a form of a text
  Place place;
};
// "  at lookup (startup.lisp:3:5)": how every tool tells a frame.
std::string FrameLine(const BacktraceFrame& frame);
// The frames' lines. Frames that repeat, as in a deep recursion, take one line and a count.
std::vector<std::string> BacktraceLines(absl::Span<const BacktraceFrame> frames);

struct Failure {
  // kOutside: of no run, such as a file that cannot be read, or a call that could not begin.
  enum class Kind : uint8_t { kOutside, kCondition, kTermination };
  using Payloads = std::vector<std::pair<std::string, std::string>>;  // type and bytes

  Kind kind = Kind::kOutside;
  // Which of the process's; 0: the machine has not recorded it.
  uint64_t number = 0;
  absl::StatusCode code = absl::StatusCode::kUnknown;
  // "car: argument 1 should be a pair: 5": without place and frames.
  std::string message;
  // Condition::kind; empty for terminations, and for other objects that were raised.
  std::string condition;
  // Of a failure of the host's own; else 0.
  int host_code = 0;
  // Of a condition, as `write` prints them: the first ones, at least as many as the message has.
  std::vector<std::string> irritants;
  // The limit that was reached.
  Limit limit = Limit::kNone;
  // 0 to 255 if it was `exit`, else -1.
  int exit_status = -1;
  // Of an error in the text itself. Else not known: the first frame says where.
  Place place;
  // The calls that had not returned, innermost first.
  std::vector<BacktraceFrame> frames;
  // Where the top-level form starts that failed, if no frame tells that: the frames of a deep recursion end before it,
  // and what fails before the form runs has none.
  Place top_level;
  // Where the top-level form starts in which the evaluation has stopped, of the outermost text.
  Place form;
  // Those of a host's Status.
  Payloads payloads;
  // Stands behind all the rest, "(IsolateOptions::near_limit has thrown: ...)"; may be empty.
  std::string remark;

  // Whether the last line of the text tells a top-level form.
  bool TellsTopLevel() const;
  // All of it:
  //   startup.lisp:3:5: vector-ref: the message: irritant irritant
  //     at lookup (startup.lisp:3:5)
  //     at top level (startup.lisp:9:1)
  // No newline at the end.
  std::string Text() const;
  // Its text and payloads; of our own, the mark if it has a number, and what LimitReached and ExitStatus find.
  absl::Status ToStatus() const;
  // The little that `status`, which is not OK, tells by itself: its message is the text as a whole.
  static Failure FromStatus(const absl::Status& status);
};

// The kind that the mark of `status` tells; kOutside if it has none.
Failure::Kind KindOf(const absl::Status& status);
// The number of the mark; 0 if there is none.
uint64_t FailureNumber(const absl::Status& status);
// A number that no other failure of the process has.
uint64_t NextFailureNumber();
// For what leaves the outermost run.
void EraseMark(absl::Status* status);
// The exit status with which a run has ended by `exit`; -1 if `status` is about something else.
int ExitStatus(const absl::Status& status);
// True of what a handler of the program could have had: a condition, or an error in a text. False of limits, interrupts
// and control that has left, which end the runs around, too.
bool CanBeHandled(const absl::Status& status);

// A failure of the host's own, with a code from kFirstHostCode to kLastHostCode and a kind of valid UTF-8.
absl::Status HostErrorStatus(absl::string_view kind, int code, absl::string_view message);
// A Status holds no data of an isolate: its irritants, if it has any, wait there under a number (0: it has none).
void SetIrritantsNumber(absl::Status* status, uint64_t number);
uint64_t IrritantsNumber(const absl::Status& status);
// The code of such a failure; 0 of others.
int HostCode(const absl::Status& status);

// Raises a condition made of `status`, which is not OK: of kind `host`, or of that of a HostErrorStatus. Its message
// comes back whole, but for invalid UTF-8, which becomes U+FFFD, and what the heap limit leaves no room for. Payloads
// of Islet's own (a limit's, of another isolate) are dropped. `irritants` is a root. A safepoint; returns kException.
Value RaiseHostStatus(Vm& vm, absl::string_view who, const absl::Status& status, const Value& irritants = kNull);

// The code of a condition of the host's own; 0 of other objects.
int HostCodeOf(const Heap& heap, Value object);

// Raises a condition of kind "file": what the host or the system says of a file or stream, with such irritants. If
// nothing handles it, the host gets the code of `status` if that is NotFound or PermissionDenied, else Unknown. Returns
// kException.
Value RaiseFileStatus(Vm& vm, absl::string_view who, const absl::Status& status, Value irritants);
// The failure that a condition or other object raised is that nothing has handled, as Embedder::Describe describes it:
// with code and payloads of a host's, the code of RaiseFileStatus, InvalidArgument if it is about syntax,
// PermissionDenied of what is not granted, else Unknown.
Failure FailureOfUncaught(Vm& vm, Value object, Value backtrace);

}  // namespace islet::vm

#endif  // ISLET_ISOLATE_INTERPRETER_FAILURE_H_
