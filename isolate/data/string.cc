#include "isolate/data/string.h"

#include <algorithm>
#include <cstring>
#include <iterator>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "isolate/data/equality.h"
#include "isolate/heap/pages.h"
#include "isolate/heap/poll.h"

namespace islet::vm {
namespace {

// Length of the ASCII text at the start of [p, end).
size_t AsciiPrefix(const char* p, const char* end) {
  const char* start = p;
  while (end - p >= 8) {
    uint64_t word;
    std::memcpy(&word, p, 8);
    if ((word & 0x8080808080808080u) != 0) break;
    p += 8;
  }
  while (p < end && static_cast<uint8_t>(*p) < 0x80) ++p;
  return static_cast<size_t>(p - start);
}

// Writes the character, and returns how many bytes it takes.
size_t EncodeUtf8(uint32_t c, char* to) {
  if (c < 0x80) {
    to[0] = static_cast<char>(c);
    return 1;
  }
  if (c < 0x800) {
    to[0] = static_cast<char>(0xc0 | c >> 6);
    to[1] = static_cast<char>(0x80 | (c & 0x3f));
    return 2;
  }
  if (c < 0x10000) {
    to[0] = static_cast<char>(0xe0 | c >> 12);
    to[1] = static_cast<char>(0x80 | (c >> 6 & 0x3f));
    to[2] = static_cast<char>(0x80 | (c & 0x3f));
    return 3;
  }
  to[0] = static_cast<char>(0xf0 | c >> 18);
  to[1] = static_cast<char>(0x80 | (c >> 12 & 0x3f));
  to[2] = static_cast<char>(0x80 | (c >> 6 & 0x3f));
  to[3] = static_cast<char>(0x80 | (c & 0x3f));
  return 4;
}

// Calls `append(p, n)` for what characters `start` to `end` are in UTF-8. Polls.
template <typename Append>
void Encode(const StringChars& chars, uint32_t start, uint32_t end, Append&& append) {
  char buffer[4];
  if (chars.narrow != nullptr) {
    const char* bytes = reinterpret_cast<const char*>(chars.narrow);
    (void)InParts(start, end, 4, [&](uint64_t i, uint64_t part_end) {
      while (i < part_end) {
        const size_t ascii = AsciiPrefix(bytes + i, bytes + part_end);
        append(bytes + i, ascii);
        i += ascii;
        if (i < part_end) append(buffer, EncodeUtf8(chars.narrow[i++], buffer));
      }
    });
  } else {
    (void)InParts(start, end, 1, [&](uint64_t i, uint64_t part_end) {
      for (; i < part_end; ++i) append(buffer, EncodeUtf8(chars.wide[i], buffer));
    });
  }
}

// Calls `ascii(p, n)` for parts of the text, and `other(c)` for the characters in between, U+FFFD
// for each byte that is invalid. Polls.
template <typename Ascii, typename Other>
void Decode(absl::string_view utf8, Ascii&& ascii, Other&& other) {
  const char* p = utf8.data();
  const char* const end = p + utf8.size();
  StepCounter steps;
  while (p < end) {
    const char* const part = p + std::min<ptrdiff_t>(end - p, kPollSteps * kBytesPerStep);
    const size_t n = AsciiPrefix(p, part);
    ascii(p, n);
    p += n;
    if (!steps.Add(n / kBytesPerStep + 1)) return;
    if (p == part) continue;
    const uint32_t c = DecodeUtf8(&p, end);
    other(c == kInvalidChar ? kReplacementChar : c);
  }
}

// An indirect string: header, length, reference, padding.
constexpr size_t kIndirectStringBytes = 16;

// A string object whose payload is uninitialised but for the padding, which must be zero: snapshots
// hold it.
String* NewString(Heap& heap, uint32_t length, bool wide, uint32_t flags) {
  if (wide) flags |= kWideStringFlag;
  const size_t bytes = StringBytes(length, wide);
  if (bytes >= Heap::kLargeObject) {
    String* s = static_cast<String*>(heap.NewObject(ObjectType::kString, bytes, flags, 0));
    s->length = length;
    return s;
  }
  uint8_t* p = static_cast<uint8_t*>(heap.AllocateBytes(bytes));
  std::memset(p + bytes - 8, 0, 8);
  String* s = reinterpret_cast<String*>(p);
  s->header = MakeHeader(ObjectType::kString, flags);
  s->length = length;
  return s;
}

uint32_t* WideChars(String* s) { return reinterpret_cast<uint32_t*>(s->bytes); }

// The four-byte characters of an indirect string.
Bytevector* Target(const Heap& heap, const String* s) {
  return heap.Get<Bytevector>(*reinterpret_cast<const Value*>(s->bytes));
}

uint32_t FoldHash(XXH64_hash_t hash) { return static_cast<uint32_t>(hash ^ hash >> 32) & kHashMask; }

bool AllNarrow(const uint32_t* chars, size_t count) {
  uint32_t all = 0;
  if (!InParts(0, count, 4, [&](uint64_t begin, uint64_t end) {
        for (uint64_t i = begin; i < end; ++i) all |= chars[i];
      })) {
    return false;  // whatever they are, they fit
  }
  return all <= 0xff;
}

// XXH3_64bits of large texts.
XXH64_hash_t HashInParts(const void* p, size_t bytes) {
  XXH3_state_t state;
  XXH3_64bits_reset(&state);
  (void)InParts(0, bytes, kBytesPerStep, [&](uint64_t begin, uint64_t end) {
    XXH3_64bits_update(&state, static_cast<const uint8_t*>(p) + begin, end - begin);
  });
  return XXH3_64bits_digest(&state);
}

XXH64_hash_t HashBytes(const void* p, size_t bytes) {
  return bytes <= kPollSteps * kBytesPerStep ? XXH3_64bits(p, bytes) : HashInParts(p, bytes);
}

void Narrow(const uint32_t* chars, size_t count, uint8_t* out) {
  (void)InParts(0, count, 4, [&](uint64_t i, uint64_t end) {
    for (; i < end; ++i) out[i] = static_cast<uint8_t>(chars[i]);
  });
}

bool Widen(const uint8_t* chars, size_t count, uint32_t* out) {
  return InParts(0, count, 4, [&](uint64_t i, uint64_t end) { std::copy(chars + i, chars + end, out + i); });
}

// XXH3 of bytes that come in pieces. It takes many small ones slowly, so they are collected; and what fits into the
// buffer as a whole, as most names do, needs no state.
template <typename Char, size_t kSize>
class HashBuffer {
 public:
  void Add(const Char* p, size_t n) {
    if (n > kSize - used_) Flush();
    if (n > kSize) {
      XXH3_64bits_update(&state_, p, n * sizeof(Char));
    } else {
      std::memcpy(buffer_ + used_, p, n * sizeof(Char));
      used_ += n;
    }
  }
  // Room for `n` more, at most kSize, which the caller fills.
  Char* Room(size_t n) {
    if (n > kSize - used_) Flush();
    Char* const room = buffer_ + used_;
    used_ += n;
    return room;
  }
  uint64_t Digest() {
    if (!begun_) return XXH3_64bits(buffer_, used_ * sizeof(Char));
    XXH3_64bits_update(&state_, buffer_, used_ * sizeof(Char));
    return XXH3_64bits_digest(&state_);
  }

 private:
  void Flush() {
    if (!begun_) XXH3_64bits_reset(&state_);
    begun_ = true;
    XXH3_64bits_update(&state_, buffer_, used_ * sizeof(Char));
    used_ = 0;
  }

  Char buffer_[kSize];
  size_t used_ = 0;
  bool begun_ = false;
  XXH3_state_t state_;
};

// Characters of a wide string that are hashed at a time as one byte each: small enough for the stack, and for XXH3 to
// take a piece in one go.
constexpr size_t kNarrowedPiece = 256;

// Goes by one byte per character while all fit, so that a text's hash does not depend on how it is stored.
uint32_t HashWide(const uint32_t* chars, size_t count) {
  if (!AllNarrow(chars, count)) return FoldHash(HashBytes(chars, count * 4));
  HashBuffer<uint8_t, kNarrowedPiece> hash;
  StepCounter steps;
  for (size_t i = 0; i < count && (count <= kNarrowedPiece || steps.Add(kNarrowedPiece / 4)); i += kNarrowedPiece) {
    const size_t n = std::min(kNarrowedPiece, count - i);
    std::copy(chars + i, chars + i + n, hash.Room(n));
  }
  return FoldHash(hash.Digest());
}

}  // namespace

uint32_t DecodeUtf8(const char** p, const char* end) {
  const uint8_t* s = reinterpret_cast<const uint8_t*>(*p);
  const ptrdiff_t left = end - *p;
  const uint32_t lead = s[0];
  auto continuation = [&](int i) { return (s[i] & 0xc0) == 0x80; };
  if (lead < 0x80) {
    *p += 1;
    return lead;
  }
  if (lead >= 0xc2 && lead < 0xe0 && left >= 2 && continuation(1)) {
    *p += 2;
    return (lead & 0x1f) << 6 | (s[1] & 0x3f);
  }
  if (lead >= 0xe0 && lead < 0xf0 && left >= 3 && continuation(1) && continuation(2)) {
    const uint32_t c = (lead & 0x0f) << 12 | (s[1] & 0x3fu) << 6 | (s[2] & 0x3f);
    if (c >= 0x800 && IsScalarValue(c)) {
      *p += 3;
      return c;
    }
  }
  if (lead >= 0xf0 && lead < 0xf5 && left >= 4 && continuation(1) && continuation(2) && continuation(3)) {
    const uint32_t c = (lead & 0x07) << 18 | (s[1] & 0x3fu) << 12 | (s[2] & 0x3fu) << 6 | (s[3] & 0x3f);
    if (c >= 0x10000 && c <= 0x10ffff) {
      *p += 4;
      return c;
    }
  }
  *p += 1;
  return kInvalidChar;
}

void AppendUtf8(std::string* out, uint32_t c) {
  if (c < 0x80) {
    out->push_back(static_cast<char>(c));
    return;
  }
  char buffer[4];
  out->append(buffer, EncodeUtf8(c, buffer));
}

bool IsValidUtf8(absl::string_view text) {
  const char* p = text.data();
  const char* end = p + text.size();
  StepCounter steps;
  while (true) {
    // Large texts in parts, for the sake of polls.
    const char* const part = p + std::min<ptrdiff_t>(end - p, kPollSteps * kBytesPerStep);
    const size_t ascii = AsciiPrefix(p, part);
    p += ascii;
    if (p == end || !steps.Add(ascii / kBytesPerStep + 1)) return true;
    if (p != part && DecodeUtf8(&p, end) == kInvalidChar) return false;
  }
}

StringChars CharsOf(const Heap& heap, Value string) {
  String* s = heap.Get<String>(string);
  const uint32_t flags = HeaderFlags(s->header);
  if ((flags & (kWideStringFlag | kIndirectStringFlag)) == 0) return {s->bytes, nullptr, s->length};
  if ((flags & kWideStringFlag) != 0) return {nullptr, WideChars(s), s->length};
  return {nullptr, reinterpret_cast<const uint32_t*>(Target(heap, s)->bytes), s->length};
}

StringChars PeekChars(const Heap& heap, Value string) {
  const String* s = heap.Peek<String>(string);
  const uint32_t flags = HeaderFlags(s->header);
  const uint64_t bytes = StringBytes(s->length, (flags & kWideStringFlag) != 0);
  if ((flags & kIndirectStringFlag) != 0 || bytes > kPageSize ||
      !heap.IsPristine(string.offset(), static_cast<uint32_t>(bytes))) {
    return CharsOf(heap, string);
  }
  s = reinterpret_cast<const String*>(heap.pristine() + string.offset());
  if ((flags & kWideStringFlag) != 0) return {nullptr, reinterpret_cast<const uint32_t*>(s->bytes), s->length};
  return {s->bytes, nullptr, s->length};
}

uint32_t CharAt(const Heap& heap, Value string, uint32_t index) { return CharsOf(heap, string)[index]; }

namespace {

// Bytes that characters `start` to `end` take in UTF-8: a long text is not to be moved while it is made.
bool Utf8Size(const StringChars& chars, uint32_t start, uint32_t end, uint64_t* size) {
  uint64_t bytes = 0;
  *size = 0;
  const bool whole = InParts(start, end, 4, [&](uint64_t i, uint64_t part_end) {
    if (chars.narrow != nullptr) {
      for (; i < part_end; ++i) bytes += chars.narrow[i] >> 7;
    } else {
      for (; i < part_end; ++i) {
        const uint32_t c = chars.wide[i];
        bytes += (c >= 0x80) + (c >= 0x800) + (c >= 0x10000);
      }
    }
  });
  if (whole) *size = bytes + (end - start);
  return whole;
}

}  // namespace

bool Utf8Size(const Heap& heap, Value string, uint32_t start, uint32_t end, uint64_t* size) {
  return Utf8Size(CharsOf(heap, string), start, end, size);
}

void CopyAsUtf8(const Heap& heap, Value string, uint32_t start, uint32_t end, uint8_t* to) {
  Encode(CharsOf(heap, string), start, end, [&to](const char* p, size_t n) {
    std::memcpy(to, p, n);
    to += n;
  });
}

std::string ToUtf8(const Heap& heap, Value string) { return ToUtf8(heap, string, 0, StringLength(heap, string)); }

std::string ToUtf8(const Heap& heap, Value string, uint32_t start, uint32_t end) {
  const StringChars chars = CharsOf(heap, string);
  std::string out;
  uint64_t size = end - start;
  if (size > kPollSteps && !Utf8Size(chars, start, end, &size)) return out;
  out.reserve(size);
  Encode(chars, start, end, [&out](const char* p, size_t n) { out.append(p, n); });
  return out;
}

bool StringEqual(const Heap& heap, Value a, Value b) {
  return a == b || CharsEqual(CharsOf(heap, a), CharsOf(heap, b));
}

bool CharsEqual(const StringChars& x, const StringChars& y) {
  if (x.length != y.length) return false;
  if (x.narrow != nullptr && y.narrow != nullptr) {
    return CompareBytes(x.narrow, y.narrow, x.length) == 0;
  }
  StepCounter steps;
  for (uint32_t i = 0; i < x.length; ++i) {
    if (x[i] != y[i] || !steps.Add(1)) return false;
  }
  return true;
}

int StringCompare(const Heap& heap, Value a, Value b) {
  const StringChars x = CharsOf(heap, a);
  const StringChars y = CharsOf(heap, b);
  const uint32_t common = std::min(x.length, y.length);
  if (x.narrow != nullptr && y.narrow != nullptr) {
    const int order = CompareBytes(x.narrow, y.narrow, common);
    if (order != 0) return order;
  } else {
    StepCounter steps;
    for (uint32_t i = 0; i < common && steps.Add(1); ++i) {
      if (x[i] != y[i]) return x[i] < y[i] ? -1 : 1;
    }
  }
  return x.length < y.length ? -1 : x.length > y.length;
}

uint64_t Utf8HashOfString(const Heap& heap, Value string) {
  const StringChars chars = CharsOf(heap, string);
  HashBuffer<char, 1024> hash;
  Encode(chars, 0, chars.length, [&hash](const char* p, size_t n) { hash.Add(p, n); });
  return hash.Digest();
}

uint32_t StringHash(const Heap& heap, Value string) {
  const StringChars chars = CharsOf(heap, string);
  if (chars.narrow != nullptr) return FoldHash(HashBytes(chars.narrow, chars.length));
  return HashWide(chars.wide, chars.length);
}

uint32_t StringHashOfChars(absl::FunctionRef<void(absl::FunctionRef<void(uint32_t)>)> each) {
  uint32_t all = 0;
  each([&all](uint32_t c) { all |= c; });
  const auto hash_as = [&each]<typename Char>(Char) {
    HashBuffer<Char, kNarrowedPiece> hash;
    each([&hash](uint32_t c) { *hash.Room(1) = static_cast<Char>(c); });
    return FoldHash(hash.Digest());
  };
  return all <= 0xff ? hash_as(uint8_t{}) : hash_as(uint32_t{});
}

bool CharsEqualUtf8(const StringChars& chars, absl::string_view utf8) {
  const char* p = utf8.data();
  const char* end = p + utf8.size();
  if (utf8.size() < chars.length) return false;
  const size_t ascii = AsciiPrefix(p, end);
  if (chars.narrow != nullptr && ascii == utf8.size()) {
    return chars.length == ascii && (ascii == 0 || std::memcmp(chars.narrow, p, ascii) == 0);
  }
  uint32_t i = 0;
  while (p < end) {
    const uint32_t c = DecodeUtf8(&p, end);
    if (i == chars.length || chars[i++] != (c == kInvalidChar ? kReplacementChar : c)) return false;
  }
  return i == chars.length;
}

Value MakeString(Heap& heap, absl::string_view utf8, uint32_t flags) {
  if (utf8.size() < Heap::kLargeObject && AsciiPrefix(utf8.data(), utf8.data() + utf8.size()) == utf8.size()) {
    String* s = NewString(heap, static_cast<uint32_t>(utf8.size()), false, flags);
    if (!utf8.empty()) std::memcpy(s->bytes, utf8.data(), utf8.size());
    return heap.ValueOf(s);
  }
  TextSize size;
  size.Add(utf8);
  const Value string = MakeStringOfLength(heap, static_cast<uint32_t>(size.length), size.wide(), flags);
  (void)StoreUtf8(heap, string, 0, utf8);
  return string;
}

void TextSize::Add(absl::string_view utf8) {
  Decode(
      utf8, [this](const char*, size_t n) { length += n; },
      [this](uint32_t c) {
        ++length;
        largest = std::max(largest, c);
      });
}

uint32_t StoreUtf8(Heap& heap, Value string, uint32_t index, absl::string_view utf8) {
  String* const s = heap.Get<String>(string);
  if ((HeaderFlags(s->header) & kWideStringFlag) != 0) {
    uint32_t* const to = WideChars(s);
    Decode(
        utf8,
        [&](const char* p, size_t n) {
          n = std::min<size_t>(n, s->length - index);
          for (size_t i = 0; i < n; ++i) to[index++] = static_cast<uint8_t>(p[i]);
        },
        [&](uint32_t c) {
          if (index < s->length) to[index++] = c;
        });
  } else {
    Decode(
        utf8,
        [&](const char* p, size_t n) {
          n = std::min<size_t>(n, s->length - index);
          std::memcpy(s->bytes + index, p, n);
          index += static_cast<uint32_t>(n);
        },
        [&](uint32_t c) {
          if (index < s->length) s->bytes[index++] = static_cast<uint8_t>(c);
        });
  }
  return index;
}

Value MakeStringOfLength(Heap& heap, uint32_t length, bool wide, uint32_t flags) {
  String* s = NewString(heap, length, wide, flags);
  // Large objects are zero already.
  const size_t bytes = static_cast<size_t>(length) * (wide ? 4 : 1);
  if (StringBytes(length, wide) < Heap::kLargeObject) std::memset(s->bytes, 0, bytes);
  return heap.ValueOf(s);
}

Value MakeStringFromChars(Heap& heap, const uint32_t* chars, size_t count, uint32_t flags) {
  const bool wide = !AllNarrow(chars, count);
  String* s = NewString(heap, static_cast<uint32_t>(count), wide, flags);
  if (wide) {
    CopyBytes(WideChars(s), chars, count * 4);
  } else {
    Narrow(chars, count, s->bytes);
  }
  return heap.ValueOf(s);
}

Value CopyString(Heap& heap, Value string, uint32_t start, uint32_t end, uint32_t flags) {
  const StringChars chars = CharsOf(heap, string);
  if (chars.wide != nullptr) {
    return MakeStringFromChars(heap, chars.wide + start, end - start, flags);
  }
  String* s = NewString(heap, end - start, false, flags);
  CopyBytes(s->bytes, chars.narrow + start, end - start);
  return heap.ValueOf(s);
}

uint64_t WideningBytes(const Heap& heap, Value string, uint32_t c) {
  if (c <= 0xff || CharsOf(heap, string).narrow == nullptr) return 0;
  return 16 + uint64_t{StringLength(heap, string)} * 4;
}

void EnsureHolds(Heap& heap, Value string, uint32_t c) {
  if (WideningBytes(heap, string, c) == 0) return;
  String* s = heap.Get<String>(string);
  if (s->length == 0) return;
  const Value wide = heap.MakeBytevector(s->length * 4);
  uint32_t* chars = reinterpret_cast<uint32_t*>(heap.Get<Bytevector>(wide)->bytes);
  // The string refers to the wide characters from here on, so all of them must be there.
  if (!Widen(s->bytes, s->length, chars)) return;
  const size_t bytes = StringBytes(s->length, false);
  heap.NoteRawWrite(s, bytes);
  s->header |= kIndirectStringFlag << 8;
  // The object ends behind the reference now. What is left of the narrow characters becomes filler.
  FillBytes(s->bytes, 0, bytes - 8);
  if (bytes > kIndirectStringBytes) {
    uint32_t* filler = reinterpret_cast<uint32_t*>(s) + kIndirectStringBytes / 4;
    filler[0] = MakeHeader(ObjectType::kFiller);
    filler[1] = static_cast<uint32_t>(bytes - kIndirectStringBytes);
  }
  heap.Write(reinterpret_cast<Value*>(s->bytes), wide);
}

void SetCharAt(Heap& heap, Value string, uint32_t index, uint32_t c) {
  EnsureHolds(heap, string, c);
  const StringChars chars = CharsOf(heap, string);
  if (chars.narrow != nullptr) {
    if (c > 0xff) return;  // the run is being ended
    uint8_t* p = const_cast<uint8_t*>(chars.narrow + index);
    heap.NoteRawWrite(p, 1);
    *p = static_cast<uint8_t>(c);
  } else {
    uint32_t* p = const_cast<uint32_t*>(chars.wide + index);
    heap.NoteRawWrite(p, 4);
    *p = c;
  }
}

void CopyChars(Heap& heap, Value to, uint32_t at, Value from, uint32_t start, uint32_t end) {
  if (start == end) return;
  const size_t count = end - start;
  const uint32_t largest = LargestChar(heap, from, start, end);
  EnsureHolds(heap, to, largest);
  if (WideningBytes(heap, to, largest) != 0) return;  // the run is being ended
  const StringChars source = CharsOf(heap, from);
  const StringChars target = CharsOf(heap, to);
  if (target.narrow != nullptr) {
    uint8_t* p = const_cast<uint8_t*>(target.narrow + at);
    heap.NoteRawWrite(p, count);
    if (source.narrow != nullptr) {
      CopyBytes(p, source.narrow + start, count);
    } else {
      Narrow(source.wide + start, count, p);
    }
    return;
  }
  uint32_t* p = const_cast<uint32_t*>(target.wide + at);
  heap.NoteRawWrite(p, count * 4);
  if (source.wide != nullptr) {
    CopyBytes(p, source.wide + start, count * 4);
  } else {
    (void)Widen(source.narrow + start, count, p);
  }
}

uint32_t LargestChar(const Heap& heap, Value string, uint32_t start, uint32_t end) {
  const StringChars chars = CharsOf(heap, string);
  uint32_t largest = 0;
  (void)InParts(start, end, 4, [&](uint64_t i, uint64_t part_end) {
    for (; i < part_end; ++i) largest = std::max(largest, chars[i]);
  });
  return largest;
}

}  // namespace islet::vm
