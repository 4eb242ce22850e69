// The procedures that a host offers to its scripts. A script names each with (host-function 'name arity).

#ifndef ISLET_SDK_HOST_FUNCTIONS_H_
#define ISLET_SDK_HOST_FUNCTIONS_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "islet/value.h"

namespace islet {

class Isolate;

// Called on the thread that has entered the isolate. The arguments are handles, good until it returns. An error Status
// is raised as a condition in the script (of kind host), except one that a nested Eval or Call returned: passed on, that
// goes on as what it was. May call the isolate; must not throw.
using HostFunction = std::function<absl::StatusOr<Value>(Isolate& isolate, absl::Span<const Value> arguments)>;

// Fill it, then share it between isolates and threads: it must outlive them and not change any more.
class HostFunctions {
 public:
  // A function that takes `least` to `most` arguments; most = -1: any number from `least` on. The last addition of a
  // name counts.
  void Add(absl::string_view name, int least, int most, HostFunction function);
  void Add(absl::string_view name, int count, HostFunction function) { Add(name, count, count, std::move(function)); }

 private:
  friend class Isolate;
  struct Entry {
    std::string name;
    uint32_t arity;
    HostFunction function;
  };
  std::vector<Entry> entries_;
};

}  // namespace islet

#endif  // ISLET_SDK_HOST_FUNCTIONS_H_
