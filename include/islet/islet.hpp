// Islet for C++17: the C interface (islet/islet.h) with the standard library's types, in one header. It works with
// every compiler and standard library, as all that is linked is C; programs that are built with Islet's sources may use
// islet/isolate.h instead, which has Abseil's types.
//
//   islet::Snapshot snapshot = islet::Snapshot::Embedded(islet_snapshot_x_begin, islet_snapshot_x_end);
//   islet::Options options;
//   options.Add("log", 1, 1, [](islet::HostCall& call) { std::cout << call.Text(call[0]) << '\n'; });
//   islet::Isolate isolate(snapshot, options);
//   islet::Scope scope(isolate);
//   islet::Value total = isolate.Call("order", "tea", 3);
//   std::cout << isolate.Integer(total) << '\n';
//
// - What fails throws islet::Error. TryCall and TryEval give a Result instead, for what is expected to fail; without
//   exceptions (-fno-exceptions) everything else ends the process when it fails.
// - Values are handles: good until the scope ends that was innermost when they were made, and copied freely. Kept
//   outlives scopes.
// - Threads, scopes and what is borrowed for how long: as islet.h says of the C functions, which c() leads to.
#ifndef ISLET_ISLET_HPP_
#define ISLET_ISLET_HPP_

#ifdef ISLET_ISOLATE_H_
#error "islet/islet.hpp and islet/isolate.h are two interfaces: a source file uses one of them"
#endif

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#if defined(__cpp_exceptions) && defined(__GLIBCXX__)
#include <cxxabi.h>
#endif

#include "islet/islet.h"

namespace islet {
// Of its own, so that a program may have both interfaces, in different files.
inline namespace over_c {

// ---- Failures

class Error : public std::exception {
 public:
  // What `failure` holds, copied.
  explicit Error(const islet_error* failure) : error_(islet_error_new(), islet_error_free) {
    islet_error_copy(error_.get(), failure);
  }
  // A failure of the host's own, to be thrown in its functions: `code` is ISLET_HOST_STATUS or more.
  Error(islet_status code, const std::string& kind, const std::string& message)
      : error_(islet_error_new(), islet_error_free) {
    islet_error_set(error_.get(), code, kind.c_str(), message.c_str());
  }

  islet_status status() const { return islet_error_status(c()); }
  // "car: argument 1 should be a pair: 5".
  const char* message() const { return islet_error_message(c()); }
  // With place and backtrace.
  const char* what() const noexcept override { return islet_error_report(c()); }
  // "wrong-type", "file", the host's own.
  const char* kind() const { return islet_error_kind(c()); }
  int exit_status() const { return islet_error_exit_status(c()); }
  std::vector<std::string> irritants() const {
    std::vector<std::string> all;
    for (std::size_t i = 0; i < islet_error_irritants(c()); ++i) all.emplace_back(islet_error_irritant(c(), i));
    return all;
  }
  // Innermost first.
  std::vector<islet_frame> frames() const {
    std::vector<islet_frame> all;
    for (islet_frame frame; islet_error_frame(c(), all.size(), &frame) != 0;) all.push_back(frame);
    return all;
  }
  const islet_error* c() const { return error_.get(); }

 private:
  std::shared_ptr<islet_error> error_;  // copies are one failure
};

// A value, or why there is none.
template <typename T>
class Result {
 public:
  Result(T value) : value_(std::move(value)) {}      // NOLINT(google-explicit-constructor): for return statements
  Result(Error error) : error_(std::move(error)) {}  // NOLINT(google-explicit-constructor): likewise
  explicit operator bool() const { return value_.has_value(); }
  // Only if there is one.
  const T& operator*() const { return *value_; }
  const T* operator->() const { return &*value_; }
  // Only if there is none.
  const Error& error() const { return *error_; }

 private:
  std::optional<T> value_;
  std::optional<Error> error_;
};

namespace detail {

[[noreturn]] inline void Fail(const islet_error* failure) {
#ifdef __cpp_exceptions
  throw Error(failure);
#else
  std::fprintf(stderr, "islet: %s\n", islet_error_report(failure));
  std::abort();
#endif
}

// What the C functions fill: one for each thread, since only a failure's copy outlives the call that has failed.
inline islet_error* Failure() {
  thread_local const std::unique_ptr<islet_error, void (*)(islet_error*)> failure(islet_error_new(), islet_error_free);
  return failure.get();
}

inline void Check(islet_status status) {
  if (status == ISLET_OK) return;
  // A failure that was not filled in, as there was no memory for it, or the function takes no error.
  if (islet_error_status(Failure()) != status) islet_error_set(Failure(), status, nullptr, "the call has failed");
  Fail(Failure());
}

// `object`, unless it is null. An earlier failure must not be taken for this one's.
template <typename F>
auto CheckMade(F&& make) {
  islet_error_clear(Failure());
  auto* const object = make(Failure());
  if (object == nullptr) Fail(Failure());
  return object;
}

template <auto Free>
struct Deleter {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};
template <typename T, auto Free>
using Owned = std::unique_ptr<T, Deleter<Free>>;

}  // namespace detail

// ---- Values

class Value {
 public:
  Value() : value_{0, 0} {}  // no value: whatever uses it fails
  explicit Value(islet_value value) : value_(value) {}
  islet_value c() const { return value_; }

 private:
  islet_value value_;
};

// A symbol, where text alone would be a string.
struct Symbol {
  std::string_view name;
};

template <typename T>
class HostType;

// ---- Isolates: Context is what can be done with one that is entered, whoever owns it.

class Context {
 public:
  explicit Context(islet_isolate* isolate) : isolate_(isolate) {}
  islet_isolate* c() const { return isolate_; }

  // Calls the procedure that a top-level variable holds. Arguments are what Make takes.
  template <typename... Arguments>
  Value Call(const char* name, const Arguments&... arguments) const {
    return Take(TryCall(name, arguments...));
  }
  template <typename... Arguments>
  Value Call(Value procedure, const Arguments&... arguments) const {
    return Take(TryCall(procedure, arguments...));
  }
  template <typename... Arguments>
  Result<Value> TryCall(const char* name, const Arguments&... arguments) const {
    const islet_value made[sizeof...(Arguments) + 1] = {Make(arguments).c()...};
    islet_value result;
    return Finish(islet_call(isolate_, name, made, sizeof...(Arguments), &result, detail::Failure()), result);
  }
  template <typename... Arguments>
  Result<Value> TryCall(Value procedure, const Arguments&... arguments) const {
    const islet_value made[sizeof...(Arguments) + 1] = {Make(arguments).c()...};
    islet_value result;
    return Finish(islet_call_value(isolate_, procedure.c(), made, sizeof...(Arguments), &result, detail::Failure()),
                  result);
  }
  // Evaluates the forms of a text; the value of the last. `name` stands for it in messages.
  Value Eval(std::string_view text, const char* name = "eval") const { return Take(TryEval(text, name)); }
  Result<Value> TryEval(std::string_view text, const char* name = "eval") const {
    islet_value result;
    return Finish(islet_eval(isolate_, text.data(), text.size(), name, 0, &result, detail::Failure()), result);
  }
  // A top-level variable's value.
  Value Lookup(const char* name) const {
    islet_value found;
    detail::Check(islet_lookup(isolate_, name, &found, detail::Failure()));
    return Value(found);
  }
  template <typename T>
  void Define(const char* name, const T& value) const {
    detail::Check(islet_define(isolate_, name, Make(value).c(), detail::Failure()));
  }

  // ---- In. What cannot be made is a value that fails where it is used.
  Value Make(Value value) const { return value; }
  Value Make(std::string_view text) const { return Value(islet_string(isolate_, text.data(), text.size())); }
  Value Make(const char* text) const { return Value(islet_string(isolate_, text, ISLET_Z)); }
  Value Make(Symbol symbol) const { return Value(islet_symbol(isolate_, symbol.name.data(), symbol.name.size())); }
  Value Make(std::nullptr_t) const { return Value(islet_null(isolate_)); }
  template <typename T, std::enable_if_t<std::is_arithmetic_v<T>, int> = 0>
  Value Make(T number) const {
    if constexpr (std::is_same_v<T, bool>) {
      return Value(islet_boolean(isolate_, number ? 1 : 0));
    } else if constexpr (std::is_same_v<T, char32_t>) {
      return Value(islet_character(isolate_, static_cast<std::uint32_t>(number)));
    } else if constexpr (std::is_floating_point_v<T>) {
      return Value(islet_real(isolate_, static_cast<double>(number)));
    } else {
      static_assert(sizeof(T) <= sizeof(std::int64_t), "pass digits to islet_big_integer");
      if constexpr (std::is_unsigned_v<T> && sizeof(T) == sizeof(std::int64_t)) {
        if (number > static_cast<T>(INT64_MAX)) {
          return Value(islet_big_integer(isolate_, std::to_string(number).c_str(), ISLET_Z));
        }
      }
      return Value(islet_integer(isolate_, static_cast<std::int64_t>(number)));
    }
  }
  template <typename T>
  Value Make(const std::vector<T>& items) const {
    const std::vector<islet_value> made = MakeAll(items);
    return Value(islet_list(isolate_, made.data(), made.size()));
  }
  template <typename T>
  Value Vector(const std::vector<T>& items) const {
    const std::vector<islet_value> made = MakeAll(items);
    return Value(islet_vector(isolate_, made.data(), made.size()));
  }
  Value Bytevector(const void* bytes, std::size_t size) const { return Value(islet_bytevector(isolate_, bytes, size)); }
  Value Unspecified() const { return Value(islet_unspecified(isolate_)); }
  Value Eof() const { return Value(islet_eof(isolate_)); }

  // ---- Out
  int Type(Value value) const { return islet_type_of(isolate_, value.c()); }
  bool IsTrue(Value value) const { return islet_is_true(isolate_, value.c()) != 0; }
  std::int64_t Integer(Value value) const {
    std::int64_t n = 0;
    detail::Check(islet_get_integer(isolate_, value.c(), &n, detail::Failure()));
    return n;
  }
  double Real(Value value) const {
    double d = 0;
    detail::Check(islet_get_real(isolate_, value.c(), &d, detail::Failure()));
    return d;
  }
  // Of a string or symbol; lent until the innermost scope ends, as the next two.
  std::string_view Text(Value value) const {
    const char* text = nullptr;
    std::size_t length = 0;
    detail::Check(islet_get_text(isolate_, value.c(), &text, &length, detail::Failure()));
    return {text, length};
  }
  std::string_view Bytes(Value bytevector) const {
    const void* bytes = nullptr;
    std::size_t size = 0;
    detail::Check(islet_get_bytes(isolate_, bytevector.c(), &bytes, &size, detail::Failure()));
    return {static_cast<const char*>(bytes), size};
  }
  // As the procedure `write` prints it; at most about `limit` bytes, 0: a mebibyte.
  std::string_view Print(Value value, std::size_t limit = 0) const {
    const char* text = nullptr;
    std::size_t length = 0;
    detail::Check(islet_print(isolate_, value.c(), limit, &text, &length, detail::Failure()));
    return {text, length};
  }
  // Of a list or vector; keys and values in turn of a hash table; fields of a record.
  std::vector<Value> Items(Value whole) const {
    constexpr std::size_t kPortion = 64;
    std::vector<Value> all;
    islet_cursor cursor = {};
    for (std::size_t got = kPortion; got == kPortion;) {
      islet_value portion[kPortion];
      detail::Check(islet_items(isolate_, whole.c(), &cursor, portion, kPortion, &got, detail::Failure()));
      for (std::size_t i = 0; i < got; ++i) all.emplace_back(portion[i]);
    }
    return all;
  }
  template <typename Key>
  Value Ref(Value whole, const Key& key) const {
    islet_value found;
    detail::Check(islet_ref(isolate_, whole.c(), Make(key).c(), &found, detail::Failure()));
    return Value(found);
  }
  template <typename Key, typename Item>
  void Set(Value whole, const Key& key, const Item& item) const {
    detail::Check(islet_set(isolate_, whole.c(), Make(key).c(), Make(item).c(), detail::Failure()));
  }

  // ---- What the host has of its own in there
  // `function` is called as those of Options are.
  template <typename F>
  Value Procedure(const char* name, int least, int most, F function) const;
  // Stands for *pointer. `external_bytes` count against the heap limit.
  template <typename T>
  Value Object(const HostType<T>& type, T* pointer, std::size_t external_bytes = 0) const {
    return Value(islet_host_object(isolate_, type.c(), pointer, external_bytes));
  }
  template <typename T>
  T& Get(const HostType<T>& type, Value object) const {
    void* pointer = nullptr;
    detail::Check(islet_host_pointer(isolate_, object.c(), type.c(), &pointer, detail::Failure()));
    return *static_cast<T*>(pointer);
  }
  void Revoke(Value object) const { detail::Check(islet_host_revoke(isolate_, object.c(), detail::Failure())); }

  void Collect(int how = ISLET_COLLECT_FULL) const { detail::Check(islet_collect(isolate_, how, detail::Failure())); }
  void Flush() const { detail::Check(islet_flush(isolate_, detail::Failure())); }
  void SetLimit(islet_status which, std::uint64_t limit) const {
    detail::Check(islet_set_limit(isolate_, which, limit));
  }
  std::uint64_t Limit(islet_status which) const { return islet_limit(isolate_, which); }
  std::uint64_t Stat(int which) const { return islet_stat(isolate_, which); }
  void Interrupt() const { islet_interrupt(isolate_); }
  void ClearInterrupt() const { islet_clear_interrupt(isolate_); }

 private:
  static Value Take(const Result<Value>& result) {
    if (!result) detail::Fail(result.error().c());
    return *result;
  }
  static Result<Value> Finish(islet_status status, islet_value result) {
    if (status != ISLET_OK) return Error(detail::Failure());
    return Value(result);
  }
  template <typename T>
  std::vector<islet_value> MakeAll(const std::vector<T>& items) const {
    std::vector<islet_value> made;
    made.reserve(items.size());
    for (const T& item : items) made.push_back(Make(item).c());
    return made;
  }

  islet_isolate* isolate_;
};

// One call of a host function, while it runs.
class HostCall : public Context {
 public:
  explicit HostCall(islet_host_call* call) : Context(call->isolate), call_(call) {}
  std::size_t size() const { return call_->count; }
  Value operator[](std::size_t index) const { return index < size() ? Value(call_->arguments[index]) : Value(); }

 private:
  islet_host_call* call_;
};

namespace detail {

// Calls `f`, which gives nothing, or what Make takes, and turns what it throws into a failure of the host function.
template <typename F>
islet_status RunHostFunction(islet_host_call* c, F&& f) noexcept(false) {
#ifdef __cpp_exceptions
  try {
#endif
    HostCall call(c);
    if constexpr (std::is_void_v<decltype(f(call))>) {
      f(call);
    } else {
      c->result = call.Make(f(call)).c();
    }
    return ISLET_OK;
#ifdef __cpp_exceptions
  } catch (const Error& e) {
    return islet_error_copy(c->error, e.c());
  } catch (const std::exception& e) {
    return islet_error_set(c->error, ISLET_HOST_STATUS, "host-exception", e.what());
#ifdef __GLIBCXX__
  } catch (const abi::__forced_unwind&) {
    throw;  // a thread that is being ended
#endif
  } catch (...) {
    return islet_error_set(c->error, ISLET_HOST_STATUS, "host-exception", "an exception that is no std::exception");
  }
#endif
}

template <typename F>
islet_status CallFunction(islet_host_call* c) {
  return RunHostFunction(c, *static_cast<F*>(c->data));
}
template <typename T, typename F>
islet_status CallMethod(islet_host_call* c) {
  return RunHostFunction(c, [c](HostCall& call) -> decltype(auto) {
    return (*static_cast<F*>(c->data))(*static_cast<T*>(c->self), call);
  });
}
template <typename F>
void Delete(void* data) {
  delete static_cast<F*>(data);
}

}  // namespace detail

template <typename F>
Value Context::Procedure(const char* name, int least, int most, F function) const {
  return Value(islet_procedure(isolate_, name, least, most, detail::CallFunction<F>, new F(std::move(function)),
                               detail::Delete<F>));
}

// ---- Host objects

// A type of the host's objects, each of which stands for a T. It must outlive them: see islet_host_type_free.
template <typename T>
class HostType {
 public:
  // `finalize(T*)` is called for each object when it has been collected, or its isolate ends.
  template <typename Finalize>
  HostType(const char* name, Finalize finalize) {
    islet_host_type_info info = {};
    info.size = sizeof(info);
    info.name = name;
    info.data = new Finalize(std::move(finalize));
    info.finalize = [](void* data, void* pointer) { (*static_cast<Finalize*>(data))(static_cast<T*>(pointer)); };
    info.release = detail::Delete<Finalize>;
    type_.reset(detail::CheckMade([&](islet_error* error) { return islet_host_type_new(&info, error); }));
  }
  explicit HostType(const char* name) : HostType(name, [](T*) {}) {}
  islet_host_type* c() const { return type_.get(); }

 private:
  static void Free(islet_host_type* type) { (void)islet_host_type_free(type, nullptr); }
  detail::Owned<islet_host_type, &HostType::Free> type_;
};

// ---- Snapshots, options, isolates, pools

class Snapshot {
 public:
  static Snapshot Embedded(const unsigned char* begin, const unsigned char* end) {
    return Snapshot(
        detail::CheckMade([&](islet_error* error) { return islet_snapshot_open_embedded(begin, end, error); }));
  }
  static Snapshot File(const std::string& path, std::uint32_t flags = 0) {
    return Snapshot(
        detail::CheckMade([&](islet_error* error) { return islet_snapshot_open_file(path.c_str(), flags, error); }));
  }
  static Snapshot Bytes(std::string_view bytes, std::uint32_t flags = 0) {
    return Snapshot(detail::CheckMade(
        [&](islet_error* error) { return islet_snapshot_open_bytes(bytes.data(), bytes.size(), flags, error); }));
  }
  // What a top-level variable holds in the snapshot: good in all its isolates, always.
  Value Lookup(const char* name) const {
    islet_value found;
    detail::Check(islet_snapshot_lookup(c(), name, &found, detail::Failure()));
    return Value(found);
  }
  islet_snapshot* c() const { return snapshot_.get(); }

 private:
  explicit Snapshot(islet_snapshot* snapshot) : snapshot_(snapshot) {}
  detail::Owned<islet_snapshot, islet_snapshot_free> snapshot_;
};

// All else is set by islet_options_...(options.c(), ...).
class Options {
 public:
  Options() : options_(islet_options_new()) {
    if (options_ == nullptr) detail::Fail(nullptr);
  }
  // What scripts call (host-function 'name arity). `function(HostCall&)` gives nothing, or what Context::Make takes.
  // `most` -1: any number of arguments.
  template <typename F>
  Options& Add(const char* name, int least, int most, F function) {
    islet_options_add_function(c(), name, least, most, detail::CallFunction<F>, new F(std::move(function)),
                               detail::Delete<F>);
    return *this;
  }
  // `method(T&, HostCall&)`; the object is the first argument, which `least` counts.
  template <typename T, typename F>
  Options& AddMethod(const HostType<T>& type, const char* name, int least, int most, F method) {
    islet_options_add_method(c(), type.c(), name, least, most, detail::CallMethod<T, F>, new F(std::move(method)),
                             detail::Delete<F>);
    return *this;
  }
  // For (host-predicate 'name), by the type's name.
  template <typename T>
  Options& AddType(const HostType<T>& type) {
    islet_options_add_type(c(), type.c());
    return *this;
  }
  Options& SetLimit(islet_status which, std::uint64_t limit) {
    islet_options_set_limit(c(), which, limit);
    return *this;
  }
  islet_options* c() const { return options_.get(); }

 private:
  detail::Owned<islet_options, islet_options_free> options_;
};

class Pool;

class Isolate : public Context {
 public:
  explicit Isolate(const Snapshot& snapshot)
      : Isolate(
            detail::CheckMade([&](islet_error* error) { return islet_isolate_new(snapshot.c(), nullptr, error); })) {}
  Isolate(const Snapshot& snapshot, const Options& options)
      : Isolate(detail::CheckMade(
            [&](islet_error* error) { return islet_isolate_new(snapshot.c(), options.c(), error); })) {}
  Isolate(Isolate&& other) noexcept = default;
  Isolate& operator=(Isolate&& other) noexcept = default;
  // A second one in the same state.
  Isolate Fork() const {
    return Isolate(detail::CheckMade([&](islet_error* error) { return islet_isolate_fork(c(), error); }));
  }

 private:
  friend class Pool;
  static void Free(islet_isolate* isolate) { (void)islet_isolate_free(isolate); }
  explicit Isolate(islet_isolate* isolate) : Context(isolate), isolate_(isolate) {}
  detail::Owned<islet_isolate, &Isolate::Free> isolate_;  // its end resets, and gives back to the pool
};

class Pool {
 public:
  explicit Pool(const Snapshot& snapshot)
      : pool_(detail::CheckMade([&](islet_error* error) { return islet_pool_new(snapshot.c(), nullptr, error); })) {}
  Pool(const Snapshot& snapshot, const Options& options)
      : pool_(detail::CheckMade([&](islet_error* error) { return islet_pool_new(snapshot.c(), options.c(), error); })) {
  }
  Isolate Get() const {
    return Isolate(detail::CheckMade([&](islet_error* error) { return islet_pool_get(c(), error); }));
  }
  islet_pool* c() const { return pool_.get(); }

 private:
  detail::Owned<islet_pool, islet_pool_free> pool_;
};

// Enters the isolate, and leaves it.
class Scope {
 public:
  explicit Scope(const Isolate& isolate) : isolate_(isolate.c()) {
    detail::Check(islet_enter(isolate_, detail::Failure()));
  }
  ~Scope() { (void)islet_leave(isolate_); }
  Scope(const Scope&) = delete;
  Scope& operator=(const Scope&) = delete;

 private:
  islet_isolate* const isolate_;
};

// A scope for values inside of that, in loops.
class ValueScope {
 public:
  explicit ValueScope(const Context& context) : isolate_(context.c()), mark_(islet_scope_open(isolate_)) {}
  ~ValueScope() { islet_scope_close(isolate_, mark_); }
  ValueScope(const ValueScope&) = delete;
  ValueScope& operator=(const ValueScope&) = delete;

 private:
  islet_isolate* const isolate_;
  const std::size_t mark_;
};

// A value that outlives scopes, until this ends, on whatever thread, or the isolate does.
class Kept {
 public:
  Kept() = default;
  Kept(const Context& context, Value value) : isolate_(context.c()), value_(Value(islet_keep(isolate_, value.c()))) {}
  Kept(Kept&& other) noexcept
      : isolate_(std::exchange(other.isolate_, nullptr)), value_(std::exchange(other.value_, Value())) {}
  Kept& operator=(Kept&& other) noexcept {
    std::swap(isolate_, other.isolate_);
    std::swap(value_, other.value_);
    return *this;
  }
  ~Kept() {
    if (isolate_ != nullptr) islet_release_value(isolate_, value_.c());
  }
  Value value() const { return value_; }

 private:
  islet_isolate* isolate_ = nullptr;
  Value value_;
};

}  // namespace over_c
}  // namespace islet

#endif  // ISLET_ISLET_HPP_
