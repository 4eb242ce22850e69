// System calls on files, and what their failures are called.

#ifndef ISLET_ISOLATE_CAPABILITIES_SYSTEM_H_
#define ISLET_ISOLATE_CAPABILITIES_SYSTEM_H_

#include <cstddef>
#include <memory>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "islet/capabilities.h"

namespace islet::vm {

// "cannot open: No such file or directory", in every locale. NotFound, PermissionDenied or
// Unavailable.
absl::Status SystemError(absl::string_view what, int error);

// Writes all of `bytes`, in as many calls as that takes. 0, or why the rest was not written: an error number, or
// ECANCELED if `stop` has said so, which is asked whenever a call has not taken all, as after a signal.
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
