#include "isolate/evaluator/library_imports.h"

#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "isolate/reader/reader.h"
#include "isolate/reader/syntax.h"

namespace islet::vm {
namespace {

// Files of declarations that include each other; more than are of any use, and an end where they do so in a circle.
constexpr int kMostIncludes = 10000;

class ImportScan {
 public:
  ImportScan(Vm& vm, LibraryLoader& loader) : vm_(vm), loader_(loader), arena_(&vm.heap()) {}

  std::vector<LibraryName> Of(const SourceFile& source) {
    std::vector<Syntax*> forms;
    Read(source, &forms);
    for (Syntax* form : forms) {
      LibraryName name;
      if (!StartsWith(form, "define-library") || !form->cdr->IsPair()) continue;
      if (ParseName(form->cdr->car, &name)) defined_.push_back(name);
      AddAll(form->cdr->cdr);
    }
    while (!pending_.empty() && !vm_.ended()) {
      Syntax* declaration = pending_.back();
      pending_.pop_back();
      Declaration(declaration);
    }
    std::vector<LibraryName> others;
    for (LibraryName& name : imports_) {
      if (std::find(defined_.begin(), defined_.end(), name) == defined_.end()) others.push_back(std::move(name));
    }
    return others;
  }

 private:
  bool IsWord(const Syntax* form, absl::string_view word) {
    return form->kind == Syntax::Kind::kSymbol && vm_.SymbolName(form->value) == std::string(word);
  }
  bool StartsWith(const Syntax* form, absl::string_view word) { return form->IsPair() && IsWord(form->car, word); }

  void Read(const SourceFile& source, std::vector<Syntax*>* forms) {
    Reader reader(vm_, arena_, source.text, source.path);
    Syntax* form = nullptr;
    while (reader.ReadNext(&form) == Reader::Result::kDatum) forms->push_back(form);
  }

  void AddAll(const std::vector<Syntax*>& declarations) {
    pending_.insert(pending_.end(), declarations.rbegin(), declarations.rend());
  }
  void AddAll(Syntax* list) {
    std::vector<Syntax*> declarations;
    for (; list->IsPair(); list = list->cdr) declarations.push_back(list->car);
    AddAll(declarations);
  }

  void Declaration(Syntax* form) {
    if (StartsWith(form, "import")) {
      for (Syntax* set = form->cdr; set->IsPair(); set = set->cdr) Import(set->car);
    } else if (StartsWith(form, "cond-expand")) {
      for (Syntax* clause = form->cdr; clause->IsPair() && clause->car->IsPair(); clause = clause->cdr) {
        const absl::optional<bool> holds = Holds(clause->car->car, 0);
        if (!holds.has_value()) return;
        if (*holds) return AddAll(clause->car->cdr);
      }
    } else if (StartsWith(form, "include-library-declarations")) {
      std::vector<Syntax*> declarations;
      for (Syntax* file = form->cdr; file->IsPair() && ++includes_ < kMostIncludes; file = file->cdr) {
        if (file->car->kind != Syntax::Kind::kAtom || !vm_.heap().Is<String>(file->car->value)) return;
        const std::string* from = form->position.file;
        const absl::StatusOr<SourceFile> source =
            loader_.ReadFile(vm_.ToUtf8(file->car->value), from == nullptr ? absl::string_view() : *from);
        if (source.ok()) Read(*source, &declarations);
      }
      AddAll(declarations);
    }
  }

  void Import(Syntax* set) {
    while (set->IsPair() && set->cdr->IsPair() && set->cdr->car->IsPair() &&
           (IsWord(set->car, "only") || IsWord(set->car, "except") || IsWord(set->car, "prefix") ||
            IsWord(set->car, "rename"))) {
      set = set->cdr->car;
    }
    LibraryName name;
    if (ParseName(set, &name)) imports_.push_back(std::move(name));
  }

  bool ParseName(const Syntax* form, LibraryName* name) {
    for (; form->IsPair(); form = form->cdr) {
      const Syntax* part = form->car;
      if (part->kind == Syntax::Kind::kSymbol) {
        name->parts.push_back({vm_.SymbolName(part->value), false});
      } else if (part->kind == Syntax::Kind::kAtom && part->value.IsFixnum() && part->value.fixnum() >= 0) {
        name->parts.push_back({absl::StrCat(part->value.fixnum()), true});
      } else {
        return false;
      }
    }
    return !name->parts.empty();
  }

  // Whether a requirement of cond-expand holds; nothing where that takes more than to look at it.
  absl::optional<bool> Holds(const Syntax* requirement, int depth) {
    constexpr int kDeepest = 100;
    if (requirement->kind == Syntax::Kind::kSymbol) {
      const std::string word = vm_.SymbolName(requirement->value);
      return word == "else" || HasFeature(vm_, word);
    }
    if (depth == kDeepest || !requirement->IsPair() || !requirement->cdr->IsPair()) return absl::nullopt;
    if (IsWord(requirement->car, "not")) {
      const absl::optional<bool> other = Holds(requirement->cdr->car, depth + 1);
      return other.has_value() ? absl::optional<bool>(!*other) : absl::nullopt;
    }
    const bool all = IsWord(requirement->car, "and");
    if (!all && !IsWord(requirement->car, "or")) return absl::nullopt;
    for (const Syntax* part = requirement->cdr; part->IsPair(); part = part->cdr) {
      const absl::optional<bool> holds = Holds(part->car, depth + 1);
      if (!holds.has_value() || *holds != all) return holds;
    }
    return all;
  }

  Vm& vm_;
  LibraryLoader& loader_;
  SyntaxArena arena_;
  std::vector<Syntax*> pending_;  // declarations, the next one last
  std::vector<LibraryName> defined_;
  std::vector<LibraryName> imports_;
  int includes_ = 0;
};

}  // namespace

LibraryName LibraryName::Of(Vm& vm, Value list) {
  LibraryName name;
  Heap& heap = vm.heap();
  for (; list.IsPair(); list = heap.cdr(list)) {
    const Value part = heap.car(list);
    if (heap.Is<Symbol>(part)) {
      name.parts.push_back({vm.SymbolName(part), false});
    } else {
      name.parts.push_back({absl::StrCat(part.fixnum()), true});
    }
  }
  return name;
}

Value LibraryName::ToValue(Vm& vm) const {
  Value list = kNull;
  for (auto part = parts.rbegin(); part != parts.rend(); ++part) {
    int32_t number = 0;
    const bool is_number = part->is_number && absl::SimpleAtoi(part->text, &number);
    list = vm.heap().Cons(is_number ? Value::Fixnum(number) : vm.Intern(part->text), list);
  }
  return list;
}

std::string LibraryName::ToString() const {
  std::string text = "(";
  for (const Part& part : parts) absl::StrAppend(&text, text.size() > 1 ? " " : "", part.text);
  return text + ")";
}

std::vector<LibraryName> ImportsOf(Vm& vm, LibraryLoader& loader, const SourceFile& source) {
  return ImportScan(vm, loader).Of(source);
}

}  // namespace islet::vm
