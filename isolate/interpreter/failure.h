// How failures travel between Lisp and the host: as conditions in the heap, and as absl::Status.
//
// What has ended a run is a Status with a mark: it was a condition, which may be raised again in the run around, or a
// termination (limit, interrupt, exit, control that left), which ends that one too. The mark has a number, so that a
// host function that returns some older failure, or one of another isolate, is not taken for passing on the latest.
//
// A condition made of a host's Status keeps its code and payloads in Condition::payload: a Vector of the code, and URL
// and bytes (String, Bytevector) of each payload in turn. They are the Status's again if nothing handles the condition.

#ifndef ISLET_ISOLATE_INTERPRETER_FAILURE_H_
#define ISLET_ISOLATE_INTERPRETER_FAILURE_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "isolate/heap/value.h"

namespace islet::vm {

class Vm;

enum class FailureMark { kNone, kCondition, kTermination };

FailureMark MarkOf(const absl::Status& status);
// The number of the mark; 0 if there is none.
uint64_t FailureNumber(const absl::Status& status);
// Marks `status` with a number that no other failure of the process has, and returns that.
uint64_t MarkFailure(FailureMark mark, absl::Status* status);
// For what leaves the outermost run.
void EraseMark(absl::Status* status);

// Raises a condition of kind `host` made of `status`, which is not OK. Its message comes back whole, but for invalid
// UTF-8, which becomes U+FFFD, and what the heap limit leaves no room for. Payloads of Islet's own (a limit's, of
// another isolate) are dropped. A safepoint; returns kException.
Value RaiseHostStatus(Vm& vm, std::string_view who, const absl::Status& status);

// Raises a condition of kind "file": what the host or the system says of a file or stream, with such irritants. If
// nothing handles it, the host gets the code of `status` if that is NotFound or PermissionDenied, else Unknown. Returns
// kException.
Value RaiseFileStatus(Vm& vm, std::string_view who, const absl::Status& status, Value irritants);
// The Status, with `message`, of a condition or other object raised that nothing has handled: with code and payloads of
// a host's, the code of RaiseFileStatus, InvalidArgument if it is about syntax, PermissionDenied of what is not
// granted, else Unknown.
absl::Status StatusOfUncaught(Vm& vm, Value object, std::string_view message);

}  // namespace islet::vm

#endif  // ISLET_ISOLATE_INTERPRETER_FAILURE_H_
