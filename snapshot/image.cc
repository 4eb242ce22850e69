#include "snapshot/image.h"

#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <mutex>
#include <unordered_map>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "isolate/heap/arity.h"
#include "isolate/heap/pages.h"
#include "isolate/process/fork.h"
#include "isolate/process/made_once.h"
#include "snapshot/digest.h"
#include "snapshot/fingerprint.h"
#include "snapshot/image_copy.h"
#include "snapshot/snapshot_generated.h"
#include "snapshot/verify.h"

namespace islet::vm {
namespace {

std::string DescribeArity(uint32_t packed) {
  const auto [least, optional, rest] = Arity::Unpack(packed);
  if (rest) return absl::StrCat("at least ", least, " argument", least == 1 ? "" : "s");
  if (optional != 0) return absl::StrCat(least, " to ", least + optional, " arguments");
  return absl::StrCat(least, " argument", least == 1 ? "" : "s");
}

// True if a function of arity `provided` takes every number of arguments that `declared` allows.
bool Covers(uint32_t provided, uint32_t declared) {
  const Arity has = Arity::Unpack(provided), wanted = Arity::Unpack(declared);
  return has.Accepts(wanted.least) && (has.rest || (!wanted.rest && has.Accepts(wanted.least + wanted.optional)));
}

absl::Status Damaged() { return absl::DataLossError("the snapshot has been changed or damaged since it was written"); }

// Of a vector whose elements hold 64 bits, or null. FlatBuffers' verifier only sees to the alignment of its length.
template <typename Vector>
bool IsAligned(const Vector* vector) {
  return vector == nullptr || vector->size() == 0 ||
         reinterpret_cast<uintptr_t>(vector->Data()) % alignof(uint64_t) == 0;
}

absl::Status Truncated(size_t bytes) {
  return absl::DataLossError(
      absl::StrCat("the snapshot is truncated: it ends after ", bytes, " bytes, inside its header"));
}

absl::Status CheckSize(uint64_t bytes) {
  if (bytes == 0) return absl::InvalidArgumentError("the snapshot is empty (0 bytes)");
  if (bytes >= FLATBUFFERS_MAX_BUFFER_SIZE) {
    return absl::InvalidArgumentError("not a snapshot: larger than any can be (2 GiB)");
  }
  return absl::OkStatus();
}

constexpr size_t kRootAndIdentifier = sizeof(flatbuffers::uoffset_t) + flatbuffers::kFileIdentifierLength;

absl::Status CheckIdentifier(absl::Span<const uint8_t> start) {
  if (start.empty()) return CheckSize(0);
  if (start.size() >= kRootAndIdentifier && !format::SnapshotBufferHasIdentifier(start.data())) {
    return absl::InvalidArgumentError("not a snapshot: it does not start with a snapshot's header");
  }
  return absl::OkStatus();
}

// Every format version has these fields in the same place.
struct FileStart {
  uint64_t file_size = 0;
  Fingerprint digest;
};

// So many bytes hold it: the table is preceded by root offset, identifier, and padding of less than
// a page.
constexpr size_t kStartBytes = size_t{2} * kPageSize;

// Reads it, trusting nothing but that `start` starts at a multiple of 8. `whole`: there is nothing
// behind `start`. After this the table and its vtable lie within `start`.
absl::StatusOr<FileStart> ReadStart(absl::Span<const uint8_t> start, bool whole) {
  if (absl::Status status = CheckIdentifier(start); !status.ok()) return status;
  absl::Status incomplete = whole ? Truncated(start.size()) : Damaged();
  if (start.size() <= kRootAndIdentifier) return incomplete;

  flatbuffers::Verifier verifier(start.data(), start.size());
  const size_t root = flatbuffers::ReadScalar<flatbuffers::uoffset_t>(start.data());
  if (root < kRootAndIdentifier || root % sizeof(flatbuffers::soffset_t) != 0) return Damaged();
  if (!verifier.Verify<flatbuffers::soffset_t>(root)) return incomplete;
  const uint8_t* at = start.data() + root;
  // The verifier does not ask whether the vtable is aligned.
  if (flatbuffers::ReadScalar<flatbuffers::soffset_t>(at) % 2 != 0) return Damaged();
  if (!verifier.VerifyTableStart(at)) return Damaged();
  const auto* table = reinterpret_cast<const flatbuffers::Table*>(at);
  auto has = [&](flatbuffers::voffset_t field, size_t size, size_t alignment) {
    const flatbuffers::voffset_t offset = table->GetOptionalFieldOffset(field);
    return offset != 0 && verifier.VerifyFieldStruct(at, offset, size, alignment);
  };
  if (!has(format::Snapshot::VT_FORMAT_VERSION, 4, 4)) return incomplete;
  const uint32_t version = table->GetField<uint32_t>(format::Snapshot::VT_FORMAT_VERSION, 0);
  if (version != kFormatVersion) {
    return absl::FailedPreconditionError(absl::StrCat("the snapshot has format version ", version,
                                                      "; this program reads version ", kFormatVersion,
                                                      ". Make the snapshot again with this version's snapshot_gen."));
  }
  if (!has(format::Snapshot::VT_FILE_SIZE, 8, 8)) return incomplete;
  FileStart result;
  result.file_size = table->GetField<uint64_t>(format::Snapshot::VT_FILE_SIZE, 0);
  if (!has(format::Snapshot::VT_DIGEST, sizeof(format::Digest), alignof(format::Digest))) {
    return whole && result.file_size > start.size() ? Truncated(start.size()) : Damaged();
  }
  const auto* digest = table->GetStruct<const format::Digest*>(format::Snapshot::VT_DIGEST);
  result.digest = Fingerprint{digest->low(), digest->high()};
  return result;
}

absl::Status CheckFileSize(uint64_t declared, uint64_t bytes) {
  if (bytes < declared) {
    return absl::DataLossError(absl::StrCat("the snapshot is truncated: it has ", bytes, " bytes of ", declared));
  }
  if (bytes > declared) {
    return absl::DataLossError(absl::StrCat("the snapshot has ", bytes - declared, " bytes behind its end"));
  }
  return CheckSize(declared);
}

// The same of a file all of which is there. `bytes` as ReadStart wants them.
absl::StatusOr<FileStart> CheckStartAndSize(absl::Span<const uint8_t> bytes) {
  if (absl::Status status = CheckSize(bytes.size()); !status.ok()) return status;
  absl::StatusOr<FileStart> start = ReadStart(bytes, /*whole=*/true);
  if (!start.ok()) return start;
  if (absl::Status status = CheckFileSize(start->file_size, bytes.size()); !status.ok()) return status;
  return start;
}

absl::Status CheckDigest(absl::Span<const uint8_t> bytes) {
  const format::Digest* expected = format::GetSnapshot(bytes.data())->digest();
  const uint8_t* field = reinterpret_cast<const uint8_t*>(expected);
  const Fingerprint digest = DigestOfFile(bytes, static_cast<size_t>(field - bytes.data()));
  return digest == Fingerprint{expected->low(), expected->high()} ? absl::OkStatus() : Damaged();
}

// Where in a file the loaded segment lies that holds an address range, if some segment does.
struct Carrier {
  uintptr_t begin;
  size_t bytes;
  std::string path;
  uint64_t file_offset = 0;
  bool found = false;
};

int FindCarrier(dl_phdr_info* info, size_t, void* context) {
  Carrier* carrier = static_cast<Carrier*>(context);
  for (int i = 0; i < info->dlpi_phnum; ++i) {
    const ElfW(Phdr)& segment = info->dlpi_phdr[i];
    if (segment.p_type != PT_LOAD) continue;
    const uintptr_t start = info->dlpi_addr + segment.p_vaddr;
    if (carrier->begin < start || carrier->begin - start >= segment.p_filesz) continue;
    if (carrier->bytes > segment.p_filesz - (carrier->begin - start)) continue;
    // The program itself has no name here. Its link under /proc leads to the very file that runs,
    // even if another one has its name by now.
    const bool program = info->dlpi_name == nullptr || info->dlpi_name[0] == '\0';
    carrier->path = program ? "/proc/self/exe" : info->dlpi_name;
    carrier->file_offset = segment.p_offset + (carrier->begin - start);
    carrier->found = true;
    return 1;
  }
  return 0;
}

bool SameBytes(int fd, uint64_t file_offset, const uint8_t* memory, size_t count) {
  uint8_t buffer[kPageSize];
  while (count > 0) {
    const size_t part = std::min(count, sizeof(buffer));
    if (pread(fd, buffer, part, static_cast<off_t>(file_offset)) != static_cast<ssize_t>(part) ||
        std::memcmp(buffer, memory, part) != 0) {
      return false;
    }
    file_offset += part;
    memory += part;
    count -= part;
  }
  return true;
}

// The embedded snapshots that are open, so that each is opened once per process. An address is not
// enough to tell them apart: a shared object may have been unloaded, and another one lie at the
// same place.
class EmbeddedImages {
 public:
  static EmbeddedImages& Get() {
    static constinit MadeOnce<EmbeddedImages> images;
    return images.Get();
  }

  ForkSafeMutex mutex;  // not absl::Mutex, which ThreadSanitizer cannot see into
  std::unordered_map<const uint8_t*, std::weak_ptr<const Image>> by_address;
};

}  // namespace

// ---- Opening

Image::Image()
    : serial_([] {
        static std::atomic<uint32_t> last{0};
        return last.fetch_add(1, std::memory_order_relaxed) + 1;
      }()) {}

absl::StatusOr<std::shared_ptr<const Image>> Image::FromEmbedded(const uint8_t* begin, const uint8_t* end,
                                                                 absl::Span<const PrimitiveSpec> primitives) {
  if (begin == nullptr || end < begin) {
    return absl::InvalidArgumentError("no embedded snapshot: its bounds are not valid");
  }
  if (reinterpret_cast<uintptr_t>(begin) % kPageSize != 0) {
    return absl::InvalidArgumentError(
        "the embedded snapshot is not aligned to 4096 bytes: link it as snapshot_gen --emit=asm or"
        " --emit=obj says");
  }
  const absl::Span<const uint8_t> bytes = absl::MakeConstSpan(begin, static_cast<size_t>(end - begin));
  const absl::StatusOr<FileStart> start = CheckStartAndSize(bytes);
  if (!start.ok()) return start.status();
  EmbeddedImages& images = EmbeddedImages::Get();
  const std::lock_guard<ForkSafeMutex> lock(images.mutex);
  std::weak_ptr<const Image>& known = images.by_address[begin];
  // The digest is the one remembered: what the other image points to may be gone.
  if (std::shared_ptr<const Image> image = known.lock();
      image != nullptr && image->bytes_.size() == bytes.size() && image->digest_ == start->digest) {
    return image;
  }
  std::shared_ptr<Image> image(new Image);
  image->bytes_ = bytes;
  image->primitives_ = primitives;
  if (absl::Status status = image->Open(/*whole=*/false, Trust::kTrusted); !status.ok()) return status;
  if (!image->UseCarrier()) {
    if (absl::Status status = image->UseCopy(); !status.ok()) return status;
  }
  known = image;
  return std::shared_ptr<const Image>(std::move(image));
}

namespace {

// Closes it.
class OpenFile {
 public:
  explicit OpenFile(int fd) : fd_(fd) {}
  ~OpenFile() {
    if (fd_ >= 0) close(fd_);
  }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  int fd() const { return fd_; }

  // Reads until `buffer` is full or the file ends; the bytes read.
  absl::StatusOr<size_t> Read(absl::Span<uint8_t> buffer) {
    size_t done = 0;
    while (done < buffer.size()) {
      const ssize_t n = read(fd_, buffer.data() + done, buffer.size() - done);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return absl::ErrnoToStatus(errno, "cannot read the snapshot");
      if (n == 0) break;
      done += static_cast<size_t>(n);
    }
    return done;
  }

 private:
  const int fd_;
};

// The file's bytes, copied; what is not a snapshot, or not a whole one, is found as early as it can
// be. What is used, and will be checked, is the copy.
absl::StatusOr<ImageCopy> CopyOfFile(OpenFile& file) {
  constexpr size_t kBuffer = size_t{16} * kPageSize;
  const std::unique_ptr<uint8_t[]> memory(new uint8_t[kBuffer]);  // more than some threads have stack
  uint8_t* const buffer = memory.get();
  absl::StatusOr<size_t> got = file.Read({buffer, kPageSize});
  if (!got.ok()) return got.status();
  if (absl::Status status = CheckIdentifier({buffer, *got}); !status.ok()) return status;
  size_t count = *got;
  if (count == kPageSize) {
    got = file.Read({buffer + kPageSize, kStartBytes - kPageSize});
    if (!got.ok()) return got.status();
    count += *got;
  }
  const absl::StatusOr<FileStart> start = ReadStart({buffer, count}, /*whole=*/count < kStartBytes);
  if (!start.ok()) return start.status();
  struct stat state = {};
  const bool regular = fstat(file.fd(), &state) == 0 && S_ISREG(state.st_mode) && state.st_size > 0;
  const uint64_t file_size = start->file_size;
  absl::Status status = CheckFileSize(file_size, regular ? static_cast<uint64_t>(state.st_size) : file_size);
  if (!status.ok()) return status;

  absl::StatusOr<ImageCopy> copy = ImageCopy::Create(file_size);
  if (!copy.ok()) return copy;
  uint64_t done = 0;
  for (;;) {
    done += count;
    if (done > file_size) return CheckFileSize(file_size, done);
    if (status = copy->Append({buffer, count}); !status.ok()) return status;
    // A byte more than there should be tells whether the file goes on.
    got = file.Read({buffer, static_cast<size_t>(std::min<uint64_t>(kBuffer, file_size - done + 1))});
    if (!got.ok()) return got.status();
    count = *got;
    if (count == 0) break;
  }
  if (status = CheckFileSize(file_size, done); !status.ok()) return status;
  if (status = copy->Finish(); !status.ok()) return status;
  return copy;
}

absl::StatusOr<ImageCopy> CopyOfBytes(absl::Span<const uint8_t> bytes) {
  absl::StatusOr<ImageCopy> copy = ImageCopy::Create(bytes.size());
  if (!copy.ok()) return copy;
  if (absl::Status status = copy->Append(bytes); !status.ok()) return status;
  if (absl::Status status = copy->Finish(); !status.ok()) return status;
  return copy;
}

}  // namespace

absl::StatusOr<std::shared_ptr<const Image>> Image::FromFile(absl::string_view path,
                                                             absl::Span<const PrimitiveSpec> primitives, Trust trust) {
  const std::string name(path);
  OpenFile file(open(name.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.fd() < 0) return absl::ErrnoToStatus(errno, absl::StrCat("cannot open snapshot ", name));
  absl::StatusOr<ImageCopy> copy = CopyOfFile(file);
  absl::StatusOr<std::shared_ptr<const Image>> image =
      copy.ok() ? FromCopy(*std::move(copy), primitives, trust) : copy.status();
  if (image.ok()) return image;
  return absl::Status(image.status().code(), absl::StrCat(name, ": ", image.status().message()));
}

absl::StatusOr<std::shared_ptr<const Image>> Image::FromBytes(absl::Span<const uint8_t> bytes,
                                                              absl::Span<const PrimitiveSpec> primitives, Trust trust) {
  // Before anything is copied. The bytes may lie anywhere, which those that are checked must not.
  alignas(8) uint8_t buffer[kStartBytes];
  const size_t count = std::min(bytes.size(), sizeof(buffer));
  if (count > 0) std::memcpy(buffer, bytes.data(), count);
  const absl::StatusOr<FileStart> start = ReadStart({buffer, count}, /*whole=*/count == bytes.size());
  if (!start.ok()) return start.status();
  if (absl::Status status = CheckFileSize(start->file_size, bytes.size()); !status.ok()) return status;
  absl::StatusOr<ImageCopy> copy = CopyOfBytes(bytes);
  if (!copy.ok()) return copy.status();
  return FromCopy(*std::move(copy), primitives, trust);
}

absl::StatusOr<std::shared_ptr<const Image>> Image::FromCopy(ImageCopy copy, absl::Span<const PrimitiveSpec> primitives,
                                                             Trust trust) {
  std::shared_ptr<Image> image(new Image);
  image->copy_ = std::move(copy);
  image->bytes_ = image->copy_.bytes();
  image->primitives_ = primitives;
  if (absl::Status status = image->Open(/*whole=*/true, trust); !status.ok()) return status;
  image->MapCopy();
  image->source_.guarded = trust == Trust::kVerify;
  return std::shared_ptr<const Image>(std::move(image));
}

absl::Status Image::Open(bool whole, Trust trust) {
  const absl::StatusOr<FileStart> start = CheckStartAndSize(bytes_);
  if (!start.ok()) return start.status();
  digest_ = start->digest;
  // First, because the verifier trusts alignment more than it should with chance bytes.
  if (whole) {
    if (absl::Status status = CheckDigest(bytes_); !status.ok()) return status;
  }
  flatbuffers::Verifier verifier(bytes_.data(), bytes_.size());
  if (!format::VerifySnapshotBuffer(verifier)) return Damaged();
  const format::Snapshot* snapshot = format::GetSnapshot(bytes_.data());
  if (!IsAligned(snapshot->pairs()) || !IsAligned(snapshot->flonums()) || !IsAligned(snapshot->layers()) ||
      !IsAligned(snapshot->statistics())) {
    return Damaged();
  }
  if (RuntimeFingerprint(primitives_) != Fingerprint{snapshot->runtime()->low(), snapshot->runtime()->high()}) {
    return absl::FailedPreconditionError(
        "the snapshot was made by another build of Islet than the one in this program. Make it"
        " again with the snapshot_gen of this build.");
  }

  // From here on nothing can be wrong in a file that snapshot_gen wrote; but these are what memory
  // safety rests on.
  const auto& spaces = *snapshot->spaces();
  const auto& image = *snapshot->image();
  if (spaces.size() != 2 || spaces[0]->kind() != format::SpaceKind::Writable ||
      spaces[1]->kind() != format::SpaceKind::ReadOnly || spaces[0]->offset() != 0 ||
      uint64_t{spaces[0]->pages()} * kPageSize != spaces[1]->offset() ||
      (uint64_t{spaces[0]->pages()} + spaces[1]->pages()) * kPageSize != image.size() ||
      (image.data() - bytes_.data()) % kPageSize != 0 ||
      snapshot->roots()->size() != static_cast<uint32_t>(Root::kCount)) {
    return Damaged();
  }
  for (const uint32_t bits : *snapshot->roots()) {
    const Value root = Value::FromBits(bits);
    if (root.IsRef() && root.offset() >= image.size()) return Damaged();
  }
  image_ = image.data();
  writable_bytes_ = spaces[0]->pages() * kPageSize;
  read_only_bytes_ = spaces[1]->pages() * kPageSize;
  roots_ = absl::MakeConstSpan(snapshot->roots()->data(), snapshot->roots()->size());
  has_restore_hooks_ = snapshot->has_restore_hooks();
  for (const format::ExternalReference* external : *snapshot->external_references()) {
    externals_.push_back(
        {external->name()->str(), external->arity(), external->kind() == format::ExternalKind::TypePredicate});
  }
  return trust == Trust::kTrusted ? absl::OkStatus() : VerifyImage(UnverifiedImage::Of(*snapshot, primitives_));
}

absl::Status Image::UseCopy() {
  absl::StatusOr<ImageCopy> copy = CopyOfBytes(bytes_);
  if (!copy.ok()) return copy.status();
  copy_ = *std::move(copy);
  MapCopy();
  return absl::OkStatus();
}

void Image::MapCopy() {
  const size_t header = static_cast<size_t>(image_ - bytes_.data());
  source_.fd = copy_.fd();
  source_.file_offset = header;
  if (copy_.fd() < 0) source_.memory = image_;
}

absl::StatusOr<std::shared_ptr<const Image>> Image::MakeResident(std::shared_ptr<const Image> original,
                                                                 uint64_t cage_size) {
  const uint64_t phase = CageLayout::For(cage_size, original->writable_bytes_, original->read_only_bytes_).BasePhase();
  const uint64_t bytes = RoundUp(phase + original->image_bytes(), kHugePageSize);
  std::shared_ptr<Image> image(new Image);
  image->primitives_ = original->primitives_;
  image->bytes_ = original->bytes_;
  image->read_only_bytes_ = original->read_only_bytes_;
  image->writable_bytes_ = original->writable_bytes_;
  image->roots_ = original->roots_;
  image->has_restore_hooks_ = original->has_restore_hooks_;
  image->externals_ = original->externals_;
  image->original_ = std::move(original);

  absl::StatusOr<int> fd = NewMemoryFile();
  if (!fd.ok()) return image->original_;  // without a file of its own it would not be mapped faster
  image->fd_ = *fd;
  image->source_ = ImageSource{*fd, phase};
  image->source_.guarded = image->original_->source_.guarded;
  if (ftruncate(*fd, static_cast<off_t>(bytes)) != 0 || lseek(*fd, static_cast<off_t>(phase), SEEK_SET) < 0) {
    return absl::ErrnoToStatus(errno, "cannot size the snapshot's memory file");
  }
  if (absl::Status status = CopyInto(*fd, {image->original_->image_, image->image_bytes()}); !status.ok()) {
    return status;
  }
  // The mapping stays, for what is read on behalf of all isolates (Heap::Peek). Without huge pages it is as right, only
  // slower.
  image->mapping_ = Mapping::OfFile(*fd, bytes, kHugePageSize);
  if (!image->mapping_) return MappingFailed("cannot map the snapshot's memory file");
  CollapseIntoHugePages(image->mapping_);
  image->image_ = image->mapping_.data() + phase;
  if (absl::Status status = Seal(*fd); !status.ok()) return status;
  return std::shared_ptr<const Image>(std::move(image));
}

bool Image::UseCarrier() {
  Carrier carrier{reinterpret_cast<uintptr_t>(bytes_.data()), bytes_.size(), "", 0, false};
  dl_iterate_phdr(FindCarrier, &carrier);
  const size_t header = static_cast<size_t>(image_ - bytes_.data());
  if (!carrier.found || carrier.file_offset % kPageSize != 0) return false;
  const int fd = open(carrier.path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  // The first pages have the digest of everything, so another snapshot has other ones. The last page
  // tells whether the file was cut off.
  if (!SameBytes(fd, carrier.file_offset, bytes_.data(), std::min(header, kStartBytes)) ||
      !SameBytes(fd, carrier.file_offset + bytes_.size() - kPageSize, bytes_.data() + bytes_.size() - kPageSize,
                 kPageSize)) {
    close(fd);
    return false;
  }
  fd_ = fd;
  source_ = ImageSource{fd, carrier.file_offset + header, serial_};
  maps_carrier_ = true;
  // Pages that are not in the page cache yet come there as huge pages, where the file system can; see Placement.
  const uintptr_t begin = RoundUp(reinterpret_cast<uintptr_t>(image_), kHugePageSize);
  const uintptr_t end = RoundDown(reinterpret_cast<uintptr_t>(image_) + image_bytes(), kHugePageSize);
  PreferHugePages(reinterpret_cast<const uint8_t*>(begin), reinterpret_cast<const uint8_t*>(end));
  return true;
}

Image::~Image() {
  if (fd_ >= 0) close(fd_);
}

absl::StatusOr<std::vector<int>> Image::BindExternals(absl::Span<const HostSignature> provided) const {
  std::vector<int> binding;
  std::vector<std::string> problems;
  for (const HostSignature& external : externals_) {
    const auto match = std::find_if(provided.begin(), provided.end(), [&](const HostSignature& signature) {
      return signature.name == external.name && signature.predicate == external.predicate;
    });
    binding.push_back(static_cast<int>(match - provided.begin()));
    if (match == provided.end() && external.predicate) {
      problems.push_back(absl::StrCat("the host type ", external.name, " is missing"));
    } else if (match == provided.end()) {
      problems.push_back(absl::StrCat(external.name, " (", DescribeArity(external.arity), ") is missing"));
    } else if (!external.predicate && !Covers(match->arity, external.arity)) {
      problems.push_back(absl::StrCat(external.name, " is declared with ", DescribeArity(external.arity),
                                      ", but provided with ", DescribeArity(match->arity)));
    }
  }
  if (problems.empty()) return binding;
  return absl::FailedPreconditionError(
      absl::StrCat("the snapshot needs host functions that are not provided: ", absl::StrJoin(problems, "; ")));
}

// ---- Isolates

absl::StatusOr<std::unique_ptr<Vm>> NewVm(const Image& image, const VmOptions& options) {
  absl::StatusOr<Cage> cage =
      Cage::Create(CageLayout::For(options.cage_size, image.writable_bytes(), image.read_only_bytes()), image.source());
  if (!cage.ok()) return cage.status();
  auto vm = std::make_unique<Vm>(std::make_unique<Heap>(*std::move(cage), options.heap), image.primitives());
  vm->heap().set_pristine(image.image());
  vm->attachments().image = image.shared_from_this();
  static_assert(sizeof(Value) == sizeof(uint32_t));
  std::memcpy(vm->roots().data(), image.roots().data(), image.roots().size() * sizeof(Value));
  return vm;
}

absl::StatusOr<std::unique_ptr<Vm>> NewEmptyVm(absl::Span<const PrimitiveSpec> primitives, const VmOptions& options) {
  absl::StatusOr<Cage> cage = Cage::Create(CageLayout::For(options.cage_size, 0, 0), ImageSource());
  if (!cage.ok()) return cage.status();
  return std::make_unique<Vm>(std::make_unique<Heap>(*std::move(cage), options.heap), primitives);
}

}  // namespace islet::vm
