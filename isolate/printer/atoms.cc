#include "isolate/printer/atoms.h"

#include <utf8proc.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "isolate/data/hash_table.h"
#include "isolate/data/string.h"
#include "isolate/heap/poll.h"
#include "isolate/heap/scratch.h"
#include "isolate/numbers/numbers.h"
#include "isolate/reader/lexical.h"

namespace islet::vm {

namespace {

// False for what would be invisible or would not survive: controls, separators, unassigned code
// points.
bool IsGraphic(uint32_t c) {
  if (c < 0x7f) return c >= ' ';
  switch (utf8proc_category(static_cast<utf8proc_int32_t>(c))) {
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_CN:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
      return false;
    case UTF8PROC_CATEGORY_ZS:
      return c == ' ';
    default:
      return true;
  }
}

bool IsCombining(uint32_t c) {
  const auto category = utf8proc_category(static_cast<utf8proc_int32_t>(c));
  return category == UTF8PROC_CATEGORY_MN || category == UTF8PROC_CATEGORY_MC || category == UTF8PROC_CATEGORY_ME;
}

void Append(std::string text, std::string* out) {
  if (out->empty()) {
    *out = std::move(text);
    return;
  }
  if (text.size() > kPollSteps) out->reserve(out->size() + text.size() + 1);
  (void)InParts(0, text.size(), kBytesPerStep,
                [&](uint64_t begin, uint64_t end) { out->append(text, begin, end - begin); });
}

// One character between `quote`s.
void AppendQuoted(uint32_t c, char quote, std::string* out) {
  if (c == static_cast<uint32_t>(quote) || c == '\\') {
    out->push_back('\\');
    out->push_back(static_cast<char>(c));
    return;
  }
  switch (c) {
    case '\a':
      out->append("\\a");
      return;
    case '\b':
      out->append("\\b");
      return;
    case '\t':
      out->append("\\t");
      return;
    case '\n':
      out->append("\\n");
      return;
    case '\r':
      out->append("\\r");
      return;
    default:
      break;
  }
  if (IsGraphic(c)) {
    AppendUtf8(out, c);
  } else {
    absl::StrAppend(out, "\\x", absl::Hex(c), ";");
  }
}

void PrintQuoted(const Heap& heap, Value string, char quote, size_t max_bytes, std::string* out) {
  const StringChars chars = CharsOf(heap, string);
  out->push_back(quote);
  // Not to be moved while it grows, if it is long.
  if (chars.length > kPollSteps) out->reserve(out->size() + chars.length + 2);
  StepCounter steps;
  for (uint32_t i = 0; i < chars.length && out->size() <= max_bytes && steps.Add(2); ++i) {
    AppendQuoted(chars[i], quote, out);
  }
  out->push_back(quote);
}

void PrintCharacter(uint32_t c, std::string* out) {
  out->append("#\\");
  if (const char* name = CharacterName(c)) {
    out->append(name);
  } else if (IsGraphic(c) && !IsCombining(c)) {
    AppendUtf8(out, c);
  } else {
    absl::StrAppend(out, "x", absl::Hex(c));
  }
}

// +i, -inf.0 and their like are identifiers by their characters, but read as numbers.
bool LooksLikeNumber(absl::string_view identifier) {
  if (identifier[0] != '+' && identifier[0] != '-') return false;
  const absl::string_view rest = identifier.substr(1);
  return absl::EqualsIgnoreCase(rest, "i") || absl::StartsWithIgnoreCase(rest, "inf.0") ||
         absl::StartsWithIgnoreCase(rest, "nan.0");
}

void PrintSymbol(Heap& heap, Value symbol, bool write, size_t max_bytes, std::string* out) {
  const Value name = heap.Get<Symbol>(symbol)->name;
  PassingText utf8(ToUtf8(heap, name));
  const absl::string_view text = utf8.text;
  bool plain = true;
  if (write) {
    plain = IsPlainIdentifier(text) && !LooksLikeNumber(text);
  }
  if (plain) {
    Append(std::move(utf8.text), out);
  } else {
    PrintQuoted(heap, name, '|', max_bytes, out);
  }
}

void PrintBytevector(const Bytevector* bytes, size_t max_bytes, std::string* out) {
  out->append("#u8(");
  if (bytes->length > kPollSteps) out->reserve(out->size() + uint64_t{4} * bytes->length + 8);
  StepCounter steps;
  for (uint32_t i = 0; i < bytes->length && out->size() <= max_bytes && steps.Add(4); ++i) {
    absl::StrAppend(out, i == 0 ? "" : " ", bytes->bytes[i]);
  }
  out->push_back(')');
}

// The name of a procedure: a symbol, a string or nothing.
void PrintProcedure(Heap& heap, Value name, std::string* out) {
  out->append("#<procedure");
  if (heap.Is<Symbol>(name)) name = heap.Get<Symbol>(name)->name;
  if (heap.Is<String>(name)) absl::StrAppend(out, " ", ToUtf8(heap, name));
  out->push_back('>');
}

void PrintPort(Heap& heap, const Port* port, std::string* out) {
  const uint32_t flags = HeaderFlags(port->header);
  absl::StrAppend(out, "#<", (flags & kOpenPortFlag) ? "" : "closed ",
                  (flags & kTextualPortFlag) ? "textual-" : "binary-",
                  (flags & kInputPortFlag) ? "input-port" : "output-port");
  if (heap.Is<String>(port->name)) absl::StrAppend(out, " ", ToUtf8(heap, port->name));
  out->push_back('>');
}

void PrintImmediate(Vm& vm, Value v, bool write, std::string* out) {
  if (v.IsFixnum()) {
    absl::StrAppend(out, v.fixnum());
  } else if (v.IsChar()) {
    if (write) {
      PrintCharacter(v.character(), out);
    } else {
      AppendUtf8(out, v.character());
    }
  } else if (v.IsPrimitive()) {
    const bool known = v.payload() < vm.primitives().size();
    absl::StrAppend(out, "#<procedure ", known ? vm.primitive(v).name : "unknown", ">");
  } else if (v.IsSyntax()) {
    out->append("#<syntax>");
  } else if (v == kFalse) {
    out->append("#f");
  } else if (v == kTrue) {
    out->append("#t");
  } else if (v == kNull) {
    out->append("()");
  } else if (v == kUnspecified) {
    out->append("#<unspecified>");
  } else if (v == kEof) {
    out->append("#<eof>");
  } else if (v == kUndefined) {
    out->append("#<undefined>");
  } else if (v == kDefault) {
    out->append("#<default>");
  } else {
    out->append("#<internal>");
  }
}

}  // namespace

void PrintAtom(Vm& vm, Value v, bool write, size_t max_bytes, std::string* out) {
  Heap& heap = vm.heap();
  if (v.IsFixnum() || v.IsImmediate()) return PrintImmediate(vm, v, write, out);
  if (v.IsFlonum()) {
    out->append(NumberToString(heap, v, 10));
    return;
  }
  switch (heap.type(v)) {
    case ObjectType::kString:
      if (write) return PrintQuoted(heap, v, '"', max_bytes, out);
      return Append(ToUtf8(heap, v), out);
    case ObjectType::kSymbol:
      return PrintSymbol(heap, v, write, max_bytes, out);
    case ObjectType::kBytevector:
      return PrintBytevector(heap.Get<Bytevector>(v), max_bytes, out);
    case ObjectType::kBignum:
    case ObjectType::kRatnum:
    case ObjectType::kCompnum:
    case ObjectType::kExactCompnum:
      return Append(NumberToString(heap, v, 10), out);
    case ObjectType::kClosure: {
      const Code* code = heap.TryGet<Code>(heap.Get<Closure>(v)->code);
      return PrintProcedure(heap, code != nullptr ? code->name : kFalse, out);
    }
    case ObjectType::kHostFunction:
      return PrintProcedure(heap, heap.Get<HostFunction>(v)->name, out);
    case ObjectType::kHostObject: {
      const HostObject* object = heap.Get<HostObject>(v);
      out->append("#<");
      if (heap.Is<Symbol>(object->name)) PrintSymbol(heap, object->name, false, max_bytes, out);
      out->append(object->number.fixnum() < 0 ? ", gone>" : ">");
      return;
    }
    case ObjectType::kContinuation:
      out->append("#<continuation>");
      return;
    case ObjectType::kParameter:
      out->append("#<parameter>");
      return;
    case ObjectType::kHashTable:
      absl::StrAppend(out, "#<hash-table ", HashTableCount(heap, v), ">");
      return;
    case ObjectType::kPort:
      return PrintPort(heap, heap.Get<Port>(v), out);
    case ObjectType::kMacro:
      out->append("#<macro>");
      return;
    case ObjectType::kIdentifier: {
      Value name = v;
      while (const Identifier* identifier = heap.TryGet<Identifier>(name)) name = identifier->name;
      out->append("#<identifier ");
      PrintSymbol(heap, name, false, max_bytes, out);
      out->push_back('>');
      return;
    }
    case ObjectType::kRecordType: {
      const Value name = heap.Get<RecordType>(v)->name;
      out->append("#<record-type ");
      if (heap.Is<Symbol>(name)) PrintSymbol(heap, name, false, max_bytes, out);
      out->push_back('>');
      return;
    }
    default:
      absl::StrAppend(out, "#<", ObjectTypeName(heap.type(v)), ">");
  }
}

void PrintWithBars(Vm& vm, Value symbol, size_t max_bytes, std::string* out) {
  PrintQuoted(vm.heap(), vm.heap().Get<Symbol>(symbol)->name, '|', max_bytes, out);
}

}  // namespace islet::vm
