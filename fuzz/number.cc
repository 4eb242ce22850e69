// Numbers as text (R7RS 6.2.7): what parses prints, and what is printed parses as the same number,
// in every radix; prefixes mean what the radix argument and `exact` and `inexact` mean.
//
// The first byte chooses a radix, the rest is the text.

#include <cctype>
#include <optional>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "fuzz/target.h"
#include "isolate/numbers/numbers.h"

namespace islet::fuzz {
namespace {

using vm::Heap;
using vm::Value;

constexpr int kRadixes[] = {10, 2, 3, 8, 16, 17, 18, 19, 35, 36};

// In radixes in which i is a digit, it is the imaginary unit only in texts that cannot be read as a real number: +i is
// 18.
bool ReadsBack(Heap& heap, Value v, int radix) { return radix <= 18 || vm::IsReal(heap, v); }

void CheckRadix(Heap& heap, Value v, int radix) {
  if (!ReadsBack(heap, v, radix)) return;
  const std::string text = vm::NumberToString(heap, v, radix);
  if (text.size() > vm::NumberTextBytes(heap, v, radix)) Fail("longer than NumberTextBytes says", text);
  const std::optional<Value> again = vm::ParseNumber(heap, text, radix);
  if (!again || !vm::NumberEqv(heap, v, *again)) Fail(absl::StrCat("does not read back in radix ", radix), text);
}

void CheckPrefixes(Heap& heap, absl::string_view text, std::optional<Value> v) {
  if (absl::StrContains(text, '#')) return;
  for (const auto& [prefix, radix] :
       {std::pair("#b", 2), std::pair("#o", 8), std::pair("#d", 10), std::pair("#x", 16)}) {
    const std::optional<Value> with = vm::ParseNumber(heap, absl::StrCat(prefix, text), 10);
    const std::optional<Value> without = vm::ParseNumber(heap, text, radix);
    if (with.has_value() != without.has_value() || (with && !vm::NumberEqv(heap, *with, *without))) {
      Fail(absl::StrCat(prefix, " is not radix ", radix), text);
    }
  }
  if (!v || !vm::IsReal(heap, *v)) return;
  // The sign of zero is left out, since only flonums have it: #i-0 is -0.0.
  const std::optional<Value> exact = vm::ParseNumber(heap, absl::StrCat("#e", text), 10);
  if (exact && !vm::IsExact(heap, *exact)) Fail("#e is inexact", text);
  // Rounding once: the exact number that a decimal says, made inexact, is the flonum that it says
  // without prefix.
  if (exact && !vm::IsZero(heap, *exact) && !vm::NumberEqv(heap, vm::Inexact(heap, *exact), vm::Inexact(heap, *v))) {
    Fail("#e and none are not the same number", text);
  }
  const std::optional<Value> inexact = vm::ParseNumber(heap, absl::StrCat("#i", text), 10);
  if (!inexact || vm::IsExact(heap, *inexact)) Fail("#i is not inexact", text);
  // #i1+0i is 1.0+0.0i, which is not real.
  if (!vm::IsReal(heap, *inexact) || vm::IsZero(heap, *v)) return;
  if (!vm::NumberEqv(heap, *inexact, vm::Inexact(heap, *v))) Fail("#i is another number", text);
}

}  // namespace
}  // namespace islet::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace islet::fuzz;  // NOLINT: as if it were inside
  if (size == 0) return 0;
  const int radix = kRadixes[data[0] % std::size(kRadixes)];
  const absl::string_view text(reinterpret_cast<const char*>(data + 1), size - 1);
  const auto isolate = NewEmptyIsolate();
  Heap& heap = isolate->heap();
  if (!heap.Reserve(size_t{8} << 20)) Fail("no room");  // so that nothing moves
  const std::optional<Value> v = islet::vm::ParseNumber(heap, text, radix);
  std::string other_case(text);
  for (char& c : other_case) c = std::islower(c) ? std::toupper(c) : std::tolower(c);
  const std::optional<Value> same = islet::vm::ParseNumber(heap, other_case, radix);
  if (v.has_value() != same.has_value() || (v && !islet::vm::NumberEqv(heap, *v, *same))) Fail("case matters", text);
  if (radix == 10) CheckPrefixes(heap, text, v);
  if (!v || islet::vm::NumberBytes(heap, *v) > 4096) return 0;  // 30 readings of 10,000 digits would be slow
  for (const int r : kRadixes) CheckRadix(heap, *v, r);
  return 0;
}
