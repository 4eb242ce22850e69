// Strings: sequences of Unicode scalar values, stored in one of three ways (the flags in
// heap/objects.h):
//
//   narrow    one byte per character, U+0000 to U+00FF (Latin-1); what ASCII text takes
//   wide      four bytes per character
//   indirect  a narrow string into which a wider character was stored later: its first payload
//             word refers to a Bytevector of four-byte characters. Strings cannot grow in place,
//             and their identity must survive `string-set!`.
//
// Nothing visible depends on the representation: equality, order and hash go by the characters.
//
// All of this polls on long strings (heap/poll.h).

#ifndef ISLET_ISOLATE_DATA_STRING_H_
#define ISLET_ISOLATE_DATA_STRING_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"
#include "isolate/heap/heap.h"
#include "isolate/heap/pages.h"

namespace islet::vm {

// Lengths are fixnums.
inline constexpr uint32_t kMaxStringLength = Value::kFixnumMax;

// ---- UTF-8
inline constexpr uint32_t kInvalidChar = 0xffffffff;
inline constexpr uint32_t kReplacementChar = 0xfffd;
inline constexpr bool IsScalarValue(int64_t c) { return (c >= 0 && c < 0xd800) || (c > 0xdfff && c <= 0x10ffff); }
// Decodes the character at `*p` < `end` and moves `*p` behind it. Overlong forms, surrogates and
// truncated sequences are invalid: kInvalidChar, and `*p` moves by one byte.
uint32_t DecodeUtf8(const char** p, const char* end);
void AppendUtf8(std::string* out, uint32_t c);
bool IsValidUtf8(absl::string_view text);

// Characters outside of the heap.
using Chars = std::vector<uint32_t>;

// ---- Reading
// The characters of a string, whatever its representation. Valid until the next safepoint or write
// to the string.
struct StringChars {
  const uint8_t* narrow;  // null if wide
  const uint32_t* wide;   // null if narrow
  uint32_t length;

  uint32_t operator[](size_t i) const { return narrow != nullptr ? narrow[i] : wide[i]; }
};
StringChars CharsOf(const Heap& heap, Value string);
// Does the same through Heap::Peek: a string of the snapshot is read without a page fault of the isolate's own, if it
// is short.
StringChars PeekChars(const Heap& heap, Value string);
bool CharsEqual(const StringChars& x, const StringChars& y);
// True if the characters are those of `utf8`.
bool CharsEqualUtf8(const StringChars& chars, absl::string_view utf8);

inline uint32_t StringLength(const Heap& heap, Value string) { return heap.Get<String>(string)->length; }
// `index` must be below the length.
uint32_t CharAt(const Heap& heap, Value string, uint32_t index);
std::string ToUtf8(const Heap& heap, Value string);
// The same for the characters from `start` to `end`.
std::string ToUtf8(const Heap& heap, Value string, uint32_t start, uint32_t end);
// The bytes that these take. Polls; false if the run is being ended.
[[nodiscard]] bool Utf8Size(const Heap& heap, Value string, uint32_t start, uint32_t end, uint64_t* size);
// Writes them to `to`, which has room. Polls.
void CopyAsUtf8(const Heap& heap, Value string, uint32_t start, uint32_t end, uint8_t* to);

bool StringEqual(const Heap& heap, Value a, Value b);
// Negative, zero or positive; by scalar value.
int StringCompare(const Heap& heap, Value a, Value b);
// The hash of the characters, below 2^30.
uint32_t StringHash(const Heap& heap, Value string);
// XXH3 of the UTF-8 of the characters: what symbols go by.
uint64_t Utf8HashOfString(const Heap& heap, Value string);
// Hashes characters that come one after the other alike: `each(note)` calls note(c) for each, and is called twice.
uint32_t StringHashOfChars(absl::FunctionRef<void(absl::FunctionRef<void(uint32_t)>)> each);
inline bool StringEqualsUtf8(const Heap& heap, Value string, absl::string_view utf8) {
  return CharsEqualUtf8(CharsOf(heap, string), utf8);
}

// ---- Making. These allocate StringBytes(length, wide): Reserve first where that may pass
// Heap::kSlack.
inline constexpr uint64_t StringBytes(uint64_t length, bool wide) {
  return RoundUp(sizeof(String) + length * (wide ? sizeof(uint32_t) : 1), kObjectAlignment);
}
// Invalid UTF-8 becomes U+FFFD, byte by byte.
Value MakeString(Heap& heap, absl::string_view utf8, uint32_t flags = 0);
// The size of a string made of UTF-8. It is counted first, since a long text is not to be moved while it is made.
struct TextSize {
  uint64_t length = 0;   // characters
  uint32_t largest = 0;  // of those that are not ASCII

  // With the characters of `utf8`, which does not end in the midst of one. Polls; if the run is
  // being ended, with some of them.
  void Add(absl::string_view utf8);
  bool wide() const { return largest > 0xff; }
  uint64_t bytes() const { return StringBytes(length, wide()); }
};
// Stores what TextSize has counted into a string made by MakeStringOfLength, from `index` on, as
// far as it fits; returns the index behind. Polls.
uint32_t StoreUtf8(Heap& heap, Value string, uint32_t index, absl::string_view utf8);
// The characters are zero.
Value MakeStringOfLength(Heap& heap, uint32_t length, bool wide, uint32_t flags = 0);
// Narrow if the characters allow.
Value MakeStringFromChars(Heap& heap, const uint32_t* chars, size_t count, uint32_t flags = 0);
// A fresh copy of the characters from `start` to `end`, narrow if they allow.
Value CopyString(Heap& heap, Value string, uint32_t start, uint32_t end, uint32_t flags = 0);

// ---- Writing
inline bool IsImmutable(const Heap& heap, Value object) {
  return (HeaderFlags(heap.header(object)) & kImmutableFlag) != 0 || heap.InReadOnly(heap.Get<uint32_t>(object));
}
// The bytes that SetCharAt and the like will allocate if some character to be stored is as large as `c`.
uint64_t WideningBytes(const Heap& heap, Value string, uint32_t c);
// Makes sure that `c` can be stored: after this a narrow string may have become an indirect one. (If the run is being
// ended, it may still be narrow.)
void EnsureHolds(Heap& heap, Value string, uint32_t c);
// `string` must be mutable, `index` below its length. Allocates WideningBytes.
void SetCharAt(Heap& heap, Value string, uint32_t index, uint32_t c);
// Copies characters `start` to `end` of `from` into `to` from `at` on; they must fit. May overlap.
// Allocates WideningBytes of the largest character copied.
void CopyChars(Heap& heap, Value to, uint32_t at, Value from, uint32_t start, uint32_t end);
// The largest character from `start` to `end`; 0 if there is none.
uint32_t LargestChar(const Heap& heap, Value string, uint32_t start, uint32_t end);

}  // namespace islet::vm

#endif  // ISLET_ISOLATE_DATA_STRING_H_
