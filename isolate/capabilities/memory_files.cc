// MemoryFiles.

#include <algorithm>
#include <cerrno>
#include <map>
#include <mutex>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "isolate/capabilities/system.h"
#include "isolate/process/fork.h"

namespace islet {

namespace {

constexpr uint64_t kFileBytes = 256;  // what a file takes that is empty

// "a/b" of "./c/../a//b".
std::string Normalized(absl::string_view path) {
  std::vector<absl::string_view> kept;
  for (const absl::string_view part : absl::StrSplit(path, '/')) {
    if (part.empty() || part == ".") continue;
    if (part != "..") {
      kept.push_back(part);
    } else if (!kept.empty()) {
      kept.pop_back();
    }
  }
  return absl::StrJoin(kept, "/");
}

}  // namespace

// Everything in it is used by whoever has the mutex.
struct MemoryFiles::State {
  // A file's contents, which live on while it is open, even when no name leads to it any more.
  struct Node {
    Node(State* state, uint64_t name_bytes) : state(state), fixed(kFileBytes + name_bytes) { state->bytes += fixed; }
    ~Node() { state->bytes -= fixed + Text().size(); }
    Node(const Node&) = delete;
    Node& operator=(const Node&) = delete;

    const std::string& Text() const { return shared != nullptr ? *shared : own; }
    // The contents as what nobody changes any more, to be had by several nodes.
    std::shared_ptr<const std::string> Share() {
      if (shared == nullptr) {
        shared = std::make_shared<const std::string>(std::move(own));
        own.clear();
      }
      return shared;
    }
    std::string& Own() {
      if (shared != nullptr) {
        own = *shared;
        shared = nullptr;
      }
      return own;
    }
    void SetText(absl::string_view text) {
      state->bytes += text.size();
      state->bytes -= Text().size();
      shared = nullptr;
      own.assign(text.data(), text.size());
    }

    State* const state;
    const uint64_t fixed;
    std::shared_ptr<const std::string> shared;  // if not null, instead of `own`
    std::string own;
  };

  class OpenFile;

  std::shared_ptr<Node> Find(const std::string& name) const {
    const auto found = files.find(name);
    return found == files.end() ? nullptr : found->second;
  }
  bool HasRoomFor(uint64_t more) const { return bytes <= options.max_bytes && more <= options.max_bytes - bytes; }
  absl::Status Full(absl::string_view what) const {
    return absl::ResourceExhaustedError(
        absl::StrCat(what, ": the files in memory may take ", options.max_bytes, " bytes"));
  }

  Options options;
  mutable ForkSafeMutex mutex;
  uint64_t bytes = 0;  // of all nodes, so it outlives them
  std::map<std::string, std::shared_ptr<Node>> files;
};

class MemoryFiles::State::OpenFile : public File {
 public:
  OpenFile(std::shared_ptr<State> state, std::shared_ptr<Node> node, Mode mode)
      : state_(std::move(state)), node_(std::move(node)), mode_(mode) {}
  ~OpenFile() override {
    const std::lock_guard<ForkSafeMutex> lock(state_->mutex);
    node_ = nullptr;
  }

  absl::StatusOr<size_t> Read(char* buffer, size_t size) override {
    const std::lock_guard<ForkSafeMutex> lock(state_->mutex);
    const std::string& text = node_->Text();
    const size_t count = position_ < text.size() ? std::min(size, text.size() - position_) : 0;
    std::copy_n(text.data() + position_, count, buffer);
    position_ += count;
    return count;
  }

  absl::Status Write(absl::string_view bytes) override {
    const std::lock_guard<ForkSafeMutex> lock(state_->mutex);
    const size_t old_size = node_->Text().size();
    if (mode_ == Mode::kAppend) position_ = old_size;
    const size_t end = position_ + bytes.size();
    const size_t more = end > old_size ? end - old_size : 0;
    if (!state_->HasRoomFor(more)) return state_->Full("cannot write");
    std::string& text = node_->Own();
    if (more > 0) text.resize(end);
    std::copy(bytes.begin(), bytes.end(), text.begin() + static_cast<ptrdiff_t>(position_));
    state_->bytes += more;
    position_ = end;
    return absl::OkStatus();
  }

 private:
  const std::shared_ptr<State> state_;
  std::shared_ptr<Node> node_;
  const Mode mode_;
  size_t position_ = 0;
};

MemoryFiles::MemoryFiles() : MemoryFiles(Options()) {}

MemoryFiles::MemoryFiles(const Options& options) : state_(std::make_shared<State>()) { state_->options = options; }

MemoryFiles::MemoryFiles(std::shared_ptr<State> state) : state_(std::move(state)) {}

MemoryFiles::~MemoryFiles() = default;

void MemoryFiles::Put(absl::string_view path, absl::string_view contents) {
  const std::string name = Normalized(path);
  const std::lock_guard<ForkSafeMutex> lock(state_->mutex);
  std::shared_ptr<State::Node>& node = state_->files[name];
  node = std::make_shared<State::Node>(state_.get(), name.size());
  node->SetText(contents);
}

absl::optional<std::string> MemoryFiles::Get(absl::string_view path) const {
  const std::lock_guard<ForkSafeMutex> lock(state_->mutex);
  const std::shared_ptr<State::Node> node = state_->Find(Normalized(path));
  if (node == nullptr) return absl::nullopt;
  return node->Text();
}

std::vector<std::string> MemoryFiles::Names() const {
  const std::lock_guard<ForkSafeMutex> lock(state_->mutex);
  std::vector<std::string> names;
  for (const auto& entry : state_->files) names.push_back(entry.first);
  return names;
}

absl::StatusOr<std::unique_ptr<File>> MemoryFiles::Open(absl::string_view path, Mode mode) {
  const std::string name = Normalized(path);
  if (name.empty()) return vm::SystemError(vm::kCannotOpen, path.empty() ? ENOENT : EISDIR);
  const std::lock_guard<ForkSafeMutex> lock(state_->mutex);
  if (mode != Mode::kRead && state_->options.read_only) return vm::SystemError(vm::kCannotOpen, EROFS);
  std::shared_ptr<State::Node> node = state_->Find(name);
  if (node == nullptr) {
    if (mode == Mode::kRead) return vm::SystemError(vm::kCannotOpen, ENOENT);
    if (!state_->HasRoomFor(kFileBytes + name.size())) return state_->Full(vm::kCannotOpen);
    node = std::make_shared<State::Node>(state_.get(), name.size());
    state_->files[name] = node;
  } else if (mode == Mode::kWrite) {
    node->SetText("");
  }
  return std::make_unique<State::OpenFile>(state_, std::move(node), mode);
}

absl::StatusOr<bool> MemoryFiles::Exists(absl::string_view path) {
  const std::lock_guard<ForkSafeMutex> lock(state_->mutex);
  return state_->Find(Normalized(path)) != nullptr;
}

absl::Status MemoryFiles::Delete(absl::string_view path) {
  constexpr absl::string_view kWhat = "cannot delete";
  const std::lock_guard<ForkSafeMutex> lock(state_->mutex);
  if (state_->options.read_only) return vm::SystemError(kWhat, EROFS);
  return state_->files.erase(Normalized(path)) != 0 ? absl::OkStatus() : vm::SystemError(kWhat, ENOENT);
}

std::shared_ptr<FileSystem> MemoryFiles::ForIsolate() {
  const std::lock_guard<ForkSafeMutex> lock(state_->mutex);
  if (!state_->options.per_isolate) return nullptr;
  auto copy = std::make_shared<State>();
  copy->options = state_->options;
  for (const auto& [name, node] : state_->files) {
    auto shared = std::make_shared<State::Node>(copy.get(), name.size());
    shared->shared = node->Share();
    copy->bytes += shared->Text().size();
    copy->files.emplace(name, std::move(shared));
  }
  return std::shared_ptr<FileSystem>(new MemoryFiles(std::move(copy)));
}

}  // namespace islet
