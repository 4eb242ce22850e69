// A tenant that changes all it can reach in its isolate, for tests of what the next one gets.

#ifndef ISLET_TESTS_HOSTILE_TENANT_H_
#define ISLET_TESTS_HOSTILE_TENANT_H_

#include <string>
#include <vector>

#include "islet/isolate.h"

namespace islet {

// Runs it, without the hooks of on-restore, and without output. Any snapshot with the standard library will do; any
// limits. Returns what went wrong although it should not under the default limits.
std::vector<std::string> RunHostileTenant(Isolate& isolate);

}  // namespace islet

#endif  // ISLET_TESTS_HOSTILE_TENANT_H_
