// The reader and the printer (R7RS 2, 6.13.2, 7.1): any text gives data or an error with its place;
// data that were read print as text that reads back the same; text that arrives in pieces reads
// like text that is there at once.

#include "isolate/reader/reader.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "fuzz/target.h"
#include "isolate/printer/printer.h"

namespace islet::fuzz {
namespace {

using vm::Reader;
using vm::Vm;

// Reading gives data, each as `write` has it, then an error if there is one.
struct Outcome {
  std::vector<std::string> data;
  std::string error;
  bool incomplete = false;
};

// A text of which one more byte is seen each time that it is asked for.
struct Pieces {
  absl::string_view whole;
  size_t seen = 0;

  static bool More(void* context, absl::string_view* text) {
    Pieces& self = *static_cast<Pieces*>(context);
    if (self.seen == self.whole.size()) return false;
    *text = self.whole.substr(0, ++self.seen);
    return true;
  }
};

Outcome Read(absl::string_view text, bool in_pieces) {
  const auto isolate = NewEmptyIsolate();
  Vm& vm = *isolate;
  vm::SyntaxArena arena(&vm.heap());
  vm::ReaderOptions options;
  options.max_arena_bytes = size_t{64} << 20;
  Pieces pieces{text};
  if (in_pieces) {
    options.refill = Pieces::More;
    options.refill_context = &pieces;
  }
  Reader reader(vm, arena, in_pieces ? absl::string_view() : text, "input", options);
  Outcome outcome;
  vm::Syntax* syntax = nullptr;
  Reader::Result result;
  size_t before = 0;
  while ((result = reader.ReadNext(&syntax)) == Reader::Result::kDatum) {
    if (reader.offset() <= before || reader.offset() > text.size()) Fail("the reader is at a strange place", text);
    before = reader.offset();
    const vm::Value datum = vm::SyntaxToDatum(vm, syntax, true);
    if (datum == vm::kUndefined) {
      outcome.data.push_back("too large");
      continue;
    }
    for (const auto mode : {vm::PrintMode::kDisplay, vm::PrintMode::kWriteSimple}) vm::Print(vm, datum, mode, 100000);
    vm::SyntaxArena copy(&vm.heap());
    if (vm::DatumToSyntax(copy, vm.heap(), datum, vm::SourcePosition(), 20000) == nullptr) {
      Fail("read, but too deep to be syntax", text);
    }
    outcome.data.push_back(vm::Print(vm, datum, vm::PrintMode::kWriteShared));
  }
  if (result != Reader::Result::kError) return outcome;
  if (reader.error().position.line == 0 || reader.error().message.empty()) Fail("an error without its place", text);
  outcome.error = reader.error().ToString();
  outcome.incomplete = reader.error().incomplete;
  return outcome;
}

}  // namespace
}  // namespace islet::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace islet::fuzz;  // NOLINT: as if it were inside
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  const Outcome whole = Read(text, false);
  const Outcome pieces = Read(text, true);
  if (whole.data != pieces.data || whole.error != pieces.error || whole.incomplete != pieces.incomplete) {
    Fail("pieces read otherwise", absl::StrCat(text, "\n", whole.error, "\n", pieces.error));
  }
  for (const std::string& written : whole.data) {
    if (written == "too large") continue;
    const Outcome again = Read(written, false);
    if (again.data.size() != 1 || again.data[0] != written) {
      Fail("written data read otherwise",
           absl::StrCat(written, "\n", again.data.empty() ? again.error : again.data[0]));
    }
  }
  return 0;
}
