#include "isolate/compiler/inline_primitives.h"

#include <algorithm>
#include <cstring>
#include <iterator>

namespace islet::vm {
namespace {

constexpr InlinePrimitive kInlinePrimitives[] = {
#define ISLET_INLINE(name, form, op) {name, InlineForm::form, Op::k##op},
#include "absl/strings/string_view.h"
#include "isolate/compiler/inline_primitives.def"
};

constexpr bool InOrder() {
  for (size_t i = 1; i < std::size(kInlinePrimitives); ++i) {
    if (absl::string_view(kInlinePrimitives[i - 1].name) >= kInlinePrimitives[i].name) return false;
  }
  return true;
}
static_assert(InOrder(), "inline_primitives.def is searched by halving");

bool Fits(Heap& heap, InlineForm form, absl::Span<Core* const> args) {
  switch (form) {
    case InlineForm::kUnary:
    case InlineForm::kSign:
    case InlineForm::kNot:
      return args.size() == 1;
    case InlineForm::kBinary:
    case InlineForm::kStore2:
    case InlineForm::kCompare:
    case InlineForm::kCompareSwapped:
    case InlineForm::kEq:
      return args.size() == 2;
    case InlineForm::kEqual:
      return args.size() == 2 && (EqConstant(heap, args[0]) || EqConstant(heap, args[1]));
    case InlineForm::kStore3:
      return args.size() == 3;
    case InlineForm::kFold:
      return args.size() >= 2;
    case InlineForm::kRecordRef:
    case InlineForm::kRecordSet: {
      const size_t least = form == InlineForm::kRecordRef ? 3 : 4;
      if (args.size() > least && args[least]->kind != Core::Kind::kConstant) return false;
      const std::optional<int> index = SmallConstant(args[2]);
      return args.size() >= least && index && *index >= 0;
    }
  }
  return false;
}

}  // namespace

std::optional<uint32_t> KnownPrimitive(Vm& vm, const Core* callee, size_t argc) {
  Value value;
  if (callee->kind == Core::Kind::kGlobalRef) {
    const Cell* cell = vm.heap().Get<Cell>(static_cast<const GlobalRef*>(callee)->cell);
    if (!(HeaderFlags(cell->header) & kConstantCellFlag)) return std::nullopt;
    value = cell->value;
  } else if (callee->kind == Core::Kind::kConstant) {
    value = static_cast<const Constant*>(callee)->value;
  } else {
    return std::nullopt;
  }
  if (!value.IsPrimitive() || value.payload() >= vm.primitives().size()) return std::nullopt;
  const PrimitiveSpec& spec = vm.primitive(value);
  if (argc < spec.min_args || (spec.max_args >= 0 && argc > static_cast<size_t>(spec.max_args))) {
    return std::nullopt;
  }
  return value.payload();
}

const InlinePrimitive* FindInline(Heap& heap, const char* name, absl::Span<Core* const> args) {
  const auto* end = std::end(kInlinePrimitives);
  const auto* found =
      std::lower_bound(std::begin(kInlinePrimitives), end, name,
                       [](const InlinePrimitive& p, const char* n) { return std::strcmp(p.name, n) < 0; });
  if (found == end || std::strcmp(found->name, name) != 0 || !Fits(heap, found->form, args)) return nullptr;
  return found;
}

const Constant* EqConstant(Heap& heap, const Core* core) {
  if (core->kind != Core::Kind::kConstant) return nullptr;
  const Constant* constant = static_cast<const Constant*>(core);
  const Value v = constant->value;
  return !v.IsRef() || heap.Is<Symbol>(v) ? constant : nullptr;
}

std::optional<int> SmallConstant(const Core* core) {
  if (core->kind != Core::Kind::kConstant) return std::nullopt;
  const Value v = static_cast<const Constant*>(core)->value;
  if (!v.IsFixnum() || v.fixnum() < -128 || v.fixnum() > 127) return std::nullopt;
  return v.fixnum();
}

}  // namespace islet::vm
