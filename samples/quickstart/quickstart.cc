// The smallest useful host: a snapshot linked into the program, two isolates seeded from it, a call into each.

#include <cstdio>
#include <string>

#include "islet/isolate.h"
#include "samples/quickstart/startup.h"

ISLET_EMBEDDED_SNAPSHOT(startup);

namespace {

absl::Status Greet(const islet::Snapshot& snapshot, const char* language, const char* name) {
  // A fresh isolate: exactly the state that startup.lisp left, whatever other isolates did.
  auto isolate = islet::Isolate::FromSnapshot(snapshot);
  if (!isolate.ok()) return isolate.status();
  islet::Isolate::Scope scope(**isolate);
  auto answer = (*isolate)->Call("greet", {islet::String(language), islet::String(name)});
  if (!answer.ok()) return answer.status();
  auto text = answer->ToString();
  if (!text.ok()) return text.status();
  std::printf("%s\n", text->c_str());
  return absl::OkStatus();
}

}  // namespace

int main() {
  auto snapshot = islet::Snapshot::FromEmbedded(startup);
  absl::Status status = snapshot.status();
  if (status.ok()) status = Greet(*snapshot, "en", "Ada");
  if (status.ok()) status = Greet(*snapshot, "ja", "Grace");
  if (!status.ok()) {
    std::fprintf(stderr, "quickstart: %s\n", std::string(status.message()).c_str());
    return 1;
  }
  return 0;
}
