#include "isolate/data/equality.h"

#include <cstring>
#include <tuple>
#include <utility>
#include <vector>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "absl/container/inlined_vector.h"
#include "isolate/data/string.h"

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

uint32_t HashBytes(const void* p, size_t n) {
  const XXH64_hash_t hash = XXH3_64bits(p, n);
  return static_cast<uint32_t>(hash ^ hash >> 32) & kHashMask;
}

uint64_t CanonicalBits(double d) {
  if (d != d) d = __builtin_nan("");
  uint64_t bits;
  std::memcpy(&bits, &d, 8);
  return bits;
}

bool SameDouble(double a, double b) { return CanonicalBits(a) == CanonicalBits(b); }

// Which of the heap's objects equal? has found or assumed equal: a union-find over references.
class EquivalenceClasses {
 public:
  EquivalenceClasses() : slots_(1024) {}

  // Joins the classes of `a` and `b`. False if they are the same already.
  bool Join(Value a, Value b) {
    if ((count_ + 2) * 2 > slots_.size()) Grow();
    const uint32_t x = Find(a.bits);
    const uint32_t y = Find(b.bits);
    if (x == y) return false;
    Slot(x)->parent = y;
    return true;
  }

 private:
  struct Node {
    uint32_t key = 0;  // 0 is fixnum 0: no reference
    uint32_t parent = 0;
  };

  Node* Slot(uint32_t key) {
    const size_t mask = slots_.size() - 1;
    size_t i = Mix(key) & mask;
    while (slots_[i].key != 0 && slots_[i].key != key) i = (i + 1) & mask;
    if (slots_[i].key == 0) {
      slots_[i] = {key, key};
      ++count_;
    }
    return &slots_[i];
  }

  uint32_t Find(uint32_t key) {
    while (true) {
      Node* node = Slot(key);
      if (node->parent == key) return key;
      node->parent = Slot(node->parent)->parent;
      key = node->parent;
    }
  }

  void Grow() {
    std::vector<Node> old(slots_.size() * 2);
    old.swap(slots_);
    count_ = 0;
    for (const Node& node : old) {
      if (node.key != 0) Slot(node.key)->parent = node.parent;
    }
  }

  std::vector<Node> slots_;
  size_t count_ = 0;
};

// Comparisons made before equal? starts to note what it has compared. Most data is smaller, and not
// circular.
constexpr uint64_t kPlainComparisons = 1000000;

// Objects whose type says all that a nested hash may use.
uint32_t TypeHash(const Heap& heap, Value v) {
  return Mix(static_cast<uint32_t>(heap.type(v)) + 0x1000);
}

uint32_t NumberHash(const Heap& heap, Value v, bool* is_number) {
  *is_number = true;
  if (v.IsFlonum()) {
    const uint64_t bits = CanonicalBits(heap.flonum(v));
    return HashBytes(&bits, 8);
  }
  switch (heap.type(v)) {
    case ObjectType::kBignum: {
      const Bignum* n = heap.Get<Bignum>(v);
      return Combine(HashBytes(n->limbs, size_t{n->length} * 8), HeaderFlags(n->header)) &
             kHashMask;
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
             std::memcmp(x->limbs, y->limbs, size_t{x->length} * 8) == 0;
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

bool Equal(const Heap& heap, Value a, Value b) {
  absl::InlinedVector<std::pair<Value, Value>, 32> todo;
  uint64_t compared = 0;
  std::vector<EquivalenceClasses> classes;  // none or one: it is big
  while (true) {
    // The spine of a list is walked here, its elements and everything else go through `todo`.
    if (a != b) {
      if (!a.IsRef() || !b.IsRef() || a.tag() != b.tag()) return false;
      const bool pair = a.IsPair();
      const ObjectType type = pair || a.IsFlonum() ? ObjectType::kFiller : heap.type(a);
      if (pair || type == ObjectType::kVector) {
        bool known = false;
        if (++compared > kPlainComparisons) {
          if (classes.empty()) classes.emplace_back();
          known = !classes[0].Join(a, b);
        }
        if (!known && pair) {
          const Value x = heap.car(a);
          const Value y = heap.car(b);
          const Value rest_a = heap.cdr(a);
          const Value rest_b = heap.cdr(b);
          if (x != y) {
            if (!x.IsRef() || !y.IsRef()) return false;
            if (rest_a != rest_b) todo.emplace_back(rest_a, rest_b);
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
          const Vector* x = heap.Get<Vector>(a);
          const Vector* y = heap.Get<Vector>(b);
          if (x->length != y->length) return false;
          compared += x->length;
          for (uint32_t i = x->length; i > 0; --i) {
            const Value p = x->items[i - 1];
            const Value q = y->items[i - 1];
            if (p == q) continue;
            if (!p.IsRef() || !q.IsRef()) return false;
            todo.emplace_back(p, q);
          }
        }
      } else if (type == ObjectType::kString) {
        if (!heap.Is<String>(b) || !StringEqual(heap, a, b)) return false;
      } else if (type == ObjectType::kBytevector) {
        const Bytevector* x = heap.Get<Bytevector>(a);
        const Bytevector* y = heap.TryGet<Bytevector>(b);
        if (y == nullptr || x->length != y->length) return false;
        if (std::memcmp(x->bytes, y->bytes, x->length) != 0) return false;
      } else if (!Eqv(heap, a, b)) {
        return false;
      }
    }
    if (todo.empty()) return true;
    std::tie(a, b) = todo.back();
    todo.pop_back();
  }
}

uint32_t AddressHash(uint32_t offset) { return Mix(offset) & kHashMask; }

uint32_t EqHash(const Heap& heap, Value v, bool* address) {
  *address = false;
  // Neighbouring numbers get neighbouring words of an index: hash_table.cc's way of probing allows
  // for it.
  if (v.IsFixnum()) return static_cast<uint32_t>(v.fixnum()) & kHashMask;
  if (!v.IsRef()) return Mix(v.bits) & kHashMask;
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
