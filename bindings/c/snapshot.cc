// Snapshots, and what hosts look up in them.

#include <utility>

#include "absl/strings/str_cat.h"
#include "bindings/c/internal.h"
#include "isolate/interpreter/stubs.h"

namespace islet::c {
namespace {

islet_snapshot* Wrap(absl::StatusOr<Snapshot> opened, islet_error* error) {
  if (!opened.ok()) {
    (void)FailOpening(error, opened.status());
    return nullptr;
  }
  auto wrapper = std::make_unique<islet_snapshot>(islet_snapshot{*std::move(opened), nullptr, {}});
  wrapper->shared = SharedData::Of(BindingAccess::ImageOf(wrapper->snapshot));
  wrapper->needs = wrapper->snapshot.host_functions();
  for (std::string& type : wrapper->snapshot.host_types()) wrapper->needs.push_back(std::move(type));
  return wrapper.release();
}

// `open(options)` as a snapshot.
template <typename F>
islet_snapshot* Open(islet_error* error, const char* who, uint32_t flags, F&& open) {
  islet_snapshot* made = nullptr;
  (void)Checked(error, who, [&]() -> islet_status {
    if ((flags & ~uint32_t{ISLET_TRUSTED}) != 0) return Fail(error, who, ISLET_UNSUPPORTED, "an unknown flag");
    SnapshotOptions options;
    options.trusted = (flags & ISLET_TRUSTED) != 0;
    made = Wrap(open(options), error);
    return ISLET_OK;
  });
  return made;
}

// A datum that all isolates of the snapshot have at the same place.
absl::StatusOr<islet_value> LookUp(islet_snapshot& snapshot, absl::string_view name) {
  const absl::StatusOr<std::unique_ptr<vm::Vm>> machine =
      vm::NewVm(*BindingAccess::ImageOf(snapshot.snapshot), vm::VmOptions());
  if (!machine.ok()) return machine.status();
  const absl::StatusOr<vm::Value> found = vm::LookupVariable(**machine, name);
  if (!found.ok()) return found.status();
  if (islet_value value; IsConstant((*machine)->heap(), *found, &value)) return value;
  return islet_value{snapshot.shared->number(), snapshot.shared->Add(found->bits)};
}

}  // namespace
}  // namespace islet::c

using islet::c::Checked;

extern "C" {

islet_snapshot* islet_snapshot_open_embedded(const unsigned char* begin, const unsigned char* end, islet_error* error) {
  static constexpr char kWho[] = "islet_snapshot_open_embedded";
  if (begin == nullptr || end == nullptr) {
    (void)islet::c::FailNull(error, kWho, begin == nullptr ? "begin" : "end");
    return nullptr;
  }
  return islet::c::Open(error, kWho, 0,
                        [&](const islet::SnapshotOptions&) { return islet::Snapshot::FromEmbedded({begin, end}); });
}

islet_snapshot* islet_snapshot_open_file(const char* path, uint32_t flags, islet_error* error) {
  static constexpr char kWho[] = "islet_snapshot_open_file";
  if (path == nullptr) {
    (void)islet::c::FailNull(error, kWho, "path");
    return nullptr;
  }
  return islet::c::Open(error, kWho, flags, [&](const islet::SnapshotOptions& options) {
    return islet::Snapshot::FromFile(path, options);
  });
}

islet_snapshot* islet_snapshot_open_bytes(const void* bytes, size_t size, uint32_t flags, islet_error* error) {
  static constexpr char kWho[] = "islet_snapshot_open_bytes";
  if (bytes == nullptr && size != 0) {
    (void)islet::c::FailNull(error, kWho, "bytes");
    return nullptr;
  }
  if (size > PTRDIFF_MAX) {
    (void)islet::c::Fail(error, kWho, ISLET_INVALID_ARGUMENT, "no object has so many bytes");
    return nullptr;
  }
  return islet::c::Open(error, kWho, flags, [&](const islet::SnapshotOptions& options) {
    return islet::Snapshot::FromBytes({static_cast<const uint8_t*>(bytes), size}, options);
  });
}

islet_snapshot* islet_snapshot_resident(islet_snapshot* snapshot, islet_error* error) {
  static constexpr char kWho[] = "islet_snapshot_resident";
  if (snapshot == nullptr) {
    (void)islet::c::FailNullObject(error, kWho, "snapshot");
    return nullptr;
  }
  return islet::c::Open(error, kWho, 0, [&](const islet::SnapshotOptions&) { return snapshot->snapshot.Resident(); });
}

size_t islet_snapshot_bytes(const islet_snapshot* snapshot) {
  return snapshot == nullptr ? 0 : snapshot->snapshot.size_bytes();
}

const char* islet_snapshot_needs(const islet_snapshot* snapshot, size_t index) {
  return snapshot == nullptr || index >= snapshot->needs.size() ? nullptr : snapshot->needs[index].c_str();
}

islet_status islet_snapshot_lookup(islet_snapshot* snapshot, const char* name, islet_value* value, islet_error* error) {
  static constexpr char kWho[] = "islet_snapshot_lookup";
  return Checked(error, kWho, [&]() -> islet_status {
    if (snapshot == nullptr) return islet::c::FailNullObject(error, kWho, "snapshot");
    if (name == nullptr) return islet::c::FailNull(error, kWho, "name");
    const absl::StatusOr<islet_value> found = islet::c::LookUp(*snapshot, name);
    if (!found.ok()) return islet::c::FailOpening(error, found.status());
    if (value != nullptr) *value = *found;
    return ISLET_OK;
  });
}

void islet_snapshot_free(islet_snapshot* snapshot) { delete snapshot; }

}  // extern "C"
