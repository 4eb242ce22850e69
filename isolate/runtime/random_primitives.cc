// Pseudo-random numbers (SRFI 27): xoshiro256** (D. Blackman, S. Vigna, Scrambled linear
// pseudorandom number generators, 2021), its four words of state in a Bytevector that
// isolate/lib/srfi/27.sld keeps in a record. States are expanded from seeds by SplitMix64.
//
// A generator starts from a fixed seed, so that what goes into a snapshot is the same every time;
// only %random-entropy! asks for more, of the Randomness that the host has granted.

#include <cstring>
#include <vector>

#include "absl/strings/string_view.h"
#include "isolate/capabilities/call_out.h"
#include "isolate/heap/poll.h"
#include "isolate/numbers/integer.h"
#include "isolate/numbers/numbers.h"
#include "isolate/numbers/operands.h"
#include "isolate/ports/grants.h"
#include "isolate/ports/outside.h"
#include "isolate/runtime/arguments.h"
#include "isolate/runtime/primitives.h"

namespace islet::vm {
namespace {

constexpr size_t kStateWords = 4;
constexpr uint32_t kStateBytes = kStateWords * sizeof(uint64_t);

uint64_t RotateLeft(uint64_t x, int k) { return (x << k) | (x >> (64 - k)); }

class Generator {
 public:
  // The generator works on a copy, since a Bytevector's words need not be aligned.
  explicit Generator(const uint8_t* bytes) { std::memcpy(s_, bytes, kStateBytes); }

  uint64_t Next() {
    const uint64_t result = RotateLeft(s_[1] * 5, 7) * 9;
    const uint64_t t = s_[1] << 17;
    s_[2] ^= s_[0];
    s_[3] ^= s_[1];
    s_[1] ^= s_[2];
    s_[0] ^= s_[3];
    s_[2] ^= t;
    s_[3] = RotateLeft(s_[3], 45);
    return result;
  }

  void Store(uint8_t* bytes) const { std::memcpy(bytes, s_, kStateBytes); }

 private:
  uint64_t s_[kStateWords];
};

// Also mixes what it is given into its state.
class SplitMix {
 public:
  void Mix(uint64_t word) {
    state_ ^= word;
    state_ = Next();
  }
  uint64_t Next() {
    uint64_t z = state_ += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }

 private:
  uint64_t state_ = 0;
};

bool CheckState(Vm& vm, const char* who, Value* args) {
  if (!CheckBytevector(vm, who, args, 0)) return false;
  if (vm.heap().Get<Bytevector>(args[0])->length != kStateBytes) {
    vm.WrongType(who, 1, "the state of a random source", args[0]);
    return false;
  }
  return CheckMutable(vm, who, args[0]);
}

uint8_t* BytesToWrite(Vm& vm, Value state) {
  uint8_t* bytes = vm.heap().Get<Bytevector>(state)->bytes;
  vm.heap().NoteRawWrite(bytes, kStateBytes);
  return bytes;
}

bool CheckMagnitude(Vm& vm, const char* who, Value* args, uint32_t i) {
  if (!IsExactInteger(vm.heap(), args[i])) {
    vm.WrongType(who, static_cast<int>(i) + 1, "an exact integer", args[i]);
    return false;
  }
  uint64_t place;
  if (ViewInteger(vm.heap(), args[i], &place).negative) {
    vm.OutOfRange(who, static_cast<int>(i) + 1, "is negative", args[i]);
    return false;
  }
  return true;
}

// (%random-below! state n): uniform in [0, n). Draws numbers of as many bits until one is below n:
// less than two on average.
Value Below(Vm& vm, Value* args, uint32_t) {
  constexpr const char* kWho = "random-integer";
  if (!CheckState(vm, kWho, args) || !CheckMagnitude(vm, kWho, args, 1)) return kException;
  uint64_t place;
  const IntegerView n = ViewInteger(vm.heap(), args[1], &place);
  if (n.IsZero()) return vm.OutOfRange(kWho, 2, "is not positive", args[1]);
  if (!ReserveFor(vm, kWho, 2 * BignumBytes(n.size))) return kException;

  const IntegerView limit = ViewInteger(vm.heap(), args[1], &place);  // it may have moved
  // The bits of n - 1.
  uint64_t bits = integers::BitLength(limit);
  if (integers::TrailingZeros(limit) + 1 == bits) --bits;
  const uint64_t mask = bits % 64 == 0 ? ~uint64_t{0} : (uint64_t{1} << bits % 64) - 1;
  uint8_t* state = BytesToWrite(vm, args[0]);
  Generator generator(state);
  std::vector<uint64_t> limbs((bits + 63) / 64);
  bool below;
  do {
    for (uint64_t& limb : limbs) limb = generator.Next();
    if (!limbs.empty()) limbs.back() &= mask;
    size_t size = limbs.size();
    while (size > 0 && limbs[size - 1] == 0) --size;
    below = integers::CompareMagnitudes({limbs.data(), size, false, false}, limit) < 0;
  } while (!below);
  generator.Store(state);
  return FromLimbs(vm.heap(), limbs, false);
}

// (%random-unit! state): a flonum above 0 and below 1. There are 2^52 of them, all equally likely,
// in the middles of equal parts of the interval.
Value Unit(Vm& vm, Value* args, uint32_t) {
  constexpr const char* kWho = "random-real";
  if (!CheckState(vm, kWho, args) || !ReserveFor(vm, kWho, sizeof(Flonum))) return kException;
  uint8_t* state = BytesToWrite(vm, args[0]);
  Generator generator(state);
  const uint64_t bits = generator.Next() >> 12;
  generator.Store(state);
  return vm.heap().MakeFlonum((static_cast<double>(bits) + 0.5) * 0x1p-52);
}

// (%random-seed! state n ...): the state that belongs to these numbers.
Value Seed(Vm& vm, Value* args, uint32_t argc) {
  constexpr const char* kWho = "random-source-pseudo-randomize!";
  if (!CheckState(vm, kWho, args)) return kException;
  SplitMix mix;
  StepCounter steps;
  for (uint32_t i = 1; i < argc && steps.Add(1); ++i) {
    if (!CheckMagnitude(vm, kWho, args, i)) return kException;
    uint64_t place;
    const IntegerView n = ViewInteger(vm.heap(), args[i], &place);
    mix.Mix(n.size + i);  // so that neither order nor leading zeros make seeds the same
    for (size_t k = 0; k < n.size; ++k) mix.Mix(n.limbs[k]);
  }
  uint64_t words[kStateWords];
  for (uint64_t& word : words) word = mix.Next();  // never all zero: they are different
  std::memcpy(BytesToWrite(vm, args[0]), words, kStateBytes);
  return kUnspecified;
}

// (%random-entropy! state)
Value Entropy(Vm& vm, Value* args, uint32_t) {
  constexpr const char* kWho = "random-source-randomize!";
  if (!CheckState(vm, kWho, args)) return kException;
  SystemGrants& granted = SystemGrantsOf(vm);
  if (granted.randomness == nullptr) return RaiseNotGranted(vm, kWho, Capability::kRandomness);
  uint8_t bytes[kStateBytes] = {};
  const absl::Status status =
      CallOut([&] { return granted.randomness->Fill(granted.random_bytes_drawn, absl::MakeSpan(bytes)); });
  if (!status.ok()) {
    return vm.Error("error", kWho, status.message());
  }
  granted.random_bytes_drawn += kStateBytes;
  bytes[0] |= 1;  // the one state that is not allowed is all zero
  std::memcpy(BytesToWrite(vm, args[0]), bytes, kStateBytes);
  return kUnspecified;
}

constexpr PrimitiveSpec kPrimitives[] = {
    {"%random-below!", Interruptible<Below>, 2, 2},
    {"%random-unit!", Unit, 1, 1},
    {"%random-seed!", Interruptible<Seed>, 1, -1},
    {"%random-entropy!", Entropy, 1, 1},
};

}  // namespace

absl::Span<const PrimitiveSpec> RandomPrimitives() { return kPrimitives; }

}  // namespace islet::vm
