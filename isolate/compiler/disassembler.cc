#include "isolate/compiler/disassembler.h"

#include "absl/strings/str_cat.h"
#include "isolate/interpreter/opcode.h"

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

}  // namespace

std::string Disassemble(Heap& heap, const Code* code) {
  std::string out;
  for (uint64_t at = 0; at < code->instruction_count;) {
    const uint32_t* words = code->instructions + at;
    const OpInfo& info = kOpInfo[words[0] & 0xff];
    absl::StrAppend(&out, at, " ", info.name);
    uint32_t field = 1, next = 1;
    const auto byte = [&] { return words[0] >> 8 * field++ & 0xff; };
    if (static_cast<Op>(words[0] & 0xff) == Op::kMakeClosure) {
      absl::StrAppend(&out, " r", byte(), " ", Show(heap, Value::FromBits(words[2])));
      for (uint32_t i = 0; i < words[1]; ++i) {
        const uint32_t capture = words[3 + i];
        absl::StrAppend(&out, capture & kCaptureFree ? " f" : " r", capture & ~kCaptureFree);
      }
    } else {
      for (const char* operand = info.operands; *operand; ++operand) {
        switch (*operand) {
          case 'r':
          case 'w':
            absl::StrAppend(&out, " r", byte());
            break;
          case 'f':
            absl::StrAppend(&out, " f", byte());
            break;
          case 'i':
            absl::StrAppend(&out, " ", static_cast<int>(static_cast<int8_t>(byte())));
            break;
          case 'S':
            absl::StrAppend(&out, " ", static_cast<int>(static_cast<int16_t>(words[0] >> 16)));
            break;
          case 'V':
            absl::StrAppend(&out, " ", Show(heap, Value::FromBits(words[next++])));
            break;
          case 'J':
            absl::StrAppend(&out, " -> ", static_cast<int64_t>(at) + next + 1 + static_cast<int32_t>(words[next]));
            ++next;
            break;
          case 'U':
            absl::StrAppend(&out, " #", words[next++]);
            break;
          case 'v': {
            const auto taken = static_cast<Taken>(byte());
            if (taken == Taken::kIgnored) out += " ignored";
            if (taken == Taken::kPassedOn) out += " passed-on";
            break;
          }
          case 'R':
            absl::StrAppend(&out, " r", words[next++]);
            break;
          default:
            absl::StrAppend(&out, " ", byte());
        }
      }
    }
    out += '\n';
    at += InstructionWords(words);
  }
  return out;
}

}  // namespace islet::vm
