// The system's entropy; and numbers from a seed: SplitMix64 (G. Steele, D. Lea, C. Flood, Fast
// splittable pseudorandom number generators, 2014), of which any number can be computed by itself.

#include <sys/random.h>

#include <algorithm>
#include <cerrno>

#include "isolate/capabilities/system.h"
#include "isolate/process/made_once.h"

namespace islet {

namespace {

class Entropy : public Randomness {
 public:
  absl::Status Fill(uint64_t, absl::Span<uint8_t> bytes) override {
    while (!bytes.empty()) {
      const ssize_t count = getrandom(bytes.data(), bytes.size(), 0);
      if (count > 0) {
        bytes.remove_prefix(static_cast<size_t>(count));
      } else if (errno != EINTR) {
        return vm::SystemError("the system gave no random bytes", errno);
      }
    }
    return absl::OkStatus();
  }
};

constexpr uint64_t kStep = 0x9e3779b97f4a7c15;

uint64_t Mix(uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

class Seeded : public Randomness {
 public:
  // Mixed, since otherwise seeds that differ by the step would have the same numbers one place on.
  explicit Seeded(uint64_t seed) : start_(Mix(seed + kStep)) {}

  absl::Status Fill(uint64_t drawn, absl::Span<uint8_t> bytes) override {
    for (uint8_t& byte : bytes) {
      const uint64_t word = Mix(start_ + (drawn / 8 + 1) * kStep);
      byte = static_cast<uint8_t>(word >> drawn % 8 * 8);
      ++drawn;
    }
    return absl::OkStatus();
  }

 private:
  const uint64_t start_;
};

}  // namespace

std::shared_ptr<Randomness> SystemRandomness() {
  static constinit MadeOnce<Entropy> entropy;
  return std::shared_ptr<Randomness>(std::shared_ptr<void>(), &entropy.Get());
}

std::shared_ptr<Randomness> SeededRandomness(uint64_t seed) { return std::make_shared<Seeded>(seed); }

}  // namespace islet
