// The smallest host in C++, by the interface with Abseil's types.

#include <islet/isolate.h>

#include <cstdio>
#include <string>

#include "startup.h"

ISLET_EMBEDDED_SNAPSHOT(startup);

namespace {

absl::StatusOr<int64_t> Score() {
  absl::StatusOr<islet::Snapshot> snapshot = islet::Snapshot::FromEmbedded(startup);
  if (!snapshot.ok()) return snapshot.status();
  auto isolate = islet::Isolate::FromSnapshot(*snapshot);
  if (!isolate.ok()) return isolate.status();
  islet::Isolate::Scope scope(**isolate);
  absl::StatusOr<islet::Value> score =
      (*isolate)->Call("score", {islet::List({islet::Integer(1), islet::Integer(2), islet::Integer(3)})});
  if (!score.ok()) return score.status();
  return score->ToInt64();
}

}  // namespace

int main() {
  absl::StatusOr<int64_t> score = Score();
  if (!score.ok()) {
    std::fprintf(stderr, "host: %s\n", std::string(score.status().message()).c_str());
    return 1;
  }
  std::printf("score: %d\n", static_cast<int>(*score));
  return 0;
}
