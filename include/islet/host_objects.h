// Host objects: values of a script that stand for something of the host's. A script can keep, compare and pass them on,
// and give them to the host's functions; what is behind one, only the host sees.
//
//   auto entity = islet::HostType::Create("entity", {.finalize = [](void* p) { delete static_cast<Entity*>(p); }});
//   functions.AddType(*entity);                                   // (define entity? (host-predicate 'entity))
//   functions.AddMethod(*entity, "entity-move!", 3, Move);        // (define move! (host-function 'entity-move! 3))
//   ...
//   absl::StatusOr<islet::Value> player = isolate.MakeHostObject(*entity, new Entity());
//   ...
//   isolate.Revoke(*player);                                      // from now on "the entity is gone"
//
// What becomes of them:
//   collected       The finalizer runs, once for each object, in no particular order. The collector only notes what has
//                   died: finalizers run before the next host function is called, at the end of the outermost Eval or
//                   Call, in MakeHostObject, MakeProcedure and CollectGarbage, when the isolate is reset, and at its
//                   end, on the thread that does that.
//   IsolatePool     When an isolate is given back, all finalizers run, then it is reset.
//   Isolate::Fork   HostType::Options::copy gives what is behind the fork's object. Without it, there is no fork.
//   snapshots       They cannot be frozen. What must be is data, of which a procedure given to on-restore makes the
//                   object.
//   fork()          The child of a process has the objects, too. Their finalizers run in it only if it ends its
//                   isolates.
//
// They are eq? and equal? only to themselves, may be keys of any hash table, and are written as #<entity>, or once they
// have been revoked, #<entity, gone>.

#ifndef ISLET_HOST_OBJECTS_H_
#define ISLET_HOST_OBJECTS_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace islet {

// What a host's objects have in common. Told from all other types of the process, those that are gone included, by a
// number, not by its name. Copies are the same type; it lives as long as one of them, an object, or HostFunctions that
// have it. One that has been moved from is no type: what takes it gives InvalidArgument. Thread-safe.
class HostType {
 public:
  // Both functions are called by whatever thread is in the isolate, and for isolates of several threads at once. They
  // must not use the isolate: what they ask of it gives FailedPrecondition. Nor must they end their thread. What they
  // throw is an error of `copy`, and of `finalize` nothing.
  struct Options {
    // Gets the pointer of an object that has been collected, or whose isolate has ended or been reset. Null: nothing is
    // to be done.
    std::function<void(void* pointer)> finalize = nullptr;
    // The pointer for the object in a fork of the isolate, which is finalized by itself: another one, or the same, if
    // whoever is behind it counts. An error is that of Isolate::Fork. Null: isolates with such an object that has not
    // been revoked cannot be forked.
    std::function<absl::StatusOr<void*>(void* pointer)> copy = nullptr;
  };

  // `name` is what scripts and messages call it: 1 to 255 characters of UTF-8. Several types may have the same.
  // Errors: InvalidArgument (the name), ResourceExhausted (after a billion of them).
  static absl::StatusOr<HostType> Create(absl::string_view name, Options options);
  static absl::StatusOr<HostType> Create(absl::string_view name) { return Create(name, Options()); }

  absl::string_view name() const;
  // Never 0, and never another type's.
  uint64_t number() const;
  // Objects of this type in all isolates that have been neither finalized nor revoked.
  size_t objects() const;
  // How often it stands in HostFunctions, by itself or with a method, that exist or are kept by isolates and pools.
  // When this and objects() are 0 nothing will call Options or methods of the type any more, so that their code may be
  // unloaded.
  size_t bindings() const;

  // Internal.
  struct Info;
  const std::shared_ptr<Info>& info() const { return info_; }

 private:
  explicit HostType(std::shared_ptr<Info> info) : info_(std::move(info)) {}
  std::shared_ptr<Info> info_;
};

}  // namespace islet

#endif  // ISLET_HOST_OBJECTS_H_
