#include "isolate/ports/port_table.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "isolate/capabilities/call_out.h"
#include "isolate/capabilities/system.h"

namespace islet::vm {

namespace {

// A file is asked for at least so many bytes at a time.
constexpr size_t kReadSize = 16 << 10;
// A file gets what is buffered for it once it is so much, as islet/capabilities.h tells hosts.
constexpr size_t kHeldBack = 64 << 10;

}  // namespace

PortTable::~PortTable() {
  for (size_t i = 0; i < files_.size(); ++i) {
    if (files_[i]->open) Close(PortHandle::File(static_cast<int>(i))).IgnoreError();
  }
  FlushStreams().IgnoreError();
}

absl::Status PortTable::FlushStreams() {
  if (streams_ == nullptr) return absl::OkStatus();
  return CallOut([this] { return streams_->Flush(); });
}

absl::Status PortTable::WriteToStreams(StandardPort port, absl::string_view bytes) {
  return CallOut([&] { return streams_->Write(static_cast<int>(port), bytes); });
}

bool PortTable::InputReady() {
  const absl::StatusOr<bool> ready = CallOut([this]() -> absl::StatusOr<bool> { return streams_->InputReady(); });
  return !ready.ok() || *ready;  // Read will tell
}

std::string PortTable::Resolve(absl::string_view name) const {
  if (base_directory.empty() || (!name.empty() && name[0] == '/')) return std::string(name);
  return absl::StrCat(base_directory, base_directory.back() == '/' ? "" : "/", name);
}

absl::StatusOr<PortHandle> PortTable::Open(absl::string_view name, FileSystem::Mode mode) {
  size_t open_files = 0;
  size_t free = files_.size();
  for (size_t i = files_.size(); i-- > 0;) {
    if (files_[i]->open) {
      ++open_files;
    } else {
      free = i;
    }
  }
  if (open_files >= max_open_files) {
    return absl::ResourceExhaustedError(
        absl::StrCat(kCannotOpen, ": the isolate may have ", max_open_files, " files open at a time"));
  }
  std::string path = Resolve(name);
  absl::StatusOr<std::unique_ptr<File>> file = CallOut([&] { return OpenFileOf(*files, path, mode); });
  if (!file.ok()) return file.status();
  const bool input = mode == FileSystem::Mode::kRead;
  if (input && files_read != nullptr) files_read->push_back(path);
  if (free == files_.size()) files_.push_back(std::make_unique<Stream>());
  Stream& stream = *files_[free];
  stream = Stream();
  stream.file = *std::move(file);
  stream.open = true;
  stream.input = input;
  stream.path = std::move(path);
  return PortHandle::File(static_cast<int>(free));
}

Stream* PortTable::Find(PortHandle handle) {
  if (handle == PortHandle::Standard(StandardPort::kInput)) {
    standard_input_.open = standard_input_.input = true;
    return &standard_input_;
  }
  if (!handle.IsFile() || handle.file() >= file_count()) return nullptr;
  Stream* stream = files_[static_cast<size_t>(handle.file())].get();
  return stream->open ? stream : nullptr;
}

absl::Status PortTable::Write(Stream& stream, absl::string_view bytes) {
  stream.buffer.append(bytes.data(), bytes.size());
  return stream.buffer.size() >= kHeldBack ? WriteOut(stream) : absl::OkStatus();
}

absl::Status PortTable::WriteOut(Stream& stream) {
  if (stream.input || stream.buffer.empty()) return absl::OkStatus();
  StreamBuffer bytes;
  bytes.swap(stream.buffer);
  return CallOut([&] { return stream.file->Write(bytes); });
}

absl::Status PortTable::Flush(Stream& stream) {
  absl::Status result = WriteOut(stream);
  if (result.ok() && stream.file != nullptr && !stream.input) {
    result = CallOut([&] { return stream.file->Flush(); });
  }
  return result;
}

absl::Status PortTable::Close(PortHandle handle) {
  Stream* stream = handle.IsFile() ? Find(handle) : nullptr;
  if (stream == nullptr) return absl::OkStatus();
  absl::Status result = WriteOut(*stream);
  result.Update(CallOut([&] { return stream->file->Close(); }));
  *stream = Stream();
  return result;
}

absl::StatusOr<bool> PortTable::Fill(Stream& stream) {
  // Bytes that were read are dropped once they are the larger part, so that moving the rest costs little.
  if (stream.position > stream.buffer.size() / 2) {
    stream.buffer.erase(0, stream.position);
    stream.position = 0;
  }
  const size_t old_size = stream.buffer.size();
  // Grows with what is already waiting: a long datum or line takes few calls.
  const size_t want = std::max(kReadSize, old_size - stream.position);
  stream.buffer.resize(old_size + want);
  char* const to = &stream.buffer[old_size];
  const absl::StatusOr<size_t> count = CallOut([&]() -> absl::StatusOr<size_t> {
    if (stream.file != nullptr) return stream.file->Read(to, want);
    return streams_ != nullptr ? streams_->Read(to, want) : size_t{0};
  });
  stream.buffer.resize(old_size + (count.ok() ? std::min(*count, want) : 0));
  if (!count.ok()) return count.status();
  return *count > 0;
}

std::string PortTable::OpenFile() const {
  for (const auto& file : files_) {
    if (file->open) return file->path;
  }
  return "";
}

void PortTable::GrantFiles(FileSystem* granted) {
  own_files_ = granted == nullptr ? nullptr : granted->ForIsolate();
  files = own_files_ != nullptr ? own_files_.get() : granted;
}

void PortTable::CopyFrom(const PortTable& other) {
  if (other.own_files_ != nullptr) GrantFiles(other.own_files_.get());
  static_cast<PortTableState&>(*this) = other;
  for (size_t i = 0; i < other.files_.size(); ++i) files_.push_back(std::make_unique<Stream>());
  static_cast<StreamState&>(standard_input_) = other.standard_input_;
}

std::string PortTable::FirstDifference(const PortTable& other) const {
  if ((own_files_ == nullptr) != (other.own_files_ == nullptr) || (own_files_ == nullptr && files != other.files)) {
    return "files";
  }
  if (static_cast<const PortTableState&>(*this) != other) return "how files are opened";
  if ((streams_ == nullptr) != (other.streams_ == nullptr)) return "standard streams";
  if (files_.size() != other.files_.size()) return "open files";
  for (const auto& file : files_) {
    if (file->open) return "open files";
  }
  if (static_cast<const StreamState&>(standard_input_) != other.standard_input_) return "standard input";
  return "";
}

}  // namespace islet::vm
