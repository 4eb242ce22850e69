#include "islet/snapshot.h"

#include <new>
#include <utility>

#include "isolate/interpreter/limits.h"
#include "isolate/runtime/primitives.h"
#include "sdk/isolate_impl.h"
#include "snapshot/image.h"

namespace islet {

namespace {

// Verification goes deeper than calls do.
constexpr size_t kStackToOpen = vm::kLeastStack;

absl::StatusOr<Snapshot> Wrap(absl::StatusOr<std::shared_ptr<const vm::Image>> image,
                              Snapshot (*make)(std::shared_ptr<const vm::Image>)) {
  if (!image.ok()) return image.status();
  return make(*std::move(image));
}

vm::Trust TrustOf(const SnapshotOptions& options) { return options.trusted ? vm::Trust::kTrusted : vm::Trust::kVerify; }

}  // namespace

absl::StatusOr<Snapshot> Snapshot::FromEmbedded(EmbeddedSnapshot embedded) try {
  if (absl::Status status = vm::CheckStack(kStackToOpen); !status.ok()) return status;
  return Wrap(vm::Image::FromEmbedded(embedded.begin, embedded.end, vm::AllPrimitives()),
              [](std::shared_ptr<const vm::Image> image) { return Snapshot(std::move(image)); });
} catch (const std::bad_alloc&) {
  return OutOfMemory("a snapshot");
}

absl::StatusOr<Snapshot> Snapshot::FromFile(absl::string_view path, const SnapshotOptions& options) try {
  if (absl::Status status = vm::CheckStack(kStackToOpen); !status.ok()) return status;
  return Wrap(vm::Image::FromFile(path, vm::AllPrimitives(), TrustOf(options)),
              [](std::shared_ptr<const vm::Image> image) { return Snapshot(std::move(image)); });
} catch (const std::bad_alloc&) {
  return OutOfMemory("a snapshot");
}

absl::StatusOr<Snapshot> Snapshot::FromBytes(absl::Span<const uint8_t> bytes, const SnapshotOptions& options) try {
  if (absl::Status status = vm::CheckStack(kStackToOpen); !status.ok()) return status;
  return Wrap(vm::Image::FromBytes(bytes, vm::AllPrimitives(), TrustOf(options)),
              [](std::shared_ptr<const vm::Image> image) { return Snapshot(std::move(image)); });
} catch (const std::bad_alloc&) {
  return OutOfMemory("a snapshot");
}

absl::StatusOr<Snapshot> Snapshot::Resident(uint64_t cage_size) const try {
  if (absl::Status status = vm::CheckStack(kStackToOpen); !status.ok()) return status;
  if (image_ == nullptr) return absl::FailedPreconditionError("the snapshot has been moved from");
  return Wrap(vm::Image::MakeResident(image_, cage_size),
              [](std::shared_ptr<const vm::Image> image) { return Snapshot(std::move(image)); });
} catch (const std::bad_alloc&) {
  return OutOfMemory("a snapshot");
}

size_t Snapshot::size_bytes() const { return image_ != nullptr ? image_->image_bytes() : 0; }

std::vector<std::string> Snapshot::host_functions() const {
  std::vector<std::string> names;
  if (image_ == nullptr) return names;
  for (const vm::HostSignature& signature : image_->externals()) {
    if (!signature.predicate) names.push_back(signature.name);
  }
  return names;
}

std::vector<std::string> Snapshot::host_types() const {
  std::vector<std::string> names;
  if (image_ == nullptr) return names;
  for (const vm::HostSignature& signature : image_->externals()) {
    if (signature.predicate) names.push_back(signature.name);
  }
  return names;
}

bool Snapshot::maps_carrier() const { return image_ != nullptr && image_->maps_carrier(); }

}  // namespace islet
