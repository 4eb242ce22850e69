#include "isolate/expander/core_printer.h"

#include <unordered_map>

#include "absl/strings/str_cat.h"
#include "isolate/expander/expander.h"
#include "isolate/reader/reader.h"

namespace islet::vm {

namespace {

// Names are given out in the order of printing, so no expression here may name two things: compilers differ in the
// order in which they evaluate arguments.
class CorePrinter {
 public:
  CorePrinter(Vm& vm, Value environment) : vm_(vm), arena_(&vm.heap()), environment_(environment) {}

  std::string Print(const Core* core) {
    switch (core->kind) {
      case Core::Kind::kConstant:
        return PrintConstant(static_cast<const Constant*>(core)->value);
      case Core::Kind::kLocalRef:
        return NameOf(static_cast<const LocalRef*>(core)->variable);
      case Core::Kind::kLocalSet: {
        const auto* set = static_cast<const LocalSet*>(core);
        const std::string name = NameOf(set->variable);
        return absl::StrCat("(set! ", name, " ", Print(set->value), ")");
      }
      case Core::Kind::kGlobalRef:
        return NameOf(static_cast<const GlobalRef*>(core)->cell);
      case Core::Kind::kGlobalSet: {
        const auto* set = static_cast<const GlobalSet*>(core);
        return absl::StrCat("(set! ", NameOf(set->cell), " ", Print(set->value), ")");
      }
      case Core::Kind::kGlobalDefine: {
        const auto* define = static_cast<const GlobalDefine*>(core);
        return absl::StrCat("(define ", NameOf(define->cell), " ", Print(define->value), ")");
      }
      case Core::Kind::kIf: {
        const auto* c = static_cast<const If*>(core);
        std::string text = "(if " + Print(c->test);
        absl::StrAppend(&text, " ", Print(c->consequent));
        if (IsUnspecified(c->alternative)) return text + ")";
        return absl::StrCat(text, " ", Print(c->alternative), ")");
      }
      case Core::Kind::kLambda:
        return PrintLambda(static_cast<const Lambda*>(core));
      case Core::Kind::kSequence:
        return absl::StrCat("(begin", PrintAll(static_cast<const Sequence*>(core)->items), ")");
      case Core::Kind::kCall: {
        const auto* call = static_cast<const Call*>(core);
        const std::string callee = Print(call->callee);
        return absl::StrCat("(", callee, PrintAll(call->args), ")");
      }
      case Core::Kind::kLet: {
        const auto* let = static_cast<const Let*>(core);
        return PrintBindings("(let (", let->variables, let->inits, let->body);
      }
      case Core::Kind::kLetrec: {
        const auto* let = static_cast<const Letrec*>(core);
        return PrintBindings("(letrec (", let->variables, let->inits, let->body);
      }
    }
    return "?";
  }

 private:
  static bool IsUnspecified(const Core* core) {
    return core->kind == Core::Kind::kConstant && static_cast<const Constant*>(core)->value == kUnspecified;
  }

  std::string PrintConstant(Value value) {
    if (value == kUnspecified) return "#!unspecified";
    const Syntax* s = DatumToSyntax(arena_, vm_.heap(), value, SourcePosition{});
    if (s == nullptr) return "#<constant>";
    const bool quoted = s->kind == Syntax::Kind::kPair || s->kind == Syntax::Kind::kSymbol || s->IsNull();
    return absl::StrCat(quoted ? "'" : "", SyntaxToString(vm_, s, 1000));
  }

  std::string PrintAll(absl::Span<Core* const> items) {
    std::string text;
    for (const Core* item : items) absl::StrAppend(&text, " ", Print(item));
    return text;
  }

  std::string PrintLambda(const Lambda* lambda) {
    std::string text;
    const bool several = lambda->clauses.size() != 1;
    for (const Clause& clause : lambda->clauses) {
      std::string formals;
      for (const Variable* v : clause.required) {
        absl::StrAppend(&formals, formals.empty() ? "" : " ", NameOf(v));
      }
      if (clause.rest != nullptr && formals.empty()) {
        formals = NameOf(clause.rest);
      } else {
        const std::string rest = clause.rest != nullptr ? " . " + NameOf(clause.rest) : "";
        formals = absl::StrCat("(", formals, rest, ")");
      }
      const std::string body = Print(clause.body);
      absl::StrAppend(&text, " ", several ? "(" : "", formals, " ", body, several ? ")" : "");
    }
    return absl::StrCat(several ? "(case-lambda" : "(lambda", text, ")");
  }

  std::string PrintBindings(const char* head, absl::Span<Variable* const> variables, absl::Span<Core* const> inits,
                            const Core* body) {
    std::string text = head;
    for (size_t i = 0; i < variables.size(); ++i) {
      absl::StrAppend(&text, i > 0 ? " " : "", "(", NameOf(variables[i]));
      absl::StrAppend(&text, " ", Print(inits[i]), ")");
    }
    return absl::StrCat(text, ") ", Print(body), ")");
  }

  std::string NameOf(const Variable* variable) {
    auto [entry, fresh] = names_.try_emplace(variable);
    if (fresh) {
      const std::string base = variable->name == kFalse ? "t" : vm_.SymbolName(variable->name);
      const int n = ++uses_[base];
      entry->second = n == 1 ? base : absl::StrCat(base, ".", n);
    }
    return entry->second;
  }

  std::string NameOf(Value cell) {
    Heap& heap = vm_.heap();
    const Cell* c = heap.Get<Cell>(cell);
    std::string text = vm_.SymbolName(c->name);
    const Environment* home = heap.TryGet<Environment>(c->home);
    if (home == nullptr || c->home == environment_ || !home->name.IsPair()) return text;
    std::string library;
    for (Value part = home->name; part.IsPair(); part = heap.cdr(part)) {
      if (heap.Is<Symbol>(heap.car(part))) library = vm_.SymbolName(heap.car(part));
    }
    return library == "core" ? text : absl::StrCat(text, "@", library);
  }

  Vm& vm_;
  SyntaxArena arena_;
  Value environment_;
  std::unordered_map<const Variable*, std::string> names_;
  std::unordered_map<std::string, int> uses_;
};

}  // namespace

std::string CoreToString(Vm& vm, const Core* core, Value environment) {
  return CorePrinter(vm, environment).Print(core);
}

}  // namespace islet::vm
