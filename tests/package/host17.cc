// The same host in C++17, by what every package installs.

#include <iostream>
#include <islet/islet.hpp>
#include <vector>

#include "startup.h"

int main() {
  try {
    const islet::Snapshot snapshot =
        islet::Snapshot::Embedded(islet_snapshot_startup_begin, islet_snapshot_startup_end);
    const islet::Isolate isolate(snapshot);
    const islet::Scope scope(isolate);
    std::cout << "score: " << isolate.Integer(isolate.Call("score", std::vector<int>{1, 2, 3})) << "\n";
    return 0;
  } catch (const islet::Error& e) {
    std::cerr << "host: " << e.what() << "\n";
    return 1;
  }
}
