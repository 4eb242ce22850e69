// System calls on files, and what their failures are called.

#ifndef ISLET_ISOLATE_CAPABILITIES_SYSTEM_H_
#define ISLET_ISOLATE_CAPABILITIES_SYSTEM_H_

#include <cstddef>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "islet/capabilities.h"

namespace islet::vm {

// "cannot open: No such file or directory", in every locale. NotFound, PermissionDenied or
// Unavailable.
absl::Status SystemError(absl::string_view what, int error);

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
