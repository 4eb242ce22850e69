// Snapshots that nobody has made: a good one, changed here and there, with a digest that fits.
//
// A change is eight bytes, so that a fuzzer's input, or a generator of random numbers, is a list of changes. The
// mutator knows where objects start and of which kind they are, so that a header, a length, a reference or an
// instruction is changed as often as the characters of strings, of which a file has far more.

#ifndef ISLET_FUZZ_SNAPSHOT_MUTATOR_H_
#define ISLET_FUZZ_SNAPSHOT_MUTATOR_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/types/span.h"

namespace islet::fuzz {

class SnapshotMutator {
 public:
  struct Change {
    uint32_t what;   // which kind of change, and with what; see snapshot_mutator.cc
    uint32_t where;  // which object, word ...: taken modulo their number
  };

  // `snapshot`: the bytes of a file that opens.
  explicit SnapshotMutator(std::vector<uint8_t> snapshot);

  // The file with these changes, in order, and their digest. `description`, if given, gets a line for each.
  std::vector<uint8_t> Apply(absl::Span<const Change> changes, std::string* description = nullptr) const;

 private:
  enum class Kind : uint32_t;

  void FindObjects();
  // The words that such a change picks from; null: any word of the file.
  const std::vector<uint32_t>* PlacesOf(Kind kind) const;
  // Cuts the file off at `size`, and has it say that it is so large.
  void Cut(std::vector<uint8_t>& file, size_t size) const;
  void ApplyOne(const Change& change, std::vector<uint8_t>& file, std::string* description) const;

  const std::vector<uint8_t> snapshot_;
  uint32_t digest_at_ = 0;
  // Offsets in the file, each in the order in which the walk from the roots meets it.
  uint32_t image_at_ = 0;
  std::vector<uint32_t> references_;    // to each object: their bits, not their places
  std::vector<uint32_t> headers_;       // words
  std::vector<uint32_t> lengths_;       // words
  std::vector<uint32_t> slots_;         // words that hold Values
  std::vector<uint32_t> instructions_;  // words
  std::vector<uint32_t> code_refs_;     // words: positions of Values among the instructions
};

}  // namespace islet::fuzz

#endif  // ISLET_FUZZ_SNAPSHOT_MUTATOR_H_
