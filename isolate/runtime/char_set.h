// Sets of characters (SRFI 14) as inversion lists: an even number of ascending code points, the
// first in the set, the second the first that is not, and so on. In the heap such a list is a
// Bytevector of 32-bit words; Lisp (isolate/lib/islet/char-set.sld) keeps it in a record.
//
// A Bytevector from Lisp may hold anything. Nothing here relies on its words ascending, except for
// the answer to be right.

#ifndef ISLET_ISOLATE_RUNTIME_CHAR_SET_H_
#define ISLET_ISOLATE_RUNTIME_CHAR_SET_H_

#include <cstdint>
#include <vector>

#include "absl/types/span.h"

namespace islet::vm {

using CharRanges = std::vector<uint32_t>;
using CharRangesView = absl::Span<const uint32_t>;

bool Contains(CharRangesView set, uint32_t c);
// The least member that is not below `c`, or kInvalidChar.
uint32_t NextMember(CharRangesView set, uint32_t c);
uint32_t CountMembers(CharRangesView set);

enum class SetOperation { kUnion, kIntersection, kDifference, kXor };
CharRanges Combine(SetOperation operation, CharRangesView a, CharRangesView b);

// The members, in any order, repeated or not.
CharRanges RangesOf(std::vector<uint32_t> members);
// With every character that differs from a member only by simple case folding.
CharRanges WithCaseVariants(CharRangesView set);

// The sets that SRFI 14 and SRFI 115 name.
enum class StandardCharSet : int {
  kLowerCase,
  kUpperCase,
  kTitleCase,
  kLetter,      // general category L*
  kAlphabetic,  // as char-alphabetic?
  kDigit,
  kLetterOrDigit,
  kPunctuation,
  kSymbol,
  kGraphic,
  kWhitespace,
  kPrinting,
  kIsoControl,
  kOther,  // general category C*, without surrogates
  kHexDigit,
  kBlank,
  kAscii,
  kEmpty,
  kFull,
  kCount
};
// Made when first asked for, once in a process. Any thread.
CharRangesView RangesOf(StandardCharSet set);

}  // namespace islet::vm

#endif  // ISLET_ISOLATE_RUNTIME_CHAR_SET_H_
