#include "isolate/interpreter/source_map.h"

#include <cstring>

namespace islet::vm {

namespace {

void AppendVarint(std::string* out, uint32_t n) {
  for (; n >= 0x80; n >>= 7) out->push_back(static_cast<char>(n | 0x80));
  out->push_back(static_cast<char>(n));
}

// Differences wrap around, so that any two line numbers have one.
uint32_t ZigZag(uint32_t difference) {
  return difference << 1 ^ static_cast<uint32_t>(static_cast<int32_t>(difference) >> 31);
}
uint32_t UnZigZag(uint32_t n) { return n >> 1 ^ (~(n & 1) + 1); }

// False at the end, and where a corrupt map breaks off.
bool ReadVarint(const uint8_t** p, const uint8_t* end, uint32_t* n) {
  *n = 0;
  for (int shift = 0; *p < end && shift < 35; shift += 7) {
    const uint8_t byte = *(*p)++;
    *n |= static_cast<uint32_t>(byte & 0x7f) << shift;
    if (byte < 0x80) return true;
  }
  return false;
}

}  // namespace

void SourceMapBuilder::Add(uint32_t word_index, uint32_t line, uint32_t column, const OperandNote* note) {
  if (pending_ && word_ != word_index) Flush();
  pending_ = true;
  word_ = word_index;
  line_ = line;
  column_ = column;
  has_note_ = note != nullptr;
  if (has_note_) note_ = *note;
}

void SourceMapBuilder::Flush() {
  pending_ = false;
  if (line_ == last_line_ && column_ == last_column_ && !has_note_) return;
  AppendVarint(&bytes_, (word_ - last_word_) << 1 | (has_note_ ? 1 : 0));
  AppendVarint(&bytes_, ZigZag(line_ - last_line_));
  AppendVarint(&bytes_, ZigZag(column_ - last_column_));
  if (has_note_) {
    for (const uint32_t n : {note_.primitive, note_.first, note_.second}) AppendVarint(&bytes_, n);
  }
  last_word_ = word_;
  last_line_ = line_;
  last_column_ = column_;
}

Value SourceMapBuilder::Finish(Heap& heap) {
  if (pending_) Flush();
  if (bytes_.empty()) return kFalse;
  const Value map = heap.MakeBytevector(static_cast<uint32_t>(bytes_.size()), kImmutableFlag);
  memcpy(heap.Get<Bytevector>(map)->bytes, bytes_.data(), bytes_.size());
  return map;
}

namespace {

struct Entry {
  uint32_t word = 0, line = 0, column = 0;
  bool has_note = false;
  OperandNote note = {};
};

// The last entry whose word is not past `word_index`; one of line 0 if there is none.
Entry Find(const Heap& heap, const Code* code, uint32_t word_index) {
  Entry found, next;
  const Bytevector* map = heap.TryGet<Bytevector>(code->positions);
  if (map == nullptr) return found;
  const uint8_t* p = map->bytes;
  const uint8_t* end = p + map->length;
  uint32_t word_step, line_step, column_step;
  while (ReadVarint(&p, end, &word_step) && ReadVarint(&p, end, &line_step) && ReadVarint(&p, end, &column_step)) {
    next.word += word_step >> 1;
    if (next.word > word_index) break;
    next.line += UnZigZag(line_step);
    next.column += UnZigZag(column_step);
    next.has_note = (word_step & 1) != 0;
    if (next.has_note && !(ReadVarint(&p, end, &next.note.primitive) && ReadVarint(&p, end, &next.note.first) &&
                           ReadVarint(&p, end, &next.note.second))) {
      break;
    }
    found = next;
  }
  return found;
}

}  // namespace

bool LookupPosition(const Heap& heap, const Code* code, uint32_t word_index, uint32_t* line, uint32_t* column) {
  const Entry entry = Find(heap, code, word_index);
  if (entry.line == 0) return false;
  *line = entry.line;
  *column = entry.column;
  return true;
}

bool LookupNote(const Heap& heap, const Code* code, uint32_t word_index, OperandNote* note) {
  const Entry entry = Find(heap, code, word_index);
  if (!entry.has_note || entry.word != word_index) return false;
  *note = entry.note;
  return true;
}

}  // namespace islet::vm
