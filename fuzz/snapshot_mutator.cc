#include "fuzz/snapshot_mutator.h"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <unordered_set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "isolate/heap/objects.h"
#include "isolate/heap/pages.h"
#include "isolate/heap/value.h"
#include "snapshot/digest.h"
#include "snapshot/snapshot_generated.h"

namespace islet::fuzz {
enum class SnapshotMutator::Kind : uint32_t {
  kWord,          // any word becomes one of kWords
  kBit,           // any bit
  kSplice,        // some words are copied to another place
  kCut,           // the file ends earlier, and says so
  kSlotToObject,  // a Value refers to another object
  kSlotInside,    // ... to what is no object, or outside
  kSlotToWord,    // ... becomes a fixnum, immediate, or anything
  kSwap,          // two Values change places
  kType,          // of an object's header
  kFlags,
  kCount,
  kLength,
  kOpcode,
  kOperand,
  kCodeWord,  // an instruction's word becomes one of kWords
  kCodeRef,
  kStart,  // what is before the image: roots, spaces, externals, FlatBuffers' own words
  kEnd
};

namespace {

using vm::ObjectType;
using vm::Value;

uint32_t WordAt(const std::vector<uint8_t>& file, size_t at) {
  uint32_t word;
  std::memcpy(&word, file.data() + at, sizeof(word));
  return word;
}

// One of those, by number; 0 if there is none.
uint32_t Pick(const std::vector<uint32_t>& places, uint32_t number) {
  return places.empty() ? 0 : places[number % places.size()];
}

// These words are likely to go wrong, if any do: bounds, signs, tags.
constexpr uint32_t kWords[] = {0,          1,          2,          3,          4,          5,          7,
                               8,          0x7f,       0xff,       0x100,      0xffff,     0x10000,    0x3fffffff,
                               0x40000000, 0x7ffffffe, 0x7fffffff, 0x80000000, 0x80000001, 0xc0000000, 0xfffffff0,
                               0xfffffff8, 0xfffffff9, 0xfffffffb, 0xfffffffd, 0xfffffffe, 0xffffffff};

constexpr const char* kNames[] = {"word",         "bit",     "splice",    "cut",      "slot to object", "slot inside",
                                  "slot to word", "swap",    "type",      "flags",    "count",          "length",
                                  "opcode",       "operand", "code word", "code ref", "start"};

}  // namespace

SnapshotMutator::SnapshotMutator(std::vector<uint8_t> snapshot) : snapshot_(std::move(snapshot)) {
  const format::Snapshot* file = format::GetSnapshot(snapshot_.data());
  digest_at_ = static_cast<uint32_t>(reinterpret_cast<const uint8_t*>(file->digest()) - snapshot_.data());
  image_at_ = static_cast<uint32_t>(file->image()->data() - snapshot_.data());
  FindObjects();
}

void SnapshotMutator::FindObjects() {
  std::vector<uint8_t> copy = snapshot_;  // ForEachSlot wants what can be written
  const auto at = [&](const void* p) { return static_cast<uint32_t>(static_cast<const uint8_t*>(p) - copy.data()); };
  std::unordered_set<uint32_t> seen;
  std::vector<Value> pending;
  for (const uint32_t bits : *format::GetSnapshot(copy.data())->roots()) pending.push_back(Value::FromBits(bits));
  while (!pending.empty()) {
    const Value v = pending.back();
    pending.pop_back();
    if (!v.IsRef() || !seen.insert(v.bits).second) continue;
    references_.push_back(v.bits);
    auto* const object = reinterpret_cast<uint32_t*>(copy.data() + image_at_ + v.offset());
    const auto visit = [&](Value* slot) {
      slots_.push_back(at(slot));
      pending.push_back(*slot);
    };
    if (v.IsFlonum()) continue;
    if (v.IsPair()) {
      visit(reinterpret_cast<Value*>(object));
      visit(reinterpret_cast<Value*>(object) + 1);
      continue;
    }
    headers_.push_back(at(object));
    vm::ForEachSlot(object, visit);
    switch (vm::HeaderType(*object)) {
      case ObjectType::kVector:
      case ObjectType::kString:
      case ObjectType::kBytevector:
      case ObjectType::kBignum:
        lengths_.push_back(at(object + 1));
        break;
      case ObjectType::kCode: {
        const auto* code = reinterpret_cast<const vm::Code*>(object);
        for (int i = 1; i <= 3; ++i) lengths_.push_back(at(object + i));
        for (uint32_t i = 0; i < code->instruction_count; ++i) instructions_.push_back(at(code->instructions + i));
        for (uint32_t i = 0; i < code->ref_count; ++i) code_refs_.push_back(at(code->refs() + i));
        break;
      }
      default:
        break;
    }
  }
}

std::vector<uint8_t> SnapshotMutator::Apply(absl::Span<const Change> changes, std::string* description) const {
  std::vector<uint8_t> file = snapshot_;
  for (const Change& change : changes) ApplyOne(change, file, description);
  if (file.size() >= digest_at_ + sizeof(format::Digest)) {
    const vm::Fingerprint digest = vm::DigestOfFile(file, digest_at_);
    std::memcpy(file.data() + digest_at_, &digest.low, sizeof(digest.low));
    std::memcpy(file.data() + digest_at_ + sizeof(digest.low), &digest.high, sizeof(digest.high));
  }
  return file;
}

const std::vector<uint32_t>* SnapshotMutator::PlacesOf(Kind kind) const {
  switch (kind) {
    case Kind::kSlotToObject:
    case Kind::kSlotInside:
    case Kind::kSlotToWord:
    case Kind::kSwap:
      return &slots_;
    case Kind::kType:
    case Kind::kFlags:
    case Kind::kCount:
      return &headers_;
    case Kind::kLength:
      return &lengths_;
    case Kind::kOpcode:
    case Kind::kOperand:
    case Kind::kCodeWord:
      return &instructions_;
    case Kind::kCodeRef:
      return &code_refs_;
    default:
      return nullptr;
  }
}

void SnapshotMutator::Cut(std::vector<uint8_t>& file, size_t size) const {
  file.resize(size);
  const uint64_t stated = size;
  constexpr auto kField = format::Snapshot::VT_FILE_SIZE;
  const auto* table = reinterpret_cast<const flatbuffers::Table*>(format::GetSnapshot(snapshot_.data()));
  const auto field = static_cast<size_t>(table->GetAddressOf(kField) - snapshot_.data());
  if (file.size() >= field + sizeof(stated)) std::memcpy(file.data() + field, &stated, sizeof(stated));
}

void SnapshotMutator::ApplyOne(const Change& change, std::vector<uint8_t>& file, std::string* description) const {
  static_assert(std::size(kNames) == static_cast<size_t>(Kind::kEnd));
  const Kind kind = static_cast<Kind>(change.what % static_cast<uint32_t>(Kind::kEnd));
  const uint32_t with = change.what / static_cast<uint32_t>(Kind::kEnd);
  const uint32_t words = static_cast<uint32_t>(file.size() / sizeof(uint32_t));
  if (words == 0) return;
  const std::vector<uint32_t>* const places = PlacesOf(kind);
  uint32_t place = places != nullptr ? Pick(*places, change.where) : change.where % words * sizeof(uint32_t);
  uint32_t value = 0;
  switch (kind) {
    case Kind::kWord:
      value = kWords[with % std::size(kWords)];
      break;
    case Kind::kBit:
      value = WordAt(file, place) ^ uint32_t { 1 } << with % 32;
      break;
    case Kind::kSplice: {
      const uint32_t from = with % words * sizeof(uint32_t);
      const size_t count = std::min<size_t>({file.size() - from, file.size() - place, 4 + with % 64 * 4});
      std::memmove(file.data() + place, file.data() + from, count);
      value = WordAt(file, place);
      break;
    }
    case Kind::kCut:
      Cut(file, with % 2 == 0 ? place / vm::kPageSize * vm::kPageSize : place);
      break;
    case Kind::kSlotToObject:
      value = Pick(references_, with);
      break;
    case Kind::kSlotInside:
      value = (with % 4 == 0 ? with * 8 : Pick(references_, with) + 8 * (1 + with % 5)) ^ (with % 3 == 0 ? 2 : 0);
      break;
    case Kind::kSlotToWord:
      value = with % 2 == 0 ? kWords[with / 2 % std::size(kWords)] : with * 2;
      break;
    case Kind::kSwap: {
      const uint32_t other = Pick(slots_, with);
      if (place + 4 > file.size() || other + 4 > file.size()) return;
      value = WordAt(file, other);
      const uint32_t mine = WordAt(file, place);
      std::memcpy(file.data() + other, &mine, sizeof(mine));
      break;
    }
    case Kind::kType:
      value = (WordAt(snapshot_, place) & ~vm::kHeaderTypeMask) | (with % 32) << 3;
      break;
    case Kind::kFlags:
      value = WordAt(snapshot_, place) ^ (1 + with % 255) << 8;
      break;
    case Kind::kCount:
      value = (WordAt(snapshot_, place) & 0xffff) | (with % 4 == 0 ? with : kWords[with % std::size(kWords)]) << 16;
      break;
    case Kind::kLength:
      value = with % 2 == 0 ? kWords[with / 2 % std::size(kWords)] : WordAt(snapshot_, place) + with / 2 % 9 - 4;
      break;
    case Kind::kOpcode:
      value = (WordAt(snapshot_, place) & ~uint32_t{0xff}) | (with & 0xff);
      break;
    case Kind::kOperand: {
      const uint32_t shift = 8 * (1 + with % 3);
      value = (WordAt(snapshot_, place) & ~(uint32_t{0xff} << shift)) | (with / 3 & 0xff) << shift;
      break;
    }
    case Kind::kCodeWord:
      value = with % 2 == 0 ? kWords[with / 2 % std::size(kWords)] : Pick(references_, with / 2);
      break;
    case Kind::kCodeRef:
      value = with % 2 == 0 ? kWords[with / 2 % std::size(kWords)] : WordAt(snapshot_, place) + with / 2 % 9 - 4;
      break;
    case Kind::kStart:
      place = change.where % (image_at_ / 4) * 4;
      value = with % 3 == 0 ? WordAt(snapshot_, place) ^ uint32_t { 1 } << with / 3 % 32
                            : kWords[with / 3 % std::size(kWords)];
      break;
    case Kind::kEnd:
      return;
  }
  if (description != nullptr) {
    absl::StrAppend(description, kNames[static_cast<size_t>(kind)],
                    absl::StrFormat(" at 0x%x (image + 0x%x): 0x%x becomes 0x%x\n", place, place - image_at_,
                                    place + 4 <= snapshot_.size() ? WordAt(snapshot_, place) : 0, value));
  }
  if (kind != Kind::kCut && kind != Kind::kSplice && place + 4 <= file.size()) {
    std::memcpy(file.data() + place, &value, sizeof(value));
  }
}

}  // namespace islet::fuzz
