#include "isolate/expander/expander.h"

#include "absl/strings/str_cat.h"
#include "isolate/expander/expansion.h"
#include "isolate/expander/procedural_macro.h"
#include "isolate/numbers/numbers.h"

namespace islet::vm {

std::string ExpandError::ToString() const {
  std::string text = position.ToString();
  absl::StrAppend(&text, text.empty() ? "" : ": ", message);
  if (!form.empty()) absl::StrAppend(&text, ", in ", form);
  return text;
}

Expander::Expander(Vm& vm, SyntaxArena& arena, LibraryLoader* loader, const ExpanderOptions& options)
    : expansion_(std::make_unique<Expansion>(vm, arena, loader, options, &error_)) {}

Expander::~Expander() = default;

Core* Expander::ExpandToplevel(Syntax* form, Value environment) {
  error_ = ExpandError{};
  return expansion_->Toplevel(form, environment);
}

Syntax* Expander::FromDatum(Value datum) { return SyntaxWithAliases(*expansion_, datum, SourcePosition{}); }

namespace {

// Writes a form until `limit` bytes are reached.
class Abridger {
 public:
  Abridger(Vm& vm, size_t limit) : vm_(vm), limit_(limit) {}

  void Write(const Syntax* s, int depth) {
    if (Full()) return;
    switch (s->kind) {
      case Syntax::Kind::kAtom:
        return WriteAtom(s->value);
      case Syntax::Kind::kSymbol:
      case Syntax::Kind::kAlias:
        text_ += vm_.SymbolName(BaseSymbol(s));
        return;
      case Syntax::Kind::kVector:
        text_ += "#(";
        for (size_t i = 0; i < s->count && !Full(); ++i) {
          if (i > 0) text_ += ' ';
          Write(s->items[i], depth + 1);
        }
        text_ += ')';
        return;
      case Syntax::Kind::kPair:
        break;
    }
    if (depth > kMaxDepth) {
      text_ += "...";
      return;
    }
    if (const char* prefix = Prefix(s)) {
      text_ += prefix;
      return Write(s->cdr->car, depth + 1);
    }
    text_ += '(';
    Write(s->car, depth + 1);
    for (s = s->cdr; s->IsPair() && !Full(); s = s->cdr) {
      text_ += ' ';
      Write(s->car, depth + 1);
    }
    if (!s->IsNull() && !Full()) {
      text_ += " . ";
      Write(s, depth + 1);
    }
    text_ += ')';
  }

  std::string Take() { return std::move(text_); }

 private:
  static constexpr int kMaxDepth = 30;

  bool Full() {
    if (text_.size() < limit_) return false;
    if (!abridged_) text_ += "...";
    abridged_ = true;
    return true;
  }

  const char* Prefix(const Syntax* s) {
    if (!s->car->IsIdentifier() || !s->cdr->IsPair() || !s->cdr->cdr->IsNull()) return nullptr;
    const std::string name = vm_.SymbolName(BaseSymbol(s->car));
    if (name == "quote") return "'";
    if (name == "quasiquote") return "`";
    if (name == "unquote") return ",";
    if (name == "unquote-splicing") return ",@";
    return nullptr;
  }

  void WriteAtom(Value v) {
    Heap& heap = vm_.heap();
    if (v == kTrue) {
      text_ += "#t";
    } else if (v == kFalse) {
      text_ += "#f";
    } else if (v == kNull) {
      text_ += "()";
    } else if (heap.Is<String>(v)) {
      text_ += '"';
      for (char c : vm_.ToUtf8(v)) {
        if (c == '"' || c == '\\') text_ += '\\';
        text_ += c;
      }
      text_ += '"';
    } else if (v.IsChar()) {
      absl::StrAppend(&text_, "#\\x", absl::Hex(v.character()));
    } else if (IsNumber(heap, v)) {
      text_ += NumberToString(heap, v, 10);
    } else if (heap.Is<Bytevector>(v)) {
      text_ += "#u8(...)";
    } else {
      text_ += "#<object>";
    }
  }

  Vm& vm_;
  size_t limit_;
  std::string text_;
  bool abridged_ = false;
};

}  // namespace

std::string SyntaxToString(Vm& vm, const Syntax* form, size_t limit) {
  Abridger abridger(vm, limit);
  abridger.Write(form, 0);
  return abridger.Take();
}

}  // namespace islet::vm
