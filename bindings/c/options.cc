// Options: limits, and what scripts may reach outside of their isolate.

#include <chrono>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "bindings/c/calls.h"
#include "bindings/c/internal.h"
#include "islet/capabilities.h"
#include "islet/streams.h"

namespace islet::c {
namespace {

// ---- Tables of functions

// A table for as long as something uses it.
template <typename Table>
class Held {
 public:
  explicit Held(const Table& table) : table_(table) {}
  ~Held() {
    if (table_.release != nullptr) table_.release(table_.data);
  }
  Held(const Held&) = delete;
  Held& operator=(const Held&) = delete;
  const Table* operator->() const { return &table_; }

 private:
  const Table table_;
};

// What a function of a table has returned. Of statuses, a file's caller is told two; any other is a failure of the
// file.
absl::Status FileStatus(islet_status status, const islet_error& error, absl::string_view otherwise) {
  if (status == ISLET_OK) return absl::OkStatus();
  const bool told = error.status == status && !error.message.empty();
  const absl::string_view message = told ? absl::string_view(error.message) : otherwise;
  return status == ISLET_NOT_FOUND           ? absl::NotFoundError(message)
         : status == ISLET_PERMISSION_DENIED ? absl::PermissionDeniedError(message)
                                             : absl::UnavailableError(message);
}

// ---- Standard ports

class CallbackStreams : public StandardStreams {
 public:
  explicit CallbackStreams(const islet_streams& table) : table_(table) {}

  absl::StatusOr<size_t> Read(char* buffer, size_t size) override {
    if (table_->read == nullptr) return size_t{0};
    islet_error error;
    size_t count = 0;
    const islet_status status = table_->read(table_->data, buffer, size, &count, &error);
    if (status != ISLET_OK) return FileStatus(status, error, "cannot read");
    return std::min(count, size);
  }
  bool InputReady() override { return table_->ready == nullptr || table_->ready(table_->data) != 0; }
  absl::Status Write(int descriptor, absl::string_view text) override {
    if (table_->write == nullptr) return absl::PermissionDeniedError("cannot write: islet_streams has no `write`");
    islet_error error;
    return FileStatus(table_->write(table_->data, descriptor, text.data(), text.size(), &error), error, "cannot write");
  }
  absl::Status Flush() override {
    if (table_->flush == nullptr) return absl::OkStatus();
    islet_error error;
    return FileStatus(table_->flush(table_->data, &error), error, "cannot write");
  }

 private:
  const Held<islet_streams> table_;
};

// ---- Files

using FileTable = std::shared_ptr<const Held<islet_file_system>>;

absl::Status NoMember(absl::string_view cannot, absl::string_view member) {
  return absl::PermissionDeniedError(absl::StrCat(cannot, ": islet_file_system has no `", member, "`"));
}

class CallbackFile : public File {
 public:
  CallbackFile(FileTable table, void* file) : table_(std::move(table)), file_(file) {}
  ~CallbackFile() override { Close().IgnoreError(); }

  absl::StatusOr<size_t> Read(char* buffer, size_t size) override {
    if (table()->read == nullptr) return NoMember("cannot read", "read");
    islet_error error;
    size_t count = 0;
    const islet_status status = table()->read(table()->data, file_, buffer, size, &count, &error);
    if (status != ISLET_OK) return FileStatus(status, error, "cannot read");
    return std::min(count, size);
  }
  absl::Status Write(absl::string_view bytes) override {
    if (table()->write == nullptr) return NoMember("cannot write", "write");
    islet_error error;
    return FileStatus(table()->write(table()->data, file_, bytes.data(), bytes.size(), &error), error, "cannot write");
  }
  absl::Status Flush() override {
    if (table()->flush == nullptr) return absl::OkStatus();
    islet_error error;
    return FileStatus(table()->flush(table()->data, file_, &error), error, "cannot write");
  }
  absl::Status Close() override {
    if (std::exchange(closed_, true)) return absl::OkStatus();
    islet_error error;
    return FileStatus(table()->close(table()->data, file_, &error), error, "cannot close");
  }

 private:
  const Held<islet_file_system>& table() const { return *table_; }
  const FileTable table_;
  void* const file_;
  bool closed_ = false;
};

class CallbackFileSystem : public FileSystem {
 public:
  explicit CallbackFileSystem(const islet_file_system& table)
      : table_(std::make_shared<const Held<islet_file_system>>(table)) {}

  absl::StatusOr<std::unique_ptr<File>> Open(absl::string_view path, Mode mode) override {
    if (table()->open == nullptr) return NoMember("cannot open", "open");
    if (mode != Mode::kRead && table()->write == nullptr) return NoMember("cannot open", "write");
    const int c_mode = mode == Mode::kRead    ? ISLET_FILE_READ
                       : mode == Mode::kWrite ? ISLET_FILE_WRITE
                                              : ISLET_FILE_APPEND;
    islet_error error;
    void* file = nullptr;
    const islet_status status = table()->open(table()->data, std::string(path).c_str(), c_mode, &file, &error);
    if (status != ISLET_OK) return FileStatus(status, error, "cannot open");
    return std::make_unique<CallbackFile>(table_, file);
  }
  absl::StatusOr<bool> Exists(absl::string_view path) override {
    if (table()->exists == nullptr) return NoMember("cannot look for it", "exists");
    islet_error error;
    int exists = 0;
    const islet_status status = table()->exists(table()->data, std::string(path).c_str(), &exists, &error);
    if (status != ISLET_OK) return FileStatus(status, error, "cannot look for it");
    return exists != 0;
  }
  absl::Status Delete(absl::string_view path) override {
    if (table()->remove == nullptr) return NoMember("cannot delete", "remove");
    islet_error error;
    return FileStatus(table()->remove(table()->data, std::string(path).c_str(), &error), error, "cannot delete");
  }

 private:
  const Held<islet_file_system>& table() const { return *table_; }
  const FileTable table_;
};

// ---- The clock

class CallbackClock : public Clock {
 public:
  CallbackClock(int64_t (*clock)(void*, int), void* data) : clock_(clock), data_(data) {}
  std::chrono::nanoseconds SinceEpoch() override { return std::chrono::nanoseconds(clock_(data_, 0)); }
  std::chrono::nanoseconds Monotonic() override { return std::chrono::nanoseconds(clock_(data_, 1)); }

 private:
  int64_t (*const clock_)(void*, int);
  void* const data_;
};

// Of data that nothing is going to use.
void ReleaseNow(void* data, islet_release release) {
  if (release != nullptr) release(data);
}

// The body of a setter: what goes wrong is for those who use the options.
template <typename F>
void Set(islet_options* options, const char* who, F&& f) {
  if (options == nullptr) return;
  absl::Status status;
  try {
    status = f();
  } catch (const std::bad_alloc&) {
    status = absl::Status(absl::StatusCode::kResourceExhausted, "");
  }
  if (status.ok() || !options->mistake.ok()) return;
  try {
    options->mistake = absl::Status(status.code(), absl::StrCat(who, ": ", status.message()));
  } catch (const std::bad_alloc&) {
    options->mistake = absl::Status(absl::StatusCode::kResourceExhausted, "");
  }
}

// The same for a table, which `set(table)` uses. Of one that is refused the data are released.
template <typename Table, typename F>
void SetFromTable(islet_options* options, const char* who, const Table* given, const char* what, F&& set) {
  Table table;
  const absl::Status copied = CopyTable(given, what, &table);
  absl::Status status = copied;
  Set(options, who, [&] { return status = copied.ok() ? set(table) : copied; });
  if (options == nullptr || !status.ok()) ReleaseNow(table.data, table.release);
}

absl::Status Null(absl::string_view parameter) {
  return absl::InvalidArgumentError(absl::StrCat(parameter, " is NULL"));
}

}  // namespace

std::shared_ptr<void> Released(void* data, islet_release release) {
  return std::shared_ptr<void>(data, [release](void* p) {
    if (release != nullptr) release(p);
  });
}

absl::Status CheckTable(const void* given, size_t size, size_t known, const char* what) {
  if (size < sizeof(size_t)) {
    return absl::InvalidArgumentError(absl::StrCat(what, "->size is ", size, ": it should be sizeof(*", what, ")"));
  }
  const auto* bytes = static_cast<const unsigned char*>(given);
  for (size_t i = known; i < size; ++i) {
    if (bytes[i] != 0) {
      return absl::UnimplementedError(absl::StrCat(what, " has a member that this version of the library (",
                                                   ISLET_VERSION_TEXT, ") does not know"));
    }
  }
  return absl::OkStatus();
}

IsolateOptions WithFunctions(const islet_options& options) {
  IsolateOptions whole = options.isolate;
  whole.host_functions = &options.functions;
  return whole;
}

}  // namespace islet::c

using islet::c::Set;

extern "C" {

islet_options* islet_options_new(void) try { return new islet_options(); } catch (const std::bad_alloc&) {
  return nullptr;
}

void islet_options_free(islet_options* options) { delete options; }

void islet_options_add_function(islet_options* options, const char* name, int least, int most, islet_function function,
                                void* data, islet_release release) {
  if (options == nullptr) islet::c::ReleaseNow(data, release);
  Set(options, "islet_options_add_function", [&] {
    // From here on it is released, whatever is wrong.
    std::shared_ptr<void> held = islet::c::Released(data, release);
    if (name == nullptr) return islet::c::Null("name");
    if (function == nullptr) return islet::c::Null("function");
    islet::BindingAccess::Add(options->functions, name, least, most,
                              std::make_shared<islet::c::CFunction>(name, function, std::move(held)));
    return absl::OkStatus();
  });
}

void islet_options_add_type(islet_options* options, islet_host_type* type) {
  Set(options, "islet_options_add_type", [&] {
    if (type == nullptr) return islet::c::Null("type");
    options->functions.AddType(type->type);
    return absl::OkStatus();
  });
}

void islet_options_add_method(islet_options* options, islet_host_type* type, const char* name, int least, int most,
                              islet_function function, void* data, islet_release release) {
  if (options == nullptr) islet::c::ReleaseNow(data, release);
  Set(options, "islet_options_add_method", [&] {
    std::shared_ptr<void> held = islet::c::Released(data, release);
    if (type == nullptr) return islet::c::Null("type");
    if (name == nullptr) return islet::c::Null("name");
    if (function == nullptr) return islet::c::Null("function");
    islet::BindingAccess::AddMethod(options->functions, type->type, name, least, most,
                                    std::make_shared<islet::c::CFunction>(name, function, std::move(held)));
    return absl::OkStatus();
  });
}

void islet_options_set_prepare(islet_options* options, islet_prepare prepare, void* data, islet_release release) {
  if (options == nullptr) islet::c::ReleaseNow(data, release);
  Set(options, "islet_options_set_prepare", [&] {
    options->prepare_data = islet::c::Released(data, release);
    options->prepare = prepare;
    return absl::OkStatus();
  });
}

void islet_options_set_limit(islet_options* options, islet_status which, uint64_t limit) {
  Set(options, "islet_options_set_limit", [&]() -> absl::Status {
    if (islet::c::SetLimit(options->isolate.limits, which, limit)) return absl::OkStatus();
    return absl::UnimplementedError(absl::StrCat("status ", which, " is no limit"));
  });
}

void islet_options_set_near_limit(islet_options* options, islet_near_limit ask, void* data, islet_release release) {
  if (options == nullptr) islet::c::ReleaseNow(data, release);
  Set(options, "islet_options_set_near_limit", [&] {
    std::shared_ptr<void> held = islet::c::Released(data, release);
    options->isolate.near_limit = nullptr;
    if (ask == nullptr) return absl::OkStatus();
    options->isolate.near_limit = [ask, held = std::move(held)](islet::Isolate& isolate, islet::Limit limit) {
      ask(held.get(), islet::c::CTypeOf(&isolate), islet::c::StatusOf(limit));
    };
    return absl::OkStatus();
  });
}

void islet_options_set_streams(islet_options* options, const islet_streams* streams) {
  constexpr char kWho[] = "islet_options_set_streams";
  islet::c::SetFromTable(options, kWho, streams, "streams", [&](const islet_streams& table) {
    options->isolate.streams = std::make_shared<islet::c::CallbackStreams>(table);
    return absl::OkStatus();
  });
}

void islet_options_set_file_system(islet_options* options, const islet_file_system* files) {
  constexpr char kWho[] = "islet_options_set_file_system";
  islet::c::SetFromTable(options, kWho, files, "files", [&](const islet_file_system& table) -> absl::Status {
    if (table.open != nullptr && table.close == nullptr) {
      return absl::InvalidArgumentError("files has `open`, but no `close`");
    }
    options->isolate.files = std::make_shared<islet::c::CallbackFileSystem>(table);
    return absl::OkStatus();
  });
}

void islet_options_allow_all_files(islet_options* options) {
  Set(options, "islet_options_allow_all_files", [&] {
    options->isolate.files = islet::ProcessFiles();
    return absl::OkStatus();
  });
}

void islet_options_allow_files_below(islet_options* options, const char* directory, int read_only) {
  Set(options, "islet_options_allow_files_below", [&] {
    if (directory == nullptr) return islet::c::Null("directory");
    islet::FilesBelowOptions below;
    below.read_only = read_only != 0;
    absl::StatusOr<std::shared_ptr<islet::FileSystem>> files = islet::FilesBelow(directory, below);
    if (!files.ok()) return files.status();
    options->isolate.files = *std::move(files);
    return absl::OkStatus();
  });
}

void islet_options_add_library_path(islet_options* options, const char* directory) {
  Set(options, "islet_options_add_library_path", [&] {
    if (directory == nullptr) return islet::c::Null("directory");
    options->isolate.library_path.emplace_back(directory);
    return absl::OkStatus();
  });
}

void islet_options_allow_clock(islet_options* options, int64_t (*clock)(void* data, int monotonic), void* data) {
  Set(options, "islet_options_allow_clock", [&] {
    options->isolate.clock =
        clock == nullptr ? islet::SystemClock() : std::make_shared<islet::c::CallbackClock>(clock, data);
    return absl::OkStatus();
  });
}

void islet_options_allow_randomness(islet_options* options) {
  Set(options, "islet_options_allow_randomness", [&] {
    options->isolate.randomness = islet::SystemRandomness();
    return absl::OkStatus();
  });
}

void islet_options_set_random_seed(islet_options* options, uint64_t seed) {
  Set(options, "islet_options_set_random_seed", [&] {
    options->isolate.randomness = islet::SeededRandomness(seed);
    return absl::OkStatus();
  });
}

void islet_options_set_command_line(islet_options* options, const char* const* words, size_t count) {
  Set(options, "islet_options_set_command_line", [&] {
    if (words == nullptr && count != 0) return islet::c::Null("words");
    std::vector<std::string> copied;
    for (size_t i = 0; i < count; ++i) {
      if (words[i] == nullptr) return islet::c::Null(absl::StrCat("words[", i, "]"));
      copied.emplace_back(words[i]);
    }
    options->isolate.command_line = std::move(copied);
    return absl::OkStatus();
  });
}

void islet_options_add_environment(islet_options* options, const char* name, const char* value) {
  Set(options, "islet_options_add_environment", [&] {
    if (name == nullptr) return islet::c::Null("name");
    if (value == nullptr) return islet::c::Null("value");
    options->isolate.environment.emplace_back(name, value);
    return absl::OkStatus();
  });
}

void islet_options_set_cage_size(islet_options* options, uint64_t bytes) {
  if (options != nullptr) options->isolate.cage_size = bytes;
}

void islet_options_set_spare_bytes(islet_options* options, uint64_t bytes) {
  if (options != nullptr) options->isolate.spare_bytes = bytes;
}

void islet_options_set_count_instructions(islet_options* options, int count) {
  if (options != nullptr) options->isolate.count_instructions = count != 0;
}

void islet_options_set_idle(islet_options* options, size_t keep_bytes, size_t isolates_per_thread) {
  if (options == nullptr) return;
  options->pool.keep_bytes = keep_bytes;
  options->pool.max_idle_per_thread = isolates_per_thread;
}

void islet_options_set_verify_resets(islet_options* options, int verify) {
  if (options != nullptr) options->pool.verify_resets = verify != 0;
}

}  // extern "C"
