#include "bindings/c/grants.h"

#include <memory>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace islet::c {

namespace {

// The Status of what a callback has returned.
absl::Status StatusOf(islet_status status, islet_error& error, absl::string_view otherwise) {
  if (status == ISLET_OK) return absl::OkStatus();
  error.message[sizeof(error.message) - 1] = '\0';
  const absl::string_view message = error.message[0] != '\0' ? absl::string_view(error.message) : otherwise;
  return status == ISLET_NOT_FOUND           ? absl::NotFoundError(message)
         : status == ISLET_PERMISSION_DENIED ? absl::PermissionDeniedError(message)
                                             : absl::UnavailableError(message);
}

class CallbackFile : public File {
 public:
  CallbackFile(std::shared_ptr<const islet_file_system> system, void* file) : system_(std::move(system)), file_(file) {}
  ~CallbackFile() override { Close().IgnoreError(); }

  absl::StatusOr<size_t> Read(char* buffer, size_t size) override {
    islet_error error = {};
    size_t count = 0;
    const islet_status status = system_->read(system_->user_data, file_, buffer, size, &count, &error);
    if (status != ISLET_OK) return StatusOf(status, error, "cannot read");
    return std::min(count, size);
  }
  absl::Status Write(absl::string_view bytes) override {
    islet_error error = {};
    if (system_->write == nullptr) return absl::UnimplementedError("cannot write: files cannot be written here");
    return StatusOf(system_->write(system_->user_data, file_, bytes.data(), bytes.size(), &error), error,
                    "cannot write");
  }
  absl::Status Flush() override {
    islet_error error = {};
    if (system_->flush == nullptr) return absl::OkStatus();
    return StatusOf(system_->flush(system_->user_data, file_, &error), error, "cannot write");
  }
  absl::Status Close() override {
    islet_error error = {};
    if (std::exchange(closed_, true)) return absl::OkStatus();
    return StatusOf(system_->close(system_->user_data, file_, &error), error, "cannot close");
  }

 private:
  const std::shared_ptr<const islet_file_system> system_;
  void* const file_;
  bool closed_ = false;
};

class CallbackFileSystem : public FileSystem {
 public:
  explicit CallbackFileSystem(const islet_file_system& system)
      : system_(std::make_shared<const islet_file_system>(system)) {}

  absl::StatusOr<std::unique_ptr<File>> Open(absl::string_view path, Mode mode) override {
    if (mode != Mode::kRead && system_->write == nullptr) {
      return absl::UnimplementedError("cannot open: files cannot be written here");
    }
    const islet_file_mode c_mode = mode == Mode::kRead    ? ISLET_FILE_READ
                                   : mode == Mode::kWrite ? ISLET_FILE_WRITE
                                                          : ISLET_FILE_APPEND;
    islet_error error = {};
    void* file = nullptr;
    const islet_status status = system_->open(system_->user_data, std::string(path).c_str(), c_mode, &file, &error);
    if (status != ISLET_OK) return StatusOf(status, error, "cannot open");
    return std::make_unique<CallbackFile>(system_, file);
  }
  absl::StatusOr<bool> Exists(absl::string_view path) override {
    islet_error error = {};
    int exists = 0;
    const islet_status status = system_->exists(system_->user_data, std::string(path).c_str(), &exists, &error);
    if (status != ISLET_OK) return StatusOf(status, error, "cannot look for it");
    return exists != 0;
  }
  absl::Status Delete(absl::string_view path) override {
    islet_error error = {};
    if (system_->remove == nullptr) return absl::UnimplementedError("cannot delete: files cannot be deleted here");
    return StatusOf(system_->remove(system_->user_data, std::string(path).c_str(), &error), error, "cannot delete");
  }

 private:
  const std::shared_ptr<const islet_file_system> system_;  // open files have it too
};

class CallbackClock : public Clock {
 public:
  CallbackClock(int64_t (*clock)(void*, int), void* data) : clock_(clock), data_(data) {}
  std::chrono::nanoseconds SinceEpoch() override { return std::chrono::nanoseconds(clock_(data_, 0)); }
  std::chrono::nanoseconds Monotonic() override { return std::chrono::nanoseconds(clock_(data_, 1)); }

 private:
  int64_t (*const clock_)(void*, int);
  void* const data_;
};

absl::Status CopyTexts(const char* const* texts, size_t count, absl::string_view what,
                       std::vector<std::string>* copies) {
  if (count != 0 && texts == nullptr) return absl::InvalidArgumentError(absl::StrCat(what, " is NULL"));
  for (size_t i = 0; i < count; ++i) {
    if (texts[i] == nullptr) return absl::InvalidArgumentError(absl::StrCat(what, "[", i, "] is NULL"));
    copies->emplace_back(texts[i]);
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status TranslateGrants(const islet_isolate_options& given, IsolateOptions* options) {
  if (given.file_system != nullptr) {
    const islet_file_system system = Whole(given.file_system);
    if (system.open == nullptr || system.read == nullptr || system.close == nullptr || system.exists == nullptr) {
      return absl::InvalidArgumentError("file_system lacks one of open, read, close and exists");
    }
    options->files = std::make_shared<CallbackFileSystem>(system);
  } else if (given.files_below != nullptr) {
    FilesBelowOptions below;
    below.read_only = given.files_read_only != 0;
    absl::StatusOr<std::shared_ptr<FileSystem>> files = FilesBelow(given.files_below, below);
    if (!files.ok()) return files.status();
    options->files = *std::move(files);
  } else if (given.allow_files != 0) {
    options->files = ProcessFiles();
  }
  if (given.clock != nullptr) {
    options->clock = std::make_shared<CallbackClock>(given.clock, given.clock_user_data);
  } else if (given.allow_clock != 0) {
    options->clock = SystemClock();
  }
  if (given.random_seed != nullptr) {
    options->randomness = SeededRandomness(*given.random_seed);
  } else if (given.allow_randomness != 0) {
    options->randomness = SystemRandomness();
  }
  std::vector<std::string> variables;
  absl::Status status = CopyTexts(given.command_line, given.command_line_count, "command_line", &options->command_line);
  status.Update(CopyTexts(given.library_path, given.library_path_count, "library_path", &options->library_path));
  status.Update(CopyTexts(given.environment, given.environment_count, "environment", &variables));
  for (const std::string& variable : variables) {
    if (variable.find('=') == std::string::npos) {
      status.Update(absl::InvalidArgumentError(absl::StrCat("environment: ", variable, " is not NAME=VALUE")));
      continue;
    }
    options->environment.emplace_back(absl::StrSplit(variable, absl::MaxSplits('=', 1)));
  }
  return status;
}

}  // namespace islet::c
