// System calls on files, and what their failures are called.

#ifndef ISLET_ISOLATE_CAPABILITIES_SYSTEM_H_
#define ISLET_ISOLATE_CAPABILITIES_SYSTEM_H_

#include <cstddef>
#include <memory>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "islet/capabilities.h"

namespace islet::vm {

// "No such file or directory", in every locale.
std::string ErrorText(int error);
// "cannot open: No such file or directory". NotFound, PermissionDenied or Unavailable.
absl::Status SystemError(absl::string_view what, int error);

// FileSystem::Open's messages begin with this and a colon, those of hosts as well as ours (islet/capabilities.h).
inline constexpr absl::string_view kCannotOpen = "cannot open";
// Opens a file of a host's. Errors: its own; Internal if it gives neither a file nor an error.
absl::StatusOr<std::unique_ptr<File>> OpenFileOf(FileSystem& files, absl::string_view path, FileSystem::Mode mode);
// Why a file could not be opened, "No such file or directory", for messages that say by themselves what failed: the
// message of Open's `status` without that beginning.
absl::string_view ReasonNotOpened(const absl::Status& status);

// Writes all of `bytes`, in as many calls as that takes. 0, or why the rest was not written: an error number, or
// ECANCELED if `stop` has said so. That is asked whenever a call has not taken all, as after a signal, but not before
// the first: a shell says "interrupted" while it is being interrupted. Who must not begin asks by itself.
int WriteWhole(int fd, absl::string_view bytes, absl::FunctionRef<bool()> stop = [] { return false; });

// These start over when a signal interrupts them.
absl::Status WriteAll(int fd, absl::string_view bytes);
absl::StatusOr<size_t> ReadSome(int fd, char* buffer, size_t size);

// Whoever has started this process may have closed a standard descriptor. Then no file may get its number: it would be
// read from, or written to, by mistake. What is put there fails as a closed one does.
void OccupyStandardDescriptors();

// Takes the descriptor over.
std::unique_ptr<File> MakeDescriptorFile(int fd);

}  // namespace islet::vm

#endif  // ISLET_ISOLATE_CAPABILITIES_SYSTEM_H_
