// Calls of the host's code: host functions, streams, files, clocks, randomness.

#ifndef ISLET_ISOLATE_CAPABILITIES_CALL_OUT_H_
#define ISLET_ISOLATE_CAPABILITIES_CALL_OUT_H_

#include <cxxabi.h>

#include <exception>

#include "absl/status/status.h"

namespace islet {

// Returns what `f` returns, a Status or StatusOr. An exception that it throws becomes an Unknown error with its what(),
// since it must not pass through the machine. But the end of a thread (pthread_exit, pthread_cancel) goes on: it cannot
// be stopped.
template <typename F>
auto CallOut(F&& f) -> decltype(f()) {
  try {
    return f();
  } catch (const std::exception& e) {
    const char* const what = e.what();
    return absl::UnknownError(what != nullptr && *what != '\0' ? what : "an exception without a message");
  } catch (const abi::__forced_unwind&) {
    throw;
  } catch (...) {
    return absl::UnknownError("unknown exception");
  }
}

}  // namespace islet

#endif  // ISLET_ISOLATE_CAPABILITIES_CALL_OUT_H_
