// Measures how long it takes to verify a snapshot (snapshot/verify.h), beside digesting and copying the same bytes in
// the same run.
//
//   verify_bench FILE.snap ...
//
// Prints, for each file: its size, milliseconds (the least of several runs) of memcpy, of the digest, of opening it as
// trusted and verified; and verification alone as a multiple of the digest.

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "isolate/runtime/primitives.h"
#include "snapshot/digest.h"
#include "snapshot/image.h"

namespace islet {
namespace {

template <typename F>
double Milliseconds(F&& f) {
  double least = 1e9;
  for (int i = 0; i < 5; ++i) {
    const auto start = std::chrono::steady_clock::now();
    f();
    const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - start;
    least = std::min(least, took.count());
  }
  return least;
}

int Main(int argc, char** argv) {
  std::printf("%12s %9s %9s %9s %9s %9s  %s\n", "bytes", "memcpy", "digest", "trusted", "verified", "ratio", "file");
  for (int i = 1; i < argc; ++i) {
    std::ifstream file(argv[i], std::ios::binary);
    const std::vector<uint8_t> bytes{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    std::vector<uint8_t> copy(bytes.size());
    uint64_t sum = 0;
    const double copying = Milliseconds([&] { std::memcpy(copy.data(), bytes.data(), bytes.size()); });
    const double digest = Milliseconds([&] { sum += vm::DigestOf(bytes).low; });
    const auto open = [&](vm::Trust trust) {
      const auto image = vm::Image::FromBytes(bytes, vm::AllPrimitives(), trust);
      if (!image.ok()) {
        std::fprintf(stderr, "%s: %s\n", argv[i], image.status().ToString().c_str());
        std::exit(1);
      }
      sum += (*image)->serial();
    };
    const double trusted = Milliseconds([&] { open(vm::Trust::kTrusted); });
    const double verified = Milliseconds([&] { open(vm::Trust::kVerify); });
    std::printf("%12zu %9.2f %9.2f %9.2f %9.2f %9.1f  %s\n", bytes.size(), copying, digest, trusted, verified,
                (verified - trusted) / digest, argv[i]);
    if (sum == 1) std::printf("\n");  // so that nothing is left out
  }
  return 0;
}

}  // namespace
}  // namespace islet

int main(int argc, char** argv) { return islet::Main(argc, argv); }
