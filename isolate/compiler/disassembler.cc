#include "isolate/compiler/disassembler.h"

#include "absl/strings/str_cat.h"
#include "isolate/interpreter/operands.h"

namespace islet::vm {
namespace {

// The name of a symbol, if it is ASCII or Latin-1 (which every name in a test is).
std::string NameOf(Heap& heap, Value symbol) {
  const Symbol* s = heap.TryGet<Symbol>(symbol);
  const String* name = s ? heap.TryGet<String>(s->name) : nullptr;
  if (name == nullptr || (HeaderFlags(name->header) & (kWideStringFlag | kIndirectStringFlag))) return "?";
  return std::string(reinterpret_cast<const char*>(name->bytes), name->length);
}

std::string Show(Heap& heap, Value v) {
  if (v.IsFixnum()) return absl::StrCat(v.fixnum());
  if (v == kFalse) return "#f";
  if (v == kTrue) return "#t";
  if (v == kNull) return "()";
  if (v == kUnspecified) return "#<unspecified>";
  if (v == kUndefined) return "#<undefined>";
  if (v.IsChar()) return absl::StrCat("#\\x", absl::Hex(v.character()));
  if (v.IsPrimitive()) return absl::StrCat("#<primitive ", v.payload(), ">");
  if (v.IsImmediate()) return "#<immediate>";
  if (v.IsPair()) return "#<pair>";
  if (v.IsFlonum()) return absl::StrCat(heap.flonum(v));
  if (heap.Is<Symbol>(v)) return NameOf(heap, v);
  if (const Cell* cell = heap.TryGet<Cell>(v)) return absl::StrCat("[", NameOf(heap, cell->name), "]");
  if (const Closure* closure = heap.TryGet<Closure>(v)) {
    const Code* code = heap.TryGet<Code>(closure->code);
    return absl::StrCat("#<procedure ", code ? NameOf(heap, code->name) : "?", ">");
  }
  if (const Code* code = heap.TryGet<Code>(v)) return absl::StrCat("#<code ", NameOf(heap, code->name), ">");
  return absl::StrCat("#<", ObjectTypeName(heap.type(v)), ">");
}

void Append(Heap& heap, uint32_t at, const Operand& operand, std::string* out) {
  switch (operand.kind) {
    case OperandKind::kRead:
    case OperandKind::kWrite:
    case OperandKind::kReadFar:
    case OperandKind::kWriteFar:
      return absl::StrAppend(out, " r", operand.bits);
    case OperandKind::kFree:
      return absl::StrAppend(out, " f", operand.bits);
    case OperandKind::kSigned:
      return absl::StrAppend(out, " ", static_cast<int>(static_cast<int8_t>(operand.bits)));
    case OperandKind::kSigned16:
      return absl::StrAppend(out, " ", static_cast<int>(static_cast<int16_t>(operand.bits)));
    case OperandKind::kUnsigned:
    case OperandKind::kCount:
      return absl::StrAppend(out, " ", operand.bits);
    case OperandKind::kTaken:
      if (static_cast<Taken>(operand.bits) == Taken::kIgnored) *out += " ignored";
      if (static_cast<Taken>(operand.bits) == Taken::kPassedOn) *out += " passed-on";
      return;
    case OperandKind::kValue:
      return absl::StrAppend(out, " ", Show(heap, Value::FromBits(operand.bits)));
    case OperandKind::kJump:
      return absl::StrAppend(out, " -> ", operand.Target(at));
    case OperandKind::kNumber:
      return absl::StrAppend(out, " #", operand.bits);
  }
}

}  // namespace

std::string Disassemble(Heap& heap, const Code* code) {
  std::string out;
  for (uint32_t at = 0; at < code->instruction_count;) {
    const uint32_t* words = code->instructions + at;
    const bool makes_closure = static_cast<Op>(words[0] & 0xff) == Op::kMakeClosure;
    absl::StrAppend(&out, at, " ", kOpInfo[words[0] & 0xff].name);
    ForEachOperand(words, [&](const Operand& operand) {
      // Its number is that of the captures, which follow.
      if (!makes_closure || operand.kind != OperandKind::kNumber) Append(heap, at, operand, &out);
      return true;
    });
    for (uint32_t i = 0; makes_closure && i < words[1]; ++i) {
      const uint32_t capture = words[3 + i];
      absl::StrAppend(&out, capture & kCaptureFree ? " f" : " r", capture & ~kCaptureFree);
    }
    out += '\n';
    at += static_cast<uint32_t>(InstructionWords(words));
  }
  return out;
}

}  // namespace islet::vm
