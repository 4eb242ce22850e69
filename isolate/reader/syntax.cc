#include "isolate/reader/syntax.h"

#include <algorithm>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "isolate/heap/poll.h"

namespace islet::vm {

namespace {
constexpr size_t kFirstChunk = 16 << 10;
constexpr size_t kLargestChunk = 1 << 20;

void VisitAll(const Pieces<Value*>& roots, RootSource::Visit visit, void* context) {
  for (size_t i = 0; i < roots.size() && visit(roots[i], context); ++i) {
  }
}
}  // namespace

Place SourcePosition::ToPlace() const {
  return line == 0 ? Place() : Place{file == nullptr ? std::string() : *file, line, column};
}

std::string SourcePosition::ToString() const {
  return line == 0 ? "" : PlaceText(file == nullptr ? "" : *file, line, column);
}

SyntaxArena::SyntaxArena(Heap* heap) : heap_(heap) { heap_->AddRoots(this); }

SyntaxArena::~SyntaxArena() {
  heap_->RemoveRoots(this);
  // If the run is to end meanwhile, the rest is kept back.
  for (Scratch<char>& chunk : chunks_) {
    chunk.reset();
    (void)PollInterrupts();
  }
}

void SyntaxArena::AddChunk(size_t bytes) {
  const size_t grown = std::min(kLargestChunk, kFirstChunk << std::min<size_t>(chunks_.size(), 8));
  const size_t size = std::max(Aligned(bytes), grown);
  chunks_.push_back(NewScratch<char>(size));
  next_ = chunks_.back().get();
  end_ = next_ + size;
}

Syntax* SyntaxArena::MakeVector(absl::Span<Syntax* const> items, SourcePosition position) {
  Syntax* s = MakeVector(items.size(), position);
  std::copy(items.begin(), items.end(), s->items);
  return s;
}

Syntax* SyntaxArena::MakeVector(size_t count, SourcePosition position) {
  Syntax* s = NewSyntax(Syntax::Kind::kVector, position);
  s->items = static_cast<Syntax**>(Allocate(count * sizeof(Syntax*) + 1));
  s->count = count;
  return s;
}

Syntax* SyntaxArena::List(absl::Span<Syntax* const> items, SourcePosition position, Syntax* tail) {
  Syntax* list = tail != nullptr ? tail : Atom(kNull, position);
  StepCounter steps;
  for (size_t i = items.size(); i-- > 0 && steps.Add(4);) {
    list = Cons(items[i], list, i == 0 ? position : items[i]->position);
  }
  return list;
}

const std::string* SyntaxArena::FileName(absl::string_view name) {
  for (const std::string& known : files_) {
    if (known == name) return &known;
  }
  files_.emplace_back(name);
  return &files_.back();
}

void SyntaxArena::VisitRoots(Visit visit, void* context) {
  VisitAll(roots_, visit, context);
  VisitAll(constants_, visit, context);
  young_constants_ = {};
}

void SyntaxArena::VisitYoungRoots(Visit visit, void* context) {
  VisitAll(roots_, visit, context);
  VisitAll(young_constants_, visit, context);
  young_constants_ = {};
}

}  // namespace islet::vm
