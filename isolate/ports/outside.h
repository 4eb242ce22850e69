// All that an isolate has of the world outside: what it was granted, and its open files. By default nothing.

#ifndef ISLET_ISOLATE_PORTS_OUTSIDE_H_
#define ISLET_ISOLATE_PORTS_OUTSIDE_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "islet/capabilities.h"
#include "isolate/interpreter/vm.h"
#include "isolate/ports/port_table.h"

namespace islet::vm {

// Grants that no port leads to, and how much of them the isolate has had. A fork has the same as its parent, and two
// isolates that are the same have them alike. Capabilities are borrowed: whoever sets them keeps them alive, so that
// isolates on many threads need not count references to the same object. Null: denied.
struct SystemGrants {
  Clock* clock = nullptr;
  Randomness* randomness = nullptr;
  // Bytes that `randomness` has given.
  uint64_t random_bytes_drawn = 0;
  // `command-line` returns this.
  std::vector<std::string> command_line;
  // `get-environment-variable` and `get-environment-variables` look here: names and values.
  std::vector<std::pair<std::string, std::string>> environment;
  bool operator==(const SystemGrants&) const = default;
};

// One isolate's: Attachments::outside. A reset makes a new one.
struct Outside {
  SystemGrants system;
  PortTable ports;

  // Takes over the state of `other`, which has no file open.
  void CopyFrom(const Outside& other);
  // See OutsideDifference.
  std::string FirstDifference(const Outside& other) const;
};

// The isolate's. Where there is none yet, one is made, which permits nothing.
Outside& OutsideOf(Vm& vm);
// The same, but null where there is none yet.
const Outside* FindOutside(const Vm& vm);
// Its parts.
inline SystemGrants& SystemGrantsOf(Vm& vm) { return OutsideOf(vm).system; }
inline PortTable& PortTableOf(Vm& vm) { return OutsideOf(vm).ports; }

// How what two isolates hold and may touch outside of their heaps differs; "" if it does not.
std::string OutsideDifference(const Vm& a, const Vm& b);

}  // namespace islet::vm

#endif  // ISLET_ISOLATE_PORTS_OUTSIDE_H_
