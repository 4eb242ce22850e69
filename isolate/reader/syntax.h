// A datum read from text, with its position: what the expander works on. Lives outside the cage, in an arena that is
// freed as a whole, so that neither the collector nor a snapshot is concerned with it. Values inside atoms are roots.

#ifndef ISLET_ISOLATE_READER_SYNTAX_H_
#define ISLET_ISOLATE_READER_SYNTAX_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <type_traits>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "isolate/heap/heap.h"
#include "isolate/heap/pieces.h"
#include "isolate/heap/scratch.h"
#include "isolate/heap/value.h"
#include "isolate/interpreter/place.h"

namespace islet::vm {

struct Alias;  // expander/scope.h: an identifier inserted by a macro

// Where a datum starts. Lines and columns count from 1, columns in characters; line 0: no position.
struct SourcePosition {
  const std::string* file = nullptr;  // owned by the arena
  uint32_t line = 0;
  uint32_t column = 0;
  // The same beyond the arena's life.
  Place ToPlace() const;
  // As every message tells a place, or "" without a position.
  std::string ToString() const;
};

struct Syntax {
  enum class Kind : uint8_t {
    kAtom,    // value: anything that is neither pair, vector nor symbol; () is the atom kNull
    kSymbol,  // value: the Symbol
    kAlias,   // alias
    kPair,    // car, cdr
    kVector,  // items, count
  };
  Kind kind;
  mutable uint32_t walk = 0;  // the last translation to a datum that came by (datum.cc): its number
  SourcePosition position;
  Value value{};
  mutable Value datum{};  // of a pair or vector: what that translation has made of it
  union {
    struct {
      Syntax* car;
      Syntax* cdr;
    };
    struct {
      Syntax** items;
      size_t count;
    };
    Alias* alias;
  };

  bool IsNull() const { return kind == Kind::kAtom && value == kNull; }
  bool IsPair() const { return kind == Kind::kPair; }
  bool IsIdentifier() const { return kind == Kind::kSymbol || kind == Kind::kAlias; }
};

class SyntaxArena : public RootSource {
 public:
  explicit SyntaxArena(Heap* heap);
  ~SyntaxArena() override;

  Syntax* Atom(Value v, SourcePosition position) {
    Syntax* const s = NewSyntax(Syntax::Kind::kAtom, position);
    s->value = v;
    if (v.IsRef()) AddConstantRoot(&s->value);
    return s;
  }
  Syntax* Symbol(Value symbol, SourcePosition position) {
    Syntax* const s = NewSyntax(Syntax::Kind::kSymbol, position);
    s->value = symbol;
    constants_.push_back(&s->value);  // symbols never are in the nursery
    return s;
  }
  Syntax* FromAlias(Alias* alias, SourcePosition position) {
    Syntax* const s = NewSyntax(Syntax::Kind::kAlias, position);
    s->alias = alias;
    return s;
  }
  Syntax* Cons(Syntax* car, Syntax* cdr, SourcePosition position) {
    Syntax* const s = NewSyntax(Syntax::Kind::kPair, position);
    s->car = car;
    s->cdr = cdr;
    return s;
  }
  Syntax* MakeVector(absl::Span<Syntax* const> items, SourcePosition position);
  // Its items are yet to be filled in.
  Syntax* MakeVector(size_t count, SourcePosition position);
  // A proper list ending in `tail` (null: the empty list). If the run is to be ended, the end of it
  // (heap/poll.h).
  Syntax* List(absl::Span<Syntax* const> items, SourcePosition position, Syntax* tail = nullptr);
  const std::string* FileName(absl::string_view name);
  // Room for any object that needs no destructor, aligned to 8 bytes; freed with the arena.
  void* Allocate(size_t bytes) {
    if (__builtin_expect(static_cast<size_t>(end_ - next_) < bytes, 0)) AddChunk(bytes);
    char* const start = next_;
    next_ += Aligned(bytes);
    bytes_ += bytes;
    return start;
  }
  template <typename T>
  T* New() {
    static_assert(alignof(T) <= kAlignment);
    return new (Allocate(sizeof(T))) T();
  }
  // Uninitialised.
  template <typename T>
  absl::Span<T> NewSpan(size_t count) {
    static_assert(std::is_trivially_copyable_v<T> && alignof(T) <= kAlignment);
    return absl::MakeSpan(static_cast<T*>(Allocate(count * sizeof(T) + 1)), count);
  }
  template <typename T>
  absl::Span<T> Copy(absl::Span<const T> items) {
    const absl::Span<T> copy = NewSpan<T>(items.size());
    std::copy(items.begin(), items.end(), copy.begin());
    return copy;
  }
  // Bytes taken so far: the expander fails with an error past a limit.
  size_t bytes() const { return bytes_; }
  // Makes a Value that is held in an arena object a root, until the arena is gone. `slot` must stay
  // in place.
  void AddRoot(Value* slot) { roots_.push_back(slot); }
  // The same for one that nobody but the collector writes any more: of millions of these,
  // collections of the nursery look at the few that may refer to it.
  void AddConstantRoot(Value* slot) {
    constants_.push_back(slot);
    if (heap_->IsYoung(*slot)) young_constants_.push_back(slot);
  }

  void VisitRoots(Visit visit, void* context) override;
  void VisitYoungRoots(Visit visit, void* context) override;

 private:
  Syntax* NewSyntax(Syntax::Kind kind, SourcePosition position) {
    Syntax* const s = New<Syntax>();
    s->kind = kind;
    s->position = position;
    return s;
  }
  static constexpr size_t kAlignment = 8;
  static constexpr size_t Aligned(size_t bytes) { return (bytes + kAlignment - 1) & ~(kAlignment - 1); }
  // Makes a chunk that has room for so many.
  __attribute__((noinline)) void AddChunk(size_t bytes);

  Heap* heap_;
  std::vector<Scratch<char>> chunks_;
  // Of the last chunk: multiples of the alignment.
  char* next_ = nullptr;
  char* end_ = nullptr;
  size_t bytes_ = 0;
  Pieces<Value*> roots_;
  Pieces<Value*> constants_;
  Pieces<Value*> young_constants_;  // of these, since the last collection
  std::deque<std::string> files_;
};

}  // namespace islet::vm

#endif  // ISLET_ISOLATE_READER_SYNTAX_H_
