// The procedures that a host offers to its scripts. A script names each with (host-function 'name arity).

#ifndef ISLET_HOST_FUNCTIONS_H_
#define ISLET_HOST_FUNCTIONS_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "islet/host_objects.h"
#include "islet/value.h"

namespace islet {

class Isolate;
struct DirectFunction;

// Called on the thread that has entered the isolate. The arguments are handles, good until it returns. May call the
// isolate.
//
// An error Status is raised as a condition in the script: of kind host, with the Status's message. If nothing handles
// it (or what does raises it again), code, message and payloads are those of the Status that the Eval or Call around
// returns; its message has the function's name before it and a backtrace behind. So the host's own NotFound, Cancelled
// or DeadlineExceeded is never taken for a limit of the isolate's: LimitReached tells. A Status that the latest nested
// Eval or Call of this isolate has returned goes on, if passed on unchanged, as what it was.
//
// A std::exception is raised like an Unknown Status with its what(), std::bad_alloc included; any other exception as
// "unknown exception". Where a thread is ended within (pthread_exit, pthread_cancel), its isolate is lost, and can only
// be disposed of.
using HostFunction = std::function<absl::StatusOr<Value>(Isolate& isolate, absl::Span<const Value> arguments)>;

// The same for a function whose first argument must be a host object of a certain type (host_objects.h): `self` is that
// object's pointer. The object stays alive until the method returns; should it be revoked meanwhile, what becomes of
// what `self` points to is the host's affair.
using HostMethod =
    std::function<absl::StatusOr<Value>(Isolate& isolate, void* self, absl::Span<const Value> arguments)>;

// Fill it, then share it between isolates and threads. Isolates and pools keep the functions that it has when they are
// made: it may end before them, and what is added later is for those made later. Copies share them. Thread-safe but for
// Add.
class HostFunctions {
 public:
  // Most arguments, but for any number.
  static constexpr int kMostArguments = 255;

  // A function that takes `least` to `most` arguments, 0 to 255; most = -1: any number from `least` on. The last
  // addition of a name counts. What cannot be bound (numbers out of range, most < least, a name that is empty or not
  // UTF-8, an empty function) is refused: Isolate::FromSnapshot and IsolatePool::Create then give InvalidArgument, and
  // name it.
  void Add(absl::string_view name, int least, int most, HostFunction function);
  void Add(absl::string_view name, int count, HostFunction function) { Add(name, count, count, std::move(function)); }
  // A method of `type`, which is declared like any function: (host-function 'entity-move! 3). `least` counts the
  // object, which is the first argument, and so is 1 at least. A call with anything else there is a condition of kind
  // wrong-type, and with an object that was revoked one of kind host, "the entity is gone"; the host is not asked then.
  void AddMethod(const HostType& type, absl::string_view name, int least, int most, HostMethod method);
  void AddMethod(const HostType& type, absl::string_view name, int count, HostMethod method) {
    AddMethod(type, name, count, count, std::move(method));
  }
  // What scripts name by (host-predicate 'entity): a procedure that is true of objects of this type, revoked ones
  // included. The last addition of a name counts.
  void AddType(const HostType& type);

 private:
  friend class Isolate;
  friend class IsolatePool;
  friend struct BindingAccess;  // sdk/isolate_impl.h
  // Counts among HostType::bindings.
  class BoundType {
   public:
    BoundType() = default;
    explicit BoundType(std::shared_ptr<HostType::Info> info);
    BoundType(const BoundType& other) : BoundType(other.info_) {}
    BoundType(BoundType&& other) noexcept : info_(std::move(other.info_)) {}
    BoundType& operator=(BoundType other) noexcept {
      info_.swap(other.info_);
      return *this;
    }
    ~BoundType();
    const HostType::Info* get() const { return info_.get(); }

   private:
    std::shared_ptr<HostType::Info> info_;
  };
  struct Entry {
    std::string name;
    uint32_t arity = 0;
    HostFunction function = nullptr;
    HostMethod method = nullptr;  // instead of `function`
    BoundType type = {};          // the method's  NOLINT(readability-redundant-member-init): others may leave it out
    std::shared_ptr<const DirectFunction> direct = nullptr;  // instead; of another language's binding
  };
  struct Table {
    std::vector<Entry> entries;
    std::vector<BoundType> types;
    std::vector<std::string> refused;  // what was wrong with each that was not added
  };
  Table& Changeable();
  void AddEntry(Entry entry, int least, int most);
  std::shared_ptr<Table> table_;  // changed only while nobody shares it
};

}  // namespace islet

#endif  // ISLET_HOST_FUNCTIONS_H_
