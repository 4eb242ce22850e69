#include "isolate/data/equality.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <utility>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "isolate/data/string.h"
#include "isolate/heap/object_map.h"
#include "isolate/heap/poll.h"
#include "isolate/heap/work_stack.h"

namespace islet::vm {
namespace {

// Bijective mixing of 32 bits (the finalizer of MurmurHash3).
uint32_t Mix(uint32_t h) {
  h ^= h >> 16;
  h *= 0x85ebca6bu;
  h ^= h >> 13;
  h *= 0xc2b2ae35u;
  h ^= h >> 16;
  return h;
}

uint32_t Combine(uint32_t hash, uint32_t next) { return Mix(hash * 31 + next + 0x9e3779b9u); }

XXH64_hash_t HashInParts(const void* p, size_t n) {
  XXH3_state_t state;
  XXH3_64bits_reset(&state);
  (void)InParts(0, n, kBytesPerStep, [&](uint64_t begin, uint64_t end) {
    XXH3_64bits_update(&state, static_cast<const uint8_t*>(p) + begin, end - begin);
  });
  return XXH3_64bits_digest(&state);
}

uint32_t HashBytes(const void* p, size_t n) {
  const XXH64_hash_t hash = n <= kPollSteps * kBytesPerStep ? XXH3_64bits(p, n) : HashInParts(p, n);
  return static_cast<uint32_t>(hash ^ hash >> 32) & kHashMask;
}

uint64_t CanonicalBits(double d) {
  if (d != d) d = __builtin_nan("");
  uint64_t bits;
  std::memcpy(&bits, &d, 8);
  return bits;
}

bool SameDouble(double a, double b) { return CanonicalBits(a) == CanonicalBits(b); }

// A union-find over references says which of the heap's objects equal? has found or assumed equal.
class EquivalenceClasses {
 public:
  // Joins the classes of `a` and `b`. False if they are the same already.
  bool Join(Value a, Value b, StepCounter& steps) {
    const Value x = Find(a, steps);
    const Value y = Find(b, steps);
    if (x == y) return false;
    parents_[x] = y;
    return true;
  }

 private:
  Value Find(Value v, StepCounter& steps) {
    while (true) {
      Value& parent = parents_[v];
      if (!parent.IsRef() || !steps.Add(2)) return v;
      if (const Value next = parents_[parent]; next.IsRef()) parent = next;
      v = parent;
    }
  }

  ObjectMap<Value> parents_;  // fixnum 0: none
};

// Comparisons made before equal? starts to note what it has compared. Most data is smaller, and not
// circular.
constexpr uint64_t kPlainComparisons = 1000000;

// equal? has yet to compare a and b; or, if `index` is not 0, their items from there on, both being vectors.
struct Comparison {
  Value a;
  Value b;
  uint32_t index;
};
// Counts the comparisons that equal? has made, and charges them as steps.
struct Comparisons {
  explicit Comparisons(StepCounter& steps) : steps_(steps) {}
  ~Comparisons() { (void)Charge(); }
  uint64_t uncharged() const { return made - charged_; }
  bool Charge() { return steps_.Add(made - std::exchange(charged_, made)); }

  uint64_t made = 0;

 private:
  StepCounter& steps_;
  uint64_t charged_ = 0;
};
// Items of a vector that are looked at in one go.
constexpr uint32_t kItems = 512;

// True if the strings begin alike, so that it may have taken long to see that they differ.
bool BeginAlike(const Heap& heap, Value a, Value b) {
  const StringChars x = CharsOf(heap, a);
  const StringChars y = CharsOf(heap, b);
  constexpr uint32_t kBeginning = 256;
  if (x.length != y.length || x.length <= kBeginning) return false;
  for (uint32_t i = 0; i < kBeginning; ++i) {
    if (x[i] != y[i]) return false;
  }
  return true;
}

// Objects whose type says all that a nested hash may use.
uint32_t TypeHash(const Heap& heap, Value v) { return Mix(static_cast<uint32_t>(heap.type(v)) + 0x1000); }

uint32_t NumberHash(const Heap& heap, Value v, bool* is_number) {
  *is_number = true;
  if (v.IsFlonum()) {
    const uint64_t bits = CanonicalBits(heap.flonum(v));
    return HashBytes(&bits, 8);
  }
  switch (heap.type(v)) {
    case ObjectType::kBignum: {
      const Bignum* n = heap.Get<Bignum>(v);
      return Combine(HashBytes(n->limbs, size_t{n->length} * 8), HeaderFlags(n->header)) & kHashMask;
    }
    case ObjectType::kRatnum: {
      const Ratnum* n = heap.Get<Ratnum>(v);
      bool address;
      const uint32_t numerator = EqvHash(heap, n->numerator, &address);
      return Combine(numerator, EqvHash(heap, n->denominator, &address)) & kHashMask;
    }
    case ObjectType::kCompnum: {
      const Compnum* n = heap.Get<Compnum>(v);
      const uint64_t bits[] = {CanonicalBits(n->real), CanonicalBits(n->imaginary)};
      return HashBytes(bits, sizeof(bits));
    }
    case ObjectType::kExactCompnum: {
      const ExactCompnum* n = heap.Get<ExactCompnum>(v);
      bool address;
      const uint32_t real = EqvHash(heap, n->real, &address);
      return Combine(Combine(real, EqvHash(heap, n->imaginary, &address)), 0x69) & kHashMask;
    }
    default:
      *is_number = false;
      return 0;
  }
}

// Hash by content, of at most `*budget` objects; recursion no deeper than `depth`.
uint32_t StructureHash(const Heap& heap, Value v, int depth, int* budget) {
  if (--*budget < 0) return 0;
  if (!v.IsRef()) return Mix(v.bits);
  if (v.IsPair()) {
    uint32_t hash = 0x70616972;
    while (v.IsPair()) {
      if (depth == 0 || --*budget < 0) return hash;
      hash = Combine(hash, StructureHash(heap, heap.car(v), depth - 1, budget));
      v = heap.cdr(v);
    }
    return Combine(hash, StructureHash(heap, v, depth - 1, budget));
  }
  bool is_number;
  const uint32_t number = NumberHash(heap, v, &is_number);
  if (is_number) return number;
  switch (heap.type(v)) {
    case ObjectType::kString:
      return StringHash(heap, v);
    case ObjectType::kSymbol:
      return heap.Get<Symbol>(v)->hash.bits;
    case ObjectType::kBytevector: {
      const Bytevector* b = heap.Get<Bytevector>(v);
      return Combine(HashBytes(b->bytes, b->length), 0x62797465);
    }
    case ObjectType::kVector: {
      const Vector* vector = heap.Get<Vector>(v);
      uint32_t hash = Mix(vector->length + 0x76656374);
      for (uint32_t i = 0; i < vector->length && depth > 0 && *budget > 0; ++i) {
        hash = Combine(hash, StructureHash(heap, vector->items[i], depth - 1, budget));
      }
      return hash;
    }
    default:
      return TypeHash(heap, v);
  }
}

}  // namespace

bool Eqv(const Heap& heap, Value a, Value b) {
  if (a == b) return true;
  if (!a.IsRef() || !b.IsRef() || a.tag() != b.tag()) return false;
  if (a.IsPair()) return false;
  if (a.IsFlonum()) return SameDouble(heap.flonum(a), heap.flonum(b));
  const ObjectType type = heap.type(a);
  if (type != heap.type(b)) return false;
  switch (type) {
    case ObjectType::kBignum: {
      const Bignum* x = heap.Get<Bignum>(a);
      const Bignum* y = heap.Get<Bignum>(b);
      return HeaderFlags(x->header) == HeaderFlags(y->header) && x->length == y->length &&
             CompareBytes(x->limbs, y->limbs, size_t{x->length} * 8) == 0;
    }
    case ObjectType::kRatnum: {  // its parts are integers: no deeper than one level
      const Ratnum* x = heap.Get<Ratnum>(a);
      const Ratnum* y = heap.Get<Ratnum>(b);
      return Eqv(heap, x->numerator, y->numerator) && Eqv(heap, x->denominator, y->denominator);
    }
    case ObjectType::kCompnum: {
      const Compnum* x = heap.Get<Compnum>(a);
      const Compnum* y = heap.Get<Compnum>(b);
      return SameDouble(x->real, y->real) && SameDouble(x->imaginary, y->imaginary);
    }
    case ObjectType::kExactCompnum: {  // its parts are rational: no deeper than two levels
      const ExactCompnum* x = heap.Get<ExactCompnum>(a);
      const ExactCompnum* y = heap.Get<ExactCompnum>(b);
      return Eqv(heap, x->real, y->real) && Eqv(heap, x->imaginary, y->imaginary);
    }
    default:
      return false;
  }
}

uint64_t ObjectContentSteps(const Heap& heap, Value v) {
  switch (heap.type(v)) {
    case ObjectType::kString:
      return UnchargedSteps(StringLength(heap, v));
    case ObjectType::kBytevector:
      return UnchargedSteps(heap.Get<Bytevector>(v)->length);
    case ObjectType::kBignum:
      return UnchargedSteps(uint64_t{heap.Get<Bignum>(v)->length} * 8);
    case ObjectType::kRatnum: {
      const Ratnum* n = heap.Get<Ratnum>(v);
      return ContentSteps(heap, n->numerator) + ContentSteps(heap, n->denominator);
    }
    case ObjectType::kExactCompnum: {  // its parts are rational: no deeper than two levels
      const ExactCompnum* n = heap.Get<ExactCompnum>(v);
      return ContentSteps(heap, n->real) + ContentSteps(heap, n->imaginary);
    }
    default:
      return 0;
  }
}

namespace {

// `equal?` of two references that are not the same, where `a` is neither a pair nor a vector. `type` is that of `a`, or
// kFiller for a flonum. Adds the comparisons that it takes to *made.
bool EqualLeaves(const Heap& heap, Value a, Value b, ObjectType type, uint64_t* made) {
  if (type == ObjectType::kString) {
    if (!heap.Is<String>(b)) return false;
    const bool same = StringEqual(heap, a, b);
    if (same || BeginAlike(heap, a, b)) *made += UnchargedSteps(StringLength(heap, a));
    return same;
  }
  if (type == ObjectType::kBytevector) {
    const Bytevector* x = heap.Get<Bytevector>(a);
    const Bytevector* y = heap.TryGet<Bytevector>(b);
    if (y == nullptr || x->length != y->length) return false;
    *made += ContentSteps(heap, a);
    return CompareBytes(x->bytes, y->bytes, x->length) == 0;
  }
  *made += ContentSteps(heap, a);
  return Eqv(heap, a, b);
}

}  // namespace

bool Equal(const Heap& heap, Value a, Value b, StepCounter& steps) {
  WorkStack<Comparison> todo;
  Comparisons count(steps);
  uint64_t look_at = kPollSteps;  // the next count at which anything but comparing is to be done
  std::unique_ptr<EquivalenceClasses> classes;
  // Two vectors of the same length, from `index` on. False if items differ for sure.
  const auto compare_items = [&](Value p, Value q, uint32_t index) {
    const Vector* x = heap.Get<Vector>(p);
    const Vector* y = heap.Get<Vector>(q);
    const uint32_t end = std::min(x->length, index + kItems);
    count.made += end - index;
    if (end < x->length) todo.push_back({p, q, end});
    for (uint32_t i = end; i > index; --i) {
      const Value item = x->items[i - 1];
      const Value other = y->items[i - 1];
      if (item == other) continue;
      if (!item.IsRef() || !other.IsRef()) return false;
      todo.push_back({item, other, 0});
    }
    return true;
  };
  while (true) {
    // The spine of a list is walked here, its elements and everything else go through `todo`.
    if (a != b) {
      if (!a.IsRef() || !b.IsRef() || a.tag() != b.tag()) return false;
      const bool pair = a.IsPair();
      const ObjectType type = pair || a.IsFlonum() ? ObjectType::kFiller : heap.type(a);
      if (pair || type == ObjectType::kVector) {
        bool known = false;
        if (++count.made >= look_at) {
          if (!count.Charge()) return false;
          if (count.made > kPlainComparisons) {
            if (classes == nullptr) classes = std::make_unique<EquivalenceClasses>();
            known = !classes->Join(a, b, steps);
          }
          look_at = count.made < kPlainComparisons ? std::min(count.made + kPollSteps, kPlainComparisons + 1) : 0;
        }
        if (!known && pair) {
          const Value x = heap.car(a);
          const Value y = heap.car(b);
          const Value rest_a = heap.cdr(a);
          const Value rest_b = heap.cdr(b);
          if (x != y) {
            if (!x.IsRef() || !y.IsRef()) return false;
            if (rest_a != rest_b) todo.push_back({rest_a, rest_b, 0});
            a = x;
            b = y;
          } else {
            a = rest_a;
            b = rest_b;
          }
          continue;
        }
        if (!known) {
          if (!heap.Is<Vector>(b)) return false;
          if (heap.Get<Vector>(a)->length != heap.Get<Vector>(b)->length) return false;
          if (!compare_items(a, b, 0)) return false;
        }
      } else if (!EqualLeaves(heap, a, b, type, &count.made)) {
        return false;
      }
    }
    while (true) {
      if (todo.empty()) return true;
      if (count.uncharged() >= kPollSteps && !count.Charge()) return false;
      const Comparison next = todo.back();
      todo.pop_back();
      a = next.a;
      b = next.b;
      if (next.index == 0) break;
      if (!compare_items(a, b, next.index)) return false;
    }
  }
}

uint32_t AddressHash(uint32_t offset) { return Mix(offset) & kHashMask; }

uint32_t SimpleHash(Value v) {
  // Neighbouring numbers get neighbouring words of an index: hash_table.cc's way of probing allows
  // for it.
  return (v.IsFixnum() ? static_cast<uint32_t>(v.fixnum()) : Mix(v.bits)) & kHashMask;
}

uint32_t EqHash(const Heap& heap, Value v, bool* address) {
  *address = false;
  if (!v.IsRef()) return SimpleHash(v);
  if (v.IsObject() && HeaderType(*heap.Peek<uint32_t>(v)) == ObjectType::kSymbol) {
    return heap.Peek<Symbol>(v)->hash.bits >> 1 & kHashMask;
  }
  *address = true;
  return AddressHash(v.offset());
}

uint32_t EqvHash(const Heap& heap, Value v, bool* address) {
  if (v.IsFlonum() || v.IsObject()) {
    bool is_number;
    const uint32_t hash = NumberHash(heap, v, &is_number);
    *address = false;
    if (is_number) return hash;
  }
  return EqHash(heap, v, address);
}

uint32_t EqualHash(const Heap& heap, Value v, bool* address) {
  if (v.IsObject()) {
    switch (heap.type(v)) {
      case ObjectType::kString:
        *address = false;
        return StringHash(heap, v);
      case ObjectType::kVector:
      case ObjectType::kBytevector:
        break;
      default:
        return EqvHash(heap, v, address);
    }
  } else if (!v.IsPair()) {
    return EqvHash(heap, v, address);
  }
  *address = false;
  int budget = 64;
  return StructureHash(heap, v, 6, &budget) & kHashMask;
}

}  // namespace islet::vm
